"""The shapes of tariffs: commands, rows, and what is refused."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import msgspec

from currant.errors import Conflict, Invalid, NotFound
from currant.tariffs.terms import Terms

Zoned = Annotated[datetime, msgspec.Meta(tz=True)]


class Period(StrEnum):
    """Which of a tariff's rates are asked for; each rate is in exactly one of them (INV-09)."""

    HISTORICAL = "historical"
    CURRENT = "current"
    FUTURE = "future"


class CreateTariff(msgspec.Struct, frozen=True):
    """A new tariff, all its blocks or buckets at one rate (J23).

    `type` 0 is time of use with nine buckets, 1 linear, 2 to 9 that many blocks. `levies` are the
    tiers of those it has: L, L2, L3.
    """

    name: str
    description: str
    municipality: str
    units: str
    type: int
    rate: Decimal
    taxable: bool
    fuel_charge: bool
    levies: tuple[str, ...]
    fixed: bool
    kva_fixed: bool


class TariffCreated(msgspec.Struct, frozen=True):
    """The tariff's id and name."""

    tariff_id: int
    name: str


class ScheduleRate(msgspec.Struct, frozen=True):
    """A rate of one tier from an instant on (J28).

    `start` and `end` are timestamps as they were sent; the end is the last second in force.
    """

    tariff: str
    tier: str
    rate: Decimal
    usage_base_start: int | Decimal
    start: str
    end: str
    service: str
    units: str
    coa: str
    ar_coa: str


class Rate(msgspec.Struct, frozen=True):
    """A rate line while it is valid: [start_at, end_at), open-ended where end_at is None."""

    rate_id: int
    tariff_id: int
    service: str
    tier: str
    rate: Decimal
    start_at: datetime
    end_at: datetime | None
    last_mod: datetime
    usage_base_start: Decimal
    units: str
    coa: str
    ar_coa: str
    description: str
    taxable: bool
    basis: str
    buckets: list[int]
    rounding: str
    meter_type_code: str


class RateScheduled(msgspec.Struct, frozen=True):
    """The new line; `start` and `end` repeat the client's clock face and offset."""

    timezone: str
    rate: Rate
    start: str
    end: str
    nonstandard_offset: bool


class TariffHead(msgspec.Struct, frozen=True):
    """A tariff and its terms; meter_count says how many meters are on it now."""

    tariff_id: int
    name: str
    description: str
    municipality: str
    meter_count: int
    type: int
    units: str
    calendar: str | None
    block_period: str
    blocks_over: str
    whole_blocks: bool
    demand_period: str
    ratchet_share: Decimal
    ratchet_months: int
    round_per: str


class TariffIds(msgspec.Struct, frozen=True):
    """The id of a tariff by its name."""

    name: str
    tariff_id: int


class TariffToMake(msgspec.Struct, frozen=True, kw_only=True):
    """A tariff to make whole: its rates are in force from an instant until another, or for ever.

    So are its charges, by instants of their own; of them none is ever.
    """

    name: str
    description: str
    municipality: str
    type: int
    units: str
    calendar_id: int | None = None
    terms: Terms = Terms()
    from_at: datetime
    until: datetime | None
    charged_from: datetime | None = None
    charged_until: datetime | None = None


class RateToSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """A rate of one tier from an instant until another; None is as with the one before it."""

    tier: str
    start_at: datetime
    end_at: datetime | None
    rate: Decimal
    usage_base_start: int | Decimal
    units: str
    service: str
    coa: str
    ar_coa: str
    taxable: bool | None = None
    described: str | None = None
    buckets: list[int] | None = None
    rounding: str | None = None
    meter_type_code: str | None = None


class ChargeToSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """A charge by its description from an instant until another; None is as with the one before."""

    description: str
    start_at: datetime
    end_at: datetime | None
    amount: Decimal
    basis: str | None
    taxable: bool | None
    rounding: str | None
    coa: str | None
    ar_coa: str | None


class LockedTariff(msgspec.Struct, frozen=True):
    """A tariff whose rates nobody else schedules meanwhile."""

    tariff_id: int
    units: str


class FixedRow(msgspec.Struct, frozen=True):
    """A standing charge of a tariff, before tax, while it is valid; null is open-ended.

    The amount is for a month, a month and kVA (KVA) or a day (DAILY), or the least that all charges
    come to in a month or a day.
    """

    fixed_id: int
    tariff_id: int
    description: str
    amount: Decimal
    basis: str
    coa: str
    ar_coa: str
    taxable: bool
    start_at: datetime | None
    end_at: datetime | None
    rounding: str


class TariffsWanted(msgspec.Struct, frozen=True):
    """Which tariffs: a part of the name in any case, a municipality; and which page of them."""

    search: str | None = None
    municipality: str | None = None
    how_many: int | None = None
    skip: int = 0


class TariffWanted(msgspec.Struct, frozen=True):
    """Which tariff, and which of its rates."""

    tariff: str
    period: Period


class TariffShown(msgspec.Struct, frozen=True):
    """A tariff with its fixed charges and those of its rates that were asked for."""

    portal: str
    timezone: str
    head: TariffHead
    fixed: list[FixedRow]
    rates: list[Rate]


class SetTax(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The portal's tax on taxable lines from an instant: a fraction, 0.05 is 5 %."""

    rate: Decimal
    from_at: Zoned = msgspec.field(name="from")


class Switch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From which minute of the day which time-of-use bucket (1 to 9) is in force."""

    minute: int
    bucket: int


class Season(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The switches of the days from the first of a month on, until the next season begins."""

    from_month: int
    weekday: list[Switch]
    weekend: list[Switch] = []
    holiday: list[Switch] = []


class CreateCalendar(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A time-of-use calendar.

    `clock` is an IANA zone or a fixed offset such as +10:00. A day's switches, such as {"minute":
    420, "bucket": 2}, begin at minute 0; weekends follow the weekday's where they have none,
    holidays the weekend's. They hold from `from_month` on, around the year, until one of the
    `seasons` begins. Holidays are listed as days, or taken from a country (ISO 3166, with its
    subdivision) for some years, or both.
    """

    name: str
    clock: str
    weekday: list[Switch]
    weekend: list[Switch] = []
    holiday: list[Switch] = []
    holidays: list[date] = []
    country: str | None = None
    subdivision: str | None = None
    years: list[int] = []
    from_month: int = 1
    seasons: list[Season] = []


class CalendarCreated(msgspec.Struct, frozen=True):
    """The calendar and every day that it treats as a holiday."""

    calendar_id: int
    name: str
    holidays: list[date]


class AttachCalendar(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Let a tariff follow a calendar, by its name; null: none."""

    tariff: str
    calendar: str | None


class SetFixedCharge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The amount of a fixed charge before tax, a month or a month and kVA."""

    fixed_id: int
    amount: Decimal


class AssignTariff(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Put a meter on a tariff from an instant."""

    serial_number: str
    tariff: str
    from_at: Zoned = msgspec.field(name="from")


class MeterAndTariff(msgspec.Struct, frozen=True):
    """The ids of a meter and a tariff, where there are such, and whom the meter supplies."""

    meter_id: int | None
    tariff_id: int | None
    accounts: list[str]


class AssignmentRow(msgspec.Struct, frozen=True):
    """A meter's tariff from start_at to before end_at, open-ended where that is None."""

    assignment_id: int
    tariff: str
    start_at: datetime
    end_at: datetime | None
    assigned_by: str


class NoSuchTariff(NotFound):
    """There is no such tariff in this portal."""


class NoSuchCalendar(NotFound):
    """There is no such calendar in this portal."""


class NoSuchFixedCharge(NotFound):
    """There is no such fixed charge in this portal."""


class TariffNameTaken(Conflict, constraint="tariff_name_taken"):
    """A tariff with this name exists. Nothing was created; choose another name."""


class TariffNameLength(Invalid, constraint="tariff_named"):
    """The name of a tariff has 1 to 100 characters. Nothing was created."""


class TariffTypeUnknown(Invalid, constraint="tariff_type_known"):
    """The type of a tariff is 0 to 9. Nothing was created."""


class TierUnknown(Invalid, constraint="tier_known"):
    """The tier is one of A, L, L2, L3, B1 to B9, T1 to T9. Nothing was scheduled.

    On a price plan also D, D1 to D9, X, X1 to X9, C, and their blocks such as T1B2 and DB2.
    """


class UsageBaseNegative(Invalid, constraint="usage_base_not_negative"):
    """The usage_base_start is not negative. Nothing was scheduled."""


class RateRunsBackward(Invalid, constraint="rate_runs_forward"):
    """The end_date must be later than the start_date. Nothing was scheduled."""


class RateOverlaps(Conflict, constraint="one_rate_a_tier"):
    """The tier has another rate within this time. Nothing was scheduled."""


class RateKindsMixed(Conflict):
    """Block rates (B) and time-of-use rates (T) are never in force together.

    Such a tariff could not be priced, so no meter on it could be vended to.
    """


class BucketsUnknown(Invalid, constraint="buckets_known"):
    """The buckets of a rate are 1 to 9. Nothing was scheduled."""


class RateCoaUnknown(Invalid, constraint="rate_coa_known"):
    """The coa is not in the chart of accounts. Nothing was scheduled."""


class RateArCoaUnknown(Invalid, constraint="rate_ar_coa_known"):
    """The ar_coa is not in the chart of accounts. Nothing was scheduled."""


class AlreadyCharged(Conflict):
    """What was used was charged by this already. Nothing was changed."""


class CalendarNameTaken(Conflict, constraint="calendar_name_taken"):
    """A calendar with this name exists. Nothing was created; choose another name."""


class CalendarNameLength(Invalid, constraint="calendar_named"):
    """The name of a calendar has 1 to 100 characters. Nothing was created."""


class FixedAmountNegative(Invalid, constraint="fixed_not_negative"):
    """The amount of a fixed charge is not negative. Nothing was changed."""


class FixedDescription(Invalid, constraint="fixed_described"):
    """The description of a charge has at most 100 characters. Nothing was changed."""


class FixedRunsBackward(Invalid, constraint="fixed_runs_forward"):
    """A charge must end later than it begins. Nothing was changed."""


class FixedOverlaps(Conflict, constraint="one_charge_at_a_time"):
    """The plan has another charge of this description within this time. Nothing was changed."""


class FixedCoaUnknown(Invalid, constraint=("fixed_coa_known", "fixed_ar_coa_known")):
    """The coa or ar_coa of a charge is not in the chart of accounts. Nothing was changed."""


class RatchetImplausible(
    Invalid, constraint=("ratchet_share_plausible", "ratchet_months_plausible")
):
    """A ratchet is a share from 0 to 1 of the highest of 1 to 60 months. Nothing was created."""


class TaxImplausible(Invalid, constraint="tax_rate_plausible"):
    """A tax rate is a fraction from 0 to less than 1: 0.05 is 5 %. Nothing was changed."""


class TaxTwice(Conflict, constraint="one_tax_at_a_time"):
    """Another tax rate was set for this time meanwhile. Nothing was changed; look and try again."""


class TariffTwice(Conflict, constraint="one_tariff_a_meter"):
    """The meter was put on another tariff meanwhile. Nothing was changed; look and try again."""


class AssignmentEmpty(Invalid, constraint="assignment_not_empty"):
    """An assignment lasts longer than nothing. Nothing was changed."""
