"""Quirks Q01 to Q08 of JuiceAPI: transport and syntax (conformance.md, section 3)."""

import json
from dataclasses import replace

import pytest
from tests.conformance.juice.conftest import Stages
from tests.conformance.juice.examples import EXAMPLES, FORM
from tests.conformance.juice.fixtures import home, linear
from tests.conformance.juice.stage import Stage, data, refused
from tests.conformance.juice.test_replay import replay
from tests.conftest import make_user, token_header
from tests.houses import imported, meter

from currant.access.model import OPERATOR, CreatePortal
from currant.access.verbs import create_portal

CSV_WARNING = "csv-header-repaired"
OFFSET_WARNING = "nonstandard-offset"
READS_THERE = "/meters/reads/insert?portal=there&source=multispeak&format=CSV"
CUSTOMERS = "/file-importer/trinity/import?portal=example&table=customers"
LOCATIONS = "/file-importer/trinity/import?portal=example&table=locations"
READ = (
    "metername,serialnumber,deviceid,datetime,multiplier,sumforwardactive,sumreverseactive,"
    "sumforwardreactive,sumreversereactive,meterstate"
)
METER = (
    "serialnum,deviceid,comtype,tariff,sgc,ti,keyrev,keyexp,basedate,sts_version,maxpower,"
    "addactiveread,server,wallet,contract,locname"
)
PERSON = "contract,name,phone1,phone2,sms1,sms2,email,address1,address2,city,state,postalcode"
PLACE = "locname,locaddr1,locaddr2,loccity,locstate,loczip,loclat,loclong,meterinstalldate"
REST_OF_PLACE = "Watertown,TN,07367,,,0000-00-00,unassigned,unassigned"


async def test_q01_paths_hang_off_the_root_of_any_host(stages: Stages) -> None:
    stage = await stages("F-COM")
    for host in ("api.utiliflex.com:8080", "api.utiliflex.com", "localhost", "10.0.0.1:443"):
        assert data(await stage.get("/auth-test", Host=host)) == {"status": "OK"}
    for prefix in ("/api", "/v11", "/juice", "/JuiceAPI/latest"):
        refused(await stage.get(f"{prefix}/auth-test"), 404, 200, "endpoint")


async def test_q01_the_call_that_only_illustrates_is_no_endpoint(stages: Stages) -> None:
    stage = await stages("F-COM")
    refused(await stage.get("/juicecards/verify?portal=foo"), 404, 200, "/juicecards/verify")


@pytest.mark.parametrize(
    "kind", [FORM, "application/json", "text/csv", "text/plain", "multipart/form-data", "?", None]
)
async def test_q02_the_endpoint_chooses_how_a_body_is_read(stages: Stages, kind) -> None:
    stage = await stages("F-TARIFF-NEW")
    headers = {} if kind is None else {"Content_Type": kind}
    tariff = {
        "portal": "example", "name": f"as {kind}", "desc": "", "rate": 0.043, "units": "kWh",
        "type": 1, "fuel_charge": False, "levy1": False, "levy2": False, "levy3": False,
        "taxable": False, "fixed": False, "kva_fixed": False,
    }  # fmt: skip
    answer = await stage.post("/tariff/create", json.dumps(tariff), **headers)
    assert answer.json() == {"error": 0}
    person = f"{PERSON},locname,serialnum\n1,A B,1,,1,,a@b,,,,,,unassigned,unassigned"
    assert data(await stage.post(CUSTOMERS, person, **headers))["records_imported"] == 1
    refused(await stage.post("/tariff/create", person, **headers), 400, 201)
    refused(await stage.post(CUSTOMERS, json.dumps(tariff), **headers), 400, 201)


async def test_q02_a_body_that_calls_itself_a_form_is_not_decoded_as_one(stages: Stages) -> None:
    stage = await stages("F-COM")
    name, street = "Smith+Son %41&B=C;D", "100%+1=2&3"
    person = f"{PERSON},locname,serialnum\n1,{name},1,,1,,a@b,{street},,,,,unassigned,unassigned"
    (keys,) = data(await stage.post(CUSTOMERS, person, Content_Type=FORM))["record_keys"]
    shown = await stage.get(f"/customers/get-customer?portal=example&account={keys['juice_key']}")
    assert (data(shown)["name"], data(shown)["address_1"]) == (name, street)


@pytest.mark.parametrize(
    ("zone", "sent", "shown"),
    [
        ("America/New_York", "2017-11-16T07:00:00Z04:00", "2017-11-16T06:00:00-05:00"),
        ("America/New_York", "2017-11-16T07:00:00Z+04:00", "2017-11-15T22:00:00-05:00"),
        ("America/New_York", "2017-11-16T07:00:00Z-04:00", "2017-11-16T06:00:00-05:00"),
        ("America/New_York", "2017-11-16T07:00:00.9Z04:00", "2017-11-16T06:00:00-05:00"),
        ("Australia/Sydney", "2017-11-16T07:00:00Z10:00", "2017-11-16T08:00:00+11:00"),
        ("Australia/Sydney", "2017-11-16T07:00:00Z-10:00", "2017-11-17T04:00:00+11:00"),
        ("UTC", "2017-11-16T07:00:00Z04:00", "2017-11-16T11:00:00+00:00"),
    ],
)
async def test_q03_a_layout_that_was_written_out_has_the_sign_of_the_portal(
    stages: Stages, zone: str, sent: str, shown: str
) -> None:
    stage = await stages("F-READS-IN")
    there = await elsewhere(stage, zone)
    answer = await there.post(READS_THERE, f"serialnumber,datetime,sumforwardactive\nT1,{sent},1")
    assert data(answer) == {"parsed_reads": 1}
    assert answer.headers["x-juice-warning"] == OFFSET_WARNING
    (read,) = data(await there.get("/meters/reads/get?portal=there&serialnumber=T1"))
    assert read["datetime"] == shown


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("2017-11-16T12:00:00Z", "2017-11-16T07:00:00-05:00"),
        ("2017-11-16T07:00:00-05:00", "2017-11-16T07:00:00-05:00"),
        ("2017-11-16T23:00:00+11:00", "2017-11-16T07:00:00-05:00"),
    ],
)
async def test_q03_plain_rfc_3339_needs_no_warning(stages: Stages, sent: str, shown: str) -> None:
    stage = await stages("F-READS-IN")
    there = await elsewhere(stage, "America/New_York")
    answer = await there.post(READS_THERE, f"serialnumber,datetime,sumforwardactive\nT1,{sent},1")
    assert data(answer) == {"parsed_reads": 1}
    assert "x-juice-warning" not in answer.headers
    (read,) = data(await there.get("/meters/reads/get?portal=there&serialnumber=T1"))
    assert read["datetime"] == shown


@pytest.mark.parametrize("sent", ["2017-11-16T07:00:00Z4:00", "2017-11-16T07:00:00Z04:60"])
async def test_q03_the_layout_is_taken_and_nothing_that_looks_like_it(stages, sent: str) -> None:
    stage = await stages("F-READS-IN")
    there = await elsewhere(stage, "America/New_York")
    answer = await there.post(READS_THERE, f"serialnumber,datetime\nT1,{sent}")
    refused(answer, 406, 201, "record 1", "datetime")


async def elsewhere(stage: Stage, zone: str) -> Stage:
    """Have a portal `there` in a zone, with a meter T1; return the stage as its caller sees it."""
    made = CreatePortal("there", "There", zone, "USD", "CEC")
    await stage.door.act(create_portal, made, OPERATOR)
    boss = await make_user(stage.door, "there", "there", "SysAdmin")
    await imported(stage.door, boss, "meters", meter("T1"))
    return replace(stage, boss=boss, caller=token_header(boss))


async def test_q04_timestamps_are_whole_seconds(stages: Stages) -> None:
    """But for the time of the health check, and J28, which repeats the client's offset."""
    stage = await stages("F-TARIFF-NEW")
    stage.at("2021-04-28T12:00:00.850901-04:00")
    health = data(await stage.get("/health-check"))
    assert ".850901" in health["server_time"]
    await linear(stage, "SBT", "0.30")
    await home(stage, 1, "5003986", {"1234abcde": "units"})
    customer = data(await stage.get("/customers/get-customer?portal=example&account=00001"))
    meter = data(await stage.get("/meters/get-meter?portal=example&serialnumber=1234abcde"))
    (read,) = data(await stage.get("/meters/reads/get?serialnumber=1234abcde"))
    (rate,) = data(await stage.get("/tariff/current/get?portal=example&tariff=SBT"))["rate"]
    now = "2021-04-28T12:00:00-04:00"
    for told, names in (
        (customer, ("created", "last_mod")), (meter, ("created", "last_mod")),
        (read, ("datetime", "lastmod")), (rate, ("start_date", "last_mod")),
    ):  # fmt: skip
        assert {told[name] for name in names} == {now}


@pytest.mark.parametrize(
    ("start", "echo"),
    [
        ("2021-05-01T00:00:00Z", "2021-05-01T00:00:00Z"),
        ("2021-05-01T00:00:00+00:00", "2021-05-01T00:00:00+00:00"),
        ("2021-05-01T10:00:00.75+10:00", "2021-05-01T10:00:00+10:00"),
    ],
)
async def test_q04_a_scheduled_rate_repeats_the_offset(stages: Stages, start, echo) -> None:
    stage = await stages("F-TARIFF-NEW")
    await linear(stage, "SBT", "0.30")
    line = {
        "portal": "example", "tariff": "SBT", "start_date": start, "tier": "B1", "rate": 0.3572,
        "end_date": "2040-12-31T23:59:59Z", "service": "Electricity", "usage_base_start": 0,
        "units": "kWh",
    }  # fmt: skip
    (shown,) = data(await stage.post("/tariff/future/create", json.dumps(line)))
    assert (shown["start_date"], shown["end_date"]) == (echo, line["end_date"])
    assert shown["last_mod"] == "2021-04-28T12:00:00-04:00"


@pytest.mark.parametrize(
    "name",
    [
        "meters_get_meters", "meters_get_meter", "meters_callback", "reads_insert_csv_php",
        "tariff_create", "arrears_all_owed", "systemuser_create",
    ],
)  # fmt: skip
async def test_q05_what_a_broken_sample_meant_works(stages: Stages, name: str) -> None:
    example = next(one for one in EXAMPLES if one.name == name)
    await replay(stages, example)


async def test_q05_a_callback_whose_body_was_lost_changes_nothing(stages: Stages) -> None:
    """As printed, the shell ends the command before `--data`."""
    stage = await stages("F-CALLBACK")
    target = "/meters/ami-control/callback?portal=examlpe&source=multispeak"
    refused(await stage.post(target, ""), 400, 201, "empty")
    assert await stage.owner.fetchval("select state from headends.request") == "SENT"


BODIES = {
    "/meters/reads/insert?portal=example&source=multispeak&format=CSV": (
        READ,
        ",0cb4fce5,,2018-07-16T07:00:00-04:00,1.0,108.8,0,0,0,connected",
    ),
    LOCATIONS: (
        f"{PLACE},contract,serialnum",
        "1009001,557-2026 Purus St.,,Watertown,TN,07367,,,2018-07-01,unassigned,unassigned",
    ),
    "/file-importer/trinity/import?portal=example&table=meters": (
        METER,
        "1234abcde,,MultiSpeak,SBT,,,,,,,,0,primary,units,unassigned,unassigned",
    ),
    "/file-importer/trinity/update?portal=example&table=customers": (
        f"{PERSON},locname,serialnum",
        "5004000,Palmer Guy,1,,1,,a@b,,,,,,at 5004000,0cb4fce5",
    ),
    "/file-importer/balance-adj/arrears?portal=example": (
        "account,startdate,amount,paid,payplan", "03284,,100.00,0.00,100%",
    ),
    "/file-importer/balance-adj/units/fund?portal=example": (
        "account,startdate,amount,paid,payplan", "03284,,10,,",
    ),
    "/file-importer/balance-adj/currency/debit?portal=example": (
        "account,startdate,amount,paid,payplan", "03285,,1,,",
    ),
    "/transactions/adjust?portal=example": (
        "account,startdate,amount,paid,payplan", "03284,,10.25,,",
    ),
}  # fmt: skip


@pytest.mark.parametrize("target", BODIES)
async def test_q06_a_header_that_lost_its_line_break_is_repaired(stages: Stages, target) -> None:
    stage = await stages("F-BAL")
    data(await stage.post("/file-importer/balance-adj/currency/fund?portal=example", FUNDS))
    header, row = BODIES[target]
    answer = await stage.post(target, f"{header}\n{row}")
    sound, warned = data(answer), answer.headers.get_list("x-juice-warning")
    await stage.put_back()
    for lost in ("", "\\n"):
        data(await stage.post("/file-importer/balance-adj/currency/fund?portal=example", FUNDS))
        answer = await stage.post(target, f"{header}{lost}{row}")
        assert answer.headers["x-juice-warning"] == ", ".join([CSV_WARNING, *warned])
        repaired = data(answer)
        assert repaired.keys() == sound.keys()
        numbers = [told for told in sound.items() if isinstance(told[1], int)]
        assert numbers == [told for told in repaired.items() if isinstance(told[1], int)]
        await stage.put_back()


FUNDS = "account,startdate,amount,paid,payplan\n03285,,5,,"


@pytest.mark.parametrize("lost", ["", "\\n"])
async def test_q06_no_more_than_one_record_is_recovered(stages: Stages, lost: str) -> None:
    stage = await stages("F-BAL")
    header, row = BODIES["/file-importer/balance-adj/arrears?portal=example"]
    body = f"{header}{lost}{row}{lost}{row}"
    refused(await stage.post("/file-importer/balance-adj/arrears?portal=example", body), 400, 201)
    assert await stage.owner.fetchval("select count(*) from receivables.open_item") == 0


async def test_q07_indentation_and_blanks_around_codes_are_dropped(stages: Stages) -> None:
    stage = await stages("F-BAL")
    row = " \t 1234abcde , D1 , MultiSpeak ,SBT , , , , , , , , 0 ,primary , units,unassigned ,\t"
    target = "/file-importer/trinity/import?portal=example&table=meters"
    data(await stage.post(target, f"{METER}\n{row}unassigned"))
    shown = await stage.get("/meters/get-meter?portal=example&serialnumber=1234abcde")
    told = data(shown)
    assert (told["serial_number"], told["id"], told["tariff"]) == ("1234abcde", "D1", "SBT")


async def test_q07_blanks_of_stored_text_stay(stages: Stages) -> None:
    stage = await stages("F-COM")
    body = f"{PLACE},contract,serialnum\nH1, 1 Elm St , Apt 14A2 ,{REST_OF_PLACE}"
    (keys,) = data(await stage.post(LOCATIONS, body))["record_keys"]
    target = f"/location/get-location?portal=example&locid={keys['juice_key']}"
    told = data(await stage.get(target))
    assert (told["loc_address_1"], told["loc_address_2"]) == (" 1 Elm St ", " Apt 14A2 ")


async def test_q07_the_type_with_a_trailing_blank_keeps_it(stages: Stages) -> None:
    stage = await stages("F-BAL")
    types = data(await stage.get("/arrears/list-types?portal=example"))
    assert types[0]["arrears_type"] == "Recovery "
    owed = "account,startdate,amount,paid,payplan\n03284,,5,,"
    data(await stage.post("/file-importer/balance-adj/arrears?portal=example&credit=1101", owed))
    target = "/customers/arrears/get-arrears/for-customer?portal=example&account=03284"
    (told,) = data(await stage.get(target))["customers"]["03284"]
    assert told["arrears_type"] == "Recovery "


async def test_q08_lines_may_end_in_cr_lf(stages: Stages) -> None:
    stage = await stages("F-BAL")
    funds = "account,startdate,amount,paid,payplan\r\n03284,,5,,\r\n03284,,\r6,,\r\n"
    target = "/file-importer/balance-adj/currency/fund?portal=example"
    assert data(await stage.post(target, funds)) == {"imported": 2}


@pytest.mark.parametrize("records", ["03284,,5,,\r", "03284,,5,,\r03284,,6,,\r"])
async def test_q08_a_file_of_cr_alone_is_refused_not_guessed(stages: Stages, records: str) -> None:
    stage = await stages("F-BAL")
    funds = f"account,startdate,amount,paid,payplan\r{records}"
    target = "/file-importer/balance-adj/currency/fund?portal=example"
    refused(await stage.post(target, funds), 400, 201)
    assert await stage.owner.fetchval("select count(*) from ledger.entry") == 0


async def test_q08_a_comment_begins_a_record_and_stands_nowhere_else(stages: Stages) -> None:
    stage = await stages("F-COM")
    rows = [
        '\ufeff# who lives where, "as of today',
        f"{PERSON},locname,serialnum",
        "",
        "#C0,Nobody,1,,1,,a@b,,,,,,unassigned,unassigned",
        'C1,"Two\n#Lines",1,,1,,a@b,#12 Elm St,,,,,unassigned,unassigned',
        "  #C2,Blanks Before,1,,1,,a@b,,,,,,unassigned,unassigned",
        '"#C3",Quoted Key,1,,1,,a@b,,,,,,unassigned,unassigned',
        "# the end",
    ]  # fmt: skip
    taken = data(await stage.post(CUSTOMERS, "\n".join(rows)))
    assert taken["records_imported"] == 3
    assert [keys["external_key"] for keys in taken["record_keys"]] == ["C1", "#C2", "#C3"]
    first = await stage.get("/customers/get-customer?portal=example&account=00001")
    assert data(first)["name"] == "Two\n#Lines"
    assert data(first)["address_1"] == "#12 Elm St"
