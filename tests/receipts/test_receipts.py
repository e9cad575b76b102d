"""Receipts: what they pay, where the rest goes, suspense, dishonour, refunds and bonds."""

import asyncio
import hashlib
import io
from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import NOW, make_user
from tests.houses import House
from tests.postpaid import Cancel, bill, cancel_bill, postpaid_house, sound
from tests.receivables.arrears import issue

from currant.access.model import Actor
from currant.adjustments.model import AdjustmentNamed, EnterAdjustments, NewAdjustment
from currant.adjustments.verbs import post_adjustments, show_adjustment
from currant.clock import FrozenClock
from currant.customers.model import NoSuchAccount
from currant.db.tx import Tx
from currant.door import Door
from currant.errors import Forbidden, Invalid, KeyReused, Refusal
from currant.receipts.model import (
    BatchType,
    BondNamed,
    BondTooSmall,
    DishonourReceipt,
    ImportReceipts,
    NewReceipt,
    NoSuchReceipt,
    NotInSuspense,
    NoWalletToFill,
    Paid,
    PostReceipts,
    Receipt,
    ReceiptNamed,
    ReceiptStatus,
    ReceiptsWanted,
    ReceiptUndone,
    RefundBeyondCredit,
    RefundCredit,
    ReleaseBond,
    TakeBond,
    Transfer,
    TransferReceipts,
    UndoReceipt,
)
from currant.receipts.verbs import (
    count_receipts,
    dishonour_receipt,
    import_receipts,
    post_receipts,
    receipts,
    refund_credit,
    release_bond,
    reverse_receipt,
    show_bond,
    show_receipt,
    suspend_receipt,
    take_bond,
    transfer_receipts,
)
from currant.transactions.model import NotReversible, ReverseTransaction, Window
from currant.transactions.verbs import reverse, transactions
from currant.upload import Upload

TODAY = date(2026, 3, 2)
LINES = """
select p.coa, p.amount, a.account from ledger.posting as p
left join customers.account as a on a.account_id = p.account_id
where p.entry_id = $1 order by p.line
"""


@pytest.fixture
async def house(door: Door, boss: Actor, owner: asyncpg.Connection) -> House:
    return await postpaid_house(door, boss, owner, homes=3, rate="0.25", wallet="currency")


def new(account: str, amount: str, batch_type: str = "DIRECT", **more: Any) -> NewReceipt:
    received_on = more.pop("received_on", TODAY)
    return NewReceipt(BatchType(batch_type), account, received_on, Decimal(amount), **more)


async def take(door: Door, actor: Actor, *told: NewReceipt, key: str | None = None) -> Any:
    return await door.act(post_receipts, PostReceipts([*told]), actor, key)


async def listed(door: Door, actor: Actor, **wanted: Any) -> list[Receipt]:
    question = ReceiptsWanted(**wanted)
    async with door.asking(receipts, actor) as tx:
        found = [row async for row in receipts(tx, question)]
    assert await door.ask(count_receipts, question, actor) == len(found)
    return found


async def dumped(door: Door, actor: Actor) -> list[tuple[str, Decimal]]:
    """What J29 prints of the day: kinds and amounts."""
    window = Window(NOW - timedelta(days=1), NOW + timedelta(days=1))
    async with door.asking(transactions, actor) as tx:
        return [(row.kind, row.amount) async for row in transactions(tx, window)]


async def test_a_receipt_pays_what_is_due_first_and_the_rest_stays(
    door, boss, house, owner
) -> None:
    account = house.accounts[0]
    (arrears,) = await issue(door, boss, f"{account},,5,,")
    old = await owner.fetchval("select max(entry_id) from ledger.entry")
    later, _ = await bill(door, boss, account, "30", due="2026-03-20")
    first, _ = await bill(door, boss, account, "20", due="2026-03-10")
    one, two = await take(
        door, boss, new(account, "40", reference="BPAY 881", batch_name="March 2"),
        new(account, "20", batch_name="March 2"),
    )  # fmt: skip
    assert one.allocations == [Paid(later, 20), Paid(first, 20)]
    assert two.allocations == [Paid(old, 5), Paid(later, 10)]
    assert (one.allocated, one.unallocated, two.allocated, two.unallocated) == (40, 0, 15, 5)
    assert (one.batch_no, one.reference, one.status) == (two.batch_no, "BPAY 881", "POSTED")
    assert (two.balance, one.account, one.suspense, one.posted_on) == (-5, account, False, TODAY)
    lines = await owner.fetch(LINES, one.transaction_id)
    assert [tuple(line) for line in lines] == [("1010", 40, None), ("1102", -40, account)]
    entry = await owner.fetchrow(
        "select * from ledger.entry where entry_id = $1", one.transaction_id
    )
    assert (entry["kind"], entry["document_ref"]) == ("receipt", str(one.receipt_id))
    assert arrears
    await sound(door)


@pytest.mark.parametrize(
    ("batch_type", "coa", "tender"),
    [("CHEQUE", "1000", "check"), ("DIRECT", "1010", "eft"), ("CASH", "1000", "cash"),
     ("EFT", "1010", "eft"), ("CRDCARD", "1000", "card"), ("WEB", "1000", "card"),
     ("DRECTDEBIT", "1010", "eft")],
)  # fmt: skip
async def test_where_the_money_comes_to(door, boss, house, owner, batch_type, coa, tender) -> None:
    """L14, and the kind by which J29 tells it."""
    (told,) = await take(door, boss, new(house.accounts[0], "7", batch_type))
    assert (await owner.fetchrow(LINES, told.transaction_id))["coa"] == coa
    assert await dumped(door, boss) == [(tender, 7)]


async def test_the_day_of_receipts_is_the_day_of_transactions(door, boss, house) -> None:
    """INV-17: J29 leaves invoices and transfers out, a reversal is there with its amount."""
    account = house.accounts[0]
    await bill(door, boss, account, "30")
    told = await take(door, boss, new(account, "12"), new("77777", "3"), new(account, "1", "CASH"))
    await door.act(
        transfer_receipts, TransferReceipts([Transfer(told[1].receipt_id, account)]), boss
    )
    posted = await listed(door, boss, first=TODAY, last=TODAY)
    kinds = await dumped(door, boss)
    assert sum(receipt.amount for receipt in posted) == sum(amount for _, amount in kinds) == 16
    await door.act(reverse_receipt, UndoReceipt(told[0].receipt_id, "n"), boss)
    assert await dumped(door, boss) == [*kinds, ("reversal", -12)]


async def test_the_rest_goes_to_the_wallet_where_that_is_asked_for(
    door, boss, house, owner
) -> None:
    account = house.accounts[0]
    await bill(door, boss, account, "30")
    one, two, three = await take(
        door, boss, new(account, "20"), new(account, "25", to_wallet=True),
        new(account, "9", to_wallet=True),
    )  # fmt: skip
    assert [(r.allocated, r.unallocated, r.wallet_amount) for r in (one, two, three)] == [
        (20, 0, 0), (10, 0, 15), (0, 0, 9),
    ]  # fmt: skip
    assert await owner.fetchval("select sum(balance) from prepayment.wallet") == 24
    assert [tuple(line) for line in await owner.fetch(LINES, two.transaction_id)] == [
        ("1010", 25, None), ("1102", -10, account), ("2100", -15, account),
    ]  # fmt: skip
    await sound(door)
    done = await door.act(reverse, ReverseTransaction(two.transaction_id, "n"), boss)
    assert (done.kind, done.amount, done.below_zero) == ("eft", 25, False)
    shown = await door.ask(show_receipt, ReceiptNamed(two.receipt_id), boss)
    assert (shown.status, shown.balance, shown.unallocated) == (ReceiptStatus.REVERSED, 10, 0)
    assert await owner.fetchval("select sum(balance) from prepayment.wallet") == 9
    await sound(door)


async def test_what_stands_against_receipts(door, boss, cashier, house, owner) -> None:
    account = house.accounts[0]
    await owner.execute(
        "delete from prepayment.wallet where account_id = "
        "(select account_id from customers.account where account = $1)",
        house.accounts[1],
    )
    for told, refusal, column in (
        (new(account, "0"), Invalid, "amount"), (new(account, "-3"), Invalid, "amount"),
        (new(account, "0.001"), Invalid, "amount"),
        (new(account, "1", received_on=date(2026, 3, 3)), Invalid, "received_on"),
        (new("77777", "1", to_wallet=True), NoWalletToFill, "to_wallet"),
        (new(house.accounts[1], "1", to_wallet=True), NoWalletToFill, "to_wallet"),
    ):  # fmt: skip
        with pytest.raises(refusal) as raised:
            await take(door, boss, new(account, "1"), told)
        assert [(f.record, f.column) for f in raised.value.faults] == [(2, column)]
    with pytest.raises(Invalid):
        await take(door, boss)
    await owner.execute("update access.system_user set blocked_accounts = $1", account)
    with pytest.raises(Forbidden):
        await take(door, boss, new(account, "1"))
    with pytest.raises(Forbidden):
        await take(door, cashier, new(house.accounts[1], "1"))
    assert await owner.fetchval("select count(*) from receipts.receipt") == 0


async def test_an_unknown_account_waits_in_suspense(door, boss, house, owner) -> None:
    """L14 and L18, and back where it was the wrong account."""
    account, other = house.accounts[:2]
    entry, _ = await bill(door, boss, account, "30")
    one, two = await take(door, boss, new("999999", "20"), new("0", "4"))
    assert (one.account, one.told, one.suspense, one.unallocated, one.balance) == (
        None, "999999", True, 20, None,
    )  # fmt: skip
    assert [tuple(line) for line in await owner.fetch(LINES, one.transaction_id)] == [
        ("1010", 20, None), ("1190", -20, None),
    ]  # fmt: skip
    assert [r.receipt_id for r in await listed(door, boss, suspense=True)] == [
        one.receipt_id, two.receipt_id,
    ]  # fmt: skip
    with pytest.raises(NotReversible, match="as a receipt"):
        await door.act(reverse, ReverseTransaction(one.transaction_id, "n"), boss)

    wrong = TransferReceipts([Transfer(one.receipt_id, other)])
    (moved,) = await door.act(transfer_receipts, wrong, boss)
    assert (moved.account, moved.suspense, moved.balance, moved.unallocated) == (
        other,
        False,
        -20,
        20,
    )
    assert [tuple(line) for line in await owner.fetch(LINES, moved.transfer_id)] == [
        ("1190", 20, None), ("1102", -20, other),
    ]  # fmt: skip
    with pytest.raises(NotInSuspense):
        await door.act(transfer_receipts, wrong, boss)
    with pytest.raises(NotReversible):
        await door.act(reverse, ReverseTransaction(moved.transfer_id, "n"), boss)
    back = await door.act(suspend_receipt, UndoReceipt(one.receipt_id, "Another's."), boss)
    assert (back.account, back.suspense, back.transfer_id) == (None, True, None)
    with pytest.raises(NotInSuspense):
        await door.act(suspend_receipt, UndoReceipt(one.receipt_id, "n"), boss)
    await sound(door)

    right = TransferReceipts([Transfer(one.receipt_id, account), Transfer(two.receipt_id, account)])
    first, second = await door.act(transfer_receipts, right, boss)
    assert first.allocations == [Paid(entry, 20)]
    assert (second.balance, second.allocated) == (6, 4)
    gone = await door.act(reverse_receipt, UndoReceipt(two.receipt_id, "n"), boss)
    assert (gone.status, gone.suspense, gone.account, gone.allocated) == (
        ReceiptStatus.REVERSED, False, account, 0,
    )  # fmt: skip
    assert gone.balance == 10
    (lost,) = await take(door, boss, new("0", "4"))
    await door.act(reverse_receipt, UndoReceipt(lost.receipt_id, "n"), boss)
    assert await listed(door, boss, suspense=True) == []
    for told, refusal in (
        (Transfer(two.receipt_id, account), ReceiptUndone), (Transfer(8, account), NoSuchReceipt),
        (Transfer(one.receipt_id, "4"), NotInSuspense),
    ):  # fmt: skip
        with pytest.raises((refusal, NoSuchAccount)):
            await door.act(transfer_receipts, TransferReceipts([told]), boss)
    booked = await owner.fetchval("select sum(amount) from ledger.posting where coa = '1190'")
    assert booked == 0
    await sound(door)


async def test_a_dishonoured_receipt_is_owed_again_with_a_fee(door, boss, house, owner) -> None:
    account = house.accounts[0]
    _, item = await bill(door, boss, account, "30")
    (paid,) = await take(door, boss, new(account, "30", "CHEQUE"))
    order = DishonourReceipt(paid.receipt_id, "INSUFFICIENT", fee=Decimal("12.50"))
    gone = await door.act(dishonour_receipt, order, boss)
    assert (gone.status, gone.dishonour_type, gone.balance, gone.allocations) == (
        ReceiptStatus.DISHONOURED, "INSUFFICIENT", Decimal("42.50"), [],
    )  # fmt: skip
    fee = await door.ask(show_adjustment, AdjustmentNamed(gone.adjustment_id), boss)
    assert (fee.reason, fee.amount) == ("DISHONFEE", Decimal("12.50"))
    assert await owner.fetchval(
        "select outstanding from receivables.open_item where item_id = $1", item
    ) == 30  # fmt: skip
    for act, command in (
        (dishonour_receipt, order), (reverse_receipt, UndoReceipt(paid.receipt_id, "n")),
    ):  # fmt: skip
        with pytest.raises(ReceiptUndone):
            await door.act(act, command, boss)
    (lost,) = await take(door, boss, new("0", "4"))
    with pytest.raises(Invalid):
        await door.act(
            dishonour_receipt, DishonourReceipt(lost.receipt_id, "X", fee=Decimal(1)), boss
        )
    plain = await door.act(dishonour_receipt, DishonourReceipt(lost.receipt_id, "X"), boss)
    assert (plain.status, plain.adjustment_id) == (ReceiptStatus.DISHONOURED, None)
    await sound(door)


async def test_a_refund_is_never_more_than_the_credit(door, boss, house, owner) -> None:
    account = house.accounts[0]
    await bill(door, boss, account, "30")
    (paid,) = await take(door, boss, new(account, "50"))
    for amount in (Decimal("20.01"), Decimal(500)):
        with pytest.raises(RefundBeyondCredit):
            await door.act(refund_credit, RefundCredit(account, "n", amount), boss)
    one = await door.act(refund_credit, RefundCredit(account, "Asked for it.", Decimal(5)), boss)
    assert (one.amount, one.balance) == (5, -15)
    assert [tuple(line) for line in await owner.fetch(LINES, one.transaction_id)] == [
        ("1102", 5, account), ("1010", -5, None),
    ]  # fmt: skip
    two = await door.act(refund_credit, RefundCredit(account, "The rest."), boss)
    assert (two.amount, two.balance) == (15, 0)
    with pytest.raises(RefundBeyondCredit):
        await door.act(refund_credit, RefundCredit(account, "n"), boss)
    await sound(door)
    gone = await door.act(dishonour_receipt, DishonourReceipt(paid.receipt_id, "STOPPED"), boss)
    assert gone.balance == 50
    await door.act(reverse, ReverseTransaction(two.transaction_id, "Came back."), boss)
    assert (await door.ask(show_bond, BondNamed(account), boss)).balance == 35
    await sound(door)
    clerk = await make_user(door, "example", "clerk", "CSR3")
    with pytest.raises(Forbidden):
        await door.act(refund_credit, RefundCredit(account, "n"), clerk)


async def test_who_may_refund_only_so_much(door, boss, house, owner) -> None:
    account = house.accounts[0]
    await take(door, boss, new(account, "50"))
    manager = await make_user(door, "example", "manager", "ComMGR", special_limit=2000)
    with pytest.raises(Forbidden):
        await door.act(refund_credit, RefundCredit(account, "n"), manager)
    assert await owner.fetchval("select sum(unallocated) from receivables.credit") == 50
    await door.act(refund_credit, RefundCredit(account, "n", Decimal(20)), manager)


async def test_a_bond_goes_to_debt_first_and_then_back(door, boss, house, owner) -> None:
    """L7 and the order of a refund: what is owed first."""
    account = house.accounts[0]
    taken = await door.act(take_bond, TakeBond(account, BatchType.CASH, Decimal(100)), boss)
    assert (taken.held, taken.balance) == (100, 0)
    assert [tuple(line) for line in await owner.fetch(LINES, taken.taken_by)] == [
        ("1000", 100, None), ("2300", -100, account),
    ]  # fmt: skip
    _, item = await bill(door, boss, account, "30")
    order = ReleaseBond(account, "Part of it.", refund=False)
    applied = await door.act(release_bond, order, boss)
    assert (applied.held, applied.balance, applied.applied, applied.refunded) == (70, 0, 30, 0)
    assert [tuple(line) for line in await owner.fetch(LINES, applied.applied_by)] == [
        ("2300", 30, account), ("1102", -30, account),
    ]  # fmt: skip
    await bill(door, boss, account, "10")
    with pytest.raises(BondTooSmall):
        await door.act(release_bond, ReleaseBond(account, "n", Decimal("70.01")), boss)
    gone = await door.act(release_bond, ReleaseBond(account, "Moved out."), boss)
    assert (gone.held, gone.balance, gone.applied, gone.refunded) == (0, 0, 10, 60)
    assert item
    with pytest.raises(BondTooSmall):
        await door.act(reverse, ReverseTransaction(taken.taken_by, "n"), boss)
    await door.act(reverse, ReverseTransaction(gone.refunded_by, "n"), boss)
    await door.act(reverse, ReverseTransaction(applied.applied_by, "n"), boss)
    shown = await door.ask(show_bond, BondNamed(account), boss)
    assert (shown.held, shown.balance) == (90, 30)
    await sound(door)


async def test_receipts_are_listed_by_the_day_they_came_or_were_posted(
    door, boss, house, clock
) -> None:
    account = house.accounts[0]
    old = date(2026, 2, 10)
    (one,) = await take(door, boss, new(account, "5", received_on=old))
    clock.advance(timedelta(days=1))
    (two,) = await take(door, boss, new(house.accounts[1], "6", "CASH"))
    ids = [one.receipt_id, two.receipt_id]

    async def found(**wanted: Any) -> list[int]:
        return [row.receipt_id for row in await listed(door, boss, **wanted)]

    assert await found() == ids
    assert await found(first=old, last=old, by_own_date=True) == ids[:1]
    assert await found(first=old, last=old) == []
    assert await found(first=TODAY, last=TODAY) == ids[:1]
    assert await found(account=account) == ids[:1]
    assert await found(batch_type=BatchType.CASH) == ids[1:]
    assert await found(suspense=True) == []
    assert await found(building_code="X") == []
    with pytest.raises(Invalid):
        await found(first=TODAY, last=old)


async def test_batches_are_of_a_name_and_day_or_of_a_command(door, boss, house, clock) -> None:
    account = house.accounts[0]
    a, b, c = await take(
        door, boss, new(account, "1", batch_name="Bank"), new(account, "1", "CASH"),
        new(account, "1", batch_name=" Bank "),
    )  # fmt: skip
    (d,) = await take(door, boss, new(account, "1", batch_name="Bank"))
    (e,) = await take(door, boss, new(account, "1", "CASH"))
    assert a.batch_no == c.batch_no == d.batch_no
    assert len({a.batch_no, b.batch_no, e.batch_no}) == 3
    clock.advance(timedelta(days=1))
    (f,) = await take(door, boss, new(account, "1", batch_name="Bank"))
    assert f.batch_no not in {a.batch_no, b.batch_no, e.batch_no}


def bank_file(*rows: str) -> ImportReceipts:
    raw = ("account,date,amount,reference\n" + "\n".join(rows)).encode()
    upload = Upload(io.BytesIO(raw), hashlib.sha256(raw).hexdigest(), len(raw))
    return ImportReceipts(BatchType.DIRECT, "Bank", upload)


async def test_a_file_names_its_bad_records(door, boss, house, owner) -> None:
    account = house.accounts[0]
    with pytest.raises(Invalid) as raised:
        await door.act(
            import_receipts,
            bank_file(f"{account},2026-03-02,5,x", f"{account},2026-13-02,5,", f"{account},,x,",
                      " ,2026-03-02,5,", f"{account},0001-01-01,5,"),
            boss,
        )  # fmt: skip
    assert [(f.record, f.column) for f in raised.value.faults] == [
        (2, "date"), (3, "date"), (3, "amount"), (4, "account"), (5, "date"),
    ]  # fmt: skip
    assert await owner.fetchval("select count(*) from receipts.receipt") == 0
    with pytest.raises(Invalid, match="1900 to 2999"):
        await door.act(import_receipts, bank_file(f"{account},0001-01-01,5,"), boss)
    (one, two) = await door.act(
        import_receipts, bank_file(f'{account},2026-03-02,5.5,"BPAY, 7"', "8,2026-03-01,1,"), boss
    )
    assert (one.reference, one.amount, two.suspense) == ("BPAY, 7", Decimal("5.5"), True)


async def test_a_bank_file_takes_as_many_statements_as_one_receipt(
    door, boss, house, owner, monkeypatch
) -> None:
    """And twice in a row: the second meets tables that are as large as the sets."""
    for account in house.accounts:
        await issue(door, boss, f"{account},,100,,")
        for day in range(10, 20):
            await bill(door, boss, account, "40", due=f"2026-03-{day}")
    sent = 0

    def counted(way: str) -> Any:
        plain = getattr(Tx, way)

        async def counting(tx: Tx, statement: Any, **values: Any) -> Any:
            nonlocal sent
            sent += 1
            return await plain(tx, statement, **values)

        return counting

    for way in ("one", "maybe", "all", "run"):
        monkeypatch.setattr(Tx, way, counted(way))
    counts = []
    for many in (1, 600, 600):
        sent = 0
        told = [new(house.accounts[n % 3], "1") for n in range(many)]
        assert len(await take(door, boss, *told)) == many
        counts.append(sent)
    assert len(set(counts)) == 1
    await sound(door)
    left = await owner.fetchval("select sum(outstanding) from receivables.open_item")
    assert left == 3 * 500 - 1201


async def test_receipts_and_a_bill_at_once_on_one_account(door, boss, house, owner) -> None:
    account = house.accounts[0]

    async def one(n: int) -> None:
        match n % 3:
            case 0:
                await bill(door, boss, account, "20")
            case 1:
                await take(door, boss, new(account, "10"))
            case _:
                await take(door, boss, new(account, "10", to_wallet=True))

    await asyncio.gather(*(one(n) for n in range(24)))
    left = await owner.fetchval("select sum(outstanding) from receivables.open_item")
    credit = await owner.fetchval("select sum(unallocated) from receivables.credit")
    wallet = await owner.fetchval("select sum(balance) from prepayment.wallet")
    assert left - credit == wallet
    assert min(left, credit) == 0
    await sound(door)


async def waits(owner: asyncpg.Connection, act: asyncio.Task[Any], others: int = 0) -> None:
    """Return once an act waits for a lock as `others` do already, or is done."""
    waiting = "select count(*) from pg_locks where not granted"
    while not act.done() and await owner.fetchval(waiting) <= others:  # noqa: ASYNC110
        await asyncio.sleep(0)


async def test_who_reverses_a_receipt_waits_for_its_transfer(door, boss, house, owner) -> None:
    """The account that it goes to is not left with money that did not come."""
    account = house.accounts[0]
    (one,) = await take(door, boss, new("999999", "20"))
    to = TransferReceipts([Transfer(one.receipt_id, account)])
    async with owner.transaction():
        await owner.execute("select from customers.account where account = $1 for update", account)
        moving = asyncio.create_task(door.act(transfer_receipts, to, boss))
        await waits(owner, moving)
        undo = door.act(reverse_receipt, UndoReceipt(one.receipt_id, "n"), boss)
        undoing = asyncio.create_task(undo)
        await waits(owner, undoing, others=1)
        assert not moving.done()
    await moving
    assert (await undoing).status is ReceiptStatus.REVERSED
    assert (await door.ask(show_bond, BondNamed(account), boss)).balance == 0
    assert await owner.fetchval("select sum(amount) from ledger.posting where coa = '1190'") == 0
    await sound(door)


async def test_who_transfers_a_receipt_sees_that_it_was_reversed_meanwhile(
    door, boss, house, owner
) -> None:
    account = house.accounts[0]
    (one,) = await take(door, boss, new("999999", "20"))
    to = TransferReceipts([Transfer(one.receipt_id, account)])
    async with owner.transaction():
        await owner.execute("select from receipts.suspense for update")
        undo = door.act(reverse_receipt, UndoReceipt(one.receipt_id, "n"), boss)
        undoing = asyncio.create_task(undo)
        await waits(owner, undoing)
        moving = asyncio.create_task(door.act(transfer_receipts, to, boss))
        await waits(owner, moving, others=1)
    assert (await undoing).status is ReceiptStatus.REVERSED
    with pytest.raises(ReceiptUndone):
        await moving
    assert (await door.ask(show_bond, BondNamed(account), boss)).balance == 0
    await sound(door)


async def test_the_same_key_takes_once(door, boss, house, owner) -> None:
    account = house.accounts[0]
    told = await asyncio.gather(
        *(take(door, boss, new(account, "10"), key="once") for _ in range(5)),
        return_exceptions=True,
    )
    answers = [one for one in told if isinstance(one, list)]
    assert answers
    assert all(answer == answers[0] for answer in answers)
    assert await owner.fetchval("select count(*) from receipts.receipt") == 1
    with pytest.raises(KeyReused):
        await take(door, boss, new(account, "11"), key="once")


class Life:
    """Does what is done to two accounts, whatever comes; what is refused raises a `Refusal`."""

    def __init__(self, door: Door, boss: Actor, house: House, clock: FrozenClock) -> None:
        self.door = door
        self.boss = boss
        self.house = house
        self.clock = clock
        self.bills: list[tuple[int, str]] = []
        self.taken = [0]
        self.entries: list[int] = [0]
        self.account = house.accounts[0]
        self.amount = Decimal(1)
        self.draw = 0

    @property
    def today(self) -> date:
        return (self.clock.now() - timedelta(days=1)).date()

    async def bill(self) -> None:
        due = self.today + timedelta(days=self.draw % 20)
        entry, _ = await bill(
            self.door, self.boss, self.account, str(self.amount), due=due.isoformat()
        )
        self.bills.append((entry, self.account))

    async def cancel(self) -> None:
        if self.bills:
            entry, billed = self.bills[self.draw % len(self.bills)]
            await self.door.act(cancel_bill, Cancel(entry, billed), self.boss)

    async def take(self) -> None:
        told = new(
            self.account if self.draw % 4 else "0", str(self.amount), received_on=self.today,
            to_wallet=self.draw % 4 == 1,
        )  # fmt: skip
        (made,) = await take(self.door, self.boss, told)
        self.taken.append(made.receipt_id)
        self.entries.append(made.transaction_id)

    def receipt(self) -> int:
        return self.taken[self.draw % len(self.taken)]

    async def transfer(self) -> None:
        order = TransferReceipts([Transfer(self.receipt(), self.account)])
        await self.door.act(transfer_receipts, order, self.boss)

    async def suspend(self) -> None:
        await self.door.act(suspend_receipt, UndoReceipt(self.receipt(), "n"), self.boss)

    async def reverse(self) -> None:
        await self.door.act(reverse_receipt, UndoReceipt(self.receipt(), "n"), self.boss)

    async def dishonour(self) -> None:
        order = DishonourReceipt(self.receipt(), "X", fee=self.amount if self.draw % 3 else None)
        await self.door.act(dishonour_receipt, order, self.boss)

    async def adjust(self) -> None:
        reason = ("GOODWILL", "BOND", "DISHONFEE")[self.draw % 3]
        order = EnterAdjustments([NewAdjustment(self.account, reason, self.today, self.amount)])
        (done,) = await self.door.act(post_adjustments, order, self.boss)
        self.entries.append(done.transaction_id or 0)

    async def refund(self) -> None:
        order = RefundCredit(self.account, "n", self.amount if self.draw % 3 else None)
        self.entries.append((await self.door.act(refund_credit, order, self.boss)).transaction_id)

    async def bond(self) -> None:
        done = await self.door.act(
            take_bond, TakeBond(self.account, BatchType.EFT, self.amount), self.boss
        )
        self.entries.append(done.taken_by or 0)

    async def release(self) -> None:
        order = ReleaseBond(
            self.account, "n", self.amount if self.draw % 3 else None, self.draw % 2 == 0
        )
        done = await self.door.act(release_bond, order, self.boss)
        self.entries += [entry for entry in (done.applied_by, done.refunded_by) if entry]

    async def undo(self) -> None:
        order = ReverseTransaction(self.entries[self.draw % len(self.entries)], "n")
        await self.door.act(reverse, order, self.boss)


ACTS = (
    Life.bill, Life.cancel, Life.take, Life.take, Life.transfer, Life.suspend, Life.reverse,
    Life.dishonour, Life.adjust, Life.refund, Life.bond, Life.release, Life.undo, Life.undo,
)  # fmt: skip
STEPS = st.lists(
    st.tuples(st.sampled_from(ACTS), st.integers(0, 10**6), st.integers(1, 5_000)),
    min_size=6,
    max_size=24,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_any_order_adds_up(run, door, boss, house, clock, steps) -> None:
    """INV-04, INV-05 and INV-06 after every step, each done whole or refused whole."""
    run(_live(Life(door, boss, house, clock), steps))


@pytest.fixture
async def run() -> Any:
    """Run a coroutine in the session's loop from a test that is not one, as hypothesis needs."""
    return asyncio.get_running_loop().run_until_complete


async def _live(life: Life, steps: list[tuple[Any, int, int]]) -> None:
    for act, draw, cents in steps:
        life.clock.advance(timedelta(hours=draw % 30))
        life.account, life.amount = life.house.accounts[draw // 7 % 2], Decimal(cents) / 100
        life.draw = draw
        with suppress(Refusal):
            await act(life)
        await sound(life.door)
        for one in life.house.accounts[:2]:
            assert (await life.door.ask(show_bond, BondNamed(one), life.boss)).held >= 0
