"""The shapes of validation: rules, runs, findings, estimates, edits, and what is refused."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from currant.errors import Conflict, Invalid, NotFound
from currant.reads.model import BasicRead, SubType


class Rule(StrEnum):
    """What is checked."""

    SPIKE = "SPIKE"
    ZERO = "ZERO"
    NEGATIVE = "NEGATIVE"
    GAP = "GAP"
    NULL = "NULL"
    HIGH = "HIGH"
    LOW = "LOW"
    ROLLOVER = "ROLLOVER"
    SUM = "SUM"


class Severity(StrEnum):
    """How grave a finding is."""

    WARNING = "WARNING"
    ERROR = "ERROR"


class Status(StrEnum):
    """What was decided about a finding."""

    OPEN = "OPEN"
    ACCEPTED = "ACCEPTED"
    FIXED = "FIXED"


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule as a portal checks it.

    `factor`: how many times the usual is a SPIKE or HIGH, the usual how many times what is LOW,
    and which part of a gate meter those behind it may differ by (SUM). `days`: how many days
    without use are a ZERO, how many days late a read is a GAP, and how many days a SPIKE, HIGH and
    LOW need to know what is usual. The other rules take neither.
    """

    rule: Rule
    active: bool = True
    factor: Decimal = Decimal(1)
    days: int = 1
    severity: Severity = Severity.WARNING


class CheckSet(msgspec.Struct, frozen=True):
    """A rule as it is stored where a portal set it."""

    rule: str
    active: bool
    factor: Decimal
    days: int
    severity: str


class Validate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which days to check, both inclusive: of a building, of an account, or of everything."""

    from_day: date
    to_day: date
    building_code: str | None = None
    account: str | None = None


class ValidationRun(msgspec.Struct, frozen=True):
    """A check: how many registers, findings, new ones among them, and open ones that are gone."""

    run_id: int
    from_day: date
    to_day: date
    login: str
    ran_at: datetime
    registers: int
    found: int
    added: int
    gone: int


class FindingsWanted(msgspec.Struct, frozen=True):
    """Which findings: below which id, how many at most, of what is named."""

    before: int
    how_many: int
    status: Status | None = None
    rule: Rule | None = None
    serial_number: str | None = None
    building_code: str | None = None
    account: str | None = None


class Finding(msgspec.Struct, frozen=True):
    """What a check found of a register on a day, and what was decided about it last.

    What was measured and expected is in thousandths of `unit`; of NULL it is a number of intervals.
    """

    finding_id: int
    site_identifier: str | None
    loc_id: str | None
    serial_number: str
    register_no: int
    unit: str
    day: date
    rule: str
    measured: int
    expected: int | None
    severity: str
    run_id: int
    found_at: datetime
    status: str
    decided_by: str
    reason: str
    decided_at: datetime | None


class DecideFindings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Decide about findings, by their ids and for a reason: all of them or none."""

    finding_ids: list[int]
    reason: str
    status: Status = Status.ACCEPTED


class Decided(msgspec.Struct, frozen=True):
    """How many findings were decided about."""

    decided: int


class FindingWanted(msgspec.Struct, frozen=True):
    """Which finding."""

    finding_id: int


class Decision(msgspec.Struct, frozen=True):
    """What was decided about a finding, by whom, why and when."""

    decision_no: int
    status: str
    login: str
    reason: str
    decided_at: datetime


class EstimateDays(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which days to fill the gaps of: of a building, of an account, or of everything."""

    from_day: date
    to_day: date
    building_code: str | None = None
    account: str | None = None


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


class ReadsOfAccount(msgspec.Struct, frozen=True):
    """Which reads of an account: of a span of days, both inclusive, of a site or meter if named.

    `as_of`: as they were known at that instant; otherwise as they are known now. A page is
    `how_many` (none: all) beyond so many others.
    """

    account: str
    from_day: date
    to_day: date
    site_identifier: str | None = None
    meter_code: str | None = None
    as_of: datetime | None = None
    how_many: int | None = None
    beyond: int = 0


class StoredRead(msgspec.Struct, frozen=True):
    """A basic read of an account in the database's own terms."""

    site_identifier: str | None
    loc_id: str
    site_name: str
    timezone: str
    meter_code: str
    serial_number: str
    register_no: int
    unit: str
    dials: int
    read_id: int
    read_at: datetime
    value: int
    sub_type: str
    estimated: bool
    multiplier: Decimal
    before_at: datetime | None
    before_value: int | None
    consumption: int | None
    next_scheduled_on: date | None
    temp_factor: Decimal | None
    cv_factor: Decimal | None
    notes: str
    status: str
    source: str


class AccountRead(msgspec.Struct, frozen=True):
    """A basic read of an account (U12), in the register's unit.

    `status` is ACCEPTED; MISREAD or SUPERSEDED (an estimate that an actual read contradicts), which
    count no longer; or IN_REVIEW. Only what is accepted has a `consumption`, since the read before.
    """

    site_identifier: str | None
    loc_id: str
    site_name: str
    meter_code: str
    serial_number: str
    meter_register: int
    unit: str
    read_id: int
    read_date: date
    meter_read: Decimal
    read_sub_type: str
    estimated: bool
    add_factor: int
    multiplier: Decimal
    consumption: Decimal | None
    previous_read_date: date | None
    next_scheduled_read_date: date | None
    temp_factor: Decimal | None
    cv_factor: Decimal | None
    audit_notes: str
    status: str
    source: str


class StoredDay(msgspec.Struct, frozen=True, gc=False):
    """A day of intervals of an account in the database's own terms."""

    site_identifier: str | None
    loc_id: str
    site_name: str
    meter_code: str
    serial_number: str
    register_no: int
    unit: str
    datastream: str
    clock: str
    day: date
    minutes: int
    quantities: list[int]
    quality: str
    file_id: int


class AccountDay(msgspec.Struct, frozen=True, gc=False):
    """A day of intervals of an account (U12), in the register's unit, by the clock of the register.

    `quality` is one of NEM12's flags for the day, or one for each interval.
    """

    site_identifier: str | None
    loc_id: str
    site_name: str
    meter_code: str
    serial_number: str
    meter_register: int
    unit: str
    read_date: date
    interval_minutes: int
    intervals: list[Decimal]
    day_total: Decimal
    quality: str
    datastream: str
    clock: str
    file_ref: int


class RuleUnknown(Invalid, constraint="validation_rule_known"):
    """There is no such rule. Nothing was stored."""


class RuleFactorOutOfRange(Invalid, constraint="validation_factor_positive"):
    """The factor of a rule is more than 0 and less than 100000. Nothing was stored."""


class RuleDaysOutOfRange(Invalid, constraint="validation_days_counted"):
    """The days of a rule are 1 to 400. Nothing was stored."""


class SeverityUnknown(Invalid, constraint="validation_severity_known"):
    """A finding is a WARNING or an ERROR. Nothing was stored."""


class FindingStatusUnknown(Invalid, constraint="finding_status_known"):
    """A finding is OPEN, ACCEPTED or FIXED. Nothing was stored."""


class FoundTwice(Conflict, constraint="finding_once"):
    """The same was found already. Nothing was stored; check again."""


class DecidedMeanwhile(Conflict, constraint="finding_decided_at_once"):
    """Somebody decided about a finding meanwhile. Nothing was stored; look at it again."""


class NoSuchFinding(NotFound):
    """There is no such finding. Nothing was done."""
