"""J30 and J31 over HTTP: accounts adjusted by file, transactions reversed."""

from decimal import Decimal

import httpx
import pytest
from tests.conftest import make_user, token_header
from tests.houses import House, small_house

from currant.access.model import Actor
from currant.door import Door

HEADER = "account,startdate,amount,paid,payplan"
PATH = "/transactions/adjust?portal=example"


@pytest.fixture
async def house(door: Door, boss: Actor) -> House:
    """Two homes with currency wallets, and a third with a unit wallet."""
    money = await small_house(door, boss, homes=2, wallet="currency")
    units = await small_house(door, boss, homes=1, first=3, rate=None)
    return House(
        money.tariff,
        money.contracts + units.contracts,
        money.accounts + units.accounts,
        money.loc_ids + units.loc_ids,
        money.serials + units.serials,
    )


async def adjust(http: httpx.AsyncClient, actor: Actor, *records: str, **more: str):
    body = "\n".join([HEADER, *records])
    return await http.post(PATH, content=body, headers=token_header(actor) | more)


async def test_records_are_answered_in_their_order(http, boss, house, owner) -> None:
    one, two, _ = house.accounts
    answer = await adjust(
        http, boss,
        f"{two},2026-02-04T10:14:00-05:00,-1000.5,0.5,25%", f"{one},,10.25,,", f"{one},,-3,,",
    )  # fmt: skip
    assert answer.status_code == 200
    items = [r["item_id"] for r in await owner.fetch("select item_id from receivables.open_item")]
    assert answer.json() == {
        "error": 0,
        "data": {
            "processed": [
                f"account {two} new arrears for -$1,000.50",
                f"account {one} credited $10.25",
                f"account {one} new arrears for -$3.00",
            ],
            "arrears_data": [
                {
                    "account": two, "arrears_id": items[0], "arrears_amount": "$1,000.50",
                    "start_date": "2026-02-04T10:14:00-05:00", "arrears_type": "FundsRecovery",
                },
                {
                    "account": one, "arrears_id": items[1], "arrears_amount": "$3.00",
                    "start_date": "1970-01-01T00:00:00-05:00", "arrears_type": "FundsRecovery",
                },
            ],
            "error": None,
        },
    }  # fmt: skip
    books = await owner.fetch(
        "select e.kind, p.coa, p.amount from ledger.entry as e inner join ledger.posting as p "
        "using (entry_id) where e.kind in ('adjust', 'arrears') order by e.kind, p.entry_id, line"
    )
    assert [tuple(row) for row in books] == [
        ("adjust", "5100", Decimal("10.25")), ("adjust", "2100", Decimal("-10.25")),
        ("arrears", "1100", Decimal("1000.5")), ("arrears", "9110", Decimal("-1000.5")),
        ("arrears", "9110", Decimal("0.5")), ("arrears", "1100", Decimal("-0.5")),
        ("arrears", "1100", Decimal(3)), ("arrears", "9110", Decimal(-3)),
    ]  # fmt: skip


async def test_only_credits_have_no_arrears_data(http, boss, house) -> None:
    answer = await adjust(http, boss, f"{house.accounts[0]},,1,,")
    assert answer.json()["data"]["arrears_data"] == []
    assert (await adjust(http, boss)).json()["data"]["processed"] == []


@pytest.mark.parametrize(
    ("record", "status", "told"),
    [
        ("{0},,0,,", 406, "record 2, amount: is zero"),
        ("{0},,-0.00,,", 406, "record 2, amount: is zero"),
        ("{0},,+1,,", 406, "record 2, amount: '+1'"),
        ("{0},,$1,,", 406, "record 2, amount: '$1'"),
        ("{0},,1.005,,", 406, "3 decimals; at most 2"),
        ("{0},,,,", 406, "record 2, amount: is blank"),
        ("{0},,-1,2,", 406, "record 2, paid: is more than the amount"),
        ("{0},,-1,-1,", 406, "record 2, paid: '-1' is negative"),
        ("{0},,-1,,125%", 406, "record 2, payplan"),
        ("{0},yesterday,-1,,", 406, "record 2, startdate"),
        ("99999,,1,,", 404, "record 2, account"),
        ("{2},,1,,", 406, "record 2, account: {2} has no currency wallet"),
        (",,1,,", 406, "record 2, account: is blank"),
    ],
)
async def test_a_bad_record_undoes_the_good_ones(
    http, boss, house, owner, record, status, told
) -> None:
    entries = await owner.fetchval("select count(*) from ledger.entry")
    record, told = (text.format(*house.accounts) for text in (record, told))
    answer = await adjust(http, boss, f"{house.accounts[1]},,5,,", record)
    assert (answer.status_code, answer.json()["error"]) == (status, 201)
    assert told in answer.json()["error_message"]
    assert "othing was" in answer.json()["error_message"]
    assert await owner.fetchval("select count(*) from ledger.entry") == entries


async def test_the_special_limit_and_blocked_accounts_are_kept_per_record(
    http, door, boss, house, owner
) -> None:
    low = await make_user(door, "example", "low", "CSR3", special_limit=1000)
    await owner.execute(
        "update access.system_user set blocked_accounts = $1 where login = 'low'",
        house.accounts[1],
    )
    one, two, _ = house.accounts
    within = await adjust(http, low, f"{one},,10,,", f"{one},,-10,,")
    assert within.status_code == 200
    for record, column in ((f"{one},,10.01,,", "amount"), (f"{one},,-10.01,,", "amount"),
                           (f"{two},,1,,", "account")):  # fmt: skip
        answer = await adjust(http, low, f"{one},,1,,", record)
        assert (answer.status_code, answer.json()["error"]) == (403, 101)
        assert f"record 2, {column}" in answer.json()["error_message"]


async def test_a_file_sent_again_with_its_key_is_done_once(http, boss, house, owner) -> None:
    told = [
        (await adjust(http, boss, f"{house.accounts[0]},,5,,", **{"Idempotency-Key": "k"})).json()
        for _ in range(3)
    ]
    assert told == [told[0]] * 3
    assert await owner.fetchval("select max(balance) from prepayment.wallet") == 5


async def test_a_reversal_answers_what_it_undid(http, boss, house, owner) -> None:
    await adjust(http, boss, f"{house.accounts[0]},,10.25,,")
    number = await owner.fetchval("select max(entry_id) from ledger.entry")
    body = f'{{"portal":"example","id":{number},"life_note":"Typed twice"}}'
    answer = await http.post("/transactions/reverse", content=body, headers=token_header(boss))
    assert answer.json() == {
        "error": 0,
        "data": {
            "account": house.accounts[0], "amount": "$10.25", "id": number + 1,
            "original_created": "2026-03-02T12:00:00-05:00", "type": "adjust",
        },
    }  # fmt: skip
    again = await http.post("/transactions/reverse", content=body, headers=token_header(boss))
    assert (again.status_code, again.json()["error"]) == (406, 201)
    dump = await http.get(
        "/transactions/dump?portal=example&end_date=2026-03-02", headers=token_header(boss)
    )
    told = [row["transaction"] for row in dump.json()["data"]][-2:]
    assert [(row["type"], row["amount"]) for row in told] == [
        ("adjust", 10.25), ("reversal", -10.25),
    ]  # fmt: skip


async def test_what_a_reversal_left_behind_is_warned_of(http, door, boss, cashier, house) -> None:
    body = f'{{"account":"{house.accounts[0]}","tender":"cash","amount":10}}'
    sold = await http.post("/v1/example/vends", content=body, headers=token_header(cashier))
    await http.post(
        "/v1/example/batches/current/close", content='{"counted":{"cash":10}}',
        headers=token_header(cashier),
    )  # fmt: skip
    await http.post(
        "/file-importer/balance-adj/currency/debit?portal=example",
        content=f"account,amount\n{house.accounts[0]},1", headers=token_header(boss),
    )  # fmt: skip
    number = sold.json()["transaction_id"]
    body = f'{{"portal":"example","id":{number},"life_note":"Wrong account"}}'
    answer = await http.post("/transactions/reverse", content=body, headers=token_header(boss))
    assert answer.status_code == 200
    assert answer.headers["x-juice-warning"] == "wallet-below-zero, batch-closed"


@pytest.mark.parametrize(
    ("member", "value", "status", "told"),
    [
        ("id", '"1"', 406, "id: expected a whole number, got text"),
        ("id", "1.5", 406, "id"),
        ("id", "999999999", 404, "999999999"),
        ("id", "99999999999999999999", 406, "id is out of range"),
        ("life_note", '""', 406, "life_note"),
        ("life_note", '"  "', 406, "life_note"),
        ("life_note", "null", 406, "life_note"),
        ("portal", '"other"', 403, "other"),
        ("portal", "...", 406, "portal is missing"),
    ],
)
async def test_a_bad_member_of_a_reversal_is_named(http, boss, member, value, status, told) -> None:
    body = {"portal": '"example"', "id": "1", "life_note": '"why"'} | {member: value}
    told_body = ",".join(f'"{name}":{text}' for name, text in body.items() if text != "...")
    answer = await http.post(
        "/transactions/reverse", content=f"{{{told_body}}}", headers=token_header(boss)
    )
    assert answer.status_code == status, answer.text
    assert told in answer.json()["error_message"]
