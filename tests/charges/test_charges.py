"""One-off charges and services without meters, through the door."""

from datetime import date
from decimal import Decimal

import asyncpg
import pytest
from tests.conftest import make_user
from tests.houses import small_house

from currant.access.model import Actor
from currant.access.verbs import Nothing
from currant.charges.model import (
    AddCharges,
    ApprovedByAnother,
    CancelCharges,
    ChargeItem,
    ChargeSettled,
    ChargesNamed,
    ChargesWanted,
    FiveLineItems,
    FrequencyUnknown,
    ItemNamed,
    NewCharge,
    NewLineItem,
    NoSuchItem,
    Provision,
)
from currant.charges.verbs import (
    add_approved_charges,
    add_charges,
    approve_charges,
    cancel_charges,
    charge_items,
    charges,
    provision,
    retire_charge_item,
    set_charge_item,
)
from currant.customers.model import ServiceNumberInUse
from currant.door import Door
from currant.errors import Forbidden, Invalid, NotFound
from currant.tariffs.model import SetTax
from currant.tariffs.verbs import set_tax

DAY = date(2026, 3, 14)


@pytest.fixture
async def account(door: Door, boss: Actor, clock) -> str:
    """An account that is supplied, in a portal with a tax of 10 %."""
    house = await small_house(door, boss)
    await door.act(set_tax, SetTax(Decimal("0.1"), clock.now()), boss)
    return house.accounts[0]


@pytest.fixture
async def manager(door: Door, portal: str) -> Actor:
    """A commercial manager, who approves up to 500.00."""
    return await make_user(door, portal, "manager", "ComMGR", special_limit=50_000)


def fee(account: str, amount: str = "55.00", **more: object) -> NewCharge:
    return NewCharge(account, "ADMIN", date(2030, 1, 2), Decimal(amount), **more)


async def test_a_charge_takes_its_tax_apart_and_waits(door, boss, account) -> None:
    wanted = AddCharges([fee(account), NewCharge(account, "CSDISCNTAX", DAY, Decimal(7))])
    first, second = await door.act(add_charges, wanted, boss)
    assert (first.status, first.net, first.tax) == ("PENDING", Decimal(50), Decimal(5))
    assert (second.net, second.tax) == (Decimal(7), Decimal(0))
    listed = await door.ask(charges, ChargesWanted(account, "PENDING"), boss)
    assert [c.description for c in listed] == [
        "Administration fee",
        "Customer discount without tax",
    ]


async def test_nobody_approves_their_own(door, boss, manager, account) -> None:
    (added,) = await door.act(add_charges, AddCharges([fee(account)]), boss)
    with pytest.raises(ApprovedByAnother):
        await door.act(approve_charges, ChargesNamed([added.charge_id]), boss)
    await door.act(approve_charges, ChargesNamed([added.charge_id]), manager)
    (listed,) = await door.ask(charges, ChargesWanted(account), boss)
    assert (listed.status, listed.approved_by) == ("APPROVED", "manager")
    with pytest.raises(ChargeSettled):
        await door.act(approve_charges, ChargesNamed([added.charge_id]), manager)


async def test_approval_is_bounded_by_the_special_limit(door, boss, manager, account) -> None:
    with pytest.raises(Forbidden, match=r"\$500.01 is above your special limit of \$500.00"):
        await door.act(
            add_approved_charges, AddCharges([fee(account, "500.01", approve=True)]), manager
        )
    with pytest.raises(Forbidden, match=r"billing\.approve"):
        await door.act(add_charges, AddCharges([fee(account, approve=True)]), boss)
    (added,) = await door.act(
        add_approved_charges, AddCharges([fee(account, "500.00", approve=True)]), manager
    )
    assert added.status == "APPROVED"


async def test_each_record_at_fault_is_named_and_none_is_stored(door, boss, account) -> None:
    wanted = [fee(account), fee("99999"), fee(account, "0"), fee(account, "1.005")]
    with pytest.raises(Invalid) as refused:
        await door.act(add_charges, AddCharges(wanted), boss)
    assert [(f.record, f.column) for f in refused.value.faults] == [
        (2, "account_number"), (3, "amount"), (4, "amount"),
    ]  # fmt: skip
    with pytest.raises(NoSuchItem, match="Charge Item does not exist for Charge Group"):
        await door.act(add_charges, AddCharges([NewCharge(account, "X", DAY, Decimal(1))]), boss)
    assert await door.ask(charges, ChargesWanted(), boss) == []


async def test_a_charge_is_cancelled_with_a_reason(door, boss, account) -> None:
    (added,) = await door.act(add_charges, AddCharges([fee(account)]), boss)
    with pytest.raises(Invalid):
        await door.act(cancel_charges, CancelCharges([added.charge_id], " "), boss)
    await door.act(cancel_charges, CancelCharges([added.charge_id], "Waived"), boss)
    (listed,) = await door.ask(charges, ChargesWanted(), boss)
    assert (listed.status, listed.cancelled_for) == ("CANCELLED", "Waived")


async def test_items_are_the_portals_own(door, boss, account) -> None:
    mine = ChargeItem("STANDARD", "KEY", "Lost key", "GST", credit=False, coa="4910")
    await door.act(set_charge_item, mine, boss)
    assert mine in await door.ask(charge_items, Nothing(), boss)
    await door.act(retire_charge_item, ItemNamed("STANDARD", "KEY"), boss)
    with pytest.raises(NoSuchItem):
        await door.act(add_charges, AddCharges([NewCharge(account, "KEY", DAY, Decimal(1))]), boss)


async def test_a_service_has_one_to_five_lines_and_a_number_of_its_own(
    door, boss, account, owner: asyncpg.Connection
) -> None:
    line = NewLineItem("ADMIN", Decimal("59.95"), "Fast internet")
    wanted = Provision("ISP", "0298765432", DAY, [line] * 2, account=account)
    made = await door.act(provision, wanted, boss)
    assert len(made.line_item_ids) == 2
    with pytest.raises(ServiceNumberInUse):
        await door.act(provision, wanted, boss)
    for lines in ([], [line] * 6):
        with pytest.raises(FiveLineItems):
            await door.act(provision, Provision("ISP", "1", DAY, lines, account=account), boss)
    often = [NewLineItem("ADMIN", Decimal(1), frequency="DAILY")]
    with pytest.raises(FrequencyUnknown):
        await door.act(provision, Provision("ISP", "2", DAY, often, account=account), boss)
    with pytest.raises(NotFound):
        await door.act(provision, Provision("ISP", "3", DAY, [line], site_identifier="X1"), boss)
    assert await owner.fetchval("select count(*) from charges.service") == 1
