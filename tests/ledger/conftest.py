"""What the tests of the books share: a database for each module, and a verb that posts."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from tests.conftest import make_user
from tests.shared import shared_urls, urls

from currant.access.model import Actor
from currant.access.permissions import Permission, needs
from currant.db.tx import Tx
from currant.door import Door

__all__ = ["shared_urls", "urls"]

POST = """
select p.entry_id from unnest(ledger.post(
    $1, 'tester', 'CEC', $2, $3::ledger.new_entry[], $4::ledger.new_posting[]
)) with ordinality as p (entry_id, n) order by p.n
"""

Lines = list[tuple[str, str, Decimal | int | str]]
Book = Callable[..., Awaitable[list[int]]]


class Post(msgspec.Struct, frozen=True):
    """Entries, each with its lines: chart account, commodity, amount."""

    entries: list[Lines]
    account_id: int | None = None
    kind: str = "adjust"
    note: str = "a note"
    document_ref: str = ""
    building_id: int | None = None


@needs(Permission.LEDGER_CLOSE)
async def post(tx: Tx, command: Post) -> list[int]:
    """Post entries as a higher domain would."""
    return await post_in(tx.connection, tx.portal.portal_id, tx.now, command)


async def post_in(connection, portal_id: int, at: datetime, command: Post) -> list[int]:
    heads = [
        (
            n, command.kind, at, command.account_id, None, 0, 0, 0, 0, "", command.note, None,
            command.document_ref, command.building_id,
        )
        for n, _ in enumerate(command.entries, start=1)
    ]  # fmt: skip
    lines = [
        (n, coa, commodity, Decimal(amount), command.account_id, None)
        for n, entry in enumerate(command.entries, start=1)
        for coa, commodity, amount in entry
    ]
    return [row[0] for row in await connection.fetch(POST, portal_id, at, heads, lines)]


REVERSE = "select r.entry_id from ledger.reverse($1, $2, 'CEC', $3, $4, $5) as r"


class Reverse(msgspec.Struct, frozen=True):
    """Entries to mirror, and why."""

    entry_ids: list[int]
    note: str


@needs(Permission.LEDGER_CLOSE)
async def reverse(tx: Tx, command: Reverse) -> list[int]:
    """Mirror entries as a higher domain would."""
    rows = await tx.connection.fetch(
        REVERSE, tx.portal.portal_id, tx.user.login, tx.now, command.entry_ids, command.note
    )
    return [row[0] for row in rows]


@pytest.fixture
async def clerk(door: Door, portal: str) -> Actor:
    """An accountant of the portal."""
    return await make_user(door, portal, "clerk", "Accounting")


@pytest.fixture
def book(door: Door, clerk: Actor) -> Book:
    """Post entries through the door and return their ids."""

    async def posted(*entries: Lines, **more: Any) -> list[int]:
        return await door.act(post, Post([*entries], **more), clerk)

    return posted


def transfer(amount: Decimal | int | str, debit: str = "1000", credit: str = "2100") -> Lines:
    """The lines of an entry of two."""
    return [(debit, "USD", Decimal(amount)), (credit, "USD", -Decimal(amount))]
