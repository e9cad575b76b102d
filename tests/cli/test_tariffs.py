"""`currant tariff`: plans made, imported and shown by the command line."""

import json

import pytest
from tests.cli.conftest import Run

URDB = {
    "name": "Evening peak",
    "utility": "Example Power",
    "energyratestructure": [[{"rate": 0.12}], [{"rate": 0.3, "sell": 0.05}]],
    "energyweekdayschedule": [[0] * 16 + [1] * 5 + [0] * 3] * 12,
    "energyweekendschedule": [[0] * 24] * 12,
    "fixedchargefirstmeter": 0.5,
    "fixedchargeunits": "$/day",
}


@pytest.fixture
async def made(portal: str) -> None:
    """A portal."""


def test_a_plan_is_created_and_shown(made: None, run: Run) -> None:
    created = run(
        "tariff", "create", "RES-FLAT", "--rate", "B1=0.285", "--rate", "B2=0.31@13.5",
        "--rate", "D=8.5", "--daily", "1.10", "--minimum", "20", "--from", "2024-06-01",
    )  # fmt: skip
    assert created.stdout == "The plan RES-FLAT was created.\n"
    shown = run("tariff", "show", "res-flat", code=4)
    assert "no such tariff" in shown.stderr
    lines = [line.split() for line in run("tariff", "show", "RES-FLAT").stdout.splitlines()]
    assert ["B2", "Block", "2", "0.31", "kWh", "13.5", "yes", "2024-06-01", "00:00"] in lines
    assert ["Daily", "charge", "1.1", "day", "yes", "2024-06-01", "00:00"] in lines
    told = json.loads(run("tariff", "show", "RES-FLAT", "--json").stdout)
    assert [(rate["tier"], rate["rate"]) for rate in told["rates"]] == [
        ("B1", 0.285),
        ("B2", 0.31),
        ("D", 8.5),
    ]
    assert [(charge["basis"], charge["amount"]) for charge in told["fixed"]] == [
        ("DAILY", 1.1),
        ("MINIMUM", 20),
    ]
    assert "RES-FLAT" in run("tariff", "list").stdout


def test_a_dry_run_keeps_nothing_and_bad_input_is_named(made: None, run: Run) -> None:
    told = run("tariff", "create", "X", "--rate", "B1=1", "--dry-run").stdout
    assert told == "The plan X would be created.\n"
    assert "no tariffs yet" in run("tariff", "list").stdout
    for rate, what in (("B1", "B1=0.285"), ("B1=x", "plain number"), ("Q9=1", "not a tier")):
        refused = run("tariff", "create", "X", "--rate", rate, code=4)
        assert what in refused.stderr
    assert "neither" in run("tariff", "create", "X", code=4).stderr
    assert "no tariffs yet" in run("tariff", "list").stdout


def test_a_tariff_is_imported(made: None, run: Run, tmp_path) -> None:
    path = tmp_path / "evening.json"
    path.write_text(json.dumps(URDB), encoding="utf-8")
    told = run("tariff", "import", str(path)).stdout
    assert told == "The plan Evening peak was created.\n"
    again = run("tariff", "import", "-", "--name", "Mine", stdin=path.read_text())
    assert "Mine" in again.stdout
    shown = json.loads(run("tariff", "show", "Mine", "--json").stdout)
    assert [(rate["tier"], rate["buckets"]) for rate in shown["rates"]] == [
        ("T1", []),
        ("T2", []),
        ("X1", [2]),
    ]
    assert shown["head"]["calendar"] == "Mine"
    path.write_text(json.dumps(URDB | {"demandunits": "kVA"}), encoding="utf-8")
    refused = run("tariff", "import", str(path), "--name", "Other", code=4)
    assert "Nothing was created" in refused.stderr
    assert "kVA" in refused.stderr
    path.write_text("no JSON", encoding="utf-8")
    assert run("tariff", "import", str(path), code=4).stderr
