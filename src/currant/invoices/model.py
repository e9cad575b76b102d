"""The shapes of invoices: commands, rows, and what is refused."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from currant.errors import Conflict, Invalid, NotFound


class InvoiceStatus(StrEnum):
    """What became of a posted invoice so far."""

    POSTED = "POSTED"
    PART_PAID = "PART_PAID"
    PAID = "PAID"
    REVERSED = "REVERSED"


class CancelInvoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which invoice is cancelled, and why."""

    number: str
    reason: str


class InvoiceCancelled(msgspec.Struct, frozen=True):
    """The credit note that cancelled an invoice; its days can be billed again."""

    number: str
    credit_note: str
    amount: Decimal


class BilledElsewhere(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An agreement whose days up to one were billed elsewhere, as before a migration."""

    agreement_id: int
    through: date


class InvoiceNamed(msgspec.Struct, frozen=True):
    """Which invoice."""

    number: str


class InvoicesWanted(msgspec.Struct, frozen=True):
    """Which posted invoices: of an account, a building, a span of days, a status.

    `by_posting` takes the days to be those of posting, else those on the invoices. Days are
    inclusive. A page is `how_many` (none: all) beyond `skip` others, or beyond the invoice with the
    internal id `beyond`.
    """

    account: str | None = None
    building_code: str | None = None
    number: str | None = None
    start_on: date | None = None
    end_on: date | None = None
    by_posting: bool = False
    status: str | None = None
    lines: bool = False
    how_many: int | None = None
    skip: int = 0
    beyond: int | None = None


class BilledUsageWanted(msgspec.Struct, frozen=True):
    """Whose use, at which site and of which products, that bills tell of days between two."""

    account: str
    location_id: int
    products: tuple[str, ...]
    first: date
    last: date


class BilledUsage(msgspec.Struct, frozen=True):
    """What a bill tells of a product's use, in thousandths of the unit, and what it cost."""

    invoice_id: int
    number: str
    product_type: str
    from_on: date
    to_on: date
    unit: str
    quantity: int
    exported: int
    net: Decimal
    tax: Decimal


class InvoiceRow(msgspec.Struct, frozen=True):
    """A posted invoice with the balances around it.

    previous_balance + adjustment_total + receipt_total + total is what was due when it was posted.
    `status` is POSTED, PART_PAID, PAID or REVERSED.
    """

    invoice_id: int
    number: str
    kind: str
    account: str
    contract: str
    account_name: str
    customer_type: str
    building_code: str | None
    building_name: str | None
    invoice_on: date
    posted_at: datetime
    due_on: date
    from_on: date
    to_on: date
    previous_balance: Decimal
    adjustment_total: Decimal
    receipt_total: Decimal
    tax_rounding: str
    net: Decimal
    tax: Decimal
    total: Decimal
    amount_paid: Decimal
    status: str
    reversal_of: str | None
    reason: str


class Explanation(msgspec.Struct, frozen=True, omit_defaults=True):
    """What led to the amount of a line; numbers are kept as text, so that none loses a digit.

    `block_from` and `block_to` bound the block, `share_days` of `share_of` is the part of a month
    that the rate is for, `unrounded` the exact product, `tax_rate` a fraction. `price_with_tax` is
    the price that was agreed where it includes the tax; the line's rate is without.
    """

    tier: str = ""
    block_from: Decimal | None = None
    block_to: Decimal | None = None
    share_days: int = 1
    share_of: int = 1
    unrounded: Decimal | None = None
    rounding: str = ""
    tax_rate: Decimal = Decimal(0)
    price_with_tax: Decimal | None = None


_EXPLAINED = msgspec.json.Decoder(Explanation)


def explained(text: str) -> Explanation:
    """Read an explanation as it is stored."""
    return _EXPLAINED.decode(text)


class LineRow(msgspec.Struct, frozen=True):
    """A line of an invoice; `explanation` is what led to its amount, as JSON."""

    invoice_id: int
    line_no: int
    agreement_id: int | None
    site_identifier: str | None
    serial_number: str | None
    register_no: int | None
    product_type: str
    line_type: str
    description: str
    from_on: date
    to_on: date
    previous_value: int | None
    current_value: int | None
    read_basis: str | None
    quantity: Decimal
    unit: str
    rate: Decimal
    loss_factor: Decimal | None
    net: Decimal
    tax: Decimal
    tax_code: str
    coa: str
    plan: str | None
    explanation: str

    @property
    def why(self) -> Explanation:
        """What led to the amount."""
        return explained(self.explanation)


class MeasuredRow(msgspec.Struct, frozen=True):
    """What a register of an invoice measured, in whole thousandths of its unit."""

    invoice_id: int
    position: int
    agreement_id: int
    serial_number: str
    register_no: int
    meter_type_code: str
    unit: str
    from_on: date
    to_on: date
    previous_value: int | None
    current_value: int | None
    basis: str
    multiplier: Decimal
    quantity: int
    export: bool
    loss_factor: Decimal | None
    previous_estimated: bool
    current_estimated: bool


class Invoice(msgspec.Struct, frozen=True):
    """An invoice with its lines and what it measured, where these were asked for."""

    head: InvoiceRow
    lines: list[LineRow] = []
    measured: list[MeasuredRow] = []


class HeldInvoice(msgspec.Struct, frozen=True):
    """An invoice before it is cancelled."""

    invoice_id: int
    kind: str
    total: Decimal
    account: str


class PaperHead(msgspec.Struct, frozen=True):
    """What a paper tells once: the invoice, the customer and the supply."""

    invoice_id: int
    kind: str
    number: str
    invoice_on: date
    due_on: date
    from_on: date
    to_on: date
    previous_balance: Decimal
    adjustment_total: Decimal
    receipt_total: Decimal
    tax_rounding: str
    tax: Decimal
    total: Decimal
    reversal_of: str | None
    reason: str
    account_id: int
    account: str
    contract: str
    name: str
    address_1: str
    address_2: str
    city: str
    state: str
    postal_code: str
    site_identifier: str | None
    supply_address: str
    debited: bool
    email_1: str
    invoice_delivery_class: str
    life_support: bool
    overdue: Decimal
    replaces: list[str]


class PaperLine(msgspec.Struct, frozen=True):
    """A line of an invoice as its paper prints it."""

    invoice_id: int
    agreement_id: int | None
    product_type: str
    description: str
    from_on: date
    to_on: date
    quantity: Decimal
    unit: str
    rate: Decimal
    loss_factor: Decimal | None
    net: Decimal
    tax: Decimal
    explanation: str


class UsageOfMonth(msgspec.Struct, frozen=True):
    """What an agreement used in a month as billed, in thousandths of the unit."""

    invoice_id: int
    agreement_id: int
    month: date
    unit: str
    quantity: Decimal


class Printed(msgspec.Struct, frozen=True):
    """All that the paper of an invoice is put together of."""

    head: PaperHead
    lines: list[PaperLine]
    measured: list[MeasuredRow]
    history: list[UsageOfMonth]


class NoSuchInvoice(NotFound):
    """There is no such invoice in this portal."""


class AccountDrafted(Conflict, constraint="account_drafted_once"):
    """The account has a draft in another bill run. Nothing was drafted; settle that one."""


class BilledTwice(Conflict, constraint="days_billed_once"):
    """Days of the agreement are billed already. Nothing was billed."""


class CoveredDaysEmpty(Invalid, constraint="covered_days"):
    """Days that are billed are at least one. Nothing was billed."""


class InvoiceReversedBefore(Conflict, constraint="invoice_reversed_once"):
    """The invoice is cancelled already. Nothing was done."""


class CreditNotCancelled(Conflict, constraint="credit_reverses"):
    """A credit note is not cancelled; bill the days again. Nothing was done."""


class InvoiceNumberTaken(Conflict, constraint="invoice_number_taken"):
    """Another invoice has this number. Nothing was posted."""


class InvoiceOff(Conflict, constraint="invoice_adds_up"):
    """The lines of the invoice are not its total. Nothing was posted."""


class InvoicePostedHalf(Conflict, constraint="posted_whole"):
    """An invoice is posted with number, dates and balances. Nothing was posted."""


class HeldNotPosted(Conflict, constraint="held_is_not_posted"):
    """The draft is held. Nothing was posted; release it first."""


class InvoiceKindUnknown(Invalid, constraint="invoice_kind_known"):
    """An invoice is NORMAL, FINAL, CREDIT or MANUAL. Nothing was stored."""


class LineTypeUnknown(Invalid, constraint="line_type_known"):
    """The type of a line is not one of the catalogue. Nothing was stored."""


class PeriodBackwards(Invalid, constraint="period_runs_forward"):
    """A period ends no earlier than it begins. Nothing was stored."""


class NoInvoiceOfPart(Conflict, constraint="part_of_invoice"):
    """Lines and days are of an invoice and an agreement that there are. Nothing was stored."""
