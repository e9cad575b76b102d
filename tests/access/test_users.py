"""Users and credentials: what is refused, and that nobody rises by them."""

import asyncio

import asyncpg
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import make_user
from tests.waiting import until_waiting

from currant.access.details import ROLES, blocked_list
from currant.access.model import (
    OPERATOR,
    Actor,
    BeyondOwn,
    CreateAlias,
    CreatePortal,
    CreateUser,
    CreateVendor,
    EmailShape,
    IssueToken,
    LoginShape,
    LoginTaken,
    PortalAliasShape,
    PortalAliasTaken,
    PortalKeyShape,
    PortalKeyTaken,
    SetPassword,
    SpecialLimitImplausible,
    TokenHolder,
    UpdateUser,
    UserNamed,
    UserNameShape,
    VendingLimitImplausible,
    Vendor,
    VendorNameShape,
    VendorNumberShape,
    VendorTaken,
)
from currant.access.passwords import hash_password
from currant.access.verbs import (
    Nothing,
    create_alias,
    create_portal,
    create_user,
    create_vendor,
    hash_token,
    issue_own_token,
    issue_token,
    new_token,
    set_password,
    show_user,
    update_user,
    users,
    vendors,
    who_am_i,
)
from currant.clock import UnknownZone
from currant.db.migrate import DOMAINS
from currant.errors import Forbidden, Invalid, NotFound, Unauthenticated


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"key": "Example"}, PortalKeyShape),
        ({"key": ""}, PortalKeyShape),
        ({"key": "a" * 41}, PortalKeyShape),
        ({"key": "example"}, PortalKeyTaken),
        ({"timezone": "New York"}, Invalid),
        ({"timezone": "../etc/passwd"}, Invalid),
        ({"timezone": ""}, UnknownZone),
        ({"timezone": "localtime"}, UnknownZone),
        ({"timezone": "right/UTC"}, UnknownZone),
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
        ({"role": "Emperor"}, Invalid),
        ({"role": "Operator"}, Invalid),
        ({"role": "csr"}, Invalid),
        ({"vending_limit": -1}, VendingLimitImplausible),
        ({"special_limit": -1}, SpecialLimitImplausible),
        ({"vending_limit": 2**63}, Invalid),
        ({"name": "nul\0"}, Invalid),
        ({"name": ""}, UserNameShape),
        ({"name": " "}, UserNameShape),
        ({"name": "a" * 31}, UserNameShape),
        ({"name": "two\nlines"}, UserNameShape),
        ({"vendor_number": "V9"}, Invalid),
        ({"vendor_number": "cec"}, Invalid),
        ({"email": "swarren"}, EmailShape),
        ({"email": "a b@example.com"}, EmailShape),
        ({"email": "a@example.com, b@example.com"}, EmailShape),
        ({"email": f"{'a' * 251}@b.c"}, EmailShape),
        ({"phone_1": "+15558675409"}, Invalid),
        ({"phone_2": "555 867"}, Invalid),
        ({"sms_1": "٥٥٥"}, Invalid),
        ({"sms_2": "5" * 21}, Invalid),
        ({"blocked_accounts": "3280"}, Invalid),
        ({"blocked_accounts": "03280 03281"}, Invalid),
        ({"blocked_accounts": "*,03280"}, Invalid),
        ({"blocked_accounts": "٠٣٢٨٠"}, Invalid),
    ],
)
async def test_a_user_that_cannot_be(door, boss, owner, change, refusal) -> None:
    """Made anew, or from one that is there."""
    told = {"login": "new", "name": "New", "role": "CSR"} | change
    with pytest.raises(refusal) as refused:
        await door.act(create_user, CreateUser(**told), boss)
    assert "othing was" in refused.value.message
    (member,) = change
    assert refused.value.field == member or member in refused.value.message
    assert await owner.fetchval("select count(*) from access.system_user where portal_id > 0") == 1
    if member != "login":
        await door.act(create_user, CreateUser("new", "New", "CSR"), boss)
        before = await door.ask(show_user, UserNamed("new"), boss)
        with pytest.raises(refusal):
            await door.act(update_user, UpdateUser(**told), boss)
        assert await door.ask(show_user, UserNamed("new"), boss) == before


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("role = 'Emperor'", "role_known"),
        ("vendor_number = 'V9'", "vendor_known"),
        ("phone_2 = '+1'", "user_phone_digits"),
        ("sms_1 = '٥'", "user_phone_digits"),
        ("blocked_accounts = '03280, 03281'", "blocked_accounts_shape"),
        ("blocked_accounts = '3280'", "blocked_accounts_shape"),
        ("vending_limit = -1", "vending_limit_positive"),
        ("special_limit = -1", "special_limit_positive"),
        ("name = repeat('n', 31)", "user_name_shape"),
    ],
)
async def test_the_database_itself_keeps_users_sound(boss, owner, urls, change, constraint) -> None:
    """Whoever writes them; and who serves writes them by the owner's functions alone."""
    update = f"update access.system_user set {change} where login = 'boss'"  # noqa: S608
    with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
        await owner.execute(update)
    assert refused.value.constraint_name == constraint
    runtime = await asyncpg.connect(urls.runtime)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await runtime.execute(update)
    await runtime.close()


WHOLE = {
    "login": "new", "name": "Ada Öster", "role": "ComMGR", "vendor_number": "CEC",
    "email": "ada@example.com", "vending_limit": 0, "special_limit": 10**15,
    "external_vendor": True, "phone_1": "1", "phone_2": "22", "sms_1": "333", "sms_2": "4" * 20,
    "blocked_accounts": "03280,03281",
}  # fmt: skip


async def test_a_user_is_shown_as_stored_and_replaced_whole(door, boss) -> None:
    shown = {"portal": "example", "currency": "USD", "active": True}
    made = await door.act(create_user, CreateUser(**WHOLE), boss)
    assert msgspec.structs.asdict(made) == WHOLE | shown | {"sec_level": 70}
    assert await door.ask(show_user, UserNamed("new"), boss) == made
    bare = {"login": "new", "name": "A", "role": "CSR"}
    updated = await door.act(update_user, UpdateUser(**bare), boss)
    blank = msgspec.structs.asdict(CreateUser(**bare)) | shown | {"sec_level": 60}
    assert msgspec.structs.asdict(updated) == blank
    assert await door.ask(show_user, UserNamed("new"), boss) == updated
    again = await door.act(update_user, UpdateUser(**WHOLE), boss)
    assert again == made
    for verb, command in ((show_user, UserNamed("x")), (update_user, UpdateUser("x", "X", "CSR"))):
        how = door.ask if verb is show_user else door.act
        with pytest.raises(NotFound, match="There is no user x in portal example"):
            await how(verb, command, boss)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("", ""),
        (" , ", ""),
        ("*", "*"),
        (" * ", "*"),
        ("03281 ,03280,, 03281", "03281,03280"),
        ("123456", "123456"),
    ],
)
async def test_blocked_accounts_are_kept_in_one_spelling(door, boss, sent, kept) -> None:
    made = CreateUser("new", "New", "CSR", blocked_accounts=sent)
    assert (await door.act(create_user, made, boss)).blocked_accounts == kept


@given(st.lists(st.from_regex(r"[0-9]{5,9}", fullmatch=True)), st.data())
def test_a_list_of_blocked_accounts_that_is_kept_is_kept(accounts, data) -> None:
    blanks = st.sampled_from(["", " ", "\t", "  "])
    sent = ",".join(data.draw(blanks) + account + data.draw(blanks) for account in accounts)
    kept = blocked_list(sent)
    assert kept == ",".join(dict.fromkeys(accounts))
    assert blocked_list(kept) == kept


async def test_the_roles_are_those_of_the_document(owner) -> None:
    rows = await owner.fetch("select role from access.role where role <> 'Operator'")
    assert sorted(row["role"] for row in rows) == sorted(ROLES)


async def test_vendors_are_made_once_and_listed_by_number(door, boss, cashier) -> None:
    made = await door.act(create_vendor, CreateVendor("V2", "Corner Shop", external=True), boss)
    assert made == Vendor("V2", "Corner Shop", external=True)
    listed = await door.ask(vendors, Nothing(), boss)
    assert listed == [Vendor("CEC", "Example Power", external=False), made]
    for number, name, refusal in (
        ("V2", "Another", VendorTaken),
        ("", "None", VendorNumberShape),
        ("V 2", "Blank", VendorNumberShape),
        ("V" * 21, "Long", VendorNumberShape),
        ("V3", " ", VendorNameShape),
    ):
        with pytest.raises(refusal):
            await door.act(create_vendor, CreateVendor(number, name), boss)
    with pytest.raises(Forbidden, match=r"lacks users\.manage"):
        await door.act(create_vendor, CreateVendor("V3", "Mine"), cashier)
    assert await door.ask(vendors, Nothing(), boss) == listed


async def test_a_vendor_of_another_portal_is_none_of_this_one(door, boss, abroad) -> None:
    await door.act(create_vendor, CreateVendor("V2", "Corner Shop"), abroad)
    with pytest.raises(Invalid, match="There is no vendor 'V2' in portal example"):
        await door.act(create_user, CreateUser("new", "New", "CSR", "V2"), boss)
    assert [v.vendor_number for v in await door.ask(vendors, Nothing(), boss)] == ["CEC"]


async def test_users_are_listed_by_login(door, boss) -> None:
    await door.act(create_vendor, CreateVendor("V2", "Corner Shop"), boss)
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
            "select from access.set_credential($1, $2, 'boss', 'TOKEN', 'mine', now())",
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
    assert made == ["CSR", "CSR2", "CSR3", "ComMGR", "VENDOR", "VENDORADM"]
    for role in ROLES:
        await door.act(create_user, CreateUser(f"by-boss-{role}", "New", role), boss)


async def test_a_user_has_one_live_credential_of_each_kind(door, boss, owner) -> None:
    tokens = [new_token() for _ in range(8)]
    done = await asyncio.gather(
        *(door.act(issue_token, IssueToken("boss", h), OPERATOR.at("example")) for _, h in tokens),
        return_exceptions=True,
    )
    assert done == [TokenHolder("example", "boss")] * 8
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


async def test_a_stolen_token_does_not_outlive_its_replacement(door, boss, owner) -> None:
    """The thief's own rotation came in by the token that was replaced while it waited."""
    victim = await make_user(door, "example", "victim", "CSR")
    holding = owner.transaction()
    await holding.start()
    await owner.execute("select from access.system_user where login = 'victim' for update")
    _, hashed = new_token()
    replacing = asyncio.create_task(door.act(issue_token, IssueToken("victim", hashed), boss))
    await until_waiting(owner)
    _, thiefs = new_token()
    stealing = asyncio.create_task(door.act(issue_own_token, IssueToken("victim", thiefs), victim))
    await until_waiting(owner, 2)
    await holding.rollback()
    await replacing
    with pytest.raises(Unauthenticated):
        await stealing
    assert await door.ask(who_am_i, Nothing(), Actor("victim", "TOKEN", hashed)) is not None
