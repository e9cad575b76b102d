"""J12 import of arrears, J21 list of arrears types."""

from contextlib import closing
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response, get, post

from currant.api.http import (
    FILE_SECONDS,
    AnyRequest,
    Query,
    door_of,
    key_of,
    signed_in,
    spooled,
)
from currant.api.juice.frame import done
from currant.api.juice.openapi import (
    FOREIGN_KEYS,
    PAGE,
    PORTAL,
    CsvBody,
    Instant,
    Money,
    documented,
    parameter,
)
from currant.clock import format_instant
from currant.customers.adjustments import COLUMNS
from currant.money import format_money
from currant.receivables.model import ArrearsTypesWanted, ImportArrears
from currant.receivables.verbs import arrears_types, import_arrears


class ArrearsTaken(msgspec.Struct, frozen=True):
    """An arrears that was imported, its amount positive."""

    account: str
    arrears_amount: Money


class ArrearsFileTaken(msgspec.Struct, frozen=True):
    """The arrears of a file, in its order."""

    records_imported: int
    customers: list[ArrearsTaken]


class ArrearsTypeDetails(msgspec.Struct, frozen=True):
    """A type of arrears; portal `%` is every portal."""

    portal: str
    arrears_type: str
    description: str
    coa: str
    last_mod: Instant
    selectable: bool


@post(
    "/file-importer/balance-adj/arrears",
    status_code=200,
    operation_class=documented(
        "J12",
        ArrearsFileTaken,
        parameters=(
            PORTAL,
            parameter("debit", "The chart account to debit.", default="1100"),
            parameter("credit", "The chart account to credit; it says the type.", default="9100"),
            FOREIGN_KEYS,
        ),
        takes=CsvBody(
            {"": COLUMNS},
            "account,startdate,amount,paid,payplan\n03284,2019-04-04T00:00:00-04:00,100,,25%\n",
        ),
        names=True,
        warns=True,
        within=FILE_SECONDS,
    ),
)
async def post_arrears(request: AnyRequest) -> Response[bytes]:
    """J12: issue the arrears of a CSV file."""
    query = Query(request.scope)
    actor = await signed_in(request, query.text("portal"))
    debit, credit = query.maybe("debit") or "1100", query.maybe("credit") or "9100"
    foreign_keys = query.flag("foreignkeys")
    upload = await spooled(request)
    with closing(upload.file):
        imported = await door_of(request).act(
            import_arrears,
            ImportArrears(debit, credit, foreign_keys, upload),
            actor,
            key_of(request),
        )
    warnings = ["csv-header-repaired"] * imported.header_repaired
    warnings += ["nonstandard-offset"] * imported.nonstandard_offset
    customers = [
        ArrearsTaken(row.account, format_money(row.amount, imported.currency))
        for row in imported.arrears
    ]
    return done(ArrearsFileTaken(len(customers), customers), warning=", ".join(warnings) or None)


@get(
    "/arrears/list-types",
    operation_class=documented("J21", list[ArrearsTypeDetails], parameters=(PORTAL, *PAGE)),
)
async def get_arrears_types(request: AnyRequest) -> Response[bytes]:
    """J21: the types of arrears that a portal knows."""
    query = Query(request.scope)
    actor = await signed_in(request, query.text("portal"))
    question = ArrearsTypesWanted(*query.page())
    listed = await door_of(request).ask(arrears_types, question, actor)
    zone = ZoneInfo(listed.timezone)
    return done(
        [
            ArrearsTypeDetails(
                portal=row.portal,
                arrears_type=row.name,
                description=row.description,
                coa=row.coa,
                last_mod=format_instant(row.last_mod, zone),
                selectable=row.selectable,
            )
            for row in listed.types
        ]
    )


ROUTES = [post_arrears, get_arrears_types]
