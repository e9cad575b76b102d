"""Reads of accounts, basic reads, and what is checked, estimated and put right of measured data."""

from collections.abc import AsyncIterator, Callable
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from currant import wire
from currant.access.verbs import Nothing
from currant.api.http import AnyRequest, door_of, json_of, signed_in, written
from currant.api.openapi import JSON
from currant.api.v1.frame import Cursor, IdempotencyKey, Limit, answer, cursor_of, page
from currant.api.v1.openapi import documented
from currant.basicreads.model import AccountRead, BasicRead, PostedRead, PostReads, ReadsOfAccount
from currant.basicreads.verbs import account_reads, post_reads
from currant.clock import parse_instant, within_time
from currant.errors import Invalid
from currant.estimation.model import (
    DayStored,
    EditDays,
    EditedDay,
    EditReads,
    EstimateDays,
    EstimatedDays,
    EstimatedRead,
    EstimateReads,
)
from currant.estimation.verbs import edit_days, edit_reads, estimate_days, estimate_reads
from currant.intervals.model import AccountDay
from currant.intervals.verbs import account_days
from currant.validation import verbs
from currant.validation.model import (
    Check,
    Decided,
    DecideFindings,
    Decision,
    Finding,
    FindingStatus,
    FindingsWanted,
    FindingWanted,
    Rule,
    Validate,
    ValidationRun,
)

FromDay = Annotated[date, QueryParameter(name="from", description="The first day.")]
ToDay = Annotated[date, QueryParameter(name="to", description="The last day.")]
Site = Annotated[
    str | None, QueryParameter(description="Of the site with this identifier or number.")
]
Meter = Annotated[
    str | None, QueryParameter(description="Of the meter with this code or serial number.")
]
AsOf = Annotated[
    str | None, QueryParameter(description="As it was known at this instant, by RFC 3339.")
]
Building = Annotated[str | None, QueryParameter(description="Of this building.")]
Account = Annotated[str | None, QueryParameter(description="Of this account.")]
Serial = Annotated[str | None, QueryParameter(description="Of the meter with this serial number.")]
OfStatus = Annotated[FindingStatus | None, QueryParameter(description="Of this status.")]
OfRule = Annotated[Rule | None, QueryParameter(description="Of this rule.")]

_READ = BasicRead("4103000012", "1234abcde", Decimal("12410.5"), date(2024, 7, 31))
_JULY = (date(2024, 7, 1), date(2024, 7, 31))


def _act(
    path: str, verb: Callable[..., Any], example: Any, answers: type[Any], *, listed: bool = False
) -> Any:
    """Return a route that does what its body says."""
    shape = type(example)

    async def act(
        request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
    ) -> Response[Any]:
        actor = await signed_in(request, portal)
        command = await json_of(request, shape)
        told = await door_of(request).act(verb, command, actor, idempotency_key)
        return answer({"data": told} if listed else told)

    act.__name__ = f"post_{verb.__name__}"
    act.__doc__ = (verb.__doc__ or "").split("\n")[0]
    documentation = documented(answers, takes=example, listed=listed)
    route = post(f"/v1/{{portal:str}}/{path}", status_code=200, operation_class=documentation)
    return route(act)


def _listed(path: str, view: Callable[..., Any], answers: type[Any]) -> Any:
    """Return a route that lists the reads of an account, however many they are."""

    async def listed(
        request: AnyRequest,
        portal: FromPath[str],
        account: FromPath[str],
        from_day: FromDay,
        to_day: ToDay,
        site: Site = None,
        meter: Meter = None,
        as_of: AsOf = None,
    ) -> Response[Any]:
        actor = await signed_in(request, portal)

        async def body() -> AsyncIterator[bytes]:
            async with door_of(request).asking(view, actor) as tx:
                at = None if as_of is None else _instant(as_of, tx.portal.zone)
                question = ReadsOfAccount(account, from_day, to_day, site, meter, at)
                yield b'{"data":'
                async for piece in wire.pieces(view(tx, question)):
                    yield piece
                yield b"}"

        return await written(body(), JSON, {})

    listed.__name__ = f"get_{view.__name__}"
    listed.__doc__ = (view.__doc__ or "").split("\n")[0]
    route = get(
        f"/v1/{{portal:str}}/accounts/{{account:str}}/{path}",
        operation_class=documented(answers, listed=True),
    )
    return route(listed)


def _instant(text: str, zone: Any) -> Any:
    try:
        return within_time(parse_instant(text, zone, query=True).at)
    except Invalid as refusal:
        raise Invalid(refusal.detail, field="as_of") from None


@get("/v1/{portal:str}/validation/checks", operation_class=documented(Check, listed=True))
async def get_checks(request: AnyRequest, portal: FromPath[str]) -> Response[Any]:
    """List the rules as the portal checks them."""
    actor = await signed_in(request, portal)
    return answer({"data": await door_of(request).ask(verbs.checks, Nothing(), actor)})


@get("/v1/{portal:str}/validation/findings", operation_class=documented(Finding, paged=True))
async def get_findings(
    request: AnyRequest,
    portal: FromPath[str],
    status: OfStatus = None,
    rule: OfRule = None,
    serial_number: Serial = None,
    building_code: Building = None,
    account: Account = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response[Any]:
    """List findings, the newest first."""
    actor = await signed_in(request, portal)
    question = FindingsWanted(
        cursor_of(cursor), limit, status, rule, serial_number, building_code, account
    )
    rows = await door_of(request).ask(verbs.findings, question, actor)
    return page(rows, limit, lambda row: row.finding_id)


@get(
    "/v1/{portal:str}/validation/findings/{finding_id:int}/decisions",
    operation_class=documented(Decision, listed=True),
)
async def get_decisions(
    request: AnyRequest, portal: FromPath[str], finding_id: FromPath[int]
) -> Response[Any]:
    """List what was decided about a finding, in turn."""
    actor = await signed_in(request, portal)
    rows = await door_of(request).ask(verbs.decisions, FindingWanted(finding_id), actor)
    return answer({"data": rows})


ROUTES = [
    _act("reads", post_reads, PostReads([_READ]), PostedRead, listed=True),
    _act("reads/edits", edit_reads, EditReads([_READ], "Misread."), PostedRead, listed=True),
    _act(
        "intervals/edits",
        edit_days,
        EditDays([EditedDay("4103000012", "1234abcde", _JULY[0], [Decimal(1)] * 24)], "Tested."),
        DayStored,
    ),
    _act("estimates/days", estimate_days, EstimateDays(*_JULY, "TWR01"), EstimatedDays),
    _act(
        "estimates/reads",
        estimate_reads,
        EstimateReads(_JULY[1], "TWR01"),
        EstimatedRead,
        listed=True,
    ),
    _act("validation/runs", verbs.validate, Validate(*_JULY, "TWR01"), ValidationRun),
    _act("validation/checks", verbs.set_check, Check(Rule.SPIKE, factor=Decimal(8), days=7), Check),
    _act(
        "validation/findings/decide",
        verbs.decide_findings,
        DecideFindings([1, 2], "The tenant had guests."),
        Decided,
    ),
    get_checks,
    get_findings,
    get_decisions,
    _listed("reads", account_reads, AccountRead),
    _listed("interval-days", account_days, AccountDay),
]
