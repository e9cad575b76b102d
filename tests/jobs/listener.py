"""A head-end of the tests: a real listener that keeps what it is sent and answers as it is told."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

OK = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}"


class Listener:
    """What was sent, as (request line and headers, body); `answers` are used up in their order."""

    def __init__(self) -> None:
        self.sent: list[tuple[dict[str, str], Any]] = []
        self.answers: list[bytes] = []
        self.hangs = False
        self.url = ""
        self.delay = 0.0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().strip().split("\r\n")
                headers = dict(line.lower().split(": ", 1) for line in lines) | {"": first}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.sent.append((headers, json.loads(body)))
                if self.hangs:
                    await asyncio.sleep(60)
                await asyncio.sleep(self.delay)
                writer.write(self.answers.pop(0) if self.answers else OK)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    """Let a head-end listen on this machine for the block."""
    listener = Listener()
    server = await asyncio.start_server(listener.serve, "127.0.0.1", 0)
    listener.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/ami"
    yield listener
    server.close()
