"""Determinants against intervals walked one by one, over clocks, cuts, gaps and splits."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.determinants.walked import Day, Item, midnight, table_of, terms_of, walked

from currant.clock import day_bounds
from currant.determinants.layouts import (
    DETERMINANTS,
    SUMS,
    Terms,
    UnsoundDays,
    UnsoundItems,
    flat_calendar,
)
from currant.determinants.summing import combine, determine, settle
from currant.tariffs.calendars import Calendar, clock

CLOCKS = ("+10:00", "Australia/Sydney", "Australia/Lord_Howe", "America/New_York", "-03:30")
TOU = ((0, 1), (420, 2), (900, 3), (1260, 1))
SYDNEY = Calendar("Australia/Sydney", TOU, ((0, 1), (600, 4)), ((0, 9),))
FEW_WH = st.integers(0, 3_000)


def told(days: pa.Table, terms: Terms) -> list[dict]:
    """The determinants of one batch."""
    return settle(combine([determine(days, terms)]), terms).to_pylist()


@st.composite
def schedules(draw) -> tuple[tuple[int, int], ...]:
    minutes = draw(st.sets(st.integers(1, 1439), max_size=4))
    return tuple((minute, draw(st.integers(1, 9))) for minute in sorted({0, *minutes}))


@st.composite
def cases(draw) -> tuple[list[Day], list[Item]]:
    """Some items whose periods cut days anywhere, and the days of their streams in some order."""
    first = draw(st.dates(date(2024, 3, 25), date(2024, 11, 10)))
    calendar = Calendar(
        draw(st.sampled_from(CLOCKS)),
        *(draw(schedules()) for _ in range(3)),
        draw(st.frozensets(st.just(first))),
    )
    stream_clock = draw(st.sampled_from(CLOCKS))
    items, days = [], []
    for number in range(draw(st.integers(1, 3))):
        start = midnight(first, calendar.clock) + timedelta(minutes=draw(st.integers(0, 2_000)))
        streams = draw(st.integers(1, 2))
        items.append(
            Item(
                number * 10, start, start + timedelta(minutes=draw(st.integers(0, 4_000))),
                calendar, draw(st.fractions(Fraction(1, 2), 2, max_denominator=10**6)),
                draw(st.sampled_from((5, 10, 15, 20, 30, 60))), streams,
            )
        )  # fmt: skip
        for _ in range(streams):
            minutes = draw(st.sampled_from((5, 15, 30, 60)))
            direction = draw(st.sampled_from((1, 1, -1)))
            gaps = draw(st.booleans())
            hung = (start + timedelta(minutes=95), start + timedelta(minutes=2_345))
            for ahead in range(-1, 5):
                day = first + timedelta(days=ahead)
                begin, end = day_bounds(day, clock(stream_clock))
                most = -(-(end - begin) // timedelta(minutes=minutes))
                length = draw(st.integers(0, most)) if gaps else most
                period = draw(st.lists(FEW_WH | st.none() if gaps else FEW_WH, min_size=1))
                values = [period[i % len(period)] for i in range(length)]
                if draw(st.booleans()):
                    days.append(
                        Day(
                            number * 10, day, minutes, values, stream_clock, direction,
                            draw(st.booleans()), *draw(st.just(()) | st.just(hung)),
                        )
                    )  # fmt: skip
    return draw(st.permutations(days)), items


@settings(deadline=None)
@given(cases(), st.booleans())
def test_intervals_walked_one_by_one_give_the_same(case, wide) -> None:
    days, items = case
    assert told(table_of(days, wide=wide), terms_of(items)) == walked(days, items)


@settings(deadline=None)
@given(cases(), st.data())
def test_however_the_batches_are_cut_the_determinants_are_the_same(case, data) -> None:
    """A batch holds the whole of an item's day; which, and in what order, does not matter."""
    days, items = case
    terms = terms_of(items)
    whole = told(table_of(days), terms)
    of_day = sorted({(day.item, day.day) for day in days})
    batch = {key: data.draw(st.integers(0, 3)) for key in of_day}
    parts = [
        determine(table_of([day for day in days if batch[day.item, day.day] == number]), terms)
        for number in range(4)
    ]
    assert settle(combine(parts), terms).to_pylist() == whole
    one, two, three, four = parts
    nested = combine([combine([four, two]), combine([combine([one]), three])])
    assert settle(nested, terms).to_pylist() == whole


@settings(deadline=None)
@given(cases())
def test_the_buckets_add_up_to_all_that_was_imported_and_exported(case) -> None:
    days, items = case
    sums = determine(table_of(days), terms_of(items)).to_pylist()
    for item in items:
        for name, direction in (("energy_wh", 1), ("export_wh", -1)):
            inside = [
                wh or 0
                for day in days
                if day.item == item.item and day.direction == direction
                for number, wh in enumerate(day.values)
                if max(item.start, day.start)
                <= day_bounds(day.day, clock(day.clock))[0]
                + timedelta(minutes=day.minutes * number)
                < min(item.end, day.end)
            ]
            counted = sum(sum(row[name]) for row in sums if row["item"] == item.item)
            assert counted == sum(inside)


@settings(deadline=None)
@given(cases(), st.integers(0, 4_000))
def test_a_period_in_two_parts_has_the_determinants_of_both(case, cut) -> None:
    """A change of tenant, plan or rate cuts anywhere, and nothing is lost or counted twice."""
    days, (item, *_) = case
    days = [day for day in days if day.item == item.item]
    at = min(item.start + timedelta(minutes=cut), item.end)
    parts = [item._replace(end=at), item._replace(item=item.item + 1, start=at)]
    shared = days + [day._replace(item=item.item + 1) for day in days]
    (whole,) = told(table_of(days), terms_of([item._replace(factor=Fraction(1))]))
    first, second = told(
        table_of(shared), terms_of([part._replace(factor=Fraction(1)) for part in parts])
    )
    for name in ("energy_wh", "export_wh"):
        summed = [a + b for a, b in zip(first[name], second[name], strict=True)]
        assert summed == whole[name]
    for name in ("days", "intervals", "minutes", "estimated"):
        assert first[name] + second[name] == whole[name]
    assert max(first["peak_w"], second["peak_w"]) <= whole["peak_w"]


def jumps(name: str, years: range) -> list[date]:
    """The days of a zone that are not 24 hours long."""
    found, day = [], date(years.start, 1, 1)
    while day.year < years.stop:
        begin, end = day_bounds(day, ZoneInfo(name))
        if end - begin != timedelta(days=1):
            found.append(day)
        day += timedelta(days=1)
    return found


@pytest.mark.parametrize(
    "name",
    ["Australia/Sydney", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe",
     "Pacific/Auckland", "Europe/London"],
)  # fmt: skip
def test_no_hour_is_lost_or_doubled_where_clocks_change(name: str) -> None:
    """Twenty-four changes: 1 Wh a half-hour, by a steady clock and by the calendar's own."""
    days = jumps(name, range(2013, 2025))
    assert len(days) == 24
    calendar = Calendar(name, tuple((hour * 60, hour % 9 + 1) for hour in range(24)), TOU, TOU)
    items, rows = [], []
    for number, day in enumerate(days):
        begin, end = day_bounds(day, ZoneInfo(name))
        for item, stream_clock in ((number * 2, "+00:00"), (number * 2 + 1, name)):
            items.append(Item(item, begin, end, calendar))
            for ahead in range(-2, 3):
                at = day + timedelta(days=ahead)
                lasts = day_bounds(at, clock(stream_clock))
                values = [1] * ((lasts[1] - lasts[0]) // timedelta(minutes=30))
                rows.append(Day(item, at, 30, values, stream_clock))
    rows.sort(key=lambda row: (row.item, row.day))
    result = told(table_of(rows), terms_of(items))
    assert result == walked(rows, items)
    halves = [sum(row["energy_wh"]) for row in result]
    assert halves[::2] == halves[1::2]
    moved = 47 if name == "Australia/Lord_Howe" else 46
    assert sorted(set(halves)) == [moved, 96 - moved]
    assert all(row["minutes"] == row["expected_minutes"] for row in result)
    assert {row["days"] for row in result} == {1}


def test_a_fixed_clock_has_twenty_four_hours_every_day() -> None:
    """AEMO's meters and a calendar of +10:00, over a Sydney change of clocks."""
    rows = [Day(1, date(2024, 10, day), 30, [day] * 48) for day in range(5, 8)]
    calendar = Calendar("+10:00", TOU, TOU, TOU)
    start = midnight(date(2024, 10, 5), "+10:00")
    item = Item(1, start, start + timedelta(days=3), calendar)
    (row,) = told(table_of(rows), terms_of([item]))
    assert row["energy_wh"][:3] == [18 * (14 + 6), 18 * 16, 18 * 12]
    assert (row["days"], row["intervals"], row["minutes"]) == (3, 144, row["expected_minutes"])


def test_a_day_by_daylight_saving_is_billed_by_the_clock_that_the_tariff_states() -> None:
    """On 6 October 2024 Sydney's 07:00 is the market's 06:00: the dear hours begin earlier."""
    values = list(range(48))
    rows = [Day(1, date(2024, 10, day), 30, values) for day in (5, 6)]
    item = Item(
        1, midnight(date(2024, 10, 6), "Australia/Sydney"),
        midnight(date(2024, 10, 7), "Australia/Sydney"),
        Calendar("Australia/Sydney", TOU, TOU, TOU),
    )  # fmt: skip
    (row,) = told(table_of(rows), terms_of([item]))
    assert row["energy_wh"][1] == sum(values[12:28])
    assert row["intervals"] == 46


def test_demand_is_of_all_streams_together_and_knows_when() -> None:
    """Two meters that peak at different times: their sum peaks between, in a half-hour of both."""
    one = [0] * 96
    two = [0] * 48
    one[40:44] = [100, 900, 800, 100]
    two[20], two[21], two[30] = 50, 400, 1_200
    rows = [Day(1, date(2024, 7, 1), 15, one), Day(1, date(2024, 7, 1), 30, two)]
    start = midnight(date(2024, 7, 1), "+10:00")
    item = Item(1, start, start + timedelta(days=1), flat_calendar("+10:00"), Fraction(2), 15, 2)
    (row,) = told(table_of(rows), terms_of([item]))
    assert row["peak_w"][:2] == [2_600, 2_600]
    assert row["peak_at"][0] == datetime(2024, 7, 1, 1, 0, tzinfo=UTC)
    assert row["energy_wh"][0] == 2 * (1_900 + 1_650)


def test_a_factor_rounds_once_an_item_and_bucket_half_up() -> None:
    start = midnight(date(2024, 7, 1), "+10:00")
    values = [1, 2, 0, 0, *[0] * 44]
    item = Item(1, start, start + timedelta(days=1), flat_calendar("+10:00"), Fraction(3, 2))
    (row,) = told(table_of([Day(1, date(2024, 7, 1), 30, values)]), terms_of([item]))
    assert row["energy_wh"][0] == 5
    assert row["peak_w"][0] == 4


def test_clocks_may_be_minutes_and_values_of_one_length() -> None:
    start = midnight(date(2024, 7, 1), "-03:30")
    terms = terms_of([Item(1, start, start + timedelta(days=1), flat_calendar("-03:30"))])
    days = table_of([Day(1, date(2024, 7, 1), 60, [7] * 24, "-03:30")])
    values = pa.FixedSizeListArray.from_arrays(pa.array([7] * 24, pa.int32()), 24)
    same = pa.record_batch(
        {
            "item": pa.array([1], pa.int64()),
            "day": pa.array([date(2024, 7, 1)]),
            "clock": pa.array([-210], pa.int16()),
            "minutes": pa.array([60], pa.int16()),
            "direction": pa.array([1], pa.int8()),
            "values": values,
        }
    )
    assert determine(same, terms).equals(determine(days, terms))


def test_what_has_no_intervals_has_its_days_and_its_gap() -> None:
    start = midnight(date(2024, 7, 1), "+10:00")
    terms = terms_of([Item(5, start, start + timedelta(days=3), flat_calendar("+10:00"))])
    nothing = determine(table_of([]), terms)
    assert nothing.schema == SUMS
    settled = settle(combine([nothing]), terms)
    assert settled.schema == DETERMINANTS
    (row,) = settled.to_pylist()
    assert (row["item"], row["days"], row["minutes"], row["expected_minutes"]) == (5, 3, 0, 4320)


@pytest.mark.parametrize(
    ("day", "told"),
    [
        (Day(2, date(2024, 7, 1), 30, [1]), "Item 2 is not among the items."),
        (Day(1, date(2024, 7, 1), 7, [1]), "Item 1 has intervals of no whole part of an hour"),
        (Day(1, date(2024, 7, 1), 30, [1] * 49), "more values than intervals"),
        (Day(1, date(2024, 7, 1), 30, [1], direction=0), "direction that is not 1 or -1"),
    ],
)
def test_a_day_that_cannot_be_counted_is_refused(day: Day, told: str) -> None:
    start = midnight(date(2024, 7, 1), "+10:00")
    terms = terms_of([Item(1, start, start + timedelta(days=1), flat_calendar("+10:00"))])
    with pytest.raises(UnsoundDays, match=told):
        determine(table_of([day]), terms)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"factor": Fraction(0)}, "factor"),
        ({"demand_minutes": 7}, "demand interval"),
        ({"end": datetime(2020, 1, 1, tzinfo=UTC)}, "ends before it starts"),
    ],
)
def test_an_item_that_cannot_be_counted_by_is_refused(changed: dict, told: str) -> None:
    start = midnight(date(2024, 7, 1), "+10:00")
    item = Item(1, start, start + timedelta(days=1), flat_calendar("+10:00"))
    terms = terms_of([item._replace(**changed)])
    with pytest.raises(UnsoundItems, match=told):
        settle(combine([]), terms)
    twice = terms_of([item, item])
    with pytest.raises(UnsoundItems, match="stands twice"):
        settle(combine([]), twice)
