"""Vends: quote, sell, show."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from currant.api.http import AnyRequest, door_of, json_of, signed_in
from currant.api.v1.frame import Cursor, IdempotencyKey, Limit, answer, cursor_of, page
from currant.api.v1.openapi import documented
from currant.vending.model import Quote, Quoted, Vend, Vended, VendNamed, VendsOf
from currant.vending.verbs import list_vends, quote, show_vend, vend


@post(
    "/v1/{portal:str}/vends/quote",
    status_code=200,
    operation_class=documented(Quoted, takes=Quote("00084", Decimal(40))),
)
async def quote_vend(request: AnyRequest, portal: FromPath[str]) -> Response[Any]:
    """Say how an amount would be shared out now; nothing is sold."""
    actor = await signed_in(request, portal)
    question = await json_of(request, Quote)
    return answer(await door_of(request).ask(quote, question, actor))


@post(
    "/v1/{portal:str}/vends",
    operation_class=documented(Vended, takes=Vend("00084", "cash", Decimal(40)), status=201),
)
async def post_vend(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Sell energy for a tender: arrears and fixed charges first, the rest fills the wallet."""
    actor = await signed_in(request, portal)
    command = await json_of(request, Vend)
    return answer(await door_of(request).act(vend, command, actor, idempotency_key), 201)


@get("/v1/{portal:str}/vends/{vend_id:uuid}", operation_class=documented(Vended))
async def get_vend(
    request: AnyRequest, portal: FromPath[str], vend_id: FromPath[UUID]
) -> Response[Any]:
    """Show a vend as it was recorded, with every line of its split."""
    actor = await signed_in(request, portal)
    return answer(await door_of(request).ask(show_vend, VendNamed(vend_id), actor))


@get("/v1/{portal:str}/receipts/{number:int}", operation_class=documented(Vended))
async def get_receipt(
    request: AnyRequest, portal: FromPath[str], number: FromPath[int]
) -> Response[Any]:
    """Show a vend by the number that its receipt prints, its `transaction_id`."""
    actor = await signed_in(request, portal)
    return answer(await door_of(request).ask(show_vend, VendNamed(number=number), actor))


@get(
    "/v1/{portal:str}/accounts/{account:str}/vends",
    operation_class=documented(Vended, paged=True),
)
async def get_vends(
    request: AnyRequest,
    portal: FromPath[str],
    account: FromPath[str],
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response[Any]:
    """List an account's vends, newest first."""
    actor = await signed_in(request, portal)
    question = VendsOf(account, cursor_of(cursor), limit)
    rows = await door_of(request).ask(list_vends, question, actor)
    return page(rows, limit, lambda row: row.transaction_id)


ROUTES = [quote_vend, post_vend, get_vend, get_receipt, get_vends]
