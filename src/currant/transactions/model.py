"""The shapes of transactions: commands, rows, and what is refused."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import msgspec

from currant.errors import Conflict, NotFound
from currant.upload import Upload


class Window(msgspec.Struct, frozen=True):
    """The instants from one to before another, and which page of what lies there: all of it."""

    first_at: datetime
    before: datetime
    how_many: int | None = None
    beyond: int = 0


class Transaction(msgspec.Struct, frozen=True):
    """A ledger entry as statements print it; `account` and the like are `unassigned` without."""

    vendor_number: str
    login: str
    account: str
    contract: str
    customer_name: str
    serial_number: str
    entry_id: int
    kind: str
    recorded_at: datetime
    arrears_amount: Decimal
    amount: Decimal
    energy_wh: int
    tender_number: int
    tender_name: str


class AdjustAccounts(msgspec.Struct, frozen=True):
    """A CSV file of amounts that accounts are credited with, or owe where negative (J30)."""

    upload: Upload


class AccountAdjusted(msgspec.Struct, frozen=True):
    """What became of a record: a credit, or below zero an arrears with its item and start."""

    account: str
    amount: Decimal
    item_id: int | None = None
    start_at: datetime | None = None


class AccountsAdjusted(msgspec.Struct, frozen=True):
    """The records of a file in its order, the type of their arrears, and what to warn of."""

    currency: str
    timezone: str
    arrears_type: str
    rows: list[AccountAdjusted]
    header_repaired: bool
    nonstandard_offset: bool


class ReverseTransaction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Undo a transaction, by its number and for a reason that the books keep (J31)."""

    transaction_id: int
    note: str


class Reversible(msgspec.Struct, frozen=True):
    """An entry as a reversal needs to know it; `told_kind` is what clients know it as."""

    entry_id: int
    kind: str
    told_kind: str
    recorded_at: datetime
    account: str | None
    account_id: int | None
    amount: Decimal
    arrears_amount: Decimal
    energy_wh: int
    reverses: int | None
    reversed: bool


class Mirrored(msgspec.Struct, frozen=True):
    """The entry of a reversal, the wallet that it moved, and whether its batch gave the tender."""

    entry_id: int
    balance: Decimal | None
    given_back: bool | None


class TransactionReversed(msgspec.Struct, frozen=True):
    """A reversal: its own number, what it undid, and what it left behind.

    `amount` is the whole tender of a sale or payment, otherwise what was adjusted. `below_zero`
    says that the wallet now holds less than nothing. `given_back` says whether the tender left the
    batch that it was taken in; where that was closed before it did not, null where none was taken.
    """

    transaction_id: int
    reverses: int
    account: str
    kind: str
    currency: str
    timezone: str
    amount: Decimal
    recorded_at: datetime
    below_zero: bool
    given_back: bool | None


class PayArrears(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Pay what an account owes with a tender, the oldest first or only the items named."""

    account: str
    tender: str
    amount: Decimal
    arrears_ids: Annotated[list[int], msgspec.Meta(max_length=1000)] | None = None
    tender_number: int = 0
    tender_name: str = ""
    note: str = ""


class OwedItem(msgspec.Struct, frozen=True):
    """An open item that can be paid."""

    item_id: int
    type_name: str
    receivable_coa: str
    outstanding: Decimal
    start_at: datetime | None

    @property
    def age(self) -> tuple[bool, datetime | None, int]:
        """What puts the oldest first; one that never began is older than all."""
        return self.start_at is not None, self.start_at, self.item_id


class ItemPaid(msgspec.Struct, frozen=True):
    """What of a payment went to an item, and what is still owed on it."""

    arrears_id: int
    arrears_type: str
    amount: Decimal
    outstanding: Decimal


class ArrearsPaid(msgspec.Struct, frozen=True):
    """A payment of arrears and how it was shared out; `transaction_id` is its number.

    What is outstanding is told as it was right after the payment: on each item, and on all of the
    account, which only the answer of the payment itself knows.
    """

    transaction_id: int
    account: str
    customer_name: str
    tender: str
    currency: str
    amount: Decimal
    items: list[ItemPaid]
    outstanding: Decimal | None
    login: str
    paid_at: datetime
    reversed: bool


class PaymentNamed(msgspec.Struct, frozen=True):
    """Which payment of arrears, by the number of its receipt."""

    number: int


class PaymentRow(msgspec.Struct, frozen=True):
    """A stored payment of arrears."""

    account: str
    customer_name: str
    tender: str
    amount: Decimal
    login: str
    paid_at: datetime
    reversed: bool


class NoSuchPayment(NotFound):
    """There is no such payment of arrears in this portal."""


class NotReversible(Conflict):
    """Transactions of this kind are not reversed. Nothing was posted."""


class NotOwed(Conflict):
    """More would be paid than is owed. Nothing was taken; sell the rest as energy."""
