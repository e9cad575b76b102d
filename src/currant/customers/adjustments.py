"""The file of adjustments that J12, J13, J14 and J30 share: an account and an amount a record."""

from decimal import Decimal

import msgspec

from currant.csvfile import Column, CsvReader
from currant.errors import Invalid
from currant.money import parse_amount

COLUMNS = (
    Column("account", required=True),
    Column("startdate"),
    Column("amount", required=True),
    Column("paid"),
    Column("payplan"),
)


class AccountRecord(msgspec.Struct, frozen=True):
    """A record of a file that names an account by a key; `number` counts from 1."""

    number: int
    key: str


def read_amount(
    reader: CsvReader, number: int, column: str, text: str, places: int, *, signed: bool = False
) -> Decimal | None:
    """Read an amount of a record; None where it is none, and the reader noted why."""
    try:
        return parse_amount(text, places=places, signed=signed)
    except Invalid as refusal:
        reader.refuse(number, column, refusal.detail.rstrip(".") if text else "is blank")
        return None
