"""Bill runs through the door: the running example, each day once, approval by another."""

from datetime import date, datetime
from decimal import Decimal

import asyncpg
import pytest
from tests.towers import SYDNEY, Tower, read, tower

from currant.access.model import OPERATOR
from currant.access.verbs import Nothing
from currant.clock import FrozenClock
from currant.door import Door
from currant.invoices.model import BilledElsewhere, InvoiceNamed
from currant.invoices.verbs import bill_elsewhere, show_invoice
from currant.ledger.verbs import ledger_faults
from currant.receivables.verbs import arrears_faults
from currant.runs.model import RunChunk, RunNamed, StartRun
from currant.runs.verbs import (
    approve_run,
    bill_run,
    draft_bills,
    post_bills,
    start_run,
)

JULY = date(2024, 7, 31)


@pytest.fixture
async def told(door: Door, owner: asyncpg.Connection, clock: FrozenClock) -> Tower:
    """The tower of the running example on 1 August 2024, billed elsewhere for June."""
    clock.set(datetime(2024, 8, 1, 9, tzinfo=SYDNEY))
    made = await tower(door, owner)
    (unit,) = made.units
    for day, value in ((date(2024, 6, 21), "12000"), (date(2024, 7, 1), "12100")):
        await read(owner, made, unit, day, value)
    await read(owner, made, unit, date(2024, 8, 1), "12410")
    await door.act(
        bill_elsewhere, BilledElsewhere(unit.agreement_id, date(2024, 6, 30)), made.clerk
    )
    await owner.execute(
        "insert into access.counter (portal_id, name, last) values ($1, 'invoice', 900122)",
        made.portal_id,
    )
    return made


async def billed(door: Door, told: Tower, through: date = JULY, **more: object) -> int:
    """Run, approve and post bills; return the run."""
    run = await door.act(start_run, StartRun(through, **more), told.clerk)
    while (await door.act(draft_bills, RunChunk(run.run_id), told.clerk)).more:
        pass
    await door.act(approve_run, RunNamed(run.run_id), told.manager)
    while (await door.act(post_bills, RunChunk(run.run_id), told.clerk)).more:
        pass
    return run.run_id


async def test_the_running_example(door, owner, told) -> None:
    run_id = await billed(door, told)
    run = await door.ask(bill_run, RunNamed(run_id), told.clerk)
    assert (run.status, run.invoices, run.posted, run.total) == ("POSTED", 1, 1, Decimal("134.70"))
    invoice = await door.ask(show_invoice, InvoiceNamed("900123"), told.clerk)
    assert (invoice.head.total, invoice.head.tax) == (Decimal("134.70"), Decimal("12.25"))
    assert (invoice.head.from_on, invoice.head.to_on) == (date(2024, 7, 1), JULY)
    assert invoice.head.due_on == date(2024, 8, 15)
    usage, supply = invoice.lines
    assert (usage.quantity, usage.rate, usage.net, usage.tax) == (
        Decimal(310), Decimal("0.285"), Decimal("88.35"), Decimal("8.84"),
    )  # fmt: skip
    assert (usage.previous_value, usage.current_value) == (12_100_000, 12_410_000)
    assert (supply.quantity, supply.rate, supply.net, supply.tax) == (
        Decimal(31), Decimal("1.10"), Decimal("34.10"), Decimal("3.41"),
    )  # fmt: skip
    lines = await owner.fetch("select p.coa, p.amount from ledger.posting as p order by p.line")
    assert [(row["coa"], row["amount"]) for row in lines] == [
        ("1102", Decimal("134.70")), ("4005", Decimal("-88.35")),
        ("4900", Decimal("-34.10")), ("2200", Decimal("-12.25")),
    ]  # fmt: skip
    assert await door.act(ledger_faults, Nothing(), OPERATOR) == []
    assert await door.act(arrears_faults, Nothing(), OPERATOR) == []
