"""Every documented example of JuiceAPI, byte for byte, against the served product.

A POST is sent three times, each on a fresh fixture: as documented, and with the other content types
that clients send, none included, for the endpoint chooses how a body is read.
"""

import msgspec
import pytest
from tests.conformance.juice.conftest import Stages
from tests.conformance.juice.examples import EXAMPLES, Example, faults

REPLAYED: set[str] = set()
NAMES = {example.name for example in EXAMPLES}
# Those of a fixture follow each other, so that it is built once.
IN_ORDER = sorted(EXAMPLES, key=lambda example: example.fixture)
OTHERWISE = [(one, kind) for one in IN_ORDER if one.body is not None for kind in one.other_types]


async def replay(stages: Stages, example: Example, kind: str | None) -> None:
    """Send an example with a content type, and hold the answer against the documented one."""
    stage = await stages(example.fixture)
    headers = {} if kind is None else {"Content-Type": kind}
    if example.auth == "caller":
        headers |= stage.caller
    elif example.auth != "none":
        headers["Authorization"] = example.auth
    answer = await stage.send(example.method, example.target, example.body, **headers)
    assert faults(example, answer) == []


@pytest.mark.parametrize("example", [pytest.param(one, id=one.name) for one in IN_ORDER])
async def test_example(stages: Stages, example: Example) -> None:
    await replay(stages, example, example.type)
    REPLAYED.add(example.name)


@pytest.mark.parametrize(
    ("example", "kind"),
    [pytest.param(one, kind, id=f"{one.name}-{kind or 'none'}") for one, kind in OTHERWISE],
)
async def test_content_type(stages: Stages, example: Example, kind: str | None) -> None:
    await replay(stages, example, kind)


@pytest.mark.parametrize(
    "example", [pytest.param(one, id=one.name) for one in IN_ORDER if one.has_members]
)
async def test_members_in_another_order(stages: Stages, example: Example) -> None:
    await replay(stages, example.turned_round(), example.type)


@pytest.mark.parametrize(
    "example", [pytest.param(one, id=one.name) for one in IN_ORDER if "|" in one.target]
)
async def test_escaped_bars(stages: Stages, example: Example) -> None:
    escaped = msgspec.structs.replace(example, target=example.target.replace("|", "%7C"))
    await replay(stages, escaped, None)


def test_all_51_examples_were_replayed() -> None:
    assert len(EXAMPLES) == len(NAMES) == 51
    assert set() == NAMES - REPLAYED
