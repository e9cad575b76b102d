"""Acts on who is supplied where and through which meter, and the questions asked about it.

A Trinity file is one act, and all or nothing. Its records are copied to a table of the
transaction, judged as a set against each other and against what is there, written by the domain
that owns them, and then connected: so many statements, whatever the number of records.
"""

import msgspec

from currant.access.permissions import Permission, needs
from currant.access.verbs import Nothing
from currant.customers import verbs as customers
from currant.db.statements import Statements
from currant.db.tx import Portal, Tx
from currant.errors import Forbidden, Invalid
from currant.locations import verbs as locations
from currant.locations.model import NoSuchLocation
from currant.metering import verbs as metering
from currant.metering.model import NoSuchMeter
from currant.supply.model import (
    DescribeLocation,
    LinkFault,
    Location,
    LocationWanted,
    Meter,
    MeterWanted,
    RecordsNameNothing,
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
