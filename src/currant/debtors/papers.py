"""From a statement and a receipt to their papers: what is printed, as it is frozen."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from currant.debtors.model import Debtor, MovementType, Statement
from currant.debtors.model import Movement as MovementTold
from currant.documents.model import Applied, Movement, Party, ReceiptPaper, StatementPaper
from currant.receipts.model import BatchType, Receipt

_METHODS = {
    BatchType.CHEQUE: "Cheque",
    BatchType.DIRECT: "Direct deposit",
    BatchType.CASH: "Cash",
    BatchType.EFT: "Bank transfer",
    BatchType.CRDCARD: "Card",
    BatchType.WEB: "Online",
    BatchType.DRECTDEBIT: "Direct debit",
}


def statement_paper(told: Statement, number: str, issued_on: date) -> StatementPaper:
    """Put the paper of a statement together."""
    history = told.history
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
                _description(row),
                row.debit - row.credit,
                "" if row.number else row.reference,  # An invoice's number is in its description.
            )
            for row in history.movements
        ],
        customer_number=told.debtor.contract,
        payment_reference=told.debtor.account,
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


def _description(row: MovementTold) -> str:
    """Return what a movement is called to the customer, who knows no types of batches."""
    return "Payment received" if row.type is MovementType.RECEIPT else row.description


def _buyer(debtor: Debtor) -> Party:
    place = " ".join(filter(None, (debtor.city, debtor.state, debtor.postal_code)))
    return Party(debtor.name, [*filter(None, (debtor.address_1, debtor.address_2, place))])
