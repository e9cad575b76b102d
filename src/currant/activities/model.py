"""The shapes of activities: commands, rows, and what is refused."""

from datetime import date, datetime
from typing import Literal

import msgspec

from currant.errors import Conflict, Invalid, NotFound

UNSET = msgspec.UNSET
Unset = msgspec.UnsetType
ActivityClass = Literal["ACTIVITY", "SYSTEM", "NOTE"]
ActivityStatus = Literal["OPEN", "IN_PROGRESS", "CLOSED", "CANCELLED"]
Priority = Literal["LOW", "NORMAL", "HIGH", "URGENT"]


class ActivityTold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An activity to create, or with an `activity_id` one to change (U27).

    A new one names an account, a site or a building, a type and a subject; what is left out of a
    change stays as it is. `notes` are added to those that there are.
    """

    activity_id: int | Unset = UNSET
    account_number: str | None = None
    site_identifier: str | None = None
    building_code: str | None = None
    activity_type_code: str | Unset = UNSET
    activity_class: ActivityClass | Unset = UNSET
    subject: str | Unset = UNSET
    notes: str = ""
    priority: Priority | Unset = UNSET
    due_date: date | Unset | None = UNSET
    assigned_to: str | Unset = UNSET
    status: ActivityStatus | Unset = UNSET
    channel: str | Unset = UNSET


class SaveActivities(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Activities to create or change, all of them or none."""

    activities: list[ActivityTold]


class ActivitySaved(msgspec.Struct, frozen=True):
    """An activity that was created or changed."""

    activity_id: int
    status: str
    result: Literal["CREATED", "UPDATED"]


class SavedRow(msgspec.Struct, frozen=True):
    """An activity that was stored, by its place in the list from 1."""

    n: int
    activity_id: int
    status: str


class KnownRow(msgspec.Struct, frozen=True):
    """An activity that is there, with the account that it is about or a blank."""

    activity_id: int
    status: str
    account: str


class NewActivity(msgspec.Struct, frozen=True):
    """An activity that the product leaves of what it did, by the ids of what it is about."""

    type_code: str
    subject: str
    account_id: int | None = None
    location_id: int | None = None
    building_id: int | None = None
    activity_class: ActivityClass = "SYSTEM"
    notes: str = ""
    due_date: date | None = None


class ActivitiesWanted(msgspec.Struct, frozen=True):
    """Which activities: about what, in which status, below which id, how many at most."""

    before: int
    how_many: int
    account_number: str | None = None
    site_identifier: str | None = None
    building_code: str | None = None
    status: str | None = None


class ActivityRow(msgspec.Struct, frozen=True):
    """A stored activity; its notes as JSON."""

    activity_id: int
    account_number: str
    site_identifier: str
    building_code: str
    activity_type_code: str
    activity_class: str
    subject: str
    priority: str
    due_date: date | None
    assigned_to: str
    channel: str
    status: str
    created_at: datetime
    created_by: str
    last_mod: datetime
    notes: str


class ActivityNote(msgspec.Struct, frozen=True):
    """What somebody wrote about an activity."""

    text: str
    written_at: datetime
    written_by: str


class Activity(msgspec.Struct, frozen=True):
    """What was done, or is to be done, about an account, a site or a building."""

    activity_id: int
    account_number: str
    site_identifier: str
    building_code: str
    activity_type_code: str
    activity_class: str
    subject: str
    priority: str
    due_date: date | None
    assigned_to: str
    channel: str
    status: str
    created_at: datetime
    created_by: str
    last_mod: datetime
    notes: list[ActivityNote]


class NoSuchActivity(NotFound):
    """There is no such activity in this portal."""


class ActivityUntyped(Invalid, constraint="activity_typed"):
    """An activity's type is a code of 1 to 30 capitals and digits. Nothing was stored."""


class ActivityClassUnknown(Invalid, constraint="activity_class_known"):
    """An activity's class is ACTIVITY, SYSTEM or NOTE. Nothing was stored."""


class ActivityUnnamed(Invalid, constraint="activity_named"):
    """An activity has a subject. Nothing was stored."""


class ActivityPriorityUnknown(Invalid, constraint="activity_priority_known"):
    """A priority is LOW, NORMAL, HIGH or URGENT. Nothing was stored."""


class ActivityStatusUnknown(Invalid, constraint="activity_status_known"):
    """An activity is OPEN, IN_PROGRESS, CLOSED or CANCELLED. Nothing was stored."""


class ActivityAboutNothing(Invalid, constraint="activity_about_something"):
    """An activity is about an account, a site or a building. Nothing was stored."""


class ActivityNotedClosed(Conflict, constraint="activity_noted_closed"):
    """What the product did, or somebody noted, is CLOSED from the start. Nothing was stored."""


class ActivityClosed(Conflict, constraint="activity_closed_stays"):
    """The activity is closed and stays so. Nothing was stored; notes can still be added."""
