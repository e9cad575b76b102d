"""How exact money becomes whole minor units."""

from collections.abc import Sequence
from enum import StrEnum


class Rounding(StrEnum):
    """How a number between two minor units is brought to one of them.

    Halves away from zero, halves to the even one, always away from zero, or cut.
    """

    HALF_UP = "HALF_UP"
    HALF_EVEN = "HALF_EVEN"
    UP = "UP"
    TRUNCATE = "TRUNCATE"


def rounded(top: int, bottom: int, how: Rounding = Rounding.HALF_UP) -> int:
    """Round a ratio to a whole number by its magnitude; the denominator is positive."""
    if top < 0:
        return -rounded(-top, bottom, how)
    if how is Rounding.HALF_UP:
        return (2 * top + bottom) // (2 * bottom)
    whole, rest = divmod(top, bottom)
    if how is Rounding.UP:
        return whole + (rest > 0)
    if how is Rounding.HALF_EVEN:
        return whole + (2 * rest > bottom or (2 * rest == bottom and whole % 2 == 1))
    return whole


def settle(tops: Sequence[int], bottom: int, total: int) -> list[int]:
    """Bring exact parts to whole ones that sum to a total, up for the largest remainders.

    The total is the parts' sum, rounded in any of the ways. Equal remainders go to the earliest.
    """
    whole = [top // bottom for top in tops]
    by_remainder = sorted(range(len(tops)), key=lambda n: tops[n] % bottom, reverse=True)
    for n in by_remainder[: total - sum(whole)]:
        whole[n] += 1
    return whole
