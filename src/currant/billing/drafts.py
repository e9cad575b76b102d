"""Put lines together as drafts: an invoice for each account, with what is remarkable of it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from currant.billing.lines import Counted, DraftLine, tax_by_invoice
from currant.billing.model import DraftTerms, DueDays, Policy, Remarkable
from currant.billing.periods import Measured, Period, Supply, hung, measured
from currant.money import round_money

_DAY = timedelta(days=1)
_HOLDING = ("NEGATIVE", "OUTLIER")
_ONE = Decimal(1)

Span = tuple[int, date]


class Draft(msgspec.Struct, frozen=True):
    """An invoice before it is posted; days are [start, end)."""

    account_id: int
    building_id: int | None
    location_id: int | None
    kind: str
    start: date
    end: date
    tax_rounding: str
    lines: tuple[DraftLine, ...]
    measured: tuple[Measured, ...]
    covered: tuple[tuple[int, date, date], ...]
    held_for: str | None
    replaces: tuple[int, ...] = ()

    @property
    def net(self) -> Decimal:
        """The sum of the lines before tax."""
        return sum((line.net for line in self.lines), Decimal(0))

    @property
    def tax(self) -> Decimal:
        """The tax of the lines."""
        return sum((line.tax for line in self.lines), Decimal(0))


class DraftTuples(msgspec.Struct, frozen=True):
    """Drafts as `invoices.draft` takes them."""

    invoices: list[tuple[Any, ...]]
    lines: list[tuple[Any, ...]]
    measured: list[tuple[Any, ...]]
    days: list[tuple[Any, ...]]


class Totals(msgspec.Struct, frozen=True):
    """What intervals measured, imported and exported; whether any of them are substitutes."""

    imported: int = 0
    exported: int = 0
    estimated: bool = False


def interval_totals(periods: Sequence[Period], counts: Sequence[Counted]) -> dict[Span, Totals]:
    """Sum what intervals measured for each supply, without losses told."""
    totals: dict[Span, Totals] = {}
    for period, counted in zip(periods, counts, strict=True):
        if period.supply.intervals:
            key = (period.supply.due.agreement_id, period.supply.start)
            so_far = totals.get(key, Totals())
            totals[key] = Totals(
                so_far.imported + counted.metered_wh,
                so_far.exported + counted.metered_export_wh,
                so_far.estimated or counted.estimated,
            )
    return totals


def account_drafts(
    billed: Sequence[Supply],
    lines: Mapping[int, Sequence[DraftLine]],
    charges: Mapping[int, Sequence[DraftLine]],
    totals: Mapping[Span, Totals],
    terms: DraftTerms,
    troubled: set[int],
    currency: str,
) -> tuple[list[Draft], list[Remarkable]]:
    """Put an invoice together for each account that has days or charges to bill.

    Of the troubled ones not all days can be billed: what replaces others is held.
    """
    by_account: dict[int, list[Supply]] = {}
    for supply in billed:
        by_account.setdefault(supply.due.account_id, []).append(supply)
    drafts, remarkable = [], []
    for account_id in sorted(by_account.keys() | charges.keys()):
        supplies = by_account.get(account_id, [])
        told = [*lines.get(account_id, ()), *charges.get(account_id, ())]
        if terms.policy.tax_rounding == "INVOICE":
            told = tax_by_invoice(told, currency)
        draft, found = _draft(account_id, supplies, told, totals, terms)
        found += _of_the_total(draft, currency)
        holding = [row.detail for row in found if row.kind in _HOLDING]
        replaces = tuple(terms.replaced.get(account_id, ()))
        if replaces and account_id in troubled:
            holding.append("Not all days of what it replaces can be billed.")
        if holding or replaces:
            held_for = " ".join(holding) or None
            draft = msgspec.structs.replace(draft, held_for=held_for, replaces=replaces)
        drafts.append(draft)
        remarkable += found
    return drafts, remarkable


def _draft(
    account_id: int,
    supplies: Sequence[Supply],
    lines: Sequence[DraftLine],
    totals: Mapping[Span, Totals],
    terms: DraftTerms,
) -> tuple[Draft, list[Remarkable]]:
    """Put the invoice of an account together."""
    policy = terms.policy
    used: list[Measured] = []
    found: list[Remarkable] = []
    for supply in supplies:
        rows = [*measured(supply), *_intervals(supply, totals)]
        used += rows
        found += _of_the_usage(supply.due, rows, (supply.end - supply.start).days, policy)
    starts = [supply.start for supply in supplies] or [line.start for line in lines]
    ends = [supply.end for supply in supplies] or [line.end for line in lines]
    places = sorted(
        (supply.due for supply in supplies if supply.due.location_id is not None),
        key=lambda due: not due.metered,
    )
    final = bool(supplies) and all(
        supply.due.ends and supply.end > supply.due.to_on for supply in supplies
    )
    return Draft(
        account_id,
        places[0].building_id if places else None,
        places[0].location_id if places else None,
        "FINAL" if final else "NORMAL",
        min(starts),
        max(ends),
        policy.tax_rounding,
        tuple(lines),
        tuple(used),
        tuple((s.due.agreement_id, s.start, s.end) for s in supplies),
        None,
    ), found


def _intervals(supply: Supply, totals: Mapping[Span, Totals]) -> Iterable[Measured]:
    """Tell what the intervals of a supply come to, by the first stream of each direction."""
    told = totals.get((supply.due.agreement_id, supply.start), Totals())
    basis = "SUBSTITUTED" if told.estimated else "INTERVAL"
    for direction, quantity in (("E", told.imported), ("I", told.exported)):
        rows = [row for row in supply.intervals if row.direction == direction]
        if rows:
            days = [hung(row, supply.due) for row in rows]
            streams = tuple(
                (row.register_id, start, min(end, supply.end))
                for row, (start, end) in zip(rows, days, strict=True)
            )
            yield Measured(
                supply,
                rows[0],
                supply.start,
                supply.end,
                None,
                None,
                basis,
                _ONE,
                quantity,
                streams,
            )


def _of_the_usage(
    due: DueDays, used: Sequence[Measured], days: int, policy: Policy
) -> list[Remarkable]:
    """Say what is remarkable of an agreement's usage: an estimate, or far from the usual."""
    found = []
    if any(row.basis in ("ESTIMATED", "SUBSTITUTED") for row in used):
        found.append(
            Remarkable(due.account_id, due.agreement_id, "ESTIMATED", "Some usage is estimated.")
        )
    quantity = sum(row.quantity for row in used if row.row.direction == "E")
    if due.usual_wh and days:
        percent = int(100 * quantity / (due.usual_wh * days))
        if percent >= policy.outlier_percent or percent * policy.outlier_percent <= 10_000:
            detail = f"Usage a day is {percent} % of the usual."
            found.append(Remarkable(due.account_id, due.agreement_id, "OUTLIER", detail))
    return found


def _of_the_total(draft: Draft, currency: str) -> list[Remarkable]:
    """Say where an invoice comes to nothing, or to less."""
    total = draft.net + draft.tax
    if total > 0:
        return []
    kind = "NEGATIVE" if total else "ZERO"
    detail = f"The invoice comes to {round_money(total, currency)}."
    return [Remarkable(draft.account_id, None, kind, detail)]


def draft_tuples(drafts: Sequence[Draft]) -> DraftTuples:
    """Return drafts as the composite types of invoices/schema.sql."""
    numbered = list(enumerate(drafts, start=1))
    return DraftTuples(
        [
            (
                n,
                draft.account_id,
                draft.building_id,
                draft.location_id,
                draft.kind,
                draft.start,
                draft.end - _DAY,
                draft.tax_rounding,
                draft.net,
                draft.tax,
                draft.held_for,
                draft.replaces,
            )
            for n, draft in numbered
        ],
        [_line_tuple(n, line) for n, draft in numbered for line in draft.lines],
        [_measured_tuple(n, row) for n, draft in numbered for row in draft.measured],
        [
            (n, agreement_id, start, end - _DAY)
            for n, draft in numbered
            for agreement_id, start, end in draft.covered
        ],
    )


def _line_tuple(n: int, line: DraftLine) -> tuple[Any, ...]:
    """Return a line as `invoices.new_line`."""
    return (
        n,
        line.agreement_id,
        line.location_id,
        line.product_type,
        line.line_type,
        line.description,
        line.start,
        line.end - _DAY,
        line.quantity,
        line.unit,
        line.rate,
        line.loss_factor,
        line.net,
        line.tax,
        "GST" if line.taxable else "FREE",
        line.coa,
        line.ar_coa,
        line.tariff_id,
        line.charge_id,
        msgspec.json.encode(line.why).decode(),
    )


def _measured_tuple(n: int, row: Measured) -> tuple[Any, ...]:
    """Return what a register measured as `invoices.new_measured`."""
    return (
        n,
        row.supply.due.agreement_id,
        row.supply.due.location_id,
        row.row.register_id,
        row.row.serial_number,
        row.row.register_no,
        row.row.meter_type_code,
        row.row.unit,
        row.start,
        row.end - _DAY,
        None if row.previous is None else row.previous.value,
        None if row.current is None else row.current.value,
        row.basis,
        row.multiplier,
        row.quantity,
        row.row.direction == "I",
        row.supply.due.loss_factor(row.start),
        row.previous is not None and row.previous.estimated,
        row.current is not None and row.current.estimated,
        [register_id for register_id, _, _ in row.streams],
        [start for _, start, _ in row.streams],
        [end for _, _, end in row.streams],
    )
