"""Determinants of agreements, from the intervals in the database."""

import struct
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.determinants.walked import Day, Item, midnight, walked
from tests.usage.conftest import agreement_of, measure, stream

from currant.determinants.copied import CopiedDays
from currant.determinants.layouts import flat_calendar
from currant.determinants.model import DeterminantsWanted, PricedPeriod
from currant.determinants.verbs import determinants
from currant.door import Door
from currant.errors import Invalid
from currant.tariffs.calendars import Calendar

TOU = ((0, 1), (420, 2), (900, 3), (1260, 1))
SYDNEY = Calendar("Australia/Sydney", TOU, ((0, 1), (600, 4)), TOU)
START, END = (midnight(date(2024, 10, day), "Australia/Sydney") for day in (4, 8))


def values(seed: int, count: int = 48) -> list[int]:
    return [(seed * 7919 + number * 104729) % 2_000 for number in range(count)]


def days_from(first: date, count: int) -> list[date]:
    return [first + timedelta(days=ahead) for ahead in range(count)]


async def told(door, boss, periods, *calendars) -> list[dict]:
    found = await door.ask(determinants, DeterminantsWanted(periods, calendars), boss)
    return found.to_pylist()


async def test_determinants_of_agreements_are_their_intervals_walked(
    door, boss, owner, house
) -> None:
    """Import and export, corrected and estimated days, what is not known, and a gap."""
    agreements = [await agreement_of(owner, account) for account in house.accounts]
    rows, items, periods = [], [], []
    for number, serial in enumerate(house.serials):
        factor = Fraction(1_038_363, 1_000_000) if number == 0 else Fraction(1)
        items.append(Item(number, START, END, SYDNEY, factor, 60, 2))
        periods.append(PricedPeriod(number, agreements[number], START, END, 0, 60))
        imported = await stream(owner, serial)
        exported = await stream(owner, serial, direction="I", number=2, minutes=15)
        for day in days_from(date(2024, 10, 2), 7):
            if day == date(2024, 10, 5):
                continue
            wh = values(day.day + number)
            quality = "E" if day.day == 6 else "A"
            if day.day == 7:
                await measure(owner, imported, day, values(99))
                await measure(owner, imported, day, wh, revision=2, quality="AN" * 24)
                wh = [wh[n] if n % 2 == 0 else None for n in range(48)]
            else:
                await measure(owner, imported, day, wh, quality=quality)
            rows.append(Day(number, day, 30, wh, estimated=quality == "E"))
            out = values(day.day * 3, 96)
            await measure(owner, exported, day, out, quality="N" if day.day == 6 else "A")
            rows.append(Day(number, day, 15, [] if day.day == 6 else out, direction=-1))
    await owner.execute(
        "insert into locations.loss_factor (portal_id, location_id, dlf, mlf, valid) "
        "select portal_id, location_id, 1.0514, 0.9876, '[2024-01-01,)' from locations.location "
        "where loc_id = $1",
        house.loc_ids[0],
    )
    for _ in range(2):
        assert await told(door, boss, periods, SYDNEY) == walked(rows, items)
    without = [PricedPeriod(0, agreements[0], START, END, demand_minutes=60, with_losses=False)]
    plain = walked(rows, [items[0]._replace(factor=Fraction(1))])
    assert await told(door, boss, without, SYDNEY) == plain


async def test_a_meter_counts_while_it_hangs_at_the_site(door, boss, owner, house) -> None:
    """Exchanged at ten past noon: each meter's intervals that begin before, or after, count."""
    (agreement, *_) = [await agreement_of(owner, account) for account in house.accounts]
    at = datetime(2024, 10, 6, 2, 10, tzinfo=UTC)
    old, new = [await stream(owner, serial) for serial in house.serials]
    await owner.execute(
        "update metering.installation as i set valid = case m.serial_number "
        "when $1 then tstzrange('2023-01-01', $3) else tstzrange($3, null) end, "
        "location_id = l.location_id "
        "from metering.meter as m, locations.location as l "
        "where m.meter_id = i.meter_id and l.loc_id = $4 and m.serial_number in ($1, $2)",
        *house.serials, at, house.loc_ids[0],
    )  # fmt: skip
    rows = []
    for day in days_from(date(2024, 10, 3), 6):
        for number, register in enumerate((old, new)):
            await measure(owner, register, day, values(day.day + 50 * number))
            clip = (START, at) if number == 0 else (at, END)
            rows.append(Day(1, day, 30, values(day.day + 50 * number), "+10:00", 1, False, *clip))
    item = Item(1, START, END, flat_calendar("+10:00"), Fraction(1), 30)
    wanted = [PricedPeriod(1, agreement, START, END)]
    (row,) = await told(door, boss, wanted, flat_calendar("+10:00"))
    assert row == walked(rows, [item])[0]
    assert row["minutes"] == row["expected_minutes"]


async def test_many_periods_take_as_many_statements_as_one(door, boss, owner, house) -> None:
    register = await stream(owner, house.serials[0])
    await measure(owner, register, date(2024, 10, 5), values(1))
    agreement = await agreement_of(owner, house.accounts[0])
    counts = []
    for many in (1, 500, 500):
        sent: list[object] = []
        async with door.pool.acquire() as connection:
            connection.add_query_logger(sent.append)
            own = Door(_OneConnection(connection), door.clock)
            wanted = [PricedPeriod(n, agreement, START, END) for n in range(many)]
            rows = await told(own, boss, wanted, SYDNEY)
            connection.remove_query_logger(sent.append)
        assert {tuple(row["energy_wh"]) for row in rows} == {tuple(rows[0]["energy_wh"])}
        assert len(rows) == many
        counts.append(len(sent))
    assert counts[0] >= counts[1] == counts[2] > 5  # The first one of a connection also prepares.


class _OneConnection:
    """A pool of the one connection that is listened to."""

    def __init__(self, connection) -> None:
        self.connection = connection

    async def acquire(self):
        return self.connection

    async def release(self, connection) -> None:
        assert connection is self.connection


async def test_an_agreement_that_is_not_there_is_refused(door, boss, house) -> None:
    with pytest.raises(Invalid, match="no agreement 999 here"):
        await told(door, boss, [PricedPeriod(1, 999, START, END)], SYDNEY)


@pytest.fixture(scope="module")
async def copying(server) -> asyncpg.Connection:
    connection = await asyncpg.connect(server.admin_url)
    yield connection
    await connection.close()


ROWS = st.lists(
    st.tuples(
        st.integers(0, 2**31 - 1),
        st.dates(date(1990, 1, 1), date(2100, 1, 1)),
        st.sampled_from((5, 30)),
        st.booleans(),
        st.one_of(
            st.just([1, 2, 3]),
            st.just([-5, 2**31 - 1, 0]),
            st.lists(st.integers(-(2**31), 2**31 - 1) | st.none(), max_size=6),
        ),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(ROWS, st.integers(1, 400))
def test_what_was_copied_out_is_read_whatever_its_chunks(rows, size) -> None:
    """The layout by the book, against rows written one number at a time."""
    raw = b"PGCOPY\n\xff\r\n\0" + bytes(8)
    for stream_number, day, minutes, estimated, wh in rows:
        array = b"".join(
            b"\xff" * 4 if value is None else struct.pack(">ii", 4, value) for value in wh
        )
        head = struct.pack(">iii", 1, int(None in wh), 23) + struct.pack(">ii", len(wh), 1)
        array = head + array if wh else struct.pack(">iii", 0, 0, 23)
        packed = stream_number << 32 | (day - date(1900, 1, 1)).days << 7 | minutes << 1 | estimated
        raw += struct.pack(">hiqi", 2, 8, packed, len(array)) + array
    raw += b"\xff\xff"
    copied = CopiedDays()
    found = [
        tuple(row.values())
        for at in range(0, len(raw), size)
        for row in copied.take([raw[at : at + size]]).to_pylist()
    ]
    assert found == [tuple(row) for row in rows]
