"""Acts on messages, and the questions asked about them."""

from collections.abc import Sequence
from datetime import timedelta

from currant.access.permissions import Permission, needs
from currant.access.verbs import Nothing
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.notices.model import (
    Attempt,
    Due,
    Message,
    Outbox,
    Outgoing,
    Retried,
    RetryMessages,
    TellDelivered,
)

sql = Statements(__package__)
_QUEUE_MESSAGES = sql.rows("queue_messages", int)
_DELIVERIES_DUE = sql.rows("deliveries_due", Due)
_TAKE_MESSAGES = sql.rows("take_messages", Outgoing)
_TELL_DELIVERED = sql.command("tell_delivered")
_RETRY_MESSAGES = sql.rows("retry_messages", int)
_OUTBOX = sql.rows("outbox", Outbox)
_ATTEMPTS = sql.rows("attempts", Attempt)

AT_ONCE = 25
MOST_TRIES = 24  # Doubling from a minute to four hours, that is the better part of three days.

_HELD_FOR = timedelta(minutes=15)


async def queue_messages(tx: Tx, messages: Sequence[Message]) -> list[int]:
    """Queue messages, to be delivered once this transaction is committed; return their ids.

    One to an address that cannot be written to is kept as failed.
    """
    return await tx.all(
        _QUEUE_MESSAGES,
        portal_id=tx.portal.portal_id,
        login=tx.user.login,
        at=tx.now,
        channels=[message.channel for message in messages],
        recipients=[message.recipient for message in messages],
        subjects=[message.subject for message in messages],
        bodies=[message.body for message in messages],
        document_numbers=[message.document_number for message in messages],
        file_names=[message.file_name for message in messages],
        account_ids=[message.account_id for message in messages],
        amounts=[message.amount for message in messages],
        document_kinds=[message.document_kind for message in messages],
    )


@needs(Permission.JOBS_RUN)
async def deliveries_due(tx: Tx, channels: Sequence[str]) -> list[Due]:
    """List the portals in which messages of some channels are due."""
    return await tx.all(_DELIVERIES_DUE, channels=list(channels), now=tx.now)


@needs(Permission.JOBS_RUN)
async def take_messages(tx: Tx, channel: str) -> list[Outgoing]:
    """Take the next messages that are due, oldest first, for a quarter of an hour.

    How their delivery went is told by `tell_delivered`; what is never told is delivered again.
    """
    return await tx.all(
        _TAKE_MESSAGES,
        portal_id=tx.portal.portal_id,
        channel=channel,
        how_many=AT_ONCE,
        now=tx.now,
        hold_until=tx.now + _HELD_FOR,
    )


@needs(Permission.JOBS_RUN)
async def tell_delivered(tx: Tx, command: TellDelivered) -> int:
    """Tell how the delivery of messages went; return how many attempts that were."""
    return await tx.run(
        _TELL_DELIVERED,
        portal_id=tx.portal.portal_id,
        message_ids=[one.message_id for one in command.delivered],
        outcomes=[one.outcome for one in command.delivered],
        troubles=[one.trouble for one in command.delivered],
        sender=command.sender,
        most_tries=MOST_TRIES,
        now=tx.now,
    )


@needs(Permission.BILLING_RUN)
async def retry_messages(tx: Tx, command: RetryMessages) -> Retried:
    """Send messages at once that failed or wait after a failure; return how many.

    What was sent, or is to an address that cannot be written to, is left alone.
    """
    return Retried(
        await tx.one(
            _RETRY_MESSAGES,
            portal_id=tx.portal.portal_id,
            message_ids=command.message_ids,
            now=tx.now,
        )
    )


@needs(Permission.JOBS_RUN)
async def outbox(tx: Tx, _question: Nothing) -> list[Outbox]:
    """Tell how many messages of all portals wait and failed, by channel."""
    return await tx.all(_OUTBOX)


@needs(Permission.REPORTS_RUN)
async def attempts(tx: Tx, message_id: int) -> list[Attempt]:
    """List the attempts to deliver a message, in their order."""
    return await tx.all(_ATTEMPTS, portal_id=tx.portal.portal_id, message_id=message_id)
