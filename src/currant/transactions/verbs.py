"""Acts on what accounts owe and hold, and the list of what was done."""

from collections.abc import AsyncIterator, Sequence
from decimal import Decimal

import msgspec

from currant.access.permissions import Permission, needs
from currant.batches.tenders import refuse_tender, tender_minor
from currant.customers.verbs import account_id_of, accounts_of
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Forbidden, Invalid, NotFound
from currant.ledger.model import AlreadyReversed, NoReversalOfReversal, NoSuchEntry
from currant.money import format_money, from_minor, to_minor
from currant.prepayment.model import AdjustmentRecord
from currant.prepayment.verbs import credit_wallets, units_worth
from currant.receivables.records import ArrearsReader
from currant.receivables.verbs import (
    issue_arrears,
    new_arrears,
    refuse_forbidden,
    type_to_issue,
)
from currant.transactions.model import (
    AccountAdjusted,
    AccountsAdjusted,
    AdjustAccounts,
    ArrearsPaid,
    ItemPaid,
    Mirrored,
    NoSuchPayment,
    NotOwed,
    NotReversible,
    OwedItem,
    PayArrears,
    PaymentNamed,
    PaymentRow,
    ReverseTransaction,
    Reversible,
    Transaction,
    TransactionReversed,
    Window,
)

sql = Statements(__package__)
_TRANSACTIONS = sql.rows("transactions", Transaction)
_REVERSIBLE = sql.rows("reversible", Reversible)
_REVERSE = sql.rows("reverse", Mirrored)
_HOLD_ACCOUNT = sql.rows("hold_account", bool)
_OWED = sql.rows("owed", OwedItem)
_PAY_ARREARS = sql.rows("pay_arrears", int)
_PAYMENT = sql.rows("payment", PaymentRow)
_ITEMS_PAID = sql.rows("items_paid", ItemPaid)

# Arrears of bad funds: receivable, and what they stand for (posting rule L2).
_RECEIVABLE, _BAD_FUNDS = "1100", "9110"
# Usage and monthly charges would be drawn anew; the others are undone with what they belong to.
_ELSEWHERE = {
    "wallet": "What usage costs is corrected by a read.",
    "fixed": "What usage costs is given back by crediting the wallet.",
    "invoice": "An invoice is cancelled as a bill.",
    "transfer": "A transfer goes back with the receipt or item that it was made for.",
}


@needs(Permission.TRANSACTIONS_ADJUST)
async def adjust(tx: Tx, command: AdjustAccounts) -> AccountsAdjusted:
    """Credit the currency wallets of a CSV file's accounts, or let them owe (J30).

    A positive amount is a credit (posting rule L3), a negative one arrears of the type that stands
    for bad funds (L2); an entry a record, all of them or none. Raises `Unparsable`, `Invalid`,
    `NoSuchAccount`, `NoSuchWallet`, and `Forbidden` for blocked accounts and amounts above the
    caller's special limit, each naming the records.
    """
    type_name = await type_to_issue(tx, debit=_RECEIVABLE, credit=_BAD_FUNDS)
    reader = ArrearsReader(tx.portal.zone, tx.portal.currency, signed=True)
    records = await reader.records(command.upload.chunks())
    accounts = await accounts_of(tx, records, foreign_keys=False)
    refuse_forbidden(tx, records, accounts)
    credited = [
        AdjustmentRecord(record.number, record.key, record.amount)
        for record in records
        if record.amount > 0
    ]
    await credit_wallets(tx, credited, {row.key: accounts[row.key] for row in credited})
    owing = [record for record in records if record.amount < 0]
    arrears = [new_arrears(record, accounts) for record in owing]
    item_ids = await issue_arrears(
        tx, arrears, type_name=type_name, debit=_RECEIVABLE, credit=_BAD_FUNDS
    )
    items = {record.number: item_id for record, item_id in zip(owing, item_ids, strict=True)}
    return AccountsAdjusted(
        tx.portal.currency,
        tx.portal.timezone,
        type_name,
        [
            AccountAdjusted(
                accounts[record.key].account,
                record.amount,
                items.get(record.number),
                record.start_at,
            )
            for record in records
        ],
        reader.csv.header_repaired,
        reader.nonstandard,
    )


@needs(Permission.TRANSACTIONS_REVERSE)
async def reverse(tx: Tx, command: ReverseTransaction) -> TransactionReversed:
    """Undo a transaction with all that it moved, by its exact mirror (J31, posting rule L17).

    A sale gives back its tender, arrears, fixed charges and units; a wallet may go below zero. The
    amount is held to the caller's special limit, units at what they are worth now. Raises
    `NoSuchEntry`, `AlreadyReversed`, `NoReversalOfReversal`, `NotReversible`, `ArrearsPaidSince`,
    and `Forbidden` for a blocked account or an amount above the limit; then nothing was done.
    """
    if not command.note.strip():
        raise Invalid("Say why the transaction is reversed.", field="note")
    found = await tx.maybe(
        _REVERSIBLE, portal_id=tx.portal.portal_id, entry_id=command.transaction_id
    )
    if found is None:
        raise NoSuchEntry(f"It was asked for as {command.transaction_id}.", field="id")
    if found.account is not None:
        tx.user.refuse_blocked(found.account)
    if found.reverses is not None:
        raise NoReversalOfReversal(f"{found.entry_id} reverses {found.reverses}.", field="id")
    if found.reversed:
        raise AlreadyReversed(f"It is {found.entry_id}.", field="id")
    if found.kind in _ELSEWHERE:
        raise NotReversible(_ELSEWHERE[found.kind], field="id")
    if found.account is None:
        told = "It came into suspense and is reversed as a receipt."
        raise NotReversible(told if found.kind == "receipt" else "It is of no account.", field="id")
    await _refuse_beyond_limit(tx, found)
    mirrored = await tx.one(
        _REVERSE,
        portal_id=tx.portal.portal_id,
        login=tx.user.login,
        vendor_number=tx.user.vendor_number,
        entry_id=found.entry_id,
        note=command.note,
        at=tx.now,
    )
    return TransactionReversed(
        transaction_id=mirrored.entry_id,
        reverses=found.entry_id,
        account=found.account,
        kind=found.told_kind,
        currency=tx.portal.currency,
        timezone=tx.portal.timezone,
        amount=_amount(found),
        recorded_at=found.recorded_at,
        below_zero=mirrored.balance is not None and mirrored.balance < 0,
        given_back=mirrored.given_back,
    )


@needs(Permission.VENDCASH)
async def pay_arrears(tx: Tx, command: PayArrears) -> ArrearsPaid:
    """Take a tender for arrears alone, without selling energy (posting rule L11).

    The oldest are paid first, or only the items named; plans and starts to come are not looked at,
    for the customer wants to pay. It counts into the cashier's batch and vending limit. Raises
    `NoSuchAccount`, `Invalid`, `NotFound` for an item, `NotOwed` where it is more than is owed, and
    `VendingLimitReached`; then nothing was taken.
    """
    currency = tx.portal.currency
    refuse_tender(command.tender, command.tender_number)
    paying = tender_minor(command.amount, currency)
    account_id = await account_id_of(tx, command.account)
    await tx.one(_HOLD_ACCOUNT, portal_id=tx.portal.portal_id, account_id=account_id)
    owed = await tx.all(_OWED, portal_id=tx.portal.portal_id, account_id=account_id)
    if command.arrears_ids is None:
        wanted = sorted(owed, key=lambda item: item.age)
    else:
        wanted = _named(command.arrears_ids, owed)
    parts, left = [], paying
    for item in wanted:
        part = min(left, to_minor(item.outstanding, currency))
        if part > 0:
            parts.append((item, from_minor(part, currency)))
            left -= part
    if left:
        most = format_money(sum((item.outstanding for item in wanted), Decimal(0)), currency)
        raise NotOwed(f"Account {command.account} owes {most}.", field="amount")
    entry_id = await tx.one(
        _PAY_ARREARS,
        portal_id=tx.portal.portal_id,
        login=tx.user.login,
        vendor_number=tx.user.vendor_number,
        user_id=tx.user.user_id,
        account_id=account_id,
        tender=command.tender,
        tender_number=command.tender_number,
        tender_name=command.tender_name,
        currency=currency,
        minor_unit=from_minor(1, currency),
        item_ids=[item.item_id for item, _ in parts],
        item_coas=[item.receivable_coa for item, _ in parts],
        item_paid=[paid for _, paid in parts],
        note=command.note,
        at=tx.now,
    )
    left_owed = sum((item.outstanding for item in owed), Decimal(0)) - from_minor(paying, currency)
    return msgspec.structs.replace(await _payment(tx, entry_id), outstanding=left_owed)


@needs(Permission.VEND_VIEW)
async def show_payment(tx: Tx, question: PaymentNamed) -> ArrearsPaid:
    """Show a payment of arrears as it was taken, for its receipt. Raises `NoSuchPayment`."""
    paid = await _payment(tx, question.number)
    tx.user.refuse_blocked(paid.account)
    return paid


@needs(Permission.TRANSACTIONS_VIEW)
async def transactions(tx: Tx, question: Window) -> AsyncIterator[Transaction]:
    """List what was recorded in a window, by id, a few thousand at a time (J29).

    What concerns accounts that are blocked for the caller is left out.
    """
    found = tx.each(
        _TRANSACTIONS,
        portal_id=tx.portal.portal_id,
        first_at=question.first_at,
        before=question.before,
        how_many=question.how_many,
        beyond=question.beyond,
        blocked=list(tx.user.blocked),
    )
    async for transaction in found:
        yield transaction


async def _payment(tx: Tx, entry_id: int) -> ArrearsPaid:
    """Tell a payment by its entry. Raises `NoSuchPayment`."""
    portal_id = tx.portal.portal_id
    row = await tx.maybe(_PAYMENT, portal_id=portal_id, entry_id=entry_id)
    if row is None:
        raise NoSuchPayment(f"It was asked for as {entry_id}.", field="number")
    items = await tx.all(_ITEMS_PAID, portal_id=portal_id, entry_id=entry_id)
    return ArrearsPaid(
        transaction_id=entry_id,
        account=row.account,
        customer_name=row.customer_name,
        tender=row.tender,
        currency=tx.portal.currency,
        amount=row.amount,
        items=items,
        outstanding=None,
        login=row.login,
        paid_at=row.paid_at,
        reversed=row.reversed,
    )


def _amount(found: Reversible) -> Decimal:
    """Return what was tendered or adjusted; of arrears what was issued, paid before or not."""
    return found.amount + (0 if found.kind == "arrears" else found.arrears_amount)


async def _refuse_beyond_limit(tx: Tx, found: Reversible) -> None:
    """Refuse what is worth more than the caller's special limit."""
    limit, currency = tx.user.special_limit, tx.portal.currency
    if limit is None:
        return
    worth: int | None = to_minor(abs(_amount(found)), currency)
    if not worth and found.energy_wh and found.account_id is not None:
        worth = await units_worth(tx, found.account_id, found.energy_wh)
    if worth is None:
        raise Forbidden("Its value is unknown, for no meter of the account has a rate now.")
    if worth > limit:
        value, most = (format_money(from_minor(m, currency), currency) for m in (worth, limit))
        raise Forbidden(f"Its value of {value} is above your special limit of {most}.")


def _named(arrears_ids: Sequence[int], owed: Sequence[OwedItem]) -> list[OwedItem]:
    """Return the items of an account that are named, in their order, each once."""
    known = {item.item_id: item for item in owed}
    for item_id in arrears_ids:
        if item_id not in known:
            raise NotFound(f"The account owes nothing on arrears {item_id}.", field="arrears_ids")
    return [known[item_id] for item_id in dict.fromkeys(arrears_ids)]
