"""The shapes of the ledger: rows, commands, and what is refused."""

from datetime import date, datetime
from decimal import Decimal

import msgspec

from currant.errors import Conflict, Invalid, NotFound


class Posting(msgspec.Struct, frozen=True):
    """A line of an entry: debit positive, in its commodity (a currency, or Wh)."""

    entry_id: int
    line: int
    coa: str
    name: str
    commodity: str
    amount: Decimal


class Entry(msgspec.Struct, frozen=True):
    """The head of an entry."""

    entry_id: int
    kind: str
    event_at: datetime
    recorded_at: datetime
    month: date
    login: str
    vendor_number: str
    amount: Decimal
    arrears_amount: Decimal
    energy_wh: int
    note: str
    reverses: int | None
    reversed_by: int | None


class EntryWithPostings(msgspec.Struct, frozen=True):
    """An entry and all its lines."""

    entry: Entry
    postings: list[Posting]


class EntriesOf(msgspec.Struct, frozen=True):
    """Which account's entries (its internal id), below which entry id, how many at most."""

    account_id: int
    before: int
    how_many: int


class BalanceRow(msgspec.Struct, frozen=True):
    """A line of a trial balance: what stands on a chart account in one commodity."""

    coa: str
    name: str
    commodity: str
    debit: Decimal
    credit: Decimal


class BalancesOf(msgspec.Struct, frozen=True):
    """The trial balance of a portal, or of one customer account of it (its internal id)."""

    account_id: int | None = None


class CloseMonth(msgspec.Struct, frozen=True):
    """Close a month, given by its first day."""

    month: date


class ReopenMonth(msgspec.Struct, frozen=True):
    """Open the last closed month again, given by its first day, and say why."""

    month: date
    note: str


class MonthToClose(msgspec.Struct, frozen=True):
    """Whether a month is over, and the first open one with entries before it."""

    over: bool
    open_before: date | None


class Period(msgspec.Struct, frozen=True):
    """A month of the books; an open one was closed by nobody."""

    month: date
    closed_at: datetime | None
    closed_by: str | None


class ChartAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An account of the chart: its number, its name, and what it is.

    The category is one of asset, liability, income, expense, equity, and energy, which is counted
    in Wh on numbers that begin with U.
    """

    coa: str
    name: str
    category: str


class RenameChartAccount(msgspec.Struct, frozen=True):
    """Name an account of the chart anew."""

    coa: str
    name: str


class JournalLine(msgspec.Struct, frozen=True):
    """A line of a month's journals: one side of it is zero.

    `journal_id` and `line_no` are its entry and line, `accounting_period` is `YYYYMM`. The account
    is the one that the line concerns or, where it concerns none, the entry; `gst_code` is GST,
    FREE, or blank where nothing is told.
    """

    journal_id: int
    line_no: int
    journal_date: date
    accounting_period: str
    source: str
    document_ref: str
    account_number: str | None
    building_code: str | None
    gl_code: str
    gl_description: str
    currency: str
    debit: Decimal
    credit: Decimal
    gst_code: str
    narration: str


class LedgerFault(msgspec.Struct, frozen=True):
    """Something wrong with the books."""

    portal: str
    what: str
    entry_id: int | None
    detail: str


class EntryOff(Conflict, constraint="entry_balances"):
    """The entry does not sum to zero in every commodity. Nothing was posted."""


class EntryAddedTo(Conflict, constraint="entry_arrives_whole"):
    """An entry's lines arrive with it; later ones are refused. Nothing was posted."""


class NoChartAccount(Invalid, constraint="chart_account_exists"):
    """The chart of accounts has no such account for this commodity. Nothing was posted."""


class MonthClosed(Conflict, constraint="month_is_open"):
    """The month is closed. Nothing was posted."""


class MonthClosedBefore(Conflict, constraint="period_pkey"):
    """The month is closed already. Nothing was done."""


class MonthUnfinished(Conflict):
    """Only a finished month can be closed, and only after every month before it."""


class NotLastClosed(Conflict):
    """Only the last month that is closed can be opened again. Nothing was done."""


class ChartAccountTaken(Conflict, constraint="chart_account_taken"):
    """The chart of accounts has this number already. Nothing was stored."""


class ChartNumberShape(Invalid, constraint="coa_shape"):
    """A chart account's number is 3 to 6 digits, perhaps after a letter. Nothing was stored."""


class ChartAccountUnnamed(Invalid, constraint="chart_account_named"):
    """A chart account has a name of 1 to 100 printable characters. Nothing was stored."""


class ChartClassUnknown(Invalid, constraint="chart_class_known"):
    """It is one of asset, liability, income, expense, equity, energy. Nothing was stored."""


class EnergyCountedApart(Invalid, constraint="energy_counted_apart"):
    """Numbers of chart accounts that count energy begin with U, no others. Nothing was stored."""


class NoSuchChartAccount(NotFound):
    """The chart of accounts has no such number. Nothing was changed."""


class AlreadyReversed(Conflict, constraint="entry_reversed_once"):
    """The entry is reversed already. Nothing was posted."""


class NoReversalOfReversal(Conflict):
    """A reversal cannot be reversed. Nothing was posted."""


class NoSuchEntry(NotFound):
    """There is no such entry in this portal."""
