"""Acts on locations, and the questions asked about them."""

import msgspec

from currant import wire
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


@needs(Permission.IMPORT_VIEW)
async def location_keys(tx: Tx, question: KeysWanted) -> msgspec.Raw:
    """List the `Keys` of the portal's locations, by ours, as JSON (J10)."""
    keys = tx.each(
        _LOCATION_KEYS,
        portal_id=tx.portal.portal_id,
        how_many=question.how_many,
        beyond=question.beyond,
    )
    return await wire.encode_each(keys)
