"""What accounts owe: their history and statements, balances, and debts by age."""

from datetime import date
from typing import Annotated, Any

from litestar import Response, get
from litestar.params import FromPath, QueryParameter

from currant.api.http import AnyRequest, door_of, signed_in
from currant.api.v1.frame import (
    Cursor,
    FirstDay,
    LastDay,
    Limit,
    OfBuilding,
    answer,
    cursor_after,
    rows_beyond,
)
from currant.api.v1.openapi import documented
from currant.debtors.model import (
    AccountBalance,
    Aged,
    AgedWanted,
    BalancesOfAccounts,
    History,
    HistoryWanted,
    Portfolio,
    Statement,
    StatementWanted,
)
from currant.debtors.verbs import (
    account_balances,
    account_history,
    account_statement,
    aged_debtors,
    portfolio,
)

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
    skip = rows_beyond(cursor)
    question = AgedWanted(as_of, building_code, limit, skip)
    async with door_of(request).asking(aged_debtors, actor) as tx:
        rows = [row async for row in aged_debtors(tx, question)]
    after = cursor_after(skip + limit) if len(rows) == limit else None
    return answer({"data": rows, "next": after})


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
    skip = rows_beyond(cursor)
    question = BalancesOfAccounts(None, limit, skip)
    async with door_of(request).asking(account_balances, actor) as tx:
        rows = [row async for row in account_balances(tx, question)]
    after = cursor_after(skip + limit) if len(rows) == limit else None
    return answer({"data": rows, "next": after})


ROUTES = [
    get_account_history,
    get_account_statement,
    get_aged_debtors,
    get_portfolio,
    get_account_balances,
]
