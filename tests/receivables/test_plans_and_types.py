"""How arrears are recovered, and what kinds of them a portal has."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from tests.conftest import make_user, token_header
from tests.houses import House, small_house
from tests.receivables.arrears import arrears_file, issue

from currant.access.model import OPERATOR, Actor, CreatePortal
from currant.access.verbs import create_portal
from currant.clock import FrozenClock
from currant.door import Door
from currant.errors import Invalid
from currant.receivables.model import ArrearsTypeCoaTaken, CreateArrearsType
from currant.receivables.verbs import create_arrears_type, import_arrears
from currant.vending.model import Quote
from currant.vending.verbs import quote

V1 = "/v1/example/arrears"


@pytest.fixture
async def house(door: Door, boss: Actor) -> House:
    return await small_house(door, boss, homes=2, rate="0.25")


async def post(http: httpx.AsyncClient, actor: Actor, path: str, body: Any, **more: str) -> Any:
    content = body if isinstance(body, str) else json.dumps(body)
    return await http.post(V1 + path, content=content, headers=token_header(actor) | more)


# Plans


async def test_a_plan_and_a_start_change_what_the_next_tender_recovers(
    http, door, boss, house, clock: FrozenClock
) -> None:
    account = house.accounts[0]
    (item,) = await issue(door, boss, f"{account},2026-01-01T00:00:00Z,100,30,25%")

    async def recovered() -> Decimal:
        return (await door.ask(quote, Quote(account, Decimal(40)), boss)).arrears_amount

    assert await recovered() == 10
    answer = await post(http, boss, f"/{item}/plan", {"pay_plan": 12.5})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["pay_plan"], told["start_at"]) == (12.5, "2026-01-01T00:00:00Z")
    assert (told["paid_amount"], told["outstanding_amount"]) == (30, 70)
    assert [paid["amount"] for paid in told["payments"]] == [30]
    assert await recovered() == 5
    later = clock.now() + timedelta(days=3)
    answer = await post(http, boss, f"/{item}/plan", {"start": later.isoformat()})
    assert (answer.json()["pay_plan"], answer.json()["start_at"]) == (12.5, "2026-03-05T17:00:00Z")
    assert await recovered() == 0
    clock.advance(timedelta(days=3))
    assert await recovered() == 5
    answer = await post(http, boss, f"/{item}/plan", {"pay_plan": 100, "start": None})
    assert (answer.json()["pay_plan"], answer.json()["start_at"]) == (100, None)
    assert await recovered() == 40
    listed = await http.get(
        "/customers/arrears/get-arrears/for-customer",
        params={"portal": "example", "account": account}, headers=token_header(boss),
    )  # fmt: skip
    (row,) = listed.json()["data"]["customers"][account]
    assert (row["pay_plan"], row["start_date"]) == ("100%", "1970-01-01T00:00:00-05:00")


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({}, 422, "Name a pay_plan, a start, or both"),
        ({"pay_plan": 0}, 422, "not 0"),
        ({"pay_plan": -1}, 422, "not -1"),
        ({"pay_plan": 100.01}, 422, "not 100.01"),
        ({"pay_plan": 12.345}, 422, "not 12.345"),
        ('{"pay_plan": 1e39}', 422, "pay_plan"),
        ({"pay_plan": "25%"}, 422, "pay_plan"),
        ({"pay_plan": None}, 422, "pay_plan"),
        ({"start": "2026-04-01T00:00:00"}, 422, "start"),
        ({"start": "9999-12-31T23:59:59.999999Z"}, 422, "1900 to 2999"),
        ({"plan": 25}, 422, "plan is not known"),
    ],
)
async def test_what_no_plan_is(http, door, boss, house, owner, body, status, words) -> None:
    (item,) = await issue(door, boss, f"{house.accounts[0]},,100,,25%")
    before = await owner.fetch("select * from receivables.open_item")
    answer = await post(http, boss, f"/{item}/plan", body)
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text
    assert await owner.fetch("select * from receivables.open_item") == before


async def test_whose_plan_may_be_changed_and_by_whom(http, door, boss, house, owner) -> None:
    one, two = await issue(door, boss, *(f"{account},,100,," for account in house.accounts))
    csr2 = await make_user(door, "example", "csr2", "CSR2")
    csr3 = await make_user(door, "example", "csr3", "CSR3")
    assert (await post(http, csr2, f"/{one}/plan", {"pay_plan": 5})).status_code == 403
    assert (await post(http, csr3, f"/{one}/plan", {"pay_plan": 5})).status_code == 200
    assert (await post(http, csr3, "/999999999/plan", {"pay_plan": 5})).status_code == 404
    await owner.execute("update access.system_user set blocked_accounts = $1", house.accounts[0])
    assert (await post(http, csr3, f"/{one}/plan", {"pay_plan": 5})).status_code == 403
    await owner.execute(
        "select receivables.take_back(portal_id, entry_id, 77, now()) "
        "from receivables.open_item where item_id = $1",
        two,
    )
    assert (await post(http, csr3, f"/{two}/plan", {"pay_plan": 5})).status_code == 410


# Types


async def names(http: httpx.AsyncClient, actor: Actor) -> list[str]:
    answer = await http.get(V1 + "/types", headers=token_header(actor))
    assert answer.status_code == 200, answer.text
    return [row["name"] for row in answer.json()["data"]]


async def test_a_type_is_created_used_and_retired(http, door, boss, house, owner) -> None:
    known = await names(http, boss)
    body = {"name": "Gimme5 ", "coa": "4910", "description": "Five"}
    answer = await post(http, boss, "/types", body)
    assert answer.status_code == 201, answer.text
    made = body | {
        "portal": "example", "selectable": True, "last_mod": "2026-03-02T17:00:00Z",
    }  # fmt: skip
    assert answer.json() == made
    answer = await post(http, boss, "/types", {"name": "A later one", "coa": "4000"})
    assert answer.status_code == 201
    assert await names(http, boss) == [*known, "Gimme5 ", "A later one"]
    account = house.accounts[0]
    await issue(door, boss, f"{account},,5,,", credit="4910")
    answer = await post(http, boss, "/types/retire", {"name": "Gimme5"})
    assert (answer.status_code, answer.json()) == (200, made)
    assert await names(http, boss) == [*known, "A later one"]
    with pytest.raises(Invalid, match="No type of arrears has the COA 4910"):
        await door.act(import_arrears, arrears_file(f"{account},,5,,", credit="4910"), boss)
    shown = await http.get(
        "/customers/arrears/get-arrears/by-type",
        params={"portal": "example", "arrears_coa": "4910"}, headers=token_header(boss),
    )  # fmt: skip
    (row,) = shown.json()["data"]["customers"][account]
    assert row["arrears_type"] == "Gimme5 "
    again = await post(http, boss, "/types", {"name": "Gimme5", "coa": "4955"})
    assert again.status_code == 201


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"name": "CIStransfer", "coa": "4910"}, 409, "name"),
        ({"name": " Recovery", "coa": "4910"}, 409, "name"),
        ({"name": "New", "coa": "9100"}, 409, None),
        ({"name": "New", "coa": "9999"}, 422, "coa"),
        ({"name": "New", "coa": ""}, 422, "coa"),
        ({"name": "New", "coa": "U100"}, 422, "coa"),
        ({"name": "New", "coa": "2100"}, 422, "coa"),
        ({"name": " ", "coa": "4910"}, 422, None),
        ({"name": "New"}, 422, "coa"),
        ({"name": "New", "coa": 4910}, 422, "coa"),
        ({"name": "New", "coa": "4910", "portal": "%"}, 422, "portal"),
    ],
)
async def test_what_no_type_is(http, boss, owner, body, status, field) -> None:
    before = await owner.fetchval("select count(*) from receivables.arrears_type")
    answer = await post(http, boss, "/types", body)
    assert (answer.status_code, answer.json().get("field")) == (status, field), answer.text
    assert "othing was" in answer.json()["detail"]
    assert await owner.fetchval("select count(*) from receivables.arrears_type") == before


async def test_only_a_portals_own_types_are_retired(http, door, boss) -> None:
    await door.act(create_portal, CreatePortal("other", "Other", "UTC", "USD", "O"), OPERATOR)
    theirs = CreateArrearsType("Theirs", "4910")
    await door.act(create_arrears_type, theirs, OPERATOR.at("other"))
    for name in ("PostPaid", "Theirs", "Nothing", ""):
        answer = await post(http, boss, "/types/retire", {"name": name})
        assert answer.status_code == 404, name
    assert (await post(http, boss, "/types/retire", {"name": "CIStransfer"})).status_code == 200
    assert "CIStransfer" not in await names(http, boss)


async def test_who_may_change_types(http, door, boss, cashier) -> None:
    for path, body in (("/types", {"name": "N", "coa": "4910"}), ("/types/retire", {"name": "N"})):
        assert (await post(http, cashier, path, body)).status_code == 403
        assert (await http.post(V1 + path, content="{}")).status_code == 401
    clerk = await make_user(door, "example", "clerk", "CSR3")
    assert (await post(http, clerk, "/types", {"name": "N", "coa": "4910"})).status_code == 201


async def test_of_two_types_for_a_coa_the_second_is_refused(door, boss) -> None:
    """An import says the COA and means the type, so that there is one of the portal's own."""
    await door.act(create_arrears_type, CreateArrearsType("One", "4959"), boss)
    with pytest.raises(ArrearsTypeCoaTaken):
        await door.act(create_arrears_type, CreateArrearsType("Two", "4959"), boss)
