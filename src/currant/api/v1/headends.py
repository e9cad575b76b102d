"""Requests to meters: read, connect, disconnect, ask for the status, and what came back."""

from typing import Annotated, Any

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from currant.api.http import AnyRequest, door_of, json_of, signed_in
from currant.api.v1.frame import Cursor, IdempotencyKey, Limit, answer, cursor_of, page
from currant.api.v1.openapi import documented
from currant.errors import Invalid
from currant.headends.model import AskMeters, Command, MeterRequest, RequestState, RequestsWanted
from currant.headends.verbs import ask_meters, meter_requests

Serial = Annotated[str | None, QueryParameter(description="To the meter with this serial number.")]
_STATES = ", ".join(RequestState)
InState = Annotated[
    str | None, QueryParameter(name="state", description=f"In this state: one of {_STATES}.")
]


@post(
    "/v1/{portal:str}/meters/requests",
    operation_class=documented(
        MeterRequest,
        takes=AskMeters(Command.DISCONNECT, ["EX1000037"], "The seal is broken."),
        status=201,
        listed=True,
    ),
)
async def post_requests(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Ask up to 1,000 meters for one command, all or none; CONNECT and DISCONNECT need a reason."""
    actor = await signed_in(request, portal)
    command = await json_of(request, AskMeters)
    rows = await door_of(request).act(ask_meters, command, actor, idempotency_key)
    return answer({"data": rows}, 201)


@get("/v1/{portal:str}/meters/requests", operation_class=documented(MeterRequest, paged=True))
async def get_requests(
    request: AnyRequest,
    portal: FromPath[str],
    serial_number: Serial = None,
    in_state: InState = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response[Any]:
    """List the requests to meters with what came back, newest first."""
    actor = await signed_in(request, portal)
    state = None if in_state is None else _state(in_state)
    question = RequestsWanted(cursor_of(cursor), limit, serial_number, state)
    rows = await door_of(request).ask(meter_requests, question, actor)
    return page(rows, limit, lambda row: row.number)


def _state(text: str) -> RequestState:
    """Read a state. Raises `Invalid`."""
    try:
        return RequestState(text)
    except ValueError:
        raise Invalid(f"state is one of {_STATES}.", field="state") from None


ROUTES = [post_requests, get_requests]
