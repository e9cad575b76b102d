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


PLAN = {
    "name": "TOWER-TOU",
    "rates": [
        {"tier": "T1", "rate": 0.21},
        {"tier": "T2", "rate": 0.34},
        {"tier": "D", "rate": 8.5, "step_from": 0},
        {"tier": "X", "rate": 0.05, "taxable": False},
    ],
    "charges": [{"description": "Daily charge", "amount": 1.1}],
    "calendar": {
        "name": "Evenings",
        "clock": "+10:00",
        "weekday": [{"minute": 0, "bucket": 1}],
        "seasons": [
            {
                "from_month": 6,
                "weekday": [{"minute": 0, "bucket": 1}, {"minute": 960, "bucket": 2}],
            }
        ],
    },
    "terms": {"block_period": "DAY"},
    "from": "2026-01-01T00:00:00Z",
}


async def test_a_plan_in_one_request_and_its_changes(http, boss) -> None:
    made = await post(http, boss, "/tariffs", PLAN)
    assert made.status_code == 201, made.text
    assert made.json()["name"] == "TOWER-TOU"
    later = "2026-07-01T00:00:00+10:00"
    rate = {"tariff": "TOWER-TOU", "tier": "T2", "rate": 0.36, "from": later}
    answer = await post(http, boss, "/tariffs/rates", rate)
    assert (answer.status_code, answer.json()["rate"]) == (201, 0.36), answer.text
    charge = {"tariff": "TOWER-TOU", "description": "Daily charge", "amount": 1.2, "from": later}
    answer = await post(http, boss, "/tariffs/charges", charge)
    assert (answer.status_code, answer.json()["basis"]) == (201, "DAILY"), answer.text
    shown = await http.get(f"{V1}/tariffs/TOWER-TOU", headers=token_header(boss))
    assert shown.status_code == 200, shown.text
    told = shown.json()
    assert [(row["tier"], row["rate"]) for row in told["rates"]] == [
        ("D", 8.5),
        ("T1", 0.21),
        ("T2", 0.34),
        ("X", 0.05),
    ]
    assert told["head"]["block_period"] == "DAY"
    assert told["head"]["calendar"] == "Evenings"
    future = await http.get(
        f"{V1}/tariffs/TOWER-TOU", params={"period": "future"}, headers=token_header(boss)
    )
    assert [(row["tier"], row["rate"]) for row in future.json()["rates"]] == [("T2", 0.36)]
    juice = await http.get(
        "/tariff/current/get",
        params={"portal": "example", "tariff": "TOWER-TOU"},
        headers=token_header(boss),
    )
    assert juice.json()["data"]["fixed"][0]["amount"] == 1.1


async def test_a_tariff_of_the_urdb_is_imported(http, boss) -> None:
    blocks = [{"max": 13.5, "rate": 0.11}, {"rate": 0.13}]
    document = {
        "name": "Residential",
        "energyratestructure": [[block | {"unit": "kWh daily"} for block in blocks]],
        "energyweekdayschedule": [[0] * 24] * 12,
        "energyweekendschedule": [[0] * 24] * 12,
    }
    made = await post(http, boss, "/tariffs/import", {"document": document})
    assert made.status_code == 201, made.text
    query = {"portal": "example", "tariff": "Residential"}
    juice = await http.get("/tariff/current/get", params=query, headers=token_header(boss))
    assert [(row["rate"], row["usage_base_start"]) for row in juice.json()["data"]["rate"]] == [
        (0.11, 0),
        (0.13, 13.5),
    ]
    refused = await post(http, boss, "/tariffs/import", {"document": {"energy": []}})
    assert (refused.status_code, refused.json()["field"]) == (422, "schedule")


async def test_offerings_agreements_and_building_defaults(http, door, boss, owner, home) -> None:
    await small_house(door, boss, tariff="OTHER", rate="0.25")
    await owner.execute(
        "insert into locations.building (portal_id, building_code, name, created_at, last_mod) "
        "select portal_id, 'TWR01', 'Tower One', now(), now() from access.portal"
        " where key = 'example'"
    )
    offering = {
        "code": "WELCOME",
        "description": "Ten off",
        "inducements": [{"kind": "PERCENT_OF_USAGE", "value": 10, "description": "10 % off"}],
    }
    made = await post(http, boss, "/offerings", offering)
    assert made.status_code == 201, made.text
    listed = await http.get(f"{V1}/offerings", headers=token_header(boss))
    assert listed.json() == {"data": [made.json()]}
    agreement = await owner.fetchval("select agreement_id from customers.agreement")
    body = {"agreement_id": agreement, "from": "2026-03-03T00:00:00Z", "offering": "WELCOME"}
    assigned = await post(http, boss, "/tariffs/agreements", body)
    assert assigned.status_code == 200, assigned.text
    assert [(row["tariff"], row["offering"]) for row in assigned.json()["data"]] == [
        (None, "WELCOME")
    ]
    body = {"building": "TWR01", "tariff": "HOME", "offering": "WELCOME", "direct_debit": True}
    default = await post(http, boss, "/building-defaults", body)
    assert default.status_code == 200, default.text
    told = await http.get(
        f"{V1}/building-defaults", params={"building": "twr01"}, headers=token_header(boss)
    )
    assert told.json() == default.json()
    for path, wrong, status, field in (
        ("/tariffs", PLAN | {"rates": [{"tier": "Q", "rate": 1}]}, 422, "tier"),
        ("/tariffs", PLAN | {"ratez": []}, 422, "ratez"),
        ("/tariffs", PLAN | {"terms": {"block_period": "WEEK"}}, 422, "terms.block_period"),
        ("/building-defaults", body | {"building": "NONE"}, 404, "building"),
        ("/building-defaults", body | {"customer_type": "CAT"}, 422, "customer_type"),
        ("/offerings", offering, 409, None),
    ):
        refused = await post(http, boss, path, wrong)
        assert (refused.status_code, refused.json().get("field")) == (status, field), refused.text
