"""A month of a tower with two units, by the product's own verbs: something for every report.

Unit 03280 is the running example (conformance.md 6.6): 310 kWh in July, billed 134.70 on 1 August,
of which 100.00 was paid and 11.00 credited. Unit 03281 hangs behind its meter, used 100 kWh, and
paid its 68.86 in time.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import asyncpg
from tests.towers import SYDNEY, Tower, read, tower

from currant.access.model import Actor
from currant.adjustments.model import EnterAdjustments, NewAdjustment
from currant.adjustments.verbs import enter_adjustments, post_adjustments
from currant.charges.model import AddCharges, NewCharge
from currant.charges.verbs import add_approved_charges, add_charges
from currant.clock import FrozenClock
from currant.door import Door
from currant.invoices.model import BilledElsewhere
from currant.invoices.verbs import bill_elsewhere
from currant.plans.model import CreateOffering, GivenInducement
from currant.plans.verbs import create_offering
from currant.receipts.model import BatchType, DishonourReceipt, NewReceipt, PostReceipts
from currant.receipts.verbs import dishonour_receipt, post_receipts
from currant.reports.catalogue import columns_of, question_of
from currant.reports.verbs import run_report
from currant.runs.model import RunChunk, RunNamed, StartRun
from currant.runs.verbs import approve_run, draft_bills, post_bills, start_run
from currant.tariffs.terms import Inducement

READS = (
    (("2024-06-21", "12000"), ("2024-07-01", "12100"), ("2024-08-01", "12410")),
    (("2024-06-21", "0"), ("2024-07-01", "40"), ("2024-08-01", "140")),
)
OFFER = """
insert into plans.agreement_assignment (portal_id, agreement_id, offering_id, valid, assigned_by)
select portal_id, $1, offering_id, tstzrange('2024-01-01', null), 'boss' from plans.offering
"""
BEHIND = """
update locations.location as l set parent_location_id = p.location_id
from locations.location as p
where p.portal_id = l.portal_id and p.loc_id = 'L00000' and l.loc_id = 'L00001'
"""
MESSAGES = """
insert into notices.message (
    portal_id, channel, recipient, subject, body, account_id, amount, queued_at, queued_by, status,
    next_try_at, sender, sent_at
)
select
    a.portal_id, m.channel, m.recipient, m.subject, m.body, a.account_id, m.amount, m.at, 'boss',
    m.status, m.at, m.sender, m.sent_at
from (
    values
    ('SMS', '+61 400 000 000', '', 'Your bill is due.', null, timestamptz '2024-08-13 23:30Z',
        'SENT', '', timestamptz '2024-08-14 15:00Z'),
    ('EMAIL', 'ringo@example.com', 'Invoice 900123', '=1+1', 134.70,
        timestamptz '2024-08-01 00:00Z', 'QUEUED', 'bills@example.com', null)
) as m (channel, recipient, subject, body, amount, at, status, sender, sent_at)
inner join customers.account as a on a.account = '03280'
"""
FAULTS = """
with file as (
    insert into intervals.file (portal_id, source, name, login, loaded_at)
    values ($1, 'NEM12', 'july.csv', 'boss', '2024-08-02 01:00Z') returning file_id
)
insert into intervals.fault (
    portal_id, file_id, line, reason, nmi, serial_number, datastream, unit, from_day, to_day, days
)
select $1, file.file_id, f.line, f.reason, f.nmi, '1234abcde', 'E1', 'kWh', '2024-07-01',
    '2024-07-03', 3
from file cross join (
    values (2, 'NOTOUSITE', '4103000012'), (9, 'NOSITE', '9999999999')
) as f (line, reason, nmi)
"""


async def scene(door: Door, owner: asyncpg.Connection, clock: FrozenClock) -> Tower:
    """Let it happen; it ends on 15 August 2024."""
    at(clock, 6, 21)
    told = await tower(door, owner, units=2)
    for unit, values in zip(told.units, READS, strict=True):
        for day, value in values:
            await read(owner, told, unit, date.fromisoformat(day), value)
    await owner.execute(BEHIND)
    discount = GivenInducement(Inducement.PROMPT_PAYMENT, Decimal(2), "On time")
    await door.act(
        create_offering, CreateOffering("ON-TIME", "Paid on time", [discount]), told.manager
    )
    await owner.execute(OFFER, told.units[0].agreement_id)
    await owner.execute(
        "insert into access.counter (portal_id, name, last) values ($1, 'invoice', 900122)",
        told.portal_id,
    )
    at(clock, 8, 1)
    await billed(door, told)
    await charged(door, told, clock)
    await paid(door, told, clock)
    await owner.execute(MESSAGES)
    await owner.execute(FAULTS, told.portal_id)
    at(clock, 8, 15)
    return told


async def billed(door: Door, told: Tower) -> None:
    """Bill July."""
    for unit in told.units:
        elsewhere = BilledElsewhere(unit.agreement_id, date(2024, 6, 30))
        await door.act(bill_elsewhere, elsewhere, told.clerk)
    run = await door.act(start_run, StartRun(date(2024, 7, 31)), told.clerk)
    await door.act(draft_bills, RunChunk(run.run_id), told.clerk)
    await door.act(approve_run, RunNamed(run.run_id), told.manager)
    await door.act(post_bills, RunChunk(run.run_id), told.clerk)


async def charged(door: Door, told: Tower, clock: FrozenClock) -> None:
    """Enter a fee that waits, and give a discount."""
    at(clock, 8, 6)
    fee = NewCharge("03280", "ADMIN", date(2024, 8, 5), Decimal(22), notes="Late")
    await door.act(add_charges, AddCharges([fee]), told.clerk)
    given = NewCharge("03281", "CUSTDISC", date(2024, 8, 4), Decimal(11), approve=True)
    await door.act(add_approved_charges, AddCharges([given]), told.manager)


async def paid(door: Door, told: Tower, clock: FrozenClock) -> None:
    """Take money, one of it for nobody and one that did not come; adjust one account."""
    at(clock, 8, 12)
    ids = []
    for account, day, amount, reference in (
        ("03281", 10, "68.86", "EFT 1"),
        ("03280", 12, "100", "BPAY 881"),
        ("4711", 12, "5", "?"),
        ("03280", 12, "7", "CHQ 9"),
    ):
        receipt = NewReceipt(
            BatchType.DIRECT, account, date(2024, 8, day), Decimal(amount), reference
        )
        (made,) = await door.act(post_receipts, PostReceipts([receipt]), told.manager)
        ids.append(made.receipt_id)
    at(clock, 8, 13)
    await door.act(dishonour_receipt, DishonourReceipt(ids[-1], "NO FUNDS"), told.manager)
    at(clock, 8, 14)
    goodwill = NewAdjustment("03280", "GOODWILL", date(2024, 8, 13), Decimal(11), "Sorry")
    await door.act(post_adjustments, EnterAdjustments([goodwill]), told.manager)
    pending = NewAdjustment("03281", "DISHONFEE", date(2024, 8, 14), Decimal(22))
    await door.act(enter_adjustments, EnterAdjustments([pending]), told.clerk)


def at(clock: FrozenClock, month: int, day: int) -> None:
    """Put the clock to nine in the morning of a day in Sydney."""
    clock.set(datetime(2024, month, day, 9, tzinfo=SYDNEY))


async def rows(door: Door, actor: Actor, report_id: int, **filters: str) -> list[dict[str, Any]]:
    """Run a report and return its rows by the names of the columns."""
    wanted = question_of(report_id, filters)
    columns = columns_of(wanted)
    async with door.asking(run_report, actor) as tx:
        return [
            dict(zip(columns, (getattr(row, name) for name in row.__struct_fields__), strict=True))
            async for row in run_report(tx, wanted)
        ]
