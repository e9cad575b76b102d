"""`currant reads`: a file of meter reads."""

from typing import Annotated

import typer

from currant.cli.frame import Session, command, table
from currant.cli.imports import DryRun, File, Key
from currant.reads.model import Format, OnError, ReadsRecorded, RecordReads
from currant.reads.verbs import record_reads

app = typer.Typer()


@command(app, "reads")
async def reads(
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
        if dry_run:
            recorded = await session.rehearse(record_reads, wanted)
        else:
            recorded = await session.act(record_reads, wanted, key)
    session.teller.tell(recorded, lambda: _told(recorded, dry_run=dry_run))
    if recorded.rejected and not session.options.as_json:
        session.teller.err.print(table(recorded.rejected, "record", "column", "reason"))
    for warning in recorded.warnings:
        session.teller.note(f"The file was mended to be read: {warning}.")


def _told(recorded: ReadsRecorded, *, dry_run: bool) -> str:
    return (
        f"{recorded.parsed} records {'would be' if dry_run else 'were'} taken: "
        f"{recorded.stored} register values stored, {recorded.duplicates} known already, "
        f"{recorded.quarantined} in quarantine."
    )
