"""A file on its way in, whichever entrance it comes by."""

import asyncio
from collections.abc import AsyncIterator
from typing import IO

_CHUNK_BYTES = 256 * 1024


class Upload:
    """A file that was received whole; the entrance that received it closes it.

    As text it is its size and SHA-256: so the audit log tells it, and an idempotency key compares.
    """

    def __init__(self, file: IO[bytes], sha256: str, size: int) -> None:
        self.file = file
        self.sha256 = sha256
        self.size = size

    def __str__(self) -> str:
        """Return the size and the SHA-256."""
        return f"{self.size} bytes, SHA-256 {self.sha256}"

    async def chunks(self) -> AsyncIterator[bytes]:
        """Read the file from its beginning, letting other requests have their turn."""
        self.file.seek(0)
        while chunk := self.file.read(_CHUNK_BYTES):
            yield chunk
            await asyncio.sleep(0)
