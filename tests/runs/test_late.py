"""Reads and intervals that come late: what they reopen, what stays, and that nothing is lost."""

import io
from asyncio import create_task
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from random import Random

import asyncpg
import pytest
from msgspec.structs import replace
from pypdf import PdfReader
from tests.towers import (
    BEGINS,
    SYDNEY,
    Tower,
    Unit,
    at,
    billed,
    drafted,
    exchange,
    found,
    intervals,
    invoices_of,
    plan,
    posted,
    read,
    register,
    sound,
    standing,
    tower,
)
from tests.waiting import until_waiting

from currant.access.verbs import Nothing
from currant.basicreads.model import BasicRead, PostReads
from currant.basicreads.verbs import post_reads
from currant.billing.model import Policy
from currant.billing.verbs import policy, set_policy
from currant.charges.model import AddCharges, CancelCharges, NewCharge
from currant.charges.verbs import add_approved_charges, cancel_charges
from currant.clock import FrozenClock
from currant.db.database import Urls
from currant.documents.model import DocumentNamed
from currant.documents.verbs import document_pdf
from currant.door import Door
from currant.invoices.model import CancelInvoice
from currant.invoices.verbs import cancel_invoice
from currant.moves.model import MovedOut, MoveOut, MoveOutTold
from currant.moves.verbs import move_out
from currant.plans.model import AssignPlan, GivenRate
from currant.plans.verbs import assign_plan
from currant.receivables.model import WriteOff, WriteOffItem
from currant.receivables.verbs import write_off
from currant.runs.model import DraftsNamed, DraftsWanted, StartRun
from currant.runs.verbs import bill_drafts, discard_drafts, draft_run, to_print

D = Decimal
JUNE, JULY, AUGUST = date(2024, 6, 30), date(2024, 7, 31), date(2024, 8, 31)
FIRST, LAST, NEXT = date(2024, 7, 1), date(2024, 8, 1), date(2024, 9, 1)


@pytest.fixture
async def told(door: Door, owner, clock: FrozenClock) -> Tower:
    """Two units; July of the first is billed by an estimate, August of both by reads."""
    clock.set(morning(LAST))
    made = await tower(door, owner, units=2)
    for unit in made.units:
        await standing(owner, made, unit, {BEGINS: "12000", FIRST: "12100"})
    await read(owner, made, made.units[0], LAST, "12500", estimated=True)
    await read(owner, made, made.units[1], LAST, "12410")
    await billed(door, made, JUNE)
    clock.set(morning(LAST, 10))
    run = await drafted(door, made, JULY)
    assert await found(door, made, run) == [("03280", "ESTIMATED", "Some usage is estimated.")]
    await posted(door, made, run.run_id)
    clock.set(morning(NEXT))
    for unit in made.units:
        await read(owner, made, unit, NEXT, "12720", morning(NEXT))
    await billed(door, made, AUGUST)
    return made


def morning(day: date, hour: int = 9) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=SYDNEY)


def misread_of(unit: Unit) -> BasicRead:
    """That the last read of August was none."""
    return BasicRead(unit.site_identifier, unit.serial_number, D(12720), AUGUST, sub_type="MISREAD")


async def used(door: Door, told: Tower, account: str = "03280") -> list[tuple[str, date, int]]:
    """What the invoices of an account tell: their kind, last day and kWh."""
    return [
        (i.head.kind, i.head.to_on, sum(m.quantity for m in i.measured) // 1000)
        for i in await invoices_of(door, told, account)
    ]


async def test_an_actual_read_reopens_what_was_estimated(door, owner, told, clock) -> None:
    before = [(JUNE, 100), (JULY, 400), (AUGUST, 220)]
    assert await used(door, told) == [("NORMAL", *row) for row in before]
    clock.set(morning(NEXT, 10))
    await read(owner, told, told.units[0], LAST, "12430", morning(NEXT, 10))
    clock.set(morning(NEXT, 11))
    again = await drafted(door, told, AUGUST)
    assert again.invoices == 0  # What is billed stays so until somebody asks for more.
    clock.set(morning(NEXT, 12))
    run = await drafted(door, told, AUGUST, reopen=True)
    assert await found(door, told, run) == [
        (
            "03280",
            "LATE_READ",
            f"Invoice {n} is cancelled when its replacement is posted.",
        )
        for n in ("00005", "00003")
    ]
    clock.set(morning(NEXT, 13))
    await posted(door, told, run.run_id)
    assert await used(door, told) == [
        *(("NORMAL", *row) for row in before),
        ("NORMAL", AUGUST, 620), ("CREDIT", AUGUST, 0), ("CREDIT", JULY, 0),
    ]  # fmt: skip
    new = (await invoices_of(door, told, "03280"))[3]
    assert new.head.from_on == FIRST
    # What goes by post are the credit notes and the new invoice, and of the old runs what stands.
    printed = await door.ask(to_print, DraftsWanted(run.run_id), told.clerk)
    assert sorted((one.kind, one.number, one.account) for one in printed) == [
        ("CREDIT_NOTE", "00008", "03280"), ("CREDIT_NOTE", "00009", "03280"),
        ("INVOICE", new.head.number, "03280"),
    ]  # fmt: skip
    page = await door.ask(to_print, DraftsWanted(run.run_id, how_many=1), told.clerk)
    assert len(page) == 3
    before_it = await door.ask(to_print, DraftsWanted(run.run_id - 2), told.clerk)
    assert [one.account for one in before_it] == ["03281"]
    shown = await door.act(document_pdf, DocumentNamed(new.head.number), told.clerk)
    text = PdfReader(io.BytesIO(shown.pdf)).pages[0].extract_text()
    assert "Replaces invoice 00003, 00005" in " ".join(text.split())
    assert all(m.basis == "ACTUAL" for m in new.measured)
    await sound(door, owner)
    # The other account is left alone, and nothing is late any more.
    assert len(await used(door, told, "03281")) == 3
    clock.set(morning(NEXT, 14))
    assert (await drafted(door, told, AUGUST, reopen=True)).invoices == 0


async def test_nothing_is_cancelled_before_the_draft_is_posted(door, owner, told, clock) -> None:
    before = [invoice.head for invoice in await invoices_of(door, told, "03280")]
    july, august = before[1:]
    await read(owner, told, told.units[0], LAST, "12430", morning(NEXT, 10))
    clock.set(morning(NEXT, 12))
    discarded = await drafted(door, told, AUGUST, reopen=True)
    wanted = DraftsWanted(discarded.run_id)
    (draft,) = await door.ask(bill_drafts, wanted, told.clerk)
    assert draft.replaces == [august.number, july.number]
    assert [i.head for i in await invoices_of(door, told, "03280")] == before
    # Who throws the draft away leaves all as it was, and another run finds the same.
    await door.act(discard_drafts, DraftsNamed(discarded.run_id), told.clerk)
    assert [i.head for i in await invoices_of(door, told, "03280")] == before
    clock.set(morning(NEXT, 13))
    run = await drafted(door, told, AUGUST, reopen=True)
    # What somebody cancels meanwhile is not cancelled again.
    await door.act(cancel_invoice, CancelInvoice(july.number, "By hand."), told.manager)
    clock.set(morning(NEXT, 14))
    await posted(door, told, run.run_id)
    assert [kind for kind, *_ in await used(door, told)].count("CREDIT") == 2
    await sound(door, owner)
    clock.set(morning(date(2024, 10, 1)))
    await read(owner, told, told.units[0], date(2024, 10, 1), "13020", morning(NEXT, 14))
    await billed(door, told, date(2024, 9, 30))
    await sound(door, owner)


async def test_charges_of_what_is_replaced_are_on_what_replaces_it(
    door, owner, told, clock
) -> None:
    clock.set(morning(date(2024, 10, 1)))
    await read(owner, told, told.units[0], date(2024, 10, 1), "13020", morning(NEXT, 14))
    fee = NewCharge("03280", "ADMIN", date(2024, 9, 10), D("22.00"), approve=True)
    await door.act(add_approved_charges, AddCharges([fee]), told.manager)
    september = date(2024, 9, 30)
    await billed(door, told, september, account="03280")
    await read(owner, told, told.units[0], NEXT, "12730", morning(date(2024, 10, 1), 10))
    clock.set(morning(date(2024, 10, 2)))
    await billed(door, told, september, account="03280", reopen=True)
    whole = await invoices_of(door, told, "03280")
    charged = [
        (i.head.kind, line.net) for i in whole for line in i.lines if line.line_type == "CHARGE"
    ]
    assert charged == [("NORMAL", D("20.00")), ("NORMAL", D("20.00")), ("CREDIT", D("-20.00"))]
    await sound(door, owner)


async def test_a_charge_that_is_cancelled_meanwhile_holds_the_draft(
    door, owner, told, clock
) -> None:
    clock.set(morning(date(2024, 10, 1)))
    await read(owner, told, told.units[0], date(2024, 10, 1), "13020", morning(NEXT, 14))
    fee = NewCharge("03280", "ADMIN", date(2024, 9, 10), D("22.00"), approve=True)
    (added,) = await door.act(add_approved_charges, AddCharges([fee]), told.manager)
    september = date(2024, 9, 30)
    await billed(door, told, september, account="03280")
    await read(owner, told, told.units[0], NEXT, "12730", morning(date(2024, 10, 1), 10))
    clock.set(morning(date(2024, 10, 2)))
    run = await drafted(door, told, september, account="03280", reopen=True)
    old = (await invoices_of(door, told, "03280"))[-1].head.number
    await door.act(cancel_invoice, CancelInvoice(old, "By hand."), told.manager)
    await door.act(cancel_charges, CancelCharges([added.charge_id], "Waived"), told.manager)
    clock.set(morning(date(2024, 10, 3)))
    assert (await posted(door, told, run.run_id)).held == 1
    (draft,) = await door.ask(bill_drafts, DraftsWanted(run.run_id), told.clerk)
    assert draft.held_for.startswith("A charge on it was cancelled since")
    await door.act(discard_drafts, DraftsNamed(run.run_id), told.clerk)
    clock.set(morning(date(2024, 10, 4)))
    await billed(door, told, september, account="03280", reopen=True)
    new = next(i for i in await invoices_of(door, told, "03280") if i.head.posted_at == clock.now())
    assert {line.line_type for line in new.lines} == {"USAGE", "SUPPLY"}
    await sound(door, owner)


async def test_what_is_written_off_meanwhile_holds_the_draft(door, owner, told, clock) -> None:
    before = [invoice.head for invoice in await invoices_of(door, told, "03280")]
    await read(owner, told, told.units[0], LAST, "12430", morning(NEXT, 10))
    clock.set(morning(NEXT, 12))
    run = await drafted(door, told, AUGUST, reopen=True)
    item = await owner.fetchval(
        "select item_id from receivables.open_item where number = $1", before[1].number
    )
    await door.act(write_off, WriteOff([WriteOffItem(item)], "Gone."), told.manager)
    assert (await posted(door, told, run.run_id)).held == 1
    assert len(await used(door, told)) == len(before)
    await sound(door, owner)


async def test_a_replacement_that_lacks_days_is_held(door, owner, told, clock) -> None:
    """Of two services of one account, the last read of the other was none."""
    unit = told.units[1]
    await owner.execute(
        "update customers.agreement set account_id = (select account_id from customers.account"
        " where account = '03280') where agreement_id = $1", unit.agreement_id,
    )  # fmt: skip
    await read(owner, told, told.units[0], LAST, "12430", morning(NEXT, 10))
    clock.set(morning(date(2024, 9, 6)))
    await door.act(post_reads, PostReads([misread_of(unit)]), told.manager)
    run = await drafted(door, told, date(2024, 9, 5), account="03280", reopen=True)
    (draft,) = await door.ask(bill_drafts, DraftsWanted(run.run_id), told.clerk)
    assert draft.held_for == "Not all days of what it replaces can be billed."


async def test_the_same_total_is_due_whether_estimated_or_put_right(
    door, owner, told, clock
) -> None:
    async def owed() -> Decimal:
        return await owner.fetchval(
            "select sum(p.amount) from ledger.posting as p inner join customers.account as a"
            " using (portal_id, account_id) where a.account = '03280'"
        )

    before = await owed()
    await read(owner, told, told.units[0], LAST, "12430", morning(NEXT, 10))
    clock.set(morning(NEXT, 12))
    await billed(door, told, AUGUST, reopen=True)
    # 620 kWh either way, and a flat rate: only the rounding of two bills may differ.
    assert abs(await owed() - before) <= D("0.02")


async def test_a_dry_run_tells_what_would_be_cancelled_and_cancels_nothing(
    door, owner, told, clock
) -> None:
    await read(owner, told, told.units[0], LAST, "12430", morning(NEXT, 10))
    clock.set(morning(NEXT, 12))
    rehearsed = await door.rehearse(draft_run, StartRun(AUGUST, reopen=True), told.clerk)
    assert [row.kind for row in rehearsed.exceptions] == ["LATE_READ", "LATE_READ"]
    assert len(rehearsed.drafts) == 1
    assert len(await used(door, told)) == 3
    await sound(door, owner)


async def test_the_window_is_of_calendar_months(door, owner, told, clock) -> None:
    await read(owner, told, told.units[0], FIRST, "12090", morning(NEXT, 10))
    clock.set(morning(date(2025, 4, 2)))
    # Nine months back are the first and the last day of a half year, 274 and 273 days before.
    for through, numbers in (
        (date(2025, 4, 1), ["00003"]),
        (date(2025, 3, 31), ["00003", "00001"]),
    ):
        run = await drafted(door, told, through, reopen=True)
        rows = await found(door, told, run)
        late = [detail.split()[1] for _, kind, detail in rows if kind == "LATE_READ"]
        assert late == numbers
        await door.act(discard_drafts, DraftsNamed(run.run_id), told.clerk)


async def test_what_is_older_than_the_portals_window_stays_closed(door, owner, told, clock) -> None:
    held = await door.ask(policy, Nothing(), told.clerk)
    assert held.reopen_months == 9
    await door.act(set_policy, Policy(reopen_months=0), told.manager)
    await read(owner, told, told.units[0], LAST, "12430", morning(NEXT, 10))
    clock.set(morning(NEXT, 12))
    run = await drafted(door, told, AUGUST, reopen=True)
    # August ends with the run, so it is reopened; July is older.
    assert [row[1] for row in await found(door, told, run)] == ["LATE_READ"]
    await posted(door, told, run.run_id)
    assert await used(door, told) == [
        ("NORMAL", JUNE, 100), ("NORMAL", JULY, 400), ("NORMAL", AUGUST, 220),
        ("NORMAL", AUGUST, 290), ("CREDIT", AUGUST, 0),
    ]  # fmt: skip


async def test_intervals_that_are_corrected_reopen_their_bill(door, owner, told, clock) -> None:
    unit = told.units[1]
    stream = await register(
        owner, told, unit, 21, metering_type="AM", datastream="E2", interval_minutes=30
    )
    await intervals(owner, told, stream, date(2024, 8, 30), 40, [100] * 48)
    clock.set(morning(date(2024, 10, 1)))
    await read(owner, told, unit, date(2024, 10, 1), "13020", morning(date(2024, 10, 1)))
    september = date(2024, 9, 30)
    await billed(door, told, september, account="03281")
    assert (await used(door, told, "03281"))[-1] == ("NORMAL", september, 300 + 144)
    await intervals(
        owner, told, stream, date(2024, 9, 10), 1, [600] * 48, revision=2,
        loaded=morning(date(2024, 10, 2)),
    )  # fmt: skip
    clock.set(morning(date(2024, 10, 3)))
    run = await drafted(door, told, september, account="03281", reopen=True)
    assert [row[1] for row in await found(door, told, run)][:1] == ["LATE_READ"]
    await posted(door, told, run.run_id)
    assert (await used(door, told, "03281"))[-2] == ("NORMAL", september, 300 + 168)
    await sound(door, owner)


@pytest.fixture
async def left(door: Door, owner, clock: FrozenClock) -> Tower:
    """A unit of intervals at 10 kWh a day that has a bill to 20 July and one to the end of July.

    That it was left with the 25th, in the middle of the second, is told on 2 August.
    """
    clock.set(morning(LAST))
    made = await tower(door, owner)
    (unit,) = made.units
    stream = await register(
        owner, made, unit, 1, metering_type="AM", datastream="E1", interval_minutes=30
    )
    half_hours = [208] * 32 + [209] * 16
    await intervals(owner, made, stream, BEGINS, 60, half_hours)
    await billed(door, made, date(2024, 7, 20))
    clock.set(morning(LAST, 10))
    await billed(door, made, JULY)
    clock.set(morning(date(2024, 8, 2)))
    return made


async def leaves_with(door: Door, told: Tower, day: date) -> MovedOut:
    (unit,) = told.units
    where = (unit.account, unit.site_identifier)
    move = MoveOutTold(*where, day, invoice_delivery_class="EMAIL")
    (done,) = await door.act(move_out, MoveOut([move]), told.manager)
    return done


async def test_who_left_within_a_billed_month_is_billed_to_the_end(
    door, owner, left, clock
) -> None:
    """The month is bought back and billed again up to the last day, as the final bill."""
    (unit,) = left.units
    assert (await leaves_with(door, left, date(2024, 7, 25))).final_invoice_expected
    first, july = [invoice.head for invoice in await invoices_of(door, left, unit.account)]
    run = await drafted(door, left, date(2024, 8, 1))
    told = f"Invoice {july.number} bills days after the agreement's end: a run that reopens"
    assert (run.invoices, await found(door, left, run)) == (
        0, [(unit.account, "ENDED", f"{told} bills them anew.")]
    )  # fmt: skip
    clock.set(morning(date(2024, 8, 2), 10))
    run = await drafted(door, left, date(2024, 8, 1), reopen=True)
    told = f"Invoice {july.number} is cancelled when its replacement is posted."
    assert await found(door, left, run) == [(unit.account, "ENDED", told)]
    clock.set(morning(date(2024, 8, 2), 11))
    await posted(door, left, run.run_id)
    bills = await invoices_of(door, left, unit.account)
    days = [(i.head.kind, i.head.from_on, i.head.to_on) for i in bills]
    begins, ends = date(2024, 7, 21), date(2024, 7, 25)
    assert days[2:] == [("FINAL", begins, ends), ("CREDIT", begins, JULY)]
    assert [line.quantity for line in bills[2].lines] == [D("50"), D(5)]
    assert bills[3].head.reversal_of == july.number
    assert bills[0].head == first
    await sound(door, owner)
    clock.set(morning(date(2024, 8, 2), 12))
    for more in ({}, {"reopen": True}):
        run = await drafted(door, left, date(2024, 8, 1), **more)
        assert (await found(door, left, run), run.invoices) == ([], 0)


async def test_who_left_before_the_last_bill_gets_the_one_before_as_the_final_one(
    door, owner, left, clock
) -> None:
    (unit,) = left.units
    await leaves_with(door, left, date(2024, 7, 20))
    run = await billed(door, left, date(2024, 8, 1), reopen=True)
    assert [row[1] for row in await found(door, left, run)] == ["ENDED", "ENDED"]
    bills = [i.head for i in await invoices_of(door, left, unit.account)]
    assert [(head.kind, head.to_on) for head in bills[2:]] == [
        ("FINAL", date(2024, 7, 20)), ("CREDIT", JULY), ("CREDIT", date(2024, 7, 20)),
    ]  # fmt: skip
    assert sum(head.total for head in bills) == bills[0].total
    await sound(door, owner)


async def test_a_half_hour_of_midnight_reopens_the_month_that_it_is_in(
    door, owner, told, clock
) -> None:
    """In summer a market day ends an hour after Sydney's, so its last hour is tomorrow's."""
    unit, october, november = told.units[1], date(2024, 10, 31), date(2024, 11, 30)
    stream = await register(
        owner, told, unit, 21, metering_type="AM", datastream="E2", interval_minutes=30
    )
    await intervals(owner, told, stream, date(2024, 8, 30), 100, [100] * 48)
    clock.set(morning(date(2024, 12, 1)))
    for day, value in ((date(2024, 11, 1), "13000"), (date(2024, 12, 1), "13300")):
        await read(owner, told, unit, day, value, morning(date(2024, 12, 1)))
    await billed(door, told, october, account="03281")
    await billed(door, told, november, account="03281")
    told_before = await used(door, told, "03281")
    correction = [100] * 47 + [1_100]
    await intervals(
        owner, told, stream, october, 1, correction, revision=2, loaded=morning(date(2024, 12, 2))
    )
    clock.set(morning(date(2024, 12, 3)))
    run = await drafted(door, told, november, account="03281", reopen=True)
    assert [row[1] for row in await found(door, told, run)] == ["LATE_READ"]
    await posted(door, told, run.run_id)
    (kind, last, kwh) = told_before[-1]
    assert (await used(door, told, "03281"))[-2] == (kind, last, kwh + 1)
    # What is told once more as it was changes nothing.
    await intervals(
        owner, told, stream, october, 1, correction, revision=3, loaded=morning(date(2024, 12, 4))
    )
    clock.set(morning(date(2024, 12, 5)))
    run = await drafted(door, told, november, account="03281", reopen=True)
    assert (await found(door, told, run), run.invoices) == ([], 0)


async def test_a_read_that_shows_what_was_billed_reopens_nothing(door, owner, told, clock) -> None:
    """As the opening read of who comes next does, at the instant of the last one's closing read."""
    for unit in told.units:
        await read(owner, told, unit, NEXT, "12720", morning(NEXT, 10))
    clock.set(morning(NEXT, 12))
    run = await drafted(door, told, AUGUST, reopen=True)
    assert (await found(door, told, run), run.invoices) == ([], 0)


async def test_the_bill_of_a_misread_stands_until_there_is_a_read(door, owner, told, clock) -> None:
    unit = told.units[1]
    clock.set(morning(NEXT, 10))
    await door.act(post_reads, PostReads([misread_of(unit)]), told.manager)
    clock.set(morning(NEXT, 12))
    run = await drafted(door, told, AUGUST, reopen=True)
    august = (await invoices_of(door, told, "03281"))[-1].head
    assert (await found(door, told, run))[1:] == [
        (
            "03281",
            "LATE_READ",
            f"Invoice {august.number} stands until its days can be billed anew.",
        ),
    ]
    assert [row[1] for row in await found(door, told, run)] == ["MISSING_READ", "LATE_READ"]
    await posted(door, told, run.run_id)
    assert len(await used(door, told, "03281")) == 3
    await read(owner, told, unit, NEXT, "12700", morning(NEXT, 13))
    clock.set(morning(NEXT, 14))
    await billed(door, told, AUGUST, reopen=True)
    assert (await used(door, told, "03281"))[3:] == [("NORMAL", AUGUST, 290), ("CREDIT", AUGUST, 0)]
    await sound(door, owner)


async def test_a_bill_that_was_written_off_stands_and_stops_no_run(
    door, owner, told, clock
) -> None:
    _, july, august = [invoice.head for invoice in await invoices_of(door, told, "03280")]
    item = await owner.fetchval(
        "select item_id from receivables.open_item where number = $1", july.number
    )
    await door.act(write_off, WriteOff([WriteOffItem(item)], "Gone."), told.manager)
    clock.set(morning(NEXT, 10))
    await read(owner, told, told.units[0], LAST, "12430", morning(NEXT, 10))
    clock.set(morning(NEXT, 12))
    run = await drafted(door, told, AUGUST, reopen=True)
    late = [detail for _, kind, detail in await found(door, told, run) if kind == "LATE_READ"]
    assert late == [
        f"Invoice {august.number} is cancelled when its replacement is posted.",
        f"Invoice {july.number} was written off and stands.",
    ]  # fmt: skip
    await posted(door, told, run.run_id)
    assert (await used(door, told))[-2:] == [("NORMAL", AUGUST, 290), ("CREDIT", AUGUST, 0)]
    await sound(door, owner)


async def test_an_account_with_a_draft_is_not_reopened_before_that_is_settled(
    door, owner, told, clock
) -> None:
    clock.set(morning(date(2024, 10, 1)))
    await read(owner, told, told.units[0], date(2024, 10, 1), "13020", morning(NEXT, 10))
    first = await drafted(door, told, date(2024, 9, 30), account="03280")
    await read(owner, told, told.units[0], LAST, "12430", morning(date(2024, 10, 1)))
    clock.set(morning(date(2024, 10, 2)))
    second = await drafted(door, told, date(2024, 9, 30), account="03280", reopen=True)
    assert (second.invoices, [row[1] for row in await found(door, told, second)]) == (
        0, ["DRAFTED"],
    )  # fmt: skip
    await posted(door, told, first.run_id)
    await sound(door, owner)


@pytest.fixture
async def cut(door: Door, owner, clock: FrozenClock) -> Tower:
    """A unit whose June and whose first ten days of July are told by one read, of 410 kWh."""
    clock.set(morning(date(2024, 7, 12)))
    made = await tower(door, owner)
    (unit,) = made.units
    await standing(owner, made, unit, {BEGINS: "0"})
    await read(owner, made, unit, date(2024, 7, 12), "410", clock.now())
    await billed(door, made, JUNE)
    clock.set(morning(date(2024, 7, 13)))
    return made


async def all_used(door: Door, told: Tower, account: str = "03280") -> Decimal:
    """The kWh that the invoices of an account bill, less what was taken back."""
    whole = await invoices_of(door, told, account)
    lines = [line for i in whole for line in i.lines if line.line_type == "USAGE"]
    return sum((line.quantity for line in lines), D(0))


async def test_a_late_read_beyond_the_end_moves_the_edge_that_was_billed(
    door, owner, cut, clock
) -> None:
    (unit,) = cut.units
    await read(owner, cut, unit, date(2024, 7, 3), "100", clock.now())
    clock.set(morning(LAST))
    await read(owner, cut, unit, LAST, "510", clock.now())
    (june,) = [i.head for i in await invoices_of(door, cut, unit.account)]
    run = await drafted(door, cut, JULY, reopen=True)
    told = f"Invoice {june.number} is cancelled when its replacement is posted."
    assert await found(door, cut, run) == [(unit.account, "LATE_READ", told)]
    await posted(door, cut, run.run_id)
    assert await all_used(door, cut) == 510
    await sound(door, owner)
    clock.set(morning(LAST, 10))
    assert (await drafted(door, cut, JULY, reopen=True)).invoices == 0


async def test_a_misread_beyond_the_end_moves_the_edge_that_was_billed(
    door, owner, cut, clock
) -> None:
    (unit,) = cut.units
    eleventh = date(2024, 7, 11)
    misread = BasicRead(
        unit.site_identifier, unit.serial_number, D(410), eleventh, sub_type="MISREAD"
    )
    await door.act(post_reads, PostReads([misread]), cut.manager)
    await read(owner, cut, unit, date(2024, 7, 12), "210", clock.now())
    clock.set(morning(LAST))
    await read(owner, cut, unit, LAST, "510", clock.now())
    await billed(door, cut, JULY, reopen=True)
    assert await all_used(door, cut) == 510
    await sound(door, owner)


async def test_a_read_beyond_what_an_edge_lies_between_reopens_nothing(
    door, owner, cut, clock
) -> None:
    (unit,) = cut.units
    await read(owner, cut, unit, date(2024, 7, 13), "420", clock.now())
    clock.set(morning(date(2024, 7, 14)))
    run = await drafted(door, cut, date(2024, 7, 12), reopen=True)
    assert [row[1] for row in await found(door, cut, run)] == ["ESTIMATED"]


async def test_of_two_reads_of_the_day_beyond_an_end_the_last_counts(
    door, owner, told, clock
) -> None:
    unit = told.units[0]
    clock.set(morning(date(2024, 10, 12)))
    for hour, value in ((9, "13130"), (17, "13140")):
        await read(owner, told, unit, date(2024, 10, 10), value, clock.now(), hour=hour)
    before = await all_used(door, told)
    await billed(door, told, date(2024, 9, 30), account="03280")
    await read(owner, told, unit, LAST.replace(month=11), "13500", clock.now())
    clock.set(morning(date(2024, 11, 2)))
    await billed(door, told, date(2024, 10, 31), account="03280")
    assert await all_used(door, told) == before + 13500 - 12720


MISREAD = """
with batch as (
    insert into reads.batch (portal_id, source, login, recorded_at, records)
    values ($1, 'file', 'reader', $4, 1) returning batch_id
)
insert into reads.misread (portal_id, register_id, read_at, revision, batch_id, reason)
select $1, r.register_id, r.read_at, r.revision, batch.batch_id, 'MISREAD'
from reads.counted as r
inner join metering.register as g
    on g.portal_id = r.portal_id and g.register_id = r.register_id and g.register_no = 1
cross join batch
where g.portal_id = $1 and g.meter_id = $2 and r.read_at = $3
order by r.revision desc limit 1
"""
BILLED = """
select a.account, sum(m.quantity) / 1000
from invoices.invoice as i
inner join customers.account as a on a.portal_id = i.portal_id and a.account_id = i.account_id
inner join invoices.measured as m on m.portal_id = i.portal_id and m.invoice_id = i.invoice_id
where i.portal_id = $1 and i.kind <> 'CREDIT' and i.posted_at is not null and not exists (
    select from invoices.invoice as n
    where n.portal_id = i.portal_id and n.reverses = i.invoice_id
)
group by a.account
"""


async def test_whatever_comes_late_what_is_billed_is_what_the_registers_advanced(
    door, owner, clock
) -> None:
    """Late reads, corrected and misread ones, on either side of the edges of three bills."""
    chance = Random(5)  # noqa: S311
    clock.set(morning(date(2024, 7, 12)))
    made = await tower(door, owner, units=24)
    await door.act(set_policy, Policy(outlier_percent=10000), made.manager)
    whole = (LAST - BEGINS).days
    curves = [
        list(
            accumulate((chance.randint(1, 30) for _ in range(whole)), initial=chance.randint(0, 9))
        )
        for _ in made.units
    ]
    last = dict.fromkeys(range(len(made.units)), 0)
    wrong: set[int] = set()

    async def tell(n: int, day: int, *, too_much: int = 0) -> None:
        when = BEGINS + timedelta(days=day)
        value = str(curves[n][day] + too_much)
        await read(owner, made, made.units[n], when, value, clock.now())
        last[n] = max(last[n], day)

    async def put_right(n: int) -> None:
        if n in wrong and chance.random() < 0.5:
            at_last = at(BEGINS + timedelta(days=last[n]))
            await owner.execute(
                MISREAD, made.portal_id, made.units[n].meter_id, at_last, clock.now()
            )
        elif n in wrong:
            await tell(n, last[n])
        wrong.discard(n)

    for n in range(len(made.units)):
        await tell(n, 0)
        await tell(n, chance.randint(10, 20), too_much=chance.choice((0, 40)))
        wrong.add(n)
    await billed(door, made, JUNE)
    for through, first in ((date(2024, 7, 15), 25), (JULY, whole)):
        clock.set(morning(through + timedelta(days=2)))
        for n in range(len(made.units)):
            await put_right(n)
            for _ in range(chance.randint(0, 2)):
                await tell(n, chance.randint(1, last[n]))
            await tell(n, min(whole, chance.randint(first, first + 4)))
        await billed(door, made, through, reopen=True)
    told = dict(await owner.fetch(BILLED, made.portal_id))
    assert told == {
        unit.account: curve[-1] - curve[0] for unit, curve in zip(made.units, curves, strict=True)
    }
    await sound(door, owner)


@asynccontextmanager
async def delivering(urls: Urls, told: Tower) -> AsyncIterator[asyncpg.Connection]:
    """A transaction of the runtime's own, in which reads are delivered."""
    connection = await asyncpg.connect(urls.runtime)
    try:
        async with connection.transaction():
            portals = f"{{{told.portal_id}}}"
            await connection.execute("select set_config('currant.portals', $1, true)", portals)
            yield connection
    finally:
        await connection.close()


async def test_a_delivery_under_way_is_waited_for_and_one_that_comes_after_is_late(
    door, owner, clock, urls
) -> None:
    """Whatever they say of when they were recorded; a third is not kept waiting meanwhile."""
    clock.set(morning(date(2024, 7, 2)))
    made = await tower(door, owner)
    (unit,) = made.units
    await standing(owner, made, unit, {BEGINS: "0", FIRST: "100"})
    began = clock.now()
    clock.set(morning(date(2024, 7, 2), 10))
    async with delivering(urls, made) as late:
        async with delivering(urls, made) as under_way:
            await read(under_way, made, unit, FIRST, "90", began)
            drafting = create_task(drafted(door, made, JUNE))
            await until_waiting(owner)
            async with delivering(urls, made) as meanwhile:
                await read(meanwhile, made, unit, date(2024, 6, 25), "30", began)
        run = await drafting
        await read(late, made, unit, FIRST, "80", began)
    assert (run.invoices, run.total) == (1, D("40.32"))
    await posted(door, made, run.run_id)
    assert await used(door, made) == [("NORMAL", JUNE, 90)]
    clock.set(morning(date(2024, 7, 2), 11))
    run = await drafted(door, made, JUNE, reopen=True)
    assert [row[1] for row in await found(door, made, run)] == ["LATE_READ"]


async def test_an_exchange_that_is_told_late_reopens_what_the_old_meter_billed(
    door, owner, left, clock
) -> None:
    """The new meter hung since the 25th, and measured twice as much."""
    (unit,) = left.units
    since = date(2024, 7, 25)
    new = await exchange(owner, left, unit, since, "NEW1")
    stream = await register(
        owner, left, replace(unit, meter_id=new), 1,
        metering_type="AM", datastream="E1", interval_minutes=30,
    )  # fmt: skip
    await intervals(owner, left, stream, since - timedelta(days=1), 20, [416] * 32 + [418] * 16)
    _, july = [invoice.head for invoice in await invoices_of(door, left, unit.account)]
    run = await drafted(door, left, JULY)
    told = f"Invoice {july.number} bills days on which other meters hung: a run that reopens"
    assert await found(door, left, run) == [
        (unit.account, "METER_CHANGED", f"{told} bills them anew.")
    ]
    clock.set(morning(date(2024, 8, 2), 10))
    run = await billed(door, left, JULY, reopen=True)
    told = f"Invoice {july.number} is cancelled when its replacement is posted."
    assert await found(door, left, run) == [(unit.account, "METER_CHANGED", told)]
    assert (await used(door, left))[2:] == [("NORMAL", JULY, 180), ("CREDIT", JULY, 0)]
    # What is told of the second meter later is late as well, and nothing else is.
    clock.set(morning(date(2024, 8, 2), 11))
    assert (await drafted(door, left, JULY, reopen=True)).invoices == 0
    await intervals(owner, left, stream, date(2024, 7, 30), 1, [0] * 48, revision=2)
    clock.set(morning(date(2024, 8, 2), 12))
    run = await billed(door, left, JULY, reopen=True)
    assert [row[1] for row in await found(door, left, run)] == ["LATE_READ"]
    assert ("NORMAL", JULY, 160) in await used(door, left)
    await sound(door, owner)


async def test_a_plan_that_is_told_for_billed_days_is_told_and_billed_anew(
    door, owner, told, clock
) -> None:
    unit = told.units[1]
    since = date(2024, 8, 11)
    await plan(door, told, "DEARER", GivenRate("B1", D("0.57")))
    await door.act(
        assign_plan, AssignPlan(unit.agreement_id, at(since), tariff="DEARER"), told.manager
    )
    august = (await invoices_of(door, told, unit.account))[-1].head
    clock.set(morning(NEXT, 10))
    run = await drafted(door, told, AUGUST)
    said = f"Invoice {august.number} bills days that another plan is assigned to"
    assert await found(door, told, run) == [
        (unit.account, "PLAN_CHANGED", f"{said}: a run that reopens bills them anew.")
    ]
    clock.set(morning(NEXT, 11))
    run = await billed(door, told, AUGUST, reopen=True)
    said = f"Invoice {august.number} is cancelled when its replacement is posted."
    assert await found(door, told, run) == [(unit.account, "PLAN_CHANGED", said)]
    new = next(
        i
        for i in await invoices_of(door, told, unit.account)
        if i.head.posted_at == clock.now() and i.head.kind == "NORMAL"
    )
    usage = [(line.from_on, line.quantity, line.rate) for line in new.lines if line.unit == "kWh"]
    assert usage == [
        (LAST, D(100), D("0.285")), (since, D(210), D("0.57")),
    ]  # fmt: skip
    clock.set(morning(NEXT, 12))
    for more in ({}, {"reopen": True}):
        run = await drafted(door, told, AUGUST, **more)
        assert (await found(door, told, run), run.invoices) == ([], 0)
    await sound(door, owner)
