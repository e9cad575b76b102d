"""The shapes of reads: deliveries, reads, usage, and what is refused."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from currant.errors import Conflict, Fault, Invalid, NotFound
from currant.mdff import MARKET_CLOCK
from currant.upload import Upload


class Format(StrEnum):
    """How a file of reads is written."""

    CSV = "CSV"
    JSON = "JSON"


class OnError(StrEnum):
    """What one bad record does to the others."""

    ROLLBACK = "rollback"
    CONTINUE = "continue"


class RecordReads(msgspec.Struct, frozen=True):
    """A delivery of cumulative register values (J07).

    `source` is a head-end's name, or the login of whoever typed the reads. Active values are kWh,
    Wh if `watts`; reactive ones kvarh, varh if `volts`.
    """

    body: Upload
    format: Format
    source: str
    watts: bool = False
    volts: bool = False
    on_error: OnError = OnError.ROLLBACK


class AnsweredRead(msgspec.Struct, frozen=True):
    """What the active import register of a meter stood at, in the unit of its delivery."""

    serial_number: str
    read_at: datetime
    value: Decimal


class RecordAnswers(msgspec.Struct, frozen=True):
    """Reads that a head-end answered with: Wh if `watts`, otherwise kWh."""

    source: str
    reads: list[AnsweredRead]
    watts: bool = True
    sha256: str = ""


class ReadsRecorded(msgspec.Struct, frozen=True):
    """What became of a delivery.

    `parsed` counts the records that were sound to the letter; `stored`, `duplicates` and
    `quarantined` count register values. `rejected` names what a delivery with `on_error=continue`
    did not store. `warnings` are for the sender: how the file was mended to be read.
    """

    parsed: int
    stored: int
    duplicates: int
    quarantined: int
    rejected: list[Fault]
    warnings: list[str]


class Recorded(msgspec.Struct, frozen=True):
    """What the judgement of a delivery counted, and how many relay states changed."""

    batch_id: int
    stored: int
    duplicates: int
    quarantined: int
    changed: int


class Survey(msgspec.Struct, frozen=True):
    """What a delivery needs: locks (one bit each), and a look at times and other registers."""

    locks: int
    ahead: int
    other: bool


class RejectedRead(msgspec.Struct, frozen=True):
    """A register value that was not believed."""

    record: int
    register_no: int
    reason: str


class SubType(StrEnum):
    """What kind of basic read it is; `ACTUALC` was read by the customer."""

    ACTUAL = "ACTUAL"
    ACTUALC = "ACTUALC"
    ESTIMATE = "ESTIMATE"
    INVOICE_EST = "INVOICE_EST"
    OPENING = "OPENING"
    CLOSING = "CLOSING"


class BasicRead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A basic or deemed read as it is posted (U35), `meter_read` in the register's unit.

    A site is named by its identifier or by its number with us, such as L03281; `meter_code` is that
    of a register of the meter, or its serial number. `read_sub_type` is a `SubType`, or MISREAD:
    then the read of that date and value counts no longer. `add_factor` tells that the register has
    rolled over: where its dials start again.
    """

    site_identifier: str
    meter_code: str
    meter_read: Decimal
    read_date: date
    sub_type: str = msgspec.field(default="ACTUAL", name="read_sub_type")
    meter_register: int = 1
    add_factor: int = 0
    next_scheduled_read_date: date | None = None
    temp_factor: Decimal | None = None
    cv_factor: Decimal | None = None
    audit_notes: str = ""


class PostReads(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Basic reads to record, all or none; without a source, whoever posts them read them."""

    reads: list[BasicRead]
    source: str = ""


class FoundRegister(msgspec.Struct, frozen=True):
    """The register that a posted read is of; what is null was not found at the site."""

    record: int
    location_id: int
    meter_id: int | None
    register_id: int | None
    metering_type: str | None
    factor: Decimal | None
    dials: int | None
    timezone: str
    lock: int


class JudgedRead(msgspec.Struct, frozen=True):
    """What became of a posted read, in the database's own terms."""

    record: int
    register_id: int
    read_at: datetime
    value: int
    sub_type: str
    revision: int | None
    read_id: int | None
    reason: str | None
    quarantine_id: int | None
    rolled: bool
    before_value: int | None
    consumption: int | None


class PostedRead(msgspec.Struct, frozen=True):
    """What became of a posted read: ACCEPTED, or IN_REVIEW with the checks that it failed.

    `read_id` names the read; of one that is under review it is negative, and tells where in
    quarantine.
    `consumption` is in the register's unit, since the read before. `result` is CREATED, DUPLICATE
    where it was known already, or MISREAD.
    """

    read_id: int
    status: str
    consumption: Decimal | None
    failed_checks: list[str]
    result: str


class LoadNem13(msgspec.Struct, frozen=True):
    """A NEM13 file, plain or as the only file of a zip archive.

    Reads whose register is not known are faults and the rest is stored; with `on_error=rollback`
    they undo the whole file. `create` gives known meters the data streams that they lack. The
    file's times are told by `clock`, the market's.
    """

    body: Upload
    on_error: OnError = OnError.CONTINUE
    create: bool = False
    clock: str = MARKET_CLOCK


class LocksOfBasic(msgspec.Struct, frozen=True):
    """What a NEM13 file needs: locks (one bit each), and a look at its last read."""

    locks: int
    latest: datetime | None


class BasicLoaded(msgspec.Struct, frozen=True):
    """What became of the reads of a NEM13 file, two of each of its records.

    Each is `stored`, a `duplicate` of what is known, in quarantine, or among the `faults`.
    """

    reads: int
    stored: int
    duplicates: int
    quarantined: int
    faults: int


class UnplacedRead(msgspec.Struct, frozen=True):
    """A read of a file whose register is not known, by its line, and why."""

    line: int
    fault: str


class Nem13Loaded(msgspec.Struct, frozen=True):
    """What became of a NEM13 file: its reads, what was made for it, the first reads not placed."""

    reads: int
    stored: int
    duplicates: int
    quarantined: int
    faults: int
    streams: int
    unplaced: list[Fault]


class TellNem13(msgspec.Struct, frozen=True):
    """What a NEM13 file is to tell: reads of a span of days, of an NMI or a building if named."""

    from_day: date
    to_day: date
    nmi: str | None = None
    building_code: str | None = None
    to_participant: str = ""
    clock: str = MARKET_CLOCK


class QuarantineWanted(msgspec.Struct, frozen=True):
    """Which of the quarantine: of one meter or all, below which id, how many at most."""

    before: int
    how_many: int
    serial_number: str | None = None


class Quarantined(msgspec.Struct, frozen=True):
    """A register value that is not believed, in Wh or varh, and the read that stands before it.

    `reason` is NOSITE (no meter had this serial number), BACKWARDS (less than before and no
    plausible rollover), MULTIPLIER (another than beside it), HIGH (over 100 times the usual; of a
    head-end's answer also over 100 times the read before it, or under a 100th) or REPEATED (a basic
    read where another value was read).
    """

    quarantine_id: int
    serial_number: str
    register_no: int
    read_at: datetime
    value: int
    multiplier: Decimal
    reason: str
    source: str
    recorded_at: datetime
    before_at: datetime | None
    before_value: int | None


class ReleaseReads(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Believe reads that are in quarantine, by their ids: all of them or none."""

    quarantine_ids: list[int]


class Suspect(msgspec.Struct, frozen=True):
    """A read in quarantine, its meter where there is one, and the lock of the meter."""

    quarantine_id: int
    serial_number: str
    meter_id: int | None
    lock: int


class Released(msgspec.Struct, frozen=True):
    """A read that was released: what passed since the read before it, and until the one after.

    Values are Wh or varh; there is no usage where there is no read on that side.
    """

    quarantine_id: int
    serial_number: str
    register_no: int
    read_at: datetime
    value: int
    reason: str
    usage_wh: int | None
    next_wh: int | None


class RejectReads(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Dismiss reads that are in quarantine, by their ids and for a reason: all or none."""

    quarantine_ids: list[int]
    reason: str = ""


class Decided(msgspec.Struct, frozen=True):
    """A read in quarantine that was released, or else rejected."""

    quarantine_id: int
    released: bool


class Rejected(msgspec.Struct, frozen=True):
    """A read that was dismissed, its value in Wh or varh."""

    quarantine_id: int
    serial_number: str
    register_no: int
    read_at: datetime
    value: int


class SerialsSent(msgspec.Struct, frozen=True):
    """The serial numbers that a delivery begins with."""

    serial_numbers: list[str]


class PortalOfSerials(msgspec.Struct, frozen=True):
    """A portal, and how many of some serial numbers are meters of it."""

    key: str
    serials: int


class ReadsWanted(msgspec.Struct, frozen=True):
    """Which reads: of one meter, between two local days inclusive, a page or all."""

    serial_number: str
    from_day: str | None = None
    to_day: str | None = None
    how_many: int | None = None
    beyond: int = 0


class MeterRead(msgspec.Struct, frozen=True):
    """A meter as its reads are shown with, and the civil time of its portal."""

    portal_id: int
    portal: str
    timezone: str
    tz_index: int
    meter_id: int
    serial_number: str
    device_id: str
    account: str
    loc_id: str


class Read(msgspec.Struct, frozen=True):
    """What a meter's registers stood at at an instant, in Wh and varh.

    `status` is `N` (no usage made of it yet), `U:` and the usage it closes, or `S` (suspect: in
    quarantine). `usage_wh` is what passed since the read before.
    """

    read_at: datetime
    multiplier: Decimal
    source: str
    status: str
    last_mod: datetime
    forward_active: int | None
    reverse_active: int | None
    forward_reactive: int | None
    reverse_reactive: int | None
    usage_wh: int | None


class ReadsShown(msgspec.Struct, frozen=True):
    """A meter and its reads, ascending."""

    meter: MeterRead
    reads: list[Read]


class UsageChange(msgspec.Struct, frozen=True):
    """A usage segment that was made (sign 1), was retired (-1), or is drawn again (0)."""

    meter_id: int
    register_id: int
    from_at: datetime
    to_at: datetime
    energy_wh: int
    sign: int


class PortalUnclear(Invalid):
    """The serial numbers do not say which portal is meant. Nothing was done; name the portal."""


class SourceUnknown(Invalid):
    """Reads come from a head-end, or by hand under your own login. Nothing was stored."""


class NotInQuarantine(NotFound):
    """There is no such read in quarantine. Nothing was done."""


class MeterStillMissing(Conflict):
    """No meter has the serial number of the read yet. Nothing was released; import it first."""


class UsageNegative(Conflict):
    """A register would run backwards. Nothing was released; send the wrong read beside it again."""


class ReadReleasedBefore(Conflict, constraint="read_released_once"):
    """A read was released already. Nothing was done; if it is wrong, send the right one."""


class ReadRejectedBefore(Conflict, constraint="read_rejected_once"):
    """A read was rejected already. Nothing was done; if it is right after all, send it again."""


class ReadUsedTwice(Conflict, constraint="read_used_once"):
    """Usage was made of this read already. Nothing was done."""


class ReadSubTypeUnknown(Invalid, constraint="read_sub_type_known"):
    """A read is ACTUAL, ACTUALC, ESTIMATE, INVOICE_EST, OPENING or CLOSING. Nothing was stored."""


class ReadMisreadBefore(Conflict, constraint="read_misread_once"):
    """A read counted no longer already. Nothing was done."""
