"""Drawing wallets down: by usage, at once after the reads, and by monthly fixed charges."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from currant.access.permissions import Permission, needs
from currant.access.verbs import Nothing
from currant.db.statements import Statement, Statements
from currant.db.tx import Tx
from currant.drawdown.model import (
    DrawnDown,
    FixedRow,
    MovedWallet,
    RunRow,
    SupplyRow,
    UnpricedRow,
)
from currant.drawdown.months import BookKey, Months, Rates, Run, lay
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
_STANDING_USAGE = sql.rows("standing_usage", UsageChange)
_UNPRICED_SINCE = sql.rows("unpriced", UnpricedRow)
_POST = sql.rows("post", MovedWallet)
_FIXED_CHARGES = sql.rows("fixed_charges", FixedRow)
_CHARGE = sql.rows("charge", int)
_CUT_OFF = sql.rows("cut_off", int)
_GIVE_BACK = sql.rows("give_back", int)
_PORTALS_DUE = sql.rows("portals_due", str)

Unpriced = tuple[int, datetime, datetime, int]  # meter, from, to, Wh

_ENTRY = ("event_ats", "account_ids", "meter_ids", "kinds", "amounts", "energies")
_LINE = ("line_ns", "line_coas", "line_amounts")
_UNPRICED = (
    "unpriced_meter_ids",
    "unpriced_from_ats",
    "unpriced_to_ats",
    "unpriced_energies",
)
_TAX_COA = "2200"
_A_MONTH = timedelta(days=32)


@needs(Permission.JOBS_RUN)
async def draw_down(tx: Tx, block: int) -> DrawnDown:
    """Make usage of a due block of meters, and charge their months what they cost more than before.

    Posting rule L9, one ledger entry per meter and wallet; a wallet may go below zero. Usage while
    nobody was supplied, or at no rate, is kept as unpriced; that of a postpaid account is left to
    its bill. Of meters whose supply was changed for the past whole months are charged anew.
    """
    await tx.run(_ANALYZE_GROWN)
    await tx.one(_LOOK_UP_BY_KEY)
    changes = await make_usage(tx, block)
    if not changes:
        return DrawnDown(0, 0, 0)
    portal_id = tx.portal.portal_id
    meter_ids = list({change.meter_id for change in changes})
    redrawn = {change.meter_id for change in changes if not change.sign}
    news = [change for change in changes if change.meter_id not in redrawn]
    again = _since(change for change in changes if change.meter_id in redrawn)
    usage = await _standing_usage(tx, again)
    since = min(change.from_at for change in (*changes, *usage))
    until = max(change.to_at for change in changes)
    await tx.one(_JOIN_BY_HASH, alone=True)
    supplies = await tx.all(_SUPPLIES, portal_id=portal_id, meter_ids=meter_ids, from_at=since)
    stored = await tx.all(_RUNS, portal_id=portal_id, meter_ids=meter_ids, since=since, until=until)
    await tx.one(_JOIN_BY_HASH, alone=False)
    books = {(row.tariff_id, row.revision) for row in supplies}
    rates = await _rates(tx, books | {(row.tariff_id, row.revision) for row in stored})
    months = Months(stored, rates)
    unpriced = _lay(news, supplies, rates, months)
    if usage:
        months.empty(again, supplies)
        laid = _lay(usage, supplies, rates, months)
        unpriced += await _changed_unpriced(tx, usage, laid)
    months.price()
    latest = {change.meter_id: change.to_at for change in changes}  # They are in order of time.
    entries = await _post(tx, months, latest, unpriced)
    return DrawnDown(len({change.register_id for change in changes}), len(changes), entries)


@needs(Permission.JOBS_RUN)
async def portals_due(tx: Tx, _question: Nothing) -> list[str]:
    """List the portals, by key, that have usage to be made or drawn again."""
    return await tx.all(_PORTALS_DUE)


@needs(Permission.JOBS_RUN)
async def charge_fixed(tx: Tx, _command: Nothing) -> int:
    """Charge the fixed charges of the months that are over; return how many there were.

    Posting rule L19: once a month and charge, by days in a supply's first and last month or where
    it is told for a day, at the tax of the month's first day. That of a currency wallet is posted,
    that of a units wallet stays open until a vend pays it.
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
        share = (row.days, 1 if row.basis == "DAILY" else row.days_of_month)
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
    await _settle(tx, _CUT_OFF, [(account_id, "currency") for account_id in used_up])
    return len(rows)


async def _settle(tx: Tx, statement: Statement[int], wallets: list[tuple[int, str]]) -> None:
    """Cut off the meters of wallets (account and kind) that are used up, or give them back."""
    if wallets:
        account_ids, kinds = zip(*wallets, strict=True)
        await tx.one(
            statement,
            portal_id=tx.portal.portal_id,
            account_ids=account_ids,
            kinds=kinds,
            now=tx.now,
        )


async def _rates(tx: Tx, keys: set[BookKey]) -> Rates:
    books: dict[BookKey, PriceBook] = {}
    for key in sorted(keys):
        books[key] = await price_book(tx, *key)
    return Rates(books)


def _since(changes: Iterable[UsageChange]) -> dict[int, datetime]:
    """Return the instant that the earliest segment of each meter begins at."""
    since: dict[int, datetime] = {}
    for change in changes:
        since[change.meter_id] = min(change.from_at, since.get(change.meter_id, change.from_at))
    return since


async def _standing_usage(tx: Tx, again: dict[int, datetime]) -> list[UsageChange]:
    """Return what stands of the usage of meters, at least since the months of an instant each."""
    if not again:
        return []
    since = min(again.values()) - _A_MONTH
    meter_ids = list(again)
    return await tx.all(
        _STANDING_USAGE, portal_id=tx.portal.portal_id, meter_ids=meter_ids, since=since
    )


async def _changed_unpriced(
    tx: Tx, usage: list[UsageChange], laid: list[Unpriced]
) -> list[Unpriced]:
    """Return how what nobody is charged for, of usage that was laid again, differs from before."""
    starts = _since(usage)
    recorded = await tx.all(
        _UNPRICED_SINCE,
        portal_id=tx.portal.portal_id,
        meter_ids=list(starts),
        since=min(starts.values()),
    )
    changed: Counter[tuple[int, datetime, datetime]] = Counter()
    for row in recorded:
        if row.from_at >= starts[row.meter_id]:
            changed[row.meter_id, row.from_at, row.to_at] -= row.energy_wh
    for meter_id, from_at, to_at, energy_wh in laid:
        changed[meter_id, from_at, to_at] += energy_wh
    return [(*stretch, energy_wh) for stretch, energy_wh in changed.items() if energy_wh]


def _lay(
    changes: list[UsageChange], supplies: list[SupplyRow], rates: Rates, months: Months
) -> list[Unpriced]:
    """Lay changes of usage into their months; return those that nobody is charged for."""
    by_meter: dict[int, list[SupplyRow]] = {}
    for supply in supplies:
        by_meter.setdefault(supply.meter_id, []).append(supply)
    unpriced: list[Unpriced] = []
    for change in changes:
        meter_id = change.meter_id
        for piece in lay(change, by_meter.get(meter_id, []), rates):
            if piece.supply is None or piece.span is None:
                if piece.energy_wh:
                    unpriced.append((meter_id, piece.from_at, piece.to_at, piece.energy_wh))
            elif piece.supply.prepaid:
                months.put(meter_id, piece.supply, piece.span, piece)
    return unpriced


async def _post(
    tx: Tx,
    months: Months,
    latest: dict[int, datetime],
    unpriced: list[Unpriced],
) -> int:
    """Post what the runs cost more than before, an entry per meter, account and kind of wallet."""
    changed: dict[tuple[int, int, str], list[Run]] = {}
    for month in months.runs.values():
        for run in month:
            if run.changed:
                key = (run.meter_id, run.account_id, run.wallet_kind)
                changed.setdefault(key, []).append(run)
    entries: list[tuple[object, ...]] = []
    lines: list[tuple[object, ...]] = []
    for (meter_id, account_id, kind), runs in changed.items():
        n, gross, energy, owing = len(entries) + 1, 0, 0, False
        for run in runs:
            energy += run.drawn_wh
            if run.owed or run.owed_tax:
                owing = True
                gross += run.owed_tax + sum(run.owed.values())
        if owing and kind == "currency":
            lines += [(n, coa, -amount) for run in runs for coa, amount in run.owed.items()]
            lines.append((n, _TAX_COA, -sum(run.owed_tax for run in runs)))
        elif not energy:
            continue
        entries.append((latest[meter_id], account_id, meter_id, kind, gross, energy))
    stored = [run for runs in changed.values() for run in runs]
    moved = await tx.all(
        _POST,
        portal_id=tx.portal.portal_id,
        login=tx.user.login,
        now=tx.now,
        minor_unit=from_minor(1, tx.portal.currency),
        currency=tx.portal.currency,
        **_columns(_ENTRY, entries),
        **_columns(_LINE, lines),
        **_columns(_UNPRICED, unpriced),
        run_meter_ids=[run.meter_id for run in stored],
        run_months=[run.month for run in stored],
        run_from_ats=[run.from_at for run in stored],
        run_account_ids=[run.account_id for run in stored],
        run_tariff_ids=[run.tariff_id for run in stored],
        run_kinds=[run.wallet_kind for run in stored],
        run_energies=[_buckets(run) for run in stored],
        run_estimates=[run.estimated_wh for run in stored],
        run_coas=[" ".join(run.nets) for run in stored],
        run_nets=[" ".join(map(str, run.nets.values())) for run in stored],
        run_taxes=[run.tax for run in stored],
    )
    for statement, holds in ((_CUT_OFF, False), (_GIVE_BACK, True)):
        wallets = [(row.account_id, row.kind) for row in moved if (row.balance > 0) is holds]
        await _settle(tx, statement, wallets)
    return len(entries)


def _buckets(run: Run) -> str:
    """Write a run's energy by bucket, bucket 1 first."""
    most = max(run.energy_wh, default=1)
    return " ".join(str(run.energy_wh.get(bucket, 0)) for bucket in range(1, most + 1))


def _columns(
    names: tuple[str, ...], rows: Sequence[tuple[object, ...]]
) -> dict[str, Sequence[object]]:
    """Turn rows into the columns that a statement unnests."""
    columns: Sequence[Sequence[object]] = list(zip(*rows, strict=True)) or [()] * len(names)
    return dict(zip(names, columns, strict=True))
