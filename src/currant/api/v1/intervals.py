"""Meter data files in and out, the register-days that count, and what is missing of them."""

from datetime import date
from typing import Annotated, Any, Literal

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from currant.api.http import FILE_SECONDS, AnyRequest, door_of, signed_in, spooled, written
from currant.api.v1.frame import (
    Cursor,
    IdempotencyKey,
    Limit,
    answer,
    begins_after,
    counted_page,
    cursor_of,
    page,
)
from currant.api.v1.openapi import documented
from currant.basicreads.model import LoadNem13, Nem13Loaded, TellNem13
from currant.basicreads.verbs import load_nem13, tell_nem13
from currant.intervals.model import (
    DaysWanted,
    FaultsWanted,
    FilesWanted,
    Gap,
    GapsWanted,
    IntervalDay,
    IntervalFile,
    Loaded,
    LoadNem12,
    OnboardNem12,
    TellNem12,
    Unplaced,
)
from currant.intervals.verbs import (
    interval_days,
    interval_faults,
    interval_files,
    interval_gaps,
    load_nem12,
    onboard_nem12,
    tell_nem12,
)
from currant.mdff import MARKET_CLOCK
from currant.reads.model import OnError

From = Annotated[date, QueryParameter(name="from", description="The first day.")]
To = Annotated[date, QueryParameter(name="to", description="The last day.")]
Nmi = Annotated[str | None, QueryParameter(description="Of the site with this identifier (NMI).")]
Building = Annotated[
    str | None, QueryParameter(description="Of the sites of the building with this code.")
]
Name = Annotated[str, QueryParameter(max_length=200, description="What the file is called.")]
Clock = Annotated[
    str, QueryParameter(description="The clock that tells the file's times, as it is from UTC.")
]
Failing = Annotated[
    Literal["rollback", "continue"],
    QueryParameter(
        name="on_error", description="Whether days that cannot be placed undo the others."
    ),
]
Create = Annotated[
    bool, QueryParameter(description="Give known meters the data streams that they lack.")
]
Onboard = Annotated[
    str | None,
    QueryParameter(
        description="Make the sites, meters and data streams that are missing, in this building."
    ),
]
Serial = Annotated[str | None, QueryParameter(description="Of the meter with this serial number.")]
Stream = Annotated[str | None, QueryParameter(description="Of this data stream, such as E1.")]


@post(
    "/v1/{portal:str}/intervals",
    status_code=200,
    operation_class=documented(
        Loaded, takes_file=("text/csv", "application/zip"), within=FILE_SECONDS
    ),
)
async def post_intervals(
    request: AnyRequest,
    portal: FromPath[str],
    name: Name = "",
    on_error: Failing = "continue",
    create: Create = False,
    building: Onboard = None,
    clock: Clock = MARKET_CLOCK,
    idempotency_key: IdempotencyKey = None,
) -> Response[Any]:
    """Load a NEM12 file: nothing of a bad one, and of a sound one the days that can be placed."""
    actor = await signed_in(request, portal)
    door = door_of(request)
    body = await spooled(request)
    with body.file:
        if building:
            made = OnboardNem12(body, building, name, OnError(on_error), clock)
            return answer(await door.act(onboard_nem12, made, actor, idempotency_key))
        command = LoadNem12(body, name, OnError(on_error), create, clock)
        return answer(await door.act(load_nem12, command, actor, idempotency_key))


@get("/v1/{portal:str}/intervals", operation_class=documented(IntervalDay, paged=True))
async def get_intervals(
    request: AnyRequest,
    portal: FromPath[str],
    from_day: From,
    to_day: To,
    nmi: Nmi = None,
    building: Building = None,
    serial_number: Serial = None,
    datastream: Stream = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response[Any]:
    """List the register-days that count, by NMI, meter, data stream and day."""
    actor = await signed_in(request, portal)
    beyond = begins_after(cursor)
    question = DaysWanted(from_day, to_day, nmi, building, serial_number, datastream, limit, beyond)
    async with door_of(request).asking(interval_days, actor) as tx:
        rows = [row async for row in interval_days(tx, question)]
    return counted_page(rows, limit, beyond)


@get("/v1/{portal:str}/intervals/gaps", operation_class=documented(Gap, paged=True))
async def get_gaps(
    request: AnyRequest,
    portal: FromPath[str],
    from_day: From,
    to_day: To,
    nmi: Nmi = None,
    building: Building = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response[Any]:
    """List what registers lack while their meters hung, and what of theirs is not actual."""
    actor = await signed_in(request, portal)
    beyond = begins_after(cursor)
    question = GapsWanted(from_day, to_day, nmi, building, limit, beyond)
    async with door_of(request).asking(interval_gaps, actor) as tx:
        rows = [row async for row in interval_gaps(tx, question)]
    return counted_page(rows, limit, beyond)


@get("/v1/{portal:str}/intervals/files", operation_class=documented(IntervalFile, paged=True))
async def get_files(
    request: AnyRequest, portal: FromPath[str], cursor: Cursor = None, limit: Limit = 50
) -> Response[Any]:
    """List the deliveries of interval data with what became of their days, newest first."""
    actor = await signed_in(request, portal)
    question = FilesWanted(cursor_of(cursor), limit)
    rows = await door_of(request).ask(interval_files, question, actor)
    return page(rows, limit, lambda row: row.file_id)


@get(
    "/v1/{portal:str}/intervals/files/{file_id:int}/faults",
    operation_class=documented(Unplaced, paged=True),
)
async def get_faults(
    request: AnyRequest,
    portal: FromPath[str],
    file_id: FromPath[int],
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response[Any]:
    """List the days of a file that could not be placed, by its lines, with the reasons."""
    actor = await signed_in(request, portal)
    beyond = begins_after(cursor)
    question = FaultsWanted(file_id, limit, beyond)
    rows = await door_of(request).ask(interval_faults, question, actor)
    return counted_page(rows, limit, beyond)


@get(
    "/v1/{portal:str}/intervals/nem12",
    operation_class=documented(IntervalFile, sends_file="text/csv", within=FILE_SECONDS),
)
async def get_nem12(
    request: AnyRequest,
    portal: FromPath[str],
    from_day: From,
    to_day: To,
    nmi: Nmi = None,
    building: Building = None,
    clock: Clock = MARKET_CLOCK,
) -> Response[Any]:
    """Write the register-days that count as a NEM12 file."""
    actor = await signed_in(request, portal)
    question = TellNem12(from_day, to_day, nmi, building, clock=clock)
    async with door_of(request).asking(tell_nem12, actor) as tx:
        return await written(tell_nem12(tx, question), "text/csv", {})


@post(
    "/v1/{portal:str}/reads/nem13",
    status_code=200,
    operation_class=documented(
        Nem13Loaded, takes_file=("text/csv", "application/zip"), within=FILE_SECONDS
    ),
)
async def post_nem13(
    request: AnyRequest,
    portal: FromPath[str],
    on_error: Failing = "continue",
    create: Create = False,
    clock: Clock = MARKET_CLOCK,
    idempotency_key: IdempotencyKey = None,
) -> Response[Any]:
    """Load a NEM13 file: nothing of a bad one, and of a sound one the reads that can be placed."""
    actor = await signed_in(request, portal)
    door = door_of(request)
    body = await spooled(request)
    with body.file:
        command = LoadNem13(body, OnError(on_error), create, clock)
        return answer(await door.act(load_nem13, command, actor, idempotency_key))


@get(
    "/v1/{portal:str}/reads/nem13",
    operation_class=documented(Nem13Loaded, sends_file="text/csv", within=FILE_SECONDS),
)
async def get_nem13(
    request: AnyRequest,
    portal: FromPath[str],
    from_day: From,
    to_day: To,
    nmi: Nmi = None,
    building: Building = None,
    clock: Clock = MARKET_CLOCK,
) -> Response[Any]:
    """Write the reads of basic registers as a NEM13 file, each with the one before it."""
    actor = await signed_in(request, portal)
    question = TellNem13(from_day, to_day, nmi, building, clock=clock)
    async with door_of(request).asking(tell_nem13, actor) as tx:
        return await written(tell_nem13(tx, question), "text/csv", {})


ROUTES = [
    post_intervals,
    get_intervals,
    get_gaps,
    get_files,
    get_faults,
    get_nem12,
    post_nem13,
    get_nem13,
]
