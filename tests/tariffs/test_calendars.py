"""Calendars on the days their clocks change, against a walk through every minute."""

from datetime import UTC, date, datetime, timedelta
from itertools import groupby, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from currant.errors import Invalid
from currant.tariffs.calendars import (
    Calendar,
    UnknownClock,
    UnsoundCalendar,
    apportion_energy,
    bucket_at,
    public_holidays,
    split,
)

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)

# Changes at 01:45, 02:10 and 02:30 fall into the skipped or repeated hour of every zone below.
RESTLESS = ((0, 1), (105, 2), (130, 3), (150, 4), (420, 5), (1320, 1))

# Zone, the local date of its two changes in 2026, and the hours of those days.
TRANSITIONS = [
    ("Australia/Sydney", date(2026, 4, 5), 25 * HOUR),
    ("Australia/Sydney", date(2026, 10, 4), 23 * HOUR),
    ("Australia/Lord_Howe", date(2026, 4, 5), 24 * HOUR + 30 * MINUTE),
    ("Australia/Lord_Howe", date(2026, 10, 4), 23 * HOUR + 30 * MINUTE),
    ("America/New_York", date(2026, 3, 8), 23 * HOUR),
    ("America/New_York", date(2026, 11, 1), 25 * HOUR),
    ("Europe/Berlin", date(2026, 3, 29), 23 * HOUR),
    ("Europe/Berlin", date(2026, 10, 25), 25 * HOUR),
]


def calendar(
    clock: str,
    weekday: tuple[tuple[int, int], ...] = RESTLESS,
    holidays: frozenset[date] = frozenset(),
) -> Calendar:
    return Calendar(clock, weekday, ((0, 6), (150, 7)), ((0, 9),), holidays)


def midnight(day: date, zone: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))


def face(calendar: Calendar, instant: datetime) -> int:
    """Read the bucket off the wall clock."""
    local = instant.astimezone(ZoneInfo(calendar.clock))
    if local.date() in calendar.holidays:
        changes = calendar.holiday
    else:
        changes = calendar.weekend if local.weekday() >= 5 else calendar.weekday
    minute = local.hour * 60 + local.minute
    return max((at, bucket) for at, bucket in changes if at <= minute)[1]


@pytest.mark.parametrize(("zone", "day", "length"), TRANSITIONS)
def test_a_day_on_which_the_clock_changes_is_what_the_clock_face_says(
    zone: str, day: date, length: timedelta
) -> None:
    every_day = Calendar(zone, RESTLESS, RESTLESS, RESTLESS)
    start, end = midnight(day, zone), midnight(day + DAY, zone)
    pieces = split(every_day, start, end)
    assert sum((elapsed for _, elapsed in pieces), timedelta()) == length
    minutes = [start.astimezone(UTC) + number * MINUTE for number in range(length // MINUTE)]
    walked = groupby(face(every_day, minute) for minute in minutes)
    assert pieces == [(bucket, len(list(run)) * MINUTE) for bucket, run in walked]
    assert all(bucket_at(every_day, minute) == face(every_day, minute) for minute in minutes)


def test_a_skipped_change_takes_effect_at_the_jump() -> None:
    # 02:00 to 03:00 does not exist; the changes at 02:10 and 02:30 take effect at 03:00.
    start = midnight(date(2026, 10, 4), "Australia/Sydney")
    every_day = Calendar("Australia/Sydney", RESTLESS, RESTLESS, RESTLESS)
    assert split(every_day, start, start.replace(hour=4)) == [
        (1, 105 * MINUTE),
        (2, 15 * MINUTE),
        (4, 60 * MINUTE),
    ]


def test_a_repeated_change_takes_effect_twice() -> None:
    # 02:00 to 03:00 happens twice; so do the changes at 02:10 and 02:30.
    start = midnight(date(2026, 4, 5), "Australia/Sydney")
    every_day = Calendar("Australia/Sydney", RESTLESS, RESTLESS, RESTLESS)
    assert split(every_day, start, start.replace(hour=4)) == [
        (1, 105 * MINUTE),
        (2, 25 * MINUTE),
        (3, 20 * MINUTE),
        (4, 30 * MINUTE),
        (2, 10 * MINUTE),
        (3, 20 * MINUTE),
        (4, 90 * MINUTE),
    ]


def test_a_fixed_offset_always_has_24_hours() -> None:
    aest = calendar("+10:00", weekday=((0, 1), (420, 5)))
    first = datetime(2026, 1, 1, 14, tzinfo=UTC)
    for number in range(365):
        start = first + number * DAY
        weekday = (start + 10 * HOUR).weekday() < 5
        assert split(aest, start, start + DAY) == (
            [(1, 7 * HOUR), (5, 17 * HOUR)] if weekday else [(6, 150 * MINUTE), (7, 1290 * MINUTE)]
        )
    assert bucket_at(calendar("-03:30"), datetime(2026, 1, 5, 3, 29, tzinfo=UTC)) == 7
    assert bucket_at(calendar("-03:30"), datetime(2026, 1, 5, 3, 30, tzinfo=UTC)) == 1


def test_a_holiday_beats_weekday_and_weekend() -> None:
    monday, sunday = date(2026, 1, 26), date(2026, 1, 25)
    free = calendar("Australia/Sydney", holidays=frozenset({monday, sunday}))
    start = midnight(sunday, "Australia/Sydney")
    assert split(free, start, midnight(date(2026, 1, 27), "Australia/Sydney")) == [(9, 2 * DAY)]
    assert bucket_at(free, start - MINUTE) == 7
    assert bucket_at(calendar("Australia/Sydney"), start) == 6


def test_public_holidays_come_from_the_library() -> None:
    days = public_holidays("US", "NY", [2026])
    assert {date(2026, 7, 3), date(2026, 7, 4), date(2026, 12, 25)} <= days
    with pytest.raises(Invalid, match="No public holidays are known"):
        public_holidays("US", "XX", [2026])


instants = st.timedeltas(timedelta(), timedelta(days=420)).map(
    lambda since: datetime(2025, 12, 1, tzinfo=UTC) + since
)
zones = st.sampled_from(
    ["Australia/Lord_Howe", "America/New_York", "Europe/Berlin", "Asia/Kathmandu", "-03:30", "UTC"]
)


@given(zones, instants, st.timedeltas(timedelta(), timedelta(days=40)), st.data())
def test_elapsed_time_is_kept_and_cutting_changes_nothing(
    zone: str, start: datetime, length: timedelta, data: st.DataObject
) -> None:
    tariff = calendar(zone)
    end = start + length
    pieces = split(tariff, start, end)
    assert sum((elapsed for _, elapsed in pieces), timedelta()) == length
    assert all(one[0] != other[0] for one, other in pairwise(pieces))
    at = start
    for bucket, elapsed in pieces:
        assert bucket_at(tariff, at) == bucket_at(tariff, at + elapsed - timedelta.resolution)
        assert bucket_at(tariff, at) == bucket
        at += elapsed
    edges = data.draw(st.lists(st.integers(0, length // MINUTE)))
    cuts = sorted([start, *(start + number * MINUTE for number in edges), end])
    again = [piece for stretch in pairwise(cuts) for piece in split(tariff, *stretch)]
    joined = [
        (bucket, sum((elapsed for _, elapsed in run), timedelta()))
        for bucket, run in groupby(again, key=lambda piece: piece[0])
    ]
    assert joined == pieces


def test_energy_is_spread_over_elapsed_times_to_the_watt_hour() -> None:
    elapsed = [2 * HOUR, 743 * HOUR, 23 * HOUR]
    # 100,000 Wh by 2 : 743 : 23 are 260.4, 96744.8 and 2994.8.
    assert apportion_energy(100_000, elapsed) == [260, 96_745, 2_995]
    assert apportion_energy(-100_000, elapsed) == [-260, -96_745, -2_995]


@pytest.mark.parametrize(
    "weekday", [(), ((1, 1),), ((0, 1), (1440, 2)), ((0, 1), (60, 2), (60, 3)), ((0, 10),)]
)
def test_a_calendar_with_a_gap_is_refused(weekday: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(UnsoundCalendar, match="weekday"):
        calendar("UTC", weekday)


@pytest.mark.parametrize("clock", ["Atlantis", "+24:00", "+1:00", "../etc", "", "America"])
def test_an_unknown_clock_is_refused(clock: str) -> None:
    with pytest.raises(UnknownClock):
        calendar(clock)


def test_a_time_without_zone_is_refused() -> None:
    naive, aware = datetime(2026, 1, 1), datetime(2026, 1, 2, tzinfo=UTC)  # noqa: DTZ001
    for use in (
        lambda: split(calendar("UTC"), naive, aware),
        lambda: bucket_at(calendar("UTC"), naive),
    ):
        with pytest.raises(Invalid, match="no zone"):
            use()
