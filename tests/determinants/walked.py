"""The determinants by another way: every interval walked by itself, one number at a time."""

import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

import pyarrow as pa

from currant.clock import day_bounds
from currant.determinants.layouts import DAYS, ITEMS, Terms
from currant.tariffs.calendars import Calendar, bucket_at, clock


class Day(NamedTuple):
    """A register-day as a test writes it."""

    item: int
    day: date
    minutes: int
    values: Sequence[int | None]
    clock: str = "+10:00"
    direction: int = 1
    estimated: bool = False
    start: datetime = datetime(1, 1, 1, tzinfo=UTC)
    end: datetime = datetime(9999, 12, 31, tzinfo=UTC)


class Item(NamedTuple):
    """An item as a test writes it."""

    item: int
    start: datetime
    end: datetime
    calendar: Calendar
    factor: Fraction = Fraction(1)
    demand_minutes: int = 30
    streams: int = 1

    @property
    def expected(self) -> int:
        return (self.end - self.start) // timedelta(minutes=1) * self.streams


def terms_of(items: Sequence[Item]) -> Terms:
    """The items as they are determined by."""
    calendars = tuple(dict.fromkeys(item.calendar for item in items))
    rows = [
        {
            "item": item.item,
            "start": item.start,
            "end": item.end,
            "calendar": calendars.index(item.calendar),
            "factor_numerator": item.factor.numerator,
            "factor_denominator": item.factor.denominator,
            "demand_minutes": item.demand_minutes,
            "expected_minutes": item.expected,
        }
        for item in items
    ]
    return Terms(pa.Table.from_pylist(rows, ITEMS), calendars)


def table_of(days: Sequence[Day], *, wide: bool = False) -> pa.Table:
    """The days as Arrow, their clocks by name; `wide`: values of 64 bits."""
    schema = DAYS.set(DAYS.get_field_index("clock"), pa.field("clock", pa.string()))
    if wide:
        values = pa.field("values", pa.list_(pa.int64()))
        schema = schema.set(schema.get_field_index("values"), values)
    return pa.Table.from_pylist([day._asdict() for day in days], schema)


def walked(days: Sequence[Day], items: Sequence[Item]) -> list[dict[str, Any]]:
    """The determinants of the items, interval by interval."""
    return [_walked([day for day in days if day.item == item.item], item) for item in items]


def _walked(days: Sequence[Day], item: Item) -> dict[str, Any]:
    energy, export = [0] * 9, [0] * 9
    intervals = minutes = estimated = 0
    power: dict[tuple[datetime, int, int], int] = defaultdict(int)
    for day in days:
        begin, _ = day_bounds(day.day, clock(day.clock))
        averaged = item.demand_minutes
        for other in days:
            if day_bounds(other.day, clock(other.clock))[0] == begin and other.direction == 1:
                averaged = math.lcm(averaged, other.minutes)
        for number, wh in enumerate(day.values):
            since = timedelta(minutes=day.minutes * number)
            at = begin + since
            if wh is None or not max(item.start, day.start) <= at < min(item.end, day.end):
                continue
            bucket = bucket_at(item.calendar, at)
            (energy if day.direction == 1 else export)[bucket - 1] += wh
            intervals += 1
            minutes += day.minutes
            estimated += day.estimated
            if day.direction == 1:
                power[begin, since // timedelta(minutes=averaged), averaged] += wh
    peaks, times = [0] * 10, [None] * 10
    for (begin, number, averaged), wh in power.items():
        ends = begin + timedelta(minutes=averaged * (number + 1))
        starts = ends - timedelta(minutes=averaged)
        watts = wh * 60 // averaged
        for place in (0, bucket_at(item.calendar, starts)):
            at = times[place]
            if watts > peaks[place] or (watts and watts == peaks[place] and ends < at):
                peaks[place], times[place] = watts, ends
    zone = clock(item.calendar.clock)
    local = [at.astimezone(zone).date() for at in (item.start, item.end)]
    return {
        "item": item.item,
        "days": (local[1] - local[0]).days,
        "energy_wh": [_half_up(wh * item.factor) for wh in energy],
        "export_wh": export,
        "peak_w": peaks,
        "peak_at": times,
        "intervals": intervals,
        "minutes": minutes,
        "estimated": estimated,
        "expected_minutes": item.expected,
    }


def _half_up(exact: Fraction) -> int:
    size = math.floor(abs(exact) + Fraction(1, 2))
    return size if exact >= 0 else -size


def midnight(day: date, name: str) -> datetime:
    """When a day begins by a clock."""
    return datetime(day.year, day.month, day.day, tzinfo=clock(name)).astimezone(UTC)
