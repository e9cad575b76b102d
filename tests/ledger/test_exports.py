"""Journals as other books take them: exact, in one line of text each, and never a formula."""

import csv
import io
import re
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from currant.ledger.exports import XERO_LINES, Books, Format, exported
from currant.ledger.model import ChartAccount, JournalLine

FIXTURES = Path(__file__).parents[3] / "shared" / "fixtures" / "accounting"
BEAN_CHECK = Path(sys.executable).with_name("bean-check")
CHART = [
    ChartAccount("1102", "Post-paid receivable", "asset"),
    ChartAccount("2200", "GST: payable", "liability"),
    ChartAccount("4005", 'Energy "green"\tsales', "income"),
    ChartAccount("5100", "Goodwill", "expense"),
    ChartAccount("9100", "Transfer", "equity"),
    ChartAccount("U100", "Energy in wallets", "energy"),
]
BOOKS = Books('Tower; "One" \\ Ltd', date(2026, 7, 1), "AUD", CHART)
NASTY = '=HYPERLINK("x")\r\nSPL\t\\"; | 2026-01-01 * "y"\u2028, e:1'


def line(
    journal_id: int,
    coa: str,
    amount: str,
    *,
    at: date = date(2026, 7, 31),
    source: str = "INVOICE",
    gst_code: str = "",
    narration: str = "Invoice 900123",
    **more: str,
) -> JournalLine:
    net = Decimal(amount)
    name = next(account.name for account in CHART if account.coa == coa)
    return JournalLine(
        journal_id, 1, at, f"{at:%Y%m}", source, more.get("document_ref", "900123"),
        more.get("account_number", "03280"), more.get("building_code", "TWR01"), coa, name,
        more.get("currency", "AUD"), max(net, Decimal(0)), max(-net, Decimal(0)), gst_code,
        narration,
    )  # fmt: skip


INVOICE = [
    line(7001, "1102", "134.700"),
    line(7001, "4005", "-122.450", gst_code="GST"),
    line(7001, "2200", "-12.250"),
]


async def each(lines: Iterable[JournalLine]) -> AsyncIterator[JournalLine]:
    for one in lines:
        yield one


async def written(form: Format, lines: Iterable[JournalLine], books: Books = BOOKS) -> str:
    encoding = "cp1252" if form is Format.IIF else "utf-8"
    return b"".join([block async for block in exported(form, books, each(lines))]).decode(encoding)


def bean_check(text: str, folder: Path) -> None:
    """Let beancount's own checker read a text."""
    assert bean_faults(text, folder) == "", text


def bean_faults(text: str, folder: Path) -> str:
    path = folder / "journals.beancount"
    path.write_text(text, encoding="utf-8")
    done = subprocess.run([BEAN_CHECK, path], capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (done.stdout + done.stderr == "")
    return done.stdout + done.stderr


async def test_csv_tells_every_member_and_no_formula() -> None:
    text = await written(Format.CSV, [*INVOICE, line(7002, "5100", "0.005", narration=NASTY)])
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert list(rows[0]) == list(JournalLine.__struct_fields__)
    first = rows[0]
    assert (first["debit"], first["credit"], first["journal_date"]) == (
        "134.70", "0.00", "2026-07-31",
    )  # fmt: skip
    assert (first["account_number"], rows[1]["gst_code"]) == ("03280", "GST")
    assert rows[3]["debit"] == "0.005"
    assert rows[3]["narration"].startswith("'=HYPERLINK")
    assert len(text.splitlines()) == 5
    for sign in "+-@＝":
        told = await written(Format.CSV, [line(1, "5100", "1", narration=f"{sign}1+1")])
        assert f"'{sign}1+1" in told


async def test_beancount_takes_what_is_written(tmp_path) -> None:
    text = await written(Format.BEANCOUNT, INVOICE)
    assert '  Assets:1102  134.70 AUD\n    account: "03280"\n' in text
    assert '\n2026-07-31 * "Invoice 900123"\n  entry: 7001\n  source: "INVOICE"\n' in text
    assert "U100" not in text
    bean_check(text, tmp_path)
    bean_check(await written(Format.BEANCOUNT, []), tmp_path)


async def test_the_checker_would_see_what_is_off(tmp_path) -> None:
    assert "not balance" in bean_faults(await written(Format.BEANCOUNT, INVOICE[:2]), tmp_path)


ANY_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
AMOUNTS = st.decimals(min_value="-99999999", max_value="99999999", places=3)


@settings(max_examples=12, deadline=None)
@given(
    entries=st.lists(
        st.tuples(AMOUNTS, AMOUNTS, ANY_TEXT | st.just(NASTY), ANY_TEXT), min_size=1, max_size=8
    )
)
async def test_any_entries_are_written_whole(tmp_path_factory, entries) -> None:
    """Whatever people typed, beancount reads the same sums, and every table the same records."""
    lines = []
    for n, (one, two, narration, reference) in enumerate(entries, start=1):
        for coa, amount in (("1102", one), ("4005", two), ("2200", -one - two)):
            if amount:
                lines.append(line(n, coa, str(amount), narration=narration, document_ref=reference))
    wanted = sums((one.gl_code, one.debit - one.credit) for one in lines)
    text = await written(Format.BEANCOUNT, lines)
    bean_check(text, tmp_path_factory.mktemp("beans"))
    posted = re.findall(r"^  \w+:(\w+)  (-?[\d.]+) AUD$", text, re.MULTILINE)
    assert len(posted) == len(lines)
    assert sums((coa, Decimal(amount)) for coa, amount in posted) == wanted
    posted = re.findall(
        r"^    \w+:(\w+)  (-?[\d.]+) AUD  ;", await written(Format.HLEDGER, lines), re.MULTILINE
    )
    assert sums((coa, Decimal(amount)) for coa, amount in posted) == wanted
    records = list(csv.DictReader(io.StringIO(await written(Format.CSV, lines), newline="")))
    assert wanted == sums(
        (row["gl_code"], Decimal(row["debit"]) - Decimal(row["credit"])) for row in records
    )
    journals = iif_of(await written(Format.IIF, lines))
    assert wanted == sums((row[4][:4], Decimal(row[6])) for rows in journals for row in rows)
    rows = xero_of(await written(Format.XERO, lines))
    assert wanted == sums((row["*AccountCode"], Decimal(row["*Amount"])) for row in rows)


def sums(pairs: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    totals: dict[str, Decimal] = {}
    for coa, amount in pairs:
        totals[coa] = totals.get(coa, Decimal(0)) + amount
    return {coa: total for coa, total in totals.items() if total}


async def test_hledger_text_is_of_its_syntax() -> None:
    text = await written(Format.HLEDGER, [*INVOICE, line(7002, "5100", "1", narration=NASTY)])
    declared, _, transactions = text.partition("\n2026-07-31")
    assert "decimal-mark .\ncommodity 1000.00 AUD\n" in declared
    assert 'account income:4005  ; type:R, name:Energy "green" sales\n' in declared
    entry = re.compile(
        r"2026-07-31 \* \(\d+\) [^;\n]+  ; source:\w+(, \w+:[^,\n]+)*\n"
        r"(?:    [a-z]+:\d{4}  -?\d+\.\d{2,3} AUD(  ; [^\n]+)?\n)+"
    )
    for told in f"2026-07-31{transactions}".split("\n\n"):
        assert entry.fullmatch(told.rstrip("\n") + "\n"), told
    assert "    assets:1102  134.70 AUD  ; account:03280\n" in text
    yen = Books("Yen", date(2026, 7, 1), "JPY", CHART)
    assert "commodity 1000. JPY\n" in await written(Format.HLEDGER, [], yen)


def xero_of(text: str) -> list[dict[str, str]]:
    """Records of Xero's file; every narration and date sums to zero in at most 300 lines."""
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    groups: dict[tuple[str, str], list[Decimal]] = {}
    for row in rows:
        groups.setdefault((row["*Narration"], row["*Date"]), []).append(Decimal(row["*Amount"]))
    assert all(len(group) <= XERO_LINES and not sum(group) for group in groups.values())
    return rows


async def test_xero_gets_a_journal_a_month_and_source() -> None:
    lines = [
        *INVOICE,
        line(7002, "1102", "-100", source="RECEIPT"), line(7002, "9100", "100", source="RECEIPT"),
        line(7003, "1102", "11", gst_code=""), line(7003, "4005", "-11", gst_code="GST"),
        line(7004, "1102", "1", at=date(2026, 8, 5)), line(7004, "4005", "-1", at=date(2026, 8, 5)),
    ]  # fmt: skip
    rows = xero_of(await written(Format.XERO, lines))
    told = [(row["*Narration"], row["*Date"], row["*AccountCode"], row["*Amount"]) for row in rows]
    assert told == [
        ("2026-07 INVOICE AUD", "31/07/2026", "1102", "145.70"),
        ("2026-07 INVOICE AUD", "31/07/2026", "2200", "-12.25"),
        ("2026-07 INVOICE AUD", "31/07/2026", "4005", "-133.45"),
        ("2026-07 RECEIPT AUD", "31/07/2026", "1102", "-100.00"),
        ("2026-07 RECEIPT AUD", "31/07/2026", "9100", "100.00"),
        ("2026-08 INVOICE AUD", "31/08/2026", "1102", "1.00"),
        ("2026-08 INVOICE AUD", "31/08/2026", "4005", "-1.00"),
    ]
    assert {row["*TaxRate"] for row in rows} == {"BAS Excluded"}
    assert rows[2]["Description"] == 'Energy "green" sales (GST)'
    path = FIXTURES / "xero_manual_journal_columns.csv"
    if path.exists():
        header = path.read_text(encoding="utf-8").splitlines()[0]
        assert (await written(Format.XERO, [])).strip() == header


@pytest.mark.parametrize("how_many", [299, 300, 301, 597, 598, 599, 1500])
async def test_a_long_journal_is_cut_and_carried_forward(how_many: int) -> None:
    chart = [
        ChartAccount(f"{n}", f"Account {n}", "asset") for n in range(10_000, 10_000 + how_many)
    ]
    first = line(1, "1102", "0")
    amounts = [Decimal(n) / 100 for n in range(1, how_many)]
    lines = [
        JournalLine(**{
            **{name: getattr(first, name) for name in JournalLine.__struct_fields__},
            "gl_code": account.coa, "gl_description": account.name,
            "debit": max(amount, Decimal(0)), "credit": max(-amount, Decimal(0)),
        })
        for account, amount in zip(chart, [*amounts, -sum(amounts)], strict=True)
    ]  # fmt: skip
    books = Books("Many", date(2026, 7, 1), "AUD", chart)
    rows = xero_of(await written(Format.XERO, lines, books))
    assert sums((row["*AccountCode"], Decimal(row["*Amount"])) for row in rows) == sums(
        (one.gl_code, one.debit - one.credit) for one in lines
    )
    assert (len({row["*Narration"] for row in rows}) > 1) == (how_many > XERO_LINES)


def iif_of(text: str) -> list[list[list[str]]]:
    """The journals of QuickBooks' file, each a TRNS and its SPL records; every one sums to zero."""
    body = text.partition("!ENDTRNS\r\n")[2]
    journals = [
        [record.split("\t") for record in journal.split("\r\n") if record]
        for journal in body.split("ENDTRNS\r\n")
        if journal
    ]
    for rows in journals:
        assert [row[0] for row in rows] == ["TRNS"] + ["SPL"] * (len(rows) - 1)
        assert {len(row) for row in rows} == {9}
        assert sum(Decimal(row[6]) for row in rows) == 0
    return journals


async def test_quickbooks_gets_a_general_journal_an_entry() -> None:
    lines = [
        *INVOICE,
        line(7002, "5100", "11", narration=f"Café {NASTY}"), line(7002, "1102", "-11"),
    ]  # fmt: skip
    text = await written(Format.IIF, lines)
    first, second = iif_of(text)
    assert first[0] == [
        "TRNS", "", "GENERAL JOURNAL", "07/31/2026", "1102 Post-paid receivable", "TWR01",
        "134.70", "7001", "Invoice 900123",
    ]  # fmt: skip
    assert second[0][8].startswith("Café =HYPERLINK('x') SPL ")
    accounts = [row.split("\t") for row in text.split("\r\n") if row.startswith("ACCNT\t")]
    assert ["ACCNT", "4005 Energy 'green' sales", "INC", "Energy 'green' sales", "4005"] in accounts
    assert {row[1] for row in accounts} >= {row[4] for row in (*first, *second)}
    path = FIXTURES / "quickbooks_general_journal.iif"
    if path.exists():
        example = path.read_text(encoding="utf-8").splitlines()[:2]
        assert [h for h in text.split("\r\n") if h.startswith(("!TRNS", "!SPL"))] == example


@pytest.mark.parametrize("form", Format)
async def test_what_is_written_is_never_held(form: Format) -> None:
    """A hundred thousand lines leave in blocks while they come, but for Xero's sums."""
    seen = Counter[str]()

    async def coming() -> AsyncIterator[JournalLine]:
        for n in range(50_000):
            seen["come"] += 2
            yield line(n, "1102", "1.00")
            yield line(n, "4005", "-1.00")

    async for _ in exported(form, BOOKS, coming()):
        seen["blocks"] += 1
        seen["held"] = max(seen["held"], seen["come"] - seen["gone"])
        seen["gone"] = seen["come"]
    assert seen["come"] == 100_000
    assert form is Format.XERO or (seen["blocks"] > 50 and seen["held"] < 5000)
