"""Wallets below the entrances: moving many at once, and what funding does to the relays."""

import asyncio
import io
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.houses import House, small_house
from tests.shared import shared_urls, urls  # noqa: F401

from currant.access.model import Actor
from currant.db.tx import Tx
from currant.door import Door
from currant.errors import Conflict
from currant.prepayment.model import AdjustWallets, Wallet, WalletsAdjusted, Way
from currant.prepayment.verbs import adjust_wallets
from currant.upload import Upload

CREDIT_MANY = """
select account_id, kind, balance from prepayment.credit_many(
    (select portal_id from access.portal where key = 'example'), $1, $2, $3
) order by account_id, kind
"""


@pytest.fixture
async def house(door: Door, boss: Actor) -> House:
    return await small_house(door, boss, homes=3)


@pytest.fixture
async def account_ids(owner: asyncpg.Connection, house: House) -> list[int]:
    rows = await owner.fetch("select account_id from customers.account order by account_id")
    return [row["account_id"] for row in rows]


async def adjust(door: Door, actor: Actor, way: Way, *records: str) -> WalletsAdjusted:
    text = "\n".join(["account,amount", *records]).encode()
    upload = Upload(io.BytesIO(text), "", len(text))
    return await door.act(adjust_wallets, AdjustWallets(Wallet.UNITS, way, False, upload), actor)


async def test_many_wallets_move_at_once(owner, account_ids) -> None:
    one, two, three = account_ids
    rows = await owner.fetch(
        CREDIT_MANY, [two, one, two], ["units"] * 3, [Decimal(5), Decimal(-7), Decimal(2)]
    )
    assert [tuple(row) for row in rows] == [(one, "units", -7), (two, "units", 7)]
    assert (
        await owner.fetchval("select balance from prepayment.wallet where account_id = $1", three)
        == 0
    )


async def test_a_wallet_that_is_not_there_is_not_answered(owner, account_ids) -> None:
    rows = await owner.fetch(
        CREDIT_MANY, account_ids[:1] * 2, ["currency", "units"], [Decimal(5), Decimal(6)]
    )
    assert [tuple(row) for row in rows] == [(account_ids[0], "units", 6)]


async def test_moves_in_any_order_do_not_wait_for_each_other(urls, owner, account_ids) -> None:  # noqa: F811
    """Each names the wallets in another order; none deadlocks and none is lost."""
    connections = [await asyncpg.connect(urls.owner) for _ in range(6)]

    async def move(connection: asyncpg.Connection, number: int) -> None:
        order = account_ids if number % 2 else account_ids[::-1]
        for _ in range(20):
            await connection.fetch(CREDIT_MANY, order, ["units"] * 3, [Decimal(1)] * 3)

    await asyncio.gather(*(move(c, number) for number, c in enumerate(connections)))
    for connection in connections:
        await connection.close()
    rows = await owner.fetch("select balance from prepayment.wallet")
    assert [row["balance"] for row in rows] == [120] * 3


async def state(owner: asyncpg.Connection, serial: str) -> Any:
    return await owner.fetchval(
        "select meter_state from metering.meter where serial_number = $1", serial
    )


async def test_a_wallet_that_is_debited_to_nothing_loses_its_supply_and_gets_it_back(
    door, boss, owner, house
) -> None:
    one, two, _ = house.accounts
    await owner.execute("update metering.meter set meter_state = 'CONNECTED'")
    await adjust(door, boss, Way.FUND, f"{one},2", f"{two},2")
    await adjust(door, boss, Way.DEBIT, f"{one},1", f"{one},1", f"{two},1")
    assert [await state(owner, serial) for serial in house.serials] == [
        "PENDING", "CONNECTED", "CONNECTED",
    ]  # fmt: skip
    await adjust(door, boss, Way.FUND, f"{one},0.001")
    assert await state(owner, "M1") == "CONNECTED"
    await owner.execute(
        "update metering.meter set meter_state = 'DISCONNECTED' where serial_number = 'M1'"
    )
    await adjust(door, boss, Way.FUND, f"{one},1")
    assert await state(owner, "M1") == "CONNECTING"


async def test_a_fund_that_leaves_a_debt_gives_nothing_back(door, boss, owner, house) -> None:
    await owner.execute("update metering.meter set meter_state = 'DISCONNECTED'")
    await owner.execute("update prepayment.wallet set balance = -1000")
    await adjust(door, boss, Way.FUND, f"{house.accounts[0]},1")
    assert await state(owner, "M1") == "DISCONNECTED"


async def test_a_file_takes_as_many_statements_for_a_thousand_records(
    door, boss, house, monkeypatch
) -> None:
    sent = []

    def counting(name: str) -> None:
        real = getattr(Tx, name)

        async def counted(self: Tx, statement: Any, **values: Any) -> Any:
            sent.append(statement.name)
            return await real(self, statement, **values)

        monkeypatch.setattr(Tx, name, counted)

    for name in ("one", "all", "maybe"):
        counting(name)
    one = house.accounts[0]
    await adjust(door, boss, Way.FUND, f"{one},1")
    few, sent[:] = list(sent), []
    adjusted = await adjust(door, boss, Way.FUND, *[f"{one},1"] * 1000)
    assert (adjusted.imported, sent) == (1000, few)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    moves=st.lists(
        st.tuples(st.sampled_from(Way), st.integers(0, 2), st.integers(1, 3000)), max_size=8
    )
)
async def test_the_books_say_what_the_wallets_say(door, boss, owner, house, moves) -> None:
    """INV-03, and no debit takes a wallet below zero."""
    rows = await owner.fetch("select balance from prepayment.wallet order by account_id")
    expected = [int(row["balance"]) for row in rows]
    for way, place, energy_wh in moves:
        record = f"{house.accounts[place]},{Decimal(energy_wh) / 1000}"
        if way is Way.DEBIT and energy_wh > expected[place]:
            with pytest.raises(Conflict):
                await adjust(door, boss, way, record)
            continue
        await adjust(door, boss, way, record)
        expected[place] += energy_wh if way is Way.FUND else -energy_wh
    rows = await owner.fetch(
        """
        select w.balance, coalesce((
            select -sum(p.amount) from ledger.posting as p
            where p.account_id = w.account_id and p.coa = 'U100'
        ), 0) as booked
        from prepayment.wallet as w order by w.account_id
        """
    )
    assert [tuple(row) for row in rows] == [(held, held) for held in expected]
    assert await owner.fetch("select * from ledger.faults()") == []
