"""Money and energy as exact numbers: rounding, sharing, reading and writing them.

Amounts are Decimals in major units, energy is integer Wh. Rounding is half-up and symmetric: the
magnitude is rounded, then the sign put back (conformance.md 10.4). A rounded zero has no sign.
"""

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache

from babel.numbers import format_currency, get_currency_precision, is_currency

from currant.errors import Invalid

# The default context would refuse to quantise what needs more than 28 digits.
_EXACT = Context(prec=100)

_PLAIN = re.compile(r"(-?)(\d+)(?:\.(\d+))?", re.ASCII)
_MAX_WHOLE_DIGITS = 15


@lru_cache(maxsize=400)
def minor_units(currency: str) -> int:
    """Return how many decimals a currency has in the CLDR: 2 for USD, 0 for JPY, 3 for KWD.

    Raises `Invalid` for a code that ISO 4217 never had.
    """
    if not is_currency(currency):
        raise Invalid(f"{currency[:40]!r} is not an ISO 4217 currency code.", field="currency")
    return get_currency_precision(currency)


def half_up(amount: Decimal, places: int) -> Decimal:
    """Round to a number of decimals, halves away from zero."""
    rounded = amount.quantize(_unit(places), ROUND_HALF_UP, _EXACT)
    return rounded or rounded.copy_abs()


@lru_cache(maxsize=64)
def _unit(places: int) -> Decimal:
    return Decimal((0, (1,), -places))


def round_money(amount: Decimal, currency: str) -> Decimal:
    """Round half-up to the currency's minor unit."""
    return half_up(amount, minor_units(currency))


def to_minor(amount: Decimal, currency: str) -> int:
    """Return an amount in integer minor units, half-up: `$1,000.00` is 100000."""
    return int(round_money(amount, currency).scaleb(minor_units(currency), _EXACT))


def tax_within(amount: Decimal, rate: Decimal, places: int) -> Decimal:
    """Return the tax that an amount includes, half-up: 11.00 at a tenth holds 1.00."""
    top, bottom = (amount * rate).as_integer_ratio()
    whole, of = (1 + rate).as_integer_ratio()
    return half_up(_EXACT.divide(Decimal(top * of), Decimal(bottom * whole)), places)


def from_minor(minor: int, currency: str) -> Decimal:
    """Return integer minor units as an amount: 100000 is `1000.00` in USD."""
    return Decimal(minor).scaleb(-minor_units(currency), _EXACT)


def format_money(amount: Decimal, currency: str) -> str:
    """Write an amount as `$1,765.75`, `-$12.50`, `$0.00`: sign, symbol, grouping, minor unit.

    The symbol is the one of the CLDR's en_US for every reader, so that no two currencies look the
    same: `A$12.50`, `¥1,766`, `KWD1.500`. Conformance.md 1.6.
    """
    rounded = round_money(amount, currency)
    sign = "-" if rounded < 0 else ""
    return f"{sign}{_symbol(currency)}{rounded.copy_abs():,f}"


def parse_amount(text: str, *, places: int, signed: bool = False) -> Decimal:
    """Read an unsigned decimal such as `100` or `100.25`; `signed` admits a leading minus.

    Nothing else is a number here: no plus, symbol, grouping, exponent, blank or digit outside
    ASCII, at most 15 digits before the point and `places` after it. Raises `Invalid`.
    """
    match = _PLAIN.fullmatch(text)
    if match is None:
        raise Invalid(
            f"{text[:40]!r} is not a plain number such as 100 or 100.25: only the digits 0-9 and"
            " one point between them."
        )
    sign, whole, decimals = match.groups("")
    if sign and not signed:
        raise Invalid(f"{text[:40]!r} is negative; here a number has no sign.")
    if len(whole) > _MAX_WHOLE_DIGITS:
        raise Invalid(f"{text[:40]!r} has more than {_MAX_WHOLE_DIGITS} digits before the point.")
    if len(decimals) > places:
        raise Invalid(f"{text[:40]!r} has {len(decimals)} decimals; at most {places} are taken.")
    amount = Decimal(text)
    return amount or amount.copy_abs()


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Share a total by weights in whole units, by largest remainder; the shares sum to the total.

    Equal remainders go to the earliest weight, a weight of zero gets nothing, and the shares of a
    negative total mirror those of the positive one. A total of zero is shared as zeros whatever
    the weights. Raises `ValueError` for a negative weight, and where a total has no weight to go
    to: money or energy is not given to someone by accident.
    """
    if weights and min(weights) < 0:
        raise ValueError("a weight is negative")
    if total == 0:
        return [0] * len(weights)
    whole = sum(weights)
    if whole == 0:
        raise ValueError("all weights are zero")
    size = abs(total)
    shares = [size * weight // whole for weight in weights]
    remainders = [size * weight % whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=remainders.__getitem__, reverse=True)
    for i in by_remainder[: size - sum(shares)]:
        shares[i] += 1
    return shares if total > 0 else [-share for share in shares]


def kwh(energy_wh: int) -> Decimal:
    """Return Wh as kWh with three decimals, exactly."""
    return Decimal(energy_wh).scaleb(-3, _EXACT)


def wh_from(energy_kwh: Decimal) -> int:
    """Return kWh as whole Wh, half-up."""
    return int(half_up(energy_kwh.scaleb(3, _EXACT), 0))


@lru_cache(maxsize=400)
def _symbol(currency: str) -> str:
    """Return what Babel writes before the digits."""
    zero = round_money(Decimal(0), currency)
    return format_currency(zero, currency, locale="en_US").removesuffix(str(zero))
