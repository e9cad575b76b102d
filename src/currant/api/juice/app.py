"""The Juice application: its routes, its OpenAPI document, the frame around them."""

from functools import cache

import msgspec
from litestar import Litestar, Response, get
from litestar.exceptions import HTTPException

from currant.api import docs
from currant.api.envelope import MEDIA_TYPE, bug, framed, on_bug
from currant.api.http import AnyRequest, App, Ready, guarded
from currant.api.juice import (
    arrears,
    customers,
    headends,
    imports,
    locations,
    meters,
    reads,
    system,
    tariffs,
    transactions,
    users,
    wallets,
)
from currant.api.juice.frame import VERSION, on_http, on_refusal
from currant.api.juice.openapi import juice_document
from currant.api.limits import Limits
from currant.door import Door
from currant.errors import Refusal
from currant.settings import Settings

ROUTES = [
    *system.ROUTES,
    *arrears.ROUTES,
    *tariffs.ROUTES,
    *customers.ROUTES,
    *imports.ROUTES,
    *locations.ROUTES,
    *meters.ROUTES,
    *headends.ROUTES,
    *reads.ROUTES,
    *wallets.ROUTES,
    *transactions.ROUTES,
    *users.ROUTES,
]


@get("/openapi.json")
async def get_document(request: AnyRequest) -> Response[bytes]:
    """Tell this face as an OpenAPI document, which is an addition to it."""
    told = _document(public_meter_list=request.app.state.settings.public_meter_list)
    return Ready(told, media_type=MEDIA_TYPE)


@cache
def _document(*, public_meter_list: bool) -> bytes:
    return msgspec.json.encode(juice_document(ROUTES, public_meter_list=public_meter_list))


def juice_app(door: Door, config: Settings, limits: Limits) -> App:
    """Return the Juice face of a database."""
    app = Litestar(
        route_handlers=[get_document, *docs.ROUTES, *ROUTES],
        exception_handlers={
            Refusal: on_refusal,
            HTTPException: on_http,
            Exception: on_bug,
        },
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,
    )
    app.state.door = door
    app.state.settings = config
    app.state.limits = limits
    return framed(guarded(app, bug), VERSION)  # type: ignore[arg-type]
