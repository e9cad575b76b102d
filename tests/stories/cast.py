"""Who lives in the tower of the year: forty units, what they share, and the files about them.

The loads are real ones (`loads.py`), scaled for each unit by a factor of its own. The meter data
provider tells them by the market's clock, +10:00 all year, a file a month; Sydney's year begins in
the last hour of the day before and ends an hour early.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from tests.stories.loads import hours_of_a_house, quarters_of_profiles, scaled
from tests.stories.reckoning import DAY, FIRST, LAST, QUARTERS, Home, Plan, Prices

SHOP, BASICS, GATE, COMMON = 1, range(31, 41), 41, 42
SOLAR = (5, 9, 13, 20, 25)
HALF_HOURLY = (7, 14, 21, 28)
EVE = FIRST - DAY
_AHEAD = 92  # Of the first day that files tell, so many quarter-hours are of the year before.
_TARIFF_CHANGE, _FLAT_CHANGE, LOSS_CHANGE = date(2016, 7, 1), date(2016, 10, 11), date(2016, 9, 16)


def _energy(**rates: str) -> dict[str, Fraction]:
    return {tier: Fraction(rate) for tier, rate in rates.items()}


TOU = Plan(
    "TWR-TOU",
    [
        Prices(EVE, _energy(T1="0.16", T2="0.24", T3="0.42", X="0.06"), Fraction("1.05")),
        Prices(
            _TARIFF_CHANGE, _energy(T1="0.172", T2="0.258", T3="0.4555", X="0.05"),
            Fraction("1.12"),
        ),
    ],
)  # fmt: skip
FLAT = Plan(
    "TWR-FLAT",
    [
        Prices(EVE, _energy(B1="0.265", B2="0.312", X="0.06"), Fraction("0.98")),
        Prices(_FLAT_CHANGE, _energy(B1="0.2795", B2="0.3288", X="0.06"), Fraction("0.98")),
    ],
    step=300,
)
TRADE = Plan(
    "TWR-SHOP",
    [Prices(EVE, _energy(B1="0.1875"), Fraction("3.20"), Fraction("9.80"))],
    ratchet=Fraction("0.8"),
    losses=True,
)
SHARED = Plan("TWR-COMMON", [Prices(EVE, _energy(B1="0.2105"), Fraction("1.50"))], losses=True)
PLANS = (TOU, FLAT, TRADE, SHARED)

# The distributor's factor, the transmission's and the building's own, since when.
FACTORS = {EVE: ("1.0514", "0.9876", "1.005"), LOSS_CHANGE: ("1.0621", "0.9902", "1.005")}


def losses() -> dict[date, Fraction]:
    """The loss factors as they are told: the product, to six decimals."""
    told = {}
    for since, (dlf, mlf, internal) in FACTORS.items():
        exact = Fraction(dlf) * Fraction(mlf) * Fraction(internal)
        told[since] = Fraction(round(exact * 1_000_000), 1_000_000)
    return told


class Truth(NamedTuple):
    """What a unit used and fed in by quarter-hours, whether anybody knows it or not."""

    used: list[int]
    fed: list[int]


def truths() -> dict[int, Truth]:
    """What everybody used, by number; the gate has what all took from the network, and losses."""
    profiles, hours = quarters_of_profiles(), hours_of_a_house()
    told = {}
    for number in [*range(1, 31), COMMON]:
        watts = {SHOP: 30_000, 2: 12_000, COMMON: 6_000}.get(number, 1_600 + number * 370 % 2_900)
        place = {SHOP: 4, 2: 3, COMMON: 5}.get(number, number % 3)
        used = scaled(profiles[place], watts)
        fed = _fed(scaled(profiles[2], 2 * watts)) if number in SOLAR else []
        told[number] = Truth(used, fed)
    for number in BASICS:
        percent = 20 + number * 7 % 45
        spread = [hour * percent // 100 for hour in hours]
        told[number] = Truth([(wh + n) // 4 for wh in spread for n in range(4)], [])
    drawn = [sum(column) for column in zip(*(truth.used for truth in told.values()), strict=True)]
    for truth in told.values():
        drawn = (
            [net - fed for net, fed in zip(drawn, truth.fed, strict=True)] if truth.fed else drawn
        )
    assert min(drawn) > 0
    told[GATE] = Truth([net + net // 50 for net in drawn], [])
    return told


def _fed(shape: list[int]) -> list[int]:
    """What the sun gives: between ten and four by the market's clock."""
    return [wh if 40 <= (n + _AHEAD) % 96 < 64 else 0 for n, wh in enumerate(shape)]


def home(number: int, truth: Truth) -> Home:
    """A unit of which nothing is known yet."""
    plan = {SHOP: TRADE, COMMON: SHARED}.get(number, TOU if number < 17 else FLAT)
    unknown: list[int | None] = [None] * QUARTERS
    reads = {FIRST: opening(number)} if number in BASICS else {}
    return Home(
        nmi(number), [(EVE, plan)], list(unknown), list(unknown) if truth.fed else [], reads
    )


def nmi(number: int) -> str:
    """The market's name of a unit."""
    return f"41030{number:05}"


def serial(number: int) -> str:
    """The first meter of a unit."""
    return f"TW{number:03}"


def opening(number: int) -> int:
    """What a basic meter stood at when the year began, in Wh."""
    return 1_000_000 + number * 7_919_113 % 80_000_000


def kwh(wh: int) -> Decimal:
    """Wh as meters and files tell them."""
    return Decimal(wh).scaleb(-3)


def told_days(first: date, last: date) -> list[date]:
    """The days of the market's clock between two, both inclusive."""
    return [first + n * DAY for n in range((last - first).days + 1)]


def places(day: date) -> range:
    """Where a day of the market's clock lies in the year's quarter-hours; it may stick out."""
    begins = (day - EVE).days * 96 - _AHEAD
    return range(begins, begins + 96)


class Stream(NamedTuple):
    """A data stream of a meter as a file tells it: its days, with the flag of each."""

    number: int
    serial: str
    suffix: str
    values: Sequence[int]
    days: Sequence[tuple[date, str]]


def nem12(made: datetime, streams: Iterable[Stream]) -> bytes:
    """Write a file as the meter data provider sends it."""
    stamp = (made.replace(tzinfo=None) + timedelta(hours=10)).strftime("%Y%m%d%H%M%S")
    lines = [f"100,NEM12,{stamp[:12]},TOWERMDP,TOWER"]
    for stream in streams:
        step = 2 if stream.number in HALF_HOURLY else 1
        unit, point = ("Wh", 0) if stream.number % 5 == 0 else ("kWh", 3)
        lines.append(
            f"200,{nmi(stream.number)},E1B1,1,{stream.suffix},N1,{stream.serial},{unit},"
            f"{15 * step},"
        )
        for day, flag in stream.days:
            lines += _day(stream.values, day, flag, stamp, step, point)
    return "\r\n".join([*lines, "900", ""]).encode()


def _day(
    values: Sequence[int], day: date, flag: str, stamp: str, step: int, point: int
) -> list[str]:
    """Write a day; what is beyond the year is told as not known."""
    quarters_wh = [values[n] if 0 <= n < QUARTERS else 0 for n in places(day)]
    told = [sum(quarters_wh[n : n + step]) for n in range(0, 96, step)]
    text = ",".join(f"{wh // 1000}.{wh % 1000:03}" if point else str(wh) for wh in told)
    if day not in (EVE, LAST):
        return [f"300,{day:%Y%m%d},{text},{flag},{',' if flag == 'A' else '27,'},{stamp},"]
    edge, end = _AHEAD // step, 96 // step
    parts = ("N", flag) if day == EVE else (flag, "N")
    return [
        f"300,{day:%Y%m%d},{text},V,,,{stamp},",
        f"400,1,{edge},{parts[0]},,",
        f"400,{edge + 1},{end},{parts[1]},,",
    ]


def learn(known: list[int | None], values: Sequence[int], days: Iterable[date]) -> None:
    """Know the quarter-hours of days of the market's clock."""
    for day in days:
        for n in places(day):
            if 0 <= n < QUARTERS:
                known[n] = values[n]


def plan_told(plan: Plan) -> dict[str, Any]:
    """A plan as it is created, with its first prices."""
    first = plan.prices[0]
    rates = [
        {"tier": tier, "rate": _decimal(rate)}
        | ({"step_from": plan.step} if tier == "B2" else {})
        | ({"taxable": False} if tier == "X" else {})
        for tier, rate in first.energy.items()
    ]
    if first.demand:
        rates.append({"tier": "D", "rate": _decimal(first.demand)})
    terms = {"with_losses": plan.losses}
    if plan.ratchet:
        terms |= {"ratchet_share": _decimal(plan.ratchet), "ratchet_months": 11}
    return {
        "name": plan.name, "description": plan.name, "rates": rates, "terms": terms,
        "charges": [{"description": "Daily supply", "amount": _decimal(first.daily)}],
    }  # fmt: skip


def changes_told(plan: Plan) -> list[tuple[str, dict[str, Any], date]]:
    """The later prices of a plan: what is posted where, and since when it is so."""
    told: list[tuple[str, dict[str, Any], date]] = []
    for before, prices in zip(plan.prices, plan.prices[1:], strict=False):
        for tier, rate in prices.energy.items():
            if rate != before.energy[tier]:
                change = {"tariff": plan.name, "tier": tier, "rate": _decimal(rate)}
                if tier == "B2":
                    change["step_from"] = Decimal(plan.step)
                told.append(("rates", change, prices.since))
        if prices.daily != before.daily:
            change = {
                "tariff": plan.name, "description": "Daily supply",
                "amount": _decimal(prices.daily),
            }  # fmt: skip
            told.append(("charges", change, prices.since))
    return told


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)
