"""The bills and tariffs that others published, where `../shared/fixtures` is beside the project."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from currant import wire
from currant.plans.model import CreatePlan
from currant.tariffs.book import calendar_for
from currant.tariffs.columns import Determinants

_PLACE = Path("shared/fixtures/tariffs")
FOLDER = next(
    (found / _PLACE for found in Path(__file__).resolve().parents if (found / _PLACE).is_dir()),
    None,
)

MONDAY = date(2018, 1, 1)  # The year of the published bills begins on a Monday and does not leap.
DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]


def published(name: str) -> Any:
    """A document as exact numbers; the test is skipped where there is none."""
    if FOLDER is None:
        pytest.skip("the bills of ../shared/fixtures are not here; their tests run where they are")
    return wire.decode((FOLDER / name).read_bytes(), object)


def determined(plan: CreatePlan, load_kw: list[Decimal]) -> Determinants:
    """The twelve months of a year of hours, in the buckets of a plan's calendar."""
    calendar = plan.calendar and calendar_for(plan.calendar, frozenset())
    energy = {bucket: [0] * 12 for bucket in range(1, 10)}
    peak = {bucket: [0] * 12 for bucket in range(10)}
    for hour, kw in enumerate(load_kw):
        day = MONDAY + timedelta(days=hour // 24)
        bucket = 1
        if calendar:
            changes = calendar.schedule(day)
            bucket = [to for minute, to in changes if minute <= hour % 24 * 60][-1]
        month, wh = day.month - 1, int(kw * 1000)
        energy[bucket][month] += wh
        peak[bucket][month] = max(peak[bucket][month], wh)
        peak[0][month] = max(peak[0][month], wh)
    return Determinants(DAYS, DAYS, energy, {}, peak)
