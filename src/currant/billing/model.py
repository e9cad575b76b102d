"""The shapes of billing: commands, facts, rows, and what is refused."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from currant.errors import Conflict, Invalid, NotFound


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a portal bills.

    `tax_rounding` is LINE or INVOICE, both lawful; `outlier_percent` of the usual a day makes a
    bill an outlier; a register's last read may be `read_tolerance_days` before a run's end.
    """

    tax_rounding: str = "LINE"
    due_days: int = 14
    reopen_months: int = 9
    outlier_percent: int = 300
    read_tolerance_days: int = 10


class StartRun(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bill the days up to `through`: of a cycle, a building, an account, or of all.

    Invoices are dated `invoice_on` (today) and due `due_on` (by the portal's policy). `reopen`
    cancels invoices that later reads changed, within the portal's window, and bills their days
    again.
    """

    through: date
    cycle_code: str | None = None
    building_code: str | None = None
    account: str | None = None
    invoice_on: date | None = None
    due_on: date | None = None
    reopen: bool = False


class RunNamed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which run."""

    run_id: int


class RunChunk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The next so many accounts of a run."""

    run_id: int
    how_many: int = 1000


class ChunkDone(msgspec.Struct, frozen=True):
    """How many accounts a chunk took, how many invoices came of it, and whether there are more."""

    accounts: int
    invoices: int
    more: bool


class Run(msgspec.Struct, frozen=True):
    """A bill run and what it comes to; money is of its invoices, credit notes left out."""

    run_id: int
    status: str
    through: date
    invoice_on: date
    due_on: date
    cycle_code: str | None
    building_code: str | None
    account: str | None
    login: str
    started_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    posted_at: datetime | None
    accounts: int
    invoices: int
    held: int
    posted: int
    exceptions: int
    net: Decimal
    tax: Decimal
    total: Decimal


class RunsWanted(msgspec.Struct, frozen=True):
    """Which runs: below an id, the newest first."""

    before: int = 2**62
    how_many: int = 50


class RunRow(msgspec.Struct, frozen=True):
    """A run as its acts need it, locked."""

    run_id: int
    status: str
    through: date
    invoice_on: date
    due_on: date
    cycle_code: str | None
    building_id: int | None
    account_id: int | None
    login: str
    drafted_to: int


class BillException(msgspec.Struct, frozen=True):
    """What a run found remarkable."""

    exception_id: int
    account: str
    agreement_id: int | None
    invoice_id: int | None
    kind: str
    detail: str


class DraftsNamed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which drafts of a run, by their accounts; none named: all."""

    run_id: int
    accounts: list[str] = []


class HoldDrafts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which drafts of a run are not posted with it, and why."""

    run_id: int
    accounts: list[str]
    reason: str


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
    inclusive. A page is `how_many` (none: all) beyond `skip` others.
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
    net: Decimal
    tax: Decimal
    total: Decimal
    amount_paid: Decimal
    status: str
    reversal_of: str | None
    reason: str
    lines: list["LineRow"]


class LineRow(msgspec.Struct, frozen=True):
    """A line of an invoice; `explanation` is what led to its amount."""

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
    explanation: dict[str, Any]


class DueDays(msgspec.Struct, frozen=True):
    """Days of an agreement that no invoice covers yet: from the first to the last, inclusive."""

    account_id: int
    agreement_id: int
    location_id: int | None
    building_id: int | None
    product_type: str
    timezone: str
    from_on: date
    to_on: date
    ends: bool
    usual_wh: Decimal | None
    loss_factor: Decimal | None
    offering_id: int | None


class MeteredRow(msgspec.Struct, frozen=True):
    """A register that measured for an agreement's due days, while its meter hung there."""

    agreement_id: int
    due_from: date
    meter_id: int
    register_id: int
    serial_number: str
    register_no: int
    metering_type: str
    meter_type_code: str
    direction: str
    unit: str
    dials: int
    hung_from: datetime
    hung_to: datetime | None


class ReadRow(msgspec.Struct, frozen=True, gc=False):
    """A read that counts, of a register."""

    register_id: int
    read_at: datetime
    value: int
    multiplier: Decimal
    estimated: bool


class AssignedRow(msgspec.Struct, frozen=True):
    """Which tariff prices a meter, or an agreement without one, from when to when."""

    meter_id: int | None
    agreement_id: int | None
    tariff_id: int
    start_at: datetime
    end_at: datetime | None


class ChargeRow(msgspec.Struct, frozen=True):
    """An approved charge that waits for an invoice; money is signed, a credit's negative."""

    account_id: int
    charge_id: int
    agreement_id: int | None
    location_id: int | None
    charge_on: date
    net: Decimal
    tax: Decimal
    tax_code: str
    coa: str
    ar_coa: str
    description: str


class LineItemRow(msgspec.Struct, frozen=True):
    """A line of a service without a meter, with the tax rate of the first day that is due."""

    agreement_id: int
    line_item_id: int
    description: str
    quantity: Decimal
    unit_price: Decimal
    price_includes_tax: bool
    frequency: str
    credit: bool
    tax_code: str
    coa: str
    ar_coa: str
    begins_on: date
    tax_rate: Decimal


class NoSuchRun(NotFound):
    """There is no such bill run in this portal."""


class NoSuchInvoice(NotFound):
    """There is no such invoice in this portal."""


class RunNotReady(Conflict):
    """The bill run is not in a state for this. Nothing was done."""


class AccountDrafted(Conflict, constraint="account_drafted_once"):
    """The account has a draft in another bill run. Nothing was drafted; post or discard that one."""


class ApprovedByTheSame(Conflict, constraint="approved_by_another"):
    """A bill run is approved by somebody else than who started it. Nothing was approved."""


class NotDraftedYet(Conflict, constraint="drafted_to_approve"):
    """The bill run is not drafted to its end. Nothing was approved."""


class NotApprovedYet(Conflict, constraint="approved_to_post"):
    """The bill run is not approved. Nothing was posted."""


class PostedIsKept(Conflict, constraint="posted_is_kept"):
    """What is posted is not discarded. Nothing was discarded."""


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


class RunInTime(Invalid, constraint="run_in_time"):
    """A bill run goes through a day. Nothing was started."""


class RunDueBeforeIssue(Invalid, constraint="run_due_after_issue"):
    """Invoices are due no earlier than they are dated. Nothing was started."""


class TaxRoundingUnknown(Invalid, constraint="tax_rounding_known"):
    """Tax is rounded by LINE or by INVOICE. Nothing was changed."""


class DueDaysImplausible(Invalid, constraint="due_days_plausible"):
    """Invoices are due in 0 to 90 days. Nothing was changed."""


class ReopenMonthsImplausible(Invalid, constraint="reopen_months_plausible"):
    """Late reads reopen 0 to 24 months. Nothing was changed."""


class OutlierImplausible(Invalid, constraint="outlier_plausible"):
    """A bill is an outlier from 101 to 10000 percent of the usual. Nothing was changed."""


class ToleranceImplausible(Invalid, constraint="read_tolerance_plausible"):
    """A last read may be 0 to 90 days old. Nothing was changed."""
