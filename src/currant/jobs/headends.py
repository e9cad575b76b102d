"""Requests to meters on their way out: sent to their head-ends, tried again, timed out.

A request is posted outside any transaction. It is taken first and told of afterwards, so one that a
crash comes between is posted again: a head-end knows it by its `uuid`. What a head-end does not
answer within five seconds is tried again; its answer to the post says only that it took the
request, the result comes by the callback (J06).
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC
from urllib.parse import urlencode
from uuid import UUID

import httpx
import msgspec
import structlog

from currant import wire
from currant.access.model import AUTO
from currant.access.verbs import Nothing
from currant.clock import format_instant
from currant.door import Door
from currant.headends.model import HeadEndWaited, Outgoing, Sent, TellSent
from currant.headends.verbs import head_ends_waited, portals_overdue, tell_sent, time_out
from currant.jobs.lanes import Lanes
from currant.prepayment.verbs import requests_to_send

log = structlog.get_logger()

POST_SECONDS = 5
ANSWER_BYTES = 64 * 1024

_AT_ONCE = 16
_MOST_TOLD = 200  # characters of what a head-end says


class Posted(msgspec.Struct, frozen=True, omit_defaults=True):
    """A request as a head-end is sent it, with what is known of its meter (readings in Wh)."""

    uuid: UUID
    command: str
    serial_number: str
    device_id: str
    portal: str
    source: str
    callback: str
    meter_state: str = ""
    last_reading: int | None = None
    last_read_timestamp: str | None = None


class Sender:
    """Sends what waits: each head-end by a task of its own, so that a slow one delays no other."""

    def __init__(self, door: Door, public_url: str) -> None:
        self._door = door
        self._client: httpx.AsyncClient | None = None
        self._callback = f"{public_url.rstrip('/')}/meters/ami-control/callback"
        self._lanes = Lanes(self._send_batch, _failed)

    async def look(self) -> None:
        """Begin to send what is due; of a head-end that is being sent to, go on after that."""
        self._lanes.begin(await self._door.ask(head_ends_waited, Nothing(), AUTO))

    async def rest(self) -> None:
        """Wait until nothing is being sent."""
        await self._lanes.rest()

    async def close(self) -> None:
        """Let what is being sent end within a moment; what does not is sent again later."""
        await self._lanes.close()
        if self._client is not None:
            await self._client.aclose()

    async def _send_batch(self, waited: HeadEndWaited) -> bool:
        """Send a batch; say whether more may be sent at once: not where all of it failed."""
        actor = AUTO.at(waited.portal)
        batch = await self._door.act(requests_to_send, waited.source, actor)
        if not batch:
            return False
        free = asyncio.Semaphore(_AT_ONCE)

        async def send(request: Outgoing) -> Sent:
            async with free:
                return Sent(request.request_id, await self._trouble(waited, request))

        sent = await asyncio.gather(*map(send, batch))
        await self._door.act(tell_sent, TellSent(sent), actor)
        return not all(one.trouble for one in sent)

    async def _trouble(self, waited: HeadEndWaited, request: Outgoing) -> str:
        """Post a request; return why that failed, or nothing."""
        query = urlencode({"portal": waited.portal, "source": waited.source})
        read_at = request.read_at
        posted = Posted(
            uuid=request.request_id,
            command=request.command,
            serial_number=request.serial_number,
            device_id=request.device_id,
            portal=waited.portal,
            source=waited.source,
            callback=f"{self._callback}?{query}",
            meter_state=request.meter_state,
            last_reading=request.read_wh,
            last_read_timestamp=None if read_at is None else format_instant(read_at, UTC),
        )
        headers = {"Content-Type": "application/json"}
        if request.token:
            headers["Authorization"] = f"Bearer {request.token}"
        trouble = await self._posting(request.url, wire.encode(posted), headers)
        return trouble.replace(request.token, "…") if request.token else trouble

    async def _posting(self, url: str, body: bytes, headers: dict[str, str]) -> str:
        try:
            async with asyncio.timeout(POST_SECONDS):
                return await self._post(url, body, headers)
        except TimeoutError:
            return f"did not answer within {POST_SECONDS} seconds"
        except Exception as error:  # noqa: BLE001  # whatever it is, it is told with the request
            return f"cannot be reached: {_printable(str(error)) or type(error).__name__}"

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> str:
        if self._client is None:
            self._client = _new_client()
        async with self._client.stream("POST", url, content=body, headers=headers) as answer:
            said = b""
            async for chunk in answer.aiter_raw():
                said += chunk
                if len(said) >= ANSWER_BYTES:
                    break
            if answer.is_success:
                return ""
            told = _printable(said[:_MOST_TOLD].decode(errors="replace"))
            return f"answered {answer.status_code} {told}".strip()


@asynccontextmanager
async def sending(door: Door, public_url: str) -> AsyncIterator[Sender]:
    """Open what sends requests for the block; answers are asked for at the public URL."""
    sender = Sender(door, public_url)
    try:
        yield sender
    finally:
        await sender.close()


async def time_out_all(door: Door) -> int:
    """Give up waiting for overdue answers in every portal; return how many those were."""
    return sum(
        [
            await door.act(time_out, Nothing(), AUTO.at(portal))
            for portal in await door.ask(portals_overdue, Nothing(), AUTO)
        ]
    )


def _failed(waited: HeadEndWaited, error: Exception) -> None:
    """Log why a batch was not sent; it is tried again at the next look."""
    log.error("requests were not sent", exc_info=error, reason=str(error), source=waited.source)


def _new_client() -> httpx.AsyncClient:
    """Return what posts: it follows no redirect and uses no proxy, for a URL says where to post.

    Certificates are held against the machine's own authorities.
    """
    return httpx.AsyncClient(
        timeout=POST_SECONDS,
        follow_redirects=False,
        trust_env=False,
        verify=ssl.create_default_context(),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=64),
    )


def _printable(text: str) -> str:
    """Return a text in one line of what can be printed and stored."""
    return "".join(c if c.isprintable() else " " for c in text[:_MOST_TOLD]).strip()
