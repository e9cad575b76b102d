"""The OpenAPI document of the Juice face: what a route declares is what it takes and answers.

    @get(
        "/customers/get-customer",
        operation_class=documented(
            "J15", CustomerDetails, calls=(show_customer,), parameters=(PORTAL, ACCOUNT), names=True
        ),
    )

`CustomerDetails` is the Struct (or `list` or `dict` of Structs) that the handler gives to `done`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import (
    Components,
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Parameter,
    Reference,
    RequestBody,
)

from currant.access.permissions import NEEDED, Permission
from currant.api.envelope import FAILURES
from currant.api.http import INTERACTIVE_SECONDS
from currant.api.openapi import (
    JSON,
    Shapes,
    Written,
    document_of,
    json_answer,
    json_body,
    operation,
    sentence_of,
)
from currant.csvfile import Column

Instant = Annotated[
    str,
    msgspec.Meta(
        description="RFC 3339, whole seconds, in the zone of the portal.",
        extra_json_schema={"format": "date-time"},
    ),
]
Moment = Annotated[
    str,
    msgspec.Meta(
        description="RFC 3339 with fractions of a second, in UTC.",
        extra_json_schema={"format": "date-time"},
    ),
]
Money = Annotated[
    str,
    msgspec.Meta(
        description="In the currency of the portal: the sign, its symbol, grouped digits.",
        examples=["$1,765.75", "-$12.50"],
    ),
]
Flag = Annotated[int, msgspec.Meta(ge=0, le=1, description="1 for yes, 0 for no.")]

_SECTIONS = {
    "J01": "System",
    "J03": "Meters",
    "J09": "Importer",
    "J15": "Customers",
    "J18": "Arrears",
    "J22": "Locations",
    "J23": "Tariffs",
    "J29": "Transactions",
    "J32": "System users",
}
_HEADERS: dict[str, tuple[str, dict[str, Any]]] = {
    "Status": ("The status in words, such as `200 OK`.", {"type": "string"}),
    "X-Juice-Media-Type": ("The version of the API.", {"const": "juice.v1"}),
    "X-Content-Type-Options": ("Not to be guessed.", {"const": "nosniff"}),
    "Cache-Control": ("For how long the answer is good.", {"type": "string"}),
    "Content-Length": ("The bytes of the body.", {"type": "integer", "minimum": 0}),
    "Date": ("When it was answered.", {"type": "string"}),
}
_WARNING = (
    "What was mended to read the request: `csv-header-repaired`, `nonstandard-offset`; what a"
    " reversal left behind: `wallet-below-zero`, `batch-closed`."
)
_SHAPES = Shapes()


def parameter(
    name: str,
    description: str,
    *,
    required: bool = False,
    words: Sequence[str] = (),
    example: str | None = None,
    place: str = "query",
    **schema: Any,
) -> Parameter:
    """Declare a parameter; `schema` is its JSON Schema, text where nothing else is said."""
    told: dict[str, Any] = {"type": "string"} | schema
    if words:
        told["enum"] = list(words)
    if required and told["type"] == "string":
        told["minLength"] = 1
    return Parameter(
        name=name,
        param_in=place,
        description=description,
        required=required or place == "path",
        schema=Written(told),
        example=example,
    )


def flag(name: str, description: str) -> Parameter:
    """Declare a boolean parameter, which is false where it is left out."""
    return parameter(name, description, type="boolean", default=False)


PORTAL = parameter(
    "portal", "The key of the portal, or an alias of it.", required=True, example="example"
)
ACCOUNT = parameter("account", "The account of a customer.", required=True, example="03280")
SERIAL_NUMBER = parameter(
    "serialnumber", "The serial number of a meter.", required=True, example="1234abcde"
)
FOREIGN_KEYS = flag("foreignkeys", "Whether accounts are also named by their key with the utility.")
PAGE = (
    parameter(
        "limit",
        "How many rows; all of them where it is left out.",
        type="integer",
        minimum=0,
        maximum=2**31 - 1,
    ),
    parameter("offset", "Beyond how many rows.", type="integer", minimum=0, maximum=2**31 - 1),
)
IDEMPOTENCY_KEY = parameter(
    "Idempotency-Key",
    "Repeats of a request with its key are answered as the first was.",
    place="header",
    minLength=1,
    maxLength=255,
    pattern="^[!-~]+$",
)


class CsvBody(msgspec.Struct, frozen=True):
    """A CSV file with a header row, in UTF-8; it is taken whatever its Content-Type says.

    `files` are the columns of each kind of file, by what the query calls it. `json` is the type
    that is taken instead where the query says so.
    """

    files: Mapping[str, Sequence[Column]]
    example: str
    json: Any = None


def documented(
    number: str,
    answers: Any = None,
    *,
    calls: Sequence[Callable[..., Any]] = (),
    parameters: Sequence[Parameter] = (),
    takes: type[msgspec.Struct] | CsvBody | None = None,
    names: bool = False,
    warns: bool = False,
    public: bool = False,
    without: Sequence[int] = (),
    unavailable: Any = None,
    within: int = INTERACTIVE_SECONDS,
) -> type[Operation]:
    """Document an endpoint by its number, the type of its `data`, and what it takes.

    `calls`: the verb or view that it asks the door for, several where the request says which; what
    they need is told as `x-permission`. `names`: it names something that may not exist. `warns`: it
    may answer `X-Juice-Warning`. `public`: anybody may ask. `without`: failures that cannot occur
    there. `unavailable`: the type of the `data` that it tells with 503.
    `within`: in how many seconds it is given up.
    """
    failures = {400, 401, 403, 404, 406, 429, 500, 503} - set(without)
    failures -= set() if takes else {400}
    failures -= set() if names else {404}
    failures -= {401} if public else set()
    failures -= set() if parameters or takes else {403, 406}
    responses: dict[int, OpenAPIResponse | Reference] = {200: _success(answers, warns=warns)}
    responses |= {code: Reference(f"#/components/responses/{code}") for code in sorted(failures)}
    if unavailable is not None:
        responses[503] = _failure(503, unavailable)
    return operation(
        responses,
        named=number,
        body=_body(takes),
        parameters=[*parameters, IDEMPOTENCY_KEY] if takes else parameters,
        tag=next(name for first, name in reversed(_SECTIONS.items()) if number >= first),
        public=public,
        within=within,
        calls=calls,
    )


def juice_document(
    routes: Sequence[HTTPRouteHandler], *, public_meter_list: bool
) -> dict[str, Any]:
    """Return the document of the Juice face, as the deployment has it."""
    headers: dict[str, OpenAPIHeader | Reference] = {
        name: OpenAPIHeader(schema=Written(schema), description=told, required=True)
        for name, (told, schema) in _HEADERS.items()
    }
    document = document_of(
        routes,
        "JuiceAPI v11.5.0",
        "Every answer is `error`, with `error_message` where it is not 0 and `data` where it is.",
        Components(
            headers=headers,
            responses={str(code): _failure(code) for code in FAILURES},
        ),
        _SHAPES.components(),
    )
    document["paths"] = dict(sorted(document["paths"].items(), key=_number))
    needed = permissions_of(routes)
    for path in document["paths"].values():
        for told in path.values():
            told["x-permission"] = needed[told["operationId"]]
    if not public_meter_list:
        listed = document["paths"]["/meters/get-meters"]["get"]
        del listed["security"]
        listed["responses"]["401"] = {"$ref": "#/components/responses/401"}
    return document


def permissions_of(routes: Sequence[HTTPRouteHandler]) -> dict[str, str]:
    """Return the permission that each endpoint needs, by its number.

    Blank is one that every signed-in user has, `public` asks for no credentials.
    """
    needed = {}
    for route in routes:
        declared: Any = route.operation_class
        # Several verbs of one endpoint need the same, but where one of them anybody may do.
        asked = {NEEDED[verb].value for verb in declared.asks} - {Permission.ANY_USER.value}
        nobodys = Permission.PUBLIC if declared.anybodys else Permission.ANY_USER
        (needed[declared.number],) = asked or {nobodys.value}
    return needed


def _number(path: tuple[str, dict[str, Any]]) -> str:
    return min(str(operation["operationId"]) for operation in path[1].values())


def _success(answers: Any, *, warns: bool) -> OpenAPIResponse:
    """Return the response of what was done: the envelope around the type of its `data`."""
    members: dict[str, Any] = {"error": {"type": "integer", "const": 0}}
    if answers is not None:
        members["data"] = _SHAPES.schema_of(answers)
    schema = {"type": "object", "required": list(members), "properties": members}
    headers = _standing()
    if warns:
        headers["X-Juice-Warning"] = OpenAPIHeader(
            schema=Written({"type": "string"}), description=_WARNING
        )
    return json_answer(sentence_of(answers) or "It is done.", schema, headers=headers)


def _failure(status: int, data: Any = None) -> OpenAPIResponse:
    """Return the response of what was not done."""
    code, description = FAILURES[status]
    error = {"type": "integer", "enum": [200, code]} if status == 404 else {"const": code}
    members: dict[str, Any] = {
        "error": error,
        "error_message": {"type": "string", "description": "What happened, and what to do."},
    }
    if data is not None:
        members["data"] = _SHAPES.schema_of(data)
    schema = {"type": "object", "required": list(members), "properties": members}
    headers = _standing()
    if status == 401:
        headers["WWW-Authenticate"] = OpenAPIHeader(
            schema=Written({"type": "string"}), description="How to sign in.", required=True
        )
    if status in (429, 503):
        headers["Retry-After"] = OpenAPIHeader(
            schema=Written({"type": "integer", "minimum": 1}),
            description="In how many seconds to try again.",
            required=True,
        )
    return json_answer(description, schema, headers=headers)


def _standing() -> dict[str, OpenAPIHeader | Reference]:
    return {name: Reference(f"#/components/headers/{name}") for name in _HEADERS}


def _body(takes: type[msgspec.Struct] | CsvBody | None) -> RequestBody | None:
    if takes is None:
        return None
    if not isinstance(takes, CsvBody):
        return json_body(_SHAPES.schema_of(takes))
    told: dict[str, Any] = {
        "type": "string",
        "description": " ".join(
            [
                "A header row and records, by RFC 4180.",
                *(_file(*file) for file in takes.files.items()),
            ]
        ),
        "examples": [takes.example],
        "x-columns": {
            kind: [column.name for column in columns] for kind, columns in takes.files.items()
        },
    }
    content = {"text/csv": OpenAPIMediaType(schema=Written(told))}
    if takes.json is not None:
        content[JSON] = OpenAPIMediaType(schema=Written(_SHAPES.schema_of(takes.json)))
    return RequestBody(required=True, content=content)


def _file(kind: str, columns: Sequence[Column]) -> str:
    """Tell the columns of a kind of file."""
    named = [f"`{column.name}`{' (required)' * column.required}" for column in columns]
    return f"Columns{kind and f' of {kind}'}: {', '.join(named)}."
