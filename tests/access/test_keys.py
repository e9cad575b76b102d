"""Access keys: who gives them, what they let in to, and that nobody reads them."""

import asyncpg
import pytest
from tests.conftest import make_user

from currant.access.model import OPERATOR, Actor, CreateKey, CreatePortal, RevokeKey, UserNamed
from currant.access.verbs import (
    Nothing,
    access_keys,
    create_key,
    create_portal,
    deactivate_user,
    hash_token,
    new_token,
    revoke_key,
    show_portal,
    users,
    who_am_i,
)
from currant.door import Door
from currant.errors import Forbidden, Invalid, NotFound, Refusal, Unauthenticated
from currant.locations.model import KeysWanted
from currant.locations.verbs import location_keys


async def new_key(door: Door, boss: Actor, **more: object) -> Actor:
    """A key that acts as the boss, and the actor that it proves."""
    _, hashed = new_token()
    facts = {"name": "billing", "login": boss.login, "secret_hash": hashed} | more
    await door.act(create_key, CreateKey(**facts), boss)
    return Actor("", "KEY", hashed)


async def refusal(door: Door, view, actor: Actor, question: object = Nothing()) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await door.ask(view, question, actor)
    return caught.value


async def test_a_key_acts_as_its_user_in_its_portal(door: Door, boss: Actor) -> None:
    key = (await new_key(door, boss)).calling("GETCUST")
    assert (await door.ask(who_am_i, Nothing(), key)).login == "boss"
    for portal in (None, "example"):
        assert (await door.ask(show_portal, Nothing(), key.at(portal))).key == "example"


async def test_a_key_is_of_one_portal(door: Door, boss: Actor) -> None:
    made = CreatePortal("other", "Other", "UTC", "USD", "OTH")
    await door.act(create_portal, made, OPERATOR)
    key = (await new_key(door, boss)).calling("GETCUST")
    for portal in ("other", "nowhere"):
        told = await refusal(door, show_portal, key.at(portal))
        assert isinstance(told, Forbidden)
        assert told.field == "portal"


async def test_a_key_opens_nothing_but_methods(door: Door, boss: Actor) -> None:
    key = await new_key(door, boss)
    assert isinstance(await refusal(door, users, key.at("example")), Unauthenticated)
    assert await door.ask(users, Nothing(), key.calling("GETCUST"))


@pytest.mark.parametrize("proof", ["", "x", hash_token("made up")])
async def test_what_is_no_key_is_refused(door: Door, boss: Actor, proof: str) -> None:
    await new_key(door, boss)
    told = await refusal(door, users, Actor("", "KEY", proof).calling("GETCUST"))
    assert isinstance(told, Unauthenticated)


async def test_a_key_calls_what_it_is_certified_for(door: Door, boss: Actor) -> None:
    key = await new_key(door, boss, methods=["getcust", "POSTREAD"])
    for method in ("GETCUST", "POSTREAD"):
        assert await door.ask(users, Nothing(), key.calling(method))
    told = await refusal(door, users, key.calling("GETSITE"))
    assert isinstance(told, Forbidden)
    assert told.message == "This access key is not certified for GETSITE."


async def test_a_key_that_only_reads_changes_nothing(door: Door, boss: Actor) -> None:
    key = await new_key(door, boss, read_only=True)
    assert await door.ask(users, Nothing(), key.calling("GETCUST"))
    for method in ("POSTCUST", "UPDATEWORKORDER"):
        assert "may only read" in (await refusal(door, users, key.calling(method))).message


async def test_a_key_lacks_what_its_user_lacks(door: Door, boss: Actor, cashier: Actor) -> None:
    _, hashed = new_token()
    await door.act(create_key, CreateKey("shop", "cashier1", hashed), boss)
    key = Actor("", "KEY", hashed, None, "GETSITELIST")
    told = await refusal(door, location_keys, key, KeysWanted())
    assert told.message == "This access key lacks import.view."


async def test_a_user_calls_methods_with_the_permission(
    door: Door, boss: Actor, cashier: Actor
) -> None:
    assert await door.ask(show_portal, Nothing(), boss.at(None).calling("GETCUST"))
    told = await refusal(door, show_portal, cashier.calling("GETCUST"))
    assert told.message == "cashier1 lacks utilmate.api."
    assert await door.ask(show_portal, Nothing(), cashier)


async def test_a_revoked_key_is_dead_at_once_and_stays_listed(door: Door, boss: Actor) -> None:
    key = (await new_key(door, boss)).calling("GETCUST")
    (listed,) = await door.ask(access_keys, Nothing(), boss)
    assert (listed.name, listed.login, listed.created_by) == ("billing", "boss", "boss")
    assert (listed.methods, listed.read_only, listed.revoked_at) == (None, False, None)
    gone = await door.act(revoke_key, RevokeKey(listed.key_id), boss)
    assert gone.revoked_at == door.clock.now()
    assert isinstance(await refusal(door, users, key), Unauthenticated)
    assert await door.ask(access_keys, Nothing(), boss) == [gone]
    await new_key(door, boss)  # The name is free again.


async def test_a_key_of_a_user_who_is_kept_out_is_dead(door: Door, boss: Actor) -> None:
    await make_user(door, "example", "robot", "Engineer")
    key = (await new_key(door, boss, login="robot")).calling("GETSITE")
    assert await door.ask(who_am_i, Nothing(), key)
    await door.act(deactivate_user, UserNamed("robot"), boss)
    assert isinstance(await refusal(door, who_am_i, key), Unauthenticated)


@pytest.mark.parametrize(
    ("more", "field", "told"),
    [
        ({"methods": ["GETCUSTS"]}, "methods", "GETCUST"),
        ({"methods": []}, "methods", "one method or more"),
        ({"name": " "}, None, "1 to 60"),
        ({"name": "x" * 61}, None, "1 to 60"),
        ({"login": "nobody"}, "user", "nobody"),
    ],
)
async def test_a_key_that_means_nothing_is_not_made(
    door: Door, boss: Actor, more: dict[str, object], field: str | None, told: str
) -> None:
    with pytest.raises((Invalid, NotFound)) as caught:
        await new_key(door, boss, **more)
    assert (caught.value.field, told in caught.value.message) == (field, True)
    assert await door.ask(access_keys, Nothing(), boss) == []


async def test_a_name_is_of_one_key(door: Door, boss: Actor) -> None:
    await new_key(door, boss)
    with pytest.raises(Refusal, match="of this name"):
        await new_key(door, boss, name="Billing")


async def test_nobody_gives_or_takes_the_key_of_who_reaches_further(
    door: Door, boss: Actor
) -> None:
    manager = await make_user(door, "example", "manager", "ComMGR")
    await new_key(door, boss)
    (key,) = await door.ask(access_keys, Nothing(), manager)
    _, hashed = new_token()
    with pytest.raises(Forbidden, match="more than they hold"):
        await door.act(create_key, CreateKey("mine", "boss", hashed), manager)
    with pytest.raises(Forbidden, match="more than they hold"):
        await door.act(revoke_key, RevokeKey(key.key_id), manager)
    with pytest.raises(NotFound):
        await door.act(revoke_key, RevokeKey(key.key_id + 1), boss)
    assert await door.ask(access_keys, Nothing(), boss) == [key]


async def test_who_serves_reads_no_key(urls, door: Door, boss: Actor) -> None:
    await new_key(door, boss)
    runtime = await asyncpg.connect(urls.runtime)
    for statement in (
        "select secret from access.access_key",
        "update access.access_key set read_only = false",
        "delete from access.access_key",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await runtime.execute(statement)
    await runtime.close()


async def test_what_a_key_was_refused_is_audited(door: Door, boss: Actor, owner) -> None:
    key = (await new_key(door, boss, methods=["GETCUST"])).calling("POSTREAD")
    _, hashed = new_token()
    with pytest.raises(Forbidden):
        await door.act(create_key, CreateKey("more", "boss", hashed), key)
    (event,) = await owner.fetch("select * from access.audit_event where outcome = 'refused'")
    assert (event["login"], event["act"], event["portal_id"] is None) == (
        "boss",
        "create_key",
        False,
    )
    assert hashed not in event["command"]
