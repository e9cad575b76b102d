"""One embedded server for the whole run, a fresh database for each test, real HTTP where asked."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import pytest
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from currant.access.model import OPERATOR, Actor, CreatePortal, CreateUser, IssueToken
from currant.access.verbs import (
    Nothing,
    create_portal,
    create_user,
    issue_token,
    new_token,
    vendors,
)
from currant.api.app import make_app
from currant.clock import FrozenClock
from currant.db.database import Urls, prepare
from currant.db.embedded import EmbeddedServer
from currant.db.migrate import baseline
from currant.db.tx import open_pool
from currant.door import Door
from currant.settings import Settings
from tests.documents import check, only_declared

HOME = Path(__file__).parents[1] / ".home" / "test"
NOW = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(HOME) as running:
        yield running


@pytest.fixture(scope="session", autouse=True)
def let_go() -> Iterator[None]:
    """Let the collector have the applications of earlier tests; one that serves never ends."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("currant.api.app.collect_rarely", lambda: None)
        patch.setattr("currant.jobs.worker.collect_rarely", lambda: None)
        yield


@pytest.fixture(scope="session")
async def template(server: EmbeddedServer) -> str:
    """The name of a database that has the schema and nothing else.

    A database is copied for nearly every test, and none has to outlive the machine.
    """
    admin = await asyncpg.connect(server.admin_url)
    await admin.execute("alter system set fsync = off")
    await admin.execute("select pg_reload_conf()")
    await admin.close()
    name = f"template_{baseline().checksum[:16]}"
    await prepare(server, name)
    return name


@asynccontextmanager
async def new_database(server: EmbeddedServer, template: str) -> AsyncIterator[Urls]:
    """Copy the template for the block."""
    name = f"test_{uuid4().hex[:16]}"
    admin = await asyncpg.connect(server.admin_url)
    try:
        await admin.execute("select pg_advisory_lock(5067262)")
        await admin.execute(
            f'create database "{name}" template "{template}" strategy file_copy owner currant_owner'
        )
        await admin.execute("select pg_advisory_unlock(5067262)")
        yield Urls(server.url("currant_runtime", name), server.url("currant_owner", name))
    finally:
        await admin.execute(f'drop database if exists "{name}" with (force)')
        await admin.close()


@pytest.fixture
async def urls(server: EmbeddedServer, template: str) -> AsyncIterator[Urls]:
    async with new_database(server, template) as made:
        yield made


@pytest.fixture
async def owner(urls: Urls) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the owner, who sees every tenant; for looking and for planting faults."""
    connection = await asyncpg.connect(urls.owner)
    yield connection
    await connection.close()


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOW)


@pytest.fixture
async def door(urls: Urls, clock: FrozenClock) -> AsyncIterator[Door]:
    pool = await open_pool(urls.runtime, size=16)
    yield Door(pool, clock)
    await pool.close()


async def make_user(door: Door, portal: str, login: str, role: str, **more: object) -> Actor:
    """Create a user with a token and return the actor; the first vendor of the portal is theirs."""
    operator = OPERATOR.at(portal)
    (first, *_) = await door.ask(vendors, Nothing(), operator)
    vendor = str(more.pop("vendor_number", first.vendor_number))
    await door.act(create_user, CreateUser(login, login.title(), role, vendor, **more), operator)
    token, hashed = new_token()
    await door.act(issue_token, IssueToken(login, hashed), operator)
    TOKENS[login] = token
    return Actor(login, "TOKEN", hashed, portal)


TOKENS: dict[str, str] = {}


@pytest.fixture
async def portal(door: Door) -> str:
    """The portal `example`: New York, USD."""
    made = CreatePortal("example", "Example Power", "America/New_York", "USD", "CEC", tz_index=11)
    await door.act(create_portal, made, OPERATOR)
    return "example"


@pytest.fixture
async def boss(door: Door, portal: str) -> Actor:
    """A SysAdmin of the portal `example`."""
    return await make_user(door, portal, "boss", "SysAdmin")


@pytest.fixture
async def cashier(door: Door, portal: str) -> Actor:
    """A VENDORADM of the portal `example`."""
    return await make_user(door, portal, "cashier1", "VENDORADM")


def token_header(actor: Actor) -> dict[str, str]:
    """The Authorization header of an actor made here."""
    return {"Authorization": f"token {actor.login}:{TOKENS[actor.login]}"}


@pytest.fixture
async def http(
    urls: Urls, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the product served on a real socket, on this test's database and clock.

    Each answer is held against the OpenAPI document of its face.
    """
    only_declared(monkeypatch)
    async with served(urls, clock) as client:
        yield client


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def served(
    urls: Urls, clock: FrozenClock, **settings: object
) -> AsyncIterator[httpx.AsyncClient]:
    """Serve the product as `currant serve` does, for the block, with settings of its own."""
    port = free_port()
    config = Settings(database_url=urls.runtime, **{"pool_size": 8} | settings)
    app = make_app(config, clock)
    serving = Server(
        app,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        log_enabled=False,
    )
    task = asyncio.create_task(serving.serve())
    checked = partial(check, public=config.public_meter_list)
    try:
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", timeout=60, event_hooks={"response": [checked]}
        ) as client:
            for _ in range(200):
                try:
                    await client.get("/health-check")
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.02)
            yield client
    finally:
        serving.stop()
        await task
