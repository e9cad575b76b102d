"""How an entry is told to a customer: its type, its words, whether it is settled.

Pure, from the rows of a history.
"""

from decimal import Decimal

from currant.debtors.model import (
    Allocated,
    Movement,
    MovementRow,
    MovementStatus,
    MovementType,
    PaidItem,
)

_TYPES = {
    "invoice": MovementType.INVOICE,
    "receipt": MovementType.RECEIPT,
    "transfer": MovementType.RECEIPT,
    "adjustment": MovementType.ADJUSTMENT,
    "adjust": MovementType.WRITEOFF,
    "arrears": MovementType.ARREARS,
    "reversal": MovementType.REVERSAL,
}
_PAYMENTS = {"refund": "Refund", "bond": "Bond applied"}


def movement(row: MovementRow) -> Movement:
    """Tell an entry that moved a receivable; whatever pays and has no type is a payment."""
    kind = _TYPES.get(row.kind, MovementType.PAYMENT)
    paid = zip(row.entry_ids or (), row.amounts or (), strict=True)
    return Movement(
        transaction_id=row.entry_id,
        type=kind,
        moved_on=row.moved_on,
        posted_on=row.posted_on,
        reference=_reference(row, kind),
        description=_description(row, kind),
        debit=row.debit,
        credit=row.credit,
        amount=row.debit - row.credit,
        balance=row.balance,
        number=row.number if kind is MovementType.INVOICE else "",
        due_on=row.due_on,
        status=_status(row),
        reverses=row.reverses,
        reversed_by=row.reversed_by,
        allocations=[Allocated(entry_id, amount) for entry_id, amount in paid],
        item_id=row.item_id,
    )


def paid_name(item: PaidItem) -> str:
    """Return what a transaction that was paid is called on a receipt."""
    if item.kind == "INVOICE":
        return f"Invoice {item.number}"
    return " ".join(filter(None, (item.type_name or item.kind.capitalize(), item.number)))


def _reference(row: MovementRow, kind: MovementType) -> str:
    """Return what a customer or a bank knows an entry by."""
    match kind:
        case MovementType.RECEIPT:
            return row.reference or row.number
        case MovementType.ADJUSTMENT:
            return row.reason
        case MovementType.REVERSAL:
            return str(row.reverses)
        case MovementType.PAYMENT:
            return row.tender_name or (str(row.tender_number) if row.tender_number else "")
    return row.number


def _description(row: MovementRow, kind: MovementType) -> str:
    """Return what an entry is called on a statement."""
    told = {
        MovementType.INVOICE: f"Invoice {row.number}",
        MovementType.RECEIPT: f"Receipt {row.batch_type}",
        MovementType.ADJUSTMENT: row.reason_description,
        MovementType.REVERSAL: f"Reversal of {row.reverses}",
        MovementType.ARREARS: row.type_name,
        MovementType.WRITEOFF: f"Write-off: {row.note}",
        MovementType.PAYMENT: _PAYMENTS.get(row.kind, f"Payment, {row.kind}"),
    }
    return told[kind].rstrip(": ")


def _status(row: MovementRow) -> MovementStatus:
    """Return whether what an entry issued or credited is settled; nothing else is ever open."""
    if row.reversed_by is not None:
        return MovementStatus.REVERSED
    if row.issued is not None and row.outstanding is not None:
        return _settled(row.outstanding, row.issued)
    if row.credited is not None and row.unallocated is not None:
        return _settled(row.unallocated, row.credited)
    return MovementStatus.CLOSED


def _settled(left: Decimal, whole: Decimal) -> MovementStatus:
    if left == 0:
        return MovementStatus.CLOSED
    return MovementStatus.OPEN if left == whole else MovementStatus.PART
