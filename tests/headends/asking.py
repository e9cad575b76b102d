"""Asking meters in tests, telling how it was sent, and looking at what became of it."""

from datetime import timedelta
from uuid import UUID

import asyncpg
import msgspec

from currant.access.model import AUTO, OPERATOR, Actor
from currant.door import Door
from currant.headends.model import (
    AskMeters,
    CallbackUnit,
    Command,
    MeterRequest,
    Outgoing,
    RequestsWanted,
    Sent,
    SetHeadEnd,
    TellSent,
)
from currant.headends.verbs import ask_meters, meter_requests, set_head_end, tell_sent
from currant.prepayment.verbs import requests_to_send

URL = "http://127.0.0.1:9/"
BEYOND = 2**62


async def set_up(
    door: Door,
    url: str = URL,
    *,
    source: str = "multispeak",
    unit: CallbackUnit = CallbackUnit.WH,
    minutes: int = 15,
    portal: str = "example",
    token: str = "",
) -> None:
    """Set a head-end of a portal."""
    wanted = SetHeadEnd(source, url, token, unit, minutes)
    await door.act(set_head_end, wanted, OPERATOR.at(portal))


async def ask(door: Door, actor: Actor, command: str, *serials: str) -> list[UUID]:
    """Ask meters by hand; return the names of the requests."""
    wanted = AskMeters(Command(command), list(serials), "a test")
    return [row.request_id for row in await door.act(ask_meters, wanted, actor)]


async def take(door: Door, source: str = "multispeak", portal: str = "example") -> list[Outgoing]:
    """Take what is due to be sent."""
    return await door.act(requests_to_send, source, AUTO.at(portal))


async def send(door: Door, *, trouble: str = "", source: str = "multispeak") -> list[Outgoing]:
    """Take what is due to be sent, and tell that the head-end took it or what went wrong."""
    taken = await take(door, source)
    told = TellSent([Sent(one.request_id, trouble) for one in taken])
    await door.act(tell_sent, told, AUTO.at("example"))
    return taken


async def requests(door: Door, actor: Actor, serial: str | None = None) -> list[MeterRequest]:
    """The requests, oldest first."""
    rows = await door.ask(meter_requests, RequestsWanted(BEYOND, 1000, serial), actor)
    return rows[::-1]


async def lives(door: Door, actor: Actor, serial: str) -> list[tuple[str, str]]:
    """What was asked of a meter and where each request is in its life, oldest first."""
    return [(row.command, row.state) for row in await requests(door, actor, serial)]


async def state_of(owner: asyncpg.Connection, serial: str) -> str:
    return await owner.fetchval(
        "select meter_state from metering.meter where serial_number = $1", serial
    )


def later(door: Door, **elapsed: int) -> None:
    """Let time pass."""
    door.clock.advance(timedelta(**elapsed))


def plain(row: MeterRequest, *members: str) -> tuple[object, ...]:
    """Some members of a request."""
    told = msgspec.structs.asdict(row)
    return tuple(told[name] for name in members)
