"""Quirks Q36 to Q48 of JuiceAPI: semantics left open, of accounts and of answers (section 3)."""

import asyncio
import json
from decimal import Decimal

import pytest
from tests.conformance.juice.conftest import Stages
from tests.conformance.juice.examples import EXAMPLES
from tests.conformance.juice.stage import Stage, data, refused
from tests.houses import imported, meter

HEADER = "account,startdate,amount,paid,payplan"
ADJUST = "/transactions/adjust?portal=example"
ARREARS = "/file-importer/balance-adj/arrears?portal=example"
UNITS = "/file-importer/balance-adj/units/fund?portal=example"
CURRENCY = "/file-importer/balance-adj/currency/fund?portal=example"
OWED_BY = "/customers/arrears/get-arrears/for-customer?portal=example&details=true&account="
BY_TYPE = "/customers/arrears/get-arrears/by-type?portal=example&arrears_coa=9100"
DUMP = "/transactions/dump?portal=example&end_date="


# Q36 to Q38: what the dump tells


@pytest.mark.parametrize(
    "path",
    ["/transactions/vend", "/meters/swap", "/systemuser/delete", "/meters/reads/status"],
)
async def test_q36_the_face_neither_sells_nor_swaps_nor_deletes(stages: Stages, path) -> None:
    stage = await stages("F-COM")
    refused(await stage.post(path, "{}"), 404, 200, path)
    refused(await stage.get(path), 404, 200, path)


async def test_q36_what_is_sold_elsewhere_is_dumped_here(stages: Stages) -> None:
    stage = await stages("F-BAL")
    told = {"account": "03284", "serial_number": "0cb4fce5", "tender": "card", "amount": 12}
    sold = await stage.post("/v1/example/vends", json.dumps(told))
    assert sold.status_code == 201
    (row,) = data(await stage.get(f"{DUMP}2018-07-24"))
    assert (row["vendor_number"], row["login"]) == ("CEC", "boss")
    assert row["customer"]["serial_number"] == "0cb4fce5"
    assert row["transaction"] == {
        "id": sold.json()["transaction_id"], "type": "card", "amount": 12, "kwh": 40,
        "arrears_payment": 0, "trans_date": "2018-07-24T09:00:00-04:00",
        "check": {"number": 0, "name": ""},
    }  # fmt: skip


@pytest.mark.parametrize("target", [ARREARS, UNITS, CURRENCY])
async def test_q37_foreign_keys_serve_every_adjustment(stages: Stages, target: str) -> None:
    stage = await stages("F-BAL")
    body = f"{HEADER}\n5004000,,10,,"
    refused(await stage.post(target, body), 404, 201, "record 1", "account", "5004000")
    told = data(await stage.post(f"{target}&foreignkeys=true", body))
    assert 1 in (told.get("imported"), told.get("records_imported"))
    account = await stage.owner.fetchval(
        "select a.account from ledger.entry as e inner join customers.account as a "
        "on a.account_id = e.account_id"
    )
    assert account == "03284"


async def test_q38_the_window_is_a_day_of_seconds_both_ends_included(stages: Stages) -> None:
    stage = await stages("F-DUMP")

    async def ids(end: str) -> list[int]:
        return [row["transaction"]["id"] for row in data(await stage.get(DUMP + end))]

    assert await ids("2019-03-08T22:59:59-05:00") == [230, 233]
    assert await ids("2019-03-08T22:59:58-05:00") == [229, 230, 233]
    assert await ids("2019-03-08T23:00:00-05:00") == [230, 233, 234]
    assert await ids("2019-03-09T15:32:42-05:00") == [230, 233, 234]
    assert await ids("2019-03-09T15:32:43-05:00") == [233, 234]
    assert await ids("2019-03-08") == [230, 233, 234]
    assert await ids("2019-03-07") == [229]


# Q39 to Q41: arrears, contracts


async def test_q39_what_was_paid_includes_what_was_written_off(stages: Stages) -> None:
    stage = await stages("F-BYTYPE")
    (owed,) = data(await stage.get(f"{BY_TYPE}&details=true"))["customers"]["03284"]
    kinds = [(paid["type"], Decimal(paid["amount"].lstrip("$"))) for paid in owed["payments"]]
    assert [kind for kind, _ in kinds] == ["payment", "payment", "payment", "writeoff"]
    assert owed["paid_amount"] == f"${sum(amount for _, amount in kinds)}" == "$20.00"
    (plain,) = data(await stage.get(BY_TYPE))["customers"]["03284"]
    assert plain == {name: told for name, told in owed.items() if name != "payments"}
    assert "payments" not in data(await stage.get(f"{BY_TYPE}&details=true"))["customers"]["03283"]


async def test_q40_a_start_is_told_as_it_was_sent(stages: Stages) -> None:
    """With its time of day, in the portal's zone."""
    stage = await stages("F-ADJ")
    body = f"{HEADER}\n03285,2019-04-04T14:14:07Z,-100,0,25%"
    (made,) = data(await stage.post(ADJUST, body))["arrears_data"]
    assert made["start_date"] == "2019-04-04T10:14:07-04:00"
    (owed,) = data(await stage.get(f"{OWED_BY}03285"))["customers"]["03285"]
    assert owed["start_date"] == made["start_date"]
    assert (owed["arrears_id"], owed["pay_plan"]) == (made["arrears_id"], "25%")


async def test_q41_a_contract_that_is_not_there_is_the_account(stages: Stages) -> None:
    stage = await stages("F-DUMP")
    shown = data(await stage.get("/customers/get-customer?portal=example&account=03283"))
    assert (shown["account"], shown["contract"]) == ("03283", "03283")
    keys = data(await stage.get("/file-importer/trinity/get-keys?portal=example&table=customers"))
    assert keys == [
        {"juice_key": "03283", "external_key": "03283"},
        {"juice_key": "03284", "external_key": "5004000"},
    ]
    rows = data(await stage.get(f"{DUMP}2019-03-08T23:59:59-04:00"))
    assert [row["customer"]["contract"] for row in rows] == ["5004000", "03283"]


# Q42 to Q44: com types, headers, keys


async def test_q42_sts_is_taken_and_not_listed_and_others_are_not_taken(stages: Stages) -> None:
    stage = await stages("F-COM")
    await imported(stage.door, stage.boss, "meters", meter("S1", comtype="STS", keyexp="255"))
    listed = data(await stage.get("/meters/com-types/get-supported"))
    assert list(listed) == ["AMR", "ByBot", "DLMS", "MAS", "MultiSpeak", "NES"]
    meters = data(await stage.get("/meters/get-meters?portal=example&com=STS"))["meters"]
    assert meters == [{"serial_number": "S1", "com_type": "STS"}]
    for other in ("NightHawk", "multispeak", "sts", ""):
        body = f"serialnum,comtype\nS1,{other}"
        target = "/file-importer/trinity/update?portal=example&table=meters"
        refused(await stage.post(target, body), 406, 201, "record 1", "comtype")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET /health-check HTTP/1.1", "200 OK"),
        ("GET /nowhere HTTP/1.1", "404 Not Found"),
        ("DELETE /auth-test HTTP/1.1", "405 Method Not Allowed"),
        ("GET /auth-test HTTP/1.1", "401 Unauthorized"),
    ],
)
async def test_q43_status_and_length_are_headers_of_their_own(stages: Stages, head, status) -> None:
    stage = await stages("F-COM")
    raw = await bare(stage, head)
    top, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = top.decode().split("\r\n")
    assert first == f"HTTP/1.1 {status}"
    parts = [line.partition(":") for line in lines]
    headers = [(name.lower(), value.strip()) for name, _, value in parts]
    assert [value for name, value in headers if name == "status"] == [status]
    assert [value for name, value in headers if name == "content-length"] == [str(len(body))]
    assert json.loads(body)["error"] in (0, 100, 200)
    assert not [value for name, value in headers if name == "connection" and "tatus" in value]


async def bare(stage: Stage, head: str) -> bytes:
    """Send a request line on a socket and return every byte of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.http.base_url.port)
    writer.write(f"{head}\r\nHost: api.utiliflex.com:8080\r\nConnection: close\r\n\r\n".encode())
    raw = await reader.read()
    writer.close()
    return raw


async def test_q44_files_take_either_key_and_answers_tell_ours(stages: Stages) -> None:
    stage = await stages("F-BAL")
    body = f"{HEADER}\n5004000,,1,,\n03285,,2,,"
    told = data(await stage.post(f"{ARREARS}&foreignkeys=1", body))
    assert [row["account"] for row in told["customers"]] == ["03284", "03285"]
    adjusted = f"{HEADER}\n03284,,-1,,"
    told = data(await stage.post(ADJUST, adjusted))
    assert [row["account"] for row in told["arrears_data"]] == ["03284"]


async def test_q44_links_take_either_key(stages: Stages) -> None:
    stage = await stages("F-UPD-CUS")
    header = "contract,locname,serialnum"
    target = "/file-importer/trinity/update?portal=example&table=customers"
    for contract in ("5004000", "03284"):
        for place in ("1009001", "L03291"):
            body = f"{header}\n{contract},{place},0cb4fce5"
            (keys,) = data(await stage.post(target, body))["record_keys"]
            assert keys == {"juice_key": "03284", "external_key": "5004000"}
    shown = data(await stage.get("/meters/get-meter?portal=example&serialnumber=0cb4fce5"))
    assert (shown["account"], shown["loc_id"]) == ("03284", "L03291")


# Q45 to Q48: codes, signs, %, redirects


async def test_q45_code_200_is_a_failure_and_status_200_a_success(stages: Stages) -> None:
    stage = await stages("F-COM")
    assert data(await stage.get("/auth-test")) == {"status": "OK"}
    for method, target, status in (
        ("GET", "/teapot", 404), ("POST", "/auth-test", 405), ("BREW", "/auth-test", 405),
    ):  # fmt: skip
        refused(await stage.send(method, target, **stage.caller), status, 200)


@pytest.mark.parametrize(
    ("status", "error", "target"),
    [
        (401, 100, "/meters/get-meter?portal=example&serialnumber=X"),
        (403, 101, "/meters/get-meter?portal=nowhere&serialnumber=X"),
        (404, 201, "/meters/get-meter?portal=example&serialnumber=X"),
        (404, 201, "/customers/get-customer?portal=example&account=00001"),
        (404, 201, "/tariff/current/get?portal=example&tariff=X"),
        (404, 201, "/location/get-location?portal=example&locid=L00001"),
        (406, 201, "/meters/get-meter?portal=example"),
        (406, 201, "/file-importer/trinity/get-keys?portal=example&table=meters"),
        (406, 201, f"{DUMP}yesterday"),
    ],
)
async def test_q45_each_code_comes_with_its_status(stages: Stages, status, error, target) -> None:
    stage = await stages("F-COM")
    headers = {} if status == 401 else stage.caller
    refused(await stage.send("GET", target, **headers), status, error)


@pytest.mark.parametrize("target", [ARREARS, UNITS, CURRENCY, ADJUST])
async def test_q46_amounts_have_no_sign_but_where_it_means_arrears(stages: Stages, target) -> None:
    stage = await stages("F-BAL")
    for amount in ("+10", "$10", "1e1", "0", "", "--1"):
        body = f"{HEADER}\n03284,,10,,\n03284,,{amount},,"
        refused(await stage.post(target, body), 406, 201, "record 2", "amount")
    answer = await stage.post(target, f"{HEADER}\n03284,,-10,,")
    if target == ADJUST:
        assert data(answer)["processed"] == ["account 03284 new arrears for -$10.00"]
    else:
        refused(answer, 406, 201, "record 1", "amount")
        assert await stage.owner.fetchval("select count(*) from ledger.entry") == 0


async def test_q47_every_portal_is_no_portal_that_can_be_asked(stages: Stages) -> None:
    stage = await stages("F-COM")
    types = data(await stage.get("/arrears/list-types?portal=example"))
    assert {told["portal"] for told in types} == {"%", "example"}
    for name in ("%25", "%"):
        refused(await stage.get(f"/arrears/list-types?portal={name}"), 403, 101)
        refused(await stage.get(f"/meters/get-meters?portal={name}"), 403, 101)


async def test_q48_nothing_is_answered_elsewhere(stages: Stages) -> None:
    """A path with a blank end is the path, or is said to be moved for good, the body with it."""
    stage = await stages("F-COM")
    for example in EXAMPLES:
        path, _, question = example.target.partition("?")
        for target in (example.target, f"{path}/?{question}", f"{path}/nowhere?{question}"):
            answer = await stage.send(
                example.method, target, example.body, **stage.caller, Content_Type="text/plain"
            )
            moved = answer.status_code == 308 and target.startswith(f"{path}/?")
            assert moved or not answer.has_redirect_location, target
            assert moved or not answer.is_redirect, target
