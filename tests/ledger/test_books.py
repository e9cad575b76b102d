"""The books refuse what is not double entry, and never forget: asked of the database itself."""

import random
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NamedTuple

import asyncpg
import pytest
from tests.conftest import NOW
from tests.ledger.conftest import Lines, Post, post_in, transfer
from tests.shared import superuser

from currant.access.model import OPERATOR
from currant.access.verbs import Nothing
from currant.ledger.model import (
    BalancesOf,
    EntryAddedTo,
    EntryOff,
    LedgerFault,
    MonthClosed,
    NoChartAccount,
)
from currant.ledger.verbs import ledger_faults, trial_balance


class Session(NamedTuple):
    """A session as the runtime role in a transaction of the portal."""

    connection: asyncpg.Connection
    portal_id: int

    async def post(self, *entries: Lines) -> list[int]:
        return await post_in(self.connection, self.portal_id, NOW, Post([*entries]))


@pytest.fixture
async def session(urls, portal, owner) -> AsyncIterator[Session]:
    portal_id = await owner.fetchval("select portal_id from access.portal where key = $1", portal)
    connection = await asyncpg.connect(urls.runtime)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(f"set local currant.portals = '{{{portal_id}}}'")
    yield Session(connection, portal_id)
    await transaction.rollback()
    await connection.close()


@pytest.fixture
async def forger(server, urls) -> AsyncIterator[asyncpg.Connection]:
    """A superuser who has put the table guards out of the way."""
    connection = await asyncpg.connect(superuser(server, urls))
    await connection.execute("set session_replication_role = replica")
    yield connection
    await connection.close()


async def refused(session: Session, statement: str, *values: object) -> str:
    """Try a statement that must be refused; return the constraint it is refused by."""
    try:
        async with session.connection.transaction():
            await session.connection.execute(statement, *values)
    except asyncpg.IntegrityConstraintViolationError as error:
        return str(error.constraint_name)
    return "nothing refused it"


async def posting_refused(session: Session, *entries: Lines) -> str:
    try:
        async with session.connection.transaction():
            await session.post(*entries)
    except asyncpg.IntegrityConstraintViolationError as error:
        return str(error.constraint_name)
    return "nothing refused it"


MONEY = ["1000", "1010", "1100", "2100", "2200", "4005", "5200"]
ENERGY = ["U100", "U200", "U300", "U400"]


def unbalanced(chance: random.Random) -> Lines:
    """Lines that are off by at least the smallest amount there is, in one commodity or in two."""
    lines: Lines = []
    off = []
    for commodity, coas, step in (("USD", MONEY, Decimal("0.001")), ("Wh", ENERGY, Decimal(1))):
        amounts = [chance.randint(-(10**9), 10**9) * step for _ in range(chance.randint(0, 5))]
        if amounts and chance.random() < 0.5:
            amounts.append(-sum(amounts))
        lines += [(chance.choice(coas), commodity, amount) for amount in amounts]
        off.append((commodity, sum(amounts)))
    if not any(amount for _, amount in off):
        commodity, coa = chance.choice([("USD", "1000"), ("Wh", "U100")])
        lines.append((coa, commodity, chance.choice([1, -1]) * Decimal(chance.choice([1, 1000]))))
    chance.shuffle(lines)
    return lines


async def test_a_thousand_unbalanced_entries_are_refused(session: Session) -> None:
    chance = random.Random(20260302)  # noqa: S311
    told = [await posting_refused(session, unbalanced(chance)) for _ in range(1000)]
    assert told == ["entry_balances"] * 1000


async def test_one_commodity_does_not_make_up_for_another(session: Session) -> None:
    crossed: Lines = [("1000", "USD", 5), ("U100", "Wh", -5)]
    assert await posting_refused(session, crossed) == "entry_balances"


async def test_one_entry_does_not_make_up_for_another(session: Session) -> None:
    told = await posting_refused(session, [("1000", "USD", 5)], [("2100", "USD", -5)])
    assert told == "entry_balances"


async def test_a_bad_entry_takes_the_good_ones_of_its_statement_with_it(
    session: Session, book, door, owner
) -> None:
    with pytest.raises(EntryOff) as refusal:
        await book(transfer(1), [("1000", "USD", 5)], transfer(2))
    assert refusal.value.message == (
        "The entry does not sum to zero in every commodity. Nothing was posted."
    )
    assert await owner.fetchval("select count(*) from ledger.entry") == 0
    assert await owner.fetchval("select count(*) from ledger.posting") == 0


async def test_lines_of_nothing_are_dropped(session: Session) -> None:
    (entry_id,) = await session.post([*transfer(1), ("4005", "USD", 0), ("U100", "Wh", 0)])
    rows = await session.connection.fetch(
        "select line, coa from ledger.posting where entry_id = $1 order by line", entry_id
    )
    assert [(row["line"], row["coa"]) for row in rows] == [(1, "1000"), (2, "2100")]


ADD = """
insert into ledger.posting (portal_id, entry_id, line, coa, commodity, amount)
values ($1, $2, 98, '1000', 'USD', 5), ($1, $2, 99, '2100', 'USD', -5)
"""


async def test_lines_for_an_entry_of_an_earlier_transaction_are_refused(
    session: Session, book, owner
) -> None:
    (entry_id,) = await book(transfer(1))
    assert await refused(session, ADD, session.portal_id, entry_id) == "entry_arrives_whole"
    with pytest.raises(asyncpg.CheckViolationError, match="is not of this transaction"):
        await owner.execute(ADD, session.portal_id, entry_id)
    assert EntryAddedTo("").kind == "conflict"


async def test_lines_for_no_entry_are_refused(session: Session) -> None:
    assert await refused(session, ADD, session.portal_id, 10**12) == "entry_arrives_whole"


@pytest.mark.parametrize(
    "lines",
    [
        [("9999", "USD", 5), ("2100", "USD", -5)],
        [("", "USD", 5), ("2100", "USD", -5)],
        [("U100", "USD", 5), ("2100", "USD", -5)],
        [("1000", "Wh", 5), ("U100", "Wh", -5)],
        [("u100", "Wh", 5), ("U200", "Wh", -5)],
    ],
)
async def test_a_chart_account_that_is_not_there_or_counts_something_else(book, lines) -> None:
    with pytest.raises(NoChartAccount):
        await book(lines)


HISTORY = ("ledger.entry", "ledger.posting", "access.audit_event", "audit.seal")


@pytest.mark.parametrize("table", HISTORY)
async def test_history_is_never_edited(session: Session, book, owner, table: str) -> None:
    """By who serves, who migrates and owns it, or in psql."""
    await book(transfer(1))
    before = await owner.fetch(f"select * from {table}")  # noqa: S608
    for statement in (
        f"update {table} set portal_id = portal_id",  # noqa: S608
        f"update {table} set portal_id = portal_id where false",  # noqa: S608
        f"delete from {table}",  # noqa: S608
        f"truncate {table}",
        f"truncate {table} cascade",
    ):
        savepoint = session.connection.transaction()
        await savepoint.start()
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await session.connection.execute(statement)
        await savepoint.rollback()
        with pytest.raises(asyncpg.RestrictViolationError, match="is history") as refusal:
            await owner.execute(statement)
        assert refusal.value.constraint_name == "append_only"
    assert await owner.fetch(f"select * from {table}") == before  # noqa: S608


async def close(owner, portal_id: int, *months: date) -> None:
    for month in months:
        await owner.execute(
            "insert into ledger.period values ($1, $2, now(), 'tester')", portal_id, month
        )


INSERT_ENTRY = """
insert into ledger.entry (
    portal_id, entry_id, kind, event_at, recorded_at, month, login, vendor_number, amount,
    arrears_amount, energy_wh, tender_number, tender_name, note
)
values ($1, nextval('ledger.entry_id'), 'adjust', now(), now(), $2, '', '', 0, 0, 0, 0, '', '')
"""


async def test_a_closed_month_takes_nothing(session: Session, owner, forger) -> None:
    await close(owner, session.portal_id, date(2026, 2, 1))
    for month, told in ((date(2026, 2, 1), "month_is_open"), (date(2026, 3, 1), None)):
        said = await refused(session, INSERT_ENTRY, session.portal_id, month)
        assert said == (told or "nothing refused it")
    assert MonthClosed("").kind == "conflict"


@pytest.mark.parametrize(
    ("closed", "at", "month"),
    [
        ([], datetime(2026, 3, 2, 17, tzinfo=UTC), date(2026, 3, 1)),
        ([(2026, 2)], datetime(2026, 3, 2, 17, tzinfo=UTC), date(2026, 3, 1)),
        ([(2026, 3)], datetime(2026, 3, 2, 17, tzinfo=UTC), date(2026, 4, 1)),
        ([(2026, 3), (2026, 4)], datetime(2026, 3, 2, 17, tzinfo=UTC), date(2026, 5, 1)),
        ([(2026, 3), (2026, 5)], datetime(2026, 3, 2, 17, tzinfo=UTC), date(2026, 4, 1)),
        ([(2026, 1), (2026, 2)], datetime(2026, 1, 9, tzinfo=UTC), date(2026, 3, 1)),
        ([(2025, 12)], datetime(2025, 12, 31, 12, tzinfo=UTC), date(2026, 1, 1)),
        # New York is still in February when UTC is in March.
        ([], datetime(2026, 3, 1, 4, 59, tzinfo=UTC), date(2026, 2, 1)),
        ([(2026, 2)], datetime(2026, 3, 1, 4, 59, tzinfo=UTC), date(2026, 3, 1)),
        ([], datetime(2026, 3, 1, 5, 0, tzinfo=UTC), date(2026, 3, 1)),
    ],
)
async def test_what_is_posted_goes_to_the_first_open_month(
    session: Session, owner, closed, at, month
) -> None:
    await close(owner, session.portal_id, *(date(y, m, 1) for y, m in closed))
    (entry_id,) = await post_in(session.connection, session.portal_id, at, Post([transfer(1)]))
    posted = await session.connection.fetchval(
        "select month from ledger.entry where entry_id = $1", entry_id
    )
    assert posted == month


async def faults(door) -> list[LedgerFault]:
    return await door.ask(ledger_faults, Nothing(), OPERATOR)


async def test_good_books_have_no_faults(door, clerk, book) -> None:
    await book(
        transfer(1), transfer("0.01", "1100", "9110"), [("U200", "Wh", 7), ("U100", "Wh", -7)]
    )
    assert await faults(door) == []
    rows = await door.ask(trial_balance, BalancesOf(), clerk)
    for commodity in ("USD", "Wh"):
        debits = sum(row.debit for row in rows if row.commodity == commodity)
        assert debits == sum(row.credit for row in rows if row.commodity == commodity) > 0


@pytest.mark.parametrize(
    ("forgery", "found"),
    [
        (
            "update ledger.posting set amount = amount + 1 where entry_id = $1 and line = 1",
            {"entry does not balance": "1.000 USD", "trial balance is off": "1.000 USD"},
        ),
        (
            "delete from ledger.posting where entry_id = $1 and line = 2",
            {"entry does not balance": "5.000 USD", "trial balance is off": "5.000 USD"},
        ),
        ("delete from ledger.entry where entry_id = $1", {"posting without an entry": "1000"}),
        (
            "update ledger.posting set coa = '9999' where entry_id = $1 and line = 2",
            {"posting on no chart account": "9999"},
        ),
        (
            "update ledger.entry set reverses = $1 where entry_id = $1 + 1",
            {"reversal does not mirror its original": "1000 12.000"},
        ),
    ],
)
async def test_each_fault_of_the_books_is_named(door, book, forger, forgery, found) -> None:
    first, _ = await book(transfer(5), transfer(7))
    await forger.execute(forgery, first)
    told = {fault.what: fault for fault in reversed(await faults(door))}
    assert {what: fault.detail for what, fault in told.items()} == found
    for what, fault in told.items():
        assert fault.portal == "example"
        assert (fault.entry_id in (first, first + 1)) is (what != "trial balance is off")
