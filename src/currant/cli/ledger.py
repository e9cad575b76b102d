"""`currant ledger`: the books proved, summed and listed, exported and closed."""

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
import typer

from currant.access.verbs import Nothing, show_portal
from currant.audit.model import AuditFault, AuditKey
from currant.audit.signing import audit_key
from currant.audit.verbs import audit_faults, forged_heads
from currant.batches.verbs import batch_faults
from currant.cli.figures import at_in, figure, figures, minute, unit_of
from currant.cli.frame import NEWEST, Exit, Session, Stopped, command, table
from currant.clock import parse_month
from currant.customers.model import AccountEntries, AccountNamed
from currant.customers.verbs import account_balances, account_entries
from currant.ledger.exports import Books, Format, exported
from currant.ledger.model import (
    BalanceRow,
    BalancesOf,
    ChartAccount,
    CloseMonth,
    JournalLine,
    RenameChartAccount,
    ReopenMonth,
)
from currant.ledger.verbs import (
    add_chart_account,
    chart_of_accounts,
    ledger_faults,
    periods,
    rename_chart_account,
    reopen_month,
    trial_balance,
)
from currant.prepayment.verbs import wallet_faults
from currant.receivables.verbs import arrears_faults
from currant.reports.model import JournalSummary, JournalsWanted, JournalTotal, MonthClosed
from currant.reports.verbs import close_books, journal_summary, journal_totals, journals

app = typer.Typer(no_args_is_help=True)

_SIDES = ("debit", "credit")


_SOUND = "The books balance; wallets, arrears and batches agree with them; the audit log is whole."


class Fault(msgspec.Struct, frozen=True):
    """Something wrong with the books or with the audit log; the entry or event at fault."""

    portal: str
    what: str
    number: int | None
    detail: str


@command(app, "verify", portal=False)
async def verify(session: Session) -> None:
    """Prove books, wallets, arrears, batches and audit log; exit 3 and name each fault if any."""
    faults = await faults_of(session)
    session.teller.tell(
        {"sound": not faults, "faults": faults},
        lambda: table(faults, "portal", "what", "number", "detail") if faults else _SOUND,
    )
    if faults:
        told = "is 1 fault" if len(faults) == 1 else f"are {len(faults)} faults"
        raise Stopped(Exit.CHECK_FAILED, f"There {told}.")


async def faults_of(session: Session) -> list[Fault]:
    """List whatever is wrong with books, wallets, arrears, batches and audit log of all portals."""
    faults = [
        Fault(fault.portal, fault.what, fault.entry_id, fault.detail)
        for fault in await session.ask(ledger_faults, Nothing())
    ]
    faults += [
        Fault(fault.portal, f"wallet of {fault.account} is off", None, fault.detail)
        for fault in await session.ask(wallet_faults, Nothing())
    ]
    faults += [
        Fault(fault.portal, f"batch {fault.batch_id} is off", None, fault.detail)
        for fault in await session.ask(batch_faults, Nothing())
    ]
    faults += [
        Fault(fault.portal, f"arrears of {fault.account} are off", None, fault.detail)
        for fault in await session.ask(arrears_faults, Nothing())
    ]
    faults += [_audit(fault) for fault in await session.ask(audit_faults, Nothing())]
    if (session.config.home / "audit.key").exists():
        key = AuditKey(audit_key(session.config.home))
        faults += [_audit(fault) for fault in await session.ask(forged_heads, key)]
    return faults


def _audit(fault: AuditFault) -> Fault:
    return Fault(str(fault.portal_id or ""), "audit log", fault.event_id, fault.fault)


@command(app, "balance")
async def balance(
    session: Session,
    account: Annotated[
        str | None, typer.Argument(help="A customer account; the whole portal without one.")
    ] = None,
) -> None:
    """Sum the postings per chart account and commodity, and each commodity in all."""
    if account is None:
        rows = await session.ask(trial_balance, BalancesOf())
    else:
        rows = await session.ask(account_balances, AccountNamed(account))
    columns = Balance.__struct_fields__
    session.teller.tell(
        rows,
        lambda: figures(_balances(rows), *columns, right=columns[3:], folds=("name",)),
    )


class Balance(msgspec.Struct, frozen=True):
    """A line of a trial balance as it is listed, or the total of a commodity."""

    coa: str
    name: str
    unit: str
    debit: str
    credit: str


def _balances(rows: list[BalanceRow]) -> list[Balance]:
    """Return the lines of a trial balance, those of each commodity before their total."""
    listed: list[Balance] = []
    for commodity, group in groupby(rows, key=attrgetter("commodity")):
        lines = list(group)
        unit = unit_of(commodity)
        listed += [
            Balance(row.coa, row.name, unit, *_sides(row.debit, row.credit, commodity))
            for row in lines
        ]
        debit, credit = (sum(map(attrgetter(side), lines), Decimal(0)) for side in _SIDES)
        told = (figure(total, commodity) for total in (debit, credit))
        listed.append(Balance("", "Total", unit, *told))
    return listed


def _sides(debit: Decimal, credit: Decimal, commodity: str) -> tuple[str, str]:
    """Write the side that an amount stands on, and leave the other blank."""
    if credit:
        return "", figure(credit, commodity)
    return figure(debit, commodity), ""


@command(app, "entries")
async def entries(
    session: Session,
    account: Annotated[str, typer.Argument(help="A customer account.")],
    *,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many entries.")] = 20,
) -> None:
    """List an account's entries with all their lines, newest first."""
    found = await session.ask(account_entries, AccountEntries(account, NEWEST, limit))
    portal = await session.ask(show_portal, Nothing())
    lines = [
        Line(
            entry.entry.entry_id,
            minute(entry.entry.event_at, portal.zone),
            entry.entry.kind,
            entry.entry.login,
            posting.coa,
            posting.name,
            unit_of(posting.commodity),
            figure(posting.amount, posting.commodity),
        )
        for entry in found
        for posting in entry.postings
    ]
    columns = Line.__struct_fields__
    at = at_in(portal.zone, (entry.entry.event_at for entry in found))
    session.teller.tell(
        found,
        lambda: figures(lines, *columns, right=columns[-1:], folds=("login", "name"), at=at),
    )


class Line(msgspec.Struct, frozen=True):
    """A line of an entry as it is listed; a debit is positive."""

    entry: int
    at: str
    kind: str
    login: str
    coa: str
    name: str
    unit: str
    amount: str


Month = Annotated[str, typer.Argument(help="The month: 2026-07", metavar="MONTH")]
Coa = Annotated[str, typer.Argument(help="Its number in the chart of accounts.", metavar="COA")]


@command(app, "journals")
async def list_journals(
    session: Session,
    *,
    period: Annotated[str, typer.Option(help="The month: 2026-07", metavar="MONTH")],
    to: Annotated[
        str | None, typer.Option(help="The last month, of several.", metavar="MONTH")
    ] = None,
    building: Annotated[
        str | None, typer.Option(help="Of this building only.", metavar="CODE")
    ] = None,
    totals: Annotated[bool, typer.Option("--totals", help="Sum each chart account.")] = False,
    form: Annotated[
        Format | None, typer.Option("--format", help="Write all of them for other books.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where they are written; to stdout without.", metavar="FILE")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many lines are listed.")] = 500,
    offset: Annotated[int, typer.Option(min=0, help="How many are passed over.")] = 0,
) -> None:
    """List a month's journals in money, or write them as csv, beancount, hledger, xero or iif."""
    first = parse_month(period)
    last = first if to is None else parse_month(to, "to")
    wanted = JournalsWanted(first, last, building)
    if form is not None:
        await _export(session, form, wanted, out)
        return
    if out is not None:
        raise Stopped(Exit.USAGE, "Say the --format of the file. Nothing was written.")
    summary = await session.ask(journal_summary, wanted)
    currency = (await session.ask(show_portal, Nothing())).currency
    if totals:
        rows = await session.ask(journal_totals, wanted)
        session.teller.tell(
            {"data": rows, "summary": summary},
            lambda: figures(_totals(rows), *_TOTAL, right=_TOTAL[3:], folds=("name",)),
        )
    else:
        part = JournalsWanted(first, last, building, limit, offset)
        async with session.door.asking(journals, session.actor) as tx:
            lines = [line async for line in journals(tx, part)]
        listed = [JournalListed.of(line) for line in lines]
        columns = JournalListed.__struct_fields__
        session.teller.tell(
            {"data": lines, "summary": summary},
            lambda: figures(listed, *columns, right=columns[-2:], folds=("narration", "name")),
        )
    count = None if totals else len(lines)
    session.teller.note(_summed(wanted, summary, currency, listed=count))


async def _export(session: Session, form: Format, wanted: JournalsWanted, out: Path | None) -> None:
    """Write all journals in a format, and say in what they sum up."""
    portal = await session.ask(show_portal, Nothing())
    chart = await session.ask(chart_of_accounts, Nothing())
    summary = await session.ask(journal_summary, wanted)
    books = Books(portal.name, wanted.first, portal.currency, chart)
    with _written_to(out) as file, session.teller.progress() as progress:
        task = progress.add_task("Journals", total=summary.line_count)
        async with session.door.asking(journals, session.actor) as tx:

            async def told() -> AsyncIterator[JournalLine]:
                async for line in journals(tx, wanted):
                    progress.advance(task)
                    yield line

            async for block in exported(form, books, told()):
                file.write(block)
    session.teller.note(_summed(wanted, summary, portal.currency))


@contextmanager
def _written_to(out: Path | None) -> Iterator[BinaryIO]:
    """Open a file that is there only when it is whole, or stdout."""
    if out is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = out.with_name(f"{out.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(out)
    except OSError as error:
        told = f"{out} cannot be written: {error.strerror}. Nothing was written."
        raise Stopped(Exit.USAGE, told) from error
    finally:
        part.unlink(missing_ok=True)


def _summed(
    wanted: JournalsWanted, summary: JournalSummary, currency: str, *, listed: int | None = None
) -> str:
    """Say in what journals sum up, and whether that is final."""
    span = f"{wanted.first:%Y-%m}"
    span += "" if wanted.last == wanted.first else f" to {wanted.last:%Y-%m}"
    lines = f"{summary.line_count} lines"
    if listed is not None and listed != summary.line_count:
        lines = f"{listed} of {lines}"
    state = "closed" if summary.closed else "open"
    return (
        f"{span} is {state}: {lines}, debit {figure(summary.total_debit, currency)}, "
        f"credit {figure(summary.total_credit, currency)}."
    )


class JournalListed(msgspec.Struct, frozen=True):
    """A line of the journals as it is listed."""

    entry: int
    date: date
    source: str
    reference: str
    account: str
    building: str
    coa: str
    name: str
    narration: str
    debit: str
    credit: str

    @classmethod
    def of(cls, line: JournalLine) -> "JournalListed":
        """Return how a line is listed."""
        return cls(
            line.journal_id,
            line.journal_date,
            line.source,
            line.document_ref,
            line.account_number or "",
            line.building_code or "",
            line.gl_code,
            line.gl_description,
            line.narration,
            *_sides(line.debit, line.credit, line.currency),
        )


_TOTAL = Balance.__struct_fields__


def _totals(rows: list[JournalTotal]) -> list[Balance]:
    """Return how the totals of chart accounts are listed: both sides of each."""
    return [
        Balance(
            row.gl_code,
            row.gl_description,
            row.currency,
            figure(row.debit, row.currency),
            figure(row.credit, row.currency),
        )
        for row in rows
    ]


@command(app, "close")
async def close(
    session: Session,
    month: Month,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say whether it could be closed.")
    ] = False,
) -> None:
    """Close a finished month: what comes later is posted in the first one that is open."""
    wanted = CloseMonth(parse_month(month, "month"))
    closed = await session.act(close_books, wanted, dry_run=dry_run)
    for left in closed.left_open:
        session.teller.err.print(f"Left open: {left.how_many} {left.what}.", soft_wrap=True)
    session.teller.tell(closed, lambda: _closed(closed, dry_run=dry_run))


def _closed(closed: MonthClosed, *, dry_run: bool) -> str:
    done = "can be closed" if dry_run else "is closed"
    return f"{closed.month:%Y-%m} {done}."


@command(app, "reopen")
async def reopen(
    session: Session,
    month: Month,
    *,
    note: Annotated[str, typer.Option(help="Why; the audit log keeps it.")],
) -> None:
    """Open the last closed month again."""
    opened = await session.act(reopen_month, ReopenMonth(parse_month(month, "month"), note))
    session.teller.tell(opened, lambda: f"{opened.month:%Y-%m} is open again.")


@command(app, "periods")
async def list_periods(session: Session) -> None:
    """List the months of the books, newest first, and who closed which."""
    rows = await session.ask(periods, Nothing())
    portal = await session.ask(show_portal, Nothing())
    listed = [
        PeriodListed(
            f"{row.month:%Y-%m}",
            "open" if row.closed_at is None else "closed",
            "" if row.closed_at is None else minute(row.closed_at, portal.zone),
            row.closed_by or "",
        )
        for row in rows
    ]
    at = at_in(portal.zone, (row.closed_at for row in rows if row.closed_at is not None))
    session.teller.tell(
        rows, lambda: figures(listed, *PeriodListed.__struct_fields__, right=(), at=at)
    )


class PeriodListed(msgspec.Struct, frozen=True):
    """A month as it is listed, by when it was closed."""

    month: str
    state: str
    at: str
    closed_by: str


@command(app, "accounts")
async def list_accounts(session: Session) -> None:
    """List the chart of accounts."""
    rows = await session.ask(chart_of_accounts, Nothing())
    session.teller.rows(rows, "coa", "name", "category")


@command(app, "add-account")
async def add_account(
    session: Session,
    coa: Coa,
    name: Annotated[str, typer.Argument(help="What it is called.")],
    category: Annotated[
        str, typer.Argument(help="asset, liability, income, expense, equity or energy.")
    ],
) -> None:
    """Add an account to the chart of accounts."""
    added = await session.act(add_chart_account, ChartAccount(coa, name, category))
    session.teller.tell(added, lambda: f"{added.coa} {added.name} is in the chart.")


@command(app, "rename-account")
async def rename_account(
    session: Session,
    coa: Coa,
    name: Annotated[str, typer.Argument(help="What it is called from now on.")],
) -> None:
    """Name an account of the chart anew; its number stays."""
    renamed = await session.act(rename_chart_account, RenameChartAccount(coa, name))
    session.teller.tell(renamed, lambda: f"{renamed.coa} is {renamed.name} now.")
