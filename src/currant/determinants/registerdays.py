"""A batch of register-days as matrices of numbers, and the time-of-use bucket of each number."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from currant.clock import day_bounds
from currant.determinants.columns import Groups, Ints, as_table, coded, ints, refuse
from currant.determinants.layouts import BUCKETS, IMPORT, Terms, UnsoundDays, UnsoundItems
from currant.tariffs.calendars import Calendar, clock, split

Buckets = npt.NDArray[np.uint8]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TICK = timedelta.resolution
MINUTE = timedelta(minutes=1) // TICK
_MOST = 10**9
_NO_PART = "no whole part of an hour"


class Items:
    """The columns of the items as numbers, checked."""

    def __init__(self, terms: Terms) -> None:
        items = as_table(terms.items)
        self.calendars = terms.calendars
        self.item = ints(items, "item")
        self.start = ints(items, "start")
        self.end = ints(items, "end")
        self.calendar = ints(items, "calendar")
        self.numerator = ints(items, "factor_numerator")
        self.denominator = ints(items, "factor_denominator")
        self.demand = ints(items, "demand_minutes")
        self.expected = ints(items, "expected_minutes")
        self._order = np.argsort(self.item, kind="stable")
        ordered = self.item[self._order]
        refuse(UnsoundItems, ordered[1:][ordered[1:] == ordered[:-1]], "stands twice")
        ratio = np.stack((self.numerator, self.denominator))
        for wrong, told in (
            (self.start > self.end, "ends before it starts"),
            ((ratio < 1).any(0) | (ratio > _MOST).any(0), "has a factor beyond 1 and 1000000000"),
            (~_part_of_hour(self.demand), f"has a demand interval that is {_NO_PART}"),
            (~_within(self.calendar, len(terms.calendars)), "names a calendar that is not there"),
        ):
            refuse(UnsoundItems, self.item[wrong], told)

    def places(self, wanted: Ints) -> Ints:
        """Find items by their ids."""
        places = np.searchsorted(self.item, wanted, sorter=self._order)
        found = np.append(self._order, 0)[places]
        known = np.zeros(len(wanted), bool) if not len(self.item) else self.item[found] == wanted
        refuse(UnsoundDays, wanted[~known], "is not among the items")
        return found


class Days:
    """A batch of register-days as columns of numbers, each row with its kind.

    The rows of a kind have one calendar, clock, day and interval length: so one pattern.
    """

    def __init__(self, days: Any, items: Items) -> None:
        days = as_table(days).combine_chunks()
        self.items = items
        self.rows = days.num_rows
        item = ints(days, "item")
        self.place = items.places(item)
        self.minutes = ints(days, "minutes")
        self.direction = ints(days, "direction")
        day = ints(days, "day")
        self.estimated = np.zeros(self.rows, np.int64)
        if "estimated" in days.column_names:
            self.estimated = ints(days, "estimated")
        refuse(UnsoundDays, item[~_part_of_hour(self.minutes)], f"has intervals of {_NO_PART}")
        refuse(UnsoundDays, item[abs(self.direction) != 1], "has a direction that is not 1 or -1")
        clocks, names = _clocks(days.column("clock").chunk(0))
        kinds, self.kind = coded(items.calendar[self.place], clocks, day, self.minutes)
        self.kinds = [
            (items.calendars[calendar], names[name], number, minutes)
            for calendar, name, number, minutes in kinds
        ]
        self.begin = np.array([_begin(name, n) for _, name, n, _ in self.kinds])[self.kind]
        self.start, self.end = items.start[self.place], items.end[self.place]
        if "start" in days.column_names:
            self.start = np.maximum(self.start, ints(days, "start"))
            self.end = np.minimum(self.end, ints(days, "end"))
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

    def blocks(self) -> "Iterator[tuple[Block, Ints]]":
        """Yield the rows in blocks of one interval length and one number of values.

        Beside each stands how many intervals of each row are counted.
        """
        most = np.array([len(_pattern(*kind)) for kind in self.kinds])[self.kind]
        long = self._item[self.length > most]
        refuse(UnsoundDays, long, "has a day with more values than intervals")
        for minutes, length in coded(self.minutes, self.length)[0]:
            if length:
                yield self._block(minutes, length)

    def _block(self, minutes: int, length: int) -> "tuple[Block, Ints]":
        rows = np.flatnonzero((self.minutes == minutes) & (self.length == length))
        first, last = (
            np.clip(-((self.begin[rows] - at[rows]) // (minutes * MINUTE)), 0, length)
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
        return Block(rows, minutes, values, *self.patterns(rows, minutes, length)), counted

    def _matrix(self, flat: npt.NDArray[Any], rows: Ints, length: int) -> npt.NDArray[Any]:
        """Return the values of rows that have as many, a row a day; a view where it can be."""
        begin = self._from[rows]
        if len(rows) == self.rows and (np.diff(begin) == length).all():
            return flat[begin[0] : begin[-1] + length].reshape(len(rows), length)
        gathered: npt.NDArray[Any] = flat[begin[:, None] + np.arange(length)]
        return gathered

    def patterns(self, rows: Ints, minutes: int, length: int) -> tuple[Buckets, Ints]:
        """Return the bucket of each interval for every kind of these rows, and each row's kind."""
        kinds, codes = coded(self.kind[rows])
        told = b""
        for (kind,) in kinds:
            pattern = _pattern(*self.kinds[kind][:3], minutes)[:length]
            told += pattern.ljust(length, pattern[-1:])
        return np.frombuffer(told, np.uint8).reshape(-1, length), codes


class Block:
    """Rows of a batch with the Wh of each interval, and the bucket that it belongs to.

    `patterns` are the buckets of the kinds of days among them, `codes` which kind each row is of.
    """

    def __init__(
        self, rows: Ints, minutes: int, values: Ints, patterns: Buckets, codes: Ints
    ) -> None:
        self.rows = rows
        self.minutes = minutes
        self.values = values
        self.patterns = patterns
        self.codes = codes

    @cached_property
    def _alike(self) -> list[tuple[Any, Ints, Buckets]]:
        """The rows of one pattern each: which they are, their values, and the pattern."""
        shapes: dict[bytes, int] = {}
        for pattern in self.patterns:
            shapes.setdefault(pattern.tobytes(), len(shapes))
        shape = np.array([shapes[pattern.tobytes()] for pattern in self.patterns])[self.codes]
        told: list[tuple[Any, Ints, Buckets]] = []
        for pattern, number in shapes.items():
            chosen = np.flatnonzero(shape == number)
            values = self.values if len(chosen) == len(self.rows) else self.values[chosen]
            told.append((chosen, values, np.frombuffer(pattern, np.uint8)))
        return told

    def per_bucket(self, reduce: np.ufunc) -> Ints:
        """Reduce the values of each row to one a bucket, 0 where it has none."""
        told = np.zeros((len(self.rows), BUCKETS), np.int64)
        wide = np.int64 if reduce is np.add else None
        for chosen, values, pattern in self._alike:
            edges = np.flatnonzero(np.diff(pattern, prepend=0))
            stretches = reduce.reduceat(values, edges, axis=1, dtype=wide)
            buckets = pattern[edges]
            for bucket in set(buckets.tolist()):
                told[chosen, bucket - 1] = reduce.reduce(stretches[:, buckets == bucket], axis=1)
        return told


def demands(batch: Days, blocks: Sequence[Block]) -> Iterator[Block]:
    """Yield the Wh of averaging intervals, of each item's day all import streams together.

    The streams are kept under the first of their rows.
    """
    imported = np.flatnonzero(batch.direction == IMPORT)
    streams = Groups(batch.place[imported], batch.begin[imported])
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
            if minutes == block.minutes and chosen.all() and not shared[block.rows].any():
                yield block
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
                yield Block(rows, minutes, values, *kinds)
    for minutes, parts in together.items():
        width = max(values.shape[1] for _, values in parts)
        values = np.concatenate([_widened(values, width) for _, values in parts])
        sites = Groups(np.concatenate([rows for rows, _ in parts]))
        kinds = batch.patterns(sites.keys, minutes, width)
        yield Block(sites.keys, minutes, sites.reduce(np.add, values), *kinds)


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
    return (_bounds(name, day)[0] - EPOCH) // TICK


def _bounds(name: str, day: int) -> tuple[datetime, datetime]:
    """Return when a day of a clock begins and ends."""
    return day_bounds(date.fromordinal(EPOCH.toordinal() + day), clock(name))


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


def _part_of_hour(minutes: Ints) -> npt.NDArray[np.bool_]:
    part: npt.NDArray[np.bool_] = (minutes > 0) & (60 % np.maximum(minutes, 1) == 0)
    return part


def _within(column: Ints, count: int) -> npt.NDArray[np.bool_]:
    return (column >= 0) & (column < count)
