"""What is refused of numbers and times before a tariff is touched: pure."""

from datetime import datetime, timedelta, tzinfo
from decimal import Decimal

from currant.clock import Instant, parse_instant
from currant.errors import Invalid
from currant.tariffs.model import RateRunsBackward, ScheduleRate

LARGEST = 10**9
RATE_PLACES = 9
STEP_PLACES = 3
AMOUNT_PLACES = 3
FRACTION_PLACES = 6

_SECOND = timedelta(seconds=1)


def check_number(name: str, number: Decimal, places: int) -> None:
    """Refuse what the column would round, and what is negative or absurd."""
    if not 0 <= number < LARGEST or number != round(number, places):
        raise Invalid(
            f"The {name} is a number from 0 to {LARGEST} with at most {places} decimals."
            " Nothing was changed.",
            field=name,
        )


def check_later(from_at: datetime, until: datetime | None, now: datetime) -> None:
    """Refuse a rate or a charge that does not begin later than now, or ends before it begins."""
    if from_at <= now:
        raise Invalid("It begins later than now. Nothing was scheduled.", field="from")
    check_forward(from_at, until)


def check_forward(from_at: datetime, until: datetime | None) -> None:
    """Refuse what ends before it begins."""
    if until is not None and until <= from_at:
        raise Invalid("It ends later than it begins. Nothing was changed.", field="until")


def scheduled(command: ScheduleRate, zone: tzinfo, now: datetime) -> tuple[Instant, Instant]:
    """Return from when and through which second a rate is to be in force.

    Raises `Invalid`, `RateRunsBackward`.
    """
    check_number("rate", command.rate, RATE_PLACES)
    if not 0 <= command.usage_base_start <= LARGEST:
        raise Invalid(
            f"The usage_base_start is a whole number from 0 to {LARGEST}. Nothing was scheduled.",
            field="usage_base_start",
        )
    start = _instant("start_date", command.start, zone)
    end = _instant("end_date", command.end, zone)
    if start.at.replace(microsecond=0) <= now:
        raise Invalid(
            "The start_date must be later than now. Nothing was scheduled.", field="start_date"
        )
    if end.at <= start.at:
        raise RateRunsBackward(field="end_date")
    return start, end


def second_after(last: datetime) -> datetime | None:
    """Return the half-open end of what is in force through a second; none at the end of time."""
    try:
        return last.replace(microsecond=0) + _SECOND
    except OverflowError:
        return None


def _instant(name: str, text: str, zone: tzinfo) -> Instant:
    """Read a timestamp of a named member. Raises `Invalid`."""
    try:
        return parse_instant(text, zone)
    except Invalid as refusal:
        raise Invalid(f"The {name} {refusal.detail}", field=name) from None
