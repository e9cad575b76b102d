"""What a run finds remarkable, what it holds, and who lets it go."""

from datetime import date, datetime
from decimal import Decimal

import pytest
from tests.conftest import make_user
from tests.towers import (
    BEGINS,
    SYDNEY,
    Tower,
    at,
    billed,
    drafted,
    found,
    intervals,
    invoices_of,
    plan,
    posted,
    put_on,
    read,
    register,
    sound,
    standing,
    tower,
)

from currant.access.model import Actor
from currant.charges.model import AddCharges, NewCharge
from currant.charges.verbs import add_approved_charges
from currant.clock import FrozenClock
from currant.door import Door
from currant.errors import Conflict, Forbidden, Invalid
from currant.locations.model import NoSuchBuilding
from currant.plans.model import GivenRate
from currant.runs.model import (
    ApprovedByTheSame,
    DraftsNamed,
    DraftsWanted,
    ExceptionsWanted,
    HoldDrafts,
    NoSuchRun,
    RunChunk,
    RunNamed,
    RunsWanted,
    StartRun,
)
from currant.runs.verbs import (
    approve_run,
    bill_drafts,
    bill_exceptions,
    bill_run,
    bill_runs,
    discard_drafts,
    draft_bills,
    hold_drafts,
    post_bills,
    release_drafts,
    start_run,
)

JULY, AUGUST = date(2024, 7, 31), date(2024, 8, 31)


@pytest.fixture
async def told(door: Door, owner, clock: FrozenClock) -> Tower:
    """Three units with reads up to 1 August 2024."""
    clock.set(datetime(2024, 8, 1, 9, tzinfo=SYDNEY))
    made = await tower(door, owner, units=3)
    for unit in made.units:
        await standing(owner, made, unit, {BEGINS: "12000", date(2024, 8, 1): "12410"})
    return made


async def approved(door: Door, told: Tower, item: str, amount: str, **more: object) -> None:
    charge = NewCharge(
        told.units[0].account, item, date(2024, 7, 3), Decimal(amount), approve=True, **more
    )
    await door.act(add_approved_charges, AddCharges([charge]), told.manager)


async def test_a_run_is_approved_by_another_and_only_when_it_is_drafted(door, told) -> None:
    run = await door.act(start_run, StartRun(JULY), told.clerk)
    with pytest.raises(Conflict, match="is DRAFTING"):
        await door.act(approve_run, RunNamed(run.run_id), told.manager)
    await door.act(draft_bills, RunChunk(run.run_id), told.clerk)
    with pytest.raises(Conflict, match="is DRAFTED"):
        await door.act(post_bills, RunChunk(run.run_id), told.clerk)
    with pytest.raises(ApprovedByTheSame):
        await door.act(approve_run, RunNamed(run.run_id), told.clerk)
    approved = await door.act(approve_run, RunNamed(run.run_id), told.manager)
    assert (approved.status, approved.approved_by) == ("APPROVED", "boss")
    cashier = await make_user(door, "tower", "cashier", "VENDORADM")
    with pytest.raises(Forbidden):
        await door.act(post_bills, RunChunk(run.run_id), cashier)


async def test_what_is_held_is_posted_when_it_is_released(door, owner, told) -> None:
    run = await drafted(door, told, JULY)
    with pytest.raises(Invalid, match="Say why"):
        await door.act(hold_drafts, HoldDrafts(run.run_id, ["03280"], " "), told.clerk)
    with pytest.raises(Invalid, match="no draft in this run"):
        await door.act(hold_drafts, HoldDrafts(run.run_id, ["nobody"], "x"), told.clerk)
    assert await door.act(hold_drafts, HoldDrafts(run.run_id, ["03281"], "A"), told.clerk) == 1
    assert (await posted(door, told, run.run_id)).posted == 2
    assert await invoices_of(door, told, "03281") == []
    (row,) = [
        row
        for row in await door.ask(bill_drafts, DraftsWanted(run.run_id), told.clerk)
        if row.held_for
    ]
    assert (row.account, row.held_for, row.held_by) == ("03281", "A", "clerk")
    await door.act(release_drafts, DraftsNamed(run.run_id, ["03281"]), told.manager)
    assert (await door.act(post_bills, RunChunk(run.run_id), told.clerk)).invoices == 1
    assert len(await invoices_of(door, told, "03281")) == 1
    await sound(door, owner)


async def test_what_is_held_of_a_posted_run_can_be_discarded_and_billed_again(
    door, owner, told
) -> None:
    run = await drafted(door, told, JULY)
    await door.act(hold_drafts, HoldDrafts(run.run_id, ["03281"], "A"), told.clerk)
    await posted(door, told, run.run_id)
    assert await door.act(discard_drafts, DraftsNamed(run.run_id), told.clerk) == 1
    shown = await door.ask(bill_run, RunNamed(run.run_id), told.clerk)
    assert (shown.status, shown.posted, shown.invoices) == ("POSTED", 2, 2)
    assert (await billed(door, told, JULY)).posted == 1
    await sound(door, owner)


async def test_discarding_what_is_left_of_a_run_that_is_half_posted_keeps_the_rest(
    door, owner, told
) -> None:
    run = await drafted(door, told, JULY)
    await door.act(approve_run, RunNamed(run.run_id), told.manager)
    await door.act(post_bills, RunChunk(run.run_id, 1), told.clerk)
    assert await door.act(discard_drafts, DraftsNamed(run.run_id), told.clerk) == 2
    shown = await door.ask(bill_run, RunNamed(run.run_id), told.clerk)
    assert (shown.status, shown.posted) == ("POSTED", 1)
    await sound(door, owner)


async def test_a_bill_below_nothing_is_held_and_posted_as_a_credit(door, owner, told) -> None:
    await approved(door, told, "CUSTDISC", "500.00")
    run = await drafted(door, told, JULY, account="03280")
    # 410 kWh at 0.285, 41 days at 1.10, and 500.00 with the tax within it.
    net = Decimal("116.85") + Decimal("45.10") - Decimal("454.55")
    assert (run.held, run.total) == (1, net + Decimal("11.69") + Decimal("4.51") - Decimal("45.45"))
    ((_, kind, detail),) = await found(door, told, run)
    assert (kind, detail) == ("NEGATIVE", "The invoice comes to -321.85.")
    assert (await posted(door, told, run.run_id)).posted == 0
    await door.act(release_drafts, DraftsNamed(run.run_id, ["03280"]), told.manager)
    await door.act(post_bills, RunChunk(run.run_id), told.clerk)
    credit = await owner.fetchrow("select kind, unallocated from receivables.credit")
    assert (credit["kind"], credit["unallocated"]) == ("CREDIT_NOTE", -run.total)
    await sound(door, owner)


async def test_a_bill_of_nothing_is_told_and_can_be_posted(door, owner, told) -> None:
    await plan(door, told, "FREE", GivenRate("B1", Decimal(0)))
    await put_on(owner, told, told.units[0], "FREE")
    run = await drafted(door, told, JULY, account="03280")
    assert await found(door, told, run) == [("03280", "ZERO", "The invoice comes to 0.00.")]
    await posted(door, told, run.run_id)
    (invoice,) = await invoices_of(door, told, "03280")
    assert (invoice.head.total, invoice.head.status) == (Decimal(0), "PAID")
    await sound(door, owner)
    assert (await drafted(door, told, JULY, account="03280")).invoices == 0


async def test_usage_far_from_the_usual_is_held(door, owner, told, clock) -> None:
    await billed(door, told, JULY)
    clock.set(datetime(2024, 9, 1, 9, tzinfo=SYDNEY))
    # 10 kWh a day is the usual; then 303, 1000 and 50 in 31 days.
    for unit, value in zip(told.units, ("12713", "13410", "12460"), strict=True):
        await read(owner, told, unit, date(2024, 9, 1), value)
    run = await drafted(door, told, AUGUST)
    assert await found(door, told, run) == [
        ("03281", "OUTLIER", "Usage a day is 322 % of the usual."),
        ("03282", "OUTLIER", "Usage a day is 16 % of the usual."),
    ]
    assert (await posted(door, told, run.run_id)).posted == 1
    await sound(door, owner)


async def test_what_several_registers_measure_is_held_against_their_days_once(
    door, owner, told, clock
) -> None:
    """Three registers of a meter that measure what they measured are as usual."""
    unit = told.units[0]
    for number in (2, 5):
        await register(owner, told, unit, number)
        await read(owner, told, unit, BEGINS, "500", register=number)
        await read(owner, told, unit, date(2024, 8, 1), "582", register=number)
    await billed(door, told, JULY, account=unit.account)
    clock.set(datetime(2024, 9, 1, 9, tzinfo=SYDNEY))
    for number, value in ((1, "12720"), (2, "644"), (5, "644")):
        await read(owner, told, unit, date(2024, 9, 1), value, register=number)
    run = await drafted(door, told, AUGUST, account=unit.account)
    assert (run.invoices, run.held, await found(door, told, run)) == (1, 0, [])
    await posted(door, told, run.run_id)
    clock.set(datetime(2024, 10, 1, 9, tzinfo=SYDNEY))
    # Both at 14 kWh a day; then 45.
    for number, value in ((1, "13650"), (2, "854"), (5, "854")):
        await read(owner, told, unit, date(2024, 10, 1), value, register=number)
    run = await drafted(door, told, date(2024, 9, 30), account=unit.account)
    assert await found(door, told, run) == [
        (unit.account, "OUTLIER", "Usage a day is 321 % of the usual."),
    ]


async def test_a_read_that_is_missing_keeps_its_account_out_and_is_named(
    door, owner, told, clock
) -> None:
    await billed(door, told, JULY)
    clock.set(datetime(2024, 9, 1, 9, tzinfo=SYDNEY))
    await read(owner, told, told.units[0], date(2024, 9, 1), "12700")
    run = await drafted(door, told, AUGUST)
    assert run.invoices == 1
    assert await found(door, told, run) == [
        (account, "MISSING_READ", "The last read is of 2024-07-31, 31 days before the end.")
        for account in ("03281", "03282")
    ]
    await posted(door, told, run.run_id)
    await read(owner, told, told.units[1], date(2024, 9, 1), "12700")
    await read(owner, told, told.units[2], date(2024, 8, 20), "12600")
    again = await drafted(door, told, AUGUST)
    assert await found(door, told, again) == [
        ("03282", "MISSING_READ", "The last read is of 2024-08-19, 12 days before the end.")
    ]
    await posted(door, told, again.run_id)
    await sound(door, owner)


async def test_an_hour_without_intervals_is_a_gap_until_it_is_filled(door, owner, told) -> None:
    unit = told.units[1]
    stream = await register(
        owner, told, unit, 1, metering_type="AM", datastream="E1", interval_minutes=30
    )
    await intervals(owner, told, stream, date(2024, 6, 20), 20, [100] * 48)
    await intervals(owner, told, stream, date(2024, 7, 11), 22, [100] * 48)
    run = await drafted(door, told, JULY)
    assert run.invoices == 2
    assert await found(door, told, run) == [
        ("03281", "GAP", "24 hours of intervals are missing between 2024-06-21 and 2024-07-31.")
    ]
    await intervals(owner, told, stream, date(2024, 7, 10), 1, [100] * 48)
    again = await drafted(door, told, JULY)
    (row,) = await door.ask(bill_drafts, DraftsWanted(again.run_id), told.clerk)
    # 41 days of 4.8 kWh at 0.285, and of 1.10.
    assert (row.account, row.net) == ("03281", Decimal("56.09") + Decimal("45.10"))
    assert await owner.fetchval(
        "select quantity from invoices.measured inner join invoices.invoice"
        " using (portal_id, invoice_id) where run_id = $1",
        again.run_id,
    ) == 41 * 48 * 100  # fmt: skip


async def test_a_stream_that_is_not_of_energy_measures_nothing_that_is_billed(
    door, owner, told
) -> None:
    one, two = told.units[:2]
    reactive = {"metering_type": "AM", "interval_minutes": 30, "unit": "kvarh"}
    await register(owner, told, one, 1, datastream="Q1", **reactive)
    await register(owner, told, two, 1, datastream="Q1", **reactive)
    stream = await register(
        owner, told, two, 21, metering_type="AM", datastream="E1", interval_minutes=30
    )
    await intervals(owner, told, stream, date(2024, 6, 20), 44, [100] * 48)
    run = await drafted(door, told, JULY)
    assert await found(door, told, run) == [
        ("03280", "MISSING_READ", "Nothing measured it from 2024-06-21 to 2024-07-31.")
    ]
    await posted(door, told, run.run_id)
    (invoice,) = await invoices_of(door, told, two.account)
    assert [(m.register_no, m.unit, m.quantity) for m in invoice.measured] == [
        (21, "kWh", 41 * 48 * 100)
    ]


async def test_what_a_run_found_is_told_a_page_at_a_time(door, owner, told) -> None:
    await owner.execute("delete from tariffs.assignment")
    run = await drafted(door, told, JULY)
    whole = await door.ask(bill_exceptions, ExceptionsWanted(run.run_id), told.clerk)
    assert len(whole) == run.exceptions == 3
    first = await door.ask(bill_exceptions, ExceptionsWanted(run.run_id, how_many=2), told.clerk)
    beyond = ExceptionsWanted(run.run_id, first[-1].exception_id)
    assert first + await door.ask(bill_exceptions, beyond, told.clerk) == whole


async def test_who_is_on_hold_and_begins_the_day_after_is_not_told(door, owner, told) -> None:
    """The first of August begins in Sydney where July has not ended in UTC."""
    unit = told.units[2]
    await owner.execute(
        "update customers.account set bill_cycle_code = 'HOLD' where account = $1", unit.account
    )
    for day, kinds in ((date(2024, 8, 1), []), (JULY, ["HELD_CYCLE"])):
        await owner.execute(
            "update customers.agreement set valid = tstzrange($2, null) where agreement_id = $1",
            unit.agreement_id, at(day),
        )  # fmt: skip
        run = await drafted(door, told, JULY)
        assert [k for a, k, _ in await found(door, told, run) if a == unit.account] == kinds


async def test_a_site_without_a_plan_is_told(door, owner, told) -> None:
    unit = told.units[2]
    await owner.execute("delete from tariffs.assignment where meter_id = $1", unit.meter_id)
    run = await drafted(door, told, JULY)
    assert await found(door, told, run) == [
        ("03282", "NO_PLAN", "No price plan from 2024-06-21 to 2024-07-31.")
    ]
    await owner.execute(
        "insert into tariffs.assignment (portal_id, meter_id, tariff_id, valid) select $1, $2,"
        " tariff_id, tstzrange('2024-06-20', null) from tariffs.tariff",
        told.portal_id, unit.meter_id,
    )  # fmt: skip
    assert (await drafted(door, told, JULY)).invoices == 1


async def test_a_user_neither_lists_nor_holds_drafts_of_blocked_accounts(door, told) -> None:
    run = await drafted(door, told, JULY)
    barred: Actor = await make_user(door, "tower", "barred", "SysAdmin", blocked_accounts="03281")
    rows = await door.ask(bill_drafts, DraftsWanted(run.run_id), barred)
    assert [row.account for row in rows] == ["03280", "03282"]
    assert await door.ask(bill_exceptions, ExceptionsWanted(run.run_id), barred) == []
    with pytest.raises(Forbidden):
        await door.act(hold_drafts, HoldDrafts(run.run_id, ["03281"], "x"), barred)
    with pytest.raises(Forbidden):
        await door.act(start_run, StartRun(JULY, account="03281"), barred)


async def test_a_run_of_a_blocked_account_is_not_told(door, told) -> None:
    barred = await make_user(door, "tower", "barred", "SysAdmin", blocked_accounts="03281")
    own = await drafted(door, told, JULY, account="03281")
    other = await drafted(door, told, JULY, account="03280")
    listed = await door.ask(bill_runs, RunsWanted(), barred)
    assert [run.run_id for run in listed] == [other.run_id]
    with pytest.raises(NoSuchRun):
        await door.ask(bill_run, RunNamed(own.run_id), barred)


async def test_runs_are_of_a_cycle_a_building_or_one_account_and_leave_what_is_on_hold(
    door, owner, told
) -> None:
    for account, cycle in (("03281", "QUARTERLY"), ("03282", "HOLD")):
        await owner.execute(
            "update customers.account set bill_cycle_code = $2 where account = $1", account, cycle
        )
    quarterly = await drafted(door, told, JULY, cycle_code="QUARTERLY")
    assert [r.account for r in await rows(door, told, quarterly)] == ["03281"]
    tower_run = await drafted(door, told, JULY, building_code="twr01")
    assert [r.account for r in await rows(door, told, tower_run)] == ["03280"]
    # What is on hold and has days to bill is told; not by a run of another cycle.
    on_hold = ("03282", "HELD_CYCLE", "Its bill cycle is HOLD; only a run of the account bills it.")
    assert on_hold in await found(door, told, tower_run)
    assert on_hold not in await found(door, told, quarterly)
    one = await drafted(door, told, JULY, account="03282")
    assert [r.account for r in await rows(door, told, one)] == ["03282"]
    await posted(door, told, one.run_id)
    assert on_hold not in await found(door, told, await drafted(door, told, JULY))
    with pytest.raises(NoSuchBuilding):
        await door.act(start_run, StartRun(JULY, building_code="X"), told.clerk)


async def rows(door: Door, told: Tower, run) -> list:
    return await door.ask(bill_drafts, DraftsWanted(run.run_id), told.clerk)
