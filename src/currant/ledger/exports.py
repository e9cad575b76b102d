"""Journals as other books take them: CSV, beancount and hledger text, Xero's and QuickBooks' files.

Each writer is given the lines in the order of their entries and holds no more than one of them,
but for Xero's, which holds a sum for each month, source, chart account and tax. Amounts are exact.
What people typed becomes one line of text that cannot be taken for syntax, nor by a table for a
formula.
"""

from calendar import monthrange
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum

import msgspec

from currant.csvfile import csv_cell, csv_record, one_line
from currant.ledger.model import ChartAccount, JournalLine
from currant.money import half_up, minor_units

XERO_LINES = 300

_BLOCK = 64 * 1024  # characters
_ROOTS = {
    "asset": "Assets",
    "liability": "Liabilities",
    "income": "Income",
    "expense": "Expenses",
    "equity": "Equity",
}
_HLEDGER_TYPES = {"asset": "A", "liability": "L", "income": "R", "expense": "X", "equity": "E"}
_QUICKBOOKS_TYPES = {
    "asset": "OCASSET",
    "liability": "OCLIAB",
    "income": "INC",
    "expense": "EXP",
    "equity": "EQUITY",
}
_QUICKBOOKS_NAME = 31  # characters
# What a Xero organisation calls the rate of a line that no tax is worked out for.
_XERO_UNTAXED = {"AUD": "BAS Excluded", "NZD": "No GST", "GBP": "No VAT"}
_XERO_COLUMNS = (
    "*Narration", "*Date", "Description", "*AccountCode", "*TaxRate", "*Amount",
    "TrackingName1", "TrackingOption1", "TrackingName2", "TrackingOption2",
)  # fmt: skip


class Format(StrEnum):
    """What journals can be written as."""

    CSV = "csv"
    BEANCOUNT = "beancount"
    HLEDGER = "hledger"
    XERO = "xero"
    IIF = "iif"


class Books(msgspec.Struct, frozen=True):
    """Whose journals they are: a title, the first month, the currency, the chart of accounts."""

    title: str
    first: date
    currency: str
    chart: Sequence[ChartAccount]

    def accounts(self) -> Iterator[ChartAccount]:
        """Yield the accounts that count money."""
        return (account for account in self.chart if account.category in _ROOTS)


MEDIA_TYPES = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.BEANCOUNT: "text/plain; charset=utf-8",
    Format.HLEDGER: "text/plain; charset=utf-8",
    Format.XERO: "text/csv; charset=utf-8",
    Format.IIF: "text/plain; charset=windows-1252",
}
SUFFIXES = {
    Format.CSV: "csv",
    Format.BEANCOUNT: "beancount",
    Format.HLEDGER: "journal",
    Format.XERO: "csv",
    Format.IIF: "iif",
}


async def exported(
    form: Format, books: Books, lines: AsyncIterable[JournalLine]
) -> AsyncIterator[bytes]:
    """Write journals in a format, block by block."""
    # QuickBooks reads the Windows alphabet; what it lacks becomes a question mark.
    encoding = "cp1252" if form is Format.IIF else "utf-8"
    told, size = [], 0
    async for text in _WRITERS[form](books, lines):
        told.append(text)
        size += len(text)
        if size >= _BLOCK:
            yield "".join(told).encode(encoding, "replace")
            told, size = [], 0
    yield "".join(told).encode(encoding, "replace")


async def _csv(_books: Books, lines: AsyncIterable[JournalLine]) -> AsyncIterator[str]:
    """Write a record a line, its columns named as the journals' members are."""
    columns = JournalLine.__struct_fields__
    yield csv_record(columns)
    async for line in lines:
        told = [getattr(line, column) for column in columns]
        yield csv_record(
            _figure(value, line.currency) if isinstance(value, Decimal) else csv_cell(value)
            for value in told
        )


async def _beancount(books: Books, lines: AsyncIterable[JournalLine]) -> AsyncIterator[str]:
    """Write a transaction an entry, on accounts that are opened on the first day."""
    yield f"option {_quoted('title')} {_quoted(books.title)}\n"
    yield f"option {_quoted('operating_currency')} {_quoted(books.currency)}\n\n"
    named = {a.coa: f"{_ROOTS[a.category]}:{a.coa}" for a in books.accounts()}
    for account in books.accounts():
        yield f"{books.first} open {named[account.coa]}\n  name: {_quoted(account.name)}\n"
    last = 0
    async for line in lines:
        if line.journal_id != last:
            last = line.journal_id
            yield f"\n{line.journal_date} * {_quoted(line.narration)}\n  entry: {last}\n"
            yield f"  source: {_quoted(line.source)}\n"
            yield _told("  reference: ", line.document_ref)
            yield _told("  building: ", line.building_code)
        yield f"  {named[line.gl_code]}  {_figure(_net(line), line.currency)} {line.currency}\n"
        yield _told("    account: ", line.account_number)
        yield _told("    tax: ", line.gst_code)


async def _hledger(books: Books, lines: AsyncIterable[JournalLine]) -> AsyncIterator[str]:
    """Write a transaction an entry; what is known beside the amounts stands in tags."""
    places = minor_units(books.currency)
    yield f"; {one_line(books.title)}\n\ndecimal-mark .\n"
    yield f"commodity 1000.{'0' * places} {books.currency}\n\n"
    named = {a.coa: f"{_ROOTS[a.category].lower()}:{a.coa}" for a in books.accounts()}
    for account in books.accounts():
        kind = _HLEDGER_TYPES[account.category]
        yield f"account {named[account.coa]}  {_tags(type=kind, name=account.name)}\n"
    last = 0
    async for line in lines:
        if line.journal_id != last:
            last = line.journal_id
            yield f"\n{line.journal_date} * ({last}) {one_line(line.narration).replace(';', ',')}  "
            reference, building = line.document_ref, line.building_code
            yield f"{_tags(source=line.source, reference=reference, building=building)}\n"
        amount = f"{_figure(_net(line), line.currency)} {line.currency}"
        tags = _tags(account=line.account_number, tax=line.gst_code)
        yield f"    {named[line.gl_code]}  {amount}  {tags}".rstrip() + "\n"


async def _xero(_books: Books, lines: AsyncIterable[JournalLine]) -> AsyncIterator[str]:
    """Write one manual journal a month and source, dated on the month's last day.

    A line sums a chart account and tax. Tax stands on its own chart account, so no line names a
    rate that Xero would work it out by again; which revenue was taxed is told in words. Xero takes
    300 lines of a journal: what there is beyond them is carried forward to another.
    """
    sums: dict[tuple[str, str, str], dict[tuple[str, str, str], Decimal]] = {}
    async for line in lines:
        journal = sums.setdefault((line.accounting_period, line.source, line.currency), {})
        at = (line.gl_code, line.gst_code, line.gl_description)
        journal[at] = journal.get(at, Decimal(0)) + _net(line)
    yield csv_record(_XERO_COLUMNS)
    for (period, source, currency), journal in sorted(sums.items()):
        year, month = int(period[:4]), int(period[4:])
        day = date(year, month, monthrange(year, month)[1]).strftime("%d/%m/%Y")
        rate = _XERO_UNTAXED.get(currency, "Tax Exempt")
        rows = [
            (f"{name} ({gst_code})" if gst_code else name, coa, amount)
            for (coa, gst_code, name), amount in sorted(journal.items())
            if amount
        ]
        for number, part in enumerate(_parts(rows), start=1):
            narration = f"{period[:4]}-{period[4:]} {source} {currency}"
            told = narration if number == 1 else f"{narration} part {number}"
            for description, coa, amount in part:
                figure = _figure(amount, currency)
                yield csv_record(
                    [told, day, csv_cell(description), coa, rate, figure, "", "", "", ""]
                )


async def _iif(books: Books, lines: AsyncIterable[JournalLine]) -> AsyncIterator[str]:
    """Write a general journal an entry, on accounts listed first; buildings are classes."""
    yield _tabbed("!ACCNT", "NAME", "ACCNTTYPE", "DESC", "ACCNUM")
    named = {a.coa: f"{a.coa} {a.name}".replace(":", "-") for a in books.accounts()}
    named = {coa: one_line(name)[:_QUICKBOOKS_NAME].rstrip() for coa, name in named.items()}
    for account in books.accounts():
        kind = _QUICKBOOKS_TYPES[account.category]
        yield _tabbed("ACCNT", named[account.coa], kind, account.name, account.coa)
    columns = ("TRNSTYPE", "DATE", "ACCNT", "CLASS", "AMOUNT", "DOCNUM", "MEMO")
    yield _tabbed("!TRNS", "TRNSID", *columns)
    yield _tabbed("!SPL", "SPLID", *columns)
    yield _tabbed("!ENDTRNS")
    last = 0
    async for line in lines:
        if last and line.journal_id != last:
            yield _tabbed("ENDTRNS")
        yield _tabbed(
            "SPL" if line.journal_id == last else "TRNS",
            "",
            "GENERAL JOURNAL",
            line.journal_date.strftime("%m/%d/%Y"),
            named[line.gl_code],
            line.building_code or "",
            _figure(_net(line), line.currency),
            str(line.journal_id),
            line.narration,
        )
        last = line.journal_id
    if last:
        yield _tabbed("ENDTRNS")


_WRITERS: dict[Format, Callable[[Books, AsyncIterable[JournalLine]], AsyncIterator[str]]] = {
    Format.CSV: _csv,
    Format.BEANCOUNT: _beancount,
    Format.HLEDGER: _hledger,
    Format.XERO: _xero,
    Format.IIF: _iif,
}

_Row = tuple[str, str, Decimal]


def _parts(rows: Sequence[_Row]) -> Iterator[Sequence[_Row]]:
    """Cut a journal that sums to zero into such ones of at most 300 lines each.

    What is missing from one to zero is carried forward on the chart account of the first line.
    """
    if len(rows) <= XERO_LINES:
        yield rows
        return
    room, carried = XERO_LINES - 2, Decimal(0)
    for start in range(0, len(rows), room):
        part = [*rows[start : start + room]]
        if carried:
            part.insert(0, ("Brought forward", rows[0][1], carried))
        carried = sum((amount for *_, amount in part), Decimal(0))
        if carried:
            part.append(("Carried forward", rows[0][1], -carried))
        yield part


def _net(line: JournalLine) -> Decimal:
    """Return the amount of a line, a debit positive."""
    return line.debit - line.credit


def _figure(amount: Decimal, currency: str) -> str:
    """Write an amount in full: to the currency's smallest coin, and further where it goes on."""
    coins = half_up(amount, minor_units(currency))
    return f"{coins if coins == amount else amount:f}"


def _quoted(text: str) -> str:
    r"""Quote a text as beancount does, with `\"` and `\\`."""
    escaped = one_line(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _told(key: str, text: str | None) -> str:
    """Write a line of metadata, or nothing where there is none."""
    return f"{key}{_quoted(text)}\n" if text else ""


def _tags(**values: str | None) -> str:
    """Write a comment of hledger's tags, whose values end at a comma."""
    told = [f"{name}:{one_line(text).replace(',', ' ')}" for name, text in values.items() if text]
    return f"; {', '.join(told)}" if told else ""


def _tabbed(*values: str) -> str:
    """Write a record of QuickBooks' file, which has no way to quote."""
    return "\t".join(one_line(value).replace('"', "'") for value in values) + "\r\n"
