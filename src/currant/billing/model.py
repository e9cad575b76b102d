"""The shapes of billing: the policy, facts of what is due, and what is refused."""

from bisect import bisect_right
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec

from currant.clock import day_bounds
from currant.errors import Invalid
from currant.locations.model import UNMETERED


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a portal bills.

    `tax_rounding` is LINE or INVOICE, both lawful; `outlier_percent` of the usual a day makes a
    bill an outlier; a register's last read may be `read_tolerance_days` before a run's end.
    """

    tax_rounding: str = "LINE"
    due_days: int = 14
    reopen_months: int = 9
    outlier_percent: int = 300
    read_tolerance_days: int = 10


class Known(msgspec.Struct, frozen=True):
    """The last deliveries of reads and of intervals that drafts are made by, with all before."""

    reads_known: int
    intervals_known: int


class DraftTerms(msgspec.Struct, frozen=True):
    """What drafts are made for: the run that they are of, the last day billed, the policy.

    `known` are the deliveries that were known before anything else was asked.
    `replaced`: by account the invoices, the latest first, whose days are billed anew.
    """

    run_id: int
    through: date
    policy: Policy
    known: Known
    replaced: Mapping[int, list[int]] = {}


class Remarkable(msgspec.Struct, frozen=True):
    """What was found remarkable of an account or one of its agreements."""

    account_id: int
    agreement_id: int | None
    kind: str
    detail: str


class Drafted(msgspec.Struct, frozen=True):
    """The accounts that an invoice was drafted for, and what was remarkable."""

    account_ids: list[int]
    remarkable: list[Remarkable]


class DraftedBefore(msgspec.Struct, frozen=True):
    """An account that has a draft already, and the run that it is of."""

    account_id: int
    run_id: int


class DueDays(msgspec.Struct, frozen=True):
    """Days of an agreement that no invoice covers yet: from the first to the last, inclusive.

    The agreement itself `begins_on` that day or before.
    `loss_factors` are in force since the `loss_days`, the first of which is the first of all.
    """

    account_id: int
    agreement_id: int
    location_id: int | None
    building_id: int | None
    product_type: str
    timezone: str
    begins_on: date
    from_on: date
    to_on: date
    ends: bool
    usual_wh: Decimal | None
    loss_days: list[date]
    loss_factors: list[Decimal | None]

    @property
    def metered(self) -> bool:
        """Whether meters measure what is supplied: a service has none, at a site either."""
        return self.product_type not in UNMETERED

    @property
    def zone(self) -> ZoneInfo:
        """The zone that the days are told in."""
        return ZoneInfo(self.timezone)

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """When the first day begins and the last one ends."""
        return day_bounds(self.from_on, self.zone)[0], day_bounds(self.to_on, self.zone)[1]

    def loss_factor(self, day: date) -> Decimal | None:
        """Return the loss factor in force on a day; None where none is told."""
        return self.loss_factors[bisect_right(self.loss_days, day) - 1]


class MeteredRow(msgspec.Struct, frozen=True):
    """A register that measured for an agreement's due days, while its meter hung there."""

    agreement_id: int
    due_from: date
    meter_id: int
    register_id: int
    serial_number: str
    register_no: int
    metering_type: str
    meter_type_code: str
    direction: str
    unit: str
    controlled_load: bool
    dials: int
    hung_from: datetime
    hung_to: datetime | None


class ReadRow(msgspec.Struct, frozen=True, gc=False):
    """A read that counts, of a register."""

    register_id: int
    read_at: datetime
    value: int
    multiplier: Decimal
    estimated: bool


class AssignedRow(msgspec.Struct, frozen=True):
    """Which tariff prices a meter, or an agreement without one, from when to when."""

    meter_id: int | None
    agreement_id: int | None
    tariff_id: int
    revision: int
    start_at: datetime
    end_at: datetime | None


class OfferedRow(msgspec.Struct, frozen=True):
    """What is offered with an agreement, from when to when."""

    agreement_id: int
    offering_id: int
    start_at: datetime
    end_at: datetime | None


class ChargeRow(msgspec.Struct, frozen=True):
    """An approved charge that waits for an invoice; money is signed, a credit's negative."""

    account_id: int
    charge_id: int
    agreement_id: int | None
    location_id: int | None
    charge_on: date
    net: Decimal
    tax: Decimal
    tax_code: str
    tax_rate: Decimal
    coa: str
    ar_coa: str
    description: str


class LineItemRow(msgspec.Struct, frozen=True):
    """A line of a service without a meter, and when the service begins."""

    agreement_id: int
    line_item_id: int
    description: str
    quantity: Decimal
    unit_price: Decimal
    price_includes_tax: bool
    frequency: str
    credit: bool
    tax_code: str
    coa: str
    ar_coa: str
    begins_at: datetime


class TaxRoundingUnknown(Invalid, constraint="tax_rounding_known"):
    """Tax is rounded by LINE or by INVOICE. Nothing was changed."""


class DueDaysImplausible(Invalid, constraint="due_days_plausible"):
    """Invoices are due in 0 to 90 days. Nothing was changed."""


class ReopenMonthsImplausible(Invalid, constraint="reopen_months_plausible"):
    """Late reads reopen 0 to 24 months. Nothing was changed."""


class OutlierImplausible(Invalid, constraint="outlier_plausible"):
    """A bill is an outlier from 101 to 10000 percent of the usual. Nothing was changed."""


class ToleranceImplausible(Invalid, constraint="read_tolerance_plausible"):
    """A last read may be 0 to 90 days old. Nothing was changed."""
