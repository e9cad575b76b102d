"""What is asked across the domains."""

from collections.abc import AsyncIterator, Callable, Sequence
from decimal import Decimal
from typing import Any

from currant.access.permissions import Permission, needs
from currant.access.verbs import Nothing
from currant.clock import day_bounds
from currant.customers.model import NoSuchAccount
from currant.db.statements import Statement, Statements
from currant.db.tx import Tx
from currant.errors import Forbidden, Invalid
from currant.ledger import verbs as ledger
from currant.ledger.model import CloseMonth, JournalLine
from currant.locations.model import NoSuchBuilding, NoSuchLocation
from currant.locations.verbs import building_of
from currant.money import kwh, minor_units
from currant.reports.catalogue import (
    NORMALISED,
    REPORTS,
    by_paper,
    days_of,
    normalised_row,
    refuse_unfit,
)
from currant.reports.model import (
    AdjustmentAudited,
    AgedRow,
    ChargeRow,
    ConsumptionRow,
    GateNamed,
    InvoiceAudited,
    JournalSummary,
    JournalsWanted,
    JournalTotal,
    LeftOpen,
    MonthClosed,
    Named,
    NoticeLogged,
    NoticesWanted,
    ReadErrorRow,
    ReadNamed,
    ReceiptAudited,
    ReportRow,
    ReportShown,
    ReportWanted,
    Scope,
    SupplyNamed,
    TrialRow,
)
from currant.reports.telling import email_row, gate_row, register_row, sms_row
from currant.usage.model import GatesWanted, MonthUsage, SuppliesWanted
from currant.usage.verbs import gate_usage, normalised_usages

sql = Statements(__package__)
_JOURNAL_LINES = sql.rows("journal_lines", JournalLine)
_JOURNAL_TOTALS = sql.rows("journal_totals", JournalTotal)
_ALL_CLOSED = sql.rows("all_closed", bool)
_LEFT_OPEN = sql.rows("left_open", LeftOpen)
_NOTICE_LOG = sql.rows("notice_log", NoticeLogged)
_PERMISSIONS_HELD = sql.rows("permissions_held", str)
_BUILDING_CODES = sql.rows("building_codes", str)
_NAMED = sql.rows("named", Named)
_SUPPLIES_NAMED = sql.rows("supplies_named", SupplyNamed)
_LAST_READS = sql.rows("last_reads", ReadNamed)
_GATES_NAMED = sql.rows("gates_named", GateNamed)
# The reports that are one statement each.
_STATEMENTS: dict[int, Statement[Any]] = {
    112: sql.rows("charges", ChargeRow),
    114: sql.rows("billed_consumption", ConsumptionRow),
    115: sql.rows("invoices_audited", InvoiceAudited),
    116: sql.rows("receipts_audited", ReceiptAudited),
    901: sql.rows("adjustments_audited", AdjustmentAudited),
    903: sql.rows("read_errors", ReadErrorRow),
    904: sql.rows("aged", AgedRow),
    906: sql.rows("trial", TrialRow),
}

_EVERYTHING = Scope(None, None, None)
_NEWEST = 2**62
_ROWS_AT_ONCE = 500


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
    async for message in _messages(tx, question, _EVERYTHING):
        yield message


@needs(Permission.ANY_USER)
async def reports(tx: Tx, _question: Nothing) -> list[ReportShown]:
    """List the catalogue of reports, each with whether the caller may run it (U14, U15)."""
    held = await _held(tx)
    buildings = await tx.all(_BUILDING_CODES, portal_id=tx.portal.portal_id)
    return [
        ReportShown(
            report.report_id,
            report.code,
            report.name,
            report.group,
            report.description,
            {Permission.REPORTS_RUN, report.needs} <= held,
            report.shown_filters(buildings),
            report.columns(),
        )
        for report in REPORTS.values()
    ]


@needs(Permission.REPORTS_RUN)
async def run_report(tx: Tx, question: ReportWanted) -> AsyncIterator[ReportRow]:
    """Run a report, row by row (U13); `catalogue.row_of` says what its rows are.

    Never more than a few thousand rows are held. What concerns accounts that are blocked for the
    caller is left out. Raises `NoSuchReport`, `Invalid`, `NoSuchAccount`, `NoSuchBuilding`,
    `NoSuchLocation`, and `Forbidden` for who may not see what it tells.
    """
    report = refuse_unfit(question)
    if report.needs not in await _held(tx):
        told = f"{tx.user.login or 'This access key'} lacks {report.needs.value}"
        raise Forbidden(f"{told}, which report {report.report_id} takes.")
    scope = await _scope(tx, question)
    run = _RUNS.get(report.report_id, _by_statement)
    async for row in run(tx, question, scope):
        yield row


async def _held(tx: Tx) -> set[str]:
    """Return what the caller may do."""
    return set(await tx.all(_PERMISSIONS_HELD, user_id=tx.user.user_id))


async def _scope(tx: Tx, question: ReportWanted) -> Scope:
    """Find what the filters name.

    Raises `NoSuchAccount`, `NoSuchBuilding`, `NoSuchLocation`, `Invalid`, `Forbidden`.
    """
    whose = (question.party, question.customer, question.account)
    if question.account is not None:
        tx.user.refuse_blocked(question.account)
    named = await tx.one(
        _NAMED,
        portal_id=tx.portal.portal_id,
        party=question.party,
        customer=question.customer,
        account=question.account,
        site=question.site,
        network_node=question.network_node,
    )
    if question.account is not None and not named.account_ids and whose[:2] == (None, None):
        raise NoSuchAccount(f"It was asked for as {question.account!r}.", field="account")
    if question.network_node is not None and named.building_code is None:
        told = f"It was asked for as {question.network_node!r}."
        raise NoSuchBuilding(told, field="network_node")
    building = named.building_code
    if question.site is not None and named.site_key is None:
        if named.site_building_code is None:
            raise NoSuchLocation(f"It was asked for as {question.site!r}.", field="site")
        if building not in (None, named.site_building_code):
            told = f"SITE names the building {named.site_building_code}"
            raise Invalid(f"{told}, NETWORK_NODE {building}.", field="site")
        building = named.site_building_code
    accounts = named.account_ids if any(one is not None for one in whose) else None
    return Scope(accounts, building, named.site_key)


async def _by_statement(tx: Tx, question: ReportWanted, scope: Scope) -> AsyncIterator[ReportRow]:
    """Run a report that is one statement: whatever it takes of all that a report can be told."""
    statement = _STATEMENTS[question.report_id]
    of_paper = by_paper(question)
    first, last = question.start_date, question.end_date
    told = {
        "portal_id": tx.portal.portal_id,
        "places": minor_units(tx.portal.currency),
        "account_ids": scope.account_ids,
        "building_code": scope.building_code,
        "site_key": scope.site_key,
        "blocked": list(tx.user.blocked),
        "by_paper": of_paper,
        "first": first,
        "last": last,
        "first_on": first if of_paper else None,
        "last_on": last if of_paper else None,
        "first_posted": None if of_paper else first,
        "last_posted": None if of_paper else last,
        "as_of": last or tx.now.astimezone(tx.portal.zone).date(),
    }
    values = {name: told[name] for name in statement.parameters}
    async for row in tx.each(statement, **values):
        yield row


async def _sms_log(tx: Tx, question: ReportWanted, scope: Scope) -> AsyncIterator[ReportRow]:
    async for message in _messages(tx, _queued(tx, question, "SMS"), scope):
        yield sms_row(message, tx.portal.zone)


async def _email_log(tx: Tx, question: ReportWanted, scope: Scope) -> AsyncIterator[ReportRow]:
    async for message in _messages(tx, _queued(tx, question, "EMAIL"), scope):
        yield email_row(message, tx.portal.zone)


def _queued(tx: Tx, question: ReportWanted, channel: str) -> NoticesWanted:
    """Return which messages the days of a report mean, by the portal's clock."""
    zone, first, last = tx.portal.zone, question.start_date, question.end_date
    return NoticesWanted(
        _NEWEST,
        None,
        channel,
        first_at=None if first is None else day_bounds(first, zone)[0],
        until=None if last is None else day_bounds(last, zone)[1],
    )


async def _messages(tx: Tx, question: NoticesWanted, scope: Scope) -> AsyncIterator[NoticeLogged]:
    """Yield messages, the newest first."""
    found = tx.each(
        _NOTICE_LOG,
        portal_id=tx.portal.portal_id,
        before=question.before,
        channel=question.channel,
        status=question.status,
        account=question.account,
        account_ids=scope.account_ids,
        building_code=scope.building_code,
        site_key=scope.site_key,
        first_at=question.first_at,
        until=question.until,
        blocked=list(tx.user.blocked),
        how_many=question.how_many,
    )
    async for message in found:
        yield message


async def _normalised(tx: Tx, question: ReportWanted, scope: Scope) -> AsyncIterator[ReportRow]:
    """Put the months of each agreement's register beside each other, some hundred at a time."""
    wanted = SuppliesWanted(
        *days_of(question), scope.account_ids, scope.building_code, scope.site_key
    )
    block: list[list[MonthUsage]] = []
    async for told in normalised_usages(tx, wanted):
        if block and _measures(block[-1][0]) == _measures(told):
            block[-1].append(told)
            continue
        if len(block) == _ROWS_AT_ONCE:
            for row in await _beside(tx, question, block):
                yield row
            block = []
        block.append([told])
    for row in await _beside(tx, question, block):
        yield row


def _measures(told: MonthUsage) -> tuple[int, int]:
    return told.site.agreement_id, told.register.register_id


async def _beside(
    tx: Tx, question: ReportWanted, block: Sequence[list[MonthUsage]]
) -> list[ReportRow]:
    """Return the rows of registers with their months."""
    portal_id, heads = tx.portal.portal_id, [months[0] for months in block]
    named = {
        row.agreement_id: row
        for row in await tx.all(
            _SUPPLIES_NAMED,
            portal_id=portal_id,
            agreement_ids=[head.site.agreement_id for head in heads],
        )
    }
    reads = {
        row.n: row
        for row in await tx.all(
            _LAST_READS,
            portal_id=portal_id,
            register_ids=[head.register.register_id for head in heads],
            since=[head.site.start_at for head in heads],
            until=[head.site.end_at for head in heads],
        )
    }
    rows = []
    for number, months in enumerate(block, start=1):
        head = register_row(months[0], named[months[0].site.agreement_id], reads.get(number))
        told = {f"{one.month:%Y%m}": kwh(one.quantity) for one in months}
        rows.append(normalised_row(question, head, told))
    return rows


async def _gates(tx: Tx, question: ReportWanted, scope: Scope) -> AsyncIterator[ReportRow]:
    found = await gate_usage(tx, GatesWanted(*days_of(question), scope.building_code))
    loc_ids = [gate.loc_id for gate in found]
    named = {
        row.loc_id: row
        for row in await tx.all(_GATES_NAMED, portal_id=tx.portal.portal_id, loc_ids=loc_ids)
    }
    for gate in found:
        yield gate_row(gate, named[gate.loc_id])


_Run = Callable[[Tx, ReportWanted, Scope], AsyncIterator[ReportRow]]
_RUNS: dict[int, _Run] = {142: _sms_log, 145: _email_log, NORMALISED: _normalised, 905: _gates}


async def _within(tx: Tx, question: JournalsWanted) -> dict[str, object]:
    """Return what bounds the entries of some journals. Raises `Invalid`, `NoSuchBuilding`."""
    if question.first > question.last:
        raise Invalid(f"{question.first:%Y-%m} comes after {question.last:%Y-%m}.", field="period")
    building_id = None
    if question.building_code is not None:
        building = await building_of(tx, question.building_code, "building_code")
        building_id = building.building_id
    return {
        "portal_id": tx.portal.portal_id,
        "first": question.first.replace(day=1),
        "last": question.last.replace(day=1),
        "building_id": building_id,
    }
