"""Arrears at the door: the postings of L1, the open items, and what must always add up."""

import asyncio
import hashlib
import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import NOW

from currant.access.model import OPERATOR, Actor, CreatePortal
from currant.access.verbs import Nothing, create_portal
from currant.db.tx import Tx
from currant.door import Door
from currant.ledger.verbs import ledger_faults
from currant.receivables.model import (
    ArrearsImported,
    ArrearsTypesWanted,
    ImportArrears,
    NewArrears,
)
from currant.receivables.verbs import arrears_faults, arrears_types, import_arrears, issue_arrears
from currant.upload import Upload

HEADER = "account,startdate,amount,paid,payplan\n"


async def send(door: Door, actor: Actor, rows: Sequence[str], **more: Any) -> ArrearsImported:
    terms = {"debit": "1100", "credit": "9100", "foreign_keys": False} | more
    raw = (HEADER + "\n".join(rows)).encode()
    upload = Upload(io.BytesIO(raw), hashlib.sha256(raw).hexdigest(), len(raw))
    command = ImportArrears(**terms, upload=upload)
    return await door.act(import_arrears, command, actor)


@pytest.fixture
async def accounts(owner: asyncpg.Connection, portal: str) -> list[str]:
    """Accounts 03280 to 03289, with the contracts 5000 to 5009."""
    portal_id = await owner.fetchval("select portal_id from access.portal")
    await plant_accounts(owner, portal_id, 10)
    return [f"0{n}" for n in range(3280, 3290)]


async def plant_accounts(owner: asyncpg.Connection, portal_id: int, how_many: int) -> None:
    await owner.execute(
        """
        with c as (
            insert into customers.customer (
                portal_id, name, first_name, last_name, phone_1, sms_1, email_1, address_1
            ) values ($1, 'Ringo Starr', 'Ringo', 'Starr', '', '', '', '')
            returning customer_id
        )
        insert into customers.account (
            portal_id, account, contract, customer_id, created_at, last_mod
        )
        select $1, lpad((3280 + n)::text, 5, '0'), (5000 + n)::text, customer_id, now(), now()
        from c cross join generate_series(0, $2 - 1) as n
        """,
        portal_id,
        how_many,
    )


async def postings(owner: asyncpg.Connection) -> list[tuple[Any, ...]]:
    rows = await owner.fetch(
        "select p.entry_id, p.coa, p.commodity, p.amount, a.account from ledger.posting as p "
        "left join customers.account as a on a.account_id = p.account_id "
        "order by p.entry_id, p.line"
    )
    first = rows[0]["entry_id"] if rows else 0
    return [
        (r["entry_id"] - first, r["coa"], r["commodity"], r["amount"], r["account"]) for r in rows
    ]


async def test_the_postings_of_an_import(door, boss, owner, accounts) -> None:
    """L1: the debit is the customer's, the credit nobody's; what was paid goes the other way."""
    rows = ["03281,2026-04-01T00:00:00-04:00,100.00,30.5,25%", "03280,,0.01,,", "03281,,7,7,12.5%"]
    answer = await send(door, boss, rows)
    assert [(row.account, row.amount) for row in answer.arrears] == [
        ("03281", Decimal(100)),
        ("03280", Decimal("0.01")),
        ("03281", Decimal(7)),
    ]
    hundred, paid, cent, seven = Decimal(100), Decimal("30.5"), Decimal("0.01"), Decimal(7)
    assert await postings(owner) == [
        (0, "1100", "USD", hundred, "03281"),
        (0, "9100", "USD", -hundred, None),
        (0, "9100", "USD", paid, None),
        (0, "1100", "USD", -paid, "03281"),
        (1, "1100", "USD", cent, "03280"),
        (1, "9100", "USD", -cent, None),
        (2, "1100", "USD", seven, "03281"),
        (2, "9100", "USD", -seven, None),
        (2, "9100", "USD", seven, None),
        (2, "1100", "USD", -seven, "03281"),
    ]
    entries = await owner.fetch("select * from ledger.entry order by entry_id")
    assert [(e["kind"], e["amount"], e["arrears_amount"], e["energy_wh"]) for e in entries] == [
        ("arrears", hundred, paid, 0),
        ("arrears", cent, 0, 0),
        ("arrears", seven, seven, 0),
    ]
    assert {e["event_at"] for e in entries} == {NOW}
    items = await owner.fetch("select * from receivables.open_item order by item_id")
    assert [
        (i["amount"], i["outstanding"], i["pay_plan"], i["start_at"], i["issued_at"]) for i in items
    ] == [
        (hundred, Decimal("69.5"), 25, datetime(2026, 4, 1, 4, tzinfo=UTC), NOW),
        (cent, cent, 100, None, NOW),
        (seven, 0, Decimal("12.5"), None, NOW),
    ]
    assert {(i["type_name"], i["type_coa"], i["receivable_coa"]) for i in items} == {
        ("CIStransfer", "9100", "1100")
    }
    assert [i["entry_id"] for i in items] == [e["entry_id"] for e in entries]
    allocations = await owner.fetch("select * from receivables.allocation order by item_id")
    assert [(a["item_id"], a["entry_id"], a["kind"], a["amount"]) for a in allocations] == [
        (items[0]["item_id"], entries[0]["entry_id"], "payment", paid),
        (items[2]["item_id"], entries[2]["entry_id"], "payment", seven),
    ]
    assert await door.ask(ledger_faults, Nothing(), OPERATOR) == []


async def test_the_type_and_the_receivable_are_kept_on_the_item(
    door, boss, owner, accounts
) -> None:
    await send(door, boss, ["03280,,5,,"], debit="1102", credit="1101")
    await owner.execute("update receivables.arrears_type set name = name || '?', active = false")
    item = await owner.fetchrow("select * from receivables.open_item")
    assert (item["type_name"], item["type_coa"], item["receivable_coa"]) == (
        "Recovery ",
        "1101",
        "1102",
    )
    assert [(coa, amount) for _, coa, _, amount, _ in await postings(owner)] == [
        ("1102", 5),
        ("1101", -5),
    ]


async def test_a_portals_own_type_comes_before_that_of_every_portal(
    door, boss, owner, accounts
) -> None:
    await door.act(create_portal, CreatePortal("other", "Other", "UTC", "USD", "O"), OPERATOR)
    await owner.execute(
        "insert into receivables.arrears_type (portal_id, name, description, coa, last_mod) "
        "select p.portal_id, t.name, '', t.coa, now() from (values "
        "(null, 'Everyone', '9100'), ('other', 'Theirs', '9110'), ('example', 'Ours', '9110')) "
        "as t (key, name, coa) left join access.portal as p on p.key = t.key"
    )
    await send(door, boss, ["03280,,5,,"])
    await send(door, boss, ["03280,,5,,"], credit="9110")
    names = await owner.fetch("select type_name from receivables.open_item order by item_id")
    assert [row[0] for row in names] == ["CIStransfer", "Ours"]


async def test_a_new_portal_finds_its_type_for_the_legacy_transfer(door, boss) -> None:
    made = CreatePortal("next", "Next", "UTC", "EUR", "N")
    await door.act(create_portal, made, OPERATOR)
    listed = await door.ask(arrears_types, ArrearsTypesWanted(), OPERATOR.at("next"))
    assert listed.timezone == "UTC"
    assert [(row.portal, row.name, row.coa) for row in listed.types] == [
        ("%", "Recovery ", "1101"),
        ("%", "PostPaid", "1102"),
        ("next", "CIStransfer", "9100"),
        ("%", "FundsRecovery", "9110"),
        ("%", "FundsRecoveryFee", "4950"),
        ("%", "TamperFine", "4959"),
        ("%", "Installation", "4955"),
    ]


RECORDS = st.lists(
    st.tuples(
        st.integers(0, 9),
        st.decimals("0.01", 10**7, places=2),
        st.decimals(0, 1, places=2),
        st.integers(1, 100),
    ),
    min_size=1,
    max_size=20,
)


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(records=RECORDS)
def test_receivables_always_add_up(run, door, boss, owner, accounts, records) -> None:
    """INV-04 and INV-13, however much was imported before."""
    run(_import_and_add_up(door, boss, owner, records))


@pytest.fixture
async def run() -> Any:
    """Run a coroutine in the session's loop from a test that is not one, as hypothesis needs."""
    return asyncio.get_running_loop().run_until_complete


async def _import_and_add_up(door, boss, owner, records) -> None:
    rows = [
        f"0{3280 + n},,{amount},{(amount * share).quantize(Decimal('0.01'))},{plan}%"
        for n, amount, share, plan in records
    ]
    await send(door, boss, rows)
    assert (
        await owner.fetch(
            """
        select o.item_id from receivables.open_item as o
        left join receivables.allocation as l on l.item_id = o.item_id
        group by o.portal_id, o.item_id
        having o.amount - coalesce(sum(l.amount), 0) <> o.outstanding
        """
        )
        == []
    )
    assert (
        await owner.fetch(
            """
        select a.account from customers.account as a
        left join lateral (
            select coalesce(sum(outstanding), 0) as owed from receivables.open_item
            where account_id = a.account_id
        ) as o on true
        left join lateral (
            select coalesce(sum(amount), 0) as posted from ledger.posting
            where account_id = a.account_id and coa = '1100'
        ) as p on true
        where o.owed <> p.posted
        """
        )
        == []
    )
    assert await door.ask(ledger_faults, Nothing(), OPERATOR) == []


async def test_as_many_statements_for_a_thousand_records_as_for_ten(
    door, boss, owner, portal, monkeypatch
) -> None:
    portal_id = await owner.fetchval("select portal_id from access.portal")
    await plant_accounts(owner, portal_id, 1000)
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
    for how_many in (10, 1000, 1000):
        sent = 0
        rows = [f"{3280 + n:05},,12.50,2.50,50%" for n in range(how_many)]
        assert len((await send(door, boss, rows)).arrears) == how_many
        counts.append(sent)
    assert len(set(counts)) == 1
    assert await owner.fetchval("select sum(outstanding) from receivables.open_item") == 20100


async def test_a_file_of_no_records_is_no_arrears(door, boss, owner, accounts) -> None:
    assert (await send(door, boss, [])).arrears == []
    assert await postings(owner) == []


async def test_a_closed_month_takes_none_and_the_next_does(
    door, boss, owner, accounts, clock
) -> None:
    await owner.execute(
        "insert into ledger.period select portal_id, '2026-03-01', now(), 'x' from access.portal"
    )
    await send(door, boss, ["03280,,5,,"])
    assert str(await owner.fetchval("select month from ledger.entry")) == "2026-04-01"
    assert clock.now() - NOW == timedelta(0)


async def test_other_domains_issue_arrears_of_a_type(door, boss, owner, accounts) -> None:
    """L2: what J30 takes from an account is owed as FundsRecovery; the ids come in order."""
    rows = await owner.fetch("select account_id from customers.account order by account limit 3")
    new = [
        NewArrears(row[0], Decimal(amount), Decimal(0), Decimal(25), None)
        for row, amount in zip(rows, ("30", "10", "20"), strict=True)
    ]
    async with door.asking(import_arrears, boss) as tx:
        terms = {"type_name": "FundsRecovery", "debit": "1100", "credit": "9110"}
        issued = await issue_arrears(tx, new, **terms)
        assert await issue_arrears(tx, [], **terms) == []
    items = await owner.fetch("select * from receivables.open_item order by item_id")
    assert [(i["item_id"], i["account_id"], i["amount"]) for i in items] == [
        (item_id, one.account_id, one.amount) for item_id, one in zip(issued, new, strict=True)
    ]
    assert {(i["type_name"], i["type_coa"], i["receivable_coa"]) for i in items} == {
        ("FundsRecovery", "9110", "1100")
    }
    assert [(coa, amount) for _, coa, _, amount, _ in await postings(owner)] == [
        ("1100", 30), ("9110", -30), ("1100", 10), ("9110", -10), ("1100", 20), ("9110", -20),
    ]  # fmt: skip


async def test_an_item_that_owes_another_amount_is_a_fault(door, boss, owner, accounts) -> None:
    await send(door, boss, ["03280,,5,2,", "03281,,7,,"])
    assert await door.ask(arrears_faults, Nothing(), OPERATOR) == []
    await owner.execute("update receivables.open_item set outstanding = 1 where amount = 5")
    fault, books = await door.ask(arrears_faults, Nothing(), OPERATOR)
    assert (fault.portal, fault.account) == ("example", "03280")
    assert "owes 1.000, allocations leave 3.000" in fault.detail
    assert (books.account, books.detail) == ("03280", "owes 1.000, books 3.000")
