"""The worker: drawdown as soon as reads are committed, the rest by the clock."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import asyncpg
import structlog

from currant.access.model import AUTO
from currant.access.verbs import Nothing, portals, seal_audit
from currant.door import Door
from currant.drawdown.model import DrawDown
from currant.drawdown.verbs import charge_fixed, draw_down, portals_due
from currant.errors import Refusal

log = structlog.get_logger()

CHANNEL = "currant_due"
REGISTERS = 2000
LOOK_EVERY = 10.0
SEAL_EVERY = 60.0
CHARGE_EVERY = 3600.0


async def run_jobs(door: Door, url: str, stop: asyncio.Event) -> None:
    """Run every job until told to stop; what one of them raises is logged and tried again."""
    woken = asyncio.Event()
    jobs = [
        _listen(url, woken, stop),
        _repeat(lambda: draw_all(door), LOOK_EVERY, stop, woken),
        _repeat(lambda: door.act(seal_audit, Nothing(), AUTO), SEAL_EVERY, stop),
        _repeat(lambda: charge_all(door), CHARGE_EVERY, stop),
    ]
    await asyncio.gather(*jobs)


async def draw_all(door: Door) -> int:
    """Draw down every portal until nothing is due; return how many ledger entries that made."""
    entries = 0
    for portal in await door.ask(portals_due, Nothing(), AUTO):
        while True:
            drawn = await door.act(draw_down, DrawDown(REGISTERS), AUTO.at(portal))
            entries += drawn.entries
            if not drawn.registers:
                break
    return entries


async def charge_all(door: Door) -> None:
    """Charge every portal's fixed charges of the months that are over, once each."""
    for portal in await door.ask(portals, Nothing(), AUTO):
        await door.act(charge_fixed, Nothing(), AUTO.at(portal.key))


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
        except (Refusal, asyncpg.PostgresError, OSError) as error:
            log.exception("a job failed and will be tried again", reason=str(error))
        waits = [asyncio.ensure_future(event.wait()) for event in (stop, woken) if event]
        await asyncio.wait(waits, timeout=every, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()


async def _listen(url: str, woken: asyncio.Event, stop: asyncio.Event) -> None:
    """Wake the drawdown when reads are committed; connect again where the database went away."""
    while not stop.is_set():
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            connection = await asyncpg.connect(url)
            gone = asyncio.Event()
            connection.add_termination_listener(lambda *_, gone=gone: gone.set())
            await connection.add_listener(CHANNEL, lambda *_: woken.set())
            woken.set()
            waits = [asyncio.ensure_future(event.wait()) for event in (stop, gone)]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
            await connection.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 2)
