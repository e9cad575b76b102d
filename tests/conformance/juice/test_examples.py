"""The examples themselves: that they are the document's, and that a wrong answer would be seen."""

import copy
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from tests.conformance.juice.examples import DOCUMENT, EXAMPLES, Example, differences, parsed

BY_NAME = {example.name: example for example in EXAMPLES}
AUTH = {"basic": "Basic ", "token": "token ", "none": "none", "basic-or-token": "caller"}


def test_ours_say_what_the_document_says() -> None:
    if not DOCUMENT.exists():
        pytest.skip("The document's examples are not beside this repository.")
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    theirs = [parsed(line) for line in lines if line.strip()]
    assert [told["name"] for told in theirs] == [example.name for example in EXAMPLES]
    for told, ours in zip(theirs, EXAMPLES, strict=True):
        documented = told.get("expect_body_corrected") or told["expect_body"] or {"error": 0}
        question = f"?{told['raw_query']}" if told["raw_query"] else ""
        assert (ours.method, ours.target) == (told["method"], told["path"] + question)
        assert (ours.type, ours.body) == (told["content_type"], told["body"])
        assert ours.status == told["expect_status"]
        exact = msgspec.structs.replace(ours, volatile={}, unordered=[])
        assert differences(exact, documented, ours.answer) == []
        assert ours.fixture == told.get("fixture", "F-COM")
        assert ours.zone == told.get("portal_tz", "America/New_York")
        assert ours.clock == told.get("frozen_now", ours.clock)
        assert ours.auth.startswith(AUTH[told["auth"]])
        assert ours.volatile.keys() <= set(told.get("volatile", []))
        assert ours.unordered == told.get("unordered", [])


def test_examples_of_a_fixture_share_its_clock_and_zone() -> None:
    settings = {(one.fixture, one.clock, one.zone) for one in EXAMPLES}
    assert len(settings) == len({one.fixture for one in EXAMPLES})


@pytest.mark.parametrize("example", [pytest.param(one, id=one.name) for one in EXAMPLES])
def test_any_change_of_an_answer_is_seen(example: Example) -> None:
    assert differences(example, example.answer, example.answer) == []
    changes = 0
    for changed in changes_of(example.answer, "", example):
        assert differences(example, example.answer, changed), changed
        changes += 1
    assert changes


def changes_of(value: Any, at: str, example: Example) -> Iterator[Any]:
    """Yield every copy of a value with one thing changed in it."""
    if at in example.volatile:
        yield "?"
    elif isinstance(value, dict):
        yield value | {"another": 0}
        for key in value:
            yield {name: member for name, member in value.items() if name != key}
            for changed in changes_of(value[key], f"{at}/{key}", example):
                yield value | {key: changed}
    elif isinstance(value, list):
        yield [*value, 0]
        if len(value) > 1 and at not in example.unordered:
            yield value[::-1]
        for place, item in enumerate(value):
            for changed in changes_of(item, f"{at}/{place}", example):
                yield [*value[:place], changed, *value[place + 1 :]]
    else:
        yield other(value)


def other(value: Any) -> Any:
    """Return another value: of the same look where the types differ, else of the same type."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | Decimal):
        return str(value) if value else False
    return None if value == "" else f"{value} "


def test_an_unordered_array_may_come_in_any_order() -> None:
    example = BY_NAME["wallet_get_values"]
    answer = copy.deepcopy(example.answer)
    answer["data"].reverse()
    assert differences(example, example.answer, answer) == []
    ordered = msgspec.structs.replace(example, unordered=[])
    assert differences(ordered, example.answer, answer) != []
    answer["data"][0] = answer["data"][1]
    assert differences(example, example.answer, answer) != []
