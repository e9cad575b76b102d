"""The shapes of validation: rules, runs, findings, and what is refused."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from currant.errors import Conflict, Invalid, NotFound


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


class FindingStatus(StrEnum):
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


class Scope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which days, both inclusive: of a building, of an account, or of everything."""

    from_day: date
    to_day: date
    building_code: str | None = None
    account: str | None = None


class Validate(Scope, frozen=True, forbid_unknown_fields=True):
    """Which days to check, both inclusive: of a building, of an account, or of everything."""


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
    status: FindingStatus | None = None
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
    status: FindingStatus = FindingStatus.ACCEPTED


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
