"""What a tariff is made of: rates by tier, standing charges, discounts, and its terms.

`bills.py` prices by them. The prepaid kernel takes the tiers A, L, B and T of the same rate table.
"""

import re
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from currant.tariffs.pricing import UnsoundTariff
from currant.tariffs.rounding import Rounding

TIER = re.compile(r"(A|L[23]?)|B([1-9])|([TDX])([1-9]?)(?:B([2-9]))?|(C)(?:B([2-9]))?", re.ASCII)


class RoundPer(StrEnum):
    """What is rounded once: each block, all blocks of a tier together, or the whole bill."""

    BLOCK = "BLOCK"
    LINE = "LINE"
    BILL = "BILL"


class Per(StrEnum):
    """The time that a block's threshold, or a demand's rate, is told for."""

    DAY = "DAY"
    MONTH = "MONTH"
    YEAR = "YEAR"


class BlocksOver(StrEnum):
    """Whose usage fills the blocks of a time-of-use bucket: its own, or that of all buckets.

    Where it is that of all, each block is shared out among the buckets as the usage is.
    """

    BUCKET = "BUCKET"
    TOTAL = "TOTAL"


class Basis(StrEnum):
    """What a standing charge is told for: a month, a month and kVA, a day.

    The minimum of a month or a day is what all charges come to at least.
    """

    MONTHLY = "MONTHLY"
    KVA = "KVA"
    DAILY = "DAILY"
    MINIMUM = "MINIMUM"
    MINIMUM_DAILY = "MINIMUM_DAILY"


class Inducement(StrEnum):
    """What a discount is taken off: usage, all charges, or an amount a month.

    The one for prompt payment is earned after the bill, so no bill has it.
    """

    PERCENT_OF_USAGE = "PERCENT_OF_USAGE"
    PERCENT_OF_BILL = "PERCENT_OF_BILL"
    AMOUNT = "AMOUNT"
    PROMPT_PAYMENT = "PROMPT_PAYMENT"


class LineType(StrEnum):
    """What a line of a bill is for."""

    USAGE = "USAGE"
    SUPPLY = "SUPPLY"
    DEMAND = "DEMAND"
    LEVY = "LEVY"
    CONCESSION = "CONCESSION"
    DISCOUNT = "DISCOUNT"
    CHARGE = "CHARGE"


class Tier(Struct, frozen=True):
    """A tier told apart: its kind, the bucket that its number names (0: all), and its block."""

    kind: str
    bucket: int
    block: int


def tier_of(name: str) -> Tier:
    """Tell a tier apart; raises `UnsoundTariff` for what is none.

    A is the fuel adder, L, L2, L3 are levies, B1 to B9 the blocks of all usage, T1 to T9 the
    time-of-use buckets, D the highest demand and D1 to D9 that of a bucket, X what is fed in and X1
    to X9 that of a bucket, C a concession: a credit for each unit used. T1, D, D1, X, X1 and C have
    more blocks as T1B2, DB2, CB2 and so on.
    """
    match = TIER.fullmatch(name)
    if match is None or (match[3] == "T" and not match[4]):
        raise UnsoundTariff(f"{name[:20]!r} is not a tier.", field="tier")
    adder, block, kind, bucket, more, concession, rest = match.groups()
    if adder:
        return Tier(adder, 0, 1)
    if block:
        return Tier("B", 0, int(block))
    return Tier(kind or concession, int(bucket or 0), int(more or rest or 1))


class PlanRate(Struct, frozen=True):
    """A rate of a tier, before tax: money a unit, or a kW for demand.

    `step_from` is where its block begins, in units or kW, a month, day or year as the plan's terms
    say. `buckets` are the time-of-use buckets that it prices together; where none is named, the one
    of its tier's number. `meter_type_code` names the registers whose usage is its bucket's.
    """

    tier: str
    rate: Decimal
    coa: str = "4005"
    ar_coa: str = "1102"
    step_from: Decimal = Decimal(0)
    buckets: tuple[int, ...] = ()
    taxable: bool = False
    description: str = ""
    rounding: Rounding = Rounding.HALF_UP
    meter_type_code: str = ""


class Standing(Struct, frozen=True):
    """A standing charge, before tax: what a supply costs whatever it uses."""

    description: str
    amount: Decimal
    basis: Basis
    coa: str = "4900"
    ar_coa: str = "1102"
    taxable: bool = False
    rounding: Rounding = Rounding.HALF_UP


class Discount(Struct, frozen=True):
    """What an offering takes off a bill; `value` is a percentage, or an amount a month."""

    description: str
    kind: Inducement
    value: Decimal
    coa: str = "4005"
    ar_coa: str = "1102"
    taxable: bool = False


class Terms(Struct, frozen=True):
    """How a plan is reckoned, whatever its rates.

    Thresholds are scaled by the days supplied and rounded half-up to whole base units (Wh), or
    where `whole_blocks` says so to whole units. The demand billed is at least `ratchet_share` of
    the highest of the last `ratchet_months` months of the same agreement: of those before it began
    none, and of the one in which it did the days since. `with_losses`: energy is priced as it was
    fed in for the site, by its loss factor.
    """

    block_period: Per = Per.MONTH
    blocks_over: BlocksOver = BlocksOver.BUCKET
    whole_blocks: bool = False
    demand_period: Per = Per.MONTH
    ratchet_share: Decimal = Decimal(0)
    ratchet_months: int = 0
    round_per: RoundPer = RoundPer.BLOCK
    with_losses: bool = False
