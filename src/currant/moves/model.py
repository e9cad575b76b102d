"""The shapes of moves: commands, rows, and what is refused."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

import msgspec

from currant.customers.model import (
    UNSET,
    AddressTold,
    ConcessionTold,
    CustomerTold,
    DeliveryClass,
    PaymentMethod,
    Unset,
)
from currant.errors import Conflict, Invalid
from currant.locations.model import Product
from currant.metering.model import RegisterRead

ALL = "ALL"


class MoveCharge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a move costs, GST included; on the day of the move."""

    charge_item_code: str
    amount: Decimal
    description: str = ""


class MoveInTold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who moves in where and when: an account that there is, or a customer to create (U30).

    Without `product_types` all that the site's meters measure is supplied. Without a plan it is the
    building's for this type of customer, or the one that the meters are on. `move_in_charge` is
    charged where the building charges who moves in, unless that is a developer.
    """

    site_identifier: str
    move_in_date: date
    account_number: str | None = None
    customer: CustomerTold | None = None
    product_types: list[Product] = msgspec.field(default_factory=list)
    price_plan_code: str | None = None
    offering_code: str | None = None
    payment_method_type: PaymentMethod | Unset = UNSET
    invoice_delivery_class: DeliveryClass | Unset = UNSET
    opening_reads: list[RegisterRead] = msgspec.field(default_factory=list)
    life_support: bool | None = None
    concessions: list[ConcessionTold] | Unset = UNSET
    preferred_connection_date: date | None = None
    move_in_charge: MoveCharge | None = None
    bond_amount: Decimal | Unset = UNSET


class MoveIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Moves in, all of them or none."""

    moves: list[MoveInTold]


class MovedIn(msgspec.Struct, frozen=True):
    """A move in: the agreements that begin, and what else it took.

    What no opening read is told of is estimated, and flagged so; `reads_missing` names the
    registers of which nothing is known. `reads_doubted` says what is under review.
    """

    account_number: str
    site_identifier: str
    cust_account_ids: list[int]
    status: str
    reads_created: list[int]
    reads_estimated: list[str]
    reads_missing: list[str]
    reads_doubted: list[str]
    work_order_ids: list[int]
    activity_ids: list[int]
    charge_id: int | None
    result: Literal["CREATED"] = "CREATED"


class MoveOutTold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who moves out of a site, or of ALL of them, and the last day supplied (U31).

    Who has invoices by post tells where to: the `forwarding_address`. `move_out_charge` is charged
    where the building charges who moves out.
    """

    account_number: str
    site_identifier: str
    move_out_date: date
    forwarding_address: AddressTold | None = None
    email: str | Unset = UNSET
    mobile: str | Unset = UNSET
    invoice_delivery_class: DeliveryClass | Unset = UNSET
    closing_reads: list[RegisterRead] = msgspec.field(default_factory=list)
    move_out_charge: MoveCharge | None = None
    reason: str = ""


class MoveOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Moves out, all of them or none."""

    moves: list[MoveOutTold]


class AgreementEnded(msgspec.Struct, frozen=True):
    """An agreement that ends, its status now and its last day."""

    cust_account_id: int
    status: str
    end_date: date


class MovedOut(msgspec.Struct, frozen=True):
    """A move out: the agreements that end, and what else it took.

    The final invoice comes with the next run of bills; a credit is never paid out by itself.
    """

    account_number: str
    agreements: list[AgreementEnded]
    reads_created: list[int]
    reads_doubted: list[str]
    work_order_ids: list[int]
    activity_ids: list[int]
    charge_id: int | None
    final_invoice_expected: bool
    result: Literal["UPDATED"] = "UPDATED"


class StayOn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Take back a move out of a site, or of ALL of them, that has not come yet."""

    account_number: str
    site_identifier: str
    reason: str = ""


class StayedOn(msgspec.Struct, frozen=True):
    """The agreements that run on, and the work orders that were cancelled."""

    account_number: str
    cust_account_ids: list[int]
    work_order_ids: list[int]
    result: Literal["UPDATED"] = "UPDATED"


class PlanFor(msgspec.Struct, frozen=True):
    """What prices a service: its building's default, and its meters, `priced` or not."""

    n: int
    tariff_id: int | None
    offering_id: int | None
    meter_ids: list[int]
    priced: bool


class Terms(msgspec.Struct, frozen=True):
    """The plan and offering to put a service on; None is what stays as it is."""

    tariff_id: int | None
    offering_id: int | None


class ReadsAround(msgspec.Struct, frozen=True):
    """What a register read around an instant, in thousandths of its unit: whether it did then."""

    register_id: int
    stands: bool
    first_at: datetime | None
    first_value: int | None
    last_at: datetime | None
    last_value: int | None
    next_at: datetime | None
    next_value: int | None


class Service(msgspec.Struct, frozen=True):
    """A product that somebody is supplied with at a site since an instant, by its move's place."""

    move: int
    account_id: int
    location_id: int
    building_id: int | None
    product_type: str
    customer_type: str
    direct_debit: bool
    hanging: datetime
    since: datetime


class SiteOccupied(Conflict):
    """Somebody is supplied there then. Nothing was done; move them out first."""


class SiteExtinct(Conflict):
    """The site is no more. Nothing was done."""


class NoPlan(Invalid):
    """No price plan was told, and neither the building nor the meters have one."""


class NotSupplied(Conflict):
    """The account is not supplied there on that day. Nothing was done."""


class MovingOutAlready(Conflict):
    """The account is moving out there already. Nothing was done; take that back first."""


class TooLongAgo(Invalid):
    """A move out is at most 10 business days back. Nothing was done."""
