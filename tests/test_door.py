"""The one door: once and only once, told to the audit log, and honest when the database is away."""

import asyncio
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from currant import wire
from currant.access.model import (
    ANONYMOUS,
    OPERATOR,
    Actor,
    CreatePortal,
    CreateUser,
    KeyTooLong,
    LoginTaken,
    SetPassword,
    UserNamed,
)
from currant.access.permissions import Permission, needs
from currant.access.verbs import (
    Nothing,
    create_portal,
    create_user,
    forget_keys,
    set_password,
    users,
    who_am_i,
)
from currant.db.database import prepare
from currant.db.embedded import PORT, EmbeddedServer
from currant.db.tx import Tx, open_pool
from currant.door import Busy, Door, OutcomeUnknown
from currant.errors import Forbidden, Invalid, KeyReused, Refusal, Unauthenticated, Unavailable
from currant.receivables.model import WriteOff, WriteOffItem
from currant.receivables.verbs import write_off
from tests.conftest import NOW, make_user
from tests.shared import shared_urls, urls

__all__ = ["shared_urls", "urls"]


class Tick(msgspec.Struct, frozen=True):
    """Count one further; the rest of it is there to differ."""

    account: str = ""
    amount: Decimal = Decimal(1)
    nested: list[dict[str, str]] = []
    password: str = ""
    fails: bool = False


class Ticked(msgspec.Struct, frozen=True):
    """Where the count stands, with what was asked."""

    number: int
    amount: Decimal
    at: object = None


@needs(Permission.ANY_USER)
async def tick(tx: Tx, command: Tick) -> Ticked:
    """Count, in a row of the portal; the answer differs each time it is really done."""
    number = await tx.connection.fetchval(
        "select access.take_numbers($1, 'ticks', 1)", tx.portal.portal_id
    )
    if command.fails:
        raise Invalid("It was to fail.")
    return Ticked(number, command.amount)


@needs(Permission.ANY_USER)
async def look(tx: Tx, question: Tick) -> int:
    """Answer where the count stands."""
    return await tx.connection.fetchval("select coalesce(max(last), 0) from access.counter")


async def ticks(owner) -> int:
    return await owner.fetchval("select coalesce(max(last), 0) from access.counter")


async def audit(owner) -> list[tuple[str, str, str, str]]:
    """The events since the fixtures: login, act, outcome, detail."""
    rows = await owner.fetch(
        "select login, act, outcome, detail from access.audit_event "
        "where login not in ('operator') order by event_id"
    )
    return [tuple(row) for row in rows]


# Once and only once


async def test_the_same_request_at_once_is_done_once(door, boss, owner) -> None:
    """25 keys, each sent 20 times in parallel: one effect and one answer for each key."""

    async def send(key: int) -> bytes:
        command = Tick(amount=Decimal(f"{key}.50"))
        return wire.encode(await door.act(tick, command, boss, key=f"key-{key}"))

    keys = [key for key in range(25) for _ in range(20)]
    answers = await asyncio.gather(*map(send, keys))
    assert await ticks(owner) == 25
    for key in range(25):
        (answer,) = {told for sent, told in zip(keys, answers, strict=True) if sent == key}
        assert f'"amount":{key}.5,' in answer.decode()
    assert len(await audit(owner)) == 25


async def test_a_key_is_good_for_one_request(door, boss, owner) -> None:
    await door.act(tick, Tick(amount=Decimal(1)), boss, key="k")
    for command in (Tick(amount=Decimal(2)), Tick(amount=Decimal(1), account="A")):
        with pytest.raises(KeyReused) as refused:
            await door.act(tick, command, boss, key="k")
        assert refused.value.message.endswith("Nothing was done.")
    with pytest.raises(KeyReused):
        await door.act(create_user, CreateUser("new", "New", "CSR"), boss, key="k")
    assert await ticks(owner) == 1


async def test_a_key_is_kept_for_a_week(door, boss, owner) -> None:
    await door.act(tick, Tick(), boss, key="k")
    await owner.execute("update access.idempotency set kept_since = now() - interval '6 days'")
    assert await door.act(forget_keys, Nothing(), OPERATOR) == 0
    await door.act(tick, Tick(), boss, key="k")
    await owner.execute("update access.idempotency set kept_since = now() - interval '8 days'")
    assert await door.act(forget_keys, Nothing(), OPERATOR) == 1
    assert await ticks(owner) == 1
    await door.act(tick, Tick(), boss, key="k")
    assert await ticks(owner) == 2


async def test_a_secret_that_differs_is_another_request(door, boss, owner) -> None:
    """It stands in no log, but a repeat with another password must not be told that it is set."""
    await door.act(set_password, SetPassword("boss", "hash one"), boss, key="k")
    with pytest.raises(KeyReused):
        await door.act(set_password, SetPassword("boss", "hash two"), boss, key="k")
    done = await door.act(set_password, SetPassword("boss", "hash one"), boss, key="k")
    assert done == UserNamed("boss")
    assert (
        await owner.fetchval("select count(*) from access.credential where kind = 'PASSWORD'") == 1
    )


async def test_a_key_is_its_users_and_its_portals(door, boss, owner) -> None:
    other = await make_user(door, "example", "other", "CSR")
    await door.act(create_portal, CreatePortal("two", "Two", "UTC", "USD", "TWO"), OPERATOR)
    third = await make_user(door, "two", "third", "CSR")
    for actor in (boss, other, third):
        await door.act(tick, Tick(), actor, key="k")
    assert await owner.fetchval("select sum(last) from access.counter") == 3


async def test_what_was_refused_may_be_sent_again_with_its_key(door, boss, owner) -> None:
    for _ in range(2):
        with pytest.raises(Invalid):
            await door.act(tick, Tick(fails=True), boss, key="k")
    await door.act(tick, Tick(), boss, key="k")
    assert await ticks(owner) == 1


@pytest.mark.parametrize("key", ["", "k" * 256])
async def test_a_key_has_1_to_255_characters(door, boss, owner, key) -> None:
    with pytest.raises(KeyTooLong):
        await door.act(tick, Tick(), boss, key=key)
    assert await ticks(owner) == 0
    await door.act(tick, Tick(), boss, key="k" * 255)


async def test_a_key_without_a_portal_is_refused_and_not_forgotten(door, boss, owner) -> None:
    for actor in (boss.at(None), OPERATOR):
        with pytest.raises(Invalid, match="name the portal"):
            await door.act(tick, Tick(), actor, key="k")
    assert await ticks(owner) == 0


async def test_without_a_key_each_request_is_its_own(door, boss, owner) -> None:
    for number in (1, 2, 3):
        assert (await door.act(tick, Tick(), boss)).number == number


class Cut:
    """A line to the database that can be cut while a COMMIT is on it, `before` or `after` it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.socket = Path(parse_qs(parts.query)["host"][0]) / f".s.PGSQL.{PORT}"
        self.folder = Path(tempfile.mkdtemp(prefix="cut-"))
        self.url = f"postgresql://{parts.username}@{parts.path}?host={self.folder}&port={PORT}"
        self.when = ""

    async def __aenter__(self) -> Self:
        self.server = await asyncio.start_unix_server(
            self._connected, self.folder / f".s.PGSQL.{PORT}"
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        shutil.rmtree(self.folder)

    async def _connected(self, reader, writer) -> None:
        upstream, downstream = await asyncio.open_unix_connection(self.socket)
        cut = asyncio.Event()

        async def answer() -> None:
            while told := await upstream.read(65536):
                if cut.is_set():
                    break  # The database has done it, and nobody hears of it.
                writer.write(told)
            writer.close()

        answering = asyncio.create_task(answer())
        while sent := await reader.read(65536):
            if self.when and b"COMMIT;" in sent:
                cut.set()
                if self.when == "after":
                    downstream.write(sent)
                    await answering
                self.when = ""
                break
            downstream.write(sent)
        downstream.close()
        await answering


@pytest.mark.parametrize(("when", "done"), [("after", 1), ("before", 0)])
async def test_a_crash_around_the_commit_is_answered_by_a_retry(
    urls, door, boss, clock, owner, when, done
) -> None:
    """40 acts lose their connection at the COMMIT; each is repeated and done once in all."""
    async with Cut(urls.runtime) as line:
        pool = await open_pool(line.url, size=2)
        far = Door(pool, clock)
        for turn in range(40):
            line.when = when
            with pytest.raises(OutcomeUnknown, match="Repeat it with the same key"):
                await far.act(tick, Tick(), boss, key=f"key-{turn}")
            assert await ticks(owner) == turn + done
            answer = await far.act(tick, Tick(), boss, key=f"key-{turn}")
            assert answer.number == turn + 1
        assert await ticks(owner) == 40
        line.when = when
        with pytest.raises(OutcomeUnknown, match="Look before you repeat it"):
            await far.act(tick, Tick(), boss)
        pool.terminate()


async def test_a_key_compares_numbers_by_value(door, boss, owner) -> None:
    for amount in ("7", "7.00", "0.7E+1"):
        await door.act(tick, Tick(amount=Decimal(amount)), boss, key="k")
    with pytest.raises(KeyReused):
        await door.act(tick, Tick(amount=Decimal("7.01")), boss, key="k")
    assert await ticks(owner) == 1


# What cannot be stored


class Sizes(msgspec.Struct, frozen=True):
    """Numbers for columns of several sizes, and a text."""

    small: int = 0
    large: int = 0
    amount: Decimal = Decimal(0)
    note: str = ""


@needs(Permission.ANY_USER)
async def size(tx: Tx, command: Sizes) -> int:
    """Let the driver and the database take them."""
    statement = "select ($1::int4 + $2::int8 + 1)::int8 + $3::numeric(12, 2)::int8"
    told = (command.small, command.large, command.amount)
    return await tx.connection.fetchval(statement, *told)


@pytest.mark.parametrize(
    ("command", "field"),
    [
        (Sizes(small=2**31, large=2**40, amount=Decimal(10**20)), "small"),
        (Sizes(small=7, large=2**63 - 1), "large"),
        (Sizes(small=18, large=12, amount=Decimal("1e11")), "amount"),
        (Sizes(large=2**63), "large"),
        (Sizes(note="a\0"), "note"),
        (Sizes(note="\udcff"), "note"),
        (Sizes(note="n" * 10_001), "note"),
    ],
)
async def test_what_no_column_holds_is_named(door, boss, owner, command, field) -> None:
    with pytest.raises(Invalid) as asked:
        await door.ask(size, command, boss)
    assert (asked.value.field, asked.value.undone) == (field, False)
    with pytest.raises(Invalid) as acted:
        await door.act(size, command, boss, key="k")
    assert acted.value.field == field
    assert acted.value.message == f"{asked.value.message} Nothing was done."
    assert await audit(owner) == [("boss", "size", "refused", acted.value.message)]


@pytest.mark.parametrize(
    ("actor", "key", "field"),
    [
        (Actor("boss", "TOKEN", "x", "a\0"), None, "portal"),
        (Actor("\udcff", "TOKEN", "x", "example"), None, "login"),
        (Actor("boss", "TOKEN", "x", "example"), "\udcff", "key"),
    ],
)
async def test_who_and_where_are_named_too(door, boss, actor, key, field) -> None:
    with pytest.raises(Invalid) as refused:
        await door.act(tick, Tick(), actor, key=key)
    assert refused.value.field == field


# Many at once


class Pair(msgspec.Struct, frozen=True):
    """Two rows to lock, in this order."""

    first: str
    second: str


class Crossing:
    """A verb whose first two calls meet between their locks; a third waits until one is through."""

    def __init__(self) -> None:
        self.met = asyncio.Barrier(2)
        self.through = asyncio.Event()
        self.tries: Counter[str] = Counter()

    async def __call__(self, tx: Tx, command: Pair) -> int:
        self.tries[command.first] += 1
        if self.tries[command.first] == 2:
            await self.through.wait()
        lock = "update access.vendor set name = name where vendor_number = $1"
        await tx.connection.execute(lock, command.first)
        if self.tries[command.first] == 1:
            await self.met.wait()
        await tx.connection.execute(lock, command.second)
        self.through.set()
        return (await tick(tx, Tick())).number


async def test_a_deadlock_is_retried_and_nobody_sees_it(door, boss, owner) -> None:
    await owner.execute(
        "insert into access.vendor select portal_id, n::text, 'V' from access.portal, "
        "generate_series(1, 2) as n"
    )
    crossing = Crossing()

    async def cross(tx: Tx, command: Pair) -> int:
        return await crossing(tx, command)

    needs(Permission.ANY_USER)(cross)
    done = await asyncio.gather(
        door.act(cross, Pair("1", "2"), boss), door.act(cross, Pair("2", "1"), boss)
    )
    assert sorted(done) == [1, 2]
    assert crossing.tries.total() == 3


@pytest.mark.parametrize(
    ("statement", "tries"),
    [
        ("do $$ begin raise exception 'x' using errcode = 'deadlock_detected'; end $$", 2),
        ("set local lock_timeout = '20ms'; lock table access.vendor", 1),
        ("set local statement_timeout = '20ms'; select pg_sleep(9)", 1),
    ],
)
async def test_what_waits_too_long_is_told_to_come_again(
    door, boss, owner, statement, tries
) -> None:
    seen = []

    async def wait(tx: Tx, _command: Nothing) -> int:
        seen.append(tx)
        await tx.connection.execute(statement)
        return 1

    needs(Permission.ANY_USER)(wait)
    async with owner.transaction():
        await owner.execute("lock table access.vendor")
        with pytest.raises(Busy, match="Nothing was done; try again shortly"):
            await door.act(wait, Nothing(), boss)
    assert len(seen) == tries


# The audit log


async def test_an_act_leaves_one_event_and_a_question_none(door, boss, owner, clock) -> None:
    await door.act(create_user, CreateUser("new", "New", "CSR", vending_limit=5), boss)
    await door.ask(users, Nothing(), boss)
    (event,) = await owner.fetch("select * from access.audit_event where login = 'boss'")
    portal_id = await owner.fetchval("select portal_id from access.portal")
    assert (event["portal_id"], event["at"], event["act"]) == (portal_id, NOW, "create_user")
    assert (event["outcome"], event["detail"]) == ("done", "")
    assert msgspec.json.decode(event["command"])["vending_limit"] == 5


async def test_what_is_refused_is_told_too(door, boss, cashier, owner) -> None:
    await door.act(create_portal, CreatePortal("two", "Two", "UTC", "USD", "TWO"), OPERATOR)
    taken = CreateUser("boss", "Boss", "CSR")
    for actor, refusal in ((boss, LoginTaken), (cashier, Forbidden), (boss.at("two"), Forbidden)):
        with pytest.raises(refusal):
            await door.act(create_user, taken, actor)
    assert await audit(owner) == [
        ("boss", "create_user", "refused", LoginTaken("").message),
        ("cashier1", "create_user", "refused", "cashier1 lacks users.manage. Nothing was done."),
        ("boss", "create_user", "refused", "Portal 'two' is not one of yours. Nothing was done."),
    ]
    places = await owner.fetch(
        "select p.key from access.audit_event as e left join access.portal as p using (portal_id) "
        "where e.outcome = 'refused' order by e.event_id"
    )
    assert [row["key"] for row in places] == ["example", "example", None]


async def test_who_is_not_known_leaves_no_event(door, boss, owner) -> None:
    for actor in (ANONYMOUS, Actor("boss", "TOKEN", "made up", "example")):
        with pytest.raises(Unauthenticated):
            await door.act(tick, Tick(), actor)
    assert await audit(owner) == []


async def test_no_event_holds_a_secret(door, boss, owner) -> None:
    nested = [{"token": "s3cret", "my_password": "s3cret", "name": "shown"}]
    await door.act(tick, Tick(password="s3cret", nested=nested), boss, key="k")
    with pytest.raises(Invalid):
        await door.act(tick, Tick(password="s3cret", nested=nested, fails=True), boss)
    rows = await owner.fetch("select command from access.audit_event where act = 'tick'")
    assert len(rows) == 2
    for row in rows:
        assert "s3cret" not in row["command"]
        assert "shown" in row["command"]
    kept = await owner.fetch("select i::text as told from access.idempotency as i")
    assert not any("s3cret" in row["told"] for row in kept)


async def test_a_bug_is_no_refusal_and_leaves_nothing(door, boss, owner) -> None:
    async def breaks(tx: Tx, command: Tick) -> Ticked:
        await tick(tx, command)
        return Ticked(1 // 0, Decimal(0))

    needs(Permission.ANY_USER)(breaks)
    with pytest.raises(ZeroDivisionError):
        await door.act(breaks, Tick(), boss, key="k")
    assert await ticks(owner) == 0
    assert await audit(owner) == []
    assert await owner.fetchval("select count(*) from access.idempotency") == 0


# Who may, and what stands in the way


@pytest.mark.parametrize(
    ("blocked", "account", "barred"),
    [
        ("", "03280", False),
        ("03280", "03280", True),
        ("03280", "3280", False),
        ("03280", "032801", False),
        ("03279,03280", "03280", True),
        ("*", "03280", True),
        ("*", "", True),
    ],
)
async def test_a_user_is_barred_from_blocked_accounts(
    door, boss, owner, blocked, account, barred
) -> None:
    await owner.execute("update access.system_user set blocked_accounts = $1", blocked)
    for how in (door.act, door.ask):
        verb = tick if how == door.act else look
        if barred:
            with pytest.raises(Forbidden, match=rf"Account {account} is blocked for boss\."):
                await how(verb, Tick(account=account), boss)
        else:
            await how(verb, Tick(account=account), boss)
    assert await ticks(owner) == (0 if barred else 1)


async def test_a_streamed_answer_is_asked_for_at_the_same_door(door, boss, cashier) -> None:
    async with door.asking(users, boss) as tx:
        assert await tx.connection.fetchval("select count(*) from access.portal") == 1
    for actor, refusal in ((cashier, Forbidden), (ANONYMOUS.at("example"), Unauthenticated)):
        with pytest.raises(refusal):
            async with door.asking(users, actor):
                pytest.fail("let in")


# When the database is away


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that the server's account can reach, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="home-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
async def own_server(place: Path) -> AsyncIterator[EmbeddedServer]:
    """A server of this test's own."""
    server = EmbeddedServer(place)
    server.start()
    yield server
    server.stop()


async def test_a_database_that_goes_and_comes_is_unavailable_meanwhile(own_server, clock) -> None:
    pool = await open_pool((await prepare(own_server, "currant")).runtime, size=4)
    door = Door(pool, clock)
    await door.act(create_portal, CreatePortal("example", "E", "UTC", "USD", "E"), OPERATOR)
    actor = await make_user(door, "example", "boss", "SysAdmin")
    await asyncio.gather(*(door.act(tick, Tick(), actor) for _ in range(8)))
    for _ in range(2):
        own_server.stop()
        for attempt in (
            door.act(tick, Tick(), actor, key="k"),
            door.ask(who_am_i, Nothing(), actor),
            door.prove_password("boss", "a good password"),
            door.alive(),
        ):
            with pytest.raises(Unavailable) as refused:
                await attempt
            assert type(refused.value) is Unavailable
        own_server.start()
        await door.alive()
        assert (await door.ask(who_am_i, Nothing(), actor)).login == "boss"
        assert (await door.act(tick, Tick(), actor, key="k")).number == 9
    await pool.close()


async def test_a_session_that_is_ended_within_an_act_is_unavailable(door, boss) -> None:
    async def ended(tx: Tx, _command: Nothing) -> int:
        return await tx.connection.fetchval("select pg_terminate_backend(pg_backend_pid(), 1000)")

    needs(Permission.ANY_USER)(ended)
    with pytest.raises(Unavailable) as refused:
        await door.act(ended, Nothing(), boss)
    assert isinstance(refused.value, Refusal)
    assert (await door.act(tick, Tick(), boss)).number == 1


async def test_a_long_command_is_audited_by_its_beginning(door, cashier, owner) -> None:
    """Anybody may send much that is refused, and what is kept of it is kept for ever."""
    many = WriteOff([WriteOffItem(n) for n in range(5_000)], "why")
    with pytest.raises(Forbidden):
        await door.act(write_off, many, cashier)
    command = await owner.fetchval(
        "select command from access.audit_event where act = 'write_off' and outcome = 'refused'"
    )
    told = json.loads(command)
    assert len(command) < 40_000
    assert told["bytes"] > 100_000
    assert told["begins"].startswith('{"items":[{"arrears_id":0')
    assert len(told["sha256"]) == 64
