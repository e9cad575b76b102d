"""The ledger: entries, trial balances, journals and their export, months, the chart."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from currant import wire
from currant.access.verbs import Nothing, show_portal
from currant.api.http import AnyRequest, door_of, json_of, signed_in, written
from currant.api.openapi import JSON
from currant.api.v1.frame import Cursor, IdempotencyKey, Limit, answer, cursor_of, page
from currant.api.v1.openapi import documented
from currant.clock import parse_month
from currant.customers.model import AccountEntries, AccountNamed
from currant.customers.verbs import account_balances, account_entries
from currant.errors import Invalid
from currant.ledger import verbs
from currant.ledger.exports import MEDIA_TYPES, SUFFIXES, Books, Format, exported
from currant.ledger.model import (
    BalanceRow,
    BalancesOf,
    ChartAccount,
    CloseMonth,
    EntryWithPostings,
    JournalLine,
    Period,
    RenameChartAccount,
    ReopenMonth,
)
from currant.ledger.verbs import trial_balance
from currant.reports.model import JournalSummary, JournalsWanted, JournalTotal, MonthClosed
from currant.reports.verbs import close_books, journal_summary, journal_totals, journals

Months = Annotated[
    str, QueryParameter(name="period", description="The month, written as `YYYY-MM`.")
]
LastMonth = Annotated[
    str | None, QueryParameter(name="to", description="The last month, of several.")
]
OfBuilding = Annotated[
    str | None, QueryParameter(name="building_code", description="Of this building only.")
]
Lines = Annotated[
    int | None, QueryParameter(name="limit", ge=1, description="How many lines; all without it.")
]
Offset = Annotated[int, QueryParameter(ge=0, le=2**53, description="How many are passed over.")]
_FORMATS = ", ".join(Format)
AsFormat = Annotated[
    str,
    QueryParameter(
        name="format",
        description=f"One of {_FORMATS}.",
        schema_extra={"enum": [form.value for form in Format]},
    ),
]


class Journals(msgspec.Struct, frozen=True):
    """The lines of journals, and what all of them sum up to."""

    data: list[JournalLine]
    summary: JournalSummary


class Totals(msgspec.Struct, frozen=True):
    """What journals debit and credit each chart account, and what all of them sum up to."""

    data: list[JournalTotal]
    summary: JournalSummary


class ReasonToReopen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a month is opened again; the audit log keeps it."""

    note: str


class Name(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a chart account is called."""

    name: str


@get(
    "/v1/{portal:str}/accounts/{account:str}/ledger",
    operation_class=documented(EntryWithPostings, paged=True),
)
async def get_entries(
    request: AnyRequest,
    portal: FromPath[str],
    account: FromPath[str],
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response[Any]:
    """List the ledger entries that touch an account, newest first, each with all its lines."""
    actor = await signed_in(request, portal)
    question = AccountEntries(account, cursor_of(cursor), limit)
    rows = await door_of(request).ask(account_entries, question, actor)
    return page(rows, limit, lambda row: row.entry.entry_id)


@get(
    "/v1/{portal:str}/accounts/{account:str}/trial-balance",
    operation_class=documented(BalanceRow, listed=True),
)
async def get_account_balance(
    request: AnyRequest, portal: FromPath[str], account: FromPath[str]
) -> Response[Any]:
    """Sum an account's ledger lines per chart account and commodity."""
    actor = await signed_in(request, portal)
    rows = await door_of(request).ask(account_balances, AccountNamed(account), actor)
    return answer({"data": rows})


@get(
    "/v1/{portal:str}/trial-balance",
    operation_class=documented(BalanceRow, listed=True),
)
async def get_balance(request: AnyRequest, portal: FromPath[str]) -> Response[Any]:
    """Sum the whole portal's ledger lines per chart account and commodity."""
    actor = await signed_in(request, portal)
    rows = await door_of(request).ask(trial_balance, BalancesOf(), actor)
    return answer({"data": rows})


@get("/v1/{portal:str}/ledger/journals", operation_class=documented(Journals))
async def get_journals(
    request: AnyRequest,
    portal: FromPath[str],
    months: Months,
    last: LastMonth = None,
    building: OfBuilding = None,
    lines: Lines = None,
    offset: Offset = 0,
) -> Response[Any]:
    """List the lines of a month's journals in money, and sum all of them."""
    actor = await signed_in(request, portal)
    wanted = _wanted(months, last, building, lines, offset)

    async def body() -> AsyncIterator[bytes]:
        async with door_of(request).asking(journals, actor) as tx:
            summary = await journal_summary(tx, wanted)
            yield b'{"summary":' + wire.encode(summary) + b',"data":'
            async for piece in wire.pieces(journals(tx, wanted)):
                yield piece
            yield b"}"

    return await written(body(), JSON, {})


@get("/v1/{portal:str}/ledger/journals/totals", operation_class=documented(Totals))
async def get_journal_totals(
    request: AnyRequest,
    portal: FromPath[str],
    months: Months,
    last: LastMonth = None,
    building: OfBuilding = None,
) -> Response[Any]:
    """Sum a month's journals per chart account, and all of them."""
    actor, door = await signed_in(request, portal), door_of(request)
    wanted = _wanted(months, last, building)
    summary = await door.ask(journal_summary, wanted, actor)
    return answer(Totals(await door.ask(journal_totals, wanted, actor), summary))


@get(
    "/v1/{portal:str}/ledger/journals/export",
    operation_class=documented(text="The journals in the format that was asked for."),
)
async def get_export(
    request: AnyRequest,
    portal: FromPath[str],
    months: Months,
    as_format: AsFormat,
    last: LastMonth = None,
    building: OfBuilding = None,
) -> Response[Any]:
    """Write a month's journals for other books: as CSV, beancount, hledger, Xero or QuickBooks."""
    actor, door = await signed_in(request, portal), door_of(request)
    form, wanted = _format(as_format), _wanted(months, last, building)
    shown = await door.ask(show_portal, Nothing(), actor)
    chart = await door.ask(verbs.chart_of_accounts, Nothing(), actor)
    books = Books(shown.name, wanted.first, shown.currency, chart)

    async def body() -> AsyncIterator[bytes]:
        async with door.asking(journals, actor) as tx:
            async for block in exported(form, books, journals(tx, wanted)):
                yield block

    name = f"journals-{wanted.first:%Y-%m}.{SUFFIXES[form]}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return await written(body(), MEDIA_TYPES[form], headers)


@get("/v1/{portal:str}/ledger/periods", operation_class=documented(Period, listed=True))
async def get_periods(request: AnyRequest, portal: FromPath[str]) -> Response[Any]:
    """List the months of the books, newest first, and who closed which."""
    actor = await signed_in(request, portal)
    return answer({"data": await door_of(request).ask(verbs.periods, Nothing(), actor)})


@post(
    "/v1/{portal:str}/ledger/periods/{period:str}/close",
    status_code=200,
    operation_class=documented(MonthClosed, changes=True),
)
async def post_close(
    request: AnyRequest,
    portal: FromPath[str],
    period: FromPath[str],
    idempotency_key: IdempotencyKey = None,
) -> Response[Any]:
    """Close a finished month, and name what was left open in it."""
    actor = await signed_in(request, portal)
    command = CloseMonth(parse_month(period))
    return answer(await door_of(request).act(close_books, command, actor, idempotency_key))


@post(
    "/v1/{portal:str}/ledger/periods/{period:str}/reopen",
    status_code=200,
    operation_class=documented(Period, takes=ReasonToReopen("An invoice was left out.")),
)
async def post_reopen(
    request: AnyRequest,
    portal: FromPath[str],
    period: FromPath[str],
    idempotency_key: IdempotencyKey = None,
) -> Response[Any]:
    """Open the last closed month again."""
    actor = await signed_in(request, portal)
    told = await json_of(request, ReasonToReopen)
    command = ReopenMonth(parse_month(period), told.note)
    return answer(await door_of(request).act(verbs.reopen_month, command, actor, idempotency_key))


@get("/v1/{portal:str}/ledger/accounts", operation_class=documented(ChartAccount, listed=True))
async def get_chart(request: AnyRequest, portal: FromPath[str]) -> Response[Any]:
    """List the chart of accounts by number, those that count energy last."""
    actor = await signed_in(request, portal)
    return answer({"data": await door_of(request).ask(verbs.chart_of_accounts, Nothing(), actor)})


@post(
    "/v1/{portal:str}/ledger/accounts",
    operation_class=documented(
        ChartAccount, takes=ChartAccount("4920", "Meter tests", "income"), status=201
    ),
)
async def post_chart_account(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Add an account to the chart of accounts."""
    actor = await signed_in(request, portal)
    command = await json_of(request, ChartAccount)
    added = await door_of(request).act(verbs.add_chart_account, command, actor, idempotency_key)
    return answer(added, 201)


@post(
    "/v1/{portal:str}/ledger/accounts/{coa:str}/rename",
    status_code=200,
    operation_class=documented(ChartAccount, takes=Name("Meter tests and readings")),
)
async def post_chart_name(
    request: AnyRequest,
    portal: FromPath[str],
    coa: FromPath[str],
    idempotency_key: IdempotencyKey = None,
) -> Response[Any]:
    """Name an account of the chart anew; its number stays."""
    actor = await signed_in(request, portal)
    told = await json_of(request, Name)
    command = RenameChartAccount(coa, told.name)
    door = door_of(request)
    return answer(await door.act(verbs.rename_chart_account, command, actor, idempotency_key))


def _wanted(
    months: str, last: str | None, building: str | None, lines: int | None = None, offset: int = 0
) -> JournalsWanted:
    """Read which journals are asked for. Raises `Invalid`."""
    first = parse_month(months)
    until = first if last is None else parse_month(last, "to")
    return JournalsWanted(first, until, building, lines, offset)


def _format(told: str) -> Format:
    """Read the format that is asked for. Raises `Invalid`."""
    try:
        return Format(told)
    except ValueError as error:
        raise Invalid(f"The parameter format is one of {_FORMATS}.", field="format") from error


ROUTES = [
    get_entries,
    get_account_balance,
    get_balance,
    get_journals,
    get_journal_totals,
    get_export,
    get_periods,
    post_close,
    post_reopen,
    get_chart,
    post_chart_account,
    post_chart_name,
]
