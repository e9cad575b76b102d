"""`currant workorder`: what somebody is to do at a site, and what became of it."""

from enum import StrEnum
from typing import Annotated

import typer

from currant.access.verbs import Nothing, show_portal
from currant.cli.frame import Session, command
from currant.cli.imports import DryRun, Key
from currant.cli.told import ListFile, Reads, Text, day, lines, listed, meter_reads, told
from currant.fieldwork.model import (
    UNSET,
    CreateOrders,
    NewOrder,
    OrderChange,
    OrdersWanted,
    UpdateOrders,
)
from currant.fieldwork.verbs import create_orders, list_orders, update_orders

app = typer.Typer(no_args_is_help=True)

Order = Annotated[int, typer.Argument(help="The work order.", metavar="ORDER")]


class Kind(StrEnum):
    """What is to be done."""

    CONNECT = "CONNECT"
    DISCONNECT = "DISCONNECT"
    SPECIAL_READ = "SPECIAL_READ"
    FINAL_READ = "FINAL_READ"
    METER_INVESTIGATION = "METER_INVESTIGATION"
    METER_EXCHANGE = "METER_EXCHANGE"
    OTHER = "OTHER"


class Status(StrEnum):
    """How far a work order is."""

    NEW = "NEW"
    SCHEDULED = "SCHEDULED"
    SENT = "SENT"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETE = "COMPLETE"
    CANCELLED = "CANCELLED"


@command(app, "create")
async def create(
    session: Session,
    kind: Annotated[
        Kind | None, typer.Argument(help="What is to be done.", case_sensitive=False)
    ] = None,
    site: Annotated[Text, typer.Argument(help="Where: 4103000012, or L03281")] = None,
    *,
    account: Annotated[Text, typer.Option(help="For which account.")] = None,
    meter: Annotated[Text, typer.Option(help="At which meter of the site.")] = None,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    on: Annotated[Text, typer.Option(help="Preferably on this day.")] = None,
    instructions: Annotated[str, typer.Option(help="What to mind there.")] = "",
    file: ListFile = None,
    dry_run: DryRun = False,
    key: Key = None,
) -> None:
    """Order work at a site, or the work of a file."""
    one = None
    if kind is not None:
        order = NewOrder(
            kind.value,
            site or "",
            account,
            meter,
            reason,
            day(on),
            instructions=instructions,
        )
        one = CreateOrders([order])
    wanted = listed(session, file, CreateOrders, one)
    made = await session.act(create_orders, wanted, key, dry_run=dry_run)
    session.teller.rows(made, "work_order_id", "status")


@command(app, "list")
async def orders(
    session: Session,
    *,
    account: Annotated[Text, typer.Option(help="For this account.")] = None,
    site: Annotated[Text, typer.Option(help="At this site.")] = None,
    building: Annotated[Text, typer.Option(help="In this building.")] = None,
    status: Annotated[
        Status | None, typer.Option(help="With this status.", case_sensitive=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many.")] = 200,
) -> None:
    """List work orders."""
    state = None if status is None else status.value
    wanted = OrdersWanted(None, account, site, building, state, how_many=limit)
    async with session.door.asking(list_orders, session.actor) as tx:
        found = [order async for order in list_orders(tx, wanted)]
    columns = ("work_order_id", "work_order_type", "status", "site_identifier", "account_number")
    session.teller.rows(found, *columns, "preferred_date", "completed_date")


@command(app, "show")
async def show(session: Session, order: Order) -> None:
    """Show a work order with its reads and its history."""
    async with session.door.asking(list_orders, session.actor) as tx:
        found = [one async for one in list_orders(tx, OrdersWanted(order))]
    zone = (await session.ask(show_portal, Nothing())).zone
    session.teller.tell(
        found, lambda: "\n".join(line for one in found for line in lines(one, zone))
    )


@command(app, "update")
async def update(
    session: Session,
    order: Order,
    *,
    status: Annotated[
        Status | None, typer.Option(help="How far it is now.", case_sensitive=False)
    ] = None,
    scheduled: Annotated[Text, typer.Option(help="It is to be done on this day.")] = None,
    completed: Annotated[Text, typer.Option(help="It was done on this day; today without.")] = None,
    assigned_to: Annotated[Text, typer.Option(help="Who does it.")] = None,
    note: Annotated[str, typer.Option(help="What its history says.")] = "",
    reads: Reads = None,
    dry_run: DryRun = False,
    key: Key = None,
) -> None:
    """Say how far a work order is; complete, it does to the site what it is for."""
    change = OrderChange(
        order,
        status=UNSET if status is None else status.value,
        scheduled_date=UNSET if scheduled is None else day(scheduled),
        completed_date=day(completed) or UNSET,
        assigned_to=told(assigned_to),
        note=note,
        reads=meter_reads(reads),
    )
    done = await session.act(update_orders, UpdateOrders([change]), key, dry_run=dry_run)
    session.teller.rows(done, "work_order_id", "status", "site_status", "reads_created")
