"""Cashier batches over HTTP: taken, counted, closed, approved, listed."""

from typing import Any

import httpx
import pytest
from tests.api.test_v1_document import Json, answer_of, misfits
from tests.conftest import make_user, token_header
from tests.houses import House, small_house

from currant.access.model import OPERATOR, Actor, CreatePortal
from currant.access.verbs import create_portal
from currant.door import Door

PATH = "/v1/example/batches"
ROUTE = "/v1/{portal}/batches"


@pytest.fixture
async def house(door: Door, boss: Actor) -> House:
    return await small_house(door, boss)


@pytest.fixture
async def second(door: Door, portal: str) -> Actor:
    """A CSR3, who may close and approve what others took."""
    return await make_user(door, portal, "second", "CSR3")


@pytest.fixture
async def document(http) -> Json:
    return (await http.get("/v1/openapi.json")).json()


class Counter:
    """Requests as they are sent at a counter, each answer held against the document."""

    def __init__(self, http: httpx.AsyncClient, house: House, document: Json) -> None:
        self.http, self.house, self.document = http, house, document

    async def sell(self, actor: Actor, amount: str, tender: str = "cash") -> None:
        account = self.house.accounts[0]
        body = f'{{"account": "{account}", "tender": "{tender}", "amount": {amount}}}'
        sold = await self.http.post("/v1/example/vends", content=body, headers=token_header(actor))
        assert sold.status_code == 201, sold.text

    async def post(self, actor: Actor, path: str, body: str, **headers: str) -> httpx.Response:
        told = await self.http.post(
            f"{PATH}/{path}", content=body, headers=token_header(actor) | headers
        )
        self.hold(told, path, "post")
        return told

    async def get(self, actor: Actor, path: str = "", **params: Any) -> httpx.Response:
        url = f"{PATH}/{path}".rstrip("/")
        told = await self.http.get(url, params=params, headers=token_header(actor))
        self.hold(told, path, "get")
        return told

    def hold(self, told: httpx.Response, path: str, method: str) -> None:
        """Hold an answer or a problem against the document."""
        parts = ["{batch_id}" if part.isdigit() else part for part in path.split("/")]
        route = "/".join([ROUTE, *parts]).rstrip("/")
        schema = answer_of(self.document, route, method, told.status_code)
        assert misfits(self.document, schema, told.json()) == [], told.text


@pytest.fixture
def counter(http, house, document) -> Counter:
    return Counter(http, house, document)


async def test_a_day_at_the_counter(counter, cashier, second, boss, http) -> None:
    before = (await counter.get(cashier, "current")).json()
    assert (before["batch_id"], before["opened_at"], before["taken"]) == (None, None, 0)
    await counter.sell(cashier, "12.50")
    await counter.sell(cashier, "7.25", "check")
    now = (await counter.get(cashier, "current")).json()
    assert (now["tenders"], now["taken"], now["currency"]) == (2, 19.75, "USD")
    assert "counts" not in now
    number = now["batch_id"]
    seen = (await counter.get(second, f"{number}")).json()
    assert (seen["state"], seen["taken"], seen["counts"]) == ("open", 19.75, [])
    assert (seen["counted"], seen["difference"], seen["closed_by"]) == (None, None, None)
    closed = await counter.post(
        cashier, "current/close", '{"counted": {"cash": 12.25, "check": 7.25}, "note": "25 short"}'
    )
    assert closed.status_code == 200
    told = closed.json()
    assert told["counts"][0] == {
        "tender": "cash", "tenders": 1, "given_back": 0, "expected": 12.5, "counted": 12.25,
        "difference": -0.25,
    }  # fmt: skip
    assert (told["state"], told["counted"], told["difference"]) == ("closed", 19.5, -0.25)
    books = await http.get("/v1/example/trial-balance", headers=token_header(boss))
    sums = {row["coa"]: row["debit"] - row["credit"] for row in books.json()["data"]}
    assert (sums["1000"], sums["5300"]) == (19.5, 0.25)
    approved = await counter.post(second, f"{number}/approve", '{"note": "Seen."}')
    assert (approved.json()["state"], approved.json()["approved_by"]) == ("approved", "second")
    assert (await counter.get(second, f"{number}")).json() == approved.json()
    assert (await counter.get(second)).json() == {"data": [approved.json()], "next": None}


async def test_a_key_closes_once_and_is_answered_again(counter, cashier, second) -> None:
    await counter.sell(cashier, "10")
    body = '{"counted": {"cash": 10}}'
    first = await counter.post(cashier, "current/close", body, **{"Idempotency-Key": "k"})
    await counter.sell(cashier, "1")
    again = await counter.post(cashier, "current/close", body, **{"Idempotency-Key": "k"})
    assert (again.status_code, again.json()) == (200, first.json())
    assert (await counter.get(cashier, "current")).json()["taken"] == 1
    number = first.json()["batch_id"]
    for _ in range(2):
        told = await counter.post(
            second, f"{number}/approve", "{}", **{"Idempotency-Key": f"a{number}"}
        )
        assert (told.status_code, told.json()["state"]) == (200, "approved")
    other = '{"counted": {"cash": 11}}'
    reused = await counter.post(cashier, "current/close", other, **{"Idempotency-Key": "k"})
    assert reused.status_code == 422


@pytest.mark.parametrize(
    ("body", "status", "field", "words"),
    [
        ("", 400, None, "empty"),
        ("{}", 422, "counted", "counted is missing"),
        ('{"counted": {}}', 422, "counted.cash", "Count cash, or say that it is 0"),
        ('{"counted": {"card": 5}}', 422, "counted.cash", "Count cash"),
        ('{"counted": {"cash": -1}}', 422, "counted.cash", "counted.cash is -1"),
        ('{"counted": {"cash": 1.005}}', 422, "counted.cash", "more than 2 decimals"),
        ('{"counted": {"cash": "5"}}', 422, "counted.cash", "a number"),
        ('{"counted": {"cash": null}}', 422, None, "a number"),
        ('{"counted": {"cash": 1e30}}', 422, "counted.cash", "not 0 to"),
        ('{"counted": {"cash": NaN}}', 400, None, "JSON"),
        ('{"counted": {"gold": 5}}', 422, "counted", "they are cash, check, card, eft"),
        ('{"counted": {"a\\u0000": 5}}', 422, "counted", "no kind of tender"),
        ('{"counted": {"\\ud800": 5}}', 400, None, "JSON"),
        ('{"counted": [5]}', 422, "counted", "an object"),
        ('{"counted": {"cash": 10}, "float": 5}', 422, "float", "not known"),
        ('{"counted": {"cash": 10}, "note": "a\\u0000"}', 422, "note", "NUL"),
    ],
)
async def test_a_count_that_cannot_be_taken_closes_nothing(
    counter, cashier, owner, body, status, field, words
) -> None:
    await counter.sell(cashier, "10")
    refused = await counter.post(cashier, "current/close", body)
    assert refused.status_code == status, refused.text
    problem = refused.json()
    assert words in problem["detail"]
    assert "othing was" in problem["detail"]
    assert field is None or problem["field"] == field
    assert await owner.fetchval("select closed_at from batches.batch") is None
    assert await owner.fetchval("select count(*) from batches.count") == 0


async def test_what_is_not_there_or_done_already(counter, cashier, second, boss) -> None:
    nothing = await counter.post(cashier, "current/close", '{"counted": {}}')
    assert nothing.status_code == 404
    assert nothing.json()["detail"].startswith("There is no open batch; the first tender opens")
    for number in ("999", "9" * 25):
        assert (await counter.get(second, number)).status_code in (404, 422)
        for path, body in (("close", '{"counted": {}}'), ("approve", "{}")):
            refused = await counter.post(second, f"{number}/{path}", body)
            assert refused.status_code in (404, 422)
            assert refused.json()["field"] == "batch_id"
    await counter.sell(cashier, "10")
    number = (await counter.get(cashier, "current")).json()["batch_id"]
    early = await counter.post(boss, f"{number}/approve", "{}")
    assert early.status_code == 409
    closed = await counter.post(second, f"{number}/close", '{"counted": {"cash": 10}}')
    assert (closed.status_code, closed.json()["closed_by"]) == (200, "second")
    twice = await counter.post(second, f"{number}/close", '{"counted": {"cash": 10}}')
    assert (twice.status_code, twice.json()["field"]) == (409, "batch_id")
    own = await counter.post(second, f"{number}/approve", "{}")
    assert own.status_code == 403
    assert "second closed it" in own.json()["detail"]
    assert (await counter.post(boss, f"{number}/approve", "{}")).status_code == 200
    assert (await counter.post(boss, f"{number}/approve", "{}")).status_code == 409


async def test_who_may_and_where(counter, http, door, cashier, second) -> None:
    await counter.sell(cashier, "10")
    number = (await counter.get(cashier, "current")).json()["batch_id"]
    count = '{"counted": {"cash": 10}}'
    assert (await counter.get(cashier)).status_code == 403
    assert (await counter.get(cashier, f"{number}")).status_code == 403
    assert (await counter.post(cashier, f"{number}/close", count)).status_code == 403
    assert (await counter.post(cashier, f"{number}/approve", "{}")).status_code == 403
    await door.act(create_portal, CreatePortal("next", "Next", "UTC", "EUR", "N"), OPERATOR)
    stranger = await make_user(door, "next", "stranger", "SysAdmin", vendor_number="N")
    assert (await counter.get(stranger, f"{number}")).status_code == 403
    away = f"/v1/next/batches/{number}"
    head = token_header(stranger)
    assert (await http.get(away, headers=head)).status_code == 404
    assert (await http.post(f"{away}/close", content=count, headers=head)).status_code == 404
    assert (await http.get("/v1/next/batches", headers=head)).json()["data"] == []
    assert (await http.get(PATH)).status_code == 401


async def test_pages_and_filters(counter, cashier, second, boss) -> None:
    for place in range(5):
        actor = cashier if place % 2 else boss
        await counter.sell(actor, "1")
        await counter.post(actor, "current/close", '{"counted": {"cash": 1}}')
    await counter.sell(cashier, "1")
    every = [row["batch_id"] for row in (await counter.get(second)).json()["data"]]
    assert every == sorted(every, reverse=True)
    seen, cursor = [], None
    while True:
        page = await counter.get(second, limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [row["batch_id"] for row in page.json()["data"]]
        cursor = page.json()["next"]
        if cursor is None:
            break
    assert seen == every
    assert len(every) == 6

    async def logins(**params: str) -> list[str]:
        return [row["login"] for row in (await counter.get(second, **params)).json()["data"]]

    assert await logins(login="boss") == ["boss"] * 3
    assert await logins(state="open") == ["cashier1"]
    assert await logins(state="closed", login="cashier1") == ["cashier1"] * 2
    assert await logins(state="approved") == []
    wrong = await counter.get(second, state="lost")
    assert (wrong.status_code, wrong.json()["field"]) == (422, "state")
    parameters = counter.document["paths"][ROUTE]["get"]["parameters"]
    told = {parameter["name"]: parameter["schema"] for parameter in parameters}
    assert told["state"]["enum"] == ["open", "closed", "approved"]
    assert "login" in told
