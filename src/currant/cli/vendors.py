"""`currant vendor`: who sells, the utility itself and the shops that vend for it."""

from typing import Annotated

import typer

from currant.access.model import CreateVendor
from currant.access.verbs import Nothing, create_vendor
from currant.access.verbs import vendors as vendors_of
from currant.cli.frame import Session, command

app = typer.Typer(no_args_is_help=True)


@command(app, "create")
async def create(
    session: Session,
    number: Annotated[str, typer.Argument(help="How users and sales name it: CEC")],
    *,
    name: Annotated[str, typer.Option(help="The vendor's name.")],
    external: Annotated[bool, typer.Option("--external", help="It is a shop outside.")] = False,
) -> None:
    """Create a vendor, whose number its users are then given."""
    made = await session.act(create_vendor, CreateVendor(number, name, external))
    session.teller.tell(made, lambda: f"Vendor {made.vendor_number} is created.")


@command(app, "list")
async def list_vendors(session: Session) -> None:
    """List the vendors of the portal."""
    rows = await session.ask(vendors_of, Nothing())
    session.teller.rows(rows, "vendor_number", "name", "external")
