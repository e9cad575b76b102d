"""The shapes of receipts: commands, rows, and what is refused."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import msgspec

from currant.errors import Conflict, Invalid, NotFound
from currant.upload import Upload


class BatchType(StrEnum):
    """How the money of a batch came."""

    CHEQUE = "CHEQUE"
    DIRECT = "DIRECT"
    CASH = "CASH"
    EFT = "EFT"
    CRDCARD = "CRDCARD"
    WEB = "WEB"
    DRECTDEBIT = "DRECTDEBIT"


class ReceiptStatus(StrEnum):
    """Whether a receipt stands."""

    POSTED = "POSTED"
    DISHONOURED = "DISHONOURED"
    REVERSED = "REVERSED"


class NewReceipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Money that was received for an account; one that nobody knows puts it into suspense.

    `to_wallet`: what the account does not owe fills its currency wallet.
    """

    batch_type: BatchType
    account: str
    received_on: date
    amount: Decimal
    reference: str = ""
    batch_name: str = ""
    to_wallet: bool = False


class PostReceipts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Receipts to post, all of them or none; those of a type and name are a batch."""

    receipts: Annotated[list[NewReceipt], msgspec.Meta(max_length=100_000)]


class ImportReceipts(msgspec.Struct, frozen=True):
    """A CSV file of receipts that came in one way, which are a batch of this name."""

    batch_type: BatchType
    batch_name: str
    upload: Upload


class KnownAccount(msgspec.Struct, frozen=True):
    """An account that receipts name, and whether it has a currency wallet."""

    account: str
    account_id: int
    has_wallet: bool


class ReceiptsWanted(msgspec.Struct, frozen=True):
    """Which receipts: of days, by when the money came or else by when they were posted.

    `suspense` asks for those that wait in suspense, or those that do not. None is no bound.
    """

    first: date | None = None
    last: date | None = None
    by_own_date: bool = False
    building_code: str | None = None
    account: str | None = None
    batch_type: BatchType | None = None
    suspense: bool | None = None
    how_many: int | None = None
    skip: int = 0


class ReceiptNamed(msgspec.Struct, frozen=True):
    """Which receipt."""

    receipt_id: int


class ReceiptRow(msgspec.Struct, frozen=True):
    """A stored receipt; what it paid stands in two lists that run in step."""

    receipt_id: int
    batch_no: int
    batch_type: str
    batch_name: str
    account: str | None
    contract: str | None
    name: str | None
    type_code: str | None
    building_code: str
    building_name: str
    received_on: date
    posted_on: date
    posted_at: datetime
    month: date
    login: str
    amount: Decimal
    wallet_amount: Decimal
    allocated: Decimal
    unallocated: Decimal
    reference: str
    status: str
    dishonour_type: str
    adjustment_id: int | None
    suspense: bool
    told: str
    transaction_id: int
    transfer_id: int | None
    paid_entries: list[int] | None
    paid_amounts: list[Decimal] | None
    balance: Decimal | None


class Paid(msgspec.Struct, frozen=True):
    """What of a receipt went to what a transaction posted."""

    transaction_id: int
    amount: Decimal


class Receipt(msgspec.Struct, frozen=True):
    """A receipt: its account, or in suspense what was `told` of it, and what became of the money.

    `amount` is `allocated` to what the account owes, `unallocated` to its credit, or went to its
    wallet; `allocations` tell the first. `transaction_id` posted it, `transfer_id` transferred it
    from suspense. `adjustment_id` is the fee of a dishonour. `month` is the first day of the month
    of the books. `balance` is what the account owes now, below zero where it has more to its
    credit, and null in suspense.
    """

    receipt_id: int
    batch_no: int
    batch_type: BatchType
    batch_name: str
    account: str | None
    contract: str | None
    name: str | None
    type_code: str | None
    building_code: str
    building_name: str
    received_on: date
    posted_on: date
    posted_at: datetime
    month: date
    login: str
    amount: Decimal
    wallet_amount: Decimal
    allocated: Decimal
    unallocated: Decimal
    reference: str
    status: ReceiptStatus
    dishonour_type: str
    adjustment_id: int | None
    suspense: bool
    told: str
    transaction_id: int
    transfer_id: int | None
    allocations: list[Paid]
    balance: Decimal | None

    @classmethod
    def of(cls, row: ReceiptRow) -> "Receipt":
        """Return a stored receipt with what it paid as rows."""
        told = msgspec.structs.asdict(row)
        paid = zip(told.pop("paid_entries") or (), told.pop("paid_amounts") or (), strict=True)
        return cls(
            **told
            | {
                "batch_type": BatchType(row.batch_type),
                "status": ReceiptStatus(row.status),
                "allocations": [Paid(*one) for one in paid],
            }
        )


class Transfer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A receipt in suspense, and the account that it was meant for."""

    receipt_id: int
    account: str


class TransferReceipts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Receipts to transfer from suspense, all of them or none."""

    transfers: Annotated[list[Transfer], msgspec.Meta(max_length=10_000)]


class HeldReceipt(msgspec.Struct, frozen=True):
    """A receipt that came into suspense, locked there."""

    receipt_id: int
    status: str
    transferred: bool


class UndoReceipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A receipt to reverse or to put back into suspense, and why."""

    receipt_id: int
    note: str


class DishonourReceipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A receipt whose money did not come: what the bank calls it, and a fee to charge for it."""

    receipt_id: int
    dishonour_type: str
    note: str = ""
    fee: Decimal | None = None


class RefundCredit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Pay back what an account has to its credit: an amount of it, or all."""

    account: str
    note: str
    amount: Decimal | None = None
    batch_type: BatchType = BatchType.EFT


class Refunded(msgspec.Struct, frozen=True):
    """What was refunded by which entry, and what the account owes now."""

    transaction_id: int
    account: str
    amount: Decimal
    balance: Decimal


class RefundRow(msgspec.Struct, frozen=True):
    """The entry of a refund, and its amount."""

    entry_id: int
    amount: Decimal


class TakeBond(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Take a bond for an account."""

    account: str
    batch_type: BatchType
    amount: Decimal
    note: str = ""


class ReleaseBond(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Release a bond, an amount of it or all: to what the account owes, the rest to the customer.

    Without `refund` only what the account owes is taken of it.
    """

    account: str
    note: str
    amount: Decimal | None = None
    refund: bool = True
    batch_type: BatchType = BatchType.EFT


class BondReleaseRow(msgspec.Struct, frozen=True):
    """What of a bond was applied to debt and what was refunded, by which entries."""

    applied: Decimal
    applied_entry: int | None
    refunded: Decimal
    refunded_entry: int | None


class BondMoved(msgspec.Struct, frozen=True):
    """What was done with a bond, what is held of it now, and what the account owes.

    Each act has the transaction that posted it, null where there was nothing to post.
    """

    account: str
    held: Decimal
    balance: Decimal
    taken: Decimal = Decimal(0)
    applied: Decimal = Decimal(0)
    refunded: Decimal = Decimal(0)
    taken_by: int | None = None
    applied_by: int | None = None
    refunded_by: int | None = None


class BondNamed(msgspec.Struct, frozen=True):
    """Whose bond."""

    account: str


class BondShown(msgspec.Struct, frozen=True):
    """What is held of an account as a bond, and what the account owes."""

    account: str
    held: Decimal
    balance: Decimal


class NoSuchReceipt(NotFound):
    """There is no such receipt in this portal."""


class NotInSuspense(Conflict):
    """The receipt does not wait in suspense."""


class ReceiptUndone(Conflict):
    """The receipt was dishonoured or reversed."""


class NoWalletToFill(Invalid):
    """The account has no currency wallet that the rest could go to."""


class ReceiptNotPositive(Invalid, constraint="receipt_positive"):
    """A receipt is of more than nothing. Nothing was posted."""


class ReceiptBatchOpened(Conflict, constraint="receipt_batch_named"):
    """A batch of this type and name was opened today. Nothing was done."""


class RefundBeyondCredit(Conflict, constraint="refund_within_credit"):
    """The account has less to its credit than would be refunded. Nothing was refunded."""


class BondTooSmall(Conflict, constraint="bond_held"):
    """Less is held of the account as a bond. Nothing was done."""
