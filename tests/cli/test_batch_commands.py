"""`currant batch` as processes: close, print, list, approve."""

import json
from typing import Any

import asyncpg
import pytest
from tests.cli.test_commands import PASSWORD, at_a_terminal, give_password, on_a_screen
from tests.conftest import make_user
from tests.houses import House, small_house
from tests.shared import superuser


@pytest.fixture
async def house(door, boss) -> House:
    return await small_house(door, boss)


@pytest.fixture
async def till(door, portal, tmp_path) -> list[str]:
    """The options of a cashier who may take 100.00 in a batch."""
    await make_user(door, portal, "till", "VENDORADM", vending_limit=10_000)
    await give_password(door, "till")
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD + "\n")
    return ["--as", "till", "--password-file", str(secret)]


def told(done: Any) -> Any:
    return json.loads(done.stdout)


def test_a_report_is_44_columns_wide_and_prints_again(run, house, till) -> None:
    account = house.accounts[0]
    run("vend", account, "60", *till)
    run("vend", account, "39.50", "--tender", "check", *till)
    current = run("batch", "show", *till).stdout
    for words in ("Tenders", "$99.50", "$100.00", "$0.50"):
        assert words in current
    refused = run("batch", "close", "--cash", "60", *till, code=4)
    assert "Count check" in refused.stderr
    printed = run(
        "batch", "close", "--cash", "58.75", "--check", "40", "--note", "Two notes were torn.",
        *till,
    ).stdout  # fmt: skip
    lines = printed.splitlines()
    assert max(map(len, lines)) == 44
    assert lines[0].strip() == "Example Power"
    rows = [line.split() for line in lines]
    assert ["Cashier", "till"] in rows
    assert ["USD", "expected", "counted", "over/short"] in rows
    assert ["cash", "60.00", "58.75", "-1.25"] in rows
    assert ["check", "39.50", "40.00", "+0.50"] in rows
    assert ["total", "99.50", "98.75", "-0.75"] in rows
    assert lines[-1] == "Two notes were torn."
    (batch,) = told(run("batch", "list", "--json"))
    number = str(batch["batch_id"])
    assert run("batch", "show", number).stdout == printed
    assert ["Over", "and", "short", "posted", "as", str(batch["transaction_id"])] in rows
    assert told(run("batch", "show", *till, "--json"))["batch_id"] is None
    assert "none is open" in run("batch", "show", *till).stdout
    run("batch", "close", "--cash", "0", *till, code=4)


def test_another_closes_and_a_second_approves(run, house, till, urls, tmp_path) -> None:
    account = house.accounts[0]
    run("vend", account, "10", *till)
    assert "nobody has none" in run("batch", "close", "nobody", "--cash", "1", code=4).stderr
    once = ("batch", "close", "till", "--cash", "10", "--key", "k1", "--json")
    closed = told(run(*once))
    assert told(run(*once)) == closed
    assert (closed["login"], closed["closed_by"], closed["difference"]) == ("till", "operator", 0)
    number = str(closed["batch_id"])
    assert "lacks transactions.adjust" in run("batch", "approve", number, *till, code=6).stderr
    assert "operator closed it" in run("batch", "approve", number, code=6).stderr
    run("vend", account, "20.00", *till)
    run("batch", "close", "--cash", "20", *till)
    newest, oldest = told(run("batch", "list", "--cashier", "till", "--json"))
    approved = run("batch", "approve", str(newest["batch_id"]), "--note", "Seen.")
    assert approved.stdout == f"Batch {newest['batch_id']} is approved.\n"
    report = run("batch", "show", str(newest["batch_id"])).stdout
    assert ["by", "operator"] in [line.split() for line in report.splitlines()]
    assert report.endswith("Seen.\n")
    assert told(run("batch", "list", "--state", "closed", "--json")) == [oldest]
    assert "already" in run("batch", "approve", str(newest["batch_id"]), code=5).stderr
    screen = on_a_screen(tmp_path, urls, 80, "batch", "list").splitlines()
    assert len(screen) == 3
    assert max(map(len, screen)) <= 80
    assert screen[1].split()[-3:] == ["approved", "1", "$20.00"]


def test_at_a_terminal_each_count_is_asked_for(run, house, urls, tmp_path) -> None:
    account = house.accounts[0]
    run("vend", account, "10")
    run("vend", account, "5", "--tender", "eft")
    asked = at_a_terminal(tmp_path, urls, "9,50\n9.505\n9.50\n\n\n5\n", "batch", "close")
    assert asked.count("Counted, cash") == 3
    assert "'9,50' is not a plain number" in asked
    assert "3 decimals; at most 2" in asked
    assert all(f"Counted, {tender} [0]" in asked for tender in ("check", "card", "eft"))
    assert ["cash", "10.00", "9.50", "-0.50"] in [line.split() for line in asked.splitlines()]
    run("vend", account, "10")
    assert "Counted" not in at_a_terminal(tmp_path, urls, "", "batch", "close", "--cash", "10")
    run("vend", account, "10")
    assert "Count cash" in at_a_terminal(tmp_path, urls, "", "batch", "close", "--no-input")
    assert "Count cash" in run("batch", "close", code=4).stderr


def test_a_count_that_cannot_be_is_named(run, house) -> None:
    run("vend", house.accounts[0], "10")
    for amount, words in (("-5", "negative"), ("1,5", "plain number"), ("1.005", "at most 2")):
        refused = run("batch", "close", "--cash", amount, code=4).stderr
        assert refused.startswith("currant: cash: ")
        assert words in refused
        assert refused.endswith("Nothing was done.\n")
    error = json.loads(run("batch", "close", "--eft", "x", "--json", code=4).stderr)["error"]
    assert (error["kind"], error["field"]) == ("invalid", "eft")
    assert "'closed'" in run("batch", "list", "--state", "lost", code=2).stderr
    assert told(run("batch", "list", "--json"))[0]["state"] == "open"


def test_large_amounts_stand_under_each_other(run, house) -> None:
    run("vend", house.accounts[0], "900000000", "--yes")
    printed = run("batch", "close", "--cash", "12345678.90").stdout
    assert max(map(len, printed.splitlines())) == 44
    rows = [line.split() for line in printed.splitlines()]
    place = rows.index(["cash", "900,000,000.00"])
    assert rows[place + 1 : place + 3] == [["12,345,678.90"], ["-887,654,321.10"]]


async def test_verify_names_a_batch_that_is_off(run, house, server, urls) -> None:
    run("vend", house.accounts[0], "10")
    planted = await asyncpg.connect(superuser(server, urls))
    await planted.execute(
        "set session_replication_role = replica; update batches.taking set amount = 11"
    )
    faults = told(run("ledger", "verify", "--json", code=3))["faults"]
    assert [fault["detail"] for fault in faults] == ["tenders of 11.000, books 10.000"]
    assert faults[0]["what"].startswith("batch ")
    await planted.close()
