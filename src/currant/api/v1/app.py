"""The native application: its routes, its OpenAPI document, its errors."""

from functools import cache

import msgspec
from litestar import Litestar, Response, get
from litestar.enums import OpenAPIMediaType
from litestar.exceptions import HTTPException

from currant.api.http import App, Ready, guarded
from currant.api.limits import Limits
from currant.api.v1 import (
    adjustments,
    arrears,
    batches,
    billing,
    buildings,
    charges,
    customers,
    debtors,
    documents,
    fieldwork,
    headends,
    intervals,
    keys,
    ledger,
    locations,
    meters,
    moves,
    reads,
    receipts,
    reports,
    tariffs,
    transactions,
    users,
    validation,
    vends,
)
from currant.api.v1.frame import bug, judge_parameters, on_bug, on_http, on_refusal
from currant.api.v1.openapi import v1_document
from currant.door import Door
from currant.errors import Refusal

ROUTES = [
    *vends.ROUTES,
    *batches.ROUTES,
    *arrears.ROUTES,
    *charges.ROUTES,
    *billing.ROUTES,
    *documents.ROUTES,
    *transactions.ROUTES,
    *receipts.ROUTES,
    *adjustments.ROUTES,
    *debtors.ROUTES,
    *ledger.ROUTES,
    *reports.ROUTES,
    *tariffs.ROUTES,
    *locations.ROUTES,
    *buildings.ROUTES,
    *meters.ROUTES,
    *customers.ROUTES,
    *moves.ROUTES,
    *fieldwork.ROUTES,
    *headends.ROUTES,
    *reads.ROUTES,
    *validation.ROUTES,
    *intervals.ROUTES,
    *users.ROUTES,
    *keys.ROUTES,
]


@get("/v1/openapi.json")
async def get_document() -> Response[bytes]:
    """Tell this face as an OpenAPI document."""
    return Ready(_document(), media_type=OpenAPIMediaType.OPENAPI_JSON.value)


@cache
def _document() -> bytes:
    return msgspec.json.encode(v1_document(ROUTES))


def v1_app(door: Door, limits: Limits) -> App:
    """Return the native face of a database; its document is at `/v1/openapi.json`."""
    app = Litestar(
        route_handlers=[get_document, *ROUTES],
        before_request=judge_parameters,
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
    app.state.limits = limits
    return guarded(app, bug)  # type: ignore[arg-type]
