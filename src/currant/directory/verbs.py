"""The questions that the directory answers."""

from collections.abc import AsyncIterator, Iterable
from typing import Any

import msgspec

from currant.access.permissions import Permission, needs
from currant.customers.model import NoSuchAccount
from currant.customers.verbs import account_id_of, account_id_of_contract
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.directory.model import (
    AccountLine,
    Building,
    BuildingRow,
    BuildingsWanted,
    BuildingWanted,
    CustomerDetails,
    CustomerRow,
    CustomerWanted,
    Site,
    SiteDetails,
    SiteLine,
    SiteMetersWanted,
    SiteRegister,
    SiteRow,
    SiteShown,
    SitesWanted,
    SiteWanted,
)
from currant.directory.shown import building_shown, customer_shown, site_in_full, site_shown
from currant.errors import Forbidden, Invalid
from currant.locations.model import Keys, NoSuchBuilding
from currant.locations.verbs import buildings_of, sites_of

sql = Statements(__package__)
_BUILDINGS = sql.rows("buildings", BuildingRow)
_SITES = sql.rows("sites", SiteRow)
_SITE = sql.rows("site", SiteDetails)
_SITE_REGISTERS = sql.rows("site_registers", SiteRegister)
_CUSTOMER_DETAILS = sql.rows("customer_details", CustomerRow)
_ACCOUNT_LINE = sql.rows("account_line", AccountLine)
_ACCOUNTS_OF_CONTRACTS = sql.rows("accounts_of_contracts", Keys)
_SITE_LINES = sql.rows("site_lines", SiteLine)


@needs(Permission.LOCATION_VIEW)
async def list_buildings(tx: Tx, question: BuildingsWanted) -> list[Building]:
    """List buildings by code, with their sites counted and their gate meters (U03)."""
    rows = await tx.all(_BUILDINGS, **_about_buildings(tx, question))
    return list(map(building_shown, rows))


@needs(Permission.LOCATION_VIEW)
async def count_buildings(tx: Tx, question: BuildingsWanted) -> int:
    """Say how many buildings `list_buildings` lists, whatever the page."""
    whole = msgspec.structs.replace(question, how_many=None, beyond=0)
    return await tx.count(_BUILDINGS, **_about_buildings(tx, whole))


@needs(Permission.LOCATION_VIEW)
async def show_building(tx: Tx, question: BuildingWanted) -> Building:
    """Show a building, in use or not, as the list does. Raises `NoSuchBuilding`."""
    found = await list_buildings(tx, BuildingsWanted(question.building_code, active=None))
    if not found:
        raise NoSuchBuilding(f"It is {question.building_code[:40]!r}.", field="building_code")
    return found[0]


@needs(Permission.LOCATION_VIEW)
async def list_sites(tx: Tx, question: SitesWanted) -> AsyncIterator[Site]:
    """List the sites of a building, a row for each product there, a few thousand at a time (U17).

    Those that supply an account that is blocked for the caller are left out. Raises
    `NoSuchBuilding`.
    """
    async for row in tx.each(_SITES, **await _about_building(tx, question)):
        yield site_shown(row)


@needs(Permission.LOCATION_VIEW)
async def count_sites(tx: Tx, question: SitesWanted) -> int:
    """Say how many rows `list_sites` lists, whatever the page."""
    whole = msgspec.structs.replace(question, how_many=None, beyond=0)
    return await tx.count(_SITES, **await _about_building(tx, whole))


@needs(Permission.LOCATION_VIEW)
async def show_site(tx: Tx, question: SiteWanted) -> SiteShown:
    """Show a site with its connection, its meters, and who is supplied there now and next (U25).

    Raises `NoSuchLocation`, and `Forbidden` where it supplies an account that is blocked.
    """
    site = (await sites_of(tx, [question.site], "site_identifier"))[question.site]
    rows = await tx.all(
        _SITES,
        **_about_sites(tx),
        building_id=None,
        location_id=site.location_id,
        site_status=None,
        occupancy=None,
        product_type=None,
        how_many=None,
        beyond=0,
    )
    if not rows:
        raise Forbidden("The account that is supplied there is blocked for you.")
    details = await tx.one(_SITE, **_about_sites(tx), location_id=site.location_id)
    registers = await site_registers(tx, SiteMetersWanted(question.site))
    return site_in_full(rows, details, registers)


@needs(Permission.METER_VIEW)
async def site_registers(tx: Tx, question: SiteMetersWanted) -> list[SiteRegister]:
    """List the registers of a site at the end of a day, or ever, with their last reads (U10).

    Raises `NoSuchLocation`.
    """
    site = (await sites_of(tx, [question.site], "site_identifier"))[question.site]
    return await tx.all(
        _SITE_REGISTERS,
        portal_id=tx.portal.portal_id,
        timezone=tx.portal.timezone,
        now=tx.now,
        location_id=site.location_id,
        as_at=question.as_at,
        include_inactive=question.include_inactive,
    )


@needs(Permission.CUSTOMER_VIEW)
async def customer_details(tx: Tx, question: CustomerWanted) -> CustomerDetails:
    """Show all that is known of the customer of an account, but no number of a card (U05).

    Raises `Invalid`, `NoSuchAccount`, and `Forbidden` for a blocked account.
    """
    if question.account_number is not None:
        account_id = await account_id_of(tx, question.account_number)
    elif question.sales_cust_number is not None:
        account_id = await account_id_of_contract(tx, question.sales_cust_number)
    else:
        told = "Name an account_number or a sales_cust_number."
        raise Invalid(told, field="account_number")
    row = await tx.one(
        _CUSTOMER_DETAILS,
        portal_id=tx.portal.portal_id,
        timezone=tx.portal.timezone,
        currency=tx.portal.currency,
        account_id=account_id,
        now=tx.now,
    )
    tx.user.refuse_blocked(row.account_number)
    return customer_shown(row)


async def account_line(tx: Tx, account: str) -> AccountLine:
    """Return an account with its customer, as lists begin. Raises `NoSuchAccount`."""
    line = await tx.maybe(_ACCOUNT_LINE, portal_id=tx.portal.portal_id, account=account)
    if line is None:
        raise NoSuchAccount(f"It was asked for as {account[:40]!r}.", field="account")
    return line


async def accounts_of_contracts(tx: Tx, contracts: Iterable[str]) -> dict[str, str]:
    """Return the accounts of customers by their keys with the utility, of those that there are."""
    keys = sorted(set(contracts))
    rows = await tx.all(_ACCOUNTS_OF_CONTRACTS, portal_id=tx.portal.portal_id, keys=keys)
    return {row.external_key: row.juice_key for row in rows}


async def site_lines(tx: Tx, location_ids: Iterable[int]) -> dict[int, SiteLine]:
    """Return sites by their ids, as lists tell them."""
    wanted = sorted(set(location_ids))
    rows = await tx.all(_SITE_LINES, portal_id=tx.portal.portal_id, location_ids=wanted)
    return {row.location_id: row for row in rows}


def _about_buildings(tx: Tx, question: BuildingsWanted) -> dict[str, Any]:
    """Return what buildings are asked for with."""
    return {
        "portal_id": tx.portal.portal_id,
        "timezone": tx.portal.timezone,
        "now": tx.now,
    } | msgspec.structs.asdict(question)


async def _about_building(tx: Tx, question: SitesWanted) -> dict[str, Any]:
    """Return what the sites of a building are asked for with."""
    buildings = await buildings_of(tx, [question.building_code], "building_code")
    return _about_sites(tx) | {
        "building_id": buildings[question.building_code].building_id,
        "location_id": None,
        "site_status": question.site_status,
        "occupancy": question.occupancy,
        "product_type": question.product_type,
        "how_many": question.how_many,
        "beyond": question.beyond,
    }


def _about_sites(tx: Tx) -> dict[str, Any]:
    """Return what the questions about sites all take."""
    return {
        "portal_id": tx.portal.portal_id,
        "timezone": tx.portal.timezone,
        "now": tx.now,
        "blocked": list(tx.user.blocked),
    }
