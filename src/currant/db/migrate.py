"""Install the schema and bring it forward.

A new database gets the `schema.sql` of every domain, lowest first, in one transaction; a database
that is there gets the numbered files of `migrations/` it lacks, each in a transaction of its own
under a lock, with time limits, and its checksum is kept.
"""

import hashlib
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import asyncpg
import msgspec

DOMAINS = (
    "db",
    "access",
    "audit",
    "ledger",
    "notices",
    "locations",
    "customers",
    "activities",
    "metering",
    "reads",
    "basicreads",
    "intervals",
    "tariffs",
    "validation",
    "estimation",
    "determinants",
    "usage",
    "headends",
    "receivables",
    "adjustments",
    "prepayment",
    "receipts",
    "drawdown",
    "batches",
    "vending",
    "transactions",
    "charges",
    "fieldwork",
    "installations",
    "documents",
    "invoices",
    "plans",
    "billing",
    "runs",
    "debtors",
    "supply",
    "directory",
    "moves",
    "reports",
)
ROLES = ("currant_owner", "currant_runtime", "currant_reader")

_FILE = re.compile(r"^(\d{4})_([a-z0-9_]+)\.sql$")
# What a semicolon may stand in without ending a statement, a semicolon that does, and the rest.
_PIECE = re.compile(
    r"""--[^\n]*|/\*.*?\*/|'[^']*'|"[^"]*"|\$(\w*)\$.*?\$\1\$|;|[^-/'"$;]+|.""", re.DOTALL
)
_LOCK = 5_067_261
_LIMITS = "set local lock_timeout = '5s'; set local statement_timeout = '60s';"


class MigrationError(Exception):
    """The schema could not be installed or brought forward; nothing of the step was kept."""


class Migration(msgspec.Struct, frozen=True):
    """One numbered file: number 0 is the baseline, the schema of a new database."""

    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def baseline() -> Migration:
    """Return the schema of a new database: every domain's `schema.sql`, lowest first."""
    texts = []
    for domain in DOMAINS:
        source = resources.files(f"currant.{domain}").joinpath("schema.sql")
        if source.is_file():
            texts.append(source.read_text(encoding="utf-8"))
    return Migration(0, "baseline", "\n".join(texts))


def forward(folder: Path | None = None) -> list[Migration]:
    """Return the migrations of a folder in order (default: the product's own)."""
    here = Path(__file__).parent
    places = [folder] if folder else [here / "migrations", here.parents[2] / "migrations"]
    place = next((p for p in places if p.is_dir()), None)
    found: list[Migration] = []
    for path in sorted(place.glob("*.sql")) if place else []:
        match = _FILE.match(path.name)
        if match is None:
            raise MigrationError(f"{path.name} is not named NNNN_what_it_does.sql.")
        if found and found[-1].number == int(match[1]):
            raise MigrationError(
                f"{path.name} has the number of {found[-1].name}. Give it another."
            )
        found.append(Migration(int(match[1]), match[2], path.read_text(encoding="utf-8")))
    return found


async def migrate(owner_url: str, folder: Path | None = None) -> list[str]:
    """Bring a database to this version and return the names of the steps taken.

    Raises `MigrationError` naming the step that failed and why; that step leaves no trace.
    """
    connection = await asyncpg.connect(owner_url)
    try:
        await connection.execute("select pg_advisory_lock($1)", _LOCK)
        return await _take_steps(connection, forward(folder))
    finally:
        await connection.close()


async def pending(url: str, folder: Path | None = None) -> list[str]:
    """Return the names of the steps that a database still lacks."""
    connection = await asyncpg.connect(url)
    try:
        steps = [baseline(), *forward(folder)]
        applied = await _applied(connection)
        return [step.name for step in steps if step.number not in applied]
    finally:
        await connection.close()


async def _applied(connection: "asyncpg.Connection[asyncpg.Record]") -> dict[int, str]:
    if await connection.fetchval("select to_regclass('db.migration')") is None:
        return {}
    rows = await connection.fetch("select number, checksum from db.migration")
    return {row["number"]: row["checksum"] for row in rows}


async def _take_steps(
    connection: "asyncpg.Connection[asyncpg.Record]", migrations: list[Migration]
) -> list[str]:
    applied = await _applied(connection)
    steps = [baseline(), *migrations]
    for step in steps:
        if step.number in applied and step.number and applied[step.number] != step.checksum:
            raise MigrationError(
                f"Migration {step.number:04} ({step.name}) was changed after this database took "
                "it. Nothing was done. Restore the file and write a new migration instead."
            )
    taken = []
    for step in steps:
        if step.number in applied:
            continue
        if applied and step.number < max(applied):
            raise MigrationError(
                f"Migration {step.number:04} ({step.name}) is older than what this database has. "
                "Nothing was done. Give it a number after the newest."
            )
        await _take(connection, step)
        applied[step.number] = step.checksum
        taken.append(step.name)
    return taken


async def _take(connection: "asyncpg.Connection[asyncpg.Record]", step: Migration) -> None:
    """Take one step: all its statements and the record of it, or nothing."""
    line, statement = 1, ""
    try:
        async with connection.transaction():
            await connection.execute(_LIMITS)
            for line, statement in _statements(step.text):  # noqa: B007  # told if one fails
                await connection.execute(statement)
            await connection.execute(
                "insert into db.migration (number, name, checksum) values ($1, $2, $3)",
                step.number,
                step.name,
                step.checksum,
            )
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        told, advice = " ".join(str(error).split()).removesuffix("."), ""
        if isinstance(error, asyncpg.LockNotAvailableError):
            advice = " Another session holds the table: retry when it is idle, or end it."
        raise MigrationError(
            f"Migration {step.number:04} ({step.name}) failed in line {line}: {told}. "
            f"Nothing of it was kept.{advice}\n{statement[:500]}"
        ) from error


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Cut a script into its statements, each with the line it begins in.

    Bodies of functions are quoted with dollars, as everywhere here; `begin atomic` is not known.
    """
    start = 0
    for piece in _PIECE.finditer(text):
        if piece[0] == ";":
            yield from _statement(text, start, piece.end())
            start = piece.end()
    yield from _statement(text, start, len(text))


def _statement(text: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    """Answer a stretch of a script without the blanks and comments before it, if more is there."""
    for piece in _PIECE.finditer(text, start, end):
        code = piece[0].lstrip()
        if code and not piece[0].startswith(("--", "/*")):
            begin = piece.end() - len(code)
            yield text.count("\n", 0, begin) + 1, text[begin:end]
            return
