"""Tenders: what a cashier can be paid with, and what an amount of it may be."""

from decimal import Decimal

from currant.errors import Invalid
from currant.money import minor_units, to_minor

TENDERS = ("cash", "check", "card", "eft")

_LARGEST = Decimal(10) ** 9
_BEYOND_NUMBERS = 2**63


def refuse_tender(kind: str, number: int) -> None:
    """Refuse a kind of tender that there is not, and a check number that is none."""
    if kind not in TENDERS:
        raise Invalid(f"The tender is one of {', '.join(TENDERS)}.", field="tender")
    if not 0 <= number < _BEYOND_NUMBERS:
        raise Invalid(
            f"The tender_number is a whole number from 0 to {_BEYOND_NUMBERS - 1}.",
            field="tender_number",
        )


def tender_minor(amount: Decimal, currency: str) -> int:
    """Return a tender in minor units: above nothing, and whole ones. Raises `Invalid`."""
    places = minor_units(currency)
    if not amount.is_finite() or not 0 < amount <= _LARGEST:
        raise Invalid(f"The amount {amount} is not above 0 and at most {_LARGEST}.", field="amount")
    if amount != round(amount, places):
        raise Invalid(f"The amount {amount} has more than {places} decimals.", field="amount")
    return to_minor(amount, currency)
