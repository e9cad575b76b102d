"""Drawdown at its edges: blocks, buckets, moves, corrections, and what must not be charged."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from tests.drawdown.test_drawdown import HOUR, balance, books_are_right, read
from tests.houses import House, imported, location, meter, small_house
from tests.shared import shared_urls, urls  # noqa: F401

from currant.access.model import AUTO
from currant.access.verbs import Nothing
from currant.door import Door
from currant.drawdown.verbs import charge_fixed
from currant.jobs.worker import draw_all
from currant.tariffs.model import CreateTariff
from currant.tariffs.verbs import create_tariff
from currant.vending.model import Vend
from currant.vending.verbs import vend

MIDNIGHT = datetime(2026, 3, 3, 5, tzinfo=UTC)  # in New York
STATES = "select serial_number, meter_state from metering.meter"
ENERGY = "select energy_wh from drawdown.run"


async def tariff(door: Door, boss, type_: int, *, fixed: bool = False) -> None:
    """Make the tariff X, untaxed, at 0.30."""
    made = CreateTariff(
        "X", "X", "", "kWh", type_, Decimal("0.30"), taxable=False, fuel_charge=False, levies=(),
        fixed=fixed, kva_fixed=False,
    )  # fmt: skip
    await door.act(create_tariff, made, boss)


async def time_of_use(door: Door, boss, owner, morning: str, afternoon: str) -> House:
    """One home with a currency wallet that pays one rate before noon and another after."""
    await tariff(door, boss, 0)
    await owner.execute(
        "insert into tariffs.calendar (portal_id, name, clock) "
        "select portal_id, 'noon', 'America/New_York' from access.portal where key = 'example'"
    )
    await owner.execute(
        "insert into tariffs.calendar_switch (portal_id, calendar_id, day_type, minute, bucket) "
        "select portal_id, calendar_id, 'WEEKDAY', m.minute, m.bucket "
        "from tariffs.calendar, (values (0, 1), (720, 2)) as m (minute, bucket)"
    )
    for tier, rate in (("T1", morning), ("T2", afternoon)):
        await owner.execute(
            "update tariffs.rate set rate = $2 where tier = $1", tier, Decimal(rate)
        )
    await owner.execute(
        "update tariffs.tariff set revision = revision + 1, "
        "calendar_id = (select calendar_id from tariffs.calendar)"
    )
    return await small_house(door, boss, wallet="currency", tariff="X", rate=None)


async def test_blocks_fill_up_in_a_month_and_begin_again_in_the_next(
    door, boss, portal, clock, owner
) -> None:
    """0.30, above 100 kWh 0.50. March: 60 for 18, then 90 for 12 and 25. April: 50 for 15."""
    await tariff(door, boss, 2)
    await owner.execute(
        "update tariffs.rate set rate = 0.50, usage_base_start = 100 where tier = 'B2'"
    )
    await owner.execute("update tariffs.tariff set revision = revision + 1")
    await small_house(door, boss, wallet="currency", tariff="X", rate=None)
    april = datetime(2026, 4, 1, 4, tzinfo=UTC)
    for at, kwh, left in (
        (april - timedelta(days=15), "60", "-18.00"),
        (april, "150", "-55.00"),
        (april + timedelta(days=9), "200", "-70.00"),
    ):
        clock.set(at)
        await read(door, boss, ("M1", at, kwh))
        await draw_all(door)
        assert await balance(owner) == Decimal(left)
    await books_are_right(owner)


async def test_time_of_use_splits_days_by_the_clock(door, boss, portal, clock, owner) -> None:
    """A kWh an hour at 0.20 and 0.40: 7.20 a day, 7.00 when the clocks leave out an hour."""
    clock.set(datetime(2026, 3, 7, 5, tzinfo=UTC))
    await time_of_use(door, boss, owner, "0.20", "0.40")
    for hours, left in ((24, "-7.20"), (47, "-14.20")):
        at = datetime(2026, 3, 7, 5, tzinfo=UTC) + hours * HOUR
        clock.set(at)
        await read(door, boss, ("M1", at, str(hours)))
        await draw_all(door)
        assert await balance(owner) == Decimal(left)
    await books_are_right(owner)


async def test_energy_that_changes_its_bucket_at_no_cost_is_kept(
    door, boss, portal, clock, owner
) -> None:
    """Otherwise the next price of the month would begin from energy that is not so."""
    clock.set(MIDNIGHT)
    await time_of_use(door, boss, owner, "0.30", "0.30")
    clock.set(MIDNIGHT + 24 * HOUR)
    await read(door, boss, ("M1", MIDNIGHT + 24 * HOUR, "1.0"))
    await draw_all(door)
    assert await owner.fetchval(ENERGY) == [500, 500]
    await read(door, boss, ("M1", MIDNIGHT + 12 * HOUR, "0.6"))
    await draw_all(door)
    assert await owner.fetchval(ENERGY) == [600, 400]
    assert await balance(owner) == Decimal("-0.30")


async def test_energy_at_no_rate_is_unpriced_and_stops_nobody_else(
    door, boss, portal, clock, owner
) -> None:
    clock.set(MIDNIGHT)
    await time_of_use(door, boss, owner, "0.30", "0.30")
    await owner.execute("delete from tariffs.rate where tier = 'T2'")
    await owner.execute("update tariffs.tariff set revision = revision + 1")
    await small_house(door, boss, wallet="currency", first=2)
    clock.set(MIDNIGHT + 24 * HOUR)
    await read(door, boss, ("M1", clock.now(), "1.0"), ("M2", clock.now(), "10"))
    await draw_all(door)
    assert await balance(owner) == Decimal("-0.15") - Decimal("3.00")
    assert await owner.fetchval("select sum(energy_wh) from drawdown.unpriced") == 500
    await books_are_right(owner)


async def test_each_account_pays_for_its_own_time(door, boss, portal, clock, owner) -> None:
    """12 kWh in four hours, of which the second account has three: 0.90 and 2.70."""
    house = await small_house(door, boss, homes=2, wallet="currency")
    start = clock.now()
    await owner.execute(
        "update customers.agreement set valid = tstzrange(lower(valid), $1) "
        "where agreement_id = (select min(agreement_id) from customers.agreement)",
        start + HOUR,
    )
    await owner.execute(
        "insert into customers.agreement "
        "(portal_id, account_id, location_id, product_type, valid) "
        "select a.portal_id, a.account_id, l.location_id, 'ELECTRICITY', tstzrange($1, null) "
        "from customers.account as a, locations.location as l "
        "where a.contract = 'C2' and l.external_key = 'H1'",
        start + HOUR,
    )
    clock.set(start + 4 * HOUR)
    await read(door, boss, ("M1", start + 4 * HOUR, "12"))
    await draw_all(door)
    rows = await owner.fetch(
        "select a.account, w.balance from prepayment.wallet as w "
        "inner join customers.account as a using (account_id) order by a.account"
    )
    assert [tuple(row) for row in rows] == [
        (house.accounts[0], Decimal("-0.90")),
        (house.accounts[1], Decimal("-2.70")),
    ]
    await books_are_right(owner)


async def test_a_corrected_read_posts_the_difference_and_gives_the_supply_back(
    door, boss, portal, clock, owner
) -> None:
    """10 kWh use up 2.00; then it was 1 kWh: 2.70 come back, and nobody is disconnected."""
    house = await small_house(door, boss, wallet="currency")
    await door.act(vend, Vend(house.accounts[0], "cash", Decimal(2)), boss)
    clock.advance(HOUR)
    at = clock.now()
    await read(door, boss, ("M1", at, "10"))
    await draw_all(door)
    assert dict(await owner.fetch(STATES)) == {"M1": "PENDING"}
    clock.advance(HOUR)
    await read(door, boss, ("M1", at, "1"))
    await draw_all(door)
    amounts = await owner.fetch(
        "select amount, energy_wh from ledger.entry where kind = 'wallet' order by entry_id"
    )
    assert [tuple(row) for row in amounts] == [
        (Decimal("3.00"), 10_000),
        (Decimal("-2.70"), -9_000),
    ]
    assert await balance(owner) == Decimal("1.70")
    assert dict(await owner.fetch(STATES)) == {"M1": "CONNECTED"}
    assert not await owner.fetchval("select count(*) from headends.request where state = 'PENDING'")
    await books_are_right(owner)


async def test_an_empty_wallet_closes_only_meters_that_are_paid_from_it(
    door, boss, portal, clock, owner
) -> None:
    house = await small_house(door, boss, wallet="currency")
    await imported(door, boss, "locations", location("H2"))
    second = meter(
        "M2", comtype="MultiSpeak", tariff="SBT", wallet="units", addactiveread="0",
        contract="C1", locname="H2",
    )  # fmt: skip
    await imported(door, boss, "meters", second)
    await door.act(vend, Vend(house.accounts[0], "cash", Decimal(30), "M2"), boss)
    clock.advance(HOUR)
    await read(door, boss, ("M1", clock.now(), "4"), ("M2", clock.now(), "4"))
    before = dict(await owner.fetch(STATES))
    await draw_all(door)
    assert dict(await owner.fetch(STATES)) == before | {"M1": "PENDING"}


async def test_postpaid_accounts_are_left_to_their_bills(door, boss, portal, clock, owner) -> None:
    await tariff(door, boss, 1, fixed=True)
    await owner.execute("update tariffs.fixed_charge set amount = 12")
    await small_house(door, boss, wallet="currency", tariff="X", rate=None)
    await owner.execute("update customers.account set payment_mode = 'POSTPAID'")
    clock.advance(HOUR)
    await read(door, boss, ("M1", clock.now(), "4"))
    assert await draw_all(door) == 0
    clock.set(datetime(2026, 4, 1, 12, tzinfo=UTC))
    assert await door.act(charge_fixed, Nothing(), AUTO.at(portal)) == 0
    assert await balance(owner) == 0
    assert await owner.fetchval("select count(*) from drawdown.unpriced") == 0


@pytest.mark.parametrize("workers", [4])
async def test_fixed_charges_side_by_side_are_charged_once(
    door, boss, portal, clock, owner, workers
) -> None:
    await tariff(door, boss, 1, fixed=True)
    await owner.execute("update tariffs.fixed_charge set amount = 12")
    await small_house(door, boss, homes=10, wallet="currency", tariff="X", rate=None)
    clock.set(datetime(2026, 4, 1, 12, tzinfo=UTC))
    auto = AUTO.at(portal)
    await asyncio.gather(*(door.act(charge_fixed, Nothing(), auto) for _ in range(workers)))
    assert await balance(owner) == 10 * Decimal("-11.61")
    await books_are_right(owner)
