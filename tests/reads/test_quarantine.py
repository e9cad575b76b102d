"""Reads that are in quarantine, and what becomes of those that somebody believes or dismisses."""

import asyncio
from decimal import Decimal

import pytest
from tests.conftest import NOW, make_user
from tests.reads.meters import deliver, line, live, meters, standing, use_all
from tests.shared import shared_urls, urls  # noqa: F401

from currant.access.model import Actor
from currant.door import Door
from currant.errors import Forbidden, Invalid
from currant.reads.model import (
    MeterStillMissing,
    NotInQuarantine,
    Quarantined,
    QuarantineWanted,
    ReadRejectedBefore,
    ReadReleasedBefore,
    ReadsWanted,
    Rejected,
    RejectReads,
    Released,
    ReleaseReads,
    UsageNegative,
)
from currant.reads.verbs import quarantine, reads_of_meter, reject_reads, release_reads

T0, T1, T2, T3 = (f"2026-02-01T0{hour}:00:00Z" for hour in range(4))


async def listed(door: Door, boss: Actor, **more: str) -> list[Quarantined]:
    return await door.ask(quarantine, QuarantineWanted(2**62, 50, **more), boss)


async def release(door: Door, boss: Actor, *ids: int) -> list[Released]:
    return await door.act(release_reads, ReleaseReads(list(ids)), boss)


async def reject(door: Door, boss: Actor, *ids: int, reason: str = "") -> list[Rejected]:
    return await door.act(reject_reads, RejectReads(list(ids), reason), boss)


async def doubted(door: Door, boss: Actor, serial: str) -> list[int | None]:
    """What a meter is shown to have read and is not believed, in Wh."""
    shown = await door.ask(reads_of_meter, ReadsWanted(serial), boss)
    return [read.forward_active for read in shown.reads if read.status == "S"]


async def test_a_high_read_is_listed_released_and_used(door: Door, boss: Actor, owner) -> None:
    await meters(owner, "M1")
    await deliver(door, boss, line("M1", T0, "10"), line("M1", T1, "11"))
    await deliver(door, boss, line("M1", T2, "900"))
    await use_all(door)
    (suspect,) = await listed(door, boss)
    assert (suspect.reason, suspect.value, suspect.before_value) == ("HIGH", 900_000, 11_000)
    assert (suspect.serial_number, suspect.source) == ("M1", "multispeak")
    (released,) = await release(door, boss, suspect.quarantine_id)
    assert (released.usage_wh, released.next_wh) == (889_000, None)
    assert await listed(door, boss) == []
    assert (await standing(owner, "M1"))[-1] == ("02-01T02:00", 900_000)
    await use_all(door)
    assert (await live(owner, "M1"))[-1] == ("02-01T01:00", "02-01T02:00", 889_000)
    shown = await door.ask(reads_of_meter, ReadsWanted("M1"), boss)
    assert [read.status[0] for read in shown.reads] == ["U", "U", "U"]
    assert shown.reads[-1].source == "multispeak"
    with pytest.raises(ReadReleasedBefore, match="Nothing was done"):
        await release(door, boss, suspect.quarantine_id)
    audited = await owner.fetchval(
        "select count(*) from access.audit_event where act like '%release_reads'"
    )
    assert audited == 2


async def test_a_released_correction_supersedes_what_stands(door, boss, owner) -> None:
    await meters(owner, "M1")
    known = ((T0, "10"), (T1, "11"), (T2, "12"))
    await deliver(door, boss, *(line("M1", at, kwh) for at, kwh in known))
    await deliver(door, boss, line("M1", T2, "900"))
    await use_all(door)
    (suspect,) = await listed(door, boss)
    await release(door, boss, suspect.quarantine_id)
    assert (await standing(owner, "M1"))[-1] == ("02-01T02:00", 900_000)
    assert await owner.fetchval("select max(revision) from reads.read") == 2
    await use_all(door)
    assert (await live(owner, "M1"))[-1] == ("02-01T01:00", "02-01T02:00", 889_000)


async def test_a_register_does_not_run_backwards(door, boss, owner) -> None:
    """First the read that was too high is sent again; then the one after it is believed."""
    await meters(owner, "M1")
    await deliver(door, boss, *(line("M1", at, kwh) for at, kwh in ((T0, "10"), (T1, "31"))))
    await deliver(door, boss, line("M1", T2, "12"))
    (suspect,) = await listed(door, boss)
    assert suspect.reason == "BACKWARDS"
    with pytest.raises(UsageNegative, match="-19000 Wh"):
        await release(door, boss, suspect.quarantine_id)
    assert len(await standing(owner, "M1")) == 2
    await deliver(door, boss, line("M1", T1, "11"))
    (released,) = await release(door, boss, suspect.quarantine_id)
    assert released.usage_wh == 1000


async def test_nor_does_it_before_the_read_that_follows(door, boss, owner) -> None:
    await meters(owner, "M1")
    await deliver(door, boss, *(line("M1", at, kwh) for at, kwh in ((T0, "10"), (T2, "12"))))
    await deliver(door, boss, line("M1", T1, "31"))
    (suspect,) = await listed(door, boss)
    with pytest.raises(UsageNegative, match="-19000 Wh"):
        await release(door, boss, suspect.quarantine_id)


async def test_a_rollover_is_believed_where_there_are_dials(door, boss, owner) -> None:
    await meters(owner, "M1", dials=2)
    await deliver(door, boss, line("M1", T0, "10"), line("M1", T1, "10.1"))
    await deliver(door, boss, line("M1", T2, "5"))
    (suspect,) = await listed(door, boss)
    (released,) = await release(door, boss, suspect.quarantine_id)
    assert released.usage_wh == 94_900


async def test_several_are_released_at_once_and_judged_together(door, boss, owner) -> None:
    await meters(owner, "M1", "M2")
    for serial in ("M1", "M2"):
        await deliver(door, boss, line(serial, T0, "10"), line(serial, T1, "11"))
    await deliver(
        door,
        boss,
        *(line("M1", at, kwh, multiplier="2") for at, kwh in ((T2, "12"), (T3, "13"))),
        line("M2", T2, "5"),
    )
    ids = {read.quarantine_id: read for read in await listed(door, boss)}
    assert [read.reason for read in ids.values()] == ["BACKWARDS", "MULTIPLIER", "MULTIPLIER"]
    with pytest.raises(UsageNegative):
        await release(door, boss, *ids)
    assert len(await listed(door, boss)) == 3
    of_one = [read.quarantine_id for read in await listed(door, boss, serial_number="M1")]
    assert [read.usage_wh for read in await release(door, boss, *of_one)] == [2000, 2000]
    await use_all(door)
    assert [used[2] for used in await live(owner, "M1")] == [0, 1000, 2000, 2000]


async def test_a_meter_that_was_not_known_is_imported_first(door, boss, owner) -> None:
    await deliver(door, boss, line("M9", T0, "", sumforwardreactive="7"), line("M9", T1, "3"))
    energy, reactive = await listed(door, boss)
    assert (reactive.reason, reactive.register_no, reactive.value) == ("NOSITE", 3, 7000)
    with pytest.raises(MeterStillMissing, match="'M9'"):
        await release(door, boss, reactive.quarantine_id)
    await meters(owner, "M9", factor="40")
    both = await release(door, boss, reactive.quarantine_id, energy.quarantine_id)
    assert [read.usage_wh for read in both] == [None, None]
    assert await standing(owner, "M9", 3) == [("02-01T00:00", 7000)]
    assert await standing(owner, "M9") == [("02-01T01:00", 3000)]
    assert await owner.fetchval("select min(multiplier) from reads.read") == Decimal(40)


async def test_what_was_sent_again_and_believed_is_no_longer_listed(door, boss, owner) -> None:
    await deliver(door, boss, line("M9", T0, "3"))
    assert len(await listed(door, boss)) == 1
    await meters(owner, "M9")
    await deliver(door, boss, line("M9", T0, "3"))
    assert await listed(door, boss) == []


async def test_what_is_sent_again_and_not_believed_is_listed_once(door, boss, owner) -> None:
    await meters(owner, "M1")
    await deliver(door, boss, line("M1", T0, "10"), line("M1", T1, "11"))
    for kwh in ("900", "900", "901"):
        await deliver(door, boss, line("M1", T2, kwh), line("M7", T2, "1"))
    values = [(suspect.serial_number, suspect.value) for suspect in await listed(door, boss)]
    assert values == [("M7", 1000), ("M1", 901_000), ("M1", 900_000)]
    (_, _, suspect) = await listed(door, boss)
    await release(door, boss, suspect.quarantine_id)
    assert [suspect.value for suspect in await listed(door, boss)] == [1000, 901_000]


async def test_a_read_that_is_wrong_is_rejected_and_listed_no_longer(door, boss, owner) -> None:
    await meters(owner, "M1")
    await deliver(door, boss, *(line("M1", at, kwh) for at, kwh in ((T0, "10"), (T1, "11"))))
    await deliver(door, boss, line("M1", T2, "900"), line("M7", T2, "1"))
    nobodys, high = await listed(door, boss)
    assert await doubted(door, boss, "M1") == [900_000]
    (rejected,) = await reject(door, boss, high.quarantine_id, reason="misread")
    assert (rejected.serial_number, rejected.register_no, rejected.value) == ("M1", 1, 900_000)
    assert await listed(door, boss) == [nobodys]
    assert await doubted(door, boss, "M1") == []
    assert len(await standing(owner, "M1")) == 2
    row = await owner.fetchrow("select login, reason, rejected_at from reads.rejection")
    assert tuple(row) == (boss.login, "misread", NOW)
    await reject(door, boss, nobodys.quarantine_id)
    assert await listed(door, boss) == []


async def test_a_read_is_decided_on_once_and_all_or_none(door, boss, owner) -> None:
    """A rejected read is refused as such even where no meter has its serial number."""
    await meters(owner, "M1")
    await deliver(door, boss, *(line("M1", at, kwh) for at, kwh in ((T0, "10"), (T1, "11"))))
    await deliver(door, boss, line("M1", T2, "900"), line("M7", T2, "1"), line("M8", T2, "1"))
    other, nobodys, high = (suspect.quarantine_id for suspect in await listed(door, boss))
    await reject(door, boss, nobodys)
    await release(door, boss, high)
    for act in (release, reject):
        with pytest.raises(ReadRejectedBefore, match=f"send it again. It is {nobodys}."):
            await act(door, boss, other, nobodys)
        with pytest.raises(ReadReleasedBefore, match=f"send the right one. It is {high}."):
            await act(door, boss, other, high)
    assert [suspect.quarantine_id for suspect in await listed(door, boss)] == [other]
    assert await owner.fetchval("select count(*) from reads.rejection") == 1


async def test_what_is_rejected_takes_the_same_read_sent_before_with_it(door, boss, owner) -> None:
    """But not what says another thing, nor what is sent later: that is doubted anew."""
    await meters(owner, "M1")
    await deliver(door, boss, *(line("M1", at, kwh) for at, kwh in ((T0, "10"), (T1, "11"))))
    for kwh in ("900", "901", "900"):
        await deliver(door, boss, line("M1", T2, kwh))
    assert await doubted(door, boss, "M1") == [900_000, 901_000, 900_000]
    latest, another = await listed(door, boss)
    assert latest.value == 900_000
    await reject(door, boss, latest.quarantine_id)
    assert await listed(door, boss) == [another]
    assert await doubted(door, boss, "M1") == [901_000]
    with pytest.raises(ReadRejectedBefore):
        await release(door, boss, latest.quarantine_id - 2)
    await deliver(door, boss, line("M1", T2, "900"))
    again, still = await listed(door, boss)
    assert (again.value, still) == (900_000, another)
    await reject(door, boss, again.quarantine_id, another.quarantine_id)
    assert await listed(door, boss) == []
    assert await owner.fetchval("select count(*) from reads.rejection") == 4


async def test_the_same_read_that_was_released_before_stays_released(door, boss, owner) -> None:
    await meters(owner, "M1")
    await deliver(door, boss, *(line("M1", at, kwh) for at, kwh in ((T0, "10"), (T1, "11"))))
    await deliver(door, boss, line("M1", T2, "900"))
    (first,) = await listed(door, boss)
    await release(door, boss, first.quarantine_id)
    await deliver(door, boss, line("M1", T2, "12"))
    await deliver(door, boss, line("M1", T2, "900"))
    (second,) = await listed(door, boss)
    assert second.value == 900_000
    await reject(door, boss, second.quarantine_id)
    assert await owner.fetchval("select count(*) from reads.rejection") == 1
    assert await standing(owner, "M1") == [
        ("02-01T00:00", 10_000), ("02-01T01:00", 11_000), ("02-01T02:00", 12_000)
    ]  # fmt: skip


async def test_of_two_who_decide_at_once_one_is_refused(door: Door, boss: Actor, owner) -> None:
    serials = [f"M{number}" for number in range(8)]
    await deliver(door, boss, *(line(serial, T0, "3") for serial in serials))
    await meters(owner, *serials)
    for suspect in await listed(door, boss):
        done = await asyncio.gather(
            *(act(door, boss, suspect.quarantine_id) for act in (release, reject, reject)),
            return_exceptions=True,
        )
        refused = [answer for answer in done if isinstance(answer, BaseException)]
        assert len(refused) == 2
        assert {type(refusal) for refusal in refused} <= {ReadReleasedBefore, ReadRejectedBefore}
    counted = "select (select count(*) from reads.release) + (select count(*) from reads.rejection)"
    assert await owner.fetchval(counted) == len(serials)


@pytest.mark.parametrize("act", [release, reject])
async def test_who_may_not_write_reads_decides_on_none(door, boss, portal, owner, act) -> None:
    with pytest.raises(NotInQuarantine, match="7"):
        await act(door, boss, 7)
    for ids in ((), range(1001)):
        with pytest.raises(Invalid, match="1 to 1000"):
            await act(door, boss, *ids)
    clerk = await make_user(door, portal, "clerk", "VENDOR")
    with pytest.raises(Forbidden):
        await act(door, clerk, 7)
    with pytest.raises(Forbidden):
        await listed(door, clerk)
