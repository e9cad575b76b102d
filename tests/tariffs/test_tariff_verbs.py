"""Tariffs at the door: rates in time, revisions, assignments, taxes and calendars."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count, pairwise
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import NOW
from tests.houses import small_house

from currant.access.model import Actor
from currant.access.permissions import Permission, needs
from currant.clock import FrozenClock
from currant.db.tx import Tx
from currant.door import Door
from currant.errors import Conflict, Forbidden, Invalid, Refusal
from currant.metering.model import NoSuchMeter
from currant.tariffs import verbs
from currant.tariffs.book import PriceBook
from currant.tariffs.calendars import UnknownClock, UnsoundCalendar
from currant.tariffs.model import (
    AssignTariff,
    AttachCalendar,
    CreateCalendar,
    CreateTariff,
    NoSuchCalendar,
    NoSuchFixedCharge,
    NoSuchTariff,
    Period,
    Rate,
    RateKindsMixed,
    ScheduleRate,
    SetFixedCharge,
    SetTax,
    Switch,
    TariffsWanted,
    TariffWanted,
    TaxImplausible,
)
from currant.tariffs.pricing import units_for

HOUR = timedelta(hours=1)
NUMBERS = count()


def new(name: str = "HOME", kind: int = 1, **more: Any) -> CreateTariff:
    told = {
        "name": name,
        "description": "",
        "municipality": "",
        "units": "kWh",
        "type": kind,
        "rate": Decimal("0.30"),
        "taxable": True,
        "fuel_charge": False,
        "levies": (),
        "fixed": False,
        "kva_fixed": False,
    }
    return CreateTariff(**(told | more))


def schedule(
    start: datetime, end: datetime, tier: str = "B1", name: str = "HOME", rate: str = "0.40"
) -> ScheduleRate:
    """A rate for [start, end): the seed names the last second."""
    last = end - timedelta(seconds=1)
    return ScheduleRate(
        tariff=name,
        tier=tier,
        rate=Decimal(rate),
        usage_base_start=0,
        start=start.isoformat(),
        end=last.isoformat(),
        service="Electricity",
        units="kWh",
        coa="4005",
        ar_coa="1102",
    )


@needs(Permission.TARIFFS_VIEW)
async def read_book(tx: Tx, tariff_id: int) -> PriceBook:
    """The price book of a tariff as a vend reads it: the revision first."""
    revision = await tx.connection.fetchval(
        "select revision from tariffs.tariff where tariff_id = $1", tariff_id
    )
    return await verbs.price_book(tx, tariff_id, revision)


@pytest.fixture
async def run() -> Callable[[Coroutine[Any, Any, None]], None]:
    """Run a coroutine in the session's loop from a test that is none, as hypothesis needs it."""
    return asyncio.get_running_loop().run_until_complete


@pytest.fixture
async def home(door: Door, boss: Actor) -> int:
    """The tariff HOME with a fixed charge."""
    return (await door.act(verbs.create_tariff, new(fixed=True), boss)).tariff_id


@pytest.fixture
async def portal_id(owner: asyncpg.Connection, portal: str) -> int:
    return await owner.fetchval("select portal_id from access.portal where key = $1", portal)


@pytest.fixture
async def meters(owner: asyncpg.Connection, portal_id: int) -> list[int]:
    rows = await owner.fetch(
        "insert into metering.meter (portal_id, serial_number, device_id, com_type, wallet_kind, "
        "created_at, last_mod) select $1, 'M' || n, '', 'AMR', 'units', now(), now() "
        "from generate_series(1, 3) as n returning meter_id",
        portal_id,
    )
    return [row[0] for row in rows]


# INV-09

DAYS = st.integers(min_value=-5, max_value=60)
STEP = st.tuples(st.sampled_from(["A", "B1", "B2", "T1", "L"]), DAYS, DAYS, st.integers(0, 4))


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(STEP, min_size=1, max_size=12))
def test_each_rate_is_past_present_or_future_and_one_a_tier(run, door, clock, boss, steps) -> None:
    """INV-09 after any schedule: the periods share the rates out, and no two overlap."""
    clock.set(NOW)
    run(_schedule_and_look(door, clock, boss, steps))


async def _schedule_and_look(
    door: Door, clock: FrozenClock, boss: Actor, steps: list[tuple[str, int, int, int]]
) -> None:
    name = f"HOME {next(NUMBERS)}"
    await door.act(verbs.create_tariff, new(name, 2, fuel_charge=True), boss)
    accepted = 3
    for tier, first, length, wait in steps:
        clock.advance(timedelta(days=wait))
        start = clock.now() + timedelta(days=first)
        try:
            command = schedule(start, start + timedelta(days=length), tier, name)
            await door.act(verbs.schedule_rate, command, boss)
        except (Invalid, Conflict):
            continue
        accepted += 1
    present = clock.now()
    for days in (-10, 0, 1, 13, 40, 90, 30 * 365):
        clock.set(present + timedelta(days=days))
        shown: list[Rate] = []
        for period in Period:
            answer = await door.ask(verbs.tariff, TariffWanted(name, period), boss)
            assert all(_is(period, rate, clock.now()) for rate in answer.rates)
            shown += answer.rates
        assert len(shown) == len({rate.rate_id for rate in shown}) == accepted
    for tier in {rate.tier for rate in shown}:
        line = sorted(rate.start_at for rate in shown if rate.tier == tier)
        ends = {rate.start_at: rate.end_at for rate in shown if rate.tier == tier}
        assert all(ends[earlier] <= later for earlier, later in pairwise(line))


def _is(period: Period, rate: Rate, now: datetime) -> bool:
    assert rate.end_at is not None
    if rate.end_at <= now:
        return period is Period.HISTORICAL
    return period is (Period.FUTURE if rate.start_at > now else Period.CURRENT)


# Schedules


async def test_what_ends_before_the_new_line_begins_is_left_alone(door, boss, home) -> None:
    first = schedule(NOW + 10 * HOUR, NOW + 20 * HOUR)
    await door.act(verbs.schedule_rate, first, boss)
    gap = schedule(NOW + 30 * HOUR, NOW + 40 * HOUR)
    await door.act(verbs.schedule_rate, gap, boss)
    shown = await door.ask(verbs.tariff, TariffWanted("HOME", Period.CURRENT), boss)
    assert [rate.end_at for rate in shown.rates] == [NOW + 10 * HOUR]
    shown = await door.ask(verbs.tariff, TariffWanted("HOME", Period.FUTURE), boss)
    assert [(rate.start_at, rate.end_at) for rate in shown.rates] == [
        (NOW + 10 * HOUR, NOW + 20 * HOUR),
        (NOW + 30 * HOUR, NOW + 40 * HOUR),
    ]


async def test_blocks_and_buckets_may_follow_each_other_but_not_meet(door, boss, home) -> None:
    until = schedule(NOW + HOUR, NOW + 10 * HOUR)
    await door.act(verbs.schedule_rate, until, boss)
    with pytest.raises(RateKindsMixed, match="Nothing was scheduled"):
        await door.act(verbs.schedule_rate, schedule(NOW + 9 * HOUR, NOW + 20 * HOUR, "T1"), boss)
    after = schedule(NOW + 10 * HOUR, NOW + 20 * HOUR, "T1")
    assert (await door.act(verbs.schedule_rate, after, boss)).rate.taxable


async def test_a_scheduled_rate_is_taxed_and_described_as_the_one_before(
    door, boss, owner, home
) -> None:
    await owner.execute("update tariffs.rate set taxable = false, description = 'Foo'")
    made = await door.act(verbs.schedule_rate, schedule(NOW + HOUR, NOW + 2 * HOUR), boss)
    assert (made.rate.taxable, made.rate.description) == (False, "Foo")
    made = await door.act(verbs.schedule_rate, schedule(NOW + HOUR, NOW + 2 * HOUR, "B2"), boss)
    assert (made.rate.taxable, made.rate.description) == (False, "Block 2")


# Revisions and the price book


@pytest.fixture
async def calendar(door: Door, boss: Actor, home: int) -> int:
    command = CreateCalendar("Peak", "+10:00", [Switch(0, 1)], holidays=[date(2026, 1, 1)])
    made = await door.act(verbs.create_calendar, command, boss)
    await door.act(verbs.attach_calendar, AttachCalendar("HOME", "Peak"), boss)
    return made.calendar_id


OF_HOME = {
    "tariff": "update tariffs.tariff set name = 'HOUSE' where tariff_id = {home}",
    "rate updated": "update tariffs.rate set rate = 9 where tariff_id = {home}",
    "rate moved away": "update tariffs.rate set tariff_id = {shop}, tier = 'B2' "
    "where tariff_id = {home}",
    "rate inserted": "insert into tariffs.rate (portal_id, tariff_id, tier, valid, rate, "
    "usage_base_start, units, service, coa, ar_coa, taxable, description, last_mod) values "
    "({portal}, {home}, 'B3', '[2026-01-01,)', 1, 0, 'kWh', '', '4005', '1102', false, '', now())",
    "rate deleted": "delete from tariffs.rate where tariff_id = {home}",
    "charge inserted": "insert into tariffs.fixed_charge (portal_id, tariff_id, description, "
    "amount, basis, coa, ar_coa, taxable) values "
    "({portal}, {home}, '', 1, 'KVA', '4900', '1102', false)",
    "charge updated": "update tariffs.fixed_charge set amount = 5",
    "charge deleted": "delete from tariffs.fixed_charge",
    "calendar": "update tariffs.calendar set clock = 'UTC'",
    "switch inserted": "insert into tariffs.calendar_switch values "
    "({portal}, {calendar}, 'WEEKDAY', 5, 2)",
    "switch updated": "update tariffs.calendar_switch set bucket = 4",
    "switch deleted": "delete from tariffs.calendar_switch",
    "holiday inserted": "insert into tariffs.calendar_holiday values "
    "({portal}, {calendar}, '2027-01-01')",
    "holiday updated": "update tariffs.calendar_holiday set day = day + 1",
    "holiday deleted": "delete from tariffs.calendar_holiday",
}
OF_ALL = {
    "tax inserted": "insert into tariffs.tax values ({portal}, '[2026-01-01,)', 0.1)",
    "tax updated": "update tariffs.tax set rate = 0.2",
    "tax deleted": "delete from tariffs.tax",
}


async def test_every_change_revises_the_tariffs_it_bears_on(
    door, boss, owner, urls, portal_id, home, calendar
) -> None:
    """As the runtime role, which is who changes them."""
    shop = (await door.act(verbs.create_tariff, new("SHOP"), boss)).tariff_id

    async def revisions() -> dict[int, int]:
        rows = await owner.fetch("select tariff_id, revision from tariffs.tariff")
        return {row["tariff_id"]: row["revision"] for row in rows}

    facts = {"portal": portal_id, "home": home, "shop": shop, "calendar": calendar}
    runtime = await asyncpg.connect(urls.runtime)
    for what, change in (OF_HOME | OF_ALL).items():
        before = await revisions()
        async with runtime.transaction():
            await runtime.execute(f"set local currant.portals = '{{{portal_id}}}'")
            done = await runtime.execute(change.format(**facts))
        assert not done.endswith(" 0"), what
        after = await revisions()
        assert after[home] > before[home], what
        both = what in OF_ALL or what == "rate moved away"
        assert (after[shop] > before[shop]) is both, what
    await runtime.close()


async def test_a_revision_is_never_given_twice(door, boss, owner, home) -> None:
    """Not even where the change that drew it is rolled back: a copy in memory would lie."""
    seen = set()
    for _ in range(3):
        transaction = owner.transaction()
        await transaction.start()
        await owner.execute("update tariffs.rate set rate = rate + 1")
        seen.add(await owner.fetchval("select revision from tariffs.tariff"))
        await transaction.rollback()
    await owner.execute("update tariffs.tariff set revision = 1")
    seen.add(await owner.fetchval("select revision from tariffs.tariff"))
    assert len(seen) == 4


async def test_a_book_is_read_once_a_revision(door, boss, owner, home, calendar) -> None:
    await door.act(verbs.set_tax, SetTax(Decimal("0.05"), NOW), boss)
    first = await door.ask(read_book, home, boss)
    assert await door.ask(read_book, home, boss) is first
    assert first.unit_size == 1000
    assert first.tax_at(NOW) == Decimal("0.05")
    assert first.calendar is not None
    assert first.calendar.clock == "+10:00"
    assert first.calendar.holidays == {date(2026, 1, 1)}
    charge = await owner.fetchval("select fixed_id from tariffs.fixed_charge")
    await door.act(verbs.set_fixed_charge, SetFixedCharge(charge, Decimal("12.5")), boss)
    assert await door.ask(read_book, home, boss) is not first
    await door.act(verbs.attach_calendar, AttachCalendar("HOME", None), boss)
    assert (await door.ask(read_book, home, boss)).calendar is None


async def test_a_book_is_never_of_two_minds(door, boss, owner, home, monkeypatch) -> None:
    """Rates and tax change together, after the rates were read and before the tax is."""
    read = Tx.all
    changed = False

    async def interrupted(tx: Tx, statement: Any, **values: Any) -> Any:
        nonlocal changed
        if statement.name == "book_taxes" and not changed:
            changed = True
            await owner.execute(
                "with t as (insert into tariffs.tax select portal_id, '[2020-01-01,)', 0.5 "
                "from access.portal) update tariffs.rate set rate = 7"
            )
        return await read(tx, statement, **values)

    monkeypatch.setattr(Tx, "all", interrupted)
    book = await door.ask(read_book, home, boss)
    assert (book.rates[0].rate, book.tax_at(NOW)) == (7, Decimal("0.5"))
    assert changed


async def test_prices_go_by_the_units_of_the_tariff(door, boss) -> None:
    made = await door.act(verbs.create_tariff, new("GAS", units="GJ", rate=Decimal(20)), boss)
    book = await door.ask(read_book, made.tariff_id, boss)
    assert bought(book, 4000) == 2_000_000


def bought(book: PriceBook, minor: int) -> int:
    return units_for(book.version_at(NOW), minor).energy_wh


async def test_a_book_of_no_tariff(door, boss, home) -> None:
    with pytest.raises(NoSuchTariff):
        await door.ask(read_book, home + 1, boss)


# Assignments

Row = tuple[int, datetime, datetime | None]


async def assignments(owner: asyncpg.Connection, meter_id: int) -> list[Row]:
    rows = await owner.fetch(
        "select tariff_id, lower(valid) as start_at, upper(valid) as end_at "
        "from tariffs.assignment where meter_id = $1 order by valid",
        meter_id,
    )
    return [(row["tariff_id"], row["start_at"], row["end_at"]) for row in rows]


@pytest.fixture
async def assign(owner, portal_id) -> Callable[..., Any]:
    async def call(meter_ids, tariff_ids, instants) -> int:
        return await owner.fetchval(
            "select tariffs.assign($1, $2, $3, $4)", portal_id, meter_ids, tariff_ids, instants
        )

    return call


async def test_assign_ends_begins_and_replaces(door, boss, owner, home, meters, assign) -> None:
    shop = (await door.act(verbs.create_tariff, new("SHOP"), boss)).tariff_id
    first, second, third = meters
    t = [NOW + n * HOUR for n in range(10)]
    assert await assign(meters, [home, None, home], [t[1], t[1], t[5]]) == 2
    assert await assignments(owner, second) == []
    # A change ends the running one, a change at its start replaces it, the same again is nothing.
    assert await assign([first], [shop], [t[3]]) == 1
    assert await assignments(owner, first) == [(home, t[1], t[3]), (shop, t[3], None)]
    assert await assign([first], [home], [t[3]]) == 1
    assert await assignments(owner, first) == [(home, t[1], t[3]), (home, t[3], None)]
    assert await assign([first, third], [home, None], [t[3], t[6]]) == 0
    # What begins before one that is scheduled lasts until that.
    assert await assign([third], [shop], [t[2]]) == 1
    assert await assignments(owner, third) == [(shop, t[2], t[5]), (home, t[5], None)]
    assert await assign([third], [home], [t[4]]) == 1
    assert await assignments(owner, third) == [
        (shop, t[2], t[4]),
        (home, t[4], t[5]),
        (home, t[5], None),
    ]
    assert await assign([], [], []) == 0


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(changes=st.lists(st.tuples(st.sampled_from([0, 1, 2, None]), st.integers(0, 6)), max_size=8))
def test_assign_does_what_a_timeline_does(run, owner, portal_id, changes) -> None:
    """Against a model: from the instant to the next beginning, the meter is on that tariff."""
    run(_change_and_look(owner, portal_id, changes))


async def _change_and_look(
    owner: asyncpg.Connection, portal_id: int, changes: list[tuple[int | None, int]]
) -> None:
    number = next(NUMBERS)
    tariff_ids = [
        row[0]
        for row in await owner.fetch(
            "insert into tariffs.tariff (portal_id, name, description, type, units, service) "
            "select $1, $2 || ' ' || n, '', 1, 'kWh', '' from generate_series(0, 2) as n "
            "returning tariff_id",
            portal_id,
            f"T{number}",
        )
    ]
    meter_id = await owner.fetchval(
        "insert into metering.meter (portal_id, serial_number, device_id, com_type, wallet_kind, "
        "created_at, last_mod) values ($1, $2, '', 'AMR', 'units', now(), now()) "
        "returning meter_id",
        portal_id,
        f"X{number}",
    )
    model: dict[int, int] = {}
    for which, hour in changes:
        await owner.fetchval(
            "select tariffs.assign($1, $2, $3, $4)",
            portal_id,
            [meter_id],
            [None if which is None else tariff_ids[which]],
            [NOW + hour * HOUR],
        )
        running = max((start for start in model if start <= hour), default=None)
        if which is not None and (running is None or model[running] != tariff_ids[which]):
            model[hour] = tariff_ids[which]
    starts = sorted(model)
    expected = [
        (model[start], NOW + start * HOUR, NOW + end * HOUR if end is not None else None)
        for start, end in zip(starts, [*starts[1:], None], strict=False)
    ]
    assert await assignments(owner, meter_id) == expected


async def test_assign_as_the_runtime_role_over_many_meters(
    door, boss, owner, urls, portal_id, home
) -> None:
    many = 500
    rows = await owner.fetch(
        "insert into metering.meter (portal_id, serial_number, device_id, com_type, wallet_kind, "
        "created_at, last_mod) select $1, 'S' || n, '', 'AMR', 'units', now(), now() "
        "from generate_series(1, $2) as n returning meter_id",
        portal_id,
        many,
    )
    runtime = await asyncpg.connect(urls.runtime)
    for hour in (0, 1):
        async with runtime.transaction():
            await runtime.execute(f"set local currant.portals = '{{{portal_id}}}'")
            changed = await runtime.fetchval(
                "select tariffs.assign($1, $2, $3, $4)",
                portal_id,
                [row[0] for row in rows],
                [home] * many,
                [NOW + hour * HOUR] * many,
            )
            assert changed == (0 if hour else many)
    await runtime.close()
    shown = await door.ask(verbs.tariffs, TariffsWanted(), boss)
    assert shown[0].head.meter_count == many


async def test_two_assignments_at_once_of_one_meter(door, boss, home, meters) -> None:
    names = ["SHOP", "MILL", "FARM"]
    for name in names:
        await door.act(verbs.create_tariff, new(name), boss)
    await door.act(verbs.assign_tariff, AssignTariff("M1", "HOME", NOW), boss)
    outcomes = await asyncio.gather(
        *(
            door.act(verbs.assign_tariff, AssignTariff("M1", name, NOW + n * HOUR), boss)
            for n, name in enumerate(names, start=1)
        ),
        return_exceptions=True,
    )
    assert all(isinstance(outcome, list | Conflict) for outcome in outcomes), outcomes
    rows = await door.act(verbs.assign_tariff, AssignTariff("M1", "HOME", NOW), boss)
    assert rows[0].start_at == NOW
    assert all(earlier.end_at == later.start_at for earlier, later in pairwise(rows))
    assert len(rows) == 1 + sum(isinstance(outcome, list) for outcome in outcomes)


async def test_refusals_of_assign(door, boss, home, meters) -> None:
    with pytest.raises(NoSuchMeter, match="M9"):
        await door.act(verbs.assign_tariff, AssignTariff("M9", "HOME", NOW), boss)
    with pytest.raises(NoSuchTariff, match="SHOP"):
        await door.act(verbs.assign_tariff, AssignTariff("M1", "SHOP", NOW), boss)


async def test_a_meter_of_a_blocked_account_stays_on_its_tariff(door, boss, owner, home) -> None:
    """Barred from whom the meter supplies then or later, not from whom it supplied before."""
    house = await small_house(door, boss, homes=2)
    moved = [NOW + timedelta(days=1), NOW + timedelta(days=2)]
    await owner.execute(
        "update customers.agreement set valid = tstzrange(lower(valid), $1) "
        "where account_id = (select account_id from customers.account where account = $2)",
        moved[1], house.accounts[1],
    )  # fmt: skip

    async def assign(serial: str, at: datetime, blocked: str) -> Any:
        await owner.execute("update access.system_user set blocked_accounts = $1", blocked)
        return await door.act(verbs.assign_tariff, AssignTariff(serial, "HOME", at), boss)

    one, two = house.accounts
    for blocked in (one, "*"):
        with pytest.raises(Forbidden, match=one):
            await assign("M1", moved[0], blocked)
    with pytest.raises(Forbidden, match=two):
        await assign("M2", moved[0], two)
    assert [row.tariff for row in await assign("M1", moved[0], two)] == ["SBT", "HOME"]
    assert [row.tariff for row in await assign("M2", moved[1], two)] == ["SBT", "HOME"]


# Taxes


async def test_taxes_end_begin_and_replace(door, boss) -> None:
    async def set_tax(rate: str, at: datetime) -> list[tuple[Any, ...]]:
        rows = await door.act(verbs.set_tax, SetTax(Decimal(rate), at), boss)
        return [(row.start_at, row.end_at, str(row.rate)) for row in rows]

    t = [NOW + n * HOUR for n in range(4)]
    await set_tax("0.05", t[2])
    assert await set_tax("0.10", t[0]) == [(t[0], t[2], "0.100000"), (t[2], None, "0.050000")]
    assert await set_tax("0.11", t[0]) == [(t[0], t[2], "0.110000"), (t[2], None, "0.050000")]
    assert await set_tax("0", t[3]) == [
        (t[0], t[2], "0.110000"),
        (t[2], t[3], "0.050000"),
        (t[3], None, "0.000000"),
    ]
    assert await set_tax("0.2", t[1]) == [
        (t[0], t[1], "0.110000"),
        (t[1], t[2], "0.200000"),
        (t[2], t[3], "0.050000"),
        (t[3], None, "0.000000"),
    ]


async def test_a_tax_without_a_beginning_can_be_ended(door, boss, owner, portal_id) -> None:
    await owner.execute("insert into tariffs.tax values ($1, '(,)', 0.1)", portal_id)
    rows = await door.act(verbs.set_tax, SetTax(Decimal("0.2"), NOW), boss)
    assert [(row.start_at, row.end_at) for row in rows] == [(None, NOW), (NOW, None)]


async def test_implausible_taxes(door, boss) -> None:
    for rate in ("-0.01", "1", "5", "0.0000001"):
        with pytest.raises(Invalid) as refused:
            await door.act(verbs.set_tax, SetTax(Decimal(rate), NOW), boss)
        assert refused.value.field == "rate"
        assert isinstance(refused.value, TaxImplausible) is (rate != "0.0000001")


# Calendars and fixed charges


async def test_a_calendar_of_its_own_and_public_holidays(door, boss, home) -> None:
    peak = [Switch(0, 1), Switch(420, 2), Switch(1320, 1)]
    command = CreateCalendar(
        "NSW",
        "Australia/Sydney",
        peak,
        weekend=[Switch(0, 3)],
        holidays=[date(2026, 3, 3)],
        country="AU",
        subdivision="NSW",
        years=[2026],
    )
    made = await door.act(verbs.create_calendar, command, boss)
    assert date(2026, 1, 26) in made.holidays
    assert date(2026, 3, 3) in made.holidays
    await door.act(verbs.attach_calendar, AttachCalendar("HOME", "NSW"), boss)
    book = await door.ask(read_book, home, boss)
    assert book.calendar is not None
    assert book.calendar.holidays == set(made.holidays)
    sydney = timedelta(hours=11)
    assert book.bucket_at(datetime(2026, 3, 2, 7, tzinfo=UTC) - sydney) == 2
    assert book.bucket_at(datetime(2026, 3, 3, 7, tzinfo=UTC) - sydney) == 3
    assert book.bucket_at(datetime(2026, 3, 7, 7, tzinfo=UTC) - sydney) == 3


REFUSED_CALENDARS: list[tuple[dict[str, Any], type[Refusal], str | None]] = [
    ({"name": " "}, Invalid, "name"),
    ({"name": "x" * 101}, Invalid, None),
    ({"clock": "Mars/Olympus"}, UnknownClock, "clock"),
    ({"clock": "localtime"}, UnknownClock, "clock"),
    ({"weekday": []}, UnsoundCalendar, "weekday"),
    ({"weekend": [Switch(5, 1)]}, UnsoundCalendar, "weekend"),
    ({"holiday": [Switch(0, 10)]}, UnsoundCalendar, "holiday"),
    ({"weekday": [Switch(0, 1), Switch(1440, 2)]}, UnsoundCalendar, "weekday"),
    ({"country": "AU"}, Invalid, "years"),
    ({"country": "AU", "years": [1]}, Invalid, "years"),
    ({"country": "ZZ", "years": [2026]}, Invalid, "country"),
    ({"country": "AU", "subdivision": "ZZ", "years": [2026]}, Invalid, "country"),
]


async def test_refusals_of_calendars(door, boss, owner) -> None:
    told: dict[str, Any] = {"name": "C", "clock": "UTC", "weekday": [Switch(0, 1)]}
    for change, refusal, field in REFUSED_CALENDARS:
        with pytest.raises(refusal) as refused:
            await door.act(verbs.create_calendar, CreateCalendar(**(told | change)), boss)
        assert refused.value.field == field
    assert await owner.fetchval("select count(*) from tariffs.calendar") == 0


async def test_refusals_of_attaching_and_of_fixed_charges(door, boss, calendar) -> None:
    with pytest.raises(Conflict, match="exists"):
        await door.act(verbs.create_calendar, CreateCalendar("Peak", "UTC", [Switch(0, 1)]), boss)
    with pytest.raises(NoSuchCalendar, match="Off"):
        await door.act(verbs.attach_calendar, AttachCalendar("HOME", "Off"), boss)
    with pytest.raises(NoSuchTariff, match="SHOP"):
        await door.act(verbs.attach_calendar, AttachCalendar("SHOP", "Peak"), boss)
    for fixed_id in (0, 999, 2**40):
        with pytest.raises(NoSuchFixedCharge):
            await door.act(verbs.set_fixed_charge, SetFixedCharge(fixed_id, Decimal(1)), boss)
    for amount in ("-1", "0.0001", "1e9"):
        with pytest.raises(Invalid, match="amount"):
            await door.act(verbs.set_fixed_charge, SetFixedCharge(1, Decimal(amount)), boss)


async def test_only_who_manages_tariffs_changes_them(door, cashier) -> None:
    commands = {
        verbs.create_tariff: new(),
        verbs.schedule_rate: schedule(NOW + HOUR, NOW + 2 * HOUR),
        verbs.set_tax: SetTax(Decimal("0.1"), NOW),
        verbs.create_calendar: CreateCalendar("C", "UTC", [Switch(0, 1)]),
        verbs.attach_calendar: AttachCalendar("HOME", None),
        verbs.set_fixed_charge: SetFixedCharge(1, Decimal(1)),
        verbs.assign_tariff: AssignTariff("M1", "HOME", NOW),
    }
    for verb, command in commands.items():
        with pytest.raises(Refusal, match=r"lacks tariffs\.manage"):
            await door.act(verb, command, cashier)


async def test_a_new_tariff_costs_what_it_says(door, boss, home) -> None:
    book = await door.ask(read_book, home, boss)
    assert bought(book, 300) == 10_000
