"""Requests on their way out: posted to a real listener, tried again, timed out."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from tests.conftest import make_user
from tests.headends.asking import ask, later, lives, requests, set_up, state_of
from tests.houses import small_house
from tests.jobs.listener import Listener, listening
from tests.jobs.test_worker import working
from tests.waiting import until_listening, within

from currant.access.model import AUTO, OPERATOR, CreatePortal
from currant.access.verbs import Nothing, create_portal
from currant.headends.verbs import head_ends_waited
from currant.jobs import headends, lanes, worker
from currant.jobs.headends import Sender, sending, time_out_all

PUBLIC = "https://currant.example/base/"


@pytest.fixture
async def head() -> AsyncIterator[Listener]:
    async with listening() as listener:
        yield listener


@pytest.fixture
async def sender(door) -> AsyncIterator[Sender]:
    async with sending(door, PUBLIC) as made:
        yield made


@pytest.fixture
async def house(door, boss, head):
    await set_up(door, head.url)
    return await small_house(door, boss, homes=2, opening="12.5")


async def send(sender: Sender) -> None:
    await sender.look()
    await sender.rest()


async def test_a_request_is_posted_with_where_to_answer(
    door, boss, owner, house, head, sender
) -> None:
    await set_up(door, head.url, token="s3cret")
    opened = door.clock.now()
    later(door, minutes=5)
    await owner.execute("update metering.meter set device_id = 'D1' where serial_number = 'M1'")
    (request_id,) = await ask(door, boss, "DISCONNECT", "M1")
    await send(sender)
    ((headers, body),) = head.sent
    assert headers[""] == "POST /ami HTTP/1.1"
    assert headers["content-type"] == "application/json"
    assert headers["authorization"] == "bearer s3cret"
    assert body == {
        "uuid": str(request_id),
        "command": "DISCONNECT",
        "serial_number": "M1",
        "device_id": "D1",
        "portal": "example",
        "source": "multispeak",
        "callback": "https://currant.example/base/meters/ami-control/callback"
        "?portal=example&source=multispeak",
        "meter_state": "PENDING",
        "last_reading": 12_500,
        "last_read_timestamp": opened.strftime("%Y-%m-%dT%H:%M:%S+00:00"),
    }
    assert await lives(door, boss, "M1") == [("DISCONNECT", "SENT")]
    assert await state_of(owner, "M1") == "DISCONNECTING"
    await send(sender)
    assert len(head.sent) == 1


ANSWERS = [
    (b"HTTP/1.1 500 Oops\r\nContent-Length: 6\r\n\r\n\x00no\xff\r\n", "answered 500 no"),
    (b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", "answered 401"),
    (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "302"),
    (b"HTTP/1.1 503 x\r\nContent-Length: 999999\r\n\r\n" + b"y" * 300_000, "answered 503 yyy"),
    (b"garbage\r\n\r\n", "cannot be reached"),
    (b"", "cannot be reached"),
]


@pytest.mark.parametrize(("answer", "note"), ANSWERS)
async def test_what_is_not_taken_is_tried_again(
    door, boss, house, head, sender, answer: bytes, note: str
) -> None:
    await ask(door, boss, "READ", "M1")
    head.answers = [answer]
    if not answer:
        await set_up(door, "http://127.0.0.1:1/")
    await send(sender)
    (row,) = await requests(door, boss)
    assert (row.state, row.tries) == ("PENDING", 1)
    assert note in row.note
    assert row.note.isprintable()
    assert len(row.note) < 300
    if not answer:
        await set_up(door, head.url)
    later(door, seconds=5)
    head.answers = []
    await send(sender)
    assert await lives(door, boss, "M1") == [("READ", "SENT")]
    uuids = {body["uuid"] for _, body in head.sent}
    assert uuids == {str(row.request_id)}


async def test_a_large_answer_is_read_so_far_and_taken(door, boss, house, head, sender) -> None:
    await ask(door, boss, "READ", "M1")
    head.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"z" * 400_000]
    await send(sender)
    assert await lives(door, boss, "M1") == [("READ", "SENT")]


async def test_who_does_not_answer_is_not_waited_for(
    door, boss, house, head, sender, monkeypatch
) -> None:
    monkeypatch.setattr(headends, "POST_SECONDS", 0.2)
    await ask(door, boss, "READ", "M1", "M2")
    head.hangs = True
    began = time.monotonic()
    await send(sender)
    assert time.monotonic() - began < 5
    assert {row.state for row in await requests(door, boss)} == {"PENDING"}
    assert "did not answer" in (await requests(door, boss))[0].note


async def test_a_slow_head_end_delays_no_other(
    door, boss, owner, house, head, sender, monkeypatch
) -> None:
    await door.act(create_portal, CreatePortal("zeta", "Zeta", "UTC", "USD", "CEC"), OPERATOR)
    other = await make_user(door, "zeta", "boss2", "SysAdmin")
    await small_house(door, other, homes=1, first=9)
    async with listening() as slow:
        slow.hangs = True
        await set_up(door, slow.url, portal="zeta")
        await ask(door, other, "READ", "M9")
        await sender.look()
        await within(5, lambda: slow.sent)
        await ask(door, boss, "READ", "M1")
        await sender.look()
        await within(5, lambda: head.sent)
        assert await lives(door, other, "M9") == [("READ", "PENDING")]


async def test_what_is_asked_while_others_are_sent_goes_out_after_them(
    door, boss, house, head, sender
) -> None:
    head.delay = 0.3
    await ask(door, boss, "READ", "M1")
    await sender.look()
    await within(5, lambda: head.sent)
    await ask(door, boss, "READ", "M2")
    await sender.look()
    await sender.rest()
    assert [body["serial_number"] for _, body in head.sent] == ["M1", "M2"]
    assert {row.state for row in await requests(door, boss)} == {"SENT"}


async def test_many_go_out_in_batches_each_once(door, boss, head, owner, sender) -> None:
    await set_up(door, head.url)
    house = await small_house(door, boss, homes=150)
    await ask(door, boss, "READ", *house.serials)
    async with sending(door, PUBLIC) as second:
        await asyncio.gather(send(sender), send(second))
        await send(sender)
    assert len(head.sent) == 150
    assert len({body["uuid"] for _, body in head.sent}) == 150
    assert {row.state for row in await requests(door, boss)} == {"SENT"}
    assert {row.tries for row in await requests(door, boss)} == {1}


async def test_overdue_answers_are_given_up_in_every_portal(
    door, boss, owner, house, head, sender
) -> None:
    await ask(door, boss, "CONNECT", "M1")
    await send(sender)
    assert await time_out_all(door) == 0
    later(door, minutes=15)
    assert await time_out_all(door) == 1
    assert await lives(door, boss, "M1") == [("CONNECT", "TIMED_OUT")]
    assert await state_of(owner, "M1") == "UNKNOWN"


async def test_a_request_goes_out_as_it_is_made(door, boss, house, head, urls, monkeypatch) -> None:
    """Long before the worker would look by itself."""
    monkeypatch.setattr(worker, "LOOK_EVERY", 600)
    async with working(door, urls):
        await until_listening(urls)
        await ask(door, boss, "READ", "M1")
        await within(5, lambda: head.sent)
    assert await lives(door, boss, "M1") == [("READ", "SENT")]


async def test_the_worker_finds_by_itself_what_is_due(
    door, boss, house, head, urls, owner, monkeypatch
) -> None:
    monkeypatch.setattr(worker, "LOOK_EVERY", 0.05)
    head.answers = [b"HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n"]
    await ask(door, boss, "READ", "M1")
    async with working(door, urls):
        await within(5, lambda: head.sent)
        later(door, seconds=5)
        await within(5, lambda: len(head.sent) == 2)
        sent = "select true from headends.request where state = 'SENT'"
        await within(5, lambda: owner.fetchval(sent))
        later(door, minutes=15)
        given_up = "select true from headends.request where state = 'TIMED_OUT'"
        await within(5, lambda: owner.fetchval(given_up))


async def test_what_was_being_sent_when_it_stopped_is_sent_again(
    door, boss, house, head, monkeypatch
) -> None:
    monkeypatch.setattr(lanes, "_PATIENCE_SECONDS", 0.1)
    head.hangs = True
    await ask(door, boss, "READ", "M1")
    async with sending(door, PUBLIC) as first:
        await first.look()
        await within(5, lambda: head.sent)
    head.hangs = False
    async with sending(door, PUBLIC) as second:
        await send(second)
        assert len(head.sent) == 1
        later(door, seconds=60)
        await send(second)
    assert [body["uuid"] for _, body in head.sent] == [head.sent[0][1]["uuid"]] * 2
    assert await lives(door, boss, "M1") == [("READ", "SENT")]


async def test_trouble_with_the_database_is_logged_and_looked_at_again(
    door, boss, house, head, sender, monkeypatch
) -> None:
    await ask(door, boss, "READ", "M1")
    act = door.act

    async def troubled(verb, command, actor, key=None):
        raise OSError("the database went away")

    monkeypatch.setattr(door, "act", troubled)
    await send(sender)
    monkeypatch.setattr(door, "act", act)
    assert len(await door.ask(head_ends_waited, Nothing(), AUTO)) == 1
    await send(sender)
    assert len(head.sent) == 1
