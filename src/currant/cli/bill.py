"""`currant bill`: runs from the first draft to the last post, their exceptions, the policy."""

import asyncio
from collections.abc import Callable, Sequence
from enum import StrEnum
from operator import attrgetter
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Group
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from currant.access.verbs import Nothing, show_portal
from currant.billing.model import Policy
from currant.billing.verbs import policy, set_policy
from currant.cli import bill_determinants
from currant.cli.figures import figures
from currant.cli.frame import NEWEST, Session, command, secret, table
from currant.cli.imports import DryRun, Key
from currant.cli.invoices import drafted
from currant.clock import parse_day
from currant.documents.model import DocumentKind, DocumentNamed
from currant.documents.verbs import document_pdf
from currant.door import Verb
from currant.money import format_money
from currant.runs.model import (
    BillException,
    ChunkDone,
    DraftOf,
    DraftRow,
    DraftsNamed,
    DraftsWanted,
    ExceptionsWanted,
    HoldDrafts,
    Run,
    RunChunk,
    RunDrafted,
    RunNamed,
    RunsWanted,
    StartRun,
    ToPrint,
)
from currant.runs.verbs import (
    approve_run,
    bill_draft,
    bill_drafts,
    bill_exceptions,
    bill_run,
    bill_runs,
    discard_drafts,
    draft_bills,
    draft_run,
    hold_drafts,
    post_bills,
    release_drafts,
    start_run,
    to_print,
)

app = typer.Typer(no_args_is_help=True)
rules = typer.Typer(no_args_is_help=True)
app.add_typer(rules, name="policy", help="How the portal bills.")
app.add_typer(bill_determinants.app)

Number = Annotated[int, typer.Argument(help="The run: `currant bill runs`.", metavar="RUN")]
Accounts = Annotated[list[str], typer.Argument(help="Whose drafts.", metavar="ACCOUNT...")]
Day = str | None

_AT_ONCE = 500
_HANDS = 2
_LET_OTHERS = 0.05  # seconds
_BAR = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
_TO_DO = {
    "ZERO": "It bills nothing. Post it as it is, or `currant bill discard` it.",
    "NEGATIVE": "It is held. See why; then `currant bill release`, or `discard`.",
    "OUTLIER": "It is held. Check its reads; then `currant bill release`, or `discard`.",
    "MISSING_READ": "Record or estimate the read, and run the account again.",
    "GAP": "Find them by `currant nem12 gaps`; load or estimate them, and run the account again.",
    "ESTIMATED": "Nothing now: after an actual read, a run with --reopen puts it right.",
    "NO_PLAN": "Put the meter or the agreement on a plan, and run the account again.",
    "UNPRICED": "Mend the plan: `currant tariff show`; then run the account again.",
    "DRAFTED": "Post or discard that draft, and run the account again.",
    "HELD_CYCLE": "Nothing, or bill it by itself: `currant bill run --account`.",
    "LATE_READ": "Nothing: posting the draft that replaces it issues its credit note.",
    "METER_CHANGED": "Nothing where the run reopens; otherwise run the account with --reopen.",
    "PLAN_CHANGED": "Nothing where the run reopens; otherwise run the account with --reopen.",
    "ENDED": "Nothing where the run reopens; otherwise run the account with --reopen.",
}


class Cycle(StrEnum):
    """How often accounts are billed."""

    MONTHLY = "MONTHLY"
    QUARTERLY = "QUARTERLY"


@command(app, "run")
async def run_bills(
    session: Session,
    *,
    through: Annotated[str, typer.Option(help="The last day that is billed: 2026-07-31.")],
    cycle: Annotated[
        Cycle | None, typer.Option(case_sensitive=False, help="The accounts of a cycle only.")
    ] = None,
    building: Annotated[Day, typer.Option(help="The accounts of a building only.")] = None,
    account: Annotated[Day, typer.Option(help="One account only, on hold too.")] = None,
    invoice_on: Annotated[Day, typer.Option(help="The invoices' date; today without.")] = None,
    due_on: Annotated[Day, typer.Option(help="When they are due; by the policy without.")] = None,
    reopen: Annotated[
        bool, typer.Option("--reopen", help="Bill anew what later reads or ends changed.")
    ] = False,
    approve: Annotated[
        str | None,
        typer.Option(
            help="Have it approved by this user, another, whose password is asked for.",
            metavar="LOGIN",
        ),
    ] = None,
    approver_password_file: Annotated[
        Path | None, typer.Option(help="Where the approver's password is read from.")
    ] = None,
    post: Annotated[bool, typer.Option("--post", help="Post what is approved.")] = False,
    dry_run: DryRun = False,
    key: Key = None,
) -> None:
    """Bill the days up to one that no invoice covers yet; tell what it comes to.

    Drafts are made, approved by somebody else, and posted. What stands in the way of a bill, or
    looks wrong, is listed with what to do.
    """
    wanted = StartRun(
        parse_day(through),
        cycle,
        building,
        account,
        None if invoice_on is None else parse_day(invoice_on),
        None if due_on is None else parse_day(due_on),
        reopen,
    )
    if dry_run:
        told = await session.act(draft_run, wanted, dry_run=True)
        await _tell(session, told)
        session.teller.note("Nothing was kept: this is what would be.")
        return
    run = await session.act(start_run, wanted, key)
    session.teller.note(f"Run {run.run_id} is begun.")
    await _draft(session, run)
    if approve is not None:
        options = msgspec.structs.replace(session.options, password_file=approver_password_file)
        proved = await session.door.prove_password(
            approve, secret(options, f"password of {approve}")
        )
        await session.door.act(approve_run, RunNamed(run.run_id), proved.at(session.actor.portal))
    if post:
        await _post(session, run.run_id)
    await _tell(session, await _drafted(session, run.run_id))


@command(app, "draft")
async def draft(session: Session, run: Number) -> None:
    """Go on drafting a run that was interrupted."""
    await _draft(session, await session.ask(bill_run, RunNamed(run)))
    await _tell(session, await _drafted(session, run))


@command(app, "runs")
async def list_runs(
    session: Session,
    *,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many runs.")] = 20,
) -> None:
    """List bill runs, the newest first."""
    found = await session.ask(bill_runs, RunsWanted(NEWEST, limit))
    portal = await session.ask(show_portal, Nothing())
    session.teller.tell(
        found,
        lambda: (
            _runs(found, portal.currency) if found else "There are no runs yet: `currant bill run`."
        ),
    )


@command(app, "show")
async def show(
    session: Session,
    run: Number,
    account: Annotated[
        str | None, typer.Argument(help="Whose invoice, with its lines.", metavar="[ACCOUNT]")
    ] = None,
) -> None:
    """Show a run: what it comes to, its exceptions, its first drafts; or an account's, by line."""
    if account is None:
        await _tell(session, await _drafted(session, run))
        return
    told = await session.ask(bill_draft, DraftOf(run, account))
    portal = await session.ask(show_portal, Nothing())
    session.teller.tell(told, lambda: "\n".join(drafted(told, portal.currency)))


@command(app, "exceptions")
async def exceptions(
    session: Session,
    run: Number,
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many of these.")] = 200,
) -> None:
    """List what a run found remarkable or could not bill, with what to do."""
    found = await session.ask(bill_exceptions, ExceptionsWanted(run, how_many=limit))
    session.teller.tell(found, lambda: _exceptions(found) if found else "There are none.")


@command(app, "drafts")
async def drafts(
    session: Session,
    run: Number,
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many invoices.")] = 200,
) -> None:
    """List the invoices of a run by account: drafts, and posted ones, which have a number."""
    found = await session.ask(bill_drafts, DraftsWanted(run, how_many=limit))
    portal = await session.ask(show_portal, Nothing())
    session.teller.tell(
        found, lambda: _drafts(found, portal.currency) if found else "There are none."
    )


@command(app, "hold")
async def hold(
    session: Session,
    run: Number,
    accounts: Accounts,
    *,
    reason: Annotated[str, typer.Option(help="Why.")],
    key: Key = None,
) -> None:
    """Hold drafts of a run back from posting."""
    held = await session.act(hold_drafts, HoldDrafts(run, accounts, reason), key)
    session.teller.tell(held, lambda: f"{_count(held)} held.")


@command(app, "release")
async def release(session: Session, run: Number, accounts: Accounts, *, key: Key = None) -> None:
    """Let drafts go that were held; `currant bill post` posts them."""
    released = await session.act(release_drafts, DraftsNamed(run, accounts), key)
    session.teller.tell(released, lambda: f"{_count(released)} released.")


@command(app, "discard")
async def discard(
    session: Session,
    run: Number,
    accounts: Annotated[
        list[str] | None,
        typer.Argument(help="Whose drafts; all of the run without.", metavar="[ACCOUNT...]"),
    ] = None,
    *,
    key: Key = None,
) -> None:
    """Throw drafts of a run away: the next run bills their days and charges."""
    gone = await session.act(discard_drafts, DraftsNamed(run, accounts or []), key)
    session.teller.tell(gone, lambda: f"{_count(gone)} discarded.")


@command(app, "approve")
async def approve_drafts(session: Session, run: Number, *, key: Key = None) -> None:
    """Approve a run that somebody else began: name who approves with --as."""
    approved = await session.act(approve_run, RunNamed(run), key)
    session.teller.tell(approved, lambda: f"Run {run} is approved by {approved.approved_by}.")


@command(app, "post")
async def post_run(session: Session, run: Number) -> None:
    """Post an approved run: book its invoices, issue their papers, queue what goes by e-mail."""
    await _post(session, run)
    told = await session.ask(bill_run, RunNamed(run))
    portal = await session.ask(show_portal, Nothing())
    session.teller.tell(told, lambda: _runs([told], portal.currency))


@command(app, "print")
async def print_bills(
    session: Session,
    run: Number,
    *,
    out: Annotated[
        Path | None, typer.Option(help="Write their PDFs to this folder.", metavar="FOLDER")
    ] = None,
) -> None:
    """List the posted invoices of a run that no e-mail brings, and write them for the printer."""
    found: list[ToPrint] = []
    page = await session.ask(to_print, DraftsWanted(run))
    while page:
        found += page
        page = await session.ask(to_print, DraftsWanted(run, page[-1].account_id))
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        with session.teller.progress(*_BAR) as progress:
            for one in progress.track(found, description="Papers"):
                paper = await session.act(
                    document_pdf, DocumentNamed(one.number, DocumentKind(one.kind))
                )
                name = one.kind.lower().replace("_", "-")
                (out / f"{name}-{one.number}.pdf").write_bytes(paper.pdf)
        session.teller.note(f"{len(found)} are in {out}.")
    session.teller.tell(
        found,
        lambda: (
            table(
                found, "number", "kind", "account", "account_name", "address_1", "city", "trouble"
            )
            if found
            else "There is none to print."
        ),
    )


@command(rules, "show")
async def show_policy(session: Session) -> None:
    """Show how the portal bills."""
    held = await session.ask(policy, Nothing())
    session.teller.tell(held, lambda: _policy(held))


@command(rules, "set")
async def change_policy(
    session: Session,
    *,
    tax_rounding: Annotated[
        str | None, typer.Option(help="Tax is rounded by LINE, or once by INVOICE.")
    ] = None,
    due_days: Annotated[int | None, typer.Option(help="Days until an invoice is due.")] = None,
    reopen_months: Annotated[
        int | None, typer.Option(help="Months back that late reads may reopen.")
    ] = None,
    outlier_percent: Annotated[
        int | None, typer.Option(help="A bill from this part of the usual on is held: 300.")
    ] = None,
    read_tolerance_days: Annotated[
        int | None, typer.Option(help="How old the last read may be at the end of a run.")
    ] = None,
) -> None:
    """Change how the portal bills what is drafted from now on; what is left out stays as it is."""
    said = {
        "tax_rounding": tax_rounding,
        "due_days": due_days,
        "reopen_months": reopen_months,
        "outlier_percent": outlier_percent,
        "read_tolerance_days": read_tolerance_days,
    }
    changes = {name: value for name, value in said.items() if value is not None}
    held = await session.ask(policy, Nothing())
    if changes:
        held = await session.act(set_policy, msgspec.structs.replace(held, **changes))
    session.teller.tell(held, lambda: _policy(held))


class RunLine(msgspec.Struct, frozen=True):
    """A run as it is listed; one that is tried only has no number."""

    run: str
    status: str
    through: str
    of: str
    invoices: int
    held: int
    posted: int
    exceptions: int
    tax: str
    total: str


class DraftLine(msgspec.Struct, frozen=True):
    """An invoice of a run as it is listed."""

    account: str
    name: str
    from_on: str
    to_on: str
    total: str
    number: str
    held: str


async def _draft(session: Session, run: Run) -> None:
    """Draft a run to its end."""
    await _to_the_end(
        session, draft_bills, run.run_id, "Drafting", run.accounts, attrgetter("accounts")
    )


async def _post(session: Session, run_id: int) -> None:
    """Post an approved run to its end."""
    run = await session.ask(bill_run, RunNamed(run_id))
    left = run.invoices - run.held - run.posted
    await _to_the_end(session, post_bills, run_id, "Posting", left, attrgetter("invoices"))


async def _to_the_end(
    session: Session,
    verb: Verb[RunChunk, ChunkDone],
    run_id: int,
    doing: str,
    left: int,
    counted: Callable[[ChunkDone], int],
) -> None:
    """Do chunks of a run until there are no more, each a transaction, by several hands."""
    with session.teller.progress(*_BAR) as progress:
        task = progress.add_task(f"{doing} run {run_id}", total=left)

        async def hand() -> None:
            more = True
            while more:
                done = await session.act(verb, RunChunk(run_id, _AT_ONCE))
                progress.advance(task, counted(done))
                more = done.more
                if more and not done.accounts:
                    await asyncio.sleep(_LET_OTHERS)

        await asyncio.gather(*(hand() for _ in range(_HANDS)))


async def _drafted(session: Session, run_id: int) -> RunDrafted:
    """Return a run with its first drafts and exceptions."""
    return RunDrafted(
        await session.ask(bill_run, RunNamed(run_id)),
        await session.ask(bill_drafts, DraftsWanted(run_id)),
        await session.ask(bill_exceptions, ExceptionsWanted(run_id)),
    )


async def _tell(session: Session, told: RunDrafted) -> None:
    """Tell a run: its figures, its drafts, and its exceptions with what to do."""
    currency = (await session.ask(show_portal, Nothing())).currency
    parts: list[object] = [_runs([told.run], currency)]
    if told.drafts:
        parts += ["", _drafts(told.drafts, currency)]
    if told.exceptions:
        parts += ["", _exceptions(told.exceptions)]
    session.teller.tell(told, lambda: Group(*parts))  # type: ignore[arg-type]
    if told.run.run_id and len(told.drafts) < told.run.invoices:
        more = f"currant bill drafts {told.run.run_id} --limit {told.run.invoices}"
        session.teller.note(f"These are the first {len(told.drafts)} drafts; `{more}` lists all.")
    if len(told.exceptions) < told.run.exceptions:
        more = f"currant bill exceptions {told.run.run_id} --limit {told.run.exceptions}"
        first = len(told.exceptions)
        session.teller.note(f"These are the first {first} exceptions; `{more}` lists all.")


def _runs(runs: Sequence[Run], currency: str) -> Table:
    lines = [
        RunLine(
            str(run.run_id or ""),
            run.status,
            run.through.isoformat(),
            run.account or run.building_code or run.cycle_code or "all",
            run.invoices,
            run.held,
            run.posted,
            run.exceptions,
            format_money(run.tax, currency),
            format_money(run.total, currency),
        )
        for run in runs
    ]
    columns = RunLine.__struct_fields__
    return figures(lines, *columns, right=("run", *columns[4:]))


def _drafts(drafts: Sequence[DraftRow], currency: str) -> Table:
    lines = [
        DraftLine(
            row.account,
            row.account_name,
            row.from_on.isoformat(),
            row.to_on.isoformat(),
            format_money(row.total, currency),
            row.number or "",
            row.held_for or "",
        )
        for row in drafts
    ]
    columns = DraftLine.__struct_fields__
    return figures(lines, *columns, right=("total",), folds=("name", "held"))


def _exceptions(found: Sequence[BillException]) -> Group:
    """Draw exceptions, and say for each kind what to do."""
    kinds = dict.fromkeys(one.kind for one in found)
    return Group(
        figures(found, "account", "kind", "detail", right=(), folds=("detail",)),
        "",
        *(f"{kind}: {_TO_DO[kind]}" for kind in kinds),
    )


def _policy(held: Policy) -> str:
    """Tell the policy a member a line."""
    return "\n".join(
        f"{name.replace('_', ' '):<22}{getattr(held, name)}" for name in held.__struct_fields__
    )


def _count(drafts: int) -> str:
    return f"{drafts} draft is" if drafts == 1 else f"{drafts} drafts are"
