"""A fixture of the document, built in a database of its own and served on a real socket."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import httpx
from tests.conformance.juice.examples import parsed
from tests.conftest import make_user
from tests.shared import keep

from currant.access.model import OPERATOR, Actor
from currant.access.verbs import Nothing
from currant.batches.verbs import batch_faults
from currant.clock import FrozenClock
from currant.db.database import Urls
from currant.door import Door
from currant.ledger.verbs import ledger_faults
from currant.prepayment.verbs import wallet_faults

Build = Callable[["Stage"], Awaitable[None]]

# A sequence is named, or the column that it numbers.
_FOLLOWING = """
select setval(
    case when to_regclass($1) is null
        then pg_get_serial_sequence(split_part($1, '/', 1), split_part($1, '/', 2))
        else $1 end::regclass,
    $2::bigint, false
)
"""
_COUNT_ON = """
insert into access.counter (portal_id, name, last) select portal_id, $1, $2 from access.portal
on conflict (portal_id, name) do update set last = excluded.last
"""
# A number of the revisions of tariffs is never given twice, for a server remembers by it.
_SEQUENCES = """
select format('%I.%I', schemaname, sequencename) as name
from pg_sequences where sequencename <> 'revision'
"""


@dataclass
class Stage:
    """A fixture: its database, its door and clock, its caller, and a client of what is served."""

    portal: str
    instant: str
    owner: asyncpg.Connection
    clock: FrozenClock
    door: Door
    boss: Actor
    http: httpx.AsyncClient
    caller: dict[str, str]
    urls: Urls
    superuser: str
    kept: str = ""

    def at(self, instant: str) -> None:
        """Put the clock to an instant."""
        self.clock.set(datetime.fromisoformat(instant))

    async def user(self, login: str, role: str) -> Actor:
        """Make a user of the portal, of the vendor CEC, with a token."""
        return await make_user(self.door, self.portal, login, role)

    async def following(self, series: str, number: int) -> None:
        """Make a number the next of its series: a sequence, a numbered column, or a counter."""
        if "." in series:
            await self.owner.execute(_FOLLOWING, series, number)
        else:
            await self.owner.execute(_COUNT_ON, series, number - 1)

    async def send(
        self,
        method: str,
        target: str,
        body: str | bytes | None = None,
        **headers: str,
    ) -> httpx.Response:
        """Send bytes as they are, to a target as it stands; `_` in a header's name is `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.request(
            method,
            target,
            content=body.encode() if isinstance(body, str) else body,
            headers=named,
            extensions={"target": target.encode()},
        )

    async def get(self, target: str, **headers: str) -> httpx.Response:
        """Get a target as the caller."""
        return await self.send("GET", target, **(self.caller | headers))

    async def post(self, target: str, body: str | bytes, **headers: str) -> httpx.Response:
        """Post a body as the caller."""
        return await self.send("POST", target, body, **(self.caller | headers))

    async def faults(self) -> list[object]:
        """List what is wrong with books, wallets and cashier batches; nothing is hoped for."""
        views = (ledger_faults, wallet_faults, batch_faults)
        return [fault for view in views for fault in await self.door.ask(view, Nothing(), OPERATOR)]

    async def keep(self) -> None:
        """Remember what the database holds, and where its series stand."""
        connection = await asyncpg.connect(self.superuser)
        self.kept = await keep(connection)
        for (name,) in await connection.fetch(_SEQUENCES):
            stands = await connection.fetchrow(f"select last_value, is_called from {name}")  # noqa: S608
            self.kept += f"select setval('{name}', {stands[0]}, {stands[1]});"
        await connection.close()

    async def put_back(self) -> None:
        """Make the database what it was, and the clock."""
        self.at(self.instant)
        connection = await asyncpg.connect(self.superuser)
        await connection.execute(self.kept)
        await connection.close()


def data(answer: httpx.Response) -> Any:
    """Return what a request was answered that went well."""
    told = parsed(answer.content)
    assert (answer.status_code, told["error"]) == (200, 0), answer.text
    assert "error_message" not in told
    return told["data"]


def refused(answer: httpx.Response, status: int, error: int, *words: str) -> str:
    """Hold a refusal against its HTTP status, its code and what its message says; return that."""
    told = parsed(answer.content)
    assert (answer.status_code, told["error"]) == (status, error), answer.text
    assert set(told) == {"error", "error_message"}
    assert [word for word in words if word not in told["error_message"]] == [], answer.text
    return told["error_message"]
