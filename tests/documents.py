"""What the tests of HTTP hold every answer against: the OpenAPI documents, and the Juice frame.

The `http` fixture calls `check` on each answer. A member that the document does not tell is a
fault here, though clients must bear with one.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import httpx
import jsonschema_rs
import pytest

from currant.api.http import Query
from currant.api.juice.app import ROUTES as JUICE
from currant.api.juice.openapi import juice_document
from currant.api.utilmate.app import ROUTES as UTILMATE
from currant.api.utilmate.app import is_ours
from currant.api.utilmate.openapi import utilmate_document
from currant.api.v1.app import ROUTES as V1
from currant.api.v1.openapi import v1_document

Json = dict[str, Any]

NAMED_ADDITIONS = ("/openapi.json", "/docs", "/v1/openapi.json", "/utilmate/openapi.json")
FACES = ("juice", "v1", "utilmate")


@cache
def documents(*, public: bool = True) -> tuple[Json, Json, Json]:
    """The document of each face, in their order; `public`: who may ask for the list of meters."""
    return (
        juice_document(JUICE, public_meter_list=public),
        v1_document(V1),
        utilmate_document(UTILMATE),
    )


def face_of(path: str) -> int:
    """The place of the face that a path is of."""
    if path == "/v1" or path.startswith("/v1/"):
        return FACES.index("v1")
    return FACES.index("utilmate" if is_ours(path) else "juice")


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


@cache
def patterns(face: int) -> list[tuple[re.Pattern[str], str]]:
    document = documents()[face]
    named = sorted(document["paths"], key=lambda path: path.count("{"))  # /current before /{id}
    flags = re.IGNORECASE if FACES[face] == "utilmate" else 0
    return [
        (re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)), flags), path)
        for path in named
    ]


def resolved(document: Json, node: Json) -> Json:
    """A node of a document, or that which it refers to."""
    if "$ref" not in node:
        return node
    for name in node["$ref"].removeprefix("#/").split("/"):
        document = document[name]
    return document


@cache
def validator(face: int, path: str, method: str, status: str, *, public: bool) -> Any:
    """What validates the body of an answer, or none for one that has no schema."""
    document = documents(public=public)[face]
    response = resolved(document, document["paths"][path][method]["responses"][status])
    schema = next(iter(response["content"].values()))["schema"]
    return jsonschema_rs.Draft202012Validator(
        exact({"components": {"schemas": needed(document, schema)}, **schema}),
        validate_formats=True,
    )


def needed(document: Json, node: Any) -> Json:
    """The schemas that a node refers to, however deep: all of them would be gigabytes."""
    found: Json = {}
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            waiting += part.values()
            name = str(part.get("$ref", "")).removeprefix("#/components/schemas/")
            if name and name not in found:
                found[name] = document["components"]["schemas"][name]
                waiting.append(found[name])
        elif isinstance(part, list):
            waiting += part
    return found


def exact(node: Any) -> Any:
    """A schema whose objects have no member that it does not tell."""
    if isinstance(node, dict):
        told = {name: exact(part) for name, part in node.items()}
        if isinstance(node.get("properties"), dict) and node.get("type") == "object":
            told.setdefault("additionalProperties", False)
        return told
    return [exact(part) for part in node] if isinstance(node, list) else node


async def check(response: httpx.Response, *, public: bool = True) -> None:
    """Hold an answer against its document, and against the frame of its face."""
    await response.aread()
    sent = response.request.extensions.get("target", response.request.url.raw_path)
    path, method = sent.decode().partition("?")[0].rstrip("/"), response.request.method
    face = face_of(path)
    told = f"{method} {sent.decode()} answered {response.status_code}: {response.text[:500]}"
    if FACES[face] != "v1":
        check_frame(response, told, juice=FACES[face] == "juice")
    if method == "HEAD" or path.startswith(NAMED_ADDITIONS):
        return
    known = next((known for found, known in patterns(face) if found.fullmatch(path)), None)
    operation = documents(public=public)[face]["paths"].get(known, {}).get(method.lower())
    if operation is None:
        assert response.status_code in (404, 405, 500), told
        return
    assert str(response.status_code) in operation["responses"], f"{told}, which is not documented"
    if "json" not in response.headers["content-type"]:
        told_of = operation["responses"][str(response.status_code)]["content"]
        kind = response.headers["content-type"].partition(";")[0]
        assert {kind, f"{kind.partition('/')[0]}/*"} & set(told_of), told
        return
    valid = validator(face, known, method.lower(), str(response.status_code), public=public)
    if response.status_code != 404 or "no endpoint" not in response.text:
        errors = [
            f"{error.instance_path}: {error.message}"
            for error in valid.iter_errors(response.json())
        ]
        assert not errors, f"{told}: {errors}"


def check_frame(response: httpx.Response, told: str, *, juice: bool) -> None:
    """The headers of conformance.md 1.1."""
    headers = response.headers
    phrase = f"{response.status_code} {response.reason_phrase}"
    assert headers.get("status") == phrase, told
    assert headers.get("x-juice-media-type") == ("juice.v1" if juice else None), told
    assert headers["x-content-type-options"] == "nosniff", told
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", headers["date"]), told
    assert "transfer-encoding" not in headers, told
    if response.request.method == "HEAD":
        assert response.content == b"", told
    else:
        assert int(headers["content-length"]) == len(response.content), told
    if response.request.url.path.startswith("/docs") and response.status_code == 200:
        return
    pdf = not juice and headers["content-type"] == "application/pdf"
    assert pdf or headers["content-type"] == "application/json; charset=utf-8", told
    private = "max-age=0, private, must-revalidate"
    assert headers["cache-control"] in (private, f"{private}, no-store"), told


class Declared(dict[str, str]):
    """The parameters of a query, of which a handler may read those that its route declares."""

    asked: frozenset[str] = frozenset()

    def get(self, name: str, default: Any = None) -> Any:
        assert name in self.asked, f"the parameter {name} is read and not declared"
        return super().get(name, default)


def only_declared(patch: pytest.MonkeyPatch) -> None:
    """Let handlers read no parameter that the document does not tell."""
    begin = Query.__init__

    def watched(self: Query, scope: Any) -> None:
        begin(self, scope)
        values = Declared(self._values)
        values.asked = getattr(scope["route_handler"].operation_class, "asked", frozenset())
        self._values = values

    patch.setattr(Query, "__init__", watched)
