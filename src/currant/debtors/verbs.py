"""The questions asked about what accounts owe, and the papers that tell it."""

from collections.abc import AsyncIterator
from datetime import date

from currant.access.permissions import Permission, needs
from currant.customers.verbs import account_id_of
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.debtors.model import (
    AccountBalance,
    Aged,
    AgedWanted,
    BalancesOfAccounts,
    Debtor,
    History,
    HistorySums,
    HistoryWanted,
    Issued,
    MovementRow,
    NothingReceived,
    PaidItem,
    Portfolio,
    Statement,
    StatementWanted,
    Undone,
)
from currant.debtors.papers import receipt_paper, statement_paper
from currant.debtors.telling import movement, paid_name
from currant.documents.model import DocumentKind, FreezePapers
from currant.documents.verbs import freeze_papers
from currant.errors import Invalid
from currant.receipts.model import ReceiptNamed, ReceiptStatus, ReceiptUndone
from currant.receipts.verbs import show_receipt

sql = Statements(__package__)
_HISTORY = sql.rows("history", MovementRow)
_HISTORY_SUMS = sql.rows("history_sums", HistorySums)
_DEBTOR = sql.rows("debtor", Debtor)
_BALANCES = sql.rows("balances", AccountBalance)
_AGED = sql.rows("aged", Aged)
_PORTFOLIO = sql.rows("portfolio", Portfolio)
_NEXT_STATEMENT = sql.rows("next_statement", str)
_RECEIPT_ISSUED = sql.rows("receipt_issued", bool)
_PAID_ITEMS = sql.rows("paid_items", PaidItem)
_UNDONE = sql.rows("undone", Undone)


@needs(Permission.ARREARS_VIEW)
async def account_history(tx: Tx, question: HistoryWanted) -> History:
    """Tell what moved the receivable of an account, with the balance after each (U01).

    By the day on which it happened, then by transaction; days are those of the portal's clock. It
    ends at what the account's lines on receivable accounts sum to. Raises `NoSuchAccount`,
    `Invalid`.
    """
    account_id = await account_id_of(tx, question.account)
    return await _history(tx, account_id, question)


@needs(Permission.ARREARS_VIEW)
async def account_statement(tx: Tx, question: StatementWanted) -> Statement:
    """Tell an account's statement between two days: its history and what is owed by the last.

    Raises `NoSuchAccount`, `Invalid`.
    """
    portal_id = tx.portal.portal_id
    account_id = await account_id_of(tx, question.account)
    wanted = HistoryWanted(question.account, question.first, question.last)
    history = await _history(tx, account_id, wanted)
    aged = await tx.maybe(
        _AGED,
        portal_id=portal_id,
        as_of=question.last,
        account_ids=[account_id],
        blocked=[],
        building_code=None,
        how_many=None,
        skip=0,
    )
    debtor = await tx.one(_DEBTOR, portal_id=portal_id, account_id=account_id)
    return Statement(debtor, tx.portal.currency, question.first, question.last, history, aged)


@needs(Permission.TRANSACTIONS_ADJUST)
async def issue_statement(tx: Tx, command: StatementWanted) -> Issued:
    """Issue an account's statement between two days as a paper, frozen as it stands now.

    Each has a number of its own. Raises `NoSuchAccount`, `Invalid`.
    """
    told = await account_statement(tx, command)
    account_id = await account_id_of(tx, command.account)
    number = await tx.one(_NEXT_STATEMENT, portal_id=tx.portal.portal_id)
    reversals = [row.transaction_id for row in told.history.movements if row.reverses is not None]
    undone = await tx.all(_UNDONE, portal_id=tx.portal.portal_id, entry_ids=reversals)
    paper = statement_paper(told, undone, number, _today(tx))
    await freeze_papers(tx, FreezePapers([account_id], [paper]))
    return Issued(DocumentKind.STATEMENT, number, paper.account)


@needs(Permission.TRANSACTIONS_ADJUST)
async def issue_receipt(tx: Tx, command: ReceiptNamed) -> Issued:
    """Issue a receipt as a paper: once, as it stands then; asked for again it is the same.

    Raises `NoSuchReceipt`, `NothingReceived`, and `ReceiptUndone` where it was undone before.
    """
    portal_id = tx.portal.portal_id
    receipt = await show_receipt(tx, command)
    if receipt.account is None:
        if receipt.status is not ReceiptStatus.POSTED:
            raise ReceiptUndone("Nothing was issued.", field="receipt_id")
        raise NothingReceived(field="receipt_id")
    account_id = await account_id_of(tx, receipt.account)
    issued = Issued(DocumentKind.RECEIPT, str(receipt.receipt_id), receipt.account)
    if await tx.one(_RECEIPT_ISSUED, portal_id=portal_id, number=issued.number):
        return issued
    if receipt.status is not ReceiptStatus.POSTED:
        raise ReceiptUndone("Nothing was issued.", field="receipt_id")
    debtor = await tx.one(_DEBTOR, portal_id=portal_id, account_id=account_id)
    entry_ids = [part.transaction_id for part in receipt.allocations]
    items = await tx.all(_PAID_ITEMS, portal_id=portal_id, entry_ids=entry_ids)
    paid = {item.entry_id: paid_name(item) for item in items}
    paper = receipt_paper(receipt, debtor, paid, tx.portal.currency, _today(tx))
    await freeze_papers(tx, FreezePapers([account_id], [paper]))
    return issued


@needs(Permission.ARREARS_VIEW)
async def account_balances(tx: Tx, question: BalancesOfAccounts) -> AsyncIterator[AccountBalance]:
    """List what accounts owe and have as it stands, by account, a few thousand at a time.

    Accounts that are not there or blocked for the caller are left out.
    """
    found = tx.each(
        _BALANCES,
        portal_id=tx.portal.portal_id,
        accounts=question.accounts,
        today=_today(tx),
        blocked=list(tx.user.blocked),
        how_many=question.how_many,
        skip=question.skip,
    )
    async for row in found:
        yield row


@needs(Permission.BILLING_VIEW)
async def aged_debtors(tx: Tx, question: AgedWanted) -> AsyncIterator[Aged]:
    """List what accounts owed at the end of a day, by how long it had been due.

    It is told as it was known then: what was recorded later does not count. Credits were taken from
    what was due first. Accounts that owed and had nothing, or are blocked for the caller, are left
    out. A few thousand at a time.
    """
    found = tx.each(
        _AGED,
        portal_id=tx.portal.portal_id,
        as_of=question.as_of or _today(tx),
        account_ids=None,
        blocked=list(tx.user.blocked),
        building_code=question.building_code,
        how_many=question.how_many,
        skip=question.skip,
    )
    async for row in found:
        yield row


@needs(Permission.BILLING_VIEW)
async def portfolio(tx: Tx, question: AgedWanted) -> Portfolio:
    """Sum what all accounts owed at the end of a day, by how long it had been due."""
    return await tx.one(
        _PORTFOLIO,
        portal_id=tx.portal.portal_id,
        as_of=question.as_of or _today(tx),
        blocked=list(tx.user.blocked),
        building_code=question.building_code,
    )


async def _history(tx: Tx, account_id: int, question: HistoryWanted) -> History:
    """Tell the history of an account over some days."""
    if question.first and question.last and question.first > question.last:
        raise Invalid("The first day lies after the last.", field="first")
    portal_id = tx.portal.portal_id
    rows = await tx.all(
        _HISTORY,
        portal_id=portal_id,
        account_id=account_id,
        reversed=question.reversed,
        first=question.first,
        last=question.last,
    )
    sums = await tx.one(
        _HISTORY_SUMS,
        portal_id=portal_id,
        account_id=account_id,
        reversed=question.reversed,
        first=question.first,
        last=question.last,
    )
    debtor = await tx.one(_DEBTOR, portal_id=portal_id, account_id=account_id)
    return History(
        debtor.account,
        debtor.contract,
        debtor.name,
        debtor.type_code,
        tx.portal.currency,
        sums.opening,
        sums.debit,
        sums.credit,
        sums.opening + sums.debit - sums.credit,
        [movement(row) for row in rows],
    )


def _today(tx: Tx) -> date:
    """Return the day it is by the portal's clock."""
    return tx.now.astimezone(tx.portal.zone).date()
