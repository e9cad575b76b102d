"""What is drawn again after the past was changed, and what is not."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from tests.drawdown.test_drawdown import (
    DRAW_AGAIN,
    HOUR,
    STANDING,
    balance,
    books_are_right,
    dear_tariff,
    home,
    read,
)
from tests.houses import customer, imported, linear_tariff, location, meter, small_house, updated
from tests.waiting import until_waiting

from currant.access.model import AUTO
from currant.access.verbs import Nothing
from currant.drawdown.verbs import charge_fixed
from currant.jobs.worker import draw_all
from currant.tariffs.model import (
    AlreadyCharged,
    AssignTariff,
    AttachCalendar,
    CreateCalendar,
    CreateTariff,
    SetTax,
    Switch,
)
from currant.tariffs.verbs import (
    assign_tariff,
    attach_calendar,
    create_calendar,
    create_tariff,
    set_tax,
)

__all__ = ["home"]

DAY = timedelta(days=1)
LAID = """
select (select coalesce(sum(e), 0) from drawdown.run, unnest(energy_wh) as e)
    + (select coalesce(sum(energy_wh), 0) from drawdown.unpriced)
"""
HOLD = "select reads.hold_block(portal_id, 0, true) from access.portal where key = 'example'"


async def test_who_moves_in_where_a_meter_ran_is_charged_from_now_on(
    door, boss, portal, clock, owner
) -> None:
    await linear_tariff(door, boss)
    clock.advance(10 * DAY)
    installed = (clock.now() - 5 * DAY).date().isoformat()
    await imported(door, boss, "locations", location("H1", meterinstalldate=installed))
    await imported(
        door, boss, "meters",
        meter("M1", tariff="SBT", wallet="currency", addactiveread="0", locname="H1"),
    )  # fmt: skip
    await read(door, boss, ("M1", clock.now() - HOUR, "10"))
    await draw_all(door)
    await imported(door, boss, "customers", customer("C1", locname="H1"))
    clock.advance(HOUR)
    await read(door, boss, ("M1", clock.now() - HOUR, "10"), ("M1", clock.now(), "11"))
    await draw_all(door)
    assert await balance(owner) == -Decimal("0.30")
    await books_are_right(owner)


async def test_a_read_before_the_first_is_laid_with_what_is_drawn_again(
    door, boss, home, clock, owner
) -> None:
    """It comes in the month before, together with a tariff for the past."""
    await dear_tariff(door, boss)
    await small_house(door, boss, wallet="currency", rate=None, opening="", first=2)
    start = clock.now()
    clock.advance(40 * DAY)
    await read(door, boss, ("M2", start + 38 * DAY, "100"), ("M2", start + 40 * DAY, "110"))
    await draw_all(door)
    await read(door, boss, ("M2", start + 18 * DAY, "50"))
    await door.act(assign_tariff, AssignTariff("M2", "DEAR", start + 39 * DAY), boss)
    await draw_all(door)
    assert await owner.fetchval(LAID) == await owner.fetchval(STANDING, "M2") == 60_000
    await books_are_right(owner)


async def test_a_segment_longer_than_a_month_is_laid_by_the_supplies_it_began_in(
    door, boss, home, clock, owner
) -> None:
    start = clock.now()
    for name in ("T2", "T3"):
        await linear_tariff(door, boss, name, "0.50")
    await door.act(assign_tariff, AssignTariff("M1", "T2", start + 30 * DAY), boss)
    for day, kwh in ((100, "100"), (125, "125")):
        clock.set(start + day * DAY)
        await read(door, boss, ("M1", clock.now(), kwh))
        await draw_all(door)
    await door.act(assign_tariff, AssignTariff("M1", "T3", start + 110 * DAY), boss)
    await draw_all(door)
    assert await owner.fetchval("select count(*) from drawdown.unpriced") == 0
    assert await owner.fetchval(LAID) == 125_000
    await books_are_right(owner)


async def test_the_past_is_not_changed_while_it_is_drawn(door, boss, home, clock, owner) -> None:
    """Who assigns a tariff waits for the block; while it is held, nobody draws the block."""
    start = clock.now()
    await dear_tariff(door, boss)
    clock.advance(HOUR)
    await read(door, boss, ("M1", clock.now(), "10"))
    async with owner.transaction():
        await owner.execute(HOLD)
        assert await draw_all(door) == 0
        assigning = asyncio.create_task(
            door.act(assign_tariff, AssignTariff("M1", "DEAR", start), boss)
        )
        await until_waiting(owner)
        assert not assigning.done()
    await assigning
    await draw_all(door)
    assert await balance(owner) == -Decimal("6.30")


async def test_a_tariff_changed_where_reads_run_ahead_is_drawn_again(
    door, boss, home, clock, owner
) -> None:
    """A read of tomorrow was drawn; a file changes the tariff today, then the read is corrected."""
    await dear_tariff(door, boss)
    start = clock.now()
    await read(door, boss, ("M1", start + 20 * HOUR, "20"))
    await draw_all(door)
    clock.advance(10 * HOUR)
    await updated(door, boss, "meters", {"serialnum": "M1", "tariff": "DEAR"})
    await read(door, boss, ("M1", start + 20 * HOUR, "10"))
    await draw_all(door)
    assert await balance(owner) == -Decimal("1.58") - Decimal("3.15")
    await updated(door, boss, "meters", {"serialnum": "M1", "tariff": ""})
    await draw_all(door)
    assert await balance(owner) == -Decimal("1.58")
    await books_are_right(owner)


async def test_a_meter_without_tariff_or_place_stops_nobody(door, boss, home, clock, owner) -> None:
    """All that it was charged ahead of now goes back, and its neighbour is drawn."""
    await small_house(door, boss, wallet="currency", rate=None, first=2)
    start = clock.now()
    await read(door, boss, ("M1", start + 20 * HOUR, "20"))
    await draw_all(door)
    await updated(door, boss, "meters", {"serialnum": "M1", "tariff": ""})
    await read(door, boss, ("M2", start + HOUR, "10"))
    assert await draw_all(door) == 2
    assert await balance(owner) == -Decimal("3.15")
    await books_are_right(owner)


async def test_a_wallet_that_changed_its_kind_neither_makes_nor_loses_anything(
    door, boss, home, clock, owner
) -> None:
    """10 kWh were paid in money; corrected to 4 they go back there, and 4 are drawn as units."""
    start = clock.now()
    clock.advance(HOUR)
    await read(door, boss, ("M1", clock.now(), "10"))
    await draw_all(door)
    await updated(door, boss, "meters", {"serialnum": "M1", "wallet": "units"})
    await read(door, boss, ("M1", clock.now(), "4"))
    await draw_all(door)
    assert (await balance(owner), await balance(owner, "units")) == (0, -4000)
    await owner.execute(DRAW_AGAIN, "M1", start)
    await draw_all(door)
    assert (await balance(owner), await balance(owner, "units")) == (0, -4000)
    await books_are_right(owner)


async def test_what_changes_no_units_makes_no_entry(door, boss, home, clock, owner) -> None:
    await small_house(door, boss, wallet="units", rate=None, first=2)
    await dear_tariff(door, boss)
    start = clock.now()
    clock.advance(HOUR)
    await read(door, boss, ("M2", clock.now(), "10"))
    assert await draw_all(door) == 1
    await door.act(assign_tariff, AssignTariff("M2", "DEAR", start), boss)
    assert await draw_all(door) == 0
    assert await balance(owner, "units") == -10_000


async def test_a_month_is_charged_its_fixed_charges_once(door, boss, portal, clock, owner) -> None:
    for name, amount in (("F1", 10), ("F2", 20)):
        made = CreateTariff(
            name, name, "", "kWh", 1, Decimal("0.30"), taxable=False, fuel_charge=False,
            levies=(), fixed=True, kva_fixed=False,
        )  # fmt: skip
        await door.act(create_tariff, made, boss)
        await owner.execute(
            "update tariffs.fixed_charge set amount = $1 where amount = 0", Decimal(amount)
        )
    await small_house(door, boss, wallet="currency", tariff="F1", rate=None)
    clock.set(datetime(2026, 5, 2, 17, tzinfo=UTC))
    assert await door.act(charge_fixed, Nothing(), AUTO.at(portal)) == 2
    since = datetime(2026, 4, 1, 4, tzinfo=UTC)
    await door.act(assign_tariff, AssignTariff("M1", "F2", since), boss)
    assert await door.act(charge_fixed, Nothing(), AUTO.at(portal)) == 0
    clock.set(datetime(2026, 6, 2, 17, tzinfo=UTC))
    assert await door.act(charge_fixed, Nothing(), AUTO.at(portal)) == 1
    await books_are_right(owner)


async def test_what_was_charged_for_keeps_its_tax_and_its_calendar(
    door, boss, home, clock, owner
) -> None:
    start = clock.now()
    clock.advance(HOUR)
    await read(door, boss, ("M1", clock.now(), "10"))
    await draw_all(door)
    made = CreateCalendar("noon", "+00:00", [Switch(0, 1)])
    await door.act(create_calendar, made, boss)
    with pytest.raises(AlreadyCharged, match="another name"):
        await door.act(attach_calendar, AttachCalendar("SBT", "noon"), boss)
    with pytest.raises(AlreadyCharged, match="still to come"):
        await door.act(set_tax, SetTax(Decimal("0.5"), start), boss)
    await door.act(set_tax, SetTax(Decimal("0.5"), clock.now()), boss)
    await linear_tariff(door, boss, "NEW")
    await door.act(attach_calendar, AttachCalendar("NEW", "noon"), boss)
