"""The shapes of reads: deliveries, reads, usage, and what is refused."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from currant.errors import Conflict, Fault, Invalid, NotFound
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
