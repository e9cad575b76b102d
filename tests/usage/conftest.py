"""Supplies with intervals and reads, planted as the owner."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime

import asyncpg
import pytest
from tests.houses import House, small_house

from currant.access.model import Actor
from currant.door import Door

BEGIN = datetime(2023, 1, 1, tzinfo=UTC)


@pytest.fixture
async def house(door: Door, boss: Actor, owner: asyncpg.Connection) -> House:
    """Two homes that have been supplied through their meters since 2023."""
    made = await small_house(door, boss, homes=2, opening="")
    for table in ("customers.agreement", "metering.installation"):
        await owner.execute(f"update {table} set valid = tstzrange($1, null)", BEGIN)  # noqa: S608
    return made


async def agreement_of(owner: asyncpg.Connection, account: str) -> int:
    """The agreement of an account."""
    return await owner.fetchval(
        "select agreement_id from customers.agreement inner join customers.account "
        "using (portal_id, account_id) where account = $1",
        account,
    )


async def stream(
    owner: asyncpg.Connection,
    serial: str,
    *,
    direction: str = "E",
    number: int = 1,
    minutes: int = 30,
) -> int:
    """Make a register of a meter deliver intervals; its id."""
    return await owner.fetchval(
        "insert into metering.register (portal_id, meter_id, register_no, metering_type, "
        "datastream, direction, interval_minutes) "
        "select portal_id, meter_id, $2, 'AM', $3, $4, $5 from metering.meter "
        "where serial_number = $1 "
        "on conflict (portal_id, meter_id, register_no) do update set metering_type = 'AM', "
        "datastream = excluded.datastream, direction = excluded.direction, "
        "interval_minutes = excluded.interval_minutes returning register_id",
        serial, number, f"{direction}{number}" if direction == "E" else f"B{number}", direction,
        minutes,
    )  # fmt: skip


async def measure(
    owner: asyncpg.Connection,
    register_id: int,
    day: date,
    quantities: Sequence[int],
    *,
    revision: int = 1,
    quality: str = "A",
) -> None:
    """Store a day of a register."""
    file_id = await owner.fetchval(
        "insert into intervals.file (portal_id, source, login, loaded_at) "
        "select portal_id, 'NEM12', 'test', now() from metering.register "
        "where register_id = $1 returning file_id",
        register_id,
    )
    spans = json.dumps([]) if len(quality) > 1 else None
    await owner.execute(
        "insert into intervals.register_day (portal_id, register_id, day, revision, minutes, "
        "quantities, quality, spans, updated_at, loaded_at, file_id) "
        "select portal_id, register_id, $2, $3, $4, $5, $6, $7, now(), now(), $8 "
        "from metering.register where register_id = $1",
        register_id, day, revision, 1440 // len(quantities), list(quantities), quality, spans,
        file_id,
    )  # fmt: skip


async def read_at(
    owner: asyncpg.Connection, serial: str, at: datetime, value: int, *, number: int = 1
) -> None:
    """Store what a register showed at an instant."""
    await owner.execute(
        "insert into reads.read (portal_id, register_id, read_at, revision, value, original, "
        "multiplier, batch_id) "
        "select portal_id, register_id, $2, 1, $3::bigint, $3::text, factor, 1 from "
        " metering.register inner join metering.meter using (portal_id, meter_id) "
        "where serial_number = $1 and register_no = $4",
        serial, at, value, number,
    )  # fmt: skip
