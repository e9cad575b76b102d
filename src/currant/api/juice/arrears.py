"""J12 import of arrears, J18 to J20 lists of arrears, J21 list of arrears types."""

from contextlib import closing
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
    key_of,
    signed_in,
    spooled,
)
from currant.api.juice.frame import done, done_each
from currant.api.juice.openapi import (
    ACCOUNT,
    FOREIGN_KEYS,
    PAGE,
    PORTAL,
    CsvBody,
    Instant,
    Money,
    documented,
    flag,
    parameter,
)
from currant.clock import format_instant, format_set
from currant.customers.adjustments import COLUMNS
from currant.money import format_money
from currant.receivables.model import (
    Arrears,
    ArrearsOfAccount,
    ArrearsOfType,
    ArrearsPayment,
    ArrearsTypesWanted,
    ImportArrears,
    OwedWanted,
    PaidBy,
)
from currant.receivables.verbs import (
    arrears_of_account,
    arrears_of_type,
    arrears_types,
    import_arrears,
    owed_arrears,
)


class AccountAmount(msgspec.Struct, frozen=True):
    """An account and an amount of arrears: positive where it is issued, negative where it is owed.

    Members of J12 and J18.
    """

    account: str
    arrears_amount: Money


class OwedByAccount(msgspec.Struct, frozen=True):
    """The answer of J18: what each account owes in all, of those that owe anything."""

    customers: list[AccountAmount]


class ArrearsFileTaken(msgspec.Struct, frozen=True):
    """The answer of J12: the arrears of a file in its order."""

    records_imported: int
    customers: list[AccountAmount]


class PaymentDetails(msgspec.Struct, frozen=True):
    """A payment or write-off of an arrears (J19, J20); `trans` is its transaction."""

    created: Instant
    trans: int
    type: PaidBy
    amount: Money


class ArrearsDetails(msgspec.Struct, frozen=True):
    """An arrears (J19, J20): what is owed is negative, what was paid positive."""

    account: str
    arrears_id: int
    issued_date: Instant
    start_date: Instant
    arrears_type: str
    pay_plan: str
    arrears_amount: Money
    paid_amount: Money
    outstanding_amount: Money
    payments: list[PaymentDetails] | msgspec.UnsetType = msgspec.UNSET


class ArrearsByAccount(msgspec.Struct, frozen=True):
    """The answer of J19 and J20: the arrears of each account, by its number."""

    customers: dict[str, list[ArrearsDetails]]


class ArrearsTypeDetails(msgspec.Struct, frozen=True):
    """A type of arrears (J21); `portal` is % where every portal has it."""

    portal: str
    arrears_type: str
    description: str
    coa: str
    last_mod: Instant
    selectable: bool


_DETAILS = flag("details", "Whether to list the payments of each.")


@post(
    "/file-importer/balance-adj/arrears",
    status_code=200,
    operation_class=documented(
        "J12",
        ArrearsFileTaken,
        parameters=(
            PORTAL,
            parameter("debit", "The chart account to debit.", default="1100"),
            parameter("credit", "The chart account to credit; it says the type.", default="9100"),
            FOREIGN_KEYS,
        ),
        takes=CsvBody(
            {"": COLUMNS},
            "account,startdate,amount,paid,payplan\n03284,2019-04-04T00:00:00-04:00,100,,25%\n",
        ),
        names=True,
        warns=True,
        within=FILE_SECONDS,
        calls=(import_arrears,),
    ),
)
async def post_arrears(request: AnyRequest) -> Response[bytes]:
    """J12: issue the arrears of a CSV file."""
    query = Query(request.scope)
    actor = await signed_in(request, query.text("portal"))
    debit, credit = query.maybe("debit") or "1100", query.maybe("credit") or "9100"
    foreign_keys = query.flag("foreignkeys")
    upload = await spooled(request)
    with closing(upload.file):
        imported = await door_of(request).act(
            import_arrears,
            ImportArrears(debit, credit, foreign_keys, upload),
            actor,
            key_of(request),
        )
    warnings = ["csv-header-repaired"] * imported.header_repaired
    warnings += ["nonstandard-offset"] * imported.nonstandard_offset
    customers = [
        AccountAmount(row.account, format_money(row.amount, imported.currency))
        for row in imported.arrears
    ]
    return done(ArrearsFileTaken(len(customers), customers), warning=", ".join(warnings) or None)


@get(
    "/customers/arrears/all-owed-arrears",
    operation_class=documented(
        "J18", OwedByAccount, parameters=(PORTAL, *PAGE), within=FILE_SECONDS, calls=(owed_arrears,)
    ),
)
async def get_owed(request: AnyRequest) -> Response[bytes]:
    """J18: what each account owes on all its arrears, of those that owe anything."""
    query = Query(request.scope)
    actor = await signed_in(request, query.text("portal"))
    question = OwedWanted(*query.page())
    async with door_of(request).asking(owed_arrears, actor) as tx:
        currency = tx.portal.currency
        told = (
            AccountAmount(owed.account, format_money(-owed.amount, currency))
            async for owed in owed_arrears(tx, question)
        )
        return await done_each(wire.pieces(told), within="customers")


@get(
    "/customers/arrears/get-arrears/by-type",
    operation_class=documented(
        "J19",
        ArrearsByAccount,
        parameters=(
            PORTAL,
            parameter("arrears_coa", "What the arrears stand for.", required=True, example="9100"),
            _DETAILS,
            *PAGE,
        ),
        names=True,
        within=FILE_SECONDS,
        calls=(arrears_of_type,),
    ),
)
async def get_by_type(request: AnyRequest) -> Response[bytes]:
    """J19: the arrears of one COA by account, settled ones too; a page is one of accounts."""
    query = Query(request.scope)
    actor = await signed_in(request, query.text("portal"))
    question = ArrearsOfType(query.text("arrears_coa"), query.flag("details"), *query.page())
    async with door_of(request).asking(arrears_of_type, actor) as tx:
        zone, currency = tx.portal.zone, tx.portal.currency
        told = (
            (arrears.account, _told(arrears, zone, currency))
            async for arrears in arrears_of_type(tx, question)
        )
        return await done_each(wire.grouped_pieces(told), within="customers")


@get(
    "/customers/arrears/get-arrears/for-customer",
    operation_class=documented(
        "J20",
        ArrearsByAccount,
        parameters=(PORTAL, ACCOUNT, _DETAILS),
        names=True,
        calls=(arrears_of_account,),
    ),
)
async def get_for_customer(request: AnyRequest) -> Response[bytes]:
    """J20: the arrears of one account, settled ones too, the newest first."""
    query = Query(request.scope)
    actor = await signed_in(request, query.text("portal"))
    question = ArrearsOfAccount(query.text("account"), query.flag("details"))
    found = await door_of(request).ask(arrears_of_account, question, actor)
    zone = ZoneInfo(found.timezone)
    told = [_told(arrears, zone, found.currency) for arrears in found.arrears]
    return done(ArrearsByAccount({question.account: told} if told else {}))


@get(
    "/arrears/list-types",
    operation_class=documented(
        "J21", list[ArrearsTypeDetails], parameters=(PORTAL, *PAGE), calls=(arrears_types,)
    ),
)
async def get_arrears_types(request: AnyRequest) -> Response[bytes]:
    """J21: the types of arrears that a portal knows."""
    query = Query(request.scope)
    actor = await signed_in(request, query.text("portal"))
    question = ArrearsTypesWanted(*query.page())
    listed = await door_of(request).ask(arrears_types, question, actor)
    zone = ZoneInfo(listed.timezone)
    return done(
        [
            ArrearsTypeDetails(
                portal=row.portal,
                arrears_type=row.name,
                description=row.description,
                coa=row.coa,
                last_mod=format_instant(row.last_mod, zone),
                selectable=row.selectable,
            )
            for row in listed.types
        ]
    )


def _told(arrears: Arrears, zone: ZoneInfo, currency: str) -> ArrearsDetails:
    """Tell an arrears, with its payments where there are any."""
    return ArrearsDetails(
        account=arrears.account,
        arrears_id=arrears.arrears_id,
        issued_date=format_instant(arrears.issued_at, zone),
        start_date=format_set(arrears.start_at, zone),
        arrears_type=arrears.arrears_type,
        pay_plan=_percent(arrears.pay_plan),
        arrears_amount=format_money(-arrears.amount, currency),
        paid_amount=format_money(arrears.paid_amount, currency),
        outstanding_amount=format_money(-arrears.outstanding_amount, currency),
        payments=[_paid(payment, zone, currency) for payment in arrears.payments] or msgspec.UNSET,
    )


def _paid(payment: ArrearsPayment, zone: ZoneInfo, currency: str) -> PaymentDetails:
    return PaymentDetails(
        created=format_instant(payment.created_at, zone),
        trans=payment.transaction_id,
        type=payment.type,
        amount=format_money(payment.amount, currency),
    )


def _percent(plan: Decimal) -> str:
    """Write a payment plan as `25%` or `12.5%`."""
    return f"{plan.normalize():f}%"


ROUTES = [
    post_arrears,
    get_owed,
    get_by_type,
    get_for_customer,
    get_arrears_types,
]
