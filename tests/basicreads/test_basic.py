"""Basic reads: dated, described, judged, under review, misread, and estimates that give way."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.houses import small_house
from tests.reads.meters import deliver, line, live, standing, use_all
from tests.shared import shared_urls, urls  # noqa: F401

from currant.access.model import Actor
from currant.basicreads.model import BasicRead, PostedRead, PostReads, SubType
from currant.basicreads.posted import day_of, instant_of
from currant.basicreads.verbs import post_reads
from currant.db.tx import Tx
from currant.door import Door
from currant.errors import Forbidden, Invalid
from currant.reads.model import QuarantineWanted, ReadsWanted, RejectReads, ReleaseReads
from currant.reads.verbs import quarantine, reads_of_meter, reject_reads, release_reads

ZONES = ("Australia/Sydney", "America/New_York", "America/Havana", "Africa/Cairo", "Asia/Kolkata")
IDENTIFIERS = "update locations.location set site_identifier = 'NMI' || external_key"
SITE = "NMIH1"


@settings(deadline=None)
@given(st.dates(date(1990, 1, 1), date(2040, 1, 1)), st.sampled_from(SubType),
       st.sampled_from(ZONES))  # fmt: skip
def test_a_day_becomes_an_instant_and_back(day: date, sub_type: SubType, name: str) -> None:
    zone = ZoneInfo(name)
    at = instant_of(day, sub_type, zone)
    assert day_of(at, sub_type, zone) == day
    next_day = instant_of(day + timedelta(days=1), SubType.OPENING, zone)
    assert (at == next_day) == (sub_type != SubType.OPENING)


def test_a_read_in_the_middle_of_a_day_is_of_that_day() -> None:
    at = datetime(2026, 2, 3, 12, tzinfo=UTC)
    assert {day_of(at, sub_type, ZoneInfo("UTC")) for sub_type in SubType} == {date(2026, 2, 3)}


def basic(day: str, value: str, sub_type: str = "ACTUAL", **more: object) -> BasicRead:
    told = {"site_identifier": SITE, "meter_code": "M1"} | more
    return BasicRead(
        meter_read=Decimal(value), read_date=date.fromisoformat(day), sub_type=sub_type, **told
    )


async def post(door: Door, actor: Actor, *reads: BasicRead) -> list[PostedRead]:
    return await door.act(post_reads, PostReads(list(reads)), actor)


@pytest.fixture
async def home(door: Door, boss: Actor, owner) -> None:
    """A site with a meter since New Year, whose first read is that of M1."""
    await small_house(door, boss, homes=2, opening="", installed="2026-01-01")
    await owner.execute(IDENTIFIERS)


async def details(owner) -> list[tuple]:
    rows = await owner.fetch(
        "select sub_type, estimated, next_scheduled_on, temp_factor, cv_factor, notes "
        "from reads.detail order by read_at, revision"
    )
    return [tuple(row) for row in rows]


async def test_reads_are_dated_described_and_used(door: Door, boss, owner, home) -> None:
    opening, first, second = await post(
        door, boss,
        basic("2026-01-01", "12000", "OPENING"),
        basic("2026-01-31", "12100.5", next_scheduled_read_date=date(2026, 2, 28)),
        basic("2026-02-28", "12410", "ACTUALC", temp_factor=Decimal("0.98"),
              cv_factor=Decimal("38.5"), audit_notes="by phone"),
    )  # fmt: skip
    assert [opening.consumption, first.consumption, second.consumption] == [
        None, Decimal("100.5"), Decimal("309.5"),
    ]  # fmt: skip
    assert {(r.status, r.result) for r in (opening, first, second)} == {("ACCEPTED", "CREATED")}
    assert await standing(owner, "M1") == [
        ("01-01T05:00", 12_000_000), ("02-01T05:00", 12_100_500), ("03-01T05:00", 12_410_000),
    ]  # fmt: skip
    assert await details(owner) == [
        ("OPENING", False, None, None, None, ""),
        ("ACTUAL", False, date(2026, 2, 28), None, None, ""),
        ("ACTUALC", False, None, Decimal("0.98"), Decimal("38.5"), "by phone"),
    ]
    await use_all(door)
    assert [wh for *_, wh in await live(owner, "M1")] == [0, 100_500, 309_500]
    (again,) = await post(door, boss, basic("2026-01-31", "12100.5"))
    assert (again.read_id, again.result) == (first.read_id, "DUPLICATE")
    shown = await door.ask(reads_of_meter, ReadsWanted("M1"), boss)
    assert [read.source for read in shown.reads] == ["boss"] * 3


@pytest.mark.parametrize(
    ("read", "column", "reason"),
    [
        (basic("2026-01-31", "1", site_identifier="NMI9"), "site_identifier", "no site"),
        (basic("2026-01-31", "1", meter_code="M2"), "meter_code", "hung at the site"),
        (basic("2025-11-30", "1"), "meter_code", "hung at the site on 2025-11-30"),
        (basic("2026-01-31", "1", meter_register=2), "meter_register", "no such register"),
        (basic("2026-03-03", "1"), "read_date", "future"),
        (basic("2026-01-31", "-1"), "meter_read", "from 0"),
        (basic("2026-01-31", "1e12"), "meter_read", "less than"),
        (basic("2026-01-31", "0.0000001"), "meter_read", "decimals"),
        (basic("2026-01-31", "1", "GUESS"), "read_sub_type", "is one of"),
        (basic("2026-01-31", "1", add_factor=5000), "add_factor", "start again"),
        (basic("2026-01-31", "1", cv_factor=Decimal(0)), "cv_factor", "more than 0"),
        (basic("2026-01-31", "1", next_scheduled_read_date=date(2026, 1, 31)),
         "next_scheduled_read_date", "after"),
        (basic("2026-01-31", "1", "MISREAD"), "meter_read", "no read of that date"),
        (basic("2026-02-28", "9", add_factor=100), "add_factor", "has not rolled over"),
    ],
)  # fmt: skip
async def test_a_bad_record_is_named_and_nothing_is_stored(
    read: BasicRead, column: str, reason: str, door: Door, boss, owner, home
) -> None:
    with pytest.raises(Invalid) as refused:
        await post(door, boss, basic("2026-01-30", "1"), basic("2026-02-01", "2"), read)
    (fault,) = refused.value.faults
    assert (fault.record, fault.column) == (3, column)
    assert reason in fault.reason
    assert "Nothing was stored" in refused.value.message
    assert await standing(owner, "M1") == []
    assert await owner.fetchval("select count(*) from reads.batch") == 0


async def test_interval_registers_take_no_reads(door: Door, boss, cashier, owner, home) -> None:
    await owner.execute("update metering.register set metering_type = 'AM', interval_minutes = 30")
    with pytest.raises(Invalid) as refused:
        await post(door, boss, basic("2026-01-31", "1"))
    assert "intervals" in refused.value.faults[0].reason
    with pytest.raises(Forbidden):
        await post(door, cashier, basic("2026-01-31", "1"))


async def test_a_failed_check_is_under_review(door: Door, boss, owner, home) -> None:
    await post(door, boss, basic("2026-01-10", "100"), basic("2026-01-20", "110"))
    low, high, other = await post(
        door, boss, basic("2026-01-31", "50"), basic("2026-02-05", "99999", audit_notes="really"),
        basic("2026-01-20", "111"),
    )  # fmt: skip
    assert [r.failed_checks for r in (low, high, other)] == [["BACKWARDS"], ["HIGH"], ["REPEATED"]]
    assert {r.status for r in (low, high, other)} == {"IN_REVIEW"}
    assert len(await standing(owner, "M1")) == 2
    listed = await door.ask(quarantine, QuarantineWanted(2**62, 50), boss)
    assert {-one.quarantine_id for one in listed} == {r.read_id for r in (low, high, other)}
    await door.act(reject_reads, RejectReads([-low.read_id], "a slip"), boss)
    await door.act(release_reads, ReleaseReads([-high.read_id]), boss)
    assert (await standing(owner, "M1"))[-1][1] == 99_999_000
    assert (await details(owner))[-1] == ("ACTUAL", False, None, None, None, "really")


async def test_each_revision_of_a_read_has_a_number_and_keeps_it(door, boss, owner, home) -> None:
    sent = [
        basic("2026-01-10", "100"), basic("2026-01-10", "100", "OPENING"),
        basic("2026-01-20", "110", "ESTIMATE"), basic("2026-01-20", "112"),
    ]  # fmt: skip
    first = [(await post(door, boss, read))[0] for read in sent]
    again = [(await post(door, boss, read))[0] for read in (sent[0], sent[3])]
    (misread,) = await post(door, boss, basic("2026-01-20", "112", "MISREAD"))
    (anew,) = await post(door, boss, basic("2026-01-20", "113"))
    assert [read.read_id for read in again] == [first[0].read_id, first[3].read_id]
    assert misread.read_id == first[3].read_id
    numbers = [read.read_id for read in (*first, anew)]
    assert len(set(numbers)) == 5
    assert all(0 < number < 2**53 for number in numbers)
    rows = await owner.fetch("select read_id from reads.read")
    assert set(numbers) <= {row["read_id"] for row in rows}


async def test_another_factor_is_under_review(door: Door, boss, owner, home) -> None:
    await post(door, boss, basic("2026-01-10", "100"))
    await owner.execute("update metering.meter set factor = 40")
    (read,) = await post(door, boss, basic("2026-01-20", "110"))
    assert read.failed_checks == ["MULTIPLIER"]


async def test_a_rollover_that_is_told_is_believed(door: Door, boss, owner, home) -> None:
    await post(door, boss, basic("2026-01-10", "99950"))
    (low,) = await post(door, boss, basic("2026-01-20", "30"))
    assert low.failed_checks == ["BACKWARDS"]
    (read,) = await post(door, boss, basic("2026-01-20", "30", add_factor=100_000))
    assert (read.status, read.consumption) == ("ACCEPTED", 80)
    assert await owner.fetchval("select dials from metering.meter where serial_number = 'M1'") == 5
    with pytest.raises(Invalid) as refused:
        await post(door, boss, basic("2026-01-30", "10", add_factor=1000))
    assert "5 dials: 100000" in refused.value.faults[0].reason


async def test_a_misread_counts_no_longer_and_may_be_read_again(
    door: Door, boss, owner, home
) -> None:
    await post(
        door, boss, basic("2026-01-01", "90", "OPENING"), basic("2026-01-10", "100"),
        basic("2026-01-20", "150"), basic("2026-01-31", "160"),
    )  # fmt: skip
    await use_all(door)
    (misread,) = await post(door, boss, basic("2026-01-20", "150", "MISREAD"))
    assert misread.result == "MISREAD"
    await use_all(door)
    assert [wh for *_, wh in await live(owner, "M1")] == [0, 10_000, 60_000]
    shown = await door.ask(reads_of_meter, ReadsWanted("M1"), boss)
    assert [read.forward_active for read in shown.reads] == [90_000, 100_000, 160_000]
    (right,) = await post(door, boss, basic("2026-01-20", "105"))
    assert (right.status, right.consumption) == ("ACCEPTED", 5)
    await use_all(door)
    assert [wh for *_, wh in await live(owner, "M1")] == [0, 10_000, 5_000, 55_000]
    await post(door, boss, basic("2026-01-01", "90", "MISREAD"))
    await use_all(door)
    assert [wh for *_, wh in await live(owner, "M1")] == [0, 5_000, 55_000]


async def test_what_closes_one_supply_opens_the_next(door: Door, boss, owner, home) -> None:
    closing, opening, again = await post(
        door, boss, basic("2026-01-31", "70", "CLOSING"), basic("2026-02-01", "70", "OPENING"),
        basic("2026-02-01", "70", "OPENING"),
    )  # fmt: skip
    assert [r.result for r in (closing, opening, again)] == ["CREATED", "CREATED", "DUPLICATE"]
    assert [sub_type for sub_type, *_ in await details(owner)] == ["CLOSING", "OPENING"]
    (later,) = await post(door, boss, basic("2026-02-01", "70", "OPENING"))
    assert later.result == "DUPLICATE"
    await use_all(door)
    assert [wh for *_, wh in await live(owner, "M1")] == [0]


async def test_estimates_stand_until_an_actual_read_contradicts_them(
    door: Door, boss, owner, home
) -> None:
    await post(door, boss, basic("2026-01-10", "100"))
    await post(door, boss, basic("2026-01-20", "110", "ESTIMATE"))
    await post(door, boss, basic("2026-01-31", "130", "INVOICE_EST"))
    await use_all(door)
    (read,) = await post(door, boss, basic("2026-02-10", "120"))
    assert (read.status, read.consumption) == ("ACCEPTED", 10)
    await use_all(door)
    assert [wh for *_, wh in await live(owner, "M1")] == [0, 10_000, 10_000]
    assert await owner.fetch("select reason from reads.misread") == [("CONTRADICTED",)]
    (late,) = await post(door, boss, basic("2026-01-15", "115"))
    assert (late.status, late.consumption) == ("ACCEPTED", 15)
    await use_all(door)
    assert [wh for *_, wh in await live(owner, "M1")] == [0, 15_000, 5_000]


async def test_an_actual_read_takes_the_place_of_an_estimate(door: Door, boss, owner, home) -> None:
    await post(door, boss, basic("2026-01-10", "100"), basic("2026-01-20", "110", "ESTIMATE"))
    await post(door, boss, basic("2026-01-20", "112", "ESTIMATE"))
    (same,) = await post(door, boss, basic("2026-01-20", "112"))
    assert same.result == "CREATED"
    (guess,) = await post(door, boss, basic("2026-01-20", "111", "ESTIMATE"))
    assert guess.failed_checks == ["REPEATED"]
    assert [estimated for _, estimated, *_ in await details(owner)] == [False, True, True, False]


@pytest.mark.parametrize("value", ["105", "110"])
async def test_a_file_is_not_held_against_estimates(value, door: Door, boss, owner, home) -> None:
    await post(door, boss, basic("2026-01-10", "100"), basic("2026-01-20", "110", "ESTIMATE"))
    recorded = await deliver(
        door, boss, line("M1", "2026-01-21T05:00:00Z", value),
        line("M1", "2026-01-25T05:00:00Z", "107" if value == "105" else "111"),
    )  # fmt: skip
    assert (recorded.stored, recorded.quarantined) == (2, 0)
    await use_all(door)
    assert sum(wh for *_, wh in await live(owner, "M1")) == (7 if value == "105" else 11) * 1000


async def test_a_file_below_an_estimate_is_believed(door: Door, boss, owner, home) -> None:
    await post(door, boss, basic("2026-01-10", "100"), basic("2026-01-20", "150", "ESTIMATE"))
    recorded = await deliver(door, boss, line("M1", "2026-01-25T05:00:00Z", "107"))
    assert (recorded.stored, recorded.quarantined) == (1, 0)
    await use_all(door)
    assert [wh for *_, wh in await live(owner, "M1")] == [0, 7_000]


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[int, int, str]]:
    """Actual reads that rise from 100, and estimates that are anything, the first read first."""
    day, value, told = 0, 100, []
    for days, kwh in draw(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), max_size=5)):
        day, value = day + days, value + kwh
        told.append((day, value, "ACTUAL"))
    guesses = draw(st.lists(st.tuples(st.integers(1, 45), st.integers(100, 160)), max_size=5))
    told += [(*guess, "ESTIMATE") for guess in guesses]
    return [(0, 100, "ACTUAL"), *draw(st.permutations(told))]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(history=histories())
async def test_actual_reads_after_estimates_leave_exactly_what_was_used(
    history: list[tuple[int, int, str]], door: Door, boss, owner, home
) -> None:
    """Whatever was estimated, and in whatever order it came."""
    number = 1 + await owner.fetchval("select count(*) from metering.meter")
    await small_house(door, boss, first=number, rate=None, opening="", installed="2026-01-01")
    await owner.execute(IDENTIFIERS)
    site = {"site_identifier": f"NMIH{number}", "meter_code": f"M{number}"}
    first = date(2026, 1, 2)
    for day, value, sub_type in history:
        at = (first + timedelta(days=day)).isoformat()
        (read,) = await post(door, boss, basic(at, str(value), sub_type, **site))
        assert read.status == "ACCEPTED" or sub_type == "ESTIMATE"
    await use_all(door)
    last, value, _ = max(one for one in history if one[2] == "ACTUAL")
    ends = instant_of(first + timedelta(days=last), "ACTUAL", ZoneInfo("America/New_York"))
    used = [
        wh for _, to, wh in await live(owner, f"M{number}") if to <= ends.strftime("%m-%dT%H:%M")
    ]
    assert sum(used) == (value - 100) * 1000
    assert min(used) >= 0


async def test_as_many_statements_for_many_reads_as_for_one(
    door: Door, boss, owner, home, monkeypatch
) -> None:
    sent: list[str] = []

    def counting(name: str):
        whole = getattr(Tx, name)

        async def counted(tx, statement, **values):
            sent.append(getattr(statement, "name", "copy"))
            return await whole(tx, statement, **values)

        return counted

    for name in ("one", "maybe", "all", "run"):
        monkeypatch.setattr(Tx, name, counting(name))
    await post(door, boss, basic("2026-01-10", "100"))
    one = len(sent)
    sent.clear()
    days = [(date(2026, 1, 11) + timedelta(days=n)).isoformat() for n in range(40)]
    many = [basic(day, str(100 + n)) for n, day in enumerate(days)]
    done = await post(door, boss, *many)
    assert len(sent) == one
    assert {read.status for read in done} == {"ACCEPTED"}
