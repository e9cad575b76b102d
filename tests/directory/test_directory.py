"""Buildings, sites, meters and customers at a glance: every member that a client asks for."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from msgspec.structs import replace
from tests.buildings import tower
from tests.houses import linear_tariff, small_house
from tests.moves.test_moves import RINGO, moved_in, moved_out

from currant.customers.model import (
    AddressTold,
    ConcessionTold,
    ContactTold,
    DirectDebitTold,
    NoSuchAccount,
)
from currant.directory.model import (
    BuildingsWanted,
    CustomerWanted,
    GateMeter,
    SiteMetersWanted,
    SitesWanted,
    SiteWanted,
)
from currant.directory.verbs import (
    customer_details,
    list_buildings,
    list_sites,
    show_site,
    site_registers,
)
from currant.errors import Forbidden
from currant.installations.model import CreateMeters, ExchangeMeter, NewMeter, ReadTold
from currant.installations.verbs import create_meters, exchange_meter
from currant.locations.model import CreateSites, NewSite, NoSuchBuilding, NoSuchLocation
from currant.locations.verbs import create_sites
from currant.metering.model import MeterTold, NewRegister, RegisterRead
from currant.supply.model import LocationWanted, MeterWanted
from currant.supply.verbs import show_location, show_meter

NOON = datetime(2024, 8, 16, 2, tzinfo=UTC)


@pytest.fixture
def clock(clock):
    clock.set(NOON)
    return clock


@pytest.fixture
async def home(door, boss):
    await linear_tariff(door, boss, "RES-FLAT", "0.285")
    return await tower(door, boss, units=2, plan="RES-FLAT", attributes={"lifts": 2})


async def sites(door, boss, **wanted) -> list:
    async with door.asking(list_sites, boss) as tx:
        return [site async for site in list_sites(tx, SitesWanted("twr01", **wanted))]


async def test_a_building_counts_its_sites_and_names_its_gate(door, boss, home) -> None:
    gate = NewSite("TWR01", "GATE000001", site_type="GATE")
    await door.act(create_sites, CreateSites([gate]), boss)
    meters = [
        NewMeter("G1", site_identifier="GATE000001"),
        NewMeter("W1", site_identifier=home.sites[1], product_type="COLD_WATER"),
    ]
    await door.act(create_meters, CreateMeters(meters), boss)
    await moved_in(door, boss, home)
    (building,) = await door.ask(list_buildings, BuildingsWanted(), boss)
    assert (building.site_count, building.vacant_site_count) == (3, 1)
    assert building.product_types == ["COLD_WATER", "ELECTRICITY"]
    assert building.gate_meters == [GateMeter("GATE000001", "G1", "ELECTRICITY")]
    assert (building.timezone, building.attributes) == ("Australia/Sydney", {"lifts": 2})
    assert (building.address.line_1, building.address.country) == ("1 High Street", "AU")
    assert await door.ask(list_buildings, BuildingsWanted(network="Other"), boss) == []
    assert await door.ask(list_buildings, BuildingsWanted(active=False), boss) == []


async def test_a_site_has_a_row_for_each_product(door, boss, home) -> None:
    water = NewMeter("W1", site_identifier=home.sites[1], product_type="COLD_WATER")
    await door.act(create_meters, CreateMeters([water]), boss)
    ringo = await moved_in(door, boss, home)
    rows = await sites(door, boss)
    assert [(row.site_identifier, row.product_type, row.occupancy) for row in rows] == [
        (home.sites[0], "ELECTRICITY", "OCCUPIED"),
        (home.sites[1], "COLD_WATER", "VACANT"),
        (home.sites[1], "ELECTRICITY", "VACANT"),
    ]
    first = rows[0]
    assert (first.account_number, first.account_name) == (ringo.account_number, "Ringo Starr")
    assert (first.nmi_checksum, first.metering_type, first.price_plan_code, first.site_name) == (
        3, "BASIC", "RES-FLAT", "Unit 12",
    )  # fmt: skip
    assert len(await sites(door, boss, occupancy="VACANT")) == 2
    assert len(await sites(door, boss, occupancy="OCCUPIED", product_type="ELECTRICITY")) == 1
    assert len(await sites(door, boss, site_status="EXTINCT")) == 0
    assert [r.product_type for r in await sites(door, boss, how_many=1, beyond=1)] == ["COLD_WATER"]
    with pytest.raises(NoSuchBuilding):
        async with door.asking(list_sites, boss) as tx:
            assert [site async for site in list_sites(tx, SitesWanted("none"))]


async def test_a_site_in_full_tells_who_is_there_and_who_comes_next(door, boss, home) -> None:
    ringo = await moved_in(door, boss, home)
    await moved_out(door, boss, ringo.account_number, home.sites[0], date(2024, 8, 31))
    paul = await moved_in(door, boss, home, date(2024, 9, 1))
    for key in (home.sites[0], home.loc_ids[0], home.loc_ids[0].lower()):
        site = await door.ask(show_site, SiteWanted(key), boss)
        now, then = site.current_agreement, site.next_agreement
        assert (now.account_number, now.end_date, now.status) == (
            ringo.account_number, date(2024, 8, 31), "PENDING_MOVE_OUT",
        )  # fmt: skip
        assert (then.account_number, then.start_date, then.end_date, then.status) == (
            paul.account_number, date(2024, 9, 1), None, "PENDING_MOVE_IN",
        )  # fmt: skip
    assert [(m.serial_number, m.register, m.status) for m in site.meters] == [
        (home.meters[0], 1, "ACTIVE")
    ]
    assert (site.network, site.phases, site.product_types) == ("Ausgrid", 1, ["ELECTRICITY"])
    with pytest.raises(NoSuchLocation):
        await door.ask(show_site, SiteWanted("nowhere"), boss)


async def test_registers_tell_their_last_read_before_the_multiplier(door, boss, home) -> None:
    transformed = NewMeter(
        "CT1", factor=Decimal(40), dials=5, site_identifier=home.sites[1],
        installed_on=date(2024, 7, 1), opening_reads=[ReadTold(Decimal("7.5"))],
        registers=[
            NewRegister(meter_code="CT1-A"),
            NewRegister(2, metering_type="AM", datastream="B1", direction="I", interval_minutes=30),
        ],
    )  # fmt: skip
    await door.act(create_meters, CreateMeters([transformed]), boss)
    rows = await door.ask(site_registers, SiteMetersWanted(home.sites[1]), boss)
    found = {(row.meter_code, row.meter_register): row for row in rows}
    assert set(found) == {("CT1-A", 1), ("CT1", 2), (home.meters[1], 1)}
    row = found["CT1-A", 1]
    assert (row.last_read, row.last_read_date, row.last_read_type) == (
        Decimal("7.5"), date(2024, 7, 1), "OPENING",
    )  # fmt: skip
    assert (row.multiplier, row.dial_format, row.unit) == (40, 5, "kWh")
    assert (found["CT1", 2].direction_indicator, found["CT1", 2].last_read) == ("I", None)
    before = SiteMetersWanted(home.sites[1], date(2024, 6, 30))
    assert [r.serial_number for r in await door.ask(site_registers, before, boss)] == [
        home.meters[1]
    ]


async def test_an_exchanged_meter_closes_where_the_new_one_opens(door, boss, home, owner) -> None:
    await moved_in(door, boss, home)
    swap = ExchangeMeter(
        home.meters[0], date(2024, 8, 1), MeterTold("NEW-1", dials=6, registers=[]),
        closing_reads=[ReadTold(Decimal(12410))], opening_reads=[ReadTold(Decimal(3))],
    )  # fmt: skip
    done = await door.act(exchange_meter, swap, boss)
    assert (done.site, done.doubted) == (home.sites[0], [])
    (row,) = await door.ask(site_registers, SiteMetersWanted(home.sites[0]), boss)
    assert (row.serial_number, row.install_date, row.last_read) == (
        "NEW-1", date(2024, 8, 1), Decimal(3),
    )  # fmt: skip
    ever = SiteMetersWanted(home.sites[0], include_inactive=True)
    _, old = await door.ask(site_registers, ever, boss)
    assert (old.serial_number, old.removed_date, old.meter_status_code) == (
        home.meters[0], date(2024, 8, 1), "INACTIVE",
    )  # fmt: skip
    assert (old.last_read, old.last_read_date) == (Decimal(12410), date(2024, 7, 31))
    plan = "select m.serial_number, upper(a.valid) is null from tariffs.assignment as a"
    rows = await owner.fetch(
        f"{plan} inner join metering.meter as m using (meter_id)"
        " where m.serial_number in ('NEW-1', $1) order by 1",
        home.meters[0],
    )
    assert [tuple(r) for r in rows] == [("NEW-1", True), (home.meters[0], False)]
    _, meter = await door.ask(show_meter, MeterWanted("NEW-1"), boss)
    assert meter.loc_id == home.loc_ids[0]


async def test_a_customer_in_full_shows_no_secret(door, boss, home, owner) -> None:
    told = replace(
        RINGO,
        sales_cust_number="5003986",
        account_manager="Brian",
        contacts=[
            ContactTold(
                first_name="Ringo", last_name="Starr", date_of_birth=date(1940, 7, 7),
                phone_std="02", phone_no="55550100", mobile_no="0412349856",
                email="ringo@example.com",
            ),
            ContactTold(2, first_name="Maureen", last_name="Cox"),
        ],
        billing_address=AddressTold("1 High Street", suburb="Sydney", postcode="2000"),
        postal_address=AddressTold("PO Box 7", postcode="2001"),
        direct_debit=DirectDebitTold("CARD", "tok_9f8e", "R Starr", "**** 4242", "09/27"),
        concessions=[ConcessionTold("PCC", "123456789A", date(2024, 1, 1), date(2024, 12, 31))],
        customer_notes="Plays the drums.",
        notify_days=5,
    )  # fmt: skip
    ringo = await moved_in(door, boss, home, customer=told, life_support=True)
    for wanted in (
        CustomerWanted(ringo.account_number), CustomerWanted(sales_cust_number="5003986"),
    ):  # fmt: skip
        shown = await door.ask(customer_details, wanted, boss)
    assert (shown.account_status, shown.account_manager, shown.life_support) == (
        "ACTIVE", "Brian", True,
    )  # fmt: skip
    assert [(c.contact_no, c.first_name, c.primary) for c in shown.contacts] == [
        (1, "Ringo", True), (2, "Maureen", False),
    ]  # fmt: skip
    assert [address.type for address in shown.addresses] == ["BILLING", "POSTAL", "SUPPLY"]
    assert shown.direct_debit.masked_number == "**** 4242"
    assert shown.concessions[0].number_masked == "******789A"
    assert (shown.concessions[0].start, shown.concessions[0].end) == (
        date(2024, 1, 1), date(2024, 12, 31),
    )  # fmt: skip
    assert (shown.notify.days, shown.notes) == (5, "Plays the drums.")
    (agreement,) = shown.agreements
    assert (agreement.cust_account_id, agreement.price_plan_code, agreement.start_date) == (
        ringo.cust_account_ids[0], "RES-FLAT", date(2024, 6, 21),
    )  # fmt: skip
    assert agreement.billed_to_date is None
    await owner.execute(
        "insert into invoices.covered (portal_id, agreement_id, days)"
        " select portal_id, agreement_id, '[2024-06-21, 2024-08-01)' from customers.agreement"
    )
    billed = await door.ask(customer_details, wanted, boss)
    assert billed.agreements[0].billed_to_date == date(2024, 7, 31)
    assert (shown.balance, shown.bond_amount, shown.arrears_outstanding) == (0, 0, 0)
    assert "tok_9f8e" not in str(shown)
    assert "123456789A" not in str(shown)
    with pytest.raises(NoSuchAccount):
        await door.ask(customer_details, CustomerWanted("77777"), boss)


async def test_blocked_accounts_are_not_shown(door, boss, home, owner) -> None:
    ringo = await moved_in(door, boss, home)
    await owner.execute(
        "update access.system_user set blocked_accounts = $1 where login = 'boss'",
        ringo.account_number,
    )
    with pytest.raises(Forbidden):
        await door.ask(customer_details, CustomerWanted(ringo.account_number), boss)
    with pytest.raises(Forbidden):
        await door.ask(show_site, SiteWanted(home.sites[0]), boss)
    assert [row.site_identifier for row in await sites(door, boss)] == [home.sites[1]]


async def test_in_juice_who_moved_out_is_unassigned_and_keeps_the_wallet(door, boss, owner) -> None:
    house = await small_house(door, boss, wallet="currency")
    await owner.execute("update prepayment.wallet set balance = 12.5")
    await moved_out(door, boss, house.accounts[0], house.loc_ids[0], date(2024, 8, 15),
                    forwarding_address=AddressTold("2 Low Street"))  # fmt: skip
    _, meter = await door.ask(show_meter, MeterWanted(house.serials[0]), boss)
    _, location = await door.ask(show_location, LocationWanted(house.loc_ids[0]), boss)
    assert (meter.account, location.account) == (house.accounts[0], house.accounts[0])
    clock = door.clock
    clock.set(datetime(2024, 8, 16, 4, tzinfo=UTC))  # Midnight in New York.
    _, meter = await door.ask(show_meter, MeterWanted(house.serials[0]), boss)
    _, location = await door.ask(show_location, LocationWanted(house.loc_ids[0]), boss)
    assert (meter.account, location.account) == (None, None)
    shown = await door.ask(customer_details, CustomerWanted(house.accounts[0]), boss)
    assert [(w.kind, w.balance, w.unit) for w in shown.wallets] == [
        ("currency", Decimal("12.5"), "USD")
    ]


async def test_who_moves_into_a_prepaid_house_has_a_wallet(door, boss, owner) -> None:
    house = await small_house(door, boss, wallet="currency")
    day = date(2024, 8, 15)
    await moved_out(door, boss, house.accounts[0], house.loc_ids[0], day,
                    forwarding_address=AddressTold("2 Low Street"))  # fmt: skip
    prepaid = replace(RINGO, payment_mode="PREPAID")
    home = type("Home", (), {"sites": house.loc_ids})
    read = RegisterRead(house.serials[0], Decimal(0))
    door.clock.set(datetime(2024, 8, 17, 4, tzinfo=UTC))
    ringo = await moved_in(
        door, boss, home, date(2024, 8, 16), customer=prepaid, opening_reads=[read]
    )
    assert ringo.status == "ACTIVE"
    assert await owner.fetchval("select count(*) from prepayment.wallet") == 2
