"""What the market's identifier of a site says of itself."""

import re

# An NMI has ten characters, without I and O.
_NMI = re.compile(r"[0-9A-HJ-NP-Z]{10}", re.ASCII)


def nmi_checksum(identifier: str | None) -> int | None:
    """Return the check digit of an NMI, None of what is none (AEMO, NMI procedure).

    It is Luhn's over the ASCII codes of the ten characters, the last of them doubled first.
    """
    told = (identifier or "").upper()
    if _NMI.fullmatch(told) is None:
        return None
    codes = (ord(letter) << (place % 2 == 0) for place, letter in enumerate(reversed(told)))
    return -sum(int(digit) for code in codes for digit in str(code)) % 10
