"""Waiting in tests: for what is to come true, never for a while."""

import asyncio
from collections.abc import Callable
from inspect import isawaitable

import asyncpg

from currant.db.database import Urls
from currant.jobs.worker import NOTICES

# A row that is waited for is told without its database, so the waiting one's other locks tell it.
WAITING = """
select count(distinct waits.pid)
from pg_locks as waits
inner join pg_locks as holds on holds.pid = waits.pid
inner join pg_database as d on d.oid = holds.database
where not waits.granted and d.datname = current_database()
"""
LISTENING = """
select count(*) > 0
from pg_stat_activity
where datname = current_database() and state = 'idle' and query ilike 'listen %' || $1 || '%'
"""


async def within(seconds: float, ask: Callable[[], object]) -> None:
    """Wait until a question is answered by something true, at once or awaited."""
    async with asyncio.timeout(seconds):
        while True:
            told = ask()
            if await told if isawaitable(told) else told:
                return
            await asyncio.sleep(0.02)


async def until_waiting(owner: asyncpg.Connection, how_many: int = 1) -> None:
    """Wait until sessions of this database wait for locks."""

    async def waiting() -> bool:
        return await owner.fetchval(WAITING) >= how_many

    await within(20, waiting)


async def until_listening(urls: Urls) -> None:
    """Wait until the worker listens on the last of its channels."""
    runtime = await asyncpg.connect(urls.runtime)  # Nobody else is told what it does.
    await within(20, lambda: runtime.fetchval(LISTENING, NOTICES))
    await runtime.close()
