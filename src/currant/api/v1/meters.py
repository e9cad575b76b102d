"""Meters: created with their registers, hung at sites, exchanged."""

from datetime import date
from decimal import Decimal
from typing import Any

from litestar import Response, post
from litestar.params import FromPath

from currant.api.http import AnyRequest, door_of, json_of, signed_in
from currant.api.v1.frame import IdempotencyKey, answer
from currant.api.v1.openapi import documented
from currant.installations import verbs
from currant.installations.model import (
    CreateMeters,
    ExchangeMeter,
    MeterExchanged,
    MetersCreated,
    NewMeter,
    ReadTold,
)
from currant.metering.model import MeterTold

# What the document shows as examples.
_METER = NewMeter(
    "1234abcde",
    dials=6,
    site_identifier="4103000012",
    installed_on=date(2024, 6, 21),
    opening_reads=[ReadTold(Decimal(12000))],
)
_EXCHANGE = ExchangeMeter(
    "1234abcde",
    date(2024, 8, 1),
    MeterTold("5678fghij", dials=6),
    [ReadTold(Decimal(12410))],
    [ReadTold(Decimal(0))],
)


@post(
    "/v1/{portal:str}/meters",
    operation_class=documented(MetersCreated, takes=CreateMeters([_METER]), status=201),
)
async def post_meters(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Create meters with their registers, hang them at sites, and keep their opening reads."""
    actor = await signed_in(request, portal)
    command = await json_of(request, CreateMeters)
    made = await door_of(request).act(verbs.create_meters, command, actor, idempotency_key)
    return answer(made, 201)


@post(
    "/v1/{portal:str}/meters/exchange",
    status_code=200,
    operation_class=documented(MeterExchanged, takes=_EXCHANGE),
)
async def post_exchange(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Exchange a meter for a new one at the beginning of a day, with the reads of both."""
    actor = await signed_in(request, portal)
    command = await json_of(request, ExchangeMeter)
    done = await door_of(request).act(verbs.exchange_meter, command, actor, idempotency_key)
    return answer(done)


ROUTES = [post_meters, post_exchange]
