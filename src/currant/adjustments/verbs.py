"""Acts on adjustments, and the questions asked about them."""

from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any

from currant.access.permissions import Permission, needs
from currant.access.verbs import Nothing
from currant.adjustments.judgement import refuse_decided, refuse_new
from currant.adjustments.model import (
    Adjustment,
    AdjustmentFacts,
    AdjustmentNamed,
    AdjustmentRow,
    AdjustmentsWanted,
    ApprovedByItsAuthor,
    CreateReason,
    DecideAdjustments,
    EnterAdjustments,
    HeldAdjustment,
    NewAdjustment,
    NoSuchAdjustment,
    NoSuchReason,
    Reason,
    ReasonRow,
    ReasonTaken,
    RetireReason,
    Way,
)
from currant.clock import anywhere
from currant.csvfile import refuse_file
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Fault, Forbidden, Invalid
from currant.money import minor_units, tax_within
from currant.receivables.judgement import beyond_limit

sql = Statements(__package__)
_REASONS = sql.rows("reasons", ReasonRow)
_CLASS_OF = sql.rows("class_of", str)
_CREATE_REASON = sql.rows("create_reason", ReasonRow)
_RETIRE_REASON = sql.rows("retire_reason", ReasonRow)
_ADJUSTMENT_FACTS = sql.rows("adjustment_facts", AdjustmentFacts)
_ENTER = sql.rows("enter", int)
_HOLD_ADJUSTMENTS = sql.rows("hold_adjustments", HeldAdjustment)
_POST = sql.command("post")
_REJECT = sql.command("reject")
_ADJUSTMENTS_BY_ID = sql.rows("adjustments_by_id", AdjustmentRow)
_ADJUSTMENTS = sql.rows("adjustments", AdjustmentRow)
_COUNT_ADJUSTMENTS = sql.rows("count_adjustments", int)

_BONDS = "2300"
_OTHER_SIDE = ("income", "expense", "equity")


@needs(Permission.TRANSACTIONS_VIEW)
async def adjustment_reasons(tx: Tx, _question: Nothing) -> list[Reason]:
    """List the reasons of adjustments that are in use, by code."""
    rows = await tx.all(_REASONS, portal_id=tx.portal.portal_id)
    return [_reason(row) for row in rows]


@needs(Permission.BILLING_APPROVE)
async def create_reason(tx: Tx, command: CreateReason) -> Reason:
    """Create a reason of adjustments.

    The COA on its other side is of income, expense or equity, or that of bonds. Raises `Invalid`,
    `ReasonTaken`.
    """
    portal_id = tx.portal.portal_id
    coa_class = await tx.maybe(_CLASS_OF, portal_id=portal_id, coa=command.coa)
    if coa_class not in _OTHER_SIDE and command.coa != _BONDS:
        raise Invalid(
            f"The COA {command.coa} is not an account of class {', '.join(_OTHER_SIDE)} in the"
            f" chart of accounts, nor that of bonds ({_BONDS}). Nothing was created.",
            field="coa",
        )
    if any(row.code == command.code for row in await tx.all(_REASONS, portal_id=portal_id)):
        raise ReasonTaken(command.code, field="code")
    return _reason(
        await tx.one(
            _CREATE_REASON,
            portal_id=portal_id,
            code=command.code,
            description=command.description,
            debit_credit=command.debit_credit.value,
            taxed=command.taxed,
            coa=command.coa,
            at=tx.now,
        )
    )


@needs(Permission.BILLING_APPROVE)
async def retire_reason(tx: Tx, command: RetireReason) -> Reason:
    """Retire a reason: nothing is adjusted for it any more. Raises `NoSuchReason`.

    What was adjusted for it keeps it, and what is pending can still be approved.
    """
    retired = await tx.maybe(
        _RETIRE_REASON, portal_id=tx.portal.portal_id, code=command.code, at=tx.now
    )
    if retired is None:
        raise NoSuchReason(command.code, field="code")
    return _reason(retired)


@needs(Permission.TRANSACTIONS_ADJUST)
async def enter_adjustments(tx: Tx, command: EnterAdjustments) -> list[Adjustment]:
    """Enter adjustments for somebody else to approve, all of them or none (U36).

    Amounts are positive with the tax in them; the reason says which way. Raises `Invalid`,
    `NoSuchAccount`, `NoSuchReason`, and `Forbidden` for blocked accounts, each naming the records.
    """
    ids = await _enter(tx, command.adjustments, direct=False)
    return await _by_id(tx, ids)


@needs(Permission.BILLING_APPROVE)
async def post_adjustments(tx: Tx, command: EnterAdjustments) -> list[Adjustment]:
    """Enter adjustments and post them at once, all of them or none (U36, posting rule L15).

    Raises what `enter_adjustments` does, and `Forbidden` above the caller's special limit.
    """
    ids = await add_adjustments(tx, command.adjustments)
    return await _by_id(tx, ids)


@needs(Permission.BILLING_APPROVE)
async def approve_adjustments(tx: Tx, command: DecideAdjustments) -> list[Adjustment]:
    """Approve adjustments that somebody else entered, and post them: all of them or none.

    Raises `NoSuchAdjustment`, `AdjustmentDecided`, `ApprovedByItsAuthor`, and `Forbidden` for
    blocked accounts and amounts above the caller's special limit, each naming the records.
    """
    held = await _hold(tx, command.adjustment_ids)
    own = [
        Fault(number, "adjustment_id", f"{item.adjustment_id} was entered by you")
        for number, item in enumerate(held, start=1)
        if item.entered_by == tx.user.login
    ]
    refuse_file(ApprovedByItsAuthor, own)
    amounts = [(number, item.amount) for number, item in enumerate(held, start=1)]
    refuse_file(Forbidden, beyond_limit(amounts, tx.user.special_limit, tx.portal.currency))
    await _post(tx, command.adjustment_ids, command.note)
    return await _by_id(tx, command.adjustment_ids)


@needs(Permission.TRANSACTIONS_ADJUST)
async def reject_adjustments(tx: Tx, command: DecideAdjustments) -> list[Adjustment]:
    """Reject adjustments, one's own too, with the reason why: all of them or none.

    Raises `Invalid`, `NoSuchAdjustment`, `AdjustmentDecided`, and `Forbidden` for blocked accounts.
    """
    if not command.note.strip():
        raise Invalid("Say why the adjustments are rejected.", field="note")
    await _hold(tx, command.adjustment_ids)
    await tx.run(
        _REJECT,
        portal_id=tx.portal.portal_id,
        login=tx.user.login,
        at=tx.now,
        adjustment_ids=command.adjustment_ids,
        note=command.note,
    )
    return await _by_id(tx, command.adjustment_ids)


@needs(Permission.TRANSACTIONS_VIEW)
async def adjustments(tx: Tx, question: AdjustmentsWanted) -> AsyncIterator[Adjustment]:
    """List adjustments by their ids, a few thousand at a time (U02).

    Days are those of the building's clock. What concerns accounts that are blocked for the caller
    is left out.
    """
    found = tx.each(
        _ADJUSTMENTS, **_wanted(tx, question), how_many=question.how_many, skip=question.skip
    )
    async for row in found:
        yield Adjustment.of(row)


@needs(Permission.TRANSACTIONS_VIEW)
async def count_adjustments(tx: Tx, question: AdjustmentsWanted) -> int:
    """Say how many adjustments `adjustments` lists, whatever the page."""
    return await tx.one(_COUNT_ADJUSTMENTS, **_wanted(tx, question))


@needs(Permission.TRANSACTIONS_VIEW)
async def show_adjustment(tx: Tx, question: AdjustmentNamed) -> Adjustment:
    """Show an adjustment. Raises `NoSuchAdjustment`."""
    found = await _by_id(tx, [question.adjustment_id])
    if not found:
        raise NoSuchAdjustment(f"It was asked for as {question.adjustment_id}.")
    tx.user.refuse_blocked(found[0].account)
    return found[0]


async def add_adjustments(tx: Tx, new: Sequence[NewAdjustment]) -> list[int]:
    """Enter and post adjustments in the name of the caller; return their ids in order.

    Raises what `post_adjustments` does.
    """
    amounts = [(number, item.amount) for number, item in enumerate(new, start=1)]
    refuse_file(Forbidden, beyond_limit(amounts, tx.user.special_limit, tx.portal.currency))
    ids = await _enter(tx, new, direct=True)
    await _post(tx, ids, "")
    return ids


async def _enter(tx: Tx, new: Sequence[NewAdjustment], *, direct: bool) -> list[int]:
    """Judge and store adjustments that are pending; return their ids in order."""
    if not new:
        raise Invalid("Name an adjustment.", field="adjustments")
    columns: dict[str, list[Any]] = {
        "days": [item.adjusted_on for item in new],
        "agreement_ids": [item.agreement_id for item in new],
        "item_ids": [item.item_id for item in new],
    }
    facts = await tx.all(
        _ADJUSTMENT_FACTS,
        portal_id=tx.portal.portal_id,
        accounts=[item.account for item in new],
        reasons=[item.reason for item in new],
        **columns,
    )
    places = minor_units(tx.portal.currency)
    today = tx.now.astimezone(tx.portal.zone).date()
    refuse_new(new, facts, tx.user.blocked, places, today)
    return await tx.all(
        _ENTER,
        portal_id=tx.portal.portal_id,
        login=tx.user.login,
        at=tx.now,
        direct=direct,
        account_ids=[fact.account_id for fact in facts],
        reason_ids=[fact.reason_id for fact in facts],
        amounts=[item.amount for item in new],
        taxes=[
            tax_within(item.amount, fact.tax_rate if fact.taxed else Decimal(0), places)
            for item, fact in zip(new, facts, strict=True)
        ],
        notes=[item.notes for item in new],
        **columns,
    )


async def _hold(tx: Tx, adjustment_ids: Sequence[int]) -> list[HeldAdjustment]:
    """Lock pending adjustments, each named once; return them in the order given.

    Raises `Invalid`, `NoSuchAdjustment`, `Forbidden`, `AdjustmentDecided`.
    """
    if not adjustment_ids:
        raise Invalid("Name an adjustment.", field="adjustment_ids")
    rows = await tx.all(
        _HOLD_ADJUSTMENTS, portal_id=tx.portal.portal_id, adjustment_ids=adjustment_ids
    )
    held = {row.adjustment_id: row for row in rows}
    refuse_decided(adjustment_ids, held, tx.user.blocked)
    return [held[item] for item in adjustment_ids]


async def _post(tx: Tx, adjustment_ids: Sequence[int], note: str) -> None:
    """Post adjustments that are pending."""
    await tx.run(
        _POST,
        portal_id=tx.portal.portal_id,
        login=tx.user.login,
        vendor_number=tx.user.vendor_number,
        at=tx.now,
        adjustment_ids=adjustment_ids,
        note=note,
    )


async def _by_id(tx: Tx, adjustment_ids: Sequence[int]) -> list[Adjustment]:
    """Return adjustments as they stand, in the order of their ids."""
    rows = await tx.all(
        _ADJUSTMENTS_BY_ID, portal_id=tx.portal.portal_id, adjustment_ids=adjustment_ids
    )
    return [Adjustment.of(row) for row in rows]


def _wanted(tx: Tx, question: AdjustmentsWanted) -> dict[str, Any]:
    """Return what the list and its count are asked by."""
    if question.first and question.last and question.first > question.last:
        raise Invalid("The first day lies after the last.", field="first")
    start_at, end_at = (
        (None, None) if question.by_own_date else anywhere(question.first, question.last)
    )
    return {
        "portal_id": tx.portal.portal_id,
        "blocked": list(tx.user.blocked),
        "start_at": start_at,
        "end_at": end_at,
        "by_own_date": question.by_own_date,
        "first": question.first,
        "last": question.last,
        "building_code": question.building_code,
        "account": question.account,
        "status": question.status,
    }


def _reason(row: ReasonRow) -> Reason:
    return Reason(
        row.code, row.description, Way(row.debit_credit), row.taxed, row.coa, row.last_mod
    )
