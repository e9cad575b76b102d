"""`currant bill determinants` and `intervals`, on a database, a folder and in Spark."""

import json
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.cli.conftest import environment
from tests.usage.conftest import house, measure, stream

from currant.determinants.spark import why_not

__all__ = ["house"]

BILL = [sys.executable, "-c", "from currant.cli.bill_determinants import app; app()"]


@pytest.fixture
def bill(urls, tmp_path: Path):
    """Run a command of `currant bill` on this test's database."""

    def command(*args: object, code: int = 0, **more: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*BILL, *map(str, args)],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            env=environment(tmp_path / "home", **{"CURRANT_DATABASE_URL": urls.runtime} | more),
        )
        assert done.returncode == code, done.stderr
        return done

    return command


@pytest.fixture
async def measured(owner, house) -> None:
    """Two homes, of July 2024 all but the fifth day of the second."""
    for number, serial in enumerate(house.serials):
        register = await stream(owner, serial)
        for ahead in range(34):
            day = date(2024, 6, 30) + timedelta(days=ahead)
            if not (number and day.day == 5):
                await measure(owner, register, day, [number + ahead] * 48)


JULY = ("--from", "2024-07-01", "--to", "2024-07-31")


async def test_the_database_and_a_folder_of_it_give_the_same(bill, measured, tmp_path) -> None:
    out, folder = tmp_path / "d.parquet", tmp_path / "july"
    told = json.loads(bill("determinants", *JULY, "--out", out, "--json").stdout)
    assert (told["items"], told["intervals"]) == (2, 2 * 31 * 48 - 48)
    assert told["missing_minutes"] == 1440
    written = bill("intervals", *JULY, "--out", folder).stdout
    assert "register-days of 2 agreements" in written
    again = tmp_path / "again.parquet"
    text = bill(
        "determinants", "--intervals", folder, "--out", again, CURRANT_DATABASE_URL=""
    ).stdout
    assert "1,440 minutes are missing" in text
    assert pq.read_table(again).equals(pq.read_table(out))
    bill("intervals", *JULY, "--out", folder, code=4)


@pytest.mark.spark
async def test_spark_gives_the_same_to_the_wh(bill, measured, tmp_path) -> None:
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    folder, here, there = (tmp_path / name for name in ("july", "here.parquet", "there.parquet"))
    bill("intervals", *JULY, "--out", folder)
    bill("determinants", "--intervals", folder, "--out", here)
    spark = ("--engine", "spark", "--master", "local[2]")
    bill("determinants", "--intervals", folder, *spark, "--out", there)
    assert pq.read_table(there).equals(pq.read_table(here))


async def test_what_cannot_be_determined_is_said_in_a_sentence(bill, portal, tmp_path) -> None:
    out = tmp_path / "d.parquet"
    folder = ("--intervals", tmp_path / "nowhere")
    assert "nowhere" in bill("determinants", *folder, "--out", out, code=4).stderr
    assert (
        "--to is missing"
        in bill("determinants", "--from", "2024-07-01", "--out", out, code=2).stderr
    )
    wrong = bill("determinants", "--from", "July", "--to", "2024-07-31", "--out", out, code=4)
    assert "--from: 'July'" in wrong.stderr
    assert (
        "Java"
        in bill(
            "determinants", *folder, "--engine", "spark", "--out", out, code=4, JAVA_HOME="/nowhere"
        ).stderr
    )
    assert not out.exists()
