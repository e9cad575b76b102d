"""NEM12 files: interval data as the meter data providers of the Australian market send it.

    100,NEM12,<made at>,<from>,<to>
    200,<NMI>,<configuration>,<register>,<suffix>,<stream>,<serial>,<unit>,<minutes>,<next read>
    300,<day>,<a value for each interval>,<quality>,<reason>,<its text>,<updated at>,<loaded at>
    400,<first interval>,<last interval>,<quality>,<reason>,<its text>     where the quality is V
    500,<transaction>,<service order>,<read at>,<index read>
    900

The first value of a day is of the interval that begins at 00:00 of the market's clock. A file is
turned to lines for COPY as it arrives, with every record checked on the way: a 300 record of the
usual make is held against one pattern, and its values are no more than rid of their points. Where
the pattern does not fit, the record is looked at field by field.
"""

import re
import tempfile
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import IO

import msgspec

from currant import wire
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
)
from currant.money import half_up
from currant.upload import Upload

DAY_MINUTES = 1440
DAY_COLUMNS = (
    "line",
    "stream",
    "day",
    "minutes",
    "quantities",
    "quality",
    "method",
    "reason_code",
    "reason",
    "spans",
    "events",
    "updated_at",
)
STREAM_COLUMNS = (
    "stream",
    "line",
    "nmi",
    "other_nmi",
    "register_name",
    "datastream",
    "serial_number",
    "unit",
    "told_unit",
    "minutes",
)
LENGTHS = (5, 10, 15, 30, 60)

_SUMMED = ("kWh", "kvarh", "kVAh")
# What a data stream without a unit is in, by the first letter of its suffix.
_USUAL = {
    **dict.fromkeys("ABCDEF", "kWh"),
    **dict.fromkeys("JKLPQR", "kvarh"),
    **dict.fromkeys("STU", "kVAh"),
    "V": "V",
}
_NULL = r"\N"
_MOST = 2**31 - 1
_DIGITS = 9  # Whatever they are, they are less than that.
_SPOOLED = 1024 * 1024
_REMEMBERED = 100_000
_LONGEST_TEXT = 240
_AHEAD = "more than 24 hours ahead"
_LONGEST_SERIAL = 100  # as of a meter
_SUFFIX = re.compile(r"[A-HJ-NP-Z1-9][0-9A-HJ-NP-Z]")
_QUALITY = re.compile(r"([AN])|([SFE])([0-9]{2})?")
_LOOKS_LIKE_QUALITY = re.compile(r"[ASFENV][0-9]{0,2}")
_VALUE = re.compile(r"-?(?=\.?[0-9])[0-9]{0,15}(?:\.[0-9]{0,15})?")
_EXPONENT = re.compile(r"-?[0-9.]+[eE][+-]?[0-9]+")
_CODE = re.compile(r"[0-9]{1,3}")
_COUNT = re.compile(r"[0-9]{1,4}")
_TRANSACTION = re.compile(r"[A-Z]")
_ESCAPED = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_TAIL = (
    r"(A|N|[SFE][0-9]{2}),([1-9][0-9]{0,2})?,([^,\"\\\t]{0,240}),"
    r"([0-9]{8}(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9])?,?"
    r"(?:([0-9]{8})(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9])?"
)


class Span(msgspec.Struct, frozen=True):
    """The quality of some intervals of a day, from the first to the last, counted from 1."""

    first: int
    last: int
    quality: str
    method: str = ""
    reason_code: int | None = None
    reason: str = ""


class Event(msgspec.Struct, frozen=True):
    """What a 500 record tells: a transaction, its service order, and a read of the register."""

    transaction: str
    service_order: str = ""
    read_at: str = ""
    index_read: str = ""


class _Stream(msgspec.Struct, frozen=True):
    """The 200 record at hand: its number, its unit, and the length of its intervals."""

    number: int
    unit: str
    decimals: int
    minutes: int
    datastream: str

    @property
    def intervals(self) -> int:
        """How many intervals a day has."""
        return DAY_MINUTES // self.minutes


class _Day(msgspec.Struct):
    """The 300 record at hand, until all that is said of it was read."""

    line: int
    stream: _Stream
    day: str
    quantities: str
    quality: str
    method: str
    reason_code: str
    reason: str
    updated_at: str
    blanks: Sequence[int] = ()
    spans: list[Span] = []
    events: list[Event] = []


class Nem12:
    """A NEM12 file as it arrives.

    `lines` yields its days as COPY takes them into `DAY_COLUMNS`, and refuses a bad file after the
    last. Its data streams, the 200 records, are by then in `streams`, a file, as COPY takes them
    into `STREAM_COLUMNS`; whoever makes a `Nem12` closes it.
    """

    def __init__(self, body: Upload, clock: str, latest: datetime) -> None:
        """Read a body by a clock; days that begin after `latest`, and later updates, are faults."""
        self.body = body
        self.frame = Frame("NEM12", clock)
        self._latest = latest.astimezone(UTC).isoformat()
        self._latest_day = f"{latest.astimezone(self.frame.zone):%Y%m%d}"
        self.days = 0
        self.streams: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_SPOOLED)  # noqa: SIM115
        self._clock = clock
        self._records = 0
        self._count = 0
        self._stream: _Stream | None = None
        self._day: _Day | None = None
        self._taken = False
        self._days: dict[str, bool] = {}
        self._instants: dict[str, str] = {"": ""}
        self._values: dict[int, dict[str, str]] = {}

    @property
    def header(self) -> Header:
        """What the file says of itself, once its first line was read."""
        if self.frame.header is None:
            raise LookupError("the header is not read yet")
        return self.frame.header

    async def lines(self) -> AsyncIterator[bytes]:
        """Yield the days for COPY. Raises `Unparsable`, `Invalid` with the faults, `TooLarge`."""
        async for batch in lines(self.body):
            told = "".join(filter(None, map(self._take, batch)))
            if told:
                yield told.encode()
        if self._day is not None:
            yield self._close().encode()
        self.frame.check()
        if not self.days:
            raise self.frame.fatal("RecordIndicator", "the file holds no interval data")

    def close(self) -> None:
        """Let the data streams go."""
        self.streams.close()

    async def stream_lines(self) -> AsyncIterator[bytes]:
        """Yield the data streams for COPY, after the last day."""
        self.streams.seek(0)
        while chunk := self.streams.read(_SPOOLED):
            yield chunk

    def _take(self, text: str) -> str:
        """Take a line; return the line for COPY of the day that it completes, if any."""
        frame = self.frame
        frame.line += 1
        stream = self._stream
        if stream is not None and text.startswith("300,"):
            told = "" if self._day is None else self._close()
            self._day = self._usual(text, stream) or self._interval_data(text, stream)
            self._taken = True
            return told
        if not frame.place(text):
            if frame.ended and self._day is not None:
                told, self._stream = self._close(), None
                return told
            return ""
        indicator = text[:3]
        if indicator == "200":
            told = "" if self._day is None else self._close()
            self._taken = False
            self._stream = self._data_stream(split(text))
            return told
        self._detail(indicator, text)
        return ""

    def _detail(self, indicator: str, text: str) -> None:
        """Take what is said of the day at hand; of one that was refused nothing more is."""
        if indicator not in ("300", "400", "500") or text[3:4] not in ("", ","):
            told = text[:20].partition(",")[0]
            self.frame.refuse("RecordIndicator", f"{told!r} is no record here")
        elif indicator == "300":
            if not self._count:
                self.frame.refuse("RecordIndicator", "a 300 record before the first 200 record")
        elif self._day is None:
            if not self._taken and (self._stream is not None or not self._count):
                told = f"a {indicator} record that follows no 300 record"
                self.frame.refuse("RecordIndicator", told)
        elif indicator == "400":
            self._span(split(text), self._day)
        else:
            self._event(split(text), self._day)

    def _data_stream(self, fields: list[str]) -> _Stream | None:
        """Read a 200 record; write it to the streams."""
        self._count_record()
        self._count += 1
        while len(fields) > 10 and not fields[-1]:
            fields.pop()
        if not 9 <= len(fields) <= 10:
            told = f"a 200 record has 10 fields, this one {len(fields)}"
            self.frame.refuse("RecordIndicator", told)
            return None
        _, nmi, _, name, suffix, _, serial, unit, length, *rest = map(str.strip, fields)
        suffix = suffix.upper()
        keys = site_keys(nmi)
        usual = _USUAL.get(suffix[:1], "") if not unit else ""
        canonical, decimals = UNITS.get((unit or usual).lower(), ("", 3))
        faults = self.frame.refused
        if not keys:
            self.frame.refuse("NMI", f"is {nmi[:20]!r}, no NMI, or its check digit is wrong")
        if not _SUFFIX.fullmatch(suffix):
            self.frame.refuse("NMISuffix", f"is {suffix[:20]!r}; it is two letters or digits")
        if not length.isdecimal() or not length.isascii() or int(length[:4]) not in LENGTHS:
            self.frame.refuse("IntervalLength", f"is {length[:20]!r}; it is 5, 15 or 30 minutes")
        if rest and rest[0] and day(rest[0]) is None:
            self.frame.refuse("NextScheduledReadDate", f"is {rest[0][:20]!r}, no day")
        for column, text in (("MeterSerialNumber", serial), ("RegisterID", name), ("UOM", unit)):
            if len(text) > _LONGEST_SERIAL:
                told = f"has {len(text)} characters; it may have {_LONGEST_SERIAL}"
                self.frame.refuse(column, told)
        if self.frame.refused > faults:
            return None
        stream = _Stream(self._count, canonical, decimals, int(length), suffix)
        told = (
            f"{self._count}\t{self.frame.line}\t{keys[0]}\t{keys[1]}\t{name.translate(_ESCAPED)}"
            f"\t{suffix}\t{serial.translate(_ESCAPED)}\t{canonical}\t{unit.translate(_ESCAPED)}"
            f"\t{length}\n"
        )
        self.streams.write(told.encode())
        return stream

    def _count_record(self) -> None:
        self._records += 1
        if self._records > MAX_RECORDS:
            raise TooLarge(f"It has more than {MAX_RECORDS} records.")

    def _usual(self, text: str, stream: _Stream) -> _Day | None:
        """Read a 300 record of the usual make: one quality, all values with as many decimals."""
        end = text.find(",", 13)
        places = end - 1 - text.find(".", 13, end)
        if not 0 < places <= stream.decimals or places > end - 13:
            return None
        told = _pattern(stream.intervals, places, stream.decimals).fullmatch(text)
        if told is None:
            return None
        on, run, quality, code, reason, updated, loaded = told.groups("")
        at = self._instants.get(updated) or self._updated(updated)
        if not (self._is_day(on) and at is not None and (not loaded or self._is_day(loaded))):
            return None
        if on > self._latest_day or at > self._latest:
            return None
        self._count_record()
        run = run.replace(".", "")
        if places < stream.decimals:
            zeros = "0" * (stream.decimals - places)
            run = run.replace(",", f"{zeros},") + zeros
        flag, method = quality[0], quality[1:]
        return _Day(self.frame.line, stream, on, run, flag, method, code, reason, at)

    def _interval_data(self, text: str, stream: _Stream) -> _Day | None:
        """Read a 300 record field by field, and say what is wrong with it."""
        self._count_record()
        fields, count = [field.strip() for field in split(text)], stream.intervals
        faults = self.frame.refused
        while len(fields) > count + 7 and not fields[-1]:
            fields.pop()
        if not self._fills_the_day(fields, stream):
            return None
        values, rest = fields[2 : count + 2], fields[count + 2 :]
        if not self._is_day(fields[1]):
            self.frame.refuse("IntervalDate", f"is {fields[1][:20]!r}, no day such as 20260131")
        quality, code, reason, updated, *loaded = rest
        method = ""
        if quality != "V":
            quality, method = self._quality(quality)
        self._reason(code, reason)
        at = self._updated(updated)
        if at is None:
            self.frame.refuse("UpdateDateTime", f"is {updated[:20]!r}, no time")
        else:
            self._refuse_ahead(fields[1], updated, at)
        if loaded and loaded[0] and self._instant(loaded[0]) is None:
            self.frame.refuse("MSATSLoadDateTime", f"is {loaded[0][:20]!r}, no time")
        run, blanks = self._run(values, stream)
        if quality not in ("V", "N") and blanks:
            self._refuse_blank(blanks[0])
        if self.frame.refused > faults:
            return None
        return _Day(
            self.frame.line, stream, fields[1], run, quality, method, code, reason, at or "", blanks
        )

    def _fills_the_day(self, fields: list[str], stream: _Stream) -> bool:
        """Tell whether a 300 record has a value for each interval, and its other fields."""
        count = stream.intervals
        values, rest = fields[2 : count + 2], fields[count + 2 :]
        if 4 <= len(rest) <= 5 and _LOOKS_LIKE_QUALITY.fullmatch(rest[0]):
            return True
        fill = f"{count} intervals of {stream.minutes} minutes fill a day"
        for place, value in enumerate(values, 1):
            if _LOOKS_LIKE_QUALITY.fullmatch(value):
                told = f"is {value!r} after {place - 1} values; {fill}"
                self.frame.refuse(f"IntervalValue{place}", told)
                return False
        if rest and not _LOOKS_LIKE_QUALITY.fullmatch(rest[0]):
            self.frame.refuse("QualityMethod", f"is {rest[0][:20]!r}, no quality; {fill}")
            return False
        told = f"has {len(fields)} fields, {count + 7} are needed; {fill}"
        self.frame.refuse("RecordIndicator", told)
        return False

    def _refuse_ahead(self, on: str, updated: str, at: str) -> None:
        if self._is_day(on) and on > self._latest_day:
            self.frame.refuse("IntervalDate", f"is {on}, {_AHEAD}")
        if at > self._latest:
            told = updated or f"blank, and the file was made at {at}"
            self.frame.refuse("UpdateDateTime", f"is {told}, {_AHEAD}")

    def _refuse_blank(self, place: int, line: int | None = None) -> None:
        told = "is blank; only an interval of quality N has no value"
        self.frame.refuse(f"IntervalValue{place}", told, line)

    def _run(self, values: list[str], stream: _Stream) -> tuple[str, list[int]]:
        """Turn values to whole numbers; return them as COPY takes them, and which are blank."""
        known = self._values.setdefault(stream.decimals, {"": "0"})
        told = [known.get(value) for value in values]
        if None in told:
            told = [
                self._value(value, stream.decimals, place) if number is None else number
                for place, (value, number) in enumerate(zip(values, told, strict=True), 1)
            ]
        if None in told and all(map(_VALUE.fullmatch, filter(None, values))):
            carried = _carried(values, stream)
            for place, number in enumerate(carried, 1):
                self._bound(number, place)
            told = list(map(str, carried))
        blanks = [place for place, value in enumerate(values, 1) if not value]
        return ",".join(filter(None, told)), blanks

    def _value(self, value: str, decimals: int, place: int) -> str | None:
        """Turn a value to a whole number; nothing where it is none, or has more decimals."""
        if not _VALUE.fullmatch(value):
            told = f"is {value[:20]!r}, no number"
            if _EXPONENT.fullmatch(value):
                told = f"is {value[:20]!r}: write it out, an exponent has lost digits"
            self.frame.refuse(f"IntervalValue{place}", told)
            return None
        whole, _, part = value.partition(".")
        part = part.rstrip("0")
        if len(part) > decimals:
            return None
        number = int(whole + part.ljust(decimals, "0") or "0")
        self._bound(number, place)
        known = self._values[decimals]
        if len(known) < _REMEMBERED:
            known[value] = str(number)
        return str(number)

    def _bound(self, number: int, place: int) -> None:
        if abs(number) > _MOST:
            self.frame.refuse(f"IntervalValue{place}", "is more than an interval can hold")

    def _quality(self, text: str) -> tuple[str, str]:
        """Read a quality other than V, and its method."""
        told = _QUALITY.fullmatch(text)
        if told is None:
            self.frame.refuse(
                "QualityMethod", f"is {text[:20]!r}; it is A, N, or S, F or E and a method"
            )
            return "", ""
        return told[1] or told[2], told[3] or ""

    def _reason(self, code: str, reason: str) -> None:
        """Check a reason: a code, and a text where the code is 0."""
        if code and not _CODE.fullmatch(code):
            self.frame.refuse("ReasonCode", f"is {code[:20]!r}, no code")
        elif code and not int(code) and not reason:
            self.frame.refuse("ReasonDescription", "is blank; reason 0 is told in words")
        if len(reason) > _LONGEST_TEXT:
            told = f"has {len(reason)} characters; it may have {_LONGEST_TEXT}"
            self.frame.refuse("ReasonDescription", told)

    def _span(self, fields: list[str], told: _Day) -> None:
        """Read a 400 record: the quality of the next intervals of a day of quality V."""
        self._count_record()
        fields = [field.strip() for field in fields] + [""] * (6 - len(fields))
        if told.quality != "V":
            self.frame.refuse(
                "RecordIndicator", f"a 400 record follows a day of quality {told.quality}, not V"
            )
            return
        if any(fields[6:]):
            self.frame.refuse("RecordIndicator", f"a 400 record has 6 fields, not {len(fields)}")
            return
        count = told.stream.intervals
        begin = told.spans[-1].last + 1 if told.spans else 1
        if not (_COUNT.fullmatch(fields[1]) and int(fields[1]) == begin):
            reason = f"is {fields[1][:20]!r}; the next interval without a quality is {begin}"
            self.frame.refuse("StartInterval", reason)
        elif not (_COUNT.fullmatch(fields[2]) and begin <= int(fields[2]) <= count):
            reason = f"is {fields[2][:20]!r}; it is {begin} to {count}"
            self.frame.refuse("EndInterval", reason)
        else:
            flag, method = self._quality(fields[3])
            self._reason(fields[4], fields[5])
            code = int(fields[4]) if _CODE.fullmatch(fields[4]) else None
            span = Span(begin, int(fields[2]), flag, method, code, fields[5])
            told.spans = [*told.spans, span]
            return
        self._day = None

    def _event(self, fields: list[str], told: _Day) -> None:
        """Read a 500 record: what was done at the meter, and what its register read."""
        self._count_record()
        fields = [field.strip() for field in fields] + [""] * (5 - len(fields))
        _, transaction, order, read_at, index = fields[:5]
        if any(fields[5:]):
            self.frame.refuse("RecordIndicator", f"a 500 record has 5 fields, not {len(fields)}")
        if not _TRANSACTION.fullmatch(transaction):
            self.frame.refuse("TransCode", f"is {transaction[:20]!r}; it is a letter")
        if self._instant(read_at) is None:
            self.frame.refuse("ReadDateTime", f"is {read_at[:20]!r}, no time")
        if len(order) > _LONGEST_TEXT or len(index) > _LONGEST_TEXT:
            self.frame.refuse("RetServiceOrder", f"may have {_LONGEST_TEXT} characters")
        told.events = [*told.events, Event(transaction, order, read_at, index)]

    def _close(self) -> str:
        """Write the day at hand as COPY takes it; nothing where its 400 records do not cover it."""
        told, self._day = self._day, None
        if told is None:
            return ""
        quality, spans = told.quality, _NULL
        if quality == "V":
            count = told.stream.intervals
            last = told.spans[-1].last if told.spans else 0
            if last < count:
                reason = f"is V, and no 400 record tells the quality of interval {last + 1}"
                self.frame.refuse("QualityMethod", reason, told.line)
                return ""
            quality = "".join(s.quality * (s.last - s.first + 1) for s in told.spans)
            if len(quality) != count:
                return ""  # One of them was refused.
            for place in told.blanks:
                if quality[place - 1] != "N":
                    self._refuse_blank(place, told.line)
                    return ""
            spans = _json(told.spans)
        self.days += 1
        reason = told.reason.translate(_ESCAPED) if told.reason else ""
        events = _json(told.events) if told.events else _NULL
        return (
            f"{told.line}\t{told.stream.number}\t{told.day}\t{told.stream.minutes}"
            f"\t{{{told.quantities}}}\t{quality}\t{told.method}\t{told.reason_code or _NULL}"
            f"\t{reason}\t{spans}\t{events}"
            f"\t{told.updated_at}\n"
        )

    def _is_day(self, text: str) -> bool:
        known = self._days.get(text)
        if known is None:
            on = day(text)
            known = on is not None and 1900 <= on.year <= 2200
            if len(self._days) < _REMEMBERED:
                self._days[text] = known
        return known

    def _updated(self, text: str) -> str | None:
        """Return when a day was updated, which is when the file was made where that is blank."""
        return self._instant(text) if text else self.header.created_at.isoformat()

    def _instant(self, text: str) -> str | None:
        """Return a time as the database takes it: blank where it is, nothing where it is none."""
        known = self._instants.get(text)
        if known is None:
            at = instant(text, self.frame.zone)
            if at is None:
                return None
            known = at.isoformat()
            if len(self._instants) > _REMEMBERED:
                self._instants = {"": ""}
            self._instants[text] = known
        return known


@cache
def _pattern(intervals: int, places: int, decimals: int) -> re.Pattern[str]:
    """Return what a 300 record looks like whose values have as many decimals each."""
    value = rf"[0-9]{{1,{_DIGITS - decimals}}}+\.[0-9]{{{places}}}"
    run = rf"(?:{value},){{{intervals - 1}}}+{value}"
    return re.compile(rf"300,([0-9]{{8}}),({run}),{_TAIL}")


def _carried(values: list[str], stream: _Stream) -> list[int]:
    """Round values with more decimals than are counted, half up.

    What is summed is rounded as it grows, so that a day keeps its total.
    """
    exact = [Decimal(value or 0).scaleb(stream.decimals) for value in values]
    if stream.unit not in _SUMMED:
        return [int(half_up(value, 0)) for value in exact]
    numbers, total, before = [], Decimal(0), 0
    for value in exact:
        total += value
        grown = int(half_up(total, 0))
        numbers.append(grown - before)
        before = grown
    return numbers


def _json(told: object) -> str:
    return wire.encode(told).decode().translate(_ESCAPED)
