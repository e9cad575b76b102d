"""A bill run of half-hour agreements, beside INSERT … SELECT of as many invoice and ledger rows."""

import asyncio
import sys
import time
from datetime import UTC, date, datetime
from decimal import Decimal

import asyncpg

from common import HOME, LOGIN, TOKEN, Figure, bench_database, supply
from currant.access.model import Actor
from currant.access.verbs import hash_token
from currant.clock import FrozenClock
from currant.db.database import Urls
from currant.db.embedded import EmbeddedServer
from currant.db.tx import open_pool
from currant.door import Door, Verb
from currant.garbage import collect_rarely
from currant.plans.model import CreatePlan, GivenCharge, GivenRate
from currant.plans.verbs import create_plan
from currant.runs.model import ChunkDone, RunChunk, RunNamed, StartRun
from currant.runs.verbs import approve_run, draft_bills, post_bills, start_run
from currant.tariffs.model import CreateCalendar, Switch
from currant.tariffs.terms import Basis

FIRST = datetime(2020, 1, 1, tzinfo=UTC)
CHUNK = 500
HANDS = 2

POSTPAID = """
update customers.account set payment_mode = 'POSTPAID';
update tariffs.assignment set tariff_id = (select tariff_id from tariffs.tariff where name = 'TOU');
update metering.register set metering_type = 'AM', datastream = 'E1', interval_minutes = 30,
    clock = '-05:00';
insert into invoices.covered (portal_id, agreement_id, days)
select 1, agreement_id, daterange('2019-12-31', '2026-03-01') from customers.agreement;
insert into access.system_user (portal_id, login, name, role, vendor_number, created_at)
select portal_id, 'second', 'Bench', 'SysAdmin', 'CEC', now() from access.portal;
insert into access.user_portal (portal_id, user_id)
select portal_id, user_id from access.system_user where login = 'second';
insert into access.credential (user_id, kind, secret, created_at)
select u.user_id, 'TOKEN', c.secret, now()
from access.system_user as u cross join access.credential as c where u.login = 'second';
insert into intervals.file (portal_id, source, login, loaded_at)
values (1, 'NEM12', 'bench', now())
"""
# The values of a day differ between registers and days, and repeat every 97.
DAYS = """
insert into intervals.register_day (
    portal_id, register_id, day, revision, minutes, quantities, quality, updated_at, loaded_at,
    file_id
)
select 1, r.register_id, d.day::date, 1, 30,
    shapes.quantities, 'A', '2020-01-01', '2020-01-01', 1
from metering.register as r
cross join generate_series($1::date, $2::date, interval '1 day') as d (day)
inner join (
    select k, array(select 100 + (k * 31 + i * 17) % 700 from generate_series(1, 48) as i)
        as quantities
    from generate_series(0, 96) as k
) as shapes on shapes.k = (r.register_id + extract(day from d.day)::int) % 97
"""
# The rows that a run wrote, by the column that tells them, beyond the last before it.
WROTE = {
    "invoices.invoice": "invoice_id",
    "invoices.line": "invoice_id",
    "invoices.measured": "invoice_id",
    "invoices.covered": "invoice_id",
    "ledger.entry": "entry_id",
    "ledger.posting": "entry_id",
    "receivables.open_item": "entry_id",
}


def plan() -> CreatePlan:
    """Return a plan with time of use, blocks, demand and a daily charge, on local time."""
    weekday = [Switch(0, 2), Switch(7 * 60, 3), Switch(15 * 60, 1), Switch(21 * 60, 2)]
    return CreatePlan(
        name="TOU",
        rates=[
            GivenRate("T1", Decimal("0.41")),
            GivenRate("T2", Decimal("0.19")),
            GivenRate("T3", Decimal("0.27")),
            GivenRate("T3B2", Decimal("0.33"), Decimal(100)),
            GivenRate("D1", Decimal("4.20")),
        ],
        charges=[GivenCharge("Daily supply", Decimal("1.10"), Basis.DAILY)],
        calendar=CreateCalendar(
            name="TOU", clock="America/New_York", weekday=weekday, weekend=[Switch(0, 2)]
        ),
        from_at=FIRST,
    )


async def hand(door: Door, verb: Verb[RunChunk, ChunkDone], run_id: int, actor: Actor) -> None:
    """Draft or post chunks of a run until there are no more."""
    more = True
    while more:
        done = await door.act(verb, RunChunk(run_id, CHUNK), actor)
        more = done.more
        if more and not done.accounts:
            await asyncio.sleep(0.05)


async def bill(door: Door, through: date) -> float:
    """Run, approve and post the bills through a day; return the seconds."""
    first = Actor(LOGIN, "TOKEN", hash_token(TOKEN), "example")
    second = Actor("second", "TOKEN", hash_token(TOKEN), "example")
    begin = time.perf_counter()
    run = await door.act(start_run, StartRun(through), first)
    await asyncio.gather(*(hand(door, draft_bills, run.run_id, first) for _ in range(HANDS)))
    drafted = time.perf_counter()
    await door.act(approve_run, RunNamed(run.run_id), second)
    await asyncio.gather(*(hand(door, post_bills, run.run_id, first) for _ in range(HANDS)))
    done = time.perf_counter()
    print(
        f"  drafted in {drafted - begin:.1f} s, posted in {done - drafted:.1f} s", file=sys.stderr
    )
    return done - begin


async def last_ids(owner: asyncpg.Connection) -> dict[str, int]:
    """Return the last invoice and entry."""
    return {
        "invoice_id": await owner.fetchval("select max(invoice_id) from invoices.invoice") or 0,
        "entry_id": await owner.fetchval("select max(entry_id) from ledger.entry") or 0,
    }


async def plain(owner: asyncpg.Connection, before: dict[str, int]) -> float:
    """Insert as many rows as were written since into tables like theirs; return the seconds."""
    total = 0.0
    for name, key in WROTE.items():
        await owner.execute(f"create table public.copied (like {name} including indexes)")
        begin = time.perf_counter()
        await owner.execute(
            f"insert into public.copied select * from {name} where {key} > $1",  # noqa: S608
            before[key],
        )
        total += time.perf_counter() - begin
        await owner.execute("drop table public.copied")
    return total


async def one(urls: Urls, agreements: int) -> tuple[float, float, float]:
    """Return the seconds of two runs in a row, and of the plain inserts of the second."""
    owner = await asyncpg.connect(urls.owner or "")
    pool = await open_pool(urls.runtime, size=4)
    clock = FrozenClock(datetime(2026, 4, 2, tzinfo=UTC))
    door = Door(pool, clock)
    await supply(urls, agreements)
    boss = Actor(LOGIN, "TOKEN", hash_token(TOKEN), "example")
    await door.act(create_plan, plan(), boss)
    await owner.execute(POSTPAID)
    await owner.execute(DAYS, date(2026, 2, 28), date(2026, 5, 2))
    await owner.execute("vacuum analyze")
    first = await bill(door, date(2026, 3, 31))
    before = await last_ids(owner)
    clock.set(datetime(2026, 5, 3, tzinfo=UTC))
    second = await bill(door, date(2026, 4, 30))
    made = await owner.fetchval(
        "select count(*) from invoices.invoice where invoice_id > $1 and posted_at is not null",
        before["invoice_id"],
    )
    assert made == agreements, made
    assert not await owner.fetch("select * from ledger.faults()")
    limit = await plain(owner, before)
    for connection in (owner, pool):
        await connection.close()
    return first, second, limit


async def measure(*sizes: int) -> list[Figure]:
    """Measure each size on a database of its own, beside its limit on the same server."""
    figures, before = [], 0.0
    collect_rarely()
    with EmbeddedServer(HOME) as server:
        for agreements in sizes or (10_000, 100_000):
            async with bench_database(server) as urls:
                first, second, limit = await one(urls, agreements)
            note = f"{second / agreements * 1e6:.0f} µs a bill; the run before took {first:.1f} s"
            if before:
                note += f"; {second / before:.1f} times as long for ten times as many"
            before = second
            figures.append(
                Figure(
                    f"bill run of {agreements:,} half-hour agreements, posted",
                    "bills/s",
                    agreements / second,
                    agreements / limit,
                    "INSERT … SELECT of as many invoice, line and ledger rows",
                    0.2,
                    note,
                )
            )
    return figures


if __name__ == "__main__":
    for figure in asyncio.run(measure(*map(int, sys.argv[1:]))):
        print(figure, f"ratio {figure.ratio:.2f}")
