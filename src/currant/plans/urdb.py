"""Tariffs of the US Utility Rate Database (URDB) and of its kin, made plans of ours.

Two layouts are read: that of URDB itself (`energyratestructure`, `energyweekdayschedule`, …) and
that of rate books made from it (`energy.periods`, `schedule`, …). Every stretch of time in which
other periods of it are in force becomes a time-of-use bucket of one calendar, with a season for
each run of months that share their days; a tariff that no clock divides keeps plain blocks. Blocks
of several buckets are filled by the usage of all, as NREL reckons them.

Refused, because a bill of it would not be what the tariff says:

- more than nine stretches of time, or nine blocks of one period: a meter has nine buckets;
- blocks told in anything but kWh or kWh daily: their width would depend on the demand;
- rates below zero: no usage is paid for being used;
- feed-in that is paid by blocks: what is fed in has one rate a bucket;
- fuel adjustments that differ by month: they are rates of their own, to be scheduled;
- demand ratchets of named months, reactive and coincident demand, demand told in kVA or days;
- charges told for a year, a quarter or a further meter, and a yearly minimum that could bind;
- whatever a rate book itself calls unsupported.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby, pairwise
from typing import Any

from holidays import country_holidays
from msgspec import Struct

from currant.errors import Invalid
from currant.money import half_up
from currant.plans.model import CreatePlan, GivenCharge, GivenRate
from currant.tariffs.model import CreateCalendar, Season, Switch
from currant.tariffs.terms import Basis, BlocksOver, Per, RoundPer, Terms

_RATE_PLACES = 9
_STEP_PLACES = 3
_ENDLESS = 10**12
_NOTHING = Decimal(0)
_MOST = 9

_BLOCK_PERIODS = {"kwh": Per.MONTH, "kwh daily": Per.DAY}
_CHARGES = {"$/month": Basis.MONTHLY, "$/day": Basis.DAILY}
_MINIMA = {"$/month": Basis.MINIMUM, "$/day": Basis.MINIMUM_DAILY}
_ZERO_OR_REFUSED = {
    "fueladjustmentsmonthly": "Its fuel adjustments by month are rates to be scheduled.",
    "demandratchetpercentage": "Its demand ratchet names months.",
    "lookbackpercent": "Its demand ratchet names months.",
    "lookbackmonths": "Its demand ratchet names months.",
    "demandreactivepowercharge": "It charges for reactive power.",
    "coincidentratestructure": "It charges for coincident demand.",
    "fixedchargeeaaddl": "It charges for further meters.",
}
_HOLIDAYS = {
    "new_years_day": "New Year's Day",
    "mlk_day": "Martin Luther King Jr. Day",
    "washingtons_birthday": "Washington's Birthday",
    "memorial_day": "Memorial Day",
    "juneteenth": "Juneteenth National Independence Day",
    "independence_day": "Independence Day",
    "labor_day": "Labor Day",
    "columbus_day": "Columbus Day",
    "veterans_day": "Veterans Day",
    "thanksgiving": "Thanksgiving Day",
    "day_after_thanksgiving": "Thanksgiving Day",
    "christmas": "Christmas Day",
}

Months = Sequence[Sequence[int]]


class _Block(Struct, frozen=True):
    """A block of a period: what a unit costs, where it ends, and what a unit fed in brings."""

    rate: Decimal
    until: Decimal | None
    unit: str = "kWh"
    sell: Decimal = _NOTHING


class _Structure(Struct, frozen=True):
    """Periods with their blocks, and which is in force each hour of a month's days."""

    periods: tuple[tuple[_Block, ...], ...]
    weekday: Months
    weekend: Months

    def at(self, month: int, hour: int, *, weekend: bool) -> int:
        """Return the period of an hour."""
        return (self.weekend if weekend else self.weekday)[month][hour]


class _Source(Struct, frozen=True):
    """A tariff as either layout says it."""

    name: str
    description: str
    energy: _Structure | None
    demand: _Structure | None
    flat_demand: _Structure | None
    charges: list[GivenCharge]
    holidays: Collection[str] = ()


class Unsupported(Invalid):
    """The tariff cannot be imported. Nothing was created."""


def plan_of(
    document: Any,
    *,
    clock: str = "UTC",
    name: str | None = None,
    years: Collection[int] = (),
    taxable: bool = False,
) -> CreatePlan:
    """Make a plan of a tariff in either layout, decoded from JSON with exact numbers.

    `clock` is the zone or offset that its hours are told by; its holidays are reckoned for `years`.
    Raises `Unsupported`.
    """
    if not isinstance(document, dict):
        raise Unsupported("It is no JSON object.")
    source = _rate_book(document) if "energy" in document else _urdb(document)
    rates, calendar = _rates(source, clock, years)
    wanted = name or source.name
    if not rates and not source.charges:
        raise Unsupported("It has neither rates nor charges.")
    over = BlocksOver.BUCKET if calendar is None else BlocksOver.TOTAL
    return CreatePlan(
        name=wanted,
        description=source.description,
        units="kWh",
        taxable=taxable,
        rates=rates,
        charges=source.charges,
        terms=Terms(
            block_period=_block_period(source.energy),
            blocks_over=over,
            round_per=RoundPer.LINE,
        ),
        calendar=calendar and _named(calendar, wanted),
    )


def _named(calendar: CreateCalendar, name: str) -> CreateCalendar:
    return CreateCalendar(name, *(getattr(calendar, f) for f in calendar.__struct_fields__[1:]))


# The two layouts


def _rate_book(document: Mapping[str, Any]) -> _Source:
    identity = document.get("identity") or {}
    if told := document.get("unsupported"):
        raise Unsupported(f"It calls itself unsupported: {told}.", field="unsupported")
    schedule = _member(document, "schedule")
    periods = tuple(
        tuple(
            _Block(
                _number(tier.get("rate")) + _number(tier.get("adj")),
                _until(tier.get("max")),
                str(tier.get("max_unit") or "kWh"),
                _number(tier.get("sell")),
            )
            for tier in _member(period, "tiers")
        )
        for period in _member(_member(document, "energy"), "periods")
    )
    energy = _structure(periods, _member(schedule, "weekday"), _member(schedule, "weekend"))
    charges = [
        _charge(told, _CHARGES, "Fixed charge") for told in document.get("fixed_charges") or []
    ]
    if document.get("min_charge"):
        charges.append(_charge(document["min_charge"], _MINIMA, "Minimum charge"))
    as_weekend = schedule.get("holiday_policy") == "as_weekend"
    return _Source(
        str(identity.get("plan_name") or ""),
        str(identity.get("utility_id") or ""),
        energy,
        None,
        None,
        charges,
        schedule.get("holidays") or () if as_weekend else (),
    )


def _urdb(document: Mapping[str, Any]) -> _Source:
    for member, why in _ZERO_OR_REFUSED.items():
        if _any(document.get(member)):
            raise Unsupported(why, field=member)
    for member in ("demandunits", "flatdemandunit", "demandrateunit"):
        if str(document.get(member) or "kW") != "kW":
            raise Unsupported(f"Its demand is told in {document[member]}.", field=member)
    flat = None
    if "flatdemandstructure" in document:
        months = [[int(period)] * 24 for period in _member(document, "flatdemandmonths")]
        flat = _structure(_blocks(document["flatdemandstructure"]), months, months)
    return _Source(
        str(document.get("name") or ""),
        str(document.get("utility") or ""),
        _scheduled(document, "energy"),
        _scheduled(document, "demand"),
        flat,
        list(_urdb_charges(document)),
    )


def _scheduled(document: Mapping[str, Any], kind: str) -> _Structure | None:
    if f"{kind}ratestructure" not in document:
        return None
    days = (_member(document, f"{kind}{day}schedule") for day in ("weekday", "weekend"))
    return _structure(_blocks(document[f"{kind}ratestructure"]), *days)


def _blocks(structure: Any) -> tuple[tuple[_Block, ...], ...]:
    return tuple(
        tuple(
            _Block(
                _number(tier.get("rate")) + _number(tier.get("adj")),
                _until(tier.get("max")),
                str(tier.get("unit") or "kWh"),
                _number(tier.get("sell")),
            )
            for tier in period
        )
        for period in structure
    )


def _urdb_charges(document: Mapping[str, Any]) -> Iterable[GivenCharge]:
    told = {
        "fixedmonthlycharge": (document.get("fixedmonthlycharge"), "$/month"),
        "fixedchargefirstmeter": (
            document.get("fixedchargefirstmeter"),
            document.get("fixedchargeunits") or "$/month",
        ),
    }
    monthly = _NOTHING
    for member, (amount, unit) in told.items():
        if _number(amount):
            charge = _charge({"amount": amount, "unit": unit}, _CHARGES, "Fixed charge", member)
            monthly += charge.amount if charge.basis is Basis.MONTHLY else _NOTHING
            yield charge
    yearly = _number(document.get("annualmincharge"))
    minima = {
        "minmonthlycharge": (document.get("minmonthlycharge"), "$/month"),
        "mincharge": (document.get("mincharge"), document.get("minchargeunits") or "$/month"),
    }
    for member, (amount, unit) in minima.items():
        if unit == "$/year":
            yearly = max(yearly, _number(amount))
        elif _number(amount):
            yield _charge({"amount": amount, "unit": unit}, _MINIMA, "Minimum charge", member)
    if yearly > 12 * monthly:
        raise Unsupported(f"Its minimum of {yearly} a year could bind.", field="annualmincharge")


def _charge(
    told: Mapping[str, Any], bases: Mapping[str, Basis], description: str, field: str = "unit"
) -> GivenCharge:
    unit = str(told.get("unit"))
    if unit not in bases:
        raise Unsupported(f"A charge is told in {unit}.", field=field)
    return GivenCharge(description, half_up(_number(told.get("amount")), _RATE_PLACES), bases[unit])


# Our plan


def _rates(
    source: _Source, clock: str, years: Collection[int]
) -> tuple[list[GivenRate], CreateCalendar | None]:
    """Return the rates of a tariff, and the calendar of their buckets where a clock divides it."""
    structures = [source.energy, source.demand, source.flat_demand]
    keys = {
        (month, weekend, hour): tuple(
            None if structure is None else structure.at(month, hour, weekend=weekend)
            for structure in structures
        )
        for month in range(12)
        for weekend in (False, True)
        for hour in range(24)
    }
    buckets = {key: number for number, key in enumerate(dict.fromkeys(keys.values()), 1)}
    if len(buckets) > _MOST:
        raise Unsupported(f"Its clock tells {len(buckets)} stretches of time apart.")
    rates: list[GivenRate] = []
    tiers = _Tiers()
    for place, structure in enumerate(structures):
        periods: dict[int, list[int]] = {}
        for key, number in buckets.items():
            periods.setdefault(key[place] or 0, []).append(number)
        for period, named in periods.items() if structure else ():
            blocks = structure.periods[period] if structure else ()
            over = [] if len(periods) == 1 else named
            if place == 0:
                rates += _energy(blocks, over, tiers)
            elif any(block.rate for block in blocks):
                tier = tiers.demand(over, named)
                rates += _tiered(_blocks_of(tier.name, blocks), blocks, tier.buckets)
    if len(buckets) == 1:
        return rates, None
    return rates, _calendar(keys, buckets, clock, _days(source.holidays, years))


class _Tier(Struct, frozen=True):
    """A tier by its name, and the buckets that it prices where it names none itself."""

    name: str
    buckets: list[int]


class _Tiers:
    """The tiers that a tariff has taken so far."""

    def __init__(self) -> None:
        self.taken = {"T": 0, "D": 0, "X": 0}
        self.whole_demand = False

    def next(self, kind: str, buckets: list[int]) -> _Tier:
        """Take the next tier of a kind for some buckets."""
        self.taken[kind] += 1
        number = self.taken[kind]
        if number > _MOST:
            raise Unsupported("It has more than nine periods of one kind.")
        return _Tier(f"{kind}{number}", [] if buckets == [number] else buckets)

    def demand(self, over: list[int], named: list[int]) -> _Tier:
        """Take a demand tier: D over all time, while that is not taken."""
        if over or self.whole_demand:
            return self.next("D", named)
        self.whole_demand = True
        return _Tier("D", [])


def _energy(blocks: Sequence[_Block], over: list[int], tiers: _Tiers) -> Iterable[GivenRate]:
    """Yield the rates of a period: by blocks where it is always in force, or else of buckets."""
    names, buckets = [f"B{number}" for number in range(1, len(blocks) + 1)], []
    if over:
        tier = tiers.next("T", over)
        names, buckets = _blocks_of(tier.name, blocks), tier.buckets
    yield from _tiered(names, blocks, buckets)
    sold = {block.sell for block in blocks}
    if len(sold) > 1:
        raise Unsupported("What is fed in is paid by blocks.", field="sell")
    if any(sold):
        fed_in = tiers.next("X", over) if over else _Tier("X", [])
        yield GivenRate(fed_in.name, half_up(sold.pop(), _RATE_PLACES), buckets=fed_in.buckets)


def _blocks_of(tier: str, blocks: Sequence[_Block]) -> list[str]:
    return [tier, *(f"{tier}B{number}" for number in range(2, len(blocks) + 1))]


def _tiered(
    names: Sequence[str], blocks: Sequence[_Block], buckets: list[int]
) -> Iterable[GivenRate]:
    if len(blocks) > _MOST:
        raise Unsupported(f"A period has {len(blocks)} blocks.")
    begins = [_NOTHING, *(block.until for block in blocks[:-1])]
    if None in begins or any(low >= high for low, high in pairwise(begins)):  # type: ignore[operator]
        raise Unsupported("The blocks of a period do not ascend.", field="max")
    for name, block, begin in zip(names, blocks, begins, strict=True):
        if block.rate < 0:
            raise Unsupported(f"A rate is {block.rate}.", field="rate")
        rate = half_up(block.rate, _RATE_PLACES)
        step = half_up(begin or _NOTHING, _STEP_PLACES)
        yield GivenRate(name, rate, step, buckets=buckets)


def _block_period(energy: _Structure | None) -> Per:
    """Return what the blocks of a tariff are told for."""
    periods = energy.periods if energy else ()
    units = {block.unit.casefold() for blocks in periods if len(blocks) > 1 for block in blocks}
    if not units:
        return Per.MONTH
    if len(units) > 1 or not units <= _BLOCK_PERIODS.keys():
        raise Unsupported(f"Its blocks are told in {', '.join(sorted(units))}.", field="unit")
    return _BLOCK_PERIODS[units.pop()]


def _calendar(
    keys: Mapping[tuple[int, bool, int], Any],
    buckets: Mapping[Any, int],
    clock: str,
    holidays: list[date],
) -> CreateCalendar:
    """Return the calendar: a season for each run of months whose days are the same."""

    def day(month: int, *, weekend: bool) -> list[Switch]:
        hours = [buckets[keys[month, weekend, hour]] for hour in range(24)]
        starts = [hour for hour in range(24) if hour == 0 or hours[hour] != hours[hour - 1]]
        return [Switch(60 * hour, hours[hour]) for hour in starts]

    months = [(day(month, weekend=False), day(month, weekend=True)) for month in range(12)]
    runs = [next(run) for _, run in groupby(range(12), key=months.__getitem__)]
    first, *others = runs
    return CreateCalendar(
        "",
        clock,
        *months[first],
        holidays=holidays,
        seasons=[Season(month + 1, *months[month]) for month in others],
    )


def _days(names: Collection[str], years: Collection[int]) -> list[date]:
    """Return the days of some US holidays, on the day itself, in some years."""
    unknown = set(names) - _HOLIDAYS.keys()
    if unknown:
        raise Unsupported(f"No such holiday: {', '.join(sorted(unknown))}.", field="holidays")
    if not names or not years:
        return []
    days = []
    kept = country_holidays("US", years=years, observed=False)
    for name in names:
        later = timedelta(days=name == "day_after_thanksgiving")
        days += [day + later for day in kept.get_named(_HOLIDAYS[name], lookup="exact")]
    return sorted(days)


# What the documents say, checked


def _structure(periods: tuple[tuple[_Block, ...], ...], weekday: Any, weekend: Any) -> _Structure:
    """Return a structure whose schedules are 12 months of 24 hours that name its periods."""
    days = []
    for schedule in (weekday, weekend):
        try:
            months = [[int(hour) for hour in month] for month in schedule]
        except (TypeError, ValueError):
            raise Unsupported("A schedule is no table of numbers.", field="schedule") from None
        named = {period for month in months for period in month}
        if len(months) != 12 or any(len(month) != 24 for month in months):
            raise Unsupported("A schedule is not 12 months of 24 hours.", field="schedule")
        if not named <= set(range(len(periods))) or not all(periods[number] for number in named):
            raise Unsupported("A schedule names a period that is not there.", field="schedule")
        days.append(months)
    return _Structure(periods, *days)


def _member(told: Any, name: str) -> Any:
    if not isinstance(told, dict) or told.get(name) is None:
        raise Unsupported(f"It has no {name}.", field=name)
    return told[name]


def _number(told: Any) -> Decimal:
    """Return a number, also where it is written as text; nothing is 0."""
    try:
        number = _NOTHING if told is None else Decimal(str(told))
    except ArithmeticError:
        raise Unsupported(f"{str(told)[:40]!r} is not a number.") from None
    if not number.is_finite():
        raise Unsupported(f"{told} is not a number.")
    return number


def _until(told: Any) -> Decimal | None:
    end = None if told is None else _number(told)
    return None if end is None or end > _ENDLESS else end


def _any(told: Any) -> bool:
    """Tell whether anything but zeros was said."""
    if isinstance(told, list):
        return any(map(_any, told))
    return bool(told) and told != 0
