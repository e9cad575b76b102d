"""Estimates: what fills a gap, adds up, is marked, and gives way to what was measured."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.basicreads.test_basic import IDENTIFIERS, basic, details, post
from tests.houses import small_house
from tests.reads.meters import live, use_all
from tests.shared import shared_urls, urls  # noqa: F401
from tests.validation.measured import days_of, measured

from currant.access.model import Actor
from currant.basicreads.model import SubType
from currant.door import Door
from currant.errors import Invalid
from currant.estimation.estimates import Known, Readings, fill, interpolate, read_estimated, spread
from currant.estimation.model import (
    EditDays,
    EditedDay,
    EditReads,
    EstimateDays,
    EstimatedDays,
    EstimateReads,
)
from currant.estimation.verbs import edit_days, edit_reads, estimate_days, estimate_reads
from currant.reads.model import UsageNegative

MONDAY = date(2026, 2, 2)
FEBRUARY = EstimateDays(date(2026, 2, 1), date(2026, 2, 28))
WH = st.integers(0, 10_000)


@given(WH, WH, st.integers(1, 12))
def test_a_line_stays_between_its_ends_and_adds_up(before: int, after: int, length: int) -> None:
    line = interpolate(before, after, length)
    assert abs(2 * sum(line) - (before + after) * length) <= 1
    low, high = sorted((before, after))
    assert all(low <= value <= high for value in line)
    exact = [before * (length + 1 - n) + after * n for n in range(1, length + 1)]
    assert all(
        abs(value * (length + 1) - told) <= length + 1
        for value, told in zip(line, exact, strict=True)
    )


@given(st.integers(0, 10**9), st.lists(WH, min_size=1))
def test_a_total_is_spread_to_the_last_unit(total: int, weights: list[int]) -> None:
    assert sum(spread(total, weights)) == total


DAY = st.lists(WH | st.none(), min_size=24, max_size=24)


@given(
    days=st.dictionaries(st.integers(-2, 5), DAY),
    models=st.dictionaries(st.integers(-30, -3), st.lists(WH, min_size=24, max_size=24)),
    rest=WH,
)
def test_estimates_add_up_to_what_is_known_to_have_passed(days, models, rest) -> None:
    told = {MONDAY + timedelta(days=n): values for n, values in days.items()}
    like = {MONDAY + timedelta(days=n): values for n, values in models.items()}
    measured_wh = sum(value or 0 for n, values in days.items() if -1 <= n < 3 for value in values)
    known = Known(-24, 72, measured_wh + rest)
    filled = {
        day.day: day.values
        for day in fill(told, like, MONDAY - timedelta(days=1), MONDAY + timedelta(days=2), 24,
                        [known._replace(first=0, until=96)])
    }  # fmt: skip
    blank = [None] * 24
    total = 0
    for n in range(-1, 3):
        at = MONDAY + timedelta(days=n)
        values = filled.get(at, told.get(at, blank))
        assert all(
            was is None or was == value
            for was, value in zip(told.get(at, blank), values, strict=True)
        )
        total += sum(values)
    gaps = any(None in days.get(n, blank) for n in range(-1, 3))
    assert total == measured_wh + (rest if gaps else 0)


def test_like_days_are_those_of_the_weekday_in_the_weeks_before() -> None:
    models = {MONDAY - timedelta(days=7 * n): [100 * n] * 24 for n in range(1, 6)}
    models |= {MONDAY - timedelta(days=n): [9999] * 24 for n in (1, 2, 3)}
    (day,) = fill({}, models, MONDAY, MONDAY, 24)
    assert (day.values, day.methods) == ([250] * 24, ["15"] * 24)
    (day,) = fill({}, {MONDAY - timedelta(days=3): [7] * 24, MONDAY - timedelta(days=2): [9] * 24},
                  MONDAY, MONDAY, 24)  # fmt: skip
    assert day.values == [7] * 24
    assert list(fill({}, {}, MONDAY, MONDAY, 24)) == []


def test_a_short_gap_is_a_line() -> None:
    values = [*range(0, 240, 10)]
    (day,) = fill({MONDAY: [*values[:5], None, None, *values[7:]]}, {}, MONDAY, MONDAY, 24)
    assert day.values == values
    assert day.methods == [""] * 5 + ["17"] * 2 + [""] * 17


def test_a_read_is_estimated_by_what_says_most() -> None:
    everything = Readings((10, 100), (20, 100), (30, 100))
    assert read_estimated(everything, 50) == (5, "the reads around it")
    assert read_estimated(everything._replace(between=None), 50)[0] == 10
    assert read_estimated(Readings(None, None, (30, 100)), 50)[0] == 15
    assert read_estimated(Readings(None, (-1, 100), None), 50) is None


async def estimate(door: Door, boss: Actor, command: EstimateDays = FEBRUARY) -> EstimatedDays:
    return await door.act(estimate_days, command, boss)


async def day(owner, on: date) -> tuple:
    row = await owner.fetchrow(
        "select quantities, quality, method, spans::text, revision, updated_at::text "
        "from intervals.current_day where day = $1",
        on,
    )
    return tuple(row)


async def test_gaps_are_filled_marked_and_replaced_by_what_was_measured(
    door: Door, boss, owner
) -> None:
    days: dict = days_of()
    missing = date(2026, 2, 10)
    del days[missing]
    days[date(2026, 2, 3)] = 700
    await measured(door, boss, owner, days)
    done = await estimate(door, boss)
    assert (done.registers, done.days, done.intervals, done.unknown_days) == (1, 1, 48, 0)
    assert (await day(owner, missing))[:3] == ([550] * 48, "E", "15")
    assert (await estimate(door, boss)).days == 0
    await measured(door, boss, owner, {missing: 444}, updated="20260211000000")
    assert (await day(owner, missing))[:3] == ([444] * 48, "A", "")
    kept = await owner.fetchval(
        "select count(*) from intervals.register_day where day = $1", missing
    )
    assert kept == 2
    assert (
        await owner.fetchval("select source from intervals.file order by file_id offset 1 limit 1")
        == "ESTIMATE"
    )


async def test_unknown_intervals_are_filled_and_the_others_stay(door: Door, boss, owner) -> None:
    await measured(door, boss, owner, days_of())
    on = date(2026, 2, 9)
    await owner.execute("alter table intervals.register_day disable trigger append_only")
    await owner.execute(
        "update intervals.register_day set quality = repeat('A', 10) || 'NN' || repeat('A', 36), "
        "quantities = quantities[:10] || array[0, 0] || quantities[13:], "
        'spans = \'[{"first":1,"last":10,"quality":"A"},'
        '{"first":11,"last":12,"quality":"N"},'
        '{"first":13,"last":48,"quality":"A"}]\' where day = $1',
        on,
    )
    await owner.execute("alter table intervals.register_day enable trigger append_only")
    done = await estimate(door, boss)
    assert (done.days, done.intervals) == (1, 2)
    quantities, quality, method, spans, revision, _ = await day(owner, on)
    assert (quantities, quality) == ([500] * 48, "A" * 10 + "EE" + "A" * 36)
    assert (method, revision) == ("", 2)
    assert '"last": 12' in spans
    assert '"17"' in spans
    assert (await estimate(door, boss)).days == 0


async def test_what_the_register_read_is_met_exactly(door: Door, boss, owner) -> None:
    days: dict = days_of()
    missing = [date(2026, 2, 10), date(2026, 2, 11)]
    for on in missing:
        del days[on]
    await measured(door, boss, owner, days)
    await owner.execute(
        """
        with batch as (
            insert into reads.batch (portal_id, source, login, recorded_at)
            select portal_id, 'hand', 'x', now() from access.portal returning portal_id, batch_id
        )
        insert into reads.read (
            portal_id, register_id, read_at, revision, value, original, multiplier, batch_id
        )
        select b.portal_id, g.register_id, v.at, 1, v.value, '', 1, b.batch_id
        from batch as b inner join metering.register as g on g.metering_type = 'AM'
        cross join (values
            ('2026-02-08T14:00Z'::timestamptz, 1000000::bigint),
            ('2026-02-12T14:00Z', 1000000 + 2 * 24000 + 60001)
        ) as v (at, value)
        """
    )
    assert (await estimate(door, boss)).days == 2
    assert sum([sum((await day(owner, on))[0]) for on in missing]) == 60_001


async def test_what_nothing_says_stays_unknown(door: Door, boss, owner) -> None:
    """Nothing was ever measured on a weekend."""
    told = days_of(first=MONDAY, last=MONDAY) | days_of(first=date(2026, 2, 27))
    await measured(door, boss, owner, told)
    done = await estimate(door, boss)
    assert (done.days, done.unknown_days) == (18, 6)


@pytest.fixture
async def home(door: Door, boss: Actor, owner) -> None:
    """A site with a meter since 2024."""
    await small_house(door, boss, opening="", installed="2024-12-01")
    await owner.execute(IDENTIFIERS)


async def test_a_missing_read_is_estimated_by_the_last_period(
    door: Door, boss, owner, home
) -> None:
    await post(door, boss, basic("2025-11-30", "100"), basic("2025-12-30", "130"))
    (read,) = await door.act(estimate_reads, EstimateReads(date(2026, 1, 29)), boss)
    assert (read.meter_read, read.basis, read.status) == (160, "the last period", "ACCEPTED")
    assert (read.site_identifier, read.meter_code) == ("NMIH1", "M1")
    assert await door.act(estimate_reads, EstimateReads(date(2026, 1, 29)), boss) == []
    await post(door, boss, basic("2026-02-08", "150"))
    await use_all(door)
    assert [wh for *_, wh in await live(owner, "M1")] == [0, 30_000, 20_000]


async def test_a_missing_read_is_estimated_by_the_season(door: Door, boss, owner, home) -> None:
    told = (("2024-12-31", "0"), ("2025-01-31", "310"), ("2025-11-30", "900"),
            ("2025-12-31", "1000"))  # fmt: skip
    await post(door, boss, *(basic(on, kwh) for on, kwh in told))
    command = EstimateReads(date(2026, 1, 31), sub_type=SubType.INVOICE_EST)
    (read,) = await door.act(estimate_reads, command, boss)
    assert (read.meter_read, read.basis) == (1310, "the same season a year before")
    assert (await details(owner))[-1][:2] == ("INVOICE_EST", True)
    with pytest.raises(Invalid, match="INVOICE_EST"):
        await door.act(
            estimate_reads, EstimateReads(date(2026, 1, 31), sub_type=SubType.ACTUAL), boss
        )


async def test_a_missing_read_between_two_is_on_their_line(door: Door, boss, owner, home) -> None:
    await post(door, boss, basic("2026-01-01", "10"), basic("2026-01-31", "40"))
    (read,) = await door.act(estimate_reads, EstimateReads(date(2026, 1, 11)), boss)
    assert (read.meter_read, read.basis) == (20, "the reads around it")
    await use_all(door)
    assert [wh for *_, wh in await live(owner, "M1")] == [0, 10_000, 20_000]


async def test_without_history_there_is_no_estimate(door: Door, boss, owner, home) -> None:
    await post(door, boss, basic("2026-01-01", "10"))
    (read,) = await door.act(estimate_reads, EstimateReads(date(2026, 1, 11)), boss)
    assert (read.meter_read, read.read_id, read.status) == (None, None, "")


async def test_days_are_put_right_with_author_and_reason(door: Door, boss, owner) -> None:
    await measured(door, boss, owner, days_of())
    on = date(2026, 2, 9)
    right = EditedDay("4100000001", "M1", on, [Decimal("0.25")] * 48)
    done = await door.act(edit_days, EditDays([right], "meter tested"), boss)
    assert done.days == 1
    assert (await day(owner, on))[:3] == ([250] * 48, "F", "")
    row = await owner.fetchrow(
        "select f.source, f.login, d.reason, d.revision from intervals.current_day as d "
        "inner join intervals.file as f using (portal_id, file_id) where d.day = $1",
        on,
    )
    assert tuple(row) == ("EDIT", "boss", "meter tested", 2)
    bad = [
        EditedDay("4100000001", "M9", on, [Decimal(1)] * 48),
        EditedDay("4100000001", "M1", on, [Decimal(1)] * 47),
        EditedDay("4100000001", "M1", on, [Decimal(1)] * 48, quality="A"),
        EditedDay("4100000001", "M1", on, [Decimal(10**9)] * 48),
    ]
    with pytest.raises(Invalid) as refused:
        await door.act(edit_days, EditDays([right, *bad], "x"), boss)
    assert [(fault.record, fault.column) for fault in refused.value.faults] == [
        (2, "meter_code"), (3, "intervals"), (4, "quality"), (5, "intervals"),
    ]  # fmt: skip
    with pytest.raises(Invalid, match="reason"):
        await door.act(edit_days, EditDays([right], ""), boss)


async def test_reads_are_put_right_with_author_and_reason(door: Door, boss, owner, home) -> None:
    told = (("2026-01-01", "10"), ("2026-01-10", "50"), ("2026-01-31", "60"))
    await post(door, boss, *(basic(on, kwh) for on, kwh in told))
    (read,) = await door.act(
        edit_reads, EditReads([basic("2026-01-10", "20")], "photo checked"), boss
    )
    assert (read.status, read.consumption, read.result) == ("ACCEPTED", 10, "CREATED")
    assert (await details(owner))[2][-1] == "photo checked"
    await use_all(door)
    assert [wh for *_, wh in await live(owner, "M1")] == [0, 10_000, 40_000]
    with pytest.raises(UsageNegative):
        await door.act(edit_reads, EditReads([basic("2026-01-10", "70")], "x"), boss)
    assert await owner.fetchval("select count(*) from reads.read") == 4
