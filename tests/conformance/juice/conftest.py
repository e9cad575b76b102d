"""Stages for tests: the fixtures of section 4, built when first asked for and kept a while."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime

import asyncpg
import pytest
from tests.conformance.juice.examples import EXAMPLES
from tests.conformance.juice.fixtures import PORTALS, named
from tests.conformance.juice.stage import Stage
from tests.conftest import make_user, new_database, served, token_header
from tests.shared import superuser

from currant.access.model import OPERATOR, CreatePortal
from currant.access.verbs import create_portal
from currant.clock import FrozenClock
from currant.db.embedded import EmbeddedServer
from currant.db.tx import open_pool
from currant.door import Door

MOST_STANDING = 8


@asynccontextmanager
async def staged(server: EmbeddedServer, template: str, fixture: str) -> AsyncIterator[Stage]:
    """Build a fixture and serve it for the block, with the clock and zone of its examples."""
    example = next(one for one in EXAMPLES if one.fixture == fixture)
    portal = PORTALS.get(fixture, "example")
    async with AsyncExitStack() as stack:
        urls = await stack.enter_async_context(new_database(server, template))
        clock = FrozenClock(datetime.fromisoformat(example.clock))
        door = Door(await stack.enter_async_context(await open_pool(urls.runtime, size=2)), clock)
        owner = await asyncpg.connect(urls.owner)
        stack.push_async_callback(owner.close)
        made = CreatePortal(portal, portal.title(), example.zone, "USD", "CEC", tz_index=11)
        await door.act(create_portal, made, OPERATOR)
        boss = await make_user(door, portal, "boss", "SysAdmin")
        stage = Stage(
            portal=portal,
            instant=example.clock,
            owner=owner,
            clock=clock,
            door=door,
            boss=boss,
            http=await stack.enter_async_context(served(urls, clock, pool_size=4)),
            caller=token_header(boss),
            urls=urls,
            superuser=superuser(server, urls),
        )
        await named(fixture)(stage)
        stage.at(stage.instant)
        assert await stage.faults() == []
        await stage.keep()
        yield stage


class Stages:
    """The stages that stand, by their fixtures; the one not used for longest makes room."""

    def __init__(self, server: EmbeddedServer, template: str) -> None:
        self.server = server
        self.template = template
        self.standing: dict[str, tuple[Stage, AsyncExitStack]] = {}
        self.used: set[str] = set()

    async def __call__(self, fixture: str) -> Stage:
        """Return a fixture as it was built."""
        if fixture not in self.standing:
            if len(self.standing) == MOST_STANDING:
                await self.close(next(iter(self.standing)))
            stack = AsyncExitStack()
            stage = await stack.enter_async_context(staged(self.server, self.template, fixture))
            self.standing[fixture] = stage, stack
        self.standing[fixture] = self.standing.pop(fixture)
        self.used.add(fixture)
        return self.standing[fixture][0]

    async def put_back(self) -> None:
        """Hold the books of every stage that was used against the wallets, and put it back."""
        faults = {}
        for fixture in self.used & self.standing.keys():
            stage, _ = self.standing[fixture]
            faults[fixture] = await stage.faults()
            await stage.put_back()
        self.used.clear()
        assert not any(faults.values()), faults

    async def close(self, fixture: str) -> None:
        """Take a stage down."""
        await self.standing.pop(fixture)[1].aclose()


@pytest.fixture(scope="session")
async def standing(server: EmbeddedServer, template: str) -> AsyncIterator[Stages]:
    """The stages of a run."""
    stages = Stages(server, template)
    yield stages
    for fixture in list(stages.standing):
        await stages.close(fixture)


@pytest.fixture
async def stages(standing: Stages) -> AsyncIterator[Stages]:
    """What answers the stage of a fixture: `await stages("F-TRIO")`, as new in every test."""
    yield standing
    await standing.put_back()
