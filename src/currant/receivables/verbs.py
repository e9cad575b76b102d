"""Acts on what customers owe, and the questions asked about it."""

import re
from collections.abc import Sequence
from decimal import Decimal

from currant.access.permissions import Permission, needs
from currant.clock import Instant, parse_instant
from currant.csvfile import CsvReader, Record, refuse_file
from currant.customers.adjustments import COLUMNS, read_amount
from currant.customers.model import NamedAccount
from currant.customers.verbs import accounts_of, blocked_faults
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Fault, Forbidden, Invalid
from currant.money import format_money, from_minor, minor_units
from currant.receivables.model import (
    ArrearsImported,
    ArrearsIssued,
    ArrearsRecord,
    ArrearsType,
    ArrearsTypes,
    ArrearsTypesWanted,
    ImportArrears,
    ImportTerms,
)

sql = Statements(__package__)
_ARREARS_TYPES = sql.rows("arrears_types", ArrearsType)
_IMPORT_TERMS = sql.rows("import_terms", ImportTerms)
_ISSUE_ARREARS = sql.rows("issue_arrears", int)

_PLAN = re.compile(r"(\d{1,3}(?:\.\d{1,2})?)%", re.ASCII)
_WHOLE = Decimal(100)


@needs(Permission.ARREARS_VIEW)
async def arrears_types(tx: Tx, question: ArrearsTypesWanted) -> ArrearsTypes:
    """List the types of arrears in their order: the portal's own and those of all (J21)."""
    types = await tx.all(
        _ARREARS_TYPES,
        portal_id=tx.portal.portal_id,
        how_many=question.how_many,
        skip=question.skip,
    )
    return ArrearsTypes(tx.portal.timezone, types)


@needs(Permission.ADJUST_ARREARS)
async def import_arrears(tx: Tx, command: ImportArrears) -> ArrearsImported:
    """Issue one arrears per record of a CSV file, all of them or none (J12, posting rule L1).

    The type is the one whose account is credited, the account debited is the item's receivable.
    What was paid before becomes its first allocation. Raises `Unparsable`, `Invalid`,
    `NoSuchAccount`, and `Forbidden` for blocked accounts and amounts above the caller's limit, each
    naming the records.
    """
    type_name = await _type_name(tx, command)
    reader = CsvReader(COLUMNS)
    records: list[ArrearsRecord] = []
    nonstandard = False
    async for batch in reader.batches(command.upload.chunks()):
        for record in batch:
            nonstandard |= _read(tx, reader, record, records)
    accounts = await accounts_of(tx, records, foreign_keys=command.foreign_keys)
    _refuse_forbidden(tx, records, accounts)
    if records:
        await tx.all(
            _ISSUE_ARREARS,
            portal_id=tx.portal.portal_id,
            login=tx.user.login,
            vendor_number=tx.user.vendor_number,
            at=tx.now,
            currency=tx.portal.currency,
            type_name=type_name,
            debit=command.debit,
            credit=command.credit,
            account_ids=[accounts[record.key].account_id for record in records],
            amounts=[record.amount for record in records],
            paids=[record.paid for record in records],
            pay_plans=[record.pay_plan for record in records],
            starts=[record.start_at for record in records],
        )
    arrears = [ArrearsIssued(accounts[record.key].account, record.amount) for record in records]
    return ArrearsImported(tx.portal.currency, arrears, reader.header_repaired, nonstandard)


async def _type_name(tx: Tx, command: ImportArrears) -> str:
    """Return the arrears type that the credit account means; refuse accounts that cannot serve."""
    terms = await tx.one(
        _IMPORT_TERMS,
        portal_id=tx.portal.portal_id,
        debit=command.debit,
        credit=command.credit,
    )
    if terms.type_name is None:
        raise Invalid(
            f"No type of arrears has the COA {command.credit}, so there is none to credit."
            " Nothing was stored.",
            field="credit",
        )
    # The line is tagged with the customer, so a wallet or bond here would change a balance.
    if terms.debit_class != "asset" or command.debit == command.credit:
        raise Invalid(
            f"The COA to debit, {command.debit}, is not another account of class asset in the"
            " chart of accounts. Nothing was stored.",
            field="debit",
        )
    return terms.type_name


def _read(tx: Tx, reader: CsvReader, record: Record, records: list[ArrearsRecord]) -> bool:
    """Judge a record: keep it or note its faults. Answers whether its timestamp needs a warning."""
    number, (key, start, amount, paid, plan) = record
    before = reader.refused
    started = _start(tx, reader, number, start)
    places = minor_units(tx.portal.currency)
    owed = read_amount(reader, number, "amount", amount, places) or Decimal(0)
    settled = read_amount(reader, number, "paid", paid or "0", places) or Decimal(0)
    match = _PLAN.fullmatch(plan or "100%")
    pay_plan = Decimal(match[1]) if match else Decimal(0)
    if not key:
        reader.refuse(number, "account", "is blank")
    if reader.refused == before:
        if owed == 0:
            reader.refuse(number, "amount", "is zero; an arrears is more than nothing")
        if settled > owed:
            reader.refuse(number, "paid", "is more than the amount")
    if not 0 < pay_plan <= _WHOLE:
        reader.refuse(number, "payplan", f"{plan[:40]!r} is not a percentage such as 25%, to 100%")
    if reader.refused == before:
        at = started.at if started else None
        records.append(ArrearsRecord(number, key, at, owed, settled, pay_plan))
    return started is not None and started.nonstandard


def _start(tx: Tx, reader: CsvReader, number: int, text: str) -> Instant | None:
    if not text:
        return None
    try:
        return parse_instant(text, tx.portal.zone)
    except Invalid as refusal:
        reader.refuse(number, "startdate", refusal.detail.rstrip("."))
        return None


def _refuse_forbidden(
    tx: Tx, records: Sequence[ArrearsRecord], accounts: dict[str, NamedAccount]
) -> None:
    """Refuse blocked accounts, and amounts above the caller's special limit."""
    currency, limit = tx.portal.currency, tx.user.special_limit
    faults = blocked_faults(tx, records, accounts)
    if limit is not None:
        most = from_minor(limit, currency)
        reason = f"it is above your special limit of {format_money(most, currency)}"
        beyond = [record for record in records if record.amount > most]
        faults += [Fault(record.number, "amount", reason) for record in beyond]
    refuse_file(Forbidden, sorted(faults, key=lambda fault: fault.record))
