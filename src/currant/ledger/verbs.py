"""Acts on the books, and the questions asked of them."""

from currant.access.permissions import Permission, needs
from currant.access.verbs import Nothing
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.ledger.model import (
    BalanceRow,
    BalancesOf,
    CloseMonth,
    EntriesOf,
    Entry,
    EntryWithPostings,
    LedgerFault,
    MonthUnfinished,
    Posting,
)

sql = Statements(__package__)
_ENTRIES = sql.rows("entries", Entry)
_POSTINGS = sql.rows("postings", Posting)
_TRIAL_BALANCE = sql.rows("trial_balance", BalanceRow)
_CLOSE_MONTH = sql.command("close_month")
_FAULTS = sql.rows("faults", LedgerFault)


@needs(Permission.LEDGER_CLOSE)
async def close_month(tx: Tx, command: CloseMonth) -> CloseMonth:
    """Close a finished month; what is posted later goes to the first open one.

    Raises `MonthUnfinished`, `MonthClosedBefore`.
    """
    closed = await tx.run(
        _CLOSE_MONTH,
        portal_id=tx.portal.portal_id,
        month=command.month.replace(day=1),
        at=tx.now,
        login=tx.user.login,
    )
    if not closed:
        raise MonthUnfinished(f"{command.month:%Y-%m} was not closed.", field="month")
    return command


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
