"""Usage made of reads: each read used once, and whatever the order, all of it (INV-10)."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import asyncpg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.reads.meters import apart, deliver, hours, line, live, meters, standing, use, use_all
from tests.shared import shared_urls, urls  # noqa: F401

from currant.access.model import Actor
from currant.db.tx import Tx
from currant.door import Door
from currant.reads.model import UsageChange

DAY = "2026-02-0{}T00:00:00Z"


def told(changes: list[UsageChange]) -> list[tuple[int, int]]:
    """What changed: Wh and sign."""
    return [(change.energy_wh, change.sign) for change in changes]


async def test_the_first_read_opens_and_the_next_ones_count(door: Door, boss: Actor, owner) -> None:
    (meter_id,) = await meters(owner, "M1")
    await deliver(door, boss, *hours("M1", [100, 101, 103.5]))
    changes = await use(door)
    assert told(changes) == [(0, 1), (1000, 1), (2500, 1)]
    assert {change.meter_id for change in changes} == {meter_id}
    assert changes[0].from_at == changes[0].to_at == datetime(2026, 2, 1, tzinfo=UTC)
    assert await use(door) == []
    await deliver(door, boss, line("M1", DAY.format(2), "110"))
    assert told(await use(door)) == [(6500, 1)]
    assert await owner.fetchval("select count(*) from reads.due") == 0


async def test_reads_that_were_ignored_make_nothing_due(door: Door, boss: Actor, owner) -> None:
    await meters(owner, "M1")
    records = hours("M1", [100, 101])
    await deliver(door, boss, *records)
    await use(door)
    await deliver(door, boss, *records, line("M1", DAY.format(2), "50"))
    assert await use(door) == []


async def test_a_late_read_splits_its_neighbours_segment(door: Door, boss: Actor, owner) -> None:
    await meters(owner, "M1")
    await deliver(
        door, boss, *(line("M1", DAY.format(d), f"{kwh}") for d, kwh in ((1, 1), (4, 4), (5, 6)))
    )
    await use(door)
    await deliver(door, boss, line("M1", DAY.format(2), "2.5"))
    changes = await use(door)
    assert told(changes) == [(1500, 1), (3000, -1), (1500, 1)]
    assert await live(owner, "M1") == [
        ("02-01T00:00", "02-01T00:00", 0),
        ("02-01T00:00", "02-02T00:00", 1500),
        ("02-02T00:00", "02-04T00:00", 1500),
        ("02-04T00:00", "02-05T00:00", 2000),
    ]
    await deliver(door, boss, line("M1", "2026-01-31T00:00:00Z", "0.5"))
    assert told(await use(door)) == [(0, 1), (0, -1), (500, 1)]


async def test_a_corrected_read_replaces_both_its_segments(door: Door, boss: Actor, owner) -> None:
    await meters(owner, "M1")
    await deliver(door, boss, *hours("M1", [1, 2, 4, 5]))
    await use(door)
    await deliver(door, boss, line("M1", "2026-02-01T01:00:00Z", "3"))
    assert told(await use(door)) == [(1000, -1), (2000, 1), (2000, -1), (1000, 1)]
    await deliver(door, boss, line("M1", "2026-02-01T01:00:00Z", "2"))
    assert told(await use(door)) == [(2000, -1), (1000, 1), (1000, -1), (2000, 1)]


async def test_a_read_that_changes_nothing_is_passed_over(door: Door, boss: Actor, owner) -> None:
    """M1's correction is corrected before it is used; M2, behind it in the queue, is reached."""
    await apart(owner, "M1", "M2")
    await deliver(door, boss, *hours("M1", [1, 2, 4]))
    await use(door)
    await deliver(door, boss, line("M1", "2026-02-01T01:00:00Z", "3"))
    await deliver(door, boss, line("M1", "2026-02-01T01:00:00Z", "2"))
    await deliver(door, boss, line("M2", DAY.format(1), "7"))
    assert told(await use(door)) == [(0, 1)]
    assert await use(door) == []


async def test_rollover_and_multiplier(door: Door, boss: Actor, owner) -> None:
    await meters(owner, "D2", dials=2, factor="1.5")
    await deliver(door, boss, *hours("D2", [96, 97, 98, 2.001]))
    assert told(await use(door)) == [(0, 1), (1500, 1), (1500, 1), (6002, 1)]


async def test_a_meter_exchange_is_two_meters(door: Door, boss: Actor, owner) -> None:
    await meters(owner, "OLD", "NEW")
    await deliver(
        door, boss, *hours("OLD", [900, 905]),
        line("NEW", "2026-02-01T01:00:00Z", "0"), line("NEW", "2026-02-01T02:00:00Z", "3"),
    )  # fmt: skip
    changes = await use_all(door)
    assert sum(change.energy_wh for change in changes) == 8000
    assert await live(owner, "NEW") == [
        ("02-01T01:00", "02-01T01:00", 0),
        ("02-01T01:00", "02-01T02:00", 3000),
    ]


async def test_only_active_import_is_used(door: Door, boss: Actor, owner) -> None:
    await meters(owner, "M1")
    more = {"sumreverseactive": "5", "sumforwardreactive": "6", "sumreversereactive": "7"}
    await deliver(door, boss, line("M1", DAY.format(1), "1", **more))
    assert told(await use_all(door)) == [(0, 1)]


async def test_registers_opened_by_the_import_are_due(door: Door, boss: Actor, owner) -> None:
    ids = await meters(owner, "M1", "M2", factor="20")
    at = datetime(2026, 2, 1, tzinfo=UTC)
    portal_id = await owner.fetchval("select portal_id from access.portal where key = 'example'")
    call = "select reads.open_registers($1, $2, $3, $4)"
    await owner.execute(call, portal_id, [], [], at)
    assert await owner.fetchval("select count(*) from reads.batch") == 0
    await owner.execute(call, portal_id, ids, [0, 12345], at)
    row = await owner.fetchrow("select value, original, multiplier from reads.read where value > 0")
    assert tuple(row) == (12345, "12.345", Decimal(20))
    await deliver(door, boss, line("M2", DAY.format(2), "13"))
    assert told(await use_all(door)) == [(0, 1), (0, 1), (13100, 1)]


async def test_blocks_of_meters_are_used_one_by_one(door: Door, boss: Actor, owner) -> None:
    serials = [f"M{n}" for n in range(5)]
    await meters(owner, *serials[:3])
    await apart(owner, *serials[3:])
    for kwh in ([1, 2, 3], [1, 2, 3, 5]):
        await deliver(door, boss, *(r for serial in serials for r in hours(serial, kwh)))
        sizes = []
        while changes := await use(door):
            sizes.append(len({change.register_id for change in changes}))
        assert sizes == [4, 1]
    for serial in serials:
        assert [wh for *_, wh in await live(owner, serial)] == [0, 1000, 1000, 2000]


async def test_two_drawdowns_at_once_share_the_queue(door: Door, boss: Actor, owner) -> None:
    serials = [f"M{n}" for n in range(40)]
    await apart(owner, *serials)
    await deliver(door, boss, *(r for serial in serials for r in hours(serial, [1, 2])))
    await use(door)
    made = await asyncio.gather(*(use_all(door) for _ in range(4)))
    assert sorted(told([change for some in made for change in some])) == sorted(
        [(0, 1), (1000, 1)] * 39
    )


async def test_reads_that_arrive_while_others_are_used_are_due_afterwards(
    door: Door,
    boss: Actor,
    owner,
    urls,  # noqa: F811
) -> None:
    await meters(owner, "M1")
    await deliver(door, boss, *hours("M1", [1, 2]))
    busy = await asyncpg.connect(urls.owner)
    transaction = busy.transaction()
    await transaction.start()
    used = await busy.fetch(
        "select u.energy_wh from access.portal as p "
        "cross join lateral reads.queue_batches(p.portal_id) as q (block) "
        "cross join lateral reads.make_usage(p.portal_id, q.block, now()) as u "
        "where p.key = 'example'"
    )
    assert len(used) == 2
    await deliver(door, boss, line("M1", DAY.format(2), "9"))
    await transaction.commit()
    await busy.close()
    assert told(await use_all(door)) == [(7000, 1)]


async def test_as_many_statements_for_one_register_as_for_a_thousand(
    door: Door, boss: Actor, owner, monkeypatch
) -> None:
    await apart(owner, "M0")
    serials = [f"M{n}" for n in range(1, 1001)]
    await meters(owner, *serials)
    await deliver(door, boss, *(r for serial in ["M0", *serials] for r in hours(serial, [1, 2])))
    sent: list[str] = []
    original = Tx.all

    async def counting(self, statement, **values):
        sent.append(statement.name)
        return await original(self, statement, **values)

    monkeypatch.setattr(Tx, "all", counting)
    assert len(await use(door)) == 2
    assert len(await use(door)) == 2000
    assert sent == ["due_blocks", "make_usage"] * 2


START = datetime(2025, 6, 1, tzinfo=UTC)
DELIVERIES = st.lists(
    st.lists(
        st.tuples(st.integers(0, 12), st.integers(0, 40)),
        min_size=1,
        max_size=5,
    ),
    min_size=1,
    max_size=5,
)


@pytest.mark.parametrize("dials", [0, 1])
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(deliveries=DELIVERIES, use_between=st.booleans())
@example(deliveries=[[(1, 0), (2, 1)], [(0, 1), (1, 2), (2, 0)]], use_between=False)
async def test_usage_is_the_last_read_less_the_first_in_whatever_order_they_came(
    dials: int,
    deliveries: list[list[tuple[int, int]]],
    use_between: bool,
    door: Door,
    boss: Actor,
    owner,
) -> None:
    known = await owner.fetchval("select count(*) from metering.meter")
    serial = f"H{known}-{dials}"
    await meters(owner, serial, dials=dials)
    changes: list[UsageChange] = []
    for delivery in deliveries:
        records = [
            line(serial, (START + timedelta(days=day)).isoformat(), f"{tenths / 10}")
            for day, tenths in delivery
        ]
        done = await deliver(door, boss, *records)
        assert done.stored + done.duplicates + done.quarantined == len(records)
        if use_between:
            changes += await use_all(door)
    changes += await use_all(door)
    reads = await standing(owner, serial)
    segments = await live(owner, serial)
    values = [wh for _, wh in reads]
    span = 10_000 * dials
    steps = [after - before for before, after in pairwise(values)]
    assert all(step >= 0 or (step + span >= 0 and dials) for step in steps)
    assert [at for at, _ in reads] == [to for _, to, _ in segments]
    assert [frm for frm, _, _ in segments[1:]] == [to for _, to, _ in segments[:-1]]
    expected = sum(step if step >= 0 else step + span for step in steps)
    assert sum(wh for *_, wh in segments) == expected
    assert sum(change.energy_wh * change.sign for change in changes) == expected
