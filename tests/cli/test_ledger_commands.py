"""`currant ledger journals`, `close`, `reopen` and the chart, as processes."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.ledger.conftest import Post, post, transfer
from tests.ledger.test_exports import bean_check

from currant.access.model import OPERATOR
from currant.clock import FrozenClock
from currant.door import Door


@pytest.fixture
async def before(door: Door, portal: str) -> str:
    """The month before this one, with an entry."""
    month = datetime.now(UTC).replace(day=1) - timedelta(days=5)
    earlier = door.until(None)  # type: ignore[arg-type]
    earlier.clock = FrozenClock(month)
    lines = [transfer("1234.5"), transfer(2)]
    await earlier.act(post, Post(lines, note="=1+1"), OPERATOR.at(portal))
    return f"{month:%Y-%m}"


def test_a_month_is_listed_exported_closed_and_opened(
    run: Run, before: str, tmp_path: Path
) -> None:
    listed = run("ledger", "journals", "--period", before)
    assert "1,234.50" in listed.stdout
    assert f"{before} is open: 4 lines, debit 1,236.50" in listed.stderr
    told = json.loads(run("ledger", "journals", "--period", before, "--json").stdout)
    assert (told["summary"]["line_count"], told["data"][0]["debit"]) == (4, 1234.5)
    totals = run("ledger", "journals", "--period", before, "--totals").stdout
    assert "1,236.50" in totals
    out = tmp_path / "books.beancount"
    run("ledger", "journals", "--period", before, "--format", "beancount", "--out", str(out))
    bean_check(out.read_text(encoding="utf-8"), tmp_path)
    assert [path.name for path in tmp_path.glob("*.part")] == []
    piped = run("ledger", "journals", "--period", before, "--format", "csv").stdout
    assert "'=1+1" in piped
    nowhere = str(tmp_path / "none" / "x.csv")
    refused = run(
        "ledger", "journals", "--period", before, "--format", "csv", "--out", nowhere, code=2
    )
    assert "Nothing was written" in refused.stderr
    run("ledger", "journals", "--period", before, "--out", nowhere, code=2)
    assert "written as YYYY-MM" in run("ledger", "journals", "--period", "x", code=4).stderr
    assert run("ledger", "close", before, "--dry-run").stdout == f"{before} can be closed.\n"
    assert run("ledger", "close", before).stdout == f"{before} is closed.\n"
    run("ledger", "close", before, code=5)
    assert f"{before}  closed" in run("ledger", "periods").stdout
    run("ledger", "reopen", before, "--note", "", code=4)
    assert "is open again" in run("ledger", "reopen", before, "--note", "late").stdout


def test_the_chart_is_added_to(run: Run, portal: str) -> None:
    run("ledger", "add-account", "4920", "Meter tests", "income")
    assert "income" in run("ledger", "rename-account", "4920", "Tests", "--json").stdout
    listed = run("ledger", "accounts").stdout
    assert "4920  Tests" in listed
    assert "U100  Energy in wallets" in listed
    run("ledger", "add-account", "4920", "Again", "income", code=5)
