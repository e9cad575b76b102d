"""The OpenAPI document of the Utilmate face, told from the register of its methods.

Each method is an operation of its alias; what the RPC path takes is one of all their calls.
"""

from collections.abc import Mapping, Sequence
from typing import Any

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
    SecurityScheme,
)

from currant.api.envelope import FAILURES
from currant.api.http import FILE_SECONDS, INTERACTIVE_SECONDS
from currant.api.openapi import (
    SIGNING_IN,
    Shapes,
    Written,
    document_of,
    json_answer,
    json_body,
    operation,
)
from currant.api.utilmate.methods import REGISTER, Method, Row, Total
from currant.api.utilmate.parameters import Sent

_SIGNING_IN = SIGNING_IN | {
    "Key": SecurityScheme(
        type="http",
        scheme="bearer",
        description="An access key; `currant key create` gives one. Users need `utilmate.api`.",
    )
}
_SECTIONS = {
    "GETACCREC GETADJUST GETJOURNALS GETRECEIPT POSTRECEIPT POSTADJUSTMENT": "Accounts",
    "GETINVOICE GETINVOICEPDF GETINVDET GETRANGEINV POSTCHARGE": "Invoices",
    "GETCUST GETCUSTDET POSTCUST POSTMOVEIN POSTMOVEOUT POSTPROVISION": "Customers",
    "GETBUILDINGLIST GETMETER GETSITELIST GETLOSS GETSITE POSTSITE": "Sites",
    "GETREADS GETUSAGE GETUTILITYUSAGE POSTREAD": "Usage",
    "GETPRICES GETALLACCNTPP GETACCNTPRICE GETCUSTOMERPRICING": "Prices",
    "GETWORKORDER POSTACTIVITY UPDATEWORKORDER": "Work",
    "GETREPORT GETRPTLIS GETALLRPTLIS": "Reports",
}
_FLAG = {"type": "string", "enum": ["Y", "N"]}
_COMPANY = Parameter(
    name="companycode",
    param_in="query",
    description="The company: the portal's key or an alias, in any case. Without it the caller's.",
    schema=Written({"type": "string"}),
)
_IDEMPOTENCY_KEY = Parameter(
    name="Idempotency-Key",
    param_in="header",
    description="Repeats of a request with its key are answered as the first was.",
    schema=Written({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}),
)
_HEADERS: dict[str, tuple[str, dict[str, Any]]] = {
    "Status": ("The status in words, such as `200 OK`.", {"type": "string"}),
    "X-Content-Type-Options": ("Not to be guessed.", {"const": "nosniff"}),
    "Cache-Control": ("For how long the answer is good.", {"type": "string"}),
    "Content-Length": ("The bytes of the body.", {"type": "integer", "minimum": 0}),
    "Date": ("When it was answered.", {"type": "string"}),
}
_SHAPES = Shapes()


def documented(method: Method, verb: str) -> type[Operation]:
    """Document the alias of a method, by the verb of HTTP that it is called with."""
    schema = _schema_of(method.takes)
    asking = verb == "GET"
    parameters = _in_the_query(schema) if asking else [_IDEMPOTENCY_KEY] * (not method.asks)
    items = {"anyOf": [_ref(method), {"type": "array", "items": _ref(method), "maxItems": 1000}]}
    codes = set(FAILURES) - ({400} if asking else set())
    responses: dict[int, OpenAPIResponse | Reference] = {200: _success(method)}
    responses |= {code: Reference(f"#/components/responses/{code}") for code in sorted(codes)}
    return operation(
        responses,
        named=method.code if asking or not method.asks else f"{method.code}-items",
        body=None if asking else json_body(items),
        parameters=[_COMPANY, *parameters],
        tag=next(tag for codes_of, tag in _SECTIONS.items() if method.code in codes_of.split()),
        within=FILE_SECONDS if method.long else INTERACTIVE_SECONDS,
        calls=method.calls,
    )


def documented_call() -> type[Operation]:
    """Document the RPC path, by which every method is called."""
    rows = {"type": "array", "items": {"type": "object", "additionalProperties": True}}
    members = {
        "error": {"type": "integer", "const": 0},
        "methodcode": {"type": "string"},
        "data": rows,
        "summary": {"type": "object", "additionalProperties": True},
    }
    schema = {"type": "object", "required": ["error", "methodcode", "data"], "properties": members}
    answer = json_answer("What the alias of the method answers.", schema, headers=_standing())
    if answer.content:
        answer.content["application/pdf"] = _pdf()
    calls = [
        {
            "type": "object",
            "title": method.code,
            "required": ["companycode", "methodcode", "parameters"],
            "properties": {
                "companycode": {"type": "string"},
                "methodcode": {"const": method.code},
                "parameters": {"anyOf": [_ref(method), {"type": "array", "items": _ref(method)}]},
            },
        }
        for method in REGISTER.values()
    ]
    responses: dict[int, OpenAPIResponse | Reference] = {200: answer}
    responses |= {code: Reference(f"#/components/responses/{code}") for code in FAILURES}
    return operation(
        responses,
        named="post",
        body=json_body({"oneOf": calls}),
        parameters=[_IDEMPOTENCY_KEY],
        tag="RPC",
        within=FILE_SECONDS,
    )


def utilmate_document(routes: Sequence[HTTPRouteHandler]) -> dict[str, Any]:
    """Return the document of the Utilmate face."""
    headers: dict[str, OpenAPIHeader | Reference] = {
        name: OpenAPIHeader(schema=Written(schema), description=told, required=True)
        for name, (told, schema) in _HEADERS.items()
    }
    shapes = {method.takes.__name__: _schema_of(method.takes) for method in REGISTER.values()}
    document = document_of(
        routes,
        "Utilmate API library",
        "Every answer is `error`, `data`, which is a list, and the code of the method; with"
        " `error_message` where `error` is not 0.",
        Components(headers=headers, responses={str(code): _failure(code) for code in FAILURES}),
        _SHAPES.components() | shapes,
        _SIGNING_IN,
    )
    for path in document["paths"].values():
        for told in path.values():
            code = told["operationId"].removesuffix("-items")
            if code in REGISTER:
                needed = [one.value for one in REGISTER[code].permissions if one]
                told["x-permission"] = needed[0] if len(needed) == 1 else needed
    return document


def _success(method: Method) -> OpenAPIResponse:
    """Return the response of what was done: rows in the envelope, or a file as it is."""
    members: dict[str, Any] = {
        "error": {"type": "integer", "const": 0},
        "methodcode": {"const": method.code},
        "data": {"type": "array", "items": _any_of([_row(shape) for shape in method.rows])},
    }
    required = list(members)
    summary = method.summary or (Total if method.bulk else None)
    if summary is not None:
        one = _SHAPES.schema_of(summary)
        each = {"items": {"type": "array", "items": one}}
        members["summary"] = _any_of(
            [one, {"type": "object", "required": ["items"], "properties": each}]
        )
    schema = {"type": "object", "required": required, "properties": members}
    answer = json_answer(method.sentence, schema, headers=_standing())
    if method.raw and answer.content:
        answer.content["application/pdf"] = _pdf()
    return answer


def _row(shape: type[Row]) -> dict[str, Any]:
    """Return the schema of a row; of one that is open, what it says of itself."""
    if not shape.open:
        return _SHAPES.schema_of(shape)
    told = " ".join((shape.__doc__ or "").split())
    return {"type": "object", "description": told, "additionalProperties": True}


def _any_of(schemas: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return schemas[0] if len(schemas) == 1 else {"anyOf": list(schemas)}


def _pdf() -> OpenAPIMediaType:
    return OpenAPIMediaType(schema=Written({"type": "string", "format": "binary"}))


def _failure(status: int) -> OpenAPIResponse:
    """Return the response of what was not done."""
    code, description = FAILURES[status]
    members: dict[str, Any] = {
        "error": {"type": "integer", "enum": [200, code]} if status == 404 else {"const": code},
        "error_message": {"type": "string", "description": "What happened, and what to do."},
        "methodcode": {"type": "string"},
        "data": {"type": "array", "maxItems": 0},
    }
    required = ["error", "error_message", "data"]
    schema = {"type": "object", "required": required, "properties": members}
    headers: dict[str, Any] = _standing()
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


def _ref(method: Method) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{method.takes.__name__}"}


def _in_the_query(schema: Mapping[str, Any]) -> list[Parameter]:
    """Return the parameters of a method as those of a query string."""
    return [
        Parameter(
            name=name,
            param_in="query",
            description=told.get("description"),
            required=name in schema.get("required", ()),
            schema=Written(told),
        )
        for name, told in schema["properties"].items()
    ]


def _schema_of(shape: type[Sent]) -> dict[str, Any]:
    """Return the schema of what a method is sent; it stands whole, with the shapes within."""
    (_,), parts = msgspec.json.schema_components([shape], ref_template="{name}")
    told: dict[str, Any] = _whole(parts[shape.__name__], parts)
    for how, options in (("oneOf", shape.one_of), ("anyOf", shape.any_of)):
        if options:
            told[how] = [{"required": [name]} for name in options]
            which = "One of these is sent" if how == "oneOf" else "At least one is sent"
            told["description"] = f"{told.get('description', '')} {which}: {', '.join(options)}."
    return told


def _whole(node: Any, parts: Mapping[str, Any]) -> Any:
    """Put the shapes in the place of their names, and tell kinds as they are sent."""
    if isinstance(node, list):
        return [_whole(part, parts) for part in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _whole(parts[node["$ref"]], parts)
    if node.get("default", "") is None and "anyOf" in node:  # Null is what is left out.
        (told,) = [one for one in node["anyOf"] if one.get("type") != "null"]
        return _whole(told | {name: node[name] for name in node.keys() & {"description"}}, parts)
    return {name: _whole(part, parts) for name, part in _as_sent(node).items() if part is not None}


def _as_sent(node: dict[str, Any]) -> dict[str, Any]:
    """Tell a flag as Y or N, a number as one, a day by its pattern."""
    told = dict(node)
    if node.get("type") == "boolean":
        del told["type"]
        told |= _FLAG | ({"default": "Y" if node["default"] else "N"} if "default" in node else {})
    elif node.get("format") == "decimal":
        told["type"] = "number"
        del told["format"]
    elif node.get("format") == "date":
        del told["format"]
    return told
