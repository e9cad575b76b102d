"""`currant import`: customers, locations and meters from a CSV file."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from currant import wire
from currant.cli.frame import Session, command
from currant.locations.model import Keys
from currant.supply.model import TrinityFile, TrinityTaken
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

_MOST_TOLD = 20


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
    done = f"{'would be' if dry_run else 'were'} {'updated' if update else 'created'}"
    lines = [_counted(taken.records, table, done)]
    if not (update or dry_run):
        lines += _named(taken, table)
    session.teller.tell(taken, lambda: "\n".join(lines))
    if taken.header_repaired:
        session.teller.note("The line break after the header was lost, and put back.")


def _counted(records: int, table: Table, done: str) -> str:
    """Say how many records were taken."""
    if records == 1:
        return f"1 record of {table.value} {done.replace('were', 'was')}."
    return f"{records} records of {table.value} {done}."


def _named(taken: TrinityTaken, table: Table) -> Iterator[str]:
    """Say what the first of a file's new locations or customers are called here."""
    if taken.keys is msgspec.UNSET:
        return
    keys = wire.decode(bytes(taken.keys), list[Keys])
    what = "account" if table is Table.CUSTOMERS else "location"
    for key in keys[:_MOST_TOLD]:
        yield f"{key.external_key} is {what} {key.juice_key}."
    if len(keys) > _MOST_TOLD:
        yield f"{len(keys) - _MOST_TOLD} more are listed by --json."
