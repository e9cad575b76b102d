import json
import re
import shlex
import signal
import socket
import subprocess
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from rich.progress import Progress
from tests.cli.conftest import COMMAND, ROOT, environment, within
from tests.conftest import make_user, new_database
from tests.ledger.test_exports import bean_faults

from currant.access.model import OPERATOR, IssueToken, RevokeKey
from currant.access.verbs import (
    Nothing,
    access_keys,
    hash_token,
    issue_token,
    revoke_key,
    users,
)
from currant.batches.model import BatchesWanted
from currant.batches.verbs import batch_faults, list_batches
from currant.cli import tower_loading
from currant.cli.demo import enter
from currant.cli.example import BUSINESS, DAYS, HOMES, LIFELINE, RESIDENTIAL, Example
from currant.cli.frame import Stopped
from currant.cli.loading import is_loaded, load
from currant.cli.tower import UNITS
from currant.clock import FrozenClock
from currant.customers.verbs import account_keys
from currant.db.database import Urls
from currant.db.tx import open_pool
from currant.debtors.model import AgedWanted
from currant.debtors.verbs import portfolio
from currant.door import Door
from currant.intervals.model import GapsWanted
from currant.intervals.verbs import interval_gaps
from currant.invoices.model import InvoicesWanted
from currant.invoices.verbs import invoices
from currant.ledger.model import BalancesOf
from currant.ledger.verbs import ledger_faults, trial_balance
from currant.locations.model import KeysWanted
from currant.prepayment.verbs import wallet_faults
from currant.receivables.verbs import arrears_faults
from currant.runs.model import StartRun
from currant.runs.verbs import draft_run
from currant.settings import Settings

NOW = datetime(2026, 3, 10, 15, 7, 9, tzinfo=UTC)  # Two days after the clocks went forward.
EXAMPLE = OPERATOR.at("example")
TOWER = OPERATOR.at("tower")


class Tired(Exception):
    """The power went."""


class TiringDoor(Door):
    """A door that gives up after so many acts."""

    left = 0

    async def act(self, verb, command, actor, key=None):
        self.left -= 1
        if self.left < 0:
            raise Tired
        return await super().act(verb, command, actor, key)


async def loaded(door: Door, clock: FrozenClock, homes: int) -> None:
    with Progress(disable=True) as progress:
        await load(door, clock, progress, homes=homes)


async def billed(door: Door, clock: FrozenClock) -> None:
    with Progress(disable=True) as progress:
        await tower_loading.load(door, clock, progress)


def test_the_example_is_the_same_every_time_and_as_large_as_promised() -> None:
    first, second = (Example(NOW - timedelta(days=DAYS)) for _ in range(2))
    assert first.meters() == second.meters()
    assert first.customers() == second.customers()
    deliveries = list(first.deliveries())
    assert deliveries == list(second.deliveries())
    assert first.payments({}, opening=True) == second.payments({}, opening=True)
    assert len(first.homes) == HOMES == 300
    plans = [home.plan for home in first.homes]
    assert [plans.count(plan) for plan in (LIFELINE, RESIDENTIAL, BUSINESS)] == [75, 180, 45]
    days, half_hours = deliveries[:12], deliveries[12:]
    assert sum(each.text.count("\n") - 1 for each in days) == 300 * 84
    since = NOW - timedelta(days=7)
    fine = [line.split(",") for each in half_hours for line in each.text.splitlines()[1:]]
    of_one = [line for line in fine if line[0] == first.homes[0].serial_number]
    assert sum(datetime.fromisoformat(line[1]) > since for line in of_one) == 7 * 48
    registers = [int(line[2]) for line in of_one]
    assert registers == sorted(registers)
    assert deliveries[-1].at == first.now


async def test_it_lives_until_now_and_its_books_are_sound(urls) -> None:
    clock = FrozenClock(NOW)
    async with await open_pool(urls.runtime, size=6) as pool:
        door = Door(pool, clock)
        await loaded(door, clock, 20)
        assert clock.now() == NOW
        assert await door.ask(ledger_faults, Nothing(), OPERATOR) == []
        assert await door.ask(wallet_faults, Nothing(), OPERATOR) == []
        assert await door.ask(batch_faults, Nothing(), OPERATOR) == []
        batches = await door.ask(list_batches, BatchesWanted(2**62, 200), EXAMPLE)
        assert {batch.state for batch in batches if batch.closed_at} == {"approved"}
        assert {batch.difference for batch in batches} >= {Decimal("-5.00"), Decimal(0)}
        assert len({batch.login for batch in batches}) == 2
        async with door.asking(account_keys, EXAMPLE) as tx:
            keys = [key async for key in account_keys(tx, KeysWanted())]
        assert len(keys) == 20
        coas = {row.coa: row for row in await door.ask(trial_balance, BalancesOf(), EXAMPLE)}
        assert {"1000", "1100", "2100", "2200", "4000", "4005", "4900", "U100", "U400"} <= set(coas)
        assert coas["2100"].credit > 0
        assert coas["U100"].credit > 0
        staff = {user.login: user.role for user in await door.ask(users, Nothing(), EXAMPLE)}
        assert staff["demo"] == "SysAdmin"
        assert await is_loaded(door)


async def test_an_interrupted_load_goes_on_where_it_stopped(urls, server, template) -> None:
    clock = FrozenClock(NOW)
    async with await open_pool(urls.runtime, size=6) as pool:
        door = TiringDoor(pool, clock)
        for acts in (2, 9, 24, 40, 75):
            door.left = acts
            with pytest.raises((Tired, ExceptionGroup)):
                await loaded(door, clock, 8)
            clock.set(NOW + timedelta(minutes=acts))
        assert not await is_loaded(door)
        door.left = 10_000
        await loaded(door, clock, 8)
        interrupted = await door.ask(trial_balance, BalancesOf(), EXAMPLE)
        assert await door.ask(ledger_faults, Nothing(), OPERATOR) == []
    clock.set(NOW + timedelta(minutes=9))  # The first whole load of the tariffs was begun then.
    async with (
        new_database(server, template) as other,
        await open_pool(other.runtime, size=6) as pool,
    ):
        await loaded(Door(pool, clock), clock, 8)
        assert await Door(pool, clock).ask(trial_balance, BalancesOf(), EXAMPLE) == interrupted


async def test_a_building_is_billed_for_two_months_and_ready_for_the_third(urls) -> None:
    clock = FrozenClock(NOW)
    async with await open_pool(urls.runtime, size=2) as pool:
        door = TiringDoor(pool, clock)
        for acts in (1, 6, 14, 20, 26, 29):
            door.left = acts
            with pytest.raises(Tired):
                await billed(door, clock)
            clock.set(NOW + timedelta(minutes=acts))
            assert not await tower_loading.is_loaded(door)
        door.left = 10_000
        await billed(door, clock)
        assert await tower_loading.is_loaded(door)
        assert clock.now() == NOW + timedelta(minutes=29)
        for view in (ledger_faults, arrears_faults):
            assert await door.ask(view, Nothing(), OPERATOR) == []
        async with door.asking(invoices, TOWER) as tx:
            heads = [invoice.head async for invoice in invoices(tx, InvoicesWanted())]
        assert [head.number for head in heads] == [f"{n:05}" for n in range(1, 25)]
        paid = Counter(head.status for head in heads)
        assert paid == {"PAID": 21, "POSTED": 2, "PART_PAID": 1}
        owing = await door.ask(portfolio, AgedWanted(), TOWER)
        assert owing.days_60 > 0
        run = await door.rehearse(draft_run, StartRun(date(2026, 2, 28)), TOWER)
        assert (run.run.invoices, run.run.held, run.exceptions) == (12, 0, [])
        async with door.asking(interval_gaps, TOWER) as tx:
            wanted = GapsWanted(date(2025, 12, 1), date(2026, 3, 10))
            assert [gap async for gap in interval_gaps(tx, wanted)] == []


async def test_a_portal_of_ones_own_is_left_alone(door, portal) -> None:
    await make_user(door, portal, "mine", "SysAdmin")
    with pytest.raises(Stopped, match="not the demo's"):
        await is_loaded(door)


def test_the_demo_prints_a_call_that_answers(start, urls, tmp_path) -> None:
    entries = []
    for patience in (90, 30):  # The second time there is nothing left to load.
        demo = start("demo", "--json", CURRANT_DATABASE_URL=urls.runtime)
        assert within(patience, lambda: demo.out.stat().st_size or demo.process.poll())  # noqa: B023
        assert demo.process.poll() is None, demo.err.read_text()
        access = json.loads(demo.out.read_text())
        calls_answer(access)
        entries.append((access["password"], access["token"]))
        kept = tmp_path / "home" / "demo.json"
        assert kept.stat().st_mode & 0o777 == 0o600
        if patience == 90:
            second = start("demo", "--json", CURRANT_DATABASE_URL=urls.runtime)
            assert second.process.wait(30) == 1
            assert second.out.read_text() == ""
            assert f"process {demo.process.pid} of this home" in second.err.read_text()
            assert "no password or token was changed" in second.err.read_text()
            calls_answer(access)
            meters_are_asked(tmp_path, urls)
            printed = printed_by_the_readme(tmp_path, urls, access["password"])
            assert printed.count("EX9000002") == 2
            assert "Account 00005, Ella Rossi" in printed
            assert "1 site, 1 meter, 1 data stream" in printed
        head_end = told_of(tmp_path, urls, "headend", "list")[-1]["url"]
        assert reached(head_end)
        assert demo.end(signal.SIGTERM if patience == 90 else signal.SIGKILL) <= 0
        assert within(5, lambda: not reached(head_end))  # noqa: B023
    assert entries[0] == entries[1]


async def test_credentials_that_are_refused_are_replaced(urls, tmp_path) -> None:
    clock = FrozenClock(NOW)
    config = Settings(home=tmp_path, database_url=urls.runtime)
    kept = tmp_path / "demo.json"
    async with await open_pool(urls.runtime, size=6) as pool:
        door = Door(pool, clock)
        await loaded(door, clock, 8)
        await billed(door, clock)
        first = await enter(door, config)
        assert await enter(door, config) == first
        kept.write_text("not ours")
        second = await enter(door, config)
        assert second.token != first.token
        await door.act(issue_token, IssueToken("demo", hash_token("stolen")), EXAMPLE)
        third = await enter(door, config)
        assert third.token != second.token
        assert await enter(door, config) == third
        newest = max(key.key_id for key in await door.ask(access_keys, Nothing(), TOWER))
        await door.act(revoke_key, RevokeKey(newest), TOWER)
        assert (await enter(door, config)).building.key != third.building.key
    assert (tmp_path / "invoice.pdf").read_bytes().startswith(b"%PDF-")


def calls_answer(access: dict[str, Any]) -> None:
    """The calls that were printed are answered well."""
    assert called(access["curl"])[0]["account"] == "00001"
    sites = called(access["building"]["curl"])
    names = [site["account_name"] for site in sites if site["occupancy"] == "OCCUPIED"]
    assert names == [unit.name for unit in UNITS]


def called(curl: str) -> Any:
    """The data that a printed call is answered."""
    _, _, header, url = shlex.split(curl)
    told = httpx.get(url, headers=[header.split(": ")], timeout=20).json()
    assert told["error"] == 0, told
    return told["data"]


def told_of(folder: Path, urls: Urls, *args: str) -> Any:
    """What a command answers."""
    done = subprocess.run(
        [*COMMAND, *args, "--json"],
        env=environment(
            folder / "home", CURRANT_DATABASE_URL=urls.runtime, CURRANT_PORTAL="example"
        ),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout)


def reached(url: str) -> bool:
    """Whether somebody listens at a URL of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(url.rsplit(":", 1)[1].strip("/")))) == 0


def meters_are_asked(folder: Path, urls: Urls) -> None:
    """A meter is read; one that is disconnected is connected again by a payment."""
    told = partial(told_of, folder, urls)
    (read,) = told("meter", "read", "EX1000037", "--wait", "30")
    assert (read["state"], read["meter_state"], read["quarantined"]) == ("DONE", "connected", False)
    assert read["read_wh"] > 0
    why = ("--reason", "the seal is broken")
    (cut,) = told("meter", "disconnect", "EX1000037", *why, "--wait", "30")
    assert (cut["state"], cut["meter_state"]) == ("DONE", "disconnected")
    told("vend", "00001", "20", "--yes")
    of_it = ("meter", "requests", "--serial", "EX1000037")
    assert within(30, lambda: told(*of_it)[0]["state"] == "DONE")
    connect = told(*of_it)[0]
    assert (connect["command"], connect["meter_state"]) == ("CONNECT", "connected")
    assert {row["source"]: bool(row["url"]) for row in told("headend", "list")} == {
        "bybot": False, "mas": False, "microstar": False, "multispeak": True,
    }  # fmt: skip


def printed_by_the_readme(folder: Path, urls: Urls, password: str) -> str:
    """What the commands of the README print, each block in its order as a shell runs it."""
    shim = folder / ".venv" / "bin" / "currant"
    shim.parent.mkdir(parents=True)
    shim.write_text(f'#!/bin/sh\nexec {shlex.join(COMMAND)} "$@"\n')
    shim.chmod(0o755)
    readme = (ROOT / "README.md").read_text()
    last = datetime.now(ZoneInfo("Australia/Sydney")).date().replace(day=1) - timedelta(days=1)
    readme = readme.replace("2026-10-31", str(last)).replace("2026-10", f"{last:%Y-%m}")
    printed, told = "", ""
    for block in re.findall(r"^```sh\n(.*?)^```", readme, re.DOTALL | re.MULTILINE):
        # The number of the receipt is this database's own; a read is told to the second.
        sold = re.findall(r"RECEIPT (\d+)", printed)
        here = re.sub(r"\b(receipt|reverse) \d+", lambda m: f"{m[1]} {sold[0]}", block)  # noqa: B023
        done = subprocess.run(
            ["sh", "-e", "-c", f'PATH="$PWD/.venv/bin:$PATH"; sleep 1\n{told}\n{here}'],
            cwd=folder,
            env=environment(folder / "home", CURRANT_DATABASE_URL=urls.runtime),
            input=f"{password}\n",
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        printed += done.stdout
        told = "\n".join([told, *re.findall(r"^export .*$", block, re.MULTILINE)])
    for paper in ("invoice", "statement", "receipt"):
        assert (folder / f"{paper}.pdf").read_bytes().startswith(b"%PDF-")
    assert bean_faults((folder / "october.beancount").read_text(), folder) == ""
    return printed
