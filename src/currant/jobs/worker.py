"""The worker: drawdown and requests to meters as soon as they are due, the rest by the clock."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from typing import TypeVar

import asyncpg
import structlog

from currant.access.model import AUTO
from currant.access.verbs import Nothing, forget_keys, portals
from currant.audit.model import AuditKey
from currant.audit.verbs import seal_audit, sign_audit_heads
from currant.documents.verbs import AT_ONCE, portals_waiting, render_pending
from currant.door import Door
from currant.drawdown.verbs import charge_fixed, draw_down, portals_due
from currant.garbage import collect_rarely
from currant.jobs.headends import sending, time_out_all
from currant.jobs.notices import Carriers, delivering
from currant.reads.verbs import due_blocks

P = TypeVar("P")

log = structlog.get_logger()

CHANNEL = "currant_due"
ASKED = "currant_asked"
NOTICES = "currant_notices"
HANDS = 3
LOOK_EVERY = 10.0
SEAL_EVERY = 60.0
CHARGE_EVERY = 3600.0
NO_CARRIERS = Carriers()


async def run_jobs(
    door: Door,
    url: str,
    key: bytes,
    stop: asyncio.Event,
    public_url: str = "http://127.0.0.1:8080",
    carriers: Carriers = NO_CARRIERS,
) -> None:
    """Run every job until told to stop; what one of them raises is logged and tried again.

    `key` is what this installation signs the daily heads of its audit log with, `public_url` where
    head-ends call it back, `carriers` what brings messages to people.
    """
    collect_rarely()
    due, asked, queued = asyncio.Event(), asyncio.Event(), asyncio.Event()
    async with sending(door, public_url) as sender, delivering(door, carriers) as postman:
        jobs = [
            _listen(url, {CHANNEL: due, ASKED: asked, NOTICES: queued}, stop),
            _repeat(lambda: draw_all(door), LOOK_EVERY, stop, due),
            _repeat(sender.look, LOOK_EVERY, stop, asked),
            _repeat(lambda: time_out_all(door), LOOK_EVERY, stop),
            _repeat(lambda: render_all(door), LOOK_EVERY, stop),
            _repeat(postman.look, LOOK_EVERY, stop, queued),
            _repeat(lambda: door.act(seal_audit, Nothing(), AUTO), SEAL_EVERY, stop),
            _repeat(lambda: charge_all(door), CHARGE_EVERY, stop),
            _repeat(lambda: door.act(forget_keys, Nothing(), AUTO), CHARGE_EVERY, stop),
            _repeat(lambda: door.act(sign_audit_heads, AuditKey(key), AUTO), CHARGE_EVERY, stop),
        ]
        await asyncio.gather(*jobs)


async def draw_all(door: Door) -> int:
    """Draw down every portal's due blocks of meters; return how many ledger entries that made.

    Three hands take blocks in turn, so that one prices while the database works for the others.
    Raises an `ExceptionGroup` of what failed, after all blocks of all portals had their turn.
    """

    async def draw(portal: str) -> int:
        actor = AUTO.at(portal)
        blocks = iter(await door.act(due_blocks, Nothing(), actor))

        async def block(number: int) -> int:
            return (await door.act(draw_down, number, actor)).entries

        async def hand(_: int) -> int:
            return sum(await _each(blocks, block, "block"))

        hands = await asyncio.gather(*map(hand, range(HANDS)), return_exceptions=True)
        if failed := [told for told in hands if isinstance(told, Exception)]:
            raise ExceptionGroup("some blocks were not drawn down", failed)
        return sum(entries for entries in hands if isinstance(entries, int))

    return sum(await _each(await door.ask(portals_due, Nothing(), AUTO), draw, "portal"))


async def charge_all(door: Door) -> int:
    """Charge every portal's fixed charges of the months that are over; return how many.

    Raises an `ExceptionGroup` of what failed, after all portals had their turn.
    """

    async def charge(portal: str) -> int:
        return await door.act(charge_fixed, Nothing(), AUTO.at(portal))

    keys = [portal.key for portal in await door.ask(portals, Nothing(), AUTO)]
    return sum(await _each(keys, charge, "portal"))


async def render_all(door: Door) -> int:
    """Render every portal's documents that wait, some at a time; return how many.

    Raises an `ExceptionGroup` of what failed, after all portals had their turn.
    """

    async def render(portal: str) -> int:
        rendered, more = 0, True
        while more:
            done = await door.act(render_pending, AT_ONCE, AUTO.at(portal))
            rendered += done.rendered
            more = done.rendered + done.failed == AT_ONCE
        return rendered

    return sum(await _each(await door.ask(portals_waiting, Nothing(), AUTO), render, "portal"))


async def _each(places: Iterable[P], job: Callable[[P], Awaitable[int]], kind: str) -> list[int]:
    """Do a job for one place after the other: what fails in one is raised after the last."""
    done, failed = [], []
    for place in places:
        try:
            done.append(await job(place))
        except Exception as error:  # noqa: BLE001  # one's trouble is not another's
            error.add_note(f"{kind} {place}")
            failed.append(error)
    if failed:
        raise ExceptionGroup(f"a job failed in some {kind}s", failed)
    return done


async def _repeat(
    job: Callable[[], Awaitable[object]],
    every: float,  # seconds
    stop: asyncio.Event,
    woken: asyncio.Event | None = None,
) -> None:
    """Run a job at once, and again after some seconds or when woken."""
    while not stop.is_set():
        if woken is not None:
            woken.clear()
        try:
            await job()
        except Exception as error:  # a bug in one job must not stop the others
            log.exception("a job failed and will be tried again", reason=str(error))
        waits = [asyncio.ensure_future(event.wait()) for event in (stop, woken) if event]
        await asyncio.wait(waits, timeout=every, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()


async def _listen(url: str, wakes: Mapping[str, asyncio.Event], stop: asyncio.Event) -> None:
    """Wake jobs by the channels they are told on; connect again where the database went away."""
    while not stop.is_set():
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            connection = await asyncpg.connect(url)
            gone = asyncio.Event()
            connection.add_termination_listener(lambda *_, gone=gone: gone.set())
            for channel, woken in wakes.items():
                await connection.add_listener(channel, lambda *_, woken=woken: woken.set())
                woken.set()
            waits = [asyncio.ensure_future(event.wait()) for event in (stop, gone)]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
            await connection.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 2)
