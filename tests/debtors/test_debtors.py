"""The history of an account, what accounts owe by age, and their statements."""

import asyncio
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader
from tests.conftest import make_user, token_header
from tests.houses import House
from tests.postpaid import Cancel, bill, cancel_bill, credit, postpaid_house, sound
from tests.receivables.arrears import issue

from currant.access.model import OPERATOR, Actor, CreatePortal
from currant.access.verbs import create_portal
from currant.adjustments.model import EnterAdjustments, NewAdjustment
from currant.adjustments.verbs import post_adjustments
from currant.clock import FrozenClock
from currant.customers.model import NoSuchAccount
from currant.debtors.model import (
    AccountBalance,
    Aged,
    AgedWanted,
    Allocated,
    BalancesOfAccounts,
    History,
    HistoryWanted,
    MovementStatus,
    MovementType,
    NothingReceived,
    StatementWanted,
)
from currant.debtors.verbs import (
    account_balances,
    account_history,
    account_statement,
    aged_debtors,
    issue_receipt,
    issue_statement,
    portfolio,
)
from currant.documents.model import DocumentNamed
from currant.documents.verbs import document_pdf
from currant.door import Door
from currant.errors import Forbidden, Invalid, Refusal
from currant.receipts.model import (
    BatchType,
    DishonourReceipt,
    NewReceipt,
    NoSuchReceipt,
    PostReceipts,
    Receipt,
    ReceiptNamed,
    ReceiptUndone,
    RefundCredit,
    ReleaseBond,
    TakeBond,
    Transfer,
    TransferReceipts,
    UndoReceipt,
)
from currant.receipts.verbs import (
    dishonour_receipt,
    post_receipts,
    refund_credit,
    release_bond,
    reverse_receipt,
    take_bond,
    transfer_receipts,
)
from currant.receivables.model import WriteOff, WriteOffItem
from currant.receivables.verbs import write_off
from currant.tariffs.model import SetTax
from currant.tariffs.verbs import set_tax
from currant.transactions.model import PayArrears, ReverseTransaction
from currant.transactions.verbs import pay_arrears, reverse

TODAY = date(2026, 3, 2)


@pytest.fixture
async def house(door: Door, boss: Actor, owner: asyncpg.Connection) -> House:
    return await postpaid_house(door, boss, owner, homes=3, rate="0.25", wallet="currency")


async def history(door: Door, boss: Actor, account: str, **wanted: Any) -> History:
    """The history of an account, which adds up."""
    told = await door.ask(account_history, HistoryWanted(account, **wanted), boss)
    assert told.opening + told.debit - told.credit == told.closing
    balance = told.opening
    for row in told.movements:
        balance += row.amount
        assert (row.balance, row.amount) == (balance, row.debit - row.credit)
        assert min(row.debit, row.credit) >= 0
    assert balance == told.closing
    order = [(row.moved_on, row.transaction_id) for row in told.movements]
    assert order == sorted(order)
    return told


async def receive(
    door: Door, boss: Actor, account: str, amount: str, on: date = TODAY, **more: Any
) -> Any:
    one = NewReceipt(BatchType.DIRECT, account, on, Decimal(amount), **more)
    (made,) = await door.act(post_receipts, PostReceipts([one]), boss)
    return made


async def adjust(door: Door, boss: Actor, account: str, reason: str, amount: str, on: date) -> int:
    order = EnterAdjustments([NewAdjustment(account, reason, on, Decimal(amount))])
    (done,) = await door.act(post_adjustments, order, boss)
    return done.transaction_id


async def aged(door: Door, boss: Actor, as_of: date | None = None, **more: Any) -> dict[str, Aged]:
    """What accounts owed, which sums to the portfolio."""
    question = AgedWanted(as_of, **more)
    async with door.asking(aged_debtors, boss) as tx:
        found = {row.account: row async for row in aged_debtors(tx, question)}
    whole = await door.ask(portfolio, question, boss)
    for member in ("not_due", "days_30", "days_60", "days_90", "older", "credit", "balance"):
        assert getattr(whole, member) == sum(getattr(row, member) for row in found.values())
    assert whole.debtors + whole.creditors == len(found)
    return found


async def balances(door: Door, boss: Actor, **wanted: Any) -> dict[str, AccountBalance]:
    async with door.asking(account_balances, boss) as tx:
        found = account_balances(tx, BalancesOfAccounts(**wanted))
        return {row.account: row async for row in found}


async def test_the_running_example(door, owner) -> None:
    """Invoice 134.70, receipt 100.00, adjustment 11.00: 23.70 is owed (conformance.md 6.6, U01)."""
    made = CreatePortal("tower", "Tower", "Australia/Sydney", "AUD", "TWR")
    clock = door.clock
    await door.act(create_portal, made, OPERATOR)
    boss = await make_user(door, "tower", "towerboss", "SysAdmin")
    await door.act(set_tax, SetTax(Decimal("0.1"), datetime(2020, 1, 1, tzinfo=UTC)), boss)
    house = await postpaid_house(door, boss, owner)
    (account,) = house.accounts
    clock.set(datetime(2024, 7, 31, 22, tzinfo=UTC))
    invoice, _ = await bill(door, boss, account, "134.70", due="2024-08-15", number="900123")
    clock.set(datetime(2024, 8, 12, 2, tzinfo=UTC))
    paid = await receive(
        door, boss, account, "100", date(2024, 8, 12), reference="BPAY 881"
    )  # fmt: skip
    clock.set(datetime(2024, 8, 14, 2, tzinfo=UTC))
    gift = await adjust(door, boss, account, "GOODWILL", "11", date(2024, 8, 14))
    told = await history(door, boss, account)
    assert (told.opening, told.debit, told.credit, told.closing) == (
        0, Decimal("134.70"), 111, Decimal("23.70"),
    )  # fmt: skip
    one, two, three = told.movements
    assert (one.type, one.moved_on, one.reference, one.description) == (
        MovementType.INVOICE, date(2024, 8, 1), "900123", "Invoice 900123",
    )  # fmt: skip
    assert (one.due_on, one.status, one.number) == (
        date(2024, 8, 15), MovementStatus.PART, "900123",
    )  # fmt: skip
    assert one.allocations == [Allocated(paid.transaction_id, 100), Allocated(gift, 11)]
    assert (two.type, two.moved_on, two.reference, two.description) == (
        MovementType.RECEIPT, date(2024, 8, 12), "BPAY 881", "Receipt DIRECT",
    )  # fmt: skip
    assert (two.amount, two.balance, two.status, two.allocations) == (
        -100, Decimal("34.70"), MovementStatus.CLOSED, [Allocated(invoice, 100)],
    )  # fmt: skip
    assert (three.type, three.reference, three.description, three.status) == (
        MovementType.ADJUSTMENT, "GOODWILL", "Goodwill credit", MovementStatus.CLOSED,
    )  # fmt: skip
    assert (three.balance, three.allocations) == (Decimal("23.70"), [Allocated(invoice, 11)])
    late = await history(door, boss, account, first=date(2024, 8, 12), last=date(2024, 8, 13))
    assert (late.opening, late.closing, len(late.movements)) == (
        Decimal("134.70"), Decimal("34.70"), 1,
    )  # fmt: skip
    await sound(door)


async def test_every_kind_of_movement_is_told(door, boss, house, owner) -> None:
    account = house.accounts[0]
    (arrears,) = await issue(door, boss, f"{account},,40,10,25%")
    await door.act(pay_arrears, PayArrears(account, "cash", Decimal(5)), boss)
    order = WriteOff([WriteOffItem(arrears, Decimal(5))], "Moved away.")
    await door.act(write_off, order, boss)
    entry, _ = await bill(door, boss, account, "30")
    paid = await receive(door, boss, account, "60")
    await door.act(refund_credit, RefundCredit(account, "n", Decimal(5)), boss)
    await door.act(take_bond, TakeBond(account, BatchType.EFT, Decimal(9)), boss)
    fee = await adjust(door, boss, account, "DISHONFEE", "12", TODAY)
    await door.act(release_bond, ReleaseBond(account, "n"), boss)
    lost = await receive(door, boss, "0", "2", reference="ABC")
    move = TransferReceipts([Transfer(lost.receipt_id, account)])
    await door.act(transfer_receipts, move, boss)
    told = await history(door, boss, account)
    assert [(m.type.value, m.description, m.amount, m.status.value) for m in told.movements] == [
        ("ARREARS", "CIStransfer", 30, "CLOSED"), ("PAYMENT", "Payment, cash", -5, "CLOSED"),
        ("WRITEOFF", "Write-off: Moved away.", -5, "CLOSED"),
        ("INVOICE", "Invoice 900123", 30, "CLOSED"), ("RECEIPT", "Receipt DIRECT", -60, "CLOSED"),
        ("PAYMENT", "Refund", 5, "CLOSED"), ("ADJUSTMENT", "Dishonour fee", 12, "CLOSED"),
        ("PAYMENT", "Bond applied", -7, "CLOSED"), ("RECEIPT", "Receipt DIRECT", -2, "OPEN"),
    ]  # fmt: skip
    assert (told.movements[0].debit, told.movements[0].credit) == (40, 10)
    assert told.movements[-1].reference == "ABC"
    assert told.closing == -2

    await door.act(reverse_receipt, UndoReceipt(paid.receipt_id, "n"), boss)
    await door.act(cancel_bill, Cancel(entry, account), boss)
    told = await history(door, boss, account)
    by_id = {m.transaction_id: m for m in told.movements}
    undone = by_id[paid.transaction_id]
    assert (undone.status, undone.allocations) == (MovementStatus.REVERSED, [])
    assert undone.reversed_by is not None
    mirror = by_id[undone.reversed_by]
    assert (mirror.type, mirror.amount, mirror.reverses, mirror.description) == (
        MovementType.REVERSAL, 60, paid.transaction_id, f"Reversal of {paid.transaction_id}",
    )  # fmt: skip
    assert by_id[fee].status is MovementStatus.PART
    short = await history(door, boss, account, reversed=False)
    assert short.closing == told.closing
    assert {m.transaction_id for m in told.movements} - {
        m.transaction_id for m in short.movements
    } == {entry, paid.transaction_id, undone.reversed_by, by_id[entry].reversed_by}
    await sound(door)


async def test_a_statement_on_paper_tells_no_numbers_of_ours(door, boss, house) -> None:
    account = house.accounts[0]
    await bill(door, boss, account, "60")
    lost = await receive(door, boss, account, "60", reference="BPAY 881")
    gone = DishonourReceipt(lost.receipt_id, "INSUFFICIENT", fee=Decimal(15))
    await door.act(dishonour_receipt, gone, boss)
    wrong = await receive(door, boss, account, "5", reference="BPAY 882")
    await door.act(reverse_receipt, UndoReceipt(wrong.receipt_id, "n"), boss)
    wanted = StatementWanted(account, TODAY - timedelta(days=30), TODAY)
    issued = await door.act(issue_statement, wanted, boss)
    paper = await door.act(document_pdf, DocumentNamed(issued.number), boss)
    text = "".join(page.extract_text() for page in PdfReader(BytesIO(paper.pdf)).pages)
    for said in ("Payment dishonoured", "Payment reversed", "Dishonour fee", "BPAY 881"):
        assert said in text, text
    for said in ("Reversal", "DISHONFEE", str(lost.transaction_id)):
        assert said not in text, text


async def test_debts_are_aged_by_when_they_were_due(door, boss, house, clock) -> None:
    account, other, quiet = house.accounts
    for days, amount in ((-3, "1"), (0, "2"), (1, "4"), (30, "8"), (31, "16"), (60, "32"),
                         (61, "64"), (90, "128"), (91, "256")):  # fmt: skip
        due = (TODAY - timedelta(days=days)).isoformat()
        await bill(door, boss, account, amount, due=due)
    await credit(door, boss, other, "5")
    found = await aged(door, boss)
    assert set(found) == {account, other}
    one, two = found[account], found[other]
    assert (one.not_due, one.days_30, one.days_60, one.days_90, one.older, one.credit) == (
        3, 12, 48, 192, 256, 0,
    )  # fmt: skip
    assert (one.balance, two.credit, two.balance) == (511, 5, -5)
    (later,) = [row for row in (await aged(door, boss, TODAY + timedelta(days=400))).values()
                if row.account == account]  # fmt: skip
    assert (later.older, later.not_due) == (511, 0)
    assert await aged(door, boss, TODAY - timedelta(days=1)) == {}
    assert await aged(door, boss, building_code="X") == {}
    assert quiet not in found


async def test_credit_that_waits_counts_against_what_was_due_first(door, boss, house) -> None:
    """Arrears that are not recovered yet are owed; what could pay them later is not forgotten."""
    account = house.accounts[0]
    await issue(door, boss, f"{account},2026-05-01T00:00:00Z,50,,")
    await credit(door, boss, account, "20")
    (row,) = (await aged(door, boss)).values()
    assert (row.not_due, row.credit, row.balance) == (30, 0, 30)


async def test_balances_tell_what_is_owed_and_held(door, boss, house) -> None:
    account, other, _ = house.accounts
    await bill(door, boss, account, "30", due="2026-03-01")
    await bill(door, boss, account, "10", due="2026-03-02")
    await issue(door, boss, f"{account},2026-05-01T00:00:00Z,50,,")
    await credit(door, boss, account, "12")
    await credit(door, boss, other, "7")
    await door.act(take_bond, TakeBond(other, BatchType.EFT, Decimal(9)), boss)
    found = await balances(door, boss)
    one, two = found[account], found[other]
    assert (one.outstanding, one.arrears, one.overdue, one.credit, one.balance, one.bond) == (
        78, 50, 18, 0, 78, 0,
    )  # fmt: skip
    assert (two.outstanding, two.credit, two.balance, two.bond) == (0, 7, -7, 9)
    assert len(found) == 3
    assert [*await balances(door, boss, accounts=[other, "77777"])] == [other]
    assert [*await balances(door, boss, how_many=1, skip=1)] == [other]


async def test_a_statement_is_ready_for_its_paper(door, boss, house, clock) -> None:
    account = house.accounts[0]
    await bill(door, boss, account, "30", due="2026-03-01")
    clock.advance(timedelta(days=40))
    await bill(door, boss, account, "10", due="2026-04-30")
    first, last = date(2026, 4, 1), date(2026, 4, 30)
    told = await door.ask(account_statement, StatementWanted(account, first, last), boss)
    assert (told.history.opening, told.history.closing, len(told.history.movements)) == (30, 40, 1)
    assert (told.debtor.name, told.debtor.city) == ("Palmer Guy", "Watertown")
    assert told.aged is not None
    assert (told.aged.not_due, told.aged.days_60, told.aged.balance) == (10, 30, 40)
    quiet = StatementWanted(house.accounts[1], first, last)
    assert (await door.ask(account_statement, quiet, boss)).aged is None
    with pytest.raises(Invalid):
        await door.ask(account_statement, StatementWanted(account, last, first), boss)
    with pytest.raises(NoSuchAccount):
        await door.ask(account_history, HistoryWanted("77777"), boss)


async def test_a_statement_is_issued_as_a_paper(door, boss, house, http) -> None:
    account = house.accounts[0]
    await bill(door, boss, account, "30", due="2026-03-16", number="900123")
    await received(door, boss, account, "12.50")
    url = f"/v1/example/accounts/{account}/statements"
    days = {"first": "2026-03-01", "last": "2026-03-31"}
    for number in ("S00001", "S00002"):  # What is asked for later may tell more.
        done = await http.post(url, json=days, headers=token_header(boss))
        assert (done.status_code, done.json()) == (
            201, {"kind": "STATEMENT", "number": number, "account": account},
        )  # fmt: skip
        pdf = await http.get(f"/v1/example/documents/{number}/pdf", headers=token_header(boss))
        text = words(pdf.content)
        for told in ("Palmer Guy", number, "Invoice 900123", "30.00", "12.50", "$17.50"):
            assert told in text, told
    days["last"] = "2026-02-01"
    wrong = await http.post(url, json=days, headers=token_header(boss))
    assert wrong.status_code == 422
    assert "The first day lies after the last." in wrong.text


async def test_a_receipt_is_issued_once_as_it_stands(door, boss, house, http) -> None:
    account = house.accounts[0]
    await bill(door, boss, account, "30", due="2026-03-16", number="900123")
    paid = await received(door, boss, account, "100")
    url = f"/v1/example/receivables/receipts/{paid.receipt_id}/paper"
    number = str(paid.receipt_id)
    first = await http.post(url, headers=token_header(boss))
    assert first.json() == {"kind": "RECEIPT", "number": number, "account": account}
    pdf = f"/v1/example/documents/{number}/pdf?kind=RECEIPT"
    kept = (await http.get(pdf, headers=token_header(boss))).content
    text = words(kept)
    for told in ("Invoice 900123", "30.00", "Credit on account", "70.00", "$100.00"):
        assert told in text, told
    await door.act(reverse_receipt, UndoReceipt(paid.receipt_id, "the bank took it back"), boss)
    assert (await http.post(url, headers=token_header(boss))).status_code == 201
    assert (await http.get(pdf, headers=token_header(boss))).content == kept
    again = await received(door, boss, account, "1")
    await door.act(reverse_receipt, UndoReceipt(again.receipt_id, "a mistake"), boss)
    with pytest.raises(ReceiptUndone, match="Nothing was issued"):
        await door.act(issue_receipt, ReceiptNamed(again.receipt_id), boss)
    lost = await received(door, boss, "77777", "1")
    with pytest.raises(NothingReceived, match="Nothing was issued"):
        await door.act(issue_receipt, ReceiptNamed(lost.receipt_id), boss)
    with pytest.raises(NoSuchReceipt):
        await door.act(issue_receipt, ReceiptNamed(999), boss)


async def test_who_may_only_look_issues_no_paper(door, boss, house, owner) -> None:
    account = house.accounts[0]
    paid = await received(door, boss, account, "100")
    viewer = await make_user(door, "example", "viewer", "CSR2")
    await owner.execute(
        "insert into access.user_permission (user_id, permission, granted)"
        " select user_id, 'billing.view', true from access.system_user where login = 'viewer'"
    )
    poster = await make_user(door, "example", "poster", "CSR3")
    for verb, command in (
        (issue_statement, StatementWanted(account, date(2026, 3, 1), date(2026, 3, 31))),
        (issue_receipt, ReceiptNamed(paid.receipt_id)),
    ):
        with pytest.raises(Forbidden):
            await door.act(verb, command, viewer)
        assert (await door.act(verb, command, poster)).account == account


async def received(door: Door, boss: Actor, account: str, amount: str) -> Receipt:
    """A receipt of an amount for an account."""
    paid = NewReceipt(BatchType.DIRECT, account, TODAY, Decimal(amount), "BPAY 881")
    (receipt,) = await door.act(post_receipts, PostReceipts([paid]), boss)
    return receipt


def words(pdf: bytes) -> str:
    """What a PDF says."""
    return " ".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)


async def test_who_may_look(door, boss, house, owner) -> None:
    account = house.accounts[0]
    await credit(door, boss, account, "5")
    clerk = await make_user(door, "example", "clerk", "CSR")
    await door.ask(account_history, HistoryWanted(account), clerk)
    with pytest.raises(Forbidden):
        await door.ask(portfolio, AgedWanted(), clerk)
    await owner.execute(
        "update access.system_user set blocked_accounts = $1 where login <> 'operator'", account
    )
    with pytest.raises(Forbidden):
        await door.ask(account_history, HistoryWanted(account), clerk)
    assert await aged(door, boss) == {}
    assert account not in await balances(door, boss)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("bill", "bill", "receive", "credit", "fee", "cancel", "reverse", "undo")),
        st.integers(0, 10**6),
        st.integers(1, 5_000),
    ),
    min_size=4,
    max_size=14,
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_the_past_stays_as_it_was_known(run, door, boss, house, clock, steps) -> None:
    """What is told of a day's end does not change, and each history ends at the balance."""
    run(_live(door, boss, house, clock, steps))


@pytest.fixture
async def run() -> Any:
    """Run a coroutine in the session's loop from a test that is not one, as hypothesis needs."""
    return asyncio.get_running_loop().run_until_complete


class Life:
    """Two accounts that are billed, pay and are adjusted; what is refused raises a `Refusal`."""

    def __init__(self, door: Door, boss: Actor, house: House) -> None:
        self.door = door
        self.boss = boss
        self.bills = [(0, house.accounts[0])]
        self.receipts = [0]
        self.entries = [0]

    async def do(self, step: str, account: str, amount: str, draw: int, today: date) -> None:
        """Take a step."""
        door, boss = self.door, self.boss
        match step:
            case "bill":
                due = (today + timedelta(days=draw % 60 - 30)).isoformat()
                entry, _ = await bill(door, boss, account, amount, due=due)
                self.bills.append((entry, account))
            case "receive":
                made = await receive(door, boss, account, amount, today)
                self.receipts.append(made.receipt_id)
            case "credit":
                self.entries.append(await credit(door, boss, account, amount))
            case "fee":
                self.entries.append(await adjust(door, boss, account, "BOND", amount, today))
            case "cancel":
                await door.act(cancel_bill, Cancel(*self.bills[draw % len(self.bills)]), boss)
            case "reverse":
                order = UndoReceipt(self.receipts[draw % len(self.receipts)], "n")
                await door.act(reverse_receipt, order, boss)
            case _:
                entry = self.entries[draw % len(self.entries)]
                await door.act(reverse, ReverseTransaction(entry, "n"), boss)


async def _live(
    door: Door, boss: Actor, house: House, clock: FrozenClock, steps: list[tuple[str, int, int]]
) -> None:
    life = Life(door, boss, house)
    known: dict[date, dict[str, Aged]] = {}
    for step, draw, cents in steps:
        today = clock.now().date() - timedelta(days=1)
        with suppress(Refusal):
            account = house.accounts[draw // 7 % 2]
            await life.do(step, account, str(Decimal(cents) / 100), draw, today)
        now = clock.now().astimezone(UTC).date()
        known[now] = await aged(door, boss, now)
        standing = await balances(door, boss)
        for account, row in standing.items():
            told = await history(door, boss, account)
            assert told.closing == row.balance
            assert row.balance == (known[now][account].balance if account in known[now] else 0)
        clock.advance(timedelta(days=1 + draw % 40))
    for day, found in known.items():
        assert await aged(door, boss, day) == found
    await sound(door)
