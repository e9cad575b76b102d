"""The stage of the running example: built once, and put back after each test that changed it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import asyncpg
import pytest
from tests.conformance.utilmate.stage import Stage, build
from tests.conftest import NOW, new_database, served
from tests.shared import superuser

from currant.clock import FrozenClock
from currant.db.embedded import EmbeddedServer
from currant.db.tx import open_pool
from currant.door import Door


@pytest.fixture(scope="session")
async def standing(server: EmbeddedServer, template: str) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        urls = await stack.enter_async_context(new_database(server, template))
        clock = FrozenClock(NOW)
        door = Door(await stack.enter_async_context(await open_pool(urls.runtime, size=2)), clock)
        owner = await asyncpg.connect(urls.owner)
        stack.push_async_callback(owner.close)
        http = await stack.enter_async_context(served(urls, clock, pool_size=4))
        stage = Stage(owner, clock, door, urls, superuser(server, urls), http)
        await build(stage)
        await stage.keep()
        yield stage


@pytest.fixture
async def stage(standing: Stage) -> AsyncIterator[Stage]:
    yield standing
    await standing.put_back()
