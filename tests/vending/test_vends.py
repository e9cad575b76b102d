"""Vends over HTTP: what is sold, to whom, once only, within limits."""

import asyncio
from decimal import Decimal

import asyncpg
import httpx
import pytest
from tests.conftest import make_user, token_header
from tests.houses import House, small_house

from currant.access.model import OPERATOR, Actor, CreatePortal
from currant.access.verbs import create_portal
from currant.batches.model import Count
from currant.batches.verbs import close_own_batch
from currant.door import Door

PATH = "/v1/example/vends"


@pytest.fixture
async def house(door: Door, boss: Actor) -> House:
    """Two homes at 0.30 a kWh with units wallets."""
    return await small_house(door, boss, homes=2)


async def sell(
    http: httpx.AsyncClient, actor: Actor, account: str, amount: str, key: str = "", **more: str
) -> httpx.Response:
    """POST a vend; the amount is written as it is given."""
    members = "".join(f', "{name}": "{value}"' for name, value in more.items())
    body = f'{{"account": "{account}", "tender": "cash", "amount": {amount}{members}}}'
    headers = token_header(actor) | ({"Idempotency-Key": key} if key else {})
    return await http.post(PATH, content=body, headers=headers)


async def test_a_vend_is_shown_as_it_was_answered(http, cashier, boss, house) -> None:
    sold = await sell(http, cashier, house.accounts[0], "10.00")
    assert sold.status_code == 201
    told = sold.json()
    assert (told["energy_kwh"], told["balance"], told["login"]) == (33.333, 33.333, "cashier1")
    shown = await http.get(f"{PATH}/{told['vend_id']}", headers=token_header(cashier))
    assert shown.json() == told
    listed = await http.get(
        f"/v1/example/accounts/{house.accounts[0]}/vends", headers=token_header(cashier)
    )
    assert listed.json() == {"data": [told], "next": None}
    books = await http.get(
        f"/v1/example/accounts/{house.accounts[0]}/ledger", headers=token_header(boss)
    )
    (entry,) = books.json()["data"]
    assert entry["entry"]["entry_id"] == told["transaction_id"]
    assert {(line["coa"], line["amount"]) for line in entry["postings"]} == {
        ("1000", 10), ("4005", -10), ("U300", 33333), ("U100", -33333),
    }  # fmt: skip


async def test_a_quote_says_what_a_vend_then_does_and_sells_nothing(
    http, cashier, house, owner
) -> None:
    body = f'{{"account": "{house.accounts[0]}", "amount": 7.77}}'
    quoted = await http.post(f"{PATH}/quote", content=body, headers=token_header(cashier))
    assert await owner.fetchval("select count(*) from ledger.entry where kind = 'cash'") == 0
    sold = (await sell(http, cashier, house.accounts[0], "7.77")).json()
    assert {name: sold[name] for name in quoted.json()} == quoted.json()


async def test_pages_of_vends_follow_each_other_without_gap(http, cashier, house) -> None:
    ids = [
        (await sell(http, cashier, house.accounts[0], "1")).json()["transaction_id"]
        for _ in range(5)
    ]
    path, seen, cursor = f"/v1/example/accounts/{house.accounts[0]}/vends", [], ""
    while cursor is not None:
        page = await http.get(
            path, params={"limit": "2", "cursor": cursor} if cursor else {"limit": "2"},
            headers=token_header(cashier),
        )  # fmt: skip
        seen += [row["transaction_id"] for row in page.json()["data"]]
        cursor = page.json()["next"]
    assert seen == ids[::-1]
    nobody = await http.get("/v1/example/accounts/99998/vends", headers=token_header(cashier))
    assert nobody.status_code == 404


@pytest.mark.parametrize(
    ("amount", "status", "words"),
    [
        ("0", 422, "above 0"),
        ("-5", 422, "above 0"),
        ("10.001", 422, "more than 2 decimals"),
        ("1e15", 422, "above 0"),
        ('"10"', 422, "amount"),
        ("null", 422, "amount"),
        ("NaN", 400, "JSON"),
        ("1e400", 422, "amount"),
    ],
)
async def test_amounts_that_are_no_tender_are_refused_by_name(
    http, cashier, house, owner, amount, status, words
) -> None:
    refused = await sell(http, cashier, house.accounts[0], amount)
    assert refused.status_code == status, refused.text
    assert refused.headers["content-type"] == "application/problem+json"
    assert words in refused.json()["detail"]
    assert await owner.fetchval("select count(*) from vending.vend") == 0


@pytest.mark.parametrize("number", ["-1", "9223372036854775808"])
async def test_a_tender_number_that_is_none_is_refused_by_name(
    http, cashier, house, owner, number
) -> None:
    body = f'{{"account": "{house.accounts[0]}", "tender": "check", "amount": 5, '
    refused = await http.post(
        PATH, content=f'{body}"tender_number": {number}}}', headers=token_header(cashier)
    )
    assert refused.status_code == 422
    assert "tender_number" in refused.json()["detail"]
    assert await owner.fetchval("select count(*) from ledger.entry") == 0


async def test_what_cannot_be_sold_is_refused_and_nothing_is_charged(
    http, door, boss, cashier, house, owner
) -> None:
    await small_house(door, boss, com_type="STS", first=9, tariff="STS")
    sts = await owner.fetchval("select account from customers.account where contract = 'C9'")
    for account, more, status in (
        ("99998", {}, 404),
        (house.accounts[0], {"serial_number": "M2"}, 404),
        (house.accounts[0], {"tender": "gold"}, 422),
        (sts, {}, 409),
    ):
        refused = await sell(http, cashier, account, "5", **more)
        assert refused.status_code == status, refused.text
    assert await owner.fetchval("select count(*) from vending.vend") == 0
    assert await owner.fetchval("select sum(balance) from prepayment.wallet") == 0


async def test_a_key_sells_once_however_often_it_is_sent(http, cashier, house, owner) -> None:
    answers = await asyncio.gather(
        *(sell(http, cashier, house.accounts[0], "10", "one") for _ in range(20))
    )
    assert {answer.text for answer in answers} == {answers[0].text}
    assert {answer.status_code for answer in answers} == {201}
    assert await owner.fetchval("select count(*) from vending.vend") == 1
    other = await sell(http, cashier, house.accounts[0], "11", "one")
    assert other.status_code == 422


async def test_the_vending_limit_holds_to_the_cent_under_concurrency(
    http, door, portal, house, owner: asyncpg.Connection
) -> None:
    limited = await make_user(door, portal, "limited", "VENDORADM", vending_limit=100_000)
    answers = await asyncio.gather(
        *(sell(http, limited, house.accounts[n % 2], "7.50") for n in range(200))
    )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [201] * 133 + [403] * 67
    refused = next(answer.json() for answer in answers if answer.status_code == 403)
    assert refused["detail"].startswith("The vending limit would be passed. Nothing was charged")
    sold = await owner.fetchval("select sum(tendered_amount) from vending.vend")
    assert sold == Decimal("997.50")
    assert (await sell(http, limited, house.accounts[0], "2.50")).status_code == 201
    assert (await sell(http, limited, house.accounts[0], "0.01")).status_code == 403
    closed = await door.act(close_own_batch, Count({"cash": Decimal(1000)}), limited)
    assert (closed.taken, closed.difference) == (1000, 0)
    assert (await sell(http, limited, house.accounts[0], "0.01")).status_code == 201
    assert await owner.fetch("select * from batches.faults()") == []
    assert await owner.fetch("select * from ledger.faults()") == []


async def test_one_hot_account_adds_up(http, cashier, house, owner) -> None:
    answers = await asyncio.gather(
        *(sell(http, cashier, house.accounts[0], "3.00") for _ in range(24))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert await owner.fetchval("select sum(balance) from prepayment.wallet") == 24 * 10_000
    assert sorted(answer.json()["balance"] for answer in answers) == [10 * n for n in range(1, 25)]
    assert await owner.fetch("select * from ledger.faults()") == []


async def test_who_may_sell_and_where(http, door, portal, house) -> None:
    clerk = await make_user(door, portal, "clerk", "VENDOR")
    assert (await sell(http, clerk, house.accounts[0], "5")).status_code == 403
    await door.act(create_portal, CreatePortal("next", "Next", "UTC", "EUR", "N"), OPERATOR)
    stranger = await make_user(door, "next", "stranger", "SysAdmin", vendor_number="N")
    foreign = await sell(http, stranger, house.accounts[0], "5")
    nowhere = await http.post(
        "/v1/nowhere/vends", content=b'{"account": "1", "tender": "cash", "amount": 5}',
        headers=token_header(stranger),
    )  # fmt: skip
    assert (foreign.status_code, nowhere.status_code) == (403, 403)
    assert foreign.json()["detail"].replace("example", "nowhere") == nowhere.json()["detail"]
    anonymous = b'{"account": "1", "tender": "cash", "amount": 5}'
    assert (await http.post(PATH, content=anonymous)).status_code == 401


async def test_the_document_describes_the_body(http) -> None:
    told = (await http.get("/v1/openapi.json")).json()
    body = told["paths"]["/v1/{portal}/vends"]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"$ref": "#/components/schemas/Vend"}
    assert set(told["components"]["schemas"]["Vend"]["required"]) == {"account", "tender", "amount"}
