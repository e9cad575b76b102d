"""The questions asked about usage."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Self

import pyarrow as pa

from currant.access.permissions import Permission, needs
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Invalid
from currant.usage.copied import CopiedDays
from currant.usage.determinants import DAYS, ITEMS, Summing, Terms, settle
from currant.usage.model import CopiedDay, DeterminantsWanted, PeriodFacts, Stream

sql = Statements(__package__)
_GIVE_MEMORY = sql.command("give_memory")
_STAGE_PERIODS = sql.command("stage_periods")
_STAGE_STREAMS = sql.command("stage_streams")
_EMPTY_STAGES = sql.command("empty_stages")
_ANALYZE_PERIODS = sql.command("analyze_periods")
_FIND_STREAMS = sql.command("find_streams")
_ANALYZE_STREAMS = sql.command("analyze_streams")
_PERIOD_FACTS = sql.rows("period_facts", PeriodFacts)
_STREAMS = sql.rows("streams", Stream)
_REGISTER_DAYS = sql.rows("register_days", CopiedDay)

_STAGED = ("item", "agreement_id", "start_at", "end_at", "with_losses")
_BATCH_BYTES = 4 * 1024 * 1024
_MILLION = 1_000_000


@needs(Permission.BILLING_VIEW)
async def determinants(tx: Tx, question: DeterminantsWanted) -> Any:
    """Tell what a tariff prices of periods, from their intervals: `determinants.DETERMINANTS`.

    A row a period, in their order; energy in Wh, demand in W. The statements are as many whatever
    the number of periods, and memory does not grow with their intervals. Raises `Invalid` for an
    agreement that there is not, and as `determine` does.
    """
    terms = await _stage(tx, question)
    streams, copied, summing = _streams(await tx.all(_STREAMS)), CopiedDays(), Summing(terms)

    def add(raw: bytes) -> None:
        days = copied.take(raw)
        whose = streams.take(days.column("stream"))
        for name in ("day", "minutes", "estimated", "values"):
            whose = whose.append_column(DAYS.field(name), days.column(name))
        summing.add(whose)

    # What has arrived is summed while the next is on its way.
    with ThreadPoolExecutor(1) as beside:
        async with Batches(_BATCH_BYTES, lambda raw: beside.submit(add, raw)) as batches:
            await tx.copy_out(_REGISTER_DAYS, batches.take, portal_id=tx.portal.portal_id)
    return settle(summing.end(), terms)


class Batches:
    """Chunks of bytes put together to batches that are worked off elsewhere, one ahead at most."""

    def __init__(self, size: int, work: Callable[[bytes], Future[None]]) -> None:
        self._least, self._work = size, work
        self._chunks: list[bytes] = []
        self._size = 0
        self._working: Future[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            await self._pass_on()
            await self._worked()

    async def take(self, chunk: bytes) -> None:
        """Add a chunk; wait where the batch before is not worked off."""
        self._chunks.append(chunk)
        self._size += len(chunk)
        if self._size >= self._least:
            await self._pass_on()

    async def _pass_on(self) -> None:
        await self._worked()
        self._working = self._work(b"".join(self._chunks))
        self._chunks.clear()
        self._size = 0

    async def _worked(self) -> None:
        if self._working is not None:
            await asyncio.wrap_future(self._working)


def _streams(streams: list[Stream]) -> Any:
    """Make a table of the streams."""
    columns = {
        "item": [stream.item for stream in streams],
        "clock": [stream.clock for stream in streams],
        "direction": [stream.direction for stream in streams],
        "start": [stream.start_at for stream in streams],
        "end": [stream.end_at for stream in streams],
    }
    return pa.table({name: pa.array(told, DAYS.field(name).type) for name, told in columns.items()})


async def _stage(tx: Tx, question: DeterminantsWanted) -> Terms:
    """Stage the periods and find their streams; return what their days are counted by."""
    portal_id = tx.portal.portal_id
    for statement in (_GIVE_MEMORY, _STAGE_PERIODS, _STAGE_STREAMS, _EMPTY_STAGES):
        await tx.run(statement)
    await tx.copy_rows(
        "priced_period",
        _STAGED,
        (
            (period.item, period.agreement_id, period.start_at, period.end_at, period.with_losses)
            for period in question.periods
        ),
    )
    await tx.run(_ANALYZE_PERIODS)
    await tx.run(_FIND_STREAMS, portal_id=portal_id)
    await tx.run(_ANALYZE_STREAMS)
    told = await tx.all(_PERIOD_FACTS, portal_id=portal_id, timezone=tx.portal.timezone)
    facts = {row.item: row for row in told}
    for period in question.periods:
        if period.item not in facts:
            raise Invalid(
                f"There is no agreement {period.agreement_id} in this portal.", field="agreement_id"
            )
    periods = question.periods
    columns = (
        [period.item for period in periods],
        [period.start_at for period in periods],
        [period.end_at for period in periods],
        [period.calendar for period in periods],
        [facts[period.item].loss_millionths for period in periods],
        [_MILLION] * len(periods),
        [period.demand_minutes for period in periods],
        [facts[period.item].expected_minutes for period in periods],
    )
    arrays = [pa.array(told, field.type) for told, field in zip(columns, ITEMS, strict=True)]
    return Terms(pa.Table.from_arrays(arrays, schema=ITEMS), question.calendars)
