"""The shapes of supply: the Trinity files, rows, and what is refused."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal
from typing import IO

import msgspec

from currant.errors import NotFound
from currant.locations.model import Keys

_CHUNK = 256 * 1024


class Body:
    """A file as it was received whole; the audit log tells it by its SHA-256."""

    def __init__(self, file: IO[bytes], sha256: str) -> None:
        self._file = file
        self._sha256 = sha256

    def __str__(self) -> str:
        return f"sha256:{self._sha256}"

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the bytes from the beginning, however often, letting others work in between."""
        self._file.seek(0)
        while chunk := self._file.read(_CHUNK):
            yield chunk
            await asyncio.sleep(0)


class TrinityFile(msgspec.Struct, frozen=True):
    """A CSV file of one table: `locations`, `meters` or `customers` (conformance.md J09, J11)."""

    table: str
    body: Body


class TrinityTaken(msgspec.Struct, frozen=True):
    """How many records were taken, the keys of locations and customers in the file's order.

    There are no keys where the file was one of meters.
    """

    records: int
    keys: list[Keys] | None
    header_repaired: bool


class TariffId(msgspec.Struct, frozen=True):
    """A tariff by name and number."""

    name: str
    tariff_id: int


class LinkFault(msgspec.Struct, frozen=True):
    """What is wrong with a key or a link of a record, and how many faults there are in all.

    `kind` is `missing` (what is named does not exist), `blocked` (the account is, for the user)
    or `invalid`; `missing` counts the first kind.
    """

    record: int
    name: str
    kind: str
    reason: str
    faults: int
    missing: int


class Connected(msgspec.Struct, frozen=True):
    """How many meters were hung and how many agreements began."""

    hung: int
    supplied: int


class Equipped(msgspec.Struct, frozen=True):
    """How many meters changed their tariff, or lost it, and at how many instants some opened."""

    assigned: int
    unassigned: int
    opened: int


class MeterWanted(msgspec.Struct, frozen=True):
    """Which meter."""

    serial_number: str


class Meter(msgspec.Struct, frozen=True):
    """A meter as J05 prints it; without a location, an account or a tariff where it has none."""

    loc_id: str | None
    account: str | None
    device_id: str
    serial_number: str
    name: str
    com_type: str
    tariff: str | None
    payment_mode: str | None
    sgc: str
    kva_demand_rating: Decimal
    vendable: bool
    meter_state: str
    units: str
    factor: Decimal
    phases: int
    ti: str
    key_rev: str
    key_exp: int
    base_date: int
    sts_version: int
    disco_profile: str
    created_at: datetime
    last_mod: datetime
    type: str
    wallet_kind: str


class RecordsNameNothing(NotFound):
    """What some records name does not exist. Nothing was stored."""
