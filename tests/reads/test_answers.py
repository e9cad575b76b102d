"""Reads that a head-end answers with: the path of every read, and one doubt more."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.conftest import NOW
from tests.reads.meters import deliver, line, meters, standing, suspects, use_all
from tests.shared import shared_urls, urls  # noqa: F401

from currant.access.model import Actor
from currant.door import Door
from currant.errors import Invalid
from currant.reads.model import AnsweredRead, RecordAnswers
from currant.reads.verbs import record_answers

WH = st.integers(0, 10**12)


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(value=WH, before=WH)
@example(value=100, before=1)
@example(value=101, before=1)
@example(value=1, before=100)
@example(value=1, before=101)
@example(value=0, before=0)
@example(value=1, before=0)
@example(value=0, before=1)
@example(value=2**63 - 1, before=2**63 - 1)
async def test_a_jump_is_over_a_hundred_times_either_way(value: int, before: int, owner) -> None:
    jumps = await owner.fetchval("select reads.jumps($1, $2)", value, before)
    assert jumps == ((before > 0 and value > 100 * before) or before > 100 * value)


async def answer(door: Door, actor: Actor, *reads: tuple[str, int, str], watts: bool = True):
    """Record what was answered: serial number, hours from now, value."""
    told = [
        AnsweredRead(serial, NOW + timedelta(hours=hours), Decimal(value))
        for serial, hours, value in reads
    ]
    return await door.act(record_answers, RecordAnswers("mas", told, watts), actor)


async def test_they_are_stored_as_of_their_head_end(door, boss, owner) -> None:
    await meters(owner, "M1", "M2", factor="40")
    done = await answer(door, boss, ("M1", 0, "1000.5"), ("M2", 0, "7"), ("M9", 0, "1"))
    assert (done.stored, done.duplicates, done.quarantined) == (2, 0, 1)
    assert await suspects(owner) == [(3, "NOSITE")]
    row = await owner.fetchrow(
        "select b.source, b.records, r.original, r.value, r.multiplier from reads.read as r "
        "inner join reads.batch as b using (portal_id, batch_id) order by r.value desc limit 1"
    )
    assert tuple(row) == ("mas", 3, "1000.5", 1001, Decimal(40))
    assert (await answer(door, boss, ("M1", 0, "1000.5"))).duplicates == 1
    assert (await answer(door, boss, ("M1", 1, "2"), watts=False)).stored == 1
    assert [change.energy_wh for change in await use_all(door) if change.energy_wh] == [999 * 40]


async def test_a_file_is_not_doubted_for_a_jump(door, boss, owner) -> None:
    await meters(owner, "M1")
    await deliver(door, boss, line("M1", "2026-02-01T00:00:00Z", "0.001"))
    await deliver(door, boss, line("M1", "2026-02-02T00:00:00Z", "1000"))
    assert await suspects(owner) == []
    assert len(await standing(owner, "M1")) == 2


async def test_one_that_is_too_far_ahead_is_refused(door, boss, owner) -> None:
    await meters(owner, "M1")
    with pytest.raises(Invalid, match="24 hours ahead"):
        await answer(door, boss, ("M1", 0, "1"), ("M1", 25, "2"))
    assert await standing(owner, "M1") == []
