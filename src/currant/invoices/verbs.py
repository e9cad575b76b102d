"""Acts on invoices, and the questions asked about them."""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Any

import msgspec

from currant.access.permissions import Permission, needs
from currant.access.verbs import Nothing
from currant.clock import day_bounds
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.documents.model import FreezePapers
from currant.documents.verbs import freeze_papers, show_brand
from currant.errors import Invalid
from currant.invoices.model import (
    BilledElsewhere,
    BilledUsage,
    BilledUsageWanted,
    CancelInvoice,
    CreditNotCancelled,
    HeldInvoice,
    Invoice,
    InvoiceCancelled,
    InvoiceNamed,
    InvoiceRow,
    InvoicesWanted,
    LineRow,
    MeasuredRow,
    NoSuchInvoice,
    PaperHead,
    PaperLine,
    Printed,
    UsageOfMonth,
)
from currant.invoices.papers import letters, paper_of
from currant.notices.verbs import queue_messages

sql = Statements(__package__)
_INVOICES = sql.rows("invoices", InvoiceRow)
_LINES = sql.rows("lines", LineRow)
_MEASURED = sql.rows("measured", MeasuredRow)
_BILLED_USAGE = sql.rows("billed_usage", BilledUsage)
_HOLD_INVOICE = sql.rows("hold_invoice", HeldInvoice)
_CANCEL = sql.rows("cancel", int)
_BILLED_ELSEWHERE = sql.command("billed_elsewhere")
_PAPER_HEADS = sql.rows("paper_heads", PaperHead)
_PAPER_LINES = sql.rows("paper_lines", PaperLine)
_USAGE_HISTORY = sql.rows("usage_history", UsageOfMonth)

_PAGE = 500


@needs(Permission.BILLING_VIEW)
async def invoices(tx: Tx, question: InvoicesWanted) -> AsyncIterator[Invoice]:
    """List posted invoices by date, a few hundred at a time, with their lines where asked for.

    Credit notes are among them, negative. Those of accounts that are blocked for the caller are
    left out (U08, U20).
    """
    page: list[InvoiceRow] = []
    async for head in tx.each(_INVOICES, **_asked(tx, question)):
        page.append(head)
        if len(page) == _PAGE:
            for invoice in await _whole(tx, page, lines=question.lines):
                yield invoice
            page = []
    for invoice in await _whole(tx, page, lines=question.lines):
        yield invoice


@needs(Permission.BILLING_VIEW)
async def count_invoices(tx: Tx, question: InvoicesWanted) -> int:
    """Say how many invoices `invoices` lists, whatever the page."""
    whole = msgspec.structs.replace(question, how_many=None, skip=0, beyond=None)
    return await tx.count(_INVOICES, **_asked(tx, whole))


def _asked(tx: Tx, question: InvoicesWanted) -> dict[str, Any]:
    """Return what invoices are asked for with."""
    start_at = end_at = None
    if question.start_on is not None:
        start_at = day_bounds(question.start_on, tx.portal.zone)[0]
    if question.end_on is not None:
        end_at = day_bounds(question.end_on, tx.portal.zone)[1]
    return {
        "portal_id": tx.portal.portal_id,
        "number": question.number,
        "account": question.account,
        "building_code": question.building_code,
        "start_on": question.start_on,
        "end_on": question.end_on,
        "start_at": start_at,
        "end_at": end_at,
        "by_posting": question.by_posting,
        "status": question.status,
        "blocked": list(tx.user.blocked),
        "how_many": question.how_many,
        "skip": question.skip,
        "beyond": question.beyond,
    }


@needs(Permission.BILLING_VIEW)
async def show_invoice(tx: Tx, question: InvoiceNamed) -> Invoice:
    """Show a posted invoice with every line explained. Raises `NoSuchInvoice`."""
    async for invoice in invoices(tx, InvoicesWanted(number=question.number, lines=True)):
        return invoice
    raise NoSuchInvoice(f"It was asked for as {question.number[:40]!r}.", field="invoice_number")


@needs(Permission.BILLING_VIEW)
async def billed_usage(tx: Tx, question: BilledUsageWanted) -> list[BilledUsage]:
    """Tell an account's use at a site as bills that stand measured it, by product and day (U24).

    A bill of which any day lies between the two is told whole. Losses are not in the quantity.
    """
    return await tx.all(
        _BILLED_USAGE,
        portal_id=tx.portal.portal_id,
        account=question.account,
        location_id=question.location_id,
        products=list(question.products),
        first=question.first,
        last=question.last,
        blocked=list(tx.user.blocked),
    )


@needs(Permission.BILLING_APPROVE)
async def cancel_invoice(tx: Tx, command: CancelInvoice) -> InvoiceCancelled:
    """Cancel an invoice by a credit note that mirrors it line by line (posting rule L17).

    What was paid on it is to the account's credit again, its days and charges can be billed again.
    Raises `NoSuchInvoice`, `InvoiceReversedBefore`, `CreditNotCancelled`, `Invalid` without a
    reason.
    """
    if not command.reason.strip():
        raise Invalid("Say why the invoice is cancelled.", field="reason")
    held = await tx.maybe(_HOLD_INVOICE, portal_id=tx.portal.portal_id, number=command.number)
    if held is None:
        raise NoSuchInvoice(f"It was asked for as {command.number[:40]!r}.", field="number")
    tx.user.refuse_blocked(held.account)
    if held.kind == "CREDIT":
        raise CreditNotCancelled(f"{command.number} is one.", field="number")
    today = tx.now.astimezone(tx.portal.zone).date()
    (note,) = await cancel(tx, [held.invoice_id], today, command.reason)
    return InvoiceCancelled(command.number, note.number, note.total)


@needs(Permission.BILLING_RUN)
async def bill_elsewhere(tx: Tx, command: BilledElsewhere) -> BilledElsewhere:
    """Note that an agreement's days up to one were billed elsewhere, as before a migration.

    Raises `Invalid` where there is no such agreement, or it begins later.
    """
    noted = await tx.run(
        _BILLED_ELSEWHERE,
        portal_id=tx.portal.portal_id,
        agreement_id=command.agreement_id,
        through=command.through,
        timezone=tx.portal.timezone,
    )
    if not noted:
        raise Invalid(
            f"Agreement {command.agreement_id} does not exist, begins after {command.through}, or"
            " all its days up to then are billed.",
            field="agreement_id",
        )
    return command


async def cancel(tx: Tx, invoice_ids: Sequence[int], dated: date, reason: str) -> list[PaperHead]:
    """Cancel invoices of different accounts; return their credit notes, whose papers are frozen."""
    notes = await tx.all(
        _CANCEL,
        portal_id=tx.portal.portal_id,
        login=tx.user.login,
        vendor_number=tx.user.vendor_number,
        invoice_ids=list(invoice_ids),
        dated=dated,
        reason=reason,
        at=tx.now,
    )
    return await freeze(tx, notes)


async def freeze(tx: Tx, invoice_ids: Sequence[int]) -> list[PaperHead]:
    """Freeze the papers of invoices that were just posted; return what they tell, by id.

    Those of accounts that have them by e-mail are queued as messages.
    """
    portal_id = tx.portal.portal_id
    asked = {"portal_id": portal_id, "invoice_ids": list(invoice_ids)}
    heads = await tx.all(_PAPER_HEADS, **asked)
    whole = {head.invoice_id: Printed(head, [], [], []) for head in heads}
    for line in await tx.all(_PAPER_LINES, **asked):
        whole[line.invoice_id].lines.append(line)
    for measured in await tx.all(_MEASURED, **asked):
        whole[measured.invoice_id].measured.append(measured)
    for used in await tx.all(_USAGE_HISTORY, **asked):
        whole[used.invoice_id].history.append(used)
    papers = [paper_of(printed, tx.portal.currency) for printed in whole.values()]
    await freeze_papers(tx, FreezePapers([head.account_id for head in heads], papers))
    brand = await show_brand(tx, Nothing())
    if messages := letters(papers, heads, brand.terms):
        await queue_messages(tx, messages)
    return heads


async def parts_of(
    tx: Tx, invoice_ids: Sequence[int]
) -> dict[int, tuple[list[LineRow], list[MeasuredRow]]]:
    """Return the lines of invoices, drafts too, and what they measured, by their ids."""
    told = {"portal_id": tx.portal.portal_id, "invoice_ids": list(invoice_ids)}
    parts: dict[int, tuple[list[LineRow], list[MeasuredRow]]] = {n: ([], []) for n in invoice_ids}
    for line in await tx.all(_LINES, **told):
        parts[line.invoice_id][0].append(line)
    for measured in await tx.all(_MEASURED, **told):
        parts[measured.invoice_id][1].append(measured)
    return parts


async def _whole(tx: Tx, heads: Sequence[InvoiceRow], *, lines: bool) -> list[Invoice]:
    """Put invoices together with their lines and what they measured."""
    if not lines or not heads:
        return [Invoice(head) for head in heads]
    parts = await parts_of(tx, [head.invoice_id for head in heads])
    return [Invoice(head, *parts[head.invoice_id]) for head in heads]
