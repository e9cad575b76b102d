"""The ledger of an account: its entries and its trial balance."""

from typing import Any

from litestar import Response, get
from litestar.params import FromPath

from currant.api.http import AnyRequest, door_of, signed_in
from currant.api.v1.frame import Cursor, Limit, answer, cursor_after, cursor_of
from currant.api.v1.openapi import documented
from currant.customers.model import AccountEntries, AccountNamed
from currant.customers.verbs import account_balances, account_entries
from currant.ledger.model import BalanceRow, BalancesOf, EntryWithPostings
from currant.ledger.verbs import trial_balance


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
    after = cursor_after(rows[-1].entry.entry_id) if len(rows) == limit else None
    return answer({"data": rows, "next": after})


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


ROUTES = [get_entries, get_account_balance, get_balance]
