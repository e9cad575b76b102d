"""Register-days as PostgreSQL copies them out in its binary format, read into Arrow.

A row has a number that tells the stream, the day, the minutes and whether it is estimated, and its
values as an array of int4. Rows of one shape, days with all their intervals, lie at even distances,
so a run of them is read as one array of numbers, without an object a value; a day that lacks some
or all of its intervals is read by itself.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from msgspec import Struct

from currant.determinants.layouts import DAYS

COPIED = pa.schema(
    [
        pa.field("stream", pa.int32(), nullable=False),
        *(DAYS.field(name) for name in ("day", "minutes", "estimated", "values")),
    ]
)
"""The rows as they are read: a stream is told by its number."""

_SIGNATURE = 19  # bytes before the first row: the signature, flags, and an extension of no length
_DAYS_TO_1970 = 25_567  # from 1900
_COUNT = 2  # columns
_FIRST_SPAN, _WIDER = 16, 16  # rows that are held against the first of a run, and how that grows


_HEAD = np.dtype([("count", ">i2"), ("packed_size", ">i4"), ("packed", ">i8"), ("size", ">i4")])
_ARRAY = [(name, ">i4") for name in ("dimensions", "nulls", "kind", "length", "lower")]
_EMPTY = 12  # bytes of an array that has no dimension


class _Run(Struct, frozen=True):
    """Rows of as many values each: what stands before the values, and all the values."""

    heads: Any
    length: int
    values: Any


class CopiedDays:
    """Register-days as they arrive, in chunks of bytes that end anywhere."""

    def __init__(self) -> None:
        self._rest = b""
        self._begun = False

    def take(self, chunks: Sequence[bytes]) -> Any:
        """Read on, and return the rows that are whole by now (`COPIED`); the rest is kept.

        Nobody else may write what the database copies out, so its layout is not doubted.
        """
        raw = b"".join((self._rest, *chunks))
        at = 0 if self._begun else _SIGNATURE
        runs = []
        while (found := _run(raw, at)) is not None:
            run, at = found
            runs.append(run)
        self._begun |= len(raw) >= at
        self._rest = raw[at:] if self._begun else raw
        return _batch(runs) if runs else COPIED.empty_table()


def _run(raw: bytes, at: int) -> tuple[_Run, int] | None:
    """Read whole rows of one shape, and where they end; None where no whole row is left."""
    if len(raw) < at + _HEAD.itemsize + _EMPTY:
        return None
    heads = np.frombuffer(raw, _HEAD, 1, at)
    size, values = int(heads["size"][0]), at + _HEAD.itemsize
    if len(raw) < values + size:
        return None
    length = 0 if size == _EMPTY else int.from_bytes(raw[values + 12 : values + 16])
    shape = _shape(length)
    if not length or size != shape.itemsize - _HEAD.itemsize:
        wh = pa.array(_sparse(raw, values + 20, length), pa.int32())
        return _Run(heads, length, wh), values + size
    most, span, alike = (len(raw) - at) // shape.itemsize, 0, 0
    while alike == span < most:
        span = min(max(span * _WIDER, _FIRST_SPAN), most)
        rows = np.frombuffer(raw, shape, span, at)
        same = (rows["size"] == size) & (rows["length"] == length) & (rows["count"] == _COUNT)
        alike = span if same.all() else int(same.argmin())
    rows = rows[:alike]
    wh = pa.array(rows["elements"]["wh"].astype(np.int32).reshape(-1))
    return _Run(rows, length, wh), at + alike * shape.itemsize


@lru_cache
def _shape(length: int) -> np.dtype[Any]:
    """Lay out a row of so many values, all there."""
    element = [("size", ">i4"), ("wh", ">i4")]
    return np.dtype([*_HEAD.descr, *_ARRAY, ("elements", element, (length,))])


def _sparse(raw: bytes, at: int, length: int) -> list[int | None]:
    """Read values of which some are null."""
    values: list[int | None] = []
    for _ in range(length):
        there = raw[at] == 0
        values.append(int.from_bytes(raw[at + 4 : at + 8], signed=True) if there else None)
        at += 8 if there else 4
    return values


def _batch(runs: list[_Run]) -> Any:
    """Make a table of runs."""
    lengths = np.repeat([run.length for run in runs], [len(run.heads) for run in runs])
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    packed = np.concatenate([run.heads["packed"] for run in runs]).astype(np.int64)
    low = (packed & 0xFFFF_FFFF).astype(np.int32)
    columns = {
        "stream": (packed >> 32).astype(np.int32),
        "day": (low >> 7) - _DAYS_TO_1970,
        "minutes": (low >> 1) & 0x3F,
        "estimated": low & 1,
    }
    arrays = [pa.array(column).cast(COPIED.field(name).type) for name, column in columns.items()]
    values = pa.concat_arrays([run.values for run in runs])
    lists = pa.ListArray.from_arrays(pa.array(offsets), values)
    return pa.Table.from_arrays([*arrays, lists], schema=COPIED)
