"""Nobody rises by managing users, and nobody is let rise: refused whole, nothing changed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import asyncpg
import msgspec
import pytest
from tests.conftest import make_user
from tests.waiting import until_waiting

from currant.access.details import ROLES
from currant.access.model import (
    OPERATOR,
    Actor,
    BeyondOwn,
    ChangePermissions,
    CreatePortal,
    CreateUser,
    CreateVendor,
    IssueToken,
    ManagesNoLonger,
    OwnLogin,
    PermissionChange,
    SetPassword,
    UpdateUser,
    UserNamed,
)
from currant.access.passwords import hash_password
from currant.access.permissions import Permission
from currant.access.verbs import (
    Nothing,
    activate_user,
    change_permissions,
    create_portal,
    create_user,
    create_vendor,
    deactivate_user,
    hash_token,
    issue_own_token,
    issue_token,
    may_issue_own_token,
    may_issue_token,
    permissions_of_user,
    set_password,
    show_user,
    update_user,
    who_am_i,
)
from currant.db.database import Urls
from currant.door import Door
from currant.errors import Forbidden, NotFound, Refusal, Unauthenticated

TABLES = ("system_user", "user_portal", "user_permission", "credential", "vendor")


@asynccontextmanager
async def nothing_changed(owner: asyncpg.Connection) -> AsyncIterator[None]:
    """Whatever the block tries, users are as before it."""

    async def all_there_is() -> list[list[str]]:
        tables = [await owner.fetch(f"table access.{table}") for table in TABLES]
        return [sorted(str(tuple(row)) for row in rows) for rows in tables]

    before = await all_there_is()
    yield
    assert await all_there_is() == before


@pytest.fixture
async def manager(door: Door, boss: Actor) -> Actor:
    """A ComMGR with limits and a blocked account."""
    return await make_user(
        door, "example", "manager", "ComMGR",
        vending_limit=10_000, special_limit=5_000, blocked_accounts="00012",
    )  # fmt: skip


# What the manager may give away in full: as far as it reaches itself.
FULL = {
    "login": "new", "name": "New", "role": "ComMGR", "vending_limit": 10_000,
    "special_limit": 5_000, "blocked_accounts": "00012",
}  # fmt: skip
FURTHER = [
    ({"role": "SysAdmin"}, "role", "ledger.close"),
    ({"role": "Engineer"}, "role", "reads.write"),
    ({"role": "Accounting"}, "role", "ledger.view"),
    ({"vending_limit": 10_001}, "vending_limit", "a vending limit as high"),
    ({"vending_limit": 10**15}, "vending_limit", "a vending limit as high"),
    ({"vending_limit": None}, "vending_limit", "a vending limit as high"),
    ({"special_limit": 5_001}, "special_limit", "a special limit as high"),
    ({"special_limit": None}, "special_limit", "a special limit as high"),
    ({"blocked_accounts": ""}, "blocked_accounts", "access to account 00012"),
    ({"blocked_accounts": "00013,000012"}, "blocked_accounts", "access to account 00012"),
]
AS_FAR = [
    {},
    {"role": "VENDOR", "vending_limit": 0, "special_limit": 0},
    {"blocked_accounts": "00001, 00012"},
    {"blocked_accounts": "*"},
]


@pytest.mark.parametrize(("change", "member", "lacking"), FURTHER)
async def test_nobody_gives_more_than_they_hold(
    door, manager, owner, change, member, lacking
) -> None:
    """Not to a new user, not to one that is there, not to themself."""
    await door.act(create_user, CreateUser(**FULL | {"login": "there"}), manager)
    async with nothing_changed(owner):
        for verb, command in (
            (create_user, CreateUser(**FULL | change)),
            (update_user, UpdateUser(**FULL | change | {"login": "there"})),
            (update_user, UpdateUser(**FULL | change | {"login": "manager"})),
        ):
            with pytest.raises(BeyondOwn) as refused:
                await door.act(verb, command, manager)
            assert lacking in refused.value.message
            assert refused.value.message.startswith("Nobody gives away more than they hold. m")
            assert refused.value.message.endswith(". Nothing was done.")
            assert refused.value.field == member
    refusals = "select count(*) from access.audit_event where login = 'manager' and outcome = $1"
    assert await owner.fetchval(refusals, "refused") == 3


@pytest.mark.parametrize("change", AS_FAR)
async def test_what_one_holds_can_be_given(door, manager, change) -> None:
    made = await door.act(create_user, CreateUser(**FULL | change), manager)
    updated = await door.act(update_user, UpdateUser(**FULL | change), manager)
    assert updated == made
    for member, value in change.items():
        assert str(getattr(made, member)) == str(value).replace(" ", "")


async def test_who_has_no_limit_and_no_block_gives_any(door, boss) -> None:
    await door.act(create_user, CreateUser(**FULL), boss)
    for change in ({"vending_limit": None}, {"special_limit": None}, {"blocked_accounts": ""}):
        await door.act(update_user, UpdateUser(**FULL), boss)
        freed = await door.act(update_user, UpdateUser(**FULL | change), boss)
        assert {member: getattr(freed, member) for member in change} == change


async def test_who_is_barred_from_all_bars_from_all(door, boss, owner) -> None:
    barred = await make_user(door, "example", "barred", "ComMGR", blocked_accounts="*")
    async with nothing_changed(owner):
        for blocked in ("", "00001", "00001,00002"):
            wanted = CreateUser("new", "New", "CSR", blocked_accounts=blocked)
            with pytest.raises(BeyondOwn, match="lacks access to any account"):
                await door.act(create_user, wanted, barred)
    await door.act(create_user, CreateUser("new", "New", "CSR", blocked_accounts="*"), barred)


def every_change(login: str) -> list[tuple[Callable[..., Any], Any]]:
    """Whatever can be done to a user, each by itself no more than a manager may."""
    return [
        (update_user, UpdateUser(**FULL | {"login": login, "role": "VENDOR"})),
        (change_permissions, ChangePermissions(login, [PermissionChange("passwd", "remove")])),
        (change_permissions, ChangePermissions(login, [])),
        (deactivate_user, UserNamed(login)),
        (activate_user, UserNamed(login)),
        (issue_token, IssueToken(login, hash_token("mine now"))),
        (set_password, SetPassword(login, "$argon2id$mine now")),
    ]


GRANTED = (
    "insert into access.user_permission select user_id, 'ledger.close', true "
    "from access.system_user where login = 'new'"
)
ABROAD = (
    "insert into access.user_portal select p.portal_id, u.user_id "
    "from access.portal as p, access.system_user as u where p.key = 'abroad' and u.login = 'new'"
)


@pytest.mark.parametrize(
    ("change", "plant", "lacking"),
    [
        ({"role": "SysAdmin"}, "", "ledger.close"),
        ({"vending_limit": None}, "", "a vending limit as high"),
        ({"special_limit": 5_001}, "", "a special limit as high"),
        ({"blocked_accounts": "00013"}, "", "access to account 00012"),
        ({}, GRANTED, "ledger.close"),
        ({}, ABROAD, "a portal of theirs"),
    ],
)
async def test_nobody_changes_who_reaches_further(
    door, boss, manager, owner, change, plant, lacking
) -> None:
    """Or could be them a moment later: a token, a password, other facts, let in or kept out."""
    await door.act(create_portal, CreatePortal("abroad", "Abroad", "UTC", "USD", "A"), OPERATOR)
    await door.act(create_user, CreateUser(**FULL | change), boss)
    if plant:
        await owner.execute(plant)
    async with nothing_changed(owner):
        for verb, command in every_change("new"):
            with pytest.raises(BeyondOwn, match=f"manager lacks .*{lacking}"):
                await door.act(verb, command, manager)
        with pytest.raises(BeyondOwn, match=lacking):
            await door.ask(may_issue_token, UserNamed("new"), manager)
    for verb, command in every_change("new"):
        await door.act(verb, command, OPERATOR.at("example"))


async def test_nobody_changes_users_of_another_portal(door, boss, owner) -> None:
    made = CreatePortal("abroad", "Abroad", "UTC", "USD", "A")
    await door.act(create_portal, made, OPERATOR)
    stranger = await make_user(door, "abroad", "stranger", "SysAdmin")
    async with nothing_changed(owner):
        for actor in (stranger, stranger.at("example")):
            for verb, command in every_change("boss"):
                with pytest.raises((NotFound, Forbidden)):
                    await door.act(verb, command, actor)
            with pytest.raises((NotFound, Forbidden)):
                await door.ask(show_user, UserNamed("boss"), actor)
        for actor in (stranger, stranger.at(None)):
            with pytest.raises(NotFound):
                await door.ask(permissions_of_user, UserNamed("boss"), actor)
    for login in ("operator", "auto"):
        for verb, command in every_change(login):
            with pytest.raises(NotFound):
                await door.act(verb, command, boss)


async def test_nobody_without_the_permission_manages_users(door, boss, cashier, owner) -> None:
    async with nothing_changed(owner):
        for verb, command in [*every_change("cashier1"), (create_user, CreateUser(**FULL))]:
            with pytest.raises(Forbidden, match=r"cashier1 lacks users\.manage"):
                await door.act(verb, command, cashier)
        command = IssueToken("boss", hash_token("mine now"))
        with pytest.raises(Forbidden, match="another than you"):
            await door.act(issue_own_token, command, cashier)
        with pytest.raises(Forbidden, match="another than you"):
            await door.ask(may_issue_own_token, UserNamed("boss"), cashier)


async def test_anybody_replaces_their_own_token(door, boss, cashier) -> None:
    await door.ask(may_issue_own_token, UserNamed("cashier1"), cashier)
    await door.act(issue_own_token, IssueToken("cashier1", hash_token("new")), cashier)
    with pytest.raises(Unauthenticated):
        await door.ask(who_am_i, Nothing(), cashier)
    fresh = Actor("cashier1", "TOKEN", hash_token("new"), "example")
    assert (await door.ask(who_am_i, Nothing(), fresh)).login == "cashier1"
    command = IssueToken("operator", hash_token("x"))
    with pytest.raises(NotFound):  # The machine's own operator has no token.
        await door.act(issue_own_token, command, OPERATOR.at("example"))


async def test_an_external_vendors_manager_keeps_to_its_users(door, boss, owner) -> None:
    for number in ("V2", "V3"):
        await door.act(create_vendor, CreateVendor(number, number, external=True), boss)
    shop = {"vendor_number": "V2", "external_vendor": True}
    keeper = await make_user(door, "example", "keeper", "VENDORADM", **shop)
    grant = ChangePermissions("keeper", [PermissionChange("users.manage", "add")])
    await door.act(change_permissions, grant, boss)
    await make_user(door, "example", "inside", "VENDOR")
    await make_user(door, "example", "elsewhere", "VENDOR", **shop | {"vendor_number": "V3"})
    async with nothing_changed(owner):
        for change in (
            {},
            {"external_vendor": True},
            {"vendor_number": "V2"},
            shop | {"vendor_number": "V3"},
        ):
            with pytest.raises(BeyondOwn, match="lacks users beyond vendor V2"):
                await door.act(create_user, CreateUser("new", "New", "VENDOR", **change), keeper)
        for login in ("inside", "elsewhere"):
            with pytest.raises(BeyondOwn, match="lacks users beyond vendor V2"):
                await door.act(update_user, UpdateUser(login, "New", "VENDOR", **shop), keeper)
        with pytest.raises(BeyondOwn, match="lacks users beyond vendor V2"):
            await door.act(update_user, UpdateUser("keeper", "Keeper", "VENDORADM", "V2"), keeper)
    await door.act(create_user, CreateUser("new", "New", "VENDOR", **shop), keeper)
    await door.act(issue_token, IssueToken("new", hash_token("x")), keeper)


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_is_given_by_who_holds_all_of_it(door, boss, owner, role) -> None:
    """Whatever else the giver may manage."""
    giver = await make_user(door, "example", "giver", role)
    grant = ChangePermissions("giver", [PermissionChange("users.manage", "add")])
    await door.act(change_permissions, grant, boss)
    rows = await owner.fetch("select role, permission from access.role_permission")
    holds = {r: {row["permission"] for row in rows if row["role"] == r} for r in ROLES}
    for other in ROLES:
        wanted = CreateUser(f"new-{other}", "New", other)
        if holds[other] <= holds[role] | {"users.manage"}:
            await door.act(create_user, wanted, giver)
        else:
            with pytest.raises(BeyondOwn):
                await door.act(create_user, wanted, giver)


async def test_the_database_compares_reaches_as_said(owner) -> None:
    """Held against the rule in other words, for many pairs."""
    draw = Random(7)  # noqa: S311

    def limit() -> int | None:
        return draw.choice([None, 0, 1, 2, 10**15])

    def some(of: list[Any]) -> list[Any]:
        return [one for one in of if draw.random() < 0.6]

    def reach() -> tuple[Any, ...]:
        barred = draw.choice([["*"], some(["00001", "00002"]), []])
        portals = draw.choice([None, some([1, 2])])
        return (some(["a", "b"]), limit(), limit(), barred, portals, draw.choice([None, "V", "W"]))

    def within(mine: Any, theirs: Any) -> bool:
        return mine is None or (theirs is not None and theirs <= mine)

    def as_sets(told: tuple[Any, ...]) -> list[Any]:
        return [set(one) if isinstance(one, list) else one for one in told]

    for _ in range(3000):
        mine, theirs = reach(), reach()
        lacking = {
            row["member"]
            for row in await owner.fetch(
                "select member from access.beyond($1::access.reach, $2::access.reach)", mine, theirs
            )
        }
        permissions, vending, special, barred, portals, vendor = as_sets(mine)
        other = as_sets(theirs)
        fine = {
            "role": other[0] <= permissions,
            "vending_limit": within(vending, other[1]),
            "special_limit": within(special, other[2]),
            "blocked_accounts": barred <= other[3] or other[3] == {"*"},
            "user": within(portals, other[4]),
            "vendor_number": vendor in (None, other[5]),
        }
        assert lacking == {member for member, is_fine in fine.items() if not is_fine}


# Let in and kept out


async def test_a_user_who_is_kept_out_is_out_at_once(door, boss, owner) -> None:
    clerk = await make_user(door, "example", "clerk", "CSR")
    assert (await door.act(deactivate_user, UserNamed("clerk"), boss)).active is False
    with pytest.raises(Unauthenticated):
        await door.ask(who_am_i, Nothing(), clerk)
    assert (await door.act(deactivate_user, UserNamed("clerk"), boss)).active is False
    new = Actor("clerk", "TOKEN", hash_token("new"), "example")
    await door.act(issue_token, IssueToken("clerk", hash_token("new")), boss)
    with pytest.raises(Unauthenticated):
        await door.ask(who_am_i, Nothing(), new)
    assert (await door.act(activate_user, UserNamed("clerk"), boss)).active is True
    assert (await door.ask(who_am_i, Nothing(), new)).login == "clerk"
    async with nothing_changed(owner):
        for verb in (deactivate_user, activate_user):
            with pytest.raises(NotFound, match="There is no user x in portal example"):
                await door.act(verb, UserNamed("x"), boss)
        with pytest.raises(OwnLogin):
            await door.act(deactivate_user, UserNamed("boss"), boss)


async def test_a_password_too_is_good_no_longer(door, boss) -> None:
    await make_user(door, "example", "clerk", "CSR")
    await door.act(set_password, SetPassword("clerk", hash_password("a good password")), boss)
    await door.prove_password("clerk", "a good password")
    await door.act(deactivate_user, UserNamed("clerk"), boss)
    with pytest.raises(Unauthenticated):
        await door.prove_password("clerk", "a good password")


# At the same moment


@asynccontextmanager
async def meanwhile(owner: asyncpg.Connection, urls: Urls, statement: str) -> AsyncIterator[None]:
    """Change users in a transaction that is committed while the block waits for it."""
    other = await asyncpg.connect(urls.owner)
    transaction = other.transaction()
    await transaction.start()
    await other.execute(statement)

    async def commit() -> None:
        await until_waiting(owner)
        await transaction.commit()

    committing = asyncio.create_task(commit())
    yield
    await committing
    await other.close()


PROMOTED = "update access.system_user set role = 'SysAdmin' where login = 'new'"
FREED = "update access.system_user set special_limit = null where login = 'new'"
DEMOTED = "update access.system_user set role = 'CSR3' where login = 'manager'"
BOUND = "update access.system_user set special_limit = 1 where login = 'manager'"
OUT = "update access.system_user set active = false where login = 'manager'"


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (PROMOTED, BeyondOwn),
        (FREED, BeyondOwn),
        (DEMOTED, ManagesNoLonger),
        (BOUND, BeyondOwn),
        (OUT, ManagesNoLonger),
    ],
)
@pytest.mark.parametrize("which", range(7))
async def test_what_changes_meanwhile_counts(
    door, manager, owner, urls, which, change, refusal
) -> None:
    """Each is allowed when it begins; it waits, looks again, and is refused."""
    await door.act(create_user, CreateUser(**FULL | {"role": "VENDORADM"}), manager)
    verb, command = every_change("new")[which]
    async with meanwhile(owner, urls, change):
        with pytest.raises(refusal):
            await door.act(verb, command, manager)
    shown = await door.ask(show_user, UserNamed("new"), OPERATOR.at("example"))
    assert (shown.role, shown.active) == (
        "SysAdmin" if change == PROMOTED else "VENDORADM",
        True,
    )
    assert await owner.fetchval("select count(*) from access.user_permission") == 0
    credentials = (
        "select count(*) from access.credential inner join access.system_user using (user_id) "
        "where login = 'new'"
    )
    assert await owner.fetchval(credentials) == 0


async def test_many_updates_at_once_leave_one_of_them_whole(door, boss, manager) -> None:
    await door.act(create_user, CreateUser("new", "New", "VENDOR", **LIMITED), boss)
    wanted = [
        UpdateUser(
            "new", f"N{n}", ROLES[n % 2], email=f"n{n}@example.com", phone_1=str(n),
            **LIMITED | {"special_limit": n},
        )
        for n in range(20)
    ]  # fmt: skip
    done = await asyncio.gather(
        *(door.act(update_user, one, (boss, manager)[n % 2]) for n, one in enumerate(wanted))
    )
    last = await door.ask(show_user, UserNamed("new"), boss)
    assert last in done
    assert [user.name for user in done] == [one.name for one in wanted]


LIMITED = {"vending_limit": 1, "special_limit": 1, "blocked_accounts": "00012"}


async def test_grants_at_once_are_all_kept(door, boss, manager) -> None:
    """And two who change each other wait for each other, and both are heard."""
    names = ["vendcash", "meter.view", "reads.view", "arrears.view", "tariffs.view"]
    await make_user(door, "example", "clerk", "VENDOR")
    await make_user(door, "example", "other", "SysAdmin")
    other = await make_user(door, "example", "third", "SysAdmin")
    await asyncio.gather(
        *(
            door.act(change_permissions, ChangePermissions("clerk", changes(**{name: "add"})), boss)
            for name in names
        ),
        *(
            door.act(update_user, UpdateUser(login, f"{login} {n}", "SysAdmin"), actor)
            for n in range(10)
            for login, actor in (("third", boss), ("boss", other))
        ),
    )
    held = await door.ask(permissions_of_user, UserNamed("clerk"), boss)
    assert set(names) <= {row.name for row in held.permissions}


# Permissions one by one


async def held(door: Door, login: str) -> set[str]:
    told = await door.ask(permissions_of_user, UserNamed(login), OPERATOR.at("example"))
    return {row.name for row in told.permissions}


def changes(**told: str) -> list[PermissionChange]:
    return [PermissionChange(name.replace("_", "."), action) for name, action in told.items()]


async def test_only_what_differs_from_the_role_is_kept(door, boss, owner) -> None:
    await make_user(door, "example", "clerk", "VENDOR")
    vendor = await held(door, "clerk")

    async def kept() -> dict[str, bool]:
        rows = await owner.fetch("select permission, granted from access.user_permission")
        return {row["permission"]: row["granted"] for row in rows}

    for sent, expected, stored in (
        ({"passwd": "keep", "vendcash": "keep"}, vendor, {}),
        ({"passwd": "add", "vendcash": "remove"}, vendor, {}),
        ({"vendcash": "add"}, vendor | {"vendcash"}, {"vendcash": True}),
        (
            {"passwd": "remove", "vendcash": "keep"},
            vendor - {"passwd"} | {"vendcash"},
            {"vendcash": True, "passwd": False},
        ),
        ({"passwd": "add", "vendcash": "remove"}, vendor, {}),
    ):
        told = await door.act(change_permissions, ChangePermissions("clerk", changes(**sent)), boss)
        assert {row.name for row in told.permissions} == expected == await held(door, "clerk")
        assert await kept() == stored


async def test_a_new_role_takes_in_what_it_says_itself(door, boss, owner) -> None:
    await make_user(door, "example", "clerk", "VENDOR")
    sent = changes(vendcash="add", meter_view="add", passwd="remove")
    await door.act(change_permissions, ChangePermissions("clerk", sent), boss)
    await door.act(update_user, UpdateUser("clerk", "Clerk", "VENDORADM"), boss)
    rows = await owner.fetch("select permission from access.user_permission order by 1")
    assert [row["permission"] for row in rows] == ["meter.view", "passwd"]
    assert {"vendcash", "meter.view"} <= await held(door, "clerk")
    assert "passwd" not in await held(door, "clerk")


async def test_nobody_grants_what_they_lack(door, boss, manager, owner) -> None:
    """Nor to themself, nor among others that they hold."""
    await door.act(create_user, CreateUser(**FULL | {"role": "VENDOR"}), manager)
    everything = [p.value for p in Permission if p not in (Permission.PUBLIC, Permission.ANY_USER)]
    own = await held(door, "manager")
    async with nothing_changed(owner):
        for login in ("new", "manager"):
            for name in set(everything) - own:
                sent = [PermissionChange("vendcash", "add"), PermissionChange(name, "add")]
                with pytest.raises(BeyondOwn, match=f"manager lacks {name}") as refused:
                    await door.act(change_permissions, ChangePermissions(login, sent), manager)
                assert refused.value.field == "perms"
    sent = [PermissionChange(name, "add") for name in own]
    await door.act(change_permissions, ChangePermissions("new", sent), manager)
    assert await held(door, "new") == own
    sent = [PermissionChange(name, "remove") for name in everything if name != "users.manage"]
    await door.act(change_permissions, ChangePermissions("manager", sent), manager)
    assert await held(door, "manager") == {"users.manage"}
    async with nothing_changed(owner):
        with pytest.raises(BeyondOwn):
            await door.act(change_permissions, ChangePermissions("new", []), manager)
        sent = changes(vendcash="add")
        with pytest.raises(BeyondOwn):
            await door.act(change_permissions, ChangePermissions("manager", sent), manager)


@pytest.mark.parametrize(
    ("command", "field", "told"),
    [
        (ChangePermissions("clerk", changes(fly="add")), "perms[0].name", "no permission 'fly'"),
        (ChangePermissions("clerk", changes(fly="keep")), "perms[0].name", "no permission 'fly'"),
        (
            ChangePermissions("clerk", [PermissionChange("", "add")]),
            "perms[0].name",
            "no permission ''",
        ),
        (
            ChangePermissions("clerk", [PermissionChange("public", "add")]),
            "perms[0].name",
            "no permission 'public'",
        ),
        (
            ChangePermissions("clerk", changes(passwd="keep", vendcash="grant")),
            "perms[1].action",
            "'grant' is none of add, remove and keep",
        ),
        (
            ChangePermissions("clerk", changes(vendcash="add") + changes(vendcash="remove")),
            "perms[1].action",
            "vendcash is sent twice, to add and to remove",
        ),
        (
            ChangePermissions("clerk", changes(vendcash="add") + changes(vendcash="keep")),
            "perms[1].action",
            "vendcash is sent twice",
        ),
        (
            ChangePermissions("clerk", changes(vendcash="add"), "V2"),
            "vendor_number",
            "clerk does not belong to vendor 'V2'",
        ),
        (ChangePermissions("clerk", changes(vendcash="add"), ""), "vendor_number", "vendor ''"),
        (ChangePermissions("x", changes(vendcash="add")), "user", "There is no user x"),
    ],
)
async def test_changes_that_make_no_sense(door, boss, owner, command, field, told) -> None:
    await make_user(door, "example", "clerk", "VENDOR")
    async with nothing_changed(owner):
        with pytest.raises(Refusal) as refused:
            await door.act(change_permissions, command, boss)
    assert refused.value.field == field
    assert told in refused.value.message


async def test_the_same_change_twice_is_one(door, boss) -> None:
    await make_user(door, "example", "clerk", "VENDOR")
    command = ChangePermissions("clerk", changes(vendcash="add") * 2, "CEC")
    told = await door.act(change_permissions, command, boss)
    assert "vendcash" in {row.name for row in told.permissions}


async def test_permissions_are_told_in_the_order_of_the_catalogue(door, boss, owner) -> None:
    rows = await owner.fetch("select permission, position from access.permission")
    position = {row["permission"]: row["position"] for row in rows}
    for actor in (boss, boss.at(None)):
        told = await door.ask(permissions_of_user, UserNamed("boss"), actor)
        places = [position[row.name] for row in told.permissions]
        assert places == sorted(places)
        assert len(places) == len(position) - 2
        assert told.role == "SysAdmin"
    assert msgspec.structs.asdict(told.permissions[0]) == {
        "category": "Account", "name": "passwd", "description": "Change Password",
        "long_description": "",
    }  # fmt: skip
