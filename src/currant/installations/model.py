"""The shapes of installations: commands, rows, and what is refused."""

from datetime import date
from decimal import Decimal

import msgspec

from currant.errors import Conflict
from currant.metering.model import MeterTold


class ReadTold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a register shows, before the multiplier, in its unit."""

    meter_read: Decimal
    meter_register: int = 1


class NewMeter(MeterTold, frozen=True, forbid_unknown_fields=True):
    """A meter to create, and where it hangs from the beginning of which day: today without one.

    Its opening reads stand at that instant. Without a price plan it is on none yet.
    """

    site_identifier: str | None = None
    installed_on: date | None = None
    price_plan_code: str | None = None
    opening_reads: list[ReadTold] = msgspec.field(default_factory=list)


class CreateMeters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Meters to create, all of them or none."""

    meters: list[NewMeter]


class MetersCreated(msgspec.Struct, frozen=True):
    """The meters that were created, in the order given, and what is doubted of their reads."""

    serial_numbers: list[str]
    doubted: list[str]


class ExchangeMeter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Exchange a meter for a new one, at the beginning of a day.

    The new one has the registers of the old one where it tells none, and its price plan. Every
    register that is read has a closing read of the old meter and an opening read of the new one.
    """

    serial_number: str
    exchange_date: date
    new_meter: MeterTold
    closing_reads: list[ReadTold] = []
    opening_reads: list[ReadTold] = []


class MeterExchanged(msgspec.Struct, frozen=True):
    """The meter that was taken down, the one that hangs there now, and what is doubted of reads."""

    serial_number: str
    new_serial_number: str
    site: str
    exchange_date: date
    doubted: list[str]


class MeterNotHanging(Conflict):
    """The meter does not hang anywhere since before that day. Nothing was done."""
