"""The shapes of receivables: commands, rows, and what is refused."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import msgspec

from currant.customers.adjustments import AccountRecord
from currant.errors import Conflict, Invalid, Kind, NotFound, Refusal
from currant.upload import Upload

Zoned = Annotated[datetime, msgspec.Meta(tz=True)]


class PaidBy(StrEnum):
    """What lowers an arrears."""

    PAYMENT = "payment"
    WRITEOFF = "writeoff"


class ImportArrears(msgspec.Struct, frozen=True):
    """A CSV file of arrears, with the chart accounts to debit and credit (J12).

    Where `foreign_keys`, an account may also be named by its key with the utility.
    """

    debit: str
    credit: str
    foreign_keys: bool
    upload: Upload


class ArrearsRecord(AccountRecord, frozen=True):
    """A sound record of that file; `pay_plan` is percent.

    In a file of adjustments (J30) a negative amount is owed, a positive one is not.
    """

    start_at: datetime | None
    amount: Decimal
    paid: Decimal
    pay_plan: Decimal


class NewArrears(msgspec.Struct, frozen=True):
    """An arrears to issue: who owes how much, what of it is paid, and its plan in percent."""

    account_id: int
    amount: Decimal
    paid: Decimal
    pay_plan: Decimal
    start_at: datetime | None


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


class OwedWanted(msgspec.Struct, frozen=True):
    """Which page of the accounts that owe arrears; none is everything."""

    how_many: int | None = None
    skip: int = 0


class Owed(msgspec.Struct, frozen=True):
    """What an account owes on all its arrears."""

    account: str
    amount: Decimal


class ArrearsOfType(msgspec.Struct, frozen=True):
    """Whose arrears: all that stand for a COA, a page of accounts or everyone's.

    `details` asks for what was paid on each.
    """

    coa: str
    details: bool = False
    how_many: int | None = None
    skip: int = 0


class ArrearsOfAccount(msgspec.Struct, frozen=True):
    """Whose arrears: all of an account; `details` asks for what was paid on each."""

    account: str
    details: bool = False


class ArrearsRow(msgspec.Struct, frozen=True):
    """A stored arrears; what was paid on it stands in four lists that run in step."""

    account: str
    item_id: int
    type_name: str
    type_coa: str
    pay_plan: Decimal
    issued_at: datetime
    start_at: datetime | None
    amount: Decimal
    outstanding: Decimal
    paid_ats: list[datetime] | None
    entry_ids: list[int] | None
    kinds: list[str] | None
    amounts: list[Decimal] | None


class ArrearsPayment(msgspec.Struct, frozen=True):
    """What an entry of the ledger paid or wrote off of an arrears."""

    transaction_id: int
    type: PaidBy
    amount: Decimal
    created_at: datetime


class Arrears(msgspec.Struct, frozen=True):
    """What an account owes from before, and what was paid of it.

    `pay_plan` is the percentage of each tender that recovers it, from `start_at` on or at once.
    `paid_amount` is the sum of the payments, write-offs among them, where they are told.
    """

    arrears_id: int
    account: str
    arrears_type: str
    coa: str
    pay_plan: Decimal
    issued_at: datetime
    start_at: datetime | None
    amount: Decimal
    paid_amount: Decimal
    outstanding_amount: Decimal
    payments: list[ArrearsPayment]

    @classmethod
    def of(cls, row: ArrearsRow) -> "Arrears":
        """Return a stored arrears with its payments as rows."""
        columns = (row.entry_ids, row.kinds, row.amounts, row.paid_ats)
        paid = zip(*(column or () for column in columns), strict=True)
        return cls(
            row.item_id,
            row.account,
            row.type_name,
            row.type_coa,
            row.pay_plan,
            row.issued_at,
            row.start_at,
            row.amount,
            row.amount - row.outstanding,
            row.outstanding,
            [
                ArrearsPayment(entry_id, PaidBy(kind), amount, at)
                for entry_id, kind, amount, at in paid
            ],
        )


class AccountArrears(msgspec.Struct, frozen=True):
    """The arrears of an account, the newest first, with the portal's zone and currency."""

    timezone: str
    currency: str
    arrears: list[Arrears]


class HeldItem(msgspec.Struct, frozen=True):
    """An open item that is locked, with what is owed on it."""

    item_id: int
    kind: str
    account_id: int
    account: str
    outstanding: Decimal
    receivable_coa: str
    taken_back: bool


class WriteOffItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An arrears to write off: an amount of it, or all that is still owed."""

    arrears_id: int
    amount: Decimal | None = None


class WriteOff(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Write arrears and other open items off, with the reason that the books keep."""

    items: Annotated[list[WriteOffItem], msgspec.Meta(max_length=1000)]
    note: str


class WrittenOffRow(msgspec.Struct, frozen=True):
    """The entry that wrote an item off, and what is still owed on it."""

    item_id: int
    entry_id: int
    outstanding: Decimal


class WrittenOff(msgspec.Struct, frozen=True):
    """What was written off of an arrears, by which entry, and what is still owed on it."""

    arrears_id: int
    account: str
    transaction_id: int
    amount: Decimal
    outstanding_amount: Decimal


class PlanChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What changes of how an arrears is recovered; what is left out stays as it is.

    `pay_plan` is the percentage of each tender, `start` the instant from which it is taken: at
    once where it is null.
    """

    pay_plan: Decimal | msgspec.UnsetType = msgspec.UNSET
    start: Zoned | msgspec.UnsetType | None = msgspec.UNSET


class ChangePlan(msgspec.Struct, frozen=True):
    """Change how an arrears is recovered."""

    arrears_id: int
    change: PlanChange


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


class ArrearsFault(msgspec.Struct, frozen=True):
    """An open item, a credit or an account that is at odds with its allocations or the books."""

    portal: str
    account: str
    detail: str


class CreateArrearsType(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new arrears type of the portal, for the COA that is credited when it is issued."""

    name: str
    coa: str
    description: str = ""
    selectable: bool = True


class RetireArrearsType(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The name of an arrears type of the portal's own that is issued no more."""

    name: str


class TypeTerms(msgspec.Struct, frozen=True):
    """The class of the COA of a new type, none where there is no such COA, and if it has a name."""

    coa_class: str | None
    named_before: bool


class NoSuchArrears(NotFound):
    """There is no such arrears in this portal."""


class ArrearsTakenBack(Refusal, kind=Kind.GONE):
    """The arrears was taken back when its entry was reversed."""


class ArrearsSettled(Conflict):
    """Less is owed on an arrears than would be written off."""


class NoSuchCoa(NotFound):
    """The chart of accounts has no such COA."""


class NoSuchArrearsType(NotFound):
    """The portal has no such arrears type of its own. Nothing was done."""


class ArrearsTypeTaken(Conflict, constraint="arrears_type_taken"):
    """The portal knows an arrears type of this name. Nothing was created."""


class ArrearsTypeCoaTaken(Conflict, constraint="arrears_type_coa_taken"):
    """An arrears type of the portal's own has this COA. Nothing was created; retire it first."""


class ArrearsTypeUnnamed(Invalid, constraint="arrears_type_named"):
    """An arrears type has a name. Nothing was created."""


class ArrearsTypeOffChart(Invalid, constraint="arrears_type_in_chart"):
    """The COA of an arrears type is in the chart of accounts. Nothing was created."""


class ItemNotPositive(Invalid, constraint="item_positive"):
    """What is owed is more than nothing. Nothing was issued."""


class PayPlanImplausible(Invalid, constraint="pay_plan_percent"):
    """A pay plan is more than 0 and at most 100 percent. Nothing was done."""


class AllocatedBeyondItem(Conflict, constraint="allocated_within_item"):
    """Less is owed on an arrears than would be allocated to it. Nothing was done; look again."""


class CreditNotPositive(Invalid, constraint="credit_positive"):
    """What an account is credited with is more than nothing. Nothing was credited."""


class AllocatedBeyondCredit(Conflict, constraint="allocated_within_credit"):
    """Less is left of a credit than would be allocated of it. Nothing was done; look again."""


class AllocationGivenBack(Conflict, constraint="allocation_given_back_once"):
    """What the entry paid was given back already. Nothing was done."""


class ArrearsPaidSince(Conflict, constraint="arrears_paid_since"):
    """The arrears was paid or written off since. Nothing was reversed; reverse that first."""
