"""The arithmetic of drawdown: usage is laid into runs of months, and the runs are priced.

A *run* is a stretch of a meter's calendar month under one account and one set of rates. Usage
that crosses an edge (of a month, a rate, a tax, a supply, a time-of-use bucket) is split by
elapsed time to whole Wh. Pure; energy in Wh, money in minor units.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache

import msgspec

from currant.drawdown.model import RunRow, SupplyRow
from currant.reads.model import UsageChange
from currant.tariffs.book import PriceBook
from currant.tariffs.calendars import apportion_energy, split
from currant.tariffs.pricing import TariffVersion, UnsoundTariff, price

BookKey = tuple[int, int]
Cut = tuple[datetime, datetime, "SupplyRow | None", "Span | None", int]


class Span(msgspec.Struct, frozen=True):
    """A stretch of a month in which one set of rates is in force; none is where version is None."""

    month: date
    start_at: datetime
    end_at: datetime
    version: TariffVersion | None


class Rates:
    """Which span of which price book an instant lies in; remembered, because meters share them."""

    def __init__(self, books: Mapping[BookKey, PriceBook]) -> None:
        self.books = books
        self._months: dict[tuple[BookKey, date], tuple[list[datetime], list[Span]]] = {}

    def span_at(self, key: BookKey, instant: datetime) -> Span:
        """Return the span of a price book that an instant lies in."""
        month = self.books[key].month_at(instant)
        if (key, month) not in self._months:
            self._months[key, month] = self._spans(self.books[key], month)
        bounds, spans = self._months[key, month]
        return spans[bisect_right(bounds, instant) - 1]

    def _spans(self, book: PriceBook, month: date) -> tuple[list[datetime], list[Span]]:
        start, end = book.month_bounds(month)
        bounds = [start, *book.edges(start, end)]
        spans = []
        for begin, finish in zip(bounds, [*bounds[1:], end], strict=True):
            try:
                version = book.version_at(begin)
            except UnsoundTariff:
                version = None
            spans.append(Span(month, begin, finish, version))
        return bounds, spans


class Piece(msgspec.Struct, frozen=True):
    """Energy of one run and bucket; nobody is charged for it where supply is None."""

    supply: SupplyRow | None
    span: Span | None
    from_at: datetime
    to_at: datetime
    bucket: int
    energy_wh: int


class Timeline:
    """One meter's supplies in time; lays its usage into pieces."""

    def __init__(self, supplies: Sequence[SupplyRow], rates: Rates) -> None:
        self.supplies = supplies
        self.rates = rates

    def lay(self, change: UsageChange) -> list[Piece]:
        """Split a segment of usage at every edge within it; the pieces sum to it exactly.

        A retired segment is split as it was when it was made, and counts negative.
        """
        cuts: list[Cut] = []
        at = change.from_at
        while at < change.to_at:
            supply = self._supply_at(at)
            if supply is None:
                until = min(change.to_at, self._next_supply(at, change.to_at))
                cuts.append((at, until, None, None, 1))
            else:
                key = (supply.tariff_id, supply.revision)
                span = self.rates.span_at(key, at)
                until = min(change.to_at, span.end_at, supply.end_at or span.end_at)
                cuts += self._buckets(at, until, supply, span)
            at = until
        if len(cuts) == 1:
            shares = [change.energy_wh]
        else:
            shares = apportion_energy(change.energy_wh, [end - begin for begin, end, *_ in cuts])
        return [
            Piece(supply, span, begin, end, bucket, share * change.sign)
            for (begin, end, supply, span, bucket), share in zip(cuts, shares, strict=True)
        ]

    def _buckets(
        self, begin: datetime, until: datetime, supply: SupplyRow, span: Span
    ) -> list[Cut]:
        """Cut a stretch of one span where its time-of-use bucket changes."""
        calendar = self.rates.books[supply.tariff_id, supply.revision].calendar
        pieces = [(1, until - begin)] if calendar is None else split(calendar, begin, until)
        cuts: list[Cut] = []
        for bucket, elapsed in pieces:
            priced = span.version is not None and _has_rate(span.version, bucket)
            told = (supply, span) if priced else (None, None)
            cuts.append((begin, begin + elapsed, *told, bucket))
            begin += elapsed
        return cuts

    def _supply_at(self, instant: datetime) -> SupplyRow | None:
        for supply in self.supplies:
            if supply.start_at <= instant and (supply.end_at is None or instant < supply.end_at):
                return supply
        return None

    def _next_supply(self, instant: datetime, latest: datetime) -> datetime:
        return min((s.start_at for s in self.supplies if s.start_at > instant), default=latest)


@lru_cache(maxsize=4096)
def _has_rate(version: TariffVersion, bucket: int) -> bool:
    """Tell whether the rates can price energy in a bucket; blocks price it in any."""
    tiers = {line.tier for line in version.lines}
    return f"T{bucket}" in tiers or "T" not in {tier[0] for tier in tiers}


class Run(msgspec.Struct):
    """A run being filled: its energy by bucket, and what was and what is charged for it."""

    meter_id: int
    month: date
    from_at: datetime
    account_id: int
    tariff_id: int
    version: TariffVersion
    energy_wh: dict[int, int]
    charged: dict[str, int]
    charged_tax: int
    stored_wh: dict[int, int] = {}
    nets: dict[str, int] = {}
    tax: int = 0

    @property
    def total_wh(self) -> int:
        """The energy of all its buckets."""
        return sum(self.energy_wh.values())

    @property
    def drawn_wh(self) -> int:
        """The energy it has more than was stored."""
        return self.total_wh - sum(self.stored_wh.values())

    @property
    def changed(self) -> bool:
        """Whether there is anything to store; energy may change its bucket at no cost."""
        energy = {bucket: wh for bucket, wh in self.energy_wh.items() if wh}
        return energy != self.stored_wh or bool(self.owed) or self.tax != self.charged_tax

    @property
    def owed(self) -> dict[str, int]:
        """What it costs by chart account more than was charged for it; nothing that is zero."""
        coas = self.nets.keys() | self.charged.keys()
        owed = {coa: self.nets.get(coa, 0) - self.charged.get(coa, 0) for coa in sorted(coas)}
        return {coa: amount for coa, amount in owed.items() if amount}

    def add(self, piece: Piece) -> None:
        """Put a piece of usage into its bucket."""
        self.energy_wh[piece.bucket] = self.energy_wh.get(piece.bucket, 0) + piece.energy_wh


def stored_run(row: RunRow, version: TariffVersion) -> Run:
    """Take a stored run up again."""
    stored = {bucket: energy for bucket, energy in enumerate(row.energy_wh, 1) if energy}
    return Run(
        meter_id=row.meter_id,
        month=row.month,
        from_at=row.from_at,
        account_id=row.account_id,
        tariff_id=row.tariff_id,
        version=version,
        energy_wh=dict(stored),
        stored_wh=stored,
        charged=dict(zip(row.coas, row.nets, strict=True)),
        charged_tax=row.tax,
    )


def new_run(meter_id: int, supply: SupplyRow, span: Span, version: TariffVersion) -> Run:
    """Begin a run where a span and a supply both hold."""
    return Run(
        meter_id=meter_id,
        month=span.month,
        from_at=max(span.start_at, supply.start_at),
        account_id=supply.account_id,
        tariff_id=supply.tariff_id,
        version=version,
        energy_wh={},
        charged={},
        charged_tax=0,
    )


def price_runs(months: Iterable[Sequence[Run]]) -> None:
    """Price the runs of each month, in the order of time, the block counter running on.

    Runs are gathered by tariff version and priced as batches; a run's net by chart account and its
    tax are the rounded cumulative charge of all its energy.
    """
    batches: dict[TariffVersion, tuple[list[Run], list[int]]] = {}
    for runs in months:
        counter = 0
        for run in runs:
            batch, counters = batches.setdefault(run.version, ([], []))
            batch.append(run)
            counters.append(counter)
            counter += run.total_wh
    for version, (batch, counters) in batches.items():
        buckets = sorted({bucket for run in batch for bucket in run.energy_wh}) or [1]
        columns = {bucket: [run.energy_wh.get(bucket, 0) for run in batch] for bucket in buckets}
        charges = price(version, columns, counters)
        taxes = charges.tax()
        by_coa = charges.net_by_coa().items()
        for place, run in enumerate(batch):
            run.nets = {coa: column[place] for coa, column in by_coa if column[place]}
            run.tax = taxes[place]
