"""Which database this installation uses: one of its own, or the one that the settings name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import msgspec

from currant.db.embedded import EmbeddedServer
from currant.db.migrate import DOMAINS, ROLES, migrate, pending
from currant.settings import Settings

NAME = "currant"


class Urls(msgspec.Struct, frozen=True):
    """How to reach one database: as the role that serves, and as the owner that migrates."""

    runtime: str
    owner: str | None


class DatabaseUnfit(Exception):
    """The database cannot be served as it is; the message says why and what to do."""


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[Urls]:
    """Reach the database; one of our own is started, and brought forward, for the block."""
    if settings.database_url is not None:
        yield Urls(settings.database_url, settings.owner_url)
        return
    with EmbeddedServer(settings.home) as server:
        yield await prepare(server, NAME)


async def prepare(server: EmbeddedServer, name: str) -> Urls:
    """Make the roles and a database on an embedded server, and bring its schema forward."""
    admin = await asyncpg.connect(server.admin_url)
    try:
        await admin.execute("select pg_advisory_lock(5067260)")
        known = {row[0] for row in await admin.fetch("select rolname from pg_roles")}
        for role in ROLES:
            if role not in known:
                await admin.execute(f"create role {role} login")
        if not await admin.fetchval("select 1 from pg_database where datname = $1", name):
            await admin.execute(f'create database "{name}" owner currant_owner')
    finally:
        await admin.close()
    urls = Urls(server.url("currant_runtime", name), server.url("currant_owner", name))
    await migrate(server.url("currant_owner", name))
    return urls


async def refuse_unfit(url: str) -> None:
    """Refuse to serve as a role that row-level security does not bind, or an older schema.

    Raises `DatabaseUnfit`.
    """
    await refuse_unbound(url)
    missing = await pending(url)
    if missing:
        raise DatabaseUnfit(f"The schema lacks {', '.join(missing)}. Run `currant migrate`.")


async def refuse_unbound(url: str) -> None:
    """Refuse a role that row-level security does not bind. Raises `DatabaseUnfit`."""
    connection = await asyncpg.connect(url)
    try:
        role = await connection.fetchrow(
            "select rolname, rolsuper, rolbypassrls, exists ("
            "select from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace "
            "where n.nspname = any($1) and pg_has_role(r.oid, c.relowner, 'member')) as owns "
            "from pg_roles as r where rolname = current_user",
            list(DOMAINS),
        )
    finally:
        await connection.close()
    if role is None or role["rolsuper"] or role["rolbypassrls"] or role["owns"]:
        raise DatabaseUnfit(
            f"The role {role and role['rolname']} is a superuser, bypasses row-level security or "
            "owns tables (or may act as who does), so tenants would not be kept apart. "
            "Serve as currant_runtime."
        )
