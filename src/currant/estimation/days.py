"""Register-days as estimation sees them: what of them is known, and how a filled day is told."""

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby

from currant import wire
from currant.estimation.estimates import ACTUAL, Filled, Known, fill
from currant.estimation.model import GapToFill, KnownDay, Passed
from currant.intervals.model import OwnDay
from currant.intervals.nem12 import Span

REACH = timedelta(days=56)

_LONGEST = timedelta(days=200)  # What passed in longer says little of a gap.
_DAY = timedelta(days=1)
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def begins_at(gap: GapToFill, day: date) -> datetime:
    """Return the instant at which a day begins by the clock of a register."""
    sign = -1 if gap.clock[0] == "-" else 1
    ahead = timedelta(hours=int(gap.clock[1:3]), minutes=int(gap.clock[4:6])) * sign
    return datetime.combine(day, time(), UTC) - ahead


class Estimate:
    """The gaps to be filled, what reads say of the time around them, and what came of it."""

    def __init__(self, gaps: Sequence[GapToFill], passed: Sequence[Passed]) -> None:
        self.gaps = {gap.register_id: gap for gap in gaps}
        self.passed: dict[int, list[Passed]] = {}
        self.intervals = 0
        self.unknown_days = 0
        for stretch in passed:
            if stretch.to_at - stretch.from_at <= _LONGEST:
                self.passed.setdefault(stretch.register_id, []).append(stretch)

    def first(self, gap: GapToFill) -> date:
        """Return the first day that a stretch of a gap begins on."""
        starts = [stretch.from_at for stretch in self.passed.get(gap.register_id, [])]
        begins = begins_at(gap, gap.first_day)
        return gap.first_day - timedelta(days=(begins - min([begins, *starts])) // _DAY + 1)

    def last(self, gap: GapToFill) -> date:
        """Return the last day that a stretch of a gap ends on."""
        ends = [stretch.to_at for stretch in self.passed.get(gap.register_id, [])]
        over = begins_at(gap, gap.last_day)
        return gap.last_day + timedelta(days=(max([over, *ends]) - over).days)

    def known(self, gap: GapToFill) -> list[Known]:
        """Return the stretches of a gap that begin and end where its intervals do."""
        begins, minutes = begins_at(gap, gap.first_day), timedelta(minutes=gap.minutes)
        return [
            Known((s.from_at - begins) // minutes, (s.to_at - begins) // minutes, s.total)
            for s in self.passed.get(gap.register_id, [])
            if not ((s.from_at - begins) % minutes or (s.to_at - begins) % minutes)
        ]


async def estimated_days(
    told: Estimate, days: AsyncIterator[KnownDay]
) -> AsyncIterator[list[OwnDay]]:
    """Fill the gaps register by register; the days that are known come in that order."""
    waiting = dict(told.gaps)
    held: list[KnownDay] = []
    async for day in days:
        if held and held[0].register_id != day.register_id:
            yield _estimated(told, waiting.pop(held[0].register_id), held)
            held = []
        held.append(day)
    if held:
        yield _estimated(told, waiting.pop(held[0].register_id), held)
    for gap in waiting.values():
        yield _estimated(told, gap, [])


def _estimated(told: Estimate, gap: GapToFill, held: Sequence[KnownDay]) -> list[OwnDay]:
    """Fill the gaps of a register."""
    known = {day.day: day for day in held if day.minutes == gap.minutes}
    values = {at: _values(day) for at, day in known.items()}
    models = {at: day.quantities for at, day in known.items() if set(day.quality) == {"A"}}
    length = 1440 // gap.minutes
    filled = list(fill(values, models, gap.first_day, gap.last_day, length, told.known(gap)))
    told.intervals += sum(method != ACTUAL for day in filled for method in day.methods)
    changed = {day.day: day.values for day in filled}
    told.unknown_days += sum(
        None in changed.get(at, values.get(at, [None]))
        for at in (gap.first_day + timedelta(days=n) for n in range(_length(gap)))
    )
    return [_own(gap, day, known.get(day.day)) for day in filled]


def _length(gap: GapToFill) -> int:
    return (gap.last_day - gap.first_day).days + 1


def _values(day: KnownDay) -> list[int | None]:
    """Return the intervals of a day, None where nothing is known."""
    if len(day.quality) == 1:
        return [None] * len(day.quantities) if day.quality == "N" else list(day.quantities)
    flagged = zip(day.quantities, day.quality, strict=True)
    return [None if flag == "N" else value for value, flag in flagged]


def _own(gap: GapToFill, filled: Filled, known: KnownDay | None) -> OwnDay:
    """Tell a filled day, with the quality of each interval that was known."""
    spans = [
        Span(1 + place, 1 + place, "E" if value is not None else "N", method)
        if method != ACTUAL or value is None
        else before
        for place, (value, method, before) in enumerate(
            zip(filled.values, filled.methods, _spans(known, len(filled.values)), strict=True)
        )
    ]
    told = list(_joined(spans))
    whole = told[0] if len(told) == 1 else None
    return OwnDay(
        gap.register_id,
        filled.day,
        gap.minutes,
        [value or 0 for value in filled.values],
        whole.quality if whole else "".join(span.quality for span in spans),
        _NEVER if known is None else known.updated_at,
        method=whole.method if whole else "",
        spans=None if whole else wire.encode(told).decode(),
    )


def _spans(known: KnownDay | None, length: int) -> list[Span]:
    """Return a span for each interval of a day, as it was told."""
    if known is None:
        return [Span(n, n, "N") for n in range(1, length + 1)]
    if known.spans is None:
        return [Span(n, n, known.quality) for n in range(1, length + 1)]
    return [
        Span(n, n, span.quality, span.method, span.reason_code, span.reason)
        for span in wire.decode(known.spans.encode(), list[Span])
        for n in range(span.first, span.last + 1)
    ]


def _joined(spans: Sequence[Span]) -> Iterator[Span]:
    """Join the spans of intervals that follow one another and are told the same."""
    for (quality, method, code, reason), same in groupby(
        spans, lambda span: (span.quality, span.method, span.reason_code, span.reason)
    ):
        stretch = list(same)
        yield Span(stretch[0].first, stretch[-1].last, quality, method, code, reason)
