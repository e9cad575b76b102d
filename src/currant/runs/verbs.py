"""Acts on bill runs, and the questions asked about them."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from operator import attrgetter

import msgspec

from currant.access.permissions import Permission, needs
from currant.access.verbs import Nothing
from currant.billing.measuring import months_before
from currant.billing.model import DraftTerms, Known, Policy, Remarkable
from currant.billing.verbs import draft_accounts, known_deliveries, policy
from currant.customers.verbs import account_id_of
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Invalid
from currant.invoices.verbs import cancel, freeze, parts_of
from currant.locations.verbs import building_of
from currant.runs.model import (
    MOST_AT_ONCE,
    BillDraft,
    BillException,
    ChunkDone,
    DraftNamed,
    DraftOf,
    DraftRow,
    DraftsNamed,
    DraftsWanted,
    ExceptionsWanted,
    HoldDrafts,
    Late,
    NoSuchDraft,
    NoSuchRun,
    Run,
    RunChunk,
    RunDrafted,
    RunNamed,
    RunNotReady,
    RunRow,
    RunsWanted,
    StartRun,
    ToPrint,
    ToReplace,
)

sql = Statements(__package__)
_START_RUN = sql.rows("start_run", int)
_HOLD_RUN = sql.rows("hold_run", RunRow)
_SHARE_RUN = sql.rows("share_run", RunRow)
_TAKE_ACCOUNTS = sql.rows("take_accounts", int)
_STILL_DUE = sql.rows("still_due", bool)
_NOTE_EXCEPTIONS = sql.command("note_exceptions")
_DRAFTED_RUN = sql.command("drafted_run")
_DRAFTS_OF = sql.rows("drafts_of", DraftNamed)
_HOLD_DRAFTS = sql.rows("hold_drafts", int)
_DISCARD_DRAFTS = sql.rows("discard_drafts", int)
_FORGET_EXCEPTIONS = sql.command("forget_exceptions")
_APPROVE_RUN = sql.rows("approve_run", int)
_DISCARD_RUN = sql.command("discard_run")
_TO_POST = sql.rows("to_post", int)
_TO_REPLACE = sql.rows("to_replace", ToReplace)
_CHARGES_GONE = sql.rows("charges_gone", int)
_STILL_TO_POST = sql.rows("still_to_post", bool)
_POST_DRAFTS = sql.rows("post_drafts", int)
_POSTED_RUN = sql.command("posted_run")
_RUNS = sql.rows("runs", Run)
_EXCEPTIONS = sql.rows("exceptions", BillException)
_DRAFTS = sql.rows("drafts", DraftRow)
_TO_PRINT = sql.rows("to_print", ToPrint)
_LATE = sql.rows("late", Late)
_CHANGED = sql.rows("changed", Late)

_TOLD_MONTHS = 2  # Looking further back would cost each run more, the longer a portal bills.
_ON_HOLD = "Its bill cycle is HOLD; only a run of the account bills it."
_BILLS = {
    "ENDED": "bills days after the agreement's end",
    "METER_CHANGED": "bills days on which other meters hung",
    "PLAN_CHANGED": "bills days that another plan is assigned to",
}
_OPEN = ("DRAFTING", "DRAFTED", "APPROVED", "POSTED")


@needs(Permission.BILLING_RUN)
async def start_run(tx: Tx, command: StartRun) -> Run:
    """Begin a bill run; it is drafted by `draft_bills`, chunk by chunk.

    Accounts whose bill cycle is HOLD are passed over, and told as exceptions.
    Raises `Invalid` for a day that is not over, `NoSuchBuilding`, `NoSuchAccount`.
    """
    portal_id = tx.portal.portal_id
    today = tx.now.astimezone(tx.portal.zone).date()
    if command.through >= today:
        raise Invalid(f"{command.through} is not over yet. Nothing was begun.", field="through")
    building_id = account_id = None
    if command.building_code is not None:
        building = await building_of(tx, command.building_code, "building_code")
        building_id = building.building_id
    if command.account is not None:
        account_id = await account_id_of(tx, command.account)
    dated = command.invoice_on or today
    rules = await policy(tx, Nothing())
    run_id = await tx.one(
        _START_RUN,
        portal_id=portal_id,
        through=command.through,
        invoice_on=dated,
        due_on=command.due_on or dated + timedelta(days=rules.due_days),
        cycle_code=command.cycle_code,
        building_id=building_id,
        account_id=account_id,
        reopens=command.reopen,
        held_detail=_ON_HOLD,
        timezone=tx.portal.timezone,
        login=tx.user.login,
        at=tx.now,
    )
    return await _run(tx, run_id)


@needs(Permission.BILLING_RUN)
async def draft_bills(tx: Tx, command: RunChunk) -> ChunkDone:
    """Draft the bills of the next accounts of a run, each account once whatever repeats.

    Any number of hands may draft a run; each takes accounts that no other has. What is remarkable
    is noted as an exception, and a draft that looks wrong is held. Where the run reopens, the days
    of invoices that later reads changed, or that bill days after an agreement's end, by other
    meters than hung there or by another plan than is assigned, are drafted anew; posting the draft
    cancels those.
    Raises `NoSuchRun`, `RunNotReady`, `ChargeGone`, `Invalid`.
    """
    _refuse_beyond(command)
    return await _draft_chunk(tx, command, await known_deliveries(tx))


async def _draft_chunk(tx: Tx, command: RunChunk, known: Known) -> ChunkDone:
    """Draft the bills of the next accounts of a run by what was known before it locks anything."""
    run = await _held(tx, command.run_id, "DRAFTING", "DRAFTED", shared=True)
    if run.status == "DRAFTED":
        return ChunkDone(0, 0, more=False)
    portal_id = tx.portal.portal_id
    account_ids = await tx.all(
        _TAKE_ACCOUNTS, portal_id=portal_id, run_id=run.run_id, how_many=command.how_many
    )
    rules = await policy(tx, Nothing())
    late = await _late(tx, run, account_ids, rules)
    replaced: dict[int, list[int]] = {}
    for invoice in late:
        if run.reopens and not invoice.stands:
            replaced.setdefault(invoice.account_id, []).append(invoice.invoice_id)
    terms = DraftTerms(run.run_id, run.through, rules, known, replaced)
    drafted = await draft_accounts(tx, terms, account_ids)
    found = drafted.remarkable + [_reopened(run, row, drafted.account_ids) for row in late]
    await tx.run(
        _NOTE_EXCEPTIONS,
        portal_id=portal_id,
        run_id=run.run_id,
        account_ids=[row.account_id for row in found],
        agreement_ids=[row.agreement_id for row in found],
        kinds=[row.kind for row in found],
        details=[row.detail for row in found],
    )
    more = await tx.one(_STILL_DUE, portal_id=portal_id, run_id=run.run_id)
    if not more:
        more = not await tx.run(_DRAFTED_RUN, portal_id=portal_id, run_id=run.run_id, at=tx.now)
    return ChunkDone(len(account_ids), len(drafted.account_ids), more)


@needs(Permission.BILLING_RUN)
async def draft_run(tx: Tx, command: StartRun) -> RunDrafted:
    """Begin a bill run and draft it to its end, in one transaction: what a dry run takes back.

    It tells no number of the run, which will not be there.
    Raises as `start_run` and `draft_bills` do.
    """
    known = await known_deliveries(tx)
    run = await start_run(tx, command)
    while (await _draft_chunk(tx, RunChunk(run.run_id), known)).more:
        pass
    return RunDrafted(
        msgspec.structs.replace(await _run(tx, run.run_id), run_id=0),
        await bill_drafts(tx, DraftsWanted(run.run_id)),
        await bill_exceptions(tx, ExceptionsWanted(run.run_id)),
    )


@needs(Permission.BILLING_RUN)
async def hold_drafts(tx: Tx, command: HoldDrafts) -> int:
    """Hold drafts of a run back from posting; return how many. Raises `Invalid`, `NoSuchRun`."""
    if not command.reason.strip():
        raise Invalid("Say why the drafts are held.", field="reason")
    return await _hold(tx, DraftsNamed(command.run_id, command.accounts), command.reason)


@needs(Permission.BILLING_APPROVE)
async def release_drafts(tx: Tx, command: DraftsNamed) -> int:
    """Let drafts go that were held; return how many. Raises `Invalid`, `NoSuchRun`."""
    return await _hold(tx, command, None)


@needs(Permission.BILLING_RUN)
async def discard_drafts(tx: Tx, command: DraftsNamed) -> int:
    """Throw drafts of a run away, all where none is named, and with them the run.

    Their days and charges are billed by the next run; a run of which something is posted stays.
    Returns how many. Raises `NoSuchRun`, `RunNotReady`, `Invalid` for an account without a draft.
    """
    portal_id = tx.portal.portal_id
    run = await _held(tx, command.run_id, *_OPEN)
    drafts = await _drafts(tx, command)
    discarded = await tx.one(
        _DISCARD_DRAFTS,
        portal_id=portal_id,
        invoice_ids=[draft.invoice_id for draft in drafts],
    )
    await tx.run(
        _FORGET_EXCEPTIONS,
        portal_id=portal_id,
        run_id=run.run_id,
        accounts=[draft.account for draft in drafts],
    )
    if not command.accounts:
        await tx.run(_DISCARD_RUN, portal_id=portal_id, run_id=run.run_id, at=tx.now)
    return discarded


@needs(Permission.BILLING_APPROVE)
async def approve_run(tx: Tx, command: RunNamed) -> Run:
    """Approve a drafted run that somebody else began; its drafts get their numbers.

    Raises `NoSuchRun`, `RunNotReady`, `ApprovedByTheSame`.
    """
    run = await _held(tx, command.run_id, "DRAFTED")
    await tx.one(
        _APPROVE_RUN,
        portal_id=tx.portal.portal_id,
        run_id=run.run_id,
        login=tx.user.login,
        at=tx.now,
    )
    return await _run(tx, run.run_id)


@needs(Permission.BILLING_RUN)
async def post_bills(tx: Tx, command: RunChunk) -> ChunkDone:
    """Post the next drafts of an approved run that are not held, each once whatever repeats.

    Their papers are frozen with them, and what they replace is cancelled before. A draft that is
    released later is posted by asking again.
    Raises `NoSuchRun`, `RunNotReady`, `MonthClosed`.
    """
    _refuse_beyond(command)
    run = await _held(tx, command.run_id, "APPROVED", "POSTED", shared=True)
    portal_id = tx.portal.portal_id
    ids = await tx.all(_TO_POST, portal_id=portal_id, run_id=run.run_id, how_many=command.how_many)
    posted = 0
    if ids:
        ready = await _replace(tx, run, ids)
        posted = await tx.one(
            _POST_DRAFTS,
            portal_id=portal_id,
            login=tx.user.login,
            vendor_number=tx.user.vendor_number,
            invoice_ids=ready,
            invoice_on=run.invoice_on,
            due_on=run.due_on,
            at=tx.now,
        )
        await freeze(tx, ready)
    more = await tx.one(_STILL_TO_POST, portal_id=portal_id, run_id=run.run_id)
    if not more:
        more = not await tx.run(_POSTED_RUN, portal_id=portal_id, run_id=run.run_id, at=tx.now)
    return ChunkDone(len(ids), posted, more)


@needs(Permission.BILLING_VIEW)
async def bill_runs(tx: Tx, question: RunsWanted) -> list[Run]:
    """List bill runs with what they come to, the newest first; not those of a blocked account."""
    return await tx.all(
        _RUNS,
        portal_id=tx.portal.portal_id,
        blocked=list(tx.user.blocked),
        run_id=None,
        before=question.before,
        how_many=question.how_many,
    )


@needs(Permission.BILLING_VIEW)
async def bill_run(tx: Tx, question: RunNamed) -> Run:
    """Show a bill run with what it comes to. Raises `NoSuchRun`."""
    return await _run(tx, question.run_id)


@needs(Permission.BILLING_VIEW)
async def bill_exceptions(tx: Tx, question: ExceptionsWanted) -> list[BillException]:
    """List what a run found remarkable, or could not bill; not of blocked accounts.

    Raises `NoSuchRun`.
    """
    await _run(tx, question.run_id)
    return await tx.all(
        _EXCEPTIONS,
        portal_id=tx.portal.portal_id,
        run_id=question.run_id,
        beyond=question.beyond,
        how_many=question.how_many,
        blocked=list(tx.user.blocked),
    )


@needs(Permission.BILLING_VIEW)
async def bill_drafts(tx: Tx, question: DraftsWanted) -> list[DraftRow]:
    """List the invoices of a run, drafts and posted ones, by account; not of blocked accounts.

    Raises `NoSuchRun`.
    """
    await _run(tx, question.run_id)
    return await tx.all(_DRAFTS, account=None, **_page_of(tx, question))


@needs(Permission.BILLING_VIEW)
async def bill_draft(tx: Tx, question: DraftOf) -> BillDraft:
    """Show the invoice of a run for an account, posted or not, with every line explained.

    Raises `NoSuchRun`, and `NoSuchDraft` where there is none or the account is blocked.
    """
    await _run(tx, question.run_id)
    named = _page_of(tx, DraftsWanted(question.run_id, how_many=1))
    head = await tx.maybe(_DRAFTS, account=question.account, **named)
    if head is None:
        raise NoSuchDraft(f"It was asked for as {question.account[:40]!r}.", field="account")
    parts = await parts_of(tx, [head.invoice_id])
    return BillDraft(head, *parts[head.invoice_id])


@needs(Permission.BILLING_VIEW)
async def to_print(tx: Tx, question: DraftsWanted) -> list[ToPrint]:
    """List what of a run no e-mail brings, by account: invoices, and notes of those they replace.

    A page has all of its last account. Raises `NoSuchRun`.
    """
    await _run(tx, question.run_id)
    rows = await tx.all(_TO_PRINT, **_page_of(tx, question))
    return sorted(rows, key=lambda row: (row.account_id, row.number))


def _page_of(tx: Tx, question: DraftsWanted) -> dict[str, object]:
    """Return what bounds a page of a run's invoices."""
    return {
        "portal_id": tx.portal.portal_id,
        "run_id": question.run_id,
        "beyond": question.beyond,
        "how_many": question.how_many,
        "blocked": list(tx.user.blocked),
    }


async def _late(tx: Tx, run: RunRow, account_ids: Sequence[int], rules: Policy) -> list[Late]:
    """Find the invoices of accounts that what was told later changed, the latest of each first.

    A run that does not reopen them tells those of the last months that bill days after an
    agreement's end, by other meters than hung there or by another plan than is assigned.
    """
    months = rules.reopen_months if run.reopens else min(rules.reopen_months, _TOLD_MONTHS)
    return await tx.all(
        _LATE if run.reopens else _CHANGED,
        portal_id=tx.portal.portal_id,
        account_ids=list(account_ids),
        since=months_before(run.through, months),
        timezone=tx.portal.timezone,
    )


def _reopened(run: RunRow, late: Late, drafted: Sequence[int]) -> Remarkable:
    """Say what becomes of an invoice that what was told later changed."""
    if late.stands:
        told = "was written off and stands."
    elif not run.reopens:
        told = f"{_BILLS[late.kind]}: a run that reopens bills them anew."
    elif late.account_id in drafted:
        told = "is cancelled when its replacement is posted."
    else:
        told = "stands until its days can be billed anew."
    return Remarkable(late.account_id, None, late.kind, f"Invoice {late.number} {told}")


async def _replace(tx: Tx, run: RunRow, draft_ids: Sequence[int]) -> list[int]:
    """Cancel what drafts replace, the latest of each first; return which of them can be posted.

    A draft is held where something of what it replaces was written off meanwhile, or a charge of it
    was cancelled.
    """
    named = {"portal_id": tx.portal.portal_id, "invoice_ids": list(draft_ids)}
    found = await tx.all(_TO_REPLACE, **named)
    gone = set(await tx.all(_CHARGES_GONE, **named))
    off = {row.draft_id for row in found if row.stands} - gone
    for ids, reason in (
        (gone, "A charge on it was cancelled since: discard it, and bill the account again."),
        (off, "What it replaces was written off since."),
    ):
        if ids:
            await tx.one(
                _HOLD_DRAFTS,
                portal_id=tx.portal.portal_id,
                invoice_ids=sorted(ids),
                reason=reason,
                login=tx.user.login,
            )
    held = gone | off
    going = [row for row in found if row.draft_id not in held]
    for _, together in groupby(going, key=attrgetter("place")):
        await cancel(tx, [row.invoice_id for row in together], run.invoice_on, "Billed anew")
    return [draft_id for draft_id in draft_ids if draft_id not in held]


def _refuse_beyond(command: RunChunk) -> None:
    """Refuse a chunk of no account, or of more than one transaction should take."""
    if not 1 <= command.how_many <= MOST_AT_ONCE:
        raise Invalid(f"A chunk is of 1 to {MOST_AT_ONCE} accounts.", field="how_many")


async def _held(tx: Tx, run_id: int, *states: str, shared: bool = False) -> RunRow:
    """Lock a run that is in one of some states; `shared` with other hands that work on it.

    Raises `NoSuchRun`, `RunNotReady`.
    """
    statement = _SHARE_RUN if shared else _HOLD_RUN
    run = await tx.maybe(statement, portal_id=tx.portal.portal_id, run_id=run_id)
    if run is None:
        raise NoSuchRun(f"It was asked for as {run_id}.", field="run_id")
    if run.status not in states:
        raise RunNotReady(f"Run {run_id} is {run.status}.", field="run_id")
    return run


async def _run(tx: Tx, run_id: int) -> Run:
    """Return a run. Raises `NoSuchRun`."""
    run = await tx.maybe(
        _RUNS,
        portal_id=tx.portal.portal_id,
        blocked=list(tx.user.blocked),
        run_id=run_id,
        before=2**62,
        how_many=1,
    )
    if run is None:
        raise NoSuchRun(f"It was asked for as {run_id}.", field="run_id")
    return run


async def _drafts(tx: Tx, named: DraftsNamed) -> list[DraftNamed]:
    """Return the drafts that are named. Raises `Invalid` for an account without one."""
    for account in named.accounts:
        tx.user.refuse_blocked(account)
    drafts = await tx.all(
        _DRAFTS_OF,
        portal_id=tx.portal.portal_id,
        run_id=named.run_id,
        accounts=list(named.accounts),
    )
    missing = set(named.accounts) - {draft.account for draft in drafts}
    if missing:
        raise Invalid(f"Account {min(missing)[:40]} has no draft in this run.", field="accounts")
    return drafts


async def _hold(tx: Tx, named: DraftsNamed, reason: str | None) -> int:
    """Hold drafts, or let them go."""
    await _held(tx, named.run_id, *_OPEN)
    if not named.accounts:
        raise Invalid("Name the accounts.", field="accounts")
    drafts = await _drafts(tx, named)
    return await tx.one(
        _HOLD_DRAFTS,
        portal_id=tx.portal.portal_id,
        invoice_ids=[draft.invoice_id for draft in drafts],
        reason=reason,
        login=tx.user.login,
    )
