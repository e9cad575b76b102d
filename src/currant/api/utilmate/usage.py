"""What was used."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from currant.api.utilmate.methods import Row, reads
from currant.api.utilmate.parameters import (
    Account,
    Day,
    Month,
    Page,
    Sent,
    SiteIdentifier,
    also,
    words,
)
from currant.clock import format_instant
from currant.db.tx import Tx
from currant.directory.model import CustomerWanted
from currant.directory.verbs import account_line, customer_details, site_lines
from currant.errors import Invalid
from currant.invoices.model import BilledUsage, BilledUsageWanted
from currant.invoices.verbs import billed_usage
from currant.locations.model import UNMETERED
from currant.locations.verbs import sites_of
from currant.money import half_up, kwh
from currant.usage.model import (
    ActualUsage,
    Granularity,
    IntervalUsage,
    MonthUsage,
    NotSuppliedThere,
    PeriodUsage,
    SiteUsageWanted,
    UsageWanted,
)
from currant.usage.verbs import actual_usage, normalised_usage, site_intervals, site_usage

_UNIT_PLACES = 3


class UsageSent(Page, frozen=True, kw_only=True):
    """The usage of an account between two days: as it was measured, or by calendar months."""

    account_number: Account
    start_date: Day
    end_date: Day
    usage_type: Annotated[
        Literal["ACTUAL", "NORMALISED"],
        also(A="ACTUAL", N="NORMALISED", NORMALIZED="NORMALISED"),
    ]
    site_identifier: SiteIdentifier | None = None
    product_type: str | None = None


class UsageTold(Row, frozen=True, kw_only=True):
    """What a register measured, in its unit: between reads, or in a calendar month."""

    account_number: str
    sales_cust_number: str
    account_name: str
    customer_type_code: str
    cust_account_id: int
    product_type: str
    site_identifier: str
    site_name: str
    meter_code: str
    meter_register: int
    unit: str
    usage_type: Annotated[str, words("ACTUAL", "NORMALISED")]
    start_date: date | msgspec.UnsetType = msgspec.UNSET
    end_date: date | msgspec.UnsetType = msgspec.UNSET
    days: int | msgspec.UnsetType = msgspec.UNSET
    month: Month | msgspec.UnsetType = msgspec.UNSET
    days_in_month: int | msgspec.UnsetType = msgspec.UNSET
    days_covered: int | msgspec.UnsetType = msgspec.UNSET
    quantity: Decimal
    read_basis: Annotated[str, words("ACTUAL", "ESTIMATED", "INTERVAL")] | msgspec.UnsetType = (
        msgspec.UNSET
    )
    basis: Annotated[str, words("INTERVAL", "PRORATA")] | msgspec.UnsetType = msgspec.UNSET
    loss_factor: Decimal | msgspec.UnsetType = msgspec.UNSET
    loss_adjusted_quantity: Decimal | msgspec.UnsetType = msgspec.UNSET


@reads("GETUSAGE", "U18", calls=actual_usage, bulk=True)
async def get_usage(tx: Tx, wanted: UsageSent) -> AsyncIterator[UsageTold]:
    """Tell what an account used: actual, between reads, or normalised to calendar months."""
    line = msgspec.structs.asdict(await account_line(tx, wanted.account_number))
    question = UsageWanted(
        wanted.account_number,
        wanted.start_date,
        wanted.end_date,
        wanted.site_identifier,
        wanted.product_type,
    )
    told: list[ActualUsage] | list[MonthUsage] = (
        await actual_usage(tx, question)
        if wanted.usage_type == "ACTUAL"
        else await normalised_usage(tx, question)
    )
    sites = await site_lines(tx, [row.site.location_id for row in told])
    for row in told:
        common = line | {
            "cust_account_id": row.site.agreement_id,
            "product_type": row.site.product_type,
            "site_identifier": row.site.site_identifier or "",
            "site_name": sites[row.site.location_id].site_name,
            "meter_code": row.register.meter_code or row.register.serial_number,
            "meter_register": row.register.register_no,
            "unit": row.register.unit,
            "usage_type": wanted.usage_type,
            "quantity": kwh(row.quantity),
        }
        if isinstance(row, ActualUsage):
            yield UsageTold(
                **common,
                start_date=row.start_day,
                end_date=row.end_day,
                days=row.days,
                read_basis=row.basis.value,
                loss_factor=_scaled(row.loss_millionths, 6),
                loss_adjusted_quantity=_scaled(row.loss_adjusted_quantity, 3),
            )
        else:
            yield UsageTold(
                **common,
                month=f"{row.month:%Y%m}",
                days_in_month=row.days_in_month,
                days_covered=row.days_covered,
                basis=row.basis.value,
            )


def _scaled(told: int | None, places: int) -> Decimal | msgspec.UnsetType:
    """Write a number of thousandths or millionths, or leave it out."""
    return msgspec.UNSET if told is None else Decimal(told).scaleb(-places)


class UtilitySent(Sent, frozen=True, kw_only=True):
    """The usage of an account at a site by bills, months, days or intervals.

    Without days it is that of the last 13 months. At most 160 months, 1,100 days, or the intervals
    of a hundred days are told at once.
    """

    account_number: Account
    site_identifier: SiteIdentifier
    product_type: str | None = None
    start_date: Day | None = None
    end_date: Day | None = None
    granularity: Literal["BILL", "MONTH", "DAY", "INTERVAL"] = "BILL"


class UtilityUsed(Row, frozen=True, kw_only=True):
    """What a site used of a product in a period; what it cost is told of bills.

    The period of an interval is told by its instants, and has no days.
    """

    account_number: str
    sales_cust_number: str
    account_name: str
    customer_type_code: str
    site_identifier: str
    site_name: str
    product_type: str
    unit: str
    period_start: str
    period_end: str
    days: int
    quantity: Decimal
    average_per_day: Decimal
    peak: Decimal | msgspec.UnsetType = msgspec.UNSET
    offpeak: Decimal | msgspec.UnsetType = msgspec.UNSET
    shoulder: Decimal | msgspec.UnsetType = msgspec.UNSET
    demand_kw: Decimal | msgspec.UnsetType = msgspec.UNSET
    export_quantity: Decimal | msgspec.UnsetType = msgspec.UNSET
    cost_ex_gst: Decimal | msgspec.UnsetType = msgspec.UNSET
    cost: Decimal | msgspec.UnsetType = msgspec.UNSET
    invoice_number: str | msgspec.UnsetType = msgspec.UNSET
    same_period_last_year: Decimal | msgspec.UnsetType = msgspec.UNSET


@reads("GETUTILITYUSAGE", "U24", calls=site_usage)
async def get_utility_usage(tx: Tx, wanted: UtilitySent) -> AsyncIterator[UtilityUsed]:
    """Tell what an account used at a site, product by product."""
    customer = await customer_details(tx, CustomerWanted(wanted.account_number))
    site = (await sites_of(tx, [wanted.site_identifier], "site_identifier"))[wanted.site_identifier]
    line = (await site_lines(tx, [site.location_id]))[site.location_id]
    last = wanted.end_date or tx.now.astimezone(ZoneInfo(site.zone)).date()
    first = wanted.start_date or date(last.year - 1, last.month, 1)
    if first > last:
        raise Invalid(f"start_date {first} is after end_date {last}.", field="start_date")
    products = {
        agreement.product_type
        for agreement in customer.agreements
        if agreement.site_identifier == line.site_identifier
        and agreement.product_type not in UNMETERED
        and wanted.product_type in (None, agreement.product_type)
    }
    if not products:
        raise NotSuppliedThere(wanted.site_identifier, field="site_identifier")
    common: dict[str, Any] = {
        "account_number": customer.account_number,
        "sales_cust_number": customer.sales_cust_number,
        "account_name": customer.account_name,
        "customer_type_code": customer.customer_type_code,
        "site_identifier": line.site_identifier,
        "site_name": line.site_name,
    }
    if wanted.granularity == "BILL":
        asked = BilledUsageWanted(
            wanted.account_number, site.location_id, tuple(products), first, last
        )
        for bill in await billed_usage(tx, asked):
            yield UtilityUsed(**common, product_type=bill.product_type, **_bill(bill))
        return
    for product in sorted(products):
        for told in await _used(tx, wanted, first, last, product):
            yield UtilityUsed(**common, product_type=product, **told)


async def _used(
    tx: Tx, wanted: UtilitySent, first: date, last: date, product: str
) -> list[dict[str, Any]]:
    """Return the periods of a product, as finely as is asked for."""
    question = SiteUsageWanted(
        wanted.account_number, wanted.site_identifier, first, last, product_type=product
    )
    if wanted.granularity == "INTERVAL":
        return [_interval(row, tx.portal.zone) for row in await site_intervals(tx, question)]
    finely = msgspec.structs.replace(question, granularity=Granularity(wanted.granularity))
    return [_period(row) for row in await site_usage(tx, finely)]


def _bill(row: BilledUsage) -> dict[str, Any]:
    return _span(row.from_on, row.to_on, row.unit, kwh(row.quantity)) | {
        "export_quantity": kwh(row.exported) if row.exported else msgspec.UNSET,
        "cost_ex_gst": row.net,
        "cost": row.net + row.tax,
        "invoice_number": row.number,
    }


def _span(first: date, last: date, unit: str, quantity: Decimal) -> dict[str, Any]:
    days = (last - first).days + 1
    return {
        "period_start": first.isoformat(),
        "period_end": last.isoformat(),
        "days": days,
        "unit": unit,
        "quantity": half_up(quantity, _UNIT_PLACES),
        "average_per_day": half_up(quantity / days, _UNIT_PLACES),
    }


def _period(row: PeriodUsage) -> dict[str, Any]:
    return _span(row.period_start, row.period_end, row.unit, kwh(row.quantity)) | {
        "days": row.days,
        "average_per_day": half_up(kwh(row.of_days) / max(row.days, 1), _UNIT_PLACES),
        "export_quantity": kwh(row.export_quantity) if row.export_quantity else msgspec.UNSET,
        "peak": _scaled(row.peak, _UNIT_PLACES),
        "offpeak": _scaled(row.offpeak, _UNIT_PLACES),
        "shoulder": _scaled(row.shoulder, _UNIT_PLACES),
        "demand_kw": _scaled(row.demand_w, _UNIT_PLACES),
        "same_period_last_year": _scaled(row.last_year, _UNIT_PLACES),
    }


def _interval(row: IntervalUsage, zone: ZoneInfo) -> dict[str, Any]:
    end = row.start_at + timedelta(minutes=row.minutes)
    return {
        "period_start": format_instant(row.start_at, zone),
        "period_end": format_instant(end, zone),
        "days": 0,
        "unit": "kWh",
        "quantity": kwh(row.quantity or 0),
        "average_per_day": Decimal(0),
        "export_quantity": _scaled(row.export_quantity, _UNIT_PLACES),
    }
