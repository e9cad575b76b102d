"""What becomes of a record, row by row of conformance.md 10.6, through the door."""

import asyncio
import json
from datetime import timedelta

import asyncpg
import pytest
from tests.conftest import NOW
from tests.reads.meters import HEADER, deliver, hours, line, meters, spooled, standing, suspects
from tests.shared import shared_urls, urls  # noqa: F401

from currant.access.model import OPERATOR, Actor, CreatePortal
from currant.access.verbs import create_portal
from currant.db.tx import Tx
from currant.door import Door
from currant.errors import Fault, Invalid, TooLarge, Unparsable
from currant.reads.delivery import JSON_BYTES
from currant.reads.model import (
    Format,
    OnError,
    PortalUnclear,
    RecordReads,
    SerialsSent,
    SourceUnknown,
)
from currant.reads.verbs import portal_of_reads, record_reads
from currant.upload import Upload

AT = "2026-02-01T00:00:00Z"
CONTINUE = OnError.CONTINUE


@pytest.fixture
async def one(owner, boss) -> int:
    """The meter M1 of the portal `example`."""
    return (await meters(owner, "M1"))[0]


async def counted(owner: asyncpg.Connection) -> int:
    return await owner.fetchval("select count(*) from reads.read")


BAD = [
    ("serialnumber", line("", AT, "1"), "is blank"),
    ("datetime", line("M1", "", "1"), "is blank"),
    ("datetime", line("M1", "2026-02-30T00:00:00Z", "1"), "does not exist"),
    ("datetime", line("M1", "2026-02-29T00:00:00Z", "1"), "does not exist"),
    ("datetime", line("M1", "2026-04-31T00:00:00Z", "1"), "does not exist"),
    ("datetime", line("M1", "2026-02-01T00:00:60Z", "1"), "leap second"),
    ("datetime", line("M1", "2026-02-01T24:00:00Z", "1"), "hours run"),
    ("datetime", line("M1", "2026-02-01T00:00:00", "1"), "no offset"),
    ("datetime", line("M1", "2026-02-01 00:00:00Z", "1"), "not an RFC 3339"),
    ("datetime", line("M1", "yesterday", "1"), "not an RFC 3339"),
    ("datetime", line("M1", "1026-02-01T00:00:00Z", "1"), "outside the years"),
    ("datetime", line("M1", "2026-03-03T17:00:01Z", "1"), "24 hours ahead"),
    ("multiplier", line("M1", AT, "1", multiplier="0"), "not a number above 0"),
    ("multiplier", line("M1", AT, "1", multiplier="0.0"), "not a number above 0"),
    ("multiplier", line("M1", AT, "1", multiplier="-1"), "not a number above 0"),
    ("multiplier", line("M1", AT, "1", multiplier="1e3"), "not a number above 0"),
    ("sumforwardactive", line("M1", AT, "-1"), "not a number"),
    ("sumforwardactive", line("M1", AT, "+1"), "not a number"),
    ("sumforwardactive", line("M1", AT, "NaN"), "not a number"),
    ("sumforwardactive", line("M1", AT, "1e3"), "not a number"),
    ("sumforwardactive", line("M1", AT, "1_000"), "not a number"),
    ("sumforwardactive", line("M1", AT, "١"), "not a number"),
    ("sumforwardactive", line("M1", AT, "1234567890123456"), "not a number"),
    ("sumforwardactive", line("M1", AT, ""), "is blank"),
    ("sumreverseactive", line("M1", AT, "1", sumreverseactive="x"), "not a number"),
    ("meterstate", line("M1", AT, "1", meterstate="on"), "not one of"),
    ("deviceid", ",M1", "fields of 10"),
]


@pytest.mark.parametrize(("column", "record", "reason"), BAD)
async def test_a_bad_record_undoes_the_file_or_itself(
    door: Door, boss: Actor, owner, one, column: str, record: str, reason: str
) -> None:
    sound = line("M1", AT, "5")
    with pytest.raises((Invalid, Unparsable), match="Nothing was stored") as refused:
        await deliver(door, boss, sound, record)
    (fault,) = refused.value.faults
    assert (fault.record, fault.column) == (2, column)
    assert reason in fault.reason
    assert await counted(owner) == 0
    done = await deliver(door, boss, sound, record, on_error=CONTINUE)
    assert (done.parsed, done.stored) == (1, 1)
    assert done.rejected == [fault]


async def test_every_bad_record_is_named_up_to_fifty(door: Door, boss: Actor, owner, one) -> None:
    records = [line("M1", "x", "y") if n % 2 else line("M1", AT, "1") for n in range(240)]
    with pytest.raises(Invalid) as refused:
        await deliver(door, boss, *records)
    assert "120" in refused.value.message
    assert len(refused.value.faults) == 50
    first = {(fault.record, fault.column) for fault in refused.value.faults[:4]}
    assert first == {(n, column) for n in (2, 4) for column in ("datetime", "sumforwardactive")}
    assert await counted(owner) == 0


async def test_a_column_twice_and_an_unknown_one_refuse_the_file(
    door: Door, boss: Actor, one
) -> None:
    for header, field in ((f"{HEADER},datetime", "datetime"), (f"{HEADER},voltage", "voltage")):
        raw = f"{header}\n{line('M1', AT, '1')},2".encode()
        with pytest.raises(Invalid) as refused:
            await door.act(record_reads, RecordReads(spooled(raw), Format.CSV, "mas"), boss)
        assert refused.value.field == field


async def test_wrong_bytes_are_named_by_record_and_column(door: Door, boss: Actor, owner, one):
    raw = "\n".join([HEADER, line("M1", AT, "1"), line("M1", AT, "2", meterstate="x")]).encode()
    raw = raw.replace(b",x", b",caf\xe9")
    with pytest.raises(Unparsable) as refused:
        await door.act(record_reads, RecordReads(spooled(raw), Format.CSV, "mas"), boss)
    assert refused.value.faults == (Fault(2, "meterstate", "byte 0xE9 is not UTF-8"),)
    assert await counted(owner) == 0


async def test_the_edge_of_the_future(door: Door, boss: Actor, one) -> None:
    edge = (NOW + timedelta(hours=24)).isoformat()
    assert (await deliver(door, boss, line("M1", edge, "1"))).stored == 1


async def test_an_unknown_serial_is_quarantined_and_counted(door: Door, boss: Actor, owner, one):
    done = await deliver(door, boss, line("M1", AT, "1"), line("M2", AT, "1"), on_error=CONTINUE)
    assert (done.parsed, done.stored, done.quarantined) == (2, 1, 1)
    assert [(f.record, f.column, f.reason[:6]) for f in done.rejected] == [
        (2, "serialnumber", "NOSITE")
    ]
    assert await suspects(owner) == [(2, "NOSITE")]


async def test_less_than_before_is_quarantined(door: Door, boss: Actor, owner, one) -> None:
    done = await deliver(door, boss, *hours("M1", [100, 101, 90, 102]))
    assert (done.stored, done.quarantined) == (3, 1)
    assert await suspects(owner) == [(3, "BACKWARDS")]
    again = await deliver(door, boss, line("M1", "2026-02-01T09:00:00Z", "99"))
    assert (again.stored, again.quarantined) == (0, 1)


async def test_a_spike_does_not_condemn_what_follows_it(door: Door, boss: Actor, owner, one):
    await deliver(door, boss, *hours("M1", [100, 101, 102, 900, 103, 104]))
    assert await suspects(owner) == [(4, "HIGH")]
    assert [wh for _, wh in await standing(owner, "M1")] == [100000, 101000, 102000, 103000, 104000]


async def test_a_hundred_times_the_usual_is_the_edge(door: Door, boss: Actor, owner, one) -> None:
    await deliver(door, boss, *hours("M1", [100, 101, 102]))
    late = "2026-02-01T03:00:00Z"
    assert (await deliver(door, boss, line("M1", late, "202.001"))).quarantined == 1
    assert (await deliver(door, boss, line("M1", late, "202"))).stored == 1


async def test_the_usual_needs_a_history_and_has_a_floor(door: Door, boss: Actor, owner, one):
    """The second read of a register is believed; a house that stood empty may be moved into."""
    done = await deliver(door, boss, *hours("M1", [100, 90000]))
    assert done.stored == 2
    await meters(owner, "M2")
    empty = await deliver(door, boss, *hours("M2", [5, 5, 5, 5.5, 6.4]))
    assert empty.stored == 5


async def test_another_multiplier_is_quarantined(door: Door, boss: Actor, owner, one) -> None:
    await deliver(door, boss, line("M1", AT, "10"))
    done = await deliver(
        door, boss, line("M1", "2026-02-02T00:00:00Z", "11", multiplier="20"), on_error=CONTINUE
    )
    assert [(f.record, f.column) for f in done.rejected] == [(1, "multiplier")]
    assert await suspects(owner) == [(1, "MULTIPLIER")]


async def test_the_meters_factor_is_the_default_multiplier(door: Door, boss: Actor, owner) -> None:
    await meters(owner, "CT", factor="40")
    done = await deliver(
        door,
        boss,
        line("CT", AT, "10"),
        line("CT", "2026-02-02T00:00:00Z", "11", multiplier="40.0"),
    )
    assert done.stored == 2


async def test_rollover(door: Door, boss: Actor, owner) -> None:
    await meters(owner, "D2", dials=2)
    done = await deliver(door, boss, *hours("D2", [96, 97, 98, 2, 4]))
    assert done.stored == 5
    await meters(owner, "D5", dials=5)
    done = await deliver(door, boss, *hours("D5", [99990, 99992, 99994, 50000]))
    assert (done.stored, done.quarantined) == (3, 1)
    assert await suspects(owner) == [(4, "BACKWARDS")]


async def test_identical_reads_are_ignored(door: Door, boss: Actor, owner, one) -> None:
    records = hours("M1", [100, 101, 102, 103])
    await deliver(door, boss, *records)
    again = await deliver(door, boss, *records)
    assert (again.parsed, again.stored, again.duplicates) == (4, 0, 4)
    overlapping = await deliver(door, boss, *records[2:], line("M1", "2026-02-01T04:00:00Z", "104"))
    assert (overlapping.stored, overlapping.duplicates) == (1, 2)
    twice = await deliver(door, boss, *[line("M1", "2026-02-01T05:00:00Z", "105")] * 2)
    assert (twice.stored, twice.duplicates) == (1, 1)
    assert await counted(owner) == 6


async def test_another_value_of_an_instant_is_a_new_revision(door: Door, boss: Actor, owner, one):
    await deliver(door, boss, *hours("M1", [100, 101, 102, 103]))
    done = await deliver(door, boss, line("M1", "2026-02-01T01:00:00Z", "101.5"))
    assert done.stored == 1
    assert await standing(owner, "M1") == [
        ("02-01T00:00", 100000),
        ("02-01T01:00", 101500),
        ("02-01T02:00", 102000),
        ("02-01T03:00", 103000),
    ]
    back = await deliver(door, boss, line("M1", "2026-02-01T01:00:00Z", "101"))
    assert back.stored == 1
    revisions = await owner.fetch(
        "select revision, original from reads.read where read_at = '2026-02-01T01:00Z' order by 1"
    )
    assert [tuple(row) for row in revisions] == [(1, "101"), (2, "101.5"), (3, "101")]


async def test_a_whole_series_may_be_corrected_at_once(door: Door, boss: Actor, owner, one) -> None:
    """Sent as Wh by mistake, then as kWh: each correction is far from the stored ones beside it."""
    await deliver(door, boss, *hours("M1", [100, 101, 102, 103]), watts=True)
    done = await deliver(door, boss, *hours("M1", [100, 101, 102, 103]))
    assert (done.stored, done.quarantined) == (4, 0)
    assert [wh for _, wh in await standing(owner, "M1")] == [100000, 101000, 102000, 103000]


async def test_two_values_of_an_instant_in_one_file(door: Door, boss: Actor, owner, one) -> None:
    done = await deliver(door, boss, line("M1", AT, "10"), line("M1", AT, "11"))
    assert done.stored == 2
    assert await standing(owner, "M1") == [("02-01T00:00", 11000)]


async def test_a_late_read_is_stored_where_it_fits(door: Door, boss: Actor, owner, one) -> None:
    await deliver(door, boss, line("M1", AT, "100"), line("M1", "2026-02-01T04:00:00Z", "104"))
    done = await deliver(
        door,
        boss,
        line("M1", "2026-02-01T03:00:00Z", "105"),
        line("M1", "2026-02-01T02:00:00Z", "102"),
        line("M1", "2026-01-31T00:00:00Z", "99"),
        line("M1", "2026-01-30T00:00:00Z", "101"),
    )
    assert (done.stored, done.quarantined) == (2, 2)
    assert await suspects(owner) == [(1, "BACKWARDS"), (4, "BACKWARDS")]
    assert [wh for _, wh in await standing(owner, "M1")] == [99000, 100000, 102000, 104000]


async def test_a_correction_that_is_not_believed_leaves_nothing_beside_it_standing(
    door: Door, boss: Actor, owner, one
) -> None:
    """105 fits the correction to 90 000, which does not fit 106: then 105 does not fit 104."""
    day = "2026-02-0{}T00:00:00Z"
    await deliver(
        door, boss,
        line("M1", day.format(1), "100"), line("M1", day.format(2), "101"),
        line("M1", day.format(4), "104"), line("M1", day.format(5), "106"),
    )  # fmt: skip
    await deliver(door, boss, line("M1", day.format(3), "105"), line("M1", day.format(4), "90000"))
    assert await suspects(owner) == [(1, "BACKWARDS"), (2, "HIGH")]
    assert [wh for _, wh in await standing(owner, "M1")] == [100000, 101000, 104000, 106000]


async def test_time_order_counts_and_not_the_files(door: Door, boss: Actor, owner, one) -> None:
    done = await deliver(door, boss, *reversed(hours("M1", [100, 101, 102, 103])))
    assert (done.stored, done.quarantined) == (4, 0)


async def test_the_hour_that_happens_twice_and_the_one_that_never_does(
    door: Door, boss: Actor, owner, one
) -> None:
    """1 November 2025, 01:30 in New York, twice; 9 March 2025, 02:30, at either offset."""
    done = await deliver(
        door, boss,
        line("M1", "2025-03-09T02:30:00-05:00", "1"), line("M1", "2025-03-09T02:30:00-04:00", "0"),
        line("M1", "2025-11-02T01:30:00-04:00", "2"), line("M1", "2025-11-02T01:30:00-05:00", "3"),
    )  # fmt: skip
    assert done.stored == 4
    assert await standing(owner, "M1") == [
        ("03-09T06:30", 0),
        ("03-09T07:30", 1000),
        ("11-02T05:30", 2000),
        ("11-02T06:30", 3000),
    ]


LAYOUTS = [
    ("2026-02-01T12:00:00Z", []),
    ("2026-02-01t12:00:00z", []),
    ("2026-02-01T07:00:00-05:00", []),
    ("2026-02-01T07:00:00Z05:00", ["nonstandard-offset"]),
    ("2026-02-01T07:00:00Z-05:00", ["nonstandard-offset"]),
    ("2026-02-01T17:30:00Z+05:30", ["nonstandard-offset"]),
    ("2026-02-01T12:00:00.000Z", []),
    ("2026-02-01T12:00:00.000000000Z", []),
    ("2026-01-31T12:01:00-23:59", []),
    ("2026-02-02T02:00:00+14:00", []),
]


@pytest.mark.parametrize(("text", "warnings"), LAYOUTS)
async def test_layouts_of_time(
    door: Door, boss: Actor, owner, one, text: str, warnings: list[str]
) -> None:
    done = await deliver(door, boss, line("M1", text, "1"))
    assert await standing(owner, "M1") == [("02-01T12:00", 1000)]
    assert done.warnings == warnings


async def test_a_leap_day_of_a_leap_year(door: Door, boss: Actor, owner, one) -> None:
    await deliver(door, boss, line("M1", "2024-02-29T12:00:00Z", "1"))
    assert await standing(owner, "M1") == [("02-29T12:00", 1000)]


async def test_units_and_rounding(door: Door, boss: Actor, owner) -> None:
    await meters(owner, "K", "W")
    values = {"sumforwardreactive": "1.0005", "sumreverseactive": "0.0014999"}
    await deliver(door, boss, line("K", AT, "1.2345", **values))
    assert await standing(owner, "K") == [("02-01T00:00", 1235)]
    assert await standing(owner, "K", 2) == [("02-01T00:00", 1)]
    assert await standing(owner, "K", 3) == [("02-01T00:00", 1001)]
    assert await standing(owner, "K", 4) == []
    await deliver(door, boss, line("W", AT, "1234.5", **values), watts=True)
    assert await standing(owner, "W") == [("02-01T00:00", 1235)]
    assert await standing(owner, "W", 3) == [("02-01T00:00", 1001)]
    kept = await owner.fetch("select original from reads.read order by value, original")
    assert "1.2345" in {row["original"] for row in kept}


async def test_registers_are_made_when_they_read_something(door: Door, boss: Actor, owner, one):
    nothing = {"sumreverseactive": "0", "sumforwardreactive": "0.00", "sumreversereactive": ""}
    await deliver(door, boss, line("M1", AT, "1", **nothing))
    assert await owner.fetchval("select count(*) from metering.register") == 1
    day = "2026-02-0{}T00:00:00Z"
    await deliver(door, boss, line("M1", day.format(2), "2", sumreverseactive="0.5"))
    await deliver(door, boss, line("M1", day.format(3), "3", sumreverseactive="0.50"))
    await deliver(door, boss, line("M1", day.format(4), "", sumreverseactive="0.6"))
    assert await standing(owner, "M1", 2) == [
        ("02-02T00:00", 500),
        ("02-03T00:00", 500),
        ("02-04T00:00", 600),
    ]
    await deliver(door, boss, line("M1", day.format(5), "4", sumreverseactive="0"))
    assert await suspects(owner) == [(1, "BACKWARDS")]


async def test_the_newest_read_sets_the_meters_state(door: Door, boss: Actor, owner, one) -> None:
    async def state() -> str:
        return await owner.fetchval("select meter_state from metering.meter")

    await deliver(door, boss, line("M1", "2026-02-02T00:00:00Z", "2", meterstate="Connected"))
    assert await state() == "CONNECTED"
    await deliver(door, boss, line("M1", AT, "1", meterstate="disconnected"))
    assert await state() == "CONNECTED"
    later = [line("M1", f"2026-02-0{d}T00:00:00Z", f"{d}", meterstate=s) for d, s in
             ((4, "connect"), (3, "DISCONNECTED"))]  # fmt: skip
    await deliver(door, boss, *later)
    assert await state() == "CONNECTING"
    await deliver(door, boss, line("M1", "2026-02-05T00:00:00Z", "1", meterstate="disconnected"))
    assert await state() == "CONNECTING"


async def test_sources(door: Door, boss: Actor, owner, one) -> None:
    raw = f"{HEADER}\n{line('M1', AT, '1')}".encode()
    for source in ("mas", boss.login):
        await door.act(record_reads, RecordReads(spooled(raw), Format.CSV, source), boss)
    with pytest.raises(SourceUnknown):
        await door.act(record_reads, RecordReads(spooled(raw), Format.CSV, "somebody"), boss)
    assert await owner.fetchval("select array_agg(source order by source) from reads.batch") == [
        "boss",
        "mas",
    ]


async def test_strange_serials_reach_the_database_as_they_are(door: Door, boss: Actor, owner):
    strange = ["a\\b", "tab\tbed", "line\nbreak", "\\N", "'; drop", "ñ", "\\."]
    await meters(owner, *strange)
    records = [line(f'"{serial}"', AT, "1") for serial in strange]
    done = await deliver(door, boss, *records)
    assert (done.stored, done.quarantined) == (len(strange), 0)


async def test_a_line_break_in_a_field_is_no_second_record(door: Door, boss: Actor, owner, one):
    """What would be two sound lines of COPY is one record with a strange state."""
    smuggled = f"connected\n9\t\tM1\t\t{AT}\t\t7\t\t\t\tconnected"
    record = line("M1", AT, "1", meterstate=f'"{smuggled}"')
    with pytest.raises(Invalid) as refused:
        await deliver(door, boss, record)
    assert refused.value.faults[0].column == "meterstate"


async def test_json(door: Door, boss: Actor, owner, one) -> None:
    raw = (
        b'[{"serialnumber": "M1", "datetime": "2026-02-01T00:00:00Z", "multiplier": 1.0,'
        b' "sumforwardactive": 100.10, "sumreverseactive": null, "unknown": {"a": [1]}},'
        b' {"serialnumber": "M1", "datetime": "2026-02-02T00:00:00Z", "sumforwardactive": 1e2}]'
    )
    command = RecordReads(spooled(raw), Format.JSON, "mas", on_error=CONTINUE)
    done = await door.act(record_reads, command, boss)
    assert (done.parsed, done.stored, done.quarantined) == (2, 1, 1)
    row = await owner.fetchrow("select value, original from reads.read")
    assert tuple(row) == (100100, "100.10")


async def test_json_may_hold_what_csv_cannot(door: Door, boss: Actor, owner) -> None:
    strange = ["carriage\rreturn", "back\\slash", 'quote"', "a,b", "tab\t"]
    await meters(owner, *(serial.strip() for serial in strange))
    sent = [{"serialnumber": s, "datetime": AT, "sumforwardactive": 1, "metername": s}
            for s in [*strange, "nul\0"]]  # fmt: skip
    command = RecordReads(spooled(json.dumps(sent).encode()), Format.JSON, "mas", on_error=CONTINUE)
    done = await door.act(record_reads, command, boss)
    assert (done.stored, done.quarantined) == (5, 0)
    assert done.rejected == [Fault(6, "serialnumber", "holds a NUL character")]


@pytest.mark.parametrize(
    ("body", "kind", "record", "column"),
    [
        (b'{"serialnumber": "M1"}', Invalid, None, None),
        (b"[{]", Unparsable, None, None),
        (b"", Unparsable, None, None),
        (b'[{"serialnumber": "M1"}, 7]', Invalid, 2, "the object"),
        (b'[{"serialnumber": 7}]', Invalid, 1, "serialnumber"),
        (b'[{"sumforwardactive": "7"}]', Invalid, 1, "sumforwardactive"),
        (b'[{"serialnumber": "M1", "sumforwardactive": 7}]', Invalid, 1, "datetime"),
    ],
)
async def test_bad_json(
    door: Door, boss: Actor, one, body: bytes, kind: type, record: int | None, column: str | None
) -> None:
    with pytest.raises(kind) as refused:
        await door.act(record_reads, RecordReads(spooled(body), Format.JSON, "mas"), boss)
    if record is not None:
        found = {(fault.record, fault.column) for fault in refused.value.faults}
        assert (record, column) in found


async def test_json_is_bounded(door: Door, boss: Actor, one) -> None:
    small = spooled(b"[]")
    body = Upload(small.file, small.sha256, JSON_BYTES + 1)
    with pytest.raises(TooLarge, match="CSV"):
        await door.act(record_reads, RecordReads(body, Format.JSON, "mas"), boss)


async def test_an_empty_file_is_a_delivery_of_nothing(door: Door, boss: Actor, owner) -> None:
    done = await deliver(door, boss)
    assert (done.parsed, done.stored) == (0, 0)


async def test_the_audit_tells_the_file_by_its_digest(door: Door, boss: Actor, owner, one) -> None:
    await deliver(door, boss, line("M1", AT, "1"))
    command = await owner.fetchval(
        "select command from access.audit_event where act = 'record_reads'"
    )
    assert "SHA-256" in command
    assert "M1" not in command


async def test_which_portal_is_meant(door: Door, boss: Actor, owner, one) -> None:
    everywhere = OPERATOR.at(None)
    ask = lambda *serials: door.ask(portal_of_reads, SerialsSent([*serials]), everywhere)  # noqa: E731
    assert (await ask("M1")).key == "example"
    assert (await ask("M9")).key == "example"
    made = CreatePortal("tower", "Tower", "Australia/Sydney", "AUD", "T")
    await door.act(create_portal, made, OPERATOR)
    with pytest.raises(PortalUnclear):
        await ask("M9")
    assert (await ask("M1", "M9")).key == "example"
    await meters(owner, "M1", portal="tower")
    with pytest.raises(PortalUnclear):
        await ask("M1")


async def test_one_file_touches_one_portal(door: Door, boss: Actor, owner, one) -> None:
    made = CreatePortal("tower", "Tower", "Australia/Sydney", "AUD", "T")
    await door.act(create_portal, made, OPERATOR)
    await meters(owner, "T1", portal="tower")
    done = await deliver(door, boss, line("M1", AT, "1"), line("T1", AT, "1"))
    assert (done.stored, done.quarantined) == (1, 1)


async def test_the_same_file_twice_at_once_is_stored_once(door: Door, boss: Actor, owner) -> None:
    serials = [f"M{n}" for n in range(50)]
    await meters(owner, *serials)
    records = [r for serial in serials for r in hours(serial, [1, 2, 3])]
    done = await asyncio.gather(*(deliver(door, boss, *records) for _ in range(6)))
    assert sum(one.stored for one in done) == 150
    assert sum(one.duplicates for one in done) == 5 * 150
    assert await counted(owner) == 150


async def test_reads_of_a_register_are_judged_one_delivery_after_the_other(
    door: Door, boss: Actor, owner, one
) -> None:
    """Each alone would be believed: together they go up and down."""
    values = [5, 900, 20, 700, 40, 500]
    await asyncio.gather(
        *(
            deliver(door, boss, line("M1", f"2026-02-01T{hour:02}:00:00Z", f"{value}"))
            for hour, value in enumerate(values)
        )
    )
    stored = [wh for _, wh in await standing(owner, "M1")]
    assert stored == sorted(stored)
    assert len(stored) + len(await suspects(owner)) == len(values)


async def test_as_many_statements_for_ten_records_as_for_a_thousand(
    door: Door, boss: Actor, owner, monkeypatch
) -> None:
    serials = [f"M{n}" for n in range(1010)]
    await meters(owner, *serials)
    sent: list[str] = []
    for name in ("one", "maybe", "all", "run", "copy_text"):
        original = getattr(Tx, name)

        async def counting(self, *args, _original=original, **values):
            sent.append(str(args[0]))
            return await _original(self, *args, **values)

        monkeypatch.setattr(Tx, name, counting)
    counts = []
    for some in (serials[:10], serials[10:]):
        sent.clear()
        records = [line(s, AT, "5", sumreverseactive="1", meterstate="connected") for s in some]
        bad = [line(s, "2026-02-01T01:00:00Z", "4") for s in some]
        await deliver(door, boss, *records, *bad, on_error=CONTINUE)
        counts.append(len(sent))
    assert counts[0] == counts[1] <= 12


async def test_the_edges_of_what_is_stored(door: Door, boss: Actor, owner, one) -> None:
    """The greatest multiplier is stored; a serial number that no meter can have is named."""
    await deliver(door, boss, line("M1", "2026-02-01T01:00:00Z", "1", multiplier="999999.999999"))
    assert await counted(owner) == 1
    with pytest.raises(Invalid) as refused:
        await deliver(door, boss, line("x" * 101, "2026-02-01T01:00:00Z", "1"))
    (fault,) = refused.value.faults
    assert (fault.column, fault.reason[:18]) == ("serialnumber", "has 101 characters")
