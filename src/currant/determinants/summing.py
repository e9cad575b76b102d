"""Determinants: from register-days to what a tariff prices. Stage one of the pricing kernel.

A register-day holds a day's energy of one stream in intervals, by the stream's own clock; an item
is what is priced at once: an agreement and its calculation period. `determine` sums a batch of
register-days for their items, `combine` puts together what several batches gave, and `settle`
applies loss factors and tells what is missing. All of it is integer arithmetic on Arrow arrays,
pure, and the same whatever the batches are and in whatever order they come.

Two rules make every interval count once. An interval belongs to the period and to the time-of-use
bucket in force when it begins, so that a change within a day cuts at an interval's edge. And a
batch holds the whole of an item's day, all its streams, for their demand is that of their sum.

Demand is the mean power over an averaging interval, which is whole intervals of the stream: the
shortest time that both divide. What is missing in it, or outside the period, counts as nothing.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from currant.determinants.columns import Groups, Ints, as_table, ints
from currant.determinants.layouts import (
    BUCKETS,
    DETERMINANTS,
    IMPORT,
    INSTANT,
    ITEMS,
    OVERALL,
    SUMS,
    Terms,
    flat_calendar,
)
from currant.determinants.model import Determined
from currant.determinants.registerdays import EPOCH, MINUTE, TICK, Block, Days, Items, demands
from currant.tariffs.calendars import clock

__all__ = ["ITEMS", "Summing", "Terms", "combine", "determine", "flat_calendar", "settle"]

_NEVER = np.iinfo(np.int64).max


def determine(days: Any, terms: Terms) -> Any:
    """Sum a record batch or table of register-days (`DAYS`) for their items: `SUMS`.

    Raises `UnsoundItems`, and `UnsoundDays` for an item that there is not, an interval that is no
    whole part of an hour, and more values than a day has intervals.
    """
    return _determine(days, Items(terms))


def _determine(days: Any, items: Items) -> Any:
    """Sum a batch for items that were read before."""
    if not days.num_rows:
        return SUMS.empty_table()
    batch = Days(days, items)
    energy = np.zeros((batch.rows, BUCKETS), np.int64)
    counted = np.zeros(batch.rows, np.int64)
    blocks = []
    for block, intervals in batch.blocks():
        energy[block.rows] = block.per_bucket(np.add)
        counted[block.rows] = intervals
        blocks.append(block)
    peaks = np.zeros((batch.rows, BUCKETS), np.int64)
    averaged = list(demands(batch, blocks))
    for block in averaged:
        highest = np.maximum(block.per_bucket(np.maximum), 0)
        peaks[block.rows] = highest * 60 // block.minutes
    groups = Groups(batch.place)
    highest = groups.reduce(np.maximum, peaks)
    exported = np.zeros_like(energy)
    out = batch.direction != IMPORT
    if out.any():
        exported[out], energy[out] = energy[out], 0
    return _sums(
        batch.items.item[groups.keys],
        groups.reduce(np.add, energy),
        groups.reduce(np.add, exported),
        highest,
        _times(batch, averaged, groups, peaks, highest),
        groups.reduce(np.add, counted),
        groups.reduce(np.add, counted * batch.minutes),
        groups.reduce(np.add, counted * batch.estimated),
    )


def combine(parts: Iterable[Any]) -> Any:
    """Put together what several batches gave (`SUMS`): sums are added, the highest peak stays."""
    whole = pa.concat_tables([as_table(part) for part in parts] or [SUMS.empty_table()])
    if not whole.num_rows:
        return whole
    groups = Groups(ints(whole, "item"))
    peaks, times = _peaks(whole)
    highest = groups.reduce(np.maximum, peaks)
    times = np.where(peaks == groups.spread(highest), times, _NEVER)
    added = [
        groups.reduce(np.add, ints(whole, name))
        for name in ("energy_wh", "export_wh", "intervals", "minutes", "estimated")
    ]
    energy, export, *counts = added
    earliest = groups.reduce(np.minimum, times)
    return _sums(groups.keys, energy, export, highest[:, 1:], earliest[:, 1:], *counts)


def settle(sums: Any, terms: Terms) -> Any:
    """Make determinants (`DETERMINANTS`) of what all batches gave: a row for every item.

    The loss factor multiplies imported energy, once per item and bucket, half-up to whole Wh; not
    exported energy, and not demand (domain rule 22). An item of which there are no register-days
    has nothing but its days and its gap. Raises `UnsoundItems`, `UnsoundDays`.
    """
    items = Items(terms)
    sums = as_table(sums)
    places = items.places(ints(sums, "item"))

    def laid(name: str, *width: int) -> Ints:
        column = np.zeros((len(items.item), *width), np.int64)
        column[places] = ints(sums, name)
        return column

    peaks, times = _peaks(sums)
    highest = np.zeros((len(items.item), OVERALL), np.int64)
    earliest = np.full_like(highest, _NEVER)
    highest[places], earliest[places] = peaks, times
    settled = _sums(
        items.item,
        _times_ratio(laid("energy_wh", BUCKETS), items.numerator, items.denominator),
        laid("export_wh", BUCKETS),
        highest[:, 1:],
        earliest[:, 1:],
        laid("intervals"),
        laid("minutes"),
        laid("estimated"),
    )
    return settled.add_column(
        1, DETERMINANTS.field("days"), pa.array(_midnights(items), pa.int32())
    ).append_column(DETERMINANTS.field("expected_minutes"), pa.array(items.expected))


def determined(table: Any) -> list[Determined]:
    """Read determinants (`DETERMINANTS`) row by row."""
    names = Determined.__struct_fields__
    return list(map(Determined, *(ints(table, name).tolist() for name in names)))


class Summing:
    """Register-days summed as they come, those of one item and day one after another.

    A batch may end anywhere: the rows of its last item and day are kept, with those that go on in
    the next one, until the end.
    """

    def __init__(self, terms: Terms) -> None:
        self._items = Items(terms)
        self._parts: list[Any] = []
        self._kept: list[Any] = []
        self._last: tuple[int, int] | None = None

    def add(self, days: Any) -> None:
        """Sum what is whole of a batch. Raises as `determine` does."""
        days = as_table(days)
        if not days.num_rows:
            return
        first = going_on(days, self._last)
        self._last = last_of(days)
        whole = days.num_rows - going_on(days, self._last, backwards=True)
        self._kept.append(days.slice(0, first))
        if first < whole:
            self._parts.append(_determine(days.slice(first, whole - first), self._items))
        self._kept.append(days.slice(max(first, whole)))

    def end(self) -> Any:
        """Return what all of them sum to (`SUMS`)."""
        kept = [_determine(pa.concat_tables(self._kept), self._items)] if self._kept else []
        return combine([*self._parts, *kept])


def last_of(days: Any) -> tuple[int, int]:
    """Return the item and day of the last row."""
    last = days.slice(days.num_rows - 1)
    return int(ints(last, "item")[0]), int(ints(last, "day")[0])


def going_on(days: Any, item_day: tuple[int, int] | None, *, backwards: bool = False) -> int:
    """Count the rows at the beginning, or at the end, that are of one item and day."""
    if item_day is None:
        return 0
    other = (ints(days, "item") != item_day[0]) | (ints(days, "day") != item_day[1])
    if backwards:
        other = other[::-1]
    return int(other.argmax()) if other.any() else len(other)


def _times(
    batch: Days, averaged: Sequence[Block], groups: "Groups", peaks: Ints, highest: Ints
) -> Ints:
    """Tell when each item had its peak of each bucket: the end of the averaging interval."""
    times = np.full(highest.shape, _NEVER)
    used = np.flatnonzero(highest.any(axis=0))
    reached = (peaks[:, used] == groups.spread(highest[:, used])) & (peaks[:, used] > 0)
    group = groups.spread(np.arange(len(groups.keys)))
    for block in averaged:
        # Of the rows that reach an item's peak of a bucket only the earliest is looked into.
        local, column = np.nonzero(reached[block.rows])
        bucket = used[column]
        rows = block.rows[local]
        order = np.lexsort((batch.begin[rows], bucket, group[rows]))
        local, bucket, rows = local[order], bucket[order], rows[order]
        first = np.ones(len(rows), bool)
        first[1:] = (group[rows][1:] != group[rows][:-1]) | (bucket[1:] != bucket[:-1])
        local, bucket, rows = local[first], bucket[first], rows[first]
        sought = peaks[rows, bucket] * block.minutes // 60
        hit = block.values[local] == sought[:, None]
        hit &= block.patterns[block.codes[local]] == bucket[:, None] + 1
        ends = batch.begin[rows] + (hit.argmax(axis=1) + 1) * block.minutes * MINUTE
        place = group[rows], bucket
        times[place] = np.minimum(times[place], ends)
    return times


def _midnights(items: Items) -> list[int]:
    """Count the midnights of each item's period on the clock of its calendar."""
    return [
        _local_day(items.calendars[calendar].clock, end)
        - _local_day(items.calendars[calendar].clock, start)
        for calendar, start, end in zip(
            items.calendar.tolist(), items.start.tolist(), items.end.tolist(), strict=True
        )
    ]


@lru_cache(maxsize=65_536)
def _local_day(name: str, at: int) -> int:
    """Return the date that a clock shows at an instant, as a number."""
    return (EPOCH + at * TICK).astimezone(clock(name)).toordinal()


def _times_ratio(energy: Ints, numerator: Ints, denominator: Ints) -> Ints:
    """Multiply by a ratio and round halves away from zero, within 64 bits."""
    above, below = numerator[:, None], denominator[:, None]
    whole, rest = np.divmod(abs(energy), below)
    return np.sign(energy) * (whole * above + (2 * rest * above + below) // (2 * below))


def _peaks(sums: Any) -> tuple[Ints, Ints]:
    """Return the peaks of sums and when they were, never where there was none."""
    times = sums.column("peak_at").combine_chunks().flatten()
    ticks = times.cast(pa.int64()).fill_null(_NEVER).to_numpy()
    return ints(sums, "peak_w"), ticks.reshape(-1, OVERALL)


def _sums(item: Ints, energy: Ints, export: Ints, peaks: Ints, times: Ints, *counts: Ints) -> Any:
    """Make a table of sums; the overall peak is that of all buckets."""
    overall = peaks.max(axis=1, keepdims=True)
    reached = np.where(peaks == overall, times, _NEVER).min(axis=1, keepdims=True)
    peaks, times = np.hstack((overall, peaks)), np.hstack((reached, times))
    at = pa.array(times.reshape(-1), pa.int64(), mask=times.reshape(-1) == _NEVER).cast(INSTANT)
    columns = [
        pa.array(item),
        pa.FixedSizeListArray.from_arrays(pa.array(energy.reshape(-1)), BUCKETS),
        pa.FixedSizeListArray.from_arrays(pa.array(export.reshape(-1)), BUCKETS),
        pa.FixedSizeListArray.from_arrays(pa.array(peaks.reshape(-1)), OVERALL),
        pa.FixedSizeListArray.from_arrays(at, OVERALL),
        *map(pa.array, counts),
    ]
    return pa.Table.from_arrays(columns, schema=SUMS)
