"""Acts on drafts, and the policy that they are made by."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from currant.access.permissions import Permission, needs
from currant.access.verbs import Nothing
from currant.billing.drafts import Draft, account_drafts, draft_tuples, interval_totals
from currant.billing.lines import (
    Counted,
    DraftLine,
    basic_counts,
    charge_line,
    item_lines,
    price_periods,
    with_losses,
)
from currant.billing.measuring import months_before
from currant.billing.model import (
    AssignedRow,
    ChargeRow,
    Drafted,
    DraftedBefore,
    DraftTerms,
    DueDays,
    Known,
    LineItemRow,
    MeteredRow,
    OfferedRow,
    Policy,
    ReadRow,
    Remarkable,
)
from currant.billing.periods import Period, Plans, Supply, counted_once, periods, supplies
from currant.clock import day_bounds
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.determinants.layouts import flat_calendar
from currant.determinants.model import DeterminantsWanted, Determined, PricedPeriod
from currant.determinants.summing import determined
from currant.determinants.verbs import determinants
from currant.plans.model import OfferingsWanted
from currant.plans.verbs import offerings
from currant.plans.versions import discounts_of
from currant.tariffs.book import PriceBook
from currant.tariffs.calendars import Calendar
from currant.tariffs.terms import Discount
from currant.tariffs.verbs import price_book, taxes

sql = Statements(__package__)
_POLICY = sql.rows("policy", Policy)
_SET_POLICY = sql.command("set_policy")
_KNOWN_DELIVERIES = sql.rows("known_deliveries", Known)
_DRAFTED_BEFORE = sql.rows("drafted_before", DraftedBefore)
_DUE_DAYS = sql.rows("due_days", DueDays)
_METERED = sql.rows("metered", MeteredRow)
_READS_AROUND = sql.rows("reads_around", ReadRow)
_ASSIGNED = sql.rows("assigned", AssignedRow)
_OFFERED = sql.rows("offered", OfferedRow)
_CHARGES_DUE = sql.rows("charges_due", ChargeRow)
_LINE_ITEMS_DUE = sql.rows("line_items_due", LineItemRow)
_DRAFT = sql.rows("draft", int)


@needs(Permission.BILLING_VIEW)
async def policy(tx: Tx, _question: Nothing) -> Policy:
    """Show how the portal bills."""
    return await tx.one(_POLICY, portal_id=tx.portal.portal_id)


@needs(Permission.BILLING_APPROVE)
async def set_policy(tx: Tx, command: Policy) -> Policy:
    """Change how the portal bills, for what is drafted from now on."""
    told = {name: getattr(command, name) for name in Policy.__struct_fields__}
    await tx.run(_SET_POLICY, portal_id=tx.portal.portal_id, **told)
    return command


async def known_deliveries(tx: Tx) -> Known:
    """Wait for the deliveries of reads and intervals under way, and say which are the last.

    Who drafts asks this first: what is delivered later is late for the drafts, whenever it began.
    """
    return await tx.one(_KNOWN_DELIVERIES, portal_id=tx.portal.portal_id)


async def draft_accounts(tx: Tx, terms: DraftTerms, account_ids: Sequence[int]) -> Drafted:
    """Draft an invoice for each account that something is due of, and say what is remarkable.

    The statements are as many for one account as for thousands. Accounts that have a draft already
    are left alone.
    """
    portal_id = tx.portal.portal_id
    drafted = await tx.all(_DRAFTED_BEFORE, portal_id=portal_id, account_ids=list(account_ids))
    waiting = {row.account_id for row in drafted}
    account_ids = [account_id for account_id in account_ids if account_id not in waiting]
    due = await tx.all(
        _DUE_DAYS,
        portal_id=portal_id,
        account_ids=list(account_ids),
        through=terms.through,
        timezone=tx.portal.timezone,
        replaced=_replaced(terms),
    )
    ready, found = await _ready(tx, due, terms)
    found += [
        Remarkable(row.account_id, None, "DRAFTED", f"It has a draft in run {row.run_id}.")
        for row in drafted
    ]
    plans = await _plans(tx, ready)
    ready = [counted_once(supply, plans) for supply in ready]
    cut: list[Period] = []
    for supply in ready:
        if supply.due.metered:
            for part in periods(supply, plans):
                if isinstance(part, Period):
                    cut.append(part)
                else:
                    found.append(part)
    counts, gaps = await _counts(tx, cut, plans)
    found += gaps
    totals = interval_totals(cut, counts)
    counts = [
        with_losses(counted, period.supply.due.loss_factor(period.span.start))
        if plans.books[period.tariff_id].terms.with_losses
        else counted
        for period, counted in zip(cut, counts, strict=True)
    ]
    short = {gap.agreement_id for gap in found if gap.kind in ("GAP", "NO_PLAN")}
    whole = [n for n, period in enumerate(cut) if period.supply.due.agreement_id not in short]
    priced, unpriced = price_periods(
        [cut[n] for n in whole],
        [counts[n] for n in whole],
        plans.books,
        await _discounts(tx, plans),
    )
    found += unpriced
    short |= {row.agreement_id for row in unpriced}
    billed = [supply for supply in ready if supply.due.agreement_id not in short]
    lines: dict[int, list[DraftLine]] = {}
    for period, line in priced:
        if period.supply.due.agreement_id not in short:
            lines.setdefault(period.supply.due.account_id, []).append(line)
    for account_id, line in await _service_lines(tx, billed):
        lines.setdefault(account_id, []).append(line)
    troubled = {row.account_id for row in found}
    charged = await _charges(tx, account_ids, terms, troubled, billed)
    drafts, remarkable = account_drafts(
        billed, lines, charged, totals, terms, troubled, tx.portal.currency
    )
    if drafts:
        await _write(tx, terms, drafts)
    return Drafted([draft.account_id for draft in drafts], found + remarkable)


async def _ready(
    tx: Tx, due: Sequence[DueDays], terms: DraftTerms
) -> tuple[list[Supply], list[Remarkable]]:
    """Find what measured the due days, and say which of them can be billed."""
    portal_id = tx.portal.portal_id
    metered = [days for days in due if days.metered]
    bounds = [days.bounds for days in metered]
    rows = await tx.all(
        _METERED,
        portal_id=portal_id,
        agreement_ids=[days.agreement_id for days in metered],
        location_ids=[days.location_id for days in metered],
        products=[days.product_type for days in metered],
        due_froms=[days.from_on for days in metered],
        from_ats=[start for start, _ in bounds],
        to_ats=[end for _, end in bounds],
    )
    window = dict(zip(((d.agreement_id, d.from_on) for d in metered), bounds, strict=True))
    zone_of = {days.agreement_id: days.timezone for days in metered}
    wanted: dict[int, list[tuple[datetime, datetime]]] = {}
    zones: dict[int, str] = {}
    for row in rows:
        if row.metering_type == "BASIC":
            wanted.setdefault(row.register_id, []).append(window[row.agreement_id, row.due_from])
            zones[row.register_id] = zone_of[row.agreement_id]
    reads = await tx.all(
        _READS_AROUND,
        portal_id=portal_id,
        register_ids=list(wanted),
        from_ats=[min(start for start, _ in spans) for spans in wanted.values()],
        to_ats=[max(end for _, end in spans) for spans in wanted.values()],
        timezones=list(zones.values()),
    )
    return supplies(
        due, rows, reads, through=terms.through, tolerance=terms.policy.read_tolerance_days
    )


async def _plans(tx: Tx, ready: Sequence[Supply]) -> Plans:
    """Read which tariffs priced the supplies, what was offered with them, and the price books."""
    if not ready:
        return Plans({}, {}, {}, {})
    meters = {register.row.meter_id for supply in ready for register in supply.registers}
    meters |= {row.meter_id for supply in ready for row in supply.intervals}
    wanted = {
        "portal_id": tx.portal.portal_id,
        "agreement_ids": [supply.due.agreement_id for supply in ready],
        "from_at": min(day_bounds(supply.start, supply.zone)[0] for supply in ready),
        "to_at": max(day_bounds(supply.end, supply.zone)[0] for supply in ready),
    }
    rows = await tx.all(_ASSIGNED, meter_ids=list(meters), **wanted)
    offered: dict[int, list[OfferedRow]] = {}
    for offer in await tx.all(_OFFERED, **wanted):
        offered.setdefault(offer.agreement_id, []).append(offer)
    by_meter: dict[int, list[AssignedRow]] = {}
    by_agreement: dict[int, list[AssignedRow]] = {}
    for row in rows:
        if row.meter_id is not None:
            by_meter.setdefault(row.meter_id, []).append(row)
        elif row.agreement_id is not None:
            by_agreement.setdefault(row.agreement_id, []).append(row)
    revisions = {row.tariff_id: row.revision for row in rows}
    books = {
        tariff_id: await price_book(tx, tariff_id, revision)
        for tariff_id, revision in revisions.items()
    }
    return Plans(by_meter, by_agreement, books, offered)


async def _discounts(tx: Tx, plans: Plans) -> dict[int | None, tuple[Discount, ...]]:
    """Read what the offerings of agreements take off."""
    ids = list({row.offering_id for rows in plans.offered.values() for row in rows})
    if not ids:
        return {}
    found = await offerings(tx, OfferingsWanted(offering_ids=ids))
    return {offering.offering_id: discounts_of(offering) for offering in found}


async def _counts(
    tx: Tx, cut: Sequence[Period], plans: Plans
) -> tuple[list[Counted], list[Remarkable]]:
    """Count what each period is priced by, and say which lack intervals."""
    counts = [basic_counts(period, plans.books[period.tariff_id]) for period in cut]
    asked = [n for n, period in enumerate(cut) if period.supply.intervals]
    if not asked:
        return counts, []
    wanted: list[PricedPeriod] = []
    places: dict[Calendar, int] = {}
    for n in asked:
        book = plans.books[cut[n].tariff_id]
        calendar = book.calendar or flat_calendar(cut[n].supply.due.timezone)
        place = places.setdefault(calendar, len(places))
        wanted += _priced_periods(n, cut[n], place, book, len(cut))
    table = await determinants(tx, DeterminantsWanted(wanted, tuple(places)))
    rows = {row.item: row for row in determined(table)}
    gaps = []
    for n in asked:
        row, due = rows[n], cut[n].supply.due
        missing = row.expected_minutes - row.minutes
        if missing:
            first, last = cut[n].span.start, cut[n].span.end - timedelta(days=1)
            told = f"{missing // 60} hours of intervals are missing between {first} and {last}."
            gaps.append(Remarkable(due.account_id, due.agreement_id, "GAP", told))
        counts[n] = _with_intervals(counts[n], row, _past_peaks(n, rows, len(cut)))
    return counts, gaps


def _priced_periods(
    n: int, period: Period, calendar: int, book: PriceBook, step: int
) -> Iterable[PricedPeriod]:
    """Ask for a period's determinants, and where demand has a ratchet for the months before.

    What was supplied at the site before the agreement began is another's, and counts for nothing.
    """
    start, end = period.instants
    due, zone = period.supply.due, period.supply.zone
    yield PricedPeriod(n, due.agreement_id, start, end, calendar, with_losses=False)
    for back in range(1, book.terms.ratchet_months + 1):
        month = months_before(period.span.start, back)
        following = months_before(period.span.start, back - 1)
        if following <= due.begins_on:
            break
        yield PricedPeriod(
            n + back * step,
            due.agreement_id,
            day_bounds(max(month, due.begins_on), zone)[0],
            day_bounds(following, zone)[0],
            calendar,
            with_losses=False,
        )


def _past_peaks(n: int, rows: dict[int, Determined], step: int) -> dict[int, int]:
    """Return the highest demand of each bucket over the months before."""
    peaks: dict[int, int] = {}
    item = n + step
    while item in rows:
        for bucket, peak in enumerate(rows[item].peak_w):
            peaks[bucket] = max(peaks.get(bucket, 0), peak)
        item += step
    return peaks


def _with_intervals(counted: Counted, row: Determined, past: dict[int, int]) -> Counted:
    """Add what intervals measured to what basic registers did."""
    energy, export = dict(counted.energy_wh), dict(counted.export_wh)
    for into, told in ((energy, row.energy_wh), (export, row.export_wh)):
        for bucket, quantity in enumerate(told, start=1):
            if quantity:
                into[bucket] = into.get(bucket, 0) + quantity
    return Counted(
        energy,
        export,
        dict(enumerate(row.peak_w)),
        past,
        counted.capacity_va,
        sum(row.energy_wh),
        sum(row.export_wh),
        row.estimated > 0,
    )


async def _service_lines(tx: Tx, billed: Sequence[Supply]) -> list[tuple[int, DraftLine]]:
    """Return the lines of services without meters, with their accounts."""
    services = [supply for supply in billed if not supply.due.metered]
    if not services:
        return []
    items: dict[int, list[LineItemRow]] = {}
    for row in await tx.all(
        _LINE_ITEMS_DUE,
        portal_id=tx.portal.portal_id,
        agreement_ids=list({supply.due.agreement_id for supply in services}),
    ):
        items.setdefault(row.agreement_id, []).append(row)
    taxed, currency = await taxes(tx), tx.portal.currency
    return [
        (supply.due.account_id, line)
        for supply in services
        for line in item_lines(supply, items.get(supply.due.agreement_id, ()), taxed, currency)
    ]


async def _charges(
    tx: Tx,
    account_ids: Sequence[int],
    terms: DraftTerms,
    troubled: set[int],
    billed: Sequence[Supply],
) -> dict[int, list[DraftLine]]:
    """Return the lines of charges; those of an account that could not be billed at all wait."""
    waiting = troubled - {supply.due.account_id for supply in billed}
    lines: dict[int, list[DraftLine]] = {}
    for charge in await tx.all(
        _CHARGES_DUE,
        portal_id=tx.portal.portal_id,
        account_ids=[account_id for account_id in account_ids if account_id not in waiting],
        through=terms.through,
        replaced=_replaced(terms),
    ):
        line = charge_line(charge, tx.portal.currency)
        lines.setdefault(charge.account_id, []).append(line)
    return lines


async def _write(tx: Tx, terms: DraftTerms, drafts: Sequence[Draft]) -> None:
    """Write drafts in one statement."""
    told = draft_tuples(drafts)
    await tx.all(
        _DRAFT,
        portal_id=tx.portal.portal_id,
        run_id=terms.run_id,
        reads_known=terms.known.reads_known,
        intervals_known=terms.known.intervals_known,
        drafts=told.invoices,
        lines=told.lines,
        measured=told.measured,
        days=told.days,
        at=tx.now,
    )


def _replaced(terms: DraftTerms) -> list[int]:
    """Return the invoices whose days and charges are billed anew."""
    return [invoice_id for ids in terms.replaced.values() for invoice_id in ids]
