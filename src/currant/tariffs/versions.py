"""A version of a plan: what is in force between two changes, checked and brought to integers."""

import math
from collections.abc import Iterator
from decimal import Context, Decimal
from functools import lru_cache

from msgspec import Struct

from currant.tariffs.pricing import UnsoundTariff
from currant.tariffs.rounding import Rounding
from currant.tariffs.terms import (
    Basis,
    Discount,
    Inducement,
    LineType,
    Per,
    PlanRate,
    Standing,
    Terms,
    tier_of,
)

# Wide enough for any exact product; a quotient that has no end is told to as many digits.
TOLD = Context(prec=28)
KILO = 1000
MINIMA = (Basis.MINIMUM, Basis.MINIMUM_DAILY)

_BUCKETS = range(1, 10)
_ORDER = "BTAL2L3DCX"
_CREDITS = "XC"
_LINE_TYPES = {
    "B": LineType.USAGE,
    "T": LineType.USAGE,
    "A": LineType.USAGE,
    "X": LineType.USAGE,
    "D": LineType.DEMAND,
    "C": LineType.CONCESSION,
}


class PlanVersion(Struct, frozen=True, cache_hash=True):
    """The rates, standing charges and discounts in force together between two changes.

    `tax_rate` 0.1 is 10 %. `minor_units` is the currency's number of decimals. `unit_size` is how
    many base units of the register make one `unit`. Blocks are marginal; of blocks that begin at
    one threshold the lowest prices, and the lowest of all reaches down without end, as in
    `pricing.TariffVersion`.

    Raises UnsoundTariff.
    """

    rates: tuple[PlanRate, ...]
    charges: tuple[Standing, ...] = ()
    discounts: tuple[Discount, ...] = ()
    terms: Terms = Terms()
    tax_rate: Decimal = Decimal(0)
    minor_units: int = 2
    unit: str = "kWh"
    unit_size: int = 1000

    def __post_init__(self) -> None:
        """Compile at once: an unsound version cannot exist."""
        compiled(self)


class Term(Struct, frozen=True):
    """What prices a column: a rate, a standing charge or a discount, in integers.

    `weight` over the plan's scale is minor units for one base unit. `shared`: for the days of a
    month; `daily`: for each day. `derived`: its money comes of other lines.
    """

    line_type: LineType
    tier: str
    description: str
    coa: str
    ar_coa: str
    rate: Decimal
    price: Decimal
    weight: int
    unit: str
    unit_size: int
    taxable: bool
    rounding: Rounding
    sign: int = 1
    shared: bool = False
    daily: bool = False
    derived: bool = False

    def share(self, days: int, period_days: int) -> tuple[int, int]:
        """Return by what ratio the days count."""
        if self.daily:
            return days, 1
        return (days, period_days) if self.shared else (1, 1)


class Group(Struct, frozen=True):
    """A tier with its blocks: what they measure, and where each begins, as an exact ratio."""

    kind: str
    buckets: tuple[int, ...]
    blocks: tuple[Term, ...]
    steps: tuple[tuple[int, int], ...]


class Plan(Struct, frozen=True):
    """A compiled version."""

    groups: tuple[Group, ...]
    standing: tuple[tuple[Basis, Term], ...]
    discounts: tuple[tuple[Discount, Term, Term], ...]
    scale: int
    tax: tuple[int, int]
    version: PlanVersion


@lru_cache(maxsize=4096)
def compiled(version: PlanVersion) -> Plan:
    """Check a version and bring its prices to integers over one common scale."""
    _check(version)
    prices = [rate.rate for rate in version.rates]
    prices += [charge.amount for charge in version.charges]
    prices += [discount.value for discount in version.discounts]
    ratios = (price.as_integer_ratio() for price in prices)
    scale = math.lcm(*(bottom for _, bottom in ratios)) * math.lcm(version.unit_size, KILO)
    return Plan(
        tuple(_groups(version, scale)),
        tuple((charge.basis, _standing(version, charge, scale)) for charge in version.charges),
        tuple(
            (
                discount,
                _discount(version, discount, scale, True),
                _discount(version, discount, scale, False),
            )
            for discount in version.discounts
            if discount.kind is not Inducement.PROMPT_PAYMENT
        ),
        scale,
        version.tax_rate.as_integer_ratio(),
        version,
    )


def _weight(version: PlanVersion, price: Decimal, unit_size: int, scale: int) -> int:
    top, bottom = price.as_integer_ratio()
    money = top * (scale // (bottom * unit_size))
    return int(money * 10**version.minor_units)


def _groups(version: PlanVersion, scale: int) -> Iterator[Group]:
    """Bring together the blocks of each tier: usage, adders, demand, and last the credits."""
    tiers: dict[tuple[str, int], list[PlanRate]] = {}
    for rate in sorted(version.rates, key=lambda rate: rate.tier):
        tier = tier_of(rate.tier)
        tiers.setdefault((tier.kind, tier.bucket), []).append(rate)
    for kind, bucket in sorted(tiers, key=lambda key: (_ORDER.index(key[0]), key[1])):
        rates = tiers[kind, bucket]
        first: dict[Decimal, PlanRate] = {}
        for rate in rates:
            first.setdefault(rate.step_from, rate)
        steps = sorted(first)
        blocks = tuple(_rated_term(version, kind, first[step], scale) for step in steps)
        ratios = tuple(step.as_integer_ratio() for step in steps)
        yield Group(kind, buckets_of(rates[0]), blocks, ratios)


def buckets_of(rate: PlanRate) -> tuple[int, ...]:
    """Return the time-of-use buckets that a rate prices; of demand over all time, 0."""
    tier = tier_of(rate.tier)
    if rate.buckets:
        return rate.buckets
    if tier.bucket:
        return (tier.bucket,)
    return (0,) if tier.kind == "D" else tuple(_BUCKETS)


def _rated_term(version: PlanVersion, kind: str, rate: PlanRate, scale: int) -> Term:
    demand = kind == "D"
    unit, size = ("kW", KILO) if demand else (version.unit, version.unit_size)
    per_day = version.terms.demand_period is Per.DAY
    return Term(
        _LINE_TYPES.get(kind, LineType.LEVY),
        rate.tier,
        rate.description,
        rate.coa,
        rate.ar_coa,
        rate.rate,
        rate.rate,
        _weight(version, rate.rate, size, scale),
        unit,
        size,
        rate.taxable,
        rate.rounding,
        sign=-1 if kind in _CREDITS else 1,
        shared=demand and not per_day,
        daily=demand and per_day,
    )


_UNITS = {
    Basis.MONTHLY: ("month", 1),
    Basis.KVA: ("kVA", KILO),
    Basis.DAILY: ("day", 1),
    Basis.MINIMUM: ("month", 1),
    Basis.MINIMUM_DAILY: ("day", 1),
}


def _standing(version: PlanVersion, charge: Standing, scale: int) -> Term:
    unit, size = _UNITS[charge.basis]
    return Term(
        LineType.SUPPLY,
        "",
        charge.description,
        charge.coa,
        charge.ar_coa,
        charge.amount,
        charge.amount,
        _weight(version, charge.amount, size, scale),
        unit,
        size,
        charge.taxable,
        charge.rounding,
        shared=charge.basis in (Basis.MONTHLY, Basis.KVA, Basis.MINIMUM),
        daily=charge.basis is Basis.MINIMUM_DAILY,
        derived=charge.basis in MINIMA,
    )


def _discount(version: PlanVersion, discount: Discount, scale: int, taxable: bool) -> Term:
    amount = discount.kind is Inducement.AMOUNT
    return Term(
        LineType.DISCOUNT,
        "",
        discount.description,
        discount.coa,
        discount.ar_coa,
        discount.value,
        discount.value if amount else TOLD.divide(discount.value, 100),
        _weight(version, discount.value, 1, scale),
        "month" if amount else "",
        1 if amount else 10**version.minor_units,
        taxable,
        Rounding.HALF_UP,
        sign=-1,
        shared=amount,
    )


def rounding_term(first: Term) -> Term:
    """Return what the rounding of a whole bill is told as, on the account of its first line."""
    nothing = Decimal(0)
    return Term(
        LineType.CHARGE,
        "",
        "Rounding",
        first.coa,
        first.ar_coa,
        nothing,
        nothing,
        0,
        "",
        1,
        False,
        first.rounding,
        derived=True,
    )


def _check(version: PlanVersion) -> None:
    """Refuse what cannot be priced without a doubt."""
    terms = version.terms
    _check_numbers(version)
    names = [rate.tier for rate in version.rates]
    if len(set(names)) < len(names):
        raise UnsoundTariff("One tier has two rates at one time.", field="tier")
    kinds = {tier_of(name).kind for name in names}
    if {"B", "T"} <= kinds:
        raise UnsoundTariff(
            "It needs either block rates (B) or time-of-use rates (T), one kind only.", field="tier"
        )
    if not (version.rates or version.charges):
        raise UnsoundTariff("It has neither rates nor charges.", field="rates")
    if not 0 <= terms.ratchet_share <= 1 or terms.ratchet_months < 0:
        raise UnsoundTariff("A ratchet's share is from 0 to 1.", field="ratchet_share")
    if terms.demand_period is Per.YEAR:
        raise UnsoundTariff("A demand's rate is for a day or a month.", field="demand_period")
    _check_buckets(version)


def _check_numbers(version: PlanVersion) -> None:
    for rate in version.rates:
        if not rate.rate.is_finite() or rate.rate < 0:
            raise UnsoundTariff(
                f"{rate.tier} has the rate {rate.rate}; it must be 0 or more.", field=rate.tier
            )
        if not rate.step_from.is_finite() or rate.step_from < 0:
            raise UnsoundTariff(
                f"{rate.tier} begins at {rate.step_from}; it must be 0 or more.", field=rate.tier
            )
    for charge in version.charges:
        if not charge.amount.is_finite() or charge.amount < 0:
            raise UnsoundTariff(
                f"{charge.description} is {charge.amount}; it must be 0 or more.", field="amount"
            )
    for discount in version.discounts:
        most = Decimal("Infinity") if discount.kind is Inducement.AMOUNT else Decimal(100)
        if not discount.value.is_finite() or not 0 <= discount.value <= most:
            raise UnsoundTariff(f"A discount of {discount.value} is impossible.", field="value")
    if not version.tax_rate.is_finite() or version.tax_rate < 0:
        raise UnsoundTariff(f"The tax rate is {version.tax_rate}.", field="tax_rate")
    if version.minor_units < 0 or version.unit_size < 1:
        raise UnsoundTariff(
            f"{version.minor_units} decimals of money and {version.unit_size} base units "
            "to a unit are impossible.",
            field="unit_size",
        )


def _check_buckets(version: PlanVersion) -> None:
    """Refuse buckets that are none, that blocks of a tier name apart, or that are priced twice."""
    priced: dict[str, list[int]] = {}
    named: dict[tuple[str, int], tuple[int, ...]] = {}
    for rate in sorted(version.rates, key=lambda rate: rate.tier):
        tier = tier_of(rate.tier)
        buckets = buckets_of(rate)
        if rate.buckets and (
            tier.kind not in "TDX"
            or not set(rate.buckets) <= set(_BUCKETS)
            or len(set(rate.buckets)) < len(rate.buckets)
        ):
            raise UnsoundTariff(
                f"The buckets of {rate.tier} are each one of 1 to 9, and only T, D and X have any.",
                field="buckets",
            )
        first = named.setdefault((tier.kind, tier.bucket), buckets)
        if first != buckets:
            raise UnsoundTariff(
                f"The blocks of one tier price the same buckets; {rate.tier} has others.",
                field="buckets",
            )
        if tier.block == 1 and tier.kind in "TX":
            priced.setdefault(tier.kind, []).extend(buckets)
    for kind, buckets_priced in priced.items():
        if len(set(buckets_priced)) < len(buckets_priced):
            raise UnsoundTariff(f"One bucket is priced twice by {kind} tiers.", field="buckets")
