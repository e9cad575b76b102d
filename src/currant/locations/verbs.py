"""Acts on locations, and the questions asked about them."""

from currant.access.permissions import Permission, needs
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.locations.model import Keys, KeysWanted

sql = Statements(__package__)
_STAGE_LOCATIONS = sql.command("stage_locations")
_CREATE_LOCATIONS = sql.rows("create_locations", Keys)
_UPDATE_LOCATIONS = sql.rows("update_locations", Keys)
_LOCATION_KEYS = sql.rows("location_keys", Keys)


async def stage_locations(tx: Tx) -> None:
    """Make the table that the records of a file of locations are copied to."""
    await tx.run(_STAGE_LOCATIONS)


async def create_locations(tx: Tx) -> list[Keys]:
    """Create the staged locations and return their keys in the order of the file."""
    created = tx.each(_CREATE_LOCATIONS, portal_id=tx.portal.portal_id, now=tx.now)
    return [keys async for keys in created]


async def update_locations(tx: Tx, *, dated: bool) -> list[Keys]:
    """Change the staged locations and return their keys; `dated`: the file says meterinstalldate.

    A null in the staged records leaves what is there.
    """
    updated = tx.each(_UPDATE_LOCATIONS, portal_id=tx.portal.portal_id, now=tx.now, dated=dated)
    return [keys async for keys in updated]


@needs(Permission.IMPORT_VIEW)
async def location_keys(tx: Tx, question: KeysWanted) -> list[Keys]:
    """List both keys of the portal's locations, by ours (J10)."""
    keys = tx.each(
        _LOCATION_KEYS,
        portal_id=tx.portal.portal_id,
        how_many=question.how_many,
        beyond=question.beyond,
    )
    return [pair async for pair in keys]
