"""`currant meter`: meters listed, created, exchanged, and asked through their head-ends."""

import asyncio
from datetime import date
from decimal import Decimal
from time import monotonic
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import typer
from rich.table import Table

from currant.access.verbs import Nothing, show_portal
from currant.cli.figures import at_in, figures
from currant.cli.frame import NEWEST, Session, command
from currant.cli.imports import DryRun, Key
from currant.cli.told import ListFile, Text, day, lines, listed, register_reads
from currant.clock import parse_day
from currant.directory.model import SiteMetersWanted, SiteRegister
from currant.directory.verbs import site_registers
from currant.headends.model import AskMeters, Command, MeterRequest, RequestState, RequestsWanted
from currant.headends.verbs import ask_meters, meter_requests
from currant.installations.model import CreateMeters, ExchangeMeter, NewMeter
from currant.installations.verbs import create_meters, exchange_meter
from currant.metering.model import MetersWanted, MeterTold
from currant.metering.verbs import list_meters
from currant.money import kwh, parse_amount
from currant.supply.model import Meter, MeterWanted
from currant.supply.verbs import show_meter

app = typer.Typer(no_args_is_help=True)

Serials = Annotated[list[str], typer.Argument(help="Their serial numbers.", metavar="SERIAL…")]
Wait = Annotated[int, typer.Option(min=0, max=3600, help="Seconds to wait for the answers.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept with the request.")]

Dials = Annotated[int, typer.Option(min=0, max=12, help="Digits at which it rolls over.")]
Opening = Annotated[
    list[str] | None,
    typer.Option(help="What it opens with: 12000, or 2=17 for register 2.", metavar="[N=]VALUE"),
]
Closing = Annotated[
    list[str] | None,
    typer.Option(help="What the old one closes with: 12410, or 2=17.", metavar="[N=]VALUE"),
]

_PLACES = 6
_OPEN = ("PENDING", "SENT")
_LOOK_SECONDS = 0.25


@command(app, "create")
async def create(
    session: Session,
    serial: Annotated[Text, typer.Argument(help="Its serial number.", metavar="SERIAL")] = None,
    *,
    site: Annotated[Text, typer.Option(help="Where it hangs: 4103000012, or L03281")] = None,
    since: Annotated[Text, typer.Option("--from", help="Since this day; today without.")] = None,
    plan: Annotated[Text, typer.Option(help="The price plan it is on.")] = None,
    dials: Dials = 0,
    factor: Annotated[str, typer.Option(help="What its reads are multiplied by.")] = "1",
    opening: Opening = None,
    file: ListFile = None,
    dry_run: DryRun = False,
    key: Key = None,
) -> None:
    """Create a meter of one register and hang it, or the meters of a file with all of theirs."""
    one = None
    if serial is not None:
        meter = NewMeter(
            serial,
            factor=parse_amount(factor, places=_PLACES),
            dials=dials,
            site_identifier=site,
            installed_on=day(since),
            price_plan_code=plan,
            opening_reads=register_reads(opening),
        )
        one = CreateMeters([meter])
    wanted = listed(session, file, CreateMeters, one)
    made = await session.act(create_meters, wanted, key, dry_run=dry_run)
    session.teller.tell(made, lambda: "\n".join(made.serial_numbers))
    for doubt in made.doubted:
        session.teller.note(f"In quarantine: {doubt}.")


@command(app, "list")
async def list_them(
    session: Session,
    site: Annotated[Text, typer.Argument(help="Those of a site: 4103000012, or L03281")] = None,
    *,
    on: Annotated[Text, typer.Option(help="As it was on this day; now without.")] = None,
    removed: Annotated[bool, typer.Option("--removed", help="Those taken down, too.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many of all.")] = 1000,
) -> None:
    """List the meters of a site, a row for each register with its last read, or all by serial."""
    if site is None:
        async with session.door.asking(list_meters, session.actor) as tx:
            every = [meter async for meter in list_meters(tx, MetersWanted(how_many=limit))]
        session.teller.rows(every, "serial_number", "com_type")
        return
    found = await session.ask(site_registers, SiteMetersWanted(site, day(on), removed))
    columns = ("serial_number", "meter_code", "meter_register", "product_type", "unit",
               "meter_status_code", "last_read", "last_read_date", "last_read_type")  # fmt: skip
    session.teller.rows(found, *columns)


@command(app, "show")
async def show(
    session: Session, serial: Annotated[str, typer.Argument(help="Its serial number.")]
) -> None:
    """Show a meter: what it is, where it hangs, whom it supplies, its registers as last read."""
    portal, meter = await session.ask(show_meter, MeterWanted(serial))
    there: list[SiteRegister] = []
    if meter.loc_id is not None:
        there = await session.ask(site_registers, SiteMetersWanted(meter.loc_id))
    registers = [one for one in there if one.serial_number == meter.serial_number]
    shown = MeterShown(meter, registers)
    short = Registers(list(map(Register.of, registers)))
    told = [*lines(meter, portal.zone), *lines(short, portal.zone)]
    session.teller.tell(shown, lambda: "\n".join(told))


class MeterShown(msgspec.Struct, frozen=True):
    """A meter, and its registers where it hangs."""

    meter: Meter
    registers: list[SiteRegister]


class Register(msgspec.Struct, frozen=True):
    """A register in short."""

    register: int
    meter_code: str
    type: str
    unit: str
    last_read: Decimal | None
    last_read_date: date | None
    last_read_type: str | None

    @classmethod
    def of(cls, row: SiteRegister) -> "Register":
        """Return a register in short."""
        return cls(
            row.meter_register,
            row.meter_code,
            row.meter_type_code,
            row.unit,
            row.last_read,
            row.last_read_date,
            row.last_read_type,
        )


class Registers(msgspec.Struct, frozen=True):
    """The registers of a meter."""

    registers: list[Register]


@command(app, "exchange")
async def exchange(
    session: Session,
    serial: Annotated[str, typer.Argument(help="The meter that is taken down.")],
    new_serial: Annotated[str, typer.Argument(help="The new one that hangs there.")],
    *,
    on: Annotated[str, typer.Option(help="From the beginning of this day: 2024-08-01")],
    closing: Closing = None,
    opening: Opening = None,
    dials: Dials = 0,
    dry_run: DryRun = False,
    key: Key = None,
) -> None:
    """Exchange a meter for a new one with the same registers, under the same plan."""
    wanted = ExchangeMeter(
        serial,
        parse_day(on),
        MeterTold(new_serial, dials=dials, registers=[]),
        register_reads(closing),
        register_reads(opening),
    )
    done = await session.act(exchange_meter, wanted, key, dry_run=dry_run)
    told = f"{done.new_serial_number} hangs at {done.site} in place of {done.serial_number}."
    session.teller.tell(done, lambda: told)
    for doubt in done.doubted:
        session.teller.note(f"In quarantine: {doubt}.")


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
