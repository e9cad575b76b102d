"""How the native face speaks: JSON bodies, problem+json errors (RFC 9457), cursors."""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import date
from functools import cache
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import structlog
from litestar import Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.params import HeaderParameter, QueryParameter

from currant import wire
from currant.api.http import (
    OUTCOME_UNTOLD,
    AnyRequest,
    Query,
    Ready,
    http_message_of,
    judged,
    message_of,
)
from currant.clock import parse_day
from currant.errors import Invalid, Kind, Refusal

Row = TypeVar("Row")

log = structlog.get_logger()

IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        max_length=255,
        description="Repeats of a request with its key are answered as the first was.",
    ),
]
Limit = Annotated[int, QueryParameter(ge=1, le=200, description="How many rows a page has.")]
Cursor = Annotated[
    str | None, QueryParameter(description="Where the page begins: `next` of the page before.")
]
FirstDay = Annotated[date | None, QueryParameter(description="From this day on: YYYY-MM-DD.")]
LastDay = Annotated[date | None, QueryParameter(description="To this day: YYYY-MM-DD.")]
ByOwnDate = Annotated[
    bool, QueryParameter(description="By their own date, not by the day of posting.")
]
OfBuilding = Annotated[str | None, QueryParameter(description="Of the building of this code.")]
OfAccount = Annotated[str | None, QueryParameter(description="Of this account.")]

_BEYOND = 2**62  # No id comes near it.
_LONGEST_CURSOR = 40

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


async def judge_parameters(request: AnyRequest) -> None:
    """Refuse a parameter that a path does not have, and one sent twice, before it is asked.

    No typo widens a question. Of days only those that are taken pass. Raises `Invalid`.
    """
    known = _parameters(request.route_handler.fn)
    seen = set()
    for name, value in Query(request.scope).pairs:
        if name not in known:
            has = f"which has {', '.join(known)}" if known else "which has none"
            told = f"{name[:60]} is no parameter of this path, {has}."
            raise Invalid(told, field=name[:60])
        if name in seen:
            raise Invalid(f"The parameter {name} is sent twice.", field=name)
        seen.add(name)
        if known[name]:
            try:
                parse_day(value)
            except Invalid as refusal:
                raise Invalid(f"{name}: {refusal.detail}", field=name) from None


@cache
def _parameters(handler: Callable[..., Any]) -> dict[str, bool]:
    """Return what a handler takes of the query string, by name, and whether it is a day."""
    told = {}
    for name, hint in get_type_hints(handler, include_extras=True).items():
        kind, *marks = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        for mark in marks:
            if isinstance(mark, QueryParameter):
                told[mark.name or name] = date in (kind, *get_args(kind))
    return told


def answer(value: Any, status: int = 200) -> Response[bytes]:
    """Answer a value as JSON."""
    return Ready(wire.encode(value), status_code=status, media_type="application/json")


def problem(status: int, kind: str, detail: str, **more: Any) -> Ready:
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
    return Ready(
        wire.encode(body),
        status_code=status,
        media_type="application/problem+json",
        headers=headers,
    )


def on_refusal(request: AnyRequest, refusal: Refusal) -> Response[bytes]:
    """Say a refusal as a problem."""
    refusal = judged(request, refusal)
    said = problem(
        STATUSES[refusal.kind],
        refusal.kind,
        message_of(request, refusal),
        field=refusal.field,
        faults=list(refusal.faults),
    )
    if refusal.kind in (Kind.RATE_LIMITED, Kind.UNAVAILABLE):
        said.headers["Retry-After"] = str(refusal.retry_after)
    return said


def on_http(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """Say what the framework refused."""
    if isinstance(error, ValidationException):
        faults = _extra(error)
        told = "; ".join(f"{fault['key']}: {fault['message']}" for fault in faults)
        field = faults[0]["key"] if faults else None
        return problem(422, Kind.INVALID, told or error.detail, field=field)
    refused = problem(error.status_code, "request", http_message_of(request, error))
    for name, value in (error.headers or {}).items():
        refused.headers[name] = value
    return refused


def _extra(error: ValidationException) -> list[dict[str, str]]:
    """Return what the framework says of each parameter."""
    told = error.extra if isinstance(error.extra, list) else []
    return [{"key": str(e.get("key", "")), "message": str(e.get("message", ""))} for e in told]


def on_bug(_request: AnyRequest, error: Exception) -> Response[bytes]:
    """Say that the fault is ours."""
    return bug(error)


def bug(error: Exception) -> Ready:
    """Say that the fault is ours, and write it to the log."""
    log.error("unexpected", exc_info=error)
    return problem(500, "unexpected", OUTCOME_UNTOLD)


def cursor_of(told: str | None) -> int:
    """Read a page cursor: the id below which the page begins. Raises `Invalid`."""
    if told is None:
        return _BEYOND
    try:
        last_id = int(base64.urlsafe_b64decode(told[:_LONGEST_CURSOR].encode() + b"=="))
    except (ValueError, binascii.Error):
        last_id = -1
    if not 0 <= last_id < _BEYOND or _cursor(last_id) != told:
        raise Invalid(
            "The cursor is not one that was given out here: send `next` of the page before, or"
            " none for the first page.",
            field="cursor",
        )
    return last_id


def begins_after(told: str | None) -> int:
    """Read the cursor of a list from its beginning: after which id or row the page begins."""
    return 0 if told is None else cursor_of(told)


def page(rows: Sequence[Row], limit: int, id_of: Callable[[Row], int]) -> Response[bytes]:
    """Answer a page; where it is full, or fuller, the next begins after its last row's id."""
    return _page(rows, id_of(rows[-1]) if len(rows) >= limit else None)


def counted_page(rows: Sequence[object], limit: int, beyond: int) -> Response[bytes]:
    """Answer a page of a list without ids; where it is full the next begins after as many rows."""
    return _page(rows, beyond + limit if len(rows) == limit else None)


def _page(rows: Sequence[object], after: int | None) -> Response[bytes]:
    return answer({"data": rows, "next": None if after is None else _cursor(after)})


def _cursor(last_id: int) -> str:
    """Write the cursor of the page after an id."""
    return base64.urlsafe_b64encode(str(last_id).encode()).decode().rstrip("=")
