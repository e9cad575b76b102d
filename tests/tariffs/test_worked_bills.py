"""The worked examples of regulators and utilities, to the unit they print, by tariffs as data."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.tariffs.published import FOLDER, published

from currant.money import half_up
from currant.tariffs.bills import BillCharges, Determinants, price_bills
from currant.tariffs.pricing import RateLine, TariffVersion, units_for
from currant.tariffs.rounding import Rounding
from currant.tariffs.terms import Basis, Per, PlanRate, RoundPer, Standing, Terms
from currant.tariffs.versions import PlanVersion

Figures = dict[str, Any]


def examples() -> list[Figures]:
    return published("worked_examples.json") if FOLDER else []


def by_id(name: str) -> tuple[Figures, Figures]:
    published("worked_examples.json")
    (found,) = (example for example in examples() if example["id"] == name)
    return found["inputs"], found["expected"]


def month(kwh: Decimal | int, days: int = 30, of_days: int = 30, **more: Any) -> Determinants:
    return Determinants([days], [of_days], {1: [int(kwh * 1000)]}, **more)


def blocks(told: list[list[Any]]) -> tuple[PlanRate, ...]:
    """Blocks told by where each ends, as B1, B2, …"""
    begins = [Decimal(0), *(Decimal(end) for end, _ in told[:-1])]
    return tuple(
        PlanRate(f"B{number}", Decimal(price), step_from=begin)
        for number, ((_, price), begin) in enumerate(zip(told, begins, strict=True), 1)
    )


def nets(charges: BillCharges) -> dict[str, Decimal]:
    return {line.tier or line.description: line.net for line in charges.explain(0)}


def gross(charges: BillCharges) -> Decimal:
    return sum((line.net + line.tax for line in charges.explain(0)), Decimal(0))


def test_blocks_capacity_and_levies() -> None:
    told, expected = by_id("na-erongored-850")
    levies = told["levies_per_kwh"]
    plan = PlanVersion(
        (
            *blocks(told["blocks"]),
            PlanRate("L", levies["ECB"]),
            PlanRate("L2", levies["NEF"]),
        ),
        (Standing("basic", Decimal(told["capacity"]["rate"]), Basis.KVA),),
    )
    usage = told["curr"] - told["prev"]
    charges = price_bills(plan, month(usage, capacity_va=[told["capacity"]["amps"] * 1000]))
    got = nets(charges)
    assert [got["B1"], got["B2"], got["B3"]] == expected["block_charges"]
    assert got["basic"] == expected["basic"]
    assert (got["L"], got["L2"]) == (expected["ECB"], expected["NEF"])
    assert gross(charges) == expected["total"]


def test_a_subsidy_of_the_first_units_and_a_charge_that_is_cut() -> None:
    told, expected = by_id("fj-efl-80")
    subsidy = told["subsidy"]
    plan = PlanVersion(
        (
            PlanRate("B1", told["rate"], taxable=True, rounding=Rounding.TRUNCATE),
            PlanRate("C", subsidy["rate"]),
            PlanRate("CB2", Decimal(0), step_from=Decimal(subsidy["first_kwh"])),
        ),
        tax_rate=told["vat"],
    )
    charges = price_bills(plan, month(told["kwh"]))
    assert nets(charges) == {"B1": expected["charge"], "C": -expected["subsidy"]}
    assert charges.tax() == [expected["vat"] * 100]
    assert gross(charges) == expected["total"]


def test_two_months_have_twice_the_slabs() -> None:
    told, expected = by_id("in-kseb-396-bimonthly")
    plan = PlanVersion(blocks(told["slabs_monthly"]))
    charges = price_bills(plan, month(told["kwh"], 30 * told["months"], 30))
    assert gross(charges) == expected["energy"]


def test_money_buys_units() -> None:
    told, expected = by_id("za-tshwane-2026-R200")
    begins = [0, *(end for end, _ in told["blocks"][:-1])]
    rates = zip(told["blocks"], begins, strict=True)
    version = TariffVersion(
        tuple(
            RateLine(f"B{number}", Decimal(price), "4005", begin)
            for number, ((_, price), begin) in enumerate(rates, 1)
        ),
        Decimal(0),
        2,
    )
    sale = units_for(version, int(told["tender"] * 100), told["already_this_month"])
    assert half_up(Decimal(sale.energy_wh) / 1000, 1) == expected["units"]


def test_a_lifeline_with_a_service_charge_to_its_last_decimal() -> None:
    told, expected = by_id("gh-ecg-30")
    plan = PlanVersion(
        (PlanRate("B1", told["rate"]),),
        (Standing("service", told["service_charge"], Basis.MONTHLY),),
        minor_units=5,
    )
    assert str(gross(price_bills(plan, month(told["kwh"])))) == expected["total"]


def test_water_by_a_yearly_allowance_that_is_rounded_up() -> None:
    told, expected = by_id("au-urbanutilities-80kL")
    plan = PlanVersion(
        (
            PlanRate("B1", told["tier1"], rounding=Rounding.UP),
            PlanRate(
                "B2",
                told["tier2"],
                step_from=Decimal(told["tier1_annual_kl"]),
                rounding=Rounding.UP,
            ),
            PlanRate("L", told["bulk"]),
        ),
        (
            Standing("water", told["water_access"], Basis.MONTHLY),
            Standing("sewer", told["sewer_access"], Basis.MONTHLY),
        ),
        terms=Terms(block_period=Per.YEAR, whole_blocks=True),
        unit="kL",
    )
    charges = price_bills(plan, month(told["kl"], told["days"], told["days"]))
    got = nets(charges)
    assert (got["B1"], got["B2"]) == (expected["tier1"], expected["tier2"])
    assert got["B1"] + got["B2"] == expected["tiers"]
    assert got["L"] == expected["bulk"]
    assert gross(charges) == expected["total"]


def test_pence_with_their_tax() -> None:
    told, expected = by_id("uk-elec-479")
    units = told["curr"] - told["prev"]
    assert units == expected["units"]
    pence = PlanVersion((PlanRate("B1", told["rate_p"], taxable=True),), tax_rate=told["vat"])
    charges = price_bills(pence, month(units))
    assert nets(charges)["B1"] == expected["pence"]
    assert gross(charges) == expected["total_p"]
    pounds = PlanVersion(
        (PlanRate("B1", told["rate_p"] / 100, taxable=True),),
        terms=Terms(round_per=RoundPer.BILL),
        tax_rate=told["vat"],
    )
    assert gross(price_bills(pounds, month(units))) == expected["total_gbp"]


def test_a_tender_holds_its_tax() -> None:
    told, expected = by_id("za-mangaung-90")
    rate = half_up(expected["net"] / expected["units"], 4)
    version = TariffVersion((RateLine("B1", rate, "4005", taxable=True),), told["vat"], 2)
    sale = units_for(version, int(told["tender"] * 100))
    (line,) = sale.lines
    assert (line.net_amount, line.tax_amount) == (expected["net"], expected["vat"])
    assert half_up(Decimal(sale.energy_wh) / 1000, 1) == expected["units"]


def test_supply_and_usage_rounded_as_a_bill() -> None:
    """Its lines are 2168 and 3858, and its total 6025: a cent of rounding stands between."""
    told, expected = by_id("au-qld-t11-2017")
    plan = PlanVersion(
        (PlanRate("B1", told["usage_c"], taxable=True),),
        (Standing("supply", told["supply_c_day"], Basis.DAILY, taxable=True),),
        terms=Terms(round_per=RoundPer.BILL),
        tax_rate=told["gst"],
        minor_units=0,
    )
    charges = price_bills(plan, month(told["kwh"], told["days"], told["days"]))
    with_tax = {line.tier or line.description: line.net + line.tax for line in charges.explain(0)}
    assert with_tax["supply"] == expected["supply_c"]
    assert with_tax["B1"] == expected["usage_c"]
    assert with_tax["Rounding"] == -1
    assert gross(charges) == expected["total_c"]


WORKED: dict[str, Callable[..., None]] = {
    "na-erongored-850": test_blocks_capacity_and_levies,
    "fj-efl-80": test_a_subsidy_of_the_first_units_and_a_charge_that_is_cut,
    "in-kseb-396-bimonthly": test_two_months_have_twice_the_slabs,
    "za-tshwane-2026-R200": test_money_buys_units,
    "gh-ecg-30": test_a_lifeline_with_a_service_charge_to_its_last_decimal,
    "au-urbanutilities-80kL": test_water_by_a_yearly_allowance_that_is_rounded_up,
    "uk-elec-479": test_pence_with_their_tax,
    "za-mangaung-90": test_a_tender_holds_its_tax,
    "au-qld-t11-2017": test_supply_and_usage_rounded_as_a_bill,
}


def test_every_worked_example_is_worked_here() -> None:
    """But for the one that turns a volume of gas into energy: registers of gas count energy."""
    published("worked_examples.json")
    assert {example["id"] for example in examples()} == WORKED.keys() | {"uk-gas-2m3"}
