"""Customers: created, changed, shown, and known by what they say of themselves."""

from datetime import date
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from currant.api.http import AnyRequest, door_of, json_of, signed_in
from currant.api.v1.frame import IdempotencyKey, answer
from currant.api.v1.openapi import documented
from currant.customers import verbs
from currant.customers.model import (
    ContactTold,
    CustomerSaved,
    CustomerTold,
    CustomerVerified,
    SaveCustomers,
    VerifyCustomer,
)
from currant.directory.model import CustomerDetails, CustomerWanted
from currant.directory.verbs import customer_details

# What the document shows as examples.
_CUSTOMER = CustomerTold(
    account_name="Ringo Starr",
    customer_type_code="RESIDENT",
    customer_sub_type_code="TENANT",
    bill_cycle_code="MONTHLY",
    payment_method_type="DIRECT",
    invoice_delivery_class="EMAIL",
    sales_cust_number="5003986",
    contacts=[ContactTold(first_name="Ringo", last_name="Starr", email="ringo@example.com")],
)
_CLAIMS = VerifyCustomer(account_number="03280", date_of_birth=date(1940, 7, 7))


@post(
    "/v1/{portal:str}/customers",
    status_code=200,
    operation_class=documented(CustomerSaved, takes=SaveCustomers([_CUSTOMER]), listed=True),
)
async def post_customers(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Create customers, or change those that name an account; all of them or none."""
    actor = await signed_in(request, portal)
    command = await json_of(request, SaveCustomers)
    saved = await door_of(request).act(verbs.save_customers, command, actor, idempotency_key)
    return answer({"data": saved})


@get("/v1/{portal:str}/customers/{account:str}", operation_class=documented(CustomerDetails))
async def get_customer(
    request: AnyRequest, portal: FromPath[str], account: FromPath[str]
) -> Response[Any]:
    """Show the customer of an account in full; numbers of cards are hidden."""
    actor = await signed_in(request, portal)
    return answer(await door_of(request).ask(customer_details, CustomerWanted(account), actor))


@post(
    "/v1/{portal:str}/customers/verify",
    status_code=200,
    operation_class=documented(CustomerVerified, takes=_CLAIMS, listed=True),
)
async def post_verify(request: AnyRequest, portal: FromPath[str]) -> Response[Any]:
    """Find customers by what they tell, and say which claims of them hold; too many wrong lock."""
    actor = await signed_in(request, portal)
    command = await json_of(request, VerifyCustomer)
    return answer({"data": await door_of(request).act(verbs.verify_customer, command, actor)})


ROUTES = [post_customers, get_customer, post_verify]
