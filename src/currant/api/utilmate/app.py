"""The Utilmate application: a route for the RPC and one for each method, and their document."""

from functools import cache

import msgspec
from litestar import Litestar, Response, get, post
from litestar.exceptions import HTTPException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from currant.access.methods import METHODS
from currant.api.envelope import MEDIA_TYPE, framed
from currant.api.http import AnyRequest, App, Ready, Receive, Scope, Send, guarded
from currant.api.limits import Limits
from currant.api.utilmate import (
    accounts,
    customers,
    invoices,
    journals,
    moves,
    prices,
    readings,
    reports,
    sites,
    usage,
    work,
)
from currant.api.utilmate.frame import (
    NoSuchMethod,
    broken,
    called,
    called_by_name,
    method_named,
    on_bug,
    on_http,
    on_refusal,
    on_unknown,
)
from currant.api.utilmate.methods import REGISTER, Method
from currant.api.utilmate.openapi import documented, documented_call, utilmate_document
from currant.door import Door
from currant.errors import Refusal

# What registers its methods by being imported.
MODULES = (
    accounts,
    customers,
    invoices,
    journals,
    moves,
    prices,
    readings,
    reports,
    sites,
    usage,
    work,
)
RPC = "/api/Utilmate/post"
_ALIASES = "/utilmate/"


@post(RPC, status_code=200, operation_class=documented_call())
async def post_call(request: AnyRequest) -> Response[bytes]:
    """Call a method by its code, with one item or more."""
    return await called(request)


def _alias(method: Method, verb: str) -> HTTPRouteHandler:
    """Return the route of a method's own path, for a verb of HTTP."""

    async def handler(request: AnyRequest) -> Response[bytes]:
        return await called_by_name(request, method.code)

    handler.__name__ = f"{verb.lower()}_{method.code.lower()}"
    handler.__doc__ = f"{method.number} {method.code}: {method.sentence}"
    route = get if verb == "GET" else post
    described = documented(method, verb)
    return route(f"{_ALIASES}{method.code}", status_code=200, operation_class=described)(handler)


ROUTES: list[HTTPRouteHandler] = [
    post_call,
    *(
        _alias(method, verb)
        for method in REGISTER.values()
        for verb in ("GET", "POST")
        if verb == "POST" or method.asks
    ),
]


@get(f"{_ALIASES}openapi.json")
async def get_document() -> Response[bytes]:
    """Tell this face as an OpenAPI document."""
    return Ready(_document(), media_type=MEDIA_TYPE)


@cache
def _document() -> bytes:
    return msgspec.json.encode(utilmate_document(ROUTES))


@get(f"{_ALIASES}{{code:str}}")
async def get_unknown(request: AnyRequest, code: FromPath[str]) -> Response[bytes]:
    """Say that there is no such method."""
    method_named(request, code)
    raise NotFoundException


@post(f"{_ALIASES}{{code:str}}")
async def post_unknown(request: AnyRequest, code: FromPath[str]) -> Response[bytes]:
    """Say that there is no such method."""
    method_named(request, code)
    raise NotFoundException


def is_ours(path: str) -> bool:
    """Tell whether a path is of this face; its paths are taken in any case."""
    path = path.lower()
    return path.rstrip("/") in (RPC.lower(), _ALIASES.rstrip("/")) or path.startswith(_ALIASES)


def utilmate_app(door: Door, limits: Limits) -> App:
    """Return the Utilmate face of a database; its document is at `/utilmate/openapi.json`."""
    app = Litestar(
        route_handlers=[get_document, *ROUTES, get_unknown, post_unknown],
        exception_handlers={
            Refusal: on_refusal,
            NoSuchMethod: on_unknown,
            HTTPException: on_http,
            Exception: on_bug,
        },
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,
    )
    app.state.door = door
    app.state.limits = limits
    return _in_any_case(framed(guarded(app, broken)))  # type: ignore[arg-type]


def _in_any_case(app: App) -> App:
    """Let paths be written in any case."""

    async def canonical(scope: Scope, receive: Receive, send: Send) -> None:
        _, _, name = scope["path"].rstrip("/").rpartition("/")
        if scope["path"].lower().startswith(_ALIASES):
            known = name.upper() if name.upper() in METHODS else name.lower()
            path = f"{_ALIASES}{known}" if scope["path"].count("/") == 2 else scope["path"].lower()
        else:
            path = RPC
        await app({**scope, "path": path, "raw_path": path.encode()}, receive, send)

    return canonical
