"""What is told of work orders turned to columns, and what is kept of them to what is told."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from currant import wire
from currant.charges.model import NewCharge
from currant.customers.model import AccountFacts
from currant.errors import Invalid
from currant.fieldwork.model import (
    UNSET,
    HeldOrder,
    NewOrder,
    OrderChange,
    OrderCharge,
    OrderListed,
    OrderRead,
    OrderStep,
    WorkOrder,
)
from currant.metering.model import NoSuchMeter, RegisterAt

_NOT_COLUMNS = ("work_order_id", "note", "reads")


def record_of(
    order: NewOrder,
    field: str,
    place: int,
    accounts: Mapping[str, AccountFacts],
    meters: Mapping[tuple[int, str], RegisterAt],
) -> dict[str, Any]:
    """Return a new work order at a site as it is stored. Raises `Invalid`, `NoSuchMeter`."""
    meter = meters.get((place, order.serial_number or ""))
    if order.charge is not None and order.account_number is None:
        name = f"{field}.account_number"
        raise Invalid(f"{name} is missing: who pays the charge?", field=name)
    if order.serial_number is not None and meter is None:
        name = f"{field}.serial_number"
        raise NoSuchMeter(f"{name} is {order.serial_number[:40]!r}.", field=name)
    account = accounts[order.account_number] if order.account_number is not None else None
    return msgspec.structs.asdict(order) | {
        "type": order.work_order_type,
        "location_id": place,
        "account_id": account and account.account_id,
        "meter_id": meter and meter.meter_id,
        "charge_item_code": order.charge and order.charge.charge_item_code,
        "charge_amount": order.charge and order.charge.amount,
    }


def columns_of(change: OrderChange, today: date, field: str) -> dict[str, Any]:
    """Return the columns that a change of a work order fills. Raises `Invalid`."""
    names = [name for name in OrderChange.__struct_fields__ if name not in _NOT_COLUMNS]
    told = {name: getattr(change, name) for name in names}
    columns = {name: value for name, value in told.items() if value is not UNSET}
    if columns.get("status") == "COMPLETE":
        columns.setdefault("completed_date", today)
        if columns["completed_date"] > today:
            name = f"{field}.completed_date"
            raise Invalid(f"{name} is after {today}.", field=name)
    return columns


def note_of(change: OrderChange) -> str:
    """Return what the history says of a change."""
    notes = "" if change.completion_notes is UNSET else change.completion_notes
    return change.note or notes


def charge_of(order: HeldOrder | OrderListed) -> OrderCharge | None:
    """Return what a work order costs, if it costs anything."""
    if order.charge_item_code is None or order.charge_amount is None:
        return None
    return OrderCharge(order.charge_item_code, order.charge_amount)


def charges_of(complete: Sequence[tuple[HeldOrder, date]]) -> list[tuple[int, NewCharge]]:
    """Return what orders that are complete cost, by their ids, on the days that they were."""
    return [
        (
            order.work_order_id,
            NewCharge(
                order.account,
                charge.charge_item_code,
                day,
                charge.amount,
                notes=f"Work order {order.work_order_id}",
                site_identifier=order.site_identifier,
            ),
        )
        for order, day in complete
        for charge in [charge_of(order)]
        if charge is not None
    ]


def listed(row: OrderListed) -> WorkOrder:
    """Return a work order as it is told."""
    members: dict[str, Any] = {
        name: getattr(row, name, None) for name in WorkOrder.__struct_fields__
    }
    members["charge"] = charge_of(row)
    members["reads"] = wire.decode(row.reads.encode(), list[OrderRead])
    members["history"] = wire.decode(row.history.encode(), list[OrderStep])
    return WorkOrder(**members)
