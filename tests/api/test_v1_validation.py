"""Reads, checks and estimates over /v1; each answer is held against the document."""

from datetime import date
from typing import Any

import httpx
import pytest
from tests.basicreads.test_basic import IDENTIFIERS
from tests.conftest import token_header
from tests.houses import small_house
from tests.validation.measured import days_of, measured

READ = {"site_identifier": "NMIH1", "meter_code": "M1", "read_date": "2026-01-31",
        "meter_read": 100.5, "audit_notes": "seen"}  # fmt: skip


@pytest.fixture
async def account(door, boss, owner) -> str:
    house = await small_house(door, boss, opening="", installed="2026-01-01")
    await owner.execute(IDENTIFIERS)
    await owner.execute("update customers.agreement set valid = '[2026-01-01T05:00Z,)'")
    return house.accounts[0]


@pytest.fixture
def post(http: httpx.AsyncClient, boss):
    async def send(path: str, body: Any, status: int = 200, **headers: str) -> Any:
        told = await http.post(
            f"/v1/example/{path}", json=body, headers=token_header(boss) | headers
        )
        assert told.status_code == status, told.text
        return told.json()

    return send


@pytest.fixture
def get(http: httpx.AsyncClient, boss):
    async def ask(path: str, code: int = 200, **params: str) -> Any:
        told = await http.get(f"/v1/example/{path}", params=params, headers=token_header(boss))
        assert told.status_code == code, told.text
        return told.json()

    return ask


async def test_reads_are_posted_listed_and_put_right(post, get, account) -> None:
    body = {"reads": [READ, READ | {"read_date": "2026-02-10", "meter_read": 90}]}
    first, second = (await post("reads", body, **{"Idempotency-Key": "k"}))["data"]
    assert (first["status"], second["status"]) == ("ACCEPTED", "IN_REVIEW")
    assert second["failed_checks"] == ["BACKWARDS"]
    assert (await post("reads", body, **{"Idempotency-Key": "k"}))["data"] == [first, second]
    edited = {"reads": [READ | {"meter_read": 80}], "reason": "photo"}
    (right,) = (await post("reads/edits", edited))["data"]
    assert right["status"] == "ACCEPTED"
    span = {"from": "2026-01-01", "to": "2026-02-28"}
    rows = (await get(f"accounts/{account}/reads", **span))["data"]
    assert [(row["meter_read"], row["status"]) for row in rows] == [
        (80, "ACCEPTED"), (90, "IN_REVIEW"),
    ]  # fmt: skip
    assert rows[0]["audit_notes"] == "photo"
    assert await get(f"accounts/{account}/reads", **span, as_of="2026-02-01T00:00:00Z") == {
        "data": []
    }


async def test_what_is_wrong_is_named(post, get, account) -> None:
    told = await post("reads", {"reads": [READ, READ | {"meter_code": "M9"}]}, 422)
    assert told["faults"] == [
        {"record": 2, "column": "meter_code",
         "reason": "no such meter hung at the site on 2026-01-31"}
    ]  # fmt: skip
    assert "Nothing was stored" in told["detail"]
    assert (await post("reads", {"reads": [READ | {"sort": 1}]}, 422))["field"] == "reads[0].sort"
    span = {"from": "2026-01-01", "to": "2026-02-28"}
    assert (await get(f"accounts/{account}/reads", 422, **span, as_of="then"))["field"] == "as_of"
    assert (await get("accounts/99999/reads", 404, **span))["field"] == "account"
    assert (await get(f"accounts/{account}/reads", 422, **{"from": "x", "to": "y"}))["field"]
    assert await post("validation/runs", {"from_day": "2026-02-02", "to_day": "2026-02-01"}, 422)
    assert await post("validation/findings/decide", {"finding_ids": [1], "reason": "x"}, 404)


async def test_intervals_are_checked_filled_and_put_right(post, get, door, boss, owner) -> None:
    days: dict = days_of() | {date(2026, 2, 3): [500] * 47 + [9000]}
    del days[date(2026, 2, 10)]
    await measured(door, boss, owner, days)
    span = {"from_day": "2026-02-01", "to_day": "2026-02-28", "building_code": "B1"}
    run = await post("validation/runs", span)
    assert (run["registers"], run["found"], run["added"]) == (1, 2, 2)
    page = await get("validation/findings", limit="1")
    assert len(page["data"]) == 1
    rest = await get("validation/findings", limit="1", cursor=page["next"])
    told = {row["rule"]: row for row in (*page["data"], *rest["data"])}
    assert set(told) == {"SPIKE", "GAP"}
    filled = await post("estimates/days", span)
    assert (filled["days"], filled["intervals"], filled["unknown_days"]) == (1, 48, 0)
    right = {
        "days": [{"site_identifier": "4100000001", "meter_code": "M1", "day": "2026-02-03",
                  "intervals": [0.5] * 48}],
        "reason": "tested",
    }  # fmt: skip
    assert (await post("intervals/edits", right))["days"] == 1
    assert (await post("validation/runs", span))["gone"] == 2
    decided = {"finding_ids": [told["SPIKE"]["finding_id"]], "reason": "x", "status": "ACCEPTED"}
    assert await post("validation/findings/decide", decided) == {"decided": 1}
    path = f"validation/findings/{told['SPIKE']['finding_id']}/decisions"
    assert [one["status"] for one in (await get(path))["data"]] == ["FIXED", "ACCEPTED"]
    assert await get("validation/findings", status="OPEN") == {"data": [], "next": None}
    check = {"rule": "SPIKE", "factor": 4.5, "days": 7, "active": True, "severity": "ERROR"}
    assert await post("validation/checks", check) == check
    assert check in (await get("validation/checks"))["data"]


async def test_missing_reads_are_estimated(post, account) -> None:
    reads = [READ | {"read_date": f"2026-01-{day:02}", "meter_read": day} for day in (1, 25)]
    await post("reads", {"reads": reads})
    (read,) = (await post("estimates/reads", {"day": "2026-02-10"}))["data"]
    assert (read["meter_read"], read["basis"], read["status"]) == (
        41,
        "the last period",
        "ACCEPTED",
    )
