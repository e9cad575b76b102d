"""How figures and times look to people: columns of figures end at one edge, times name a zone."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from rich.table import Table

from currant.cli.frame import table
from currant.money import half_up, kwh, minor_units

_ENERGY = "Wh"


def figures(
    rows: Sequence[Any],
    *columns: str,
    right: Sequence[str],
    folds: Sequence[str] = (),
    at: str = "at",
) -> Table:
    """Return rows as a table of some of their members; those blank in all rows are left out.

    `right`: set to the right. `folds`: free text, which goes on in the next line where the terminal
    is narrow. `at`: the heading of the column `at`.
    """
    told = [name for name in columns if not rows or any(getattr(row, name) != "" for row in rows)]
    drawn = table(rows, *told)
    for name, column in zip(told, drawn.columns, strict=True):
        column.no_wrap = name not in folds
        if name in right:
            column.justify = "right"
        if name == "at":
            column.header = at
    return drawn


def clock_time(at: datetime, zone: ZoneInfo) -> str:
    """Write an instant as a clock of the zone shows it: `2026-03-10 11:07:09 EDT`."""
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z")


def minute(at: datetime, zone: ZoneInfo) -> str:
    """Write an instant to the minute, without its zone: `2026-03-10 11:07`."""
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def at_in(zone: ZoneInfo, instants: Iterable[datetime]) -> str:
    """Head a column of instants with what the zone is called then: `at (EST/EDT)`."""
    names = dict.fromkeys(at.astimezone(zone).strftime("%Z") for at in instants)
    return f"at ({'/'.join(names)})" if names else "at"


def figure(amount: Decimal, commodity: str) -> str:
    """Write an amount of a commodity: money to its smallest coin, energy in kWh."""
    if commodity == _ENERGY:
        return f"{kwh(int(amount)):,f}"
    return f"{half_up(amount, minor_units(commodity)):,f}"


def unit_of(commodity: str) -> str:
    """Name what a figure counts: the currency, or kWh for energy."""
    return "kWh" if commodity == _ENERGY else commodity
