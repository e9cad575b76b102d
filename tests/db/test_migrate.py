"""The schema is installed once, brought forward whole, and refused where it cannot be trusted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from currant.db import migrate as migrating
from currant.db.database import DatabaseUnfit, Urls, prepare, refuse_unfit
from currant.db.migrate import DOMAINS, MigrationError, baseline, forward, migrate, pending


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


async def steps_of(owner: asyncpg.Connection) -> list[str]:
    rows = await owner.fetch("select name from db.migration order by number")
    return [row["name"] for row in rows]


@pytest.fixture
async def empty(server) -> AsyncIterator[Urls]:
    """A database that has nothing yet."""
    name = f"test_{uuid4().hex[:16]}"
    admin = await asyncpg.connect(server.admin_url)
    await admin.execute(f'create database "{name}" owner currant_owner')
    yield Urls(server.url("currant_runtime", name), server.url("currant_owner", name))
    await admin.execute(f'drop database "{name}" with (force)')
    await admin.close()


async def test_those_who_come_at_once_install_once(template, empty: Urls, folder: Path) -> None:
    write(folder, "0001_one.sql", "create table db.one (n int);")
    taken = await asyncio.gather(*(migrate(empty.owner, folder) for _ in range(6)))
    assert sorted(taken) == [[]] * 5 + [["baseline", "one"]]
    assert await pending(empty.runtime, folder) == []


async def test_prepare_finds_what_is_there(server, urls: Urls) -> None:
    name = urls.owner.split("@/")[1].split("?")[0]
    assert await prepare(server, name) == urls


async def test_a_migration_that_was_changed_is_refused(urls: Urls, owner, folder: Path) -> None:
    write(folder, "0001_one.sql", "create table db.one (n int);")
    assert await migrate(urls.owner, folder) == ["one"]
    write(folder, "0001_one.sql", "create table db.one (n bigint);")
    write(folder, "0002_two.sql", "create table db.two (n int);")
    with pytest.raises(MigrationError, match=r"0001 \(one\) was changed"):
        await migrate(urls.owner, folder)
    assert await steps_of(owner) == ["baseline", "one"]


async def test_a_number_below_the_newest_is_refused(urls: Urls, owner, folder: Path) -> None:
    write(folder, "0002_two.sql", "create table db.two (n int);")
    await migrate(urls.owner, folder)
    write(folder, "0001_one.sql", "create table db.one (n int);")
    with pytest.raises(MigrationError, match=r"0001 \(one\) is older"):
        await migrate(urls.owner, folder)
    assert await owner.fetchval("select to_regclass('db.one')") is None


async def test_a_number_given_twice_is_refused(urls: Urls, owner, folder: Path) -> None:
    write(folder, "0001_one.sql", "create table db.one (n int);")
    write(folder, "0001_uno.sql", "create table db.uno (n int);")
    with pytest.raises(MigrationError, match=r"0001_uno\.sql has the number of one"):
        await migrate(urls.owner, folder)
    assert await steps_of(owner) == ["baseline"]


def test_a_file_that_is_not_numbered_is_refused(folder: Path) -> None:
    write(folder, "1_one.sql", "select 1;")
    with pytest.raises(MigrationError, match=r"1_one\.sql is not named"):
        forward(folder)


async def test_a_failing_migration_leaves_no_trace_and_says_where(
    urls: Urls, owner, folder: Path
) -> None:
    write(folder, "0001_good.sql", "create table db.good (n int);")
    text = "-- Two; and the 2nd fails.\ncreate table db.one (t text default ';');\n\n"
    text += "create function db.f() returns int language sql as $$ select 1; $$;\n"
    text += "/* here; */ insert into db.two\nvalues (1);\ncreate table db.three (n int);\n"
    write(folder, "0002_bad.sql", text)
    with pytest.raises(MigrationError) as refused:
        await migrate(urls.owner, folder)
    told = str(refused.value)
    assert "0002 (bad) failed in line 5" in told
    assert 'relation "db.two" does not exist' in told
    assert told.endswith("insert into db.two\nvalues (1);")
    assert await steps_of(owner) == ["baseline", "good"]
    assert await owner.fetchval("select to_regclass('db.one')") is None


async def test_a_locked_table_ends_the_wait(urls: Urls, owner, folder, monkeypatch) -> None:
    monkeypatch.setattr(migrating, "_LIMITS", migrating._LIMITS.replace("'5s'", "'100ms'"))  # noqa: SLF001
    write(folder, "0001_vendor.sql", "alter table access.vendor add column motto text;")
    async with owner.transaction():
        await owner.execute("lock table access.vendor in access share mode")
        with pytest.raises(MigrationError, match=r"lock timeout.*Another session"):
            await migrate(urls.owner, folder)
    assert await migrate(urls.owner, folder) == ["vendor"]


async def test_a_new_key_sees_the_orphans_of_every_tenant(urls: Urls, owner, folder: Path) -> None:
    """A forced owner would validate against the rows it sees, which are none."""
    await owner.execute(
        "create table db.child (portal_id int, vendor_number text);"
        "call db.tenant_table('db.child');"
        "insert into db.child values (7, 'nobody')"
    )
    write(
        folder,
        "0001_key.sql",
        "alter table db.child add constraint child_of_vendor "
        "foreign key (portal_id, vendor_number) references access.vendor;",
    )
    with pytest.raises(MigrationError, match=r"child_of_vendor.*\(7, nobody\) is not present"):
        await migrate(urls.owner, folder)
    forced = await owner.fetch("select relname from pg_class where relforcerowsecurity")
    assert forced == []


def test_the_baseline_is_every_domain_lowest_first() -> None:
    text = baseline().text
    places = [text.find(f"create schema {domain};") for domain in DOMAINS]
    there = [place for place in places if place >= 0]
    assert there == sorted(there)
    assert len(there) > 5


async def test_the_baseline_is_cut_into_its_statements() -> None:
    """Each ends in its semicolon; together they are the whole text, comments and blanks apart."""
    text = baseline().text
    statements = [statement for _, statement in migrating._statements(text)]  # noqa: SLF001
    assert all(statement.endswith(";") for statement in statements)
    assert sum(s.startswith("create table") for s in statements) == text.count("\ncreate table")
    assert sum(s.startswith("create function") for s in statements) == text.count(
        "\ncreate function"
    )


async def test_the_runtime_role_may_serve(urls: Urls) -> None:
    await refuse_unfit(urls.runtime)


async def test_superuser_and_owner_may_not_serve(server, urls: Urls) -> None:
    for url in (urls.owner, urls.runtime.replace("currant_runtime", server.superuser)):
        with pytest.raises(DatabaseUnfit, match="Serve as currant_runtime"):
            await refuse_unfit(url)


@asynccontextmanager
async def role(server, how: str) -> AsyncIterator[str]:
    """A role of this test's own, made in some way."""
    name = f"test_{uuid4().hex[:16]}"
    admin = await asyncpg.connect(server.admin_url)
    await admin.execute(f"create role {name} login {how}")
    try:
        yield name
    finally:
        await admin.execute(f"drop owned by {name}; drop role {name}")
        await admin.close()


@pytest.mark.parametrize("how", ["bypassrls", "in role currant_owner"])
async def test_whom_row_security_does_not_bind_may_not_serve(server, urls: Urls, how: str) -> None:
    async with role(server, how) as name:
        with pytest.raises(DatabaseUnfit, match=f"The role {name} "):
            await refuse_unfit(urls.runtime.replace("currant_runtime", name))


async def test_an_older_schema_is_not_served(urls: Urls, folder: Path, monkeypatch) -> None:
    write(folder, "0001_later.sql", "create table db.later (n int);")
    newer = forward(folder)
    monkeypatch.setattr(migrating, "forward", lambda _folder=None: newer)
    with pytest.raises(DatabaseUnfit, match=r"lacks later\. Run `currant migrate`"):
        await refuse_unfit(urls.runtime)
    await migrate(urls.owner)
    await refuse_unfit(urls.runtime)


async def test_only_the_runtime_role_may_call_what_acts_for_the_owner(urls: Urls) -> None:
    """A report's role could else set credentials: a setting is all that such functions ask."""
    connection = await asyncpg.connect(urls.runtime.replace("currant_runtime", "currant_reader"))
    allowed = await connection.fetch(
        "select p.oid::regprocedure::text from pg_proc as p "
        "inner join pg_namespace as n on n.oid = p.pronamespace "
        "where n.nspname = any($1) and p.prosecdef and has_function_privilege(p.oid, 'execute')",
        list(DOMAINS),
    )
    await connection.close()
    assert allowed == []
