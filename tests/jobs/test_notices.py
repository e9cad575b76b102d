"""Messages on their way out: through a real mail server and a real gateway, each at least once."""

import asyncio
import email
import logging
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from email.message import EmailMessage
from email.policy import default

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope
from tests.conftest import free_port, make_user
from tests.houses import small_house
from tests.jobs.listener import Listener, listening
from tests.waiting import until_listening, within

from currant.access.model import AUTO, OPERATOR, CreatePortal
from currant.access.permissions import Permission, needs
from currant.access.verbs import Nothing, create_portal
from currant.db.tx import Tx
from currant.documents.model import DocumentKind, DocumentNamed, DocumentPdf
from currant.errors import Invalid, NotFound
from currant.jobs import worker
from currant.jobs.notices import Carriers, carriers_of, delivering
from currant.notices.model import Channel, Message, RetryMessages
from currant.notices.verbs import (
    MOST_TRIES,
    attempts,
    outbox,
    queue_messages,
    retry_messages,
    take_messages,
)
from currant.reports.model import NoticesWanted
from currant.reports.verbs import notice_log
from currant.settings import Settings

SENDER = "billing@example.com"


@needs(Permission.BILLING_RUN)
async def queue(tx: Tx, messages: list[Message]) -> list[int]:
    """Queue messages as a higher domain would."""
    return await queue_messages(tx, messages)


@needs(Permission.JOBS_RUN)
async def paper(tx: Tx, named: DocumentNamed) -> DocumentPdf:
    """A document of the portal, as a PDF."""
    if named.number == "404":
        raise NotFound("There is no such document.")
    pdf = b"%PDF-1.7 " + named.number.encode() + tx.portal.key.encode()
    return DocumentPdf(DocumentKind.INVOICE, named.number, "", "", pdf)


class MailServer:
    """A mail server that keeps what it is sent, and refuses whom it is told to."""

    def __init__(self) -> None:
        self.got: list[Envelope] = []
        self.refused: dict[str, str] = {}
        self.data: list[str] = []
        self.port = free_port()
        self.controller: Controller | None = None

    async def handle_RCPT(self, _server, _session, envelope, address, _options) -> str:  # noqa: N802
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope) -> str:  # noqa: N802
        if self.data:
            return self.data.pop(0)
        self.got.append(envelope)
        return "250 OK"

    def start(self) -> None:
        self.controller = Controller(self, "127.0.0.1", self.port)
        self.controller.start()

    def stop(self) -> None:
        if self.controller is not None:
            self.controller.stop()
            self.controller = None

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def mails(self) -> list[EmailMessage]:
        return [email.message_from_bytes(one.content, policy=default) for one in self.got]


@pytest.fixture
async def post_office() -> AsyncIterator[MailServer]:
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    made = MailServer()
    made.start()
    yield made
    made.stop()


@pytest.fixture
async def gateway() -> AsyncIterator[Listener]:
    async with listening() as listener:
        yield listener


async def deliver(door, server=None, *, sms: str | None = None) -> None:
    carriers = Carriers(None if server is None else server.url, SENDER, sms)
    async with delivering(door, carriers, paper) as postman:
        await postman.look()
        await postman.rest()


async def log(door, actor, **more):
    async with door.asking(notice_log, actor) as tx:
        wanted = NoticesWanted(2**62, 1000, **more)
        return [one async for one in notice_log(tx, wanted)][::-1]


def mail(recipient: str = "ringo@example.com", **more) -> Message:
    told = {"subject": "Your invoice", "body": "Please find it attached.\n"} | more
    return Message(Channel.EMAIL, recipient, **told)


async def test_an_email_brings_its_document(door, boss, post_office, owner) -> None:
    house = await small_house(door, boss)
    account_id = await owner.fetchval("select account_id from customers.account")
    subject = "Rechnung für Zoë – 電気 ⚡ " + "long " * 30
    invoice = mail(
        subject=subject, body="Grüße\nAll the best.\n", document_number="900123",
        file_name="Rechnung Zoë.pdf", account_id=account_id, amount=Decimal("134.70"),
    )  # fmt: skip
    (number,) = await door.act(queue, [invoice], boss)
    await deliver(door, post_office)
    (envelope,), (sent,) = post_office.got, post_office.mails()
    assert (envelope.mail_from, envelope.rcpt_tos) == (SENDER, ["ringo@example.com"])
    assert sent["Subject"] == subject.strip()
    assert (sent["From"], sent["To"]) == (f"Example Power <{SENDER}>", "ringo@example.com")
    assert sent["Date"] == "Mon, 02 Mar 2026 17:00:00 +0000"
    assert sent["Auto-Submitted"] == "auto-generated"
    assert sent.get_body().get_content().replace("\r\n", "\n") == "Grüße\nAll the best.\n"
    (attached,) = sent.iter_attachments()
    assert (attached.get_content_type(), attached.get_filename()) == (
        "application/pdf", "Rechnung Zoë.pdf",
    )  # fmt: skip
    assert attached.get_content() == b"%PDF-1.7 900123example"
    (logged,) = await log(door, boss)
    assert (logged.status, logged.from_address, logged.sent_at) == (
        "SENT", SENDER, door.clock.now(),
    )  # fmt: skip
    assert (logged.account_number, logged.account_name) == (house.accounts[0], "Palmer Guy")
    assert (logged.message_id, logged.amount) == (number, Decimal("134.70"))
    await deliver(door, post_office)
    assert len(post_office.got) == 1
    barred = await make_user(door, "example", "b", "ComMGR", blocked_accounts=house.accounts[0])
    assert await log(door, barred) == []


async def test_no_field_breaks_a_header(door, boss, post_office, owner) -> None:
    await owner.execute("update access.portal set name = E'Ex\\r\\nBcc: a@evil.example'")
    nasty = "x\r\nBcc: b@evil.example\r\n\r\nbody"
    (one, two) = await door.act(
        queue,
        [
            mail(subject=nasty, document_number="1", file_name=f"{nasty}/../y.pdf"),
            mail("ringo@example.com\r\nRCPT TO:<c@evil.example>"),
        ],
        boss,
    )
    await deliver(door, post_office)
    ((envelope,), (sent,)) = post_office.got, post_office.mails()
    assert envelope.rcpt_tos == ["ringo@example.com"]
    assert sorted(sent.keys()) == sorted(set(sent.keys()))
    assert "Bcc" not in sent
    assert sent["Subject"].startswith("x Bcc: b@evil.example")
    (attached,) = sent.iter_attachments()
    assert "/" not in (attached.get_filename() or "")
    assert [key for key in attached.keys() if "bcc" in key.lower()] == []  # noqa: SIM118
    rows = await log(door, boss)
    assert [(row.message_id, row.status) for row in rows] == [(one, "SENT"), (two, "FAILED")]
    assert rows[1].trouble == "This is no address that can be written to."


@pytest.mark.parametrize(
    "address",
    ["", "ringo", "a@b", "a b@example.com", "a@example.com,b@example.com", "<a@example.com>",
     "a@example.com;", "Ringo <a@example.com>", "a@@example.com"],
)  # fmt: skip
async def test_a_wrong_address_holds_nothing_up(door, boss, post_office, address: str) -> None:
    await door.act(queue, [mail(address), mail()], boss)
    await deliver(door, post_office)
    assert [row.status for row in await log(door, boss)] == ["FAILED", "SENT"]
    assert (await door.act(retry_messages, RetryMessages(), boss)).how_many == 0


async def test_who_is_refused_is_told_of(door, boss, post_office) -> None:
    post_office.refused = {
        "gone@example.com": "550 5.1.1 No such user",
        "full@example.com": "452 4.2.2 Mailbox full",
    }
    people = ("gone@example.com", "full@example.com", "ringo@example.com")
    numbers = await door.act(queue, [mail(one) for one in people], boss)
    await deliver(door, post_office)
    rows = await log(door, boss)
    assert [(row.status, row.tries, row.trouble) for row in rows] == [
        ("FAILED", 1, "550 5.1.1 No such user"),
        ("QUEUED", 1, "452 4.2.2 Mailbox full"),
        ("SENT", 1, ""),
    ]
    assert [one.rcpt_tos for one in post_office.got] == [["ringo@example.com"]]
    await deliver(door, post_office)  # A minute has not passed.
    assert (await log(door, boss))[1].tries == 1
    post_office.refused = {}
    door.clock.advance(timedelta(minutes=1))
    await deliver(door, post_office)
    assert [row.status for row in await log(door, boss)] == ["FAILED", "SENT", "SENT"]
    kept = await door.ask(attempts, numbers[1], boss)
    assert [(one.outcome, one.trouble) for one in kept] == [
        ("TRIED", "452 4.2.2 Mailbox full"), ("SENT", ""),
    ]  # fmt: skip
    assert (await door.act(retry_messages, RetryMessages(), boss)).how_many == 1
    await deliver(door, post_office)
    assert {row.status for row in await log(door, boss)} == {"SENT"}


async def test_a_message_that_is_not_taken_is_given_up_or_kept(door, boss, post_office) -> None:
    post_office.data = ["554 5.7.1 Spam", "451 4.3.0 Later"]
    await door.act(queue, [mail(), mail(), mail(document_number="404")], boss)
    await deliver(door, post_office)
    rows = await log(door, boss)
    assert [(row.status, row.trouble) for row in rows] == [
        ("FAILED", "554 5.7.1 Spam"), ("QUEUED", "451 4.3.0 Later"),
        ("FAILED", "There is no such document."),
    ]  # fmt: skip


async def test_a_server_that_is_down_is_waited_for(door, boss, post_office) -> None:
    post_office.stop()
    await door.act(queue, [mail(), mail("john@example.com")], boss)
    await deliver(door, post_office)
    for row in await log(door, boss):
        assert (row.status, row.tries) == ("QUEUED", 1)
        assert row.trouble.startswith("The mail server cannot be used: ")
    post_office.start()
    door.clock.advance(timedelta(minutes=2))
    await deliver(door, post_office)
    assert {row.status for row in await log(door, boss)} == {"SENT"}
    assert len(post_office.got) == 2


async def test_the_times_between_tries_double(door, boss, post_office, owner) -> None:
    post_office.stop()
    await door.act(queue, [mail()], boss)
    waits = []
    for _ in range(MOST_TRIES):
        await deliver(door, post_office)
        due = await owner.fetchval("select next_try_at from notices.message")
        waits.append(round((due - door.clock.now()).total_seconds() / 60))
        door.clock.set(due)
    assert waits[:10] == [1, 2, 4, 8, 16, 32, 64, 128, 240, 240]
    (row,) = await log(door, boss)
    assert (row.status, row.tries) == ("FAILED", MOST_TRIES)
    await deliver(door, post_office)
    assert len(await door.ask(attempts, row.message_id, boss)) == MOST_TRIES
    post_office.start()
    await door.act(retry_messages, RetryMessages([row.message_id]), boss)
    await deliver(door, post_office)
    assert [row.status for row in await log(door, boss)] == ["SENT"]


async def test_a_crash_delivers_again_with_the_same_id(door, boss, post_office) -> None:
    """Taken and never told of: after a quarter of an hour it is delivered, known by its id."""
    await door.act(queue, [mail()], boss)
    (taken,) = await door.act(take_messages, "EMAIL", AUTO.at("example"))
    await deliver(door, post_office)
    assert post_office.got == []
    door.clock.advance(timedelta(minutes=16))
    await deliver(door, post_office)
    (sent,) = post_office.mails()
    assert sent["Message-ID"] == f"<{taken.message_key}@example.com>"


async def test_two_workers_share_the_work(door, boss, post_office) -> None:
    people = [f"p{n}@example.com" for n in range(120)]
    numbers = await door.act(queue, [mail(one) for one in people], boss)
    assert numbers == sorted(numbers)
    await asyncio.gather(*(deliver(door, post_office) for _ in range(3)))
    assert sorted(one.rcpt_tos[0] for one in post_office.got) == sorted(people)
    assert {row.status for row in await log(door, boss)} == {"SENT"}


async def test_what_is_being_sent_when_the_jobs_end_is_sent_later(door, boss, owner) -> None:
    """A server that never answers: the jobs end all the same, and nothing is lost."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        mute.setblocking(False)
        carriers = Carriers(f"smtp://127.0.0.1:{mute.getsockname()[1]}", SENDER)
        await door.act(queue, [mail(), mail()], boss)
        async with asyncio.timeout(8), delivering(door, carriers, paper) as postman:
            await postman.look()
            connected, _ = await asyncio.get_running_loop().sock_accept(mute)
        connected.close()
    rows = await log(door, boss)
    assert [(row.status, row.tries) for row in rows] == [("QUEUED", 0)] * 2
    assert await owner.fetchval("select bool_and(next_try_at = queued_at) from notices.message")


async def test_what_nothing_carries_waits(door, boss) -> None:
    await door.act(queue, [mail(), Message(Channel.SMS, "+61400000000", "Hello")], boss)
    await deliver(door)
    told = await door.ask(outbox, Nothing(), OPERATOR)
    assert [(one.channel, one.waiting, one.failed) for one in told] == [
        ("EMAIL", 1, 0), ("SMS", 1, 0),
    ]  # fmt: skip
    assert {row.tries for row in await log(door, boss)} == {0}


async def test_an_sms_goes_to_the_gateway(door, boss, gateway) -> None:
    sms = [
        Message(Channel.SMS, "+61 400 000 000", "Owing: $1 & more?\nPay ©"),
        Message(Channel.SMS, "0400000001", "x"),
        Message(Channel.SMS, "0400000002", "y"),
        Message(Channel.SMS, "drop table", "z"),
    ]
    await door.act(queue, sms, boss)
    gateway.answers = [
        b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 422 No\r\nContent-Length: 3\r\n\r\nbad",
        b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
    ]
    url = f"{gateway.url}?key=s3cret&to={{to}}&text={{text}}"
    await deliver(door, sms=url)
    headers, body = gateway.sent[0]
    assert headers[""] == (
        "POST /ami?key=s3cret&to=%2B61%20400%20000%20000"
        "&text=Owing%3A%20%241%20%26%20more%3F%0APay%20%C2%A9 HTTP/1.1"
    )
    assert (body["to"], body["text"]) == ("+61 400 000 000", "Owing: $1 & more?\nPay ©")
    rows = await log(door, boss, channel="SMS")
    assert [(row.status, row.trouble) for row in rows] == [
        ("SENT", ""), ("FAILED", "The gateway answered 422 bad"),
        ("QUEUED", "The gateway answered 500"),
        ("FAILED", "This is no address that can be written to."),
    ]  # fmt: skip
    await door.act(retry_messages, RetryMessages([rows[2].message_id]), boss)
    await deliver(door, sms=f"http://127.0.0.1:{free_port()}/?key=s3cret&to={{to}}")
    trouble = (await log(door, boss))[2].trouble
    assert trouble.startswith("The gateway cannot be reached")
    assert "s3cret" not in trouble


async def test_the_worker_delivers_as_soon_as_it_is_committed(
    door, boss, post_office, urls, monkeypatch
) -> None:
    monkeypatch.setattr(worker, "LOOK_EVERY", 600)
    stop = asyncio.Event()
    carriers = Carriers(post_office.url, SENDER)
    jobs = asyncio.create_task(
        worker.run_jobs(door, urls.runtime, b"k" * 32, stop, carriers=carriers)
    )
    await until_listening(urls)
    await door.act(queue, [mail()], boss)
    await within(5, lambda: len(post_office.got) == 1)
    stop.set()
    await asyncio.wait_for(jobs, 8)
    assert [row.status for row in await log(door, boss)] == ["SENT"]


async def test_each_portal_has_its_own(door, boss, post_office) -> None:
    made = CreatePortal("other", "Other Power", "America/New_York", "USD", "CEC")
    await door.act(create_portal, made, OPERATOR)
    there = await make_user(door, "other", "there", "SysAdmin")
    await door.act(queue, [mail()], boss)
    await door.act(queue, [mail("john@example.com", document_number="7")], there)
    await deliver(door, post_office)
    told = {str(sent["From"]): sent for sent in post_office.mails()}
    assert set(told) == {f"Example Power <{SENDER}>", f"Other Power <{SENDER}>"}
    (attached,) = told[f"Other Power <{SENDER}>"].iter_attachments()
    assert attached.get_content() == b"%PDF-1.7 7other"
    assert len(await log(door, boss)) == len(await log(door, there)) == 1
    theirs = (await log(door, there))[0].message_id
    assert (await door.act(retry_messages, RetryMessages([theirs]), boss)).how_many == 0


def test_settings_that_cannot_be_are_refused_without_their_secrets() -> None:
    good = {"smtp_url": "smtps://u:s3cret@mail.example.com", "mail_from": SENDER}
    assert carriers_of(Settings(**good)).channels == [Channel.EMAIL]
    assert carriers_of(Settings()).channels == []
    for wrong in (
        good | {"smtp_url": "u:s3cret@mail.example.com"},
        good | {"smtp_url": "http://u:s3cret@mail.example.com"},
        good | {"mail_from": None},
        good | {"mail_from": "Billing <a@b>\r\n"},
        {"sms_url": "https://s3cret.example.com/send"},
    ):
        with pytest.raises(Invalid, match="CURRANT_") as refused:
            carriers_of(Settings(**wrong))
        assert "s3cret" not in str(refused.value)
