"""From a statement and a receipt to their papers: what is printed, as it is frozen."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from currant.debtors.model import Debtor, MovementType, Statement, Undone
from currant.debtors.model import Movement as MovementTold
from currant.documents.model import Applied, Movement, Party, ReceiptPaper, StatementPaper
from currant.receipts.model import BatchType, Receipt

# The references that the customer gave, or knows; all others are numbers and codes of ours.
_REFERRED = (MovementType.RECEIPT, MovementType.PAYMENT)
_METHODS = {
    BatchType.CHEQUE: "Cheque",
    BatchType.DIRECT: "Direct deposit",
    BatchType.CASH: "Cash",
    BatchType.EFT: "Bank transfer",
    BatchType.CRDCARD: "Card",
    BatchType.WEB: "Online",
    BatchType.DRECTDEBIT: "Direct debit",
}


_UNDONE = {"adjustment": "Adjustment", "adjust": "Write-off", "arrears": "Arrears"}


def statement_paper(
    told: Statement, undone: Sequence[Undone], number: str, issued_on: date
) -> StatementPaper:
    """Put the paper of a statement together; `undone` is what its reversals undid."""
    history, by_entry = told.history, {row.entry_id: row for row in undone}
    aged = told.aged
    return StatementPaper(
        number=number,
        currency=told.currency,
        account=told.debtor.account,
        buyer=_buyer(told.debtor),
        issued_on=issued_on,
        period_from=told.first,
        period_to=told.last,
        opening_balance=history.opening,
        closing_balance=history.closing,
        movements=[
            Movement(
                row.moved_on,
                _description(row, by_entry.get(row.transaction_id)),
                row.debit - row.credit,
                row.reference if row.type in _REFERRED else "",
            )
            for row in history.movements
        ],
        customer_number=told.debtor.contract,
        payment_reference=told.debtor.account,
        overdue_amount=Decimal(0) if aged is None else max(aged.balance - aged.not_due, Decimal(0)),
    )


def receipt_paper(
    receipt: Receipt, debtor: Debtor, paid: Mapping[int, str], currency: str, issued_on: date
) -> ReceiptPaper:
    """Put the paper of a receipt together; `paid` says what the transactions are called."""
    applied = [Applied(paid[part.transaction_id], part.amount) for part in receipt.allocations]
    rest = (("Prepaid wallet", receipt.wallet_amount), ("Credit on account", receipt.unallocated))
    applied += [Applied(what, amount) for what, amount in rest if amount]
    return ReceiptPaper(
        number=str(receipt.receipt_id),
        currency=currency,
        account=debtor.account,
        buyer=_buyer(debtor),
        issued_on=issued_on,
        received_on=receipt.received_on,
        amount=receipt.amount,
        method=_METHODS[receipt.batch_type],
        applied=applied,
        balance=receipt.balance or Decimal(0),
        customer_number=debtor.contract,
        reference=receipt.reference,
    )


def _description(row: MovementTold, undone: Undone | None) -> str:
    """Return what a movement is called to the customer, who knows no batches and no entries."""
    if row.type is MovementType.RECEIPT:
        return "Payment received"
    if undone is None:
        return row.description
    if undone.credit_note:
        return f"Credit note {undone.credit_note}"
    if undone.dishonoured:
        return "Payment dishonoured"
    return f"{undone.words or _UNDONE.get(undone.kind, 'Payment')} reversed"


def _buyer(debtor: Debtor) -> Party:
    place = " ".join(filter(None, (debtor.city, debtor.state, debtor.postal_code)))
    return Party(debtor.name, [*filter(None, (debtor.address_1, debtor.address_2, place))])
