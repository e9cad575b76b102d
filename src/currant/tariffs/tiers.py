"""The tiers of a tariff: fuel (A), blocks (B1 to B9) or time-of-use buckets (T1 to T9), levies."""

from currant.tariffs.model import CreateTariff

_WORDS = {"A": "Fuel Charge", "B": "Block", "T": "Time of Use", "L": "Levy"}


def tiers_of(command: CreateTariff) -> list[str]:
    """Return the tiers of a new tariff: fuel, then blocks or buckets, then levies."""
    kind, count = ("T", 9) if command.type == 0 else ("B", command.type)
    energy = [f"{kind}{number}" for number in range(1, count + 1)]
    return ["A"] * command.fuel_charge + energy + list(command.levies)


def description_of(tier: str) -> str:
    """Return how a new line of a tier is called; the seed's samples say the words."""
    return f"{_WORDS.get(tier[:1], '')} {tier[1:]}".strip()
