"""Acts on tariffs, and the questions asked about them."""

from collections.abc import Sequence
from datetime import date

from msgspec.structs import asdict

from currant import wire
from currant.access.permissions import Permission, needs
from currant.clock import day_bounds
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Invalid
from currant.locations.verbs import refuse_missing
from currant.metering.model import NoSuchMeter
from currant.money import minor_units
from currant.tariffs.book import (
    BookSwitch,
    BookTariff,
    DatedCharge,
    DatedRate,
    DatedTax,
    PriceBook,
    book_of,
    calendar_for,
    unit_named,
)
from currant.tariffs.calendars import public_holidays
from currant.tariffs.judgement import (
    AMOUNT_PLACES,
    FRACTION_PLACES,
    RATE_PLACES,
    check_number,
    scheduled,
    second_after,
)
from currant.tariffs.model import (
    AlreadyCharged,
    AssignmentRow,
    AssignTariff,
    AttachCalendar,
    CalendarCreated,
    ChargeToSchedule,
    CreateCalendar,
    CreateTariff,
    FixedRow,
    LockedTariff,
    MeterAndTariff,
    NoSuchCalendar,
    NoSuchFixedCharge,
    NoSuchTariff,
    Period,
    Rate,
    RateKindsMixed,
    RateScheduled,
    RateToSchedule,
    ScheduleRate,
    SetFixedCharge,
    SetTax,
    TariffCreated,
    TariffHead,
    TariffIds,
    TariffShown,
    TariffsWanted,
    TariffToMake,
    TariffTypeUnknown,
    TariffWanted,
    TaxImplausible,
    TierUnknown,
)
from currant.tariffs.pricing import TIERS
from currant.tariffs.terms import PlanRate, Standing
from currant.tariffs.tiers import charges_of, description_of, rates_of

sql = Statements(__package__)
_MAKE_TARIFF = sql.rows("make_tariff", TariffCreated)
_LOCK_TARIFF = sql.rows("lock_tariff", LockedTariff)
_SCHEDULE_RATE = sql.rows("schedule_rate", Rate)
_TARIFFS = sql.rows("tariffs", TariffHead)
_TARIFFS_NAMED = sql.rows("tariffs_named", TariffIds)
_RATES = sql.rows("rates", Rate)
_FIXED_CHARGES = sql.rows("fixed_charges", FixedRow)
_SET_TAX = sql.command("set_tax")
_SCHEDULE_CHARGE = sql.rows("schedule_charge", FixedRow)
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


@needs(Permission.TARIFFS_MANAGE)
async def create_tariff(tx: Tx, command: CreateTariff) -> TariffCreated:
    """Create a tariff with its rate lines from now to the end of 2050-01-01 (J23).

    Raises `Invalid`, `TariffNameTaken`.
    """
    if not 0 <= command.type <= 9:
        raise TariffTypeUnknown(f"It is {command.type}.", field="type")
    if not command.name.strip():
        raise Invalid("The name of a tariff is not blank. Nothing was created.", field="name")
    check_number("rate", command.rate, RATE_PLACES)
    return await make_tariff(
        tx,
        TariffToMake(
            name=command.name,
            description=command.description,
            municipality=command.municipality,
            type=command.type,
            units=command.units,
            from_at=tx.now,
            until=day_bounds(_LAST_DAY, tx.portal.zone)[1],
        ),
        rates_of(command),
        charges_of(command),
    )


async def make_tariff(
    tx: Tx, tariff: TariffToMake, rates: Sequence[PlanRate], charges: Sequence[Standing]
) -> TariffCreated:
    """Make a tariff with its rates and charges. Raises `TariffNameTaken`."""
    columns = asdict(tariff)
    terms = asdict(columns.pop("terms"))
    return await tx.one(
        _MAKE_TARIFF,
        portal_id=tx.portal.portal_id,
        at=tx.now,
        service=unit_named(tariff.units).service,
        rates=wire.encode(rates).decode(),
        charges=wire.encode(charges).decode(),
        **columns,
        **terms,
    )


@needs(Permission.TARIFFS_MANAGE)
async def schedule_rate(tx: Tx, command: ScheduleRate) -> RateScheduled:
    """Schedule a rate of one tier; the line of that tier in force now ends where it begins (J28).

    Raises `Invalid`, `NoSuchTariff`, `RateOverlaps`, `RateKindsMixed`, `TierUnknown`.
    """
    start, end = scheduled(command, tx.portal.zone, tx.now)
    known = await lock_tariff(tx, command.tariff)
    if command.tier not in TIERS:
        raise TierUnknown(field="tier")
    if command.units.casefold() != known.units.casefold():
        raise Invalid(
            f"The units of {command.tariff} are {known.units}. Nothing was scheduled.",
            field="units",
        )
    line = await put_rate(
        tx,
        known.tariff_id,
        RateToSchedule(
            tier=command.tier,
            start_at=start.at.replace(microsecond=0),
            end_at=second_after(end.at),
            rate=command.rate,
            usage_base_start=command.usage_base_start,
            units=command.units,
            service=command.service,
            coa=command.coa,
            ar_coa=command.ar_coa,
        ),
    )
    nonstandard = start.nonstandard or end.nonstandard
    return RateScheduled(tx.portal.timezone, line, start.echo, end.echo, nonstandard)


async def put_rate(tx: Tx, tariff_id: int, rate: RateToSchedule) -> Rate:
    """Put a rate to a tariff that is locked; the one of its tier that runs ends where it begins.

    Raises `RateOverlaps`, `RateKindsMixed`.
    """
    line = await tx.maybe(
        _SCHEDULE_RATE,
        portal_id=tx.portal.portal_id,
        tariff_id=tariff_id,
        at=tx.now,
        description=description_of(rate.tier),
        **asdict(rate),
    )
    if line is None:
        raise RateKindsMixed("Nothing was scheduled.", field="tier")
    return line


async def put_charge(tx: Tx, tariff_id: int, charge: ChargeToSchedule) -> FixedRow:
    """Put a charge to a tariff that is locked; the one of its description that runs ends there.

    Raises `Invalid` where a new one does not say its basis, `FixedOverlaps`, `FixedCoaUnknown`.
    """
    row = await tx.maybe(
        _SCHEDULE_CHARGE, portal_id=tx.portal.portal_id, tariff_id=tariff_id, **asdict(charge)
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
        **asdict(question),
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
        **asdict(TariffsWanted()),
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
    check_number("rate", command.rate, FRACTION_PLACES)
    portal_id = tx.portal.portal_id
    if await tx.one(_USED_SINCE, portal_id=portal_id, since=command.from_at, tariff=None):
        raise AlreadyCharged("Tax it from an instant on that is still to come.", field="from")
    await tx.run(_SET_TAX, portal_id=portal_id, rate=command.rate, from_at=command.from_at)
    return await taxes(tx)


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
        calendar_id = await calendar_named(tx, command.calendar)
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
    check_number("amount", command.amount, AMOUNT_PLACES)
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


async def taxes(tx: Tx) -> list[DatedTax]:
    """Return the portal's tax rates in time."""
    return await tx.all(_BOOK_TAXES, portal_id=tx.portal.portal_id)


async def _read_book(tx: Tx, tariff_id: int) -> tuple[PriceBook, int]:
    """Read a book, and after everything else its revision."""
    named = {"portal_id": tx.portal.portal_id, "tariff_id": tariff_id}
    rates = await tx.all(_BOOK_RATES, **named)
    taxed = await taxes(tx)
    switches = await tx.all(_BOOK_SWITCHES, **named)
    holidays = await tx.all(_BOOK_HOLIDAYS, **named)
    charges = await tx.all(_BOOK_CHARGES, **named)
    head = await tx.maybe(_BOOK_TARIFF, **named)
    if head is None:
        raise NoSuchTariff(str(tariff_id), field="tariff")
    places = minor_units(tx.portal.currency)
    book = book_of(head, rates, charges, taxed, switches, holidays, places)
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


async def tariffs_named(tx: Tx, names: Sequence[str | None], field: str) -> dict[str, int]:
    """Return the ids of tariffs by name; those of None are left out.

    `field` names the member that told one, with its place for {}. Raises `NoSuchTariff`.
    """
    wanted = sorted({name for name in names if name is not None})
    if not wanted:
        return {}
    rows = await tx.all(_TARIFFS_NAMED, portal_id=tx.portal.portal_id, names=wanted)
    found = {row.name: row.tariff_id for row in rows}
    refuse_missing(names, found, field, NoSuchTariff)
    return found


async def lock_tariff(tx: Tx, name: str) -> LockedTariff:
    """Lock a tariff by its name; raises `NoSuchTariff`."""
    known = await tx.maybe(_LOCK_TARIFF, portal_id=tx.portal.portal_id, name=name)
    if known is None:
        raise NoSuchTariff(name, field="tariff")
    return known


async def calendar_named(tx: Tx, name: str) -> int:
    """Return the id of a calendar by its name. Raises `NoSuchCalendar`."""
    calendar_id = await tx.maybe(_CALENDAR_NAMED, portal_id=tx.portal.portal_id, name=name)
    if calendar_id is None:
        raise NoSuchCalendar(name, field="calendar")
    return calendar_id
