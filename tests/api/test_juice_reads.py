"""J07 and J08 over real HTTP: the document's own examples, and what they leave out."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import httpx
import pytest
from tests.conftest import NOW, make_user, token_header
from tests.documented import example
from tests.reads.meters import HEADER, hours, line, meters, suspects, use_all

from currant.access.model import OPERATOR, Actor, CreatePortal
from currant.access.verbs import create_portal
from currant.api import http as api_http
from currant.clock import FrozenClock
from currant.door import Door

INSERT = "/meters/reads/insert"
AT = "2026-02-01T00:00:00Z"
CSV = {"source": "multispeak", "format": "CSV"}

LINKED = """
insert into customers.customer (
    portal_id, name, first_name, last_name, phone_1, sms_1, email_1, address_1
)
select portal_id, 'A B', 'A', 'B', '1', '1', 'a@example.com', 'x' from metering.meter;
insert into customers.account (portal_id, account, customer_id, created_at, last_mod)
select portal_id, '03283', customer_id, '2019-01-01', '2019-01-01' from customers.customer;
insert into locations.location (
    portal_id, loc_id, external_key, address_1, city, state, zip, created_at, last_mod
)
select portal_id, 'L03290', 'H', 'x', 'x', 'x', '00000', '2019-01-01', '2019-01-01'
from customers.customer;
insert into customers.agreement (portal_id, account_id, location_id, product_type, valid)
select a.portal_id, a.account_id, l.location_id, 'ELECTRICITY', tstzrange('2019-01-01', null)
from customers.account as a cross join locations.location as l;
insert into metering.installation (portal_id, meter_id, location_id, valid)
select m.portal_id, m.meter_id, l.location_id, tstzrange('2019-01-01', null)
from metering.meter as m cross join locations.location as l;
"""


def exact(answer: httpx.Response) -> Any:
    return json.loads(answer.content, parse_float=Decimal)


async def post(
    http: httpx.AsyncClient, actor: Actor, body: str | bytes, /, *, kind: str = "", **query: str
) -> httpx.Response:
    content_type = {"Content-Type": kind or "application/x-www-form-urlencoded"}
    return await http.post(
        INSERT,
        params={**CSV, **query},
        content=body,
        headers={**token_header(actor), **content_type},
    )


def csv(*lines: str) -> str:
    return "\n".join([HEADER, *lines])


async def got(http: httpx.AsyncClient, actor: Actor, serial: str, **query: str) -> Any:
    answer = await http.get(
        "/meters/reads/get",
        params={"serialnumber": serial, **query},
        headers=token_header(actor),
    )
    assert answer.status_code == 200, answer.text
    return exact(answer)["data"]


@pytest.mark.parametrize(
    ("name", "warning"),
    [
        ("reads_insert_csv", "nonstandard-offset"),
        ("reads_insert_json", None),
        ("reads_insert_csv_php", "csv-header-repaired, nonstandard-offset"),
    ],
)
async def test_the_examples_of_inserting(
    http: httpx.AsyncClient, boss: Actor, owner, name: str, warning: str | None
) -> None:
    told = example(name)
    await meters(owner, "1234abcde")
    answer = await http.post(
        f"{told['path']}?{told['raw_query']}",
        content=told["body"],
        headers={**token_header(boss), "Content-Type": told["content_type"]},
    )
    assert answer.status_code == told["expect_status"]
    assert exact(answer) == told["expect_body"]
    assert answer.headers.get("x-juice-warning") == warning
    row = await owner.fetchrow("select read_at, value from reads.read")
    assert row["read_at"] == datetime(2017, 11, 16, 11, tzinfo=UTC)
    assert row["value"] == (0 if name == "reads_insert_json" else 108800)
    assert await owner.fetchval("select meter_state from metering.meter") == "CONNECTED"


async def test_the_example_of_getting(
    http: httpx.AsyncClient, door: Door, clock: FrozenClock, portal: str, owner
) -> None:
    told = example("reads_get")
    jsmith = await make_user(door, portal, "jsmith", "SysAdmin")
    await meters(owner, "AMI1234")
    await owner.execute(LINKED)
    await owner.execute("alter sequence reads.usage_id restart 67")
    for source, recorded, record in (
        ("multispeak", "2019-03-08T15:41:28-05:00", "AMI1234,2019-02-08T12:30:00-05:00,100"),
        ("jsmith", "2019-03-08T15:42:02-05:00", "AMI1234,2019-03-08T15:00:00-05:00,200"),
    ):
        clock.set(datetime.fromisoformat(recorded))
        body = f"serialnumber,datetime,sumforwardactive\n{record}"
        answer = await post(http, jsmith, body, source=source)
        assert exact(answer) == {"error": 0, "data": {"parsed_reads": 1}}
        await use_all(door)
        await owner.execute("alter sequence reads.usage_id restart 71")
    clock.set(NOW)
    answer = await http.get(f"{told['path']}?{told['raw_query']}", headers=token_header(jsmith))
    assert exact(answer) == told["expect_body"]


async def test_getting_by_days_of_the_portal(
    http: httpx.AsyncClient, boss: Actor, owner, door: Door
) -> None:
    await meters(owner, "M1")
    times = ["2026-02-09T23:59:59", "2026-02-10T00:00:00", "2026-02-11T23:59:59",
             "2026-02-12T00:00:00"]  # fmt: skip
    await post(
        http, boss, csv(*(line("M1", f"{t}-05:00", f"{n}") for n, t in enumerate(times, start=1)))
    )

    async def shown(**query: str) -> list[tuple[str, int | None]]:
        rows = await got(http, boss, "M1", **query)
        return [(row["datetime"], row.get("usagediff")) for row in rows]

    whole = [(f"{times[0]}-05:00", None), *((f"{t}-05:00", 1000) for t in times[1:])]
    assert await shown() == whole
    assert await shown(**{"from": "2026-02-10", "to": "2026-02-11"}) == whole[1:3]
    assert await shown(to="2026-02-10") == whole[:2]
    assert await shown(**{"from": "2026-02-12"}) == whole[3:]
    assert await shown(limit="2", offset="1") == whole[1:3]
    assert await shown(**{"from": "2026-03-10"}) == []
    for wrong in ({"from": "2026-02-30"}, {"to": "10.2.2026"}, {"limit": "x"}):
        answer = await http.get(
            "/meters/reads/get",
            params={"serialnumber": "M1", **wrong},
            headers=token_header(boss),
        )
        assert (answer.status_code, answer.json()["error"]) == (406, 201)
        assert next(iter(wrong)) in answer.json()["error_message"]


async def test_what_a_read_shows(
    http: httpx.AsyncClient, boss: Actor, owner, door: Door, clock: FrozenClock
) -> None:
    """Used, corrected, not yet used and suspect; other registers; nobody supplied."""
    await meters(owner, "M1", factor="2")
    more = {"sumreverseactive": "1", "sumforwardreactive": "2.5", "sumreversereactive": "0"}
    await post(http, boss, csv(line("M1", AT, "10", **more), *hours("M1", [0, 11, 12])[1:]))
    await use_all(door)
    clock.advance(timedelta(hours=1))
    await post(http, boss, csv(line("M1", "2026-02-01T03:00:00Z", "13.5")))
    await post(http, boss, csv(line("M1", "2026-02-01T02:00:00Z", "12.5")))
    await post(http, boss, csv(line("M1", "2026-02-01T04:00:00Z", "1")))
    rows = await got(http, boss, "M1", portal="example")
    first = rows[0]
    assert first == {
        "portal": "example", "account": "unassigned", "locid": "unassigned",
        "serialnumber": "M1", "datetime": "2026-01-31T19:00:00-05:00", "multiplier": 2,
        "deviceid": "M1", "source": "multispeak", "status": first["status"], "timezoneindex": 11,
        "lastmod": "2026-03-02T12:00:00-05:00", "sumforwardactive": 10000,
        "sumreverseactive": 1000, "sumforwardreactive": 2500, "toubucket1wh": 10000,
    }  # fmt: skip
    assert [row["status"][:2] for row in rows] == ["U:", "U:", "U:", "N", "S"]
    assert [row.get("usagediff") for row in rows] == [None, 2000, 3000, 2000, None]
    assert rows[2]["lastmod"] == "2026-03-02T13:00:00-05:00"
    assert rows[4]["sumforwardactive"] == 1000


async def test_who_may_see_which_meter(
    http: httpx.AsyncClient, boss: Actor, cashier: Actor, owner, door: Door, portal: str
) -> None:
    await meters(owner, "AMI1234")
    await owner.execute(LINKED)
    answer = await http.get("/meters/reads/get?serialnumber=AMI1234", headers=token_header(cashier))
    assert (answer.status_code, answer.json()["error"]) == (403, 101)
    await owner.execute("update access.system_user set blocked_accounts = '03283'")
    answer = await http.get("/meters/reads/get?serialnumber=AMI1234", headers=token_header(boss))
    assert (answer.status_code, answer.json()["error"]) == (403, 101)
    answer = await http.get("/meters/reads/get?serialnumber=M9", headers=token_header(boss))
    assert (answer.status_code, answer.json()["error"]) == (404, 201)
    assert "M9" in answer.json()["error_message"]
    answer = await http.get("/meters/reads/get", headers=token_header(boss))
    assert (answer.status_code, answer.json()["error"]) == (406, 201)
    answer = await http.get("/meters/reads/get?serialnumber=AMI1234")
    assert (answer.status_code, answer.json()["error"]) == (401, 100)
    answer = await post(http, cashier, csv(line("AMI1234", AT, "1")), portal=portal)
    assert (answer.status_code, answer.json()["error"]) == (403, 101)


@pytest.fixture
async def nomad(owner, door: Door, boss: Actor) -> Actor:
    """An Engineer of two portals, both of which have a meter M1."""
    await door.act(
        create_portal, CreatePortal("tower", "Tower", "Australia/Sydney", "AUD", "T"), OPERATOR
    )
    made = await make_user(door, "example", "nomad", "Engineer")
    await owner.execute(
        "insert into access.user_portal (portal_id, user_id) "
        "select p.portal_id, u.user_id from access.portal as p cross join access.system_user as u "
        "where p.key = 'tower' and u.login = 'nomad'"
    )
    await meters(owner, "M1")
    await meters(owner, "M1", "T1", portal="tower")
    return made


async def test_a_serial_in_two_portals_needs_the_portal(
    http: httpx.AsyncClient, nomad: Actor, owner
) -> None:
    answer = await post(http, nomad, csv(line("M1", AT, "1")))
    assert (answer.status_code, answer.json()["error"]) == (406, 201)
    assert "portal" in answer.json()["error_message"]
    answer = await http.get("/meters/reads/get?serialnumber=M1", headers=token_header(nomad))
    assert (answer.status_code, answer.json()["error"]) == (406, 201)
    assert "portal" in answer.json()["error_message"]
    answer = await post(http, nomad, csv(line("M1", AT, "1")), portal="tower")
    assert answer.status_code == 200
    assert len(await got(http, nomad, "M1", portal="tower")) == 1
    assert await got(http, nomad, "M1", portal="example") == []


async def test_the_portal_is_told_by_the_serials(
    http: httpx.AsyncClient, nomad: Actor, owner
) -> None:
    """And its zone gives the sign of an offset that has none: plus in Sydney."""
    answer = await post(http, nomad, csv(line("T1", "2026-02-01T11:00:00Z11:00", "1")))
    assert answer.status_code == 200
    assert await owner.fetchval("select read_at from reads.read") == datetime(
        2026, 2, 1, tzinfo=UTC
    )
    raw = json.dumps([{"serialnumber": "T1", "datetime": AT, "sumforwardactive": 1}])
    answer = await post(http, nomad, raw, format="json")
    assert answer.json() == {"error": 0, "data": {"parsed_reads": 1}}
    assert (await got(http, nomad, "T1"))[0]["datetime"] == "2026-02-01T11:00:00+11:00"


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"source": ""}, "source"),
        ({"source": "nobody"}, "source"),
        ({"format": ""}, "format"),
        ({"format": "XML"}, "format"),
        ({"watts": "perhaps"}, "watts"),
        ({"on_error": "ignore"}, "on_error"),
    ],
)
async def test_parameters(
    http: httpx.AsyncClient, boss: Actor, owner, query: dict[str, str], named: str
) -> None:
    await meters(owner, "M1")
    answer = await post(http, boss, csv(line("M1", AT, "1")), **query)
    assert (answer.status_code, answer.json()["error"]) == (406, 201)
    assert named in answer.json()["error_message"]
    assert await owner.fetchval("select count(*) from reads.read") == 0


async def test_a_bad_file_is_refused_whole_and_named(
    http: httpx.AsyncClient, boss: Actor, owner
) -> None:
    await meters(owner, "M1")
    body = csv(line("M1", AT, "1"), line("M1", "2026-02-01T01:00:00", "2"), line("M1", AT, "x"))
    answer = await post(http, boss, body, kind="text/csv")
    assert (answer.status_code, answer.json()["error"]) == (406, 201)
    message = answer.json()["error_message"]
    assert "record 2, datetime" in message
    assert "record 3, sumforwardactive" in message
    assert await owner.fetchval("select count(*) from reads.batch") == 0
    refusal = await owner.fetchrow("select detail from access.audit_event where outcome='refused'")
    assert refusal is not None
    garbled = await post(http, boss, csv(line("M1", AT, "1"), "M1,2"))
    assert (garbled.status_code, garbled.json()["error"]) == (400, 201)
    kept = await post(http, boss, body, on_error="continue")
    assert exact(kept)["data"] == {
        "parsed_reads": 1,
        "rejected": [
            {"record": 2, "column": "datetime",
             "reason": "'2026-02-01T01:00:00' has no offset from UTC: append Z, +hh:mm or -hh:mm"},
            {"record": 3, "column": "sumforwardactive",
             "reason": "'x' is not a number of up to 15 digits and 30 decimals, unsigned"},
        ],
    }  # fmt: skip


async def test_quarantine_is_counted_and_told_only_when_asked(
    http: httpx.AsyncClient, boss: Actor, owner
) -> None:
    await meters(owner, "M1")
    body = csv(line("M1", AT, "1"), line("M9", AT, "1"))
    answer = await post(http, boss, body)
    assert answer.json() == {"error": 0, "data": {"parsed_reads": 2}}
    assert await suspects(owner) == [(2, "NOSITE")]
    answer = await post(http, boss, body, on_error="continue")
    (rejected,) = answer.json()["data"]["rejected"]
    assert (rejected["record"], rejected["column"]) == (2, "serialnumber")


async def test_wrong_bytes_are_named(http: httpx.AsyncClient, boss: Actor, owner) -> None:
    await meters(owner, "M1")
    raw = csv(line("M1", AT, "1"), line("M1", AT, "2", metername="caf\u00e9")).encode("latin-1")
    answer = await post(http, boss, raw)
    assert (answer.status_code, answer.json()["error"]) == (400, 201)
    assert "ecord 2, metername" in answer.json()["error_message"]
    assert await owner.fetchval("select count(*) from reads.read") == 0


async def test_a_file_that_is_too_large(
    http: httpx.AsyncClient, boss: Actor, owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_http, "FILE_BYTES", 1000)
    monkeypatch.setattr(api_http.spooled, "__defaults__", (1000,))
    answer = await post(http, boss, csv(*[line("M1", AT, "1")] * 100))
    assert (answer.status_code, answer.json()["error"]) == (400, 201)
    assert "1000 bytes" in answer.json()["error_message"]
    assert await owner.fetchval("select count(*) from reads.batch") == 0


async def test_a_half_sent_file_leaves_nothing(
    http: httpx.AsyncClient, boss: Actor, owner: asyncpg.Connection
) -> None:
    await meters(owner, "M1")
    body = csv(*hours("M1", [1, 2, 3])).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)
    authorization = token_header(boss)["Authorization"]
    writer.write(
        f"POST {INSERT}?source=mas&format=CSV HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: {authorization}\r\nContent-Length: {len(body) + 100}\r\n\r\n".encode()
        + body
    )
    await writer.drain()
    writer.write_eof()
    await asyncio.wait_for(reader.read(), 10)  # The server gives up the connection too.
    writer.close()
    assert await owner.fetchval("select count(*) from reads.batch") == 0
    assert (await post(http, boss, body)).status_code == 200
    assert await owner.fetchval("select count(*) from reads.batch") == 1


async def test_a_repeated_key_is_answered_as_the_first_time(
    http: httpx.AsyncClient, boss: Actor, owner
) -> None:
    await meters(owner, "M1")

    async def send(body: str) -> httpx.Response:
        headers = {**token_header(boss), "Idempotency-Key": "k1"}
        return await http.post(INSERT, params=CSV, content=body, headers=headers)

    body = csv(line("M1", AT, "1"))
    first, second = await send(body), await send(body)
    assert first.json() == second.json() == {"error": 0, "data": {"parsed_reads": 1}}
    assert await owner.fetchval("select count(*) from reads.batch") == 1
    other = await send(csv(line("M1", AT, "2")))
    assert (other.status_code, other.json()["error"]) == (406, 201)


async def test_watts_and_volts(http: httpx.AsyncClient, boss: Actor, owner) -> None:
    await meters(owner, "M1", "M2")
    values = {"sumforwardreactive": "2000"}
    await post(http, boss, csv(line("M1", AT, "1000", **values)), watts="TRUE", volts="yes")
    await post(http, boss, csv(line("M2", AT, "1000", **values)), watts="0")
    (one,) = await got(http, boss, "M1")
    (two,) = await got(http, boss, "M2")
    assert (one["sumforwardactive"], one["sumforwardreactive"]) == (1000, 2000)
    assert (two["sumforwardactive"], two["sumforwardreactive"]) == (1000000, 2000000)
