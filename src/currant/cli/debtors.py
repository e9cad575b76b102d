"""`currant debtors`: what accounts owe, as it came about and by how long it has been due."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from currant.access.verbs import Nothing, show_portal
from currant.cli.documents import save
from currant.cli.figures import figure, figures
from currant.cli.frame import Session, command
from currant.cli.receipts import FirstDay, LastDay, Limit, day_of
from currant.clock import parse_day
from currant.debtors.model import (
    AccountBalance,
    Aged,
    AgedWanted,
    BalancesOfAccounts,
    History,
    HistoryWanted,
    Portfolio,
    Statement,
    StatementWanted,
)
from currant.debtors.verbs import (
    account_balances,
    account_history,
    account_statement,
    aged_debtors,
    issue_statement,
    portfolio,
)
from currant.documents.model import DocumentNamed
from currant.money import format_money

app = typer.Typer(no_args_is_help=True)

AsOf = Annotated[
    str | None, typer.Option(help="At the end of this day, as it was known then; today without.")
]
Building = Annotated[str | None, typer.Option(help="Of the building of this code only.")]

_QUARTER = timedelta(days=90)
_HEADINGS = {
    "days 30": "1-30 days",
    "days 60": "31-60 days",
    "days 90": "61-90 days",
    "older": "longer",
}
_AGES = ("not_due", "days_30", "days_60", "days_90", "older", "credit", "balance")


@command(app, "history")
async def history(
    session: Session,
    account: Annotated[str, typer.Argument(help="The customer account: 03280")],
    *,
    first: FirstDay = None,
    last: LastDay = None,
    without_reversed: Annotated[
        bool, typer.Option("--without-reversed", help="As if it had never been.")
    ] = False,
) -> None:
    """Tell what moved what an account owes, with the balance after each, and its open items."""
    question = HistoryWanted(
        account,
        None if first is None else parse_day(first),
        None if last is None else parse_day(last),
        not without_reversed,
    )
    found = await session.ask(account_history, question)
    session.teller.tell(found, lambda: _moved(found))
    opening, closing = (format_money(m, found.currency) for m in (found.opening, found.closing))
    session.teller.note(f"It owed {opening} before and {closing} after.")


@command(app, "statement")
async def statement(
    session: Session,
    account: Annotated[str, typer.Argument(help="The customer account: 03280")],
    *,
    first: FirstDay = None,
    last: LastDay = None,
    pdf: Annotated[
        Path | None,
        typer.Option(help="Issue it as a paper, and write that here; - for stdout."),
    ] = None,
) -> None:
    """Tell an account's statement between two days, a quarter up to today where none are told."""
    portal = await session.ask(show_portal, Nothing())
    ends = day_of(last, portal)
    begins = ends - _QUARTER if first is None else parse_day(first)
    wanted = StatementWanted(account, begins, ends)
    if pdf is not None:
        issued = await session.act(issue_statement, wanted)
        await save(session, DocumentNamed(issued.number, issued.kind), pdf)
        return
    told = await session.ask(account_statement, wanted)
    session.teller.tell(told, lambda: "\n".join(_stated(told)))


@command(app, "aged")
async def aged(
    session: Session,
    *,
    as_of: AsOf = None,
    building: Building = None,
    limit: Limit = 50,
) -> None:
    """List what accounts owe by how long it has been due, in days; credits pay the oldest."""
    portal = await session.ask(show_portal, Nothing())
    day = None if as_of is None else parse_day(as_of)
    async with session.door.asking(aged_debtors, session.actor) as tx:
        question = AgedWanted(day, building, limit + 1)
        found = [row async for row in aged_debtors(tx, question)]
    told = found[:limit]
    session.teller.tell(
        told,
        lambda: (
            _aged(told, portal.currency, whole=len(found) <= limit)
            if told
            else "Nobody owes anything."
        ),
    )
    if len(found) > limit:
        session.teller.note(f"These are the first {limit}; --limit lists more.")


@command(app, "portfolio")
async def whole(session: Session, *, as_of: AsOf = None, building: Building = None) -> None:
    """Sum what all accounts owe by how long it has been due, in days."""
    portal = await session.ask(show_portal, Nothing())
    day = None if as_of is None else parse_day(as_of)
    found = await session.ask(portfolio, AgedWanted(day, building))
    session.teller.tell(found, lambda: "\n".join(_summed(found, portal.currency)))


@command(app, "balances")
async def balances(
    session: Session,
    accounts: Annotated[
        list[str] | None, typer.Argument(help="Customer accounts; every one without.")
    ] = None,
    *,
    limit: Limit = 50,
) -> None:
    """List what accounts owe and have as it stands."""
    portal = await session.ask(show_portal, Nothing())
    async with session.door.asking(account_balances, session.actor) as tx:
        question = BalancesOfAccounts(accounts or None, limit + 1)
        found = [row async for row in account_balances(tx, question)]
    told = found[:limit]
    session.teller.tell(told, lambda: _balanced(told, portal.currency))
    if len(found) > limit:
        session.teller.note(f"These are the first {limit}; --limit lists more.")


class MovementLine(msgspec.Struct, frozen=True):
    """A movement as it is listed."""

    entry: int
    date: str
    what: str
    reference: str
    due: str
    debit: str
    credit: str
    balance: str
    status: str
    item: str


class AgedLine(msgspec.Struct, frozen=True):
    """The debts of an account by age as they are listed."""

    account: str
    name: str
    not_due: str
    days_30: str
    days_60: str
    days_90: str
    older: str
    credit: str
    balance: str


class BalanceLine(msgspec.Struct, frozen=True):
    """What an account owes and has as it is listed."""

    account: str
    name: str
    outstanding: str
    overdue: str
    arrears: str
    credit: str
    balance: str
    bond: str


def _stated(told: Statement) -> Iterator[str]:
    """Yield a statement a line each, and what is owed by its end by its age."""
    history, debtor = told.history, told.debtor
    yield f"{debtor.name}, account {debtor.account}: {told.first} to {told.last}"
    yield ""
    lines = [
        (told.first.isoformat(), "Opening balance", "", history.opening),
        *(
            (row.moved_on.isoformat(), row.description, row.debit - row.credit, row.balance)
            for row in history.movements
        ),
        (told.last.isoformat(), "Closing balance", "", history.closing),
    ]
    for day, what, amount, balance in lines:
        moved = figure(amount, told.currency) if isinstance(amount, Decimal) else ""
        yield f"{day}  {what:<36.36}{moved:>14}{figure(balance, told.currency):>14}"
    if told.aged is not None:
        overdue = told.aged.balance - told.aged.not_due
        if overdue > 0:
            yield ""
            yield f"Overdue: {format_money(overdue, told.currency)}."


def _moved(found: History) -> Table:
    lines = [
        MovementLine(
            row.transaction_id,
            row.moved_on.isoformat(),
            row.description,
            row.reference,
            "" if row.due_on is None else row.due_on.isoformat(),
            _told(row.debit, found.currency),
            _told(row.credit, found.currency),
            figure(row.balance, found.currency),
            row.status,
            str(row.item_id or ""),
        )
        for row in found.movements
    ]
    columns = MovementLine.__struct_fields__
    right = ("debit", "credit", "balance", "item")
    return figures(lines, *columns, right=right, folds=("what", "reference"))


def _aged(found: Sequence[Aged], currency: str, *, whole: bool) -> Table:
    """Draw debts by age, with their total where none is left out."""
    lines = [
        AgedLine(
            row.account,
            row.name,
            *(_told(getattr(row, age), currency) for age in _AGES),
        )
        for row in found
    ]
    if whole:
        sums = (sum((getattr(row, age) for row in found), Decimal(0)) for age in _AGES)
        lines.append(AgedLine("", "Total", *(_told(amount, currency) for amount in sums)))
    drawn = figures(lines, *AgedLine.__struct_fields__, right=_AGES, folds=("name",))
    for column in drawn.columns:
        column.header = _HEADINGS.get(str(column.header), column.header)
    return drawn


def _summed(found: Portfolio, currency: str) -> Iterator[str]:
    """Yield how many owe and have anything, and what that is by age."""
    yield f"Accounts that owe: {found.debtors:,}; with more to their credit: {found.creditors:,}."
    width = max(len(figure(getattr(found, age), currency)) for age in _AGES)
    for age in _AGES:
        name = age.replace("_", " ")
        yield f"{_HEADINGS.get(name, name):<10} {figure(getattr(found, age), currency):>{width}}"


def _balanced(found: Sequence[AccountBalance], currency: str) -> Table:
    members = BalanceLine.__struct_fields__[2:]
    lines = [
        BalanceLine(
            row.account,
            row.name,
            *(_told(getattr(row, member), currency) for member in members),
        )
        for row in found
    ]
    return figures(lines, *BalanceLine.__struct_fields__, right=members, folds=("name",))


def _told(amount: Decimal, currency: str) -> str:
    return figure(amount, currency) if amount else ""
