"""Checks of reads and intervals: what is found, once, whatever the order; what is decided of it."""

import time
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.basicreads.test_basic import IDENTIFIERS, basic, post
from tests.houses import small_house
from tests.shared import shared_urls, urls  # noqa: F401
from tests.validation.measured import FIRST, LAST, days_of, measured

from currant.access.model import Actor
from currant.access.verbs import Nothing
from currant.customers.model import NoSuchAccount
from currant.db.tx import Tx
from currant.door import Door
from currant.errors import Forbidden, Invalid
from currant.locations.model import NoSuchBuilding
from currant.validation.model import (
    Check,
    DecideFindings,
    FindingStatus,
    FindingsWanted,
    FindingWanted,
    NoSuchFinding,
    Rule,
    Severity,
    Validate,
    ValidationRun,
)
from currant.validation.verbs import (
    checks,
    decide_findings,
    decisions,
    findings,
    set_check,
    validate,
)

FEBRUARY = (date(2026, 2, 1), date(2026, 2, 28))


async def check(door: Door, boss: Actor, *span: date, **more: str) -> ValidationRun:
    return await door.act(validate, Validate(*(span or FEBRUARY), **more), boss)


async def found(door: Door, boss: Actor, **more: object) -> list[tuple]:
    rows = await door.ask(findings, FindingsWanted(2**62, 200, **more), boss)
    return sorted((row.rule, f"{row.day:%m-%d}", row.measured, row.expected) for row in rows)


async def test_sound_data_has_no_findings(door: Door, boss, owner) -> None:
    await measured(door, boss, owner, days_of())
    run = await check(door, boss)
    assert (run.registers, run.found, run.added, run.gone) == (1, 0, 0, 0)


async def test_each_fault_of_intervals_is_found(door: Door, boss, owner) -> None:
    days: dict = days_of()
    days[date(2026, 2, 3)] = [500] * 47 + [9000]
    for n in range(10, 18):
        days[date(2026, 2, n)] = 0
    for n in (20, 21):
        del days[date(2026, 2, n)]
    await measured(door, boss, owner, days)
    run = await check(door, boss)
    assert await found(door, boss) == [
        ("GAP", "02-20", 0, None),
        ("SPIKE", "02-03", 9000, 500),
        ("ZERO", "02-10", 0, 24189),
    ]
    assert (run.found, run.added) == (3, 3)
    again = await check(door, boss)
    assert (again.found, again.added, again.gone) == (3, 0, 0)
    part = await check(door, boss, date(2026, 2, 15), date(2026, 2, 25))
    assert (part.found, part.added, part.gone) == (2, 0, 0)


async def test_a_change_against_the_time_before_is_found(door: Door, boss, owner) -> None:
    before = {"first": date(2026, 1, 5), "last": date(2026, 1, 31)}
    for number, wh in enumerate((1600, 90, 1400), start=1):
        after = days_of(wh, first=date(2026, 2, 1), last=date(2026, 2, 27))
        await measured(door, boss, owner, days_of(**before) | after, number=number)
    await check(door, boss, date(2026, 2, 1), date(2026, 2, 27))
    assert await found(door, boss) == [
        ("HIGH", "02-01", 27 * 48 * 1600, 27 * 48 * 500),
        ("LOW", "02-01", 27 * 48 * 90, 27 * 48 * 500),
    ]


async def test_the_meters_behind_a_gate_add_up_to_it(door: Door, boss, owner) -> None:
    for number, wh in ((1, 1000), (2, 500), (3, 500)):
        await measured(door, boss, owner, days_of(wh), number=number)
    await owner.execute(
        "update locations.location set parent_location_id = g.location_id "
        "from locations.location as g where g.site_identifier = '4100000001' "
        "and locations.location.location_id <> g.location_id"
    )
    assert (await check(door, boss)).found == 0
    await measured(door, boss, owner, {date(2026, 2, 9): 300}, number=3, updated="20260301000001")
    await check(door, boss)
    assert await found(door, boss) == [("SUM", "02-09", 800 * 48, 1000 * 48)]
    assert (await check(door, boss, building_code="B1")).found == 1


async def test_each_fault_of_reads_is_found(door: Door, boss, owner) -> None:
    await small_house(door, boss, homes=1, opening="", installed="2025-06-01")
    await owner.execute(IDENTIFIERS)
    await owner.execute("update metering.meter set dials = 4")
    told = (("06-30", "9000"), ("07-31", "9300"), ("08-31", "9600"), ("09-30", "9900"),
            ("10-31", "200"), ("11-30", "200"), ("12-31", "2000"))  # fmt: skip
    await post(door, boss, *(basic(f"2025-{day}", kwh) for day, kwh in told))
    await post(door, boss, basic("2026-01-20", "2001", next_scheduled_read_date=date(2026, 2, 20)))
    await check(door, boss, date(2025, 6, 1), date(2026, 2, 28))
    assert await found(door, boss) == [
        ("GAP", "02-21", 0, None),
        ("HIGH", "12-31", 1_800_000, 243_071),
        ("LOW", "01-20", 1000, 326_013),
        ("LOW", "11-30", 0, 293_089),
        ("ROLLOVER", "10-31", 300_000, None),
        ("ZERO", "11-30", 0, 290_725),
    ]
    account = await owner.fetchval("select account from customers.account")
    assert (
        await check(door, boss, date(2025, 6, 1), date(2026, 2, 28), account=account)
    ).added == 0


async def test_what_is_put_right_is_fixed_and_may_be_found_again(door: Door, boss, owner) -> None:
    spiky = [500] * 47 + [9000]
    await measured(door, boss, owner, days_of() | {date(2026, 2, 3): spiky})
    await check(door, boss)
    await measured(door, boss, owner, {date(2026, 2, 3): 500}, updated="20260301000001")
    assert (await check(door, boss)).gone == 1
    assert await found(door, boss, status=FindingStatus.OPEN) == []
    await measured(door, boss, owner, {date(2026, 2, 3): spiky}, updated="20260301000002")
    run = await check(door, boss)
    assert (run.found, run.added, run.gone) == (1, 0, 0)
    (spike,) = await door.ask(findings, FindingsWanted(2**62, 9, status=FindingStatus.OPEN), boss)
    told = await door.ask(decisions, FindingWanted(spike.finding_id), boss)
    assert [(one.status, one.reason) for one in told] == [
        ("FIXED", "not found any more"), ("OPEN", "found again"),
    ]  # fmt: skip


async def test_findings_are_decided_with_author_and_reason(door: Door, boss, owner) -> None:
    await measured(door, boss, owner, days_of() | {date(2026, 2, 3): [500] * 47 + [9000]})
    await check(door, boss)
    (spike,) = await door.ask(findings, FindingsWanted(2**62, 9), boss)
    assert (spike.site_identifier, spike.serial_number, spike.status) == (
        "4100000001", "M1", "OPEN",
    )  # fmt: skip
    decided = DecideFindings([spike.finding_id], "a party")
    assert (await door.act(decide_findings, decided, boss)).decided == 1
    assert (await check(door, boss)).added == 0
    (spike,) = await door.ask(findings, FindingsWanted(2**62, 9, building_code="b1"), boss)
    assert (spike.status, spike.decided_by, spike.reason) == ("ACCEPTED", "boss", "a party")
    with pytest.raises(NoSuchFinding, match="Nothing was done"):
        await door.act(decide_findings, DecideFindings([spike.finding_id, 999], "x"), boss)
    with pytest.raises(Invalid, match="reason"):
        await door.act(decide_findings, DecideFindings([spike.finding_id], " "), boss)
    for statement in ("update validation.decision set reason = ''",
                      "delete from validation.finding"):  # fmt: skip
        with pytest.raises(Exception, match="history"):
            await owner.execute(statement)


async def test_a_portal_sets_what_is_remarkable(door: Door, boss, owner) -> None:
    await measured(door, boss, owner, days_of() | {date(2026, 2, 3): [500] * 47 + [2000]})
    assert (await check(door, boss)).found == 0
    stricter = Check(Rule.SPIKE, factor=Decimal(3), days=7, severity=Severity.ERROR)
    await door.act(set_check, stricter, boss)
    assert (await check(door, boss)).found == 1
    (spike,) = await door.ask(findings, FindingsWanted(2**62, 9), boss)
    assert spike.severity == "ERROR"
    await door.act(set_check, Check(Rule.SPIKE, active=False), boss)
    assert {c.rule: c.active for c in await door.ask(checks, Nothing(), boss)} == {
        rule: rule != Rule.SPIKE for rule in Rule
    }
    run = await check(door, boss)
    assert (run.found, run.gone) == (0, 0)
    with pytest.raises(Invalid, match="factor"):
        await door.act(set_check, Check(Rule.HIGH, factor=Decimal(0)), boss)


async def test_bad_questions_are_refused(door: Door, boss, cashier, portal) -> None:
    with pytest.raises(Invalid, match="before the first"):
        await check(door, boss, *reversed(FEBRUARY))
    with pytest.raises(Invalid, match="400 days"):
        await check(door, boss, date(2024, 1, 1), date(2026, 1, 1))
    with pytest.raises(NoSuchBuilding):
        await check(door, boss, building_code="B9")
    with pytest.raises(NoSuchAccount):
        await check(door, boss, account="99999")
    with pytest.raises(Forbidden):
        await check(door, cashier)


PIECES = st.lists(
    st.tuples(st.integers(0, 55), st.sampled_from([0, 0, 100, 500, 9000])),
    min_size=1, max_size=12, unique_by=lambda piece: piece[0],
)  # fmt: skip


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pieces=PIECES, data=st.data())
async def test_findings_are_the_same_in_any_order_of_loading(pieces, data, door, boss, owner):
    """Two sites that are told the same days in two orders."""
    number = 1 + await owner.fetchval("select count(*) from metering.meter")
    told = [{FIRST + timedelta(days=ahead): [500] * 40 + [wh] * 8} for ahead, wh in pieces]
    base = {day: wh for day, wh in days_of().items() if day.day % 7}
    lots = [(base, "20260301000000"), *((one, "20260301000001") for one in told)]
    other = data.draw(st.permutations(lots))
    for ahead, order in enumerate((lots, other)):
        hung = {FIRST: 500}  # The first file that is loaded hangs the meter.
        await measured(door, boss, owner, hung, number=number + ahead, updated="20260201000000")
        for days, updated in order:
            await measured(door, boss, owner, days, number=number + ahead, updated=updated)
    await check(door, boss, FIRST, LAST)
    one, two = [await found(door, boss, serial_number=f"M{number + n}") for n in (0, 1)]
    assert one == two


async def test_as_many_statements_for_many_registers(door: Door, boss, owner, monkeypatch) -> None:
    sent: list[str] = []
    for name in ("one", "maybe", "all", "run"):
        whole = getattr(Tx, name)

        async def counted(tx, statement, whole=whole, **values):
            sent.append(statement.name)
            return await whole(tx, statement, **values)

        monkeypatch.setattr(Tx, name, counted)
    counts = []
    for number in (1, 2, 3):
        await measured(door, boss, owner, days_of(first=date(2026, 2, 20)), number=number)
        sent.clear()
        await check(door, boss)
        counts.append(len(sent))
    assert counts[0] == counts[1] == counts[2]


MANY = """
with meter as (
    insert into metering.meter (
        portal_id, serial_number, device_id, com_type, wallet_kind, created_at, last_mod
    )
    select p.portal_id, 'X' || n, '', 'AMR', 'currency', '2020-01-01', '2020-01-01'
    from generate_series(1, $1) as n cross join access.portal as p
    returning portal_id, meter_id
)
insert into metering.installation (portal_id, meter_id, location_id, valid)
select m.portal_id, m.meter_id, l.location_id, '[2020-01-01,)'
from meter as m cross join (select min(location_id) as location_id from locations.location) as l
"""
DAYS = """
insert into intervals.register_day (
    portal_id, register_id, day, revision, minutes, quantities, quality, updated_at, loaded_at,
    file_id
)
select
    g.portal_id, g.register_id, d::date, 1, 30,
    array(select (random() * 1000)::int + 0 * g.register_id from generate_series(1, 48)), 'A',
    '2026-03-01', '2026-03-01', 1
from metering.register as g
cross join generate_series('2026-01-01'::timestamp, '2026-02-28', '1 day') as d
"""


async def test_two_thousand_registers_take_a_moment(door: Door, boss, owner) -> None:
    """Thirty days each, with as many before; a second time too."""
    await small_house(door, boss, installed="2020-01-01")
    await owner.execute(MANY, 2000)
    await owner.execute("update metering.register set metering_type = 'AM', interval_minutes = 30")
    await owner.execute(DAYS)
    await owner.execute("analyze intervals.register_day, metering.register, metering.meter")
    for _ in range(2):
        began = time.perf_counter()
        run = await check(door, boss, date(2026, 1, 30), date(2026, 2, 28))
        assert run.registers == 2001
        assert time.perf_counter() - began < 20
