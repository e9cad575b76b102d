"""Buildings, sites, their meters, and what is lost on the way there."""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from currant.api.utilmate.methods import Row, Total, changes, reads
from currant.api.utilmate.parameters import (
    RESULT,
    BuildingCode,
    Day,
    Flag,
    Instant,
    Page,
    Sent,
    SiteIdentifier,
    flag,
    no_null,
    words,
)
from currant.clock import day_bounds, format_instant
from currant.db.tx import Tx
from currant.directory.model import BuildingsWanted, Site, SiteMetersWanted, SitesWanted, SiteWanted
from currant.directory.model import PlaceAddress as Place
from currant.directory.model import SiteAgreement as Agreement
from currant.directory.verbs import (
    count_buildings,
    count_sites,
    list_buildings,
    list_sites,
    show_site,
    site_registers,
)
from currant.fieldwork.model import SetSiteStatuses, SiteStatusTold
from currant.fieldwork.verbs import set_site_statuses
from currant.locations.model import LossFactorsWanted
from currant.locations.verbs import loss_factors

SITE_STATUS = words("NOT_READY", "ENERGISED", "DE_ENERGISED", "EXTINCT")


class LossSent(Sent, frozen=True, kw_only=True):
    """Whose loss factor: a site's, or a building's, on a day."""

    one_of: ClassVar[tuple[str, ...]] = ("site_identifier", "building_code")

    site_identifier: SiteIdentifier | None = None
    building_code: BuildingCode | None = None
    effective_date: Annotated[Day | None, Meta(description="Today where it is left out.")] = None
    product_type: str | None = None


class LossFactor(Row, frozen=True, kw_only=True):
    """What has to be fed in for a unit at the meter; a site's own comes before its building's."""

    building_code: str
    building_name: str
    site_identifier: str | msgspec.UnsetType = msgspec.UNSET
    network: str
    dlf_code: str
    dlf: Decimal
    tni: str
    mlf: Decimal
    internal_loss_factor: Decimal
    total_loss_factor: Decimal
    product_type: str
    start_date: date
    end_date: date | None
    source: str


@reads("GETLOSS", "U19", calls=loss_factors)
async def get_loss(tx: Tx, wanted: LossSent) -> AsyncIterator[LossFactor]:
    """Tell the loss factors of a site or a building on a day; none where none is on file."""
    question = LossFactorsWanted(
        wanted.site_identifier, wanted.building_code, wanted.effective_date, wanted.product_type
    )
    for row in await loss_factors(tx, question):
        facts = msgspec.structs.asdict(row)
        yield LossFactor(**facts | {"site_identifier": no_null(row.site_identifier)})


class SiteStatusSent(Sent, frozen=True, kw_only=True):
    """The status of a site from a day on."""

    building_code: BuildingCode
    site_identifier: SiteIdentifier
    site_status: Literal["NOT_READY", "ENERGISED", "DE_ENERGISED", "EXTINCT"]
    effective_date: Annotated[Day | None, Meta(description="Today where it is left out.")] = None
    reason: str = ""


class SiteStatusSet(Row, frozen=True, kw_only=True):
    """The status of a site, and the one that it had before."""

    site_identifier: str
    site_status: Annotated[str, SITE_STATUS]
    previous_status: Annotated[str, SITE_STATUS]
    effective_date: date
    result: Annotated[str, RESULT]


@changes("POSTSITE", "U34", calls=set_site_statuses)
async def post_site(tx: Tx, sent: list[SiteStatusSent]) -> list[SiteStatusSet]:
    """Set the status of a site in a building; one with life support is not de-energised."""
    told = [
        SiteStatusTold(
            one.building_code,
            one.site_identifier,
            one.site_status,
            one.effective_date,
            one.reason,
        )
        for one in sent
    ]
    return [
        SiteStatusSet(**msgspec.structs.asdict(row))
        for row in await set_site_statuses(tx, SetSiteStatuses(told))
    ]


class PlaceAddress(msgspec.Struct, frozen=True):
    """Where something stands."""

    line1: str
    line2: str
    suburb: str
    state: str
    postcode: str
    country: str


def place_address(place: Place) -> PlaceAddress:
    """Write an address."""
    return PlaceAddress(
        place.line_1, place.line_2, place.suburb, place.state, place.postcode, place.country
    )


class BuildingsSent(Page, frozen=True, kw_only=True):
    """Which buildings: of a network, in use or not, changed since a day."""

    network: str | None = None
    active: bool = True
    updated_since: Day | None = None


class GateMeter(msgspec.Struct, frozen=True):
    """The meter of a building's gate: what it takes from the network."""

    site_identifier: str
    serial_number: str
    product_type: str


class BuildingListed(Row, frozen=True, kw_only=True):
    """A building; `vacant_site_count` is of the units where nobody is supplied."""

    building_code: str
    building_name: str
    display_name: str
    network: str
    address: PlaceAddress
    timezone: str
    product_types: list[str]
    bill_cycle_code: Annotated[str, words("MONTHLY", "QUARTERLY", "HOLD")]
    billing_day: int
    site_count: int
    vacant_site_count: int
    gate_meters: list[GateMeter]
    abn: str
    apply_move_in_charge: Flag
    apply_move_out_charge: Flag
    move_workorders_disabled: Flag
    active: Flag
    attributes: dict[str, Any]


@reads("GETBUILDINGLIST", "U03", calls=list_buildings, pages=True)
async def get_building_list(tx: Tx, wanted: BuildingsSent) -> AsyncIterator[BuildingListed | Total]:
    """List the buildings of the portal, those in use."""
    since = None
    if wanted.updated_since is not None:
        since = day_bounds(wanted.updated_since, tx.portal.zone)[0]
    question = BuildingsWanted(
        network=wanted.network,
        active=wanted.active,
        updated_since=since,
        how_many=wanted.limit,
        beyond=wanted.offset,
    )
    for row in await list_buildings(tx, question):
        facts = _facts(row, "address", "gate_meters")
        yield BuildingListed(
            **facts,
            address=place_address(row.address),
            gate_meters=[GateMeter(**msgspec.structs.asdict(one)) for one in row.gate_meters],
        )
    yield Total(total=await count_buildings(tx, question))


class SitesSent(Page, frozen=True, kw_only=True):
    """The sites of a building."""

    building_code: BuildingCode
    site_status: Literal["NOT_READY", "ENERGISED", "DE_ENERGISED", "EXTINCT"] | None = None
    occupancy: Literal["OCCUPIED", "VACANT"] | None = None
    product_type: str | None = None


class SiteListed(Row, frozen=True, kw_only=True):
    """A site and one of the products that are measured or supplied there."""

    building_code: str
    building_name: str
    site_identifier: str
    site_name: str
    nmi_checksum: str | msgspec.UnsetType = msgspec.UNSET
    loc_id: str
    product_type: str
    site_type: Annotated[str, words("RESIDENTIAL", "BUSINESS", "COMMON", "GATE")]
    unit_no: str
    floor: str
    address: PlaceAddress
    site_status: Annotated[str, SITE_STATUS]
    occupancy: Annotated[str, words("OCCUPIED", "VACANT")]
    account_number: str | msgspec.UnsetType = msgspec.UNSET
    account_name: str | msgspec.UnsetType = msgspec.UNSET
    metering_type: Annotated[str, words("BASIC", "AM", "")]
    life_support: Flag
    price_plan_code: str | msgspec.UnsetType = msgspec.UNSET


@reads("GETSITELIST", "U17", calls=list_sites, pages=True)
async def get_site_list(tx: Tx, wanted: SitesSent) -> AsyncIterator[SiteListed | Total]:
    """List the sites of a building, a row for each product there."""
    question = SitesWanted(
        wanted.building_code,
        wanted.site_status,
        wanted.occupancy,
        wanted.product_type,
        how_many=wanted.limit,
        beyond=wanted.offset,
    )
    async for row in list_sites(tx, question):
        yield SiteListed(**_site(row))
    yield Total(total=await count_sites(tx, question))


class SiteSent(Sent, frozen=True, kw_only=True):
    """Which site: by its market identifier, or by our number."""

    one_of: ClassVar[tuple[str, ...]] = ("site_identifier", "loc_id")

    site_identifier: SiteIdentifier | None = None
    loc_id: str | None = None


class SiteMeter(msgspec.Struct, frozen=True):
    """A register at a site, in short."""

    meter_code: str
    serial_number: str
    register: int
    status: Annotated[str, words("ACTIVE", "INACTIVE")]


class SiteAgreement(msgspec.Struct, frozen=True):
    """Who is supplied at a site with what, and until when where that is known."""

    cust_account_id: int
    product_type: str
    account_number: str
    account_name: str
    start_date: date
    end_date: date | None
    status: str


class SiteShown(SiteListed, frozen=True, kw_only=True):
    """A site with its connection, its meters, and who is supplied there now and next."""

    network: str
    dlf_code: str
    tni: str
    lat: str
    long: str
    substation: str
    transformer: str
    feeder: str
    module: str
    socket: int
    voltage: str
    kva: Decimal
    phases: int
    site_status_date: date | None
    parent_site_identifier: str
    meters: list[SiteMeter]
    current_agreement: SiteAgreement | None
    next_agreement: SiteAgreement | None
    notes: str
    created: Instant
    last_mod: Instant


@reads("GETSITE", "U25", calls=show_site)
async def get_site(tx: Tx, wanted: SiteSent) -> AsyncIterator[SiteShown]:
    """Tell a site with its connection, its meters and its agreements."""
    row = await show_site(tx, SiteWanted(wanted.site_identifier or wanted.loc_id or ""))
    names = set(SiteShown.__struct_fields__) - set(SiteListed.__struct_fields__)
    facts = {name: getattr(row, name) for name in names}
    yield SiteShown(
        **_site(row)
        | facts
        | {
            "parent_site_identifier": row.parent_site_identifier or "",
            "meters": [
                SiteMeter(one.meter_code, one.serial_number, one.register, one.status)
                for one in row.meters
            ],
            "current_agreement": _agreement(row.current_agreement),
            "next_agreement": _agreement(row.next_agreement),
            "created": format_instant(row.created, tx.portal.zone),
            "last_mod": format_instant(row.last_mod, tx.portal.zone),
        }
    )


class MetersSent(Sent, frozen=True, kw_only=True):
    """The meters of a site, on a day; those taken down too where that is asked for."""

    site_identifier: SiteIdentifier
    include_inactive: bool = False
    as_at: Annotated[Day | None, Meta(description="Today where it is left out.")] = None


class RegisterListed(Row, frozen=True, kw_only=True):
    """A register at a site; its last read is before the multiplier."""

    site_identifier: str
    site_name: str
    building_code: str
    building_name: str
    meter_code: str
    serial_number: str
    device_id: str
    meter_register: int
    metering_type: Annotated[str, words("BASIC", "AM")]
    product_type: str
    meter_type_code: str
    unit: str
    multiplier: Decimal
    dial_format: str
    direction_indicator: Annotated[str, words("E", "I")]
    controlled_load: Flag
    meter_timing: str
    manufacturer: str
    model: str
    location_of_meter: str
    meter_hazards: str
    install_date: date | None
    removed_date: date | None
    meter_status_code: Annotated[str, words("ACTIVE", "INACTIVE")]
    com: str
    meter_state: str
    parent_site_identifier: str
    last_read: Decimal | None
    last_read_date: date | None
    last_read_type: str
    next_scheduled_read_date: date | None


@reads("GETMETER", "U10", calls=site_registers)
async def get_meter(tx: Tx, wanted: MetersSent) -> AsyncIterator[RegisterListed]:
    """List the registers of a site with their last reads."""
    question = SiteMetersWanted(wanted.site_identifier, wanted.as_at, wanted.include_inactive)
    for row in await site_registers(tx, question):
        facts = _facts(row)
        facts |= {
            "dial_format": str(row.dial_format),
            "parent_site_identifier": row.parent_site_identifier or "",
            "last_read_type": row.last_read_type or "",
        }
        yield RegisterListed(**{"next_scheduled_read_date": None} | facts)


def _facts(row: msgspec.Struct, *but: str) -> dict[str, Any]:
    """Return the members of a row, flags as they are written."""
    told = {name: getattr(row, name) for name in row.__struct_fields__ if name not in but}
    return {n: flag(value) if isinstance(value, bool) else value for n, value in told.items()}


def _site(row: Site) -> dict[str, Any]:
    names = set(SiteListed.__struct_fields__) - {"item"}
    left_out = ("account_number", "account_name", "price_plan_code")
    facts = {name: getattr(row, name) for name in names}
    return facts | {
        "site_identifier": row.site_identifier or "",
        "nmi_checksum": msgspec.UNSET if row.nmi_checksum is None else str(row.nmi_checksum),
        "product_type": row.product_type or "ELECTRICITY",
        "address": place_address(row.address),
        "life_support": flag(row.life_support),
        **{name: no_null(getattr(row, name)) for name in left_out},
    }


def _agreement(row: Agreement | None) -> SiteAgreement | None:
    return None if row is None else SiteAgreement(**msgspec.structs.asdict(row))
