"""Acts on receipts, refunds and bonds, and the questions asked about them."""

from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any

from currant.access.permissions import Permission, needs
from currant.adjustments.model import NewAdjustment
from currant.adjustments.verbs import add_adjustments
from currant.clock import anywhere
from currant.customers.verbs import account_id_of
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Forbidden, Invalid
from currant.money import format_money, from_minor, half_up, minor_units, to_minor
from currant.receipts.judgement import refuse_receipts, refuse_transfers
from currant.receipts.model import (
    BondMoved,
    BondNamed,
    BondReleaseRow,
    BondShown,
    DishonourReceipt,
    HeldReceipt,
    ImportReceipts,
    KnownAccount,
    NewReceipt,
    NoSuchReceipt,
    NotInSuspense,
    PostReceipts,
    Receipt,
    ReceiptNamed,
    ReceiptRow,
    ReceiptStatus,
    ReceiptsWanted,
    ReceiptUndone,
    RefundCredit,
    Refunded,
    RefundRow,
    ReleaseBond,
    TakeBond,
    TransferReceipts,
    UndoReceipt,
)
from currant.receipts.records import ReceiptReader

sql = Statements(__package__)
_KNOWN_ACCOUNTS = sql.rows("known_accounts", KnownAccount)
_POST_RECEIPTS = sql.rows("post_receipts", int)
_RECEIPTS_BY_ID = sql.rows("receipts_by_id", ReceiptRow)
_RECEIPTS = sql.rows("receipts", ReceiptRow)
_COUNT_RECEIPTS = sql.rows("count_receipts", int)
_HOLD_SUSPENSE = sql.rows("hold_suspense", int)
_HELD_IN_SUSPENSE = sql.rows("held_in_suspense", HeldReceipt)
_TRANSFER = sql.command("transfer")
_PUT_BACK = sql.command("put_back")
_UNDO = sql.rows("undo", int)
_DISHONOUR = sql.command("dishonour")
_REFUND = sql.rows("refund", RefundRow)
_TAKE_BOND = sql.rows("take_bond", int)
_RELEASE_BOND = sql.rows("release_bond", BondReleaseRow)
_BOND = sql.rows("bond", BondShown)

_FEE = "DISHONFEE"


@needs(Permission.TRANSACTIONS_ADJUST)
async def post_receipts(tx: Tx, command: PostReceipts) -> list[Receipt]:
    """Post receipts, all of them or none, and settle their accounts (U33, posting rule L14).

    What is due first is paid first, then arrears; the rest stays to the account's credit, or fills
    its currency wallet where that is asked for. An unknown account is no fault: the money goes into
    suspense. Raises `Invalid`, `NoWalletToFill`, and `Forbidden` for blocked accounts, each naming
    the records.
    """
    return await _by_id(tx, await _post(tx, command.receipts))


@needs(Permission.TRANSACTIONS_ADJUST)
async def import_receipts(tx: Tx, command: ImportReceipts) -> list[Receipt]:
    """Post the receipts of a CSV file as one batch, all of them or none.

    Its columns are account, date, amount and reference. Raises `Unparsable` and what
    `post_receipts` does.
    """
    places = minor_units(tx.portal.currency)
    reader = ReceiptReader(command.batch_type, command.batch_name, places)
    received = await reader.records(command.upload.chunks())
    return await _by_id(tx, await _post(tx, received))


@needs(Permission.TRANSACTIONS_VIEW)
async def receipts(tx: Tx, question: ReceiptsWanted) -> AsyncIterator[Receipt]:
    """List receipts by their ids, a few thousand at a time (U16).

    Days of posting are those of the building's clock. What concerns accounts that are blocked for
    the caller is left out.
    """
    found = tx.each(
        _RECEIPTS, **_wanted(tx, question), how_many=question.how_many, skip=question.skip
    )
    async for row in found:
        yield Receipt.of(row)


@needs(Permission.TRANSACTIONS_VIEW)
async def count_receipts(tx: Tx, question: ReceiptsWanted) -> int:
    """Say how many receipts `receipts` lists, whatever the page."""
    return await tx.one(_COUNT_RECEIPTS, **_wanted(tx, question))


@needs(Permission.TRANSACTIONS_VIEW)
async def show_receipt(tx: Tx, question: ReceiptNamed) -> Receipt:
    """Show a receipt with what it paid. Raises `NoSuchReceipt`."""
    return await _standing(tx, question.receipt_id, undone_too=True)


@needs(Permission.TRANSACTIONS_ADJUST)
async def transfer_receipts(tx: Tx, command: TransferReceipts) -> list[Receipt]:
    """Transfer receipts from suspense to accounts, all of them or none (posting rule L18).

    Raises `Invalid`, `NoSuchReceipt`, `NoSuchAccount`, `ReceiptUndone`, `NotInSuspense`, and
    `Forbidden` for blocked accounts, each naming the records.
    """
    portal_id = tx.portal.portal_id
    ids = [transfer.receipt_id for transfer in command.transfers]
    if not ids:
        raise Invalid("Name a receipt to transfer.", field="transfers")
    await tx.all(_HOLD_SUSPENSE, portal_id=portal_id, receipt_ids=ids)
    rows = await tx.all(_HELD_IN_SUSPENSE, portal_id=portal_id, receipt_ids=ids)
    known = await _known(tx, {transfer.account for transfer in command.transfers})
    held = {row.receipt_id: row for row in rows}
    refuse_transfers(command.transfers, held, known, tx.user.blocked)
    await tx.run(
        _TRANSFER,
        **_acting(tx),
        receipt_ids=ids,
        account_ids=[known[transfer.account].account_id for transfer in command.transfers],
    )
    return await _by_id(tx, ids)


@needs(Permission.TRANSACTIONS_REVERSE)
async def suspend_receipt(tx: Tx, command: UndoReceipt) -> Receipt:
    """Put a receipt that was transferred to the wrong account back into suspense.

    What it paid is owed again. Raises `Invalid`, `NoSuchReceipt`, `ReceiptUndone`, `NotInSuspense`
    where it was not transferred, and `Forbidden` for a blocked account.
    """
    receipt = await _undoing(tx, command)
    if receipt.transfer_id is None:
        raise NotInSuspense("It was not transferred from there.", field="receipt_id")
    await tx.run(_PUT_BACK, **_acting(tx), receipt_id=receipt.receipt_id, note=command.note)
    return await _standing(tx, receipt.receipt_id)


@needs(Permission.TRANSACTIONS_REVERSE)
async def reverse_receipt(tx: Tx, command: UndoReceipt) -> Receipt:
    """Reverse a receipt with all that it moved (posting rule L17); a wallet may go below zero.

    Raises `Invalid`, `NoSuchReceipt`, `ReceiptUndone`, and `Forbidden` for a blocked account or an
    amount above the caller's special limit.
    """
    receipt = await _undoing(tx, command)
    await tx.one(_UNDO, **_acting(tx), receipt_id=receipt.receipt_id, note=command.note)
    return await _standing(tx, receipt.receipt_id, undone_too=True)


@needs(Permission.TRANSACTIONS_REVERSE)
async def dishonour_receipt(tx: Tx, command: DishonourReceipt) -> Receipt:
    """Reverse a receipt whose money did not come, and charge a fee for it where one is told.

    What it paid is owed again (posting rule L17); the fee is an adjustment of its own. Raises what
    `reverse_receipt` does, and `Invalid` for a fee where no account is known.
    """
    told = command.dishonour_type.strip()
    if not told:
        raise Invalid("Say what the dishonour is called.", field="dishonour_type")
    why = command.note.strip() or told
    receipt = await _undoing(tx, UndoReceipt(command.receipt_id, why))
    entry_id = await tx.one(_UNDO, **_acting(tx), receipt_id=receipt.receipt_id, note=why)
    await tx.run(
        _DISHONOUR,
        portal_id=tx.portal.portal_id,
        receipt_id=receipt.receipt_id,
        entry_id=entry_id,
        dishonour_type=told,
        adjustment_id=await _fee(tx, receipt, command.fee, why),
    )
    return await _standing(tx, receipt.receipt_id, undone_too=True)


@needs(Permission.BILLING_APPROVE)
async def refund_credit(tx: Tx, command: RefundCredit) -> Refunded:
    """Pay back what an account has to its credit: an amount of it, or all; never more.

    Raises `NoSuchAccount`, `Invalid`, `RefundBeyondCredit`, and `Forbidden` above the caller's
    special limit.
    """
    if not command.note.strip():
        raise Invalid("Say why the credit is refunded.", field="note")
    _refuse_amount(tx, command.amount)
    account_id = await account_id_of(tx, command.account)
    row = await tx.one(
        _REFUND,
        **_acting(tx),
        account_id=account_id,
        amount=command.amount,
        batch_type=command.batch_type.value,
        note=command.note,
    )
    _refuse_beyond_limit(tx, row.amount)
    now = await tx.one(_BOND, portal_id=tx.portal.portal_id, account_id=account_id)
    return Refunded(row.entry_id, command.account, row.amount, now.balance)


@needs(Permission.TRANSACTIONS_ADJUST)
async def take_bond(tx: Tx, command: TakeBond) -> BondMoved:
    """Take a bond for an account (posting rule L7). Raises `NoSuchAccount`, `Invalid`."""
    _refuse_amount(tx, command.amount)
    account_id = await account_id_of(tx, command.account)
    entry_id = await tx.one(
        _TAKE_BOND,
        **_acting(tx),
        account_id=account_id,
        amount=command.amount,
        batch_type=command.batch_type.value,
        note=command.note,
    )
    now = await tx.one(_BOND, portal_id=tx.portal.portal_id, account_id=account_id)
    return BondMoved(now.account, now.held, now.balance, taken=command.amount, taken_by=entry_id)


@needs(Permission.BILLING_APPROVE)
async def release_bond(tx: Tx, command: ReleaseBond) -> BondMoved:
    """Release a bond, an amount of it or all: to what the account owes first, the rest refunded.

    Raises `NoSuchAccount`, `Invalid`, `BondTooSmall`, and `Forbidden` above the caller's special
    limit.
    """
    if not command.note.strip():
        raise Invalid("Say why the bond is released.", field="note")
    _refuse_amount(tx, command.amount)
    account_id = await account_id_of(tx, command.account)
    row = await tx.one(
        _RELEASE_BOND,
        **_acting(tx),
        account_id=account_id,
        amount=command.amount,
        refund=command.refund,
        batch_type=command.batch_type.value,
        note=command.note,
    )
    _refuse_beyond_limit(tx, row.applied + row.refunded)
    now = await tx.one(_BOND, portal_id=tx.portal.portal_id, account_id=account_id)
    return BondMoved(
        now.account,
        now.held,
        now.balance,
        applied=row.applied,
        refunded=row.refunded,
        applied_by=row.applied_entry,
        refunded_by=row.refunded_entry,
    )


@needs(Permission.ARREARS_VIEW)
async def show_bond(tx: Tx, question: BondNamed) -> BondShown:
    """Say what is held of an account as a bond, and what it owes. Raises `NoSuchAccount`."""
    account_id = await account_id_of(tx, question.account)
    return await tx.one(_BOND, portal_id=tx.portal.portal_id, account_id=account_id)


async def _post(tx: Tx, received: Sequence[NewReceipt]) -> list[int]:
    """Judge and post receipts; return their ids in the order given."""
    if not received:
        raise Invalid("Name a receipt.", field="receipts")
    known = await _known(tx, {receipt.account for receipt in received})
    places = minor_units(tx.portal.currency)
    today = tx.now.astimezone(tx.portal.zone).date()
    refuse_receipts(received, known, tx.user.blocked, places, today)
    ids = {account: row.account_id for account, row in known.items()}
    return await tx.all(
        _POST_RECEIPTS,
        **_acting(tx),
        received=[
            (
                receipt.batch_type.value,
                receipt.batch_name.strip(),
                ids.get(receipt.account),
                receipt.account,
                receipt.received_on,
                receipt.amount,
                receipt.reference,
                receipt.to_wallet,
            )
            for receipt in received
        ],
    )


async def _known(tx: Tx, accounts: set[str]) -> dict[str, KnownAccount]:
    """Return the accounts of some numbers, without those that are not there."""
    rows = await tx.all(_KNOWN_ACCOUNTS, portal_id=tx.portal.portal_id, accounts=sorted(accounts))
    return {row.account: row for row in rows}


async def _by_id(tx: Tx, receipt_ids: Sequence[int]) -> list[Receipt]:
    """Return receipts as they stand, in the order of their ids."""
    rows = await tx.all(_RECEIPTS_BY_ID, portal_id=tx.portal.portal_id, receipt_ids=receipt_ids)
    return [Receipt.of(row) for row in rows]


async def _standing(tx: Tx, receipt_id: int, *, undone_too: bool = False) -> Receipt:
    """Return a receipt. Raises `NoSuchReceipt`, `ReceiptUndone`, `Forbidden` for a blocked one."""
    found = await _by_id(tx, [receipt_id])
    if not found:
        raise NoSuchReceipt(f"It was asked for as {receipt_id}.", field="receipt_id")
    (receipt,) = found
    if receipt.account is not None:
        tx.user.refuse_blocked(receipt.account)
    if receipt.status is not ReceiptStatus.POSTED and not undone_too:
        raise ReceiptUndone(f"{receipt_id} is {receipt.status}.", field="receipt_id")
    return receipt


async def _undoing(tx: Tx, command: UndoReceipt) -> Receipt:
    """Return a receipt that is to be undone, if the caller may and says why."""
    if not command.note.strip():
        raise Invalid("Say why the receipt is undone.", field="note")
    receipt = await _standing(tx, command.receipt_id)
    _refuse_beyond_limit(tx, receipt.amount)
    return receipt


async def _fee(tx: Tx, receipt: Receipt, fee: Decimal | None, why: str) -> int | None:
    """Charge a fee for a receipt that was dishonoured; return its adjustment."""
    if fee is None:
        return None
    if receipt.account is None:
        raise Invalid("Nobody is known to charge the fee to.", field="fee")
    today = tx.now.astimezone(tx.portal.zone).date()
    (adjustment_id,) = await add_adjustments(
        tx, [NewAdjustment(receipt.account, _FEE, today, fee, why)]
    )
    return adjustment_id


def _acting(tx: Tx) -> dict[str, Any]:
    """Return who posts, where and when."""
    return {
        "portal_id": tx.portal.portal_id,
        "login": tx.user.login,
        "vendor_number": tx.user.vendor_number,
        "at": tx.now,
    }


def _wanted(tx: Tx, question: ReceiptsWanted) -> dict[str, Any]:
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
        "batch_type": question.batch_type,
        "suspense": question.suspense,
    }


def _refuse_amount(tx: Tx, amount: Decimal | None) -> None:
    """Refuse an amount that is told and none of the portal's currency. Raises `Invalid`."""
    places = minor_units(tx.portal.currency)
    if amount is not None and not (
        amount.is_finite() and amount > 0 and amount == half_up(amount, places)
    ):
        raise Invalid(
            f"An amount is more than nothing, with {places} decimals at most, not {amount}.",
            field="amount",
        )


def _refuse_beyond_limit(tx: Tx, amount: Decimal) -> None:
    """Refuse what is above the caller's special limit."""
    limit, currency = tx.user.special_limit, tx.portal.currency
    if limit is not None and to_minor(amount, currency) > limit:
        most = format_money(from_minor(limit, currency), currency)
        told = format_money(amount, currency)
        raise Forbidden(f"{told} is above your special limit of {most}.", field="amount")
