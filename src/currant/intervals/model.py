"""The shapes of interval data: files, register-days, faults, and what is refused."""

from datetime import date, datetime
from decimal import Decimal

import msgspec

from currant.errors import Invalid
from currant.mdff import MARKET_CLOCK
from currant.reads.model import OnError
from currant.upload import Upload

# Why days are not stored, beside the column of a file that says so, and in words.
FAULT_COLUMNS = {
    "NOSITE": ("NMI", "no site has this NMI"),
    "NOMETER": ("MeterSerialNumber", "the meter is not at the site on that day"),
    "NOTOUSITE": ("MeterSerialNumber", "it is no interval meter"),
    "NOMTRSCHED": ("NMISuffix", "the meter lacks this data stream"),
    "BADUNIT": ("UOM", "the unit is not the register's"),
    "DUPLICATE": ("IntervalDate", "the day stands in the file already, with other values"),
}
KINDS = ("MISSING", "NONE", "ESTIMATED", "SUBSTITUTED")


class LoadNem12(msgspec.Struct, frozen=True):
    """A NEM12 file, plain or as the only file of a zip archive.

    Days that cannot be placed are noted as faults and the rest is stored; with
    `on_error=rollback` they undo the whole file. `create` gives known meters the data streams that
    they lack. The file's times are told by `clock`, the market's.
    """

    body: Upload
    name: str = ""
    on_error: OnError = OnError.CONTINUE
    create: bool = False
    clock: str = MARKET_CLOCK


class OnboardNem12(msgspec.Struct, frozen=True):
    """A NEM12 file whose sites, meters and data streams are made where they are missing.

    The sites are made in a building that is there, at its address; a new meter hangs at its site
    from its first day in the file on.
    """

    body: Upload
    building_code: str
    name: str = ""
    on_error: OnError = OnError.CONTINUE
    clock: str = MARKET_CLOCK


class Stored(msgspec.Struct, frozen=True):
    """What became of the days of a delivery.

    Each is `stored`, a `duplicate` of what is known, or among the `faults`. Of those stored, the
    `late` are older than what counts and never count.
    """

    file_id: int
    days: int
    stored: int
    duplicates: int
    late: int
    faults: int


class Unplaced(msgspec.Struct, frozen=True):
    """Days of a data stream that a file tells and that were not stored, and why.

    NOSITE: no site has the NMI. NOMETER: the meter was not at the site on these days. NOTOUSITE:
    it is no interval meter. NOMTRSCHED: it lacks the data stream. BADUNIT: the unit is not the
    register's, or unknown. DUPLICATE: the day stands twice in the file with other values.
    """

    fault_id: int
    line: int
    reason: str
    nmi: str
    serial_number: str
    datastream: str
    unit: str
    from_day: date
    to_day: date
    days: int


class Loaded(msgspec.Struct, frozen=True):
    """What became of a file, what was made for it, and the first of its days not stored."""

    file_id: int
    days: int
    stored: int
    duplicates: int
    late: int
    faults: int
    sites: int
    meters: int
    streams: int
    unplaced: list[Unplaced]


class OwnDay(msgspec.Struct, frozen=True):
    """A register-day that is estimated or edited here.

    `quantities` are whole thousandths of the register's unit, `quality` one flag for the day or one
    for each interval; with flags that differ, `spans` says as JSON what a NEM12's 400 records say.
    An estimate has the `updated_at` of the day that it fills, or 1970 where there is none, so that
    whatever the provider sends counts instead.
    """

    register_id: int
    day: date
    minutes: int
    quantities: list[int]
    quality: str
    updated_at: datetime
    method: str = ""
    reason_code: int | None = None
    reason: str = ""
    spans: str | None = None


class DaysWanted(msgspec.Struct, frozen=True):
    """Which register-days: of a span of days, both inclusive, a page or all.

    Where they are named, only those of an NMI, a building, a meter or a data stream.
    """

    from_day: date
    to_day: date
    nmi: str | None = None
    building_code: str | None = None
    serial_number: str | None = None
    datastream: str | None = None
    how_many: int | None = None
    beyond: int = 0


class IntervalDay(msgspec.Struct, frozen=True):
    """What a register measured on a day of its clock, interval by interval from 00:00.

    Quantities and their total are whole thousandths of `unit`: Wh where it is kWh. `quality` is one
    flag, or one for each interval.
    """

    nmi: str
    serial_number: str
    register_no: int
    datastream: str
    unit: str
    clock: str
    day: date
    minutes: int
    quality: str
    method: str
    reason_code: int | None
    reason: str
    revision: int
    updated_at: datetime
    loaded_at: datetime
    file_id: int
    total: int
    quantities: list[int]


class TellNem12(msgspec.Struct, frozen=True):
    """What a NEM12 file is to tell: a span of days, of an NMI or a building where one is named."""

    from_day: date
    to_day: date
    nmi: str | None = None
    building_code: str | None = None
    to_participant: str = ""
    clock: str = MARKET_CLOCK


class GapsWanted(msgspec.Struct, frozen=True):
    """In which span of days gaps are looked for, of an NMI or a building where one is named."""

    from_day: date
    to_day: date
    nmi: str | None = None
    building_code: str | None = None
    how_many: int | None = None
    beyond: int = 0


class Gap(msgspec.Struct, frozen=True):
    """Days of a register, one after another, that are not all actual.

    MISSING: nothing is stored. NONE: intervals of quality N. ESTIMATED: E. SUBSTITUTED: S or F.
    `intervals` counts those of that kind; of days that are missing it is 0.
    """

    nmi: str
    serial_number: str
    register_no: int
    datastream: str
    kind: str
    from_day: date
    to_day: date
    days: int
    intervals: int


class FilesWanted(msgspec.Struct, frozen=True):
    """Which deliveries: below which id, how many."""

    before: int
    how_many: int


class FaultsWanted(msgspec.Struct, frozen=True):
    """Which faults: of which file, how many, beyond how many others."""

    file_id: int
    how_many: int | None = None
    beyond: int = 0


class IntervalFile(msgspec.Struct, frozen=True):
    """A delivery of interval data, and what became of its days."""

    file_id: int
    source: str
    name: str
    sha256: str
    from_participant: str
    to_participant: str
    created_at: datetime | None
    login: str
    loaded_at: datetime
    days: int
    stored: int
    duplicates: int
    late: int
    faults: int


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


class IntervalLengthUnknown(Invalid, constraint="interval_length_known"):
    """An interval lasts 5, 10, 15, 30 or 60 minutes. Nothing was stored."""


class IntervalsMissing(Invalid, constraint="intervals_fill_the_day"):
    """The intervals of a day fill it, each with a quantity. Nothing was stored."""


class QualityMalformed(Invalid, constraint="quality_of_intervals"):
    """A day has one quality flag, or one for each interval: A, S, F, E or N. Nothing was stored."""


class IntervalSourceUnknown(Invalid, constraint="interval_source_known"):
    """Interval data is of a NEM12 file, estimated or edited. Nothing was stored."""
