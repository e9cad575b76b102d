"""The determinants of agreements, and what the usage of sites is summed with."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from currant.access.permissions import Permission, needs
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.determinants.copied import CopiedDays
from currant.determinants.layouts import Terms, flat_calendar
from currant.determinants.model import (
    AgreementLocated,
    AgreementSupplied,
    CopiedDay,
    DaysWanted,
    DeterminantsWanted,
    PeriodFacts,
    PricedPeriod,
    SitePeriod,
    Stream,
)
from currant.determinants.streams import days_of, items_of, table_of
from currant.determinants.summing import Summing, settle
from currant.errors import Invalid
from currant.tariffs.calendars import Calendar
from currant.tariffs.verbs import price_book

sql = Statements(__package__)
_GIVE_MEMORY = sql.command("give_memory")
_AGREEMENTS_SUPPLIED = sql.rows("agreements_supplied", AgreementSupplied)
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

_STAGED = (
    "item",
    "location_id",
    "product_type",
    "start_at",
    "end_at",
    "with_losses",
    "since_at",
    "till_at",
)
_MILLION = 1_000_000


@needs(Permission.BILLING_VIEW)
async def determinants(tx: Tx, question: DeterminantsWanted) -> Any:
    """Tell what a tariff prices of periods, from their intervals: `layouts.DETERMINANTS`.

    A row a period, in their order; energy in Wh, demand in W. The loss factor is the one in force
    when the period starts: a period is cut where it changes, as at a change of rate. There are as
    many statements whatever the number of periods, and memory does not grow with their intervals.
    Raises `Invalid` for an agreement that there is not, and as `determine` does.
    """
    terms, streams = await _staged(tx, question)
    return await sum_up(tx, terms, streams)


@needs(Permission.BILLING_VIEW)
async def register_days(tx: Tx, question: DeterminantsWanted) -> AsyncIterator[tuple[Terms, Any]]:
    """Yield what the determinants of periods are made of: the terms, and tables of register-days.

    Each table is of `layouts.DAYS`, some megabytes. Raises as `determinants` does.
    """
    terms, streams = await _staged(tx, question)
    whose, copied = table_of(streams), CopiedDays()
    arrived: asyncio.Queue[list[bytes] | None] = asyncio.Queue(1)

    async def copy() -> None:
        await tx.copy_out(_REGISTER_DAYS, arrived.put, portal_id=tx.portal.portal_id)
        await arrived.put(None)

    copying = asyncio.ensure_future(copy())
    try:
        while (chunks := await _next(arrived, copying)) is not None:
            yield terms, days_of(whose, copied.take(chunks))
    finally:
        copying.cancel()
        await asyncio.wait((copying,))


@needs(Permission.BILLING_VIEW)
async def periods_supplied(tx: Tx, question: DaysWanted) -> DeterminantsWanted:
    """List the periods of all agreements within days, an item an agreement, to be determined.

    The calendar is that of the tariff of its meters, as it is now; on the site's own clock, all is
    bucket 1 where the tariff has none.
    """
    portal = tx.portal
    found = await tx.all(
        _AGREEMENTS_SUPPLIED,
        portal_id=portal.portal_id,
        timezone=portal.timezone,
        first_day=question.first_day,
        last_day=question.last_day,
    )
    books = {
        tariff_id: await price_book(tx, tariff_id, revision)
        for tariff_id, revision in {(row.tariff_id, row.revision) for row in found}
        if tariff_id is not None and revision is not None
    }
    calendars: dict[Calendar, int] = {}
    periods = []
    for row in found:
        book = books.get(row.tariff_id or 0)
        calendar = book.calendar if book is not None and book.calendar is not None else None
        place = calendars.setdefault(calendar or flat_calendar(row.timezone), len(calendars))
        periods.append(
            PricedPeriod(
                row.agreement_id, row.agreement_id, row.start_at, row.end_at, place,
                question.demand_minutes,
            )
        )  # fmt: skip
    return DeterminantsWanted(periods, tuple(calendars))


async def _staged(tx: Tx, question: DeterminantsWanted) -> tuple[Terms, list[Stream]]:
    """Stage the periods of agreements; return what their days are counted by, and their streams."""
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
    streams = await stage_sites(tx, periods, energy=True)
    return await terms_of_periods(tx, periods, question.calendars), streams


async def _next(
    arrived: "asyncio.Queue[list[bytes] | None]", copying: "asyncio.Future[None]"
) -> list[bytes] | None:
    """Return what arrives next; raise what ended the copying instead."""
    getting = asyncio.ensure_future(arrived.get())
    await asyncio.wait((getting, copying), return_when=asyncio.FIRST_COMPLETED)
    if not getting.done() and copying.exception() is not None:
        getting.cancel()
        copying.result()
    return await getting


async def stage_sites(tx: Tx, periods: list[SitePeriod], *, energy: bool) -> list[Stream]:
    """Stage the periods of sites, and list the registers with intervals that measure them.

    Only those of energy, or all.
    """
    for statement in (_GIVE_MEMORY, _STAGE_PERIODS, _STAGE_STREAMS, _EMPTY_STAGES):
        await tx.run(statement)
    await tx.copy_rows(
        "site_period",
        _STAGED,
        [
            (
                period.item, period.location_id, period.product_type, period.start_at,
                period.end_at, period.with_losses, period.since_at, period.till_at,
            )
            for period in periods
        ],
    )  # fmt: skip
    await tx.run(_ANALYZE_PERIODS)
    await tx.run(_FIND_STREAMS, portal_id=tx.portal.portal_id, energy=energy)
    await tx.run(_ANALYZE_STREAMS)
    return await tx.all(_STREAMS)


async def facts_of_periods(tx: Tx) -> list[PeriodFacts]:
    """Tell what is known of each staged period beside its intervals."""
    portal = tx.portal
    return await tx.all(_PERIOD_FACTS, portal_id=portal.portal_id, timezone=portal.timezone)


async def terms_of_periods(
    tx: Tx, periods: list[SitePeriod], calendars: tuple[Calendar, ...]
) -> Terms:
    """Return what the days of the staged periods are counted by, each period an item."""
    facts = {row.item: row for row in await facts_of_periods(tx)}
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
    return Terms(items_of(columns), calendars)


async def sum_up(tx: Tx, terms: Terms, streams: list[Stream]) -> Any:
    """Sum the register-days of the staged streams for their items, as they arrive."""
    whose, copied, summing = table_of(streams), CopiedDays(), Summing(terms)
    working: Future[None] | None = None

    def add(chunks: list[bytes]) -> None:
        summing.add(days_of(whose, copied.take(chunks)))

    # What has arrived is summed while the next is on its way.
    with ThreadPoolExecutor(1) as beside:

        async def sink(chunks: list[bytes]) -> None:
            nonlocal working
            if working is not None:
                await asyncio.wrap_future(working)
            working = beside.submit(add, chunks)

        await tx.copy_out(_REGISTER_DAYS, sink, portal_id=tx.portal.portal_id)
        await sink([])
    return settle(summing.end(), terms)
