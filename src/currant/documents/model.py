"""The shapes of papers: what they print, the brand they bear, commands, rows, and what is refused.

A snapshot is one of the papers as JSON. Members are added with a default and never taken away, so
that what was frozen before can still be read.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import msgspec

from currant.errors import Conflict, Invalid, NotFound
from currant.upload import Upload

Text = Annotated[str, msgspec.Meta(max_length=2000)]
Name = Annotated[str, msgspec.Meta(max_length=200)]

LOGO_BYTES = 256 * 1024


class DocumentKind(StrEnum):
    """What a paper is."""

    INVOICE = "INVOICE"
    CREDIT_NOTE = "CREDIT_NOTE"
    STATEMENT = "STATEMENT"
    RECEIPT = "RECEIPT"


class InvoiceType(StrEnum):
    """What an invoice is headed as; FINAL closes a supply."""

    TAX_INVOICE = "TAX_INVOICE"
    CREDIT_NOTE = "CREDIT_NOTE"
    FINAL = "FINAL"


class ReadKind(StrEnum):
    """How a read that is printed came about."""

    ACTUAL = "ACTUAL"
    ESTIMATED = "ESTIMATED"
    CUSTOMER = "CUSTOMER"


class PaperSize(StrEnum):
    """The sheets that a portal prints on."""

    A4 = "A4"
    US_LETTER = "US_LETTER"


class Detail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A value with its label, such as a biller code."""

    label: Name
    value: Name


class PaymentMethod(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A way to pay: `BPAY` with its biller code and reference, a card by a link, direct debit.

    In a brand, values and notes may hold {reference}, {amount}, {due}, {number} and {account}.
    """

    label: Name
    details: Annotated[list[Detail], msgspec.Meta(max_length=8)] = []
    note: Text = ""


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A titled text: a concession, life support, hardship, complaints."""

    title: Name
    text: Text


class Party(msgspec.Struct, frozen=True):
    """Whom a paper is for, with the lines of the address."""

    name: str
    address: list[str] = []


class PaperRead(msgspec.Struct, frozen=True):
    """A register's read at the end of a day, in the register's unit, and how it came about."""

    on: date
    value: Decimal
    kind: ReadKind = ReadKind.ACTUAL


class RegisterReads(msgspec.Struct, frozen=True):
    """What a register counted in the period; `quantity` is after the multiplier, in `unit`.

    What was measured in intervals has no reads; `estimated` where some of them were not measured.
    """

    serial_number: str
    register: str
    previous: PaperRead | None
    current: PaperRead | None
    quantity: Decimal
    unit: str
    multiplier: Decimal = Decimal(1)
    estimated: bool = False


class ChargeLine(msgspec.Struct, frozen=True):
    """A priced line: quantity × rate; `amount` is without tax, and signed as it changes the bill.

    Days are inclusive. A block is what of the period's quantity the line prices. `tax_amount` is
    told where tax is reckoned by line. The rate is for `share_of` days where it is for other than
    `share_days`, and includes tax where `rate_with_tax` says so.
    """

    description: str
    amount: Decimal
    begins_on: date | None = None
    ends_on: date | None = None
    quantity: Decimal | None = None
    unit: str = ""
    rate: Decimal | None = None
    tax_amount: Decimal | None = None
    block_from: Decimal | None = None
    block_to: Decimal | None = None
    loss_factor: Decimal | None = None
    note: str = ""
    share_days: int = 1
    share_of: int = 1
    rate_with_tax: bool = False


class ChargeGroup(msgspec.Struct, frozen=True):
    """The charges of one product, with the reads that they came from."""

    title: str
    lines: list[ChargeLine]
    registers: list[RegisterReads] = []


class TaxTotal(msgspec.Struct, frozen=True):
    """A tax of the whole invoice: `rate` is a fraction of `base_amount`."""

    rate: Decimal
    base_amount: Decimal
    amount: Decimal


class UsageMonth(msgspec.Struct, frozen=True):
    """What was used in a month, and in the same month of the year before."""

    month: date
    quantity: Decimal | None = None
    last_year_quantity: Decimal | None = None


class UsageChart(msgspec.Struct, frozen=True):
    """The usage of a product by month, the latest last, with its averages in this period."""

    product: str
    unit: str
    months: Annotated[list[UsageMonth], msgspec.Meta(max_length=25)]
    per_day_quantity: Decimal | None = None
    per_day_amount: Decimal | None = None


class InvoicePaper(msgspec.Struct, frozen=True, tag_field="paper", tag="INVOICE"):
    """An invoice, final invoice or credit note, as it is printed.

    opening_balance = previous_balance - payments_amount + adjustments_amount, and total_due =
    opening_balance + invoice_amount; that of a credit note is negative. `taxes` is told where tax
    is reckoned by invoice, and `tax_amount` is all tax within `invoice_amount`. What rounding
    leaves between the lines with their taxes and the invoice is printed as a line of its own.
    `overdue_amount` is what of the total was due before, `site_label` what the market calls the
    site's identifier.
    """

    type: InvoiceType
    number: str
    currency: str
    account: str
    buyer: Party
    issued_on: date
    previous_balance: Decimal
    payments_amount: Decimal
    adjustments_amount: Decimal
    opening_balance: Decimal
    invoice_amount: Decimal
    tax_amount: Decimal
    total_due: Decimal
    due_on: date | None = None
    period_from: date | None = None
    period_to: date | None = None
    customer_number: str = ""
    site_id: str = ""
    supply_address: str = ""
    credits_number: str = ""
    groups: list[ChargeGroup] = []
    taxes: list[TaxTotal] = []
    charts: list[UsageChart] = []
    payment_reference: str = ""
    payment_methods: list[PaymentMethod] | None = None
    direct_debit_on: date | None = None
    notes: list[Note] = []
    site_label: str = ""
    replaces_numbers: list[str] = []
    overdue_amount: Decimal = Decimal(0)


class Movement(msgspec.Struct, frozen=True):
    """A movement of an account: an amount above nothing is owed, one below was paid."""

    on: date
    description: str
    amount: Decimal
    reference: str = ""


class StatementPaper(msgspec.Struct, frozen=True, tag_field="paper", tag="STATEMENT"):
    """The movements of an account between two days; the balance runs from `opening_balance`.

    `overdue_amount` is what of the closing balance was due before the last day.
    """

    number: str
    currency: str
    account: str
    buyer: Party
    issued_on: date
    period_from: date
    period_to: date
    opening_balance: Decimal
    closing_balance: Decimal
    movements: list[Movement]
    customer_number: str = ""
    due_on: date | None = None
    payment_reference: str = ""
    payment_methods: list[PaymentMethod] | None = None
    notes: list[Note] = []
    overdue_amount: Decimal = Decimal(0)


class Applied(msgspec.Struct, frozen=True):
    """What of a payment went where, such as to an invoice."""

    description: str
    amount: Decimal


class ReceiptPaper(msgspec.Struct, frozen=True, tag_field="paper", tag="RECEIPT"):
    """What was received; `applied` sums to the amount. `balance` is what is owed after it."""

    number: str
    currency: str
    account: str
    buyer: Party
    issued_on: date
    received_on: date
    amount: Decimal
    method: str
    applied: list[Applied]
    balance: Decimal
    customer_number: str = ""
    reference: str = ""
    notes: list[Note] = []


Paper = InvoicePaper | StatementPaper | ReceiptPaper


class BrandTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a portal's papers bear: who sells, how they are reached and paid, and the look.

    `colour` is #rrggbb, `locale` a CLDR locale such as en_AU, which says the language and how
    numbers and dates are written. `tax_label` names the tax number, `tax_name` the tax. `mail_text`
    begins an e-mail that brings a paper, and may hold what ways to pay may.
    """

    name: Name
    tax_label: Name = ""
    tax_number: Name = ""
    tax_name: Name = ""
    address: Annotated[list[Name], msgspec.Meta(max_length=6)] = []
    contacts: Annotated[list[Detail], msgspec.Meta(max_length=6)] = []
    colour: str = "#1f4e79"
    locale: str = "en"
    paper_size: PaperSize = PaperSize.A4
    payment_methods: Annotated[list[PaymentMethod], msgspec.Meta(max_length=6)] = []
    texts: Annotated[list[Note], msgspec.Meta(max_length=12)] = []
    mail_text: Text = ""


class Brand(msgspec.Struct, frozen=True):
    """A brand as papers are rendered with it; `logo_type` is blank where there is no logo."""

    terms: BrandTerms
    logo_type: str = ""
    logo: bytes = b""


class BrandRow(msgspec.Struct, frozen=True):
    """A version of a portal's brand."""

    brand_version: int
    terms: str
    logo_type: str
    logo: bytes


class ShownBrand(msgspec.Struct, frozen=True):
    """The brand of a portal's papers, its version, and what logo it has."""

    brand_version: int
    terms: BrandTerms
    logo_type: str
    logo_bytes: int


class SetLogo(msgspec.Struct, frozen=True):
    """The logo of a portal's papers, PNG or SVG; none takes it away."""

    upload: Upload | None


class FreezePapers(msgspec.Struct, frozen=True):
    """Papers to freeze, with the account of each."""

    account_ids: list[int]
    papers: Sequence[Paper]


class DocumentNamed(msgspec.Struct, frozen=True):
    """The number of a document, and its kind where numbers of several kinds meet."""

    number: str
    kind: DocumentKind | None = None


class DocumentRow(msgspec.Struct, frozen=True):
    """A frozen document, with its PDF where it was rendered."""

    document_id: int
    kind: str
    number: str
    account: str
    template_version: int
    brand_version: int
    snapshot: str
    sha256: str | None
    pdf: bytes | None


class DocumentPdf(msgspec.Struct, frozen=True):
    """A document as PDF, with its SHA-256."""

    kind: DocumentKind
    number: str
    account: str
    sha256: str
    pdf: bytes


class DueRow(msgspec.Struct, frozen=True):
    """A document that is not rendered yet."""

    document_id: int
    template_version: int
    brand_version: int
    snapshot: str


class RenderingDone(msgspec.Struct, frozen=True):
    """How many documents were rendered, and how many could not be."""

    rendered: int
    failed: int


class BrandUnnamed(Invalid, constraint="brand_named"):
    """A brand has the name of who sells. Nothing was changed."""


class ColourUnknown(Invalid):
    """A colour is written #rrggbb. Nothing was changed."""


class LocaleUnknown(Invalid):
    """The locale is not one of the CLDR, such as en_AU or de. Nothing was changed."""


class LogoUnfit(Invalid, constraint="logo_sized"):
    """A logo is a PNG or SVG image of at most 262144 bytes. Nothing was changed."""


class PaperUnsound(Invalid):
    """The amounts of a paper do not add up. Nothing was issued."""


class DocumentTaken(Conflict, constraint="document_number_taken"):
    """There is a document of this kind and number. Nothing was issued."""


class NoSuchDocument(NotFound):
    """There is no such document."""


class DocumentAmbiguous(Conflict):
    """Documents of several kinds have this number. Nothing was done; name the kind."""


class DocumentUnrenderable(Conflict):
    """The document cannot be rendered. Nothing was done."""
