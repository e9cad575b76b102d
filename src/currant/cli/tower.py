"""The demo's building, Harbour Tower: who lives there, what they use, what their meters tell.

Everything follows from a seed and the day it is. Nothing here touches a database: interval data
come out as the NEM12 that a meter data provider would send, energy in whole Wh.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

import msgspec

from currant.cli.example import HOME_SHAPE, SEED, SHOP_SHAPE

ZONE = ZoneInfo("Australia/Sydney")
BUILDING = "TWR01"
FLAT, TOU = "RES-FLAT", "TOU"
MONTHS = 3
DAY = timedelta(days=1)

_KWH = 1000
_PERCENT = 100
_SATURDAY = 5


class Unit(msgspec.Struct, frozen=True):
    """A unit of the building: who is supplied in it, on which plan, and about what a day in Wh."""

    number: int
    name: str
    plan: str
    day_wh: int
    shop: bool = False

    @property
    def nmi(self) -> str:
        """The market's identifier of the site."""
        return str(4_103_000_000 + self.number)

    @property
    def serial_number(self) -> str:
        """The meter's serial number."""
        return f"HT{1000 + self.number * 7}"

    @property
    def opening_wh(self) -> int:
        """What a basic meter shows when its first month begins."""
        return (1200 + 311 * self.number) * _KWH


UNITS = (
    Unit(1, "Ada Nguyen", FLAT, 9_400),
    Unit(2, "Ben Carter", FLAT, 12_100),
    Unit(3, "Chloe Walsh", FLAT, 7_300),
    Unit(4, "Dev Patel", FLAT, 15_800),
    Unit(5, "Ella Rossi", FLAT, 10_900),
    Unit(6, "Finn Murray", FLAT, 8_200),
    Unit(7, "Grace Kim", TOU, 13_600),
    Unit(8, "Hugo Martin", TOU, 11_500),
    Unit(9, "Isla Fraser", TOU, 17_200),
    Unit(10, "Jack Tran", TOU, 9_900),
    Unit(11, "Quay Coffee", TOU, 46_000, shop=True),
    Unit(12, "Harbour Yoga", TOU, 28_000, shop=True),
)


class Tower:
    """The building from the first of three whole months to the day before today."""

    def __init__(self, today: date, first: date | None = None) -> None:
        self.today = today
        self.first = first or month_ahead(today, -MONTHS)
        self.eve = self.first - DAY

    def spans(self) -> Iterator[tuple[date, date]]:
        """Yield the days that are told together: each whole month, then those of this one."""
        starts = [month_ahead(self.first, ahead) for ahead in range(MONTHS + 1)]
        for first, following in zip(starts, [*starts[1:], self.today], strict=True):
            if first < following:
                yield first, following - DAY

    def shown(self, unit: Unit, day: date) -> Decimal:
        """Return what a basic meter shows at the end of a day, in kWh."""
        days = range((day - self.first).days + 1)
        used = sum(_used(unit, self.first + n * DAY) for n in days)
        return Decimal((unit.opening_wh + used) // _KWH)

    def nem12(self, first: date, last: date) -> str:
        """Write the half-hours of the interval meters on some days of the market's clock."""
        stamp = f"{last + DAY:%Y%m%d}0000"
        lines = [f"100,NEM12,{stamp},DEMOMDP,TOWER"]
        for unit in UNITS:
            if unit.plan != TOU:
                continue
            lines.append(f"200,{unit.nmi},E1,1,E1,N1,{unit.serial_number},kWh,30,")
            for n in range((last - first).days + 1):
                day = first + n * DAY
                told = ",".join(f"{wh // _KWH}.{wh % _KWH:03}" for wh in _half_hours(unit, day))
                lines.append(f"300,{day:%Y%m%d},{told},A,,,{stamp}00,")
        return "\r\n".join([*lines, "900", ""])


def month_ahead(day: date, ahead: int) -> date:
    """Return the first day of the month so many months ahead."""
    years, month = divmod(day.month - 1 + ahead, 12)
    return date(day.year + years, month + 1, 1)


def _draw(unit: Unit, day: date) -> Random:
    return Random(f"{SEED} {unit.number} {day}")  # noqa: S311  # the same every time is wanted


def _used(unit: Unit, day: date) -> int:
    """Return what a unit uses on a day: homes more at the weekend, shops less."""
    weekend = day.weekday() >= _SATURDAY
    percent = (70 if unit.shop else 120) if weekend else _PERCENT
    return unit.day_wh * percent * _draw(unit, day).randrange(80, 121) // _PERCENT**2


def _half_hours(unit: Unit, day: date) -> Iterator[int]:
    """Yield what a unit uses in each half-hour of a day."""
    shape = SHOP_SHAPE if unit.shop else HOME_SHAPE
    used, draw = _used(unit, day), _draw(unit, day)
    for part in shape:
        yield used * part * draw.randrange(70, 131) // (_PERCENT * sum(shape))
