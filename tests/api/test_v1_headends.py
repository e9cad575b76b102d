"""Requests to meters over the native API."""

from typing import Any

import httpx
import pytest
from tests.api.test_v1_document import answer_of, document, misfits
from tests.conftest import make_user, token_header
from tests.headends.asking import send, set_up
from tests.houses import House, small_house

from currant.access.model import Actor
from currant.door import Door

__all__ = ["document"]

PATH = "/v1/example/meters/requests"


@pytest.fixture
async def house(door: Door, boss: Actor) -> House:
    await set_up(door)
    return await small_house(door, boss, homes=3)


async def post(http: httpx.AsyncClient, actor: Actor, body: Any, **more: str) -> httpx.Response:
    return await http.post(PATH, json=body, headers=token_header(actor) | more)


async def listed(http: httpx.AsyncClient, actor: Actor, **query: object) -> Any:
    answer = await http.get(PATH, params=query, headers=token_header(actor))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_meters_are_asked_and_listed_as_the_document_says(
    http, door, boss, house, document
) -> None:
    body = {"command": "DISCONNECT", "serial_numbers": ["M2", "M1"], "reason": "tampered"}
    asked = await post(http, boss, body, **{"Idempotency-Key": "k"})
    assert asked.status_code == 201
    template = "/v1/{portal}/meters/requests"
    assert misfits(document, answer_of(document, template, "post", 201), asked.json()) == []
    rows = asked.json()["data"]
    assert [(row["serial_number"], row["state"], row["reason"]) for row in rows] == [
        ("M2", "PENDING", "tampered"),
        ("M1", "PENDING", "tampered"),
    ]
    again = await post(http, boss, body, **{"Idempotency-Key": "k"})
    assert again.json() == asked.json()
    await send(door)
    await post(http, boss, {"command": "READ", "serial_numbers": ["M1", "M3"]})
    told = await listed(http, boss)
    assert misfits(document, answer_of(document, template, "get", 200), told) == []
    assert [row["command"] for row in told["data"]] == ["READ"] * 2 + ["DISCONNECT"] * 2
    assert told["next"] is None
    sent = await listed(http, boss, serial_number="M1", state="SENT")
    assert [(row["command"], row["tries"]) for row in sent["data"]] == [("DISCONNECT", 1)]


async def test_pages_follow_each_other(http, boss, house) -> None:
    for command in ("READ", "STATUS"):
        await post(http, boss, {"command": command, "serial_numbers": house.serials})
    seen, cursor = [], {}
    while True:
        page = await listed(http, boss, limit=4, **cursor)
        seen += [row["number"] for row in page["data"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert len(seen) == 6
    assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize(
    ("body", "status", "field", "word"),
    [
        ({"serial_numbers": ["M1"]}, 422, "command", "missing"),
        ({"command": "READ"}, 422, "serial_numbers", "missing"),
        ({"command": "EXPLODE", "serial_numbers": ["M1"]}, 422, "command", ""),
        ({"command": "READ", "serial_numbers": []}, 422, "serial_numbers", "1 to 1000"),
        ({"command": "READ", "serial_numbers": "M1"}, 422, "serial_numbers", "list"),
        ({"command": "READ", "serial_numbers": [7]}, 422, "serial_numbers[0]", ""),
        ({"command": "READ", "serial_numbers": ["M\0"]}, 422, "serial_numbers[0]", "NUL"),
        ({"command": "READ", "serial_numbers": ["M1"], "when": 1}, 422, "when", "not known"),
        ({"command": "READ", "serial_numbers": ["M1", "M9"]}, 404, "serial_numbers", "'M9'"),
        ({"command": "CONNECT", "serial_numbers": ["M1"]}, 422, "reason", "needs a reason"),
    ],
)
async def test_what_is_wrong_is_named(http, boss, house, body, status, field, word) -> None:
    answer = await post(http, boss, body)
    assert (answer.status_code, answer.json()["field"]) == (status, field), answer.text
    assert word in answer.json()["detail"]
    assert "othing was" in answer.json()["detail"]
    assert (await listed(http, boss))["data"] == []


async def test_who_may_ask_and_who_may_look(http, door, portal, house) -> None:
    csr = await make_user(door, portal, "csr", "CSR3")
    vendor = await make_user(door, portal, "vendor", "VENDOR")
    engineer = await make_user(door, portal, "eng", "Engineer")
    body = {"command": "READ", "serial_numbers": ["M1"]}
    assert (await post(http, csr, body)).status_code == 403
    assert (await post(http, engineer, body)).status_code == 201
    assert len((await listed(http, csr))["data"]) == 1
    answer = await http.get(PATH, headers=token_header(vendor))
    assert answer.status_code == 403
    for query, field in (("state=lost", "state"), ("cursor=x", "cursor"), ("limit=0", "limit")):
        answer = await http.get(f"{PATH}?{query}", headers=token_header(csr))
        assert (answer.status_code, answer.json()["field"]) == (422, field)
    answer = await http.get(f"{PATH}?serial_number=M9", headers=token_header(csr))
    assert answer.status_code == 404
