"""What stands against an adjustment: what it names, its amount, that it was decided before."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from currant.adjustments.model import (
    AdjustmentDecided,
    AdjustmentFacts,
    HeldAdjustment,
    NewAdjustment,
    NoSuchAdjustment,
    NoSuchReason,
    Status,
    Way,
)
from currant.csvfile import refuse_file
from currant.customers.model import NoSuchAccount
from currant.errors import Fault, Forbidden, Invalid, Refusal
from currant.money import half_up
from currant.receivables.model import NoSuchArrears


def refuse_new(
    new: Sequence[NewAdjustment],
    facts: Sequence[AdjustmentFacts],
    barred: frozenset[str],
    places: int,
    today: date,
) -> None:
    """Refuse adjustments that cannot be meant; the faults count from 1.

    Raises `NoSuchAccount`, `NoSuchReason`, `Forbidden`, `NoSuchArrears`, `Invalid`.
    """
    faults: dict[type[Refusal], list[Fault]] = {
        refusal: [] for refusal in (NoSuchAccount, NoSuchReason, Forbidden, NoSuchArrears, Invalid)
    }
    for item, fact in zip(new, facts, strict=True):
        for refusal, column, told in (
            *_names_at_fault(item, fact, barred),
            *_values_at_fault(item, places, today),
        ):
            faults[refusal].append(Fault(fact.n, column, told))
    for refusal, found in faults.items():
        refuse_file(refusal, found)


def _names_at_fault(
    item: NewAdjustment, fact: AdjustmentFacts, barred: frozenset[str]
) -> Iterator[tuple[type[Refusal], str, str]]:
    """Yield what an adjustment names that is not there or not to be named."""
    if fact.account_id is None:
        yield NoSuchAccount, "account", f"{item.account[:40]!r} does not exist"
    elif barred & {"*", item.account}:
        yield Forbidden, "account", f"{item.account} is blocked for you"
    elif not fact.agreement_known:
        told = f"{item.agreement_id} is no agreement of account {item.account}"
        yield Invalid, "agreement_id", told
    elif not fact.item_known:
        yield NoSuchArrears, "item_id", f"account {item.account} owes nothing on {item.item_id}"
    if fact.reason_id is None:
        yield NoSuchReason, "reason", f"{item.reason[:40]!r} does not exist"
    elif fact.debit_credit == Way.DEBIT and item.item_id is not None:
        yield Invalid, "item_id", f"{item.reason} debits the account, which pays nothing"


def _values_at_fault(
    item: NewAdjustment, places: int, today: date
) -> Iterator[tuple[type[Refusal], str, str]]:
    """Yield what is wrong with the amount and the day of an adjustment."""
    if not item.amount.is_finite() or item.amount <= 0:
        yield Invalid, "amount", f"{item.amount} is not more than nothing"
    elif item.amount != half_up(item.amount, places):
        yield Invalid, "amount", f"{item.amount} has more than {places} decimals"
    if item.adjusted_on > today:
        yield Invalid, "adjusted_on", f"{item.adjusted_on} is yet to come"


def refuse_decided(
    adjustment_ids: Sequence[int], held: Mapping[int, HeldAdjustment], barred: frozenset[str]
) -> None:
    """Refuse adjustments that are named twice, are not there, are `barred` or not pending.

    Raises `Invalid`, `NoSuchAdjustment`, `Forbidden`, `AdjustmentDecided`; faults count from 1.
    """
    first = {item: n for n, item in reversed(list(enumerate(adjustment_ids, start=1)))}
    faults: dict[type[Refusal], list[Fault]] = {
        refusal: [] for refusal in (Invalid, NoSuchAdjustment, Forbidden, AdjustmentDecided)
    }

    def fault(refusal: type[Refusal], number: int, reason: str) -> None:
        faults[refusal].append(Fault(number, "adjustment_id", reason))

    for number, adjustment_id in enumerate(adjustment_ids, start=1):
        item = held.get(adjustment_id)
        if first[adjustment_id] != number:
            told = f"{adjustment_id} is named by record {first[adjustment_id]} already"
            fault(Invalid, number, told)
        elif item is None:
            fault(NoSuchAdjustment, number, f"{adjustment_id} does not exist")
        elif barred & {"*", item.account}:
            told = f"{adjustment_id} is of account {item.account}, blocked for you"
            fault(Forbidden, number, told)
        elif item.status != Status.PENDING:
            fault(AdjustmentDecided, number, f"{adjustment_id} is {item.status}")
    for refusal, found in faults.items():
        refuse_file(refusal, found)
