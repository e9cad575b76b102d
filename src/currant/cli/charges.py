"""`currant charge` and `currant service`: one-off charges, and services without a meter."""

import re
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from currant.access.verbs import Nothing, show_portal
from currant.charges.model import (
    STANDARD,
    AddCharges,
    CancelCharges,
    Charge,
    ChargesNamed,
    ChargeStatus,
    ChargesWanted,
    NewCharge,
    NewLineItem,
    Provision,
)
from currant.charges.verbs import (
    add_approved_charges,
    add_charges,
    approve_charges,
    cancel_charges,
    charge_items,
    charges,
    provision,
)
from currant.cli.figures import figures
from currant.cli.frame import Session, command, table
from currant.cli.imports import DryRun, Key
from currant.clock import parse_day
from currant.directory.model import CustomerWanted
from currant.directory.verbs import customer_details
from currant.errors import Invalid
from currant.locations.model import UNMETERED
from currant.money import format_money, minor_units, parse_amount

app = typer.Typer(no_args_is_help=True)
services = typer.Typer(no_args_is_help=True)

Numbers = Annotated[list[int], typer.Argument(help="The ids that the list shows.", metavar="ID...")]
Item = Annotated[str, typer.Argument(help="What it is for: `currant charge items`.")]

_PLACES = 9
_LINE = re.compile(
    r"(?P<item>[^=\s]+)=(?P<price>[0-9.]+)(\*(?P<quantity>[0-9.]+))?(:(?P<often>\w+))?"
    r"( +(?P<what>.+))?"
)


class Product(StrEnum):
    """Services that no meter measures."""

    TELCO = "TELCO"
    ISP = "ISP"


@command(app, "add")
async def add(
    session: Session,
    account: Annotated[str, typer.Argument(help="The account that is charged.")],
    item: Item,
    amount: Annotated[str, typer.Argument(help="How much, tax included; of a discount too.")],
    *,
    on: Annotated[
        str | None, typer.Option(help="The day from which it may be invoiced; today without.")
    ] = None,
    group: Annotated[str, typer.Option(help="The group of the item.")] = STANDARD,
    description: Annotated[str, typer.Option(help="What the invoice says of it.")] = "",
    notes: Annotated[str, typer.Option(help="What the invoice does not say.")] = "",
    agreement: Annotated[int | None, typer.Option(help="The agreement that it is for.")] = None,
    site: Annotated[str | None, typer.Option(help="The site that it is for.")] = None,
    approve: Annotated[
        bool, typer.Option("--approve", help="Approve it at once, within your special limit.")
    ] = False,
    dry_run: DryRun = False,
    key: Key = None,
) -> None:
    """Add a one-off charge to an account; once it is approved, the next bill run invoices it."""
    portal = await session.ask(show_portal, Nothing())
    today = session.door.clock.now().astimezone(portal.zone).date()
    charge = NewCharge(
        account=account,
        item_code=item,
        charge_on=today if on is None else parse_day(on),
        amount=parse_amount(amount, places=minor_units(portal.currency)),
        group_code=group,
        description=description,
        notes=notes,
        agreement_id=agreement,
        site_identifier=site,
        approve=approve,
    )
    verb = add_approved_charges if approve else add_charges
    (made,) = await session.act(verb, AddCharges([charge]), key, dry_run=dry_run)
    told = format_money(made.net + made.tax, portal.currency)
    tax = format_money(made.tax, portal.currency)
    session.teller.tell(
        made,
        lambda: f"Charge {made.charge_id} of {told}, with tax of {tax}, is {made.status.lower()}.",
    )
    if dry_run:
        session.teller.note("Nothing was charged: this is what would be.")


@command(app, "approve")
async def approve_them(session: Session, numbers: Numbers, *, key: Key = None) -> None:
    """Approve charges that somebody else added, all or none: name who approves with --as."""
    done = await session.act(approve_charges, ChargesNamed(numbers), key)
    session.teller.tell(done, lambda: f"Approved: {', '.join(map(str, numbers))}.")


@command(app, "cancel")
async def cancel(
    session: Session,
    numbers: Numbers,
    *,
    reason: Annotated[str, typer.Option(help="Why they are not to be invoiced.")],
    key: Key = None,
) -> None:
    """Cancel charges that no invoice has taken yet, all or none."""
    done = await session.act(cancel_charges, CancelCharges(numbers, reason), key)
    session.teller.tell(done, lambda: f"Cancelled: {', '.join(map(str, numbers))}.")


@command(app, "list")
async def list_charges(
    session: Session,
    *,
    account: Annotated[str | None, typer.Option(help="Of this account only.")] = None,
    status: Annotated[
        ChargeStatus | None, typer.Option(case_sensitive=False, help="In this status only.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many are listed.")] = 50,
) -> None:
    """List one-off charges in the order that they were added."""
    found = await session.ask(charges, ChargesWanted(account, status, how_many=limit))
    portal = await session.ask(show_portal, Nothing())
    session.teller.tell(
        found, lambda: _listed(found, portal.currency) if found else "There are none."
    )


@command(app, "items")
async def items(session: Session) -> None:
    """List what may be charged, by group."""
    found = await session.ask(charge_items, Nothing())
    session.teller.rows(
        found, "group_code", "item_code", "description", "tax_code", "credit", "coa"
    )


@command(services, "add")
async def add_service(
    session: Session,
    product: Annotated[Product, typer.Argument(case_sensitive=False, help="What it is.")],
    number: Annotated[str, typer.Argument(help="The number of the service.")],
    *,
    line: Annotated[
        list[str],
        typer.Option(
            help="A line, 1 to 5 of them: an item, its price with tax, maybe how many, ONCE "
            "instead of each month, and what the invoice says: 'ADMIN=59.95 Fast internet', "
            "'CONN=99:ONCE', 'MTRCST=5*2'.",
            metavar="ITEM=PRICE[*QUANTITY][:ONCE] [TEXT]",
        ),
    ],
    account: Annotated[str | None, typer.Option(help="The account that pays.")] = None,
    site: Annotated[
        str | None, typer.Option(help="The site; without --account whoever is supplied there.")
    ] = None,
    start: Annotated[str | None, typer.Option(help="The day it begins; today without.")] = None,
    end: Annotated[str | None, typer.Option(help="Its last day, if that is known.")] = None,
    provider: Annotated[str, typer.Option(help="Who provides it.")] = "",
    months: Annotated[int | None, typer.Option(help="How long the contract binds.")] = None,
    plan: Annotated[str, typer.Option(help="The provider's plan.")] = "",
    dry_run: DryRun = False,
    key: Key = None,
) -> None:
    """Begin a telephone or internet service: what no meter measures, billed with the rest."""
    portal = await session.ask(show_portal, Nothing())
    today = session.door.clock.now().astimezone(portal.zone).date()
    wanted = Provision(
        product,
        number,
        today if start is None else parse_day(start),
        list(map(_line, line)),
        account,
        site,
        provider,
        None if end is None else parse_day(end),
        months,
        plan,
    )
    made = await session.act(provision, wanted, key, dry_run=dry_run)
    session.teller.tell(
        made,
        lambda: (
            f"Service {made.service_number} of account {made.account} is agreement"
            f" {made.agreement_id}, {made.status}."
        ),
    )
    if dry_run:
        session.teller.note("Nothing was provisioned: this is what would be.")


@command(services, "list")
async def list_services(
    session: Session,
    account: Annotated[str, typer.Argument(help="The account that pays.")],
) -> None:
    """List the services of an account that no meter measures, as its agreements tell them."""
    customer = await session.ask(customer_details, CustomerWanted(account))
    found = [one for one in customer.agreements if one.product_type in UNMETERED]
    columns = ("cust_account_id", "product_type", "service_number", "site_identifier", "start_date",
               "end_date", "status", "billed_to_date")  # fmt: skip
    session.teller.tell(found, lambda: table(found, *columns) if found else "There are none.")


class Line(msgspec.Struct, frozen=True):
    """A charge as it is listed."""

    id: int
    account: str
    item: str
    on: str
    amount: str
    tax: str
    status: str
    by: str
    description: str


def _listed(found: Sequence[Charge], currency: str) -> Table:
    lines = [
        Line(
            row.charge_id,
            row.account,
            row.item_code if row.group_code == STANDARD else f"{row.group_code}/{row.item_code}",
            row.charge_on.isoformat(),
            format_money(row.amount, currency),
            format_money(row.tax, currency),
            row.status,
            row.login,
            row.description,
        )
        for row in found
    ]
    columns = Line.__struct_fields__
    return figures(lines, *columns, right=("id", "amount", "tax"), folds=("description",))


def _line(text: str) -> NewLineItem:
    """Read a line of a service. Raises `Invalid`."""
    told = _LINE.fullmatch(text)
    if told is None:
        raise Invalid(f"{text[:40]!r} is not a line such as 'ADMIN=59.95 Internet'.", field="line")
    return NewLineItem(
        told["item"],
        parse_amount(told["price"], places=_PLACES),
        told["what"] or "",
        Decimal(1) if told["quantity"] is None else parse_amount(told["quantity"], places=3),
        frequency=(told["often"] or "MONTHLY").upper(),
    )
