"""Users and credentials: what is refused, and that nobody rises by them."""

import asyncio

import asyncpg
import pytest

from currant.access.model import (
    OPERATOR,
    Actor,
    BeyondOwn,
    CreateAlias,
    CreatePortal,
    CreateUser,
    CredentialRaced,
    IssueToken,
    LoginShape,
    LoginTaken,
    PortalAliasShape,
    PortalAliasTaken,
    PortalKeyShape,
    PortalKeyTaken,
    RoleUnknown,
    SetPassword,
    SpecialLimitNegative,
    UserNamed,
    VendingLimitNegative,
)
from currant.access.passwords import hash_password
from currant.access.verbs import (
    Nothing,
    create_alias,
    create_portal,
    create_user,
    hash_token,
    issue_token,
    new_token,
    set_password,
    users,
    who_am_i,
)
from currant.db.migrate import DOMAINS
from currant.errors import Invalid, NotFound
from tests.conftest import make_user

ROLES = [
    "VENDOR",
    "VENDORADM",
    "CSR",
    "CSR2",
    "CSR3",
    "ComMGR",
    "Engineer",
    "Accounting",
    "SysAdmin",
]


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"key": "Example"}, PortalKeyShape),
        ({"key": ""}, PortalKeyShape),
        ({"key": "a" * 41}, PortalKeyShape),
        ({"key": "example"}, PortalKeyTaken),
        ({"timezone": "New York"}, Invalid),
        ({"timezone": "../etc/passwd"}, Invalid),
        ({"timezone": ""}, Invalid),
        ({"currency": "usd"}, Invalid),
        ({"currency": "US"}, Invalid),
        ({"currency": "XXQ"}, Invalid),
    ],
)
async def test_a_portal_that_cannot_be(door, portal, owner, change, refusal) -> None:
    told = {
        "key": "new", "name": "New", "timezone": "UTC", "currency": "USD", "vendor_number": "N",
    } | change  # fmt: skip
    with pytest.raises(refusal):
        await door.act(create_portal, CreatePortal(**told), OPERATOR)
    assert await owner.fetchval("select count(*) from access.portal") == 1


async def test_an_alias_is_well_shaped_and_taken_once(door, portal) -> None:
    await door.act(create_alias, CreateAlias("old"), OPERATOR.at(portal))
    for alias, refusal in (("old", PortalAliasTaken), ("Old", PortalAliasShape)):
        with pytest.raises(refusal):
            await door.act(create_alias, CreateAlias(alias), OPERATOR.at(portal))


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"login": "boss"}, LoginTaken),
        ({"login": "operator"}, LoginTaken),
        ({"login": ""}, LoginShape),
        ({"login": "a" * 21}, LoginShape),
        ({"login": "two words"}, LoginShape),
        ({"role": "Emperor"}, RoleUnknown),
        ({"role": "Operator"}, Invalid),
        ({"vending_limit": -1}, VendingLimitNegative),
        ({"special_limit": -1}, SpecialLimitNegative),
        ({"vending_limit": 2**63}, Invalid),
        ({"name": "nul\0"}, Invalid),
    ],
)
async def test_a_user_that_cannot_be(door, boss, owner, change, refusal) -> None:
    told = {"login": "new", "name": "New", "role": "CSR"} | change
    with pytest.raises(refusal):
        await door.act(create_user, CreateUser(**told), boss)
    assert await owner.fetchval("select count(*) from access.system_user where portal_id > 0") == 1


async def test_users_are_listed_by_login(door, boss) -> None:
    await make_user(door, "example", "anna", "CSR", vendor_number="V2")
    listed = await door.ask(users, Nothing(), boss)
    assert [(u.login, u.role, u.vendor_number, u.active) for u in listed] == [
        ("anna", "CSR", "V2", True),
        ("boss", "SysAdmin", "CEC", True),
    ]


@pytest.fixture
async def abroad(door) -> Actor:
    """A SysAdmin of another portal."""
    made = CreatePortal("abroad", "Abroad", "UTC", "USD", "ABR")
    await door.act(create_portal, made, OPERATOR)
    return await make_user(door, "abroad", "abroad", "SysAdmin")


async def credentials(owner) -> list[tuple[object, ...]]:
    return [tuple(r) for r in await owner.fetch("select * from access.credential order by 1")]


async def test_nobody_sets_a_credential_in_another_portal(door, boss, abroad, owner) -> None:
    before = await credentials(owner)
    for verb, command in (
        (issue_token, IssueToken("boss", hash_token("mine now"))),
        (set_password, SetPassword("boss", hash_password("mine, all mine"))),
        (issue_token, IssueToken("operator", hash_token("mine now"))),
        (issue_token, IssueToken("nobody", hash_token("mine now"))),
    ):
        with pytest.raises(NotFound) as refused:
            await door.act(verb, command, abroad)
        assert refused.value.message == (
            f"There is no user {command.login} in portal abroad. Nothing was done."
        )
    assert await credentials(owner) == before


async def test_the_owners_function_itself_keeps_to_the_portals_in_view(
    urls, boss, abroad, owner
) -> None:
    """Should a verb ever name another portal than the one it was let in to."""
    before = await credentials(owner)
    told = await owner.fetchrow("select * from access.system_user where login = 'boss'")
    connection = await asyncpg.connect(urls.runtime)
    async with connection.transaction():
        await connection.execute(
            "select access.enter('abroad', 'TOKEN', $1, 'abroad', '', null, null)",
            abroad.proof,
        )
        rows = await connection.fetch(
            "select beyond from access.set_credential($1, $2, 'boss', 'TOKEN', 'mine', now())",
            told["portal_id"],
            told["user_id"],
        )
    await connection.close()
    assert rows == []
    assert await credentials(owner) == before


async def test_nobody_sets_the_credential_of_who_may_do_more(door, boss, owner) -> None:
    """A ComMGR manages users, and would else sign in as the SysAdmin a moment later."""
    manager = await make_user(door, "example", "manager", "ComMGR")
    before = await credentials(owner)
    with pytest.raises(BeyondOwn, match=r"manager lacks .*ledger\.close"):
        await door.act(issue_token, IssueToken("boss", hash_token("mine now")), manager)
    assert await credentials(owner) == before
    assert (await door.ask(who_am_i, Nothing(), boss)).login == "boss"


async def test_a_grant_beyond_the_role_protects_its_holder(door, boss, owner) -> None:
    manager = await make_user(door, "example", "manager", "ComMGR")
    await make_user(door, "example", "special", "CSR")
    await owner.execute(
        "insert into access.user_permission select user_id, 'ledger.close', true "
        "from access.system_user where login = 'special'"
    )
    with pytest.raises(BeyondOwn, match=r"manager lacks ledger\.close\."):
        await door.act(issue_token, IssueToken("special", hash_token("x")), manager)
    await door.act(issue_token, IssueToken("special", hash_token("x")), boss)


async def test_nobody_makes_a_user_who_may_do_more(door, boss) -> None:
    manager = await make_user(door, "example", "manager", "ComMGR")
    made = []
    for role in ROLES:
        try:
            await door.act(create_user, CreateUser(f"new-{role}", "New", role), manager)
            made.append(role)
        except BeyondOwn:
            pass
    assert made == ["VENDOR", "VENDORADM", "CSR", "CSR2", "CSR3", "ComMGR"]
    for role in ROLES:
        await door.act(create_user, CreateUser(f"by-boss-{role}", "New", role), boss)


async def test_a_user_has_one_live_credential_of_each_kind(door, boss, owner) -> None:
    tokens = [new_token() for _ in range(8)]
    done = await asyncio.gather(
        *(door.act(issue_token, IssueToken("boss", h), OPERATOR.at("example")) for _, h in tokens),
        return_exceptions=True,
    )
    assert {type(outcome) for outcome in done} <= {UserNamed, CredentialRaced}
    live = await owner.fetch(
        "select secret from access.credential as c inner join access.system_user using (user_id) "
        "where login = 'boss' and kind = 'TOKEN' and c.revoked_at is null"
    )
    assert len(live) == 1
    assert live[0]["secret"] in {hashed for _, hashed in tokens}


async def test_secrets_are_kept_as_hashes_only(door, boss, owner) -> None:
    """Not in a table, and not in the audit log."""
    token, hashed = new_token()
    await door.act(issue_token, IssueToken("boss", hashed), boss, key="k1")
    fresh = Actor("boss", "TOKEN", hashed, "example")
    secret = hash_password("a good password")
    await door.act(set_password, SetPassword("boss", secret), fresh, key="k2")
    dump = []
    for row in await owner.fetch(
        "select c.oid::regclass::text as name from pg_class as c "
        "inner join pg_namespace as n on n.oid = c.relnamespace "
        "where c.relkind = 'r' and n.nspname = any($1)",
        list(DOMAINS),
    ):
        rows = await owner.fetch(f"select t::text as told from {row['name']} as t")  # noqa: S608
        dump += [(row["name"], r["told"]) for r in rows]
    text = "\n".join(told for _, told in dump)
    assert token not in text
    assert "a good password" not in text
    for kept in (hashed, secret):
        assert {name for name, told in dump if kept in told} == {"access.credential"}
