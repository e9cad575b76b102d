"""How the Juice face speaks: its envelope and its own headers (conformance.md 1.1-1.3)."""

from collections.abc import AsyncIterable, AsyncIterator
from typing import Any

from litestar import Response
from litestar.exceptions import HTTPException

from currant import wire
from currant.api.envelope import MEDIA_TYPE, refused, refused_by_http
from currant.api.http import AnyRequest, Ready, written
from currant.errors import Refusal

VERSION = (b"x-juice-media-type", b"juice.v1")
_CHALLENGE = 'Basic realm="Juice", charset="UTF-8"'


def done(data: Any = None, *, warning: str | None = None) -> Response[bytes]:
    """Answer success: `{"error": 0, "data": …}`, without `data` where there is none."""
    body = {"error": 0} if data is None else {"error": 0, "data": data}
    headers = {} if warning is None else {"X-Juice-Warning": warning}
    return Ready(wire.encode(body), media_type=MEDIA_TYPE, headers=headers)


async def done_each(
    data: AsyncIterable[bytes], *, within: str | None = None, warning: str | None = None
) -> Response[bytes]:
    """Answer success with a long list, of which never more than a part is held here.

    `data` is its JSON in pieces; `within` names the member of an object that it stands in.
    """

    async def body() -> AsyncIterator[bytes]:
        yield b'{"error":0,"data":' + (b'{"%b":' % within.encode() if within else b"")
        async for piece in data:
            yield piece
        yield b"}}" if within else b"}"

    headers = {} if warning is None else {"X-Juice-Warning": warning}
    return await written(body(), MEDIA_TYPE, headers)


def on_refusal(request: AnyRequest, refusal: Refusal) -> Response[bytes]:
    """Say a refusal in the envelope."""
    return refused(request, refusal, _CHALLENGE)


def on_http(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """Say what the framework refused."""
    return refused_by_http(request, error)
