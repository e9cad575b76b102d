"""The OpenAPI document of the native face, told from the shapes that the code itself uses.

A handler reads and writes its bodies by itself, because numbers stay exact, so the framework does
not know them: each names them by `documented`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import Litestar
from litestar.openapi.spec import (
    Components,
    Example,
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Parameter,
    RequestBody,
    Schema,
    SecurityScheme,
)

from currant import wire
from currant.errors import Fault
from currant.headends.model import Command, RequestState
from currant.vending.verbs import TENDERS

Shape = type[msgspec.Struct]

_REF = "#/components/schemas/{name}"
_JSON = "application/json"
_PROBLEM_JSON = "application/problem+json"
_DECIMAL = {"type": "string", "format": "decimal"}
_WALLETS = ("currency", "units")

# Members that are text in the code and one of some words in the database.
_WORDS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("Vend", "tender"): TENDERS,
    ("Vended", "tender"): TENDERS,
    ("Vended", "wallet"): _WALLETS,
    ("Quoted", "wallet"): _WALLETS,
    ("Quarantined", "reason"): ("NOSITE", "BACKWARDS", "MULTIPLIER", "HIGH"),
    ("Released", "reason"): ("NOSITE", "BACKWARDS", "MULTIPLIER", "HIGH"),
    ("MeterRequest", "command"): tuple(Command),
    ("MeterRequest", "state"): tuple(RequestState),
}
SIGNING_IN = Components(
    security_schemes={
        "Basic": SecurityScheme(type="http", scheme="basic"),
        "Token": SecurityScheme(
            type="apiKey",
            name="Authorization",
            security_scheme_in="header",
            description="`token LOGIN:TOKEN`; `currant token issue LOGIN` gives one.",
        ),
    },
)
_REFUSALS = {
    "400": "The body is not JSON.",
    "401": "The credentials are missing or wrong.",
    "403": "The caller may not do this here.",
    "404": "What was named does not exist.",
    "409": "It is at odds with what is there.",
    "422": "A value is missing, of the wrong type or out of range.",
}
_OF_A_QUESTION = ("401", "403", "404", "422")
_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "Why nothing was done (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:currant:not_found"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What happened, and what to do."},
        "field": {"type": "string", "description": "The member or parameter at fault."},
        "faults": {
            "type": "array",
            "items": {"$ref": _REF.format(name=Fault.__name__)},
            "description": "The bad records of a batch.",
        },
    },
}

_documented: set[Shape] = {Fault}


class _Told(Schema):
    """A schema that is written already."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__()
        self.told = told

    def to_schema(self) -> dict[str, Any]:
        """Return it as it is."""
        return self.told


def documented(
    answers: Shape,
    *,
    takes: msgspec.Struct | None = None,
    status: int = 200,
    listed: bool = False,
    paged: bool = False,
) -> type[Operation]:
    """Document what a handler answers, and what it takes by an example of it.

    `listed`: it answers a list of them as `data`. `paged`: also `next`, the cursor of the page
    that follows.
    """
    _documented.add(answers)
    answer = _answer(answers, listed=listed or paged, paged=paged)
    body = None
    if takes is not None:
        _documented.add(type(takes))
        example = msgspec.json.decode(wire.encode(takes))
        body = RequestBody(
            required=True,
            content={
                _JSON: OpenAPIMediaType(
                    schema=_ref(type(takes)),
                    examples={"example": Example(value=example)},
                )
            },
        )

    @dataclass
    class Documented(Operation):
        """An operation with the bodies that its handler reads and writes."""

        def __post_init__(self) -> None:
            self.request_body = body
            self.operation_id = self.summary
            refusals = _OF_A_QUESTION if body is None else tuple(_REFUSALS)
            self.responses = {str(status): answer, **{code: _refusal(code) for code in refusals}}
            for parameter in self.parameters or []:
                if isinstance(parameter, Parameter) and parameter.name == "portal":
                    parameter.description = "The key of the portal, or an alias of it."

    return Documented


def document_of(app: Litestar) -> dict[str, Any]:
    """Return the document of an application; the framework leaves out what it does not know."""
    _, shapes = msgspec.json.schema_components(
        sorted(_documented, key=lambda shape: shape.__name__), ref_template=_REF
    )
    for name, shape in shapes.items():
        for member, told in shape.get("properties", {}).items():
            if words := _WORDS.get((name, member)):
                told["enum"] = list(words)
    document = app.openapi_schema.to_schema()
    document["components"]["schemas"] = _as_written(shapes) | {"Problem": _PROBLEM}
    return document


def _ref(shape: Shape) -> _Told:
    return _Told({"$ref": _REF.format(name=shape.__name__)})


def _answer(shape: Shape, *, listed: bool, paged: bool) -> OpenAPIResponse:
    """Return the response of a handler that is done."""
    schema = _ref(shape)
    if listed:
        members: dict[str, Any] = {"data": {"type": "array", "items": schema.told}}
        if paged:
            told = "The `cursor` of the page that follows; null where this is the last."
            members["next"] = {"type": ["string", "null"], "description": told}
        schema = _Told({"type": "object", "required": list(members), "properties": members})
    description = (shape.__doc__ or "").partition("\n")[0]
    return OpenAPIResponse(description, content={_JSON: OpenAPIMediaType(schema=schema)})


def _refusal(code: str) -> OpenAPIResponse:
    problem = _Told({"$ref": _REF.format(name="Problem")})
    return OpenAPIResponse(
        _REFUSALS[code], content={_PROBLEM_JSON: OpenAPIMediaType(schema=problem)}
    )


def _as_written(told: Any) -> Any:
    """Tell a decimal as the number that the wire makes of it, wherever it stands."""
    if isinstance(told, dict):
        if told.items() >= _DECIMAL.items():
            kept = {name: part for name, part in told.items() if name != "format"}
            return kept | {"type": "number"}
        return {name: _as_written(part) for name, part in told.items()}
    if isinstance(told, list):
        return [_as_written(part) for part in told]
    return told
