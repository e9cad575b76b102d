"""The shapes of customers: rows, questions, and what is refused."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

import msgspec

from currant.errors import Conflict, Invalid, NotFound, RateLimited

CustomerType = Literal["RESIDENT", "COMPANY", "OCCUPIER", "SUNDRY"]
CustomerSubType = Literal["DEFAULT", "OWNER", "TENANT", "DEVELOPER"]
BillCycle = Literal["MONTHLY", "QUARTERLY", "HOLD"]
PaymentMethod = Literal["CHEQUE", "DIRECT", "CRDCARD"]
DeliveryClass = Literal["EMAIL", "POST"]
UNSET = msgspec.UNSET
Unset = msgspec.UnsetType


class AccountEntries(msgspec.Struct, frozen=True):
    """Which account's ledger entries, below which entry id, how many at most."""

    account: str
    before: int
    how_many: int


class AccountNamed(msgspec.Struct, frozen=True):
    """Which account."""

    account: str


class NamedAccount(msgspec.Struct, frozen=True):
    """The account that a key means: its internal id and its number."""

    key: str
    account_id: int
    account: str


class Customer(msgspec.Struct, frozen=True):
    """A customer with the account, as J15 prints it; `contract` is the account where none is."""

    account: str
    contract: str
    name: str
    first_name: str
    last_name: str
    phone_1: str
    phone_2: str
    sms_1: str
    sms_2: str
    email_1: str
    email_2: str
    address_1: str
    address_2: str
    city: str
    state: str
    postal_code: str
    created_at: datetime
    last_mod: datetime
    notify_days: int
    email_notify: bool
    sms_notify: bool
    phone_notify: bool


class ContactTold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is told of a contact of a customer; number 1 is the customer, whom Juice shows.

    Of a contact that is there what is left out stays as it is, and null clears.
    """

    contact_no: int = 1
    first_name: str | Unset | None = UNSET
    last_name: str | Unset | None = UNSET
    date_of_birth: date | Unset | None = UNSET
    phone_std: str | Unset | None = UNSET
    phone_no: str | Unset | None = UNSET
    mobile_std: str | Unset | None = UNSET
    mobile_no: str | Unset | None = UNSET
    email: str | Unset | None = UNSET


class AddressTold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole address."""

    line_1: str
    line_2: str = ""
    suburb: str = ""
    state: str = ""
    postcode: str = ""
    country: str = ""


class DirectDebitTold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How an account is debited: by the payment provider's token of a bank account or a card.

    `masked_number` shows four digits at most, `expiry` of a card is MM/YY.
    """

    type: Literal["BANK", "CARD"]
    token: str
    account_name: str = ""
    masked_number: str = ""
    expiry: str = ""


class ConcessionTold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A concession card, and the days that it holds for, both inclusive."""

    card_type: str
    number: str
    start_date: date | None = None
    end_date: date | None = None


class CustomerTold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A customer to create, or with an `account_number` one to change (U28).

    Of a change what is left out stays as it is, and null clears. A new customer is POSTPAID unless
    told otherwise, and has a name, a type, a sub type, a bill cycle, a payment method, a delivery
    class, and the names of contact 1. `bond_amount` is the bond that is asked. Without a
    `postal_address` letters go to the billing address; `concessions` replace those that there were.
    """

    account_number: str | Unset = UNSET
    account_name: str | Unset | None = UNSET
    customer_type_code: CustomerType | Unset | None = UNSET
    customer_sub_type_code: CustomerSubType | Unset | None = UNSET
    bill_cycle_code: BillCycle | Unset | None = UNSET
    payment_method_type: PaymentMethod | Unset | None = UNSET
    invoice_delivery_class: DeliveryClass | Unset | None = UNSET
    payment_mode: Literal["PREPAID", "POSTPAID"] | Unset | None = UNSET
    sales_cust_number: str | Unset | None = UNSET
    account_manager: str | Unset | None = UNSET
    district_code: str | Unset | None = UNSET
    promo_allowed: bool | Unset | None = UNSET
    bond_amount: Decimal | Unset | None = UNSET
    contacts: list[ContactTold] = []
    billing_address: AddressTold | Unset | None = UNSET
    postal_address: AddressTold | Unset | None = UNSET
    direct_debit: DirectDebitTold | Unset | None = UNSET
    concessions: list[ConcessionTold] | Unset | None = UNSET
    customer_notes: str | Unset | None = UNSET
    notify_days: int | Unset | None = UNSET
    notify_email: bool | Unset | None = UNSET
    notify_sms: bool | Unset | None = UNSET
    notify_phone: bool | Unset | None = UNSET


class SaveCustomers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Customers to create or change, all of them or none."""

    customers: list[CustomerTold]


class SavedRow(msgspec.Struct, frozen=True):
    """A customer that was created or changed, by its place in the list from 1."""

    n: int
    customer_id: int
    account_id: int
    account: str
    contract: str
    created: bool


class CustomerSaved(msgspec.Struct, frozen=True):
    """A customer that was created or changed: its account, and its key with the utility."""

    account_number: str
    sales_cust_number: str
    result: Literal["CREATED", "UPDATED"]


class AccountFacts(msgspec.Struct, frozen=True):
    """An account, with what decides how it moves in and out."""

    account: str
    account_id: int
    customer_id: int
    name: str
    type_code: str
    sub_type_code: str
    payment_mode: str
    invoice_delivery_class: str
    direct_debit: bool


class VerifyCustomer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom somebody says to be: a way to find the account, and claims to hold against it.

    All the ways that are told have to mean the account.
    """

    account_number: str | None = None
    sales_cust_number: str | None = None
    email: str | None = None
    mobile: str | None = None
    site_identifier: str | None = None
    date_of_birth: date | None = None
    last_name: str | None = None
    postcode: str | None = None
    mobile_last4: str | None = None


class ClaimedRow(msgspec.Struct, frozen=True):
    """What is known of the customer of an account, and when claims of it failed lately."""

    account_id: int
    account: str
    contract: str
    name: str
    type_code: str
    first_name: str
    last_name: str
    account_status: str
    site_identifier: str
    building_code: str
    suburb: str
    postcode: str
    email: str
    mobile: str
    has_concession: bool
    life_support: bool
    births: list[date]
    last_names: list[str]
    postcodes: list[str]
    mobiles: list[str]
    failures: list[datetime]


class CustomerVerified(msgspec.Struct, frozen=True):
    """What may be told to whoever asks for a customer, and which of the claims hold (U04)."""

    account_number: str
    sales_cust_number: str
    account_name: str
    customer_type_code: str
    first_name: str
    last_name: str
    account_status: str
    site_identifier: str
    building_code: str
    suburb: str
    postcode: str
    email_masked: str
    mobile_masked: str
    has_concession: bool
    life_support: bool
    verified: dict[str, bool]


class Sitting(msgspec.Struct, frozen=True):
    """An agreement of a site: who is supplied there with what, from when to when."""

    location_id: int
    agreement_id: int
    product_type: str
    account_id: int
    account: str
    type_code: str
    since: datetime
    until: datetime | None


class AgreementOf(msgspec.Struct, frozen=True):
    """An agreement of an account: where it is supplied with what, from when to when."""

    account_id: int
    location_id: int
    agreement_id: int
    product_type: str
    since: datetime
    until: datetime | None


class AgreementAt(msgspec.Struct, frozen=True):
    """An agreement that begins or ends, and its status now."""

    agreement_id: int
    status: str


class NoSuchAccount(NotFound):
    """There is no such account in this portal."""


class ClaimsLocked(RateLimited):
    """Too many claims of this account were wrong. Nothing was told; try again later."""


class ContractTaken(Conflict, constraint="contract_taken"):
    """An account with this contract exists. Nothing was stored."""


class AccountTaken(Conflict, constraint="account_taken"):
    """An account with this number exists. Nothing was stored."""


class SuspenseDebtorReserved(Invalid, constraint="suspense_debtor_reserved"):
    """The account 999999 is the suspense debtor's. Nothing was stored."""


class CustomerUnnamed(Invalid, constraint="customer_named"):
    """A customer has a name. Nothing was stored."""


class SuppliedToAnother(Conflict, constraint="supplied_to_one_account"):
    """The location is supplied to another account at that time. Nothing was stored."""


class AgreementEmpty(Invalid, constraint="agreement_not_empty"):
    """An agreement ends after it begins. Nothing was stored."""


class CustomerTypeUnknown(Invalid, constraint="customer_type_known"):
    """A customer is RESIDENT, COMPANY, OCCUPIER or SUNDRY. Nothing was stored."""


class CustomerSubTypeUnknown(Invalid, constraint="customer_sub_type_known"):
    """A customer's sub type is DEFAULT, OWNER, TENANT or DEVELOPER. Nothing was stored."""


class AccountCycleUnknown(Invalid, constraint="account_cycle_known"):
    """A bill cycle is MONTHLY, QUARTERLY or HOLD. Nothing was stored."""


class PaymentMethodUnknown(Invalid, constraint="payment_method_known"):
    """A payment method is CHEQUE, DIRECT or CRDCARD. Nothing was stored."""


class DeliveryClassUnknown(Invalid, constraint="delivery_class_known"):
    """Invoices are delivered by EMAIL or POST. Nothing was stored."""


class ContactUnnumbered(Invalid, constraint="contact_numbered"):
    """A customer has the contacts 1 to 9. Nothing was stored."""


class NotifyDaysImplausible(Invalid, constraint="notify_days_plausible"):
    """Somebody is told 0 to 365 days ahead. Nothing was stored."""


class ConcessionUntyped(Invalid, constraint="concession_typed"):
    """A concession card has a card_type. Nothing was stored."""


class ConcessionUnnumbered(Invalid, constraint="concession_numbered"):
    """A concession card has a number. Nothing was stored."""


class ConcessionEmpty(Invalid, constraint="concession_not_empty"):
    """A concession card holds from its first day to its last. Nothing was stored."""


class BondNegative(Invalid, constraint="bond_not_negative"):
    """A bond is not negative. Nothing was stored."""


class DirectDebitTypeUnknown(Invalid, constraint="direct_debit_type_known"):
    """A direct debit is of a BANK account or a CARD. Nothing was stored."""


class DirectDebitNoToken(Invalid, constraint="direct_debit_token_only"):
    """A direct debit has the provider's token, never a card or bank number. Nothing was stored."""


class DirectDebitUnmasked(Invalid, constraint="direct_debit_masked"):
    """A masked number shows four digits at most. Nothing was stored."""


class DirectDebitExpiryShape(Invalid, constraint="direct_debit_expiry_shape"):
    """The expiry of a card is MM/YY. Nothing was stored."""


class ServiceNumberInUse(Conflict, constraint="service_number_in_use"):
    """The service number is another active service's. Nothing was stored."""


class AgreementNowhere(Invalid, constraint="agreement_somewhere"):
    """Only telco, ISP and sundry services have no site. Nothing was stored."""
