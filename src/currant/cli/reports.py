"""`currant report`: the catalogue of reports, and their runs."""

import sys
from decimal import Decimal
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table

from currant.access.verbs import Nothing
from currant.cli.figures import figures
from currant.cli.frame import Exit, Session, Stopped, command
from currant.reports.catalogue import columns_of, question_of
from currant.reports.model import ReportRow, ReportShown, ReportWanted
from currant.reports.telling import as_csv, cell
from currant.reports.verbs import reports, run_report

app = typer.Typer(no_args_is_help=True)


class Listed(msgspec.Struct, frozen=True):
    """A report as it is listed; a filter that it must have is marked by an asterisk."""

    id: int
    name: str
    group: str
    permitted: str
    filters: str

    @classmethod
    def of(cls, report: ReportShown) -> "Listed":
        """Return how a report is listed."""
        named = [f"{one.filter}{'*' if one.mandatory else ''}" for one in report.filters]
        permitted = "yes" if report.permitted else "no"
        name, group = report.report_name, report.report_group
        return cls(report.report_id, name, group, permitted, " ".join(named))


@command(app, "list")
async def list_all(session: Session) -> None:
    """List the reports with their filters; those with an asterisk are needed."""
    found = await session.ask(reports, Nothing())
    listed = [Listed.of(report) for report in found]
    columns = Listed.__struct_fields__
    session.teller.tell(
        found, lambda: figures(listed, *columns, right=("id",), folds=("name", "filters"))
    )


@command(app, "run")
async def run(
    session: Session,
    report_id: Annotated[int, typer.Argument(help="Which: `currant report list`.", metavar="ID")],
    *,
    filters: Annotated[
        list[str] | None,
        typer.Option("--filter", help="Such as START_DATE=2026-07-01.", metavar="NAME=VALUE"),
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Write all of it to stdout as CSV.")] = False,
    limit: Annotated[
        int, typer.Option(min=1, max=100_000, help="How many rows are listed; CSV has all.")
    ] = 500,
) -> None:
    """Run a report over what its filters name; what is left out is all."""
    wanted = question_of(report_id, _told(filters or []))
    if csv:
        async with session.door.asking(run_report, session.actor) as tx:
            async for block in as_csv(columns_of(wanted), run_report(tx, wanted)):
                sys.stdout.buffer.write(block)
        sys.stdout.buffer.flush()
        return
    rows: list[ReportRow] = []
    count = 0
    async with session.door.asking(run_report, session.actor) as tx:
        async for row in run_report(tx, wanted):
            count += 1
            if count <= limit:
                rows.append(row)
    session.teller.tell(rows, lambda: _table(wanted, rows))
    of_all = f"{limit} of {count}" if count > limit else f"{count}"
    session.teller.note(f"{of_all} row{'' if count == 1 else 's'}.")


def _told(filters: list[str]) -> dict[str, str]:
    """Read filters that are written NAME=VALUE."""
    told: dict[str, str] = {}
    for text in filters:
        name, written, value = text.partition("=")
        name = name.strip().upper()
        if not written or not name:
            raise Stopped(Exit.USAGE, f"--filter {text!r} is not written NAME=VALUE.")
        if name in told:
            raise Stopped(Exit.USAGE, f"--filter {name} stands twice.")
        told[name] = value
    return told


def _table(wanted: ReportWanted, rows: list[ReportRow]) -> Table:
    """Return rows as a table whose columns are those of the report; numbers to the right."""
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    cells: list[tuple[Any, ...]] = [msgspec.structs.astuple(row) for row in rows]
    for place, column in enumerate(columns_of(wanted)):
        numbers = any(isinstance(row[place], int | Decimal) for row in cells)
        drawn.add_column(column, justify="right" if numbers else "left", overflow="fold")
    for row in cells:
        drawn.add_row(*map(cell, row))
    return drawn
