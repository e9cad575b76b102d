"""The shapes of customers: rows, questions, and what is refused."""

from datetime import datetime

import msgspec

from currant.errors import Conflict, Invalid, NotFound


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


class NoSuchAccount(NotFound):
    """There is no such account in this portal."""


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


class ServiceNumberInUse(Conflict, constraint="service_number_in_use"):
    """The service number is another active service's. Nothing was stored."""


class AgreementNowhere(Invalid, constraint="agreement_somewhere"):
    """Only telco, ISP and sundry services have no site. Nothing was stored."""
