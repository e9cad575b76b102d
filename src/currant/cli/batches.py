"""`currant batch`: what cashiers took, counted, closed and approved."""

import sys
from collections.abc import Iterator
from decimal import Decimal
from textwrap import wrap
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import typer

from currant.access.model import PortalShown
from currant.access.verbs import Nothing, show_portal
from currant.batches.model import (
    ApproveBatch,
    Batch,
    BatchesWanted,
    BatchNamed,
    BatchState,
    CloseBatch,
    Count,
    CurrentBatch,
)
from currant.batches.tenders import TENDERS
from currant.batches.verbs import (
    approve_batch,
    close_batch,
    close_own_batch,
    current_batch,
    list_batches,
    show_batch,
)
from currant.cli.figures import at_in, clock_time, figure, figures, minute
from currant.cli.frame import NEWEST, Exit, Session, Stopped, command
from currant.cli.imports import Key
from currant.cli.paper import RULE, WIDTH, heading, line
from currant.errors import Invalid
from currant.money import format_money, minor_units, parse_amount

app = typer.Typer(no_args_is_help=True)

_CELL = 13

Number = Annotated[int, typer.Argument(help="Its number: `currant batch list`.", metavar="ID")]
Amount = Annotated[str | None, typer.Option(help="What was counted of it.", metavar="AMOUNT")]
Note = Annotated[str, typer.Option(help="What there is to say about it.")]


@command(app, "close")
async def close(
    session: Session,
    cashier: Annotated[
        str | None,
        typer.Argument(help="Whose open batch; your own without it.", metavar="LOGIN"),
    ] = None,
    *,
    cash: Amount = None,
    check: Amount = None,
    card: Amount = None,
    eft: Amount = None,
    note: Note = "",
    key: Key = None,
) -> None:
    """Close a batch with a count of each kind of tender, and print what was over or short.

    At a terminal it asks for the counts where none is given. The next tender opens another batch.
    """
    portal = await session.ask(show_portal, Nothing())
    given = dict(zip(TENDERS, (cash, check, card, eft), strict=True))
    counted = _read(portal, given) or _asked(session, portal)
    if cashier is None:
        closed = await session.act(close_own_batch, Count(counted, note), key)
    else:
        wanted = CloseBatch(counted, note, login=cashier)
        closed = await session.act(close_batch, wanted, key)
    session.teller.tell(closed, lambda: "\n".join(report_of(closed, portal)))


@command(app, "approve")
async def approve(session: Session, number: Number, *, note: Note = "", key: Key = None) -> None:
    """Approve a batch that is closed; its cashier and who closed it may not."""
    approved = await session.act(approve_batch, ApproveBatch(number, note), key)
    session.teller.tell(approved, lambda: f"Batch {approved.batch_id} is approved.")


@command(app, "show")
async def show(
    session: Session,
    number: Annotated[
        int | None,
        typer.Argument(help="Its number; what is in your own open one without it.", metavar="ID"),
    ] = None,
) -> None:
    """Print the report of a batch, or say what you have taken since the last count."""
    portal = await session.ask(show_portal, Nothing())
    if number is not None:
        batch = await session.ask(show_batch, BatchNamed(number))
        session.teller.tell(batch, lambda: "\n".join(report_of(batch, portal)))
    else:
        current = await session.ask(current_batch, Nothing())
        session.teller.tell(current, lambda: "\n".join(_current(current, portal)))


@command(app, "list")
async def list_all(
    session: Session,
    *,
    cashier: Annotated[
        str | None, typer.Option(help="Of this cashier only.", metavar="LOGIN")
    ] = None,
    state: Annotated[BatchState | None, typer.Option(help="In this state only.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many batches.")] = 20,
) -> None:
    """List cashiers' batches, newest first; `currant batch show` prints one."""
    found = await session.ask(list_batches, BatchesWanted(NEWEST, limit, cashier, state))
    portal = await session.ask(show_portal, Nothing())
    lines = [Line.of(batch, portal.zone) for batch in found]
    at = at_in(portal.zone, (batch.opened_at for batch in found))
    columns = Line.__struct_fields__
    right = ("tenders", "taken", "over_short")
    session.teller.tell(
        found, lambda: figures(lines, *columns, right=right, folds=("cashier",), at=at)
    )


class Line(msgspec.Struct, frozen=True):
    """A batch as it is listed, by when it was opened."""

    batch: int
    cashier: str
    at: str
    state: str
    tenders: int
    taken: str
    over_short: str

    @classmethod
    def of(cls, batch: Batch, zone: ZoneInfo) -> "Line":
        """Return how a batch is listed, its time told in the portal's zone."""
        return cls(
            batch.batch_id,
            batch.login,
            minute(batch.opened_at, zone),
            batch.state,
            batch.tenders,
            format_money(batch.taken, batch.currency),
            format_money(batch.difference, batch.currency) if batch.difference else "",
        )


def _read(portal: PortalShown, given: dict[str, str | None]) -> dict[str, Decimal]:
    """Read the counts that were given. Raises `Invalid`."""
    try:
        return {
            name: _amount(portal, name, text) for name, text in given.items() if text is not None
        }
    except Invalid as refusal:
        refusal.undone = True
        raise


def _amount(portal: PortalShown, tender: str, text: str) -> Decimal:
    """Read what was counted of a kind of tender. Raises `Invalid` naming it."""
    try:
        return parse_amount(text.strip(), places=minor_units(portal.currency))
    except Invalid as refusal:
        raise Invalid(f"{tender}: {refusal.detail}", field=tender) from refusal


def _asked(session: Session, portal: PortalShown) -> dict[str, Decimal]:
    """Ask somebody at a terminal what was counted of each kind; of nobody else anything."""
    if session.options.no_input or not sys.stdin.isatty():
        return {}
    try:
        return {tender: _prompted(portal, tender) for tender in TENDERS}
    except typer.Abort as gone:
        raise Stopped(Exit.FAILURE, "Nothing was closed.") from gone


def _prompted(portal: PortalShown, tender: str) -> Decimal:
    """Ask for the count of a kind of tender until it is an amount."""

    def read(text: str) -> Decimal:
        try:
            return _amount(portal, tender, text)
        except Invalid as refusal:
            raise typer.BadParameter(refusal.detail) from refusal

    told: Decimal = typer.prompt(f"Counted, {tender}", default="0", value_proc=read, err=True)
    return told


def report_of(batch: Batch, portal: PortalShown) -> Iterator[str]:
    """Yield the lines of a batch's report, 44 columns wide, headed by the utility's name."""
    yield from heading(portal.name, f"BATCH {batch.batch_id}, {batch.state.upper()}")
    yield from _story(batch, portal.zone)
    yield RULE
    if batch.counted is None or batch.difference is None:
        yield line("Taken", format_money(batch.taken, batch.currency))
        yield RULE
        return
    yield _columns(batch.currency, "expected", "counted", "over/short")
    for count in batch.counts:
        amounts = (count.expected, count.counted, count.difference)
        yield _columns(count.tender, *_figures(batch.currency, *amounts))
    yield RULE
    amounts = (batch.taken, batch.counted, batch.difference)
    yield _columns("total", *_figures(batch.currency, *amounts))
    yield RULE
    if batch.transaction_id is not None:
        yield line("Over and short posted as", str(batch.transaction_id))
    for note in filter(None, (batch.note, batch.approval_note)):
        yield from wrap(note, WIDTH)


def _story(batch: Batch, zone: ZoneInfo) -> Iterator[str]:
    """Yield who took, closed and approved a batch, when, and how many tenders it has."""
    yield line("Cashier", batch.login)
    yield line("Opened", clock_time(batch.opened_at, zone))
    if batch.closed_at is not None:
        yield line("Closed", clock_time(batch.closed_at, zone))
        if batch.closed_by != batch.login:
            yield line("  by", batch.closed_by or "")
    if batch.approved_at is not None:
        yield line("Approved", clock_time(batch.approved_at, zone))
        yield line("  by", batch.approved_by or "")
    yield line("Tenders", f"{batch.tenders:,}")
    for count in batch.counts:
        if count.tenders:
            yield line(f"  {count.tender}", f"{count.tenders:,}")
    if batch.given_back:
        yield line("Given back", f"{batch.given_back:,}")


def _figures(currency: str, expected: Decimal, counted: Decimal, over: Decimal) -> tuple[str, ...]:
    """Write amounts without their currency; what is over has a plus, and what is right nothing."""
    sign = "+" if over > 0 else ""
    told = f"{sign}{figure(over, currency)}" if over else ""
    return figure(expected, currency), figure(counted, currency), told


def _columns(name: str, *cells: str) -> str:
    """Set a name and three figures side by side; under each other where they are large."""
    if max(map(len, cells)) < _CELL:
        return (f"{name:<5}" + "".join(f"{cell:>{_CELL}}" for cell in cells)).rstrip()
    return "\n".join(line(name if place == 0 else "", cell) for place, cell in enumerate(cells))


def _current(current: CurrentBatch, portal: PortalShown) -> Iterator[str]:
    """Yield what somebody has taken since the last count."""

    def money(amount: Decimal) -> str:
        return format_money(amount, current.currency)

    if current.opened_at is None:
        yield line("Batch", "none is open")
    else:
        yield line("Batch", str(current.batch_id))
        yield line("Opened", clock_time(current.opened_at, portal.zone))
    yield line("Tenders", f"{current.tenders:,}")
    if current.given_back:
        yield line("Given back", f"{current.given_back:,}")
    yield line("Taken", money(current.taken))
    if current.vending_limit is not None and current.left is not None:
        yield line("Vending limit", money(current.vending_limit))
        yield line("Left of it", money(current.left))
