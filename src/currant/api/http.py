"""What every face needs of HTTP: credentials, query parameters, bodies spooled to disk."""

import base64
import binascii
import hashlib
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from typing import IO, Any
from urllib.parse import parse_qsl

from litestar import Request
from litestar.exceptions import InternalServerException

from currant.access.model import ANONYMOUS, Actor
from currant.access.verbs import hash_token
from currant.door import Door
from currant.errors import Invalid, TooLarge, Unauthenticated, Unparsable

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

AnyRequest = Request[Any, Any, Any]

INTERACTIVE_BYTES = 32 * 1024 * 1024
FILE_BYTES = 256 * 1024 * 1024

_TRUE = {"true", "1", "yes"}
_FALSE = {"false", "0", "no"}


class Query:
    """The query string: first value of a repeated parameter, unknown ones ignored."""

    def __init__(self, scope: Mapping[str, Any]) -> None:
        try:
            pairs = parse_qsl(
                scope["query_string"].decode("ascii", "surrogateescape"),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=1000,
            )
        except ValueError as error:
            raise Invalid("The query string is not UTF-8.") from error
        self._values: dict[str, str] = {}
        for name, value in pairs:
            if "\0" in value:
                raise Invalid("It holds a NUL character.", field=name)
            self._values.setdefault(name, value)

    def text(self, name: str) -> str:
        """Return a required parameter. Raises `Invalid` naming it."""
        value = self._values.get(name, "")
        if not value:
            raise Invalid(f"The parameter {name} is required.", field=name)
        return value

    def maybe(self, name: str) -> str | None:
        """Return a parameter that may be absent; a blank one counts as absent."""
        return self._values.get(name) or None

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a boolean: true, false, 1, 0, yes or no, in any case."""
        value = self._values.get(name, "").lower()
        if not value:
            return default
        if value not in _TRUE | _FALSE:
            raise Invalid(f"The parameter {name} is true or false.", field=name)
        return value in _TRUE

    def number(self, name: str, *, default: int, least: int, most: int) -> int:
        """Return a whole number within bounds."""
        value = self._values.get(name, "")
        if not value:
            return default
        if not (value.isascii() and value.isdigit() and least <= int(value[:18]) <= most):
            raise Invalid(f"The parameter {name} is a number from {least} to {most}.", field=name)
        return int(value)


async def actor_of(request: AnyRequest, door: Door) -> Actor:
    """Return who asks: `Authorization: Basic …` or `Authorization: token USER:TOKEN`.

    A token is proved at the door, in the transaction it is used in; a password here. Raises
    `Unauthenticated`.
    """
    header = request.headers.get("authorization")
    if header is None:
        raise Unauthenticated
    scheme, _, rest = header.partition(" ")
    match scheme.lower():
        case "token" | "bearer":
            login, colon, token = rest.strip().partition(":")
            if not colon:
                raise Unauthenticated
            return Actor(login, "TOKEN", hash_token(token))
        case "basic":
            try:
                told = base64.b64decode(rest.strip(), validate=True).decode()
            except (binascii.Error, ValueError) as error:
                raise Unauthenticated from error
            login, colon, password = told.partition(":")
            if not colon or "\0" in told:
                raise Unauthenticated
            return await door.prove_password(login, password)
    raise Unauthenticated


def nobody() -> Actor:
    """Return the actor of what the document leaves public."""
    return ANONYMOUS


async def _received(request: AnyRequest) -> AsyncIterator[bytes]:
    """Receive a body in chunks. Raises `Unparsable` where it breaks off or is ill-formed."""
    try:
        async for chunk in request.stream():
            yield chunk
    except InternalServerException as broken:
        raise Unparsable("It broke off before its end. Nothing was done.") from broken


async def body_of(request: AnyRequest, limit: int = INTERACTIVE_BYTES) -> bytes:
    """Read a whole body of an interactive route. Raises `TooLarge`."""
    chunks, size = [], 0
    async for chunk in _received(request):
        size += len(chunk)
        if size > limit:
            raise TooLarge(f"It may have {limit} bytes.")
        chunks.append(chunk)
    return b"".join(chunks)


class Spooled:
    """A body that was received whole, on disk where it is large; the reader closes the file.

    As text it is its size and SHA-256: so the audit log tells it, and an idempotency key compares.
    """

    def __init__(self, file: IO[bytes], sha256: str, size: int) -> None:
        self.file = file
        self.sha256 = sha256
        self.size = size

    def __str__(self) -> str:
        """Return the size and the SHA-256."""
        return f"{self.size} bytes, SHA-256 {self.sha256}"


async def spooled(request: AnyRequest, limit: int = FILE_BYTES) -> Spooled:
    """Receive a file before anything is begun, so that a half-sent one changes nothing.

    Raises `TooLarge`.
    """
    file = tempfile.SpooledTemporaryFile(max_size=1024 * 1024)  # noqa: SIM115
    digest, size = hashlib.sha256(), 0
    try:
        async for chunk in _received(request):
            size += len(chunk)
            if size > limit:
                raise TooLarge(f"It may have {limit} bytes.")
            digest.update(chunk)
            file.write(chunk)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return Spooled(file, digest.hexdigest(), size)
