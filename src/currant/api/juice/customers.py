"""J15 get-customer."""

import msgspec
from litestar import Response, get

from currant.api.http import AnyRequest, Query, door_of, signed_in
from currant.api.juice.frame import done
from currant.api.juice.openapi import ACCOUNT, PORTAL, Flag, Instant, documented
from currant.clock import format_instant
from currant.customers.model import AccountNamed, Customer
from currant.customers.verbs import show_customer
from currant.db.tx import Portal


class CustomerDetails(msgspec.Struct, frozen=True):
    """A customer."""

    account: str
    contract: str
    portal: str
    name: str
    last_name: str
    first_name: str
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
    created: Instant
    last_mod: Instant
    notify_days: int
    email_notify: Flag
    sms_notify: Flag
    phone_notify: Flag


@get(
    "/customers/get-customer",
    operation_class=documented(
        "J15", CustomerDetails, parameters=(PORTAL, ACCOUNT), names=True, calls=(show_customer,)
    ),
)
async def get_customer(request: AnyRequest) -> Response[bytes]:
    """J15: one customer, by account."""
    query = Query(request.scope)
    actor = await signed_in(request, query.text("portal"))
    question = AccountNamed(query.text("account"))
    return done(_told(*await door_of(request).ask(show_customer, question, actor)))


def _told(portal: Portal, customer: Customer) -> CustomerDetails:
    """Tell a customer in the members of the document."""
    zone = portal.zone
    return CustomerDetails(
        account=customer.account,
        contract=customer.contract,
        portal=portal.key,
        name=customer.name,
        last_name=customer.last_name,
        first_name=customer.first_name,
        phone_1=customer.phone_1,
        phone_2=customer.phone_2,
        sms_1=customer.sms_1,
        sms_2=customer.sms_2,
        email_1=customer.email_1,
        email_2=customer.email_2,
        address_1=customer.address_1,
        address_2=customer.address_2,
        city=customer.city,
        state=customer.state,
        postal_code=customer.postal_code,
        created=format_instant(customer.created_at, zone),
        last_mod=format_instant(customer.last_mod, zone),
        notify_days=customer.notify_days,
        email_notify=int(customer.email_notify),
        sms_notify=int(customer.sms_notify),
        phone_notify=int(customer.phone_notify),
    )


ROUTES = [get_customer]
