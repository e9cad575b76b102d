"""The catalogue of reports: what each tells, by which filters, and who may run it.

Ids and columns of 112 to 145 are the field's own (conformance.md U13). Whoever runs a report holds
`reports.run`, and what it takes to see the same facts one by one.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

import msgspec

from currant.access.methods import nearest
from currant.access.permissions import Permission
from currant.clock import FIRST_YEAR, LAST_YEAR, parse_day
from currant.errors import Invalid
from currant.reports.model import (
    AdjustmentAudited,
    AgedRow,
    ChargeRow,
    ConsumptionRow,
    EmailLogged,
    FilterShown,
    GateRow,
    InvoiceAudited,
    NormalisedRow,
    NoSuchReport,
    ReadErrorRow,
    ReceiptAudited,
    ReportRow,
    ReportWanted,
    SmsLogged,
    TrialRow,
)

MOST_MONTHS = 60
NORMALISED = 902

_YES, _NO = ("Y", "YES", "TRUE"), ("N", "NO", "FALSE")
_AFTER_MONTHS = 2  # The last columns of normalised consumption, after those of its months.
_MONTH_COLUMN = "YYYYMM"


class Filter(StrEnum):
    """What a report can be narrowed by."""

    PARTY = "PARTY"
    CUSTOMER = "CUSTOMER"
    ACCOUNT = "ACCOUNT"
    SITE = "SITE"
    START_DATE = "START_DATE"
    END_DATE = "END_DATE"
    TRANS_DATE = "TRANS_DATE"
    NETWORK_NODE = "NETWORK_NODE"


_TYPES = {
    Filter.START_DATE: "DATE",
    Filter.END_DATE: "DATE",
    Filter.TRANS_DATE: "YN",
    Filter.NETWORK_NODE: "LOOKUP",
}
_WHOSE = (Filter.PARTY, Filter.CUSTOMER, Filter.ACCOUNT, Filter.SITE)
_DAYS = (Filter.START_DATE, Filter.END_DATE)
_ALL = tuple(Filter)
_UNDATED = (*_WHOSE, *_DAYS, Filter.NETWORK_NODE)


class Report(msgspec.Struct, frozen=True):
    """A report: its rows, the filters that it has and those that it must have.

    `by_paper` is what TRANS_DATE is where it is left out.
    """

    report_id: int
    code: str
    name: str
    group: str
    description: str
    needs: Permission
    row: type[ReportRow]
    filters: Sequence[Filter] = _ALL
    mandatory: Sequence[Filter] = ()
    by_paper: bool = False

    @property
    def file_name(self) -> str:
        """The name of a file of it."""
        return f"{self.report_id}-{self.code.lower().replace('_', '-')}.csv"

    def columns(self) -> list[str]:
        """Return its columns by name; YYYYMM stands for one of each month."""
        names = list(_columns(self.row))
        if self.report_id == NORMALISED:
            names.insert(-_AFTER_MONTHS, _MONTH_COLUMN)
        return names

    def shown_filters(self, buildings: list[str]) -> list[FilterShown]:
        """Return its filters as people are told of them."""
        values = {Filter.TRANS_DATE: ["Y", "N"], Filter.NETWORK_NODE: buildings}
        default = {Filter.TRANS_DATE: "Y" if self.by_paper else "N"}
        return [
            FilterShown(
                one, _TYPES.get(one, "STRING"), one in self.mandatory, default.get(one),
                values.get(one),
            )
            for one in self.filters
        ]  # fmt: skip


_BILLING, _DEBTORS = "Billing", "Receivables"
_MESSAGES, _USAGE, _LEDGER = "Messages", "Usage", "Ledger"

REPORTS = {
    report.report_id: report
    for report in (
        Report(
            112, "CHARGES", "Charges", _BILLING,
            "One-off charges that stand, by their date; TRANS_DATE=N by the day of approval.",
            Permission.BILLING_VIEW, ChargeRow, by_paper=True,
        ),
        Report(
            114, "BILLED_CONSUMPTION", "Billed consumption", _BILLING,
            "What invoices price of supplies, line by line, by the date of the invoice;"
            " TRANS_DATE=N by the day of posting.",
            Permission.BILLING_VIEW, ConsumptionRow, by_paper=True,
        ),
        Report(
            115, "AUDIT_INVOICES", "Audit invoices", _BILLING,
            "Posted invoices and credit notes with the balances around them, by their date;"
            " TRANS_DATE=N by the day of posting.",
            Permission.BILLING_VIEW, InvoiceAudited, by_paper=True,
        ),
        Report(
            116, "AUDIT_RECEIPTS", "Audit receipts", _DEBTORS,
            "Receipts, those in suspense and those undone too, by the day of posting; TRANS_DATE=Y"
            " by the day on which the money came.",
            Permission.TRANSACTIONS_VIEW, ReceiptAudited,
        ),
        Report(
            142, "SMS_LOG", "SMS log", _MESSAGES,
            "Text messages and what became of them, the newest first, by the day of queueing.",
            Permission.REPORTS_RUN, SmsLogged, _UNDATED,
        ),
        Report(
            145, "EMAIL_LOG", "E-mail log", _MESSAGES,
            "E-mails and what became of them, the newest first, by the day of queueing.",
            Permission.REPORTS_RUN, EmailLogged, _UNDATED,
        ),
        Report(
            901, "AUDIT_ADJUSTMENTS", "Audit adjustments", _DEBTORS,
            "Adjustments that were posted, by the day of posting; TRANS_DATE=Y all of them, by"
            " their own date.",
            Permission.TRANSACTIONS_VIEW, AdjustmentAudited,
        ),
        Report(
            NORMALISED, "NORMALISED_CONSUMPTION", "Normalised consumption", _USAGE,
            "What registers measured in whole calendar months, of an agreement and register a"
            f" row; of at most {MOST_MONTHS} months.",
            Permission.READS_VIEW, NormalisedRow, _UNDATED, _DAYS,
        ),
        Report(
            903, "AM_READ_ERRORS", "AM read errors", _USAGE,
            "Days of interval data that could not be placed, by the day of loading; TRANS_DATE=Y"
            " by the days themselves.",
            Permission.READS_VIEW, ReadErrorRow,
        ),
        Report(
            904, "AGED_DEBTORS", "Aged debtors", _DEBTORS,
            "What accounts owed at the end of END_DATE, or owe today, by how long it was due.",
            Permission.BILLING_VIEW, AgedRow,
            (*_WHOSE, Filter.END_DATE, Filter.NETWORK_NODE),
        ),
        Report(
            905, "GATE_RECONCILIATION", "Gate-meter reconciliation", _USAGE,
            "What passed gate meters against what the meters behind them measured, in kWh.",
            Permission.READS_VIEW, GateRow, (*_DAYS, Filter.NETWORK_NODE), _DAYS,
        ),
        Report(
            906, "TRIAL_BALANCE", "Trial balance", _LEDGER,
            "What stood on chart accounts of money before START_DATE, what moved them until"
            " END_DATE and what stood then, by the date of the journals.",
            Permission.LEDGER_VIEW, TrialRow, (*_DAYS, Filter.NETWORK_NODE),
        ),
    )
}  # fmt: skip


def report_of(report_id: int) -> Report:
    """Return a report by its id. Raises `NoSuchReport`."""
    if report_id not in REPORTS:
        raise NoSuchReport(f"It was asked for as {report_id}.", field="report_id")
    return REPORTS[report_id]


def question_of(report_id: int, told: Mapping[str, str]) -> ReportWanted:
    """Read the filters of a report that are told as text, names in any case; blank is all.

    Raises `NoSuchReport`, `Invalid`.
    """
    known = report_of(report_id).filters
    values: dict[str, str | date | bool] = {}
    for name, text in told.items():
        wanted = name.strip().upper()
        if wanted not in list(known):
            raise Invalid(
                f"{name[:40]} is no filter of report {report_id}"
                f"{nearest(wanted[:40], list(known))}",
                field=name[:40],
            )
        if text.strip():
            values[wanted.lower()] = _value(Filter(wanted), text.strip())
    return ReportWanted(report_id, **values)  # type: ignore[arg-type]


def _value(name: Filter, text: str) -> str | date | bool:
    try:
        if _TYPES.get(name) == "DATE":
            return parse_day(text)
    except Invalid as refusal:
        raise Invalid(f"{name}: {refusal.detail}", field=name) from refusal
    if _TYPES.get(name) != "YN":
        return text
    if text.upper() not in _YES + _NO:
        raise Invalid(f"{name} is {text[:40]!r}, not Y or N.", field=name)
    return text.upper() in _YES


def refuse_unfit(wanted: ReportWanted) -> Report:
    """Return the report that is wanted, once its filters are as it has them.

    Raises `NoSuchReport`, `Invalid`.
    """
    report = report_of(wanted.report_id)
    given = [one for one in Filter if getattr(wanted, one.lower()) is not None]
    if foreign := [one for one in given if one not in report.filters]:
        told = f"{foreign[0]} is no filter of report {report.report_id}, which has"
        raise Invalid(f"{told} {', '.join(report.filters)}.", field=foreign[0].lower())
    if missing := [one for one in report.mandatory if one not in given]:
        told = f"Report {report.report_id} is of some days: {' and '.join(missing)}"
        told += " is missing." if len(missing) == 1 else " are missing."
        raise Invalid(told, field=missing[0].lower())
    start, end = wanted.start_date, wanted.end_date
    for name, day in zip(_DAYS, (start, end), strict=True):
        if day is not None and not FIRST_YEAR <= day.year <= LAST_YEAR:
            told = f"{name} is {day}, not in the years {FIRST_YEAR} to {LAST_YEAR}."
            raise Invalid(told, field=name.lower())
    if start and end and start > end:
        raise Invalid(f"START_DATE {start} is after END_DATE {end}.", field="start_date")
    if report.report_id == NORMALISED and len(_months(wanted)) > MOST_MONTHS:
        told = f"Report {NORMALISED} tells {MOST_MONTHS} months at most"
        raise Invalid(f"{told}; from {start} to {end} are more.", field="end_date")
    return report


def row_of(wanted: ReportWanted) -> type[ReportRow]:
    """Return what the rows of a report are, with the months where it tells such."""
    if wanted.report_id == NORMALISED:
        return _normalised(tuple(f"{month:%Y%m}" for month in _months(wanted)))
    return report_of(wanted.report_id).row


def columns_of(wanted: ReportWanted) -> tuple[str, ...]:
    """Return the columns of a report by name."""
    return _columns(row_of(wanted))


def by_paper(wanted: ReportWanted) -> bool:
    """Tell whether days are those on the papers, not those of posting."""
    told = wanted.trans_date
    return report_of(wanted.report_id).by_paper if told is None else told


def normalised_row(
    wanted: ReportWanted, head: NormalisedRow, months: Mapping[str, Decimal]
) -> ReportRow:
    """Return a row of normalised consumption with its months; what is not known is null."""
    told = msgspec.structs.astuple(head)
    shares = [months.get(f"{month:%Y%m}") for month in _months(wanted)]
    return row_of(wanted)(*told[:-_AFTER_MONTHS], *shares, *told[-_AFTER_MONTHS:])


def days_of(wanted: ReportWanted) -> tuple[date, date]:
    """Return the first and the last day of a report that must have both."""
    return wanted.start_date or date.min, wanted.end_date or date.min


def _months(wanted: ReportWanted) -> list[date]:
    """Return the first days of the months of a report's days; one more than may be at most."""
    months: list[date] = []
    month, last = days_of(wanted)
    while (month := month.replace(day=1)) <= last and len(months) <= MOST_MONTHS:
        months.append(month)
        month += timedelta(days=31)
    return months


def _columns(row: type[ReportRow]) -> tuple[str, ...]:
    return tuple(field.encode_name for field in msgspec.structs.fields(row))


@lru_cache(maxsize=64)
def _normalised(months: tuple[str, ...]) -> type[ReportRow]:
    """Return the row of normalised consumption with a column for each month."""
    fields = [(field.name, field.type) for field in msgspec.structs.fields(NormalisedRow)]
    fields[-_AFTER_MONTHS:-_AFTER_MONTHS] = [(f"m{month}", Decimal | None) for month in months]
    headings = {field.name: field.encode_name for field in msgspec.structs.fields(NormalisedRow)}
    headings |= {f"m{month}": month for month in months}
    return msgspec.defstruct(
        "NormalisedMonths", fields, bases=(ReportRow,), frozen=True, rename=headings
    )  # type: ignore[return-value]
