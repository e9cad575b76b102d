"""`currant vend`, `currant vends`, `currant receipt`: energy sold, and what was sold."""

import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import msgspec
import typer

from currant.access.model import PortalShown
from currant.access.verbs import Nothing, show_portal
from currant.cli.figures import at_in, clock_time, figures, minute
from currant.cli.frame import NEWEST, Exit, Session, Stopped, command
from currant.cli.imports import Key
from currant.cli.paper import RULE, centered, heading, line
from currant.cli.transactions import receipt_of_payment
from currant.door import OutcomeUnknown
from currant.errors import Invalid
from currant.money import format_money, parse_amount, to_minor
from currant.transactions.model import PaymentNamed
from currant.transactions.verbs import show_payment
from currant.vending.model import NoSuchVend, Quote, Quoted, Vend, Vended, VendNamed, VendsOf
from currant.vending.verbs import list_vends, quote, show_vend
from currant.vending.verbs import vend as sell

app = typer.Typer()

_PLACES = 3  # As many as any currency has; the portal's own number is checked by the verb.
_HUNDRED = Decimal(100)
_ASK_ABOVE_MINOR = 50_000
_NUMBER_DIGITS = 18


@command(app, "vend", negatives=True)
async def vend(
    session: Session,
    account: Annotated[str, typer.Argument(help="The customer account: 03280")],
    amount: Annotated[str, typer.Argument(help="What is tendered, in the portal's currency.")],
    *,
    tender: Annotated[str, typer.Option(help="cash, check, card or eft.")] = "cash",
    serial: Annotated[
        str | None, typer.Option(help="The meter, where the account has several.")
    ] = None,
    number: Annotated[int, typer.Option(help="The number of a check or slip.")] = 0,
    name: Annotated[str, typer.Option(help="The bank or the name on a check.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Quote and sell nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before a large sale.")] = False,
    key: Key = None,
) -> None:
    """Sell energy for a tender and print the receipt: arrears and fixed charges come first.

    At a terminal it asks first where more than 500.00 is tendered (50,000 of the smallest coin).
    """
    # What is not above 0 is for the verb to refuse.
    money = parse_amount(amount, places=_PLACES, signed=True)
    if dry_run:
        quoted = await session.ask(quote, Quote(account, money, serial))
        session.teller.tell(quoted, lambda: "\n".join(_quotation(quoted)))
        return
    if not yes:
        await _confirm(session, Quote(account, money, serial))
    key = key or f"cli-{uuid4()}"
    try:
        wanted = Vend(account, tender, money, serial, number, name)
        vended = await session.act(sell, wanted, key)
    except OutcomeUnknown:
        session.teller.err.print(f"Repeating it with --key {key} charges once at most.")
        raise
    await _print(session, vended)


@command(app, "receipt")
async def receipt(
    session: Session,
    number: Annotated[str, typer.Argument(help="The receipt's number, or the vend's id.")],
) -> None:
    """Print the receipt of a vend, or of a payment of arrears, again."""
    named = _named(number)
    try:
        await _print(session, await session.ask(show_vend, named))
    except NoSuchVend:
        if named.number is None:
            raise
        paid = await session.ask(show_payment, PaymentNamed(named.number))
        portal = await session.ask(show_portal, Nothing())
        session.teller.tell(paid, lambda: "\n".join(receipt_of_payment(paid, portal)))


@command(app, "vends")
async def vends(
    session: Session,
    account: Annotated[str, typer.Argument(help="The customer account: 03280")],
    *,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many vends.")] = 20,
) -> None:
    """List what was sold to an account, newest first; `currant receipt` prints one again."""
    found = await session.ask(list_vends, VendsOf(account, NEWEST, limit))
    portal = await session.ask(show_portal, Nothing())
    lines = [Line.of(vended, portal.zone) for vended in found]
    at = at_in(portal.zone, (vended.vended_at for vended in found))
    columns = Line.__struct_fields__
    session.teller.tell(
        found, lambda: figures(lines, *columns, right=_FIGURES, folds=("sold_by",), at=at)
    )


class Line(msgspec.Struct, frozen=True):
    """A vend as it is listed: its energy in kWh, or in money where the wallet holds money."""

    receipt: int
    at: str
    tender: str
    tendered: str
    arrears: str
    fixed: str
    energy: str
    kwh: str
    sold_by: str

    @classmethod
    def of(cls, vended: Vended, zone: ZoneInfo) -> "Line":
        """Return how a vend is listed, its time told in the portal's zone."""

        def money(amount: Decimal) -> str:
            return format_money(amount, vended.currency) if amount else ""

        in_units = vended.wallet == "units"
        return cls(
            vended.transaction_id,
            minute(vended.vended_at, zone),
            vended.tender,
            money(vended.amount),
            money(vended.arrears_amount),
            money(vended.fixed_amount),
            "" if in_units else money(vended.energy_amount),
            f"{vended.energy_kwh:,f}" if in_units else "",
            f"{vended.login}, reversed" if vended.reversed else vended.login,
        )


_FIGURES = ("tendered", "arrears", "fixed", "energy", "kwh")


def _named(text: str) -> VendNamed:
    """Read a receipt's number or a vend's id."""
    if text.isascii() and text.isdigit() and len(text) <= _NUMBER_DIGITS:
        return VendNamed(number=int(text))
    try:
        return VendNamed(UUID(text))
    except ValueError as error:
        raise Invalid(
            f"{text[:40]!r} is neither a receipt's number nor a vend's id.", field="number"
        ) from error


async def _confirm(session: Session, asked: Quote) -> None:
    """Show how a large tender would be shared out, and ask before it is sold.

    Only somebody at a terminal is asked. Raises `Stopped` where the answer is not yes.
    """
    if session.options.no_input or not sys.stdin.isatty():
        return
    portal = await session.ask(show_portal, Nothing())
    if to_minor(asked.amount, portal.currency) <= _ASK_ABOVE_MINOR:
        return
    quoted = await session.ask(quote, asked)
    session.teller.err.print("\n".join(_quotation(quoted)))
    told = f"Sell {format_money(asked.amount, portal.currency)} to account {quoted.account}?"
    try:
        agreed = typer.confirm(told, err=True)
    except typer.Abort:
        agreed = False
    if not agreed:
        raise Stopped(Exit.FAILURE, "Nothing was sold and nothing was charged.")


async def _print(session: Session, vended: Vended) -> None:
    portal = await session.ask(show_portal, Nothing())
    session.teller.tell(vended, lambda: "\n".join(receipt_of(vended, portal)))


def receipt_of(vended: Vended, portal: PortalShown) -> Iterator[str]:
    """Yield the lines of a receipt, 44 columns wide, headed by the utility's name."""
    title = f"{'REVERSED ' if vended.reversed else ''}RECEIPT {vended.transaction_id}"
    yield from heading(portal.name, title)
    yield line("Date", clock_time(vended.vended_at, portal.zone))
    yield line("Account", vended.account)
    yield line("Customer", vended.customer_name)
    yield line("Meter", vended.serial_number)
    yield line("Sold by", f"{vended.login} {vended.vendor_number}".strip())
    yield from _split(vended, f", {vended.tender}")
    yield RULE
    if vended.wallet == "units":
        yield line("Units bought", f"{vended.energy_kwh:,f} kWh")
        yield line("Now in the wallet", f"{vended.balance:,f} kWh")
    else:
        yield line("Now in the wallet", format_money(vended.balance, vended.currency))
    yield RULE
    yield centered(str(vended.vend_id))


def _quotation(quoted: Quoted) -> Iterator[str]:
    """Yield how an amount would be shared out."""
    yield RULE
    yield centered("QUOTE – nothing was sold")
    yield RULE
    yield line("Account", quoted.account)
    yield line("Meter", quoted.serial_number)
    yield from _split(quoted)
    yield RULE
    if quoted.wallet == "units":
        yield line("Would buy", f"{quoted.energy_kwh:,f} kWh")
    else:
        credit = quoted.fixed_amount + quoted.energy_amount
        yield line("To the wallet", format_money(credit, quoted.currency))
    yield RULE


def _split(told: Vended | Quoted, tender: str = "") -> Iterator[str]:
    """Yield what a tender was split into, line by line."""

    def money(amount: Decimal) -> str:
        return format_money(amount, told.currency)

    yield RULE
    yield line(f"Tendered{tender}", money(told.amount))
    if told.split.arrears:
        yield line("Arrears", money(told.arrears_amount))
    for item in told.split.arrears:
        yield line(f"  {item.arrears_type}, {item.pay_plan.normalize():f} %", money(item.amount))
        yield line("    still owed", money(item.outstanding))
    if told.split.fixed:
        yield line("Fixed charges", money(told.fixed_amount))
    for charge in told.split.fixed:
        gross = charge.net_amount + charge.tax_amount
        yield line(f"  {charge.month} {charge.description}", money(gross))
    yield line("Energy", money(told.energy_amount))
    if told.wallet != "units":
        if told.energy_kwh:
            yield line("  at today's rates about", f"{told.energy_kwh:,f} kWh")
        return
    for part in told.split.energy:
        rate = f"{part.quantity_kwh.normalize():f} kWh × {part.rate.normalize():f}"
        name = f"{part.description}: " if part.description else ""
        yield line(f"  {name}{rate}", money(part.net_amount))
        if part.tax_amount:
            tax = f"    tax {(part.tax_rate * _HUNDRED).normalize():f} %"
            yield line(tax, money(part.tax_amount))
