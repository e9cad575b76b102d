"""Acts on reads, and the questions asked about them."""

from datetime import UTC, date, datetime, timedelta
from functools import reduce
from operator import or_
from zoneinfo import ZoneInfo

from currant.access.permissions import Permission, needs
from currant.access.verbs import Nothing
from currant.clock import day_bounds, parse_day
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Fault, Invalid, Unparsable
from currant.metering.model import NoSuchMeter
from currant.reads.delivery import COLUMNS, FORWARD_ACTIVE, MAX_FAULTS, MAX_REJECTED, Delivery
from currant.reads.model import (
    Decided,
    MeterRead,
    MeterStillMissing,
    NotInQuarantine,
    OnError,
    PortalOfSerials,
    PortalUnclear,
    Quarantined,
    QuarantineWanted,
    Read,
    ReadRejectedBefore,
    ReadReleasedBefore,
    ReadsRecorded,
    ReadsShown,
    ReadsWanted,
    RecordAnswers,
    Recorded,
    RecordReads,
    Rejected,
    RejectedRead,
    RejectReads,
    Released,
    ReleaseReads,
    SerialsSent,
    SourceUnknown,
    Survey,
    Suspect,
    UsageChange,
    UsageNegative,
)

sql = Statements(__package__)
_SOURCE_KNOWN = sql.rows("source_known", bool)
_PORTALS_OF_SERIALS = sql.rows("portals_of_serials", PortalOfSerials)
_GIVE_MEMORY = sql.command("give_memory")
_STAGE_READS = sql.command("stage_reads")
_ANALYZE_READS = sql.command("analyze_reads")
_SURVEY_READS = sql.rows("survey_reads", Survey)
_READSAHEAD = sql.rows("reads_ahead", int)
_LOCK_METERS = sql.rows("lock_meters", int)
_GIVE_REGISTERS = sql.rows("give_registers", int)
_RECORD_READS = sql.rows("record_reads", Recorded)
_REJECTED_READS = sql.rows("rejected_reads", RejectedRead)
_QUARANTINE = sql.rows("quarantine", Quarantined)
_SUSPECTS = sql.rows("suspects", Suspect)
_DECIDED = sql.rows("decided", Decided)
_GIVE_RELEASED = sql.rows("give_released", int)
_RELEASE_READS = sql.command("release_reads")
_RELEASED_READS = sql.rows("released_reads", Released)
_REJECT_READS = sql.rows("reject_reads", Rejected)
_METERS_NAMED = sql.rows("meters_named", MeterRead)
_READS_OF_METER = sql.rows("reads_of_meter", Read)
_STAGE_POSTED = sql.command("stage_posted")
_EMPTY_POSTED = sql.command("empty_posted")
_OPEN_BATCH = sql.rows("open_batch", int)
_MISREAD_POSTED = sql.command("misread_posted")
_JUDGE_POSTED = sql.command("judge_posted")
_CLOSE_BATCH = sql.rows("close_batch", bool)
_DUE_BLOCKS = sql.rows("due_blocks", int)
_MAKE_USAGE = sql.rows("make_usage", UsageChange)

_STAGED = (
    "record",
    "meter_name",
    "serial_number",
    "device_id",
    "read_at",
    "multiplier",
    "forward_active",
    "reverse_active",
    "forward_reactive",
    "reverse_reactive",
    "meter_state",
)
AHEAD = timedelta(hours=24)
_MOST_DECIDED = 1000
_BEGINNING = datetime(1, 1, 2, tzinfo=UTC)
_END = datetime(9999, 12, 30, tzinfo=UTC)
_REASONS = {
    "NOSITE": "NOSITE: no meter has this serial number",
    "BACKWARDS": "BACKWARDS: it shows less than the read before, and no plausible rollover",
    "MULTIPLIER": "MULTIPLIER: it differs from the read beside it",
    "REPEATED": "REPEATED: another value was read at that time",
    "HIGH": "HIGH: over 100 times the usual usage of this register",
}


@needs(Permission.READS_WRITE)
async def portal_of_reads(tx: Tx, question: SerialsSent) -> PortalOfSerials:
    """Say which of the caller's portals a delivery is for. Raises `PortalUnclear`."""
    portals = await tx.all(_PORTALS_OF_SERIALS, serial_numbers=question.serial_numbers)
    meant = [portal for portal in portals if portal.serials] or portals
    if len(meant) != 1:
        raise PortalUnclear(field="portal")
    return meant[0]


@needs(Permission.READS_WRITE)
async def record_reads(tx: Tx, command: RecordReads) -> ReadsRecorded:
    """Record a file of reads: parsed, judged and stored as sets, whatever its size (10.6).

    Values are stored in whole Wh or varh, half-up, with the text they were sent as. Raises
    `SourceUnknown`; for a file that cannot be read, and for records that are wrong where they undo
    the rest, `Unparsable` or `Invalid` with the faults: then nothing was stored.
    """
    if not await tx.one(_SOURCE_KNOWN, source=command.source, login=tx.user.login):
        raise SourceUnknown(f"{command.source[:40]!r} is neither.", field="source")
    keep_on = command.on_error is OnError.CONTINUE
    most = MAX_REJECTED if keep_on else MAX_FAULTS
    delivery = Delivery(command.body, command.format, tx.portal.zone, max_faults=most)
    latest = tx.now + AHEAD
    await _stage(tx)
    await tx.copy_text("incoming_read", _STAGED, delivery.lines())
    survey = await _survey(tx, latest)
    if survey.ahead:
        ahead = await tx.all(_READSAHEAD, latest=latest, how_many=most)
        reason = "is more than 24 hours ahead"
        delivery.refuse_all([Fault(n, "datetime", reason) for n in ahead], survey.ahead)
    if delivery.refused and not keep_on:
        raise _refusal(delivery)
    done = await _judge(
        tx,
        survey,
        source=command.source,
        latest=latest,
        sha256=command.body.sha256,
        records=delivery.records,
        active=1 if command.watts else 1000,
        reactive=1 if command.volts else 1000,
        wary=False,
    )
    rejected = delivery.faults
    if keep_on and done.quarantined:
        suspects = await tx.all(
            _REJECTED_READS,
            portal_id=tx.portal.portal_id,
            batch_id=done.batch_id,
            how_many=most,
        )
        rejected = sorted([*rejected, *map(_suspicion, suspects)], key=lambda fault: fault.record)
    return ReadsRecorded(
        parsed=delivery.records - delivery.refused,
        stored=done.stored,
        duplicates=done.duplicates,
        quarantined=done.quarantined,
        rejected=rejected[:most] if keep_on else [],
        warnings=delivery.warnings,
    )


@needs(Permission.READS_WRITE)
async def record_answers(tx: Tx, command: RecordAnswers) -> Recorded:
    """Record what a head-end answered of active import registers; judged as a file is, and warily.

    What is over 100 times the read before it, or under a 100th, goes to quarantine as HIGH: it may
    be told in another unit (Q23). Raises `Invalid` for a time more than 24 hours ahead.
    """
    latest = tx.now + AHEAD
    await _stage(tx)
    await tx.copy_rows(
        "incoming_read",
        _STAGED,
        [
            (n, "", read.serial_number, "", read.read_at, "", f"{read.value:f}", *[""] * 4)
            for n, read in enumerate(command.reads, start=1)
        ],
    )
    survey = await _survey(tx, latest)
    if survey.ahead:
        raise Invalid("A read is more than 24 hours ahead.", field="read_at")
    return await _judge(
        tx,
        survey,
        source=command.source,
        latest=latest,
        sha256=command.sha256,
        records=len(command.reads),
        active=1 if command.watts else 1000,
        reactive=1,
        wary=True,
    )


@needs(Permission.READS_VIEW)
async def quarantine(tx: Tx, question: QuarantineWanted) -> list[Quarantined]:
    """List what is in quarantine, the newest first (10.6)."""
    return await tx.all(
        _QUARANTINE,
        portal_id=tx.portal.portal_id,
        before=question.before,
        serial_number=question.serial_number,
        how_many=question.how_many,
    )


@needs(Permission.READS_WRITE)
async def release_reads(tx: Tx, command: ReleaseReads) -> list[Released]:
    """Believe reads that are in quarantine: each becomes a read, a new revision where one stands.

    Usage follows as it does after any read. It is never negative: a register that shows less than
    the read before it is believed only where it has rolled over. Raises `NotInQuarantine`,
    `ReadReleasedBefore`, `ReadRejectedBefore`, `MeterStillMissing` and `UsageNegative`; then
    nothing was released.
    """
    portal_id, suspects = tx.portal.portal_id, await _locked(tx, command.quarantine_ids)
    wanted = [suspect.quarantine_id for suspect in suspects]
    for suspect in suspects:
        if suspect.meter_id is None:
            told = f"{suspect.quarantine_id} is of {suspect.serial_number!r}."
            raise MeterStillMissing(told, field="quarantine_ids")
    await tx.one(_GIVE_RELEASED, portal_id=portal_id, quarantine_ids=wanted)
    await tx.run(
        _RELEASE_READS,
        portal_id=portal_id,
        quarantine_ids=wanted,
        login=tx.user.login,
        now=tx.now,
    )
    released = await tx.all(_RELEASED_READS, portal_id=portal_id, quarantine_ids=wanted)
    for read in released:
        negative = min(read.usage_wh or 0, read.next_wh or 0)
        if negative < 0:
            told = f"With {read.quarantine_id}, {read.serial_number} would have used {negative} Wh."
            raise UsageNegative(told, field="quarantine_ids")
    return released


@needs(Permission.READS_WRITE)
async def reject_reads(tx: Tx, command: RejectReads) -> list[Rejected]:
    """Dismiss reads that are in quarantine, and the same read where it was sent before (11.1).

    The same read sent again later is doubted anew. Raises `NotInQuarantine`, `ReadReleasedBefore`
    and `ReadRejectedBefore`; then nothing was rejected.
    """
    suspects = await _locked(tx, command.quarantine_ids)
    return await tx.all(
        _REJECT_READS,
        portal_id=tx.portal.portal_id,
        quarantine_ids=[suspect.quarantine_id for suspect in suspects],
        login=tx.user.login,
        reason=command.reason,
        now=tx.now,
    )


@needs(Permission.READS_VIEW)
async def reads_of_meter(tx: Tx, question: ReadsWanted) -> ReadsShown:
    """Show what a meter read, in time order; days are the portal's, both inclusive (J08).

    Raises `NoSuchMeter`, `PortalUnclear`.
    """
    meters = await tx.all(_METERS_NAMED, serial_number=question.serial_number, now=tx.now)
    if not meters:
        raise NoSuchMeter(f"{question.serial_number[:40]!r}.", field="serialnumber")
    if len({meter.portal_id for meter in meters}) > 1:
        raise PortalUnclear(field="portal")
    meter = meters[0]
    tx.user.refuse_blocked(meter.account)
    zone = ZoneInfo(meter.timezone)
    since, until = _BEGINNING, _END
    if question.from_day is not None:
        since = day_bounds(_day(question.from_day, "from"), zone)[0]
    if question.to_day is not None:
        until = day_bounds(_day(question.to_day, "to"), zone)[1]
    reads = await tx.all(
        _READS_OF_METER,
        portal_id=meter.portal_id,
        meter_id=meter.meter_id,
        serial_number=meter.serial_number,
        since=since,
        until=until,
        how_many=question.how_many,
        beyond=question.beyond,
    )
    return ReadsShown(meter, reads)


@needs(Permission.JOBS_RUN)
async def due_blocks(tx: Tx, _command: Nothing) -> list[int]:
    """Queue what was delivered since, and list the blocks of meters with reads not used yet."""
    return await tx.all(_DUE_BLOCKS, portal_id=tx.portal.portal_id)


@needs(Permission.JOBS_RUN)
async def make_usage(tx: Tx, block: int) -> list[UsageChange]:
    """Make usage of what the registers of a due block of meters read; say what is to be drawn.

    For the drawdown, in whose transaction it is done: a register is not due again until it is read
    again. The list is empty where nothing is due, or another transaction is busy with the block.
    """
    return await tx.all(_MAKE_USAGE, portal_id=tx.portal.portal_id, block=block, now=tx.now)


async def _stage(tx: Tx) -> None:
    """Make the table that the records of a delivery are copied to."""
    await tx.run(_GIVE_MEMORY)
    await tx.run(_STAGE_READS)


async def _survey(tx: Tx, latest: datetime) -> Survey:
    """Say what the staged records need."""
    await tx.run(_ANALYZE_READS)
    return await tx.one(_SURVEY_READS, latest=latest)


async def _judge(tx: Tx, survey: Survey, **told: object) -> Recorded:
    """Judge the staged records behind the locks of their meters, and store them."""
    portal_id = tx.portal.portal_id
    await lock_meters(tx, survey.locks)
    if survey.other:
        await tx.one(_GIVE_REGISTERS, portal_id=portal_id, latest=told["latest"])
    return await tx.one(_RECORD_READS, portal_id=portal_id, login=tx.user.login, now=tx.now, **told)


async def lock_meters(tx: Tx, locks: int) -> None:
    """Keep other deliveries to meters waiting: of each the lock, one bit of 64."""
    await tx.one(_LOCK_METERS, portal_id=tx.portal.portal_id, locks=_signed(locks))


async def stage_posted(tx: Tx) -> None:
    """Make the table that posted basic reads are put into to be judged, `posted_read`, empty."""
    await tx.run(_STAGE_POSTED)
    await tx.run(_EMPTY_POSTED)


async def judge_posted(tx: Tx, source: str, records: int) -> None:
    """Judge the posted reads behind the locks of their meters, and store them as a batch."""
    portal_id = tx.portal.portal_id
    batch_id = await tx.one(
        _OPEN_BATCH,
        portal_id=portal_id,
        source=source,
        login=tx.user.login,
        now=tx.now,
        records=records,
    )
    await tx.run(_MISREAD_POSTED, portal_id=portal_id, batch_id=batch_id)
    for estimated in (False, True):
        await tx.run(_JUDGE_POSTED, portal_id=portal_id, batch_id=batch_id, estimated=estimated)
    await tx.one(_CLOSE_BATCH, portal_id=portal_id, batch_id=batch_id)


async def _locked(tx: Tx, quarantine_ids: list[int]) -> list[Suspect]:
    """Lock the meters of reads that are in quarantine and not decided on, in the order of ids."""
    portal_id, wanted = tx.portal.portal_id, sorted(set(quarantine_ids))
    if not 1 <= len(wanted) <= _MOST_DECIDED:
        raise Invalid(f"1 to {_MOST_DECIDED} reads are taken at once.", field="quarantine_ids")
    suspects = await tx.all(_SUSPECTS, portal_id=portal_id, quarantine_ids=wanted)
    missing = set(wanted) - {suspect.quarantine_id for suspect in suspects}
    if missing:
        raise NotInQuarantine(f"{min(missing)}.", field="quarantine_ids")
    locks = reduce(or_, (1 << suspect.lock for suspect in suspects))
    await lock_meters(tx, locks)
    decided = await tx.maybe(_DECIDED, portal_id=portal_id, quarantine_ids=wanted)
    if decided is not None:
        before = ReadReleasedBefore if decided.released else ReadRejectedBefore
        raise before(f"It is {decided.quarantine_id}.", field="quarantine_ids")
    return suspects


def _refusal(delivery: Delivery) -> Invalid | Unparsable:
    """Refuse a whole file for its records."""
    kind = Unparsable if delivery.garbled else Invalid
    told = len(delivery.faults)
    which = f" Of {delivery.refused} bad records the first are:" if delivery.refused > told else ""
    return kind(f"Nothing was stored.{which}", faults=delivery.faults)


def _signed(bits: int) -> int:
    """Return 64 bits as PostgreSQL's bigint holds them."""
    return bits - 2**64 if bits >= 2**63 else bits


def _suspicion(suspect: RejectedRead) -> Fault:
    """Say why a read is in quarantine, and at which column."""
    match suspect.reason:
        case "NOSITE":
            column = "serialnumber"
        case "MULTIPLIER":
            column = "multiplier"
        case _:
            column = COLUMNS[FORWARD_ACTIVE + suspect.register_no - 1].name
    return Fault(suspect.record, column, _REASONS[suspect.reason])


def _day(text: str, field: str) -> date:
    try:
        return parse_day(text)
    except Invalid as refusal:
        raise Invalid(refusal.detail, field=field) from None
