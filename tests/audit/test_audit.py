"""The audit log: sealed into chains, its daily heads signed, and every alteration named."""

from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from tests.conftest import make_user
from tests.shared import superuser

from currant.access.model import OPERATOR, CreatePortal, CreateUser
from currant.access.verbs import Nothing, create_portal, create_user
from currant.audit.model import AuditFault, AuditKey
from currant.audit.signing import audit_key
from currant.audit.verbs import audit_faults, forged_heads, seal_audit, sign_audit_heads

KEY = AuditKey(b"k" * 32)


@pytest.fixture
async def forger(server, urls) -> asyncpg.Connection:
    """A superuser who has put the table guards out of the way."""
    connection = await asyncpg.connect(superuser(server, urls))
    await connection.execute("set session_replication_role = replica; set timezone = 'Asia/Tokyo'")
    yield connection
    await connection.close()


@pytest.fixture
async def log(door, boss) -> None:
    """Events of two portals and of none, sealed in two runs."""
    await door.act(create_portal, CreatePortal("two", "Two", "UTC", "USD", "TWO"), OPERATOR)
    other = await make_user(door, "two", "other", "SysAdmin")
    await door.act(seal_audit, Nothing(), OPERATOR)
    for n in range(10):
        for actor in (boss, other):
            command = CreateUser(f"{actor.login}-{n}", 'Größe ‘n’ \\ "', "CSR")
            await door.act(create_user, command, actor)
    await door.act(seal_audit, Nothing(), OPERATOR)


async def faults(door) -> list[AuditFault]:
    return await door.ask(audit_faults, Nothing(), OPERATOR)


async def test_every_committed_event_is_sealed_once_in_its_portals_chain(door, log, owner) -> None:
    chains = await owner.fetch(
        "select s.portal_id, count(*) as seals, min(s.number) as first, max(s.number) as last, "
        "bool_and(s.portal_id = coalesce(e.portal_id, 0)) as own "
        "from audit.seal as s inner join access.audit_event as e using (event_id) "
        "group by s.portal_id"
    )
    assert len(chains) == 3
    for chain in chains:
        assert (chain["first"], chain["last"], chain["own"]) == (1, chain["seals"], True)
    unsealed = await owner.fetch(
        "select act from access.audit_event as e where not exists "
        "(select from audit.seal as s where s.event_id = e.event_id)"
    )
    assert [row["act"] for row in unsealed] == ["seal_audit"]  # It cannot hold its own seal.
    assert await door.act(seal_audit, Nothing(), OPERATOR) == 1
    assert await faults(door) == []


async def test_an_unsealed_tail_is_no_fault(door, log, boss) -> None:
    await door.act(create_user, CreateUser("late", "Late", "CSR"), boss)
    assert await faults(door) == []


@pytest.mark.parametrize(
    "change",
    [
        "command = command || ' '",
        "detail = 'x'",
        "login = 'other'",
        "act = 'nothing'",
        "outcome = 'refused'",
        "at = at + interval '1 microsecond'",
        "portal_id = null",
    ],
)
async def test_an_altered_event_is_named(door, log, forger, change) -> None:
    event = await forger.fetchrow(
        "select s.* from audit.seal as s inner join access.audit_event as e "
        "on e.event_id = s.event_id where e.command like '%boss-3%'"
    )
    await forger.execute(
        f"update access.audit_event set {change} where event_id = $1",  # noqa: S608
        event["event_id"],
    )
    told = AuditFault(
        event["portal_id"], event["number"], event["event_id"], "the event or its seal was altered"
    )
    assert await faults(door) == [told]


async def test_a_deleted_event_is_named(door, log, forger) -> None:
    gone = await forger.fetchval(
        "delete from access.audit_event where command like '%boss-3%' returning event_id"
    )
    (fault,) = await faults(door)
    assert (fault.event_id, fault.fault) == (gone, "the sealed event is missing")


async def test_a_deleted_seal_is_named(door, log, forger) -> None:
    gone = await forger.fetchrow(
        "delete from audit.seal where portal_id = 0 and number = 2 returning number"
    )
    assert gone is not None
    (fault,) = await faults(door)
    assert (fault.portal_id, fault.fault) == (0, "seal 2 is missing")


async def test_two_events_that_changed_places_are_named(door, log, forger) -> None:
    await forger.execute(
        "update access.audit_event as e set command = o.command from access.audit_event as o "
        "where (e.command like '%boss-3%' and o.command like '%boss-4%') "
        "or (e.command like '%boss-4%' and o.command like '%boss-3%')"
    )
    assert len(await faults(door)) == 1


async def test_each_broken_chain_is_named_and_only_its_first_fault(door, log, forger) -> None:
    await forger.execute(
        "update access.audit_event set detail = 'x' where command ~ '(boss|other)-[3-9]'"
    )
    found = await faults(door)
    assert len(found) == 2
    assert len({fault.portal_id for fault in found}) == 2


async def test_the_walk_does_not_hang_on_the_sessions_settings(door, log, forger) -> None:
    for settings in (
        "set timezone = 'Pacific/Chatham'; set datestyle = 'German'",
        "set timezone = 'UTC'; set datestyle = 'SQL, DMY'; set bytea_output = 'escape'",
    ):
        await forger.execute(settings)
        assert await forger.fetch("select * from audit.faults()") == []


async def test_a_column_added_later_breaks_no_chain(door, log, owner) -> None:
    await owner.execute("alter table access.audit_event add column more text default 'more'")
    assert await faults(door) == []
    await owner.execute("alter table access.audit_event drop column more")


async def test_each_finished_day_is_signed_once(door, log, boss, clock, owner) -> None:
    assert await door.act(sign_audit_heads, KEY, OPERATOR) == 0  # The day is not over.
    clock.advance(timedelta(days=1))
    await door.act(create_user, CreateUser("tomorrow", "Tomorrow", "CSR"), boss)
    await door.act(seal_audit, Nothing(), OPERATOR)
    assert await door.act(sign_audit_heads, KEY, OPERATOR) == 3
    assert await door.act(sign_audit_heads, KEY, OPERATOR) == 0
    heads = await owner.fetch(
        "select h.*, s.hash as sealed, (e.at at time zone 'UTC')::date as day_of_event "
        "from audit.head as h inner join audit.seal as s using (portal_id, number) "
        "inner join access.audit_event as e using (event_id)"
    )
    assert all(head["hash"] == head["sealed"] for head in heads)
    assert all(head["day"] == head["day_of_event"] for head in heads)
    assert await door.ask(forged_heads, KEY, OPERATOR) == []
    told = await owner.fetchval(
        "select command from access.audit_event where act = 'sign_audit_heads' limit 1"
    )
    assert told == '{"secret":"…"}'


@pytest.fixture
async def signed(door, log, clock) -> None:
    clock.advance(timedelta(days=1))
    await door.act(sign_audit_heads, KEY, OPERATOR)


async def test_heads_are_good_by_the_key_that_signed_them_alone(door, signed) -> None:
    found = await door.ask(forged_heads, AuditKey(b"another"), OPERATOR)
    assert len(found) == 3
    assert {f.fault for f in found} == {"the head of 2026-03-02 was not signed with this key"}


@pytest.mark.parametrize(
    ("forgery", "fault"),
    [
        ("update audit.head set hash = sha256('x')", "was not signed with this key"),
        ("update audit.head set number = 1", "was not signed with this key"),
        ("update audit.head set signature = sha256('x')", "was not signed with this key"),
        ("delete from audit.seal where number > 2", "signs is missing"),
        ("update audit.seal set hash = sha256(hash)", "signs was altered"),
    ],
)
async def test_a_forged_head_or_chain_is_named(door, signed, forger, forgery, fault) -> None:
    """Also a tail that was cut off, or a chain computed anew, which the walk alone finds whole."""
    portal_id = await forger.fetchval("select portal_id from access.portal where key = 'two'")
    joiner = "and" if "where" in forgery else "where"
    await forger.execute(f"{forgery} {joiner} portal_id = {portal_id}")
    (found,) = await door.ask(forged_heads, KEY, OPERATOR)
    assert found.portal_id == portal_id
    assert found.fault.endswith(fault)


def test_the_key_is_made_once_and_read_by_its_owner_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    key = audit_key(home)
    assert len(key) == 32
    assert audit_key(home) == key
    assert [path.name for path in home.iterdir()] == ["audit.key"]
    assert (home / "audit.key").stat().st_mode & 0o777 == 0o600
    assert audit_key(tmp_path / "other") != key


async def test_an_event_that_was_committed_late_is_sealed(door, log, clock, owner, urls) -> None:
    """It has a lower number than events that were sealed before it was seen."""
    late = await asyncpg.connect(urls.owner)
    transaction = late.transaction()
    await transaction.start()
    await late.execute(
        "insert into access.audit_event (at, login, act, outcome, command) "
        "values ($1, 'slow', 'x', 'done', '')",
        clock.now(),
    )
    clock.advance(timedelta(minutes=5))
    await door.act(seal_audit, Nothing(), OPERATOR)
    await transaction.commit()
    await late.close()
    clock.advance(timedelta(hours=2))
    await door.act(seal_audit, Nothing(), OPERATOR)
    assert await owner.fetchval(
        "select exists (select from audit.seal as s "
        "inner join access.audit_event as e using (event_id) where e.login = 'slow')"
    )
    assert await faults(door) == []
