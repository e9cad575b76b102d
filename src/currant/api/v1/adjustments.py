"""Adjustments of accounts: entered, approved, rejected, listed; and their reasons."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from currant.access.verbs import Nothing
from currant.adjustments.model import (
    Adjustment,
    AdjustmentNamed,
    AdjustmentsWanted,
    CreateReason,
    DecideAdjustments,
    EnterAdjustments,
    NewAdjustment,
    Reason,
    RetireReason,
    Status,
    Way,
)
from currant.adjustments.verbs import (
    adjustment_reasons,
    adjustments,
    approve_adjustments,
    create_reason,
    enter_adjustments,
    post_adjustments,
    reject_adjustments,
    retire_reason,
    show_adjustment,
)
from currant.api.http import AnyRequest, door_of, json_of, signed_in
from currant.api.v1.frame import (
    ByOwnDate,
    Cursor,
    FirstDay,
    IdempotencyKey,
    LastDay,
    Limit,
    OfAccount,
    OfBuilding,
    answer,
    begins_after,
    counted_page,
)
from currant.api.v1.openapi import documented

InStatus = Annotated[Status | None, QueryParameter(description="Of those in this status.")]

# What the document shows as examples.
_NEW = EnterAdjustments(
    [NewAdjustment("03280", "GOODWILL", date(2024, 8, 14), Decimal(11), "The lift was out.")]
)
_REASON = CreateReason("LATEFEE", "Late fee", Way.DEBIT, "4910", taxed=True)


@post(
    "/v1/{portal:str}/adjustments",
    operation_class=documented(Adjustment, takes=_NEW, listed=True, status=201),
)
async def enter_account_adjustments(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Enter adjustments for somebody else to approve, all or none."""
    actor = await signed_in(request, portal)
    command = await json_of(request, EnterAdjustments)
    rows = await door_of(request).act(enter_adjustments, command, actor, idempotency_key)
    return answer({"data": rows}, 201)


@post(
    "/v1/{portal:str}/adjustments/post",
    operation_class=documented(Adjustment, takes=_NEW, listed=True, status=201),
)
async def post_account_adjustments(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Enter adjustments and post them at once, all or none, within the special limit."""
    actor = await signed_in(request, portal)
    command = await json_of(request, EnterAdjustments)
    rows = await door_of(request).act(post_adjustments, command, actor, idempotency_key)
    return answer({"data": rows}, 201)


@post(
    "/v1/{portal:str}/adjustments/approve",
    status_code=200,
    operation_class=documented(Adjustment, takes=DecideAdjustments([7, 8]), listed=True),
)
async def approve_account_adjustments(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Approve adjustments that somebody else entered, all or none, and post them."""
    actor = await signed_in(request, portal)
    command = await json_of(request, DecideAdjustments)
    rows = await door_of(request).act(approve_adjustments, command, actor, idempotency_key)
    return answer({"data": rows})


@post(
    "/v1/{portal:str}/adjustments/reject",
    status_code=200,
    operation_class=documented(
        Adjustment, takes=DecideAdjustments([7], "It was billed right."), listed=True
    ),
)
async def reject_account_adjustments(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Reject adjustments that are pending, one's own too, all or none."""
    actor = await signed_in(request, portal)
    command = await json_of(request, DecideAdjustments)
    rows = await door_of(request).act(reject_adjustments, command, actor, idempotency_key)
    return answer({"data": rows})


@get("/v1/{portal:str}/adjustments", operation_class=documented(Adjustment, paged=True))
async def get_adjustments(
    request: AnyRequest,
    portal: FromPath[str],
    first: FirstDay = None,
    last: LastDay = None,
    by_own_date: ByOwnDate = False,
    building_code: OfBuilding = None,
    account: OfAccount = None,
    status: InStatus = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response[Any]:
    """List adjustments by their ids; by days of posting those that are not posted are left out."""
    actor = await signed_in(request, portal)
    skip = begins_after(cursor)
    question = AdjustmentsWanted(
        first, last, by_own_date, building_code, account, status, limit, skip
    )
    async with door_of(request).asking(adjustments, actor) as tx:
        rows = [row async for row in adjustments(tx, question)]
    return counted_page(rows, limit, skip)


@get("/v1/{portal:str}/adjustments/{adjustment_id:int}", operation_class=documented(Adjustment))
async def get_adjustment(
    request: AnyRequest, portal: FromPath[str], adjustment_id: FromPath[int]
) -> Response[Any]:
    """Show an adjustment and what became of it."""
    actor = await signed_in(request, portal)
    question = AdjustmentNamed(adjustment_id)
    return answer(await door_of(request).ask(show_adjustment, question, actor))


@get("/v1/{portal:str}/adjustments/reasons", operation_class=documented(Reason, listed=True))
async def get_adjustment_reasons(request: AnyRequest, portal: FromPath[str]) -> Response[Any]:
    """List the reasons of adjustments that are in use, by code."""
    actor = await signed_in(request, portal)
    rows = await door_of(request).ask(adjustment_reasons, Nothing(), actor)
    return answer({"data": rows})


@post(
    "/v1/{portal:str}/adjustments/reasons",
    operation_class=documented(Reason, takes=_REASON, status=201),
)
async def create_adjustment_reason(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Create a reason of adjustments: which way, whether taxed, and the COA on the other side."""
    actor = await signed_in(request, portal)
    command = await json_of(request, CreateReason)
    return answer(await door_of(request).act(create_reason, command, actor, idempotency_key), 201)


@post(
    "/v1/{portal:str}/adjustments/reasons/retire",
    status_code=200,
    operation_class=documented(Reason, takes=RetireReason("LATEFEE")),
)
async def retire_adjustment_reason(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Retire a reason: nothing is adjusted for it any more; what was keeps it."""
    actor = await signed_in(request, portal)
    command = await json_of(request, RetireReason)
    return answer(await door_of(request).act(retire_reason, command, actor, idempotency_key))


ROUTES = [
    enter_account_adjustments,
    post_account_adjustments,
    approve_account_adjustments,
    reject_account_adjustments,
    get_adjustments,
    get_adjustment,
    get_adjustment_reasons,
    create_adjustment_reason,
    retire_adjustment_reason,
]
