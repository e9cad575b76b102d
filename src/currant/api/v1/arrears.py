"""Arrears, what the Juice face cannot say: write-offs, payment plans, types."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from currant.api.http import AnyRequest, door_of, json_of, signed_in
from currant.api.v1.frame import IdempotencyKey, answer
from currant.api.v1.openapi import documented
from currant.receivables import verbs
from currant.receivables.model import (
    Arrears,
    ArrearsOfAccount,
    ArrearsType,
    ArrearsTypesWanted,
    ChangePlan,
    CreateArrearsType,
    PlanChange,
    RetireArrearsType,
    WriteOff,
    WriteOffItem,
    WrittenOff,
)

# What the document shows as examples.
_WRITE_OFF = WriteOff([WriteOffItem(85, Decimal("3.92")), WriteOffItem(86)], "Moved away.")
_PLAN = PlanChange(Decimal("12.5"), datetime(2026, 4, 1, 4, tzinfo=UTC))
_TYPE = CreateArrearsType("Line extension", "4910", "Recovery of a line that was extended")


@get(
    "/v1/{portal:str}/accounts/{account:str}/arrears",
    operation_class=documented(Arrears, listed=True),
)
async def get_arrears(
    request: AnyRequest, portal: FromPath[str], account: FromPath[str]
) -> Response[Any]:
    """List the arrears of an account with what was paid on each, settled ones too, newest first."""
    actor = await signed_in(request, portal)
    question = ArrearsOfAccount(account, details=True)
    found = await door_of(request).ask(verbs.arrears_of_account, question, actor)
    return answer({"data": found.arrears})


@post(
    "/v1/{portal:str}/arrears/write-off",
    status_code=200,
    operation_class=documented(WrittenOff, takes=_WRITE_OFF, listed=True),
)
async def post_write_off(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Write arrears off, all or none: the amount that is named, or all that is still owed."""
    actor = await signed_in(request, portal)
    command = await json_of(request, WriteOff)
    rows = await door_of(request).act(verbs.write_off, command, actor, idempotency_key)
    return answer({"data": rows})


@post(
    "/v1/{portal:str}/arrears/{arrears_id:int}/plan",
    status_code=200,
    operation_class=documented(Arrears, takes=_PLAN),
)
async def post_plan(
    request: AnyRequest,
    portal: FromPath[str],
    arrears_id: FromPath[int],
    idempotency_key: IdempotencyKey = None,
) -> Response[Any]:
    """Change the percentage of each tender that recovers an arrears, and from when."""
    actor = await signed_in(request, portal)
    command = ChangePlan(arrears_id, await json_of(request, PlanChange))
    changed = await door_of(request).act(verbs.change_plan, command, actor, idempotency_key)
    return answer(changed)


@get("/v1/{portal:str}/arrears/types", operation_class=documented(ArrearsType, listed=True))
async def get_types(request: AnyRequest, portal: FromPath[str]) -> Response[Any]:
    """List the types of arrears in their order: the portal's own and those of all (%)."""
    actor = await signed_in(request, portal)
    listed = await door_of(request).ask(verbs.arrears_types, ArrearsTypesWanted(), actor)
    return answer({"data": listed.types})


@post(
    "/v1/{portal:str}/arrears/types",
    operation_class=documented(ArrearsType, takes=_TYPE, status=201),
)
async def post_type(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Create a type of arrears for the COA that is credited when one is issued."""
    actor = await signed_in(request, portal)
    command = await json_of(request, CreateArrearsType)
    made = await door_of(request).act(verbs.create_arrears_type, command, actor, idempotency_key)
    return answer(made, 201)


@post(
    "/v1/{portal:str}/arrears/types/retire",
    status_code=200,
    operation_class=documented(ArrearsType, takes=RetireArrearsType(_TYPE.name)),
)
async def post_retired(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Retire a type of arrears: it is listed no more; what was issued as it stays as it is."""
    actor = await signed_in(request, portal)
    command = await json_of(request, RetireArrearsType)
    retired = await door_of(request).act(verbs.retire_arrears_type, command, actor, idempotency_key)
    return answer(retired)


ROUTES = [get_arrears, post_write_off, post_plan, get_types, post_type, post_retired]
