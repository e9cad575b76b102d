"""Reversals, the closing of months, and what the books answer."""

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.ledger.conftest import Reverse, reverse, transfer

from currant.access.model import OPERATOR
from currant.access.verbs import Nothing
from currant.ledger.model import (
    AlreadyReversed,
    BalancesOf,
    CloseMonth,
    EntriesOf,
    MonthClosedBefore,
    MonthUnfinished,
)
from currant.ledger.verbs import (
    close_month,
    entries,
    ledger_faults,
    trial_balance,
)


async def count(owner) -> int:
    return await owner.fetchval("select count(*) from ledger.entry")


async def test_a_reversal_mirrors_every_line(door, clerk, book, owner) -> None:
    lines = [
        ("1000", "USD", "12.34"), ("4005", "USD", "-10"), ("2200", "USD", "-2.34"),
        ("U300", "Wh", 5000), ("U100", "Wh", -5000),
    ]  # fmt: skip
    (entry_id,) = await book(lines, account_id=7)
    (done,) = await door.act(reverse, Reverse([entry_id], "typed twice"), clerk)
    shown = await door.ask(entries, EntriesOf(7, 2**62, 10), clerk)
    mirror, original = shown
    assert (mirror.entry.entry_id, original.entry.entry_id) == (done, entry_id)
    assert (mirror.entry.kind, mirror.entry.note) == ("reversal", "typed twice")
    assert (mirror.entry.reverses, original.entry.reversed_by) == (entry_id, done)
    assert mirror.entry.login == "clerk"
    assert [(p.coa, p.commodity, -p.amount, p.line) for p in mirror.postings] == [
        (p.coa, p.commodity, p.amount, p.line) for p in original.postings
    ]
    assert await door.ask(ledger_faults, Nothing(), OPERATOR) == []
    rows = await door.ask(trial_balance, BalancesOf(), clerk)
    assert all(row.debit == row.credit == 0 for row in rows)
    tagged = await owner.fetch("select distinct account_id from ledger.posting")
    assert [row["account_id"] for row in tagged] == [7]


async def test_an_entry_is_reversed_once(door, clerk, book, owner) -> None:
    first, second = await book(transfer(1), transfer(2))
    await door.act(reverse, Reverse([first], "once"), clerk)
    for entry_ids in ([first], [first, second]):
        with pytest.raises(AlreadyReversed):
            await door.act(reverse, Reverse(entry_ids, "twice"), clerk)
    assert await count(owner) == 3
    done = await asyncio.gather(
        *(door.act(reverse, Reverse([second], "at once"), clerk) for _ in range(8)),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in done) == ["AlreadyReversed"] * 7 + ["list"]
    assert await count(owner) == 4


async def test_a_reversal_goes_to_the_open_month(door, clerk, book, clock, owner) -> None:
    (entry_id,) = await book(transfer(1))
    clock.set(datetime(2026, 4, 2, tzinfo=UTC))
    await door.act(close_month, CloseMonth(date(2026, 3, 1)), clerk)
    (done,) = await door.act(reverse, Reverse([entry_id], "late"), clerk)
    month = await owner.fetchval("select month from ledger.entry where entry_id = $1", done)
    assert month == date(2026, 4, 1)


async def test_months_close_one_after_another_when_they_are_over(door, clerk, book, clock) -> None:
    for at in ((2026, 1), (2026, 3)):
        clock.set(datetime(*at, 15, tzinfo=UTC))
        await book(transfer(1))

    async def closing(year: int, month: int, day: int = 1) -> None:
        await door.act(close_month, CloseMonth(date(year, month, day)), clerk)

    clock.set(datetime(2026, 4, 1, 3, 59, tzinfo=UTC))  # New York is in March.
    for year, month in ((2026, 3), (2026, 4), (2027, 1)):
        with pytest.raises(MonthUnfinished, match=f"{year}-{month:02} was not closed"):
            await closing(year, month)
    clock.set(datetime(2026, 4, 1, 4, 0, tzinfo=UTC))
    with pytest.raises(MonthUnfinished):  # January has entries and is open.
        await closing(2026, 3)
    await closing(2026, 1, 31)
    with pytest.raises(MonthClosedBefore):
        await closing(2026, 1)
    await closing(2026, 3)  # February has none.
    await closing(2026, 2)


async def test_entries_are_paged_by_their_id(door, clerk, book) -> None:
    ids = []
    for n in range(1, 6):
        ids += await book(transfer(n), account_id=7)
        await book(transfer(n), account_id=8)
    first = await door.ask(entries, EntriesOf(7, 2**62, 2), clerk)
    rest = await door.ask(entries, EntriesOf(7, first[-1].entry.entry_id, 10), clerk)
    assert [e.entry.entry_id for e in first + rest] == ids[::-1]
    assert [e.postings[0].amount for e in first + rest] == [5, 4, 3, 2, 1]
    assert [p.name for p in first[0].postings] == ["Tender clearing", "Currency wallets"]


async def test_the_balance_of_an_account_is_of_its_lines(door, clerk, book) -> None:
    await book(transfer(3), account_id=7)
    await book(transfer(4), account_id=8)
    rows = await door.ask(trial_balance, BalancesOf(7), clerk)
    assert [(row.coa, row.debit, row.credit) for row in rows] == [("1000", 3, 0), ("2100", 0, 3)]


BANKS = ("1000", "1010", "1100", "1102", "2300")
TRANSFERS = st.lists(
    st.tuples(
        st.sampled_from(BANKS),
        st.sampled_from(BANKS),
        st.decimals(min_value="-1000000", max_value="1000000", places=3),
    ),
    min_size=1,
    max_size=12,
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(transfers=TRANSFERS)
async def test_money_moves_and_is_never_made(door, clerk, book, transfers) -> None:
    """Clients transfer at once while others sum: every sum is zero, the last is the model's."""

    async def balances() -> dict[str, Decimal]:
        rows = await door.ask(trial_balance, BalancesOf(), clerk)
        assert sum(row.debit - row.credit for row in rows) == 0
        return {row.coa: row.debit - row.credit for row in rows}

    model = dict.fromkeys(BANKS, Decimal(0)) | await balances()
    for debit, credit, amount in transfers:
        model[debit] += amount
        model[credit] -= amount
    await asyncio.gather(
        *(book(transfer(amount, debit, credit)) for debit, credit, amount in transfers),
        *(balances() for _ in range(4)),
    )
    assert dict.fromkeys(BANKS, Decimal(0)) | await balances() == model
