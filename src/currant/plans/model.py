"""The shapes of plans: commands, questions, rows, and what is refused."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

import msgspec

from currant.errors import Conflict, Invalid, NotFound
from currant.money import half_up
from currant.tariffs.model import CreateCalendar, Zoned
from currant.tariffs.rounding import Rounding
from currant.tariffs.terms import Basis, Inducement, Terms

RATE_PLACES = 6


class GivenRate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rate of a plan, before tax: money a unit, or a kW for demand.

    Tiers: A fuel, L to L3 levies, B1 to B9 blocks, T1 to T9 time-of-use buckets, D and D1 to D9
    demand, X and X1 to X9 what is fed in, C a concession a unit; T1B2, DB2 and so on are further
    blocks. A block begins at `step_from` units. `buckets` are what the tier prices where it is not
    the bucket of its number. `meter_type_code` names the registers whose usage is its bucket's,
    for meters that tell their buckets apart themselves. Left out, `taxable` is the plan's, and
    `coa` 4000 for fuel, 4005 otherwise.
    """

    tier: str
    rate: Decimal
    step_from: Decimal = Decimal(0)
    description: str = ""
    buckets: list[int] = []
    taxable: bool | None = None
    rounding: Rounding = Rounding.HALF_UP
    meter_type_code: str = ""
    coa: str | None = None
    ar_coa: str = "1102"


class GivenCharge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A standing charge of a plan, before tax; left out, `taxable` is the plan's."""

    description: str
    amount: Decimal
    basis: Basis = Basis.DAILY
    taxable: bool | None = None
    rounding: Rounding = Rounding.HALF_UP
    coa: str = "4900"
    ar_coa: str = "1102"


class CreatePlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A price plan with its rates, charges and calendar, in force from an instant on.

    Left out, `from` is now and `until` never. A calendar is made with it, or `follows` names one
    that is there.
    """

    name: str
    rates: list[GivenRate] = []
    charges: list[GivenCharge] = []
    description: str = ""
    municipality: str = ""
    units: str = "kWh"
    taxable: bool = True
    terms: Terms = Terms()
    calendar: CreateCalendar | None = None
    follows: str | None = None
    from_at: Zoned | None = msgspec.field(name="from", default=None)
    until: Zoned | None = None


class ImportPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A tariff of the URDB, or of a rate book made from it, to be made a plan.

    `clock` is the zone or offset that its hours are told by, the portal's where it is left out. Its
    holidays are reckoned for `years`. It is in force from an instant on; left out, from now.
    """

    document: dict[str, Any]
    name: str | None = None
    clock: str | None = None
    years: list[int] = []
    taxable: bool = False
    from_at: Zoned | None = msgspec.field(name="from", default=None)


class SetRate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A rate of one tier of a plan from an instant on, `until` another or never.

    It ends the one of its tier that runs then. What is left out is as it was with that one.
    """

    tariff: str
    tier: str
    rate: Decimal
    from_at: Zoned = msgspec.field(name="from")
    until: Zoned | None = None
    step_from: Decimal = Decimal(0)
    buckets: list[int] | None = None
    description: str | None = None
    taxable: bool | None = None
    rounding: Rounding | None = None
    meter_type_code: str | None = None
    coa: str = "4005"
    ar_coa: str = "1102"


class SetCharge(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A standing charge of a plan from an instant on, `until` another or never.

    It ends the one of its description that runs then. What is left out is as it was with that one;
    a new one says its basis.
    """

    tariff: str
    description: str
    amount: Decimal
    from_at: Zoned = msgspec.field(name="from")
    until: Zoned | None = None
    basis: Basis | None = None
    taxable: bool | None = None
    rounding: Rounding | None = None
    coa: str | None = None
    ar_coa: str | None = None


class AssignPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Put a service agreement on a tariff, an offering or both; what is left out stays."""

    agreement_id: int
    from_at: Zoned = msgspec.field(name="from")
    tariff: str | None = None
    offering: str | None = None


class PlanAssigned(msgspec.Struct, frozen=True):
    """An agreement's tariff and offering from start_at to before end_at."""

    assignment_id: int
    tariff: str | None
    offering: str | None
    start_at: datetime
    end_at: datetime | None
    assigned_by: str


class GivenInducement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A discount: a percentage off usage, the bill or prompt payment, or an amount a month."""

    kind: Inducement
    value: Decimal
    description: str
    condition: str = ""
    taxable: bool = True
    coa: str = "4005"
    ar_coa: str = "1102"


class CreateOffering(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new offering by its code."""

    code: str
    description: str
    inducements: list[GivenInducement] = []


class OfferingsWanted(msgspec.Struct, frozen=True):
    """Which offerings: one by its code, or some by their ids, or all."""

    code: str | None = None
    offering_ids: list[int] | None = None


class OfferingRow(msgspec.Struct, frozen=True):
    """The head of an offering."""

    offering_id: int
    code: str
    description: str
    active: bool


class InducementRow(msgspec.Struct, frozen=True):
    """A discount of an offering."""

    offering_id: int
    kind: str
    value: Decimal
    description: str
    condition: str
    taxable: bool
    coa: str
    ar_coa: str


class Offering(msgspec.Struct, frozen=True):
    """An offering with its inducements."""

    offering_id: int
    code: str
    description: str
    active: bool
    inducements: list[InducementRow]


class OfferingIds(msgspec.Struct, frozen=True):
    """The id of an offering by its code."""

    code: str
    offering_id: int


class SetBuildingDefault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What those who move into a building are put on; a blank customer type means any."""

    building: str
    tariff: str
    offering: str | None = None
    product_type: str = "ELECTRICITY"
    customer_type: Literal["", "RESIDENT", "COMPANY", "OCCUPIER", "SUNDRY"] = ""
    direct_debit: bool = False


class BuildingWanted(msgspec.Struct, frozen=True):
    """Which building, by its code; none is all."""

    building: str | None = None


class BuildingDefault(msgspec.Struct, frozen=True):
    """A default of a building."""

    building: str
    product_type: str
    customer_type: str
    direct_debit: bool
    tariff: str
    offering: str | None


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


class Plan(msgspec.Struct, frozen=True):
    """A plan of an agreement with what it prices, its offering, and the tax, a fraction, then.

    Without a history the prices are those in force at the instant `at`.
    """

    head: PlanRow
    prices: list[Price]
    offering: Offering | None
    tax: Decimal
    at: datetime


class NoSuchAgreement(NotFound):
    """There is no such service agreement in this portal."""


class NoSuchOffering(NotFound):
    """There is no such offering in this portal, or it is made no longer."""


class OfferingCode(Invalid, constraint="offering_coded"):
    """The code of an offering has 1 to 40 characters, no blank at its ends. Nothing was created."""


class OfferingCodeTaken(Conflict, constraint="offering_code_taken"):
    """An offering with this code exists. Nothing was created; choose another code."""


class InducementImplausible(Invalid, constraint="inducement_plausible"):
    """A percentage is from 0 to 100. Nothing was created."""


class InducementCoaUnknown(Invalid, constraint=("inducement_coa_known", "inducement_ar_coa_known")):
    """The coa or ar_coa of an inducement is not in the chart of accounts. Nothing was created."""


class PlanTwice(Conflict, constraint="one_plan_an_agreement"):
    """The agreement was put on another plan meanwhile. Nothing was changed; look and try again."""


class PlanAssignmentEmpty(Invalid, constraint="agreement_assignment_not_empty"):
    """An assignment lasts longer than nothing. Nothing was changed."""


class PlanBeyondTime(Invalid, constraint="agreement_assignment_in_time"):
    """An instant lies at the very end of the time that can be told. Nothing was changed."""
