"""What a database must be to keep tenants apart and money safe, checked from outside of it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg
import msgspec

from currant.db.database import DatabaseUnfit, refuse_unbound
from currant.db.migrate import DOMAINS, MigrationError, pending

VERSION = 18
_SKEW = timedelta(seconds=5)

_FACTS = """
select
    current_setting('server_version') as version,
    current_setting('server_version_num')::int / 10000 as major,
    current_setting('fsync') as fsync,
    current_setting('full_page_writes') as full_page_writes,
    current_setting('data_checksums') as data_checksums,
    current_setting('server_encoding') as encoding,
    current_setting('max_connections')::int as most,
    (select count(*) from pg_stat_activity where backend_type = 'client backend') as connections,
    clock_timestamp() as told
"""
_UNGUARDED = """
select n.nspname || '.' || c.relname as name
from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and n.nspname = any($1)
    and exists (
        select from pg_attribute as a
        where a.attrelid = c.oid and a.attname = 'portal_id' and not a.attisdropped
    )
    and not (
        c.relrowsecurity and exists (select from pg_policy as p where p.polrelid = c.oid)
    )
order by name
"""
_AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


class Finding(msgspec.Struct, frozen=True):
    """What one check found; where it is not sound, the detail says what to do."""

    check: str
    sound: bool
    detail: str


async def refuse_unreachable(url: str) -> None:
    """Refuse a database that does not answer. Raises `DatabaseUnfit` saying why."""
    try:
        connection = await asyncpg.connect(url, timeout=10)
    except _AWAY as error:
        raise DatabaseUnfit(
            f"The database cannot be reached: {error or type(error).__name__}. Nothing was done. "
            "See whether PostgreSQL runs and what CURRANT_DATABASE_URL says."
        ) from error
    await connection.close()


async def examine(url: str, now: datetime) -> list[Finding]:
    """Check the server, the role that serves, the tenants' tables and the schema's version.

    `now` is what this machine's clock says, for comparison.
    """
    try:
        await refuse_unreachable(url)
    except DatabaseUnfit as unfit:
        return [Finding("reachable", sound=False, detail=str(unfit))]
    connection = await asyncpg.connect(url)
    try:
        (facts,) = await connection.fetch(_FACTS)
        unguarded = [row["name"] for row in await connection.fetch(_UNGUARDED, list(DOMAINS))]
    finally:
        await connection.close()
    return [
        *_server(facts, now),
        await _role(url),
        _finding(
            "row-level security",
            not unguarded,
            "every tenant's table is guarded",
            f"tables without a policy: {', '.join(unguarded)}",
        ),
        await _schema(url),
    ]


def _server(facts: asyncpg.Record, now: datetime) -> Sequence[Finding]:
    skew = abs(facts["told"] - now)
    full = facts["connections"] * 10 > facts["most"] * 9
    used = f"{facts['connections']} of {facts['most']} connections in use"
    return [
        _finding(
            "version",
            facts["major"] >= VERSION,
            f"PostgreSQL {facts['version']}",
            f"PostgreSQL {facts['version']}, and {VERSION} is the oldest that will do",
        ),
        *(
            _finding(
                name.replace("_", " "),
                facts[name] == "on",
                "on",
                f"{facts[name]}: a crash or a bad disk can lose what was committed",
            )
            for name in ("fsync", "full_page_writes", "data_checksums")
        ),
        _finding("encoding", facts["encoding"] == "UTF8", "UTF8", f"{facts['encoding']}, not UTF8"),
        _finding("connections", not full, used, f"{used}; raise max_connections"),
        _finding(
            "clock",
            skew < _SKEW,
            f"{skew.total_seconds():.1f} s from this machine's",
            f"{skew.total_seconds():.1f} s from this machine's: synchronise both",
        ),
    ]


async def _role(url: str) -> Finding:
    try:
        await refuse_unbound(url)
    except DatabaseUnfit as unfit:
        return Finding("role", sound=False, detail=str(unfit))
    return Finding("role", sound=True, detail="owns nothing and is bound by row-level security")


async def _schema(url: str) -> Finding:
    try:
        missing = await pending(url)
    except (MigrationError, asyncpg.PostgresError) as error:
        return Finding("schema", sound=False, detail=str(error))
    told = f"lacks {', '.join(missing)}; run `currant migrate`"
    return _finding("schema", not missing, "nothing is pending", told)


def _finding(check: str, sound: bool, good: str, bad: str) -> Finding:
    return Finding(check, sound, good if sound else bad)
