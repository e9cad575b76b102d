"""Streams as tables: whose the register-days are that were copied out, and what they count for."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from currant.determinants.layouts import DAYS, ITEMS, Terms, flat_calendar
from currant.determinants.model import Stream


def days_of(streams: Any, copied: Any) -> Any:
    """Put to register-days that were copied out whose they are."""
    told = streams.take(copied.column("stream"))
    for name in ("day", "minutes", "estimated", "values"):
        told = told.append_column(DAYS.field(name), copied.column(name))
    return told


def terms_of(streams: list[Stream]) -> Terms:
    """Return what the days of streams are counted by, each stream an item."""
    many = len(streams)
    columns = (
        [stream.item for stream in streams],
        [stream.start_at for stream in streams],
        [stream.end_at for stream in streams],
        [0] * many,
        [1] * many,
        [1] * many,
        [60] * many,
        [0] * many,
    )
    return Terms(items_of(columns), (flat_calendar("+00:00"),))


def items_of(columns: Sequence[list[Any]]) -> Any:
    """Make a table of items of its columns."""
    arrays = [pa.array(told, field.type) for told, field in zip(columns, ITEMS, strict=True)]
    return pa.Table.from_arrays(arrays, schema=ITEMS)


def table_of(streams: list[Stream]) -> Any:
    """Make a table of the streams, in the order of their numbers."""
    columns = {
        "item": [stream.item for stream in streams],
        "clock": [stream.clock for stream in streams],
        "direction": [stream.direction for stream in streams],
        "start": [stream.start_at for stream in streams],
        "end": [stream.end_at for stream in streams],
    }
    return pa.table({name: pa.array(told, DAYS.field(name).type) for name, told in columns.items()})
