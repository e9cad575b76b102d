"""The shapes of debtors: questions, rows and what is told of an account."""

from datetime import date
from decimal import Decimal
from enum import StrEnum

import msgspec

from currant.documents.model import DocumentKind
from currant.errors import Conflict


class MovementType(StrEnum):
    """What moved the receivable of an account."""

    INVOICE = "INVOICE"
    RECEIPT = "RECEIPT"
    ADJUSTMENT = "ADJUSTMENT"
    REVERSAL = "REVERSAL"
    ARREARS = "ARREARS"
    PAYMENT = "PAYMENT"
    WRITEOFF = "WRITEOFF"


class MovementStatus(StrEnum):
    """Whether what moved it is settled: nothing of it allocated, a part, all; or undone."""

    OPEN = "OPEN"
    PART = "PART"
    CLOSED = "CLOSED"
    REVERSED = "REVERSED"


class HistoryWanted(msgspec.Struct, frozen=True):
    """Whose history, over which days; None is no bound.

    Without `reversed` it is told as if what was reversed had never been.
    """

    account: str
    first: date | None = None
    last: date | None = None
    reversed: bool = True


class MovementRow(msgspec.Struct, frozen=True):
    """An entry that moved a receivable, with what is told of it; allocations in step."""

    entry_id: int
    kind: str
    moved_on: date
    posted_on: date
    debit: Decimal
    credit: Decimal
    balance: Decimal
    reverses: int | None
    reversed_by: int | None
    note: str
    tender_number: int
    tender_name: str
    number: str
    due_on: date | None
    issued: Decimal | None
    outstanding: Decimal | None
    credited: Decimal | None
    unallocated: Decimal | None
    reference: str
    batch_type: str
    reason: str
    reason_description: str
    type_name: str
    entry_ids: list[int] | None
    amounts: list[Decimal] | None
    item_id: int | None


class Allocated(msgspec.Struct, frozen=True):
    """How much stands allocated between this transaction and another."""

    transaction_id: int
    amount: Decimal


class Movement(msgspec.Struct, frozen=True):
    """What moved the receivable of an account: a debit is owed, a credit pays.

    `moved_on` is the day it happened, `posted_on` the one on which it was recorded; `balance` is
    what the account owed after it. `due_on` and `number` are an invoice's; `reverses` and
    `reversed_by` name the other of a pair. `item_id` is the open item of which something is owed
    still: what an adjustment may name to be paid first.
    """

    transaction_id: int
    type: MovementType
    moved_on: date
    posted_on: date
    reference: str
    description: str
    debit: Decimal
    credit: Decimal
    amount: Decimal
    balance: Decimal
    number: str
    due_on: date | None
    status: MovementStatus
    reverses: int | None
    reversed_by: int | None
    allocations: list[Allocated]
    item_id: int | None = None


class HistorySums(msgspec.Struct, frozen=True):
    """What an account owed before, and what moved it since."""

    opening: Decimal
    debit: Decimal
    credit: Decimal


class History(msgspec.Struct, frozen=True):
    """The history of an account: `opening` + `debit` - `credit` = `closing`."""

    account: str
    contract: str
    name: str
    type_code: str
    currency: str
    opening: Decimal
    debit: Decimal
    credit: Decimal
    closing: Decimal
    movements: list[Movement]


class Debtor(msgspec.Struct, frozen=True):
    """An account with its customer and where the papers for it go."""

    account: str
    contract: str
    name: str
    type_code: str
    building_code: str
    building_name: str
    site_identifier: str
    site_name: str
    address_1: str
    address_2: str
    city: str
    state: str
    postal_code: str
    email: str


class BalancesOfAccounts(msgspec.Struct, frozen=True):
    """Whose balances: those of some accounts, or a page of everyone's."""

    accounts: list[str] | None = None
    how_many: int | None = None
    skip: int = 0


class AccountBalance(msgspec.Struct, frozen=True):
    """What an account owes and has: `outstanding` with its `arrears`, less its `credit`.

    `overdue` is what was due before today, arrears apart. `bond` is held of it as security.
    """

    account: str
    name: str
    outstanding: Decimal
    arrears: Decimal
    overdue: Decimal
    credit: Decimal
    balance: Decimal
    bond: Decimal


class AgedWanted(msgspec.Struct, frozen=True):
    """Which accounts' debts, at the end of which day; None is today, and all of them."""

    as_of: date | None = None
    building_code: str | None = None
    how_many: int | None = None
    skip: int = 0


class Aged(msgspec.Struct, frozen=True):
    """What an account owed at the end of a day, by how long it had been due.

    Its credit was taken from what was due first; what is left of that is `credit`.
    """

    account: str
    contract: str
    name: str
    type_code: str
    building_code: str
    building_name: str
    not_due: Decimal
    days_30: Decimal
    days_60: Decimal
    days_90: Decimal
    older: Decimal
    credit: Decimal
    balance: Decimal


class Portfolio(msgspec.Struct, frozen=True):
    """What all accounts owed at the end of a day, by how long it had been due."""

    debtors: int
    creditors: int
    not_due: Decimal
    days_30: Decimal
    days_60: Decimal
    days_90: Decimal
    older: Decimal
    credit: Decimal
    balance: Decimal


class StatementWanted(msgspec.Struct, frozen=True):
    """Whose statement, from which day to which."""

    account: str
    first: date
    last: date


class Statement(msgspec.Struct, frozen=True):
    """A statement of an account: who and where, what moved it, and what is owed by its end."""

    debtor: Debtor
    currency: str
    first: date
    last: date
    history: History
    aged: Aged | None


class PaidItem(msgspec.Struct, frozen=True):
    """What a transaction that was paid issued: an invoice, or arrears of a type."""

    entry_id: int
    kind: str
    number: str
    type_name: str


class Undone(msgspec.Struct, frozen=True):
    """What an entry undid: the kind of entry, and what the customer knows of it."""

    entry_id: int
    kind: str
    dishonoured: bool
    credit_note: str
    words: str


class Issued(msgspec.Struct, frozen=True):
    """A paper that was issued: its number, under which its PDF is found."""

    kind: DocumentKind
    number: str
    account: str


class NothingReceived(Conflict):
    """The receipt is of nobody: it waits in suspense. Nothing was issued; transfer it first."""
