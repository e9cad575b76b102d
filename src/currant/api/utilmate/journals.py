"""The journals of a month: each line, or the totals of each chart account."""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from currant.api.utilmate.methods import Row, Total, reads
from currant.api.utilmate.parameters import (
    BuildingCode,
    Flag,
    Month,
    Page,
    flag,
    no_null,
    words,
)
from currant.clock import FIRST_YEAR, LAST_YEAR
from currant.db.tx import Tx
from currant.errors import Invalid
from currant.reports.model import JournalsWanted
from currant.reports.verbs import journal_summary, journal_totals, journals

SOURCE = words(
    "INVOICE", "RECEIPT", "ADJUSTMENT", "ARREARS", "VEND", "WALLET", "WRITEOFF", "REVERSAL",
    "IMPORT",
)  # fmt: skip


class JournalsSent(Page, frozen=True, kw_only=True):
    """Which journals: of a month, YYYYMM or its year and month, and perhaps of one building."""

    one_of: ClassVar[tuple[str, ...]] = ("period", "year")

    period: Month | None = None
    year: Annotated[int, Meta(ge=1900, le=2999)] | None = None
    month: Annotated[int, Meta(ge=1, le=12)] | None = None
    building_code: BuildingCode | None = None
    detail: Annotated[bool, Meta(description="N: totals of each chart account.")] = True


class JournalLine(Row, frozen=True, kw_only=True):
    """A line of a journal; the month is the one that it was posted in."""

    journal_id: int
    line_no: int
    journal_date: date
    accounting_period: Month
    source: Annotated[str, SOURCE]
    document_ref: str
    account_number: str | msgspec.UnsetType = msgspec.UNSET
    building_code: str | msgspec.UnsetType = msgspec.UNSET
    gl_code: str
    gl_description: str
    debit: Decimal
    credit: Decimal
    gst_code: str
    narration: str


class JournalTotal(Row, frozen=True, kw_only=True):
    """What the journals of a month debit and credit a chart account, by how many lines."""

    accounting_period: Month
    gl_code: str
    gl_description: str
    debit: Decimal
    credit: Decimal
    line_count: int


class JournalsSummed(Total, frozen=True, kw_only=True):
    """All journals of the month together; closed ones are final."""

    total_debit: Decimal
    total_credit: Decimal
    line_count: int
    closed: Flag


@reads("GETJOURNALS", "U09", calls=journals, pages=True)
async def get_journals(
    tx: Tx, wanted: JournalsSent
) -> AsyncIterator[JournalLine | JournalTotal | JournalsSummed]:
    """List the journals of a month in money: each line, or totals of each chart account."""
    month = _month(wanted)
    question = JournalsWanted(month, month, wanted.building_code, wanted.limit, wanted.offset)
    summary = await journal_summary(tx, question)
    total = summary.line_count
    if wanted.detail:
        async for line in journals(tx, question):
            yield JournalLine(
                journal_id=line.journal_id,
                line_no=line.line_no,
                journal_date=line.journal_date,
                accounting_period=line.accounting_period,
                source=line.source,
                document_ref=line.document_ref,
                account_number=no_null(line.account_number),
                building_code=no_null(line.building_code),
                gl_code=line.gl_code,
                gl_description=line.gl_description,
                debit=line.debit,
                credit=line.credit,
                gst_code=line.gst_code,
                narration=line.narration,
            )
    else:
        totals = await journal_totals(tx, question)
        total = len(totals)
        end = None if wanted.limit is None else wanted.offset + wanted.limit
        for row in totals[wanted.offset : end]:
            yield JournalTotal(
                accounting_period=f"{month:%Y%m}",
                gl_code=row.gl_code,
                gl_description=row.gl_description,
                debit=row.debit,
                credit=row.credit,
                line_count=row.line_count,
            )
    yield JournalsSummed(
        total=total,
        total_debit=summary.total_debit,
        total_credit=summary.total_credit,
        line_count=summary.line_count,
        closed=flag(summary.closed),
    )


def _month(wanted: JournalsSent) -> date:
    """Return the first day of the month that is meant. Raises `Invalid`."""
    if wanted.period is not None:
        if wanted.month is not None:
            raise Invalid("month goes with year; period tells both.", field="month")
        if not FIRST_YEAR <= int(wanted.period[:4]) <= LAST_YEAR:
            told = f"period is a month of the years {FIRST_YEAR} to {LAST_YEAR}."
            raise Invalid(told, field="period")
        return date(int(wanted.period[:4]), int(wanted.period[4:]), 1)
    if wanted.year is None or wanted.month is None:
        raise Invalid("year and month are sent together, or period.", field="month")
    return date(wanted.year, wanted.month, 1)
