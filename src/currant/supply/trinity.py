"""The three Trinity files: their columns, and how each field is read (conformance.md J09, J11)."""

import re
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import UNSET, Struct

from currant.clock import day_bounds, parse_day
from currant.csvfile import Column, CsvReader, Record
from currant.errors import Invalid, NotFound, Refusal
from currant.money import parse_amount, wh_from

UNASSIGNED = "unassigned"
LINKS = ("contract", "locname", "serialnum")

_LONGEST_KEY = 100
_EMAIL = re.compile(r"[^@,\s\x00-\x1f\x7f]+@[^@,\s\x00-\x1f\x7f]+")
_LONGEST_EMAIL = 254
_DEGREES = re.compile(r"-?\d{1,3}(\.\d{1,15})?", re.ASCII)


class Field(Struct, frozen=True):
    """A column of a file: what a blank stands for, where it may be blank, and how text is read."""

    name: str
    blank: Any = UNSET
    read: Callable[[str], Any] | None = None
    verbatim: bool = False


class TrinityReader:
    """Reads a file of one table to rows for its staging table: the record number, then the fields.

    What the header does not name, and what is at fault, is None. `csv` gathers the faults;
    `missing` counts those of a name that means nothing.
    """

    def __init__(self, fields: tuple[Field, ...], *, creating: bool) -> None:
        self.fields = fields
        self.csv = CsvReader(
            [
                Column(
                    field.name,
                    required=place == 0 or (creating and field.blank is UNSET),
                    verbatim=field.verbatim,
                )
                for place, field in enumerate(fields)
            ]
        )
        self.missing = 0

    async def rows(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[tuple[Any, ...]]:
        """Yield the rows of a body. Raises what makes it unreadable as a whole."""
        async for chunk in chunks:
            for row in self._rows(self.csv.feed(chunk)):
                yield row
        for row in self._rows(self.csv.close()):
            yield row

    def _rows(self, records: list[Record]) -> Iterator[tuple[Any, ...]]:
        named = [(i, f) for i, f in enumerate(self.fields) if f.name in self.csv.present]
        for number, texts in records:
            row: list[Any] = [None] * len(self.fields)
            for place, field in named:
                row[place] = self._read(number, field, texts[place])
            yield (number, *row)

    def _read(self, number: int, field: Field, text: str) -> Any:
        """Return the value of a field; note what is wrong with it."""
        if not text or text.isspace():
            if field.blank is not UNSET:
                return field.blank
            linking = field.name in LINKS and ": write unassigned where there is none"
            self.csv.refuse(number, field.name, f"is blank{linking or ''}")
            return None
        if field.read is None:
            return text
        try:
            return field.read(text)
        except Refusal as refusal:
            self.missing += isinstance(refusal, NotFound)
            self.csv.refuse(number, field.name, refusal.detail.removesuffix("."))
            return None


def location_fields(zone: ZoneInfo, now: datetime) -> tuple[Field, ...]:
    """Return the columns of a file of locations; days are the portal's."""
    today = now.astimezone(zone).date()

    @lru_cache(maxsize=10_000)
    def installed(text: str) -> datetime | None:
        if text == "0000-00-00":
            return None
        day = parse_day(text)
        if day > today:
            raise Invalid(f"{text} is after today, {today}.")
        return day_bounds(day, zone)[0]

    return (
        Field("locname", read=_key),
        Field("locaddr1", verbatim=True),
        Field("locaddr2", blank="", verbatim=True),
        Field("loccity", verbatim=True),
        Field("locstate", verbatim=True),
        Field("loczip"),
        Field("loclat", blank="", read=_degrees(90)),
        Field("loclong", blank="", read=_degrees(180)),
        Field("meterinstalldate", read=installed),
        Field("contract"),
        Field("serialnum"),
    )


def meter_fields(com_types: list[str], tariffs: Mapping[str, int]) -> tuple[Field, ...]:
    """Return the columns of a file of meters; a tariff is read to its number, none to 0."""

    def tariff(text: str) -> int:
        if text not in tariffs:
            raise NotFound(f"{text[:40]!r} is no tariff of this portal.")
        return tariffs[text]

    return (
        Field("serialnum", read=_key),
        Field("deviceid", blank=""),
        Field("comtype", read=_one_of(*com_types)),
        Field("tariff", blank=0, read=tariff),
        Field("sgc", blank="", read=_digits(6)),
        Field("ti", blank="", read=_digits(2)),
        Field("keyrev", blank="", read=_digits(2)),
        Field("keyexp", blank=255, read=_key_expiry),
        Field("basedate", blank=0, read=_year),
        Field("sts_version", blank=0, read=_sts_version),
        Field("maxpower", blank="", read=_digits(9)),
        Field("addactiveread", blank=None, read=_register),
        Field("server", blank=""),
        Field("wallet", read=_one_of("currency", "units")),
        Field("contract"),
        Field("locname"),
    )


def customer_fields() -> tuple[Field, ...]:
    """Return the columns of a file of customers."""
    return (
        Field("contract", read=_contract),
        Field("name", verbatim=True),
        Field("phone1"),
        Field("phone2", blank=""),
        Field("sms1"),
        Field("sms2", blank=""),
        Field("email", read=_email),
        Field("address1", blank="", verbatim=True),
        Field("address2", blank="", verbatim=True),
        Field("city", blank="", verbatim=True),
        Field("state", blank="", verbatim=True),
        Field("postalcode", blank="", read=_digits(20)),
        Field("locname"),
        Field("serialnum"),
    )


def _key(text: str) -> str:
    if text.lower() == UNASSIGNED:
        raise Invalid(f"{text!r} means that there is none, so nothing can be named so.")
    if len(text) > _LONGEST_KEY:
        raise Invalid(f"{text[:20]!r}… is longer than {_LONGEST_KEY} characters.")
    return text


def _contract(text: str) -> str:
    if text == "999999":
        raise Invalid("999999 is the suspense debtor's.")
    return _key(text)


def _degrees(most: int) -> Callable[[str], str]:
    def read(text: str) -> str:
        if _DEGREES.fullmatch(text) is None or abs(Decimal(text)) > most:
            raise Invalid(f"{text[:40]!r} is not a number of degrees from -{most} to {most}.")
        return text

    return read


def _email(text: str) -> str:
    if len(text) > _LONGEST_EMAIL or _EMAIL.fullmatch(text) is None:
        raise Invalid(f"{text[:40]!r} is not one e-mail address such as swarren@example.com.")
    return text


def _digits(most: int) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not (text.isascii() and text.isdigit() and len(text) <= most):
            raise Invalid(f"{text[:40]!r} is not 1 to {most} digits.")
        return text

    return read


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise Invalid(f"{text[:40]!r} is none of {', '.join(words)}.")
        return text

    return read


def _key_expiry(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 255):
        raise Invalid(f"{text[:40]!r} is not a key expiry number from 0 to 255.")
    return int(text)


def _year(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) == 4):
        raise Invalid(f"{text[:40]!r} is not a year of four digits.")
    return int(text)


def _sts_version(text: str) -> int:
    if text not in ("4", "6"):
        raise Invalid(f"{text[:40]!r} is not 4 or 6.")
    return int(text)


def _register(text: str) -> int:
    return wh_from(parse_amount(text, places=6))
