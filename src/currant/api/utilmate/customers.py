"""Customers: who they are, who moves in and out, what they are provided with."""

from collections.abc import AsyncIterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from currant.api.utilmate.methods import Row, changes, reads
from currant.api.utilmate.parameters import (
    RESULT,
    Account,
    Day,
    Flag,
    Instant,
    Money,
    Quantity,
    Sent,
    SiteIdentifier,
    flag,
    words,
)
from currant.api.utilmate.sites import place_address
from currant.charges.model import NewLineItem, Provision
from currant.charges.verbs import provision
from currant.clock import format_instant
from currant.customers import model as customers
from currant.customers.model import (
    BillCycle,
    CustomerSubType,
    CustomerType,
    DeliveryClass,
    PaymentMethod,
    SaveCustomers,
    VerifyCustomer,
)
from currant.customers.verbs import save_customers, verify_customer
from currant.db.tx import Tx
from currant.directory.model import CustomerWanted
from currant.directory.verbs import customer_details
from currant.errors import Invalid

CUSTOMER_TYPE = words("RESIDENT", "COMPANY", "OCCUPIER", "SUNDRY")
AGREEMENT = words("PENDING_MOVE_IN", "ACTIVE", "PENDING_MOVE_OUT", "CLOSED")


class ClaimsSent(Sent, frozen=True, kw_only=True):
    """How a customer is found, and what somebody says of them, which is held against the facts."""

    any_of: ClassVar[tuple[str, ...]] = (
        "account_number", "sales_cust_number", "email", "mobile", "site_identifier",
    )  # fmt: skip

    account_number: Account | None = None
    sales_cust_number: str | None = None
    email: str | None = None
    mobile: str | None = None
    site_identifier: SiteIdentifier | None = None
    date_of_birth: Day | None = None
    last_name: str | None = None
    postcode: str | None = None
    mobile_last4: str | None = None


class CustomerTold(Row, frozen=True, kw_only=True):
    """What may be said to who asks; `verified` says Y or N to each claim that was sent."""

    account_number: str
    sales_cust_number: str
    account_name: str
    customer_type_code: Annotated[str, CUSTOMER_TYPE]
    first_name: str
    last_name: str
    account_status: str
    site_identifier: str
    building_code: str
    suburb: str
    postcode: str
    email_masked: str
    mobile_masked: str
    has_concession: Flag
    life_support: Flag
    verified: dict[str, Flag]


@changes("GETCUST", "U04", calls=verify_customer)
async def get_cust(tx: Tx, sent: ClaimsSent) -> list[CustomerTold]:
    """Find a customer and verify claims; five that fail lock the account for a quarter hour."""
    claims = {name: getattr(sent, name) for name in VerifyCustomer.__struct_fields__}
    return [
        CustomerTold(
            account_number=row.account_number,
            sales_cust_number=row.sales_cust_number,
            account_name=row.account_name,
            customer_type_code=row.customer_type_code,
            first_name=row.first_name,
            last_name=row.last_name,
            account_status=row.account_status,
            site_identifier=row.site_identifier,
            building_code=row.building_code,
            suburb=row.suburb,
            postcode=row.postcode,
            email_masked=row.email_masked,
            mobile_masked=row.mobile_masked,
            has_concession=flag(row.has_concession),
            life_support=flag(row.life_support),
            verified={name: flag(holds) for name, holds in row.verified.items()},
        )
        for row in await verify_customer(tx, VerifyCustomer(**claims))
    ]


class ContactSent(msgspec.Struct, frozen=True, kw_only=True):
    """A contact of a customer; of one that is there what is left out stays, and null clears."""

    contact_no: int
    first_name: str | msgspec.UnsetType | None = msgspec.UNSET
    last_name: str | msgspec.UnsetType | None = msgspec.UNSET
    date_of_birth: Day | msgspec.UnsetType | None = msgspec.UNSET
    phone_std: str | msgspec.UnsetType | None = msgspec.UNSET
    phone_no: str | msgspec.UnsetType | None = msgspec.UNSET
    mobile_std: str | msgspec.UnsetType | None = msgspec.UNSET
    mobile_no: str | msgspec.UnsetType | None = msgspec.UNSET
    email: str | msgspec.UnsetType | None = msgspec.UNSET


class CustomerSent(Sent, frozen=True, kw_only=True):
    """A customer: with an account one to change, of whom what is left out stays and null clears.

    A new one has a name, a type, a sub type, a bill cycle, a payment method, a delivery class, and
    the names of contact 1. Contacts are sent as `contact1_first_name`, `contact1_email` and so on.
    An address, a direct debit and a concession are sent whole; a null in place of their first
    member takes them away. A direct debit has the token of a payment provider, never a number.
    """

    flat: ClassVar[Mapping[str, str]] = {"contact": "contacts"}

    account_number: Account | None = None
    account_name: str | msgspec.UnsetType | None = msgspec.UNSET
    customer_type_code: CustomerType | msgspec.UnsetType | None = msgspec.UNSET
    customer_sub_type_code: CustomerSubType | msgspec.UnsetType | None = msgspec.UNSET
    bill_cycle_code: BillCycle | msgspec.UnsetType | None = msgspec.UNSET
    payment_method_type: PaymentMethod | msgspec.UnsetType | None = msgspec.UNSET
    invoice_delivery_class: DeliveryClass | msgspec.UnsetType | None = msgspec.UNSET
    sales_cust_number: str | msgspec.UnsetType | None = msgspec.UNSET
    account_manager: str | msgspec.UnsetType | None = msgspec.UNSET
    district_code: str | msgspec.UnsetType | None = msgspec.UNSET
    promo_allowed: bool | msgspec.UnsetType | None = msgspec.UNSET
    bond_amount: Money | msgspec.UnsetType | None = msgspec.UNSET
    contacts: list[ContactSent] | None = None
    billing_line1: str | msgspec.UnsetType | None = msgspec.UNSET
    billing_line2: str = ""
    billing_suburb: str = ""
    billing_state: str = ""
    billing_postcode: str = ""
    billing_country: str = ""
    postal_line1: str | msgspec.UnsetType | None = msgspec.UNSET
    postal_line2: str = ""
    postal_suburb: str = ""
    postal_state: str = ""
    postal_postcode: str = ""
    postal_country: str = ""
    dd_token: str | msgspec.UnsetType | None = msgspec.UNSET
    dd_type: Literal["BANK", "CARD"] = "BANK"
    dd_account_name: str = ""
    dd_masked_number: str = ""
    dd_expiry: str = ""
    concession_number: str | msgspec.UnsetType | None = msgspec.UNSET
    concession_card_type: str = ""
    concession_start_date: Day | None = None
    concession_end_date: Day | None = None
    customer_notes: str | msgspec.UnsetType | None = msgspec.UNSET
    notify_days: int | msgspec.UnsetType | None = msgspec.UNSET
    notify_email: bool | msgspec.UnsetType | None = msgspec.UNSET
    notify_sms: bool | msgspec.UnsetType | None = msgspec.UNSET
    notify_phone: bool | msgspec.UnsetType | None = msgspec.UNSET


class CustomerSaved(Row, frozen=True, kw_only=True):
    """A customer that was created or updated, by account and by the key with the utility."""

    account_number: str
    sales_cust_number: str
    result: Annotated[str, RESULT]


@changes("POSTCUST", "U28", calls=save_customers)
async def post_cust(tx: Tx, sent: list[CustomerSent]) -> list[CustomerSaved]:
    """Create a customer with an account, or update the one that an account names."""
    told = [customer_told(one) for one in sent]
    return [
        CustomerSaved(
            account_number=row.account_number,
            sales_cust_number=row.sales_cust_number,
            result=row.result,
        )
        for row in await save_customers(tx, SaveCustomers(told))
    ]


_AS_SENT = (
    "account_name", "customer_type_code", "customer_sub_type_code", "bill_cycle_code",
    "payment_method_type", "invoice_delivery_class", "sales_cust_number", "account_manager",
    "district_code", "promo_allowed", "bond_amount", "customer_notes", "notify_days",
    "notify_email", "notify_sms", "notify_phone",
)  # fmt: skip


def customer_told(sent: CustomerSent) -> customers.CustomerTold:
    """Return what is told of a customer, as the domain takes it."""
    return customers.CustomerTold(
        account_number=msgspec.UNSET if sent.account_number is None else sent.account_number,
        contacts=[
            customers.ContactTold(**msgspec.structs.asdict(contact))
            for contact in sent.contacts or []
        ],
        billing_address=_address(sent, "billing"),
        postal_address=_address(sent, "postal"),
        direct_debit=_direct_debit(sent),
        concessions=concessions_of(sent),
        **{name: getattr(sent, name) for name in _AS_SENT},
    )


def _address(sent: CustomerSent, kind: str) -> customers.AddressTold | msgspec.UnsetType | None:
    """Return a whole address, or what takes it away or leaves it. Raises `Invalid`."""
    names = ("line1", "line2", "suburb", "state", "postcode", "country")
    first, *rest = (getattr(sent, f"{kind}_{name}") for name in names)
    if first is msgspec.UNSET or first is None:
        _refuse_rest(any(rest), f"{kind}_line1")
        return None if first is None else msgspec.UNSET
    return customers.AddressTold(first, *rest)


def _direct_debit(sent: CustomerSent) -> customers.DirectDebitTold | msgspec.UnsetType | None:
    if not isinstance(sent.dd_token, str):
        _refuse_rest(any((sent.dd_account_name, sent.dd_masked_number, sent.dd_expiry)), "dd_token")
        return sent.dd_token
    return customers.DirectDebitTold(
        type=sent.dd_type,
        token=sent.dd_token,
        account_name=sent.dd_account_name,
        masked_number=sent.dd_masked_number,
        expiry=sent.dd_expiry,
    )


def concessions_of(sent: CustomerSent) -> list[customers.ConcessionTold] | msgspec.UnsetType:
    """Return the concession that is sent, none where it is taken away. Raises `Invalid`."""
    if not isinstance(sent.concession_number, str):
        rest = (sent.concession_card_type, sent.concession_start_date, sent.concession_end_date)
        _refuse_rest(any(rest), "concession_number")
        return msgspec.UNSET if sent.concession_number is msgspec.UNSET else []
    card = customers.ConcessionTold(
        sent.concession_card_type,
        sent.concession_number,
        sent.concession_start_date,
        sent.concession_end_date,
    )
    return [card]


def _refuse_rest(told: bool, name: str) -> None:
    """Refuse what is sent of something whose first member is not."""
    if told:
        raise Invalid(f"{name} is missing, though more of it is sent.", field=name)


class LineItemSent(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a service: quantity × unit price, once or each month."""

    item_code: str
    unit_price: Annotated[Decimal, Meta(extra={"places": 6})]
    description: str = ""
    quantity: Quantity = Decimal(1)
    price_includes_gst: bool = True
    frequency: Literal["ONCE", "MONTHLY"] = "MONTHLY"


class ProvisionSent(Sent, frozen=True, kw_only=True):
    """A telco or ISP service for an account, or for whoever is supplied at a site.

    Line items also go by `item1_code`, `item1_unit_price` and so on to `item5_unit_price`.
    """

    any_of: ClassVar[tuple[str, ...]] = ("account_number", "site_identifier")
    flat: ClassVar[dict[str, str]] = {"item": "line_items"}

    product_type: Literal["TELCO", "ISP"]
    service_number: str
    start_date: Day
    line_items: list[LineItemSent]
    account_number: Account | None = None
    site_identifier: SiteIdentifier | None = None
    provider: str = ""
    end_date: Day | None = None
    contract_months: int | None = None
    plan_code: str = ""


class ServiceProvided(Row, frozen=True, kw_only=True):
    """A new service: its agreement and its line items."""

    account_number: str
    cust_account_id: int
    service_number: str
    status: Annotated[str, AGREEMENT]
    line_item_ids: list[int]
    result: Annotated[str, RESULT]


@changes("POSTPROVISION", "U32", calls=provision)
async def post_provision(tx: Tx, sent: ProvisionSent) -> ServiceProvided:
    """Add a telco or ISP service with 1 to 5 line items to an account."""
    made = await provision(
        tx,
        Provision(
            product_type=sent.product_type,
            service_number=sent.service_number,
            start_on=sent.start_date,
            account=sent.account_number,
            site_identifier=sent.site_identifier,
            provider=sent.provider,
            end_on=sent.end_date,
            contract_months=sent.contract_months,
            plan_code=sent.plan_code,
            line_items=[
                NewLineItem(
                    item_code=line.item_code,
                    unit_price=line.unit_price,
                    description=line.description,
                    quantity=line.quantity,
                    price_includes_tax=line.price_includes_gst,
                    frequency=line.frequency,
                )
                for line in sent.line_items
            ],
        ),
    )
    return ServiceProvided(
        account_number=made.account,
        cust_account_id=made.agreement_id,
        service_number=made.service_number,
        status=made.status,
        line_item_ids=made.line_item_ids,
        result="CREATED",
    )


class CustomerAsked(Sent, frozen=True, kw_only=True):
    """Which customer: by account, or by the key with the utility."""

    one_of: ClassVar[tuple[str, ...]] = ("account_number", "sales_cust_number")

    account_number: Account | None = None
    sales_cust_number: str | None = None


class WalletHeld(msgspec.Struct, frozen=True):
    """What an account has paid for and not used: money, or kWh."""

    kind: str
    balance: Decimal
    unit: str


class ContactTold(msgspec.Struct, frozen=True):
    """Somebody who speaks for a customer; the primary one is number 1."""

    contact_no: int
    first_name: str
    last_name: str
    date_of_birth: date | None
    phone_std: str
    phone_no: str
    mobile_std: str
    mobile_no: str
    email: str
    primary: Flag


class AddressTold(msgspec.Struct, frozen=True):
    """An address of a customer: BILLING, POSTAL, or SUPPLY of a site."""

    type: Annotated[str, words("BILLING", "POSTAL", "SUPPLY")]
    line1: str
    line2: str
    suburb: str
    state: str
    postcode: str
    country: str


class DirectDebitTold(msgspec.Struct, frozen=True):
    """How an account is debited; the token is not told."""

    type: str
    account_name: str
    masked_number: str
    expiry: str


class ConcessionTold(msgspec.Struct, frozen=True, rename={"start": "from", "end": "to"}):
    """A concession card, and the days that it holds for."""

    card_type: str
    number_masked: str
    start: date | None
    end: date | None


class NotifyTold(msgspec.Struct, frozen=True):
    """How a customer is told of what comes, and how many days ahead."""

    days: int
    email: Flag
    sms: Flag
    phone: Flag


class AgreementTold(msgspec.Struct, frozen=True):
    """What an account is supplied with where, from when to when, and at what plan."""

    cust_account_id: int
    product_type: str
    building_code: str
    building_name: str
    site_identifier: str
    site_name: str
    start_date: date
    end_date: date | None
    status: Annotated[str, AGREEMENT]
    price_plan_code: str
    offering_code: str
    billed_to_date: date | None


class CustomerInFull(Row, frozen=True, kw_only=True):
    """All that is known of a customer, but no number of a card or a bank account."""

    account_number: str
    sales_cust_number: str
    account_name: str
    customer_type_code: Annotated[str, CUSTOMER_TYPE]
    customer_sub_type_code: str
    account_status: str
    account_manager: str
    district_code: str
    bill_cycle_code: str
    payment_method_type: str
    invoice_delivery_class: str
    bond_amount: Decimal
    balance: Decimal
    wallets: list[WalletHeld]
    arrears_outstanding: Decimal
    contacts: list[ContactTold]
    addresses: list[AddressTold]
    direct_debit: DirectDebitTold | None
    concessions: list[ConcessionTold]
    life_support: Flag
    notify: NotifyTold
    agreements: list[AgreementTold]
    notes: str
    created: Instant
    last_mod: Instant


_AS_KNOWN = (
    "account_number", "sales_cust_number", "account_name", "customer_type_code",
    "customer_sub_type_code", "account_status", "account_manager", "district_code",
    "bill_cycle_code", "payment_method_type", "invoice_delivery_class", "bond_amount", "balance",
    "arrears_outstanding", "notes",
)  # fmt: skip


@reads("GETCUSTDET", "U05", calls=customer_details)
async def get_cust_det(tx: Tx, wanted: CustomerAsked) -> AsyncIterator[CustomerInFull]:
    """Tell all that is known of one customer."""
    row = await customer_details(
        tx, CustomerWanted(wanted.account_number, wanted.sales_cust_number)
    )
    zone = tx.portal.zone
    debit = row.direct_debit
    yield CustomerInFull(
        **{name: getattr(row, name) for name in _AS_KNOWN},
        wallets=[WalletHeld(one.kind, one.balance, one.unit) for one in row.wallets],
        contacts=[
            ContactTold(**msgspec.structs.asdict(one) | {"primary": flag(one.primary)})
            for one in row.contacts
        ],
        addresses=[
            AddressTold(one.type, **msgspec.structs.asdict(place_address(one)))
            for one in row.addresses
        ],
        direct_debit=None
        if debit is None
        else DirectDebitTold(debit.type, debit.account_name, debit.masked_number, debit.expiry),
        concessions=[
            ConcessionTold(one.card_type, one.number_masked, one.start, one.end)
            for one in row.concessions
        ],
        life_support=flag(row.life_support),
        notify=NotifyTold(
            row.notify.days,
            flag(row.notify.email),
            flag(row.notify.sms),
            flag(row.notify.phone),
        ),
        agreements=[
            AgreementTold(
                one.cust_account_id,
                one.product_type,
                one.building_code,
                one.building_name,
                one.site_identifier,
                one.site_name,
                one.start_date,
                one.end_date,
                one.status,
                one.price_plan_code or "",
                one.offering_code or "",
                one.billed_to_date,
            )
            for one in row.agreements
        ],
        created=format_instant(row.created, zone),
        last_mod=format_instant(row.last_mod, zone),
    )
