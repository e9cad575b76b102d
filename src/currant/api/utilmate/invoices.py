"""Invoices, their papers, and the charges that they will carry."""

from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from currant.api.utilmate.methods import FileRow, Row, Total, changes, reads
from currant.api.utilmate.parameters import (
    RESULT,
    Account,
    BuildingCode,
    Day,
    Flag,
    Money,
    Page,
    Sent,
    SiteIdentifier,
    flag,
    no_null,
    words,
)
from currant.charges.model import STANDARD, AddCharges, NewCharge
from currant.charges.verbs import add_approved_charges, add_charges
from currant.db.tx import Tx
from currant.directory.verbs import account_line
from currant.documents.model import DocumentKind, DocumentNamed
from currant.documents.verbs import document_pdf
from currant.invoices.model import Invoice, InvoiceNamed, InvoicesWanted, LineRow
from currant.invoices.verbs import count_invoices, invoices, show_invoice
from currant.locations.verbs import buildings_of
from currant.money import kwh

_PDF = "application/pdf"


class InvoiceSent(Sent, frozen=True, kw_only=True):
    """Which invoice."""

    invoice_number: str


class InvoiceFile(FileRow, frozen=True, kw_only=True):
    """An invoice as PDF, as it was frozen when it was posted."""

    invoice_number: str
    account_number: str
    size: int
    sha256: str


@reads("GETINVOICE", "U06", calls=document_pdf)
async def get_invoice(tx: Tx, wanted: InvoiceSent) -> AsyncIterator[InvoiceFile]:
    """Hand out an invoice as PDF, in base64."""
    yield await _file(tx, wanted)


@reads("GETINVOICEPDF", "U07", calls=document_pdf, raw=True)
async def get_invoice_pdf(tx: Tx, wanted: InvoiceSent) -> AsyncIterator[InvoiceFile]:
    """Hand out an invoice as PDF, as it is; who accepts JSON is answered as by GETINVOICE."""
    yield await _file(tx, wanted)


async def _file(tx: Tx, wanted: InvoiceSent) -> InvoiceFile:
    invoice = await show_invoice(tx, InvoiceNamed(wanted.invoice_number))
    kind = DocumentKind.CREDIT_NOTE if invoice.head.kind == "CREDIT" else DocumentKind.INVOICE
    paper = await document_pdf(tx, DocumentNamed(invoice.head.number, kind))
    return InvoiceFile(
        invoice_number=paper.number,
        account_number=paper.account,
        file_name=f"{paper.number}.pdf",
        mime_type=_PDF,
        size=len(paper.pdf),
        sha256=paper.sha256,
        content_base64=b64encode(paper.pdf).decode(),
    )


class InvoicesSent(Sent, frozen=True, kw_only=True):
    """One invoice, or those of an account, perhaps of a range of invoice dates."""

    one_of: ClassVar[tuple[str, ...]] = ("invoice_number", "account_number")

    invoice_number: str | None = None
    account_number: Account | None = None
    start_date: Day | None = None
    end_date: Day | None = None


class RangeSent(Page, frozen=True, kw_only=True):
    """The invoices of a range of days."""

    start_date: Day
    end_date: Day
    use_trans_date: Annotated[
        bool, Meta(description="Y: by the date of the invoice. N: by the day of posting.")
    ] = True
    building_code: BuildingCode | None = None
    account_number: Account | None = None
    status: Literal["POSTED", "PART_PAID", "PAID", "REVERSED"] | None = None


class InvoiceHead(Row, frozen=True, kw_only=True):
    """An invoice with the balances around it; a credit note is negative.

    previous_balance + adjustment_total + receipt_total = opening_balance, and with invoice_amount
    total_due. What was received and credited is negative.
    """

    account_number: str
    sales_cust_number: str
    account_name: str
    customer_type_code: str
    building_code: str
    building_name: str
    invoice_number: str
    invoice_type: Annotated[str, words("NORMAL", "FINAL", "CREDIT", "MANUAL")]
    invoice_date: date
    posted_date: date | None
    due_date: date
    period_start: date | None
    period_end: date | None
    previous_balance: Decimal
    adjustment_total: Decimal
    receipt_total: Decimal
    opening_balance: Decimal
    invoice_amount: Decimal
    gst: Decimal
    total_due: Decimal
    amount_paid: Decimal
    paid: Flag
    status: Annotated[str, words("DRAFT", "POSTED", "PART_PAID", "PAID", "REVERSED")]
    reversal_of: str | msgspec.UnsetType = msgspec.UNSET


class InvoiceLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of an invoice; its amount is with GST, its rate without."""

    line_no: int
    cust_account_id: int | None
    site_identifier: str
    serial_number: str | msgspec.UnsetType = msgspec.UNSET
    register: int | msgspec.UnsetType = msgspec.UNSET
    product_type: str
    line_type: Annotated[
        str, words("USAGE", "SUPPLY", "DEMAND", "CHARGE", "DISCOUNT", "CONCESSION", "LEVY")
    ]
    description: str
    start_date: date | None
    end_date: date | None
    previous_read: Decimal | msgspec.UnsetType = msgspec.UNSET
    current_read: Decimal | msgspec.UnsetType = msgspec.UNSET
    read_type: str | msgspec.UnsetType = msgspec.UNSET
    quantity: Decimal
    unit: str
    rate: Decimal
    loss_factor: Decimal | msgspec.UnsetType = msgspec.UNSET
    amount_ex_gst: Decimal
    gst: Decimal
    amount: Decimal
    gl_code: str


class InvoiceDetails(InvoiceHead, frozen=True, kw_only=True):
    """An invoice with its lines, whose amounts and GST add up to the invoice's."""

    lines: list[InvoiceLine]


@reads("GETINVDET", "U08", calls=invoices)
async def get_inv_det(tx: Tx, wanted: InvoicesSent) -> AsyncIterator[InvoiceDetails]:
    """Tell an invoice, or those of an account, line by line."""
    if wanted.invoice_number is not None:
        invoice = await show_invoice(tx, InvoiceNamed(wanted.invoice_number))
        yield _details(invoice, tx)
        return
    await _refuse_unknown(tx, wanted.account_number, None)
    question = InvoicesWanted(
        account=wanted.account_number,
        start_on=wanted.start_date,
        end_on=wanted.end_date,
        lines=True,
    )
    async for invoice in invoices(tx, question):
        yield _details(invoice, tx)


@reads("GETRANGEINV", "U20", calls=invoices, pages=True)
async def get_range_inv(tx: Tx, wanted: RangeSent) -> AsyncIterator[InvoiceHead | Total]:
    """List the invoices of a range of days, without their lines."""
    await _refuse_unknown(tx, wanted.account_number, wanted.building_code)
    question = InvoicesWanted(
        account=wanted.account_number,
        building_code=wanted.building_code,
        start_on=wanted.start_date,
        end_on=wanted.end_date,
        by_posting=not wanted.use_trans_date,
        status=wanted.status,
        how_many=wanted.limit,
        skip=wanted.offset,
    )
    async for invoice in invoices(tx, question):
        yield InvoiceHead(**_head(invoice, tx))
    yield Total(total=await count_invoices(tx, question))


async def _refuse_unknown(tx: Tx, account: str | None, building: str | None) -> None:
    """Refuse to list nothing of what there is not. Raises `NoSuchAccount`, `NoSuchBuilding`."""
    if account is not None:
        await account_line(tx, account)
    await buildings_of(tx, [building], "building_code")


def _details(invoice: Invoice, tx: Tx) -> InvoiceDetails:
    return InvoiceDetails(**_head(invoice, tx), lines=[_line(line) for line in invoice.lines])


def _head(invoice: Invoice, tx: Tx) -> dict[str, Any]:
    row = invoice.head
    opening = row.previous_balance + row.adjustment_total + row.receipt_total
    return {
        "account_number": row.account,
        "sales_cust_number": row.contract,
        "account_name": row.account_name,
        "customer_type_code": row.customer_type,
        "building_code": row.building_code or "",
        "building_name": row.building_name or "",
        "invoice_number": row.number,
        "invoice_type": row.kind,
        "invoice_date": row.invoice_on,
        "posted_date": row.posted_at.astimezone(tx.portal.zone).date(),
        "due_date": row.due_on,
        "period_start": row.from_on,
        "period_end": row.to_on,
        "previous_balance": row.previous_balance,
        "adjustment_total": row.adjustment_total,
        "receipt_total": row.receipt_total,
        "opening_balance": opening,
        "invoice_amount": row.total,
        "gst": row.tax,
        "total_due": opening + row.total,
        "amount_paid": row.amount_paid,
        "paid": flag(row.status == "PAID"),
        "status": row.status,
        "reversal_of": no_null(row.reversal_of),
    }


def _line(line: LineRow) -> InvoiceLine:
    return InvoiceLine(
        line_no=line.line_no,
        cust_account_id=line.agreement_id,
        site_identifier=line.site_identifier or "",
        serial_number=no_null(line.serial_number),
        register=no_null(line.register_no),
        product_type=line.product_type,
        line_type=line.line_type,
        description=line.description,
        start_date=line.from_on,
        end_date=line.to_on,
        previous_read=_read(line.previous_value),
        current_read=_read(line.current_value),
        read_type=no_null(line.read_basis),
        quantity=line.quantity,
        unit=line.unit,
        rate=line.rate,
        loss_factor=no_null(line.loss_factor),
        amount_ex_gst=line.net,
        gst=line.tax,
        amount=line.net + line.tax,
        gl_code=line.coa,
    )


def _read(thousandths: int | None) -> Decimal | msgspec.UnsetType:
    return msgspec.UNSET if thousandths is None else kwh(thousandths)


class ChargeSent(Sent, frozen=True, kw_only=True):
    """A one-off charge; its amount includes GST, and it is invoiced no earlier than its date."""

    account_number: Account
    charge_item_code: str
    charge_date: Day
    amount: Money
    charge_group_code: str = STANDARD
    invoice_description: str = ""
    notes: str = ""
    cust_account_id: int | None = None
    site_identifier: SiteIdentifier | None = None
    post_charge: bool = False


class ChargeAdded(Row, frozen=True, kw_only=True):
    """A charge that the next invoice takes, once it is approved."""

    charge_id: int
    status: Annotated[str, words("PENDING", "APPROVED")]
    amount_ex_gst: Decimal
    gst: Decimal
    result: Annotated[str, RESULT]


@changes(
    "POSTCHARGE",
    "U29",
    calls=add_charges,
    or_else=add_approved_charges,
    where=lambda sent: sent.post_charge,
)
async def post_charge(tx: Tx, sent: list[ChargeSent]) -> list[ChargeAdded]:
    """Charge an account once; `post_charge` approves it at once, for who may approve."""
    add = add_approved_charges if any(charge.post_charge for charge in sent) else add_charges
    charges = [
        NewCharge(
            account=charge.account_number,
            item_code=charge.charge_item_code.upper(),
            charge_on=charge.charge_date,
            amount=charge.amount,
            group_code=charge.charge_group_code.upper(),
            description=charge.invoice_description,
            notes=charge.notes,
            agreement_id=charge.cust_account_id,
            site_identifier=charge.site_identifier,
            approve=charge.post_charge,
        )
        for charge in sent
    ]
    return [
        ChargeAdded(
            charge_id=added.charge_id,
            status=added.status,
            amount_ex_gst=added.net,
            gst=added.tax,
            result="CREATED",
        )
        for added in await add(tx, AddCharges(charges))
    ]
