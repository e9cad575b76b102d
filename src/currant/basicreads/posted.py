"""Basic reads as they are posted: on which day each is dated, and what is wrong with it.

A read dated D stands at the end of D, the instant at which the next day begins; one that opens a
supply stands at the beginning of D. Days are those of the building's zone.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from currant.basicreads.model import BasicRead, FoundRegister, SubType
from currant.clock import day_bounds
from currant.errors import Fault
from currant.reads.days import dated

_MOST = Decimal(10) ** 12
_MOST_PLACES = 6
_MOST_DIALS = 12
_FIRST_DAY = date(1900, 1, 1)
_LAST_DAY = date(9998, 12, 31)
_MISREAD = "MISREAD"


def instant_of(day: date, sub_type: str, zone: ZoneInfo) -> datetime:
    """Return the instant at which a read of a day stands: its end, or its beginning if it opens."""
    begins, ends = day_bounds(day, zone)
    return begins if sub_type == SubType.OPENING else ends


def day_of(read_at: datetime, sub_type: str, zone: ZoneInfo) -> date:
    """Return the day that a read is dated."""
    return dated(read_at, zone, opens=sub_type == SubType.OPENING)


def quantity_of(told: Decimal) -> int:
    """Return thousandths of a register's unit, half-up: Wh of kWh."""
    return int((told * 1000).quantize(Decimal(1), ROUND_HALF_UP))


def in_unit(thousandths: int) -> Decimal:
    """Return a quantity in its register's unit."""
    return Decimal(thousandths).scaleb(-3)


def dials_of(add_factor: int) -> int:
    """Return the dials of a register that starts again after so many units; 0: no power of ten."""
    digits = str(add_factor)
    return len(digits) - 1 if digits.rstrip("0") == "1" else 0


def faults_in(reads: Sequence[BasicRead]) -> list[Fault]:
    """Return what is wrong with posted reads to the letter."""
    return [
        Fault(record, field, reason)
        for record, read in enumerate(reads, start=1)
        for field, reason in _faults(read)
    ]


def _faults(read: BasicRead) -> list[tuple[str, str]]:
    faults = []
    if read.sub_type not in [*SubType, _MISREAD]:
        faults.append(("read_sub_type", f"is one of {', '.join([*SubType, _MISREAD])}"))
    value = read.meter_read
    if not (value.is_finite() and 0 <= value < _MOST):
        faults.append(("meter_read", "is a number from 0 to less than 1000000000000"))
    elif -int(value.normalize().as_tuple().exponent) > _MOST_PLACES:
        faults.append(("meter_read", f"has more than {_MOST_PLACES} decimals"))
    if not _FIRST_DAY <= read.read_date <= _LAST_DAY:
        faults.append(("read_date", f"is a day from {_FIRST_DAY} on"))
    if read.next_scheduled_read_date and read.next_scheduled_read_date <= read.read_date:
        faults.append(("next_scheduled_read_date", "is a day after that of the read"))
    if read.add_factor and not 1 <= dials_of(read.add_factor) <= _MOST_DIALS:
        told = "is 0, or where the dials start again: 10, 100 and so on to 1000000000000"
        faults.append(("add_factor", told))
    for name in ("temp_factor", "cv_factor"):
        factor = getattr(read, name)
        if factor is not None and not (factor.is_finite() and 0 < factor < 100):
            faults.append((name, "is a number from more than 0 to less than 100"))
    return faults


def placed(
    reads: Sequence[BasicRead], found: Sequence[FoundRegister], now: datetime
) -> tuple[dict[int, FoundRegister], list[Fault]]:
    """Return the register of each posted read by its record, and what is wrong with the others."""
    at_site: dict[int, FoundRegister] = {}
    for register in found:
        if register.register_id is not None or register.record not in at_site:
            at_site[register.record] = register
    faults = []
    for record, read in enumerate(reads, start=1):
        fault = _misplaced(read, at_site.get(record), now)
        if fault is not None:
            faults.append(Fault(record, *fault))
    return at_site, faults


def _missing(read: BasicRead, register: FoundRegister | None) -> tuple[str, str] | None:
    if register is None:
        return "site_identifier", "no site has this identifier"
    if register.meter_id is None:
        return "meter_code", f"no such meter hung at the site on {read.read_date}"
    if register.register_id is None:
        return "meter_register", "the meter has no such register"
    return None


def _misplaced(
    read: BasicRead, register: FoundRegister | None, now: datetime
) -> tuple[str, str] | None:
    missing = _missing(read, register)
    if register is None or missing:
        return missing
    if register.metering_type == "AM":
        return "meter_code", "the register delivers intervals, which come in files"
    dials, known = dials_of(read.add_factor), register.dials or 0
    if dials and known not in (0, dials):
        return "add_factor", f"the register has {known} dials: 1{'0' * known}"
    late = read.read_date > now.astimezone(ZoneInfo(register.timezone)).date()
    return ("read_date", "lies in the future") if late else None
