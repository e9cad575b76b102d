"""The shapes of vending: commands, rows, receipts, and what is refused."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from currant.errors import Conflict, Invalid, NotFound


class Vend(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sell energy to an account: a tender of one kind, in the portal's currency.

    `serial_number` names the meter and may be left out where the account has only one.
    """

    account: str
    tender: str
    amount: Decimal
    serial_number: str | None = None
    tender_number: int = 0
    tender_name: str = ""


class Quote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask how an amount would be shared out now, without selling anything."""

    account: str
    amount: Decimal
    serial_number: str | None = None


class VendFacts(msgspec.Struct, frozen=True):
    """What `vending.open_vend` answers."""

    account_id: int | None
    account: str | None
    customer_name: str | None
    meter_count: int | None
    meter_id: int | None
    serial_number: str | None
    com_type: str | None
    wallet_kind: str | None
    balance: Decimal | None
    tariff_id: int | None
    revision: int | None
    months: list[date] | None
    counters: list[int] | None
    item_ids: list[int] | None
    type_names: list[str] | None
    outstandings: list[Decimal] | None
    pay_plans: list[Decimal] | None
    receivable_coas: list[str] | None
    due_months: list[date] | None
    due_fixed_ids: list[int] | None
    due_meter_ids: list[int] | None
    due_descriptions: list[str] | None
    due_nets: list[Decimal] | None
    due_taxes: list[Decimal] | None
    due_coas: list[str] | None


class ClosedVend(msgspec.Struct, frozen=True):
    """The ledger entry of a vend, and the wallet after it."""

    entry_id: int
    balance: Decimal


class ArrearsLine(msgspec.Struct, frozen=True):
    """What of a tender went to one arrears item, and what is still owed on it."""

    arrears_id: int
    arrears_type: str
    pay_plan: Decimal
    amount: Decimal
    outstanding: Decimal


class FixedLine(msgspec.Struct, frozen=True):
    """What of a tender went to one month's fixed charge."""

    month: str
    description: str
    net_amount: Decimal
    tax_amount: Decimal


class EnergyLine(msgspec.Struct, frozen=True):
    """One priced line: quantity × rate, rounded to the amount; the block's bounds in kWh."""

    tier: str
    description: str
    from_kwh: Decimal
    to_kwh: Decimal | None
    quantity_kwh: Decimal
    rate: Decimal
    net_amount: Decimal
    tax_rate: Decimal
    tax_amount: Decimal


class VendSplit(msgspec.Struct, frozen=True):
    """How a tender was shared out, line by line."""

    arrears: list[ArrearsLine]
    fixed: list[FixedLine]
    energy: list[EnergyLine]


class Quoted(msgspec.Struct, frozen=True):
    """How an amount is shared out; `energy_amount` includes its tax."""

    account: str
    serial_number: str
    wallet: str
    currency: str
    amount: Decimal
    arrears_amount: Decimal
    fixed_amount: Decimal
    energy_amount: Decimal
    tax_amount: Decimal
    energy_kwh: Decimal
    split: VendSplit


class Vended(msgspec.Struct, frozen=True):
    """A vend as it was recorded; the receipt prints it.

    `balance` is the wallet after it: money, or kWh for a units wallet. `transaction_id` is the
    ledger entry and the receipt's number.
    """

    vend_id: UUID
    transaction_id: int
    account: str
    customer_name: str
    serial_number: str
    wallet: str
    tender: str
    currency: str
    amount: Decimal
    arrears_amount: Decimal
    fixed_amount: Decimal
    energy_amount: Decimal
    tax_amount: Decimal
    energy_kwh: Decimal
    balance: Decimal
    login: str
    vendor_number: str
    vended_at: datetime
    reversed: bool
    split: VendSplit


class VendRow(msgspec.Struct, frozen=True):
    """A stored vend."""

    vend_id: UUID
    entry_id: int
    account: str
    serial_number: str
    wallet_kind: str
    tender: str
    tendered_amount: Decimal
    arrears_amount: Decimal
    fixed_amount: Decimal
    energy_amount: Decimal
    tax_amount: Decimal
    energy_wh: int
    balance: Decimal
    split: str
    vended_at: datetime
    login: str
    vendor_number: str
    customer_name: str
    reversed: bool


class VendNamed(msgspec.Struct, frozen=True):
    """Which vend: by its id, or by the number of its receipt."""

    vend_id: UUID | None = None
    number: int | None = None


class VendsOf(msgspec.Struct, frozen=True):
    """Which account's vends, below which transaction id, how many at most."""

    account: str
    before: int
    how_many: int


class WalletValuesWanted(msgspec.Struct, frozen=True):
    """Which accounts' wallets, at most 200, and until when: now if nothing is said.

    `end` is a timestamp, or a day that is meant whole.
    """

    accounts: list[str]
    end: str | None = None


class MeterWallet(msgspec.Struct, frozen=True):
    """A meter of an account with the wallet it draws on, Wh or money, and where it is priced."""

    account: str
    serial_number: str | None
    wallet_kind: str | None
    balance: Decimal
    tariff_id: int | None
    revision: int | None
    months: list[date]
    counters: list[int]


class MeterValue(msgspec.Struct, frozen=True):
    """What a meter's wallet holds: money, or kWh and what they are worth now.

    Units of a meter that has no rates now have no worth.
    """

    serial_number: str
    wallet_kind: str
    balance: Decimal
    est_amount: Decimal | None


class AccountValues(msgspec.Struct, frozen=True):
    """An account and its meters."""

    account: str
    meters: list[MeterValue]


class WalletValues(msgspec.Struct, frozen=True):
    """The accounts in the order they were asked for, and what the entrance warns of."""

    currency: str
    accounts: list[AccountValues]
    nonstandard_offset: bool


class MeterNotAttached(Invalid):
    """The account is not supplied through this meter."""


class NoSuchVend(NotFound):
    """There is no such vend in this portal."""


class MeterUnclear(Invalid):
    """The account has no meter, or several: name the serial number. Nothing was charged."""


class NotVendable(Conflict):
    """The meter cannot be vended to. Nothing was charged."""


class TenderNotPositive(Invalid, constraint="tender_positive"):
    """A tender is more than nothing. Nothing was charged."""


class VendDoesNotAddUp(Conflict, constraint="vend_adds_up"):
    """The parts of the vend do not sum to the tender. Nothing was charged."""
