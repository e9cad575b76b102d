"""The catalogue of reports on a month of a small tower, each row reckoned by hand."""

import csv
import io
import tracemalloc
from base64 import b64decode
from datetime import date
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conformance.juice.examples import parsed
from tests.conftest import make_user, token_header
from tests.postpaid import sound
from tests.reports.scene import at, rows, scene
from tests.towers import Tower

from currant.access.model import CreateKey
from currant.access.verbs import Nothing, create_key, new_token
from currant.customers.model import NoSuchAccount
from currant.door import Door
from currant.errors import Forbidden, Invalid
from currant.invoices.model import CancelInvoice
from currant.invoices.verbs import cancel_invoice
from currant.ledger.model import BalancesOf, CloseMonth
from currant.ledger.verbs import trial_balance
from currant.locations.model import NoSuchBuilding, NoSuchLocation
from currant.reports.catalogue import MOST_MONTHS, REPORTS, columns_of, question_of, row_of
from currant.reports.model import LeftOpen, NoSuchReport, ReportWanted
from currant.reports.telling import as_csv, cell
from currant.reports.verbs import close_books, reports, run_report

# As conformance.md lists them, U13.
COLUMNS = {
    112: "Account Name, Approved, Approved Date, Approved User, Charge Amount, Charge Date, Invoice"
    " Date, Invoice Description, Invoice Number, Invoice Run, Notes, Sales Cust Number, Site Code,"
    " Site Identifier, Site Name, account_number, cust_account_id",
    114: "Network, Site Code, Site Name, Site Identifier, Price Plan Code, Price Plan Description,"
    " Product Type, Site Type, Site Address, Meter Serial, Register, account_number, Account Name,"
    " Billed to Date, Start Date, End Date, Units, Billed Description, Billed Consumption/ Days,"
    " Billed Rate, Billed Amount, GST, Billed Total, Billed Discount, Invoice Number, Invoice Date",
    115: "Ref, account_number, Sales Cust Number, cust_account_id, Account Name, Customer Type,"
    " Product, Site Code, Site Name, Start Date, Previous Balance, Adjustment Total, Receipt Total,"
    " Opening Balance, Invoice Amount, Total Due, GST, Tax Rate, Invoice Date, Posted Date, Due"
    " Date, Paid, Amount Paid, Reversal, Prompt Payment Discount, Paid Promptly, Plan ID",
    116: "Ref, account_number, Sales Cust Number, cust_account_id, Account Name, Product, Site"
    " Code, Site Name, Amount, Posted Date, Receipt Date, Start Date, Customer Type, Batch No,"
    " Batch Type, Batch Name, Reference, Dishonour Type",
    142: "Account Number, Account Name, Site Code, Site Name, Phone Number, Message Content,"
    " Status, Sent Date",
    145: "Account Number, Account Name, Site Code, Site Name, From Address, Recipients, Subject,"
    " Status, Sent Date, Email Amount",
}
JULY = {"START_DATE": "2024-07-01", "END_DATE": "2024-07-31"}
AUGUST = {"START_DATE": "2024-08-01", "END_DATE": "2024-08-31"}
ANY = (112, 114, 115, 116, 142, 145, 901, 902, 903, 904)  # Those that name accounts.
TOWER = {"Site Code": "TWR01", "Site Name": "Tower One"}
RINGO = {"account_number": "03280", "Account Name": "Ringo Starr"}
FIRST = RINGO | TOWER | {"Sales Cust Number": "5003986"}


@pytest.fixture
async def told(door: Door, owner: asyncpg.Connection, clock) -> Tower:
    return await scene(door, owner, clock)


def spanned(report_id: int, **more: str) -> dict[str, str]:
    """Filters that any report takes, and the days that it must have."""
    return (JULY if report_id in (902, 905) else {}) | more


def these(row: dict[str, Any], names: str) -> list[Any]:
    return [row[name] for name in names.split(", ")]


def test_columns_are_those_of_the_field() -> None:
    for report_id, names in COLUMNS.items():
        assert ", ".join(REPORTS[report_id].columns()) == names
    assert set(REPORTS) == {*COLUMNS, *range(901, 907)}
    assert REPORTS[902].columns()[-3:] == ["YYYYMM", "Max Read", "Max Read Date"]


async def test_charges(door, told) -> None:
    given, fee = await rows(door, told.manager, 112, **AUGUST)
    assert fee | FIRST == fee
    names = "Approved, Approved Date, Approved User, Charge Amount, Charge Date, Notes"
    assert these(fee, names) == ["N", None, "", 22, date(2024, 8, 5), "Late"]
    day = date(2024, 8, 6)
    assert these(given, names) == ["Y", day, "boss", -11, date(2024, 8, 4), ""]
    assert (fee["Invoice Description"], fee["Invoice Number"]) == ("Administration fee", "")
    assert await rows(door, told.manager, 112, END_DATE="2024-08-04") == [given]
    approved = {"TRANS_DATE": "n", "START_DATE": "2024-08-06", "END_DATE": "2024-08-06"}
    assert await rows(door, told.manager, 112, **approved) == [given]
    late = approved | {"START_DATE": "2024-08-07", "END_DATE": ""}
    assert await rows(door, told.manager, 112, **late) == []


async def test_billed_consumption(door, told, clock) -> None:
    usage, supply, *others = await rows(door, told.manager, 114, **AUGUST)
    assert usage | RINGO | TOWER == usage
    what = "Meter Serial, Register, Units, Billed Description, Billed Consumption/ Days"
    money = "Billed Rate, Billed Amount, GST, Billed Total, Billed Discount"
    assert these(usage, what) == ["1234abcde", 1, "kWh", "Anytime", 310]
    assert these(usage, money) == [
        Decimal("0.285"), Decimal("88.35"), Decimal("8.84"), Decimal("97.19"), 0,
    ]  # fmt: skip
    assert these(supply, what) == ["1234abcde", None, "day", "Daily supply", 31]
    assert these(supply, money) == [
        Decimal("1.1"), Decimal("34.10"), Decimal("3.41"), Decimal("37.51"), 0,
    ]  # fmt: skip
    assert these(usage, "Start Date, End Date, Billed to Date, Invoice Number, Invoice Date") == [
        date(2024, 7, 1), date(2024, 7, 31), date(2024, 7, 31), "900123", date(2024, 8, 1),
    ]  # fmt: skip
    assert these(usage, "Price Plan Code, Price Plan Description, Site Type, Site Address") == [
        "RES-FLAT", "Residential flat", "RESIDENTIAL", "1 Tower St, Sydney, NSW 2000",
    ]  # fmt: skip
    assert [row["Billed Total"] for row in others] == [Decimal("31.35"), Decimal("37.51")]
    await door.act(cancel_invoice, CancelInvoice("900123", "Misread"), told.manager)
    again = await rows(door, told.manager, 114, ACCOUNT="03280")
    assert [row["Billed Total"] for row in again] == [
        Decimal("97.19"), Decimal("37.51"), Decimal("-97.19"), Decimal("-37.51"),
    ]  # fmt: skip
    assert {row["Billed to Date"] for row in again} == {date(2024, 6, 30)}
    assert [row["Meter Serial"] for row in again] == ["1234abcde"] * 4


async def test_audit_of_invoices(door, told) -> None:
    first, second = await rows(door, told.manager, 115, **AUGUST)
    assert first | FIRST == first
    assert these(first, "Ref, Product, Start Date, Plan ID, Customer Type, cust_account_id") == [
        "900123", "ELECTRICITY", date(2024, 6, 21), "RES-FLAT", "RESIDENT",
        told.units[0].agreement_id,
    ]  # fmt: skip
    money = "Opening Balance, Invoice Amount, Total Due, GST, Tax Rate, Amount Paid"
    assert these(first, money) == [
        0, Decimal("134.70"), Decimal("134.70"), Decimal("12.25"), Decimal("0.1"), 111,
    ]  # fmt: skip
    days = "Invoice Date, Posted Date, Due Date"
    assert these(first, days) == [date(2024, 8, 1), date(2024, 8, 1), date(2024, 8, 15)]
    prompt = "Paid, Paid Promptly, Prompt Payment Discount, Reversal"
    assert these(first, prompt) == ["N", "N", Decimal("2.69"), ""]  # 2 % of 134.70
    assert these(second, prompt) == ["Y", "Y", 0, ""]
    assert await rows(door, told.manager, 115, **JULY) == []
    await door.act(cancel_invoice, CancelInvoice("900123", "Misread"), told.manager)
    *_, note = await rows(door, told.manager, 115, TRANS_DATE="N", START_DATE="2024-08-15")
    assert these(note, "Ref, Reversal, Invoice Amount, Previous Balance, Paid Promptly") == [
        "900125", "900123", Decimal("-134.70"), Decimal("134.70"), "N",
    ]  # fmt: skip


async def test_what_is_paid_late_is_not_paid_promptly(door, told, owner) -> None:
    await owner.execute("alter table invoices.invoice disable trigger guard_posted")
    await owner.execute("update invoices.invoice set due_on = '2024-08-09' where number = '900124'")
    row = (await rows(door, told.manager, 115, ACCOUNT="03281"))[0]
    await owner.execute("alter table invoices.invoice enable trigger guard_posted")
    assert these(row, "Paid, Paid Promptly") == ["Y", "N"]


async def test_audit_of_receipts(door, told) -> None:
    found = await rows(door, told.manager, 116, **AUGUST)
    assert [these(row, "account_number, Amount, Reference, Dishonour Type") for row in found] == [
        ["03281", Decimal("68.86"), "EFT 1", ""], ["03280", 100, "BPAY 881", ""],
        ["999999", 5, "?", ""], ["03280", 7, "CHQ 9", "NO FUNDS"],
    ]  # fmt: skip
    bpay, lost = found[1:3]
    assert bpay | FIRST == bpay
    assert these(bpay, "Product, Posted Date, Receipt Date, Start Date, Batch Type") == [
        "ELECTRICITY", date(2024, 8, 12), date(2024, 8, 12), date(2024, 6, 21), "DIRECT",
    ]  # fmt: skip
    assert these(lost, "Account Name, Site Code, cust_account_id") == ["Suspense", "", None]
    by_paper = await rows(door, told.manager, 116, TRANS_DATE="Y", END_DATE="2024-08-11")
    assert [row["Reference"] for row in by_paper] == ["EFT 1"]
    assert await rows(door, told.manager, 116, END_DATE="2024-08-11") == []


async def test_logs_of_messages(door, told) -> None:
    (sms,) = await rows(door, told.manager, 142, ACCOUNT="03280")
    # It was queued at 09:30 on the 14th in Sydney and sent at 01:00 on the 15th.
    assert list(sms.values()) == [
        "03280", "Ringo Starr", "TWR01", "Tower One", "+61 400 000 000", "Your bill is due.",
        "SENT", date(2024, 8, 15),
    ]  # fmt: skip
    (email,) = await rows(door, told.manager, 145, SITE="4103000012")
    assert list(email.values()) == [
        "03280", "Ringo Starr", "TWR01", "Tower One", "bills@example.com", "ringo@example.com",
        "Invoice 900123", "QUEUED", None, Decimal("134.70"),
    ]  # fmt: skip
    day = {"START_DATE": "2024-08-14", "END_DATE": "2024-08-14"}
    assert await rows(door, told.manager, 142, **day) == [sms]
    assert await rows(door, told.manager, 142, END_DATE="2024-08-13") == []
    assert await rows(door, told.manager, 142, SITE="4103000013") == []


async def test_audit_of_adjustments(door, told) -> None:
    (row,) = await rows(door, told.manager, 901, **AUGUST)
    assert row | FIRST == row
    assert these(row, "Reason Code, Debit Credit, Amount, GST, Accounting Period, Status") == [
        "GOODWILL", "C", -11, -1, "202408", "POSTED",
    ]  # fmt: skip
    assert these(row, "Adjustment Date, Posted Date, Approved User, Notes") == [
        date(2024, 8, 13), date(2024, 8, 14), "boss", "Sorry",
    ]  # fmt: skip
    assert await rows(door, told.manager, 901, START_DATE="2024-08-15") == []
    first, pending = await rows(door, told.manager, 901, TRANS_DATE="Y", START_DATE="2024-08-13")
    assert first == row
    assert these(pending, "account_number, Amount, GST, Posted Date, Status, Approved User") == [
        "03281", 22, 2, None, "PENDING", "",
    ]  # fmt: skip


async def test_normalised_consumption(door, told) -> None:
    span = {"START_DATE": "2024-06-15", "END_DATE": "2024-08-15"}
    first, second = await rows(door, told.manager, 902, **span)
    assert list(first)[-5:] == ["202406", "202407", "202408", "Max Read", "Max Read Date"]
    assert first | FIRST == first
    assert list(first.values())[-5:] == [100, 310, None, 12410, date(2024, 7, 31)]
    assert list(second.values())[-5:] == [40, 100, None, 140, date(2024, 7, 31)]
    assert these(first, "Meter Serial, Register, Units") == ["1234abcde", 1, "kWh"]
    (only,) = await rows(door, told.manager, 902, **span, CUSTOMER="5003987")
    assert only == second
    # An opening read is dated the day that it begins.
    (june,) = await rows(
        door, told.manager, 902, START_DATE="2024-06-01", END_DATE="2024-06-30", SITE="4103000012"
    )
    assert list(june.values())[-3:] == [100, 12100, date(2024, 6, 30)]


async def test_many_registers_are_told_in_blocks(door, told, monkeypatch) -> None:
    whole = await rows(door, told.manager, 902, **JULY)
    monkeypatch.setattr("currant.usage.verbs._SITES_AT_ONCE", 1)
    monkeypatch.setattr("currant.reports.verbs._ROWS_AT_ONCE", 1)
    assert await rows(door, told.manager, 902, **JULY) == whole
    assert len(whole) == 2


async def test_read_errors(door, told) -> None:
    moved, lost = await rows(door, told.manager, 903, START_DATE="2024-08-02")
    assert moved | RINGO | TOWER == moved
    assert these(moved, "Error Code, Site Identifier, Meter Serial, Data Stream, Units, Line") == [
        "NOTOUSITE", "4103000012", "1234abcde", "E1", "kWh", 2,
    ]  # fmt: skip
    assert these(lost, "Error Code, Site Code, account_number, File Name, Days") == [
        "NOSITE", "", "", "july.csv", 3,
    ]  # fmt: skip
    assert await rows(door, told.manager, 903, SITE="TWR01") == [moved]
    assert await rows(door, told.manager, 903, END_DATE="2024-08-01") == []
    by_day = {"TRANS_DATE": "Y", "START_DATE": "2024-07-03", "END_DATE": "2024-07-05"}
    assert await rows(door, told.manager, 903, **by_day) == [moved, lost]


async def test_aged_debtors(door, told, clock) -> None:
    buckets = "Not Due, 1-30 Days, 31-60 Days, 61-90 Days, Over 90 Days, Credit, Balance"
    (row,) = await rows(door, told.manager, 904)
    assert row | FIRST == row
    owed = Decimal("23.70")
    assert these(row, buckets) == [owed, 0, 0, 0, 0, 0, owed]
    at(clock, 10, 20)
    (row,) = await rows(door, told.manager, 904)  # 15 August was 66 days ago.
    assert these(row, buckets) == [0, 0, 0, owed, 0, 0, owed]
    both = await rows(door, told.manager, 904, END_DATE="2024-08-11", PARTY="ringo")
    assert [these(row, buckets)[-1] for row in both] == [Decimal("134.70"), Decimal("68.86")]
    assert await rows(door, told.manager, 904, ACCOUNT="03281") == []


async def test_gate_meters(door, told) -> None:
    (row,) = await rows(door, told.manager, 905, **JULY)
    assert list(row.values()) == [
        "TWR01", "Tower One", "4103000012", 310, 31, 1, 100, 210, Decimal("67.74"), "",
    ]  # fmt: skip
    assert await rows(door, told.manager, 905, **JULY, NETWORK_NODE="twr01") == [row]
    (later,) = await rows(door, told.manager, 905, **AUGUST)
    assert these(later, "Gate Consumption, Difference Percent, Unread Sites") == [0, None, "L00001"]


async def test_trial_balance(door, told) -> None:
    found = await rows(door, told.manager, 906)
    assert {row["GL Code"]: row["Closing Balance"] for row in found} == {
        "1010": Decimal("173.86"), "1102": Decimal("23.70"), "1190": -5,
        "2200": Decimal("-17.51"), "4005": Decimal("-116.85"), "4900": Decimal("-68.20"),
        "5100": 10,
    }  # fmt: skip
    assert sum(row["Closing Balance"] for row in found) == 0
    assert sum(row["Debit"] - row["Credit"] for row in found) == 0
    books = await door.ask(trial_balance, BalancesOf(), told.manager)
    assert {row.coa: row.debit - row.credit for row in books} == {
        row["GL Code"]: row["Closing Balance"] for row in found
    }
    late = await rows(door, told.manager, 906, START_DATE="2024-08-13", END_DATE="2024-08-13")
    (bank,) = [row for row in late if row["GL Code"] == "1010"]
    assert list(bank.values()) == [
        "1010", "Bank", Decimal("180.86"), 0, 7, Decimal("173.86"),
    ]  # fmt: skip
    assert await rows(door, told.manager, 906, END_DATE="2024-07-31") == []
    here = await rows(door, told.manager, 906, NETWORK_NODE="TWR01")
    assert sum(row["Closing Balance"] for row in here) == 0


async def test_filters_narrow_and_name_what_is_not_there(door, told) -> None:
    for report_id in ANY:

        async def found(number: int = report_id, **filters: str) -> list[dict[str, Any]]:
            return await rows(door, told.manager, number, **spanned(number, **filters))

        every = await found()
        assert await found(PARTY=" ") == every
        name = "Account Number" if report_id in (142, 145) else "account_number"
        ours = [row for row in every if row[name] == "03280"]
        for filters in ({"ACCOUNT": "03280"}, {"CUSTOMER": "5003986"}, {"SITE": "4103000012"}):
            assert await found(**filters) == ours
        assert ours
        here = [row for row in every if row["Site Code"]]
        for filters in ({"SITE": "twr01"}, {"NETWORK_NODE": "TWR01"}):
            assert await found(**filters) == here
        assert await found(PARTY="george") == []
    for refusal, filters in (
        (NoSuchAccount, {"ACCOUNT": "77777"}),
        (NoSuchBuilding, {"NETWORK_NODE": "NONE"}),
        (NoSuchLocation, {"SITE": "NONE"}),
        (Invalid, {"START_DATE": "2024-08-02", "END_DATE": "2024-08-01"}),
        (Invalid, {"START_DATE": "0001-01-01"}),
    ):
        with pytest.raises(refusal):
            await rows(door, told.manager, 115, **filters)


@pytest.mark.parametrize(
    ("report_id", "filters", "words"),
    [
        (115, {"STRAT_DATE": "2024-07-01"}, "STRAT_DATE is no filter of report 115; did you mean"),
        (142, {"TRANS_DATE": "Y"}, "TRANS_DATE is no filter of report 142"),
        (115, {"TRANS_DATE": "maybe"}, "TRANS_DATE is 'maybe', not Y or N"),
        (115, {"START_DATE": "1.7.2024"}, "START_DATE: '1.7.2024' is not a day"),
        (902, {"START_DATE": "2024-07-01"}, "END_DATE is missing"),
        (905, {}, "START_DATE and END_DATE are missing"),
        (902, {"START_DATE": "2019-08-01", "END_DATE": "2024-08-01"}, "60 months at most"),
    ],
)
async def test_what_cannot_be_meant_is_refused(door, told, report_id, filters, words) -> None:
    with pytest.raises(Invalid, match=words):
        await rows(door, told.manager, report_id, **filters)


def test_months_are_bounded() -> None:
    span = {"START_DATE": "2019-09-30", "END_DATE": "2024-08-01"}
    wanted = question_of(902, span)
    assert len(columns_of(wanted)) == MOST_MONTHS + 13
    assert row_of(wanted) is row_of(question_of(902, span))
    with pytest.raises(NoSuchReport, match="113"):
        question_of(113, {})


async def test_blocked_accounts_are_left_out(door, told) -> None:
    some = await make_user(door, "tower", "some", "SysAdmin", blocked_accounts="03280")
    none = await make_user(door, "tower", "none", "SysAdmin", blocked_accounts="*")
    for report_id in ANY:
        name = "Account Number" if report_id in (142, 145) else "account_number"
        seen = await rows(door, some, report_id, **spanned(report_id))
        assert "03280" not in {row[name] for row in seen}, report_id
        left = {row[name] for row in await rows(door, none, report_id, **spanned(report_id))}
        assert left <= {"", "999999"}, report_id
    with pytest.raises(Forbidden, match="03280 is blocked"):
        await rows(door, some, 115, ACCOUNT="03280")


async def test_who_runs_a_report_may_see_what_it_tells(door, told) -> None:
    manager = await make_user(door, "tower", "sales", "ComMGR")
    listed = {one.report_id: one.permitted for one in await door.ask(reports, Nothing(), manager)}
    assert [report_id for report_id, permitted in listed.items() if not permitted] == [906]
    with pytest.raises(Forbidden, match=r"sales lacks ledger.view, which report 906 takes"):
        await rows(door, manager, 906)
    desk = await make_user(door, "tower", "desk", "CSR")
    assert not any(one.permitted for one in await door.ask(reports, Nothing(), desk))
    with pytest.raises(Forbidden, match=r"reports\.run"):
        await rows(door, desk, 142)
    books = await make_user(door, "tower", "books", "Accounting")
    assert all(one.permitted for one in await door.ask(reports, Nothing(), books))


async def test_csv_holds_the_rows_and_no_formula(door, told, owner) -> None:
    await owner.execute("update customers.customer set name = '=1+1' || chr(10) || 'x'")
    wanted = question_of(115, AUGUST)
    async with door.asking(run_report, told.manager) as tx:
        blocks = [block async for block in as_csv(columns_of(wanted), run_report(tx, wanted))]
    head, first, _ = csv.reader(io.StringIO(b"".join(blocks).decode(), newline=""))
    assert ", ".join(head) == COLUMNS[115]
    told_of = dict(zip(head, first, strict=True))
    assert these(told_of, "Account Name, Invoice Amount, Tax Rate, Due Date, Reversal") == [
        "'=1+1 x", "134.70", "0.10", "2024-08-15", "",
    ]  # fmt: skip


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9))
def test_a_cell_holds_the_whole_number(number: Decimal) -> None:
    told = cell(number)
    assert Decimal(told) == number
    assert len(told.partition(".")[2]) >= 2
    assert not told.endswith("0") or len(told.partition(".")[2]) == 2


async def test_a_month_names_what_waits_in_it(door, told, clock) -> None:
    at(clock, 9, 2)
    closed = await door.act(close_books, CloseMonth(date(2024, 8, 1)), told.manager)
    assert closed.left_open == [
        LeftOpen("adjustments not decided", 1), LeftOpen("charges not approved", 1),
        LeftOpen("receipts in suspense", 1),
    ]  # fmt: skip
    await sound(door)


# Over HTTP


async def test_reports_over_v1(http, told) -> None:
    headers = token_header(told.manager)
    listed = (await http.get("/v1/tower/reports", headers=headers)).json()["data"]
    assert [row["report_id"] for row in listed] == list(REPORTS)
    assert listed[0]["filters"][6:] == [
        {"filter": "TRANS_DATE", "type": "YN", "mandatory": False, "default": "Y",
            "values": ["Y", "N"]},
        {"filter": "NETWORK_NODE", "type": "LOOKUP", "mandatory": False, "default": None,
            "values": ["TWR01"]},
    ]  # fmt: skip
    path, days = "/v1/tower/reports/115", {"start_date": "2024-08-01", "account": "03280"}
    told_of = (await http.get(path, params=days, headers=headers)).json()
    (row,) = told_of["data"]
    assert (told_of["report_name"], list(row)) == ("Audit invoices", told_of["columns"])
    assert (row["Invoice Amount"], row["Due Date"]) == (134.7, "2024-08-15")
    file = await http.get(f"{path}/csv", params=days, headers=headers)
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    assert "115-audit-invoices.csv" in file.headers["content-disposition"]
    assert len(list(csv.reader(io.StringIO(file.text)))) == 2
    for wrong, status in (
        ("113", 404), ("905", 422), ("142?trans_date=true", 422), ("115?account=7", 404),
        ("115?start_date=x", 422), ("115?site=", 200), ("906/csv", 200),
    ):  # fmt: skip
        answer = await http.get(f"/v1/tower/reports/{wrong}", headers=headers)
        assert answer.status_code == status, answer.text


async def test_reports_over_the_utilmate_face(http, door, told) -> None:
    token, hashed = new_token()
    await door.act(create_key, CreateKey("tests", "boss", hashed), told.manager)

    async def call(code: str, parameters: Any, key: str = token) -> Any:
        sent = {"companycode": "tower", "methodcode": code, "parameters": parameters}
        headers = {"Authorization": f"Bearer {key}"}
        return await http.post("/api/Utilmate/post", json=sent, headers=headers)

    filters = await call("GETRPTLIS", {})
    columns = {row["report_id"]: row["columns"] for row in filters.json()["data"]}
    span = {"start_date": "01/07/2024", "end_date": "2024-08-31"}
    for report_id in REPORTS:
        days = {"end_date": "2024-08-31"} if report_id == 904 else span
        answer = (await call("GETREPORT", days | {"report_id": report_id})).json()
        assert set(answer) == {"error", "methodcode", "data"}
        wanted = columns[report_id]
        if report_id == 902:
            wanted = [*wanted[:-3], "202407", "202408", *wanted[-2:]]
        assert {tuple(row) for row in answer["data"]} == {tuple(wanted)}, report_id
    two = parsed(
        (await call("GETREPORT", [{"report_id": 905, **span}, {"report_id": 906}])).content
    )
    assert [row["item"] for row in two["data"]] == [0] + [1] * 7
    assert list(two["data"][0].values())[1:4] == ["TWR01", "Tower One", "4103000012"]
    file = (await call("GETREPORT", {"report_id": 145, "format": "csv"})).json()["data"][0]
    content = b64decode(file["content_base64"]).decode()
    assert content.splitlines()[0] == COLUMNS[145].replace(", ", ",")
    for parameters, status, words in (
        ({"report_id": 113}, 404, "no such report"),
        ({"report_id": 115, "account": 77777}, 404, "77777"),
        ({"report_id": 115, "network_node": "NONE"}, 404, "NONE"),
        ({"report_id": 142, "trans_date": "Y"}, 406, "TRANS_DATE is no filter"),
        ({"report_id": 115, "stardate": "x"}, 406, "stardate is not a parameter"),
    ):
        answer = await call("GETREPORT", parameters)
        assert (answer.status_code, answer.json()["data"]) == (status, []), answer.text
        assert words in answer.json()["error_message"]
    await make_user(door, "tower", "desk", "ComMGR")
    less, hashed = new_token()
    await door.act(create_key, CreateKey("less", "desk", hashed), told.manager)
    listed = (await call("GETALLRPTLIS", {}, less)).json()["data"]
    assert [row["report_id"] for row in listed if row["permitted"] == "N"] == [906]
    named = (await call("GETRPTLIS", {}, less)).json()["data"]
    assert [row["report_id"] for row in named] == [*REPORTS][:-1]
    barred = await call("GETREPORT", {"report_id": 906}, less)
    assert (barred.status_code, barred.json()["error"]) == (403, 101)


# Many

MANY = """
with made as (
    insert into invoices.invoice (
        portal_id, account_id, building_id, location_id, kind, from_on, to_on, tax_rounding, net,
        tax, total, drafted_at, number, invoice_on, due_on, posted_at, previous_balance,
        adjustment_total, receipt_total
    )
    select
        i.portal_id, i.account_id, i.building_id, i.location_id, 'MANUAL', i.from_on, i.to_on,
        'LINE', 10, 1, 11, i.drafted_at, 'M' || n, i.invoice_on, i.due_on, i.posted_at, 0, 0, 0
    from invoices.invoice as i cross join generate_series(1, 20000) as n
    where i.number = '900123'
    returning portal_id, invoice_id
)
insert into invoices.line (
    portal_id, invoice_id, line_no, agreement_id, product_type, line_type, description, from_on,
    to_on, quantity, unit, rate, net, tax, tax_code, coa, ar_coa, explanation
)
select
    made.portal_id, made.invoice_id, 1, $1, 'ELECTRICITY', 'USAGE', 'Usage', '2024-07-01',
    '2024-07-31', 1, 'kWh', 10, 10, 1, 'GST', '4005', '1102', '{}'
from made
"""


async def test_many_rows_take_no_more_memory_or_statements(door, told, owner) -> None:
    few = await measured(door, told, ReportWanted(115))
    for statement in (
        "alter table invoices.line disable trigger guard_inserted", MANY,
        "alter table invoices.line enable trigger guard_inserted", "analyze invoices.invoice",
        "analyze invoices.line",
    ):  # fmt: skip
        arguments = [told.units[0].agreement_id] if statement is MANY else []
        await owner.execute(statement, *arguments)
    count, statements, peak = await measured(door, told, ReportWanted(115))
    assert count == 20_000 + few[0]
    assert statements == few[1]
    assert peak < 8 * 1024 * 1024
    assert (await measured(door, told, ReportWanted(114)))[0] == 20_000 + 2 * few[0]


async def measured(door: Door, told: Tower, wanted: ReportWanted) -> tuple[int, int, int]:
    """Run a report; its rows, the statements that it took and the most bytes that it held."""
    sent: list[str] = []
    count = 0
    async with door.asking(run_report, told.manager) as tx:
        tx.connection.add_query_logger(lambda record: sent.append(record.query))
        tracemalloc.start()
        async for _ in run_report(tx, wanted):
            count += 1
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return count, len(set(sent)), peak
