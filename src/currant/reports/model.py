"""The shapes of what is asked across the domains."""

from datetime import date, datetime
from decimal import Decimal

import msgspec

from currant.errors import NotFound


class JournalsWanted(msgspec.Struct, frozen=True):
    """The journals of the months from `first` to `last`, both their first days.

    Maybe of one building, and of the lines only `how_many` beyond the first `beyond`.
    """

    first: date
    last: date
    building_code: str | None = None
    how_many: int | None = None
    beyond: int = 0


class JournalTotal(msgspec.Struct, frozen=True):
    """What journals debit and credit a chart account, and by how many lines."""

    gl_code: str
    gl_description: str
    currency: str
    debit: Decimal
    credit: Decimal
    line_count: int


class JournalSummary(msgspec.Struct, frozen=True):
    """All journals in sum: debits equal credits. They are final where every month is closed."""

    total_debit: Decimal
    total_credit: Decimal
    line_count: int
    closed: bool


class LeftOpen(msgspec.Struct, frozen=True):
    """What waits for somebody when a month is closed, and how many there are of it."""

    what: str
    how_many: int


class MonthClosed(msgspec.Struct, frozen=True):
    """A month as it was closed, and what was left open in it."""

    month: date
    closed_at: datetime
    closed_by: str
    left_open: list[LeftOpen]


class NoticesWanted(msgspec.Struct, frozen=True):
    """Which messages: below an id, how many, and what all of them have in common.

    `first_at` and `until` bound when they were queued.
    """

    before: int
    how_many: int | None
    channel: str | None = None
    status: str | None = None
    account: str | None = None
    first_at: datetime | None = None
    until: datetime | None = None


class NoticeLogged(msgspec.Struct, frozen=True):
    """A message and what became of it, with the account and the building that it concerns."""

    message_id: int
    channel: str
    account_number: str | None
    account_name: str | None
    site_code: str | None
    site_name: str | None
    recipient: str
    from_address: str
    subject: str
    message_content: str
    document_number: str | None
    amount: Decimal | None
    status: str
    queued_at: datetime
    sent_at: datetime | None
    tries: int
    trouble: str


class ReportWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which report, over what; what is left out is all.

    `party` is the customer's name or a part of it, `customer` its key with the utility. `site` is
    the market's identifier of a supply or the code of a building, `network_node` the latter. Days
    are inclusive; `trans_date` says that they are those on the papers, not those of posting.
    """

    report_id: int
    party: str | None = None
    customer: str | None = None
    account: str | None = None
    site: str | None = None
    start_date: date | None = None
    end_date: date | None = None
    trans_date: bool | None = None
    network_node: str | None = None


class FilterShown(msgspec.Struct, frozen=True):
    """A filter of a report: its type, its default, and the values that it takes, if they are few.

    The type is DATE, STRING, YN or LOOKUP.
    """

    filter: str
    type: str
    mandatory: bool
    default: str | None
    values: list[str] | None


class ReportShown(msgspec.Struct, frozen=True):
    """A report of the catalogue; `permitted` says whether who asks may run it.

    A column YYYYMM stands for one of each month.
    """

    report_id: int
    report_code: str
    report_name: str
    report_group: str
    description: str
    permitted: bool
    filters: list[FilterShown]
    columns: list[str]


class Scope(msgspec.Struct, frozen=True):
    """Whose facts a report tells: of which accounts, building and site; null is all."""

    account_ids: list[int] | None
    building_code: str | None
    site_key: str | None


class Named(msgspec.Struct, frozen=True):
    """What the filters of a report name, as far as it is there."""

    account_ids: list[int]
    building_code: str | None
    site_building_code: str | None
    site_key: str | None


_HEADINGS = {
    "account": "Account Number",
    "account_number": "account_number",
    "billed_to_date": "Billed to Date",
    "consumption_or_days": "Billed Consumption/ Days",
    "cust_account_id": "cust_account_id",
    "days_30": "1-30 Days",
    "days_60": "31-60 Days",
    "days_90": "61-90 Days",
    "gl_code": "GL Code",
    "gl_description": "GL Description",
    "gst": "GST",
    "older": "Over 90 Days",
    "plan_id": "Plan ID",
}


def _heading(member: str) -> str:
    return _HEADINGS.get(member) or member.replace("_", " ").title()


class ReportRow(msgspec.Struct, frozen=True, rename=_heading):
    """A row of a report; its members are written as the columns of the report are named.

    `site_code` and `site_name` are of the building, `site_identifier` is of the supply. Money is
    in major units, quantities in the unit of the register.
    """


class ChargeRow(ReportRow, frozen=True):
    """A one-off charge; what is given rather than taken is negative."""

    account_name: str
    approved: str
    approved_date: date | None
    approved_user: str
    charge_amount: Decimal
    charge_date: date
    invoice_date: date | None
    invoice_description: str
    invoice_number: str
    invoice_run: int | None
    notes: str
    sales_cust_number: str
    site_code: str
    site_identifier: str
    site_name: str
    account_number: str
    cust_account_id: int | None


class ConsumptionRow(ReportRow, frozen=True):
    """A line of an invoice that prices what was supplied; those of a credit note are negative."""

    network: str
    site_code: str
    site_name: str
    site_identifier: str
    price_plan_code: str
    price_plan_description: str
    product_type: str
    site_type: str
    site_address: str
    meter_serial: str
    register: int | None
    account_number: str
    account_name: str
    billed_to_date: date | None
    start_date: date
    end_date: date
    units: str
    billed_description: str
    consumption_or_days: Decimal
    billed_rate: Decimal
    billed_amount: Decimal
    gst: Decimal
    billed_total: Decimal
    billed_discount: Decimal
    invoice_number: str
    invoice_date: date


class InvoiceAudited(ReportRow, frozen=True):
    """A posted invoice with the balances around it; `start_date` is the agreement's."""

    ref: str
    account_number: str
    sales_cust_number: str
    cust_account_id: int | None
    account_name: str
    customer_type: str
    product: str
    site_code: str
    site_name: str
    start_date: date | None
    previous_balance: Decimal
    adjustment_total: Decimal
    receipt_total: Decimal
    opening_balance: Decimal
    invoice_amount: Decimal
    total_due: Decimal
    gst: Decimal
    tax_rate: Decimal
    invoice_date: date
    posted_date: date
    due_date: date
    paid: str
    amount_paid: Decimal
    reversal: str
    prompt_payment_discount: Decimal
    paid_promptly: str
    plan_id: str


class ReceiptAudited(ReportRow, frozen=True):
    """A receipt; one in suspense is of account 999999."""

    ref: int
    account_number: str
    sales_cust_number: str
    cust_account_id: int | None
    account_name: str
    product: str
    site_code: str
    site_name: str
    amount: Decimal
    posted_date: date
    receipt_date: date
    start_date: date | None
    customer_type: str
    batch_no: int
    batch_type: str
    batch_name: str
    reference: str
    dishonour_type: str


class SmsLogged(ReportRow, frozen=True):
    """A text message."""

    account: str
    account_name: str
    site_code: str
    site_name: str
    phone_number: str
    message_content: str
    status: str
    sent_date: date | None


class EmailLogged(ReportRow, frozen=True):
    """An e-mail; `email_amount` is what the paper that it brought is about."""

    account: str
    account_name: str
    site_code: str
    site_name: str
    from_address: str
    recipients: str
    subject: str
    status: str
    sent_date: date | None
    email_amount: Decimal | None


class AdjustmentAudited(ReportRow, frozen=True):
    """An adjustment, tax in it: a debit is positive, a credit negative."""

    ref: int
    account_number: str
    sales_cust_number: str
    cust_account_id: int | None
    account_name: str
    customer_type: str
    product: str
    site_code: str
    site_name: str
    site_identifier: str
    reason_code: str
    reason: str
    debit_credit: str
    amount: Decimal
    gst: Decimal
    adjustment_date: date
    posted_date: date | None
    accounting_period: str
    entered_user: str
    approved_user: str
    status: str
    notes: str


class NormalisedRow(ReportRow, frozen=True):
    """What a register measured for an agreement in whole months, which stand beside this.

    `max_read` is the last read of the register while the account was supplied in these months.
    """

    site_code: str
    site_name: str
    site_identifier: str
    product_type: str
    meter_serial: str
    register: int
    units: str
    account_number: str
    sales_cust_number: str
    account_name: str
    cust_account_id: int
    max_read: Decimal | None
    max_read_date: date | None


class ReadErrorRow(ReportRow, frozen=True):
    """Days of interval data that could not be placed, by reason (conformance.md 8.3)."""

    error_code: str
    site_identifier: str
    site_code: str
    site_name: str
    account_number: str
    account_name: str
    meter_serial: str
    data_stream: str
    units: str
    start_date: date
    end_date: date
    days: int
    file_name: str
    line: int
    loaded_date: date


class AgedRow(ReportRow, frozen=True):
    """What an account owed, by how long it had been due; its balance is that less its credit."""

    account_number: str
    sales_cust_number: str
    account_name: str
    customer_type: str
    site_code: str
    site_name: str
    not_due: Decimal
    days_30: Decimal
    days_60: Decimal
    days_90: Decimal
    older: Decimal
    credit: Decimal
    balance: Decimal


class GateRow(ReportRow, frozen=True):
    """What passed a gate meter and what those behind it measured, in kWh.

    The difference is what is lost, not metered or not read; in percent of what passed the gate.
    """

    site_code: str
    site_name: str
    gate_identifier: str
    gate_consumption: Decimal
    gate_days: int
    sites: int
    sites_consumption: Decimal
    difference: Decimal
    difference_percent: Decimal | None
    unread_sites: str


class TrialRow(ReportRow, frozen=True):
    """What stood on a chart account, what moved it, and what stands: a debit is positive."""

    gl_code: str
    gl_description: str
    opening_balance: Decimal
    debit: Decimal
    credit: Decimal
    closing_balance: Decimal


class SupplyNamed(msgspec.Struct, frozen=True):
    """An agreement, as the rows of a report name it."""

    agreement_id: int
    account: str
    contract: str
    account_name: str
    building_code: str
    building_name: str


class ReadNamed(msgspec.Struct, frozen=True):
    """The last read of a register in a span of time."""

    n: int
    value: int
    read_at: datetime
    sub_type: str


class GateNamed(msgspec.Struct, frozen=True):
    """The building of a gate."""

    loc_id: str
    building_code: str
    building_name: str


class NoSuchReport(NotFound):
    """There is no such report. Ask for the list of them."""
