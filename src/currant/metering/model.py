"""The shapes of metering: rows, questions, and what is refused."""

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


class NoSuchMeter(NotFound):
    """There is no such meter here."""


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
