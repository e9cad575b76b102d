"""CSV files as the importers take them: RFC 4180 in UTF-8, by the rules of conformance.md 1.7.

Every CR is dropped. A record that begins with `#` is a comment, blank lines are skipped, and so is
indentation before the first field. Columns are matched by name, in any order and case. A quotation
mark stands around a whole field or doubled inside one, and nowhere else.

The body is read in blocks as its bytes arrive, so memory stays flat however large it is. What is
written as CSV cannot be taken for a formula by a table, whatever people typed.
"""

import codecs
import csv
import io
import re
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from operator import itemgetter
from typing import NoReturn

from msgspec import Struct

from currant.errors import Fault, Invalid, Refusal, TooLarge, Unparsable

MAX_RECORDS = 2_000_000
MAX_FAULTS = 50

_MAX_LENGTH = 100_000
# More bytes than the longest record has, so that a block without a line break is too long for sure.
_BLOCK = 4 * _MAX_LENGTH + 100_000

_FIELD = r'(?:"[^"]*+(?:""[^"]*+)*+"|[^",\n]*+)'
# A comment, or a record (the first group), up to its line break; or the rest, which has no end yet.
_RECORD = re.compile(rf"(?:#[^\n]*+|[ \t]*+({_FIELD}(?:,{_FIELD})*+))\n|(.+)", re.DOTALL)
# Whole fields (the group), then a quoted one that is still open.
_OPEN = re.compile(rf'[ \t]*+((?:{_FIELD},)*+)(?:"[^"]*+(?:""[^"]*+)*+)?')
_LEAD = re.compile(r"(?:#[^\n]*+\n|[ \t]*+\n)*+[ \t]*+")
_NO_DATA = frozenset({"", "#", " ", "\t"})
_BLANKS = " \t"
_LITERAL_BREAK = r"\n"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_FORMULA = re.compile(r"[=+\-@＝＋－＠]")  # also as they are set full width

Record = tuple[int, Sequence[str]]


class Column(Struct, frozen=True):
    """A column that an endpoint knows.

    `required`: the header must name it. `verbatim`: free text, whose blanks are kept; all other
    columns are ids, numbers, dates or codes and are trimmed.
    """

    name: str
    required: bool = False
    verbatim: bool = False


class CsvReader:
    """Reads one CSV body as it arrives.

    A record is its number (1 is the first data record) and its fields in the order of `columns`,
    whatever the order in the file; a column that the header does not name is `""`, and `present`
    tells it from one that is blank. Where a field may not be blank, the caller says so. `records`
    counts the data records met so far, `refused` the faults, listed or not; `header_repaired` asks
    the entrance for the warning of rule 6.

    What makes the file unreadable is raised at once: `Unparsable` for bad bytes, misplaced
    quotation marks and lost line breaks, `Invalid` for the header, `TooLarge` for the limits. A
    record with the wrong number of fields is left out and becomes a fault. The caller adds what it
    finds wrong by `refuse`, and `check`, after the last record, raises all faults together. With
    `atomic=False` it raises nothing: the caller keeps the sound records and reports `faults`.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        atomic: bool = True,
        max_records: int = MAX_RECORDS,
        max_faults: int = MAX_FAULTS,
        block: int = _BLOCK,
    ) -> None:
        self.records = 0
        self.present: frozenset[str] = frozenset()
        self.header_repaired = False
        self.faults: list[Fault] = []
        self.refused = 0
        self._columns = {column.name.lower(): column for column in columns}
        self._atomic = atomic
        self._max_records = max_records
        self._max_faults = max_faults
        self._block = block
        self._pending: list[bytes] = []
        self._size = 0
        self._started = False
        self._garbled = False
        self._open = ""
        self._header: list[str] = []
        self._trimmed: list[int] = []
        self._order: Callable[[list[str]], Sequence[str]] | None = None

    async def batches(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[list[Record]]:
        """Yield the records of a body in batches, and raise its faults after the last."""
        async for chunk in chunks:
            for start in range(0, len(chunk), self._block):
                if records := self.feed(chunk[start : start + self._block]):
                    yield records
        if records := self.close():
            yield records
        self.check()

    def feed(self, chunk: bytes) -> list[Record]:
        """Take the next bytes; return the records that are complete, a block's worth at a time."""
        self._pending.append(chunk)
        self._size += len(chunk)
        if self._size < self._block:
            return []
        raw = b"".join(self._pending)
        end = raw.rfind(b"\n") + 1
        self._pending = [raw[end:]]
        self._size = len(raw) - end
        if end == 0 and self._size > 4 * _MAX_LENGTH:
            self._refuse_cr_alone(raw)
            self._refuse_length()
        return self._read(raw[:end]) if end else []

    def close(self) -> list[Record]:
        """Say that the body has ended; return the remaining records."""
        raw = b"".join(self._pending)
        self._refuse_cr_alone(raw)
        records = self._read(raw + b"\n")
        if self._open:
            self._refuse_at(self._open, "a quotation mark opens here and never closes")
        if not self._header:
            raise Unparsable("The file has no header row.")
        return records

    def refuse(self, record: int, column: str, reason: str) -> None:
        """Note what is wrong with a record, in the reader's faults."""
        self.refused += 1
        if len(self.faults) < self._max_faults:
            self.faults.append(Fault(record, column, reason))

    def check(self) -> None:
        """Raise the faults, if the file is atomic: `Unparsable` if fields are missing or too many.

        Otherwise `Invalid`. Faults beyond the limit are only counted.
        """
        if not (self._atomic and self.refused):
            return
        told = "; ".join(map(str, self.faults))
        more = self.refused - len(self.faults)
        refusal = Unparsable if self._garbled else Invalid
        raise refusal(
            f"Nothing was stored. {told}{f'; and {more} more' if more else ''}.",
            faults=self.faults,
        )

    def _read(self, raw: bytes) -> list[Record]:
        """Decode whole lines and parse them."""
        if not self._started:
            self._started = True
            raw = raw.removeprefix(codecs.BOM_UTF8)
        raw = raw.replace(b"\r", b"")
        flaw = ""
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            text = raw[: error.start].decode()
            flaw = f"byte 0x{raw[error.start]:02X} is not UTF-8"
        sound, nul, _ = text.partition("\0")
        if nul:
            text, flaw = sound, "there is a NUL byte"
        text = self._open + text
        if flaw:
            end = text.rfind("\n") + 1
            self._parse(text[:end])
            self._refuse_at(self._open + text[end:], flaw)
        return self._parse(text)

    def _parse(self, text: str) -> list[Record]:
        """Parse text that ends with a line break."""
        if not self._header:
            text = self._mend(text)
        rows = self._split(text)
        if rows and not self._header:
            self._take_header(rows.pop(0))
        records = self._take(rows, trim=" " in text or "\t" in text)
        if self._open:
            if _OPEN.fullmatch(self._open) is None:
                self._refuse_at(
                    self._open,
                    "a quotation mark stands only around a whole field, and doubled inside one",
                )
            if len(self._open) > _MAX_LENGTH:
                self._refuse_length()
        return records

    def _mend(self, text: str) -> str:
        """Put back the line break after the header that PHP's single quotes lost (rule 6)."""
        lead = _LEAD.match(text)
        start = lead.end() if lead else 0
        self._refuse_separator(text[start : text.find("\n", start)])
        canonical = ",".join(self._columns)
        end = start + len(canonical)
        line = text[end : text.find("\n", end)]
        lost = line.startswith(_LITERAL_BREAK) or line.count(",") >= len(self._columns) - 1
        if not lost or text[start:end].lower() != canonical:
            return text
        self.header_repaired = True
        data = text[end:].removeprefix(_LITERAL_BREAK)
        return f"{text[:end]}\n{data}"

    def _refuse_separator(self, header: str) -> None:
        """Refuse a header whose columns are separated otherwise. Raises `Invalid`."""
        for separator, name in ((";", "semicolons"), ("\t", "tabs")):
            names = {each.strip(' \t"').lower() for each in header.split(separator)} - {""}
            if len(names) > 1 and "," not in header and not names.isdisjoint(self._columns):
                raise Invalid(f"The file is separated by {name}; commas are needed.")

    def _split(self, text: str) -> list[list[str]]:
        """Split whole lines into the fields of each record; keep what is not complete."""
        if '"' in text:
            found = _RECORD.findall(text)
            self._open = found[-1][1]
            records = [record for record, _ in found if record]
        else:
            records = text.split("\n")
            self._open = records.pop()
            if not _NO_DATA.isdisjoint({record[:1] for record in records}):
                records = [
                    bare
                    for record in records
                    if record[:1] != "#" and (bare := record.lstrip(_BLANKS))
                ]
        if max(map(len, records), default=0) > _MAX_LENGTH:
            self._refuse_length(next(i for i, r in enumerate(records) if len(r) > _MAX_LENGTH))
        if '"' in text:
            return list(csv.reader(records, strict=True))
        return [record.split(",") for record in records]

    def _take_header(self, row: list[str]) -> None:
        """Match the columns of the header by name. Raises `Invalid`."""
        names = [name.strip(_BLANKS).lower() for name in row]
        for place, name in enumerate(names):
            if name not in self._columns:
                known = ", ".join(column.name for column in self._columns.values())
                raise Invalid(
                    f"Column {name[:40]!r} is not known here. The header names columns among:"
                    f" {known}.",
                    field=name[:40],
                )
            if name in names[:place]:
                raise Invalid(f"Column {name!r} stands twice in the header.", field=name)
        missing = [
            name for name, column in self._columns.items() if column.required and name not in names
        ]
        if missing:
            raise Invalid(
                f"Missing from the header: {', '.join(map(repr, missing))}.", field=missing[0]
            )
        self._header = [self._columns[name].name for name in names]
        self.present = frozenset(self._header)
        self._trimmed = [i for i, name in enumerate(names) if not self._columns[name].verbatim]
        if names != list(self._columns):
            # A column that is absent reads the blank which stands behind the last field.
            blank = len(names)
            places = (names.index(name) if name in names else blank for name in self._columns)
            self._order = itemgetter(*places)

    def _take(self, rows: list[list[str]], *, trim: bool) -> list[Record]:
        """Turn the rows of one block to records: numbered, of even width, trimmed, in order."""
        first = self.records + 1
        self.records += len(rows)
        if self.records > self._max_records:
            raise TooLarge(f"It has more than {self._max_records} records.")
        width = len(self._header)
        numbers: Sequence[int] = range(first, first + len(rows))
        uneven = any(len(row) != width for row in rows)
        if self.header_repaired and (self.records > 1 or uneven):
            raise Unparsable(
                "The line break after the header is lost, and what follows is not exactly one"
                " record. Send the file with its line breaks (curl: --data-binary)."
            )
        if uneven:
            self._garbled = True
            numbers = [
                number for number, row in zip(numbers, rows, strict=True) if self._fits(number, row)
            ]
            rows = [row for row in rows if len(row) == width]
        if trim:
            for row in rows:
                for i in self._trimmed:
                    row[i] = row[i].strip(_BLANKS)
        order = self._order
        fields: Sequence[Sequence[str]] = rows
        if order is not None:
            fields = [order([*row, ""]) for row in rows]
        return list(zip(numbers, fields, strict=True))

    def _fits(self, number: int, row: list[str]) -> bool:
        """Tell whether a record has as many fields as the header; refuse it otherwise."""
        found, width = len(row), len(self._header)
        if found < width:
            self.refuse(number, self._header[found], f"is missing: {found} fields of {width}")
        elif found > width:
            self.refuse(
                number,
                self._header[-1],
                f"more follows: {found} fields, the header has {width}; a field with a comma needs"
                " quotation marks",
            )
        return found == width

    def _refuse_at(self, tail: str, reason: str) -> NoReturn:
        """Refuse the file at the end of a text that is the beginning of the next record."""
        if not self._header:
            raise Unparsable(f"The header: {reason}.")
        whole = _OPEN.match(tail)
        fields = next(csv.reader([f"{whole[1] if whole else ''}?"]))
        column = self._header[min(len(fields), len(self._header)) - 1]
        fault = Fault(self.records + 1, column, reason)
        raise Unparsable(f"Record {fault.record}, {column}: {reason}.", faults=[fault])

    def _refuse_length(self, ahead: int = 0) -> NoReturn:
        """Refuse a record that is too long, some records ahead of those counted."""
        number = self.records + ahead + bool(self._header)
        record = f"Record {number}" if number else "The header"
        raise TooLarge(
            f"{record} is longer than {_MAX_LENGTH} characters. Is a quotation mark left open?"
        )

    def _refuse_cr_alone(self, raw: bytes) -> None:
        """Refuse a file whose lines end in CR only: without its CRs it would be a single line."""
        if not self._started and b"\n" not in raw and b"\r" in raw.rstrip():
            raise Unparsable(
                "The lines of the file end in CR alone. Save it with LF or CRLF line ends."
            )


def refuse_file(refusal: type[Refusal], faults: Sequence[Fault]) -> None:
    """Refuse a whole file for what the caller found wrong with its records, if anything."""
    if faults:
        more = len(faults) - MAX_FAULTS
        told = f" The first {MAX_FAULTS} of {len(faults)} faults:" if more > 0 else ""
        raise refusal(f"Nothing was stored.{told}", faults=faults[:MAX_FAULTS])


def csv_record(values: Iterable[str]) -> str:
    """Write a record of CSV."""
    text = io.StringIO()
    csv.writer(text).writerow(values)
    return text.getvalue()


def csv_cell(value: object) -> str:
    """Return what a cell says; a text that a table would work out is quoted by an apostrophe."""
    told = "" if value is None else one_line(str(value))
    return f"'{told}" if _FORMULA.match(told) else told


def one_line(text: str) -> str:
    """Return a text as one line of what can be printed."""
    return _CONTROL.sub(" ", text).strip()
