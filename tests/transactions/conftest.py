"""What the tests of transactions share: homes with all that a sale can move, and how it stands."""

import hashlib
import io
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from tests.houses import House, small_house
from tests.shared import shared_urls, urls

from currant.access.model import OPERATOR, Actor
from currant.access.verbs import Nothing
from currant.door import Door
from currant.ledger.verbs import ledger_faults
from currant.prepayment.verbs import wallet_faults
from currant.receivables.model import ImportArrears
from currant.receivables.verbs import import_arrears
from currant.upload import Upload
from currant.vending.model import Vend, Vended
from currant.vending.verbs import vend

__all__ = ["shared_urls", "urls"]

# How everything stands that a transaction can move.
STANDING = {
    "wallets": "select account_id, kind, balance from prepayment.wallet order by 1, 2",
    "items": "select item_id, outstanding from receivables.open_item where reversed_by is null "
    "order by 1",
    "sold": "select meter_id, month, energy_wh from drawdown.sold where energy_wh <> 0 order by 1",
    "due": "select meter_id, month, fixed_id, net_paid, tax_paid from drawdown.fixed_due "
    "order by 1, 2, 3",
    "books": "select coa, sum(amount) as total from ledger.posting group by coa "
    "having sum(amount) <> 0 order by 1",
    "drawers": "select tender, sum(amount) as total from batches.taking group by tender "
    "having sum(amount) <> 0 order by 1",
    "limits": "select user_id, taken from batches.batch where bound is not null order by 1",
}

Stand = Callable[[], Awaitable[dict[str, list[tuple[Any, ...]]]]]


@pytest.fixture
async def house(door: Door, boss: Actor) -> House:
    """Three homes with unit wallets at 0.30 a kWh, and a fourth with a currency wallet."""
    units = await small_house(door, boss, homes=3)
    money = await small_house(door, boss, homes=1, first=4, wallet="currency", rate=None)
    return House(
        units.tariff,
        units.contracts + money.contracts,
        units.accounts + money.accounts,
        units.loc_ids + money.loc_ids,
        units.serials + money.serials,
    )


@pytest.fixture
def stand(owner: asyncpg.Connection) -> Stand:
    """Tell how everything stands."""

    async def told() -> dict[str, list[tuple[Any, ...]]]:
        return {
            name: [tuple(row) for row in await owner.fetch(asked)]
            for name, asked in STANDING.items()
        }

    return told


def upload(text: str) -> Upload:
    """A file of a text."""
    raw = text.encode()
    return Upload(io.BytesIO(raw), hashlib.sha256(raw).hexdigest(), len(raw))


async def owe(door: Door, boss: Actor, *records: str) -> None:
    """Bring arrears in: `account,startdate,amount,paid,payplan`."""
    text = "\n".join(["account,startdate,amount,paid,payplan", *records])
    await door.act(import_arrears, ImportArrears("1100", "9100", False, upload(text)), boss)


async def sell(door: Door, actor: Actor, account: str, amount: str, tender: str = "cash") -> Vended:
    """Sell energy."""
    return await door.act(vend, Vend(account, tender, Decimal(amount)), actor)


async def books_are_right(door: Door) -> None:
    """See that the books and the wallets have no fault."""
    assert await door.ask(ledger_faults, Nothing(), OPERATOR) == []
    assert await door.ask(wallet_faults, Nothing(), OPERATOR) == []
