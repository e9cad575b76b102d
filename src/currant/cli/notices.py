"""`currant notice`: messages to people, what became of them, and those sent again."""

from typing import Annotated

import msgspec
import typer

from currant.access.verbs import Nothing, show_portal
from currant.cli.figures import at_in, figures, minute
from currant.cli.frame import NEWEST, Session, command
from currant.notices.model import Channel, RetryMessages
from currant.notices.verbs import retry_messages
from currant.reports.model import NoticeLogged, NoticesWanted
from currant.reports.verbs import notice_log

app = typer.Typer(no_args_is_help=True)


@command(app, "list")
async def list_all(
    session: Session,
    *,
    account: Annotated[str | None, typer.Option(help="Of this account only.")] = None,
    channel: Annotated[Channel | None, typer.Option(help="Of this kind only.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only those that failed.")] = False,
    queued: Annotated[bool, typer.Option("--queued", help="Only those that wait.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many messages.")] = 20,
) -> None:
    """List messages, newest first, and what became of each."""
    status = "FAILED" if failed else "QUEUED" if queued else None
    wanted = NoticesWanted(NEWEST, limit, channel, status, account)
    async with session.door.asking(notice_log, session.actor) as tx:
        found = [message async for message in notice_log(tx, wanted)]
    portal = await session.ask(show_portal, Nothing())
    listed = [
        Listed(
            one.message_id,
            minute(one.queued_at, portal.zone),
            one.channel,
            one.account_number or "",
            one.recipient,
            one.subject or _beginning(one),
            one.status,
            one.tries,
            one.trouble,
        )
        for one in found
    ]
    at = at_in(portal.zone, (one.queued_at for one in found))
    folds = ("recipient", "subject", "trouble")
    columns = Listed.__struct_fields__
    session.teller.tell(
        found, lambda: figures(listed, *columns, right=("message", "tries"), folds=folds, at=at)
    )


class Listed(msgspec.Struct, frozen=True):
    """A message as it is listed, by when it was queued."""

    message: int
    at: str
    channel: str
    account: str
    recipient: str
    subject: str
    status: str
    tries: int
    trouble: str


def _beginning(message: NoticeLogged) -> str:
    """Return how a message without a subject begins."""
    told = " ".join(message.message_content.split())
    return told if len(told) <= 40 else f"{told[:39]}…"


@command(app, "retry")
async def retry(
    session: Session,
    numbers: Annotated[
        list[int] | None,
        typer.Argument(help="Which: `currant notice list`; all in trouble without.", metavar="ID"),
    ] = None,
) -> None:
    """Send messages at once that failed or wait after a failure."""
    done = await session.act(retry_messages, RetryMessages(numbers or None))
    told = "1 message is" if done.how_many == 1 else f"{done.how_many} messages are"
    session.teller.tell(done, lambda: f"{told} sent as soon as the jobs run.")
