"""`currant arrears` and `currant location`, as processes."""

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.cli.test_commands import on_a_screen
from tests.houses import House, small_house
from tests.receivables.arrears import issue

from currant.access.model import Actor
from currant.db.database import Urls
from currant.door import Door


@pytest.fixture
async def house(door: Door, boss: Actor) -> House:
    return await small_house(door, boss, homes=2, rate="0.25")


@pytest.fixture
async def items(door: Door, boss: Actor, house: House) -> list[int]:
    one, two = house.accounts
    return await issue(
        door, boss, f"{one},2026-01-01T00:00:00-05:00,1234.5,,25%", f"{one},,10,4,", f"{two},,7,,"
    )


def test_arrears_are_readable_in_80_columns(
    run: Run, house: House, items: list[int], urls: Urls, tmp_path: Path
) -> None:
    told = on_a_screen(tmp_path, urls, 80, "arrears", "list", house.accounts[0]).splitlines()
    assert len(told) == 3, told
    assert max(map(len, told)) <= 80
    assert "$1,234.50" in told[2]


def test_who_owes_and_what_for(run: Run, house: House, items: list[int]) -> None:
    one, two = house.accounts
    lines = run("arrears", "list").stdout.splitlines()
    assert [line.split() for line in lines] == [
        ["account", "outstanding"], [one, "$1,240.50"], [two, "$7.00"],
    ]  # fmt: skip
    first = run("arrears", "list", "--limit", "1")
    assert len(first.stdout.splitlines()) == 2
    assert "--limit" in first.stderr
    told = run("arrears", "list", one).stdout
    for words in (str(items[0]), "CIStransfer", "9100", "2026-01-01", "25 %", "$1,234.50"):
        assert words in told
    assert len(told.splitlines()) == 3
    listed = json.loads(run("arrears", "list", one, "--json").stdout)
    assert [(row["arrears_id"], row["outstanding_amount"]) for row in listed] == [
        (items[1], 6), (items[0], 1234.5),
    ]  # fmt: skip
    assert json.loads(run("arrears", "list", "--json").stdout)[1] == {"account": two, "amount": 7}
    assert "99998" in run("arrears", "list", "99998", code=4).stderr


def test_nobody_owes_anything(run: Run, house: House) -> None:
    assert run("arrears", "list").stdout == "Nobody owes any arrears.\n"
    assert run("arrears", "list", house.accounts[0]).stdout.endswith("has no arrears.\n")
    assert run("arrears", "list", "--json").stdout == "[]\n"


def test_arrears_are_written_off(run: Run, house: House, items: list[int]) -> None:
    note = ("--note", "Moved away.")
    order = ("arrears", "write-off", *map(str, items[1:]), *note)
    rehearsed = run(*order, "--dry-run")
    assert "Nothing was written off" in rehearsed.stderr
    done = run(*order, "--key", "once")
    assert len(done.stdout.splitlines()) == 3
    assert run(*order, "--key", "once").stdout == done.stdout
    part = run("arrears", "write-off", str(items[0]), "--amount", "34.50", *note, "--json")
    (written,) = json.loads(part.stdout)
    assert (written["amount"], written["outstanding_amount"]) == (34.5, 1200)
    again = run(*order, code=5)
    assert f"record 1, arrears_id: nothing is owed on {items[1]}" in again.stderr
    assert "note" in run("arrears", "write-off", "1", code=2).stderr
    assert "--amount" in run(*order, "--amount", "1", code=2).stderr
    assert len(run("arrears", "list").stdout.splitlines()) == 2


def test_a_plan_is_changed(run: Run, items: list[int]) -> None:
    item = str(items[0])
    assert "12.5 %" in run("arrears", "plan", item, "12.5%").stdout
    told = run("arrears", "plan", item, "50", "--start", "2026-05-01").stdout
    assert "50 %" in told
    assert "2026-05-01" in told
    started = json.loads(run("arrears", "plan", item, "--start", "now", "--json").stdout)
    assert (started["pay_plan"], started["start_at"]) == (50, None)
    for wrong in (("120%",), ("a",), (), ("5%", "--start", "soon")):
        refused = run("arrears", "plan", item, *wrong, code=4)
        assert refused.stdout == ""
    assert "999999" in run("arrears", "plan", "999999", "5%", code=4).stderr


def test_types_are_listed_created_and_retired(run: Run, house: House) -> None:
    known = run("arrears", "types").stdout
    assert [line.split()[0] for line in known.splitlines()[1:4]] == [
        "Recovery", "PostPaid", "CIStransfer",
    ]  # fmt: skip
    made = run("arrears", "create-type", "Gimme5", "--coa", "4910", "--description", "Five")
    assert made.stdout == "The type Gimme5 stands for COA 4910.\n"
    assert "Five" in run("arrears", "types").stdout
    assert "COA" in run("arrears", "create-type", "Other", "--coa", "4910", code=5).stderr
    run("arrears", "retire-type", "Gimme5")
    assert run("arrears", "types").stdout == known
    assert "own" in run("arrears", "retire-type", "PostPaid", code=4).stderr


def test_a_location_is_shown_and_described(run: Run, house: House) -> None:
    loc_id = house.loc_ids[0]
    bare = run("location", "show", loc_id).stdout
    assert "voltage" not in bare
    assert house.accounts[0] in bare
    told = run(
        "location", "set", loc_id, "--voltage", "120V", "--kva", "12.5", "--socket", "3",
        "--type", "ANSI",
    ).stdout  # fmt: skip
    assert run("location", "show", loc_id).stdout == told
    assert {"voltage             120V", "kva                 12.5"} < set(told.splitlines())
    shown = json.loads(run("location", "show", loc_id, "--json").stdout)
    assert (shown["socket"], shown["type"], shown["feeder"]) == (3, "ANSI", "")
    run("location", "set", loc_id, "--voltage", "")
    assert "voltage" not in run("location", "show", loc_id).stdout
    assert "substation" in run("location", "set", loc_id, code=4).stderr
    assert "L99999" in run("location", "show", "L99999", code=4).stderr
