"""Work orders, and the activities about accounts, sites and buildings."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from currant.activities.model import (
    ActivitiesWanted,
    Activity,
    ActivitySaved,
    ActivityTold,
    SaveActivities,
)
from currant.activities.verbs import list_activities, save_activities
from currant.api.http import AnyRequest, door_of, json_of, signed_in
from currant.api.v1.frame import (
    Cursor,
    IdempotencyKey,
    Limit,
    answer,
    begins_after,
    cursor_of,
    page,
)
from currant.api.v1.openapi import documented
from currant.fieldwork import verbs
from currant.fieldwork.model import (
    CreateOrders,
    NewOrder,
    OrderChange,
    OrderCreated,
    OrdersWanted,
    OrderUpdated,
    UpdateOrders,
    WorkOrder,
)
from currant.metering.model import RegisterRead

OfAccount = Annotated[str | None, QueryParameter(description="About this account.")]
OfSite = Annotated[str | None, QueryParameter(description="About this site.")]
OfBuilding = Annotated[str | None, QueryParameter(description="About this building.")]
Status = Annotated[str | None, QueryParameter(description="With this status.")]
Since = Annotated[date | None, QueryParameter(description="Created on this day or later.")]
Until = Annotated[date | None, QueryParameter(description="Created on this day or before.")]

# What the document shows as examples.
_ORDER = NewOrder("SPECIAL_READ", "4103000012", "03280", reason="The bill is doubted.")
_CHANGE = OrderChange(17, status="COMPLETE", reads=[RegisterRead("1234abcde", Decimal(12510))])
_ACTIVITY = ActivityTold(
    account_number="03280", activity_type_code="CALL", subject="Asks for a payment plan"
)


@get("/v1/{portal:str}/work-orders", operation_class=documented(WorkOrder, paged=True))
async def get_orders(
    request: AnyRequest,
    portal: FromPath[str],
    account_number: OfAccount = None,
    site_identifier: OfSite = None,
    building_code: OfBuilding = None,
    status: Status = None,
    start_date: Since = None,
    end_date: Until = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response[Any]:
    """List work orders with their reads and histories, in the order of their ids."""
    actor = await signed_in(request, portal)
    question = OrdersWanted(
        None,
        account_number,
        site_identifier,
        building_code,
        status,
        start_date,
        end_date,
        begins_after(cursor),
        limit,
    )
    async with door_of(request).asking(verbs.list_orders, actor) as tx:
        rows = [order async for order in verbs.list_orders(tx, question)]
    return page(rows, limit, lambda row: row.work_order_id)


@post(
    "/v1/{portal:str}/work-orders",
    operation_class=documented(OrderCreated, takes=CreateOrders([_ORDER]), status=201, listed=True),
)
async def post_orders(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Create work orders, all of them or none."""
    actor = await signed_in(request, portal)
    command = await json_of(request, CreateOrders)
    made = await door_of(request).act(verbs.create_orders, command, actor, idempotency_key)
    return answer({"data": made}, 201)


@post(
    "/v1/{portal:str}/work-orders/update",
    status_code=200,
    operation_class=documented(OrderUpdated, takes=UpdateOrders([_CHANGE]), listed=True),
)
async def post_order_changes(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Change work orders, all of them or none; what they do to a site they do when complete."""
    actor = await signed_in(request, portal)
    command = await json_of(request, UpdateOrders)
    done = await door_of(request).act(verbs.update_orders, command, actor, idempotency_key)
    return answer({"data": done})


@get("/v1/{portal:str}/activities", operation_class=documented(Activity, paged=True))
async def get_activities(
    request: AnyRequest,
    portal: FromPath[str],
    account_number: OfAccount = None,
    site_identifier: OfSite = None,
    building_code: OfBuilding = None,
    status: Status = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response[Any]:
    """List activities with their notes, newest first."""
    actor = await signed_in(request, portal)
    question = ActivitiesWanted(
        cursor_of(cursor), limit, account_number, site_identifier, building_code, status
    )
    rows = await door_of(request).ask(list_activities, question, actor)
    return page(rows, limit, lambda row: row.activity_id)


@post(
    "/v1/{portal:str}/activities",
    status_code=200,
    operation_class=documented(ActivitySaved, takes=SaveActivities([_ACTIVITY]), listed=True),
)
async def post_activities(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Create activities, or change those that name an id; notes are added, never edited."""
    actor = await signed_in(request, portal)
    command = await json_of(request, SaveActivities)
    saved = await door_of(request).act(save_activities, command, actor, idempotency_key)
    return answer({"data": saved})


ROUTES = [get_orders, post_orders, post_order_changes, get_activities, post_activities]
