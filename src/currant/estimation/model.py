"""The shapes of estimation and editing: what is filled, estimated and put right."""

from datetime import date, datetime
from decimal import Decimal

import msgspec

from currant.basicreads.model import BasicRead, SubType
from currant.validation.model import Scope


class EstimateDays(Scope, frozen=True, forbid_unknown_fields=True):
    """Which days to fill the gaps of: of a building, of an account, or of everything."""


class EstimatedDays(msgspec.Struct, frozen=True):
    """How many days of how many registers were filled, by which file, and what is still unknown."""

    registers: int
    days: int
    intervals: int
    unknown_days: int
    file_id: int | None


class GapToFill(msgspec.Struct, frozen=True):
    """The days of a register among which some are to be estimated."""

    register_id: int
    first_day: date
    last_day: date
    clock: str
    minutes: int


class KnownDay(msgspec.Struct, frozen=True, gc=False):
    """A register-day that counts."""

    register_id: int
    day: date
    minutes: int
    quantities: list[int]
    quality: str
    updated_at: datetime
    spans: str | None


class Passed(msgspec.Struct, frozen=True):
    """What passed on a register between two reads, in thousandths of its unit."""

    register_id: int
    from_at: datetime
    to_at: datetime
    total: int


class EstimateReads(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """On which day to estimate what was not read: of a building, an account, or everything."""

    day: date
    building_code: str | None = None
    account: str | None = None
    sub_type: SubType = SubType.ESTIMATE


class ReadToEstimate(msgspec.Struct, frozen=True):
    """A register that was not read on a day, with what an estimate is made of."""

    key: str
    serial_number: str
    register_no: int
    dials: int
    timezone: str
    before_at: datetime
    before_value: int
    after_at: datetime | None
    after_value: int | None
    earlier_at: datetime | None
    earlier_value: int | None
    season_from: datetime | None
    season_from_value: int | None
    season_to: datetime | None
    season_to_value: int | None


class EstimatedRead(msgspec.Struct, frozen=True):
    """A read that was estimated, in the register's unit, and by what; or that could not be.

    What is posted is judged as every read is: `status` is ACCEPTED or IN_REVIEW.
    """

    site_identifier: str
    meter_code: str
    meter_register: int
    meter_read: Decimal | None
    basis: str
    read_id: int | None
    status: str


class EditedDay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The intervals of a day as they are to be, in the register's unit; `quality` is S or F."""

    site_identifier: str
    meter_code: str
    day: date
    intervals: list[Decimal]
    meter_register: int = 1
    quality: str = "F"


class EditDays(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Put days of intervals right, for a reason: all of them or none."""

    days: list[EditedDay]
    reason: str


class EditReads(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Put basic reads right, for a reason: each stands in for what was read on its day."""

    reads: list[BasicRead]
    reason: str


class DayStored(msgspec.Struct, frozen=True):
    """How many days were put right, by which file."""

    file_id: int
    days: int


class AmRegister(msgspec.Struct, frozen=True):
    """The register that an edited day is of."""

    record: int
    register_id: int
    metering_type: str
