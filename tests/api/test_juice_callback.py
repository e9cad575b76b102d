"""J06 over real HTTP: the document's own example, and what it leaves out."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from tests.conftest import NOW, make_user, token_header
from tests.drawdown.test_drawdown import balance, books_are_right
from tests.headends.asking import ask, lives, requests, send, set_up, state_of
from tests.houses import House, small_house
from tests.reads.meters import meters, standing, suspects, use_all

from currant.access.model import OPERATOR, Actor, CreateAlias, CreatePortal
from currant.access.verbs import create_alias, create_portal
from currant.door import Door
from currant.headends.model import CallbackUnit
from currant.jobs.worker import draw_all

CALLBACK = "/meters/ami-control/callback"
AT = "2026-03-02T17:30:00Z"
DONE = {"error": 0}


@pytest.fixture
async def headend(door: Door, portal: str) -> Actor:
    """The user of a head-end."""
    return await make_user(door, portal, "headend", "Engineer")


@pytest.fixture
async def house(door: Door, boss: Actor) -> House:
    return await small_house(door, boss, homes=2, wallet="currency", opening="10")


@pytest.fixture
async def read_of_m1(door: Door, boss: Actor, house: House) -> UUID:
    """A request to read M1 that was sent an hour after its opening read of 10 kWh."""
    await set_up(door)
    door.clock.advance(timedelta(hours=1))
    (request_id,) = await ask(door, boss, "READ", "M1")
    await send(door)
    return request_id


async def call(
    http: httpx.AsyncClient,
    actor: Actor,
    body: Any,
    *,
    portal: str = "example",
    source: str = "multispeak",
    **headers: str,
) -> httpx.Response:
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    return await http.post(
        CALLBACK,
        params={"portal": portal, "source": source},
        content=content,
        headers={**kind, **token_header(actor), **headers},
    )


def told(request_id: UUID, command: str = "READ", **more: Any) -> dict[str, Any]:
    return {"uuid": str(request_id), "command": command, "result": "success", **more}


def reading(value: float, at: str = AT, serial: str = "M1", **more: Any) -> dict[str, Any]:
    return {"serial_number": serial, "reading": value, "read_timestamp": at, **more}


async def refused(answer: httpx.Response, status: int, *words: str) -> None:
    assert (answer.status_code, answer.json()["error"]) == (status, 201), answer.text
    for word in words:
        assert word in answer.json()["error_message"]
    assert "othing was done" in answer.json()["error_message"]


# As the document prints it, posted as a form to the portal that it misspells.
EXAMPLE = """{
\t"uuid": "6bce3e16-b6f9-418e-9751-44888850bbdf",
\t"command": "READ",
\t"result": "success",
\t"error_code": 0,
\t"error_msg": "",
\t"data": [{
\t\t"serial_number": "1234abcde",
\t\t"reading": 100.24,
\t\t"read_timestamp": "2019-05-08T22:50:10Z",
\t\t"meter_state": "connected"
\t}]
}"""


async def test_the_example_of_the_document(http, door, boss, headend, owner) -> None:
    await door.act(create_alias, CreateAlias("examlpe"), OPERATOR.at("example"))
    await meters(owner, "1234abcde")
    (request_id,) = await ask(door, boss, "READ", "1234abcde")
    await owner.execute(
        "update headends.request set request_id = $1 where request_id = $2",
        UUID(json.loads(EXAMPLE)["uuid"]),
        request_id,
    )
    answer = await call(http, headend, EXAMPLE, portal="examlpe")
    assert (answer.status_code, answer.json()) == (200, DONE)
    assert await standing(owner, "1234abcde") == [("05-08T22:50", 100)]
    row = await owner.fetchrow(
        "select b.source, b.login, r.original, r.read_at from reads.read as r "
        "inner join reads.batch as b using (portal_id, batch_id)"
    )
    at = datetime(2019, 5, 8, 22, 50, 10, tzinfo=UTC)
    assert tuple(row) == ("multispeak", "headend", "100.24", at)
    assert await state_of(owner, "1234abcde") == "CONNECTED"
    assert await lives(door, boss, "1234abcde") == [("READ", "DONE")]


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "multipart/form-data", ""])
async def test_the_body_is_json_whatever_it_is_called(
    http, headend, owner, read_of_m1, kind: str
) -> None:
    body = told(read_of_m1, data=[reading(11_000)])
    answer = await call(http, headend, body, **{"Content-Type": kind})
    assert (answer.status_code, answer.json()) == (200, DONE)
    assert len(await standing(owner, "M1")) == 2


@pytest.mark.parametrize(
    ("unit", "value", "stored"),
    [
        (CallbackUnit.WH, "10999.5", 11_000),
        (CallbackUnit.WH, "10999.4999", 10_999),
        (CallbackUnit.WH, "1.1e4", 11_000),
        (CallbackUnit.KWH, "10.9995", 11_000),
        (CallbackUnit.KWH, "11", 11_000),
    ],
)
async def test_readings_are_wh_or_what_the_head_end_is_set_to(
    http, door, headend, boss, owner, read_of_m1, unit, value: str, stored: int
) -> None:
    await set_up(door, unit=unit)
    body = json.dumps(told(read_of_m1, data=[reading(0)])).replace(": 0,", f": {value},")
    assert (await call(http, headend, body)).status_code == 200
    assert (await standing(owner, "M1"))[-1][1] == stored
    (row,) = await requests(door, boss)
    assert (row.read_wh, row.quarantined, row.result) == (stored, False, "success")
    assert row.read_at == datetime(2026, 3, 2, 17, 30, tzinfo=UTC)


async def test_a_read_wakes_the_drawdown_and_is_charged(
    http, door, headend, urls, owner, read_of_m1
) -> None:
    woken = asyncio.Event()
    listener = await asyncpg.connect(urls.runtime)
    await listener.add_listener("currant_due", lambda *_: woken.set())
    at = door.clock.now().isoformat()
    body = told(read_of_m1, data=[reading(12_000, at)])
    assert (await call(http, headend, body)).json() == DONE
    await asyncio.wait_for(woken.wait(), 5)
    await listener.close()
    await draw_all(door)
    assert await balance(owner) == Decimal("-0.60")
    await books_are_right(owner)


@pytest.mark.parametrize(
    ("unit", "value", "believed"),
    [
        (CallbackUnit.WH, 1_000_000, True),  # A hundred times the last read of 10,000 Wh.
        (CallbackUnit.WH, 1_000_001, False),
        (CallbackUnit.KWH, 11_000, False),  # It tells Wh and is set to kWh.
        (CallbackUnit.WH, 11, False),  # It tells kWh and is set to Wh.
    ],
)
async def test_what_may_be_in_another_unit_moves_no_money(
    http, door, headend, boss, owner, read_of_m1, unit, value: int, believed: bool
) -> None:
    await set_up(door, unit=unit)
    at = door.clock.now().isoformat()
    before = await balance(owner)
    answer = await call(http, headend, told(read_of_m1, data=[reading(value, at)]))
    assert (answer.status_code, answer.json()) == (200, DONE)
    await draw_all(door)
    assert (await balance(owner) != before) == believed
    assert bool(await suspects(owner)) != believed
    row = (await requests(door, boss))[0]
    assert (row.state, row.quarantined) == ("DONE", not believed)
    await books_are_right(owner)


async def test_a_rollover_is_not_believed_of_a_callback(
    http, door, headend, boss, owner, read_of_m1
) -> None:
    """A value in kWh for one in Wh looks like a register that has rolled over."""
    await owner.execute("update metering.meter set dials = 5")
    await owner.execute("alter table reads.read disable trigger append_only")
    await owner.execute("update reads.read set value = 99999000")
    await call(http, headend, told(read_of_m1, data=[reading(99_999)]))
    assert await suspects(owner) == [(1, "HIGH")]


async def test_the_first_read_is_held_against_the_one_after_it(
    http, door, headend, boss, owner, read_of_m1
) -> None:
    early = "2026-03-01T00:00:00Z"
    await call(http, headend, told(read_of_m1, data=[reading(10, early), reading(9_000, early)]))
    assert [reason for _, reason in await suspects(owner)] == ["HIGH"]
    assert await standing(owner, "M1") == [("03-01T00:00", 9_000), ("03-02T17:00", 10_000)]


async def test_a_new_meter_is_believed(http, door, headend, boss, owner) -> None:
    await small_house(door, boss, wallet="currency", opening="0")
    door.clock.advance(timedelta(hours=1))
    (request_id,) = await ask(door, boss, "READ", "M1")
    at = door.clock.now().isoformat()
    assert (await call(http, headend, told(request_id, data=[reading(5000, at)]))).json() == DONE
    await draw_all(door)
    assert await balance(owner) == Decimal("-1.50")


@pytest.mark.parametrize(
    ("command", "before", "answer", "state", "life"),
    [
        ("READ", "CONNECTED", {"meter_state": "disconnected"}, "DISCONNECTED", "DONE"),
        ("STATUS", "UNKNOWN", {"meter_state": "Connected"}, "CONNECTED", "DONE"),
        ("STATUS", "CONNECTED", {}, "CONNECTED", "DONE"),
        ("STATUS", "CONNECTED", {"meter_state": "armed"}, "UNKNOWN", "DONE"),
        ("STATUS", "CONNECTED", {"result": "fail"}, "CONNECTED", "FAILED"),
        ("CONNECT", "DISCONNECTED", {"meter_state": "connected"}, "CONNECTED", "DONE"),
        ("CONNECT", "DISCONNECTED", {}, "CONNECTED", "DONE"),
        ("CONNECT", "DISCONNECTED", {"meter_state": "disconnected"}, "UNKNOWN", "FAILED"),
        ("CONNECT", "DISCONNECTED", {"meter_state": "armed"}, "UNKNOWN", "FAILED"),
        ("CONNECT", "DISCONNECTED", {"result": "fail"}, "UNKNOWN", "FAILED"),
        ("DISCONNECT", "CONNECTED", {"meter_state": "DISCONNECTED"}, "DISCONNECTED", "DONE"),
        ("DISCONNECT", "CONNECTED", {"meter_state": "connected"}, "UNKNOWN", "FAILED"),
        ("DISCONNECT", "CONNECTED", {"result": None}, "DISCONNECTED", "DONE"),
        ("DISCONNECT", "CONNECTED", {"result": None, "error_code": 7}, "UNKNOWN", "FAILED"),
        (
            "DISCONNECT",
            "CONNECTED",
            {"result": "fail", "meter_state": "disconnected"},
            "UNKNOWN",
            "FAILED",
        ),
    ],
)
async def test_the_relay_is_where_the_answer_says(
    http, door, headend, boss, owner, house, command, before, answer, state, life
) -> None:
    await set_up(door)
    await owner.execute("update metering.meter set meter_state = $1", before)
    (request_id,) = await ask(door, boss, command, "M1")
    await send(door)
    words = {name: value for name, value in answer.items() if name == "meter_state"}
    rest = {name: value for name, value in answer.items() if name != "meter_state"}
    body = told(request_id, command, data=[{"serial_number": "M1", **words}]) | rest
    assert (await call(http, headend, body)).json() == DONE
    assert await state_of(owner, "M1") == state
    assert await lives(door, boss, "M1") == [(command, life)]
    (row,) = await requests(door, boss)
    assert row.meter_state == words.get("meter_state", "")
    assert row.error_code == answer.get("error_code", 0)


async def test_a_failure_stores_no_read(http, door, headend, boss, owner, read_of_m1) -> None:
    body = told(read_of_m1, data=[reading(11_000, meter_state="connected")]) | {
        "result": "fail",
        "error_code": 17,
        "error_msg": "no carrier",
    }
    assert (await call(http, headend, body)).json() == DONE
    assert len(await standing(owner, "M1")) == 1
    assert await state_of(owner, "M1") == "UNKNOWN"
    (row,) = await requests(door, boss)
    assert (row.state, row.error_code, row.error_msg) == ("FAILED", 17, "no carrier")
    assert row.answered_at == door.clock.now()


@pytest.mark.parametrize(
    "data",
    [
        ...,
        None,
        [],
        [{"serial_number": "M1"}],
        [{"serial_number": "M1", "reading": None, "read_timestamp": None, "meter_state": None}],
        [{"serial_number": "M1", "reading": 11_000}],
        [{"serial_number": "M1", "read_timestamp": AT, "meter_state": ""}],
    ],
)
async def test_an_answer_may_tell_nothing(
    http, door, headend, boss, owner, read_of_m1, data
) -> None:
    body = told(read_of_m1) | ({} if data is ... else {"data": data})
    assert (await call(http, headend, body)).json() == DONE
    assert len(await standing(owner, "M1")) == 1
    assert await lives(door, boss, "M1") == [("READ", "DONE")]


async def test_the_same_again_does_nothing_and_another_is_refused(
    http, door, headend, boss, owner, read_of_m1
) -> None:
    body = told(read_of_m1, data=[reading(11_000, meter_state="connected")])
    assert (await call(http, headend, body)).json() == DONE
    await owner.execute("update metering.meter set meter_state = 'DISCONNECTED'")
    before = await requests(door, boss)
    door.clock.advance(timedelta(minutes=1))
    written_otherwise = json.dumps(dict(reversed(body.items())), indent=3)
    for same in (body, written_otherwise.replace("11000", "11000.0")):
        assert (await call(http, headend, same)).json() == DONE
    assert await state_of(owner, "M1") == "DISCONNECTED"
    assert await owner.fetchval("select count(*) from reads.batch where source = 'multispeak'") == 1
    for other in (
        body | {"data": [reading(11_001, meter_state="connected")]},
        body | {"result": "fail"},
        body | {"error_msg": "x"},
    ):
        await refused(await call(http, headend, other), 406, str(read_of_m1), "answered already")
    assert await requests(door, boss) == before


async def test_the_same_callback_many_times_at_once_has_one_effect(
    http, door, headend, boss, owner, read_of_m1
) -> None:
    body = told(read_of_m1, data=[reading(11_000, meter_state="connected")])
    answers = await asyncio.gather(*(call(http, headend, body) for _ in range(20)))
    assert [answer.json() for answer in answers] == [DONE] * 20
    assert len(await standing(owner, "M1")) == 2
    assert await owner.fetchval("select count(*) from reads.batch where source = 'multispeak'") == 1
    changes = await use_all(door)
    assert [change.energy_wh for change in changes if change.energy_wh] == [1000]


async def test_of_two_answers_at_once_one_is_taken(
    http, door, headend, boss, owner, read_of_m1
) -> None:
    bodies = [told(read_of_m1, data=[reading(11_000 + n)]) for n in range(10)]
    answers = await asyncio.gather(*(call(http, headend, body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [200] + [406] * 9
    assert len(await standing(owner, "M1")) == 2


async def test_answers_and_deliveries_to_the_same_meters_do_not_lock_each_other(
    http, door, headend, boss, owner, house
) -> None:
    await set_up(door)
    door.clock.advance(timedelta(hours=2))
    ids = {serial: [] for serial in house.serials}
    for _ in range(6):
        for serial in house.serials:
            ids[serial] += await ask(door, boss, "STATUS", serial)
        await send(door)
    at = NOW + timedelta(minutes=5)
    work = []
    for n in range(6):
        when = (at + timedelta(minutes=n)).isoformat()
        for serial, names in ids.items():
            item = reading(10_100 + n, when, serial, meter_state="connected")
            work.append(call(http, headend, told(names[n], "STATUS", data=[item])))
        lines = "".join(f"{serial},{when},{11 + n},disconnected\n" for serial in house.serials)
        work.append(
            http.post(
                "/meters/reads/insert?portal=example&source=mas&format=CSV",
                content=f"serialnumber,datetime,sumforwardactive,meterstate\n{lines}",
                headers=token_header(headend),
            )
        )
    answers = await asyncio.gather(*work)
    assert {answer.status_code for answer in answers} == {200}
    assert {state for _, state in await lives(door, boss, "M1")} == {"DONE"}


async def test_what_does_not_fit_the_request_is_refused(
    http, door, headend, boss, owner, read_of_m1
) -> None:
    body = told(read_of_m1, data=[reading(11_000)])
    unknown = uuid4()
    await refused(await call(http, headend, told(unknown)), 404, str(unknown))
    await refused(await call(http, headend, body, source="scada"), 406, "source", "scada")
    await refused(await call(http, headend, body, source="mas"), 406, "source", "multispeak")
    await refused(
        await call(http, headend, body | {"command": "CONNECT"}), 406, "READ", "CONNECT", "command"
    )
    await refused(
        await call(http, headend, body | {"data": [reading(1), reading(1, serial="M2")]}),
        406,
        "data[1].serial_number",
        "'M2'",
        "M1",
    )
    for query in ({"portal": "example"}, {"source": "multispeak"}):
        answer = await http.post(
            CALLBACK, params=query, content=json.dumps(body), headers=token_header(headend)
        )
        assert answer.json()["error_message"].startswith("The parameter ")
    assert len(await standing(owner, "M1")) == 1
    assert await lives(door, boss, "M1") == [("READ", "SENT")]


async def test_another_tenant_answers_nothing(http, door, boss, owner, read_of_m1) -> None:
    await door.act(create_portal, CreatePortal("zeta", "Zeta", "UTC", "USD", "CEC"), OPERATOR)
    other = await make_user(door, "zeta", "zetahead", "Engineer")
    body = told(read_of_m1, data=[reading(11_000)])
    await refused(await call(http, other, body, portal="zeta"), 404, str(read_of_m1))
    answer = await call(http, other, body)
    assert (answer.status_code, answer.json()["error"]) == (403, 101)
    assert await lives(door, boss, "M1") == [("READ", "SENT")]


async def test_only_who_may_answers(http, door, portal, read_of_m1) -> None:
    csr = await make_user(door, portal, "csr", "CSR3")
    answer = await call(http, csr, told(read_of_m1))
    assert (answer.status_code, answer.json()["error"]) == (403, 101)
    assert "ami.callback" in answer.json()["error_message"]
    answer = await http.post(f"{CALLBACK}?portal=example&source=multispeak", content="{}")
    assert (answer.status_code, answer.json()["error"]) == (401, 100)
    assert (await http.get(CALLBACK)).status_code == 405


BAD: list[tuple[Any, int, str]] = [
    ("", 400, "empty"),
    ("{", 400, "JSON"),
    (b"\xff", 400, "UTF-8"),
    ("[" * 20_000, 406, ""),
    ("[]", 406, ""),
    ("null", 406, ""),
    ("7", 406, ""),
    ({}, 406, "uuid"),
    ({"uuid": "x", "command": "READ"}, 406, "uuid"),
    ({"uuid": 7, "command": "READ"}, 406, "uuid"),
    ({"command": 7}, 406, "command"),
    ({"command": None}, 406, "command"),
    ({"command": "r" * 5000}, 406, "command"),
    ({"result": "maybe"}, 406, "result"),
    ({"error_code": "7"}, 406, "error_code"),
    ({"error_code": 1.5}, 406, "error_code"),
    ({"error_code": 10**30}, 406, "error_code"),
    ({"error_msg": "a\0b"}, 406, "error_msg"),
    ({"error_msg": "x" * 20_000}, 406, "error_msg"),
    ({"error_msg": ["x"]}, 406, "error_msg"),
    ({"data": {}}, 406, "data"),
    ({"data": [7]}, 406, "data[0]"),
    ({"data": [{}]}, 406, "data[0].serial_number"),
    ({"data": [reading(1)] * 1001}, 406, "1001"),
    ({"data": [reading(-1)]}, 406, "data[0].reading"),
    ({"data": [reading(10**15)]}, 406, "data[0].reading"),
    ({"data": [reading("11000")]}, 406, "data[0].reading"),
    ({"data": [reading(True)]}, 406, "data[0].reading"),
    ({"data": [reading(float("inf"))]}, 400, ""),
    ({"data": [reading(1, "yesterday")]}, 406, "data[0].read_timestamp"),
    ({"data": [reading(1, "2026-03-02T16:00:00")]}, 406, "data[0].read_timestamp"),
    ({"data": [reading(1, "2026-02-30T16:00:00Z")]}, 406, "data[0].read_timestamp"),
    ({"data": [reading(1), reading(2, "2026-03-03T18:00:01Z")]}, 406, "data[1].read_timestamp"),
    ({"data": [reading(1, "1026-03-02T16:00:00Z")]}, 406, "data[0].read_timestamp"),
    ({"data": [reading(1, meter_state=7)]}, 406, "data[0].meter_state"),
    ({"data": [reading(1, meter_state="a\0")]}, 406, "meter_state"),
]


@pytest.mark.parametrize(("body", "status", "word"), BAD)
async def test_a_bad_body_is_named_and_changes_nothing(
    http, door, headend, boss, owner, read_of_m1, body: Any, status: int, word: str
) -> None:
    content = body
    if isinstance(body, dict) and body and "uuid" not in body:
        content = told(read_of_m1) | body
    answer = await call(http, headend, content)
    assert (answer.status_code, answer.json()["error"]) == (status, 201), answer.text
    assert word in answer.json()["error_message"]
    assert len(await standing(owner, "M1")) == 1
    assert await lives(door, boss, "M1") == [("READ", "SENT")]


async def test_the_seeds_own_offset_is_warned_of(http, headend, owner, read_of_m1) -> None:
    body = told(read_of_m1, data=[reading(11_000, "2026-03-02T12:30:00Z05:00")])
    answer = await call(http, headend, body)
    assert answer.headers["x-juice-warning"] == "nonstandard-offset"
    assert (await standing(owner, "M1"))[-1] == ("03-02T17:30", 11_000)


async def test_a_key_repeats_the_first_answer(http, headend, owner, read_of_m1) -> None:
    body = told(read_of_m1, data=[reading(11_000)])
    for _ in range(2):
        assert (await call(http, headend, body, **{"Idempotency-Key": "k"})).json() == DONE
    other = await call(http, headend, body | {"result": "fail"}, **{"Idempotency-Key": "k"})
    assert other.status_code == 406
