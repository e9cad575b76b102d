"""Cashier batches: what was taken, the count that closes one, and its approval."""

from decimal import Decimal
from typing import Annotated, Any

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from currant.access.verbs import Nothing
from currant.api.http import AnyRequest, door_of, json_of, signed_in
from currant.api.v1.frame import Cursor, IdempotencyKey, Limit, answer, cursor_of, page
from currant.api.v1.openapi import documented
from currant.batches import verbs
from currant.batches.model import (
    Approval,
    ApproveBatch,
    Batch,
    BatchesWanted,
    BatchNamed,
    BatchState,
    CloseBatch,
    Count,
    CurrentBatch,
)
from currant.errors import Invalid

Login = Annotated[str | None, QueryParameter(description="Of the cashier with this login.")]
# A parameter `state` of a handler would mean the framework's own, so it is read here.
InState = Annotated[
    str | None,
    QueryParameter(
        name="state",
        description="Of those in this state.",
        schema_extra={"enum": [state.value for state in BatchState]},
    ),
]

# What the document shows as an example.
_COUNT = Count({"cash": Decimal("120.5"), "check": Decimal(40)}, "A torn note is with the bank.")


@get("/v1/{portal:str}/batches", operation_class=documented(Batch, paged=True))
async def get_batches(
    request: AnyRequest,
    portal: FromPath[str],
    login: Login = None,
    in_state: InState = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response[Any]:
    """List cashiers' batches, newest first."""
    actor = await signed_in(request, portal)
    question = BatchesWanted(cursor_of(cursor), limit, login, _state(in_state))
    rows = await door_of(request).ask(verbs.list_batches, question, actor)
    return page(rows, limit, lambda row: row.batch_id)


@get("/v1/{portal:str}/batches/{batch_id:int}", operation_class=documented(Batch))
async def get_batch(
    request: AnyRequest, portal: FromPath[str], batch_id: FromPath[int]
) -> Response[Any]:
    """Show a batch: what was taken in all and, once it is closed, each count of it."""
    actor = await signed_in(request, portal)
    return answer(await door_of(request).ask(verbs.show_batch, BatchNamed(batch_id), actor))


@get("/v1/{portal:str}/batches/current", operation_class=documented(CurrentBatch))
async def get_current_batch(request: AnyRequest, portal: FromPath[str]) -> Response[Any]:
    """Say what the caller has taken since the last count, and what the vending limit leaves."""
    actor = await signed_in(request, portal)
    return answer(await door_of(request).ask(verbs.current_batch, Nothing(), actor))


@post(
    "/v1/{portal:str}/batches/current/close",
    status_code=200,
    operation_class=documented(Batch, takes=_COUNT),
)
async def close_current_batch(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Close the caller's open batch with a count of it; what is over or short is posted."""
    actor = await signed_in(request, portal)
    command = await json_of(request, Count)
    done = await door_of(request).act(verbs.close_own_batch, command, actor, idempotency_key)
    return answer(done)


@post(
    "/v1/{portal:str}/batches/{batch_id:int}/close",
    status_code=200,
    operation_class=documented(Batch, takes=_COUNT),
)
async def close_batch(
    request: AnyRequest,
    portal: FromPath[str],
    batch_id: FromPath[int],
    idempotency_key: IdempotencyKey = None,
) -> Response[Any]:
    """Close somebody else's batch with a count of it; what is over or short is posted."""
    actor = await signed_in(request, portal)
    told = await json_of(request, Count)
    command = CloseBatch(told.counted, told.note, batch_id)
    done = await door_of(request).act(verbs.close_batch, command, actor, idempotency_key)
    return answer(done)


@post(
    "/v1/{portal:str}/batches/{batch_id:int}/approve",
    status_code=200,
    operation_class=documented(Batch, takes=Approval("Counted again, the same.")),
)
async def approve_batch(
    request: AnyRequest,
    portal: FromPath[str],
    batch_id: FromPath[int],
    idempotency_key: IdempotencyKey = None,
) -> Response[Any]:
    """Approve a batch that is closed; its cashier and who closed it may not."""
    actor = await signed_in(request, portal)
    told = await json_of(request, Approval)
    command = ApproveBatch(batch_id, told.note)
    done = await door_of(request).act(verbs.approve_batch, command, actor, idempotency_key)
    return answer(done)


def _state(told: str | None) -> BatchState | None:
    """Read the state that is asked for. Raises `Invalid`."""
    try:
        return BatchState(told) if told else None
    except ValueError as error:
        states = ", ".join(BatchState)
        raise Invalid(f"The parameter state is one of {states}.", field="state") from error


ROUTES = [
    get_batches,
    get_batch,
    get_current_batch,
    close_current_batch,
    close_batch,
    approve_batch,
]
