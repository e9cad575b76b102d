"""NEM13 files: register reads as the meter data providers of the Australian market send them.

    100,NEM13,<made at>,<from>,<to>
    250,<NMI>,<configuration>,<register>,<suffix>,<stream>,<serial>,<direction>,
        <previous read>,<read at>,<quality>,<reason>,<its text>,
        <current read>,<read at>,<quality>,<reason>,<its text>,
        <quantity>,<unit>,<next read>,<updated at>,<loaded at>
    550,<previous transaction>,<service order>,<current transaction>,<service order>
    900

A 250 record tells two reads of a register, the one that its quantity begins with and the one that
it ends with. What was read is actual; what was estimated or substituted is an estimate, and its
notes say how, as the file does.
"""

import re
from collections.abc import AsyncIterator
from datetime import date, datetime, timezone

import msgspec

from currant.errors import TooLarge
from currant.locations.identifiers import site_keys
from currant.mdff import (
    MAX_RECORDS,
    UNITS,
    Frame,
    Header,
    day,
    instant,
    lines,
    split,
    told_instant,
)
from currant.upload import Upload

COLUMNS = (
    "record",
    "line",
    "site_key",
    "other_key",
    "register_name",
    "datastream",
    "serial_number",
    "direction",
    "unit",
    "read_at",
    "value",
    "original",
    "sub_type",
    "notes",
    "next_scheduled_on",
    "dials",
)

_FIELDS = 23
_LONGEST_TEXT = 240
_READ = re.compile(r"[0-9]{1,12}(?:\.[0-9]{0,6})?")
_QUALITY = re.compile(r"([AN])|([SFE])([0-9]{2})?")
_CODE = re.compile(r"[0-9]{1,3}")
# What a field of a 250 record looks like, by its place.
_SHAPES = {
    3: ("RegisterID", re.compile(".{0,100}"), "at most 100 characters"),
    4: (
        "NMISuffix",
        re.compile(r"[1-9A-HJ-NP-Z][0-9A-HJ-NP-Z]", re.IGNORECASE),
        "two letters or digits",
    ),
    6: ("MeterSerialNumber", re.compile(".{1,100}"), "1 to 100 characters"),
    7: ("DirectionIndicator", re.compile("[EI]"), "E or I"),
    18: ("Quantity", re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{0,6})?"), "a number"),
}
_TRANSACTION = re.compile(r"[A-Z]?")
_NOTES = re.compile(r"([SFE](?:[0-9]{2})?)(?: ([0-9]{1,3}))?(?:: (.*))?", re.DOTALL)
_ACTUAL = re.compile(r"(A)(?: ([0-9]{1,3}))?(?:: (.*))?", re.DOTALL)
_UNSAID = "E62"  # of an estimate that nothing more is said of
_ESCAPED = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_NULL = r"\N"


class _Told(msgspec.Struct, frozen=True):
    """One of the two reads of a record."""

    value: int
    original: str
    read_at: str
    sub_type: str
    notes: str


class Nem13:
    """A NEM13 file as it arrives; `lines` yields its reads as COPY takes them into `COLUMNS`.

    The reads of line n have the records 2n, that before, and 2n + 1.
    """

    def __init__(self, body: Upload, clock: str) -> None:
        self.body = body
        self.frame = Frame("NEM13", clock)
        self.reads = 0
        self._records = 0

    async def lines(self) -> AsyncIterator[bytes]:
        """Yield the reads for COPY. Raises `Unparsable`, `Invalid` with the faults, `TooLarge`."""
        async for batch in lines(self.body):
            told = "".join(filter(None, map(self._take, batch)))
            if told:
                yield told.encode()
        self.frame.check()
        if not self._records:
            raise self.frame.fatal("RecordIndicator", "the file holds no reads")

    def _take(self, text: str) -> str:
        """Take a line; return the lines for COPY of its reads."""
        self.frame.line += 1
        if not self.frame.place(text):
            return ""
        fields = [field.strip() for field in split(text)]
        if fields[0] == "250":
            self._records += 1
            if 2 * self._records > MAX_RECORDS:
                raise TooLarge(f"It has more than {MAX_RECORDS} reads.")
            return self._basic_data(fields)
        if fields[0] == "550" and self._records:
            self._transactions(fields)
        else:
            self.frame.refuse("RecordIndicator", f"{fields[0][:20]!r} is no record here")
        return ""

    def _basic_data(self, fields: list[str]) -> str:
        """Read a 250 record."""
        refuse, faults = self.frame.refuse, self.frame.refused
        while len(fields) > _FIELDS and not fields[-1]:
            fields.pop()
        if not _FIELDS - 1 <= len(fields) <= _FIELDS:
            refuse("RecordIndicator", f"a 250 record has {_FIELDS} fields, this one {len(fields)}")
            return ""
        nmi, name, suffix, serial, direction = (fields[n] for n in (1, 3, 4, 6, 7))
        quantity, unit, next_read = fields[18:21]
        keys, due = site_keys(nmi), day(next_read)
        self._check(fields)
        canonical, decimals = UNITS.get(unit.lower(), ("", 3))
        before = self._read("Previous", fields[8:13], decimals)
        after = self._read("Current", fields[13:18], decimals)
        if before and after and before.read_at >= after.read_at:
            refuse("CurrentRegisterReadDateTime", "is not after the previous read")
        if self.frame.refused > faults:
            return ""
        head = f"{keys[0]}\t{keys[1]}\t{name.translate(_ESCAPED)}\t{suffix.upper()}"
        head = f"{head}\t{serial.translate(_ESCAPED)}\t{direction}\t{canonical}"
        dials = _dials(before, after, quantity)
        rows = []
        for which, read in enumerate((before, after)):
            if read is not None:
                self.reads += 1
                told_due = due.isoformat() if due and which else _NULL
                rows.append(
                    f"{2 * self.frame.line + which}\t{self.frame.line}\t{head}\t{read.read_at}"
                    f"\t{read.value}\t{read.original}\t{read.sub_type}"
                    f"\t{read.notes.translate(_ESCAPED)}\t{told_due}\t{dials}\n"
                )
        return "".join(rows)

    def _check(self, fields: list[str]) -> None:
        """Check the fields of a 250 record that are not those of its reads."""
        refuse, nmi, next_read = self.frame.refuse, fields[1], fields[20]
        if not site_keys(nmi):
            refuse("NMI", f"is {nmi[:20]!r}, no NMI, or its check digit is wrong")
        if next_read and day(next_read) is None:
            refuse("NextScheduledReadDate", f"is {next_read[:20]!r}, no day")
        for place, (column, shape, told) in _SHAPES.items():
            if not shape.fullmatch(fields[place]):
                refuse(column, f"is {fields[place][:20]!r}; it is {told}")
        for column, told in zip(("UpdateDateTime", "MSATSLoadDateTime"), fields[21:], strict=False):
            if told and instant(told, self.frame.zone) is None:
                refuse(column, f"is {told[:20]!r}, no time")

    def _read(self, which: str, fields: list[str], decimals: int) -> _Told | None:
        """Read the previous or the current read of a record; of quality N there is none."""
        value, at, quality, code, reason = fields
        refuse, faults = self.frame.refuse, self.frame.refused
        told = _QUALITY.fullmatch(quality)
        if told is None:
            refuse(f"{which}QualityMethod", f"is {quality[:20]!r}; it is A, N, or S, F or E")
        if code and not _CODE.fullmatch(code):
            refuse(f"{which}ReasonCode", f"is {code[:20]!r}, no code")
        elif code and not int(code) and not reason:
            refuse(f"{which}ReasonDescription", "is blank; reason 0 is told in words")
        if len(reason) > _LONGEST_TEXT:
            refuse(f"{which}ReasonDescription", f"may have {_LONGEST_TEXT} characters")
        none = quality == "N" and not value
        if not none and not _READ.fullmatch(value):
            refuse(f"{which}RegisterRead", f"is {value[:20]!r}, no number")
        read_at = instant(at, self.frame.zone)
        if read_at is None and not (none and not at):
            refuse(f"{which}RegisterReadDateTime", f"is {at[:20]!r}, no time")
        if self.frame.refused > faults or told is None or read_at is None or quality == "N":
            return None
        sub_type = "ACTUAL" if told[1] else "ESTIMATE"
        notes = "" if told[1] and not (code or reason) else _noted(quality, code, reason)
        return _Told(_thousandths(value, decimals), value, read_at.isoformat(), sub_type, notes)

    def _transactions(self, fields: list[str]) -> None:
        """Check a 550 record, which tells the work orders that the reads were made by."""
        fields = fields + [""] * (5 - len(fields))
        if any(fields[5:]):
            self.frame.refuse("RecordIndicator", f"a 550 record has 5 fields, not {len(fields)}")
        for column, told in (("PreviousTransCode", fields[1]), ("CurrentTransCode", fields[3])):
            if not _TRANSACTION.fullmatch(told):
                self.frame.refuse(column, f"is {told[:20]!r}; it is a letter")


def _thousandths(value: str, decimals: int) -> int:
    """Return a number in thousandths of its unit here, half up."""
    whole, _, part = value.partition(".")
    part = part.ljust(decimals, "0")
    number = int(whole + part[:decimals])
    return number + (part[decimals : decimals + 1] >= "5")


def _dials(before: _Told | None, after: _Told | None, quantity: str) -> int:
    """Return the dials of a register that rolled over between two reads, and 0 of another."""
    if before is None or after is None or after.value >= before.value or quantity[:1] == "-":
        return 0
    return len(before.original.partition(".")[0])


def _noted(quality: str, code: str, reason: str) -> str:
    return f"{quality}{f' {code}' if code else ''}{f': {reason}' if reason else ''}"


class ToldRead(msgspec.Struct, frozen=True):
    """Two reads of a register, one after the other, with what a NEM13 says of them."""

    nmi: str
    register_name: str
    datastream: str
    serial_number: str
    direction: str
    before_value: int
    before_at: datetime
    before_type: str
    before_notes: str
    value: int
    read_at: datetime
    sub_type: str
    notes: str
    quantity: int
    unit: str
    next_scheduled_on: date | None
    recorded_at: datetime


class Writer:
    """Writes pairs of reads as a NEM13 file."""

    def __init__(self, header: Header, zone: timezone) -> None:
        self.header = header
        self.zone = zone

    def begin(self) -> str:
        """Write the header."""
        told = self.header
        made = told_instant(told.created_at, self.zone)[:12]
        return f"100,NEM13,{made},{told.from_participant},{told.to_participant}\r\n"

    def read(self, told: ToldRead) -> str:
        """Write two reads."""
        due = "" if told.next_scheduled_on is None else f"{told.next_scheduled_on:%Y%m%d}"
        return ",".join(
            (
                "250", told.nmi, told.datastream, _field(told.register_name), told.datastream, "",
                _field(told.serial_number), told.direction,
                _number(told.before_value), told_instant(told.before_at, self.zone),
                _quality(told.before_type, told.before_notes),
                _number(told.value), told_instant(told.read_at, self.zone),
                _quality(told.sub_type, told.notes),
                _number(told.quantity), told.unit, due,
                told_instant(told.recorded_at, self.zone), "\r\n",
            )
        )  # fmt: skip

    def end(self) -> str:
        """Write the end."""
        return "900\r\n"


def _number(thousandths: int) -> str:
    sign = "-" if thousandths < 0 else ""
    return f"{sign}{abs(thousandths) // 1000}.{abs(thousandths) % 1000:03d}"


def _quality(sub_type: str, notes: str) -> str:
    """Write the quality of a read, its reason and the reason's text."""
    estimated = sub_type in ("ESTIMATE", "INVOICE_EST")
    told = (_NOTES if estimated else _ACTUAL).fullmatch(notes)
    if told is None:
        return f"{_UNSAID if estimated else 'A'},,"
    return f"{told[1]},{told[2] or ''},{_field(told[3] or '')}"


def _field(text: str) -> str:
    """Write a text as one field."""
    if "," in text or '"' in text:
        doubled = text.replace('"', '""')
        return f'"{doubled}"'
    return text
