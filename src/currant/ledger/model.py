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


class AlreadyReversed(Conflict, constraint="entry_reversed_once"):
    """The entry is reversed already. Nothing was posted."""


class NoReversalOfReversal(Conflict):
    """A reversal cannot be reversed. Nothing was posted."""


class NoSuchEntry(NotFound):
    """There is no such entry in this portal."""
