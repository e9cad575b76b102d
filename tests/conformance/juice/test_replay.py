"""Every documented example of JuiceAPI, byte for byte, against the served product.

Each is sent as documented, on a fixture that is as new. A POST is sent again with the other content
types that clients send, none included, for the endpoint chooses how a body is read; and again with
its members or columns the other way round. Bars in a query are sent escaped too.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace
from tests.conformance.juice.conftest import Stages
from tests.conformance.juice.examples import EXAMPLES, Example, faults

NAMES = {example.name for example in EXAMPLES}
REPLAYED: set[str] = set()


def variants(example: Example) -> Iterator[Any]:
    """Yield an example, and the other ways to send it."""
    name = example.name
    yield pytest.param(example, id=name)
    if "|" in example.target:
        escaped = replace(example, target=example.target.replace("|", "%7C"))
        yield pytest.param(escaped, id=f"{name}-escaped")
    if example.body is not None:
        for kind in example.other_types:
            yield pytest.param(replace(example, type=kind), id=f"{name}-{kind or 'none'}")
    if example.has_members:
        yield pytest.param(example.turned_round(), id=f"{name}-turned")


# Those of a fixture follow each other, so that it is built once.
IN_ORDER = sorted(EXAMPLES, key=lambda example: example.fixture)


async def replay(stages: Stages, example: Example) -> None:
    """Send an example and hold the answer against the documented one."""
    stage = await stages(example.fixture)
    headers = {} if example.type is None else {"Content-Type": example.type}
    if example.auth == "caller":
        headers |= stage.caller
    elif example.auth != "none":
        headers["Authorization"] = example.auth
    answer = await stage.send(example.method, example.target, example.body, **headers)
    assert faults(example, answer) == []


@pytest.mark.parametrize("example", [case for one in IN_ORDER for case in variants(one)])
async def test_example(stages: Stages, example: Example, request: pytest.FixtureRequest) -> None:
    await replay(stages, example)
    REPLAYED.add(request.node.callspec.id)


def test_all_51_examples_were_replayed() -> None:
    assert len(EXAMPLES) == len(NAMES) == 51
    assert not NAMES - REPLAYED
