"""J23-J28 over real HTTP: the document's own examples, and what they leave out."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import httpx
import pytest
from tests.conftest import make_user, token_header
from tests.documented import example

from currant.access.model import OPERATOR, Actor, CreateAlias, CreatePortal
from currant.access.verbs import create_alias, create_portal
from currant.door import Door

NEW = {
    "portal": "example",
    "name": "TestTariff",
    "desc": "An example flat rate tariff",
    "muni": "",
    "rate": 0.043,
    "units": "kWh",
    "type": 1,
    "fuel_charge": True,
    "levy1": False,
    "levy2": False,
    "levy3": False,
    "taxable": True,
    "fixed": False,
    "kva_fixed": False,
}
LATER = {
    "portal": "example",
    "tariff": "TestTariff",
    "start_date": "2026-05-01T00:00:00-04:00",
    "end_date": "2040-12-31T23:59:59-05:00",
    "service": "Electricity",
    "tier": "B1",
    "rate": 0.3572,
    "usage_base_start": 0,
    "units": "kWh",
}


def exact(answer: httpx.Response) -> Any:
    return json.loads(answer.content, parse_float=Decimal)


async def post(http: httpx.AsyncClient, actor: Actor, path: str, body: object, **more: str) -> Any:
    """POST as curl --data does: JSON that calls itself a form."""
    headers = token_header(actor) | {"content-type": "application/x-www-form-urlencoded"} | more
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    return await http.post(path, content=content, headers=headers)


async def fetch(http: httpx.AsyncClient, actor: Actor, which: str, **query: str) -> Any:
    answer = await http.get(
        f"/tariff/{which}/get", params={"portal": "example"} | query, headers=token_header(actor)
    )
    assert answer.status_code == 200, answer.text
    return exact(answer)["data"]


async def rates(http, actor, which: str, tariff: str = "TestTariff") -> list[dict[str, Any]]:
    return (await fetch(http, actor, which, tariff=tariff))["rate"]


@pytest.fixture
async def tariff(http: httpx.AsyncClient, boss: Actor) -> str:
    assert (await post(http, boss, "/tariff/create", NEW)).status_code == 200
    return "TestTariff"


# The document's examples


async def portal_of(door: Door, key: str, zone: str) -> tuple[int, Actor]:
    made = await door.act(create_portal, CreatePortal(key, key, zone, "USD", "CEC"), OPERATOR)
    return made.portal_id, await make_user(door, key, "admin", "SysAdmin")


TARIFF = """
insert into tariffs.tariff (
    portal_id, tariff_id, name, description, municipality, type, units, service
) values ($1, $2, $3, $4, $5, $6, 'kWh', 'Electricity')
"""
RATE = """
insert into tariffs.rate (
    portal_id, tariff_id, rate_id, tier, valid, rate, usage_base_start, units, service, coa,
    ar_coa, taxable, description, last_mod
) values (
    $1, $2, $3, $4, tstzrange($5, $6::timestamptz + interval '1 second'), $7, $8, 'kWh',
    'Electricity', $9, '1102', $10, $11, $12
)
"""


async def plant_tariff(owner, portal_id, told: list[dict[str, Any]]) -> None:
    """Plant a tariff as the examples show it, in one or more of its periods."""
    head = told[0]
    await owner.execute(
        TARIFF,
        portal_id,
        head["id"],
        head["tariff"],
        head["desc"],
        head.get("muni", ""),
        min(len(head["rate"]), 9),
    )
    for shown in told:
        for line in shown["rate"]:
            await owner.execute(
                RATE,
                portal_id,
                head["id"],
                line["id"],
                line["tier"],
                datetime.fromisoformat(line["start_date"]),
                datetime.fromisoformat(line["end_date"]),
                Decimal(line["rate"]),
                line["usage_base_start"],
                str(line["coa"]),
                line.get("taxable", False),
                line.get("rate_plan_desc", ""),
                datetime.fromisoformat(line["last_mod"]),
            )
    for charge in head.get("fixed", []):
        await owner.execute(
            "insert into tariffs.fixed_charge (portal_id, fixed_id, tariff_id, description, "
            "amount, basis, coa, ar_coa, taxable) "
            "values ($1, $2, $3, $4, $5, 'MONTHLY', $6, $7, $8)",
            portal_id,
            charge["id"],
            head["id"],
            charge["desc"],
            Decimal(charge["amount"]),
            charge["coa"],
            charge["ar_coa"],
            charge["taxable"],
        )
    await plant_meters(owner, portal_id, head["id"], head["meter_count"])


async def plant_meters(owner: asyncpg.Connection, portal_id: int, tariff_id: int, count: int):
    """Put meters on a tariff; one more had it and left."""
    await owner.execute(
        """
        with made as (
            insert into metering.meter (
                portal_id, serial_number, device_id, com_type, wallet_kind, created_at, last_mod
            )
            select $1, 'T' || $2::int || 'M' || n, 'M', 'AMR', 'units', now(), now()
            from generate_series(0, $3) as n
            returning meter_id, serial_number
        )
        insert into tariffs.assignment (portal_id, meter_id, tariff_id, valid)
        select
            $1, made.meter_id, $2,
            tstzrange('2015-01-01', case when made.serial_number ~ 'M0$' then '2016-01-01' end
                ::timestamptz)
        from made
        """,
        portal_id,
        tariff_id,
        count,
    )


async def replay(http: httpx.AsyncClient, actor: Actor, told: dict[str, Any]) -> Any:
    if told["method"] == "POST":
        return await post(http, actor, told["path"], told["body"])
    return await http.get(f"{told['path']}?{told['raw_query']}", headers=token_header(actor))


@pytest.mark.parametrize(
    "name",
    ["tariff_all_get", "tariff_current_get", "tariff_historical_get", "tariff_future_get"],
)
async def test_the_examples_of_getting_tariffs(name, http, door, owner, clock) -> None:
    told = example(name)
    clock.set(datetime.fromisoformat(told["frozen_now"]))
    portal_id, admin = await portal_of(door, "example", told["portal_tz"])
    expected = told.get("expect_body_corrected", told["expect_body"])
    if name == "tariff_current_get":
        await plant_tariff(owner, portal_id, [expected["data"]])
    else:
        commercial, sbt = example("tariff_all_get")["expect_body"]["data"]
        past = example("tariff_historical_get")["expect_body"]["data"]
        future = example("tariff_future_get")["expect_body"]["data"]
        await plant_tariff(owner, portal_id, [commercial])
        await plant_tariff(owner, portal_id, [sbt, past, future])
    answer = await replay(http, admin, told)
    assert answer.status_code == told["expect_status"]
    assert exact(answer) == expected


async def test_the_example_of_creating_a_tariff(http, boss) -> None:
    told = example("tariff_create")
    answer = await replay(http, boss, told)
    assert (answer.status_code, answer.json()) == (200, {"error": 0})


async def test_the_example_of_scheduling_a_rate(http, door, clock) -> None:
    told = example("tariff_future_create")
    clock.set(datetime.fromisoformat(told["frozen_now"]))
    _, admin = await portal_of(door, "test", told["portal_tz"])
    new = NEW | {"portal": "test", "name": "SBT", "type": 3}
    assert (await post(http, admin, "/tariff/create", new)).status_code == 200
    answer = await replay(http, admin, told)
    assert answer.status_code == 200
    given = exact(answer)
    given["data"][0]["id"] = told["expect_body"]["data"][0]["id"]
    assert given == told["expect_body"]
    assert list(given["data"][0]) == list(told["expect_body"]["data"][0])


# J23 create


async def test_a_new_tariff_as_it_is_then_shown(http, boss, tariff) -> None:
    shown = await fetch(http, boss, "current", tariff=tariff)
    ids = [line.pop("id") for line in shown["rate"]]
    common = {
        "ar_coa": 1102,
        "end_date": "2050-01-01T23:59:59-05:00",
        "last_mod": "2026-03-02T12:00:00-05:00",
        "service": "Electricity",
        "start_date": "2026-03-02T12:00:00-05:00",
        "taxable": True,
        "units": "kWh",
        "usage_base_start": 0,
    }
    assert ids == sorted(ids)
    assert shown.pop("id") > 0
    assert shown == {
        "desc": "An example flat rate tariff",
        "meter_count": 0,
        "portal": "example",
        "rate": [
            common | {"coa": 4000, "rate": 0, "rate_plan_desc": "Fuel Charge", "tier": "A"},
            common | {"coa": 4005, "rate": Decimal("0.043"), "tier": "B1"},
        ],
        "tariff": "TestTariff",
    }


async def test_members_stand_in_the_documents_order(http, boss) -> None:
    await post(http, boss, "/tariff/create", NEW | {"muni": "Here", "fixed": True})
    shown = await fetch(http, boss, "current", tariff="TestTariff")
    assert list(shown) == sorted(shown)
    assert list(shown["fixed"][0]) == sorted(shown["fixed"][0])
    assert list(shown["rate"][0]) == sorted(shown["rate"][0])
    assert "rate_plan_desc" in shown["rate"][0]


async def test_it_is_valid_to_the_last_second_of_its_last_day(http, boss, owner, tariff) -> None:
    end = await owner.fetchval("select distinct upper(valid) from tariffs.rate")
    assert end == datetime(2050, 1, 2, 5, tzinfo=UTC)


async def test_each_type_has_its_tiers_at_the_one_rate(http, boss) -> None:
    for kind in range(10):
        letter, count = ("B", kind) if kind else ("T", 9)
        new = {"name": f"Type {kind}", "type": kind, "fuel_charge": False, "taxable": False}
        assert (await post(http, boss, "/tariff/create", NEW | new)).status_code == 200
        lines = await rates(http, boss, "current", new["name"])
        assert [line["tier"] for line in lines] == [f"{letter}{n}" for n in range(1, count + 1)]
        assert {line["rate"] for line in lines} == {Decimal("0.043")}
        assert {line["usage_base_start"] for line in lines} == {0}
        assert all("taxable" not in line for line in lines)


@pytest.mark.parametrize("kind", [0, 2])
async def test_levies_are_told_last(http, boss, kind: int) -> None:
    new = {"name": "All", "type": kind, "levy1": True, "levy2": True, "levy3": True}
    assert (await post(http, boss, "/tariff/create", NEW | new)).status_code == 200
    tiers = [line["tier"] for line in await rates(http, boss, "current", "All")]
    assert tiers == [
        "A",
        *(["B1", "B2"] if kind else [f"T{n}" for n in range(1, 10)]),
        "L",
        "L2",
        "L3",
    ]


async def test_fuel_levies_and_fixed_charges(http, boss) -> None:
    new = NEW | {"type": 2, "levy1": True, "levy3": True, "fixed": True, "kva_fixed": True}
    assert (await post(http, boss, "/tariff/create", new)).status_code == 200
    shown = await fetch(http, boss, "current", tariff="TestTariff")
    assert [
        (line["tier"], line["rate"], line["coa"], line["rate_plan_desc"], line.get("taxable"))
        for line in shown["rate"]
    ] == [
        ("A", 0, 4000, "Fuel Charge", True),
        ("B1", Decimal("0.043"), 4005, "Block 1", True),
        ("B2", Decimal("0.043"), 4005, "Block 2", True),
        ("L", 0, 4005, "Levy", None),
        ("L3", 0, 4005, "Levy 3", None),
    ]
    for charge in shown["fixed"]:
        del charge["id"]
    common = {
        "amount": 0,
        "ar_coa": "1102",
        "coa": "4900",
        "portal": "example",
        "tariff": "TestTariff",
        "taxable": True,
    }
    assert shown["fixed"] == [
        common | {"desc": "Fixed Charge"},
        common | {"desc": "kVA Fixed Charge"},
    ]


async def test_the_service_follows_from_the_units(http, boss) -> None:
    services = {
        "kWh": "Electricity",
        "kVa": "Electricity",
        "kVAR": "Electricity",
        "kL": "Water",
        "MJ": "Gas",
        "BTU": "Gas",
    }
    for units, service in services.items():
        new = NEW | {"name": units, "units": units}
        assert (await post(http, boss, "/tariff/create", new)).status_code == 200
        for line in await rates(http, boss, "current", units):
            assert (line["units"], line["service"]) == (units, service)


async def test_the_body_is_json_whatever_it_calls_itself(http, boss) -> None:
    for kind in ("application/json", "text/csv", "multipart/form-data", ""):
        body = NEW | {"name": f"as {kind}", "unheard_of": [1, {"two": None}], "muni": None}
        answer = await post(http, boss, "/tariff/create", body, **{"content-type": kind})
        assert (answer.status_code, answer.json()) == (200, {"error": 0}), kind


async def test_a_rate_keeps_its_last_digit(http, boss) -> None:
    body = json.dumps(NEW).replace("0.043", "0.123456789")
    assert (await post(http, boss, "/tariff/create", body)).status_code == 200
    assert (
        b'"rate":0.123456789,'
        in (
            await http.get(
                "/tariff/current/get?portal=example&tariff=TestTariff", headers=token_header(boss)
            )
        ).content
    )


REFUSED_NEW: list[tuple[dict[str, Any], str]] = [
    ({name: ...}, name) for name in NEW if name != "muni"
] + [
    ({"name": ""}, "name"),
    ({"name": "  "}, "name"),
    ({"name": "x" * 101}, "name"),
    ({"name": "a\0b"}, "name: character 2 is a NUL"),
    ({"name": 7}, "name"),
    ({"desc": None}, "desc"),
    ({"muni": 7}, "muni"),
    ({"rate": "0.043"}, "rate"),
    ({"rate": -0.1}, "rate"),
    ({"rate": 0.0123456789}, "rate"),
    ({"rate": 10**9}, "rate"),
    ({"type": 10}, "type"),
    ({"type": -1}, "type"),
    ({"type": 2**40}, "type"),
    ({"type": "1"}, "type"),
    ({"units": ""}, "units"),
    ({"units": "parsec"}, "units"),
    ({"fixed": 1}, "fixed"),
    ({"taxable": "yes"}, "taxable"),
    ({"portal": 5}, "portal"),
]


async def test_refusals_of_create(http, boss, owner) -> None:
    for change, named in REFUSED_NEW:
        body = {name: v for name, v in (NEW | change).items() if v is not ...}
        answer = await post(http, boss, "/tariff/create", body)
        assert (answer.status_code, answer.json()["error"]) == (406, 201), change
        assert named in answer.json()["error_message"], change
    assert await owner.fetchval("select count(*) from tariffs.rate") == 0


async def test_a_body_that_is_no_json(http, boss) -> None:
    for path in ("/tariff/create", "/tariff/future/create"):
        for body in ("", "{", b"\xff{}", "nonsense"):
            answer = await post(http, boss, path, body)
            assert (answer.status_code, answer.json()["error"]) == (400, 201), body


async def test_a_name_is_taken_once(http, boss, tariff) -> None:
    answer = await post(http, boss, "/tariff/create", NEW)
    assert (answer.status_code, answer.json()["error"]) == (406, 201)
    assert "name" in answer.json()["error_message"]
    assert len(await fetch(http, boss, "all")) == 1


async def test_who_may(http, door, boss, cashier, tariff) -> None:
    paths = {"/tariff/create": NEW, "/tariff/future/create": LATER}
    for path, body in paths.items():
        stranger = await http.post(path, content="garbage")
        assert (stranger.status_code, stranger.json()["error"]) == (401, 100)
        denied = await post(http, cashier, path, body | {"name": "Other"})
        assert (denied.status_code, denied.json()["error"]) == (403, 101)
        for portal in ("elsewhere", "%"):
            foreign = await post(http, boss, path, body | {"portal": portal})
            assert (foreign.status_code, foreign.json()["error"]) == (403, 101)
    for which in ("all", "current", "historical", "future"):
        query = {"portal": "example", "tariff": tariff}
        denied = await http.get(f"/tariff/{which}/get", params=query, headers=token_header(cashier))
        assert (denied.status_code, denied.json()["error"]) == (403, 101)
        assert (await http.get(f"/tariff/{which}/get", params=query)).status_code == 401
        wrong = await http.post(f"/tariff/{which}/get", headers=token_header(boss))
        assert (wrong.status_code, wrong.json()["error"]) == (405, 200)
    clerk = await make_user(door, "example", "clerk", "CSR")
    assert await fetch(http, clerk, "all")


async def test_a_repeated_key_creates_once(http, boss) -> None:
    for _ in range(2):
        answer = await post(http, boss, "/tariff/create", NEW, **{"idempotency-key": "k1"})
        assert answer.json() == {"error": 0}
    other = NEW | {"name": "Other"}
    answer = await post(http, boss, "/tariff/create", other, **{"idempotency-key": "k1"})
    assert (answer.status_code, answer.json()["error"]) == (406, 201)
    assert len(await fetch(http, boss, "all")) == 1


# J24-J27


async def test_all_tariffs_by_name_and_municipality(http, boss, owner) -> None:
    assert await fetch(http, boss, "all") == []
    for name, muni in (("Home 100%", "North"), ("SHOP", "North"), ("home_2", "South")):
        new = NEW | {"name": name, "muni": muni}
        assert (await post(http, boss, "/tariff/create", new)).status_code == 200

    async def names(**query: str) -> list[str]:
        return [shown["tariff"] for shown in await fetch(http, boss, "all", **query)]

    assert await names() == ["Home 100%", "SHOP", "home_2"]
    assert await names(searchfor="HOME") == ["Home 100%", "home_2"]
    assert await names(searchfor="%") == ["Home 100%"]
    assert await names(searchfor="_") == ["home_2"]
    assert await names(selectmuni="North") == ["Home 100%", "SHOP"]
    assert await names(selectmuni="north") == []
    assert await names(selectmuni="South", searchfor="home") == ["home_2"]
    assert await names(limit="1", offset="1") == ["SHOP"]
    refused = await http.get(
        "/tariff/all/get", params={"portal": "example", "limit": "x"}, headers=token_header(boss)
    )
    assert (refused.status_code, refused.json()["error"]) == (406, 201)


async def test_meter_count_counts_who_is_on_it_now(http, boss, owner, tariff) -> None:
    portal_id, tariff_id = await owner.fetchrow("select portal_id, tariff_id from tariffs.tariff")
    await plant_meters(owner, portal_id, tariff_id, 3)
    assert (await fetch(http, boss, "current", tariff=tariff))["meter_count"] == 3
    assert (await fetch(http, boss, "all"))[0]["meter_count"] == 3


async def test_the_canonical_name_of_the_portal_is_answered(http, door, boss) -> None:
    await door.act(create_alias, CreateAlias("examlpe"), OPERATOR.at("example"))
    new = NEW | {"fixed": True, "portal": "examlpe"}
    assert (await post(http, boss, "/tariff/create", new)).status_code == 200
    shown = await fetch(http, boss, "current", portal="examlpe", tariff="TestTariff")
    assert (shown["portal"], shown["fixed"][0]["portal"]) == ("example", "example")


async def test_a_tariff_that_is_not_there(http, boss, tariff) -> None:
    for query, status, named in (
        ({"portal": "example", "tariff": "testtariff"}, 404, "testtariff"),
        ({"portal": "example"}, 406, "tariff"),
        ({"tariff": tariff}, 406, "portal"),
    ):
        for which in ("current", "historical", "future"):
            answer = await http.get(
                f"/tariff/{which}/get", params=query, headers=token_header(boss)
            )
            assert (answer.status_code, answer.json()["error"]) == (status, 201)
            assert named in answer.json()["error_message"]


async def test_no_lines_of_a_period_are_an_empty_list(http, boss, tariff) -> None:
    assert await rates(http, boss, "historical") == []
    assert await rates(http, boss, "future") == []


async def test_another_portals_tariffs_are_unseen(http, door, boss, tariff) -> None:
    await door.act(create_portal, CreatePortal("next", "Next", "UTC", "USD", "N"), OPERATOR)
    neighbour = await make_user(door, "next", "neighbour", "SysAdmin", vendor_number="N")
    assert await fetch(http, neighbour, "all", portal="next") == []
    answer = await http.get(
        "/tariff/current/get",
        params={"portal": "next", "tariff": tariff},
        headers=token_header(neighbour),
    )
    assert answer.status_code == 404
    mine = NEW | {"portal": "next"}
    assert (await post(http, neighbour, "/tariff/create", mine)).status_code == 200


# J28 schedule


async def test_a_scheduled_rate_ends_the_one_in_force(http, boss, clock, tariff) -> None:
    clock.advance(timedelta(hours=1))
    answer = await post(http, boss, "/tariff/future/create", LATER)
    assert answer.status_code == 200, answer.text
    (line,) = exact(answer)["data"]
    assert line.pop("id") > 0
    assert line == {
        "service": "Electricity",
        "tier": "B1",
        "rate": Decimal("0.3572"),
        "start_date": "2026-05-01T00:00:00-04:00",
        "end_date": "2040-12-31T23:59:59-05:00",
        "last_mod": "2026-03-02T13:00:00-05:00",
        "usage_base_start": 0,
        "units": "kWh",
        "coa": 4005,
        "ar_coa": 1102,
    }
    fuel, ended = await rates(http, boss, "current")
    assert fuel["end_date"] == "2050-01-01T23:59:59-05:00"
    assert fuel["last_mod"] == "2026-03-02T12:00:00-05:00"
    assert ended["end_date"] == "2026-04-30T23:59:59-04:00"
    assert ended["last_mod"] == "2026-03-02T13:00:00-05:00"
    (coming,) = await rates(http, boss, "future")
    assert coming["start_date"] == "2026-05-01T00:00:00-04:00"
    assert coming["end_date"] == "2040-12-31T23:59:59-05:00"
    assert coming["taxable"] is True
    clock.set(datetime(2026, 5, 1, 3, 59, 59, 900_000, tzinfo=UTC))
    assert [line["tier"] for line in await rates(http, boss, "current")] == ["A", "B1"]
    assert await rates(http, boss, "historical") == []
    clock.set(datetime(2026, 5, 1, 4, tzinfo=UTC))
    assert [line["rate"] for line in await rates(http, boss, "current")] == [
        0,
        Decimal("0.3572"),
    ]
    assert [line["rate"] for line in await rates(http, boss, "historical")] == [Decimal("0.043")]
    assert await rates(http, boss, "future") == []


async def test_a_new_tier_leaves_the_others_as_they_are(http, boss, tariff) -> None:
    before = await rates(http, boss, "current")
    for tier in ("B2", "B9", "L", "L2", "L3"):
        body = LATER | {"tier": tier, "usage_base_start": 75, "coa": 4000, "ar_coa": 1100}
        answer = await post(http, boss, "/tariff/future/create", body)
        assert answer.status_code == 200, answer.text
    assert await rates(http, boss, "current") == before
    assert [
        (line["tier"], line.get("rate_plan_desc"), line.get("taxable"), line["coa"])
        for line in await rates(http, boss, "future")
    ] == [
        ("B2", "Block 2", True, 4000),
        ("B9", "Block 9", True, 4000),
        ("L", "Levy", None, 4000),
        ("L2", "Levy 2", None, 4000),
        ("L3", "Levy 3", None, 4000),
    ]


async def test_buckets_of_a_time_of_use_tariff(http, boss) -> None:
    assert (await post(http, boss, "/tariff/create", NEW | {"type": 0})).status_code == 200
    for tier, status in (("T1", 200), ("T9", 200), ("B1", 406)):
        answer = await post(http, boss, "/tariff/future/create", LATER | {"tier": tier})
        assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    ("start", "end", "echoed", "shown"),
    [
        (
            "2026-05-01T00:00:00Z",
            "2030-12-31T23:59:59Z",
            ("2026-05-01T00:00:00Z", "2030-12-31T23:59:59Z"),
            ("2026-04-30T20:00:00-04:00", "2030-12-31T18:59:59-05:00"),
        ),
        (
            "2026-05-01T00:00:00+10:00",
            "2030-12-31T23:59:00-03:00",
            ("2026-05-01T00:00:00+10:00", "2030-12-31T23:59:00-03:00"),
            ("2026-04-30T10:00:00-04:00", "2030-12-31T21:59:00-05:00"),
        ),
        (
            "2026-05-01t00:00:00.75z",
            "2030-12-31T23:59:59.999999Z",
            ("2026-05-01T00:00:00Z", "2030-12-31T23:59:59Z"),
            ("2026-04-30T20:00:00-04:00", "2030-12-31T18:59:59-05:00"),
        ),
        (
            "2026-05-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            ("2026-05-01T00:00:00Z", "9999-12-31T23:59:59Z"),
            ("2026-04-30T20:00:00-04:00", "9999-12-31T18:59:59-05:00"),
        ),
    ],
)
async def test_timestamps_are_echoed_as_sent(http, boss, tariff, start, end, echoed, shown) -> None:
    body = LATER | {"start_date": start, "end_date": end}
    answer = await post(http, boss, "/tariff/future/create", body)
    assert answer.status_code == 200, answer.text
    assert "x-juice-warning" not in answer.headers
    (line,) = answer.json()["data"]
    assert (line["start_date"], line["end_date"]) == echoed
    (coming,) = await rates(http, boss, "future")
    assert (coming["start_date"], coming["end_date"]) == shown


async def test_the_seeds_own_layout_is_taken_with_a_warning(http, boss, tariff) -> None:
    body = LATER | {"start_date": "2026-05-01T00:00:00Z04:00"}
    answer = await post(http, boss, "/tariff/future/create", body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-juice-warning"] == "nonstandard-offset"
    assert answer.json()["data"][0]["start_date"] == "2026-05-01T00:00:00-04:00"


async def test_successive_generations(http, boss, clock, tariff) -> None:
    """A line may begin in the second after another one's last."""
    first = LATER | {"end_date": "2026-12-31T23:59:59-05:00"}
    second = LATER | {"start_date": "2027-01-01T00:00:00-05:00", "rate": 0.4}
    for body in (second, first):
        answer = await post(http, boss, "/tariff/future/create", body)
        assert answer.status_code == 200, answer.text
    clock.set(datetime(2028, 1, 1, tzinfo=UTC))
    assert [line["rate"] for line in await rates(http, boss, "historical")] == [
        Decimal("0.043"),
        Decimal("0.3572"),
    ]
    assert [line["rate"] for line in await rates(http, boss, "current")] == [0, Decimal("0.4")]


REFUSED_LATER: list[tuple[dict[str, Any], str]] = [({name: ...}, name) for name in LATER] + [
    ({"start_date": "2026-03-02T12:00:00-05:00"}, "start_date"),
    ({"start_date": "2020-01-01T00:00:00Z"}, "start_date"),
    ({"start_date": "2026-05-01"}, "start_date"),
    ({"start_date": ""}, "start_date"),
    ({"start_date": "2026-05-01T00:00:00"}, "start_date"),
    ({"end_date": "2026-05-01T00:00:00-04:00"}, "end_date"),
    ({"end_date": "2026-04-01T00:00:00Z"}, "end_date"),
    ({"end_date": "soon"}, "end_date"),
    ({"tier": "B10"}, "tier"),
    ({"tier": "B0"}, "tier"),
    ({"tier": "b1"}, "tier"),
    ({"tier": ""}, "tier"),
    ({"tier": "T1"}, "time-of-use"),
    ({"rate": -1}, "rate"),
    ({"rate": "0.3"}, "rate"),
    ({"usage_base_start": -1}, "usage_base_start"),
    ({"usage_base_start": 2**70}, "usage_base_start"),
    ({"usage_base_start": 0.5}, "usage_base_start"),
    ({"units": "MWh"}, "units"),
    ({"coa": 4444}, "coa"),
    ({"coa": -1}, "coa"),
    ({"coa": "4005"}, "coa"),
    ({"ar_coa": 9999}, "ar_coa"),
    ({"ar_coa": 10**30}, "ar_coa"),
]


async def test_refusals_of_schedule(http, boss, tariff) -> None:
    before = await rates(http, boss, "current")
    for change, named in REFUSED_LATER:
        body = {name: v for name, v in (LATER | change).items() if v is not ...}
        answer = await post(http, boss, "/tariff/future/create", body)
        assert (answer.status_code, answer.json()["error"]) == (406, 201), change
        assert named in answer.json()["error_message"], change
    assert await rates(http, boss, "current") == before
    assert await rates(http, boss, "future") == []


async def test_an_unknown_tariff_has_no_future(http, boss, tariff) -> None:
    answer = await post(http, boss, "/tariff/future/create", LATER | {"tariff": "Nobody"})
    assert (answer.status_code, answer.json()["error"]) == (404, 201)
    assert "Nobody" in answer.json()["error_message"]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-05-01T00:00:00-04:00", "2026-06-01T00:00:00Z"),
        ("2026-04-01T00:00:00Z", "2026-05-01T00:00:00-04:00"),
        ("2030-01-01T00:00:00Z", "2045-01-01T00:00:00Z"),
    ],
)
async def test_two_future_lines_of_a_tier_never_overlap(http, boss, tariff, start, end) -> None:
    assert (await post(http, boss, "/tariff/future/create", LATER)).status_code == 200
    now, future = await rates(http, boss, "current"), await rates(http, boss, "future")
    other = LATER | {"start_date": start, "end_date": end}
    answer = await post(http, boss, "/tariff/future/create", other)
    assert (answer.status_code, answer.json()["error"]) == (406, 201)
    assert "tier" in answer.json()["error_message"]
    assert (await rates(http, boss, "current"), await rates(http, boss, "future")) == (now, future)


async def test_of_two_at_once_one_wins(http, boss, owner, tariff) -> None:
    bodies = [LATER | {"rate": rate, "tier": tier} for rate in (1, 2, 3) for tier in ("B1", "B2")]
    answers = await asyncio.gather(
        *(post(http, boss, "/tariff/future/create", body) for body in bodies)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 200, 406, 406, 406, 406]
    assert len(await rates(http, boss, "future")) == 2
    assert (
        await owner.fetchval(
            "select count(*) from tariffs.rate as a inner join tariffs.rate as b "
            "on a.rate_id < b.rate_id and a.tier = b.tier and a.valid && b.valid"
        )
        == 0
    )


async def test_a_repeated_key_schedules_once(http, boss, tariff) -> None:
    first, again = [
        await post(http, boss, "/tariff/future/create", LATER, **{"idempotency-key": "k2"})
        for _ in range(2)
    ]
    assert first.status_code == 200
    assert again.content == first.content
