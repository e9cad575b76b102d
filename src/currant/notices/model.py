"""The shapes of messages: what is queued, what is delivered, what became of it."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

import msgspec


class Channel(StrEnum):
    """How a message reaches a person."""

    EMAIL = "EMAIL"
    SMS = "SMS"


class Outcome(StrEnum):
    """How an attempt went: LEFT is one that was not made after all."""

    SENT = "SENT"
    TRIED = "TRIED"
    REFUSED = "REFUSED"
    LEFT = "LEFT"


class Message(msgspec.Struct, frozen=True):
    """A message to queue: an e-mail to an address, or an SMS to a number.

    An e-mail may bring the PDF of a document, by its number and kind, under a file name.
    `account_id` is the internal id of the account that it concerns, `amount` what the document is
    about.
    """

    channel: Channel
    recipient: str
    body: str
    subject: str = ""
    document_number: str | None = None
    file_name: str = ""
    account_id: int | None = None
    amount: Decimal | None = None
    document_kind: str | None = None


class Due(msgspec.Struct, frozen=True):
    """A portal in which messages of a channel are due."""

    portal: str
    channel: str


class Outgoing(msgspec.Struct, frozen=True):
    """A message on its way out."""

    message_id: int
    message_key: UUID
    portal_name: str
    recipient: str
    subject: str
    body: str
    document_number: str | None
    document_kind: str | None
    file_name: str


class Delivered(msgspec.Struct, frozen=True):
    """How an attempt to deliver a message went, and what went wrong."""

    message_id: int
    outcome: Outcome
    trouble: str = ""


class TellDelivered(msgspec.Struct, frozen=True):
    """How the delivery of some messages went, and the address that they came from."""

    delivered: list[Delivered]
    sender: str = ""


class RetryMessages(msgspec.Struct, frozen=True):
    """Which messages to send at once: those named, or all that are in trouble."""

    message_ids: list[int] | None = None


class Retried(msgspec.Struct, frozen=True):
    """How many messages are sent at once."""

    how_many: int


class Outbox(msgspec.Struct, frozen=True):
    """How many messages of a channel wait or failed, and since when the oldest waits."""

    channel: str
    waiting: int
    waits_since: datetime | None
    failed: int


class Attempt(msgspec.Struct, frozen=True):
    """An attempt to deliver a message."""

    tried_at: datetime
    outcome: str
    trouble: str
