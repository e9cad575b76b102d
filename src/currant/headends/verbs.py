"""Acts on requests to meters and the head-ends they go through, and the questions about them."""

import hashlib
import re
from datetime import datetime, timedelta
from decimal import Decimal
from urllib.parse import urlsplit

import msgspec

from currant import wire
from currant.access.permissions import Permission, needs
from currant.access.verbs import Nothing
from currant.clock import parse_instant
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Fault, Forbidden, Invalid, Refusal
from currant.headends.model import (
    AnotherCommand,
    AnotherHeadEnd,
    AnotherMeter,
    Answered,
    AnsweredBefore,
    AnsweredItem,
    AnswerRequest,
    AskedMeter,
    AskMeters,
    CallbackUnit,
    Command,
    HeadEnd,
    HeadEndUrl,
    HeadEndWaited,
    MeterOutOfReach,
    MeterRequest,
    NoSuchRequest,
    NotAHeadEnd,
    OpenRequest,
    Outgoing,
    RequestState,
    RequestsWanted,
    SetHeadEnd,
    TellSent,
)
from currant.headends.relay import outcome, state_told
from currant.metering.model import NoSuchMeter
from currant.money import half_up
from currant.reads.model import AnsweredRead, RecordAnswers, Recorded
from currant.reads.verbs import record_answers

sql = Statements(__package__)
_SET_HEAD_END = sql.command("set_head_end")
_TRY_AGAIN = sql.command("try_again")
_HEAD_ENDS = sql.rows("head_ends", HeadEnd)
_ASKED_METERS = sql.rows("asked_meters", AskedMeter)
_ASK_BY_HAND = sql.rows("ask_by_hand", int)
_REQUESTS = sql.rows("requests", MeterRequest)
_HEAD_END_KNOWN = sql.rows("head_end_known", bool)
_HOLD_ANSWER = sql.command("hold_answer")
_OPEN_REQUEST = sql.rows("open_request", OpenRequest)
_CLOSE_REQUEST = sql.command("close_request")
_HEAD_ENDS_WAITED = sql.rows("head_ends_waited", HeadEndWaited)
_TAKE_REQUESTS = sql.rows("take_requests", Outgoing)
_TELL_SENT = sql.rows("tell_sent", int)
_PORTALS_OVERDUE = sql.rows("portals_overdue", str)
_TIME_OUT = sql.rows("time_out", int)

MOST_ASKED = 1000
AT_ONCE = 64

_NEWEST = 2**62
_MOST_ITEMS = 1000
_MOST_TRIES = 8
_HELD_FOR = timedelta(seconds=60)
_AHEAD = timedelta(hours=24)
_LARGEST = Decimal(10) ** 15
_WH = 1000
_TOKEN = re.compile(r"[\x21-\x7e]*")
_DEAF = {"AMR": "an AMR meter only speaks", "STS": "an STS meter takes tokens, not commands"}


class _Read(msgspec.Struct, frozen=True):
    """An item's reading as it is recorded, and whether its time was written as Q03 says."""

    read: AnsweredRead
    nonstandard: bool


@needs(Permission.PORTALS_MANAGE)
async def set_head_end(tx: Tx, command: SetHeadEnd) -> SetHeadEnd:
    """Say where the portal's requests to a head-end are sent; what waits for it is sent at once.

    Raises `NotAHeadEnd`, `HeadEndUrl`, `HeadEndTimeout`. The token is not answered.
    """
    portal_id = tx.portal.portal_id
    if not _TOKEN.fullmatch(command.token):
        raise Invalid("A token is printable ASCII characters without a blank.", field="token")
    try:
        port = urlsplit(command.url).port
    except ValueError as error:
        raise HeadEndUrl(f"{error}.", field="url") from error
    if port == 0:
        raise HeadEndUrl("Nothing listens on port 0.", field="url")
    await tx.run(
        _SET_HEAD_END,
        portal_id=portal_id,
        source=command.source,
        url=command.url,
        token=command.token,
        callback_unit=command.callback_unit.value,
        timeout_minutes=command.timeout_minutes,
    )
    await tx.run(_TRY_AGAIN, portal_id=portal_id, source=command.source, now=tx.now)
    return msgspec.structs.replace(command, token="")


@needs(Permission.PORTALS_MANAGE)
async def head_ends(tx: Tx, _question: Nothing) -> list[HeadEnd]:
    """List every head-end as the portal reaches it, also those that nothing is sent to."""
    return await tx.all(_HEAD_ENDS, portal_id=tx.portal.portal_id)


@needs(Permission.AMI_COMMAND)
async def ask_meters(tx: Tx, command: AskMeters) -> list[MeterRequest]:
    """Ask meters, each by a request of its own, in the order they are named: all or none.

    A meter that waits to be read, or for its status, is not asked twice. A relay command withdraws
    an older one that waits, whatever the meter's state is said to be, and is sent whatever the
    wallet holds; the next payment gives a supply back all the same. Raises `Invalid`,
    `NoSuchMeter`, `MeterOutOfReach`, and `Forbidden` for meters of blocked accounts.
    """
    serials = list(dict.fromkeys(command.serial_numbers))
    if not 1 <= len(serials) <= MOST_ASKED:
        raise Invalid(f"1 to {MOST_ASKED} meters are asked at once.", field="serial_numbers")
    reason = command.reason.strip()
    if not reason and command.command in (Command.CONNECT, Command.DISCONNECT):
        raise Invalid(f"{command.command} needs a reason.", field="reason")
    meters = await _meters(tx, serials)
    meter_ids = [meters[serial].meter_id for serial in serials]
    await tx.one(
        _ASK_BY_HAND,
        portal_id=tx.portal.portal_id,
        meter_ids=meter_ids,
        command=command.command.value,
        reason=reason,
        login=tx.user.login,
        now=tx.now,
    )
    rows = await tx.all(
        _REQUESTS,
        portal_id=tx.portal.portal_id,
        before=_NEWEST,
        meter_ids=meter_ids,
        command=command.command.value,
        state=RequestState.PENDING.value,
        request_ids=None,
        how_many=MOST_ASKED,
    )
    place = {serial: n for n, serial in enumerate(serials)}
    return sorted(rows, key=lambda row: place[row.serial_number])


@needs(Permission.METER_VIEW)
async def meter_requests(tx: Tx, question: RequestsWanted) -> list[MeterRequest]:
    """List the requests to meters with what came back, the newest first. Raises `NoSuchMeter`."""
    meter_ids = None
    if question.serial_number is not None:
        found = await tx.all(
            _ASKED_METERS,
            portal_id=tx.portal.portal_id,
            serial_numbers=[question.serial_number],
            now=tx.now,
        )
        if not found:
            raise NoSuchMeter(f"{question.serial_number[:40]!r}.", field="serial_number")
        meter_ids = [meter.meter_id for meter in found]
    return await tx.all(
        _REQUESTS,
        portal_id=tx.portal.portal_id,
        before=question.before,
        meter_ids=meter_ids,
        command=None,
        state=question.state,
        request_ids=question.request_ids,
        how_many=question.how_many,
    )


@needs(Permission.AMI_CALLBACK)
async def answer_request(tx: Tx, command: AnswerRequest) -> Answered:
    """Close a request with its head-end's answer: reads are recorded, the relay's state follows.

    A reading with its time is a read of the head-end, judged as any read is, and in quarantine
    where it is over 100 times the last one (Q23). A failure stores no read.

    An answer that comes late, when the request had timed out or was given up or withdrawn, closes
    it all the same. Its reads are taken. So is the state that it tells, unless a newer relay
    command of the meter leads elsewhere: while that one is under way, the state stays what it
    expects; once that is closed, the older answer is believed and the newer command asked for
    again. What only asked does not overrule a relay command that is under way, or that was asked
    for later. The same answer again does nothing.

    Raises `NotAHeadEnd`, `NoSuchRequest`, `AnotherHeadEnd`, `AnotherCommand`, `AnotherMeter`,
    `AnsweredBefore` and `Invalid`; then nothing was done.
    """
    asked = await _asked(tx, command)
    digest = hashlib.sha256(wire.encode(command)).hexdigest()
    if asked.digest is not None:
        if asked.digest == digest:
            return Answered(repeated=True, stored=0, quarantined=0, nonstandard_offset=False)
        raise AnsweredBefore(f"It is {command.request_id}.", field="uuid")
    reads = _reads(tx, command.items, asked.serial_number) if command.succeeded else []
    watts = asked.callback_unit == CallbackUnit.WH.value
    recorded = Recorded(0, 0, 0, 0, 0)
    if reads:
        told = [item.read for item in reads]
        recorded = await record_answers(tx, RecordAnswers(command.source, told, watts, digest))
    words = [item.meter_state.strip() for item in command.items if item.meter_state.strip()]
    word = words[-1] if words else ""
    state = state_told(asked.command, word, succeeded=command.succeeded)
    last = reads[-1].read if reads else None
    await tx.run(
        _CLOSE_REQUEST,
        portal_id=tx.portal.portal_id,
        request_id=command.request_id,
        state=outcome(asked.command, state, succeeded=command.succeeded),
        digest=digest,
        result="success" if command.succeeded else "fail",
        error_code=command.error_code,
        error_msg=command.error_msg,
        told_state=word,
        new_state=state,
        batch_id=recorded.batch_id or None,
        read_at=last and last.read_at,
        read_wh=last and int(half_up(last.value * (1 if watts else _WH), 0)),
        now=tx.now,
    )
    return Answered(
        repeated=False,
        stored=recorded.stored,
        quarantined=recorded.quarantined,
        nonstandard_offset=any(item.nonstandard for item in reads),
    )


@needs(Permission.JOBS_RUN)
async def head_ends_waited(tx: Tx, _question: Nothing) -> list[HeadEndWaited]:
    """List the head-ends, by portal, that requests are due to be sent to."""
    return await tx.all(_HEAD_ENDS_WAITED, now=tx.now)


@needs(Permission.JOBS_RUN)
async def take_requests(tx: Tx, source: str) -> list[Outgoing]:
    """Take the next requests that are due to be sent to a head-end, oldest first.

    Nobody else takes them for a minute. How their sending went is told by `tell_sent`; of what is
    never told the minute passes and it is sent again, so a head-end may be sent a request twice.
    """
    return await tx.all(
        _TAKE_REQUESTS,
        portal_id=tx.portal.portal_id,
        source=source,
        how_many=AT_ONCE,
        now=tx.now,
        hold_until=tx.now + _HELD_FOR,
    )


@needs(Permission.JOBS_RUN)
async def tell_sent(tx: Tx, command: TellSent) -> int:
    """Tell how the sending of requests went; return how many wait no longer.

    One that failed is tried again after 5 seconds, then three times as long each time and at most
    15 minutes; after eight tries it is FAILED.
    """
    return await tx.one(
        _TELL_SENT,
        portal_id=tx.portal.portal_id,
        request_ids=[sent.request_id for sent in command.sent],
        troubles=[sent.trouble for sent in command.sent],
        most_tries=_MOST_TRIES,
        now=tx.now,
    )


@needs(Permission.JOBS_RUN)
async def portals_overdue(tx: Tx, _question: Nothing) -> list[str]:
    """List the portals with requests that were not answered in time."""
    return await tx.all(_PORTALS_OVERDUE, now=tx.now)


@needs(Permission.JOBS_RUN)
async def time_out(tx: Tx, _command: Nothing) -> int:
    """Give up waiting for the answers that are overdue; return how many."""
    return await tx.one(_TIME_OUT, portal_id=tx.portal.portal_id, now=tx.now)


async def _meters(tx: Tx, serials: list[str]) -> dict[str, AskedMeter]:
    """Return the meters by serial number; refuse them all where one cannot be asked."""
    rows = await tx.all(
        _ASKED_METERS, portal_id=tx.portal.portal_id, serial_numbers=serials, now=tx.now
    )
    meters = {row.serial_number: row for row in rows}
    barred = tx.user.blocked
    missing, deaf, blocked = [], [], []
    for n, serial in enumerate(serials, start=1):
        meter = meters.get(serial)
        if meter is None:
            missing.append(_fault(n, f"{serial[:40]!r} does not exist"))
        elif meter.com_type in _DEAF or meter.source is None:
            why = _DEAF.get(meter.com_type, f"no head-end reaches meters of {meter.com_type}")
            deaf.append(_fault(n, f"{serial}: {why}"))
        elif meter.account is not None and barred & {"*", meter.account}:
            blocked.append(_fault(n, f"{serial}: account {meter.account} is blocked for you"))
    _refuse(Forbidden, "Some meters are blocked.", blocked)
    _refuse(NoSuchMeter, "", missing)
    _refuse(MeterOutOfReach, "", deaf)
    return meters


def _fault(place: int, reason: str) -> Fault:
    return Fault(place, "serial_numbers", reason)


def _refuse(refusal: type[Refusal], told: str, faults: list[Fault]) -> None:
    if faults:
        reasons = "; ".join(fault.reason for fault in faults)
        raise refusal(f"{told} {reasons}.".strip(), field="serial_numbers", faults=faults)


async def _asked(tx: Tx, command: AnswerRequest) -> OpenRequest:
    """Return the request that an answer is to, held against other answers; refuse what differs."""
    if not await tx.one(_HEAD_END_KNOWN, source=command.source):
        raise NotAHeadEnd(f"It was named {command.source[:40]!r}.", field="source")
    await tx.run(_HOLD_ANSWER, request_id=command.request_id)
    asked = await tx.maybe(
        _OPEN_REQUEST, portal_id=tx.portal.portal_id, request_id=command.request_id
    )
    if asked is None:
        raise NoSuchRequest(f"It was named {command.request_id}.", field="uuid")
    if asked.source != command.source:
        reached = asked.source or "no head-end"
        raise AnotherHeadEnd(f"{asked.serial_number} is reached by {reached}.", field="source")
    if asked.command != command.command:
        told = f"It was {asked.command}, not {command.command[:40]!r}."
        raise AnotherCommand(told, field="command")
    for n, item in enumerate(command.items):
        if item.serial_number != asked.serial_number:
            field = f"data[{n}].serial_number"
            told = f"{field} {item.serial_number[:40]!r} is not {asked.serial_number}."
            raise AnotherMeter(told, field=field)
    return asked


def _reads(tx: Tx, items: list[AnsweredItem], serial_number: str) -> list[_Read]:
    """Return the reads of an answer: each reading that has its time. Raises `Invalid`."""
    if len(items) > _MOST_ITEMS:
        raise Invalid(
            f"data has {len(items)} items; at most {_MOST_ITEMS} are taken.", field="data"
        )
    reads = []
    for n, item in enumerate(items):
        if item.reading is None or not item.read_timestamp:
            continue
        if not 0 <= item.reading < _LARGEST:
            field = f"data[{n}].reading"
            told = f"{field} is not a number from 0 to below {_LARGEST}."
            raise Invalid(told, field=field)
        at, nonstandard = _instant(tx, item.read_timestamp, f"data[{n}].read_timestamp")
        reads.append(_Read(AnsweredRead(serial_number, at, item.reading), nonstandard))
    return reads


def _instant(tx: Tx, text: str, field: str) -> tuple[datetime, bool]:
    """Read the time of a reading; say whether it was written as Q03 says. Raises `Invalid`."""
    try:
        instant = parse_instant(text, tx.portal.zone)
    except Invalid as refusal:
        raise Invalid(f"{field}: {refusal.detail}", field=field) from None
    if not 1900 <= instant.at.year < 2200:
        raise Invalid(f"{field}: {text[:40]!r} is outside the years 1900 to 2199.", field=field)
    if instant.at > tx.now + _AHEAD:
        raise Invalid(f"{field}: {text[:40]!r} is more than 24 hours ahead.", field=field)
    return instant.at, instant.nonstandard
