"""J13, J14, J16 and J17 over real HTTP: the document's own examples, and what they leave out."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from tests.conftest import make_user, token_header
from tests.documented import example
from tests.houses import House, customer, imported, keys_of, meter, small_house
from tests.shared import shared_urls, urls  # noqa: F401

from currant.access.model import Actor
from currant.clock import FrozenClock
from currant.door import Door
from currant.vending.model import Vend
from currant.vending.verbs import vend

HEADER = "account,startdate,amount,paid,payplan"


def exact(answer: httpx.Response) -> Any:
    return json.loads(answer.content, parse_float=Decimal)


async def adjust(
    http: httpx.AsyncClient, actor: Actor, what: str, *records: str, **more: str
) -> httpx.Response:
    """POST a file as curl --data-binary does; `what` is such as units/fund."""
    headers = token_header(actor) | {"content-type": "application/x-www-form-urlencoded"}
    if "key" in more:
        headers["idempotency-key"] = more.pop("key")
    return await http.post(
        f"/file-importer/balance-adj/{what}",
        params={"portal": "example"} | more,
        content="\n".join([HEADER, *records]),
        headers=headers,
    )


async def funded(http: httpx.AsyncClient, actor: Actor, kind: str, account: str, much: str) -> None:
    answer = await adjust(http, actor, f"{kind}/fund", f"{account},,{much},,")
    assert answer.status_code == 200, answer.text


async def value(http: httpx.AsyncClient, actor: Actor, which: str = "value", **query: str) -> Any:
    return await http.get(
        f"/customers/wallet/get-{which}",
        params={"portal": "example"} | query,
        headers=token_header(actor),
    )


async def held(owner: Any, account: str, kind: str) -> Decimal:
    """What the wallet says, after the books were asked whether they say the same (INV-03)."""
    row = await owner.fetchrow(
        """
        select w.balance, coalesce((
            select -sum(p.amount) from ledger.posting as p
            where p.account_id = a.account_id
                and p.coa = case w.kind when 'units' then 'U100' else '2100' end
        ), 0) as booked
        from prepayment.wallet as w inner join customers.account as a using (account_id)
        where a.account = $1 and w.kind = $2
        """,
        account,
        kind,
    )
    assert row["balance"] == row["booked"]
    assert await owner.fetch("select * from ledger.faults()") == []
    return row["balance"]


@pytest.fixture
async def units(door: Door, boss: Actor) -> House:
    """Two accounts with unit wallets, at 0.30 a kWh."""
    return await small_house(door, boss, homes=2)


@pytest.fixture
async def money(door: Door, boss: Actor) -> AsyncIterator[House]:
    """Two accounts with currency wallets."""
    return await small_house(door, boss, homes=2, first=11, wallet="currency", tariff="CUR")


async def refused(answer: httpx.Response, status: int, *told: str, code: int = 201) -> None:
    body = answer.json()
    assert (answer.status_code, body["error"]) == (status, code), answer.text
    for part in told:
        assert part in body["error_message"], body["error_message"]


# The document's examples


@pytest.mark.parametrize("kind", ["units", "currency"])
@pytest.mark.parametrize("variant", ["", "_php"])
async def test_examples_of_adjustments(http, door, boss, owner, kind: str, variant: str) -> None:
    told = example(f"balance_adj_{kind}_fund{variant}")
    house = await small_house(door, boss, wallet=kind)
    await owner.execute("update customers.account set account = '03284'")
    assert house.accounts
    answer = await http.post(
        told["path"],
        params=told["query"],
        content=told["body"],
        headers=token_header(boss) | {"content-type": told["content_type"]},
    )
    assert (answer.status_code, answer.json()) == (200, told["expect_body"])
    warned = "csv-header-repaired" if variant else None
    assert answer.headers.get("x-juice-warning") == warned
    assert await held(owner, "03284", kind) == (10_000 if kind == "units" else 10)


async def plant_wallets(door: Door, boss: Actor, http: httpx.AsyncClient, owner: Any) -> None:
    """Plant F-WALLET: three accounts, one with two meters."""
    await small_house(door, boss, tariff="DEAR", rate="0.3")
    await small_house(door, boss, first=2, tariff="CHEAP", rate="0.084")
    await small_house(door, boss, first=3, tariff="CASH", wallet="currency")
    await imported(
        door, boss, "meters", meter("AMI1234", tariff="CHEAP", contract="C2", locname="H2")
    )
    for before, account, serial in (
        ("C1", "03280", "1234abcde"),
        ("C2", "03283", "58027013"),
        ("C3", "03284", "14155008478"),
    ):
        await owner.execute(
            "update customers.account set account = $2 where contract = $1", before, account
        )
        await owner.execute(
            "update metering.meter set serial_number = $2 where serial_number = $1",
            before.replace("C", "M"),
            serial,
        )
    await funded(http, boss, "units", "03280", "0.58")
    await funded(http, boss, "units", "03283", "238.78")
    await funded(http, boss, "currency", "03284", "30")


async def test_examples_of_values(http, door, boss, owner) -> None:
    await plant_wallets(door, boss, http, owner)
    for name in ("get_value_units", "get_value_currency", "get_values", "get_value_multi"):
        told = example(f"wallet_{name}")
        for query in (told["raw_query"], told["raw_query"].replace("|", "%7C")):
            answer = await http.get(f"{told['path']}?{query}", headers=token_header(boss))
            body, expected = exact(answer), told["expect_body"]
            if isinstance(expected["data"], list):
                asked = told["query"]["account"].split("|")
                assert [row["account"] for row in body["data"]] == asked
                expected["data"].sort(key=lambda row: row["account"])
            assert (answer.status_code, body) == (200, expected)


# J13 and J14


async def test_units_are_posted_as_issued_and_debited(http, boss, units, owner) -> None:
    """Posting rules L5 and L6."""
    one, two = units.accounts
    answer = await adjust(http, boss, "units/fund", f"{one},,1.234,,", f"{two},,2,,", f"{one},,1,,")
    assert answer.json() == {"error": 0, "data": {"imported": 3}}
    answer = await adjust(http, boss, "units/debit", f"{one},,0.234,,")
    assert answer.json() == {"error": 0, "data": {"imported": 1}}
    assert await held(owner, one, "units") == 2000
    assert await held(owner, two, "units") == 2000
    rows = await owner.fetch(
        """
        select e.kind, e.amount, e.energy_wh, e.login, p.coa, p.commodity, p.amount as posted,
            p.account_id is not null as tagged
        from ledger.entry as e inner join ledger.posting as p using (entry_id)
        order by e.entry_id, p.line
        """
    )
    assert [tuple(row) for row in rows][:2] == [
        ("fund", 0, 1234, "boss", "U200", "Wh", 1234, True),
        ("fund", 0, 1234, "boss", "U100", "Wh", -1234, True),
    ]
    assert [tuple(row) for row in rows][6:] == [
        ("debit", 0, 234, "boss", "U100", "Wh", 234, True),
        ("debit", 0, 234, "boss", "U500", "Wh", -234, True),
    ]


async def test_money_is_posted_as_goodwill_and_back(http, boss, money, owner) -> None:
    """Posting rules L3 and L4."""
    one = money.accounts[0]
    await funded(http, boss, "currency", one, "10.25")
    answer = await adjust(http, boss, "currency/debit", f"{one},,10.25,,")
    assert answer.json()["data"] == {"imported": 1}
    assert await held(owner, one, "currency") == 0
    rows = await owner.fetch(
        """
        select e.kind, e.amount, e.energy_wh, p.coa, p.amount as posted,
            p.account_id is not null as tagged
        from ledger.entry as e inner join ledger.posting as p using (entry_id)
        order by e.entry_id, p.line
        """
    )
    ten = Decimal("10.25")
    assert [tuple(row) for row in rows] == [
        ("fund", ten, 0, "5100", ten, False),
        ("fund", ten, 0, "2100", -ten, True),
        ("debit", ten, 0, "2100", ten, True),
        ("debit", ten, 0, "5100", -ten, False),
    ]


async def test_the_other_columns_are_ignored(http, boss, units, owner) -> None:
    answer = await adjust(http, boss, "units/fund", f"{units.accounts[0]},never,1,-?,half")
    assert answer.status_code == 200, answer.text
    assert await held(owner, units.accounts[0], "units") == 1000


async def test_foreign_keys_name_accounts_only_where_asked(http, boss, units, owner) -> None:
    await refused(
        await adjust(http, boss, "units/fund", "C1,,1,,"), 404, "record 1, account", "'C1'"
    )
    record = f"{units.accounts[0]},,2,,"
    answer = await adjust(http, boss, "units/fund", "C1,,1,,", record, foreignkeys="true")
    assert answer.json()["data"] == {"imported": 2}
    assert await held(owner, units.accounts[0], "units") == 3000
    assert await held(owner, units.accounts[1], "units") == 0


@pytest.mark.parametrize(
    ("kind", "amount"),
    [
        ("units", "+1"), ("units", "-1"), ("units", ""), ("units", "0"), ("units", "0.000"),
        ("units", "1.2345"), ("units", "$1"), ("units", "1e3"), ("units", "9999999999"),
        ("currency", "+1"), ("currency", "-1"), ("currency", "1.234"), ("currency", "0"),
    ],
)  # fmt: skip
async def test_amounts_have_no_sign_and_few_decimals(http, boss, owner, kind, amount) -> None:
    await refused(
        await adjust(http, boss, f"{kind}/fund", "00001,,1,,", f"00001,,{amount},,"),
        406,
        "record 2, amount",
        "Nothing was stored",
    )


async def test_a_bad_record_refuses_the_file_and_every_bad_one_is_named(
    http, boss, units, owner
) -> None:
    one = units.accounts[0]
    records = [f"{one},,1,,", f"{one},,-1,,", ",,1,,", f"{one},,x,,"]
    await refused(
        await adjust(http, boss, "units/fund", *records),
        406, "record 2, amount", "record 3, account", "record 4, amount",
    )  # fmt: skip
    await refused(
        await adjust(http, boss, "units/fund", f"{one},,1,,", "77777,,1,,", "C1,,1,,"),
        404, "record 2, account", "record 3, account",
    )  # fmt: skip
    await refused(
        await adjust(http, boss, "currency/fund", f"{one},,1,,"),
        406, f"record 1, account: {one} has no currency wallet",
    )  # fmt: skip
    await refused(await adjust(http, boss, "units/fund", f"{one},,1"), 400, "record 1")
    assert await held(owner, one, "units") == 0
    assert await owner.fetchval("select count(*) from ledger.entry") == 0


async def test_debits_of_a_file_count_together(http, boss, units, owner) -> None:
    one, two = units.accounts
    await funded(http, boss, "units", one, "5")
    answer = await adjust(
        http, boss, "units/debit", f"{one},,3,,", f"{two},,0.001,,", f"{one},,2.001,,"
    )
    await refused(answer, 406, "record 2, amount", "record 3, amount", "holds 2.000 kWh")
    assert await held(owner, one, "units") == 5000
    answer = await adjust(http, boss, "units/debit", f"{one},,3,,", f"{one},,2,,")
    assert answer.json()["data"] == {"imported": 2}
    assert await held(owner, one, "units") == 0


async def test_an_unknown_way_is_no_endpoint(http, boss) -> None:
    await refused(await adjust(http, boss, "units/gift"), 404, code=200)
    await refused(await adjust(http, boss, "currency/FUND"), 404, code=200)


async def test_permission_and_credentials(http, door, boss, units) -> None:
    viewer = await make_user(door, "example", "viewer", "CSR")
    record = f"{units.accounts[0]},,1,,"
    await refused(await adjust(http, viewer, "units/fund", record), 403, code=101)
    answer = await http.post("/file-importer/balance-adj/units/fund", params={"portal": "example"})
    await refused(answer, 401, code=100)
    await refused(await adjust(http, boss, "units/fund", record, portal="elsewhere"), 403, code=101)


async def test_blocked_accounts_are_refused_by_record(http, door, units, owner) -> None:
    one, two = units.accounts
    barred = await make_user(door, "example", "barred", "SysAdmin")
    await owner.execute(
        "update access.system_user set blocked_accounts = $1 where login = 'barred'", two
    )
    answer = await adjust(http, barred, "units/fund", f"{one},,1,,", f"{two},,1,,")
    await refused(answer, 403, f"record 2, account: {two} is blocked", code=101)
    answer = await adjust(http, barred, "units/fund", "C2,,1,,", foreignkeys="1")
    await refused(answer, 403, "record 1", code=101)
    assert await held(owner, one, "units") == 0
    await refused(await value(http, barred, "values", account=f"{one}|{two}"), 403, two, code=101)
    await refused(await value(http, barred, account=two, serialnumber="M2"), 403, two, code=101)


async def test_the_special_limit_is_kept_by_record(http, door, units, money, owner) -> None:
    """Units are worth `est_amt`: 3.366 kWh at 0.30 are $1.0098, cut to $1.00; 3.367 are $1.01."""
    small = await make_user(door, "example", "small", "SysAdmin", special_limit=100)
    one, cash = units.accounts[0], money.accounts[0]
    assert (await adjust(http, small, "currency/fund", *[f"{cash},,1,,"] * 3)).status_code == 200
    answer = await adjust(http, small, "currency/fund", f"{cash},,1.00,,", f"{cash},,1.01,,")
    await refused(answer, 403, "record 2, amount", "$1.00", code=101)
    assert (await adjust(http, small, "units/fund", f"{one},,3.366,,")).status_code == 200
    answer = await adjust(http, small, "units/fund", f"{one},,3.366,,", f"{one},,3.367,,")
    await refused(answer, 403, "record 2, amount", "$1.01", code=101)
    await owner.execute("delete from tariffs.assignment")
    answer = await adjust(http, small, "units/fund", f"{one},,0.001,,")
    await refused(answer, 403, "record 1, amount", "unknown", code=101)


async def test_a_repeated_request_with_a_key_is_done_once(http, boss, units, owner) -> None:
    record = f"{units.accounts[0]},,1,,"
    for _ in range(2):
        answer = await adjust(http, boss, "units/fund", record, key="once")
        assert answer.json()["data"] == {"imported": 1}
    assert await held(owner, units.accounts[0], "units") == 1000


async def test_concurrent_debits_stop_at_nothing(http, boss, units, owner) -> None:
    one, two = units.accounts
    await adjust(http, boss, "units/fund", f"{one},,20,,", f"{two},,20,,")
    answers = await asyncio.gather(
        *(
            adjust(
                http, boss, "units/debit",
                *(f"{account},,1,," for account in ((one, two) if n % 2 else (two, one))),
            )
            for n in range(40)
        )
    )  # fmt: skip
    assert sorted(answer.status_code for answer in answers) == [200] * 20 + [406] * 20
    assert await held(owner, one, "units") == 0
    assert await held(owner, two, "units") == 0


# J16 and J17


async def test_a_wallet_belongs_to_the_account_and_each_meter_shows_it(
    http, door, boss, units, owner
) -> None:
    one = units.accounts[0]
    await imported(door, boss, "meters", meter("X1", tariff="SBT", contract="C1", locname="H1"))
    await funded(http, boss, "units", one, "0.995")
    shown = exact(await value(http, boss, "values", account=one))["data"]
    wallet = {"unit_balance": 1, "units": "kWh", "est_amt": "$0.29"}
    assert shown == [{"account": one, "meter": {"M1": wallet, "X1": wallet}}]
    shown = exact(await value(http, boss, account=one, serialnumber="X1"))["data"]
    assert shown == {"account": one, "meter": {"X1": wallet}}


async def test_accounts_are_told_in_the_order_asked_each_once(http, boss, units) -> None:
    one, two = units.accounts
    shown = exact(await value(http, boss, "values", account=f"{two}|{one}|{two}|"))["data"]
    assert [row["account"] for row in shown] == [two, one]
    assert exact(await value(http, boss, account=one))["data"][0]["account"] == one


async def test_an_account_without_a_meter_has_none(http, door, boss) -> None:
    made = await imported(door, boss, "customers", customer("ALONE"))
    (keys,) = keys_of(made)
    shown = exact(await value(http, boss, account=keys.juice_key))["data"]
    assert shown == [{"account": keys.juice_key, "meter": {}}]


async def test_an_end_date_cuts_off_what_was_recorded_later(
    http, door, boss, units, clock: FrozenClock
) -> None:
    """Whole seconds, as timestamps are printed: 17:00:00.4 belongs to 17:00:00 (10.5 vi)."""
    one = units.accounts[0]
    clock.advance(timedelta(milliseconds=400))
    await funded(http, boss, "units", one, "1")
    clock.advance(timedelta(hours=1))
    await funded(http, boss, "units", one, "2")

    async def until(end_date: str) -> Any:
        answer = await value(http, boss, account=one, serialnumber="M1", end_date=end_date)
        assert answer.status_code == 200, answer.text
        return exact(answer)["data"]["meter"]["M1"]["unit_balance"]

    assert await until("2026-03-02T11:59:59-05:00") == 0
    assert await until("2026-03-02T12:00:00-05:00") == 1
    assert await until("2026-03-02T18:59:59 01:00") == 1
    assert await until("2026-03-02T13:00:00-05:00") == 3
    assert await until("2026-03-01") == 0
    assert await until("2026-03-02") == 3
    answer = await value(http, boss, account=one, end_date="2026-03-02T13:00:00Z05:00")
    assert answer.headers["x-juice-warning"] == "nonstandard-offset"
    assert exact(answer)["data"][0]["meter"]["M1"]["unit_balance"] == 3


async def test_units_are_worth_what_the_next_ones_cost(http, door, boss, owner) -> None:
    """The position counts the units sold this month; those issued free leave it alone."""
    house = await small_house(door, boss, rate="0.30")
    tariff_id = await owner.fetchval("select tariff_id from tariffs.tariff")
    await owner.execute(
        """
        insert into tariffs.rate (
            portal_id, tariff_id, tier, valid, rate, usage_base_start, units, service, coa,
            ar_coa, taxable, description, last_mod
        )
        select portal_id, $1, 'B2', valid, 0.10, 50, units, service, coa, ar_coa, taxable, '',
            last_mod
        from tariffs.rate
        """,
        tariff_id,
    )
    await owner.execute("update tariffs.tariff set revision = revision + 1")
    one = house.accounts[0]
    await funded(http, boss, "units", one, "60")
    shown = exact(await value(http, boss, account=one, serialnumber="M1"))["data"]["meter"]["M1"]
    assert shown["est_amt"] == "$16.00"
    await door.act(vend, Vend(one, "cash", Decimal(12)), boss)
    shown = exact(await value(http, boss, account=one, serialnumber="M1"))["data"]["meter"]["M1"]
    assert shown == {"unit_balance": 100, "units": "kWh", "est_amt": "$12.00"}
    limited = await make_user(door, "example", "limited", "SysAdmin", special_limit=1200)
    assert (await adjust(http, limited, "units/fund", f"{one},,100,,")).status_code == 200
    answer = await adjust(http, limited, "units/fund", f"{one},,100.1,,")
    await refused(answer, 403, "record 1, amount", "$12.01", code=101)


async def test_units_without_a_rate_have_no_worth(http, boss, units, owner) -> None:
    await owner.execute("delete from tariffs.assignment")
    shown = exact(await value(http, boss, account=units.accounts[0], serialnumber="M1"))["data"]
    assert shown["meter"]["M1"] == {"unit_balance": 0, "units": "kWh", "est_amt": ""}


async def test_what_is_wrong_with_a_question(http, door, boss, units) -> None:
    one, two = units.accounts
    await refused(await value(http, boss, account=one, serialnumber="M2"), 406, "M2")
    await refused(await value(http, boss, account="77777", serialnumber="M1"), 404, "77777")
    await refused(await value(http, boss, "values", account=f"{one}|77777|{two}"), 404, "77777")
    await refused(await value(http, boss, "values"), 406, "account")
    await refused(await value(http, boss, "values", account="|"), 406, "account")
    many = "|".join(str(number) for number in range(10000, 10201))
    await refused(await value(http, boss, "values", account=many), 406, "200")
    await refused(await value(http, boss, "values", account=many.rpartition("|")[0]), 404, "10000")
    for end_date in ("yesterday", "2026-02-30", "0001-01-01", "9999-12-31T23:59:59Z"):
        answer = await value(http, boss, account=one, end_date=end_date)
        await refused(answer, 406, "end_date")
    nobody = await make_user(door, "example", "nobody", "Engineer")
    await refused(await value(http, nobody, account=one), 403, code=101)
