"""The Trinity updater: absent is unchanged, blank clears, and what it may not clear it refuses."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from tests.conftest import NOW
from tests.houses import customer, imported, keys_of, location, meter, small_house, updated

from currant.access.model import Actor
from currant.clock import FrozenClock
from currant.door import Door
from currant.errors import Invalid

# A column of the file, a new value, what is then stored in which column, and what a blank leaves
# there; None is what may not be blank.
CHANGES: dict[str, list[tuple[str, str, str, Any, Any]]] = {
    "locations": [
        ("locaddr1", " 1 High St", "address_1", " 1 High St", None),
        ("locaddr2", " Apt 14A2", "address_2", " Apt 14A2", ""),
        ("loccity", "Chattanooga", "city", "Chattanooga", None),
        ("locstate", "GA", "state", "GA", None),
        ("loczip", "00415", "zip", "00415", None),
        ("loclat", "-35.0456", "latitude", "-35.0456", ""),
        ("loclong", "85.30", "longitude", "85.30", ""),
        ("meterinstalldate", "0000-00-00", "meter_installed_at", None, None),
    ],
    "meters": [
        ("deviceid", "device", "device_id", "device", "K1"),
        ("comtype", "NES", "com_type", "NES", None),
        ("sgc", "000403", "sgc", "000403", ""),
        ("ti", "07", "ti", "07", ""),
        ("keyrev", "2", "key_rev", "2", ""),
        ("keyexp", "7", "key_exp", 7, 255),
        ("basedate", "2014", "base_date", 2014, 0),
        ("sts_version", "6", "sts_version", 6, 0),
        ("maxpower", "9000", "max_power", "9000", ""),
        ("server", "second", "server", "second", ""),
        ("wallet", "currency", "wallet_kind", "currency", None),
    ],
    "customers": [
        ("name", "Ringo Starr", "name", "Ringo Starr", None),
        ("phone1", "1", "phone_1", "1", None),
        ("phone2", "2", "phone_2", "2", ""),
        ("sms1", "3", "sms_1", "3", None),
        ("sms2", "4", "sms_2", "4", ""),
        ("email", "e@example.com", "email_1", "e@example.com", None),
        ("address1", "5", "address_1", "5", ""),
        ("address2", " 6", "address_2", " 6", ""),
        ("city", "7", "city", "7", ""),
        ("state", "8", "state", "8", ""),
        ("postalcode", "09", "postal_code", "09", ""),
    ],
}
WHOLE = {
    "locations": location(
        "K1", locaddr2="2", loclat="1", loclong="2", meterinstalldate="2020-01-01"
    ),
    "meters": meter(
        "K1", deviceid="d", sgc="1", ti="1", keyrev="1", keyexp="1", basedate="1993",
        sts_version="4", maxpower="1",
    ),
    "customers": customer("K1", phone2="2", sms2="2", address2="2"),
}  # fmt: skip
STORED = {
    "locations": "select * from locations.location",
    "meters": "select * from metering.meter",
    "customers": "select * from customers.customer",
}


async def stored(owner: asyncpg.Connection, table: str) -> dict[str, Any]:
    """The one row of a table, without the time of its last change and what follows of the rest."""
    row = dict(await owner.fetchrow(STORED[table]) or {})
    derived = ("last_mod", "site_key", "email_key", "mobile_key")
    return {name: value for name, value in row.items() if name not in derived}


@pytest.mark.parametrize("table", CHANGES)
async def test_each_column_changes_by_itself(
    door: Door, boss: Actor, owner: asyncpg.Connection, table: str
) -> None:
    await imported(door, boss, table, WHOLE[table])
    key = {next(iter(WHOLE[table])): "K1"}
    expected = await stored(owner, table)
    for column, value, name, kept, cleared in CHANGES[table]:
        taken = await updated(door, boss, table, key | {column: value})
        assert taken.records == 1
        expected |= {name: kept}
        if column == "name":
            expected |= {"first_name": "Ringo", "last_name": "Starr"}
        assert await stored(owner, table) == expected, column
        if cleared is None:
            with pytest.raises(Invalid) as told:
                await updated(door, boss, table, key | {column: " "})
            assert [str(fault) for fault in told.value.faults] == [f"record 1, {column}: is blank"]
        else:
            await updated(door, boss, table, key | {column: ""})
            expected |= {name: cleared}
        assert await stored(owner, table) == expected, column


@pytest.mark.parametrize("table", CHANGES)
async def test_the_key_alone_changes_nothing_and_only_it_is_required(
    door: Door, boss: Actor, owner: asyncpg.Connection, table: str
) -> None:
    await imported(door, boss, table, WHOLE[table])
    before = await stored(owner, table)
    key = next(iter(WHOLE[table]))
    taken = await updated(door, boss, table, {key: "K1"})
    assert taken.records == 1
    assert await stored(owner, table) == before
    with pytest.raises(Invalid) as told:
        await updated(door, boss, table, {CHANGES[table][0][0]: "x"})
    assert told.value.field == key


async def test_both_keys_name_what_is_updated(
    door: Door, boss: Actor, owner: asyncpg.Connection
) -> None:
    await imported(door, boss, "customers", customer("A"), customer("B"))
    await imported(door, boss, "locations", location("A"), location("B"))
    people = await updated(
        door, boss, "customers",
        {"contract": "00002", "phone1": "2"}, {"contract": "A", "phone1": "1"},
    )  # fmt: skip
    assert [(k.juice_key, k.external_key) for k in keys_of(people)] == [
        ("00002", "B"),
        ("00001", "A"),
    ]
    places = await updated(
        door, boss, "locations",
        {"locname": "L00002", "loccity": "2"}, {"locname": "A", "loccity": "1"},
    )  # fmt: skip
    assert [k.external_key for k in keys_of(places)] == ["B", "A"]
    cities = await owner.fetch("select city from locations.location order by location_id")
    phones = await owner.fetch("select phone_1 from customers.customer order by customer_id")
    assert [row[0] for row in (*cities, *phones)] == ["1", "2", "1", "2"]


async def test_a_tariff_changes_from_now_on(
    door: Door, boss: Actor, owner: asyncpg.Connection, clock: FrozenClock
) -> None:
    await small_house(door, boss)
    await small_house(door, boss, first=2, tariff="OTHER")
    steps = []
    for value in ("OTHER", "OTHER", "", "SBT"):
        clock.advance(timedelta(hours=1))
        await updated(door, boss, "meters", {"serialnum": "M1", "tariff": value})
        steps.append(clock.now())
    history = await owner.fetch(
        "select t.name, lower(a.valid) as since, upper(a.valid) as until "
        "from tariffs.assignment as a join tariffs.tariff as t using (portal_id, tariff_id) "
        "join metering.meter as m using (portal_id, meter_id) "
        "where m.serial_number = 'M1' order by 2"
    )
    assert [tuple(row) for row in history] == [
        ("SBT", NOW, steps[0]),
        ("OTHER", steps[0], steps[2]),
        ("SBT", steps[3], None),
    ]


async def test_another_wallet_is_opened_beside_the_first(
    door: Door, boss: Actor, owner: asyncpg.Connection
) -> None:
    await small_house(door, boss, wallet="units")
    await updated(door, boss, "meters", {"serialnum": "M1", "wallet": "currency"})
    kinds = await owner.fetch("select kind from prepayment.wallet order by kind")
    assert [row[0] for row in kinds] == ["currency", "units"]


async def test_an_update_opens_a_register_once_and_is_no_way_for_reads(
    door: Door, boss: Actor, owner: asyncpg.Connection, clock: FrozenClock
) -> None:
    await imported(door, boss, "meters", meter("M1"), meter("M2", addactiveread="5"))
    clock.advance(timedelta(hours=1))
    for _ in range(2):
        await updated(
            door, boss, "meters",
            {"serialnum": "M1", "addactiveread": "7.5"}, {"serialnum": "M2", "addactiveread": "5"},
        )  # fmt: skip
    reads = await owner.fetch("select value, read_at from reads.read order by value")
    assert [tuple(row) for row in reads] == [(5000, NOW), (7500, NOW + timedelta(hours=1))]
    with pytest.raises(Invalid) as told:
        await updated(door, boss, "meters", {"serialnum": "M1", "addactiveread": "8"})
    assert "record 1, addactiveread: is not what the meter opened with" in told.value.message
