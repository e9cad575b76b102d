"""The two ways of judging agree: records that simply follow, and records gone through in turn."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.reads.meters import deliver, line, meters, suspects
from tests.shared import shared_urls, urls  # noqa: F401

from currant.access.model import Actor
from currant.door import Door

START = datetime(2025, 6, 1, tzinfo=UTC)
RECORDS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 30), st.sampled_from(["1", "1", "1", "2"])),
    min_size=1,
    max_size=8,
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(records=RECORDS)
@example(records=[(0, 1, "1"), (1, 2, "1"), (2, 30, "1"), (3, 3, "1")])
async def test_a_file_for_a_new_register(
    records: list[tuple[int, int, str]], door: Door, boss: Actor, owner
) -> None:
    known = await owner.fetchval("select count(*) from metering.meter")
    serial = f"J{known}"
    await meters(owner, serial, dials=1)
    at = [START + timedelta(hours=hour) for hour, _, _ in records]
    await deliver(
        door,
        boss,
        *(
            line(serial, when.isoformat(), f"{kwh}", multiplier=multiplier)
            for when, (_, kwh, multiplier) in zip(at, records, strict=True)
        ),
    )
    followed = await owner.fetch(
        """
        select record, revision, reason from reads.follow(
            (
                select array_agg(
                    (s.record, s.at, s.kwh * 1000, s.multiplier, null)::reads.step
                    order by s.at, s.record
                )
                from unnest($1::int[], $2::timestamptz[], $3::bigint[], $4::numeric[])
                    as s (record, at, kwh, multiplier)
            ), null, null, 1
        )
        """,
        list(range(1, len(records) + 1)),
        at,
        [kwh for _, kwh, _ in records],
        [Decimal(multiplier) for *_, multiplier in records],
    )
    quarantined = await owner.fetch(
        "select record, reason from reads.quarantine where serial_number = $1", serial
    )
    stored = await owner.fetch(
        """
        select r.read_at, r.revision, r.value from reads.read as r
        inner join metering.register as g using (portal_id, register_id)
        inner join metering.meter as m using (portal_id, meter_id) where m.serial_number = $1
        """,
        serial,
    )
    assert {tuple(row) for row in quarantined} == {
        (row["record"], row["reason"])
        for row in followed
        if row["reason"] not in (None, "DUPLICATE")
    }
    assert {tuple(row) for row in stored} == {
        (at[row["record"] - 1], row["revision"], records[row["record"] - 1][1] * 1000)
        for row in followed
        if row["reason"] is None
    }


async def test_no_meter_passes_100_gwh_between_two_reads(door, boss, owner) -> None:
    """Whatever its history; the exact limit is believed."""
    await meters(owner, "M1", "M2", factor="2")
    await deliver(
        door, boss,
        line("M1", "2026-02-01T00:00:00Z", "0"), line("M1", "2026-02-02T00:00:00Z", "50000000"),
        line("M2", "2026-02-01T00:00:00Z", "0"), line("M2", "2026-02-02T00:00:00Z", "50000000.001"),
    )  # fmt: skip
    assert await suspects(owner) == [(4, "HIGH")]
