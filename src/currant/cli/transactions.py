"""`currant pay` and `currant reverse`: arrears paid without a sale, and what is undone."""

from collections.abc import Iterator
from typing import Annotated
from uuid import uuid4

import typer

from currant.access.model import PortalShown
from currant.access.verbs import Nothing, show_portal
from currant.cli.figures import clock_time
from currant.cli.frame import Session, command
from currant.cli.imports import Key
from currant.cli.paper import RULE, heading, line
from currant.door import OutcomeUnknown
from currant.money import format_money, parse_amount
from currant.transactions.model import (
    ArrearsPaid,
    PayArrears,
    ReverseTransaction,
    TransactionReversed,
)
from currant.transactions.verbs import pay_arrears, reverse

app = typer.Typer()

_PLACES = 3  # As many as any currency has; the portal's own number is checked by the verb.


@command(app, "pay", negatives=True)
async def pay(
    session: Session,
    account: Annotated[str, typer.Argument(help="The customer account: 03280")],
    amount: Annotated[str, typer.Argument(help="What is tendered, in the portal's currency.")],
    *,
    item: Annotated[
        list[int] | None, typer.Option(help="Pay this arrears, not the oldest; may be repeated.")
    ] = None,
    tender: Annotated[str, typer.Option(help="cash, check, card or eft.")] = "cash",
    number: Annotated[int, typer.Option(help="The number of a check or slip.")] = 0,
    name: Annotated[str, typer.Option(help="The bank or the name on a check.")] = "",
    note: Annotated[str, typer.Option(help="What the books should say of it.")] = "",
    key: Key = None,
) -> None:
    """Take a tender for arrears alone, and print the receipt; no energy is sold."""
    money = parse_amount(amount, places=_PLACES, signed=True)
    wanted = PayArrears(account, tender, money, item or None, number, name, note)
    key = key or f"cli-{uuid4()}"
    try:
        paid = await session.act(pay_arrears, wanted, key)
    except OutcomeUnknown:
        session.teller.err.print(f"Repeating it with --key {key} takes it once at most.")
        raise
    portal = await session.ask(show_portal, Nothing())
    session.teller.tell(paid, lambda: "\n".join(receipt_of_payment(paid, portal)))


@command(app, "reverse")
async def undo(
    session: Session,
    number: Annotated[int, typer.Argument(help="The number of the transaction or receipt.")],
    *,
    note: Annotated[str, typer.Option(help="Why; the books keep it.")],
    key: Key = None,
) -> None:
    """Undo a sale, a payment, an adjustment or arrears, with all that it moved."""
    done = await session.act(reverse, ReverseTransaction(number, note), key or f"cli-{uuid4()}")
    session.teller.tell(done, lambda: "\n".join(_told(done)))


def receipt_of_payment(paid: ArrearsPaid, portal: PortalShown) -> Iterator[str]:
    """Yield the lines of a receipt, headed by the utility's name."""
    title = f"{'REVERSED ' if paid.reversed else ''}RECEIPT {paid.transaction_id}"
    yield from heading(portal.name, title)
    yield line("Date", clock_time(paid.paid_at, portal.zone))
    yield line("Account", paid.account)
    yield line("Customer", paid.customer_name)
    yield line("Taken by", paid.login)
    yield RULE
    yield line(f"Tendered, {paid.tender}", format_money(paid.amount, paid.currency))
    for item in paid.items:
        yield line(
            f"  {item.arrears_type} {item.arrears_id}", format_money(item.amount, paid.currency)
        )
        yield line("    still owed", format_money(item.outstanding, paid.currency))
    yield RULE
    if paid.outstanding is not None:
        yield line("Arrears still owed", format_money(paid.outstanding, paid.currency))
        yield RULE


def _told(done: TransactionReversed) -> Iterator[str]:
    """Yield what was undone, and what somebody should look after."""
    amount = format_money(done.amount, done.currency)
    yield (
        f"Transaction {done.reverses} ({done.kind}, {amount}, account {done.account}) is reversed "
        f"by {done.transaction_id}."
    )
    if done.below_zero:
        yield "The wallet is below zero now: part of it was used already."
    if done.given_back:
        yield f"Give back {amount}; the batch that it was taken in expects it no longer."
    elif done.given_back is not None:
        yield f"Its batch was closed before: {amount} is to be given back by the office."
