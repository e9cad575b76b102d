"""The quirk register of conformance.md, section 3: each of the 48 has a test named for it."""

import ast
from collections import Counter
from pathlib import Path

REGISTER = {f"q{number:02}" for number in range(1, 49)}


def test_every_quirk_has_a_test() -> None:
    tested = Counter(
        node.name[5:8]
        for path in sorted(Path(__file__).parent.glob("test_quirks_*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.AsyncFunctionDef) and node.name.startswith("test_q")
    )
    assert tested.keys() == REGISTER
