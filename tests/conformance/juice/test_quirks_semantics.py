"""Quirks Q23 to Q35 of JuiceAPI: semantics left open (conformance.md, section 3)."""

import json
from decimal import Decimal
from typing import Any

import pytest
from tests.conformance.juice.conftest import Stages
from tests.conformance.juice.examples import EXAMPLES, header_faults
from tests.conformance.juice.fixtures import TOKEN
from tests.conformance.juice.stage import Stage, data, refused
from tests.conftest import served, token_header
from tests.houses import imported, location, meter

from currant.jobs.worker import draw_all

INSERT = "/meters/reads/insert?source=multispeak&format=CSV"
READS = "/meters/reads/get?serialnumber=1234abcde"
CALLBACK = "/meters/ami-control/callback?portal=examlpe&source=multispeak"
PERMS = "/systemuser/perms/update"
TIERS = {
    "portal": "example", "start_date": "2050-05-01T00:00:00Z", "end_date": "2060-12-31T23:59:59Z",
    "service": "Electricity", "rate": 0.1, "usage_base_start": 0, "units": "kWh",
}  # fmt: skip
TARIFF = {
    "portal": "example", "desc": "", "rate": 0.1, "units": "kWh", "fuel_charge": True,
    "levy1": True, "levy2": True, "levy3": True, "taxable": False, "fixed": True,
    "kva_fixed": True,
}  # fmt: skip


async def deliver(stage: Stage, *records: str, more: str = "", columns: str = "") -> None:
    """Insert reads of 1234abcde: instant, active register, and what the columns add."""
    header = f"serialnumber,datetime,sumforwardactive{columns}"
    body = "\n".join([header, *(f"1234abcde,{record}" for record in records)])
    assert data(await stage.post(INSERT + more, body))["parsed_reads"] == len(records)


# Q23 to Q26: readings


@pytest.mark.parametrize(
    ("sent", "more", "shown"),
    [
        ("1.5", "", 1500), ("1.5", "&watts=false", 1500), ("1500", "&watts=true", 1500),
        ("0.0005", "", 1), ("1499.5", "&watts=1", 1500),
    ],
)  # fmt: skip
async def test_q23_reads_come_in_kwh_and_are_told_in_wh(stages: Stages, sent, more, shown) -> None:
    stage = await stages("F-READS-IN")
    await deliver(stage, f"2017-11-16T07:00:00-05:00,{sent}", more=more)
    (told,) = data(await stage.get(READS))
    assert told["sumforwardactive"] == shown


@pytest.mark.parametrize(("unit", "shown"), [(None, 100), ("Wh", 100), ("kWh", 100_240)])
async def test_q23_a_callback_tells_wh_unless_its_source_does_not(
    stages: Stages, unit: str | None, shown: int
) -> None:
    stage = await stages("F-CALLBACK")
    if unit is not None:
        await stage.owner.execute(
            "insert into headends.head_end (portal_id, source, url, callback_unit) "
            "select portal_id, 'multispeak', 'https://headend.example.com', $1 from access.portal",
            unit,
        )
    example = next(one for one in EXAMPLES if one.name == "meters_callback")
    answer = await stage.post(CALLBACK, example.body or "")
    assert answer.json() == {"error": 0}
    (told,) = data(await stage.get(READS))
    assert (told["sumforwardactive"], told["source"]) == (shown, "multispeak")
    assert told["datetime"] == "2019-05-08T18:50:10-04:00"


async def test_q23_a_callback_that_seems_to_be_in_another_unit_is_not_believed(
    stages: Stages,
) -> None:
    stage = await stages("F-CALLBACK")
    await deliver(stage, "2019-05-08T18:00:00-04:00,0.001")
    example = next(one for one in EXAMPLES if one.name == "meters_callback")
    body = (example.body or "").replace("100.24", "101")
    assert (await stage.post(CALLBACK, body)).json() == {"error": 0}
    shown = [(told["sumforwardactive"], told["status"]) for told in data(await stage.get(READS))]
    assert shown == [(1, "N"), (101, "S")]
    assert await stage.owner.fetch("select value, reason from reads.quarantine") == [(101, "HIGH")]


@pytest.mark.parametrize(("more", "shown"), [("", 2000), ("&volts=true", 2)])
async def test_q24_reactive_energy_is_varh(stages: Stages, more: str, shown: int) -> None:
    stage = await stages("F-READS-IN")
    columns = ",sumforwardreactive,sumreversereactive,sumreverseactive"
    await deliver(stage, "2017-11-16T07:00:00-05:00,1,2,2,2", more=more, columns=columns)
    (told,) = data(await stage.get(READS))
    assert (told["sumforwardreactive"], told["sumreversereactive"]) == (shown, shown)
    assert (told["sumforwardactive"], told["sumreverseactive"]) == (1000, 2000)


async def test_q25_a_used_read_names_the_usage_that_it_closes(stages: Stages) -> None:
    """The first one closes a segment of nothing."""
    stage = await stages("F-READS-IN")
    await deliver(stage, "2017-11-16T06:00:00-05:00,1", "2017-11-16T07:00:00-05:00,1.5")
    assert [told["status"] for told in data(await stage.get(READS))] == ["N", "N"]
    await draw_all(stage.door)
    await deliver(stage, "2017-11-16T07:30:00-05:00,2")
    told = data(await stage.get(READS))
    usage = await stage.owner.fetch("select usage_id, energy_wh from reads.usage order by to_at")
    assert [row["energy_wh"] for row in usage] == [0, 500]
    assert [one["status"] for one in told] == [*(f"U:{row['usage_id']}" for row in usage), "N"]
    assert {one["timezoneindex"] for one in told} == {11}


async def test_q25_a_read_that_is_not_believed_is_suspect(stages: Stages) -> None:
    stage = await stages("F-READS-IN")
    await deliver(stage, "2017-11-16T06:00:00-05:00,2", "2017-11-16T07:00:00-05:00,1.5")
    await draw_all(stage.door)
    told = [(one["sumforwardactive"], one["status"]) for one in data(await stage.get(READS))]
    (first,) = await stage.owner.fetch("select usage_id from reads.usage")
    assert told == [(2000, f"U:{first['usage_id']}"), (1500, "S")]


async def test_q26_bucket_1_repeats_the_register_and_usage_is_what_it_advanced(
    stages: Stages,
) -> None:
    stage = await stages("F-READS-IN")
    many = ("2017-11-16T05:00:00-05:00,1,40", "2017-11-16T07:00:00-05:00,1.25,40")
    await deliver(stage, *many, columns=",multiplier")
    first, second = data(await stage.get(READS))
    assert "usagediff" not in first
    assert (second["usagediff"], second["multiplier"]) == (10_000, 40)
    for told in (first, second):
        assert told["toubucket1wh"] == told["sumforwardactive"]
        assert not [name for name in told if name.startswith("toubucket") and "1wh" not in name]


# Q27 and Q28: what is open, and what must not happen by the way


async def test_q27_anybody_may_list_meters_and_learns_nothing_else(stages: Stages) -> None:
    stage = await stages("F-TRIO")
    answer = await stage.send("GET", "/meters/get-meters?portal=example")
    assert data(answer) == {"meters": [{"serial_number": "1234abcde", "com_type": "MultiSpeak"}]}
    for target in ("/meters/get-meter?portal=example&serialnumber=1234abcde", READS):
        refused(await stage.send("GET", target), 401, 100)


async def test_q27_a_deployment_may_close_the_list(stages: Stages) -> None:
    stage = await stages("F-TRIO")
    target = "/meters/get-meters?portal=example"
    async with served(stage.urls, stage.clock, public_meter_list=False) as http:
        http.event_hooks = {}  # The document of the open list tells of no refusal.
        refused(await http.get(target), 401, 100)
        assert len(data(await http.get(target, headers=stage.caller))["meters"]) == 1


async def test_q27_nobody_lists_meters_without_end(stages: Stages) -> None:
    stage = await stages("F-TRIO")
    async with served(stage.urls, stage.clock, public_list_limit="3/minute") as http:
        answers = [await http.get("/meters/get-meters?portal=example") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        refused(answers[-1], 429, 300)
        assert int(answers[-1].headers["retry-after"]) > 0
        data(await http.get("/auth-test", headers=stage.caller))


async def test_q28_a_look_at_the_headers_makes_no_token(stages: Stages) -> None:
    stage = await stages("F-AUTH")
    target = "/systemuser/token/generate?portal=example&user=jsmith"
    old = {"Authorization": f"token jsmith:{TOKEN}"}
    head = await stage.send("HEAD", target, **stage.caller)
    assert head.content == b""
    data(await stage.get("/auth-test", **old))
    answer = await stage.get(target)
    assert answer.headers["cache-control"] == "max-age=0, private, must-revalidate, no-store"
    token = data(answer)["token"]
    refused(await stage.get("/auth-test", **old), 401, 100)
    data(await stage.get("/auth-test", Authorization=f"token jsmith:{token}"))
    kept = await stage.owner.fetch("select * from access.credential")
    assert [row for row in kept if token in str(dict(row))] == []


# Q29 to Q31: instants, tiers, what stands for nothing


@pytest.mark.parametrize(
    "end",
    [
        "2019-03-08T21:32:59+01:00", "2019-03-08T21:32:59%2B01:00", "2019-03-08T21:32:59%2b01:00",
        "2019-03-08T21:32:59%2001:00", "2019-03-08T20:32:59Z", "2019-03-08T16:32:59-04:00",
        "2019-03-08T15:32:59-05:00",
    ],
)  # fmt: skip
async def test_q29_the_sign_of_an_offset_survives_a_query(stages: Stages, end: str) -> None:
    """All are one second, however written; what is told is told in the portal's zone."""
    stage = await stages("F-DUMP")
    told = data(await stage.get(f"/transactions/dump?portal=example&end_date={end}"))
    assert [row["transaction"]["id"] for row in told] == [229, 230]
    assert told[1]["transaction"]["trans_date"] == "2019-03-08T15:32:43-05:00"
    target = "/customers/wallet/get-value?portal=example&account=03283&serialnumber=AMI1234"
    wallet = data(await stage.get(f"{target}&end_date={end}"))["meter"]["AMI1234"]
    assert wallet["unit_balance"] == Decimal("56.69")
    assert data(await stage.get(target))["meter"]["AMI1234"]["unit_balance"] == Decimal("108.28")


@pytest.mark.parametrize(
    ("kind", "tiers", "others"),
    [
        (9, [f"B{n}" for n in range(1, 10)], ["B10", "B0", "T0", "L4", "L1", "a", ""]),
        (0, [f"T{n}" for n in range(1, 10)], ["T10"]),
    ],
)
async def test_q30_there_are_nine_blocks_nine_buckets_and_three_levies(
    stages: Stages, kind, tiers, others
) -> None:
    stage = await stages("F-TARIFF-NEW")
    made = TARIFF | {"name": "NEW", "type": kind}
    assert (await stage.post("/tariff/create", json.dumps(made))).json() == {"error": 0}
    shown = data(await stage.get("/tariff/current/get?portal=example&tariff=NEW"))
    every = ["A", *tiers, "L", "L2", "L3"]
    assert [rate["tier"] for rate in shown["rate"]] == every
    for tier in every:
        line = TIERS | {"tariff": "NEW", "tier": tier}
        (rate,) = data(await stage.post("/tariff/future/create", json.dumps(line)))
        assert rate["tier"] == tier
    for tier in others:
        line = TIERS | {"tariff": "NEW", "tier": tier}
        refused(await stage.post("/tariff/future/create", json.dumps(line)), 406, 201, "tier")


async def test_q31_never_is_local_midnight_of_1970(stages: Stages) -> None:
    """For a location without a meter, and for arrears that are recovered at once."""
    stage = await stages("F-BAL")
    await imported(stage.door, stage.boss, "locations", location("H1"))
    target = "/file-importer/trinity/get-keys?portal=example&table=locations"
    key = data(await stage.get(target))[-1]["juice_key"]
    place = data(await stage.get(f"/location/get-location?portal=example&locid={key}"))
    assert place["meter_installed"] == "1970-01-01T00:00:00-05:00"
    assert (place["account"], place["serial_number"]) == ("unassigned", "unassigned")


async def test_q31_arrears_without_a_start_began_never(stages: Stages) -> None:
    stage = await stages("F-BAL")
    body = "account,startdate,amount,paid,payplan\n03284,,1,,"
    data(await stage.post("/file-importer/balance-adj/arrears?portal=example", body))
    target = "/customers/arrears/get-arrears/for-customer?portal=example&account=03284"
    (owed,) = data(await stage.get(target))["customers"]["03284"]
    assert owed["start_date"] == "1970-01-01T00:00:00-05:00"
    assert owed["pay_plan"] == "100%"


async def test_q31_a_meter_apart_is_unassigned_and_its_keys_do_not_expire(stages: Stages) -> None:
    stage = await stages("F-COM")
    await imported(stage.door, stage.boss, "meters", meter("M1", keyexp=""))
    told = data(await stage.get("/meters/get-meter?portal=example&serialnumber=M1"))
    assert (told["account"], told["loc_id"]) == ("unassigned", "unassigned")
    assert (told["sts_exp_num"], told["sts_base_date"], told["sts_version"]) == (255, 0, 0)


# Q32 to Q35: permissions, verbs, credentials, bare answers


async def permit(stage: Stage, vendor: str = "CEC", **actions: str) -> Any:
    """Act on permissions of jsmith."""
    perms = [{"name": name, "action": action} for name, action in actions.items()]
    body = {"portal": "example", "login": "jsmith", "vendor_number": vendor, "perms": perms}
    return await stage.post(PERMS, json.dumps(body))


async def test_q32_keep_grants_nothing_and_what_is_not_named_stays(stages: Stages) -> None:
    stage = await stages("F-PERMS")
    told = data(await permit(stage, passwd="keep", vendcash="keep"))
    names = ["passwd", "balance", "tabcoms", "tabcontrol"]
    assert [perm["name"] for perm in told["perms"]] == names
    told = data(await permit(stage, vendcash="add", balance="remove"))
    names = ["passwd", "tabcoms", "tabcontrol", "vendcash"]
    assert [perm["name"] for perm in told["perms"]] == names
    assert data(await stage.get("/systemuser/perms/get?login=jsmith")) == told


async def test_q32_what_is_wrong_with_a_change_undoes_all_of_it(stages: Stages) -> None:
    stage = await stages("F-PERMS")
    before = data(await stage.get("/systemuser/perms/get?login=jsmith"))
    refused(await permit(stage, vendcash="add", juggle="add"), 406, 201, "juggle")
    refused(await permit(stage, vendcash="add", passwd="grant"), 406, 201, "action")
    refused(await permit(stage, vendor="XYZ", vendcash="add"), 406, 201, "vendor_number")
    assert data(await stage.get("/systemuser/perms/get?login=jsmith")) == before


async def test_q32_nobody_grants_what_they_lack(stages: Stages) -> None:
    stage = await stages("F-PERMS")
    manager = await stage.user("manager", "ComMGR")
    stage_of = token_header(manager)
    body = {
        "portal": "example", "login": "jsmith", "vendor_number": "CEC",
        "perms": [{"name": "ledger.close", "action": "add"}],
    }  # fmt: skip
    answer = await stage.send("POST", PERMS, json.dumps(body), **stage_of)
    refused(answer, 403, 101, "ledger.close")
    body["perms"] = [{"name": "vendcash", "action": "add"}]
    told = data(await stage.send("POST", PERMS, json.dumps(body), **stage_of))
    assert "vendcash" in [perm["name"] for perm in told["perms"]]


GETS = [one for one in EXAMPLES if one.method == "GET" and "token/generate" not in one.target]
POSTS = sorted({one.target.partition("?")[0] for one in EXAMPLES if one.method == "POST"})


@pytest.mark.parametrize("target", sorted({one.target for one in GETS}))
async def test_q33_head_is_get_without_the_body(stages: Stages, target: str) -> None:
    """What is not there on this fixture is answered alike too."""
    stage = await stages("F-TRIO")
    headers = {} if target.startswith("/health-check") else stage.caller
    answer = await stage.send("GET", target, **headers)
    head = await stage.send("HEAD", target, **headers)
    assert header_faults(answer) == []
    assert (head.status_code, head.content) == (answer.status_code, b"")
    varying = {"date", "content-length"} if "server_time" in answer.text else {"date"}
    assert {n: v for n, v in head.headers.items() if n not in varying} == {
        n: v for n, v in answer.headers.items() if n not in varying
    }


@pytest.mark.parametrize("verb", ["PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
async def test_q33_only_get_post_and_head_are_known(stages: Stages, verb: str) -> None:
    stage = await stages("F-TRIO")
    for target, allowed in (("/auth-test", {"GET", "HEAD"}), ("/tariff/create", {"POST"})):
        answer = await stage.send(verb, target, b"{}", **stage.caller)
        refused(answer, 405, 200, target)
        assert header_faults(answer) == []
        assert {one.strip() for one in answer.headers["allow"].split(",")} == allowed


async def test_q33_each_path_takes_its_own_verb(stages: Stages) -> None:
    stage = await stages("F-TRIO")
    for target in POSTS:
        for verb in ("GET", "HEAD"):
            answer = await stage.send(verb, target, **stage.caller)
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST"), target
    for target in sorted({one.target.partition("?")[0] for one in GETS}):
        answer = await stage.post(target, "{}")
        refused(answer, 405, 200, target)
        assert {one.strip() for one in answer.headers["allow"].split(",")} == {"GET", "HEAD"}


@pytest.mark.parametrize(
    "sent",
    [
        f"token jsmith:{TOKEN}", f"Token jsmith:{TOKEN}", f"TOKEN  jsmith:{TOKEN}",
        "Basic dGVzdDoxMjPCow==", "basic dGVzdDoxMjPCow==",
    ],
)  # fmt: skip
async def test_q34_a_token_is_a_header_and_no_oauth(stages: Stages, sent: str) -> None:
    stage = await stages("F-AUTH")
    assert data(await stage.send("GET", "/auth-test", Authorization=sent)) == {"status": "OK"}


@pytest.mark.parametrize(
    "sent",
    [
        "", "token", f"token {TOKEN}", f"token test:{TOKEN}", "token jsmith:", f"jsmith:{TOKEN}",
        "Basic dGVzdDoxMjOj", "Basic dGVzdDoxMjM=", "Basic dGVzdA==", "Basic ?",
        f"Digest jsmith:{TOKEN}", f"token jsmith:{TOKEN.upper()}",
    ],
)  # fmt: skip
async def test_q34_other_credentials_are_none(stages: Stages, sent: str) -> None:
    """Latin-1 is not UTF-8, and there is no API key."""
    stage = await stages("F-AUTH")
    headers = {"Authorization": sent} if sent else {}
    answer = await stage.send("GET", "/auth-test", **headers)
    refused(answer, 401, 100)
    assert answer.headers["www-authenticate"] == 'Basic realm="Juice", charset="UTF-8"'


@pytest.mark.parametrize("name", ["meters_callback", "tariff_create"])
async def test_q35_what_shows_no_answer_is_answered_shortly(stages: Stages, name: str) -> None:
    example = next(one for one in EXAMPLES if one.name == name)
    stage = await stages(example.fixture)
    answer = await stage.post(example.target, example.body or "")
    assert (answer.status_code, answer.content) == (200, b'{"error":0}')
