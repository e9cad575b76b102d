"""Price plans at the door: made whole, changed in time, read as what bills are priced by."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from tests.conftest import NOW
from tests.houses import small_house
from tests.tariffs.test_tariff_verbs import read_book

from currant.errors import Conflict, Forbidden, Invalid, NotFound, Refusal
from currant.locations.model import NoSuchBuilding
from currant.plans import verbs
from currant.plans.model import (
    AssignPlan,
    BuildingWanted,
    CreateOffering,
    CreatePlan,
    GivenCharge,
    GivenInducement,
    GivenRate,
    ImportPlan,
    NoSuchAgreement,
    NoSuchOffering,
    OfferingsWanted,
    PlanAssigned,
    SetBuildingDefault,
    SetCharge,
    SetRate,
)
from currant.plans.versions import discounts_of
from currant.tariffs import verbs as tariffs
from currant.tariffs.bills import price_bills
from currant.tariffs.calendars import UnsoundCalendar
from currant.tariffs.columns import Determinants
from currant.tariffs.model import (
    CreateCalendar,
    FixedOverlaps,
    NoSuchCalendar,
    NoSuchTariff,
    Period,
    RateKindsMixed,
    RateOverlaps,
    Season,
    SetTax,
    Switch,
    TariffWanted,
)
from currant.tariffs.pricing import UnsoundTariff
from currant.tariffs.rounding import Rounding
from currant.tariffs.terms import Basis, Inducement, Per, RoundPer, Terms

DAY = timedelta(days=1)
START = datetime(2026, 1, 1, 5, tzinfo=UTC)
SUMMER = CreateCalendar(
    "Summer evenings",
    "America/New_York",
    weekday=[Switch(0, 1)],
    from_month=10,
    seasons=[Season(5, [Switch(0, 1), Switch(960, 2), Switch(1260, 1)], [Switch(0, 1)])],
)


def plan(name: str = "TOU", **more: Any) -> CreatePlan:
    told: dict[str, Any] = {
        "rates": [
            GivenRate("T1", Decimal("0.2")),
            GivenRate("T1B2", Decimal("0.25"), Decimal("13.5")),
            GivenRate("T2", Decimal("0.4"), meter_type_code="PEAK"),
            GivenRate("D1", Decimal("8.5"), buckets=[1, 2], rounding=Rounding.TRUNCATE),
            GivenRate("X", Decimal("0.05"), taxable=False),
        ],
        "charges": [GivenCharge("Supply", Decimal("1.10"))],
        "terms": Terms(
            block_period=Per.DAY,
            ratchet_share=Decimal("0.8"),
            ratchet_months=11,
            round_per=RoundPer.LINE,
        ),
        "from_at": START,
    }
    return CreatePlan(name=name, **(told | more))


@pytest.fixture
async def tou(door, boss) -> int:
    """The plan TOU with a calendar of its own."""
    return (await door.act(verbs.create_plan, plan(calendar=SUMMER), boss)).tariff_id


async def test_a_plan_is_made_whole_and_read_as_it_was_said(door, boss, tou) -> None:
    await door.act(tariffs.set_tax, SetTax(Decimal("0.1"), START - DAY), boss)
    book = await door.ask(read_book, tou, boss)
    version = book.plan_at(NOW)
    assert (version.tax_rate, version.unit, version.unit_size) == (Decimal("0.1"), "kWh", 1000)
    assert version.terms == plan().terms
    assert [(r.tier, r.rate, r.step_from, r.buckets, r.taxable) for r in version.rates] == [
        ("D1", Decimal("8.5"), 0, (1, 2), True),
        ("T1", Decimal("0.2"), 0, (), True),
        ("T1B2", Decimal("0.25"), Decimal("13.5"), (), True),
        ("T2", Decimal("0.4"), 0, (), True),
        ("X", Decimal("0.05"), 0, (), False),
    ]
    assert version.rates[0].rounding is Rounding.TRUNCATE
    assert version.rates[2].description == "Time of Use 1, Block 2"
    assert book.bucket_of("PEAK", NOW) == 2
    assert book.bucket_of("OFFPEAK", NOW) is None
    assert book.plan_at(NOW) is book.plan_at(NOW + DAY)
    with pytest.raises(UnsoundTariff, match="no rates"):
        book.plan_at(START - DAY)
    assert book.bucket_at(datetime(2026, 7, 1, 21, tzinfo=UTC)) == 2
    assert book.bucket_at(datetime(2026, 12, 1, 21, tzinfo=UTC)) == 1


async def test_a_change_of_rate_and_charge_cuts_a_bill(door, boss, tou) -> None:
    """Each calculation period has its version; what a change does not say stays as it was."""
    later = NOW + 10 * DAY
    rate = SetRate(tariff="TOU", tier="D1", rate=Decimal(9), from_at=later)
    row = await door.act(verbs.set_rate, rate, boss)
    assert (row.basis, row.buckets, row.rounding, row.taxable) == (
        "DEMAND",
        [1, 2],
        "TRUNCATE",
        True,
    )
    charge = SetCharge(tariff="TOU", description="Supply", amount=Decimal("1.25"), from_at=later)
    changed = await door.act(verbs.set_charge, charge, boss)
    assert (changed.basis, changed.taxable, changed.start_at) == ("DAILY", True, later)
    book = await door.ask(read_book, tou, boss)
    assert book.plan_edges(NOW, NOW + 30 * DAY) == [later]
    spent = []
    for at, days in ((NOW, 10), (later, 21)):
        items = Determinants([days], [31], {1: [0]}, peak_w={1: [31_000], 2: [1_000]})
        charges = price_bills(book.plan_at(at), items)
        spent.append([str(line.net) for line in charges.explain(0)])
    assert spent == [["85.00", "11.00"], ["189.00", "26.25"]]
    for period, amounts in (
        (Period.CURRENT, ["1.100000000"]),
        (Period.FUTURE, ["1.100000000", "1.250000000"]),
    ):
        shown = await door.ask(tariffs.tariff, TariffWanted("TOU", period), boss)
        assert [str(fixed.amount) for fixed in shown.fixed] == amounts


async def test_what_was_charged_for_stays_while_a_charge_is_new(door, boss, tou) -> None:
    later = NOW + DAY
    new = SetCharge(
        tariff="TOU", description="Capacity", amount=Decimal(3), basis=Basis.KVA, from_at=later
    )
    row = await door.act(verbs.set_charge, new, boss)
    assert (row.basis, row.coa, row.ar_coa, row.taxable) == ("KVA", "4900", "1102", True)
    with pytest.raises(FixedOverlaps):
        await door.act(verbs.set_charge, new, boss)
    with pytest.raises(Invalid, match="basis"):
        await door.act(
            verbs.set_charge,
            SetCharge(tariff="TOU", description="Else", amount=Decimal(1), from_at=later),
            boss,
        )


REFUSED: list[tuple[dict[str, Any], type[Refusal], str | None]] = [
    ({"name": " "}, Invalid, "name"),
    ({"units": "furlong"}, Invalid, "units"),
    ({"rates": [], "charges": []}, UnsoundTariff, "rates"),
    ({"rates": [GivenRate("Q1", Decimal(1))]}, UnsoundTariff, "tier"),
    ({"rates": [GivenRate("B1", Decimal(-1))]}, Invalid, "rate"),
    ({"rates": [GivenRate("B1", Decimal("0.0000000001"))]}, Invalid, "rate"),
    ({"rates": [GivenRate("B1", Decimal(1), Decimal("0.0001"))]}, Invalid, "step_from"),
    ({"rates": [GivenRate("T1", Decimal(1), buckets=[0])]}, UnsoundTariff, "buckets"),
    ({"rates": [GivenRate("B1", Decimal(1), coa="nowhere")]}, Invalid, None),
    ({"charges": [GivenCharge("S", Decimal(1), coa="nowhere")]}, Invalid, None),
    ({"charges": [GivenCharge("S", Decimal(1)), GivenCharge("S", Decimal(2))]}, Conflict, None),
    ({"charges": [GivenCharge("S" * 101, Decimal(1))]}, Invalid, None),
    ({"follows": "Nothing"}, NoSuchCalendar, "calendar"),
    ({"follows": "Peak", "calendar": SUMMER}, Invalid, "follows"),
    ({"terms": Terms(ratchet_share=Decimal("0.5"))}, Invalid, None),
    ({"terms": Terms(ratchet_share=Decimal(2), ratchet_months=1)}, UnsoundTariff, "ratchet_share"),
    ({"terms": Terms(demand_period=Per.YEAR)}, UnsoundTariff, "demand_period"),
    ({"until": START - DAY}, Invalid, "until"),
    (
        {
            "calendar": CreateCalendar(
                "C", "UTC", [Switch(0, 1)], seasons=[Season(1, [Switch(0, 1)])]
            )
        },
        UnsoundCalendar,
        "from_month",
    ),
    (
        {
            "calendar": CreateCalendar(
                "C", "UTC", [Switch(0, 1)], seasons=[Season(13, [Switch(0, 1)])]
            )
        },
        UnsoundCalendar,
        "from_month",
    ),
]


async def test_a_plan_that_cannot_be_priced_is_refused_and_nothing_is_kept(
    door, boss, owner
) -> None:
    for change, refusal, field in REFUSED:
        with pytest.raises(refusal) as refused:
            await door.act(verbs.create_plan, plan(**change), boss)
        assert refused.value.field == field, change
    assert await owner.fetchval("select count(*) from tariffs.tariff") == 0
    assert await owner.fetchval("select count(*) from tariffs.calendar") == 0


async def test_refusals_of_rates_and_charges(door, boss, tou) -> None:
    later = NOW + DAY
    for change, refusal in (
        ({"tariff": "NONE"}, NoSuchTariff),
        ({"tier": "Q1"}, UnsoundTariff),
        ({"tier": "B1"}, RateKindsMixed),
        ({"rate": Decimal(-1)}, Invalid),
        ({"from_at": NOW}, Invalid),
        ({"until": later}, Invalid),
        ({"buckets": [10]}, Invalid),
    ):
        told = {"tariff": "TOU", "tier": "T2", "rate": Decimal(1), "from_at": later} | change
        with pytest.raises(refusal):
            await door.act(verbs.set_rate, SetRate(**told), boss)
    rate = SetRate(tariff="TOU", tier="T2", rate=Decimal(1), from_at=later)
    await door.act(verbs.set_rate, rate, boss)
    with pytest.raises(RateOverlaps):
        await door.act(verbs.set_rate, rate, boss)
    for change, refusal in (
        ({"tariff": "NONE"}, NoSuchTariff),
        ({"amount": Decimal(-1)}, Invalid),
        ({"from_at": NOW}, Invalid),
        ({"until": later}, Invalid),
        ({"coa": "nowhere"}, Invalid),
    ):
        told = {"tariff": "TOU", "description": "Supply", "amount": Decimal(1), "from_at": later}
        with pytest.raises(refusal):
            await door.act(verbs.set_charge, SetCharge(**(told | change)), boss)


async def test_prepaid_energy_is_not_priced_by_what_only_bills_know(door, boss, tou) -> None:
    book = await door.ask(read_book, tou, boss)
    with pytest.raises(UnsoundTariff, match="not a tier"):
        book.version_at(NOW)


async def test_a_tariff_of_the_urdb_is_imported(door, boss, owner) -> None:
    document = {
        "name": "Evening peak",
        "energyratestructure": [[{"rate": Decimal("0.1")}], [{"rate": Decimal("0.3")}]],
        "energyweekdayschedule": [[0] * 16 + [1] * 5 + [0] * 3] * 12,
        "energyweekendschedule": [[0] * 24] * 12,
    }
    made = await door.act(
        verbs.import_plan, ImportPlan(document=document, taxable=True, from_at=START), boss
    )
    book = await door.ask(read_book, made.tariff_id, boss)
    assert book.clock_name == "America/New_York"
    assert [(r.tier, r.taxable) for r in book.plan_at(NOW).rates] == [("T1", True), ("T2", True)]
    with pytest.raises(Conflict, match="exists"):
        await door.act(verbs.import_plan, ImportPlan(document=document), boss)
    with pytest.raises(Invalid, match="cannot be imported"):
        await door.act(verbs.import_plan, ImportPlan(document={"name": "X"}), boss)
    assert await owner.fetchval("select count(*) from tariffs.tariff") == 1


# -- offerings, agreements, buildings


OFFERING = CreateOffering(
    "WELCOME",
    "Ten off",
    [
        GivenInducement(Inducement.PERCENT_OF_USAGE, Decimal(10), "10 % off usage"),
        GivenInducement(Inducement.PROMPT_PAYMENT, Decimal(3), "3 % when paid in time", "7 days"),
    ],
)


async def test_an_offering_takes_off_a_bill(door, boss, tou) -> None:
    made = await door.act(verbs.create_offering, OFFERING, boss)
    assert [(row.kind, row.condition) for row in made.inducements] == [
        ("PERCENT_OF_USAGE", ""),
        ("PROMPT_PAYMENT", "7 days"),
    ]
    assert await door.ask(verbs.offerings, OfferingsWanted(), boss) == [made]
    assert await door.ask(verbs.offerings, OfferingsWanted("NONE"), boss) == []
    book = await door.ask(read_book, tou, boss)
    version = book.plan_at(NOW, discounts_of(made))
    charges = price_bills(version, Determinants([31], [31], {2: [100_000]}))
    assert [str(line.net) for line in charges.explain(0)] == ["40.00", "34.10", "-4.00"]
    with pytest.raises(Conflict, match="exists"):
        await door.act(verbs.create_offering, OFFERING, boss)
    for code, given in (
        (" x", []),
        ("Y", [GivenInducement(Inducement.PERCENT_OF_BILL, Decimal(101), "")]),
        ("Y", [GivenInducement(Inducement.AMOUNT, Decimal(-1), "")]),
        ("Y", [GivenInducement(Inducement.AMOUNT, Decimal(1), "", coa="nowhere")]),
    ):
        with pytest.raises(Invalid):
            await door.act(verbs.create_offering, CreateOffering(code, "", given), boss)
    assert len(await door.ask(verbs.offerings, OfferingsWanted(), boss)) == 1


def spans(
    rows: list[PlanAssigned],
) -> list[tuple[str | None, str | None, datetime, datetime | None]]:
    return [(row.tariff, row.offering, row.start_at, row.end_at) for row in rows]


async def test_an_agreement_has_one_plan_at_a_time(door, boss, owner, tou) -> None:
    await small_house(door, boss, rate="0.25")
    await door.act(verbs.create_offering, OFFERING, boss)
    agreement = await owner.fetchval("select agreement_id from customers.agreement")
    later, last = NOW + DAY, NOW + 9 * DAY
    await door.act(verbs.assign_plan, AssignPlan(agreement, NOW, tariff="TOU"), boss)
    await door.act(verbs.assign_plan, AssignPlan(agreement, last, offering="WELCOME"), boss)
    rows = await door.act(verbs.assign_plan, AssignPlan(agreement, later, "TOU", "WELCOME"), boss)
    assert spans(rows) == [
        ("TOU", None, NOW, later),
        ("TOU", "WELCOME", later, last),
        ("TOU", "WELCOME", last, None),
    ]
    assert {row.assigned_by for row in rows} == {"boss"}
    assert len({row.assignment_id for row in rows}) == 3
    again = await door.act(verbs.assign_plan, AssignPlan(agreement, later, "TOU", "WELCOME"), boss)
    assert again == rows
    for command, refusal in (
        (AssignPlan(agreement, NOW), Invalid),
        (AssignPlan(2**40, NOW, "TOU"), NoSuchAgreement),
        (AssignPlan(agreement, NOW, "NONE"), NoSuchTariff),
        (AssignPlan(agreement, NOW, "TOU", "NONE"), NoSuchOffering),
    ):
        with pytest.raises(refusal):
            await door.act(verbs.assign_plan, command, boss)


async def test_a_blocked_account_is_put_on_no_plan(door, boss, owner, tou) -> None:
    house = await small_house(door, boss, rate="0.25")
    agreement = await owner.fetchval("select agreement_id from customers.agreement")
    await owner.execute(
        "update access.system_user set blocked_accounts = $1 where login = 'boss'",
        house.accounts[0],
    )
    with pytest.raises(Forbidden):
        await door.act(verbs.assign_plan, AssignPlan(agreement, NOW, "TOU"), boss)


@pytest.fixture
async def tower(owner: asyncpg.Connection, portal: str) -> int:
    return await owner.fetchval(
        "insert into locations.building (portal_id, building_code, name, created_at, last_mod) "
        "select portal_id, 'TWR01', 'Tower One', now(), now() from access.portal "
        "where key = 'example' returning building_id"
    )


async def test_a_building_has_defaults_by_customer_and_way_to_pay(door, boss, tou, tower) -> None:
    await door.act(verbs.create_offering, OFFERING, boss)
    await door.act(verbs.create_plan, plan("FLAT"), boss)
    for command in (
        SetBuildingDefault("twr01", "FLAT"),
        SetBuildingDefault("TWR01", "TOU", customer_type="COMPANY"),
        SetBuildingDefault("TWR01", "FLAT", customer_type="COMPANY", direct_debit=True),
        SetBuildingDefault("TWR01", "TOU", "WELCOME", customer_type="COMPANY", direct_debit=True),
    ):
        rows = await door.act(verbs.set_building_default, command, boss)
    assert [(r.customer_type, r.direct_debit, r.tariff, r.offering) for r in rows] == [
        ("", False, "FLAT", None),
        ("COMPANY", False, "TOU", None),
        ("COMPANY", True, "TOU", "WELCOME"),
    ]
    assert await door.ask(verbs.building_defaults, BuildingWanted(), boss) == rows
    assert await door.ask(verbs.building_defaults, BuildingWanted("NONE"), boss) == []
    for command, refusal in (
        (SetBuildingDefault("NONE", "FLAT"), NoSuchBuilding),
        (SetBuildingDefault("TWR01", "NONE"), NoSuchTariff),
        (SetBuildingDefault("TWR01", "FLAT", "NONE"), NoSuchOffering),
    ):
        with pytest.raises(refusal):
            await door.act(verbs.set_building_default, command, boss)


async def test_only_who_manages_tariffs_makes_plans(door, cashier, boss) -> None:
    later = NOW + DAY
    for verb, command in {
        verbs.create_plan: plan(),
        verbs.import_plan: ImportPlan(document={}),
        verbs.set_rate: SetRate(tariff="T", tier="B1", rate=Decimal(1), from_at=later),
        verbs.set_charge: SetCharge(tariff="T", description="S", amount=Decimal(1), from_at=later),
        verbs.assign_plan: AssignPlan(1, NOW, "T"),
        verbs.create_offering: OFFERING,
        verbs.set_building_default: SetBuildingDefault("B", "T"),
    }.items():
        with pytest.raises(Refusal, match=r"lacks tariffs\.manage"):
            await door.act(verb, command, cashier)
    with pytest.raises(NotFound):
        await door.ask(tariffs.tariff, TariffWanted("NONE", Period.CURRENT), boss)
