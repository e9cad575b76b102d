"""Each agreement and day is billed once: whoever runs, however often, whatever breaks between."""

import asyncio
from datetime import date, datetime, timedelta
from decimal import Decimal

import asyncpg
import pytest
from tests.conftest import make_user
from tests.shared import superuser
from tests.towers import (
    BEGINS,
    SYDNEY,
    Tower,
    billed,
    drafted,
    found,
    invoices_of,
    posted,
    read,
    sound,
    standing,
    tower,
)

from currant.access.model import OPERATOR, CreatePortal
from currant.access.verbs import create_portal
from currant.charges.model import AddCharges, ChargeGone, NewCharge
from currant.charges.verbs import add_approved_charges
from currant.clock import FrozenClock
from currant.door import Door
from currant.errors import Conflict, Invalid, Unavailable
from currant.invoices.model import AccountDrafted, BilledTwice, CancelInvoice
from currant.invoices.verbs import cancel_invoice
from currant.runs.model import (
    ChunkDone,
    DraftsNamed,
    NoSuchRun,
    RunChunk,
    RunNamed,
    RunsWanted,
    StartRun,
)
from currant.runs.verbs import (
    approve_run,
    bill_run,
    bill_runs,
    discard_drafts,
    draft_bills,
    draft_run,
    post_bills,
    start_run,
)

RUNS = RunsWanted()
CUT_OFF = """
select bool_or(pg_terminate_backend(pid)) from pg_stat_activity, pg_sleep(0.02)
where wait_event_type = 'Lock' and usename = 'currant_runtime'
"""
WAITING = """
select count(*) > 0 from pg_stat_activity
where wait_event_type = 'Lock' and usename = 'currant_runtime' and datname = current_database()
"""
CANCELLING = """
update charges.charge
set cancelled_at = created_at, cancelled_by = 'boss', cancelled_for = 'Waived'
"""
ADDED = """
insert into invoices.line
select
    portal_id, invoice_id, 99, agreement_id, location_id, product_type, line_type,
    description, from_on, to_on, quantity, unit, rate, loss_factor, net, tax, tax_code, coa, ar_coa,
    tariff_id, charge_id, explanation
from invoices.line limit 1
"""
JUNE, JULY, AUGUST = date(2024, 6, 30), date(2024, 7, 31), date(2024, 8, 31)


@pytest.fixture
async def told(door: Door, owner: asyncpg.Connection, clock: FrozenClock) -> Tower:
    """Five units, each 100 kWh up to 1 July and 310 more up to 1 August."""
    clock.set(datetime(2024, 8, 1, 9, tzinfo=SYDNEY))
    made = await tower(door, owner, units=5)
    for unit in made.units:
        await standing(
            owner, made, unit,
            {BEGINS: "12000", date(2024, 7, 1): "12100", date(2024, 8, 1): "12410"},
        )  # fmt: skip
    return made


async def covered(owner: asyncpg.Connection) -> list[tuple[int, date, date]]:
    """The days that are billed, inclusive, by agreement."""
    rows = await owner.fetch(
        "select agreement_id, lower(days) as a, upper(days) - 1 as z from invoices.covered"
        " where released_by is null order by 1, 2"
    )
    return [(row["agreement_id"], row["a"], row["z"]) for row in rows]


async def test_a_run_is_drafted_in_chunks_each_account_once(door, owner, told) -> None:
    run = await door.act(start_run, StartRun(JULY), told.clerk)
    chunks = []
    while not chunks or chunks[-1].more:
        chunks.append(await door.act(draft_bills, RunChunk(run.run_id, 2), told.clerk))
    assert [(chunk.accounts, chunk.invoices) for chunk in chunks] == [(2, 2), (2, 2), (1, 1)]
    assert await covered(owner) == [(u.agreement_id, BEGINS, JULY) for u in told.units]
    again = await door.act(draft_bills, RunChunk(run.run_id), told.clerk)
    assert again == ChunkDone(0, 0, more=False)
    told_run = await posted(door, told, run.run_id)
    assert (told_run.accounts, told_run.posted, told_run.status) == (5, 5, "POSTED")
    await sound(door, owner)


async def test_the_same_days_are_not_billed_by_the_next_run(door, owner, told) -> None:
    first = await billed(door, told, JUNE)
    again = await billed(door, told, JUNE)
    assert (first.posted, again.invoices, again.status) == (5, 0, "POSTED")
    rest = await billed(door, told, JULY)
    assert rest.posted == 5
    assert await covered(owner) == [
        row
        for unit in told.units
        for row in ((unit.agreement_id, BEGINS, JUNE), (unit.agreement_id, date(2024, 7, 1), JULY))
    ]
    one, two = await invoices_of(door, told, "03280")
    assert one.head.net + two.head.net == Decimal(410) * Decimal("0.285") + Decimal(41) * (
        Decimal("1.10")
    )
    await sound(door, owner)


async def test_two_who_draft_one_run_at_once_share_its_accounts(door, owner, told) -> None:
    run = await door.act(start_run, StartRun(JULY), told.clerk)

    async def hand() -> int:
        drafts = 0
        for _ in range(6):
            try:
                drafts += (
                    await door.act(draft_bills, RunChunk(run.run_id, 1), told.clerk)
                ).invoices
            except Conflict:
                break
        return drafts

    assert sum(await asyncio.gather(hand(), hand(), hand())) == 5
    assert len(await covered(owner)) == 5


async def test_two_runs_at_once_bill_each_account_by_one_of_them(door, owner, told) -> None:
    runs = [await door.act(start_run, StartRun(JULY), told.clerk) for _ in range(2)]

    async def hand(run_id: int) -> None:
        for _ in range(20):
            try:
                if not (await door.act(draft_bills, RunChunk(run_id, 1), told.clerk)).more:
                    return
            except (AccountDrafted, BilledTwice):
                continue  # The other run was quicker: what is left is seen at the next try.

    await asyncio.gather(*(hand(run.run_id) for run in runs))
    shown = [await door.ask(bill_run, RunNamed(run.run_id), told.clerk) for run in runs]
    assert sum(run.invoices for run in shown) == 5
    assert len(await covered(owner)) == 5
    for run in shown:
        await posted(door, told, run.run_id)
    await sound(door, owner)


async def test_an_account_with_a_draft_is_left_to_its_run_and_the_next_one_says_so(
    door, owner, told
) -> None:
    first = await drafted(door, told, JULY, account="03280")
    second = await drafted(door, told, JULY)
    assert (first.invoices, second.invoices) == (1, 4)
    assert await found(door, told, second) == [
        ("03280", "DRAFTED", f"It has a draft in run {first.run_id}.")
    ]


async def test_a_charge_that_is_cancelled_while_it_is_drafted_is_not_billed(
    door, owner, told, server, urls
) -> None:
    fee = NewCharge("03280", "ADMIN", date(2024, 7, 3), Decimal(55), approve=True)
    await door.act(add_approved_charges, AddCharges([fee]), told.manager)
    run = await door.act(start_run, StartRun(JULY), told.clerk)
    admin = await asyncpg.connect(superuser(server, urls))
    cancelling = admin.transaction()
    await cancelling.start()
    await admin.execute(CANCELLING)
    chunk = asyncio.create_task(door.act(draft_bills, RunChunk(run.run_id), told.clerk))
    async with asyncio.timeout(20):
        while not await admin.fetchval(WAITING):
            pass
        await cancelling.commit()
        with pytest.raises(ChargeGone, match="Nothing was billed"):
            await chunk
    await admin.close()
    assert await covered(owner) == []
    while (await door.act(draft_bills, RunChunk(run.run_id), told.clerk)).more:
        pass
    assert (await posted(door, told, run.run_id)).posted == 5
    lines = [line for i in await invoices_of(door, told, "03280") for line in i.lines]
    assert {line.line_type for line in lines} == {"USAGE", "SUPPLY"}
    await sound(door, owner)


async def test_a_connection_that_breaks_within_a_chunk_loses_that_chunk_only(
    door, owner, told, server, urls
) -> None:
    run = await door.act(start_run, StartRun(JULY), told.clerk)
    await door.act(draft_bills, RunChunk(run.run_id, 2), told.clerk)
    admin = await asyncpg.connect(superuser(server, urls))
    locked = admin.transaction()
    await locked.start()
    await admin.execute("lock table runs.exception in access exclusive mode")
    chunk = asyncio.create_task(door.act(draft_bills, RunChunk(run.run_id, 2), told.clerk))
    async with asyncio.timeout(20):
        while not await admin.fetchval(CUT_OFF):
            pass
        with pytest.raises(Unavailable):
            await chunk
    await locked.rollback()
    await admin.close()
    assert len(await covered(owner)) == 2
    while (await door.act(draft_bills, RunChunk(run.run_id, 2), told.clerk)).more:
        pass
    assert len(await covered(owner)) == 5
    await posted(door, told, run.run_id)
    await sound(door, owner)


async def test_posting_at_once_numbers_each_invoice_once(door, owner, told) -> None:
    run = await drafted(door, told, JULY)
    await door.act(approve_run, RunNamed(run.run_id), told.manager)

    async def hand() -> int:
        return (await door.act(post_bills, RunChunk(run.run_id, 2), told.clerk)).invoices

    assert sorted(await asyncio.gather(*(hand() for _ in range(4)))) == [0, 1, 2, 2]
    numbers = await owner.fetch("select number from invoices.invoice order by 1")
    assert len({row["number"] for row in numbers}) == 5
    await sound(door, owner)


async def test_a_run_as_one_act_is_taken_back_whole(door, owner, told) -> None:
    rehearsed = await door.rehearse(draft_run, StartRun(JULY), told.clerk)
    assert (rehearsed.run.invoices, rehearsed.run.status) == (5, "DRAFTED")
    assert [row.account for row in rehearsed.drafts] == [u.account for u in told.units]
    assert await door.ask(bill_runs, RUNS, told.clerk) == []
    assert await covered(owner) == []
    kept = await door.act(draft_run, StartRun(JULY), told.clerk)
    assert kept.run.total == rehearsed.run.total
    assert len(await covered(owner)) == 5


async def test_what_is_discarded_is_billed_by_the_next_run_at_the_same_amounts(
    door, owner, told
) -> None:
    first = await drafted(door, told, JULY)
    assert await door.act(discard_drafts, DraftsNamed(first.run_id, ["03281"]), told.clerk) == 1
    assert await door.act(discard_drafts, DraftsNamed(first.run_id), told.clerk) == 4
    shown = await door.ask(bill_run, RunNamed(first.run_id), told.clerk)
    assert (shown.status, shown.invoices) == ("DISCARDED", 0)
    assert await covered(owner) == []
    second = await billed(door, told, JULY)
    assert second.total == first.total
    with pytest.raises(Conflict):
        await door.act(approve_run, RunNamed(first.run_id), told.manager)


async def test_a_run_that_is_discarded_half_drafted_leaves_nobody_due(door, owner, told) -> None:
    run = await door.act(start_run, StartRun(JULY), told.clerk)
    await door.act(draft_bills, RunChunk(run.run_id, 2), told.clerk)
    assert await door.act(discard_drafts, DraftsNamed(run.run_id), told.clerk) == 2
    assert await owner.fetchval("select count(*) from runs.due") == 0
    assert (await billed(door, told, JULY)).posted == 5


async def test_cancel_and_rebill_of_the_same_facts_changes_nothing(
    door, owner, told, clock
) -> None:
    first = await billed(door, told, JULY)
    before = (await invoices_of(door, told, "03282"))[0]
    balances = "select account_id, sum(amount) from ledger.posting where account_id is not null \
        group by 1 order by 1"
    owed = await owner.fetch(balances)
    clock.set(datetime(2024, 8, 2, 9, tzinfo=SYDNEY))
    done = await door.act(
        cancel_invoice, CancelInvoice(before.head.number, "A mistake"), told.manager
    )
    assert done.amount == -before.head.total
    with pytest.raises(Conflict):
        await door.act(cancel_invoice, CancelInvoice(before.head.number, "Again"), told.manager)
    with pytest.raises(Conflict):
        await door.act(cancel_invoice, CancelInvoice(done.credit_note, "Nor this"), told.manager)
    clock.set(datetime(2024, 8, 3, 9, tzinfo=SYDNEY))
    again = await billed(door, told, JULY)
    assert again.posted == 1
    *_, note, after = await invoices_of(door, told, "03282")
    assert [(i.head.kind, i.head.status) for i in (note, after)] == [
        ("CREDIT", "POSTED"), ("NORMAL", "POSTED"),
    ] or note.head.status == "PAID"  # fmt: skip
    assert note.head.reversal_of == before.head.number
    told_lines = [
        [(line.description, line.quantity, line.rate, line.net, line.tax) for line in one.lines]
        for one in (before, after)
    ]
    assert told_lines[0] == told_lines[1]
    assert await owner.fetch(balances) == owed
    assert len(await covered(owner)) == first.posted
    await sound(door, owner)


async def test_another_portal_neither_sees_nor_touches_a_run(door, owner, told) -> None:
    run = await drafted(door, told, JULY)
    await door.act(
        create_portal, CreatePortal("other", "Other", "Australia/Sydney", "AUD", "OTH"), OPERATOR
    )
    stranger = await make_user(door, "other", "stranger", "SysAdmin")
    assert await door.ask(bill_runs, RUNS, stranger) == []
    for verb, command in (
        (draft_bills, RunChunk(run.run_id)),
        (approve_run, RunNamed(run.run_id)),
        (discard_drafts, DraftsNamed(run.run_id)),
        (post_bills, RunChunk(run.run_id)),
    ):
        with pytest.raises(NoSuchRun):
            await door.act(verb, command, stranger)
    assert len(await covered(owner)) == 5


async def test_a_day_that_is_not_over_and_a_chunk_of_nothing_are_refused(door, told) -> None:
    with pytest.raises(Invalid, match="is not over yet"):
        await door.act(start_run, StartRun(date(2024, 8, 1)), told.clerk)
    for field, unlikely in (
        ("invoice_on", StartRun(JULY, invoice_on=date.max)),
        ("due_on", StartRun(JULY, due_on=date(3000, 1, 1))),
        ("through", StartRun(date.min, reopen=True)),
        ("through", StartRun(date(1899, 12, 31))),
    ):
        with pytest.raises(Invalid, match="1900 to 2999") as refused:
            await door.act(start_run, unlikely, told.clerk)
        assert refused.value.field == field
    run = await door.act(start_run, StartRun(JULY), told.clerk)
    for how_many in (0, -1, 10**9):
        with pytest.raises(Invalid, match="1 to 10000"):
            await door.act(draft_bills, RunChunk(run.run_id, how_many), told.clerk)


async def test_the_database_refuses_a_day_twice_and_to_change_what_is_posted(
    door, owner, told
) -> None:
    """As the owner of the tables too."""
    await billed(door, told, JULY, account="03280")
    unit = told.units[0]
    with pytest.raises(asyncpg.ExclusionViolationError, match="days_billed_once"):
        await owner.execute(
            "insert into invoices.covered (portal_id, agreement_id, days)"
            " values ($1, $2, daterange($3, $4))",
            told.portal_id, unit.agreement_id, JUNE, JULY,
        )  # fmt: skip
    for statement in (
        "update invoices.invoice set total = 0, net = 0, tax = 0",
        "update invoices.invoice set due_on = due_on + 1",
        "delete from invoices.invoice",
        "update invoices.line set net = 0",
        "delete from invoices.line",
        ADDED,
        "update invoices.measured set quantity = 0",
        "delete from invoices.measured",
        "delete from invoices.covered",
        "update invoices.covered set days = daterange('2024-07-01', '2024-07-02')",
    ):
        with pytest.raises(asyncpg.RestrictViolationError):
            await owner.execute(statement)
    await sound(door, owner)


async def test_reads_that_end_early_are_billed_to_there_and_on_from_there(
    door, owner, told, clock
) -> None:
    unit = told.units[0]
    clock.set(datetime(2024, 9, 5, 9, tzinfo=SYDNEY))
    await read(owner, told, unit, date(2024, 8, 28), "12600")
    await billed(door, told, AUGUST, account=unit.account)
    assert await covered(owner) == [(unit.agreement_id, BEGINS, date(2024, 8, 27))]
    clock.set(datetime(2024, 10, 5, 9, tzinfo=SYDNEY))
    await read(owner, told, unit, date(2024, 10, 1), "12900")
    await billed(door, told, date(2024, 9, 30), account=unit.account)
    assert await covered(owner) == [
        (unit.agreement_id, BEGINS, date(2024, 8, 27)),
        (unit.agreement_id, date(2024, 8, 28), date(2024, 9, 30)),
    ]
    one, two = await invoices_of(door, told, unit.account)
    assert [i.measured[0].quantity for i in (one, two)] == [600_000, 300_000]
    assert two.head.to_on - two.head.from_on == timedelta(days=33)
    await sound(door, owner)
