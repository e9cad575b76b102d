"""The one pricing kernel: nothing else in the product multiplies a quantity by a rate.

`price` turns energy into charges, `units_for` turns money into energy, and `value_of` says what a
balance of units is worth. All are pure and exact: integers inside (energy in Wh, or whatever whole
base unit the registers count; money in minor units), Decimal at the edges. Money is rounded
half-up, away from zero, once per line, so that a correction is the exact mirror of the charge it
takes back (conformance.md 10.4).

The columns are plain integer lists: measured at 0.15 µs a meter for a linear tariff against 0.1 µs
with an array library, which would overflow where these stay exact.
"""

import math
from collections.abc import Mapping, Sequence
from decimal import Context, Decimal
from functools import lru_cache
from itertools import pairwise
from operator import add, sub

from msgspec import Struct

from currant.errors import Invalid, Refusal
from currant.money import apportion

# Wide enough that money of any plausible size leaves the kernel without a second rounding.
_WIDE = Context(prec=100)

TIERS = {f"{kind}{number}" for kind in "BT" for number in range(1, 10)} | {"A", "L", "L2", "L3"}


class UnsoundTariff(Refusal):
    """The rates in force cannot price this energy; nothing was priced; correct them."""


class FreeEnergy(Refusal):
    """From this position on energy costs nothing, so no amount buys a definite quantity."""


class RateLine(Struct, frozen=True):
    """One rate of a tariff.

    `tier` is B1..B9 for the blocks of a month's usage, T1..T9 for the time-of-use buckets, A for
    the fuel adder, L, L2 and L3 for the levies; A and L price all energy. `rate` is money per unit
    before tax, zero or more, kept to its last digit. `usage_base_start` is where a block begins,
    in units; the other tiers disregard it.
    """

    tier: str
    rate: Decimal
    coa: str
    usage_base_start: int | Decimal = 0
    taxable: bool = False
    description: str = ""


class TariffVersion(Struct, frozen=True, cache_hash=True):
    """The rate lines in force together between two changes, all B or all T beside A and L.

    `tax_rate` 0.05 is 5 %. `minor_units` is the currency's number of decimals. `unit_size` is how
    many Wh (or litres, or other base units of the register) make one unit of the tariff.

    Blocks are marginal and sorted by where they begin. Of blocks that begin at one threshold the
    **lowest tier** prices and the others wait: a new tariff has B1..Bn all at 0 and is linear at
    the rate of B1 (10.5 vii), a change of B1 alone changes that rate, and B2..Bn come into play
    one by one, in any order, as their thresholds are scheduled. The lowest block reaches down
    without end, whatever its threshold says, so that no energy is free by oversight; a free
    allowance is a block of rate 0.

    Raises UnsoundTariff.
    """

    lines: tuple[RateLine, ...]
    tax_rate: Decimal
    minor_units: int
    unit_size: int = 1000

    def __post_init__(self) -> None:
        """Compile at once: an unsound version cannot exist."""
        _compile(self)


class ChargeLine(Struct, frozen=True, gc=False):
    """One priced line with all that explains it.

    `block_from_wh` and `block_to_wh` bound the block: 0 and None for what prices all energy.
    `unrounded_amount` is quantity × rate, exact wherever a decimal can be (100 digits else);
    `net_amount` and `tax_amount` are money in whole minor units.
    """

    tier: str
    description: str
    coa: str
    block_from_wh: int
    block_to_wh: int | None
    quantity_wh: int
    rate: Decimal
    unrounded_amount: Decimal
    net_amount: Decimal
    taxable: bool
    tax_rate: Decimal
    tax_amount: Decimal


class Column(Struct, frozen=True):
    """One rate line over a batch: item i is at index i; money in minor units."""

    line: RateLine
    quantity_wh: Sequence[int]
    net_minor: Sequence[int]
    tax_minor: Sequence[int]


class Charges(Struct, frozen=True):
    """What a batch of items costs under one version, a column per rate line that prices."""

    version: TariffVersion
    columns: tuple[Column, ...]

    def net_by_coa(self) -> dict[str, Sequence[int]]:
        """Sum the net minor units of every item per revenue account."""
        totals: dict[str, Sequence[int]] = {}
        for column in self.columns:
            so_far = totals.get(column.line.coa)
            net = column.net_minor
            totals[column.line.coa] = net if so_far is None else list(map(add, so_far, net))
        return totals

    def tax(self) -> Sequence[int]:
        """Sum the tax minor units of every item."""
        return _sum_columns([column.tax_minor for column in self.columns])

    def explain(self, item: int) -> list[ChargeLine]:
        """Expand one item into its lines; lines without quantity are left out."""
        plan = _compile(self.version)
        return [
            plan.charge_line(
                term, column.quantity_wh[item], column.net_minor[item], column.tax_minor[item]
            )
            for term, column in zip(plan.terms, self.columns, strict=True)
            if column.quantity_wh[item]
        ]


class Sale(Struct, frozen=True):
    """What money buys: whole Wh, and lines whose net and tax sum exactly to that money."""

    energy_wh: int
    lines: list[ChargeLine]


class _Term(Struct, frozen=True):
    """A rate line in integers: `net` and `tax` are minor units per Wh times the plan's scale."""

    line: RateLine
    net: int
    tax: int
    per_wh: Decimal
    from_wh: int
    to_wh: int | None


class _Plan(Struct, frozen=True):
    """A compiled version: either blocks, by rising threshold, or buckets, and what adds to all."""

    blocks: tuple[_Term, ...]
    buckets: dict[int, _Term]
    adders: tuple[_Term, ...]
    terms: tuple[_Term, ...]
    scale: int
    tax: tuple[int, int]
    tax_rate: Decimal
    minor_unit: Decimal

    def bucket(self, bucket: int) -> _Term:
        """Return the rate of a time-of-use bucket, or refuse."""
        if bucket not in self.buckets:
            raise UnsoundTariff(
                f"There is energy in time-of-use bucket {bucket} and no rate of tier T{bucket}.",
                field=f"T{bucket}",
            )
        return self.buckets[bucket]

    def charge_line(
        self, term: _Term, quantity_wh: int, net_minor: int, tax_minor: int
    ) -> ChargeLine:
        """Tell a line, its money as Decimal."""
        line = term.line
        return ChargeLine(
            line.tier,
            line.description,
            line.coa,
            term.from_wh,
            term.to_wh,
            quantity_wh,
            line.rate,
            _WIDE.multiply(term.per_wh, quantity_wh),
            _WIDE.multiply(self.minor_unit, net_minor),
            line.taxable,
            self.tax_rate if line.taxable else Decimal(0),
            _WIDE.multiply(self.minor_unit, tax_minor),
        )


def price(
    version: TariffVersion,
    energy_wh: Mapping[int, Sequence[int]],
    counter_wh: Sequence[int] | None = None,
) -> Charges:
    """Price a batch of items under one version.

    `energy_wh` holds a column per time-of-use bucket, all of one length; meters without time of
    use have bucket 1 only. Blocks, adders and levies price the sum over the buckets.
    `counter_wh` is each item's position in its month before this energy (10.5 ii), absent for 0.

    For drawdown the items are meters with their cumulative energy of the month, and the caller
    posts the difference to what it posted before. Energy may be negative: then the charge is
    minus that of the energy between the lowered position and the counter.

    Raises UnsoundTariff for energy in a bucket that has no rate.
    """
    plan = _compile(version)
    columns = []
    for term, quantity in zip(plan.terms, _quantities(plan, energy_wh, counter_wh), strict=True):
        net = _half_up(quantity, term.net, plan.scale)
        tax = _half_up(net, *plan.tax) if term.line.taxable else [0] * len(net)
        columns.append(Column(term.line, quantity, net, tax))
    return Charges(version, tuple(columns))


def units_for(
    version: TariffVersion, amount_minor: int, counter_wh: int = 0, bucket: int = 1
) -> Sale:
    """Say what an amount, tax included, buys from the counter's position: the inverse of `price`.

    The exact quantity goes up through the blocks at their marginal prices with tax, and is rounded
    half-up to whole Wh at its end (J29: 10 / 0.3572 → 27.996 kWh). Net and tax of the lines are
    its exact amounts, which sum to the amount, brought to minor units by largest remainder. Under
    time of use all energy is valued at `bucket`.

    Raises Invalid for a negative amount, UnsoundTariff for a bucket that has no rate, FreeEnergy
    when the amount outlasts all blocks that cost something.
    """
    if amount_minor < 0:
        raise Invalid("The amount is negative; nothing was sold.", field="amount")
    if amount_minor == 0:
        return Sale(0, [])
    plan = _compile(version)
    blocks = plan.blocks or (plan.bucket(bucket),)
    bought, rest, marginal = _climb(plan, blocks, amount_minor * plan.scale, counter_wh)
    # Exact quantities are counted in parts of a Wh, marginal of them to one.
    exact = [quantity * marginal for _, quantity in bought]
    exact[-1] += rest
    whole = [quantity for _, quantity in bought]
    whole[-1] += 2 * rest >= marginal
    energy_wh = sum(whole)
    terms = [term for term, _ in bought] + list(plan.adders)
    exact += [sum(exact)] * len(plan.adders)
    whole += [energy_wh] * len(plan.adders)
    weights = [
        quantity * weight
        for term, quantity in zip(terms, exact, strict=True)
        for weight in (term.net, term.tax)
    ]
    shares = apportion(amount_minor, weights)
    priced = zip(terms, whole, shares[::2], shares[1::2], strict=True)
    lines = [plan.charge_line(term, *facts) for term, *facts in priced if any(facts)]
    return Sale(energy_wh, lines)


def price_fixed(
    amount: Decimal, units: Decimal, tax_rate: Decimal, minor_units: int, share: tuple[int, int]
) -> tuple[int, int]:
    """Price a monthly charge: an amount a unit (a supply, or a kVA) for a share of the month.

    `share` is (days supplied, days of the month). Returns net and tax in minor units, each rounded
    half-up (10.4, L19).
    """
    days, of_days = share
    scale = 10**minor_units
    top, bottom = amount.as_integer_ratio()
    unit_top, unit_bottom = units.as_integer_ratio()
    (net,) = _half_up((top * unit_top * days * scale,), 1, bottom * unit_bottom * of_days)
    (tax,) = _half_up((net,), *tax_rate.as_integer_ratio())
    return net, tax


def value_of(version: TariffVersion, energy_wh: int, counter_wh: int = 0, bucket: int = 1) -> int:
    """Value a balance of units at the current position, in minor units: `est_amt` of J16.

    All rates, no tax, no fixed charges, truncated once. A negative balance is worth minus what
    the same energy costs, truncated towards zero.

    Raises UnsoundTariff for a bucket that has no rate.
    """
    plan = _compile(version)
    quantities = _quantities(plan, {bucket: [abs(energy_wh)]}, [counter_wh])
    exact = sum(
        quantity * term.net for term, (quantity,) in zip(plan.terms, quantities, strict=True)
    )
    return exact // plan.scale if energy_wh >= 0 else -(exact // plan.scale)


def _climb(
    plan: _Plan, blocks: Sequence[_Term], money: int, counter_wh: int
) -> tuple[list[tuple[_Term, int]], int, int]:
    """Spend scaled money on whole Wh, block by block from a position.

    Returns what was bought in each block, the money left, and the price of one more Wh in the
    last of them, tax and adders included: what is left is less than that.
    """
    adders = sum(term.net + term.tax for term in plan.adders)
    bought: list[tuple[_Term, int]] = []
    marginal = 1
    for term in blocks:
        room = None if term.to_wh is None else term.to_wh - counter_wh
        if money == 0 or (room is not None and room <= 0):
            continue
        marginal = term.net + term.tax + adders
        if marginal:
            affordable = money // marginal
            quantity = affordable if room is None else min(affordable, room)
        elif room is not None:
            quantity = room
        else:
            raise FreeEnergy("Nothing was sold. Set a rate, or issue the units free of charge.")
        bought.append((term, quantity))
        money -= quantity * marginal
        counter_wh += quantity
        if quantity != room:
            break
    return bought, money, marginal


def _quantities(
    plan: _Plan, energy_wh: Mapping[int, Sequence[int]], counter_wh: Sequence[int] | None
) -> list[Sequence[int]]:
    """Split a batch into the quantity of each of the plan's terms, a column per term.

    A block's quantity is the energy above its own threshold less that above the next one, where
    energy above a threshold is a difference of two positions: additive however usage is split.
    """
    total = _sum_columns(list(energy_wh.values()))
    nothing = [0] * len(total)
    if plan.buckets:
        for bucket, column in energy_wh.items():
            if any(column):
                plan.bucket(bucket)
        split = [energy_wh.get(bucket, nothing) for bucket in plan.buckets]
    else:
        counters = nothing if counter_wh is None else counter_wh
        above = [total]
        for block in plan.blocks[1:]:
            edge = block.from_wh
            above.append(
                [
                    (start + energy - edge if start + energy > edge else 0)
                    - (start - edge if start > edge else 0)
                    for start, energy in zip(counters, total, strict=True)
                ]
            )
        split = [list(map(sub, lower, upper)) for lower, upper in pairwise(above)]
        split.append(above[-1])
    return split + [total] * len(plan.adders)


def _sum_columns(columns: Sequence[Sequence[int]]) -> Sequence[int]:
    """Add columns of one length row by row."""
    return columns[0] if len(columns) == 1 else list(map(sum, zip(*columns, strict=True)))


def _half_up(column: Sequence[int], numerator: int, denominator: int) -> list[int]:
    """Multiply every number by a ratio and round halves away from zero."""
    double, whole = 2 * numerator, 2 * denominator
    return [
        (number * double + denominator) // whole
        if number >= 0
        else -((denominator - number * double) // whole)
        for number in column
    ]


@lru_cache(maxsize=4096)
def _compile(version: TariffVersion) -> _Plan:
    """Check a version and bring its rates to integers over one common scale."""
    by_tier = {line.tier: line for line in sorted(version.lines, key=lambda line: line.tier)}
    _check(version, by_tier)
    tax_part, tax_whole = version.tax_rate.as_integer_ratio()
    rate_scale = math.lcm(*(line.rate.as_integer_ratio()[1] for line in version.lines))
    scale = rate_scale * version.unit_size * tax_whole

    def term(line: RateLine, from_wh: int = 0, to_wh: int | None = None) -> _Term:
        numerator, denominator = line.rate.as_integer_ratio()
        weight = numerator * (rate_scale // denominator) * 10**version.minor_units
        tax = weight * tax_part if line.taxable else 0
        per_wh = _WIDE.divide(line.rate, version.unit_size)
        return _Term(line, weight * tax_whole, tax, per_wh, from_wh, to_wh)

    first: dict[int, RateLine] = {}
    for tier, line in by_tier.items():
        if tier[0] == "B":
            first.setdefault(int(line.usage_base_start * version.unit_size), line)
    edges = sorted(first)
    bounds = zip(edges, [0, *edges[1:]], [*edges[1:], None], strict=False)
    blocks = tuple(term(first[edge], begin, end) for edge, begin, end in bounds)
    buckets = {int(tier[1:]): term(line) for tier, line in by_tier.items() if tier[0] == "T"}
    adders = tuple(term(line) for tier, line in by_tier.items() if tier[0] in "AL")
    return _Plan(
        blocks=blocks,
        buckets=buckets,
        adders=adders,
        terms=(*blocks, *buckets.values(), *adders),
        scale=scale,
        tax=(tax_part, tax_whole),
        tax_rate=version.tax_rate,
        minor_unit=Decimal((0, (1,), -version.minor_units)),
    )


def _check(version: TariffVersion, by_tier: Mapping[str, RateLine]) -> None:
    """Refuse what cannot be priced without a doubt."""
    for line in version.lines:
        if line.tier not in TIERS:
            raise UnsoundTariff(f"{line.tier!r} is not a tier.", field="tier")
        if not line.rate.is_finite() or line.rate < 0:
            raise UnsoundTariff(
                f"{line.tier} has the rate {line.rate}; it must be 0 or more.", field=line.tier
            )
        if line.usage_base_start < 0:
            raise UnsoundTariff(
                f"{line.tier} begins at {line.usage_base_start}; it must be 0 or more.",
                field=line.tier,
            )
        if line.usage_base_start * version.unit_size % 1:
            raise UnsoundTariff(
                f"{line.tier} begins at {line.usage_base_start}, within a unit of the register.",
                field=line.tier,
            )
    if len(by_tier) < len(version.lines):
        raise UnsoundTariff("One tier has two rates at one time.", field="tier")
    if len({tier[0] for tier in by_tier} & {"B", "T"}) != 1:
        raise UnsoundTariff(
            "It needs either block rates (B) or time-of-use rates (T), one kind only; "
            f"in force are: {', '.join(by_tier) or 'none'}.",
            field="tier",
        )
    if not version.tax_rate.is_finite() or version.tax_rate < 0:
        raise UnsoundTariff(f"The tax rate is {version.tax_rate}.", field="tax_rate")
    if version.minor_units < 0 or version.unit_size < 1:
        raise UnsoundTariff(
            f"{version.minor_units} decimals of money and {version.unit_size} base units "
            "to a unit are impossible.",
            field="unit_size",
        )
