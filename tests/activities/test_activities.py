"""Activities: notes are added to, and what is closed stays closed."""

from datetime import date

import asyncpg
import pytest
from tests.buildings import tower
from tests.conftest import make_user
from tests.customers.test_customers import KNOWN, saved

from currant.activities.model import (
    ActivitiesWanted,
    ActivityClosed,
    ActivityNotedClosed,
    ActivityTold,
    NoSuchActivity,
    SaveActivities,
)
from currant.activities.verbs import list_activities, save_activities
from currant.customers.model import NoSuchAccount
from currant.errors import Forbidden, Invalid


async def kept(door, boss, *activities: ActivityTold):
    return await door.act(save_activities, SaveActivities(list(activities)), boss)


async def listed(door, boss, **wanted):
    return await door.ask(list_activities, ActivitiesWanted(10**9, 50, **wanted), boss)


def call(account: str, **more) -> ActivityTold:
    told = {"activity_type_code": "CALL", "subject": "Asks for a plan"} | more
    return ActivityTold(account_number=account, **told)


async def test_notes_are_added_and_the_rest_is_changed(door, boss) -> None:
    (account,) = await saved(door, boss, KNOWN)
    (one,) = await kept(door, boss, call(account, notes="First.", due_date=date(2026, 3, 9)))
    assert (one.status, one.result) == ("OPEN", "CREATED")
    told = ActivityTold(activity_id=one.activity_id, notes="Second.", status="IN_PROGRESS")
    (again,) = await kept(door, boss, told)
    assert (again.status, again.result) == ("IN_PROGRESS", "UPDATED")
    await kept(door, boss, ActivityTold(activity_id=one.activity_id, due_date=None))
    (shown,) = await listed(door, boss, account_number=account)
    assert [(note.text, note.written_by) for note in shown.notes] == [
        ("First.", "boss"), ("Second.", "boss"),
    ]  # fmt: skip
    assert (shown.subject, shown.due_date, shown.priority) == ("Asks for a plan", None, "NORMAL")


async def test_who_only_sells_notes_nothing(door, boss, cashier) -> None:
    (account,) = await saved(door, boss, KNOWN)
    with pytest.raises(Forbidden):
        await kept(door, cashier, call(account, activity_class="SYSTEM"))
    clerk = await make_user(door, "example", "clerk", "CSR")
    assert len(await kept(door, clerk, call(account))) == 1


async def test_what_is_closed_takes_notes_only(door, boss) -> None:
    (account,) = await saved(door, boss, KNOWN)
    (one,) = await kept(door, boss, call(account))
    await kept(door, boss, ActivityTold(activity_id=one.activity_id, status="CLOSED"))
    for status in ("OPEN", "IN_PROGRESS", "CANCELLED"):
        with pytest.raises(ActivityClosed):
            await kept(door, boss, ActivityTold(activity_id=one.activity_id, status=status))
    (noted,) = await kept(door, boss, ActivityTold(activity_id=one.activity_id, notes="Later."))
    assert noted.status == "CLOSED"


async def test_notes_and_what_the_product_did_are_closed_at_once(door, boss) -> None:
    (account,) = await saved(door, boss, KNOWN)
    done = await kept(
        door, boss, call(account, activity_class="NOTE"), call(account, activity_class="SYSTEM")
    )
    assert [one.status for one in done] == ["CLOSED", "CLOSED"]
    with pytest.raises(ActivityNotedClosed):
        await kept(door, boss, call(account, activity_class="NOTE", status="OPEN"))


async def test_activities_are_of_accounts_sites_and_buildings(door, boss) -> None:
    home = await tower(door, boss, units=2)
    (account,) = await saved(door, boss, KNOWN)
    about = {"activity_type_code": "VISIT", "subject": "Look at it"}
    await kept(
        door, boss,
        call(account),
        ActivityTold(site_identifier=home.sites[0], **about),
        ActivityTold(building_code="twr01", **about),
    )  # fmt: skip
    assert len(await listed(door, boss)) == 3
    assert len(await listed(door, boss, building_code="TWR01")) == 2
    (site,) = await listed(door, boss, site_identifier=home.sites[0])
    assert (site.building_code, site.account_number) == ("TWR01", "")
    assert await listed(door, boss, status="CLOSED") == []


async def test_a_list_with_one_bad_activity_is_refused_whole(door, boss, owner) -> None:
    (account,) = await saved(door, boss, KNOWN)
    (one,) = await kept(door, boss, call(account))
    for bad, refusal in (
        (call("77777"), NoSuchAccount),
        (ActivityTold(account_number=account, subject="No type"), Invalid),
        (ActivityTold(activity_type_code="CALL", subject="About nothing"), Invalid),
        (call(account, activity_type_code="not a code"), Invalid),
        (ActivityTold(activity_id=10**6, notes="x"), NoSuchActivity),
        (ActivityTold(activity_id=one.activity_id, account_number=account), Invalid),
    ):
        with pytest.raises(refusal):
            await kept(door, boss, call(account), bad)
    assert await owner.fetchval("select count(*) from activities.activity") == 1


async def test_blocked_accounts_are_left_out_and_left_alone(door, boss, owner) -> None:
    one, two = await saved(door, boss, KNOWN, KNOWN.__class__(
        **{name: getattr(KNOWN, name) for name in KNOWN.__struct_fields__}
        | {"sales_cust_number": "2"}
    ))  # fmt: skip
    (first, _) = await kept(door, boss, call(one), call(two))
    await owner.execute(
        "update access.system_user set blocked_accounts = $1 where login = 'boss'", one
    )
    assert [row.account_number for row in await listed(door, boss)] == [two]
    with pytest.raises(Forbidden):
        await kept(door, boss, ActivityTold(activity_id=first.activity_id, notes="x"))


async def test_nobody_edits_a_note(door, boss, owner) -> None:
    (account,) = await saved(door, boss, KNOWN)
    await kept(door, boss, call(account, notes="As it was."))
    with pytest.raises(asyncpg.RestrictViolationError):
        await owner.execute("update activities.note set text = 'As it is told now.'")
