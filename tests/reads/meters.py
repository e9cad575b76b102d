"""Meters for the tests of reads, and the ways to deliver to them and to look at what was stored."""

import hashlib
import io
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import asyncpg

from currant.access.model import AUTO, Actor
from currant.access.verbs import Nothing
from currant.door import Door
from currant.reads.model import Format, OnError, ReadsRecorded, RecordReads, UsageChange
from currant.reads.verbs import due_blocks, make_usage, record_reads
from currant.upload import Upload

HEADER = (
    "metername,serialnumber,deviceid,datetime,multiplier,sumforwardactive,sumreverseactive,"
    "sumforwardreactive,sumreversereactive,meterstate"
)


async def meters(
    owner: asyncpg.Connection,
    *serials: str,
    dials: int = 0,
    factor: str = "1",
    portal: str = "example",
) -> list[int]:
    """Make meters and return their ids."""
    rows = await owner.fetch(
        """
        insert into metering.meter (
            portal_id, serial_number, device_id, com_type, wallet_kind, dials, factor, created_at,
            last_mod
        )
        select p.portal_id, s, s, 'MultiSpeak', 'units', $3, $4, '2020-01-01', '2020-01-01'
        from unnest($2::text[]) as s cross join access.portal as p where p.key = $1
        returning meter_id
        """,
        portal,
        serials,
        dials,
        Decimal(factor),
    )
    return [row["meter_id"] for row in rows]


def line(serial: str, at: str, kwh: str, **more: str) -> str:
    """One record in the order of the header."""
    names = HEADER.split(",")
    told = {"serialnumber": serial, "datetime": at, "sumforwardactive": kwh, **more}
    assert set(told) <= set(names), told
    return ",".join(told.get(name, "") for name in names)


def spooled(raw: bytes) -> Upload:
    return Upload(io.BytesIO(raw), hashlib.sha256(raw).hexdigest(), len(raw))


async def deliver(
    door: Door, actor: Actor, *lines: str, on_error: OnError = OnError.ROLLBACK, **more: bool
) -> ReadsRecorded:
    """Record a CSV of these records."""
    raw = "\n".join([HEADER, *lines]).encode()
    command = RecordReads(spooled(raw), Format.CSV, "multispeak", on_error=on_error, **more)
    return await door.act(record_reads, command, actor)


async def standing(
    owner: asyncpg.Connection, serial: str, number: int = 1
) -> list[tuple[str, int]]:
    """The reads of a register that count: UTC time and Wh."""
    rows = await owner.fetch(
        """
        select distinct on (r.read_at) r.read_at, r.value from reads.read as r
        inner join metering.register as g using (portal_id, register_id)
        inner join metering.meter as m using (portal_id, meter_id)
        where m.serial_number = $1 and g.register_no = $2
        order by r.read_at, r.revision desc
        """,
        serial,
        number,
    )
    return [(told(row["read_at"]), row["value"]) for row in rows]


async def suspects(owner: asyncpg.Connection) -> list[tuple[int, str]]:
    """Everything in quarantine: record and reason."""
    rows = await owner.fetch("select record, reason from reads.quarantine order by 1, 2")
    return [tuple(row) for row in rows]


def told(at: datetime) -> str:
    return at.strftime("%m-%dT%H:%M")


async def apart(owner: asyncpg.Connection, *serials: str) -> None:
    """Make meters of which each is in a block of its own."""
    for serial in serials:
        (latest,) = await meters(owner, serial)
        await owner.execute(
            f"alter table metering.meter alter meter_id restart {(latest // 2048 + 1) * 2048}"
        )


async def use(door: Door) -> list[UsageChange]:
    """Make usage of one block of meters; time passes before the next."""
    door.clock.advance(timedelta(microseconds=1))
    jobs = AUTO.at("example")
    for block in await door.act(due_blocks, Nothing(), jobs):
        if made := await door.act(make_usage, block, jobs):
            return made
    return []


async def use_all(door: Door) -> list[UsageChange]:
    """Make usage until nothing is due."""
    changes: list[UsageChange] = []
    while made := await use(door):
        changes += made
    return changes


async def live(owner: asyncpg.Connection, serial: str) -> list[tuple[str, str, int]]:
    """The usage of a meter that counts: from, to, Wh."""
    rows = await owner.fetch(
        """
        select u.from_at, u.to_at, u.energy_wh from reads.usage as u
        inner join metering.register as g using (portal_id, register_id)
        inner join metering.meter as m using (portal_id, meter_id)
        where m.serial_number = $1 and u.retired_at = 'infinity'
        order by u.to_at
        """,
        serial,
    )
    return [(told(row["from_at"]), told(row["to_at"]), row["energy_wh"]) for row in rows]


def hours(serial: str, kwh: Sequence[float], day: str = "2026-02-01") -> list[str]:
    """Reads of successive hours of a day."""
    return [line(serial, f"{day}T{hour:02}:00:00Z", f"{value}") for hour, value in enumerate(kwh)]
