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
from currant.tariffs.calendars import Calendar
from currant.usage.copied import CopiedDays
from currant.usage.determinants import DAYS, ITEMS, Summing, Terms, settle
from currant.usage.model import (
    AgreementLocated,
    CopiedDay,
    DeterminantsWanted,
    PeriodFacts,
    SitePeriod,
    Stream,
)

sql = Statements(__package__)
_GIVE_MEMORY = sql.command("give_memory")
_AGREEMENTS_LOCATED = sql.rows("agreements_located", AgreementLocated)
_STAGE_PERIODS = sql.command("stage_periods")
_STAGE_STREAMS = sql.command("stage_streams")
_EMPTY_STAGES = sql.command("empty_stages")
_ANALYZE_PERIODS = sql.command("analyze_periods")
_FIND_STREAMS = sql.command("find_streams")
_ANALYZE_STREAMS = sql.command("analyze_streams")
_PERIOD_FACTS = sql.rows("period_facts", PeriodFacts)
_STREAMS = sql.rows("streams", Stream)
_REGISTER_DAYS = sql.rows("register_days", CopiedDay)

_STAGED = ("item", "location_id", "product_type", "start_at", "end_at", "with_losses")
_BATCH_BYTES = 4 * 1024 * 1024
_MILLION = 1_000_000


@needs(Permission.BILLING_VIEW)
async def determinants(tx: Tx, question: DeterminantsWanted) -> Any:
    """Tell what a tariff prices of periods, from their intervals: `determinants.DETERMINANTS`.

    A row a period, in their order; energy in Wh, demand in W. The loss factor is the one in force
    when the period starts: a period is cut where it changes, as at a change of rate. There are as
    many statements whatever the number of periods, and memory does not grow with their intervals.
    Raises `Invalid` for an agreement that there is not, and as `determine` does.
    """
    wanted = list({period.agreement_id for period in question.periods})
    found = await tx.all(_AGREEMENTS_LOCATED, portal_id=tx.portal.portal_id, agreement_ids=wanted)
    places = {row.agreement_id: (row.location_id, row.product_type) for row in found}
    if missing := sorted(set(wanted) - set(places)):
        raise Invalid(f"There is no agreement {missing[0]} here.", field="agreement_id")
    periods = [
        SitePeriod(
            period.item, *places[period.agreement_id], period.start_at, period.end_at,
            period.calendar, period.demand_minutes, period.with_losses,
        )
        for period in question.periods
    ]  # fmt: skip
    await _stage(tx, periods, energy=True)
    return await _sum_up(tx, await _terms(tx, periods, question.calendars))


async def _stage(tx: Tx, periods: list[SitePeriod], *, energy: bool) -> None:
    """Stage the periods of sites, and find the registers with intervals that measure them."""
    for statement in (_GIVE_MEMORY, _STAGE_PERIODS, _STAGE_STREAMS, _EMPTY_STAGES):
        await tx.run(statement)
    await tx.copy_rows(
        "site_period",
        _STAGED,
        [
            (
                period.item, period.location_id, period.product_type, period.start_at,
                period.end_at, period.with_losses,
            )
            for period in periods
        ],
    )  # fmt: skip
    await tx.run(_ANALYZE_PERIODS)
    await tx.run(_FIND_STREAMS, portal_id=tx.portal.portal_id, energy=energy)
    await tx.run(_ANALYZE_STREAMS)


async def _terms(tx: Tx, periods: list[SitePeriod], calendars: tuple[Calendar, ...]) -> Terms:
    """Return what the days of the staged periods are counted by, each period an item."""
    portal = tx.portal
    told = await tx.all(_PERIOD_FACTS, portal_id=portal.portal_id, timezone=portal.timezone)
    facts = {row.item: row for row in told}
    columns = (
        [period.item for period in periods],
        [period.start_at for period in periods],
        [period.end_at for period in periods],
        [period.calendar for period in periods],
        [facts[period.item].loss_millionths or _MILLION for period in periods],
        [_MILLION] * len(periods),
        [period.demand_minutes for period in periods],
        [facts[period.item].expected_minutes for period in periods],
    )
    arrays = [pa.array(told, field.type) for told, field in zip(columns, ITEMS, strict=True)]
    return Terms(pa.Table.from_arrays(arrays, schema=ITEMS), calendars)


async def _sum_up(tx: Tx, terms: Terms) -> Any:
    """Sum the register-days of the staged streams as they arrive."""
    streams, copied, summing = _streams(await tx.all(_STREAMS)), CopiedDays(), Summing(terms)

    def add(raw: bytes) -> None:
        days = copied.take(raw)
        whose = streams.take(days.column("stream"))
        for name in ("day", "minutes", "estimated", "values"):
            whose = whose.append_column(DAYS.field(name), days.column(name))
        summing.add(whose)

    # What has arrived is summed while the next is on its way.
    with ThreadPoolExecutor(1) as beside:
        async with _Batches(lambda raw: beside.submit(add, raw)) as batches:
            await tx.copy_out(_REGISTER_DAYS, batches.take, portal_id=tx.portal.portal_id)
    return settle(summing.end(), terms)


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


class _Batches:
    """Chunks of bytes put together to batches that are worked off elsewhere, one ahead at most."""

    def __init__(self, work: Callable[[bytes], Future[None]]) -> None:
        self._work = work
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
        if self._size >= _BATCH_BYTES:
            await self._pass_on()

    async def _pass_on(self) -> None:
        await self._worked()
        self._working = self._work(b"".join(self._chunks))
        self._chunks.clear()
        self._size = 0

    async def _worked(self) -> None:
        if self._working is not None:
            await asyncio.wrap_future(self._working)
