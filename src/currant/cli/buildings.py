"""`currant building` and `currant site`: what is supplied, and how it stands."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import typer

from currant.access.verbs import Nothing, show_portal
from currant.cli.frame import Session, command
from currant.cli.imports import DryRun, Key
from currant.cli.told import ListFile, Text, day, lines, listed
from currant.clock import parse_day
from currant.directory.model import BuildingsWanted, BuildingWanted, SitesWanted, SiteWanted
from currant.directory.verbs import list_buildings, list_sites, show_building, show_site
from currant.fieldwork.model import SetSiteStatuses, SiteStatusTold
from currant.fieldwork.verbs import set_site_statuses
from currant.locations.model import (
    CreateBuildings,
    CreateSites,
    LossFactorsWanted,
    NewBuilding,
    NewLossFactor,
    NewSite,
    SetLossFactors,
)
from currant.locations.verbs import create_buildings, create_sites, loss_factors, set_loss_factors
from currant.money import parse_amount

app = typer.Typer(no_args_is_help=True)
sites = typer.Typer(no_args_is_help=True)
losses = typer.Typer(no_args_is_help=True)

Code = Annotated[str, typer.Argument(help="The building: TWR01", metavar="BUILDING")]
Site = Annotated[str, typer.Argument(help="The site: 4103000012, or L03281", metavar="SITE")]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="How many are listed.")]

_PLACES = 6


class Standing(StrEnum):
    """How a site stands."""

    NOT_READY = "NOT_READY"
    ENERGISED = "ENERGISED"
    DE_ENERGISED = "DE_ENERGISED"
    EXTINCT = "EXTINCT"


@command(app, "create")
async def create_building(
    session: Session,
    code: Annotated[Text, typer.Argument(help="What the building is called: TWR01")] = None,
    name: Annotated[Text, typer.Argument(help="What people call it.")] = None,
    *,
    network: Annotated[str, typer.Option(help="The distributor.")] = "",
    address: Annotated[str, typer.Option(help="The first line of the address.")] = "",
    suburb: Annotated[str, typer.Option(help="The suburb or city.")] = "",
    state: Annotated[str, typer.Option(help="The state: NSW")] = "",
    postcode: Annotated[str, typer.Option(help="The postcode.")] = "",
    country: Annotated[str, typer.Option(help="The country: AU")] = "",
    timezone: Annotated[Text, typer.Option(help="Its time zone; the portal's without.")] = None,
    billing_day: Annotated[int, typer.Option(help="The day of the month it is billed.")] = 1,
    file: ListFile = None,
    dry_run: DryRun = False,
    key: Key = None,
) -> None:
    """Create a building, or those of a file."""
    one = None
    if code is not None:
        building = NewBuilding(
            code,
            name or code,
            network=network,
            address_1=address,
            suburb=suburb,
            state=state,
            postcode=postcode,
            country=country,
            timezone=timezone,
            billing_day=billing_day,
        )
        one = CreateBuildings([building])
    wanted = listed(session, file, CreateBuildings, one)
    made = await session.act(create_buildings, wanted, key, dry_run=dry_run)
    session.teller.rows(made, "building_code", "building_id")


@command(app, "list")
async def buildings(
    session: Session,
    *,
    network: Annotated[Text, typer.Option(help="Of this distributor only.")] = None,
    retired: Annotated[bool, typer.Option("--retired", help="Those not in use, too.")] = False,
    limit: Limit = 200,
) -> None:
    """List buildings, with their sites counted."""
    wanted = BuildingsWanted(None, network, None if retired else True, None, limit)
    found = await session.ask(list_buildings, wanted)
    columns = ("building_code", "building_name", "network", "site_count", "vacant_site_count")
    session.teller.rows(found, *columns)


@command(app, "show")
async def building(session: Session, code: Code) -> None:
    """Show a building: its address, its billing, its gate meters."""
    shown = await session.ask(show_building, BuildingWanted(code))
    portal = await session.ask(show_portal, Nothing())
    session.teller.tell(shown, lambda: "\n".join(lines(shown, portal.zone)))


@command(sites, "create")
async def create_site(
    session: Session,
    site: Annotated[Text, typer.Argument(help="Its identifier in the market (NMI, ICP).")] = None,
    *,
    building: Annotated[Text, typer.Option(help="The building it is in.")] = None,
    name: Annotated[str, typer.Option(help="What people call it: Unit 12")] = "",
    unit: Annotated[str, typer.Option(help="The number of the unit.")] = "",
    parent: Annotated[Text, typer.Option(help="The site of the gate meter before it.")] = None,
    gate: Annotated[bool, typer.Option("--gate", help="It is such a gate itself.")] = False,
    file: ListFile = None,
    dry_run: DryRun = False,
    key: Key = None,
) -> None:
    """Create a site, or those of a file: all the units of a building at once."""
    one = None
    if site is not None:
        told = NewSite(
            building,
            site,
            site_name=name,
            site_type="GATE" if gate else "RESIDENTIAL",
            unit_no=unit,
            parent_site_identifier=parent,
        )
        one = CreateSites([told])
    wanted = listed(session, file, CreateSites, one)
    made = await session.act(create_sites, wanted, key, dry_run=dry_run)
    session.teller.rows(made, "site_identifier", "loc_id", "site_name")


@command(sites, "list")
async def sites_of(
    session: Session,
    code: Code,
    *,
    vacant: Annotated[bool, typer.Option("--vacant", help="Where nobody is supplied.")] = False,
    limit: Limit = 1000,
) -> None:
    """List the sites of a building, a row for each product there."""
    wanted = SitesWanted(code, occupancy="VACANT" if vacant else None, how_many=limit)
    async with session.door.asking(list_sites, session.actor) as tx:
        found = [site async for site in list_sites(tx, wanted)]
    columns = ("site_identifier", "site_name", "product_type", "site_status", "account_number")
    session.teller.rows(found, *columns, "account_name", "price_plan_code")


@command(sites, "show")
async def show(session: Session, site: Site) -> None:
    """Show a site: its connection, its meters as last read, who is supplied there now and next."""
    shown = await session.ask(show_site, SiteWanted(site))
    portal = await session.ask(show_portal, Nothing())
    session.teller.tell(shown, lambda: "\n".join(lines(shown, portal.zone)))


@command(sites, "status")
async def status(
    session: Session,
    code: Code,
    site: Site,
    to: Annotated[Standing, typer.Argument(help="How it stands.", case_sensitive=False)],
    *,
    on: Annotated[Text, typer.Option(help="From this day on; today without.")] = None,
    reason: Annotated[str, typer.Option(help="Why; it is kept with the site.")] = "",
    key: Key = None,
) -> None:
    """Say how a site stands."""
    told = SiteStatusTold(code, site, to.value, day(on), reason)
    done = await session.act(set_site_statuses, SetSiteStatuses([told]), key)
    session.teller.rows(done, "site_identifier", "previous_status", "site_status", "effective_date")


@command(losses, "set")
async def set_loss(
    session: Session,
    dlf: Annotated[str, typer.Argument(help="The network's distribution factor: 1.0514")],
    *,
    since: Annotated[str, typer.Option("--from", help="From this day on: 2024-07-01")],
    site: Annotated[Text, typer.Option(help="Of this site.")] = None,
    building: Annotated[Text, typer.Option(help="Of all sites of this building.")] = None,
    mlf: Annotated[str, typer.Option(help="The transmission's factor.")] = "1",
    internal: Annotated[str, typer.Option(help="The building's own factor.")] = "1",
    code: Annotated[str, typer.Option(help="What the network calls it.")] = "",
    key: Key = None,
) -> None:
    """Set the loss factor of a building, or of a site in its place, from a day on."""
    factor = NewLossFactor(
        _factor(dlf),
        parse_day(since),
        building_code=building,
        site_identifier=site,
        dlf_code=code,
        mlf=_factor(mlf),
        internal=_factor(internal),
    )
    done = await session.act(set_loss_factors, SetLossFactors([factor]), key)
    session.teller.rows([done], "loss_factors")


@command(losses, "show")
async def show_losses(
    session: Session,
    *,
    site: Annotated[Text, typer.Option(help="Of this site.")] = None,
    building: Annotated[Text, typer.Option(help="Of this building.")] = None,
    on: Annotated[Text, typer.Option(help="On this day; today without.")] = None,
) -> None:
    """Show the loss factors of a site or a building on a day."""
    found = await session.ask(loss_factors, LossFactorsWanted(site, building, day(on)))
    columns = ("product_type", "dlf", "mlf", "internal_loss_factor", "total_loss_factor")
    session.teller.rows(found, *columns, "start_date", "end_date")


def _factor(text: str) -> Decimal:
    return parse_amount(text, places=_PLACES)
