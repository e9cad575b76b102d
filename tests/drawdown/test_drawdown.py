"""Drawdown on a small house: what usage costs, however its reads come in."""

import asyncio
import hashlib
import io
import itertools
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.houses import (
    House,
    customer,
    imported,
    linear_tariff,
    location,
    meter,
    small_house,
    updated,
)

from currant.access.model import AUTO, Actor
from currant.access.verbs import Nothing
from currant.clock import FrozenClock
from currant.db.tx import open_pool
from currant.door import Door
from currant.drawdown.verbs import charge_fixed, draw_down
from currant.jobs.worker import draw_all
from currant.plans.model import CreatePlan, GivenCharge, GivenRate, SetCharge
from currant.plans.verbs import create_plan, set_charge
from currant.reads.model import Format, RecordReads
from currant.reads.verbs import due_blocks, record_reads
from currant.tariffs.model import AssignTariff, CreateTariff, ScheduleRate, SetTax, TariffNameTaken
from currant.tariffs.terms import Basis
from currant.tariffs.verbs import assign_tariff, create_tariff, schedule_rate, set_tax
from currant.upload import Upload
from currant.vending.model import Vend
from currant.vending.verbs import vend

HOUR = timedelta(hours=1)
STANDING = """
select sum(u.energy_wh) from reads.usage as u
inner join metering.register as g using (portal_id, register_id)
inner join metering.meter as m using (portal_id, meter_id)
where m.serial_number = $1 and u.retired_at = 'infinity'
"""
NEW_YORK = ZoneInfo("America/New_York")
PLACES = itertools.count(1)
DRAW_AGAIN = """
select reads.draw_again(m.portal_id, array[m.meter_id], array[$2::timestamptz])
from metering.meter as m where m.serial_number = $1
"""


async def read(door: Door, boss: Actor, *reads: tuple[str, datetime, str]) -> None:
    """Record reads of (serial, instant, kWh)."""
    rows = [f"{serial},{at.isoformat()},{kwh}" for serial, at, kwh in reads]
    raw = "\n".join(["serialnumber,datetime,sumforwardactive", *rows]).encode()
    body = Upload(io.BytesIO(raw), hashlib.sha256(raw).hexdigest(), len(raw))
    await door.act(record_reads, RecordReads(body, Format.CSV, "multispeak"), boss)


async def balance(owner: asyncpg.Connection, kind: str = "currency") -> Decimal:
    return await owner.fetchval("select sum(balance) from prepayment.wallet where kind = $1", kind)


async def books_are_right(owner: asyncpg.Connection) -> None:
    assert await owner.fetch("select * from ledger.faults()") == []
    off = await owner.fetch(
        "select w.account_id, w.kind from prepayment.wallet as w where w.balance <> -("
        "select coalesce(sum(p.amount), 0) from ledger.posting as p "
        "where p.account_id = w.account_id "
        "and p.coa = case w.kind when 'units' then 'U100' else '2100' end)"
    )
    assert off == []


@pytest.fixture
async def home(door: Door, boss: Actor, clock: FrozenClock) -> House:
    """One home on 0.30 with 5 % tax, a currency wallet, its meter at 0 since now."""
    await door.act(set_tax, SetTax(Decimal("0.05"), clock.now()), boss)
    made = CreateTariff(
        "SBT", "SBT", "", "kWh", 1, Decimal("0.30"), taxable=True, fuel_charge=False, levies=(),
        fixed=False, kva_fixed=False,
    )  # fmt: skip
    await door.act(create_tariff, made, boss)
    return await small_house(door, boss, wallet="currency", rate=None)


async def test_usage_costs_the_rounded_sum_of_the_month(door, boss, home, clock, owner) -> None:
    """Ten times 0.1 kWh: each alone is 0.03 and no tax, the sum 0.30 and 0.02 (0.015 goes up)."""
    start = clock.now()
    for n in range(1, 11):
        clock.advance(HOUR)
        await read(door, boss, ("M1", start + n * HOUR, str(Decimal(n) / 10)))
        await draw_all(door)
    assert await balance(owner) == Decimal("-0.32")
    await books_are_right(owner)


async def test_drawing_down_again_changes_nothing(door, boss, home, clock, owner) -> None:
    clock.advance(HOUR)
    await read(door, boss, ("M1", clock.now(), "10"))
    assert await draw_all(door) == 1
    entries = await owner.fetchval("select count(*) from ledger.entry")
    await read(door, boss, ("M1", clock.now(), "10"))
    assert await draw_all(door) == 0
    assert await owner.fetchval("select count(*) from ledger.entry") == entries


@pytest.mark.parametrize("workers", [2, 4])
async def test_workers_side_by_side_draw_each_usage_once(
    door, boss, portal, clock, owner, workers
) -> None:
    house = await small_house(door, boss, homes=30, wallet="currency")
    clock.advance(HOUR)
    await read(door, boss, *((serial, clock.now(), "10") for serial in house.serials))

    await asyncio.gather(*(draw_all(door) for _ in range(workers)))
    await draw_all(door)
    assert await balance(owner) == Decimal("-90.00")
    assert await owner.fetchval("select count(*) from ledger.entry where kind = 'wallet'") == 30
    await books_are_right(owner)


async def test_a_change_of_rate_splits_a_segment_by_time(door, boss, home, clock, owner) -> None:
    """12 h at 0.30 and 12 h at 0.60 share 24 kWh: 3.60 and 7.20, tax 0.18 and 0.36."""
    start = clock.now()
    change = start + 12 * HOUR
    line = ScheduleRate(
        "SBT", "B1", Decimal("0.60"), 0, change.isoformat(), "2040-12-31T23:59:59Z",
        "Electricity", "kWh", "4005", "1102",
    )  # fmt: skip
    await door.act(schedule_rate, line, boss)
    clock.set(start + 24 * HOUR)
    await read(door, boss, ("M1", start + 24 * HOUR, "24"))
    await draw_all(door)
    assert await balance(owner) == -Decimal("3.60") - Decimal("0.18") - Decimal("7.20") - Decimal(
        "0.36"
    )
    estimated = "select energy_wh, estimated_wh from drawdown.run order by from_at"
    halves = [tuple(row) for row in await owner.fetch(estimated)]
    assert halves == [([12000], 12000), ([12000], 12000)]
    await read(door, boss, ("M1", change, "12"))
    assert await draw_all(door) == 0
    halves = [tuple(row) for row in await owner.fetch(estimated)]
    assert halves == [([12000], 0), ([12000], 0)]
    await books_are_right(owner)


async def dear_tariff(door: Door, boss: Actor) -> None:
    """Make the tariff DEAR: 0.60 with 5 % tax."""
    made = CreateTariff(
        "DEAR", "DEAR", "", "kWh", 1, Decimal("0.60"), taxable=True, fuel_charge=False, levies=(),
        fixed=False, kva_fixed=False,
    )  # fmt: skip
    await door.act(create_tariff, made, boss)


async def test_a_tariff_assigned_for_the_past_charges_what_was_used_since_anew(
    door, boss, home, clock, owner
) -> None:
    """10 kWh at 0.30, then on a tariff that holds from the half of it: 5 at 0.30, 5 at 0.60."""
    start = clock.now()
    await dear_tariff(door, boss)
    clock.advance(2 * HOUR)
    await read(door, boss, ("M1", clock.now(), "10"))
    await draw_all(door)
    assert await balance(owner) == -Decimal("3.15")
    await door.act(assign_tariff, AssignTariff("M1", "DEAR", start + HOUR), boss)
    assert await draw_all(door) == 1
    assert await balance(owner) == -Decimal("1.58") - Decimal("3.15")
    assert await draw_all(door) == 0
    await books_are_right(owner)


async def test_a_read_corrected_after_its_tariff_changed_goes_back_at_what_was_paid(
    door, boss, home, clock, owner
) -> None:
    """The 10 kWh were 8: with the tariff changed for the past in between, 8 at 0.60 remain."""
    start = clock.now()
    await dear_tariff(door, boss)
    clock.advance(HOUR)
    await read(door, boss, ("M1", clock.now(), "10"))
    await draw_all(door)
    await door.act(assign_tariff, AssignTariff("M1", "DEAR", start), boss)
    await read(door, boss, ("M1", clock.now(), "8"))
    await draw_all(door)
    assert await balance(owner) == -Decimal("5.04")
    await books_are_right(owner)


async def test_who_moved_in_earlier_than_told_is_charged_since_then(
    door, boss, portal, clock, owner
) -> None:
    """A meter runs a day at an empty place; its customer is told of late, with the day."""
    await linear_tariff(door, boss)
    clock.advance(48 * HOUR)
    installed = (clock.now() - 24 * HOUR).astimezone(NEW_YORK).date().isoformat()
    await imported(door, boss, "locations", location("H1", meterinstalldate=installed))
    await imported(
        door, boss, "meters",
        meter("M1", tariff="SBT", wallet="currency", addactiveread="0", locname="H1"),
    )  # fmt: skip
    clock.advance(12 * HOUR)
    await read(door, boss, ("M1", clock.now(), "10"))
    await draw_all(door)
    unpriced = "select coalesce(sum(energy_wh), 0) from drawdown.unpriced"
    assert await owner.fetchval(unpriced) == 10_000

    await imported(door, boss, "customers", customer("C1"))
    told = {"locname": "H1", "meterinstalldate": installed, "contract": "C1"}
    await updated(door, boss, "locations", told)
    assert await draw_all(door) == 1
    assert await owner.fetchval(unpriced) == 0
    assert await balance(owner) == -Decimal("3.00")
    await read(door, boss, ("M1", clock.now(), "9"))
    await draw_all(door)
    assert await balance(owner) == -Decimal("2.70")
    await books_are_right(owner)


steps_in_any_order = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(1, 400), st.integers(0, 5000)),
        st.tuples(st.just("late"), st.integers(0, 30), st.integers(1, 99)),
        st.tuples(st.just("correct"), st.integers(0, 30), st.integers(0, 100)),
        st.tuples(st.just("assign"), st.sampled_from(["SBT", "DEAR"]), st.integers(0, 900)),
    ),
    min_size=4,
    max_size=12,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=steps_in_any_order, drawn_each_time=st.booleans())
async def test_what_was_drawn_step_by_step_is_what_all_of_it_costs_at_once(
    door, boss, home, clock, owner, steps, drawn_each_time
) -> None:
    """Late and corrected reads and tariffs for the past: drawing all again changes nothing."""
    with suppress(TariffNameTaken):
        await dear_tariff(door, boss)
    place = next(PLACES)
    house = await small_house(door, boss, wallet="currency", rate=None, first=100 + place)
    serial, start = house.serials[0], clock.now()
    told = {start: 0}
    for step, one, other in steps:
        clock.advance(HOUR)
        at, instants = clock.now(), sorted(told)
        if step == "read":
            clock.advance(one * HOUR)
            at = clock.now()
            told[at] = told[instants[-1]] + other
            await read(door, boss, (serial, at, str(Decimal(told[at]) / 1000)))
        elif step == "assign":
            since = max(start, at - other * HOUR)
            await door.act(assign_tariff, AssignTariff(serial, one, since), boss)
        elif len(instants) > 2:
            n = 1 + one % (len(instants) - 2)
            before, after = told[instants[n - 1]], told[instants[n + (step == "correct")]]
            at = instants[n]
            if step == "late":
                at = instants[n - 1] + (at - instants[n - 1]) * other / 100
            told[at] = before + (after - before) * other // 100
            await read(door, boss, (serial, at, str(Decimal(told[at]) / 1000)))
        if drawn_each_time:
            await draw_all(door)
    await draw_all(door)
    before = await balance(owner), await runs(owner)
    await owner.execute(DRAW_AGAIN, serial, start)
    assert await draw_all(door) == 0
    assert (await balance(owner), await runs(owner)) == before
    assert sum(wh for *_, wh in before[1]) == await owner.fetchval(STANDING, serial)
    await books_are_right(owner)


async def runs(owner) -> list[tuple[object, ...]]:
    """What the newest meter's months hold: month, beginning, tariff, energy of one bucket."""
    found = await owner.fetch(
        "select month, from_at, tariff_id, estimated_wh, energy_wh[1] from drawdown.run "
        "where meter_id = (select max(meter_id) from metering.meter) and energy_wh[1] <> 0 "
        "order by 1, 2, 3"
    )
    return [tuple(row) for row in found]


async def test_usage_while_nobody_is_supplied_is_kept_and_not_charged(
    door, boss, home, clock, owner
) -> None:
    start = clock.now()
    clock.advance(2 * HOUR)
    await updated(
        door, boss, "meters", {"serialnum": "M1", "contract": "unassigned", "locname": "unassigned"}
    )
    clock.advance(2 * HOUR)
    await read(door, boss, ("M1", start + 4 * HOUR, "4"))
    await draw_all(door)
    assert await owner.fetchval("select sum(energy_wh) from drawdown.unpriced") == 2000
    assert await balance(owner) == Decimal("-0.63")
    await books_are_right(owner)


async def test_units_wallets_lose_energy_and_no_money(door, boss, portal, clock, owner) -> None:
    house = await small_house(door, boss, wallet="units")
    await door.act(vend, Vend(house.accounts[0], "cash", Decimal(3)), boss)
    clock.advance(HOUR)
    await read(door, boss, ("M1", clock.now(), "4"))
    await draw_all(door)
    assert await balance(owner, "units") == Decimal(6000)
    money = await owner.fetchval(
        "select count(*) from ledger.posting as p inner join ledger.entry as e using (entry_id) "
        "where e.kind = 'wallet' and p.commodity <> 'Wh'"
    )
    assert money == 0
    memo = await owner.fetchrow("select amount, energy_wh from ledger.entry where kind = 'wallet'")
    assert tuple(memo) == (Decimal("1.20"), 4000)
    await books_are_right(owner)


async def test_an_empty_wallet_asks_for_disconnection_and_a_vend_takes_it_back(
    door, boss, portal, clock, owner
) -> None:
    house = await small_house(door, boss, wallet="currency")
    state = "select meter_state from metering.meter"
    await door.act(vend, Vend(house.accounts[0], "cash", Decimal(1)), boss)
    clock.advance(HOUR)
    await read(door, boss, ("M1", clock.now(), "4"))
    await draw_all(door)
    assert await owner.fetchval(state) == "PENDING"
    assert (
        await owner.fetchval("select command from headends.request where state = 'PENDING'")
        == "DISCONNECT"
    )
    await door.act(vend, Vend(house.accounts[0], "cash", Decimal(5)), boss)
    assert await owner.fetchval(state) == "CONNECTED"


async def test_fixed_charges_come_once_a_month_by_days(door, boss, portal, clock, owner) -> None:
    """A supply since 2 March at 12 a month: 30 of 31 days, 11.61; a units wallet pays at a vend."""
    for kind, tariff, first in (("currency", "A", 1), ("units", "B", 2)):
        made = CreateTariff(
            tariff, tariff, "", "kWh", 1, Decimal("0.30"), taxable=True, fuel_charge=False,
            levies=(), fixed=True, kva_fixed=False,
        )  # fmt: skip
        await door.act(create_tariff, made, boss)
        await small_house(door, boss, wallet=kind, tariff=tariff, rate=None, first=first)
    await owner.execute("update tariffs.fixed_charge set amount = 12")
    auto = AUTO.at(portal)
    assert await door.act(charge_fixed, Nothing(), auto) == 0
    clock.set(datetime(2026, 4, 1, 12, tzinfo=UTC))
    assert await door.act(charge_fixed, Nothing(), auto) == 2
    assert await door.act(charge_fixed, Nothing(), auto) == 0
    assert await balance(owner) == Decimal("-11.61")
    account = await owner.fetchval("select account from customers.account where contract = 'C2'")
    sold = await door.act(vend, Vend(account, "cash", Decimal(20)), boss)
    assert (sold.fixed_amount, sold.energy_amount) == (Decimal("11.61"), Decimal("8.39"))
    again = await door.act(vend, Vend(account, "cash", Decimal(20)), boss)
    assert again.fixed_amount == 0
    await books_are_right(owner)


async def test_a_daily_charge_that_changes_within_a_month(door, boss, portal, clock, owner) -> None:
    """A supply since 2 March: 14 days at 0.50, 16 at 0.75, and no minimum of a bill: 19.00."""
    made = CreatePlan(
        name="DAILY",
        rates=[GivenRate("B1", Decimal("0.30"))],
        charges=[
            GivenCharge("Supply", Decimal("0.5")),
            GivenCharge("Least", Decimal(90), Basis.MINIMUM),
        ],
        taxable=False,
    )
    await door.act(create_plan, made, boss)
    await small_house(door, boss, wallet="currency", tariff="DAILY", rate=None)
    halfway = datetime(2026, 3, 16, 4, tzinfo=UTC)
    changed = SetCharge(
        tariff="DAILY", description="Supply", amount=Decimal("0.75"), from_at=halfway
    )
    await door.act(set_charge, changed, boss)
    clock.set(datetime(2026, 4, 1, 12, tzinfo=UTC))
    assert await door.act(charge_fixed, Nothing(), AUTO.at(portal)) == 2
    assert await balance(owner) == Decimal("-19.00")
    assert await door.act(charge_fixed, Nothing(), AUTO.at(portal)) == 0
    await books_are_right(owner)


reads_in_order = st.lists(st.integers(100, 3000), min_size=2, max_size=6)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=reads_in_order, order=st.randoms(use_true_random=False), groups=st.integers(1, 3))
async def test_the_order_and_grouping_of_reads_do_not_matter(
    door, boss, home, clock, owner, steps, order, groups
) -> None:
    """Whatever way a day's reads come in, the wallet pays for the last register value once."""
    place = next(PLACES)
    house = await small_house(door, boss, wallet="currency", rate=None, first=100 + place)
    clock.advance(24 * HOUR)
    start, serial = clock.now() - 24 * HOUR, house.serials[0]
    values = list(itertools.accumulate(steps))
    told = [
        (serial, start + (n + 1) * HOUR, str(Decimal(value) / 1000))
        for n, value in enumerate(values)
    ]
    order.shuffle(told)
    before = await balance(owner)
    for group in range(groups):
        part = told[group::groups]
        if part:
            clock.advance(HOUR)
            await read(door, boss, *part)
            await draw_all(door)
    net = (Decimal(values[-1]) / 1000 * Decimal("0.30")).quantize(Decimal("0.01"), "ROUND_HALF_UP")
    tax = (net * Decimal("0.05")).quantize(Decimal("0.01"), "ROUND_HALF_UP")
    assert before - await balance(owner) == net + tax
    await books_are_right(owner)


async def test_a_chunk_takes_as_many_statements_for_a_hundred_meters_as_for_one(
    door, boss, portal, clock, urls
) -> None:
    house = await small_house(door, boss, homes=100, wallet="currency")
    await draw_all(door)
    counts = []
    for some in (house.serials[:1], house.serials[1:]):
        clock.advance(HOUR)
        await read(door, boss, *((serial, clock.now(), "10") for serial in some))
        pool = await open_pool(urls.runtime, size=1)
        sent: list[object] = []
        async with pool.acquire() as connection:
            connection.add_query_logger(sent.append)
            only = Door(_OneConnection(connection), clock)
            (block,) = await only.act(due_blocks, Nothing(), AUTO.at(portal))
            drawn = await only.act(draw_down, block, AUTO.at(portal))
            assert drawn.registers == len(some)
        await pool.close()
        counts.append(len([told for told in sent if "pg_catalog" not in told.query]))
    assert counts[0] >= counts[1] > 5  # The first one of a connection also prepares.


class _OneConnection:
    """A pool of the one connection that is listened to."""

    def __init__(self, connection) -> None:
        self.connection = connection

    async def acquire(self):
        return self.connection

    async def release(self, connection) -> None:
        assert connection is self.connection
