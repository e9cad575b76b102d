"""Write-offs: what is posted and allocated (L12), who may, and what stands against them."""

import asyncio
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import asyncpg
import httpx
import pytest
from tests.conftest import make_user, token_header
from tests.houses import House, small_house
from tests.receivables.arrears import issue, standing
from tests.waiting import until_waiting

from currant.access.model import OPERATOR, Actor
from currant.access.verbs import Nothing
from currant.db.tx import Tx
from currant.door import Door
from currant.errors import Conflict, Forbidden, Invalid, Kind, Refusal
from currant.ledger.verbs import ledger_faults
from currant.receivables.model import (
    ArrearsSettled,
    ArrearsTakenBack,
    NoSuchArrears,
    WriteOff,
    WriteOffItem,
)
from currant.receivables.verbs import write_off
from currant.vending.model import Vend
from currant.vending.verbs import vend

PATH = "/v1/example/arrears/write-off"


@pytest.fixture
async def house(door: Door, boss: Actor) -> House:
    """Three homes with units wallets at 0.25 a kWh."""
    return await small_house(door, boss, homes=3, rate="0.25")


def of(*items: int | tuple[int, str], note: str = "Moved away.") -> WriteOff:
    """A write-off of whole items, or of parts of them."""
    told = [
        WriteOffItem(item) if isinstance(item, int) else WriteOffItem(item[0], Decimal(item[1]))
        for item in items
    ]
    return WriteOff(told, note)


async def test_a_write_off_is_an_entry_an_item(http, door, boss, house, owner) -> None:
    one, two, three = house.accounts
    items = await issue(
        door, boss, f"{one},,100.00,30.5,25%", f"{two},,0.01,,", f"{three},,7,,", debit="1102"
    )
    body = {
        "items": [
            {"arrears_id": items[2]},
            {"arrears_id": items[0], "amount": 19.5},
            {"arrears_id": items[1], "amount": None},
        ],
        "note": "Moved away.",
    }
    answer = await http.post(PATH, content=json.dumps(body), headers=token_header(boss))
    assert answer.status_code == 200, answer.text
    rows = answer.json()["data"]
    first = rows[0]["transaction_id"]
    assert rows == [
        {"arrears_id": items[2], "account": three, "transaction_id": first, "amount": 7,
         "outstanding_amount": 0},
        {"arrears_id": items[0], "account": one, "transaction_id": first + 1, "amount": 19.5,
         "outstanding_amount": 50},
        {"arrears_id": items[1], "account": two, "transaction_id": first + 2, "amount": 0.01,
         "outstanding_amount": 0},
    ]  # fmt: skip
    postings = await owner.fetch(
        "select p.entry_id, p.coa, p.amount, a.account from ledger.posting as p "
        "left join customers.account as a on a.account_id = p.account_id "
        "where p.entry_id >= $1 order by p.entry_id, p.line",
        first,
    )
    assert [tuple(row) for row in postings] == [
        (first, "5200", 7, None), (first, "1102", -7, three),
        (first + 1, "5200", Decimal("19.5"), None), (first + 1, "1102", Decimal("-19.5"), one),
        (first + 2, "5200", Decimal("0.01"), None), (first + 2, "1102", Decimal("-0.01"), two),
    ]  # fmt: skip
    entries = await owner.fetch("select * from ledger.entry where entry_id >= $1", first)
    assert {(e["kind"], e["note"], e["login"], e["amount"]) for e in entries} == {
        ("adjust", "Moved away.", "boss", 0)
    }
    assert [e["arrears_amount"] for e in entries] == [7, Decimal("19.5"), Decimal("0.01")]
    shown = await http.get(f"/v1/example/accounts/{one}/arrears", headers=token_header(boss))
    (told,) = shown.json()["data"]
    assert (told["paid_amount"], told["outstanding_amount"]) == (50, 50)
    assert [(paid["type"], paid["amount"]) for paid in told["payments"]] == [
        ("payment", 30.5), ("writeoff", 19.5),
    ]  # fmt: skip
    await standing(door, boss, owner)


# Beside a sound arrears of 10: the place of another one in `three`, and how much of it.
REFUSED: Mapping[str, tuple[int, str | None, type[Refusal], str]] = {
    "more than is owed": (1, "50.01", ArrearsSettled, "record 2, amount: $50.00 is owed"),
    "without end": (1, "1" + "0" * 39, ArrearsSettled, "record 2, amount: $50.00 is owed"),
    "nothing is owed": (2, None, ArrearsSettled, "record 2, arrears_id: nothing is owed"),
    "unknown": (3, None, NoSuchArrears, "record 2, arrears_id: 999999999 does not exist"),
    "named twice": (0, "1", Invalid, "is named by record 1 already"),
    "zero": (1, "0", Invalid, "record 2, amount: 0 is not more than nothing"),
    "negative": (1, "-5", Invalid, "record 2, amount: -5 is not more than nothing"),
    "fractions": (1, "1.005", Invalid, "record 2, amount: 1.005 has more than 2 decimals"),
}


@pytest.fixture
async def three(door: Door, boss: Actor, house: House) -> list[int]:
    """An arrears of 10 that one account owes, and two of another: of 50, and of 5 that is paid."""
    one, two, _ = house.accounts
    return await issue(door, boss, f"{one},,10,,", f"{two},,50,,", f"{two},,5,5,")


async def refused(door: Door, actor: Actor, owner: asyncpg.Connection, order: WriteOff) -> Refusal:
    """The refusal of an order, of which nothing was done."""
    before = await owner.fetch("select * from receivables.open_item order by item_id")
    with pytest.raises(Refusal) as raised:
        await door.act(write_off, order, actor)
    assert "othing was" in str(raised.value)
    assert await owner.fetch("select * from receivables.open_item order by item_id") == before
    assert await owner.fetchval("select count(*) from ledger.entry where kind = 'adjust'") == 0
    return raised.value


@pytest.mark.parametrize("why", REFUSED)
async def test_what_stands_against_a_write_off(door, boss, three, owner, why) -> None:
    """All or nothing: the sound item of the order is not written off either."""
    place, amount, refusal, words = REFUSED[why]
    item = [*three, 999_999_999][place]
    told = await refused(
        door, boss, owner, of(three[0], item if amount is None else (item, amount))
    )
    assert type(told) is refusal
    assert words in f"{told} {'; '.join(map(str, told.faults))}"


async def test_a_write_off_has_a_note_and_items(door, boss, three, owner) -> None:
    for order, field in ((of(*three[:2], note=" "), "note"), (of(), "items")):
        told = await refused(door, boss, owner, order)
        assert (type(told), told.field) == (Invalid, field)


async def test_an_amount_above_the_limit_is_refused(door, three, owner) -> None:
    clerk = await make_user(door, "example", "clerk", "CSR3", special_limit=2000)
    sound, part, _ = three
    told = await refused(door, clerk, owner, of(sound, (part, "20.01")))
    assert type(told) is Forbidden
    assert [str(fault) for fault in told.faults] == [
        "record 2, amount: it is above your special limit of $20.00"
    ]
    await door.act(write_off, of(sound, (part, "20")), clerk)


async def test_arrears_of_a_blocked_account_are_refused(door, boss, three, owner) -> None:
    for blocked, records in (("00002", [2]), ("*", [1, 2])):
        await owner.execute("update access.system_user set blocked_accounts = $1", blocked)
        told = await refused(door, boss, owner, of(*three[:2]))
        assert type(told) is Forbidden
        assert [fault.record for fault in told.faults] == records


async def test_arrears_that_were_taken_back_are_gone(door, boss, three, owner) -> None:
    await owner.execute(
        "select receivables.take_back(portal_id, entry_id, 77, now()) "
        "from receivables.open_item where item_id = $1",
        three[1],
    )
    told = await refused(door, boss, owner, of(*three[:2]))
    assert (type(told), told.kind) == (ArrearsTakenBack, Kind.GONE)
    assert [fault.record for fault in told.faults] == [2]


async def test_up_to_the_limit_of_each(door, house, owner, boss) -> None:
    clerk = await make_user(door, "example", "clerk", "CSR3", special_limit=2000)
    items = await issue(door, boss, *(f"{account},,20,," for account in house.accounts))
    assert len(await door.act(write_off, of(*items), clerk)) == 3
    assert await owner.fetchval("select sum(outstanding) from receivables.open_item") == 0


async def test_who_may_write_off(http, door, boss, cashier, house) -> None:
    (item,) = await issue(door, boss, f"{house.accounts[0]},,20,,")
    body = json.dumps({"items": [{"arrears_id": item}], "note": "n"})
    csr2 = await make_user(door, "example", "csr2", "CSR2")
    for actor in (cashier, csr2):
        answer = await http.post(PATH, content=body, headers=token_header(actor))
        assert answer.status_code == 403
    csr3 = await make_user(door, "example", "csr3", "CSR3")
    answer = await http.post(PATH, content=body, headers=token_header(csr3))
    assert answer.status_code == 200
    assert (await http.post(PATH, content=body)).status_code == 401


async def test_faults_are_a_problem_that_names_each(http, boss, house) -> None:
    body = json.dumps({"items": [{"arrears_id": 8}, {"arrears_id": 9}], "note": "n"})
    answer = await http.post(PATH, content=body, headers=token_header(boss))
    assert answer.status_code == 404
    assert answer.json()["faults"] == [
        {"record": n, "column": "arrears_id", "reason": f"{item} does not exist"}
        for n, item in ((1, 8), (2, 9))
    ]
    for body, field in (
        ('{"items": [{"arrears_id": 1, "amount": "5"}], "note": "n"}', "items[0].amount"),
        ('{"items": [{"arrears_id": 1, "sum": 5}], "note": "n"}', "items[0].sum"),
        ('{"items": [{"arrears_id": 1}]}', "note"),
        ('{"items": [{"arrears_id": 9999999999999999999999}], "note": "n"}', "items[0].arrears_id"),
    ):
        answer = await http.post(PATH, content=body, headers=token_header(boss))
        assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text


async def test_a_key_writes_off_once(http, door, boss, house, owner) -> None:
    (item,) = await issue(door, boss, f"{house.accounts[0]},,20,,")
    body = json.dumps({"items": [{"arrears_id": item, "amount": 5}], "note": "n"})
    headers = token_header(boss) | {"Idempotency-Key": "once"}
    answers = [await http.post(PATH, content=body, headers=headers) for _ in range(3)]
    assert {answer.text for answer in answers} == {answers[0].text}
    assert await owner.fetchval("select outstanding from receivables.open_item") == 15


async def test_as_many_statements_for_a_thousand_items_as_for_one(
    door, boss, house, owner, monkeypatch
) -> None:
    items = await issue(door, boss, *[f"{house.accounts[0]},,5,,"] * 1001)
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
    for order in (items[:1], items[1:]):
        sent = 0
        assert [row.arrears_id for row in await door.act(write_off, of(*order), boss)] == order
        counts.append(sent)
    assert len(set(counts)) == 1
    assert await owner.fetchval("select sum(outstanding) from receivables.open_item") == 0


async def test_of_many_write_offs_at_once_no_more_is_taken_than_is_owed(
    door, boss, house, owner: asyncpg.Connection
) -> None:
    items = await issue(door, boss, *(f"{account},,100,," for account in house.accounts))
    orders = [of(*((item, "7") for item in (items if n % 2 else items[::-1]))) for n in range(20)]
    outcomes = await asyncio.gather(
        *(door.act(write_off, order, boss) for order in orders), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert [type(outcome) for outcome in refused] == [ArrearsSettled] * 6
    left = await owner.fetch("select outstanding from receivables.open_item")
    assert [row[0] for row in left] == [2, 2, 2]
    await standing(door, boss, owner)


async def test_vends_and_write_offs_at_once_add_up(
    http: httpx.AsyncClient, door, boss, cashier, house, owner
) -> None:
    """A vend that was quoted what a write-off took before it is refused as a whole, or fits."""
    account = house.accounts[0]
    items = await issue(door, boss, *[f"{account},,40,,100%"] * 3)

    async def sell() -> int:
        try:
            return (await door.act(vend, Vend(account, "cash", Decimal(9)), cashier)).transaction_id
        except Conflict:
            return 0

    async def forgive(order: list[int]) -> int:
        try:
            done = await door.act(write_off, of(*((item, "3") for item in order)), boss)
            return done[0].transaction_id
        except Conflict:
            return 0

    outcomes = await asyncio.gather(
        *(sell() if n % 2 else forgive(items if n % 4 else items[::-1]) for n in range(40))
    )
    assert sum(map(bool, outcomes)) >= 20
    vended = await owner.fetchval("select coalesce(sum(tendered_amount), 0) from vending.vend")
    energy = await owner.fetchval("select sum(energy_amount) from vending.vend")
    paid = await owner.fetchval(
        "select sum(amount) from receivables.allocation where kind = 'payment'"
    )
    assert vended == paid + energy
    assert await owner.fetchval("select min(outstanding) from receivables.open_item") >= 0
    await standing(door, boss, owner)
    assert await door.ask(ledger_faults, Nothing(), OPERATOR) == []


async def test_a_vend_that_comes_too_late_is_a_conflict_and_charges_nothing(
    http, door, boss, cashier, house, owner
) -> None:
    """What a write-off took between the look of a vend and its payment is refused by name."""
    account = house.accounts[0]
    (item,) = await issue(door, boss, f"{account},,40,,100%")
    writing = owner.transaction()
    await writing.start()
    await owner.execute("update receivables.open_item set outstanding = 5 where item_id = $1", item)
    body = json.dumps({"account": account, "tender": "cash", "amount": 40})
    selling = asyncio.create_task(
        http.post("/v1/example/vends", content=body, headers=token_header(cashier))
    )
    await until_waiting(owner)
    await writing.commit()
    answer = await selling
    assert answer.status_code == 409, answer.text
    assert "Less is owed on an arrears" in answer.json()["detail"]
    assert await owner.fetchval("select count(*) from vending.vend") == 0
    assert await owner.fetchval("select sum(balance) from prepayment.wallet") == 0
