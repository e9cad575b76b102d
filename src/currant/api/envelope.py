"""The envelope of the compatible faces: codes, statuses, headers (conformance.md 1.1-1.4)."""

import http
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

import structlog
from litestar import Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException

from currant import wire
from currant.api.http import (
    OUTCOME_UNTOLD,
    AnyRequest,
    App,
    Ready,
    Receive,
    Scope,
    Send,
    allowed_by,
    http_message_of,
    judged,
    message_of,
)
from currant.errors import Kind, Refusal

log = structlog.get_logger()

MEDIA_TYPE = "application/json; charset=utf-8"
# Marks of a request: that it came as HEAD; that no answer to it may be stored.
_HEAD = "currant.head"
_NO_STORE = "currant.no_store"

# Each kind's HTTP status and envelope code, with only the statuses that the document lists.
CODES: dict[Kind, tuple[int, int]] = {
    Kind.UNAUTHENTICATED: (401, 100),
    Kind.FORBIDDEN: (403, 101),
    Kind.UNPARSABLE: (400, 201),
    Kind.TOO_LARGE: (400, 201),
    Kind.INVALID: (406, 201),
    Kind.CONFLICT: (406, 201),
    Kind.KEY_REUSED: (406, 201),
    Kind.NOT_FOUND: (404, 201),
    Kind.GONE: (410, 201),
    Kind.RATE_LIMITED: (429, 300),
    Kind.UNAVAILABLE: (503, 300),
}
FAILURES = {
    400: (201, "The body cannot be read, is too large or did not arrive in time."),
    401: (100, "The credentials are missing or wrong, or the user is not active."),
    403: (101, "The caller may not do this in this portal."),
    404: (201, "What was named does not exist."),
    406: (201, "A value is missing, ill-typed, out of range or contradicts what is recorded."),
    429: (300, "Too many requests; `Retry-After` says when the next is taken."),
    500: (300, "Something unexpected happened here."),
    503: (300, "The database cannot be reached, or it took too long; try again."),
}


def failed(
    status: int, code: int, message: str, more: Mapping[str, Any] | None = None, **headers: str
) -> Ready:
    """Answer a failure: `{"error": code, "error_message": …}`, and what more a face tells then."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {"error": code, "error_message": message, **(more or {})}
    return Ready(wire.encode(body), status_code=status, media_type=MEDIA_TYPE, headers=named)


def refused(
    request: AnyRequest,
    refusal: Refusal,
    challenge: str,
    more: Mapping[str, Any] | None = None,
    *,
    about: str = "",
) -> Ready:
    """Say a refusal in the envelope; the message names the parameter, or each bad record.

    `challenge` says how to sign in, `about` which of several things it is about.
    """
    refusal = judged(request, refusal)
    status, code = CODES[refusal.kind]
    message = message_of(request, refusal)
    if refusal.field and refusal.field.lower() not in message.lower():
        message = f"{refusal.field}: {message}"
    if refusal.faults and str(refusal.faults[0]) not in message:
        message = f"{message} " + "; ".join(str(fault) for fault in refusal.faults[:50])
    message = f"{about}: {message}" if about else message
    headers = {}
    if refusal.kind is Kind.UNAUTHENTICATED:
        headers["WWW_Authenticate"] = challenge
    if refusal.kind in (Kind.UNAVAILABLE, Kind.RATE_LIMITED):
        headers["Retry_After"] = str(refusal.retry_after)
    return failed(status, code, message, more, **headers)


def refused_by_http(
    request: AnyRequest, error: HTTPException, more: Mapping[str, Any] | None = None
) -> Ready:
    """Say what the framework refused: an unknown path, a wrong verb, an unreadable request."""
    if isinstance(error, MethodNotAllowedException):
        allowed = allowed_by(error).replace(", OPTIONS", "").replace("GET", "GET, HEAD")
        error.headers = {"Allow": allowed}
        return failed(405, 200, http_message_of(request, error), more, Allow=allowed)
    message = http_message_of(request, error)
    if isinstance(error, NotFoundException):
        return failed(404, 200, message, more)
    status = 400 if error.status_code < 500 else 500
    return failed(status, 201 if status == 400 else 300, message, more)


def bug(error: Exception, more: Mapping[str, Any] | None = None) -> Ready:
    """Say that the fault is ours, and write it to the log."""
    log.error("unexpected", exc_info=error)
    return failed(500, 300, OUTCOME_UNTOLD, more)


def on_bug(_request: AnyRequest, error: Exception) -> Response[bytes]:
    """Say that the fault is ours."""
    return bug(error)


def is_head(request: AnyRequest) -> bool:
    """Tell whether a GET came as HEAD, and must have no effect."""
    return _HEAD in request.scope


def forbid_storing(request: AnyRequest) -> None:
    """Let nobody on the way keep what is answered to a request."""
    request.scope[_NO_STORE] = True  # type: ignore[literal-required]


def framed(app: App, *more: tuple[bytes, bytes]) -> App:
    """Put the documented headers on every answer, and answer HEAD as GET without the body."""

    async def frame(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        head = scope["method"] == "HEAD"
        if head:
            scope["method"] = "GET"
            scope[_HEAD] = True
        elif scope["method"] == "OPTIONS":
            scope["method"] = "OPTIONS "  # No verb, so that the framework refuses it as any other.

        async def framing(message: Any) -> None:
            if message["type"] == "http.response.start":
                sent = [*message["headers"], *more]
                message["headers"] = _headers(message["status"], sent, store=_NO_STORE not in scope)
            elif head and message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        await app(scope, receive, framing)

    return frame


_STATUS = {status.value: f"{status.value} {status.phrase}".encode() for status in http.HTTPStatus}


def _headers(status: int, sent: Any, *, store: bool) -> list[tuple[bytes, bytes]]:
    """Add what stands on every answer."""
    headers = list(sent)
    present = {name for name, _ in headers}
    headers += [(b"status", _STATUS[status]), (b"x-content-type-options", b"nosniff")]
    if b"cache-control" not in present:
        cache = b"max-age=0, private, must-revalidate" + b", no-store" * (not store)
        headers.append((b"cache-control", cache))
    if b"date" not in present:
        headers.append((b"date", formatdate(usegmt=True).encode()))
    return headers
