"""What accounts owe: their history and statements, balances, debts by age, and papers of it."""

from datetime import date
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from currant.api.http import AnyRequest, door_of, json_of, signed_in
from currant.api.v1.frame import (
    Cursor,
    FirstDay,
    IdempotencyKey,
    LastDay,
    Limit,
    OfBuilding,
    answer,
    begins_after,
    counted_page,
)
from currant.api.v1.openapi import documented
from currant.debtors.model import (
    AccountBalance,
    Aged,
    AgedWanted,
    BalancesOfAccounts,
    History,
    HistoryWanted,
    Issued,
    Portfolio,
    Statement,
    StatementWanted,
)
from currant.debtors.verbs import (
    account_balances,
    account_history,
    account_statement,
    aged_debtors,
    issue_receipt,
    issue_statement,
    portfolio,
)
from currant.receipts.model import ReceiptNamed

Day = Annotated[date, QueryParameter(description="A day of the portal's clock.")]
WithReversed = Annotated[
    bool, QueryParameter(description="With what was reversed, and what reversed it.")
]
AsOf = Annotated[
    date | None, QueryParameter(description="At the end of this day, as it was known then.")
]


@get("/v1/{portal:str}/accounts/{account:str}/history", operation_class=documented(History))
async def get_account_history(
    request: AnyRequest,
    portal: FromPath[str],
    account: FromPath[str],
    first: FirstDay = None,
    last: LastDay = None,
    with_reversed: WithReversed = True,
) -> Response[Any]:
    """Tell what moved the receivable of an account, with the balance after each."""
    actor = await signed_in(request, portal)
    question = HistoryWanted(account, first, last, with_reversed)
    return answer(await door_of(request).ask(account_history, question, actor))


@get("/v1/{portal:str}/accounts/{account:str}/statement", operation_class=documented(Statement))
async def get_account_statement(
    request: AnyRequest, portal: FromPath[str], account: FromPath[str], first: Day, last: Day
) -> Response[Any]:
    """Tell an account's statement between two days, and what is owed by the last by its age."""
    actor = await signed_in(request, portal)
    question = StatementWanted(account, first, last)
    return answer(await door_of(request).ask(account_statement, question, actor))


class StatementDays(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From which day to which a statement is told."""

    first: date
    last: date


@post(
    "/v1/{portal:str}/accounts/{account:str}/statements",
    operation_class=documented(
        Issued, takes=StatementDays(date(2024, 7, 1), date(2024, 9, 30)), status=201
    ),
)
async def post_account_statement(
    request: AnyRequest,
    portal: FromPath[str],
    account: FromPath[str],
    idempotency_key: IdempotencyKey = None,
) -> Response[Any]:
    """Issue an account's statement between two days as a paper; its number leads to the PDF."""
    actor = await signed_in(request, portal)
    days = await json_of(request, StatementDays)
    command = StatementWanted(account, days.first, days.last)
    door = door_of(request)
    return answer(await door.act(issue_statement, command, actor, idempotency_key), 201)


@post(
    "/v1/{portal:str}/receivables/receipts/{receipt_id:int}/paper",
    operation_class=documented(Issued, changes=True, status=201),
)
async def post_receipt_paper(
    request: AnyRequest, portal: FromPath[str], receipt_id: FromPath[int]
) -> Response[Any]:
    """Issue a receipt as a paper, once; its number leads to the PDF."""
    actor = await signed_in(request, portal)
    command = ReceiptNamed(receipt_id)
    return answer(await door_of(request).act(issue_receipt, command, actor), 201)


@get("/v1/{portal:str}/debtors", operation_class=documented(Aged, paged=True))
async def get_aged_debtors(
    request: AnyRequest,
    portal: FromPath[str],
    as_of: AsOf = None,
    building_code: OfBuilding = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response[Any]:
    """List what accounts owe by how long it has been due, by account."""
    actor = await signed_in(request, portal)
    skip = begins_after(cursor)
    question = AgedWanted(as_of, building_code, limit, skip)
    async with door_of(request).asking(aged_debtors, actor) as tx:
        rows = [row async for row in aged_debtors(tx, question)]
    return counted_page(rows, limit, skip)


@get("/v1/{portal:str}/debtors/portfolio", operation_class=documented(Portfolio))
async def get_portfolio(
    request: AnyRequest,
    portal: FromPath[str],
    as_of: AsOf = None,
    building_code: OfBuilding = None,
) -> Response[Any]:
    """Sum what all accounts owe by how long it has been due."""
    actor = await signed_in(request, portal)
    question = AgedWanted(as_of, building_code)
    return answer(await door_of(request).ask(portfolio, question, actor))


@get("/v1/{portal:str}/debtors/balances", operation_class=documented(AccountBalance, paged=True))
async def get_account_balances(
    request: AnyRequest, portal: FromPath[str], cursor: Cursor = None, limit: Limit = 50
) -> Response[Any]:
    """List what accounts owe and have as it stands, by account."""
    actor = await signed_in(request, portal)
    skip = begins_after(cursor)
    question = BalancesOfAccounts(None, limit, skip)
    async with door_of(request).asking(account_balances, actor) as tx:
        rows = [row async for row in account_balances(tx, question)]
    return counted_page(rows, limit, skip)


ROUTES = [
    get_account_history,
    get_account_statement,
    post_account_statement,
    post_receipt_paper,
    get_aged_debtors,
    get_portfolio,
    get_account_balances,
]
