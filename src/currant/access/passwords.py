"""Passwords: argon2id at a chosen cost, and who was verified a moment ago."""

import asyncio
import hmac
import secrets
import time
from collections.abc import Callable

import argon2

from currant.errors import Invalid

_HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class Passwords:
    """Argon2id behind a semaphore, with a short memory of what was verified.

    A verified password is remembered for 60 seconds under an HMAC with a key of this process, so
    that a client that sends Basic credentials with every call does not pay for the hash each time.
    """

    def __init__(self) -> None:
        self.busy = asyncio.Semaphore(2)
        self.key = secrets.token_bytes(32)
        self.verified: dict[bytes, int] = {}
        self.nobody = _HASHER.hash(secrets.token_hex(8))

    async def match(
        self, stored: str | None, password: str, before: Callable[[], None] | None = None
    ) -> bool:
        """Tell whether a password has the stored hash; as slow where there is no such user.

        `before` is called before the hash is tried, and may raise.
        """
        told = f"{stored}\0{password}".encode("utf-8", "surrogatepass")
        mark = hmac.digest(self.key, told, "sha256")
        if self.verified.get(mark, 0) > time.monotonic_ns():
            return True
        if before is not None:
            before()
        async with self.busy:
            good = await asyncio.to_thread(self._verify, stored or self.nobody, password)
        if good and stored is not None:
            if len(self.verified) > 10_000:
                self.verified.clear()
            self.verified[mark] = time.monotonic_ns() + 60_000_000_000
            return True
        return False

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return _HASHER.verify(stored, password.encode("utf-8", "surrogatepass"))
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False


def hash_password(password: str) -> str:
    """Return the argon2id hash of a new password (19 MiB, 2 passes, 1 lane)."""
    if not 8 <= len(password) <= 200:
        raise Invalid("A password has 8 to 200 characters.", field="password")
    return _HASHER.hash(password)
