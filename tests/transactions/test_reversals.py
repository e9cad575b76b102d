"""Reversals: everything that a transaction moved is where it was, once, and within limits."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import make_user
from tests.transactions.conftest import books_are_right, owe, sell, upload

from currant.access.model import OPERATOR, CreatePortal
from currant.access.verbs import create_portal
from currant.batches.model import Count
from currant.batches.verbs import close_own_batch
from currant.errors import Forbidden, Invalid, Refusal
from currant.ledger.model import AlreadyReversed, NoReversalOfReversal, NoSuchEntry
from currant.prepayment.model import AdjustWallets, Wallet, Way
from currant.prepayment.verbs import adjust_wallets
from currant.transactions.model import (
    NotReversible,
    PayArrears,
    ReverseTransaction,
    TransactionReversed,
)
from currant.transactions.verbs import pay_arrears, reverse

FIXED = """
insert into drawdown.fixed_due (
    portal_id, meter_id, month, fixed_id, account_id, description, net, tax, coa
)
select m.portal_id, m.meter_id, '2026-02-01', 1, a.account_id, 'Service', 5, 0.5, '4900'
from metering.meter as m
inner join customers.account as a on a.account = $1
where m.serial_number = $2
"""
LATEST = "select max(entry_id) from ledger.entry where kind = $1"


async def undo(door, actor, number: int, note: str = "typed twice") -> TransactionReversed:
    return await door.act(reverse, ReverseTransaction(number, note), actor)


async def test_a_sale_gives_back_what_it_moved(door, boss, cashier, house, owner, stand) -> None:
    account = house.accounts[0]
    await owe(door, boss, f"{account},,40,,25%", f"{account},,3,,100%")
    await owner.execute(FIXED, account, house.serials[0])
    before = await stand()
    sold = await sell(door, cashier, account, "40.00")
    assert sold.arrears_amount == 13
    assert sold.fixed_amount == Decimal("5.5")
    assert await stand() != before
    done = await undo(door, boss, sold.transaction_id)
    assert (done.reverses, done.account, done.kind) == (sold.transaction_id, account, "cash")
    assert (done.amount, done.below_zero, done.given_back) == (40, False, True)
    assert await stand() == before
    await books_are_right(door)


async def test_a_currency_wallet_gives_back_what_it_was_filled_with(
    door, boss, cashier, house, stand
) -> None:
    before = await stand()
    sold = await sell(door, cashier, house.accounts[3], "12.34", "card")
    await undo(door, boss, sold.transaction_id)
    assert await stand() == before
    await books_are_right(door)


async def test_units_of_a_reversed_sale_count_no_longer_in_their_month(
    door, boss, cashier, house, clock, owner
) -> None:
    """The month is the one of the sale, not of the reversal."""
    sold = await sell(door, cashier, house.accounts[0], "3.00")
    clock.set(datetime(2026, 4, 2, tzinfo=UTC))
    await sell(door, cashier, house.accounts[0], "6.00")
    await undo(door, boss, sold.transaction_id)
    rows = await owner.fetch("select month, energy_wh from drawdown.sold order by month")
    assert [(str(row["month"]), row["energy_wh"]) for row in rows] == [
        ("2026-03-01", 0),
        ("2026-04-01", 20_000),
    ]


async def test_a_wallet_may_go_below_zero_and_the_answer_says_so(
    door, boss, cashier, house, owner
) -> None:
    sold = await sell(door, cashier, house.accounts[0], "3.00")
    text = f"account,amount\n{house.accounts[0]},4"
    await door.act(
        adjust_wallets, AdjustWallets(Wallet.UNITS, Way.DEBIT, False, upload(text)), boss
    )
    done = await undo(door, boss, sold.transaction_id)
    assert done.below_zero
    assert await owner.fetchval("select min(balance) from prepayment.wallet") == -4000
    state = await owner.fetchval(
        "select meter_state from metering.meter where serial_number = $1", house.serials[0]
    )
    assert state == "PENDING"
    await books_are_right(door)


@pytest.mark.parametrize("wallet", [Wallet.UNITS, Wallet.CURRENCY])
@pytest.mark.parametrize("way", [Way.FUND, Way.DEBIT])
async def test_an_adjustment_of_a_wallet_is_undone(
    door, boss, cashier, house, owner, stand, wallet, way
) -> None:
    account = house.accounts[0 if wallet is Wallet.UNITS else 3]
    await sell(door, cashier, account, "9.00")
    before = await stand()
    text = f"account,amount\n{account},2.5"
    await door.act(adjust_wallets, AdjustWallets(wallet, way, False, upload(text)), boss)
    done = await undo(door, boss, await owner.fetchval(LATEST, way.value))
    assert done.amount == (Decimal("2.5") if wallet is Wallet.CURRENCY else 0)
    assert done.given_back is None
    assert await stand() == before
    await books_are_right(door)


async def test_arrears_are_given_back_whole_with_what_was_paid_on_them_before(
    door, boss, cashier, house, owner, stand
) -> None:
    before = await stand()
    await owe(door, boss, f"{house.accounts[0]},,40,15,25%")
    number = await owner.fetchval(LATEST, "arrears")
    done = await undo(door, boss, number)
    assert (done.kind, done.amount) == ("arrears", 40)
    assert await stand() == before
    assert await owner.fetchval("select outstanding from receivables.open_item") == 0
    sold = await sell(door, cashier, house.accounts[0], "10.00")
    assert sold.arrears_amount == 0
    await books_are_right(door)


async def test_arrears_that_a_sale_paid_on_are_given_back_after_the_sale(
    door, boss, cashier, house, owner, stand
) -> None:
    before = await stand()
    await owe(door, boss, f"{house.accounts[0]},,40,,25%")
    issued = await owner.fetchval(LATEST, "arrears")
    sold = await sell(door, cashier, house.accounts[0], "10.00")
    standing = await stand()
    with pytest.raises(Refusal, match="othing was"):
        await undo(door, boss, issued)
    assert await stand() == standing
    await undo(door, boss, sold.transaction_id)
    await undo(door, boss, issued)
    assert await stand() == before


async def test_a_payment_of_arrears_is_undone(door, boss, cashier, house, stand) -> None:
    await owe(door, boss, f"{house.accounts[0]},,40,,25%", f"{house.accounts[0]},,5,,100%")
    before = await stand()
    paid = await door.act(
        pay_arrears, PayArrears(house.accounts[0], "check", Decimal(42), tender_number=7), cashier
    )
    done = await undo(door, boss, paid.transaction_id)
    assert (done.kind, done.amount, done.given_back) == ("check", 42, True)
    assert await stand() == before


async def test_it_has_one_effect_however_often_it_is_asked_for(
    door, boss, cashier, house, stand, owner
) -> None:
    before = await stand()
    sold = await sell(door, cashier, house.accounts[0], "10.00")
    done = await asyncio.gather(
        *(undo(door, boss, sold.transaction_id) for _ in range(8)), return_exceptions=True
    )
    told = sorted(type(outcome).__name__ for outcome in done)
    assert told == ["AlreadyReversed"] * 7 + ["TransactionReversed"]
    assert await stand() == before
    mirror = await owner.fetchval(LATEST, "reversal")
    for number, refusal in (
        (sold.transaction_id, AlreadyReversed),
        (mirror, NoReversalOfReversal),
        (10**12, NoSuchEntry),
        (2**63, Invalid),
    ):
        with pytest.raises(refusal):
            await undo(door, boss, number)
    with pytest.raises(Invalid, match="why"):
        await undo(door, boss, mirror, "  ")
    assert await stand() == before


async def test_what_was_drawn_or_is_of_no_account_is_not_reversed(
    door, boss, cashier, house, owner, stand
) -> None:
    await sell(door, cashier, house.accounts[0], "10.00")
    await door.act(close_own_batch, Count({"cash": Decimal("9.50")}), cashier)
    short = await owner.fetchval(LATEST, "adjust")
    before = await stand()
    with pytest.raises(NotReversible, match="no account"):
        await undo(door, boss, short)
    assert await stand() == before


async def test_a_closed_batch_gives_nothing_back(door, boss, cashier, house, owner, stand) -> None:
    sold = await sell(door, cashier, house.accounts[0], "10.00")
    await door.act(close_own_batch, Count({"cash": Decimal(10)}), cashier)
    drawers = (await stand())["drawers"]
    done = await undo(door, boss, sold.transaction_id)
    assert done.given_back is False
    assert (await stand())["drawers"] == drawers
    await books_are_right(door)


async def test_limits_and_blocked_accounts_are_kept(door, boss, cashier, house, stand) -> None:
    low = await make_user(door, "example", "low", "CSR3", special_limit=999)
    sold = await sell(door, cashier, house.accounts[0], "10.00")
    text = f"account,amount\n{house.accounts[0]},34"
    await door.act(adjust_wallets, AdjustWallets(Wallet.UNITS, Way.FUND, False, upload(text)), boss)
    funded = sold.transaction_id + 1
    before = await stand()
    for number, worth in ((sold.transaction_id, r"\$10.00"), (funded, r"\$10.20")):
        with pytest.raises(Forbidden, match=f"value of {worth} is above your special limit"):
            await undo(door, low, number)
    assert await stand() == before
    with pytest.raises(Forbidden):  # a cashier may not at all
        await undo(door, cashier, sold.transaction_id)
    small = await sell(door, cashier, house.accounts[0], "9.99")
    assert (await undo(door, low, small.transaction_id)).amount == Decimal("9.99")


async def test_nobody_reverses_in_another_portal(door, boss, cashier, house, stand) -> None:
    sold = await sell(door, cashier, house.accounts[0], "10.00")
    await door.act(create_portal, CreatePortal("two", "Two", "UTC", "USD", "TWO"), OPERATOR)
    stranger = await make_user(door, "two", "stranger", "SysAdmin", vendor_number="TWO")
    before = await stand()
    with pytest.raises(NoSuchEntry):
        await undo(door, stranger, sold.transaction_id)
    with pytest.raises(Forbidden):
        await undo(door, stranger.at("example"), sold.transaction_id)
    assert await stand() == before


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["sell", "pay", "owe", "fund", "debit"]),
        st.integers(0, 3),
        st.decimals("0.01", "60", places=2),
        st.sampled_from(["cash", "check", "card", "eft"]),
    ),
    min_size=1,
    max_size=10,
)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(acts=ACTS)
async def test_whatever_was_done_is_undone_the_other_way_round(
    door, boss, cashier, house, clock, owner, stand, acts
) -> None:
    before = await stand()
    first = await owner.fetchval("select coalesce(max(entry_id), 0) from ledger.entry")
    for act, home, amount, tender in acts:
        clock.advance(timedelta(minutes=1))
        account = house.accounts[home]
        wallet = Wallet.CURRENCY if home == 3 else Wallet.UNITS
        try:
            match act:
                case "sell":
                    await sell(door, cashier, account, str(amount), tender)
                case "pay":
                    await door.act(pay_arrears, PayArrears(account, tender, amount), cashier)
                case "owe":
                    await owe(door, boss, f"{account},,{amount},{amount / 4:.2f},25%")
                case _:
                    file = upload(f"account,amount\n{account},{amount}")
                    await door.act(
                        adjust_wallets, AdjustWallets(wallet, Way(act), False, file), boss
                    )
        except Refusal:
            continue  # More was debited or paid than there is.
    rows = await owner.fetch(
        "select entry_id from ledger.entry where entry_id > $1 order by entry_id desc", first
    )
    for row in rows:
        await undo(door, boss, row["entry_id"])
    assert await stand() == before
    await books_are_right(door)
