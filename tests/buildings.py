"""A building for tests: sites and meters, made as an operator of an embedded network makes them.

`await tower(door, boss, units=2)` creates the building `TWR01` in Sydney with so many sites, each
with a meter of one register that opened at 12000 on 21 June 2024.
"""

from datetime import date
from decimal import Decimal

import msgspec

from currant.access.model import Actor
from currant.door import Door
from currant.installations.model import CreateMeters, NewMeter, ReadTold
from currant.installations.verbs import create_meters
from currant.locations.model import CreateBuildings, CreateSites, NewBuilding, NewSite
from currant.locations.verbs import create_buildings, create_sites

OPENED = date(2024, 6, 21)


class Tower(msgspec.Struct, frozen=True):
    """What the building holds; the lists run in step, one member a unit."""

    building: str
    sites: list[str]
    meters: list[str]
    loc_ids: list[str]


async def tower(
    door: Door,
    boss: Actor,
    *,
    units: int = 1,
    code: str = "TWR01",
    timezone: str | None = "Australia/Sydney",
    opening: str | None = "12000",
    installed: date = OPENED,
    plan: str | None = None,
    sites_from: int = 12,
    **more: object,
) -> Tower:
    """Make the building with its units; `more` are members of the building."""
    building = NewBuilding(
        code, "Tower One", network="Ausgrid", address_1="1 High Street", suburb="Sydney",
        state="NSW", postcode="2000", country="AU", timezone=timezone, **more,
    )  # fmt: skip
    await door.act(create_buildings, CreateBuildings([building]), boss)
    numbers = range(sites_from, sites_from + units)
    names = [str(4103000000 + n) for n in numbers]
    sites = [
        NewSite(
            code, name, site_name=f"Unit {name[-2:]}", unit_no=name[-2:], site_type="RESIDENTIAL"
        )
        for name in names
    ]
    made = await door.act(create_sites, CreateSites(sites), boss)
    serials = [f"{code}-{n}" for n in numbers]
    reads = [] if opening is None else [ReadTold(Decimal(opening))]
    meters = [
        NewMeter(
            serial, dials=6, site_identifier=name, installed_on=installed, opening_reads=reads,
            price_plan_code=plan,
        )
        for serial, name in zip(serials, names, strict=True)
    ]  # fmt: skip
    await door.act(create_meters, CreateMeters(meters), boss)
    return Tower(code, names, serials, [site.loc_id for site in made])
