"""The one door: every change is an act, every question an ask.

Permission, tenant, idempotent replay, audit and COMMIT stand here and nowhere else. `act` runs a
verb, `ask` a view; both are functions of a transaction and one shape. Entrances authenticate with
`prove_password` or build a token's Actor, and never see a connection.
"""

import asyncio
import hashlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from typing import Any, Self, TypeVar, get_type_hints

import asyncpg
import msgspec

from currant import wire
from currant.access.model import Actor, Entered
from currant.access.passwords import Passwords
from currant.access.permissions import NEEDED, Permission
from currant.access.verbs import CLOSE_ACT, ENTER, PASSWORD_OF
from currant.clock import Clock
from currant.db.tx import Connection, Portal, Tx, User
from currant.errors import Forbidden, Invalid, KeyReused, Refusal, Unauthenticated, Unavailable

C = TypeVar("C")
R = TypeVar("R")

Verb = Callable[[Tx, C], Awaitable[R]]

_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.CannotConnectNowError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
_BUSY = (
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
)
_LET_PASS = 0.03  # seconds
_ALIVE_SECONDS = 5
_LAST_SECONDS = 3  # A connection that is still at work then is cut off, not waited for.
_LONGEST_AUDITED = 16_384  # bytes
_SECRETS = ("password", "secret", "token")


class Busy(Unavailable):
    """Others hold what this needs. Nothing was done; try again shortly."""


class TookTooLong(Unavailable):
    """It took longer than a caller is kept waiting. Nothing was done; try again later."""


class OutcomeUnknown(Unavailable):
    """The database went away during the commit: whether it was done is unknown."""


class Door:
    """The way in to one database, with the clock that tells every act its instant.

    `deadline` is the instant, by the loop's clock, at which what goes through is given up.
    """

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", clock: Clock) -> None:
        self.pool = pool
        self.clock = clock
        self.passwords = Passwords()
        self.memory: dict[Any, Any] = {}
        self.deadline: float | None = None

    def until(self, deadline: float) -> "Door":
        """Return the same door for somebody who waits until a deadline."""
        watched = object.__new__(Door)
        watched.__dict__.update(self.__dict__)
        watched.deadline = deadline
        return watched

    async def act(self, verb: "Verb[C, R]", command: C, actor: Actor, key: str | None = None) -> R:
        """Do something: one transaction, audited, and once only where a key is given.

        Raises a `Refusal`; then nothing was done but the refusal's audit event.
        """
        told = "null"
        try:
            wire.refuse_unfit(command)
            plain = msgspec.to_builtins(command, builtin_types=(Decimal,), enc_hook=str)
            told = _audited(wire.encode(_without_secrets(plain)))
            request = None if key is None else _digest(verb, plain)
            return await self._in_time(
                self._retrying(lambda: self._act(verb, command, actor, key, request, told), command)
            )
        except Refusal as refusal:
            refusal.undone = True
            await self._audit_refusal(verb.__name__, actor, told, refusal)
            raise

    async def rehearse(self, verb: "Verb[C, R]", command: C, actor: Actor) -> R:
        """Do something and take it back: what it would answer, or the `Refusal` it would raise."""
        wire.refuse_unfit(command)
        try:
            async with self.asking(verb, actor) as tx:
                account = getattr(command, "account", None)
                if isinstance(account, str):
                    tx.user.refuse_blocked(account)
                raise _TakenBack(await verb(tx, command))
        except _TakenBack as taken_back:
            answer: R = taken_back.answer
            return answer

    async def ask(self, view: "Verb[C, R]", question: C, actor: Actor) -> R:
        """Answer a question. Raises a `Refusal`."""
        wire.refuse_unfit(question)
        return await self._in_time(
            self._retrying(lambda: self._ask(view, question, actor), question)
        )

    @asynccontextmanager
    async def asking(self, view: Callable[..., Any], actor: Actor) -> AsyncIterator[Tx]:
        """Open a question whose answer is streamed: the transaction lives as long as the block."""
        try:
            async with (
                asyncio.timeout_at(self.deadline),
                self._entered(actor, NEEDED[view], None, None) as (tx, _),
            ):
                yield tx
        except TimeoutError as error:
            raise TookTooLong from error
        except asyncpg.PostgresError as error:
            raise _refusal(error, None) from error
        except _AWAY as error:
            raise Unavailable from error

    async def alive(self) -> None:
        """Make one round trip to the database. Raises `Unavailable`."""
        soon = self.until(asyncio.get_running_loop().time() + _ALIVE_SECONDS)
        await soon._in_time(soon._one("select 1"))  # noqa: SLF001

    async def prove_password(
        self, login: str, password: str, before: Callable[[], None] | None = None
    ) -> Actor:
        """Return the actor that a login and password prove. Raises `Unauthenticated`.

        `before` is called before a password is tried that was not proved a moment ago, and may
        raise.
        """
        wire.refuse_unfit({"login": login})
        stored = await self._in_time(self._one(PASSWORD_OF.text, login))
        if not await self._in_time(self.passwords.match(stored, password, before)):
            raise Unauthenticated
        return Actor(login, "PASSWORD", stored)

    async def _act(
        self,
        verb: "Verb[C, R]",
        command: C,
        actor: Actor,
        key: str | None,
        request: str | None,
        told: str,
    ) -> R:
        committing = False
        try:
            async with self._entered(actor, NEEDED[verb], key, request) as (tx, entered):
                if key is not None and entered.portal_id is None:
                    raise Invalid("A key is kept in its portal: name the portal.", field="portal")
                if entered.replay is not None:
                    replayed: R = wire.decode(entered.replay.encode(), _answer_type(verb))
                    return replayed
                account = getattr(command, "account", None)
                if isinstance(account, str):
                    tx.user.refuse_blocked(account)
                answer = await verb(tx, command)
                await tx.run(
                    CLOSE_ACT,
                    portal_id=entered.portal_id,
                    user_id=tx.user.user_id,
                    now=tx.now,
                    login=tx.user.login,
                    act=verb.__name__,
                    outcome="done",
                    command=told,
                    detail="",
                    answer=None if key is None else wire.encode(answer).decode(),
                    key=key,
                )
                committing = True
                return answer
        except (*_AWAY, asyncio.CancelledError) as error:
            if committing:
                raise OutcomeUnknown(
                    "Repeat it with the same key."
                    if key is not None
                    else "Look before you repeat it; a request with a key can always be repeated."
                ) from error
            raise

    async def _ask(self, view: "Verb[C, R]", question: C, actor: Actor) -> R:
        async with self._entered(actor, NEEDED[view], None, None) as (tx, _):
            account = getattr(question, "account", None)
            if isinstance(account, str):
                tx.user.refuse_blocked(account)
            return await view(tx, question)

    @asynccontextmanager
    async def _entered(
        self, actor: Actor, permission: Permission, key: str | None, request: str | None
    ) -> AsyncIterator[tuple[Tx, Entered]]:
        if actor.kind == "NONE" and permission is not Permission.PUBLIC:
            raise Unauthenticated
        wire.refuse_unfit({"login": actor.login, "portal": actor.portal, "key": key})
        now = self.clock.now()
        async with _Borrowed(self.pool) as borrowed, borrowed.connection.transaction():
            try:
                record = await borrowed.connection.fetchrow(
                    ENTER.text,
                    *ENTER.arguments(
                        {
                            "login": actor.login,
                            "kind": actor.kind,
                            "proof": actor.proof,
                            "portal": actor.portal,
                            "permission": permission.value,
                            "key": key,
                            "request": request,
                            "method": actor.method,
                        }
                    ),
                )
                entered = ENTER.build(record)
                _refuse(entered, actor)
                user, portal = _user(entered), _portal(entered)
                yield Tx(borrowed.connection, now, user, portal, self.memory), entered
            except asyncio.CancelledError:
                borrowed.cut_off_soon()
                raise

    async def _one(self, statement: str, *arguments: object) -> Any:
        """Return one value, outside of any transaction of a user."""
        try:
            async with _Borrowed(self.pool) as borrowed:
                return await borrowed.connection.fetchval(statement, *arguments)
        except _AWAY as error:
            raise Unavailable from error

    async def _in_time(self, work: Awaitable[R]) -> R:
        """Give up what is not done by the deadline. Raises `TookTooLong`."""
        try:
            async with asyncio.timeout_at(self.deadline):
                return await work
        except TimeoutError as error:
            raise TookTooLong from error

    async def _retrying(self, work: Callable[[], Awaitable[R]], command: object) -> R:
        """Run a transaction, once more after a deadlock, and turn the driver's errors to ours."""
        for last in (False, True):
            try:
                return await work()
            except asyncpg.DeadlockDetectedError as error:
                if last:
                    raise Busy from error
                await asyncio.sleep(_LET_PASS)  # Or the same locks meet in the same way.
            except asyncpg.PostgresError as error:
                raise _refusal(error, command) from error
            except _AWAY as error:
                raise Unavailable from error
        raise AssertionError("unreachable")

    async def _audit_refusal(self, act: str, actor: Actor, told: str, refusal: Refusal) -> None:
        """Leave the audit event of what was refused, in a transaction of its own.

        A portal that the actor may not enter has no event of it; it is told among those of none, or
        of a key's own.
        """
        if isinstance(refusal, Unavailable | Unauthenticated):
            return
        plain = actor.calling(None)
        for place in (plain, plain.at(None)):
            with suppress(Refusal, asyncpg.PostgresError, *_AWAY):
                async with self._entered(place, Permission.ANY_USER, None, None) as (tx, entered):
                    await tx.run(
                        CLOSE_ACT,
                        portal_id=entered.portal_id,
                        user_id=tx.user.user_id,
                        now=tx.now,
                        login=tx.user.login,
                        act=act,
                        outcome="refused",
                        command=told,
                        detail=refusal.message[:2000],
                        answer=None,
                        key=None,
                    )
                return


class _TakenBack(Exception):
    """Ends the transaction of a rehearsal, so that nothing of it is kept."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer = answer


class _Borrowed:
    """A connection of the pool for a block; where the block is given up, not for much longer.

    What is given up has to be undone, which a server that does not answer never says that it is.
    """

    connection: Connection

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self.pool = pool
        self.last: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        self.connection = await self.pool.acquire()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is asyncio.CancelledError:
            self.cut_off_soon()
        try:
            await self.pool.release(self.connection)
        finally:
            if self.last is not None:
                self.last.cancel()

    def cut_off_soon(self) -> None:
        """Cut the connection off unless it is given back within moments."""
        if self.last is None:
            loop = asyncio.get_running_loop()
            self.last = loop.call_later(_LAST_SECONDS, self.connection.terminate)


def _refuse(entered: Entered, actor: Actor) -> None:
    match entered.refusal:
        case None:
            return
        case "credentials":
            raise Unauthenticated
        case "key":
            raise KeyReused
        case "portal" if actor.portal is None:
            raise Forbidden("Name the portal; you have none of your own.", field="portal")
        case "portal":
            raise Forbidden(f"Portal {actor.portal!r} is not one of yours.", field="portal")
        case reason:
            raise Forbidden(f"{actor.login or 'This access key'} {reason}.")


def _user(entered: Entered) -> User:
    return User(
        entered.user_id or 0,
        entered.login or "",
        entered.vendor_number or "",
        entered.blocked_accounts or "",
        entered.special_limit,
    )


def _portal(entered: Entered) -> Portal | None:
    if entered.portal_id is None:
        return None
    return Portal(
        entered.portal_id,
        entered.portal_key or "",
        entered.timezone or "",
        entered.currency or "",
    )


def _refusal(error: asyncpg.PostgresError, command: object) -> Exception:
    """Translate a database error: a constraint's name to its refusal, a lost server to ours."""
    name = getattr(error, "constraint_name", None)
    if name in Refusal.constraints:
        return Refusal.constraints[name]()
    if isinstance(error, _AWAY):
        return Unavailable()
    if isinstance(error, _BUSY):
        return Busy()
    if isinstance(
        error, asyncpg.UntranslatableCharacterError | asyncpg.CharacterNotInRepertoireError
    ):
        return Invalid("A text holds a character that cannot be stored.")
    # The driver refuses a number that the parameter's type cannot hold before it is sent.
    if isinstance(error, asyncpg.NumericValueOutOfRangeError) or isinstance(
        error.__cause__, OverflowError
    ):
        field = _number_at_fault(str(error.args[0]), command)
        return Invalid(f"{field or 'A number'} is out of range.", field=field)
    return error


def _number_at_fault(told: str, command: object) -> str | None:
    """Name the number of a command that an error means: one that it tells, and the greatest."""
    numbers = [
        (str(member) in told, abs(member), path)
        for path, member in wire.members(command)
        if isinstance(member, int | Decimal)
    ]
    return max(numbers)[2] if numbers else None


def _without_secrets(told: Any) -> Any:
    """Return a command for the audit log, without its secrets."""
    if isinstance(told, dict):
        return {
            name: "…" if any(word in name for word in _SECRETS) else _without_secrets(value)
            for name, value in told.items()
        }
    return [_without_secrets(value) for value in told] if isinstance(told, list | tuple) else told


def _audited(told: bytes) -> str:
    """Return a command as the audit log keeps it: a long one by its beginning, size and SHA-256."""
    if len(told) <= _LONGEST_AUDITED:
        return told.decode()
    begins = told[:_LONGEST_AUDITED].decode(errors="ignore")
    digest = hashlib.sha256(told).hexdigest()
    return wire.encode({"begins": begins, "bytes": len(told), "sha256": digest}).decode()


def _digest(verb: Callable[..., Any], plain: Any) -> str:
    """Return what tells one request from another: the SHA-256 of the act and all of its command.

    Numbers are compared by value, members in any order: 7 and 7.00 are one request.
    """
    told = wire.encode(_in_order(plain))
    return hashlib.sha256(verb.__name__.encode() + b" " + told).hexdigest()


def _in_order(told: Any) -> Any:
    """Return a command with its members sorted."""
    if isinstance(told, dict):
        return {name: _in_order(told[name]) for name in sorted(told)}
    return [_in_order(value) for value in told] if isinstance(told, list | tuple) else told


def _answer_type(verb: Callable[..., Any]) -> Any:
    return get_type_hints(inspect.unwrap(verb))["return"]
