"""Billing over /v1: a run from its first chunk to its invoices, explained, cancelled, paged."""

import json
from datetime import date, datetime
from typing import Any

import httpx
import pytest
from tests.conftest import token_header
from tests.towers import BEGINS, SYDNEY, Tower, at, read, sound, standing, tower

from currant.access.model import Actor

V1 = "/v1/tower"
FIRST, LAST = date(2024, 7, 1), date(2024, 8, 1)
START = {"through": "2024-07-31"}


@pytest.fixture
async def told(door, owner, clock) -> Tower:
    """Three units, 310 kWh in July."""
    clock.set(datetime(2024, 8, 1, 9, tzinfo=SYDNEY))
    made = await tower(door, owner, units=3)
    await owner.execute("update customers.agreement set valid = tstzrange($1, null)", at(FIRST))
    for unit in made.units:
        await standing(owner, made, unit, {BEGINS: "12000", FIRST: "12100", LAST: "12410"})
    return made


async def post(
    http: httpx.AsyncClient, actor: Actor, path: str, body: Any = None, code: int = 200,
    **more: str,
) -> Any:  # fmt: skip
    answer = await http.post(
        V1 + path, content=b"" if body is None else json.dumps(body),
        headers=token_header(actor) | more,
    )  # fmt: skip
    assert answer.status_code == code, answer.text
    return answer.json()


async def get(
    http: httpx.AsyncClient, actor: Actor, path: str, code: int = 200, **query: Any
) -> Any:
    answer = await http.get(V1 + path, params=query, headers=token_header(actor))
    assert answer.status_code == code, answer.text
    return answer.json()


async def billed(http: httpx.AsyncClient, told: Tower) -> int:
    run_id = (await post(http, told.clerk, "/bill-runs", START, 201))["run_id"]
    run = f"/bill-runs/{run_id}"
    while (await post(http, told.clerk, f"{run}/draft"))["more"]:
        pass
    await post(http, told.manager, f"{run}/approve")
    while (await post(http, told.clerk, f"{run}/post"))["more"]:
        pass
    return int(run_id)


async def test_a_run_is_drafted_in_chunks_approved_and_posted(http, door, owner, told) -> None:
    rehearsed = await post(http, told.clerk, "/bill-runs/dry-run", START)
    assert (rehearsed["run"]["invoices"], rehearsed["run"]["total"]) == (3, 404.10)
    assert (await get(http, told.clerk, "/bill-runs"))["data"] == []
    key = {"idempotency-key": "july"}
    begun = await post(http, told.clerk, "/bill-runs", START, 201, **key)
    assert await post(http, told.clerk, "/bill-runs", START, 201, **key) == begun
    run = f"/bill-runs/{begun['run_id']}"
    chunk = {"how_many": 2}
    first = await post(http, told.clerk, f"{run}/draft", chunk, **{"idempotency-key": "one"})
    assert first == {"accounts": 2, "invoices": 2, "more": True}
    again = await post(http, told.clerk, f"{run}/draft", chunk, **{"idempotency-key": "one"})
    assert again == first
    assert (await post(http, told.clerk, f"{run}/draft", chunk))["more"] is False
    done = await post(http, told.clerk, f"{run}/draft", chunk)
    assert done == {"accounts": 0, "invoices": 0, "more": False}
    page = await get(http, told.clerk, f"{run}/drafts", limit=2)
    assert [row["account"] for row in page["data"]] == ["03280", "03281"]
    rest = await get(http, told.clerk, f"{run}/drafts", limit=2, cursor=page["next"])
    assert ([row["account"] for row in rest["data"]], rest["next"]) == (["03282"], None)
    assert (await get(http, told.clerk, f"{run}/exceptions"))["data"] == []
    draft = await get(http, told.clerk, f"{run}/drafts/03282")
    assert (draft["draft"]["number"], draft["draft"]["total"]) == (None, 134.70)
    told_lines = [(line["quantity"], line["net"]) for line in draft["lines"]]
    assert told_lines == [(310, 88.35), (31, 34.10)]
    assert draft["lines"][0]["explanation"]["tier"] == "B1"
    assert [one["quantity"] for one in draft["measured"]] == [310_000]
    missing = await get(http, told.clerk, f"{run}/drafts/9", 404)
    assert "no invoice in this bill run" in missing["detail"]
    held = {"accounts": ["03282"], "reason": "A dispute."}
    assert await post(http, told.clerk, f"{run}/hold", held) == {"drafts": 1}
    assert "somebody else" in (await post(http, told.clerk, f"{run}/approve", code=409))["detail"]
    approved = await post(http, told.manager, f"{run}/approve")
    assert (approved["status"], approved["approved_by"]) == ("APPROVED", "boss")
    assert (await post(http, told.clerk, f"{run}/post"))["invoices"] == 2
    named = {"accounts": ["03282"]}
    assert await post(http, told.manager, f"{run}/release", named) == {"drafts": 1}
    assert (await post(http, told.clerk, f"{run}/post"))["invoices"] == 1
    shown = await get(http, told.clerk, run)
    assert (shown["status"], shown["posted"], shown["total"]) == ("POSTED", 3, 404.10)
    printed = await get(http, told.clerk, f"{run}/to-print")
    assert [row["number"] for row in printed["data"]] == ["00001", "00002", "00003"]
    await sound(door, owner)


async def test_an_invoice_is_shown_with_its_lines_explained(http, told) -> None:
    await billed(http, told)
    shown = await get(http, told.clerk, "/invoices/00001")
    assert shown["invoice"]["total"] == 134.70
    usage, supply = shown["lines"]
    assert (usage["quantity"], usage["rate"], usage["net"], usage["tax"]) == (
        310, 0.285, 88.35, 8.84,
    )  # fmt: skip
    assert usage["plan"] == "RES-FLAT"
    assert (usage["explanation"]["tier"], usage["explanation"]["tax_rate"]) == ("B1", 0.1)
    assert supply["description"] == "Daily supply"
    (measured,) = shown["measured"]
    assert (measured["previous_value"], measured["quantity"]) == (12_100_000, 310_000)
    missing = await get(http, told.clerk, "/invoices/404", 404)
    assert missing["field"] == "invoice_number"


async def test_invoices_are_paged_and_filtered_and_cancelled_with_a_reason(http, told) -> None:
    await billed(http, told)
    seen, cursor = [], None
    for _ in range(5):
        query = {"limit": 1} | ({} if cursor is None else {"cursor": cursor})
        page = await get(http, told.clerk, "/invoices", **query)
        seen += [row["number"] for row in page["data"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == ["00001", "00002", "00003"]
    one = await get(http, told.clerk, "/invoices", account="03281", status="POSTED")
    assert [row["number"] for row in one["data"]] == ["00002"]
    assert (await get(http, told.clerk, "/invoices", **{"from": "2024-08-02"}))["data"] == []
    for query in ({"status": "LOST"}, {"to": "2024-02-31"}, {"cursor": "x"}):
        await get(http, told.clerk, "/invoices", 422, **query)
    assert (
        "why"
        in (await post(http, told.manager, "/invoices/00002/cancel", {"reason": " "}, 422))[
            "detail"
        ]
    )
    done = await post(http, told.manager, "/invoices/00002/cancel", {"reason": "Misread"})
    assert done == {"number": "00002", "credit_note": "00004", "amount": -134.70}
    await post(http, told.manager, "/invoices/00002/cancel", {"reason": "Misread"}, 409)
    note = await get(http, told.clerk, "/invoices/00004")
    assert (note["invoice"]["kind"], note["invoice"]["reversal_of"]) == ("CREDIT", "00002")


async def test_drafts_are_discarded_and_the_policy_is_changed(http, told) -> None:
    run_id = (await post(http, told.clerk, "/bill-runs", START, 201))["run_id"]
    await post(http, told.clerk, f"/bill-runs/{run_id}/draft")
    gone = await post(http, told.clerk, f"/bill-runs/{run_id}/discard", {"accounts": ["03281"]})
    assert gone == {"drafts": 1}
    assert await post(http, told.clerk, f"/bill-runs/{run_id}/discard") == {"drafts": 2}
    assert (await get(http, told.clerk, f"/bill-runs/{run_id}"))["status"] == "DISCARDED"
    held = await get(http, told.clerk, "/billing/policy")
    assert held["tax_rounding"] == "LINE"
    for changes, code in (({"tax_rounding": "INVOICE"}, 200), ({"due_days": 999}, 422)):
        answer = await http.put(
            f"{V1}/billing/policy", content=json.dumps(held | changes),
            headers=token_header(told.manager),
        )  # fmt: skip
        assert answer.status_code == code, answer.text
    assert (await get(http, told.clerk, "/billing/policy"))["tax_rounding"] == "INVOICE"


async def test_bad_input_is_named_and_never_a_fault_of_ours(http, told) -> None:
    for body, field in (
        ({}, None),
        ({"through": "soon"}, None),
        ({"through": "2030-01-01"}, "through"),
        ({"through": "2024-07-31", "buildng": "X"}, None),
        ({"through": "2024-07-31", "due_on": "2024-01-01"}, None),
    ):
        refused = await http.post(
            f"{V1}/bill-runs", content=json.dumps(body), headers=token_header(told.clerk)
        )
        assert refused.status_code in (400, 422), refused.text
        assert field is None or refused.json()["field"] == field
    for path in ("", "/drafts", "/exceptions", "/to-print"):
        await get(http, told.clerk, f"/bill-runs/0{path}", 404)
    run_id = (await post(http, told.clerk, "/bill-runs", START, 201))["run_id"]
    for how_many in (0, 10**30):
        answer = await http.post(
            f"{V1}/bill-runs/{run_id}/draft", content=json.dumps({"how_many": how_many}),
            headers=token_header(told.clerk),
        )  # fmt: skip
        assert answer.status_code in (400, 422), answer.text


async def test_charges_and_services_and_days_billed_elsewhere(http, owner, told) -> None:
    fee = {"account": "03280", "item_code": "ADMIN", "charge_on": "2024-07-03", "amount": 55}
    (added,) = (await post(http, told.clerk, "/charges", {"charges": [fee]}, 201))["data"]
    assert (added["status"], added["net"], added["tax"]) == ("PENDING", 50, 5)
    ids = {"charge_ids": [added["charge_id"]]}
    await post(http, told.clerk, "/charges/approve", ids, 409)
    assert await post(http, told.manager, "/charges/approve", ids) == ids
    await post(http, told.clerk, "/charges", {"charges": [fee | {"approve": True}]}, 201)
    wrong = await post(http, told.clerk, "/charges", {"charges": [fee, fee | {"amount": 0}]}, 422)
    assert wrong["faults"][0]["record"] == 2
    (second, *_) = (await get(http, told.clerk, "/charges", limit=1))["data"]
    assert second["charge_id"] == added["charge_id"]
    listed = await get(http, told.clerk, "/charges", status="APPROVED", account="03280")
    assert len(listed["data"]) == 2
    cancel = {"charge_ids": [listed["data"][1]["charge_id"]], "reason": "Twice"}
    await post(http, told.clerk, "/charges/cancel", cancel)
    assert "ADMIN" in [
        i["item_code"] for i in (await get(http, told.clerk, "/charges/items"))["data"]
    ]
    key = {"group_code": "STANDARD", "item_code": "KEY"}
    item = key | {"description": "Lost key", "tax_code": "GST", "credit": False, "coa": "4910"}
    await post(http, told.manager, "/charges/items", item)
    await post(http, told.manager, "/charges/items/retire", key)
    service = {
        "product_type": "ISP", "service_number": "029", "start_on": "2024-07-01",
        "account": "03281", "line_items": [{"item_code": "ADMIN", "unit_price": 62}],
    }  # fmt: skip
    assert (await post(http, told.clerk, "/services", service, 201))["status"] == "ACTIVE"
    await post(http, told.clerk, "/services", service, 409)
    elsewhere = {"agreement_id": told.units[2].agreement_id, "through": "2024-07-31"}
    assert await post(http, told.clerk, "/billing/elsewhere", elsewhere) == elsewhere
    await billed(http, told)
    rows = (await get(http, told.clerk, "/invoices"))["data"]
    assert [(row["account"], row["total"]) for row in rows] == [
        ("03280", 189.70), ("03281", 196.70),
    ]  # fmt: skip
    await read(owner, told, told.units[2], date(2024, 9, 1), "12500")
