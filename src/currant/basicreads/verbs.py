"""Acts on basic reads, and the questions asked about them."""

from collections.abc import AsyncIterator
from datetime import datetime, time, timedelta
from functools import reduce
from operator import or_
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from currant.access.permissions import Permission, needs
from currant.basicreads.model import (
    MOST_LISTED,
    AccountRead,
    BasicLoaded,
    BasicRead,
    FoundRegister,
    JudgedRead,
    LoadNem13,
    LocksOfBasic,
    Nem13Loaded,
    PostedRead,
    PostReads,
    ReadsOfAccount,
    StoredRead,
    SubType,
    TellNem13,
    UnplacedRead,
)
from currant.basicreads.nem13 import COLUMNS, Nem13, ToldRead, Writer
from currant.basicreads.posted import (
    day_of,
    dials_of,
    faults_in,
    in_unit,
    instant_of,
    placed,
    quantity_of,
)
from currant.clock import refuse_span
from currant.customers.verbs import account_id_of
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Fault, Invalid
from currant.mdff import MAX_FAULTS, Header, zone_of
from currant.reads.model import OnError
from currant.reads.verbs import AHEAD, judge_posted, lock_meters, stage_posted

sql = Statements(__package__)
_FIND_REGISTERS = sql.rows("find_registers", FoundRegister)
_LEARN_DIALS = sql.command("learn_dials")
_POSTED_READS = sql.rows("posted_reads", JudgedRead)
_STAGE_BASIC = sql.command("stage_basic")
_ANALYZE_BASIC = sql.command("analyze_basic")
_LOCKS_OF_BASIC = sql.rows("locks_of_basic", LocksOfBasic)
_FIND_BASIC = sql.command("find_basic")
_GIVE_BASIC = sql.rows("give_basic", int)
_PLACE_BASIC = sql.command("place_basic")
_LEARN_TOLD_DIALS = sql.command("learn_told_dials")
_POST_BASIC = sql.command("post_basic")
_LOADED_BASIC = sql.rows("loaded_basic", BasicLoaded)
_UNPLACED_BASIC = sql.rows("unplaced_basic", UnplacedRead)
_TOLD_BASIC = sql.rows("told_basic", ToldRead)
_ACCOUNT_READS = sql.rows("account_reads", StoredRead)

_POSTED = (
    "record",
    "register_id",
    "dials",
    "read_at",
    "opens_at",
    "value",
    "original",
    "multiplier",
    "sub_type",
    "estimated",
    "rolled",
    "next_scheduled_on",
    "temp_factor",
    "cv_factor",
    "notes",
)
_UNPLACED = {
    "NOSITE": ("NMI", "NOSITE: no site has this NMI"),
    "NOMETER": ("MeterSerialNumber", "NOMETER: the meter was not at the site"),
    "NOMTRSCHED": ("NMISuffix", "NOMTRSCHED: the meter lacks this data stream"),
    "INTERVALS": ("NMISuffix", "the register delivers intervals, which come in NEM12 files"),
    "BADUNIT": ("UOM", "BADUNIT: the unit is not the register's"),
}
_MOST_POSTED = 100_000


@needs(Permission.READS_WRITE)
async def post_reads(tx: Tx, command: PostReads) -> list[PostedRead]:
    """Record basic reads, each by its site, meter and date (U35); answer them in their order.

    Values are in the register's unit and stored in thousandths of it, half-up. A read that fails a
    check (10.6, or another value was read on that date) is parked in quarantine, under review. One
    that was read is not held against estimates: those that it contradicts count no longer. Raises
    `Invalid` with the faults of the records; then nothing was stored.
    """
    reads = command.reads
    if not 1 <= len(reads) <= _MOST_POSTED:
        raise Invalid(f"1 to {_MOST_POSTED} reads are posted at once.", field="reads")
    _refuse_posted(faults_in(reads))
    portal_id = tx.portal.portal_id
    found = await tx.all(
        _FIND_REGISTERS,
        portal_id=portal_id,
        timezone=tx.portal.timezone,
        records=list(range(1, len(reads) + 1)),
        sites=[read.site_identifier for read in reads],
        meters=[read.meter_code for read in reads],
        registers=[read.meter_register for read in reads],
        days=[read.read_date for read in reads],
    )
    registers, faults = placed(reads, found, tx.now)
    _refuse_posted(faults)
    locks = reduce(or_, (1 << register.lock for register in registers.values()))
    await lock_meters(tx, locks)
    await tx.run(
        _LEARN_DIALS,
        portal_id=portal_id,
        meter_ids=[registers[n].meter_id for n, r in enumerate(reads, start=1) if r.add_factor],
        dials=[dials_of(read.add_factor) for read in reads if read.add_factor],
        now=tx.now,
    )
    await stage_posted(tx)
    await tx.copy_rows(
        "posted_read",
        _POSTED,
        [_staged(n, read, registers[n]) for n, read in enumerate(reads, start=1)],
    )
    await judge_posted(tx, command.source or tx.user.login, len(reads))
    judged = await tx.all(_POSTED_READS, portal_id=portal_id)
    _refuse_posted([fault for read in judged for fault in _untrue(read)])
    return [_posted(read) for read in judged]


@needs(Permission.READS_WRITE)
async def load_nem13(tx: Tx, command: LoadNem13) -> Nem13Loaded:
    """Load a NEM13 file: the two reads of each of its records, judged as posted reads are.

    The line is the record of a fault. Raises `Unparsable` or `Invalid` with the faults of a bad
    file; then nothing was stored.
    """
    portal_id = tx.portal.portal_id
    await tx.run(_STAGE_BASIC)
    file = Nem13(command.body, command.clock)
    await tx.copy_text("incoming_basic", COLUMNS, file.lines())
    await tx.run(_ANALYZE_BASIC)
    needed = await tx.one(_LOCKS_OF_BASIC)
    if needed.latest is not None and needed.latest > tx.now + AHEAD:
        raise Invalid("Nothing was stored: a read is more than 24 hours ahead.", field="read_at")
    await lock_meters(tx, needed.locks)
    await tx.run(_FIND_BASIC, portal_id=portal_id)
    streams = 0
    if command.create:
        streams = await tx.one(_GIVE_BASIC, portal_id=portal_id, clock=command.clock)
    await tx.run(_PLACE_BASIC, portal_id=portal_id)
    await tx.run(_LEARN_TOLD_DIALS, portal_id=portal_id, now=tx.now)
    await stage_posted(tx)
    await tx.run(_POST_BASIC, portal_id=portal_id)
    await judge_posted(tx, "NEM13", file.reads)
    loaded = await tx.one(_LOADED_BASIC)
    unplaced = [
        Fault(read.line, *_UNPLACED[read.fault])
        for read in await tx.all(_UNPLACED_BASIC, how_many=MAX_FAULTS)
    ]
    if unplaced and command.on_error is OnError.ROLLBACK:
        told = f"{loaded.faults} of {loaded.reads} reads cannot be placed"
        raise Invalid(f"Nothing was stored: {told}.", faults=unplaced)
    told_counts = msgspec.structs.asdict(loaded)
    return Nem13Loaded(**told_counts, streams=streams, unplaced=unplaced)


@needs(Permission.READS_VIEW)
async def tell_nem13(tx: Tx, question: TellNem13) -> AsyncIterator[bytes]:
    """Write the reads of basic registers as a NEM13 file, each with the one before it.

    Days are those of the file's clock.
    """
    if question.from_day > question.to_day:
        raise Invalid("The first day is after the last.", field="from")
    zone = zone_of(question.clock)
    since, until = (
        datetime.combine(day, time(), zone)
        for day in (question.from_day, question.to_day + timedelta(days=1))
    )
    header = Header("NEM13", tx.now, tx.portal.key, question.to_participant)
    writer = Writer(header, zone)
    reads = tx.each(
        _TOLD_BASIC,
        portal_id=tx.portal.portal_id,
        nmi=question.nmi,
        building_code=question.building_code,
        since=since,
        until=until,
    )
    yield writer.begin().encode()
    async for read in reads:
        yield writer.read(read).encode()
    yield writer.end().encode()


@needs(Permission.READS_VIEW)
async def account_reads(tx: Tx, question: ReadsOfAccount) -> AsyncIterator[AccountRead]:
    """List the basic reads of an account within its agreements, by site, meter and time (U12).

    Raises `Invalid`, `NoSuchAccount`.
    """
    asked = await reads_asked(tx, question)
    async for read in tx.each(_ACCOUNT_READS, timezone=tx.portal.timezone, **asked):
        yield _account_read(read)


@needs(Permission.READS_VIEW)
async def count_account_reads(tx: Tx, question: ReadsOfAccount) -> int:
    """Say how many basic reads `account_reads` lists, whatever the page."""
    whole = replace(question, how_many=None, beyond=0)
    asked = await reads_asked(tx, whole)
    return await tx.count(_ACCOUNT_READS, timezone=tx.portal.timezone, **asked)


@needs(Permission.READS_VIEW)
async def reads_asked(tx: Tx, question: ReadsOfAccount) -> dict[str, object]:
    """Return what an account's reads or intervals are asked for with.

    Raises `Invalid`, `NoSuchAccount`.
    """
    refuse_span(question.from_day, question.to_day, MOST_LISTED)
    tx.user.refuse_blocked(question.account)
    return {
        "portal_id": tx.portal.portal_id,
        "account_id": await account_id_of(tx, question.account),
        "from_day": question.from_day,
        "to_day": question.to_day,
        "site": question.site_identifier,
        "meter": question.meter_code,
        "as_of": question.as_of or tx.now,
        "how_many": question.how_many,
        "beyond": question.beyond,
    }


def _refuse_posted(faults: list[Fault]) -> None:
    """Refuse what was posted for its records, if anything is wrong with them."""
    if faults:
        raise Invalid("Nothing was stored.", faults=faults[:MAX_FAULTS])


def _staged(record: int, read: BasicRead, register: FoundRegister) -> tuple[object, ...]:
    """Return a posted read as it is staged."""
    zone = ZoneInfo(register.timezone)
    return (
        record,
        register.register_id,
        register.dials or dials_of(read.add_factor),
        instant_of(read.read_date, read.sub_type, zone),
        instant_of(read.read_date, SubType.OPENING, zone),
        quantity_of(read.meter_read),
        f"{read.meter_read:f}",
        register.factor,
        read.sub_type,
        read.sub_type in (SubType.ESTIMATE, SubType.INVOICE_EST),
        read.add_factor > 0,
        read.next_scheduled_read_date,
        read.temp_factor,
        read.cv_factor,
        read.audit_notes,
    )


def _untrue(read: JudgedRead) -> list[Fault]:
    """Return what a posted read says that is not so."""
    if read.sub_type == "MISREAD" and read.revision is None:
        return [Fault(read.record, "meter_read", "no read of that date counts with this value")]
    if read.rolled and read.before_value is not None and read.before_value <= read.value:
        told = "the register has not rolled over: it shows no less than before"
        return [Fault(read.record, "add_factor", told)]
    return []


def _posted(read: JudgedRead) -> PostedRead:
    """Say what became of a posted read."""
    parked = read.quarantine_id is not None
    read_id = read.read_id
    if parked or read_id is None:
        read_id = -(read.quarantine_id or 0)
    result = "MISREAD" if read.sub_type == "MISREAD" else "CREATED"
    return PostedRead(
        read_id,
        "IN_REVIEW" if parked else "ACCEPTED",
        None if read.consumption is None else in_unit(read.consumption),
        [read.reason] if parked and read.reason else [],
        "DUPLICATE" if read.reason == "DUPLICATE" else result,
    )


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
