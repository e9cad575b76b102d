"""Buildings, their sites and meters, and what is lost on the way there."""

from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import available_timezones

import asyncpg
import pytest
from tests.buildings import tower

from currant.clock import UnknownZone, zone_named
from currant.errors import Invalid
from currant.locations.days import business_day, day_begins, day_ends
from currant.locations.identifiers import nmi_checksum
from currant.locations.model import (
    BuildingChange,
    BuildingCodeTaken,
    ChangeBuilding,
    CreateBuildings,
    CreateSites,
    LossFactorsWanted,
    NewBuilding,
    NewLossFactor,
    NewSite,
    NoSuchBuilding,
    NoSuchParent,
    SetLossFactors,
    SiteFactorTwice,
    SiteIdentifierTaken,
)
from currant.locations.verbs import (
    change_building,
    create_buildings,
    create_sites,
    loss_factors,
    set_loss_factors,
)


async def test_two_hundred_units_and_their_gate_are_one_list(door, boss, owner) -> None:
    await door.act(create_buildings, CreateBuildings([NewBuilding("B", "Big")]), boss)
    units = [NewSite("b", str(4200000000 + n), parent_site_identifier="GATE-1") for n in range(200)]
    made = await door.act(
        create_sites, CreateSites([*units, NewSite("B", "gate-1", site_type="GATE")]), boss
    )
    assert [made[0].loc_id, made[-1].loc_id] == ["L00001", "L00201"]
    behind = await owner.fetchval(
        "select count(*) from locations.location where parent_location_id = $1",
        made[-1].location_id,
    )
    assert behind == 200


async def test_a_list_of_sites_is_refused_whole(door, boss, owner) -> None:
    home = await tower(door, boss)
    for bad, refusal in (
        (NewSite("NONE", "1"), NoSuchBuilding),
        (NewSite("TWR01", "1", parent_site_identifier="nowhere"), NoSuchParent),
        (NewSite("TWR01", home.sites[0], "another name"), SiteIdentifierTaken),
    ):
        with pytest.raises(refusal):
            await door.act(create_sites, CreateSites([NewSite("TWR01", "0"), bad]), boss)
    assert await owner.fetchval("select count(*) from locations.location") == 1


async def test_a_code_names_one_building_in_any_case(door, boss) -> None:
    await door.act(create_buildings, CreateBuildings([NewBuilding("TWR01", "One")]), boss)
    with pytest.raises(BuildingCodeTaken):
        await door.act(create_buildings, CreateBuildings([NewBuilding("twr01", "Two")]), boss)
    made = CreateBuildings([NewBuilding("TWR02", "Two", timezone="Mars/Olympus")])
    with pytest.raises(Invalid, match=r"buildings\[0\]\.timezone"):
        await door.act(create_buildings, made, boss)


async def test_a_building_changes_what_is_told(door, boss, owner) -> None:
    await tower(door, boss, attributes={"lifts": 2})
    change = BuildingChange(network="Endeavour", timezone=None, attributes={"pool": True})
    await door.act(change_building, ChangeBuilding("twr01", change), boss)
    row = await owner.fetchrow("select * from locations.building")
    assert (row["network"], row["timezone"], row["name"]) == ("Endeavour", None, "Tower One")
    assert row["attributes"] == '{"pool": true}'
    with pytest.raises(NoSuchBuilding):
        await door.act(change_building, ChangeBuilding("none", change), boss)


@pytest.mark.parametrize(
    "zone", ["", "localtime", "posixrules", "posix/UTC", "right/UTC", "CET", "x" * 300, "UTC\n"]
)
async def test_a_zone_that_only_one_side_knows_is_refused(door, boss, owner, zone) -> None:
    await tower(door, boss)
    changed = ChangeBuilding("TWR01", BuildingChange(timezone=zone))
    made = CreateBuildings([NewBuilding("TWR02", "Two", timezone=zone)])
    for act, command, field in (
        (change_building, changed, "timezone"),
        (create_buildings, made, "buildings[0].timezone"),
    ):
        with pytest.raises(UnknownZone) as refused:
            await door.act(act, command, boss)
        assert refused.value.field == field
    with pytest.raises(asyncpg.CheckViolationError, match="building_zone_known"):
        await owner.execute("update locations.building set timezone = $1", zone)


async def test_both_sides_know_the_same_zones(owner) -> None:
    rows = await owner.fetch("select name from pg_timezone_names where db.knows_zone(name)")
    ours = set()
    for name in available_timezones():
        with suppress(UnknownZone):
            ours.add(zone_named(name).key)
    assert {row["name"] for row in rows} == ours


async def test_the_total_loss_factor_is_the_product_to_six_decimals(door, boss) -> None:
    home = await tower(door, boss, units=2)
    told = NewLossFactor(
        Decimal("1.0514"), date(2024, 7, 1), building_code="TWR01", dlf_code="DLF1", tni="NSY1",
        mlf=Decimal("0.9876"),
    )  # fmt: skip
    await door.act(set_loss_factors, SetLossFactors([told]), boss)
    day = date(2024, 8, 1)
    (factor,) = await door.ask(loss_factors, LossFactorsWanted(home.sites[0], None, day), boss)
    assert factor.total_loss_factor == Decimal("1.038363")
    assert (factor.start_date, factor.end_date, factor.network) == (
        date(2024, 7, 1), None, "Ausgrid",
    )  # fmt: skip
    before = LossFactorsWanted(home.sites[0], None, date(2024, 6, 30))
    assert await door.ask(loss_factors, before, boss) == []
    own = NewLossFactor(Decimal("1.01"), date(2024, 9, 1), site_identifier=home.sites[0])
    next_year = NewLossFactor(Decimal("1.06"), date(2025, 7, 1), building_code="TWR01")
    await door.act(set_loss_factors, SetLossFactors([own, next_year]), boss)

    async def total(day: date, unit: int) -> tuple[Decimal, date | None]:
        (row,) = await door.ask(
            loss_factors, LossFactorsWanted(home.sites[unit], effective_date=day), boss
        )
        return row.total_loss_factor, row.end_date

    last = date(2025, 6, 30)
    assert await total(date(2024, 8, 31), 0) == (Decimal("1.038363"), last)
    assert await total(date(2024, 9, 1), 0) == (Decimal("1.01"), None)
    assert await total(date(2025, 6, 30), 1) == (Decimal("1.038363"), last)
    assert await total(date(2025, 7, 1), 1) == (Decimal("1.06"), None)


async def test_a_loss_factor_replaces_the_one_of_its_day_and_overlaps_none(door, boss) -> None:
    home = await tower(door, boss)
    days = [date(2024, 1, 1), date(2024, 7, 1)]
    first = [NewLossFactor(Decimal("1.1"), day, site_identifier=home.sites[0]) for day in days]
    await door.act(set_loss_factors, SetLossFactors(first), boss)
    again = NewLossFactor(Decimal("1.2"), days[0], site_identifier=home.sites[0])
    await door.act(set_loss_factors, SetLossFactors([again]), boss)
    wanted = LossFactorsWanted(home.sites[0], effective_date=days[0])
    (factor,) = await door.ask(loss_factors, wanted, boss)
    assert (factor.dlf, factor.end_date) == (Decimal("1.2"), date(2024, 6, 30))
    long = NewLossFactor(
        Decimal("1.3"), date(2024, 3, 1), site_identifier=home.sites[0], end_date=date(2024, 8, 1)
    )
    with pytest.raises(SiteFactorTwice):
        await door.act(set_loss_factors, SetLossFactors([long]), boss)


def test_days_begin_and_end_in_the_zone() -> None:
    sydney = "Australia/Sydney"
    assert day_begins(date(2024, 6, 21), sydney) == datetime(2024, 6, 20, 14, tzinfo=UTC)
    assert day_ends(date(2024, 10, 6), sydney) == datetime(2024, 10, 6, 13, tzinfo=UTC)
    assert day_ends(date(2024, 6, 30), sydney) == day_begins(date(2024, 7, 1), sydney)


async def test_the_database_tells_the_same_midnight(owner) -> None:
    zones = ("Australia/Sydney", "America/Havana", "Asia/Beirut", "America/Santiago", "UTC")
    for zone in zones:
        for day in (date(2024, 1, 1), date(2024, 3, 10), date(2024, 3, 31), date(2024, 9, 8),
                    date(2024, 10, 6), date(2024, 11, 3), date(2024, 4, 7)):  # fmt: skip
            told = await owner.fetchval("select locations.midnight($1, $2)", day, zone)
            assert told == day_begins(day, zone), (zone, day)


@pytest.mark.parametrize(
    ("day", "away", "country", "state", "told"),
    [
        (date(2024, 12, 24), 1, "AU", "NSW", date(2024, 12, 27)),
        (date(2024, 12, 24), 1, "Australia", "nsw", date(2024, 12, 27)),
        (date(2024, 12, 24), 1, "AU", "Nowhere", date(2024, 12, 27)),
        (date(2024, 12, 24), 1, "", "", date(2024, 12, 25)),
        (date(2024, 8, 12), -10, "AU", "NSW", date(2024, 7, 29)),
        (date(2024, 8, 10), 5, "ATLANTIS", "", date(2024, 8, 16)),
    ],
)
def test_business_days(day: date, away: int, country: str, state: str, told: date) -> None:
    assert business_day(day, away, country, state) == told


@pytest.mark.parametrize(
    ("identifier", "told"),
    [("4103000012", 3), ("1234C6789A", 3), ("2001985732", 8), ("NOT-AN-NMI", None), (None, None)],
)
def test_the_checksum_of_an_nmi(identifier: str | None, told: int | None) -> None:
    assert nmi_checksum(identifier) == told
