"""`currant nem12`, as a process."""

import json
from pathlib import Path

import pytest
from tests.basicreads.test_nem13 import nem13, pair
from tests.cli.conftest import Run
from tests.intervals.files import building, day, nem12, stream, zipped


@pytest.fixture
async def riverside(boss, owner) -> None:
    await building(owner)


def test_files_come_in_and_go_out(run: Run, riverside, tmp_path: Path) -> None:
    feb, mar = tmp_path / "feb.csv", tmp_path / "mar.zip"
    feb.write_bytes(nem12(stream(), *(day(f"202602{n:02}") for n in range(1, 29))))
    mar.write_bytes(zipped(nem12(stream(), day("20260301"), day("20260303"))))
    told = run("nem12", "import", str(feb), "--building", "B1", "--dry-run").stdout
    assert "28 would be stored" in told
    assert "Made: 1 site, 1 meter, 1 data stream." in told
    assert "No file was loaded" in run("nem12", "files").stdout
    told = run("nem12", "import", str(feb), str(mar), "--building", "B1").stdout
    assert "of 28 register-days 28 were stored" in told
    assert "of 2 register-days 2 were stored" in told
    again = json.loads(run("nem12", "import", str(feb), "--json").stdout)
    assert (again[0]["duplicates"], again[0]["stored"]) == (28, 0)
    out = tmp_path / "out.csv"
    span = ("--from", "2026-02-01", "--to", "2026-03-31")
    assert "33 lines" in run("nem12", "export", *span, "--out", str(out)).stdout
    written = run("nem12", "export", *span, "--site", "4100000001").stdout
    assert written.splitlines()[1:] == out.read_text().splitlines()[1:]
    again = json.loads(run("nem12", "import", str(out), "--json").stdout)
    assert (again[0]["duplicates"], again[0]["stored"]) == (30, 0)
    gaps = run("nem12", "gaps", "--from", "2026-03-01", "--to", "2026-03-03").stdout
    assert "MISSING" in gaps
    assert "2026-03-02" in gaps
    assert "feb.csv" in run("nem12", "files").stdout


def test_what_is_wrong_is_said(run: Run, riverside, tmp_path: Path) -> None:
    bad, lost = tmp_path / "bad.csv", tmp_path / "lost.csv"
    bad.write_bytes(nem12(stream(), day(count=40)))
    lost.write_bytes(nem12(stream("4199999999"), day()))
    told = run("nem12", "import", str(bad), code=4).stderr
    assert "IntervalValue41" in told
    told = run("nem12", "import", str(lost))
    assert "1 not placed" in told.stdout
    assert "NOSITE" in told.stderr
    assert "NOSITE" in run("nem12", "import", str(lost), "--on-error", "rollback", code=4).stderr
    files = json.loads(run("nem12", "files", "--json").stdout)
    assert "NOSITE" in run("nem12", "faults", str(files[0]["file_id"])).stdout
    told = run("nem12", "gaps", "--from", "2026-03-05", "--to", "2026-03-01", code=4).stderr
    assert "after the last" in told
    assert "2026-3-1" in run(
        "nem12", "export", "--from", "2026-3-1", "--to", "2026-03-02", code=4
    ).stderr  # fmt: skip


def test_reads_come_in_and_go_out(run: Run, riverside, tmp_path: Path) -> None:
    feb = tmp_path / "feb.csv"
    feb.write_bytes(nem12(stream(), day("20260201")))
    run("nem12", "import", str(feb), "--building", "B1")
    read = tmp_path / "reads.csv"
    read.write_bytes(
        nem13(pair(suffix="41", since="20260201000000"), pair(suffix="42", since="20260201000000"))
    )
    told = run("nem13", "import", str(read))
    assert "0 were stored" in told.stdout
    assert "NOMTRSCHED" in told.stderr
    assert "4 were stored" in run("nem13", "import", str(read), "--create").stdout
    out = tmp_path / "out.csv"
    span = ("--from", "2026-01-01", "--to", "2026-12-31")
    assert "4 lines" in run("nem13", "export", *span, "--out", str(out)).stdout
    again = json.loads(run("nem13", "import", str(out), "--json").stdout)
    assert (again[0]["stored"], again[0]["duplicates"]) == (0, 4)
    assert "this takes NEM13" in run("nem13", "import", str(feb), code=4).stderr
