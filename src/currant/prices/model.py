"""The shapes of what accounts pay: questions and rows."""

from datetime import date, datetime
from decimal import Decimal

import msgspec

from currant.money import half_up

RATE_PLACES = 6


class PlansWanted(msgspec.Struct, frozen=True):
    """Whose plans: an account's, an agreement's, a building's, or everybody's.

    They are those in force at the end of a day, now without one; with `history` all there were and
    will be. `active_only` leaves out agreements that do not supply then. A page is `how_many`
    (none: all) beyond so many others.
    """

    account: str | None = None
    agreement_id: int | None = None
    building_code: str | None = None
    as_at: date | None = None
    history: bool = False
    active_only: bool = True
    how_many: int | None = None
    beyond: int = 0


class PlanRow(msgspec.Struct, frozen=True):
    """A plan of an agreement from when to when, with the account and the site.

    `billed_to` is the last day that is billed. `is_default` says that the building gives it to such
    customers.
    """

    account_number: str
    sales_cust_number: str
    account_name: str
    customer_type_code: str
    agreement_id: int
    product_type: str
    site_identifier: str
    site_name: str
    building_code: str
    building_name: str
    zone: str
    assignment_id: int
    tariff_id: int
    plan: str
    plan_description: str
    plan_type: int
    offering_id: int | None
    start_at: datetime
    end_at: datetime | None
    assigned_by: str
    billed_to: date | None
    is_default: bool
    direct_debit: bool


class Price(msgspec.Struct, frozen=True):
    """A rate or a standing charge, without tax, while it is valid.

    `basis` is USAGE or DEMAND of a rate; of a charge DAILY, MONTHLY, KVA, MINIMUM or MINIMUM_DAILY.
    A charge has no tier and no unit.
    """

    tariff_id: int
    tier: str
    description: str
    basis: str
    unit: str
    step_from: Decimal
    rate: Decimal
    taxable: bool
    coa: str
    ar_coa: str
    meter_type_code: str
    start_at: datetime | None
    end_at: datetime | None

    def holds(self, at: datetime) -> bool:
        """Whether it is valid at an instant."""
        return (self.start_at is None or self.start_at <= at) and (
            self.end_at is None or at < self.end_at
        )

    def meets(self, start: datetime, end: datetime | None) -> bool:
        """Whether it is valid at some time of a span."""
        return (self.start_at is None or end is None or self.start_at < end) and (
            self.end_at is None or start < self.end_at
        )

    def with_tax(self, tax: Decimal) -> Decimal:
        """Return the rate with tax where it is taxed, half-up to six decimals."""
        return half_up(self.rate * (1 + tax) if self.taxable else self.rate, RATE_PLACES)


class OfferingRow(msgspec.Struct, frozen=True):
    """An offering with one of its inducements, or none."""

    offering_id: int
    code: str
    description: str
    kind: str | None
    value: Decimal | None
    condition: str | None


class Inducement(msgspec.Struct, frozen=True):
    """A discount: its kind, its percentage or amount, and the condition in words."""

    kind: str
    value: Decimal
    condition: str


class Offering(msgspec.Struct, frozen=True):
    """What a customer is offered beside a plan."""

    code: str
    description: str
    inducements: list[Inducement]


class Plan(msgspec.Struct, frozen=True):
    """A plan of an agreement with what it prices, its offering, and the tax, a fraction, then.

    Without a history the prices are those in force at the instant `at`.
    """

    head: PlanRow
    prices: list[Price]
    offering: Offering | None
    tax: Decimal
    at: datetime
