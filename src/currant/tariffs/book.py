"""A tariff's price book: all its rates in time, and which of them are in force when."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from operator import attrgetter

import msgspec

from currant.clock import day_bounds
from currant.errors import Invalid
from currant.tariffs.calendars import (
    DAY_TYPES,
    Calendar,
    UnsoundCalendar,
    bucket_at,
    calendar_of,
    clock,
)
from currant.tariffs.model import CreateCalendar, Season
from currant.tariffs.pricing import RateLine, TariffVersion, UnsoundTariff, value_of
from currant.tariffs.rounding import Rounding
from currant.tariffs.terms import (
    Basis,
    BlocksOver,
    Discount,
    Per,
    PlanRate,
    RoundPer,
    Standing,
    Terms,
    tier_of,
)
from currant.tariffs.versions import PlanVersion


class Unit(msgspec.Struct, frozen=True):
    """A unit that rates are told in: what it measures, and how many of the registers' own it is."""

    service: str
    size: int


# Registers count Wh, varh, VAh, litres, gallons, kJ or BTU, whole ones; a rate is told in one of
# these. A cubic metre is water; gas is sold by its energy.
UNITS = {
    "Wh": Unit("Electricity", 1),
    "kWh": Unit("Electricity", 1_000),
    "MWh": Unit("Electricity", 1_000_000),
    "kW": Unit("Electricity", 1_000),
    "kVA": Unit("Electricity", 1_000),
    "kVAh": Unit("Electricity", 1_000),
    "kVAR": Unit("Electricity", 1_000),
    "kVARh": Unit("Electricity", 1_000),
    "L": Unit("Water", 1),
    "kL": Unit("Water", 1_000),
    "m3": Unit("Water", 1_000),
    "gal": Unit("Water", 1),
    "kgal": Unit("Water", 1_000),
    "kJ": Unit("Gas", 1),
    "MJ": Unit("Gas", 1_000),
    "GJ": Unit("Gas", 1_000_000),
    "BTU": Unit("Gas", 1),
    "kBTU": Unit("Gas", 1_000),
    "MMBTU": Unit("Gas", 1_000_000),
    "therm": Unit("Gas", 100_000),
}
_BY_FOLDED_NAME = {name.casefold(): unit for name, unit in UNITS.items()}


def unit_named(units: str) -> Unit:
    """Return a unit by its name in any case (the seed writes kVa). Raises `Invalid`."""
    unit = _BY_FOLDED_NAME.get(units.casefold())
    if unit is None:
        raise Invalid(
            f"The units {units[:40]!r} are not priced here; these are: {', '.join(UNITS)}.",
            field="units",
        )
    return unit


class DatedRate(msgspec.Struct, frozen=True):
    """A rate line while it is valid: [start_at, end_at), open-ended where end_at is None."""

    start_at: datetime
    end_at: datetime | None
    tier: str
    rate: Decimal
    coa: str
    usage_base_start: Decimal
    taxable: bool
    description: str
    ar_coa: str = "1102"
    buckets: list[int] = []
    rounding: str = "HALF_UP"
    meter_type_code: str = ""


class DatedCharge(msgspec.Struct, frozen=True):
    """A standing charge while it is valid: [start_at, end_at)."""

    start_at: datetime | None
    end_at: datetime | None
    description: str
    amount: Decimal
    basis: str
    coa: str
    ar_coa: str
    taxable: bool
    rounding: str


class DatedTax(msgspec.Struct, frozen=True):
    """A tax rate, a fraction, while it is valid."""

    start_at: datetime | None
    end_at: datetime | None
    rate: Decimal


class BookTariff(msgspec.Struct, frozen=True):
    """The head of a price book."""

    tariff_id: int
    name: str
    zone: str
    units: str
    clock: str | None
    revision: int
    block_period: str
    blocks_over: str
    whole_blocks: bool
    demand_period: str
    ratchet_share: Decimal
    ratchet_months: int
    round_per: str
    with_losses: bool

    def terms(self) -> Terms:
        """Return how bills are reckoned by it."""
        return Terms(
            Per(self.block_period),
            BlocksOver(self.blocks_over),
            self.whole_blocks,
            Per(self.demand_period),
            self.ratchet_share,
            self.ratchet_months,
            RoundPer(self.round_per),
            self.with_losses,
        )


class BookSwitch(msgspec.Struct, frozen=True):
    """From which minute of a type of day which bucket is in force, in the season of a month."""

    month: int
    day_type: str
    minute: int
    bucket: int


class PriceBook(msgspec.Struct, frozen=True):
    """Everything needed to price a supply of a tariff at any instant; cached by its revision.

    `unit_size` is how many of the registers' own units make one that the rates are told in.
    `version_at` is what prepaid energy is priced by, `plan_at` what bills are.
    """

    tariff_id: int
    name: str
    zone: str
    minor_units: int
    rates: tuple[DatedRate, ...]
    taxes: tuple[DatedTax, ...]
    calendar: Calendar | None
    unit_size: int = 1000
    units: str = "kWh"
    charges: tuple[DatedCharge, ...] = ()
    terms: Terms = Terms()

    def edges(self, start: datetime, end: datetime) -> list[datetime]:
        """Return the instants strictly between two at which rates or taxes change, in order."""
        times: set[datetime | None] = {rate.start_at for rate in self.rates}
        times |= {rate.end_at for rate in self.rates}
        times |= {tax.start_at for tax in self.taxes} | {tax.end_at for tax in self.taxes}
        return sorted(time for time in times if time is not None and start < time < end)

    def plan_edges(self, start: datetime, end: datetime) -> list[datetime]:
        """Return the instants strictly between two at which rates, charges or taxes change."""
        times: set[datetime | None] = {charge.start_at for charge in self.charges}
        times |= {charge.end_at for charge in self.charges}
        within = {time for time in times if time is not None and start < time < end}
        return sorted(within | set(self.edges(start, end)))

    def by_month(self, start: datetime, end: datetime) -> bool:
        """Tell whether anything in force between two instants is told for a month."""
        blocks = self.terms.block_period is Per.MONTH
        demand = self.terms.demand_period is Per.MONTH
        return any(
            Basis(charge.basis) in (Basis.MONTHLY, Basis.KVA, Basis.MINIMUM)
            for charge in self.charges
            if _overlaps(charge.start_at, charge.end_at, start, end)
        ) or any(
            demand if tier_of(rate.tier).kind == "D" else blocks and rate.usage_base_start > 0
            for rate in self.rates
            if _overlaps(rate.start_at, rate.end_at, start, end)
        )

    def plan_at(self, instant: datetime, discounts: tuple[Discount, ...] = ()) -> PlanVersion:
        """Return the plan in force at an instant, with what an offering takes off.

        Raises `UnsoundTariff` where nothing is in force, or not to be priced.
        """
        rates = tuple(
            PlanRate(
                rate.tier,
                rate.rate,
                rate.coa,
                rate.ar_coa,
                rate.usage_base_start,
                tuple(rate.buckets),
                rate.taxable,
                rate.description,
                Rounding(rate.rounding),
            )
            for rate in self.rates
            if _covers(rate.start_at, rate.end_at, instant)
        )
        charges = tuple(
            Standing(
                charge.description,
                charge.amount,
                Basis(charge.basis),
                charge.coa,
                charge.ar_coa,
                charge.taxable,
                Rounding(charge.rounding),
            )
            for charge in self.charges
            if _covers(charge.start_at, charge.end_at, instant)
        )
        if not (rates or charges):
            raise UnsoundTariff(f"{self.name} has no rates at {instant.isoformat()}.")
        return _plan(
            rates,
            charges,
            discounts,
            self.terms,
            self.tax_at(instant),
            (self.minor_units, self.units, self.unit_size),
        )

    def bucket_of(self, meter_type_code: str, instant: datetime) -> int | None:
        """Return the bucket of registers that tell theirs by their type; None where none does."""
        for rate in self.rates:
            if rate.meter_type_code == meter_type_code and _covers(
                rate.start_at, rate.end_at, instant
            ):
                return (*rate.buckets, tier_of(rate.tier).bucket or 1)[0]
        return None

    def version_at(self, instant: datetime) -> TariffVersion:
        """Return the rates in force at an instant.

        Raises `UnsoundTariff` where none is.
        """
        lines = tuple(
            RateLine(
                tier=rate.tier,
                rate=rate.rate,
                coa=rate.coa,
                usage_base_start=rate.usage_base_start,
                taxable=rate.taxable,
                description=rate.description,
            )
            for rate in self.rates
            if _covers(rate.start_at, rate.end_at, instant)
        )
        if not lines:
            raise UnsoundTariff(f"{self.name} has no rates at {instant.isoformat()}.")
        return _version(lines, self.tax_at(instant), self.minor_units, self.unit_size)

    def worth_at(self, instant: datetime, energy_wh: int, counter_wh: int) -> int | None:
        """Value units at an instant where the month stands at a counter, as `value_of` does.

        None where no rates are in force. Raises `UnsoundTariff` for a bucket that has none.
        """
        try:
            version = self.version_at(instant)
        except UnsoundTariff:
            return None
        return value_of(version, energy_wh, counter_wh, self.bucket_at(instant))

    def tax_at(self, instant: datetime) -> Decimal:
        """Return the tax rate at an instant, 0 where there is none."""
        return next(
            (tax.rate for tax in self.taxes if _covers(tax.start_at, tax.end_at, instant)),
            Decimal(0),
        )

    def bucket_at(self, instant: datetime) -> int:
        """Return the time-of-use bucket at an instant: 1 for tariffs without a calendar."""
        return 1 if self.calendar is None else bucket_at(self.calendar, instant)

    @property
    def clock_name(self) -> str:
        """The clock that the tariff's months and buckets are told by."""
        return self.zone if self.calendar is None else self.calendar.clock

    def month_at(self, instant: datetime) -> date:
        """Return the first day of the calendar month of an instant, by the tariff's clock."""
        return instant.astimezone(clock(self.clock_name)).date().replace(day=1)

    def month_bounds(self, month: date) -> tuple[datetime, datetime]:
        """Return when a calendar month begins and when the next one does, in UTC: half-open."""
        following = (month + timedelta(days=31)).replace(day=1)
        zone = clock(self.clock_name)
        return day_bounds(month, zone)[0], day_bounds(following, zone)[0]


def book_of(
    head: BookTariff,
    rates: Sequence[DatedRate],
    charges: Sequence[DatedCharge],
    taxes: Sequence[DatedTax],
    switches: Sequence[BookSwitch],
    holidays: Sequence[date],
    minor_units: int,
) -> PriceBook:
    """Return the price book of what is stored of a tariff."""
    calendar = None
    if head.clock is not None:
        changes = [(s.month, s.day_type, s.minute, s.bucket) for s in switches]
        calendar = calendar_of(head.clock, changes, frozenset(holidays))
    return PriceBook(
        head.tariff_id,
        head.name,
        head.zone,
        minor_units,
        tuple(rates),
        tuple(taxes),
        calendar,
        unit_named(head.units).size,
        head.units,
        tuple(charges),
        head.terms(),
    )


def calendar_for(command: CreateCalendar, holidays: frozenset[date]) -> Calendar:
    """Return a new calendar with all its seasons. Raises as `Calendar` does."""
    own = Season(command.from_month, command.weekday, command.weekend, command.holiday)
    seasons = sorted((own, *command.seasons), key=attrgetter("from_month"))
    if len({season.from_month for season in seasons}) < len(seasons):
        raise UnsoundCalendar("Each season begins with another month.", field="from_month")
    switches = [
        (season.from_month, day_type, switch.minute, switch.bucket)
        for season in seasons
        for day_type in DAY_TYPES
        for switch in getattr(season, day_type.lower())
    ]
    return calendar_of(command.clock, switches, holidays)


@lru_cache(maxsize=4096)
def _plan(
    rates: tuple[PlanRate, ...],
    charges: tuple[Standing, ...],
    discounts: tuple[Discount, ...],
    terms: Terms,
    tax: Decimal,
    units: tuple[int, str, int],
) -> PlanVersion:
    """Make a version once, so that its compiled form is found again by identity of content."""
    return PlanVersion(rates, charges, discounts, terms, tax, *units)


def _covers(start: datetime | None, end: datetime | None, instant: datetime) -> bool:
    return (start is None or start <= instant) and (end is None or instant < end)


def _overlaps(
    start: datetime | None, end: datetime | None, begins: datetime, ends: datetime
) -> bool:
    return (start is None or start < ends) and (end is None or begins < end)


@lru_cache(maxsize=4096)
def _version(
    lines: tuple[RateLine, ...], tax: Decimal, minor_units: int, unit_size: int
) -> TariffVersion:
    """Make a version once, so that its compiled form is found again by identity of content."""
    return TariffVersion(lines, tax, minor_units, unit_size)
