"""What is asked about what accounts pay."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Any

from msgspec.structs import replace

from currant.access.permissions import Permission, needs
from currant.clock import day_bounds
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.locations.verbs import buildings_of
from currant.prices.model import (
    Inducement,
    Offering,
    OfferingRow,
    Plan,
    PlanRow,
    PlansWanted,
    Price,
)

sql = Statements(__package__)
_PLANS = sql.rows("plans", PlanRow)
_PRICES = sql.rows("prices", Price)
_OFFERINGS = sql.rows("offerings", OfferingRow)
_TAX_AT = sql.rows("tax_at", Decimal)

_PAGE = 500
_INSTANT = timedelta(microseconds=1)


@needs(Permission.TARIFFS_VIEW)
async def plans(tx: Tx, question: PlansWanted) -> AsyncIterator[Plan]:
    """List plans of agreements with their prices, by account, service and time (U11, U21 to U23).

    A few hundred at a time; those of accounts that are blocked for the caller are left out. Raises
    `NoSuchBuilding`.
    """
    asked = await _asked(tx, question)
    at = asked["at"]
    tax = await tx.maybe(_TAX_AT, portal_id=tx.portal.portal_id, at=at) or Decimal(0)
    page: list[PlanRow] = []
    async for head in tx.each(_PLANS, **asked):
        page.append(head)
        if len(page) == _PAGE:
            for plan in await _whole(tx, page, at, tax, history=question.history):
                yield plan
            page = []
    for plan in await _whole(tx, page, at, tax, history=question.history):
        yield plan


@needs(Permission.TARIFFS_VIEW)
async def count_plans(tx: Tx, question: PlansWanted) -> int:
    """Say how many plans `plans` lists, whatever the page. Raises `NoSuchBuilding`."""
    whole = replace(question, how_many=None, beyond=0)
    return await tx.count(_PLANS, **await _asked(tx, whole))


async def _asked(tx: Tx, question: PlansWanted) -> dict[str, Any]:
    """Return what plans are asked for with; without a day those of now."""
    buildings = await buildings_of(tx, [question.building_code], "building_code")
    at = tx.now
    if question.as_at is not None:
        at = day_bounds(question.as_at, tx.portal.zone)[1] - _INSTANT
    return {
        "portal_id": tx.portal.portal_id,
        "timezone": tx.portal.timezone,
        "account": question.account,
        "agreement_id": question.agreement_id,
        "building_id": next((building.building_id for building in buildings.values()), None),
        "at": at,
        "history": question.history,
        "active_only": question.active_only,
        "blocked": list(tx.user.blocked),
        "how_many": question.how_many,
        "beyond": question.beyond,
    }


async def _whole(
    tx: Tx, heads: Sequence[PlanRow], at: datetime, tax: Decimal, *, history: bool
) -> list[Plan]:
    """Add what plans price and offer, in two statements for all of them."""
    if not heads:
        return []
    portal_id = tx.portal.portal_id
    tariff_ids = sorted({head.tariff_id for head in heads})
    rows = await tx.all(_PRICES, portal_id=portal_id, tariff_ids=tariff_ids)
    prices = {key: list(group) for key, group in groupby(rows, attrgetter("tariff_id"))}
    offering_ids = sorted({head.offering_id for head in heads if head.offering_id is not None})
    offered = await tx.all(_OFFERINGS, portal_id=portal_id, offering_ids=offering_ids)
    offerings = {
        key: _offering(list(group)) for key, group in groupby(offered, attrgetter("offering_id"))
    }
    return [
        Plan(
            head,
            [
                price
                for price in prices.get(head.tariff_id, [])
                if (price.meets(head.start_at, head.end_at) if history else price.holds(at))
            ],
            offerings.get(head.offering_id),
            tax,
            at,
        )
        for head in heads
    ]


def _offering(rows: Sequence[OfferingRow]) -> Offering:
    return Offering(
        rows[0].code,
        rows[0].description,
        [
            Inducement(row.kind, row.value, row.condition or "")
            for row in rows
            if row.kind is not None and row.value is not None
        ],
    )
