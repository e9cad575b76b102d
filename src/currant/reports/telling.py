"""How what lower domains tell becomes the rows of a report, and rows a file of CSV."""

from collections.abc import AsyncIterable, AsyncIterator, Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec

from currant.basicreads.posted import day_of
from currant.csvfile import csv_cell, csv_record
from currant.money import half_up, kwh
from currant.reports.model import (
    EmailLogged,
    GateNamed,
    GateRow,
    NormalisedRow,
    NoticeLogged,
    ReadNamed,
    ReportRow,
    SmsLogged,
    SupplyNamed,
)
from currant.usage.model import GateUsage, MonthUsage

_BLOCK = 64 * 1024  # characters


def sms_row(message: NoticeLogged, zone: tzinfo) -> SmsLogged:
    """Tell a text message."""
    return SmsLogged(
        message.account_number or "",
        message.account_name or "",
        message.site_code or "",
        message.site_name or "",
        message.recipient,
        message.message_content,
        message.status,
        _day(message.sent_at, zone),
    )


def email_row(message: NoticeLogged, zone: tzinfo) -> EmailLogged:
    """Tell an e-mail."""
    return EmailLogged(
        message.account_number or "",
        message.account_name or "",
        message.site_code or "",
        message.site_name or "",
        message.from_address,
        message.recipient,
        message.subject,
        message.status,
        _day(message.sent_at, zone),
        message.amount,
    )


def gate_row(gate: GateUsage, building: GateNamed) -> GateRow:
    """Tell what passed a gate, and of that the part which nobody behind it measured."""
    lost = Decimal(100 * gate.difference_wh)
    return GateRow(
        building.building_code,
        building.building_name,
        gate.site_identifier or gate.loc_id,
        kwh(gate.gate_wh),
        gate.gate_days,
        gate.sites,
        kwh(gate.sites_wh),
        kwh(gate.difference_wh),
        half_up(lost / gate.gate_wh, 2) if gate.gate_wh else None,
        ", ".join(gate.unread),
    )


def register_row(used: MonthUsage, whose: SupplyNamed, last: ReadNamed | None) -> NormalisedRow:
    """Tell which register measured for whom, and its last read."""
    site, register = used.site, used.register
    zone = ZoneInfo(site.timezone)
    return NormalisedRow(
        whose.building_code,
        whose.building_name,
        site.site_identifier or "",
        site.product_type,
        register.serial_number,
        register.register_no,
        register.unit,
        whose.account,
        whose.contract,
        whose.account_name,
        site.agreement_id,
        None if last is None else kwh(last.value),
        None if last is None else day_of(last.read_at, last.sub_type, zone),
    )


async def as_csv(columns: Sequence[str], rows: AsyncIterable[ReportRow]) -> AsyncIterator[bytes]:
    """Write rows as CSV in UTF-8, block by block, after a record that names their columns."""
    told, size = [csv_record(columns)], 0
    async for row in rows:
        told.append(csv_record(map(cell, msgspec.structs.astuple(row))))
        size += len(told[-1])
        if size >= _BLOCK:
            yield "".join(told).encode()
            told, size = [], 0
    yield "".join(told).encode()


def cell(value: object) -> str:
    """Write what stands in a column: a number with two decimals, or more where it has them.

    A text that a table would work out is none any more.
    """
    if not isinstance(value, Decimal):
        return csv_cell(value)
    whole, _, decimals = f"{value or abs(value):f}".partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def _day(at: datetime | None, zone: tzinfo) -> date | None:
    return None if at is None else at.astimezone(zone).date()
