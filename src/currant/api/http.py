"""What every face needs of HTTP: the door, credentials, query parameters, bodies, refusals."""

import asyncio
import base64
import binascii
import hashlib
import re
import tempfile
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Mapping,
    MutableMapping,
)
from contextlib import asynccontextmanager
from functools import partial
from typing import IO, Any, TypeVar, cast
from urllib.parse import parse_qsl

import msgspec
from litestar import Request, Response
from litestar.exceptions import (
    HTTPException,
    InternalServerException,
    MethodNotAllowedException,
    NotFoundException,
)

from currant import wire
from currant.access.model import ANONYMOUS, Actor
from currant.access.verbs import hash_token
from currant.api.limits import Limits
from currant.door import Door
from currant.errors import (
    Invalid,
    Kind,
    RateLimited,
    Refusal,
    TooLarge,
    Unauthenticated,
    Unparsable,
)
from currant.upload import Upload

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

AnyRequest = Request[Any, Any, Any]
T = TypeVar("T")

INTERACTIVE_BYTES = 32 * 1024 * 1024
INTERACTIVE_SECONDS = 15
FILE_BYTES = 256 * 1024 * 1024
FILE_SECONDS = 300
OUTCOME_UNTOLD = (
    "Something unexpected happened here. Look whether a change was done before you repeat it; with"
    " its Idempotency-Key it can always be repeated."
)

_CHUNK = 1024 * 1024
_PLAIN = {"Content-Encoding": "identity", "Transfer-Encoding": "chunked"}
_ESCAPED = re.compile("[%+]")
_TRUE = {"true", "1", "yes"}
_FALSE = {"false", "0", "no"}
_ACCESS_KEY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_PAUSE_SECONDS = 1
_MOST_PARAMETERS = 1000
_LONGEST_LOGIN = 200  # characters, far more than one has
_MOST_ROWS = 2**31 - 1


class Ready(Response[bytes]):
    """An answer whose body is ready: sent as it is."""

    def to_asgi_response(self, *_: Any, status_code: int | None = None, **_more: Any) -> Any:
        """Return what sends it; `status_code` is the route's, where the answer has none."""
        return partial(self._send, self.status_code or status_code or 200)

    async def _send(
        self,
        status: int,
        scope: Scope,  # noqa: ARG002  # the framework names all three
        receive: Receive,  # noqa: ARG002
        send: Send,
    ) -> None:
        headers = [
            (b"content-type", str(self.media_type).encode()),
            (b"content-length", str(self._size()).encode()),
            *((name.lower().encode(), value.encode()) for name, value in self.headers.items()),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send_body(send)

    def _size(self) -> int:
        return len(self.content)

    async def _send_body(self, send: Send) -> None:
        await send({"type": "http.response.body", "body": self.content, "more_body": False})


class Written(Ready):
    """An answer whose body stands in a file: sent from its beginning, a chunk at a time."""

    def __init__(self, file: IO[bytes], media_type: str, headers: Mapping[str, str]) -> None:
        super().__init__(b"", media_type=media_type, headers=headers)
        self._file = file

    def _size(self) -> int:
        return self._file.tell()

    async def _send_body(self, send: Send) -> None:
        with self._file as file:
            file.seek(0)
            while chunk := file.read(_CHUNK):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class Query:
    """The query string: first value of a repeated parameter; `pairs` is all that was sent."""

    def __init__(self, scope: Mapping[str, Any]) -> None:
        sent = scope["query_string"].decode("ascii", "surrogateescape")
        try:
            pairs = _pairs(sent, "strict")
        except UnicodeDecodeError:
            pairs = _pairs(sent, "surrogateescape")
        except ValueError as error:
            raise Invalid(f"There are more than {_MOST_PARAMETERS} parameters.") from error
        self.pairs = pairs
        self._values: dict[str, str] = {}
        for name, value in pairs:
            if wire.UNSTORABLE.search(name + value):
                raise _unfit(name, value)
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
        digits = value.lstrip("0") or "0"
        sound = value.isascii() and value.isdigit() and len(digits) <= len(str(most))
        if not (sound and least <= int(digits) <= most):
            raise Invalid(f"The parameter {name} is a number from {least} to {most}.", field=name)
        return int(digits)

    def page(self) -> tuple[int, int]:
        """Return `limit` and `offset`, an extension: how many rows, beyond how many."""
        return (
            self.number("limit", default=_MOST_ROWS, least=0, most=_MOST_ROWS),
            self.number("offset", default=0, least=0, most=_MOST_ROWS),
        )


def _pairs(sent: str, errors: str) -> list[tuple[str, str]]:
    if sent.isascii() and len(sent) < _MOST_PARAMETERS and not _ESCAPED.search(sent):
        return [part.partition("=")[::2] for part in sent.split("&") if part]
    return parse_qsl(sent, keep_blank_values=True, errors=errors, max_num_fields=_MOST_PARAMETERS)


def _unfit(name: str, value: str) -> Invalid:
    """Refuse a parameter with a NUL, or with bytes that are not UTF-8 (they came as surrogates)."""
    field = name[:80] if name.isprintable() else "of the query string"
    told = "holds a NUL character" if "\0" in name + value else "is not UTF-8"
    return Invalid(f"The parameter {field} {told}.", field=field)


def guarded(app: App, failed: Callable[[Exception], Ready]) -> App:
    """Note when each request came, and answer for what fails outside of its handler.

    What fails after the answer has begun breaks the connection off: half an answer is none. A body
    that nobody wanted is received all the same, within bounds, before it is answered: who is still
    sending when the connection closes never sees why.
    """

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        begun = False
        whole = scope["method"] == "GET"

        async def receiving() -> MutableMapping[str, Any]:
            nonlocal whole
            message = await receive()
            whole = not message.get("more_body")
            return message

        async def sending(message: MutableMapping[str, Any]) -> None:
            nonlocal begun
            if not (begun or whole):
                await _drain(scope, receiving)
            begun = True
            await send(message)

        scope["currant.arrived"] = asyncio.get_running_loop().time()
        try:
            await app(scope, receiving, sending)
        except Exception as error:
            answer = failed(error)
            if begun:
                raise
            await answer.to_asgi_response()(scope, receive, send)

    return guard


async def _drain(scope: Scope, receive: Receive) -> None:
    """Receive what is left of a body while it keeps coming; whoever waits for a word sends none."""
    if any(name == b"expect" for name, _ in scope["headers"]):
        return
    size, more = 0, True
    try:
        async with asyncio.timeout(INTERACTIVE_SECONDS):
            while more and size <= INTERACTIVE_BYTES:
                message = await asyncio.wait_for(receive(), _PAUSE_SECONDS)
                size += len(message.get("body", b""))
                more = bool(message.get("more_body"))
    except TimeoutError:
        return


def seconds_of(request: AnyRequest) -> int:
    """Return how long a request to this route may take, its body included."""
    seconds: int = getattr(request.route_handler.operation_class, "seconds", INTERACTIVE_SECONDS)
    return seconds


def _deadline_of(request: AnyRequest) -> Any:
    """Return the instant, by the loop's clock, at which a request is given up."""
    return cast("Any", request.scope)["currant.arrived"] + seconds_of(request)


def door_of(request: AnyRequest) -> Door:
    """Return the door of the application that a request came to, for as long as it may take."""
    door: Door = request.app.state.door
    return door.until(_deadline_of(request))


def limits_of(request: AnyRequest) -> Limits:
    """Return what this process counts of its callers."""
    limits: Limits = request.app.state.limits
    return limits


def address_of(request: AnyRequest) -> str:
    """Return the address that a request came from; blank where it came by a socket of files."""
    client = request.scope.get("client")
    return client[0] if client else ""


def key_of(request: AnyRequest) -> str | None:
    """Return the `Idempotency-Key` of a request, which any POST may carry."""
    return request.headers.get("idempotency-key")


async def signed_in(request: AnyRequest, portal: str | None = None) -> Actor:
    """Return who asks, acting in the named portal. Raises `Unauthenticated`."""
    return (await actor_of(request)).at(portal)


async def actor_of(request: AnyRequest, *, keys: bool = False) -> Actor:
    """Return who asks: `Authorization: Basic …` or `Authorization: token USER:TOKEN`.

    Where `keys`, also `Authorization: Bearer KEY`. A token and a key are proved at the door, in the
    transaction that they are used in; a password here. Raises `Unauthenticated`, `RateLimited`.
    """
    header = _authorization(request)
    told = _credentials(header)
    if told is None or (told[0] == "key" and not keys):
        raise Unauthenticated
    scheme, login, secret = told
    if len(login) > _LONGEST_LOGIN:
        raise Unauthenticated
    limits = limits_of(request)
    limits.count_request(login, header)
    if scheme in ("token", "key"):
        return Actor(login, scheme.upper(), hash_token(secret))
    return await door_of(request).prove_password(
        login, secret, partial(limits.refuse_guessing, login, address_of(request))
    )


def _authorization(request: AnyRequest) -> bytes:
    return dict(request.scope["headers"]).get(b"authorization") or b""


def _credentials(header: bytes) -> tuple[str, str, str] | None:
    """Read the scheme, the login and the secret; nothing where there are none.

    The scheme is token, basic, or key, which has no login.
    """
    scheme, _, rest = header.decode("latin-1").partition(" ")
    scheme = scheme.lower()
    if scheme == "bearer" and _ACCESS_KEY.fullmatch(rest.strip()):
        return "key", "", rest.strip().lower()
    if scheme in ("token", "bearer"):
        scheme, told = "token", rest.strip()
    elif scheme == "basic":
        try:
            told = base64.b64decode(rest.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            return None
        if "\0" in told:
            return None
    else:
        return None
    login, colon, secret = told.partition(":")
    return (scheme, login, secret) if colon else None


def judged(request: AnyRequest, refusal: Refusal) -> Refusal:
    """Count a refusal that is a failed sign-in; return `RateLimited` for one too many."""
    if refusal.kind is not Kind.UNAUTHENTICATED:
        return refusal
    told = _credentials(_authorization(request))
    if told is not None:
        try:
            limits_of(request).count_failure(told[1], address_of(request))
        except RateLimited as limited:
            return limited
    return refusal


def nobody() -> Actor:
    """Return the actor of what the document leaves public."""
    return ANONYMOUS


@asynccontextmanager
async def _arriving(request: AnyRequest) -> AsyncIterator[None]:
    """Wait for a body as long as its request may take. Raises `Unparsable`."""
    try:
        async with asyncio.timeout_at(_deadline_of(request)):
            yield
    except TimeoutError as error:
        told = f"The body did not arrive within {seconds_of(request)} s."
        raise Unparsable(told) from error


async def _received(request: AnyRequest, limit: int) -> AsyncIterator[bytes]:
    """Receive a body of at most so many bytes in chunks.

    Raises `TooLarge`, and `Unparsable` where it breaks off or is ill-formed.
    """
    size = 0
    for header, plain in _PLAIN.items():
        sent = request.headers.get(header, "").strip() or plain
        if sent.lower() != plain:
            raise Unparsable(
                f"The body is sent with {header} {sent[:40]}; send it as it is.", field=header
            )
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise TooLarge(f"It may have {limit} bytes.")
            yield chunk
    except InternalServerException as broken:
        raise Unparsable("The body broke off before its end.") from broken


async def body_of(request: AnyRequest, limit: int = INTERACTIVE_BYTES) -> bytes:
    """Read a whole body of an interactive route. Raises `TooLarge`, `Unparsable`."""
    async with _arriving(request):
        return b"".join([chunk async for chunk in _received(request, limit)])


def _asks_nothing(shape: type) -> bool:
    """Say whether a body may tell nothing: each member has a default."""
    return issubclass(shape, msgspec.Struct) and not any(
        field.required for field in msgspec.structs.fields(shape)
    )


async def json_of(request: AnyRequest, shape: type[T]) -> T:
    """Read a JSON body as a shape; where nothing is required it may be empty.

    Raises `Unparsable`, `Invalid` with the member, `TooLarge`.
    """
    body = await body_of(request)
    value = wire.decode_sent(b"{}" if not body and _asks_nothing(shape) else body, shape)
    wire.refuse_unfit(value)
    return value


async def spooled(request: AnyRequest, limit: int = FILE_BYTES) -> Upload:
    """Receive a file before anything is begun, so that a half-sent one changes nothing.

    Raises `TooLarge`, `Unparsable`.
    """
    file = tempfile.SpooledTemporaryFile(max_size=_CHUNK)  # noqa: SIM115
    digest, size = hashlib.sha256(), 0
    try:
        async with _arriving(request):
            async for chunk in _received(request, limit):
                size += len(chunk)
                digest.update(chunk)
                file.write(chunk)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return Upload(file, digest.hexdigest(), size)


async def written(
    pieces: AsyncIterable[bytes], media_type: str, headers: Mapping[str, str]
) -> Written:
    """Answer with what may be too long to hold: all of it is written to disk, and then sent.

    Its length is known before its first byte is sent, and what fails fails as a whole.
    """
    file = tempfile.SpooledTemporaryFile(max_size=_CHUNK)  # noqa: SIM115
    try:
        async for piece in pieces:
            file.write(piece)
    except BaseException:
        file.close()
        raise
    return Written(file, media_type, headers)


def message_of(request: AnyRequest, refusal: Refusal) -> str:
    """Return what a refusal says; of a change also that nothing was done."""
    refusal.undone |= request.method != "GET"
    return refusal.message


def allowed_by(error: HTTPException) -> str:
    """Return the verbs that a path takes, as the header Allow tells them."""
    headers = error.headers or {}
    return headers.get("allow") or headers.get("Allow") or "nothing"


def http_message_of(request: AnyRequest, error: HTTPException) -> str:
    """Return what the framework refused: an unknown path, a wrong verb, an unreadable request."""
    path = request.url.path
    path = path if len(path) <= 80 else f"{path[:80]}…"
    if isinstance(error, MethodNotAllowedException):
        return f"{path} takes {allowed_by(error)}, not {request.method.strip()}."
    if isinstance(error, NotFoundException):
        return f"There is no endpoint {path}."
    return error.detail
