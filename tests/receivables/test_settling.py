"""Credits go to what is owed, come back when either is reversed, and always add up."""

import asyncio
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.houses import House
from tests.postpaid import (
    Bill,
    Cancel,
    Credit,
    bill,
    cancel_bill,
    credit,
    post_bills,
    post_credits,
    postpaid_house,
    sound,
)
from tests.receivables.arrears import issue

from currant.access.model import Actor
from currant.clock import FrozenClock
from currant.door import Door
from currant.errors import Refusal
from currant.ledger.model import AlreadyReversed
from currant.receivables.model import (
    ArrearsOfAccount,
    ArrearsPaidSince,
    ChangePlan,
    NoSuchArrears,
    OwedWanted,
    PlanChange,
    WriteOff,
    WriteOffItem,
)
from currant.receivables.verbs import arrears_of_account, change_plan, owed_arrears, write_off
from currant.transactions.model import NotOwed, NotReversible, PayArrears, ReverseTransaction
from currant.transactions.verbs import pay_arrears, reverse
from currant.vending.model import Quote
from currant.vending.verbs import quote

OWED = "select item_id, outstanding from receivables.open_item where outstanding > 0 order by 1"
LEFT = "select sum(unallocated) from receivables.credit"


@pytest.fixture
async def house(door: Door, boss: Actor, owner: asyncpg.Connection) -> House:
    return await postpaid_house(door, boss, owner, homes=3, rate="0.25", wallet="currency")


async def owed(owner: asyncpg.Connection) -> dict[int, Decimal]:
    return {row["item_id"]: row["outstanding"] for row in await owner.fetch(OWED)}


async def undo(door: Door, boss: Actor, entry: int) -> int:
    done = await door.act(reverse, ReverseTransaction(entry, "a mistake"), boss)
    return done.transaction_id


async def test_what_is_due_first_is_paid_first_and_arrears_last(
    door, boss, house, owner, clock
) -> None:
    """Whole plans before percentages, the oldest start first, none before its start (10.3)."""
    account = house.accounts[0]
    part, whole, later = await issue(
        door, boss, f"{account},,10,,25%", f"{account},2026-02-01T00:00:00Z,10,,",
        f"{account},2026-04-01T00:00:00Z,10,,",
    )  # fmt: skip
    _, second = await bill(door, boss, account, "30", due="2026-03-20")
    _, first = await bill(door, boss, account, "20", due="2026-03-10")
    for paying, left in (
        ("25", {first: None, second: 25, part: 10, whole: 10, later: 10}),
        ("30", {second: None, part: 10, whole: 5, later: 10}),
        ("9", {whole: None, part: 6, later: 10}),
        ("16", {later: 10}),
    ):
        await credit(door, boss, account, paying)
        assert await owed(owner) == {item: owes for item, owes in left.items() if owes}
        await sound(door)
    assert await owner.fetchval(LEFT) == 10
    clock.advance(timedelta(days=40))
    await bill(door, boss, account, "4")
    assert await owed(owner) == {later: 4}
    assert await owner.fetchval(LEFT) == 0
    await sound(door)


async def test_a_credit_of_another_receivable_is_moved_and_moved_back(
    door, boss, house, owner
) -> None:
    account = house.accounts[0]
    (item,) = await issue(door, boss, f"{account},,10,,", debit="1100")
    entry = await credit(door, boss, account, "25")
    lines = await owner.fetch(
        "select p.coa, p.amount from ledger.posting as p inner join ledger.entry as e "
        "on e.entry_id = p.entry_id where e.kind = 'transfer' order by p.line"
    )
    assert [tuple(line) for line in lines] == [("1102", 10), ("1100", -10)]
    (told,) = (await door.ask(arrears_of_account, ArrearsOfAccount(account, True), boss)).arrears
    assert [(paid.transaction_id, paid.type, paid.amount) for paid in told.payments] == [
        (entry, "payment", 10)
    ]
    await undo(door, boss, entry)
    assert await owed(owner) == {item: 10}
    booked = await owner.fetch("select coa, sum(amount) from ledger.posting group by coa")
    assert {coa: amount for coa, amount in booked if amount} == {"1100": 10, "9100": -10}
    await sound(door)


async def test_what_comes_back_of_a_bill_goes_to_the_next(door, boss, house, owner) -> None:
    account = house.accounts[0]
    entry, _ = await bill(door, boss, account, "20", due="2026-03-10")
    await credit(door, boss, account, "26")
    _, second = await bill(door, boss, account, "15", due="2026-03-20")
    assert await owed(owner) == {second: 9}
    await door.act(cancel_bill, Cancel(entry, account), boss)
    assert await owed(owner) == {}
    assert await owner.fetchval(LEFT) == 11
    await sound(door)
    with pytest.raises(AlreadyReversed):
        await door.act(cancel_bill, Cancel(entry, account), boss)


async def test_a_credit_that_is_reversed_makes_room_for_the_next(door, boss, house, owner) -> None:
    account = house.accounts[0]
    first = await credit(door, boss, account, "20")
    await credit(door, boss, account, "8")
    _, item = await bill(door, boss, account, "25")
    assert await owner.fetchval(LEFT) == 3
    await undo(door, boss, first)
    assert await owed(owner) == {item: 17}
    await sound(door)
    with pytest.raises(AlreadyReversed):
        await undo(door, boss, first)


async def test_a_bill_that_was_written_off_is_cancelled_after_that(
    door, boss, house, owner
) -> None:
    account = house.accounts[0]
    entry, item = await bill(door, boss, account, "20")
    await credit(door, boss, account, "5")
    order = WriteOff([WriteOffItem(item)], "Moved away.")
    (written,) = await door.act(write_off, order, boss)
    assert (written.amount, written.outstanding_amount) == (15, 0)
    with pytest.raises(ArrearsPaidSince):
        await door.act(cancel_bill, Cancel(entry, account), boss)
    await sound(door)
    await undo(door, boss, written.transaction_id)
    await door.act(cancel_bill, Cancel(entry, account), boss)
    assert await owner.fetchval(LEFT) == 5
    await sound(door)


async def test_juice_sees_arrears_and_nothing_else(door, boss, house, owner) -> None:
    account = house.accounts[0]
    entry, item = await bill(door, boss, account, "20")
    (arrears,) = await issue(door, boss, f"{account},,7,,")
    found = (await door.ask(arrears_of_account, ArrearsOfAccount(account), boss)).arrears
    assert [told.arrears_id for told in found] == [arrears]
    async with door.asking(owed_arrears, boss) as tx:
        assert [told.amount async for told in owed_arrears(tx, OwedWanted())] == [7]
    told = await door.ask(quote, Quote(account, Decimal(30)), boss)
    assert [line.arrears_id for line in told.split.arrears] == [arrears]
    with pytest.raises(NotOwed):
        await door.act(pay_arrears, PayArrears(account, "cash", Decimal(8)), boss)
    with pytest.raises(NoSuchArrears):
        await door.act(change_plan, ChangePlan(item, PlanChange(Decimal(20))), boss)
    with pytest.raises(NotReversible, match="cancelled as a bill"):
        await undo(door, boss, entry)


async def test_many_at_once(door, boss, house, owner) -> None:
    """And twice in a row: the second time the sets are as large as the tables."""
    many = 400
    await door.act(
        post_credits, Credit(house.accounts[:1] * many, [Decimal(n + 1) for n in range(many)]), boss
    )
    dues = [date(2026, 3, 3) + timedelta(days=n % 60) for n in range(many)]
    for _ in range(2):
        made = await door.act(
            post_bills,
            Bill(house.accounts[:1] * many, [Decimal(70)] * many, ["1"] * many, dues), boss,
        )  # fmt: skip
        assert len(made.item_ids) == many
        await sound(door)
    left = await owner.fetchval("select sum(outstanding) from receivables.open_item")
    assert left == max(0, 70 * 2 * many - many * (many + 1) // 2)
    assert await owner.fetchval(LEFT) == max(0, many * (many + 1) // 2 - 70 * 2 * many)


async def test_bills_and_credits_at_once_settle_whole(door, boss, house, owner) -> None:
    """Whoever comes second sees what the first left; nothing is paid twice, nothing stays open."""

    async def billed(accounts: list[str]) -> None:
        amounts = [Decimal(10)] * len(accounts)
        dues = [date(2026, 3, 16)] * len(accounts)
        await door.act(post_bills, Bill(accounts, amounts, ["1"] * len(accounts), dues), boss)

    async def credited(accounts: list[str]) -> None:
        await door.act(post_credits, Credit(accounts, [Decimal(10)] * len(accounts)), boss)

    forth, back = house.accounts, house.accounts[::-1]
    await asyncio.gather(
        *(
            (billed if n % 2 else credited)(forth if n % 4 < 2 else back)
            for n in range(24)
        )
    )  # fmt: skip
    assert await owed(owner) == {}
    assert await owner.fetchval(LEFT) == 0
    await sound(door)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("bill", "credit", "arrears", "write_off", "cancel", "reverse", "other")),
        st.integers(0, 10**6),
        st.integers(1, 6_000),
    ),
    min_size=4,
    max_size=16,
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_any_order_adds_up(run, door, boss, house, owner, clock, steps) -> None:
    """INV-04, INV-05 and INV-06 after every step, each done whole or refused whole."""
    run(_live(door, boss, house, owner, clock, steps))


@pytest.fixture
async def run() -> Any:
    """Run a coroutine in the session's loop from a test that is not one, as hypothesis needs."""
    return asyncio.get_running_loop().run_until_complete


async def _live(
    door: Door, boss: Actor, house: House, owner: asyncpg.Connection, clock: FrozenClock,
    steps: list[tuple[str, int, int]],
) -> None:  # fmt: skip
    bills: list[tuple[int, str]] = []
    others: list[int] = []
    items: list[int] = []
    for step, draw, cents in steps:
        clock.advance(timedelta(hours=draw % 30))
        account = house.accounts[draw % 2]
        amount = f"{cents // 100}.{cents % 100:02}"
        try:
            match step:
                case "bill":
                    due = (clock.now() + timedelta(days=draw % 20)).date().isoformat()
                    entry, item = await bill(door, boss, account, amount, due=due)
                    bills.append((entry, account))
                    items.append(item)
                case "credit":
                    others.append(await credit(door, boss, account, amount))
                case "other":
                    others.append(await credit(door, boss, account, amount, "1101"))
                case "arrears":
                    items += await issue(door, boss, f"{account},,{amount},,25%")
                case "write_off" if items:
                    order = WriteOff([WriteOffItem(items[draw % len(items)])], "n")
                    others.append((await door.act(write_off, order, boss))[0].transaction_id)
                case "cancel" if bills:
                    await door.act(cancel_bill, Cancel(*bills[draw % len(bills)]), boss)
                case "reverse" if others:
                    await undo(door, boss, others[draw % len(others)])
        except Refusal:
            pass
        await sound(door)
