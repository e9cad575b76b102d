"""Whatever is lost, late or out of order: in the end the books say where the relay is.

A made-up head-end does what it is sent, once and in order. Posts and their replies are lost,
answers come in any order, late or never; meanwhile the wallet is used up and filled again. When it
all has come to rest, the state in the books is the truth, or known to be unknown; a payment leads
to a meter that is connected, an empty wallet to one that is not.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from random import Random
from uuid import UUID

import asyncpg
import pytest
from tests.headends.asking import ask, later, requests, set_up, state_of, take
from tests.headends.test_requests import answer, cut_off, pay
from tests.houses import House, small_house
from tests.shared import shared_urls, urls  # noqa: F401

from currant.access.model import AUTO, Actor
from currant.access.verbs import Nothing
from currant.door import Door
from currant.headends.model import Sent, TellSent
from currant.headends.verbs import tell_sent, time_out

JOBS = AUTO.at("example")
FATES = ("well", "well", "not there", "unheard")


class HeadEnd:
    """Does relay commands, and keeps the answers that it has yet to give."""

    def __init__(self) -> None:
        self.connected = True
        self.answers: list[tuple[UUID, str]] = []
        self.done: set[UUID] = set()

    def obey(self, request_id: UUID, command: str) -> None:
        if request_id not in self.done:
            self.done.add(request_id)
            self.answers.append((request_id, command))
            if command != "STATUS":
                self.connected = command == "CONNECT"


class World:
    """A meter, its wallet, and the head-end between."""

    def __init__(
        self, door: Door, boss: Actor, owner: asyncpg.Connection, house: House, seed: int
    ) -> None:
        self.door, self.boss, self.owner = door, boss, owner
        self.account = house.accounts[0]
        self.random = Random(seed)  # noqa: S311  # the same story each time
        self.head = HeadEnd()

    async def send(self, *, losing: bool) -> int:
        sent = []
        taken = await take(self.door)
        for request in taken:
            fate = self.random.choice(FATES) if losing else "well"
            if fate != "not there":
                self.head.obey(request.request_id, request.command)
            sent.append(Sent(request.request_id, "" if fate == "well" else fate))
        if losing and self.random.random() < 0.1:
            return len(taken)  # The sender ends before it tells.
        await self.door.act(tell_sent, TellSent(sent), JOBS)
        return len(taken)

    async def hear(self, *, losing: bool) -> int:
        if not self.head.answers:
            return 0
        place = self.random.randrange(len(self.head.answers))
        request_id, command = self.head.answers.pop(place)
        if not (losing and self.random.random() < 0.2):
            told = {"succeeded": not (losing and self.random.random() < 0.1)}
            await answer(self.door, self.boss, request_id, command, **told)
        return 1

    async def wait(self) -> None:
        later(self.door, minutes=self.random.choice([1, 5, 20]))
        await self.door.act(time_out, Nothing(), JOBS)

    async def step(self) -> None:
        match self.random.randrange(7):
            case 0:
                await pay(self.door, self.boss, self.account)
            case 1:
                await cut_off(self.door, self.owner, self.account)
            case 2 | 3:
                await self.send(losing=True)
            case 4 | 5:
                await self.hear(losing=True)
            case 6:
                await self.wait()
        later(self.door, seconds=1)

    async def rest(self) -> None:
        """Let all that is under way come to its end, with nothing lost any more."""
        for _ in range(40):
            await self.send(losing=False)
            if self.random.random() < 0.7:
                await self.hear(losing=False)
            later(self.door, seconds=70)
        while await self.send(losing=False) or await self.hear(losing=False):
            pass
        later(self.door, minutes=20)
        await self.door.act(time_out, Nothing(), JOBS)

    def truth(self) -> str:
        return "CONNECTED" if self.head.connected else "DISCONNECTED"


@pytest.mark.parametrize("seed", range(16))
async def test_the_books_say_where_the_relay_is(door, boss, owner, seed: int) -> None:
    house = await small_house(door, boss)
    await set_up(door)
    await owner.execute("update metering.meter set meter_state = 'CONNECTED'")
    world = World(door, boss, owner, house, seed)
    for _ in range(60):
        await world.step()
    await world.rest()
    assert await state_of(owner, "M1") in (world.truth(), "UNKNOWN")
    for paid in (seed % 2 == 0, seed % 2 == 1, seed % 2 == 0):
        if paid:
            await pay(door, boss, world.account)
        else:
            await cut_off(door, owner, world.account)
        await world.rest()
        assert await state_of(owner, "M1") == world.truth()
        assert world.head.connected == paid
    assert {row.state for row in await requests(door, boss)} <= {
        "DONE", "FAILED", "TIMED_OUT", "WITHDRAWN",
    }  # fmt: skip


CUT_OFF_ALL = """
select headends.cut_off(
    min(a.portal_id), array_agg(a.account_id), array_agg('units'::text), $1
)
from customers.account as a
"""


async def often(act: Callable[[], Awaitable[object]]) -> None:
    for _ in range(12):
        await act()


async def send_and_answer(door: Door, boss: Actor, head: HeadEnd) -> None:
    taken = await take(door)
    for request in taken:
        head.obey(request.request_id, request.command)
    told = TellSent([Sent(request.request_id, "") for request in taken])
    await door.act(tell_sent, told, JOBS)
    while head.answers:
        await answer(door, boss, *head.answers.pop())
    await door.act(time_out, Nothing(), JOBS)


async def test_all_of_it_at_once_locks_nobody_out(door, boss, owner, urls) -> None:  # noqa: F811
    """Payments, used-up wallets, people, senders, answers and time-outs meet on the same meters."""
    house = await small_house(door, boss, homes=4)
    await set_up(door)
    await owner.execute("update metering.meter set meter_state = 'CONNECTED'")
    head = HeadEnd()
    others = [await asyncpg.connect(urls.owner) for _ in range(4)]
    send = partial(send_and_answer, door, boss, head)
    acts = [
        *(partial(other.fetchval, CUT_OFF_ALL, door.clock.now()) for other in others),
        *(partial(pay, door, boss, account) for account in house.accounts),
        *(partial(ask, door, boss, name, *house.serials) for name in ("READ", "CONNECT")),
        partial(ask, door, boss, "DISCONNECT", *house.serials),
        send,
        send,
    ]
    await asyncio.gather(*map(often, acts))
    for other in others:
        await other.close()
    later(door, minutes=2)
    await often(send)
    assert {row.state for row in await requests(door, boss)} <= {"DONE", "WITHDRAWN"}
    states = {await state_of(owner, serial) for serial in house.serials}
    assert states <= {"CONNECTED", "DISCONNECTED"}
