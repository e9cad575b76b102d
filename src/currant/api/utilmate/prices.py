"""What accounts pay: lines, plans with their history, and what is told a customer."""

from collections.abc import AsyncIterator, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, ClassVar
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from currant.api.utilmate.methods import Row, Total, reads
from currant.api.utilmate.parameters import (
    Account,
    BuildingCode,
    Day,
    Flag,
    Page,
    Sent,
    flag,
    words,
)
from currant.db.tx import Tx
from currant.directory.verbs import account_line
from currant.money import half_up
from currant.plans.model import RATE_PLACES, Offering, Plan, PlanRow, PlansWanted, Price
from currant.plans.verbs import count_plans, plans

BASIS = words("USAGE", "DAILY", "DEMAND", "FIXED")
GST = words("GST", "FREE")
_AS_AT = Meta(description="Today where it is left out.")
_INSTANT = timedelta(microseconds=1)
_PERCENT = Decimal(100)
_PRODUCTS = {
    "ELECTRICITY": "Electricity",
    "GAS": "Gas",
    "COLD_WATER": "Cold water",
    "HOT_WATER": "Hot water",
    "TELCO": "Telephone",
    "ISP": "Internet",
    "SUNDRY": "Sundry",
}
# What a standing charge is told for, and how the library calls that.
_UNITS = {
    "DAILY": "day",
    "MONTHLY": "month",
    "KVA": "kVA month",
    "MINIMUM": "month",
    "MINIMUM_DAILY": "day",
}


class PricesSent(Sent, frozen=True, kw_only=True):
    """Whose prices, on which day."""

    account_number: Account
    as_at: Annotated[Day | None, _AS_AT] = None


class PriceLine(Row, frozen=True, kw_only=True):
    """A rate or a charge that an account pays for a service."""

    account_number: str
    sales_cust_number: str
    account_name: str
    customer_type_code: str
    cust_account_id: int
    product_type: str
    site_identifier: str
    site_name: str
    building_code: str
    building_name: str
    product_code: str
    product_description: str
    price_plan_code: str
    price_plan_description: str
    meter_type_code: str
    tier: str
    rate_description: str
    charge_basis: Annotated[str, BASIS]
    unit: str
    step_from: Decimal
    rate: Decimal
    rate_incl_gst: Decimal
    gst_code: Annotated[str, GST]
    start_date: date
    end_date: date | None


@reads("GETPRICES", "U11", calls=plans)
async def get_prices(tx: Tx, wanted: PricesSent) -> AsyncIterator[PriceLine]:
    """List the rates and charges of an account's services, a line each."""
    await account_line(tx, wanted.account_number)
    async for plan in plans(tx, PlansWanted(wanted.account_number, as_at=wanted.as_at)):
        head, zone = plan.head, ZoneInfo(plan.head.zone)
        for price in plan.prices:
            start, end = _days(
                max(head.start_at, price.start_at or head.start_at),
                min(filter(None, (head.end_at, price.end_at)), default=None),
                zone,
            )
            yield PriceLine(
                **_service(head),
                building_code=head.building_code,
                building_name=head.building_name,
                product_code=head.product_type,
                product_description=_PRODUCTS.get(head.product_type, head.product_type),
                price_plan_code=head.plan,
                price_plan_description=head.plan_description,
                meter_type_code=price.meter_type_code or "ALLDAY",
                **_rate(price),
                rate_incl_gst=price.with_tax(plan.tax),
                start_date=start,
                end_date=end,
            )


class AllPlansSent(Page, frozen=True, kw_only=True):
    """The plans of every account, perhaps of one building, on a day."""

    as_at: Annotated[Day | None, _AS_AT] = None
    building_code: BuildingCode | None = None
    active_only: bool = True


class RateTold(msgspec.Struct, frozen=True, kw_only=True):
    """A rate or a charge, without GST."""

    tier: str
    rate_description: str
    charge_basis: Annotated[str, BASIS]
    unit: str
    step_from: Decimal
    rate: Decimal
    gst_code: Annotated[str, GST]


class PlanListed(Row, frozen=True, kw_only=True):
    """The plan of a service, with its rates."""

    account_number: str
    sales_cust_number: str
    account_name: str
    customer_type_code: str
    building_code: str
    building_name: str
    site_identifier: str
    site_name: str
    cust_account_id: int
    product_type: str
    price_plan_code: str
    price_plan_description: str
    offering_code: str
    plan_start_date: date
    plan_end_date: date | None
    rates: list[RateTold]


@reads("GETALLACCNTPP", "U21", calls=plans, pages=True)
async def get_all_accnt_pp(tx: Tx, wanted: AllPlansSent) -> AsyncIterator[PlanListed | Total]:
    """List the price plan and the rates of every account's services."""
    question = PlansWanted(
        building_code=wanted.building_code,
        as_at=wanted.as_at,
        active_only=wanted.active_only,
        how_many=wanted.limit,
        beyond=wanted.offset,
    )
    async for plan in plans(tx, question):
        head = plan.head
        start, end = _days(head.start_at, head.end_at, ZoneInfo(head.zone))
        yield PlanListed(
            **_service(head),
            building_code=head.building_code,
            building_name=head.building_name,
            price_plan_code=head.plan,
            price_plan_description=head.plan_description,
            offering_code=plan.offering.code if plan.offering else "",
            plan_start_date=start,
            plan_end_date=end,
            rates=[RateTold(**_rate(price)) for price in plan.prices],
        )
    yield Total(total=await count_plans(tx, question))


class PlanSent(Sent, frozen=True, kw_only=True):
    """Whose plans: an account's or an agreement's, on a day or all there were and will be."""

    one_of: ClassVar[tuple[str, ...]] = ("account_number", "cust_account_id")

    account_number: Account | None = None
    cust_account_id: int | None = None
    as_at: Annotated[Day | None, _AS_AT] = None
    history: bool = False


class DatedRate(RateTold, frozen=True, kw_only=True):
    """A rate or a charge while it is valid, and where it is booked."""

    start_date: date
    end_date: date | None
    coa: str
    ar_coa: str
    taxable: Flag


class FixedTold(msgspec.Struct, frozen=True):
    """A standing charge, without GST."""

    description: str
    amount: Decimal
    frequency: str
    coa: str


class PlanAssigned(Row, frozen=True, kw_only=True):
    """A plan of a service from when to when, with its rates and charges and their accounts."""

    account_number: str
    sales_cust_number: str
    account_name: str
    customer_type_code: str
    cust_account_id: int
    product_type: str
    site_identifier: str
    site_name: str
    assignment_id: int
    price_plan_code: str
    price_plan_description: str
    plan_type: int
    start_date: date
    end_date: date | None
    billed_to_date: date | None
    is_default: Flag
    is_direct_debit: Flag
    assigned_by: str
    rates: list[DatedRate]
    fixed: list[FixedTold]


@reads("GETACCNTPRICE", "U22", calls=plans)
async def get_accnt_price(tx: Tx, wanted: PlanSent) -> AsyncIterator[PlanAssigned]:
    """Tell the plan of an account's services in detail, or its history."""
    if wanted.account_number is not None:
        await account_line(tx, wanted.account_number)
    question = PlansWanted(
        wanted.account_number,
        wanted.cust_account_id,
        as_at=wanted.as_at,
        history=wanted.history,
        active_only=not wanted.history,
    )
    async for plan in plans(tx, question):
        head, zone = plan.head, ZoneInfo(plan.head.zone)
        start, end = _days(head.start_at, head.end_at, zone)
        yield PlanAssigned(
            **_service(head),
            assignment_id=head.assignment_id,
            price_plan_code=head.plan,
            price_plan_description=head.plan_description,
            plan_type=head.plan_type,
            start_date=start,
            end_date=end,
            billed_to_date=head.billed_to,
            is_default=flag(head.is_default),
            is_direct_debit=flag(head.direct_debit),
            assigned_by=head.assigned_by,
            rates=[_dated(price, head, zone) for price in plan.prices if price.tier],
            fixed=[
                FixedTold(price.description, price.rate, price.basis, price.coa)
                for price in plan.prices
                if not price.tier
            ],
        )


class PriceTold(msgspec.Struct, frozen=True):
    """What a customer pays for a unit: without GST, with it, and after the discounts."""

    description: str
    unit: str
    step_from: Decimal
    rate_ex_gst: Decimal
    rate_incl_gst: Decimal
    after_discount_incl_gst: Decimal


class InducementTold(msgspec.Struct, frozen=True):
    """A discount: its type, its percentage or amount, and its condition."""

    type: str
    value: Decimal
    condition: str


class OfferingTold(msgspec.Struct, frozen=True):
    """What a customer is offered beside the plan."""

    code: str
    description: str
    inducements: list[InducementTold]


class ServicePriced(msgspec.Struct, frozen=True, kw_only=True):
    """A service of a customer with what it costs."""

    cust_account_id: int
    product_type: str
    site_identifier: str
    site_name: str
    price_plan_code: str
    prices: list[PriceTold]


class CustomerPriced(Row, frozen=True, kw_only=True):
    """What a customer pays for all services; `gst_rate` is a fraction."""

    account_number: str
    sales_cust_number: str
    account_name: str
    customer_type_code: str
    as_at: date
    gst_rate: Decimal
    offering: OfferingTold | None
    services: list[ServicePriced]


@reads("GETCUSTOMERPRICING", "U23", calls=plans)
async def get_customer_pricing(tx: Tx, wanted: PricesSent) -> AsyncIterator[CustomerPriced]:
    """Tell a customer's prices with GST and after discounts that have no condition."""
    line = msgspec.structs.asdict(await account_line(tx, wanted.account_number))
    question = PlansWanted(wanted.account_number, as_at=wanted.as_at)
    found = [plan async for plan in plans(tx, question)]
    offering = next((plan.offering for plan in found if plan.offering is not None), None)
    yield CustomerPriced(
        **line,
        as_at=wanted.as_at or tx.now.astimezone(tx.portal.zone).date(),
        gst_rate=found[0].tax if found else Decimal(0),
        offering=_offering(offering),
        services=[
            ServicePriced(
                cust_account_id=plan.head.agreement_id,
                product_type=plan.head.product_type,
                site_identifier=plan.head.site_identifier,
                site_name=plan.head.site_name,
                price_plan_code=plan.head.plan,
                prices=list(_told(plan)),
            )
            for plan in found
        ],
    )


def _told(plan: Plan) -> Iterator[PriceTold]:
    """Yield what a plan prices; percentages of usage and of the bill come off, one after another.

    A discount for prompt payment has to be earned, so it is not taken off.
    """
    for price in plan.prices:
        left = Decimal(1)
        for one in plan.offering.inducements if plan.offering else ():
            of_usage = one.kind == "PERCENT_OF_USAGE" and price.basis == "USAGE"
            if of_usage or one.kind == "PERCENT_OF_BILL":
                left *= 1 - one.value / _PERCENT
        incl = price.with_tax(plan.tax)
        yield PriceTold(
            price.description,
            price.unit or _UNITS[price.basis],
            price.step_from,
            half_up(price.rate, RATE_PLACES),
            incl,
            half_up(incl * left, RATE_PLACES),
        )


def _offering(offering: Offering | None) -> OfferingTold | None:
    if offering is None:
        return None
    return OfferingTold(
        offering.code,
        offering.description,
        [InducementTold(one.kind, one.value, one.condition) for one in offering.inducements],
    )


def _service(head: PlanRow) -> dict[str, Any]:
    """Return how a row of a service begins."""
    names = (
        "account_number", "sales_cust_number", "account_name", "customer_type_code",
        "product_type", "site_identifier", "site_name",
    )  # fmt: skip
    return {name: getattr(head, name) for name in names} | {"cust_account_id": head.agreement_id}


def _rate(price: Price) -> dict[str, Any]:
    basis = price.basis if price.basis in ("USAGE", "DEMAND", "DAILY") else "FIXED"
    return {
        "tier": price.tier,
        "rate_description": price.description,
        "charge_basis": basis,
        "unit": price.unit or _UNITS[price.basis],
        "step_from": price.step_from,
        "rate": half_up(price.rate, RATE_PLACES),
        "gst_code": "GST" if price.taxable else "FREE",
    }


def _dated(price: Price, head: PlanRow, zone: ZoneInfo) -> DatedRate:
    start, end = _days(price.start_at or head.start_at, price.end_at, zone)
    return DatedRate(
        **_rate(price),
        start_date=start,
        end_date=end,
        coa=price.coa,
        ar_coa=price.ar_coa,
        taxable=flag(price.taxable),
    )


def _days(start: datetime, end: datetime | None, zone: ZoneInfo) -> tuple[date, date | None]:
    """Return the first and the last day of a span, in a zone; none where it has no end."""
    last = None if end is None else (end - _INSTANT).astimezone(zone).date()
    return start.astimezone(zone).date(), last
