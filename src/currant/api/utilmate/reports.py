"""The catalogue of reports, and their runs."""

from base64 import b64encode
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from currant.access.verbs import Nothing
from currant.api.utilmate.methods import FileRow, Row, reads
from currant.api.utilmate.parameters import (
    Account,
    BuildingCode,
    Day,
    Flag,
    Sent,
    flag,
    no_null,
    words,
)
from currant.db.tx import Tx
from currant.errors import TooLarge
from currant.reports.catalogue import columns_of, report_of
from currant.reports.model import ReportRow, ReportWanted
from currant.reports.telling import as_csv
from currant.reports.verbs import reports, run_report

_MOST_CSV_BYTES = 32 * 1024 * 1024
_CSV = "text/csv"


class ReportSent(Sent, frozen=True, kw_only=True):
    """Which report, over what: of its filters those that are blank or left out mean all."""

    report_id: int
    party: Annotated[str | None, Meta(description="The customer's name or a part of it.")] = None
    customer: Annotated[str | None, Meta(description="The sales_cust_number.")] = None
    account: Account | None = None
    site: Annotated[
        str | None, Meta(description="The site's NMI or ICP, or the code of a building.")
    ] = None
    start_date: Day | None = None
    end_date: Day | None = None
    trans_date: Annotated[
        bool | None, Meta(description="Y: by the date of the paper. N: by the day of posting.")
    ] = None
    network_node: BuildingCode | None = None
    format: Literal["JSON", "CSV"] = "JSON"


class ReportLine(Row, frozen=True, kw_only=True):
    """A row of a report; its members are the columns that GETRPTLIS tells, in their order."""

    open: ClassVar[bool] = True


class ReportFile(FileRow, frozen=True, kw_only=True):
    """A report as CSV in UTF-8, in base64."""


@reads("GETREPORT", "U13", calls=run_report, long=True)
async def get_report(tx: Tx, wanted: ReportSent) -> AsyncIterator[ReportLine | ReportFile]:
    """Run a report: its rows, or with format=CSV one row that holds them as a file."""
    told = msgspec.structs.asdict(wanted)
    csv = told.pop("format") == "CSV"
    question = ReportWanted(**told)
    found = run_report(tx, question)
    if csv:
        yield await _file(question, found)
        return
    async for row in found:
        line = _line_of(type(row))
        yield line(**{name: getattr(row, name) for name in row.__struct_fields__})


@lru_cache(maxsize=64)
def _line_of(row: type[ReportRow]) -> type[ReportLine]:
    """Return the row of this face that has a report's columns."""
    fields = msgspec.structs.fields(row)
    line: Any = msgspec.defstruct(
        "ReportLine",
        [(field.name, field.type) for field in fields],
        bases=(ReportLine,),
        frozen=True,
        kw_only=True,
        rename={field.name: field.encode_name for field in fields},
    )
    return line  # type: ignore[no-any-return]


async def _file(question: ReportWanted, rows: AsyncIterator[ReportRow]) -> ReportFile:
    """Return a report as a file. Raises `TooLarge`."""
    content = bytearray()
    async for block in as_csv(columns_of(question), rows):
        content += block
        if len(content) > _MOST_CSV_BYTES:
            most = _MOST_CSV_BYTES // 1024**2
            raise TooLarge(f"A report as CSV has {most} MiB at most; ask for fewer days, or JSON.")
    return ReportFile(
        file_name=report_of(question.report_id).file_name,
        mime_type=_CSV,
        content_base64=b64encode(content).decode(),
    )


class ReportsSent(Sent, frozen=True, kw_only=True):
    """Which report; all that may be run where it is left out."""

    report_id: int | None = None


class NothingSent(Sent, frozen=True, kw_only=True):
    """No parameters."""


class FilterListed(msgspec.Struct, frozen=True, kw_only=True):
    """A filter of a report; one that is not mandatory means all where it is blank."""

    filter: str
    type: Annotated[str, words("DATE", "STRING", "YN", "LOOKUP")]
    mandatory: Flag
    default: str | None
    values: list[str] | msgspec.UnsetType = msgspec.UNSET


class ReportFilters(Row, frozen=True, kw_only=True):
    """A report with its filters and its columns; YYYYMM stands for one of each month."""

    report_id: int
    report_code: str
    report_name: str
    report_group: str
    filters: list[FilterListed]
    columns: list[str]


@reads("GETRPTLIS", "U14", calls=reports)
async def get_rpt_lis(tx: Tx, wanted: ReportsSent) -> AsyncIterator[ReportFilters]:
    """List the reports that the caller may run, each with its filters and columns."""
    if wanted.report_id is not None:
        report_of(wanted.report_id)
    for report in await reports(tx, Nothing()):
        if report.permitted and wanted.report_id in (None, report.report_id):
            yield ReportFilters(
                report_id=report.report_id,
                report_code=report.report_code,
                report_name=report.report_name,
                report_group=report.report_group,
                filters=[
                    FilterListed(
                        filter=one.filter,
                        type=one.type,
                        mandatory=flag(one.mandatory),
                        default=one.default,
                        values=no_null(one.values),
                    )
                    for one in report.filters
                ],
                columns=report.columns,
            )


class ReportListed(Row, frozen=True, kw_only=True):
    """A report, and whether the caller may run it."""

    report_id: int
    report_code: str
    report_name: str
    report_group: str
    description: str
    active: Annotated[str, words("Y")]
    permitted: Flag


@reads("GETALLRPTLIS", "U15", calls=reports)
async def get_all_rpt_lis(tx: Tx, _wanted: NothingSent) -> AsyncIterator[ReportListed]:
    """List every active report, whether the caller may run it or not."""
    for report in await reports(tx, Nothing()):
        yield ReportListed(
            report_id=report.report_id,
            report_code=report.report_code,
            report_name=report.report_name,
            report_group=report.report_group,
            description=report.description,
            active="Y",
            permitted=flag(report.permitted),
        )
