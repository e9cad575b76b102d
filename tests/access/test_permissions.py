"""The roles of conformance.md 8.5 and the permissions of 8.6, as they are installed and asked."""

import asyncpg
import pytest
from tests.conftest import make_user

from currant.access.model import OPERATOR
from currant.access.permissions import Permission

VENDOR = {"passwd", "balance", "tabcoms", "tabcontrol", "customer.view", "wallet.view", "vend.view"}
VENDORADM = VENDOR | {"vendcash"}
CSR = VENDORADM | {"meter.view", "reads.view", "location.view", "arrears.view", "tariffs.view"}
CSR2 = CSR | {"transactions.view", "adjust.wallet"}
CSR3 = CSR2 | {"transactions.adjust", "transactions.reverse", "adjust.arrears"}
BILLING = {"billing.view", "billing.run", "billing.approve"}
COMMGR = CSR3 | {"tariffs.manage", "users.manage", "reports.run"} | BILLING
ENGINEER = {
    "meter.view", "location.view", "reads.view", "reads.write", "import.trinity", "import.view",
    "ami.callback", "ami.command", "fieldwork",
}  # fmt: skip
ACCOUNTING = {
    "meter.view", "reads.view", "import.view", "customer.view", "wallet.view", "arrears.view",
    "location.view", "vend.view", "tariffs.view", "transactions.view", "billing.view",
    "ledger.view", "ledger.close", "reports.run", "transactions.adjust", "transactions.reverse",
}  # fmt: skip
EVERYTHING = {p.value for p in Permission} - {"", "public"}
SYSADMIN = EVERYTHING - {"portals.manage", "jobs.run"}

LEVELS = {
    "CSR": 60, "CSR2": 60, "CSR3": 65, "ComMGR": 70, "VENDOR": 60, "VENDORADM": 65,
    "Engineer": 60, "Accounting": 65, "SysAdmin": 70, "Operator": 99,
}  # fmt: skip
SETS = {
    "VENDOR": VENDOR, "VENDORADM": VENDORADM, "CSR": CSR, "CSR2": CSR2, "CSR3": CSR3,
    "ComMGR": COMMGR, "Engineer": ENGINEER, "Accounting": ACCOUNTING, "SysAdmin": SYSADMIN,
    "Operator": EVERYTHING,
}  # fmt: skip


async def test_roles_have_their_level_and_their_default_set(owner: asyncpg.Connection) -> None:
    levels = await owner.fetch("select role, sec_level from access.role")
    assert {row["role"]: row["sec_level"] for row in levels} == LEVELS
    rows = await owner.fetch("select role, permission from access.role_permission")
    held = {role: {r["permission"] for r in rows if r["role"] == role} for role in LEVELS}
    assert held == SETS


async def test_the_catalogue_keeps_the_seeds_texts_and_order(owner: asyncpg.Connection) -> None:
    rows = await owner.fetch("select * from access.permission order by position limit 5")
    assert [(r["permission"], r["category"], r["description"]) for r in rows] == [
        ("passwd", "Account", "Change Password"),
        ("balance", "Account", "Drawer Balance and Batch"),
        ("tabcoms", "Account Screen", "Coms: SMS/Email/IVR/Issues"),
        ("tabcontrol", "Account Screen", "Control Tab"),
        ("vendcash", "Vending", "Vend Cash"),
    ]
    places = await owner.fetch("select position from access.permission order by position")
    assert [row["position"] for row in places] == list(range(1, len(EVERYTHING) + 1))


@pytest.mark.parametrize("role", sorted(set(SETS) - {"Operator"}))
async def test_what_a_user_holds_is_the_same_however_it_is_asked(door, portal, owner, role) -> None:
    """`access.may`, which the gate asks, and `access.permissions_of`, which escalation asks."""
    actor = await make_user(door, portal, "somebody", role)
    user_id = await owner.fetchval(
        "select user_id from access.system_user where login = $1", actor.login
    )
    await owner.execute(
        "insert into access.user_permission values ($1, 'ledger.close', true), "
        "($1, 'customer.view', false)",
        user_id,
    )
    expected = (SETS[role] | {"ledger.close"}) - {"customer.view"}
    listed = await owner.fetch("select permission from access.permissions_of($1)", user_id)
    assert {row["permission"] for row in listed} == expected
    told = await owner.fetch(
        "select p.permission, m.allowed, m.reason from access.permission as p "
        "cross join access.may($1, p.permission) as m",
        user_id,
    )
    assert {row["permission"] for row in told if row["allowed"]} == expected
    assert all(
        row["reason"] == ("" if row["allowed"] else f"lacks {row['permission']}") for row in told
    )
    assert len(told) == len(EVERYTHING)
    for free in ("", "public"):
        assert await owner.fetchval("select allowed from access.may($1, $2)", user_id, free)


async def test_the_operator_is_everywhere(door, portal, owner) -> None:
    rows = await owner.fetch(
        "select m.portal_id from access.system_user as u "
        "cross join access.may(u.user_id, 'jobs.run') as m where u.login = $1 and m.allowed",
        OPERATOR.login,
    )
    assert len(rows) == await owner.fetchval("select count(*) from access.portal") == 1
