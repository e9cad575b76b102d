"""The shapes of fieldwork: commands, rows, and what is refused."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal

import msgspec

from currant.errors import Conflict, Invalid, NotFound
from currant.locations.model import SiteStatus
from currant.metering.model import RegisterRead

UNSET = msgspec.UNSET
Unset = msgspec.UnsetType
OrderType = Literal[
    "CONNECT",
    "DISCONNECT",
    "SPECIAL_READ",
    "FINAL_READ",
    "METER_INVESTIGATION",
    "METER_EXCHANGE",
    "OTHER",
]
OrderStatus = Literal["NEW", "SCHEDULED", "SENT", "IN_PROGRESS", "COMPLETE", "CANCELLED"]
Priority = Literal["LOW", "NORMAL", "HIGH", "URGENT"]


class ReadType(StrEnum):
    """What a read begins or ends."""

    OPENING = "OPENING"
    ACTUAL = "ACTUAL"
    CLOSING = "CLOSING"
    ESTIMATE = "ESTIMATE"


class OrderCharge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an order costs the account, GST included."""

    charge_item_code: str
    amount: Decimal


class NewOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A work order to create: what is to be done at which site, for whom, at which meter."""

    work_order_type: OrderType
    site_identifier: str
    account_number: str | None = None
    serial_number: str | None = None
    reason: str = ""
    preferred_date: date | None = None
    assigned_to: str = ""
    provider: str = ""
    priority: Priority = "NORMAL"
    instructions: str = ""
    charge: OrderCharge | None = None


class CreateOrders(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Work orders to create, all of them or none."""

    work_orders: list[NewOrder]


class OrderCreated(msgspec.Struct, frozen=True):
    """A work order that was created."""

    work_order_id: int
    status: str


class OrderRow(msgspec.Struct, frozen=True):
    """A work order that was created, by its place in the list from 1."""

    n: int
    work_order_id: int
    status: str


class OrderToMake(msgspec.Struct, frozen=True):
    """A work order that the product creates, by the ids of what it is about."""

    type: OrderType
    location_id: int
    reason: str
    account_id: int | None = None
    preferred_date: date | None = None


class OrderChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What changes of a work order; what is left out stays as it is (U37).

    COMPLETE has a `completed_date`, today where none is told; a SPECIAL_READ or FINAL_READ is
    complete with its reads.
    """

    work_order_id: int
    status: OrderStatus | Unset = UNSET
    preferred_date: date | Unset | None = UNSET
    scheduled_date: date | Unset | None = UNSET
    completed_date: date | Unset = UNSET
    assigned_to: str | Unset = UNSET
    provider: str | Unset = UNSET
    provider_reference: str | Unset = UNSET
    priority: Priority | Unset = UNSET
    instructions: str | Unset = UNSET
    completion_notes: str | Unset = UNSET
    note: str = ""
    reads: list[RegisterRead] = []


class UpdateOrders(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Work orders to change, all of them or none."""

    work_orders: list[OrderChange]


class OrderUpdated(msgspec.Struct, frozen=True):
    """A work order that was changed, with the status that its site has now.

    `reads_created` names the reads that were taken on it; what it costs is charged when it is
    complete.
    """

    work_order_id: int
    status: str
    site_status: str
    reads_created: list[int]
    charge_id: int | None
    result: Literal["UPDATED"] = "UPDATED"


class HeldOrder(msgspec.Struct, frozen=True):
    """A work order that is locked, with what it is about."""

    work_order_id: int
    type: str
    status: str
    account_id: int | None
    account: str
    location_id: int
    site_identifier: str | None
    loc_id: str
    meter_id: int | None
    zone: str
    charge_item_code: str | None
    charge_amount: Decimal | None
    meter_ids: list[int]


class ChangedOrder(msgspec.Struct, frozen=True):
    """A work order that was changed, and its status."""

    work_order_id: int
    status: str


class OrdersWanted(msgspec.Struct, frozen=True):
    """Which work orders: one, or those of an account, a site or a building.

    The days are of their creation, both inclusive; `after` is the id below the first of a page.
    """

    work_order_id: int | None = None
    account_number: str | None = None
    site_identifier: str | None = None
    building_code: str | None = None
    status: str | None = None
    start_date: date | None = None
    end_date: date | None = None
    after: int = 0
    how_many: int | None = None
    beyond: int = 0


class OrderListed(msgspec.Struct, frozen=True):
    """A stored work order; its reads and its history as JSON."""

    work_order_id: int
    work_order_type: str
    status: str
    reason: str
    account_number: str
    sales_cust_number: str
    account_name: str
    customer_type_code: str
    building_code: str
    building_name: str
    site_identifier: str
    site_name: str
    serial_number: str | None
    created: datetime
    created_by: str
    zone: str
    preferred_date: date | None
    scheduled_date: date | None
    completed_date: date | None
    assigned_to: str
    provider: str
    provider_reference: str
    priority: str
    instructions: str
    site_notes: str
    completion_notes: str
    charge_item_code: str | None
    charge_amount: Decimal | None
    reads: str
    history: str


class OrderRead(msgspec.Struct, frozen=True):
    """A read that was taken on a work order, before the multiplier."""

    serial_number: str
    meter_code: str
    meter_register: int
    read_date: date
    read_type: str
    meter_read: Decimal


class OrderStep(msgspec.Struct, frozen=True, rename={"before": "from", "after": "to"}):
    """A step of the history of a work order; from no status where it was created."""

    at: datetime
    by: str
    before: str | None
    after: str
    note: str


class WorkOrder(msgspec.Struct, frozen=True):
    """What somebody is to do at a site, and what became of it (U26).

    `zone` is the civil time that its days are told in; blanks are of what it is not about.
    """

    work_order_id: int
    work_order_type: str
    status: str
    reason: str
    account_number: str
    sales_cust_number: str
    account_name: str
    customer_type_code: str
    building_code: str
    building_name: str
    site_identifier: str
    site_name: str
    serial_number: str | None
    created: datetime
    created_by: str
    zone: str
    preferred_date: date | None
    scheduled_date: date | None
    completed_date: date | None
    assigned_to: str
    provider: str
    provider_reference: str
    priority: str
    instructions: str
    site_notes: str
    completion_notes: str
    charge: OrderCharge | None
    reads: list[OrderRead]
    history: list[OrderStep]


class SiteStatusTold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The status that a site of a building has from a day on: today where none is told (U34)."""

    building_code: str
    site_identifier: str
    site_status: SiteStatus
    effective_date: date | None = None
    reason: str = ""


class SetSiteStatuses(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Statuses of sites to set, all of them or none."""

    sites: list[SiteStatusTold]


class SiteStatusSet(msgspec.Struct, frozen=True):
    """The status that a site has now, and the one that it had."""

    site_identifier: str
    site_status: str
    previous_status: str
    effective_date: date
    result: Literal["UPDATED"] = "UPDATED"


class TakenRead(msgspec.Struct, frozen=True):
    """A read that somebody took at a site: what a register showed on a day, before the multiplier.

    An opening read stands at the start of its day, any other at its end.
    """

    site: str
    serial_number: str
    register_no: int
    value: Decimal
    read_date: date
    read_type: ReadType


class NoSuchOrder(NotFound):
    """There is no such work order in this portal."""


class OrderTypeUnknown(Invalid, constraint="work_order_type_known"):
    """The type of a work order is not one of the catalogue. Nothing was stored."""


class OrderStatusUnknown(Invalid, constraint="work_order_status_known"):
    """The status of a work order is not one of the catalogue. Nothing was stored."""


class OrderPriorityUnknown(Invalid, constraint="work_order_priority_known"):
    """A priority is LOW, NORMAL, HIGH or URGENT. Nothing was stored."""


class OrderUndated(Invalid, constraint="work_order_complete_dated"):
    """A work order has a completed_date when it is COMPLETE, and only then. Nothing was stored."""


class OrderChargeTorn(Invalid, constraint="work_order_charge_whole"):
    """A charge has an item and an amount. Nothing was stored."""


class OrderOutOfTurn(Conflict, constraint="work_order_status_follows"):
    """A work order goes NEW, SCHEDULED, SENT, IN_PROGRESS, COMPLETE. Nothing was stored."""


class OrderReadTypeUnknown(Invalid, constraint="order_read_type_known"):
    """A read on an order is OPENING, ACTUAL or CLOSING. Nothing was stored."""


class OrderReadNegative(Invalid, constraint="order_read_not_negative"):
    """A read is not negative. Nothing was stored."""


class SiteSupplied(Conflict):
    """Somebody is or will be supplied at the site, so it is not EXTINCT. Nothing was done."""


class SiteElsewhere(Invalid):
    """The site is not in that building. Nothing was done."""
