"""What the market's identifier of a site says of itself."""

import re
from collections.abc import Sequence

# An NMI has ten characters, without I and O.
_NMI = re.compile(r"[0-9A-HJ-NP-Z]{10}", re.ASCII)
# What a meter data file may call a site: mostly that, with its check digit or without.
_TOLD = re.compile(r"[0-9A-HJ-NP-Z]{1,11}", re.ASCII)


def nmi_checksum(identifier: str | None) -> int | None:
    """Return the check digit of an NMI, None of what is none (AEMO, NMI procedure).

    It is Luhn's over the ASCII codes of the ten characters, the last of them doubled first.
    """
    told = (identifier or "").upper()
    if _NMI.fullmatch(told) is None:
        return None
    codes = (ord(letter) << (place % 2 == 0) for place, letter in enumerate(reversed(told)))
    return -sum(int(digit) for code in codes for digit in str(code)) % 10


def site_keys(told: str) -> Sequence[str]:
    """Return the two keys that a site may have which a meter data file names: as it is told first.

    An NMI may be told, and kept, with its check digit or without. Nothing where it is none, or the
    check digit is wrong.
    """
    told = told.upper()
    if _TOLD.fullmatch(told) is None:
        return ()
    if len(told) == 11:
        return (told, told[:10]) if told[10] == str(nmi_checksum(told[:10])) else ()
    checksum = nmi_checksum(told)
    return (told, told if checksum is None else f"{told}{checksum}")
