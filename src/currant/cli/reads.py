"""`currant reads`: meter reads, and those that were not believed."""

from collections.abc import Sequence
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import typer
from rich.table import Table

from currant.access.verbs import Nothing, show_portal
from currant.cli.figures import clock_time, figures
from currant.cli.frame import NEWEST, Session, command, table
from currant.cli.imports import DryRun, File, Key
from currant.money import kwh
from currant.reads.model import (
    Format,
    OnError,
    QuarantineWanted,
    ReadsRecorded,
    RecordReads,
    Rejected,
    RejectReads,
    Released,
    ReleaseReads,
)
from currant.reads.verbs import quarantine, record_reads, reject_reads, release_reads

app = typer.Typer(no_args_is_help=True)

Ids = Annotated[list[int], typer.Argument(help="Their ids: `currant reads quarantine`.", min=1)]

_KILO = ("kWh", "kWh", "kvarh", "kvarh")


@command(app, "import")
async def import_reads(
    session: Session,
    file: File,
    *,
    source: Annotated[
        str | None, typer.Option(help="The head-end they come from; without it, you typed them.")
    ] = None,
    written: Annotated[
        Format, typer.Option("--format", case_sensitive=False, help="How it is written.")
    ] = Format.CSV,
    watts: Annotated[bool, typer.Option("--watts", help="Active values are Wh, not kWh.")] = False,
    volts: Annotated[
        bool, typer.Option("--volts", help="Reactive values are varh, not kvarh.")
    ] = False,
    on_error: Annotated[
        OnError, typer.Option(help="What a bad record does to the others.")
    ] = OnError.ROLLBACK,
    dry_run: DryRun = False,
    key: Key = None,
) -> None:
    """Record a file of cumulative register reads; drawing them down is the server's work."""
    with session.teller.upload(file) as sent:
        source = source or session.actor.login
        wanted = RecordReads(sent, written, source, watts, volts, on_error)
        recorded = await session.act(record_reads, wanted, key, dry_run=dry_run)
    session.teller.tell(recorded, lambda: _told(recorded, dry_run=dry_run))
    if recorded.rejected and not session.options.as_json:
        session.teller.err.print(table(recorded.rejected, "record", "column", "reason"))
    for warning in recorded.warnings:
        session.teller.note(f"The file was mended to be read: {warning}.")


def _told(recorded: ReadsRecorded, *, dry_run: bool) -> str:
    many, were = ("record", "was") if recorded.parsed == 1 else ("records", "were")
    return (
        f"{recorded.parsed} {many} {'would be' if dry_run else were} taken: "
        f"{recorded.stored} register values stored, {recorded.duplicates} known already, "
        f"{recorded.quarantined} in quarantine."
    )


@command(app, "quarantine")
async def list_quarantine(
    session: Session,
    *,
    serial: Annotated[str | None, typer.Option(help="Of this meter only.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many reads.")] = 50,
) -> None:
    """List the reads that were not believed, newest first.

    NOSITE: no meter had the serial number. BACKWARDS: it shows less than the read before.
    MULTIPLIER: another than that of the read beside it. HIGH: over 100 times the usual usage.
    """
    found = await session.ask(quarantine, QuarantineWanted(NEWEST, limit, serial))
    portal = await session.ask(show_portal, Nothing())
    lines = [
        Suspect(
            read.quarantine_id,
            read.serial_number,
            clock_time(read.read_at, portal.zone),
            read.reason,
            "" if read.before_value is None else f"{kwh(read.before_value):,f}",
            f"{kwh(read.value):,f}",
            _KILO[read.register_no - 1],
        )
        for read in found
    ]
    columns = Suspect.__struct_fields__
    session.teller.tell(
        found,
        lambda: (
            figures(lines, *columns, right=("before", "shows"), folds=("meter",))
            if lines
            else "Nothing is in quarantine."
        ),
    )


@command(app, "release")
async def release(
    session: Session,
    ids: Ids,
    *,
    dry_run: DryRun = False,
    key: Key = None,
) -> None:
    """Believe reads that are in quarantine, all or none; each is stored as an ordinary read.

    A read that stood at the same instant is superseded, and usage and charges follow.
    """
    released = await session.act(release_reads, ReleaseReads(ids), key, dry_run=dry_run)
    portal = await session.ask(show_portal, Nothing())
    session.teller.tell(released, lambda: _decided(released, portal.zone))
    if dry_run:
        session.teller.note("Nothing was released: this is what would be.")


@command(app, "reject")
async def reject(
    session: Session,
    ids: Ids,
    *,
    reason: Annotated[str, typer.Option(help="Why they are wrong.")] = "",
    dry_run: DryRun = False,
    key: Key = None,
) -> None:
    """Dismiss reads that are in quarantine, all or none; they are listed no longer.

    The same read goes with it where it was sent before; sent again later, it is doubted anew.
    """
    rejected = await session.act(reject_reads, RejectReads(ids, reason), key, dry_run=dry_run)
    portal = await session.ask(show_portal, Nothing())
    session.teller.tell(rejected, lambda: _decided(rejected, portal.zone))
    if dry_run:
        session.teller.note("Nothing was rejected: this is what would be.")


def _decided(reads: Sequence[Released | Rejected], zone: ZoneInfo) -> Table:
    lines = [
        Decided(
            read.quarantine_id,
            read.serial_number,
            clock_time(read.read_at, zone),
            f"{kwh(read.value):,f}",
            f"{kwh(read.usage_wh):,f}"
            if isinstance(read, Released) and read.usage_wh is not None
            else "",
            _KILO[read.register_no - 1],
        )
        for read in reads
    ]
    columns = Decided.__struct_fields__
    return figures(lines, *columns, right=("shows", "used"), folds=("meter",))


class Suspect(msgspec.Struct, frozen=True):
    """A read in quarantine as it is listed: what its register showed before, and shows."""

    id: int
    meter: str
    at: str
    reason: str
    before: str
    shows: str
    unit: str


class Decided(msgspec.Struct, frozen=True):
    """A read that was released, with what was used since the read before, or rejected."""

    id: int
    meter: str
    at: str
    shows: str
    used: str
    unit: str
