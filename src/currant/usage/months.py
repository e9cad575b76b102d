"""Usage spread over days and months in whole units, so that the parts add up to what was used.

A read tells what passed since the read before, not when. What passed is spread evenly over the days
after the day of the one until the day of the other, by largest remainder (conformance.md U18,
INV-11): over the months first and then over the days of each, so that days add up to months and
months to the usage, whatever span is asked for.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import groupby

from msgspec import Struct

from currant.money import apportion

_DAY = timedelta(days=1)
_TICK = timedelta.resolution


class Segment(Struct, frozen=True):
    """What passed after the day `before` until the day `last`; of no days where they are one."""

    before: date
    last: date
    quantity: int

    @property
    def days(self) -> int:
        """How many days it spans."""
        return (self.last - self.before).days


class Share(Struct, frozen=True):
    """What of a segment falls into a month, which is told by its first day."""

    month: date
    days: int
    quantity: int


def first_of(day: date) -> date:
    """Return the first day of a day's month."""
    return day.replace(day=1)


def next_month(month: date) -> date:
    """Return the first day of the month after."""
    return first_of(month.replace(day=28) + 4 * _DAY)


def by_month(segment: Segment) -> list[Share]:
    """Spread a segment over the months it spans; one of no days is all of its day's month."""
    months = [
        (month, len(list(days))) for month, days in groupby(_days(segment), key=first_of)
    ] or [(first_of(segment.last), 0)]
    shares = apportion(segment.quantity, [days for _, days in months] if segment.days else [1])
    return [Share(month, days, share) for (month, days), share in zip(months, shares, strict=True)]


def by_day(segment: Segment) -> list[tuple[date, int]]:
    """Spread a segment over its days; one of no days is all of its day."""
    if not segment.days:
        return [(segment.last, segment.quantity)]
    months = groupby(_days(segment), key=first_of)
    return [
        told
        for share, (_, days) in zip(by_month(segment), months, strict=True)
        for told in zip(days, apportion(share.quantity, [1] * share.days), strict=True)
    ]


def within(
    quantity: int, passed: tuple[datetime, datetime], span: tuple[datetime, datetime]
) -> int:
    """Return what of a quantity that passed in a time falls into a span of it, by elapsed time.

    What passed until an instant is rounded to whole units, and a span has the difference of two of
    these: spans that follow each other add up to the quantity, however many they are (10.5 iii).
    """
    begin, end = passed
    whole = (end - begin) // _TICK
    start, until = ((2 * quantity * ((at - begin) // _TICK) + whole) // (2 * whole) for at in span)
    return until - start


def _days(segment: Segment) -> Iterator[date]:
    return (segment.before + number * _DAY for number in range(1, segment.days + 1))
