"""Charges: one-off ones, the items they are of, and services without a meter."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from currant.access.verbs import Nothing
from currant.api.http import AnyRequest, door_of, json_of, signed_in
from currant.api.v1.frame import Cursor, IdempotencyKey, Limit, answer, begins_after, page
from currant.api.v1.openapi import documented
from currant.charges import verbs
from currant.charges.model import (
    AddCharges,
    CancelCharges,
    Charge,
    ChargeAdded,
    ChargeItem,
    ChargesNamed,
    ChargeStatus,
    ChargesWanted,
    ItemNamed,
    NewCharge,
    NewLineItem,
    Provision,
    Provisioned,
)
from currant.errors import Invalid

_STATES = [status.value for status in ChargeStatus]
OfAccount = Annotated[str | None, QueryParameter(description="Of this account only.")]
InStatus = Annotated[
    str | None,
    QueryParameter(
        name="status",
        description=f"One of {', '.join(_STATES)}.",
        schema_extra={"enum": _STATES},
    ),
]

# What the document shows as examples.
_ITEM = ChargeItem("STANDARD", "KEY", "Lost key", "GST", credit=False, coa="4910")
_CHARGES = AddCharges([NewCharge("03280", "ADMIN", date(2026, 7, 3), Decimal("55.00"))])
_SERVICE = Provision(
    "ISP",
    "0298765432",
    date(2026, 7, 1),
    [NewLineItem("ADMIN", Decimal("59.95"), "Fast internet")],
    account="03280",
)


@get("/v1/{portal:str}/charges", operation_class=documented(Charge, paged=True))
async def get_charges(
    request: AnyRequest,
    portal: FromPath[str],
    account: OfAccount = None,
    status: InStatus = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response[Any]:
    """List one-off charges in the order that they were added."""
    actor = await signed_in(request, portal)
    if status is not None and status not in _STATES:
        raise Invalid(f"status is one of {', '.join(_STATES)}.", field="status")
    after = begins_after(cursor)
    question = ChargesWanted(account, status, after, limit)
    rows = await door_of(request).ask(verbs.charges, question, actor)
    return page(rows, limit, lambda row: row.charge_id)


@post(
    "/v1/{portal:str}/charges",
    operation_class=documented(ChargeAdded, takes=_CHARGES, status=201, listed=True),
)
async def post_charges(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Add one-off charges, all or none; what asks to be approved at once takes who may approve."""
    actor = await signed_in(request, portal)
    command = await json_of(request, AddCharges)
    approving = any(charge.approve for charge in command.charges)
    verb = verbs.add_approved_charges if approving else verbs.add_charges
    added = await door_of(request).act(verb, command, actor, idempotency_key)
    return answer({"data": added}, 201)


@post(
    "/v1/{portal:str}/charges/approve",
    status_code=200,
    operation_class=documented(ChargesNamed, takes=ChargesNamed([7, 8])),
)
async def post_approved(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Approve charges that somebody else added, all or none; the next bill run takes them."""
    actor = await signed_in(request, portal)
    command = await json_of(request, ChargesNamed)
    return answer(
        await door_of(request).act(verbs.approve_charges, command, actor, idempotency_key)
    )


@post(
    "/v1/{portal:str}/charges/cancel",
    status_code=200,
    operation_class=documented(CancelCharges, takes=CancelCharges([7], "Waived.")),
)
async def post_cancelled(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Cancel charges that no invoice has taken yet, all or none."""
    actor = await signed_in(request, portal)
    command = await json_of(request, CancelCharges)
    return answer(await door_of(request).act(verbs.cancel_charges, command, actor, idempotency_key))


@get("/v1/{portal:str}/charges/items", operation_class=documented(ChargeItem, listed=True))
async def get_items(request: AnyRequest, portal: FromPath[str]) -> Response[Any]:
    """List the items that may be charged, by group."""
    actor = await signed_in(request, portal)
    return answer({"data": await door_of(request).ask(verbs.charge_items, Nothing(), actor)})


@post(
    "/v1/{portal:str}/charges/items",
    status_code=200,
    operation_class=documented(ChargeItem, takes=_ITEM),
)
async def post_item(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Make an item of a group, or change it for what is charged from now on."""
    actor = await signed_in(request, portal)
    command = await json_of(request, ChargeItem)
    return answer(
        await door_of(request).act(verbs.set_charge_item, command, actor, idempotency_key)
    )


@post(
    "/v1/{portal:str}/charges/items/retire",
    status_code=200,
    operation_class=documented(ItemNamed, takes=ItemNamed("STANDARD", "KEY")),
)
async def post_retired_item(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Retire an item: it is charged no more; what was charged stays as it is."""
    actor = await signed_in(request, portal)
    command = await json_of(request, ItemNamed)
    return answer(
        await door_of(request).act(verbs.retire_charge_item, command, actor, idempotency_key)
    )


@post(
    "/v1/{portal:str}/services",
    operation_class=documented(Provisioned, takes=_SERVICE, status=201),
)
async def post_service(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Begin a telco or ISP service for an account, or for whoever is supplied at a site."""
    actor = await signed_in(request, portal)
    command = await json_of(request, Provision)
    made = await door_of(request).act(verbs.provision, command, actor, idempotency_key)
    return answer(made, 201)


ROUTES = [
    get_charges,
    post_charges,
    post_approved,
    post_cancelled,
    get_items,
    post_item,
    post_retired_item,
    post_service,
]
