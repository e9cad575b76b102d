"""One database for the tests of a module: put back between two of them, not made anew.

Making a database takes a quarter of a second, putting one back a twentieth of that. A conftest.py
or a module that wants it says `from tests.shared import shared_urls, urls`.
"""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from currant.db.database import Urls
from currant.db.embedded import EmbeddedServer
from currant.db.migrate import DOMAINS
from tests.conftest import new_database

TABLES = """
select c.oid::regclass::text as name from pg_class as c
inner join pg_namespace as n on n.oid = c.relnamespace
where c.relkind = 'r' and n.nspname = any($1)
"""
# The columns of a table but those that are generated, which nobody can insert.
COLUMNS = """
select string_agg(format('%I', attname), ', ' order by attnum) from pg_attribute
where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = ''
"""


@pytest.fixture(scope="module")
async def shared_urls(server: EmbeddedServer, template: str) -> AsyncIterator[tuple[Urls, str]]:
    """A database, and what puts its tables back to what they hold now."""
    async with new_database(server, template) as made:
        connection = await asyncpg.connect(superuser(server, made))
        put_back = await keep(connection)
        await connection.close()
        yield made, put_back


@pytest.fixture
async def urls(server: EmbeddedServer, shared_urls: tuple[Urls, str]) -> AsyncIterator[Urls]:
    """The module's database, with what a new one holds."""
    made, put_back = shared_urls
    yield made
    connection = await asyncpg.connect(superuser(server, made))
    await connection.execute(put_back)
    await connection.close()


async def keep(connection: asyncpg.Connection) -> str:
    """Keep what a superuser's database holds now; return what puts its tables back to that."""
    tables = [row["name"] for row in await connection.fetch(TABLES, list(DOMAINS))]
    put_back = [f"delete from {table};" for table in tables]  # noqa: S608
    await connection.execute("create schema kept")
    for number, table in enumerate(tables):
        if await connection.fetchval(f"select exists (select from {table})"):  # noqa: S608
            await connection.execute(f"create table kept.t{number} as table {table}")
            columns = await connection.fetchval(COLUMNS, table)
            put_back.append(
                f"insert into {table} ({columns}) overriding system value"  # noqa: S608
                f" select {columns} from kept.t{number};"
            )
    return "set session_replication_role = replica;" + "".join(put_back)


def superuser(server: EmbeddedServer, urls: Urls) -> str:
    """The URL of a database for whom nothing holds back, to plant what cannot be."""
    return urls.owner.replace("currant_owner", server.superuser)
