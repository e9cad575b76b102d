"""Tariffs, what the Juice face cannot say: taxes, calendars, fixed amounts, assignments."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from litestar import Response, post
from litestar.params import FromPath

from currant.api.http import AnyRequest, door_of, json_of, signed_in
from currant.api.v1.frame import IdempotencyKey, answer
from currant.api.v1.openapi import documented
from currant.tariffs import verbs
from currant.tariffs.book import DatedTax
from currant.tariffs.model import (
    AssignmentRow,
    AssignTariff,
    AttachCalendar,
    CalendarCreated,
    CreateCalendar,
    FixedRow,
    SetFixedCharge,
    SetTax,
    Switch,
)

# What the document shows as examples.
_START = datetime(2026, 3, 1, 5, tzinfo=UTC)
_CALENDAR = CreateCalendar(
    "Weekday peak",
    "America/New_York",
    weekday=[Switch(0, 1), Switch(420, 2), Switch(1320, 1)],
    country="US",
    years=[2026],
)


@post(
    "/v1/{portal:str}/taxes",
    status_code=200,
    operation_class=documented(DatedTax, takes=SetTax(Decimal("0.05"), _START), listed=True),
)
async def set_tax(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Tax the portal's taxable lines at a rate (0.05 is 5 %) from an instant on."""
    actor = await signed_in(request, portal)
    command = await json_of(request, SetTax)
    rows = await door_of(request).act(verbs.set_tax, command, actor, idempotency_key)
    return answer({"data": rows})


@post(
    "/v1/{portal:str}/calendars",
    operation_class=documented(CalendarCreated, takes=_CALENDAR, status=201),
)
async def create_calendar(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Create a time-of-use calendar with its clock, switches and holidays."""
    actor = await signed_in(request, portal)
    command = await json_of(request, CreateCalendar)
    made = await door_of(request).act(verbs.create_calendar, command, actor, idempotency_key)
    return answer(made, 201)


@post(
    "/v1/{portal:str}/tariffs/calendar",
    status_code=200,
    operation_class=documented(AttachCalendar, takes=AttachCalendar("BUSINESS", _CALENDAR.name)),
)
async def attach_calendar(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Let a tariff follow a calendar, or none where it is null."""
    actor = await signed_in(request, portal)
    command = await json_of(request, AttachCalendar)
    done = await door_of(request).act(verbs.attach_calendar, command, actor, idempotency_key)
    return answer(done)


@post(
    "/v1/{portal:str}/tariffs/fixed-charges",
    status_code=200,
    operation_class=documented(FixedRow, takes=SetFixedCharge(1, Decimal("6.5"))),
)
async def set_fixed_charge(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Set the amount of a fixed charge, before tax, for the months to come."""
    actor = await signed_in(request, portal)
    command = await json_of(request, SetFixedCharge)
    row = await door_of(request).act(verbs.set_fixed_charge, command, actor, idempotency_key)
    return answer(row)


@post(
    "/v1/{portal:str}/tariffs/assignments",
    status_code=200,
    operation_class=documented(
        AssignmentRow, takes=AssignTariff("EX1000037", "BUSINESS", _START), listed=True
    ),
)
async def assign_tariff(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Put a meter on a tariff from an instant on; answers the meter's tariffs in time."""
    actor = await signed_in(request, portal)
    command = await json_of(request, AssignTariff)
    rows = await door_of(request).act(verbs.assign_tariff, command, actor, idempotency_key)
    return answer({"data": rows})


ROUTES = [set_tax, create_calendar, attach_calendar, set_fixed_charge, assign_tariff]
