"""Quirks Q16 to Q22 of JuiceAPI: names and types that change (conformance.md, section 3)."""

import json
from decimal import Decimal
from typing import Any

import pytest
from tests.conformance.juice.conftest import Stages
from tests.conformance.juice.stage import data, refused

TARIFF = {
    "portal": "example", "name": "NEW", "desc": "", "rate": 0.043, "units": "kWh", "type": 1,
    "fuel_charge": False, "levy1": False, "levy2": False, "levy3": False, "taxable": False,
    "fixed": False, "kva_fixed": False,
}  # fmt: skip
RATE = {
    "portal": "example", "tariff": "SBT", "start_date": "2050-05-01T00:00:00Z",
    "end_date": "2060-12-31T23:59:59Z", "service": "Electricity", "tier": "B1", "rate": 0.3572,
    "usage_base_start": 0, "units": "kWh",
}  # fmt: skip
USER = {
    "portal": "example", "login": "swarren", "name": "Sarah Warren", "system_role": "CSR",
    "external_vendor": False, "vendor_number": "CEC",
    "vending_limit": {"amount": 0, "currency": "USD"},
    "special_limit": {"amount": 0, "currency": "USD"}, "blocked_accounts": "",
}  # fmt: skip
ARREARS = "account,startdate,amount,paid,payplan"


def without(told: dict[str, Any], name: str) -> str:
    """A body that lacks a member."""
    return json.dumps({key: value for key, value in told.items() if key != name})


# Q16


@pytest.mark.parametrize(
    ("target", "meant"),
    [
        ("/meters/get-meter?portal=example&serial_number=M1", "serialnumber"),
        ("/meters/get-meter?portal=example&serialnum=M1", "serialnumber"),
        ("/meters/reads/get?serial_number=M1", "serialnumber"),
        ("/location/get-location?portal=example&loc_id=L03281", "locid"),
        ("/location/get-location?portal=example&locname=10029384", "locid"),
        ("/tariff/current/get?portal=example&name=SBT", "tariff"),
        ("/systemuser/token/generate?portal=example&login=boss", "user"),
        ("/systemuser/get?portal=example&login=boss", "user"),
        ("/systemuser/perms/get?user=boss", "login"),
    ],
)
async def test_q16_each_endpoint_has_its_own_spelling(stages: Stages, target, meant) -> None:
    stage = await stages("F-BAL")
    refused(await stage.get(target), 406, 201, f"parameter {meant}")


@pytest.mark.parametrize(
    ("target", "body", "meant"),
    [
        ("/tariff/create", TARIFF | {"tariff": "NEW"}, "name"),
        ("/tariff/create", TARIFF | {"description": ""}, "desc"),
        ("/tariff/future/create", RATE | {"name": "SBT"}, "tariff"),
        ("/systemuser/create", USER | {"role": "CSR"}, "system_role"),
        ("/systemuser/create", USER | {"user": "swarren"}, "login"),
    ],
)
async def test_q16_each_body_has_its_own_spelling(stages: Stages, target, body, meant) -> None:
    stage = await stages("F-BAL")
    refused(await stage.post(target, without(body, meant)), 406, 201, f"{meant} is missing")


@pytest.mark.parametrize(
    ("table", "row", "named"),
    [
        ("customers", {"contract": "5004000", "phone_1": "1"}, "phone_1"),
        ("customers", {"contract": "5004000", "postal_code": "1"}, "postal_code"),
        ("meters", {"serialnum": "0cb4fce5", "com_type": "AMR"}, "com_type"),
        ("locations", {"locname": "at 5004000", "loc_zip": "1"}, "loc_zip"),
    ],
)
async def test_q16_each_file_has_its_own_columns(stages: Stages, table, row, named) -> None:
    stage = await stages("F-BAL")
    body = f"{','.join(row)}\n{','.join(row.values())}"
    target = f"/file-importer/trinity/update?portal=example&table={table}"
    refused(await stage.post(target, body), 406, 201, named)


async def test_q16_answers_spell_the_same_thing_as_their_endpoint_does(stages: Stages) -> None:
    stage = await stages("F-READS-OUT")
    (listed,) = data(await stage.get("/meters/get-meters?portal=example"))["meters"]
    assert listed.keys() == {"serial_number", "com_type"}
    shown = data(await stage.get("/meters/get-meter?portal=example&serialnumber=AMI1234"))
    assert shown.keys() >= {"serial_number", "com", "id", "loc_id", "last_mod", "tariff"}
    (read, _) = data(await stage.get("/meters/reads/get?serialnumber=AMI1234"))
    assert read.keys() >= {"serialnumber", "deviceid", "locid", "lastmod"}
    for told in (shown, read):
        assert not told.keys() & {"serialnum", "com_type", "comtype", "loc_name", "name_"}
    assert not shown.keys() & {"serialnumber", "deviceid", "locid", "lastmod"}
    assert not read.keys() & {"serial_number", "id", "loc_id", "last_mod"}


async def test_q16_what_was_counted_has_four_names(stages: Stages) -> None:
    stage = await stages("F-BAL")
    base = "/file-importer"
    funds = f"{ARREARS}\n03284,,1,,"
    person = "contract,phone2\n5004000,1"
    place = "locname,locaddr1,loccity,locstate,loczip,meterinstalldate,contract,serialnum\n"
    place += "H1,A,B,TN,1,0000-00-00,unassigned,unassigned"
    read = "serialnumber,datetime,sumforwardactive\n0cb4fce5,2018-07-24T09:00:00-04:00,1"
    for target, body, name in (
        (f"{base}/trinity/import?portal=example&table=locations", place, "records_imported"),
        (f"{base}/trinity/update?portal=example&table=customers", person, "records_updated"),
        (f"{base}/balance-adj/arrears?portal=example", funds, "records_imported"),
        (f"{base}/balance-adj/units/fund?portal=example", funds, "imported"),
        (f"{base}/balance-adj/currency/fund?portal=example", funds, "imported"),
        ("/meters/reads/insert?source=mas&format=CSV", read, "parsed_reads"),
    ):
        told = data(await stage.post(target, body))
        assert [key for key in told if isinstance(told[key], int)] == [name]
        assert told[name] == 1


# Q17


async def test_q17_chart_accounts_are_numbers_in_rates_and_text_elsewhere(stages: Stages) -> None:
    stage = await stages("F-TARIFF-ALL")
    _, sbt = data(await stage.get("/tariff/all/get?portal=example"))
    assert (sbt["rate"][0]["coa"], sbt["rate"][0]["ar_coa"]) == (4005, 1102)
    assert (sbt["fixed"][0]["coa"], sbt["fixed"][0]["ar_coa"]) == ("4900", "1102")
    types = data(await stage.get("/arrears/list-types?portal=example"))
    assert {type(told["coa"]) for told in types} == {str}
    line = RATE | {"coa": 4005, "ar_coa": 1102}
    (rate,) = data(await stage.post("/tariff/future/create", json.dumps(line)))
    assert (rate["coa"], rate["ar_coa"]) == (4005, 1102)
    refused(
        await stage.post("/tariff/future/create", json.dumps(line | {"coa": "4005"})),
        406, 201, "coa",
    )  # fmt: skip


async def test_q17_truth_is_a_number_in_meters_and_customers_only(stages: Stages) -> None:
    stage = await stages("F-TRIO")
    meter = data(await stage.get("/meters/get-meter?portal=example&serialnumber=1234abcde"))
    customer = data(await stage.get("/customers/get-customer?portal=example&account=03280"))
    numbers = [meter["vendable"], meter["service_status"]]
    numbers += [customer[name] for name in ("email_notify", "sms_notify", "phone_notify")]
    assert [(type(number), number) for number in numbers] == [
        (int, 1), (int, 0), (int, 1), (int, 0), (int, 0),
    ]  # fmt: skip
    types = data(await stage.get("/arrears/list-types?portal=example"))
    assert {type(told["selectable"]) for told in types} == {bool}


async def test_q17_codes_are_digits_in_a_file_and_text_in_an_answer(stages: Stages) -> None:
    stage = await stages("F-BAL")
    header = (
        "serialnum,deviceid,comtype,tariff,sgc,ti,keyrev,keyexp,basedate,sts_version,maxpower,"
        "addactiveread,server,wallet,contract,locname"
    )
    rows = (
        "7084636088,,STS,SBT,000403,01,1,255,1993,4,,,primary,currency,unassigned,unassigned\n"
        "7084636089,,STS,SBT,,,,,,6,,,primary,currency,unassigned,unassigned"
    )
    target = "/file-importer/trinity/import?portal=example&table=meters"
    data(await stage.post(target, f"{header}\n{rows}"))
    names = ("sgc", "ststi", "sts_key_rev", "sts_exp_num", "sts_base_date", "sts_version")
    for serial, told in (
        ("7084636088", ("000403", "01", "1", 255, 1993, 4)),
        ("7084636089", ("", "", "", 255, 0, 6)),
    ):
        shown = await stage.get(f"/meters/get-meter?portal=example&serialnumber={serial}")
        assert tuple(data(shown)[name] for name in names) == told
    refused(await stage.post(target, f"{header}\n{rows.replace('000403', '4O3')}"), 406, 201, "sgc")


async def test_q17_degrees_are_numbers_in_a_file_and_text_in_an_answer(stages: Stages) -> None:
    stage = await stages("F-COM")
    header = "locname,locaddr1,loccity,locstate,loczip,loclat,loclong,meterinstalldate"
    row = "H1,A,B,TN,07367,35.0450,-85.3,0000-00-00,unassigned,unassigned"
    body = f"{header},contract,serialnum\n{row}"
    target = "/file-importer/trinity/import?portal=example&table=locations"
    (keys,) = data(await stage.post(target, body))["record_keys"]
    target = f"/location/get-location?portal=example&locid={keys['juice_key']}"
    told = data(await stage.get(target))
    assert (told["loc_lat"], told["loc_long"]) == ("35.0450", "-85.3")
    assert (told["loc_zip"], told["socket"]) == ("07367", 0)


# Q18


async def test_q18_customers_are_an_array_or_an_object(stages: Stages) -> None:
    stage = await stages("F-BAL")
    target = "/file-importer/balance-adj/arrears?portal=example"
    issued = data(await stage.post(target, f"{ARREARS}\n03284,,100,,"))
    assert issued["customers"] == [{"account": "03284", "arrears_amount": "$100.00"}]
    base = "/customers/arrears"
    owed = data(await stage.get(f"{base}/all-owed-arrears?portal=example"))
    assert owed["customers"] == [{"account": "03284", "arrears_amount": "-$100.00"}]
    for which in ("by-type?arrears_coa=9100", "for-customer?account=03284"):
        told = data(await stage.get(f"{base}/get-arrears/{which}&portal=example"))["customers"]
        assert [one["account"] for one in told["03284"]] == ["03284"]
    none = data(await stage.get(f"{base}/get-arrears/for-customer?portal=example&account=03285"))
    assert none == {"customers": {}}


@pytest.mark.parametrize(
    "target",
    [
        "/meters/reads/get?serialnumber=0cb4fce5",
        "/file-importer/trinity/get-keys?portal=example&table=customers",
        "/customers/wallet/get-values?portal=example&account=03284",
        "/arrears/list-types?portal=example",
        "/tariff/all/get?portal=example",
        "/transactions/dump?portal=example&end_date=2018-07-24",
    ],
)
async def test_q18_data_is_a_bare_array(stages: Stages, target: str) -> None:
    stage = await stages("F-BAL")
    assert isinstance(data(await stage.get(target)), list)


async def test_q18_a_scheduled_rate_comes_in_an_array_of_one(stages: Stages) -> None:
    stage = await stages("F-BAL")
    told = data(await stage.post("/tariff/future/create", json.dumps(RATE)))
    assert [rate["tier"] for rate in told] == ["B1"]


# Q19 to Q21


async def test_q19_debt_is_negative_where_it_is_listed_and_positive_where_it_is_made(
    stages: Stages,
) -> None:
    stage = await stages("F-ADJ")
    target = "/file-importer/balance-adj/arrears?portal=example"
    issued = data(await stage.post(target, f"{ARREARS}\n03284,,100,30,"))
    assert issued["customers"][0]["arrears_amount"] == "$100.00"
    body = f"{ARREARS}\n03284,,-20,,"
    adjusted = data(await stage.post("/transactions/adjust?portal=example", body))
    assert adjusted["processed"] == ["account 03284 new arrears for -$20.00"]
    assert adjusted["arrears_data"][0]["arrears_amount"] == "$20.00"
    base = "/customers/arrears"
    owed = data(await stage.get(f"{base}/all-owed-arrears?portal=example"))["customers"]
    assert owed == [{"account": "03284", "arrears_amount": "-$90.00"}]
    target = f"{base}/get-arrears/for-customer?portal=example&account=03284&details=true"
    told = data(await stage.get(target))["customers"]["03284"]
    first = next(one for one in told if one["arrears_amount"] == "-$100.00")
    assert (first["paid_amount"], first["outstanding_amount"]) == ("$30.00", "-$70.00")
    assert [(paid["type"], paid["amount"]) for paid in first["payments"]] == [("payment", "$30.00")]


async def test_q20_money_is_a_number_in_the_dump_and_in_rates(stages: Stages) -> None:
    stage = await stages("F-DUMP")
    target = "/transactions/dump?portal=example&end_date=2019-03-08T23:59:59-04:00"
    told = [row["transaction"] for row in data(await stage.get(target))]
    assert [(one["amount"], one["arrears_payment"]) for one in told] == [
        (10, 10), (Decimal("0.45"), 0),
    ]  # fmt: skip
    shown = data(await stage.get("/tariff/current/get?portal=example&tariff=CASH"))
    assert [rate["rate"] for rate in shown["rate"]] == [Decimal("0.3572")]


async def test_q20_money_is_text_everywhere_else(stages: Stages) -> None:
    """The sign before the currency, thousands apart."""
    stage = await stages("F-DUMP")
    target = "/file-importer/balance-adj/arrears?portal=example"
    issued = data(await stage.post(target, f"{ARREARS}\n03284,,1234567.5,,"))
    assert issued["customers"][0]["arrears_amount"] == "$1,234,567.50"
    owed = data(await stage.get("/customers/arrears/all-owed-arrears?portal=example"))
    assert owed["customers"] == [{"account": "03284", "arrears_amount": "-$1,234,567.50"}]


async def test_q20_money_is_whole_minor_units_in_limits(stages: Stages) -> None:
    stage = await stages("F-USR-NEW")
    vending, special = ({"amount": amount, "currency": "USD"} for amount in (123456, 0))
    limits = {"vending_limit": vending, "special_limit": special}
    told = data(await stage.post("/systemuser/create", json.dumps(USER | limits)))
    assert {name: told[name] for name in limits} == limits
    for amount in (12.5, "100", -1, None):
        wrong = {"login": "other", "special_limit": {"amount": amount, "currency": "USD"}}
        answer = await stage.post("/systemuser/create", json.dumps(USER | wrong))
        refused(answer, 406, 201, "special_limit")


async def test_q21_settled_arrears_are_listed_by_type_and_not_among_what_is_owed(
    stages: Stages,
) -> None:
    stage = await stages("F-BYTYPE")
    base = "/customers/arrears"
    owed = data(await stage.get(f"{base}/all-owed-arrears?portal=example"))["customers"]
    assert [told["account"] for told in owed] == ["03283", "03285"]
    target = f"{base}/get-arrears/by-type?portal=example&arrears_coa=9100"
    told = data(await stage.get(target))["customers"]
    assert {account: one["outstanding_amount"] for account, (one,) in told.items()} == {
        "03283": "-$100.00", "03284": "$0.00",
    }  # fmt: skip


# Q22


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("/tariff/create", TARIFF),
        ("/tariff/future/create", RATE),
        ("/systemuser/create", USER),
    ],
)
async def test_q22_required_means_present_not_filled(stages: Stages, target, body) -> None:
    """Each body is as empty as it may be: blank texts, false, zero, no chart accounts."""
    stage = await stages("F-BAL")
    for name in body:
        answer = await stage.post(target, without(body, name))
        refused(answer, 406, 201, f"{name} is missing")
    answer = await stage.post(target, json.dumps(body))
    assert (answer.status_code, answer.json()["error"]) == (200, 0), answer.text


async def test_q22_a_rate_without_chart_accounts_has_the_usual_ones(stages: Stages) -> None:
    stage = await stages("F-BAL")
    (rate,) = data(await stage.post("/tariff/future/create", json.dumps(RATE)))
    assert (rate["coa"], rate["ar_coa"]) == (4005, 1102)
