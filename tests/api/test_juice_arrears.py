"""J12 and J21 over real HTTP: the document's own examples, and what they leave out."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from tests.conftest import make_user, token_header

from currant.access.model import OPERATOR, Actor, CreatePortal
from currant.access.verbs import create_portal

EXAMPLES = Path(__file__).parents[3] / "shared" / "spec" / "juice_examples.jsonl"
PATH = "/file-importer/balance-adj/arrears"
HEADER = "account,startdate,amount,paid,payplan\n"
ROW = "03284,2018-07-23T00:00:00Z04:00,100.00,0.00,100%"


def example(name: str) -> dict[str, Any]:
    if not EXAMPLES.exists():
        pytest.skip("The document's examples are not beside this repository.")
    lines = EXAMPLES.read_text(encoding="utf-8").splitlines()
    told = (json.loads(line) for line in lines if line.strip())
    return next(one for one in told if one["name"] == name)


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
