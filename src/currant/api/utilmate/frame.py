"""How the Utilmate face speaks: who calls what with which items, and the envelope of the rows.

Items are answered in their order; where there are more than one, each row says which it is of.
"""

from base64 import b64decode
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from litestar import Response
from litestar.exceptions import HTTPException, MethodNotAllowedException

from currant import wire
from currant.access.methods import METHODS, nearest
from currant.access.model import Actor
from currant.api.envelope import MEDIA_TYPE, bug, failed, refused, refused_by_http
from currant.api.http import (
    AnyRequest,
    Query,
    Ready,
    actor_of,
    body_of,
    door_of,
    key_of,
    written,
)
from currant.api.openapi import JSON
from currant.api.utilmate.methods import REGISTER, Answered, FileRow, Method, act_of
from currant.api.utilmate.parameters import Sent, read
from currant.errors import Invalid, Refusal

_CHALLENGE = 'Bearer realm="Utilmate", Basic realm="Utilmate", charset="UTF-8"'
_METHOD = "currant.method"  # Marks a request with the code of the method that it calls.
_MOST_ITEMS = 1000
_MEMBERS = ("companycode", "methodcode", "parameters")

Items = Sequence[Mapping[str, Any]]
T = TypeVar("T")


class NoSuchMethod(Exception):
    """The code names no method that can be called here; the envelope says so by 404 and 200."""


async def called(request: AnyRequest) -> Response[bytes]:
    """Answer the RPC: `companycode`, `methodcode` and `parameters`, an item or a list of them."""
    actor = await actor_of(request, keys=True)
    told = _members(wire.decode_sent(await body_of(request), dict[str, Any]))
    company, code = (_word(told, name) for name in ("companycode", "methodcode"))
    method = method_named(request, code)
    if told["parameters"] is None:
        raise Invalid("parameters is missing; send an object, or a list of them.")
    items = items_of(told["parameters"], method, "parameters")
    return await answered(request, method, items, actor.at(company.lower()))


async def called_by_name(request: AnyRequest, code: str) -> Response[bytes]:
    """Answer an alias: the item in the query string, or one or more as the body."""
    method = method_named(request, code)
    actor = await actor_of(request, keys=True)
    if request.method == "GET" and not method.asks:
        raise MethodNotAllowedException(headers={"allow": "POST"})
    query = _in_any_case(Query(request.scope).pairs)
    company = query.pop("companycode", "").strip().lower() or None
    if request.method == "GET":
        return await answered(request, method, [query], actor.at(company))
    if query:
        raise Invalid(f"{next(iter(query))[:60]}: a POST takes its parameters as a body.")
    raw = await body_of(request)
    items = items_of(wire.decode_sent(raw, Any) if raw.strip() else {}, method, "The body")
    return await answered(request, method, items, actor.at(company))


def _members(sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a call by their names, which are taken in any case."""
    told = _in_any_case(sent.items())
    for name in told:
        if name not in _MEMBERS:
            raise Invalid(f"{name[:60]} is not known here{nearest(name[:60], _MEMBERS)}")
    return {name: told.get(name) for name in _MEMBERS}


def _in_any_case(sent: Iterable[tuple[str, T]]) -> dict[str, T]:
    """Return what was sent by its names in lower case. Raises `Invalid` for one sent twice."""
    told: dict[str, T] = {}
    for name, value in sent:
        key = name.strip().lower()
        if key in told:
            raise Invalid(f"{key[:60]} is sent twice.", field=key[:60])
        told[key] = value
    return told


def _word(told: Mapping[str, Any], name: str) -> str:
    value = told[name]
    if not isinstance(value, str) or not value.strip():
        what = "missing" if value in (None, "") else "not text"
        raise Invalid(f"{name} is {what}.", field=name)
    return value.strip()


def method_named(request: AnyRequest, code: str) -> Method:
    """Return the method of a code in any case; the answer then tells which it is of."""
    told = code.upper()
    if told in METHODS:
        request.scope[_METHOD] = told  # type: ignore[literal-required]
        return REGISTER[told]
    raise NoSuchMethod(f"There is no method {told[:60]}{nearest(told[:60], METHODS)}")


def items_of(sent: Any, method: Method, name: str) -> Items:
    """Return the items of a call: an object is one, no item at all asks once without parameters.

    Raises `Invalid`.
    """
    items = sent if isinstance(sent, list) else [sent]
    if not items and method.asks:
        return [{}]
    if not 1 <= len(items) <= _MOST_ITEMS:
        raise Invalid(f"{name} holds {len(items)} items; 1 to {_MOST_ITEMS} are taken.")
    for item in items:
        if not isinstance(item, Mapping):
            raise Invalid(f"{name} is neither an object nor a list of objects.")
    return items


async def answered(
    request: AnyRequest, method: Method, items: Items, actor: Actor
) -> Response[bytes]:
    """Call a method with its items and answer its rows."""
    sent = [_read(method, item, place, len(items)) for place, item in enumerate(items)]
    caller = actor.calling(method.code)
    if method.acts:
        act = act_of(method.code, method.verb_for(sent))
        key = None if method.asks else key_of(request)
        rows = await door_of(request).act(act, sent, caller, key)
        body = {"error": 0, "methodcode": method.code, "data": rows}
        return Ready(wire.encode(body), media_type=MEDIA_TYPE)
    raw = method.raw and not _wants_json(request)
    if raw and len(sent) > 1:
        raise Invalid(f"{method.code} answers one file; send one item, or Accept: {JSON}.")
    async with door_of(request).asking(method.calls[0], caller) as tx:
        answer = Answered(method, tx, sent)
        return await _told_raw(answer) if raw else await _told_each(answer)


def _wants_json(request: AnyRequest) -> bool:
    return JSON in request.headers.get("accept", "")


async def _told_raw(answer: Answered) -> Response[bytes]:
    """Answer the one file that a method tells, as it is."""
    (file,) = [row async for row in answer.rows() if isinstance(row, FileRow)]
    told = f'inline; filename="{file.file_name}"'
    headers = {"Content-Disposition": told}
    content = b64decode(file.content_base64)
    return Ready(content, media_type=file.mime_type, headers=headers)


async def _told_each(answer: Answered) -> Response[bytes]:
    """Answer rows of which never more than a part is held here, and their summary at the end."""

    async def body() -> AsyncIterator[bytes]:
        yield b'{"error":0,"methodcode":"%b","data":' % answer.method.code.encode()
        async for piece in wire.pieces(answer.rows()):
            yield piece
        summary = answer.summary()
        yield b"}" if summary is None else b',"summary":%b}' % wire.encode(summary)

    return await written(body(), MEDIA_TYPE, {})


def _read(method: Method, item: Mapping[str, Any], place: int, many: int) -> Sent:
    try:
        return read(method.takes, item, method.code)
    except Invalid as refusal:
        if many > 1:
            refusal.add_note(f"parameters[{place}]")
        raise


def _beside(request: AnyRequest) -> dict[str, Any]:
    """Return what a failure tells beside its message: the method where it is known, and no row."""
    code = request.scope.get(_METHOD)
    return ({"methodcode": code} if code else {}) | {"data": []}


def on_refusal(request: AnyRequest, refusal: Refusal) -> Response[bytes]:
    """Say a refusal in the envelope, of several items with the one that it is about."""
    if refusal.field == "portal":
        refusal.field = "companycode"
    raised = (refusal, refusal.__cause__)
    notes = [note for error in raised for note in getattr(error, "__notes__", ())]
    about = next(iter(notes), "")
    return refused(request, refusal, _CHALLENGE, _beside(request), about=about)


def on_unknown(request: AnyRequest, unknown: NoSuchMethod) -> Response[bytes]:
    """Say that there is no such method."""
    return failed(404, 200, str(unknown), _beside(request))


def on_http(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """Say what the framework refused."""
    return refused_by_http(request, error, _beside(request))


def on_bug(request: AnyRequest, error: Exception) -> Response[bytes]:
    """Say that the fault is ours."""
    return bug(error, _beside(request))


def broken(error: Exception) -> Ready:
    """Say that the fault is ours, outside of any method."""
    return bug(error, {"data": []})
