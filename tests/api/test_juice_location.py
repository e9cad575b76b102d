"""J22 over real HTTP, and what the native face says of a location's connection."""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import httpx
import pytest
from tests.conftest import make_user, token_header
from tests.documented import example
from tests.houses import customer, imported, linear_tariff, location, meter, small_house, updated
from tests.shared import shared_urls, urls  # noqa: F401

from currant.access.model import OPERATOR, Actor, CreatePortal
from currant.access.verbs import create_portal
from currant.clock import FrozenClock
from currant.door import Door

CONNECTION = {
    "type": "ANSI", "form_factor": "1S", "wiring": "2W", "voltage": "120V",
    "current_per_phase": 100,
}  # fmt: skip


async def ask(http: httpx.AsyncClient, actor: Actor, loc_id: str, portal: str = "example") -> Any:
    query = {"portal": portal, "locid": loc_id}
    return await http.get("/location/get-location", params=query, headers=token_header(actor))


async def told(http: httpx.AsyncClient, actor: Actor, loc_id: str, **more: str) -> dict[str, Any]:
    answer = await ask(http, actor, loc_id, **more)
    assert (answer.status_code, answer.json()["error"]) == (200, 0), answer.text
    data: dict[str, Any] = json.loads(answer.content, parse_float=Decimal)["data"]
    return data


async def describe(
    http: httpx.AsyncClient, actor: Actor, loc_id: str, body: Any, **headers: str
) -> httpx.Response:
    content = body if isinstance(body, str) else json.dumps(body)
    path = f"/v1/example/locations/{loc_id}"
    return await http.post(path, content=content, headers=token_header(actor) | headers)


async def test_the_example(http, door: Door, boss: Actor, owner, clock: FrozenClock) -> None:
    shown = example("location_get_location")
    await owner.execute(
        "insert into access.counter select portal_id, c.name, c.last from access.portal, "
        "(values ('account', 3279), ('location', 3280)) as c (name, last)"
    )
    clock.set(datetime.fromisoformat("2017-10-19T13:46:00-04:00"))
    await linear_tariff(door, boss)
    place = location(
        "10029384", locaddr1="3131 Mountian Creek Rd", locaddr2=" Apt 14A2",
        loccity="Chattanooga", loczip="37415", meterinstalldate="2015-05-01",
    )  # fmt: skip
    await imported(door, boss, "locations", place)
    clock.set(datetime.fromisoformat("2017-10-19T13:46:40-04:00"))
    await imported(door, boss, "meters", meter("1234abcde", tariff="SBT", locname="10029384"))
    await imported(door, boss, "customers", customer("5003986", locname="L03281"))
    clock.set(datetime.fromisoformat("2017-12-19T13:37:17-05:00"))
    assert (await describe(http, boss, "L03281", CONNECTION)).status_code == 200
    clock.advance(timedelta(days=400))
    path = f"{shown['path']}?{shown['raw_query']}"
    answer = await http.get(path, headers=token_header(boss))
    assert answer.status_code == shown["expect_status"]
    assert json.loads(answer.content, parse_float=Decimal) == shown["expect_body"]
    assert list(answer.json()["data"]) == list(shown["expect_body"]["data"])


async def test_a_location_of_nobody_and_nothing(http, door, boss) -> None:
    await imported(door, boss, "locations", location("H1", locaddr2="  Gate 2 "))
    assert await told(http, boss, "L00001") == {
        "portal": "example", "loc_id": "L00001", "serial_number": "unassigned",
        "account": "unassigned", "loc_name": "H1", "loc_address_1": "557-2026 Purus St.",
        "loc_address_2": "  Gate 2 ", "loc_city": "Watertown", "loc_state": "TN",
        "loc_zip": "07367", "loc_lat": "", "loc_long": "", "substation": "", "transformer": "",
        "module": "", "socket": 0, "meter_installed": "1970-01-01T00:00:00-05:00",
        "created": "2026-03-02T12:00:00-05:00", "last_mod": "2026-03-02T12:00:00-05:00",
        "voltage": "", "kva": 0, "tariff": "", "subtariff": "PrePaid", "type": "",
        "form_factor": "", "wiring": "", "current_per_phase": 0, "feeder": "", "unit": "",
    }  # fmt: skip


async def test_the_views_of_a_link_agree(http, door, boss) -> None:
    """INV-07: J05, J15 and J22 tell the same link, also once it is undone."""
    house = await small_house(door, boss, homes=2, installed="2020-06-15")
    query = {"portal": "example", "serialnumber": "M2"}
    for detached in (False, True):
        if detached:
            await updated(door, boss, "customers", {"contract": "C2", "locname": "unassigned"})
        place = await told(http, boss, house.loc_ids[1])
        answer = await http.get("/meters/get-meter", params=query, headers=token_header(boss))
        hung = answer.json()["data"]
        for name in ("loc_id", "account", "serial_number", "tariff", "subtariff"):
            assert place[name] == hung[name], name
        assert place["account"] == ("unassigned" if detached else house.accounts[1])
    assert place["serial_number"] == "M2"
    assert place["meter_installed"] == "2020-06-15T00:00:00-04:00"


async def test_of_several_meters_the_one_hung_last_is_told(
    http, door, boss, clock: FrozenClock
) -> None:
    house = await small_house(door, boss, installed="2020-06-15")
    clock.advance(timedelta(days=1))
    await linear_tariff(door, boss, "SPARE", "0.5")
    await imported(door, boss, "meters", meter("M9", tariff="SPARE", locname="H1"))
    place = await told(http, boss, house.loc_ids[0])
    assert (place["serial_number"], place["tariff"]) == ("M9", "SPARE")
    assert place["account"] == house.accounts[0]
    assert place["meter_installed"] == "2026-03-03T12:00:00-05:00"
    clock.advance(timedelta(days=1))
    await updated(door, boss, "meters", {"serialnum": "M9", "locname": "unassigned"})
    place = await told(http, boss, house.loc_ids[0])
    assert (place["serial_number"], place["tariff"]) == ("M1", "SBT")
    assert place["meter_installed"] == "2020-06-15T00:00:00-04:00"


async def test_a_day_that_is_not_known_is_never(http, door, boss) -> None:
    """0000-00-00 stays unknown, though a meter hangs; local midnight is the portal's."""
    house = await small_house(door, boss)
    assert (await told(http, boss, house.loc_ids[0]))["meter_installed"] == (
        "1970-01-01T00:00:00-05:00"
    )
    made = CreatePortal("sydney", "Sydney", "Australia/Sydney", "AUD", "S")
    await door.act(create_portal, made, OPERATOR)
    there = await make_user(door, "sydney", "there", "SysAdmin", vendor_number="S")
    await imported(door, there, "locations", location("H1"))
    place = await told(http, there, "L00001", portal="sydney")
    assert place["meter_installed"] == "1970-01-01T00:00:00+10:00"
    assert place["created"] == "2026-03-03T04:00:00+11:00"
    assert (await ask(http, boss, "L00001", portal="sydney")).status_code == 403


async def test_postpaid_accounts(http, door, boss, owner) -> None:
    house = await small_house(door, boss)
    await owner.execute("update customers.account set payment_mode = 'POSTPAID'")
    assert (await told(http, boss, house.loc_ids[0]))["subtariff"] == "PostPaid"


async def test_whom_it_is_not_told(http, door, boss, cashier, owner) -> None:
    house = await small_house(door, boss)
    loc_id = house.loc_ids[0]
    clerk = await make_user(door, "example", "clerk", "CSR")
    assert (await ask(http, clerk, loc_id)).status_code == 200
    for actor, named, status, code in (
        (cashier, loc_id, 403, 101),
        (boss, "L99999", 404, 201),
        (boss, "H1", 404, 201),
        (boss, "", 406, 201),
    ):
        answer = await ask(http, actor, named)
        assert (answer.status_code, answer.json()["error"]) == (status, code)
    await owner.execute(
        "update access.system_user set blocked_accounts = $1 where login = 'clerk'",
        house.accounts[0],
    )
    answer = await ask(http, clerk, loc_id)
    assert (answer.status_code, answer.json()["error"]) == (403, 101)
    stranger = await http.get(f"/location/get-location?portal=example&locid={loc_id}")
    assert (stranger.status_code, stranger.json()["error"]) == (401, 100)


# The connection


async def test_a_connection_is_described_member_by_member(
    http, door, boss, clock: FrozenClock
) -> None:
    house = await small_house(door, boss)
    loc_id = house.loc_ids[0]
    clock.advance(timedelta(hours=1))
    first = await describe(http, boss, loc_id, CONNECTION | {"kva": 12.5, "unit": " 4 B "})
    assert first.status_code == 200, first.text
    clock.advance(timedelta(hours=1))
    more = {"substation": "North", "feeder": "F12", "transformer": "T1", "module": "M", "socket": 7}
    second = await describe(http, boss, loc_id, more | {"voltage": ""})
    shown = await http.get(f"/v1/example/locations/{loc_id}", headers=token_header(boss))
    assert shown.json() == second.json()
    assert shown.json()["last_mod"] == "2026-03-02T19:00:00Z"
    assert shown.json()["account"] == house.accounts[0]
    place = await told(http, boss, loc_id)
    wanted = CONNECTION | more | {"voltage": "", "kva": Decimal("12.5"), "unit": " 4 B "}
    assert {name: place[name] for name in wanted} == wanted
    assert place["last_mod"] == "2026-03-02T14:00:00-05:00"


async def test_a_repeated_description_is_answered_as_the_first_was(http, door, boss) -> None:
    house = await small_house(door, boss)
    answers = [
        await describe(http, boss, house.loc_ids[0], CONNECTION, **{"Idempotency-Key": "k"})
        for _ in "ab"
    ]
    assert answers[0].status_code == 200
    assert answers[0].content == answers[1].content


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({}, 422, "substation"),
        ({"colour": "red"}, 422, "colour"),
        ({"socket": -1}, 422, "negative"),
        ({"socket": 2**31}, 422, "out of range"),
        ({"socket": "1"}, 422, "socket"),
        ({"kva": -0.5}, 422, "negative"),
        ({"kva": 1.2345}, 422, "kva has more than 3 decimals"),
        ('{"kva": 1e39}', 422, "out of range"),
        ('{"current_per_phase": 1e400}', 422, "current_per_phase"),
        ({"voltage": None}, 422, "voltage"),
        ({"voltage": "a\0"}, 422, "voltage"),
        ("{", 400, "JSON"),
    ],
)
async def test_what_no_connection_is(http, door, boss, owner, body, status, words) -> None:
    house = await small_house(door, boss)
    before = await owner.fetch("select * from locations.location")
    answer = await describe(http, boss, house.loc_ids[0], body)
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text
    assert await owner.fetch("select * from locations.location") == before


async def test_who_may_describe_a_connection(http, door, boss, owner: asyncpg.Connection) -> None:
    house = await small_house(door, boss)
    clerk = await make_user(door, "example", "clerk", "CSR3")
    engineer = await make_user(door, "example", "engineer", "Engineer")
    loc_id = house.loc_ids[0]
    assert (await describe(http, clerk, loc_id, CONNECTION)).status_code == 403
    assert (await describe(http, engineer, loc_id, CONNECTION)).status_code == 200
    assert (await describe(http, engineer, "L99999", CONNECTION)).status_code == 404
    await owner.execute("update access.system_user set blocked_accounts = $1", house.accounts[0])
    assert (await describe(http, engineer, loc_id, {"voltage": "1V"})).status_code == 403
    assert await owner.fetchval("select voltage from locations.location") == "120V"
