"""`currant location`: what is known of a place of supply, and of how it is connected."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import typer

from currant.access.verbs import Nothing, show_portal
from currant.cli.figures import clock_time
from currant.cli.frame import Session, command
from currant.cli.imports import Key
from currant.locations.model import Connection
from currant.money import parse_amount
from currant.supply.model import DescribeLocation, Location, LocationWanted
from currant.supply.verbs import describe_location, show_location

app = typer.Typer(no_args_is_help=True)

LocId = Annotated[str, typer.Argument(help="The location: L03281", metavar="LOC_ID")]
Text = str | None

_PLACES = 3


@command(app, "show")
async def show(session: Session, loc_id: LocId) -> None:
    """Show a location: its address, its connection, its newest meter and whom that supplies."""
    portal, location = await session.ask(show_location, LocationWanted(loc_id))
    session.teller.tell(location, lambda: "\n".join(_lines(location, portal.zone)))


@command(app, "set")
async def set_connection(
    session: Session,
    loc_id: LocId,
    *,
    substation: Annotated[Text, typer.Option(help="The substation that feeds it.")] = None,
    feeder: Annotated[Text, typer.Option(help="The feeder.")] = None,
    transformer: Annotated[Text, typer.Option(help="The transformer.")] = None,
    module: Annotated[Text, typer.Option(help="The metering module.")] = None,
    socket: Annotated[int | None, typer.Option(help="The socket of the module.")] = None,
    unit: Annotated[Text, typer.Option(help="The unit in the building.")] = None,
    kind: Annotated[Text, typer.Option("--type", help="The type of its meters: ANSI.")] = None,
    form_factor: Annotated[Text, typer.Option(help="The form of its meters: 1S.")] = None,
    wiring: Annotated[Text, typer.Option(help="The wiring: 2W.")] = None,
    voltage: Annotated[Text, typer.Option(help="The voltage: 120V.")] = None,
    current: Annotated[Text, typer.Option(help="The current per phase, in ampere.")] = None,
    kva: Annotated[Text, typer.Option(help="The rating in kVA.")] = None,
    key: Key = None,
) -> None:
    """Say where a location is fed from and how it is connected; the rest stays as it is."""
    told = Connection(
        substation=_told(substation),
        feeder=_told(feeder),
        transformer=_told(transformer),
        module=_told(module),
        socket=msgspec.UNSET if socket is None else socket,
        unit=_told(unit),
        type=_told(kind),
        form_factor=_told(form_factor),
        wiring=_told(wiring),
        voltage=_told(voltage),
        current_per_phase=_figure(current),
        kva=_figure(kva),
    )
    location = await session.act(describe_location, DescribeLocation(loc_id, told), key)
    portal = await session.ask(show_portal, Nothing())
    session.teller.tell(location, lambda: "\n".join(_lines(location, portal.zone)))


def _told(text: Text) -> str | msgspec.UnsetType:
    return msgspec.UNSET if text is None else text


def _figure(text: Text) -> Decimal | msgspec.UnsetType:
    return msgspec.UNSET if text is None else parse_amount(text, places=_PLACES)


def _lines(location: Location, zone: ZoneInfo) -> Iterator[str]:
    """Yield what is known of a location, a member a line."""
    for name in Location.__struct_fields__:
        value = getattr(location, name)
        if value in ("", 0, None):
            continue
        if name.endswith(("_at", "_mod")):
            value = clock_time(value, zone)
        yield f"{name.replace('_', ' '):<20}{value}"
