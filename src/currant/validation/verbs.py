"""Acts on measured data that is checked, filled or put right, and the questions asked about it."""

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from currant.access.permissions import Permission, needs
from currant.access.verbs import Nothing
from currant.customers.verbs import account_id_of
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Fault, Invalid
from currant.intervals.model import OwnDay
from currant.intervals.verbs import store_own_days
from currant.locations.verbs import buildings_of
from currant.reads.basic import day_of, in_unit, instant_of, quantity_of
from currant.reads.model import BasicRead, PostedRead, PostReads, ReleaseReads, SubType
from currant.reads.verbs import post_reads, release_reads
from currant.validation.days import REACH, Estimate, begins_at, estimated_days
from currant.validation.estimation import Readings, read_estimated
from currant.validation.model import (
    AccountDay,
    AccountRead,
    AmRegister,
    Check,
    CheckSet,
    DayStored,
    Decided,
    DecideFindings,
    Decision,
    EditDays,
    EditReads,
    EstimateDays,
    EstimatedDays,
    EstimatedRead,
    EstimateReads,
    Finding,
    FindingsWanted,
    FindingWanted,
    GapToFill,
    KnownDay,
    NoSuchFinding,
    Passed,
    ReadsOfAccount,
    ReadToEstimate,
    Rule,
    Severity,
    StoredDay,
    StoredRead,
    Validate,
    ValidationRun,
)
from currant.validation.rules import HISTORY_OF_READS, UNREAD_DAYS, USUAL, history_days

sql = Statements(__package__)
_RULES_SET = sql.rows("rules_set", CheckSet)
_SET_RULE = sql.command("set_rule")
_GIVE_MEMORY = sql.command("give_memory")
_STAGES = tuple(
    sql.command(name) for name in ("stage_registers", "stage_days", "stage_usage", "stage_found")
)
_JOIN_SETS = sql.command("join_sets")
_JOIN_ROWS = sql.command("join_rows")
_EMPTY_STAGES = sql.command("empty_stages")
_LOCK_FINDINGS = sql.rows("lock_findings", int)
_FIND_REGISTERS = sql.command("find_registers")
_ANALYZE_REGISTERS = sql.command("analyze_registers")
_FILL_DAYS = sql.command("fill_days")
_FILL_USAGE = sql.command("fill_usage")
_ANALYZE_MEASURED = sql.command("analyze_measured")
_FIND_CHANGES = sql.command("find_changes")
_FIND = {
    Rule.SPIKE: sql.command("find_spikes"),
    Rule.ZERO: sql.command("find_zeros"),
    Rule.NEGATIVE: sql.command("find_negatives"),
    Rule.GAP: sql.command("find_gaps"),
    Rule.NULL: sql.command("find_nulls"),
    Rule.HIGH: _FIND_CHANGES,
    Rule.LOW: _FIND_CHANGES,
    Rule.ROLLOVER: sql.command("find_rollovers"),
    Rule.SUM: sql.command("find_sums"),
}
_RECORD_FINDINGS = sql.rows("record_findings", ValidationRun)
_FINDINGS = sql.rows("findings", Finding)
_FINDINGS_NAMED = sql.rows("findings_named", int)
_DECIDE_FINDINGS = sql.command("decide_findings")
_GAPS_TO_FILL = sql.rows("gaps_to_fill", GapToFill)
_KNOWN_DAYS = sql.rows("known_days", KnownDay)
_KNOWN_PASSED = sql.rows("known_passed", Passed)
_READS_TO_ESTIMATE = sql.rows("reads_to_estimate", ReadToEstimate)
_EDITED_REGISTERS = sql.rows("edited_registers", AmRegister)
_ACCOUNT_READS = sql.rows("account_reads", StoredRead)
_ACCOUNT_DAYS = sql.rows("account_days", StoredDay)
_DECISIONS = sql.rows("decisions", Decision)

_MOST_DECIDED = 1000
_MOST_DAYS = 400
_MOST_LISTED = 20_000
_MOST_EDITED = 10_000
_MOST_FAULTS = 50
_MOST_QUANTITY = 2_000_000  # of a unit, in an interval
_COUNTS = (288, 144, 96, 48, 24)
_PERIOD_DAYS = 20  # A last period is at least that long.
_A_DAY = timedelta(days=1)
_A_SECOND = timedelta(seconds=1)


@needs(Permission.READS_VIEW)
async def checks(tx: Tx, _question: Nothing) -> list[Check]:
    """List the rules as the portal checks them: the usual ones, and what it set otherwise."""
    told = await tx.all(_RULES_SET, portal_id=tx.portal.portal_id)
    stored = (
        Check(Rule(one.rule), one.active, one.factor, one.days, Severity(one.severity))
        for one in told
    )
    return list((USUAL | {check.rule: check for check in stored}).values())


@needs(Permission.BILLING_APPROVE)
async def set_check(tx: Tx, command: Check) -> Check:
    """Say how the portal checks a rule. Raises `RuleFactorOutOfRange`, `RuleDaysOutOfRange`."""
    await tx.run(
        _SET_RULE,
        portal_id=tx.portal.portal_id,
        rule=command.rule,
        active=command.active,
        factor=command.factor,
        days=command.days,
        severity=command.severity,
        login=tx.user.login,
        now=tx.now,
    )
    return command


@needs(Permission.READS_WRITE)
async def validate(tx: Tx, command: Validate) -> ValidationRun:
    """Check reads and intervals of a span of days, of whole days that are over; keep what is found.

    What is found already stays as it is, and what was open and is found no longer is fixed. The
    statements are as many whatever the number of registers. Raises `Invalid`, `NoSuchBuilding`,
    `NoSuchAccount`.
    """
    span = refuse_span(command.from_day, command.to_day)
    portal_id, rules = tx.portal.portal_id, await checks(tx, Nothing())
    await tx.one(_LOCK_FINDINGS, portal_id=portal_id)
    await _measure(tx, command, history_days(span))
    checked = [check for check in rules if check.active]
    for check in checked:
        told = {
            "portal_id": portal_id,
            "rule": check.rule,
            "factor": check.factor,
            "days": check.days,
            "unread_days": UNREAD_DAYS,
        }
        statement = _FIND[check.rule]
        await tx.run(statement, **{name: told[name] for name in statement.parameters})
    return await tx.one(
        _RECORD_FINDINGS,
        portal_id=portal_id,
        from_day=command.from_day,
        to_day=command.to_day,
        building_code=command.building_code or "",
        account=command.account or "",
        rules=[check.rule for check in checked],
        severities=[check.severity for check in checked],
        login=tx.user.login,
        now=tx.now,
    )


@needs(Permission.READS_VIEW)
async def findings(tx: Tx, question: FindingsWanted) -> list[Finding]:
    """List findings, the newest first. Raises `NoSuchBuilding`, `NoSuchAccount`."""
    building_id, account_id = await scope_of(tx, question.building_code, question.account)
    return await tx.all(
        _FINDINGS,
        portal_id=tx.portal.portal_id,
        before=question.before,
        how_many=question.how_many,
        status=question.status,
        rule=question.rule,
        serial_number=question.serial_number,
        building_id=building_id,
        account_id=account_id,
    )


@needs(Permission.READS_WRITE)
async def decide_findings(tx: Tx, command: DecideFindings) -> Decided:
    """Accept findings, call them fixed or open them again; answer how many. Raises `NoSuchFinding`.

    The decision is added to their history with its author and reason.
    """
    wanted = sorted(set(command.finding_ids))
    if not 1 <= len(wanted) <= _MOST_DECIDED:
        raise Invalid(f"1 to {_MOST_DECIDED} findings are taken at once.", field="finding_ids")
    _refuse_blank(command.reason)
    portal_id = tx.portal.portal_id
    named = await tx.all(_FINDINGS_NAMED, portal_id=portal_id, finding_ids=wanted)
    if missing := set(wanted) - set(named):
        raise NoSuchFinding(f"{min(missing)}.", field="finding_ids")
    decided = await tx.run(
        _DECIDE_FINDINGS,
        portal_id=portal_id,
        finding_ids=wanted,
        status=command.status,
        login=tx.user.login,
        reason=command.reason,
        now=tx.now,
    )
    return Decided(decided)


@needs(Permission.READS_VIEW)
async def decisions(tx: Tx, question: FindingWanted) -> list[Decision]:
    """List what was decided about a finding, in turn."""
    return await tx.all(_DECISIONS, portal_id=tx.portal.portal_id, finding_id=question.finding_id)


@needs(Permission.READS_VIEW)
async def account_reads(tx: Tx, question: ReadsOfAccount) -> AsyncIterator[AccountRead]:
    """List the basic reads of an account within its agreements, by site, meter and time (U12).

    Raises `Invalid`, `NoSuchAccount`.
    """
    async for read in tx.each(_ACCOUNT_READS, **await _asked(tx, question)):
        yield _account_read(read)


@needs(Permission.READS_VIEW)
async def account_days(tx: Tx, question: ReadsOfAccount) -> AsyncIterator[AccountDay]:
    """List the days of intervals of an account within its agreements, by site, meter and day (U12).

    Raises `Invalid`, `NoSuchAccount`.
    """
    async for day in tx.each(_ACCOUNT_DAYS, **await _asked_days(tx, question)):
        yield AccountDay(
            day.site_identifier,
            day.loc_id,
            day.site_name,
            day.meter_code,
            day.serial_number,
            day.register_no,
            day.unit,
            day.day,
            day.minutes,
            [in_unit(quantity) for quantity in day.quantities],
            in_unit(sum(day.quantities)),
            day.quality,
            day.datastream,
            day.clock,
            day.file_id,
        )


@needs(Permission.READS_VIEW)
async def count_account_reads(tx: Tx, question: ReadsOfAccount) -> int:
    """Say how many basic reads `account_reads` lists, whatever the page."""
    whole = replace(question, how_many=None, beyond=0)
    return await tx.count(_ACCOUNT_READS, **await _asked(tx, whole))


@needs(Permission.READS_VIEW)
async def count_account_days(tx: Tx, question: ReadsOfAccount) -> int:
    """Say how many days of intervals `account_days` lists, whatever the page."""
    whole = replace(question, how_many=None, beyond=0)
    return await tx.count(_ACCOUNT_DAYS, **await _asked_days(tx, whole))


@needs(Permission.READS_WRITE)
async def estimate_days(tx: Tx, command: EstimateDays) -> EstimatedDays:
    """Fill the gaps of intervals in a span of days: each a new revision, marked as estimated.

    Short gaps are interpolated, longer ones filled from like days; what register reads say passed
    is met exactly. Whatever the provider sends of the day counts instead. Raises `Invalid`,
    `NoSuchBuilding`, `NoSuchAccount`.
    """
    refuse_span(command.from_day, command.to_day)
    portal_id = tx.portal.portal_id
    await _measure(tx, command, 0)
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
    day = EstimateDays(command.day, command.day, command.building_code, command.account)
    await _measure(tx, day, 0)
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
    _refuse_blank(command.reason)
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
    _refuse_blank(command.reason)
    reads = [replace(read, audit_notes=command.reason) for read in command.reads]
    posted = await post_reads(tx, PostReads(reads, "EDIT"))
    parked = [-read.read_id for read in posted if read.status == "IN_REVIEW"]
    if parked:
        await release_reads(tx, ReleaseReads(parked))
        posted = await post_reads(tx, PostReads(reads, "EDIT"))
    return posted


def refuse_span(from_day: date, to_day: date, most: int = _MOST_DAYS) -> int:
    """Return how many days a span has, both inclusive. Raises `Invalid`."""
    if to_day < from_day:
        raise Invalid("The last day is before the first.", field="to_day")
    span = (to_day - from_day) // timedelta(days=1) + 1
    if span > most:
        raise Invalid(f"At most {most} days are taken at once.", field="to_day")
    return span


async def _measure(tx: Tx, scope: Validate | EstimateDays, history: int) -> None:
    """Stage the registers of a scope, and what they measured in its days and those before."""
    building_id, account_id = await scope_of(tx, scope.building_code, scope.account)
    portal_id = tx.portal.portal_id
    for statement in (_GIVE_MEMORY, *_STAGES, _EMPTY_STAGES, _JOIN_SETS):
        await tx.run(statement)
    await tx.run(
        _FIND_REGISTERS,
        portal_id=portal_id,
        from_day=scope.from_day,
        to_day=scope.to_day,
        history=history,
        building_id=building_id,
        account_id=account_id,
        timezone=tx.portal.timezone,
        now=tx.now,
    )
    await tx.run(_JOIN_ROWS)
    await tx.run(_ANALYZE_REGISTERS)
    await tx.run(_FILL_DAYS, portal_id=portal_id)
    await tx.run(_FILL_USAGE, portal_id=portal_id, history=HISTORY_OF_READS)
    await tx.run(_ANALYZE_MEASURED)


async def _asked(tx: Tx, question: ReadsOfAccount) -> dict[str, object]:
    """Return what the reads of an account are asked for with."""
    refuse_span(question.from_day, question.to_day, _MOST_LISTED)
    tx.user.refuse_blocked(question.account)
    return {
        "portal_id": tx.portal.portal_id,
        "account_id": await account_id_of(tx, question.account),
        "from_day": question.from_day,
        "to_day": question.to_day,
        "site": question.site_identifier,
        "meter": question.meter_code,
        "as_of": question.as_of or tx.now,
        "timezone": tx.portal.timezone,
        "how_many": question.how_many,
        "beyond": question.beyond,
    }


async def _asked_days(tx: Tx, question: ReadsOfAccount) -> dict[str, object]:
    """Return what its days are asked for with: they are told by the clocks of registers."""
    told = await _asked(tx, question)
    del told["timezone"]
    return told


def _account_read(read: StoredRead) -> AccountRead:
    """Return a read as it is listed: dated in the building's zone, in the register's unit."""
    zone = ZoneInfo(read.timezone)
    rolled = read.dials > 0 and read.before_value is not None and read.value < read.before_value
    return AccountRead(
        read.site_identifier,
        read.loc_id,
        read.site_name,
        read.meter_code,
        read.serial_number,
        read.register_no,
        read.unit,
        read.read_id,
        day_of(read.read_at, read.sub_type, zone),
        in_unit(read.value),
        read.sub_type,
        read.estimated,
        10**read.dials if rolled else 0,
        read.multiplier,
        None if read.consumption is None else in_unit(read.consumption),
        None if read.before_at is None else day_of(read.before_at, "", zone),
        read.next_scheduled_on,
        read.temp_factor,
        read.cv_factor,
        read.notes,
        read.status,
        read.source,
    )


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


def _refuse_blank(reason: str) -> None:
    if not reason.strip():
        raise Invalid("Say why: the reason is blank.", field="reason")


async def scope_of(
    tx: Tx, building_code: str | None, account: str | None
) -> tuple[int | None, int | None]:
    """Return the ids of the building and account that are named."""
    named = await buildings_of(tx, [building_code], "building_code")
    account_id = None if account is None else await account_id_of(tx, account)
    building_id = None if building_code is None else named[building_code].building_id
    return building_id, account_id
