"""What the benchmarks share: a database of their own, the served product, a light HTTP client."""

import asyncio
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Self
from uuid import uuid4

import asyncpg
import msgspec
import psutil

from currant.access.verbs import hash_token
from currant.db.database import Urls, prepare
from currant.db.embedded import EmbeddedServer

HOME = Path(__file__).parents[1] / ".home" / "bench"
TOKEN = "0d1c3c50-6f2c-4a4f-9a1f-6a58a3b0c1de"  # noqa: S105  # of the benchmark's own user
LOGIN = "bench"


class Figure(msgspec.Struct, frozen=True):
    """One measured thing beside its limit, both in the same unit; more is better, or `less` is."""

    work: str
    unit: str
    ours: float
    limit: float
    limit_is: str
    reach: float
    note: str = ""
    less: bool = False

    @property
    def ratio(self) -> float:
        """How near the limit it comes."""
        if self.less:
            return self.limit / self.ours if self.ours else 1.0
        return self.ours / self.limit if self.limit else 0.0


@asynccontextmanager
async def bench_database(server: EmbeddedServer) -> AsyncIterator[Urls]:
    """Make a database with the schema and one portal for the block."""
    name = f"bench_{uuid4().hex[:12]}"
    urls = await prepare(server, name)
    owner = await asyncpg.connect(urls.owner or "")
    await owner.execute(PORTAL.format(login=LOGIN, secret=hash_token(TOKEN)))
    await owner.close()
    try:
        yield urls
    finally:
        admin = await asyncpg.connect(server.admin_url)
        await admin.execute(f'drop database "{name}" with (force)')
        await admin.close()


PORTAL = """
insert into access.portal (key, name, timezone, currency, created_at)
values ('example', 'Bench', 'America/New_York', 'USD', now());
insert into access.vendor (portal_id, vendor_number, name)
select portal_id, 'CEC', 'Bench' from access.portal;
insert into access.system_user (portal_id, login, name, role, vendor_number, created_at)
select portal_id, '{login}', 'Bench', 'SysAdmin', 'CEC', now() from access.portal;
insert into access.user_portal (portal_id, user_id)
select portal_id, user_id from access.system_user where portal_id is not null;
insert into access.credential (user_id, kind, secret, created_at)
select user_id, 'TOKEN', '{secret}', now() from access.system_user where portal_id is not null;
"""

SUPPLIES = """
insert into tariffs.tax (portal_id, valid, rate)
values (1, tstzrange('2000-01-01', null), 0.05);
insert into tariffs.tariff (portal_id, name, description, type, units, service)
values (1, 'RES', 'Residential', 2, 'kWh', 'Electricity');
insert into tariffs.rate (
    portal_id, tariff_id, tier, valid, rate, usage_base_start, units, service, coa, ar_coa,
    taxable, description, last_mod
)
select 1, 1, t.tier, tstzrange('2000-01-01', null), t.rate, t.base, 'kWh', 'Electricity', '4005',
    '1102', true, 'Energy', now()
from (values ('B1', 0.3572, 0), ('B2', 0.41, 200)) as t (tier, rate, base);
insert into locations.location (
    portal_id, loc_id, external_key, address_1, city, state, zip, created_at, last_mod
)
select 1, 'L' || lpad(n::text, 7, '0'), 'loc' || n, 'Street', 'City', 'ST', '00000', now(), now()
from generate_series(1, {count}) as n;
insert into customers.customer (
    portal_id, name, first_name, last_name, phone_1, sms_1, email_1, address_1
)
select 1, 'First Last' || n, 'First', 'Last' || n, '1', '1', 'a@example.com', 'Street'
from generate_series(1, {count}) as n;
insert into customers.account (portal_id, account, customer_id, created_at, last_mod)
select 1, access.padded(customer_id + (customer_id >= 999999)::int), customer_id, now(), now()
from customers.customer;
insert into customers.agreement (portal_id, account_id, location_id, product_type, valid)
select 1, n, n, 'ELECTRICITY', tstzrange('2020-01-01', null)
from generate_series(1, {count}) as n;
insert into metering.meter (
    portal_id, serial_number, device_id, com_type, wallet_kind, meter_state, created_at, last_mod
)
select 1, 'M' || n, 'M' || n, 'MultiSpeak', '{kind}', 'CONNECTED', now(), now()
from generate_series(1, {count}) as n;
insert into metering.installation (portal_id, meter_id, location_id, valid)
select 1, n, n, tstzrange('2020-01-01', null) from generate_series(1, {count}) as n;
insert into tariffs.assignment (portal_id, meter_id, tariff_id, valid)
select 1, n, 1, tstzrange('2020-01-01', null) from generate_series(1, {count}) as n;
insert into prepayment.wallet (portal_id, account_id, kind, balance)
select 1, n, '{kind}', 1000000 from generate_series(1, {count}) as n;
"""


async def supply(urls: Urls, count: int, kind: str = "currency") -> None:
    """Make that many supplies: account 00001 at location 1 through meter M1, and so on."""
    owner = await asyncpg.connect(urls.owner or "")
    await owner.execute(SUPPLIES.format(count=count, kind=kind))
    await owner.execute("vacuum analyze")
    await owner.close()


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Peak:
    """The most memory that a served product uses while the block runs, in bytes."""

    def __init__(self, serving: "Serving") -> None:
        self.serving = serving
        self.bytes = serving.memory()

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        self.bytes = max(self.bytes, self.serving.memory())

    async def _watch(self) -> None:
        while True:
            self.bytes = max(self.bytes, self.serving.memory())
            await asyncio.sleep(0.05)


@contextmanager
def served(
    urls: Urls, *, workers: int, app: str = "currant.api.app:make_app"
) -> Iterator["Serving"]:
    """Serve the product on this database for the block."""
    port = free_port()
    log = tempfile.TemporaryFile()  # noqa: SIM115
    process = subprocess.Popen(
        [sys.executable, "serve.py", app, str(port), str(workers)],
        env={
            **os.environ,
            "CURRANT_DATABASE_URL": urls.runtime,
            "CURRANT_LOGIN_LIMIT": "1000000/second",  # counted, as in service, and never met
            "BENCH_OWNER_URL": urls.owner or "",
            "CURRANT_PUBLIC_LIST_LIMIT": "",
        },
        cwd=Path(__file__).parent,
        stdout=log,
        stderr=log,
    )
    try:
        _wait_for(port, process)
        yield Serving(port, process)
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if process.poll() is not None:
                raise RuntimeError("the server did not start") from None
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the server did not answer")


class Serving:
    """A served product: where, and what its processes use."""

    def __init__(self, port: int, process: "subprocess.Popen[bytes]") -> None:
        self.port = port
        self.main = psutil.Process(process.pid)

    def _all(self) -> list[psutil.Process]:
        return [self.main, *self.main.children(recursive=True)]

    def memory(self) -> int:
        """Sum the resident bytes of its processes."""
        return sum(process.memory_info().rss for process in self._all())

    def cpu(self) -> float:
        """Sum the processor seconds its processes used."""
        return sum(sum(process.cpu_times()[:2]) for process in self._all())


class Client:
    """A keep-alive HTTP/1.1 connection with next to no cost of its own."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.head = f"Host: 127.0.0.1\r\nAuthorization: token {LOGIN}:{TOKEN}\r\n"

    async def open(self) -> "Client":
        """Connect."""
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    async def send(self, method: str, path: str, body: bytes = b"", headers: str = "") -> int:
        """Send a request and return its status; the body is read and dropped."""
        told = (
            f"{method} {path} HTTP/1.1\r\n{self.head}{headers}Content-Length: {len(body)}\r\n\r\n"
        )
        self.writer.write(told.encode() + body)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        self.last = await self.reader.readexactly(length)
        return int(head[9:12])


async def rate(
    port: int, clients: int, seconds: float, work: Callable[[Client, int, int], Awaitable[None]]
) -> float:
    """Run work(client, number, round) on that many connections and return rounds per second."""
    end = time.perf_counter() + seconds
    done = 0

    async def one(number: int) -> None:
        nonlocal done
        client = await Client(port).open()
        turn = 0
        while time.perf_counter() < end:
            await work(client, number, turn)
            turn += 1
            done += 1
        client.writer.close()

    begin = time.perf_counter()
    await asyncio.gather(*(one(number) for number in range(clients)))
    return done / (time.perf_counter() - begin)


def median(figures: list[float]) -> float:
    """Return the middle one."""
    return statistics.median(figures)
