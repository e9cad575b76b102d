"""How the native face speaks: JSON bodies, problem+json errors (RFC 9457), cursors."""

import base64
import binascii
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema

from currant import wire
from currant.access.model import Actor
from currant.api.http import AnyRequest, actor_of
from currant.door import Door
from currant.errors import Invalid, Kind, Refusal

log = structlog.get_logger()

STATUSES: dict[Kind, int] = {
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.UNPARSABLE: 400,
    Kind.INVALID: 422,
    Kind.NOT_FOUND: 404,
    Kind.GONE: 410,
    Kind.CONFLICT: 409,
    Kind.KEY_REUSED: 422,
    Kind.TOO_LARGE: 413,
    Kind.RATE_LIMITED: 429,
    Kind.UNAVAILABLE: 503,
}


def answer(value: Any, status: int = 200) -> Response[bytes]:
    """Answer a value as JSON."""
    return Response(wire.encode(value), status_code=status, media_type="application/json")


def problem(status: int, kind: str, detail: str, **more: Any) -> Response[bytes]:
    """Answer a problem as RFC 9457 says: type, title, status, detail and what helps."""
    body = {
        "type": f"urn:currant:{kind}",
        "title": kind.replace("_", " "),
        "status": status,
        "detail": detail,
        **{name: value for name, value in more.items() if value},
    }
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="Currant", charset="UTF-8"'
    if status in (429, 503):
        headers["Retry-After"] = "5"
    return Response(
        wire.encode(body),
        status_code=status,
        media_type="application/problem+json",
        headers=headers,
    )


def on_refusal(_request: Request[Any, Any, Any], refusal: Refusal) -> Response[bytes]:
    """Say a refusal as a problem."""
    return problem(
        STATUSES[refusal.kind],
        refusal.kind,
        refusal.message,
        field=refusal.field,
        faults=list(refusal.faults),
    )


def on_http(_request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Say what the framework refused."""
    if isinstance(error, ValidationException):
        told = "; ".join(f"{e['key']}: {e['message']}" for e in _extra(error))
        return problem(422, Kind.INVALID, told or error.detail)
    refused = problem(error.status_code, "request", error.detail)
    for name, value in (error.headers or {}).items():
        refused.headers[name] = value
    return refused


def _extra(error: ValidationException) -> list[dict[str, str]]:
    """Return what the framework says of each parameter."""
    told = error.extra if isinstance(error.extra, list) else []
    return [{"key": str(e.get("key", "")), "message": str(e.get("message", ""))} for e in told]


def on_bug(_request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Say that the fault is ours, and write it to the log."""
    log.error("unexpected", exc_info=error)
    return problem(500, "unexpected", "Something unexpected happened here; nothing was done.")


def door_of(request: AnyRequest) -> Door:
    """Return the door of the application that a request came to."""
    door: Door = request.app.state.door
    return door


async def signed_in(request: AnyRequest, portal: str) -> Actor:
    """Return who asks, acting in the portal of the path. Raises `Unauthenticated`."""
    return (await actor_of(request, door_of(request))).at(portal)


def cursor_of(told: str | None) -> int:
    """Read a page cursor: the id below which the page begins. Raises `Invalid`."""
    if told is None:
        return 2**62
    try:
        return int(base64.urlsafe_b64decode(told.encode() + b"=="))
    except (ValueError, binascii.Error) as error:
        raise Invalid("The cursor is not one that was given out here.", field="cursor") from error


def cursor_after(last_id: int) -> str:
    """Write the cursor of the page after an id."""
    return base64.urlsafe_b64encode(str(last_id).encode()).decode().rstrip("=")


def takes(shape: type[msgspec.Struct]) -> type[Operation]:
    """Document a body that the handler reads by itself, because its numbers must stay exact."""
    _, components = msgspec.json.schema_components([shape])
    inline = components[shape.__name__]

    @dataclass
    class Documented(Operation):
        """An operation with a JSON body of the given shape."""

        def __post_init__(self) -> None:
            self.request_body = RequestBody(
                required=True,
                content={
                    "application/json": OpenAPIMediaType(
                        schema=Schema(
                            type=OpenAPIType.OBJECT,
                            title=shape.__name__,
                            description=inline.get("description"),
                            required=inline.get("required", []),
                            properties={
                                name: _property(told) for name, told in inline["properties"].items()
                            },
                            additional_properties=False,
                        )
                    )
                },
            )

    return Documented


def _property(told: dict[str, Any]) -> Schema:
    """Tell one member of a shape as a schema."""
    if "anyOf" in told:
        return Schema(any_of=[_property(part) for part in told["anyOf"]])
    kind = "number" if told.get("format") == "decimal" else told.get("type", "object")
    return Schema(type=OpenAPIType(kind))
