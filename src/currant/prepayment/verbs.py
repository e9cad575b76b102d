"""Acts on wallets: funding and debiting them by file, and what they mean for supplies."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

from currant.access.permissions import Permission, needs
from currant.access.verbs import Nothing
from currant.csvfile import CsvReader, Record, refuse_file
from currant.customers.adjustments import COLUMNS, read_amount
from currant.customers.model import NamedAccount
from currant.customers.verbs import accounts_of, blocked_faults
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Fault, Forbidden
from currant.headends.model import Outgoing
from currant.headends.verbs import take_requests
from currant.money import format_money, from_minor, kwh, minor_units, to_minor, wh_from
from currant.prepayment.model import (
    Adjusted,
    AdjustmentRecord,
    AdjustWallets,
    HeldWallet,
    NoSuchWallet,
    Sold,
    UnitMeter,
    Wallet,
    WalletFault,
    WalletsAdjusted,
    WalletTooLow,
    Way,
)
from currant.tariffs.book import PriceBook
from currant.tariffs.verbs import price_book

sql = Statements(__package__)
_HOLD_WALLETS = sql.rows("hold_wallets", HeldWallet)
_UNIT_METERS = sql.rows("unit_meters", UnitMeter)
_SOLD_SINCE = sql.rows("sold_since", Sold)
_ADJUST_WALLETS = sql.rows("adjust_wallets", Adjusted)
_SPARE_SUPPLIED = sql.rows("spare_supplied", int)
_FAULTS = sql.rows("faults", WalletFault)

# The accounts to debit and to credit: posting rules L3 to L6.
_POSTED = {
    (Wallet.CURRENCY, Way.FUND): ("5100", "2100"),
    (Wallet.CURRENCY, Way.DEBIT): ("2100", "5100"),
    (Wallet.UNITS, Way.FUND): ("U200", "U100"),
    (Wallet.UNITS, Way.DEBIT): ("U100", "U500"),
}
_KWH_PLACES = 3
# Far from what a balance can hold, so that no sum of a file's records is beyond it either.
_LARGEST = Decimal(10) ** 9


@needs(Permission.ADJUST_WALLET)
async def adjust_wallets(tx: Tx, command: AdjustWallets) -> WalletsAdjusted:
    """Fund or debit wallets by a CSV file, one entry a record, all of them or none (J13, J14).

    No debit takes a wallet below zero, several of one account counted together. Units are held to
    the caller's special limit at what they are worth now (`est_amt`). Raises `Unparsable`,
    `Invalid`, `NoSuchAccount`, `NoSuchWallet`, `WalletTooLow`, and `Forbidden` for blocked accounts
    and amounts above the limit, each naming the records.
    """
    reader = CsvReader(COLUMNS)
    records: list[AdjustmentRecord] = []
    async for batch in reader.batches(command.upload.chunks()):
        for record in batch:
            _read(tx, command.wallet, reader, record, records)
    accounts = await accounts_of(tx, records, foreign_keys=command.foreign_keys)
    refuse_file(Forbidden, blocked_faults(tx, records, accounts))
    held = await _hold(tx, command.wallet, records, accounts)
    await _refuse_beyond_limit(tx, command, records, accounts)
    if command.way is Way.DEBIT:
        _refuse_overdrawn(tx, command, records, accounts, held)
    if records:
        await _post(tx, command.wallet, command.way, command.way.value, records, accounts)
    return WalletsAdjusted(len(records), reader.header_repaired)


async def credit_wallets(
    tx: Tx, records: Sequence[AdjustmentRecord], accounts: Mapping[str, NamedAccount]
) -> None:
    """Credit currency wallets, an entry of kind adjust a record (posting rule L3).

    Raises `NoSuchWallet`, naming the records.
    """
    await _hold(tx, Wallet.CURRENCY, records, accounts)
    if records:
        await _post(tx, Wallet.CURRENCY, Way.FUND, "adjust", records, accounts)


async def units_worth(tx: Tx, account_id: int, energy_wh: int) -> int | None:
    """Value units of an account now, in minor units; None where no meter of it has a rate."""
    positions = await _positions(tx, [account_id])
    return _worth(tx, positions[account_id], energy_wh)


@needs(Permission.JOBS_RUN)
async def requests_to_send(tx: Tx, source: str) -> list[Outgoing]:
    """Take the next requests that are due to be sent to a head-end, oldest first.

    Whoever has something in the wallet again by now, or no longer pays in advance, is not
    disconnected for an empty one. A disconnection that somebody asked for by hand is sent.
    """
    await tx.one(_SPARE_SUPPLIED, portal_id=tx.portal.portal_id, source=source, now=tx.now)
    return await take_requests(tx, source)


@needs(Permission.JOBS_RUN)
async def wallet_faults(tx: Tx, _question: Nothing) -> list[WalletFault]:
    """List the wallets that do not hold what the books say; an empty list is what is hoped for."""
    return await tx.all(_FAULTS)


def _read(
    tx: Tx, wallet: Wallet, reader: CsvReader, record: Record, records: list[AdjustmentRecord]
) -> None:
    """Judge a record: keep it or note its faults. The other columns mean nothing here."""
    number, (key, _start, text, _paid, _plan) = record
    before = reader.refused
    in_units = wallet is Wallet.UNITS
    if not key:
        reader.refuse(number, "account", "is blank")
    places = _KWH_PLACES if in_units else minor_units(tx.portal.currency)
    amount = read_amount(reader, number, "amount", text, places)
    if amount is None:
        return
    if amount == 0:
        reader.refuse(number, "amount", "is zero; a wallet is adjusted by more than nothing")
    if amount > _LARGEST:
        reader.refuse(number, "amount", f"is more than {_LARGEST}")
    if reader.refused == before:
        stored = Decimal(wh_from(amount)) if in_units else amount
        records.append(AdjustmentRecord(number, key, stored))


async def _hold(
    tx: Tx,
    wallet: Wallet,
    records: Sequence[AdjustmentRecord],
    accounts: Mapping[str, NamedAccount],
) -> dict[str, Decimal]:
    """Lock the wallets that the records name; return what each holds. Raises `NoSuchWallet`."""
    rows = await tx.all(
        _HOLD_WALLETS,
        portal_id=tx.portal.portal_id,
        kind=wallet.value,
        account_ids=[account.account_id for account in accounts.values()],
    )
    balances = {row.account_id: row.balance for row in rows}
    lacking = [
        Fault(record.number, "account", f"{account.account} has no {wallet.value} wallet")
        for record in records
        if (account := accounts[record.key]).account_id not in balances
    ]
    refuse_file(NoSuchWallet, lacking)
    return {account.account: balances[account.account_id] for account in accounts.values()}


async def _post(
    tx: Tx,
    wallet: Wallet,
    way: Way,
    entry_kind: str,
    records: Sequence[AdjustmentRecord],
    accounts: Mapping[str, NamedAccount],
) -> None:
    """Post adjustments, an entry a record, and move the wallets."""
    debit, credit = _POSTED[wallet, way]
    await tx.one(
        _ADJUST_WALLETS,
        portal_id=tx.portal.portal_id,
        login=tx.user.login,
        vendor_number=tx.user.vendor_number,
        at=tx.now,
        entry_kind=entry_kind,
        way=way.value,
        kind=wallet.value,
        commodity="Wh" if wallet is Wallet.UNITS else tx.portal.currency,
        debit=debit,
        credit=credit,
        account_ids=[accounts[record.key].account_id for record in records],
        amounts=[record.amount for record in records],
    )


async def _refuse_beyond_limit(
    tx: Tx,
    command: AdjustWallets,
    records: Sequence[AdjustmentRecord],
    accounts: Mapping[str, NamedAccount],
) -> None:
    """Refuse amounts worth more than the caller's special limit."""
    limit, currency = tx.user.special_limit, tx.portal.currency
    if limit is None:
        return
    in_units = command.wallet is Wallet.UNITS
    account_ids = {account.account_id for account in accounts.values()}
    positions = await _positions(tx, sorted(account_ids)) if in_units else {}
    faults = []
    for record in records:
        if in_units:
            worth = _worth(tx, positions[accounts[record.key].account_id], int(record.amount))
        else:
            worth = to_minor(record.amount, currency)
        if worth is None:
            reason = "its value is unknown, for no meter of the account has a rate now"
            faults.append(Fault(record.number, "amount", reason))
        elif worth > limit:
            value, most = (format_money(from_minor(m, currency), currency) for m in (worth, limit))
            reason = f"its value of {value} is above your special limit of {most}"
            faults.append(Fault(record.number, "amount", reason))
    refuse_file(Forbidden, faults)


async def _positions(tx: Tx, account_ids: Sequence[int]) -> dict[int, list[tuple[PriceBook, int]]]:
    """Return where each account's meters stand: the tariff, and the units sold this month."""
    portal_id = tx.portal.portal_id
    meters = await tx.all(_UNIT_METERS, portal_id=portal_id, account_ids=account_ids, at=tx.now)
    books = [await price_book(tx, meter.tariff_id, meter.revision) for meter in meters]
    rows = await tx.all(
        _SOLD_SINCE,
        portal_id=portal_id,
        account_ids=[meter.account_id for meter in meters],
        meter_ids=[meter.meter_id for meter in meters],
        from_ats=[book.month_bounds(book.month_at(tx.now))[0] for book in books],
    )
    sold = {row.meter_id: row.energy_wh for row in rows}
    positions: dict[int, list[tuple[PriceBook, int]]] = defaultdict(list)
    for meter, book in zip(meters, books, strict=True):
        positions[meter.account_id].append((book, sold.get(meter.meter_id, 0)))
    return positions


def _worth(tx: Tx, positions: Sequence[tuple[PriceBook, int]], energy_wh: int) -> int | None:
    """Value units in minor units, at the dearest of an account's meters; None where none has."""
    worths = (book.worth_at(tx.now, energy_wh, counter_wh) for book, counter_wh in positions)
    return max((worth for worth in worths if worth is not None), default=None)


def _refuse_overdrawn(
    tx: Tx,
    command: AdjustWallets,
    records: Sequence[AdjustmentRecord],
    accounts: Mapping[str, NamedAccount],
    held: Mapping[str, Decimal],
) -> None:
    """Refuse debits beyond what the locked wallets hold, counted in the order of the file."""
    left = dict(held)
    faults = []
    for record in records:
        account = accounts[record.key].account
        if record.amount > left[account]:
            if command.wallet is Wallet.UNITS:
                shown = f"{kwh(int(left[account]))} kWh"
            else:
                shown = format_money(left[account], tx.portal.currency)
            reason = f"the wallet of {account} holds {shown} before this record"
            faults.append(Fault(record.number, "amount", reason))
        else:
            left[account] -= record.amount
    refuse_file(WalletTooLow, faults)
