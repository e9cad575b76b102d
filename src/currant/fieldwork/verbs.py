"""Acts on work orders and on how sites stand, the reads taken there, and the questions asked."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from currant import wire
from currant.access.permissions import Permission, needs
from currant.activities.model import NewActivity
from currant.activities.verbs import leave_activities
from currant.basicreads.model import PostedRead, PostReads
from currant.basicreads.verbs import post_reads
from currant.charges.model import AddCharges
from currant.charges.verbs import add_charges
from currant.customers.verbs import accounts_by_number
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Invalid
from currant.fieldwork.model import (
    ChangedOrder,
    CreateOrders,
    HeldOrder,
    NoSuchOrder,
    OrderChange,
    OrderCreated,
    OrderListed,
    OrderOutOfTurn,
    OrderRow,
    OrdersWanted,
    OrderToMake,
    OrderUpdated,
    SetSiteStatuses,
    SiteElsewhere,
    SiteStatusSet,
    SiteSupplied,
    TakenRead,
    UpdateOrders,
    WorkOrder,
)
from currant.fieldwork.records import charges_of, columns_of, listed, note_of, record_of
from currant.fieldwork.taken import posted, reads_on_orders
from currant.locations.days import day_begins, day_of
from currant.locations.verbs import buildings_of, hold_sites, refuse_none, sites_of
from currant.metering.verbs import registers_at

sql = Statements(__package__)
_CREATE_ORDERS = sql.rows("create_orders", OrderRow)
_HOLD_ORDERS = sql.rows("hold_orders", HeldOrder)
_OPEN_ORDERS = sql.rows("open_orders", int)
_UPDATE_ORDERS = sql.rows("update_orders", ChangedOrder)
_SET_ENERGISED = sql.rows("set_energised", int)
_KEEP_ORDER_READS = sql.command("keep_order_reads")
_AGREED_AFTER = sql.rows("agreed_after", int)
_ORDERS = sql.rows("orders", OrderListed)

# What an order that is complete makes of the site and of its meters.
_LEADS_TO = {"CONNECT": ("ENERGISED", "CONNECTED"), "DISCONNECT": ("DE_ENERGISED", "DISCONNECTED")}
_ENDED = ("COMPLETE", "CANCELLED")
_WITH_READS = ("SPECIAL_READ", "FINAL_READ")


@needs(Permission.FIELDWORK)
async def create_orders(tx: Tx, command: CreateOrders) -> list[OrderCreated]:
    """Create work orders, all of them or none, in the order given.

    Raises `Invalid`, `NoSuchLocation`, `NoSuchAccount`, `NoSuchMeter`, and `Forbidden` for a
    blocked account.
    """
    told = command.work_orders
    refuse_none(told, "work_orders")
    sites = await sites_of(
        tx, [order.site_identifier for order in told], "work_orders[{}].site_identifier"
    )
    accounts = await accounts_by_number(
        tx, [order.account_number for order in told], "work_orders[{}].account_number"
    )
    places = [sites[order.site_identifier].location_id for order in told]
    hanging = await registers_at(tx, sorted(set(places)), [tx.now] * len(set(places)))
    meters = {(register.location_id, register.serial_number): register for register in hanging}
    records = [
        record_of(order, f"work_orders[{n}]", place, accounts, meters)
        for n, (order, place) in enumerate(zip(told, places, strict=True))
    ]
    return [OrderCreated(row.work_order_id, row.status) for row in await _create(tx, records)]


@needs(Permission.FIELDWORK)
async def update_orders(tx: Tx, command: UpdateOrders) -> list[OrderUpdated]:
    """Change work orders, all of them or none, in the order given (U37, conformance.md 11.2).

    CONNECT and DISCONNECT, when they are complete, have the site and its meters stand so; the reads
    of a SPECIAL_READ are actual, those of a FINAL_READ closing ones. Raises `Invalid`,
    `NoSuchOrder`, `OrderOutOfTurn`, `NoSuchRegister`, `LifeSupportSupplied`,
    `SiteStatusOutOfTurn`, and `Forbidden` for a blocked account.
    """
    told = command.work_orders
    refuse_none(told, "work_orders")
    ids = [change.work_order_id for change in told]
    held = await _hold(tx, ids)
    await hold_sites(tx, [order.location_id for order in held.values()])
    records, complete = [], []
    for n, change in enumerate(told):
        order, field = held[change.work_order_id], f"work_orders[{n}]"
        columns = columns_of(change, day_of(tx.now, order.zone), field)
        if order.status in _ENDED and columns.get("status", order.status) != order.status:
            stands = f"Work order {order.work_order_id} is {order.status}."
            raise OrderOutOfTurn(stands, field=f"{field}.status")
        records.append(
            {"work_order_id": order.work_order_id, "change": columns, "note": note_of(change)}
        )
        if columns.get("status") == "COMPLETE" and order.status != "COMPLETE":
            if order.type in _WITH_READS and not change.reads:
                raise Invalid(f"{field}.reads is missing.", field=f"{field}.reads")
            complete.append((order, columns["completed_date"]))
    rows = await tx.all(
        _UPDATE_ORDERS,
        portal_id=tx.portal.portal_id,
        login=tx.user.login,
        now=tx.now,
        told=wire.encode(records).decode(),
    )
    statuses = {row.work_order_id: row.status for row in rows}
    created = await _take_order_reads(tx, told, held)
    await _settle(tx, complete)
    charges = await _charge(tx, complete)
    sites = await hold_sites(tx, [order.location_id for order in held.values()])
    answers = []
    for change in told:
        order = held[change.work_order_id]
        answers.append(
            OrderUpdated(
                order.work_order_id,
                statuses[order.work_order_id],
                sites[order.location_id].site_status,
                created.get(order.work_order_id, []),
                charges.get(order.work_order_id),
            )
        )
    return answers


@needs(Permission.FIELDWORK)
async def list_orders(tx: Tx, question: OrdersWanted) -> AsyncIterator[WorkOrder]:
    """List work orders with their reads and histories, in the order of their ids (U26).

    A few thousand at a time; those of accounts that are blocked for the caller are left out. Raises
    `Invalid`, `NoSuchAccount`, `NoSuchLocation`, `NoSuchBuilding`.
    """
    async for row in tx.each(_ORDERS, **await _asked(tx, question)):
        yield listed(row)


@needs(Permission.FIELDWORK)
async def count_orders(tx: Tx, question: OrdersWanted) -> int:
    """Say how many work orders `list_orders` lists, whatever the page."""
    whole = msgspec.structs.replace(question, how_many=None, beyond=0)
    return await tx.count(_ORDERS, **await _asked(tx, whole))


async def _asked(tx: Tx, question: OrdersWanted) -> dict[str, Any]:
    """Return what work orders are asked for with."""
    start, end = question.start_date, question.end_date
    if start is not None and end is not None and start > end:
        raise Invalid("The start_date is after the end_date.", field="start_date")
    accounts = await accounts_by_number(tx, [question.account_number], "account_number")
    sites = await sites_of(tx, [question.site_identifier], "site_identifier")
    buildings = await buildings_of(tx, [question.building_code], "building_code")
    return {
        "portal_id": tx.portal.portal_id,
        "timezone": tx.portal.timezone,
        "work_order_id": question.work_order_id,
        "account_id": next((account.account_id for account in accounts.values()), None),
        "location_id": next((site.location_id for site in sites.values()), None),
        "building_id": next((building.building_id for building in buildings.values()), None),
        "status": question.status,
        "start_date": start,
        "end_date": end,
        "blocked": list(tx.user.blocked),
        "after": question.after,
        "how_many": question.how_many,
        "beyond": question.beyond,
    }


@needs(Permission.FIELDWORK)
async def set_site_statuses(tx: Tx, command: SetSiteStatuses) -> list[SiteStatusSet]:
    """Set how sites of buildings stand, all of them or none, in the order given (U34).

    Each change leaves an activity. Raises `NoSuchBuilding`, `NoSuchLocation`, `SiteElsewhere`,
    `SiteStatusOutOfTurn`, `LifeSupportSupplied`, `SiteSupplied`.
    """
    told = command.sites
    refuse_none(told, "sites")
    buildings = await buildings_of(
        tx, [site.building_code for site in told], "sites[{}].building_code"
    )
    sites = await sites_of(tx, [site.site_identifier for site in told], "sites[{}].site_identifier")
    held = await hold_sites(tx, [site.location_id for site in sites.values()])
    answers, days = [], []
    for n, wanted in enumerate(told):
        site = sites[wanted.site_identifier]
        if site.building_id != buildings[wanted.building_code].building_id:
            raise SiteElsewhere(f"{site.name} is not.", field=f"sites[{n}].building_code")
        days.append(wanted.effective_date or day_of(tx.now, site.zone))
        before = held[site.location_id].site_status
        answers.append(SiteStatusSet(site.name, wanted.site_status, before, days[-1]))
    places = [sites[site.site_identifier].location_id for site in told]
    if len(set(places)) < len(places):
        raise Invalid("A site is told twice.", field="sites")
    ended = [
        (place, day_begins(day, sites[site.site_identifier].zone))
        for site, place, day in zip(told, places, days, strict=True)
        if site.site_status == "EXTINCT"
    ]
    supplied = await tx.all(
        _AGREED_AFTER,
        portal_id=tx.portal.portal_id,
        location_ids=[place for place, _ in ended],
        ats=[at for _, at in ended],
    )
    if supplied:
        n = places.index(supplied[0])
        raise SiteSupplied(f"It is {answers[n].site_identifier}.", field=f"sites[{n}].site_status")
    await tx.one(
        _SET_ENERGISED,
        portal_id=tx.portal.portal_id,
        location_ids=places,
        statuses=[site.site_status for site in told],
        days=days,
        meter_ids=[],
        states=[],
        now=tx.now,
    )
    await leave_activities(
        tx,
        [
            NewActivity(
                "SITE",
                f"{row.previous_status} → {row.site_status} from {row.effective_date}",
                location_id=place,
                notes=site.reason,
            )
            for site, place, row in zip(told, places, answers, strict=True)
            if row.previous_status != row.site_status
        ],
    )
    return answers


async def make_orders(tx: Tx, orders: Sequence[OrderToMake]) -> list[int]:
    """Create work orders that the product itself asks for; return their ids in the order given."""
    rest = {"assigned_to": "", "provider": "", "priority": "NORMAL", "instructions": ""}
    records = [msgspec.structs.asdict(order) | rest for order in orders]
    return [row.work_order_id for row in await _create(tx, records)]


async def cancel_orders(tx: Tx, kind: str, location_ids: Sequence[int], why: str) -> list[int]:
    """Cancel the open work orders of a type at sites; return their ids."""
    found = await tx.all(
        _OPEN_ORDERS, portal_id=tx.portal.portal_id, type=kind, location_ids=location_ids
    )
    records = [
        {"work_order_id": order, "change": {"status": "CANCELLED"}, "note": why} for order in found
    ]
    rows = await tx.all(
        _UPDATE_ORDERS,
        portal_id=tx.portal.portal_id,
        login=tx.user.login,
        now=tx.now,
        told=wire.encode(records).decode(),
    )
    return [row.work_order_id for row in rows]


async def take_reads(tx: Tx, reads: Sequence[TakenRead]) -> list[PostedRead]:
    """Record reads that somebody took, and answer what became of each, in their order.

    Raises `Invalid` with the faults of the reads.
    """
    if not reads:
        return []
    return await post_reads(tx, PostReads(list(map(posted, reads))))


async def _create(tx: Tx, records: Sequence[Mapping[str, Any]]) -> list[OrderRow]:
    if not records:
        return []
    return await tx.all(
        _CREATE_ORDERS,
        portal_id=tx.portal.portal_id,
        login=tx.user.login,
        now=tx.now,
        told=wire.encode(records).decode(),
    )


async def _hold(tx: Tx, ids: Sequence[int]) -> dict[int, HeldOrder]:
    """Lock work orders by their ids, each named once. Raises `Invalid`, `NoSuchOrder`."""
    rows = await tx.all(
        _HOLD_ORDERS,
        portal_id=tx.portal.portal_id,
        timezone=tx.portal.timezone,
        now=tx.now,
        work_order_ids=ids,
    )
    held = {row.work_order_id: row for row in rows}
    for n, order in enumerate(ids):
        field = f"work_orders[{n}].work_order_id"
        if order not in held:
            raise NoSuchOrder(f"{field} is {order}.", field=field)
        if ids.count(order) > 1:
            raise Invalid(f"{field} is told twice.", field=field)
        tx.user.refuse_blocked(held[order].account)
    return held


async def _take_order_reads(
    tx: Tx, changes: Sequence[OrderChange], held: Mapping[int, HeldOrder]
) -> dict[int, list[int]]:
    """Record the reads that were taken on work orders; return their ids by order."""
    reading = [(n, change) for n, change in enumerate(changes) if change.reads]
    if not reading:
        return {}
    places = sorted({held[change.work_order_id].location_id for _, change in reading})
    registers = await registers_at(tx, places, [tx.now] * len(places))
    taken = reads_on_orders(reading, held, registers, tx.now)
    await tx.run(
        _KEEP_ORDER_READS,
        portal_id=tx.portal.portal_id,
        work_order_ids=[read.work_order_id for read in taken],
        register_ids=[read.register_id for read in taken],
        read_dates=[read.taken.read_date for read in taken],
        read_types=[read.taken.read_type for read in taken],
        values=[read.taken.value for read in taken],
    )
    posted = await take_reads(tx, [read.taken for read in taken])
    created: dict[int, list[int]] = {}
    for read, row in zip(taken, posted, strict=True):
        created.setdefault(read.work_order_id, []).append(row.read_id)
    return created


async def _charge(tx: Tx, complete: Sequence[tuple[HeldOrder, date]]) -> dict[int, int]:
    """Charge what orders that are complete cost; return the charges by order."""
    costly = charges_of(complete)
    if not costly:
        return {}
    added = await add_charges(tx, AddCharges([charge for _, charge in costly]))
    return {order: row.charge_id for (order, _), row in zip(costly, added, strict=True)}


async def _settle(tx: Tx, complete: Sequence[tuple[HeldOrder, date]]) -> None:
    """Have the sites and meters of orders that are complete stand as these leave them."""
    done = [
        (order, day, *_LEADS_TO[order.type]) for order, day in complete if order.type in _LEADS_TO
    ]
    if not done:
        return
    meters = {meter: state for order, _, _, state in done for meter in order.meter_ids}
    await tx.one(
        _SET_ENERGISED,
        portal_id=tx.portal.portal_id,
        location_ids=[order.location_id for order, _, _, _ in done],
        statuses=[status for _, _, status, _ in done],
        days=[day for _, day, _, _ in done],
        meter_ids=list(meters),
        states=list(meters.values()),
        now=tx.now,
    )
