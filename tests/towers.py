"""A building for tests of billing: postpaid accounts at read sites, on a plan, in Sydney.

`await tower(door, owner)` answers a `Tower`: the portal `tower` of the running example, with units
supplied from 2024-06-21 through basic meters, each with reads of its own.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import asyncpg
import msgspec

from currant.access.model import OPERATOR, Actor, CreatePortal
from currant.access.verbs import create_portal
from currant.door import Door
from currant.tariffs.model import CreatePlan, GivenCharge, GivenRate, SetTax
from currant.tariffs.plans import Basis
from currant.tariffs.verbs import create_plan, set_tax
from tests.conftest import make_user

SYDNEY = ZoneInfo("Australia/Sydney")
BEGINS = date(2024, 6, 21)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)

SUPPLY = """
with place as (
    insert into locations.location (
        portal_id, loc_id, external_key, address_1, city, state, zip, building_id,
        site_identifier, unit, created_at, last_mod
    )
    values (
        $1, $2, $2, '1 Tower St', 'Sydney', 'NSW', '2000', $3, $4, 'Unit ' || $2, $5, $5
    )
    returning location_id
), person as (
    insert into customers.customer (
        portal_id, name, first_name, last_name, phone_1, sms_1, email_1, address_1, city, state,
        postal_code, sub_type_code
    )
    values (
        $1, 'Ringo Starr', 'Ringo', 'Starr', '', '', 'ringo@example.com', '1 Tower St', 'Sydney',
        'NSW', '2000', 'TENANT'
    )
    returning customer_id
), debtor as (
    insert into customers.account (
        portal_id, account, contract, customer_id, payment_mode, created_at, last_mod
    )
    select $1, $6, $7, person.customer_id, 'POSTPAID', $5, $5 from person
    returning account_id
), term as (
    insert into customers.agreement (portal_id, account_id, location_id, product_type, valid)
    select $1, debtor.account_id, place.location_id, 'ELECTRICITY', tstzrange($5, null)
    from debtor cross join place
    returning agreement_id
), device as (
    insert into metering.meter (
        portal_id, serial_number, device_id, com_type, wallet_kind, created_at, last_mod
    )
    values ($1, $8, $8, 'AMR', 'currency', $5, $5)
    returning meter_id
), hung as (
    insert into metering.installation (portal_id, meter_id, location_id, valid)
    select $1, device.meter_id, place.location_id, tstzrange($5, null)
    from device cross join place
), plan as (
    insert into tariffs.assignment (portal_id, meter_id, tariff_id, valid)
    select $1, device.meter_id, t.tariff_id, tstzrange($5, null)
    from device inner join tariffs.tariff as t on t.portal_id = $1 and t.name = $9
)
select term.agreement_id, device.meter_id from term cross join device
"""
READ = """
with batch as (
    insert into reads.batch (portal_id, source, login, recorded_at, records, stored)
    values ($1, 'file', 'reader', $5, 1, 1) returning batch_id
)
insert into reads.read (
    portal_id, register_id, read_at, revision, value, original, multiplier, batch_id
)
select
    $1, g.register_id, $3,
    (
        select coalesce(max(r.revision), 0) + 1 from reads.read as r
        where r.portal_id = $1 and r.register_id = g.register_id and r.read_at = $3
    ),
    $4::numeric * 1000, $4, 1, batch.batch_id
from metering.register as g cross join batch
where g.portal_id = $1 and g.meter_id = $2 and g.register_no = 1
"""


class Unit(msgspec.Struct, frozen=True):
    """A supply of the tower."""

    account: str
    agreement_id: int
    meter_id: int
    serial_number: str
    site_identifier: str


class Tower(msgspec.Struct, frozen=True):
    """The portal, who runs and who approves its bills, and its supplies."""

    portal_id: int
    clerk: Actor
    manager: Actor
    units: list[Unit]


async def tower(door: Door, owner: asyncpg.Connection, *, units: int = 1) -> Tower:
    """Make the tower with the plan RES-FLAT: 0.285 a kWh, 1.10 a day, 10 % tax."""
    made = CreatePortal("tower", "Tower One Energy", "Australia/Sydney", "AUD", "TWR")
    created = await door.act(create_portal, made, OPERATOR)
    boss = await make_user(door, "tower", "boss", "SysAdmin")
    clerk = await make_user(door, "tower", "clerk", "ComMGR")
    await door.act(set_tax, SetTax(Decimal("0.1"), LONG_AGO), boss)
    plan = CreatePlan(
        name="RES-FLAT",
        description="Residential flat",
        rates=[GivenRate("B1", Decimal("0.285"), description="Anytime")],
        charges=[GivenCharge("Daily supply", Decimal("1.10"), Basis.DAILY)],
        from_at=LONG_AGO,
    )
    await door.act(create_plan, plan, boss)
    portal_id = created.portal_id
    building_id = await owner.fetchval(
        "insert into locations.building (portal_id, building_code, name, tax_number, created_at,"
        " last_mod) values ($1, 'TWR01', 'Tower One', '51 824 753 556', $2, $2)"
        " returning building_id",
        portal_id, at(BEGINS),
    )  # fmt: skip
    supplies = []
    for n in range(units):
        account, serial = f"{3280 + n:05d}", f"1234abc{n}" if n else "1234abcde"
        site = f"{4103000012 + n}"
        row = await owner.fetchrow(
            SUPPLY, portal_id, f"L{n:05d}", building_id, site, at(BEGINS), account,
            str(5003986 + n), serial, "RES-FLAT",
        )  # fmt: skip
        supplies.append(Unit(account, row["agreement_id"], row["meter_id"], serial, site))
    return Tower(portal_id, clerk, boss, supplies)


def at(day: date) -> datetime:
    """The beginning of a day in Sydney."""
    return datetime(day.year, day.month, day.day, tzinfo=SYDNEY)


async def read(
    owner: asyncpg.Connection, told: Tower, unit: Unit, day: date, value: str,
    recorded: datetime = LONG_AGO,
) -> None:  # fmt: skip
    """Let the meter of a unit stand at a value at the beginning of a day."""
    await owner.execute(READ, told.portal_id, unit.meter_id, at(day), value, recorded)
