"""Estimates of measured data, and the acts that put it right."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from currant.access.permissions import Permission, needs
from currant.basicreads.model import BasicRead, PostedRead, PostReads, SubType
from currant.basicreads.posted import in_unit, instant_of, quantity_of
from currant.basicreads.verbs import post_reads
from currant.clock import refuse_span
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Fault, Invalid
from currant.estimation.days import REACH, Estimate, begins_at, estimated_days
from currant.estimation.estimates import Readings, read_estimated
from currant.estimation.model import (
    AmRegister,
    DayStored,
    EditDays,
    EditReads,
    EstimateDays,
    EstimatedDays,
    EstimatedRead,
    EstimateReads,
    GapToFill,
    KnownDay,
    Passed,
    ReadToEstimate,
)
from currant.intervals.model import OwnDay
from currant.intervals.verbs import store_own_days
from currant.reads.model import ReleaseReads
from currant.reads.verbs import release_reads
from currant.validation.model import Scope
from currant.validation.verbs import MOST_DAYS, measure, refuse_blank

sql = Statements(__package__)
_GAPS_TO_FILL = sql.rows("gaps_to_fill", GapToFill)
_KNOWN_DAYS = sql.rows("known_days", KnownDay)
_KNOWN_PASSED = sql.rows("known_passed", Passed)
_READS_TO_ESTIMATE = sql.rows("reads_to_estimate", ReadToEstimate)
_EDITED_REGISTERS = sql.rows("edited_registers", AmRegister)

_MOST_EDITED = 10_000
_MOST_FAULTS = 50
_MOST_QUANTITY = 2_000_000  # of a unit, in an interval
_COUNTS = (288, 144, 96, 48, 24)
_PERIOD_DAYS = 20  # A last period is at least that long.
_A_DAY = timedelta(days=1)
_A_SECOND = timedelta(seconds=1)


@needs(Permission.READS_WRITE)
async def estimate_days(tx: Tx, command: EstimateDays) -> EstimatedDays:
    """Fill the gaps of intervals in a span of days: each a new revision, marked as estimated.

    Short gaps are interpolated, longer ones filled from like days; what register reads say passed
    is met exactly. Whatever the provider sends of the day counts instead. Raises `Invalid`,
    `NoSuchBuilding`, `NoSuchAccount`.
    """
    refuse_span(command.from_day, command.to_day, MOST_DAYS)
    portal_id = tx.portal.portal_id
    await measure(tx, command, 0)
    gaps = await tx.all(_GAPS_TO_FILL, portal_id=portal_id)
    passed = await tx.all(
        _KNOWN_PASSED,
        portal_id=portal_id,
        register_ids=[gap.register_id for gap in gaps],
        from_ats=[begins_at(gap, gap.first_day) for gap in gaps],
        to_ats=[begins_at(gap, gap.last_day + _A_DAY) for gap in gaps],
    )
    told = Estimate(gaps, passed)
    days = tx.each(
        _KNOWN_DAYS,
        portal_id=portal_id,
        register_ids=[gap.register_id for gap in gaps],
        from_days=[told.first(gap) - REACH for gap in gaps],
        to_days=[told.last(gap) + _A_DAY for gap in gaps],
    )
    made: list[OwnDay] = []
    async for own in estimated_days(told, days):
        made += own
    stored = await store_own_days(tx, "ESTIMATE", "", made) if made else None
    return EstimatedDays(
        len({day.register_id for day in made}),
        len(made),
        told.intervals,
        told.unknown_days,
        None if stored is None else stored.file_id,
    )


@needs(Permission.READS_WRITE)
async def estimate_reads(tx: Tx, command: EstimateReads) -> list[EstimatedRead]:
    """Estimate the basic registers that were not read on a day, from what they used otherwise.

    Between two reads it is on the line between them; otherwise as in the same season a year before,
    or as in the last period. A later actual read counts instead wherever it contradicts. Raises
    `Invalid`, `NoSuchBuilding`, `NoSuchAccount`.
    """
    if command.sub_type not in (SubType.ESTIMATE, SubType.INVOICE_EST):
        raise Invalid("An estimate is an ESTIMATE or an INVOICE_EST.", field="sub_type")
    day = Scope(command.day, command.day, command.building_code, command.account)
    await measure(tx, day, 0)
    wanted = await tx.all(
        _READS_TO_ESTIMATE,
        portal_id=tx.portal.portal_id,
        day=command.day,
        period_days=_PERIOD_DAYS,
    )
    told = [(read, _estimated(read, command)) for read in wanted]
    reads = [read for _, read in told if read is not None]
    posted = iter(await post_reads(tx, PostReads(reads, "ESTIMATE")) if reads else [])
    return [_told(one, read, None if read is None else next(posted)) for one, read in told]


@needs(Permission.BILLING_APPROVE)
async def edit_days(tx: Tx, command: EditDays) -> DayStored:
    """Put days of intervals right, each a new revision with its author and reason: all or none.

    Only what the provider changes later counts instead. Raises `Invalid` with the faults of the
    records.
    """
    refuse_blank(command.reason)
    if not 1 <= len(command.days) <= _MOST_EDITED:
        raise Invalid(f"1 to {_MOST_EDITED} days are put right at once.", field="days")
    found = await tx.all(
        _EDITED_REGISTERS,
        portal_id=tx.portal.portal_id,
        records=list(range(1, len(command.days) + 1)),
        sites=[day.site_identifier for day in command.days],
        meters=[day.meter_code for day in command.days],
        registers=[day.meter_register for day in command.days],
        days=[day.day for day in command.days],
    )
    registers = {register.record: register for register in found}
    days, faults = [], []
    for record, day in enumerate(command.days, start=1):
        register, count = registers.get(record), len(day.intervals)
        if register is None or register.metering_type != "AM":
            faults.append(Fault(record, "meter_code", "no such interval meter at the site then"))
        elif count not in _COUNTS:
            told = f"has {count} values; a day has {', '.join(map(str, _COUNTS))}"
            faults.append(Fault(record, "intervals", told))
        elif day.quality not in ("S", "F"):
            faults.append(Fault(record, "quality", "is S or F"))
        elif any(not value.is_finite() or abs(value) >= _MOST_QUANTITY for value in day.intervals):
            faults.append(Fault(record, "intervals", "holds a value that is out of range"))
        else:
            days.append(
                OwnDay(
                    register.register_id,
                    day.day,
                    1440 // count,
                    [quantity_of(value) for value in day.intervals],
                    day.quality,
                    tx.now,
                    reason=command.reason,
                )
            )
    if faults:
        raise Invalid("Nothing was stored.", faults=faults[:_MOST_FAULTS])
    stored = await store_own_days(tx, "EDIT", "", days)
    return DayStored(stored.file_id, stored.stored)


@needs(Permission.BILLING_APPROVE)
async def edit_reads(tx: Tx, command: EditReads) -> list[PostedRead]:
    """Put basic reads right, each a new revision with its author and reason: all or none.

    What a check doubts is believed, for somebody says so here; but no register runs backwards.
    Raises `Invalid`, `UsageNegative`.
    """
    refuse_blank(command.reason)
    reads = [replace(read, audit_notes=command.reason) for read in command.reads]
    posted = await post_reads(tx, PostReads(reads, "EDIT"))
    parked = [-read.read_id for read in posted if read.status == "IN_REVIEW"]
    if parked:
        await release_reads(tx, ReleaseReads(parked))
        stored = await post_reads(tx, PostReads(reads, "EDIT"))
        posted = [replace(now, result=was.result) for now, was in zip(stored, posted, strict=True)]
    return posted


def _estimated(read: ReadToEstimate, command: EstimateReads) -> BasicRead | None:
    """Return the estimate of a register as it is posted, if anything says what it used."""
    at = instant_of(command.day, command.sub_type, ZoneInfo(read.timezone))
    readings = Readings(
        _passed(read.dials, read.before_at, read.before_value, read.after_at, read.after_value),
        _passed(
            read.dials, read.season_from, read.season_from_value, read.season_to,
            read.season_to_value,
        ),
        _passed(
            read.dials, read.earlier_at, read.earlier_value, read.before_at, read.before_value
        ),
    )  # fmt: skip
    estimate = read_estimated(readings, (at - read.before_at) // _A_SECOND)
    if estimate is None:
        return None
    passes, basis = estimate
    value = read.before_value + passes
    return BasicRead(
        site_identifier=read.key,
        meter_code=read.serial_number,
        meter_register=read.register_no,
        meter_read=in_unit(value % 10 ** (read.dials + 3) if read.dials else value),
        read_date=command.day,
        sub_type=command.sub_type,
        audit_notes=f"estimated by {basis}",
    )


def _passed(
    dials: int, from_at: datetime | None, start: int | None, to_at: datetime | None, end: int | None
) -> tuple[int, int] | None:
    """Return what passed between two reads in how many seconds, where both are there."""
    if from_at is None or to_at is None or start is None or end is None:
        return None
    rolled = 10 ** (dials + 3) if dials and end < start else 0
    return end - start + rolled, (to_at - from_at) // _A_SECOND


def _told(one: ReadToEstimate, read: BasicRead | None, posted: PostedRead | None) -> EstimatedRead:
    """Say what became of a register that was to be estimated."""
    return EstimatedRead(
        one.key,
        one.serial_number,
        one.register_no,
        None if read is None else read.meter_read,
        "" if read is None else read.audit_notes.removeprefix("estimated by "),
        None if posted is None else posted.read_id,
        "" if posted is None else posted.status,
    )
