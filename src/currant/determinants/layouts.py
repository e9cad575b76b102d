"""How register-days, items and determinants are laid out in Arrow."""

from typing import Any

import pyarrow as pa
from msgspec import Struct

from currant.errors import Invalid
from currant.tariffs.calendars import Calendar

BUCKETS = 9
OVERALL = BUCKETS + 1  # the overall peak, then that of each bucket
IMPORT, EXPORT = 1, -1
INSTANT = pa.timestamp("us", "UTC")

DAYS = pa.schema(
    [
        pa.field("item", pa.int64(), nullable=False),
        pa.field("day", pa.date32(), nullable=False),
        pa.field("clock", pa.int16(), nullable=False),
        pa.field("minutes", pa.int16(), nullable=False),
        pa.field("direction", pa.int16(), nullable=False),
        pa.field("estimated", pa.bool_(), nullable=False),
        pa.field("start", INSTANT, nullable=False),
        pa.field("end", INSTANT, nullable=False),
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
        pa.field("start", INSTANT, nullable=False),
        pa.field("end", INSTANT, nullable=False),
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

SUMS = pa.schema(
    [
        pa.field("item", pa.int64(), nullable=False),
        pa.field("energy_wh", _PER_BUCKET, nullable=False),
        pa.field("export_wh", _PER_BUCKET, nullable=False),
        pa.field("peak_w", pa.list_(pa.int64(), OVERALL), nullable=False),
        pa.field("peak_at", pa.list_(INSTANT, OVERALL), nullable=False),
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
