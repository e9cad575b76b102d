"""The Juice application: its routes, and the frame around them."""

from litestar import Litestar
from litestar.exceptions import HTTPException

from currant.api.http import App
from currant.api.juice import (
    arrears,
    customers,
    imports,
    meters,
    reads,
    system,
    tariffs,
    transactions,
    users,
    wallets,
)
from currant.api.juice.frame import framed, on_bug, on_http, on_refusal
from currant.door import Door
from currant.errors import Refusal
from currant.settings import Settings


def juice_app(door: Door, config: Settings) -> App:
    """Return the Juice face of a database."""
    app = Litestar(
        route_handlers=[
            *system.ROUTES,
            *arrears.ROUTES,
            *tariffs.ROUTES,
            *customers.ROUTES,
            *imports.ROUTES,
            *meters.ROUTES,
            *reads.ROUTES,
            *wallets.ROUTES,
            *transactions.ROUTES,
            *users.ROUTES,
        ],
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
    return framed(app)  # type: ignore[arg-type]
