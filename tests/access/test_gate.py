"""`access.enter`, the one gate: who is let in where, and what is said to whom is not."""

import asyncpg
import pytest
from tests.conftest import make_user

from currant.access.model import (
    ANONYMOUS,
    AUTO,
    OPERATOR,
    Actor,
    CreateAlias,
    CreatePortal,
    IssueToken,
    SetPassword,
)
from currant.access.passwords import hash_password
from currant.access.permissions import Permission, needs
from currant.access.verbs import (
    Nothing,
    create_alias,
    create_portal,
    hash_token,
    issue_token,
    new_token,
    portals,
    set_password,
    users,
    who_am_i,
)
from currant.db.tx import Tx
from currant.errors import Forbidden, Unauthenticated


@needs(Permission.PUBLIC)
async def window(tx: Tx, _question: Nothing) -> list[str]:
    """List the portals in view and the portal that was named."""
    rows = await tx.connection.fetch("select key from access.portal order by key")
    return [tx.portal.key, *(row["key"] for row in rows)]


@pytest.fixture
async def second(door) -> str:
    """Another portal, `second`."""
    made = CreatePortal("second", "Second Power", "UTC", "EUR", "SEC")
    await door.act(create_portal, made, OPERATOR)
    return "second"


async def refusal(door, view, actor: Actor) -> str:
    """What the gate says: the answer's kind and its whole message."""
    with pytest.raises((Unauthenticated, Forbidden)) as refused:
        await door.ask(view, Nothing(), actor)
    return f"{refused.value.kind}: {refused.value.message}"


async def keys(door, actor: Actor) -> list[str]:
    return [portal.key for portal in await door.ask(portals, Nothing(), actor)]


WRONG = "unauthenticated: The credentials are missing or wrong, or the user is not active."
NOT_YOURS = "forbidden: Portal {!r} is not one of yours."


@pytest.mark.parametrize(
    ("kind", "proof"),
    [
        ("TOKEN", ""),
        ("TOKEN", hash_token("made up")),
        ("PASSWORD", ""),
        ("PASSWORD", "right token, wrong kind"),
        ("LOCAL", ""),
        ("NONE", ""),
        ("token", "right token"),
        ("", "right token"),
        ("SUPERUSER", ""),
    ],
)
async def test_a_proof_that_does_not_hold_is_refused(door, boss, kind, proof) -> None:
    told = boss.proof if proof.startswith("right") else proof
    for portal in ("example", None):
        assert await refusal(door, who_am_i, Actor("boss", kind, told, portal)) == WRONG


async def test_nobody_and_unknown_users_are_told_the_same(door, boss) -> None:
    for actor in (ANONYMOUS, Actor("nobody", "TOKEN", boss.proof), Actor("", "TOKEN", boss.proof)):
        assert await refusal(door, who_am_i, actor.at("example")) == WRONG


async def test_a_proof_is_of_one_user(door, boss, cashier) -> None:
    assert await refusal(door, who_am_i, Actor("boss", "TOKEN", cashier.proof, "example")) == WRONG


async def test_only_users_of_the_machine_are_local(door, portal, boss) -> None:
    assert (await door.ask(who_am_i, Nothing(), OPERATOR)).login == "operator"
    assert (await door.ask(who_am_i, Nothing(), AUTO.at(portal))).login == "auto"
    assert await refusal(door, who_am_i, Actor("boss", "LOCAL")) == WRONG
    for kind in ("TOKEN", "PASSWORD"):
        assert await refusal(door, who_am_i, Actor("operator", kind, "")) == WRONG


async def test_a_portal_that_is_not_granted_is_as_one_that_does_not_exist(
    door, boss, second
) -> None:
    for name in ("second", "third", "", "Example", "example ", "%", "'"):
        assert await refusal(door, who_am_i, boss.at(name)) == NOT_YOURS.format(name)
        assert await refusal(door, users, boss.at(name)) == NOT_YOURS.format(name)


async def test_a_permission_that_is_lacking_is_named(door, cashier) -> None:
    told = "forbidden: cashier1 lacks users.manage."
    assert await refusal(door, users, cashier) == told
    assert await refusal(door, users, cashier.at(None)) == told


async def test_an_alias_names_its_portal(door, boss, second) -> None:
    await door.act(create_alias, CreateAlias("old-name"), OPERATOR.at("example"))
    listed = await door.ask(users, Nothing(), boss.at("old-name"))
    assert [user.login for user in listed] == ["boss"]
    stranger = await make_user(door, second, "stranger", "SysAdmin")
    assert await refusal(door, users, stranger.at("old-name")) == NOT_YOURS.format("old-name")


async def test_a_key_goes_before_an_alias(door, boss, second) -> None:
    """An alias that is spelled like another portal's key leads nobody astray."""
    await door.act(create_alias, CreateAlias("example"), OPERATOR.at(second))
    assert [user.login for user in await door.ask(users, Nothing(), boss)] == ["boss"]


async def test_a_user_of_two_portals_sees_both_and_acts_in_each(door, boss, second, owner) -> None:
    assert await keys(door, boss.at(None)) == ["example"]
    await owner.execute(
        "insert into access.user_portal (portal_id, user_id) "
        "select p.portal_id, u.user_id from access.portal as p, access.system_user as u "
        "where p.key = 'second' and u.login = 'boss'"
    )
    assert await keys(door, boss.at(None)) == ["example", "second"]
    assert await keys(door, boss.at("second")) == ["second"]
    assert await keys(door, boss.at("example")) == ["example"]
    assert await door.ask(users, Nothing(), boss.at("second")) == []


async def test_a_question_of_no_portal_has_no_portal_to_act_in(door, boss) -> None:
    assert await refusal(door, users, boss.at(None)) == "forbidden: Name the portal."


async def test_what_is_public_needs_no_credentials_and_sees_one_portal(
    door, boss, cashier, second
) -> None:
    for name in ("example", "second"):
        assert await door.ask(window, Nothing(), ANONYMOUS.at(name)) == [name, name]
    assert await refusal(door, window, ANONYMOUS.at("third")) == NOT_YOURS.format("third")
    nowhere = "forbidden: Name the portal; you have none of your own."
    assert await refusal(door, window, ANONYMOUS) == nowhere
    assert await door.ask(window, Nothing(), cashier) == ["example", "example"]


async def test_the_gate_itself_lets_nobody_in_to_what_is_not_public(door, boss, urls) -> None:
    """Not only the door refuses the anonymous, should an entrance ever go around it."""
    connection = await asyncpg.connect(urls.runtime)
    for wanted, told in (("users.manage", "credentials"), ("", "credentials"), ("public", None)):
        said = await connection.fetchval(
            "select refusal from access.enter('', 'NONE', '', 'example', $1, null, null)",
            wanted,
        )
        assert said == told
    await connection.close()


async def test_a_replaced_token_is_dead_at_once(door, boss) -> None:
    token, hashed = new_token()
    await door.act(issue_token, IssueToken("boss", hashed), OPERATOR.at("example"))
    assert await refusal(door, who_am_i, boss) == WRONG
    fresh = Actor("boss", "TOKEN", hash_token(token), "example")
    assert (await door.ask(who_am_i, Nothing(), fresh)).login == "boss"


async def test_a_replaced_password_is_dead_at_once(door, boss) -> None:
    for password in ("a good password", "a better password"):
        told = SetPassword("boss", hash_password(password))
        await door.act(set_password, told, OPERATOR.at("example"))
        actor = (await door.prove_password("boss", password)).at("example")
        assert (await door.ask(who_am_i, Nothing(), actor)).login == "boss"
    with pytest.raises(Unauthenticated):
        await door.prove_password("boss", "a good password")
    for login in ("boss", "nobody", "operator"):
        with pytest.raises(Unauthenticated):
            await door.prove_password(login, "wrong")


async def test_a_password_proved_before_it_was_replaced_does_not_enter(door, boss) -> None:
    for password in ("a good password", "a better password"):
        told = SetPassword("boss", hash_password(password))
        await door.act(set_password, told, OPERATOR.at("example"))
        if password == "a good password":
            proved = (await door.prove_password("boss", password)).at("example")
    assert await refusal(door, who_am_i, proved) == WRONG


async def test_an_inactive_user_is_out_at_once(door, boss, owner) -> None:
    told = SetPassword("boss", hash_password("a good password"))
    await door.act(set_password, told, OPERATOR.at("example"))
    proved = (await door.prove_password("boss", "a good password")).at("example")
    await owner.execute("update access.system_user set active = false where login = 'boss'")
    assert await refusal(door, who_am_i, boss) == WRONG
    assert await refusal(door, who_am_i, proved) == WRONG
    with pytest.raises(Unauthenticated):
        await door.prove_password("boss", "a good password")
