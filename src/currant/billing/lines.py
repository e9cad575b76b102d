"""From calculation periods and charges to the lines of drafts, and what is remarkable of them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec

from currant.billing.measuring import day_from, months_from
from currant.billing.model import ChargeRow, LineItemRow, Remarkable
from currant.billing.periods import Period, Supply
from currant.clock import day_bounds
from currant.invoices.model import Explanation
from currant.money import from_minor, half_up, minor_units, round_money, tax_within, to_minor
from currant.tariffs.bills import BillLine, price_bills, share_tax
from currant.tariffs.book import DatedTax, PriceBook
from currant.tariffs.columns import Determinants
from currant.tariffs.pricing import UnsoundTariff, price_fixed
from currant.tariffs.terms import Discount, tier_of
from currant.tariffs.versions import PlanVersion

_DAY = timedelta(days=1)
_UNTAXED = Decimal(0)
_RATE_PLACES = 6
_RAISED = "BTALC"  # The tiers of energy that is supplied, which losses raise.


class Counted(msgspec.Struct, frozen=True):
    """What a calculation period is priced by: Wh by bucket, and W; `past` the ratchet's months.

    `metered_wh` and `metered_export_wh` are what intervals measured, for the invoice to tell, and
    `estimated` whether any of them were not measured.
    """

    energy_wh: dict[int, int]
    export_wh: dict[int, int] = {}
    peak_w: dict[int, int] = {}
    past_peak_w: dict[int, int] = {}
    capacity_va: int = 0
    metered_wh: int = 0
    metered_export_wh: int = 0
    estimated: bool = False


class DraftLine(msgspec.Struct, frozen=True):
    """A line of a draft; money to the minor unit."""

    agreement_id: int | None
    location_id: int | None
    product_type: str
    line_type: str
    description: str
    start: date
    end: date
    quantity: Decimal
    unit: str
    rate: Decimal
    loss_factor: Decimal | None
    net: Decimal
    tax: Decimal
    tax_rate: Decimal
    taxable: bool
    coa: str
    ar_coa: str
    tariff_id: int | None
    charge_id: int | None
    why: Explanation


def basic_counts(period: Period, book: PriceBook) -> Counted:
    """Sum what basic registers measured in a period, by the buckets that their types name."""
    energy: dict[int, int] = {}
    export: dict[int, int] = {}
    begins_at = period.instants[0]
    for register in period.supply.registers:
        start = max(register.start, period.span.start)
        end = min(register.end, period.span.end)
        if start < end:
            bucket = book.bucket_of(register.row.meter_type_code, begins_at) or 1
            into = export if register.row.direction == "I" else energy
            into[bucket] = into.get(bucket, 0) + register.meter.between(start, end)
    return Counted(energy, export)


def with_losses(counted: Counted, factor: Decimal | None) -> Counted:
    """Raise the energy supplied by a loss factor, each bucket once, half-up (domain rule 22).

    Not what is fed in, and not demand. A site without a factor loses nothing that is known.
    """
    if factor is None:
        return counted
    energy = {bucket: int(half_up(wh * factor, 0)) for bucket, wh in counted.energy_wh.items()}
    return msgspec.structs.replace(counted, energy_wh=energy)


def price_periods(
    periods: Sequence[Period],
    counts: Sequence[Counted],
    books: Mapping[int, PriceBook],
    discounts: Mapping[int | None, tuple[Discount, ...]],
) -> tuple[list[tuple[Period, DraftLine]], list[Remarkable]]:
    """Price periods, those of one version together; return their lines in the order of periods.

    A period that cannot be priced leaves no lines, and says why.
    """
    groups: dict[PlanVersion, list[int]] = {}
    found: list[Remarkable] = []
    for place, period in enumerate(periods):
        due = period.supply.due
        try:
            version = books[period.tariff_id].plan_at(
                period.instants[0], discounts.get(period.offering_id, ())
            )
        except UnsoundTariff as refusal:
            found.append(Remarkable(due.account_id, due.agreement_id, "UNPRICED", refusal.detail))
            continue
        groups.setdefault(version, []).append(place)
    lines: dict[int, list[BillLine]] = {}
    for version, places in groups.items():
        lines |= _priced(version, places, periods, counts, found)
    priced = []
    for place in sorted(lines):
        period = periods[place]
        book = books[period.tariff_id]
        priced += [(period, _draft_line(period, line, book)) for line in lines[place]]
    return priced, found


def _priced(
    version: PlanVersion,
    places: Sequence[int],
    periods: Sequence[Period],
    counts: Sequence[Counted],
    found: list[Remarkable],
) -> dict[int, list[BillLine]]:
    """Price the periods of one version; where one makes it fail, each by itself."""
    wanted = [counts[place] for place in places]
    spans = [periods[place].span for place in places]
    determinants = Determinants(
        [span.days for span in spans],
        [span.month_days for span in spans],
        _columns([count.energy_wh for count in wanted]),
        _columns([count.export_wh for count in wanted]),
        _columns([count.peak_w for count in wanted]),
        _columns([count.past_peak_w for count in wanted]),
        [count.capacity_va for count in wanted],
    )
    try:
        charges = price_bills(version, determinants)
    except UnsoundTariff as refusal:
        if len(places) > 1:
            lines: dict[int, list[BillLine]] = {}
            for place in places:
                lines |= _priced(version, [place], periods, counts, found)
            return lines
        due = periods[places[0]].supply.due
        found.append(Remarkable(due.account_id, due.agreement_id, "UNPRICED", refusal.detail))
        return {}
    return {place: charges.explain(item) for item, place in enumerate(places)}


def _columns(rows: Sequence[Mapping[int, int]]) -> dict[int, list[int]]:
    """Turn what each item has by bucket into a column a bucket."""
    buckets = sorted({bucket for row in rows for bucket in row})
    return {bucket: [row.get(bucket, 0) for row in rows] for bucket in buckets}


def _draft_line(period: Period, line: BillLine, book: PriceBook) -> DraftLine:
    due = period.supply.due
    raised = book.terms.with_losses and line.tier and tier_of(line.tier).kind in _RAISED
    return DraftLine(
        due.agreement_id,
        due.location_id,
        due.product_type,
        line.line_type.value,
        line.description,
        period.span.start,
        period.span.end,
        line.quantity,
        line.unit,
        line.rate,
        due.loss_factor(period.span.start) if raised else None,
        line.net,
        line.tax,
        line.tax_rate,
        line.taxable,
        line.coa,
        line.ar_coa,
        period.tariff_id,
        None,
        Explanation(
            line.tier,
            line.block_from,
            line.block_to,
            line.share_days,
            line.share_of,
            line.unrounded,
            line.rounding.value,
            line.tax_rate,
        ),
    )


def charge_line(charge: ChargeRow, currency: str) -> DraftLine:
    """Return the line of a one-off charge."""
    return DraftLine(
        charge.agreement_id,
        charge.location_id,
        "SUNDRY",
        "DISCOUNT" if charge.net < 0 else "CHARGE",
        charge.description,
        charge.charge_on,
        charge.charge_on + _DAY,
        Decimal(-1 if charge.net < 0 else 1),
        "",
        abs(charge.net),
        None,
        round_money(charge.net, currency),
        round_money(charge.tax, currency),
        charge.tax_rate,
        charge.tax_code == "GST",
        charge.coa,
        charge.ar_coa,
        None,
        charge.charge_id,
        Explanation(tax_rate=charge.tax_rate),
    )


def item_lines(
    supply: Supply, items: Iterable[LineItemRow], taxes: Sequence[DatedTax], currency: str
) -> list[DraftLine]:
    """Return the lines of a service without a meter: its items, once or by the month's days.

    A taxed month is cut where the tax changes; what is charged once is taxed on the first day.
    """
    zone = supply.zone
    changes = sorted(
        {day_from(at, zone) for tax in taxes for at in (tax.start_at, tax.end_at) if at is not None}
    )
    lines = []
    for item in items:
        taxed = item.tax_code == "GST"
        begins_on = item.begins_at.astimezone(zone).date()
        if item.frequency == "ONCE":
            if supply.start <= begins_on < supply.end:
                rate = _tax_on(begins_on, taxes, zone) if taxed else _UNTAXED
                on_the_day = msgspec.structs.replace(supply, start=begins_on, end=begins_on + _DAY)
                lines.append(_item_line(on_the_day, item, (1, 1), rate, currency))
            continue
        for span in months_from(supply.start, supply.end):
            inside = [day for day in changes if taxed and span.start < day < span.end]
            for start, end in pairwise([span.start, *inside, span.end]):
                rate = _tax_on(start, taxes, zone) if taxed else _UNTAXED
                share = ((end - start).days, span.month_days)
                cut = msgspec.structs.replace(supply, start=start, end=end)
                lines.append(_item_line(cut, item, share, rate, currency))
    return lines


def _tax_on(day: date, taxes: Sequence[DatedTax], zone: ZoneInfo) -> Decimal:
    """Return the tax rate that a day begins with; 0 where there is none."""
    at = day_bounds(day, zone)[0]
    return next(
        (
            tax.rate
            for tax in taxes
            if (tax.start_at is None or tax.start_at <= at)
            and (tax.end_at is None or at < tax.end_at)
        ),
        _UNTAXED,
    )


def _item_line(
    supply: Supply, item: LineItemRow, share: tuple[int, int], tax_rate: Decimal, currency: str
) -> DraftLine:
    price, places = item.unit_price, minor_units(currency)
    taxed_within = bool(item.price_includes_tax and tax_rate)
    added = _UNTAXED if taxed_within else tax_rate
    net, tax = price_fixed(price, item.quantity, added, places, share)
    rate = price
    if taxed_within:
        rate = price - tax_within(price, tax_rate, _RATE_PLACES)
        tax = to_minor(tax_within(from_minor(net, currency), tax_rate, places), currency)
        net -= tax
    sign = -1 if item.credit else 1
    return DraftLine(
        supply.due.agreement_id,
        supply.due.location_id,
        supply.due.product_type,
        "DISCOUNT" if item.credit else "CHARGE",
        item.description,
        supply.start,
        supply.end,
        sign * item.quantity,
        "",
        rate,
        None,
        from_minor(sign * net, currency),
        from_minor(sign * tax, currency),
        tax_rate,
        item.tax_code == "GST",
        item.coa,
        item.ar_coa,
        None,
        None,
        Explanation(
            share_days=share[0],
            share_of=share[1],
            tax_rate=tax_rate,
            price_with_tax=price if taxed_within else None,
        ),
    )


def tax_by_invoice(lines: Sequence[DraftLine], currency: str) -> list[DraftLine]:
    """Round the tax of an invoice once for each rate, and share it among its lines (s 9-90)."""
    settled = list(lines)
    for rate in {line.tax_rate for line in lines if line.taxable}:
        places = [n for n, line in enumerate(lines) if line.taxable and line.tax_rate == rate]
        taxes = share_tax([to_minor(lines[n].net, currency) for n in places], rate)
        for n, tax in zip(places, taxes, strict=True):
            settled[n] = msgspec.structs.replace(lines[n], tax=from_minor(tax, currency))
    return settled
