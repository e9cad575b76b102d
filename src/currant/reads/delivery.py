"""A file of reads as it was sent, turned to lines for COPY with every record checked on the way.

A block of records is held as text against one pattern, which is the fast way to say that all is
well; a plain CSV needs not even be split for that. Where the pattern does not fit, the records of
the block are looked at one by one: what is unusual but right is mended (the layouts of time that
conformance.md Q03 allows), what is wrong is refused with its record, column and reason (10.6).
Memory stays flat: a CSV is read in blocks, a JSON array is bounded and its objects are decoded a
few at a time.
"""

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import tzinfo
from decimal import Decimal

import msgspec

from currant import wire
from currant.clock import parse_instant
from currant.csvfile import MAX_RECORDS, Column, CsvReader, Record
from currant.errors import Fault, Invalid, TooLarge, Unparsable
from currant.reads.model import Format
from currant.upload import Upload

COLUMNS = (
    Column("metername", verbatim=True),
    Column("serialnumber", required=True),
    Column("deviceid"),
    Column("datetime", required=True),
    Column("multiplier"),
    Column("sumforwardactive"),
    Column("sumreverseactive"),
    Column("sumforwardreactive"),
    Column("sumreversereactive"),
    Column("meterstate"),
)
# Where the values stand among the columns; register n is at 4 + n.
FORWARD_ACTIVE = 5
MAX_FAULTS = 50
MAX_REJECTED = 10_000
JSON_BYTES = 32 * 1024 * 1024

_BLOCK = 256 * 1024
_OBJECTS = 2000
_MEMORY = 100_000
_LONGEST_SERIAL = 100  # as of a meter
_HEADER = ",".join(column.name for column in COLUMNS).encode() + b"\n"
_STATES = (
    "connect",
    "connected",
    "connecting",
    "pending",
    "disconnect",
    "disconnected",
    "disconnecting",
    "unknown",
)
_NUMBER = re.compile(r"(?=\.?[0-9])[0-9]{0,15}(?:\.[0-9]{0,30})?")
_MULTIPLIER = re.compile(r"(?=[0.]*[1-9])[0-9]{0,6}(?:\.[0-9]{0,6}0*)?")
_ESCAPED = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def _sound(comma: str, name: str, code: str) -> str:
    """Write the pattern of a record as nearly every one is sent; it takes none that is wrong.

    Given are what stands between the fields, and the characters that a free text and a code may
    hold. What has matched is never tried in another way, so it is fast whatever it is shown.
    """
    # Months of at least 28, 30 and 31 days; the leap day is left to the second look.
    day = (
        "(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
        "|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    )
    time = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6}+)?+"
    instant = rf"(?:19|20)[0-9][0-9]-{day}T{time}(?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9])"
    multiplier = r"(?:[1-9][0-9]{0,2}+\.?+[0-9]{0,3}+)?+"
    value = rf"(?!\.{comma})[0-9]{{0,9}}+\.?+[0-9]{{0,6}}+{comma}"
    state = "(?:[Cc]onnected|[Dd]isconnected|CONNECTED|DISCONNECTED)?+"
    return (
        rf"{name}*+{comma}{code}{{1,{_LONGEST_SERIAL}}}+{comma}{code}*+{comma}{instant}{comma}{multiplier}{comma}"
        rf"(?!{comma * 4}){value * 4}{state}"
    )


_SOUND_LINE = re.compile(r"[0-9]++\t" + _sound(r"\t", r"[^\t\n\r\\\0]", r"[^\t\n\r\\\0]"))
_SOUND_LINES = re.compile(rf"(?:{_SOUND_LINE.pattern}\n)*+")
# These need no reader of CSV: no quotation mark, no comment, no blank that does not count, no CR.
_PLAIN_LINE = "(?![# ])" + _sound(",", r'[^,"\t\n\r\\\0]', r'[^," \t\n\r\\\0]')
_PLAIN_LINES = re.compile(rf"(?:{_PLAIN_LINE}\n)*+")


class SentRead(msgspec.Struct, frozen=True):
    """One object of a JSON delivery."""

    metername: str | None = None
    serialnumber: str | None = None
    deviceid: str | None = None
    datetime: str | None = None
    multiplier: Decimal | None = None
    sumforwardactive: Decimal | None = None
    sumreverseactive: Decimal | None = None
    sumforwardreactive: Decimal | None = None
    sumreversereactive: Decimal | None = None
    meterstate: str | None = None


class Delivery:
    """Reads one file of reads. After its lines were taken it tells what it met on the way.

    `records` counts those in the file, `refused` those that are wrong, `faults` says why, up to a
    number. `warnings` tells how the file was mended: `csv-header-repaired`, `nonstandard-offset`.
    """

    def __init__(self, body: Upload, written: Format, zone: tzinfo, *, max_faults: int) -> None:
        self.records = 0
        self.refused = 0
        self.faults: list[Fault] = []
        self.garbled = False
        self._body = body
        self._format = written
        self._zone = zone
        self._max_faults = max_faults
        self._header_repaired = False
        self._nonstandard = False
        self._instants: dict[str, str] = {}

    @property
    def warnings(self) -> list[str]:
        """How the file was mended, in the words of the X-Juice-Warning header."""
        told = {
            "csv-header-repaired": self._header_repaired,
            "nonstandard-offset": self._nonstandard,
        }
        return [word for word, happened in told.items() if happened]

    async def lines(self) -> AsyncIterator[bytes]:
        """Yield the sound records as lines of COPY text: the number, then the ten columns.

        Raises `Unparsable`, `Invalid` or `TooLarge` for a file that cannot be read at all.
        """
        self._body.file.seek(0)
        reader = self._reader()
        if self._format is Format.CSV:
            for lines in self._plain(reader):
                yield lines.encode()
        for records in self._records(reader):
            if lines := self._checked(records):
                yield lines.encode()

    def serial_numbers(self) -> list[str]:
        """Return the serial numbers that the file begins with, for telling whose it is."""
        self._body.file.seek(0)
        for records in self._records(self._reader()):
            return sorted({fields[1] for _, fields in records})
        return []

    def refuse_all(self, faults: Sequence[Fault], records: int) -> None:
        """Note what is wrong with that many records; the first of the faults are kept."""
        self.refused += records
        self.faults = sorted([*self.faults, *faults], key=lambda fault: fault.record)
        del self.faults[self._max_faults :]

    def _refuse(self, faults: list[Fault]) -> None:
        """Note what is wrong with the next record in turn."""
        self.refused += 1
        self.faults += faults[: max(0, self._max_faults - len(self.faults))]

    def _reader(self) -> CsvReader:
        return CsvReader(COLUMNS, atomic=False, max_faults=self._max_faults)

    def _records(self, reader: CsvReader) -> Iterator[Sequence[Record]]:
        return self._csv(reader) if self._format is Format.CSV else self._json()

    def _plain(self, reader: CsvReader) -> Iterator[str]:
        """Yield the lines of a plain file as they are, up to the first block that is not so plain.

        That block and all behind it are left to the reader, which is told how many went before.
        """
        file = self._body.file
        header = file.readline(_BLOCK)
        reader.feed(header)
        while header.lower() == _HEADER:
            begin = file.tell()
            block = file.read(_BLOCK)
            end = block.rfind(b"\n") + 1
            try:
                text = block[:end].decode()
            except UnicodeDecodeError:
                text = ""
            if not text or not _PLAIN_LINES.fullmatch(text):
                file.seek(begin)
                return
            file.seek(begin + end)
            lines = text.split("\n")[:-1]
            numbered = enumerate(lines, start=reader.records + 1)
            reader.records += len(lines)
            yield "\n".join([f"{n}\t{line}" for n, line in numbered]).replace(",", "\t") + "\n"

    def _csv(self, reader: CsvReader) -> Iterator[Sequence[Record]]:
        while chunk := self._body.file.read(_BLOCK):
            if records := reader.feed(chunk):
                yield records
        if records := reader.close():
            yield records
        self.records = reader.records
        self.refuse_all(reader.faults, reader.refused)
        self.garbled = reader.refused > 0
        self._header_repaired = reader.header_repaired

    def _json(self) -> Iterator[Sequence[Record]]:
        if self._body.size > JSON_BYTES:
            raise TooLarge(
                f"Nothing was stored. As JSON it may have {JSON_BYTES} bytes; send it as CSV."
            )
        raw = self._body.file.read()
        if raw.count(b"{") > MAX_RECORDS:
            raise TooLarge(f"Nothing was stored. It has more than {MAX_RECORDS} records.")
        sent = wire.decode(raw, list[msgspec.Raw])
        self.records = len(sent)
        for start in range(0, len(sent), _OBJECTS):
            objects = enumerate(sent[start : start + _OBJECTS], start=start + 1)
            yield [
                (number, fields)
                for number, one in objects
                if (fields := self._fields(number, bytes(one))) is not None
            ]

    def _fields(self, number: int, raw: bytes) -> Sequence[str] | None:
        """Decode one object to the columns' texts; a number keeps the digits it was sent with."""
        try:
            read = wire.decode(raw, SentRead)
        except (Invalid, Unparsable) as refusal:
            field = refusal.field or "the object"
            reason = refusal.detail.removeprefix(f"{field}: ").rstrip(".")
            self._refuse([Fault(number, field, reason)])
            return None
        return [
            format(value, "f") if isinstance(value, Decimal) else (value or "").strip()
            for value in msgspec.structs.astuple(read)
        ]

    def _checked(self, records: Sequence[Record]) -> str:
        """Return the lines of the records that are sound, mended where that is right."""
        lines = [f"{number}\t" + "\t".join(fields) for number, fields in records]
        text = "\n".join([*lines, ""])
        # A line break inside a quoted field could pass for two records.
        if text.count("\n") == len(lines) and _SOUND_LINES.fullmatch(text):
            return text
        return "".join(
            f"{line}\n" if _SOUND_LINE.fullmatch(line) else self._mended(number, fields)
            for line, (number, fields) in zip(lines, records, strict=True)
        )

    def _mended(self, number: int, fields: Sequence[str]) -> str:
        """Look at one record closely: return its line, or nothing and refuse it."""
        faults = dict(self._flaws(fields))
        instant = ""
        if fields[3]:
            try:
                instant = self._instant(fields[3])
            except Invalid as refusal:
                faults["datetime"] = refusal.detail.rstrip(".")
        if faults:
            self._refuse([Fault(number, *fault) for fault in faults.items()])
            return ""
        serial = fields[1].translate(_ESCAPED)
        values = "\t".join(fields[4:])
        return f"{number}\t\t{serial}\t\t{instant}\t{values}\n"

    def _flaws(self, fields: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield the columns of a record that are wrong, each with why; the time's layout apart."""
        values = fields[FORWARD_ACTIVE:-1]
        if not fields[1]:
            yield "serialnumber", "is blank"
        if len(fields[1]) > _LONGEST_SERIAL:
            yield (
                "serialnumber",
                f"has {len(fields[1])} characters; at most {_LONGEST_SERIAL} are taken",
            )
        if "\0" in fields[1]:
            yield "serialnumber", "holds a NUL character"
        if not fields[3]:
            yield "datetime", "is blank"
        if fields[4] and not _MULTIPLIER.fullmatch(fields[4]):
            yield (
                "multiplier",
                f"{fields[4][:40]!r} is not a number above 0, of up to 6 digits and 6 decimals",
            )
        for place, value in enumerate(values, start=FORWARD_ACTIVE):
            if value and not _NUMBER.fullmatch(value):
                yield (
                    COLUMNS[place].name,
                    f"{value[:40]!r} is not a number of up to 15 digits and 30 decimals, unsigned",
                )
        if not any(values):
            yield COLUMNS[FORWARD_ACTIVE].name, "is blank, and so are the other registers"
        if fields[-1] and fields[-1].lower() not in _STATES:
            yield "meterstate", f"{fields[-1][:40]!r} is not one of {', '.join(_STATES)}"

    def _instant(self, text: str) -> str:
        """Read a timestamp in any layout that is allowed. Raises `Invalid`."""
        if known := self._instants.get(text):
            return known
        instant = parse_instant(text, self._zone)
        self._nonstandard = self._nonstandard or instant.nonstandard
        if not 1900 <= instant.at.year < 2200:
            raise Invalid(f"{text[:40]!r} is outside the years 1900 to 2199.")
        if len(self._instants) < _MEMORY:
            self._instants[text] = instant.at.isoformat()
        return instant.at.isoformat()
