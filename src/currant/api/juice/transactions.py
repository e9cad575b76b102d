"""J29 dump of transactions."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from litestar import Response, get

from currant import wire
from currant.api.http import AnyRequest, Query, door_of, signed_in
from currant.api.juice.frame import done_each
from currant.clock import format_instant, parse_end
from currant.money import kwh
from currant.transactions.model import Transaction, Window
from currant.transactions.verbs import transactions

_DAY = timedelta(hours=24)
_SECOND = timedelta(seconds=1)


@get("/transactions/dump")
async def dump_transactions(request: AnyRequest) -> Response[bytes]:
    """J29: what was recorded in the 24 hours to a second, that second included."""
    query = Query(request.scope)
    actor = await signed_in(request, query.text("portal"))
    end_date = query.text("end_date")
    async with door_of(request).asking(transactions, actor) as tx:
        zone = tx.portal.zone
        last = parse_end(end_date, zone)
        before = last.at + _SECOND
        found = transactions(tx, Window(before - _DAY, before))
        told = wire.pieces(_told(transaction, zone) async for transaction in found)
        return await done_each(told, warning="nonstandard-offset" if last.nonstandard else None)


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


ROUTES = [dump_transactions]
