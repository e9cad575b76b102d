"""The reads of an account: within its agreements, each on its side of midnight, as once known."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from tests.basicreads.test_basic import IDENTIFIERS, basic, post
from tests.houses import small_house
from tests.shared import shared_urls, urls  # noqa: F401
from tests.validation.measured import days_of, measured

from currant.access.model import Actor
from currant.basicreads.model import AccountRead, ReadsOfAccount
from currant.basicreads.verbs import account_reads
from currant.customers.model import NoSuchAccount
from currant.door import Door
from currant.errors import Invalid
from currant.intervals.model import AccountDay
from currant.intervals.verbs import account_days

SWAP = """
update locations.location set site_identifier = 'AWAY' where site_identifier = '4100000002';
update locations.location set site_identifier = '4100000002' where site_identifier = 'NMIH1';
"""
LATER = "20260301000001"
YEAR = (date(2026, 1, 1), date(2026, 12, 31))


async def listed(door: Door, boss: Actor, account: str, **more: object) -> list[AccountRead]:
    async with door.asking(account_reads, boss) as tx:
        return [row async for row in account_reads(tx, ReadsOfAccount(account, *YEAR, **more))]


async def told(door: Door, boss: Actor, account: str, **more: object) -> list[tuple]:
    rows = await listed(door, boss, account, **more)
    return [
        (f"{row.read_date:%m-%d}", int(row.meter_read), row.read_sub_type, row.consumption,
         row.status)
        for row in rows
    ]  # fmt: skip


@pytest.fixture
async def account(door: Door, boss: Actor, owner) -> str:
    """The account of a site with a meter since New Year."""
    house = await small_house(door, boss, opening="", installed="2026-01-01")
    await owner.execute(IDENTIFIERS)
    await owner.execute("update customers.agreement set valid = '[2026-01-01T05:00Z,)'")
    return house.accounts[0]


async def test_reads_are_listed_with_all_that_is_known(door: Door, boss, account) -> None:
    await post(
        door, boss, basic("2026-01-01", "9950", "OPENING"),
        basic("2026-01-31", "20", add_factor=10_000, audit_notes="ok",
              next_scheduled_read_date=date(2026, 2, 28), temp_factor=Decimal("0.9")),
    )  # fmt: skip
    posted = await post(door, boss, basic("2026-02-10", "40", "ESTIMATE"))
    opening, actual, estimate = await listed(door, boss, account)
    assert (opening.read_date, opening.consumption) == (date(2026, 1, 1), None)
    assert (actual.read_date, actual.previous_read_date) == (date(2026, 1, 31), date(2025, 12, 31))
    assert (actual.add_factor, actual.consumption, actual.multiplier) == (10_000, 70, 1)
    assert (actual.next_scheduled_read_date, actual.temp_factor) == (
        date(2026, 2, 28), Decimal("0.9"),
    )  # fmt: skip
    assert (actual.audit_notes, actual.source, actual.estimated) == ("ok", "boss", False)
    assert (estimate.estimated, estimate.read_id) == (True, posted[0].read_id)
    assert (actual.site_identifier, actual.serial_number, actual.unit) == ("NMIH1", "M1", "kWh")
    assert await told(door, boss, account, site_identifier="nmih9") == []
    assert len(await told(door, boss, account, meter_code="M1")) == 3


async def test_what_counts_no_longer_and_what_is_in_review(door: Door, boss, account) -> None:
    await post(door, boss, basic("2026-01-10", "100"), basic("2026-01-20", "900", "ESTIMATE"))
    await post(door, boss, basic("2026-01-25", "150"), basic("2026-01-26", "120"))
    await post(door, boss, basic("2026-01-25", "150", "MISREAD"))
    await post(door, boss, basic("2026-01-25", "110"))
    assert await told(door, boss, account) == [
        ("01-10", 100, "ACTUAL", None, "ACCEPTED"),
        ("01-20", 900, "ESTIMATE", None, "SUPERSEDED"),
        ("01-25", 150, "ACTUAL", None, "MISREAD"),
        ("01-25", 110, "ACTUAL", 10, "ACCEPTED"),
        ("01-26", 120, "ACTUAL", None, "IN_REVIEW"),
    ]


async def test_what_was_known_when(door: Door, boss, account) -> None:
    await post(door, boss, basic("2026-01-10", "100"), basic("2026-01-31", "130", "ESTIMATE"))
    then = door.clock.now()
    door.clock.advance(timedelta(days=1))
    await post(door, boss, basic("2026-01-31", "120"))
    assert (await told(door, boss, account))[1:] == [("01-31", 120, "ACTUAL", 20, "ACCEPTED")]
    assert (await told(door, boss, account, as_of=then))[1:] == [
        ("01-31", 130, "ESTIMATE", 30, "ACCEPTED"),
    ]  # fmt: skip
    assert await told(door, boss, account, as_of=then - timedelta(days=9)) == []


async def test_a_move_is_told_to_both(door: Door, boss, owner, account) -> None:
    await post(
        door, boss, basic("2026-01-01", "0", "OPENING"), basic("2026-01-31", "70", "CLOSING"),
        basic("2026-02-01", "70", "OPENING"), basic("2026-02-28", "90"),
    )  # fmt: skip
    other = (await small_house(door, boss, first=2, rate=None, opening="")).accounts[0]
    await owner.execute(
        "delete from customers.agreement where account_id = "
        "(select account_id from customers.account where account = $1)",
        other,
    )
    await owner.execute("update customers.agreement set "
                        "valid = '[2026-01-01T05:00Z,2026-02-01T05:00Z)'")  # fmt: skip
    await owner.execute(
        "insert into customers.agreement (portal_id, account_id, location_id, product_type, valid) "
        "select g.portal_id, a.account_id, g.location_id, g.product_type, '[2026-02-01T05:00Z,)' "
        "from customers.agreement as g cross join customers.account as a where a.account = $1",
        other,
    )
    assert await told(door, boss, account) == [
        ("01-01", 0, "OPENING", None, "ACCEPTED"), ("01-31", 70, "CLOSING", 70, "ACCEPTED"),
    ]  # fmt: skip
    assert await told(door, boss, other) == [
        ("02-01", 70, "OPENING", 70, "ACCEPTED"), ("02-28", 90, "ACTUAL", 20, "ACCEPTED"),
    ]  # fmt: skip


async def test_days_of_intervals_are_listed(door: Door, boss, owner, account) -> None:
    await measured(door, boss, owner, days_of(first=date(2026, 2, 20)), number=2)
    await owner.execute(
        "update metering.installation set location_id = (select location_id from "
        "locations.location where site_identifier = 'NMIH1')"
    )
    await owner.execute(SWAP)

    async def days(**more: datetime) -> list[AccountDay]:
        async with door.asking(account_days, boss) as tx:
            question = ReadsOfAccount(account, date(2026, 2, 1), date(2026, 2, 21), **more)
            return [row async for row in account_days(tx, question)]

    first, second = await days()
    assert (first.read_date, second.read_date) == (date(2026, 2, 20), date(2026, 2, 21))
    assert (first.intervals, first.day_total) == ([Decimal("0.5")] * 48, 24)
    assert (first.interval_minutes, first.quality, first.datastream) == (30, "A", "E1")
    then = door.clock.now()
    door.clock.advance(timedelta(hours=1))
    await measured(door, boss, owner, {date(2026, 2, 20): 100}, number=2, updated=LATER)
    assert [(await days())[0].day_total, (await days(as_of=then))[0].day_total] == [
        Decimal("4.8"), 24,
    ]  # fmt: skip


async def test_bad_questions_are_refused(door: Door, boss, account) -> None:
    with pytest.raises(NoSuchAccount):
        await listed(door, boss, "99999")
    async with door.asking(account_reads, boss) as tx:
        with pytest.raises(Invalid, match="before the first"):
            [row async for row in account_reads(tx, ReadsOfAccount(account, *reversed(YEAR)))]
