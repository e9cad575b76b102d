"""The native application: its routes, its OpenAPI document, its errors."""

from litestar import Litestar
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from currant import __version__
from currant.api.http import App
from currant.api.v1 import ledger, tariffs, vends
from currant.api.v1.frame import on_bug, on_http, on_refusal
from currant.door import Door
from currant.errors import Refusal


def v1_app(door: Door) -> App:
    """Return the native face of a database; its document is at `/v1/openapi.json`."""
    app = Litestar(
        route_handlers=[*vends.ROUTES, *ledger.ROUTES, *tariffs.ROUTES],
        exception_handlers={
            Refusal: on_refusal,
            HTTPException: on_http,
            Exception: on_bug,
        },
        openapi_config=OpenAPIConfig(
            title="Currant",
            version=__version__,
            path="/v1",
            use_handler_docstrings=True,
            render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        ),
        logging_config=None,
        request_max_body_size=None,
    )
    app.state.door = door
    return app  # type: ignore[return-value]
