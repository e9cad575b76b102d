"""How a tender is shared out: arrears by their plans, open fixed charges, the rest buys energy.

Pure, in integer minor units. Conformance.md 10.2 (L8) and 10.3; the plan's percentage is of the
gross tender and floored to the minor unit.
"""

from collections.abc import Sequence

import msgspec

from currant.money import apportion
from currant.tariffs.pricing import FreeEnergy, Sale, TariffVersion, units_for


class Owed(msgspec.Struct, frozen=True):
    """An open arrears item, in the order it is recovered: oldest start first.

    `plan_hundredths` is its payment plan in hundredths of a percent: 10000 is 100 %.
    """

    item_id: int
    type_name: str
    outstanding_minor: int
    plan_hundredths: int
    receivable_coa: str


class Due(msgspec.Struct, frozen=True):
    """A monthly fixed charge that is still open, what is left of it, net and tax."""

    meter_id: int
    month: str
    fixed_id: int
    description: str
    net_minor: int
    tax_minor: int
    coa: str


class ArrearsPart(msgspec.Struct, frozen=True):
    """What goes to one arrears item."""

    owed: Owed
    paid_minor: int


class FixedPart(msgspec.Struct, frozen=True):
    """What goes to one fixed charge, net and tax."""

    due: Due
    net_minor: int
    tax_minor: int


class Split(msgspec.Struct, frozen=True):
    """A tender shared out; the parts sum to it exactly."""

    arrears: tuple[ArrearsPart, ...]
    fixed: tuple[FixedPart, ...]
    energy_minor: int
    sale: Sale

    @property
    def arrears_minor(self) -> int:
        """The sum that goes to arrears."""
        return sum(part.paid_minor for part in self.arrears)

    @property
    def fixed_minor(self) -> int:
        """The sum that goes to fixed charges, tax included."""
        return sum(part.net_minor + part.tax_minor for part in self.fixed)


def split_tender(
    tender_minor: int,
    owed: Sequence[Owed],
    dues: Sequence[Due],
    version: TariffVersion,
    *,
    counter_wh: int,
    bucket: int,
    in_units: bool,
) -> Split:
    """Share a tender out: 100 % plans, percentage plans, fixed charges, energy.

    `counter_wh` and `bucket` are where the meter's month and the clock stand. `in_units` says that
    energy is really sold; for a currency wallet its quantity is only told, and told as none where
    energy is free. Raises `FreeEnergy` where the rest would buy units without end.
    """
    left = tender_minor
    arrears = []
    whole_plans = [item for item in owed if item.plan_hundredths == 10_000]
    part_plans = [item for item in owed if item.plan_hundredths < 10_000]
    for item in whole_plans + part_plans:
        paid = min(item.outstanding_minor, tender_minor * item.plan_hundredths // 10_000, left)
        if paid > 0:
            arrears.append(ArrearsPart(item, paid))
            left -= paid
    fixed = []
    for due in dues:
        paid = min(due.net_minor + due.tax_minor, left)
        if paid > 0:
            net, tax = apportion(paid, (due.net_minor, due.tax_minor))
            fixed.append(FixedPart(due, net, tax))
            left -= paid
    try:
        sale = units_for(version, left, counter_wh, bucket)
    except FreeEnergy:
        if in_units:
            raise
        sale = Sale(0, [])
    return Split(tuple(arrears), tuple(fixed), left, sale)
