"""What accounts and sites used: by reads and by intervals, in months that add up, beside a gate."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from tests.usage.conftest import agreement_of, measure, read_at, stream

from currant.customers.model import NoSuchAccount
from currant.errors import Invalid
from currant.usage.model import (
    GatesWanted,
    Granularity,
    NotSuppliedThere,
    SiteUsageWanted,
    UsageWanted,
)
from currant.usage.verbs import (
    actual_usage,
    gate_usage,
    normalised_usage,
    site_intervals,
    site_usage,
)

ZONE = ZoneInfo("America/New_York")


def end_of(month: int, day: int, year: int = 2024) -> datetime:
    """The instant of a read of a date: the midnight that ends it."""
    at = date(year, month, day) + timedelta(days=1)
    return datetime(at.year, at.month, at.day, tzinfo=ZONE)


async def running_example(owner, serial: str) -> None:
    """Reads of 20 and 30 June, 31 July and 10 August: 100, 310 and 100 kWh between them."""
    for at, kwh in ((end_of(6, 20), 0), (end_of(6, 30), 100), (end_of(7, 31), 410)):
        await read_at(owner, serial, at, kwh * 1000)
    await read_at(owner, serial, end_of(8, 10), 510_000)


def wanted(account: str, first: date, last: date, **more) -> UsageWanted:
    return UsageWanted(account, first, last, **more)


SUMMER = (date(2024, 6, 1), date(2024, 8, 31))


async def test_the_running_example_gives_the_documented_months(door, boss, owner, house) -> None:
    """Conformance.md U18: 100, 310 and 100, of 10, 31 and 10 days."""
    await running_example(owner, house.serials[0])
    question = wanted(house.accounts[0], *SUMMER)
    actual = await door.ask(actual_usage, question, boss)
    assert [(row.quantity, row.start_day, row.end_day, row.days, row.basis) for row in actual] == [
        (100_000, date(2024, 6, 21), date(2024, 6, 30), 10, "ACTUAL"),
        (310_000, date(2024, 7, 1), date(2024, 7, 31), 31, "ACTUAL"),
        (100_000, date(2024, 8, 1), date(2024, 8, 10), 10, "ACTUAL"),
    ]
    months = await door.ask(normalised_usage, question, boss)
    told = [(row.month, row.quantity, row.days_covered, row.days_in_month) for row in months]
    assert told == [
        (date(2024, 6, 1), 100_000, 10, 30),
        (date(2024, 7, 1), 310_000, 31, 31),
        (date(2024, 8, 1), 100_000, 10, 31),
    ]
    assert {row.basis for row in months} == {"PRORATA"}
    assert months[0].register.serial_number == house.serials[0]


async def test_months_are_whole_whatever_days_are_asked_for(door, boss, owner, house) -> None:
    """And windows one after another tell each difference of reads once."""
    await running_example(owner, house.serials[0])
    account = house.accounts[0]
    months = await door.ask(
        normalised_usage, wanted(account, date(2024, 7, 15), date(2024, 7, 16)), boss
    )
    assert [(row.month.month, row.quantity) for row in months] == [(7, 310_000)]
    found = []
    for first, last in ((1, 14), (15, 31)):
        span = wanted(account, date(2024, 7, first), date(2024, 7, last))
        found += await door.ask(actual_usage, span, boss)
    assert [row.quantity for row in found] == [310_000]


async def test_reads_across_months_are_shared_so_that_months_add_up(
    door, boss, owner, house
) -> None:
    """100 Wh over 3 days of May, 30 of June and 1 of July: 9, 88 and 3."""
    await read_at(owner, house.serials[0], end_of(5, 28), 1_000)
    await read_at(owner, house.serials[0], end_of(7, 1), 1_100)
    months = await door.ask(
        normalised_usage, wanted(house.accounts[0], date(2024, 5, 1), date(2024, 7, 31)), boss
    )
    assert [(row.quantity, row.days_covered) for row in months] == [(9, 3), (88, 30), (3, 1)]


async def test_a_change_of_tenant_between_reads_is_cut_by_time(door, boss, owner, house) -> None:
    """Nobody read on the day of the move: each account has its share, told to be estimated."""
    serial, moved = house.serials[0], end_of(7, 9)
    await running_example(owner, serial)
    first, second = [await agreement_of(owner, account) for account in house.accounts]
    await owner.execute(
        "update customers.agreement set valid = tstzrange('2023-01-01', $2) "
        "where agreement_id = $1",
        first, moved,
    )  # fmt: skip
    await owner.execute(
        "update customers.agreement as a set valid = tstzrange($3, null), "
        "location_id = b.location_id from customers.agreement as b "
        "where a.agreement_id = $2 and b.agreement_id = $1",
        first, second, moved,
    )  # fmt: skip
    july = (date(2024, 7, 1), date(2024, 7, 31))
    rows = [
        row
        for account in house.accounts
        for row in await door.ask(actual_usage, wanted(account, *july), boss)
    ]
    before, after = rows
    assert (before.quantity, before.days, before.basis) == (90_000, 9, "ESTIMATED")
    assert (after.quantity, after.days, after.basis) == (220_000, 22, "ESTIMATED")
    assert after.start_day == date(2024, 7, 10)


async def test_intervals_are_summed_by_the_days_of_the_site(door, boss, owner, house) -> None:
    """The meter's clock is +10:00, the site's New York: its day has parts of two register-days."""
    register = await stream(owner, house.serials[0])
    first = date(2024, 6, 28)
    for ahead in range(7):
        wh = [100 * ahead + number for number in range(48)]
        await measure(owner, register, first + timedelta(days=ahead), wh)
    question = wanted(house.accounts[0], date(2024, 6, 29), date(2024, 7, 2))
    months = await door.ask(normalised_usage, question, boss)
    (actual,) = await door.ask(actual_usage, question, boss)
    assert actual.basis == "INTERVAL"
    assert [(row.month.month, row.basis) for row in months] == [(6, "INTERVAL"), (7, "INTERVAL")]

    def between(start: datetime, end: datetime) -> int:
        begin = datetime(2024, 6, 28, tzinfo=ZoneInfo("Etc/GMT-10"))
        return sum(
            100 * ahead + number
            for ahead in range(7)
            for number in range(48)
            if start <= begin + timedelta(days=ahead, minutes=30 * number) < end
        )

    assert actual.quantity == between(end_of(6, 28), end_of(7, 2))
    assert [row.quantity for row in months] == [
        between(end_of(5, 31), end_of(6, 30)),
        between(end_of(6, 30), end_of(7, 31)),
    ]
    assert [row.days_covered for row in months] == [3, 3]


async def test_a_day_counts_when_all_its_intervals_are_there(door, boss, owner, house) -> None:
    """The meter's day begins 14 hours before the site's: 1 July lacks one, of 3 July one is in."""
    register = await stream(owner, house.serials[0])
    missing = {date(2024, 7, 2): range(10, 12), date(2024, 7, 3): range(30, 48)}
    for ahead in range(4):
        day = date(2024, 6, 30) + timedelta(days=ahead)
        lost = missing.get(day, range(0))
        wh = [0 if number in lost else 100 for number in range(48)]
        quality = "".join("N" if number in lost else "A" for number in range(48))
        await measure(owner, register, day, wh, quality=quality if lost else "A")
    await owner.execute("update locations.location set site_identifier = 'NMI' || location_id")
    site = await owner.fetchval("select site_identifier from locations.location limit 1")
    july = (date(2024, 7, 1), date(2024, 7, 31))
    (actual,) = await door.ask(actual_usage, wanted(house.accounts[0], *july), boss)
    assert (actual.quantity, actual.days, actual.end_day) == (9_600, 1, date(2024, 7, 3))
    (month,) = await door.ask(normalised_usage, wanted(house.accounts[0], *july), boss)
    assert (month.quantity, month.days_covered) == (9_600, 1)
    (used,) = await door.ask(site_usage, SiteUsageWanted(house.accounts[0], site, *july), boss)
    assert (used.quantity, used.days, used.of_days) == (9_600, 1, 4_800)


async def test_a_loss_factor_of_the_building_is_told_beside_what_was_measured(
    door, boss, owner, house
) -> None:
    """1.0514 × 0.9876 makes 1.038363 (U19); the site has none of its own."""
    await running_example(owner, house.serials[0])
    await owner.execute(
        "with made as (insert into locations.building (portal_id, building_code, name, created_at, "
        "last_mod) select portal_id, 'B1', 'Building', now(), now() from access.portal "
        "where key = 'example' returning portal_id, building_id), placed as (update "
        "locations.location as l set building_id = m.building_id from made as m) "
        "insert into locations.loss_factor (portal_id, building_id, dlf, mlf, valid) "
        "select portal_id, building_id, 1.0514, 0.9876, '[2024-01-01,)' from made"
    )
    rows = await door.ask(actual_usage, wanted(house.accounts[0], *SUMMER), boss)
    assert [row.loss_millionths for row in rows] == [1_038_363] * 3
    assert [row.loss_adjusted_quantity for row in rows] == [103_836, 321_893, 103_836]


async def test_a_site_tells_months_and_days_beside_the_year_before(
    door, boss, owner, house
) -> None:
    account = house.accounts[0]
    await running_example(owner, house.serials[0])
    await read_at(owner, house.serials[0], end_of(6, 30, 2025), 600_000)
    await owner.execute("update locations.location set site_identifier = 'NMI' || location_id")
    site = await owner.fetchval("select site_identifier from locations.location limit 1")
    year = SiteUsageWanted(account, site, date(2024, 6, 1), date(2025, 7, 31))
    rows = {row.period_start: row for row in await door.ask(site_usage, year, boss)}
    assert rows[date(2024, 7, 1)].quantity == 310_000
    assert rows[date(2025, 6, 1)].last_year == 100_000
    assert rows[date(2024, 6, 1)].last_year is None
    assert rows[date(2024, 7, 1)].demand_w is None
    daily = SiteUsageWanted(account, site, date(2024, 6, 25), date(2024, 7, 2), Granularity.DAY)
    days = await door.ask(site_usage, daily, boss)
    assert [row.quantity for row in days] == [10_000] * 8
    with pytest.raises(NotSuppliedThere):
        await door.ask(site_usage, SiteUsageWanted(account, "X", *SUMMER), boss)
    with pytest.raises(NoSuchAccount):
        await door.ask(actual_usage, wanted("77777", *SUMMER), boss)


async def test_registers_of_parts_of_the_day_are_told_and_not_added(
    door, boss, owner, house
) -> None:
    """Rule 18: the whole is 1.8.0, its parts 1.8.1 and 1.8.2."""
    serial = house.serials[0]
    for number, kind in ((11, "PEAK"), (12, "OFFPEAK")):
        await owner.execute(
            "insert into metering.register (portal_id, meter_id, register_no, meter_type_code) "
            "select portal_id, meter_id, $2, $3 from metering.meter where serial_number = $1",
            serial, number, kind,
        )  # fmt: skip
    for number, wh in ((1, 3_000), (11, 1_000), (12, 2_000)):
        await read_at(owner, serial, end_of(6, 30), 0, number=number)
        await read_at(owner, serial, end_of(7, 31), wh, number=number)
    await owner.execute("update locations.location set site_identifier = 'NMI' || location_id")
    site = await owner.fetchval("select site_identifier from locations.location limit 1")
    question = SiteUsageWanted(house.accounts[0], site, date(2024, 7, 1), date(2024, 7, 31))
    (row,) = await door.ask(site_usage, question, boss)
    assert (row.quantity, row.peak, row.offpeak, row.shoulder) == (3_000, 1_000, 2_000, None)


async def test_a_site_with_intervals_tells_demand_and_time_of_use(door, boss, owner, house) -> None:
    register = await stream(owner, house.serials[0])
    exported = await stream(owner, house.serials[0], direction="I", number=2)
    for ahead in range(3):
        day = date(2024, 7, 2) + timedelta(days=ahead)
        await measure(owner, register, day, [10] * 47 + [500])
        await measure(owner, exported, day, [1] * 48)
    await owner.execute(
        "with made as (insert into tariffs.calendar (portal_id, name, clock) "
        "select portal_id, 'TOU', '+10:00' from access.portal where key = 'example' "
        "returning portal_id, calendar_id), switched as (insert into tariffs.calendar_switch "
        "(portal_id, calendar_id, day_type, minute, bucket) select m.portal_id, m.calendar_id, "
        "'WEEKDAY', s.minute, s.bucket from made as m, (values (0, 1), (720, 2)) as s "
        "(minute, bucket)) "
        "update tariffs.tariff as t set calendar_id = m.calendar_id from made as m"
    )
    await owner.execute("update tariffs.assignment set valid = tstzrange('2023-01-01', null)")
    await owner.execute(
        "update tariffs.rate set tier = 'T1', description = 'Off-peak usage', "
        "valid = tstzrange('2023-01-01', null)"
    )
    await owner.execute(
        "insert into tariffs.rate (portal_id, tariff_id, tier, valid, rate, usage_base_start, "
        "units, service, coa, ar_coa, taxable, description, last_mod) "
        "select portal_id, tariff_id, 'T2', valid, rate, 0, units, service, coa, ar_coa, taxable, "
        "'Peak usage', last_mod from tariffs.rate"
    )
    await owner.execute("update locations.location set site_identifier = 'NMI' || location_id")
    site = await owner.fetchval("select site_identifier from locations.location limit 1")
    question = SiteUsageWanted(house.accounts[0], site, date(2024, 7, 1), date(2024, 7, 31))
    (row,) = await door.ask(site_usage, question, boss)
    assert (row.quantity, row.export_quantity) == (3 * 970, 3 * 48)
    assert (row.peak, row.offpeak, row.demand_w) == (3 * 730, 3 * 240, 1000)
    told = await door.ask(site_intervals, question, boss)
    assert len(told) == 3 * 48
    assert (told[0].start_at, told[0].minutes) == (datetime(2024, 7, 1, 14, tzinfo=UTC), 30)
    assert [(row.quantity, row.export_quantity) for row in told] == [*[(10, 1)] * 47, (500, 1)] * 3
    year = SiteUsageWanted(house.accounts[0], site, date(2024, 1, 1), date(2024, 12, 31))
    with pytest.raises(Invalid, match="100 days"):
        await door.ask(site_intervals, year, boss)
    for last, finely, told in (
        (date(2014, 5, 1), Granularity.MONTH, "160 at most"),
        (date(2003, 1, 5), Granularity.DAY, "1100 at most"),
        (date(2999, 12, 31), Granularity.DAY, "1100 at most"),
    ):
        first = date(2001, 1, 1) if finely is Granularity.MONTH else date(2000, 1, 1)
        long = SiteUsageWanted(house.accounts[0], site, first, last, granularity=finely)
        with pytest.raises(Invalid, match=told) as refused:
            await door.ask(site_usage, long, boss)
        assert refused.value.field == "end_date"
    ever = wanted(house.accounts[0], date(1900, 1, 1), date(2999, 12, 31))
    months = await door.ask(normalised_usage, ever, boss)
    assert [(row.month, row.days_covered, row.quantity) for row in months] == [
        (date(2024, 7, 1), 2, 3 * 970), (date(2024, 7, 1), 2, 3 * 48),
    ]  # fmt: skip


async def test_a_gate_meter_is_held_against_the_sites_behind_it(door, boss, owner, house) -> None:
    """600 Wh a day passed the gate, 552 were measured behind it; one site was never read."""
    await owner.execute(
        "update locations.location as l set parent_location_id = p.location_id "
        "from locations.location as p where p.loc_id = $1 and l.loc_id = $2",
        house.loc_ids[0], house.loc_ids[1],
    )  # fmt: skip
    await owner.execute(
        "insert into locations.location (portal_id, loc_id, external_key, address_1, city, state, "
        "zip, created_at, last_mod, parent_location_id) select portal_id, 'L00009', 'H9', 'a', "
        "'b', 'c', 'd', now(), now(), location_id from locations.location where loc_id = $1",
        house.loc_ids[0],
    )
    await read_at(owner, house.serials[0], end_of(6, 30), 0)
    await read_at(owner, house.serials[0], end_of(7, 31), 31 * 600)
    register = await stream(owner, house.serials[1], minutes=30)
    for ahead in range(33):
        await measure(owner, register, date(2024, 6, 30) + timedelta(days=ahead), [11, 12] * 24)
    july = GatesWanted(date(2024, 7, 1), date(2024, 7, 31))
    (row,) = await door.ask(gate_usage, july, boss)
    assert (row.loc_id, row.sites, row.unread) == (house.loc_ids[0], 2, ["L00009"])
    assert (row.gate_wh, row.gate_days, row.sites_wh) == (31 * 600, 31, 31 * 552)
    assert row.difference_wh == 31 * 48
    await owner.execute(
        "insert into metering.register (portal_id, meter_id, register_no, meter_type_code) "
        "select portal_id, meter_id, 11, 'PEAK' from metering.meter where serial_number = $1",
        house.serials[0],
    )  # fmt: skip
    await read_at(owner, house.serials[0], end_of(6, 30), 0, number=11)
    await read_at(owner, house.serials[0], end_of(7, 31), 5_000, number=11)
    assert await door.ask(gate_usage, july, boss) == [row]  # A part of the whole is not added.
    solar = await stream(owner, house.serials[1], direction="I", number=2)
    for ahead in range(33):
        await measure(owner, solar, date(2024, 6, 30) + timedelta(days=ahead), [1] * 48)
    (row,) = await door.ask(gate_usage, july, boss)  # What the sun gave the neighbours used.
    assert (row.sites_wh, row.difference_wh) == (31 * 504, 31 * 96)
