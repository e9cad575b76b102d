"""The shapes of usage: questions, rows, and what is refused."""

from datetime import date, datetime
from enum import StrEnum

import msgspec

from currant.errors import NotFound


class Basis(StrEnum):
    """What usage is made of: reads, reads cut where nobody read, intervals, or days of a month."""

    ACTUAL = "ACTUAL"
    ESTIMATED = "ESTIMATED"
    INTERVAL = "INTERVAL"
    PRORATA = "PRORATA"


class Granularity(StrEnum):
    """How finely usage is told."""

    MONTH = "MONTH"
    DAY = "DAY"


class UsageWanted(msgspec.Struct, frozen=True):
    """The usage of an account between two days, both inclusive in each site's own zone."""

    account: str
    first_day: date
    last_day: date
    site_identifier: str | None = None
    product_type: str | None = None


class SuppliesWanted(msgspec.Struct, frozen=True):
    """The usage of accounts between two days, both inclusive in each site's own zone.

    Of some accounts by their internal ids, of a building or a site; null is all.
    """

    first_day: date
    last_day: date
    account_ids: list[int] | None = None
    building_code: str | None = None
    site_key: str | None = None


class SiteUsageWanted(msgspec.Struct, frozen=True):
    """The usage of an account at a site, by months or days."""

    account: str
    site_identifier: str
    first_day: date
    last_day: date
    granularity: Granularity = Granularity.MONTH
    product_type: str | None = None


class SiteOfAccount(msgspec.Struct, frozen=True):
    """A site while an account was supplied there: of the days asked for, and in all."""

    agreement_id: int
    location_id: int
    product_type: str
    site_identifier: str | None
    loc_id: str
    timezone: str
    start_at: datetime
    end_at: datetime
    since_at: datetime | None
    till_at: datetime | None


class BasicUsage(msgspec.Struct, frozen=True, gc=False):
    """What passed between two reads of a register, in its base unit, and what time of it counts."""

    item: int
    register_id: int
    from_at: datetime
    to_at: datetime
    start_at: datetime
    end_at: datetime
    quantity: int


class RegisterShown(msgspec.Struct, frozen=True):
    """A register and its meter. Quantities are in thousandths of its unit: Wh for kWh."""

    register_id: int
    meter_id: int
    serial_number: str
    meter_code: str
    register_no: int
    meter_type_code: str
    unit: str
    direction: str
    datastream: str
    controlled_load: bool


class ActualUsage(msgspec.Struct, frozen=True):
    """What a register measured from start_day to end_day, both inclusive, on so many days.

    Between reads it is a row for each two of them, ESTIMATED where the account was supplied for a
    part of it only; a row for all intervals, of whose days those count that are known whole. The
    loss factor is null where none is told.
    """

    site: SiteOfAccount
    register: RegisterShown
    start_day: date
    end_day: date
    days: int
    quantity: int
    basis: Basis
    loss_millionths: int | None
    loss_adjusted_quantity: int | None


class MonthUsage(msgspec.Struct, frozen=True):
    """What a register measured in a calendar month, of which so many days are known whole."""

    site: SiteOfAccount
    register: RegisterShown
    month: date
    days_in_month: int
    days_covered: int
    quantity: int
    basis: Basis


class PeriodUsage(msgspec.Struct, frozen=True):
    """What a site used in a period, both days inclusive, in thousandths of the unit.

    `days` are those of which all is known, and `of_days` is what was used on them.
    Energy by time of use is null where neither registers nor the tariff know it, demand where there
    are no intervals, last year's where nothing of it is known.
    """

    period_start: date
    period_end: date
    days: int
    unit: str
    quantity: int
    of_days: int
    export_quantity: int
    peak: int | None
    offpeak: int | None
    shoulder: int | None
    demand_w: int | None
    last_year: int | None


class IntervalUsage(msgspec.Struct, frozen=True, gc=False):
    """What a site used in an interval, in thousandths of the unit; null where nothing is known."""

    start_at: datetime
    minutes: int
    quantity: int | None
    export_quantity: int | None


class NotSuppliedThere(NotFound):
    """The account was not supplied at this site then."""


class TariffOfSite(msgspec.Struct, frozen=True):
    """The tariff of a staged period."""

    item: int
    tariff_id: int
    revision: int


class GatesWanted(msgspec.Struct, frozen=True):
    """The gate meters of a building, or of all, between two days, both inclusive."""

    first_day: date
    last_day: date
    building_code: str | None = None


class Gate(msgspec.Struct, frozen=True):
    """A site, and the parent site that it hangs behind."""

    parent_id: int
    parent_loc_id: str
    parent_site_identifier: str | None
    location_id: int
    loc_id: str
    site_identifier: str | None
    timezone: str


class GateUsage(msgspec.Struct, frozen=True):
    """What passed a gate meter, and what the meters behind it measured: Wh, less what was fed in.

    The difference is what is lost, not metered or not read. `unread` are the sites behind it of
    which nothing is known, `gate_days` the days on which something is known of the gate.
    """

    loc_id: str
    site_identifier: str | None
    gate_wh: int
    gate_days: int
    sites_wh: int
    difference_wh: int
    sites: int
    unread: list[str]
