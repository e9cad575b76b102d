"""The days of a building: when they begin, and which of them are for business.

What a country calls a holiday is known by the `holidays` library, for a country or for one of its
states. Of a building whose country it does not know, every Monday to Friday is a business day.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from holidays import country_holidays

from currant.clock import day_bounds
from currant.errors import Invalid

_DAY = timedelta(days=1)
_SATURDAY = 5
# As addresses say it; the library knows codes of two or three letters.
_COUNTRIES = {"AUSTRALIA": "AU", "NEW ZEALAND": "NZ"}


def day_begins(day: date, zone: str) -> datetime:
    """Return when a day begins in a zone, in UTC. Raises `Invalid` for the ends of the calendar."""
    if not 1900 <= day.year <= 9000:
        raise Invalid(f"{day} is not in the years 1900 to 9000.")
    return day_bounds(day, ZoneInfo(zone))[0]


def day_ends(day: date, zone: str) -> datetime:
    """Return when a day ends in a zone, in UTC: when the next one begins."""
    return day_begins(day + _DAY, zone)


def day_of(at: datetime, zone: str) -> date:
    """Return the day that an instant falls on in a zone."""
    return at.astimezone(ZoneInfo(zone)).date()


def business_day(day: date, away: int, country: str = "", state: str = "") -> date:
    """Return the business day so many away from a day: later, or earlier where it is negative."""
    step = _DAY if away > 0 else -_DAY
    years = range(min(day, day + step * 2 * abs(away)).year, day.year + 2)
    free = _holidays(country, state, years)
    for _ in range(abs(away)):
        day += step
        while day.weekday() >= _SATURDAY or day in free:
            day += step
    return day


def _holidays(country: str, state: str, years: Iterable[int]) -> frozenset[date]:
    """Return the holidays of years; none where the country is not known."""
    told = country.strip().upper()
    code = _COUNTRIES.get(told, told)
    for subdivision in (state.strip().upper() or None, None):
        try:
            return frozenset(country_holidays(code, subdiv=subdivision, years=years))
        except (NotImplementedError, KeyError):
            continue
    return frozenset()
