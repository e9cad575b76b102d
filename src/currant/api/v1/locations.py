"""Locations: what is there, and what is said of the connection."""

from decimal import Decimal
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from currant.api.http import AnyRequest, door_of, json_of, signed_in
from currant.api.v1.frame import IdempotencyKey, answer
from currant.api.v1.openapi import documented
from currant.locations.model import Connection
from currant.supply import verbs
from currant.supply.model import DescribeLocation, Location, LocationWanted

# What the document shows as an example.
_CONNECTION = Connection(
    substation="Chattanooga North",
    feeder="F12",
    transformer="T1204",
    type="ANSI",
    form_factor="1S",
    wiring="2W",
    voltage="120V",
    current_per_phase=Decimal(100),
)


@get("/v1/{portal:str}/locations/{loc_id:str}", operation_class=documented(Location))
async def get_location(
    request: AnyRequest, portal: FromPath[str], loc_id: FromPath[str]
) -> Response[Any]:
    """Show a location with its connection, its newest meter and the account that it supplies."""
    actor = await signed_in(request, portal)
    _, location = await door_of(request).ask(verbs.show_location, LocationWanted(loc_id), actor)
    return answer(location)


@post(
    "/v1/{portal:str}/locations/{loc_id:str}",
    status_code=200,
    operation_class=documented(Location, takes=_CONNECTION),
)
async def post_connection(
    request: AnyRequest,
    portal: FromPath[str],
    loc_id: FromPath[str],
    idempotency_key: IdempotencyKey = None,
) -> Response[Any]:
    """Say where a location is fed from and how it is connected; what is left out stays as it is."""
    actor = await signed_in(request, portal)
    command = DescribeLocation(loc_id, await json_of(request, Connection))
    told = await door_of(request).act(verbs.describe_location, command, actor, idempotency_key)
    return answer(told)


ROUTES = [get_location, post_connection]
