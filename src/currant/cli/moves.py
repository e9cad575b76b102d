"""`currant move`: customers who move in, and out."""

from collections.abc import Iterator, Sequence
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from currant.access.verbs import Nothing, show_portal
from currant.cli.frame import Exit, Session, Stopped, command
from currant.cli.imports import DryRun, Key
from currant.cli.told import ListFile, Reads, Text, lines, listed, meter_reads, told
from currant.clock import parse_day
from currant.customers.model import AddressTold
from currant.moves.model import (
    ALL,
    MovedIn,
    MovedOut,
    MoveIn,
    MoveInTold,
    MoveOut,
    MoveOutTold,
    StayOn,
)
from currant.moves.verbs import move_in, move_out, stay_on

app = typer.Typer(no_args_is_help=True)

On = Annotated[Text, typer.Option("--on", help="The day: 2024-06-21")]


@command(app, "in")
async def come(
    session: Session,
    account: Annotated[Text, typer.Argument(help="Who: an account, 03280")] = None,
    site: Annotated[Text, typer.Argument(help="Where: 4103000012, or L03281")] = None,
    *,
    on: On = None,
    plan: Annotated[Text, typer.Option(help="The price plan; the building's without.")] = None,
    reads: Reads = None,
    file: ListFile = None,
    dry_run: DryRun = False,
    key: Key = None,
) -> None:
    """Move an account in at the beginning of a day, or who is in a file."""
    one = None
    if account is not None:
        where, day = _both(site, on)
        move = MoveInTold(
            where, parse_day(day), account, price_plan_code=plan, opening_reads=meter_reads(reads)
        )
        one = MoveIn([move])
    wanted = listed(session, file, MoveIn, one)
    done = await session.act(move_in, wanted, key, dry_run=dry_run)
    portal = await session.ask(show_portal, Nothing())
    session.teller.tell(done, lambda: "\n".join(_all(done, portal.zone)))


@command(app, "out")
async def leave(
    session: Session,
    account: Annotated[Text, typer.Argument(help="Who: an account, 03280")] = None,
    site: Annotated[Text, typer.Argument(help="Where: 4103000012; ALL is everywhere.")] = None,
    *,
    on: On = None,
    address: Annotated[
        Text, typer.Option(help="Where letters go: the street, the suburb, the postcode.")
    ] = None,
    email: Annotated[Text, typer.Option(help="Where e-mail goes from now on.")] = None,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    reads: Reads = None,
    file: ListFile = None,
    dry_run: DryRun = False,
    key: Key = None,
) -> None:
    """Move an account out at the end of a day, or who is in a file."""
    one = None
    if account is not None:
        where, day = _both(site, on)
        move = MoveOutTold(
            account,
            where,
            parse_day(day),
            _address(address),
            told(email),
            closing_reads=meter_reads(reads),
            reason=reason,
        )
        one = MoveOut([move])
    wanted = listed(session, file, MoveOut, one)
    done = await session.act(move_out, wanted, key, dry_run=dry_run)
    portal = await session.ask(show_portal, Nothing())
    session.teller.tell(done, lambda: "\n".join(_all(done, portal.zone)))


@command(app, "stay")
async def stay(
    session: Session,
    account: Annotated[str, typer.Argument(help="Who: an account, 03280")],
    site: Annotated[str, typer.Argument(help="Where; everywhere without.")] = ALL,
    *,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    key: Key = None,
) -> None:
    """Take back a move out that has not come yet."""
    done = await session.act(stay_on, StayOn(account, site, reason), key)
    portal = await session.ask(show_portal, Nothing())
    session.teller.tell(done, lambda: "\n".join(lines(done, portal.zone)))


def _both(site: Text, on: Text) -> tuple[str, str]:
    if site is None or on is None:
        raise Stopped(Exit.USAGE, "Name the site, and the day with --on. Nothing was done.")
    return site, on


def _address(text: Text) -> AddressTold | None:
    """Read an address of lines with commas between them."""
    if text is None:
        return None
    line, suburb, postcode, *_ = [*map(str.strip, text.split(",")), "", ""]
    return AddressTold(line, suburb=suburb, postcode=postcode)


def _all(done: Sequence[MovedIn | MovedOut], zone: ZoneInfo) -> Iterator[str]:
    for n, one in enumerate(done):
        if n:
            yield ""
        yield from lines(one, zone)
