"""How what concerns one day, site or entry is found: by an index, whatever else there is."""

from datetime import date, timedelta
from decimal import Decimal
from importlib import import_module
from typing import Any

import asyncpg
import pytest
from tests.conftest import NOW
from tests.postpaid import postpaid_house

from currant.access.model import Actor
from currant.clock import FrozenClock, anywhere
from currant.db.statements import Statement
from currant.door import Door
from currant.receipts.model import BatchType, NewReceipt, PostReceipts
from currant.receipts.verbs import post_receipts, receipts

DAY = (NOW + timedelta(days=9)).date()
START_AT, END_AT = anywhere(DAY, DAY)
DAYS = {
    "by_own_date": False, "first": DAY, "last": DAY, "start_at": START_AT, "end_at": END_AT,
    "blocked": [],
}  # fmt: skip
SITE = "4103000012"
SITES = """
insert into locations.location (
    portal_id, loc_id, external_key, address_1, city, state, zip, site_identifier, unit,
    created_at, last_mod
)
select
    p.portal_id, 'F' || n, 'F' || n, '', '', '', '', 'SITE' || n, '', now(), now()
from access.portal as p cross join generate_series(1, 5000) as n
where p.key = 'example'
"""


@pytest.fixture
async def full(door: Door, boss: Actor, owner: asyncpg.Connection, clock: FrozenClock) -> int:
    """A portal with thousands of sites, and receipts of another day; its id."""
    await postpaid_house(door, boss, owner)
    await owner.execute(SITES)
    lost = NewReceipt(BatchType.DIRECT, "999999", date(2026, 3, 1), Decimal(1))
    await door.act(post_receipts, PostReceipts([lost] * 5000), boss)
    clock.advance(timedelta(days=9))
    await door.act(post_receipts, PostReceipts([lost]), boss)
    await owner.execute("analyze")
    return await owner.fetchval("select portal_id from access.portal where key = 'example'")


async def test_one_of_many_is_found_by_an_index(door, boss, full) -> None:
    for domain, name, given, by in (
        ("receipts", "count_receipts", DAYS, "recorded_at >="),
        ("receipts", "receipts", DAYS, "recorded_at >="),
        (
            "charges", "resolve_charges",
            {"site_identifiers": [SITE], "accounts": ["1"], "timezone": "UTC"}, "site_key =",
        ),
        ("debtors", "history", {"account_id": 1, "reversed": True}, "receipt_id = m.receipt_id"),
    ):  # fmt: skip
        plan = await planned(door, boss, domain, name, {"portal_id": full} | given)
        found = [line for line in plan if line.startswith("Index Cond") and by in line]
        assert found, f"{name}\n" + "\n".join(plan)


async def planned(
    door: Door, actor: Actor, domain: str, name: str, given: dict[str, Any]
) -> list[str]:
    """How a statement is run for a user, its other parameters null."""
    named = vars(import_module(f"currant.{domain}.verbs")).values()
    statement = next(s for s in named if isinstance(s, Statement) and s.name == name)
    values = dict.fromkeys(statement.parameters) | given
    async with door.asking(receipts, actor) as tx:
        told = await tx.connection.fetch(f"explain {statement.text}", *statement.arguments(values))
    return [line[0].strip() for line in told]
