"""J29 dump of transactions."""

import tempfile
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import IO
from zoneinfo import ZoneInfo

import msgspec
from litestar import get
from litestar.response import Stream

from currant import wire
from currant.api.http import FILE_SECONDS, AnyRequest, Query, door_of, signed_in
from currant.api.juice.frame import MEDIA_TYPE
from currant.api.juice.openapi import PORTAL, Instant, documented, parameter
from currant.clock import format_instant, parse_end
from currant.money import kwh
from currant.transactions.model import Transaction, Window
from currant.transactions.verbs import transactions

_DAY = timedelta(hours=24)
_SECOND = timedelta(seconds=1)
_CHUNK = 1024 * 1024


class TransactionCustomer(msgspec.Struct, frozen=True):
    """Whose transaction it is; blank where it has no account."""

    account: str
    contract: str
    name: str
    serial_number: str


class Check(msgspec.Struct, frozen=True):
    """The number and name of a check or card; 0 and blank where there is none."""

    number: int
    name: str


class TransactionFacts(msgspec.Struct, frozen=True):
    """What was paid, and for what."""

    id: int
    type: str
    trans_date: Instant
    arrears_payment: Decimal
    amount: Decimal
    kwh: Decimal
    check: Check


class TransactionDetails(msgspec.Struct, frozen=True):
    """A transaction, who made it and for whom."""

    vendor_number: str
    login: str
    customer: TransactionCustomer
    transaction: TransactionFacts


@get(
    "/transactions/dump",
    operation_class=documented(
        "J29",
        list[TransactionDetails],
        parameters=(
            PORTAL,
            parameter(
                "end_date",
                "The last second of the 24 hours; a day alone is its end.",
                required=True,
                example="2019-03-07T23:59:59-04:00",
            ),
        ),
        warns=True,
        within=FILE_SECONDS,
    ),
)
async def dump_transactions(request: AnyRequest) -> Stream:
    """J29: what was recorded in the 24 hours to a second, that second included.

    The answer is written to disk before its first byte is sent: its length is known then, and what
    fails fails as a whole.
    """
    query = Query(request.scope)
    actor = await signed_in(request, query.text("portal"))
    end_date = query.text("end_date")
    file = tempfile.SpooledTemporaryFile(max_size=_CHUNK)  # noqa: SIM115
    try:
        async with door_of(request).asking(transactions, actor) as tx:
            zone = tx.portal.zone
            last = parse_end(end_date, zone)
            before = last.at + _SECOND
            file.write(b'{"error":0,"data":[')
            comma = b""
            async for transaction in transactions(tx, Window(before - _DAY, before)):
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


def _told(transaction: Transaction, zone: ZoneInfo) -> TransactionDetails:
    """Tell a transaction; monthly charges are drawn from the wallet as usage is."""
    return TransactionDetails(
        vendor_number=transaction.vendor_number,
        login=transaction.login,
        customer=TransactionCustomer(
            account=transaction.account,
            contract=transaction.contract,
            name=transaction.customer_name,
            serial_number=transaction.serial_number,
        ),
        transaction=TransactionFacts(
            id=transaction.entry_id,
            type="wallet" if transaction.kind == "fixed" else transaction.kind,
            trans_date=format_instant(transaction.recorded_at, zone),
            arrears_payment=transaction.arrears_amount,
            amount=transaction.amount,
            kwh=kwh(transaction.energy_wh),
            check=Check(transaction.tender_number, transaction.tender_name),
        ),
    )


ROUTES = [dump_transactions]
