"""The reads that somebody took at a site: on work orders, and what became of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from currant.basicreads.model import BasicRead, PostedRead
from currant.errors import Invalid
from currant.fieldwork.model import UNSET, HeldOrder, OrderChange, ReadType, TakenRead
from currant.locations.days import day_of
from currant.metering.matching import matched
from currant.metering.model import RegisterAt

_READ_AS = {"FINAL_READ": ReadType.CLOSING}


class ReadOnOrder(msgspec.Struct, frozen=True):
    """A read that was taken on a work order."""

    work_order_id: int
    register_id: int
    taken: TakenRead


def reads_on_orders(
    reading: Sequence[tuple[int, OrderChange]],
    held: Mapping[int, HeldOrder],
    registers: Sequence[RegisterAt],
    now: datetime,
) -> list[ReadOnOrder]:
    """Return the reads of changes of work orders, each change with its place in the list.

    Raises as `matched` does, and `Invalid` for a day to come.
    """
    taken = []
    for n, change in reading:
        order, field = held[change.work_order_id], f"work_orders[{n}].reads[{{}}]"
        here = [r for r in registers if r.location_id == order.location_id]
        today = day_of(now, order.zone)
        completed = today if change.completed_date is UNSET else change.completed_date
        for place, (read, register) in enumerate(matched(change.reads, here, field)):
            day = read.read_date or completed
            if day > today:
                name = f"{field.format(place)}.read_date"
                raise Invalid(f"{name} is after {today}.", field=name)
            found = TakenRead(
                order.site_identifier or order.loc_id,
                register.serial_number,
                register.register_no,
                read.meter_read,
                day,
                _READ_AS.get(order.type, ReadType.ACTUAL),
            )
            taken.append(ReadOnOrder(order.work_order_id, register.register_id, found))
    return taken


def posted(read: TakenRead) -> BasicRead:
    """Return a read as it is posted."""
    return BasicRead(
        read.site,
        read.serial_number,
        read.value,
        read.read_date,
        read.read_type,
        read.register_no,
    )


def doubts(taken: Sequence[TakenRead], posted: Sequence[PostedRead]) -> list[str]:
    """Say which reads are under review, and for which checks."""
    return [
        f"{read.serial_number}: {', '.join(became.failed_checks)}"
        for read, became in zip(taken, posted, strict=True)
        if became.failed_checks
    ]
