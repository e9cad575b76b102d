"""The shapes of supply: the Trinity files, rows, and what is refused."""

from datetime import datetime
from decimal import Decimal

import msgspec

from currant.errors import NotFound
from currant.locations.model import Connection
from currant.upload import Upload


class TrinityFile(msgspec.Struct, frozen=True):
    """A CSV file of one table: `locations`, `meters` or `customers` (conformance.md J09, J11)."""

    table: str
    upload: Upload


class TrinityTaken(msgspec.Struct, frozen=True):
    """How many records were taken, and of locations and customers the `Keys`, as a JSON array."""

    records: int
    header_repaired: bool
    keys: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


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


class LocationWanted(msgspec.Struct, frozen=True):
    """Which location, by its number with us."""

    loc_id: str


class DescribeLocation(msgspec.Struct, frozen=True):
    """Say something of a location's connection."""

    loc_id: str
    connection: Connection


class Location(msgspec.Struct, frozen=True):
    """A location with the meter that was hung there last and still is, and whom it supplies.

    `meter_installed_at` is null where the utility does not know when that was.
    """

    loc_id: str
    serial_number: str | None
    account: str | None
    loc_name: str
    address_1: str
    address_2: str
    city: str
    state: str
    zip: str
    latitude: str
    longitude: str
    substation: str
    feeder: str
    transformer: str
    module: str
    socket: int
    unit: str
    type: str
    form_factor: str
    wiring: str
    voltage: str
    current_per_phase: Decimal
    kva: Decimal
    meter_installed_at: datetime | None
    tariff: str | None
    payment_mode: str | None
    created_at: datetime
    last_mod: datetime


class RecordsNameNothing(NotFound):
    """What some records name does not exist. Nothing was stored."""
