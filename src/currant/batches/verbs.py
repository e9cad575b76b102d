"""Acts on cashier batches, and the questions asked about them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

from currant.access.permissions import Permission, needs
from currant.access.verbs import Nothing
from currant.batches.model import (
    ApproveBatch,
    ApprovedByAnother,
    Batch,
    BatchApproved,
    BatchClosed,
    BatchesWanted,
    BatchFault,
    BatchNamed,
    BatchRow,
    BatchState,
    BatchStillOpen,
    CloseBatch,
    Count,
    Counted,
    CountRow,
    CurrentBatch,
    CurrentRow,
    HeldBatch,
    NoSuchBatch,
    NothingTaken,
    Taken,
    TenderNotCounted,
)
from currant.batches.tenders import TENDERS
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Invalid
from currant.money import from_minor, minor_units

sql = Statements(__package__)
_CURRENT_BATCH = sql.rows("current_batch", CurrentRow)
_HOLD_BATCH = sql.rows("hold_batch", HeldBatch)
_TAKEN = sql.rows("taken", Taken)
_CLOSE_BATCH = sql.command("close_batch")
_APPROVE_BATCH = sql.command("approve_batch")
_BATCHES = sql.rows("batches", BatchRow)
_COUNTS = sql.rows("counts", CountRow)
_FAULTS = sql.rows("faults", BatchFault)

_LARGEST_COUNT = Decimal(10) ** 12


@needs(Permission.BALANCE)
async def current_batch(tx: Tx, _question: Nothing) -> CurrentBatch:
    """Say what the caller has taken since the last count, and what the vending limit leaves.

    What is expected of each kind of tender is only told once it was counted.
    """
    row = await tx.one(_CURRENT_BATCH, portal_id=tx.portal.portal_id, user_id=tx.user.user_id)
    limit = left = None
    if row.vending_limit is not None:
        limit = from_minor(row.vending_limit, tx.portal.currency)
        left = max(limit - row.taken, Decimal(0))
    return CurrentBatch(
        row.batch_id,
        row.opened_at,
        tx.portal.currency,
        row.tenders,
        row.given_back,
        row.taken,
        limit,
        left,
    )


@needs(Permission.BALANCE)
async def close_own_batch(tx: Tx, command: Count) -> Batch:
    """Close the caller's open batch with a count of it; the next tender opens another.

    What is over or short is posted, two lines a kind of tender (posting rule L20). Tenders under
    way are waited for. Raises `NothingTaken`, `BatchClosed`, `TenderNotCounted`, `Invalid`.
    """
    return await _close(tx, await _hold_open(tx, tx.user.login), command.counted, command.note)


@needs(Permission.TRANSACTIONS_ADJUST)
async def close_batch(tx: Tx, command: CloseBatch) -> Batch:
    """Close anybody's batch with a count of it, as `close_own_batch` does.

    Raises `NoSuchBatch`, `NothingTaken`, `BatchClosed`, `TenderNotCounted`, `Invalid`.
    """
    if command.batch_id is None:
        held = await _hold_open(tx, command.login or "")
    else:
        held = await _hold(tx, command.batch_id)
    return await _close(tx, held, command.counted, command.note)


@needs(Permission.TRANSACTIONS_ADJUST)
async def approve_batch(tx: Tx, command: ApproveBatch) -> Batch:
    """Approve a batch that is closed, once; its cashier and who closed it may not.

    Raises `NoSuchBatch`, `BatchStillOpen`, `BatchApproved`, `ApprovedByAnother`.
    """
    held = await _hold(tx, command.batch_id)
    if held.closed_at is None:
        raise BatchStillOpen(f"Batch {held.batch_id} is open.", field="batch_id")
    if held.approved_by is not None:
        raise BatchApproved(f"{held.approved_by} approved batch {held.batch_id}.", field="batch_id")
    if tx.user.login in (held.login, held.closed_by):
        raise ApprovedByAnother(
            f"Batch {held.batch_id} is of {held.login}, and {held.closed_by} closed it.",
            field="batch_id",
        )
    await tx.run(
        _APPROVE_BATCH,
        portal_id=tx.portal.portal_id,
        batch_id=held.batch_id,
        at=tx.now,
        login=tx.user.login,
        note=command.note,
    )
    return await _shown(tx, held.batch_id)


@needs(Permission.TRANSACTIONS_VIEW)
async def list_batches(tx: Tx, question: BatchesWanted) -> list[Batch]:
    """List the portal's batches, newest first."""
    rows = await tx.all(
        _BATCHES,
        portal_id=tx.portal.portal_id,
        first=0,
        last=question.before - 1,
        login=question.login,
        state=None if question.state is None else question.state.value,
        how_many=question.how_many,
    )
    return await _told(tx, rows)


@needs(Permission.TRANSACTIONS_VIEW)
async def show_batch(tx: Tx, question: BatchNamed) -> Batch:
    """Show a batch. Raises `NoSuchBatch`."""
    return await _shown(tx, question.batch_id)


@needs(Permission.JOBS_RUN)
async def batch_faults(tx: Tx, _question: Nothing) -> list[BatchFault]:
    """List the batches that are at odds with themselves or with the books."""
    return await tx.all(_FAULTS)


async def _hold_open(tx: Tx, login: str) -> HeldBatch:
    """Hold the open batch of a login. Raises `NothingTaken`."""
    held = await tx.maybe(_HOLD_BATCH, portal_id=tx.portal.portal_id, batch_id=None, login=login)
    if held is None:
        raise NothingTaken(f"{login} has none.", field="login")
    return held


async def _hold(tx: Tx, batch_id: int) -> HeldBatch:
    """Hold a batch. Raises `NoSuchBatch`."""
    held = await tx.maybe(_HOLD_BATCH, portal_id=tx.portal.portal_id, batch_id=batch_id, login=None)
    if held is None:
        raise NoSuchBatch(f"{batch_id}.", field="batch_id")
    return held


async def _close(tx: Tx, held: HeldBatch, counted: Mapping[str, Decimal], note: str) -> Batch:
    """Close a batch that is held; what was taken is read after the wait for it."""
    if held.closed_at is not None:
        raise BatchClosed(f"{held.closed_by} closed batch {held.batch_id}.", field="batch_id")
    _refuse_implausible(tx, counted)
    rows = await tx.all(_TAKEN, portal_id=tx.portal.portal_id, batch_id=held.batch_id)
    taken = {row.tender: row for row in rows}
    missing = [t for t in TENDERS if t in taken and taken[t].amount and t not in counted]
    if missing:
        raise TenderNotCounted(
            f"Count {', '.join(missing)}, or say that it is 0.", field=f"counted.{missing[0]}"
        )
    nothing = Decimal(0)
    lines = [
        (taken.get(tender) or Taken(tender, 0, 0, nothing), counted.get(tender, nothing))
        for tender in TENDERS
        if tender in taken or tender in counted
    ]
    await tx.run(
        _CLOSE_BATCH,
        portal_id=tx.portal.portal_id,
        batch_id=held.batch_id,
        at=tx.now,
        login=tx.user.login,
        vendor_number=tx.user.vendor_number,
        currency=tx.portal.currency,
        named=f"Over and short of batch {held.batch_id}, {held.login}",
        note=note,
        tenders=[kind.tender for kind, _ in lines],
        taken=[kind.tenders for kind, _ in lines],
        given_back=[kind.given_back for kind, _ in lines],
        expected=[kind.amount for kind, _ in lines],
        counted=[amount for _, amount in lines],
    )
    return await _shown(tx, held.batch_id)


def _refuse_implausible(tx: Tx, counted: Mapping[str, Decimal]) -> None:
    """Refuse a count of what is no tender, and amounts that nobody can count."""
    places = minor_units(tx.portal.currency)
    for tender, amount in counted.items():
        if tender not in TENDERS:
            raise Invalid(
                f"counted: {tender[:40]!r} is no kind of tender; they are {', '.join(TENDERS)}.",
                field="counted",
            )
        field = f"counted.{tender}"
        if not amount.is_finite() or not 0 <= amount <= _LARGEST_COUNT:
            raise Invalid(f"{field} is {amount}: not 0 to {_LARGEST_COUNT}.", field=field)
        if amount != round(amount, places):
            raise Invalid(f"{field} is {amount}: more than {places} decimals.", field=field)


async def _shown(tx: Tx, batch_id: int) -> Batch:
    """Tell one batch. Raises `NoSuchBatch`."""
    rows = await tx.all(
        _BATCHES,
        portal_id=tx.portal.portal_id,
        first=batch_id,
        last=batch_id,
        login=None,
        state=None,
        how_many=1,
    )
    if not rows:
        raise NoSuchBatch(f"{batch_id}.", field="batch_id")
    (told,) = await _told(tx, rows)
    return told


async def _told(tx: Tx, rows: Sequence[BatchRow]) -> list[Batch]:
    """Tell batches with what was counted in each, the kinds of tender in their order."""
    counts: defaultdict[int, list[Counted]] = defaultdict(list)
    batch_ids = [row.batch_id for row in rows]
    counted = await tx.all(_COUNTS, portal_id=tx.portal.portal_id, batch_ids=batch_ids)
    for count in sorted(counted, key=lambda count: TENDERS.index(count.tender)):
        counts[count.batch_id].append(
            Counted(
                count.tender,
                count.tenders,
                count.given_back,
                count.expected,
                count.counted,
                count.counted - count.expected,
            )
        )
    return [
        Batch(
            batch_id=row.batch_id,
            login=row.login,
            state=BatchState(row.state),
            currency=tx.portal.currency,
            opened_at=row.opened_at,
            tenders=row.tenders,
            given_back=row.given_back,
            taken=row.taken,
            closed_at=row.closed_at,
            closed_by=row.closed_by,
            note=row.note,
            counts=counts[row.batch_id],
            counted=row.counted,
            difference=None if row.counted is None else row.counted - row.taken,
            transaction_id=row.entry_id,
            approved_at=row.approved_at,
            approved_by=row.approved_by,
            approval_note=row.approval_note,
        )
        for row in rows
    ]
