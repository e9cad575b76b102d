"""From an invoice to its paper: what is printed, as it is frozen."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache

from currant.documents.letters import letter_of, subject_of
from currant.documents.model import (
    BrandTerms,
    ChargeGroup,
    ChargeLine,
    InvoicePaper,
    InvoiceType,
    Note,
    PaperRead,
    Party,
    ReadKind,
    RegisterReads,
    TaxTotal,
    UsageChart,
    UsageMonth,
)
from currant.documents.papers import TEMPLATE_VERSION, kind_of
from currant.invoices.model import (
    Explanation,
    MeasuredRow,
    PaperHead,
    PaperLine,
    Printed,
    explained,
)
from currant.locations.identifiers import nmi_checksum
from currant.money import half_up
from currant.notices.model import Channel, Message

_PRODUCTS = {
    "ELECTRICITY": "Electricity",
    "GAS": "Gas",
    "COLD_WATER": "Cold water",
    "HOT_WATER": "Hot water",
    "TELCO": "Telephone",
    "ISP": "Internet",
    "SUNDRY": "Other charges",
}
_TYPES = {"CREDIT": InvoiceType.CREDIT_NOTE, "FINAL": InvoiceType.FINAL}
_SUNDRY = "SUNDRY"
_MONTHS = 13
_BY_INTERVALS = ("INTERVAL", "SUBSTITUTED")

Explained = tuple[PaperLine, Explanation]


def letters(
    papers: Sequence[InvoicePaper], heads: Sequence[PaperHead], terms: BrandTerms
) -> list[Message]:
    """Return the e-mails that bring papers to those who have them so; heads run in step."""
    return [
        Message(
            Channel.EMAIL,
            head.email_1,
            letter_of(paper, terms, TEMPLATE_VERSION),
            subject_of(paper, terms, TEMPLATE_VERSION),
            paper.number,
            f"{kind_of(paper).lower().replace('_', '-')}-{paper.number}.pdf",
            head.account_id,
            paper.invoice_amount,
            kind_of(paper),
        )
        for paper, head in zip(papers, heads, strict=True)
        if head.invoice_delivery_class == "EMAIL" and head.email_1
    ]


def paper_of(printed: Printed, currency: str) -> InvoicePaper:
    """Put the paper of an invoice together."""
    head = printed.head
    opening = head.previous_balance + head.adjustment_total + head.receipt_total
    credit = head.kind == "CREDIT"
    debit = head.debited and not credit
    lines = [(line, explained(line.explanation)) for line in printed.lines]
    return InvoicePaper(
        type=_TYPES.get(head.kind, InvoiceType.TAX_INVOICE),
        number=head.number,
        currency=currency,
        account=head.account,
        buyer=Party(head.name, _address(head)),
        issued_on=head.invoice_on,
        previous_balance=head.previous_balance,
        payments_amount=-head.receipt_total,
        adjustments_amount=head.adjustment_total,
        opening_balance=opening,
        invoice_amount=head.total,
        tax_amount=head.tax,
        total_due=opening + head.total,
        due_on=None if credit else head.due_on,
        period_from=head.from_on,
        period_to=head.to_on,
        customer_number=head.contract,
        site_id=head.site_identifier or "",
        supply_address=head.supply_address,
        credits_number=head.reversal_of or "",
        replaces_numbers=head.replaces,
        overdue_amount=Decimal(0) if credit else _overdue(head, opening),
        site_label="NMI" if _is_nmi(printed, currency) else "",
        groups=_groups(printed, lines),
        taxes=_taxes(lines) if head.tax_rounding == "INVOICE" else [],
        charts=[] if credit else _charts(printed),
        payment_reference=head.account,
        direct_debit_on=head.due_on if debit else None,
        notes=_notes(printed),
    )


def _overdue(head: PaperHead, opening: Decimal) -> Decimal:
    """Return what of the total was due before; what credit covers is not."""
    return max(min(head.overdue, opening, opening + head.total), Decimal(0))


def _is_nmi(printed: Printed, currency: str) -> bool:
    """Return whether the market calls the site's identifier so: electricity's in Australia."""
    electric = any(line.product_type == "ELECTRICITY" for line in printed.lines)
    site = printed.head.site_identifier or ""
    return currency == "AUD" and electric and nmi_checksum(site[:10]) is not None


def _address(head: PaperHead) -> list[str]:
    place = " ".join(filter(None, (head.city, head.state, head.postal_code)))
    return [line for line in (head.address_1, head.address_2, place) if line]


def _groups(printed: Printed, lines: Sequence[Explained]) -> list[ChargeGroup]:
    """Group the lines by product, with what the registers of each measured."""
    groups: dict[str, list[ChargeLine]] = {}
    agreements: dict[str, set[int | None]] = {}
    for line, why in lines:
        groups.setdefault(line.product_type, []).append(_line(line, why))
        agreements.setdefault(line.product_type, set()).add(line.agreement_id)
    return [
        ChargeGroup(
            _PRODUCTS.get(product, product.title()),
            told,
            [
                _register(row)
                for row in printed.measured
                if row.agreement_id in agreements[product] and product != _SUNDRY
            ],
        )
        for product, told in groups.items()
    ]


def _line(line: PaperLine, why: Explanation) -> ChargeLine:
    return ChargeLine(
        line.description,
        line.net,
        line.from_on,
        line.to_on,
        line.quantity,
        line.unit,
        line.rate if why.price_with_tax is None else why.price_with_tax,
        line.tax,
        why.block_from,
        why.block_to,
        line.loss_factor,
        share_days=why.share_days,
        share_of=why.share_of,
        rate_with_tax=why.price_with_tax is not None,
    )


def _register(row: MeasuredRow) -> RegisterReads:
    """Tell the reads of a register; where none stood at an edge, it is estimated."""
    previous = current = None
    if row.basis not in _BY_INTERVALS:
        previous = PaperRead(
            row.from_on - timedelta(days=1),
            _units(row.previous_value or 0),
            _kind(estimated=row.previous_estimated),
        )
        current = PaperRead(
            row.to_on, _units(row.current_value or 0), _kind(estimated=row.current_estimated)
        )
    return RegisterReads(
        row.serial_number,
        str(row.register_no),
        previous,
        current,
        _units(row.quantity),
        row.unit,
        row.multiplier,
        row.basis == "SUBSTITUTED",
    )


def _kind(*, estimated: bool) -> ReadKind:
    return ReadKind.ESTIMATED if estimated else ReadKind.ACTUAL


def _units(quantity: int) -> Decimal:
    return Decimal(quantity).scaleb(-3)


def _taxes(lines: Sequence[Explained]) -> list[TaxTotal]:
    """Sum up the tax by its rate, where it is reckoned for the whole invoice."""
    by_rate: dict[Decimal, tuple[Decimal, Decimal]] = {}
    for line, why in lines:
        if why.tax_rate:
            base, tax = by_rate.get(why.tax_rate, (Decimal(0), Decimal(0)))
            by_rate[why.tax_rate] = (base + line.net, tax + line.tax)
    return [TaxTotal(rate, base, tax) for rate, (base, tax) in sorted(by_rate.items())]


def _charts(printed: Printed) -> list[UsageChart]:
    """Draw what each metered agreement used in thirteen months, beside the year before."""
    months = _thirteen(printed.head.to_on.replace(day=1))
    charts = []
    for agreement_id in dict.fromkeys(row.agreement_id for row in printed.history):
        rows = [row for row in printed.history if row.agreement_id == agreement_id]
        used = {row.month: half_up(row.quantity.scaleb(-3), 1) for row in rows}
        lines = [
            line
            for line in printed.lines
            if line.agreement_id == agreement_id and line.product_type != _SUNDRY
        ]
        metered = [row for row in printed.measured if row.agreement_id == agreement_id]
        days = _days([*metered, *lines])
        quantity = sum((_units(row.quantity) for row in metered if not row.export), Decimal(0))
        amount = sum((line.net + line.tax for line in lines), Decimal(0))
        product = lines[0].product_type if lines else "ELECTRICITY"
        charts.append(
            UsageChart(
                _PRODUCTS.get(product, product.title()),
                rows[0].unit,
                [
                    UsageMonth(month, used.get(month), used.get(year_before))
                    for month, year_before in months
                ],
                half_up(quantity / days, 1),
                half_up(amount / days, 2),
            )
        )
    return charts


def _days(parts: Sequence[MeasuredRow | PaperLine]) -> int:
    """Count the days that parts of an invoice are for, each once."""
    spans = {(part.from_on.toordinal(), part.to_on.toordinal()) for part in parts}
    return len({day for first, last in spans for day in range(first, last + 1)})


@lru_cache(maxsize=64)
def _thirteen(last: date) -> tuple[tuple[date, date], ...]:
    """Return the thirteen months up to one, each with that of the year before."""
    return tuple(
        (_months_before(last, back), _months_before(last, back + 12))
        for back in reversed(range(_MONTHS))
    )


def _months_before(month: date, back: int) -> date:
    years, index = divmod(month.year * 12 + month.month - 1 - back, 12)
    return date(years, index + 1, 1)


def _notes(printed: Printed) -> list[Note]:
    """Say what a customer should know: substituted intervals, life support, why a credit note.

    What is estimated of reads the paper says itself.
    """
    notes = []
    if any(row.basis == "SUBSTITUTED" for row in printed.measured):
        notes.append(
            Note(
                "Estimated usage",
                "Some of the usage on this bill was not measured. When it is known, the bill is"
                " corrected by it.",
            )
        )
    if printed.head.life_support:
        notes.append(
            Note(
                "Life support",
                "This site is registered for life support equipment. Its supply is not disconnected"
                " for debt.",
            )
        )
    if printed.head.reason:
        notes.append(Note("Why this credit note", printed.head.reason))
    return notes
