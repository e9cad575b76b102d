"""The native application: its routes, its OpenAPI document, its errors."""

import msgspec
from litestar import Litestar, Response, get
from litestar.enums import OpenAPIMediaType
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig

from currant import __version__
from currant.api.http import AnyRequest, App
from currant.api.v1 import ledger, reads, tariffs, users, vends
from currant.api.v1.frame import on_bug, on_http, on_refusal
from currant.api.v1.openapi import SIGNING_IN, document_of
from currant.door import Door
from currant.errors import Refusal


@get("/v1/openapi.json", include_in_schema=False)
async def get_document(request: AnyRequest) -> Response[bytes]:
    """Tell this face as an OpenAPI document.

    The framework's own router for it answers every unknown path beside it with a page of HTML.
    """
    told = msgspec.json.encode(document_of(request.app))
    return Response(told, media_type=OpenAPIMediaType.OPENAPI_JSON)


def v1_app(door: Door) -> App:
    """Return the native face of a database; its document is at `/v1/openapi.json`."""
    app = Litestar(
        route_handlers=[
            get_document,
            *vends.ROUTES,
            *ledger.ROUTES,
            *tariffs.ROUTES,
            *reads.ROUTES,
            *users.ROUTES,
        ],
        exception_handlers={
            Refusal: on_refusal,
            HTTPException: on_http,
            Exception: on_bug,
        },
        openapi_config=OpenAPIConfig(
            title="Currant",
            version=__version__,
            use_handler_docstrings=True,
            components=SIGNING_IN,
            security=[{"Token": []}, {"Basic": []}],
        ),
        logging_config=None,
        request_max_body_size=None,
    )
    app.state.door = door
    return app  # type: ignore[return-value]
