"""A batch of items in columns: what they are priced by, and what each line comes to.

Inside are integers: money is exact over a denominator until it is rounded to minor units.
"""

from collections.abc import Mapping, Sequence
from operator import add

from msgspec import Struct

from currant.tariffs.rounding import Rounding, rounded
from currant.tariffs.terms import RoundPer
from currant.tariffs.versions import Plan, Term

Column = Sequence[int]


class Determinants(Struct, frozen=True):
    """What a batch of items is priced by, item i at index i of every column.

    `days` are those supplied and `period_days` those that the monthly rates are told for: equal for
    a whole month, 60 of 30 for two, 10 of 31 for a part. Buckets are 1 to 9; `peak_w` and
    `past_peak_w`, the highest of the ratchet's months, have the maximum over all time as 0. What a
    mapping lacks is nothing. `capacity_va` is what a KVA charge is told for.
    """

    days: Column
    period_days: Column
    energy_wh: Mapping[int, Column] = {}
    export_wh: Mapping[int, Column] = {}
    peak_w: Mapping[int, Column] = {}
    past_peak_w: Mapping[int, Column] = {}
    capacity_va: Column = ()


class Priced(Struct, frozen=True):
    """One line over a batch, its money in minor units; `edges` are its block's bounds."""

    term: Term
    quantity: Column
    net_minor: Column
    tax_minor: Column
    edges: tuple[Column | None, Column | None] = (None, None)


def exact_money(
    plan: Plan, items: Determinants, term: Term, quantity: Column
) -> tuple[Column, Column]:
    """Return the exact money of a column: numerators, and what each is over."""
    weight, over = term.weight, [plan.scale] * len(quantity)
    if term.shared:
        over = [plan.scale * days for days in items.period_days]
    if term.shared or term.daily:
        counted = zip(quantity, items.days, strict=True)
        return [number * weight * days for number, days in counted], over
    return [number * weight for number in quantity], over


def price_column(
    plan: Plan,
    items: Determinants,
    term: Term,
    quantity: Column,
    edges: tuple[Column | None, Column | None] = (None, None),
) -> Priced:
    """Price a column, each item rounded by itself."""
    tops, bottoms = exact_money(plan, items, term, quantity)
    net = round_column(tops, bottoms, term.rounding, term.sign)
    tax = tax_on(term, net, plan.tax)
    if term.taxable and plan.version.terms.round_per is RoundPer.BILL:
        part, whole = plan.tax
        taxed = [top * part for top in tops], [bottom * whole for bottom in bottoms]
        tax = round_column(*taxed, Rounding.HALF_UP, term.sign)
    return Priced(term, quantity, net, tax, edges)


def tax_on(term: Term, net: Column, tax: tuple[int, int]) -> Column:
    """Return the tax on a column, half-up; none where its line is free of tax."""
    if not term.taxable:
        return [0] * len(net)
    part, whole = tax
    return [rounded(amount * part, whole) for amount in net]


def round_column(tops: Column, bottoms: Column, how: Rounding, sign: int) -> list[int]:
    """Round a column; the magnitude is rounded and the sign put to it."""
    return [sign * rounded(top, bottom, how) for top, bottom in zip(tops, bottoms, strict=True)]


def sum_rows(columns: Sequence[Column], length: int) -> list[int]:
    """Add columns of one length row by row."""
    if not columns:
        return [0] * length
    total = list(columns[0])
    for column in columns[1:]:
        total = list(map(add, total, column))
    return total
