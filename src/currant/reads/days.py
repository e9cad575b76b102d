"""At the beginning of which day a read stands.

Days begin when a read of the day before stands: whoever prices, spreads or dates what registers
measured asks here, so that a bill, a month's usage and a list of reads tell the same days
(conformance.md U12).
"""

from datetime import date, datetime, timedelta, tzinfo

_DAY = timedelta(days=1)
_TICK = timedelta.resolution


def stands_at(read_at: datetime, zone: tzinfo, *, opens: bool = False) -> date:
    """Return the day at whose beginning a read stands: the next one, its own if it opens a supply.

    One of midnight stands there, whatever it is.
    """
    at = read_at if opens else read_at - _TICK
    day = at.astimezone(zone).date()
    return day if opens else day + _DAY


def dated(read_at: datetime, zone: tzinfo, *, opens: bool = False) -> date:
    """Return the day that a read is of: the one that it ends, or begins if it opens a supply."""
    stands = stands_at(read_at, zone, opens=opens)
    return stands if opens else stands - _DAY
