"""Reads posted as CSV over HTTP, validated and stored, beside a plain COPY of the same rows.

The limit is a superuser's COPY of the clean rows, in the order of the file, into the same table
with the same indexes on the same server, bypassing row-level security, in a database of its own.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import asyncpg
import psutil

from common import HOME, Client, Figure, Peak, bench_database, served
from currant.db.database import Urls
from currant.db.embedded import EmbeddedServer

ROWS = 1_000_000
PATH = "/meters/reads/insert?portal=example&source=multispeak&format=CSV"
HEADER = (
    "metername,serialnumber,deviceid,datetime,multiplier,sumforwardactive,sumreverseactive,"
    "sumforwardreactive,sumreversereactive,meterstate\n"
)
BEGIN = datetime(2026, 1, 1, 5, tzinfo=UTC)
CHUNK = 512 * 1024

METERS = """
insert into metering.meter (
    portal_id, serial_number, device_id, com_type, wallet_kind, meter_state, created_at, last_mod
)
select 1, 'M' || lpad(n::text, 7, '0'), 'M' || n, 'MultiSpeak', 'currency', 'CONNECTED', now(),
    now()
from generate_series(1, $1::int) as n
"""


def reads(meters: int, instants: int, since: int = 0) -> Iterator[tuple[int, datetime, int]]:
    """Yield meter, instant and Wh: all meters at one instant, in an order of their own, then on."""
    order = list(range(1, meters + 1))
    random.Random(7).shuffle(order)  # noqa: S311
    for hour in range(since, since + instants):
        at = BEGIN + timedelta(hours=hour)
        for meter in order:
            yield meter, at, 100_000 + meter % 1000 * 100 + hour * 400


def as_csv(meters: int, instants: int, since: int = 0) -> bytes:
    """Write them as the file that a head-end sends."""
    told = {}
    lines = [HEADER]
    for meter, at, wh in reads(meters, instants, since):
        if at not in told:
            told[at] = (at - timedelta(hours=5)).strftime("%Y-%m-%dT%H:%M:%S-05:00")
        lines.append(
            f",M{meter:07d},,{told[at]},1.0,{wh // 1000}.{wh % 1000 // 100},0,0,0,connected\n"
        )
    return "".join(lines).encode()


COPIED = [
    "portal_id", "register_id", "read_at", "revision",
    "value", "original", "multiplier", "batch_id",
]  # fmt: skip


def as_copy(meters: int, instants: int) -> bytes:
    """Write them as COPY takes them; a meter's register has the meter's number."""
    told = {}
    lines = []
    for meter, at, wh in reads(meters, instants):
        if at not in told:
            told[at] = at.strftime("%Y-%m-%d %H:%M:%S+00")
        original = f"{wh // 1000}.{wh % 1000 // 100}"
        lines.append(f"1\t{meter}\t{told[at]}\t1\t{wh}\t{original}\t1\t1\n")
    return "".join(lines).encode()


async def limit(server: EmbeddedServer, meters: int, instants: int) -> float:
    """Return the rows per second of a plain COPY."""
    rows = as_copy(meters, instants)

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(rows), CHUNK):
            yield rows[start : start + CHUNK]

    async with bench_database(server) as urls:
        name = (urls.owner or "").split("/")[-1].split("?")[0]
        superuser = await asyncpg.connect(server.url(server.superuser, name))
        begin = time.perf_counter()
        await superuser.copy_to_table("read", schema_name="reads", columns=COPIED, source=chunks())
        took = time.perf_counter() - begin
        await superuser.close()
    return meters * instants / took


async def install(urls: Urls, meters: int) -> None:
    """Make that many meters."""
    owner = await asyncpg.connect(urls.owner or "")
    await owner.execute(METERS, meters)
    await owner.execute("vacuum analyze metering.meter, metering.register")
    await owner.close()


async def post(client: Client, body: bytes) -> float:
    """Post a file and return the seconds it took; every record must have been stored or known."""
    begin = time.perf_counter()
    status = await client.send("POST", PATH, body)
    took = time.perf_counter() - begin
    assert status == 200, client.last
    return took


async def measure(rows: int = ROWS) -> list[Figure]:
    """Measure files of many instants and of many meters, new and sent again, and the memory."""
    figures = []
    with EmbeddedServer(HOME) as server:
        for meters, instants in ((rows // 100, 100), (rows, 1)):
            copied = await limit(server, meters, instants)
            async with bench_database(server) as urls:
                await install(urls, meters)
                with served(urls, workers=1) as serving:
                    client = await Client(serving.port).open()
                    await post(client, as_csv(10, 1, since=-1))
                    body = as_csv(meters, instants)
                    calm = serving.memory()
                    async with Peak(serving) as peak:
                        new = rows / await post(client, body)
                    grown = (peak.bytes - calm) / 2**20
                    again = rows / await post(client, body)
                    client.writer.close()
                owner = await asyncpg.connect(urls.owner or "")
                stored = await owner.fetchval("select count(*) from reads.read")
                await owner.close()
                assert rows <= stored <= rows + 10, stored
            tells = "superuser's COPY of the clean rows into the same table"
            shape = f"{meters:,} meters x {instants}"
            note = f"server grew by {grown:.0f} MiB"
            figures += [
                Figure(f"reads, {shape}, new", "reads/s", new, copied, tells, 0.3, note),
                Figure(f"reads, {shape}, sent again", "reads/s", again, copied, tells, 0.3),
            ]
    return figures


async def memory(rows: int = ROWS) -> list[int]:
    """Return by how many bytes a server grows over a file of `rows` and then over four times that.

    A file has at most 2,000,000 records, so the four times are sent as two files.
    """
    grown = []
    with EmbeddedServer(HOME) as server:
        async with bench_database(server) as urls:
            await install(urls, 10_000)
            with served(urls, workers=1) as serving:
                client = await Client(serving.port).open()
                await post(client, as_csv(10, 1, since=-1))
                calm = serving.memory()
                at = 0
                for instants in (rows // 10_000, rows // 5_000, rows // 5_000):
                    body = as_csv(10_000, instants, since=at)
                    at += instants
                    async with Peak(serving) as peak:
                        await post(client, body)
                    grown.append(peak.bytes - calm)
                client.writer.close()
    return grown


if __name__ == "__main__":
    print("cores", psutil.cpu_count())
    for figure in asyncio.run(measure()):
        print(figure, f"ratio {figure.ratio:.2f}")
    print("grown over 1, 2 and 2 million rows, MiB:", [g >> 20 for g in asyncio.run(memory())])
