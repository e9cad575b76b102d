"""Meter data files of the Australian market, NEM12 and NEM13 (MDFF): what both have in common.

A file is lines of fields between commas, in UTF-8 or ASCII; the first field of a line says what it
is: 100 begins the file, 900 ends it. It may come in a zip archive as its only file. Times are told
by one clock all year, the market's: UTC+10 in the eastern states.
"""

import asyncio
import csv
import re
import zipfile
import zlib
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta, timezone

from msgspec import Struct

from currant.errors import Fault, Invalid, Refusal, TooLarge, Unparsable
from currant.upload import Upload

MAX_RECORDS = 2_000_000
MAX_FAULTS = 50
MARKET_CLOCK = "+10:00"
# What a unit is counted in here, and how many decimals of it are whole thousandths of that.
UNITS = {
    f"{prefix}{unit}".lower(): (f"k{unit}", decimals)
    for unit in ("Wh", "varh", "VAh", "W", "var", "VA")
    for prefix, decimals in (("", 0), ("k", 3), ("M", 6))
} | {"v": ("V", 3), "kv": ("V", 6), "a": ("A", 3), "ka": ("A", 6), "pf": ("pf", 3)}

_MAX_BYTES = 2 * 1024**3  # of a file, out of its archive
_LONGEST_LINE = 100_000
_MOST_LINES = MAX_RECORDS + 100_000  # blank ones too
_LINES_AT_ONCE = 10_000
_CHUNK_BYTES = 256 * 1024
_ZIP = b"PK\x03\x04"
_ENCRYPTED = 1
_DAY = re.compile(r"[0-9]{8}")
_INSTANT = re.compile(r"[0-9]{12}(?:[0-9]{2})?")
_CLOCK = re.compile(r"([+-])(0[0-9]|1[0-4]):([0-5][0-9])")
_HEADER = ("VersionHeader", "DateTime", "FromParticipant", "ToParticipant")


class Header(Struct, frozen=True):
    """What a file says of itself: its version, when it was made, from whom and for whom."""

    version: str
    created_at: datetime
    from_participant: str
    to_participant: str


class Frame:
    """What holds a file together: its lines in order, one header first and one end last.

    `line` is the number of the line at hand; a fault's record is a line's number. What makes the
    rest of the file unreadable is raised at once, other faults are noted, and `check` raises them.
    """

    def __init__(self, version: str, clock: str = MARKET_CLOCK) -> None:
        self.version = version
        self.zone = zone_of(clock)
        self.line = 0
        self.header: Header | None = None
        self.faults: list[Fault] = []
        self.refused = 0
        self.ended = False

    def refuse(self, column: str, reason: str, line: int | None = None) -> None:
        """Note what is wrong with a line, the one at hand where no other is named."""
        self.refused += 1
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(Fault(self.line if line is None else line, column, reason))

    def fatal(self, column: str, reason: str) -> Refusal:
        """Return the refusal of a file that cannot be read on from the line at hand."""
        fault = Fault(self.line, column, reason)
        return Unparsable(f"Nothing was stored. {fault}.", faults=[fault])

    def check(self) -> None:
        """Raise what is wrong with the file, after its last line."""
        if self.header is None:
            self.line = max(self.line, 1)
            raise self.fatal("RecordIndicator", f"the file has no 100 {self.version} record")
        if not self.ended:
            raise self.fatal("RecordIndicator", "the file breaks off: no 900 record ends it")
        if self.refused:
            more = self.refused - len(self.faults)
            which = f" Of {self.refused} faults the first are:" if more else ""
            raise Invalid(f"Nothing was stored.{which}", faults=self.faults)

    def begin(self, text: str) -> None:
        """Take the header. Raises `Unparsable`."""
        fields = split(text)
        if self.header is not None:
            raise self.fatal("RecordIndicator", "a second 100 record: send the files one by one")
        if fields[0] != "100":
            told = f"the file begins with {fields[0][:20]!r}, not with a 100 record"
            raise self.fatal("RecordIndicator", told)
        if not 5 <= len(fields) <= 6 or any(fields[5:]):
            told = f"the 100 record has {len(fields)} fields; 5 are needed: {', '.join(_HEADER)}"
            raise self.fatal("RecordIndicator", told)
        if fields[1].upper() != self.version:
            told = f"is {fields[1][:20]!r}: this takes {self.version}"
            raise self.fatal("VersionHeader", told)
        created = instant(fields[2], self.zone)
        if created is None:
            raise self.fatal("DateTime", "is no time such as 202601312359")
        self.header = Header(self.version, created, fields[3].strip()[:40], fields[4].strip()[:40])

    def end(self, text: str) -> None:
        """Take the end of the file. Raises `Unparsable`."""
        if any(split(text)[1:]):
            raise self.fatal("RecordIndicator", "a 900 record has no fields")
        self.ended = True

    def place(self, text: str) -> bool:
        """Tell whether a line is a record of the body; take it where it is part of the frame."""
        indicator = text[:4]
        if not text.strip(" ,\t"):
            if self.header is None and text:
                self.begin(text)
            return False
        if self.header is None or indicator in ("100", "100,"):
            self.begin(text)
            return False
        if self.ended:
            told = "something follows the 900 record; send the files one by one"
            raise self.fatal("RecordIndicator", told)
        if indicator in ("900", "900,"):
            self.end(text)
            return False
        return True


async def lines(body: Upload) -> AsyncIterator[list[str]]:
    """Read a file as it was sent, or the only file of a zip archive, some lines at a time.

    Raises `Unparsable` for bytes that are no text and archives that are none, `TooLarge`.
    """
    begun, number, before, rest = False, 0, 0, b""
    async for chunk in _unpacked(body):
        raw = rest + chunk
        if not begun:
            begun, raw = True, raw.removeprefix(b"\xef\xbb\xbf")
        end = raw.rfind(b"\n") + 1
        rest = raw[end:]
        if len(rest) > _LONGEST_LINE:
            raise TooLarge(f"Line {number + raw.count(10) + 1} is longer than a record can be.")
        if end:
            number += raw.count(b"\n", 0, end)
            if number > _MOST_LINES:
                raise TooLarge(f"It has more than {_MOST_LINES} lines.")
            told = _text(raw[:end], before).split("\n")
            told.pop()
            before = number
            for first in range(0, len(told), _LINES_AT_ONCE):
                yield told[first : first + _LINES_AT_ONCE]
    if rest:
        yield [_text(rest, number)]


def _text(raw: bytes, before: int) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        line = before + raw.count(b"\n", 0, error.start) + 1
        told = f"line {line} holds the byte 0x{raw[error.start]:02X}, which is not UTF-8"
        raise Unparsable(f"Nothing was stored: {told}.") from error
    if "\0" in text:
        line = before + text.count("\n", 0, text.index("\0")) + 1
        raise Unparsable(f"Nothing was stored: line {line} holds a NUL byte.")
    return text.replace("\r", "") if "\r" in text else text


async def _unpacked(body: Upload) -> AsyncIterator[bytes]:
    """Read the bytes of a file; of a zip archive those of the only file in it."""
    body.file.seek(0)
    if body.file.read(len(_ZIP)) != _ZIP:
        async for chunk in body.chunks():
            yield chunk
        return
    body.file.seek(0)
    size = 0
    try:
        with zipfile.ZipFile(body.file) as archive:
            names = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(names) != 1:
                raise Unparsable(f"The archive holds {len(names)} files; one is taken at a time.")
            if names[0].flag_bits & _ENCRYPTED:
                raise Unparsable("The archive is locked with a password; send it without one.")
            with archive.open(names[0]) as file:
                while chunk := file.read(_CHUNK_BYTES):
                    size += len(chunk)
                    if size > _MAX_BYTES:
                        raise TooLarge(f"Out of its archive it has more than {_MAX_BYTES} bytes.")
                    yield chunk
                    await asyncio.sleep(0)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        raise Unparsable(
            "The zip archive is damaged, or packed in a way not known here."
        ) from error


def split(text: str) -> list[str]:
    """Split a line into its fields; one with a comma stands in quotation marks."""
    if '"' in text:
        return next(csv.reader([text]), [""])
    return text.split(",")


def zone_of(clock: str) -> timezone:
    """Read a clock such as `+10:00`. Raises `Invalid`."""
    told = _CLOCK.fullmatch(clock)
    if told is None:
        raise Invalid("A clock is an offset from UTC such as +10:00.", field="clock")
    ahead = timedelta(hours=int(told[2]), minutes=int(told[3]))
    return timezone(-ahead if told[1] == "-" else ahead)


def day(text: str) -> date | None:
    """Read a Date(8); nothing where it is none."""
    if not _DAY.fullmatch(text):
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None


def instant(text: str, zone: timezone) -> datetime | None:
    """Read a DateTime(12) or DateTime(14), whose clock is the market's; nothing where it is none.

    24:00:00 is the end of its day.
    """
    if not _INSTANT.fullmatch(text):
        return None
    on, clock = day(text[:8]), text[8:].ljust(6, "0")
    ends = clock == "240000"
    hour, minute, second = (0, 0, 0) if ends else map(int, (clock[:2], clock[2:4], clock[4:]))
    if on is None or not 1900 <= on.year <= 2200 or hour > 23 or minute > 59 or second > 59:
        return None
    at = datetime(on.year, on.month, on.day, hour, minute, second, tzinfo=zone)
    return (at + timedelta(days=int(ends))).astimezone(UTC)


def told_instant(at: datetime, zone: timezone) -> str:
    """Write an instant as a DateTime(14) of the market's clock."""
    return at.astimezone(zone).strftime("%Y%m%d%H%M%S")
