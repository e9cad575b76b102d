"""J29 dump of transactions, J30 adjustment of accounts, J31 reversal."""

import tempfile
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import IO, Any
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response, get, post
from litestar.response import Stream

from currant import wire
from currant.api.http import AnyRequest, Query, door_of, json_of, key_of, signed_in
from currant.api.juice.frame import MEDIA_TYPE, done
from currant.clock import format_instant, parse_end
from currant.errors import Invalid
from currant.money import format_money, kwh
from currant.transactions.model import ReverseTransaction, Transaction, Window
from currant.transactions.verbs import reverse, transactions

_DAY = timedelta(hours=24)
_SECOND = timedelta(seconds=1)
_CHUNK = 1024 * 1024


@get("/transactions/dump")
async def dump_transactions(request: AnyRequest) -> Stream:
    """J29: what was recorded in the 24 hours to a second, that second included.

    The answer is written to disk before its first byte is sent: its length is known then, and what
    fails fails as a whole.
    """
    query = Query(request.scope)
    actor = await signed_in(request, query.text("portal"))
    end_date, page = query.text("end_date"), query.page()
    file = tempfile.SpooledTemporaryFile(max_size=_CHUNK)  # noqa: SIM115
    try:
        async with door_of(request).asking(transactions, actor) as tx:
            zone = tx.portal.zone
            last = parse_end(end_date, zone)
            before = last.at + _SECOND
            file.write(b'{"error":0,"data":[')
            comma = b""
            async for transaction in transactions(tx, Window(before - _DAY, before, *page)):
                file.write(comma + wire.encode(_told(transaction, zone)))
                comma = b","
            file.write(b"]}")
    except BaseException:
        file.close()
        raise
    headers = {"Content-Length": str(file.tell())}
    if last.nonstandard:
        headers["X-Juice-Warning"] = "nonstandard-offset"
    return Stream(_sent(file), media_type=MEDIA_TYPE, headers=headers)


async def _sent(file: IO[bytes]) -> AsyncIterator[bytes]:
    """Send a file from its beginning, and close it."""
    with file:
        file.seek(0)
        while chunk := file.read(_CHUNK):
            yield chunk


def _told(transaction: Transaction, zone: ZoneInfo) -> dict[str, Any]:
    """Tell a transaction; monthly charges are drawn from the wallet as usage is."""
    return {
        "vendor_number": transaction.vendor_number,
        "login": transaction.login,
        "customer": {
            "account": transaction.account,
            "contract": transaction.contract,
            "name": transaction.customer_name,
            "serial_number": transaction.serial_number,
        },
        "transaction": {
            "id": transaction.entry_id,
            "type": "wallet" if transaction.kind == "fixed" else transaction.kind,
            "trans_date": format_instant(transaction.recorded_at, zone),
            "arrears_payment": transaction.arrears_amount,
            "amount": transaction.amount,
            "kwh": kwh(transaction.energy_wh),
            "check": {"number": transaction.tender_number, "name": transaction.tender_name},
        },
    }


class NewReversal(msgspec.Struct, frozen=True):
    """The body of J31."""

    portal: str
    id: int
    life_note: str


class Reversal(msgspec.Struct, frozen=True):
    """What was reversed; `id` is the reversal's own."""

    account: str
    amount: str
    id: int
    original_created: str
    type: str


@post("/transactions/reverse", status_code=200)
async def post_reversal(request: AnyRequest) -> Response[bytes]:
    """J31: reverse a transaction."""
    actor = await signed_in(request)
    body = await json_of(request, NewReversal)
    if not body.life_note.strip():
        raise Invalid("life_note is blank; say why it is reversed.", field="life_note")
    command = ReverseTransaction(body.id, body.life_note)
    key = key_of(request)
    undone = await door_of(request).act(reverse, command, actor.at(body.portal), key)
    told = Reversal(
        undone.account,
        format_money(undone.amount, undone.currency),
        undone.transaction_id,
        format_instant(undone.recorded_at, ZoneInfo(undone.timezone)),
        undone.kind,
    )
    warnings = ["wallet-below-zero"] * undone.below_zero
    warnings += ["batch-closed"] * (undone.taken_back is False)
    return done(told, warning=", ".join(warnings) or None)


ROUTES = [dump_transactions, post_reversal]
