"""`currant meter`: meters asked through their head-ends, and what came back."""

import asyncio
from time import monotonic
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import typer
from rich.table import Table

from currant.access.verbs import Nothing, show_portal
from currant.cli.figures import at_in, figures
from currant.cli.frame import NEWEST, Session, command
from currant.cli.imports import Key
from currant.headends.model import AskMeters, Command, MeterRequest, RequestState, RequestsWanted
from currant.headends.verbs import ask_meters, meter_requests
from currant.money import kwh

app = typer.Typer(no_args_is_help=True)

Serials = Annotated[list[str], typer.Argument(help="Their serial numbers.", metavar="SERIAL…")]
Wait = Annotated[int, typer.Option(min=0, max=3600, help="Seconds to wait for the answers.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept with the request.")]

_OPEN = ("PENDING", "SENT")
_LOOK_SECONDS = 0.25


@command(app, "read")
async def read(session: Session, serials: Serials, *, wait: Wait = 0, key: Key = None) -> None:
    """Ask meters what their register stands at; the read is recorded when it comes."""
    await _ask(session, AskMeters(Command.READ, serials), wait, key)


@command(app, "status")
async def status(session: Session, serials: Serials, *, wait: Wait = 0, key: Key = None) -> None:
    """Ask meters whether they are connected."""
    await _ask(session, AskMeters(Command.STATUS, serials), wait, key)


@command(app, "connect")
async def connect(
    session: Session, serials: Serials, *, reason: Reason, wait: Wait = 0, key: Key = None
) -> None:
    """Connect meters; a disconnection that waits to be sent is withdrawn."""
    await _ask(session, AskMeters(Command.CONNECT, serials, reason), wait, key)


@command(app, "disconnect")
async def disconnect(
    session: Session, serials: Serials, *, reason: Reason, wait: Wait = 0, key: Key = None
) -> None:
    """Disconnect meters, whatever their wallets hold; the next payment connects them again."""
    await _ask(session, AskMeters(Command.DISCONNECT, serials, reason), wait, key)


@command(app, "requests")
async def list_requests(
    session: Session,
    *,
    serial: Annotated[str | None, typer.Option(help="To this meter only.")] = None,
    state: Annotated[
        RequestState | None, typer.Option(case_sensitive=False, help="In this state only.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many requests.")] = 50,
) -> None:
    """List what was asked of meters and what came back, newest first.

    PENDING waits to be sent, SENT for its answer; then it is DONE, FAILED, TIMED_OUT or WITHDRAWN.
    """
    found = await session.ask(meter_requests, RequestsWanted(NEWEST, limit, serial, state))
    await _tell(session, found, "Nothing was asked of meters.")


async def _ask(session: Session, wanted: AskMeters, wait: int, key: str | None) -> None:
    """Ask meters, wait for their answers where that is wanted, and tell how it stands."""
    rows = await session.act(ask_meters, wanted, key)
    until = monotonic() + wait
    names = [row.request_id for row in rows]
    asked = RequestsWanted(NEWEST, len(names), request_ids=names)
    while any(row.state in _OPEN for row in rows) and monotonic() < until:
        await asyncio.sleep(_LOOK_SECONDS)
        rows = await session.ask(meter_requests, asked)
    place = {name: n for n, name in enumerate(names)}
    await _tell(session, sorted(rows, key=lambda row: place[row.request_id]))
    waiting = sum(row.state in _OPEN for row in rows)
    if wait and waiting:
        session.teller.note(f"{waiting} not answered yet: `currant meter requests`.")


async def _tell(session: Session, rows: list[MeterRequest], nothing: str = "") -> None:
    portal = await session.ask(show_portal, Nothing())
    session.teller.tell(rows, lambda: _drawn(rows, portal.zone) if rows else nothing)


def _drawn(rows: list[MeterRequest], zone: ZoneInfo) -> Table:
    lines = [Line.of(row, zone) for row in rows]
    at = at_in(zone, (row.requested_at for row in rows))
    columns = Line.__struct_fields__
    return figures(lines, *columns, right=("kwh",), folds=("told", "why"), at=at)


class Line(msgspec.Struct, frozen=True):
    """A request as it is listed: what was told, who asked why, and why it waits."""

    at: str
    meter: str
    command: str
    state: str
    kwh: str
    told: str
    why: str

    @classmethod
    def of(cls, row: MeterRequest, zone: ZoneInfo) -> "Line":
        """Return how a request is listed, its time told in the portal's zone."""
        code = str(row.error_code) if row.error_code else ""
        doubt = "in quarantine" if row.quarantined else ""
        told = (row.meter_state, doubt, code, row.error_msg)
        asked = f"{row.login}: {row.reason}" if row.reason else row.login
        return cls(
            row.requested_at.astimezone(zone).strftime("%m-%d %H:%M"),
            row.serial_number,
            row.command,
            row.state,
            "" if row.read_wh is None else f"{kwh(row.read_wh):,f}",
            " ".join(filter(None, told)),
            "; ".join(filter(None, (asked, row.note))),
        )
