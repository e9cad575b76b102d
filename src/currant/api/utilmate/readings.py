"""What was read: reads of registers and days of intervals, and reads that are posted."""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from currant.api.utilmate.methods import Row, Total, changes, reads
from currant.api.utilmate.parameters import (
    RESULT,
    Account,
    Day,
    Flag,
    Page,
    Quantity,
    Sent,
    SiteIdentifier,
    flag,
    words,
)
from currant.basicreads.model import AccountRead, BasicRead, PostReads, ReadsOfAccount
from currant.basicreads.verbs import account_reads, count_account_reads, post_reads
from currant.db.tx import Tx
from currant.directory.verbs import account_line
from currant.errors import Invalid
from currant.intervals.model import AccountDay
from currant.intervals.verbs import account_days, count_account_days

SUB_TYPE = words("ACTUAL", "ACTUALC", "ESTIMATE", "INVOICE_EST", "OPENING", "CLOSING", "MISREAD")


class ReadsSent(Page, frozen=True, kw_only=True):
    """The reads of an account between two days: of basic registers, and days of intervals."""

    account_number: Account
    start_date: Day
    end_date: Day
    read_type: Literal["ALL", "BASIC", "AM"] = "ALL"
    site_identifier: SiteIdentifier | None = None
    meter_code: Annotated[
        str | None, Meta(description="That of a register, or a meter's serial number.")
    ] = None


class ReadListed(Row, frozen=True, kw_only=True):
    """A read of a basic register, in its unit, before the multiplier.

    Only what is accepted has a `consumption`, since the read before, with the multiplier.
    """

    account_number: str
    sales_cust_number: str
    account_name: str
    customer_type_code: str
    site_identifier: str
    site_name: str
    meter_code: str
    serial_number: str
    meter_register: int
    unit: str
    read_class: Annotated[str, words("BASIC")] = "BASIC"
    read_id: int
    read_date: date
    meter_read: Decimal
    read_sub_type: Annotated[str, SUB_TYPE]
    estimated: Flag
    add_factor: int
    multiplier: Decimal
    consumption: Decimal | None
    previous_read_date: date | None
    next_scheduled_read_date: date | None
    temp_factor: Decimal | None
    cv_factor: Decimal | None
    audit_notes: str
    status: Annotated[str, words("ACCEPTED", "IN_REVIEW", "MISREAD", "SUPERSEDED")]
    source: str


class DayListed(Row, frozen=True, kw_only=True):
    """A day of intervals by the clock of the meter, each told by its end, in the register's unit.

    `quality` is a flag of NEM12; V where it differs between the intervals.
    """

    account_number: str
    sales_cust_number: str
    account_name: str
    customer_type_code: str
    site_identifier: str
    site_name: str
    meter_code: str
    serial_number: str
    meter_register: int
    unit: str
    read_class: Annotated[str, words("AM")] = "AM"
    read_date: date
    interval_minutes: int
    intervals: list[Decimal]
    day_total: Decimal
    quality: Annotated[str, words("A", "S", "F", "E", "N", "V")]
    datastream: str
    file_ref: str


@reads("GETREADS", "U12", calls=account_reads, pages=True, names={"to_day": "end_date"})
async def get_reads(tx: Tx, wanted: ReadsSent) -> AsyncIterator[ReadListed | DayListed | Total]:
    """List the reads of an account within its agreements, and its days of intervals after them."""
    line = msgspec.structs.asdict(await account_line(tx, wanted.account_number))
    question = ReadsOfAccount(
        wanted.account_number,
        wanted.start_date,
        wanted.end_date,
        wanted.site_identifier,
        wanted.meter_code,
        how_many=wanted.limit,
        beyond=wanted.offset,
    )
    total = told = 0
    if wanted.read_type != "AM":
        total = await count_account_reads(tx, question)
        async for read in account_reads(tx, question):
            yield ReadListed(**line, **_register(read), **_read(read))
            told += 1
    if wanted.read_type != "BASIC":
        left = None if wanted.limit is None else wanted.limit - told
        beyond = max(0, wanted.offset - total)
        total += await count_account_days(tx, question)
        following = msgspec.structs.replace(question, how_many=left, beyond=beyond)
        async for day in account_days(tx, following):
            yield DayListed(**line, **_register(day), **_day(day))
    yield Total(total=total)


def _register(row: AccountRead | AccountDay) -> dict[str, Any]:
    return {
        "site_identifier": row.site_identifier or row.loc_id,
        "site_name": row.site_name,
        "meter_code": row.meter_code or row.serial_number,
        "serial_number": row.serial_number,
        "meter_register": row.meter_register,
        "unit": row.unit,
        "read_date": row.read_date,
    }


_OF_READS = (
    "read_id", "meter_read", "add_factor", "multiplier", "consumption", "previous_read_date",
    "next_scheduled_read_date", "temp_factor", "cv_factor", "audit_notes", "status", "source",
)  # fmt: skip


def _read(row: AccountRead) -> dict[str, Any]:
    misread = row.status == "MISREAD"
    return {name: getattr(row, name) for name in _OF_READS} | {
        "read_sub_type": "MISREAD" if misread else row.read_sub_type,
        "estimated": flag(row.estimated),
    }


def _day(row: AccountDay) -> dict[str, Any]:
    return {
        "interval_minutes": row.interval_minutes,
        "intervals": row.intervals,
        "day_total": row.day_total,
        "quality": row.quality if len(row.quality) == 1 else "V",
        "datastream": row.datastream,
        "file_ref": str(row.file_ref),
    }


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
    """A read that was taken; one that failed a check is under review and counts not yet.

    The number of a read that is under review is negative; believed, it gets one of its own.
    """

    read_id: int
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
