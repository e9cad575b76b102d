"""Acts on who is supplied where and through which meter, and the questions asked about it.

A Trinity file is one act, and all or nothing. Its records are copied to a table of the
transaction, judged as a set against each other and against what is there, written by the domain
that owns them, and then connected: so many statements, whatever the number of records.
"""

from collections.abc import AsyncIterator, Iterable
from typing import Any

import msgspec

from currant.access.permissions import Permission, needs
from currant.access.verbs import Nothing
from currant.customers import verbs as customers
from currant.customers.model import NoSuchAccount
from currant.db.statements import Statements
from currant.db.tx import Portal, Tx
from currant.errors import Forbidden, Invalid
from currant.locations import verbs as locations
from currant.locations.model import Keys, NoSuchBuilding, NoSuchLocation
from currant.metering import verbs as metering
from currant.metering.model import NoSuchMeter
from currant.supply.glance import building_shown, customer_shown, site_in_full, site_shown
from currant.supply.model import (
    AccountLine,
    Building,
    BuildingRow,
    BuildingsWanted,
    BuildingWanted,
    CustomerDetails,
    CustomerRow,
    CustomerWanted,
    DescribeLocation,
    LinkFault,
    Location,
    LocationWanted,
    Meter,
    MeterWanted,
    RecordsNameNothing,
    Site,
    SiteDetails,
    SiteLine,
    SiteMetersWanted,
    SiteRegister,
    SiteRow,
    SiteShown,
    SitesWanted,
    SiteWanted,
    TariffId,
    TrinityFile,
    TrinityTaken,
)
from currant.supply.trinity import (
    Field,
    TrinityReader,
    customer_fields,
    location_fields,
    meter_fields,
)

sql = Statements(__package__)
_ONE_FILE_AT_A_TIME = sql.command("one_file_at_a_time")
_TARIFF_IDS = sql.rows("tariff_ids", TariffId)
_STAGE_TRINITY = sql.command("stage_trinity")
_STAGE_LINKS = sql.command("stage_links")
_NAMES = {
    "locations": sql.command("names_of_locations"),
    "meters": sql.command("names_of_meters"),
    "customers": sql.command("names_of_customers"),
}
_ANALYZE_TRINITY = sql.command("analyze_trinity")
_RESOLVE = sql.command("resolve")
_ANALYZE_LINKS = sql.command("analyze_links")
_JUDGE = sql.rows("judge", LinkFault)
_CONNECT = sql.rows("connect", int)
_OPEN_WALLETS = sql.rows("open_wallets", int)
_ANALYZE_WRITTEN = sql.command("analyze_written")
_JUDGE_OPENING_READS = sql.rows("judge_opening_reads", int)
_EQUIP = sql.rows("equip", int)
_DRAW_AGAIN = sql.command("draw_again")
_METER = sql.rows("meter", Meter)
_LOCATION = sql.rows("location", Location)
_BUILDINGS = sql.rows("buildings", BuildingRow)
_SITES = sql.rows("sites", SiteRow)
_SITE = sql.rows("site", SiteDetails)
_SITE_REGISTERS = sql.rows("site_registers", SiteRegister)
_CUSTOMER_DETAILS = sql.rows("customer_details", CustomerRow)
_ACCOUNT_LINE = sql.rows("account_line", AccountLine)
_ACCOUNTS_OF_CONTRACTS = sql.rows("accounts_of_contracts", Keys)
_SITE_LINES = sql.rows("site_lines", SiteLine)

_WRITTEN = {
    "locations": ["locations.location"],
    "meters": ["metering.meter", "metering.register"],
    "customers": ["customers.customer", "customers.account"],
}
_LINKS = ["metering.installation", "customers.agreement"]
_STAGE = {
    "locations": locations.stage_locations,
    "meters": metering.stage_meters,
    "customers": customers.stage_customers,
}


@needs(Permission.IMPORT_TRINITY)
async def import_trinity(tx: Tx, command: TrinityFile) -> TrinityTaken:
    """Create the locations, meters or customers of a file, and link them (J09).

    Raises `Unparsable`, `TooLarge`, `Invalid`, `RecordsNameNothing` and `Forbidden` with the
    faults of the records; then nothing was stored.
    """
    return await _take(tx, command, creating=True)


@needs(Permission.IMPORT_TRINITY)
async def update_trinity(tx: Tx, command: TrinityFile) -> TrinityTaken:
    """Change the locations, meters or customers of a file, and their links (J11).

    A column that the file lacks is left as it is, a blank clears, `unassigned` detaches. Raises
    as `import_trinity` does.
    """
    return await _take(tx, command, creating=False)


async def account_line(tx: Tx, account: str) -> AccountLine:
    """Return an account with its customer, as lists begin. Raises `NoSuchAccount`."""
    line = await tx.maybe(_ACCOUNT_LINE, portal_id=tx.portal.portal_id, account=account)
    if line is None:
        raise NoSuchAccount(account, field="account")
    return line


async def accounts_of_contracts(tx: Tx, contracts: Iterable[str]) -> dict[str, str]:
    """Return the accounts of customers by their keys with the utility, of those that there are."""
    keys = sorted(set(contracts))
    rows = await tx.all(_ACCOUNTS_OF_CONTRACTS, portal_id=tx.portal.portal_id, keys=keys)
    return {row.external_key: row.juice_key for row in rows}


async def site_lines(tx: Tx, location_ids: Iterable[int]) -> dict[int, SiteLine]:
    """Return sites by their ids, as lists tell them."""
    wanted = sorted(set(location_ids))
    rows = await tx.all(_SITE_LINES, portal_id=tx.portal.portal_id, location_ids=wanted)
    return {row.location_id: row for row in rows}


@needs(Permission.METER_VIEW)
async def show_meter(tx: Tx, question: MeterWanted) -> tuple[Portal, Meter]:
    """Show a meter by serial number, with the portal whose clock times are told in (J05).

    Raises `NoSuchMeter`.
    """
    row = await tx.maybe(
        _METER,
        portal_id=tx.portal.portal_id,
        serial_number=question.serial_number,
        now=tx.now,
    )
    if row is None:
        raise NoSuchMeter(question.serial_number, field="serialnumber")
    if row.account is not None:
        tx.user.refuse_blocked(row.account)
    return tx.portal, row


@needs(Permission.LOCATION_VIEW)
async def show_location(tx: Tx, question: LocationWanted) -> tuple[Portal, Location]:
    """Show a location by number, with the portal whose clock times are told in (J22).

    Raises `NoSuchLocation`, and `Forbidden` where the account that is supplied there is blocked.
    """
    return tx.portal, await _location(tx, question.loc_id)


@needs(Permission.IMPORT_TRINITY)
async def describe_location(tx: Tx, command: DescribeLocation) -> Location:
    """Change what is said of a location's connection: where it is fed from, at what voltage.

    Raises `Invalid`, `ConnectionImplausible`, and as `show_location` does.
    """
    await _location(tx, command.loc_id)
    await locations.describe_location(tx, command.loc_id, command.connection)
    return await _location(tx, command.loc_id)


@needs(Permission.LOCATION_VIEW)
async def list_buildings(tx: Tx, question: BuildingsWanted) -> list[Building]:
    """List buildings by code, with their sites counted and their gate meters (U03)."""
    rows = await tx.all(_BUILDINGS, **_about_buildings(tx, question))
    return list(map(building_shown, rows))


@needs(Permission.LOCATION_VIEW)
async def count_buildings(tx: Tx, question: BuildingsWanted) -> int:
    """Say how many buildings `list_buildings` lists, whatever the page."""
    whole = msgspec.structs.replace(question, how_many=None, beyond=0)
    return await tx.count(_BUILDINGS, **_about_buildings(tx, whole))


@needs(Permission.LOCATION_VIEW)
async def show_building(tx: Tx, question: BuildingWanted) -> Building:
    """Show a building, in use or not, as the list does. Raises `NoSuchBuilding`."""
    found = await list_buildings(tx, BuildingsWanted(question.building_code, active=None))
    if not found:
        raise NoSuchBuilding(f"It is {question.building_code[:40]!r}.", field="building_code")
    return found[0]


@needs(Permission.LOCATION_VIEW)
async def list_sites(tx: Tx, question: SitesWanted) -> AsyncIterator[Site]:
    """List the sites of a building, a row for each product there, a few thousand at a time (U17).

    Those that supply an account that is blocked for the caller are left out. Raises
    `NoSuchBuilding`.
    """
    async for row in tx.each(_SITES, **await _about_building(tx, question)):
        yield site_shown(row)


@needs(Permission.LOCATION_VIEW)
async def count_sites(tx: Tx, question: SitesWanted) -> int:
    """Say how many rows `list_sites` lists, whatever the page."""
    whole = msgspec.structs.replace(question, how_many=None, beyond=0)
    return await tx.count(_SITES, **await _about_building(tx, whole))


@needs(Permission.LOCATION_VIEW)
async def show_site(tx: Tx, question: SiteWanted) -> SiteShown:
    """Show a site with its connection, its meters, and who is supplied there now and next (U25).

    Raises `NoSuchLocation`, and `Forbidden` where it supplies an account that is blocked.
    """
    site = (await locations.sites_of(tx, [question.site], "site_identifier"))[question.site]
    rows = await tx.all(
        _SITES,
        **_about_sites(tx),
        building_id=None,
        location_id=site.location_id,
        site_status=None,
        occupancy=None,
        product_type=None,
        how_many=None,
        beyond=0,
    )
    if not rows:
        raise Forbidden("The account that is supplied there is blocked for you.")
    details = await tx.one(_SITE, **_about_sites(tx), location_id=site.location_id)
    registers = await site_registers(tx, SiteMetersWanted(question.site))
    return site_in_full(rows, details, registers)


@needs(Permission.METER_VIEW)
async def site_registers(tx: Tx, question: SiteMetersWanted) -> list[SiteRegister]:
    """List the registers of a site at the end of a day, or ever, with their last reads (U10).

    Raises `NoSuchLocation`.
    """
    site = (await locations.sites_of(tx, [question.site], "site_identifier"))[question.site]
    return await tx.all(
        _SITE_REGISTERS,
        portal_id=tx.portal.portal_id,
        timezone=tx.portal.timezone,
        now=tx.now,
        location_id=site.location_id,
        as_at=question.as_at,
        include_inactive=question.include_inactive,
    )


@needs(Permission.CUSTOMER_VIEW)
async def customer_details(tx: Tx, question: CustomerWanted) -> CustomerDetails:
    """Show all that is known of the customer of an account, but no number of a card (U05).

    Raises `Invalid`, `NoSuchAccount`, and `Forbidden` for a blocked account.
    """
    if question.account_number is not None:
        account_id = await customers.account_id_of(tx, question.account_number)
    elif question.sales_cust_number is not None:
        account_id = await customers.account_id_of_contract(tx, question.sales_cust_number)
    else:
        told = "Name an account_number or a sales_cust_number."
        raise Invalid(told, field="account_number")
    row = await tx.one(
        _CUSTOMER_DETAILS,
        portal_id=tx.portal.portal_id,
        timezone=tx.portal.timezone,
        currency=tx.portal.currency,
        account_id=account_id,
        now=tx.now,
    )
    tx.user.refuse_blocked(row.account_number)
    return customer_shown(row)


def _about_buildings(tx: Tx, question: BuildingsWanted) -> dict[str, Any]:
    """Return what buildings are asked for with."""
    return {
        "portal_id": tx.portal.portal_id,
        "timezone": tx.portal.timezone,
        "now": tx.now,
    } | msgspec.structs.asdict(question)


async def _about_building(tx: Tx, question: SitesWanted) -> dict[str, Any]:
    """Return what the sites of a building are asked for with."""
    buildings = await locations.buildings_of(tx, [question.building_code], "building_code")
    return _about_sites(tx) | {
        "building_id": buildings[question.building_code].building_id,
        "location_id": None,
        "site_status": question.site_status,
        "occupancy": question.occupancy,
        "product_type": question.product_type,
        "how_many": question.how_many,
        "beyond": question.beyond,
    }


def _about_sites(tx: Tx) -> dict[str, Any]:
    """Return what the questions about sites all take."""
    return {
        "portal_id": tx.portal.portal_id,
        "timezone": tx.portal.timezone,
        "now": tx.now,
        "blocked": list(tx.user.blocked),
    }


async def _location(tx: Tx, loc_id: str) -> Location:
    row = await tx.maybe(_LOCATION, portal_id=tx.portal.portal_id, loc_id=loc_id, now=tx.now)
    if row is None:
        raise NoSuchLocation(f"{loc_id[:40]!r}.", field="loc_id")
    if row.account is not None:
        tx.user.refuse_blocked(row.account)
    return row


async def _take(tx: Tx, command: TrinityFile, *, creating: bool) -> TrinityTaken:
    """Stage a file, judge it, and write it."""
    if command.table not in _STAGE:
        raise Invalid(f"The table is one of {', '.join(_STAGE)}.", field="table")
    await tx.run(_ONE_FILE_AT_A_TIME, portal_id=tx.portal.portal_id)
    reader = TrinityReader(await _fields(tx, command.table), creating=creating)
    await _stage(tx, command, reader)
    key = reader.fields[0].name
    await _judge(tx, reader, key, creating=creating)
    keys = await _write(tx, command.table, reader, creating=creating)
    records, portal_id = reader.csv.records, tx.portal.portal_id
    await tx.run(_ANALYZE_WRITTEN, tables=_WRITTEN[command.table], written=records)
    dated = "meterinstalldate" in reader.csv.present
    await tx.one(_CONNECT, portal_id=portal_id, key=key, creating=creating, dated=dated, now=tx.now)
    await tx.run(_ANALYZE_WRITTEN, tables=_LINKS, written=records)
    if command.table == "meters":
        await tx.one(_EQUIP, portal_id=portal_id, creating=creating, now=tx.now)
    await tx.one(_OPEN_WALLETS, portal_id=portal_id, now=tx.now)
    await tx.run(_DRAW_AGAIN, portal_id=portal_id, now=tx.now)
    return TrinityTaken(records, reader.csv.header_repaired, keys)


async def _fields(tx: Tx, table: str) -> tuple[Field, ...]:
    """Return the columns of a table's file, with what its fields are held against."""
    match table:
        case "locations":
            return location_fields(tx.portal.zone, tx.now)
        case "meters":
            com_types = await metering.list_com_types(tx, Nothing())
            tariffs = await tx.all(_TARIFF_IDS, portal_id=tx.portal.portal_id)
            return meter_fields(
                list(dict.fromkeys(known.com_type for known in com_types)),
                {tariff.name: tariff.tariff_id for tariff in tariffs},
            )
        case _:
            return customer_fields()


async def _stage(tx: Tx, command: TrinityFile, reader: TrinityReader) -> None:
    """Copy the records to tables of this transaction."""
    await _STAGE[command.table](tx)
    await tx.run(_STAGE_TRINITY)
    await tx.run(_STAGE_LINKS)
    await tx.copy_rows(
        f"incoming_{command.table.removesuffix('s')}",
        ["record", *(field.name for field in reader.fields)],
        reader.rows(command.upload.chunks()),
    )
    await tx.run(_NAMES[command.table])
    await tx.run(_ANALYZE_TRINITY)


async def _judge(tx: Tx, reader: TrinityReader, key: str, *, creating: bool) -> None:
    """Raise everything that is wrong with the file, if anything is."""
    blocked = tx.user.blocked
    if "*" in blocked:
        raise Forbidden(f"Every account is blocked for {tx.user.login}. Nothing was stored.")
    portal_id = tx.portal.portal_id
    await tx.run(_RESOLVE, portal_id=portal_id, key=key, creating=creating, now=tx.now)
    await tx.run(_ANALYZE_LINKS)
    found = await tx.all(
        _JUDGE,
        portal_id=portal_id,
        key=key,
        creating=creating,
        blocked=list(blocked),
    )
    for fault in found:
        reader.csv.refuse(fault.record, fault.name, fault.reason)
    if key == "serialnum" and not creating:
        for record in await tx.all(_JUDGE_OPENING_READS, portal_id=portal_id):
            reader.csv.refuse(
                record,
                "addactiveread",
                "is not what the meter opened with; later reads go to /meters/reads/insert",
            )
    if found:
        reader.csv.refused += found[0].faults - len(found)
        reader.missing += found[0].missing
    faults = reader.csv.faults
    faults.sort(key=lambda fault: fault.record)
    told = "; ".join(map(str, faults))
    if any(fault.kind == "blocked" for fault in found):
        raise Forbidden(f"Nothing was stored. {told}.", faults=faults)
    if faults and reader.missing == reader.csv.refused:
        raise RecordsNameNothing(f"{told}.", faults=faults)
    reader.csv.check()


async def _write(
    tx: Tx, table: str, reader: TrinityReader, *, creating: bool
) -> msgspec.Raw | msgspec.UnsetType:
    """Have the table's own domain write the staged records; return their keys."""
    match table, creating:
        case "locations", True:
            return await locations.create_locations(tx)
        case "locations", False:
            dated = "meterinstalldate" in reader.csv.present
            return await locations.update_locations(tx, dated=dated)
        case "customers", True:
            return await customers.create_customers(tx)
        case "customers", False:
            return await customers.update_customers(tx)
        case _, True:
            await metering.create_meters(tx)
        case _:
            await metering.update_meters(tx)
    return msgspec.UNSET
