"""The shapes of head-ends: commands and their answers, rows, and what is refused."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from currant.errors import Conflict, Invalid, NotFound


class Command(StrEnum):
    """What is asked of a meter; CONNECT and DISCONNECT command its relay."""

    READ = "READ"
    CONNECT = "CONNECT"
    DISCONNECT = "DISCONNECT"
    STATUS = "STATUS"


class RequestState(StrEnum):
    """Where a request is in its life: PENDING waits to be sent, SENT for its answer."""

    PENDING = "PENDING"
    SENT = "SENT"
    DONE = "DONE"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    WITHDRAWN = "WITHDRAWN"


class CallbackUnit(StrEnum):
    """The unit in which a head-end tells readings."""

    WH = "Wh"
    KWH = "kWh"


class SetHeadEnd(msgspec.Struct, frozen=True):
    """Where the acting portal's requests to a head-end are sent, and with what bearer token.

    `timeout_minutes` is how long an answer is waited for; no token is none sent.
    """

    source: str
    url: str
    token: str = ""
    callback_unit: CallbackUnit = CallbackUnit.WH
    timeout_minutes: int = 15


class HeadEnd(msgspec.Struct, frozen=True):
    """A head-end as a portal reaches it; without a URL nothing is sent to it.

    `waiting` counts the requests that wait to be sent, `unanswered` those sent and not answered.
    """

    source: str
    com_type: str
    url: str
    has_token: bool
    callback_unit: str
    timeout_minutes: int
    waiting: int
    unanswered: int


class AskMeters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One command to 1 to 1,000 meters; CONNECT and DISCONNECT say why."""

    command: Command
    serial_numbers: Annotated[list[str], msgspec.Meta(max_length=1000)]
    reason: str = ""


class AskedMeter(msgspec.Struct, frozen=True):
    """A meter that is to be asked: the head-end that reaches it, and whom it supplies."""

    serial_number: str
    meter_id: int
    com_type: str
    source: str | None
    account: str | None


class MeterRequest(msgspec.Struct, frozen=True):
    """A request to a meter, and what came back.

    `source` is the head-end that reaches the meter, `tries` how often it was sent to; `note` says
    why it waits or what went wrong in sending. `meter_state` is the head-end's own word, `read_wh`
    the last reading it told in Wh, and `quarantined` whether any was not believed.
    """

    number: int
    request_id: UUID
    serial_number: str
    command: str
    state: str
    source: str | None
    reason: str
    login: str
    requested_at: datetime
    tries: int
    sent_at: datetime | None
    answered_at: datetime | None
    result: str | None
    error_code: int
    error_msg: str
    meter_state: str
    read_at: datetime | None
    read_wh: int | None
    quarantined: bool
    note: str


class RequestsWanted(msgspec.Struct, frozen=True):
    """Which requests: of one meter, in one state, or those named; below a number, how many."""

    before: int
    how_many: int
    serial_number: str | None = None
    state: RequestState | None = None
    request_ids: list[UUID] | None = None


class AnsweredItem(msgspec.Struct, frozen=True):
    """What an answer tells of a meter: a reading with its time, the state of its relay."""

    serial_number: str
    reading: Decimal | None
    read_timestamp: str
    meter_state: str


class AnswerRequest(msgspec.Struct, frozen=True):
    """A head-end's answer to a request (J06); readings in the unit that its head-end is set to."""

    source: str
    request_id: UUID
    command: str
    succeeded: bool
    error_code: int
    error_msg: str
    items: list[AnsweredItem]


class Answered(msgspec.Struct, frozen=True):
    """What an answer did: nothing where it was `repeated`.

    `stored` and `quarantined` count its reads. `nonstandard_offset` asks for the warning of Q03.
    """

    repeated: bool
    stored: int
    quarantined: int
    nonstandard_offset: bool


class OpenRequest(msgspec.Struct, frozen=True):
    """A request as its answer is held against it; one with a digest was answered."""

    command: str
    source: str | None
    serial_number: str
    digest: str | None
    callback_unit: str


class HeadEndWaited(msgspec.Struct, frozen=True):
    """A head-end of a portal that has requests to send."""

    portal: str
    source: str


class Outgoing(msgspec.Struct, frozen=True):
    """A request that is to be sent: where to, and the last read and state known of its meter."""

    request_id: UUID
    command: str
    serial_number: str
    device_id: str
    url: str
    token: str
    meter_state: str
    read_at: datetime | None
    read_wh: int | None


class Sent(msgspec.Struct, frozen=True):
    """A request that was sent, and why that failed; blank where the head-end took it."""

    request_id: UUID
    trouble: str


class TellSent(msgspec.Struct, frozen=True):
    """How the sending of requests went."""

    sent: list[Sent]


class NotAHeadEnd(Invalid, constraint="head_end_known"):
    """There is no such head-end. Nothing was done."""


class HeadEndUrl(Invalid, constraint="head_end_url"):
    """A head-end's URL is http(s)://host/…, with no login and no fragment. Nothing was done."""


class HeadEndTimeout(Invalid, constraint="head_end_timeout"):
    """An answer is waited for between 1 and 10080 minutes. Nothing was done."""


class RelayRequestWaits(Conflict, constraint="one_pending_request"):
    """A request waits for this meter already. Nothing was requested; try again."""


class NoSuchRequest(NotFound):
    """There is no such request. Nothing was done."""


class AnotherCommand(Invalid):
    """The request was for another command. Nothing was done."""


class AnotherMeter(Invalid):
    """The request was to another meter. Nothing was done."""


class AnotherHeadEnd(Invalid):
    """The meter is not reached by this head-end. Nothing was done."""


class AnsweredBefore(Conflict):
    """The request was answered already, and otherwise. Nothing was done."""


class MeterOutOfReach(Invalid):
    """No command reaches a meter. Nothing was requested."""
