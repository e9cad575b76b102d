"""The native tariff verbs over real HTTP; what they do is told in tests/tariffs."""

import json
from typing import Any

import httpx
import pytest
from tests.conftest import token_header
from tests.houses import small_house

from currant.access.model import Actor
from currant.tariffs.model import CreateTariff
from currant.tariffs.verbs import create_tariff

V1 = "/v1/example"


@pytest.fixture
async def home(door, boss) -> None:
    command = CreateTariff(
        "HOME", "", "", "kWh", 0, 1, True, False, (), fixed=True, kva_fixed=False
    )
    await door.act(create_tariff, command, boss)


async def post(http: httpx.AsyncClient, actor: Actor, path: str, body: Any, **more: str) -> Any:
    return await http.post(V1 + path, content=json.dumps(body), headers=token_header(actor) | more)


async def test_tax_from_an_instant(http, boss) -> None:
    body = {"rate": 0.05, "from": "2026-04-01T00:00:00-04:00"}
    answer = await post(http, boss, "/taxes", body)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "data": [{"start_at": "2026-04-01T04:00:00Z", "end_at": None, "rate": 0.05}]
    }


async def test_a_calendar_is_created_attached_and_detached(http, boss, home) -> None:
    calendar = {
        "name": "Peak",
        "clock": "Australia/Sydney",
        "weekday": [{"minute": 0, "bucket": 1}, {"minute": 420, "bucket": 2}],
        "holidays": ["2026-03-03"],
        "country": "AU",
        "years": [2026],
    }
    answer = await post(http, boss, "/calendars", calendar)
    assert answer.status_code == 201, answer.text
    assert {"2026-01-26", "2026-03-03"} < set(answer.json()["holidays"])
    for name in ("Peak", None):
        body = {"tariff": "HOME", "calendar": name}
        answer = await post(http, boss, "/tariffs/calendar", body)
        assert (answer.status_code, answer.json()) == (200, body)


async def test_the_amount_of_a_fixed_charge(http, boss, home) -> None:
    query = {"portal": "example", "tariff": "HOME"}
    shown = await http.get("/tariff/current/get", params=query, headers=token_header(boss))
    fixed_id = shown.json()["data"]["fixed"][0]["id"]
    body = {"fixed_id": fixed_id, "amount": 12.5}
    answer = await post(http, boss, "/tariffs/fixed-charges", body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["amount"] == 12.5
    shown = await http.get("/tariff/current/get", params=query, headers=token_header(boss))
    assert shown.json()["data"]["fixed"][0]["amount"] == 12.5


async def test_a_meter_is_put_on_a_tariff(http, boss, owner, home) -> None:
    await owner.execute(
        "insert into metering.meter (portal_id, serial_number, device_id, com_type, wallet_kind, "
        "created_at, last_mod) select portal_id, 'M1', '', 'AMR', 'units', now(), now() "
        "from access.portal"
    )
    body = {"serial_number": "M1", "tariff": "HOME", "from": "2026-01-01T00:00:00Z"}
    for _ in range(2):
        answer = await post(http, boss, "/tariffs/assignments", body, **{"idempotency-key": "once"})
        assert answer.status_code == 200, answer.text
        (row,) = answer.json()["data"]
        assert row.pop("assignment_id") > 0
        assert row == {
            "tariff": "HOME",
            "start_at": "2026-01-01T00:00:00Z",
            "end_at": None,
            "assigned_by": "boss",
        }


async def test_refusals_are_problems(http, boss, cashier, home) -> None:
    meter = {"serial_number": "M1", "tariff": "HOME", "from": "2026-01-01T00:00:00Z"}
    for path, body, status, field in (
        ("/taxes", {"rate": 5, "from": "2026-01-01T00:00:00Z"}, 422, "rate"),
        ("/taxes", {"rate": 0.1, "from": "2026-01-01T00:00:00"}, 422, "from"),
        ("/taxes", {"rate": 0.1}, 422, "from"),
        ("/taxes", {"rate": 0.1, "from": "2026-01-01T00:00:00Z", "til": 1}, 422, "til"),
        ("/calendars", {"name": "C", "clock": "Mars", "weekday": []}, 422, "clock"),
        ("/tariffs/calendar", {"tariff": "HOME", "calendar": "Off"}, 404, "calendar"),
        ("/tariffs/fixed-charges", {"fixed_id": 99, "amount": 1}, 404, "fixed_id"),
        ("/tariffs/assignments", meter, 404, "serial_number"),
    ):
        answer = await post(http, boss, path, body)
        assert (answer.status_code, answer.json()["field"]) == (status, field), answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert (await http.post(V1 + path, content=json.dumps(body))).status_code in (401, 422)
    denied = await post(http, cashier, "/taxes", {"rate": 0, "from": "2026-01-01T00:00:00Z"})
    assert denied.status_code == 403


async def test_the_document_tells_every_act_and_its_body(http) -> None:
    document = (await http.get("/v1/openapi.json")).json()
    for path, required in {
        "/v1/{portal}/taxes": {"rate", "from"},
        "/v1/{portal}/calendars": {"name", "clock", "weekday"},
        "/v1/{portal}/tariffs/calendar": {"tariff", "calendar"},
        "/v1/{portal}/tariffs/fixed-charges": {"fixed_id", "amount"},
        "/v1/{portal}/tariffs/assignments": {"serial_number", "tariff", "from"},
    }.items():
        act = document["paths"][path]["post"]
        name = act["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        schema = document["components"]["schemas"][name.removeprefix("#/components/schemas/")]
        assert set(schema["required"]) == required, path
        assert act["summary"], path


@pytest.mark.parametrize("when", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
async def test_the_ends_of_time_are_refused_and_vending_goes_on(http, door, boss, when) -> None:
    """The driver stores the first and the last instant as infinities, which no clock compares."""
    house = await small_house(door, boss)
    head = token_header(boss)
    body = f'{{"rate": 0, "from": "{when}"}}'
    refused = await http.post("/v1/example/taxes", content=body, headers=head)
    assert refused.status_code == 422, refused.text
    body = f'{{"serial_number": "M1", "tariff": "SBT", "from": "{when}"}}'
    await http.post("/v1/example/tariffs/assignments", content=body, headers=head)
    sale = f'{{"account": "{house.accounts[0]}", "tender": "cash", "amount": 5}}'
    assert (await http.post("/v1/example/vends", content=sale, headers=head)).status_code == 201


async def test_a_parameter_out_of_range_is_named(http, boss) -> None:
    path = "/v1/example/accounts/00001/vends?limit=0"
    refused = await http.get(path, headers=token_header(boss))
    assert refused.status_code == 422
    assert "limit" in refused.json()["detail"]
