"""J29 over real HTTP: the document's own example, its window, and a great many rows."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from tests.conftest import make_user, token_header
from tests.documented import example
from tests.houses import House, small_house
from tests.shared import shared_urls, urls  # noqa: F401

from currant.access.model import OPERATOR, Actor, CreatePortal
from currant.access.verbs import create_portal
from currant.clock import FrozenClock
from currant.door import Door
from currant.vending.model import Vend
from currant.vending.verbs import vend

PLANT = """
insert into ledger.entry (
    portal_id, entry_id, kind, event_at, recorded_at, month, login, vendor_number, account_id,
    meter_id, amount, arrears_amount, energy_wh, tender_number, tender_name, note
)
select
    p.portal_id, $1, $2, $3, $3, date_trunc('month', $3::timestamptz), $4, $5,
    a.account_id, m.meter_id,
    $8, $9, $10, $11, $12, ''
from access.portal as p
left join customers.account as a on a.portal_id = p.portal_id and a.account = $6
left join metering.meter as m on m.portal_id = p.portal_id and m.serial_number = $7
"""


def exact(answer: httpx.Response) -> Any:
    return json.loads(answer.content, parse_float=Decimal)


async def dump(http: httpx.AsyncClient, actor: Actor, end_date: str, **more: str) -> Any:
    return await http.get(
        "/transactions/dump",
        params={"portal": "example", "end_date": end_date} | more,
        headers=token_header(actor),
    )


async def told(http: httpx.AsyncClient, actor: Actor, end_date: str) -> list[dict[str, Any]]:
    answer = await dump(http, actor, end_date)
    assert answer.status_code == 200, answer.text
    return exact(answer)["data"]


async def ids(http: httpx.AsyncClient, actor: Actor, end_date: str) -> list[int]:
    return [row["transaction"]["id"] for row in await told(http, actor, end_date)]


async def plant(
    owner: Any,
    entry_id: int,
    at: datetime,
    *,
    kind: str = "cash",
    login: str = "cashier1",
    vendor: str = "CEC",
    account: str | None = None,
    serial: str | None = None,
    sums: tuple[str, str, int] = ("0", "0", 0),
    tender: tuple[int, str] = (0, ""),
) -> None:
    """Plant an entry: `sums` are its amount, arrears payment and Wh."""
    amount, arrears, energy_wh = sums
    await owner.execute(
        PLANT, entry_id, kind, at, login, vendor, account, serial, Decimal(amount),
        Decimal(arrears), energy_wh, *tender,
    )  # fmt: skip


@pytest.fixture
async def house(door: Door, boss: Actor) -> House:
    return await small_house(door, boss)


async def test_example_of_the_dump(http, door, boss, owner) -> None:
    shown = example("transactions_dump")
    await small_house(door, boss, homes=2)
    for contract, account, key, name, serial in (
        ("C1", "03284", "5004000", "Palmer Guy", "14155008478"),
        ("C2", "03283", None, "Fred Fredburger", "AMI1234"),
    ):
        await owner.execute(
            "update metering.meter set serial_number = $2 where serial_number = $1",
            contract.replace("C", "M"), serial,
        )  # fmt: skip
        await owner.execute(
            """
            update customers.customer as c set name = $2 from customers.account as a
            where a.customer_id = c.customer_id and a.contract = $1
            """,
            contract, name,
        )  # fmt: skip
        await owner.execute(
            "update customers.account set account = $2, contract = $3 where contract = $1",
            contract, account, key,
        )  # fmt: skip
    first, last = (datetime(2019, 3, day, 3, 59, 59, tzinfo=UTC) for day in (8, 9))
    await plant(owner, 229, first)
    await plant(
        owner, 230, datetime(2019, 3, 8, 20, 32, 43, tzinfo=UTC), account="03284",
        serial="14155008478", sums=("10", "10", 27_996),
    )  # fmt: skip
    await plant(
        owner, 233, datetime(2019, 3, 8, 21, 32, 59, tzinfo=UTC), kind="wallet", login="auto",
        vendor="", account="03283", serial="AMI1234", sums=("0.45", "0", 5_102),
    )  # fmt: skip
    await plant(owner, 234, last + timedelta(seconds=1))
    answer = await http.get(f"{shown['path']}?{shown['raw_query']}", headers=token_header(boss))
    assert (answer.status_code, exact(answer)) == (200, shown["expect_body"])
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert "transfer-encoding" not in answer.headers


async def test_a_vend_is_told_with_its_arrears_apart(http, door, boss, cashier, house) -> None:
    account = house.accounts[0]
    await door.act(vend, Vend(account, "check", Decimal(10), None, 4711, "First Bank"), cashier)
    (row,) = await told(http, boss, "2026-03-02")
    assert row == {
        "vendor_number": "CEC",
        "login": "cashier1",
        "customer": {
            "account": account,
            "contract": "C1",
            "name": "Palmer Guy",
            "serial_number": "M1",
        },
        "transaction": {
            "id": row["transaction"]["id"],
            "type": "check",
            "trans_date": "2026-03-02T12:00:00-05:00",
            "arrears_payment": 0,
            "amount": 10,
            "kwh": Decimal("33.333"),
            "check": {"number": 4711, "name": "First Bank"},
        },
    }


async def test_blocked_accounts_are_not_told(http, door, boss, cashier, house, owner) -> None:
    other = await small_house(door, boss, first=2, rate=None)
    one, two = house.accounts + other.accounts
    for account in (one, two):
        await door.act(vend, Vend(account, "cash", Decimal(10)), cashier)
    await plant(owner, 9_999_999, datetime(2026, 3, 2, 17, tzinfo=UTC))

    async def accounts(blocked: str) -> list[str]:
        await owner.execute("update access.system_user set blocked_accounts = $1", blocked)
        return [row["customer"]["account"] for row in await told(http, boss, "2026-03-02")]

    assert await accounts("") == [one, two, "unassigned"]
    assert await accounts(f"99999,{one}") == [two, "unassigned"]
    assert await accounts("*") == ["unassigned"]


async def test_the_window_is_a_day_of_whole_seconds(http, boss, portal, owner) -> None:
    end = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
    second, day = timedelta(seconds=1), timedelta(hours=24)
    almost = timedelta(microseconds=999_999)
    await plant(owner, 5, end + almost)
    await plant(owner, 4, end + second)
    await plant(owner, 3, end - day + second)
    await plant(owner, 2, end - day + almost)
    await plant(owner, 1, end)
    assert await ids(http, boss, "2026-03-01T12:00:00Z") == [1, 3, 5]
    assert await ids(http, boss, "2026-03-01T12:00:00.7Z") == [1, 3, 5]
    assert await ids(http, boss, "2026-03-01T12:00:01Z") == [1, 4, 5]
    assert await ids(http, boss, "2026-02-28T12:00:00Z") == [2]
    assert await ids(http, boss, "2026-02-28T11:59:59Z") == []


async def test_offsets_are_read_as_queries_bring_them(http, boss, portal, owner) -> None:
    await plant(owner, 1, datetime(2026, 3, 1, 12, 0, tzinfo=UTC))
    for raw in ("13:00:00+01:00", "13:00:00%2B01:00", "07:00:00-05:00"):
        path = f"/transactions/dump?portal=example&end_date=2026-03-01T{raw}"
        answer = await http.get(path, headers=token_header(boss))
        (row,) = exact(answer)["data"]
        assert row["transaction"]["trans_date"] == "2026-03-01T07:00:00-05:00"
    answer = await dump(http, boss, "2026-03-01T07:00:00Z05:00")
    assert answer.headers["x-juice-warning"] == "nonstandard-offset"
    assert len(exact(answer)["data"]) == 1


async def test_a_date_is_a_local_day_to_its_end(http, boss, portal, owner) -> None:
    """The day of the change to summer time has 23 hours; 24 hours before its end are told."""
    for number, at in enumerate(
        (
            datetime(2026, 3, 8, 3, 59, 59, tzinfo=UTC),
            datetime(2026, 3, 8, 4, 0, 0, tzinfo=UTC),
            datetime(2026, 3, 9, 3, 59, 59, tzinfo=UTC),
            datetime(2026, 3, 9, 4, 0, 0, tzinfo=UTC),
        ),
        start=1,
    ):
        await plant(owner, number, at)
    assert await ids(http, boss, "2026-03-08") == [2, 3]


async def test_fixed_charges_are_drawn_from_the_wallet(http, boss, house, owner) -> None:
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    await plant(owner, 1, at, kind="fixed", sums=("2.5", "0", 0), account=house.accounts[0])
    await plant(owner, 2, at, kind="reversal", sums=("-10", "-1.25", -2500))
    first, second = await told(http, boss, "2026-03-01")
    assert first["transaction"]["type"] == "wallet"
    assert first["customer"]["serial_number"] == "unassigned"
    assert second["customer"] == {
        "account": "unassigned", "contract": "unassigned", "name": "",
        "serial_number": "unassigned",
    }  # fmt: skip
    sums = {name: second["transaction"][name] for name in ("amount", "arrears_payment", "kwh")}
    assert sums == {
        "amount": -10, "arrears_payment": Decimal("-1.25"), "kwh": Decimal("-2.5"),
    }  # fmt: skip


async def test_head_says_the_length_and_no_more(http, boss, portal) -> None:
    query = {"portal": "example", "end_date": "2026-03-01"}
    headers = token_header(boss)
    answer = await http.head("/transactions/dump", params=query, headers=headers)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(b'{"error":0,"data":[]}'))


async def test_many_rows_arrive_whole(http, boss, portal, owner, clock: FrozenClock) -> None:
    """More than one chunk of the file, and more than one page of the cursor."""
    await owner.execute(
        """
        insert into ledger.entry (
            portal_id, entry_id, kind, event_at, recorded_at, month, login, vendor_number,
            amount, arrears_amount, energy_wh, tender_number, tender_name, note
        )
        select
            p.portal_id, n, 'wallet', $1, $1, '2026-03-01', 'auto', '', n / 100.0, 0, n, 0, '', ''
        from access.portal as p cross join generate_series(1, 9000) as n
        """,
        clock.now(),
    )
    answer = await dump(http, boss, "2026-03-02")
    assert answer.headers["content-length"] == str(len(answer.content))
    assert len(answer.content) > 2 * 1024 * 1024
    rows = exact(answer)["data"]
    assert [row["transaction"]["id"] for row in rows] == list(range(1, 9001))
    assert sum(row["transaction"]["kwh"] for row in rows) * 1000 == sum(range(1, 9001))


async def test_other_portals_are_not_told(http, door, boss, owner, portal) -> None:
    await plant(owner, 1, datetime(2026, 3, 1, 12, tzinfo=UTC))
    made = CreatePortal("other", "Other", "America/New_York", "USD", "CEC")
    await door.act(create_portal, made, OPERATOR)
    there = await make_user(door, "other", "there", "SysAdmin")
    answer = await dump(http, there, "2026-03-01", portal="other")
    assert exact(answer) == {"error": 0, "data": []}
    assert (await dump(http, there, "2026-03-01")).status_code == 403


@pytest.mark.parametrize(
    "end_date", ["", "today", "2026-02-30", "2026-03-01T12:00:00", "0001-01-01", "9999-12-31"]
)
async def test_an_end_date_that_is_none(http, boss, end_date: str) -> None:
    answer = await dump(http, boss, end_date)
    assert (answer.status_code, answer.json()["error"]) == (406, 201)
    assert "end_date" in answer.json()["error_message"]


async def test_permission_and_credentials(http, door, boss) -> None:
    seller = await make_user(door, "example", "seller", "VENDOR")
    answer = await dump(http, seller, "2026-03-01")
    assert (answer.status_code, answer.json()["error"]) == (403, 101)
    answer = await http.get("/transactions/dump", params={"portal": "example", "end_date": "x"})
    assert (answer.status_code, answer.json()["error"]) == (401, 100)
