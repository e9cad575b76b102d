"""The dispatcher: `/v1` goes to the native face, Utilmate's paths to its own, the rest to Juice."""

from contextlib import AsyncExitStack
from typing import Any

import structlog
from granian.utils.proxies import wrap_asgi_with_proxy_headers

from currant.api.http import App, Receive, Scope, Send
from currant.api.juice.app import juice_app
from currant.api.limits import Limits
from currant.api.utilmate.app import is_ours, utilmate_app
from currant.api.v1.app import v1_app
from currant.clock import Clock, SystemClock
from currant.db.database import refuse_unfit
from currant.db.tx import open_pool
from currant.door import Door
from currant.garbage import collect_rarely
from currant.settings import Settings, settings

log = structlog.get_logger()


def make_app(config: Settings | None = None, clock: Clock | None = None) -> App:
    """Return the ASGI application; it opens its pool at start-up and closes it at the end."""
    chosen = config or settings()
    stack = AsyncExitStack()
    faces: dict[str, Any] = {}

    async def start() -> None:
        if chosen.database_url is None:
            raise RuntimeError("The server is given its database's URL by `currant serve`.")
        await refuse_unfit(chosen.database_url)
        pool = await stack.enter_async_context(
            await open_pool(chosen.database_url, size=chosen.pool_size)
        )
        door = Door(pool, clock or SystemClock())
        limits = Limits(chosen)
        faces["v1"] = v1_app(door, limits)
        faces["utilmate"] = utilmate_app(door, limits)
        faces["juice"] = juice_app(door, chosen, limits)
        collect_rarely()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send, start, stack.aclose)
            return
        await faces[_face_of(scope["path"])](scope, receive, send)

    if chosen.forwarded_by:
        behind: App = wrap_asgi_with_proxy_headers(app, chosen.forwarded_by)
        return behind
    return app


def _face_of(path: str) -> str:
    if path == "/v1" or path.startswith("/v1/"):
        return "v1"
    return "utilmate" if is_ours(path) else "juice"


async def _lifespan(receive: Receive, send: Send, start: Any, stop: Any) -> None:
    """Answer the server's start and stop."""
    await receive()
    try:
        await start()
    except Exception as error:  # the server must be told why it cannot start
        log.exception("cannot start")
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        return
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await stop()
    await send({"type": "lifespan.shutdown.complete"})
