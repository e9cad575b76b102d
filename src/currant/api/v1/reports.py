"""The catalogue of reports, and their runs: as JSON, or as a file of CSV."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated, Any

import msgspec
from litestar import Response, get
from litestar.params import FromPath, QueryParameter

from currant import wire
from currant.access.verbs import Nothing
from currant.api.http import FILE_SECONDS, AnyRequest, door_of, signed_in, written
from currant.api.openapi import JSON
from currant.api.v1.frame import FirstDay, LastDay, OfAccount, OfBuilding, answer
from currant.api.v1.openapi import documented
from currant.reports import verbs
from currant.reports.catalogue import columns_of, refuse_unfit
from currant.reports.model import ReportShown, ReportWanted
from currant.reports.telling import as_csv
from currant.reports.verbs import run_report

OfParty = Annotated[str | None, QueryParameter(description="Of customers with this in their name.")]
OfCustomer = Annotated[str | None, QueryParameter(description="Of this key with the utility.")]
OfSite = Annotated[
    str | None,
    QueryParameter(description="Of the site of this identifier, or the building of this code."),
]
ByTransDate = Annotated[
    bool | None,
    QueryParameter(description="Days are those on the papers, or else those of posting."),
]


class ReportTold(msgspec.Struct, frozen=True):
    """A report: the names of its columns, and its rows by these."""

    report_id: int
    report_name: str
    columns: list[str]
    data: list[dict[str, Any]]


@get("/v1/{portal:str}/reports", operation_class=documented(ReportShown, listed=True))
async def get_reports(request: AnyRequest, portal: FromPath[str]) -> Response[Any]:
    """List the catalogue of reports, each with its filters and whether the caller may run it."""
    actor = await signed_in(request, portal)
    return answer({"data": await door_of(request).ask(verbs.reports, Nothing(), actor)})


@get(
    "/v1/{portal:str}/reports/{report_id:int}",
    operation_class=documented(ReportTold, within=FILE_SECONDS),
)
async def get_report(
    request: AnyRequest,
    portal: FromPath[str],
    report_id: FromPath[int],
    party: OfParty = None,
    customer: OfCustomer = None,
    account: OfAccount = None,
    site: OfSite = None,
    start_date: FirstDay = None,
    end_date: LastDay = None,
    trans_date: ByTransDate = None,
    network_node: OfBuilding = None,
) -> Response[Any]:
    """Run a report; it refuses a filter that it does not have."""
    whose = (party, customer, account, site)
    wanted = _wanted(report_id, *whose, start_date, end_date, trans_date, network_node)
    actor, report = await signed_in(request, portal), refuse_unfit(wanted)
    head = {"report_id": report_id, "report_name": report.name, "columns": columns_of(wanted)}

    async def body() -> AsyncIterator[bytes]:
        async with door_of(request).asking(run_report, actor) as tx:
            yield wire.encode(head)[:-1] + b',"data":'
            async for piece in wire.pieces(run_report(tx, wanted)):
                yield piece
            yield b"}"

    return await written(body(), JSON, {})


@get(
    "/v1/{portal:str}/reports/{report_id:int}/csv",
    operation_class=documented(ReportTold, sends_file="text/csv", within=FILE_SECONDS),
)
async def get_report_csv(
    request: AnyRequest,
    portal: FromPath[str],
    report_id: FromPath[int],
    party: OfParty = None,
    customer: OfCustomer = None,
    account: OfAccount = None,
    site: OfSite = None,
    start_date: FirstDay = None,
    end_date: LastDay = None,
    trans_date: ByTransDate = None,
    network_node: OfBuilding = None,
) -> Response[Any]:
    """Run a report and write it as CSV, in UTF-8."""
    whose = (party, customer, account, site)
    wanted = _wanted(report_id, *whose, start_date, end_date, trans_date, network_node)
    actor, report = await signed_in(request, portal), refuse_unfit(wanted)

    async def body() -> AsyncIterator[bytes]:
        async with door_of(request).asking(run_report, actor) as tx:
            async for block in as_csv(columns_of(wanted), run_report(tx, wanted)):
                yield block

    headers = {"Content-Disposition": f'attachment; filename="{report.file_name}"'}
    return await written(body(), "text/csv; charset=utf-8", headers)


def _wanted(report_id: int, *filters: str | date | bool | None) -> ReportWanted:
    """Return which report is wanted; a filter that is blank is all."""
    told = [one.strip() or None if isinstance(one, str) else one for one in filters]
    return ReportWanted(report_id, *told)  # type: ignore[arg-type]


ROUTES = [get_reports, get_report, get_report_csv]
