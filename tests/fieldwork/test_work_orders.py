"""Work orders, what they do to sites when they are complete, and how sites stand."""

from datetime import UTC, date, datetime
from decimal import Decimal

import asyncpg
import pytest
from tests.buildings import tower
from tests.houses import linear_tariff
from tests.moves.test_moves import moved_in, orders

from currant.errors import Invalid
from currant.fieldwork.model import (
    CreateOrders,
    NewOrder,
    NoSuchOrder,
    OrderChange,
    OrderCharge,
    OrderOutOfTurn,
    SetSiteStatuses,
    SiteElsewhere,
    SiteStatusTold,
    SiteSupplied,
    UpdateOrders,
)
from currant.fieldwork.verbs import create_orders, set_site_statuses, update_orders
from currant.locations.model import LifeSupportSupplied, NoSuchLocation, SiteStatusOutOfTurn
from currant.metering.model import NoSuchMeter, RegisterRead

NOON = datetime(2024, 8, 16, 2, tzinfo=UTC)
TODAY = date(2024, 8, 16)
STEPS = ("NEW", "SCHEDULED", "SENT", "IN_PROGRESS", "COMPLETE", "CANCELLED")
LAWFUL = {
    ("NEW", "SCHEDULED"), ("SCHEDULED", "SENT"), ("SENT", "IN_PROGRESS"),
    ("IN_PROGRESS", "COMPLETE"), ("NEW", "COMPLETE"), ("NEW", "CANCELLED"),
    ("SCHEDULED", "CANCELLED"), ("SENT", "CANCELLED"), ("IN_PROGRESS", "CANCELLED"),
}  # fmt: skip


@pytest.fixture
def clock(clock):
    clock.set(NOON)
    return clock


@pytest.fixture
async def home(door, boss):
    await linear_tariff(door, boss, "RES-FLAT", "0.285")
    return await tower(door, boss, units=2, plan="RES-FLAT")


async def ordered(door, boss, kind: str, site: str, **more) -> int:
    made = CreateOrders([NewOrder(kind, site, **more)])
    return (await door.act(create_orders, made, boss))[0].work_order_id


async def changed(door, boss, order: int, **more):
    (done,) = await door.act(update_orders, UpdateOrders([OrderChange(order, **more)]), boss)
    return done


async def stood(door, boss, site: str, status: str, building: str = "TWR01", **more):
    told = SiteStatusTold(building, site, status, **more)
    (done,) = await door.act(set_site_statuses, SetSiteStatuses([told]), boss)
    return done


async def test_only_the_lawful_steps_are_taken(door, boss, home, owner) -> None:
    for start in STEPS:
        for end in STEPS:
            if start == end:
                continue
            order = await ordered(door, boss, "OTHER", home.sites[0])
            await plant(owner, order, start)
            if (start, end) in LAWFUL:
                assert (await changed(door, boss, order, status=end)).status == end
            else:
                ended = f"is {start}" if start in ("COMPLETE", "CANCELLED") else "goes NEW"
                with pytest.raises(OrderOutOfTurn, match=ended):
                    await changed(door, boss, order, status=end)


async def plant(owner: asyncpg.Connection, order: int, status: str) -> None:
    """Bring an order to a status whatever is lawful."""
    await owner.execute("alter table fieldwork.work_order disable trigger guard_status")
    await owner.execute(
        "update fieldwork.work_order set status = $2, completed_date = $3"
        " where work_order_id = $1",
        order, status, TODAY if status == "COMPLETE" else None,
    )  # fmt: skip
    await owner.execute("alter table fieldwork.work_order enable trigger guard_status")


async def test_the_history_tells_who_did_what(door, boss, home) -> None:
    order = await ordered(door, boss, "OTHER", home.sites[0], reason="The door is broken.")
    await changed(door, boss, order, status="SCHEDULED", scheduled_date=date(2024, 8, 20))
    await changed(door, boss, order, assigned_to="Jo", note="Jo has the key.")
    await changed(door, boss, order, status="CANCELLED")
    (shown,) = await orders(door, boss, work_order_id=order)
    assert [(s.by, s.before, s.after, s.note) for s in shown.history] == [
        ("boss", None, "NEW", "The door is broken."),
        ("boss", "NEW", "SCHEDULED", ""),
        ("boss", "SCHEDULED", "SCHEDULED", "Jo has the key."),
        ("boss", "SCHEDULED", "CANCELLED", ""),
    ]
    assert (shown.assigned_to, shown.scheduled_date, shown.building_code) == (
        "Jo", date(2024, 8, 20), "TWR01",
    )  # fmt: skip


async def test_connecting_and_disconnecting_switch_the_site_and_its_meters(
    door, boss, home, owner
) -> None:
    off = await ordered(door, boss, "DISCONNECT", home.sites[0])
    done = await changed(door, boss, off, status="COMPLETE", completed_date=date(2024, 8, 15))
    assert (done.status, done.site_status) == ("COMPLETE", "DE_ENERGISED")
    look = (
        "select l.site_status, l.site_status_on, m.meter_state from locations.location as l"
        " inner join metering.installation as i using (location_id)"
        " inner join metering.meter as m using (meter_id) where l.site_identifier = $1"
    )
    assert tuple(await owner.fetchrow(look, home.sites[0])) == (
        "DE_ENERGISED", date(2024, 8, 15), "DISCONNECTED",
    )  # fmt: skip
    assert (await owner.fetchrow(look, home.sites[1]))["meter_state"] == "UNKNOWN"
    on = await ordered(door, boss, "CONNECT", home.sites[0])
    assert (await changed(door, boss, on, status="COMPLETE")).site_status == "ENERGISED"
    assert tuple(await owner.fetchrow(look, home.sites[0])) == ("ENERGISED", TODAY, "CONNECTED")


async def test_life_support_is_not_cut_off_by_an_order(door, boss, home, owner) -> None:
    await owner.execute("update locations.location set life_support = true")
    order = await ordered(door, boss, "DISCONNECT", home.sites[0])
    with pytest.raises(LifeSupportSupplied):
        await changed(door, boss, order, status="COMPLETE")
    (shown,) = await orders(door, boss, work_order_id=order)
    assert shown.status == "NEW"
    with pytest.raises(LifeSupportSupplied):
        await stood(door, boss, home.sites[0], "DE_ENERGISED")


async def test_reading_orders_are_complete_with_their_reads(door, boss, home, owner) -> None:
    order = await ordered(door, boss, "SPECIAL_READ", home.sites[0])
    with pytest.raises(Invalid, match=r"work_orders\[0\]\.reads"):
        await changed(door, boss, order, status="COMPLETE")
    read = RegisterRead(home.meters[0], Decimal("12100.5"), read_date=date(2024, 8, 14))
    done = await changed(door, boss, order, status="COMPLETE", reads=[read])
    number = await owner.fetchval("select read_id from reads.read order by read_at desc limit 1")
    assert done.reads_created == [number]
    row = await owner.fetchrow("select value, read_at from reads.read order by read_at desc")
    assert tuple(row) == (12100500, datetime(2024, 8, 14, 14, tzinfo=UTC))
    (shown,) = await orders(door, boss, work_order_id=order)
    (kept,) = shown.reads
    assert (kept.meter_code, kept.meter_read, kept.read_type) == (
        home.meters[0], Decimal("12100.5"), "ACTUAL",
    )  # fmt: skip
    late = RegisterRead(home.meters[0], Decimal(13000), read_date=date(2024, 8, 17))
    with pytest.raises(Invalid, match="read_date"):
        await changed(door, boss, order, reads=[late])


async def test_what_work_costs_is_charged_when_it_is_done(door, boss, home, owner) -> None:
    ringo = await moved_in(door, boss, home)
    charge = OrderCharge("ADMIN", Decimal(33))
    with pytest.raises(Invalid, match="who pays"):
        await ordered(door, boss, "OTHER", home.sites[0], charge=charge)
    order = await ordered(
        door, boss, "OTHER", home.sites[0], account_number=ringo.account_number, charge=charge
    )
    assert (await changed(door, boss, order, status="SCHEDULED")).charge_id is None
    await plant(owner, order, "IN_PROGRESS")
    done = await changed(door, boss, order, status="COMPLETE", completed_date=date(2024, 8, 15))
    row = await owner.fetchrow("select charge_id, amount, charge_on from charges.charge")
    assert tuple(row) == (done.charge_id, Decimal(33), date(2024, 8, 15))


async def test_orders_of_a_list_are_all_changed_or_none(door, boss, home) -> None:
    one = await ordered(door, boss, "OTHER", home.sites[0])
    for changes, refusal in (
        ([OrderChange(one, status="SCHEDULED"), OrderChange(9999)], NoSuchOrder),
        ([OrderChange(one, status="SCHEDULED"), OrderChange(one)], Invalid),
        ([OrderChange(one, status="COMPLETE", completed_date=date(2024, 8, 17))], Invalid),
    ):
        with pytest.raises(refusal):
            await door.act(update_orders, UpdateOrders(changes), boss)
    assert [order.status for order in await orders(door, boss)] == ["NEW"]
    for bad, refusal in (
        (NewOrder("OTHER", "nowhere"), NoSuchLocation),
        (NewOrder("OTHER", home.sites[0], serial_number=home.meters[1]), NoSuchMeter),
    ):
        with pytest.raises(refusal):
            await door.act(
                create_orders, CreateOrders([NewOrder("OTHER", home.sites[0]), bad]), boss
            )
    assert len(await orders(door, boss)) == 1


async def test_orders_are_found_by_what_they_are_about(door, boss, home) -> None:
    ringo = await moved_in(door, boss, home)
    other = await ordered(door, boss, "OTHER", home.sites[1], serial_number=home.meters[1])
    assert len(await orders(door, boss, building_code="TWR01")) == 2
    (connect,) = await orders(door, boss, account_number=ringo.account_number)
    assert connect.account_name == "Ringo Starr"
    (found,) = await orders(door, boss, site_identifier=home.sites[1])
    assert (found.work_order_id, found.serial_number) == (other, home.meters[1])
    assert await orders(door, boss, status="COMPLETE") == []
    assert len(await orders(door, boss, start_date=TODAY, end_date=TODAY)) == 2
    assert await orders(door, boss, end_date=date(2024, 8, 15)) == []
    with pytest.raises(Invalid):
        await orders(door, boss, start_date=TODAY, end_date=date(2024, 8, 15))


@pytest.mark.parametrize(
    ("path", "last"),
    [
        (["DE_ENERGISED", "ENERGISED", "DE_ENERGISED", "EXTINCT"], None),
        (["EXTINCT"], "EXTINCT"),
        (["NOT_READY"], "NOT_READY"),
        (["DE_ENERGISED", "EXTINCT", "ENERGISED"], "ENERGISED"),
    ],
)
async def test_a_site_goes_the_way_of_all_sites(
    door, boss, home, path: list[str], last: str | None
) -> None:
    for status in path:
        if status == last:
            with pytest.raises(SiteStatusOutOfTurn):
                await stood(door, boss, home.sites[0], status)
        else:
            assert (await stood(door, boss, home.sites[0], status)).site_status == status


async def test_a_site_is_not_extinct_while_somebody_is_supplied(door, boss, home, owner) -> None:
    await moved_in(door, boss, home, date(2024, 9, 1))
    done = await stood(door, boss, home.sites[0], "DE_ENERGISED", reason="Nobody there.")
    assert (done.previous_status, done.effective_date) == ("ENERGISED", TODAY)
    with pytest.raises(SiteSupplied):
        await stood(door, boss, home.sites[0], "EXTINCT")
    note = await owner.fetchrow(
        "select y.subject, n.text from activities.activity as y"
        " inner join activities.note as n using (activity_id) where y.type_code = 'SITE'"
    )
    assert tuple(note) == ("ENERGISED → DE_ENERGISED from 2024-08-16", "Nobody there.")


async def test_a_site_is_named_with_its_own_building(door, boss, home) -> None:
    other = await tower(door, boss, code="OTHER", sites_from=90)
    with pytest.raises(SiteElsewhere):
        await stood(door, boss, other.sites[0], "DE_ENERGISED")
    same = await stood(door, boss, home.sites[0], "ENERGISED")
    assert (same.site_status, same.previous_status) == ("ENERGISED", "ENERGISED")
