"""Acts on the plans of accounts, and the questions asked about them."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Any

from msgspec.structs import replace

from currant import wire
from currant.access.permissions import Permission, needs
from currant.clock import day_bounds
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Invalid
from currant.locations.verbs import buildings_of, refuse_missing
from currant.money import minor_units
from currant.plans.model import (
    AssignPlan,
    BuildingDefault,
    BuildingWanted,
    CreateOffering,
    CreatePlan,
    ImportPlan,
    InducementRow,
    NoSuchAgreement,
    NoSuchOffering,
    Offering,
    OfferingIds,
    OfferingRow,
    OfferingsWanted,
    Plan,
    PlanAssigned,
    PlanRow,
    PlansWanted,
    Price,
    SetBuildingDefault,
    SetCharge,
    SetRate,
)
from currant.plans.urdb import plan_of
from currant.plans.versions import check_told, tariff_of, version_of
from currant.tariffs.book import unit_named
from currant.tariffs.judgement import (
    RATE_PLACES,
    STEP_PLACES,
    check_forward,
    check_later,
    check_number,
)
from currant.tariffs.model import (
    ChargeToSchedule,
    FixedRow,
    Rate,
    RateToSchedule,
    TariffCreated,
)
from currant.tariffs.terms import tier_of
from currant.tariffs.verbs import (
    calendar_named,
    create_calendar,
    lock_tariff,
    make_tariff,
    put_charge,
    put_rate,
    tariffs_named,
)

sql = Statements(__package__)
_CREATE_OFFERING = sql.rows("create_offering", int)
_OFFERINGS = sql.rows("offerings", OfferingRow)
_OFFERINGS_NAMED = sql.rows("offerings_named", OfferingIds)
_INDUCEMENTS = sql.rows("inducements", InducementRow)
_ACCOUNT_OF_AGREEMENT = sql.rows("account_of_agreement", str)
_ASSIGN_AGREEMENTS = sql.rows("assign_agreements", int)
_AGREEMENT_ASSIGNMENTS = sql.rows("agreement_assignments", PlanAssigned)
_SET_BUILDING_DEFAULT = sql.command("set_building_default")
_BUILDING_DEFAULTS = sql.rows("building_defaults", BuildingDefault)
_PLANS = sql.rows("plans", PlanRow)
_PRICES = sql.rows("prices", Price)
_TAX_AT = sql.rows("tax_at", Decimal)

_YEARS_AHEAD = 10
_PAGE = 500
_INSTANT = timedelta(microseconds=1)


@needs(Permission.TARIFFS_MANAGE)
async def create_plan(tx: Tx, command: CreatePlan) -> TariffCreated:
    """Create a price plan with its rates, standing charges and calendar.

    Raises `Invalid`, `UnsoundTariff` for what could not be priced, `TariffNameTaken`,
    `NoSuchCalendar`, and what `create_calendar` raises.
    """
    check_told(command)
    from_at = command.from_at or tx.now
    check_forward(from_at, command.until)
    version = version_of(command, minor_units(tx.portal.currency))
    return await make_tariff(
        tx,
        tariff_of(command, from_at, await _calendar_for(tx, command)),
        version.rates,
        version.charges,
    )


@needs(Permission.TARIFFS_MANAGE)
async def import_plan(tx: Tx, command: ImportPlan) -> TariffCreated:
    """Make a plan of a tariff of the URDB.

    Its holidays are reckoned for ten years where none are named. Raises `Unsupported`, and what
    `create_plan` raises.
    """
    year = (command.from_at or tx.now).year
    plan = plan_of(
        command.document,
        clock=command.clock or tx.portal.timezone,
        name=command.name,
        years=command.years or range(year, year + _YEARS_AHEAD),
        taxable=command.taxable,
    )
    return await create_plan(tx, replace(plan, from_at=command.from_at))


@needs(Permission.TARIFFS_MANAGE)
async def set_rate(tx: Tx, command: SetRate) -> Rate:
    """Schedule a rate of a plan; the one of its tier that runs ends where it begins.

    Raises `Invalid`, `UnsoundTariff` for a tier that is none, `NoSuchTariff`, `RateOverlaps`,
    `RateKindsMixed`.
    """
    check_number("rate", command.rate, RATE_PLACES)
    check_number("step_from", command.step_from, STEP_PLACES)
    tier_of(command.tier)
    check_later(command.from_at, command.until, tx.now)
    known = await lock_tariff(tx, command.tariff)
    return await put_rate(
        tx,
        known.tariff_id,
        RateToSchedule(
            tier=command.tier,
            start_at=command.from_at,
            end_at=command.until,
            rate=command.rate,
            usage_base_start=command.step_from,
            units=known.units,
            service=unit_named(known.units).service,
            coa=command.coa,
            ar_coa=command.ar_coa,
            taxable=command.taxable,
            described=command.description,
            buckets=command.buckets,
            rounding=command.rounding,
            meter_type_code=command.meter_type_code,
        ),
    )


@needs(Permission.TARIFFS_MANAGE)
async def set_charge(tx: Tx, command: SetCharge) -> FixedRow:
    """Schedule a standing charge of a plan; the one of its description that runs ends there.

    Raises `Invalid`, `NoSuchTariff`, `FixedOverlaps`, `FixedCoaUnknown`.
    """
    check_number("amount", command.amount, RATE_PLACES)
    check_later(command.from_at, command.until, tx.now)
    known = await lock_tariff(tx, command.tariff)
    return await put_charge(
        tx,
        known.tariff_id,
        ChargeToSchedule(
            description=command.description,
            start_at=command.from_at,
            end_at=command.until,
            amount=command.amount,
            basis=command.basis,
            taxable=command.taxable,
            rounding=command.rounding,
            coa=command.coa,
            ar_coa=command.ar_coa,
        ),
    )


@needs(Permission.TARIFFS_MANAGE)
async def assign_plan(tx: Tx, command: AssignPlan) -> list[PlanAssigned]:
    """Put a service agreement on a tariff, an offering or both; answers its plans in time.

    The tariff is for services without meters: what meters measure is priced by theirs.

    Raises `NoSuchAgreement`, `NoSuchTariff`, `NoSuchOffering`, `Invalid` where neither is named,
    and `Forbidden` for an account that is blocked for the caller.
    """
    portal_id = tx.portal.portal_id
    if command.tariff is None and command.offering is None:
        raise Invalid("Name a tariff or an offering. Nothing was changed.", field="tariff")
    account = await tx.maybe(
        _ACCOUNT_OF_AGREEMENT, portal_id=portal_id, agreement_id=command.agreement_id
    )
    if account is None:
        raise NoSuchAgreement(str(command.agreement_id), field="agreement_id")
    named = await tariffs_named(tx, [command.tariff], "tariff")
    offered = await offerings_named(tx, [command.offering], "offering")
    tx.user.refuse_blocked(account)
    tariff_id = None if command.tariff is None else named[command.tariff]
    offering_id = None if command.offering is None else offered[command.offering]
    await put_agreements_on(tx, [(command.agreement_id, tariff_id, offering_id, command.from_at)])
    return await tx.all(
        _AGREEMENT_ASSIGNMENTS, portal_id=portal_id, agreement_id=command.agreement_id
    )


async def put_agreements_on(
    tx: Tx, agreements: Sequence[tuple[int, int | None, int | None, datetime]]
) -> None:
    """Put agreements on a tariff and an offering from an instant each; None stays as it is then."""
    await tx.one(
        _ASSIGN_AGREEMENTS,
        portal_id=tx.portal.portal_id,
        agreement_ids=[agreement for agreement, _, _, _ in agreements],
        tariff_ids=[tariff for _, tariff, _, _ in agreements],
        offering_ids=[offering for _, _, offering, _ in agreements],
        from_at=[at for _, _, _, at in agreements],
        login=tx.user.login,
    )


@needs(Permission.TARIFFS_MANAGE)
async def create_offering(tx: Tx, command: CreateOffering) -> Offering:
    """Create an offering with its inducements.

    Raises `Invalid`, `OfferingCodeTaken`, `InducementImplausible`, `InducementCoaUnknown`.
    """
    given = command.inducements
    for inducement in given:
        check_number("value", inducement.value, RATE_PLACES)
    offering_id = await tx.one(
        _CREATE_OFFERING,
        portal_id=tx.portal.portal_id,
        code=command.code,
        description=command.description,
        inducements=wire.encode(given).decode(),
    )
    (made,) = await offerings(tx, OfferingsWanted(offering_ids=[offering_id]))
    return made


@needs(Permission.TARIFFS_VIEW)
async def offerings(tx: Tx, question: OfferingsWanted) -> list[Offering]:
    """List offerings with their inducements, by code."""
    portal_id = tx.portal.portal_id
    wanted = {"code": question.code, "offering_ids": question.offering_ids}
    rows = await tx.all(_OFFERINGS, portal_id=portal_id, **wanted)
    inducements: dict[int, list[InducementRow]] = {row.offering_id: [] for row in rows}
    for row in await tx.all(_INDUCEMENTS, portal_id=portal_id, offering_ids=list(inducements)):
        inducements[row.offering_id].append(row)
    return [
        Offering(
            row.offering_id, row.code, row.description, row.active, inducements[row.offering_id]
        )
        for row in rows
    ]


@needs(Permission.TARIFFS_MANAGE)
async def set_building_default(tx: Tx, command: SetBuildingDefault) -> list[BuildingDefault]:
    """Say what those who move into a building are put on; answers the building's defaults.

    Raises `NoSuchBuilding`, `NoSuchTariff`, `NoSuchOffering`.
    """
    buildings = await buildings_of(tx, [command.building], "building")
    named = await tariffs_named(tx, [command.tariff], "tariff")
    offered = await offerings_named(tx, [command.offering], "offering")
    await tx.run(
        _SET_BUILDING_DEFAULT,
        portal_id=tx.portal.portal_id,
        building_id=buildings[command.building].building_id,
        product_type=command.product_type,
        customer_type=command.customer_type,
        direct_debit=command.direct_debit,
        tariff_id=named[command.tariff],
        offering_id=None if command.offering is None else offered[command.offering],
    )
    return await building_defaults(tx, BuildingWanted(command.building))


@needs(Permission.TARIFFS_VIEW)
async def building_defaults(tx: Tx, question: BuildingWanted) -> list[BuildingDefault]:
    """List the defaults of a building, or of all."""
    return await tx.all(
        _BUILDING_DEFAULTS, portal_id=tx.portal.portal_id, building=question.building
    )


async def offerings_named(tx: Tx, codes: Sequence[str | None], field: str) -> dict[str, int]:
    """Return the offerings that codes mean, those still made.

    `field` names the member that told one, with its place for {}. Raises `NoSuchOffering`.
    """
    wanted = sorted({code for code in codes if code is not None})
    if not wanted:
        return {}
    rows = await tx.all(_OFFERINGS_NAMED, portal_id=tx.portal.portal_id, codes=wanted)
    found = {row.code: row.offering_id for row in rows}
    refuse_missing(codes, found, field, NoSuchOffering)
    return found


@needs(Permission.TARIFFS_VIEW)
async def plans(tx: Tx, question: PlansWanted) -> AsyncIterator[Plan]:
    """List plans of agreements with their prices, by account, service and time (U11, U21 to U23).

    A few hundred at a time; those of accounts that are blocked for the caller are left out. Raises
    `NoSuchBuilding`.
    """
    asked = await _asked(tx, question)
    at = asked["at"]
    tax = await tx.maybe(_TAX_AT, portal_id=tx.portal.portal_id, at=at) or Decimal(0)
    page: list[PlanRow] = []
    async for head in tx.each(_PLANS, **asked):
        page.append(head)
        if len(page) == _PAGE:
            for plan in await _whole(tx, page, at, tax, history=question.history):
                yield plan
            page = []
    for plan in await _whole(tx, page, at, tax, history=question.history):
        yield plan


@needs(Permission.TARIFFS_VIEW)
async def count_plans(tx: Tx, question: PlansWanted) -> int:
    """Say how many plans `plans` lists, whatever the page. Raises `NoSuchBuilding`."""
    whole = replace(question, how_many=None, beyond=0)
    return await tx.count(_PLANS, **await _asked(tx, whole))


async def _asked(tx: Tx, question: PlansWanted) -> dict[str, Any]:
    """Return what plans are asked for with; without a day those of now."""
    buildings = await buildings_of(tx, [question.building_code], "building_code")
    at = tx.now
    if question.as_at is not None:
        at = day_bounds(question.as_at, tx.portal.zone)[1] - _INSTANT
    return {
        "portal_id": tx.portal.portal_id,
        "timezone": tx.portal.timezone,
        "account": question.account,
        "agreement_id": question.agreement_id,
        "building_id": next((building.building_id for building in buildings.values()), None),
        "at": at,
        "history": question.history,
        "active_only": question.active_only,
        "blocked": list(tx.user.blocked),
        "how_many": question.how_many,
        "beyond": question.beyond,
    }


async def _calendar_for(tx: Tx, command: CreatePlan) -> int | None:
    """Return the calendar of a new plan: one made with it, or one that is there."""
    if command.calendar is not None and command.follows is not None:
        raise Invalid("A plan has one calendar. Nothing was created.", field="follows")
    if command.calendar is not None:
        return (await create_calendar(tx, command.calendar)).calendar_id
    return None if command.follows is None else await calendar_named(tx, command.follows)


async def _whole(
    tx: Tx, heads: Sequence[PlanRow], at: datetime, tax: Decimal, *, history: bool
) -> list[Plan]:
    """Add what plans price and offer, in two statements for all of them."""
    if not heads:
        return []
    portal_id = tx.portal.portal_id
    tariff_ids = sorted({head.tariff_id for head in heads})
    rows = await tx.all(_PRICES, portal_id=portal_id, tariff_ids=tariff_ids)
    prices = {key: list(group) for key, group in groupby(rows, attrgetter("tariff_id"))}
    offering_ids = sorted({head.offering_id for head in heads if head.offering_id is not None})
    offered = await offerings(tx, OfferingsWanted(offering_ids=offering_ids))
    by_id = {offering.offering_id: offering for offering in offered}
    return [
        Plan(
            head,
            [
                price
                for price in prices.get(head.tariff_id, [])
                if (price.meets(head.start_at, head.end_at) if history else price.holds(at))
            ],
            None if head.offering_id is None else by_id[head.offering_id],
            tax,
            at,
        )
        for head in heads
    ]
