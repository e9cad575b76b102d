"""Acts on meters, and the questions asked about them."""

from collections.abc import AsyncIterator

from currant.access.permissions import Permission, needs
from currant.access.verbs import Nothing
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.metering.model import ComType, MeterListed, MetersWanted

sql = Statements(__package__)
_COM_TYPES = sql.rows("com_types", ComType)
_METERS = sql.rows("meters", MeterListed)
_STAGE_METERS = sql.command("stage_meters")
_CREATE_METERS = sql.command("create_meters")
_UPDATE_METERS = sql.command("update_meters")


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
