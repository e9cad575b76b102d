"""The pricing kernel's second stage for bills: determinants of a calculation period to charges.

`price_bills` prices a batch of items under one version of a plan. Inside are integers: base units
of the register (Wh), W for demand, VA for capacity, days, and money in minor units; Decimal is at
the edges. A bill period that a change of rate or plan cuts is one calculation period a version
(domain rules 23 and 24): energy is priced as it is, thresholds and what is told for a month are
scaled by the days of each.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from operator import add, sub

from msgspec import Struct

from currant.errors import Invalid
from currant.money import apportion
from currant.tariffs.pricing import UnsoundTariff
from currant.tariffs.rounding import Rounding, rounded, settle
from currant.tariffs.terms import (
    Basis,
    BlocksOver,
    Discount,
    Inducement,
    LineType,
    Per,
    RoundPer,
    Terms,
)
from currant.tariffs.versions import (
    KILO,
    MINIMA,
    TOLD,
    Group,
    Plan,
    PlanVersion,
    Term,
    compiled,
    rounding_term,
)

_DAYS_OF_YEAR = 365

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


class BillLine(Struct, frozen=True, gc=False):
    """One line of a bill with all that explains it: quantity × rate × share, rounded, and its tax.

    `quantity`, `block_from` and `block_to` are in `unit`; a discount's quantity is the money that
    its percentage is of. `share_days` of `share_of` is the part of a month that the rate is for, 1
    of 1 where it is for no time. Money is in major units, credits are negative; `unrounded` is
    exact wherever 28 digits can be.
    """

    line_type: LineType
    tier: str
    description: str
    coa: str
    ar_coa: str
    quantity: Decimal
    unit: str
    rate: Decimal
    block_from: Decimal
    block_to: Decimal | None
    share_days: int
    share_of: int
    unrounded: Decimal
    rounding: Rounding
    net: Decimal
    taxable: bool
    tax_rate: Decimal
    tax: Decimal


class Priced(Struct, frozen=True):
    """One line over a batch, its money in minor units; `edges` are its block's bounds."""

    term: Term
    quantity: Column
    net_minor: Column
    tax_minor: Column
    edges: tuple[Column | None, Column | None] = (None, None)


class BillCharges(Struct, frozen=True):
    """What a batch of items costs under one version, a column a line that prices."""

    version: PlanVersion
    items: Determinants
    columns: tuple[Priced, ...]

    def net(self) -> list[int]:
        """Sum the net minor units of every item."""
        return _sums([column.net_minor for column in self.columns], len(self.items.days))

    def tax(self) -> list[int]:
        """Sum the tax minor units of every item."""
        return _sums([column.tax_minor for column in self.columns], len(self.items.days))

    def explain(self, item: int) -> list[BillLine]:
        """Expand one item into its lines; those without quantity and money are left out."""
        return [
            self._line(column, item)
            for column in self.columns
            if column.quantity[item] or column.net_minor[item] or column.tax_minor[item]
        ]

    def _line(self, column: Priced, item: int) -> BillLine:
        term, version = column.term, self.version
        days, of_days = term.share(self.items.days[item], self.items.period_days[item])
        quantity = _ratio(column.quantity[item], term.unit_size)
        exact = TOLD.multiply(quantity, term.price)
        if days != of_days:
            exact = TOLD.divide(TOLD.multiply(exact, days), of_days)
        net = _minor(column.net_minor[item], version)
        below, above = column.edges
        return BillLine(
            term.line_type,
            term.tier,
            term.description,
            term.coa,
            term.ar_coa,
            quantity,
            term.unit,
            term.rate,
            Decimal(0) if below is None else _ratio(below[item], term.unit_size),
            None if above is None else _ratio(above[item], term.unit_size),
            days,
            of_days,
            net if term.derived else term.sign * exact,
            term.rounding,
            net,
            term.taxable,
            version.tax_rate if term.taxable else Decimal(0),
            _minor(column.tax_minor[item], version),
        )


def price_bills(version: PlanVersion, items: Determinants) -> BillCharges:
    """Price a batch of items under one version.

    Tax is rounded half-up for each line (domain rule 25). Where the plan rounds per bill, a line of
    its own brings the sum of the rounded lines to the rounded sum.

    Raises UnsoundTariff for energy that no rate prices, Invalid for columns of different length.
    """
    _check_items(items)
    plan = compiled(version)
    columns = list(_rated(plan, items))
    columns += [
        _priced(plan, items, term, _measured(basis, items))
        for basis, term in plan.standing
        if basis not in MINIMA
    ]
    if version.terms.round_per is RoundPer.BILL and columns:
        columns.append(_rounding_line(plan, items, columns))
    for basis, term in plan.standing:
        if basis in MINIMA:
            columns.append(_minimum(plan, items, term, columns))
    for discount, taxed, free in plan.discounts:
        columns += _discounted(plan, items, (discount, taxed, free), columns)
    return BillCharges(version, items, tuple(columns))


def share_tax(net_minor: Sequence[int], tax_rate: Decimal) -> list[int]:
    """Round the tax on an invoice's taxable lines once, half-up, and share it among them.

    Each line gets its exact tax brought to a minor unit, up for the largest remainders.
    """
    top, bottom = tax_rate.as_integer_ratio()
    exact = [net * top for net in net_minor]
    return settle(exact, bottom, rounded(sum(exact), bottom))


def _check_items(items: Determinants) -> None:
    """Refuse a batch whose columns are not of one length, and days that share nothing."""
    measured = (items.energy_wh, items.export_wh, items.peak_w, items.past_peak_w)
    columns = [column for mapping in measured for column in mapping.values()]
    lengths = {len(items.days), len(items.period_days), *map(len, columns)}
    if len(lengths) > 1 or (items.capacity_va and len(items.capacity_va) not in lengths):
        raise Invalid("The columns of the determinants are not of one length.")
    if items.days and (min(items.days) < 0 or min(items.period_days) < 1):
        raise Invalid("Days supplied are 0 or more, of a period of at least one day.")


def _rated(plan: Plan, items: Determinants) -> Iterator[Priced]:
    """Price what was used, demanded and fed in, a column for each block of each tier."""
    length = len(items.days)
    total = _sums(list(items.energy_wh.values()), length)
    _refuse_unpriced(plan, items)
    for group in plan.groups:
        if group.kind == "D":
            base = _demand(plan.version.terms, group, items)
        elif group.kind == "X":
            base = _over(items.export_wh, group.buckets, length)
        elif group.kind == "T":
            base = _over(items.energy_wh, group.buckets, length)
        else:
            base = total
        edges = [_edges(plan.version, group, step, items) for step in group.steps]
        over = total if _in_common(plan.version.terms, group) else base
        quantities = _blocks(over, edges)
        if over is not base:
            quantities = _shared_out(base, quantities)
        bounds = zip([None, *edges[1:]], [*edges[1:], None], strict=True)
        columns = [
            _priced(plan, items, term, quantity, bound)
            for term, quantity, bound in zip(group.blocks, quantities, bounds, strict=True)
        ]
        if plan.version.terms.round_per is RoundPer.LINE and len(columns) > 1:
            columns = _rounded_together(plan, items, columns)
        yield from columns


def _in_common(terms: Terms, group: Group) -> bool:
    return group.kind == "T" and len(group.blocks) > 1 and terms.blocks_over is BlocksOver.TOTAL


def _refuse_unpriced(plan: Plan, items: Determinants) -> None:
    """Refuse energy of a bucket that no usage rate prices: none is free by oversight."""
    priced = {bucket for group in plan.groups if group.kind in "BT" for bucket in group.buckets}
    for bucket, column in items.energy_wh.items():
        if bucket not in priced and any(column):
            raise UnsoundTariff(
                f"There is energy in time-of-use bucket {bucket} and no rate that prices it.",
                field=f"T{bucket}",
            )


def _demand(terms: Terms, group: Group, items: Determinants) -> Column:
    """Return the demand billed: the highest of the buckets, at least the ratchet's share."""
    nothing = [0] * len(items.days)
    peak = _highest(items.peak_w, group.buckets, nothing)
    if not terms.ratchet_share:
        return peak
    top, bottom = terms.ratchet_share.as_integer_ratio()
    past = _highest(items.past_peak_w, group.buckets, nothing)
    return [max(now, rounded(then * top, bottom)) for now, then in zip(peak, past, strict=True)]


def _highest(peaks: Mapping[int, Column], buckets: Sequence[int], nothing: Column) -> Column:
    columns = [peaks[bucket] for bucket in buckets if bucket in peaks]
    return list(map(max, *columns)) if len(columns) > 1 else (columns or [nothing])[0]


def _over(measured: Mapping[int, Column], buckets: Sequence[int], length: int) -> Column:
    return _sums([measured[bucket] for bucket in buckets if bucket in measured], length)


def _edges(
    version: PlanVersion, group: Group, step: tuple[int, int], items: Determinants
) -> Column:
    """Return where a block begins for each item, in base units."""
    top, bottom = step
    if group.kind == "D" or top == 0:
        return [rounded(top * KILO, bottom)] * len(items.days)
    period, size = version.terms.block_period, version.unit_size
    grain = size if version.terms.whole_blocks else 1

    def edge(days: int, period_days: int) -> int:
        of_days = {Per.DAY: 1, Per.MONTH: period_days, Per.YEAR: _DAYS_OF_YEAR}[period]
        scaled = top * days * (size // grain)
        return grain * rounded(scaled, bottom * of_days)

    pairs = list(zip(items.days, items.period_days, strict=True))
    known = {pair: edge(*pair) for pair in set(pairs)}
    return list(map(known.__getitem__, pairs))


def _blocks(total: Column, edges: Sequence[Column]) -> list[Column]:
    """Split quantities into blocks: what is above a threshold less what is above the next."""
    above = [total] + [
        [t - e if t > e else 0 for t, e in zip(total, edge, strict=True)] for edge in edges[1:]
    ]
    return [list(map(sub, lower, upper)) for lower, upper in pairwise(above)] + [above[-1]]


def _shared_out(base: Column, blocks: Sequence[Column]) -> list[Column]:
    """Share each item's own quantity as the blocks of the total lie, by largest remainder."""
    shares = [
        apportion(own, widths)
        if min(widths) >= 0 and any(widths)
        else [own] + [0] * len(widths[1:])
        for own, widths in zip(base, zip(*blocks, strict=True), strict=True)
    ]
    return [list(column) for column in zip(*shares, strict=True)] if shares else list(blocks)


def _measured(basis: Basis, items: Determinants) -> Column:
    """Return what a standing charge counts."""
    if basis is Basis.KVA:
        return items.capacity_va or [0] * len(items.days)
    return items.days if basis is Basis.DAILY else [1] * len(items.days)


def _exact(plan: Plan, items: Determinants, term: Term, quantity: Column) -> tuple[Column, Column]:
    """Return the exact money of a column: numerators, and what each is over."""
    weight, over = term.weight, [plan.scale] * len(quantity)
    if term.shared:
        over = [plan.scale * days for days in items.period_days]
    if term.shared or term.daily:
        counted = zip(quantity, items.days, strict=True)
        return [number * weight * days for number, days in counted], over
    return [number * weight for number in quantity], over


def _priced(
    plan: Plan,
    items: Determinants,
    term: Term,
    quantity: Column,
    edges: tuple[Column | None, Column | None] = (None, None),
) -> Priced:
    """Price a column, each item rounded by itself."""
    tops, bottoms = _exact(plan, items, term, quantity)
    net = _round_column(tops, bottoms, term.rounding, term.sign)
    tax = _tax(term, net, plan.tax)
    if term.taxable and plan.version.terms.round_per is RoundPer.BILL:
        part, whole = plan.tax
        taxed = [top * part for top in tops], [bottom * whole for bottom in bottoms]
        tax = _round_column(*taxed, Rounding.HALF_UP, term.sign)
    return Priced(term, quantity, net, tax, edges)


def _tax(term: Term, net: Column, tax: tuple[int, int]) -> Column:
    if not term.taxable:
        return [0] * len(net)
    part, whole = tax
    return [rounded(amount * part, whole) for amount in net]


def _rounded_together(plan: Plan, items: Determinants, columns: Sequence[Priced]) -> list[Priced]:
    """Round the blocks of a tier once, and share that among them."""
    exact = [_exact(plan, items, column.term, column.quantity) for column in columns]
    term = columns[0].term
    nets = [
        [term.sign * part for part in settle(tops, over, rounded(sum(tops), over, term.rounding))]
        for *tops, over in zip(*(tops for tops, _ in exact), exact[0][1], strict=True)
    ]
    settled = []
    for number, column in enumerate(columns):
        net = [shares[number] for shares in nets]
        tax = _tax(column.term, net, plan.tax)
        settled.append(Priced(column.term, column.quantity, net, tax, column.edges))
    return settled


def _rounding_line(plan: Plan, items: Determinants, columns: Sequence[Priced]) -> Priced:
    """Bring the rounded lines to the sum that is rounded once: its net, then net and tax."""
    part, whole = plan.tax
    first = columns[0].term
    nets, taxes = [], []
    exact = [_exact(plan, items, column.term, column.quantity) for column in columns]
    for item in range(len(items.days)):
        over = math.lcm(*(bottoms[item] for _, bottoms in exact))
        net = gross = 0
        for column, (tops, bottoms) in zip(columns, exact, strict=True):
            amount = column.term.sign * tops[item] * (over // bottoms[item])
            net += amount
            gross += amount * (whole + part if column.term.taxable else whole)
        due = rounded(net, over, first.rounding)
        with_tax = rounded(gross, over * whole, first.rounding)
        nets.append(due - sum(column.net_minor[item] for column in columns))
        taxes.append(with_tax - due - sum(column.tax_minor[item] for column in columns))
    return Priced(rounding_term(first), [0] * len(nets), nets, taxes)


def _minimum(plan: Plan, items: Determinants, term: Term, columns: Sequence[Priced]) -> Priced:
    """Raise what all charges come to, credits apart, to the minimum."""
    charged = [column.net_minor for column in columns if column.term.sign > 0]
    least = _round_column(*_exact(plan, items, term, [1] * len(items.days)), term.rounding, 1)
    net = [max(0, low - sum(paid)) for low, *paid in zip(least, *charged, strict=True)]
    return Priced(term, [1 if amount else 0 for amount in net], net, _tax(term, net, plan.tax))


def _discounted(
    plan: Plan,
    items: Determinants,
    offered: tuple[Discount, Term, Term],
    columns: Sequence[Priced],
) -> Iterator[Priced]:
    """Take a discount off: off what is taxed and what is free apart, where it is a percentage."""
    discount, taxed, free = offered
    length = len(items.days)
    charged = [column for column in columns if column.term.sign > 0]
    if discount.kind is Inducement.AMOUNT:
        term = taxed if discount.taxable else free
        due = _sums([column.net_minor for column in columns], length)
        wanted = _round_column(*_exact(plan, items, term, [1] * length), term.rounding, 1)
        net = [-max(0, min(much, most)) for much, most in zip(wanted, due, strict=True)]
        yield Priced(term, [1 if amount else 0 for amount in net], net, _tax(term, net, plan.tax))
        return
    top, bottom = discount.value.as_integer_ratio()
    for term in (taxed, free):
        bases = [
            column.net_minor
            for column in charged
            if column.term.taxable is term.taxable
            and (
                discount.kind is Inducement.PERCENT_OF_BILL
                or column.term.line_type is LineType.USAGE
            )
        ]
        if bases:
            base = _sums(bases, length)
            net = [-rounded(amount * top, bottom * 100, term.rounding) for amount in base]
            yield Priced(term, base, net, _tax(term, net, plan.tax))


def _round_column(tops: Column, bottoms: Column, how: Rounding, sign: int) -> list[int]:
    """Round a column; the magnitude is rounded and the sign put to it."""
    return [sign * rounded(top, bottom, how) for top, bottom in zip(tops, bottoms, strict=True)]


def _sums(columns: Sequence[Column], length: int) -> list[int]:
    """Add columns of one length row by row."""
    if not columns:
        return [0] * length
    total = list(columns[0])
    for column in columns[1:]:
        total = list(map(add, total, column))
    return total


def _ratio(quantity: int, size: int) -> Decimal:
    return TOLD.divide(Decimal(quantity), size)


def _minor(amount: int, version: PlanVersion) -> Decimal:
    return Decimal(amount).scaleb(-version.minor_units, TOLD)
