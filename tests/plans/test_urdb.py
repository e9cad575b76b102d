"""Tariffs of the URDB and its kin made plans of ours, and what their year costs."""

import json
from decimal import Decimal
from typing import Any

import pytest
from tests.tariffs.published import FOLDER, determined, published

from currant import wire
from currant.plans.model import CreatePlan
from currant.plans.urdb import Unsupported, plan_of
from currant.plans.versions import version_of
from currant.tariffs.bills import BillCharges, price_bills
from currant.tariffs.book import calendar_for
from currant.tariffs.columns import Determinants
from currant.tariffs.terms import Basis, BlocksOver, LineType, Per
from currant.tariffs.versions import PlanVersion

ALL_DAY = [[0] * 24 for _ in range(12)]
EVENINGS = [[0] * 16 + [1] * 5 + [0] * 3 for _ in range(12)]
TOLERANCE = Decimal("0.02")


def bills() -> list[dict[str, Any]]:
    return published("pysam_bills_shaped.json")["bills"] if FOLDER else []


def books() -> list[str]:
    return sorted(path.name for path in (FOLDER / "ratebook-cc0").glob("*")) if FOLDER else []


def version(plan: CreatePlan) -> PlanVersion:
    return version_of(plan, 2)


def monthly(charges: BillCharges, *line_types: LineType) -> list[Decimal]:
    """Money of each item, of lines of some types."""
    nets = [c.net_minor for c in charges.columns if c.term.line_type in line_types]
    return [Decimal(sum(month)) / 100 for month in zip(*nets, strict=True)]


@pytest.mark.parametrize("bill", bills(), ids=lambda bill: bill["tariff"].split("/")[-1])
def test_a_year_of_a_published_tariff_costs_what_nrel_reckons(bill: dict[str, Any]) -> None:
    load = published("pysam_bills_shaped.json")["load_8760"]
    plan = plan_of(published(bill["tariff"]))
    charges = price_bills(version(plan), determined(plan, load))
    for got, told in (
        (monthly(charges, LineType.USAGE), bill["monthly_energy"]),
        (monthly(charges, LineType.SUPPLY), bill["monthly_fixed"]),
    ):
        assert max(abs(one - other) for one, other in zip(got, told, strict=True)) <= TOLERANCE
    assert abs(Decimal(sum(charges.net())) / 100 - bill["annual_total"]) <= Decimal("0.05")


@pytest.mark.parametrize("name", books())
def test_every_published_tariff_becomes_a_plan(name: str) -> None:
    plan = plan_of(published(f"ratebook-cc0/{name}"), clock="America/New_York", years=[2026])
    assert plan.name
    assert version(plan).rates
    if plan.calendar:
        assert len(calendar_for(plan.calendar, frozenset(plan.calendar.holidays)).year()) <= 12


def test_a_tariff_of_the_urdb_itself_with_its_demand() -> None:
    """Three schedules meet in one calendar; NREL reckons the same to a coin for each line."""
    told = published("urdb_raw_urdbv7.json")
    plan = plan_of(told, name="Large")
    load = [Decimal(hour * 7919 % 400) for hour in range(8760)]
    charges = price_bills(version(plan), determined(plan, load))
    energy, demand, standing = (
        monthly(charges, kind) for kind in (LineType.USAGE, LineType.DEMAND, LineType.SUPPLY)
    )
    assert standing == [Decimal("35.28")] * 12
    expected = [by_hand(told, load, month) for month in range(12)]
    for month, (one, other) in enumerate(expected):
        assert abs(energy[month] - one) <= TOLERANCE
        assert abs(demand[month] - other) <= 2 * TOLERANCE


def by_hand(told: Any, load: list[Decimal], month: int) -> tuple[Decimal, Decimal]:
    """The energy and the demand of a month, hour by hour as the document says them."""
    first = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365]
    used: dict[int, Decimal] = {}
    peaks: dict[int, Decimal] = {}
    for hour in range(first[month] * 24, first[month + 1] * 24):
        day = "weekend" if hour // 24 % 7 >= 5 else "weekday"
        period = int(told[f"energy{day}schedule"][month][hour % 24])
        used[period] = used.get(period, Decimal(0)) + load[hour]
        period = int(told[f"demand{day}schedule"][month][hour % 24])
        peaks[period] = max(peaks.get(period, Decimal(0)), load[hour])
    total = sum(used.values(), Decimal(0))
    energy = sum(
        tiered(told["energyratestructure"][period], total) * kwh / total
        for period, kwh in used.items()
    )
    flat = told["flatdemandstructure"][int(told["flatdemandmonths"][month])]
    demand = tiered(flat, max(peaks.values())) + sum(
        tiered(told["demandratestructure"][period], kw) for period, kw in peaks.items()
    )
    return Decimal(energy), Decimal(demand)


def tiered(tiers: list[Any], quantity: Decimal) -> Decimal:
    amount = below = Decimal(0)
    for tier in tiers:
        amount += max(Decimal(0), min(quantity, tier["max"]) - below) * tier["rate"]
        below = tier["max"]
    return amount


# -- the shape of what comes out, by documents of our own


def document(**changes: Any) -> Any:
    told: dict[str, Any] = {
        "name": "Evening peak",
        "utility": "Example Power",
        "energyratestructure": [[{"rate": 0.1, "adj": 0.02}], [{"rate": 0.3}]],
        "energyweekdayschedule": EVENINGS,
        "energyweekendschedule": ALL_DAY,
        "fixedchargefirstmeter": 0.5,
        "fixedchargeunits": "$/day",
    }
    told |= changes
    kept = {name: value for name, value in told.items() if value is not None}
    return wire.decode(json.dumps(kept).encode(), object)


def test_buckets_of_one_calendar() -> None:
    plan = plan_of(document(), clock="-05:00")
    assert [(rate.tier, str(rate.rate)) for rate in plan.rates] == [
        ("T1", "0.120000000"),
        ("T2", "0.300000000"),
    ]
    assert plan.calendar is not None
    calendar = calendar_for(plan.calendar, frozenset())
    assert calendar.clock == "-05:00"
    assert calendar.weekday == ((0, 1), (960, 2), (1260, 1))
    assert calendar.weekend == ((0, 1),)
    assert [(c.description, c.amount, c.basis) for c in plan.charges] == [
        ("Fixed charge", Decimal("0.5"), Basis.DAILY)
    ]
    assert plan.description == "Example Power"


def test_a_tariff_that_no_clock_divides_keeps_plain_blocks() -> None:
    tiers = [{"rate": 0.1, "max": 10, "unit": "kWh daily"}, {"rate": 0.2, "unit": "kWh daily"}]
    plan = plan_of(
        document(energyratestructure=[tiers], energyweekdayschedule=ALL_DAY, sell=None), name="Flat"
    )
    assert (plan.name, plan.calendar) == ("Flat", None)
    assert [(rate.tier, rate.step_from) for rate in plan.rates] == [("B1", 0), ("B2", 10)]
    assert plan.terms.block_period is Per.DAY
    items = Determinants([30], [30], {1: [400_000]})
    assert price_bills(version(plan), items).net() == [300 * 10 + 100 * 20 + 1_500]


def test_seasons_wrap_around_the_year() -> None:
    summer = [[1] * 24 if month in (0, 1, 11) else [0] * 24 for month in range(12)]
    plan = plan_of(document(energyweekdayschedule=summer, energyweekendschedule=summer))
    assert plan.calendar is not None
    year = calendar_for(plan.calendar, frozenset()).year()
    assert [(season.month, season.weekday) for season in year] == [
        (1, ((0, 1),)),
        (3, ((0, 2),)),
        (12, ((0, 1),)),
    ]
    assert plan.terms.blocks_over is BlocksOver.TOTAL


def test_what_is_fed_in_is_credited_by_bucket() -> None:
    tiers = [[{"rate": 0.1, "sell": 0.04}], [{"rate": 0.3, "sell": 0.09}]]
    plan = plan_of(document(energyratestructure=tiers))
    sold = [(rate.tier, rate.rate) for rate in plan.rates if rate.tier[0] == "X"]
    assert sold == [("X1", Decimal("0.04")), ("X2", Decimal("0.09"))]


def test_demand_over_all_time_and_of_the_evenings() -> None:
    plan = plan_of(
        document(
            demandratestructure=[[{"rate": 0}], [{"rate": 8}]],
            demandweekdayschedule=EVENINGS,
            demandweekendschedule=ALL_DAY,
            flatdemandstructure=[[{"rate": 5, "max": 100}, {"rate": 4}]],
            flatdemandmonths=[0] * 12,
        )
    )
    demand = [(r.tier, r.rate, r.step_from, r.buckets) for r in plan.rates if r.tier[0] == "D"]
    assert demand == [("D1", 8, 0, [2]), ("D", 5, 0, []), ("DB2", 4, 100, [])]


def test_holidays_are_days_of_the_years_asked_for() -> None:
    book = {
        "identity": {"plan_name": "H", "utility_id": "U"},
        "energy": {"periods": [{"tiers": [{"rate": "0.1"}]}, {"tiers": [{"rate": "0.2"}]}]},
        "schedule": {
            "weekday": EVENINGS,
            "weekend": ALL_DAY,
            "holiday_policy": "as_weekend",
            "holidays": ["thanksgiving", "day_after_thanksgiving", "juneteenth"],
        },
    }
    told = wire.decode(json.dumps(book).encode(), object)
    plan = plan_of(told, years=[2026])
    assert plan.calendar is not None
    assert [str(day) for day in plan.calendar.holidays] == [
        "2026-06-19",
        "2026-11-26",
        "2026-11-27",
    ]


MANY = [[[month % 12] * 24 for month in range(12)]] * 2
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"energyratestructure": [[{"rate": 1}]] * 12, "energyweekdayschedule": MANY[0]}, "stretches"),
    ({"energyratestructure": [[{"rate": 1, "max": n + 1} for n in range(10)]] * 2}, "10 blocks"),
    ({"energyratestructure": [[{"rate": -1}], [{"rate": 1}]]}, "A rate is -1"),
    ({"energyratestructure": [[{"rate": 1, "max": 9, "unit": "kWh/kW"}, {"rate": 2}]] * 2}, "told"),
    (
        {"energyratestructure": [[{"rate": 1, "max": 9}, {"rate": 2, "max": 5}, {"rate": 1}]] * 2},
        "ascend",
    ),
    ({"energyratestructure": [[{"rate": 1, "max": 9, "sell": 1}, {"rate": 1}]] * 2}, "fed in"),
    ({"energyratestructure": [[{"rate": "much"}]] * 2}, "not a number"),
    ({"energyratestructure": [[{"rate": 1}]]}, "not there"),
    ({"energyweekdayschedule": [[0] * 24]}, "12 months"),
    ({"energyweekdayschedule": "all day"}, "no table"),
    ({"energyweekdayschedule": None}, "no energyweekdayschedule"),
    ({"fueladjustmentsmonthly": [0, 0.01]}, "fuel adjustments"),
    ({"demandratchetpercentage": [0.5]}, "ratchet"),
    ({"coincidentratestructure": [[{"rate": 2}]]}, "coincident"),
    ({"demandunits": "kVA"}, "kVA"),
    ({"fixedchargeunits": "$/year"}, r"\$/year"),
    ({"annualmincharge": 100}, "could bind"),
]


@pytest.mark.parametrize(("changes", "why"), REFUSED)
def test_what_could_not_be_billed_as_it_says_is_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(Unsupported, match=why) as refused:
        plan_of(document(**changes))
    assert "Nothing was created" in refused.value.message


def test_what_is_no_tariff_is_refused() -> None:
    for told in ([], {}, {"energy": 1}, {"energy": {"periods": []}, "schedule": {}}):
        with pytest.raises(Unsupported):
            plan_of(told)
