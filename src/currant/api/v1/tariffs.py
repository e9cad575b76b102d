"""Tariffs, what the Juice face cannot say: taxes, calendars, fixed amounts, assignments."""

from typing import Any

from litestar import Response, post
from litestar.params import FromPath

from currant import wire
from currant.api.http import AnyRequest, body_of
from currant.api.v1.frame import answer, door_of, signed_in, takes
from currant.api.v1.vends import IdempotencyKey
from currant.tariffs import verbs
from currant.tariffs.model import (
    AssignTariff,
    AttachCalendar,
    CreateCalendar,
    SetFixedCharge,
    SetTax,
)


@post("/v1/{portal:str}/taxes", status_code=200, operation_class=takes(SetTax))
async def set_tax(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Tax the portal's taxable lines at a rate (0.05 is 5 %) from an instant on."""
    actor = await signed_in(request, portal)
    command = wire.decode(await body_of(request), SetTax)
    rows = await door_of(request).act(verbs.set_tax, command, actor, idempotency_key)
    return answer({"data": rows})


@post("/v1/{portal:str}/calendars", operation_class=takes(CreateCalendar))
async def create_calendar(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Create a time-of-use calendar with its clock, switches and holidays."""
    actor = await signed_in(request, portal)
    command = wire.decode(await body_of(request), CreateCalendar)
    made = await door_of(request).act(verbs.create_calendar, command, actor, idempotency_key)
    return answer(made, 201)


@post("/v1/{portal:str}/tariffs/calendar", status_code=200, operation_class=takes(AttachCalendar))
async def attach_calendar(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Let a tariff follow a calendar, or none where it is null."""
    actor = await signed_in(request, portal)
    command = wire.decode(await body_of(request), AttachCalendar)
    done = await door_of(request).act(verbs.attach_calendar, command, actor, idempotency_key)
    return answer(done)


@post(
    "/v1/{portal:str}/tariffs/fixed-charges", status_code=200, operation_class=takes(SetFixedCharge)
)
async def set_fixed_charge(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Set the amount of a fixed charge, before tax, for the months to come."""
    actor = await signed_in(request, portal)
    command = wire.decode(await body_of(request), SetFixedCharge)
    row = await door_of(request).act(verbs.set_fixed_charge, command, actor, idempotency_key)
    return answer(row)


@post("/v1/{portal:str}/tariffs/assignments", status_code=200, operation_class=takes(AssignTariff))
async def assign_tariff(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Put a meter on a tariff from an instant on; answers the meter's tariffs in time."""
    actor = await signed_in(request, portal)
    command = wire.decode(await body_of(request), AssignTariff)
    rows = await door_of(request).act(verbs.assign_tariff, command, actor, idempotency_key)
    return answer({"data": rows})


ROUTES = [set_tax, create_calendar, attach_calendar, set_fixed_charge, assign_tariff]
