"""The questions asked about usage."""

from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import msgspec

from currant.access.permissions import Permission, needs
from currant.clock import day_bounds
from currant.customers.verbs import account_id_of
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.determinants.layouts import flat_calendar
from currant.determinants.model import SitePeriod
from currant.determinants.streams import terms_of
from currant.determinants.summing import determined
from currant.determinants.verbs import facts_of_periods, stage_sites, sum_up, terms_of_periods
from currant.errors import Invalid
from currant.reads.days import dated
from currant.tariffs.verbs import price_book
from currant.usage.gates import held_against
from currant.usage.measured import Measured
from currant.usage.model import (
    ActualUsage,
    BasicUsage,
    Basis,
    Gate,
    GatesWanted,
    GateUsage,
    Granularity,
    IntervalUsage,
    MonthUsage,
    NotSuppliedThere,
    PeriodUsage,
    RegisterShown,
    SiteOfAccount,
    SiteUsageWanted,
    SuppliesWanted,
    TariffOfSite,
    UsageWanted,
)
from currant.usage.months import (
    Segment,
    first_of,
    next_month,
    within,
)
from currant.usage.spans import SiteUsage, bucket_names, counted, spans, year_before

sql = Statements(__package__)
_SITES_OF_ACCOUNT = sql.rows("sites_of_account", SiteOfAccount)
_SITES_SUPPLIED = sql.rows("sites_supplied", SiteOfAccount)
_BASIC_USAGE = sql.rows("basic_usage", BasicUsage)
_REGISTERS_SHOWN = sql.rows("registers_shown", RegisterShown)
_TARIFFS_OF_SITES = sql.rows("tariffs_of_sites", TariffOfSite)
_INTERVALS_OF_SITES = sql.rows("intervals_of_sites", IntervalUsage)
_GATES = sql.rows("gates", Gate)

_MILLION = 1_000_000
_TWICE = 2 * _MILLION
_DAY = timedelta(days=1)
_MOST_DAYS = 100
_MOST_SINGLE_DAYS, _MOST_MONTHS = 1_100, 160
_SITES_AT_ONCE = 100
_ELECTRICITY = "ELECTRICITY"


@needs(Permission.READS_VIEW)
async def actual_usage(tx: Tx, question: UsageWanted) -> list[ActualUsage]:
    """Tell what an account used, register by register: between reads, and of all intervals (U18).

    What passed between two reads is told whole where the second one lies in the days asked for, so
    it is told once whatever days are asked for one after another. Raises `NoSuchAccount`.
    """
    first, last = question.first_day, question.last_day
    told = []
    sites = await _sites(tx, question)
    for measured in await _measured(tx, _periods(sites), [site.timezone for site in sites]):
        spans = [
            (segment, Basis.ESTIMATED if cut else Basis.ACTUAL)
            for segment, cut in measured.segments
            if first <= segment.last <= last
        ]
        known = measured.days.keys()
        if known:
            whole = sum(measured.days.values())
            spans.append((Segment(min(known) - _DAY, max(known), whole), Basis.INTERVAL))
        loss = measured.loss_millionths if measured.register.direction == "E" else None
        told += [
            ActualUsage(
                sites[measured.item],
                measured.register,
                segment.before + _DAY,
                segment.last,
                len(known - measured.partial) if basis is Basis.INTERVAL else segment.days,
                segment.quantity,
                basis,
                loss,
                None if loss is None else (2 * segment.quantity * loss + _MILLION) // _TWICE,
            )
            for segment, basis in spans
        ]
    return told


@needs(Permission.READS_VIEW)
async def normalised_usage(tx: Tx, question: UsageWanted) -> list[MonthUsage]:
    """Tell what an account used in whole calendar months, register by register (U18, P11).

    The months are those of the days asked for and between them. What passed between two reads is
    spread over its days by largest remainder; nothing is told beyond the last read. Raises
    `NoSuchAccount`.
    """
    first, last = _whole_months(question.first_day, question.last_day)
    whole = msgspec.structs.replace(question, first_day=first, last_day=last)
    return await _by_months(tx, await _sites(tx, whole), first, last)


@needs(Permission.READS_VIEW)
async def normalised_usages(tx: Tx, question: SuppliesWanted) -> AsyncIterator[MonthUsage]:
    """Tell what accounts used in whole calendar months, as `normalised_usage` does (report 902).

    By site, agreement and register; of a hundred sites at a time. Accounts that are blocked for the
    caller are left out.
    """
    first, last = _whole_months(question.first_day, question.last_day)
    supplied = tx.each(
        _SITES_SUPPLIED,
        portal_id=tx.portal.portal_id,
        timezone=tx.portal.timezone,
        first_day=first,
        last_day=last,
        account_ids=question.account_ids,
        building_code=question.building_code,
        site_key=question.site_key,
        blocked=list(tx.user.blocked),
    )
    block: list[SiteOfAccount] = []
    async for site in supplied:
        block.append(site)
        if len(block) == _SITES_AT_ONCE:
            for told in await _by_months(tx, block, first, last):
                yield told
            block = []
    for told in await _by_months(tx, block, first, last) if block else ():
        yield told


def _whole_months(first_day: date, last_day: date) -> tuple[date, date]:
    """Return the first and the last day of the months of two days."""
    return first_of(first_day), next_month(first_of(last_day)) - _DAY


async def _by_months(
    tx: Tx, sites: list[SiteOfAccount], first: date, last: date
) -> list[MonthUsage]:
    """Tell what was used at sites in the months from a first day to a last."""
    found = await _measured(tx, _periods(sites), [site.timezone for site in sites])
    return [
        usage
        for measured in found
        for usage in measured.by_month(sites[measured.item], first, last)
    ]


@needs(Permission.READS_VIEW)
async def site_usage(tx: Tx, question: SiteUsageWanted) -> list[PeriodUsage]:
    """Tell what an account used at a site by months or days, beside the year before (U24).

    Where a meter has a register of all day, those of parts of the day are not added to it. Peak,
    off-peak and shoulder are those of registers of that name, or of intervals as the tariff of the
    site names its buckets. At most 160 months or 1,100 days are told at once. Raises
    `NoSuchAccount`, `NotSuppliedThere`, `Invalid`.
    """
    first, last = question.first_day, question.last_day
    if question.granularity is Granularity.DAY:
        many, most, what = (last - first).days + 1, _MOST_SINGLE_DAYS, "Days"
    else:
        many, most = 12 * (last.year - first.year) + last.month - first.month + 1, _MOST_MONTHS
        what = "Months"
    if many > most:
        told = f"{what} are told {most} at most; from {first} to {last} are more."
        raise Invalid(told, field="end_date")
    sites = await _sites_there(tx, question, year_before(question.first_day))
    measured = await _measured(tx, _periods(sites), [site.timezone for site in sites])
    used = SiteUsage(
        [(told.register, told.by_day()) for told in measured],
        spans(first, last, question.granularity),
        frozenset().union(*(told.partial for told in measured)),
    )
    if any(told.days for told in measured):
        await _by_time_of_use(tx, sites, used)
    return used.rows()


@needs(Permission.READS_VIEW)
async def site_intervals(tx: Tx, question: SiteUsageWanted) -> list[IntervalUsage]:
    """Tell what an account used at a site interval by interval, as it was measured (U24).

    At most a hundred days are told at once. Raises `NoSuchAccount`, `NotSuppliedThere`, `Invalid`.
    """
    if (question.last_day - question.first_day).days >= _MOST_DAYS:
        raise Invalid(f"Intervals are told of {_MOST_DAYS} days at most.", field="end_date")
    sites = await _sites_there(tx, question, question.first_day)
    await stage_sites(tx, _periods(sites), energy=question.product_type in (None, _ELECTRICITY))
    return await tx.all(_INTERVALS_OF_SITES, portal_id=tx.portal.portal_id)


async def _sites_there(tx: Tx, question: SiteUsageWanted, first_day: date) -> list[SiteOfAccount]:
    """Find a site while an account was supplied there. Raises `NotSuppliedThere`."""
    wanted = UsageWanted(
        question.account,
        first_day,
        question.last_day,
        question.site_identifier,
        question.product_type,
    )
    sites = await _sites(tx, wanted)
    if not sites:
        raise NotSuppliedThere(question.site_identifier, field="site_identifier")
    return sites


async def _by_time_of_use(tx: Tx, sites: list[SiteOfAccount], used: SiteUsage) -> None:
    """Add demand and energy by time of use, of the intervals of each span."""
    parts: list[SitePeriod] = []
    whose: list[int] = []
    for site in sites:
        zone = ZoneInfo(site.timezone)
        for number, (first, last) in enumerate(used.spans):
            start = max(day_bounds(first, zone)[0], site.start_at)
            end = min(day_bounds(last, zone)[1], site.end_at)
            if start < end:
                parts.append(
                    SitePeriod(len(parts), site.location_id, site.product_type, start, end)
                )
                whose.append(number)
    streams = await stage_sites(tx, parts, energy=True)
    books = {
        row.item: await price_book(tx, row.tariff_id, row.revision)
        for row in await tx.all(_TARIFFS_OF_SITES, portal_id=tx.portal.portal_id)
    }
    # The calendar 0 is that of a site without a tariff of time of use.
    calendars, names = [flat_calendar("+00:00")], [dict[int, str]()]
    place: dict[int, int] = {}
    for item, book in books.items():
        if book.calendar is not None and book.tariff_id not in place:
            place[book.tariff_id] = len(calendars)
            calendars.append(book.calendar)
            names.append(bucket_names(book))
        at = place.get(book.tariff_id, 0)
        parts[item] = msgspec.structs.replace(parts[item], calendar=at)
    terms = await terms_of_periods(tx, parts, tuple(calendars))
    summed = await sum_up(tx, terms, streams)
    for part, row in zip(parts, determined(summed), strict=True):
        if row.intervals:
            used.add(whose[part.item], row.energy_wh, row.peak_w[0], names[part.calendar])


@needs(Permission.READS_VIEW)
async def gate_usage(tx: Tx, question: GatesWanted) -> list[GateUsage]:
    """Hold what passed gate meters against what the meters behind them measured (report 905).

    What is fed in is taken off, for behind a gate it supplies the neighbours. What passed between
    two reads is spread over its days, so that reads of different days can be held against each
    other.
    """
    portal = tx.portal
    gates = await tx.all(
        _GATES,
        portal_id=portal.portal_id,
        timezone=portal.timezone,
        building_code=question.building_code,
    )
    zones = {gate.location_id: gate.timezone for gate in gates}
    zones |= {gate.parent_id: gate.timezone for gate in gates}
    sites = list(zones)
    periods = []
    for number, location_id in enumerate(sites):
        zone = ZoneInfo(zones[location_id])
        start, end = day_bounds(question.first_day, zone)[0], day_bounds(question.last_day, zone)[1]
        periods.append(SitePeriod(number, location_id, _ELECTRICITY, start, end))
    found = await _measured(tx, periods, [zones[site] for site in sites])
    whole = counted(measured.register for measured in found)
    return held_against(
        gates,
        [
            (sites[measured.item], measured)
            for measured in found
            if measured.register.register_id in whole
        ],
        question,
    )


async def _sites(tx: Tx, question: UsageWanted) -> list[SiteOfAccount]:
    """Find where an account was supplied between two days, as far as anything can be known."""
    await account_id_of(tx, question.account)
    # Nothing is known beyond the next day, whatever the zone.
    known = max(question.first_day, (tx.now + 2 * _DAY).date())
    return await tx.all(
        _SITES_OF_ACCOUNT,
        portal_id=tx.portal.portal_id,
        timezone=tx.portal.timezone,
        account=question.account,
        first_day=question.first_day,
        last_day=min(question.last_day, known),
        site_identifier=question.site_identifier,
        product_type=question.product_type,
    )


def _periods(sites: list[SiteOfAccount]) -> list[SitePeriod]:
    """Return the periods of an account's sites, numbered from 0."""
    return [
        SitePeriod(
            number, site.location_id, site.product_type, site.start_at, site.end_at,
            with_losses=True, since_at=site.since_at, till_at=site.till_at,
        )
        for number, site in enumerate(sites)
    ]  # fmt: skip


async def _measured(tx: Tx, periods: list[SitePeriod], timezones: list[str]) -> list[Measured]:
    """Measure whatever registers hang at sites in periods; the items count the periods from 0."""
    portal_id = tx.portal.portal_id
    streams = await stage_sites(tx, periods, energy=False)
    losses = {row.item: row.loss_millionths for row in await facts_of_periods(tx)}
    segments: dict[tuple[int, int], list[tuple[Segment, bool]]] = defaultdict(list)
    for row in await tx.all(_BASIC_USAGE, portal_id=portal_id):
        zone = ZoneInfo(timezones[row.item])
        passed, part = (row.from_at, row.to_at), (row.start_at, row.end_at)
        quantity = within(row.quantity, passed, part)
        before, until = (dated(at, zone) for at in part)
        told = (Segment(before, until, quantity), passed != part)
        segments[row.item, row.register_id].append(told)
    days, partial = await _by_day(tx, periods, timezones) if streams else ({}, {})
    found = list(segments.keys() | days.keys())
    shown = await tx.all(
        _REGISTERS_SHOWN, portal_id=portal_id, register_ids=[register for _, register in found]
    )
    registers = {register.register_id: register for register in shown}
    return [
        Measured(
            item, registers[register], losses[item], segments[item, register],
            days.get((item, register), {}), frozenset(partial.get((item, register), ())),
        )
        for item, register in sorted(found)
    ]  # fmt: skip


async def _by_day(
    tx: Tx, periods: list[SitePeriod], timezones: list[str]
) -> tuple[dict[tuple[int, int], dict[date, int]], dict[tuple[int, int], set[date]]]:
    """Sum the intervals of the registers of sites by local days, those of which some are known.

    And name the days of each of which some are not.
    """
    parts: list[SitePeriod] = []
    whose: list[tuple[int, date]] = []
    for period, timezone in zip(periods, timezones, strict=True):
        zone = ZoneInfo(timezone)
        day = period.start_at.astimezone(zone).date()
        while (begin := day_bounds(day, zone)[0]) < period.end_at:
            start, end = max(begin, period.start_at), min(day_bounds(day, zone)[1], period.end_at)
            parts.append(
                SitePeriod(len(parts), period.location_id, period.product_type, start, end)
            )
            whose.append((period.item, day))
            day += _DAY
    found = await stage_sites(tx, parts, energy=False)
    # Each stream is an item of its own, so that registers are told apart.
    apart = [msgspec.structs.replace(stream, item=number) for number, stream in enumerate(found)]
    told: dict[tuple[int, int], dict[date, int]] = defaultdict(dict)
    partial: dict[tuple[int, int], set[date]] = defaultdict(set)
    summed = await sum_up(tx, terms_of(apart), apart)
    for stream, row in zip(found, determined(summed), strict=True):
        item, day = whose[stream.item]
        if timedelta(minutes=row.minutes) < stream.end_at - stream.start_at:
            partial[item, stream.register_id].add(day)
        if row.intervals:
            days = told[item, stream.register_id]
            days[day] = days.get(day, 0) + sum(row.energy_wh) + sum(row.export_wh)
    return told, partial
