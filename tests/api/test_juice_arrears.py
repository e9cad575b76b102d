"""J12 and J18 to J21 over real HTTP: the document's own examples, and what they leave out."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import httpx
import pytest
from tests.conftest import make_user, token_header
from tests.documented import example
from tests.shared import shared_urls, urls  # noqa: F401

from currant.access.model import OPERATOR, Actor, CreatePortal
from currant.access.verbs import create_portal

PATH = "/file-importer/balance-adj/arrears"
HEADER = "account,startdate,amount,paid,payplan\n"
ROW = "03284,2018-07-23T00:00:00Z04:00,100.00,0.00,100%"


@pytest.fixture
async def accounts(owner: asyncpg.Connection, portal: str) -> None:
    """The accounts 03284 and 03285, with the contracts 5004000 and 03284 of all keys."""
    await plant(owner, "example", {"03284": "5004000", "03285": "03284", "03286": None})


async def plant(owner: asyncpg.Connection, key: str, contracts: dict[str, str | None]) -> None:
    portal_id = await owner.fetchval("select portal_id from access.portal where key = $1", key)
    for account, contract in contracts.items():
        await owner.execute(
            "with c as (insert into customers.customer (portal_id, name, first_name, last_name, "
            "phone_1, sms_1, email_1, address_1) values ($1, 'N', '', '', '', '', '', '') "
            "returning customer_id) insert into customers.account (portal_id, account, contract, "
            "customer_id, created_at, last_mod) "
            "select $1, $2, $3, customer_id, now(), now() from c",
            portal_id,
            account,
            contract,
        )


async def post(
    http: httpx.AsyncClient, actor: Actor, body: str | bytes, query: str = "", **more: str
) -> Any:
    """POST as curl --data does: CSV that calls itself a form."""
    headers = token_header(actor) | {"content-type": "application/x-www-form-urlencoded"} | more
    return await http.post(f"{PATH}?portal=example{query}", content=body, headers=headers)


async def owed(owner: asyncpg.Connection) -> list[tuple[str, str, str]]:
    rows = await owner.fetch(
        "select a.account, i.outstanding::text, i.type_name from receivables.open_item as i "
        "inner join customers.account as a on a.account_id = i.account_id order by i.item_id"
    )
    return [tuple(row) for row in rows]


@pytest.mark.parametrize("name", ["balance_adj_arrears", "balance_adj_arrears_php"])
async def test_the_examples_of_importing_arrears(name, http, boss, owner, accounts) -> None:
    told = example(name)
    answer = await http.post(
        f"{told['path']}?{told['raw_query']}",
        content=told["body"],
        headers=token_header(boss) | {"content-type": told["content_type"]},
    )
    assert answer.status_code == told["expect_status"]
    assert answer.json() == told["expect_body"]
    warned = "nonstandard-offset"
    assert answer.headers["x-juice-warning"] == (
        f"csv-header-repaired, {warned}" if name.endswith("php") else warned
    )
    start = await owner.fetchval("select start_at from receivables.open_item")
    assert start == datetime.fromisoformat("2018-07-23T00:00:00-04:00")


async def test_the_example_of_listing_types(http, boss) -> None:
    told = example("arrears_list_types")
    answer = await http.get(f"{told['path']}?{told['raw_query']}", headers=token_header(boss))
    assert answer.json() == told["expect_body"]


# J21


async def test_types_are_listed_in_order_with_their_members(http, boss) -> None:
    query = {"portal": "example"}
    answer = await http.get("/arrears/list-types", params=query, headers=token_header(boss))
    rows = answer.json()["data"]
    assert [(row["portal"], row["arrears_type"], row["coa"]) for row in rows] == [
        ("%", "Recovery ", "1101"),
        ("%", "PostPaid", "1102"),
        ("example", "CIStransfer", "9100"),
        ("%", "FundsRecovery", "9110"),
        ("%", "FundsRecoveryFee", "4950"),
        ("%", "TamperFine", "4959"),
        ("%", "Installation", "4955"),
    ]
    assert rows[2] == {
        "portal": "example",
        "arrears_type": "CIStransfer",
        "description": "Transfer from legacy CIS system",
        "coa": "9100",
        "last_mod": "2017-01-30T19:58:57-05:00",
        "selectable": True,
    }
    paged = await http.get(
        "/arrears/list-types",
        params=query | {"limit": "2", "offset": "1"},
        headers=token_header(boss),
    )
    assert paged.json()["data"] == rows[1:3]


async def test_retired_types_and_those_of_others_are_not_listed(http, door, boss, owner) -> None:
    await door.act(create_portal, CreatePortal("other", "Other", "UTC", "USD", "O"), OPERATOR)
    await owner.execute(
        "update receivables.arrears_type set active = false where name = 'PostPaid'; "
        "insert into receivables.arrears_type "
        "(portal_id, name, description, coa, selectable, last_mod) "
        "select p.portal_id, t.name, '', '9110', t.selectable, now() from (values "
        "('other', 'Theirs', true), ('example', 'Ours', false)) as t (key, name, selectable) "
        "inner join access.portal as p on p.key = t.key"
    )
    answer = await http.get(
        "/arrears/list-types", params={"portal": "example"}, headers=token_header(boss)
    )
    rows = answer.json()["data"]
    assert [row["arrears_type"] for row in rows][1] == "CIStransfer"
    assert (rows[-1]["arrears_type"], rows[-1]["selectable"], len(rows)) == ("Ours", False, 7)


async def test_who_may_list_types(http, door, boss, cashier) -> None:
    for actor, query, status, code in (
        (cashier, {"portal": "example"}, 403, 101),
        (boss, {"portal": "%"}, 403, 101),
        (boss, {}, 406, 201),
    ):
        answer = await http.get("/arrears/list-types", params=query, headers=token_header(actor))
        assert (answer.status_code, answer.json()["error"]) == (status, code)


# J12


async def test_records_are_answered_in_their_order(http, boss, owner, accounts) -> None:
    body = (
        "payplan,amount,account\r\n"
        "# brought over\r\n"
        "25%,1234.5, 03285 \r\n\r\n"
        "  ,7,03284\r\n"
        "100%,0.1,03285\r\n"
    )
    answer = await post(http, boss, body)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "error": 0,
        "data": {
            "records_imported": 3,
            "customers": [
                {"account": "03285", "arrears_amount": "$1,234.50"},
                {"account": "03284", "arrears_amount": "$7.00"},
                {"account": "03285", "arrears_amount": "$0.10"},
            ],
        },
    }
    assert "x-juice-warning" not in answer.headers
    assert [row[0] for row in await owed(owner)] == ["03285", "03284", "03285"]


async def test_a_currency_without_cents(http, door, owner, portal) -> None:
    made = CreatePortal("tokyo", "Tokyo", "Asia/Tokyo", "JPY", "T")
    await door.act(create_portal, made, OPERATOR)
    actor = await make_user(door, "tokyo", "clerk", "SysAdmin", vendor_number="T")
    await plant(owner, "tokyo", {"00001": None})
    answers = [
        await http.post(
            f"{PATH}?portal=tokyo",
            content=f"account,amount\n00001,{amount}",
            headers=token_header(actor),
        )
        for amount in ("1500", "1500.5")
    ]
    assert [answer.status_code for answer in answers] == [200, 406]
    assert answers[0].json()["data"]["customers"][0]["arrears_amount"] == "¥1,500"


async def test_foreign_keys(http, boss, owner, accounts) -> None:
    """Without foreignkeys only our numbers; with it the utility's keys first, then our numbers."""
    for query, key, account in (
        ("", "03284", "03284"),
        ("&foreignkeys=false", "03285", "03285"),
        ("&foreignkeys=true", "5004000", "03284"),
        ("&foreignkeys=1", "03284", "03285"),
        ("&foreignkeys=YES", "03286", "03286"),
    ):
        answer = await post(http, boss, f"account,amount\n{key},5", query)
        assert answer.status_code == 200, answer.text
        assert answer.json()["data"]["customers"][0]["account"] == account
    answer = await post(http, boss, "account,amount\n5004000,5")
    assert (answer.status_code, answer.json()["error"]) == (404, 201)
    assert "record 1, account: '5004000'" in answer.json()["error_message"]
    assert len(await owed(owner)) == 5


async def test_chosen_chart_accounts(http, boss, owner, accounts) -> None:
    answer = await post(http, boss, HEADER + ROW, "&debit=1102&credit=4959")
    assert answer.status_code == 200, answer.text
    assert await owed(owner) == [("03284", "100.000", "TamperFine")]
    blank = await post(http, boss, HEADER + ROW, "&debit=&credit=")
    assert blank.status_code == 200
    for query, named in (
        ("&credit=4005", "credit"),
        ("&credit=abc", "credit"),
        ("&debit=1199", "debit"),
        ("&debit=2100", "debit"),
        ("&debit=U100", "debit"),
        ("&debit=1101&credit=1101", "debit"),
        ("&foreignkeys=perhaps", "foreignkeys"),
    ):
        refused = await post(http, boss, HEADER + ROW, query)
        assert (refused.status_code, refused.json()["error"]) == (406, 201), query
        assert named in refused.json()["error_message"]
    assert len(await owed(owner)) == 2


BAD_RECORDS = {
    ",,5,,": "record 2, account: is blank",
    "03284,,,,": "record 2, amount: is blank",
    "03284,,0.00,,": "record 2, amount: is zero",
    "03284,,-5,,": "record 2, amount: '-5' is negative",
    "03284,,+5,,": "record 2, amount: '+5'",
    "03284,,$5,,": "record 2, amount: '$5'",
    "03284,,1e3,,": "record 2, amount: '1e3'",
    "03284,,5.001,,": "record 2, amount: '5.001' has 3 decimals",
    "03284,,5,-1,": "record 2, paid: '-1'",
    "03284,,5,5.01,": "record 2, paid: is more than the amount",
    "03284,,5,,25": "record 2, payplan: '25'",
    "03284,,5,,0%": "record 2, payplan: '0%'",
    "03284,,5,,101%": "record 2, payplan: '101%'",
    "03284,,5,,-5%": "record 2, payplan: '-5%'",
    "03284,,5,,12.345%": "record 2, payplan: '12.345%'",
    "03284,2018-07-23,5,,": "record 2, startdate: '2018-07-23'",
    "03284,0000-00-00,5,,": "record 2, startdate: '0000-00-00'",
    "03284,2018-13-01T00:00:00Z,5,,": "record 2, startdate: '2018-13-01T00:00:00Z'",
}


async def test_a_bad_record_refuses_the_whole_file(http, boss, owner, accounts) -> None:
    for record, reason in BAD_RECORDS.items():
        answer = await post(http, boss, f"{HEADER}{ROW}\n{record}\n")
        assert (answer.status_code, answer.json()["error"]) == (406, 201), record
        assert reason in answer.json()["error_message"], record
    assert await owed(owner) == []


async def test_every_bad_record_is_named(http, boss, owner, accounts) -> None:
    rows = ["99999,,5,,", ROW, "88888,,5,,"]
    answer = await post(http, boss, HEADER + "\n".join(rows))
    assert (answer.status_code, answer.json()["error"]) == (404, 201)
    message = answer.json()["error_message"]
    assert "record 1, account: '99999'" in message
    assert "record 3, account: '88888'" in message
    assert message.count("record") == 2
    many = await post(http, boss, HEADER + "\n".join(["99999,,5,,"] * 60))
    assert many.json()["error_message"].count("record ") == 50
    assert "60" in many.json()["error_message"]
    assert await owed(owner) == []


async def test_files_that_cannot_be_read(http, boss, owner, accounts) -> None:
    for body, status in (
        ("", 400),
        ("account,amount\n03284", 400),
        (b"account,amount\n03284,\xff5", 400),
        ("account,amount\r03284,5\r", 400),
        ("amount\n5", 406),
        ("account\n03284", 406),
        ("account,amount,colour\n03284,5,red", 406),
    ):
        answer = await post(http, boss, body)
        assert (answer.status_code, answer.json()["error"]) == (status, 201), body
    assert await owed(owner) == []


async def test_only_a_header_imports_nothing(http, boss, accounts) -> None:
    answer = await post(http, boss, HEADER)
    assert answer.json() == {"error": 0, "data": {"records_imported": 0, "customers": []}}


async def test_the_special_limit_is_each_records(http, door, owner, accounts) -> None:
    clerk = await make_user(door, "example", "clerk", "CSR3", special_limit=10_000)
    two = await post(http, clerk, f"account,amount\n03284,100\n03284,100.00\n03285,{'99.99'}")
    assert two.status_code == 200, two.text
    over = await post(http, clerk, "account,amount,paid\n03284,1,0\n03284,100.01,100.01")
    assert (over.status_code, over.json()["error"]) == (403, 101)
    assert "record 2, amount" in over.json()["error_message"]
    assert "$100.00" in over.json()["error_message"]
    assert len(await owed(owner)) == 3


async def test_blocked_accounts_are_refused_by_any_of_their_names(
    http, door, owner, accounts
) -> None:
    clerk = await make_user(door, "example", "clerk", "CSR3")
    await owner.execute(
        "update access.system_user set blocked_accounts = '03284,03286' where login = 'clerk'"
    )
    assert (await post(http, clerk, "account,amount\n03285,5")).status_code == 200
    for query, key in (("", "03284"), ("&foreignkeys=true", "5004000")):
        answer = await post(http, clerk, f"account,amount\n03285,5\n{key},5", query)
        assert (answer.status_code, answer.json()["error"]) == (403, 101)
        assert "record 2, account: 03284" in answer.json()["error_message"]
    await owner.execute("update access.system_user set blocked_accounts = '*'")
    assert (await post(http, clerk, "account,amount\n03285,5")).status_code == 403
    assert len(await owed(owner)) == 1


async def test_who_may_import(http, door, boss, cashier, accounts) -> None:
    csr2 = await make_user(door, "example", "csr2", "CSR2")
    for actor in (cashier, csr2):
        answer = await post(http, actor, HEADER + ROW)
        assert (answer.status_code, answer.json()["error"]) == (403, 101)
    csr3 = await make_user(door, "example", "csr3", "CSR3")
    assert (await post(http, csr3, HEADER + ROW)).status_code == 200
    stranger = await http.post(f"{PATH}?portal=example", content=HEADER + ROW)
    assert (stranger.status_code, stranger.json()["error"]) == (401, 100)
    foreign = await http.post(
        f"{PATH}?portal=elsewhere", content=HEADER + ROW, headers=token_header(boss)
    )
    assert (foreign.status_code, foreign.json()["error"]) == (403, 101)
    nowhere = await http.post(PATH, content=HEADER + ROW, headers=token_header(boss))
    assert (nowhere.status_code, nowhere.json()["error"]) == (406, 201)
    wrong = await http.get(f"{PATH}?portal=example", headers=token_header(boss))
    assert (wrong.status_code, wrong.json()["error"]) == (405, 200)


async def test_another_portals_account_does_not_exist(http, door, boss, owner, accounts) -> None:
    await door.act(create_portal, CreatePortal("next", "Next", "UTC", "USD", "N"), OPERATOR)
    await plant(owner, "next", {"77777": "K7"})
    answer = await post(http, boss, "account,amount\n77777,5\nK7,5", "&foreignkeys=true")
    assert answer.status_code == 404
    assert await owed(owner) == []


async def test_a_repeated_key_imports_once(http, boss, owner, accounts) -> None:
    first, again = [
        await post(http, boss, HEADER + ROW, **{"idempotency-key": "file 7"}) for _ in range(2)
    ]
    assert first.status_code == 200, first.text
    assert again.content == first.content
    assert again.headers["x-juice-warning"] == first.headers["x-juice-warning"]
    other = await post(http, boss, HEADER + ROW + "\n" + ROW, **{"idempotency-key": "file 7"})
    assert (other.status_code, other.json()["error"]) == (406, 201)
    assert len(await owed(owner)) == 1


async def test_the_audit_log_tells_the_file_by_its_hash(http, boss, owner, accounts) -> None:
    await post(http, boss, HEADER + ROW)
    told = await owner.fetchval(
        "select command from access.audit_event where act = 'import_arrears'"
    )
    assert "SHA-256" in told
    assert "tempfile" not in told
    assert "03284" not in told


# J18 to J20

OWED = "/customers/arrears/all-owed-arrears"
BY_TYPE = "/customers/arrears/get-arrears/by-type"
FOR_CUSTOMER = "/customers/arrears/get-arrears/for-customer"
EASTERN = ZoneInfo("America/New_York")


def eastern(text: str) -> datetime:
    """An instant of New York's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=EASTERN)


async def owe(
    owner: asyncpg.Connection,
    account: str,
    item_id: int,
    amount: str,
    *,
    key: str = "example",
    type_name: str = "CIStransfer",
    coa: str = "9100",
    plan: str = "100",
    issued: str = "2019-04-18T14:31:41",
    start: str | None = "2019-04-18T00:00:00",
    paid: tuple[tuple[int, str, str, str], ...] = (),
) -> None:
    """Plant an arrears; `paid` are the entry, the kind, the amount and the time of payments."""
    outstanding = Decimal(amount) - sum(Decimal(part) for _, _, part, _ in paid)
    await owner.execute(
        "insert into receivables.open_item (portal_id, item_id, account_id, amount, outstanding, "
        "type_name, type_coa, receivable_coa, pay_plan, issued_at, start_at, entry_id) "
        "select p.portal_id, $2, a.account_id, $3, $4, $5, $6, '1100', $7, $8, $9, $2 "
        "from access.portal as p inner join customers.account as a on a.portal_id = p.portal_id "
        "where a.account = $1 and p.key = $10",
        account, item_id, Decimal(amount), outstanding, type_name, coa, Decimal(plan),
        eastern(issued), None if start is None else eastern(start), key,
    )  # fmt: skip
    for entry_id, kind, part, at in paid:
        await owner.execute(
            "insert into receivables.allocation (portal_id, item_id, entry_id, kind, amount, "
            "allocated_at) select portal_id, item_id, $2, $3, $4, $5 "
            "from receivables.open_item where item_id = $1",
            item_id, entry_id, kind, Decimal(part), eastern(at),
        )  # fmt: skip


async def f_owed(owner: asyncpg.Connection) -> None:
    debts = ("12.50", "1765.75", "445.16", "330.30", "681.77")
    await plant(owner, "example", {f"{n:05}": None for n in range(1, 7)})
    for number, amount in reversed(list(enumerate(debts, start=1))):
        await owe(owner, f"{number:05}", number, amount)
    settled = ((300, "payment", "5.00", "2019-04-20T10:00:00"),)
    await owe(owner, "00006", 6, "5.00", paid=settled)
    await owe(owner, "00001", 7, "9.00", paid=((301, "writeoff", "9.00", "2019-04-20T10:00:00"),))


async def f_by_type(owner: asyncpg.Connection) -> None:
    await plant(owner, "example", {"03284": None, "03283": None, "03285": None})
    await owe(owner, "03283", 5, "100.00")
    await owe(owner, "03285", 2, "0.44", type_name="Gimme5", coa="4910", start=None)
    await owe(
        owner, "03284", 85, "20.00", plan="25", issued="2019-04-01T09:17:17",
        start="2019-04-01T00:00:00",
        paid=(
            (291, "writeoff", "3.92", "2019-04-25T15:35:15"),
            (253, "payment", "0.25", "2019-04-04T16:03:21"),
            (252, "payment", "3.33", "2019-04-04T16:03:21"),
            (245, "payment", "12.50", "2019-04-04T10:32:44"),
        ),
    )  # fmt: skip


async def f_for_customer(owner: asyncpg.Connection) -> None:
    await plant(owner, "example", {"03285": None})
    await owe(
        owner, "03285", 1, "1000.00", plan="25", issued="2019-04-25T14:22:44",
        start="2019-04-25T00:00:00",
    )  # fmt: skip
    await owe(
        owner, "03285", 2, "0.44", type_name="Gimme5", coa="4910", issued="2019-04-25T14:23:32",
        start=None,
    )  # fmt: skip


LISTS = {
    "arrears_all_owed": f_owed,
    "arrears_by_type": f_by_type,
    "arrears_for_customer": f_for_customer,
}


@pytest.mark.parametrize("name", LISTS)
async def test_the_examples_of_the_lists(name, http, boss, owner) -> None:
    told = example(name)
    await LISTS[name](owner)
    answer = await http.get(f"{told['path']}?{told['raw_query']}", headers=token_header(boss))
    assert (answer.status_code, answer.json()) == (200, told["expect_body"])
    assert list(answer.json()["data"]["customers"]) == list(
        told["expect_body"]["data"]["customers"]
    )
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert "transfer-encoding" not in answer.headers


async def ask(http: httpx.AsyncClient, actor: Actor, path: str, **query: str) -> Any:
    return await http.get(path, params={"portal": "example"} | query, headers=token_header(actor))


async def customers(http: httpx.AsyncClient, actor: Actor, path: str, **query: str) -> Any:
    answer = await ask(http, actor, path, **query)
    assert (answer.status_code, answer.json()["error"]) == (200, 0), answer.text
    assert list(answer.json()["data"]) == ["customers"]
    return answer.json()["data"]["customers"]


async def test_who_owes_is_listed_by_account_and_in_pages(http, boss, owner) -> None:
    await f_owed(owner)
    await plant(owner, "example", {"100000": None, "99999": None})
    await owe(owner, "100000", 20, "1.00")
    await owe(owner, "99999", 21, "2.00")
    await owe(owner, "99999", 22, "1.50", type_name="TamperFine", coa="4959", start=None)
    rows = await customers(http, boss, OWED)
    assert [row["account"] for row in rows] == [
        "00001", "00002", "00003", "00004", "00005", "99999", "100000",
    ]  # fmt: skip
    assert rows[0] == {"account": "00001", "arrears_amount": "-$12.50"}
    assert rows[-2:] == [
        {"account": "99999", "arrears_amount": "-$3.50"},
        {"account": "100000", "arrears_amount": "-$1.00"},
    ]
    assert await customers(http, boss, OWED, limit="2", offset="1") == rows[1:3]
    assert await customers(http, boss, OWED, limit="0") == []
    assert await customers(http, boss, OWED, offset="7") == []


async def test_nobody_owes_anything(http, boss) -> None:
    assert await customers(http, boss, OWED) == []
    assert await customers(http, boss, BY_TYPE, arrears_coa="9100") == {}


async def test_arrears_of_a_type_keep_what_they_were_issued_as(http, boss, owner) -> None:
    await f_by_type(owner)
    await owner.execute("update receivables.arrears_type set name = 'New' where coa = '9100'")
    found = await customers(http, boss, BY_TYPE, arrears_coa="9100")
    assert {row["arrears_type"] for rows in found.values() for row in rows} == {"CIStransfer"}
    found = await customers(http, boss, BY_TYPE, arrears_coa="4910")
    assert [row["arrears_type"] for row in found["03285"]] == ["Gimme5"]
    for details in ("", "false", "0"):
        found = await customers(http, boss, BY_TYPE, arrears_coa="9100", details=details)
        assert "payments" not in found["03284"][0]
        assert found["03284"][0]["paid_amount"] == "$20.00"


async def test_a_page_of_arrears_is_one_of_accounts(http, boss, owner) -> None:
    await f_by_type(owner)
    await owe(owner, "03283", 90, "7.00", plan="12.5", issued="2019-04-19T00:00:00")
    await owe(owner, "03283", 91, "8.00", plan="33.33", issued="2019-04-19T00:00:00")
    await plant(owner, "example", {"100000": None})
    await owe(owner, "100000", 92, "1.00")
    whole = await customers(http, boss, BY_TYPE, arrears_coa="9100", details="1")
    assert list(whole) == ["03283", "03284", "100000"]
    assert [(row["arrears_id"], row["pay_plan"]) for row in whole["03283"]] == [
        (91, "33.33%"), (90, "12.5%"), (5, "100%"),
    ]  # fmt: skip
    pages = [
        await customers(http, boss, BY_TYPE, arrears_coa="9100", details="1", limit="1", offset=n)
        for n in "0123"
    ]
    assert [list(page) for page in pages] == [["03283"], ["03284"], ["100000"], []]
    assert pages[0] | pages[1] | pages[2] == whole


async def test_a_coa_that_is_not_in_the_chart(http, boss, owner) -> None:
    await f_by_type(owner)
    assert await customers(http, boss, BY_TYPE, arrears_coa="1101") == {}
    for coa in ("9999", "x", "9100 "):
        answer = await ask(http, boss, BY_TYPE, arrears_coa=coa)
        assert (answer.status_code, answer.json()["error"]) == (404, 201)
        assert "COA" in answer.json()["error_message"]
    answer = await ask(http, boss, BY_TYPE)
    assert (answer.status_code, answer.json()["error"]) == (406, 201)
    assert "arrears_coa" in answer.json()["error_message"]


async def test_an_account_without_arrears_and_one_that_is_not_there(http, boss, owner) -> None:
    await plant(owner, "example", {"03285": "C7"})
    assert await customers(http, boss, FOR_CUSTOMER, account="03285") == {}
    for account in ("99998", "C7", "3285"):
        answer = await ask(http, boss, FOR_CUSTOMER, account=account)
        assert (answer.status_code, answer.json()["error"]) == (404, 201)
        assert account in answer.json()["error_message"]
    answer = await ask(http, boss, FOR_CUSTOMER, account="03285", details="perhaps")
    assert (answer.status_code, answer.json()["error"]) == (406, 201)
    assert "details" in answer.json()["error_message"]


async def test_what_was_reversed_is_not_told(http, boss, owner) -> None:
    """A payment that was reversed goes with its reversal, and an item that was taken back."""
    await f_by_type(owner)
    portal_id = await owner.fetchval("select portal_id from access.portal")
    at = eastern("2019-04-26T08:00:00")
    back = await owner.fetchval("select receivables.unallocate($1, 252, 300, $2)", portal_id, at)
    assert back == 1
    assert await owner.fetchval("select receivables.take_back($1, 5, 301, $2)", portal_id, at) == 1
    found = await customers(http, boss, BY_TYPE, arrears_coa="9100", details="true")
    assert list(found) == ["03284"]
    (row,) = found["03284"]
    assert (row["paid_amount"], row["outstanding_amount"]) == ("$16.67", "-$3.33")
    assert [paid["trans"] for paid in row["payments"]] == [245, 253, 291]
    assert await customers(http, boss, FOR_CUSTOMER, account="03283") == {}
    assert await customers(http, boss, OWED) == [
        {"account": "03284", "arrears_amount": "-$3.33"},
        {"account": "03285", "arrears_amount": "-$0.44"},
    ]


async def test_blocked_accounts_are_left_out_or_refused(http, boss, owner) -> None:
    await f_by_type(owner)
    await owner.execute("update access.system_user set blocked_accounts = '99999,03284'")
    assert list(await customers(http, boss, BY_TYPE, arrears_coa="9100")) == ["03283"]
    owed = await customers(http, boss, OWED)
    assert [row["account"] for row in owed] == ["03283", "03285"]
    answer = await ask(http, boss, FOR_CUSTOMER, account="03284")
    assert (answer.status_code, answer.json()["error"]) == (403, 101)
    assert len(await customers(http, boss, FOR_CUSTOMER, account="03283")) == 1
    await owner.execute("update access.system_user set blocked_accounts = '*'")
    assert await customers(http, boss, BY_TYPE, arrears_coa="9100") == {}
    assert await customers(http, boss, OWED) == []
    assert (await ask(http, boss, FOR_CUSTOMER, account="03283")).status_code == 403


async def test_the_lists_are_of_one_portal_in_its_time_and_money(http, door, boss, owner) -> None:
    await f_by_type(owner)
    made = CreatePortal("sydney", "Sydney", "Australia/Sydney", "JPY", "S")
    await door.act(create_portal, made, OPERATOR)
    there = await make_user(door, "sydney", "there", "SysAdmin", vendor_number="S")
    await plant(owner, "sydney", {"03284": None})
    await owe(owner, "03284", 200, "1500", key="sydney", start=None)
    query = {"portal": "sydney", "arrears_coa": "9100", "account": "03284"}
    for path in (BY_TYPE, FOR_CUSTOMER):
        found = await customers(http, there, path, **query)
        assert list(found) == ["03284"]
        (row,) = found["03284"]
        assert row["arrears_amount"] == "-¥1,500"
        assert row["start_date"] == "1970-01-01T00:00:00+10:00"
        assert row["issued_date"] == "2019-04-19T04:31:41+10:00"
    for path in (OWED, BY_TYPE, FOR_CUSTOMER):
        answer = await ask(http, boss, path, **query)
        assert (answer.status_code, answer.json()["error"]) == (403, 101)


async def test_who_may_see_the_lists(http, door, boss, cashier, owner) -> None:
    await f_by_type(owner)
    clerk = await make_user(door, "example", "clerk", "CSR")
    query = {"arrears_coa": "9100", "account": "03284"}
    for path in (OWED, BY_TYPE, FOR_CUSTOMER):
        answer = await ask(http, cashier, path, **query)
        assert (answer.status_code, answer.json()["error"]) == (403, 101)
        assert (await ask(http, clerk, path, **query)).status_code == 200
        stranger = await http.get(path, params={"portal": "example"} | query)
        assert (stranger.status_code, stranger.json()["error"]) == (401, 100)
        wrong = await http.post(path, headers=token_header(boss))
        assert (wrong.status_code, wrong.json()["error"]) == (405, 200)
        head = await http.head(
            path, params={"portal": "example"} | query, headers=token_header(clerk)
        )
        assert (head.status_code, head.content) == (200, b"")


async def test_many_arrears_arrive_whole(http, boss, owner) -> None:
    """More than one chunk of the file, and more than one page of the cursor."""
    await plant(owner, "example", {f"{n:05}": None for n in (1, 2)})
    await owner.execute(
        "insert into receivables.open_item (portal_id, account_id, amount, outstanding, type_name, "
        "type_coa, receivable_coa, pay_plan, issued_at, entry_id) "
        "select a.portal_id, a.account_id, n, n, 'CIStransfer', '9100', '1100', 50, "
        "'2026-01-01T00:00:00Z', n from customers.account as a, generate_series(1, 4500) as n"
    )
    answer = await ask(http, boss, BY_TYPE, arrears_coa="9100")
    assert answer.headers["content-length"] == str(len(answer.content))
    assert len(answer.content) > 2 * 1024 * 1024
    found = answer.json()["data"]["customers"]
    assert {account: len(rows) for account, rows in found.items()} == {"00001": 4500, "00002": 4500}
    assert {row["account"] for row in found["00002"]} == {"00002"}
    assert len({row["arrears_id"] for rows in found.values() for row in rows}) == 9000
    assert await customers(http, boss, OWED) == [
        {"account": account, "arrears_amount": "-$10,127,250.00"} for account in found
    ]
