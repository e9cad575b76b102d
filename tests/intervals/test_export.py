"""What is written as NEM12 reads back as the same register-days."""

from datetime import UTC, date, datetime
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.intervals.files import building, day, nem12, onboarded, stream

from currant.access.model import Actor
from currant.door import Door
from currant.intervals.model import TellNem12
from currant.intervals.verbs import tell_nem12

COLUMNS = (
    "register_no, datastream, g.unit, day, minutes, quantities, quality, method, reason_code, "
    "reason, spans::text, events::text, updated_at"
)
ROWS = f"""
select site_identifier, serial_number, {COLUMNS}
from intervals.current_day as d
inner join metering.register as g using (portal_id, register_id)
inner join metering.meter as m using (portal_id, meter_id)
inner join metering.installation as i using (portal_id, meter_id)
inner join locations.location as l using (portal_id, location_id)
order by serial_number, datastream, day
"""  # noqa: S608

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=12)
QUALITY = st.sampled_from(["A", "S52", "E64", "F14", "N"])
CODE = st.one_of(st.just(""), st.integers(1, 99).map(str))
VALUE = st.decimals(-9, 99_999, places=3, allow_nan=False).map(str)
INSTANT = st.datetimes(datetime(2001, 1, 1), datetime(2026, 3, 3)).map(  # noqa: DTZ001
    lambda at: at.strftime("%Y%m%d%H%M%S")
)


def quoted(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"' if set(text) & set(',"') else text


@st.composite
def told_day(draw: st.DrawFn, on: int, minutes: int) -> list[str]:
    """The records of a day."""
    count = 1440 // minutes
    few = draw(st.lists(VALUE, min_size=1, max_size=5))
    values = [few[n % len(few)] for n in range(count)]
    reason = f"{draw(CODE)},{quoted(draw(TEXT).strip())}"
    uniform = draw(st.booleans())
    quality = draw(QUALITY) if uniform else "V"
    lines = [
        day(
            f"202602{on:02}", quality=quality, values=values, updated=draw(INSTANT),
            reason=reason if uniform else ",",
        )
    ]  # fmt: skip
    if not uniform:
        edges = sorted({1, *draw(st.lists(st.integers(2, count), max_size=4)), count + 1})
        for first, beyond in pairwise(edges):
            told = f"{draw(CODE)},{quoted(draw(TEXT).strip())}"
            lines.append(f"400,{first},{beyond - 1},{draw(QUALITY)},{told}")
    if draw(st.booleans()):
        lines.append(f"500,N,{quoted(draw(TEXT).strip())},{draw(INSTANT)},00123.5")
    return lines


@st.composite
def told_file(draw: st.DrawFn) -> bytes:
    """A file of up to three data streams with up to three days each."""
    lines = []
    for suffix, unit in draw(
        st.lists(
            st.sampled_from([("E1", "kWh"), ("B1", "kWh"), ("Q1", "kvarh"), ("E2", "kWh")]),
            min_size=1, max_size=3, unique=True,
        )
    ):  # fmt: skip
        minutes = draw(st.sampled_from([5, 15, 30]))
        lines.append(stream(suffix=suffix, unit=unit, minutes=minutes))
        for on in draw(st.lists(st.integers(1, 27), min_size=1, max_size=3, unique=True)):
            lines += draw(told_day(on, minutes))
    return nem12(*lines)


async def told(door: Door, actor: Actor, **more: object) -> bytes:
    question = TellNem12(date(2026, 1, 1), date(2026, 12, 31), **more)
    async with door.asking(tell_nem12, actor) as tx:
        return b"".join([piece async for piece in tell_nem12(tx, question)])


@given(raw=told_file())
@settings(
    max_examples=25, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
async def test_what_is_written_reads_back_the_same(raw: bytes, door, boss, owner) -> None:
    await forget(owner)
    await building(owner)
    loaded = await onboarded(door, boss, raw)
    assert (loaded.stored, loaded.faults) == (loaded.days, 0)
    rows = await owner.fetch(ROWS)
    written = await told(door, boss)
    again = await onboarded(door, boss, written)
    assert (again.stored, again.duplicates) == (0, loaded.days)
    await forget(owner)
    await building(owner)
    await onboarded(door, boss, written)
    assert await owner.fetch(ROWS) == rows
    assert (await told(door, boss)).splitlines()[1:] == written.splitlines()[1:]


async def forget(owner) -> None:
    """Empty the tables, as none but the owner without triggers can."""
    await owner.execute(
        "alter table intervals.register_day disable trigger append_only;"
        "alter table intervals.file disable trigger append_only;"
        "alter table intervals.fault disable trigger append_only;"
        "delete from intervals.register_day; delete from intervals.fault;"
        "delete from intervals.file; delete from metering.register;"
        "delete from metering.installation; delete from metering.meter;"
        "delete from locations.location; delete from locations.building;"
        "alter table intervals.register_day enable trigger append_only;"
        "alter table intervals.file enable trigger append_only;"
        "alter table intervals.fault enable trigger append_only;"
    )


async def test_a_file_is_of_the_sites_that_are_asked_for(door, boss, owner) -> None:
    await building(owner)
    await building(owner, "B2")
    await onboarded(
        door, boss,
        nem12(
            stream(), day("20260201"), day("20260202"), stream(suffix="B1"), day("20260201"),
            stream("4100000002", serial="M2"), day("20260203"),
        ),
    )  # fmt: skip
    lines = (await told(door, boss, nmi="4100000001", to_participant="RET1")).decode().splitlines()
    assert lines[0] == "100,NEM12,202603030300,example,RET1"
    assert [line[:40] for line in lines if line.startswith("200")] == [
        "200,4100000001,B1E1,1,B1,,M1,kWh,30,", "200,4100000001,B1E1,1,E1,,M1,kWh,30,",
    ]  # fmt: skip
    assert [line[:12] for line in lines if line.startswith("300")] == [
        "300,20260201", "300,20260201", "300,20260202",
    ]  # fmt: skip
    assert lines[-1] == "900"
    assert (await told(door, boss, building_code="b1")).count(b"\r\n300,") == 4
    assert (await told(door, boss, building_code="B2")).splitlines()[1:] == [b"900"]


@pytest.mark.parametrize("told_by", ["+10:00", "+08:00"])
async def test_times_are_told_by_the_clock_that_is_asked_for(told_by, door, boss, owner) -> None:
    await building(owner)
    await onboarded(door, boss, nem12(stream(), day("20260201")), clock=told_by)
    updated = await owner.fetchval("select updated_at from intervals.register_day")
    assert updated == datetime(2026, 3, 3, 12 - int(told_by[1:3]), tzinfo=UTC)
    assert b",20260303120000," in await told(door, boss, clock=told_by)
