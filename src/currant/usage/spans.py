"""What a site used in spans of days, put together of its registers and beside the year before."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, timedelta
from typing import Protocol

from currant.tariffs.book import PriceBook
from currant.usage.model import Granularity, PeriodUsage, RegisterShown
from currant.usage.months import first_of, next_month

Span = tuple[date, date]

_DAY = timedelta(days=1)
_PARTS = {"PEAK": "peak", "OFFPEAK": "offpeak", "SHOULDER": "shoulder"}
_UNCOUNTED = "DEMAND"


def spans(first: date, last: date, granularity: Granularity) -> list[Span]:
    """Cut days, both inclusive, into months or single days."""
    found = []
    while first <= last:
        end = first if granularity is Granularity.DAY else next_month(first_of(first)) - _DAY
        found.append((first, min(end, last)))
        first = end + _DAY
    return found


def year_before(day: date) -> date:
    """Return the same date a year before; the last of February for its 29th."""
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)


class Counting(Protocol):
    """A register, as far as it matters for what it adds up to with others of its meter."""

    @property
    def register_id(self) -> int:
        """Which one it is."""

    @property
    def meter_id(self) -> int:
        """The meter that it is of."""

    @property
    def meter_type_code(self) -> str:
        """Whether it counts all day, or a part of it."""

    @property
    def direction(self) -> str:
        """Whether it counts what is supplied or what is fed in."""

    @property
    def controlled_load(self) -> bool:
        """Whether it counts a circuit of its own."""


def counted(registers: Iterable[Counting], priced: Iterable[AbstractSet[str]] = ()) -> set[int]:
    """Choose the registers that add up to what passed: never a whole and its parts (rule 18).

    It is the whole, unless its parts are to be priced apart: `priced` are the types of registers
    that each of some plans names, all of which must be there.
    """
    named = [types for plan in priced if (types := plan & _PARTS.keys())]
    found: dict[tuple[int, str, bool], list[Counting]] = defaultdict(list)
    for register in registers:
        if register.meter_type_code != _UNCOUNTED:
            circuit = (register.meter_id, register.direction, register.controlled_load)
            found[circuit].append(register)
    chosen = set()
    for group in found.values():
        parts = [register for register in group if register.meter_type_code in _PARTS]
        wholes = [register for register in group if register.meter_type_code not in _PARTS]
        types = {register.meter_type_code for register in parts}
        apart = not wholes or any(plan <= types for plan in named)
        chosen |= {register.register_id for register in (parts if apart else wholes)}
    return chosen


def bucket_names(book: PriceBook) -> dict[int, str]:
    """Say which buckets of a tariff are peak, off-peak and shoulder, as its rates are described."""
    names = {}
    for rate in book.rates:
        told = rate.description.casefold()
        kinds = [kind for word, kind in _WORDS if word in told]
        if rate.tier.startswith("T") and kinds:
            names[int(rate.tier[1:])] = kinds[0]
    return names


_WORDS = (("shoulder", "shoulder"), ("off", "offpeak"), ("peak", "peak"))


class SiteUsage:
    """What is known of a site by days, summed over spans; of `partial` days a part is missing."""

    def __init__(
        self,
        registers: Sequence[tuple[RegisterShown, list[tuple[date, int]]]],
        over: list[Span],
        partial: AbstractSet[date] = frozenset(),
    ) -> None:
        self.spans = over
        self._partial = partial
        self._days: dict[str, dict[date, int]] = defaultdict(dict)
        self._unit = registers[0][0].unit if registers else ""
        whole = counted(register for register, _ in registers)
        for register, days in registers:
            kinds = [register.direction] if register.register_id in whole else []
            if register.direction == "E" and register.meter_type_code in _PARTS:
                kinds.append(_PARTS[register.meter_type_code])
            for kind in kinds:
                for day, quantity in days:
                    self._days[kind][day] = self._days[kind].get(day, 0) + quantity
        self._parts: dict[int, dict[str, int]] = defaultdict(dict)
        self._demand: dict[int, int] = {}

    def add(self, number: int, energy_wh: list[int], peak_w: int, names: dict[int, str]) -> None:
        """Add to a span the energy of its intervals by time of use, and their demand."""
        parts = self._parts[number]
        for bucket, name in names.items():
            parts[name] = parts.get(name, 0) + energy_wh[bucket - 1]
        self._demand[number] = max(self._demand.get(number, 0), peak_w)

    def rows(self) -> list[PeriodUsage]:
        """Return a row for each span in which anything is known."""
        told = []
        for number, (first, last) in enumerate(self.spans):
            known = self._within("E", first, last).keys() | self._within("I", first, last)
            if not known:
                continue
            whole = known - self._partial
            earlier = (year_before(first), year_before(last))
            told.append(
                PeriodUsage(
                    first,
                    last,
                    len(whole),
                    self._unit,
                    self._sum("E", first, last) or 0,
                    sum(self._days["E"].get(day, 0) for day in whole),
                    self._sum("I", first, last) or 0,
                    self._part(number, "peak"),
                    self._part(number, "offpeak"),
                    self._part(number, "shoulder"),
                    self._demand.get(number),
                    self._sum("E", *earlier),
                )
            )
        return told

    def _part(self, number: int, name: str) -> int | None:
        """Sum what is known of a part of the day: of registers, or else of intervals."""
        read = self._sum(name, *self.spans[number])
        return self._parts[number].get(name) if read is None else read

    def _sum(self, kind: str, first: date, last: date) -> int | None:
        """Sum a kind over days; None where nothing of it is known."""
        known = self._within(kind, first, last)
        return sum(known.values()) if known else None

    def _within(self, kind: str, first: date, last: date) -> dict[date, int]:
        """Return what is known of a kind from a day to a day."""
        known = self._days[kind]
        days = (first + number * _DAY for number in range((last - first).days + 1))
        return {day: known[day] for day in days if day in known}
