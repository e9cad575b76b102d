"""Acts on the books, and the questions asked of them."""

from datetime import date

from currant.access.permissions import Permission, needs
from currant.access.verbs import Nothing
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Invalid
from currant.ledger.model import (
    BalanceRow,
    BalancesOf,
    ChartAccount,
    CloseMonth,
    EntriesOf,
    Entry,
    EntryWithPostings,
    LedgerFault,
    MonthToClose,
    MonthUnfinished,
    NoSuchChartAccount,
    NotLastClosed,
    Period,
    Posting,
    RenameChartAccount,
    ReopenMonth,
)

sql = Statements(__package__)
_ENTRIES = sql.rows("entries", Entry)
_POSTINGS = sql.rows("postings", Posting)
_TRIAL_BALANCE = sql.rows("trial_balance", BalanceRow)
_HOLD_MONTH = sql.command("hold_month")
_MONTH_TO_CLOSE = sql.rows("month_to_close", MonthToClose)
_CLOSE_MONTH = sql.command("close_month")
_REOPEN_MONTH = sql.command("reopen_month")
_LAST_CLOSED = sql.rows("last_closed", date)
_PERIODS = sql.rows("periods", Period)
_CHART = sql.rows("chart", ChartAccount)
_ADD_CHART_ACCOUNT = sql.command("add_chart_account")
_RENAME_CHART_ACCOUNT = sql.rows("rename_chart_account", ChartAccount)
_FAULTS = sql.rows("faults", LedgerFault)


@needs(Permission.LEDGER_CLOSE)
async def close_month(tx: Tx, command: CloseMonth) -> Period:
    """Close a finished month; what is posted later goes to the first open one.

    What is being posted in it is waited for. Raises `MonthUnfinished` where it is not over or one
    before it is open, and `MonthClosedBefore`.
    """
    month, portal_id = command.month.replace(day=1), tx.portal.portal_id
    await tx.run(_HOLD_MONTH, portal_id=portal_id, month=month)
    found = await tx.one(_MONTH_TO_CLOSE, portal_id=portal_id, month=month, at=tx.now)
    if not found.over or found.open_before is not None:
        why = f"{found.open_before:%Y-%m} is open" if found.open_before else "it is not over"
        raise MonthUnfinished(f"{month:%Y-%m} was not closed: {why}.", field="month")
    await tx.run(_CLOSE_MONTH, portal_id=portal_id, month=month, at=tx.now, login=tx.user.login)
    return Period(month, tx.now, tx.user.login)


@needs(Permission.LEDGER_CLOSE)
async def reopen_month(tx: Tx, command: ReopenMonth) -> Period:
    """Open the last closed month again; the audit log keeps who closed and who opened it, and why.

    Raises `Invalid` without a reason, and `NotLastClosed` for any other month.
    """
    if not command.note.strip():
        raise Invalid("Say why the month is opened again. Nothing was done.", field="note")
    month, portal_id = command.month.replace(day=1), tx.portal.portal_id
    await tx.run(_HOLD_MONTH, portal_id=portal_id, month=month)
    if not await tx.run(_REOPEN_MONTH, portal_id=portal_id, month=month):
        last = await tx.maybe(_LAST_CLOSED, portal_id=portal_id)
        told = f"That is {last:%Y-%m}" if last else "None is closed"
        raise NotLastClosed(f"{told}; asked for was {month:%Y-%m}.", field="month")
    return Period(month, None, None)


@needs(Permission.LEDGER_VIEW)
async def periods(tx: Tx, _question: Nothing) -> list[Period]:
    """List the months of the books, newest first, from the first entry to now."""
    return await tx.all(_PERIODS, portal_id=tx.portal.portal_id, at=tx.now)


@needs(Permission.LEDGER_VIEW)
async def chart_of_accounts(tx: Tx, _question: Nothing) -> list[ChartAccount]:
    """List the chart of accounts by number, those that count energy last."""
    return await tx.all(_CHART, portal_id=tx.portal.portal_id)


@needs(Permission.LEDGER_CLOSE)
async def add_chart_account(tx: Tx, command: ChartAccount) -> ChartAccount:
    """Add an account to the chart, for tariffs, charges and reasons to name.

    Raises `ChartAccountTaken`, `ChartNumberShape`, `ChartAccountUnnamed`, `ChartClassUnknown`,
    `EnergyCountedApart`.
    """
    await tx.run(
        _ADD_CHART_ACCOUNT,
        portal_id=tx.portal.portal_id,
        coa=command.coa,
        name=command.name,
        category=command.category,
    )
    return command


@needs(Permission.LEDGER_CLOSE)
async def rename_chart_account(tx: Tx, command: RenameChartAccount) -> ChartAccount:
    """Name an account of the chart anew; its number and category stay, for entries stand on them.

    Raises `NoSuchChartAccount`, `ChartAccountUnnamed`.
    """
    renamed = await tx.maybe(
        _RENAME_CHART_ACCOUNT,
        portal_id=tx.portal.portal_id,
        coa=command.coa,
        name=command.name,
    )
    if renamed is None:
        raise NoSuchChartAccount(f"It was asked for as {command.coa!r}.", field="coa")
    return renamed


@needs(Permission.LEDGER_VIEW)
async def entries(tx: Tx, question: EntriesOf) -> list[EntryWithPostings]:
    """List the entries that touch a customer account, newest first, each with all its lines."""
    heads = await tx.all(
        _ENTRIES,
        portal_id=tx.portal.portal_id,
        account_id=question.account_id,
        before=question.before,
        how_many=question.how_many,
    )
    lines: dict[int, list[Posting]] = {head.entry_id: [] for head in heads}
    for line in await tx.all(_POSTINGS, portal_id=tx.portal.portal_id, entry_ids=list(lines)):
        lines[line.entry_id].append(line)
    return [EntryWithPostings(head, lines[head.entry_id]) for head in heads]


@needs(Permission.LEDGER_VIEW)
async def trial_balance(tx: Tx, question: BalancesOf) -> list[BalanceRow]:
    """Sum the postings per chart account and commodity: debits equal credits in each commodity.

    Over one customer account only its tagged lines count, which need not balance.
    """
    return await tx.all(
        _TRIAL_BALANCE, portal_id=tx.portal.portal_id, account_id=question.account_id
    )


@needs(Permission.JOBS_RUN)
async def ledger_faults(tx: Tx, _question: Nothing) -> list[LedgerFault]:
    """List whatever is wrong with the books; an empty list is what is hoped for."""
    return await tx.all(_FAULTS)
