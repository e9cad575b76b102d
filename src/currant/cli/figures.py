"""How figures and times look to people: columns of figures end at one edge, times name a zone."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from rich.table import Table

from currant.cli.frame import table
from currant.money import half_up, kwh, minor_units

_ENERGY = "Wh"


def figures(rows: Sequence[Any], *columns: str, right: Sequence[str]) -> Table:
    """Return rows as a table of some of their members, those named last set to the right."""
    drawn = table(rows, *columns)
    for name, column in zip(columns, drawn.columns, strict=True):
        if name in right:
            column.justify = "right"
    return drawn


def clock_time(at: datetime, zone: ZoneInfo) -> str:
    """Write an instant as a clock of the zone shows it: `2026-03-10 11:07:09 EDT`."""
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z")


def figure(amount: Decimal, commodity: str) -> str:
    """Write an amount of a commodity: money to its smallest coin, energy in kWh."""
    if commodity == _ENERGY:
        return f"{kwh(int(amount)):,f}"
    return f"{half_up(amount, minor_units(commodity)):,f}"


def unit_of(commodity: str) -> str:
    """Name what a figure counts: the currency, or kWh for energy."""
    return "kWh" if commodity == _ENERGY else commodity
