"""Determinants of 14.4 million half-hours out of the database, beside fetching and summing them.

Time of use by a clock with daylight saving, and demand. The limit is the fastest way we know to get
the same arrays into the process: a binary COPY of the column and nothing else, read as one array of
numbers and summed.
"""

import asyncio
import resource
import time
from datetime import UTC, datetime

import asyncpg
import numpy as np
import numpy.typing as npt

from common import HOME, LOGIN, TOKEN, Figure, bench_database, median, supply
from currant.access.model import Actor
from currant.access.verbs import hash_token
from currant.clock import FrozenClock
from currant.db.database import Urls
from currant.db.embedded import EmbeddedServer
from currant.db.tx import open_pool
from currant.determinants.model import DeterminantsWanted, PricedPeriod
from currant.determinants.verbs import determinants
from currant.door import Door
from currant.tariffs.calendars import Calendar

METERS = 10_000
DAYS = 30
ROUNDS = 3
START = datetime(2026, 3, 31, 13, tzinfo=UTC)  # 1 April in Sydney, an hour ahead of the meters
END = datetime(2026, 4, 29, 14, tzinfo=UTC)
DAY = ((0, 1), (420, 2), (900, 3), (1260, 1))
CALENDAR = Calendar("Australia/Sydney", DAY, ((0, 1), (600, 2)), ((0, 1),))

INTERVALS = """
update metering.register
set metering_type = 'AM', datastream = 'E1', interval_minutes = 30, clock = '+10:00';
insert into intervals.file (portal_id, source, login, loaded_at)
values (1, 'NEM12', 'bench', now());
create temporary table shape as
select n, array(select (random() * 1000)::int from generate_series(1, 48) where n > 0) as quantities
from generate_series(1, 997) as n;
insert into intervals.register_day (
    portal_id, register_id, day, revision, minutes, quantities, quality, updated_at, loaded_at,
    file_id
)
select 1, r.register_id, date '2026-03-31' + d, 1, 30, s.quantities, 'A', now(), now(), 1
from metering.register as r
cross join generate_series(0, {days} - 1) as d
inner join shape as s on s.n = (r.register_id * 31 + d * 7) % 997 + 1
order by r.register_id, d
"""
COLUMN = "select quantities from intervals.register_day where portal_id = 1"
BATCH = 4 * 2**20
HEAD = 19
ROW = np.dtype([("head", "V26"), ("values", [("size", ">i4"), ("wh", ">i4")], (48,))])


async def fetched_and_summed(urls: Urls) -> tuple[float, int]:
    """Return the seconds it takes to copy the arrays out and sum them, and the sum."""
    connection = await asyncpg.connect(urls.owner or "")
    total, size = 0, 0
    chunks: list[bytes] = []
    rest: bytes | None = None

    def add() -> None:
        nonlocal total, rest, size
        raw = b"".join(chunks)[HEAD:] if rest is None else rest + b"".join(chunks)
        rows = np.frombuffer(raw, ROW, len(raw) // ROW.itemsize)
        total += int(rows["values"]["wh"].sum(dtype=np.int64))
        rest = raw[rows.nbytes :]
        chunks.clear()
        size = 0

    async def sink(chunk: bytes) -> None:
        nonlocal size
        chunks.append(chunk)
        size += len(chunk)
        if size >= BATCH:
            add()

    begin = time.perf_counter()
    await connection.copy_from_query(COLUMN, output=sink, format="binary")
    add()
    took = time.perf_counter() - begin
    await connection.close()
    return took, total


async def determined(door: Door, wanted: DeterminantsWanted) -> tuple[float, int]:
    """Return the seconds that the determinants of all periods take, and their energy.

    They are asked for inside a transaction, as a bill run does.
    """
    actor = Actor(LOGIN, "TOKEN", hash_token(TOKEN), "example")
    async with door.asking(determinants, actor) as tx:
        begin = time.perf_counter()
        told = await determinants(tx, wanted)
        took = time.perf_counter() - begin
    energy: npt.NDArray[np.int64] = told.column("energy_wh").combine_chunks().flatten().to_numpy()
    return took, int(energy.sum())


async def measure(meters: int = METERS) -> list[Figure]:
    """Measure both in turn on one database, and the memory of this process."""
    wanted = DeterminantsWanted(
        [PricedPeriod(n, n, START, END) for n in range(1, meters + 1)], (CALENDAR,)
    )
    ours, limits = [], []
    with EmbeddedServer(HOME) as server:
        async with bench_database(server) as urls:
            await supply(urls, meters)
            owner = await asyncpg.connect(urls.owner or "")
            await owner.execute(INTERVALS.format(days=DAYS))
            await owner.execute("vacuum analyze intervals.register_day")
            await owner.close()
            async with await open_pool(urls.runtime, size=1) as pool:
                door = Door(pool, FrozenClock(END))
                for _ in range(ROUNDS):
                    took, total = await fetched_and_summed(urls)
                    limits.append(meters * DAYS * 48 / took)
                    took, energy = await determined(door, wanted)
                    ours.append(meters * DAYS * 48 / took)
                    assert 0.9 * total < energy <= total, (total, energy)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return [
        Figure(
            f"determinants of {meters * DAYS * 48:,} half-hours from the database", "intervals/s",
            median(ours), median(limits), "the same arrays copied out and summed", 0.6,
            f"{grown} MiB at most",
        )
    ]  # fmt: skip


if __name__ == "__main__":
    for figure in asyncio.run(measure()):
        print(figure, f"ratio {figure.ratio:.2f}")
