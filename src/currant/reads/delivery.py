"""A file of reads as it was sent, turned to lines for COPY with every record checked on the way.

A block of records is joined to text and held against one pattern, which is the fast way to say that
all is well. Where it is not, the block's records are looked at one by one: what is unusual but
right is mended (the layouts of time that conformance.md Q03 allows), what is wrong is refused with
its record, column and reason (10.6). Memory stays flat: a CSV is read in blocks, a JSON array is
bounded and its objects are decoded a few at a time.
"""

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import tzinfo
from decimal import Decimal

import msgspec

from currant import wire
from currant.clock import parse_instant
from currant.csvfile import Column, CsvReader, Record
from currant.errors import Fault, Invalid, TooLarge, Unparsable
from currant.reads.model import Body, Format

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
_STATES = "connect|connected|connecting|pending|disconnect|disconnected|disconnecting|unknown"
# Months of at least 28, 30 and 31 days; the leap day is left to the second look.
_DAY = (
    "(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    "|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
)
_INSTANT = (
    rf"(?:19|20)[0-9]{{2}}-{_DAY}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    r"(?:\.[0-9]{1,6}+)?(?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9])"
)
_MULTIPLIER = r"(?:(?!0*+\.?0*+\t)[0-9]{1,6}+(?:\.[0-9]{1,6}+)?)?"
_VALUE = r"(?:[0-9]{1,12}+(?:\.[0-9]{1,9}+)?)?"
_LINE = (
    rf"[0-9]++\t[^\t\n\\]*+\t[^\t\n\\]++\t[^\t\n\\]*+\t{_INSTANT}\t{_MULTIPLIER}\t"
    rf"(?!\t\t\t\t)(?:{_VALUE}\t){{4}}(?i:{_STATES})?"
)
_SOUND_LINE = re.compile(_LINE)
_SOUND_BLOCK = re.compile(rf"(?:{_LINE}\n)*+")
_SOUND_MULTIPLIER = re.compile(_MULTIPLIER + r"(?=\t)")
_SOUND_VALUE = re.compile(_VALUE)
_SOUND_STATE = re.compile(rf"(?i:{_STATES})?")
_ESCAPED = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n"})
_MEMORY = 100_000


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

    def __init__(self, body: Body, written: Format, zone: tzinfo, *, max_faults: int) -> None:
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
        for records in self._batches():
            if lines := self._checked(records):
                yield lines.encode()

    def serial_numbers(self) -> list[str]:
        """Return the serial numbers that the file begins with, for telling whose it is."""
        for records in self._batches():
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

    def _batches(self) -> Iterator[Sequence[Record]]:
        self._body.file.seek(0)
        return self._csv() if self._format is Format.CSV else self._json()

    def _csv(self) -> Iterator[Sequence[Record]]:
        reader = CsvReader(COLUMNS, atomic=False, max_faults=self._max_faults)
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
            raise TooLarge(f"As JSON it may have {JSON_BYTES} bytes; send a larger one as CSV.")
        sent = wire.decode(self._body.file.read(), list[msgspec.Raw])
        self.records = len(sent)
        for start in range(0, len(sent), _OBJECTS):
            objects = enumerate(sent[start : start + _OBJECTS], start=start + 1)
            yield [
                (number, fields)
                for number, raw in objects
                if (fields := self._fields(number, bytes(raw))) is not None
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
        if text.count("\n") == len(lines) and _SOUND_BLOCK.fullmatch(text):
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
        if not fields[3]:
            yield "datetime", "is blank"
        if not _SOUND_MULTIPLIER.match(f"{fields[4]}\t"):
            yield (
                "multiplier",
                f"{fields[4][:40]!r} is not a number above 0, of up to 6 digits and 6 decimals",
            )
        for place, value in enumerate(values, start=FORWARD_ACTIVE):
            if not _SOUND_VALUE.fullmatch(value):
                yield (
                    COLUMNS[place].name,
                    f"{value[:40]!r} is not a number of up to 12 digits and 9 decimals, unsigned",
                )
        if not any(values):
            yield COLUMNS[FORWARD_ACTIVE].name, "is blank, and so are the other registers"
        if not _SOUND_STATE.fullmatch(fields[-1]):
            yield "meterstate", f"{fields[-1][:40]!r} is not one of {_STATES.replace('|', ', ')}"

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
