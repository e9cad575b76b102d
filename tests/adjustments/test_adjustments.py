"""Adjustments: what a reason means, who approves, what is posted (L15) and what it settles."""

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from tests.conftest import make_user
from tests.houses import House
from tests.postpaid import bill, credit, postpaid_house, sound

from currant.access.model import Actor
from currant.access.verbs import Nothing
from currant.adjustments.model import (
    Adjustment,
    AdjustmentDecided,
    AdjustmentNamed,
    AdjustmentsWanted,
    ApprovedByItsAuthor,
    CreateReason,
    DecideAdjustments,
    EnterAdjustments,
    NewAdjustment,
    NoSuchAdjustment,
    NoSuchReason,
    ReasonTaken,
    RetireReason,
    Status,
    Way,
)
from currant.adjustments.verbs import (
    adjustment_reasons,
    adjustments,
    approve_adjustments,
    count_adjustments,
    create_reason,
    enter_adjustments,
    post_adjustments,
    reject_adjustments,
    retire_reason,
    show_adjustment,
)
from currant.customers.model import NoSuchAccount
from currant.door import Door
from currant.errors import Forbidden, Invalid
from currant.receivables.model import NoSuchArrears
from currant.tariffs.model import SetTax
from currant.tariffs.verbs import set_tax
from currant.transactions.model import ReverseTransaction
from currant.transactions.verbs import reverse

TODAY = date(2026, 3, 2)
LINES = """
select p.coa, p.amount, a.account, p.tax_code from ledger.posting as p
left join customers.account as a on a.account_id = p.account_id
where p.entry_id = $1 order by p.line
"""


@pytest.fixture
async def house(door: Door, boss: Actor, owner: asyncpg.Connection) -> House:
    """Two postpaid accounts of a portal with a tax of a tenth."""
    made = await postpaid_house(door, boss, owner, homes=2, rate="0.25", wallet="currency")
    await door.act(set_tax, SetTax(Decimal("0.1"), datetime(2026, 1, 1, tzinfo=UTC)), boss)
    return made


def new(house: House, reason: str = "GOODWILL", amount: str = "11", **more: Any) -> NewAdjustment:
    return NewAdjustment(
        **{"account": house.accounts[0], "reason": reason, "adjusted_on": TODAY,
           "amount": Decimal(amount)} | more
    )  # fmt: skip


async def entered(door: Door, actor: Actor, *told: NewAdjustment) -> list[Adjustment]:
    return await door.act(enter_adjustments, EnterAdjustments([*told]), actor)


async def posted(door: Door, actor: Actor, *told: NewAdjustment) -> list[Adjustment]:
    return await door.act(post_adjustments, EnterAdjustments([*told]), actor)


async def listed(door: Door, actor: Actor, **wanted: Any) -> list[int]:
    question = AdjustmentsWanted(**wanted)
    async with door.asking(adjustments, actor) as tx:
        found = [row.adjustment_id async for row in adjustments(tx, question)]
    assert await door.ask(count_adjustments, question, actor) == len(found)
    return found


async def test_a_credit_waits_for_approval_and_pays_what_is_due_first(
    door, boss, house, owner
) -> None:
    clerk = await make_user(door, "example", "clerk", "CSR3")
    _, later = await bill(door, boss, house.accounts[0], "30", due="2026-03-20")
    _, first = await bill(door, boss, house.accounts[0], "8", due="2026-03-10")
    (told,) = await entered(door, clerk, new(house, notes="Billed by mistake."))
    assert (told.status, told.tax, told.balance) == (Status.PENDING, 1, 38)
    assert (told.posted_on, told.month, told.transaction_id) == (None, None, None)
    order = DecideAdjustments([told.adjustment_id], "Fair.")
    (done,) = await door.act(approve_adjustments, order, boss)
    assert (done.status, done.decided_by, done.balance) == (Status.POSTED, "boss", 27)
    assert (done.posted_on, done.month) == (TODAY, date(2026, 3, 1))
    assert done.transaction_id is not None
    lines = await owner.fetch(LINES, done.transaction_id)
    assert [tuple(line) for line in lines] == [
        ("1102", -11, house.accounts[0], None), ("5100", 10, None, "GST"), ("2200", 1, None, None),
    ]  # fmt: skip
    left = await owner.fetch("select item_id, outstanding from receivables.open_item order by 1")
    assert [tuple(row) for row in left] == [(later, 27), (first, 0)]
    await sound(door)
    with pytest.raises(AdjustmentDecided):
        await door.act(approve_adjustments, order, boss)


async def test_a_debit_is_owed_at_once(door, boss, house, owner) -> None:
    account = house.accounts[0]
    await credit(door, boss, account, "10")
    fee, bond = await posted(door, boss, new(house, "DISHONFEE", "22"), new(house, "BOND", "50"))
    assert [(row.debit_credit, row.tax, row.balance) for row in (fee, bond)] == [
        (Way.DEBIT, 2, 62), (Way.DEBIT, 0, 62),
    ]  # fmt: skip
    assert [tuple(line) for line in await owner.fetch(LINES, fee.transaction_id)] == [
        ("1102", 22, account, None), ("4950", -20, None, "GST"), ("2200", -2, None, None),
    ]  # fmt: skip
    assert [tuple(line) for line in await owner.fetch(LINES, bond.transaction_id)] == [
        ("1102", 50, account, None), ("2300", -50, account, "FREE"),
    ]  # fmt: skip
    items = await owner.fetch(
        "select kind, due_on, outstanding from receivables.open_item order by item_id"
    )
    assert [tuple(item) for item in items] == [("DEBIT_ADJ", TODAY, 12), ("DEBIT_ADJ", TODAY, 50)]
    await sound(door)


async def test_a_credit_for_an_item_pays_that_first(door, boss, house, owner) -> None:
    """So an item is written off with approval and a reason, and not another one."""
    _, first = await bill(door, boss, house.accounts[0], "8", due="2026-03-10")
    _, meant = await bill(door, boss, house.accounts[0], "30", due="2026-03-20")
    one, two = await posted(
        door, boss, new(house, "WRITEOFF", "20", item_id=meant),
        new(house, "WRITEOFF", "15", item_id=meant),
    )  # fmt: skip
    left = await owner.fetch("select item_id, outstanding from receivables.open_item order by 1")
    assert [tuple(row) for row in left] == [(first, 3), (meant, 0)]
    assert (one.tax, two.item_id) == (0, meant)
    await sound(door)


async def test_who_entered_it_does_not_approve_it(door, boss, house, owner) -> None:
    (own,) = await entered(door, boss, new(house))
    with pytest.raises(ApprovedByItsAuthor) as raised:
        await door.act(approve_adjustments, DecideAdjustments([own.adjustment_id]), boss)
    assert "othing was" in str(raised.value)
    with pytest.raises(asyncpg.CheckViolationError, match="adjustment_approved_by_another"):
        await owner.execute(
            "update adjustments.adjustment set status = 'POSTED', decided_by = 'boss', "
            "decided_at = now(), entry_id = 1"
        )
    with pytest.raises(Invalid):
        await door.act(reject_adjustments, DecideAdjustments([own.adjustment_id], " "), boss)
    order = DecideAdjustments([own.adjustment_id], "Withdrawn.")
    (gone,) = await door.act(reject_adjustments, order, boss)
    assert (gone.status, gone.decision_note) == (Status.REJECTED, "Withdrawn.")
    other = await make_user(door, "example", "manager", "ComMGR")
    with pytest.raises(AdjustmentDecided):
        await door.act(approve_adjustments, order, other)


async def test_the_special_limit_bounds_who_approves(door, boss, house) -> None:
    manager = await make_user(door, "example", "manager", "ComMGR", special_limit=1000)
    clerk = await make_user(door, "example", "clerk", "CSR3")
    small, large = await entered(door, clerk, new(house, amount="10"), new(house, amount="10.01"))
    ids = [small.adjustment_id, large.adjustment_id]
    with pytest.raises(Forbidden) as raised:
        await door.act(approve_adjustments, DecideAdjustments(ids), manager)
    assert [fault.record for fault in raised.value.faults] == [2]
    with pytest.raises(Forbidden):
        await posted(door, manager, new(house, amount="10.01"))
    with pytest.raises(Forbidden):
        await posted(door, clerk, new(house))
    await door.act(approve_adjustments, DecideAdjustments(ids[:1]), manager)
    await posted(door, manager, new(house, amount="10"))


async def test_what_stands_against_an_adjustment(door, boss, house, owner) -> None:
    _, other = await bill(door, boss, house.accounts[1], "5")
    sound_one = new(house)
    for told, refusal, column in (
        (new(house, account="99999"), NoSuchAccount, "account"),
        (new(house, "NONE"), NoSuchReason, "reason"),
        (new(house, amount="0"), Invalid, "amount"),
        (new(house, amount="-1"), Invalid, "amount"),
        (new(house, amount="1.001"), Invalid, "amount"),
        (new(house, adjusted_on=date(2026, 3, 3)), Invalid, "adjusted_on"),
        (new(house, agreement_id=999), Invalid, "agreement_id"),
        (new(house, item_id=other), NoSuchArrears, "item_id"),
        (new(house, "BOND", account=house.accounts[1], item_id=other), Invalid, "item_id"),
    ):
        with pytest.raises(refusal) as raised:
            await entered(door, boss, sound_one, told)
        assert [(f.record, f.column) for f in raised.value.faults] == [(2, column)]
        assert "othing was" in str(raised.value)
    assert await owner.fetchval("select count(*) from adjustments.adjustment") == 0
    for order, refusal in (([], Invalid), ([7, 7], Invalid), ([7], NoSuchAdjustment)):
        with pytest.raises(refusal):
            await door.act(approve_adjustments, DecideAdjustments(order), boss)


async def test_reasons_are_added_and_retired(door, boss, house) -> None:
    seeded = await door.ask(adjustment_reasons, Nothing(), boss)
    assert [(r.code, r.debit_credit.value, r.taxed, r.coa) for r in seeded] == [
        ("BILLERR", "C", True, "4005"), ("BOND", "D", False, "2300"),
        ("DISHONFEE", "D", True, "4950"), ("GOODWILL", "C", True, "5100"),
        ("TRANSFER", "D", False, "9100"), ("WRITEOFF", "C", False, "5200"),
    ]  # fmt: skip
    command = CreateReason("LATEFEE", "Late fee", Way.DEBIT, "4910", taxed=True)
    await door.act(create_reason, command, boss)
    with pytest.raises(ReasonTaken):
        await door.act(create_reason, command, boss)
    for bad in ("1000", "2100", "2200", "U100", "8888"):
        with pytest.raises(Invalid):
            await door.act(create_reason, CreateReason("X", "x", Way.DEBIT, bad), boss)
    with pytest.raises(Invalid):
        await door.act(create_reason, CreateReason("late fee", "x", Way.DEBIT, "4910"), boss)
    (kept,) = await posted(door, boss, new(house, "latefee", "5.50"))
    await door.act(retire_reason, RetireReason("LATEFEE"), boss)
    with pytest.raises(NoSuchReason):
        await posted(door, boss, new(house, "LATEFEE", "5"))
    with pytest.raises(NoSuchReason):
        await door.act(retire_reason, RetireReason("LATEFEE"), boss)
    shown = await door.ask(show_adjustment, AdjustmentNamed(kept.adjustment_id), boss)
    assert (shown.reason, shown.tax) == ("LATEFEE", Decimal("0.5"))


async def test_adjustments_are_listed_by_their_own_day_or_by_posting(door, boss, house) -> None:
    old = date(2026, 2, 10)
    pending, _ = await entered(
        door, boss, new(house, adjusted_on=old), new(house, account=house.accounts[1])
    )
    (done,) = await posted(door, boss, new(house, adjusted_on=old))
    both = [pending.adjustment_id, done.adjustment_id]
    assert await listed(door, boss, first=old, last=old, by_own_date=True) == both
    assert await listed(door, boss, first=old, last=old) == []
    assert await listed(door, boss, first=TODAY, last=TODAY) == [done.adjustment_id]
    assert await listed(door, boss, account=house.accounts[0]) == both
    assert await listed(door, boss, status=Status.PENDING, account=house.accounts[0]) == both[:1]
    assert await listed(door, boss, building_code="NONE") == []
    with pytest.raises(Invalid):
        await listed(door, boss, first=TODAY, last=old)


async def test_a_posted_adjustment_is_reversed_as_a_transaction(door, boss, house, owner) -> None:
    await bill(door, boss, house.accounts[0], "30")
    fee, gift = await posted(door, boss, new(house, "DISHONFEE", "22"), new(house, amount="40"))
    for done, left in ((gift, 52), (fee, 30)):
        await door.act(reverse, ReverseTransaction(done.transaction_id, "n"), boss)
        shown = await door.ask(show_adjustment, AdjustmentNamed(done.adjustment_id), boss)
        assert (shown.status, shown.balance) == (Status.REVERSED, left)
        await sound(door)
    assert await listed(door, boss, status=Status.REVERSED) == [
        fee.adjustment_id, gift.adjustment_id,
    ]  # fmt: skip


async def test_of_two_who_approve_at_once_one_posts(door, boss, house, owner) -> None:
    clerk = await make_user(door, "example", "clerk", "CSR3")
    (told,) = await entered(door, clerk, new(house))
    order = DecideAdjustments([told.adjustment_id])
    outcomes = await asyncio.gather(
        *(door.act(approve_adjustments, order, boss) for _ in range(6)), return_exceptions=True
    )
    assert sum(isinstance(outcome, list) for outcome in outcomes) == 1
    assert {type(o) for o in outcomes if not isinstance(o, list)} == {AdjustmentDecided}
    assert await owner.fetchval("select count(*) from ledger.entry where kind = 'adjustment'") == 1
