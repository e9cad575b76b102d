"""The Trinity importer: what it writes, what it refuses, and that a refused file leaves nothing."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from tests.conftest import NOW, make_user
from tests.houses import (
    CUSTOMER,
    LOCATION,
    METER,
    customer,
    imported,
    keys_of,
    location,
    meter,
    small_house,
    text_of,
    trinity_file,
    updated,
)

from currant.access.model import OPERATOR, Actor, CreatePortal
from currant.access.verbs import create_portal
from currant.clock import FrozenClock
from currant.customers.model import AccountNamed
from currant.customers.verbs import account_keys, show_customer
from currant.db.tx import Tx
from currant.door import Door
from currant.errors import Forbidden, Invalid, Kind, NotFound, Refusal, Unparsable
from currant.locations.model import KeysWanted
from currant.locations.verbs import location_keys
from currant.supply.model import MeterWanted
from currant.supply.verbs import import_trinity, show_meter, update_trinity

COUNTED = (
    "locations.location", "customers.customer", "customers.account", "customers.agreement",
    "metering.meter", "metering.register", "metering.installation", "tariffs.assignment",
    "prepayment.wallet", "reads.read", "reads.batch", "access.counter",
)  # fmt: skip


async def everything(owner: asyncpg.Connection) -> dict[str, list[Any]]:
    """Every row that an import could write."""
    return {
        table: [tuple(row) for row in await owner.fetch(f"select * from {table} as t order by t")]  # noqa: S608
        for table in COUNTED
    }


async def refused(door: Door, actor: Actor, verb: Any, table: str, text: str) -> Refusal:
    with pytest.raises(Refusal) as told:
        await door.act(verb, trinity_file(table, text), actor)
    return told.value


async def listed(door: Door, view: Any, actor: Actor, **page: int) -> Any:
    async with door.asking(view, actor) as tx:
        return [keys async for keys in view(tx, KeysWanted(**page))]


async def test_a_small_house_is_supplied_from_now_on(
    door: Door, boss: Actor, owner: asyncpg.Connection, clock: FrozenClock
) -> None:
    house = await small_house(door, boss, homes=2, wallet="currency")
    assert house.accounts == ["00001", "00002"]
    assert house.loc_ids == ["L00001", "L00002"]
    for account, loc_id, serial in zip(house.accounts, house.loc_ids, house.serials, strict=True):
        _, shown = await door.ask(show_meter, MeterWanted(serial), boss)
        assert (shown.account, shown.loc_id, shown.tariff) == (account, loc_id, "SBT")
    wallets = await owner.fetch("select account_id, kind, balance from prepayment.wallet")
    assert [(w["kind"], w["balance"]) for w in wallets] == [("currency", 0)] * 2
    reads = await owner.fetch("select read_at, value, original from reads.read")
    assert [tuple(read) for read in reads] == [(NOW, 0, "0")] * 2
    starts = await owner.fetch(
        "select lower(valid) from customers.agreement "
        "union all select lower(valid) from metering.installation "
        "union all select lower(valid) from tariffs.assignment"
    )
    assert [start[0] for start in starts] == [NOW] * 6


async def test_links_date_from_the_meter_install_date(
    door: Door, boss: Actor, owner: asyncpg.Connection
) -> None:
    await imported(door, boss, "locations", location("H1", meterinstalldate="2018-07-01"))
    await imported(
        door, boss, "meters",
        meter("M1", locname="H1", addactiveread="0"), meter("M2", addactiveread="12000.125"),
    )  # fmt: skip
    await imported(door, boss, "customers", customer("C1", locname="L00001", serialnum="M2"))
    midnight = datetime(2018, 7, 1, 4, tzinfo=UTC)
    begun = await owner.fetch(
        "select m.serial_number, lower(i.valid) as since from metering.installation as i "
        "join metering.meter as m using (portal_id, meter_id) order by 1"
    )
    assert [tuple(row) for row in begun] == [("M1", midnight), ("M2", NOW)]
    assert await owner.fetchval("select lower(valid) from customers.agreement") == midnight
    reads = await owner.fetch("select read_at, value from reads.read order by value")
    assert [tuple(read) for read in reads] == [(midnight, 0), (NOW, 12_000_125)]


async def test_a_blank_field_takes_its_documented_default(door: Door, boss: Actor) -> None:
    await imported(
        door, boss, "meters",
        meter("0001"),
        meter("7084636088", deviceid="dev", comtype="STS", sgc="600403", ti="01", keyrev="1",
              keyexp="254", basedate="1993", sts_version="4", wallet="currency"),
    )  # fmt: skip
    _, plain = await door.ask(show_meter, MeterWanted("0001"), boss)
    assert (plain.device_id, plain.sgc, plain.ti, plain.key_rev) == ("0001", "", "", "")
    assert (plain.key_exp, plain.base_date, plain.sts_version) == (255, 0, 0)
    assert (plain.loc_id, plain.account, plain.tariff) == (None, None, None)
    _, token = await door.ask(show_meter, MeterWanted("7084636088"), boss)
    assert (token.device_id, token.sgc, token.ti, token.key_rev) == ("dev", "600403", "01", "1")
    assert (token.key_exp, token.base_date, token.sts_version) == (254, 1993, 4)
    assert token.wallet_kind == "currency"


async def test_a_name_splits_at_its_last_blank(door: Door, boss: Actor) -> None:
    names = {
        "Ringo Starr": ("Ringo", "Starr"),
        "Mary Ann  van Halen": ("Mary Ann  van", "Halen"),
        "Utiliflex": ("", "Utiliflex"),
        " Ringo Starr ": ("Ringo", "Starr"),
    }
    rows = [customer(f"C{n}", name=name) for n, name in enumerate(names)]
    await imported(door, boss, "customers", *rows)
    for number, (name, split) in enumerate(names.items(), start=1):
        _, shown = await door.ask(show_customer, AccountNamed(f"0000{number}"), boss)
        assert (shown.name, (shown.first_name, shown.last_name)) == (name, split)


async def test_both_spellings_of_a_reference_are_taken(door: Door, boss: Actor) -> None:
    await imported(door, boss, "locations", location("H1"), location("H2"))
    await imported(
        door, boss, "customers", customer("C1", locname="L00001"), customer("C2", locname="H2")
    )
    await imported(door, boss, "meters", meter("M1", contract="00001"), meter("M2", contract="C2"))
    _, first = await door.ask(show_meter, MeterWanted("M1"), boss)
    _, second = await door.ask(show_meter, MeterWanted("M2"), boss)
    assert (first.loc_id, first.account) == ("L00001", "00001")
    assert (second.loc_id, second.account) == ("L00002", "00002")


BAD_LOCATIONS = [
    ({"locname": ""}, "locname", "is blank"),
    ({"locname": "Unassigned"}, "locname", "nothing can be named so"),
    ({"locname": "x" * 101}, "locname", "longer than 100"),
    ({"locaddr1": "  "}, "locaddr1", "is blank"),
    ({"loczip": ""}, "loczip", "is blank"),
    ({"loclat": "91"}, "loclat", "-90 to 90"),
    ({"loclong": "1e2"}, "loclong", "-180 to 180"),
    ({"meterinstalldate": "2018-7-1"}, "meterinstalldate", "YYYY-MM-DD"),
    ({"meterinstalldate": "2018-02-30"}, "meterinstalldate", "does not exist"),
    ({"meterinstalldate": "2026-03-03"}, "meterinstalldate", "after today, 2026-03-02"),
    ({"meterinstalldate": "0001-01-01"}, "meterinstalldate", "1900 to 2999"),
    ({"meterinstalldate": ""}, "meterinstalldate", "is blank"),
    ({"contract": ""}, "contract", "is blank"),
    ({"contract": "nobody"}, "contract", "names no account"),
    ({"serialnum": "nothing"}, "serialnum", "names no meter"),
    ({"locname": "there"}, "locname", "exists already"),
    ({"locname": "L00001"}, "locname", "exists already"),
]
BAD_METERS = [
    ({"serialnum": ""}, "serialnum", "is blank"),
    ({"serialnum": "unassigned"}, "serialnum", "nothing can be named so"),
    ({"serialnum": "M0"}, "serialnum", "exists already"),
    ({"comtype": "multispeak"}, "comtype", "none of AMR, ByBot"),
    ({"tariff": "NONE"}, "tariff", "no tariff of this portal"),
    ({"sgc": "60O403"}, "sgc", "digits"),
    ({"keyrev": "-1"}, "keyrev", "digits"),
    ({"keyexp": "256"}, "keyexp", "0 to 255"),
    ({"basedate": "93"}, "basedate", "four digits"),
    ({"sts_version": "5"}, "sts_version", "not 4 or 6"),
    ({"maxpower": "1.5"}, "maxpower", "digits"),
    ({"addactiveread": "-1"}, "addactiveread", "no sign"),
    ({"addactiveread": "1e3"}, "addactiveread", "not a plain number"),
    ({"wallet": "money"}, "wallet", "currency, units"),
    ({"wallet": ""}, "wallet", "is blank"),
    ({"contract": "nobody"}, "contract", "names no account"),
    ({"locname": "nowhere"}, "locname", "names no location"),
    ({"contract": "C0"}, "locname", "supplied nowhere"),
]
BAD_CUSTOMERS = [
    ({"contract": "999999"}, "contract", "suspense debtor"),
    ({"contract": "C0"}, "contract", "exists already"),
    ({"contract": "00001"}, "contract", "exists already"),
    ({"name": ""}, "name", "is blank"),
    ({"phone1": ""}, "phone1", "is blank"),
    ({"sms1": ""}, "sms1", "is blank"),
    ({"email": ""}, "email", "is blank"),
    ({"email": "@"}, "email", "not one e-mail"),
    ({"email": "a@b.c; d@e.f"}, "email", "not one e-mail"),
    ({"postalcode": "SW1A"}, "postalcode", "digits"),
    ({"locname": ""}, "locname", "is blank"),
    ({"locname": "nowhere"}, "locname", "names no location"),
    ({"serialnum": "nothing"}, "serialnum", "names no meter"),
    ({"serialnum": "M0"}, "locname", "the meter hangs nowhere"),
]


@pytest.fixture
async def settled(door: Door, boss: Actor) -> None:
    """A location `there`, a meter M0 and a customer C0 that are not linked."""
    await imported(door, boss, "locations", location("there"))
    await imported(door, boss, "meters", meter("M0"))
    await imported(door, boss, "customers", customer("C0"))


@pytest.mark.parametrize(
    ("table", "whole", "bad"),
    [
        ("locations", LOCATION, BAD_LOCATIONS),
        ("meters", METER, BAD_METERS),
        ("customers", CUSTOMER, BAD_CUSTOMERS),
    ],
)
async def test_every_fault_is_named_and_a_faulty_file_leaves_nothing(
    door: Door, boss: Actor, owner: asyncpg.Connection, settled, table, whole, bad
) -> None:
    before = await everything(owner)
    key = next(iter(whole))
    rows = [whole | {key: f"new{i}"} | wrong for i, (wrong, _, _) in enumerate(bad)]
    refusal = await refused(door, boss, import_trinity, table, text_of(*rows))
    assert refusal.kind is Kind.INVALID
    assert [(fault.record, fault.column) for fault in refusal.faults] == [
        (number, column) for number, (_, column, _) in enumerate(bad, start=1)
    ]
    for fault, (_, _, reason) in zip(refusal.faults, bad, strict=True):
        assert reason in fault.reason, fault
        assert str(fault) in refusal.message
    assert await everything(owner) == before


async def test_what_does_not_exist_is_told_apart_from_what_is_wrong(
    door: Door, boss: Actor, settled
) -> None:
    missing = meter("M1", tariff="NONE", contract="nobody")
    refusal = await refused(door, boss, import_trinity, "meters", text_of(missing))
    assert isinstance(refusal, NotFound)
    assert [fault.column for fault in refusal.faults] == ["tariff", "contract"]
    mixed = text_of(missing, meter("M2", wallet="money"))
    assert isinstance(await refused(door, boss, import_trinity, "meters", mixed), Invalid)
    gone = await refused(door, boss, update_trinity, "meters", text_of({"serialnum": "M9"}))
    assert isinstance(gone, NotFound)


async def test_a_key_stands_once_in_a_file(door: Door, boss: Actor, settled) -> None:
    rows = [location("H1"), location("H2"), location("H1")]
    refusal = await refused(door, boss, import_trinity, "locations", text_of(*rows))
    assert [str(fault) for fault in refusal.faults] == [
        "record 3, locname: is the key of record 1 already"
    ]
    twice = text_of({"contract": "C0", "phone1": "1"}, {"contract": "00001", "phone1": "2"})
    refusal = await refused(door, boss, update_trinity, "customers", twice)
    assert [str(fault) for fault in refusal.faults] == [
        "record 2, contract: is the key of record 1 already"
    ]


async def test_at_most_fifty_faults_are_told_and_all_are_counted(
    door: Door, boss: Actor, settled
) -> None:
    rows = [meter(f"M{n}", contract="nobody") for n in range(1, 81)]
    refusal = await refused(door, boss, import_trinity, "meters", text_of(*rows))
    assert [fault.record for fault in refusal.faults] == list(range(1, 51))
    assert isinstance(refusal, NotFound)
    rows.append(meter("M0"))
    refusal = await refused(door, boss, import_trinity, "meters", text_of(*rows))
    assert "and 31 more" in refusal.message


async def test_a_record_without_its_fields_makes_the_file_unreadable(
    door: Door, boss: Actor, settled
) -> None:
    text = text_of(location("H1"), location("H1", contract="nobody")) + "short,row\n"
    refusal = await refused(door, boss, import_trinity, "locations", text)
    assert isinstance(refusal, Unparsable)
    assert [fault.record for fault in refusal.faults] == [2, 2, 3]


async def test_an_import_needs_the_columns_that_may_not_be_blank(door: Door, boss: Actor) -> None:
    for table, whole, blankable in (
        ("locations", LOCATION, {"locaddr2", "loclat", "loclong"}),
        ("meters", METER, set(METER) - {"serialnum", "comtype", "wallet", "contract", "locname"}),
        (
            "customers",
            CUSTOMER,
            {"phone2", "sms2", "address1", "address2", "city", "state", "postalcode"},
        ),
    ):
        lean = {name: value or "K1" for name, value in whole.items() if name not in blankable}
        taken = await imported(door, boss, table, lean)
        assert taken.records == 1
        for name in lean:
            text = ",".join(column for column in lean if column != name) + "\n"
            refusal = await refused(door, boss, import_trinity, table, text)
            assert refusal.field == name


async def test_an_ambiguous_reference_is_refused(door: Door, boss: Actor) -> None:
    await imported(door, boss, "locations", location("L00002"))
    await imported(door, boss, "locations", location("H2"))
    await imported(door, boss, "customers", customer("00002"))
    await imported(door, boss, "customers", customer("C2"))
    rows = text_of(meter("M1", locname="L00002", contract="00002"))
    refusal = await refused(door, boss, import_trinity, "meters", rows)
    assert [(f.column, "use its other key" in f.reason) for f in refusal.faults] == [
        ("contract", True),
        ("locname", True),
    ]
    own = text_of({"contract": "00002", "phone1": "1"})
    refusal = await refused(door, boss, update_trinity, "customers", own)
    assert "use its other key" in refusal.faults[0].reason


async def test_numbers_grow_to_six_digits_and_leave_the_suspense_debtor_out(
    door: Door, boss: Actor, owner: asyncpg.Connection
) -> None:
    await owner.execute(
        "insert into access.counter select portal_id, 'account', 99998 from access.portal"
    )
    first = await imported(door, boss, "customers", *(customer(f"A{n}") for n in range(3)))
    assert [keys.juice_key for keys in keys_of(first)] == ["99999", "100000", "100001"]
    await owner.execute("update access.counter set last = 999997")
    last = await imported(door, boss, "customers", *(customer(f"B{n}") for n in range(3)))
    assert "999999" not in [keys.juice_key for keys in keys_of(last)]
    assert await listed(door, account_keys, boss) == [*keys_of(first), *keys_of(last)]


async def test_two_imports_at_once_never_give_the_same_number(door: Door, boss: Actor) -> None:
    taken = await asyncio.gather(
        *(
            imported(door, boss, "locations", *(location(f"{f}-{n}") for n in range(20)))
            for f in range(6)
        )
    )
    numbers = [keys.juice_key for one in taken for keys in keys_of(one)]
    assert sorted(numbers) == [f"L{n:05}" for n in range(1, 121)]
    known = await listed(door, location_keys, boss)
    assert {(k.juice_key, k.external_key) for k in known} == {
        (k.juice_key, k.external_key) for one in taken for k in keys_of(one)
    }
    page = await listed(door, location_keys, boss, how_many=2, beyond=3)
    assert [k.juice_key for k in page] == ["L00004", "L00005"]


async def test_of_two_imports_of_one_key_the_second_is_told_its_record(
    door: Door, boss: Actor
) -> None:
    outcomes = await asyncio.gather(
        *(imported(door, boss, "customers", customer("X"), customer(f"Y{n}")) for n in range(4)),
        return_exceptions=True,
    )
    refusals = [outcome for outcome in outcomes if isinstance(outcome, Invalid)]
    assert len(refusals) == 3
    assert {str(refusal.faults[0]) for refusal in refusals} == {
        "record 1, contract: exists already: change it by an update"
    }


async def test_the_same_key_is_answered_once(
    door: Door, boss: Actor, owner: asyncpg.Connection
) -> None:
    text = text_of(customer("C1"), customer("C2"))
    answers = [
        await door.act(import_trinity, trinity_file("customers", text), boss, "once")
        for _ in range(2)
    ]
    assert keys_of(answers[0]) == keys_of(answers[1])
    assert (answers[0].records, answers[1].records) == (2, 2)
    assert await owner.fetchval("select count(*) from customers.account") == 2
    other = trinity_file("customers", text_of(customer("C3")))
    with pytest.raises(Refusal) as told:
        await door.act(import_trinity, other, boss, "once")
    assert told.value.kind is Kind.KEY_REUSED
    commands = await owner.fetch("select command from access.audit_event where act like '%trinity'")
    assert all("SHA-256" in row["command"] and "Palmer" not in row["command"] for row in commands)


async def test_a_file_costs_as_many_statements_with_ten_records_as_with_a_thousand(
    door: Door, boss: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = 0
    for name in ("one", "maybe", "all", "each", "run", "copy_rows"):
        real = getattr(Tx, name)

        def counting(*args: Any, real: Any = real, **more: Any) -> Any:
            nonlocal counted
            counted += 1
            return real(*args, **more)

        monkeypatch.setattr(Tx, name, counting)

    async def cost(prefix: str, size: int) -> list[int]:
        nonlocal counted
        costs = []
        keys = [f"{prefix}{n}" for n in range(size)]
        for table, rows in (
            ("locations", [location(f"H{key}") for key in keys]),
            ("customers", [customer(f"C{key}", locname=f"H{key}") for key in keys]),
            ("meters", [meter(f"M{key}", contract=f"C{key}", addactiveread="1") for key in keys]),
        ):
            counted = 0
            await imported(door, boss, table, *rows)
            costs.append(counted)
            counted = 0
            await updated(door, boss, table, *rows)
            costs.append(counted)
        return costs

    assert await cost("a", 10) == await cost("b", 1000)


async def test_a_portal_does_not_see_what_another_has(
    door: Door, boss: Actor, owner: asyncpg.Connection
) -> None:
    house = await small_house(door, boss)
    made = CreatePortal("other", "Other Power", "Australia/Sydney", "AUD", "OTH")
    await door.act(create_portal, made, OPERATOR)
    stranger = await make_user(door, "other", "stranger", "SysAdmin", vendor_number="OTH")
    before = await everything(owner)
    for text, table in (
        (text_of(meter("M9", contract="C1", locname="H1")), "meters"),
        (text_of(meter("M9", contract="00001", locname="L00001")), "meters"),
        (text_of(customer("C9", locname="H1", serialnum="M1")), "customers"),
        (text_of(meter("M9", tariff="SBT")), "meters"),
    ):
        assert isinstance(await refused(door, stranger, import_trinity, table, text), NotFound)
    text = text_of({"serialnum": "M1", "wallet": "currency"})
    assert isinstance(await refused(door, stranger, update_trinity, "meters", text), NotFound)
    assert isinstance(
        await refused(door, stranger.at("example"), update_trinity, "meters", text), Forbidden
    )
    assert isinstance(
        await refused(door, stranger.at("nowhere"), update_trinity, "meters", text), Forbidden
    )
    with pytest.raises(NotFound):
        await door.ask(show_meter, MeterWanted(house.serials[0]), stranger)
    assert await everything(owner) == before
    same = await imported(door, stranger, "locations", location("H1"))
    assert [keys.juice_key for keys in keys_of(same)] == ["L00001"]


async def test_a_blocked_account_is_left_alone(
    door: Door, boss: Actor, owner: asyncpg.Connection
) -> None:
    await small_house(door, boss, homes=2)
    await owner.execute("update access.system_user set blocked_accounts = '00002,00007'")
    await updated(door, boss, "customers", {"contract": "C1", "phone1": "1"})
    for table, row in (
        ("customers", {"contract": "C2", "phone1": "1"}),
        ("meters", {"serialnum": "M2", "contract": "unassigned"}),
        ("locations", {"locname": "H2", "contract": "unassigned"}),
    ):
        refusal = await refused(door, boss, update_trinity, table, text_of(row))
        assert isinstance(refusal, Forbidden)
        assert "00002, which is blocked for you" in refusal.message
    await owner.execute("update access.system_user set blocked_accounts = '*'")
    text = text_of(customer("C9"))
    assert isinstance(await refused(door, boss, import_trinity, "customers", text), Forbidden)


async def test_a_file_without_records_is_taken(door: Door, boss: Actor) -> None:
    taken = await door.act(
        import_trinity, trinity_file("customers", ",".join(CUSTOMER) + "\n# none yet\n"), boss
    )
    assert taken.records == 0
    assert keys_of(taken) == []


async def test_the_importer_needs_its_permission(door: Door, cashier: Actor) -> None:
    file = trinity_file("locations", text_of(location("H1")))
    for verb in (import_trinity, update_trinity):
        with pytest.raises(Forbidden):
            await door.act(verb, file, cashier)


async def test_time_passes_between_files(door: Door, boss: Actor, clock: FrozenClock) -> None:
    await imported(door, boss, "meters", meter("M1"))
    clock.advance(timedelta(hours=1))
    await updated(door, boss, "meters", {"serialnum": "M1", "server": "second"})
    _, shown = await door.ask(show_meter, MeterWanted("M1"), boss)
    assert (shown.created_at, shown.last_mod) == (NOW, NOW + timedelta(hours=1))
