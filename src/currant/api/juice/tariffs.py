"""J23 create, J24 all, J25 current, J26 historical, J27 future, J28 future create."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response, get, post
from litestar.openapi.spec import Operation

from currant.api.http import (
    FILE_SECONDS,
    AnyRequest,
    Query,
    door_of,
    json_of,
    key_of,
    signed_in,
)
from currant.api.juice.frame import done
from currant.api.juice.openapi import PAGE, PORTAL, Instant, documented, parameter
from currant.clock import format_instant
from currant.tariffs.model import (
    CreateTariff,
    FixedRow,
    Period,
    Rate,
    RateScheduled,
    ScheduleRate,
    TariffShown,
    TariffsWanted,
    TariffWanted,
)
from currant.tariffs.verbs import create_tariff, schedule_rate, tariff, tariffs

_SECOND = timedelta(seconds=1)
_FOR_EVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


class NewTariff(msgspec.Struct, frozen=True):
    """The body of J23."""

    portal: str
    name: str
    desc: str
    units: str
    rate: Decimal
    type: int
    fuel_charge: bool
    levy1: bool
    levy2: bool
    levy3: bool
    taxable: bool
    fixed: bool
    kva_fixed: bool
    muni: str | None = None


class NewRate(msgspec.Struct, frozen=True):
    """The body of J28."""

    portal: str
    tariff: str
    start_date: str
    end_date: str
    service: str
    tier: str
    rate: Decimal
    usage_base_start: int
    units: str
    coa: int | None = None
    ar_coa: int | None = None


class FixedCharge(msgspec.Struct, frozen=True):
    """A fixed charge of a month, its chart accounts as text."""

    amount: Decimal
    ar_coa: str
    coa: str
    desc: str
    id: int
    portal: str
    tariff: str
    taxable: bool


class RateDetails(msgspec.Struct, frozen=True, kw_only=True):
    """A rate of a tier, its chart accounts as numbers."""

    ar_coa: int
    coa: int
    end_date: Instant
    id: int
    last_mod: Instant
    rate: Decimal
    rate_plan_desc: str | msgspec.UnsetType = msgspec.UNSET
    service: str
    start_date: Instant
    taxable: bool | msgspec.UnsetType = msgspec.UNSET
    tier: str
    units: str
    usage_base_start: int | Decimal


class TariffDetails(msgspec.Struct, frozen=True, kw_only=True):
    """A tariff with its rates."""

    desc: str
    fixed: list[FixedCharge] | msgspec.UnsetType = msgspec.UNSET
    id: int
    meter_count: int
    muni: str | msgspec.UnsetType = msgspec.UNSET
    portal: str
    rate: list[RateDetails]
    tariff: str


class RateCreated(msgspec.Struct, frozen=True):
    """A rate that was scheduled, its start and end as they were sent."""

    id: int
    service: str
    tier: str
    rate: Decimal
    start_date: str
    end_date: str
    last_mod: Instant
    usage_base_start: int | Decimal
    units: str
    coa: int
    ar_coa: int


_TARIFF = parameter("tariff", "The name of a tariff.", required=True, example="SBT")


def _one_tariff(number: str) -> type[Operation]:
    return documented(
        number, TariffDetails, calls=(tariff,), parameters=(PORTAL, _TARIFF), names=True
    )


@post(
    "/tariff/create",
    status_code=200,
    operation_class=documented("J23", takes=NewTariff, calls=(create_tariff,)),
)
async def post_tariff(request: AnyRequest) -> Response[bytes]:
    """J23: create a tariff."""
    actor = await signed_in(request)
    body = await json_of(request, NewTariff)
    levies = {"L": body.levy1, "L2": body.levy2, "L3": body.levy3}
    command = CreateTariff(
        name=body.name,
        description=body.desc,
        municipality=body.muni or "",
        units=body.units,
        type=body.type,
        rate=body.rate,
        taxable=body.taxable,
        fuel_charge=body.fuel_charge,
        levies=tuple(tier for tier, asked in levies.items() if asked),
        fixed=body.fixed,
        kva_fixed=body.kva_fixed,
    )
    key = key_of(request)
    await door_of(request).act(create_tariff, command, actor.at(body.portal), key)
    return done()


@get(
    "/tariff/all/get",
    operation_class=documented(
        "J24",
        list[TariffDetails],
        parameters=(
            PORTAL,
            parameter("selectmuni", "Those of one municipality."),
            parameter("searchfor", "Those whose name has this in it."),
            *PAGE,
        ),
        within=FILE_SECONDS,
        calls=(tariffs,),
    ),
)
async def get_tariffs(request: AnyRequest) -> Response[bytes]:
    """J24: the tariffs of a portal with the rates in force."""
    query = Query(request.scope)
    actor = await signed_in(request, query.text("portal"))
    question = TariffsWanted(
        query.maybe("searchfor"),
        query.maybe("selectmuni"),
        *query.page(),
    )
    rows = await door_of(request).ask(tariffs, question, actor)
    return done([_tariff(row) for row in rows])


@get("/tariff/current/get", operation_class=_one_tariff("J25"))
async def get_current(request: AnyRequest) -> Response[bytes]:
    """J25: a tariff with the rates in force."""
    return await _one(request, Period.CURRENT)


@get("/tariff/historical/get", operation_class=_one_tariff("J26"))
async def get_historical(request: AnyRequest) -> Response[bytes]:
    """J26: a tariff with the rates that have ended."""
    return await _one(request, Period.HISTORICAL)


@get("/tariff/future/get", operation_class=_one_tariff("J27"))
async def get_future(request: AnyRequest) -> Response[bytes]:
    """J27: a tariff with the rates that are scheduled."""
    return await _one(request, Period.FUTURE)


@post(
    "/tariff/future/create",
    status_code=200,
    operation_class=documented(
        "J28", list[RateCreated], takes=NewRate, names=True, warns=True, calls=(schedule_rate,)
    ),
)
async def post_rate(request: AnyRequest) -> Response[bytes]:
    """J28: schedule a rate."""
    actor = await signed_in(request)
    body = await json_of(request, NewRate)
    command = ScheduleRate(
        tariff=body.tariff,
        tier=body.tier,
        rate=body.rate,
        usage_base_start=body.usage_base_start,
        start=body.start_date,
        end=body.end_date,
        service=body.service,
        units=body.units,
        coa="4005" if body.coa is None else str(body.coa),
        ar_coa="1102" if body.ar_coa is None else str(body.ar_coa),
    )
    key = key_of(request)
    scheduled = await door_of(request).act(schedule_rate, command, actor.at(body.portal), key)
    warning = "nonstandard-offset" if scheduled.nonstandard_offset else None
    return done([_scheduled(scheduled)], warning=warning)


async def _one(request: AnyRequest, period: Period) -> Response[bytes]:
    query = Query(request.scope)
    actor = await signed_in(request, query.text("portal"))
    question = TariffWanted(query.text("tariff"), period)
    return done(_tariff(await door_of(request).ask(tariff, question, actor)))


def _tariff(shown: TariffShown) -> TariffDetails:
    """Write a Tariff; `fixed` and `muni` are left out where there is none."""
    head = shown.head
    return TariffDetails(
        desc=head.description,
        fixed=[_fixed(charge, shown) for charge in shown.fixed] or msgspec.UNSET,
        id=head.tariff_id,
        meter_count=head.meter_count,
        muni=head.municipality or msgspec.UNSET,
        portal=shown.portal,
        rate=[_rate(rate, shown.timezone) for rate in shown.rates],
        tariff=head.name,
    )


def _fixed(charge: FixedRow, shown: TariffShown) -> FixedCharge:
    """Write a fixed charge, whose chart accounts are text (Q17)."""
    return FixedCharge(
        amount=charge.amount,
        ar_coa=charge.ar_coa,
        coa=charge.coa,
        desc=charge.description,
        id=charge.fixed_id,
        portal=shown.portal,
        tariff=shown.head.name,
        taxable=charge.taxable,
    )


def _rate(rate: Rate, timezone: str) -> RateDetails:
    """Write a Rate, whose chart accounts are numbers (Q17); its end is its last second."""
    zone = ZoneInfo(timezone)
    last = _FOR_EVER if rate.end_at is None else rate.end_at - _SECOND
    return RateDetails(
        ar_coa=int(rate.ar_coa),
        coa=int(rate.coa),
        end_date=format_instant(last, zone),
        id=rate.rate_id,
        last_mod=format_instant(rate.last_mod, zone),
        rate=rate.rate,
        rate_plan_desc=rate.description or msgspec.UNSET,
        service=rate.service,
        start_date=format_instant(rate.start_at, zone),
        taxable=rate.taxable or msgspec.UNSET,
        tier=rate.tier,
        units=rate.units,
        usage_base_start=_whole(rate.usage_base_start),
    )


def _scheduled(scheduled: RateScheduled) -> RateCreated:
    """Write the Rate of J28, which repeats the client's clock face and offset."""
    rate = scheduled.rate
    return RateCreated(
        id=rate.rate_id,
        service=rate.service,
        tier=rate.tier,
        rate=rate.rate,
        start_date=scheduled.start,
        end_date=scheduled.end,
        last_mod=format_instant(rate.last_mod, ZoneInfo(scheduled.timezone)),
        usage_base_start=_whole(rate.usage_base_start),
        units=rate.units,
        coa=int(rate.coa),
        ar_coa=int(rate.ar_coa),
    )


def _whole(threshold: Decimal) -> int | Decimal:
    """Write where a block begins: a whole number of units, but where a plan says a fraction."""
    whole = int(threshold)
    return whole if whole == threshold else threshold.normalize()


ROUTES = [post_tariff, get_tariffs, get_current, get_historical, get_future, post_rate]
