"""Tariffs, what the Juice face cannot say: price plans, taxes, calendars, who is on which plan."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from currant.api.http import AnyRequest, door_of, json_of, signed_in
from currant.api.v1.frame import IdempotencyKey, answer
from currant.api.v1.openapi import documented
from currant.plans import verbs as plans
from currant.plans.model import (
    AssignPlan,
    BuildingDefault,
    BuildingWanted,
    CreateOffering,
    CreatePlan,
    GivenCharge,
    GivenInducement,
    GivenRate,
    ImportPlan,
    Offering,
    OfferingsWanted,
    PlanAssigned,
    SetBuildingDefault,
    SetCharge,
    SetRate,
)
from currant.tariffs import verbs
from currant.tariffs.book import DatedTax
from currant.tariffs.model import (
    AssignmentRow,
    AssignTariff,
    AttachCalendar,
    CalendarCreated,
    CreateCalendar,
    FixedRow,
    Period,
    Rate,
    SetFixedCharge,
    SetTax,
    Switch,
    TariffCreated,
    TariffShown,
    TariffWanted,
)
from currant.tariffs.terms import Inducement

# What the document shows as examples.
_START = datetime(2026, 3, 1, 5, tzinfo=UTC)
_CALENDAR = CreateCalendar(
    "Weekday peak",
    "America/New_York",
    weekday=[Switch(0, 1), Switch(420, 2), Switch(1320, 1)],
    country="US",
    years=[2026],
)
_PLAN = CreatePlan(
    name="TOWER-TOU",
    description="Tower One, time of use",
    rates=[
        GivenRate("T1", Decimal("0.21")),
        GivenRate("T2", Decimal("0.34")),
        GivenRate("D", Decimal("8.5")),
        GivenRate("X", Decimal("0.05"), taxable=False),
    ],
    charges=[GivenCharge("Daily charge", Decimal("1.10"))],
    calendar=_CALENDAR,
)
_URDB: dict[str, Any] = {
    "name": "Residential",
    "utility": "Example Power",
    "energyratestructure": [[{"max": 500, "rate": Decimal("0.11")}, {"rate": Decimal("0.13")}]],
    "energyweekdayschedule": [[0] * 24] * 12,
    "energyweekendschedule": [[0] * 24] * 12,
    "fixedchargefirstmeter": Decimal("9.5"),
    "fixedchargeunits": "$/month",
}
_OFFERING = CreateOffering(
    "WELCOME", "Ten off", [GivenInducement(Inducement.PERCENT_OF_USAGE, Decimal(10), "10 % off")]
)

Which = Annotated[Period, QueryParameter(description="Which of its rates and charges.")]
Code = Annotated[str | None, QueryParameter(description="The one with this code; all without.")]


@post(
    "/v1/{portal:str}/tariffs",
    operation_class=documented(TariffCreated, takes=_PLAN, status=201),
)
async def create_plan(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Create a price plan with its rates, standing charges and calendar."""
    actor = await signed_in(request, portal)
    command = await json_of(request, CreatePlan)
    made = await door_of(request).act(plans.create_plan, command, actor, idempotency_key)
    return answer(made, 201)


@post(
    "/v1/{portal:str}/tariffs/import",
    operation_class=documented(TariffCreated, takes=ImportPlan(document=_URDB), status=201),
)
async def import_plan(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Make a price plan of a tariff of the US Utility Rate Database, or of a rate book of it."""
    actor = await signed_in(request, portal)
    command = await json_of(request, ImportPlan)
    made = await door_of(request).act(plans.import_plan, command, actor, idempotency_key)
    return answer(made, 201)


@get("/v1/{portal:str}/tariffs/{tariff:str}", operation_class=documented(TariffShown))
async def get_tariff(
    request: AnyRequest,
    portal: FromPath[str],
    tariff: FromPath[str],
    period: Which = Period.CURRENT,
) -> Response[Any]:
    """Show a tariff with its terms, and its past, present or future rates and charges."""
    actor = await signed_in(request, portal)
    shown = await door_of(request).ask(verbs.tariff, TariffWanted(tariff, period), actor)
    return answer(shown)


@post(
    "/v1/{portal:str}/tariffs/rates",
    operation_class=documented(
        Rate,
        takes=SetRate(tariff=_PLAN.name, tier="T2", rate=Decimal("0.36"), from_at=_START),
        status=201,
    ),
)
async def set_rate(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Schedule a rate of a price plan; the one of its tier that runs ends where it begins."""
    actor = await signed_in(request, portal)
    command = await json_of(request, SetRate)
    row = await door_of(request).act(plans.set_rate, command, actor, idempotency_key)
    return answer(row, 201)


@post(
    "/v1/{portal:str}/tariffs/charges",
    operation_class=documented(
        FixedRow,
        takes=SetCharge(
            tariff=_PLAN.name,
            description="Daily charge",
            amount=Decimal("1.18"),
            from_at=_START,
        ),
        status=201,
    ),
)
async def set_charge(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Schedule a standing charge of a price plan; the one of its description that runs ends."""
    actor = await signed_in(request, portal)
    command = await json_of(request, SetCharge)
    row = await door_of(request).act(plans.set_charge, command, actor, idempotency_key)
    return answer(row, 201)


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


@post(
    "/v1/{portal:str}/tariffs/agreements",
    status_code=200,
    operation_class=documented(
        PlanAssigned, takes=AssignPlan(501, _START, offering="WELCOME"), listed=True
    ),
)
async def assign_plan(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Put a service agreement on a tariff, an offering or both; answers its plans in time."""
    actor = await signed_in(request, portal)
    command = await json_of(request, AssignPlan)
    rows = await door_of(request).act(plans.assign_plan, command, actor, idempotency_key)
    return answer({"data": rows})


@post(
    "/v1/{portal:str}/offerings",
    operation_class=documented(Offering, takes=_OFFERING, status=201),
)
async def create_offering(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Create an offering with its inducements."""
    actor = await signed_in(request, portal)
    command = await json_of(request, CreateOffering)
    made = await door_of(request).act(plans.create_offering, command, actor, idempotency_key)
    return answer(made, 201)


@get("/v1/{portal:str}/offerings", operation_class=documented(Offering, listed=True))
async def list_offerings(
    request: AnyRequest, portal: FromPath[str], code: Code = None
) -> Response[Any]:
    """List offerings with their inducements, by code."""
    actor = await signed_in(request, portal)
    rows = await door_of(request).ask(plans.offerings, OfferingsWanted(code), actor)
    return answer({"data": rows})


@post(
    "/v1/{portal:str}/building-defaults",
    status_code=200,
    operation_class=documented(
        BuildingDefault,
        takes=SetBuildingDefault("TWR01", _PLAN.name, customer_type="RESIDENT"),
        listed=True,
    ),
)
async def set_building_default(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Say what those who move into a building are put on; answers the building's defaults."""
    actor = await signed_in(request, portal)
    command = await json_of(request, SetBuildingDefault)
    rows = await door_of(request).act(plans.set_building_default, command, actor, idempotency_key)
    return answer({"data": rows})


@get("/v1/{portal:str}/building-defaults", operation_class=documented(BuildingDefault, listed=True))
async def list_building_defaults(
    request: AnyRequest,
    portal: FromPath[str],
    building: Annotated[
        str | None, QueryParameter(description="Of this building; of all without.")
    ] = None,
) -> Response[Any]:
    """List the default plans of buildings."""
    actor = await signed_in(request, portal)
    rows = await door_of(request).ask(plans.building_defaults, BuildingWanted(building), actor)
    return answer({"data": rows})


ROUTES = [
    create_plan,
    import_plan,
    get_tariff,
    set_rate,
    set_charge,
    set_tax,
    create_calendar,
    attach_calendar,
    set_fixed_charge,
    assign_tariff,
    assign_plan,
    create_offering,
    list_offerings,
    set_building_default,
    list_building_defaults,
]
