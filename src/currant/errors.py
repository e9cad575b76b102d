"""Refusals: what the product says when it does not do what was asked.

A refusal has a *kind*, never an HTTP status: each entrance translates the kind into its own
dialect. The docstring of a refusal is its message; a detail says which value was at fault. The
docstring of a general one, such as `Invalid`, is only said where there is no detail.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar

import msgspec

_LONGEST = 1000  # characters
_LONG_WORD = re.compile(r"(\S{80})\S+")


class Kind(StrEnum):
    """Why something was refused."""

    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    UNPARSABLE = "unparsable"
    INVALID = "invalid"
    NOT_FOUND = "not_found"
    GONE = "gone"
    CONFLICT = "conflict"
    KEY_REUSED = "key_reused"
    TOO_LARGE = "too_large"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"


class Fault(msgspec.Struct, frozen=True):
    """One thing wrong with one record of a batch; `record` counts from 1, the first data record."""

    record: int
    column: str
    reason: str

    def __str__(self) -> str:
        """Render as `record 3, amount: not a number`."""
        return f"record {self.record}, {self.column}: {self.reason}"


class Refusal(Exception):
    """The request was refused."""

    kind: ClassVar[Kind] = Kind.INVALID
    general: ClassVar[bool] = False
    retry_after: int = 5  # seconds, where the kind is one to try again
    constraints: ClassVar[dict[str, type["Refusal"]]] = {}

    def __init_subclass__(
        cls,
        *,
        kind: Kind | None = None,
        constraint: str | tuple[str, ...] = (),
        general: bool = False,
    ) -> None:
        """Register the kind, and the names of the database constraints that mean this refusal."""
        super().__init_subclass__()
        cls.general = general
        if kind is not None:
            cls.kind = kind
        for name in (constraint,) if isinstance(constraint, str) else constraint:
            Refusal.constraints[name] = cls

    def __init__(
        self, detail: str = "", *, field: str | None = None, faults: Sequence[Fault] = ()
    ) -> None:
        """Say what was at fault: a sentence, the field's name, and the faults of a batch.

        `undone` is set for a change: its message ends with what was not done. What the detail
        repeats of the request is cut where it is long.
        """
        super().__init__(detail)
        short = _LONG_WORD.sub(r"\1…", detail)
        self.detail = short if faults or len(short) <= _LONGEST else f"{short[:_LONGEST]}…"
        self.undone = False
        self.field = field
        self.faults = tuple(faults)

    @property
    def message(self) -> str:
        """The first line of the docstring, then the detail; of a general refusal the detail."""
        text = (self.__doc__ or "").strip().splitlines()[0]
        told = self.detail if self.general and self.detail else f"{text} {self.detail}".strip()
        untold = self.kind not in (Kind.UNAUTHENTICATED, Kind.UNAVAILABLE)
        if not (self.undone and untold) or "othing was" in told:
            return told
        end = "" if told.endswith("?") else "."
        return f"{told.removesuffix('.')}{end} Nothing was done."

    def __str__(self) -> str:
        """Return the whole message."""
        return self.message


class Unauthenticated(Refusal, kind=Kind.UNAUTHENTICATED):
    """The credentials are missing or wrong, or the user is not active."""


class Forbidden(Refusal, kind=Kind.FORBIDDEN, general=True):
    """The caller may not do this."""


class Unparsable(Refusal, kind=Kind.UNPARSABLE, general=True):
    """The body cannot be read."""


class Invalid(Refusal, kind=Kind.INVALID, general=True):
    """A value is missing, of the wrong type, out of range or contradictory."""


class BeyondTime(
    Invalid,
    constraint=("tax_in_time", "rate_in_time", "assignment_in_time", "start_in_time"),
):
    """An instant lies at the very end of the time that can be told. Nothing was done."""


class NotFound(Refusal, kind=Kind.NOT_FOUND, general=True):
    """What was named does not exist."""


class Conflict(Refusal, kind=Kind.CONFLICT):
    """It contradicts what is already recorded. Nothing was done."""


class KeyReused(Refusal, kind=Kind.KEY_REUSED):
    """The idempotency key was used before with another request. Nothing was done."""


class TooLarge(Refusal, kind=Kind.TOO_LARGE):
    """The body is larger than this route takes. Nothing was stored."""


class RateLimited(Refusal, kind=Kind.RATE_LIMITED):
    """Too many requests. Nothing was done."""

    def __init__(self, detail: str = "", *, retry_after: int = 5) -> None:
        """Say which limit was met, and after how many seconds it is met no longer."""
        super().__init__(detail)
        self.retry_after = retry_after


class Unavailable(Refusal, kind=Kind.UNAVAILABLE):
    """The database cannot be reached. Nothing was done; try again shortly."""
