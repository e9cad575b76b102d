"""The OpenAPI document of the native face."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import Components, OpenAPIResponse, Operation

from currant.api.http import INTERACTIVE_SECONDS
from currant.api.openapi import (
    JSON,
    Shapes,
    document_of,
    file_body,
    json_answer,
    json_body,
    operation,
    sentence_of,
)
from currant.batches.tenders import TENDERS
from currant.charges.model import ChargeStatus
from currant.clock import FIRST_YEAR, LAST_YEAR
from currant.errors import Fault
from currant.headends.model import Command, RequestState
from currant.intervals.model import FAULT_COLUMNS, KINDS
from currant.invoices.model import InvoiceStatus
from currant.runs.model import RUN_STATES

_WALLETS = ("currency", "units")
_REASONS = ("NOSITE", "BACKWARDS", "MULTIPLIER", "HIGH", "REPEATED")
_SHAPES = Shapes(
    {
        ("Vend", "tender"): TENDERS,
        ("Vended", "tender"): TENDERS,
        ("Vended", "wallet"): _WALLETS,
        ("Quoted", "wallet"): _WALLETS,
        ("Counted", "tender"): TENDERS,
        ("PayArrears", "tender"): TENDERS,
        ("Quarantined", "reason"): _REASONS,
        ("Released", "reason"): _REASONS,
        ("Unplaced", "reason"): tuple(FAULT_COLUMNS),
        ("Gap", "kind"): KINDS,
        ("MeterRequest", "command"): tuple(Command),
        ("MeterRequest", "state"): tuple(RequestState),
        ("InvoiceRow", "status"): tuple(InvoiceStatus),
        ("Charge", "status"): tuple(ChargeStatus),
        ("Run", "status"): RUN_STATES,
    }
)
_FILE = {"type": "string", "format": "binary"}
_TEXT: dict[str, Any] = {"type": "string"}
_DESCRIBED = {"portal": "The key of the portal, or an alias of it."}
_REFUSALS = {
    400: "The body cannot be read.",
    401: "The credentials are missing or wrong.",
    403: "The caller may not do this here.",
    404: "What was named does not exist.",
    409: "It is at odds with what is there.",
    410: "What was named is no more.",
    413: "The body is too large.",
    422: "A value is missing, of the wrong type or out of range.",
    429: "Too many requests; `Retry-After` says when the next is taken.",
    500: "Something unexpected happened here.",
    503: "The database cannot be reached, or it took too long.",
}
_OF_A_CHANGE = (400, 409, 410, 413)
_PROBLEM_SCHEMA = {
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
            "items": _SHAPES.schema_of(Fault),
            "description": "The bad records of a batch.",
        },
    },
}


def documented(
    answers: type[msgspec.Struct] | None = None,
    *,
    takes: msgspec.Struct | None = None,
    status: int = 200,
    listed: bool = False,
    paged: bool = False,
    changes: bool = False,
    takes_file: Sequence[str] = (),
    sends_file: str = "",
    text: str = "",
    within: int = INTERACTIVE_SECONDS,
) -> type[Operation]:
    """Document what a handler answers, and what it takes by an example of it.

    `listed`: it answers a list of them as `data`. `paged`: also `next`, the cursor of the page
    that follows. `changes`: it changes something, though it takes no body. `takes_file`: its body
    is a file of one of these media types; `sends_file`: it answers a file of that type. `text`: it
    answers a text, and this sentence says what it is. `within`: in how many seconds it is given up.
    """
    if answers is None:
        schema, media_type = _TEXT, "text/*"
    elif sends_file:
        schema, media_type = _FILE, sends_file
    else:
        schema, media_type = _SHAPES.schema_of(answers), JSON
    if listed or paged:
        members: dict[str, Any] = {"data": {"type": "array", "items": schema}}
        if paged:
            told = "The `cursor` of the page that follows; null where this is the last."
            members["next"] = {"type": ["string", "null"], "description": told}
        schema = {"type": "object", "required": list(members), "properties": members}
    body = None if takes is None else json_body(_SHAPES.schema_of(type(takes)), takes)
    if takes_file:
        body = file_body(takes_file)
    refusals = [code for code in _REFUSALS if body or changes or code not in _OF_A_CHANGE]
    responses = {status: json_answer(text or sentence_of(answers), schema, media_type)}
    return operation(
        responses | {code: _refusal(code) for code in refusals},
        body=body,
        described=_DESCRIBED,
        within=within,
    )


def v1_document(routes: Sequence[HTTPRouteHandler]) -> dict[str, Any]:
    """Return the document of the native face."""
    document = document_of(
        routes,
        "Currant",
        "The native API: what the compatible ones lack. A parameter that a path does not have is"
        " refused, and so is a parameter or a member that is sent twice. Days are of the years"
        f" {FIRST_YEAR} to {LAST_YEAR}.",
        Components(),
        _SHAPES.components() | {"Problem": _PROBLEM_SCHEMA},
    )
    for path, operations in document["paths"].items():
        _, _, _, collection, *_ = path.split("/")  # /v1/{portal}/vends/…
        for told in operations.values():
            told["tags"] = [collection.replace("-", " ").capitalize()]
    return document


def _refusal(code: int) -> OpenAPIResponse:
    problem = {"$ref": "#/components/schemas/Problem"}
    return json_answer(_REFUSALS[code], problem, "application/problem+json")
