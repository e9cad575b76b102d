"""Which register somebody means who tells a meter code and a register's number."""

from collections.abc import Sequence

from currant.errors import Invalid
from currant.metering.model import NoSuchRegister, RegisterAt, RegisterRead

_PLACES = 3
_DIGITS = 12


def matched(
    reads: Sequence[RegisterRead], registers: Sequence[RegisterAt], field: str
) -> list[tuple[RegisterRead, RegisterAt]]:
    """Return reads with the registers of a site that they are of, in the order of the reads.

    `field` names a read by its place in the list for `{}`. Raises `NoSuchRegister`, and `Invalid`
    for a register of intervals, a register told twice, and a value that is none.
    """
    found: list[tuple[RegisterRead, RegisterAt]] = []
    for n, read in enumerate(reads):
        where = field.format(n)
        register = next(
            (r for r in registers if r.named(read.meter_code, read.meter_register)), None
        )
        if register is None:
            told = f"{read.meter_code[:40]!r}, register {read.meter_register}."
            raise NoSuchRegister(told, field=f"{where}.meter_code")
        if register.metering_type == "AM":
            told = f"{where}: {read.meter_code} delivers intervals, which come by file."
            raise Invalid(told, field=f"{where}.meter_code")
        if any(register is other for _, other in found):
            raise Invalid(f"{where} is of a register told before.", field=f"{where}.meter_code")
        exponent = read.meter_read.as_tuple().exponent
        if not 0 <= read.meter_read < 10**_DIGITS or not int(exponent) >= -_PLACES:
            told = f"{where}.meter_read is 0 or more, with {_PLACES} decimals at most."
            raise Invalid(told, field=f"{where}.meter_read")
        found.append((read, register))
    return found
