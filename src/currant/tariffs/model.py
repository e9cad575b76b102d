"""The shapes of tariffs: commands, rows, and what is refused."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import msgspec

from currant.errors import Conflict, Invalid, NotFound

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
    usage_base_start: int
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
    usage_base_start: int
    units: str
    coa: str
    ar_coa: str
    description: str
    taxable: bool


class RateScheduled(msgspec.Struct, frozen=True):
    """The new line; `start` and `end` repeat the client's clock face and offset."""

    timezone: str
    rate: Rate
    start: str
    end: str
    nonstandard_offset: bool


class TariffHead(msgspec.Struct, frozen=True):
    """A tariff; meter_count says how many meters are on it now."""

    tariff_id: int
    name: str
    description: str
    municipality: str
    meter_count: int


class LockedTariff(msgspec.Struct, frozen=True):
    """A tariff whose rates nobody else schedules meanwhile."""

    tariff_id: int
    units: str


class FixedRow(msgspec.Struct, frozen=True):
    """A monthly charge of a tariff; `amount` before tax, per kVA where the basis is KVA."""

    fixed_id: int
    tariff_id: int
    description: str
    amount: Decimal
    basis: str
    coa: str
    ar_coa: str
    taxable: bool


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


class CreateCalendar(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A time-of-use calendar.

    `clock` is an IANA zone or a fixed offset such as +10:00. A day's switches, such as {"minute":
    420, "bucket": 2}, begin at minute 0; weekends follow the weekday's where they have none,
    holidays the weekend's. Holidays are listed as days, or taken from a country (ISO 3166, with its
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

    tariff: str
    start_at: datetime
    end_at: datetime | None


class BookTariff(msgspec.Struct, frozen=True):
    """The head of a price book."""

    tariff_id: int
    name: str
    zone: str
    units: str
    clock: str | None
    revision: int


class BookSwitch(msgspec.Struct, frozen=True):
    """From which minute of a type of day which bucket is in force."""

    day_type: str
    minute: int
    bucket: int


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
    """The tier is one of A, L, L2, L3, B1 to B9, T1 to T9. Nothing was scheduled."""


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


class TaxImplausible(Invalid, constraint="tax_rate_plausible"):
    """A tax rate is a fraction from 0 to less than 1: 0.05 is 5 %. Nothing was changed."""


class TaxTwice(Conflict, constraint="one_tax_at_a_time"):
    """Another tax rate was set for this time meanwhile. Nothing was changed; look and try again."""


class TariffTwice(Conflict, constraint="one_tariff_a_meter"):
    """The meter was put on another tariff meanwhile. Nothing was changed; look and try again."""


class AssignmentEmpty(Invalid, constraint="assignment_not_empty"):
    """An assignment lasts longer than nothing. Nothing was changed."""
