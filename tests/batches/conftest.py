"""The database of a module, put back between two tests; a house, and who sells to it."""

from collections.abc import Awaitable, Callable
from decimal import Decimal

import asyncpg
import pytest
from tests.conftest import make_user
from tests.houses import House, small_house
from tests.shared import shared_urls, urls

from currant.access.model import Actor
from currant.door import Door
from currant.vending.model import Vend, Vended
from currant.vending.verbs import vend

__all__ = ["shared_urls", "urls"]

Sell = Callable[..., Awaitable[Vended]]
GiveBack = Callable[[int], Awaitable[bool]]


@pytest.fixture
async def house(door: Door, boss: Actor) -> House:
    """Three homes at 0.30 a kWh with units wallets."""
    return await small_house(door, boss, homes=3)


@pytest.fixture
async def limited(door: Door, portal: str) -> Actor:
    """A cashier who may take 100.00 in a batch."""
    return await make_user(door, portal, "limited", "VENDORADM", vending_limit=10_000)


@pytest.fixture
async def second(door: Door, portal: str) -> Actor:
    """A CSR3, who may close and approve what others took."""
    return await make_user(door, portal, "second", "CSR3")


@pytest.fixture
def sell(door: Door, house: House) -> Sell:
    """Sell to one of the homes: `await sell(cashier, "7.50", "card", home=1)`."""

    async def sold(actor: Actor, amount: str, tender: str = "cash", home: int = 0) -> Vended:
        return await door.act(vend, Vend(house.accounts[home], tender, Decimal(amount)), actor)

    return sold


@pytest.fixture
def give_back(door: Door) -> GiveBack:
    """Reverse an entry in the books and give its tender back, as one transaction."""

    async def given(entry_id: int) -> bool:
        async with door.pool.acquire() as connection, connection.transaction():
            portal_id, now = await entered(connection), door.clock.now()
            reversal = await connection.fetchval(
                "select entry_id"
                " from ledger.reverse($1, 'boss', 'CEC', $2, array[$3::bigint], 'wrong')",
                portal_id,
                now,
                entry_id,
            )
            return await connection.fetchval(
                "select batches.give_back($1, $2, $3, $4)", portal_id, entry_id, reversal, now
            )

    return given


async def entered(connection: asyncpg.Connection) -> int:
    """Enter the portal `example` in a transaction, and return its number."""
    return await connection.fetchval(
        "select portal_id from access.enter('operator', 'LOCAL', '', 'example', '', null, '')"
    )
