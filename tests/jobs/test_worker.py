"""The worker: it draws down as soon as reads are committed, and no failure spreads."""

import asyncio
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
from tests.conftest import make_user
from tests.drawdown.test_drawdown import HOUR, balance, read
from tests.houses import small_house
from tests.waiting import until_listening, within

from currant.access.model import OPERATOR, CreatePortal
from currant.access.verbs import create_portal
from currant.drawdown.verbs import draw_down
from currant.jobs import worker


@asynccontextmanager
async def working(door, urls):
    """Let the jobs run for the block; they must end when they are told to."""
    stop = asyncio.Event()
    jobs = asyncio.create_task(worker.run_jobs(door, urls.runtime, b"k" * 32, stop))
    yield jobs
    stop.set()
    await asyncio.wait_for(jobs, 5)


async def test_reads_are_drawn_down_as_they_come(
    door, boss, portal, clock, owner, urls, monkeypatch
) -> None:
    """Long before the worker would look by itself."""
    monkeypatch.setattr(worker, "LOOK_EVERY", 600)
    await small_house(door, boss, wallet="currency")
    async with working(door, urls):
        await until_listening(urls)
        clock.advance(HOUR)
        await read(door, boss, ("M1", clock.now(), "10"))
        await within(5, lambda: balance(owner))
    assert await balance(owner) == Decimal("-3.00")


async def test_what_is_due_is_found_without_being_told(
    door, boss, portal, clock, owner, urls
) -> None:
    await small_house(door, boss, wallet="currency")
    clock.advance(HOUR)
    await read(door, boss, ("M1", clock.now(), "10"))
    async with working(door, urls):
        await within(5, lambda: balance(owner))


async def test_the_audit_log_is_sealed(door, boss, owner, urls) -> None:
    sealed = "select count(*) > 0 from audit.seal"
    async with working(door, urls):
        await within(5, lambda: owner.fetchval(sealed))


async def test_a_bug_in_one_job_stops_no_other(door, urls, portal, monkeypatch) -> None:
    tries = []

    async def broken(_door) -> int:
        tries.append(1)
        raise LookupError("a bug")

    monkeypatch.setattr(worker, "draw_all", broken)
    monkeypatch.setattr(worker, "LOOK_EVERY", 0.01)
    async with working(door, urls) as jobs:
        await within(5, lambda: len(tries) > 2)
        assert not jobs.done()


async def test_one_portals_trouble_is_not_anothers(
    door, boss, portal, clock, owner, monkeypatch
) -> None:
    await door.act(create_portal, CreatePortal("zeta", "Zeta", "UTC", "USD", "CEC"), OPERATOR)
    other = await make_user(door, "zeta", "boss2", "SysAdmin")
    for actor in (boss, other):
        await small_house(door, actor, wallet="currency")
    clock.advance(HOUR)
    for actor in (boss, other):
        await read(door, actor, ("M1", clock.now(), "10"))
    act = door.act

    async def troubled(verb, command, actor, key=None):
        if verb is draw_down and actor.portal == "example":
            raise LookupError("a bug")
        return await act(verb, command, actor, key)

    monkeypatch.setattr(door, "act", troubled)
    with pytest.raises(ExceptionGroup) as raised:
        await worker.draw_all(door)
    assert raised.value.exceptions[0].__notes__ == ["portal example"]
    assert await balance(owner) == Decimal("-3.00")


async def test_one_blocks_trouble_is_not_anothers(
    door, boss, portal, clock, owner, monkeypatch
) -> None:
    """Meters beyond a block that cannot be drawn down are; the block stays due."""
    house = await small_house(door, boss, homes=2, wallet="currency")
    await owner.execute("alter table metering.meter alter meter_id restart 5000")
    more = await small_house(door, boss, homes=2, wallet="currency", rate=None, first=50)
    clock.advance(HOUR)
    serials = (*house.serials, *more.serials)
    await read(door, boss, *((serial, clock.now(), "10") for serial in serials))
    act = door.act

    async def troubled(verb, command, actor, key=None):
        if verb is draw_down and command == 0:
            raise LookupError("a bug")
        return await act(verb, command, actor, key)

    monkeypatch.setattr(door, "act", troubled)
    with pytest.raises(ExceptionGroup):
        await worker.draw_all(door)
    assert await balance(owner) == Decimal("-6.00")
    monkeypatch.undo()
    await worker.draw_all(door)
    assert await balance(owner) == Decimal("-12.00")
