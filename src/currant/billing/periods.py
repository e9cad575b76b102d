"""From what is due and measured to drafts: which days can be billed, cut into calculation periods.

A bill's days run up to the last day that all basic registers of the agreement were read for, and
that the intervals reach; they are cut where the plan, its rates, the offering, loss factors or the
tax change, and into months where any of that tells something by the month (domain rules 23 and 24).
Nothing here prices.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec

from currant.billing.measuring import DayRead, Meter, Span, day_from, months_from
from currant.billing.model import AssignedRow, DueDays, MeteredRow, OfferedRow, ReadRow, Remarkable
from currant.clock import day_bounds
from currant.reads.days import stands_at
from currant.tariffs.book import PriceBook
from currant.usage.spans import counted

_DAY = timedelta(days=1)


class Register(msgspec.Struct, frozen=True):
    """A basic register for the days that its meter hung: [start, end), with its reads."""

    row: MeteredRow
    meter: Meter
    start: date
    end: date

    @property
    def name(self) -> str:
        """How people tell it from others."""
        return f"Meter {self.row.serial_number} register {self.row.register_no}"


class Supply(msgspec.Struct, frozen=True):
    """Days of an agreement that can be billed, [start, end), and what measured them."""

    due: DueDays
    start: date
    end: date
    registers: tuple[Register, ...]
    intervals: tuple[MeteredRow, ...]

    @property
    def zone(self) -> ZoneInfo:
        """The zone that the agreement's days are told in."""
        return self.due.zone


class Period(msgspec.Struct, frozen=True):
    """A calculation period: days of a supply under one version of one plan, and one offering."""

    supply: Supply
    span: Span
    tariff_id: int
    offering_id: int | None

    @property
    def instants(self) -> tuple[datetime, datetime]:
        """When the period begins and ends."""
        zone = self.supply.zone
        return day_bounds(self.span.start, zone)[0], day_bounds(self.span.end, zone)[0]


class Measured(msgspec.Struct, frozen=True):
    """What a register measured on a bill; intervals have no reads, and are of some streams.

    `streams` are those that were summed, each with its days, [start, end).
    """

    supply: Supply
    row: MeteredRow
    start: date
    end: date
    previous: DayRead | None
    current: DayRead | None
    basis: str
    multiplier: Decimal
    quantity: int
    streams: tuple[tuple[int, date, date], ...] = ()


def hung(row: MeteredRow, due: DueDays) -> tuple[date, date]:
    """Return the days of an agreement's due days that a meter hung, [start, end).

    On the day of an exchange both meters hung, and each measured a part of it.
    """
    start = max(due.from_on, stands_at(row.hung_from, due.zone, opens=True))
    end = due.to_on + _DAY
    return start, end if row.hung_to is None else min(end, stands_at(row.hung_to, due.zone))


def supplies(
    due: Sequence[DueDays],
    rows: Sequence[MeteredRow],
    reads: Sequence[ReadRow],
    *,
    through: date,
    tolerance: int,
) -> tuple[list[Supply], list[Remarkable]]:
    """Say which of the due days can be billed, and what stands in the way of the others.

    `tolerance` is how many days before `through` the last read of a register may be. The days of an
    agreement that ends run to its end or not at all: a final bill needs its final read.
    """
    by_due: dict[tuple[int, date], list[MeteredRow]] = {}
    for row in rows:
        by_due.setdefault((row.agreement_id, row.due_from), []).append(row)
    by_register: dict[int, list[ReadRow]] = {}
    for read in reads:
        by_register.setdefault(read.register_id, []).append(read)
    ready, found = [], []
    for days in due:
        measuring = by_due.get((days.agreement_id, days.from_on), [])
        if not days.metered:
            ready.append(Supply(days, days.from_on, days.to_on + _DAY, (), ()))
            continue
        told = _metered(days, measuring, by_register, through, tolerance)
        if isinstance(told, Supply):
            ready.append(told)
        elif told is not None:
            found.append(told)
    return ready, found


def _metered(
    days: DueDays,
    rows: Sequence[MeteredRow],
    reads: Mapping[int, Sequence[ReadRow]],
    through: date,
    tolerance: int,
) -> Supply | Remarkable | None:
    """Cut the due days of a metered agreement to those that are measured."""
    hanging = [(row, *hung(row, days)) for row in rows]
    hanging = [(row, start, end) for row, start, end in hanging if start < end]
    if not hanging:
        return _missing(days, f"Nothing measured it from {days.from_on} to {days.to_on}.")
    registers = [
        Register(row, _read(row, reads.get(row.register_id, ()), days), start, end)
        for row, start, end in hanging
        if row.metering_type == "BASIC"
    ]
    for register in registers:
        if lacking := _lacking(register, days):
            return _missing(days, f"{register.name} has no read at {lacking}.")
    past = days.to_on + _DAY
    end = past
    if not days.ends:
        last = [r.meter.last_day or days.from_on for r in registers if r.end == past]
        end = max(min([past, *last]), days.from_on)
    behind = (min(through, days.to_on) + _DAY - end).days
    if registers and (end == days.from_on or behind > tolerance):
        told = f"The last read is of {end - _DAY}, {behind} days before the end."
        return _missing(days, told)
    return Supply(
        days,
        days.from_on,
        end,
        tuple(
            Register(r.row, r.meter, r.start, min(r.end, end)) for r in registers if r.start < end
        ),
        tuple(row for row, start, _ in hanging if row.metering_type == "AM" and start < end),
    )


def _missing(days: DueDays, detail: str) -> Remarkable:
    return Remarkable(days.account_id, days.agreement_id, "MISSING_READ", detail)


def _read(row: MeteredRow, reads: Sequence[ReadRow], days: DueDays) -> Meter:
    """Put reads to days; the first one of the day on which the meter was hung opens it."""
    zone = days.zone
    first = next((read.read_at for read in reads if read.read_at >= row.hung_from), row.hung_from)
    hung_on = row.hung_from.astimezone(zone).date()
    opening = first if first.astimezone(zone).date() == hung_on else None
    told = [
        DayRead(
            stands_at(read.read_at, zone, opens=read.read_at == opening),
            read.value,
            read.multiplier,
            read.estimated,
        )
        for read in reads
    ]
    return Meter.of(told, row.dials)


def _lacking(register: Register, days: DueDays) -> str:
    """Say at which edge a register lacks a read that it cannot be billed without."""
    first, last = register.meter.first_day, register.meter.last_day
    if first is None or last is None or first > register.start:
        return f"the beginning of {register.start}"
    ended = days.ends or register.end <= days.to_on
    return f"the end of {register.end - _DAY}" if ended and last < register.end else ""


class Plans(msgspec.Struct, frozen=True):
    """Which tariff priced what when, with which offering, and the plan of each tariff."""

    meters: dict[int, list[AssignedRow]]
    agreements: dict[int, list[AssignedRow]]
    books: dict[int, PriceBook]
    offered: dict[int, list[OfferedRow]]

    def tariffs(self, supply: Supply) -> list[tuple[date, date, int | None]]:
        """Return the tariff of each stretch of a supply's days; None where there is none.

        That of the agreement goes before that of its meters; of several meters the one that hung
        last says it.
        """
        zone = supply.zone
        edges = {supply.start, supply.end}
        rows = list(self.agreements.get(supply.due.agreement_id, ()))
        hanging = [(r.row.meter_id, r.start, r.end) for r in supply.registers]
        hanging += [(row.meter_id, *hung(row, supply.due)) for row in supply.intervals]
        for meter_id, start, end in hanging:
            edges |= {start, end}
            rows += self.meters.get(meter_id, ())
        for row in rows:
            for at in (row.start_at, row.end_at):
                if at is not None:
                    edges.add(day_from(at, zone))
        days = sorted(edge for edge in edges if supply.start <= edge <= supply.end)
        stretches: list[tuple[date, date, int | None]] = []
        for start, end in pairwise(days):
            tariff = self._tariff_on(supply, hanging, start)
            if stretches and stretches[-1][2] == tariff:
                stretches[-1] = (stretches[-1][0], end, tariff)
            else:
                stretches.append((start, end, tariff))
        return stretches

    def _tariff_on(
        self, supply: Supply, hanging: Sequence[tuple[int, date, date]], day: date
    ) -> int | None:
        """Return the tariff of a day."""
        zone = supply.zone
        for row in self.agreements.get(supply.due.agreement_id, ()):
            if _covers(row, day, zone):
                return row.tariff_id
        there = sorted((s, m) for m, s, e in hanging if s <= day < e)
        for _, meter_id in reversed(there):
            for row in self.meters.get(meter_id, ()):
                if _covers(row, day, zone):
                    return row.tariff_id
        return None

    def offering_on(self, supply: Supply, day: date) -> int | None:
        """Return the offering of a day; None where there is none."""
        for row in self.offered.get(supply.due.agreement_id, ()):
            if _covers(row, day, supply.zone):
                return row.offering_id
        return None

    def offering_edges(self, supply: Supply) -> set[date]:
        """Return the days on which an offering begins or ends."""
        return {
            day_from(at, supply.zone)
            for row in self.offered.get(supply.due.agreement_id, ())
            for at in (row.start_at, row.end_at)
            if at is not None
        }


def counted_once(supply: Supply, plans: Plans) -> Supply:
    """Leave out the registers of a supply that count what others of their meter count too."""
    if len({register.row.meter_type_code for register in supply.registers}) < 2:
        return supply
    books = [plans.books[tariff] for _, _, tariff in plans.tariffs(supply) if tariff is not None]
    chosen = counted(
        [register.row for register in supply.registers],
        [{rate.meter_type_code for rate in book.rates} for book in books],
    )
    registers = [r for r in supply.registers if r.row.register_id in chosen]
    return msgspec.structs.replace(supply, registers=tuple(registers))


def _covers(row: AssignedRow | OfferedRow, day: date, zone: ZoneInfo) -> bool:
    """Tell whether an assignment is in force on a day."""
    return day_from(row.start_at, zone) <= day and (
        row.end_at is None or day < day_from(row.end_at, zone)
    )


def periods(supply: Supply, plans: Plans) -> Iterator[Period | Remarkable]:
    """Cut a supply's days into calculation periods, or say of which days there is no plan."""
    due = supply.due
    for start, end, tariff_id in plans.tariffs(supply):
        if tariff_id is None:
            detail = f"No price plan from {start} to {end - _DAY}."
            yield Remarkable(due.account_id, due.agreement_id, "NO_PLAN", detail)
            continue
        for span in _cut(supply, start, end, plans.books[tariff_id], plans):
            yield Period(supply, span, tariff_id, plans.offering_on(supply, span.start))


def _cut(supply: Supply, start: date, end: date, book: PriceBook, plans: Plans) -> Iterator[Span]:
    """Cut days where rates, taxes, loss factors or the offering change, and by the month."""
    zone = supply.zone
    first, last = day_bounds(start, zone)[0], day_bounds(end, zone)[0]
    offered = plans.offering_edges(supply)
    edges = {start, end, *offered, *(day_from(at, zone) for at in book.plan_edges(first, last))}
    changes = sorted(edges.union(supply.due.loss_days if book.terms.with_losses else ()))
    months = months_from(supply.start, supply.end)
    if not (book.by_month(first, last) or offered):
        whole = Span(supply.start, supply.end, max(1, (supply.end - supply.start).days))
        months = [whole]
    for month in months:
        inside = [month.start, *(c for c in changes if month.start < c < month.end), month.end]
        for begin, until in pairwise(inside):
            if start <= begin and until <= end and begin < until:
                yield Span(begin, until, month.month_days)


def measured(supply: Supply) -> Iterator[Measured]:
    """Tell what each basic register of a supply measured, from which read to which."""
    for register in supply.registers:
        meter, start, end = register.meter, register.start, register.end
        current = meter.at(end)
        yield Measured(
            supply,
            register.row,
            start,
            end,
            meter.at(start),
            current,
            "ESTIMATED" if meter.estimated(start, end) else "ACTUAL",
            current.multiplier,
            meter.between(start, end),
        )
