"""How what is printed for the counter looks: paper of 44 columns, names left, values right."""

from collections.abc import Iterator
from textwrap import wrap

WIDTH = 44
RULE = "─" * WIDTH


def heading(*titles: str) -> Iterator[str]:
    """Yield the titles that a paper begins with, each over a rule."""
    for title in titles:
        yield centered(title)
        yield RULE


def centered(text: str) -> str:
    """Set a text in the middle, in lines of its own where it is long."""
    return "\n".join(line.center(WIDTH).rstrip() for line in wrap(text, WIDTH))


def line(left: str, right: str) -> str:
    """Set a name and its value at both edges; a long name goes on in lines above."""
    room = WIDTH - len(right) - 1
    *above, last = wrap(left, max(room, 10), drop_whitespace=False) or [""]
    return "\n".join([*above, f"{last:<{room}} {right}"])
