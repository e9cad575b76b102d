"""What stands against an act on arrears: items that cannot be meant, amounts that do not fit."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from currant.csvfile import refuse_file
from currant.errors import Fault, Forbidden, Invalid, Refusal
from currant.money import format_money, from_minor, half_up, minor_units
from currant.receivables.model import ArrearsSettled, ArrearsTakenBack, HeldItem, NoSuchArrears


def refuse_items(
    item_ids: Sequence[int], held: Mapping[int, HeldItem], barred: frozenset[str]
) -> None:
    """Refuse arrears that are named twice, are not there or were taken back, or are `barred`.

    Raises `Invalid`, `NoSuchArrears`, `Forbidden`, `ArrearsTakenBack`; the faults count from 1.
    """
    first = {item_id: number for number, item_id in reversed(list(enumerate(item_ids, start=1)))}
    faults: dict[type[Refusal], list[Fault]] = {
        refusal: [] for refusal in (Invalid, NoSuchArrears, Forbidden, ArrearsTakenBack)
    }

    def fault(refusal: type[Refusal], number: int, reason: str) -> None:
        faults[refusal].append(Fault(number, "arrears_id", reason))

    for number, item_id in enumerate(item_ids, start=1):
        item = held.get(item_id)
        if first[item_id] != number:
            fault(Invalid, number, f"{item_id} is named by record {first[item_id]} already")
        elif item is None:
            fault(NoSuchArrears, number, f"{item_id} does not exist")
        elif barred & {"*", item.account}:
            fault(Forbidden, number, f"{item_id} is of account {item.account}, blocked for you")
        elif item.taken_back:
            fault(ArrearsTakenBack, number, f"{item_id} is owed no more")
    for refusal, found in faults.items():
        refuse_file(refusal, found)


def refuse_amounts(
    items: Sequence[HeldItem], amounts: Sequence[Decimal], limit: int | None, currency: str
) -> None:
    """Refuse to write off what is no amount, is above a limit, or is more than what is owed.

    Raises `Invalid`, `Forbidden`, `ArrearsSettled`; the faults count from 1.
    """
    places = minor_units(currency)
    unfit, settled = [], []
    for number, (item, amount) in enumerate(zip(items, amounts, strict=True), start=1):
        if item.outstanding == 0:
            settled.append(Fault(number, "arrears_id", f"nothing is owed on {item.item_id}"))
        elif not amount.is_finite() or amount <= 0:
            unfit.append(Fault(number, "amount", f"{amount} is not more than nothing"))
        elif amount != half_up(amount, places):
            unfit.append(Fault(number, "amount", f"{amount} has more than {places} decimals"))
        elif amount > item.outstanding:
            owed = format_money(item.outstanding, currency)
            settled.append(Fault(number, "amount", f"{owed} is owed on {item.item_id}"))
    refuse_file(Invalid, unfit)
    refuse_file(Forbidden, beyond_limit(enumerate(amounts, start=1), limit, currency))
    refuse_file(ArrearsSettled, settled)


def beyond_limit(
    amounts: Iterable[tuple[int, Decimal]], limit: int | None, currency: str
) -> list[Fault]:
    """List the numbered amounts that are above a limit in minor units; none is no limit."""
    if limit is None:
        return []
    most = from_minor(limit, currency)
    reason = f"it is above your special limit of {format_money(most, currency)}"
    return [Fault(number, "amount", reason) for number, amount in amounts if abs(amount) > most]
