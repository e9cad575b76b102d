"""The fixtures of the documented examples (conformance.md, section 4), each in a fresh database.

Each is built through the product's own verbs, at the instants that the document shows. What no
verb can bring about is written by the owner: numbers that a series stood at, and what the legacy
system had that its importers do not carry.
"""

import hashlib
import io
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

import argon2
from tests.conformance.juice.stage import Build, Stage
from tests.houses import customer, imported, linear_tariff, location, meter, updated

from currant.access.model import (
    OPERATOR,
    ChangePermissions,
    CreateAlias,
    CreateUser,
    IssueToken,
    PermissionChange,
    SetPassword,
)
from currant.access.verbs import (
    change_permissions,
    create_alias,
    create_user,
    hash_token,
    issue_token,
    set_password,
)
from currant.jobs.worker import draw_all
from currant.locations.model import Connection
from currant.prepayment.model import AdjustWallets, Wallet, Way
from currant.prepayment.verbs import adjust_wallets
from currant.reads.model import Format, RecordReads
from currant.reads.verbs import record_reads
from currant.receivables.model import (
    CreateArrearsType,
    ImportArrears,
    RetireArrearsType,
    WriteOff,
    WriteOffItem,
)
from currant.receivables.verbs import (
    create_arrears_type,
    import_arrears,
    retire_arrears_type,
    write_off,
)
from currant.supply.model import DescribeLocation
from currant.supply.verbs import describe_location
from currant.tariffs.model import CreateTariff, SetTax
from currant.tariffs.verbs import create_tariff, set_tax
from currant.upload import Upload
from currant.vending.model import Vend
from currant.vending.verbs import vend

SERIES_OF_ITEMS = "receivables.open_item/item_id"
TOKEN = "56d2bf16-9881-4e5d-bbeb-c79a72225a5b"
PALMER = {"name": "Palmer Guy", "city": "Watertown", "postalcode": "07367"}


# The parts that the fixtures are made of


def uploaded(header: str, *records: str) -> Upload:
    """A file of CSV records."""
    raw = "\n".join([header, *records]).encode()
    return Upload(io.BytesIO(raw), hashlib.sha256(raw).hexdigest(), len(raw))


async def home(
    stage: Stage,
    account: int,
    contract: str,
    meters: Mapping[str, str],
    *,
    tariff: str = "SBT",
    place: int | None = None,
    opening: str = "0",
    **person: str,
) -> None:
    """Supply an account at a location through meters, each with its kind of wallet."""
    await stage.following("account", account)
    if place is not None:
        await stage.following("location", place)
    door, boss, at = stage.door, stage.boss, f"at {contract}"
    await imported(door, boss, "locations", location(at))
    await imported(door, boss, "customers", customer(contract, locname=at, **person))
    records = [
        meter(
            serial, tariff=tariff, wallet=wallet, addactiveread=opening, contract=contract,
            locname=at,
        )
        for serial, wallet in meters.items()
    ]  # fmt: skip
    await imported(door, boss, "meters", *records)


async def owing(stage: Stage, *records: str, credit: str = "9100") -> None:
    """Issue arrears: account, start, amount, what was paid before, plan."""
    file = uploaded("account,startdate,amount,paid,payplan", *records)
    await stage.door.act(import_arrears, ImportArrears("1100", credit, False, file), stage.boss)


async def funded(stage: Stage, wallet: Wallet, *records: str) -> None:
    """Fund wallets for free: account and amount."""
    file = uploaded("account,amount", *records)
    await stage.door.act(adjust_wallets, AdjustWallets(wallet, Way.FUND, False, file), stage.boss)


async def read(stage: Stage, login: str, source: str, serial: str, at: str, kwh: str) -> None:
    """Record a read as somebody, and draw it down."""
    actor = stage.boss if login == "boss" else await stage.user(login, "Engineer")
    body = uploaded("serialnumber,datetime,sumforwardactive", f"{serial},{at},{kwh}")
    await stage.door.act(record_reads, RecordReads(body, Format.CSV, source), actor)
    await draw_all(stage.door)


async def linear(stage: Stage, name: str, rate: str, *, taxable: bool = False) -> None:
    """Make a tariff of one rate a kWh from now on."""
    if not taxable:
        await linear_tariff(stage.door, stage.boss, name, rate)
        return
    made = CreateTariff(
        name, name, "", "kWh", 1, Decimal(rate), taxable=True, fuel_charge=False, levies=(),
        fixed=False, kva_fixed=False,
    )  # fmt: skip
    await stage.door.act(create_tariff, made, stage.boss)


async def without_contract(stage: Stage, account: str) -> None:
    """Let an account be one that the legacy system did not know."""
    await stage.owner.execute(
        "update customers.account set contract = null where account = $1", account
    )


# Access and meters


async def f_auth(stage: Stage) -> None:
    """Two vendors: `test` with the password `123£`, `jsmith` with the documented token."""
    await stage.user("jsmith", "VENDOR")
    await stage.door.act(issue_token, IssueToken("jsmith", hash_token(TOKEN)), stage.boss)
    await stage.user("test", "VENDOR")
    secret = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1).hash("123£")
    await stage.door.act(set_password, SetPassword("test", secret), stage.boss)


async def f_com(stage: Stage) -> None:
    """A portal and nothing else: the com types are there from the beginning."""


async def f_meters(stage: Stage) -> None:
    """Two MultiSpeak meters, and one of NES that is not asked for."""
    many = [meter("1234abcde"), meter("AMI1234"), meter("other", comtype="NES")]
    await imported(stage.door, stage.boss, "meters", *many)


async def f_trio(stage: Stage) -> None:
    """Ringo Starr's account 03280, at L03281 through 1234abcde, each as its own example shows."""
    door, boss = stage.door, stage.boss
    await stage.following("account", 3280)
    await stage.following("location", 3281)
    stage.at("2017-10-19T13:46:00-04:00")
    await linear_tariff(door, boss)
    place = location(
        "10029384", locaddr1="3131 Mountian Creek Rd", locaddr2=" Apt 14A2",
        loccity="Chattanooga", loczip="37415", meterinstalldate="2015-05-01",
    )  # fmt: skip
    await imported(door, boss, "locations", place)
    stage.at("2017-10-19T13:46:40-04:00")
    await imported(door, boss, "meters", meter("1234abcde", tariff="SBT", locname="10029384"))
    stage.at("2017-10-19T13:47:09-04:00")
    ringo = customer(
        "5003986", name="Ringo Starr", phone1="14235290856", sms1="14235290856",
        email="ringo@example.com", address1="3131 Mountain Creek RD", address2="Apt 14A2",
        city="Chattanooga", postalcode="37415", locname="L03281", serialnum="1234abcde",
    )  # fmt: skip
    await imported(door, boss, "customers", ringo)
    line = Connection(
        type="ANSI", form_factor="1S", wiring="2W", voltage="120V", current_per_phase=Decimal(100)
    )
    await door.act(describe_location, DescribeLocation("L03281", line), boss)
    stage.at("2017-12-19T13:37:17-05:00")
    await updated(door, boss, "locations", {"locname": "10029384", "loclat": ""})
    stage.at("2019-01-29T13:09:21-05:00")
    await updated(door, boss, "meters", {"serialnum": "1234abcde", "server": "primary"})
    await stage.owner.execute("update metering.meter set meter_state = 'DISCONNECTING'")
    stage.at("2019-04-16T15:58:28-04:00")
    await updated(door, boss, "customers", {"contract": "5003986", "phone2": ""})


async def f_callback(stage: Stage) -> None:
    """The alias of the example's typing error, and a READ that 1234abcde was asked for."""
    await stage.door.act(create_alias, CreateAlias("examlpe"), OPERATOR.at("example"))
    await linear(stage, "SBT", "0.30")
    await home(stage, 3280, "5003986", {"1234abcde": "units"}, opening="")
    await stage.owner.execute(
        """
        insert into headends.request (
            portal_id, request_id, meter_id, command, state, source, reason, requested_at,
            next_try_at, sent_at, due_at
        )
        select
            portal_id, '6bce3e16-b6f9-418e-9751-44888850bbdf', meter_id, 'READ', 'SENT',
            'multispeak', '', $1, $1, $1, $1::timestamptz + interval '15 minutes'
        from metering.meter
        """,
        stage.clock.now() - timedelta(minutes=5),
    )


async def f_reads_in(stage: Stage) -> None:
    """The meter 1234abcde on account 03280, without a read."""
    await linear(stage, "SBT", "0.30")
    await home(stage, 3280, "5003986", {"1234abcde": "units"}, opening="")


async def f_reads_out(stage: Stage) -> None:
    """AMI1234 of account 03283 at L03290: a read of its head-end, and a month later one by hand."""
    stage.at("2019-02-01T09:00:00-05:00")
    await linear(stage, "SBT", "0.084")
    await home(stage, 3283, "5003999", {"AMI1234": "units"}, place=3290, opening="")
    await without_contract(stage, "03283")
    stage.at("2019-03-08T15:41:28-05:00")
    await stage.following("reads.usage_id", 67)
    await read(stage, "boss", "multispeak", "AMI1234", "2019-02-08T12:30:00-05:00", "100")
    stage.at("2019-03-08T15:42:02-05:00")
    await stage.following("reads.usage_id", 71)
    await read(stage, "jsmith", "jsmith", "AMI1234", "2019-03-08T15:00:00-05:00", "200")


# The importers


async def f_imp_loc(stage: Stage) -> None:
    """The next location is L03291."""
    await stage.following("location", 3291)


async def f_imp_mtr(stage: Stage) -> None:
    """The location 1009001 and the tariff SBT, but no meter."""
    await linear(stage, "SBT", "0.30")
    await imported(stage.door, stage.boss, "locations", location("1009001"))


async def f_imp_cus(stage: Stage) -> None:
    """The location L03291 and an unassigned meter; the next account is 03284."""
    await stage.following("location", 3291)
    await stage.following("account", 3284)
    await imported(stage.door, stage.boss, "locations", location("1009001"))
    await imported(stage.door, stage.boss, "meters", meter("0cb4fce5"))


async def f_upd_cus(stage: Stage) -> None:
    """The same after the import of customer 5004000."""
    stage.at("2018-07-02T09:00:00-04:00")
    await f_imp_cus(stage)
    palmer = customer("5004000", locname="L03291", serialnum="0cb4fce5", **PALMER)
    await imported(stage.door, stage.boss, "customers", palmer)


async def f_keys(stage: Stage) -> None:
    """Five customers with keys of the utility that are not in the order of ours."""
    contracts = ("1005088", "1024732", "1024760", "1020485", "1020522")
    await imported(stage.door, stage.boss, "customers", *map(customer, contracts))


async def f_bal(stage: Stage) -> None:
    """The accounts 03284, with a wallet of each kind, and 03285."""
    await linear(stage, "SBT", "0.30")
    both = {"0cb4fce5": "units", "14155008478": "currency"}
    await home(stage, 3284, "5004000", both, **PALMER)
    await home(stage, 3285, "5004001", {"14155008479": "currency"})


async def f_adj(stage: Stage) -> None:
    """The same; the next arrears is 298."""
    await f_bal(stage)
    await stage.following(SERIES_OF_ITEMS, 298)


# Wallets and arrears


async def f_wallet(stage: Stage) -> None:
    """0.58 kWh at 0.3, 238.78 kWh at 0.084 shown by two meters, and $30.00."""
    for name, rate in (("DEAR", "0.3"), ("CHEAP", "0.084"), ("CASH", "0.3572")):
        await linear(stage, name, rate)
    await home(stage, 3280, "5003986", {"1234abcde": "units"}, tariff="DEAR")
    two = {"58027013": "units", "AMI1234": "units"}
    await home(stage, 3283, "5003999", two, tariff="CHEAP")
    await home(stage, 3284, "5004000", {"14155008478": "currency"}, tariff="CASH")
    await funded(stage, Wallet.UNITS, "03280,0.58", "03283,238.78")
    await funded(stage, Wallet.CURRENCY, "03284,30")


async def f_owed(stage: Stage) -> None:
    """Five accounts that owe, one of them twice, and one that owed and has paid."""
    people = [customer(f"C{number}") for number in range(1, 7)]
    await imported(stage.door, stage.boss, "customers", *people)
    await owing(
        stage,
        "00003,,445.16,,", "00001,,12.50,,25%", "00002,,1765.75,,", "00004,,330.30,,",
        "00005,,700,100,", "00005,,81.77,,", "00006,,50,50,",
    )  # fmt: skip


async def f_bytype(stage: Stage) -> None:
    """Arrears 5 of 03283, and arrears 85 of 03284 that was paid by three vends and a write-off.

    One more, of another type, belongs to 03285.
    """
    stage.at("2019-04-01T09:00:00-04:00")
    await linear(stage, "SBT", "0.30")
    await home(stage, 3283, "5003999", {"AMI1234": "units"})
    await home(stage, 3284, "5004000", {"14155008478": "units"}, **PALMER)
    await imported(stage.door, stage.boss, "customers", customer("5004001"))
    cashier = await stage.user("cashier1", "VENDORADM")
    stage.at("2019-04-01T09:17:17-04:00")
    await stage.following(SERIES_OF_ITEMS, 85)
    await owing(stage, "03284,2019-04-01T00:00:00-04:00,20,,25%")
    for number, at, tender in (
        (245, "2019-04-04T10:32:44-04:00", "50"),
        (252, "2019-04-04T16:03:21-04:00", "13.32"),
        (253, "2019-04-04T16:03:21-04:00", "1"),
    ):
        stage.at(at)
        await stage.following("ledger.entry_id", number)
        await stage.door.act(vend, Vend("03284", "cash", Decimal(tender)), cashier)
    stage.at("2019-04-18T14:31:41-04:00")
    await stage.following(SERIES_OF_ITEMS, 5)
    await owing(stage, "03283,2019-04-18T00:00:00-04:00,100,,")
    await owing(stage, "03285,,75,,", credit="4959")
    stage.at("2019-04-25T15:35:15-04:00")
    await stage.following("ledger.entry_id", 291)
    rest = WriteOff([WriteOffItem(85, Decimal("3.92"))], "Too little to go after")
    await stage.door.act(write_off, rest, stage.boss)


async def f_forcust(stage: Stage) -> None:
    """Arrears 1 and 2 of 03285; the second of a type that has been retired, and never started."""
    await stage.following("account", 3285)
    await imported(stage.door, stage.boss, "customers", customer("5004001"))
    stage.at("2019-04-25T14:22:44-04:00")
    await owing(stage, "03285,2019-04-25T00:00:00-04:00,1000,,25%")
    stage.at("2019-04-25T14:23:32-04:00")
    gimme = CreateArrearsType("Gimme5", "4910")
    await stage.door.act(create_arrears_type, gimme, stage.boss)
    await owing(stage, "03285,,0.44,,", credit="4910")
    await stage.door.act(retire_arrears_type, RetireArrearsType("Gimme5"), stage.boss)


async def f_artypes(stage: Stage) -> None:
    """The seven types that a portal begins with."""


# Tariffs


async def f_tariff_new(stage: Stage) -> None:
    """No tariff TestTariff."""


TARIFF = """
insert into tariffs.tariff (
    portal_id, tariff_id, name, description, municipality, type, units, service
)
select portal_id, $1, $2, $3, $4, $5, 'kWh', 'Electricity' from access.portal
"""
RATE = """
insert into tariffs.rate (
    portal_id, tariff_id, rate_id, tier, rate, usage_base_start, valid, last_mod, taxable,
    description, units, service, coa, ar_coa
)
select
    portal_id, $1, $2, $3, $4, $5, tstzrange($6, $7::timestamptz + interval '1 second'), $8, $9,
    $10, 'kWh', 'Electricity', case $3 when 'A' then '4000' else '4005' end, '1102'
from access.portal
"""
Line = tuple[int, str, str, int, bool, str]


async def tariff(
    stage: Stage, number: int, name: str, description: str, kind: int, muni: str = ""
) -> None:
    """Have a tariff of a number."""
    await stage.owner.execute(TARIFF, number, name, description, muni, kind)


async def rates(
    stage: Stage, number: int, first: str, last: str, last_mod: str, *lines: Line
) -> None:
    """Have rate lines: number, tier, rate, where the block begins, taxable, description."""
    span = [datetime.fromisoformat(at) for at in (first, last, last_mod)]
    for rate_id, tier, rate, begin, taxable, text in lines:
        await stage.owner.execute(
            RATE, number, rate_id, tier, Decimal(rate), begin, *span, taxable, text
        )


async def f_tariff_all(stage: Stage) -> None:
    """COMMERCIAL, and SBT with three generations of rates and a fixed charge; on 1 and 2 meters."""
    await tariff(stage, 2, "COMMERCIAL", "Example Block Tariff", 8)
    since, until = "2019-07-01T00:00:00-03:00", "2050-01-01T23:59:59-03:00"
    fuel = (64, "A", "0.86", 0, True, "Fuel Charge")
    await rates(stage, 2, since, until, "2021-04-27T14:52:38-03:00", fuel)
    prices = ("1.4", "0.0456", "0.457", "0.045", "0.044", "0.043", "0.0429", "0.042951")
    begins = (0, 75, 150, 400, 500, 600, 700, 800)
    blocks = [
        (64 + n, f"B{n}", price, begin, True, f"Block {n}")
        for n, (price, begin) in enumerate(zip(prices, begins, strict=True), start=1)
    ]
    levy = (73, "L", "0", 0, False, "Levy")
    await rates(stage, 2, since, until, "2019-06-10T16:36:43-03:00", *blocks, levy)
    await tariff(stage, 3, "SBT", "Standard Block Tariff", 3)
    await rates(
        stage, 3, since, "2021-04-21T23:59:59-03:00", "2021-04-21T16:04:46-03:00",
        (58, "B1", "0.3573", 0, False, ""),
        (59, "B2", "0.357202", 500, False, "Block 2"),
        (60, "B3", "0.3", 1000, False, "Block 3"),
    )  # fmt: skip
    changed = "2021-04-23T15:07:40-03:00"
    await rates(
        stage, 3, "2021-04-22T00:00:00-03:00", "2022-04-23T23:59:59-03:00", changed,
        (82, "B1", "0.3573", 0, False, "Foo"),
        (83, "B2", "0.357202", 500, True, "Bar"),
        (84, "B3", "0.3", 1000, True, "Baz"),
    )  # fmt: skip
    await rates(
        stage, 3, "2022-04-24T00:00:00-03:00", "2042-04-24T23:59:59-03:00", changed,
        (88, "B1", "0.3573", 0, False, "Foo"),
        (89, "B2", "0.33", 500, False, "Bar"),
        (90, "B3", "0.3", 1000, False, "Baz"),
    )  # fmt: skip
    await stage.owner.execute(
        "insert into tariffs.fixed_charge (portal_id, fixed_id, tariff_id, description, amount, "
        "basis, coa, ar_coa, taxable) "
        "select portal_id, 1, 3, 'Fixed Charge', 12.5, 'MONTHLY', '4900', '1102', true "
        "from access.portal"
    )
    on = [meter("M1", tariff="COMMERCIAL"), meter("M2", tariff="SBT"), meter("M3", tariff="SBT")]
    await imported(stage.door, stage.boss, "meters", *on)


async def f_tariff_res(stage: Stage) -> None:
    """RESIDENTIAL of Chattanooga, two blocks, on three meters and one that has left it."""
    await tariff(stage, 1, "RESIDENTIAL", "Residential rate", 2, "Chattanooga")
    until, changed = "2030-12-31T23:59:00-03:00", "2016-09-12T14:18:13-03:00"
    one, two = (1, "B1", "0.084", 0, True, ""), (2, "B2", "0.072", 1200, True, "")
    await rates(stage, 1, "2012-10-01T15:00:00-03:00", until, changed, one)
    await rates(stage, 1, "2012-10-01T15:01:00-03:00", until, changed, two)
    on = [meter(f"M{number}", tariff="RESIDENTIAL") for number in range(1, 5)]
    await imported(stage.door, stage.boss, "meters", *on)
    await updated(stage.door, stage.boss, "meters", {"serialnum": "M4", "tariff": ""})


async def f_tariff_fut(stage: Stage) -> None:
    """SBT with a B1 in force; the next rate is 56."""
    await stage.following("tariffs.rate/rate_id", 55)
    await linear(stage, "SBT", "0.30")


# Transactions


async def f_dump(stage: Stage) -> None:
    """A vend that paid arrears too (230) and a drawdown (233); a vend just outside either end."""
    stage.at("2019-02-01T09:00:00-05:00")
    await stage.door.act(set_tax, SetTax(Decimal("0.05"), stage.clock.now()), stage.boss)
    await linear(stage, "CASH", "0.3572")
    await linear(stage, "HOME", "0.084", taxable=True)
    await home(stage, 3283, "5003999", {"AMI1234": "units"}, tariff="HOME", name="Fred Fredburger")
    await without_contract(stage, "03283")
    await home(stage, 3284, "5004000", {"14155008478": "units"}, tariff="CASH", **PALMER)
    await owing(stage, "03284,,10,,")
    cashier = await stage.user("cashier1", "VENDORADM")
    for number, at, account, tender in (
        (229, "2019-03-07T22:59:59-05:00", "03283", "5"),
        (230, "2019-03-08T15:32:43-05:00", "03284", "20"),
        (234, "2019-03-08T23:00:00-05:00", "03283", "5"),
    ):
        if number == 234:
            stage.at("2019-03-08T16:32:59-05:00")
            await stage.following("ledger.entry_id", 233)
            await read(stage, "boss", "multispeak", "AMI1234", "2019-03-08T16:30:00-05:00", "5.102")
        stage.at(at)
        await stage.following("ledger.entry_id", number)
        await stage.door.act(vend, Vend(account, "cash", Decimal(tender)), cashier)


async def f_rev(stage: Stage) -> None:
    """The cash vend 100 of $10.00 to account 03280; the next transaction is 595."""
    stage.at("2020-07-15T12:50:08-04:00")
    await linear(stage, "SBT", "0.30")
    await home(stage, 3280, "5003986", {"1234abcde": "units"}, name="Ringo Starr")
    cashier = await stage.user("cashier1", "VENDORADM")
    await stage.following("ledger.entry_id", 100)
    await stage.door.act(vend, Vend("03280", "cash", Decimal(10)), cashier)
    await stage.following("ledger.entry_id", 595)


# System users


async def f_usr_new(stage: Stage) -> None:
    """No user swarren."""


async def f_usr(stage: Stage) -> None:
    """The user swarren, as the example of J34 shows her."""
    phone = "15558765309"
    sarah = CreateUser(
        "swarren", "Sarah Warren", "VENDOR", "CEC", email="swarren@example.com", phone_1=phone,
        sms_1=phone, vending_limit=1_000_000, special_limit=100_000,
    )  # fmt: skip
    await stage.door.act(create_user, sarah, stage.boss)


async def f_perms(stage: Stage) -> None:
    """The vendor jsmith, who may do four things."""
    await stage.user("jsmith", "VENDOR")
    gone = ("customer.view", "wallet.view", "vend.view")
    change = ChangePermissions("jsmith", [PermissionChange(name, "remove") for name in gone])
    await stage.door.act(change_permissions, change, stage.boss)


def named(fixture: str) -> Build:
    """Return what builds the fixture of a name such as F-TRIO."""
    build: Build = globals()[fixture.lower().replace("-", "_")]
    return build


# The portal of the fixtures that are not in `example`.
PORTALS = {"F-TARIFF-FUT": "test"}
