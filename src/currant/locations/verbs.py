"""Acts on locations, and the questions asked about them."""

from collections.abc import AsyncIterator
from decimal import Decimal

import msgspec

from currant import wire
from currant.access.permissions import Permission, needs
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Invalid
from currant.locations.model import Connection, Keys, KeysWanted
from currant.money import half_up

sql = Statements(__package__)
_STAGE_LOCATIONS = sql.command("stage_locations")
_CREATE_LOCATIONS = sql.rows("create_locations", Keys)
_UPDATE_LOCATIONS = sql.rows("update_locations", Keys)
_DESCRIBE_LOCATION = sql.command("describe_location")
_LOCATION_KEYS = sql.rows("location_keys", Keys)

_FIGURE_PLACES = 3


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
