"""Acts on tariffs, and the questions asked about them."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import msgspec

from currant.access.permissions import Permission, needs
from currant.clock import Instant, day_bounds, parse_instant
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Invalid
from currant.metering.model import NoSuchMeter
from currant.money import minor_units
from currant.tariffs.book import (
    DatedCharge,
    DatedRate,
    DatedTax,
    PriceBook,
    calendar_for,
    unit_named,
    version_of,
)
from currant.tariffs.calendars import calendar_of, public_holidays
from currant.tariffs.model import (
    AgreementAndPlan,
    AlreadyCharged,
    AssignmentRow,
    AssignPlan,
    AssignTariff,
    AttachCalendar,
    BookSwitch,
    BookTariff,
    BuildingAndPlan,
    BuildingDefault,
    BuildingWanted,
    CalendarCreated,
    CreateCalendar,
    CreateOffering,
    CreatePlan,
    CreateTariff,
    DefaultPlan,
    FixedRow,
    ImportPlan,
    InducementRow,
    LockedTariff,
    MeterAndTariff,
    NoSuchAgreement,
    NoSuchBuilding,
    NoSuchCalendar,
    NoSuchFixedCharge,
    NoSuchOffering,
    NoSuchTariff,
    Offering,
    OfferingRow,
    OfferingsWanted,
    Period,
    PlanAssigned,
    Rate,
    RateKindsMixed,
    RateRunsBackward,
    RateScheduled,
    ScheduleRate,
    SetBuildingDefault,
    SetCharge,
    SetFixedCharge,
    SetRate,
    SetTax,
    TariffCreated,
    TariffHead,
    TariffShown,
    TariffsWanted,
    TariffTypeUnknown,
    TariffWanted,
    TaxImplausible,
    TierUnknown,
)
from currant.tariffs.plans import BlocksOver, Per, RoundPer, Terms, tier_of
from currant.tariffs.pricing import TIERS
from currant.tariffs.tiers import coa_of, description_of, tiers_of
from currant.tariffs.urdb import plan_of

sql = Statements(__package__)
_CREATE_TARIFF = sql.rows("create_tariff", TariffCreated)
_LOCK_TARIFF = sql.rows("lock_tariff", LockedTariff)
_SCHEDULE_RATE = sql.rows("schedule_rate", Rate)
_TARIFFS = sql.rows("tariffs", TariffHead)
_RATES = sql.rows("rates", Rate)
_FIXED_CHARGES = sql.rows("fixed_charges", FixedRow)
_SET_TAX = sql.command("set_tax")
_CREATE_PLAN = sql.rows("create_plan", TariffCreated)
_SCHEDULE_CHARGE = sql.rows("schedule_charge", FixedRow)
_CREATE_OFFERING = sql.rows("create_offering", int)
_OFFERINGS = sql.rows("offerings", OfferingRow)
_INDUCEMENTS = sql.rows("inducements", InducementRow)
_AGREEMENT_AND_PLAN = sql.rows("agreement_and_plan", AgreementAndPlan)
_ASSIGN_AGREEMENTS = sql.rows("assign_agreements", int)
_AGREEMENT_ASSIGNMENTS = sql.rows("agreement_assignments", PlanAssigned)
_BUILDING_AND_PLAN = sql.rows("building_and_plan", BuildingAndPlan)
_SET_BUILDING_DEFAULT = sql.command("set_building_default")
_BUILDING_DEFAULTS = sql.rows("building_defaults", BuildingDefault)
_DEFAULT_PLAN = sql.rows("default_plan", DefaultPlan)
_CREATE_CALENDAR = sql.rows("create_calendar", int)
_CALENDAR_NAMED = sql.rows("calendar_named", int)
_ATTACH_CALENDAR = sql.command("attach_calendar")
_SET_FIXED_CHARGE = sql.rows("set_fixed_charge", FixedRow)
_METER_AND_TARIFF = sql.rows("meter_and_tariff", MeterAndTariff)
_ASSIGN = sql.rows("assign", int)
_DRAW_AGAIN = sql.command("draw_again")
_USED_SINCE = sql.rows("used_since", bool)
_ASSIGNMENTS = sql.rows("assignments", AssignmentRow)
_BOOK_TARIFF = sql.rows("book_tariff", BookTariff)
_BOOK_RATES = sql.rows("book_rates", DatedRate)
_BOOK_TAXES = sql.rows("book_taxes", DatedTax)
_BOOK_CHARGES = sql.rows("book_charges", DatedCharge)
_BOOK_SWITCHES = sql.rows("book_switches", BookSwitch)
_BOOK_HOLIDAYS = sql.rows("book_holidays", date)

# A new tariff's rates run to the end of this day by the portal's clock (J23).
_LAST_DAY = date(2050, 1, 1)
_FIXED_COA = "4900"
_RECEIVABLE_COA = "1102"
_SECOND = timedelta(seconds=1)
_LARGEST = 10**9
_RATE_PLACES = 9
_AMOUNT_PLACES = 3
_STEP_PLACES = 3
_YEARS_AHEAD = 10
_TAX_PLACES = 6


@needs(Permission.TARIFFS_MANAGE)
async def create_tariff(tx: Tx, command: CreateTariff) -> TariffCreated:
    """Create a tariff with its rate lines from now to the end of 2050-01-01 (J23).

    Raises `Invalid`, `TariffNameTaken`.
    """
    if not 0 <= command.type <= 9:
        raise TariffTypeUnknown(f"It is {command.type}.", field="type")
    if not command.name.strip():
        raise Invalid("The name of a tariff is not blank. Nothing was created.", field="name")
    _check_number("rate", command.rate, _RATE_PLACES)
    unit = unit_named(command.units)
    tiers = tiers_of(command)
    charges = [("Fixed Charge", "MONTHLY")] * command.fixed
    charges += [("kVA Fixed Charge", "KVA")] * command.kva_fixed
    linear = command.type == 1
    return await tx.one(
        _CREATE_TARIFF,
        portal_id=tx.portal.portal_id,
        name=command.name,
        description=command.description,
        municipality=command.municipality,
        type=command.type,
        units=command.units,
        service=unit.service,
        at=tx.now,
        end_at=day_bounds(_LAST_DAY, tx.portal.zone)[1],
        tiers=tiers,
        rates=[command.rate if tier[0] in "BT" else Decimal(0) for tier in tiers],
        coas=list(map(coa_of, tiers)),
        taxables=[command.taxable and tier[0] != "L" for tier in tiers],
        descriptions=["" if linear and tier == "B1" else description_of(tier) for tier in tiers],
        taxable=command.taxable,
        fixed_coa=_FIXED_COA,
        ar_coa=_RECEIVABLE_COA,
        fixed_descriptions=[description for description, _ in charges],
        fixed_bases=[basis for _, basis in charges],
    )


@needs(Permission.TARIFFS_MANAGE)
async def schedule_rate(tx: Tx, command: ScheduleRate) -> RateScheduled:
    """Schedule a rate of one tier; the line of that tier in force now ends where it begins (J28).

    Raises `Invalid`, `NoSuchTariff`, `RateOverlaps`, `RateKindsMixed`, `TierUnknown`.
    """
    _check_number("rate", command.rate, _RATE_PLACES)
    if not 0 <= command.usage_base_start <= _LARGEST:
        raise Invalid(
            f"The usage_base_start is a whole number from 0 to {_LARGEST}. Nothing was scheduled.",
            field="usage_base_start",
        )
    start = _instant("start_date", command.start, tx)
    end = _instant("end_date", command.end, tx)
    start_at = start.at.replace(microsecond=0)
    if start_at <= tx.now:
        raise Invalid(
            "The start_date must be later than now. Nothing was scheduled.", field="start_date"
        )
    if end.at <= start.at:
        raise RateRunsBackward(field="end_date")
    known = await _locked(tx, command.tariff)
    if command.tier not in TIERS:
        raise TierUnknown(field="tier")
    if command.units.casefold() != known.units.casefold():
        raise Invalid(
            f"The units of {command.tariff} are {known.units}. Nothing was scheduled.",
            field="units",
        )
    line = await tx.maybe(
        _SCHEDULE_RATE,
        portal_id=tx.portal.portal_id,
        tariff_id=known.tariff_id,
        tier=command.tier,
        at=tx.now,
        start_at=start_at,
        end_at=_second_after(end.at),
        rate=command.rate,
        usage_base_start=command.usage_base_start,
        units=command.units,
        service=command.service,
        coa=command.coa,
        ar_coa=command.ar_coa,
        taxable=None,
        described=None,
        description=description_of(command.tier),
        buckets=None,
        rounding=None,
        meter_type_code=None,
    )
    if line is None:
        raise RateKindsMixed("Nothing was scheduled.", field="tier")
    nonstandard = start.nonstandard or end.nonstandard
    return RateScheduled(tx.portal.timezone, line, start.echo, end.echo, nonstandard)


@needs(Permission.TARIFFS_MANAGE)
async def create_plan(tx: Tx, command: CreatePlan) -> TariffCreated:
    """Create a price plan with its rates, standing charges and calendar.

    Raises `Invalid`, `UnsoundTariff` for what could not be priced, `TariffNameTaken`,
    `NoSuchCalendar`, and what `create_calendar` raises.
    """
    if not command.name.strip():
        raise Invalid("The name of a plan is not blank. Nothing was created.", field="name")
    for rate in command.rates:
        _check_number("rate", rate.rate, _RATE_PLACES)
        _check_number("step_from", rate.step_from, _STEP_PLACES)
    for charge in command.charges:
        _check_number("amount", charge.amount, _RATE_PLACES)
    _check_number("ratchet_share", command.terms.ratchet_share, _TAX_PLACES)
    from_at = command.from_at or tx.now
    _refuse_backward(from_at, command.until)
    version = version_of(command, Decimal(0), minor_units(tx.portal.currency))
    terms, tiers = command.terms, [rate.tier for rate in command.rates]
    blocks = sum(tier[0] == "B" for tier in tiers)
    return await tx.one(
        _CREATE_PLAN,
        portal_id=tx.portal.portal_id,
        name=command.name,
        description=command.description,
        municipality=command.municipality,
        type=0 if any(tier[0] == "T" for tier in tiers) else max(1, blocks),
        units=command.units,
        service=unit_named(command.units).service,
        calendar_id=await _calendar_for(tx, command),
        block_period=terms.block_period.value,
        blocks_over=terms.blocks_over.value,
        whole_blocks=terms.whole_blocks,
        demand_period=terms.demand_period.value,
        ratchet_share=terms.ratchet_share,
        ratchet_months=terms.ratchet_months,
        round_per=terms.round_per.value,
        with_losses=terms.with_losses,
        at=tx.now,
        from_at=from_at,
        until=command.until,
        tiers=tiers,
        rates=[rate.rate for rate in version.rates],
        steps=[rate.step_from for rate in version.rates],
        coas=[rate.coa for rate in version.rates],
        ar_coas=[rate.ar_coa for rate in version.rates],
        taxables=[rate.taxable for rate in version.rates],
        descriptions=[rate.description for rate in version.rates],
        buckets=[",".join(map(str, rate.buckets)) for rate in version.rates],
        roundings=[rate.rounding.value for rate in version.rates],
        meter_type_codes=[rate.meter_type_code for rate in command.rates],
        charge_descriptions=[charge.description for charge in version.charges],
        amounts=[charge.amount for charge in version.charges],
        bases=[charge.basis.value for charge in version.charges],
        charge_coas=[charge.coa for charge in version.charges],
        charge_ar_coas=[charge.ar_coa for charge in version.charges],
        charge_taxables=[charge.taxable for charge in version.charges],
        charge_roundings=[charge.rounding.value for charge in version.charges],
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
    return await create_plan(tx, msgspec.structs.replace(plan, from_at=command.from_at))


async def _calendar_for(tx: Tx, command: CreatePlan) -> int | None:
    """Return the calendar of a new plan: one made with it, or one that is there."""
    if command.calendar is not None and command.follows is not None:
        raise Invalid("A plan has one calendar. Nothing was created.", field="follows")
    if command.calendar is not None:
        return (await create_calendar(tx, command.calendar)).calendar_id
    return None if command.follows is None else await _calendar_named(tx, command.follows)


@needs(Permission.TARIFFS_MANAGE)
async def set_rate(tx: Tx, command: SetRate) -> Rate:
    """Schedule a rate of a plan; the one of its tier that runs ends where it begins.

    Raises `Invalid`, `UnsoundTariff` for a tier that is none, `NoSuchTariff`, `RateOverlaps`,
    `RateKindsMixed`.
    """
    _check_number("rate", command.rate, _RATE_PLACES)
    _check_number("step_from", command.step_from, _STEP_PLACES)
    tier_of(command.tier)
    _refuse_past(tx, command.from_at)
    _refuse_backward(command.from_at, command.until)
    known = await _locked(tx, command.tariff)
    line = await tx.maybe(
        _SCHEDULE_RATE,
        portal_id=tx.portal.portal_id,
        tariff_id=known.tariff_id,
        tier=command.tier,
        at=tx.now,
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
        description=description_of(command.tier),
        buckets=command.buckets,
        rounding=command.rounding and command.rounding.value,
        meter_type_code=command.meter_type_code,
    )
    if line is None:
        raise RateKindsMixed("Nothing was scheduled.", field="tier")
    return line


@needs(Permission.TARIFFS_MANAGE)
async def set_charge(tx: Tx, command: SetCharge) -> FixedRow:
    """Schedule a standing charge of a plan; the one of its description that runs ends there.

    Raises `Invalid`, `NoSuchTariff`, `FixedOverlaps`, `FixedCoaUnknown`.
    """
    _check_number("amount", command.amount, _RATE_PLACES)
    _refuse_past(tx, command.from_at)
    _refuse_backward(command.from_at, command.until)
    known = await _locked(tx, command.tariff)
    row = await tx.maybe(
        _SCHEDULE_CHARGE,
        portal_id=tx.portal.portal_id,
        tariff_id=known.tariff_id,
        description=command.description,
        amount=command.amount,
        basis=command.basis and command.basis.value,
        start_at=command.from_at,
        end_at=command.until,
        taxable=command.taxable,
        rounding=command.rounding and command.rounding.value,
        coa=command.coa,
        ar_coa=command.ar_coa,
    )
    if row is None:
        raise Invalid("A new charge says its basis. Nothing was scheduled.", field="basis")
    return row


@needs(Permission.TARIFFS_VIEW)
async def tariffs(tx: Tx, question: TariffsWanted) -> list[TariffShown]:
    """List tariffs with the rates in force, by id (J24)."""
    heads = await tx.all(
        _TARIFFS,
        portal_id=tx.portal.portal_id,
        at=tx.now,
        name=None,
        search=question.search,
        municipality=question.municipality,
        how_many=question.how_many,
        skip=question.skip,
    )
    return await _shown(tx, heads, Period.CURRENT)


@needs(Permission.TARIFFS_VIEW)
async def tariff(tx: Tx, question: TariffWanted) -> TariffShown:
    """Show a tariff with its past, present or future rates (J25-J27). Raises `NoSuchTariff`."""
    heads = await tx.all(
        _TARIFFS,
        portal_id=tx.portal.portal_id,
        at=tx.now,
        name=question.tariff,
        search=None,
        municipality=None,
        how_many=1,
        skip=0,
    )
    if not heads:
        raise NoSuchTariff(question.tariff, field="tariff")
    (shown,) = await _shown(tx, heads, question.period)
    return shown


@needs(Permission.TARIFFS_MANAGE)
async def set_tax(tx: Tx, command: SetTax) -> list[DatedTax]:
    """Tax the portal's taxable lines at a rate from an instant on; answers its taxes in time.

    It lasts until the next rate that was set before. Raises `TaxImplausible`, and `AlreadyCharged`
    where anything was used since then.
    """
    if not 0 <= command.rate < 1:
        raise TaxImplausible(f"It is {command.rate}.", field="rate")
    _check_number("rate", command.rate, _TAX_PLACES)
    portal_id = tx.portal.portal_id
    if await tx.one(_USED_SINCE, portal_id=portal_id, since=command.from_at, tariff=None):
        raise AlreadyCharged("Tax it from an instant on that is still to come.", field="from")
    await tx.run(_SET_TAX, portal_id=portal_id, rate=command.rate, from_at=command.from_at)
    return await tx.all(_BOOK_TAXES, portal_id=portal_id)


@needs(Permission.TARIFFS_MANAGE)
async def create_calendar(tx: Tx, command: CreateCalendar) -> CalendarCreated:
    """Create a time-of-use calendar.

    Raises `UnsoundCalendar`, `UnknownClock`, `CalendarNameTaken`, and `Invalid` for a country whose
    holidays are not known.
    """
    if not command.name.strip():
        raise Invalid("The name of a calendar is not blank. Nothing was created.", field="name")
    holidays = frozenset(command.holidays)
    if command.country is not None:
        holidays |= public_holidays(command.country, command.subdivision, command.years)
    calendar = calendar_for(command, holidays)
    switches = calendar.switches()
    calendar_id = await tx.one(
        _CREATE_CALENDAR,
        portal_id=tx.portal.portal_id,
        name=command.name,
        clock=command.clock,
        months=[month for month, _, _, _ in switches],
        day_types=[kind for _, kind, _, _ in switches],
        minutes=[minute for _, _, minute, _ in switches],
        buckets=[bucket for _, _, _, bucket in switches],
        holidays=sorted(holidays),
    )
    return CalendarCreated(calendar_id, command.name, sorted(holidays))


@needs(Permission.TARIFFS_MANAGE)
async def attach_calendar(tx: Tx, command: AttachCalendar) -> AttachCalendar:
    """Let a tariff follow a calendar, or none.

    Raises `NoSuchTariff`, `NoSuchCalendar`, and `AlreadyCharged` where meters on the tariff used
    anything.
    """
    portal_id, calendar_id = tx.portal.portal_id, None
    if command.calendar is not None:
        calendar_id = await _calendar_named(tx, command.calendar)
    if await tx.one(_USED_SINCE, portal_id=portal_id, since=tx.now, tariff=command.tariff):
        raise AlreadyCharged(
            "Create a tariff of another name with this calendar, and assign it.", field="tariff"
        )
    if not await tx.run(
        _ATTACH_CALENDAR, portal_id=portal_id, name=command.tariff, calendar_id=calendar_id
    ):
        raise NoSuchTariff(command.tariff, field="tariff")
    return command


@needs(Permission.TARIFFS_MANAGE)
async def set_fixed_charge(tx: Tx, command: SetFixedCharge) -> FixedRow:
    """Set the amount of a fixed charge for the months to come. Raises `NoSuchFixedCharge`."""
    _check_number("amount", command.amount, _AMOUNT_PLACES)
    if not 0 < command.fixed_id < 2**31:
        raise NoSuchFixedCharge(str(command.fixed_id), field="fixed_id")
    row = await tx.maybe(
        _SET_FIXED_CHARGE,
        portal_id=tx.portal.portal_id,
        fixed_id=command.fixed_id,
        amount=command.amount,
    )
    if row is None:
        raise NoSuchFixedCharge(str(command.fixed_id), field="fixed_id")
    return row


@needs(Permission.TARIFFS_MANAGE)
async def assign_tariff(tx: Tx, command: AssignTariff) -> list[AssignmentRow]:
    """Put a meter on a tariff from an instant on; answers its tariffs in time.

    What it used since then is charged anew by the drawdown that follows; fixed charges stand.

    Raises `NoSuchMeter`, `NoSuchTariff`, and `Forbidden` where the meter supplies an account from
    then on that is blocked for the caller.
    """
    portal_id = tx.portal.portal_id
    named = await tx.one(
        _METER_AND_TARIFF,
        portal_id=portal_id,
        serial_number=command.serial_number,
        tariff=command.tariff,
        from_at=command.from_at,
    )
    if named.meter_id is None:
        raise NoSuchMeter(command.serial_number, field="serial_number")
    if named.tariff_id is None:
        raise NoSuchTariff(command.tariff, field="tariff")
    for account in named.accounts:
        tx.user.refuse_blocked(account)
    changed = await tx.one(
        _ASSIGN,
        portal_id=portal_id,
        meter_ids=[named.meter_id],
        tariff_ids=[named.tariff_id],
        from_at=[command.from_at],
        login=tx.user.login,
    )
    if changed:
        told = {"meter_id": named.meter_id, "since": command.from_at}
        await tx.run(_DRAW_AGAIN, portal_id=portal_id, **told)
    return await tx.all(_ASSIGNMENTS, portal_id=portal_id, meter_id=named.meter_id)


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
    named = await tx.one(
        _AGREEMENT_AND_PLAN,
        portal_id=portal_id,
        agreement_id=command.agreement_id,
        tariff=command.tariff,
        offering=command.offering,
    )
    if named.account is None:
        raise NoSuchAgreement(str(command.agreement_id), field="agreement_id")
    _refuse_unknown(command.tariff, named.tariff_id, command.offering, named.offering_id)
    tx.user.refuse_blocked(named.account)
    await tx.one(
        _ASSIGN_AGREEMENTS,
        portal_id=portal_id,
        agreement_ids=[command.agreement_id],
        tariff_ids=[named.tariff_id],
        offering_ids=[named.offering_id],
        from_at=[command.from_at],
        login=tx.user.login,
    )
    return await tx.all(
        _AGREEMENT_ASSIGNMENTS, portal_id=portal_id, agreement_id=command.agreement_id
    )


@needs(Permission.TARIFFS_MANAGE)
async def create_offering(tx: Tx, command: CreateOffering) -> Offering:
    """Create an offering with its inducements.

    Raises `Invalid`, `OfferingCodeTaken`, `InducementImplausible`, `InducementCoaUnknown`.
    """
    given = command.inducements
    for inducement in given:
        _check_number("value", inducement.value, _RATE_PLACES)
    offering_id = await tx.one(
        _CREATE_OFFERING,
        portal_id=tx.portal.portal_id,
        code=command.code,
        description=command.description,
        kinds=[inducement.kind.value for inducement in given],
        values=[inducement.value for inducement in given],
        descriptions=[inducement.description for inducement in given],
        conditions=[inducement.condition for inducement in given],
        taxables=[inducement.taxable for inducement in given],
        coas=[inducement.coa for inducement in given],
        ar_coas=[inducement.ar_coa for inducement in given],
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
    portal_id = tx.portal.portal_id
    named = await tx.one(
        _BUILDING_AND_PLAN,
        portal_id=portal_id,
        building=command.building,
        tariff=command.tariff,
        offering=command.offering,
    )
    if named.building_id is None:
        raise NoSuchBuilding(command.building, field="building")
    _refuse_unknown(command.tariff, named.tariff_id, command.offering, named.offering_id)
    await tx.run(
        _SET_BUILDING_DEFAULT,
        portal_id=portal_id,
        building_id=named.building_id,
        product_type=command.product_type,
        customer_type=command.customer_type,
        direct_debit=command.direct_debit,
        tariff_id=named.tariff_id,
        offering_id=named.offering_id,
    )
    return await building_defaults(tx, BuildingWanted(command.building))


@needs(Permission.TARIFFS_VIEW)
async def building_defaults(tx: Tx, question: BuildingWanted) -> list[BuildingDefault]:
    """List the defaults of a building, or of all."""
    return await tx.all(
        _BUILDING_DEFAULTS, portal_id=tx.portal.portal_id, building=question.building
    )


async def default_plan(
    tx: Tx, building_id: int, product_type: str, customer_type: str, *, direct_debit: bool
) -> DefaultPlan | None:
    """Return what somebody is put on who moves into a building and names no plan."""
    return await tx.maybe(
        _DEFAULT_PLAN,
        portal_id=tx.portal.portal_id,
        building_id=building_id,
        product_type=product_type,
        customer_type=customer_type,
        direct_debit=direct_debit,
    )


async def price_book(tx: Tx, tariff_id: int, revision: int) -> PriceBook:
    """Return a tariff's price book, from memory where this revision was read before.

    A revision says everything: rates, charges, taxes and calendars all raise it when they change,
    and none is given twice. A book during whose reading the revision changed is read again, because
    its parts may be of two minds. Raises `NoSuchTariff`.
    """
    books: dict[tuple[int, int, int], PriceBook] = tx.memory.setdefault(PriceBook, {})
    portal_id = tx.portal.portal_id
    while (portal_id, tariff_id, revision) not in books:
        book, read_revision = await _read_book(tx, tariff_id)
        if read_revision == revision:
            if len(books) > 5000:
                books.clear()
            books[portal_id, tariff_id, revision] = book
        revision = read_revision
    return books[portal_id, tariff_id, revision]


async def _read_book(tx: Tx, tariff_id: int) -> tuple[PriceBook, int]:
    """Read a book, and after everything else its revision."""
    portal_id = tx.portal.portal_id
    rates = await tx.all(_BOOK_RATES, portal_id=portal_id, tariff_id=tariff_id)
    taxes = await tx.all(_BOOK_TAXES, portal_id=portal_id)
    switches = await tx.all(_BOOK_SWITCHES, portal_id=portal_id, tariff_id=tariff_id)
    holidays = await tx.all(_BOOK_HOLIDAYS, portal_id=portal_id, tariff_id=tariff_id)
    charges = await tx.all(_BOOK_CHARGES, portal_id=portal_id, tariff_id=tariff_id)
    head = await tx.maybe(_BOOK_TARIFF, portal_id=portal_id, tariff_id=tariff_id)
    if head is None:
        raise NoSuchTariff(str(tariff_id), field="tariff")
    calendar = None
    if head.clock is not None:
        changes = [(s.month, s.day_type, s.minute, s.bucket) for s in switches]
        calendar = calendar_of(head.clock, changes, frozenset(holidays))
    book = PriceBook(
        tariff_id=head.tariff_id,
        name=head.name,
        zone=head.zone,
        minor_units=minor_units(tx.portal.currency),
        rates=tuple(rates),
        taxes=tuple(taxes),
        calendar=calendar,
        unit_size=unit_named(head.units).size,
        units=head.units,
        charges=tuple(charges),
        terms=Terms(
            Per(head.block_period),
            BlocksOver(head.blocks_over),
            head.whole_blocks,
            Per(head.demand_period),
            head.ratchet_share,
            head.ratchet_months,
            RoundPer(head.round_per),
            head.with_losses,
        ),
    )
    return book, head.revision


async def _shown(tx: Tx, heads: list[TariffHead], period: Period) -> list[TariffShown]:
    """Put to tariffs their fixed charges and the rates of a period."""
    fixed: dict[int, list[FixedRow]] = {head.tariff_id: [] for head in heads}
    rates: dict[int, list[Rate]] = {head.tariff_id: [] for head in heads}
    found = {"portal_id": tx.portal.portal_id, "tariff_ids": list(fixed)}
    found |= {"period": period.value, "at": tx.now}
    for charge in await tx.all(_FIXED_CHARGES, **found):
        fixed[charge.tariff_id].append(charge)
    for rate in await tx.all(_RATES, **found):
        rates[rate.tariff_id].append(rate)
    return [
        TariffShown(
            tx.portal.key,
            tx.portal.timezone,
            head,
            fixed[head.tariff_id],
            rates[head.tariff_id],
        )
        for head in heads
    ]


async def _locked(tx: Tx, name: str) -> LockedTariff:
    """Lock a tariff by its name; raises `NoSuchTariff`."""
    known = await tx.maybe(_LOCK_TARIFF, portal_id=tx.portal.portal_id, name=name)
    if known is None:
        raise NoSuchTariff(name, field="tariff")
    return known


async def _calendar_named(tx: Tx, name: str) -> int:
    calendar_id = await tx.maybe(_CALENDAR_NAMED, portal_id=tx.portal.portal_id, name=name)
    if calendar_id is None:
        raise NoSuchCalendar(name, field="calendar")
    return calendar_id


def _refuse_unknown(
    tariff: str | None, tariff_id: int | None, offering: str | None, offering_id: int | None
) -> None:
    """Refuse a tariff or an offering that was named and is not there."""
    if tariff is not None and tariff_id is None:
        raise NoSuchTariff(tariff, field="tariff")
    if offering is not None and offering_id is None:
        raise NoSuchOffering(offering, field="offering")


def _refuse_past(tx: Tx, from_at: datetime) -> None:
    if from_at <= tx.now:
        raise Invalid("It begins later than now. Nothing was scheduled.", field="from")


def _refuse_backward(from_at: datetime, until: datetime | None) -> None:
    if until is not None and until <= from_at:
        raise Invalid("It ends later than it begins. Nothing was changed.", field="until")


def _check_number(name: str, number: Decimal, places: int) -> None:
    """Refuse what the column would round, and what is negative or absurd."""
    if not 0 <= number < _LARGEST or number != round(number, places):
        raise Invalid(
            f"The {name} is a number from 0 to {_LARGEST} with at most {places} decimals."
            " Nothing was changed.",
            field=name,
        )


def _instant(name: str, text: str, tx: Tx) -> Instant:
    """Read a timestamp of a named member."""
    try:
        return parse_instant(text, tx.portal.zone)
    except Invalid as refusal:
        raise Invalid(f"The {name} {refusal.detail}", field=name) from None


def _second_after(last: datetime) -> datetime | None:
    """Return the half-open end of what is in force through a second; none at the end of time."""
    try:
        return last.replace(microsecond=0) + _SECOND
    except OverflowError:
        return None
