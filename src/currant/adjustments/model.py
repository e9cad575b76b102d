"""The shapes of adjustments: commands, rows, and what is refused."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import msgspec

from currant.errors import Conflict, Forbidden, Invalid, NotFound


class Way(StrEnum):
    """Whether an adjustment debits or credits the account."""

    DEBIT = "D"
    CREDIT = "C"


class Status(StrEnum):
    """How far an adjustment has come."""

    PENDING = "PENDING"
    POSTED = "POSTED"
    REJECTED = "REJECTED"
    REVERSED = "REVERSED"


class Reason(msgspec.Struct, frozen=True):
    """Why an account is adjusted: which way, whether tax is in it, the COA on the other side."""

    code: str
    description: str
    debit_credit: Way
    taxed: bool
    coa: str
    last_mod: datetime


class ReasonRow(msgspec.Struct, frozen=True):
    """A stored reason."""

    code: str
    description: str
    debit_credit: str
    taxed: bool
    coa: str
    last_mod: datetime


class CreateReason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new reason of the portal; `coa` is the chart account on its other side."""

    code: str
    description: str
    debit_credit: Way
    coa: str
    taxed: bool = False


class RetireReason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The code of a reason that nothing is adjusted for any more."""

    code: str


class NewAdjustment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An adjustment to enter: its amount is positive with the tax in it.

    `agreement_id` is the service that it is about, `item_id` the open item that a credit pays
    first, where they are told.
    """

    account: str
    reason: str
    adjusted_on: date
    amount: Decimal
    notes: str = ""
    agreement_id: int | None = None
    item_id: int | None = None


class EnterAdjustments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Adjustments to enter, all of them or none."""

    adjustments: Annotated[list[NewAdjustment], msgspec.Meta(max_length=10_000)]


class DecideAdjustments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which pending adjustments are approved or rejected, and what there is to say about it."""

    adjustment_ids: Annotated[list[int], msgspec.Meta(max_length=10_000)]
    note: str = ""


class AdjustmentsWanted(msgspec.Struct, frozen=True):
    """Which adjustments: of days, by their own date or else by when they were posted.

    By the day of posting those that are not posted are left out. None is no bound.
    """

    first: date | None = None
    last: date | None = None
    by_own_date: bool = False
    building_code: str | None = None
    account: str | None = None
    status: Status | None = None
    how_many: int | None = None
    skip: int = 0


class AdjustmentNamed(msgspec.Struct, frozen=True):
    """Which adjustment."""

    adjustment_id: int


class AdjustmentRow(msgspec.Struct, frozen=True):
    """A stored adjustment with its account, and the site that it is about."""

    adjustment_id: int
    account: str
    contract: str
    name: str
    type_code: str
    building_code: str
    building_name: str
    site_identifier: str
    site_name: str
    agreement_id: int | None
    product_type: str | None
    item_id: int | None
    reason: str
    description: str
    debit_credit: str
    amount: Decimal
    tax: Decimal
    adjusted_on: date
    notes: str
    status: str
    entered_at: datetime
    entered_by: str
    decided_at: datetime | None
    decided_by: str | None
    decision_note: str
    transaction_id: int | None
    posted_on: date | None
    month: date | None
    balance: Decimal


class Adjustment(msgspec.Struct, frozen=True):
    """An adjustment: its amount is positive with the tax in it, `debit_credit` says which way.

    `agreement_id` and `product_type` are those of the service that it is about, the site and
    building that one's or else the account's. `posted_on` and `month`, the first day of the month
    of the books, are null until it is posted. `balance` is what the account owes now, below zero
    where it has more to its credit.
    """

    adjustment_id: int
    account: str
    contract: str
    name: str
    type_code: str
    building_code: str
    building_name: str
    site_identifier: str
    site_name: str
    agreement_id: int | None
    product_type: str | None
    item_id: int | None
    reason: str
    description: str
    debit_credit: Way
    amount: Decimal
    tax: Decimal
    adjusted_on: date
    notes: str
    status: Status
    entered_at: datetime
    entered_by: str
    decided_at: datetime | None
    decided_by: str | None
    decision_note: str
    transaction_id: int | None
    posted_on: date | None
    month: date | None
    balance: Decimal

    @classmethod
    def of(cls, row: AdjustmentRow) -> "Adjustment":
        """Return a stored adjustment with its words."""
        return cls(
            **msgspec.structs.asdict(row)
            | {"debit_credit": Way(row.debit_credit), "status": Status(row.status)}
        )


class AdjustmentFacts(msgspec.Struct, frozen=True):
    """What a new adjustment is judged by, by its number in the command; null is not there."""

    n: int
    account_id: int | None
    reason_id: int | None
    debit_credit: str | None
    taxed: bool | None
    tax_rate: Decimal
    agreement_known: bool
    item_known: bool


class HeldAdjustment(msgspec.Struct, frozen=True):
    """An adjustment that is locked."""

    adjustment_id: int
    account: str
    amount: Decimal
    status: str
    entered_by: str


class NoSuchReason(NotFound):
    """The portal has no such reason of adjustments."""


class NoSuchAdjustment(NotFound):
    """There is no such adjustment in this portal."""


class AdjustmentDecided(Conflict):
    """The adjustment was approved or rejected before."""


class ReasonTaken(Conflict, constraint="reason_taken"):
    """The portal has a reason of this code. Nothing was created; retire it first."""


class ReasonCodeMisshapen(Invalid, constraint="reason_code_shape"):
    """A reason's code is capital letters, digits and underscores. Nothing was created."""


class ReasonUndescribed(Invalid, constraint="reason_described"):
    """A reason has a description. Nothing was created."""


class ReasonOffChart(Invalid, constraint="reason_in_chart"):
    """The COA of a reason is in the chart of accounts. Nothing was created."""


class AdjustmentNotPositive(Invalid, constraint="adjustment_positive"):
    """An adjustment is of more than nothing. Nothing was entered."""


class ApprovedByItsAuthor(Forbidden, constraint="adjustment_approved_by_another"):
    """Somebody else approves an adjustment than who entered it. Nothing was posted."""
