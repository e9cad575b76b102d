"""`currant receipts`: money that comes in besides the counter, and goes back out."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import msgspec
import typer
from rich.table import Table

from currant.access.model import PortalShown
from currant.access.verbs import Nothing, show_portal
from currant.cli.documents import save
from currant.cli.figures import figures
from currant.cli.frame import Session, command
from currant.cli.imports import DryRun, File, Key
from currant.clock import SystemClock, parse_day
from currant.debtors.verbs import issue_receipt
from currant.documents.model import DocumentNamed
from currant.money import format_money, parse_amount
from currant.receipts.model import (
    BatchType,
    BondMoved,
    BondNamed,
    DishonourReceipt,
    ImportReceipts,
    NewReceipt,
    PostReceipts,
    Receipt,
    ReceiptNamed,
    ReceiptsWanted,
    RefundCredit,
    ReleaseBond,
    TakeBond,
    Transfer,
    TransferReceipts,
    UndoReceipt,
)
from currant.receipts.verbs import (
    dishonour_receipt,
    import_receipts,
    post_receipts,
    receipts,
    refund_credit,
    release_bond,
    reverse_receipt,
    show_bond,
    show_receipt,
    suspend_receipt,
    take_bond,
    transfer_receipts,
)

app = typer.Typer(no_args_is_help=True)

_PLACES = 3  # As many as any currency has; the portal's own number is checked by the verb.
_MOST_TOLD = 20
_FIGURES = ("amount", "paid", "credit", "wallet")

Account = Annotated[str, typer.Argument(help="The customer account: 03280")]
Amount = Annotated[str, typer.Argument(help="How much, in the portal's currency.")]
Part = Annotated[str | None, typer.Argument(help="How much; all of it without.", metavar="AMOUNT")]
Number = Annotated[int, typer.Argument(help="The number that the list shows.", metavar="RECEIPT")]
Type = Annotated[BatchType, typer.Option("--type", help="How the money came or goes.")]
Note = Annotated[str, typer.Option(help="Why; the books keep it.")]
FirstDay = Annotated[str | None, typer.Option("--from", help="From this day on: 2026-03-01.")]
LastDay = Annotated[str | None, typer.Option("--to", help="To this day.")]
ByOwnDate = Annotated[
    bool, typer.Option("--by-own-date", help="By their own date, not by the day of posting.")
]
Limit = Annotated[int, typer.Option(min=1, help="How many are listed.")]


@command(app, "take")
async def take(
    session: Session,
    account: Account,
    amount: Amount,
    *,
    batch_type: Type = BatchType.DIRECT,
    on: Annotated[
        str | None, typer.Option("--date", help="When the money came; today without it.")
    ] = None,
    reference: Annotated[str, typer.Option(help="What the bank calls it.")] = "",
    batch: Annotated[str, typer.Option(help="The name of its batch.")] = "",
    to_wallet: Annotated[
        bool, typer.Option("--to-wallet", help="What is not owed fills the wallet.")
    ] = False,
    dry_run: DryRun = False,
    key: Key = None,
) -> None:
    """Post a receipt: what is due first is paid first, the rest stays to the account's credit.

    Where nobody knows the account the money waits in suspense.
    """
    portal = await session.ask(show_portal, Nothing())
    one = NewReceipt(
        batch_type,
        account,
        day_of(on, portal),
        parse_amount(amount, places=_PLACES),
        reference,
        batch,
        to_wallet,
    )
    order = PostReceipts([one])
    taken = await session.act(post_receipts, order, key or f"cli-{uuid4()}", dry_run=dry_run)
    session.teller.tell(taken, lambda: "\n".join(_story(taken[0], portal)))
    if dry_run:
        session.teller.note("Nothing was posted: this is what would be.")


@command(app, "import")
async def import_file(
    session: Session,
    file: File,
    *,
    batch_type: Type = BatchType.DIRECT,
    batch: Annotated[str, typer.Option(help="The name of their batch.")] = "",
    dry_run: DryRun = False,
    key: Key = None,
) -> None:
    """Post the receipts of a CSV file as one batch: account, date, amount, reference.

    All of them or nothing; every bad record is named.
    """
    portal = await session.ask(show_portal, Nothing())
    with session.teller.upload(file) as sent:
        order = ImportReceipts(batch_type, batch, sent)
        taken = await session.act(import_receipts, order, key, dry_run=dry_run)
    session.teller.tell(taken, lambda: "\n".join(_counted(taken, portal, dry_run=dry_run)))


@command(app, "list")
async def list_receipts(
    session: Session,
    *,
    first: FirstDay = None,
    last: LastDay = None,
    by_own_date: ByOwnDate = False,
    account: Annotated[str | None, typer.Option(help="Of this account only.")] = None,
    batch_type: Annotated[
        BatchType | None, typer.Option("--type", help="Of batches of this type only.")
    ] = None,
    suspense: Annotated[
        bool, typer.Option("--suspense", help="Those that wait in suspense.")
    ] = False,
    limit: Limit = 50,
) -> None:
    """List receipts by their numbers, with what they paid and what is left of them."""
    portal = await session.ask(show_portal, Nothing())
    question = ReceiptsWanted(
        None if first is None else parse_day(first),
        None if last is None else parse_day(last),
        by_own_date,
        None,
        account,
        batch_type,
        suspense or None,
        limit + 1,
    )
    async with session.door.asking(receipts, session.actor) as tx:
        found = [receipt async for receipt in receipts(tx, question)]
    told = found[:limit]
    session.teller.tell(told, lambda: _drawn(told, portal) if told else "There are no receipts.")
    if len(found) > limit:
        session.teller.note(f"These are the first {limit}; --limit lists more.")


@command(app, "show")
async def show(session: Session, number: Number) -> None:
    """Show a receipt, what it paid and what became of it."""
    portal = await session.ask(show_portal, Nothing())
    found = await session.ask(show_receipt, ReceiptNamed(number))
    session.teller.tell(found, lambda: "\n".join(_story(found, portal)))


@command(app, "pdf")
async def pdf(
    session: Session,
    number: Number,
    *,
    out: Annotated[Path, typer.Option(help="The file to write; - for stdout.")],
) -> None:
    """Write a receipt as PDF: issued at the first time, and the same bytes each time."""
    issued = await session.act(issue_receipt, ReceiptNamed(number))
    await save(session, DocumentNamed(issued.number, issued.kind), out)


@command(app, "transfer")
async def transfer(session: Session, number: Number, account: Account, *, key: Key = None) -> None:
    """Transfer a receipt from suspense to the account that it was meant for."""
    portal = await session.ask(show_portal, Nothing())
    order = TransferReceipts([Transfer(number, account)])
    moved = await session.act(transfer_receipts, order, key)
    session.teller.tell(moved, lambda: "\n".join(_story(moved[0], portal)))


@command(app, "suspend")
async def suspend(session: Session, number: Number, *, note: Note, key: Key = None) -> None:
    """Put a receipt that was transferred to the wrong account back into suspense."""
    portal = await session.ask(show_portal, Nothing())
    back = await session.act(suspend_receipt, UndoReceipt(number, note), key)
    session.teller.tell(back, lambda: "\n".join(_story(back, portal)))


@command(app, "dishonour")
async def dishonour(
    session: Session,
    number: Number,
    kind: Annotated[str, typer.Argument(help="What the bank calls it: INSUFFICIENT")],
    *,
    fee: Annotated[str | None, typer.Option(help="What is charged for it.")] = None,
    note: Annotated[str, typer.Option(help="What else there is to say.")] = "",
    key: Key = None,
) -> None:
    """Reverse a receipt whose money did not come; what it paid is owed again."""
    portal = await session.ask(show_portal, Nothing())
    charged = None if fee is None else parse_amount(fee, places=_PLACES)
    order = DishonourReceipt(number, kind, note, charged)
    gone = await session.act(dishonour_receipt, order, key)
    session.teller.tell(gone, lambda: "\n".join(_story(gone, portal)))


@command(app, "reverse")
async def undo(session: Session, number: Number, *, note: Note, key: Key = None) -> None:
    """Reverse a receipt with all that it moved; what it paid is owed again."""
    portal = await session.ask(show_portal, Nothing())
    gone = await session.act(reverse_receipt, UndoReceipt(number, note), key)
    session.teller.tell(gone, lambda: "\n".join(_story(gone, portal)))


@command(app, "refund")
async def refund(
    session: Session,
    account: Account,
    amount: Part = None,
    *,
    note: Note,
    batch_type: Type = BatchType.EFT,
    key: Key = None,
) -> None:
    """Pay back what an account has to its credit; never more."""
    portal = await session.ask(show_portal, Nothing())
    part = None if amount is None else parse_amount(amount, places=_PLACES)
    order = RefundCredit(account, note, part, batch_type)
    done = await session.act(refund_credit, order, key or f"cli-{uuid4()}")
    told = format_money(done.amount, portal.currency)
    session.teller.tell(
        done, lambda: f"{told} is refunded to account {account}, as {done.transaction_id}."
    )


@command(app, "bond")
async def bond(session: Session, account: Account) -> None:
    """Say what is held of an account as a bond."""
    portal = await session.ask(show_portal, Nothing())
    held = await session.ask(show_bond, BondNamed(account))
    session.teller.tell(
        held,
        lambda: (
            f"Account {account} has a bond of {format_money(held.held, portal.currency)}.\n"
            + owed("It", held.balance, portal.currency)
        ),
    )


@command(app, "take-bond")
async def take_a_bond(
    session: Session,
    account: Account,
    amount: Amount,
    *,
    batch_type: Type = BatchType.EFT,
    note: Annotated[str, typer.Option(help="What the books should say of it.")] = "",
    key: Key = None,
) -> None:
    """Take a bond for an account."""
    portal = await session.ask(show_portal, Nothing())
    order = TakeBond(account, batch_type, parse_amount(amount, places=_PLACES), note)
    done = await session.act(take_bond, order, key or f"cli-{uuid4()}")
    session.teller.tell(done, lambda: "\n".join(_bond(done, portal)))


@command(app, "release-bond")
async def release_a_bond(
    session: Session,
    account: Account,
    amount: Part = None,
    *,
    note: Note,
    debt_only: Annotated[
        bool, typer.Option("--debt-only", help="Only what the account owes; refund nothing.")
    ] = False,
    batch_type: Type = BatchType.EFT,
    key: Key = None,
) -> None:
    """Release a bond: to what the account owes first, the rest to the customer."""
    portal = await session.ask(show_portal, Nothing())
    part = None if amount is None else parse_amount(amount, places=_PLACES)
    order = ReleaseBond(account, note, part, not debt_only, batch_type)
    done = await session.act(release_bond, order, key or f"cli-{uuid4()}")
    session.teller.tell(done, lambda: "\n".join(_bond(done, portal)))


class Line(msgspec.Struct, frozen=True):
    """A receipt as it is listed; the account is what was told of it where it is in suspense."""

    receipt: int
    account: str
    date: str
    type: str
    reference: str
    amount: str
    paid: str
    credit: str
    wallet: str
    state: str


def day_of(text: str | None, portal: PortalShown) -> date:
    """Read a day; without one it is today by the portal's clock. Raises `Invalid`."""
    return SystemClock().now().astimezone(portal.zone).date() if text is None else parse_day(text)


def _drawn(found: Sequence[Receipt], portal: PortalShown) -> Table:
    def money(amount: Decimal) -> str:
        return format_money(amount, portal.currency) if amount else ""

    lines = [
        Line(
            receipt.receipt_id,
            receipt.account or receipt.told,
            receipt.received_on.isoformat(),
            receipt.batch_type,
            receipt.reference,
            money(receipt.amount),
            money(receipt.allocated),
            money(receipt.unallocated),
            money(receipt.wallet_amount),
            _state(receipt),
        )
        for receipt in found
    ]
    return figures(lines, *Line.__struct_fields__, right=_FIGURES, folds=("reference",))


def _state(receipt: Receipt) -> str:
    """Return what is special about a receipt; nothing where it stands."""
    return (
        "SUSPENSE"
        if receipt.suspense and receipt.status == "POSTED"
        else ("" if receipt.status == "POSTED" else receipt.status)
    )


def _story(receipt: Receipt, portal: PortalShown) -> Iterator[str]:
    """Yield what came in, what it paid and what became of it."""

    def money(amount: Decimal) -> str:
        return format_money(amount, portal.currency)

    whose = f"for account {receipt.account}" if receipt.account else f"for {receipt.told!r}"
    yield (
        f"Receipt {receipt.receipt_id} of {receipt.received_on}: {money(receipt.amount)} {whose}, "
        f"{receipt.batch_type} batch {receipt.batch_no}."
    )
    if receipt.status != "POSTED":
        yield f"It is {receipt.status.lower()}."
        if receipt.adjustment_id is not None:
            told = f"currant adjustment show {receipt.adjustment_id}"
            yield f"  its fee is adjustment {receipt.adjustment_id}: `{told}`"
    elif receipt.suspense:
        yield "Nobody knows the account: it waits in suspense."
    for paid in receipt.allocations:
        yield f"  {money(paid.amount)} paid on transaction {paid.transaction_id}"
    if receipt.wallet_amount:
        yield f"  {money(receipt.wallet_amount)} to the wallet"
    if receipt.unallocated and not receipt.suspense:
        yield f"  {money(receipt.unallocated)} stays to its credit"
    if receipt.balance is not None:
        yield owed("The account", receipt.balance, portal.currency)


def owed(whose: str, balance: Decimal, currency: str) -> str:
    """Say what an account owes, or has to its credit."""
    if balance < 0:
        return f"{whose} has {format_money(-balance, currency)} to its credit."
    return f"{whose} owes {format_money(balance, currency)}."


def _counted(taken: Sequence[Receipt], portal: PortalShown, *, dry_run: bool) -> Iterator[str]:
    """Yield how many receipts came, how much that is, and which wait in suspense."""
    done = "would be posted" if dry_run else "were posted"
    whole = sum((receipt.amount for receipt in taken), Decimal(0))
    yield f"{len(taken):,} receipts of {format_money(whole, portal.currency)} {done}."
    lost = [receipt for receipt in taken if receipt.suspense]
    for receipt in lost[:_MOST_TOLD]:
        amount = format_money(receipt.amount, portal.currency)
        yield f"{receipt.receipt_id} of {amount} for {receipt.told!r} is in suspense."
    if len(lost) > _MOST_TOLD:
        yield f"{len(lost) - _MOST_TOLD} more are listed by `currant receipts list --suspense`."


def _bond(done: BondMoved, portal: PortalShown) -> Iterator[str]:
    """Yield what was done with a bond, and what is held now."""
    for amount, entry, what in (
        (done.taken, done.taken_by, "taken"),
        (done.applied, done.applied_by, "applied to what is owed"),
        (done.refunded, done.refunded_by, "refunded"),
    ):
        if entry is not None:
            yield f"{format_money(amount, portal.currency)} is {what}, as {entry}."
    yield f"Account {done.account} has a bond of {format_money(done.held, portal.currency)}."
    yield owed("It", done.balance, portal.currency)
