"""What stands against receipts and their transfers: amounts, days, accounts, what was done."""

from collections.abc import Mapping, Sequence
from datetime import date

from currant.csvfile import refuse_file
from currant.customers.model import NoSuchAccount
from currant.errors import Fault, Forbidden, Invalid, Refusal
from currant.money import half_up
from currant.receipts.model import (
    HeldReceipt,
    KnownAccount,
    NewReceipt,
    NoSuchReceipt,
    NotInSuspense,
    NoWalletToFill,
    ReceiptUndone,
    Transfer,
)


def refuse_receipts(
    received: Sequence[NewReceipt],
    known: Mapping[str, KnownAccount],
    barred: frozenset[str],
    places: int,
    today: date,
) -> None:
    """Refuse receipts that cannot be meant; the faults count from 1.

    Raises `Invalid`, `NoWalletToFill`, `Forbidden`.
    """
    faults: dict[type[Refusal], list[Fault]] = {
        refusal: [] for refusal in (Invalid, Forbidden, NoWalletToFill)
    }
    for number, receipt in enumerate(received, start=1):
        account = known.get(receipt.account)
        if not receipt.amount.is_finite() or receipt.amount <= 0:
            told = f"{receipt.amount} is not more than nothing"
            faults[Invalid].append(Fault(number, "amount", told))
        elif receipt.amount != half_up(receipt.amount, places):
            told = f"{receipt.amount} has more than {places} decimals"
            faults[Invalid].append(Fault(number, "amount", told))
        if receipt.received_on > today:
            told = f"{receipt.received_on} is yet to come"
            faults[Invalid].append(Fault(number, "received_on", told))
        if barred & {"*", receipt.account}:
            told = f"{receipt.account} is blocked for you"
            faults[Forbidden].append(Fault(number, "account", told))
        elif receipt.to_wallet and not (account and account.has_wallet):
            told = f"{receipt.account[:40]!r} has no currency wallet"
            faults[NoWalletToFill].append(Fault(number, "to_wallet", told))
    for refusal, found in faults.items():
        refuse_file(refusal, found)


def refuse_transfers(
    transfers: Sequence[Transfer],
    held: Mapping[int, HeldReceipt],
    known: Mapping[str, KnownAccount],
    barred: frozenset[str],
) -> None:
    """Refuse transfers of what does not wait in suspense, or to accounts that are not there.

    Raises `Invalid`, `NoSuchReceipt`, `NoSuchAccount`, `Forbidden`, `ReceiptUndone`,
    `NotInSuspense`; the faults count from 1.
    """
    first = {t.receipt_id: n for n, t in reversed(list(enumerate(transfers, start=1)))}
    faults: dict[type[Refusal], list[Fault]] = {
        refusal: []
        for refusal in (
            Invalid, NoSuchReceipt, NoSuchAccount, Forbidden, ReceiptUndone, NotInSuspense,
        )
    }  # fmt: skip
    for number, transfer in enumerate(transfers, start=1):
        receipt = held.get(transfer.receipt_id)
        if first[transfer.receipt_id] != number:
            told = f"{transfer.receipt_id} is named by record {first[transfer.receipt_id]} already"
            faults[Invalid].append(Fault(number, "receipt_id", told))
        elif receipt is None:
            told = f"{transfer.receipt_id} did not come into suspense"
            faults[NoSuchReceipt].append(Fault(number, "receipt_id", told))
        elif receipt.status == "REVERSED":
            told = f"{transfer.receipt_id} does not stand"
            faults[ReceiptUndone].append(Fault(number, "receipt_id", told))
        elif receipt.transferred:
            told = f"{transfer.receipt_id} was transferred; put it back before"
            faults[NotInSuspense].append(Fault(number, "receipt_id", told))
        if transfer.account not in known:
            told = f"{transfer.account[:40]!r} does not exist"
            faults[NoSuchAccount].append(Fault(number, "account", told))
        elif barred & {"*", transfer.account}:
            told = f"{transfer.account} is blocked for you"
            faults[Forbidden].append(Fault(number, "account", told))
    for refusal, found in faults.items():
        refuse_file(refusal, found)
