"""Quirks Q09 to Q15 of JuiceAPI: wrong or contradictory examples (conformance.md, section 3)."""

import json
from typing import Any

import pytest
from tests.conformance.juice.conftest import Stages
from tests.conformance.juice.stage import Stage, data, refused
from tests.conftest import make_user, token_header
from tests.houses import imported, linear_tariff, location, meter

from currant.access.model import OPERATOR, CreateAlias, CreatePortal
from currant.access.verbs import create_alias, create_portal

SARAH = {
    "portal": "example", "login": "swarren", "name": "Sarah Warren", "phone_1": "15558675409",
    "phone_2": "", "sms_1": "15558675409", "sms_2": "", "email": "swarren@example.com",
    "system_role": "CSR", "external_vendor": False, "vendor_number": "CEC",
    "vending_limit": {"amount": 1_000_000, "currency": "USD"},
    "special_limit": {"amount": 100_000, "currency": "USD"}, "blocked_accounts": "",
}  # fmt: skip


async def create(stage: Stage, **more: Any) -> Any:
    """Create Sarah Warren, with members changed or left out (None)."""
    body = {name: value for name, value in (SARAH | more).items() if value is not None}
    return await stage.post("/systemuser/create", json.dumps(body))


async def test_q09_adjustments_are_told_as_they_were_sent(stages: Stages) -> None:
    """Each sentence and each arrears is of the very record, in the order of the file."""
    stage = await stages("F-ADJ")
    records = [
        "03285,,7.5,,", "03284,2019-04-04T10:14:00-04:00,-100,0,25%", "03284,,10.25,,",
        "03285,,-1234.5,,",
    ]  # fmt: skip
    body = "\n".join(["account,startdate,amount,paid,payplan", *records])
    told = data(await stage.post("/transactions/adjust?portal=example", body))
    assert told["processed"] == [
        "account 03285 credited $7.50",
        "account 03284 new arrears for -$100.00",
        "account 03284 credited $10.25",
        "account 03285 new arrears for -$1,234.50",
    ]
    assert told["arrears_data"] == [
        {
            "account": "03284", "arrears_id": 298, "arrears_amount": "$100.00",
            "start_date": "2019-04-04T10:14:00-04:00", "arrears_type": "FundsRecovery",
        },
        {
            "account": "03285", "arrears_id": 299, "arrears_amount": "$1,234.50",
            "start_date": "1970-01-01T00:00:00-05:00", "arrears_type": "FundsRecovery",
        },
    ]  # fmt: skip
    assert told["error"] is None


@pytest.mark.parametrize(
    ("fixture", "target"),
    [
        ("F-TRIO", "/meters/get-meter?serialnumber=1234abcde"),
        ("F-TRIO", "/customers/get-customer?account=03280"),
        ("F-TRIO", "/location/get-location?locid=L03281"),
        ("F-READS-OUT", "/meters/reads/get?serialnumber=AMI1234"),
        ("F-TRIO", "/arrears/list-types?"),
        ("F-TARIFF-ALL", "/tariff/all/get?"),
        ("F-TARIFF-ALL", "/tariff/current/get?tariff=SBT"),
        ("F-TARIFF-ALL", "/tariff/historical/get?tariff=SBT"),
        ("F-TARIFF-ALL", "/tariff/future/get?tariff=SBT"),
    ],
)
async def test_q10_the_portal_is_answered_by_its_own_name(stages: Stages, fixture, target) -> None:
    """Whichever way it was named, wherever it stands."""
    stage = await stages(fixture)
    await stage.door.act(create_alias, CreateAlias("otherwise"), OPERATOR.at("example"))
    answer = await stage.get(f"{target}&portal=otherwise")
    names = set(portals_in(data(answer))) - {"%"}
    assert names == {"example"}
    assert answer.content == (await stage.get(f"{target}&portal=example")).content


def portals_in(told: Any) -> list[str]:
    """The portals that an answer names, at any depth."""
    if isinstance(told, list):
        return [name for one in told for name in portals_in(one)]
    if isinstance(told, dict):
        inner = [name for key in told for name in portals_in(told[key])]
        return [told["portal"], *inner] if "portal" in told else inner
    return []


async def test_q11_a_user_is_answered_as_stored(stages: Stages) -> None:
    stage = await stages("F-USR-NEW")
    created = data(await create(stage))
    assert (created["system_role"], created["external_vendor"]) == ("CSR", False)
    assert (created["phone_1"], created["sms_1"]) == ("15558675409", "15558675409")
    assert data(await stage.get("/systemuser/get?portal=example&user=swarren")) == created


@pytest.mark.parametrize(
    ("role", "level"),
    [
        ("CSR", 60), ("CSR2", 60), ("CSR3", 65), ("ComMGR", 70), ("VENDOR", 60),
        ("VENDORADM", 65), ("Engineer", 60), ("Accounting", 65), ("SysAdmin", 70),
    ],
)  # fmt: skip
async def test_q11_the_level_follows_the_role(stages: Stages, role: str, level: int) -> None:
    stage = await stages("F-USR-NEW")
    told = data(await create(stage, system_role=role))
    assert (told["system_role"], told["sec_level"]) == (role, level)


async def test_q12_the_limit_of_vending_has_two_names(stages: Stages) -> None:
    stage = await stages("F-USR-NEW")
    limit, other = ({"amount": amount, "currency": "USD"} for amount in (5000, 6000))
    both = {"vending_limit": limit, "vendor_limit": limit}
    for number, sent in enumerate(({"vending_limit": limit}, {"vendor_limit": limit}, both)):
        told = data(await create(stage, login=f"u{number}", **({"vending_limit": None} | sent)))
        assert told["vending_limit"] == limit
        assert "vendor_limit" not in told
    answer = await create(stage, vending_limit=limit, vendor_limit=other)
    refused(answer, 406, 201, "vending_limit", "vendor_limit")
    refused(await create(stage, vending_limit=None), 406, 201, "vending_limit")
    body = SARAH | {"login": "u0", "vendor_limit": other}
    answer = await stage.post("/systemuser/update", json.dumps(body))
    refused(answer, 406, 201, "vending_limit", "vendor_limit")
    del body["vending_limit"]
    assert (await stage.post("/systemuser/update", json.dumps(body))).json() == {"error": 0}
    shown = data(await stage.get("/systemuser/get?portal=example&user=u0"))
    assert shown["vending_limit"] == other


async def test_q13_another_spelling_works_where_the_utility_says_so(stages: Stages) -> None:
    """And no spelling is guessed: one that is not in the table is a portal that is not there."""
    stage = await stages("F-TRIO")
    target = "/meters/get-meter?serialnumber=1234abcde&portal="
    for guess in ("examlpe", "Example", "EXAMPLE", "exampl", "example%20"):
        refused(await stage.get(target + guess), 403, 101)
    await stage.door.act(create_alias, CreateAlias("examlpe"), OPERATOR.at("example"))
    assert data(await stage.get(f"{target}examlpe"))["portal"] == "example"
    refused(await stage.get(f"{target}exmaple"), 403, 101)
    public = data(await stage.send("GET", "/meters/get-meters?portal=examlpe"))
    assert [told["serial_number"] for told in public["meters"]] == ["1234abcde"]


async def test_q14_the_path_for_one_account_answers_for_several(stages: Stages) -> None:
    stage = await stages("F-WALLET")
    path = "/customers/wallet/get-value"
    for question in (
        "?portal=example&account=03284|03280",
        "?portal=example&account=03284%7C03280",
        "?portal=example&account=03284|03280&serialnumber=1234abcde",
        "?portal=example&account=03283",
    ):
        many = data(await stage.get(f"{path}s{question.partition('&serial')[0]}"))
        assert isinstance(many, list)
        assert data(await stage.get(path + question)) == many
    one = data(await stage.get(f"{path}?portal=example&account=03283&serialnumber=AMI1234"))
    assert list(one["meter"]) == ["AMI1234"]


async def test_q15_what_contradicts_lives_in_a_portal_of_its_own(stages: Stages) -> None:
    """1234abcde is Ringo Starr's in one example, and imported to another place in the next."""
    stage = await stages("F-TRIO")
    made = CreatePortal("second", "Second", "Etc/GMT+3", "USD", "CEC")
    await stage.door.act(create_portal, made, OPERATOR)
    boss = await make_user(stage.door, "second", "second", "SysAdmin")
    await linear_tariff(stage.door, boss, "SBT", "0.10")
    await imported(stage.door, boss, "locations", location("1009001"))
    one = meter("1234abcde", locname="1009001", tariff="SBT")
    await imported(stage.door, boss, "meters", one)
    there = token_header(boss)
    target = "/meters/get-meter?portal=second&serialnumber=1234abcde"
    told = data(await stage.get(target, **there))
    assert (told["portal"], told["loc_id"], told["account"]) == ("second", "L00001", "unassigned")
    assert told["created"].endswith("-03:00")
    target = "/customers/get-customer?portal=second&account=03280"
    refused(await stage.get(target, **there), 404, 201)
    target = "/meters/get-meter?portal=example&serialnumber=1234abcde"
    refused(await stage.get(target, **there), 403, 101)
    assert data(await stage.get(target))["account"] == "03280"


async def test_q15_every_fixture_is_as_new(stages: Stages) -> None:
    stage = await stages("F-IMP-LOC")
    header = "locname,locaddr1,locaddr2,loccity,locstate,loczip,loclat,loclong,meterinstalldate"
    body = f"{header},contract,serialnum\n1009001,A,,B,TN,1,,,0000-00-00,unassigned,unassigned"
    target = "/file-importer/trinity/import?portal=example&table=locations"
    for _ in range(2):
        (keys,) = data(await stage.post(target, body))["record_keys"]
        assert keys == {"juice_key": "L03291", "external_key": "1009001"}
        await stage.put_back()
    other = await stages("F-TRIO")
    keys = "/file-importer/trinity/get-keys?portal=example&table=locations"
    assert data(await stage.get(keys)) == []
    assert [told["juice_key"] for told in data(await other.get(keys))] == ["L03281"]
