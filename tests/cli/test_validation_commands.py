"""`currant read`, `currant validation` and `currant estimate`: as a billing manager uses them."""

import json
import re
from pathlib import Path

from tests.basicreads.test_basic import IDENTIFIERS
from tests.cli.conftest import Run
from tests.houses import small_house
from tests.validation.measured import days_of, measured


async def test_reads_are_posted_and_listed(run: Run, door, boss, owner, tmp_path: Path) -> None:
    house = await small_house(door, boss, opening="", installed="2026-01-01")
    await owner.execute(IDENTIFIERS)
    await owner.execute("update customers.agreement set valid = '[2026-01-01T05:00Z,)'")
    done = run("read", "post", "NMIH1", "M1", "100", "2026-01-31", "--next", "2026-02-28")
    assert "ACCEPTED" in done.stdout
    file = tmp_path / "reads.json"
    told = {"site_identifier": "NMIH1", "meter_code": "M1", "read_date": "2026-02-10"}
    file.write_text(json.dumps([told | {"meter_read": 150.5}]))
    done = run("read", "post", "--file", str(file), "--json")
    assert json.loads(done.stdout)[0]["consumption"] == 50.5
    done = run("read", "list", house.accounts[0], "2026-01-01", "2026-02-28")
    assert "150.5" in done.stdout
    assert "2026-01-31" in done.stdout
    done = run("read", "post", "NMIH1", "M9", "100", "2026-01-31", code=4)
    assert "no such meter hung at the site" in done.stderr
    done = run("estimate", "reads", "2026-02-20", "--dry-run")
    assert "NMIH1" in done.stdout


async def test_intervals_are_checked_and_filled(run: Run, door, boss, owner) -> None:
    days = days_of()
    gap = next(day for day in days if f"{day}" == "2026-02-10")
    del days[gap]
    days[next(day for day in days if f"{day}" == "2026-02-03")] = [500] * 47 + [9000]
    await measured(door, boss, owner, days)
    done = run("validation", "run", "2026-02-01", "2026-02-28")
    assert done.stdout == "Registers checked: 1. Findings: 2, new: 2, gone: 0.\n"
    done = run("validation", "findings", "--json")
    finding, spike = sorted(json.loads(done.stdout), key=lambda one: one["rule"])
    assert (finding["rule"], finding["day"]) == ("GAP", "2026-02-10")
    assert (spike["rule"], spike["measured"], spike["unit"]) == ("SPIKE", 9000, "kWh")
    listed = run("validation", "findings").stdout
    assert re.search(r" SPIKE .* M1 +1 +9 +[\d.]+ +kWh +OPEN", listed)
    run("validation", "accept", str(spike["finding_id"]), "--reason", "a party")
    done = run("validation", "accept", str(finding["finding_id"]), "--reason", "known")
    assert "Findings accepted: 1." in done.stdout
    assert "Nothing was found." in run("validation", "findings").stdout
    assert "GAP" in run("validation", "findings", "--all").stdout
    assert "SPIKE" in run("validation", "rules").stdout
    done = run("estimate", "days", "2026-02-01", "2026-02-28")
    assert "Intervals estimated: 48, days: 1, registers: 1." in done.stdout
