"""What is told of customers, turned to the columns that keep it, and what may be shown of them."""

from collections.abc import Iterator
from typing import Any

import msgspec

from currant.customers.model import (
    UNSET,
    AddressTold,
    ClaimedRow,
    ContactTold,
    CustomerTold,
    CustomerVerified,
    VerifyCustomer,
)
from currant.errors import Invalid

# The members of a customer and the columns of their tables; a change leaves out what is not told.
_OF_CUSTOMER = {
    "account_name": "name",
    "customer_type_code": "type_code",
    "customer_sub_type_code": "sub_type_code",
    "account_manager": "account_manager",
    "notify_days": "notify_days",
    "notify_email": "email_notify",
    "notify_sms": "sms_notify",
    "notify_phone": "phone_notify",
}
_OF_ACCOUNT = {
    "payment_mode": "payment_mode",
    "bill_cycle_code": "bill_cycle_code",
    "payment_method_type": "payment_method_type",
    "invoice_delivery_class": "invoice_delivery_class",
    "sales_cust_number": "contract",
    "district_code": "district_code",
    "promo_allowed": "promo_allowed",
    "bond_amount": "bond_asked",
    "customer_notes": "notes",
}
# Those of the first contact stand with the customer.
_OF_CONTACT = {
    "first_name": "first_name",
    "last_name": "last_name",
    "date_of_birth": "date_of_birth",
    "phone_std": "phone_std",
    "phone_no": "phone_1",
    "mobile_std": "mobile_std",
    "mobile_no": "sms_1",
    "email": "email_1",
}
_OF_ADDRESS = {
    "line_1": "address_1",
    "line_2": "address_2",
    "suburb": "city",
    "state": "state",
    "postcode": "postal_code",
    "country": "country",
}
# What a column holds where nothing is told of a new customer, and where null clears it.
_BLANK: dict[str, Any] = {
    "notify_days": 3,
    "email_notify": True,
    "sms_notify": False,
    "phone_notify": False,
    "date_of_birth": None,
    "contract": None,
    "payment_mode": "POSTPAID",
    "promo_allowed": False,
    "bond_asked": 0,
}
_MANDATORY = (
    "account_name",
    "customer_type_code",
    "customer_sub_type_code",
    "bill_cycle_code",
    "payment_method_type",
    "invoice_delivery_class",
)
_NAMES = ("first_name", "last_name")
_UNTOLD = ("phone_2", "sms_2", "email_2")
_FIRST = 1
_LAST_DIGITS = 4


def record_of(told: CustomerTold, field: str) -> dict[str, Any]:
    """Return the columns that what is told of a customer fills. Raises `Invalid`, naming a member.

    `field` stands before a member's name. A new customer has all of them, a change those told.
    """
    creating = told.account_number is UNSET
    contact = next((c for c in told.contacts if c.contact_no == _FIRST), None)
    _refuse_untold(told, contact, field, creating=creating)
    customer = dict(_columns(told, _OF_CUSTOMER, creating=creating))
    customer |= dict(_columns(contact, _OF_CONTACT, creating=creating))
    if creating or told.billing_address is not UNSET:
        address = told.billing_address or AddressTold("")
        customer |= dict(_columns(address, _OF_ADDRESS, creating=True))
    if creating:
        customer |= dict.fromkeys(_UNTOLD, "")
    return {
        "account": None if told.account_number is UNSET else told.account_number,
        "customer": customer,
        "terms": dict(_columns(told, _OF_ACCOUNT, creating=creating)),
    }


def contact_columns(contact: ContactTold) -> dict[str, Any]:
    """Return the columns that what is told of a further contact fills."""
    return dict(_columns(contact, {name: name for name in _OF_CONTACT}, creating=False))


def shown(row: ClaimedRow, asked: VerifyCustomer) -> CustomerVerified:
    """Return what may be told of a customer: nothing secret, and which of the claims hold."""
    return CustomerVerified(
        row.account,
        row.contract,
        row.name,
        row.type_code,
        row.first_name,
        row.last_name,
        row.account_status,
        row.site_identifier,
        row.building_code,
        row.suburb,
        row.postcode,
        masked_email(row.email),
        masked_number(row.mobile),
        row.has_concession,
        row.life_support,
        dict(_judged(row, asked)),
    )


def masked_email(email: str) -> str:
    """Return an address with all of its name but the ends hidden: `r***o@example.com`."""
    name, at, domain = email.rpartition("@")
    return f"{name[:1]}***{name[1:][-1:]}@{domain}" if at else ""


def masked_number(number: str) -> str:
    """Return a number with all but its last four characters hidden."""
    hidden = max(len(number) - _LAST_DIGITS, 0)
    return "*" * hidden + number[hidden:]


def _judged(row: ClaimedRow, asked: VerifyCustomer) -> Iterator[tuple[str, bool]]:
    """Yield each claim with whether it holds."""
    if asked.date_of_birth is not None:
        yield "date_of_birth", asked.date_of_birth in row.births
    if asked.last_name is not None:
        names = {name.strip().casefold() for name in row.last_names if name.strip()}
        yield "last_name", asked.last_name.strip().casefold() in names
    if asked.postcode is not None:
        codes = {code.replace(" ", "").casefold() for code in row.postcodes if code.strip()}
        yield "postcode", asked.postcode.replace(" ", "").casefold() in codes
    if asked.mobile_last4 is not None:
        ends = {mobile[-_LAST_DIGITS:] for mobile in row.mobiles if len(mobile) >= _LAST_DIGITS}
        yield "mobile_last4", asked.mobile_last4 in ends


def _refuse_untold(
    told: CustomerTold, contact: msgspec.Struct | None, field: str, *, creating: bool
) -> None:
    """Refuse a new customer of whom too little is told, and a change that clears too much."""
    wanted = [(f"{field}{name}", getattr(told, name)) for name in _MANDATORY]
    named = f"{field}contacts[contact_no=1]."
    wanted += [(f"{named}{name}", getattr(contact, name, UNSET)) for name in _NAMES]
    for name, value in wanted:
        blank = value is None or (isinstance(value, str) and not value.strip())
        if creating and (value is UNSET or blank):
            raise Invalid(f"{name} is missing.", field=name)
        if blank:
            raise Invalid(f"{name} cannot be cleared.", field=name)
    numbers = [c.contact_no for c in told.contacts]
    if len(set(numbers)) < len(numbers):
        raise Invalid(f"{field}contacts has a contact_no twice.", field=f"{field}contacts")


def _columns(
    told: msgspec.Struct | None, columns: dict[str, str], *, creating: bool
) -> Iterator[tuple[str, Any]]:
    """Yield the columns that members fill, by their mapping."""
    for member, column in columns.items():
        value = getattr(told, member, UNSET)
        if value is not UNSET or creating:
            blank = _BLANK.get(column, "")
            yield column, blank if value is UNSET or value is None else value
