"""J12 import of arrears, J21 list of arrears types."""

from contextlib import closing
from zoneinfo import ZoneInfo

from litestar import Response, get, post

from currant.api.http import AnyRequest, Query, door_of, key_of, signed_in, spooled
from currant.api.juice.frame import done
from currant.clock import format_instant
from currant.money import format_money
from currant.receivables.model import ArrearsTypesWanted, ImportArrears
from currant.receivables.verbs import arrears_types, import_arrears


@post("/file-importer/balance-adj/arrears", status_code=200)
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
        {"account": row.account, "arrears_amount": format_money(row.amount, imported.currency)}
        for row in imported.arrears
    ]
    return done(
        {"records_imported": len(customers), "customers": customers},
        warning=", ".join(warnings) or None,
    )


@get("/arrears/list-types")
async def get_arrears_types(request: AnyRequest) -> Response[bytes]:
    """J21: the types of arrears that a portal knows."""
    query = Query(request.scope)
    actor = await signed_in(request, query.text("portal"))
    question = ArrearsTypesWanted(*query.page())
    listed = await door_of(request).ask(arrears_types, question, actor)
    zone = ZoneInfo(listed.timezone)
    return done(
        [
            {
                "portal": row.portal,
                "arrears_type": row.name,
                "description": row.description,
                "coa": row.coa,
                "last_mod": format_instant(row.last_mod, zone),
                "selectable": row.selectable,
            }
            for row in listed.types
        ]
    )


ROUTES = [post_arrears, get_arrears_types]
