"""J22 get-location."""

from decimal import Decimal

import msgspec
from litestar import Response, get

from currant.api.http import AnyRequest, Query, door_of, signed_in
from currant.api.juice.frame import done
from currant.api.juice.meters import subtariff
from currant.api.juice.openapi import PORTAL, Instant, documented, parameter
from currant.clock import format_instant, format_set
from currant.db.tx import Portal
from currant.supply.model import Location, LocationWanted
from currant.supply.trinity import UNASSIGNED
from currant.supply.verbs import show_location


class LocationDetails(msgspec.Struct, frozen=True):
    """The answer of J22; a link that is not there is `unassigned`."""

    portal: str
    loc_id: str
    serial_number: str
    account: str
    loc_name: str
    loc_address_1: str
    loc_address_2: str
    loc_city: str
    loc_state: str
    loc_zip: str
    loc_lat: str
    loc_long: str
    substation: str
    transformer: str
    module: str
    socket: int
    meter_installed: Instant
    created: Instant
    last_mod: Instant
    voltage: str
    kva: Decimal
    tariff: str
    subtariff: str
    type: str
    form_factor: str
    wiring: str
    current_per_phase: Decimal
    feeder: str
    unit: str


@get(
    "/location/get-location",
    operation_class=documented(
        "J22",
        LocationDetails,
        parameters=(
            PORTAL,
            parameter("locid", "Our number of a location.", required=True, example="L03281"),
        ),
        names=True,
        calls=(show_location,),
    ),
)
async def get_location(request: AnyRequest) -> Response[bytes]:
    """J22: one location."""
    query = Query(request.scope)
    actor = await signed_in(request, query.text("portal"))
    question = LocationWanted(query.text("locid"))
    return done(_told(*await door_of(request).ask(show_location, question, actor)))


def _told(portal: Portal, location: Location) -> LocationDetails:
    """Tell a location in the members of the document; stored text is never trimmed."""
    zone = portal.zone
    return LocationDetails(
        portal=portal.key,
        loc_id=location.loc_id,
        serial_number=location.serial_number or UNASSIGNED,
        account=location.account or UNASSIGNED,
        loc_name=location.loc_name,
        loc_address_1=location.address_1,
        loc_address_2=location.address_2,
        loc_city=location.city,
        loc_state=location.state,
        loc_zip=location.zip,
        loc_lat=location.latitude,
        loc_long=location.longitude,
        substation=location.substation,
        transformer=location.transformer,
        module=location.module,
        socket=location.socket,
        meter_installed=format_set(location.meter_installed_at, zone),
        created=format_instant(location.created_at, zone),
        last_mod=format_instant(location.last_mod, zone),
        voltage=location.voltage,
        kva=location.kva,
        tariff=location.tariff or "",
        subtariff=subtariff(location.payment_mode),
        type=location.type,
        form_factor=location.form_factor,
        wiring=location.wiring,
        current_per_phase=location.current_per_phase,
        feeder=location.feeder,
        unit=location.unit,
    )


ROUTES = [get_location]
