"""J06 callback of a head-end."""

from decimal import Decimal
from enum import StrEnum
from uuid import UUID

import msgspec
from litestar import Response, post

from currant.api.http import AnyRequest, Query, door_of, json_of, key_of, signed_in
from currant.api.juice.frame import done
from currant.api.juice.openapi import PORTAL, documented, parameter
from currant.headends.model import AnsweredItem, AnswerRequest
from currant.headends.verbs import answer_request


class Result(StrEnum):
    """Whether a request succeeded."""

    SUCCESS = "success"
    FAIL = "fail"


class CallbackItem(msgspec.Struct, frozen=True):
    """What the body of J06 tells of a meter."""

    serial_number: str
    reading: Decimal | None = None
    read_timestamp: str | None = None
    meter_state: str | None = None


class Callback(msgspec.Struct, frozen=True):
    """The body of J06."""

    uuid: UUID
    command: str
    result: Result | None = None
    error_code: int | None = None
    error_msg: str | None = None
    data: list[CallbackItem] | None = None


@post(
    "/meters/ami-control/callback",
    status_code=200,
    operation_class=documented(
        "J06",
        parameters=(
            PORTAL,
            parameter("source", "The head-end that answers.", required=True, example="multispeak"),
        ),
        takes=Callback,
        names=True,
        warns=True,
        calls=(answer_request,),
    ),
)
async def post_callback(request: AnyRequest) -> Response[bytes]:
    """J06: a head-end's answer to a request; without a result, an error code is a failure."""
    query = Query(request.scope)
    actor = await signed_in(request, query.text("portal"))
    source = query.text("source")
    body = await json_of(request, Callback)
    result = body.result or (Result.FAIL if body.error_code else Result.SUCCESS)
    command = AnswerRequest(
        source=source,
        request_id=body.uuid,
        command=body.command,
        succeeded=result is Result.SUCCESS,
        error_code=body.error_code or 0,
        error_msg=body.error_msg or "",
        items=[
            AnsweredItem(
                item.serial_number, item.reading, item.read_timestamp or "", item.meter_state or ""
            )
            for item in body.data or ()
        ],
    )
    answered = await door_of(request).act(answer_request, command, actor, key_of(request))
    return done(warning="nonstandard-offset" if answered.nonstandard_offset else None)


ROUTES = [post_callback]
