"""Acts on customers and accounts, and the questions asked about them."""

from collections.abc import AsyncIterator, Mapping, Sequence

import msgspec

from currant import wire
from currant.access.permissions import Permission, needs
from currant.csvfile import refuse_file
from currant.customers.adjustments import AccountRecord
from currant.customers.model import (
    AccountEntries,
    AccountNamed,
    Customer,
    NamedAccount,
    NoSuchAccount,
)
from currant.db.statements import Statements
from currant.db.tx import Portal, Tx
from currant.errors import Fault
from currant.ledger import verbs as ledger
from currant.ledger.model import BalanceRow, BalancesOf, EntriesOf, EntryWithPostings
from currant.locations.model import Keys, KeysWanted

sql = Statements(__package__)
_ACCOUNT_NAMED = sql.rows("account_named", int)
_ACCOUNTS_NAMED = sql.rows("accounts_named", NamedAccount)
_CUSTOMER = sql.rows("customer", Customer)
_ACCOUNT_KEYS = sql.rows("account_keys", Keys)
_STAGE_CUSTOMERS = sql.command("stage_customers")
_CREATE_CUSTOMERS = sql.rows("create_customers", Keys)
_UPDATE_CUSTOMERS = sql.rows("update_customers", Keys)


async def account_id_of(tx: Tx, account: str) -> int:
    """Return the internal id of an account. Raises `NoSuchAccount`."""
    account_id = await tx.maybe(_ACCOUNT_NAMED, portal_id=tx.portal.portal_id, account=account)
    if account_id is None:
        raise NoSuchAccount(account, field="account")
    return account_id


async def accounts_of(
    tx: Tx, records: Sequence[AccountRecord], *, foreign_keys: bool
) -> dict[str, NamedAccount]:
    """Return the accounts that the records of a file name, by key.

    Where `foreign_keys`, a key may also be that of the utility. Raises `NoSuchAccount`.
    """
    rows = await tx.all(
        _ACCOUNTS_NAMED,
        portal_id=tx.portal.portal_id,
        keys=list({record.key for record in records}),
        foreign_keys=foreign_keys,
    )
    accounts = {row.key: row for row in rows}
    missing = [record for record in records if record.key not in accounts]
    refuse_file(
        NoSuchAccount,
        [Fault(r.number, "account", f"{r.key[:40]!r} does not exist") for r in missing],
    )
    return accounts


def blocked_faults(
    tx: Tx, records: Sequence[AccountRecord], accounts: Mapping[str, NamedAccount]
) -> list[Fault]:
    """List the records whose account the caller is barred from."""
    barred = tx.user.blocked
    named = [(record.number, accounts[record.key].account) for record in records]
    return [
        Fault(number, "account", f"{account} is blocked for you")
        for number, account in named
        if barred & {"*", account}
    ]


@needs(Permission.LEDGER_VIEW)
async def account_entries(tx: Tx, question: AccountEntries) -> list[EntryWithPostings]:
    """List the ledger entries that touch an account, newest first. Raises `NoSuchAccount`."""
    account_id = await account_id_of(tx, question.account)
    return await ledger.entries(tx, EntriesOf(account_id, question.before, question.how_many))


@needs(Permission.LEDGER_VIEW)
async def account_balances(tx: Tx, question: AccountNamed) -> list[BalanceRow]:
    """Sum an account's tagged lines per chart account and commodity. Raises `NoSuchAccount`."""
    account_id = await account_id_of(tx, question.account)
    return await ledger.trial_balance(tx, BalancesOf(account_id))


@needs(Permission.CUSTOMER_VIEW)
async def show_customer(tx: Tx, question: AccountNamed) -> tuple[Portal, Customer]:
    """Show a customer by account, with the portal whose clock times are told in (J15).

    Raises `NoSuchAccount`.
    """
    row = await tx.maybe(_CUSTOMER, portal_id=tx.portal.portal_id, account=question.account)
    if row is None:
        raise NoSuchAccount(question.account, field="account")
    return tx.portal, row


@needs(Permission.IMPORT_VIEW)
async def account_keys(tx: Tx, question: KeysWanted) -> AsyncIterator[Keys]:
    """List both keys of the portal's accounts, by ours, a few thousand at a time (J10)."""
    found = tx.each(
        _ACCOUNT_KEYS,
        portal_id=tx.portal.portal_id,
        how_many=question.how_many,
        beyond=question.beyond,
    )
    async for keys in found:
        yield keys


async def stage_customers(tx: Tx) -> None:
    """Make the table that the records of a file of customers are copied to."""
    await tx.run(_STAGE_CUSTOMERS)


async def create_customers(tx: Tx) -> msgspec.Raw:
    """Create the staged customers, each with an account.

    Returns their `Keys` in the order of the file, as JSON.
    """
    created = tx.each(_CREATE_CUSTOMERS, portal_id=tx.portal.portal_id, now=tx.now)
    return await wire.encode_each(created)


async def update_customers(tx: Tx) -> msgspec.Raw:
    """Change the staged customers; return their `Keys` in the order of the file, as JSON.

    A null in the staged records leaves what is there.
    """
    updated = tx.each(_UPDATE_CUSTOMERS, portal_id=tx.portal.portal_id, now=tx.now)
    return await wire.encode_each(updated)
