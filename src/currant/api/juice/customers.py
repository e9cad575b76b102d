"""J15 get-customer."""

from typing import Any

from litestar import Response, get

from currant.api.http import AnyRequest, Query, door_of, signed_in
from currant.api.juice.frame import done
from currant.clock import format_instant
from currant.customers.model import AccountNamed, Customer
from currant.customers.verbs import show_customer
from currant.db.tx import Portal


@get("/customers/get-customer")
async def get_customer(request: AnyRequest) -> Response[bytes]:
    """J15: one customer, by account."""
    query = Query(request.scope)
    actor = await signed_in(request, query.text("portal"))
    question = AccountNamed(query.text("account"))
    return done(_told(*await door_of(request).ask(show_customer, question, actor)))


def _told(portal: Portal, customer: Customer) -> dict[str, Any]:
    """Tell a customer in the members of the document."""
    zone = portal.zone
    return {
        "account": customer.account,
        "contract": customer.contract,
        "portal": portal.key,
        "name": customer.name,
        "last_name": customer.last_name,
        "first_name": customer.first_name,
        "phone_1": customer.phone_1,
        "phone_2": customer.phone_2,
        "sms_1": customer.sms_1,
        "sms_2": customer.sms_2,
        "email_1": customer.email_1,
        "email_2": customer.email_2,
        "address_1": customer.address_1,
        "address_2": customer.address_2,
        "city": customer.city,
        "state": customer.state,
        "postal_code": customer.postal_code,
        "created": format_instant(customer.created_at, zone),
        "last_mod": format_instant(customer.last_mod, zone),
        "notify_days": customer.notify_days,
        "email_notify": int(customer.email_notify),
        "sms_notify": int(customer.sms_notify),
        "phone_notify": int(customer.phone_notify),
    }


ROUTES = [get_customer]
