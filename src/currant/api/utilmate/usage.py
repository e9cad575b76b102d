"""What was read and used."""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from currant.api.utilmate.methods import Row, changes, reads
from currant.api.utilmate.parameters import (
    RESULT,
    Account,
    Day,
    Month,
    Page,
    Quantity,
    Sent,
    SiteIdentifier,
    also,
    words,
)
from currant.db.tx import Tx
from currant.errors import Invalid
from currant.money import kwh
from currant.reads.model import BasicRead, PostReads
from currant.reads.verbs import post_reads
from currant.supply.verbs import account_line, site_lines
from currant.usage.model import ActualUsage, MonthUsage, UsageWanted
from currant.usage.verbs import actual_usage, normalised_usage


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


class ReadSent(Sent, frozen=True, kw_only=True):
    """A basic read of a register at the end of a day, before the multiplier.

    `meter_code` is that of the register or the meter's serial number. `add_factor` says where the
    dials start again, of a register that rolled over.
    """

    site_identifier: SiteIdentifier
    meter_code: str
    meter_read: Quantity
    read_date: Day
    meter_register: int = 1
    read_sub_type: (
        Literal["ACTUAL", "ACTUALC", "ESTIMATE", "INVOICE_EST", "OPENING", "CLOSING", "MISREAD"]
        | None
    ) = None
    estimate_read: Annotated[
        Literal["C", "Y", "E", "N"] | None,
        Meta(description="By another word: C ACTUALC, Y and E ESTIMATE, N ACTUAL."),
    ] = None
    add_factor: int = 0
    next_scheduled_read_date: Day | None = None
    temp_factor: Decimal | None = None
    cv_factor: Decimal | None = None
    audit_notes: str = ""


class ReadPosted(Row, frozen=True, kw_only=True):
    """A read that was taken; one that failed a check is under review and counts not yet."""

    read_id: str
    status: Annotated[str, words("ACCEPTED", "IN_REVIEW")]
    consumption: Decimal | None
    failed_checks: list[str]
    result: Annotated[str, RESULT]


_SUB_TYPES = {"C": "ACTUALC", "Y": "ESTIMATE", "E": "ESTIMATE", "N": "ACTUAL"}


@changes(
    "POSTREAD",
    "U35",
    calls=post_reads,
    names={"sub_type": "read_sub_type"},
)
async def post_read(tx: Tx, sent: list[ReadSent]) -> list[ReadPosted]:
    """Post a basic read; one that is not believed is parked for review."""
    told = PostReads([basic_read(one) for one in sent])
    return [
        ReadPosted(
            read_id=row.read_id,
            status=row.status,
            consumption=row.consumption,
            failed_checks=row.failed_checks,
            result="CREATED" if row.result == "CREATED" else "UPDATED",
        )
        for row in await post_reads(tx, told)
    ]


def basic_read(sent: ReadSent) -> BasicRead:
    """Return a read as the domain takes it. Raises `Invalid`."""
    by_word = _SUB_TYPES.get(sent.estimate_read or "", "ACTUAL")
    if sent.estimate_read and sent.read_sub_type not in (None, by_word):
        told = f"estimate_read {sent.estimate_read} is not {sent.read_sub_type}."
        raise Invalid(told, field="estimate_read")
    return BasicRead(
        site_identifier=sent.site_identifier,
        meter_code=sent.meter_code,
        meter_read=sent.meter_read,
        read_date=sent.read_date,
        sub_type=sent.read_sub_type or by_word,
        meter_register=sent.meter_register,
        add_factor=sent.add_factor,
        next_scheduled_read_date=sent.next_scheduled_read_date,
        temp_factor=sent.temp_factor,
        cv_factor=sent.cv_factor,
        audit_notes=sent.audit_notes,
    )
