"""J01 health-check and J02 auth-test."""

from litestar import Response, get

from currant import wire
from currant.access.verbs import Nothing, who_am_i
from currant.api.http import AnyRequest, door_of, signed_in
from currant.api.juice.frame import MEDIA_TYPE, done
from currant.errors import Unavailable


@get("/health-check")
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
            "data": {"alive": False, "server_time": now},
        }
        return Response(
            wire.encode(body), status_code=503, media_type=MEDIA_TYPE, headers={"Retry-After": "5"}
        )
    return done({"alive": True, "server_time": now})


@get("/auth-test")
async def auth_test(request: AnyRequest) -> Response[bytes]:
    """J02: whether the credentials are good."""
    await door_of(request).ask(who_am_i, Nothing(), await signed_in(request))
    return done({"status": "OK"})


ROUTES = [health_check, auth_test]
