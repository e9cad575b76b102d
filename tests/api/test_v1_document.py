"""The OpenAPI document says what the server takes and answers."""

from collections.abc import Iterator
from typing import Any

import pytest
from httpx import AsyncClient
from tests.conftest import token_header
from tests.houses import small_house
from tests.reads.meters import meters

Json = dict[str, Any]

# What is posted without a body: the path says it all.
BARE = {
    "/v1/{portal}/bill-runs/{run_id}/approve",
    "/v1/{portal}/keys/{key_id}/revoke",
    "/v1/{portal}/ledger/periods/{period}/close",
    "/v1/{portal}/receivables/receipts/{receipt_id}/paper",
    *(f"/v1/{{portal}}/users/{{login}}/{act}" for act in ("token", "activate", "deactivate")),
}


@pytest.fixture
async def document(http) -> Json:
    return (await http.get("/v1/openapi.json")).json()


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


async def test_a_summary_says_what_is_done_and_not_what_is_raised(http) -> None:
    for face in ("", "/utilmate", "/v1"):
        document = (await http.get(f"{face}/openapi.json")).json()
        summaries = [one["summary"] for _, _, one in operations(document)]
        assert all(summaries)
        assert not [told for told in summaries if "Raises" in told]


def refs(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (value for name, value in node.items() if name == "$ref")
        for part in node.values():
            yield from refs(part)
    elif isinstance(node, list):
        for part in node:
            yield from refs(part)


def shape(document: Json, schema: Json) -> Json:
    """A schema, or that which it refers to."""
    name = schema.get("$ref", "").removeprefix("#/components/schemas/")
    return document["components"]["schemas"][name] if name else schema


def misfits(document: Json, schema: Json, value: Any, path: str = "$") -> list[str]:
    """Where a value is not as a schema says."""
    schema = shape(document, schema)
    options = schema.get("anyOf")
    if options is not None:
        return min((misfits(document, one, value, path) for one in options), key=len)
    kinds = {
        "object": dict, "array": list, "string": str, "boolean": bool, "integer": int,
        "number": int | float, "null": type(None),
    }  # fmt: skip
    wanted = schema.get("type", [])
    named = [wanted] if isinstance(wanted, str) else wanted
    if named and not any(isinstance(value, kinds[kind]) for kind in named):
        return [f"{path} is {value!r}, not {named}"]
    if value not in schema.get("enum", [value]):
        return [f"{path} is {value!r}"]
    found = []
    if isinstance(value, dict) and "properties" in schema:
        found += [f"{path} lacks {name}" for name in schema["required"] if name not in value]
        for name, member in value.items():
            if name not in schema["properties"]:
                found.append(f"{path}.{name} is not told of")
            else:
                found += misfits(document, schema["properties"][name], member, f"{path}.{name}")
    if isinstance(value, list):
        for member in value:
            found += misfits(document, schema.get("items", {}), member, f"{path}[]")
    return found


def answer_of(document: Json, path: str, method: str, status: int) -> Json:
    response = document["paths"][path][method]["responses"][str(status)]
    (content,) = response["content"].values()
    return content["schema"]


async def test_every_operation_tells_its_answer_and_its_refusals(document) -> None:
    assert {ref.removeprefix("#/components/schemas/") for ref in refs(document)} <= set(
        document["components"]["schemas"]
    )
    names = [operation["operationId"] for *_, operation in operations(document)]
    assert len(set(names)) == len(names) >= 14
    for path, method, operation in operations(document):
        well = [code for code in operation["responses"] if code < "300"]
        assert len(well) == 1, path
        assert answer_of(document, path, method, int(well[0])), path
        assert {"401", "403", "404", "422"} <= set(operation["responses"]), path
        assert ("requestBody" in operation) == (method in ("post", "put") and path not in BARE), (
            path
        )
    schemes = document["components"]["securitySchemes"]
    assert {name for one in document["security"] for name in one} == set(schemes)
    assert document["components"]["schemas"]["Vend"]["properties"]["tender"]["enum"] == [
        "cash", "check", "card", "eft",
    ]  # fmt: skip


async def test_the_examples_are_what_is_taken(document) -> None:
    for path, _, operation in operations(document):
        body = operation.get("requestBody", {"content": {}})["content"]
        if "application/json" in body:
            content = body["application/json"]
            example = content["examples"]["example"]["value"]
            assert misfits(document, content["schema"], example) == [], path


async def test_the_answers_are_as_told(http: AsyncClient, door, boss, document) -> None:
    house = await small_house(door, boss, homes=1, wallet="units", rate="0.25")
    account, head = house.accounts[0], token_header(boss)
    sale = {"account": account, "tender": "cash", "amount": 12.5}
    quoted = await http.post("/v1/example/vends/quote", json=sale | {}, headers=head)
    assert quoted.status_code == 422
    problem = answer_of(document, "/v1/{portal}/vends/quote", "post", 422)
    assert misfits(document, problem, quoted.json()) == []
    del sale["tender"]
    quoted = await http.post("/v1/example/vends/quote", json=sale, headers=head)
    told = answer_of(document, "/v1/{portal}/vends/quote", "post", 200)
    assert misfits(document, told, quoted.json()) == []
    sold = await http.post("/v1/example/vends", json=sale | {"tender": "card"}, headers=head)
    told = answer_of(document, "/v1/{portal}/vends", "post", 201)
    assert misfits(document, told, sold.json()) == []
    assert misfits(document, told, sold.json() | {"amount": "12.5"}) != []
    number = sold.json()["transaction_id"]
    receipt = await http.get(f"/v1/example/receipts/{number}", headers=head)
    assert receipt.json() == sold.json()
    reads = f"serialnumber,datetime,sumforwardactive\nM9,2026-03-01T00:00:00Z,5\nM8,{AT},6\n"
    await http.post(
        "/meters/reads/insert?portal=example&source=mas&format=CSV", content=reads, headers=head
    )
    for path in (
        "/accounts/{account}/vends", "/accounts/{account}/ledger", "/trial-balance",
        "/accounts/{account}/trial-balance", "/reads/quarantine",
    ):  # fmt: skip
        answer = await http.get(f"/v1/example{path.format(account=account)}", headers=head)
        told = answer_of(document, f"/v1/{{portal}}{path}", "get", 200)
        assert answer.json()["data"], path
        assert misfits(document, told, answer.json()) == [], path


AT = "2026-03-01T00:00:00Z"


async def test_what_is_in_quarantine_is_released(http: AsyncClient, owner, boss, document) -> None:
    await meters(owner, "M1")
    head = token_header(boss)
    reads = "serialnumber,datetime,sumforwardactive\n" + "".join(
        f"M1,2026-02-{day:02}T00:00:00Z,{kwh}\n" for day, kwh in ((1, 1), (2, 2), (3, 900))
    )
    await http.post(
        "/meters/reads/insert?portal=example&source=mas&format=CSV", content=reads, headers=head
    )
    listed = await http.get("/v1/example/reads/quarantine?limit=1", headers=head)
    (suspect,) = listed.json()["data"]
    assert (suspect["reason"], suspect["value"], suspect["before_value"]) == ("HIGH", 900_000, 2000)
    path = "/v1/example/reads/quarantine/release"
    body = {"quarantine_ids": [suspect["quarantine_id"]]}
    done = await http.post(path, json=body, headers=head | {"Idempotency-Key": "r1"})
    assert done.status_code == 200
    told = answer_of(document, "/v1/{portal}/reads/quarantine/release", "post", 200)
    assert misfits(document, told, done.json()) == []
    assert [read["usage_wh"] for read in done.json()["data"]] == [898_000]
    again = await http.post(path, json=body, headers=head | {"Idempotency-Key": "r1"})
    assert again.json() == done.json()
    refused = await http.post(path, json=body, headers=head)
    assert refused.status_code == 409
    assert (await http.get("/v1/example/reads/quarantine", headers=head)).json()["data"] == []
    assert (await http.post(path, json={"quarantine_ids": [10**30]}, headers=head)).status_code in (
        404,
        422,
    )
    assert (await http.post(path, json=body)).status_code == 401


async def test_what_is_in_quarantine_is_rejected(http: AsyncClient, boss, document) -> None:
    head = token_header(boss)
    reads = f"serialnumber,datetime,sumforwardactive\nM9,{AT},5\nM8,{AT},6\n"
    await http.post(
        "/meters/reads/insert?portal=example&source=mas&format=CSV", content=reads, headers=head
    )
    listed = await http.get("/v1/example/reads/quarantine", headers=head)
    wrong, other = listed.json()["data"]
    path = "/v1/example/reads/quarantine/reject"
    body = {"quarantine_ids": [wrong["quarantine_id"]], "reason": "no such meter"}
    done = await http.post(path, json=body, headers=head | {"Idempotency-Key": "r1"})
    assert done.status_code == 200
    told = answer_of(document, "/v1/{portal}/reads/quarantine/reject", "post", 200)
    assert misfits(document, told, done.json()) == []
    assert [read["serial_number"] for read in done.json()["data"]] == [wrong["serial_number"]]
    again = await http.post(path, json=body, headers=head | {"Idempotency-Key": "r1"})
    assert again.json() == done.json()
    for decision in ("reject", "release"):
        plain = {"quarantine_ids": body["quarantine_ids"]}
        refused = await http.post(path.replace("reject", decision), json=plain, headers=head)
        assert (refused.status_code, refused.json()["field"]) == (409, "quarantine_ids")
        assert "send it again" in refused.json()["detail"]
    listed = await http.get("/v1/example/reads/quarantine", headers=head)
    assert listed.json()["data"] == [other]
    assert (await http.post(path, json=body)).status_code == 401


async def test_arrears_and_locations_are_as_told(http: AsyncClient, door, boss, document) -> None:
    house = await small_house(door, boss)
    account, loc_id, head = house.accounts[0], house.loc_ids[0], token_header(boss)
    sent = f"account,startdate,amount,paid\n{account},2026-03-01T00:00:00Z,20,5\n{account},,7,\n"
    path = "/file-importer/balance-adj/arrears?portal=example"
    assert (await http.post(path, content=sent, headers=head)).status_code == 200

    async def asked(
        method: str, path: str, body: Any = None, status: int = 200, **names: Any
    ) -> Any:
        answer = await http.request(
            method, f"/v1/example{path.format(**names)}", json=body, headers=head
        )
        assert answer.status_code == status, answer.text
        told = answer_of(document, f"/v1/{{portal}}{path}", method.lower(), status)
        assert misfits(document, told, answer.json()) == [], path
        return answer.json()

    listed = await asked("GET", "/accounts/{account}/arrears", account=account)
    bare, paid = listed["data"]
    assert (bare["start_at"], bare["payments"], len(paid["payments"])) == (None, [], 1)
    order = {"items": [{"arrears_id": paid["arrears_id"]}], "note": "n"}
    await asked("POST", "/arrears/write-off", order)
    plan = "/arrears/{arrears_id}/plan"
    await asked("POST", plan, {"pay_plan": 5, "start": None}, arrears_id=bare["arrears_id"])
    await asked("POST", "/arrears/types", {"name": "New", "coa": "4910"}, 201)
    await asked("GET", "/arrears/types")
    await asked("POST", "/arrears/types/retire", {"name": "New"})
    await asked("POST", "/locations/{loc_id}", {"kva": 1.5}, loc_id=loc_id)
    shown = await asked("GET", "/locations/{loc_id}", loc_id=loc_id)
    assert (shown["kva"], shown["meter_installed_at"]) == (1.5, None)
