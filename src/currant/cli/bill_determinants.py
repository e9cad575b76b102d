"""`currant bill determinants`, `currant bill intervals`: what tariffs price, here or in Spark."""

import asyncio
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pyarrow.compute as pc
import typer

from currant.cli.frame import (
    AsJson,
    Exit,
    Options,
    Quiet,
    Session,
    Stopped,
    Teller,
    command,
    opened,
    run,
)
from currant.clock import parse_day
from currant.determinants.folder import DaysWriter, determine_here, write_terms, write_whole
from currant.determinants.model import DaysWanted
from currant.determinants.spark import determine_in_spark
from currant.determinants.verbs import determinants, periods_supplied, register_days
from currant.errors import Invalid
from currant.money import kwh

app = typer.Typer(no_args_is_help=True)

_DEMAND = typer.Option("--demand-minutes", help="What demand is averaged over.")
_FIRST = typer.Option("--from", help="The first day, of each site's own zone.", metavar="DAY")
_LAST = typer.Option("--to", help="The last day, which is in.", metavar="DAY")


class Engine(StrEnum):
    """Where determinants are worked out."""

    EMBEDDED = "embedded"
    SPARK = "spark"


class Determined(msgspec.Struct, frozen=True):
    """What was determined, of how many agreements, and where it was written to."""

    items: int
    intervals: int
    energy_wh: int
    export_wh: int
    peak_w: int
    missing_minutes: int
    out: str


class Written(msgspec.Struct, frozen=True):
    """What was written to a folder of intervals."""

    items: int
    register_days: int
    out: str


@app.command("determinants")
def determinants_command(
    *,
    out: Annotated[Path, typer.Option(help="The Parquet file to write.")],
    intervals: Annotated[
        Path | None,
        typer.Option(help="A folder that `currant bill intervals` wrote, instead of the database."),
    ] = None,
    engine: Annotated[Engine, typer.Option(help="Spark takes a folder.")] = Engine.EMBEDDED,
    master: Annotated[str, typer.Option(help="The master of Spark.")] = "local[*]",
    first: Annotated[str | None, _FIRST] = None,
    last: Annotated[str | None, _LAST] = None,
    demand_minutes: Annotated[int, _DEMAND] = 30,
    portal: Annotated[str | None, typer.Option("--portal", "-p", envvar="CURRANT_PORTAL")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Determine what tariffs price: energy by time of use, the highest demand, days, gaps.

    Of the database between two days, an item an agreement; or of a folder of intervals, in this
    process or in Spark, which give the same to the Wh.
    """
    options = Options(as_json=as_json, quiet=quiet, portal=portal)

    async def work() -> None:
        if intervals is not None:
            if first is not None or last is not None:
                raise Stopped(Exit.USAGE, "A folder has its own days. Nothing was done.")
            told = await asyncio.to_thread(_of_folder, intervals, engine, master)
        elif engine is Engine.SPARK:
            raise Stopped(Exit.USAGE, "Spark takes a folder: name it with --intervals.")
        else:
            wanted = _wanted(first, last, demand_minutes)
            async with opened(options, in_a_portal=True) as session:
                periods = await session.ask(periods_supplied, wanted)
                told = await session.ask(determinants, periods)
        write_whole(told, out)
        _tell(Teller(options), told, out)

    run(work(), as_json=as_json)


@command(app, "intervals")
async def intervals_command(
    session: Session,
    *,
    out: Annotated[Path, typer.Option(help="The folder to make.")],
    first: Annotated[str | None, _FIRST] = None,
    last: Annotated[str | None, _LAST] = None,
    demand_minutes: Annotated[int, _DEMAND] = 30,
) -> None:
    """Write the intervals of all agreements between two days to a folder of Parquet files."""
    periods = await session.ask(periods_supplied, _wanted(first, last, demand_minutes))
    terms = None
    with DaysWriter(out) as writer, session.teller.progress() as progress:
        task = progress.add_task("Register-days", total=None)
        async with session.door.asking(register_days, session.actor) as tx:
            async for terms, days in register_days(tx, periods):  # noqa: B007  # the same each time
                writer.write(days)
                progress.update(task, description=f"Register-days: {writer.rows:,}")
    if terms is None:
        raise Stopped(Exit.FAILURE, "Nothing arrived.")
    write_terms(out, terms)
    told = Written(len(periods.periods), writer.rows, str(out))
    session.teller.tell(
        told,
        lambda: f"{told.register_days:,} register-days of {told.items:,} agreements are in {out}.",
    )


def _of_folder(folder: Path, engine: Engine, master: str) -> Any:
    if engine is Engine.SPARK:
        return determine_in_spark(folder, master)
    return determine_here(folder)


def _wanted(first: str | None, last: str | None, demand_minutes: int) -> DaysWanted:
    days = []
    for text, option in ((first, "--from"), (last, "--to")):
        if text is None:
            raise Stopped(Exit.USAGE, f"Name the days with --from and --to; {option} is missing.")
        days.append(_day(text, option))
    if days[0] > days[1]:
        raise Stopped(Exit.USAGE, "--from is after --to. Nothing was done.")
    return DaysWanted(days[0], days[1], demand_minutes)


def _day(text: str, option: str) -> date:
    try:
        return parse_day(text)
    except Invalid as refusal:
        raise Invalid(f"{option}: {refusal.detail}", field=option) from None


def _tell(teller: Teller, found: Any, out: Path) -> None:
    def total(name: str) -> int:
        return int(pc.sum(found.column(name).combine_chunks().flatten()).as_py() or 0)

    counted, expected = (int(pc.sum(found.column(n)).as_py() or 0) for n in _MINUTES)
    told = Determined(
        found.num_rows,
        int(pc.sum(found.column("intervals")).as_py() or 0),
        total("energy_wh"),
        total("export_wh"),
        int(pc.max(found.column("peak_w").combine_chunks().flatten()).as_py() or 0),
        max(expected - counted, 0),
        str(out),
    )
    teller.tell(
        told,
        lambda: (
            f"{told.items:,} agreements with {told.intervals:,} intervals are determined in {out}: "
            f"{kwh(told.energy_wh):,f} kWh used, {kwh(told.export_wh):,f} kWh exported, "
            f"{kwh(told.peak_w):,f} kW at most; {told.missing_minutes:,} minutes are missing."
        ),
    )


_MINUTES = ("minutes", "expected_minutes")
