"""`currant vend` and `currant receipt`: sell, quote, and print what was sold."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from textwrap import wrap
from typing import Annotated
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import typer

from currant.cli.frame import Session, command
from currant.cli.imports import Key
from currant.customers.model import AccountNamed
from currant.customers.verbs import show_customer
from currant.door import OutcomeUnknown
from currant.money import format_money, parse_amount
from currant.vending.model import Quote, Quoted, Vend, Vended, VendNamed
from currant.vending.verbs import quote, show_vend
from currant.vending.verbs import vend as sell

app = typer.Typer()

WIDTH = 44
_RULE = "─" * WIDTH
_PLACES = 3  # As many as any currency has; the portal's own number is checked by the verb.
_HUNDRED = Decimal(100)


@command(app, "vend")
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
    key: Key = None,
) -> None:
    """Sell energy for a tender and print the receipt: arrears and fixed charges come first."""
    money = parse_amount(amount, places=_PLACES)
    if dry_run:
        quoted = await session.ask(quote, Quote(account, money, serial))
        session.teller.tell(quoted, lambda: "\n".join(_quotation(quoted)))
        return
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
    session: Session, vend_id: Annotated[UUID, typer.Argument(help="The vend's id.")]
) -> None:
    """Print the receipt of a vend again."""
    await _print(session, await session.ask(show_vend, VendNamed(vend_id)))


async def _print(session: Session, vended: Vended) -> None:
    portal, _ = await session.ask(show_customer, AccountNamed(vended.account))
    session.teller.tell(vended, lambda: "\n".join(receipt_of(vended, portal.zone)))


def receipt_of(vended: Vended, zone: ZoneInfo) -> Iterator[str]:
    """Yield the lines of a receipt, 44 columns wide, its time told in the portal's zone."""
    yield _RULE
    yield f"{'REVERSED RECEIPT' if vended.reversed else 'RECEIPT'} {vended.transaction_id}".center(
        WIDTH
    ).rstrip()
    yield _RULE
    yield _line("Date", _at(vended.vended_at, zone))
    yield _line("Account", vended.account)
    yield _line("Customer", vended.customer_name)
    yield _line("Meter", vended.serial_number)
    yield _line("Sold by", f"{vended.login} {vended.vendor_number}".strip())
    yield from _split(vended, f", {vended.tender}")
    yield _RULE
    if vended.wallet == "units":
        yield _line("Units bought", f"{vended.energy_kwh:,f} kWh")
        yield _line("Units in the wallet", f"{vended.balance:,f} kWh")
    else:
        yield _line("Wallet after it", format_money(vended.balance, vended.currency))
    yield _RULE
    yield str(vended.vend_id).center(WIDTH).rstrip()


def _quotation(quoted: Quoted) -> Iterator[str]:
    """Yield how an amount would be shared out."""
    yield _RULE
    yield "QUOTE – nothing was sold".center(WIDTH).rstrip()
    yield _RULE
    yield _line("Account", quoted.account)
    yield _line("Meter", quoted.serial_number)
    yield from _split(quoted)
    yield _RULE
    if quoted.wallet == "units":
        yield _line("Would buy", f"{quoted.energy_kwh:,f} kWh")
    else:
        credit = quoted.fixed_amount + quoted.energy_amount
        yield _line("To the wallet", format_money(credit, quoted.currency))
    yield _RULE


def _split(told: Vended | Quoted, tender: str = "") -> Iterator[str]:
    """Yield what a tender was split into, line by line."""

    def money(amount: Decimal) -> str:
        return format_money(amount, told.currency)

    yield _RULE
    yield _line(f"Tendered{tender}", money(told.amount))
    if told.split.arrears:
        yield _line("Arrears", money(told.arrears_amount))
    for item in told.split.arrears:
        yield _line(f"  {item.arrears_type}, {item.pay_plan.normalize():f} %", money(item.amount))
        yield _line("    still owed", money(item.outstanding))
    if told.split.fixed:
        yield _line("Fixed charges", money(told.fixed_amount))
    for charge in told.split.fixed:
        gross = charge.net_amount + charge.tax_amount
        yield _line(f"  {charge.month} {charge.description}", money(gross))
    yield _line("Energy", money(told.energy_amount))
    if told.wallet != "units":
        if told.energy_kwh:
            yield _line("  at today's rates about", f"{told.energy_kwh:,f} kWh")
        return
    for line in told.split.energy:
        rate = f"{line.quantity_kwh.normalize():f} kWh × {line.rate.normalize():f}"
        name = f"{line.description}: " if line.description else ""
        yield _line(f"  {name}{rate}", money(line.net_amount))
        if line.tax_amount:
            tax = f"    tax {(line.tax_rate * _HUNDRED).normalize():f} %"
            yield _line(tax, money(line.tax_amount))


def _at(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z")


def _line(left: str, right: str) -> str:
    """Set a name and its value at both edges; a long name goes on in lines above."""
    room = WIDTH - len(right) - 1
    *above, last = wrap(left, max(room, 10), drop_whitespace=False) or [""]
    return "\n".join([*above, f"{last:<{room}} {right}"])
