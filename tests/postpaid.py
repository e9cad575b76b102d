"""Postpaid accounts for tests: supplied homes that are billed, without a bill run.

`house = await postpaid_house(door, boss, homes=2)` answers a `House` whose accounts pay after use;
`await bill(door, boss, house.accounts[0], "134.70", due="2026-03-16", number="900123")` posts an
invoice as a bill run does (posting rule L13), issues its open item and settles the account.
"""

from datetime import date
from decimal import Decimal

import msgspec

from currant.access.model import OPERATOR, Actor
from currant.access.permissions import Permission, needs
from currant.access.verbs import Nothing
from currant.customers.verbs import account_id_of
from currant.db.tx import Tx
from currant.door import Door
from currant.ledger.verbs import ledger_faults
from currant.prepayment.verbs import wallet_faults
from currant.receivables.verbs import arrears_faults
from tests.houses import House, small_house

POST = """
select ledger.post(
    $1, $2, 'CEC', $3,
    array(
        select (
            l.n::int, $4::text, $3, l.account_id, null, l.amount, 0, 0, 0, '', '', null, l.number,
            null
        )::ledger.new_entry
        from unnest($5::bigint[], $6::numeric[], $7::text[])
            with ordinality as l (account_id, amount, number, n)
    ),
    array(
        select (
            l.n::int, side.coa, $8::text, side.amount, side.account_id, side.tax_code
        )::ledger.new_posting
        from unnest($5::bigint[], $6::numeric[]) with ordinality as l (account_id, amount, n)
        cross join lateral (
            values ($9::text, l.amount, l.account_id, null), ('4005', -l.amount, null, 'FREE')
        ) as side (coa, amount, account_id, tax_code)
    )
)
"""
ISSUE = """
select receivables.issue(
    $1, $2, $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::numeric[], $8::text[],
    $9::date[]
)
"""
CREDIT = """
select receivables.credit_accounts(
    $1, $2, $3::text[], $4::bigint[], $5::bigint[], $6::numeric[], $7::text[]
)
"""
SETTLE = "select receivables.settle($1, $2, 'CEC', $3, $4::bigint[])"
POSTPAID = "update customers.account set payment_mode = 'POSTPAID' where account = any($1)"


class Bill(msgspec.Struct, frozen=True):
    """What accounts are billed: the lists run in step."""

    accounts: list[str]
    amounts: list[Decimal]
    numbers: list[str]
    dues: list[date]
    coa: str = "1102"


class Billed(msgspec.Struct, frozen=True):
    """The entries of the invoices, and the open items."""

    entry_ids: list[int]
    item_ids: list[int]


class Credit(msgspec.Struct, frozen=True):
    """What accounts are credited with: the lists run in step."""

    accounts: list[str]
    amounts: list[Decimal]
    coa: str = "1102"
    kind: str = "RECEIPT"


@needs(Permission.BILLING_RUN)
async def post_bills(tx: Tx, command: Bill) -> Billed:
    """Post invoices, issue their open items and settle the accounts, as billing does."""
    portal_id, fetch = tx.portal.portal_id, tx.connection.fetchval
    ids = [await account_id_of(tx, account) for account in command.accounts]
    entries = await fetch(
        POST, portal_id, tx.user.login, tx.now, "invoice", ids, command.amounts, command.numbers,
        tx.portal.currency, command.coa,
    )  # fmt: skip
    items = await fetch(
        ISSUE, portal_id, tx.now, ["INVOICE"] * len(ids), ids, entries, command.numbers,
        command.amounts, [command.coa] * len(ids), command.dues,
    )  # fmt: skip
    await fetch(SETTLE, portal_id, tx.user.login, tx.now, ids)
    return Billed(entries, items)


@needs(Permission.BILLING_RUN)
async def post_credits(tx: Tx, command: Credit) -> list[int]:
    """Credit accounts and settle them, as whoever takes money does; answer the entries."""
    portal_id, fetch = tx.portal.portal_id, tx.connection.fetchval
    ids = [await account_id_of(tx, account) for account in command.accounts]
    entries: list[int] = await fetch(
        POST, portal_id, tx.user.login, tx.now, "adjustment", ids,
        [-amount for amount in command.amounts], [""] * len(ids), tx.portal.currency, command.coa,
    )  # fmt: skip
    await fetch(
        CREDIT, portal_id, tx.now, [command.kind] * len(ids), ids, entries, command.amounts,
        [command.coa] * len(ids),
    )  # fmt: skip
    await fetch(SETTLE, portal_id, tx.user.login, tx.now, ids)
    return entries


class Cancel(msgspec.Struct, frozen=True):
    """The entry of an invoice to cancel."""

    entry_id: int
    account: str


@needs(Permission.BILLING_RUN)
async def cancel_bill(tx: Tx, command: Cancel) -> int:
    """Reverse an invoice, take its item back and settle the account, as billing does."""
    portal_id, fetch = tx.portal.portal_id, tx.connection.fetchval
    account_id = await account_id_of(tx, command.account)
    reversal: int = await fetch(
        "select entry_id from ledger.reverse($1, $2, 'CEC', $3, array[$4::bigint], 'a mistake')",
        portal_id, tx.user.login, tx.now, command.entry_id,
    )  # fmt: skip
    await fetch(
        "select receivables.take_back($1, $2, $3, $4)",
        portal_id, command.entry_id, reversal, tx.now,
    )  # fmt: skip
    await fetch(SETTLE, portal_id, tx.user.login, tx.now, [account_id])
    return reversal


async def postpaid_house(door: Door, boss: Actor, owner, **more: object) -> House:
    """A small house whose accounts pay after use."""
    house = await small_house(door, boss, **more)
    await owner.execute(POSTPAID, house.accounts)
    return house


async def bill(
    door: Door, actor: Actor, account: str, amount: str, *, due: str = "2026-03-16",
    number: str = "900123",
) -> tuple[int, int]:  # fmt: skip
    """Bill an account; answer the entry and the open item."""
    made = await door.act(
        post_bills, Bill([account], [Decimal(amount)], [number], [date.fromisoformat(due)]), actor
    )
    return made.entry_ids[0], made.item_ids[0]


async def credit(door: Door, actor: Actor, account: str, amount: str, coa: str = "1102") -> int:
    """Credit an account; answer the entry."""
    (entry,) = await door.act(post_credits, Credit([account], [Decimal(amount)], coa), actor)
    return entry


async def sound(door: Door) -> None:
    """What is owed, held and booked adds up (INV-01, INV-04, INV-05, INV-06)."""
    for view in (ledger_faults, arrears_faults, wallet_faults):
        assert await door.ask(view, Nothing(), OPERATOR) == []
