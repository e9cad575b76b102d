"""How the command line speaks: shared options, exit codes, tables, files, secrets.

A command is `async def work(session, …)` under `@command(app, "name")`. It asks and acts through
the session's door, and tells its answer with `session.tell` or `session.rows`: a table for people,
one JSON document with `--json`. Whatever it raises becomes a sentence on stderr, or one JSON object
with `--json`, and an exit code.
"""

import getpass
import hashlib
import inspect
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from decimal import Decimal
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, BinaryIO, TextIO, TypeVar

import msgspec
import structlog
import typer
import uvloop
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.table import Table

from currant import wire
from currant.access.model import OPERATOR, Actor
from currant.access.verbs import Nothing, portals
from currant.clock import SystemClock
from currant.db.database import DatabaseUnfit, database, refuse_unfit
from currant.db.embedded import EmbeddedServerError
from currant.db.health import refuse_unreachable
from currant.db.migrate import MigrationError
from currant.db.tx import open_pool
from currant.door import Door, Verb
from currant.errors import Fault, Kind, Refusal
from currant.settings import Settings, settings
from currant.upload import Upload

C = TypeVar("C")
R = TypeVar("R")
Work = Callable[..., Awaitable[None]]

_CHUNK_BYTES = 1024 * 1024
_WIDE = 1000  # A table that no terminal shows is not cut.
NEWEST = 2**62  # Before it comes every id: where a list that tells the newest first begins.


class Exit(IntEnum):
    """What the exit code of a command says."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    CHECK_FAILED = 3
    REJECTED = 4
    CONFLICT = 5
    FORBIDDEN = 6
    INTERRUPTED = 130


EXITS: dict[Kind, Exit] = {
    Kind.UNAUTHENTICATED: Exit.FORBIDDEN,
    Kind.FORBIDDEN: Exit.FORBIDDEN,
    Kind.UNPARSABLE: Exit.REJECTED,
    Kind.INVALID: Exit.REJECTED,
    Kind.TOO_LARGE: Exit.REJECTED,
    Kind.NOT_FOUND: Exit.REJECTED,
    Kind.GONE: Exit.REJECTED,
    Kind.CONFLICT: Exit.CONFLICT,
    Kind.KEY_REUSED: Exit.CONFLICT,
    Kind.RATE_LIMITED: Exit.CONFLICT,
    Kind.UNAVAILABLE: Exit.CONFLICT,
}


class Stopped(Exception):
    """A command that ends early: with a sentence for stderr, and its exit code."""

    def __init__(self, code: Exit, message: str = "") -> None:
        super().__init__(message)
        self.code = code


class Options(msgspec.Struct, frozen=True):
    """The options that every command takes."""

    as_json: bool = False
    quiet: bool = False
    no_input: bool = False
    portal: str | None = None
    login: str | None = None
    password_file: Path | None = None


class Session:
    """One run of a command: who acts and where, the door, and how answers are told."""

    def __init__(self, door: Door, actor: Actor, config: Settings, options: Options) -> None:
        self.door = door
        self.actor = actor
        self.config = config
        self.options = options
        self.teller = Teller(options)

    async def act(
        self, verb: "Verb[C, R]", command: C, key: str | None = None, *, dry_run: bool = False
    ) -> R:
        """Do something, as whoever this session acts for; a dry run is taken back."""
        if dry_run:
            return await self.door.rehearse(verb, command, self.actor)
        return await self.door.act(verb, command, self.actor, key)

    async def ask(self, view: "Verb[C, R]", question: C) -> R:
        """Answer a question, as whoever this session acts for."""
        return await self.door.ask(view, question, self.actor)


class Teller:
    """Writes answers to stdout and everything else to stderr."""

    def __init__(self, options: Options) -> None:
        self.as_json = options.as_json
        self.quiet = options.quiet
        self.out = _console(sys.stdout)
        self.err = _console(sys.stderr)

    def tell(self, answer: Any, text: Callable[[], object]) -> None:
        """Tell an answer: as JSON where that was asked for, or else the text of it."""
        if self.as_json:
            sys.stdout.write(wire.encode(answer).decode() + "\n")
        else:
            told = text()
            if isinstance(told, Table) and self._beyond(told):
                told.padding = (0, 1, 0, 0)
            self.out.print(told, soft_wrap=isinstance(told, str))
        sys.stdout.flush()

    def _beyond(self, drawn: Table) -> bool:
        """Tell whether a table is wider than the terminal."""
        unbound = self.out.options.update(width=_WIDE)
        return self.out.measure(drawn, options=unbound).maximum > self.out.width

    def rows(self, rows: Sequence[Any], *columns: str) -> None:
        """Tell rows as a table of some of their members, numbers to the right."""
        self.tell(rows, lambda: table(rows, *columns))

    def note(self, message: str) -> None:
        """Say something that is not the answer."""
        if not self.quiet:
            self.err.print(message, soft_wrap=True)

    @contextmanager
    def progress(self, *columns: Any) -> Iterator[Progress]:
        """Show how far a long work is; only at a terminal, and not where quiet is asked for."""
        with Progress(
            *(columns or (TextColumn("{task.description}"), BarColumn())),
            console=self.err,
            transient=True,
            disable=self.quiet or not self.err.is_terminal,
        ) as progress:
            yield progress

    @contextmanager
    def upload(self, path: Path) -> Iterator[Upload]:
        """Open a file for sending, `-` for stdin, with a bar that follows how it is read."""
        with _opened(path) as file:
            digest = hashlib.sha256()
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
            size = file.tell()
            file.seek(0)
            columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
            with self.progress(*columns) as progress:
                read = progress.wrap_file(file, size, description=str(path))
                yield Upload(read, digest.hexdigest(), size)


def _console(stream: TextIO) -> Console:
    width = None if stream.isatty() else _WIDE
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False)


def table(rows: Sequence[Any], *columns: str) -> Table:
    """Return rows as a table of some of their members."""
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        kinds = {type(getattr(row, column)) for row in rows}
        drawn.add_column(
            column.replace("_", " "),
            justify="right" if kinds & {int, Decimal} else "left",
            overflow="fold",
        )
    for row in rows:
        drawn.add_row(*(_cell(getattr(row, column)) for column in columns))
    return drawn


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    if str(path) == "-":
        with tempfile.TemporaryFile() as spooled:
            shutil.copyfileobj(sys.stdin.buffer, spooled)
            spooled.seek(0)
            yield spooled
        return
    try:
        file = path.open("rb")
    except OSError as error:
        told = f"{path} cannot be read: {error.strerror}. Nothing was done."
        raise Stopped(Exit.USAGE, told) from error
    with file:
        yield file


def first_line(path: Path) -> str:
    """Return the first line of a file, `-` for stdin: a secret is kept there."""
    with _opened(path) as file:
        return file.readline().decode().rstrip("\r\n")


def secret(options: Options, what: str, *, new: bool = False) -> str:
    """Return a secret: of the file that the options name, of stdin, or asked for at the terminal.

    A new one is asked for twice. Never an argument, because every process can read those.
    """
    if options.password_file is not None:
        return first_line(options.password_file)
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    if options.no_input:
        raise Stopped(Exit.USAGE, f"Give the {what} by --password-file or on stdin.")
    told = getpass.getpass(f"{what.capitalize()}: ", sys.stderr)
    if new and getpass.getpass("Again: ", sys.stderr) != told:
        raise Stopped(Exit.REJECTED, "The two differ. Nothing was changed.")
    return told


def _shared(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> Any:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=annotation)


_AS_JSON = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
_QUIET = Annotated[bool, typer.Option("--quiet", help="Say nothing on stderr but errors.")]
_NO_INPUT = Annotated[bool, typer.Option("--no-input", help="Never ask at the terminal.")]
_PORTAL = Annotated[
    str | None,
    typer.Option(
        "--portal",
        "-p",
        envvar="CURRANT_PORTAL",
        help="The portal to act in; the only one without.",
    ),
]
_LOGIN = Annotated[
    str | None,
    typer.Option("--as", help="Act as this user, whose password is asked for.", metavar="LOGIN"),
]
_PASSWORD_FILE = Annotated[
    Path | None,
    typer.Option(help="Where a password is read from: a file's first line, - for stdin."),
]
_EVERYWHERE = (
    _shared("login", _LOGIN, None),
    _shared("password_file", _PASSWORD_FILE, None),
    _shared("as_json", _AS_JSON, default=False),
    _shared("quiet", _QUIET, default=False),
    _shared("no_input", _NO_INPUT, default=False),
)
_IN_A_PORTAL = (_shared("portal", _PORTAL, None), *_EVERYWHERE)

AsJson = _AS_JSON
Quiet = _QUIET


def command(
    app: typer.Typer, name: str, *, portal: bool = True, negatives: bool = False
) -> Callable[[Work], Work]:
    """Make a command of a function that works in a session; the shared options are added to it.

    `negatives`: an argument may begin with a minus, so that the command itself can refuse it.
    """
    shared = _IN_A_PORTAL if portal else _EVERYWHERE

    def register(work: Work) -> Work:
        own = list(inspect.signature(work).parameters.values())[1:]
        parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own] + [*shared]

        def run_command(**values: Any) -> None:
            options = Options(**{p.name: values.pop(p.name) for p in shared})

            async def in_session() -> None:
                async with opened(options, in_a_portal=portal) as session:
                    await work(session, **values)

            run(in_session(), as_json=options.as_json)

        run_command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run_command.__annotations__ = {p.name: p.annotation for p in parameters}
        run_command.__doc__ = work.__doc__
        app.command(name, context_settings={"ignore_unknown_options": negatives})(run_command)
        return work

    return register


@asynccontextmanager
async def opened(
    options: Options, *, in_a_portal: bool = False, connections: int = 2
) -> AsyncIterator[Session]:
    """Open a session on this installation's database, which is started where it is our own."""
    config = read_settings()
    async with database(config) as urls:
        await refuse_unreachable(urls.runtime)
        await refuse_unfit(urls.runtime)
        async with await open_pool(urls.runtime, size=connections, name="currant cli") as pool:
            door = Door(pool, SystemClock())
            actor = OPERATOR
            if options.login is not None:
                password = secret(options, f"password of {options.login}")
                actor = await door.prove_password(options.login, password)
            portal = options.portal
            if in_a_portal and portal is None:
                portal = await _only_portal(door, actor)
            yield Session(door, actor.at(portal), config, options)


def read_settings() -> Settings:
    """Return the settings, or end with a sentence that names the one at fault."""
    try:
        return settings()
    except ValidationError as error:
        told = "; ".join(
            f"{_variable(str(fault['loc'][0]))} is {fault['input']!r}: {fault['msg']}"
            for fault in error.errors()
        )
        raise Stopped(Exit.USAGE, f"{told}. Nothing was done.") from error


def _variable(setting: str) -> str:
    """Return the environment variable of a setting, which a fault names by its alias if any."""
    prefix = Settings.model_config["env_prefix"] if setting in Settings.model_fields else ""
    return f"{prefix}{setting}".upper()


async def _only_portal(door: Door, actor: Actor) -> str:
    """Return the portal that is meant where there is but one."""
    known = [row.key for row in await door.ask(portals, Nothing(), actor)]
    if len(known) != 1:
        told = (
            f"one of {', '.join(known)}" if known else "there is none yet: `currant portal create`"
        )
        raise Stopped(Exit.USAGE, f"Name the portal with --portal ({told}). Nothing was done.")
    return known[0]


def run(work: Coroutine[Any, Any, None], *, as_json: bool = False) -> None:
    """Run a command's work to its end, and end with the exit code that its outcome has.

    Interrupted or terminated, its transaction is rolled back. `as_json`: a failure is told as
    `{"error": {"kind", "message", "field", "faults": [{"record", "column", "reason"}]}}`; the kind
    is a refusal's, or else the name of the exit code.
    """
    complain = _complain_in_json if as_json else _complain
    log_to_stderr()
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _terminate)
    try:
        uvloop.run(work)
    except Stopped as stopped:
        code = stopped.code
        complain(_Failure(_kind(code), str(stopped)))
    except Refusal as refusal:
        code = EXITS[refusal.kind]
        complain(_Failure(refusal.kind, refusal.message, refusal.field, refusal.faults))
    except (EmbeddedServerError, MigrationError, DatabaseUnfit, OSError) as error:
        code = Exit.FAILURE
        complain(_Failure(_kind(code), str(error)))
    except KeyboardInterrupt:
        code = Exit.INTERRUPTED
        complain(_Failure(_kind(code), "Interrupted. What was not finished was not done."))
    else:
        code = Exit.OK
    raise typer.Exit(code)


def _interrupt(_number: int, _frame: object) -> None:
    """End at once, also where a prompt or a pipe is waited for."""
    raise KeyboardInterrupt


def _terminate(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


class _Failure(msgspec.Struct, frozen=True):
    """Why a command failed."""

    kind: str
    message: str
    field: str | None = None
    faults: tuple[Fault, ...] = ()


def _kind(code: Exit) -> str:
    return code.name.lower()


def _complain(failure: _Failure) -> None:
    """Say why a command failed, and each fault on a line of its own."""
    if failure.message:
        faults = list(map(str, failure.faults))
        listed = "; ".join(faults)
        lines = [failure.message]
        if faults and listed in failure.message:
            before, _, after = failure.message.partition(listed)
            lines = [before.rstrip(), *faults, after.strip(";. ")]
        elif listed.lower() not in failure.message.lower():
            lines += faults
        sys.stderr.write("\n  ".join(filter(None, [f"currant: {lines[0]}", *lines[1:]])) + "\n")


def _complain_in_json(failure: _Failure) -> None:
    sys.stderr.write(wire.encode({"error": failure}).decode() + "\n")


# What a frame holds may be a secret: a token, a password.
_WITHOUT_LOCALS = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)


def log_to_stderr() -> None:
    """Send the log to stderr: for people at a terminal, as JSON lines anywhere else."""
    renderers: list[Any] = [
        structlog.processors.ExceptionRenderer(_WITHOUT_LOCALS),
        structlog.processors.JSONRenderer(),
    ]
    if sys.stderr.isatty():
        plain = structlog.dev.plain_traceback
        renderers = [structlog.dev.ConsoleRenderer(exception_formatter=plain)]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *renderers,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
