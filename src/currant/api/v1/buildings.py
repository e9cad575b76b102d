"""Buildings, their sites, and what is lost on the way there."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from currant.api.http import AnyRequest, door_of, json_of, signed_in
from currant.api.v1.frame import Cursor, IdempotencyKey, Limit, answer, begins_after, counted_page
from currant.api.v1.openapi import documented
from currant.directory.model import (
    Building,
    BuildingsWanted,
    BuildingWanted,
    Site,
    SiteMetersWanted,
    SiteRegister,
    SiteShown,
    SitesWanted,
    SiteWanted,
)
from currant.directory.verbs import (
    list_buildings,
    list_sites,
    show_building,
    show_site,
    site_registers,
)
from currant.fieldwork.model import SetSiteStatuses, SiteStatusSet, SiteStatusTold
from currant.fieldwork.verbs import set_site_statuses
from currant.locations import verbs
from currant.locations.model import (
    BuildingChange,
    BuildingKept,
    ChangeBuilding,
    CreateBuildings,
    CreateSites,
    LossFactor,
    LossFactorsSet,
    LossFactorsWanted,
    NewBuilding,
    NewLossFactor,
    NewSite,
    SetLossFactors,
    SiteCreated,
)

Network = Annotated[str | None, QueryParameter(description="Of this distributor.")]
Retired = Annotated[bool, QueryParameter(description="Those that are not in use, too.")]
SiteStatus = Annotated[str | None, QueryParameter(description="Of sites with this status.")]
Occupancy = Annotated[str | None, QueryParameter(description="OCCUPIED or VACANT.")]
Product = Annotated[str | None, QueryParameter(description="Of this product.")]
OfSite = Annotated[str | None, QueryParameter(description="Of this site.")]
OfBuilding = Annotated[str | None, QueryParameter(description="Of this building.")]
OnDay = Annotated[date | None, QueryParameter(description="On this day; today without.")]
AsAt = Annotated[date | None, QueryParameter(description="At the end of this day; now without.")]
Inactive = Annotated[bool, QueryParameter(description="Those that were taken down, too.")]

# What the document shows as examples.
_BUILDING = NewBuilding("TWR01", "Tower One", network="Ausgrid", timezone="Australia/Sydney")
_SITE = NewSite("TWR01", "4103000012", site_name="Unit 12", unit_no="12")
_CHANGE = BuildingChange(network="Endeavour", billing_day=5)
_LOSS = NewLossFactor(
    Decimal("1.0514"), date(2024, 7, 1), building_code="TWR01", mlf=Decimal("0.9876")
)
_STATUS = SiteStatusTold("TWR01", "4103000012", "DE_ENERGISED", reason="Empty until spring.")


@get("/v1/{portal:str}/buildings", operation_class=documented(Building, paged=True))
async def get_buildings(
    request: AnyRequest,
    portal: FromPath[str],
    network: Network = None,
    retired: Retired = False,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response[Any]:
    """List buildings by code, with their sites counted and their gate meters."""
    actor = await signed_in(request, portal)
    beyond = begins_after(cursor)
    question = BuildingsWanted(None, network, None if retired else True, None, limit, beyond)
    rows = await door_of(request).ask(list_buildings, question, actor)
    return counted_page(rows, limit, beyond)


@get("/v1/{portal:str}/buildings/{building:str}", operation_class=documented(Building))
async def get_building(
    request: AnyRequest, portal: FromPath[str], building: FromPath[str]
) -> Response[Any]:
    """Show a building, in use or not."""
    actor = await signed_in(request, portal)
    return answer(await door_of(request).ask(show_building, BuildingWanted(building), actor))


@post(
    "/v1/{portal:str}/buildings",
    operation_class=documented(
        BuildingKept, takes=CreateBuildings([_BUILDING]), status=201, listed=True
    ),
)
async def post_buildings(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Create buildings, all of them or none."""
    actor = await signed_in(request, portal)
    command = await json_of(request, CreateBuildings)
    made = await door_of(request).act(verbs.create_buildings, command, actor, idempotency_key)
    return answer({"data": made}, 201)


@post(
    "/v1/{portal:str}/buildings/{building:str}",
    status_code=200,
    operation_class=documented(BuildingKept, takes=_CHANGE),
)
async def post_building(
    request: AnyRequest,
    portal: FromPath[str],
    building: FromPath[str],
    idempotency_key: IdempotencyKey = None,
) -> Response[Any]:
    """Change a building; what is left out stays as it is."""
    actor = await signed_in(request, portal)
    command = ChangeBuilding(building, await json_of(request, BuildingChange))
    kept = await door_of(request).act(verbs.change_building, command, actor, idempotency_key)
    return answer(kept)


@get(
    "/v1/{portal:str}/buildings/{building:str}/sites", operation_class=documented(Site, paged=True)
)
async def get_sites(
    request: AnyRequest,
    portal: FromPath[str],
    building: FromPath[str],
    site_status: SiteStatus = None,
    occupancy: Occupancy = None,
    product_type: Product = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response[Any]:
    """List the sites of a building, a row for each product there."""
    actor = await signed_in(request, portal)
    beyond = begins_after(cursor)
    question = SitesWanted(building, site_status, occupancy, product_type, limit, beyond)
    async with door_of(request).asking(list_sites, actor) as tx:
        rows = [site async for site in list_sites(tx, question)]
    return counted_page(rows, limit, beyond)


@post(
    "/v1/{portal:str}/sites",
    operation_class=documented(SiteCreated, takes=CreateSites([_SITE]), status=201, listed=True),
)
async def post_sites(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Create sites, all of them or none, numbered in their order."""
    actor = await signed_in(request, portal)
    command = await json_of(request, CreateSites)
    made = await door_of(request).act(verbs.create_sites, command, actor, idempotency_key)
    return answer({"data": made}, 201)


@get("/v1/{portal:str}/sites/{site:str}", operation_class=documented(SiteShown))
async def get_site(
    request: AnyRequest, portal: FromPath[str], site: FromPath[str]
) -> Response[Any]:
    """Show a site by its identifier or its number, with who is supplied there now and next."""
    actor = await signed_in(request, portal)
    return answer(await door_of(request).ask(show_site, SiteWanted(site), actor))


@get(
    "/v1/{portal:str}/sites/{site:str}/meters",
    operation_class=documented(SiteRegister, listed=True),
)
async def get_site_meters(
    request: AnyRequest,
    portal: FromPath[str],
    site: FromPath[str],
    as_at: AsAt = None,
    include_inactive: Inactive = False,
) -> Response[Any]:
    """List the registers of the meters at a site, with their last reads."""
    actor = await signed_in(request, portal)
    question = SiteMetersWanted(site, as_at, include_inactive)
    return answer({"data": await door_of(request).ask(site_registers, question, actor)})


@post(
    "/v1/{portal:str}/sites/status",
    status_code=200,
    operation_class=documented(SiteStatusSet, takes=SetSiteStatuses([_STATUS]), listed=True),
)
async def post_site_status(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Set how sites stand, all of them or none: NOT_READY, ENERGISED, DE_ENERGISED, EXTINCT."""
    actor = await signed_in(request, portal)
    command = await json_of(request, SetSiteStatuses)
    done = await door_of(request).act(set_site_statuses, command, actor, idempotency_key)
    return answer({"data": done})


@get("/v1/{portal:str}/loss-factors", operation_class=documented(LossFactor, listed=True))
async def get_loss_factors(
    request: AnyRequest,
    portal: FromPath[str],
    site_identifier: OfSite = None,
    building_code: OfBuilding = None,
    effective_date: OnDay = None,
    product_type: Product = None,
) -> Response[Any]:
    """List the loss factors of a site or a building on a day, one of each product."""
    actor = await signed_in(request, portal)
    question = LossFactorsWanted(site_identifier, building_code, effective_date, product_type)
    return answer({"data": await door_of(request).ask(verbs.loss_factors, question, actor)})


@post(
    "/v1/{portal:str}/loss-factors",
    status_code=200,
    operation_class=documented(LossFactorsSet, takes=SetLossFactors([_LOSS])),
)
async def post_loss_factors(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Set loss factors of buildings or sites from a day each; what ran until then ends."""
    actor = await signed_in(request, portal)
    command = await json_of(request, SetLossFactors)
    done = await door_of(request).act(verbs.set_loss_factors, command, actor, idempotency_key)
    return answer(done)


ROUTES = [
    get_buildings,
    get_building,
    post_buildings,
    post_building,
    get_sites,
    post_sites,
    get_site,
    get_site_meters,
    post_site_status,
    get_loss_factors,
    post_loss_factors,
]
