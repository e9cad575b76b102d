"""Reads that were not believed: what is in quarantine, their release and their rejection."""

from typing import Annotated, Any

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from currant.api.http import AnyRequest, door_of, json_of, signed_in
from currant.api.v1.frame import Cursor, IdempotencyKey, Limit, answer, cursor_of, page
from currant.api.v1.openapi import documented
from currant.reads.model import (
    Quarantined,
    QuarantineWanted,
    Rejected,
    RejectReads,
    Released,
    ReleaseReads,
)
from currant.reads.verbs import quarantine, reject_reads, release_reads

Serial = Annotated[str | None, QueryParameter(description="Of the meter with this serial number.")]


@get("/v1/{portal:str}/reads/quarantine", operation_class=documented(Quarantined, paged=True))
async def get_quarantine(
    request: AnyRequest,
    portal: FromPath[str],
    serial_number: Serial = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response[Any]:
    """List the reads that are in quarantine with their reasons, newest first."""
    actor = await signed_in(request, portal)
    question = QuarantineWanted(cursor_of(cursor), limit, serial_number)
    rows = await door_of(request).ask(quarantine, question, actor)
    return page(rows, limit, lambda row: row.quarantine_id)


@post(
    "/v1/{portal:str}/reads/quarantine/release",
    status_code=200,
    operation_class=documented(Released, takes=ReleaseReads([1, 2]), listed=True),
)
async def post_release(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Believe reads that are in quarantine, all or none; usage and charges follow."""
    actor = await signed_in(request, portal)
    command = await json_of(request, ReleaseReads)
    rows = await door_of(request).act(release_reads, command, actor, idempotency_key)
    return answer({"data": rows})


@post(
    "/v1/{portal:str}/reads/quarantine/reject",
    status_code=200,
    operation_class=documented(
        Rejected, takes=RejectReads([1, 2], "The display was misread."), listed=True
    ),
)
async def post_reject(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Dismiss reads that are in quarantine, all or none; the same read sent before goes too."""
    actor = await signed_in(request, portal)
    command = await json_of(request, RejectReads)
    rows = await door_of(request).act(reject_reads, command, actor, idempotency_key)
    return answer({"data": rows})


ROUTES = [get_quarantine, post_release, post_reject]
