"""The shapes of cashier batches: commands, rows, and what is refused."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import msgspec

from currant.errors import Conflict, Forbidden, Invalid, Kind, NotFound, Refusal


class BatchState(StrEnum):
    """Where a batch is in its life."""

    OPEN = "open"
    CLOSED = "closed"
    APPROVED = "approved"


class Count(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was counted of each kind of tender, in the portal's currency, by its name.

    A kind of which nothing was taken may be left out.
    """

    counted: Annotated[dict[str, Decimal], msgspec.Meta(max_length=20)]
    note: str = ""


class CloseBatch(msgspec.Struct, frozen=True):
    """Close a batch with a count of it: by its number, or the open one of a login."""

    counted: dict[str, Decimal]
    note: str = ""
    batch_id: int | None = None
    login: str | None = None


class Approval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What whoever approves a batch remarks."""

    note: str = ""


class ApproveBatch(msgspec.Struct, frozen=True):
    """Approve a batch that is closed, by its number."""

    batch_id: int
    note: str = ""


class BatchNamed(msgspec.Struct, frozen=True):
    """Which batch, by its number."""

    batch_id: int


class BatchesWanted(msgspec.Struct, frozen=True):
    """Which batches, below which number, how many at most: a cashier's, those in a state."""

    before: int
    how_many: int
    login: str | None = None
    state: BatchState | None = None


class HeldBatch(msgspec.Struct, frozen=True):
    """A batch that nobody else closes or approves until the transaction ends."""

    batch_id: int
    login: str
    closed_at: datetime | None
    closed_by: str | None
    approved_by: str | None


class Taken(msgspec.Struct, frozen=True):
    """What was taken of a kind of tender: how many, how many given back, and what is left."""

    tender: str
    tenders: int
    given_back: int
    amount: Decimal


class BatchRow(msgspec.Struct, frozen=True):
    """A stored batch, with what was taken in all."""

    batch_id: int
    login: str
    state: str
    opened_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    note: str
    entry_id: int | None
    approved_at: datetime | None
    approved_by: str | None
    approval_note: str
    tenders: int
    given_back: int
    taken: Decimal
    counted: Decimal | None


class CountRow(msgspec.Struct, frozen=True):
    """What was counted of a kind of tender in a batch."""

    batch_id: int
    tender: str
    tenders: int
    given_back: int
    expected: Decimal
    counted: Decimal


class CurrentRow(msgspec.Struct, frozen=True):
    """What a user has taken in the batch that is open, if one is; the limit in minor units."""

    batch_id: int | None
    opened_at: datetime | None
    tenders: int
    given_back: int
    taken: Decimal
    vending_limit: int | None


class CurrentBatch(msgspec.Struct, frozen=True):
    """What the caller has taken since the last count; without a batch until the first tender.

    `left` is what the vending limit leaves; both are null where there is none.
    """

    batch_id: int | None
    opened_at: datetime | None
    currency: str
    tenders: int
    given_back: int
    taken: Decimal
    vending_limit: Decimal | None
    left: Decimal | None


class Counted(msgspec.Struct, frozen=True):
    """What was counted of a kind of tender; the difference is positive where it is over."""

    tender: str
    tenders: int
    given_back: int
    expected: Decimal
    counted: Decimal
    difference: Decimal


class Batch(msgspec.Struct, frozen=True):
    """A cashier's batch: what was taken in all and, once it is closed, what was counted.

    What is expected of each kind of tender is not told before. `transaction_id` is the ledger
    entry that posted what was over or short, null where nothing was.
    """

    batch_id: int
    login: str
    state: BatchState
    currency: str
    opened_at: datetime
    tenders: int
    given_back: int
    taken: Decimal
    closed_at: datetime | None
    closed_by: str | None
    note: str
    counts: list[Counted]
    counted: Decimal | None
    difference: Decimal | None
    transaction_id: int | None
    approved_at: datetime | None
    approved_by: str | None
    approval_note: str


class BatchFault(msgspec.Struct, frozen=True):
    """A batch that is at odds with itself or with the books."""

    portal: str
    batch_id: int
    detail: str


class VendingLimitReached(Refusal, kind=Kind.FORBIDDEN, constraint="vending_limit_kept"):
    """The vending limit would be passed. Nothing was charged; close the batch first."""


class BatchOpenedMeanwhile(Conflict, constraint="one_open_batch"):
    """The user has an open batch. Nothing was done; try again."""


class ApprovedByAnother(Forbidden, constraint="batch_approved_by_another"):
    """A batch is approved by neither its cashier nor who closed it. Nothing was approved."""


class NoSuchBatch(NotFound):
    """There is no such batch in this portal."""


class NothingTaken(NotFound):
    """There is no open batch; the first tender opens one."""


class TenderNotCounted(Invalid):
    """Some of what was taken is not counted."""


class BatchClosed(Conflict):
    """The batch is closed already."""


class BatchStillOpen(Conflict):
    """A batch is closed with a count before it is approved."""


class BatchApproved(Conflict):
    """The batch is approved already."""
