"""Receipts, adjustments and debtors over HTTP, each answer held against the document."""

import json
from typing import Any

import httpx
import pytest
from tests.api.test_v1_document import Json, answer_of, misfits
from tests.conftest import make_user, token_header
from tests.houses import House
from tests.postpaid import bill, postpaid_house, sound

from currant.access.model import Actor
from currant.door import Door

ROOT = "/v1/example"


@pytest.fixture
async def house(door: Door, boss: Actor, owner) -> House:
    return await postpaid_house(door, boss, owner, homes=2, rate="0.25", wallet="currency")


class Office:
    """Requests as an office sends them."""

    def __init__(self, http: httpx.AsyncClient, actor: Actor, document: Json) -> None:
        self.http, self.actor, self.document = http, actor, document

    async def post(self, path: str, body: Any, status: int = 200, **headers: str) -> Any:
        told = await self.http.post(
            f"{ROOT}/{path}", content=json.dumps(body), headers=token_header(self.actor) | headers
        )
        assert told.status_code == status, told.text
        return told.json()

    async def get(self, path: str, route: str, *, code: int = 200, **params: Any) -> Any:
        told = await self.http.get(
            f"{ROOT}/{path}", params=params, headers=token_header(self.actor)
        )
        assert told.status_code == code, told.text
        schema = answer_of(self.document, f"/v1/{{portal}}/{route}", "get", code)
        assert misfits(self.document, schema, told.json()) == []
        return told.json()


@pytest.fixture
async def office(http: httpx.AsyncClient, boss: Actor) -> Office:
    return Office(http, boss, (await http.get("/v1/openapi.json")).json())


def receipt(account: str, amount: float, **more: Any) -> Json:
    told = {"batch_type": "DIRECT", "account": account, "received_on": "2026-03-02"}
    return told | {"amount": amount} | more


RECEIPTS = "receivables/receipts"


async def test_money_comes_in_and_is_undone(office, door, boss, house) -> None:
    account, other = house.accounts
    await bill(door, boss, account, "134.70")
    body = {"receipts": [receipt(account, 100, reference="BPAY 881"), receipt("1", 2.5)]}
    first = await office.post(RECEIPTS, body, 201, **{"Idempotency-Key": "k"})
    again = await office.post(RECEIPTS, body, 201, **{"Idempotency-Key": "k"})
    assert again == first
    paid, lost = first["data"]
    assert (paid["allocated"], paid["balance"], lost["suspense"]) == (100, 34.7, True)
    page = await office.get(RECEIPTS, RECEIPTS, limit=1)
    assert [row["receipt_id"] for row in page["data"]] == [paid["receipt_id"]]
    rest = await office.get(RECEIPTS, RECEIPTS, limit=1, cursor=page["next"])
    assert [row["receipt_id"] for row in rest["data"]] == [lost["receipt_id"]]
    waiting = await office.get(RECEIPTS, RECEIPTS, suspense="true", first="2026-03-02")
    assert [row["told"] for row in waiting["data"]] == ["1"]
    moves = {"transfers": [{"receipt_id": lost["receipt_id"], "account": other}]}
    (moved,) = (await office.post(f"{RECEIPTS}/transfer", moves))["data"]
    assert moved["balance"] == -2.5
    path = f"{RECEIPTS}/{lost['receipt_id']}"
    assert (await office.post(f"{path}/suspend", {"note": "n"}))["suspense"] is True
    assert (await office.post(f"{path}/reverse", {"note": "n"}))["status"] == "REVERSED"
    path = f"{RECEIPTS}/{paid['receipt_id']}"
    gone = await office.post(f"{path}/dishonour", {"dishonour_type": "STOPPED", "fee": 11})
    assert (gone["status"], gone["balance"]) == ("DISHONOURED", 145.7)
    shown = await office.get(path, f"{RECEIPTS}/{{receipt_id}}")
    assert shown == gone
    told = await office.post(f"{path}/reverse", {"note": "n"}, 409)
    assert "othing was" in told["detail"]
    await sound(door)


async def test_refunds_and_bonds(office, door, house) -> None:
    account = house.accounts[0]
    await office.post(RECEIPTS, {"receipts": [receipt(account, 50)]}, 201)
    told = await office.post(f"accounts/{account}/refund", {"note": "n", "amount": 51}, 409)
    assert "less to its credit" in told["detail"]
    told = await office.post(f"accounts/{account}/refund", {"note": "n", "amount": 20}, 201)
    assert (told["amount"], told["balance"]) == (20, -30)
    bond = {"batch_type": "CASH", "amount": 80}
    assert (await office.post(f"accounts/{account}/bond", bond, 201))["held"] == 80
    await bill(door, office.actor, account, "40")
    told = await office.post(f"accounts/{account}/bond/release", {"note": "Moved out."})
    assert (told["applied"], told["refunded"], told["held"]) == (10, 70, 0)
    shown = await office.get(f"accounts/{account}/bond", "accounts/{account}/bond")
    assert shown == {"account": account, "held": 0, "balance": 0}
    await sound(door)


async def test_adjustments_are_entered_and_decided(office, door, house) -> None:
    account = house.accounts[0]
    one = {"account": account, "reason": "GOODWILL", "adjusted_on": "2026-03-01", "amount": 11}
    clerk = await make_user(door, "example", "clerk", "CSR3")
    desk = Office(office.http, clerk, office.document)
    (told,) = (await desk.post("adjustments", {"adjustments": [one]}, 201))["data"]
    (other,) = (await desk.post("adjustments", {"adjustments": [one]}, 201))["data"]
    await desk.post("adjustments/post", {"adjustments": [one]}, 403)
    ids = {"adjustment_ids": [told["adjustment_id"]]}
    await desk.post("adjustments/approve", ids, 403)
    assert (await office.post("adjustments/approve", ids))["data"][0]["status"] == "POSTED"
    gone = {"adjustment_ids": [other["adjustment_id"]], "note": "Twice."}
    assert (await desk.post("adjustments/reject", gone))["data"][0]["status"] == "REJECTED"
    posted = await office.post("adjustments/post", {"adjustments": [one | {"amount": 5}]}, 201)
    assert posted["data"][0]["balance"] == -16
    listed = await office.get("adjustments", "adjustments", status="POSTED", account=account)
    assert [row["amount"] for row in listed["data"]] == [11, 5]
    path = f"adjustments/{other['adjustment_id']}"
    shown = await office.get(path, "adjustments/{adjustment_id}")
    assert shown["decision_note"] == "Twice."
    new = {"code": "LATEFEE", "description": "Late fee", "debit_credit": "D", "coa": "4910"}
    assert (await office.post("adjustments/reasons", new, 201))["taxed"] is False
    await office.post("adjustments/reasons/retire", {"code": "LATEFEE"})
    reasons = await office.get("adjustments/reasons", "adjustments/reasons")
    assert "LATEFEE" not in [row["code"] for row in reasons["data"]]


async def test_debts_are_told(office, door, boss, house) -> None:
    account = house.accounts[0]
    await bill(door, boss, account, "30", due="2026-02-28")
    told = await office.get(f"accounts/{account}/history", "accounts/{account}/history")
    assert (told["closing"], told["movements"][0]["type"]) == (30, "INVOICE")
    params = {"first": "2026-03-01", "last": "2026-03-31"}
    path = f"accounts/{account}/statement"
    paper = await office.get(path, "accounts/{account}/statement", **params)
    assert paper["aged"]["days_60"] == 30
    (row,) = (await office.get("debtors", "debtors"))["data"]
    assert (row["account"], row["days_30"], row["balance"]) == (account, 30, 30)
    whole = await office.get("debtors/portfolio", "debtors/portfolio", as_of="2026-03-02")
    assert (whole["debtors"], whole["balance"]) == (1, 30)
    found = await office.get("debtors/balances", "debtors/balances", limit=1)
    assert (found["data"][0]["overdue"], found["next"] is not None) == (30, True)


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        (RECEIPTS, {"receipts": [receipt("1", 5) | {"batch_type": "GOLD"}]}, 422,
         "receipts[0].batch_type"),
        (RECEIPTS, {"receipts": [receipt("1", 5) | {"received_on": "12/08"}]}, 422,
         "receipts[0].received_on"),
        (RECEIPTS, {"receipts": [receipt("1", 5) | {"sum": 1}]}, 422, "receipts[0].sum"),
        (RECEIPTS, {"receipts": [receipt("1", 1e30)]}, 422, "receipts[0].amount"),
        (RECEIPTS, {"receipts": []}, 422, "receipts"),
        (f"{RECEIPTS}/7/reverse", {"note": "n"}, 404, "receipt_id"),
        (f"{RECEIPTS}/7/reverse", {"note": " "}, 422, "note"),
        (f"{RECEIPTS}/99999999999999999999/reverse", {"note": "n"}, 422, "receipt_id"),
        ("accounts/77777/refund", {"note": "n"}, 404, "account"),
        ("accounts/00001/refund", {"note": "n", "amount": -1}, 422, "amount"),
        ("adjustments/approve", {"adjustment_ids": [10**30]}, 422, "adjustment_ids[0]"),
        ("adjustments/reasons", {"code": "A", "description": "a", "debit_credit": "X",
                                 "coa": "4910"}, 422, "debit_credit"),
    ],
)  # fmt: skip
async def test_bad_input_is_named_and_changes_nothing(
    office, house, owner, path, body, status, field
) -> None:
    told = await office.post(path, body, status)
    assert told.get("field") == field, told
    assert "othing was" in told["detail"]
    assert await owner.fetchval("select count(*) from ledger.entry") == 0


async def test_bad_parameters_are_named(office, house) -> None:
    for path, route, params, field in (
        (RECEIPTS, RECEIPTS, {"first": "x"}, "first"),
        (RECEIPTS, RECEIPTS, {"batch_type": "GOLD"}, "batch_type"),
        (RECEIPTS, RECEIPTS, {"cursor": "???"}, "cursor"),
        (RECEIPTS, RECEIPTS, {"first": "2026-03-02", "last": "2026-03-01"}, "first"),
        ("adjustments", "adjustments", {"status": "x"}, "status"),
        ("debtors", "debtors", {"as_of": "x"}, "as_of"),
    ):
        told = await office.get(path, route, code=422, **params)
        assert told["field"] == field, told
    bare = await office.http.get(
        f"{ROOT}/accounts/00001/statement", headers=token_header(office.actor)
    )
    assert bare.status_code in (400, 422)
    assert "Missing required query parameter" in bare.json()["detail"]
