"""`currant import`: customers, locations and meters from a CSV file."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from currant.cli.frame import Session, command
from currant.supply.model import TrinityFile
from currant.supply.verbs import import_trinity, update_trinity

app = typer.Typer()

File = Annotated[
    Path,
    typer.Argument(help="The file, - for stdin."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything and keep nothing.")]
Key = Annotated[
    str | None, typer.Option(help="Repeats with this key are answered as the first was.")
]


class Table(StrEnum):
    """What a file is of."""

    LOCATIONS = "locations"
    METERS = "meters"
    CUSTOMERS = "customers"


@command(app, "import")
async def import_file(
    session: Session,
    file: File,
    *,
    table: Annotated[Table, typer.Option(help="What the file is of.")],
    update: Annotated[
        bool, typer.Option("--update", help="Change what is there; create nothing.")
    ] = False,
    dry_run: DryRun = False,
    key: Key = None,
) -> None:
    """Import a Trinity file, all of it or nothing; every bad record is named."""
    verb = update_trinity if update else import_trinity
    with session.teller.upload(file) as sent:
        wanted = TrinityFile(table.value, sent)
        taken = await session.act(verb, wanted, key, dry_run=dry_run)
    many = "record" if taken.records == 1 else "records"
    were = "was" if taken.records == 1 else "were"
    done = f"{'would be' if dry_run else were} {'updated' if update else 'created'}"
    session.teller.tell(taken, lambda: f"{taken.records} {many} of {table.value} {done}.")
    if taken.header_repaired:
        session.teller.note("The line break after the header was lost, and put back.")
