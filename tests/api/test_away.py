"""While the database is away both faces say so in their dialects, and go on when it is back."""

import asyncio
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.conftest import TOKENS, make_user, served
from tests.waiting import within

from currant.access.model import OPERATOR, CreatePortal
from currant.access.verbs import create_portal
from currant.api.juice import system
from currant.clock import FrozenClock
from currant.db import embedded
from currant.db.database import prepare
from currant.db.embedded import EmbeddedServer
from currant.db.tx import open_pool
from currant.door import Door

BOUND_SECONDS = 12


@pytest.fixture
def server() -> Iterator[EmbeddedServer]:
    """A server of its own, in a folder that every user can reach."""
    with tempfile.TemporaryDirectory(prefix="t-") as name, pytest.MonkeyPatch.context() as patch:
        Path(name).chmod(0o755)
        patch.setattr(embedded, "SYSTEM", Path(name) / "system")
        server = EmbeddedServer(Path(name) / "home")
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
async def away(server: EmbeddedServer, clock: FrozenClock) -> AsyncIterator[SimpleNamespace]:
    """A client of an app on that server, and the headers of a user."""
    urls = await prepare(server, "currant")
    async with await open_pool(urls.runtime, size=2) as pool:
        door = Door(pool, clock)
        made = CreatePortal("example", "Example", "America/New_York", "USD", "CEC", tz_index=11)
        await door.act(create_portal, made, OPERATOR)
        await make_user(door, "example", "boss", "SysAdmin")
    async with served(urls, clock) as http:
        yield SimpleNamespace(
            http=http, head={"Authorization": f"token boss:{TOKENS['boss']}"}, server=server
        )


async def asked(away: SimpleNamespace) -> list[int]:
    """Ask many things at once, each answered in bounded time; return the statuses."""
    files = "/file-importer/balance-adj/units/fund?portal=example"
    csv = "account,startdate,amount,paid,payplan\n00001,,1,,\n"
    begun = time.monotonic()
    answers = await asyncio.gather(
        *(away.http.get("/auth-test", headers=away.head) for _ in range(20)),
        away.http.get("/auth-test", auth=("boss", "x")),
        away.http.get("/transactions/dump?portal=example&end_date=2026-03-02", headers=away.head),
        away.http.get("/meters/get-meters?portal=example"),
        away.http.post(files, content=csv, headers=away.head | {"Idempotency-Key": "k"}),
        away.http.get("/v1/example/trial-balance", headers=away.head),
        away.http.get("/health-check"),
    )
    assert time.monotonic() - begun < BOUND_SECONDS
    for answer in answers:
        if answer.status_code == 503:
            assert int(answer.headers["retry-after"]) >= 1
    *others, native, health = answers
    assert {answer.json().get("error") for answer in others} <= {0, 100, 201, 300}
    assert ("data" in health.json(), health.json()["data"]["alive"]) == (
        True,
        health.status_code == 200,
    )
    assert native.json().get("status", 200) == native.status_code
    return [answer.status_code for answer in answers]


PRESENT = [200] * 20 + [401, 200, 200, 404, 200, 200]


async def until_back(away: SimpleNamespace) -> None:
    for _ in range(100):
        if (await away.http.get("/health-check")).status_code == 200:
            return
        await asyncio.sleep(0.1)


async def test_a_database_that_is_stopped_and_started(away: SimpleNamespace) -> None:
    assert await asked(away) == PRESENT
    for _ in range(2):
        await asyncio.to_thread(away.server.stop)
        assert set(await asked(away)) == {503}
        assert set(await asked(away)) == {503}
        await asyncio.to_thread(away.server.start)
        await until_back(away)
        assert await asked(away) == PRESENT


async def test_a_database_that_goes_and_comes_under_requests(away: SimpleNamespace) -> None:
    going = True
    statuses: list[int] = []

    async def ask() -> None:
        while going:
            answer = await away.http.get("/auth-test", headers=away.head)
            statuses.append(answer.status_code)

    async def answered() -> None:
        there = statuses.count(200)
        await within(20, lambda: statuses.count(200) > there + 20)

    asking = [asyncio.create_task(ask()) for _ in range(8)]
    for _ in range(2):
        await answered()
        await asyncio.to_thread(away.server.stop)
        await asyncio.to_thread(away.server.start)
    await until_back(away)
    await answered()
    going = False
    await asyncio.gather(*asking)
    assert set(statuses) == {200, 503}
    assert await asked(away) == PRESENT


def of_the_server(server: EmbeddedServer) -> list[int]:
    """The processes of a server, the first of which is its postmaster."""
    first = int((server._cluster / "data/postmaster.pid").read_text().split()[0])  # noqa: SLF001
    told = subprocess.run(
        ["ps", "-axo", "pid=,ppid="], check=True, capture_output=True, text=True
    ).stdout
    pairs = [tuple(map(int, line.split())) for line in told.splitlines()]
    return [first, *(pid for pid, parent in pairs if parent == first)]


async def test_a_database_that_is_frozen_keeps_nobody_waiting(
    away: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system.auth_test.operation_class, "seconds", 2)
    assert await asked(away) == PRESENT
    frozen = of_the_server(away.server)
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        answers = await asyncio.gather(
            *(away.http.get("/auth-test", headers=away.head) for _ in range(20)),
            away.http.get("/health-check"),
        )
        assert time.monotonic() - begun < BOUND_SECONDS
        assert {answer.status_code for answer in answers} == {503}
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
    await until_back(away)
    assert await asked(away) == PRESENT
