"""`currant ledger`: the books proved, summed and listed."""

from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Annotated

import msgspec
import typer

from currant.access.verbs import Nothing, show_portal
from currant.audit.model import AuditFault, AuditKey
from currant.audit.signing import audit_key
from currant.audit.verbs import audit_faults, forged_heads
from currant.batches.verbs import batch_faults
from currant.cli.figures import at_in, figure, figures, minute, unit_of
from currant.cli.frame import NEWEST, Exit, Session, Stopped, command, table
from currant.customers.model import AccountEntries, AccountNamed
from currant.customers.verbs import account_balances, account_entries
from currant.ledger.model import BalanceRow, BalancesOf
from currant.ledger.verbs import ledger_faults, trial_balance
from currant.prepayment.verbs import wallet_faults
from currant.receivables.verbs import arrears_faults

app = typer.Typer(no_args_is_help=True)

_SIDES = ("debit", "credit")


_SOUND = "The books balance; wallets, arrears and batches agree with them; the audit log is whole."


class Fault(msgspec.Struct, frozen=True):
    """Something wrong with the books or with the audit log; the entry or event at fault."""

    portal: str
    what: str
    number: int | None
    detail: str


@command(app, "verify", portal=False)
async def verify(session: Session) -> None:
    """Prove books, wallets, arrears, batches and audit log; exit 3 and name each fault if any."""
    faults = await faults_of(session)
    session.teller.tell(
        {"sound": not faults, "faults": faults},
        lambda: table(faults, "portal", "what", "number", "detail") if faults else _SOUND,
    )
    if faults:
        told = "is 1 fault" if len(faults) == 1 else f"are {len(faults)} faults"
        raise Stopped(Exit.CHECK_FAILED, f"There {told}.")


async def faults_of(session: Session) -> list[Fault]:
    """List whatever is wrong with books, wallets, arrears, batches and audit log of all portals."""
    faults = [
        Fault(fault.portal, fault.what, fault.entry_id, fault.detail)
        for fault in await session.ask(ledger_faults, Nothing())
    ]
    faults += [
        Fault(fault.portal, f"wallet of {fault.account} is off", None, fault.detail)
        for fault in await session.ask(wallet_faults, Nothing())
    ]
    faults += [
        Fault(fault.portal, f"batch {fault.batch_id} is off", None, fault.detail)
        for fault in await session.ask(batch_faults, Nothing())
    ]
    faults += [
        Fault(fault.portal, f"arrears of {fault.account} are off", None, fault.detail)
        for fault in await session.ask(arrears_faults, Nothing())
    ]
    faults += [_audit(fault) for fault in await session.ask(audit_faults, Nothing())]
    if (session.config.home / "audit.key").exists():
        key = AuditKey(audit_key(session.config.home))
        faults += [_audit(fault) for fault in await session.ask(forged_heads, key)]
    return faults


def _audit(fault: AuditFault) -> Fault:
    return Fault(str(fault.portal_id or ""), "audit log", fault.event_id, fault.fault)


@command(app, "balance")
async def balance(
    session: Session,
    account: Annotated[
        str | None, typer.Argument(help="A customer account; the whole portal without one.")
    ] = None,
) -> None:
    """Sum the postings per chart account and commodity, and each commodity in all."""
    if account is None:
        rows = await session.ask(trial_balance, BalancesOf())
    else:
        rows = await session.ask(account_balances, AccountNamed(account))
    columns = Balance.__struct_fields__
    session.teller.tell(
        rows,
        lambda: figures(_balances(rows), *columns, right=columns[3:], folds=("name",)),
    )


class Balance(msgspec.Struct, frozen=True):
    """A line of a trial balance as it is listed, or the total of a commodity."""

    coa: str
    name: str
    unit: str
    debit: str
    credit: str


def _balances(rows: list[BalanceRow]) -> list[Balance]:
    """Return the lines of a trial balance, those of each commodity before their total."""
    listed: list[Balance] = []
    for commodity, group in groupby(rows, key=attrgetter("commodity")):
        lines = list(group)
        unit = unit_of(commodity)
        listed += [
            Balance(row.coa, row.name, unit, *_sides(row.debit, row.credit, commodity))
            for row in lines
        ]
        debit, credit = (sum(map(attrgetter(side), lines), Decimal(0)) for side in _SIDES)
        told = (figure(total, commodity) for total in (debit, credit))
        listed.append(Balance("", "Total", unit, *told))
    return listed


def _sides(debit: Decimal, credit: Decimal, commodity: str) -> tuple[str, str]:
    """Write the side that an amount stands on, and leave the other blank."""
    if credit:
        return "", figure(credit, commodity)
    return figure(debit, commodity), ""


@command(app, "entries")
async def entries(
    session: Session,
    account: Annotated[str, typer.Argument(help="A customer account.")],
    *,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many entries.")] = 20,
) -> None:
    """List an account's entries with all their lines, newest first."""
    found = await session.ask(account_entries, AccountEntries(account, NEWEST, limit))
    portal = await session.ask(show_portal, Nothing())
    lines = [
        Line(
            entry.entry.entry_id,
            minute(entry.entry.event_at, portal.zone),
            entry.entry.kind,
            entry.entry.login,
            posting.coa,
            posting.name,
            unit_of(posting.commodity),
            figure(posting.amount, posting.commodity),
        )
        for entry in found
        for posting in entry.postings
    ]
    columns = Line.__struct_fields__
    at = at_in(portal.zone, (entry.entry.event_at for entry in found))
    session.teller.tell(
        found,
        lambda: figures(lines, *columns, right=columns[-1:], folds=("login", "name"), at=at),
    )


class Line(msgspec.Struct, frozen=True):
    """A line of an entry as it is listed; a debit is positive."""

    entry: int
    at: str
    kind: str
    login: str
    coa: str
    name: str
    unit: str
    amount: str
