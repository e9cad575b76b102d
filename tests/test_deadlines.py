"""Work that is given up at a deadline is undone, and leaves its connection fit for others."""

import asyncio
import random
from decimal import Decimal

import pytest

from currant.access.model import Actor
from currant.access.verbs import Nothing, who_am_i
from currant.door import Door, OutcomeUnknown, TookTooLong
from currant.tariffs.model import CreateTariff
from currant.tariffs.verbs import create_tariff
from tests.shared import shared_urls, urls

__all__ = ["shared_urls", "urls"]


def named(name: str) -> CreateTariff:
    return CreateTariff(
        name, name, "", "kWh", 1, Decimal("0.1"), taxable=False, fuel_charge=False, levies=(),
        fixed=False, kva_fixed=False,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
async def test_acts_that_are_given_up_at_any_moment(door: Door, boss: Actor, owner, seed) -> None:
    chance = random.Random(seed)  # noqa: S311
    loop = asyncio.get_running_loop()
    outcomes: dict[str, str] = {}

    async def act(name: str, most: float) -> None:
        hurried = door.until(loop.time() + chance.uniform(0, most))
        try:
            await hurried.act(create_tariff, named(name), boss)
            outcomes[name] = "done"
        except OutcomeUnknown:
            outcomes[name] = "unknown"
        except TookTooLong:
            outcomes[name] = "undone"

    for round_ in range(2):  # The second is as long as it takes.
        begun = loop.time()
        await asyncio.gather(*(act(f"R{round_}-{n}", 1000) for n in range(6)))
        taken = loop.time() - begun
    for turn in range(40):
        await asyncio.gather(*(act(f"T{turn}-{n}", 2 * taken) for n in range(6)))
    stored = {row["name"] for row in await owner.fetch("select name from tariffs.tariff")}
    done, unknown, undone = (
        {name for name, outcome in outcomes.items() if outcome == told}
        for told in ("done", "unknown", "undone")
    )
    assert len(done) > 12
    assert len(undone) > 12
    assert done <= stored <= done | unknown
    await asyncio.gather(*(door.ask(who_am_i, Nothing(), boss) for _ in range(40)))
    idle = "select count(*) from pg_stat_activity where state like 'idle in transaction%'"
    assert await owner.fetchval(idle) == 0


async def test_a_pool_that_is_taken_keeps_nobody_beyond_the_deadline(
    door: Door, boss: Actor
) -> None:
    loop = asyncio.get_running_loop()
    held = [await door.pool.acquire() for _ in range(door.pool.get_max_size())]
    begun = loop.time()
    with pytest.raises(TookTooLong):
        await door.until(begun + 0.2).ask(who_am_i, Nothing(), boss)
    with pytest.raises(TookTooLong):
        await door.until(begun + 0.2).prove_password("boss", "x")
    assert loop.time() - begun < 2
    for connection in held:
        await door.pool.release(connection)
    assert (await door.until(loop.time() + 5).ask(who_am_i, Nothing(), boss)).login == "boss"
