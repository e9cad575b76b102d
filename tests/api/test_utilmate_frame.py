"""The door of the Utilmate face: who comes in, how a method is called, how it is answered."""

import json
from typing import Any

import httpx
import pytest
from tests.conftest import TOKENS, make_user, token_header
from tests.houses import small_house

from currant.access.model import OPERATOR, Actor, CreateAlias, CreateKey, RevokeKey
from currant.access.verbs import (
    Nothing,
    access_keys,
    create_alias,
    create_key,
    new_token,
    revoke_key,
)
from currant.door import Door

RPC = "/api/Utilmate/post"
PHONE = {
    "account_number": "00001", "product_type": "TELCO", "service_number": "0299990001",
    "start_date": "2026-03-01", "line_items": [{"item_code": "ADMIN", "unit_price": 25}],
}  # fmt: skip


async def make_key(door: Door, boss: Actor, name: str = "client", **more: Any) -> dict[str, str]:
    """An access key of the boss, as the header that carries it."""
    key, hashed = new_token()
    await door.act(create_key, CreateKey(name, "boss", hashed, **more), boss)
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
async def key(door: Door, boss: Actor) -> dict[str, str]:
    await small_house(door, boss)
    return await make_key(door, boss)


async def call(
    http: httpx.AsyncClient, key: dict[str, str], code: str, parameters: Any, **more: Any
) -> httpx.Response:
    told = {"companycode": "Example", "methodcode": code, "parameters": parameters} | more
    return await http.post(RPC, json=told, headers=key)


def rows(answer: httpx.Response) -> list[dict[str, Any]]:
    told = answer.json()
    assert (answer.status_code, told["error"]) == (200, 0), answer.text
    assert "error_message" not in told
    return told["data"]


def refused(answer: httpx.Response, status: int, error: int, *words: str) -> str:
    told = answer.json()
    assert (answer.status_code, told["error"], told["data"]) == (status, error, []), answer.text
    assert [word for word in words if word not in told["error_message"]] == [], answer.text
    return told["error_message"]


async def services(owner) -> int:
    return await owner.fetchval(
        "select count(*) from customers.agreement where location_id is null"
    )


async def test_a_method_is_called_by_its_code(http, key, owner) -> None:
    (row,) = rows(await call(http, key, "POSTPROVISION", [PHONE]))
    assert row == {
        "account_number": "00001", "cust_account_id": row["cust_account_id"],
        "service_number": "0299990001", "status": "ACTIVE", "line_item_ids": row["line_item_ids"],
        "result": "CREATED",
    }  # fmt: skip
    assert await services(owner) == 1


@pytest.mark.parametrize("path", ["/api/utilmate/POST", "/API/Utilmate/post/"])
async def test_the_path_is_taken_in_any_case(http, key, path: str) -> None:
    told = {"CompanyCode": "EXAMPLE", "methodCode": "postProvision", "Parameters": PHONE}
    assert len(rows(await http.post(path, json=told, headers=key))) == 1


@pytest.mark.parametrize("path", ["/utilmate/POSTPROVISION", "/Utilmate/postprovision"])
async def test_a_method_has_a_path_of_its_own(http, key, path: str) -> None:
    answer = await http.post(path, json=PHONE, headers=key)
    assert len(rows(answer)) == 1
    assert answer.json()["methodcode"] == "POSTPROVISION"


async def test_flat_items_and_other_spellings_are_read(http, key, owner) -> None:
    told = {
        "Account_Number": 1, "PRODUCT_TYPE": "telco", "service_number": 299990002,
        "start_date": "01/03/2026", "end_date": "", "plan_code": None,
        "item1_code": "ADMIN", "item1_unit_price": "12.50", "item1_price_includes_gst": "n",
        "item2_code": "CONN", "item2_unit_price": 3, "item2_frequency": "once",
    }  # fmt: skip
    (row,) = rows(await call(http, key, "POSTPROVISION", told))
    assert (row["account_number"], len(row["line_item_ids"])) == ("00001", 2)
    stored = await owner.fetch(
        "select item_code, unit_price, price_includes_tax, frequency "
        "from charges.line_item order by 1"
    )
    assert [tuple(line.values()) for line in stored] == [
        ("ADMIN", 12.5, False, "MONTHLY"),
        ("CONN", 3, True, "ONCE"),
    ]


async def test_several_items_are_done_together_and_told_apart(http, key, owner) -> None:
    items = [PHONE, PHONE | {"service_number": "2"}]
    told = rows(await call(http, key, "POSTPROVISION", items))
    assert [(row["item"], row["service_number"]) for row in told] == [(0, "0299990001"), (1, "2")]
    assert await services(owner) == 2


async def test_of_several_items_all_are_done_or_none(http, key, owner) -> None:
    for wrong in ({"account_number": "77777"}, {"service_number": "0299990001"}):
        items = [PHONE, PHONE | {"service_number": "2"} | wrong]
        answer = await call(http, key, "POSTPROVISION", items)
        told = answer.json()
        assert told["error"] == 201
        assert told["error_message"].startswith("parameters[1]: "), told
        assert "Nothing was" in told["error_message"]
        assert await services(owner) == 0


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"acount_number": "1"}, ["acount_number", "did you mean account_number?"]),
        ({"zzz": 1}, ["zzz is not a parameter of POSTPROVISION."]),
        ({"ACCOUNT_NUMBER": "1"}, ["account_number is sent twice"]),
        ({"start_date": "2026-13-01"}, ["start_date", "YYYY-MM-DD or DD/MM/YYYY"]),
        ({"start_date": 20260301}, ["start_date", "YYYY-MM-DD or DD/MM/YYYY"]),
        ({"start_date": "1026-01-01"}, ["start_date", "1900 to 2999"]),
        ({"start_date": None}, ["start_date is missing"]),
        ({"end_date": "2026-02-28"}, ["start_date 2026-03-01 is after end_date 2026-02-28"]),
        ({"product_type": "GAS"}, ["product_type", "one of ISP, TELCO"]),
        ({"account_number": "A1"}, ["account_number", "number of an account"]),
        ({"account_number": True}, ["account_number", "not text"]),
        ({"account_number": None}, ["at least one of account_number, site_identifier"]),
        ({"contract_months": "1.5"}, ["contract_months", "a whole number"]),
        ({"line_items": [{"item_code": "ADMIN"}]}, ["line_items[0].unit_price is missing"]),
        ({"line_items": [{"item_code": "ADMIN", "unit_price": "1e3"}]}, ["unit_price", "1e3"]),
        ({"line_items": [{"item_code": "ADMIN", "unit_price": 1.1234567}]}, ["unit_price"]),
        (
            {"line_items": [{"item_code": "ADMIN", "unit_price": 1, "gst": 1}]},
            ["line_items[0].gst"],
        ),
        ({"line_items": [1]}, ["line_items[0]", "an object"]),
        ({"line_items": []}, ["1 to 5 line items"]),
        ({"item1_code": "ADMIN"}, ["line_items is sent twice"]),
        ({"service_number": "a\0b"}, ["service_number", "NUL"]),
        ({"service_number": ["1"]}, ["service_number", "not text"]),
    ],
)
async def test_what_cannot_be_taken_is_named(http, key, owner, more, words: list[str]) -> None:
    refused(await call(http, key, "POSTPROVISION", PHONE | more), 406, 201, *words)
    assert await services(owner) == 0


SENT = '{"companycode":"example","methodcode":"POSTPROVISION","parameters":'


async def test_nothing_is_sent_twice(http, key, owner) -> None:
    item = json.dumps(PHONE)
    other = item[:-1] + ',"account_number":"00002"}'
    for path, body in (
        (RPC, f"{SENT}{other}}}"),
        (RPC, f'{SENT}{item},"parameters":{other}}}'),
        (RPC, f'{SENT}{item},"Parameters":{other}}}'),
        ("/utilmate/POSTPROVISION", other),
    ):
        answer = await http.post(path, content=body, headers=key)
        refused(answer, 406, 201, "is sent twice", "Nothing was")
    for query in ("account_number=1&account_number=2", "account_number=1&ACCOUNT_NUMBER=2"):
        answer = await http.get(f"/utilmate/GETCUST?companycode=example&{query}", headers=key)
        refused(answer, 406, 201, "account_number is sent twice")
    assert await services(owner) == 0


@pytest.mark.parametrize(
    ("told", "status", "words"),
    [
        ({"methodcode": "POSTPROVISION", "parameters": PHONE}, 406, ["companycode is missing"]),
        ({"companycode": "example", "parameters": PHONE}, 406, ["methodcode is missing"]),
        ({"companycode": "example", "methodcode": "POSTPROVISION"}, 406, ["parameters is missing"]),
        (
            {"companycode": "example", "methodcode": "POSTPROVISION", "parameter": PHONE},
            406,
            ["parameter is not known", "did you mean parameters?"],
        ),
        ({"companycode": 1, "methodcode": "X", "parameters": {}}, 406, ["companycode is not text"]),
        (
            {"companycode": "example", "methodcode": "POSTPROVISION", "parameters": []},
            406,
            ["parameters holds 0 items"],
        ),
        (
            {"companycode": "example", "methodcode": "POSTPROVISION", "parameters": [1]},
            406,
            ["parameters is neither an object nor a list"],
        ),
        ([], 406, ["body"]),
    ],
)
async def test_a_call_has_its_three_members(http, key, told, status: int, words) -> None:
    refused(await http.post(RPC, json=told, headers=key), status, 201, *words)


async def test_what_is_no_json_is_refused(http, key) -> None:
    for path in (RPC, "/utilmate/POSTPROVISION"):
        refused(await http.post(path, content=b"{", headers=key), 400, 201)


async def test_a_method_that_there_is_not(http, key) -> None:
    told = refused(await call(http, key, "GETCUSTS", {}), 404, 200, "did you mean GETCUST")
    assert "There is no method GETCUSTS" in told
    refused(await http.post("/utilmate/GETCUSTS", json={}, headers=key), 404, 200, "GETCUSTS")
    refused(await http.get("/utilmate/nothing/there", headers=key), 404, 200)


async def test_a_verb_of_http_that_a_path_does_not_take(http, key) -> None:
    for method, path in (("GET", RPC), ("GET", "/utilmate/POSTPROVISION"), ("PUT", RPC)):
        answer = await http.request(method, path, headers=key)
        refused(answer, 405, 200)
        assert answer.headers["allow"] == "POST"


# Who comes in


async def test_who_has_no_key_is_told_how_to_sign_in(http, key) -> None:
    for header in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Bearer {'0' * 8}-0000"}):
        answer = await call(http, header, "POSTPROVISION", PHONE)
        refused(answer, 401, 100)
        assert answer.headers["www-authenticate"].startswith("Bearer ")


async def test_wrong_keys_are_counted_and_right_ones_let_in(http, key) -> None:
    wrong = {"Authorization": f"Bearer {new_token()[0]}"}
    answers = [(await call(http, wrong, "POSTPROVISION", PHONE)).status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]
    assert rows(await call(http, key, "POSTPROVISION", PHONE))


async def test_a_key_is_taken_in_any_case_and_dead_when_revoked(http, door, boss, key) -> None:
    upper = {"Authorization": f"bearer {key['Authorization'][7:].upper()}"}
    assert rows(await call(http, upper, "POSTPROVISION", PHONE))
    (known,) = await door.ask(access_keys, Nothing(), boss)
    await door.act(revoke_key, RevokeKey(known.key_id), boss)
    refused(await call(http, key, "POSTPROVISION", PHONE), 401, 100)


async def test_the_company_is_the_portal_of_the_key(http, door, boss, key) -> None:
    for other in ("other", "Example Power", "nowhere"):
        told = refused(
            await call(http, key, "POSTPROVISION", PHONE, companycode=other),
            403,
            101,
            other.lower(),
        )
        assert told.startswith("companycode: ")
    await door.act(create_alias, CreateAlias("exa"), OPERATOR.at("example"))
    assert rows(await call(http, key, "POSTPROVISION", PHONE, companycode="EXA"))


async def test_a_key_calls_what_it_is_certified_for(http, door, boss, key) -> None:
    other = await make_key(door, boss, "other", methods=["GETCUST"])
    reading = await make_key(door, boss, "reading", read_only=True)
    told = refused(await call(http, other, "POSTPROVISION", PHONE), 403, 101)
    assert "not certified for POSTPROVISION" in told
    refused(await call(http, reading, "POSTPROVISION", PHONE), 403, 101, "may only read")


async def test_users_call_with_their_permission(http, door, boss, key) -> None:
    assert rows(await call(http, token_header(boss), "POSTPROVISION", PHONE))
    manager = await make_user(door, "example", "manager", "ComMGR")
    told = refused(await call(http, token_header(manager), "POSTPROVISION", PHONE), 403, 101)
    assert "manager lacks utilmate.api" in told
    bearer = {"Authorization": f"Bearer boss:{TOKENS['boss']}"}
    again = PHONE | {"service_number": "2"}
    assert rows(await http.post("/utilmate/POSTPROVISION", json=again, headers=bearer))


async def test_a_blocked_account_is_refused(http, door, boss, key) -> None:
    blocked = await make_user(door, "example", "robot", "SysAdmin", blocked_accounts="00001")
    answer = await call(http, token_header(blocked), "POSTPROVISION", PHONE)
    refused(answer, 403, 101, "00001", "blocked")


async def test_a_key_opens_no_other_face(http, key) -> None:
    assert (await http.get("/auth-test", headers=key)).status_code == 401
    assert (await http.get("/v1/example/users", headers=key)).status_code == 401


# What is repeated


async def test_a_repeat_with_its_key_is_answered_as_the_first_was(http, key, owner) -> None:
    header = key | {"Idempotency-Key": "once"}
    first = await call(http, header, "POSTPROVISION", PHONE)
    again = await call(http, header, "POSTPROVISION", dict(reversed(PHONE.items())))
    assert rows(first) == rows(again)
    assert await services(owner) == 1
    other = await call(http, header, "POSTPROVISION", PHONE | {"service_number": "2"})
    refused(other, 406, 201, "key was used before")


# The frame


async def test_the_document_and_its_page_are_there(http) -> None:
    told = (await http.get("/utilmate/openapi.json")).json()
    assert RPC in told["paths"]
    assert told["paths"]["/utilmate/POSTPROVISION"]["post"]["x-permission"]
    assert "/utilmate/openapi.json" in (await http.get("/docs/start.js")).text


async def test_head_is_answered_without_a_body(http, key) -> None:
    answer = await http.head("/utilmate/openapi.json", headers=key)
    assert (answer.status_code, answer.content) == (200, b"")


async def test_the_audit_log_knows_who_called_what(http, key, owner) -> None:
    rows(await call(http, key, "POSTPROVISION", PHONE))
    (event,) = await owner.fetch("select * from access.audit_event where act = 'provision'")
    assert (event["login"], event["outcome"]) == ("boss", "done")
    assert json.loads(event["command"])[0]["service_number"] == "0299990001"
