"""Batches under concurrency: opened once, closed once, and no tender between two of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from tests.batches.conftest import entered
from tests.waiting import until_waiting, within

from currant.access.verbs import Nothing
from currant.batches.model import (
    ApproveBatch,
    Batch,
    BatchClosed,
    BatchesWanted,
    CloseBatch,
    Count,
    NothingTaken,
    VendingLimitReached,
)
from currant.batches.tenders import TENDERS
from currant.batches.verbs import (
    approve_batch,
    close_batch,
    close_own_batch,
    current_batch,
    list_batches,
)
from currant.db.database import Urls
from currant.errors import Refusal
from currant.vending.model import Vended

ALL = BatchesWanted(2**62, 200)
NONE = Count(dict.fromkeys(TENDERS, Decimal(0)))


async def outcomes(*acts: Awaitable[Any]) -> tuple[list[Any], list[Refusal]]:
    """What came of acts at the same time: the answers, and the refusals."""
    done = await asyncio.gather(*acts, return_exceptions=True)
    assert [d for d in done if isinstance(d, BaseException) and not isinstance(d, Refusal)] == []
    refused = [d for d in done if isinstance(d, Refusal)]
    return [d for d in done if not isinstance(d, Refusal)], refused


@pytest.mark.parametrize("bounded", [False, True])
async def test_of_first_tenders_that_race_one_opens_the_batch(
    cashier, limited, sell, owner, bounded
) -> None:
    actor = limited if bounded else cashier
    sold, refused = await outcomes(*(sell(actor, "1", home=n % 3) for n in range(15)))
    assert (len(sold), refused) == (15, [])
    assert await owner.fetchval("select count(*) from batches.batch") == 1
    assert await owner.fetchval("select count(*) from batches.taking") == 15
    assert await owner.fetch("select * from batches.faults()") == []


@pytest.mark.parametrize("bounded", [False, True])
async def test_closing_while_vends_run_loses_no_tender(
    door, cashier, limited, second, sell, owner, bounded
) -> None:
    actor = limited if bounded else cashier
    made: list[Vended] = []

    async def vend(n: int) -> Vended:
        made.append(await sell(actor, "2", TENDERS[n % 4], home=n % 3))
        return made[-1]

    async def close(place: int) -> Batch:
        await within(30, lambda: len(made) > 5 * place)
        return await door.act(close_own_batch, NONE, actor)

    done, refused = await outcomes(
        *(vend(n) for n in range(48)),
        *(close(n) for n in range(8)),
    )
    sold = [one for one in done if isinstance(one, Vended)]
    closed = [one for one in done if isinstance(one, Batch)]
    beyond = [one for one in refused if isinstance(one, VendingLimitReached)]
    assert {type(one) for one in refused} <= {VendingLimitReached, NothingTaken, BatchClosed}
    assert len(sold) + len(beyond) == 48
    batches = await door.ask(list_batches, ALL, second)
    assert sum(batch.state == "closed" for batch in batches) == len(closed) > 0
    assert sum(batch.tenders for batch in batches) == len(sold)
    assert sum(batch.taken for batch in batches) == 2 * len(sold)
    assert max(batch.taken for batch in batches) <= (100 if bounded else 96)
    assert sum(batch.state == "open" for batch in batches) <= 1
    taken = await owner.fetch("select entry_id from batches.taking")
    assert {row["entry_id"] for row in taken} == {one.transaction_id for one in sold}
    assert await owner.fetch("select * from batches.faults()") == []
    assert await owner.fetch("select * from ledger.faults()") == []


async def test_a_batch_is_closed_once_and_approved_once(
    door, boss, cashier, second, sell, owner
) -> None:
    await sell(cashier, "10")
    (batch,) = await door.ask(list_batches, ALL, second)
    nine = {"cash": Decimal(9)}
    named = CloseBatch(nine, batch_id=batch.batch_id)
    closed, refused = await outcomes(
        *(door.act(close_batch, named, second) for _ in range(4)),
        *(door.act(close_own_batch, Count(nine), cashier) for _ in range(4)),
    )
    assert (len(closed), len(refused)) == (1, 7)
    assert await owner.fetchval("select count(*) from ledger.entry where kind = 'adjust'") == 1
    approved, refused = await outcomes(
        *(door.act(approve_batch, ApproveBatch(batch.batch_id, str(n)), boss) for n in range(6))
    )
    assert (len(approved), len(refused)) == (1, 5)
    stored = await owner.fetchval("select approval_note from batches.batch")
    assert stored == approved[0].approval_note


async def test_a_tender_is_given_back_before_the_count_or_not_at_all(
    door, cashier, sell, give_back, owner
) -> None:
    for _ in range(6):
        sold = [await sell(cashier, "5", home=n) for n in range(3)]
        done, _ = await outcomes(
            *(give_back(one.transaction_id) for one in sold),
            door.act(close_own_batch, NONE, cashier),
        )
        *given, closed = done
        assert closed.given_back == sum(given)
        assert closed.taken == 15 - 5 * sum(given)
    assert await owner.fetch("select * from batches.faults()") == []


async def test_a_limit_that_comes_while_vends_run_counts_them_all(
    door, cashier, sell, give_back, owner
) -> None:
    answered = asyncio.Event()

    async def vend(n: int) -> Vended:
        try:
            return await sell(cashier, "1", home=n % 3)
        finally:
            answered.set()

    async def limit(minor: int | None) -> None:
        await answered.wait()
        await owner.execute(
            "update access.system_user set vending_limit = $1 where login = 'cashier1'", minor
        )

    for minor in (3_000, None, 4_500, None, 6_000):
        answered.clear()
        done, refused = await outcomes(*(vend(n) for n in range(24)), limit(minor))
        assert all(isinstance(one, VendingLimitReached) for one in refused)
        # Under the limit of the round before all of them may have been refused.
        sold = [one for one in done if isinstance(one, Vended)]
        for one in sold[:1]:
            assert await give_back(one.transaction_id)
    taken = (await door.ask(current_batch, Nothing(), cashier)).taken
    room = int(max(60 - taken, 0))
    sold, _ = await outcomes(*(sell(cashier, "1", home=n % 3) for n in range(room + 9)))
    assert len(sold) == room
    assert await owner.fetch("select * from batches.faults()") == []


@asynccontextmanager
async def under_way(urls: Urls) -> AsyncIterator[None]:
    """Have a tender of `cashier1` under way for the block; it is committed at its end."""
    connection = await asyncpg.connect(urls.runtime)
    async with connection.transaction():
        portal_id = await entered(connection)
        await connection.execute(
            "select batches.take($1, user_id, 999999, 'cash', 1, 0.01, now()) "
            "from access.system_user where login = 'cashier1'",
            portal_id,
        )
        yield
    await connection.close()


async def waits(owner: asyncpg.Connection, *tasks: asyncio.Task[Any]) -> None:
    """See that tasks wait for a lock, each of them."""
    await until_waiting(owner, len(tasks))
    assert not any(task.done() for task in tasks)


async def test_a_login_that_sells_from_many_places_does_not_wait_for_itself(
    door, cashier, sell, owner, urls
) -> None:
    """Who closes waits for the tenders under way, and later ones open another batch."""
    await sell(cashier, "1")
    async with under_way(urls):
        await asyncio.wait_for(sell(cashier, "1"), 5)
        closing = asyncio.create_task(door.act(close_own_batch, NONE, cashier))
        await waits(owner, closing)
        later = asyncio.create_task(sell(cashier, "1", home=1))
        await waits(owner, closing, later)
    assert (await closing).tenders == 3
    await later
    assert (await door.ask(current_batch, Nothing(), cashier)).tenders == 1


async def test_who_waited_to_close_a_batch_does_not_close_the_next(
    door, cashier, second, sell, owner, urls
) -> None:
    """A count that is sent twice, with a tender in between."""
    await sell(cashier, "1")
    async with under_way(urls):
        first = asyncio.create_task(door.act(close_own_batch, NONE, cashier))
        await waits(owner, first)
        tender = asyncio.create_task(sell(cashier, "1", home=1))
        await waits(owner, first, tender)
        again = asyncio.create_task(door.act(close_own_batch, NONE, cashier))
        await waits(owner, first, tender, again)
    closed = await first
    await tender
    with pytest.raises(BatchClosed, match=f"cashier1 closed batch {closed.batch_id}"):
        await again
    newest, oldest = await door.ask(list_batches, ALL, second)
    assert (newest.state, newest.tenders) == ("open", 1)
    assert (oldest.state, oldest.tenders) == ("closed", 2)
