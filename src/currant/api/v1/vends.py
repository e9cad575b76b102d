"""Vends: quote, sell, show."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, HeaderParameter, QueryParameter

from currant import wire
from currant.api.http import AnyRequest, body_of
from currant.api.v1.frame import answer, cursor_after, cursor_of, door_of, signed_in, takes
from currant.vending.model import Quote, Vend, VendNamed, VendsOf
from currant.vending.verbs import list_vends, quote, show_vend, vend

IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        max_length=255,
        description="Repeats of a request with its key are answered as the first was.",
    ),
]
Limit = Annotated[int, QueryParameter(ge=1, le=200, description="How many rows a page has.")]
Cursor = Annotated[
    str | None, QueryParameter(description="Where the page begins: `next` of the page before.")
]


@post("/v1/{portal:str}/vends/quote", status_code=200, operation_class=takes(Quote))
async def quote_vend(request: AnyRequest, portal: FromPath[str]) -> Response[Any]:
    """Say how an amount would be shared out now; nothing is sold."""
    actor = await signed_in(request, portal)
    question = wire.decode(await body_of(request), Quote)
    return answer(await door_of(request).ask(quote, question, actor))


@post("/v1/{portal:str}/vends", operation_class=takes(Vend))
async def post_vend(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Sell energy for a tender: arrears and fixed charges first, the rest fills the wallet."""
    actor = await signed_in(request, portal)
    command = wire.decode(await body_of(request), Vend)
    return answer(await door_of(request).act(vend, command, actor, idempotency_key), 201)


@get("/v1/{portal:str}/vends/{vend_id:uuid}")
async def get_vend(
    request: AnyRequest, portal: FromPath[str], vend_id: FromPath[UUID]
) -> Response[Any]:
    """Show a vend as it was recorded, with every line of its split."""
    actor = await signed_in(request, portal)
    return answer(await door_of(request).ask(show_vend, VendNamed(vend_id), actor))


@get("/v1/{portal:str}/accounts/{account:str}/vends")
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
    after = cursor_after(rows[-1].transaction_id) if len(rows) == limit else None
    return answer({"data": rows, "next": after})


ROUTES = [quote_vend, post_vend, get_vend, get_vends]
