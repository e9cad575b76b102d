"""Acts on interval data, and the questions asked about it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from datetime import timedelta

import msgspec

from currant.access.permissions import Permission, needs
from currant.basicreads.model import ReadsOfAccount
from currant.basicreads.posted import in_unit
from currant.basicreads.verbs import reads_asked
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Fault, Invalid
from currant.intervals.model import (
    FAULT_COLUMNS,
    AccountDay,
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
    OwnDay,
    Stored,
    StoredDay,
    TellNem12,
    Unplaced,
)
from currant.intervals.nem12 import DAY_COLUMNS, STREAM_COLUMNS, Nem12
from currant.intervals.nem12_writer import ToldDay, Writer
from currant.locations.verbs import building_of
from currant.mdff import MAX_FAULTS, Header, zone_of
from currant.reads.model import OnError
from currant.reads.verbs import AHEAD

sql = Statements(__package__)
_GIVE_MEMORY = sql.command("give_memory")
_JOIN_SETS = sql.command("join_sets")
_STAGE_DAYS = sql.command("stage_days")
_STAGE_STREAMS = sql.command("stage_streams")
_STAGE_PLACED = sql.command("stage_placed")
_ANALYZE_DAYS = sql.command("analyze_days")
_ANALYZE_PLACED = sql.command("analyze_placed")
_LOCK_INTERVALS = sql.rows("lock_intervals", int)
_FIND_SITES = sql.command("find_sites")
_GIVE_SITES = sql.rows("give_sites", int)
_GIVE_METERS = sql.rows("give_meters", int)
_HANG_METERS = sql.rows("hang_meters", int)
_GIVE_STREAMS = sql.rows("give_streams", int)
_PLACE_STREAMS = sql.command("place_streams")
_EXPLAIN_STREAMS = sql.command("explain_streams")
_STORE_DAYS = sql.rows("store_days", Stored)
_ANALYZE_STORED = sql.command("analyze_stored")
_FAULTS_OF_FILE = sql.rows("faults_of_file", Unplaced)
_FILES = sql.rows("files", IntervalFile)
_DAYS = sql.rows("days", IntervalDay)
_TOLD_DAYS = sql.rows("told_days", ToldDay)
_ACCOUNT_DAYS = sql.rows("account_days", StoredDay)
_GAPS = sql.rows("gaps", Gap)

_PLACED = ("stream", "register_id", "from_day", "to_day")
_LONGEST_NAME = 200


@needs(Permission.READS_WRITE)
async def load_nem12(tx: Tx, command: LoadNem12) -> Loaded:
    """Load a NEM12 file: a revision for each register and day that it changes.

    The line is the record of a fault. Raises `Unparsable` or `Invalid` with the faults of a bad
    file; then nothing was stored. The same file again stores nothing. No wallet is drawn down by
    interval data: prepaid usage is what passes between register reads.
    """
    return await _load(tx, command, None)


@needs(Permission.IMPORT_TRINITY)
async def onboard_nem12(tx: Tx, command: OnboardNem12) -> Loaded:
    """Load a NEM12 file, and make the sites, meters and data streams that it names.

    Raises `NoSuchBuilding`, and what `load_nem12` raises; then nothing was made.
    """
    return await _load(tx, command, command.building_code)


@needs(Permission.READS_VIEW)
async def interval_days(tx: Tx, question: DaysWanted) -> AsyncIterator[IntervalDay]:
    """List the register-days that count, by NMI, meter, data stream and day (U12)."""
    _refuse_span(question)
    days = tx.each(
        _DAYS,
        portal_id=tx.portal.portal_id,
        **{name: getattr(question, name) for name in DaysWanted.__struct_fields__},
    )
    async for day in days:
        yield day


@needs(Permission.READS_VIEW)
async def tell_nem12(tx: Tx, question: TellNem12) -> AsyncIterator[bytes]:
    """Write the register-days that count as a NEM12 file, a few thousand lines at a time."""
    _refuse_span(question)
    zone = zone_of(question.clock)
    header = Header("NEM12", tx.now, tx.portal.key, question.to_participant)
    writer = Writer(header, zone)
    days = tx.each(
        _TOLD_DAYS,
        portal_id=tx.portal.portal_id,
        from_day=question.from_day,
        to_day=question.to_day,
        nmi=question.nmi,
        building_code=question.building_code,
    )
    yield writer.begin().encode()
    async for day in days:
        yield writer.day(day).encode()
    yield writer.end().encode()


@needs(Permission.READS_VIEW)
async def account_days(tx: Tx, question: ReadsOfAccount) -> AsyncIterator[AccountDay]:
    """List the days of intervals of an account within its agreements, by site, meter and day (U12).

    Raises `Invalid`, `NoSuchAccount`.
    """
    async for day in tx.each(_ACCOUNT_DAYS, **await reads_asked(tx, question)):
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
async def count_account_days(tx: Tx, question: ReadsOfAccount) -> int:
    """Say how many days of intervals `account_days` lists, whatever the page."""
    whole = msgspec.structs.replace(question, how_many=None, beyond=0)
    return await tx.count(_ACCOUNT_DAYS, **await reads_asked(tx, whole))


@needs(Permission.READS_VIEW)
async def interval_gaps(tx: Tx, question: GapsWanted) -> AsyncIterator[Gap]:
    """List what registers lack while their meters hung, and what of theirs is not actual.

    Only whole days that are over by the register's clock are looked at.
    """
    _refuse_span(question)
    gaps = tx.each(
        _GAPS,
        portal_id=tx.portal.portal_id,
        now=tx.now,
        **{name: getattr(question, name) for name in GapsWanted.__struct_fields__},
    )
    async for gap in gaps:
        yield gap


@needs(Permission.READS_VIEW)
async def interval_files(tx: Tx, question: FilesWanted) -> list[IntervalFile]:
    """List the deliveries of interval data, the newest first."""
    return await tx.all(
        _FILES,
        portal_id=tx.portal.portal_id,
        before=question.before,
        how_many=question.how_many,
    )


@needs(Permission.READS_VIEW)
async def interval_faults(tx: Tx, question: FaultsWanted) -> list[Unplaced]:
    """List the days of a file that could not be stored, by its lines (conformance.md 8.3)."""
    return await tx.all(
        _FAULTS_OF_FILE,
        portal_id=tx.portal.portal_id,
        file_id=question.file_id,
        how_many=question.how_many,
        beyond=question.beyond,
    )


async def store_own_days(tx: Tx, source: str, name: str, days: Sequence[OwnDay]) -> Stored:
    """Store days that were estimated or edited here (`source` is ESTIMATE or EDIT).

    Each is judged by its `updated_at` as a day of a file is. Raises `Invalid`.
    """
    await _stage(tx)
    streams = [(n, n) for n, _ in enumerate(days, 1)]
    await tx.copy_rows("incoming_stream", ("stream", "line"), streams)
    placed = [(n, d.register_id, d.day, d.day + timedelta(days=1)) for n, d in enumerate(days, 1)]
    await tx.copy_rows("placed_stream", _PLACED, placed)
    told = [
        (
            n, n, d.day, d.minutes, d.quantities, d.quality, d.method, d.reason_code, d.reason,
            d.spans, None, d.updated_at,
        )
        for n, d in enumerate(days, 1)
    ]  # fmt: skip
    await tx.copy_rows("incoming_day", DAY_COLUMNS, told)
    await tx.run(_ANALYZE_DAYS)
    await tx.one(_LOCK_INTERVALS, portal_id=tx.portal.portal_id)
    return await _store(tx, source=source, name=name)


async def _load(tx: Tx, command: LoadNem12 | OnboardNem12, building_code: str | None) -> Loaded:
    """Load a file, and make what it names and is missing as far as that was asked for."""
    portal_id, clock = tx.portal.portal_id, command.clock
    building_id = None
    if building_code is not None:
        building_id = (await building_of(tx, building_code, "building")).building_id
    await _stage(tx)
    with closing(Nem12(command.body, clock, tx.now + AHEAD)) as file:
        await tx.copy_text("incoming_day", DAY_COLUMNS, file.lines())
        await tx.copy_text("incoming_stream", STREAM_COLUMNS, file.stream_lines())
    await tx.run(_ANALYZE_DAYS)
    await tx.one(_LOCK_INTERVALS, portal_id=portal_id)
    await tx.run(_FIND_SITES, portal_id=portal_id)
    sites = meters = streams = 0
    if building_id is not None:
        sites = await tx.one(_GIVE_SITES, portal_id=portal_id, building_id=building_id, now=tx.now)
        await tx.run(_FIND_SITES, portal_id=portal_id)
        meters = await tx.one(_GIVE_METERS, portal_id=portal_id, now=tx.now)
        await tx.one(_HANG_METERS, portal_id=portal_id, clock=clock, now=tx.now)
    if building_id is not None or (isinstance(command, LoadNem12) and command.create):
        streams = await tx.one(_GIVE_STREAMS, portal_id=portal_id, clock=clock)
    await tx.run(_PLACE_STREAMS, portal_id=portal_id, clock=clock)
    await tx.run(_EXPLAIN_STREAMS, portal_id=portal_id)
    stored = await _store(
        tx,
        source="NEM12",
        name=command.name[:_LONGEST_NAME],
        sha256=command.body.sha256,
        header=file.header,
    )
    unplaced = []
    if stored.faults:
        wanted = FaultsWanted(stored.file_id, MAX_FAULTS)
        unplaced = await interval_faults(tx, wanted)
        if command.on_error is OnError.ROLLBACK:
            raise _refusal(stored, unplaced)
    made = {"sites": sites, "meters": meters, "streams": streams}
    return Loaded(**msgspec.structs.asdict(stored), **made, unplaced=unplaced)


async def _stage(tx: Tx) -> None:
    """Make the tables that a delivery is copied to."""
    await tx.run(_GIVE_MEMORY)
    await tx.run(_STAGE_DAYS)
    await tx.run(_STAGE_STREAMS)
    await tx.run(_STAGE_PLACED)


async def _store(
    tx: Tx, *, source: str, name: str, sha256: str = "", header: Header | None = None
) -> Stored:
    """Store the staged days behind the lock of their portal."""
    await tx.run(_ANALYZE_PLACED)
    await tx.run(_JOIN_SETS)
    stored = await tx.one(
        _STORE_DAYS,
        portal_id=tx.portal.portal_id,
        source=source,
        name=name,
        sha256=sha256,
        from_participant="" if header is None else header.from_participant,
        to_participant="" if header is None else header.to_participant,
        created_at=None if header is None else header.created_at,
        login=tx.user.login,
        now=tx.now,
    )
    await tx.run(_ANALYZE_STORED, stored=stored.stored)
    return stored


def _refusal(stored: Stored, unplaced: list[Unplaced]) -> Invalid:
    """Refuse a whole file for the days that could not be placed."""
    faults = []
    for fault in unplaced:
        column, reason = FAULT_COLUMNS[fault.reason]
        told = f"{fault.nmi} {fault.datastream}, {fault.days} days"
        faults.append(Fault(fault.line, column, f"{fault.reason}: {reason} ({told})"))
    which = f"{stored.faults} of {stored.days} days cannot be placed"
    return Invalid(f"Nothing was stored: {which}.", faults=faults)


def _refuse_span(question: DaysWanted | TellNem12 | GapsWanted) -> None:
    if question.from_day > question.to_day:
        raise Invalid("The first day is after the last.", field="from")
