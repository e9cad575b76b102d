"""NEM13 files: register reads in and out."""

import warnings
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from tests.intervals.files import FIXTURES, building, upload, zipped

from currant.access.model import Actor
from currant.basicreads.model import LoadNem13, Nem13Loaded, TellNem13
from currant.basicreads.verbs import load_nem13, tell_nem13
from currant.door import Door
from currant.errors import Invalid, Unparsable
from currant.reads.model import OnError, QuarantineWanted
from currant.reads.verbs import quarantine

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import nemreader

NMI = "4100000001"
FILES = sorted(FIXTURES.glob("nem13/*.zip")) if FIXTURES else []


def nem13(*lines: str) -> bytes:
    return "\r\n".join(["100,NEM13,202604010000,MDP1,RET1", *lines, "900", ""]).encode()


def pair(
    before: str = "00100.0", value: str = "00220.0", *, nmi: str = NMI, suffix: str = "11",
    serial: str = "M1", direction: str = "E", since: str = "20251201090000",
    until: str = "20260301093000", quality: str = "A,,", before_quality: str = "A,,",
    quantity: str = "120.0", unit: str = "kWh", due: str = "20260601",
) -> str:  # fmt: skip
    return (
        f"250,{nmi},11,1,{suffix},{suffix},{serial},{direction},{before},{since},{before_quality}"
        f",{value},{until},{quality},{quantity},{unit},{due},20260302120000,"
    )


async def plant(owner, nmi: str = NMI, serial: str = "M1") -> None:
    """A basic meter at a site since 2000."""
    await owner.execute(
        "insert into locations.location (portal_id, loc_id, external_key, address_1, city, state,"
        " zip, created_at, last_mod, site_identifier, building_id)"
        " select b.portal_id, 'L' || $1, $1, '', '', '', '', now(), now(), $1, b.building_id"
        " from locations.building as b on conflict do nothing",
        nmi,
    )
    await owner.execute(
        "insert into metering.meter (portal_id, serial_number, device_id, com_type, wallet_kind,"
        " created_at, last_mod) select portal_id, $1, $1, 'MANUAL', 'currency', now(), now()"
        " from access.portal",
        serial,
    )
    await owner.execute(
        "insert into metering.installation (portal_id, meter_id, location_id, valid)"
        " select m.portal_id, m.meter_id, l.location_id, tstzrange('2000-01-01', null)"
        " from metering.meter as m, locations.location as l"
        " where m.serial_number = $1 and l.site_identifier = $2",
        serial,
        nmi,
    )


@pytest.fixture
async def home(boss, owner) -> None:
    await building(owner)
    await plant(owner)


async def loaded(door: Door, actor: Actor, raw: bytes, **more: object) -> Nem13Loaded:
    return await door.act(load_nem13, LoadNem13(upload(raw), **more), actor)


async def stored(owner) -> list[tuple[int, int, int, bool]]:
    rows = await owner.fetch(
        "select distinct on (g.register_no, r.read_at) g.register_no, r.value, d.estimated "
        "from reads.counted as r "
        "inner join metering.register as g using (portal_id, register_id) "
        "left join reads.detail as d using (portal_id, register_id, read_at, revision) "
        "order by g.register_no, r.read_at, r.revision desc"
    )
    return [(row["register_no"], row["value"], bool(row["estimated"])) for row in rows]


async def test_a_record_tells_two_reads(door, boss, owner, home) -> None:
    raw = nem13(
        pair(), "550,N,,A,SO1",
        pair("00220.0", "00300.5", since="20260301093000", until="20260401000000",
             quality="E64,12,", quantity="80.5"),
    )  # fmt: skip
    told = await loaded(door, boss, raw)
    assert (told.reads, told.stored, told.duplicates, told.faults) == (4, 3, 1, 0)
    assert await stored(owner) == [(1, 100_000, False), (1, 220_000, False), (1, 300_500, True)]
    at = await owner.fetchval("select min(read_at) from reads.read")
    assert at == datetime(2025, 11, 30, 23, tzinfo=UTC)
    notes = await owner.fetchrow("select notes from reads.detail where estimated")
    assert notes["notes"] == "E64 12"
    again = await loaded(door, boss, zipped(raw))
    assert (again.stored, again.duplicates, again.quarantined) == (0, 4, 0)


async def test_a_rollover_is_known_by_the_digits(door, boss, owner, home) -> None:
    told = await loaded(door, boss, nem13(pair("99990.0", "00010.0", quantity="20.0")))
    assert (told.stored, told.quarantined) == (2, 0)
    assert await owner.fetchval("select dials from metering.meter") == 5


async def test_a_register_that_runs_backwards_is_doubted(door, boss, home) -> None:
    told = await loaded(door, boss, nem13(pair("00990.0", "00980.0", quantity="-10.0")))
    assert (told.stored, told.quarantined) == (1, 1)
    (suspect,) = await door.ask(quarantine, QuarantineWanted(2**62, 10), boss)
    assert suspect.reason == "BACKWARDS"


async def test_an_actual_read_ends_an_estimate(door, boss, owner, home) -> None:
    await loaded(door, boss, nem13(pair(quality="S52,,")))
    await loaded(door, boss, nem13(pair(value="00210.0")))
    assert await stored(owner) == [(1, 100_000, False), (1, 210_000, False)]


async def test_streams_are_found_or_given(door, boss, owner, home) -> None:
    raw = nem13(
        pair(), pair("00500.0", "00600.0", suffix="41"),
        pair("00001.0", "00002.0", suffix="12", direction="I"),
    )  # fmt: skip
    told = await loaded(door, boss, raw)
    assert [(f.record, f.column) for f in told.unplaced] == [
        (3, "NMISuffix"), (3, "NMISuffix"), (4, "NMISuffix"), (4, "NMISuffix"),
    ]  # fmt: skip
    told = await loaded(door, boss, raw, create=True)
    assert (told.streams, told.stored, told.faults) == (3, 4, 0)
    rows = await owner.fetch(
        "select register_no, datastream, metering_type, direction from metering.register"
        " order by register_no"
    )
    assert [tuple(row) for row in rows] == [
        (1, "11", "BASIC", "E"), (2, "12", "BASIC", "I"), (20, "41", "BASIC", "E"),
    ]  # fmt: skip


async def test_what_cannot_be_placed_is_told(door, boss, owner, home) -> None:
    await plant(owner, "4100000002", "M2")
    await owner.execute(
        "update metering.register set metering_type = 'AM', datastream = '11' where meter_id ="
        " (select meter_id from metering.meter where serial_number = 'M2')"
    )
    raw = nem13(
        pair(), pair(nmi="4199999999"), pair(serial="M9"), pair(unit="kvarh"), pair(unit="pears"),
        pair(nmi="4100000002", serial="M2"),
    )  # fmt: skip
    told = await loaded(door, boss, raw)
    assert (told.stored, told.faults) == (2, 10)
    assert [f.reason.partition(":")[0] for f in told.unplaced[::2]] == [
        "NOSITE", "NOMETER", "BADUNIT", "BADUNIT",
        "the register delivers intervals, which come in NEM12 files",
    ]  # fmt: skip
    before = await owner.fetchval("select count(*) from reads.read")
    with pytest.raises(Invalid, match="2 of 4 reads cannot be placed"):
        await loaded(
            door, boss, nem13(pair(value="00230.0", until="20260302093000"), pair(serial="M9")),
            on_error=OnError.ROLLBACK,
        )  # fmt: skip
    assert await owner.fetchval("select count(*) from reads.read") == before


BAD = [
    (pair(nmi="4100!"), "NMI"), (pair(suffix="1"), "NMISuffix"), (pair(direction="X"),
    "DirectionIndicator"), (pair(serial=""), "MeterSerialNumber"), (pair(before="1e3"),
    "PreviousRegisterRead"), (pair(value="-5"), "CurrentRegisterRead"),
    (pair(since="20251301000000"), "PreviousRegisterReadDateTime"),
    (pair(until="20251201090000"), "CurrentRegisterReadDateTime"),
    (pair(quality="V,,"), "CurrentQualityMethod"), (pair(quality="S52,0,"),
    "CurrentReasonDescription"), (pair(quality="S52,x,"), "CurrentReasonCode"),
    (pair(quantity="many"), "Quantity"), (pair(due="soon"), "NextScheduledReadDate"),
    ("250,1,2,3", "RecordIndicator"), ("550,NN,,A,", "RecordIndicator"),
    ("300,20260101", "RecordIndicator"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "column"), BAD)
async def test_a_bad_line_is_named_and_nothing_is_loaded(
    line, column, door, boss, owner, home
) -> None:
    raw = nem13(line) if line.startswith("550") else nem13(pair(), line)
    with pytest.raises(Invalid, match="Nothing was stored") as refused:
        await loaded(door, boss, raw)
    fault = refused.value.faults[0]
    assert (fault.record, fault.column) == (2 if line.startswith("550") else 3, column)
    assert await owner.fetchval("select count(*) from reads.batch") == 0


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (nem13(), "holds no reads"),
        (nem13(pair()).replace(b"NEM13", b"NEM12"), "this takes NEM13"),
        (nem13(pair()).removesuffix(b"900\r\n"), "breaks off"), (b"", "no 100 NEM13"),
    ],
)  # fmt: skip
async def test_what_is_no_file_is_refused(raw, told, door, boss, home) -> None:
    with pytest.raises(Unparsable, match=told):
        await loaded(door, boss, raw)


async def test_what_was_read_tomorrow_is_refused(door, boss, home) -> None:
    with pytest.raises(Invalid, match="ahead"):
        await loaded(door, boss, nem13(pair(until="20260401000000")))


async def told_by(door: Door, actor: Actor, **more: object) -> bytes:
    question = TellNem13(date(2000, 1, 1), date(2027, 1, 1), **more)
    async with door.asking(tell_nem13, actor) as tx:
        return b"".join([piece async for piece in tell_nem13(tx, question)])


ROWS = """
select m.serial_number, g.datastream, r.read_at, r.value, d.sub_type, d.notes, d.next_scheduled_on
from reads.counted as r
inner join metering.register as g using (portal_id, register_id)
inner join metering.meter as m using (portal_id, meter_id)
left join reads.detail as d using (portal_id, register_id, read_at, revision)
order by 1, 2, 3
"""


@pytest.mark.skipif(not FILES, reason="the files of ../shared are not here")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_a_real_file_has_the_reads_that_nemreader_finds(path: Path, door, boss, owner):
    await building(owner)
    theirs = set()
    for nmi, streams in nemreader.read_nem_file(str(path)).readings.items():
        for suffix, readings in streams.items():
            for read in readings:
                serial = read.meter_serial_number
                for value, at in ((read.val_start, read.t_start), (read.val_end, read.t_end)):
                    theirs.add((nmi, serial, suffix, at, round(value * 1000)))
    for nmi, serial in sorted({told[:2] for told in theirs}):
        await plant(owner, nmi, serial)
    told = await loaded(door, boss, sent(path), create=True)
    assert told.faults == 0
    assert told.stored + told.quarantined == len(theirs)
    rows = await owner.fetch(ROWS)
    ours = {
        (row["serial_number"], row["datastream"], row["value"])
        for row in rows
    }  # fmt: skip
    assert ours <= {(serial, suffix, value) for _, serial, suffix, _, value in theirs}
    assert len(rows) == told.stored
    again = await loaded(door, boss, sent(path))
    assert again.stored == 0
    written = await told_by(door, boss)
    if b"250," not in written:
        return  # A single read was believed.
    back = await loaded(door, boss, written)
    assert (back.stored, back.quarantined, back.faults) == (0, 0, 0)


def sent(path: Path) -> bytes:
    return path.read_bytes()


async def test_what_is_written_reads_back_the_same(door, boss, owner, home) -> None:
    raw = nem13(
        pair(),
        pair("00220.0", "00300.5", since="20260301093000", until="20260401000000",
             quality='E64,12,"said, and so"', quantity="80.5"),
        pair("00500.0", "00600.0", suffix="41", before_quality="S52,,"),
    )  # fmt: skip
    await loaded(door, boss, raw, create=True)
    rows = [tuple(row) for row in await owner.fetch(ROWS)]
    written = await told_by(door, boss, nmi=NMI)
    assert written.count(b"250,") == 3
    assert (
        await told_by(door, boss, nmi="4100000002")
        == written[: written.index(b"250,")] + b"900\r\n"
    )
    for table in ("detail", "read", "batch", "misread"):
        await owner.execute(f"alter table reads.{table} disable trigger user;")
    await owner.execute(
        "delete from reads.detail; delete from reads.misread; delete from reads.read"
    )
    await loaded(door, boss, written)
    assert [tuple(row) for row in await owner.fetch(ROWS)] == rows
