"""Interval data for the tests of validation: sites with a stream whose days are told as lists."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import asyncpg
from tests.intervals.files import building, day, nem12, onboarded, stream

from currant.access.model import Actor
from currant.door import Door

FIRST = date(2026, 1, 5)  # A Monday.
LAST = date(2026, 3, 1)

Days = Mapping[date, Sequence[int] | int]


def days_of(wh: int = 500, *, first: date = FIRST, last: date = LAST) -> dict[date, int]:
    """The same in every half-hour of some days."""
    return {first + timedelta(days=n): wh for n in range((last - first).days + 1)}


async def measured(
    door: Door, boss: Actor, owner: asyncpg.Connection, days: Days, *,
    number: int = 1, updated: str = "20260301000000", suffix: str = "E1",
) -> None:  # fmt: skip
    """Tell the days of the stream of the site 410000000N, through the meter MN."""
    await owner.execute("select 1")
    if not await owner.fetchval("select count(*) from locations.building"):
        await building(owner)
    lines = [
        day(
            f"{on:%Y%m%d}",
            updated=updated,
            values=[f"{wh / 1000:.3f}" for wh in ([told] * 48 if isinstance(told, int) else told)],
        )
        for on, told in days.items()
    ]
    nmi = f"41{number:08}"
    raw = nem12(stream(nmi, serial=f"M{number}", suffix=suffix), *lines)
    await onboarded(door, boss, raw)
