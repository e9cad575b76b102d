"""The installation's key, and the signature over the daily heads of the audit log.

Whoever can write to the database can also compute a hash chain; the key lies outside of it.
"""

import hmac
import os
import secrets
from datetime import date
from pathlib import Path


def audit_key(home: Path) -> bytes:
    """Return the key kept in a home, made on first use; only the home's owner can read it."""
    path = home / "audit.key"
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        new = home / f"audit.key.{secrets.token_hex(8)}"
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
        try:
            os.link(new, path)  # Of two that come first, one wins and both read the same key.
        except FileExistsError:
            pass
        finally:
            new.unlink()
    return path.read_bytes()


def sign(key: bytes, portal_id: int, day: date, number: int, head: bytes) -> bytes:
    """Return the HMAC-SHA256 of a head: its chain, its day, its number and its hash."""
    return hmac.digest(key, f"{portal_id} {day} {number} ".encode() + head, "sha256")
