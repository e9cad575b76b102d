"""Billing: runs from the first chunk to the last post, invoices explained, the policy."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post, put
from litestar.params import FromPath, QueryParameter

from currant.access.verbs import Nothing
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
from currant.billing import verbs as billing
from currant.billing.model import Policy
from currant.clock import parse_day
from currant.errors import Invalid
from currant.invoices import verbs as invoicing
from currant.invoices.model import (
    BilledElsewhere,
    CancelInvoice,
    Explanation,
    Invoice,
    InvoiceCancelled,
    InvoiceNamed,
    InvoiceRow,
    InvoiceStatus,
    InvoicesWanted,
    LineRow,
    MeasuredRow,
)
from currant.runs import verbs as runs
from currant.runs.model import (
    BillException,
    ChunkDone,
    DraftOf,
    DraftRow,
    DraftsNamed,
    DraftsWanted,
    ExceptionsWanted,
    HoldDrafts,
    Run,
    RunChunk,
    RunDrafted,
    RunNamed,
    RunsWanted,
    StartRun,
    ToPrint,
)

OfAccount = Annotated[str | None, QueryParameter(description="Of this account only.")]
OfBuilding = Annotated[
    str | None, QueryParameter(name="building_code", description="Of this building only.")
]
_STATES = [status.value for status in InvoiceStatus]
InStatus = Annotated[
    str | None,
    QueryParameter(
        name="status",
        description=f"One of {', '.join(_STATES)}.",
        schema_extra={"enum": _STATES},
    ),
]
FirstDay = Annotated[
    str | None, QueryParameter(name="from", description="Dated on this day, YYYY-MM-DD, or later.")
]
LastDay = Annotated[
    str | None, QueryParameter(name="to", description="Dated on this day, YYYY-MM-DD, or before.")
]

# What the document shows as examples.
_START = StartRun(date(2026, 7, 31), building_code="TWR01")


class Chunk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many accounts one request takes on."""

    how_many: int = 1000


class Accounts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The accounts whose drafts are meant; where drafts are discarded, none means all."""

    accounts: list[str] = []


class Hold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The accounts whose drafts are held, and why."""

    accounts: list[str]
    reason: str


class ReasonToCancel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why an invoice is cancelled; the credit note says it."""

    reason: str


class Drafts(msgspec.Struct, frozen=True):
    """How many drafts were concerned."""

    drafts: int


class InvoiceLine(msgspec.Struct, frozen=True):
    """A line of an invoice: quantity × rate, and what else led to its amount.

    previous_value and current_value are reads in whole thousandths of the unit, as in `measured`.
    """

    line_no: int
    agreement_id: int | None
    site_identifier: str | None
    serial_number: str | None
    register_no: int | None
    product_type: str
    line_type: str
    description: str
    from_on: date
    to_on: date
    previous_value: int | None
    current_value: int | None
    read_basis: str | None
    quantity: Decimal
    unit: str
    rate: Decimal
    loss_factor: Decimal | None
    net: Decimal
    tax: Decimal
    tax_code: str
    coa: str
    plan: str | None
    explanation: Explanation

    @classmethod
    def of(cls, row: LineRow) -> "InvoiceLine":
        """Return a line with its explanation as an object."""
        told = {name: getattr(row, name) for name in cls.__struct_fields__[:-1]}
        return cls(**told, explanation=row.why)


class InvoiceTold(msgspec.Struct, frozen=True):
    """A posted invoice with its lines, and what its registers measured."""

    invoice: InvoiceRow
    lines: list[InvoiceLine]
    measured: list[MeasuredRow]

    @classmethod
    def of(cls, told: Invoice) -> "InvoiceTold":
        """Return an invoice as it is answered."""
        return cls(told.head, list(map(InvoiceLine.of, told.lines)), told.measured)


class DraftTold(msgspec.Struct, frozen=True):
    """An invoice of a run, a draft until it has a number, with its lines and what was measured."""

    draft: DraftRow
    lines: list[InvoiceLine]
    measured: list[MeasuredRow]


@get("/v1/{portal:str}/billing/policy", operation_class=documented(Policy))
async def get_policy(request: AnyRequest, portal: FromPath[str]) -> Response[Any]:
    """Show how the portal bills."""
    actor = await signed_in(request, portal)
    return answer(await door_of(request).ask(billing.policy, Nothing(), actor))


@put("/v1/{portal:str}/billing/policy", operation_class=documented(Policy, takes=Policy()))
async def put_policy(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Say as a whole how the portal bills what is drafted from now on."""
    actor = await signed_in(request, portal)
    command = await json_of(request, Policy)
    return answer(await door_of(request).act(billing.set_policy, command, actor, idempotency_key))


@post(
    "/v1/{portal:str}/billing/elsewhere",
    status_code=200,
    operation_class=documented(BilledElsewhere, takes=BilledElsewhere(7, date(2026, 6, 30))),
)
async def post_elsewhere(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Note that an agreement's days up to one were billed elsewhere, as before a migration."""
    actor = await signed_in(request, portal)
    command = await json_of(request, BilledElsewhere)
    noted = await door_of(request).act(invoicing.bill_elsewhere, command, actor, idempotency_key)
    return answer(noted)


@get("/v1/{portal:str}/bill-runs", operation_class=documented(Run, paged=True))
async def get_runs(
    request: AnyRequest, portal: FromPath[str], cursor: Cursor = None, limit: Limit = 50
) -> Response[Any]:
    """List bill runs with what they come to, the newest first."""
    actor = await signed_in(request, portal)
    question = RunsWanted(cursor_of(cursor), limit)
    rows = await door_of(request).ask(runs.bill_runs, question, actor)
    return page(rows, limit, lambda row: row.run_id)


@post("/v1/{portal:str}/bill-runs", operation_class=documented(Run, takes=_START, status=201))
async def post_run(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Begin a bill run: of a cycle, a building, an account, or of all; it is drafted in chunks."""
    actor = await signed_in(request, portal)
    command = await json_of(request, StartRun)
    begun = await door_of(request).act(runs.start_run, command, actor, idempotency_key)
    return answer(begun, 201)


@post(
    "/v1/{portal:str}/bill-runs/dry-run",
    status_code=200,
    operation_class=documented(RunDrafted, takes=_START),
)
async def post_dry_run(request: AnyRequest, portal: FromPath[str]) -> Response[Any]:
    """Tell what a bill run would come to, with its first drafts and exceptions; nothing is kept."""
    actor = await signed_in(request, portal)
    command = await json_of(request, StartRun)
    return answer(await door_of(request).rehearse(runs.draft_run, command, actor))


@get("/v1/{portal:str}/bill-runs/{run_id:int}", operation_class=documented(Run))
async def get_run(
    request: AnyRequest, portal: FromPath[str], run_id: FromPath[int]
) -> Response[Any]:
    """Show a bill run with what it comes to."""
    actor = await signed_in(request, portal)
    return answer(await door_of(request).ask(runs.bill_run, RunNamed(run_id), actor))


@post(
    "/v1/{portal:str}/bill-runs/{run_id:int}/draft",
    status_code=200,
    operation_class=documented(ChunkDone, takes=Chunk()),
)
async def post_draft(
    request: AnyRequest,
    portal: FromPath[str],
    run_id: FromPath[int],
    idempotency_key: IdempotencyKey = None,
) -> Response[Any]:
    """Draft the bills of a run's next accounts; `more` says whether to ask again."""
    actor = await signed_in(request, portal)
    chunk = RunChunk(run_id, (await json_of(request, Chunk)).how_many)
    return answer(await door_of(request).act(runs.draft_bills, chunk, actor, idempotency_key))


@get(
    "/v1/{portal:str}/bill-runs/{run_id:int}/exceptions",
    operation_class=documented(BillException, paged=True),
)
async def get_exceptions(
    request: AnyRequest,
    portal: FromPath[str],
    run_id: FromPath[int],
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response[Any]:
    """List what a run found remarkable, or could not bill."""
    actor = await signed_in(request, portal)
    question = ExceptionsWanted(run_id, begins_after(cursor), limit)
    rows = await door_of(request).ask(runs.bill_exceptions, question, actor)
    return page(rows, limit, lambda row: row.exception_id)


@get(
    "/v1/{portal:str}/bill-runs/{run_id:int}/drafts",
    operation_class=documented(DraftRow, paged=True),
)
async def get_drafts(
    request: AnyRequest,
    portal: FromPath[str],
    run_id: FromPath[int],
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response[Any]:
    """List the invoices of a run by account: drafts, and posted ones, which have a number."""
    actor = await signed_in(request, portal)
    question = DraftsWanted(run_id, begins_after(cursor), limit)
    rows = await door_of(request).ask(runs.bill_drafts, question, actor)
    return page(rows, limit, lambda row: row.account_id)


@get(
    "/v1/{portal:str}/bill-runs/{run_id:int}/drafts/{account:str}",
    operation_class=documented(DraftTold),
)
async def get_draft(
    request: AnyRequest, portal: FromPath[str], run_id: FromPath[int], account: FromPath[str]
) -> Response[Any]:
    """Show the invoice of a run for an account, posted or not, with every line explained."""
    actor = await signed_in(request, portal)
    told = await door_of(request).ask(runs.bill_draft, DraftOf(run_id, account), actor)
    return answer(DraftTold(told.head, list(map(InvoiceLine.of, told.lines)), told.measured))


@get(
    "/v1/{portal:str}/bill-runs/{run_id:int}/to-print",
    operation_class=documented(ToPrint, paged=True),
)
async def get_to_print(
    request: AnyRequest,
    portal: FromPath[str],
    run_id: FromPath[int],
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response[Any]:
    """List the posted invoices of a run that go by post: no e-mail brings them."""
    actor = await signed_in(request, portal)
    question = DraftsWanted(run_id, begins_after(cursor), limit)
    rows = await door_of(request).ask(runs.to_print, question, actor)
    return page(rows, limit, lambda row: row.account_id)


@post(
    "/v1/{portal:str}/bill-runs/{run_id:int}/hold",
    status_code=200,
    operation_class=documented(Drafts, takes=Hold(["03280"], "The tenant disputes a read.")),
)
async def post_hold(
    request: AnyRequest,
    portal: FromPath[str],
    run_id: FromPath[int],
    idempotency_key: IdempotencyKey = None,
) -> Response[Any]:
    """Hold drafts of a run back from posting, with a reason."""
    actor = await signed_in(request, portal)
    told = await json_of(request, Hold)
    command = HoldDrafts(run_id, told.accounts, told.reason)
    held = await door_of(request).act(runs.hold_drafts, command, actor, idempotency_key)
    return answer(Drafts(held))


@post(
    "/v1/{portal:str}/bill-runs/{run_id:int}/release",
    status_code=200,
    operation_class=documented(Drafts, takes=Accounts(["03280"])),
)
async def post_release_of_drafts(
    request: AnyRequest,
    portal: FromPath[str],
    run_id: FromPath[int],
    idempotency_key: IdempotencyKey = None,
) -> Response[Any]:
    """Let drafts go that were held, so that the next post of the run takes them."""
    actor = await signed_in(request, portal)
    command = DraftsNamed(run_id, (await json_of(request, Accounts)).accounts)
    released = await door_of(request).act(runs.release_drafts, command, actor, idempotency_key)
    return answer(Drafts(released))


@post(
    "/v1/{portal:str}/bill-runs/{run_id:int}/discard",
    status_code=200,
    operation_class=documented(Drafts, takes=Accounts(["03280"])),
)
async def post_discard(
    request: AnyRequest,
    portal: FromPath[str],
    run_id: FromPath[int],
    idempotency_key: IdempotencyKey = None,
) -> Response[Any]:
    """Throw drafts of a run away, all where none is named; the next run bills their days."""
    actor = await signed_in(request, portal)
    command = DraftsNamed(run_id, (await json_of(request, Accounts)).accounts)
    gone = await door_of(request).act(runs.discard_drafts, command, actor, idempotency_key)
    return answer(Drafts(gone))


@post(
    "/v1/{portal:str}/bill-runs/{run_id:int}/approve",
    status_code=200,
    operation_class=documented(Run, changes=True),
)
async def post_approve(
    request: AnyRequest,
    portal: FromPath[str],
    run_id: FromPath[int],
    idempotency_key: IdempotencyKey = None,
) -> Response[Any]:
    """Approve a drafted run that somebody else began."""
    actor = await signed_in(request, portal)
    named = RunNamed(run_id)
    return answer(await door_of(request).act(runs.approve_run, named, actor, idempotency_key))


@post(
    "/v1/{portal:str}/bill-runs/{run_id:int}/post",
    status_code=200,
    operation_class=documented(ChunkDone, takes=Chunk()),
)
async def post_posted(
    request: AnyRequest,
    portal: FromPath[str],
    run_id: FromPath[int],
    idempotency_key: IdempotencyKey = None,
) -> Response[Any]:
    """Post the next drafts of an approved run; `more` says whether to ask again."""
    actor = await signed_in(request, portal)
    chunk = RunChunk(run_id, (await json_of(request, Chunk)).how_many)
    return answer(await door_of(request).act(runs.post_bills, chunk, actor, idempotency_key))


@get("/v1/{portal:str}/invoices", operation_class=documented(InvoiceRow, paged=True))
async def get_invoices(
    request: AnyRequest,
    portal: FromPath[str],
    account: OfAccount = None,
    building: OfBuilding = None,
    status: InStatus = None,
    first: FirstDay = None,
    last: LastDay = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response[Any]:
    """List posted invoices and credit notes by date; those of blocked accounts are left out."""
    actor = await signed_in(request, portal)
    if status is not None and status not in _STATES:
        raise Invalid(f"status is one of {', '.join(_STATES)}.", field="status")
    question = InvoicesWanted(
        account=account,
        building_code=building,
        status=status,
        start_on=_day(first, "from"),
        end_on=_day(last, "to"),
        how_many=limit,
        beyond=None if cursor is None else cursor_of(cursor),
    )
    async with door_of(request).asking(invoicing.invoices, actor) as tx:
        rows = [told.head async for told in invoicing.invoices(tx, question)]
    return page(rows, limit, lambda row: row.invoice_id)


@get("/v1/{portal:str}/invoices/{number:str}", operation_class=documented(InvoiceTold))
async def get_invoice(
    request: AnyRequest, portal: FromPath[str], number: FromPath[str]
) -> Response[Any]:
    """Show a posted invoice with every line explained, and the reads that it came from."""
    actor = await signed_in(request, portal)
    told = await door_of(request).ask(invoicing.show_invoice, InvoiceNamed(number), actor)
    return answer(InvoiceTold.of(told))


@post(
    "/v1/{portal:str}/invoices/{number:str}/cancel",
    status_code=200,
    operation_class=documented(InvoiceCancelled, takes=ReasonToCancel("The meter was misread.")),
)
async def post_cancel(
    request: AnyRequest,
    portal: FromPath[str],
    number: FromPath[str],
    idempotency_key: IdempotencyKey = None,
) -> Response[Any]:
    """Cancel an invoice by a credit note; its days and charges are billed by the next run."""
    actor = await signed_in(request, portal)
    command = CancelInvoice(number, (await json_of(request, ReasonToCancel)).reason)
    cancelled = await door_of(request).act(
        invoicing.cancel_invoice, command, actor, idempotency_key
    )
    return answer(cancelled)


def _day(text: str | None, name: str) -> date | None:
    """Read a day of a parameter. Raises `Invalid` naming it."""
    try:
        return None if text is None else parse_day(text)
    except Invalid as refusal:
        raise Invalid(f"{name}: {refusal.detail}", field=name) from refusal


ROUTES = [
    get_policy,
    put_policy,
    post_elsewhere,
    get_runs,
    post_run,
    post_dry_run,
    get_run,
    post_draft,
    get_exceptions,
    get_drafts,
    get_draft,
    get_to_print,
    post_hold,
    post_release_of_drafts,
    post_discard,
    post_approve,
    post_posted,
    get_invoices,
    get_invoice,
    post_cancel,
]
