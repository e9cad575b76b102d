"""What is paid, written off, given back and taken back, in any order, always adds up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import NOW
from tests.houses import House, small_house
from tests.receivables.arrears import issue, listed, standing

from currant.access.model import Actor
from currant.clock import FrozenClock
from currant.db.database import Urls
from currant.door import Door
from currant.errors import Refusal
from currant.receivables.model import (
    AllocatedBeyondItem,
    AllocationGivenBack,
    ArrearsPaidSince,
    WriteOff,
    WriteOffItem,
)
from currant.receivables.verbs import write_off

PAY = """
with paid as (
    select (ledger.post(
        i.portal_id, 'till', 'CEC', $3,
        array[row(
            1, 'cash', $3, i.account_id, null, 0, $2, 0, 0, '', '', null, '', null
        )::ledger.new_entry],
        array[
            row(1, '1000', 'USD', $2, null, null)::ledger.new_posting,
            row(1, i.receivable_coa, 'USD', -$2::numeric, i.account_id, null)::ledger.new_posting
        ]
    ))[1] as entry_id, i.portal_id
    from receivables.open_item as i where i.item_id = $1
)
select paid.entry_id
from paid
cross join lateral receivables.allocate(
    paid.portal_id, paid.entry_id, 'payment', $3, array[$1::bigint], array[$2::numeric]
) as done
"""


REVERSE = """
select entry_id from ledger.reverse($1, 'boss', 'CEC', $2, array[$3::bigint], 'n')
"""


class Books:
    """Pays and reverses as the role that serves, the way that transactions do."""

    def __init__(
        self, door: Door, boss: Actor, owner: asyncpg.Connection, runtime: asyncpg.Connection
    ) -> None:
        self.door = door
        self.boss = boss
        self.owner = owner
        self.runtime = runtime

    @asynccontextmanager
    async def acting(self) -> AsyncIterator[int]:
        """A transaction in the portal, whose refusals are raised as the door would."""
        portal_id: int = await self.owner.fetchval("select portal_id from access.portal")
        try:
            async with self.runtime.transaction():
                await self.runtime.execute(f"set local currant.portals = '{{{portal_id}}}'")
                yield portal_id
        except asyncpg.IntegrityConstraintViolationError as error:
            raise Refusal.constraints[str(error.constraint_name)] from error

    async def pay(self, item_id: int, amount: str, at: datetime = NOW) -> int:
        """Pay an amount of an item; return the entry."""
        async with self.acting():
            entry_id: int = await self.runtime.fetchval(PAY, item_id, Decimal(amount), at)
            return entry_id

    async def write_off(self, item_id: int, amount: str) -> int:
        """Write an amount of an item off; return the entry."""
        order = WriteOff([WriteOffItem(item_id, Decimal(amount))], "n")
        (done,) = await self.door.act(write_off, order, self.boss)
        return done.transaction_id

    async def entry_of(self, item_id: int) -> int:
        """The entry that issued an item."""
        found: int = await self.owner.fetchval(
            "select entry_id from receivables.open_item where item_id = $1", item_id
        )
        return found

    async def reverse(self, entry_id: int, at: datetime = NOW) -> tuple[int, int]:
        """Reverse an entry; return how many items owe it again, how many are owed no more."""
        async with self.acting() as portal_id:
            reversal = await self.runtime.fetchval(REVERSE, portal_id, at, entry_id)
            taken_back, given_back = [
                await self.runtime.fetchval(
                    f"select receivables.{act}($1, $2, $3, $4)",
                    portal_id, entry_id, reversal, at,
                )
                for act in ("take_back", "unallocate")
            ]  # fmt: skip
        return given_back, taken_back


@pytest.fixture
async def house(door: Door, boss: Actor) -> House:
    return await small_house(door, boss, homes=2, rate="0.25")


@pytest.fixture
async def books(
    door: Door, boss: Actor, owner: asyncpg.Connection, house: House, urls: Urls
) -> AsyncIterator[Books]:
    runtime = await asyncpg.connect(urls.runtime)
    yield Books(door, boss, owner, runtime)
    await runtime.close()


async def told(books: Books) -> list[tuple[Decimal, Decimal, list[int]]]:
    """What each listed item has paid, still owes, and by which entries it was paid."""
    return [
        (owed.paid_amount, owed.outstanding_amount, [paid.transaction_id for paid in owed.payments])
        for owed in await listed(books.door, books.boss)
    ]


async def test_a_payment_that_is_reversed_is_owed_again(books, house) -> None:
    (item,) = await issue(books.door, books.boss, f"{house.accounts[0]},,100,,")
    first = await books.pay(item, "30")
    second = await books.pay(item, "20", NOW + timedelta(hours=1))
    written = await books.write_off(item, "10")
    assert await told(books) == [(60, 40, [first, written, second])]
    assert await books.reverse(first, NOW + timedelta(hours=2)) == (1, 0)
    assert await told(books) == [(30, 70, [written, second])]
    assert await books.reverse(written) == (1, 0)
    assert await told(books) == [(20, 80, [second])]
    await standing(books.door, books.boss, books.owner)
    with pytest.raises(Refusal):
        await books.reverse(first)
    assert await told(books) == [(20, 80, [second])]


async def test_an_item_that_is_taken_back_is_listed_no_more(books, house) -> None:
    """What was paid as it was issued is of the same entry and goes with it (10.2, L1)."""
    plain, paid, settled, kept = await issue(
        books.door, books.boss,
        *(f"{house.accounts[0]},,100,{part}," for part in ("", "30", "100", "1")),
    )  # fmt: skip
    for item in (plain, paid, settled):
        assert await books.reverse(await books.entry_of(item)) == (0, 1)
    assert [owed.arrears_id for owed in await listed(books.door, books.boss)] == [kept]
    await standing(books.door, books.boss, books.owner)
    gone = await books.owner.fetch(
        "select outstanding, reversed_by is not null as reversed from receivables.open_item "
        "where item_id < $1",
        kept,
    )
    assert [tuple(row) for row in gone] == [(0, True)] * 3
    with pytest.raises(AllocatedBeyondItem):
        await books.pay(plain, "1")


async def test_what_was_paid_since_is_reversed_before(books, house) -> None:
    item, _other = await issue(books.door, books.boss, *[f"{house.accounts[0]},,100,25,"] * 2)
    entry = await books.entry_of(item)
    payment = await books.pay(item, "30")
    written = await books.write_off(item, "5")
    for later in (payment, written):
        before = await told(books)
        with pytest.raises(ArrearsPaidSince):
            await books.reverse(entry)
        assert await told(books) == before
        await books.reverse(later)
    assert await books.reverse(entry) == (0, 1)
    await standing(books.door, books.boss, books.owner)


async def test_nothing_is_given_back_twice(books, house, owner) -> None:
    (item,) = await issue(books.door, books.boss, f"{house.accounts[0]},,100,,")
    payment = await books.pay(item, "30")
    await books.reverse(payment)
    with pytest.raises(AllocationGivenBack):
        async with books.acting() as portal_id:
            await books.runtime.execute(
                "select receivables.unallocate($1, $2, 5, now())", portal_id, payment
            )
    assert await told(books) == [(0, 100, [])]


@pytest.mark.parametrize(
    ("kind", "amount", "reverses"),
    [("payment", "-1", False), ("payment", "-1", True), ("reversal", "1", True),
     ("writeoff", "0", False)],
)  # fmt: skip
async def test_only_what_is_given_back_is_negative(
    books, house, owner, kind, amount, reverses
) -> None:
    (item,) = await issue(books.door, books.boss, f"{house.accounts[0]},,100,50,")
    with pytest.raises(asyncpg.CheckViolationError):
        await owner.execute(
            "insert into receivables.allocation (portal_id, item_id, entry_id, kind, amount, "
            "allocated_at, reverses) select portal_id, item_id, 1, $2, $3, now(), "
            "case when $4 then allocation_id end from receivables.allocation where item_id = $1",
            item, kind, Decimal(amount), reverses,
        )  # fmt: skip


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("issue", "pay", "write_off", "reverse", "reverse", "take_back")),
        st.integers(0, 10**6),
        st.integers(1, 12_000),
    ),
    min_size=4,
    max_size=14,
)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_payments_are_what_was_paid(run, books, house, clock, steps) -> None:
    """INV-04 and INV-13 after any payments, write-offs and reversals of either."""
    run(_live(books, house, clock, steps))


@pytest.fixture
async def run() -> Any:
    """Run a coroutine in the session's loop from a test that is not one, as hypothesis needs."""
    return asyncio.get_running_loop().run_until_complete


async def _live(
    books: Books, house: House, clock: FrozenClock, steps: list[tuple[str, int, int]]
) -> None:
    """Take steps, each of which is done whole or refused whole."""
    items = await issue(books.door, books.boss, *(f"{a},,90.00,20.01," for a in house.accounts))
    entries = [await books.entry_of(item) for item in items]
    for step, draw, cents in steps:
        clock.advance(timedelta(minutes=draw % 7))
        item = items[draw % len(items)]
        amount = f"{cents // 100}.{cents % 100:02}"
        try:
            match step:
                case "issue":
                    paid = f"{cents // 300}" if draw % 2 else ""
                    row = f"{house.accounts[draw % 2]},,{amount},{paid},25%"
                    items += await issue(books.door, books.boss, row)
                    entries.append(await books.entry_of(items[-1]))
                case "pay":
                    entries.append(await books.pay(item, amount))
                case "write_off":
                    entries.append(await books.write_off(item, amount))
                case "reverse":
                    await books.reverse(entries[draw % len(entries)], clock.now())
                case "take_back":
                    await books.reverse(await books.entry_of(item), clock.now())
        except Refusal:
            pass
        await standing(books.door, books.boss, books.owner)
