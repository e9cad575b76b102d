"""A building for tests of billing: postpaid accounts at read sites, on a plan, in Sydney.

`await tower(door, owner)` answers a `Tower`: the portal `tower` of the running example, with units
supplied from 2024-06-21 through basic meters, each with reads of its own. `await billed(door,
told, day)` runs, approves and posts its bills; `await sound(door, owner)` holds the books to them.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import asyncpg
import msgspec

from currant.access.model import OPERATOR, Actor, CreatePortal
from currant.access.verbs import Nothing, create_portal
from currant.door import Door
from currant.invoices.model import Invoice, InvoicesWanted
from currant.invoices.verbs import invoices
from currant.ledger.verbs import ledger_faults
from currant.plans.model import CreatePlan, GivenCharge, GivenRate
from currant.plans.verbs import create_plan
from currant.receivables.verbs import arrears_faults
from currant.runs.model import ExceptionsWanted, Run, RunChunk, RunNamed, StartRun
from currant.runs.verbs import (
    approve_run,
    bill_exceptions,
    bill_run,
    draft_bills,
    post_bills,
    start_run,
)
from currant.tariffs.model import SetTax
from currant.tariffs.terms import Basis
from currant.tariffs.verbs import set_tax
from tests.conftest import make_user

SYDNEY = ZoneInfo("Australia/Sydney")
BEGINS = date(2024, 6, 21)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)

SUPPLY = """
with place as (
    insert into locations.location (
        portal_id, loc_id, external_key, address_1, city, state, zip, building_id,
        site_identifier, unit, created_at, last_mod
    )
    values (
        $1, $2, $2, '1 Tower St', 'Sydney', 'NSW', '2000', $3, $4, 'Unit ' || $2, $5, $5
    )
    returning location_id
), person as (
    insert into customers.customer (
        portal_id, name, first_name, last_name, phone_1, sms_1, email_1, address_1, city, state,
        postal_code, sub_type_code
    )
    values (
        $1, 'Ringo Starr', 'Ringo', 'Starr', '', '', 'ringo@example.com', '1 Tower St', 'Sydney',
        'NSW', '2000', 'TENANT'
    )
    returning customer_id
), debtor as (
    insert into customers.account (
        portal_id, account, contract, customer_id, payment_mode, created_at, last_mod
    )
    select $1, $6, $7, person.customer_id, 'POSTPAID', $5, $5 from person
    returning account_id
), term as (
    insert into customers.agreement (portal_id, account_id, location_id, product_type, valid)
    select $1, debtor.account_id, place.location_id, 'ELECTRICITY', tstzrange($5, null)
    from debtor cross join place
    returning agreement_id
), device as (
    insert into metering.meter (
        portal_id, serial_number, device_id, com_type, wallet_kind, created_at, last_mod
    )
    values ($1, $8, $8, 'AMR', 'currency', $5, $5)
    returning meter_id
), hung as (
    insert into metering.installation (portal_id, meter_id, location_id, valid)
    select $1, device.meter_id, place.location_id, tstzrange($5, null)
    from device cross join place
), plan as (
    insert into tariffs.assignment (portal_id, meter_id, tariff_id, valid)
    select $1, device.meter_id, t.tariff_id, tstzrange($5, null)
    from device inner join tariffs.tariff as t on t.portal_id = $1 and t.name = $9
)
select term.agreement_id, device.meter_id from term cross join device
"""
READ = """
with batch as (
    insert into reads.batch (portal_id, source, login, recorded_at, records, stored)
    values ($1, 'file', 'reader', $5, 1, 1) returning batch_id
)
insert into reads.read (
    portal_id, register_id, read_at, revision, value, original, multiplier, batch_id
)
select
    $1, g.register_id, $3,
    (
        select coalesce(max(r.revision), 0) + 1 from reads.read as r
        where r.portal_id = $1 and r.register_id = g.register_id and r.read_at = $3
    ),
    $4::numeric * 1000, $4, 1, batch.batch_id
from metering.register as g cross join batch
where g.portal_id = $1 and g.meter_id = $2 and g.register_no = $6
returning register_id, revision
"""
ESTIMATED = """
insert into reads.detail (portal_id, register_id, read_at, revision, sub_type)
values ($1, $2, $3, $4, 'ESTIMATE')
"""
INTERVALS = """
with file as (
    insert into intervals.file (portal_id, source, login, loaded_at)
    values ($1, 'NEM12', 'test', $6) returning file_id
)
insert into intervals.register_day (
    portal_id, register_id, day, revision, minutes, quantities, quality, spans, updated_at,
    loaded_at, file_id
)
select
    $1, $2, $3::date + d.n, $5, 30, $4::bigint[], $8, null, $6, $6, file.file_id
from file cross join generate_series(0, $7::int - 1) as d (n)
"""
EXCHANGE = """
with ended as (
    update metering.installation as i set valid = tstzrange(lower(i.valid), $3)
    where i.portal_id = $1 and i.meter_id = $2
    returning i.location_id
), device as (
    insert into metering.meter (
        portal_id, serial_number, device_id, com_type, wallet_kind, dials, created_at, last_mod
    )
    values ($1, $4, $4, 'AMR', 'currency', 6, $3, $3)
    returning meter_id
), hung as (
    insert into metering.installation (portal_id, meter_id, location_id, valid)
    select $1, device.meter_id, ended.location_id, tstzrange($3, null)
    from device cross join ended
), plan as (
    insert into tariffs.assignment (portal_id, meter_id, tariff_id, valid)
    select $1, device.meter_id, t.tariff_id, tstzrange($3, null)
    from device
    inner join tariffs.assignment as a on a.portal_id = $1 and a.meter_id = $2
    inner join tariffs.tariff as t on t.portal_id = $1 and t.tariff_id = a.tariff_id
)
select meter_id from device
"""
# What is out of order: an invoice that is not the sum of its lines, of its open items less credits,
# of its entry's debits; a balance that is not the ledger's; a charge or days of another invoice.
FAULTS = """
select 'lines' as what, i.number from invoices.invoice as i
where i.net <> (
    select coalesce(sum(l.net), 0) from invoices.line as l
    where l.portal_id = i.portal_id and l.invoice_id = i.invoice_id
) or i.tax <> (
    select coalesce(sum(l.tax), 0) from invoices.line as l
    where l.portal_id = i.portal_id and l.invoice_id = i.invoice_id
)
union all
select 'items', i.number from invoices.invoice as i
where i.posted_at is not null and i.kind <> 'CREDIT' and i.total <> (
    select coalesce(sum(o.amount), 0) from receivables.open_item as o
    where o.portal_id = i.portal_id and o.entry_id = i.entry_id
) - (
    select coalesce(sum(c.amount), 0) from receivables.credit as c
    where c.portal_id = i.portal_id and c.entry_id = i.entry_id
)
union all
select 'ledger', i.number from invoices.invoice as i
where i.posted_at is not null and i.total <> (
    select coalesce(sum(p.amount), 0) from ledger.posting as p
    where p.portal_id = i.portal_id and p.entry_id = i.entry_id and p.account_id = i.account_id
)
union all
select 'balance', i.number from invoices.invoice as i
where i.posted_at is not null
    and i.previous_balance + i.adjustment_total + i.receipt_total + i.total <> (
        select coalesce(sum(p.amount), 0) from ledger.posting as p
        where p.portal_id = i.portal_id and p.account_id = i.account_id
            and p.entry_id <= i.entry_id
    )
union all
select 'charge', i.number from invoices.line as l
inner join invoices.invoice as i on i.portal_id = l.portal_id and i.invoice_id = l.invoice_id
inner join charges.charge as c on c.portal_id = l.portal_id and c.charge_id = l.charge_id
where i.kind <> 'CREDIT' and c.invoice_id is distinct from i.invoice_id
    and not exists (
        select from invoices.invoice as r
        where r.portal_id = i.portal_id and r.reverses = i.invoice_id
    )
union all
select 'days', i.number from invoices.measured as m
inner join invoices.invoice as i on i.portal_id = m.portal_id and i.invoice_id = m.invoice_id
where i.kind <> 'CREDIT' and not exists (
    select from invoices.covered as c
    where c.portal_id = m.portal_id and c.invoice_id = m.invoice_id
        and c.agreement_id = m.agreement_id and c.days @> daterange(m.from_on, m.to_on, '[]')
)
"""


class Unit(msgspec.Struct, frozen=True):
    """A supply of the tower."""

    account: str
    agreement_id: int
    meter_id: int
    serial_number: str
    site_identifier: str


class Tower(msgspec.Struct, frozen=True):
    """The portal, who runs and who approves its bills, and its supplies."""

    portal_id: int
    building_id: int
    clerk: Actor
    manager: Actor
    units: list[Unit]


async def tower(door: Door, owner: asyncpg.Connection, *, units: int = 1) -> Tower:
    """Make the tower with the plan RES-FLAT: 0.285 a kWh, 1.10 a day, 10 % tax."""
    made = CreatePortal("tower", "Tower One Energy", "Australia/Sydney", "AUD", "TWR")
    created = await door.act(create_portal, made, OPERATOR)
    boss = await make_user(door, "tower", "boss", "SysAdmin")
    clerk = await make_user(door, "tower", "clerk", "ComMGR")
    await door.act(set_tax, SetTax(Decimal("0.1"), LONG_AGO), boss)
    plan = CreatePlan(
        name="RES-FLAT",
        description="Residential flat",
        rates=[GivenRate("B1", Decimal("0.285"), description="Anytime")],
        charges=[GivenCharge("Daily supply", Decimal("1.10"), Basis.DAILY)],
        from_at=LONG_AGO,
    )
    await door.act(create_plan, plan, boss)
    portal_id = created.portal_id
    building_id = await owner.fetchval(
        "insert into locations.building (portal_id, building_code, name, tax_number, created_at,"
        " last_mod) values ($1, 'TWR01', 'Tower One', '51 824 753 556', $2, $2)"
        " returning building_id",
        portal_id, at(BEGINS),
    )  # fmt: skip
    supplies = []
    for n in range(units):
        account, serial = f"{3280 + n:05d}", f"1234abc{n}" if n else "1234abcde"
        site = f"{4103000012 + n}"
        row = await owner.fetchrow(
            SUPPLY, portal_id, f"L{n:05d}", building_id, site, at(BEGINS), account,
            str(5003986 + n), serial, "RES-FLAT",
        )  # fmt: skip
        supplies.append(Unit(account, row["agreement_id"], row["meter_id"], serial, site))
    return Tower(portal_id, building_id, clerk, boss, supplies)


def at(day: date, hour: int = 0) -> datetime:
    """The beginning of a day in Sydney, or an hour of it."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=SYDNEY)


async def read(
    owner: asyncpg.Connection, told: Tower, unit: Unit, day: date, value: str,
    recorded: datetime = LONG_AGO, *, register: int = 1, meter_id: int | None = None,
    estimated: bool = False, hour: int = 0,
) -> None:  # fmt: skip
    """Let the meter of a unit stand at a value at the beginning of a day, or at an hour of it."""
    read_at = at(day, hour)
    row = await owner.fetchrow(
        READ, told.portal_id, meter_id or unit.meter_id, read_at, value, recorded, register
    )
    if estimated:
        await owner.execute(ESTIMATED, told.portal_id, row["register_id"], read_at, row["revision"])


async def standing(
    owner: asyncpg.Connection, told: Tower, unit: Unit, values: dict[date, str]
) -> None:
    """Let the meter of a unit stand at values at the beginning of days."""
    for day, value in values.items():
        await read(owner, told, unit, day, value)


async def register(
    owner: asyncpg.Connection, told: Tower, unit: Unit, number: int, /, **more: object
) -> int:
    """Give the meter of a unit another register, or change the one it has; answer its id."""
    columns = {"metering_type": "BASIC", "meter_type_code": "ALLDAY", "direction": "E"} | more
    names, marks = ", ".join(columns), ", ".join(f"${n + 4}" for n in range(len(columns)))
    changed = ", ".join(f"{name} = excluded.{name}" for name in columns)
    return await owner.fetchval(
        f"insert into metering.register (portal_id, meter_id, register_no, {names})"  # noqa: S608
        f" values ($1, $2, $3, {marks}) on conflict on constraint register_once"
        f" do update set {changed} returning register_id",
        told.portal_id, unit.meter_id, number, *columns.values(),
    )  # fmt: skip


async def intervals(
    owner: asyncpg.Connection, told: Tower, register_id: int, first: date, days: int,
    wh: list[int], *, revision: int = 1, loaded: datetime = LONG_AGO, quality: str = "A",
) -> None:  # fmt: skip
    """Let a register have measured the same half-hours on each of some days."""
    await owner.execute(
        INTERVALS, told.portal_id, register_id, first, wh, revision, loaded, days, quality
    )


async def plan(door: Door, told: Tower, name: str, *rates: GivenRate, **more: object) -> None:
    """Make a plan with these rates, in force for long."""
    await door.act(
        create_plan, CreatePlan(name=name, rates=list(rates), from_at=LONG_AGO, **more),
        told.manager,
    )  # fmt: skip


async def put_on(
    owner: asyncpg.Connection, told: Tower, unit: Unit, name: str, since: date = BEGINS
) -> None:
    """Let the meter of a unit be on a plan from a day on."""
    await owner.execute(
        "delete from tariffs.assignment where portal_id = $1 and meter_id = $2"
        " and lower(valid) >= $3",
        told.portal_id, unit.meter_id, at(since),
    )  # fmt: skip
    await owner.execute(
        "update tariffs.assignment set valid = tstzrange(lower(valid), $3)"
        " where portal_id = $1 and meter_id = $2",
        told.portal_id, unit.meter_id, at(since),
    )  # fmt: skip
    await owner.execute(
        "insert into tariffs.assignment (portal_id, meter_id, tariff_id, valid)"
        " select $1, $2, tariff_id, tstzrange($3, null) from tariffs.tariff"
        " where portal_id = $1 and name = $4",
        told.portal_id, unit.meter_id, at(since), name,
    )  # fmt: skip


async def exchange(
    owner: asyncpg.Connection, told: Tower, unit: Unit, day: date, serial: str, hour: int = 0
) -> int:
    """Hang another meter where that of a unit hung until the beginning or an hour of a day."""
    return await owner.fetchval(EXCHANGE, told.portal_id, unit.meter_id, at(day, hour), serial)


async def leaves(owner: asyncpg.Connection, told: Tower, unit: Unit, day: date) -> None:
    """Let the supply of a unit end with a day."""
    await owner.execute(
        "update customers.agreement set valid = tstzrange(lower(valid), $3)"
        " where portal_id = $1 and agreement_id = $2",
        told.portal_id, unit.agreement_id, at(day + timedelta(days=1)),
    )  # fmt: skip


async def drafted(door: Door, told: Tower, through: date, **more: object) -> Run:
    """Run bills, drafts only."""
    run = await door.act(start_run, StartRun(through, **more), told.clerk)
    while (await door.act(draft_bills, RunChunk(run.run_id), told.clerk)).more:
        pass
    return await door.ask(bill_run, RunNamed(run.run_id), told.clerk)


async def posted(door: Door, told: Tower, run_id: int) -> Run:
    """Approve a run and post it."""
    await door.act(approve_run, RunNamed(run_id), told.manager)
    while (await door.act(post_bills, RunChunk(run_id), told.clerk)).more:
        pass
    return await door.ask(bill_run, RunNamed(run_id), told.clerk)


async def billed(door: Door, told: Tower, through: date, **more: object) -> Run:
    """Run, approve and post bills."""
    return await posted(door, told, (await drafted(door, told, through, **more)).run_id)


async def found(door: Door, told: Tower, run: Run) -> list[tuple[str, str, str]]:
    """What a run found remarkable: account, kind, detail."""
    rows = await door.ask(bill_exceptions, ExceptionsWanted(run.run_id), told.clerk)
    return [(row.account, row.kind, row.detail) for row in rows]


async def invoices_of(door: Door, told: Tower, account: str) -> list[Invoice]:
    """The posted invoices of an account with their lines, oldest first."""
    wanted = InvoicesWanted(account=account, lines=True)
    async with door.asking(invoices, told.clerk) as tx:
        return [invoice async for invoice in invoices(tx, wanted)]


async def sound(door: Door, owner: asyncpg.Connection) -> None:
    """What is billed adds up: lines, totals, open items, ledger, balances, days."""
    assert [tuple(row) for row in await owner.fetch(FAULTS)] == []
    for view in (ledger_faults, arrears_faults):
        assert await door.ask(view, Nothing(), OPERATOR) == []
