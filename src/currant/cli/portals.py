"""`currant portal`: create, list, alias."""

from typing import Annotated

import typer

from currant.access.model import CreateAlias, CreatePortal
from currant.access.verbs import Nothing, create_alias, create_portal, portals
from currant.cli.frame import Session, command

app = typer.Typer(no_args_is_help=True)


@command(app, "create", portal=False)
async def create(
    session: Session,
    key: Annotated[str, typer.Argument(help="How clients name it: example")],
    *,
    name: Annotated[str, typer.Option(help="The utility's name.")],
    timezone: Annotated[str, typer.Option(help="Its civil time: America/New_York")],
    currency: Annotated[str, typer.Option(help="ISO 4217: USD")],
    vendor: Annotated[str, typer.Option(help="Its own vendor number.")] = "1",
    tz_index: Annotated[int, typer.Option(help="The index that clients know its zone by.")] = 0,
) -> None:
    """Create a portal with its standard chart of accounts."""
    wanted = CreatePortal(key, name, timezone, currency, vendor, tz_index)
    made = await session.act(create_portal, wanted)
    session.teller.tell(made, lambda: f"Portal {made.key} is created.")


@command(app, "list", portal=False)
async def list_portals(session: Session) -> None:
    """List the portals of this installation."""
    session.teller.rows(await session.ask(portals, Nothing()), "key", "portal_id")


@command(app, "alias")
async def alias(
    session: Session,
    alias: Annotated[str, typer.Argument(help="Another spelling of the portal's key.")],
) -> None:
    """Let clients name the portal by another spelling too."""
    made = await session.act(create_alias, CreateAlias(alias))
    session.teller.tell(made, lambda: f"{made.alias} means {session.actor.portal}.")
