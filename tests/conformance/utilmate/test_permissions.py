"""Who may call which method, and whose: the table of docs/compat/utilmate.md against the server."""

import re
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from tests.conformance.utilmate.examples import CALLS, ELSEWHERE, parameters_for
from tests.conformance.utilmate.stage import ACCOUNT, BUILDING, RPC, SITE, Stage
from tests.conftest import make_user

from currant.access.methods import METHODS
from currant.access.model import OPERATOR, Actor, CreateKey, CreatePortal, RevokeKey
from currant.access.verbs import create_key, create_portal, new_token, revoke_key
from currant.api.utilmate.methods import REGISTER

PAGE = Path(__file__).parents[3] / "docs" / "compat" / "utilmate.md"
ROLES = (
    "VENDOR", "VENDORADM", "CSR", "CSR2", "CSR3", "ComMGR", "Engineer", "Accounting", "SysAdmin",
)  # fmt: skip
HEAD = ("", "method", "needs", *ROLES)
MAY = "●"
# What the running example has, and what there is of it nowhere.
NAMES: dict[str, tuple[Any, Any]] = {
    "account_number": (ACCOUNT, "04719"),
    "sales_cust_number": ("5003986", "5003987"),
    "invoice_number": ("900123", "900999"),
    "site_identifier": (SITE, "4103009999"),
    "building_code": (BUILDING, "TWR99"),
    "network_node": (BUILDING, "TWR99"),
    "cust_account_id": (501, 599),
    "work_order_id": (1, 99),
    "activity_id": (1, 99),
    "loc_id": ("L00000", "L99999"),
    "meter_code": ("1234abcde", "9999abcde"),
}
NAMING = [
    *((call.code, call.parameters) for call in CALLS),
    *ELSEWHERE.items(),
    ("GETSITE", {"loc_id": "L00000"}),
    ("GETWORKORDER", {"work_order_id": 1}),
    ("GETWORKORDER", {"site_identifier": SITE}),
    ("GETWORKORDER", {"building_code": BUILDING}),
    ("GETCUSTDET", {"sales_cust_number": "5003986"}),
    ("GETLOSS", {"building_code": BUILDING}),
    ("POSTACTIVITY", {"activity_id": 1, "status": "CLOSED"}),
    ("POSTACTIVITY", {"site_identifier": SITE, "activity_type_code": "CALL", "subject": "x"}),
    ("POSTCHARGE", {"account_number": ACCOUNT, "charge_item_code": "ADMIN",
        "charge_date": "2024-09-01", "amount": 22, "cust_account_id": 501}),
]  # fmt: skip

Table = dict[str, dict[str, bool]]  # by method, by role


async def keyed(stage: Stage, maker: Actor, login: str, **more: Any) -> tuple[int, str]:
    """Make an access key that acts as a user; return its number and the key."""
    key, hashed = new_token()
    name = f"{login} {len(more)} {key[:8]}"
    made = await stage.door.act(create_key, CreateKey(name, login, hashed, **more), maker)
    return made.key_id, key


async def ask(
    stage: Stage, key: str, code: str, parameters: Any, company: str = "Tower"
) -> httpx.Response:
    called = {"companycode": company, "methodcode": code, "parameters": parameters}
    return await stage.http.post(RPC, json=called, headers={"Authorization": f"Bearer {key}"})


def page_of(table: Table) -> str:
    """The table as the page has it."""
    lines = [f"| {' | '.join(HEAD)} |", "|" + "---|" * 3 + ":-:|" * len(ROLES)]
    for number, code in enumerate(METHODS, start=1):
        cells = [MAY if table[code][role] else "" for role in ROLES]
        needed = REGISTER[code].permissions[0].value
        needs = f"`{needed}`" if needed else "a user"
        lines.append(f"| U{number:02} | `{code}` | {needs} | {' | '.join(cells)} |")
    return "\n".join(lines)


async def declared(owner: asyncpg.Connection) -> Table:
    """Who may call what, by the verbs that the methods call and what the roles may by default."""
    rows = await owner.fetch("select role, permission from access.role_permission")
    held = {(row["role"], row["permission"]) for row in rows}
    needed = {code: method.permissions[0].value for code, method in REGISTER.items()}
    return {
        code: {role: not permission or (role, permission) in held for role in ROLES}
        for code, permission in needed.items()
    }


async def test_the_table_is_what_is_declared_and_what_the_server_does(stage: Stage) -> None:
    assert stage.told is not None
    found: Table = {code: {} for code in METHODS}
    for role in ROLES:
        await make_user(stage.door, "tower", role.lower(), role)
        _, key = await keyed(stage, stage.told.manager, role.lower())
        for code in METHODS:
            answer = await ask(stage, key, code, parameters_for(code))
            lacks = answer.status_code == 403 and " lacks " in answer.json()["error_message"]
            assert lacks or answer.status_code not in (401, 403), f"{code} {role}: {answer.text}"
            found[code][role] = not lacks
    expected = await declared(stage.owner)
    assert found == expected
    assert page_of(expected) in PAGE.read_text(encoding="utf-8"), (
        f"The table of {PAGE.name} is not what is declared. It is:\n{page_of(expected)}"
    )


@pytest.mark.parametrize("code", METHODS)
async def test_a_key_calls_what_it_is_certified_for(stage: Stage, code: str) -> None:
    assert stage.told is not None
    boss = stage.told.manager
    another = next(other for other in METHODS if other != code)
    _, reading = await keyed(stage, boss, boss.login, read_only=True)
    _, certified = await keyed(stage, boss, boss.login, methods=[code])
    _, uncertified = await keyed(stage, boss, boss.login, methods=[another])
    asks = REGISTER[code].asks
    for key, may in ((certified, True), (uncertified, False), (reading, asks)):
        answer = await ask(stage, key, code, parameters_for(code))
        assert (answer.status_code != 403) == may, answer.text
    elsewhere = await ask(stage, certified, code, parameters_for(code), company="elsewhere")
    assert (elsewhere.status_code, elsewhere.json()["error"]) == (403, 101)


async def test_a_key_that_was_revoked_calls_nothing(stage: Stage) -> None:
    assert stage.told is not None
    boss = stage.told.manager
    number, key = await keyed(stage, boss, boss.login)
    assert (await ask(stage, key, "GETRPTLIS", {})).status_code == 200
    await stage.door.act(revoke_key, RevokeKey(number), boss)
    for code in ("GETRPTLIS", "GETACCREC", "POSTRECEIPT"):
        answer = await ask(stage, key, code, parameters_for(code))
        assert (answer.status_code, answer.json()["error"]) == (401, 100)


def swapped(sent: Any, which: int) -> Any:
    """What is sent, naming what the example has (0), or what there is nowhere (1)."""
    if isinstance(sent, dict):
        return {
            name: NAMES[name][which] if name in NAMES else swapped(value, which)
            for name, value in sent.items()
        }
    return [swapped(one, which) for one in sent] if isinstance(sent, list) else sent


def without_names(told: str) -> str:
    """An answer without what it was asked for by, and the numbers that it gave out."""
    for pair in NAMES.values():
        for name in pair:
            told = re.sub(rf"\b{name}\b", "#", told)
    return re.sub(r"\d+", "#", told)


async def test_what_another_company_has_is_as_if_it_were_not(stage: Stage) -> None:
    made = CreatePortal("other", "Other", "Australia/Sydney", "AUD", "OTH", tz_index=11)
    await stage.door.act(create_portal, made, OPERATOR)
    stranger = await make_user(stage.door, "other", "stranger", "SysAdmin")
    _, key = await keyed(stage, stranger, "stranger")
    for code, parameters in NAMING:
        theirs, nobodys = [
            await ask(stage, key, code, swapped(parameters, which), company="other")
            for which in (0, 1)
        ]
        assert theirs.status_code == nobodys.status_code, (code, theirs.text, nobodys.text)
        assert without_names(theirs.text) == without_names(nobodys.text), code
        assert "Ringo" not in theirs.text
    assert len(await stage.rows("GETACCREC", {"account_number": ACCOUNT})) == 3
    (order,) = await stage.rows("GETWORKORDER", {"account_number": ACCOUNT})
    assert order["status"] == "NEW"


async def test_a_blocked_account_is_named_by_nobody(stage: Stage) -> None:
    assert stage.told is not None
    barred = await make_user(stage.door, "tower", "barred", "SysAdmin", blocked_accounts=ACCOUNT)
    _, key = await keyed(stage, stage.told.manager, barred.login)
    for code, parameters in NAMING:
        answer = await ask(stage, key, code, parameters)
        assert "Ringo" not in answer.text, (code, parameters)
        if "account_number" in parameters and parameters["account_number"] in (ACCOUNT, 3280):
            assert (answer.status_code, answer.json()["error"]) == (403, 101), (code, answer.text)
