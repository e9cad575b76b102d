"""J09 trinity/import, J10 trinity/get-keys, J11 trinity/update."""

from typing import Any

import msgspec
from litestar import Response, get, post

from currant import wire
from currant.api.http import AnyRequest, Query, door_of, key_of, signed_in, spooled
from currant.api.juice.frame import done, done_each
from currant.customers.verbs import account_keys
from currant.errors import Invalid
from currant.locations.model import KeysWanted
from currant.locations.verbs import location_keys
from currant.supply.model import TrinityFile, TrinityTaken
from currant.supply.verbs import import_trinity, update_trinity

_KEYS = {"customers": account_keys, "locations": location_keys}


@post("/file-importer/trinity/import", status_code=200)
async def post_import(request: AnyRequest) -> Response[bytes]:
    """J09: create the locations, meters or customers of a CSV file."""
    return await _take(request, import_trinity, "records_imported")


@post("/file-importer/trinity/update", status_code=200)
async def post_update(request: AnyRequest) -> Response[bytes]:
    """J11: change the locations, meters or customers of a CSV file."""
    return await _take(request, update_trinity, "records_updated")


@get("/file-importer/trinity/get-keys")
async def get_keys(request: AnyRequest) -> Response[bytes]:
    """J10: both keys of every customer or location."""
    query = Query(request.scope)
    actor = await signed_in(request, query.text("portal"))
    view = _KEYS.get(query.text("table"))
    if view is None:
        raise Invalid(f"The table is one of {', '.join(_KEYS)}.", field="table")
    question = KeysWanted(*query.page())
    async with door_of(request).asking(view, actor) as tx:
        return await done_each(wire.pieces(view(tx, question)))


async def _take(request: AnyRequest, verb: Any, counted: str) -> Response[bytes]:
    query = Query(request.scope)
    portal, table = query.text("portal"), query.text("table")
    actor = await signed_in(request, portal)
    body = await spooled(request)
    with body.file:
        command = TrinityFile(table, body)
        taken: TrinityTaken = await door_of(request).act(verb, command, actor, key_of(request))
    data: dict[str, Any] = {counted: taken.records}
    if taken.keys is not msgspec.UNSET:
        data["record_keys"] = taken.keys
    return done(data, warning="csv-header-repaired" if taken.header_repaired else None)


ROUTES = [post_import, post_update, get_keys]
