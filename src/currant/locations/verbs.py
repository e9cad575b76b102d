"""Acts on locations, and the questions asked about them."""

from collections.abc import AsyncIterator, Collection, Sequence
from decimal import Decimal

import msgspec

from currant import wire
from currant.access.permissions import Permission, needs
from currant.clock import zone_named
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Invalid, NotFound
from currant.locations.model import (
    BuildingChange,
    BuildingKept,
    BuildingNamed,
    ChangeBuilding,
    Connection,
    CreateBuildings,
    CreateSites,
    Keys,
    KeysWanted,
    LossFactor,
    LossFactorsSet,
    LossFactorsWanted,
    NoSuchBuilding,
    NoSuchLocation,
    NoSuchParent,
    SetLossFactors,
    SiteCreated,
    SiteHeld,
    SiteNamed,
)
from currant.money import half_up

sql = Statements(__package__)
_STAGE_LOCATIONS = sql.command("stage_locations")
_CREATE_LOCATIONS = sql.rows("create_locations", Keys)
_UPDATE_LOCATIONS = sql.rows("update_locations", Keys)
_DESCRIBE_LOCATION = sql.command("describe_location")
_LOCATION_KEYS = sql.rows("location_keys", Keys)
_CREATE_BUILDINGS = sql.rows("create_buildings", BuildingKept)
_CHANGE_BUILDING = sql.rows("change_building", BuildingKept)
_BUILDINGS_NAMED = sql.rows("buildings_named", BuildingNamed)
_SITES_NAMED = sql.rows("sites_named", SiteNamed)
_HOLD_SITES = sql.rows("hold_sites", SiteHeld)
_CREATE_SITES = sql.rows("create_sites", SiteCreated)
_SET_LOSS_FACTORS = sql.rows("set_loss_factors", int)
_LOSS_FACTORS = sql.rows("loss_factors", LossFactor)

_FIGURE_PLACES = 3
_FACTOR_PLACES = 6
_MOST_RECORDS = 5000


async def stage_locations(tx: Tx) -> None:
    """Make the table that the records of a file of locations are copied to."""
    await tx.run(_STAGE_LOCATIONS)


async def create_locations(tx: Tx) -> msgspec.Raw:
    """Create the staged locations; return their `Keys` in the order of the file, as JSON."""
    created = tx.each(_CREATE_LOCATIONS, portal_id=tx.portal.portal_id, now=tx.now)
    return await wire.encode_each(created)


async def update_locations(tx: Tx, *, dated: bool) -> msgspec.Raw:
    """Change the staged locations; return their `Keys` in the order of the file, as JSON.

    A null in the staged records leaves what is there; where the file does not say
    meterinstalldate at all, it is not `dated`.
    """
    updated = tx.each(_UPDATE_LOCATIONS, portal_id=tx.portal.portal_id, now=tx.now, dated=dated)
    return await wire.encode_each(updated)


async def describe_location(tx: Tx, loc_id: str, told: Connection) -> None:
    """Change what is said of a location's connection. Raises `Invalid`."""
    members = {name: getattr(told, name) for name in Connection.__struct_fields__}
    values = {n: None if value is msgspec.UNSET else value for n, value in members.items()}
    if all(value is None for value in values.values()):
        raise Invalid(f"Say one of {', '.join(values)}. Nothing was stored.")
    for name, value in values.items():
        if isinstance(value, Decimal) and value != half_up(value, _FIGURE_PLACES):
            reason = f"{name} has more than {_FIGURE_PLACES} decimals. Nothing was stored."
            raise Invalid(reason, field=name)
    await tx.run(
        _DESCRIBE_LOCATION, portal_id=tx.portal.portal_id, loc_id=loc_id, now=tx.now, **values
    )


@needs(Permission.IMPORT_VIEW)
async def location_keys(tx: Tx, question: KeysWanted) -> AsyncIterator[Keys]:
    """List both keys of the portal's locations, by ours, a few thousand at a time (J10)."""
    found = tx.each(
        _LOCATION_KEYS,
        portal_id=tx.portal.portal_id,
        how_many=question.how_many,
        beyond=question.beyond,
    )
    async for keys in found:
        yield keys


@needs(Permission.IMPORT_TRINITY)
async def create_buildings(tx: Tx, command: CreateBuildings) -> list[BuildingKept]:
    """Create buildings, all of them or none, in the order given.

    Raises `Invalid`, `UnknownZone`, `BuildingCodeTaken`, `BuildingCodeShape` and what else a
    building has to be.
    """
    refuse_none(command.buildings, "buildings")
    for n, building in enumerate(command.buildings):
        if building.timezone is not None:
            zone_named(building.timezone, f"buildings[{n}].timezone")
    told = wire.encode(command.buildings).decode()
    return await tx.all(_CREATE_BUILDINGS, portal_id=tx.portal.portal_id, now=tx.now, told=told)


@needs(Permission.IMPORT_TRINITY)
async def change_building(tx: Tx, command: ChangeBuilding) -> BuildingKept:
    """Change what is told of a building. Raises `NoSuchBuilding`, `UnknownZone`, `Invalid`."""
    if command.change == BuildingChange():
        raise Invalid("Say what changes. Nothing was changed.")
    if isinstance(command.change.timezone, str):
        zone_named(command.change.timezone)
    changed = await tx.maybe(
        _CHANGE_BUILDING,
        portal_id=tx.portal.portal_id,
        building_code=command.building_code,
        told=wire.encode(command.change).decode(),
        now=tx.now,
    )
    if changed is None:
        raise NoSuchBuilding(f"{command.building_code[:40]!r}.", field="building_code")
    return changed


@needs(Permission.IMPORT_TRINITY)
async def create_sites(tx: Tx, command: CreateSites) -> list[SiteCreated]:
    """Create sites, all of them or none, numbered in the order given.

    Raises `Invalid`, `NoSuchBuilding`, `NoSuchParent`, `SiteIdentifierTaken`, `LocationNameTaken`.
    """
    refuse_none(command.sites, "sites")
    codes = [site.building_code for site in command.sites]
    buildings = await buildings_of(tx, codes, "sites[{}].building_code")
    here = {site.site_identifier.upper() for site in command.sites if site.site_identifier}
    parents = [
        parent if parent is not None and parent.upper() not in here else None
        for parent in (site.parent_site_identifier for site in command.sites)
    ]
    found = await sites_of(tx, parents, "sites[{}].parent_site_identifier", NoSuchParent)
    told = [
        {
            **msgspec.structs.asdict(site),
            "building_id": buildings[code].building_id if code is not None else None,
            "parent_id": found[parent].location_id if parent is not None else None,
        }
        for site, code, parent in zip(command.sites, codes, parents, strict=True)
    ]
    return await tx.all(
        _CREATE_SITES,
        portal_id=tx.portal.portal_id,
        timezone=tx.portal.timezone,
        now=tx.now,
        told=wire.encode(told).decode(),
    )


@needs(Permission.IMPORT_TRINITY)
async def set_loss_factors(tx: Tx, command: SetLossFactors) -> LossFactorsSet:
    """Set loss factors of buildings or sites from a day each; what ran until then ends.

    Raises `Invalid`, `NoSuchBuilding`, `NoSuchLocation`, `LossFactorImplausible`,
    `BuildingFactorTwice`, `SiteFactorTwice`.
    """
    told = command.loss_factors
    refuse_none(told, "loss_factors")
    buildings = await buildings_of(
        tx, [factor.building_code for factor in told], "loss_factors[{}].building_code"
    )
    sites = await sites_of(
        tx, [factor.site_identifier for factor in told], "loss_factors[{}].site_identifier"
    )
    for n, factor in enumerate(told):
        for name in ("dlf", "mlf", "internal"):
            value = getattr(factor, name)
            if value != half_up(value, _FACTOR_PLACES):
                field = f"loss_factors[{n}].{name}"
                raise Invalid(f"{field} has more than {_FACTOR_PLACES} decimals.", field=field)
    rows = [
        {
            **msgspec.structs.asdict(factor),
            "building_id": buildings[factor.building_code].building_id
            if factor.building_code is not None
            else None,
            "location_id": sites[factor.site_identifier].location_id
            if factor.site_identifier is not None
            else None,
        }
        for factor in told
    ]
    told_rows = wire.encode(rows).decode()
    count = await tx.one(_SET_LOSS_FACTORS, portal_id=tx.portal.portal_id, told=told_rows)
    return LossFactorsSet(count)


@needs(Permission.LOCATION_VIEW)
async def loss_factors(tx: Tx, question: LossFactorsWanted) -> list[LossFactor]:
    """List the loss factors of a site or a building on a day, one of each product (U19).

    A site's own comes before its building's; there is none where none is on file. Raises
    `Invalid`, `NoSuchBuilding`, `NoSuchLocation`.
    """
    if (question.site_identifier is None) == (question.building_code is None):
        raise Invalid("Name a site_identifier or a building_code.", field="site_identifier")
    sites = await sites_of(tx, [question.site_identifier], "site_identifier")
    buildings = await buildings_of(tx, [question.building_code], "building_code")
    return await tx.all(
        _LOSS_FACTORS,
        portal_id=tx.portal.portal_id,
        location_id=next((site.location_id for site in sites.values()), None),
        building_id=next((building.building_id for building in buildings.values()), None),
        day=question.effective_date,
        product_type=question.product_type,
        timezone=tx.portal.timezone,
        now=tx.now,
    )


async def buildings_of(tx: Tx, codes: Sequence[str | None], field: str) -> dict[str, BuildingNamed]:
    """Return the buildings that codes name, by code; those of None are left out.

    `field` names the member, with the place of a code in a list for `{}`. Raises `NoSuchBuilding`.
    """
    keys = sorted({code for code in codes if code is not None})
    if not keys:
        return {}
    rows = await tx.all(_BUILDINGS_NAMED, portal_id=tx.portal.portal_id, keys=keys)
    found = {row.key: row for row in rows}
    refuse_missing(codes, found, field, NoSuchBuilding)
    return found


async def building_of(tx: Tx, code: str, field: str) -> BuildingNamed:
    """Return the building that a code names, in any case. Raises `NoSuchBuilding`."""
    return (await buildings_of(tx, [code], field))[code]


async def sites_of(
    tx: Tx,
    keys: Sequence[str | None],
    field: str,
    refusal: type[NotFound] = NoSuchLocation,
) -> dict[str, SiteNamed]:
    """Return the sites that keys name, by key: market identifiers, or numbers such as L03281.

    Those of None are left out; `field` names the member, as `buildings_of` says. Raises the
    refusal.
    """
    wanted = sorted({key for key in keys if key is not None})
    if not wanted:
        return {}
    found = {row.key: row for row in await _sites(tx, wanted, [])}
    refuse_missing(keys, found, field, refusal)
    return found


async def sites_by_id(tx: Tx, location_ids: Sequence[int]) -> dict[int, SiteNamed]:
    """Return sites by their ids."""
    return {row.location_id: row for row in await _sites(tx, [], sorted(set(location_ids)))}


async def hold_sites(tx: Tx, location_ids: Sequence[int]) -> dict[int, SiteHeld]:
    """Lock sites until the transaction ends, and return them with their status, by id."""
    rows = await tx.all(
        _HOLD_SITES, portal_id=tx.portal.portal_id, location_ids=sorted(set(location_ids))
    )
    return {row.location_id: row for row in rows}


def refuse_none(records: Sequence[object], field: str) -> None:
    """Refuse a list without a record, or with too many. Raises `Invalid`."""
    if not 1 <= len(records) <= _MOST_RECORDS:
        raise Invalid(f"{field} has 1 to {_MOST_RECORDS} records.", field=field)


def refuse_missing(
    keys: Sequence[str | None], found: Collection[str], field: str, refusal: type[NotFound]
) -> None:
    """Refuse the first key that names nothing, by its place in a list."""
    for n, key in enumerate(keys):
        if key is not None and key not in found:
            named = field.format(n)
            raise refusal(f"{named} is {key[:40]!r}.", field=named)


async def _sites(tx: Tx, keys: Sequence[str], location_ids: Sequence[int]) -> list[SiteNamed]:
    return await tx.all(
        _SITES_NAMED,
        portal_id=tx.portal.portal_id,
        timezone=tx.portal.timezone,
        keys=keys,
        location_ids=location_ids,
    )
