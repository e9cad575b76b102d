"""The shapes of basic reads: as they are posted, and what became of them."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from currant.errors import Fault
from currant.mdff import MARKET_CLOCK
from currant.reads.model import OnError
from currant.upload import Upload

MOST_LISTED = 20_000  # days of an account's reads


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
