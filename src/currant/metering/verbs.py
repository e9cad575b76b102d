"""Acts on meters, and the questions asked about them."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import msgspec

from currant import wire
from currant.access.permissions import Permission, needs
from currant.access.verbs import Nothing
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Invalid
from currant.metering.model import (
    ComType,
    MeterAdded,
    MeterHanging,
    MeterListed,
    MetersWanted,
    MeterTold,
    NewRegister,
    NoSuchMeter,
    RegisterAt,
    RegisterRow,
)

sql = Statements(__package__)
_COM_TYPES = sql.rows("com_types", ComType)
_METERS = sql.rows("meters", MeterListed)
_STAGE_METERS = sql.command("stage_meters")
_CREATE_METERS = sql.command("create_meters")
_UPDATE_METERS = sql.command("update_meters")
_ADD_METERS = sql.rows("add_meters", MeterAdded)
_ADD_REGISTERS = sql.command("add_registers")
_INSTALL = sql.rows("install", int)
_REGISTERS_OF = sql.rows("registers_of", RegisterRow)
_METER_HANGING = sql.rows("meter_hanging", MeterHanging)
_REGISTERS_AT = sql.rows("registers_at", RegisterAt)

_UNITS = {"ELECTRICITY": "kWh", "GAS": "MJ", "COLD_WATER": "kL", "HOT_WATER": "kL"}


@needs(Permission.ANY_USER)
async def list_com_types(tx: Tx, _question: Nothing) -> list[ComType]:
    """List the communication types in their printed order, a row for each head-end (J03)."""
    return await tx.all(_COM_TYPES)


@needs(Permission.PUBLIC)
async def list_public_meters(tx: Tx, question: MetersWanted) -> AsyncIterator[MeterListed]:
    """List the portal's meters by serial number, to anybody, a few thousand at a time (J04)."""
    async for meter in list_meters(tx, question):
        yield meter


@needs(Permission.METER_VIEW)
async def list_meters(tx: Tx, question: MetersWanted) -> AsyncIterator[MeterListed]:
    """List the portal's meters by serial number, a few thousand at a time."""
    meters = tx.each(
        _METERS,
        portal_id=tx.portal.portal_id,
        com_type=question.com_type,
        how_many=question.how_many,
        beyond=question.beyond,
    )
    async for meter in meters:
        yield meter


async def stage_meters(tx: Tx) -> None:
    """Make the table that the records of a file of meters are copied to."""
    await tx.run(_STAGE_METERS)


async def create_meters(tx: Tx) -> None:
    """Create the staged meters, each with its active import register."""
    await tx.run(_CREATE_METERS, portal_id=tx.portal.portal_id, now=tx.now)


async def update_meters(tx: Tx) -> None:
    """Change the staged meters; a null in the staged records leaves what is there."""
    await tx.run(_UPDATE_METERS, portal_id=tx.portal.portal_id, now=tx.now)


async def add_meters(tx: Tx, meters: Sequence[MeterTold], field: str) -> list[MeterAdded]:
    """Create meters with their registers, in the order given.

    `field` names a meter in what is refused, with its place in the list for `{}`. Raises `Invalid`,
    `SerialTaken` and what else a meter has to be.
    """
    known = {row.com_type for row in await tx.all(_COM_TYPES)}
    for n, meter in enumerate(meters):
        if meter.com_type not in known:
            named = f"{field.format(n)}com_type"
            kinds = ", ".join(sorted(known))
            raise Invalid(f"{named} is one of {kinds}, not {meter.com_type[:40]!r}.", field=named)
        if not meter.registers:
            named = f"{field.format(n)}registers"
            raise Invalid(f"{named}: a meter has a register.", field=named)
    units = [meter.units or _UNITS[meter.product_type] for meter in meters]
    told = [
        {**msgspec.structs.asdict(meter), "units": unit}
        for meter, unit in zip(meters, units, strict=True)
    ]
    portal_id = tx.portal.portal_id
    added = await tx.all(
        _ADD_METERS, portal_id=portal_id, now=tx.now, told=wire.encode(told).decode()
    )
    registers = [
        {
            **msgspec.structs.asdict(register),
            "meter_id": row.meter_id,
            "unit": register.unit or unit,
        }
        for row, meter, unit in zip(added, meters, units, strict=True)
        for register in meter.registers
    ]
    await tx.run(_ADD_REGISTERS, portal_id=portal_id, told=wire.encode(registers).decode())
    return added


async def install(
    tx: Tx,
    meter_ids: Sequence[int],
    location_ids: Sequence[int | None],
    ats: Sequence[datetime],
) -> None:
    """Hang meters at sites from an instant each, or take them down where the site is None."""
    await tx.one(
        _INSTALL,
        portal_id=tx.portal.portal_id,
        meter_ids=meter_ids,
        location_ids=location_ids,
        ats=ats,
    )


async def registers_at(
    tx: Tx, location_ids: Sequence[int], ats: Sequence[datetime]
) -> list[RegisterAt]:
    """List the registers in use that hang at sites, at an instant each."""
    return await tx.all(
        _REGISTERS_AT, portal_id=tx.portal.portal_id, location_ids=location_ids, ats=ats
    )


async def registers_of(tx: Tx, meter_id: int) -> list[NewRegister]:
    """List the registers of a meter, as a new one of its kind would be told."""
    rows = await tx.all(_REGISTERS_OF, portal_id=tx.portal.portal_id, meter_id=meter_id)
    return [msgspec.convert(msgspec.structs.asdict(row), NewRegister) for row in rows]


async def meter_hanging(tx: Tx, serial_number: str, at: datetime, field: str) -> MeterHanging:
    """Return a meter, and where it hangs at an instant. Raises `NoSuchMeter`, naming the field."""
    row = await tx.maybe(
        _METER_HANGING, portal_id=tx.portal.portal_id, serial_number=serial_number, at=at
    )
    if row is None:
        raise NoSuchMeter(serial_number[:40], field=field)
    return row
