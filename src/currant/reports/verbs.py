"""What is asked across the domains."""

from collections.abc import AsyncIterator
from decimal import Decimal

from currant.access.permissions import Permission, needs
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Invalid
from currant.ledger import verbs as ledger
from currant.ledger.model import CloseMonth, JournalLine
from currant.locations.model import NoSuchBuilding
from currant.reports.model import (
    JournalSummary,
    JournalsWanted,
    JournalTotal,
    LeftOpen,
    MonthClosed,
    NoticeLogged,
    NoticesWanted,
)

sql = Statements(__package__)
_BUILDING_OF_CODE = sql.rows("building_of_code", int)
_JOURNAL_LINES = sql.rows("journal_lines", JournalLine)
_JOURNAL_TOTALS = sql.rows("journal_totals", JournalTotal)
_ALL_CLOSED = sql.rows("all_closed", bool)
_LEFT_OPEN = sql.rows("left_open", LeftOpen)
_NOTICE_LOG = sql.rows("notice_log", NoticeLogged)


@needs(Permission.LEDGER_VIEW)
async def journals(tx: Tx, question: JournalsWanted) -> AsyncIterator[JournalLine]:
    """List the lines of some months' journals in money, a few thousand at a time (U09).

    Each entry is of one month, the one that it was posted in, so that months add up to the books.
    Raises `NoSuchBuilding`.
    """
    found = tx.each(
        _JOURNAL_LINES,
        **await _within(tx, question),
        blocked=list(tx.user.blocked),
        how_many=question.how_many,
        beyond=question.beyond,
    )
    async for line in found:
        yield line


@needs(Permission.LEDGER_VIEW)
async def journal_totals(tx: Tx, question: JournalsWanted) -> list[JournalTotal]:
    """Sum some months' journals per chart account (U09). Raises `NoSuchBuilding`."""
    return await tx.all(_JOURNAL_TOTALS, **await _within(tx, question))


@needs(Permission.LEDGER_VIEW)
async def journal_summary(tx: Tx, question: JournalsWanted) -> JournalSummary:
    """Sum all of some months' journals, whatever is listed of them. Raises `NoSuchBuilding`."""
    totals = await journal_totals(tx, question)
    closed = await tx.one(
        _ALL_CLOSED,
        portal_id=tx.portal.portal_id,
        first=question.first.replace(day=1),
        last=question.last.replace(day=1),
    )
    return JournalSummary(
        total_debit=sum((total.debit for total in totals), Decimal(0)),
        total_credit=sum((total.credit for total in totals), Decimal(0)),
        line_count=sum(total.line_count for total in totals),
        closed=closed,
    )


@needs(Permission.LEDGER_CLOSE)
async def close_books(tx: Tx, command: CloseMonth) -> MonthClosed:
    """Close a finished month, and name what was left open in it, which is posted in a later one.

    Raises `MonthUnfinished`, `MonthClosedBefore`.
    """
    left = await tx.all(
        _LEFT_OPEN, portal_id=tx.portal.portal_id, month=command.month.replace(day=1)
    )
    closed = await ledger.close_month(tx, command)
    return MonthClosed(closed.month, tx.now, tx.user.login, left)


@needs(Permission.REPORTS_RUN)
async def notice_log(tx: Tx, question: NoticesWanted) -> AsyncIterator[NoticeLogged]:
    """List messages, newest first, a few thousand at a time (U13, reports 142 and 145)."""
    found = tx.each(
        _NOTICE_LOG,
        portal_id=tx.portal.portal_id,
        before=question.before,
        channel=question.channel,
        status=question.status,
        account=question.account,
        first_at=question.first_at,
        until=question.until,
        blocked=list(tx.user.blocked),
        how_many=question.how_many,
    )
    async for message in found:
        yield message


async def _within(tx: Tx, question: JournalsWanted) -> dict[str, object]:
    """Return what bounds the entries of some journals. Raises `Invalid`, `NoSuchBuilding`."""
    if question.first > question.last:
        raise Invalid(f"{question.first:%Y-%m} comes after {question.last:%Y-%m}.", field="period")
    building_id = None
    if question.building_code is not None:
        building_id = await tx.maybe(
            _BUILDING_OF_CODE,
            portal_id=tx.portal.portal_id,
            building_code=question.building_code,
        )
        if building_id is None:
            told = f"It was asked for as {question.building_code!r}."
            raise NoSuchBuilding(told, field="building_code")
    return {
        "portal_id": tx.portal.portal_id,
        "first": question.first.replace(day=1),
        "last": question.last.replace(day=1),
        "building_id": building_id,
    }
