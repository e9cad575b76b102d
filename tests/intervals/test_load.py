"""NEM12 files into the database: placed, revised, refused."""

from datetime import UTC, date, datetime

import asyncpg
import pytest
from tests.conftest import make_user
from tests.intervals.files import building, day, loaded, nem12, onboarded, stream, upload, zipped

from currant.access.model import OPERATOR, Actor, CreatePortal
from currant.access.verbs import create_portal
from currant.db.tx import Tx
from currant.door import Door
from currant.errors import Forbidden, Invalid, NotFound, TooLarge, Unparsable
from currant.intervals import verbs
from currant.intervals.model import (
    FaultsWanted,
    FilesWanted,
    GapsWanted,
    LoadNem12,
    OnboardNem12,
    OwnDay,
)
from currant.intervals.verbs import interval_faults, interval_files, load_nem12, onboard_nem12
from currant.locations.identifiers import nmi_checksum
from currant.reads.model import OnError

NMI = "4100000001"


@pytest.fixture(autouse=True)
def may(clock) -> None:
    """Let the days of these files be over."""
    clock.set(datetime(2026, 5, 1, 2, tzinfo=UTC))


@pytest.fixture
async def homes(door, boss, owner, may) -> None:
    """Two homes of a building, each with its interval meter from 1 March 2026 on."""
    await building(owner)
    await onboarded(
        door, boss,
        nem12(
            stream(NMI), day("20260301"), stream(NMI, "B1"), day("20260301"),
            stream("4100000002", serial="M2"), day("20260301"),
        ),
    )  # fmt: skip


async def standing(owner, on: str = "20260302") -> list[tuple[int, int, str]]:
    """What counts of a day: revision, the first quantity, quality."""
    rows = await owner.fetch(
        "select revision, quantities[1] as first, quality from intervals.current_day "
        "where day = $1::text::date order by register_id",
        on,
    )
    return [tuple(row) for row in rows]


async def count(owner, table: str = "intervals.register_day") -> int:
    return await owner.fetchval(f"select count(*) from {table}")  # noqa: S608


async def test_a_day_becomes_whole_watt_hours(door, boss, owner, homes) -> None:
    told = await loaded(door, boss, nem12(stream(), day(value="1.250")))
    assert (told.days, told.stored, told.duplicates, told.faults) == (1, 1, 0, 0)
    row = await owner.fetchrow(
        "select d.*, g.register_no, g.datastream, g.clock, g.metering_type from "
        "intervals.current_day as d inner join metering.register as g using (register_id) "
        "where d.day = '2026-03-02'"
    )
    assert row["quantities"] == [1250] * 48
    assert (row["register_no"], row["datastream"], row["clock"]) == (1, "E1", "+10:00")
    assert row["updated_at"] == datetime(2026, 3, 3, 2, tzinfo=UTC)
    assert (row["minutes"], row["quality"], row["spans"]) == (30, "A", None)


@pytest.mark.parametrize(
    ("unit", "value", "stored"),
    [
        ("KWH", "0.5", 500), ("Wh", "7", 7), ("MWh", "0.000003", 3), ("kWh", "2", 2000),
        ("kWh", "-0.5", -500), ("kWh", ".25", 250), ("kWh", "123456.789", 123456789),
    ],
)  # fmt: skip
async def test_units_are_converted_exactly(unit, value, stored, door, boss, owner, homes) -> None:
    await loaded(door, boss, nem12(stream(unit=unit), day(value=value)))
    assert await standing(owner) == [(1, stored, "A")]


async def test_finer_values_keep_the_total_of_the_day(door, boss, owner, homes) -> None:
    values = ["0.0004"] * 48
    await loaded(door, boss, nem12(stream(), day(values=values)))
    quantities = await owner.fetchval(
        "select quantities from intervals.current_day where day = '2026-03-02'"
    )
    assert sum(quantities) == 19  # 19.2 Wh
    assert set(quantities) == {0, 1}


async def test_variable_quality_is_kept_for_each_interval(door, boss, owner, homes) -> None:
    raw = nem12(
        stream(), day(quality="V"), "400,1,20,A,,", '400,21,22,F51,0,"meter, they say"',
        "400,23,48,E52,77,", "500,N,SO1,20260303101114,001123.5",
    )  # fmt: skip
    await loaded(door, boss, raw)
    row = await owner.fetchrow(
        "select quality, method, spans, events from intervals.current_day where day = '2026-03-02'"
    )
    assert row["quality"] == "A" * 20 + "F" * 2 + "E" * 26
    assert "meter, they say" in row["spans"]
    assert "001123.5" in row["events"]
    assert (await loaded(door, boss, raw)).duplicates == 1


async def test_a_newer_file_corrects_and_the_old_stays(door, boss, owner, homes) -> None:
    for updated, value in (("20260303120000", "1.0"), ("20260305120000", "2.0")):
        await loaded(door, boss, nem12(stream(), day(value=value, updated=updated)))
    assert await standing(owner) == [(2, 2000, "A")]
    late = await loaded(door, boss, nem12(stream(), day(value="3.0", updated="20260304120000")))
    assert (late.stored, late.late) == (1, 1)
    assert await standing(owner) == [(2, 2000, "A")]
    later = await loaded(door, boss, nem12(stream(), day(value="4.0", updated="20260302120000")))
    assert (later.stored, later.late) == (1, 1)
    assert await standing(owner) == [(2, 2000, "A")]
    same_time = nem12(stream(), day(value="5.0", updated="20260305120000"))
    assert (await loaded(door, boss, same_time)).late == 0
    assert [row[1:] for row in await standing(owner)] == [(5000, "A")]
    first = await loaded(door, boss, nem12(stream(), day(value="1.0")))
    assert (first.stored, first.duplicates) == (0, 1)
    assert [row[1:] for row in await standing(owner)] == [(5000, "A")]
    revisions = await owner.fetch(
        "select revision from intervals.register_day where day = '2026-03-02'"
    )
    assert sorted(row["revision"] for row in revisions) == [-1, 0, 1, 2, 3]


async def test_corrections_of_one_file_are_taken_in_their_order(door, boss, owner, homes) -> None:
    told = await loaded(
        door, boss,
        nem12(
            stream(), day(value="2.0", updated="20260305120000"),
            day(value="1.0", updated="20260303120000"),
        ),
    )  # fmt: skip
    assert (told.stored, told.late, told.faults) == (2, 0, 0)
    assert await standing(owner) == [(2, 2000, "A")]


async def test_a_day_told_twice_alike_is_known_and_otherwise_a_fault(
    door, boss, owner, homes
) -> None:
    told = await loaded(
        door, boss,
        nem12(
            stream(), day(value="1.0"), day(value="1.0"), stream(NMI, "B1"), day(value="1.0"),
            day(value="2.0"),
        ),
    )  # fmt: skip
    assert (told.stored, told.duplicates, told.faults) == (2, 1, 1)
    (fault,) = told.unplaced
    assert (fault.reason, fault.line, fault.datastream) == ("DUPLICATE", 7, "B1")
    assert [row[1] for row in await standing(owner)] == [1000, 1000]


async def test_what_cannot_be_placed_is_noted_and_the_rest_is_stored(
    door, boss, owner, homes
) -> None:
    await owner.execute(
        "insert into locations.location (portal_id, loc_id, external_key, address_1, city, state,"
        " zip, created_at, last_mod, site_identifier) select portal_id, 'L9', 'L9', '', '', '', '',"
        " now(), now(), '4100000009' from access.portal"
    )
    raw = nem12(
        stream("4199999999"), day("20260302"), day("20260303"), stream(serial="M7"), day(),
        stream("4100000009", serial=""), day(), stream(suffix="Q1", unit="kvarh"), day(),
        stream(unit="kvarh"), day(), stream(unit="pears"), day("20260303"), stream(),
        day("20260228"), day("20260304"),
    )  # fmt: skip
    told = await loaded(door, boss, raw)
    assert (told.days, told.stored, told.faults) == (9, 1, 8)
    assert [(f.line, f.reason, f.days) for f in told.unplaced] == [
        (3, "NOSITE", 2), (6, "NOMETER", 1), (8, "NOMETER", 1), (10, "NOMTRSCHED", 1),
        (12, "BADUNIT", 1), (14, "BADUNIT", 1), (16, "NOMETER", 1),
    ]  # fmt: skip
    (newest, *_) = await door.ask(interval_files, FilesWanted(2**62, 10), boss)
    assert (newest.faults, newest.login, newest.from_participant) == (8, "boss", "MDP1")
    noted = await door.ask(interval_faults, FaultsWanted(newest.file_id), boss)
    assert noted == told.unplaced
    assert (noted[0].from_day, noted[0].to_day) == (date(2026, 3, 2), date(2026, 3, 3))


async def test_a_basic_meter_takes_no_intervals_until_it_has_the_stream(
    door, boss, owner, homes
) -> None:
    await owner.execute(
        "update metering.register set metering_type = 'BASIC', datastream = '' "
        "where meter_id = (select meter_id from metering.meter where serial_number = 'M2')"
    )
    raw = nem12(stream("4100000002", serial="M2"), day())
    assert [f.reason for f in (await loaded(door, boss, raw)).unplaced] == ["NOTOUSITE"]
    told = await loaded(door, boss, raw, create=True)
    assert (told.streams, told.stored, told.faults) == (1, 1, 0)


async def test_streams_are_given_their_registers(door, boss, owner, homes) -> None:
    raw = nem12(
        *(
            line
            for suffix, unit in (("Q1", "kvarh"), ("K1", "kvarh"), ("E2", "kWh"), ("B2", "kWh"))
            for line in (stream(suffix=suffix, unit=unit), day())
        )
    )
    assert (await loaded(door, boss, raw)).faults == 4
    told = await loaded(door, boss, raw, create=True)
    assert (told.streams, told.stored) == (4, 4)
    rows = await owner.fetch(
        "select register_no, datastream, unit, direction, interval_minutes "
        "from metering.register where meter_id = "
        "(select meter_id from metering.meter where serial_number = 'M1') order by register_no"
    )
    assert [tuple(row) for row in rows] == [
        (1, "E1", "kWh", "E", 30), (2, "B1", "kWh", "I", 30), (3, "Q1", "kvarh", "E", 30),
        (4, "K1", "kvarh", "I", 30), (20, "B2", "kWh", "I", 30), (21, "E2", "kWh", "E", 30),
    ]  # fmt: skip
    assert (await loaded(door, boss, raw, create=True)).streams == 0


async def test_a_blank_serial_is_the_only_interval_meter_with_the_stream(
    door, boss, owner, homes
) -> None:
    assert (await loaded(door, boss, nem12(stream(serial=""), day()))).stored == 1
    await hang(owner, "X1", NMI, "2026-03-10", None, stream="E2")
    assert (await loaded(door, boss, nem12(stream(serial=""), day("20260311")))).stored == 1
    await hang(owner, "X2", NMI, "2026-03-10", None)
    told = await loaded(door, boss, nem12(stream(serial=""), day("20260312")))
    assert [f.reason for f in told.unplaced] == ["NOMETER"]


async def test_an_exchanged_meter_hands_over_on_its_day(door, boss, owner, homes) -> None:
    await owner.execute(
        "update metering.installation set valid = tstzrange(lower(valid), '2026-03-10 02:00Z') "
        "where meter_id = (select meter_id from metering.meter where serial_number = 'M1')"
    )
    await hang(owner, "N1", NMI, "2026-03-10 02:00Z", None)
    days = [day(f"202603{n:02}") for n in (9, 10, 11)]
    told = await loaded(door, boss, nem12(stream(serial=""), *days))
    assert (told.stored, told.faults) == (3, 0)
    rows = await owner.fetch(
        "select m.serial_number, d.day from intervals.current_day as d "
        "inner join metering.register as g using (register_id) "
        "inner join metering.meter as m using (meter_id) where d.day > '2026-03-08' order by 2"
    )
    assert [row["serial_number"] for row in rows] == ["M1", "N1", "N1"]
    named = await loaded(door, boss, nem12(stream(serial="M1"), day("20260310"), day("20260311")))
    assert (named.stored, [f.reason for f in named.unplaced]) == (1, ["NOMETER"])


async def hang(owner, serial: str, nmi: str, since: str, until: str | None, stream="E1") -> None:
    """Plant an interval meter at a site."""
    await owner.execute(
        "insert into metering.meter (portal_id, serial_number, device_id, com_type, wallet_kind,"
        " created_at, last_mod) select portal_id, $1, $1, 'AMR', 'currency', now(), now()"
        " from access.portal",
        serial,
    )
    await owner.execute(
        "update metering.register set metering_type = 'AM', datastream = $2 where meter_id ="
        " (select meter_id from metering.meter where serial_number = $1)",
        serial,
        stream,
    )
    await owner.execute(
        "insert into metering.installation (portal_id, meter_id, location_id, valid)"
        " select m.portal_id, m.meter_id, l.location_id,"
        " tstzrange($3::text::timestamptz, $4::text::timestamptz)"
        " from metering.meter as m, locations.location as l"
        " where m.serial_number = $1 and l.site_identifier = $2",
        serial, nmi, since, until,
    )  # fmt: skip


async def test_the_check_digit_of_an_nmi_may_be_there_or_not(door, boss, owner, homes) -> None:
    told = await loaded(door, boss, nem12(stream(f"{NMI}{nmi_checksum(NMI)}"), day()))
    assert told.stored == 1
    wrong = (nmi_checksum(NMI) + 1) % 10
    with pytest.raises(Invalid) as refused:
        await loaded(door, boss, nem12(stream(f"{NMI}{wrong}"), day()))
    assert refused.value.faults[0].column == "NMI"


async def test_sites_and_meters_are_made_in_a_building(door, boss, owner) -> None:
    await building(owner)
    raw = nem12(
        stream(serial="A"), day("20260210"), day("20260211"), stream(suffix="B1", serial="A"),
        day("20260210"), stream("4100000002", serial=""), day("20260212"),
    )  # fmt: skip
    told = await onboarded(door, boss, raw)
    assert (told.sites, told.meters, told.streams, told.stored) == (2, 2, 3, 4)
    rows = await owner.fetch(
        "select m.serial_number, l.site_identifier, lower(i.valid) as since "
        "from metering.installation as i inner join metering.meter as m using (meter_id) "
        "inner join locations.location as l using (location_id) order by 1"
    )
    assert [tuple(row) for row in rows] == [
        ("4100000002", "4100000002", datetime(2026, 2, 11, 14, tzinfo=UTC)),
        ("A", NMI, datetime(2026, 2, 9, 14, tzinfo=UTC)),
    ]
    again = await onboarded(door, boss, raw)
    assert (again.sites, again.meters, again.streams, again.duplicates) == (0, 0, 0, 4)
    with pytest.raises(NotFound):
        await door.act(onboard_nem12, OnboardNem12(upload(raw), "B9"), boss)


async def test_onboarding_moves_no_meter_that_hangs_elsewhere(door, boss, owner, homes) -> None:
    told = await onboarded(door, boss, nem12(stream("4100000003", serial="M1"), day()))
    assert [f.reason for f in told.unplaced] == ["NOMETER"]
    assert await owner.fetchval(
        "select count(*) from metering.installation as i inner join metering.meter as m "
        "using (meter_id) where m.serial_number = 'M1'"
    ) == 1  # fmt: skip


async def test_a_day_that_cannot_be_placed_undoes_the_file_where_that_is_asked(
    door, boss, owner, homes
) -> None:
    before = await count(owner)
    raw = nem12(stream(), day(), stream("4199999999"), day())
    with pytest.raises(Invalid, match="1 of 2 days cannot be placed") as refused:
        await loaded(door, boss, raw, on_error=OnError.ROLLBACK)
    (fault,) = refused.value.faults
    assert (fault.record, fault.column) == (5, "NMI")
    assert "NOSITE" in fault.reason
    assert await count(owner) == before
    assert await count(owner, "intervals.fault") == 0


BAD = [
    ([stream(), day(quality="Q")], 3, "QualityMethod"),
    ([stream(), day(quality="A52")], 3, "QualityMethod"),
    ([stream(), day(count=47)], 3, "IntervalValue48"),
    ([stream(), day(count=49)], 3, "QualityMethod"),
    ([stream(minutes=15), day()], 3, "IntervalValue49"),
    ([stream(), day(on="20260230")], 3, "IntervalDate"),
    ([stream(), day(on="20260503")], 3, "IntervalDate"),
    ([stream(), day(on="20281121", value="2")], 3, "IntervalDate"),
    ([stream(), day(updated="20260303250000")], 3, "UpdateDateTime"),
    ([stream(), day(updated="20260502120001")], 3, "UpdateDateTime"),
    ([stream(), day(updated="20270101000000", quality="E52")], 3, "UpdateDateTime"),
    ([stream(), day(values=["1.0"] * 10 + ["1.2E-05"] + ["1.0"] * 37)], 3, "IntervalValue11"),
    ([stream(), day(values=["1.0"] * 10 + [""] + ["1.0"] * 37)], 3, "IntervalValue11"),
    ([stream(), day(values=["1.0"] * 10 + ["3000000"] + ["1.0"] * 37)], 3, "IntervalValue11"),
    ([stream(), day(values=["x"] + ["1.0"] * 47)], 3, "IntervalValue1"),
    ([stream(), day(reason="0,")], 3, "ReasonDescription"),
    ([stream(), day(reason="x,")], 3, "ReasonCode"),
    ([stream(), day(quality="V")], 3, "QualityMethod"),
    ([stream(), day(quality="V"), "400,1,20,A,,", "400,22,48,A,,"], 5, "StartInterval"),
    ([stream(), day(quality="V"), "400,1,20,A,,", "400,20,48,A,,"], 5, "StartInterval"),
    ([stream(), day(quality="V"), "400,1,49,A,,"], 4, "EndInterval"),
    ([stream(), day(quality="V"), "400,1,48,V,,"], 4, "QualityMethod"),
    ([stream(), day(quality="V"), "400,1,40,A,,"], 3, "QualityMethod"),
    ([stream(), day(), "400,1,48,A,,"], 4, "RecordIndicator"),
    ([stream(), day(), "500,,,,"], 4, "TransCode"),
    ([stream(), day(), "500,N,,2026,"], 4, "ReadDateTime"),
    ([stream(), "400,1,48,A,,"], 3, "RecordIndicator"),
    ([stream(), day(), "250,what"], 4, "RecordIndicator"),
    ([stream(suffix="E"), day()], 2, "NMISuffix"),
    ([stream(minutes=7), day()], 2, "IntervalLength"),
    ([stream(nmi=""), day()], 2, "NMI"),
    (["200,1,2,3", day()], 2, "RecordIndicator"),
    ([stream(), day(), "100,NEM12,202604010000,A,B"], 4, "RecordIndicator"),
    ([stream(), day(), "900", stream()], 5, "RecordIndicator"),
]


@pytest.mark.parametrize(("lines", "line", "column"), BAD)
async def test_a_bad_line_is_named_and_nothing_is_loaded(
    lines, line, column, door, boss, owner, homes
) -> None:
    before = await count(owner)
    with pytest.raises((Invalid, Unparsable), match="Nothing was stored") as refused:
        await loaded(door, boss, nem12(stream("4100000002", serial="M2"), day(), *lines))
    fault = refused.value.faults[0]
    assert (fault.record, fault.column) == (line + 2, column), fault
    assert await count(owner) == before


async def test_the_edge_of_the_future(door, boss, homes) -> None:
    edge = day("20260502", updated="20260502120000")
    assert (await loaded(door, boss, nem12(stream(), edge))).stored == 1
    ahead = nem12(stream(), day("20260501"), day("20260502", updated=""), made="202701010000")
    with pytest.raises(Invalid) as refused:
        await loaded(door, boss, ahead)
    (fault,) = refused.value.faults
    assert (fault.record, fault.column) == (4, "UpdateDateTime")
    assert "made at 2026-12-31T14:00:00" in fault.reason


async def test_a_day_needs_a_data_stream(door, boss, homes) -> None:
    with pytest.raises(Invalid) as refused:
        await loaded(door, boss, nem12(day()))
    assert "before the first 200" in refused.value.faults[0].reason


async def test_every_fault_of_a_file_is_told(door, boss, homes) -> None:
    with pytest.raises(Invalid) as refused:
        await loaded(door, boss, nem12(stream(), day(quality="Q"), day(on="x"), day(count=3)))
    assert [fault.record for fault in refused.value.faults] == [3, 4, 5]
    with pytest.raises(Invalid, match="Of 60 faults the first are") as refused:
        await loaded(door, boss, nem12(stream(), *[day(on="x")] * 60))
    assert len(refused.value.faults) == 50


GARBAGE = [
    (b"", "no 100 NEM12 record"),
    (b"hello", "begins with 'hello'"),
    (nem12(stream(), day()).removesuffix(b"900\r\n"), "breaks off"),
    (nem12(stream(), day()).replace(b"NEM12", b"NEM13"), "this takes NEM12"),
    (nem12(stream(), day()).replace(b"202604010000", b"20260401"), "DateTime"),
    (nem12(), "holds no interval data"),
    (nem12(stream(), day()) + b"\xff", "0xFF"),
    (nem12(stream(), day()).replace(b"M1", b"M\0"), "NUL"),
    (zipped(b"a", b"b"), "2 files"),
    (zipped(), None),
    (zipped(nem12(stream(), day()))[:-30], "damaged"),
]


@pytest.mark.parametrize(("raw", "told"), GARBAGE)
async def test_what_is_no_file_is_refused(raw, told, door, boss, owner, homes) -> None:
    before = await count(owner)
    with pytest.raises((Unparsable, Invalid), match=told):
        await loaded(door, boss, raw)
    assert await count(owner) == before


async def test_a_file_of_blank_lines_is_given_up_early(
    door, boss, homes, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = nem12(stream(), day()) + b"\n" * 20_000
    assert (await loaded(door, boss, zipped(raw))).stored == 1
    monkeypatch.setattr("currant.mdff._MOST_LINES", 20_000)
    with pytest.raises(TooLarge, match="more than 20000 lines"):
        await loaded(door, boss, zipped(raw))


async def test_a_zip_archive_is_read_and_a_bomb_is_not(
    door, boss, homes, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = nem12(stream(), day())
    assert (await loaded(door, boss, zipped(raw))).stored == 1
    monkeypatch.setattr("currant.mdff._MAX_BYTES", len(raw) - 1)
    with pytest.raises(TooLarge):
        await loaded(door, boss, zipped(raw))


async def test_an_unusual_but_sound_file_is_read(door, boss, owner, homes) -> None:
    raw = b"\xef\xbb\xbf" + nem12("", stream(), day() + ",,", ",,,", stream(NMI, "b1"), day())
    assert (await loaded(door, boss, raw.replace(b"\r\n", b"\n"))).stored == 2
    blank = nem12(stream(), day("20260303", values=[""] * 48, quality="N"))
    assert (await loaded(door, boss, blank)).stored == 1
    assert await standing(owner, "20260303") == [(1, 0, "N")]


async def test_lengths_may_change_within_a_file(door, boss, owner, homes) -> None:
    raw = nem12(
        stream(minutes=15), day(count=96), stream(minutes=5), day("20260303", count=288),
        stream(), day("20260304"),
    )  # fmt: skip
    assert (await loaded(door, boss, raw)).stored == 3
    rows = await owner.fetch(
        "select minutes, cardinality(quantities) as many from intervals.current_day "
        "where day > '2026-03-01' order by day"
    )
    assert [tuple(row) for row in rows] == [(15, 96), (5, 288), (30, 48)]


async def test_history_is_not_edited(owner, door, boss, homes) -> None:
    for change in (
        "update intervals.register_day set quality = 'S'",
        "delete from intervals.fault",
    ):
        with pytest.raises(asyncpg.PostgresError, match="history"):
            await owner.execute(change)


async def test_another_portal_sees_nothing(door, boss, homes, owner) -> None:
    made = CreatePortal("other", "Other", "Australia/Sydney", "AUD", "CEC")
    await door.act(create_portal, made, OPERATOR)
    stranger = await make_user(door, "other", "stranger", "SysAdmin")
    told = await loaded(door, stranger, nem12(stream(), day()))
    assert [f.reason for f in told.unplaced] == ["NOSITE"]
    assert len(await door.ask(interval_files, FilesWanted(2**62, 10), stranger)) == 1


async def test_the_number_of_statements_does_not_grow_with_the_file(
    door, boss, homes, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []
    for many in (1, 20):
        sent = []
        for name in ("one", "run", "all", "maybe", "copy_text"):
            real = getattr(Tx, name)

            async def counted(self, statement, *args, _real=real, _sent=sent, **values):
                _sent.append(statement)
                return await _real(self, statement, *args, **values)

            monkeypatch.setattr(Tx, name, counted)
        days = [day(f"202604{n + 1:02}") for n in range(many)]
        await loaded(door, boss, nem12(stream(), *days))
        counts.append(len(sent))
        monkeypatch.undo()
    assert counts[0] == counts[1]


async def test_who_may_not_write_reads_loads_nothing(door, boss, homes) -> None:
    cashier = await make_user(door, "example", "cash", "VENDORADM")
    with pytest.raises(Forbidden):
        await door.act(load_nem12, LoadNem12(upload(nem12(stream(), day()))), cashier)


async def test_own_days_are_judged_by_their_time(door, boss, owner, homes) -> None:
    register = await owner.fetchval(
        "select register_id from metering.register as g inner join metering.meter as m "
        "using (meter_id) where m.serial_number = 'M1' and g.datastream = 'E1'"
    )
    never = datetime(1970, 1, 1, tzinfo=UTC)
    guess = OwnDay(register, date(2026, 3, 2), 30, [100] * 48, "E", never, "52", 20, "no data")
    async with door.asking(load_nem12, boss) as tx:
        stored = await verbs.store_own_days(tx, "ESTIMATE", "gap filling", [guess])
        assert (stored.stored, stored.faults) == (1, 0)
        await tx.connection.execute("commit; begin")
    assert await standing(owner) == [(1, 100, "E")]
    await loaded(door, boss, nem12(stream(), day(value="0.2")))
    assert await standing(owner) == [(2, 200, "A")]


async def gaps(door: Door, actor: Actor, first: date, last: date, **more: object) -> list[tuple]:
    question = GapsWanted(first, last, **more)
    async with door.asking(verbs.interval_gaps, actor) as tx:
        found = [gap async for gap in verbs.interval_gaps(tx, question)]
    return [(g.serial_number, g.datastream, g.kind, g.from_day.day, g.to_day.day, g.intervals)
            for g in found]  # fmt: skip


async def test_gaps_are_spans_of_days(door, boss, owner, clock, homes) -> None:
    await loaded(
        door, boss,
        nem12(
            stream(NMI), *(day(f"202603{n:02}") for n in (2, 3, 6)),
            day("20260307", quality="V"), "400,1,10,N,,", "400,11,20,S52,,", "400,21,48,A,,",
            day("20260308", quality="E52"), day("20260309", quality="E52"),
            stream(NMI, "B1"), *(day(f"202603{n:02}") for n in range(2, 32)),
            stream("4100000002", serial="M2"), *(day(f"202603{n:02}") for n in range(2, 32)),
        ),
    )  # fmt: skip
    clock.set(datetime(2026, 3, 12, tzinfo=UTC))
    assert await gaps(door, boss, date(2026, 2, 1), date(2026, 3, 31)) == [
        ("M1", "E1", "MISSING", 4, 5, 0),
        ("M1", "E1", "NONE", 7, 7, 10),
        ("M1", "E1", "SUBSTITUTED", 7, 7, 10),
        ("M1", "E1", "ESTIMATED", 8, 9, 96),
        ("M1", "E1", "MISSING", 10, 11, 0),
    ]
    assert await gaps(door, boss, date(2026, 3, 1), date(2026, 3, 9), nmi="4100000002") == []
    with pytest.raises(Invalid):
        await gaps(door, boss, date(2026, 3, 2), date(2026, 3, 1))
