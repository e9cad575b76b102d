"""The tiers of a tariff: what a new one has, how each is called, and where it is booked."""

from decimal import Decimal

from currant.tariffs.model import CreateTariff
from currant.tariffs.terms import Basis, PlanRate, Standing, tier_of

ENERGY_COA = "4005"
FUEL_COA = "4000"

_WORDS = {"A": "Fuel Charge", "B": "Block", "T": "Time of Use", "L": "Levy"}
_PLAN_WORDS = {"D": "Demand", "X": "Feed-in", "C": "Concession"}


def rates_of(command: CreateTariff) -> list[PlanRate]:
    """Return the rates of a new tariff: fuel, then blocks or buckets, then levies."""
    kind, count = ("T", 9) if command.type == 0 else ("B", command.type)
    energy = [f"{kind}{number}" for number in range(1, count + 1)]
    tiers = ["A"] * command.fuel_charge + energy + list(command.levies)
    return [
        PlanRate(
            tier,
            command.rate if tier in energy else Decimal(0),
            coa_of(tier),
            taxable=command.taxable and tier not in command.levies,
            description="" if command.type == 1 and tier == "B1" else description_of(tier),
        )
        for tier in tiers
    ]


def charges_of(command: CreateTariff) -> list[Standing]:
    """Return the fixed charges of a new tariff, whose amounts are set later."""
    charges = [("Fixed Charge", Basis.MONTHLY)] * command.fixed
    charges += [("kVA Fixed Charge", Basis.KVA)] * command.kva_fixed
    return [
        Standing(description, Decimal(0), basis, taxable=command.taxable)
        for description, basis in charges
    ]


def description_of(tier: str) -> str:
    """Return how a new line of a tier is called; the seed's samples say the words."""
    if tier[:1] in _WORDS and "B" not in tier[1:]:
        return f"{_WORDS[tier[:1]]} {tier[1:]}".strip()
    told = tier_of(tier)
    words = f"{(_WORDS | _PLAN_WORDS)[told.kind]} {told.bucket or ''}".strip()
    return words if told.block == 1 else f"{words}, Block {told.block}"


def coa_of(tier: str) -> str:
    """Return the chart account that a tier is booked to where nothing else is said."""
    return FUEL_COA if tier == "A" else ENERGY_COA
