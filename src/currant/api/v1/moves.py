"""Moving in and out."""

from datetime import date
from decimal import Decimal
from typing import Any

from litestar import Response, post
from litestar.params import FromPath

from currant.api.http import AnyRequest, door_of, json_of, signed_in
from currant.api.v1.frame import IdempotencyKey, answer
from currant.api.v1.openapi import documented
from currant.customers.model import AddressTold
from currant.metering.model import RegisterRead
from currant.moves import verbs
from currant.moves.model import (
    MovedIn,
    MovedOut,
    MoveIn,
    MoveInTold,
    MoveOut,
    MoveOutTold,
    StayedOn,
    StayOn,
)

# What the document shows as examples.
_READ = RegisterRead("1234abcde", Decimal(12000))
_IN = MoveInTold("4103000012", date(2024, 6, 21), "03280", opening_reads=[_READ])
_OUT = MoveOutTold(
    "03280",
    "4103000012",
    date(2024, 8, 10),
    AddressTold("2 Low Street", suburb="Perth", state="WA", postcode="6000"),
    closing_reads=[RegisterRead("1234abcde", Decimal(12510))],
)


@post(
    "/v1/{portal:str}/move-ins",
    operation_class=documented(MovedIn, takes=MoveIn([_IN]), status=201, listed=True),
)
async def post_move_ins(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Move customers in, all of them or none: agreements, plans, reads, orders and charges."""
    actor = await signed_in(request, portal)
    command = await json_of(request, MoveIn)
    done = await door_of(request).act(verbs.move_in, command, actor, idempotency_key)
    return answer({"data": done}, 201)


@post(
    "/v1/{portal:str}/move-outs",
    operation_class=documented(MovedOut, takes=MoveOut([_OUT]), status=201, listed=True),
)
async def post_move_outs(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Move customers out, all of them or none; the day told is the last one supplied."""
    actor = await signed_in(request, portal)
    command = await json_of(request, MoveOut)
    done = await door_of(request).act(verbs.move_out, command, actor, idempotency_key)
    return answer({"data": done}, 201)


@post(
    "/v1/{portal:str}/move-outs/take-back",
    status_code=200,
    operation_class=documented(StayedOn, takes=StayOn("03280", "4103000012")),
)
async def post_take_back(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Take back a move out that has not come yet; its work orders are cancelled."""
    actor = await signed_in(request, portal)
    command = await json_of(request, StayOn)
    done = await door_of(request).act(verbs.stay_on, command, actor, idempotency_key)
    return answer(done)


ROUTES = [post_move_ins, post_move_outs, post_take_back]
