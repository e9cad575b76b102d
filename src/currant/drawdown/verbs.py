"""Drawing wallets down: by usage, at once after the reads, and by monthly fixed charges."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from currant.access.permissions import Permission, needs
from currant.access.verbs import Nothing
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.drawdown.model import (
    DrawDown,
    DrawnDown,
    FixedRow,
    MovedWallet,
    RunRow,
    SupplyRow,
)
from currant.drawdown.months import BookKey, Rates, Run, Timeline, new_run, price_runs, stored_run
from currant.money import from_minor
from currant.reads.model import UsageChange
from currant.reads.verbs import make_usage
from currant.tariffs.book import PriceBook
from currant.tariffs.pricing import price_fixed
from currant.tariffs.verbs import price_book

sql = Statements(__package__)
_SUPPLIES = sql.rows("supplies", SupplyRow)
_ANALYZE_GROWN = sql.command("analyze_grown")
_LOOK_UP_BY_KEY = sql.rows("look_up_by_key", str)
_JOIN_BY_HASH = sql.rows("join_by_hash", str)
_RUNS = sql.rows("runs", RunRow)
_POST = sql.rows("post", MovedWallet)
_FIXED_CHARGES = sql.rows("fixed_charges", FixedRow)
_CHARGE = sql.rows("charge", int)
_DISCONNECT = sql.rows("disconnect", int)
_RECONNECT = sql.rows("reconnect", int)
_PORTALS_DUE = sql.rows("portals_due", str)

_WALLET_COA = "2100"
_TAX_COA = "2200"

_ENTRY = ("ns", "event_ats", "account_ids", "meter_ids", "amounts", "energies")
_LINE = ("ns", "coas", "commodities", "amounts", "account_ids")
_LINK = ("ns", "meter_ids", "usage_ids")
_UNPRICED = ("meter_ids", "from_ats", "to_ats", "energies")

Month = tuple[int, date]
RunKey = tuple[int, date, datetime]


@needs(Permission.JOBS_RUN)
async def draw_down(tx: Tx, command: DrawDown) -> DrawnDown:
    """Make usage of due reads, and charge each meter's months what they cost more than before.

    Posting rule L9, one ledger entry per meter and account; a wallet may go below zero. Usage while
    nobody was supplied, or at no rate, is kept as unpriced; that of a postpaid account is left to
    its bill. Run it until it answers no registers.
    """
    await tx.run(_ANALYZE_GROWN)
    await tx.one(_LOOK_UP_BY_KEY)
    changes = await make_usage(tx, command.registers)
    if not changes:
        return DrawnDown(0, 0, 0)
    by_meter: dict[int, list[UsageChange]] = defaultdict(list)
    for change in changes:
        by_meter[change.meter_id].append(change)
    supplies = await tx.all(
        _SUPPLIES,
        portal_id=tx.portal.portal_id,
        meter_ids=list(by_meter),
        from_at=min(change.from_at for change in changes),
    )
    batch = _Batch(await _rates(tx, {(row.tariff_id, row.revision) for row in supplies}), supplies)
    batch.lay(by_meter)
    await _take_up(tx, batch)
    price_runs(batch.months())
    entries = await _post(tx, batch, by_meter)
    registers = len({change.register_id for change in changes})
    return DrawnDown(registers, len(changes), entries)


@needs(Permission.JOBS_RUN)
async def portals_due(tx: Tx, _question: Nothing) -> list[str]:
    """List the portals, by key, that have reads of which no usage was made yet."""
    return await tx.all(_PORTALS_DUE)


@needs(Permission.JOBS_RUN)
async def charge_fixed(tx: Tx, _command: Nothing) -> int:
    """Charge the fixed charges of the months that are over; return how many there were.

    Posting rule L19: once a month and charge, by days in a supply's first and last month, at the
    tax of the month's first day. That of a currency wallet is posted, that of a units wallet stays
    open until a vend pays it.
    """
    await tx.one(_JOIN_BY_HASH, alone=True)
    rows = await tx.all(_FIXED_CHARGES, portal_id=tx.portal.portal_id, now=tx.now)
    await tx.one(_JOIN_BY_HASH, alone=False)
    if not rows:
        return 0
    rates = await _rates(tx, {(row.tariff_id, row.revision) for row in rows})
    priced = []
    for row in rows:
        book = rates.books[row.tariff_id, row.revision]
        tax = book.tax_at(row.start_at) if row.taxable else Decimal(0)
        units = row.kva_demand_rating if row.basis == "KVA" else Decimal(1)
        share = (row.days, row.days_of_month)
        priced.append(price_fixed(row.amount, units, tax, book.minor_units, share))
    used_up = await tx.all(
        _CHARGE,
        portal_id=tx.portal.portal_id,
        login=tx.user.login,
        now=tx.now,
        minor_unit=from_minor(1, tx.portal.currency),
        currency=tx.portal.currency,
        meter_ids=[row.meter_id for row in rows],
        months=[row.month for row in rows],
        fixed_ids=[row.fixed_id for row in rows],
        account_ids=[row.account_id for row in rows],
        descriptions=[row.description for row in rows],
        coas=[row.coa for row in rows],
        kinds=[row.wallet_kind for row in rows],
        nets=[net for net, _ in priced],
        taxes=[tax for _, tax in priced],
    )
    empty = set(used_up)
    await _disconnect(
        tx,
        [row.meter_id for row in rows if row.wallet_kind == "currency" and row.account_id in empty],
    )
    return len(rows)


async def _disconnect(tx: Tx, meter_ids: list[int]) -> None:
    """Ask for the disconnection of meters whose wallets are used up."""
    if meter_ids:
        await tx.one(_DISCONNECT, portal_id=tx.portal.portal_id, meter_ids=meter_ids, now=tx.now)


async def _rates(tx: Tx, keys: set[BookKey]) -> Rates:
    books: dict[BookKey, PriceBook] = {}
    for key in sorted(keys):
        books[key] = await price_book(tx, *key)
    return Rates(books)


class _Batch:
    """The usage of many meters on its way into runs."""

    def __init__(self, rates: Rates, supplies: list[SupplyRow]) -> None:
        self.rates = rates
        self.by_meter: dict[int, list[SupplyRow]] = defaultdict(list)
        for supply in supplies:
            self.by_meter[supply.meter_id].append(supply)
        self.kinds = {supply.meter_id: supply.wallet_kind for supply in supplies}
        self.runs: dict[RunKey, Run] = {}
        self.unpriced: list[tuple[int, datetime, datetime, int]] = []

    def lay(self, changes: dict[int, list[UsageChange]]) -> None:
        """Lay every meter's changes into its runs."""
        for meter_id, of_meter in changes.items():
            timeline = Timeline(self.by_meter.get(meter_id, []), self.rates)
            for change in of_meter:
                for piece in timeline.lay(change):
                    supply, span = piece.supply, piece.span
                    if supply is None or span is None or span.version is None:
                        if piece.energy_wh:
                            told = (meter_id, piece.from_at, piece.to_at, piece.energy_wh)
                            self.unpriced.append(told)
                        continue
                    if not supply.prepaid:
                        continue
                    key = (meter_id, span.month, max(span.start_at, supply.start_at))
                    run = self.runs.get(key)
                    if run is None:
                        run = self.runs[key] = new_run(meter_id, supply, span, span.version)
                    run.add(piece)

    def months(self) -> list[list[Run]]:
        """Return the runs month by month, each in the order of time."""
        months: dict[Month, list[Run]] = defaultdict(list)
        for meter_id, month, from_at in sorted(self.runs):
            months[meter_id, month].append(self.runs[meter_id, month, from_at])
        return list(months.values())


async def _take_up(tx: Tx, batch: _Batch) -> None:
    """Add what is stored of the months that usage was laid into."""
    touched = sorted({(meter_id, month) for meter_id, month, _ in batch.runs})
    rows = await tx.all(
        _RUNS,
        portal_id=tx.portal.portal_id,
        meter_ids=[meter_id for meter_id, _ in touched],
        months=[month for _, month in touched],
    )
    rates = await _rates(tx, {(row.tariff_id, row.revision) for row in rows})
    for row in rows:
        span = rates.span_at((row.tariff_id, row.revision), row.from_at)
        fresh = batch.runs.get((row.meter_id, row.month, row.from_at))
        version = span.version or (fresh.version if fresh else None)
        if version is None:
            continue
        run = stored_run(row, version)
        if fresh is not None:
            for bucket, energy in fresh.energy_wh.items():
                run.energy_wh[bucket] = run.energy_wh.get(bucket, 0) + energy
        batch.runs[row.meter_id, row.month, row.from_at] = run


async def _post(tx: Tx, batch: _Batch, changes: dict[int, list[UsageChange]]) -> int:
    """Post what the runs cost more than before, an entry per meter and account."""
    changed: dict[tuple[int, int], list[Run]] = defaultdict(list)
    for run in batch.runs.values():
        if run.changed:
            changed[run.meter_id, run.account_id].append(run)
    entries: list[tuple[object, ...]] = []
    lines: list[tuple[object, ...]] = []
    links: list[tuple[object, ...]] = []
    wallets: dict[tuple[int, str], int] = defaultdict(int)
    for n, ((meter_id, account_id), runs) in enumerate(changed.items(), 1):
        kind = batch.kinds[meter_id]
        energy = sum(run.drawn_wh for run in runs)
        tax = sum(run.tax - run.charged_tax for run in runs)
        owed: dict[str, int] = defaultdict(int)
        for run in runs:
            for coa, amount in run.owed.items():
                owed[coa] += amount
        gross = sum(owed.values()) + tax
        latest = max(change.to_at for change in changes[meter_id])
        entries.append((n, latest, account_id, meter_id, gross, energy))
        links += [(n, meter_id, change.usage_id) for change in changes[meter_id]]
        if kind == "units":
            lines.append((n, "U100", "Wh", energy, account_id))
            lines.append((n, "U400", "Wh", -energy, account_id))
            wallets[account_id, kind] += energy
        else:
            lines.append((n, _WALLET_COA, "", gross, account_id))
            lines += [(n, coa, "", -amount, None) for coa, amount in owed.items()]
            lines.append((n, _TAX_COA, "", -tax, None))
            wallets[account_id, kind] += gross
    stored = [run for runs in changed.values() for run in runs]
    drawn = sorted(wallets)
    moved = await tx.all(
        _POST,
        portal_id=tx.portal.portal_id,
        login=tx.user.login,
        now=tx.now,
        minor_unit=from_minor(1, tx.portal.currency),
        currency=tx.portal.currency,
        **_columns("entry", _ENTRY, entries),
        **_columns("line", _LINE, lines),
        **_columns("link", _LINK, links),
        **_columns("unpriced", _UNPRICED, batch.unpriced),
        wallet_account_ids=[account_id for account_id, _ in drawn],
        wallet_kinds=[kind for _, kind in drawn],
        wallet_amounts=[wallets[wallet] for wallet in drawn],
        run_meter_ids=[run.meter_id for run in stored],
        run_months=[run.month for run in stored],
        run_from_ats=[run.from_at for run in stored],
        run_account_ids=[run.account_id for run in stored],
        run_tariff_ids=[run.tariff_id for run in stored],
        run_energies=[_buckets(run) for run in stored],
        run_coas=[" ".join(run.nets) for run in stored],
        run_nets=[" ".join(map(str, run.nets.values())) for run in stored],
        run_taxes=[run.tax for run in stored],
    )
    empty = {(wallet.account_id, wallet.kind) for wallet in moved if wallet.balance <= 0}
    await _disconnect(
        tx, [meter for meter, account in changed if (account, batch.kinds[meter]) in empty]
    )
    risen = [wallet for wallet in set(wallets) - empty if wallets[wallet] < 0]
    if risen:
        await tx.one(
            _RECONNECT,
            portal_id=tx.portal.portal_id,
            account_ids=[account_id for account_id, _ in risen],
            kinds=[kind for _, kind in risen],
            now=tx.now,
        )
    return len(entries)


def _buckets(run: Run) -> str:
    """Write a run's energy by bucket, bucket 1 first."""
    return " ".join(str(run.energy_wh.get(n, 0)) for n in range(1, max(run.energy_wh) + 1))


def _columns(
    prefix: str, names: tuple[str, ...], rows: Sequence[tuple[object, ...]]
) -> dict[str, list[object]]:
    """Turn rows into the columns that a statement unnests."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return {f"{prefix}_{name}": list(column) for name, column in zip(names, columns, strict=True)}
