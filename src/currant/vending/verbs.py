"""Vends: quote, sell, and show what was sold."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import msgspec

from currant import wire
from currant.access.permissions import Permission, needs
from currant.clock import Instant, day_bounds, parse_day, parse_instant
from currant.customers.model import NoSuchAccount
from currant.customers.verbs import account_id_of
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Invalid
from currant.money import from_minor, kwh, minor_units, to_minor
from currant.tariffs.pricing import UnsoundTariff, value_of
from currant.tariffs.verbs import price_book
from currant.vending.model import (
    AccountValues,
    ArrearsLine,
    ClosedVend,
    DrawerEmptied,
    EmptyDrawer,
    EnergyLine,
    FixedLine,
    MeterUnclear,
    MeterValue,
    MeterWallet,
    NoDrawer,
    NoSuchMeter,
    NoSuchVend,
    NotVendable,
    Quote,
    Quoted,
    Transaction,
    Vend,
    Vended,
    VendFacts,
    VendNamed,
    VendRow,
    VendsOf,
    VendSplit,
    WalletValues,
    WalletValuesWanted,
    Window,
)
from currant.vending.split import Due, Owed, Split, split_tender

sql = Statements(__package__)
_OPEN_VEND = sql.rows("open_vend", VendFacts)
_EMPTY_DRAWER = sql.rows("empty_drawer", Decimal)
_CLOSE_VEND = sql.rows("close_vend", ClosedVend)
_VEND = sql.rows("vend", VendRow)
_VENDS = sql.rows("vends", VendRow)
_WALLET_VALUES = sql.rows("wallet_values", MeterWallet)
_TRANSACTIONS = sql.rows("transactions", Transaction)

TENDERS = ("cash", "check", "card", "eft")
_TENDER_COA = "1000"
_TAX_COA = "2200"
_WALLET_COA = "2100"
_LARGEST_TENDER = Decimal(10) ** 9
_MOST_ACCOUNTS = 200
_SECOND = timedelta(seconds=1)
_EARLIEST = datetime(2, 1, 1, tzinfo=UTC)
_LATEST = datetime(9998, 12, 31, tzinfo=UTC)


class _Offer(msgspec.Struct, frozen=True):
    """A tender shared out, with the facts it was shared out on."""

    facts: VendFacts
    split: Split
    month: date


@needs(Permission.VEND_VIEW)
async def quote(tx: Tx, question: Quote) -> Quoted:
    """Say how an amount would be shared out now: arrears, fixed charges, energy and its tax."""
    offer = await _offer(
        tx, question.account, question.serial_number, question.amount, locking=False
    )
    return _quoted(tx, offer)


@needs(Permission.VENDCASH)
async def vend(tx: Tx, command: Vend) -> Vended:
    """Sell energy for a tender: arrears and fixed charges first, the rest fills the wallet.

    Posting rule L8. Raises `Invalid`, `NoSuchAccount`, `MeterUnclear`, `NotVendable`,
    `VendingLimitReached`; then nothing was charged.
    """
    if command.tender not in TENDERS:
        raise Invalid(f"The tender is one of {', '.join(TENDERS)}.", field="tender")
    offer = await _offer(tx, command.account, command.serial_number, command.amount, locking=True)
    facts, split = offer.facts, offer.split
    quoted = _quoted(tx, offer)
    in_units = facts.wallet_kind == "units"
    credit = split.sale.energy_wh if in_units else quoted.fixed_amount + quoted.energy_amount
    vend_id = uuid4()
    closed = await tx.one(
        _CLOSE_VEND,
        portal_id=tx.portal.portal_id,
        login=tx.user.login,
        vendor_number=tx.user.vendor_number,
        at=tx.now,
        entries=[
            (
                1,
                command.tender,
                tx.now,
                facts.account_id,
                facts.meter_id,
                quoted.fixed_amount + quoted.energy_amount,
                quoted.arrears_amount,
                split.sale.energy_wh,
                command.tender_number,
                command.tender_name,
                "",
                None,
            )
        ],
        postings=_postings(tx, facts, split, quoted, in_units=in_units),
        credit=credit,
        account_id=facts.account_id,
        wallet_kind=facts.wallet_kind,
        meter_id=facts.meter_id,
        month=offer.month,
        sold_wh=split.sale.energy_wh if in_units else 0,
        tendered_amount=quoted.amount,
        minor_unit=from_minor(1, tx.portal.currency),
        user_id=tx.user.user_id,
        due_meter_ids=[part.due.meter_id for part in split.fixed],
        due_months=[date.fromisoformat(part.due.month) for part in split.fixed],
        due_fixed_ids=[part.due.fixed_id for part in split.fixed],
        due_nets=[from_minor(part.net_minor, tx.portal.currency) for part in split.fixed],
        due_taxes=[from_minor(part.tax_minor, tx.portal.currency) for part in split.fixed],
        item_ids=[part.owed.item_id for part in split.arrears],
        item_paid=[from_minor(part.paid_minor, tx.portal.currency) for part in split.arrears],
        vend_id=vend_id,
        tender=command.tender,
        arrears_amount=quoted.arrears_amount,
        fixed_amount=quoted.fixed_amount,
        energy_amount=quoted.energy_amount,
        tax_amount=quoted.tax_amount,
        energy_wh=split.sale.energy_wh,
        split=wire.encode(quoted.split).decode(),
    )
    return Vended(
        vend_id=vend_id,
        transaction_id=closed.entry_id,
        account=quoted.account,
        customer_name=facts.customer_name or "",
        serial_number=quoted.serial_number,
        wallet=quoted.wallet,
        tender=command.tender,
        currency=quoted.currency,
        amount=quoted.amount,
        arrears_amount=quoted.arrears_amount,
        fixed_amount=quoted.fixed_amount,
        energy_amount=quoted.energy_amount,
        tax_amount=quoted.tax_amount,
        energy_kwh=quoted.energy_kwh,
        balance=_shown(closed.balance, quoted.wallet),
        login=tx.user.login,
        vendor_number=tx.user.vendor_number,
        vended_at=tx.now,
        reversed=False,
        split=quoted.split,
    )


@needs(Permission.USERS_MANAGE)
async def empty_drawer(tx: Tx, command: EmptyDrawer) -> DrawerEmptied:
    """Begin a cashier's drawer anew, so that the vending limit runs from nothing again.

    Raises `NoDrawer`.
    """
    taken = await tx.maybe(_EMPTY_DRAWER, portal_id=tx.portal.portal_id, login=command.login)
    if taken is None:
        raise NoDrawer(command.login, field="login")
    return DrawerEmptied(command.login, taken)


@needs(Permission.VEND_VIEW)
async def show_vend(tx: Tx, question: VendNamed) -> Vended:
    """Show a vend as it was recorded. Raises `NoSuchVend`."""
    row = await tx.maybe(_VEND, portal_id=tx.portal.portal_id, vend_id=question.vend_id)
    if row is None:
        raise NoSuchVend(str(question.vend_id), field="vend_id")
    tx.user.refuse_blocked(row.account)
    return _vended(tx, row)


@needs(Permission.VEND_VIEW)
async def list_vends(tx: Tx, question: VendsOf) -> list[Vended]:
    """List an account's vends, newest first. Raises `NoSuchAccount`."""
    await account_id_of(tx, question.account)
    rows = await tx.all(
        _VENDS,
        portal_id=tx.portal.portal_id,
        account=question.account,
        before=question.before,
        how_many=question.how_many,
    )
    return [_vended(tx, row) for row in rows]


@needs(Permission.WALLET_VIEW)
async def wallet_values(tx: Tx, question: WalletValuesWanted) -> WalletValues:
    """Say what wallets hold, by each of the accounts' meters, and what units are worth (J16, J17).

    Balances are those after the last second of the question, the worth is always the present one:
    without tax and fixed charges, cut to the minor unit. Raises `Invalid`, `NoSuchAccount`, and
    `Forbidden` for blocked accounts.
    """
    if len(question.accounts) > _MOST_ACCOUNTS:
        raise Invalid(f"At most {_MOST_ACCOUNTS} accounts are told at once.", field="account")
    for account in question.accounts:
        tx.user.refuse_blocked(account)
    end = None if question.end is None else last_second(question.end, tx.portal.zone)
    rows = await tx.all(
        _WALLET_VALUES,
        portal_id=tx.portal.portal_id,
        accounts=question.accounts,
        at=tx.now,
        before=None if end is None else end.at + _SECOND,
    )
    meters: dict[str, list[MeterValue]] = {row.account: [] for row in rows}
    missing = [account for account in question.accounts if account not in meters]
    if missing:
        raise NoSuchAccount(", ".join(missing)[:400], field="account")
    for row in rows:
        if row.serial_number is not None and row.wallet_kind is not None:
            worth = await _worth(tx, row) if row.wallet_kind == "units" else None
            meters[row.account].append(
                MeterValue(
                    row.serial_number, row.wallet_kind, _shown(row.balance, row.wallet_kind), worth
                )
            )
    return WalletValues(
        tx.portal.currency,
        [AccountValues(account, meters[account]) for account in question.accounts],
        nonstandard_offset=end is not None and end.nonstandard,
    )


@needs(Permission.TRANSACTIONS_VIEW)
async def transactions(tx: Tx, question: Window) -> AsyncIterator[Transaction]:
    """List what was recorded in a window, by id, a few thousand at a time (J29)."""
    found = tx.each(
        _TRANSACTIONS,
        portal_id=tx.portal.portal_id,
        first_at=question.first_at,
        before=question.before,
    )
    async for transaction in found:
        yield transaction


def last_second(text: str, zone: ZoneInfo) -> Instant:
    """Read the last second of a span: a timestamp in a query, or a local day that is meant whole.

    Raises `Invalid`.
    """
    try:
        if len(text) == len("YYYY-MM-DD"):
            end = Instant(day_bounds(parse_day(text), zone)[1] - _SECOND, timedelta(), text)
        else:
            end = parse_instant(text, zone, query=True)
    except Invalid as refusal:
        raise Invalid(f"The parameter end_date: {refusal.detail}", field="end_date") from None
    if not _EARLIEST <= end.at <= _LATEST:
        raise Invalid("The parameter end_date is in the years 2 to 9998.", field="end_date")
    return msgspec.structs.replace(end, at=end.at.replace(microsecond=0))


async def _worth(tx: Tx, row: MeterWallet) -> Decimal | None:
    """Value a balance of units where the meter stands in its tariff now."""
    if row.tariff_id is None or row.revision is None:
        return None
    book = await price_book(tx, row.tariff_id, row.revision)
    try:
        version = book.version_at(tx.now)
    except UnsoundTariff:
        return None
    counters = dict(zip(row.months, row.counters, strict=True))
    counter_wh = counters.get(book.month_at(tx.now), 0)
    worth = value_of(version, int(row.balance), counter_wh, book.bucket_at(tx.now))
    return from_minor(worth, tx.portal.currency)


async def _offer(
    tx: Tx, account: str, serial_number: str | None, amount: Decimal, *, locking: bool
) -> _Offer:
    """Read the facts of a vend and share the tender out."""
    tender_minor = _tender_minor(tx, amount)
    facts = await tx.one(
        _OPEN_VEND,
        portal_id=tx.portal.portal_id,
        account=account,
        serial_number=serial_number,
        at=tx.now,
        locking=locking,
    )
    if facts.account_id is None:
        raise NoSuchAccount(account, field="account")
    if facts.meter_count != 1:
        if serial_number is not None:
            raise NoSuchMeter(serial_number, field="serial_number")
        raise MeterUnclear(f"It has {facts.meter_count}.", field="serial_number")
    if facts.tariff_id is None or facts.revision is None or facts.balance is None:
        raise NotVendable(f"Meter {facts.serial_number} has no tariff or no wallet.")
    if facts.com_type == "STS":
        raise NotVendable(f"Meter {facts.serial_number} needs a token, which cannot be made yet.")
    book = await price_book(tx, facts.tariff_id, facts.revision)
    month = book.month_at(tx.now)
    counters = dict(zip(facts.months or [], facts.counters or [], strict=True))
    split = split_tender(
        tender_minor,
        _owed(tx, facts),
        _dues(tx, facts),
        book.version_at(tx.now),
        counter_wh=counters.get(month, 0),
        bucket=book.bucket_at(tx.now),
        in_units=facts.wallet_kind == "units",
    )
    return _Offer(facts, split, month)


def _tender_minor(tx: Tx, amount: Decimal) -> int:
    places = minor_units(tx.portal.currency)
    if not amount.is_finite() or not 0 < amount <= _LARGEST_TENDER:
        raise Invalid(
            f"The amount {amount} is not above 0 and at most {_LARGEST_TENDER}.", field="amount"
        )
    if amount != round(amount, places):
        raise Invalid(f"The amount {amount} has more than {places} decimals.", field="amount")
    return to_minor(amount, tx.portal.currency)


def _owed(tx: Tx, facts: VendFacts) -> list[Owed]:
    columns: Sequence[Sequence[Any] | None] = (
        facts.item_ids,
        facts.type_names,
        facts.outstandings,
        facts.pay_plans,
        facts.receivable_coas,
    )
    return [
        Owed(item_id, name, to_minor(outstanding, tx.portal.currency), int(plan * 100), coa)
        for item_id, name, outstanding, plan, coa in zip(*(c or () for c in columns), strict=True)
    ]


def _dues(tx: Tx, facts: VendFacts) -> list[Due]:
    currency = tx.portal.currency
    columns: Sequence[Sequence[Any] | None] = (
        facts.due_meter_ids,
        facts.due_months,
        facts.due_fixed_ids,
        facts.due_descriptions,
        facts.due_nets,
        facts.due_taxes,
        facts.due_coas,
    )
    return [
        Due(
            meter,
            month.isoformat(),
            fixed,
            text,
            to_minor(net, currency),
            to_minor(tax, currency),
            coa,
        )
        for meter, month, fixed, text, net, tax, coa in zip(
            *(c or () for c in columns), strict=True
        )
    ]


def _quoted(tx: Tx, offer: _Offer) -> Quoted:
    facts, split, currency = offer.facts, offer.split, tx.portal.currency
    tax = sum((line.tax_amount for line in split.sale.lines), Decimal(0))
    arrears = from_minor(split.arrears_minor, currency)
    fixed = from_minor(split.fixed_minor, currency)
    energy = from_minor(split.energy_minor, currency)
    fixed_tax = from_minor(sum(part.tax_minor for part in split.fixed), currency)
    return Quoted(
        account=facts.account or "",
        serial_number=facts.serial_number or "",
        wallet=facts.wallet_kind or "",
        currency=currency,
        amount=arrears + fixed + energy,
        arrears_amount=arrears,
        fixed_amount=fixed,
        energy_amount=energy,
        tax_amount=tax + fixed_tax if facts.wallet_kind == "units" else Decimal(0),
        energy_kwh=kwh(split.sale.energy_wh),
        split=_told(split, currency),
    )


def _told(split: Split, currency: str) -> VendSplit:
    """Tell a split as a receipt prints it."""
    return VendSplit(
        arrears=[
            ArrearsLine(
                part.owed.item_id,
                part.owed.type_name.strip(),
                Decimal(part.owed.plan_hundredths) / 100,
                from_minor(part.paid_minor, currency),
                from_minor(part.owed.outstanding_minor - part.paid_minor, currency),
            )
            for part in split.arrears
        ],
        fixed=[
            FixedLine(
                part.due.month[:7],
                part.due.description,
                from_minor(part.net_minor, currency),
                from_minor(part.tax_minor, currency),
            )
            for part in split.fixed
        ],
        energy=[
            EnergyLine(
                line.tier,
                line.description,
                kwh(line.block_from_wh),
                None if line.block_to_wh is None else kwh(line.block_to_wh),
                kwh(line.quantity_wh),
                line.rate,
                line.net_amount,
                line.tax_rate,
                line.tax_amount,
            )
            for line in split.sale.lines
        ],
    )


def _postings(
    tx: Tx, facts: VendFacts, split: Split, quoted: Quoted, *, in_units: bool
) -> list[tuple[int, str, str, Decimal | int, int | None]]:
    """State posting rule L8: the lines of a vend, debits positive."""
    currency, account_id = tx.portal.currency, facts.account_id
    lines: list[tuple[int, str, str, Decimal | int, int | None]] = [
        (1, _TENDER_COA, currency, quoted.amount, None)
    ]
    lines += [
        (1, part.owed.receivable_coa, currency, -from_minor(part.paid_minor, currency), account_id)
        for part in split.arrears
    ]
    if not in_units:
        credit = quoted.fixed_amount + quoted.energy_amount
        lines.append((1, _WALLET_COA, currency, -credit, account_id))
        return lines
    lines += [
        (1, part.due.coa, currency, -from_minor(part.net_minor, currency), None)
        for part in split.fixed
    ]
    lines += [(1, line.coa, currency, -line.net_amount, None) for line in split.sale.lines]
    lines.append((1, _TAX_COA, currency, -quoted.tax_amount, None))
    lines.append((1, "U300", "Wh", split.sale.energy_wh, account_id))
    lines.append((1, "U100", "Wh", -split.sale.energy_wh, account_id))
    return lines


def _shown(balance: Decimal, wallet: str) -> Decimal:
    """Show a wallet's balance: money as it is, energy in kWh."""
    return kwh(int(balance)) if wallet == "units" else balance


def _vended(tx: Tx, row: VendRow) -> Vended:
    return Vended(
        vend_id=row.vend_id,
        transaction_id=row.entry_id,
        account=row.account,
        customer_name=row.customer_name,
        serial_number=row.serial_number,
        wallet=row.wallet_kind,
        tender=row.tender,
        currency=tx.portal.currency,
        amount=row.tendered_amount,
        arrears_amount=row.arrears_amount,
        fixed_amount=row.fixed_amount,
        energy_amount=row.energy_amount,
        tax_amount=row.tax_amount,
        energy_kwh=kwh(row.energy_wh),
        balance=_shown(row.balance, row.wallet_kind),
        login=row.login,
        vendor_number=row.vendor_number,
        vended_at=row.vended_at,
        reversed=row.reversed,
        split=wire.decode(row.split.encode(), VendSplit),
    )
