"""What a template sets: every text of a paper, as its language writes it, in the order of the page.

Pure: from a paper and the brand it bears. What the texts of a column show adds up, because what
rounding leaves is shown too.
"""

from collections.abc import Sequence
from datetime import date
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache
from typing import Any

from currant.documents.model import (
    Brand,
    ChargeGroup,
    ChargeLine,
    InvoicePaper,
    InvoiceType,
    Note,
    Paper,
    PaperRead,
    PaperSize,
    PaymentMethod,
    ReadKind,
    ReceiptPaper,
    RegisterReads,
    StatementPaper,
    UsageChart,
)
from currant.documents.wording import Wording, wording
from currant.money import half_up

View = dict[str, Any]

_SHEETS = {PaperSize.A4: "a4", PaperSize.US_LETTER: "us-letter"}
_NICE = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))
_TICKS = 4
_KEPT = "\u00a0"  # a blank at which no line breaks
_COUNTED = ("day", "month")  # The units that are words.
# So much of the last group of charges stands on one page with what the invoice comes to.
_WHOLE_ROWS, _WHOLE_TEXT = 12, 1500
_READABLE = Decimal("4.5")  # the contrast of WCAG 2 level AA
_WHITE, _BLACK = "#ffffff", "#141414"


def view_of(paper: Paper, brand: Brand, version: int) -> View:
    """Return what a paper prints."""
    say = wording(version, brand.terms.locale, paper.currency)
    if isinstance(paper, InvoicePaper):
        heading = say.say(paper.type.value)
        body = _invoice(paper, brand, say)
    elif isinstance(paper, StatementPaper):
        heading = say.say("STATEMENT")
        body = _statement(paper, brand, say)
    else:
        heading = say.say("RECEIPT")
        body = _receipt(paper, say)
    return _frame(paper, brand, say, heading) | body


def _frame(paper: Paper, brand: Brand, say: Wording, heading: str) -> View:
    terms = brand.terms
    tax = f"{terms.tax_label} {terms.tax_number}".strip()
    return {
        "lang": say.locale.language,
        "region": say.locale.territory,
        "sheet": _SHEETS[terms.paper_size],
        "title": f"{heading} {paper.number} – {terms.name}",
        "date": {"year": paper.issued_on.year, "month": paper.issued_on.month,
                 "day": paper.issued_on.day},
        "heading": heading,
        "colour": terms.colour,
        "on-colour": _on(terms.colour),
        "ink": _ink(terms.colour),
        "logo": brand.logo_type.removeprefix("image/") if brand.logo else None,
        "seller": {"name": terms.name, "lines": [line for line in (tax, *terms.address) if line]},
        "buyer": {"name": paper.buyer.name, "lines": paper.buyer.address},
        "foot": [f"{one.label} {one.value}" for one in terms.contacts],
        "page": _around(say.words["page"]),
        "words": {
            word: say.words[word]
            for word in (
                "how_to_pay", "help", "summary", "usage", "notes", "movements",
                "applied_to", "this_year", "last_year",
            )
        },
        "notes": _notes(paper.notes),
        "help": _notes(terms.texts),
    }  # fmt: skip


def _invoice(paper: InvoicePaper, brand: Brand, say: Wording) -> View:
    tax_name = brand.terms.tax_name or say.say("tax")
    credit = paper.type is InvoiceType.CREDIT_NOTE
    estimated = any(
        read is not None and read.kind is ReadKind.ESTIMATED
        for group in paper.groups
        for register in group.registers
        for read in (register.previous, register.current)
    )
    notices = [Note(say.say("estimated_title"), say.say("estimated_note"))] if estimated else []
    return {
        "facts": _facts(
            say,
            ("credit_number" if credit else "invoice_number", paper.number),
            ("credits", paper.credits_number),
            ("replaces", ", ".join(paper.replaces_numbers)),
            ("issued", say.day(paper.issued_on)),
            ("account", paper.account),
            ("customer", paper.customer_number),
            (paper.site_label or "site", paper.site_id),
            ("supply_address", paper.supply_address),
        ),
        "band": _invoice_band(paper, say),
        "notices": _notes(notices),
        "summary": _summary(paper, say, tax_name),
        "charts": [_chart(chart, say) for chart in paper.charts],
        "ways": _ways(paper, brand, say) if paper.total_due > 0 and not credit else [],
        "explained": say.say("this_credit" if credit else "explained"),
        "subject": "   ·   ".join(filter(None, (
            f"{say.say('credit_number' if credit else 'invoice_number')} {paper.number}",
            f"{say.say('account')} {paper.account}",
            paper.supply_address,
        ))),
        "groups": [
            _group(group, say, tax_name, taxed=bool(paper.tax_amount or paper.taxes))
            for group in paper.groups
        ],
        "totals": _totals(paper, say, tax_name),
    }  # fmt: skip


def _invoice_band(paper: InvoicePaper, say: Wording) -> list[View]:
    due = paper.total_due
    if paper.type is InvoiceType.CREDIT_NOTE:
        return [
            _cell(say.say("credited"), say.money(-paper.invoice_amount), great=True),
            _cell(say.say("in_credit" if due < 0 else "balance"), say.money(abs(due))),
        ]
    period = []
    if paper.period_from is not None and paper.period_to is not None:
        days = say.how_many_days(paper.period_from, paper.period_to)
        value = say.days(paper.period_from, paper.period_to)
        period = [_cell(say.say("period"), days, value)]
    if due <= 0:
        label = "in_credit" if due < 0 else "total_due"
        kept = say.say("kept") if due < 0 else ""
        return [
            _cell(say.say(label), say.money(abs(due)), great=True),
            _cell(say.say("summary"), say.say("nothing_to_pay"), kept),
            *period,
        ]
    when = []
    if paper.direct_debit_on is not None:
        on = say.day(paper.direct_debit_on)
        when = [_cell(say.say("debited_on"), on, say.say("you_need_not"))]
    elif paper.due_on is not None:
        when = [_cell(say.say("pay_by"), say.day(paper.due_on))]
    overdue = _overdue(paper.overdue_amount, say)
    return [_cell(say.say("total_due"), say.money(due), overdue, great=True), *when, *period]


def _overdue(amount: Decimal, say: Wording) -> str:
    return say.say("overdue", amount=say.money(amount)) if amount > 0 else ""


def _summary(paper: InvoicePaper, say: Wording, tax_name: str) -> list[View]:
    credit = paper.type is InvoiceType.CREDIT_NOTE
    rows = [
        _sum(say.say("previous_balance"), say.money(paper.previous_balance)),
        _sum(say.say("payments"), say.money(-paper.payments_amount)),
    ]
    if paper.adjustments_amount:
        rows.append(_sum(say.say("adjustments"), say.money(paper.adjustments_amount)))
    tax = say.say("includes_tax", tax=tax_name, amount=say.money(paper.tax_amount))
    owed = "total_due" if paper.total_due >= 0 and not credit else "balance"
    return [
        *rows,
        _sum(
            say.say("opening_balance"),
            say.money(paper.opening_balance),
            _overdue(paper.overdue_amount, say),
        ),
        _sum(
            say.say("this_credit" if credit else "this_invoice"),
            say.money(paper.invoice_amount),
            tax if paper.tax_amount else "",
        ),
        _sum(say.say(owed), say.money(paper.total_due), strong=True),
    ]


def _ways(paper: InvoicePaper | StatementPaper, brand: Brand, say: Wording) -> list[View]:
    """Tell how to pay; the brand's ways are filled in with what this paper asks for."""
    owed = paper.total_due if isinstance(paper, InvoicePaper) else paper.closing_balance
    if isinstance(paper, InvoicePaper) and paper.direct_debit_on is not None:
        note = say.say("direct_debit", amount=say.money(owed), date=say.day(paper.direct_debit_on))
        return [{"label": say.say("direct_debit_title"), "details": [], "note": note}]

    def told(way: PaymentMethod) -> View:
        details = [[detail.label, filled(detail.value, paper, say)] for detail in way.details]
        return {"label": way.label, "details": details, "note": filled(way.note, paper, say)}

    ways = paper.payment_methods
    return [told(way) for way in (brand.terms.payment_methods if ways is None else ways)]


def filled(text: str, paper: InvoicePaper | StatementPaper, say: Wording) -> str:
    """Fill a text of the brand in with what a paper asks for."""
    owed = paper.total_due if isinstance(paper, InvoicePaper) else paper.closing_balance
    values = {
        "{reference}": paper.payment_reference or paper.account,
        "{amount}": say.money(owed),
        "{due}": "" if paper.due_on is None else say.day(paper.due_on),
        "{number}": paper.number,
        "{account}": paper.account,
    }
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def _group(group: ChargeGroup, say: Wording, tax_name: str, *, taxed: bool) -> View:
    by_line = any(line.tax_amount is not None for line in group.lines)
    line_head = [say.say(word) for word in ("charge", "quantity", "rate")]
    amount = f"{say.say('amount')} ({say.symbol})"
    line_head.append(say.say("without_tax", amount=amount, tax=tax_name) if taxed else amount)
    total = [
        say.say("subtotal", title=group.title), "", "",
        say.plain(_shown_sum([line.amount for line in group.lines], say)),
    ]  # fmt: skip
    if by_line:
        line_head.insert(3, tax_name)
        taxes = [line.tax_amount for line in group.lines if line.tax_amount is not None]
        total.insert(3, say.plain(_shown_sum(taxes, say)))
    words = ("meter", "register", "previous_read", "current_read", "multiplier", "quantity")
    lines = [_line(line, say, tax_name) for line in group.lines]
    told = [group.title, *(text for line in lines for text in (line["description"], *line["more"]))]
    return {
        "title": group.title,
        "whole": len(lines) + len(group.registers) <= _WHOLE_ROWS
        and sum(map(len, told)) <= _WHOLE_TEXT,
        "register-head": [say.say(word) for word in words],
        "registers": [_register(register, say) for register in group.registers],
        "line-head": line_head,
        "lines": lines,
        "total": total,
    }


def _register(register: RegisterReads, say: Wording) -> View:
    intervals, reads = "some_estimated" if register.estimated else "by_intervals", []
    if register.previous is not None and register.current is not None:
        reads = [_read(register.previous, say), _read(register.current, say)]
    return {
        "meter": register.serial_number,
        "register": register.register,
        "reads": reads,
        "intervals": say.say(intervals),
        "multiplier": f"× {say.number(register.multiplier)}",
        "quantity": _measure(register.quantity, register.unit, say),
    }


def _read(read: PaperRead, say: Wording) -> list[str]:
    return [say.number(read.value), f"{say.short_day(read.on)}, {say.say(read.kind.value)}"]


def _line(line: ChargeLine, say: Wording, tax_name: str) -> View:
    basis = [_span(line, say)]
    values = {
        "from": None if line.block_from is None else say.number(line.block_from),
        "to": None if line.block_to is None else say.number(line.block_to),
        "unit": line.unit,
    }
    if line.block_to is not None:
        basis.append(say.say("block_between" if line.block_from else "block_first", **values))
    elif line.block_from:
        basis.append(say.say("block_above", **values))
    if line.loss_factor is not None:
        basis.append(say.say("loss_factor", factor=say.number(line.loss_factor)))
    rate = ""
    if line.rate is not None:
        unit = say.say(f"unit_{line.unit}") if line.unit in _COUNTED else line.unit
        rate = f"× {say.rate(line.rate)}" + (f" / {unit}" if unit else "")
        if line.rate_with_tax:
            rate += f" {say.say('with_tax', tax=tax_name)}"
    return {
        "description": line.description,
        "more": [told for told in (_in_a_row(basis), line.note) if told],
        "quantity": "" if line.quantity is None else _measure(line.quantity, line.unit, say),
        "rate": rate,
        "tax": "" if line.tax_amount is None else say.plain(line.tax_amount),
        "amount": say.plain(line.amount),
    }


def _in_a_row(parts: Sequence[str]) -> str:
    """Join what is told; a line breaks between parts, and within the first of them."""
    first, *rest = filter(None, parts) if any(parts) else [""]
    return f"{_KEPT}· ".join([first, *(part.replace(" ", _KEPT) for part in rest)])


def _span(line: ChargeLine, say: Wording) -> str:
    """Tell the days of a line, how many they are, and of how many days the rate is."""
    first, last, of = line.begins_on, line.ends_on, line.share_of
    if first is None or last is None:
        return ""
    told = [say.short_day(first) if first == last else say.days(first, last)]
    if line.share_days < of:
        told.append(say.say("share", days=line.share_days, of=of))
    elif first != last:
        told.append(say.how_many_days(first, last))
    if line.share_days > of:
        told.append(say.say("share_more", of=of))
    return ", ".join(told)


def _totals(paper: InvoicePaper, say: Wording, tax_name: str) -> list[View]:
    lines = charged(paper, say.places)
    left = rounding(paper, say.places)
    rows = []
    if paper.tax_amount or paper.taxes or left:
        rows.append(_sum(say.say("before_tax", tax=tax_name), say.money(lines)))
        if paper.taxes:
            rows += [
                _sum(
                    say.say(
                        "tax_on", tax=tax_name, rate=say.percent(tax.rate),
                        base=say.money(tax.base_amount),
                    ),
                    say.money(tax.amount),
                )
                for tax in paper.taxes
            ]  # fmt: skip
        elif paper.tax_amount:
            rows.append(_sum(tax_name, say.money(paper.tax_amount)))
    if left:
        rows.append(_sum(say.say("rounding"), say.money(left)))
    word = "this_credit" if paper.type is InvoiceType.CREDIT_NOTE else "total"
    return [*rows, _sum(say.say(word), say.money(paper.invoice_amount), strong=True)]


def charged(paper: InvoicePaper, places: int) -> Decimal:
    """Return what the lines of an invoice show in all, without tax."""
    return sum(
        (half_up(line.amount, places) for group in paper.groups for line in group.lines),
        Decimal(0),
    )


def rounding(paper: InvoicePaper, places: int) -> Decimal:
    """Return what is left between an invoice and what its lines and taxes show in all."""
    taxes = sum((half_up(tax.amount, places) for tax in paper.taxes), Decimal(0))
    shown = taxes if paper.taxes else half_up(paper.tax_amount, places)
    return half_up(paper.invoice_amount, places) - charged(paper, places) - shown


def _chart(chart: UsageChart, say: Wording) -> View:
    """Lay a chart out in thousandths of its height, and tell it in words."""
    pairs = [(one.quantity, one.last_year_quantity) for one in chart.months]
    highest = max((q for pair in pairs for q in pair if q is not None), default=Decimal(0))
    top, step = _axis(highest)

    def part(quantity: Decimal | None) -> int | None:
        return None if quantity is None else int(1000 * max(quantity, Decimal(0)) / top)

    averages = []
    if chart.per_day_quantity is not None:
        averages.append([say.say("per_day"), _measure(chart.per_day_quantity, chart.unit, say)])
    if chart.per_day_amount is not None:
        averages.append([say.say("cost_per_day"), say.money(chart.per_day_amount)])
    told = [say.say("chart_alt", product=chart.product, unit=chart.unit)]
    months = []
    for place, (one, (now, before)) in enumerate(zip(chart.months, pairs, strict=True)):
        begins = place == 0 or one.month.year != chart.months[place - 1].month.year
        months.append(
            {
                "label": say.month(one.month),
                "year": str(one.month.year) if begins else "",
                "now": part(now),
                "before": part(before),
            }
        )
        told.append(_month_told(one.month, now, before, say))
    return {
        "title": f"{chart.product}, {chart.unit}",
        "months": months,
        "ticks": [
            [int(1000 * step * n / top), say.number(step * n)] for n in range(int(top / step) + 1)
        ],
        "alt": " ".join(told),
        "averages": averages,
    }


def _month_told(month: date, now: Decimal | None, before: Decimal | None, say: Wording) -> str:
    values = {
        "month": say.month_of_year(month),
        "now": say.say("none") if now is None else say.number(now),
        "before": "" if before is None else say.number(before),
    }
    return say.say("chart_month" if before is None else "chart_before", **values) + "."


def _axis(highest: Decimal) -> tuple[Decimal, Decimal]:
    """Return the top of an axis and the step of its marks, in round numbers."""
    if highest <= 0:
        return Decimal(1), Decimal(1)
    rough = highest / _TICKS
    size = Decimal(10) ** rough.adjusted()
    step = next(nice * size for nice in _NICE if nice * size >= rough)
    return (highest / step).to_integral_value(ROUND_CEILING) * step, step


def _statement(paper: StatementPaper, brand: Brand, say: Wording) -> View:
    balance, rows = paper.opening_balance, []
    rows.append(_movement(say.short_day(paper.period_from), say.say("opening_balance"),
                          balance=say.plain(balance)))  # fmt: skip
    for move in paper.movements:
        balance += move.amount
        charged_ = say.plain(move.amount) if move.amount >= 0 else ""
        paid = say.plain(-move.amount) if move.amount < 0 else ""
        rows.append(
            _movement(
                say.short_day(move.on), move.description, move.reference, charged_, paid,
                say.plain(balance),
            )
        )  # fmt: skip
    owed = paper.closing_balance
    band = [
        _cell(say.say("in_credit" if owed < 0 else "account_balance"), say.money(abs(owed)),
              _overdue(paper.overdue_amount, say), great=True),
        _cell(say.say("statement_period"), say.how_many_days(paper.period_from, paper.period_to),
              say.days(paper.period_from, paper.period_to)),
    ]  # fmt: skip
    if owed > 0 and paper.due_on is not None:
        band.insert(1, _cell(say.say("pay_by"), say.day(paper.due_on)))
    head = ("date", "description", "charged", "paid", "balance")
    return {
        "facts": _facts(
            say,
            ("statement_number", paper.number),
            ("issued", say.day(paper.issued_on)),
            ("account", paper.account),
            ("customer", paper.customer_number),
        ),
        "band": band,
        "movement-head": [say.say(word) for word in head],
        "movements": rows,
        "closing": [
            say.short_day(paper.period_to), say.say("closing_balance"), "", "", say.money(owed),
        ],
        "ways": _ways(paper, brand, say) if owed > 0 else [],
    }  # fmt: skip


def _movement(
    on: str, description: str, reference: str = "", debit: str = "", credit: str = "",
    balance: str = "",
) -> View:  # fmt: skip
    return {
        "on": on, "description": description, "reference": reference, "debit": debit,
        "credit": credit, "balance": balance,
    }  # fmt: skip


def _receipt(paper: ReceiptPaper, say: Wording) -> View:
    owed = paper.balance
    return {
        "facts": _facts(
            say,
            ("receipt_number", paper.number),
            ("issued", say.day(paper.issued_on)),
            ("account", paper.account),
            ("customer", paper.customer_number),
            ("paid_by", paper.method),
            ("reference", paper.reference),
        ),
        "band": [
            _cell(say.say("received"), say.money(paper.amount), great=True),
            _cell(say.say("received_on"), say.day(paper.received_on)),
            _cell(say.say("in_credit" if owed < 0 else "left_to_pay"), say.money(abs(owed))),
        ],
        "applied-head": [say.say("description"), f"{say.say('amount')} ({say.symbol})"],
        "applied": [[one.description, say.plain(one.amount)] for one in paper.applied],
        "applied-total": [say.say("received"), say.money(paper.amount)],
    }


def _facts(say: Wording, *rows: tuple[str, str]) -> list[list[str]]:
    """Tell facts with their labels; what is blank is left out."""
    return [[say.words.get(word, word), value] for word, value in rows if value]


def _cell(label: str, value: str, note: str = "", *, great: bool = False) -> View:
    return {"label": label, "value": value, "note": note, "great": great}


def _sum(label: str, value: str, note: str = "", *, strong: bool = False) -> View:
    return {"label": label, "value": value, "note": note, "strong": strong}


def _notes(notes: Sequence[Note]) -> list[View]:
    return [{"title": note.title, "text": note.text} for note in notes]


def _measure(quantity: Decimal, unit: str, say: Wording) -> str:
    number = say.number(quantity)
    if unit not in _COUNTED:
        return f"{number} {unit}".strip()
    if abs(quantity) == 1:
        return f"{number} {say.say(f'unit_{unit}')}"
    return say.say(f"{unit}s", **{f"{unit}s": number})


def _shown_sum(amounts: Sequence[Decimal], say: Wording) -> Decimal:
    return sum((half_up(amount, say.places) for amount in amounts), Decimal(0))


def _around(pattern: str) -> list[str]:
    """Cut `Page {page} of {pages}` around its two numbers."""
    before, _, rest = pattern.partition("{page}")
    between, _, after = rest.partition("{pages}")
    return [before, between, after]


@lru_cache(maxsize=200)
def _on(colour: str) -> str:
    """Return what is read on a colour: white where that is clear enough, or else black."""
    return _WHITE if _contrast(colour) >= _READABLE else _BLACK


@lru_cache(maxsize=200)
def _ink(colour: str) -> str:
    """Return a colour that is read on white: itself, or as much darker as it takes."""
    while _contrast(colour) < _READABLE:
        colour = "#" + "".join(f"{c * 9 // 10:02x}" for c in _channels(colour))
    return colour


def _contrast(colour: str) -> Decimal:
    """Return the contrast of a colour with white, as WCAG 2 reckons it."""
    red, green, blue = (_linear(channel) for channel in _channels(colour))
    light = red * Decimal("0.2126") + green * Decimal("0.7152") + blue * Decimal("0.0722")
    return Decimal("1.05") / (light + Decimal("0.05"))


def _channels(colour: str) -> list[int]:
    return [int(colour[n : n + 2], 16) for n in (1, 3, 5)]


def _linear(channel: int) -> Decimal:
    part = Decimal(channel) / 255
    if part <= Decimal("0.03928"):
        return part / Decimal("12.92")
    return ((part + Decimal("0.055")) / Decimal("1.055")) ** Decimal("2.4")
