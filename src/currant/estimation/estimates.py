"""Estimates of what was not measured: pure arithmetic, in whole units, that adds up.

A stream's intervals stand in a row, thousandths of its unit or None where nothing is known. A short
gap is interpolated between its neighbours; a longer one is filled from like days: of the same
weekday in the weeks before, otherwise working days for working days and weekends for weekends.
Where register reads say what passed in a stretch, its gaps share what is not accounted for.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import NamedTuple

from currant.money import apportion

ACTUAL, LIKE_DAY, LINEAR = "", "15", "17"  # NEM12's methods: average like day, linear.

_SHORT_MINUTES = 120
_WEEKS = 4
_REACH = timedelta(days=56)
_NEAR = timedelta(days=28)
_MOST = 2**31 - 1


class Known(NamedTuple):
    """What register reads say: so much passed from one interval until before another."""

    first: int
    until: int
    total: int


class Filled(NamedTuple):
    """A day with its gaps filled, and by which method each interval was; None is still unknown."""

    day: date
    values: list[int | None]
    methods: list[str]


def fill(
    days: Mapping[date, Sequence[int | None]],
    models: Mapping[date, Sequence[int]],
    first: date,
    last: date,
    length: int,
    known: Sequence[Known] = (),
) -> Iterator[Filled]:
    """Fill what is not known from a day to another; yield the days that changed.

    `days` holds what is known, a day that is missing is wholly unknown; `models` are the days that
    were measured throughout. A day has `length` intervals; those of `known` are counted from the
    beginning of `first`, and may begin before it.
    """
    span = (last - first).days + 1
    lead = max([0, *(-stretch.first for stretch in known)])
    tail = max([span * length, *(stretch.until for stretch in known)])
    before = -(-lead // length)
    after = -(-tail // length)
    row: list[int | None] = []
    for ahead in range(-before, after):
        row += days.get(first + timedelta(days=ahead)) or [None] * length
    methods = [ACTUAL] * len(row)
    shift = before * length
    for begin, end in list(_gaps(row)):
        if end <= shift or begin >= shift + span * length:
            continue
        _fill_gap(row, methods, begin, end, models, first - timedelta(days=before), length)
    for stretch in known:
        _share(row, methods, stretch.first + shift, stretch.until + shift, stretch.total)
    for ahead in range(span):
        place = shift + ahead * length
        if any(methods[place : place + length]):
            yield Filled(
                first + timedelta(days=ahead),
                row[place : place + length],
                methods[place : place + length],
            )


def spread(total: int, weights: Sequence[int]) -> list[int]:
    """Share a total by weights, evenly where all are nothing, in whole units that add up to it."""
    return apportion(total, weights if any(weights) else [1] * len(weights))


def interpolate(before: int, after: int, length: int) -> list[int]:
    """Return what stands between two values on a straight line, in whole units that add up."""
    parts = length + 1
    weights = [before * (parts - n) + after * n for n in range(1, parts)]
    return apportion(_half_up(sum(weights), parts), weights)


def _half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


def _gaps(row: Sequence[int | None]) -> Iterator[tuple[int, int]]:
    """Yield where stretches of unknown intervals begin and end."""
    place = 0
    for unknown, stretch in groupby(row, lambda value: value is None):
        begin, place = place, place + len(list(stretch))
        if unknown:
            yield begin, place


def _fill_gap(
    row: list[int | None],
    methods: list[str],
    begin: int,
    end: int,
    models: Mapping[date, Sequence[int]],
    first: date,
    length: int,
) -> None:
    """Fill a gap: on a line where it is short and has neighbours, otherwise day by day."""
    before = row[begin - 1] if begin else None
    after = row[end] if end < len(row) else None
    short = (end - begin) * 1440 // length <= _SHORT_MINUTES
    if short and before is not None and after is not None and min(before, after) >= 0:
        row[begin:end] = interpolate(before, after, end - begin)
        methods[begin:end] = [LINEAR] * (end - begin)
        return
    while begin < end:
        ahead, place = divmod(begin, length)
        until = min(end, (ahead + 1) * length)
        like = _like(first + timedelta(days=ahead), models)
        if like:
            sums = [
                sum(max(day[n], 0) for day in like) for n in range(place, place + until - begin)
            ]
            row[begin:until] = apportion(_half_up(sum(sums), len(like)), sums)
            methods[begin:until] = [LIKE_DAY] * (until - begin)
        begin = until


def _like(day: date, models: Mapping[date, Sequence[int]]) -> list[Sequence[int]]:
    """Return the days that are like a day: those of its weekday before it, or of its kind."""
    weeks = [
        models[at]
        for n in range(1, _REACH.days // 7 + 1)
        if (at := day - timedelta(weeks=n)) in models
    ]
    if weeks:
        return weeks[:_WEEKS]
    weekend = day.weekday() > 4
    return [
        models[at]
        for n in range(1, _NEAR.days + 1)
        if (at := day - timedelta(days=n)) in models and (at.weekday() > 4) == weekend
    ][:_WEEKS]


def _share(row: list[int | None], methods: list[str], first: int, until: int, total: int) -> None:
    """Let the gaps of a stretch share what of its total is not measured, as they were estimated."""
    places = [n for n in range(first, until) if methods[n] != ACTUAL or row[n] is None]
    rest = total - sum(value for value in row[first:until] if value is not None)
    rest += sum(row[n] or 0 for n in places)
    if not places or rest < 0 or rest > _MOST * len(places):
        return
    shares = spread(rest, [row[n] or 0 for n in places])
    for place, share in zip(places, shares, strict=True):
        row[place] = share
        methods[place] = methods[place] or LIKE_DAY


class Readings(NamedTuple):
    """What an estimate of a register is made of: what passed in how many seconds, where known.

    Between the reads around the day, in the same season a year before, and in the last period.
    """

    between: tuple[int, int] | None
    season: tuple[int, int] | None
    period: tuple[int, int] | None


def read_estimated(told: Readings, length: int) -> tuple[int, str] | None:
    """Return what passes in so many seconds since the read before, and what says it; or nothing."""
    for basis, (passed, lasted) in (
        ("the reads around it", told.between or (0, 0)),
        ("the same season a year before", told.season or (0, 0)),
        ("the last period", told.period or (0, 0)),
    ):
        if passed >= 0 and lasted > 0:
            return _half_up(passed * length, lasted), basis
    return None
