"""`currant invoice`: posted invoices listed, explained line by line, cancelled, as PDF."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from textwrap import wrap
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from currant.access.verbs import Nothing, show_portal
from currant.cli.documents import save
from currant.cli.figures import figure, figures
from currant.cli.frame import Session, command
from currant.cli.imports import DryRun, Key
from currant.clock import parse_day
from currant.documents.model import DocumentKind, DocumentNamed
from currant.invoices.model import (
    CancelInvoice,
    Invoice,
    InvoiceNamed,
    InvoiceRow,
    InvoiceStatus,
    InvoicesWanted,
    LineRow,
    MeasuredRow,
)
from currant.invoices.verbs import cancel_invoice, invoices, show_invoice
from currant.money import format_money
from currant.runs.model import BillDraft

app = typer.Typer(no_args_is_help=True)

Number = Annotated[str, typer.Argument(help="The number of the invoice.", metavar="NUMBER")]

_WIDTH = 79
_RULE = "─" * _WIDTH
_HEADINGS = {"CREDIT": "CREDIT NOTE", "FINAL": "FINAL INVOICE"}
_DAY = timedelta(days=1)
_WORDS = ("day", "month")


@command(app, "list")
async def list_invoices(
    session: Session,
    *,
    account: Annotated[str | None, typer.Option(help="Of this account only.")] = None,
    building: Annotated[str | None, typer.Option(help="Of this building only.")] = None,
    status: Annotated[
        InvoiceStatus | None, typer.Option(case_sensitive=False, help="In this status only.")
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", help="Dated on this day or later: 2026-07-01.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", help="Dated on this day or before.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many are listed.")] = 50,
) -> None:
    """List posted invoices and credit notes by date."""
    wanted = InvoicesWanted(
        account=account,
        building_code=building,
        status=status,
        start_on=None if first is None else parse_day(first),
        end_on=None if last is None else parse_day(last),
        how_many=limit + 1,
    )
    async with session.door.asking(invoices, session.actor) as tx:
        found = [one.head async for one in invoices(tx, wanted)]
    portal = await session.ask(show_portal, Nothing())
    listed = found[:limit]
    session.teller.tell(
        listed, lambda: _listed(listed, portal.currency) if listed else "There are none."
    )
    if len(found) > limit:
        session.teller.note(f"These are the first {limit}; --limit lists more.")


@command(app, "show")
async def show(session: Session, number: Number) -> None:
    """Explain a posted invoice: where each line comes from, and what was owed before."""
    told = await session.ask(show_invoice, InvoiceNamed(number))
    portal = await session.ask(show_portal, Nothing())
    session.teller.tell(told, lambda: "\n".join(explained(told, portal.currency)))


@command(app, "cancel")
async def cancel(
    session: Session,
    number: Number,
    *,
    reason: Annotated[str, typer.Option(help="Why; the credit note says it.")],
    dry_run: DryRun = False,
    key: Key = None,
) -> None:
    """Cancel an invoice by a credit note; the next run bills its days and charges again."""
    wanted = CancelInvoice(number, reason)
    done = await session.act(cancel_invoice, wanted, key, dry_run=dry_run)
    portal = await session.ask(show_portal, Nothing())
    amount = format_money(-done.amount, portal.currency)
    session.teller.tell(
        done, lambda: f"Credit note {done.credit_note} of {amount} cancels invoice {number}."
    )
    if dry_run:
        session.teller.note("Nothing was cancelled: this is what would be.")
    else:
        paper = f"currant invoice pdf {done.credit_note} --out FILE"
        session.teller.note(
            "It goes by e-mail where invoices do. For the post `bill print` does not write it, but"
            f" `{paper}` does."
        )


@command(app, "pdf")
async def pdf(
    session: Session,
    number: Number,
    *,
    out: Annotated[Path, typer.Option(help="The file to write; - for stdout.")],
) -> None:
    """Write an invoice or a credit note as PDF, the same bytes each time."""
    told = await session.ask(show_invoice, InvoiceNamed(number))
    kind = DocumentKind.CREDIT_NOTE if told.head.kind == "CREDIT" else DocumentKind.INVOICE
    await save(session, DocumentNamed(number, kind), out)


class Line(msgspec.Struct, frozen=True):
    """An invoice as it is listed."""

    number: str
    account: str
    name: str
    dated: str
    due: str
    total: str
    paid: str
    status: str


def _listed(found: Sequence[InvoiceRow], currency: str) -> Table:
    lines = [
        Line(
            row.number,
            row.account,
            row.account_name,
            row.invoice_on.isoformat(),
            row.due_on.isoformat(),
            format_money(row.total, currency),
            format_money(row.amount_paid, currency) if row.amount_paid else "",
            row.status if row.kind != "CREDIT" else f"credits {row.reversal_of}",
        )
        for row in found
    ]
    return figures(lines, *Line.__struct_fields__, right=("total", "paid"), folds=("name",))


def explained(told: Invoice, currency: str) -> Iterator[str]:
    """Yield an invoice line by line, within 79 columns: each amount and what led to it."""
    head = told.head
    yield _two(f"{_HEADINGS.get(head.kind, 'INVOICE')} {head.number}", head.status)
    yield from _wrapped(f"Account {head.account}, {head.account_name}")
    days = (head.to_on - head.from_on).days + 1
    yield f"For {head.from_on} to {head.to_on}, {days} {'day' if days == 1 else 'days'}"
    yield f"Dated {head.invoice_on}, due {head.due_on}"
    if head.reversal_of is not None:
        yield from _wrapped(f"Cancels invoice {head.reversal_of}: {head.reason}")
    yield from priced(told, currency)
    yield _RULE
    yield _two("Previous balance", figure(head.previous_balance, currency))
    if head.adjustment_total:
        yield _two("Adjustments since", figure(head.adjustment_total, currency))
    if head.receipt_total:
        yield _two("Payments since", figure(head.receipt_total, currency))
    opening = head.previous_balance + head.adjustment_total + head.receipt_total
    yield _two("Due with this invoice", format_money(opening + head.total, currency))
    if head.amount_paid:
        yield _two("Paid of this invoice", format_money(head.amount_paid, currency))


def drafted(told: BillDraft, currency: str) -> Iterator[str]:
    """Yield an invoice of a run as `explained` does, without balances: a draft has none yet."""
    head = told.head
    kind = _HEADINGS.get(head.kind, "INVOICE")
    name = f"{kind} {head.number}" if head.number else f"DRAFT, {kind}"
    yield _two(name, f"held: {head.held_for}" if head.held_for else "")
    yield from _wrapped(f"Account {head.account}, {head.account_name}")
    days = (head.to_on - head.from_on).days + 1
    yield f"For {head.from_on} to {head.to_on}, {days} {'day' if days == 1 else 'days'}"
    if head.replaces:
        yield from _wrapped(f"Replaces {', '.join(head.replaces)}")
    yield from priced(told, currency)


def priced(told: Invoice | BillDraft, currency: str) -> Iterator[str]:
    """Yield what was measured, each line with what led to it, and what they come to."""
    head = told.head
    for row in told.measured:
        yield from _wrapped(_measured(row))
    product = ""
    for line in told.lines:
        if line.product_type != product:
            product = line.product_type
            yield _RULE
            yield product
        yield _two(line.description, figure(line.net, currency))
        for reason in _reasons(line, currency):
            yield from _wrapped(reason, "  ")
    yield _RULE
    yield _two("Lines before tax", figure(head.net, currency))
    yield _two("Tax", figure(head.tax, currency))
    yield _two("This invoice", format_money(head.total, currency))


def _measured(row: MeasuredRow) -> str:
    """Tell what a register measured, from which read to which."""
    quantity = f"{_plain(Decimal(row.quantity).scaleb(-3))} {row.unit}"
    name = f"Meter {row.serial_number} register {row.register_no}"
    fed = ", fed in" if row.export else ""
    if row.basis in ("INTERVAL", "SUBSTITUTED"):
        some = ", some of them substituted" if row.basis == "SUBSTITUTED" else ""
        return f"{name}: {quantity} by its intervals{some}{fed}"
    before = _read(row.previous_value, row.from_on - _DAY, estimated=row.previous_estimated)
    after = _read(row.current_value, row.to_on, estimated=row.current_estimated)
    times = "" if row.multiplier == 1 else f", times {_plain(row.multiplier)}"
    return f"{name}: {before} to {after}{times} = {quantity}{fed}"


def _read(value: int | None, on: date, *, estimated: bool) -> str:
    told = _plain(Decimal(value or 0).scaleb(-3))
    return f"{told} ({on}{', estimated' if estimated else ''})"


def _reasons(line: LineRow, currency: str) -> Iterator[str]:
    """Yield what led to the amount of a line: days, block, product, share, rounding, tax."""
    why = line.why
    begins, ends = line.from_on.isoformat(), line.to_on.isoformat()
    place = [begins if begins == ends else f"{begins} to {ends}"]
    if line.plan is not None:
        place.append(" ".join(filter(None, (line.plan, why.tier))))
    if why.block_from or why.block_to is not None:
        place.append(f"block {_block(why.block_from, why.block_to)} {line.unit}")
    if line.loss_factor is not None:
        place.append(f"loss factor {_plain(line.loss_factor)}")
    yield ", ".join(place)
    price = line.rate if why.price_with_tax is None else why.price_with_tax
    product = f"{_quantity(line.quantity, line.unit)} × {_plain(price)}"
    if why.share_days != why.share_of:
        product += f" × {why.share_days}/{why.share_of} days of the month"
    if why.price_with_tax is not None:
        product += ", less the tax within"
    if why.unrounded is not None and why.unrounded != line.net:
        product += f" = {_plain(why.unrounded)}, rounded {why.rounding.lower().replace('_', ' ')}"
    yield f"{product} = {figure(line.net, currency)}"
    if line.tax_code == "GST":
        yield f"tax {_plain(why.tax_rate * 100)} % = {figure(line.tax, currency)}"
    else:
        yield "free of tax"


def _block(first: Decimal | None, last: Decimal | None) -> str:
    if last is None:
        return f"above {_plain(first or Decimal(0))}"
    return f"from {_plain(first)} to {_plain(last)}" if first else f"of the first {_plain(last)}"


def _quantity(quantity: Decimal, unit: str) -> str:
    """Write a quantity with its unit; those that are English words have a plural."""
    plural = "s" if unit in _WORDS and abs(quantity) != 1 else ""
    return f"{_plain(quantity)} {unit}".rstrip() + plural


def _plain(number: Decimal) -> str:
    """Write a number with the decimals that it has and no more."""
    return f"{number.normalize() + 0:,f}"


def _two(left: str, right: str) -> str:
    """Set a name and its figure at both edges; a long name goes on in lines above."""
    room = _WIDTH - len(right) - 1
    *above, last = wrap(left, max(room, 10)) or [""]
    return "\n".join([*above, f"{last:<{room}} {right}"])


def _wrapped(text: str, indent: str = "") -> list[str]:
    return wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ")
