"""Time-of-use calendars, and the sharing of usage among their buckets.

A calendar states its own clock, because a bill may follow local time while the meters of its
market stay on standard time all year. The bucket of an instant is what that clock's face says:
a change at a local minute that daylight saving skips takes effect when the clock jumps, and an
hour that is repeated goes through its changes twice. A day thus has 23 or 25 hours where the clock
changes, always 24 on a fixed offset.

A stretch of usage is cut by `split` where its bucket changes, and its energy shared over the
elapsed times by `apportion_energy` (conformance.md 10.5 iii).
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from itertools import pairwise
from operator import attrgetter, itemgetter

from holidays import country_holidays
from msgspec import Struct

from currant.clock import UnknownZone, zone_named
from currant.errors import Invalid, Refusal
from currant.money import apportion

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta.resolution
_MINUTE = timedelta(minutes=1) // _TICK
_DAY = timedelta(days=1) // _TICK
_FIXED_OFFSET = re.compile(r"([+-])([01]\d|2[0-3]):([0-5]\d)", re.ASCII)

DAY_TYPES = ("WEEKDAY", "WEEKEND", "HOLIDAY")

Schedule = tuple[tuple[int, int], ...]
Switch = tuple[int, str, int, int]


class UnsoundCalendar(Refusal):
    """The time-of-use calendar cannot tell the bucket of every minute; nothing was changed."""


class UnknownClock(Refusal):
    """A clock is an IANA time zone such as Australia/Sydney, or a fixed offset such as +10:00."""


class Season(Struct, frozen=True):
    """The schedules of the days from the first of a month on, until the next season begins."""

    month: int
    weekday: Schedule
    weekend: Schedule
    holiday: Schedule


class Calendar(Struct, frozen=True):
    """When each time-of-use bucket is in force.

    `clock` is an IANA zone or a fixed offset such as +10:00. A day's schedule is its changes,
    (minute of the day, bucket 1..9), ascending and beginning at minute 0. A date in `holidays`
    follows the holiday schedule, whatever its weekday. A calendar with `seasons` has its own
    schedules from `month` on, around the year until one of those begins.

    Raises UnsoundCalendar and UnknownClock.
    """

    clock: str
    weekday: Schedule
    weekend: Schedule
    holiday: Schedule
    holidays: frozenset[date] = frozenset()
    month: int = 1
    seasons: tuple[Season, ...] = ()

    def __post_init__(self) -> None:
        """Check the clock, the seasons and the schedules."""
        clock(self.clock)
        months = [season.month for season in self.year()]
        if len(set(months)) < len(months) or not all(1 <= month <= 12 for month in months):
            raise UnsoundCalendar(
                "Each season begins with another month, 1 to 12.", field="from_month"
            )
        for season in self.year():
            for day_type in DAY_TYPES:
                _check_schedule(day_type.lower(), getattr(season, day_type.lower()))

    def year(self) -> list[Season]:
        """Return the seasons in the order of the year."""
        own = Season(self.month, self.weekday, self.weekend, self.holiday)
        return sorted((own, *self.seasons), key=attrgetter("month"))

    def switches(self) -> list[Switch]:
        """Return the changes of all seasons and types of day."""
        return [
            (season.month, day_type, *change)
            for season in self.year()
            for day_type in DAY_TYPES
            for change in getattr(season, day_type.lower())
        ]

    def schedule(self, day: date) -> Schedule:
        """Return the changes of a date."""
        season: Calendar | Season = self
        if self.seasons:
            year = self.year()
            season = year[bisect_right(year, day.month, key=attrgetter("month")) - 1]
        if day in self.holidays:
            return season.holiday
        return season.weekend if day.weekday() >= 5 else season.weekday


def calendar_of(clock: str, switches: Iterable[Switch], holidays: frozenset[date]) -> Calendar:
    """Make a calendar of its changes, (month, type of day, minute, bucket) in the order of time.

    Weekends follow the weekday's where they have none, holidays the weekend's. Raises as
    `Calendar` does.
    """
    seasons: dict[int, dict[str, Schedule]] = {}
    for month, day_type, minute, bucket in switches:
        days = seasons.setdefault(month, dict.fromkeys(DAY_TYPES, ()))
        days[day_type] += ((minute, bucket),)
    year = []
    for month, days in sorted(seasons.items()) or [(1, dict.fromkeys(DAY_TYPES, ()))]:
        weekday, weekend, holiday = days.values()
        weekend = weekend or weekday
        year.append(Season(month, weekday, weekend, holiday or weekend))
    first, *others = year
    schedules = first.weekday, first.weekend, first.holiday
    return Calendar(clock, *schedules, holidays, first.month, tuple(others))


def _check_schedule(name: str, schedule: Schedule) -> None:
    """Refuse a day's schedule that leaves a minute without a bucket."""
    minutes = [minute for minute, _ in schedule]
    ascending = all(earlier < later for earlier, later in pairwise(minutes))
    if minutes[:1] != [0] or minutes[-1] >= 1440 or not ascending:
        raise UnsoundCalendar(
            f"The {name} schedule must begin at minute 0 and ascend, to 1439 at most.", field=name
        )
    if not all(1 <= bucket <= 9 for _, bucket in schedule):
        raise UnsoundCalendar(f"The {name} buckets must be 1 to 9.", field=name)


def public_holidays(
    country: str, subdivision: str | None, years: Collection[int]
) -> frozenset[date]:
    """Return a country's holidays (ISO 3166 codes), observed days included; raises Invalid."""
    if not 0 < len(years) <= 100 or not all(1900 <= year <= 2100 for year in years):
        raise Invalid(
            "Name the years of the country's holidays, up to a hundred from 1900 to 2100."
            " Nothing was created.",
            field="years",
        )
    try:
        return frozenset(country_holidays(country, subdiv=subdivision, years=years))
    except NotImplementedError as unknown:
        raise Invalid(f"No public holidays are known: {unknown}.", field="country") from unknown


@lru_cache
def clock(name: str) -> tzinfo:
    """Resolve an IANA zone or a fixed offset; raises UnknownClock."""
    if fixed := _FIXED_OFFSET.fullmatch(name):
        offset = timedelta(hours=int(fixed[2]), minutes=int(fixed[3]))
        return timezone(-offset if fixed[1] == "-" else offset)
    try:
        return zone_named(name)
    except UnknownZone:
        raise UnknownClock(f"{name[:40]!r} is neither.", field="clock") from None


def bucket_at(calendar: Calendar, instant: datetime) -> int:
    """Return the bucket in force at an instant; raises Invalid if it is naive."""
    at = _ticks(instant)
    return _in_force(calendar, at + _offset(clock(calendar.clock), at))[0]


def split(calendar: Calendar, start: datetime, end: datetime) -> list[tuple[int, timedelta]]:
    """Cut a stretch of time into (bucket, elapsed time), in time order, neighbours different.

    The elapsed times are true ones and sum to that from start to end. Raises Invalid for naive
    instants.
    """
    pieces: list[tuple[int, timedelta]] = []
    for begin, finish, offset in _steady(clock(calendar.clock), _ticks(start), _ticks(end)):
        at = begin
        while at < finish:
            bucket, lasts = _in_force(calendar, at + offset)
            until = min(at + lasts, finish)
            elapsed = (until - at) * _TICK
            if pieces and pieces[-1][0] == bucket:
                elapsed += pieces.pop()[1]
            pieces.append((bucket, elapsed))
            at = until
    return pieces


def apportion_energy(energy_wh: int, elapsed: Sequence[timedelta]) -> list[int]:
    """Spread energy over elapsed times to whole Wh by largest remainder; the Wh sum exactly."""
    return apportion(energy_wh, [time // _TICK for time in elapsed])


def _ticks(instant: datetime) -> int:
    """Count an instant in whole microseconds since 1970; raises Invalid if it is naive."""
    if instant.utcoffset() is None:
        raise Invalid(f"The time {instant} has no zone.")
    return (instant - _EPOCH) // _TICK


def _offset(zone: tzinfo, at: int) -> int:
    """Return by how many ticks a zone's clock face is ahead of UTC."""
    instant = _EPOCH + at * _TICK
    return (instant.astimezone(zone).replace(tzinfo=UTC) - instant) // _TICK


def _steady(zone: tzinfo, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Cut a stretch of ticks where the zone's offset changes: (from, to, offset).

    The offset is looked at once a day; no zone changes it twice within one.
    """
    begin = at = start
    offset = _offset(zone, at)
    while at < end:
        ahead = min(at + _DAY, end)
        if _offset(zone, ahead) == offset:
            at = ahead
            continue
        at += bisect_left(
            range(at, ahead), True, key=lambda moment: _offset(zone, moment) != offset
        )
        yield begin, at, offset
        begin, offset = at, _offset(zone, at)
    if begin < end:
        yield begin, end, offset


def _in_force(calendar: Calendar, face: int) -> tuple[int, int]:
    """Return the bucket at a reading of the clock face, and the ticks until the next change."""
    day, time = divmod(face, _DAY)
    schedule = calendar.schedule(date.fromordinal(_EPOCH.toordinal() + day))
    following = bisect_right(schedule, time // _MINUTE, key=itemgetter(0))
    until = schedule[following][0] * _MINUTE if following < len(schedule) else _DAY
    return schedule[following - 1][1], until - time
