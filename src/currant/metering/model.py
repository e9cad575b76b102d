"""The shapes of metering: rows, questions, and what is refused."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

import msgspec

from currant.errors import Conflict, Invalid, NotFound


class ComType(msgspec.Struct, frozen=True):
    """A way in which meters communicate, with its head-end; one that is not listed is accepted."""

    com_type: str
    listed: bool
    source: str | None
    pull_reads: bool | None


class MetersWanted(msgspec.Struct, frozen=True):
    """Which meters: of one communication type or all, how many, beyond how many others."""

    com_type: str | None = None
    how_many: int | None = None
    beyond: int = 0


class MeterListed(msgspec.Struct, frozen=True, gc=False):
    """A meter as the public list shows it."""

    serial_number: str
    com_type: str


MeteredProduct = Literal["ELECTRICITY", "GAS", "COLD_WATER", "HOT_WATER"]
MeterType = Literal[
    "ALLDAY", "PEAK", "OFFPEAK", "SHOULDER", "DEMAND", "IMPORT1_01", "COLD", "HOT", "STDGAS"
]


class NewRegister(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A register of a new meter; `meter_code` is its serial number where none is told.

    `datastream` is the NEM suffix (E1, B1); AM registers deliver intervals, BASIC ones reads.
    `direction` E is supply, I solar. `unit` is what reads are told in: the meter's own without.
    `clock` is the offset from UTC, the same all year, of its days of intervals.
    """

    register_no: int = 1
    meter_code: str = ""
    metering_type: Literal["BASIC", "AM"] = "BASIC"
    datastream: str = ""
    meter_type_code: MeterType = "ALLDAY"
    unit: str = ""
    direction: Literal["E", "I"] = "E"
    interval_minutes: Literal[5, 10, 15, 30, 60] | None = None
    clock: str = "+10:00"
    controlled_load: bool = False
    meter_timing: str = ""


class MeterTold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A meter to create: what it is, and its registers.

    `factor` is what its reads are multiplied by (transformers), `dials` the digits at which a
    register rolls over (0: never). `units` follow from the product where they are not told.
    """

    serial_number: str
    device_id: str = ""
    com_type: str = "MANUAL"
    product_type: MeteredProduct = "ELECTRICITY"
    units: str = ""
    wallet_kind: Literal["currency", "units"] = "currency"
    factor: Decimal = Decimal(1)
    phases: int = 1
    dials: int = 0
    manufacturer: str = ""
    model: str = ""
    location_of_meter: str = ""
    hazards: str = ""
    registers: list[NewRegister] = msgspec.field(default_factory=lambda: [NewRegister()])


class MeterAdded(msgspec.Struct, frozen=True):
    """A meter that was created."""

    meter_id: int
    serial_number: str


class RegisterAt(msgspec.Struct, frozen=True):
    """A register that hangs at a site at an instant."""

    location_id: int
    meter_id: int
    serial_number: str
    product_type: str
    register_id: int
    register_no: int
    meter_code: str
    metering_type: str
    unit: str
    factor: Decimal
    since: datetime

    def named(self, meter_code: str, register_no: int) -> bool:
        """Tell whether a meter code, or a serial number, and a register's number mean this one."""
        told = meter_code.casefold()
        named = told in (self.meter_code.casefold(), self.serial_number.casefold())
        return named and register_no == self.register_no


class RegisterRow(msgspec.Struct, frozen=True):
    """A stored register, as a new one of its kind would be told."""

    register_no: int
    meter_code: str
    metering_type: str
    datastream: str
    meter_type_code: str
    unit: str
    direction: str
    interval_minutes: int | None
    clock: str
    controlled_load: bool
    meter_timing: str


class MeterHanging(msgspec.Struct, frozen=True):
    """A meter, and where it hangs from when to when; nowhere without a location."""

    meter_id: int
    serial_number: str
    product_type: str
    wallet_kind: str
    location_id: int | None
    since: datetime | None
    until: datetime | None


class RegisterRead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody read off a register, before its multiplier, in the register's unit.

    Without a `read_date` it is the day of what it is part of.
    """

    meter_code: str
    meter_read: Decimal
    meter_register: int = 1
    read_date: date | None = None


class NoSuchMeter(NotFound):
    """There is no such meter here."""


class NoSuchRegister(NotFound):
    """No register of the site has this meter code and number."""


class SerialTaken(Conflict, constraint="serial_taken"):
    """A meter with this serial number exists. Nothing was stored."""


class SerialMissing(Invalid, constraint="serial_present"):
    """A meter has a serial number. Nothing was stored."""


class FactorNotPositive(Invalid, constraint="factor_positive"):
    """A meter's factor is more than nothing. Nothing was stored."""


class DialsImplausible(Invalid, constraint="dials_plausible"):
    """A register has 0 to 12 dials. Nothing was stored."""


class MeterInTwoPlaces(Conflict, constraint="meter_in_one_place"):
    """The meter hangs somewhere else at that time. Nothing was stored."""


class InstallationEmpty(Invalid, constraint="installation_not_empty"):
    """An installation ends after it begins. Nothing was stored."""


class RegisterTwice(Conflict, constraint="register_once"):
    """The meter has this register already. Nothing was stored."""


class RegisterNumberUnknown(Invalid, constraint="register_no_known"):
    """A register has a number from 1 to 99. Nothing was stored."""


class MeteringTypeUnknown(Invalid, constraint="metering_type_known"):
    """A register is BASIC (read) or AM (intervals). Nothing was stored."""


class DatastreamShape(Invalid, constraint="datastream_shape"):
    """A data stream is two letters or digits such as E1, B1, Q1 or 11. Nothing was stored."""


class DatastreamTwice(Conflict, constraint="datastream_once"):
    """The meter has another register of this data stream. Nothing was stored."""


class MeterTypeUnknown(Invalid, constraint="meter_type_known"):
    """The meter type is not one of the catalogue. Nothing was stored."""


class DirectionUnknown(Invalid, constraint="direction_known"):
    """A direction is E (supply) or I (solar). Nothing was stored."""


class IntervalUnknown(Invalid, constraint="interval_known"):
    """An interval lasts 5, 10, 15, 30 or 60 minutes. Nothing was stored."""


class ClockNotFixed(Invalid, constraint="clock_fixed"):
    """A register's clock is an offset from UTC such as +10:00. Nothing was stored."""


class ProductNotMetered(Invalid, constraint="product_metered"):
    """A meter measures ELECTRICITY, GAS, COLD_WATER or HOT_WATER. Nothing was stored."""
