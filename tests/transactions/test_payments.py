"""Arrears paid without a sale: the oldest first, never more than is owed, once."""

import asyncio
from decimal import Decimal

import pytest
from tests.conftest import make_user
from tests.transactions.conftest import books_are_right, owe, sell

from currant.batches.model import VendingLimitReached
from currant.customers.model import NoSuchAccount
from currant.errors import Forbidden, Invalid, NotFound
from currant.transactions.model import NotOwed, PayArrears
from currant.transactions.verbs import pay_arrears

OWED = "select outstanding from receivables.open_item order by item_id"


async def pay(door, actor, account: str, amount: str, **more):
    return await door.act(pay_arrears, PayArrears(account, "cash", Decimal(amount), **more), actor)


async def owed(owner) -> list[Decimal]:
    return [row["outstanding"] for row in await owner.fetch(OWED)]


async def test_the_oldest_is_paid_first(door, boss, cashier, house, owner) -> None:
    account = house.accounts[0]
    await owe(
        door, boss,
        f"{account},2026-02-01T00:00:00-05:00,10,,100%",
        f"{account},2025-12-01T00:00:00-05:00,20,,5%",
        f"{account},2026-09-01T00:00:00-04:00,30,,100%",
    )  # fmt: skip
    paid = await pay(door, cashier, account, "25.00")
    assert [item.amount for item in paid.items] == [20, 5]
    assert [item.outstanding for item in paid.items] == [0, 5]
    assert paid.outstanding == 35
    assert await owed(owner) == [5, 0, 30]
    await books_are_right(door)
    lines = await owner.fetch(
        "select coa, amount, account_id is not null as tagged from ledger.posting "
        "where entry_id = $1 order by line",
        paid.transaction_id,
    )
    assert [tuple(line) for line in lines] == [
        ("1000", 25, False), ("1100", -20, True), ("1100", -5, True),
    ]  # fmt: skip


async def test_named_items_are_paid_in_the_order_they_are_named(
    door, boss, cashier, house, owner
) -> None:
    account = house.accounts[0]
    await owe(door, boss, f"{account},,10,,100%", f"{account},,20,,5%", f"{account},,30,,5%")
    first, second, third = [
        row["item_id"] for row in await owner.fetch("select item_id from receivables.open_item")
    ]
    await pay(door, cashier, account, "35", arrears_ids=[third, first, third])
    assert await owed(owner) == [5, 20, 0]
    with pytest.raises(NotFound, match=str(third)):
        await pay(door, cashier, account, "1", arrears_ids=[third])
    with pytest.raises(NotOwed, match=r"\$20.00"):
        await pay(door, cashier, account, "20.01", arrears_ids=[second])
    assert await owed(owner) == [5, 20, 0]


async def test_what_is_not_a_payment(door, boss, cashier, house, owner) -> None:
    account = house.accounts[0]
    await owe(door, boss, f"{account},,10,,100%")
    for amount, refusal in (
        ("10.01", NotOwed), ("0", Invalid), ("-1", Invalid), ("0.001", Invalid), ("1e12", Invalid),
    ):  # fmt: skip
        with pytest.raises(refusal):
            await pay(door, cashier, account, amount)
    with pytest.raises(NoSuchAccount):
        await pay(door, cashier, "99999", "1")
    with pytest.raises(Invalid, match="cash, check, card, eft"):
        await door.act(pay_arrears, PayArrears(account, "gold", Decimal(1)), cashier)
    barred = await make_user(door, "example", "barred", "VENDORADM")
    await owner.execute("update access.system_user set blocked_accounts = $1 where login = $2",
                        account, "barred")  # fmt: skip
    with pytest.raises(Forbidden):
        await pay(door, barred, account, "1")
    assert await owed(owner) == [10]
    assert await owner.fetchval("select count(*) from batches.batch") == 0


async def test_the_vending_limit_counts_it(door, boss, house, owner) -> None:
    account = house.accounts[0]
    await owe(door, boss, f"{account},,100,,100%")
    limited = await make_user(door, "example", "limited", "VENDORADM", vending_limit=1500)
    await pay(door, limited, account, "10.00")
    with pytest.raises(VendingLimitReached):
        await pay(door, limited, account, "5.01")
    await sell(door, limited, house.accounts[1], "5.00")
    assert await owed(owner) == [90]


async def test_payments_and_sales_at_once_pay_no_more_than_is_owed(
    door, boss, cashier, house, owner
) -> None:
    account = house.accounts[0]
    await owe(door, boss, f"{account},,50,,100%")
    done = await asyncio.gather(
        *(pay(door, cashier, account, "4") for _ in range(15)),
        *(sell(door, cashier, account, "4.00") for _ in range(15)),
        return_exceptions=True,
    )
    refused = [outcome for outcome in done if isinstance(outcome, Exception)]
    assert {type(outcome) for outcome in refused} <= {NotOwed}
    assert await owed(owner) == [0]
    taken = await owner.fetchval("select sum(amount) from ledger.posting where coa = '1000'")
    assert taken == 4 * (30 - len(refused))
    await books_are_right(door)
