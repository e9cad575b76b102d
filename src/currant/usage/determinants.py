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

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec import Struct

from currant.clock import day_bounds
from currant.errors import Invalid
from currant.tariffs.calendars import Calendar, clock, split

Ints = npt.NDArray[np.int64]

BUCKETS = 9
IMPORT, EXPORT = 1, -1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta.resolution
_MINUTE = timedelta(minutes=1) // _TICK
_NEVER = np.iinfo(np.int64).max
_MOST = 10**9
_NO_PART = "no whole part of an hour"
_SMALL = 1 << 18  # combinations that are counted rather than sorted
_INSTANT = pa.timestamp("us", "UTC")

DAYS = pa.schema(
    [
        pa.field("item", pa.int64(), nullable=False),
        pa.field("day", pa.date32(), nullable=False),
        pa.field("clock", pa.int16(), nullable=False),
        pa.field("minutes", pa.int16(), nullable=False),
        pa.field("direction", pa.int16(), nullable=False),
        pa.field("estimated", pa.bool_(), nullable=False),
        pa.field("start", _INSTANT, nullable=False),
        pa.field("end", _INSTANT, nullable=False),
        pa.field("values", pa.list_(pa.int32()), nullable=False),
    ]
)
"""A batch of register-days, a row a day of a stream.

`day` and `clock` are the stream's own: minutes ahead of UTC (+600 for AEMO), or the name of a zone
or offset where the column holds text. `minutes` is an interval's length, `direction` 1 import and
-1 export. `values` are Wh (32 or 64 bits) of each interval from the day's beginning on; null where
there is none. `estimated` may be left out: all measured. `start` and `end` may be left out: what of
the item's period is this stream's, for its meter may hang there for a part of it.
"""

ITEMS = pa.schema(
    [
        pa.field("item", pa.int64(), nullable=False),
        pa.field("start", _INSTANT, nullable=False),
        pa.field("end", _INSTANT, nullable=False),
        pa.field("calendar", pa.int32(), nullable=False),
        pa.field("factor_numerator", pa.int64(), nullable=False),
        pa.field("factor_denominator", pa.int64(), nullable=False),
        pa.field("demand_minutes", pa.int16(), nullable=False),
        pa.field("expected_minutes", pa.int64(), nullable=False),
    ]
)
"""The items: their period [start, end), the place of their calendar, and how they are counted.

The factor is the loss factor as an exact ratio of numbers up to 1,000,000,000; `demand_minutes` the
averaging interval; `expected_minutes` how long its streams, summed, should have measured.
"""

_PER_BUCKET = pa.list_(pa.int64(), BUCKETS)
_OVERALL = BUCKETS + 1  # the overall peak, then that of each bucket

SUMS = pa.schema(
    [
        pa.field("item", pa.int64(), nullable=False),
        pa.field("energy_wh", _PER_BUCKET, nullable=False),
        pa.field("export_wh", _PER_BUCKET, nullable=False),
        pa.field("peak_w", pa.list_(pa.int64(), _OVERALL), nullable=False),
        pa.field("peak_at", pa.list_(_INSTANT, _OVERALL), nullable=False),
        pa.field("intervals", pa.int64(), nullable=False),
        pa.field("minutes", pa.int64(), nullable=False),
        pa.field("estimated", pa.int64(), nullable=False),
    ]
)
"""What batches sum to, before loss factors: a row an item that has register-days."""

DETERMINANTS = pa.schema(
    [
        SUMS.field("item"),
        pa.field("days", pa.int32(), nullable=False),
        *(SUMS.field(name) for name in SUMS.names[1:]),
        pa.field("expected_minutes", pa.int64(), nullable=False),
    ]
)
"""What a tariff prices: a row an item, in the order of the items.

`energy_wh` and `export_wh` have a member for each of the buckets 1 to 9; `peak_w` and `peak_at`
have the overall peak before them. `peak_at` is the end of the averaging interval, of the earliest
where several are as high, null where there was no demand. `intervals` and `minutes` were counted
over all streams, `estimated` of the intervals are of estimated days, and `minutes` less than
`expected_minutes` is a gap. `days` are midnights of the calendar's clock in the period, so that
those of two periods add up to those of both.
"""


class UnsoundDays(Invalid):
    """The register-days cannot be counted. Nothing was determined."""


class UnsoundItems(Invalid):
    """The items cannot be counted by. Nothing was determined."""


class Terms(Struct, frozen=True):
    """What register-days are counted by: the items (`ITEMS`), and the calendars that they name."""

    items: Any
    calendars: tuple[Calendar, ...]


def flat_calendar(name: str) -> Calendar:
    """Make the calendar, on a clock, of a tariff without time of use: all is bucket 1."""
    always = ((0, 1),)
    return Calendar(name, always, always, always)


def determine(days: Any, terms: Terms) -> Any:
    """Sum a record batch or table of register-days (`DAYS`) for their items: `SUMS`.

    Raises `UnsoundItems`, and `UnsoundDays` for an item that there is not, an interval that is no
    whole part of an hour, and more values than a day has intervals.
    """
    if not days.num_rows:
        return SUMS.empty_table()
    batch = _Days(days, _Items(terms), terms.calendars)
    energy = np.zeros((batch.rows, BUCKETS), np.int64)
    counted = np.zeros(batch.rows, np.int64)
    blocks = list(batch.blocks())
    for block in blocks:
        energy[block.rows] = block.per_bucket(np.add)
        counted[block.rows] = block.counted
    peaks = np.zeros((batch.rows, BUCKETS), np.int64)
    demands = list(_demands(batch, blocks))
    for block in demands:
        peaks[block.rows] = block.per_bucket(np.maximum) * 60 // block.minutes
    groups = _Groups(batch.place)
    highest = groups.reduce(np.maximum, peaks)
    imported = (batch.direction == IMPORT)[:, None]
    return _sums(
        batch.items.item[groups.keys],
        groups.reduce(np.add, np.where(imported, energy, 0)),
        groups.reduce(np.add, np.where(imported, 0, energy)),
        highest,
        _times(batch, demands, groups, peaks, highest),
        groups.reduce(np.add, counted),
        groups.reduce(np.add, counted * batch.minutes),
        groups.reduce(np.add, counted * batch.estimated),
    )


def combine(parts: Iterable[Any]) -> Any:
    """Put together what several batches gave (`SUMS`): sums are added, the highest peak stays."""
    whole = pa.concat_tables([_table(part) for part in parts] or [SUMS.empty_table()])
    if not whole.num_rows:
        return whole
    groups = _Groups(_ints(whole, "item"))
    peaks, times = _peaks(whole)
    highest = groups.reduce(np.maximum, peaks)
    times = np.where(peaks == groups.spread(highest), times, _NEVER)
    added = [
        groups.reduce(np.add, _ints(whole, name))
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
    items = _Items(terms)
    sums = _table(sums)
    places = items.places(_ints(sums, "item"))

    def laid(name: str, *width: int) -> Ints:
        column = np.zeros((len(items.item), *width), np.int64)
        column[places] = _ints(sums, name)
        return column

    peaks, times = _peaks(sums)
    highest = np.zeros((len(items.item), _OVERALL), np.int64)
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
        1, DETERMINANTS.field("days"), pa.array(_midnights(items, terms), pa.int32())
    ).append_column(DETERMINANTS.field("expected_minutes"), pa.array(items.expected))


class Summing:
    """Register-days summed as they come, those of one item and day one after another.

    A batch may end anywhere: the rows of its last item and day are kept, with those that go on in
    the next one, until the end.
    """

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._parts: list[Any] = []
        self._kept: list[Any] = []
        self._last: tuple[int, int] | None = None

    def add(self, days: Any) -> None:
        """Sum what is whole of a batch. Raises as `determine` does."""
        days = _table(days)
        if not days.num_rows:
            return
        first = going_on(days, self._last)
        self._last = last_of(days)
        whole = days.num_rows - going_on(days, self._last, backwards=True)
        self._kept.append(days.slice(0, first))
        if first < whole:
            self._parts.append(determine(days.slice(first, whole - first), self._terms))
        self._kept.append(days.slice(max(first, whole)))

    def end(self) -> Any:
        """Return what all of them sum to (`SUMS`)."""
        kept = [determine(pa.concat_tables(self._kept), self._terms)] if self._kept else []
        return combine([*self._parts, *kept])


def last_of(days: Any) -> tuple[int, int]:
    """Return the item and day of the last row."""
    last = days.slice(days.num_rows - 1)
    return int(_ints(last, "item")[0]), int(_ints(last, "day")[0])


def going_on(days: Any, item_day: tuple[int, int] | None, *, backwards: bool = False) -> int:
    """Count the rows at the beginning, or at the end, that are of one item and day."""
    if item_day is None:
        return 0
    other = (_ints(days, "item") != item_day[0]) | (_ints(days, "day") != item_day[1])
    if backwards:
        other = other[::-1]
    return int(other.argmax()) if other.any() else len(other)


class _Items:
    """The columns of the items as numbers, checked."""

    def __init__(self, terms: Terms) -> None:
        items = _table(terms.items)
        self.item = _ints(items, "item")
        self.start = _ints(items, "start")
        self.end = _ints(items, "end")
        self.calendar = _ints(items, "calendar")
        self.numerator = _ints(items, "factor_numerator")
        self.denominator = _ints(items, "factor_denominator")
        self.demand = _ints(items, "demand_minutes")
        self.expected = _ints(items, "expected_minutes")
        self._order = np.argsort(self.item, kind="stable")
        ordered = self.item[self._order]
        _refuse(UnsoundItems, ordered[1:][ordered[1:] == ordered[:-1]], "stands twice")
        ratio = np.stack((self.numerator, self.denominator))
        for wrong, told in (
            (self.start > self.end, "ends before it starts"),
            ((ratio < 1).any(0) | (ratio > _MOST).any(0), "has a factor beyond 1 and 1000000000"),
            (~_part_of_hour(self.demand), f"has a demand interval that is {_NO_PART}"),
            (~_within(self.calendar, len(terms.calendars)), "names a calendar that is not there"),
        ):
            _refuse(UnsoundItems, self.item[wrong], told)

    def places(self, wanted: Ints) -> Ints:
        """Find items by their ids."""
        places = np.searchsorted(self.item, wanted, sorter=self._order)
        found = np.append(self._order, 0)[places]
        known = np.zeros(len(wanted), bool) if not len(self.item) else self.item[found] == wanted
        _refuse(UnsoundDays, wanted[~known], "is not among the items")
        return found


class _Days:
    """A batch of register-days as columns of numbers, each row with its kind.

    The rows of a kind have one calendar, clock, day and interval length: so one pattern.
    """

    def __init__(self, days: Any, items: _Items, calendars: Sequence[Calendar]) -> None:
        days = _table(days).combine_chunks()
        self.items = items
        self.rows = days.num_rows
        item = _ints(days, "item")
        self.place = items.places(item)
        self.minutes = _ints(days, "minutes")
        self.direction = _ints(days, "direction")
        day = _ints(days, "day")
        self.estimated = np.zeros(self.rows, np.int64)
        if "estimated" in days.column_names:
            self.estimated = _ints(days, "estimated")
        _refuse(UnsoundDays, item[~_part_of_hour(self.minutes)], f"has intervals of {_NO_PART}")
        _refuse(UnsoundDays, item[abs(self.direction) != 1], "has a direction that is not 1 or -1")
        clocks, names = _clocks(days.column("clock").chunk(0))
        kinds, self.kind = _coded(items.calendar[self.place], clocks, day, self.minutes)
        self.kinds = [
            (calendars[calendar], names[name], number, minutes)
            for calendar, name, number, minutes in kinds
        ]
        self.begin = np.array([_begin(name, n) for _, name, n, _ in self.kinds])[self.kind]
        self.start, self.end = items.start[self.place], items.end[self.place]
        if "start" in days.column_names:
            self.start = np.maximum(self.start, _ints(days, "start"))
            self.end = np.minimum(self.end, _ints(days, "end"))
        self._item = item
        self._read(days.column("values").chunk(0))

    def _read(self, lists: Any) -> None:
        """Take the values as one array, and where the days begin in it."""
        if pa.types.is_fixed_size_list(lists.type):
            lists = lists.cast(pa.list_(lists.type.value_type))
        child = lists.values
        self._valid = None
        if child.null_count:
            self._valid = child.is_valid().to_numpy(zero_copy_only=False)
            child = child.fill_null(0)
        self._values = child.to_numpy()
        offsets = lists.offsets.to_numpy().astype(np.int64)
        self._from = offsets[:-1]
        self.length = np.diff(offsets)

    def blocks(self) -> "Iterator[_Block]":
        """Yield the rows in blocks of one interval length and one number of values."""
        most = np.array([len(_pattern(*kind)) for kind in self.kinds])[self.kind]
        long = self._item[self.length > most]
        _refuse(UnsoundDays, long, "has a day with more values than intervals")
        for minutes, length in _coded(self.minutes, self.length)[0]:
            if length:
                yield self._block(minutes, length)

    def _block(self, minutes: int, length: int) -> "_Block":
        rows = np.flatnonzero((self.minutes == minutes) & (self.length == length))
        first, last = (
            np.clip(-((self.begin[rows] - at[rows]) // (minutes * _MINUTE)), 0, length)
            for at in (self.start, self.end)
        )
        values = self._matrix(self._values, rows, length)
        counted = np.maximum(last - first, 0)
        cut = np.flatnonzero(counted < length)
        if len(cut):
            number = np.arange(length)
            inside = (number >= first[cut, None]) & (number < last[cut, None])
            values = values.copy()
            values[cut] *= inside
        if self._valid is not None:
            valid = self._matrix(self._valid, rows, length)
            if len(cut):
                valid[cut] &= inside
            counted = valid.sum(axis=1)
        return _Block(rows, minutes, values, *self.patterns(rows, minutes, length), counted)

    def _matrix(self, flat: npt.NDArray[Any], rows: Ints, length: int) -> npt.NDArray[Any]:
        """Return the values of rows that have as many, a row a day; a view where it can be."""
        begin = self._from[rows]
        if len(rows) == self.rows and (np.diff(begin) == length).all():
            return flat[begin[0] : begin[-1] + length].reshape(len(rows), length)
        gathered: npt.NDArray[Any] = flat[begin[:, None] + np.arange(length)]
        return gathered

    def patterns(self, rows: Ints, minutes: int, length: int) -> tuple[npt.NDArray[np.uint8], Ints]:
        """Return the bucket of each interval for every kind of these rows, and each row's kind."""
        kinds, codes = _coded(self.kind[rows])
        told = b""
        for (kind,) in kinds:
            pattern = _pattern(*self.kinds[kind][:3], minutes)[:length]
            told += pattern.ljust(length, pattern[-1:])
        return np.frombuffer(told, np.uint8).reshape(-1, length), codes


class _Block(Struct, frozen=True):
    """Rows of a batch with the Wh of each interval, and the bucket that it belongs to."""

    rows: Any
    minutes: int
    values: Any
    patterns: Any
    codes: Any
    counted: Any = None

    def per_bucket(self, reduce: np.ufunc) -> Ints:
        """Reduce the values of each row to one a bucket, at least 0 where it is their maximum.

        Values are reduced between all changes of all patterns first, so each is touched once.
        """
        patterns = self.patterns
        changes = (patterns[:, 1:] != patterns[:, :-1]).any(axis=0)
        edges = np.concatenate(([0], np.flatnonzero(changes) + 1))
        wide = np.int64 if reduce is np.add else None
        stretches = reduce.reduceat(self.values, edges, axis=1, dtype=wide)
        buckets = patterns[:, edges][self.codes]
        told = np.zeros((len(self.rows), BUCKETS), np.int64)
        for bucket in np.unique(patterns):
            its = np.where(buckets == bucket, stretches, 0)
            told[:, bucket - 1] = reduce.reduce(its, axis=1)
        return told


def _demands(batch: _Days, blocks: Sequence[_Block]) -> Iterator[_Block]:
    """Yield the Wh of averaging intervals, of each item's day all import streams together.

    The streams are kept under the first of their rows.
    """
    imported = np.flatnonzero(batch.direction == IMPORT)
    streams = _Groups(batch.place[imported], batch.begin[imported])
    finest = np.lcm(batch.minutes, batch.items.demand[batch.place])[imported]
    window = np.zeros(batch.rows, np.int64)
    window[imported] = streams.spread(streams.reduce(np.lcm, finest))
    first = np.zeros(batch.rows, np.int64)
    first[imported] = imported[streams.spread(streams.first)]
    shared = np.zeros(batch.rows, bool)
    shared[imported] = streams.spread(streams.count) > 1
    together: dict[int, list[tuple[Ints, Ints]]] = {}
    for block in blocks:
        for minutes in np.unique(window[block.rows]).tolist():
            chosen = window[block.rows] == minutes
            if not minutes:
                continue
            rows, values = block.rows, block.values
            if not chosen.all():
                rows, values = rows[chosen], values[chosen]
            values = _averaged(values, minutes // block.minutes)
            several = shared[rows]
            if several.any():
                together.setdefault(minutes, []).append((first[rows[several]], values[several]))
                rows, values = rows[~several], values[~several]
            if len(rows):
                kinds = batch.patterns(rows, minutes, values.shape[1])
                yield _Block(rows, minutes, values, *kinds)
    for minutes, parts in together.items():
        width = max(values.shape[1] for _, values in parts)
        values = np.concatenate([_widened(values, width) for _, values in parts])
        sites = _Groups(np.concatenate([rows for rows, _ in parts]))
        kinds = batch.patterns(sites.keys, minutes, width)
        yield _Block(sites.keys, minutes, sites.reduce(np.add, values), *kinds)


def _averaged(values: Ints, several: int) -> Ints:
    """Sum so many neighbours each; what the last of them lack is nothing."""
    if several == 1:
        return values
    width = -(-values.shape[1] // several)
    parted = _widened(values, width * several).reshape(len(values), width, several)
    summed: Ints = parted.sum(axis=2, dtype=np.int64)
    return summed


def _widened(values: Ints, width: int) -> Ints:
    """Fill rows up with nothing."""
    lacking = width - values.shape[1]
    return np.pad(values, ((0, 0), (0, lacking))) if lacking else values


def _times(
    batch: _Days, demands: Sequence[_Block], groups: "_Groups", peaks: Ints, highest: Ints
) -> Ints:
    """Tell when each item had its peak of each bucket: the end of the averaging interval."""
    times = np.full(highest.shape, _NEVER)
    reached = (peaks == groups.spread(highest)) & (peaks > 0)
    group = groups.spread(np.arange(len(groups.keys)))
    for block in demands:
        # Of the rows that reach an item's peak of a bucket only the earliest is looked into.
        local, bucket = np.nonzero(reached[block.rows])
        rows = block.rows[local]
        order = np.lexsort((batch.begin[rows], bucket, group[rows]))
        local, bucket, rows = local[order], bucket[order], rows[order]
        first = np.ones(len(rows), bool)
        first[1:] = (group[rows][1:] != group[rows][:-1]) | (bucket[1:] != bucket[:-1])
        local, bucket, rows = local[first], bucket[first], rows[first]
        sought = peaks[rows, bucket] * block.minutes // 60
        hit = block.values[local] == sought[:, None]
        hit &= block.patterns[block.codes[local]] == bucket[:, None] + 1
        ends = batch.begin[rows] + (hit.argmax(axis=1) + 1) * block.minutes * _MINUTE
        place = group[rows], bucket
        times[place] = np.minimum(times[place], ends)
    return times


class _Groups:
    """Rows grouped by their keys, ascending. Rows that are in order are left where they are."""

    def __init__(self, key: Ints, then: Ints | None = None) -> None:
        then = np.zeros_like(key) if then is None else then
        rises = (key[1:] > key[:-1]) | ((key[1:] == key[:-1]) & (then[1:] >= then[:-1]))
        self._order = None if rises.all() else np.lexsort((then, key))
        key, then = self._ordered(key), self._ordered(then)
        new = np.ones(len(key), bool)
        new[1:] = (key[1:] != key[:-1]) | (then[1:] != then[:-1])
        self._starts = np.flatnonzero(new)
        self._group = np.cumsum(new) - 1
        if self._order is not None:
            self._group[self._order] = self._group.copy()
        self.keys = key[self._starts]
        self.first = self._starts if self._order is None else self._order[self._starts]
        self.count = np.diff(np.append(self._starts, len(new)))

    def _ordered(self, column: Ints) -> Ints:
        if self._order is not None:
            column = column[self._order]
        return column

    def reduce(self, reduce: np.ufunc, column: Ints) -> Ints:
        """Reduce a column to one a group."""
        if not len(self._starts):
            return column[:0]
        reduced: Ints = reduce.reduceat(self._ordered(column), self._starts, axis=0)
        return reduced

    def spread(self, column: Ints) -> Ints:
        """Give each row what its group has."""
        told: Ints = column[self._group]
        return told


@lru_cache(maxsize=65_536)
def _pattern(calendar: Calendar, name: str, day: int, minutes: int) -> bytes:
    """Return the bucket in which each interval of a stream's day begins."""
    begin, end = _bounds(name, day)
    step, elapsed, buckets = timedelta(minutes=minutes), timedelta(), b""
    for bucket, lasts in split(calendar, begin, end):
        elapsed += lasts
        buckets += bytes([bucket]) * (-(-elapsed // step) - len(buckets))
    return buckets


@lru_cache(maxsize=65_536)
def _begin(name: str, day: int) -> int:
    """Return when a stream's day begins."""
    return (_bounds(name, day)[0] - _EPOCH) // _TICK


def _bounds(name: str, day: int) -> tuple[datetime, datetime]:
    """Return when a day of a clock begins and ends."""
    return day_bounds(date.fromordinal(_EPOCH.toordinal() + day), clock(name))


def _clocks(column: Any) -> tuple[Ints, list[str]]:
    """Return the clock of each row as a number, and what the numbers mean."""
    if pa.types.is_integer(column.type):
        offsets, codes = np.unique(column.to_numpy(), return_inverse=True)
        return codes, [_offset(minutes) for minutes in offsets.tolist()]
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    return column.indices.to_numpy().astype(np.int64), column.dictionary.to_pylist()


def _offset(minutes: int) -> str:
    """Name the clock that is fixed minutes ahead of UTC."""
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"


def _midnights(items: _Items, terms: Terms) -> list[int]:
    """Count the midnights of each item's period on the clock of its calendar."""
    return [
        _local_day(terms.calendars[calendar].clock, end)
        - _local_day(terms.calendars[calendar].clock, start)
        for calendar, start, end in zip(
            items.calendar.tolist(), items.start.tolist(), items.end.tolist(), strict=True
        )
    ]


@lru_cache(maxsize=65_536)
def _local_day(name: str, at: int) -> int:
    """Return the date that a clock shows at an instant, as a number."""
    return (_EPOCH + at * _TICK).astimezone(clock(name)).toordinal()


def _times_ratio(energy: Ints, numerator: Ints, denominator: Ints) -> Ints:
    """Multiply by a ratio and round halves away from zero, within 64 bits."""
    above, below = numerator[:, None], denominator[:, None]
    whole, rest = np.divmod(abs(energy), below)
    return np.sign(energy) * (whole * above + (2 * rest * above + below) // (2 * below))


def _peaks(sums: Any) -> tuple[Ints, Ints]:
    """Return the peaks of sums and when they were, never where there was none."""
    times = sums.column("peak_at").combine_chunks().flatten()
    ticks = times.cast(pa.int64()).fill_null(_NEVER).to_numpy()
    return _ints(sums, "peak_w"), ticks.reshape(-1, _OVERALL)


def _sums(item: Ints, energy: Ints, export: Ints, peaks: Ints, times: Ints, *counts: Ints) -> Any:
    """Make a table of sums; the overall peak is that of all buckets."""
    overall = peaks.max(axis=1, keepdims=True)
    reached = np.where(peaks == overall, times, _NEVER).min(axis=1, keepdims=True)
    peaks, times = np.hstack((overall, peaks)), np.hstack((reached, times))
    at = pa.array(times.reshape(-1), pa.int64(), mask=times.reshape(-1) == _NEVER).cast(_INSTANT)
    columns = [
        pa.array(item),
        pa.FixedSizeListArray.from_arrays(pa.array(energy.reshape(-1)), BUCKETS),
        pa.FixedSizeListArray.from_arrays(pa.array(export.reshape(-1)), BUCKETS),
        pa.FixedSizeListArray.from_arrays(pa.array(peaks.reshape(-1)), _OVERALL),
        pa.FixedSizeListArray.from_arrays(at, _OVERALL),
        *map(pa.array, counts),
    ]
    return pa.Table.from_arrays(columns, schema=SUMS)


def _table(data: Any) -> Any:
    """Return a record batch or a table as a table."""
    return pa.Table.from_batches([data]) if isinstance(data, pa.RecordBatch) else data


def _ints(table: Any, name: str) -> Ints:
    """Return a column as 64-bit integers, a row each where it holds lists of one length."""
    column = table.column(name).combine_chunks()
    if pa.types.is_fixed_size_list(column.type):
        width = column.type.list_size
        rows: Ints = _ints(pa.table({name: column.flatten()}), name).reshape(-1, width)
        return rows
    if pa.types.is_boolean(column.type) or pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    if pa.types.is_timestamp(column.type):
        column = column.cast(_INSTANT).cast(pa.int64())
    numbers: Ints = column.to_numpy().astype(np.int64, copy=False)
    return numbers


def _coded(*columns: Ints) -> tuple[list[list[int]], Ints]:
    """Return the combinations that stand in columns, ascending, and which of them each row has."""
    least = [int(column.min()) for column in columns]
    widths = [int(column.max()) - low + 1 for column, low in zip(columns, least, strict=True)]
    if math.prod(widths) > _SMALL:
        told, codes = np.unique(np.stack(columns), axis=1, return_inverse=True)
        return told.T.tolist(), codes
    number = np.zeros_like(columns[0])
    for column, low, width in zip(columns, least, widths, strict=True):
        number = number * width + (column - low)
    there = np.zeros(math.prod(widths), bool)
    there[number] = True
    parts = np.unravel_index(np.flatnonzero(there), widths)
    told = np.stack([part + low for part, low in zip(parts, least, strict=True)])
    return told.T.tolist(), (np.cumsum(there) - 1)[number]


def _part_of_hour(minutes: Ints) -> npt.NDArray[np.bool_]:
    part: npt.NDArray[np.bool_] = (minutes > 0) & (60 % np.maximum(minutes, 1) == 0)
    return part


def _within(column: Ints, count: int) -> npt.NDArray[np.bool_]:
    return (column >= 0) & (column < count)


def _refuse(refusal: type[Invalid], items: Ints, told: str) -> None:
    """Refuse what is wrong with items, naming the first."""
    if len(items):
        raise refusal(f"Item {items[0]} {told}.", field="item")
