"""What the tests of receivables share: to issue arrears, and what must always add up."""

import hashlib
import io
from typing import Any

import asyncpg

from currant.access.model import OPERATOR, Actor
from currant.access.verbs import Nothing
from currant.door import Door
from currant.ledger.verbs import ledger_faults
from currant.receivables.model import (
    Arrears,
    ArrearsOfAccount,
    ArrearsOfType,
    ImportArrears,
    OwedWanted,
)
from currant.receivables.verbs import (
    arrears_of_account,
    arrears_of_type,
    import_arrears,
    owed_arrears,
)
from currant.upload import Upload

HEADER = "account,startdate,amount,paid,payplan\n"


def arrears_file(*rows: str, debit: str = "1100", credit: str = "9100") -> ImportArrears:
    """A file of arrears."""
    raw = (HEADER + "\n".join(rows)).encode()
    upload = Upload(io.BytesIO(raw), hashlib.sha256(raw).hexdigest(), len(raw))
    return ImportArrears(debit, credit, foreign_keys=False, upload=upload)


async def issue(door: Door, actor: Actor, *rows: str, **terms: str) -> list[int]:
    """Issue arrears by a file of records; return their ids in its order."""
    answer = await door.act(import_arrears, arrears_file(*rows, **terms), actor)
    accounts = {row.account for row in answer.arrears}
    found = [
        owed.arrears_id
        for account in accounts
        for owed in (await door.ask(arrears_of_account, ArrearsOfAccount(account), actor)).arrears
    ]
    return sorted(found)[-len(rows) :]


async def listed(door: Door, actor: Actor, coa: str = "9100") -> list[Arrears]:
    """The arrears of a COA with their payments."""
    async with door.asking(arrears_of_type, actor) as tx:
        question = ArrearsOfType(coa, details=True)
        return [owed async for owed in arrears_of_type(tx, question)]


async def standing(door: Door, actor: Actor, owner: asyncpg.Connection) -> list[Arrears]:
    """Hold what the lists say against the allocations and the books (INV-04, INV-13)."""
    found = await listed(door, actor)
    for owed in found:
        assert sum(paid.amount for paid in owed.payments) == owed.paid_amount
        assert all(paid.amount > 0 for paid in owed.payments)
        assert owed.amount - owed.paid_amount == owed.outstanding_amount >= 0
        times = [(paid.created_at, paid.transaction_id) for paid in owed.payments]
        assert times == sorted(times)
    by_account: dict[str, Any] = {}
    for owed in found:
        by_account.setdefault(owed.account, []).append(owed)
    for account, own in by_account.items():
        question = ArrearsOfAccount(account, details=True)
        assert (await door.ask(arrears_of_account, question, actor)).arrears == own
    async with door.asking(owed_arrears, actor) as tx:
        totals = {owed.account: owed.amount async for owed in owed_arrears(tx, OwedWanted())}
    sums = {a: sum(owed.outstanding_amount for owed in own) for a, own in by_account.items()}
    assert totals == {account: total for account, total in sums.items() if total}
    booked = await owner.fetch(
        "select a.account, sum(p.amount) as amount from ledger.posting as p "
        "inner join customers.account as a on a.account_id = p.account_id "
        "where p.coa in ('1100', '1102') group by a.account having sum(p.amount) <> 0"
    )
    assert {row["account"]: row["amount"] for row in booked} == totals
    allocated = await owner.fetch(
        "select o.item_id from receivables.open_item as o "
        "left join receivables.allocation as l on l.item_id = o.item_id "
        "group by o.portal_id, o.item_id "
        "having o.amount - coalesce(sum(l.amount), 0) <> o.outstanding"
    )
    assert allocated == []
    assert await door.ask(ledger_faults, Nothing(), OPERATOR) == []
    return found
