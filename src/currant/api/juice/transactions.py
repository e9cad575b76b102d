"""J29 dump of transactions, J30 adjustment of accounts, J31 reversal."""

from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response, get, post

from currant import wire
from currant.api.http import (
    FILE_SECONDS,
    AnyRequest,
    Query,
    door_of,
    json_of,
    key_of,
    signed_in,
    spooled,
)
from currant.api.juice.frame import done, done_each
from currant.api.juice.openapi import (
    PAGE,
    PORTAL,
    CsvBody,
    Instant,
    Money,
    documented,
    parameter,
)
from currant.clock import format_instant, format_set, parse_end
from currant.customers.adjustments import COLUMNS
from currant.errors import Invalid
from currant.money import format_money, kwh
from currant.transactions.model import (
    AccountsAdjusted,
    AdjustAccounts,
    ReverseTransaction,
    Transaction,
    Window,
)
from currant.transactions.verbs import adjust, reverse, transactions

_DAY = timedelta(hours=24)
_SECOND = timedelta(seconds=1)


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
            *PAGE,
        ),
        warns=True,
        within=FILE_SECONDS,
        calls=(transactions,),
    ),
)
async def dump_transactions(request: AnyRequest) -> Response[bytes]:
    """J29: what was recorded in the 24 hours to a second, that second included."""
    query = Query(request.scope)
    actor = await signed_in(request, query.text("portal"))
    end_date, page = query.text("end_date"), query.page()
    async with door_of(request).asking(transactions, actor) as tx:
        zone = tx.portal.zone
        last = parse_end(end_date, zone)
        before = last.at + _SECOND
        found = transactions(tx, Window(before - _DAY, before, *page))
        told = wire.pieces(_told(transaction, zone) async for transaction in found)
        return await done_each(told, warning="nonstandard-offset" if last.nonstandard else None)


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


class ArrearsIssued(msgspec.Struct, frozen=True):
    """An arrears that was issued; its amount is told as positive."""

    account: str
    arrears_id: int
    arrears_amount: Money
    start_date: Instant
    arrears_type: str


class Adjustment(msgspec.Struct, frozen=True):
    """What became of each record, and the arrears among them; `error` is never anything."""

    processed: list[str]
    arrears_data: list[ArrearsIssued]
    error: None = None


@post(
    "/transactions/adjust",
    status_code=200,
    operation_class=documented(
        "J30",
        Adjustment,
        parameters=(PORTAL,),
        takes=CsvBody(
            {"": COLUMNS},
            "account,startdate,amount,paid,payplan\n03284,,10.25,,\n"
            "03285,2019-04-04T10:14:00-04:00,-100,0,25%\n",
        ),
        names=True,
        warns=True,
        within=FILE_SECONDS,
        calls=(adjust,),
    ),
)
async def post_adjustment(request: AnyRequest) -> Response[bytes]:
    """J30: credit accounts, or issue arrears where the amount is negative, by a CSV file."""
    actor = await signed_in(request, Query(request.scope).text("portal"))
    upload = await spooled(request)
    with closing(upload.file):
        command = AdjustAccounts(upload)
        adjusted = await door_of(request).act(adjust, command, actor, key_of(request))
    warnings = ["csv-header-repaired"] * adjusted.header_repaired
    warnings += ["nonstandard-offset"] * adjusted.nonstandard_offset
    return done(_adjustment(adjusted), warning=", ".join(warnings) or None)


def _adjustment(adjusted: AccountsAdjusted) -> Adjustment:
    """Tell a file of adjustments, record by record; debt is negative in the sentence (Q19)."""
    zone = ZoneInfo(adjusted.timezone)
    processed, arrears = [], []
    for row in adjusted.rows:
        money = format_money(row.amount, adjusted.currency)
        if row.item_id is None:
            processed.append(f"account {row.account} credited {money}")
            continue
        processed.append(f"account {row.account} new arrears for {money}")
        arrears.append(
            ArrearsIssued(
                row.account,
                row.item_id,
                format_money(-row.amount, adjusted.currency),
                format_set(row.start_at, zone),
                adjusted.arrears_type,
            )
        )
    return Adjustment(processed, arrears)


class NewReversal(msgspec.Struct, frozen=True):
    """The body of J31."""

    portal: str
    id: int
    life_note: str


class Reversal(msgspec.Struct, frozen=True):
    """What was reversed; `id` is the reversal's own."""

    account: str
    amount: Money
    id: int
    original_created: Instant
    type: str


@post(
    "/transactions/reverse",
    status_code=200,
    operation_class=documented(
        "J31", Reversal, takes=NewReversal, names=True, warns=True, calls=(reverse,)
    ),
)
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
    warnings += ["batch-closed"] * (undone.given_back is False)
    return done(told, warning=", ".join(warnings) or None)


ROUTES = [dump_transactions, post_adjustment, post_reversal]
