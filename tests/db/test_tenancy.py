"""Tenants are kept apart by the database, whatever is sent to it.

The tables are read from the catalogue, so a new one is tried on the day it is made. Each holds a
row of two portals, put there by the superuser with every constraint out of the way; that of an
invoice is a draft, for nobody changes what is posted.
"""

from collections.abc import AsyncIterator
from typing import NamedTuple

import asyncpg
import pytest
from tests.conftest import NOW, make_user, new_database

from currant.access.model import OPERATOR, CreatePortal, CreateUser
from currant.access.verbs import Nothing, create_portal, create_user, users
from currant.clock import FrozenClock
from currant.db.database import Urls
from currant.db.migrate import DOMAINS
from currant.db.tx import open_pool
from currant.door import Door
from currant.errors import Invalid

COLUMNS = """
select
    n.nspname || '.' || c.relname as name,
    array_agg(a.attname order by a.attnum) as columns,
    array_agg(
        case
            when a.attname = 'portal_id' then '$1'
            when a.attidentity <> '' then 'default'
            when n.nspname = 'invoices' and a.attname = 'posted_at' then 'null'
            when t.typcategory = 'A' then quote_literal('{}')
            when t.oid = 'bool'::regtype then 'false'
            when t.oid in ('date'::regtype, 'timestamptz'::regtype) then 'now()'
            when t.oid = 'tstzrange'::regtype then 'tstzrange(now(), null)'
            when t.typtype = 'r' then format('%s(null, null)', t.typname)
            when t.oid = 'uuid'::regtype then 'gen_random_uuid()'
            when t.oid in ('json'::regtype, 'jsonb'::regtype) then quote_literal('{}')
            when t.oid = 'bytea'::regtype then quote_literal('row')
            when t.oid = 'xid8'::regtype then 'pg_current_xact_id()'
            when t.typcategory = 'N' then '$2'
            else '''row '' || $2'
        end
        order by a.attnum
    ) as values
from pg_class as c
inner join pg_namespace as n on n.oid = c.relnamespace
inner join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
inner join pg_type as d on d.oid = a.atttypid
inner join pg_type as t on t.oid = coalesce(nullif(d.typbasetype, 0), d.oid)
where c.relkind in ('r', 'p') and c.relrowsecurity and n.nspname = any($1)
    and a.attgenerated = ''
group by n.nspname, c.relname
order by 1
"""


# Tables with rows of no portal that are everybody's to see.
EVERYBODYS = {"receivables.arrears_type"}


class Table(NamedTuple):
    """A tenant table, and the statement that puts row `$2` of portal `$1` into it."""

    name: str
    insert: str


class Tenants(NamedTuple):
    """A database with the same row of two portals in each tenant table."""

    urls: Urls
    tables: list[Table]
    one: int
    other: int


@pytest.fixture(scope="module")
async def tenants(server, template) -> AsyncIterator[Tenants]:
    async with new_database(server, template) as urls:
        connection = await asyncpg.connect(urls.owner.replace("currant_owner", server.superuser))
        rows = await connection.fetch(COLUMNS, list(DOMAINS))
        tables = [
            Table(
                row["name"],
                f"insert into {row['name']} ({', '.join(row['columns'])}) "  # noqa: S608
                f"overriding system value values ({', '.join(row['values'])})",
            )
            for row in rows
        ]
        await connection.execute("set session_replication_role = replica")
        for name in await connection.fetch(
            "select conrelid::regclass::text as name, conname from pg_constraint "
            "where contype = 'c' and conrelid <> 0"
        ):
            await connection.execute(
                f"alter table {name['name']} drop constraint {name['conname']}"
            )
        nobodys = [t for t in tables if t.name in EVERYBODYS | {"access.system_user"}]
        for table, portal_id in [(t, n) for n in (901, 902) for t in tables] + [
            (table, None) for table in nobodys
        ]:
            await connection.execute(row_of(table, portal_id))
        await connection.close()
        yield Tenants(urls, tables, 901, 902)


@pytest.fixture
async def runtime(tenants: Tenants) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(tenants.urls.runtime)
    yield connection
    await connection.close()


def row_of(table: Table, portal_id: int | None) -> str:
    """The statement that puts a row of a portal, or of none, into a table."""
    portal, number = ("null", "0") if portal_id is None else (str(portal_id),) * 2
    return table.insert.replace("$1", portal).replace("$2", number)


async def seen(connection: asyncpg.Connection, table: Table) -> set[int]:
    """The portals whose rows are in view; rows of none only where they are everybody's."""
    rows = await connection.fetch(f"select distinct portal_id from {table.name}")  # noqa: S608
    assert (None in {row["portal_id"] for row in rows}) == (table.name in EVERYBODYS)
    return {row["portal_id"] for row in rows} - {None}


async def enter(connection: asyncpg.Connection, *portal_ids: int) -> None:
    told = "{" + ",".join(map(str, portal_ids)) + "}"
    await connection.execute("select set_config('currant.portals', $1, true)", told)


async def test_without_a_portal_nothing_is_seen(tenants: Tenants, runtime) -> None:
    assert len(tenants.tables) > 30
    for setting in (None, "", "{}"):
        async with runtime.transaction():
            if setting is not None:
                await runtime.execute("select set_config('currant.portals', $1, true)", setting)
            assert [t.name for t in tenants.tables if await seen(runtime, t)] == []


async def test_a_portal_sees_its_own_and_never_anothers(tenants: Tenants, runtime) -> None:
    async with runtime.transaction():
        await enter(runtime, tenants.one)
        assert [t.name for t in tenants.tables if await seen(runtime, t) != {tenants.one}] == []
        await enter(runtime, tenants.one, tenants.other)
        both = {tenants.one, tenants.other}
        assert [t.name for t in tenants.tables if await seen(runtime, t) != both] == []


async def test_a_portal_cannot_write_into_another(tenants: Tenants, runtime) -> None:
    taken = []
    for table in tenants.tables:
        for statement in (
            row_of(table, tenants.other),
            f"update {table.name} set portal_id = {tenants.other}",  # noqa: S608
        ):
            transaction = runtime.transaction()
            await transaction.start()
            await enter(runtime, tenants.one)
            try:
                await runtime.execute(statement)
                taken.append(statement)
            except asyncpg.InsufficientPrivilegeError:
                pass
            except asyncpg.GeneratedAlwaysError:  # No portal's key can be rewritten at all.
                assert table.name == "access.portal"
            finally:
                await transaction.rollback()
    assert taken == []


async def test_a_portal_cannot_touch_anothers_rows(tenants: Tenants, runtime) -> None:
    touched = []
    for table in tenants.tables:
        for statement in (
            f"update {table.name} set portal_id = portal_id where portal_id = {tenants.other}",  # noqa: S608
            f"delete from {table.name} where portal_id = {tenants.other}",  # noqa: S608
            f"update {table.name} set portal_id = portal_id where portal_id is null",  # noqa: S608
            f"delete from {table.name} where portal_id is null",  # noqa: S608
            f"truncate {table.name} cascade",
        ):
            transaction = runtime.transaction()
            await transaction.start()
            await enter(runtime, tenants.one)
            try:
                if (await runtime.execute(statement)).rpartition(" ")[2] != "0":
                    touched.append(statement)
            except (asyncpg.InsufficientPrivilegeError, asyncpg.GeneratedAlwaysError):
                pass
            finally:
                await transaction.rollback()
    assert touched == []


async def test_a_portal_adds_no_row_of_none(tenants: Tenants, runtime) -> None:
    """Save to the log of what was refused, which nobody reads by it."""
    added = []
    for table in tenants.tables:
        transaction = runtime.transaction()
        await transaction.start()
        await enter(runtime, tenants.one)
        try:
            await runtime.execute(row_of(table, None))
            added.append(table.name)
        except asyncpg.InsufficientPrivilegeError:
            pass
        finally:
            await transaction.rollback()
    assert added == ["access.audit_event"]


async def test_secrets_are_out_of_reach_of_whoever_serves(tenants: Tenants, runtime) -> None:
    for statement in (
        "select from access.credential",
        "select from access.user_permission",
        "insert into access.role_permission values ('VENDOR', 'ledger.close')",
        "update access.role set sec_level = 99",
        "delete from access.permission",
        "insert into db.migration values (9, '', '')",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await runtime.execute(statement)


async def test_the_portal_is_forgotten_at_the_end_of_each_transaction(tenants, runtime) -> None:
    for undone in (False, True):
        transaction = runtime.transaction()
        await transaction.start()
        await enter(runtime, tenants.one)
        await (transaction.rollback() if undone else transaction.commit())
        assert not await runtime.fetchval("select current_setting('currant.portals', true)")
        assert [t.name for t in tenants.tables if await seen(runtime, t)] == []


async def test_a_pooled_connection_never_carries_a_portal_over(urls: Urls) -> None:
    """One connection serves two portals by turns; every third act is refused and rolled back."""
    pool = await open_pool(urls.runtime, size=1)
    door = Door(pool, FrozenClock(NOW))
    actors = []
    for key in ("one", "two"):
        made = CreatePortal(key, key, "UTC", "USD", key)
        await door.act(create_portal, made, OPERATOR)
        actors.append(await make_user(door, key, f"boss-{key}", "SysAdmin"))
    for turn in range(2000):
        actor = actors[turn % 2]
        if turn % 3:
            assert [user.login for user in await door.ask(users, Nothing(), actor)] == [actor.login]
        else:
            with pytest.raises(Invalid):
                await door.act(create_user, CreateUser("x", "x", "Operator"), actor)
        if turn % 100 == 0:
            assert await pool.fetchval("select count(*) from access.portal") == 0
    await pool.close()
