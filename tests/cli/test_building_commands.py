"""A building, its tenants and the work there from the command line, as processes."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.cli.conftest import Run

from currant.access.model import Actor
from currant.door import Door

TODAY = datetime.now(UTC).date()
SINCE = TODAY - timedelta(days=60)


@pytest.fixture
def built(run: Run, door: Door, boss: Actor) -> None:
    run("tariff", "create", "RES-FLAT", "--rate", "B1=0.285", "--from", "2020-01-01")
    run("building", "create", "TWR01", "Tower One", "--country", "AU", "--state", "NSW",
        "--timezone", "Australia/Sydney")  # fmt: skip
    run("site", "create", "4103000012", "--building", "TWR01", "--name", "Unit 12")
    run("meter", "create", "1234abcde", "--site", "4103000012", "--from", str(SINCE),
        "--plan", "RES-FLAT", "--dials", "6", "--opening", "12000")  # fmt: skip


def test_from_a_building_to_a_tenant_who_leaves(run: Run, built: None) -> None:
    assert run("building", "list").stdout.splitlines()[1].split() == [
        "TWR01", "Tower", "One", "1", "1",
    ]  # fmt: skip
    made = json.loads(run("customer", "create", "Ringo", "Starr", "--email", "r@example.com",
                          "--json").stdout)  # fmt: skip
    account = made[0]["account_number"]
    come = ("move", "in", account, "4103000012", "--on", str(SINCE))
    rehearsed = json.loads(run(*come, "--dry-run", "--json").stdout)
    moved = json.loads(run(*come, "--json").stdout)
    assert rehearsed[0]["status"] == moved[0]["status"] == "ACTIVE"
    assert account in run("site", "list", "TWR01").stdout
    site = run("site", "show", "4103000012").stdout
    assert "serial number 1234abcde" in site
    assert f"last read 12000, last read date {SINCE}, last read type OPENING" in site
    customer = run("customer", "show", account).stdout
    assert "r@example.com" in customer
    assert re.search(r"^balance +0\.00$", customer, re.MULTILINE)
    assert "type BILLING" not in customer
    for told in (site, customer):
        assert re.search(r"^last mod +[\d-]{10} [\d:]{8} E[SD]T$", told, re.MULTILINE)
    (order,) = moved[0]["work_order_ids"]
    run("workorder", "update", str(order), "--status", "complete", "--note", "Was on already.")
    assert "Was on already." in run("workorder", "show", str(order)).stdout
    left = run("move", "out", account, "ALL", "--on", str(TODAY - timedelta(days=2)),
               "--read", "1234abcde=12510")  # fmt: skip
    assert "CLOSED" in left.stdout
    assert "DISCONNECT" in run("workorder", "list", "--building", "TWR01").stdout
    assert "Starr" not in run("site", "list", "TWR01", "--vacant").stdout


def test_a_meter_is_exchanged_and_a_site_switched_off(run: Run, built: None) -> None:
    run("meter", "exchange", "1234abcde", "NEW-1", "--on", str(SINCE + timedelta(days=9)),
        "--closing", "12100", "--opening", "0")  # fmt: skip
    assert "NEW-1" in run("site", "show", "4103000012").stdout
    assert "1234abcde" not in run("meter", "list", "4103000012").stdout
    rows = run("meter", "list", "4103000012", "--removed").stdout.splitlines()
    assert [row.split()[0] for row in rows[1:]] == ["NEW-1", "1234abcde"]
    assert " 12100 " in rows[2]
    assert "1234abcde" in run("meter", "list").stdout
    shown = run("meter", "show", "NEW-1").stdout
    assert re.search("register 1, .*last read 0, .*last read type OPENING", shown)
    assert "created at" in shown
    assert "no such meter" in run("meter", "show", "X", code=4).stderr
    told = run("site", "status", "TWR01", "4103000012", "de_energised", "--reason", "Empty.")
    assert told.stdout.splitlines()[1].split()[:3] == ["4103000012", "ENERGISED", "DE_ENERGISED"]
    refused = run("site", "status", "TWR01", "4103000012", "NOT_READY", code=5)
    assert "ENERGISED before" in refused.stderr


def test_many_units_come_from_a_file(run: Run, built: None, tmp_path: Path) -> None:
    units = {"sites": [{"building_code": "TWR01", "site_identifier": f"N{n}"} for n in range(30)]}
    path = tmp_path / "units.json"
    path.write_text(json.dumps(units))
    rehearsed = run("site", "create", "--file", str(path), "--dry-run")
    assert len(rehearsed.stdout.splitlines()) == 31
    run("site", "create", "--file", str(path))
    assert len(run("site", "list", "TWR01").stdout.splitlines()) == 32
    assert "of many" in run("site", "create", code=2).stderr
    path.write_text('{"sites": [{"site": "N99"}]}')
    assert "sites[0].site" in run("site", "create", "--file", str(path), code=4).stderr


def test_loss_factors_are_set_and_shown(run: Run, built: None) -> None:
    run("loss", "set", "1.0514", "--mlf", "0.9876", "--building", "TWR01", "--from", "2024-07-01")
    assert "1.038363" in run("loss", "show", "--site", "4103000012").stdout
    assert "site_identifier" in run("loss", "show", code=4).stderr
