"""The shapes of the proof: the key, the heads of days, and what is wrong with the log."""

from datetime import date

import msgspec


class AuditKey(msgspec.Struct, frozen=True):
    """The installation's key that the daily heads of the audit log are signed with."""

    secret: bytes


class UnsignedHead(msgspec.Struct, frozen=True):
    """The last seal of a chain on a finished day; chain 0 holds the events of no portal."""

    portal_id: int
    day: date
    number: int
    hash: bytes


class SignedHead(msgspec.Struct, frozen=True):
    """A head as it was signed, and what its seal says now: nothing where the seal is gone."""

    portal_id: int
    day: date
    number: int
    hash: bytes
    signature: bytes
    event_id: int | None
    sealed: bytes | None


class AuditFault(msgspec.Struct, frozen=True):
    """What is wrong with a seal of an audit chain; event 0 is one that is not known."""

    portal_id: int
    number: int
    event_id: int
    fault: str
