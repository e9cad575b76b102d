"""Acts on activities, and the questions asked about them."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from currant import wire
from currant.access.permissions import Permission, needs
from currant.activities.model import (
    UNSET,
    ActivitiesWanted,
    Activity,
    ActivityNote,
    ActivityRow,
    ActivitySaved,
    ActivityTold,
    KnownRow,
    NewActivity,
    NoSuchActivity,
    SaveActivities,
    SavedRow,
)
from currant.customers.verbs import accounts_by_number
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Invalid
from currant.locations.verbs import buildings_of, refuse_none, sites_of

sql = Statements(__package__)
_CREATE_ACTIVITIES = sql.rows("create_activities", SavedRow)
_ACTIVITIES_KNOWN = sql.rows("activities_known", KnownRow)
_UPDATE_ACTIVITIES = sql.rows("update_activities", SavedRow)
_ACTIVITIES = sql.rows("activities", ActivityRow)

_COLUMNS = {
    "activity_type_code": "type_code",
    "subject": "subject",
    "priority": "priority",
    "due_date": "due_date",
    "assigned_to": "assigned_to",
    "channel": "channel",
    "status": "status",
}
_BLANK = {"priority": "NORMAL", "due_date": None, "assigned_to": "", "channel": ""}


@needs(Permission.LOCATION_VIEW)
async def save_activities(tx: Tx, command: SaveActivities) -> list[ActivitySaved]:
    """Create activities, or change those that name an id; all or none, in the order given (U27).

    One of class NOTE or SYSTEM is CLOSED from the start; one that is closed is never open again,
    but takes notes. Raises `Invalid`, `NoSuchActivity`, `NoSuchAccount`, `NoSuchLocation`,
    `NoSuchBuilding`, `ActivityClosed`, and `Forbidden` for a blocked account.
    """
    told = command.activities
    refuse_none(told, "activities")
    new = [n for n, activity in enumerate(told) if activity.activity_id is UNSET]
    old = [n for n, activity in enumerate(told) if activity.activity_id is not UNSET]
    created = await _create(tx, {n: told[n] for n in new})
    changed = await _change(tx, {n: told[n] for n in old})
    return [(created | changed)[n] for n in range(len(told))]


@needs(Permission.CUSTOMER_VIEW)
async def list_activities(tx: Tx, question: ActivitiesWanted) -> list[Activity]:
    """List activities with their notes, the newest first.

    Those of accounts that are blocked for the caller are left out. Raises `NoSuchAccount`,
    `NoSuchLocation`, `NoSuchBuilding`.
    """
    accounts = await accounts_by_number(tx, [question.account_number], "account_number")
    sites = await sites_of(tx, [question.site_identifier], "site_identifier")
    buildings = await buildings_of(tx, [question.building_code], "building_code")
    rows = await tx.all(
        _ACTIVITIES,
        portal_id=tx.portal.portal_id,
        account_id=next((account.account_id for account in accounts.values()), None),
        location_id=next((site.location_id for site in sites.values()), None),
        building_id=next((building.building_id for building in buildings.values()), None),
        status=question.status,
        before=question.before,
        how_many=question.how_many,
        blocked=list(tx.user.blocked),
    )
    return [
        Activity(
            **msgspec.structs.asdict(row)
            | {"notes": wire.decode(row.notes.encode(), list[ActivityNote])}
        )
        for row in rows
    ]


async def leave_activities(tx: Tx, activities: Sequence[NewActivity]) -> list[int]:
    """Leave activities of what the product did; return their ids in the order given."""
    records = [
        _BLANK
        | msgspec.structs.asdict(activity)
        | {
            "class": activity.activity_class,
            "status": "OPEN" if activity.activity_class == "ACTIVITY" else "CLOSED",
        }
        for activity in activities
    ]
    return [row.activity_id for row in await _store(tx, records)]


async def _create(tx: Tx, told: Mapping[int, ActivityTold]) -> dict[int, ActivitySaved]:
    """Create activities; return them by their place in the list."""
    if not told:
        return {}
    places = range(max(told) + 1)
    names = ("account_number", "site_identifier", "building_code")
    named = {name: [getattr(told.get(n), name, None) for n in places] for name in names}
    accounts = await accounts_by_number(
        tx, named["account_number"], "activities[{}].account_number"
    )
    sites = await sites_of(tx, named["site_identifier"], "activities[{}].site_identifier")
    buildings = await buildings_of(tx, named["building_code"], "activities[{}].building_code")
    records = []
    for n, activity in told.items():
        _refuse_untold(activity, f"activities[{n}].")
        account, site, building = (getattr(activity, name) for name in names)
        kind = "ACTIVITY" if activity.activity_class is UNSET else activity.activity_class
        opened = "OPEN" if kind == "ACTIVITY" else "CLOSED"
        records.append(
            _BLANK
            | {"status": opened}
            | _columns(activity)
            | {
                "class": kind,
                "notes": activity.notes,
                "account_id": accounts[account].account_id if account is not None else None,
                "location_id": sites[site].location_id if site is not None else None,
                "building_id": buildings[building].building_id if building is not None else None,
            }
        )
    rows = await _store(tx, records)
    return {
        n: ActivitySaved(row.activity_id, row.status, "CREATED")
        for n, row in zip(told, rows, strict=True)
    }


async def _change(tx: Tx, told: Mapping[int, ActivityTold]) -> dict[int, ActivitySaved]:
    """Change activities; return them by their place in the list."""
    if not told:
        return {}
    portal_id = tx.portal.portal_id
    ids = [activity.activity_id for activity in told.values()]
    rows = await tx.all(_ACTIVITIES_KNOWN, portal_id=portal_id, activity_ids=ids)
    known = {row.activity_id: row for row in rows}
    for n, activity in told.items():
        where = f"activities[{n}]."
        if activity.activity_id not in known:
            raise NoSuchActivity(f"It is {activity.activity_id}.", field=f"{where}activity_id")
        if ids.count(activity.activity_id) > 1:
            raise Invalid(f"{where}activity_id is told twice.", field=f"{where}activity_id")
        for name in ("account_number", "site_identifier", "building_code"):
            if getattr(activity, name) is not None:
                raise Invalid(f"{where}{name} is not changed.", field=f"{where}{name}")
        if activity.activity_class is not UNSET:
            field = f"{where}activity_class"
            raise Invalid(f"{field} is not changed.", field=field)
        tx.user.refuse_blocked(known[activity.activity_id].account)
    records = [
        {"activity_id": a.activity_id, "notes": a.notes, "change": _columns(a)}
        for a in told.values()
    ]
    changed = await tx.all(
        _UPDATE_ACTIVITIES,
        portal_id=portal_id,
        login=tx.user.login,
        now=tx.now,
        told=wire.encode(records).decode(),
    )
    return {
        n: ActivitySaved(row.activity_id, row.status, "UPDATED")
        for n, row in zip(told, changed, strict=True)
    }


async def _store(tx: Tx, records: list[dict[str, Any]]) -> list[SavedRow]:
    if not records:
        return []
    return await tx.all(
        _CREATE_ACTIVITIES,
        portal_id=tx.portal.portal_id,
        login=tx.user.login,
        now=tx.now,
        told=wire.encode(records).decode(),
    )


def _columns(activity: ActivityTold) -> dict[str, Any]:
    """Return the columns that what is told of an activity fills."""
    told = {column: getattr(activity, member) for member, column in _COLUMNS.items()}
    return {column: value for column, value in told.items() if value is not UNSET}


def _refuse_untold(activity: ActivityTold, where: str) -> None:
    for name in ("activity_type_code", "subject"):
        if getattr(activity, name) is UNSET:
            raise Invalid(f"{where}{name} is missing.", field=f"{where}{name}")
    if not (activity.account_number or activity.site_identifier or activity.building_code):
        told = f"{where}account_number, site_identifier or building_code is missing."
        raise Invalid(told, field=f"{where}account_number")
