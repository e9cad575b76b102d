"""OpenAPI documents, told from the shapes that the code itself uses.

A handler reads and writes its bodies by itself, because numbers stay exact, so the framework does
not know them: each names them by its face's `documented`, which makes an operation of them here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import (
    Components,
    Example,
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Parameter,
    Reference,
    RequestBody,
    Schema,
    SecurityScheme,
)

from currant import __version__, wire
from currant.api.http import INTERACTIVE_SECONDS

JSON = "application/json"
SIGNING_IN = {
    "Basic": SecurityScheme(type="http", scheme="basic"),
    "Token": SecurityScheme(
        type="apiKey",
        name="Authorization",
        security_scheme_in="header",
        description="`token LOGIN:TOKEN`; `currant token issue LOGIN` gives one.",
    ),
}

_REF = "#/components/schemas/{name}"
_DECIMAL = {"type": "string", "format": "decimal"}


class Written(Schema):
    """A schema that is written already."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__()
        self.told = told

    def to_schema(self) -> dict[str, Any]:
        """Return it as it is."""
        return self.told


class Shapes:
    """The shapes that the document of a face tells; it refers to them by their names.

    `words` are the members that are text in the code and one of some words in the database, by the
    names of the shape and the member.
    """

    def __init__(self, words: Mapping[tuple[str, str], Sequence[str]] | None = None) -> None:
        self._told: set[Any] = set()
        self._words = words or {}

    def schema_of(self, shape: Any) -> dict[str, Any]:
        """Return the schema of a type, such as a Struct, or a list of them."""
        self._told.add(shape)
        (schema,), _ = msgspec.json.schema_components([shape], ref_template=_REF)
        return as_written(schema)  # type: ignore[no-any-return]

    def components(self) -> dict[str, Any]:
        """Return the schemas of everything that was asked for."""
        told = sorted(self._told, key=repr)
        _, shapes = msgspec.json.schema_components(told, ref_template=_REF)
        for shape in told:
            if options := getattr(shape, "any_of", ()):
                shapes[shape.__name__]["anyOf"] = [{"required": [name]} for name in options]
        for (name, member), words in self._words.items():
            shapes[name]["properties"][member]["enum"] = list(words)
        return as_written(shapes)  # type: ignore[no-any-return]


def operation(
    responses: Mapping[int, OpenAPIResponse | Reference],
    *,
    named: str | None = None,
    body: RequestBody | None = None,
    parameters: Sequence[Parameter] = (),
    described: Mapping[str, str] | None = None,
    tag: str | None = None,
    public: bool = False,
    within: int = INTERACTIVE_SECONDS,
    calls: Sequence[Callable[..., Any]] = (),
) -> type[Operation]:
    """Return the operation of a handler: what it takes, what it answers, how long it may take.

    `parameters` take the place of those that the framework found by itself; `described` describes
    one that it found.
    """

    @dataclass
    class Documented(Operation):
        """An operation with the bodies that its handler reads and writes."""

        seconds: ClassVar[int] = within
        asked: ClassVar[frozenset[str]] = frozenset(parameter.name for parameter in parameters)
        number: ClassVar[str | None] = named
        anybodys: ClassVar[bool] = public
        asks: ClassVar[tuple[Callable[..., Any], ...]] = tuple(calls)

        def __post_init__(self) -> None:
            self.operation_id = named or self.summary
            told, _, _ = (self.description or "").partition("Raises `")
            self.summary, self.description = told.rstrip() or None, None
            self.request_body = body
            self.responses = {str(status): answer for status, answer in responses.items()}
            found = [p for p in self.parameters or [] if p.name not in self.asked]  # type: ignore[union-attr]
            self.parameters = [*found, *parameters] or None
            self.tags = [tag] if tag else None
            if public:
                self.security = []
            for parameter in self.parameters or []:
                if isinstance(parameter, Parameter) and parameter.name in (described or {}):
                    parameter.description = (described or {})[parameter.name]

    return Documented


def json_answer(
    description: str,
    schema: dict[str, Any],
    media_type: str = JSON,
    headers: Mapping[str, Any] | None = None,
) -> OpenAPIResponse:
    """Return the response of a JSON body."""
    content = {media_type: OpenAPIMediaType(schema=Written(schema))}
    return OpenAPIResponse(description, headers=dict(headers or {}) or None, content=content)


def json_body(schema: dict[str, Any], example: msgspec.Struct | None = None) -> RequestBody:
    """Return the body of a request in JSON, with an example of it."""
    told = None
    if example is not None:
        told = {"example": Example(value=msgspec.json.decode(wire.encode(example)))}
    content = {JSON: OpenAPIMediaType(schema=Written(schema), examples=told)}  # type: ignore[arg-type]
    return RequestBody(required=True, content=content)


def file_body(media_types: Sequence[str]) -> RequestBody:
    """Return the body of a request that is a file of one of some media types."""
    file = Written({"type": "string", "format": "binary"})
    content = {media_type: OpenAPIMediaType(schema=file) for media_type in media_types}
    return RequestBody(required=True, content=content)


def sentence_of(shape: Any) -> str:
    """Return the first line of what a shape says of itself."""
    return (shape.__doc__ or "").partition("\n")[0] if isinstance(shape, type) else ""


def document_of(
    routes: Sequence[HTTPRouteHandler],
    title: str,
    description: str,
    components: Components,
    schemas: Mapping[str, Any],
    signing_in: Mapping[str, SecurityScheme] = SIGNING_IN,
) -> dict[str, Any]:
    """Return the document of a face's routes.

    The framework tells it of an application of its own, which serves nothing: in one that serves it
    answers every unknown path beside the document with a page of HTML.
    """
    components.security_schemes = dict(signing_in)
    told = Litestar(
        route_handlers=routes,
        openapi_config=OpenAPIConfig(
            title=title,
            version=__version__,
            description=description,
            use_handler_docstrings=True,
            components=components,
            security=[{name: []} for name in sorted(signing_in, reverse=True)],
        ),
        logging_config=None,
    )
    document: dict[str, Any] = told.openapi_schema.to_schema()
    document["components"]["schemas"] = dict(schemas)
    return document


def as_written(told: Any) -> Any:
    """Tell a decimal as the number that the wire makes of it, wherever it stands."""
    if isinstance(told, dict):
        if told.items() >= _DECIMAL.items():
            kept = {name: part for name, part in told.items() if name != "format"}
            return kept | {"type": "number"}
        return {name: as_written(part) for name, part in told.items()}
    if isinstance(told, list):
        return [as_written(part) for part in told]
    return told
