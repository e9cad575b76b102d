"""`currant adjustment`: what accounts are credited or debited with, by reason and approval."""

from collections.abc import Sequence
from typing import Annotated
from uuid import uuid4

import msgspec
import typer
from rich.table import Table

from currant.access.verbs import Nothing, show_portal
from currant.adjustments.model import (
    Adjustment,
    AdjustmentNamed,
    AdjustmentsWanted,
    CreateReason,
    DecideAdjustments,
    EnterAdjustments,
    NewAdjustment,
    RetireReason,
    Status,
    Way,
)
from currant.adjustments.verbs import (
    adjustment_reasons,
    adjustments,
    approve_adjustments,
    create_reason,
    enter_adjustments,
    post_adjustments,
    reject_adjustments,
    retire_reason,
    show_adjustment,
)
from currant.cli.figures import figures
from currant.cli.frame import Session, command
from currant.cli.imports import DryRun, Key
from currant.cli.receipts import ByOwnDate, FirstDay, LastDay, Limit, day_of
from currant.clock import parse_day
from currant.money import format_money, parse_amount

app = typer.Typer(no_args_is_help=True)

_PLACES = 3  # As many as any currency has; the portal's own number is checked by the verb.

Numbers = Annotated[
    list[int], typer.Argument(help="The numbers that the list shows.", metavar="ADJUSTMENT...")
]


@command(app, "enter")
async def enter(
    session: Session,
    account: Annotated[str, typer.Argument(help="The customer account: 03280")],
    reason: Annotated[str, typer.Argument(help="Its code: `currant adjustment reasons`.")],
    amount: Annotated[str, typer.Argument(help="How much, tax in it; never negative.")],
    *,
    on: Annotated[str | None, typer.Option("--date", help="Its day; today without it.")] = None,
    notes: Annotated[str, typer.Option(help="What there is to say about it.")] = "",
    item: Annotated[
        int | None,
        typer.Option(help="The item that a credit pays first: `currant debtors history` tells it."),
    ] = None,
    post: Annotated[
        bool, typer.Option("--post", help="Post it at once, if you may approve.")
    ] = False,
    dry_run: DryRun = False,
    key: Key = None,
) -> None:
    """Enter an adjustment for somebody else to approve."""
    portal = await session.ask(show_portal, Nothing())
    money = parse_amount(amount, places=_PLACES)
    one = NewAdjustment(account, reason, day_of(on, portal), money, notes, item_id=item)
    verb = post_adjustments if post else enter_adjustments
    order = EnterAdjustments([one])
    told = await session.act(verb, order, key or f"cli-{uuid4()}", dry_run=dry_run)
    session.teller.tell(told, lambda: _drawn(told, portal.currency))
    if dry_run:
        session.teller.note("Nothing was entered: this is what would be.")


@command(app, "approve")
async def approve(
    session: Session,
    numbers: Numbers,
    *,
    note: Annotated[str, typer.Option(help="What there is to say about it.")] = "",
    key: Key = None,
) -> None:
    """Approve adjustments that somebody else entered, all or none, and post them."""
    portal = await session.ask(show_portal, Nothing())
    told = await session.act(approve_adjustments, DecideAdjustments(numbers, note), key)
    session.teller.tell(told, lambda: _drawn(told, portal.currency))


@command(app, "reject")
async def reject(
    session: Session,
    numbers: Numbers,
    *,
    note: Annotated[str, typer.Option(help="Why.")],
    key: Key = None,
) -> None:
    """Reject adjustments that are pending, all or none."""
    portal = await session.ask(show_portal, Nothing())
    told = await session.act(reject_adjustments, DecideAdjustments(numbers, note), key)
    session.teller.tell(told, lambda: _drawn(told, portal.currency))


@command(app, "list")
async def list_adjustments(
    session: Session,
    *,
    first: FirstDay = None,
    last: LastDay = None,
    by_own_date: ByOwnDate = False,
    account: Annotated[str | None, typer.Option(help="Of this account only.")] = None,
    status: Annotated[Status | None, typer.Option(help="In this status only.")] = None,
    limit: Limit = 50,
) -> None:
    """List adjustments by their numbers; `currant reverse` undoes the transaction of one."""
    portal = await session.ask(show_portal, Nothing())
    question = AdjustmentsWanted(
        None if first is None else parse_day(first),
        None if last is None else parse_day(last),
        by_own_date,
        None,
        account,
        status,
        limit + 1,
    )
    async with session.door.asking(adjustments, session.actor) as tx:
        found = [row async for row in adjustments(tx, question)]
    told = found[:limit]
    session.teller.tell(
        told, lambda: _drawn(told, portal.currency) if told else "There are no adjustments."
    )
    if len(found) > limit:
        session.teller.note(f"These are the first {limit}; --limit lists more.")


@command(app, "show")
async def show(
    session: Session,
    number: Annotated[int, typer.Argument(help="The number.", metavar="ADJUSTMENT")],
) -> None:
    """Show an adjustment and what became of it."""
    portal = await session.ask(show_portal, Nothing())
    found = await session.ask(show_adjustment, AdjustmentNamed(number))
    session.teller.tell(found, lambda: _drawn([found], portal.currency))


@command(app, "reasons")
async def reasons(session: Session) -> None:
    """List the reasons of adjustments: debit (D) or credit (C), taxed or not, and the COA."""
    rows = await session.ask(adjustment_reasons, Nothing())
    session.teller.rows(rows, "code", "description", "debit_credit", "taxed", "coa")


@command(app, "create-reason")
async def create(
    session: Session,
    code: Annotated[str, typer.Argument(help="Its code: LATEFEE")],
    *,
    way: Annotated[Way, typer.Option(help="D debits the account, C credits it.")],
    coa: Annotated[str, typer.Option(help="The COA on the other side.")],
    description: Annotated[str, typer.Option(help="What customers are told.")],
    taxed: Annotated[bool, typer.Option("--taxed", help="Tax is in the amount.")] = False,
    key: Key = None,
) -> None:
    """Create a reason of adjustments."""
    made = await session.act(create_reason, CreateReason(code, description, way, coa, taxed), key)
    session.teller.tell(made, lambda: f"The reason {made.code} stands for COA {made.coa}.")


@command(app, "retire-reason")
async def retire(
    session: Session,
    code: Annotated[str, typer.Argument(help="Its code.")],
    *,
    key: Key = None,
) -> None:
    """Retire a reason: nothing is adjusted for it any more."""
    gone = await session.act(retire_reason, RetireReason(code), key)
    session.teller.tell(gone, lambda: f"Nothing is adjusted for {gone.code} any more.")


class Line(msgspec.Struct, frozen=True):
    """An adjustment as it is listed: a credit to the account is negative."""

    adjustment: int
    account: str
    date: str
    reason: str
    amount: str
    tax: str
    status: str
    entered_by: str
    decided_by: str
    entry: str


def _drawn(found: Sequence[Adjustment], currency: str) -> Table:
    lines = [
        Line(
            row.adjustment_id,
            row.account,
            row.adjusted_on.isoformat(),
            row.reason,
            format_money(row.amount if row.debit_credit is Way.DEBIT else -row.amount, currency),
            format_money(row.tax, currency) if row.tax else "",
            row.status,
            row.entered_by,
            row.decided_by or "",
            "" if row.transaction_id is None else str(row.transaction_id),
        )
        for row in found
    ]
    columns = Line.__struct_fields__
    return figures(lines, *columns, right=("amount", "tax", "entry"), folds=("reason",))
