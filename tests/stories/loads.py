"""The real loads of `../shared/fixtures`, as whole Wh, where they are beside the project.

A year of quarter-hours at six places, told by a local clock that jumps in March and repeats an hour
in October, and a year of hours of a house. Both are taken as elapsed time: the gap is none, and of
the doubled hour both count.
"""

import csv
import gzip
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

_PLACE = Path("shared/fixtures/loads")
FOLDER = next(
    (found / _PLACE for found in Path(__file__).resolve().parents if (found / _PLACE).is_dir()),
    None,
)
BERLIN = ZoneInfo("Europe/Berlin")
QUARTER = timedelta(minutes=15)
MICRO = 1_000_000


def folder() -> Path:
    """Where the loads are; the test is skipped where they are not."""
    if FOLDER is None:
        pytest.skip("the loads of ../shared/fixtures are not here; their tests run where they are")
    return FOLDER


def quarter_hours() -> list[tuple[datetime, list[Decimal]]]:
    """Return (start of the quarter in UTC, the six profiles), told in the file's order.

    The file has local time; where an hour is told twice, its second telling is winter time.
    """
    rows, before = [], datetime.min  # noqa: DTZ901
    fold = 0
    with gzip.open(folder() / "simbench_2016_15min_subset.csv.gz", "rt") as file:
        for row in csv.reader(file):
            if row[0] == "time":
                continue
            face = datetime.strptime(row[0], "%d.%m.%Y %H:%M")  # noqa: DTZ007
            fold = 1 if face <= before or (fold and face.hour == before.hour) else 0
            before = face
            start = face.replace(tzinfo=BERLIN, fold=fold).astimezone(UTC)
            rows.append((start, [Decimal(value) for value in row[1:]]))
    return rows


def quarters_of_profiles() -> list[list[int]]:
    """Return the six profiles over the 366 days, a millionth of the peak each, by quarter-hours."""
    rows = quarter_hours()
    starts = [start for start, _ in rows]
    assert starts == [starts[0] + n * QUARTER for n in range(366 * 96)]
    return [[int(row[place] * MICRO) for _, row in rows] for place in range(6)]


def hours_of_a_house() -> list[int]:
    """Return what a house used in the hours of 366 days, in Wh."""
    with gzip.open(folder() / "eemeter/il-electricity-cdd-hdd-hourly.csv.gz", "rt") as file:
        rows = [row for row in csv.reader(file) if row[0].startswith(("2016", "2017-01-01"))]
    instants = [datetime.fromisoformat(row[0]).astimezone(UTC) for row in rows]
    hours = 366 * 24
    assert instants[:hours] == [instants[0] + n * timedelta(hours=1) for n in range(hours)]
    return [int(Decimal(row[1]) * 1000) for row in rows[:hours]]


def scaled(profile: list[int], watts: int) -> list[int]:
    """Return a profile whose peak is so many watts, in Wh a quarter-hour, halves up."""
    return [(value * watts + 2 * MICRO) // (4 * MICRO) for value in profile]
