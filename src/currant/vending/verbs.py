"""Vends: quote, sell, and show what was sold."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import msgspec

from currant import wire
from currant.access.permissions import Permission, needs
from currant.batches.tenders import refuse_tender, tender_minor
from currant.clock import parse_end
from currant.customers.model import NoSuchAccount
from currant.customers.verbs import account_id_of
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Invalid
from currant.metering.model import NoSuchMeter
from currant.money import from_minor, to_minor
from currant.tariffs.verbs import price_book
from currant.vending.model import (
    AccountValues,
    ClosedVend,
    MeterUnclear,
    MeterValue,
    MeterWallet,
    NoSuchVend,
    NotVendable,
    Quote,
    Quoted,
    Vend,
    Vended,
    VendFacts,
    VendNamed,
    VendRow,
    VendsOf,
    WalletValues,
    WalletValuesWanted,
)
from currant.vending.receipt import postings, quoted, shown, vended
from currant.vending.split import Due, Owed, Split, split_tender

sql = Statements(__package__)
_OPEN_VEND = sql.rows("open_vend", VendFacts)
_CLOSE_VEND = sql.rows("close_vend", ClosedVend)
_VENDS = sql.rows("vends", VendRow)
_WALLET_VALUES = sql.rows("wallet_values", MeterWallet)

_MOST_ACCOUNTS = 200
_SECOND = timedelta(seconds=1)


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
    return quoted(offer.facts, offer.split, tx.portal.currency)


@needs(Permission.VENDCASH)
async def vend(tx: Tx, command: Vend) -> Vended:
    """Sell energy for a tender: arrears and fixed charges first, the rest fills the wallet.

    Posting rule L8. Raises `Invalid`, `NoSuchAccount`, `MeterUnclear`, `NotVendable`,
    `VendingLimitReached`; then nothing was charged.
    """
    refuse_tender(command.tender, command.tender_number)
    offer = await _offer(tx, command.account, command.serial_number, command.amount, locking=True)
    facts, split = offer.facts, offer.split
    told = quoted(facts, split, tx.portal.currency)
    vend_id = uuid4()
    closed = await tx.one(
        _CLOSE_VEND,
        portal_id=tx.portal.portal_id,
        login=tx.user.login,
        vendor_number=tx.user.vendor_number,
        at=tx.now,
        tender_number=command.tender_number,
        tender_name=command.tender_name,
        postings=postings(facts, split, told),
        account_id=facts.account_id,
        wallet_kind=facts.wallet_kind,
        meter_id=facts.meter_id,
        month=offer.month,
        tendered_amount=told.amount,
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
        arrears_amount=told.arrears_amount,
        fixed_amount=told.fixed_amount,
        energy_amount=told.energy_amount,
        tax_amount=told.tax_amount,
        energy_wh=split.sale.energy_wh,
        split=wire.encode(told.split).decode(),
    )
    return Vended(
        **msgspec.structs.asdict(told),
        vend_id=vend_id,
        transaction_id=closed.entry_id,
        customer_name=facts.customer_name or "",
        tender=command.tender,
        balance=shown(closed.balance, told.wallet),
        login=tx.user.login,
        vendor_number=tx.user.vendor_number,
        vended_at=tx.now,
        reversed=False,
    )


@needs(Permission.VEND_VIEW)
async def show_vend(tx: Tx, question: VendNamed) -> Vended:
    """Show a vend as it was recorded. Raises `NoSuchVend`."""
    row = await tx.maybe(
        _VENDS,
        portal_id=tx.portal.portal_id,
        vend_id=question.vend_id,
        number=question.number,
        account=None,
        before=0,
        how_many=0,
    )
    if row is None:
        field = "vend_id" if question.number is None else "number"
        raise NoSuchVend(f"It was asked for as {question.vend_id or question.number}.", field=field)
    tx.user.refuse_blocked(row.account)
    return vended(row, tx.portal.currency)


@needs(Permission.VEND_VIEW)
async def list_vends(tx: Tx, question: VendsOf) -> list[Vended]:
    """List an account's vends, newest first. Raises `NoSuchAccount`."""
    await account_id_of(tx, question.account)
    rows = await tx.all(
        _VENDS,
        portal_id=tx.portal.portal_id,
        vend_id=None,
        number=None,
        account=question.account,
        before=question.before,
        how_many=question.how_many,
    )
    return [vended(row, tx.portal.currency) for row in rows]


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
    end = None if question.end is None else parse_end(question.end, tx.portal.zone)
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
                    row.serial_number, row.wallet_kind, shown(row.balance, row.wallet_kind), worth
                )
            )
    return WalletValues(
        tx.portal.currency,
        [AccountValues(account, meters[account]) for account in question.accounts],
        nonstandard_offset=end is not None and end.nonstandard,
    )


async def _worth(tx: Tx, row: MeterWallet) -> Decimal | None:
    """Value a balance of units where the meter stands in its tariff now."""
    if row.tariff_id is None or row.revision is None:
        return None
    book = await price_book(tx, row.tariff_id, row.revision)
    counters = dict(zip(row.months, row.counters, strict=True))
    counter_wh = counters.get(book.month_at(tx.now), 0)
    worth = book.worth_at(tx.now, int(row.balance), counter_wh)
    return None if worth is None else from_minor(worth, tx.portal.currency)


async def _offer(
    tx: Tx, account: str, serial_number: str | None, amount: Decimal, *, locking: bool
) -> _Offer:
    """Read the facts of a vend and share the tender out."""
    tendered = tender_minor(amount, tx.portal.currency)
    facts = await tx.one(
        _OPEN_VEND,
        portal_id=tx.portal.portal_id,
        account=account,
        serial_number=serial_number,
        at=tx.now,
        locking=locking,
    )
    if facts.account_id is None:
        raise NoSuchAccount(f"It was asked for as {account[:40]!r}.", field="account")
    if facts.meter_count != 1:
        if serial_number is not None:
            raise NoSuchMeter(
                f"Account {account} is not supplied through {serial_number}.",
                field="serial_number",
            )
        raise MeterUnclear(f"It has {facts.meter_count}.", field="serial_number")
    if facts.tariff_id is None or facts.revision is None or facts.balance is None:
        raise NotVendable(f"Meter {facts.serial_number} has no tariff or no wallet.")
    if facts.com_type == "STS":
        raise NotVendable(f"Meter {facts.serial_number} needs a token, which cannot be made yet.")
    book = await price_book(tx, facts.tariff_id, facts.revision)
    month = book.month_at(tx.now)
    counters = dict(zip(facts.months or [], facts.counters or [], strict=True))
    split = split_tender(
        tendered,
        _owed(tx, facts),
        _dues(tx, facts),
        book.version_at(tx.now),
        counter_wh=counters.get(month, 0),
        bucket=book.bucket_at(tx.now),
        in_units=facts.wallet_kind == "units",
    )
    return _Offer(facts, split, month)


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
