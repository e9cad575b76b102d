"""`currant nem12` and `nem13`: interval data and register reads as meter data files, in and out."""

import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.progress import TextColumn

from currant.access.verbs import Nothing, show_portal
from currant.basicreads.model import LoadNem13, TellNem13
from currant.basicreads.verbs import load_nem13, tell_nem13
from currant.cli.figures import figures, minute
from currant.cli.frame import NEWEST, Exit, Session, Stopped, command, table
from currant.cli.imports import DryRun, Key
from currant.clock import parse_day
from currant.intervals.model import (
    FaultsWanted,
    FilesWanted,
    Gap,
    GapsWanted,
    Loaded,
    LoadNem12,
    OnboardNem12,
    TellNem12,
)
from currant.intervals.verbs import (
    interval_faults,
    interval_files,
    interval_gaps,
    load_nem12,
    onboard_nem12,
    tell_nem12,
)
from currant.mdff import MARKET_CLOCK
from currant.reads.model import OnError

app = typer.Typer(no_args_is_help=True)
reads = typer.Typer(no_args_is_help=True)

Files = Annotated[
    list[Path], typer.Argument(help="The files, plain or zipped; - for stdin.", min=1)
]
From = Annotated[str, typer.Option("--from", help="The first day, such as 2026-01-31.")]
To = Annotated[str, typer.Option("--to", help="The last day.")]
Site = Annotated[str | None, typer.Option(help="Of the site with this NMI only.")]
Building = Annotated[str | None, typer.Option(help="Of the building with this code only.")]
Clock = Annotated[str, typer.Option(help="The clock of the files' times, as it is from UTC.")]
Out = Annotated[Path | None, typer.Option(help="Where the file is written; stdout without.")]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="How many rows.")]

_UNPLACED = ("line", "reason", "nmi", "serial_number", "datastream", "from_day", "to_day", "days")


@command(app, "import")
async def import_nem12(
    session: Session,
    files: Files,
    *,
    on_error: Annotated[
        OnError, typer.Option(help="Whether days that cannot be placed undo the others of a file.")
    ] = OnError.CONTINUE,
    create: Annotated[
        bool, typer.Option("--create", help="Give known meters the data streams that they lack.")
    ] = False,
    building: Annotated[
        str | None,
        typer.Option(
            help="Make sites, meters and data streams that are missing, in this building."
        ),
    ] = None,
    clock: Clock = MARKET_CLOCK,
    dry_run: DryRun = False,
    key: Key = None,
) -> None:
    """Load NEM12 files, one after the other: nothing of a bad one, and it is the last.

    A later file corrects an earlier one; the same file again stores nothing.
    """
    told = []
    for file in files:
        with session.teller.upload(file) as sent:
            kept = None if key is None or len(files) == 1 else f"{key}/{file.name}"
            if building is None:
                command = LoadNem12(sent, file.name, on_error, create, clock)
                done = await session.act(load_nem12, command, kept or key, dry_run=dry_run)
            else:
                made = OnboardNem12(sent, building, file.name, on_error, clock)
                done = await session.act(onboard_nem12, made, kept or key, dry_run=dry_run)
        told.append(done)
        if not session.options.as_json:
            session.teller.tell(done, lambda: _told(file, done, dry_run=dry_run))  # noqa: B023
            if done.unplaced:
                session.teller.err.print(table(done.unplaced, *_UNPLACED))
    if session.options.as_json:
        session.teller.tell(told, str)


def _told(file: Path, done: Loaded, *, dry_run: bool) -> str:
    made = [
        _counted(count, what)
        for count, what in (
            (done.sites, "site"),
            (done.meters, "meter"),
            (done.streams, "data stream"),
        )
        if count
    ]
    late = f" ({done.late} of them late)" if done.late else ""
    return (
        f"{file}: of {_counted(done.days, 'register-day')} {done.stored}"
        f" {'would be' if dry_run else 'was' if done.stored == 1 else 'were'}"
        f" stored{late}, {done.duplicates} known already, {done.faults} not placed."
        f"{' Made: ' + ', '.join(made) + '.' if made else ''}"
    )


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


@command(app, "export")
async def export_nem12(
    session: Session,
    *,
    from_day: From,
    to_day: To,
    site: Site = None,
    building: Building = None,
    to_participant: Annotated[str, typer.Option(help="For whom the file is.")] = "",
    clock: Clock = MARKET_CLOCK,
    out: Out = None,
) -> None:
    """Write the register-days that count as a NEM12 file."""
    question = TellNem12(
        parse_day(from_day), parse_day(to_day), site, building, to_participant, clock
    )
    async with session.door.asking(tell_nem12, session.actor) as tx:
        await write_out(session, tell_nem12(tx, question), out)


async def write_out(session: Session, pieces: AsyncIterator[bytes], out: Path | None) -> None:
    """Write a file, all of it or none; say how many lines it has where it is not stdout."""
    with tempfile.TemporaryFile() as whole:
        lines = 0
        with session.teller.progress(TextColumn("{task.description}")) as progress:
            task = progress.add_task("Reading")
            async for piece in pieces:
                whole.write(piece)
                lines += piece.count(b"\n")
                progress.update(task, description=f"{lines} lines")
        whole.seek(0)
        if out is None:
            shutil.copyfileobj(whole, sys.stdout.buffer)
            sys.stdout.flush()
            return
        try:
            with out.open("wb") as file:
                shutil.copyfileobj(whole, file)
        except OSError as error:
            raise Stopped(Exit.USAGE, f"{out} cannot be written: {error.strerror}.") from error
        answer = Written(str(out), lines)
        session.teller.tell(answer, lambda: f"{out} has {lines} lines.")


class Written(msgspec.Struct, frozen=True):
    """A file that was written."""

    file: str
    lines: int


@command(reads, "import")
async def import_nem13(
    session: Session,
    files: Files,
    *,
    on_error: Annotated[
        OnError, typer.Option(help="Whether reads that cannot be placed undo the others of a file.")
    ] = OnError.CONTINUE,
    create: Annotated[
        bool, typer.Option("--create", help="Give known meters the data streams that they lack.")
    ] = False,
    clock: Clock = MARKET_CLOCK,
    dry_run: DryRun = False,
    key: Key = None,
) -> None:
    """Load NEM13 files, one after the other: nothing of a bad one, and it is the last."""
    told = []
    for file in files:
        with session.teller.upload(file) as sent:
            kept = None if key is None or len(files) == 1 else f"{key}/{file.name}"
            wanted = LoadNem13(sent, on_error, create, clock)
            done = await session.act(load_nem13, wanted, kept or key, dry_run=dry_run)
        told.append(done)
        if not session.options.as_json:
            line = (
                f"{file}: of {done.reads} reads {done.stored} {'would be' if dry_run else 'were'}"
                f" stored, {done.duplicates} known already, {done.quarantined} in quarantine,"
                f" {done.faults} not placed."
            )
            session.teller.tell(done, lambda: line)  # noqa: B023
            if done.unplaced:
                session.teller.err.print(table(done.unplaced, "record", "column", "reason"))
    if session.options.as_json:
        session.teller.tell(told, str)


@command(reads, "export")
async def export_nem13(
    session: Session,
    *,
    from_day: From,
    to_day: To,
    site: Site = None,
    building: Building = None,
    to_participant: Annotated[str, typer.Option(help="For whom the file is.")] = "",
    clock: Clock = MARKET_CLOCK,
    out: Out = None,
) -> None:
    """Write the reads of basic registers as a NEM13 file, each with the one before it."""
    question = TellNem13(
        parse_day(from_day), parse_day(to_day), site, building, to_participant, clock
    )
    async with session.door.asking(tell_nem13, session.actor) as tx:
        await write_out(session, tell_nem13(tx, question), out)


@command(app, "gaps")
async def list_gaps(
    session: Session,
    *,
    from_day: From,
    to_day: To,
    site: Site = None,
    building: Building = None,
    limit: Limit = 1000,
) -> None:
    """List what registers lack while their meters hung, and what of theirs is not actual.

    MISSING: no data. NONE: intervals of quality N. ESTIMATED: E. SUBSTITUTED: S or F.
    """
    question = GapsWanted(parse_day(from_day), parse_day(to_day), site, building, limit)
    async with session.door.asking(interval_gaps, session.actor) as tx:
        found = [gap async for gap in interval_gaps(tx, question)]
    session.teller.tell(
        found, lambda: table(found, *Gap.__struct_fields__) if found else "Nothing is missing."
    )


@command(app, "files")
async def list_files(session: Session, *, limit: Limit = 50) -> None:
    """List the deliveries of interval data, newest first."""
    found = await session.ask(interval_files, FilesWanted(NEWEST, limit))
    zone = (await session.ask(show_portal, Nothing())).zone
    lines = [
        Line(
            file.file_id, minute(file.loaded_at, zone), file.login, file.source, file.name,
            file.days, file.stored, file.duplicates, file.faults,
        )
        for file in found
    ]  # fmt: skip
    session.teller.tell(found, lambda: _drawn(lines) if lines else "No file was loaded yet.")


def _drawn(lines: Sequence["Line"]) -> object:
    counts = ("days", "stored", "known", "faults")
    return figures(lines, *Line.__struct_fields__, right=counts, folds=("name",))


class Line(msgspec.Struct, frozen=True):
    """A delivery as it is listed."""

    id: int
    at: str
    by: str
    source: str
    name: str
    days: int
    stored: int
    known: int
    faults: int


@command(app, "faults")
async def list_faults(
    session: Session,
    file: Annotated[int, typer.Argument(help="The id of the file: `currant nem12 files`.")],
    *,
    limit: Limit = 1000,
) -> None:
    """List the days of a file that could not be placed.

    NOSITE: no site has the NMI. NOMETER: the meter is not there. NOTOUSITE: it is no interval
    meter. NOMTRSCHED: it lacks the data stream. BADUNIT: another unit. DUPLICATE: told twice.
    """
    found = await session.ask(interval_faults, FaultsWanted(file, limit))
    session.teller.tell(
        found, lambda: table(found, *_UNPLACED) if found else "Every day of it was placed."
    )
