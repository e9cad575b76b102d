"""A slip of paper: receipts and reports that a narrow printer prints, 44 columns wide."""

from collections.abc import Iterator
from textwrap import wrap

WIDTH = 44
RULE = "─" * WIDTH


def heading(*titles: str) -> Iterator[str]:
    """Yield the head of a slip: each title centred between rules, the first one above them."""
    first, *others = titles
    yield from map(centred, wrap(first, WIDTH))
    yield RULE
    for title in others:
        yield centred(title)
        yield RULE


def centred(text: str) -> str:
    """Set a text in the middle."""
    return text.center(WIDTH).rstrip()


def line(left: str, right: str) -> str:
    """Set a name and its value at both edges; a long name goes on in lines above."""
    room = WIDTH - len(right) - 1
    *above, last = wrap(left, max(room, 10), drop_whitespace=False) or [""]
    return "\n".join([*above, f"{last:<{room}} {right}"])
