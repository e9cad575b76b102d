"""J07 reads/insert and J08 reads/get."""

from datetime import UTC
from enum import StrEnum
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from litestar import Response, get, post

from currant.api.http import AnyRequest, Query, door_of, key_of, signed_in, spooled
from currant.api.juice.frame import done
from currant.clock import format_instant
from currant.errors import Invalid
from currant.reads.delivery import Delivery
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

_FIRST = 50


@post("/meters/reads/insert", status_code=200)
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
    data: dict[str, Any] = {"parsed_reads": recorded.parsed}
    if on_error is OnError.CONTINUE:
        data["rejected"] = recorded.rejected
    return done(data, warning=", ".join(recorded.warnings) or None)


@get("/meters/reads/get")
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


def _told(shown: ReadsShown, read: Read) -> dict[str, Any]:
    """Tell one read with the members of J08; what it has no value for is left out."""
    meter = shown.meter
    zone = ZoneInfo(meter.timezone)
    told = {
        "portal": meter.portal,
        "account": meter.account,
        "locid": meter.loc_id,
        "serialnumber": meter.serial_number,
        "datetime": format_instant(read.read_at, zone),
        "multiplier": read.multiplier,
        "deviceid": meter.device_id,
        "source": read.source,
        "status": read.status,
        "timezoneindex": meter.tz_index,
        "lastmod": format_instant(read.last_mod, zone),
        "sumforwardactive": read.forward_active,
        "sumreverseactive": read.reverse_active,
        "sumforwardreactive": read.forward_reactive,
        "sumreversereactive": read.reverse_reactive,
        "usagediff": read.usage_wh,
        "toubucket1wh": read.forward_active,
    }
    return {name: value for name, value in told.items() if value is not None}


def _one_of(kind: type[E], text: str, field: str) -> E:
    """Read a word that is one of a few. Raises `Invalid` naming the parameter."""
    try:
        return kind(text)
    except ValueError:
        legal = " or ".join(member.value for member in kind)
        raise Invalid(f"The parameter {field} is {legal}.", field=field) from None


ROUTES = [insert_reads, get_reads]
