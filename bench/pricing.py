"""Price three-block bills with their explanations, in memory."""

import random
import time
from decimal import Decimal

from common import Figure, median
from currant.tariffs.pricing import RateLine, TariffVersion, price

BILLS = 100_000
ROUNDS = 3


def measure() -> list[Figure]:
    """Price a batch of bills and expand every line of each."""
    version = TariffVersion(
        tuple(
            RateLine(f"B{number}", Decimal(rate), "4005", base, taxable=True)
            for number, (rate, base) in enumerate((("0.12", 0), ("0.18", 200), ("0.31", 600)), 1)
        ),
        Decimal("0.05"),
        2,
    )
    chance = random.Random(7)  # noqa: S311
    usage = [chance.randrange(1_500_000) for _ in range(BILLS)]
    rates = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        charges = price(version, {1: usage})
        lines = sum(len(charges.explain(bill)) for bill in range(BILLS))
        rates.append(BILLS / (time.perf_counter() - begin))
        assert lines > BILLS
    return [
        Figure("price 100,000 three-block bills, explained", "bills/s", median(rates), 0, "–", 0)
    ]


if __name__ == "__main__":
    print(measure())
