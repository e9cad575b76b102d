"""Drawdown of a new read of each meter, beside INSERT … SELECT of as many ledger rows."""

import asyncio
import sys
import time
from datetime import UTC, datetime, timedelta

import asyncpg

from common import HOME, Figure, bench_database, supply
from currant.clock import SystemClock
from currant.db.database import Urls
from currant.db.embedded import EmbeddedServer
from currant.db.tx import open_pool
from currant.door import Door
from currant.garbage import collect_rarely
from currant.jobs.worker import draw_all

START = datetime(2026, 3, 2, tzinfo=UTC)

READ = """
with delivered as (
    insert into reads.batch (portal_id, source, login, recorded_at)
    values (1, 'multispeak', 'bench', $1) returning batch_id
)
insert into reads.read (
    portal_id, register_id, read_at, revision, value, original, multiplier, batch_id
)
select 1, r.register_id, $1, 1, $2::bigint, '', 1, d.batch_id
from metering.register as r cross join delivered as d
"""

# As many entries and postings as the drawdown made, nothing checked, nothing looked up.
PLAIN = """
with numbered as (select entry_id, nextval('ledger.entry_id') as fresh from ledger.entry
    where entry_id > $1),
entered as (
    insert into ledger.entry (
        portal_id, entry_id, kind, event_at, recorded_at, month, login, vendor_number, account_id,
        meter_id, amount, arrears_amount, energy_wh, tender_number, tender_name, note, reverses
    )
    select e.portal_id, n.fresh, e.kind, e.event_at, e.recorded_at, e.month, e.login,
        e.vendor_number, e.account_id, e.meter_id, e.amount, e.arrears_amount, e.energy_wh,
        e.tender_number, e.tender_name, e.note, e.reverses
    from ledger.entry as e inner join numbered as n on n.entry_id = e.entry_id
)
insert into ledger.posting (portal_id, entry_id, line, coa, commodity, amount, account_id)
select p.portal_id, n.fresh, p.line, p.coa, p.commodity, p.amount, p.account_id
from ledger.posting as p inner join numbered as n on n.entry_id = p.entry_id
"""


async def one(server: EmbeddedServer, urls: Urls, meters: int) -> tuple[float, float]:
    """Return the seconds of a drawdown of so many meters, and of the plain inserts."""
    owner = await asyncpg.connect(urls.owner or "")
    pool = await open_pool(urls.runtime, size=4)
    door = Door(pool, SystemClock())
    await supply(urls, meters)
    for day in (0, 1):
        await owner.execute(READ, START + timedelta(days=day), 1_000_000 + day * 10_500)
        await draw_all(door)
    last = await owner.fetchval("select max(entry_id) from ledger.entry")
    await owner.execute(READ, START + timedelta(days=2), 1_021_000)
    begin = time.perf_counter()
    await draw_all(door)
    ours = time.perf_counter() - begin
    made = await owner.fetchval("select count(*) from ledger.entry where entry_id > $1", last)
    assert made == meters, made
    assert not await owner.fetch("select * from ledger.faults()")
    admin = await asyncpg.connect(server.url("postgres", urls.runtime.split("/")[3].split("?")[0]))
    await admin.execute("set session_replication_role = replica")
    begin = time.perf_counter()
    await admin.execute(PLAIN, last)
    limit = time.perf_counter() - begin
    for connection in (owner, admin, pool):
        await connection.close()
    return ours, limit


async def measure(*sizes: int) -> list[Figure]:
    """Measure each size on a database of its own, beside its limit on the same server."""
    figures, before = [], 0.0
    collect_rarely()
    with EmbeddedServer(HOME) as server:
        for meters in sizes or (100_000, 1_000_000):
            async with bench_database(server) as urls:
                ours, limit = await one(server, urls, meters)
            note = f"{ours / meters * 1e6:.0f} µs a meter"
            if before:
                note += f"; {ours / before:.1f} times as long for ten times as many"
            before = ours
            figures.append(
                Figure(
                    f"drawdown of {meters:,} meters, a new read each",
                    "meters/s",
                    meters / ours,
                    meters / limit,
                    "INSERT … SELECT of as many ledger rows, triggers off",
                    0.3,
                    note,
                )
            )
    return figures


if __name__ == "__main__":
    for figure in asyncio.run(measure(*map(int, sys.argv[1:]))):
        print(figure, f"ratio {figure.ratio:.2f}")
