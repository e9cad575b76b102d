"""What a supply of the tower costs, reckoned from its intervals and its prices as they are printed.

Nothing here is the product's: local time comes from the system's zones, arithmetic is of fractions,
and the rules are those that a tenant could read: an interval belongs to the day and the bucket in
which it begins, a block's threshold is for the days of a month, each line is rounded by itself and
10 % GST with it.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tests.stories.loads import QUARTER

SYDNEY = ZoneInfo("Australia/Sydney")
FIRST, LAST = date(2016, 1, 1), date(2016, 12, 31)
QUARTERS = 366 * 96
BEGAN = datetime(2015, 12, 31, 13, tzinfo=UTC)  # midnight in Sydney, in summer time
DAY = timedelta(days=1)
GST = Fraction(1, 10)

HOLIDAYS = {
    date(2016, month, day)
    for month, day in ((1, 1), (1, 26), (3, 25), (3, 28), (4, 25), (6, 13), (12, 26), (12, 27))
}
OFF_PEAK, SHOULDER, PEAK = 1, 2, 3
# From which hour on which bucket is in force: on weekdays, in winter, on other days.
WEEKDAY = ((0, OFF_PEAK), (7, SHOULDER), (14, PEAK), (20, SHOULDER), (22, OFF_PEAK))
WINTER = ((0, OFF_PEAK), (7, PEAK), (9, SHOULDER), (17, PEAK), (21, SHOULDER), (22, OFF_PEAK))
OTHER = ((0, OFF_PEAK), (7, SHOULDER), (22, OFF_PEAK))
WINTER_MONTHS = (6, 7, 8)


def _bucket(face: datetime) -> int:
    """Name the bucket of an instant by the clock on the wall."""
    schedule = WINTER if face.month in WINTER_MONTHS else WEEKDAY
    if face.weekday() >= 5 or face.date() in HOLIDAYS:
        schedule = OTHER
    return [bucket for hour, bucket in schedule if hour <= face.hour][-1]


_FACES = [(BEGAN + n * QUARTER).astimezone(SYDNEY) for n in range(QUARTERS)]
BUCKETS = [_bucket(face) for face in _FACES]
_BEGINS = {face.date(): n for n, face in reversed(list(enumerate(_FACES)))} | {LAST + DAY: QUARTERS}


def quarters(start: date, end: date) -> range:
    """Count the quarter-hours of local days, from one up to another."""
    return range(_BEGINS[max(start, FIRST)], _BEGINS[min(end, LAST + DAY)])


class Prices(NamedTuple):
    """What a plan costs since a day, without GST: $ a kWh by tier, $ a day, $ a kW and month."""

    since: date
    energy: Mapping[str, Fraction]
    daily: Fraction
    demand: Fraction = Fraction(0)


class Plan(NamedTuple):
    """A price plan: T tiers by the clock, B1 and B2 in blocks, X for what is fed in.

    `step` is where B2 begins, in kWh a month. The demand billed is at least `ratchet` of the
    highest of the eleven months before. `losses`: energy is priced as it was fed into the network.
    """

    name: str
    prices: Sequence[Prices]
    step: int = 0
    ratchet: Fraction = Fraction(0)
    losses: bool = False

    @property
    def monthly(self) -> bool:
        """Whether anything is told for a month."""
        return bool(self.step or self.prices[0].demand)

    def on(self, day: date) -> Prices:
        """The prices of a day."""
        return [prices for prices in self.prices if prices.since <= day][-1]


class Line(NamedTuple):
    """A line of a bill: how much at which rate, in cents with its GST apart."""

    quantity: Fraction
    rate: Fraction
    net: int
    tax: int


class Home(NamedTuple):
    """A supply: what it used and fed in by quarter-hours, and the reads of a basic meter.

    `plans` are since which day it is on which. What is not known of a quarter-hour is None.
    """

    nmi: str
    plans: list[tuple[date, Plan]]
    used: list[int | None]
    fed: list[int | None]
    reads: dict[date, int]

    def energy(self, start: date, end: date) -> dict[int, int]:
        """Sum what was used on days by bucket, in Wh."""
        sums: dict[int, int] = {}
        if self.reads:
            return {OFF_PEAK: self._until(end) - self._until(start)}
        for n in quarters(start, end):
            sums[BUCKETS[n]] = sums.get(BUCKETS[n], 0) + known(self.used[n])
        return sums

    def fed_in(self, start: date, end: date) -> int:
        """Sum what was fed in on days, in Wh."""
        return sum(known(self.fed[n]) for n in quarters(start, end)) if self.fed else 0

    def demand(self, start: date, end: date) -> int:
        """Find the highest half-hour of days, in W; the year before nobody measured."""
        if end <= FIRST:
            return 0
        span = quarters(start, end)
        return max(2 * (known(self.used[n]) + known(self.used[n + 1])) for n in span[::2])

    def _until(self, day: date) -> int:
        """Say what a basic meter stood at when a day began, by days between two reads."""
        if day in self.reads:
            return self.reads[day]
        before = max(read for read in self.reads if read < day)
        after = min(read for read in self.reads if read > day)
        passed = self.reads[after] - self.reads[before]
        return self.reads[before] + half_up(passed * Fraction((day - before) / (after - before)))


def known(quantity: int | None) -> int:
    """A quantity that there must be."""
    assert quantity is not None
    return quantity


def half_up(exact: Fraction) -> int:
    """Round to a whole number, halves up; nothing here is negative."""
    return (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)


def later(day: date, months: int) -> date:
    """The same day of another month, or its last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, last)
        except ValueError:
            continue
    raise AssertionError(day)


def months(start: date, end: date) -> Iterator[tuple[date, date, int]]:
    """Cut days into months counted from the first one: first day, day after, days of the whole."""
    number, begins = 0, start
    while begins < end:
        number += 1
        following = later(start, number)
        yield begins, min(following, end), (following - begins).days
        begins = following


def bill(home: Home, start: date, end: date, losses: Mapping[date, Fraction]) -> list[Line]:
    """Reckon the lines for a supply's days, from one up to another."""
    lines: list[Line] = []
    changes = [since for since, _ in home.plans if start < since < end]
    for begins, until in pairwise([start, *changes, end]):
        plan = [plan for since, plan in home.plans if since <= begins][-1]
        cuts = {prices.since for prices in plan.prices} | (set(losses) if plan.losses else set())
        whole = [(start, end, (end - start).days)]
        for first, after, length in months(start, end) if plan.monthly else whole:
            inside = {max(first, begins), min(after, until)}
            inside |= {cut for cut in cuts if max(first, begins) < cut < min(after, until)}
            for span in pairwise(sorted(inside)):
                lines += _priced(home, plan, *span, length, losses)
    return lines


def _priced(
    home: Home, plan: Plan, start: date, end: date, length: int, losses: Mapping[date, Fraction]
) -> Iterator[Line]:
    """Price days under one set of prices; `length` is how many days the month of them has."""
    prices, days = plan.on(start), (end - start).days
    energy = home.energy(start, end)
    if "T1" not in prices.energy:
        energy = {OFF_PEAK: sum(energy.values())}
    if plan.losses:
        factor = losses[max(since for since in losses if since <= start)]
        energy = {bucket: half_up(wh * factor) for bucket, wh in energy.items()}
    if "T1" in prices.energy:
        for bucket, wh in sorted(energy.items()):
            yield charged(Fraction(wh, 1000), prices.energy[f"T{bucket}"])
    else:
        wh = energy[OFF_PEAK]
        edge = half_up(Fraction(plan.step * 1000 * days, length)) if plan.step else wh
        yield charged(Fraction(min(wh, edge), 1000), prices.energy["B1"])
        if wh > edge:
            yield charged(Fraction(wh - edge, 1000), prices.energy["B2"])
    if prices.demand:
        past = max(
            home.demand(later(start, -back), later(start, 1 - back)) for back in range(1, 12)
        )
        watts = max(home.demand(start, end), half_up(past * plan.ratchet))
        yield charged(Fraction(watts, 1000), prices.demand, Fraction(days, length))
    yield charged(Fraction(days), prices.daily)
    if fed := home.fed_in(start, end):
        rate = prices.energy["X"]
        yield Line(Fraction(fed, 1000), rate, -half_up(Fraction(fed, 1000) * rate * 100), 0)


def charged(quantity: Fraction, rate: Fraction, share: Fraction = Fraction(1)) -> Line:
    """Reckon a line with its GST."""
    net = half_up(quantity * rate * share * 100)
    return Line(quantity, rate, net, half_up(net * GST))


def monthly(price: Fraction, start: date, end: date) -> Iterator[Line]:
    """Reckon a service of so much a month, GST within, for days from one up to another."""
    for first, after, length in months(start, end):
        gross = half_up(price * Fraction((after - first).days, length) * 100)
        tax = half_up(gross * GST / (1 + GST))
        yield Line(Fraction(1), price / (1 + GST), gross - tax, tax)  # Rates exclude GST.
