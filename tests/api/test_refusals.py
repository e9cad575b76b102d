"""What both faces say of what they do not take: the member at fault, and nothing was done."""

import json
from typing import Any

import httpx
import pytest
from tests.conftest import token_header
from tests.houses import small_house

from currant.access.model import Actor

PROBLEM = "application/problem+json"
TARIFF = {
    "portal": "example",
    "name": "HOME",
    "desc": "",
    "units": "kWh",
    "rate": 0.1,
    "type": 0,
    "fuel_charge": False,
    "levy1": False,
    "levy2": False,
    "levy3": False,
    "taxable": True,
    "fixed": False,
    "kva_fixed": False,
}
CALENDAR = {"name": "C", "clock": "UTC", "weekday": [{"minute": 0, "bucket": 1}]}
CHARGE = {"fixed_id": 1, "amount": 1}


async def post(http: httpx.AsyncClient, actor: Actor, path: str, body: Any, **more: str) -> Any:
    content = body if isinstance(body, str) else json.dumps(body)
    return await http.post(path, content=content, headers=token_header(actor) | more)


@pytest.mark.parametrize(
    ("member", "value", "told"),
    [
        ("desc", "a\0b", "desc: character 2 is a NUL."),
        ("desc", "x" * 10_001, "desc has 10001 characters; at most 10000 are taken."),
        ("type", 10**30, "type is out of range."),
        ("name", ..., "name is missing."),
        ("rate", "0.1", "rate: expected a number, got text."),
    ],
)
async def test_a_member_that_is_unfit_is_named_in_the_envelope(
    http, boss, owner, member, value, told
) -> None:
    body = {name: v for name, v in (TARIFF | {member: value}).items() if v is not ...}
    answer = await post(http, boss, "/tariff/create", body)
    assert (answer.status_code, answer.json()) == (
        406,
        {"error": 201, "error_message": f"{told} Nothing was done."},
    )
    assert await owner.fetchval("select count(*) from tariffs.tariff") == 0


@pytest.mark.parametrize(
    ("path", "body", "field", "told"),
    [
        ("vends", {"account": "1", "tender": "ca\0sh", "amount": 1}, "tender", "character 3"),
        ("vends", {"account": "1", "tender": "cash"}, "amount", "amount is missing"),
        ("calendars", CALENDAR | {"name": "x" * 20_000}, "name", "has 20000 characters"),
        ("tariffs/fixed-charges", CHARGE | {"fixed_id": 10**30}, "fixed_id", "out of range"),
        ("tariffs/fixed-charges", CHARGE | {"fixed_id": -(2**63)}, "fixed_id", ""),
    ],
)
async def test_a_member_that_is_unfit_is_named_in_a_problem(
    http, boss, path, body, field, told
) -> None:
    answer = await post(http, boss, f"/v1/example/{path}", body)
    assert answer.status_code in (404, 422), answer.text
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["field"] == field
    assert told in answer.json()["detail"]
    assert answer.json()["detail"].endswith("Nothing was done.")


@pytest.mark.parametrize("limit", ["1" + "0" * 4400, "9" * 11, "0" * 18 + "9" * 11, "²", "-1"])
async def test_a_limit_that_is_no_limit_is_named(http, boss, limit) -> None:
    answer = await http.get(
        f"/meters/get-meters?portal=example&limit={limit}", headers=token_header(boss)
    )
    assert answer.status_code == 406
    assert answer.json()["error_message"].startswith("The parameter limit is a number from 0 to")


async def test_a_question_is_refused_without_saying_that_nothing_was_done(http, boss) -> None:
    for path, field, told in (
        ("/v1/example/accounts/a%00/vends", "account", "account: character 2 is a NUL."),
        ("/v1/exa%00mple/trial-balance", "portal", "portal: character 4 is a NUL."),
        ("/v1/example/accounts/1/vends?limit=x", "limit", "limit"),
    ):
        answer = await http.get(path, headers=token_header(boss))
        assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
        assert told in answer.json()["detail"]
        assert "othing was done" not in answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("account=%ff", "The parameter account is not UTF-8."),
        ("account=a&note=%ed%a0%80", "The parameter note is not UTF-8."),
        ("%ff=1", "The parameter of the query string is not UTF-8."),
        ("account=a%00b", "The parameter account holds a NUL character."),
        ("x=&" * 1001, "There are more than 1000 parameters."),
    ],
)
async def test_a_parameter_that_cannot_be_read_is_named(http, boss, query, told) -> None:
    answer = await http.get(
        f"/customers/get-customer?portal=example&{query}", headers=token_header(boss)
    )
    assert (answer.status_code, answer.json()["error"]) == (406, 201)
    assert answer.json()["error_message"].endswith(told)


async def test_a_value_is_read_whole_and_told_cut(http, boss) -> None:
    for value in ("é", "%C3%A9"):
        query = f"portal=example&account={value}"
        answer = await http.get(f"/customers/get-customer?{query}", headers=token_header(boss))
        assert answer.json()["error_message"].endswith("'é'.")
    for query, cut in (
        (f"portal=example&account={'9' * 5000}", "9" * 40 + "'"),
        (f"portal={'p' * 5000}&account=1", "p…"),
    ):
        answer = await http.get(f"/customers/get-customer?{query}", headers=token_header(boss))
        assert answer.status_code in (403, 404)
        assert len(answer.json()["error_message"]) < 150
        assert cut in answer.json()["error_message"]


async def test_unknown_paths_and_verbs_are_told_in_the_dialect_of_their_entrance(http) -> None:
    for path in ("/v1", "/v1/", "/v1/zz", "/v1/openapi.json/zz", "/v1/a/b/c/d", "/v1/x/vends/1"):
        answer = await http.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM), path
        assert "There is no endpoint /v1" in answer.json()["detail"]
    for path in ("/", "/v1x", "/zz", "/schema", "/schema/openapi.json", "/" + "z" * 5000):
        answer = await http.get(path)
        assert (answer.status_code, answer.json()["error"]) == (404, 200), path
        assert len(answer.json()["error_message"]) < 150
    wrong = await http.delete("/v1/example/vends")
    assert (wrong.status_code, wrong.headers["content-type"]) == (405, PROBLEM)
    assert "POST" in wrong.headers["allow"]
    assert "/v1/example/vends takes" in wrong.json()["detail"]
    wrong = await http.delete("/auth-test")
    assert (wrong.status_code, wrong.json()["error"]) == (405, 200)
    assert "GET" in wrong.headers["allow"]
    assert wrong.json()["error_message"].endswith(", not DELETE.")


async def test_a_refusal_names_its_parameter(http, boss) -> None:
    """Whatever its kind."""
    for target, status, name in (
        ("/meters/get-meter?portal=example&serialnumber=X", 404, "serialnumber"),
        ("/meters/get-meter?portal=nowhere&serialnumber=X", 403, "portal"),
        ("/meters/get-meter?portal=example", 406, "serialnumber"),
        ("/customers/get-customer?portal=example&account=1", 404, "account"),
        ("/tariff/current/get?portal=example&tariff=X", 404, "tariff"),
    ):
        answer = await http.get(target, headers=token_header(boss))
        assert answer.status_code == status
        assert name in answer.json()["error_message"].lower()


async def test_the_document_of_the_native_face_is_served(http) -> None:
    answer = await http.get("/v1/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/vnd.oai.openapi+json")
    assert "/v1/{portal}/vends" in answer.json()["paths"]
    assert "/v1/openapi.json" not in answer.json()["paths"]


@pytest.mark.parametrize(
    "cursor", ["", "x", "MTI=", "LTE", "KzU", "OTk5OTk5OTk5OTk5OTk5OTk5OTk", "9" * 5000, "%C3%A9"]
)
async def test_a_cursor_of_somebody_elses_making_is_refused(http, boss, cursor) -> None:
    path = f"/v1/example/accounts/1/vends?cursor={cursor}"
    answer = await http.get(path, headers=token_header(boss))
    assert (answer.status_code, answer.json()["field"]) == (422, "cursor"), answer.text
    assert "none for the first page" in answer.json()["detail"]


async def test_a_key_compares_amounts_by_value(http, door, boss) -> None:
    house = await small_house(door, boss)
    told = []
    for amount in ("7", "7.00", "0.7e1", "7.01"):
        body = f'{{"account":"{house.accounts[0]}","tender":"cash","amount":{amount}}}'
        answer = await post(http, boss, "/v1/example/vends", body, **{"idempotency-key": "k"})
        told.append((answer.status_code, answer.json().get("vend_id")))
    (first, *again, other) = told
    assert first[0] == 201
    assert again == [first, first]
    assert other == (422, None)
