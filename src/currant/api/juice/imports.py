"""J09 trinity/import, J10 trinity/get-keys, J11 trinity/update."""

from datetime import UTC, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response, get, post

from currant import wire
from currant.api.http import (
    FILE_SECONDS,
    AnyRequest,
    Query,
    door_of,
    key_of,
    signed_in,
    spooled,
)
from currant.api.juice.frame import done, done_each
from currant.api.juice.openapi import PAGE, PORTAL, CsvBody, documented, parameter
from currant.csvfile import Column
from currant.customers.verbs import account_keys
from currant.errors import Invalid
from currant.locations.model import Keys, KeysWanted
from currant.locations.verbs import location_keys
from currant.supply.model import TrinityFile, TrinityTaken
from currant.supply.trinity import Field, customer_fields, location_fields, meter_fields
from currant.supply.verbs import import_trinity, update_trinity

_KEYS = {"customers": account_keys, "locations": location_keys}
_TABLES: dict[str, tuple[Field, ...]] = {
    "locations": location_fields(ZoneInfo("UTC"), datetime.min.replace(tzinfo=UTC)),
    "meters": meter_fields([], {}),
    "customers": customer_fields(),
}
_EXAMPLE = (
    "contract,name,phone1,phone2,sms1,sms2,email,address1,address2,city,state,postalcode,locname,"
    "serialnum\n5004000,Ringo Starr,14235559856,,14235559856,,ringo@example.com,,,,,,unassigned,"
    "unassigned\n"
)
_TABLE = parameter("table", "What the file holds.", required=True, words=list(_TABLES))


class RecordsImported(msgspec.Struct, frozen=True):
    """How many records were imported, and the keys of locations and customers."""

    records_imported: int
    record_keys: list[Keys] | msgspec.UnsetType = msgspec.UNSET


class RecordsUpdated(msgspec.Struct, frozen=True):
    """How many records were updated, and the keys of locations and customers."""

    records_updated: int
    record_keys: list[Keys] | msgspec.UnsetType = msgspec.UNSET


def _file(*, creating: bool) -> CsvBody:
    """Tell the columns of each table."""
    return CsvBody(
        {
            table: [
                Column(
                    field.name,
                    required=place == 0 or (creating and field.blank is msgspec.UNSET),
                )
                for place, field in enumerate(fields)
            ]
            for table, fields in _TABLES.items()
        },
        _EXAMPLE,
    )


@post(
    "/file-importer/trinity/import",
    status_code=200,
    operation_class=documented(
        "J09",
        RecordsImported,
        parameters=(PORTAL, _TABLE),
        takes=_file(creating=True),
        names=True,
        warns=True,
        within=FILE_SECONDS,
        calls=(import_trinity,),
    ),
)
async def post_import(request: AnyRequest) -> Response[bytes]:
    """J09: create the locations, meters or customers of a CSV file."""
    return await _take(request, import_trinity, RecordsImported)


@post(
    "/file-importer/trinity/update",
    status_code=200,
    operation_class=documented(
        "J11",
        RecordsUpdated,
        parameters=(PORTAL, _TABLE),
        takes=_file(creating=False),
        names=True,
        warns=True,
        within=FILE_SECONDS,
        calls=(update_trinity,),
    ),
)
async def post_update(request: AnyRequest) -> Response[bytes]:
    """J11: change the locations, meters or customers of a CSV file."""
    return await _take(request, update_trinity, RecordsUpdated)


@get(
    "/file-importer/trinity/get-keys",
    operation_class=documented(
        "J10",
        list[Keys],
        parameters=(
            PORTAL,
            parameter("table", "Whose keys.", required=True, words=list(_KEYS)),
            *PAGE,
        ),
        within=FILE_SECONDS,
        calls=(account_keys, location_keys),
    ),
)
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


async def _take(
    request: AnyRequest, verb: Any, told: type[RecordsImported | RecordsUpdated]
) -> Response[bytes]:
    query = Query(request.scope)
    portal, table = query.text("portal"), query.text("table")
    actor = await signed_in(request, portal)
    body = await spooled(request)
    with body.file:
        command = TrinityFile(table, body)
        taken: TrinityTaken = await door_of(request).act(verb, command, actor, key_of(request))
    data = told(taken.records, cast("list[Keys]", taken.keys))
    return done(data, warning="csv-header-repaired" if taken.header_repaired else None)


ROUTES = [post_import, post_update, get_keys]
