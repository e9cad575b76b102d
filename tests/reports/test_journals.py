"""The month's journals: whole, in balance, each entry in one month; and months as they close."""

import asyncio
import csv
import io
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import make_user, token_header
from tests.houses import small_house
from tests.ledger.conftest import transfer
from tests.ledger.test_exports import BEAN_CHECK, bean_check, sums
from tests.receivables.arrears import issue
from tests.waiting import until_waiting

from currant.access.verbs import Nothing
from currant.errors import Conflict, Invalid
from currant.ledger.exports import Books, Format, exported
from currant.ledger.model import (
    BalancesOf,
    ChartAccount,
    ChartAccountTaken,
    ChartClassUnknown,
    ChartNumberShape,
    CloseMonth,
    EnergyCountedApart,
    NoSuchChartAccount,
    NotLastClosed,
    RenameChartAccount,
    ReopenMonth,
)
from currant.ledger.verbs import (
    add_chart_account,
    chart_of_accounts,
    periods,
    rename_chart_account,
    reopen_month,
    trial_balance,
)
from currant.locations.model import NoSuchBuilding
from currant.receivables.model import WriteOff, WriteOffItem
from currant.receivables.verbs import write_off
from currant.reports.model import JournalsWanted, LeftOpen
from currant.reports.verbs import close_books, journal_summary, journal_totals, journals
from currant.vending.model import Vend
from currant.vending.verbs import vend

MARCH = JournalsWanted(date(2026, 3, 1), date(2026, 3, 1))
YEAR = JournalsWanted(date(2026, 1, 1), date(2026, 12, 1))


async def told(door, actor, wanted=MARCH):
    async with door.asking(journals, actor) as tx:
        return [line async for line in journals(tx, wanted)]


async def new_building(owner, code="TWR01") -> int:
    return await owner.fetchval(
        "insert into locations.building (portal_id, building_code, name, created_at, last_mod) "
        "select portal_id, $1, 'Tower One', now(), now() from access.portal returning building_id",
        code,
    )


async def test_an_invoice_is_told_by_its_lines(door, boss, clerk, book, owner) -> None:
    house = await small_house(door, boss)
    account_id = await owner.fetchval("select account_id from customers.account")
    building_id = await new_building(owner)
    invoice = [
        ("1102", "USD", "134.70"), ("4005", "USD", "-88.35"), ("4900", "USD", "-34.10"),
        ("2200", "USD", "-12.25"), ("U300", "Wh", 5000), ("U100", "Wh", -5000),
    ]  # fmt: skip
    (entry_id,) = await book(
        invoice, kind="invoice", note="", document_ref="900123", account_id=account_id,
        building_id=building_id,
    )  # fmt: skip
    await book(transfer(1), kind="receipt", note="over the counter")
    lines = await told(door, clerk, JournalsWanted(MARCH.first, MARCH.last, "twr01"))
    assert [(line.gl_code, line.debit, line.credit) for line in lines] == [
        ("1102", Decimal("134.70"), 0), ("4005", 0, Decimal("88.35")),
        ("4900", 0, Decimal("34.10")), ("2200", 0, Decimal("12.25")),
    ]  # fmt: skip
    first = lines[0]
    assert (first.journal_id, first.journal_date) == (entry_id, date(2026, 3, 2))
    assert (first.accounting_period, first.source) == ("202603", "INVOICE")
    assert (first.account_number, first.building_code) == (house.accounts[0], "TWR01")
    assert (first.narration, first.document_ref) == ("Invoice 900123", "900123")
    assert (first.gl_description, first.currency) == ("Post-paid receivable", "USD")
    every = await told(door, clerk)
    assert [line.narration for line in every[4:]] == ["over the counter"] * 2
    assert every[5].account_number is None
    assert [line.line_no for line in every] == [1, 2, 3, 4, 1, 2]
    assert (
        await told(door, clerk, JournalsWanted(MARCH.first, MARCH.last, None, 2, 1)) == every[1:3]
    )
    with pytest.raises(NoSuchBuilding, match="'TWR02'"):
        await told(door, clerk, JournalsWanted(MARCH.first, MARCH.last, "TWR02"))
    with pytest.raises(Invalid, match="2026-12 comes after 2026-01"):
        await told(door, clerk, JournalsWanted(YEAR.last, YEAR.first))
    summary = await door.ask(journal_summary, MARCH, clerk)
    assert (summary.total_debit, summary.total_credit) == (Decimal("135.70"), Decimal("135.70"))
    assert (summary.line_count, summary.closed) == (6, False)
    totals = await door.ask(journal_totals, MARCH, clerk)
    assert [(row.gl_code, row.debit, row.credit) for row in totals[:2]] == [
        ("1000", 1, 0), ("1102", Decimal("134.70"), 0),
    ]  # fmt: skip
    blocked = await make_user(door, "example", "blocked", "Accounting", blocked_accounts="*")
    assert {line.account_number for line in await told(door, blocked)} == {None}
    assert len(await told(door, blocked)) == 6


async def test_sources_are_named_by_what_was_done(door, boss, clerk) -> None:
    house = await small_house(door, boss, wallet="currency")
    (item,) = await issue(door, boss, f"{house.accounts[0]},,20,,")
    await door.act(vend, Vend(house.accounts[0], "cash", Decimal(5)), boss, "k1")
    await door.act(write_off, WriteOff([WriteOffItem(item)], "gone"), boss)
    found = {line.source for line in await told(door, clerk)}
    assert found == {"ARREARS", "VEND", "WRITEOFF"}


INSTANTS = st.integers(6, 364 * 24).map(
    lambda hours: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
)
COAS = st.sampled_from(["1000", "1102", "2200", "4005", "5100", "9100"])
CENTS = st.integers(-10_000_000, 10_000_000).map(lambda n: Decimal(n) / 1000)
TYPED = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    entries=st.lists(st.tuples(INSTANTS, COAS, COAS, CENTS, TYPED, st.booleans()), max_size=6),
)
async def test_months_partition_the_books(
    door, clerk, book, clock, owner, tmp_path_factory, entries
) -> None:
    """Each line is in one month's journals, each month balances, and all are the trial balance."""
    clock.set(datetime(2026, 1, 1, 6, tzinfo=UTC))
    await owner.execute("delete from ledger.period")
    for at, debit, credit, amount, note, closes in sorted(entries, key=lambda entry: entry[0]):
        clock.set(max(at, clock.now()))
        lines = [*transfer(amount, debit, credit), ("U300", "Wh", 7), ("U100", "Wh", -7)]
        await book(lines, note=note, kind="invoice")
        month = clock.now().date().replace(day=1) - timedelta(days=1)
        if closes and month.year == 2026:
            with suppress(Conflict):
                await door.act(close_books, CloseMonth(month), clerk)
    clock.set(datetime(2027, 1, 2, tzinfo=UTC))
    every = await told(door, clerk, YEAR)
    months = []
    for number in range(1, 13):
        month = JournalsWanted(date(2026, number, 1), date(2026, number, 1))
        lines = await told(door, clerk, month)
        assert {(line.journal_date.year, line.journal_date.month) for line in lines} <= {
            (2026, number)
        }
        summary = await door.ask(journal_summary, month, clerk)
        assert summary.total_debit == summary.total_credit
        assert summary.total_debit == sum(line.debit for line in lines)
        assert summary.line_count == len(lines)
        months += lines
    assert months == every
    balances = await door.ask(trial_balance, BalancesOf(), clerk)
    assert sums((line.gl_code, line.debit - line.credit) for line in every) == {
        row.coa: row.debit - row.credit
        for row in balances
        if row.commodity == "USD" and row.debit != row.credit
    }
    chart = await door.ask(chart_of_accounts, Nothing(), clerk)
    books = Books("Example", date(2026, 1, 1), "USD", chart)
    async with door.asking(journals, clerk) as tx:
        lines = journals(tx, YEAR)
        blocks = [block async for block in exported(Format.BEANCOUNT, books, lines)]
    bean_check(b"".join(blocks).decode(), tmp_path_factory.mktemp("beans"))


async def test_a_month_is_closed_with_what_was_left_open(door, boss, clerk, book, clock) -> None:
    house = await small_house(door, boss)
    await door.act(vend, Vend(house.accounts[0], "cash", Decimal(5)), boss, "k1")
    clock.set(datetime(2026, 4, 2, tzinfo=UTC))
    closed = await door.act(close_books, CloseMonth(date(2026, 3, 5)), clerk)
    assert closed.left_open == [LeftOpen("cashier batches not closed", 1)]
    assert (closed.month, closed.closed_at, closed.closed_by) == (
        date(2026, 3, 1), clock.now(), "clerk",
    )  # fmt: skip
    assert (await door.ask(journal_summary, MARCH, clerk)).closed is True
    both = JournalsWanted(date(2026, 3, 1), date(2026, 4, 1))
    assert (await door.ask(journal_summary, both, clerk)).closed is False


async def test_the_last_closed_month_is_opened_again(door, clerk, book, clock, owner) -> None:
    for month in (1, 2, 3):
        clock.set(datetime(2026, month, 15, tzinfo=UTC))
        await book(transfer(month))
    clock.set(datetime(2026, 4, 2, tzinfo=UTC))
    for month in (1, 2):
        await door.act(close_books, CloseMonth(date(2026, month, 1)), clerk)
    for month in (1, 3):
        with pytest.raises(NotLastClosed, match=f"That is 2026-02; asked for was 2026-0{month}"):
            await door.act(reopen_month, ReopenMonth(date(2026, month, 1), "why"), clerk)
    with pytest.raises(Invalid, match="Say why"):
        await door.act(reopen_month, ReopenMonth(date(2026, 2, 1), " "), clerk)
    for month in (2, 1):
        opened = await door.act(reopen_month, ReopenMonth(date(2026, month, 9), "late"), clerk)
        assert (opened.month, opened.closed_at) == (date(2026, month, 1), None)
    with pytest.raises(NotLastClosed, match="None is closed"):
        await door.act(reopen_month, ReopenMonth(date(2026, 1, 1), "why"), clerk)
    rows = await door.ask(periods, Nothing(), clerk)
    assert [row.month.month for row in rows] == [4, 3, 2, 1]
    assert await owner.fetchval(
        "select count(*) from access.audit_event where act = 'reopen_month' and outcome = 'done'"
        " and command::text like '%late%'"
    ) == 2  # fmt: skip


async def test_who_closes_a_month_waits_for_who_posts_in_it(
    door, clerk, book, clock, owner, urls
) -> None:
    """An entry that is on its way is in the month before it is closed, or is refused."""
    await book(transfer(1))
    clock.set(datetime(2026, 4, 2, tzinfo=UTC))
    poster = await asyncpg.connect(urls.owner)
    entry = (
        "insert into ledger.entry (portal_id, entry_id, kind, event_at, recorded_at, month, login,"
        " vendor_number, amount, arrears_amount, energy_wh, tender_number, tender_name, note)"
        " select portal_id, $1, 'adjust', now(), now(), '2026-03-01', 'x', '', 0, 0, 0, 0, '', ''"
        " from access.portal"
    )
    begun = poster.transaction()
    await begun.start()
    await poster.execute(entry, 10_000)
    closing = asyncio.create_task(door.act(close_books, CloseMonth(date(2026, 3, 1)), clerk))
    await until_waiting(owner)
    assert not closing.done()
    await book(transfer(2))  # Who posts in another month waits for nobody.
    await begun.commit()
    await closing
    with pytest.raises(asyncpg.CheckViolationError, match="is closed"):
        await poster.execute(entry, 10_001)
    await poster.close()


async def test_the_chart_is_added_to_and_renamed(door, clerk, cashier) -> None:
    added = ChartAccount("4920", "Meter tests", "income")
    assert await door.act(add_chart_account, added, clerk) == added
    for wrong, refusal in (
        (added, ChartAccountTaken),
        (ChartAccount("49-20", "x", "income"), ChartNumberShape),
        (ChartAccount("4921", "x", "revenue"), ChartClassUnknown),
        (ChartAccount("4921", "x", "energy"), EnergyCountedApart),
        (ChartAccount("U921", "x", "income"), EnergyCountedApart),
    ):
        with pytest.raises(refusal):
            await door.act(add_chart_account, wrong, clerk)
    renamed = await door.act(rename_chart_account, RenameChartAccount("4920", "Tests"), clerk)
    assert renamed == ChartAccount("4920", "Tests", "income")
    assert renamed in await door.ask(chart_of_accounts, Nothing(), clerk)
    with pytest.raises(NoSuchChartAccount, match="'4999'"):
        await door.act(rename_chart_account, RenameChartAccount("4999", "Tests"), clerk)


async def test_journals_over_http(http, door, boss, clerk, book, clock, tmp_path) -> None:
    head = token_header(clerk)
    assert BEAN_CHECK.exists()
    for n in range(1, 4):
        await book(transfer(n), note=f"=1+{n}")
    path = "/v1/example/ledger"
    listed = await http.get(f"{path}/journals?period=2026-03", headers=head)
    assert listed.json()["summary"] == {
        "total_debit": 6, "total_credit": 6, "line_count": 6, "closed": False,
    }  # fmt: skip
    assert len(listed.json()["data"]) == 6
    page = await http.get(f"{path}/journals?period=202603&limit=2&offset=3", headers=head)
    assert page.json()["data"] == listed.json()["data"][3:5]
    empty = await http.get(f"{path}/journals?period=2026-02", headers=head)
    assert (empty.json()["data"], empty.json()["summary"]["line_count"]) == ([], 0)
    totals = await http.get(f"{path}/journals/totals?period=2026-01&to=2026-12", headers=head)
    assert [row["gl_code"] for row in totals.json()["data"]] == ["1000", "2100"]
    for form in Format:
        told = await http.get(f"{path}/journals/export?period=2026-03&format={form}", headers=head)
        assert told.status_code == 200
        assert told.headers["content-type"].startswith("text/")
        assert 'filename="journals-2026-03.' in told.headers["content-disposition"]
        if form is Format.BEANCOUNT:
            bean_check(told.text, tmp_path)
        if form is Format.CSV:
            rows = list(csv.DictReader(io.StringIO(told.text, newline="")))
            assert rows[0]["narration"] == "'=1+1"
    for query in ("", "?period=2026-13", "?period=2026-03&to=2026-02", "?period=2026-03&limit=0"):
        assert (await http.get(f"{path}/journals{query}", headers=head)).status_code == 422
    wrong = await http.get(f"{path}/journals/export?period=2026-03&format=xls", headers=head)
    assert (wrong.status_code, wrong.json()["field"]) == (422, "format")
    unknown = await http.get(f"{path}/journals?period=2026-03&building_code=X", headers=head)
    assert unknown.status_code == 404
    early = await http.post(f"{path}/periods/2026-03/close", headers=head)
    assert (early.status_code, early.json()["detail"].count("it is not over")) == (409, 1)
    clock.set(datetime(2026, 4, 2, tzinfo=UTC))
    done = await http.post(f"{path}/periods/2026-03/close", headers=head)
    assert (done.json()["month"], done.json()["left_open"]) == ("2026-03-01", [])
    months = (await http.get(f"{path}/periods", headers=head)).json()["data"]
    assert [(row["month"], row["closed_by"]) for row in months] == [
        ("2026-04-01", None), ("2026-03-01", "clerk"),
    ]  # fmt: skip
    again = await http.post(
        f"{path}/periods/2026-03/reopen", json={"note": "an invoice was late"}, headers=head
    )
    assert again.json() == {"month": "2026-03-01", "closed_at": None, "closed_by": None}
    added = {"coa": "4920", "name": "Meter tests", "category": "income"}
    made = await http.post(f"{path}/accounts", json=added, headers=head)
    assert (made.status_code, made.json()) == (201, added)
    named = await http.post(f"{path}/accounts/4920/rename", json={"name": "T"}, headers=head)
    assert named.json()["name"] == "T"
    chart = (await http.get(f"{path}/accounts", headers=head)).json()["data"]
    assert added | {"name": "T"} in chart
