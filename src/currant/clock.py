"""Time: the clock that acts are told, and timestamps and days as text.

Inside the house an instant is an aware datetime in UTC. Outside it is RFC 3339 with the portal's
offset (conformance.md 1.6). Only `SystemClock` asks the machine for the time.
"""

import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from currant.errors import Invalid

_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.(\d+))?"
    r"([Zz])?(?:((?(2)[+-]?|[+-]))((?:[01]\d|2[0-3]):[0-5]\d))?",
    re.ASCII,
)
_MONTH = re.compile(r"(\d{4})-?(0[1-9]|1[0-2])", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_ZONE = re.compile(r"UTC|[A-Z][A-Za-z]+(/[A-Za-z0-9_+-]+)+", re.ASCII)
_NONE = timedelta(0)
FIRST_YEAR, LAST_YEAR = 1900, 2999
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_EAST, _WEST = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))

D = TypeVar("D", bound=date)


class UnknownZone(Invalid, constraint=("portal_zone_known", "building_zone_known")):
    """A time zone is an IANA name with its region: Australia/Sydney, UTC. Nothing was stored."""


class Clock(Protocol):
    """Whatever tells the time."""

    def now(self) -> datetime:
        """Return the present instant in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present instant in UTC."""
        return datetime.now(UTC)


class FrozenClock:
    """A clock that stands still until it is set or advanced."""

    def __init__(self, instant: datetime) -> None:
        self.set(instant)

    def now(self) -> datetime:
        """Return the instant it stands at, in UTC."""
        return self._instant

    def set(self, instant: datetime) -> None:
        """Put the clock to an aware instant."""
        if instant.utcoffset() is None:
            raise ValueError("a clock needs an aware datetime")
        self._instant = instant.astimezone(UTC)

    def advance(self, elapsed: timedelta) -> None:
        """Let time pass."""
        self._instant += elapsed


class Instant(Struct, frozen=True):
    """A timestamp as it was received.

    `at` is the instant in UTC and `offset` the client's. `echo` repeats the client's clock face in
    whole seconds with the offset as it was sent, `Z` included (J28). `nonstandard` asks the
    entrance for the warning of Q03.
    """

    at: datetime
    offset: timedelta
    echo: str
    nonstandard: bool = False


def parse_instant(text: str, zone: tzinfo, *, query: bool = False) -> Instant:
    """Read a timestamp of RFC 3339, or of the layout that the seed prints (Q03). Raises `Invalid`.

    RFC 3339 is taken by its grammar: `T` and `Z` in either case, no blank between date and time, a
    fraction of any length (cut to microseconds), offsets to 23:59, `-00:00` as UTC. Second 60 is
    refused, because no later arithmetic knows leap seconds. `…SSZhh:mm` is local time whose offset
    has the sign of the portal's zone at that time (minus in UTC); `…SSZ+hh:mm` and `…SSZ-hh:mm`
    say their sign. In a query a blank where the sign belongs is a `+` that was not escaped (Q29).
    """
    mended = f"{text[:-6]}+{text[-5:]}" if query and text[-6:-5] == " " else text
    match = _INSTANT.fullmatch(mended)
    if match is None:
        raise Invalid(
            f"{text[:40]!r} is not an RFC 3339 timestamp such as 2019-04-04T10:14:00-04:00."
        )
    fraction, zulu, sign, digits = match.groups("")
    if not zulu and not digits:
        raise Invalid(f"{text[:40]!r} has no offset from UTC: append Z, +hh:mm or -hh:mm.")
    local = _clock_face(text)
    if digits and not sign:
        sign = "+" if (local.replace(tzinfo=zone).utcoffset() or _NONE) > _NONE else "-"
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[3:])) if digits else _NONE
    if sign == "-":
        offset = -offset
    try:
        at = (local - offset).replace(tzinfo=UTC)
    except OverflowError:
        raise Invalid(f"{text[:40]!r} is outside the years 1 to 9999 of UTC.") from None
    if fraction:
        at = at.replace(microsecond=int(fraction[:6].ljust(6, "0")))
    echo = f"{text[:10]}T{text[11:19]}{sign}{digits or 'Z'}"
    return Instant(at, offset, echo, nonstandard=bool(zulu and digits))


def zone_named(name: str, field: str = "timezone") -> ZoneInfo:
    """Return the time zone of an IANA name with its region, or UTC. Raises `UnknownZone`.

    Names without a region are refused: PostgreSQL takes CET for an offset without summer time, and
    localtime is whatever the machine says.
    """
    with suppress(KeyError, ValueError, OSError):
        if _ZONE.fullmatch(name):
            return ZoneInfo(name)
    raise UnknownZone(f"{field} is {name[:40]!r}.", field=field)


def parse_month(text: str, field: str = "period") -> date:
    """Read a month written as `YYYY-MM` or `YYYYMM` as its first day. Raises `Invalid`."""
    match = _MONTH.fullmatch(text)
    if match is None or not FIRST_YEAR <= int(match[1]) <= LAST_YEAR:
        told = f"is not a month written as YYYY-MM, of the years {FIRST_YEAR} to {LAST_YEAR}"
        raise Invalid(f"{text[:40]!r} {told}.", field=field)
    return date(int(match[1]), int(match[2]), 1)


def parse_day(text: str) -> date:
    """Read a day written as `YYYY-MM-DD`, of the years 1900 to 2999. Raises `Invalid`."""
    if _DAY.fullmatch(text) is None:
        raise Invalid(f"{text[:40]!r} is not a day written as YYYY-MM-DD.")
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"{text!r} does not exist: {error}.") from None
    return within_time(day)


def within_time(day: D, field: str = "") -> D:
    """Return a day or an instant of the years that are taken, 1900 to 2999. Raises `Invalid`."""
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        told = f"{day.isoformat()} is not of the years {FIRST_YEAR} to {LAST_YEAR}."
        raise Invalid(f"{field}: {told}" if field else told, field=field or None)
    return day


def parse_end(text: str, zone: tzinfo) -> Instant:
    """Read the last second of a span: a timestamp in a query, or a local day that is meant whole.

    Raises `Invalid`.
    """
    try:
        if len(text) == len("YYYY-MM-DD"):
            end = Instant(day_bounds(parse_day(text), zone)[1] - _SECOND, timedelta(), text)
        else:
            end = parse_instant(text, zone, query=True)
            within_time(end.at)
    except Invalid as refusal:
        raise Invalid(f"The parameter end_date: {refusal.detail}", field="end_date") from None
    return replace(end, at=end.at.replace(microsecond=0))


def format_instant(at: datetime, zone: tzinfo) -> str:
    """Write an instant in whole seconds with the numeric offset of a zone, UTC as `+00:00`.

    Where RFC 3339 cannot say what the zone's clock shows, because the offset then had seconds or
    the year leaves the calendar, the same instant is written at the nearest offset it can say.
    """
    if at.tzinfo is None:
        raise ValueError("an instant needs an aware datetime")
    try:
        local = at.astimezone(zone)
    except OverflowError:
        local = at.astimezone(UTC)
    text = local.isoformat(timespec="seconds")
    if len(text) == 25:
        return text
    minutes = (local.utcoffset() or _NONE) // timedelta(minutes=1)
    return format_instant(at, timezone(timedelta(minutes=minutes)))


def format_set(at: datetime | None, zone: tzinfo) -> str:
    """Write an instant, or where it was never set the local midnight that begins 1970.

    That is how the Juice document tells what was never set (conformance.md 1.6).
    """
    return format_instant(datetime(1970, 1, 1, tzinfo=zone) if at is None else at, zone)


@lru_cache(maxsize=8192)
def day_bounds(day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return when a local day starts and when the next one does, in UTC: half-open.

    The days of a zone follow each other without gap or overlap. A midnight that daylight saving
    skips is the moment of the jump, one that happens twice is the first.
    """
    try:
        end = _midnight(day + timedelta(days=1), zone)
    except OverflowError:
        end = _LAST
    return _midnight(day, zone), end


def anywhere(first: date | None, last: date | None) -> tuple[datetime | None, datetime | None]:
    """Return when a day begins somewhere on earth, and when another is over everywhere, in UTC."""
    return (
        None if first is None else day_bounds(first, _EAST)[0],
        None if last is None else day_bounds(last, _WEST)[1],
    )


def _clock_face(text: str) -> datetime:
    """Return the date and time that a timestamp shows, without its fraction and offset."""
    if text[17:19] == "60":
        raise Invalid(f"{text[:40]!r} is a leap second, which no clock here keeps.")
    if text[11:13] > "23":
        raise Invalid(f"{text[:40]!r} does not exist: hours run from 00 to 23.")
    try:
        return datetime.fromisoformat(text[:19])
    except ValueError as error:
        raise Invalid(f"{text[:40]!r} does not exist: {error}.") from None


def _midnight(day: date, zone: tzinfo) -> datetime:
    try:
        return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    except OverflowError:
        return _FIRST


def refuse_span(from_day: date, to_day: date, most: int) -> int:
    """Return how many days a span has, both inclusive. Raises `Invalid` for none and too many."""
    if to_day < from_day:
        raise Invalid("The last day is before the first.", field="to_day")
    span = (to_day - from_day) // timedelta(days=1) + 1
    if span > most:
        raise Invalid(f"At most {most} days are taken at once.", field="to_day")
    return span
