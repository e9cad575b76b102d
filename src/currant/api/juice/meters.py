"""J03 com-types, J04 get-meters, J05 get-meter."""

from typing import Any

from litestar import Response, get

from currant import wire
from currant.access.verbs import Nothing
from currant.api.http import AnyRequest, Query, door_of, nobody, signed_in
from currant.api.juice.frame import done, done_each
from currant.clock import format_instant
from currant.db.tx import Portal
from currant.metering.model import MetersWanted
from currant.metering.verbs import list_com_types, list_meters, list_public_meters
from currant.supply.model import Meter, MeterWanted
from currant.supply.verbs import show_meter

UNASSIGNED = "unassigned"
_SUBTARIFFS = {"PREPAID": "PrePaid", "POSTPAID": "PostPaid"}


@get("/meters/com-types/get-supported")
async def get_supported(request: AnyRequest) -> Response[bytes]:
    """J03: the communication types with their head-ends."""
    rows = await door_of(request).ask(list_com_types, Nothing(), await signed_in(request))
    types: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row.listed:
            told = types.setdefault(row.com_type, {"com": row.com_type})
            if row.source is not None:
                source = {"name": row.source, "pull_reads": row.pull_reads}
                told.setdefault("source", []).append(source)
    return done(types)


@get("/meters/get-meters")
async def get_meters(request: AnyRequest) -> Response[bytes]:
    """J04: the meters of a portal, to anybody unless the deployment says otherwise."""
    query = Query(request.scope)
    portal, com = query.text("portal"), query.maybe("com")
    question = MetersWanted(com, *query.page())
    if request.app.state.settings.public_meter_list:
        view, actor = list_public_meters, nobody().at(portal)
    else:
        view, actor = list_meters, await signed_in(request, portal)
    async with door_of(request).asking(view, actor) as tx:
        return await done_each(wire.pieces(view(tx, question)), within="meters")


@get("/meters/get-meter")
async def get_meter(request: AnyRequest) -> Response[bytes]:
    """J05: one meter."""
    query = Query(request.scope)
    actor = await signed_in(request, query.text("portal"))
    question = MeterWanted(query.text("serialnumber"))
    return done(_told(*await door_of(request).ask(show_meter, question, actor)))


def _told(portal: Portal, meter: Meter) -> dict[str, Any]:
    """Tell a meter in the 39 members of the document; what we do not keep of it is empty."""
    zone = portal.zone
    return {
        "portal": portal.key,
        "loc_id": meter.loc_id or UNASSIGNED,
        "account": meter.account or UNASSIGNED,
        "id": meter.device_id,
        "serial_number": meter.serial_number,
        "name": meter.name,
        "com": meter.com_type,
        "tariff": meter.tariff or "",
        "subtariff": _SUBTARIFFS[meter.payment_mode or "PREPAID"],
        "type_id": "",
        "status_type_id": "",
        "service_status": 0,
        "sgc": meter.sgc,
        "kva_demand_rating": meter.kva_demand_rating,
        "vendable": int(meter.vendable),
        "meter_location": "",
        "misc_data": "",
        "meter_state": meter.meter_state,
        "installer": "",
        "units": meter.units,
        "factor": meter.factor,
        "phases": meter.phases,
        "ststi": meter.ti,
        "sts_key_rev": meter.key_rev,
        "sts_exp_num": meter.key_exp,
        "sts_base_date": meter.base_date,
        "sts_version": meter.sts_version,
        "disco_profile": meter.disco_profile,
        "breaker": "",
        "comments": "",
        "created": format_instant(meter.created_at, zone),
        "last_mod": format_instant(meter.last_mod, zone),
        "type": meter.type,
        "form_factor": "",
        "wiring": "-",
        "current_per_phase": 0,
        "voltage_per_phase": 0,
        "frequency": 0,
        "ami_wallet": meter.wallet_kind,
    }


ROUTES = [get_supported, get_meters, get_meter]
