"""J03-J05, J09-J11 and J15 over real HTTP: the document's own examples, and what they leave out."""

import json
from datetime import datetime, timedelta
from decimal import Decimal

import asyncpg
import httpx
import pytest
from tests.conftest import make_user, token_header
from tests.documented import example
from tests.houses import (
    CUSTOMER,
    LOCATION,
    METER,
    customer,
    imported,
    linear_tariff,
    location,
    meter,
    small_house,
    text_of,
    updated,
)
from tests.shared import shared_urls, urls  # noqa: F401

from currant.access.model import OPERATOR, Actor, CreatePortal
from currant.access.verbs import create_portal
from currant.api.juice.app import juice_app
from currant.api.limits import Limits
from currant.clock import FrozenClock
from currant.door import Door
from currant.settings import Settings

IMPORT = "/file-importer/trinity/import?portal=example&table="
UPDATE = "/file-importer/trinity/update?portal=example&table="
KEYS = "/file-importer/trinity/get-keys?portal=example&table="
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def count_on(owner: asyncpg.Connection, series: str, following: int) -> None:
    """Make a number the next of its series."""
    await owner.execute(
        "insert into access.counter select portal_id, $1, $2 from access.portal "
        "on conflict (portal_id, name) do update set last = excluded.last",
        series,
        following - 1,
    )


@pytest.fixture
async def send(http: httpx.AsyncClient, boss: Actor):
    """Post a body as curl does, as the boss."""

    async def post(path: str, body: str | bytes, **headers: str) -> httpx.Response:
        content = body.encode() if isinstance(body, str) else body
        return await http.post(path, content=content, headers=token_header(boss) | FORM | headers)

    return post


@pytest.fixture
async def ask(http: httpx.AsyncClient, boss: Actor):
    """Get a path as the boss."""

    async def get(path: str) -> httpx.Response:
        return await http.get(path, headers=token_header(boss))

    return get


async def f_com(door: Door, boss: Actor, owner: asyncpg.Connection, clock: FrozenClock) -> None:
    """The default com types are there from the beginning."""


async def f_meters(door: Door, boss: Actor, owner: asyncpg.Connection, clock: FrozenClock) -> None:
    many = [meter("1234abcde"), meter("AMI1234"), meter("other", comtype="NES")]
    await imported(door, boss, "meters", *many)


async def f_trio(door: Door, boss: Actor, owner: asyncpg.Connection, clock: FrozenClock) -> None:
    await count_on(owner, "account", 3280)
    await count_on(owner, "location", 3281)
    clock.set(datetime.fromisoformat("2017-10-19T13:46:00-04:00"))
    await linear_tariff(door, boss)
    place = location(
        "10029384", locaddr1="3131 Mountian Creek Rd", locaddr2=" Apt 14A2",
        loccity="Chattanooga", loczip="37415", meterinstalldate="2015-05-01",
    )  # fmt: skip
    await imported(door, boss, "locations", place)
    clock.set(datetime.fromisoformat("2017-10-19T13:46:40-04:00"))
    await imported(door, boss, "meters", meter("1234abcde", tariff="SBT", locname="10029384"))
    clock.set(datetime.fromisoformat("2017-10-19T13:47:09-04:00"))
    ringo = customer(
        "5003986", name="Ringo Starr", phone1="14235290856", sms1="14235290856",
        email="ringo@example.com", address1="3131 Mountain Creek RD", address2="Apt 14A2",
        city="Chattanooga", postalcode="37415", locname="L03281", serialnum="1234abcde",
    )  # fmt: skip
    await imported(door, boss, "customers", ringo)
    clock.set(datetime.fromisoformat("2019-01-29T13:09:21-05:00"))
    await updated(door, boss, "meters", {"serialnum": "1234abcde", "server": "primary"})
    await owner.execute("update metering.meter set meter_state = 'DISCONNECTING'")
    clock.set(datetime.fromisoformat("2019-04-16T15:58:28-04:00"))
    await updated(door, boss, "customers", {"contract": "5003986", "phone2": ""})
    clock.advance(timedelta(days=1))


async def f_imp_loc(door: Door, boss: Actor, owner: asyncpg.Connection, clock: FrozenClock) -> None:
    await count_on(owner, "location", 3291)


async def f_imp_mtr(door: Door, boss: Actor, owner: asyncpg.Connection, clock: FrozenClock) -> None:
    await linear_tariff(door, boss)
    await imported(door, boss, "locations", location("1009001"))


async def f_imp_cus(door: Door, boss: Actor, owner: asyncpg.Connection, clock: FrozenClock) -> None:
    await f_imp_loc(door, boss, owner, clock)
    await count_on(owner, "account", 3284)
    await imported(door, boss, "locations", location("1009001"))
    await imported(door, boss, "meters", meter("0cb4fce5"))


async def f_upd_cus(door: Door, boss: Actor, owner: asyncpg.Connection, clock: FrozenClock) -> None:
    await f_imp_cus(door, boss, owner, clock)
    palmer = customer("5004000", locname="L03291", serialnum="0cb4fce5")
    await imported(door, boss, "customers", palmer)


async def f_keys(door: Door, boss: Actor, owner: asyncpg.Connection, clock: FrozenClock) -> None:
    keys = ("1005088", "1024732", "1024760", "1020485", "1020522")
    await imported(door, boss, "customers", *map(customer, keys))


FIXTURES = {
    "F-COM": f_com, "F-METERS": f_meters, "F-TRIO": f_trio, "F-IMP-LOC": f_imp_loc,
    "F-IMP-MTR": f_imp_mtr, "F-IMP-CUS": f_imp_cus, "F-UPD-CUS": f_upd_cus, "F-KEYS": f_keys,
}  # fmt: skip
REPLAYED = (
    "meters_com_types", "meters_get_meters", "meters_get_meter", "trinity_import_locations",
    "trinity_import_locations_php", "trinity_import_meters", "trinity_import_meters_php",
    "trinity_import_customers", "trinity_import_customers_php", "trinity_get_keys",
    "trinity_update_customers", "trinity_update_customers_php", "customers_get_customer",
)  # fmt: skip


@pytest.mark.parametrize("name", REPLAYED)
async def test_the_documents_examples(
    http: httpx.AsyncClient,
    door: Door,
    boss: Actor,
    owner: asyncpg.Connection,
    clock: FrozenClock,
    name: str,
) -> None:
    documented = example(name)
    await FIXTURES[documented["fixture"]](door, boss, owner, clock)
    headers = {} if documented["auth"] == "none" else token_header(boss)
    if documented["content_type"]:
        headers["Content-Type"] = documented["content_type"]
    path = f"{documented['path']}?{documented['raw_query']}"
    body = (documented["body"] or "").encode()
    answer = await http.request(documented["method"], path, content=body, headers=headers)
    expected = documented.get("expect_body_corrected", documented["expect_body"])
    told = json.loads(answer.content, parse_float=Decimal)
    assert answer.status_code == documented["expect_status"], told
    for pointer in documented.get("unordered", []):
        first, last = pointer.strip("/").split("/")
        for whole in (told, expected):
            whole[first][last].sort(key=json.dumps)
    assert told == expected
    repaired = answer.headers.get("x-juice-warning")
    assert repaired == ("csv-header-repaired" if documented.get("variant") == "php" else None)


async def test_com_types_need_credentials_only(http: httpx.AsyncClient, door: Door, boss) -> None:
    assert (await http.get("/meters/com-types/get-supported")).json()["error"] == 100
    vendor = await make_user(door, "example", "shop", "VENDOR")
    answer = await http.get("/meters/com-types/get-supported", headers=token_header(vendor))
    assert list(answer.json()["data"]) == ["AMR", "ByBot", "DLMS", "MAS", "MultiSpeak", "NES"]
    assert answer.json()["data"]["AMR"] == {"com": "AMR"}
    assert answer.json()["data"]["DLMS"] == {
        "com": "DLMS",
        "source": [{"name": "microstar", "pull_reads": False}],
    }


async def test_the_meter_list_is_public(http: httpx.AsyncClient, door: Door, boss: Actor) -> None:
    await imported(door, boss, "meters", meter("B2"), meter("A1"), meter("C3", comtype="STS"))
    listed = [("A1", "MultiSpeak"), ("B2", "MultiSpeak"), ("C3", "STS")]

    async def asked(more: str) -> list[tuple[str, str]]:
        answer = await http.get(f"/meters/get-meters?portal=example{more}")
        assert answer.status_code == 200
        for told in answer.json()["data"]["meters"]:
            assert list(told) == ["serial_number", "com_type"]
        return [tuple(told.values()) for told in answer.json()["data"]["meters"]]

    assert await asked("") == listed
    assert await asked("&com=STS") == listed[2:]
    assert await asked("&com=sts") == []
    assert await asked("&limit=1&offset=1") == listed[1:2]
    for path, status, code in (
        ("/meters/get-meters?portal=nowhere", 403, 101),
        ("/meters/get-meters", 406, 201),
        ("/meters/get-meters?portal=example&limit=-1", 406, 201),
    ):
        answer = await http.get(path)
        assert (answer.status_code, answer.json()["error"]) == (status, code), path


async def test_a_deployment_may_close_the_meter_list(door: Door, boss: Actor) -> None:
    await imported(door, boss, "meters", meter("A1"))
    vendor = await make_user(door, "example", "shop", "VENDOR")
    config = Settings(public_meter_list=False)
    app = juice_app(door, config, Limits(config))
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://juice") as client:
        path = "/meters/get-meters?portal=example"
        assert (await client.get(path)).status_code == 401
        assert (await client.get(path, headers=token_header(vendor))).status_code == 403
        answer = await client.get(path, headers=token_header(boss))
        assert answer.json()["data"]["meters"] == [
            {"serial_number": "A1", "com_type": "MultiSpeak"}
        ]


async def test_a_meter_in_all_its_members(ask, door: Door, boss: Actor, owner) -> None:
    house = await small_house(door, boss, wallet="currency")
    await owner.execute(
        "update metering.meter set factor = 2.5, kva_demand_rating = 12, vendable = false"
    )
    answer = await ask("/meters/get-meter?portal=example&serialnumber=M1")
    data = json.loads(answer.content, parse_float=Decimal)["data"]
    assert len(data) == 39
    assert list(data)[:4] == ["portal", "loc_id", "account", "id"]
    assert list(data)[-1] == "ami_wallet"
    told = {
        "portal": "example", "loc_id": house.loc_ids[0], "account": house.accounts[0],
        "id": "M1", "tariff": "SBT", "subtariff": "PrePaid", "ami_wallet": "currency",
        "kva_demand_rating": 12, "factor": Decimal("2.5"), "vendable": 0,
        "created": "2026-03-02T12:00:00-05:00", "last_mod": "2026-03-02T12:00:00-05:00",
    }  # fmt: skip
    assert {name: data[name] for name in told} == told
    await imported(door, boss, "meters", meter("M2"))
    bare = (await ask("/meters/get-meter?portal=example&serialnumber=M2")).json()["data"]
    assert (bare["loc_id"], bare["account"], bare["tariff"]) == ("unassigned", "unassigned", "")


async def test_times_are_told_in_the_portals_zone(
    door: Door, boss, http: httpx.AsyncClient
) -> None:
    made = CreatePortal("sydney", "Sydney Power", "Australia/Sydney", "AUD", "SYD")
    await door.act(create_portal, made, OPERATOR)
    chief = await make_user(door, "sydney", "chief", "SysAdmin", vendor_number="SYD")
    await imported(door, chief, "meters", meter("M1"))
    await imported(door, chief, "customers", customer("C1"))
    for path in (
        "/meters/get-meter?portal=sydney&serialnumber=M1",
        "/customers/get-customer?portal=sydney&account=00001",
    ):
        data = (await http.get(path, headers=token_header(chief))).json()["data"]
        assert data["created"] == data["last_mod"] == "2026-03-03T04:00:00+11:00"
        answer = await http.get(path, headers=token_header(boss))
        assert (answer.status_code, answer.json()["error"]) == (403, 101)
        own = await http.get(path.replace("sydney", "example"), headers=token_header(boss))
        assert (own.status_code, own.json()["error"]) == (404, 201)


async def test_a_blocked_account_and_its_meter_are_not_shown(
    ask, door: Door, boss: Actor, owner
) -> None:
    await small_house(door, boss)
    await owner.execute("update access.system_user set blocked_accounts = '00001'")
    for path in (
        "/meters/get-meter?portal=example&serialnumber=M1",
        "/customers/get-customer?portal=example&account=00001",
    ):
        answer = await ask(path)
        assert (answer.status_code, answer.json()["error"]) == (403, 101)


async def test_each_endpoint_asks_for_its_permission(http: httpx.AsyncClient, door, boss) -> None:
    await small_house(door, boss)
    roles = {
        role: token_header(await make_user(door, "example", role.lower(), role))
        for role in ("VENDOR", "CSR", "Engineer")
    }
    for method, path, allowed in (
        ("GET", "/meters/get-meter?portal=example&serialnumber=M1", {"CSR", "Engineer"}),
        ("GET", "/customers/get-customer?portal=example&account=00001", {"VENDOR", "CSR"}),
        ("GET", KEYS + "locations", {"Engineer"}),
        ("POST", IMPORT + "locations", {"Engineer"}),
        ("POST", UPDATE + "locations", {"Engineer"}),
    ):
        body = ",".join(LOCATION) if method == "POST" else None
        for role, headers in roles.items():
            answer = await http.request(method, path, content=body, headers=headers)
            wanted = (200, 0) if role in allowed else (403, 101)
            assert (answer.status_code, answer.json()["error"]) == wanted, (path, role)


async def test_the_three_files_in_turn(send, ask) -> None:
    places = await send(IMPORT + "locations", text_of(location("1009001")))
    assert places.json() == {
        "error": 0,
        "data": {
            "records_imported": 1,
            "record_keys": [{"juice_key": "L00001", "external_key": "1009001"}],
        },
    }
    meters = await send(IMPORT + "meters", text_of(meter("1234abcde", locname="1009001")))
    assert meters.json() == {"error": 0, "data": {"records_imported": 1}}
    rows = [customer("5004000", locname="L00001", serialnum="1234abcde"), customer("5004001")]
    people = await send(IMPORT + "customers", text_of(*rows))
    keys = [
        {"juice_key": "00001", "external_key": "5004000"},
        {"juice_key": "00002", "external_key": "5004001"},
    ]
    assert people.json()["data"] == {"records_imported": 2, "record_keys": keys}
    assert (await ask(KEYS + "customers")).json() == {"error": 0, "data": keys}
    assert (await ask(KEYS + "customers&offset=1")).json()["data"] == keys[1:]
    assert (await ask(KEYS + "locations&limit=0")).json()["data"] == []
    changed = await send(UPDATE + "customers", "contract,phone1\n00002,1\n5004000,2\n")
    assert changed.json()["data"] == {"records_updated": 2, "record_keys": keys[::-1]}
    changed = await send(UPDATE + "meters", "serialnum,wallet\n1234abcde,currency")
    assert changed.json() == {"error": 0, "data": {"records_updated": 1}}
    shown = (await ask("/meters/get-meter?portal=example&serialnumber=1234abcde")).json()["data"]
    assert (shown["account"], shown["loc_id"], shown["ami_wallet"]) == (
        "00001",
        "L00001",
        "currency",
    )


async def test_a_header_that_lost_its_line_break_is_mended(send) -> None:
    for number, between in enumerate(("", "\\n")):
        for table, whole in (("locations", LOCATION), ("meters", METER), ("customers", CUSTOMER)):
            row = ",".join([f"K{number}", *list(whole.values())[1:]])
            for path in (IMPORT, UPDATE):
                answer = await send(path + table, f"{','.join(whole)}{between}{row}")
                assert answer.status_code == 200, answer.text
                assert answer.headers["x-juice-warning"] == "csv-header-repaired"
            two = f"{','.join(whole)}{between}{row}\n{row}"
            answer = await send(UPDATE + table, two)
            assert (answer.status_code, answer.json()["error"]) == (400, 201)


async def test_any_content_type_is_read_as_the_endpoint_reads(send) -> None:
    for number, kind in enumerate(("text/csv", "application/json", "text/plain", "multipart/x")):
        text = "\ufeff" + text_of(location(f"H{number}")).replace("\n", "\r\n")
        answer = await send(IMPORT + "locations", text, **{"Content-Type": kind})
        assert answer.status_code == 200, answer.text


async def test_refusals_speak_the_documents_dialect(send, ask, http, door, boss) -> None:
    await small_house(door, boss)
    good = text_of(meter("M9"))
    for path, body, status, words in (
        (IMPORT + "meters", text_of(meter("M1")), 406, "record 1, serialnum: exists already"),
        (IMPORT + "meters", text_of(meter("M9", locname="?")), 404, "record 1, locname: names no"),
        (UPDATE + "meters", text_of(meter("M9")), 404, "record 1, serialnum: names nothing"),
        (IMPORT + "meters", good + "1,2\n", 400, "record 2, comtype: is missing"),
        (IMPORT + "meters", b"\xff" + good.encode(), 400, "not UTF-8"),
        (IMPORT + "meters", good.replace("\n", "\r"), 400, "CR alone"),
        (IMPORT + "meters", "", 400, "no header"),
        (IMPORT + "meters", "serialnum,colour\n", 406, "colour"),
        (IMPORT + "readings", good, 406, "table"),
        ("/file-importer/trinity/import?table=meters", good, 406, "portal"),
        ("/file-importer/trinity/import?portal=example", good, 406, "table"),
        ("/file-importer/trinity/import?portal=%25&table=meters", good, 403, "not one of yours"),
    ):
        answer = await send(path, body)
        told = answer.json()
        assert answer.status_code == status, (path, told)
        assert told["error"] == (101 if status == 403 else 201)
        assert words in told["error_message"], told
        assert told["error_message"].count(words) == 1
        assert "data" not in told
    for path, status in (
        (KEYS + "meters", 406),
        ("/meters/get-meter?portal=example&serialnumber=M9", 404),
        ("/meters/get-meter?portal=example", 406),
        ("/customers/get-customer?portal=example&account=99998", 404),
        ("/customers/get-customer?portal=example&account=C1", 404),
    ):
        answer = await ask(path)
        assert (answer.status_code, answer.json()["error"]) == (status, 201), path
    assert (await http.post(IMPORT + "meters", content=good)).status_code == 401
    wrong = await http.get(IMPORT + "meters")
    assert (wrong.status_code, wrong.json()["error"]) == (405, 200)


async def test_a_repeated_request_is_answered_as_the_first_was(send, owner) -> None:
    body = text_of(customer("C1"))
    answers = [await send(IMPORT + "customers", body, **{"Idempotency-Key": "k"}) for _ in "ab"]
    assert answers[0].content == answers[1].content
    assert await owner.fetchval("select count(*) from customers.account") == 1
