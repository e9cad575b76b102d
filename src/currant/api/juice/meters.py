"""J03 com-types, J04 get-meters, J05 get-meter."""

from decimal import Decimal

import msgspec
from litestar import Response, get

from currant import wire
from currant.access.verbs import Nothing
from currant.api.http import (
    FILE_SECONDS,
    AnyRequest,
    Query,
    address_of,
    door_of,
    limits_of,
    nobody,
    signed_in,
)
from currant.api.juice.frame import done, done_each
from currant.api.juice.openapi import (
    PAGE,
    PORTAL,
    SERIAL_NUMBER,
    Flag,
    Instant,
    documented,
    parameter,
)
from currant.clock import format_instant
from currant.db.tx import Portal
from currant.metering.model import MeterListed, MetersWanted
from currant.metering.verbs import list_com_types, list_meters, list_public_meters
from currant.supply.model import Meter, MeterWanted
from currant.supply.trinity import UNASSIGNED
from currant.supply.verbs import show_meter

_NONE = Decimal(0)


class ComSource(msgspec.Struct, frozen=True):
    """A head-end that meters are reached through."""

    name: str
    pull_reads: bool


class ComTypeDetails(msgspec.Struct, frozen=True):
    """A way in which meters communicate."""

    com: str
    source: list[ComSource] | msgspec.UnsetType = msgspec.UNSET


class MeterList(msgspec.Struct, frozen=True):
    """The meters of a portal."""

    meters: list[MeterListed]


class MeterDetails(msgspec.Struct, frozen=True):
    """A meter; what is not kept of it is empty."""

    portal: str
    loc_id: str
    account: str
    id: str
    serial_number: str
    name: str
    com: str
    tariff: str
    subtariff: str
    type_id: str
    status_type_id: str
    service_status: int
    sgc: str
    kva_demand_rating: Decimal
    vendable: Flag
    meter_location: str
    misc_data: str
    meter_state: str
    installer: str
    units: str
    factor: Decimal
    phases: int
    ststi: str
    sts_key_rev: str
    sts_exp_num: int
    sts_base_date: int
    sts_version: int
    disco_profile: str
    breaker: str
    comments: str
    created: Instant
    last_mod: Instant
    type: str
    form_factor: str
    wiring: str
    current_per_phase: Decimal
    voltage_per_phase: Decimal
    frequency: Decimal
    ami_wallet: str


@get(
    "/meters/com-types/get-supported",
    operation_class=documented("J03", dict[str, ComTypeDetails], calls=(list_com_types,)),
)
async def get_supported(request: AnyRequest) -> Response[bytes]:
    """J03: the communication types with their head-ends."""
    rows = await door_of(request).ask(list_com_types, Nothing(), await signed_in(request))
    sources: dict[str, list[ComSource]] = {row.com_type: [] for row in rows if row.listed}
    for row in rows:
        if row.listed and row.source is not None:
            sources[row.com_type].append(ComSource(row.source, pull_reads=bool(row.pull_reads)))
    return done({com: ComTypeDetails(com, told or msgspec.UNSET) for com, told in sources.items()})


@get(
    "/meters/get-meters",
    operation_class=documented(
        "J04",
        MeterList,
        parameters=(
            PORTAL,
            parameter("com", "Those of one communication type.", example="MultiSpeak"),
            *PAGE,
        ),
        public=True,
        within=FILE_SECONDS,
        calls=(list_public_meters,),
    ),
)
async def get_meters(request: AnyRequest) -> Response[bytes]:
    """J04: the meters of a portal, to anybody unless the deployment says otherwise."""
    query = Query(request.scope)
    portal, com = query.text("portal"), query.maybe("com")
    question = MetersWanted(com, *query.page())
    if request.app.state.settings.public_meter_list:
        limits_of(request).count_public_list(address_of(request))
        view, actor = list_public_meters, nobody().at(portal)
    else:
        view, actor = list_meters, await signed_in(request, portal)
    async with door_of(request).asking(view, actor) as tx:
        return await done_each(wire.pieces(view(tx, question)), within="meters")


@get(
    "/meters/get-meter",
    operation_class=documented(
        "J05", MeterDetails, parameters=(PORTAL, SERIAL_NUMBER), names=True, calls=(show_meter,)
    ),
)
async def get_meter(request: AnyRequest) -> Response[bytes]:
    """J05: one meter."""
    query = Query(request.scope)
    actor = await signed_in(request, query.text("portal"))
    question = MeterWanted(query.text("serialnumber"))
    return done(_told(*await door_of(request).ask(show_meter, question, actor)))


def subtariff(payment_mode: str | None) -> str:
    """Tell how an account pays; what supplies none counts as prepaid."""
    return "PostPaid" if payment_mode == "POSTPAID" else "PrePaid"


def _told(portal: Portal, meter: Meter) -> MeterDetails:
    """Tell a meter in the 39 members of the document; what we do not keep of it is empty."""
    zone = portal.zone
    return MeterDetails(
        portal=portal.key,
        loc_id=meter.loc_id or UNASSIGNED,
        account=meter.account or UNASSIGNED,
        id=meter.device_id,
        serial_number=meter.serial_number,
        name=meter.name,
        com=meter.com_type,
        tariff=meter.tariff or "",
        subtariff=subtariff(meter.payment_mode),
        type_id="",
        status_type_id="",
        service_status=0,
        sgc=meter.sgc,
        kva_demand_rating=meter.kva_demand_rating,
        vendable=int(meter.vendable),
        meter_location="",
        misc_data="",
        meter_state=meter.meter_state,
        installer="",
        units=meter.units,
        factor=meter.factor,
        phases=meter.phases,
        ststi=meter.ti,
        sts_key_rev=meter.key_rev,
        sts_exp_num=meter.key_exp,
        sts_base_date=meter.base_date,
        sts_version=meter.sts_version,
        disco_profile=meter.disco_profile,
        breaker="",
        comments="",
        created=format_instant(meter.created_at, zone),
        last_mod=format_instant(meter.last_mod, zone),
        type=meter.type,
        form_factor="",
        wiring="-",
        current_per_phase=_NONE,
        voltage_per_phase=_NONE,
        frequency=_NONE,
        ami_wallet=meter.wallet_kind,
    )


ROUTES = [get_supported, get_meters, get_meter]
