"""Acts on wallets: funding and debiting them by file."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import IO

from currant.access.permissions import Permission, needs
from currant.access.verbs import Nothing
from currant.csvfile import MAX_FAULTS, Column, CsvReader, Record
from currant.customers.model import NoSuchAccount
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Fault, Forbidden, Invalid, Refusal
from currant.money import (
    format_money,
    from_minor,
    kwh,
    minor_units,
    parse_amount,
    to_minor,
    wh_from,
)
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
from currant.tariffs.calendars import clock
from currant.tariffs.pricing import TariffVersion, UnsoundTariff, value_of
from currant.tariffs.verbs import price_book

sql = Statements(__package__)
_HOLD_WALLETS = sql.rows("hold_wallets", HeldWallet)
_UNIT_METERS = sql.rows("unit_meters", UnitMeter)
_SOLD_SINCE = sql.rows("sold_since", Sold)
_ADJUST_WALLETS = sql.rows("adjust_wallets", Adjusted)
_FAULTS = sql.rows("faults", WalletFault)

# The accounts to debit and to credit: posting rules L3 to L6.
_POSTED = {
    (Wallet.CURRENCY, Way.FUND): ("5100", "2100"),
    (Wallet.CURRENCY, Way.DEBIT): ("2100", "5100"),
    (Wallet.UNITS, Way.FUND): ("U200", "U100"),
    (Wallet.UNITS, Way.DEBIT): ("U100", "U500"),
}
_COLUMNS = (
    Column("account", required=True),
    Column("startdate"),
    Column("amount", required=True),
    Column("paid"),
    Column("payplan"),
)
_KWH_PLACES = 3
# Far from what a balance can hold, so that no sum of a file's records is beyond it either.
_LARGEST = Decimal(10) ** 9
_CHUNK = 1024 * 1024

_Position = tuple[PriceBook, TariffVersion, int]


@needs(Permission.ADJUST_WALLET)
async def adjust_wallets(tx: Tx, command: AdjustWallets) -> WalletsAdjusted:
    """Fund or debit wallets by a CSV file, one entry a record, all of them or none (J13, J14).

    No debit takes a wallet below zero, several of one account counted together. Units are held to
    the caller's special limit at what they are worth now (`est_amt`). Raises `Unparsable`,
    `Invalid`, `NoSuchAccount`, `NoSuchWallet`, `WalletTooLow`, and `Forbidden` for blocked accounts
    and amounts above the limit, each naming the records.
    """
    reader = CsvReader(_COLUMNS)
    records: list[AdjustmentRecord] = []
    async for batch in reader.batches(_chunks(command.upload.file)):
        for record in batch:
            _read(tx, command.wallet, reader, record, records)
    held = await _hold(tx, command, records)
    _refuse_blocked(tx, records, held)
    await _refuse_beyond_limit(tx, command, records, held)
    if command.way is Way.DEBIT:
        _refuse_overdrawn(tx, command, records, held)
    if records:
        in_units = command.wallet is Wallet.UNITS
        debit, credit = _POSTED[command.wallet, command.way]
        await tx.one(
            _ADJUST_WALLETS,
            portal_id=tx.portal.portal_id,
            login=tx.user.login,
            vendor_number=tx.user.vendor_number,
            at=tx.now,
            way=command.way.value,
            kind=command.wallet.value,
            commodity="Wh" if in_units else tx.portal.currency,
            debit=debit,
            credit=credit,
            account_ids=[held[record.key].account_id for record in records],
            amounts=[record.amount for record in records],
        )
    return WalletsAdjusted(len(records), reader.header_repaired)


@needs(Permission.JOBS_RUN)
async def wallet_faults(tx: Tx, _question: Nothing) -> list[WalletFault]:
    """List the wallets that do not hold what the books say; an empty list is what is hoped for."""
    return await tx.all(_FAULTS)


async def _chunks(file: IO[bytes]) -> AsyncIterator[bytes]:
    """Read a file from its beginning, letting other requests have their turn."""
    file.seek(0)
    while chunk := file.read(_CHUNK):
        yield chunk
        await asyncio.sleep(0)


def _read(
    tx: Tx, wallet: Wallet, reader: CsvReader, record: Record, records: list[AdjustmentRecord]
) -> None:
    """Judge a record: keep it or note its faults. The other columns mean nothing here."""
    number, (key, _start, text, _paid, _plan) = record
    before = reader.refused
    in_units = wallet is Wallet.UNITS
    if not key:
        reader.refuse(number, "account", "is blank")
    try:
        amount = parse_amount(
            text, places=_KWH_PLACES if in_units else minor_units(tx.portal.currency)
        )
    except Invalid as refusal:
        reason = refusal.detail.rstrip(".") if text else "is blank"
        reader.refuse(number, "amount", reason)
        return
    if amount == 0:
        reader.refuse(number, "amount", "is zero; a wallet is adjusted by more than nothing")
    if amount > _LARGEST:
        reader.refuse(number, "amount", f"is more than {_LARGEST}")
    if reader.refused == before:
        stored = Decimal(wh_from(amount)) if in_units else amount
        records.append(AdjustmentRecord(number, key, stored))


async def _hold(
    tx: Tx, command: AdjustWallets, records: Sequence[AdjustmentRecord]
) -> dict[str, HeldWallet]:
    """Find and lock the wallets that the records name. Raises `NoSuchAccount`, `NoSuchWallet`."""
    rows = await tx.all(
        _HOLD_WALLETS,
        portal_id=tx.portal.portal_id,
        keys=list({record.key for record in records}),
        foreign_keys=command.foreign_keys,
        kind=command.wallet.value,
    )
    held = {row.key: row for row in rows}
    _refuse(
        NoSuchAccount,
        [
            Fault(record.number, "account", f"{record.key[:40]!r} does not exist")
            for record in records
            if record.key not in held
        ],
    )
    _refuse(
        NoSuchWallet,
        [
            Fault(
                record.number,
                "account",
                f"{held[record.key].account} has no {command.wallet.value} wallet",
            )
            for record in records
            if held[record.key].balance is None
        ],
    )
    return held


def _refuse_blocked(
    tx: Tx, records: Sequence[AdjustmentRecord], held: dict[str, HeldWallet]
) -> None:
    """Refuse the accounts that the caller is barred from."""
    faults = []
    for record in records:
        account = held[record.key].account
        try:
            tx.user.refuse_blocked(account)
        except Forbidden:
            faults.append(Fault(record.number, "account", f"{account} is blocked for you"))
    _refuse(Forbidden, faults)


async def _refuse_beyond_limit(
    tx: Tx,
    command: AdjustWallets,
    records: Sequence[AdjustmentRecord],
    held: dict[str, HeldWallet],
) -> None:
    """Refuse amounts worth more than the caller's special limit."""
    limit, currency = tx.user.special_limit, tx.portal.currency
    if limit is None:
        return
    in_units = command.wallet is Wallet.UNITS
    account_ids = {wallet.account_id for wallet in held.values()}
    positions = await _positions(tx, sorted(account_ids)) if in_units else {}
    faults = []
    for record in records:
        if in_units:
            worth = _worth(tx, positions.get(held[record.key].account_id, []), int(record.amount))
        else:
            worth = to_minor(record.amount, currency)
        if worth is None:
            reason = "its value is unknown, for no meter of the account has a rate now"
            faults.append(Fault(record.number, "amount", reason))
        elif worth > limit:
            value, most = (format_money(from_minor(m, currency), currency) for m in (worth, limit))
            reason = f"its value of {value} is above your special limit of {most}"
            faults.append(Fault(record.number, "amount", reason))
    _refuse(Forbidden, faults)


async def _positions(tx: Tx, account_ids: Sequence[int]) -> dict[int, list[_Position]]:
    """Return where each account's meters stand in their tariffs: the rates, and units sold."""
    portal_id = tx.portal.portal_id
    meters = await tx.all(_UNIT_METERS, portal_id=portal_id, account_ids=account_ids, at=tx.now)
    priced: list[tuple[UnitMeter, PriceBook, TariffVersion]] = []
    for meter in meters:
        if meter.tariff_id is None or meter.revision is None:
            continue
        book = await price_book(tx, meter.tariff_id, meter.revision)
        try:
            priced.append((meter, book, book.version_at(tx.now)))
        except UnsoundTariff:
            continue
    rows = await tx.all(
        _SOLD_SINCE,
        portal_id=portal_id,
        account_ids=[meter.account_id for meter, _, _ in priced],
        meter_ids=[meter.meter_id for meter, _, _ in priced],
        from_ats=[_month_began(book, tx.now) for _, book, _ in priced],
    )
    sold = {row.meter_id: row.energy_wh for row in rows}
    positions: dict[int, list[_Position]] = {}
    for meter, book, version in priced:
        position = (book, version, sold.get(meter.meter_id, 0))
        positions.setdefault(meter.account_id, []).append(position)
    return positions


def _month_began(book: PriceBook, at: datetime) -> datetime:
    month = book.month_at(at)
    return datetime(month.year, month.month, month.day, tzinfo=clock(book.clock_name))


def _worth(tx: Tx, positions: Sequence[_Position], energy_wh: int) -> int | None:
    """Value units in minor units, at the dearest of an account's meters; None where none has."""
    return max(
        (
            value_of(version, energy_wh, counter, book.bucket_at(tx.now))
            for book, version, counter in positions
        ),
        default=None,
    )


def _refuse_overdrawn(
    tx: Tx,
    command: AdjustWallets,
    records: Sequence[AdjustmentRecord],
    held: dict[str, HeldWallet],
) -> None:
    """Refuse debits beyond what the locked wallets hold, counted in the order of the file."""
    left = {wallet.account_id: wallet.balance or Decimal(0) for wallet in held.values()}
    faults = []
    for record in records:
        wallet = held[record.key]
        rest = left[wallet.account_id]
        if record.amount > rest:
            if command.wallet is Wallet.UNITS:
                shown = f"{kwh(int(rest))} kWh"
            else:
                shown = format_money(rest, tx.portal.currency)
            reason = f"the wallet of {wallet.account} holds {shown} before this record"
            faults.append(Fault(record.number, "amount", reason))
        else:
            left[wallet.account_id] = rest - record.amount
    _refuse(WalletTooLow, faults)


def _refuse(refusal: type[Refusal], faults: Sequence[Fault]) -> None:
    """Refuse the whole file if there are faults, told up to the limit."""
    if faults:
        more = len(faults) - MAX_FAULTS
        told = f" The first {MAX_FAULTS} of {len(faults)} faults:" if more > 0 else ""
        raise refusal(f"Nothing was stored.{told}", faults=faults[:MAX_FAULTS])
