"""Acts on customers and accounts, and the questions asked about them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil

import msgspec

from currant import wire
from currant.access.permissions import Permission, needs
from currant.csvfile import refuse_file
from currant.customers.adjustments import AccountRecord
from currant.customers.details import contact_columns, record_of, shown
from currant.customers.model import (
    UNSET,
    AccountEntries,
    AccountFacts,
    AccountNamed,
    AgreementAt,
    AgreementOf,
    ClaimedRow,
    ClaimsLocked,
    Customer,
    CustomerSaved,
    CustomerTold,
    CustomerVerified,
    NamedAccount,
    NoSuchAccount,
    SaveCustomers,
    SavedRow,
    Sitting,
    VerifyCustomer,
)
from currant.db.statements import Statements
from currant.db.tx import Portal, Tx
from currant.errors import Fault, Invalid
from currant.ledger import verbs as ledger
from currant.ledger.model import BalanceRow, BalancesOf, EntriesOf, EntryWithPostings
from currant.locations.model import Keys, KeysWanted
from currant.locations.verbs import refuse_missing, refuse_none

sql = Statements(__package__)
_ACCOUNT_NAMED = sql.rows("account_named", int)
_ACCOUNT_OF_CONTRACT = sql.rows("account_of_contract", int)
_ACCOUNTS_NAMED = sql.rows("accounts_named", NamedAccount)
_CUSTOMER = sql.rows("customer", Customer)
_ACCOUNT_KEYS = sql.rows("account_keys", Keys)
_STAGE_CUSTOMERS = sql.command("stage_customers")
_CREATE_CUSTOMERS = sql.rows("create_customers", Keys)
_UPDATE_CUSTOMERS = sql.rows("update_customers", Keys)
_SAVE_CUSTOMERS = sql.rows("save_customers", SavedRow)
_SAVE_CONTACTS = sql.command("save_contacts")
_SAVE_POSTAL_ADDRESSES = sql.command("save_postal_addresses")
_SAVE_DIRECT_DEBITS = sql.command("save_direct_debits")
_SAVE_CONCESSIONS = sql.command("save_concessions")
_ACCOUNTS_BY_NUMBER = sql.rows("accounts_by_number", AccountFacts)
_ACCOUNTS_CLAIMED = sql.rows("accounts_claimed", int)
_CLAIMED = sql.rows("claimed", ClaimedRow)
_KEEP_FAILED_CLAIMS = sql.command("keep_failed_claims")
_SITTING = sql.rows("sitting", Sitting)
_AGREEMENTS_OF = sql.rows("agreements_of", AgreementOf)
_BEGIN_AGREEMENTS = sql.rows("begin_agreements", AgreementAt)
_END_AGREEMENTS = sql.rows("end_agreements", AgreementAt)

_MOST_FAILED_CLAIMS = 5
_CLAIMS_COUNT_FOR = timedelta(minutes=15)
_SECOND = timedelta(seconds=1)


async def account_id_of(tx: Tx, account: str) -> int:
    """Return the internal id of an account. Raises `NoSuchAccount`."""
    account_id = await tx.maybe(_ACCOUNT_NAMED, portal_id=tx.portal.portal_id, account=account)
    if account_id is None:
        raise NoSuchAccount(f"It was asked for as {account[:40]!r}.", field="account")
    return account_id


async def account_id_of_contract(tx: Tx, contract: str) -> int:
    """Return the internal id of the account with a contract. Raises `NoSuchAccount`."""
    account_id = await tx.maybe(
        _ACCOUNT_OF_CONTRACT, portal_id=tx.portal.portal_id, contract=contract
    )
    if account_id is None:
        raise NoSuchAccount(f"It was asked for as {contract[:40]!r}.", field="sales_cust_number")
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
        raise NoSuchAccount(f"It was asked for as {question.account[:40]!r}.", field="account")
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


@needs(Permission.IMPORT_TRINITY)
async def save_customers(tx: Tx, command: SaveCustomers) -> list[CustomerSaved]:
    """Create customers with an account each, or change those that name one; all or none (U28).

    Raises `Invalid`, `NoSuchAccount`, `ContractTaken`, what else a customer has to be, and
    `Forbidden` for a blocked account.
    """
    refuse_none(command.customers, "customers")
    fields = [f"customers[{n}]." for n in range(len(command.customers))]
    rows = await keep_customers(tx, command.customers, fields)
    return [
        CustomerSaved(row.account, row.contract, "CREATED" if row.created else "UPDATED")
        for row in rows
    ]


async def keep_customers(
    tx: Tx, told: Sequence[CustomerTold], fields: Sequence[str]
) -> list[SavedRow]:
    """Create or change customers, in the order given; `fields` stand before their members' names.

    Raises as `save_customers` does.
    """
    if not told:
        return []
    named = [c.account_number for c in told if c.account_number is not UNSET]
    for customer, field in zip(told, fields, strict=True):
        if customer.account_number is not UNSET:
            tx.user.refuse_blocked(customer.account_number)
            if named.count(customer.account_number) > 1:
                where = f"{field}account_number"
                raise Invalid(f"{where} is told twice.", field=where)
    records = [record_of(customer, field) for customer, field in zip(told, fields, strict=True)]
    rows = await tx.all(
        _SAVE_CUSTOMERS,
        portal_id=tx.portal.portal_id,
        now=tx.now,
        told=wire.encode(records).decode(),
    )
    saved = {row.n for row in rows}
    for n, (customer, field) in enumerate(zip(told, fields, strict=True), start=1):
        if n not in saved:
            told_as = f"It was asked for as {str(customer.account_number)[:40]!r}."
            raise NoSuchAccount(told_as, field=f"{field}account_number")
    await _keep_details(tx, list(zip(told, rows, strict=True)))
    return rows


@needs(Permission.CUSTOMER_VIEW)
async def verify_customer(tx: Tx, command: VerifyCustomer) -> list[CustomerVerified]:
    """Find customers by what somebody tells, and say which claims of them hold (U04).

    Nothing is told that was not presented but what a clerk may read out. A claim that does not hold
    is counted; after 5 within 15 minutes the account is locked against more of them. Raises
    `Invalid`, `ClaimsLocked`.
    """
    ways = {
        "account": command.account_number,
        "contract": command.sales_cust_number,
        "email": command.email and command.email.strip().lower(),
        "mobile": command.mobile and "".join(filter(str.isdigit, command.mobile)),
        "site_identifier": command.site_identifier,
    }
    told = sum(bool(way) for way in ways.values())
    if not told:
        names = "account_number, sales_cust_number, email, mobile, site_identifier"
        raise Invalid(f"Name one of {names}.", field="account_number")
    portal_id = tx.portal.portal_id
    found = await tx.all(
        _ACCOUNTS_CLAIMED,
        portal_id=portal_id,
        ways=told,
        now=tx.now,
        **{name: way or None for name, way in ways.items()},
    )
    rows = await tx.all(
        _CLAIMED,
        portal_id=portal_id,
        account_ids=found,
        since=tx.now - _CLAIMS_COUNT_FOR,
        timezone=tx.portal.timezone,
        now=tx.now,
    )
    answers = [shown(row, command) for row in rows]
    failed = [
        (row.account_id, claim)
        for row, answer in zip(rows, answers, strict=True)
        for claim, holds in answer.verified.items()
        if not holds
    ]
    for row, answer in zip(rows, answers, strict=True):
        tx.user.refuse_blocked(row.account)
        if answer.verified and len(row.failures) >= _MOST_FAILED_CLAIMS:
            free_at = row.failures[_MOST_FAILED_CLAIMS - 1] + _CLAIMS_COUNT_FOR
            raise ClaimsLocked(retry_after=ceil((free_at - tx.now) / _SECOND))
    if failed:
        await tx.run(
            _KEEP_FAILED_CLAIMS,
            portal_id=portal_id,
            login=tx.user.login,
            now=tx.now,
            account_ids=[account_id for account_id, _ in failed],
            claims=[claim for _, claim in failed],
        )
    return answers


async def accounts_by_number(
    tx: Tx, accounts: Sequence[str | None], field: str
) -> dict[str, AccountFacts]:
    """Return accounts by number, with what decides how they move; those of None are left out.

    `field` names the member, with its place for `{}`. Raises `NoSuchAccount`, and `Forbidden` for
    a blocked one.
    """
    wanted = sorted({account for account in accounts if account is not None})
    for account in wanted:
        tx.user.refuse_blocked(account)
    rows = await tx.all(_ACCOUNTS_BY_NUMBER, portal_id=tx.portal.portal_id, accounts=wanted)
    found = {row.account: row for row in rows}
    refuse_missing(accounts, found, field, NoSuchAccount)
    return found


async def sitting(tx: Tx, location_ids: Sequence[int], ats: Sequence[datetime]) -> list[Sitting]:
    """List the agreements of sites that hold at an instant each, or later."""
    return await tx.all(_SITTING, portal_id=tx.portal.portal_id, location_ids=location_ids, ats=ats)


async def agreements_of(tx: Tx, account_ids: Sequence[int], at: datetime) -> list[AgreementOf]:
    """List the agreements of accounts at sites that are not closed at an instant."""
    return await tx.all(
        _AGREEMENTS_OF, portal_id=tx.portal.portal_id, account_ids=account_ids, at=at
    )


async def begin_agreements(
    tx: Tx, wanted: Sequence[tuple[int, int, str, datetime]]
) -> list[AgreementAt]:
    """Begin agreements: account, site, product, since. Raises `SuppliedToAnother`."""
    return await tx.all(
        _BEGIN_AGREEMENTS,
        portal_id=tx.portal.portal_id,
        account_ids=[account_id for account_id, _, _, _ in wanted],
        location_ids=[location_id for _, location_id, _, _ in wanted],
        products=[product for _, _, product, _ in wanted],
        sinces=[since for _, _, _, since in wanted],
        now=tx.now,
    )


async def end_agreements(tx: Tx, ends: Mapping[int, datetime | None]) -> dict[int, AgreementAt]:
    """End agreements at an instant each, or let them run on; return them by id."""
    rows = await tx.all(
        _END_AGREEMENTS,
        portal_id=tx.portal.portal_id,
        agreement_ids=list(ends),
        ats=list(ends.values()),
        now=tx.now,
    )
    return {row.agreement_id: row for row in rows}


async def _keep_details(tx: Tx, saved: Sequence[tuple[CustomerTold, SavedRow]]) -> None:
    """Keep what is told of customers beyond their own columns; a statement for each kind told."""
    portal_id = tx.portal.portal_id
    contacts = [
        {
            "customer_id": row.customer_id,
            "contact_no": contact.contact_no,
            "contact": contact_columns(contact),
        }
        for told, row in saved
        for contact in told.contacts
        if contact.contact_no != 1
    ]
    if contacts:
        await tx.run(_SAVE_CONTACTS, portal_id=portal_id, told=wire.encode(contacts).decode())
    addresses = [
        {"customer_id": row.customer_id, **msgspec.to_builtins(told.postal_address or {})}
        for told, row in saved
        if told.postal_address is not UNSET
    ]
    if addresses:
        await tx.run(
            _SAVE_POSTAL_ADDRESSES, portal_id=portal_id, told=wire.encode(addresses).decode()
        )
    debits = [
        {"account_id": row.account_id, **msgspec.to_builtins(told.direct_debit or {})}
        for told, row in saved
        if told.direct_debit is not UNSET
    ]
    if debits:
        await tx.run(_SAVE_DIRECT_DEBITS, portal_id=portal_id, told=wire.encode(debits).decode())
    carded = [(row, told.concessions or []) for told, row in saved if told.concessions is not UNSET]
    if carded:
        cards = [
            {"customer_id": row.customer_id, **msgspec.structs.asdict(card)}
            for row, cards in carded
            for card in cards
        ]
        await tx.run(
            _SAVE_CONCESSIONS,
            portal_id=portal_id,
            customer_ids=[row.customer_id for row, _ in carded],
            told=wire.encode(cards).decode(),
        )
