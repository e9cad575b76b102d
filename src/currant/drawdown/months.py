"""The arithmetic of drawdown: usage is laid into runs of months, and the runs are priced.

A *run* is a stretch of a meter's calendar month under one account and one set of rates. Usage
that crosses an edge (of a month, a rate, a tax, a supply, a time-of-use bucket) is split by
elapsed time to whole Wh, and its parts are estimated (conformance.md 10.5 iii). Pure; energy in
Wh, money in minor units.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from itertools import chain
from operator import attrgetter

import msgspec

from currant.drawdown.model import RunRow, SupplyRow
from currant.reads.model import UsageChange
from currant.tariffs.book import PriceBook
from currant.tariffs.calendars import Calendar, apportion_energy, split
from currant.tariffs.pricing import TariffVersion, UnsoundTariff, price

BookKey = tuple[int, int]
_BEGINNING = attrgetter("from_at")
Cut = tuple[datetime, datetime, "SupplyRow | None", "Span | None", int]


class Span(msgspec.Struct, frozen=True):
    """A stretch of a month in which one set of rates is in force; none is where version is None."""

    month: date
    start_at: datetime
    end_at: datetime
    version: TariffVersion | None

    def prices(self, bucket: int) -> bool:
        """Tell whether the rates can price energy in a bucket; blocks price it in any."""
        if self.version is None:
            return False
        tiers = {line.tier for line in self.version.lines}
        return f"T{bucket}" in tiers or "T" not in {tier[0] for tier in tiers}


class Rates:
    """Which span of which price book an instant lies in; remembered, because meters share them."""

    def __init__(self, books: Mapping[BookKey, PriceBook]) -> None:
        self.books = books
        self._months: dict[tuple[BookKey, date], tuple[list[datetime], list[Span]]] = {}
        self._latest: dict[BookKey, Span] = {}

    def span_at(self, key: BookKey, instant: datetime) -> Span:
        """Return the span of a price book that an instant lies in."""
        latest = self._latest.get(key)
        if latest is not None and latest.start_at <= instant < latest.end_at:
            return latest
        month = self.books[key].month_at(instant)
        if (key, month) not in self._months:
            self._months[key, month] = self._spans(self.books[key], month)
        bounds, spans = self._months[key, month]
        span = self._latest[key] = spans[bisect_right(bounds, instant) - 1]
        return span

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
    """Energy of one run and bucket; nobody is charged for it where supply is None.

    It is estimated where it is a part of a segment.
    """

    supply: SupplyRow | None
    span: Span | None
    from_at: datetime
    to_at: datetime
    bucket: int
    energy_wh: int
    estimated: bool


def lay(change: UsageChange, supplies: Sequence[SupplyRow], rates: Rates) -> list[Piece]:
    """Split a segment of a meter's usage at every edge within it; the pieces sum to it exactly.

    A retired segment counts negative.
    """
    cuts: list[Cut] = []
    at = change.from_at
    while at < change.to_at:
        supply = _supply_at(supplies, at)
        if supply is None:
            starts = (later.start_at for later in supplies if later.start_at > at)
            until = min(starts, default=change.to_at)
            cuts.append((at, min(until, change.to_at), None, None, 1))
        else:
            key = (supply.tariff_id, supply.revision)
            span = rates.span_at(key, at)
            until = min(change.to_at, span.end_at, supply.end_at or span.end_at)
            cuts += _buckets(at, until, supply, span, rates.books[key].calendar)
        at = cuts[-1][1]
    shares = [change.energy_wh]
    split_up = len(cuts) != 1
    if split_up:
        shares = apportion_energy(change.energy_wh, [end - begin for begin, end, *_ in cuts])
    return [
        Piece(supply, span, begin, end, bucket, share * change.sign, split_up)
        for (begin, end, supply, span, bucket), share in zip(cuts, shares, strict=True)
    ]


def _supply_at(supplies: Sequence[SupplyRow], instant: datetime) -> SupplyRow | None:
    for supply in supplies:
        if supply.start_at <= instant and (supply.end_at is None or instant < supply.end_at):
            return supply
    return None


def _buckets(
    begin: datetime, until: datetime, supply: SupplyRow, span: Span, calendar: Calendar | None
) -> list[Cut]:
    """Cut a stretch of one span where its time-of-use bucket changes."""
    if calendar is None and span.version is not None:
        return [(begin, until, supply, span, 1)]
    pieces = [(1, until - begin)] if calendar is None else split(calendar, begin, until)
    cuts: list[Cut] = []
    for bucket, elapsed in pieces:
        told = (supply, span) if span.prices(bucket) else (None, None)
        cuts.append((begin, begin + elapsed, *told, bucket))
        begin += elapsed
    return cuts


class Run(msgspec.Struct):
    """A run being filled: its energy by bucket, and what was and what is charged for it."""

    meter_id: int
    month: date
    from_at: datetime
    account_id: int
    tariff_id: int
    wallet_kind: str
    version: TariffVersion | None
    energy_wh: dict[int, int]
    stored_wh: dict[int, int]
    estimated_wh: int
    stored_estimated_wh: int
    charged: dict[str, int]
    charged_tax: int
    nets: dict[str, int] = {}
    tax: int = 0
    owed: dict[str, int] = {}
    owed_tax: int = 0

    @property
    def total_wh(self) -> int:
        """The energy of all its buckets."""
        return sum(self.energy_wh.values())

    @property
    def drawn_wh(self) -> int:
        """The energy it has more than was stored."""
        return sum(self.energy_wh.values()) - sum(self.stored_wh.values())

    @property
    def changed(self) -> bool:
        """Whether there is anything to store; energy may change its bucket at no cost."""
        if self.owed or self.owed_tax or self.estimated_wh != self.stored_estimated_wh:
            return True
        return {bucket: wh for bucket, wh in self.energy_wh.items() if wh} != self.stored_wh

    def charge(self, nets: dict[str, int], tax: int) -> None:
        """Say what all its energy costs; owed is what that is more, by chart account, than before.

        Nothing that is zero is told.
        """
        self.nets, self.tax, self.owed_tax = nets, tax, tax - self.charged_tax
        charged = self.charged
        owed = {coa: net - charged.get(coa, 0) for coa, net in nets.items()}
        owed |= {coa: -net for coa, net in charged.items() if coa not in nets}
        self.owed = {coa: amount for coa, amount in owed.items() if amount}


def _run_of(runs: Iterable[Run], from_at: datetime, supply: SupplyRow, piece: Piece) -> Run | None:
    """Return the run that a piece belongs to, if there is one.

    What is taken back comes from the other kind of wallet where this one never held so much: the
    meter was changed to it since.
    """
    own = other = None
    for run in runs:
        if (
            run.account_id == supply.account_id
            and run.tariff_id == supply.tariff_id
            and run.from_at == from_at
        ):
            if run.wallet_kind == supply.wallet_kind:
                own = run
            else:
                other = run
    if other is None or piece.energy_wh >= 0:
        return own
    held = 0 if own is None else own.energy_wh.get(piece.bucket, 0)
    return own if held + piece.energy_wh >= 0 else other


class Months:
    """The months that usage was laid into, each with its runs: what was stored, and what is new."""

    def __init__(self, stored: Iterable[RunRow], rates: Rates) -> None:
        self.runs: dict[tuple[int, date], list[Run]] = {}
        self._stored: dict[tuple[int, date], list[RunRow]] = {}
        self._first: dict[int, date] = {}
        self._rates = rates
        for row in stored:
            self._stored.setdefault((row.meter_id, row.month), []).append(row)

    def empty(self, again: Mapping[int, datetime], supplies: Iterable[SupplyRow]) -> None:
        """Empty the runs of meters from the month of an instant on, each from its own.

        What they were charged for stays known, and is owed back as far as no usage is put to them.
        Of these meters nothing is put to earlier months.
        """
        known: list[SupplyRow | RunRow] = [*supplies, *chain(*self._stored.values())]
        for fact in known:
            if fact.meter_id in again:
                span = self._rates.span_at((fact.tariff_id, fact.revision), again[fact.meter_id])
                first = self._first.get(fact.meter_id, span.month)
                self._first[fact.meter_id] = min(first, span.month)
        for (meter_id, month), rows in self._stored.items():
            if month >= self._first.get(meter_id, date.max):
                runs = self.runs[meter_id, month] = [self._take_up(row) for row in rows]
                for run in runs:
                    run.energy_wh, run.estimated_wh = {}, 0

    def put(self, meter_id: int, supply: SupplyRow, span: Span, piece: Piece) -> None:
        """Add a piece of usage to its run: to the one that is stored, or to a new one."""
        key = (meter_id, span.month)
        if span.month < self._first.get(meter_id, span.month):
            return
        runs = self.runs.get(key)
        if runs is None:
            runs = self.runs[key] = [self._take_up(row) for row in self._stored.get(key, ())]
        from_at = max(span.start_at, supply.start_at)
        run = _run_of(runs, from_at, supply, piece)
        if run is None:
            told = (from_at, supply.account_id, supply.tariff_id)
            kind = supply.wallet_kind
            run = Run(meter_id, span.month, *told, kind, span.version, {}, {}, 0, 0, {}, 0)
            runs.append(run)
        run.version = run.version or span.version
        run.energy_wh[piece.bucket] = run.energy_wh.get(piece.bucket, 0) + piece.energy_wh
        if piece.estimated:
            run.estimated_wh += piece.energy_wh

    def _take_up(self, row: RunRow) -> Run:
        stored = {bucket: energy for bucket, energy in enumerate(row.energy_wh, 1) if energy}
        return Run(
            row.meter_id,
            row.month,
            row.from_at,
            row.account_id,
            row.tariff_id,
            row.wallet_kind,
            self._rates.span_at((row.tariff_id, row.revision), row.from_at).version,
            dict(stored),
            stored,
            row.estimated_wh,
            row.estimated_wh,
            dict(zip(row.coas, row.nets, strict=True)),
            row.tax,
        )

    def price(self) -> None:
        """Price the runs of each month, in the order of time, the block counter running on.

        Runs are gathered by tariff version and priced as batches; a run's net by chart account and
        its tax are the rounded cumulative charge of all its energy.
        """
        batches: dict[int, tuple[TariffVersion, list[Run], list[int]]] = {}
        for runs in self.runs.values():
            counter = 0
            for run in sorted(runs, key=_BEGINNING) if len(runs) > 1 else runs:
                if not any(run.energy_wh.values()):
                    run.charge({}, 0)
                    continue
                if run.version is None:
                    continue
                _, batch, counters = batches.setdefault(id(run.version), (run.version, [], []))
                batch.append(run)
                counters.append(counter)
                counter += run.total_wh
        for version, batch, counters in batches.values():
            buckets = sorted({bucket for run in batch for bucket in run.energy_wh}) or [1]
            columns = {
                bucket: [run.energy_wh.get(bucket, 0) for run in batch] for bucket in buckets
            }
            charges = price(version, columns, counters)
            coas, by_coa = zip(*sorted(charges.net_by_coa().items()), strict=True)
            for run, tax, *nets in zip(batch, charges.tax(), *by_coa, strict=True):
                run.charge({coa: net for coa, net in zip(coas, nets, strict=True) if net}, tax)
