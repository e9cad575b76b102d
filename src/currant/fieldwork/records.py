"""What is told of work orders turned to columns, and what is kept of them to what is told."""

from datetime import date
from typing import Any

from currant import wire
from currant.errors import Invalid
from currant.fieldwork.model import (
    UNSET,
    HeldOrder,
    OrderChange,
    OrderCharge,
    OrderListed,
    OrderRead,
    OrderStep,
    WorkOrder,
)

_NOT_COLUMNS = ("work_order_id", "note", "reads")


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


def listed(row: OrderListed) -> WorkOrder:
    """Return a work order as it is told."""
    members: dict[str, Any] = {
        name: getattr(row, name, None) for name in WorkOrder.__struct_fields__
    }
    members["charge"] = charge_of(row)
    members["reads"] = wire.decode(row.reads.encode(), list[OrderRead])
    members["history"] = wire.decode(row.history.encode(), list[OrderStep])
    return WorkOrder(**members)
