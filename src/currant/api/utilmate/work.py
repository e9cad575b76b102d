"""Work orders and activities: what is to be done, and what was."""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfo

import msgspec

from currant.activities.model import ActivityTold, SaveActivities
from currant.activities.verbs import save_activities
from currant.api.utilmate.methods import Row, Total, changes, reads
from currant.api.utilmate.parameters import (
    RESULT,
    Account,
    BuildingCode,
    Day,
    Instant,
    Page,
    Quantity,
    Sent,
    SiteIdentifier,
    no_null,
    words,
)
from currant.clock import format_instant
from currant.db.tx import Tx
from currant.fieldwork.model import OrderChange, OrdersWanted, UpdateOrders, WorkOrder
from currant.fieldwork.verbs import count_orders, list_orders, update_orders
from currant.metering.model import RegisterRead

STATUS = words("NEW", "SCHEDULED", "SENT", "IN_PROGRESS", "COMPLETE", "CANCELLED")
OrderStatus = Literal["NEW", "SCHEDULED", "SENT", "IN_PROGRESS", "COMPLETE", "CANCELLED"]


class OrdersSent(Page, frozen=True, kw_only=True):
    """Which work orders: one, or those of an account, a site or a building; days of creation."""

    any_of: ClassVar[tuple[str, ...]] = (
        "work_order_id", "account_number", "site_identifier", "building_code",
    )  # fmt: skip

    work_order_id: int | None = None
    account_number: Account | None = None
    site_identifier: SiteIdentifier | None = None
    building_code: BuildingCode | None = None
    status: OrderStatus | None = None
    start_date: Day | None = None
    end_date: Day | None = None


class OrderCharge(msgspec.Struct, frozen=True):
    """What an order costs the account, with GST."""

    charge_item_code: str
    amount: Decimal


class OrderRead(msgspec.Struct, frozen=True):
    """A read that was taken on a work order, before the multiplier."""

    serial_number: str
    meter_code: str
    meter_register: int
    read_date: date
    read_type: str
    meter_read: Decimal


class OrderStep(msgspec.Struct, frozen=True, rename={"before": "from", "after": "to"}):
    """A step of a work order's history; `from` is blank where it was created."""

    at: Instant
    by: str
    before: str
    after: str
    note: str


class WorkOrderListed(Row, frozen=True, kw_only=True):
    """A work order; the members of an account are left out where it is about none."""

    work_order_id: int
    work_order_type: Annotated[
        str,
        words(
            "CONNECT", "DISCONNECT", "SPECIAL_READ", "FINAL_READ", "METER_INVESTIGATION",
            "METER_EXCHANGE", "OTHER",
        ),
    ]  # fmt: skip
    status: Annotated[str, STATUS]
    reason: str
    account_number: str | msgspec.UnsetType = msgspec.UNSET
    sales_cust_number: str | msgspec.UnsetType = msgspec.UNSET
    account_name: str | msgspec.UnsetType = msgspec.UNSET
    customer_type_code: str | msgspec.UnsetType = msgspec.UNSET
    building_code: str
    building_name: str
    site_identifier: str
    site_name: str
    serial_number: str | msgspec.UnsetType = msgspec.UNSET
    created: Instant
    created_by: str
    preferred_date: date | None
    scheduled_date: date | None
    completed_date: date | None
    assigned_to: str
    provider: str
    priority: str
    instructions: str
    site_notes: str
    completion_notes: str
    charge: OrderCharge | None
    reads: list[OrderRead]
    history: list[OrderStep]


@reads("GETWORKORDER", "U26", calls=list_orders, pages=True)
async def get_work_order(tx: Tx, wanted: OrdersSent) -> AsyncIterator[WorkOrderListed | Total]:
    """List work orders with their reads and their history."""
    question = OrdersWanted(
        work_order_id=wanted.work_order_id,
        account_number=wanted.account_number,
        site_identifier=wanted.site_identifier,
        building_code=wanted.building_code,
        status=wanted.status,
        start_date=wanted.start_date,
        end_date=wanted.end_date,
        how_many=wanted.limit,
        beyond=wanted.offset,
    )
    async for order in list_orders(tx, question):
        yield _listed(order)
    yield Total(total=await count_orders(tx, question))


_PLAIN = (
    "work_order_id", "work_order_type", "status", "reason", "building_code", "building_name",
    "site_identifier", "site_name", "created_by", "preferred_date", "scheduled_date",
    "completed_date", "assigned_to", "provider", "priority", "instructions", "site_notes",
    "completion_notes",
)  # fmt: skip
# What of an activity stays as it is where it is left out.
_STAYS = (
    "activity_id", "activity_type_code", "activity_class", "subject", "priority", "assigned_to",
    "status", "channel",
)  # fmt: skip
_LEFT_OUT = (
    "account_number", "sales_cust_number", "account_name", "customer_type_code", "serial_number",
)  # fmt: skip


def _listed(order: WorkOrder) -> WorkOrderListed:
    zone = ZoneInfo(order.zone)
    facts: dict[str, Any] = {name: getattr(order, name) for name in _PLAIN}
    facts |= {name: getattr(order, name) or msgspec.UNSET for name in _LEFT_OUT}
    if order.account_number:
        facts["sales_cust_number"] = order.sales_cust_number
    return WorkOrderListed(
        **facts,
        created=format_instant(order.created, zone),
        charge=None
        if order.charge is None
        else OrderCharge(order.charge.charge_item_code, order.charge.amount),
        reads=[OrderRead(**msgspec.structs.asdict(read)) for read in order.reads],
        history=[
            OrderStep(
                format_instant(step.at, zone), step.by, step.before or "", step.after, step.note
            )
            for step in order.history
        ],
    )


class ActivitySent(Sent, frozen=True, kw_only=True):
    """An activity: with an id one to change, of which what is left out stays.

    A new one is about an account, a site or a building, and has a type and a subject. Notes are
    added to those that there are.
    """

    activity_id: int | None = None
    account_number: Account | None = None
    site_identifier: SiteIdentifier | None = None
    building_code: BuildingCode | None = None
    activity_type_code: str | None = None
    activity_class: Literal["ACTIVITY", "SYSTEM", "NOTE"] | None = None
    subject: str | None = None
    notes: str = ""
    priority: Literal["LOW", "NORMAL", "HIGH", "URGENT"] | None = None
    due_date: Day | msgspec.UnsetType | None = msgspec.UNSET
    assigned_to: str | None = None
    status: Literal["OPEN", "IN_PROGRESS", "CLOSED", "CANCELLED"] | None = None
    channel: str | None = None


class ActivitySaved(Row, frozen=True, kw_only=True):
    """An activity that was created or updated."""

    activity_id: int
    status: Annotated[str, words("OPEN", "IN_PROGRESS", "CLOSED", "CANCELLED")]
    result: Annotated[str, RESULT]


@changes("POSTACTIVITY", "U27", calls=save_activities)
async def post_activity(tx: Tx, sent: list[ActivitySent]) -> list[ActivitySaved]:
    """Create an activity, or update the one that an id names."""
    told = [ActivityTold(**_activity(one)) for one in sent]
    return [
        ActivitySaved(**msgspec.structs.asdict(row))
        for row in await save_activities(tx, SaveActivities(told))
    ]


def _activity(sent: ActivitySent) -> dict[str, Any]:
    return {
        name: msgspec.UNSET if value is None and name in _STAYS else value
        for name, value in msgspec.structs.asdict(sent).items()
    }


class OrderReadSent(msgspec.Struct, frozen=True, kw_only=True):
    """A read that was taken on a work order, before the multiplier."""

    meter_code: str
    meter_read: Quantity
    meter_register: int = 1
    read_date: Day | None = None


class OrderSent(Sent, frozen=True, kw_only=True):
    """What changes of a work order; what is left out stays.

    COMPLETE has a `completed_date`, today where none is sent. A SPECIAL_READ and a FINAL_READ are
    complete with their reads.
    """

    work_order_id: int
    status: OrderStatus | None = None
    scheduled_date: Day | None = None
    completed_date: Day | None = None
    assigned_to: str | None = None
    completion_notes: str | None = None
    provider_reference: str | None = None
    reads: list[OrderReadSent] | None = None


class OrderUpdated(Row, frozen=True, kw_only=True):
    """A work order that was updated, and how its site stands now.

    `reads_created` are the ids of the reads that were taken on it.
    """

    work_order_id: int
    status: Annotated[str, STATUS]
    site_status: str
    reads_created: list[int]
    charge_id: int | msgspec.UnsetType = msgspec.UNSET
    result: Annotated[str, RESULT]


_ORDER_STAYS = (
    "status", "scheduled_date", "completed_date", "assigned_to", "completion_notes",
    "provider_reference",
)  # fmt: skip


@changes("UPDATEWORKORDER", "U37", calls=update_orders)
async def update_work_order(tx: Tx, sent: list[OrderSent]) -> list[OrderUpdated]:
    """Update a work order; what it leads to happens to the site and its meters at once."""
    told = [
        OrderChange(
            work_order_id=one.work_order_id,
            reads=[register_read(read) for read in one.reads or []],
            **_order(one),
        )
        for one in sent
    ]
    return [
        OrderUpdated(
            work_order_id=row.work_order_id,
            status=row.status,
            site_status=row.site_status,
            reads_created=row.reads_created,
            charge_id=no_null(row.charge_id),
            result="UPDATED",
        )
        for row in await update_orders(tx, UpdateOrders(told))
    ]


def register_read(sent: OrderReadSent) -> RegisterRead:
    """Return a read as the domain takes it."""
    return RegisterRead(sent.meter_code, sent.meter_read, sent.meter_register, sent.read_date)


def _order(sent: OrderSent) -> dict[str, Any]:
    members = {name: getattr(sent, name) for name in _ORDER_STAYS}
    return {name: value for name, value in members.items() if value is not None}
