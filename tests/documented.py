"""The examples of JuiceAPI's document, for tests that run where they stand beside the project."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

DOCUMENT = Path(__file__).parents[2] / "shared" / "spec" / "juice_examples.jsonl"


def example(name: str) -> dict[str, Any]:
    """Return an example of the document, with exact numbers; skip the test where there is none."""
    if not DOCUMENT.exists():
        pytest.skip("The document's examples are not beside this repository.")
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    told = (json.loads(line, parse_float=Decimal) for line in lines if line.strip())
    return next(one for one in told if one["name"] == name)
