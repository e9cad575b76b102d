"""`make bench`: every figure beside its limit, medians, both from the same run and server."""

import asyncio
import json
import os
import platform
import sys
from pathlib import Path

import msgspec

import bills
import determinants
import drawdown
import get_meter
import nem12
import papers
import pricing
import pricing_bills
import questions
import reads
import vend
from common import Figure


def main() -> int:
    """Measure everything, print the table, keep it as JSON; 1 where a floor is not reached."""
    figures: list[Figure] = []
    for name, part in (
        ("vend", lambda: asyncio.run(vend.measure())),
        ("get-meter", lambda: asyncio.run(get_meter.measure())),
        ("questions", lambda: asyncio.run(questions.measure())),
        ("pricing", pricing.measure),
        ("pricing of bills", pricing_bills.measure),
        ("papers", papers.measure),
        ("reads", lambda: asyncio.run(reads.measure())),
        ("nem12", lambda: asyncio.run(nem12.measure())),
        ("determinants", lambda: asyncio.run(determinants.measure())),
        ("drawdown", lambda: asyncio.run(drawdown.measure())),
        ("bill runs", lambda: asyncio.run(bills.measure())),
    ):
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        measured = part()
        for figure in measured:
            print(f"  {figure.work}: {figure.ratio:.2f}", file=sys.stderr, flush=True)
        figures += measured
    print(table(figures))
    told = {"python": platform.python_version(), "cores": os.cpu_count()}
    out = Path(__file__).parents[1] / ".home" / "bench.json"
    out.write_bytes(msgspec.json.encode({**told, "figures": figures}))
    print(json.dumps(told), file=sys.stderr)
    return 0 if all(figure.ratio >= figure.reach for figure in figures) else 1


def table(figures: list[Figure]) -> str:
    """Write the figures as a Markdown table."""
    rows = [
        "| work | ours | limit, in the same run | ratio | floor | |",
        "|---|---|---|---|---|---|",
    ]
    for figure in figures:
        limit = f"{figure.limit:,.0f} ({figure.limit_is})" if figure.limit else "–"
        ratio = f"{figure.ratio:.2f}" if figure.limit else "–"
        floor = f"≥ {figure.reach}" if figure.limit else "–"
        rows.append(
            f"| {figure.work} | {figure.ours:,.0f} {figure.unit} | {limit} | {ratio} | {floor} "
            f"| {figure.note} |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
