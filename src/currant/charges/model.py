"""The shapes of charges: commands, rows, and what is refused."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from currant.errors import Conflict, Invalid, NotFound

STANDARD = "STANDARD"


class ChargeStatus(StrEnum):
    """What became of a charge so far."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    INVOICED = "INVOICED"
    CANCELLED = "CANCELLED"


class ChargeItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be charged: its tax code (GST or FREE), its revenue account, its receivable.

    A `credit` is given rather than taken: a discount.
    """

    group_code: str
    item_code: str
    description: str
    tax_code: str
    credit: bool
    coa: str
    ar_coa: str = "1102"


class ItemNamed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which item of which group."""

    group_code: str
    item_code: str


class NewCharge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A one-off charge (U29): `amount` includes tax and is more than 0, a discount's too.

    It is invoiced no earlier than `charge_on`. `approve` asks for it to be approved at once.
    """

    account: str
    item_code: str
    charge_on: date
    amount: Decimal
    group_code: str = STANDARD
    description: str = ""
    notes: str = ""
    agreement_id: int | None = None
    site_identifier: str | None = None
    approve: bool = False


class AddCharges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Charges, all of them or none."""

    charges: list[NewCharge]


class ResolvedCharge(msgspec.Struct, frozen=True):
    """What a record of charges means; None is what does not exist."""

    record: int
    account_id: int | None
    agreement_id: int | None
    location_id: int | None
    tax_rate: Decimal | None


class ChargeAdded(msgspec.Struct, frozen=True):
    """A charge with its tax taken apart."""

    charge_id: int
    status: str
    net: Decimal
    tax: Decimal


class ChargesNamed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which charges."""

    charge_ids: list[int]


class CancelCharges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which charges, and why they are not to be invoiced."""

    charge_ids: list[int]
    reason: str


class ChargeFacts(msgspec.Struct, frozen=True):
    """What is to be known of a charge before its status changes."""

    charge_id: int
    account: str
    amount: Decimal
    login: str
    status: str


class ChargesWanted(msgspec.Struct, frozen=True):
    """Which charges: of an account or status, above an id, how many at most."""

    account: str | None = None
    status: str | None = None
    after: int = 0
    how_many: int = 200


class Charge(msgspec.Struct, frozen=True):
    """A one-off charge; `amount` includes tax."""

    charge_id: int
    account: str
    agreement_id: int | None
    site_identifier: str | None
    group_code: str
    item_code: str
    charge_on: date
    amount: Decimal
    tax: Decimal
    description: str
    notes: str
    status: str
    login: str
    created_at: datetime
    approved_at: datetime | None
    approved_by: str | None
    cancelled_for: str | None
    invoice_id: int | None


class NewLineItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line of a service: quantity × unit price, ONCE or MONTHLY."""

    item_code: str
    unit_price: Decimal
    description: str = ""
    quantity: Decimal = Decimal(1)
    price_includes_tax: bool = True
    frequency: str = "MONTHLY"


class Provision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A telco or ISP service for an account, or for whoever is supplied at a site (U32).

    `end_on` is the last day of the service.
    """

    product_type: str
    service_number: str
    start_on: date
    line_items: list[NewLineItem]
    account: str | None = None
    site_identifier: str | None = None
    provider: str = ""
    end_on: date | None = None
    contract_months: int | None = None
    plan_code: str = ""


class SittingAccount(msgspec.Struct, frozen=True):
    """Who is supplied at a site."""

    account: str
    account_id: int


class ServiceOpened(msgspec.Struct, frozen=True):
    """The agreement and the line items of a new service."""

    agreement_id: int
    line_item_ids: list[int]


class Provisioned(msgspec.Struct, frozen=True):
    """A new service."""

    account: str
    agreement_id: int
    service_number: str
    status: str
    line_item_ids: list[int]


class NoSuchCharge(NotFound):
    """There is no such charge in this portal. Nothing was done."""


class NoSuchItem(Invalid, constraint=("charge_of_item", "line_item_of_item")):
    """Charge Item does not exist for Charge Group. Nothing was charged."""


class ChargeSettled(Conflict):
    """The charge is not in a state for this. Nothing was done."""


class ApprovedByAnother(Conflict):
    """A charge is approved by somebody else than who added it. Nothing was approved."""


class ItemUndescribed(Invalid, constraint="item_described"):
    """An item has a description. Nothing was stored."""


class ItemTaxUnknown(Invalid, constraint="item_tax_known"):
    """The tax of an item is GST or FREE. Nothing was stored."""


class ItemTaken(Conflict, constraint="charge_item_taken"):
    """The item is in the group already. Nothing was stored."""


class ItemShape(Invalid, constraint="charge_item_shape"):
    """Codes have 1 to 20 capital letters, digits, _ and -. Nothing was stored."""


class ItemCoaUnknown(Invalid, constraint=("item_coa_known", "item_ar_coa_known")):
    """The chart of accounts has no such account. Nothing was stored."""


class ChargeInTime(Invalid, constraint="charge_in_time"):
    """The date of a charge is a day. Nothing was charged."""


class ChargeNotPositive(Invalid, constraint="charge_positive"):
    """The amount of a charge is more than 0; an item may be a credit. Nothing was charged."""


class ChargeTaxOff(Invalid, constraint="charge_tax_within"):
    """The tax of a charge is within its amount. Nothing was charged."""


class ChargeUnapproved(Conflict, constraint="charge_approved_to_invoice"):
    """Only an approved charge is invoiced. Nothing was invoiced."""


class ChargeGone(Conflict, constraint="charge_waits"):
    """A charge was cancelled while it was billed. Nothing was billed; bill the accounts again."""


class NoSuchAgreement(Invalid, constraint="charge_agreement_known"):
    """The account has no such agreement. Nothing was charged."""


class ContractMonthsImplausible(Invalid, constraint="contract_months_plausible"):
    """A contract lasts 1 to 120 months. Nothing was provisioned."""


class FiveLineItems(Invalid, constraint="five_line_items"):
    """A service has 1 to 5 line items. Nothing was provisioned."""


class LineItemTwice(Conflict, constraint="line_item_once"):
    """The service has this line already. Nothing was provisioned."""


class LineQuantity(Invalid, constraint="line_quantity_positive"):
    """The quantity of a line is more than 0. Nothing was provisioned."""


class LinePrice(Invalid, constraint="line_price_not_negative"):
    """The price of a line is not negative. Nothing was provisioned."""


class FrequencyUnknown(Invalid, constraint="frequency_known"):
    """A line is charged ONCE or MONTHLY. Nothing was provisioned."""
