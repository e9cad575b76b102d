"""J01 health-check and J02 auth-test."""

import msgspec
from litestar import Response, get

from currant import wire
from currant.access.verbs import Nothing, who_am_i
from currant.api.envelope import MEDIA_TYPE
from currant.api.http import AnyRequest, Ready, door_of, signed_in
from currant.api.juice.frame import done
from currant.api.juice.openapi import Moment, documented
from currant.errors import Unavailable


class Health(msgspec.Struct, frozen=True):
    """Whether the service is alive."""

    alive: bool
    server_time: Moment


class SignedIn(msgspec.Struct, frozen=True):
    """That the credentials are good."""

    status: str


@get(
    "/health-check",
    operation_class=documented("J01", Health, public=True, without=(429,), unavailable=Health),
)
async def health_check(request: AnyRequest) -> Response[bytes]:
    """J01: whether the service and its database answer, with no credentials."""
    door = door_of(request)
    now = door.clock.now().isoformat(timespec="microseconds")
    try:
        await door.alive()
    except Unavailable as away:
        body = {
            "error": 300,
            "error_message": away.message,
            "data": Health(alive=False, server_time=now),
        }
        headers = {"Retry-After": str(away.retry_after)}
        return Ready(wire.encode(body), status_code=503, media_type=MEDIA_TYPE, headers=headers)
    return done(Health(alive=True, server_time=now))


@get("/auth-test", operation_class=documented("J02", SignedIn, calls=(who_am_i,)))
async def auth_test(request: AnyRequest) -> Response[bytes]:
    """J02: whether the credentials are good."""
    await door_of(request).ask(who_am_i, Nothing(), await signed_in(request))
    return done(SignedIn("OK"))


ROUTES = [health_check, auth_test]
