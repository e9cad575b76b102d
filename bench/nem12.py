"""NEM12 files loaded as the command line does, beside a plain COPY of the packed register-days.

The limit is the time to read the file plus that of a superuser's COPY of the same rows into the
same table with the same indexes on the same server, bypassing row-level security, in a database of
its own. Of the second month in a row, and of the same file again, the limit is the same.
"""

import asyncio
import hashlib
import os
import random
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Self

import asyncpg
import psutil

from common import HOME, LOGIN, TOKEN, Figure, bench_database
from currant.access.model import Actor
from currant.access.verbs import hash_token
from currant.clock import SystemClock
from currant.db.database import Urls
from currant.db.embedded import EmbeddedServer
from currant.db.tx import open_pool
from currant.door import Door
from currant.intervals.model import Loaded, LoadNem12
from currant.intervals.verbs import load_nem12
from currant.upload import Upload

METERS = 10_000
DAYS = 30
INTERVALS = 48
CHUNK = 512 * 1024
SHAPES = 97  # as many different days there are

SITES = """
insert into locations.location (
    portal_id, loc_id, external_key, address_1, city, state, zip, created_at, last_mod,
    site_identifier
)
select 1, 'L' || n, 'S' || n, 'Street', 'City', 'ST', '0000', now(), now(), lpad(n::text, 10, '0')
from generate_series(1, {meters}) as n;
insert into metering.meter (
    portal_id, serial_number, device_id, com_type, wallet_kind, created_at, last_mod
)
select 1, 'M' || n, 'M' || n, 'AMR', 'currency', now(), now()
from generate_series(1, {meters}) as n;
insert into metering.installation (portal_id, meter_id, location_id, valid)
select 1, n, n, tstzrange('2020-01-01', null) from generate_series(1, {meters}) as n;
update metering.register set datastream = 'E1', metering_type = 'AM', interval_minutes = 30;
"""


def shapes() -> list[list[int]]:
    """Return some days of half-hours, in Wh."""
    draw = random.Random(12)  # noqa: S311
    return [[draw.randrange(4000) for _ in range(INTERVALS)] for _ in range(SHAPES)]


def as_nem12(meters: int, month: int) -> Iterator[bytes]:
    """Write a month of every meter as its provider sends it."""
    runs = [",".join(f"{q // 1000}.{q % 1000:03d}" for q in shape) for shape in shapes()]
    yield f"100,NEM12,2026{month + 1:02}010000,MDP1,RET1\r\n".encode()
    for meter in range(1, meters + 1):
        lines = [f"200,{meter:010d},E1,1,E1,N1,M{meter},kWh,30,"]
        for day in range(1, DAYS + 1):
            run = runs[(meter * DAYS + day) % SHAPES]
            updated = f"2026{month + 1:02}02{meter % 24:02}{day:02}00"
            lines.append(f"300,2026{month:02}{day:02},{run},A,,,{updated},")
        lines.append("")
        yield "\r\n".join(lines).encode()
    yield b"900\r\n"


def as_copy(meters: int, month: int) -> Iterator[bytes]:
    """Write the same as COPY takes it; a meter's register has the meter's number."""
    runs = [f"{{{','.join(map(str, shape))}}}" for shape in shapes()]
    for meter in range(1, meters + 1):
        lines = []
        for day in range(1, DAYS + 1):
            run = runs[(meter * DAYS + day) % SHAPES]
            at = f"2026-{month + 1:02}-02 {meter % 24:02}:{day:02}:00+10"
            lines.append(
                f"1\t{meter}\t2026-{month:02}-{day:02}\t1\t30\t{run}\tA\t\t\\N\t\t\\N\t\\N\t{at}"
                f"\t{at}\t1\n"
            )
        yield "".join(lines).encode()


def kept(folder: Path, name: str, pieces: Iterator[bytes]) -> Path:
    """Write a file."""
    path = folder / name
    with path.open("wb") as file:
        file.writelines(pieces)
    return path


async def chunks(path: Path) -> AsyncIterator[bytes]:
    """Read a file."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


async def limit(server: EmbeddedServer, sent: Path, packed: Path) -> float:
    """Return the seconds that it takes to read the file and to COPY its register-days."""
    async with bench_database(server) as urls:
        name = (urls.owner or "").split("/")[-1].split("?")[0]
        superuser = await asyncpg.connect(server.url(server.superuser, name))
        begin = time.perf_counter()
        async for _ in chunks(sent):
            pass
        await superuser.copy_to_table(
            "register_day", schema_name="intervals", source=chunks(packed)
        )
        took = time.perf_counter() - begin
        await superuser.close()
    return took


async def load(door: Door, path: Path) -> tuple[Loaded, float]:
    """Load a file as the command line does; return what became of it and the seconds it took."""
    actor = Actor(LOGIN, "TOKEN", hash_token(TOKEN), "example")
    begin = time.perf_counter()
    digest = hashlib.sha256()
    async for chunk in chunks(path):
        digest.update(chunk)
    with path.open("rb") as file:
        sent = Upload(file, digest.hexdigest(), path.stat().st_size)  # noqa: ASYNC240
        told = await door.act(load_nem12, LoadNem12(sent, path.name), actor)
    return told, time.perf_counter() - begin


async def prepare(urls: Urls, meters: int) -> None:
    """Make that many sites, each with an interval meter."""
    owner = await asyncpg.connect(urls.owner or "")
    await owner.execute(SITES.format(meters=meters))
    await owner.execute("vacuum analyze")
    await owner.close()


class Peak:
    """The most memory that this process uses while the block runs, beyond what it used before."""

    async def __aenter__(self) -> Self:
        self.process = psutil.Process(os.getpid())
        self.calm = self.most = self.process.memory_info().rss
        self.task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()

    async def _watch(self) -> None:
        while True:
            self.most = max(self.most, self.process.memory_info().rss)
            await asyncio.sleep(0.05)

    @property
    def grown(self) -> int:
        """By how many MiB it grew."""
        return (self.most - self.calm) >> 20


async def measure(meters: int = METERS) -> list[Figure]:
    """Measure two months in a row, the second again, and how the time grows with the meters."""
    with EmbeddedServer(HOME) as server, tempfile.TemporaryDirectory() as told:
        folder = Path(told)
        _, (few, *_) = await _measure(server, folder, meters // 10)
        copied, figures = await _measure(server, folder, meters)
    shape = f"NEM12, {meters:,} meters x {DAYS} days x {INTERVALS}"
    tells = "reading the file and a superuser's COPY of its packed rows"
    rows = meters * DAYS
    return [
        Figure(f"{shape}, {which}", "register-days/s", rows / took, copied, tells, 0.3, note)
        for which, took, note in (
            ("new", figures[0][0], f"{figures[0][0] / few[0]:.1f} times a tenth of it"),
            ("the next month", figures[1][0], ""),
            ("sent again", figures[2][0], f"grew by {max(g for _, g in figures)} MiB"),
        )
    ]


async def _measure(
    server: EmbeddedServer, folder: Path, meters: int
) -> tuple[float, list[tuple[float, int]]]:
    """Return the limit, and of each of three files the seconds and the MiB that they took."""
    rows = meters * DAYS
    first, second = (kept(folder, f"{m}.csv", as_nem12(meters, m)) for m in (3, 4))
    packed = kept(folder, "packed", as_copy(meters, 3))
    copied = rows / await limit(server, first, packed)
    found = []
    async with bench_database(server) as urls:
        await prepare(urls, meters)
        pool = await open_pool(urls.runtime, size=2)
        door = Door(pool, SystemClock())
        for file in (first, second, second):
            async with Peak() as peak:
                told, took = await load(door, file)
            known = told.duplicates if len(found) == 2 else told.stored
            assert known == told.days == rows, told
            found.append((took, peak.grown))
        await pool.close()
    return copied, found


if __name__ == "__main__":
    for figure in asyncio.run(measure()):
        print(figure, f"ratio {figure.ratio:.2f}")
