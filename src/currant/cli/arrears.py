"""`currant arrears`: what accounts owe from before, its write-off, its plans and its types."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import typer
from rich.table import Table

from currant.access.verbs import Nothing, show_portal
from currant.cli.figures import figures
from currant.cli.frame import Exit, Session, Stopped, command
from currant.cli.imports import DryRun, Key
from currant.clock import day_bounds, parse_day, parse_instant
from currant.errors import Invalid
from currant.money import format_money, parse_amount
from currant.receivables.model import (
    Arrears,
    ArrearsOfAccount,
    ArrearsTypesWanted,
    ChangePlan,
    CreateArrearsType,
    Owed,
    OwedWanted,
    PlanChange,
    RetireArrearsType,
    WriteOff,
    WriteOffItem,
    WrittenOff,
)
from currant.receivables.records import plan_of
from currant.receivables.verbs import (
    arrears_of_account,
    arrears_types,
    change_plan,
    create_arrears_type,
    owed_arrears,
    retire_arrears_type,
    write_off,
)

app = typer.Typer(no_args_is_help=True)

Items = Annotated[list[int], typer.Argument(help="The ids that the list shows.", metavar="ITEM...")]

_PLACES = 3  # As many as any currency has; the portal's own number is checked by the verb.
_AT_ONCE = "now"
_FIGURES = ("amount", "paid", "outstanding")


@command(app, "list")
async def list_arrears(
    session: Session,
    account: Annotated[
        str | None, typer.Argument(help="A customer account; whoever owes anything without one.")
    ] = None,
    *,
    limit: Annotated[int, typer.Option(min=1, help="How many accounts are listed.")] = 50,
) -> None:
    """List the arrears of an account, the newest first, or the accounts that owe any."""
    portal = await session.ask(show_portal, Nothing())
    if account is None:
        await _list_owed(session, limit, portal.currency)
        return
    found = await session.ask(arrears_of_account, ArrearsOfAccount(account, details=True))
    session.teller.tell(
        found.arrears,
        lambda: (
            _drawn(found.arrears, portal.zone, portal.currency)
            if found.arrears
            else f"{account} has no arrears."
        ),
    )


@command(app, "write-off")
async def write_arrears_off(
    session: Session,
    items: Items,
    *,
    note: Annotated[str, typer.Option(help="Why, as the books keep it.")],
    amount: Annotated[
        str | None, typer.Option(help="How much of one item; all that is owed without it.")
    ] = None,
    dry_run: DryRun = False,
    key: Key = None,
) -> None:
    """Write arrears off, all of them or none."""
    if amount is not None and len(items) != 1:
        raise Stopped(Exit.USAGE, "An --amount is of one ITEM. Nothing was done.")
    part = None if amount is None else parse_amount(amount, places=_PLACES)
    wanted = WriteOff([WriteOffItem(item, part) for item in items], note)
    written = await session.act(write_off, wanted, key, dry_run=dry_run)
    portal = await session.ask(show_portal, Nothing())
    session.teller.tell(written, lambda: _written(written, portal.currency))
    if dry_run:
        session.teller.note("Nothing was written off: this is what would be.")


@command(app, "plan")
async def plan(
    session: Session,
    item: Annotated[int, typer.Argument(help="The id that the list shows.")],
    percentage: Annotated[
        str | None,
        typer.Argument(help="What of each tender recovers it: 25%.", metavar="PLAN"),
    ] = None,
    *,
    start: Annotated[
        str | None,
        typer.Option(help="From when: a day, a timestamp, or `now` for at once."),
    ] = None,
    key: Key = None,
) -> None:
    """Change the percentage of each tender that recovers an arrears, when that begins, or both."""
    portal = await session.ask(show_portal, Nothing())
    change = PlanChange(
        msgspec.UNSET if percentage is None else _plan(percentage),
        msgspec.UNSET if start is None else _start(start, portal.zone),
    )
    changed = await session.act(change_plan, ChangePlan(item, change), key)
    session.teller.tell(changed, lambda: _drawn([changed], portal.zone, portal.currency))


@command(app, "types")
async def types(session: Session) -> None:
    """List the types of arrears: the portal's own, and those that every portal has (%)."""
    listed = await session.ask(arrears_types, ArrearsTypesWanted())
    session.teller.rows(listed.types, "name", "coa", "portal", "description", "selectable")


@command(app, "create-type")
async def create_type(
    session: Session,
    name: Annotated[str, typer.Argument(help="The new type.")],
    *,
    coa: Annotated[str, typer.Option(help="The COA that is credited when one is issued.")],
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    key: Key = None,
) -> None:
    """Create a type of arrears of the portal's own."""
    made = await session.act(create_arrears_type, CreateArrearsType(name, coa, description), key)
    session.teller.tell(made, lambda: f"The type {made.name} stands for COA {made.coa}.")


@command(app, "retire-type")
async def retire_type(
    session: Session,
    name: Annotated[str, typer.Argument(help="A type of the portal's own.")],
    *,
    key: Key = None,
) -> None:
    """Retire a type of arrears; what was issued as it stays as it is."""
    retired = await session.act(retire_arrears_type, RetireArrearsType(name), key)
    session.teller.tell(retired, lambda: f"The type {retired.name} is issued no more.")


class Line(msgspec.Struct, frozen=True):
    """An arrears as it is listed; blank from when it is recovered at once."""

    item: int
    type: str
    coa: str
    issued: str
    start: str
    plan: str
    amount: str
    paid: str
    outstanding: str


class AccountLine(msgspec.Struct, frozen=True):
    """What an account owes as it is listed."""

    account: str
    outstanding: str


class WrittenLine(msgspec.Struct, frozen=True):
    """A write-off as it is listed, with its entry in the ledger."""

    item: int
    account: str
    entry: int
    amount: str
    outstanding: str


async def _list_owed(session: Session, limit: int, currency: str) -> None:
    """List the accounts that owe anything, and say if there are more."""
    async with session.door.asking(owed_arrears, session.actor) as tx:
        found = [owed async for owed in owed_arrears(tx, OwedWanted(limit + 1))]
    owing = found[:limit]
    session.teller.tell(
        owing, lambda: _owing(owing, currency) if owing else "Nobody owes any arrears."
    )
    if len(found) > limit:
        session.teller.note(f"These are the first {limit}; --limit lists more.")


def _owing(owing: Sequence[Owed], currency: str) -> Table:
    lines = [AccountLine(owed.account, format_money(owed.amount, currency)) for owed in owing]
    return figures(lines, *AccountLine.__struct_fields__, right=_FIGURES)


def _drawn(arrears: Sequence[Arrears], zone: ZoneInfo, currency: str) -> Table:
    lines = [
        Line(
            owed.arrears_id,
            owed.arrears_type,
            owed.coa,
            _day(owed.issued_at, zone),
            "" if owed.start_at is None else _day(owed.start_at, zone),
            f"{owed.pay_plan.normalize():f} %",
            format_money(owed.amount, currency),
            format_money(owed.paid_amount, currency) if owed.paid_amount else "",
            format_money(owed.outstanding_amount, currency) if owed.outstanding_amount else "",
        )
        for owed in arrears
    ]
    columns = Line.__struct_fields__
    return figures(lines, *columns, right=("plan", *_FIGURES), folds=("type",))


def _written(written: Sequence[WrittenOff], currency: str) -> Table:
    lines = [
        WrittenLine(
            item.arrears_id,
            item.account,
            item.transaction_id,
            format_money(item.amount, currency),
            format_money(item.outstanding_amount, currency),
        )
        for item in written
    ]
    return figures(lines, *WrittenLine.__struct_fields__, right=_FIGURES)


def _day(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).date().isoformat()


def _plan(text: str) -> Decimal:
    """Read a percentage; its sign may be left out. Raises `Invalid`."""
    plan = plan_of(f"{text.removesuffix('%')}%")
    if plan is None:
        told = f"{text[:40]!r} is not a percentage such as 25%, to 100%."
        raise Invalid(told, field="pay_plan")
    return plan


def _start(text: str, zone: ZoneInfo) -> datetime | None:
    """Read from when an arrears is recovered; None is at once. Raises `Invalid`."""
    if text == _AT_ONCE:
        return None
    if len(text) == len("YYYY-MM-DD"):
        return day_bounds(parse_day(text), zone)[0]
    return parse_instant(text, zone).at
