"""Messages on their way out: e-mail by SMTP, SMS by a gateway's URL, tried again, given up.

A message is delivered outside any transaction. It is taken first and told of afterwards, so one
that a crash comes between is delivered again, with the same Message-ID. What no carrier is set for
waits. A trouble that only time or the operator can mend is tried again; an address or a message
that is refused for good is not.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime
from urllib.parse import quote, unquote, urlsplit

import httpx
import msgspec
import structlog
from aiosmtplib import SMTP
from aiosmtplib.errors import (
    SMTPDataError,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from currant.access.model import AUTO
from currant.documents.model import DocumentKind, DocumentNamed, DocumentPdf
from currant.documents.verbs import document_pdf
from currant.door import Door, Verb
from currant.errors import Invalid, NotFound
from currant.jobs.lanes import Lanes
from currant.notices.model import Channel, Delivered, Due, Outcome, Outgoing, TellDelivered
from currant.notices.verbs import deliveries_due, take_messages, tell_delivered
from currant.settings import Settings

log = structlog.get_logger()

# A question of a document that is answered by its PDF.
Papers = Verb[DocumentNamed, DocumentPdf]

_SECONDS = 20
_MOST_TOLD = 300  # characters of what a server says
_REFUSED_FOR_GOOD = 500
_NOT_TAKEN = (400, 422)
_PORTS = {"smtp": 25, "smtps": 465}
_SUBMISSION_PORT = 587
_HERE = ("localhost", "127.0.0.1", "::1")


class Carriers(msgspec.Struct, frozen=True):
    """What carries messages: a mail server and who mail is from, a gateway for SMS."""

    smtp_url: str | None = None
    mail_from: str = ""
    sms_url: str | None = None

    @property
    def channels(self) -> list[Channel]:
        """The channels that something carries."""
        told = {Channel.EMAIL: self.smtp_url, Channel.SMS: self.sms_url}
        return [channel for channel, url in told.items() if url is not None]


def carriers_of(config: Settings) -> Carriers:
    """Return what the settings say carries messages. Raises `Invalid`, and repeats no secret."""
    smtp, sms = config.smtp_url, config.sms_url
    if smtp is not None:
        told = urlsplit(smtp)
        if told.scheme not in _PORTS or not told.hostname:
            raise Invalid(
                "CURRANT_SMTP_URL is not as smtp://USER:PASSWORD@HOST:PORT or smtps://… is."
            )
        try:
            Address(addr_spec=config.mail_from or "")
        except (ValueError, IndexError, MessageError) as error:
            raise Invalid("CURRANT_MAIL_FROM does not say whom e-mail is from.") from error
    if sms is not None and (urlsplit(sms).scheme not in ("http", "https") or "{to}" not in sms):
        raise Invalid("CURRANT_SMS_URL is not as https://HOST/send?to={to}&text={text} is.")
    return Carriers(smtp, config.mail_from or "", sms)


class Postman:
    """Delivers what waits, each channel by a task of its own, so that none delays another."""

    def __init__(self, door: Door, carriers: Carriers, papers: Papers = document_pdf) -> None:
        self._door = door
        self._carriers = carriers
        self._papers = papers
        self._lanes = Lanes(self._deliver_due, _failed)

    async def look(self) -> None:
        """Begin to deliver what is due; of a channel that is being delivered, go on after that."""
        carried = self._carriers.channels
        due = await self._door.ask(deliveries_due, carried, AUTO) if carried else []
        self._lanes.begin(dict.fromkeys(one.channel for one in due))

    async def rest(self) -> None:
        """Wait until nothing is being delivered."""
        await self._lanes.rest()

    async def close(self) -> None:
        """Let what is being delivered end within a moment; what does not is delivered later."""
        await self._lanes.close()

    async def _deliver_due(self, channel: str) -> bool:
        """Deliver a batch of each portal that is due; say whether more may follow at once."""
        due = await self._door.ask(deliveries_due, [channel], AUTO)
        return any([await self._deliver_batch(one) for one in due])

    async def _deliver_batch(self, due: Due) -> bool:
        """Deliver a batch; say whether any of it is on its way, so that more may follow at once."""
        actor = AUTO.at(due.portal)
        batch = await self._door.act(take_messages, due.channel, actor)
        done: dict[int, Delivered] = {}
        deliver = self._mail if due.channel == Channel.EMAIL else self._text
        try:
            await deliver(due.portal, batch, done)
        finally:
            left = [m.message_id for m in batch if m.message_id not in done]
            told = [*done.values(), *(Delivered(number, Outcome.LEFT) for number in left)]
            sender = self._carriers.mail_from if due.channel == Channel.EMAIL else ""
            await asyncio.shield(self._door.act(tell_delivered, TellDelivered(told, sender), actor))
        return any(one.outcome is not Outcome.TRIED for one in done.values())

    async def _mail(self, portal: str, batch: list[Outgoing], done: dict[int, Delivered]) -> None:
        """Send e-mails over one connection; where none can be had, all that is left was tried."""
        server: SMTP | None = None
        trouble = ""
        try:
            for message in batch:
                if server is None and not trouble:
                    try:
                        server = await self._connected()
                    except (SMTPException, OSError, TimeoutError) as error:
                        trouble = f"The mail server cannot be used: {_said(error)}"
                if server is None:
                    outcome = Delivered(message.message_id, Outcome.TRIED, trouble)
                else:
                    outcome = await self._mailed(server, portal, message)
                    if not server.is_connected:
                        server = None
                done[message.message_id] = outcome
        finally:
            if server is not None:
                with suppress(SMTPException, OSError, TimeoutError):
                    await server.quit()

    async def _connected(self) -> SMTP:
        """Connect to the mail server and sign in there; a password only ever goes over TLS."""
        told = urlsplit(self._carriers.smtp_url or "")
        user = None if told.username is None else unquote(told.username)
        port = told.port or (_SUBMISSION_PORT if user and told.scheme == "smtp" else None)
        server = SMTP(
            hostname=told.hostname,
            port=port or _PORTS[told.scheme],
            username=user,
            password=None if told.password is None else unquote(told.password),
            use_tls=told.scheme == "smtps",
            start_tls=_begins_tls(told.scheme, told.hostname, user),
            tls_context=ssl.create_default_context(),
            timeout=_SECONDS,
        )
        await server.connect()
        return server

    async def _mailed(self, server: SMTP, portal: str, message: Outgoing) -> Delivered:
        """Send an e-mail, and say how it went."""
        try:
            paper = await self._paper(portal, message)
            mail = _composed(message, self._carriers.mail_from, paper, self._door.clock.now())
            await server.send_message(
                mail, sender=self._carriers.mail_from, recipients=[message.recipient]
            )
        except Exception as error:  # noqa: BLE001  # whatever it is, it is told with the message
            outcome = Outcome.REFUSED if _is_final(error) else Outcome.TRIED
            return Delivered(message.message_id, outcome, _said(error))
        return Delivered(message.message_id, Outcome.SENT)

    async def _paper(self, portal: str, message: Outgoing) -> bytes | None:
        """Return the document that a message brings. Raises a `Refusal`."""
        if message.document_number is None:
            return None
        kind = None if message.document_kind is None else DocumentKind(message.document_kind)
        named = DocumentNamed(message.document_number, kind)
        return (await self._door.ask(self._papers, named, AUTO.at(portal))).pdf

    async def _text(self, _portal: str, batch: list[Outgoing], done: dict[int, Delivered]) -> None:
        """Send SMS by the gateway, one after another."""
        async with httpx.AsyncClient(
            timeout=_SECONDS,
            follow_redirects=False,
            trust_env=False,
            verify=ssl.create_default_context(),
        ) as client:
            for message in batch:
                done[message.message_id] = await self._texted(client, message)

    async def _texted(self, client: httpx.AsyncClient, message: Outgoing) -> Delivered:
        """Send an SMS, and say how it went, without the URL: it may hold a secret."""
        number = message.message_id
        told = {"id": str(message.message_key), "to": message.recipient, "text": message.body}
        url = self._carriers.sms_url or ""
        for name, value in told.items():
            url = url.replace(f"{{{name}}}", quote(value, safe=""))
        try:
            answer = await client.post(url, json=told)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is told with the message
            said = f"The gateway cannot be reached: {type(error).__name__}"
            return Delivered(number, Outcome.TRIED, said)
        if answer.is_success:
            return Delivered(number, Outcome.SENT)
        said = _printable(f"The gateway answered {answer.status_code} {answer.text}")
        good = answer.status_code in _NOT_TAKEN
        return Delivered(number, Outcome.REFUSED if good else Outcome.TRIED, said)


@asynccontextmanager
async def delivering(
    door: Door, carriers: Carriers, papers: Papers = document_pdf
) -> AsyncIterator[Postman]:
    """Open what delivers messages for the block."""
    postman = Postman(door, carriers, papers)
    try:
        yield postman
    finally:
        await postman.close()


def _failed(channel: str, error: Exception) -> None:
    """Log why messages were not delivered; they are tried again at a later look."""
    log.error("messages were not delivered", exc_info=error, reason=str(error), channel=channel)


def _begins_tls(scheme: str, host: str | None, user: str | None) -> bool | None:
    """Tell whether a plain connection must become an encrypted one; it may where none is told."""
    if scheme == "smtps":
        return False  # It is one from the start.
    return True if user and host not in _HERE else None


def _composed(message: Outgoing, sender: str, paper: bytes | None, at: datetime) -> EmailMessage:
    """Write an e-mail. Raises what the standard library does for a header that cannot be."""
    mail = EmailMessage(policy=WIRE)
    mail["From"] = Address(_printable(message.portal_name), addr_spec=sender)
    mail["To"] = message.recipient
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<{message.message_key}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.body)
    if paper is not None:
        name = message.file_name or f"{message.document_number}.pdf"
        mail.add_attachment(paper, maintype="application", subtype="pdf", filename=name)
    return mail


def _is_final(error: BaseException) -> bool:
    """Tell whether a message is refused for good: it, its document or its recipient."""
    match error:
        case SMTPRecipientsRefused():
            return all(refused.code >= _REFUSED_FOR_GOOD for refused in error.recipients)
        case SMTPDataError():
            return error.code >= _REFUSED_FOR_GOOD
        case NotFound() | SMTPNotSupported() | MessageError():
            return True
    return False


def _said(error: BaseException) -> str:
    """Return what went wrong in one line: what a server said, with its code."""
    match error:
        case SMTPRecipientsRefused():
            return "; ".join(map(_said, error.recipients))
        case SMTPResponseException():
            return _printable(f"{error.code} {error.message}")
    return _printable(str(error)) or type(error).__name__


def _printable(text: str) -> str:
    """Return a text in one line of what can be printed and stored."""
    return "".join(c if c.isprintable() else " " for c in text[:_MOST_TOLD]).strip()
