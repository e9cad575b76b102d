"""Acts on what customers owe, and the questions asked about it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from decimal import Decimal

import msgspec

from currant.access.permissions import Permission, needs
from currant.access.verbs import Nothing
from currant.csvfile import refuse_file
from currant.customers.model import NamedAccount
from currant.customers.verbs import account_id_of, accounts_of, blocked_faults
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Forbidden, Invalid
from currant.receivables.judgement import beyond_limit, refuse_amounts, refuse_items
from currant.receivables.model import (
    AccountArrears,
    Arrears,
    ArrearsFault,
    ArrearsImported,
    ArrearsIssued,
    ArrearsOfAccount,
    ArrearsOfType,
    ArrearsRecord,
    ArrearsRow,
    ArrearsType,
    ArrearsTypes,
    ArrearsTypesWanted,
    ArrearsTypeTaken,
    ChangePlan,
    CreateArrearsType,
    HeldItem,
    ImportArrears,
    ImportTerms,
    NewArrears,
    NoSuchArrears,
    NoSuchArrearsType,
    NoSuchCoa,
    Owed,
    OwedWanted,
    RetireArrearsType,
    TypeTerms,
    WriteOff,
    WrittenOff,
    WrittenOffRow,
)
from currant.receivables.records import ArrearsReader

sql = Statements(__package__)
_ARREARS_TYPES = sql.rows("arrears_types", ArrearsType)
_IMPORT_TERMS = sql.rows("import_terms", ImportTerms)
_ISSUE_ARREARS = sql.rows("issue_arrears", int)
_OWED = sql.rows("owed", Owed)
_ARREARS_OF_TYPE = sql.rows("arrears_of_type", ArrearsRow)
_ARREARS_OF_ACCOUNT = sql.rows("arrears_of_account", ArrearsRow)
_HOLD_ITEMS = sql.rows("hold_items", HeldItem)
_WRITE_OFF = sql.rows("write_off", WrittenOffRow)
_CHANGE_PLAN = sql.rows("change_plan", ArrearsRow)
_TYPE_TERMS = sql.rows("type_terms", TypeTerms)
_CREATE_TYPE = sql.rows("create_type", ArrearsType)
_RETIRE_TYPE = sql.rows("retire_type", ArrearsType)
_IN_CHART = sql.rows("in_chart", bool)
_FAULTS = sql.rows("faults", ArrearsFault)

_WRITTEN_OFF_TO = "5200"
_PLAN_PLACES = 2
_WHOLE = Decimal(100)
# An arrears credits no customer's balance and no energy: nobody would be tagged on that line.
_CREDITED = ("asset", "income", "expense", "equity")


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


@needs(Permission.ARREARS_VIEW)
async def owed_arrears(tx: Tx, question: OwedWanted) -> AsyncIterator[Owed]:
    """List the accounts that owe arrears with the sum of it, a few thousand at a time (J18).

    Accounts that are blocked for the caller are left out.
    """
    found = tx.each(
        _OWED,
        portal_id=tx.portal.portal_id,
        blocked=list(tx.user.blocked),
        how_many=question.how_many,
        skip=question.skip,
    )
    async for owed in found:
        yield owed


@needs(Permission.ARREARS_VIEW)
async def arrears_of_type(tx: Tx, question: ArrearsOfType) -> AsyncIterator[Arrears]:
    """List the arrears that stand for a COA, by account and the newest first (J19).

    Settled ones too; a few thousand at a time. Accounts that are blocked for the caller are left
    out. Raises `NoSuchCoa`.
    """
    portal_id = tx.portal.portal_id
    if not await tx.one(_IN_CHART, portal_id=portal_id, coa=question.coa):
        raise NoSuchCoa(question.coa, field="arrears_coa")
    found = tx.each(
        _ARREARS_OF_TYPE,
        portal_id=portal_id,
        coa=question.coa,
        details=question.details,
        blocked=list(tx.user.blocked),
        how_many=question.how_many,
        skip=question.skip,
    )
    async for row in found:
        yield Arrears.of(row)


@needs(Permission.ARREARS_VIEW)
async def arrears_of_account(tx: Tx, question: ArrearsOfAccount) -> AccountArrears:
    """List the arrears of an account, settled ones too, the newest first (J20).

    Raises `NoSuchAccount`.
    """
    account_id = await account_id_of(tx, question.account)
    rows = await tx.all(
        _ARREARS_OF_ACCOUNT,
        portal_id=tx.portal.portal_id,
        account_id=account_id,
        details=question.details,
    )
    return AccountArrears(tx.portal.timezone, tx.portal.currency, list(map(Arrears.of, rows)))


@needs(Permission.ADJUST_ARREARS)
async def import_arrears(tx: Tx, command: ImportArrears) -> ArrearsImported:
    """Issue one arrears per record of a CSV file, all of them or none (J12, posting rule L1).

    The type is the one whose account is credited, the account debited is the item's receivable.
    What was paid before becomes its first allocation. Raises `Unparsable`, `Invalid`,
    `NoSuchAccount`, and `Forbidden` for blocked accounts and amounts above the caller's limit, each
    naming the records.
    """
    type_name = await type_to_issue(tx, debit=command.debit, credit=command.credit)
    reader = ArrearsReader(tx.portal.zone, tx.portal.currency)
    records = await reader.records(command.upload.chunks())
    accounts = await accounts_of(tx, records, foreign_keys=command.foreign_keys)
    refuse_forbidden(tx, records, accounts)
    issued = [new_arrears(record, accounts) for record in records]
    await issue_arrears(tx, issued, type_name=type_name, debit=command.debit, credit=command.credit)
    arrears = [ArrearsIssued(accounts[record.key].account, record.amount) for record in records]
    return ArrearsImported(
        tx.portal.currency, arrears, reader.csv.header_repaired, reader.nonstandard
    )


@needs(Permission.TRANSACTIONS_ADJUST)
async def write_off(tx: Tx, command: WriteOff) -> list[WrittenOff]:
    """Write arrears and other open items off, an entry each, all or none (posting rule L12).

    Raises `Invalid`, `NoSuchArrears`, `ArrearsTakenBack`, `ArrearsSettled`, and `Forbidden` for
    blocked accounts and amounts above the caller's special limit, each naming the items.
    """
    if not command.note.strip():
        raise Invalid("Say why the arrears are written off.", field="note")
    wanted = [item.arrears_id for item in command.items]
    if not wanted:
        raise Invalid("Name the arrears to write off.", field="items")
    held = await _hold(tx, wanted)
    items = [held[item_id] for item_id in wanted]
    amounts = [
        held[item.arrears_id].outstanding if item.amount is None else item.amount
        for item in command.items
    ]
    refuse_amounts(items, amounts, tx.user.special_limit, tx.portal.currency)
    rows = await tx.all(
        _WRITE_OFF,
        portal_id=tx.portal.portal_id,
        login=tx.user.login,
        vendor_number=tx.user.vendor_number,
        at=tx.now,
        currency=tx.portal.currency,
        note=command.note,
        debit=_WRITTEN_OFF_TO,
        item_ids=wanted,
        account_ids=[item.account_id for item in items],
        receivable_coas=[item.receivable_coa for item in items],
        amounts=amounts,
    )
    return [
        WrittenOff(row.item_id, held[row.item_id].account, row.entry_id, amount, row.outstanding)
        for row, amount in zip(rows, amounts, strict=True)
    ]


@needs(Permission.ADJUST_ARREARS)
async def change_plan(tx: Tx, command: ChangePlan) -> Arrears:
    """Change the percentage by which an arrears is recovered, and from when.

    Raises `Invalid`, `NoSuchArrears`, `ArrearsTakenBack`, and `Forbidden` for a blocked account.
    """
    plan, start = command.change.pay_plan, command.change.start
    if plan is msgspec.UNSET and start is msgspec.UNSET:
        raise Invalid("Name a pay_plan, a start, or both.", field="pay_plan")
    if plan is not msgspec.UNSET and not (0 < plan <= _WHOLE and plan == round(plan, _PLAN_PLACES)):
        raise Invalid(
            f"A pay_plan is more than 0 and at most 100 percent, with {_PLAN_PLACES} decimals at"
            f" most, not {plan}.",
            field="pay_plan",
        )
    held = await _hold(tx, [command.arrears_id])
    if held[command.arrears_id].kind != "ARREARS":
        raise NoSuchArrears(f"{command.arrears_id} is recovered by no plan.", field="arrears_id")
    row = await tx.one(
        _CHANGE_PLAN,
        portal_id=tx.portal.portal_id,
        item_id=command.arrears_id,
        pay_plan=None if plan is msgspec.UNSET else plan,
        starting=start is not msgspec.UNSET,
        start_at=None if start is msgspec.UNSET else start,
    )
    return Arrears.of(row)


@needs(Permission.ADJUST_ARREARS)
async def create_arrears_type(tx: Tx, command: CreateArrearsType) -> ArrearsType:
    """Create an arrears type of the portal's own, listed last.

    Its COA is in the chart, and neither energy nor a liability. Raises `Invalid`,
    `ArrearsTypeTaken`, `ArrearsTypeCoaTaken`.
    """
    portal_id = tx.portal.portal_id
    terms = await tx.one(_TYPE_TERMS, portal_id=portal_id, name=command.name, coa=command.coa)
    if terms.named_before:
        raise ArrearsTypeTaken(command.name, field="name")
    if terms.coa_class not in _CREDITED:
        raise Invalid(
            f"The COA {command.coa} is not an account of class {', '.join(_CREDITED)} in the chart"
            " of accounts. Nothing was created.",
            field="coa",
        )
    return await tx.one(
        _CREATE_TYPE,
        portal_id=portal_id,
        portal=tx.portal.key,
        name=command.name,
        description=command.description,
        coa=command.coa,
        selectable=command.selectable,
        at=tx.now,
    )


@needs(Permission.ADJUST_ARREARS)
async def retire_arrears_type(tx: Tx, command: RetireArrearsType) -> ArrearsType:
    """Retire an arrears type of the portal's own: it is listed no more and nothing is issued as it.

    What was issued as it keeps its name and COA. Raises `NoSuchArrearsType`.
    """
    retired = await tx.maybe(
        _RETIRE_TYPE,
        portal_id=tx.portal.portal_id,
        portal=tx.portal.key,
        name=command.name,
        at=tx.now,
    )
    if retired is None:
        raise NoSuchArrearsType(
            f"{command.name[:40]!r}. Those of every portal (%) are not retired here.", field="name"
        )
    return retired


@needs(Permission.JOBS_RUN)
async def arrears_faults(tx: Tx, _question: Nothing) -> list[ArrearsFault]:
    """List what customers owe or have to their credit that does not add up; none is hoped for."""
    return await tx.all(_FAULTS)


async def issue_arrears(
    tx: Tx, arrears: Sequence[NewArrears], *, type_name: str, debit: str, credit: str
) -> list[int]:
    """Issue arrears of one type, an entry each; return their ids in the order given.

    `debit` is their receivable, `credit` what the type stands for (posting rules L1, L2).
    """
    if not arrears:
        return []
    return await tx.all(
        _ISSUE_ARREARS,
        portal_id=tx.portal.portal_id,
        login=tx.user.login,
        vendor_number=tx.user.vendor_number,
        at=tx.now,
        currency=tx.portal.currency,
        type_name=type_name,
        debit=debit,
        credit=credit,
        account_ids=[new.account_id for new in arrears],
        amounts=[new.amount for new in arrears],
        paids=[new.paid for new in arrears],
        pay_plans=[new.pay_plan for new in arrears],
        starts=[new.start_at for new in arrears],
    )


def new_arrears(record: ArrearsRecord, accounts: Mapping[str, NamedAccount]) -> NewArrears:
    """Return the arrears that a record asks for; what is owed is positive, however it is signed."""
    return NewArrears(
        accounts[record.key].account_id,
        abs(record.amount),
        record.paid,
        record.pay_plan,
        record.start_at,
    )


def refuse_forbidden(
    tx: Tx, records: Sequence[ArrearsRecord], accounts: Mapping[str, NamedAccount]
) -> None:
    """Refuse records of blocked accounts, and amounts above the caller's special limit."""
    faults = blocked_faults(tx, records, accounts)
    amounts = [(record.number, record.amount) for record in records]
    faults += beyond_limit(amounts, tx.user.special_limit, tx.portal.currency)
    refuse_file(Forbidden, sorted(faults, key=lambda fault: fault.record))


async def type_to_issue(tx: Tx, *, debit: str, credit: str) -> str:
    """Return the arrears type that a COA to credit means. Raises `Invalid`."""
    portal_id = tx.portal.portal_id
    terms = await tx.one(_IMPORT_TERMS, portal_id=portal_id, debit=debit, credit=credit)
    if terms.type_name is None:
        raise Invalid(
            f"No type of arrears has the COA {credit}, so there is none to credit."
            " Nothing was stored.",
            field="credit",
        )
    # The line is tagged with the customer, so a wallet or bond here would change a balance.
    if terms.debit_class != "asset" or debit == credit:
        raise Invalid(
            f"The COA to debit, {debit}, is not another account of class asset in the"
            " chart of accounts. Nothing was stored.",
            field="debit",
        )
    return terms.type_name


async def _hold(tx: Tx, item_ids: Sequence[int]) -> dict[int, HeldItem]:
    """Lock open items by their ids, each named once; refuse those of blocked accounts.

    Raises `Invalid`, `NoSuchArrears`, `ArrearsTakenBack`, `Forbidden`.
    """
    rows = await tx.all(_HOLD_ITEMS, portal_id=tx.portal.portal_id, item_ids=item_ids)
    held = {row.item_id: row for row in rows}
    refuse_items(item_ids, held, tx.user.blocked)
    return held
