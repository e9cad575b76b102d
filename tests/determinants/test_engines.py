"""A folder of intervals gives the same in this process and in Spark, to the Wh."""

import re
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.determinants.walked import Day, Item, midnight, table_of, terms_of, walked

from currant.determinants import folder as folders
from currant.determinants.folder import (
    DaysWriter,
    FolderTaken,
    NotAFolderOfIntervals,
    days_of,
    determine_here,
    write_terms,
)
from currant.determinants.spark import determine_in_spark, why_not
from currant.determinants.summing import combine, determine, settle
from currant.tariffs.calendars import Calendar

TOU = ((0, 1), (420, 2), (900, 3), (1260, 1))
SYDNEY = Calendar(
    "Australia/Sydney", TOU, ((0, 1), (600, 4)), ((0, 9),), frozenset({date(2024, 10, 7)})
)


def load(items: int) -> tuple[list[Day], list[Item]]:
    """October 2024 of some items: two streams of other lengths, export, a gap, an estimate."""
    start, end = (midnight(date(2024, month, 1), "Australia/Sydney") for month in (10, 11))
    days, told = [], []
    for item in range(items):
        told.append(Item(item, start, end, SYDNEY, Fraction(1_038_363, 10**6), 30, 3))
        for ahead in range(-1, 32):
            day = date(2024, 10, 1) + timedelta(days=ahead)
            wh = [(item * 31 + ahead * 7 + n * n) % 997 for n in range(96)]
            days.append(Day(item, day, 30, wh[:48], estimated=ahead == 4))
            days.append(Day(item, day, 15, wh if ahead != 9 else [*wh[:7], None]))
            days.append(Day(item, day, 30, wh[48:], direction=-1))
    return days, told


@pytest.fixture(scope="module")
def loaded() -> tuple[list[Day], list[Item]]:
    return load(7)


@pytest.fixture
def written(loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of several files, which end where a day of an item does."""
    monkeypatch.setattr(folders, "_FILE_ROWS", 100)
    days, items = loaded
    table = table_of(days)
    place = tmp_path / "intervals"
    fixed = table.set_column(2, "clock", [[600] * table.num_rows])
    with DaysWriter(place) as writer:
        for at in range(0, table.num_rows, 50):
            writer.write(fixed.slice(at, 50))
    assert writer.rows == table.num_rows
    write_terms(place, terms_of(items))
    return place


def test_a_folder_is_determined_a_file_at_a_time(loaded, written) -> None:
    days, items = loaded
    files = sorted(days_of(written).iterdir())
    whole = [set(zip(*(t.column(n).to_pylist() for n in ("item", "day")), strict=True))
             for t in map(pq.read_table, files)]  # fmt: skip
    assert len(files) > 3
    assert sum(map(len, whole)) == len(set.union(*whole))
    assert determine_here(written).to_pylist() == walked(days, items)


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore")
def test_spark_gives_the_same_to_the_wh(loaded, written) -> None:
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    days, items = loaded
    terms = terms_of(items)
    here = settle(combine([determine(table_of(days), terms)]), terms)
    assert determine_in_spark(written, "local[2]").equals(here)


def test_a_folder_is_written_once_and_read_whole(written, tmp_path: Path) -> None:
    with pytest.raises(FolderTaken):
        DaysWriter(written)
    (written / "items.parquet").unlink()
    with pytest.raises(NotAFolderOfIntervals, match=re.escape(str(written)[:80])):
        determine_here(written)
    with pytest.raises(NotAFolderOfIntervals):
        determine_here(tmp_path / "nowhere")
