"""What basic registers measured between two days, in whole thousandths of a unit.

A day is told by its first instant's date: usage from 1 July to 1 August is July's. Between two
reads usage passes evenly by days, counted up from the read before and rounded half-up at each edge,
so that the parts of a stretch add up to it, however it is cut (conformance.md 10.5 iii).
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal

from msgspec import Struct

from currant.money import half_up

_HALF_A_DAY = timedelta(hours=12)


class DayRead(Struct, frozen=True, gc=False):
    """A read by the day that it stands at the beginning of; value in thousandths of the unit."""

    day: date
    value: int
    multiplier: Decimal
    estimated: bool


def day_from(at: datetime, zone: tzinfo) -> date:
    """Return the first day that a change of plan or terms counts for: of the nearest midnight."""
    return (at.astimezone(zone).replace(tzinfo=None) + _HALF_A_DAY).date()


def advance(before: DayRead, after: DayRead, dials: int) -> int:
    """Return what passed between two reads; one that shows less has rolled over, by its dials."""
    difference = after.value - before.value
    if difference < 0 and dials:
        difference += 1000 * 10**dials
    return int(half_up(difference * after.multiplier, 0))


class Meter(Struct, frozen=True):
    """A basic register's reads in time order, at least one a day, and the usage up to each."""

    reads: tuple[DayRead, ...]
    used: tuple[int, ...]

    @classmethod
    def of(cls, reads: Sequence[DayRead], dials: int) -> "Meter":
        """Sum up what passed from the first read to each; of two a day the later counts."""
        by_day = {read.day: read for read in reads}
        ordered = tuple(by_day[day] for day in sorted(by_day))
        used, total = [], 0
        for place, read in enumerate(ordered):
            total += advance(ordered[place - 1], read, dials) if place else 0
            used.append(total)
        return cls(ordered, tuple(used))

    @property
    def first_day(self) -> date | None:
        """The first day that is measured."""
        return self.reads[0].day if self.reads else None

    @property
    def last_day(self) -> date | None:
        """The day up to which is measured."""
        return self.reads[-1].day if self.reads else None

    def until(self, day: date) -> int:
        """Return the usage from the first read up to a day, which lies between the reads."""
        place = bisect_right(self.reads, day, key=lambda read: read.day) - 1
        before, used = self.reads[place], self.used[place]
        if before.day == day:
            return used
        after = self.reads[place + 1]
        part, whole = (day - before.day).days, (after.day - before.day).days
        passed = self.used[place + 1] - used
        return used + (2 * passed * part + whole) // (2 * whole)

    def between(self, start: date, end: date) -> int:
        """Return the usage from a day up to another, within what is measured."""
        return self.until(end) - self.until(start)

    def at(self, day: date) -> DayRead:
        """Return the read at the beginning of a day, or what the usage up to then makes of one."""
        place = bisect_right(self.reads, day, key=lambda read: read.day) - 1
        before = self.reads[place]
        if before.day == day:
            return before
        multiplier = self.reads[place + 1].multiplier
        passed = self.until(day) - self.used[place]
        value = before.value + int(half_up(passed / multiplier, 0))
        return DayRead(day, value, multiplier, estimated=True)

    def estimated(self, start: date, end: date) -> bool:
        """Tell whether usage between two days rests on an estimate, or is a part of a stretch."""
        between = (read for read in self.reads if start < read.day < end)
        return any(read.estimated for read in (self.at(start), self.at(end), *between))


class Span(Struct, frozen=True):
    """Days from `start` up to `end`, and those of the month of which they are a part."""

    start: date
    end: date
    month_days: int

    @property
    def days(self) -> int:
        """How many days they are."""
        return (self.end - self.start).days


def months_from(start: date, end: date) -> list[Span]:
    """Cut the days from `start` up to `end` into months counted from the first one.

    A month that begins on the 31st ends with the last day of a shorter one. The last may be a part.
    """
    spans, begin, number = [], start, 0
    while begin < end:
        number += 1
        following = _months_later(start, number)
        spans.append(Span(begin, min(following, end), (following - begin).days))
        begin = following
    return spans


def months_before(day: date, months: int) -> date:
    """Return the same day of an earlier month, or its last."""
    return _months_later(day, -months)


def _months_later(day: date, months: int) -> date:
    """Return the same day of a later month, or its last."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    following = date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1)
    last = (following - timedelta(days=1)).day
    return date(year, month + 1, min(day.day, last))
