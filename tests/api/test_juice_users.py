"""J32-J37 over real HTTP: the document's own examples, what is refused, and what is kept secret."""

import asyncio
import base64
import json
import re
from typing import Any

import asyncpg
import httpx
import pytest
from tests.conftest import make_user, token_header
from tests.documented import example
from tests.shared import shared_urls, urls  # noqa: F401

from currant.access.model import (
    OPERATOR,
    Actor,
    CreateAlias,
    CreatePortal,
    CreateVendor,
    IssueToken,
    SetPassword,
    UserNamed,
)
from currant.access.passwords import hash_password
from currant.access.verbs import (
    create_alias,
    create_portal,
    create_vendor,
    deactivate_user,
    hash_token,
    issue_token,
    new_token,
    set_password,
)
from currant.db.migrate import DOMAINS
from currant.door import Door

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
FORM = "application/x-www-form-urlencoded"

# The bodies and answers of the document, less its errata: role and phone are echoed as sent.
WARREN = {
    "portal": "example",
    "login": "swarren",
    "name": "Sarah Warren",
    "phone_1": "15558675409",
    "phone_2": "",
    "sms_1": "15558675409",
    "sms_2": "",
    "email": "swarren@example.com",
    "system_role": "CSR",
    "external_vendor": False,
    "vendor_number": "CEC",
    "vendor_limit": {"amount": 1000000, "currency": "USD"},
    "special_limit": {"amount": 100000, "currency": "USD"},
    "blocked_accounts": "",
}
WARREN_TOLD = {
    "active": True,
    "blocked_accounts": "",
    "email": "swarren@example.com",
    "external_vendor": False,
    "login": "swarren",
    "name": "Sarah Warren",
    "phone_1": "15558675409",
    "phone_2": "",
    "portal": "example",
    "sec_level": 60,
    "sms_1": "15558675409",
    "sms_2": "",
    "special_limit": {"amount": 100000, "currency": "USD"},
    "system_role": "CSR",
    "vending_limit": {"amount": 1000000, "currency": "USD"},
    "vendor_number": "CEC",
}
PERMS = {
    "portal": "example",
    "login": "jsmith",
    "vendor_number": "CEC",
    "perms": [
        {"name": "passwd", "action": "keep"},
        {"name": "balance", "action": "keep"},
        {"name": "tabcoms", "action": "remove"},
        {"name": "tabcontrol", "action": "keep"},
        {"name": "vendcash", "action": "add"},
    ],
}
PASSWD = {"category": "Account", "name": "passwd", "description": "Change Password"}
BALANCE = {"category": "Account", "name": "balance", "description": "Drawer Balance and Batch"}
COMS = {
    "category": "Account Screen",
    "name": "tabcoms",
    "description": "Coms: SMS/Email/IVR/Issues",
    "long_description": "Allows access to Com tab showing all Juice generated customer "
    "communications.",
}
CONTROL = {
    "category": "Account Screen",
    "name": "tabcontrol",
    "description": "Control Tab",
    "long_description": "Allows access to manage tariff, location, meter, vending, and more. "
    "Commercial services agents and customer service managers should have access and review "
    "training documents before using.",
}
VENDCASH = {
    "category": "Vending",
    "name": "vendcash",
    "description": "Vend Cash",
    "long_description": "Allows user to vend power with cash payment.",
}
NO_LIMIT = {"vendor_limit": None, "special_limit": None}


async def post(http: httpx.AsyncClient, actor: Actor, path: str, body: Any, **more: str) -> Any:
    """POST as curl --data does: JSON that calls itself a form."""
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    headers = token_header(actor) | {"content-type": FORM} | more
    return await http.post(f"/systemuser/{path}", content=content, headers=headers)


async def get(http: httpx.AsyncClient, actor: Actor, path: str, **query: str) -> Any:
    return await http.get(f"/systemuser/{path}", params=query, headers=token_header(actor))


async def shown(http: httpx.AsyncClient, actor: Actor, login: str) -> Any:
    return (await get(http, actor, "get", portal="example", user=login)).json()["data"]


def refused(answer: httpx.Response, status: int, code: int, told: str) -> None:
    assert (answer.status_code, answer.json()["error"]) == (status, code), answer.text
    assert told in answer.json()["error_message"]
    assert "data" not in answer.json()


async def plain_vendor(door: Door, boss: Actor) -> Actor:
    """F-PERMS: jsmith, a VENDOR of CEC with the four permissions that the document lists."""
    return await make_user(door, "example", "jsmith", "VENDOR")


# The document's examples


async def test_a_user_is_created_shown_and_updated_as_documented(http, boss) -> None:
    made = await post(http, boss, "create", WARREN)
    assert (made.status_code, made.json()) == (200, {"error": 0, "data": WARREN_TOLD})
    assert list(made.json()["data"]) == list(WARREN_TOLD)
    told = await get(http, boss, "get", portal="example", user="swarren")
    assert (told.status_code, told.json()) == (200, {"error": 0, "data": WARREN_TOLD})
    update = WARREN | {"special_limit": {"amount": 1000000, "currency": "USD"}}
    updated = await post(http, boss, "update", update)
    assert (updated.status_code, updated.json()) == (200, {"error": 0})
    assert await shown(http, boss, "swarren") == WARREN_TOLD | {
        "special_limit": {"amount": 1000000, "currency": "USD"}
    }


async def test_permissions_are_listed_and_updated_as_documented(http, door, boss, owner) -> None:
    await plain_vendor(door, boss)
    await owner.execute(
        "insert into access.user_permission select u.user_id, p, false "
        "from access.system_user as u, unnest(array['customer.view', 'wallet.view', 'vend.view']) "
        "as p where u.login = 'jsmith'"
    )
    listed = await get(http, boss, "perms/get", login="jsmith")
    data = {"role": "VENDOR", "perms": [PASSWD, BALANCE, COMS, CONTROL]}
    assert (listed.status_code, listed.json()) == (200, {"error": 0, "data": data})
    changed = await post(http, boss, "perms/update", PERMS)
    data = {"role": "VENDOR", "perms": [PASSWD, BALANCE, CONTROL, VENDCASH]}
    assert (changed.status_code, changed.json()) == (200, {"error": 0, "data": data})
    listed = await get(http, boss, "perms/get", login="jsmith")
    assert listed.json() == changed.json()
    # What is not named stays, and `keep` gives back nothing.
    kept = PERMS | {"perms": [{"name": "tabcoms", "action": "keep"}]}
    assert (await post(http, boss, "perms/update", kept)).json() == changed.json()
    assert (await post(http, boss, "perms/update", PERMS | {"perms": []})).json() == changed.json()


async def test_a_token_is_generated_as_documented(http, door, boss, owner) -> None:
    smith = await plain_vendor(door, boss)
    answer = await get(http, boss, "token/generate", portal="example", user="jsmith")
    token = answer.json()["data"]["token"]
    data = {"portal": "example", "user": "jsmith", "token": token}
    assert (answer.status_code, answer.json()) == (200, {"error": 0, "data": data})
    assert UUID4.fullmatch(token)
    assert answer.headers["cache-control"] == "max-age=0, private, must-revalidate, no-store"
    assert (await http.get("/auth-test", headers=token_header(smith))).status_code == 401
    fresh = {"Authorization": f"token jsmith:{token}"}
    assert (await http.get("/auth-test", headers=fresh)).status_code == 200
    again = await get(http, boss, "token/generate", portal="example", user="jsmith")
    assert again.json()["data"]["token"] != token
    assert (await http.get("/auth-test", headers=fresh)).status_code == 401
    acts = await owner.fetch(
        "select login, outcome, command from access.audit_event where act = 'issue_token' "
        "and login = 'boss' order by event_id"
    )
    event = ("boss", "done", '{"login":"jsmith","token_hash":"…"}')
    assert [tuple(act) for act in acts] == [event] * 2


@pytest.mark.parametrize(
    "name",
    [
        "systemuser_create",
        "systemuser_get",
        "systemuser_update",
        "systemuser_perms_get",
        "systemuser_perms_update",
        "systemuser_token_generate",
    ],
)
async def test_the_documents_own_requests_are_answered_in_its_shape(http, door, boss, name) -> None:
    told = example(name)
    await plain_vendor(door, boss)
    if name in ("systemuser_get", "systemuser_update"):
        await post(http, boss, "create", WARREN)
    answer = await http.request(
        told["method"],
        f"{told['path']}?{told['raw_query']}",
        content=told["body"],
        headers=token_header(boss) | ({"content-type": FORM} if told["body"] else {}),
    )
    assert answer.status_code == told["expect_status"], answer.text
    missing = (
        set(told["expect_keys"]) - set(told.get("optional_keys", [])) - set(paths(answer.json()))
    )
    assert not missing
    if name == "systemuser_create":
        assert answer.json() == told["expect_body_corrected"]


def paths(value: Any, path: str = "") -> list[str]:
    """Every member that an answer has, by its path."""
    if isinstance(value, list):
        return [found for one in value for found in paths(one, f"{path}[]")]
    if not isinstance(value, dict):
        return []
    named = [(f"{path}.{name}".removeprefix("."), member) for name, member in value.items()]
    return [name for name, _ in named] + [p for name, member in named for p in paths(member, name)]


# What a body may be


@pytest.mark.parametrize("content_type", [FORM, "application/json", "text/csv", "text/plain", None])
async def test_a_body_is_json_whatever_it_calls_itself(http, boss, content_type) -> None:
    headers = token_header(boss) | ({} if content_type is None else {"content-type": content_type})
    body = json.dumps(WARREN | {"more": {"unknown": [1]}})
    answer = await http.post("/systemuser/create", content=body, headers=headers)
    assert answer.json() == {"error": 0, "data": WARREN_TOLD}


LIMIT = {"amount": 5, "currency": "USD"}


@pytest.mark.parametrize(
    ("change", "member"),
    [
        *(({name: ...}, name) for name in WARREN if name not in (
            "phone_1", "phone_2", "sms_1", "sms_2", "email", "vendor_limit",
        )),
        ({"vendor_limit": ...}, "vending_limit"),
        ({"vending_limit": LIMIT}, "vending_limit"),
        ({"vending_limit": None}, "vending_limit"),
        ({"vendor_limit": {"amount": 5}}, "vendor_limit.currency"),
        ({"vendor_limit": {"currency": "USD"}}, "vendor_limit.amount"),
        ({"vendor_limit": 5}, "vendor_limit"),
        ({"vendor_limit": "5"}, "vendor_limit"),
        ({"vendor_limit": {"amount": "5", "currency": "USD"}}, "vendor_limit.amount"),
        ({"vendor_limit": {"amount": True, "currency": "USD"}}, "vendor_limit.amount"),
        ({"vendor_limit": {"amount": 5.5, "currency": "USD"}}, "vendor_limit.amount"),
        ({"vendor_limit": {"amount": -1, "currency": "USD"}}, "vendor_limit.amount"),
        ({"vendor_limit": {"amount": 2**63, "currency": "USD"}}, "vendor_limit.amount"),
        ({"vendor_limit": {"amount": 5, "currency": "EUR"}}, "vendor_limit.currency"),
        ({"vendor_limit": {"amount": 5, "currency": "usd"}}, "vendor_limit.currency"),
        ({"special_limit": {"amount": -1, "currency": "USD"}}, "special_limit.amount"),
        ({"special_limit": {"amount": 5, "currency": "EUR"}}, "special_limit.currency"),
        ({"special_limit": {"amount": 5, "currency": 1}}, "special_limit.currency"),
        ({"external_vendor": "false"}, "external_vendor"),
        ({"external_vendor": 0}, "external_vendor"),
        ({"external_vendor": None}, "external_vendor"),
        ({"vendor_number": ""}, "vendor_number"),
        ({"vendor_number": "V9"}, "vendor_number"),
        ({"vendor_number": 1}, "vendor_number"),
        ({"system_role": "Emperor"}, "system_role"),
        ({"system_role": "Operator"}, "system_role"),
        ({"system_role": ""}, "system_role"),
        ({"name": ""}, "name"),
        ({"name": "n" * 31}, "name"),
        ({"phone_1": "1-555-867-5409"}, "phone_1"),
        ({"phone_2": 15558675409}, "phone_2"),
        ({"sms_1": "n/a"}, "sms_1"),
        ({"sms_2": "+1"}, "sms_2"),
        ({"email": "swarren"}, "email"),
        ({"blocked_accounts": "3280"}, "blocked_accounts"),
        ({"blocked_accounts": ["03280"]}, "blocked_accounts"),
        ({"blocked_accounts": None}, "blocked_accounts"),
    ],
)  # fmt: skip
async def test_a_member_that_is_wrong_is_named(http, boss, owner, change, member) -> None:
    """To create somebody and to replace somebody; and nothing is stored."""
    body = {name: value for name, value in (WARREN | change).items() if value is not ...}
    refused(await post(http, boss, "create", body), 406, 201, member)
    assert await owner.fetchval("select count(*) from access.system_user where portal_id > 0") == 1
    await post(http, boss, "create", WARREN)
    answer = await post(http, boss, "update", body)
    refused(answer, 406, 201, member)
    assert answer.json()["error_message"].endswith("Nothing was done.")
    assert await shown(http, boss, "swarren") == WARREN_TOLD


async def test_logins_are_shaped_unique_and_the_key(http, door, boss, owner) -> None:
    for login in ("", "s" * 21, "s warren", "-s"):
        refused(await post(http, boss, "create", WARREN | {"login": login}), 406, 201, "login")
    refused(await post(http, boss, "create", WARREN | {"login": "boss"}), 406, 201, "login")
    refused(await post(http, boss, "update", WARREN), 404, 201, "no user swarren")
    for body in (b"", b"{", b"[]", b"\xff", b'"text"'):
        answer = await post(http, boss, "create", body)
        assert answer.status_code in (400, 406)
        assert answer.json()["error"] == 201
    assert await owner.fetchval("select count(*) from access.system_user where portal_id > 0") == 1


async def test_a_limit_goes_by_either_name_or_both_alike(http, boss) -> None:
    for number, sent in enumerate(
        (
            {"vendor_limit": LIMIT},
            {"vending_limit": LIMIT},
            {"vendor_limit": LIMIT, "vending_limit": LIMIT},
        )
    ):
        body = {n: v for n, v in WARREN.items() if n != "vendor_limit"} | sent
        made = await post(http, boss, "create", body | {"login": f"u{number}"})
        assert made.json()["data"]["vending_limit"] == LIMIT
        assert "vendor_limit" not in made.json()["data"]


async def test_a_user_without_a_limit_is_read_changed_and_written_back(http, boss) -> None:
    made = await post(http, boss, "create", WARREN | NO_LIMIT)
    assert made.json()["data"] == WARREN_TOLD | {"vending_limit": None, "special_limit": None}
    told = await shown(http, boss, "swarren")
    assert (await post(http, boss, "update", told | {"name": "Sarah W."})).json() == {"error": 0}
    assert await shown(http, boss, "swarren") == told | {"name": "Sarah W."}


async def test_what_is_left_out_of_an_update_is_blank(http, boss) -> None:
    await post(http, boss, "create", WARREN | {"phone_2": "2", "sms_2": "4"})
    optional = ("phone_1", "phone_2", "sms_1", "sms_2", "email")
    body = {name: value for name, value in WARREN.items() if name not in optional}
    assert (await post(http, boss, "update", body)).json() == {"error": 0}
    assert await shown(http, boss, "swarren") == WARREN_TOLD | dict.fromkeys(optional, "")


async def test_blocked_accounts_are_echoed_as_stored(http, boss) -> None:
    made = await post(http, boss, "create", WARREN | {"blocked_accounts": " 03281, 03280,03281 "})
    assert made.json()["data"]["blocked_accounts"] == "03281,03280"
    await post(http, boss, "update", WARREN | {"blocked_accounts": "*"})
    assert (await shown(http, boss, "swarren"))["blocked_accounts"] == "*"


@pytest.mark.parametrize(
    ("role", "level"),
    [
        ("CSR", 60), ("CSR2", 60), ("CSR3", 65), ("ComMGR", 70), ("VENDOR", 60),
        ("VENDORADM", 65), ("Engineer", 60), ("Accounting", 65), ("SysAdmin", 70),
    ],
)  # fmt: skip
async def test_the_level_follows_the_role(http, boss, role, level) -> None:
    made = await post(http, boss, "create", WARREN | {"system_role": role})
    assert (made.json()["data"]["system_role"], made.json()["data"]["sec_level"]) == (role, level)


async def test_a_key_creates_one_user_and_answers_the_same(http, boss, owner) -> None:
    keyed = {"Idempotency-Key": "k1"}
    first, second = [await post(http, boss, "create", WARREN, **keyed) for _ in range(2)]
    assert first.json() == second.json() == {"error": 0, "data": WARREN_TOLD}
    assert await owner.fetchval("select count(*) from access.system_user where portal_id > 0") == 2
    other = await post(http, boss, "create", WARREN | {"login": "other"}, **keyed)
    refused(other, 406, 201, "key was used before")


async def test_an_alias_is_answered_by_the_portals_name(http, door, boss) -> None:
    await door.act(create_alias, CreateAlias("old"), OPERATOR.at("example"))
    made = await post(http, boss, "create", WARREN | {"portal": "old"})
    assert made.json()["data"]["portal"] == "example"
    token = await get(http, boss, "token/generate", portal="old", user="swarren")
    assert token.json()["data"]["portal"] == "example"


# Who may


@pytest.fixture
async def manager(door: Door, boss: Actor) -> Actor:
    """A ComMGR with limits and a blocked account."""
    return await make_user(
        door, "example", "manager", "ComMGR",
        vending_limit=1_000_000, special_limit=100_000, blocked_accounts="00012",
    )  # fmt: skip


async def test_nobody_gives_or_touches_more_than_they_hold(http, manager, owner) -> None:
    mine = WARREN | {"blocked_accounts": "00012"}
    assert (await post(http, manager, "create", mine)).status_code == 200
    before = await owner.fetch("table access.system_user")
    for change, told in (
        ({"system_role": "SysAdmin"}, "manager lacks ami.callback"),
        ({"vendor_limit": {"amount": 1_000_001, "currency": "USD"}}, "a vending limit as high"),
        ({"vendor_limit": None}, "a vending limit as high"),
        ({"special_limit": {"amount": 100_001, "currency": "USD"}}, "a special limit as high"),
        ({"special_limit": None}, "a special limit as high"),
        ({"blocked_accounts": ""}, "access to account 00012"),
        ({"login": "boss"}, "manager lacks"),
    ):
        body = mine | change
        refused(await post(http, manager, "update", body), 403, 101, told)
        if "login" not in change:
            own = body | {"login": "manager"}
            refused(await post(http, manager, "update", own), 403, 101, told)
            refused(await post(http, manager, "create", body | {"login": "n"}), 403, 101, told)
    for name in ("ledger.close", "import.trinity", "portals.manage", "jobs.run"):
        for login in ("swarren", "manager"):
            body = PERMS | {"login": login, "perms": [{"name": name, "action": "add"}]}
            refused(await post(http, manager, "perms/update", body), 403, 101, f"lacks {name}")
    body = PERMS | {"login": "boss", "perms": [{"name": "passwd", "action": "remove"}]}
    refused(await post(http, manager, "perms/update", body), 403, 101, "manager lacks")
    answer = await get(http, manager, "token/generate", portal="example", user="boss")
    refused(answer, 403, 101, "manager lacks")
    assert answer.json()["error_message"].count("othing was done") == 1
    assert await owner.fetch("table access.system_user") == before
    assert await owner.fetchval("select count(*) from access.user_permission") == 0


async def test_who_does_not_manage_users_is_refused(http, cashier) -> None:
    lacks = "cashier1 lacks users.manage"
    refused(await post(http, cashier, "create", WARREN), 403, 101, lacks)
    refused(await post(http, cashier, "update", WARREN), 403, 101, lacks)
    refused(await post(http, cashier, "perms/update", PERMS), 403, 101, lacks)
    refused(await get(http, cashier, "get", portal="example", user="cashier1"), 403, 101, lacks)
    refused(await get(http, cashier, "perms/get", login="cashier1"), 403, 101, lacks)
    answer = await get(http, cashier, "token/generate", portal="example", user="boss")
    refused(answer, 403, 101, lacks)


async def test_a_portal_knows_its_own_users_alone(http, door, boss, owner) -> None:
    made = CreatePortal("abroad", "Abroad", "UTC", "EUR", "ABR")
    await door.act(create_portal, made, OPERATOR)
    stranger = await make_user(door, "abroad", "stranger", "SysAdmin")
    for portal, status, code in (
        ("example", 403, 101),
        ("nowhere", 403, 101),
        ("abroad", 404, 201),
    ):
        answer = await get(http, stranger, "get", portal=portal, user="boss")
        refused(answer, status, code, portal)
        answer = await get(http, stranger, "token/generate", portal=portal, user="boss")
        refused(answer, status, code, portal)
        body = WARREN | {"portal": portal, "login": "boss", "vendor_number": "ABR"} | NO_LIMIT
        refused(await post(http, stranger, "update", body), status, code, portal)
        body = PERMS | {"portal": portal, "login": "boss"}
        refused(await post(http, stranger, "perms/update", body), status, code, portal)
    refused(await get(http, stranger, "perms/get", login="boss"), 404, 201, "no user boss")
    assert (await get(http, stranger, "perms/get", login="stranger")).status_code == 200
    refused(await post(http, stranger, "create", WARREN), 403, 101, "example")
    wrong = WARREN | {"portal": "abroad"}
    refused(await post(http, stranger, "create", wrong), 406, 201, "vendor_limit.currency")
    wrong |= NO_LIMIT
    refused(await post(http, stranger, "create", wrong), 406, 201, "vendor_number")
    assert (await http.get("/auth-test", headers=token_header(boss))).status_code == 200


@pytest.mark.parametrize(
    ("change", "member"),
    [
        ({"portal": ...}, "portal"),
        ({"login": ...}, "login"),
        ({"vendor_number": ...}, "vendor_number"),
        ({"perms": ...}, "perms"),
        ({"vendor_number": "V2"}, "vendor_number"),
        ({"vendor_number": ""}, "vendor_number"),
        ({"perms": {}}, "perms"),
        ({"perms": ["passwd"]}, "perms[0]"),
        ({"perms": [{"name": "passwd"}]}, "perms[0].action"),
        ({"perms": [{"action": "add"}]}, "perms[0].name"),
        ({"perms": [{"name": "fly", "action": "add"}]}, "perms[0].name"),
        ({"perms": [{"name": "fly", "action": "keep"}]}, "perms[0].name"),
        ({"perms": [{"name": "", "action": "remove"}]}, "perms[0].name"),
        ({"perms": [{"name": "passwd", "action": "grant"}]}, "perms[0].action"),
        ({"perms": [{"name": "passwd", "action": "ADD"}]}, "perms[0].action"),
        ({"perms": [{"name": "passwd", "action": 1}]}, "perms[0].action"),
        (
            {"perms": [{"name": "vendcash", "action": a} for a in ("add", "add", "remove")]},
            "perms[2].action",
        ),
    ],
)
async def test_changes_of_permissions_that_are_wrong(
    http, door, boss, owner, change, member
) -> None:
    await plain_vendor(door, boss)
    await door.act(create_vendor, CreateVendor("V2", "Corner Shop"), boss)
    body = {name: value for name, value in (PERMS | change).items() if value is not ...}
    refused(await post(http, boss, "perms/update", body), 406, 201, member)
    assert await owner.fetchval("select count(*) from access.user_permission") == 0


# J32


async def test_anybody_may_replace_their_own_token(http, door, cashier, owner) -> None:
    answer = await get(http, cashier, "token/generate", portal="example", user="cashier1")
    token = answer.json()["data"]["token"]
    assert (await http.get("/auth-test", headers=token_header(cashier))).status_code == 401
    await door.act(
        set_password,
        SetPassword("cashier1", hash_password("a good password")),
        OPERATOR.at("example"),
    )
    basic = base64.b64encode(b"cashier1:a good password").decode()
    path = "/systemuser/token/generate?portal=example&user=cashier1"
    answer = await http.get(path, headers={"Authorization": f"Basic {basic}"})
    assert answer.status_code == 200
    old = {"Authorization": f"token cashier1:{token}"}
    assert (await http.get("/auth-test", headers=old)).status_code == 401


async def credentials(owner: asyncpg.Connection) -> list[asyncpg.Record]:
    return await owner.fetch("table access.credential order by 1")


async def test_head_is_answered_as_get_and_replaces_nothing(
    http, door, boss, cashier, owner
) -> None:
    path = "/systemuser/token/generate"
    for actor, user, status in (
        (boss, "cashier1", 200),
        (boss, "boss", 200),
        (cashier, "cashier1", 200),
        (cashier, "boss", 403),
        (boss, "x", 404),
    ):
        before = await credentials(owner)
        events = await owner.fetchval("select count(*) from access.audit_event")
        asked = {"params": {"portal": "example", "user": user}, "headers": token_header(actor)}
        head = await http.head(path, **asked)
        assert (head.status_code, head.content) == (status, b"")
        assert await credentials(owner) == before
        assert await owner.fetchval("select count(*) from access.audit_event") == events
        answer = await http.get(path, **asked)
        del head.headers["date"], answer.headers["date"]
        assert (answer.status_code, answer.headers) == (status, head.headers)
        assert int(head.headers["content-length"]) == len(answer.content)
        assert (await credentials(owner) == before) == (status != 200)
        for one in (boss, cashier):
            restored = IssueToken(one.login, one.proof)
            await door.act(issue_token, restored, OPERATOR.at("example"))
    assert (await http.head(f"{path}?portal=example&user=boss")).status_code == 401


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("site", "status"),
    [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200), (None, 200)],
)
async def test_a_page_of_another_site_gets_no_token(
    http, boss, owner, method, site, status
) -> None:
    before = await credentials(owner)
    headers = token_header(boss) | ({} if site is None else {"Sec-Fetch-Site": site})
    path = "/systemuser/token/generate?portal=example&user=boss"
    answer = await http.request(method, path, headers=headers)
    assert answer.status_code == status
    assert answer.headers["cache-control"].endswith("must-revalidate, no-store")
    if status == 403:
        if method == "GET":
            refused(answer, 403, 101, f"Sec-Fetch-Site: {site}")
        assert await credentials(owner) == before
    other = await http.get("/auth-test", headers=headers)
    assert other.headers["cache-control"] == "max-age=0, private, must-revalidate"


async def test_what_is_fetched_ahead_of_a_click_gets_no_token(http, boss, owner) -> None:
    before = await credentials(owner)
    headers = token_header(boss) | {"Sec-Purpose": "prefetch;prerender"}
    path = "/systemuser/token/generate?portal=example&user=boss"
    refused(await http.get(path, headers=headers), 403, 101, "Sec-Purpose: prefetch")
    assert await credentials(owner) == before


async def test_the_parameters_of_a_token_are_required(http, boss, owner) -> None:
    before = await credentials(owner)
    for query, told in (
        ({}, "portal"),
        ({"portal": "example"}, "user"),
        ({"user": "boss"}, "portal"),
    ):
        refused(await get(http, boss, "token/generate", **query), 406, 201, told)
    refused(await get(http, boss, "token/generate", portal="example", user="x"), 404, 201, "user x")
    for path in ("token/generate", "get", "perms/get"):
        answer = await http.post(f"/systemuser/{path}", headers=token_header(boss))
        assert (answer.status_code, answer.json()["error"]) == (405, 200)
        assert "GET" in answer.headers["allow"]
    assert await credentials(owner) == before


async def test_tokens_at_once_leave_one_that_is_good(http, door, boss, owner) -> None:
    await plain_vendor(door, boss)
    answers = await asyncio.gather(
        *(get(http, boss, "token/generate", portal="example", user="jsmith") for _ in range(10))
    )
    tokens = [answer.json()["data"]["token"] for answer in answers]
    assert len(set(tokens)) == 10
    good = []
    for token in tokens:
        headers = {"Authorization": f"token jsmith:{token}"}
        good.append((await http.get("/auth-test", headers=headers)).status_code)
    # The sixth that fails is told to wait.
    assert sorted(good) == [200] + [401] * 5 + [429] * 4


async def test_secrets_are_told_once_and_kept_nowhere(http, door, boss, owner) -> None:
    """In no other answer, no audit event and no kept answer, whatever key was sent."""
    await plain_vendor(door, boss)
    keyed = {"Idempotency-Key": "k1"}
    path = "/systemuser/token/generate?portal=example&user=jsmith"
    juice = await http.get(path, headers=token_header(boss) | keyed)
    native = [
        await http.post("/v1/example/users/jsmith/token", headers=token_header(boss) | keyed)
        for _ in range(2)
    ]
    tokens = [juice.json()["data"]["token"], *(answer.json()["token"] for answer in native)]
    assert len(set(tokens)) == 3
    assert [answer.headers["cache-control"] for answer in native] == ["no-store"] * 2
    told = ""
    for path in (
        "/systemuser/get?portal=example&user=jsmith",
        "/systemuser/perms/get?login=jsmith",
        "/v1/example/users",
        "/v1/example/users/jsmith",
    ):
        told += (await http.get(path, headers=token_header(boss))).text
    for row in await owner.fetch(
        "select c.oid::regclass::text as name from pg_class as c "
        "inner join pg_namespace as n on n.oid = c.relnamespace "
        "where c.relkind = 'r' and n.nspname = any($1)",
        list(DOMAINS),
    ):
        rows = await owner.fetch(f"select t::text as told from {row['name']} as t")  # noqa: S608
        kept = "\n".join(r["told"] for r in rows)
        assert not [t for t in tokens if t in kept], row["name"]
        if row["name"] != "access.credential":
            assert not [t for t in tokens if hash_token(t) in kept], row["name"]
    assert not [t for t in tokens if t in told or hash_token(t) in told]
    good = {"Authorization": f"token jsmith:{tokens[-1]}"}
    assert (await http.get("/auth-test", headers=good)).status_code == 200


async def test_a_user_who_is_kept_out_cannot_sign_in(http, door, boss) -> None:
    smith = await plain_vendor(door, boss)
    await door.act(deactivate_user, UserNamed("jsmith"), boss)
    assert (await http.get("/auth-test", headers=token_header(smith))).status_code == 401
    assert (await shown(http, boss, "jsmith"))["active"] is False
    token, hashed = new_token()
    await door.act(issue_token, IssueToken("jsmith", hashed), boss)
    fresh = {"Authorization": f"token jsmith:{token}"}
    assert (await http.get("/auth-test", headers=fresh)).status_code == 401
    body = WARREN | {"login": "jsmith", "system_role": "VENDOR"}
    assert (await post(http, boss, "update", body)).status_code == 200
    assert (await shown(http, boss, "jsmith"))["active"] is False
