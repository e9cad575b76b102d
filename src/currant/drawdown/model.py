"""The shapes of drawdown: commands, rows, and what a run of it answers."""

from datetime import date, datetime
from decimal import Decimal

import msgspec

from currant.errors import Conflict


class DrawnDown(msgspec.Struct, frozen=True):
    """How many segments of usage changed, of how many registers, in how many ledger entries.

    A meter that is drawn again counts as one segment more.
    `registers` is 0 when nothing was due.
    """

    registers: int
    segments: int
    entries: int


class SupplyRow(msgspec.Struct, frozen=True):
    """A stretch of time in which a meter supplied an account on a tariff: [start_at, end_at)."""

    meter_id: int
    wallet_kind: str
    account_id: int
    prepaid: bool
    tariff_id: int
    revision: int
    start_at: datetime
    end_at: datetime | None


class RunRow(msgspec.Struct, frozen=True):
    """A stored run of a meter's month: energy by bucket, and what was charged in minor units."""

    meter_id: int
    month: date
    from_at: datetime
    account_id: int
    tariff_id: int
    revision: int
    wallet_kind: str
    energy_wh: list[int]
    estimated_wh: int
    coas: list[str]
    nets: list[int]
    tax: int


class UnpricedRow(msgspec.Struct, frozen=True):
    """Energy of a stretch of time that nobody was charged for."""

    meter_id: int
    from_at: datetime
    to_at: datetime
    energy_wh: int


class MovedWallet(msgspec.Struct, frozen=True):
    """A wallet that was drawn from, and what it now holds."""

    account_id: int
    kind: str
    balance: Decimal


class FixedRow(msgspec.Struct, frozen=True):
    """A fixed charge of a supply for one month, by days; `amount` before tax.

    It is for a month, a month and kVA (KVA) or a day (DAILY).
    """

    meter_id: int
    wallet_kind: str
    account_id: int
    fixed_id: int
    description: str
    amount: Decimal
    basis: str
    coa: str
    taxable: bool
    kva_demand_rating: Decimal
    tariff_id: int
    revision: int
    month: date
    start_at: datetime
    days: int
    days_of_month: int


class FixedOverpaid(Conflict, constraint="fixed_paid_within_due"):
    """A fixed charge would be paid beyond what is due. Nothing was charged."""
