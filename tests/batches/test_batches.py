"""Batches through the door: what is taken, given back, counted, closed and approved."""

from decimal import Decimal

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import make_user
from tests.shared import superuser

from currant.access.model import OPERATOR, CreatePortal
from currant.access.verbs import Nothing, create_portal
from currant.batches.model import (
    ApproveBatch,
    ApprovedByAnother,
    BatchApproved,
    BatchClosed,
    BatchesWanted,
    BatchNamed,
    BatchState,
    BatchStillOpen,
    CloseBatch,
    Count,
    NoSuchBatch,
    NothingTaken,
    TenderNotCounted,
    VendingLimitReached,
)
from currant.batches.tenders import TENDERS
from currant.batches.verbs import (
    approve_batch,
    batch_faults,
    close_batch,
    close_own_batch,
    current_batch,
    list_batches,
    show_batch,
)
from currant.errors import Forbidden, Invalid

ALL = BatchesWanted(2**62, 100)


def counted(**amounts: str) -> Count:
    return Count({tender: Decimal(amount) for tender, amount in amounts.items()})


async def lines_of(owner: asyncpg.Connection, entry_id: int) -> list[tuple[str, Decimal]]:
    """The lines of an entry in the books, in their order."""
    rows = await owner.fetch(
        "select coa, amount from ledger.posting where entry_id = $1 order by line", entry_id
    )
    return [tuple(row) for row in rows]


async def faults(owner: asyncpg.Connection) -> list[asyncpg.Record]:
    return [
        *await owner.fetch("select * from batches.faults()"),
        *await owner.fetch("select * from ledger.faults()"),
    ]


async def test_what_is_over_and_short_is_posted_by_the_kind_of_tender(
    door, cashier, sell, owner
) -> None:
    await sell(cashier, "10")
    await sell(cashier, "20.50", "check")
    await sell(cashier, "5", "card", home=1)
    await sell(cashier, "4.50", home=2)
    count = Count(counted(cash="14", check="20.50", card="6.25", eft="0").counted, "Torn note.")
    closed = await door.act(close_own_batch, count, cashier)
    assert [
        (c.tender, c.tenders, c.expected, c.counted, c.difference) for c in closed.counts
    ] == [
        ("cash", 2, Decimal("14.50"), 14, Decimal("-0.50")),
        ("check", 1, Decimal("20.50"), Decimal("20.50"), 0),
        ("card", 1, 5, Decimal("6.25"), Decimal("1.25")),
        ("eft", 0, 0, 0, 0),
    ]  # fmt: skip
    assert (closed.state, closed.login, closed.closed_by) == ("closed", "cashier1", "cashier1")
    assert (closed.tenders, closed.taken, closed.counted) == (4, 40, Decimal("40.75"))
    assert (closed.difference, closed.note) == (Decimal("0.75"), "Torn note.")
    assert await lines_of(owner, closed.transaction_id) == [
        ("1000", Decimal("-0.50")), ("5300", Decimal("0.50")),
        ("1000", Decimal("1.25")), ("5300", Decimal("-1.25")),
    ]  # fmt: skip
    entry = await owner.fetchrow(
        "select kind, login, amount, note from ledger.entry where entry_id = $1",
        closed.transaction_id,
    )
    assert tuple(entry) == (
        "adjust", "cashier1", Decimal("0.75"),
        f"Over and short of batch {closed.batch_id}, cashier1",
    )  # fmt: skip
    assert await faults(owner) == []


async def test_a_batch_that_is_right_posts_nothing(door, cashier, sell, owner) -> None:
    await sell(cashier, "10")
    closed = await door.act(close_own_batch, counted(cash="10.00"), cashier)
    assert (closed.difference, closed.transaction_id) == (0, None)
    assert await owner.fetchval("select count(*) from ledger.entry where kind = 'adjust'") == 0


async def test_what_is_off_both_ways_is_posted_though_it_sums_to_nothing(
    door, cashier, sell, owner
) -> None:
    await sell(cashier, "10")
    await sell(cashier, "10", "check")
    closed = await door.act(close_own_batch, counted(cash="11", check="9"), cashier)
    assert closed.difference == 0
    assert len(await lines_of(owner, closed.transaction_id)) == 4


async def test_every_kind_that_was_taken_is_counted(door, cashier, sell) -> None:
    await sell(cashier, "10", "card")
    await sell(cashier, "10", "eft")
    with pytest.raises(TenderNotCounted, match="Count card, eft, or say that it is 0") as refused:
        await door.act(close_own_batch, counted(cash="1"), cashier)
    assert refused.value.field == "counted.card"
    assert "Nothing was done" in refused.value.message
    closed = await door.act(close_own_batch, counted(cash="1", card="10", eft="0"), cashier)
    assert [c.difference for c in closed.counts] == [1, 0, -10]


@pytest.mark.parametrize(
    ("amount", "told"),
    [("-0.01", "not 0 to"), ("0.001", "more than 2 decimals"), ("1E13", "not 0 to")],
)
async def test_a_count_that_cannot_be_is_refused_by_name(
    door, cashier, sell, owner, amount, told
) -> None:
    await sell(cashier, "10")
    with pytest.raises(Invalid, match=f"counted.cash is .*{told}") as refused:
        await door.act(close_own_batch, counted(cash=amount), cashier)
    assert refused.value.field == "counted.cash"
    with pytest.raises(Invalid, match="counted: 'gold' is no kind of tender; they are cash, check"):
        await door.act(close_own_batch, counted(cash="1", gold="1"), cashier)
    assert await owner.fetchval("select closed_at from batches.batch") is None


async def test_a_batch_is_closed_once(door, cashier, second, sell) -> None:
    with pytest.raises(NothingTaken):
        await door.act(close_own_batch, counted(), cashier)
    await sell(cashier, "10")
    closed = await door.act(close_own_batch, counted(cash="10"), cashier)
    with pytest.raises(NothingTaken):
        await door.act(close_own_batch, counted(cash="10"), cashier)
    again = CloseBatch({"cash": Decimal(9)}, batch_id=closed.batch_id)
    with pytest.raises(BatchClosed, match="cashier1 closed batch"):
        await door.act(close_batch, again, second)
    await sell(cashier, "1")
    newest, oldest = await door.ask(list_batches, ALL, second)
    assert (newest.state, oldest.state) == ("open", "closed")
    assert (newest.taken, oldest) == (1, closed)


async def test_another_closes_for_a_cashier_and_neither_approves(
    door, boss, cashier, second, sell
) -> None:
    await sell(cashier, "10")
    (batch,) = await door.ask(list_batches, ALL, second)
    named = ApproveBatch(batch.batch_id, "Counted again.")
    with pytest.raises(BatchStillOpen):
        await door.act(approve_batch, named, boss)
    closed = await door.act(
        close_batch, CloseBatch({"cash": Decimal(10)}, "Gone home.", login="cashier1"), second
    )
    assert (closed.login, closed.closed_by, closed.note) == ("cashier1", "second", "Gone home.")
    with pytest.raises(ApprovedByAnother, match="cashier1, and second closed it") as refused:
        await door.act(approve_batch, named, second)
    assert refused.value.kind == "forbidden"
    approved = await door.act(approve_batch, named, boss)
    assert (approved.state, approved.approved_by) == ("approved", "boss")
    assert (approved.note, approved.approval_note) == ("Gone home.", "Counted again.")
    assert await door.ask(show_batch, BatchNamed(batch.batch_id), second) == approved
    with pytest.raises(BatchApproved, match="boss approved batch"):
        await door.act(approve_batch, named, boss)


async def test_nobody_approves_what_they_took(door, boss, second, sell, owner) -> None:
    await sell(boss, "10")
    (batch,) = await door.ask(list_batches, ALL, boss)
    await door.act(close_batch, CloseBatch({"cash": Decimal(10)}, batch_id=batch.batch_id), second)
    with pytest.raises(ApprovedByAnother):
        await door.act(approve_batch, ApproveBatch(batch.batch_id), boss)
    for login in ("boss", "second"):
        with pytest.raises(asyncpg.CheckViolationError, match="batch_approved_by_another"):
            await owner.execute(
                "update batches.batch set approved_at = now(), approved_by = $1", login
            )


async def test_who_may_close_list_and_approve(door, portal, cashier, sell) -> None:
    await sell(cashier, "10")
    named = {"view": BatchNamed(1), "close": CloseBatch({}, batch_id=1), "approve": ApproveBatch(1)}
    for verb, command in (
        (show_batch, named["view"]), (list_batches, ALL),
        (close_batch, named["close"]), (approve_batch, named["approve"]),
    ):  # fmt: skip
        with pytest.raises(Forbidden, match="lacks transactions"):
            await door.act(verb, command, cashier)
    engineer = await make_user(door, portal, "engineer", "Engineer")
    for verb, command in ((current_batch, Nothing()), (close_own_batch, counted())):
        with pytest.raises(Forbidden, match="lacks balance"):
            await door.act(verb, command, engineer)


async def test_another_portals_batch_is_not_seen(door, cashier, sell, owner) -> None:
    await sell(cashier, "10")
    number = await owner.fetchval("select batch_id from batches.batch")
    await door.act(create_portal, CreatePortal("next", "Next", "UTC", "EUR", "N"), OPERATOR)
    stranger = await make_user(door, "next", "stranger", "SysAdmin", vendor_number="N")
    assert await door.ask(list_batches, ALL, stranger) == []
    for verb, command in (
        (show_batch, BatchNamed(number)), (close_batch, CloseBatch({}, batch_id=number)),
        (approve_batch, ApproveBatch(number)),
    ):  # fmt: skip
        with pytest.raises(NoSuchBatch):
            await door.act(verb, command, stranger)


async def test_the_current_batch_says_what_the_limit_leaves(
    door, limited, cashier, sell, owner
) -> None:
    fresh = await door.ask(current_batch, Nothing(), limited)
    assert (fresh.batch_id, fresh.tenders, fresh.taken) == (None, 0, 0)
    assert (fresh.vending_limit, fresh.left) == (100, 100)
    await sell(limited, "60.50")
    await sell(limited, "30", "check")
    now = await door.ask(current_batch, Nothing(), limited)
    assert (now.tenders, now.taken, now.left) == (2, Decimal("90.50"), Decimal("9.50"))
    await owner.execute("update access.system_user set vending_limit = 0 where login = 'limited'")
    assert (await door.ask(current_batch, Nothing(), limited)).left == 0
    free = await door.ask(current_batch, Nothing(), cashier)
    assert (free.vending_limit, free.left) == (None, None)


async def test_what_is_given_back_no_longer_counts(door, limited, sell, give_back, owner) -> None:
    first = await sell(limited, "60")
    await sell(limited, "40", "card")
    with pytest.raises(VendingLimitReached):
        await sell(limited, "0.01")
    assert await give_back(first.transaction_id)
    now = await door.ask(current_batch, Nothing(), limited)
    assert (now.tenders, now.given_back, now.taken, now.left) == (2, 1, 40, 60)
    await sell(limited, "60", "eft")
    closed = await door.act(close_own_batch, counted(card="40", eft="60"), limited)
    assert [(c.tender, c.tenders, c.given_back, c.expected) for c in closed.counts] == [
        ("cash", 1, 1, 0), ("card", 1, 0, 40), ("eft", 1, 0, 60),
    ]  # fmt: skip
    assert (closed.taken, closed.difference, closed.given_back) == (100, 0, 1)
    assert await faults(owner) == []


async def test_from_a_closed_batch_nothing_is_given_back(
    door, limited, sell, give_back, owner
) -> None:
    sold = await sell(limited, "60")
    await door.act(close_own_batch, counted(cash="60"), limited)
    assert not await give_back(sold.transaction_id)
    assert not await give_back((await sell(limited, "1")).transaction_id + 1000)
    assert await owner.fetchval("select count(*) from batches.taking") == 2


async def test_a_batch_of_which_all_was_given_back_needs_no_count(
    door, cashier, sell, give_back
) -> None:
    assert await give_back((await sell(cashier, "10")).transaction_id)
    closed = await door.act(close_own_batch, counted(), cashier)
    assert (closed.taken, closed.counted, closed.transaction_id) == (0, 0, None)


async def test_a_limit_that_changes_holds_for_what_was_taken_before(
    door, cashier, sell, give_back, owner
) -> None:
    """A batch that was without a limit is counted from its beginning, and may be again."""

    async def limit(minor: int | None) -> None:
        await owner.execute(
            "update access.system_user set vending_limit = $1 where login = 'cashier1'", minor
        )

    first = await sell(cashier, "10")
    await sell(cashier, "10")
    await limit(2_500)
    with pytest.raises(VendingLimitReached):
        await sell(cashier, "5.01")
    await sell(cashier, "5")
    await limit(None)
    await sell(cashier, "1000")
    assert await give_back(first.transaction_id)
    await limit(102_000)
    with pytest.raises(VendingLimitReached):
        await sell(cashier, "5.01")
    await sell(cashier, "5")
    await limit(100)
    with pytest.raises(VendingLimitReached):
        await sell(cashier, "0.01")
    assert await faults(owner) == []


async def test_a_limit_holds_in_every_portal_that_is_granted(door, portal, sell, owner) -> None:
    await door.act(create_portal, CreatePortal("next", "Next", "UTC", "USD", "N"), OPERATOR)
    guest = await make_user(
        door, "next", "guest", "VENDORADM", vendor_number="N", vending_limit=1_000
    )
    await owner.execute(
        "insert into access.user_portal select p.portal_id, u.user_id "
        "from access.portal as p, access.system_user as u "
        "where p.key = 'example' and u.login = 'guest'"
    )
    await sell(guest.at("example"), "10")
    with pytest.raises(VendingLimitReached):
        await sell(guest.at("example"), "0.01")
    now = await door.ask(current_batch, Nothing(), guest.at("example"))
    assert (now.taken, now.vending_limit, now.left) == (10, 10, 0)
    assert (await door.ask(current_batch, Nothing(), guest)).taken == 0


async def test_batches_are_listed_by_cashier_and_state(
    door, boss, cashier, limited, second, sell
) -> None:
    for actor in (cashier, limited, cashier):
        await sell(actor, "1")
        await door.act(close_own_batch, counted(cash="1"), actor)
    await sell(limited, "1")
    newest, *_, oldest = await door.ask(list_batches, ALL, second)
    await door.act(approve_batch, ApproveBatch(oldest.batch_id), boss)

    async def ids(**more: object) -> list[int]:
        wanted = BatchesWanted(2**62, 100, **more)
        return [batch.batch_id for batch in await door.ask(list_batches, wanted, second)]

    every = await ids()
    assert every == sorted(every, reverse=True)
    assert len(every) == 4
    assert await ids(login="cashier1") == [every[1], every[3]]
    assert await ids(state=BatchState.OPEN) == [newest.batch_id]
    assert await ids(state=BatchState.CLOSED) == every[1:3]
    assert await ids(state=BatchState.APPROVED, login="cashier1") == [oldest.batch_id]
    assert await ids(login="nobody") == []
    page = await door.ask(list_batches, BatchesWanted(every[1], 1), second)
    assert [batch.batch_id for batch in page] == [every[2]]


async def test_history_is_not_edited(door, cashier, sell, urls) -> None:
    await sell(cashier, "10")
    await door.act(close_own_batch, counted(cash="9"), cashier)
    connection = await asyncpg.connect(urls.runtime)
    for statement in (
        "update batches.taking set amount = 1", "delete from batches.taking",
        "update batches.count set counted = 1", "delete from batches.count",
        "delete from batches.batch",
    ):  # fmt: skip
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="not of this transaction"):
        await connection.execute("select batches.take(1, 1, 1, 'cash', 1, 0.01, now())")
    await connection.close()


async def test_a_batch_that_is_at_odds_is_named(door, cashier, limited, sell, server, urls) -> None:
    await sell(cashier, "10")
    closed = await door.act(close_own_batch, counted(cash="9"), cashier)
    await sell(limited, "20")
    assert await door.ask(batch_faults, Nothing(), OPERATOR) == []
    planted = await asyncpg.connect(superuser(server, urls))
    told = []
    for fault, mended in (
        ("update batches.taking set amount = amount + 1", "- 1"),
        ("update batches.batch set taken = taken + 2 where bound is not null", "- 2"),
        ("update batches.count set counted = counted + 3", "- 3"),
        ("update batches.count set expected = expected + 4, counted = counted + 4", "- 4"),
    ):
        await planted.execute(f"set session_replication_role = replica; {fault}")
        found = await door.ask(batch_faults, Nothing(), OPERATOR)
        told.append({(row.batch_id == closed.batch_id, row.detail) for row in found})
        await planted.execute(fault.replace(f"+ {mended[2:]}", mended))
    await planted.close()
    assert told == [
        {
            (True, "tenders of 11.000, books 10.000"),
            (True, "cash of 11.000, expected 10.000"),
            (False, "tenders of 21.000, books 20.000"),
            (False, "tenders of 21.000, of the limit 20.000"),
        },
        {(False, "tenders of 20.000, of the limit 22.000")},
        {(True, "over or short 2.000, books -1.000")},
        {(True, "cash of 10.000, expected 14.000")},
    ]
    assert await door.ask(batch_faults, Nothing(), OPERATOR) == []


Step = st.one_of(
    st.tuples(st.just("take"), st.sampled_from(TENDERS), st.integers(1, 4000)),
    st.tuples(st.just("give back"), st.integers(0, 20), st.none()),
    st.tuples(
        st.just("close"), st.lists(st.integers(-300, 300), min_size=4, max_size=4), st.none()
    ),
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(Step, max_size=14), bounded=st.booleans())
async def test_any_order_of_tenders_and_counts_adds_up(
    door, cashier, limited, sell, give_back, owner, steps, bounded
) -> None:
    """The takings are what is expected; with what is over or short the books say what was counted.

    The limit bounds what a batch took less what it gave back.
    """
    actor = limited if bounded else cashier
    await close_what_is_open(door, actor, owner)
    expected = dict.fromkeys(TENDERS, 0)
    sold: list[tuple[int, str, int]] = []
    opened = False
    for step, what, amount in steps:
        if step == "take":
            if bounded and sum(expected.values()) + amount > 10_000:
                with pytest.raises(VendingLimitReached):
                    await sell(actor, str(Decimal(amount) / 100), what)
                continue
            entry_id = (await sell(actor, str(Decimal(amount) / 100), what)).transaction_id
            sold.append((entry_id, what, amount))
            expected[what] += amount
            opened = True
        elif step == "give back" and what < len(sold):
            entry_id, tender, back = sold.pop(what)
            assert await give_back(entry_id)
            expected[tender] -= back
        elif step == "close" and opened:
            counts = {
                tender: Decimal(max(expected[tender] + off, 0)) / 100
                for tender, off in zip(TENDERS, what, strict=True)
            }
            closed = await door.act(close_own_batch, Count(counts), actor)
            assert {c.tender: int(c.expected * 100) for c in closed.counts} == expected
            assert await books_of(owner, closed.batch_id) == sum(counts.values())
            assert closed.counted == sum(counts.values())
            expected, sold, opened = dict.fromkeys(TENDERS, 0), [], False
    now = await door.ask(current_batch, Nothing(), actor)
    assert (now.batch_id is not None, now.taken * 100) == (opened, sum(expected.values()))
    assert await faults(owner) == []


async def close_what_is_open(door, actor, owner) -> None:
    """Let a cashier begin anew."""
    now = await door.ask(current_batch, Nothing(), actor)
    if now.batch_id is not None:
        every = dict.fromkeys(TENDERS, Decimal(0))
        await door.act(close_own_batch, Count(every), actor)


async def books_of(owner, batch_id: int) -> Decimal:
    """What the books say (1000) of the entries of a batch, with what was over or short."""
    return await owner.fetchval(
        """
        select coalesce(sum(p.amount), 0) from ledger.posting as p
        where p.coa = '1000' and p.entry_id in (
            select entry_id from batches.taking where batch_id = $1
            union all
            select entry_id from batches.batch where batch_id = $1
        )
        """,
        batch_id,
    )
