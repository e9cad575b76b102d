"""A transaction, and the pool it comes from.

Verbs are handed a `Tx` and nothing else: who acts, in which portal, at what instant, and the few
ways to send a statement. Only the door begins and commits.
"""

from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Sequence,
)
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import asyncpg
import msgspec

from currant.db.statements import Statement
from currant.errors import Forbidden

R = TypeVar("R")

_BATCH_BYTES = 4 * 1024 * 1024

Connection = Any  # asyncpg hands out a proxy of its Connection


class Portal(msgspec.Struct, frozen=True):
    """The tenant acted in: its key, its civil time and its currency."""

    portal_id: int
    key: str
    timezone: str
    currency: str

    @property
    def zone(self) -> ZoneInfo:
        """The zone that the portal's days and timestamps are told in."""
        return ZoneInfo(self.timezone)


class User(msgspec.Struct, frozen=True):
    """Who acts: a system user as the ledger and the audit log name them."""

    user_id: int
    login: str
    vendor_number: str
    blocked_accounts: str
    special_limit: int | None

    @property
    def blocked(self) -> frozenset[str]:
        """The accounts that the user is barred from; `*` is every one."""
        return frozenset(filter(None, map(str.strip, self.blocked_accounts.split(","))))

    def refuse_blocked(self, account: str) -> None:
        """Refuse an account that the user is barred from."""
        if self.blocked & {"*", account}:
            raise Forbidden(f"Account {account} is blocked for {self.login}. Nothing was done.")


class Tx:
    """One open transaction of one user, in one portal or in all of the user's portals.

    `memory` is what this process remembers of this database from one transaction to the next:
    only what a version number in a row says is still true.
    """

    def __init__(
        self,
        connection: Connection,
        now: datetime,
        user: User,
        portal: Portal | None,
        memory: dict[Any, Any],
    ) -> None:
        self.connection = connection
        self.now = now
        self.user = user
        self.memory = memory
        self._portal = portal

    @property
    def portal(self) -> Portal:
        """The portal named by the request."""
        if self._portal is None:
            raise Forbidden("Name the portal.")
        return self._portal

    async def one(self, statement: Statement[R], **values: Any) -> R:
        """Run a statement that answers exactly one row."""
        record = await self.connection.fetchrow(statement.text, *statement.arguments(values))
        if record is None:
            raise LookupError(f"{statement.name} answered no row")
        return statement.build(record)

    async def maybe(self, statement: Statement[R], **values: Any) -> R | None:
        """Run a statement that answers one row or none."""
        record = await self.connection.fetchrow(statement.text, *statement.arguments(values))
        return None if record is None else statement.build(record)

    async def all(self, statement: Statement[R], **values: Any) -> list[R]:
        """Run a statement and hold all its rows in memory."""
        records = await self.connection.fetch(statement.text, *statement.arguments(values))
        return [statement.build(record) for record in records]

    async def each(self, statement: Statement[R], **values: Any) -> AsyncIterator[R]:
        """Run a statement and hold no more than a few thousand of its rows at a time."""
        async for record in self.connection.cursor(
            statement.text, *statement.arguments(values), prefetch=2000
        ):
            yield statement.build(record)

    async def count(self, statement: Statement[Any], **values: Any) -> int:
        """Say how many rows a statement answers, without sending any."""
        record = await self.connection.fetchrow(statement.counting, *statement.arguments(values))
        return int(record[0])

    async def run(self, statement: Statement[None], **values: Any) -> int:
        """Run a statement that answers nothing and return how many rows it touched."""
        status = await self.connection.execute(statement.text, *statement.arguments(values))
        count = status.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def copy_text(
        self, table: str, columns: Sequence[str], source: AsyncIterable[bytes]
    ) -> None:
        """Stream PostgreSQL's COPY text format into a temporary table of this transaction."""
        await self.connection.copy_to_table(
            table, source=source, columns=list(columns), schema_name="pg_temp"
        )

    async def copy_out(
        self,
        statement: Statement[Any],
        sink: Callable[[list[bytes]], Awaitable[None]],
        **values: Any,
    ) -> None:
        """Stream a statement's rows in PostgreSQL's binary COPY format, some megabytes a call.

        They come in chunks, which may end within a row.
        """
        chunks: list[bytes] = []
        size = 0

        async def gather(chunk: bytes) -> None:
            nonlocal chunks, size
            chunks.append(chunk)
            size += len(chunk)
            if size >= _BATCH_BYTES:
                await sink(chunks)
                chunks, size = [], 0

        await self.connection.copy_from_query(
            statement.text, *statement.arguments(values), output=gather, format="binary"
        )
        await sink(chunks)

    async def copy_rows(
        self, table: str, columns: Sequence[str], rows: Iterable[Any] | AsyncIterable[Any]
    ) -> None:
        """Send rows by binary COPY into a temporary table of this transaction."""
        await self.connection.copy_records_to_table(
            table, records=rows, columns=list(columns), schema_name="pg_temp"
        )


async def _leave_as_it_is(_connection: Connection) -> None:
    """Nothing outlives a transaction here, so a connection needs no reset between two."""


async def open_pool(
    url: str, *, size: int, name: str = "currant"
) -> "asyncpg.Pool[asyncpg.Record]":
    """Open a pool as the runtime role; every connection speaks UTC."""
    return await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=size,
        command_timeout=300,
        statement_cache_size=500,
        max_cached_statement_lifetime=0,
        reset=_leave_as_it_is,
        server_settings={
            "application_name": name,
            "timezone": "UTC",
            "statement_timeout": "300s",
            "lock_timeout": "20s",
            "idle_in_transaction_session_timeout": "300s",
        },
    )
