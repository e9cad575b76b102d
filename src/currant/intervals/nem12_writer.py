"""Interval data written as a NEM12 file."""

from collections.abc import Iterator
from datetime import date, datetime, timezone

import msgspec

from currant import wire
from currant.intervals.nem12 import Event, Span
from currant.mdff import Header, told_instant


class ToldDay(msgspec.Struct, frozen=True):
    """A register-day as a file tells it, with what its 200 record says."""

    nmi: str
    configuration: str
    register_name: str
    datastream: str
    serial_number: str
    unit: str
    minutes: int
    day: date
    quantities: list[int]
    quality: str
    method: str
    reason_code: int | None
    reason: str
    spans: str | None
    events: str | None
    updated_at: datetime
    loaded_at: datetime


class Writer:
    """Writes register-days as a NEM12 file; those of one data stream follow one another."""

    def __init__(self, header: Header, zone: timezone) -> None:
        self.header = header
        self.zone = zone
        self._stream: tuple[str, str, str, int] | None = None

    def begin(self) -> str:
        """Write the header."""
        told = self.header
        made = told_instant(told.created_at, self.zone)[:12]
        return f"100,NEM12,{made},{told.from_participant},{told.to_participant}\r\n"

    def day(self, told: ToldDay) -> str:
        """Write a day, and before the first of a data stream what it is."""
        stream = (told.nmi, told.serial_number, told.datastream, told.minutes)
        begin = ""
        if stream != self._stream:
            self._stream = stream
            begin = (
                f"200,{told.nmi},{told.configuration},{_field(told.register_name)}"
                f",{told.datastream},,{_field(told.serial_number)},{told.unit},{told.minutes},\r\n"
            )
        updated = told_instant(told.updated_at, self.zone)
        loaded = told_instant(told.loaded_at, self.zone)
        spans = [] if told.spans is None else wire.decode(told.spans.encode(), list[Span])
        quality = "V" if spans else told.quality + told.method
        reason = "," if spans else _told_reason(told.reason_code, told.reason)
        values = _values(told.quantities)
        lines = [f"{begin}300,{told.day:%Y%m%d},{values},{quality},{reason},{updated},{loaded}\r\n"]
        for span in spans:
            reason = _told_reason(span.reason_code, span.reason)
            lines.append(f"400,{span.first},{span.last},{span.quality}{span.method},{reason}\r\n")
        return "".join([*lines, *_events(told.events)])

    def end(self) -> str:
        """Write the end."""
        return "900\r\n"


def _events(told: str | None) -> Iterator[str]:
    for event in [] if told is None else wire.decode(told.encode(), list[Event]):
        yield (
            f"500,{event.transaction},{_field(event.service_order)},{event.read_at}"
            f",{_field(event.index_read)}\r\n"
        )


def _values(quantities: list[int]) -> str:
    """Write whole thousandths with three decimals."""
    return ",".join(
        [f"{'-' if q < 0 else ''}{abs(q) // 1000}.{abs(q) % 1000:03d}" for q in quantities]
    )


def _told_reason(code: int | None, reason: str) -> str:
    return f"{'' if code is None else code},{_field(reason)}"


def _field(text: str) -> str:
    """Write a text as one field."""
    if "," in text or '"' in text:
        doubled = text.replace('"', '""')
        return f'"{doubled}"'
    return text
