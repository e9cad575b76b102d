"""`currant user`, `currant vendor`, `currant token`: as a manager of people uses them."""

import json
from textwrap import dedent

import pytest
from tests.cli.conftest import Run
from tests.conftest import make_user

from currant.access.model import OPERATOR, SetPassword
from currant.access.passwords import hash_password
from currant.access.verbs import set_password

PASSWORD = "a long enough secret"

WARREN = (
    "--name", "Sarah Warren", "--role", "CSR", "--vendor", "CEC", "--phone", "15558675409",
    "--sms", "1", "--sms-2", "22", "--email", "swarren@example.com",
    "--vending-limit", "1000000", "--special-limit", "0", "--blocked", "03281, 03280",
)  # fmt: skip
SHOWN = """\
    login             swarren
    name              Sarah Warren
    role              CSR, level 60
    vendor            CEC
    phone             15558675409
    sms               1, 22
    email             swarren@example.com
    vending limit     $10,000.00
    special limit     $0.00
    blocked accounts  03281, 03280
    active            yes
"""


@pytest.fixture
def warren(run: Run, portal: str) -> str:
    made = run("user", "create", "swarren", *WARREN)
    assert made.stdout == "User swarren is created.\n"
    return "swarren"


def told(run: Run, login: str) -> dict[str, object]:
    return json.loads(run("user", "show", login, "--json").stdout)


def test_a_user_is_shown_in_all_facts(run: Run, warren: str) -> None:
    assert run("user", "show", warren).stdout == dedent(SHOWN)
    assert told(run, warren)["blocked_accounts"] == "03281,03280"
    missing = run("user", "show", "nobody", code=4)
    assert missing.stderr == "currant: There is no user nobody in portal example.\n"


def test_an_update_changes_what_it_names(run: Run, warren: str) -> None:
    before = told(run, warren)
    done = run(
        "user", "update", warren, "--role", "VENDOR", "--special-limit", "none", "--blocked", ""
    )
    assert "blocked accounts" not in done.stdout
    assert "special limit     none" in done.stdout
    changed = {"role": "VENDOR", "special_limit": None, "blocked_accounts": ""}
    assert told(run, warren) == before | changed
    run("user", "update", warren, "--external", "--phone", "", "--vending-limit", "5")
    changed |= {"external_vendor": True, "phone_1": "", "vending_limit": 5}
    assert told(run, warren) == before | changed
    assert "CEC, external" in run("user", "update", warren).stdout
    assert told(run, warren) == before | changed
    for wrong, message in (
        (("--vending-limit", "3.50"), "The vending limit '3.50' is neither"),
        (("--special-limit", "٣"), "The special limit '٣' is neither"),
        (("--special-limit", "9" * 30), "special_limit is out of range"),
        (("--role", "Boss"), "The role 'Boss' is none of CSR,"),
        (("--vendor", "V9"), "There is no vendor 'V9' in portal example."),
        (("--phone", "555-1"), "phone_1 is '555-1'"),
        (("--blocked", "abc"), "blocked_accounts holds 'abc'"),
    ):
        refused = run("user", "update", warren, *wrong, code=4)
        assert message in refused.stderr
        assert refused.stderr.endswith("Nothing was done.\n")
    assert told(run, warren) == before | changed


def test_permissions_are_granted_revoked_and_listed(run: Run, portal: str) -> None:
    run("user", "create", "shop", "--name", "Shop", "--role", "VENDOR")
    listed = run("user", "permissions", "shop").stdout.splitlines()
    assert listed[0].split() == ["name", "category", "description"]
    assert listed[1].split() == ["passwd", "Account", "Change", "Password"]
    assert len(listed) == 8
    granted = run("user", "grant", "shop", "vendcash", "meter.view").stdout
    assert "Vend Cash" in granted
    assert run("user", "permissions", "shop").stdout == granted
    left = run("user", "revoke", "shop", "passwd", "vendcash", "--json").stdout
    names = [row["name"] for row in json.loads(left)["permissions"]]
    assert names[0] == "balance"
    assert "meter.view" in names
    assert "vendcash" not in names
    refused = run("user", "grant", "shop", "vendcash", "fly", code=4)
    assert refused.stderr == "currant: There is no permission 'fly'. Nothing was done.\n"
    again = run("user", "permissions", "shop", "--json").stdout
    assert again == left


async def test_a_user_is_kept_out_and_let_in(run: Run, door, boss) -> None:
    await make_user(door, "example", "clerk", "CSR")
    command = SetPassword("clerk", hash_password(PASSWORD))
    await door.act(set_password, command, OPERATOR.at("example"))
    run("portal", "list", "--as", "clerk", stdin=PASSWORD)
    assert run("user", "deactivate", "clerk").stdout == "User clerk is deactivated.\n"
    run("portal", "list", "--as", "clerk", stdin=PASSWORD, code=6)
    assert "active            no" in run("user", "show", "clerk").stdout
    assert run("user", "activate", "clerk").stdout == "User clerk is active again.\n"
    run("portal", "list", "--as", "clerk", stdin=PASSWORD)
    token = run("token", "issue", "clerk", "--as", "clerk", stdin=PASSWORD).stdout.strip()
    assert len(token) == 36
    run("token", "issue", "boss", "--as", "clerk", stdin=PASSWORD, code=6)
    refused = run("user", "grant", "clerk", "vendcash", "--as", "clerk", stdin=PASSWORD, code=6)
    assert "clerk lacks users.manage" in refused.stderr


def test_vendors_are_made_and_listed(run: Run, portal: str) -> None:
    made = run("vendor", "create", "CORNER", "--name", "Corner Shop", "--external")
    assert made.stdout == "Vendor CORNER is created.\n"
    assert run("vendor", "list").stdout.splitlines() == [
        "vendor number  name           external",
        "CEC            Example Power  no      ",
        "CORNER         Corner Shop    yes     ",
    ]
    assert run("vendor", "create", "CEC", "--name", "X", code=5).stderr.startswith(
        "currant: The portal has"
    )
    run(
        "user",
        "create",
        "shop",
        "--name",
        "S",
        "--role",
        "VENDOR",
        "--vendor",
        "CORNER",
        "--external",
    )
    assert "vendor            CORNER, external" in run("user", "show", "shop").stdout
