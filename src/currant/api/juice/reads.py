"""J07 reads/insert and J08 reads/get."""

from datetime import UTC
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response, get, post

from currant.api.http import (
    FILE_SECONDS,
    AnyRequest,
    Query,
    door_of,
    key_of,
    signed_in,
    spooled,
)
from currant.api.juice.frame import done
from currant.api.juice.openapi import (
    PAGE,
    SERIAL_NUMBER,
    CsvBody,
    Instant,
    documented,
    flag,
    parameter,
)
from currant.clock import format_instant
from currant.errors import Fault, Invalid
from currant.reads.delivery import COLUMNS, Delivery, SentRead
from currant.reads.model import (
    Format,
    OnError,
    Read,
    ReadsShown,
    ReadsWanted,
    RecordReads,
    SerialsSent,
)
from currant.reads.verbs import portal_of_reads, reads_of_meter, record_reads

E = TypeVar("E", bound=StrEnum)

Wh = int | msgspec.UnsetType

_FIRST = 50
_PORTAL = parameter("portal", "The key of the portal, where the serial numbers do not tell it.")


class ReadsParsed(msgspec.Struct, frozen=True):
    """How many records were read, and with `on_error=continue` those that were not stored."""

    parsed_reads: int
    rejected: list[Fault] | msgspec.UnsetType = msgspec.UNSET


class ReadDetails(msgspec.Struct, frozen=True):
    """A read, its values in Wh and varh."""

    portal: str
    account: str
    locid: str
    serialnumber: str
    datetime: Instant
    multiplier: Decimal
    deviceid: str
    source: str
    status: str
    timezoneindex: int
    lastmod: Instant
    sumforwardactive: Wh = msgspec.UNSET
    sumreverseactive: Wh = msgspec.UNSET
    sumforwardreactive: Wh = msgspec.UNSET
    sumreversereactive: Wh = msgspec.UNSET
    usagediff: Wh = msgspec.UNSET
    toubucket1wh: Wh = msgspec.UNSET


@post(
    "/meters/reads/insert",
    status_code=200,
    operation_class=documented(
        "J07",
        ReadsParsed,
        parameters=(
            _PORTAL,
            parameter("source", "The head-end that they come from.", required=True, example="mas"),
            parameter("format", "How they are written.", required=True, words=list(Format)),
            flag("watts", "Whether active values are in Wh, not kWh."),
            flag("volts", "Whether reactive values are in varh, not kvarh."),
            parameter(
                "on_error",
                "What a bad record does to the others.",
                words=list(OnError),
                default="rollback",
            ),
        ),
        takes=CsvBody(
            {"": COLUMNS},
            "serialnumber,datetime,sumforwardactive\n1234abcde,2017-11-16T07:00:00-04:00,100\n",
            list[SentRead],
        ),
        names=True,
        warns=True,
        within=FILE_SECONDS,
        calls=(record_reads,),
    ),
)
async def insert_reads(request: AnyRequest) -> Response[bytes]:
    """J07: record a file of reads, CSV or a JSON array."""
    query = Query(request.scope)
    portal = query.maybe("portal")
    actor = await signed_in(request, portal)
    source = query.text("source")
    written = _one_of(Format, query.text("format").upper(), "format")
    on_error = _one_of(OnError, (query.maybe("on_error") or "rollback").lower(), "on_error")
    watts, volts = query.flag("watts"), query.flag("volts")
    door = door_of(request)
    body = await spooled(request)
    with body.file:
        if portal is None:
            serials = Delivery(body, written, UTC, max_faults=_FIRST).serial_numbers()
            meant = await door.ask(portal_of_reads, SerialsSent(serials), actor)
            actor = actor.at(meant.key)
        command = RecordReads(body, written, source, watts, volts, on_error)
        key = key_of(request)
        recorded = await door.act(record_reads, command, actor, key)
    rejected = recorded.rejected if on_error is OnError.CONTINUE else msgspec.UNSET
    data = ReadsParsed(recorded.parsed, rejected)
    warnings = recorded.warnings + ["reads-quarantined"] * (recorded.quarantined > 0)
    return done(data, warning=", ".join(warnings) or None)


@get(
    "/meters/reads/get",
    operation_class=documented(
        "J08",
        list[ReadDetails],
        parameters=(
            _PORTAL,
            SERIAL_NUMBER,
            parameter("from", "The first day, in the zone of the portal.", format="date"),
            parameter("to", "The last day.", format="date"),
            *PAGE,
        ),
        names=True,
        within=FILE_SECONDS,
        calls=(reads_of_meter,),
    ),
)
async def get_reads(request: AnyRequest) -> Response[bytes]:
    """J08: the reads of a meter, ascending, in Wh."""
    query = Query(request.scope)
    actor = await signed_in(request, query.maybe("portal"))
    question = ReadsWanted(
        query.text("serialnumber"),
        query.maybe("from"),
        query.maybe("to"),
        *query.page(),
    )
    shown = await door_of(request).ask(reads_of_meter, question, actor)
    return done([_told(shown, read) for read in shown.reads])


def _told(shown: ReadsShown, read: Read) -> ReadDetails:
    """Tell one read with the members of J08; what it has no value for is left out."""
    meter = shown.meter
    zone = ZoneInfo(meter.timezone)
    return ReadDetails(
        portal=meter.portal,
        account=meter.account,
        locid=meter.loc_id,
        serialnumber=meter.serial_number,
        datetime=format_instant(read.read_at, zone),
        multiplier=read.multiplier,
        deviceid=meter.device_id,
        source=read.source,
        status=read.status,
        timezoneindex=meter.tz_index,
        lastmod=format_instant(read.last_mod, zone),
        sumforwardactive=_if_any(read.forward_active),
        sumreverseactive=_if_any(read.reverse_active),
        sumforwardreactive=_if_any(read.forward_reactive),
        sumreversereactive=_if_any(read.reverse_reactive),
        usagediff=_if_any(read.usage_wh),
        toubucket1wh=_if_any(read.forward_active),
    )


def _if_any(value: int | None) -> Wh:
    return msgspec.UNSET if value is None else value


def _one_of(kind: type[E], text: str, field: str) -> E:
    """Read a word that is one of a few. Raises `Invalid` naming the parameter."""
    try:
        return kind(text)
    except ValueError:
        legal = " or ".join(member.value for member in kind)
        raise Invalid(f"The parameter {field} is {legal}.", field=field) from None


ROUTES = [insert_reads, get_reads]
