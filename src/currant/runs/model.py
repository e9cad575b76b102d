"""The shapes of bill runs: commands, rows, and what is refused."""

from datetime import date, datetime
from decimal import Decimal

import msgspec

from currant.errors import Conflict, Invalid, NotFound
from currant.invoices.model import LineRow, MeasuredRow

RUN_STATES = ("DRAFTING", "DRAFTED", "APPROVED", "POSTED", "DISCARDED")
MOST_AT_ONCE = 10_000


class StartRun(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bill the days up to `through`: of a cycle, a building, an account, or of all.

    Invoices are dated `invoice_on` (today) and due `due_on` (by the portal's policy). `reopen`
    bills anew what later reads changed, and what was billed of days after an agreement's end, by
    other meters than hung there or by another plan than is assigned, within the portal's window:
    the draft replaces those invoices, which are cancelled when it is posted.
    """

    through: date
    cycle_code: str | None = None
    building_code: str | None = None
    account: str | None = None
    invoice_on: date | None = None
    due_on: date | None = None
    reopen: bool = False


class RunNamed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which run."""

    run_id: int


class RunChunk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The next so many accounts of a run, up to `MOST_AT_ONCE`."""

    run_id: int
    how_many: int = 1000


class ChunkDone(msgspec.Struct, frozen=True):
    """How many accounts a chunk took, how many invoices came of it, and whether there are more.

    None were taken and there are more where other hands have them: ask again in a moment.
    """

    accounts: int
    invoices: int
    more: bool


class Run(msgspec.Struct, frozen=True):
    """A bill run and what it comes to; money is of its invoices, credit notes left out.

    One that is tried only, to be taken back, has no number: its `run_id` is 0.
    """

    run_id: int
    status: str
    through: date
    invoice_on: date
    due_on: date
    cycle_code: str | None
    building_code: str | None
    account: str | None
    login: str
    started_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    posted_at: datetime | None
    accounts: int
    invoices: int
    held: int
    posted: int
    exceptions: int
    net: Decimal
    tax: Decimal
    total: Decimal


class RunsWanted(msgspec.Struct, frozen=True):
    """Which runs: below an id, the newest first."""

    before: int = 2**62
    how_many: int = 50


class RunRow(msgspec.Struct, frozen=True):
    """A run as its acts need it, locked."""

    run_id: int
    status: str
    through: date
    invoice_on: date
    due_on: date
    login: str
    reopens: bool


class BillException(msgspec.Struct, frozen=True):
    """What a run found remarkable."""

    exception_id: int
    account: str
    agreement_id: int | None
    invoice_id: int | None
    kind: str
    detail: str


class DraftsNamed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which drafts of a run, by their accounts; none named: all."""

    run_id: int
    accounts: list[str] = []


class HoldDrafts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which drafts of a run are not posted with it, and why."""

    run_id: int
    accounts: list[str]
    reason: str


class DraftNamed(msgspec.Struct, frozen=True):
    """A draft and whose it is."""

    invoice_id: int
    account: str


class DraftsWanted(msgspec.Struct, frozen=True):
    """Which page of a run's invoices: beyond an account's internal id."""

    run_id: int
    beyond: int = 0
    how_many: int = 200


class ExceptionsWanted(msgspec.Struct, frozen=True):
    """Which page of what a run found remarkable: beyond one of these."""

    run_id: int
    beyond: int = 0
    how_many: int = 200


class DraftRow(msgspec.Struct, frozen=True):
    """An invoice of a run, a draft until it has a number; and what it replaces, by number."""

    invoice_id: int
    account_id: int
    account: str
    account_name: str
    kind: str
    from_on: date
    to_on: date
    net: Decimal
    tax: Decimal
    total: Decimal
    held_for: str | None
    held_by: str | None
    number: str | None
    replaces: list[str]


class DraftOf(msgspec.Struct, frozen=True):
    """The invoice of a run for an account."""

    run_id: int
    account: str


class BillDraft(msgspec.Struct, frozen=True):
    """An invoice of a run, a draft until it has a number, with its lines and what it measured."""

    head: DraftRow
    lines: list[LineRow]
    measured: list[MeasuredRow]


class ToReplace(msgspec.Struct, frozen=True):
    """A posted invoice that a draft replaces, the latest at place 1.

    It `stands` where something of it was written off since.
    """

    draft_id: int
    place: int
    invoice_id: int
    stands: bool


class ToPrint(msgspec.Struct, frozen=True):
    """An invoice or credit note that goes by post; the trouble is why an e-mail failed."""

    number: str
    kind: str
    account_id: int
    account: str
    account_name: str
    address_1: str
    address_2: str
    city: str
    state: str
    postal_code: str
    total: Decimal
    trouble: str


class RunDrafted(msgspec.Struct, frozen=True):
    """A run that was drafted to its end: what it comes to, its first drafts and exceptions."""

    run: Run
    drafts: list[DraftRow]
    exceptions: list[BillException]


class Late(msgspec.Struct, frozen=True):
    """A posted invoice whose reads changed since it was drafted, or its meters, plan or end.

    Its `kind` is LATE_READ, METER_CHANGED, PLAN_CHANGED or ENDED. It `stands` where something of it
    was written off: that is to be reversed before.
    """

    invoice_id: int
    number: str
    account_id: int
    kind: str
    stands: bool


class NoSuchRun(NotFound):
    """There is no such bill run in this portal."""


class NoSuchDraft(NotFound):
    """The account has no invoice in this bill run. `currant bill drafts` lists those there are."""


class RunNotReady(Conflict):
    """The bill run is not in a state for this. Nothing was done."""


class ApprovedByTheSame(Conflict, constraint="approved_by_another"):
    """A bill run is approved by somebody else than who started it. Nothing was approved."""


class NotDraftedYet(Conflict, constraint="drafted_to_approve"):
    """The bill run is not drafted to its end. Nothing was approved."""


class NotApprovedYet(Conflict, constraint="approved_to_post"):
    """The bill run is not approved. Nothing was posted."""


class PostedIsKept(Conflict, constraint="posted_is_kept"):
    """What is posted is not discarded. Nothing was discarded."""


class RunInTime(Invalid, constraint="run_in_time"):
    """A bill run goes through a day. Nothing was started."""


class RunDueBeforeIssue(Invalid, constraint="run_due_after_issue"):
    """Invoices are due no earlier than they are dated. Nothing was started."""
