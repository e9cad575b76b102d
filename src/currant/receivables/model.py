"""The shapes of receivables: commands, rows, and what is refused."""

from datetime import datetime
from decimal import Decimal

import msgspec

from currant.customers.adjustments import AccountRecord
from currant.errors import Conflict, Invalid
from currant.upload import Upload


class ImportArrears(msgspec.Struct, frozen=True):
    """A CSV file of arrears, with the chart accounts to debit and credit (J12).

    Where `foreign_keys`, an account may also be named by its key with the utility.
    """

    debit: str
    credit: str
    foreign_keys: bool
    upload: Upload


class ArrearsRecord(AccountRecord, frozen=True):
    """A sound record of that file; `pay_plan` is percent."""

    start_at: datetime | None
    amount: Decimal
    paid: Decimal
    pay_plan: Decimal


class ImportTerms(msgspec.Struct, frozen=True):
    """The arrears type that the credit account means, and the class of the account to debit."""

    type_name: str | None
    debit_class: str | None


class ArrearsIssued(msgspec.Struct, frozen=True):
    """An arrears: the account's number, and the whole amount."""

    account: str
    amount: Decimal


class ArrearsImported(msgspec.Struct, frozen=True):
    """The arrears of a file in its order, and what the entrance warns of."""

    currency: str
    arrears: list[ArrearsIssued]
    header_repaired: bool
    nonstandard_offset: bool


class ArrearsTypesWanted(msgspec.Struct, frozen=True):
    """Which page of the arrears types; none is everything."""

    how_many: int | None = None
    skip: int = 0


class ArrearsType(msgspec.Struct, frozen=True):
    """A type of arrears; `portal` is % where every portal has it."""

    portal: str
    name: str
    description: str
    coa: str
    last_mod: datetime
    selectable: bool


class ArrearsTypes(msgspec.Struct, frozen=True):
    """The types of a portal, and its zone."""

    timezone: str
    types: list[ArrearsType]


class ArrearsTypeTaken(Conflict, constraint="arrears_type_taken"):
    """An arrears type of this name exists. Nothing was created."""


class ItemNotPositive(Invalid, constraint="item_positive"):
    """What is owed is more than nothing. Nothing was issued."""


class PayPlanImplausible(Invalid, constraint="pay_plan_percent"):
    """A pay plan is more than 0 and at most 100 percent. Nothing was issued."""


class AllocatedBeyondItem(Conflict, constraint="allocated_within_item"):
    """More would be allocated to an item than is owed on it, or taken back. Nothing was done."""
