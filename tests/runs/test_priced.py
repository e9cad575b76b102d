"""Bills in worked numbers: what changes within a period, intervals, blocks, discounts, tax."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec import structs
from tests.towers import (
    BEGINS,
    LONG_AGO,
    SYDNEY,
    Tower,
    at,
    billed,
    drafted,
    exchange,
    found,
    intervals,
    invoices_of,
    leaves,
    plan,
    posted,
    put_on,
    read,
    register,
    sound,
    standing,
    tower,
)

from currant.access.verbs import Nothing
from currant.basicreads.model import ReadsOfAccount
from currant.basicreads.verbs import account_reads
from currant.billing.model import Policy
from currant.billing.verbs import policy, set_policy
from currant.charges.model import (
    AddCharges,
    ChargeItem,
    ChargesNamed,
    NewCharge,
    NewLineItem,
    Provision,
)
from currant.charges.verbs import add_charges, approve_charges, provision, set_charge_item
from currant.clock import FrozenClock
from currant.door import Door
from currant.invoices.model import CancelInvoice, Invoice
from currant.invoices.verbs import cancel_invoice
from currant.locations.model import NewLossFactor, SetLossFactors
from currant.locations.verbs import set_loss_factors
from currant.plans.model import (
    AssignPlan,
    CreateOffering,
    GivenCharge,
    GivenInducement,
    GivenRate,
    SetRate,
)
from currant.plans.verbs import assign_plan, create_offering, set_rate
from currant.tariffs.model import CreateCalendar, SetTax, Switch
from currant.tariffs.terms import Basis, Inducement, Per, Terms
from currant.tariffs.verbs import set_tax

D = Decimal
JULY = date(2024, 7, 31)
FIRST, LAST = date(2024, 7, 1), date(2024, 8, 1)


@pytest.fixture
async def told(door: Door, owner, clock: FrozenClock) -> Tower:
    """One unit that opened on 1 July 2024 as well as on 21 June, at 310 kWh for July."""
    clock.set(datetime(2024, 8, 1, 9, tzinfo=SYDNEY))
    made = await tower(door, owner)
    await owner.execute("update customers.agreement set valid = tstzrange($1, null)", at(FIRST))
    (unit,) = made.units
    await standing(owner, made, unit, {BEGINS: "12000", FIRST: "12100", LAST: "12410"})
    return made


async def bill(door: Door, told: Tower, through: date = JULY) -> Invoice:
    """Bill the unit; the invoice."""
    await billed(door, told, through)
    return (await invoices_of(door, told, told.units[0].account))[-1]


def lines(invoice: Invoice) -> list[tuple[str, date, date, Decimal, Decimal, Decimal]]:
    return [
        (line.description, line.from_on, line.to_on, line.quantity, line.rate, line.net)
        for line in invoice.lines
    ]


async def test_a_rate_that_changes_within_the_period_cuts_it_by_days(
    door, owner, told, clock
) -> None:
    clock.set(datetime(2024, 7, 5, 9, tzinfo=SYDNEY))
    await door.act(
        set_rate,
        SetRate(tariff="RES-FLAT", tier="B1", rate=D("0.40"), from_at=at(date(2024, 7, 11))),
        told.manager,
    )
    clock.set(datetime(2024, 8, 1, 9, tzinfo=SYDNEY))
    # Ten days of July are 100 kWh of 310, the other 21 are 210.
    invoice = await bill(door, told)
    assert lines(invoice) == [
        ("Anytime", FIRST, date(2024, 7, 10), D(100), D("0.285"), D("28.50")),
        ("Daily supply", FIRST, date(2024, 7, 10), D(10), D("1.10"), D("11.00")),
        ("Anytime", date(2024, 7, 11), JULY, D(210), D("0.40"), D("84.00")),
        ("Daily supply", date(2024, 7, 11), JULY, D(21), D("1.10"), D("23.10")),
    ]
    await sound(door, owner)


async def test_losses_raise_the_energy_of_the_days_that_they_are_for(door, owner, told) -> None:
    (unit,) = told.units
    await plan(door, told, "LOSSY", GivenRate("B1", D("0.10")), terms=Terms(with_losses=True))
    await put_on(owner, told, unit, "LOSSY")
    factors = [
        NewLossFactor(D("1.0514"), date(2024, 6, 1), building_code="TWR01", mlf=D("0.9876")),
        NewLossFactor(D("1.1"), date(2024, 7, 11), building_code="TWR01"),
    ]
    await door.act(set_loss_factors, SetLossFactors(factors), told.manager)
    invoice = await bill(door, told)
    # Ten days of July are 100 kWh of 310, the other 21 are 210; factors have six decimals.
    assert [(line.quantity, line.loss_factor, line.from_on) for line in invoice.lines] == [
        (D("103.836"), D("1.038363"), FIRST), (D(231), D("1.1"), date(2024, 7, 11)),
    ]  # fmt: skip
    assert [row.quantity for row in invoice.measured] == [310_000]
    await sound(door, owner)


async def test_substituted_intervals_are_billed_and_told(door, owner, told) -> None:
    (unit,) = told.units
    stream = await register(
        owner, told, unit, 1, metering_type="AM", datastream="E1", interval_minutes=30
    )
    await intervals(owner, told, stream, date(2024, 6, 28), 12, [500] * 48)
    await intervals(owner, told, stream, date(2024, 7, 10), 1, [500] * 48, quality="S")
    await intervals(owner, told, stream, date(2024, 7, 11), 30, [500] * 48)
    run = await drafted(door, told, JULY)
    assert await found(door, told, run) == [("03280", "ESTIMATED", "Some usage is estimated.")]
    await posted(door, told, run.run_id)
    (invoice,) = await invoices_of(door, told, unit.account)
    assert [(row.basis, row.quantity) for row in invoice.measured] == [("SUBSTITUTED", 744_000)]
    await sound(door, owner)


async def test_a_plan_that_changes_within_the_period(door, owner, told) -> None:
    await plan(
        door, told, "LOW", GivenRate("B1", D("0.20"), description="Low"),
        charges=[GivenCharge("Month", D("31.00"), Basis.MONTHLY)],
    )  # fmt: skip
    await put_on(owner, told, told.units[0], "LOW", date(2024, 7, 11))
    invoice = await bill(door, told)
    assert lines(invoice) == [
        ("Anytime", FIRST, date(2024, 7, 10), D(100), D("0.285"), D("28.50")),
        ("Daily supply", FIRST, date(2024, 7, 10), D(10), D("1.10"), D("11.00")),
        ("Low", date(2024, 7, 11), JULY, D(210), D("0.20"), D("42.00")),
        ("Month", date(2024, 7, 11), JULY, D(1), D("31.00"), D("21.00")),
    ]
    assert (invoice.lines[-1].why.share_days, invoice.lines[-1].why.share_of) == (21, 31)
    await sound(door, owner)


async def test_a_tax_that_changes_within_the_period(door, owner, told, clock) -> None:
    clock.set(datetime(2024, 7, 5, 9, tzinfo=SYDNEY))
    await door.act(set_tax, SetTax(D("0.15"), at(date(2024, 7, 11))), told.manager)
    clock.set(datetime(2024, 8, 1, 9, tzinfo=SYDNEY))
    invoice = await bill(door, told)
    assert [(line.net, line.tax) for line in invoice.lines] == [
        (D("28.50"), D("2.85")), (D("11.00"), D("1.10")),
        (D("59.85"), D("8.98")), (D("23.10"), D("3.47")),
    ]  # fmt: skip
    await sound(door, owner)


async def test_a_meter_that_is_exchanged_adds_up_and_is_charged_for_once(door, owner, told) -> None:
    (unit,) = told.units
    await read(owner, told, unit, date(2024, 7, 11), "12180")
    meter_id = await exchange(owner, told, unit, date(2024, 7, 11), "NEW1")
    await read(owner, told, unit, date(2024, 7, 11), "5", meter_id=meter_id)
    await read(owner, told, unit, LAST, "255", meter_id=meter_id)
    invoice = await bill(door, told)
    assert lines(invoice) == [
        ("Anytime", FIRST, JULY, D(330), D("0.285"), D("94.05")),
        ("Daily supply", FIRST, JULY, D(31), D("1.10"), D("34.10")),
    ]
    assert [(m.serial_number, m.from_on, m.to_on, m.quantity) for m in invoice.measured] == [
        ("1234abcde", FIRST, date(2024, 7, 10), 80_000),
        ("NEW1", date(2024, 7, 11), JULY, 250_000),
    ]
    await sound(door, owner)


async def test_a_read_of_an_hour_stands_at_the_end_of_its_day(door, owner, told) -> None:
    """As the list of the account's reads tells; of a day's reads the last one counts."""
    (unit,) = told.units
    day = date(2024, 7, 10)
    for of_day, hour, value in (
        (day, 9, "12190"),
        (day, 23, "12198"),
        (date(2024, 7, 11), 9, "12207"),
    ):
        await read(owner, told, unit, of_day, value, hour=hour)
    invoice = await bill(door, told, day)
    assert [(m.to_on, m.current_value, m.basis) for m in invoice.measured] == [
        (day, 12_198_000, "ACTUAL"),
    ]
    wanted = ReadsOfAccount(unit.account, FIRST, day)
    async with door.asking(account_reads, told.clerk) as tx:
        dated = [(row.read_date, row.meter_read) async for row in account_reads(tx, wanted)]
    assert max(dated) == (day, D(12198))


async def test_a_meter_that_is_exchanged_within_a_day_measures_its_part_of_it(
    door, owner, told
) -> None:
    (unit,) = told.units
    day = date(2024, 7, 11)
    await read(owner, told, unit, day, "12183", hour=10)
    meter_id = await exchange(owner, told, unit, day, "NEW1", hour=10)
    await read(owner, told, unit, day, "5", meter_id=meter_id, hour=14)
    await read(owner, told, unit, LAST, "255", meter_id=meter_id)
    invoice = await bill(door, told)
    assert [(m.serial_number, m.from_on, m.to_on, m.quantity) for m in invoice.measured] == [
        ("1234abcde", FIRST, day, 83_000),
        ("NEW1", day, JULY, 250_000),
    ]
    assert lines(invoice)[0][3] == D(333)
    await sound(door, owner)


async def test_a_meter_that_is_exchanged_without_a_last_read_waits_for_it(
    door, owner, told, clock
) -> None:
    (unit,) = told.units
    clock.set(datetime(2024, 9, 1, 9, tzinfo=SYDNEY))
    meter_id = await exchange(owner, told, unit, date(2024, 8, 11), "NEW1")
    await read(owner, told, unit, date(2024, 8, 11), "5", meter_id=meter_id)
    await read(owner, told, unit, date(2024, 9, 1), "255", meter_id=meter_id)
    run = await drafted(door, told, date(2024, 8, 31))
    lacking = "Meter 1234abcde register 1 has no read at the end of 2024-08-10."
    assert await found(door, told, run) == [(unit.account, "MISSING_READ", lacking)]
    await read(owner, told, unit, date(2024, 8, 11), "12480")
    assert (await drafted(door, told, date(2024, 8, 31))).invoices == 1


async def test_who_moves_out_gets_a_final_bill_to_that_day(door, owner, told) -> None:
    (unit,) = told.units
    await leaves(owner, told, unit, date(2024, 7, 20))
    run = await drafted(door, told, JULY)
    ((_, kind, _),) = await found(door, told, run) or [("", "", "")]
    assert (run.invoices, kind) in [(1, ""), (1, "ESTIMATED")]
    await posted(door, told, run.run_id)
    (invoice,) = await invoices_of(door, told, unit.account)
    # 200 of 310 kWh by days: no read stands at the end of the 20th, so it is estimated.
    assert (invoice.head.kind, invoice.head.to_on) == ("FINAL", date(2024, 7, 20))
    assert [line.quantity for line in invoice.lines] == [D(200), D(20)]
    assert invoice.measured[0].basis == "ESTIMATED"
    assert (await drafted(door, told, JULY)).invoices == 0
    await sound(door, owner)


async def test_a_final_bill_waits_for_its_final_read(door, owner, told, clock) -> None:
    (unit,) = told.units
    clock.set(datetime(2024, 8, 20, 9, tzinfo=SYDNEY))
    await leaves(owner, told, unit, date(2024, 8, 10))
    run = await drafted(door, told, date(2024, 8, 15))
    assert await found(door, told, run) == [
        (
            unit.account, "MISSING_READ",
            "Meter 1234abcde register 1 has no read at the end of 2024-08-10.",
        )
    ]  # fmt: skip
    await read(owner, told, unit, date(2024, 8, 11), "12500")
    invoice = await bill(door, told, date(2024, 8, 15))
    assert (invoice.head.kind, invoice.measured[0].basis) == ("FINAL", "ACTUAL")
    await sound(door, owner)


async def test_a_basic_register_and_a_stream_of_intervals_are_one_supply(door, owner, told) -> None:
    (unit,) = told.units
    stream = await register(
        owner, told, unit, 21, metering_type="AM", datastream="E2", interval_minutes=30
    )
    await intervals(owner, told, stream, date(2024, 6, 29), 35, [250] * 48)
    invoice = await bill(door, told)
    # 310 kWh by reads, 31 days of 12 kWh by intervals.
    assert lines(invoice)[0] == ("Anytime", FIRST, JULY, D(682), D("0.285"), D("194.37"))
    assert [(m.basis, m.quantity) for m in invoice.measured] == [
        ("ACTUAL", 310_000), ("INTERVAL", 372_000),
    ]  # fmt: skip
    await sound(door, owner)


@pytest.mark.parametrize(
    ("night", "first", "hours"),
    [("end", date(2024, 4, 1), 30 * 24 + 1), ("begin", date(2024, 10, 1), 31 * 24 - 1)],
)
async def test_time_of_use_over_the_change_of_the_clock(
    door, owner, told, clock, night, first, hours
) -> None:
    """A day of 23 or 25 hours is billed with all its half-hours, by the clock on the wall."""
    (unit,) = told.units
    following = (first + timedelta(days=31)).replace(day=1)
    await owner.execute("update customers.agreement set valid = tstzrange($1, null)", at(first))
    await owner.execute("update metering.installation set valid = tstzrange($1, null)", at(first))
    await plan(
        door, told, "TOU", GivenRate("T1", D("0.10"), description="Night"),
        GivenRate("T2", D("0.40"), description="Day"),
        calendar=CreateCalendar(
            "Day", "Australia/Sydney", weekday=[Switch(0, 1), Switch(420, 2), Switch(1320, 1)],
        ),
    )  # fmt: skip
    await owner.execute(
        "update tariffs.assignment set valid = tstzrange('2024-01-01', null), tariff_id = ("
        "select tariff_id from tariffs.tariff where name = 'TOU')"
    )
    stream = await register(
        owner, told, unit, 1, metering_type="AM", datastream="E1", interval_minutes=30
    )
    await intervals(owner, told, stream, first - timedelta(days=3), 40, [500] * 48)
    clock.set(datetime(2024, following.month, 5, 9, tzinfo=SYDNEY))
    invoice = await bill(door, told, following - timedelta(days=1))
    days = (following - first).days
    by_name = {line.description: line.quantity for line in invoice.lines}
    assert by_name == {"Night": D(hours - 15 * days), "Day": D(15 * days)}
    await sound(door, owner)


async def test_demand_is_the_highest_and_its_ratchet_carries_forward(
    door, owner, told, clock
) -> None:
    (unit,) = told.units
    await owner.execute("update customers.agreement set valid = tstzrange($1, null)", at(FIRST))
    await plan(
        door, told, "DEMAND", GivenRate("B1", D("0.10")), GivenRate("D", D("8")),
        terms=Terms(ratchet_share=D("0.8"), ratchet_months=3),
    )  # fmt: skip
    await put_on(owner, told, unit, "DEMAND")
    stream = await register(
        owner, told, unit, 1, metering_type="AM", datastream="E1", interval_minutes=30
    )
    high = [500] * 47 + [5_000]
    await intervals(owner, told, stream, date(2024, 6, 20), 20, [500] * 48)
    await intervals(owner, told, stream, date(2024, 7, 10), 1, high)
    await intervals(owner, told, stream, date(2024, 7, 11), 60, [500] * 48)
    july = await bill(door, told)
    demand = next(line for line in july.lines if line.line_type == "DEMAND")
    assert (demand.quantity, demand.net) == (D(10), D("80.00"))
    clock.set(datetime(2024, 9, 1, 9, tzinfo=SYDNEY))
    august = await bill(door, told, date(2024, 8, 31))
    demand = next(line for line in august.lines if line.line_type == "DEMAND")
    assert (demand.quantity, demand.net) == (D(8), D("64.00"))
    await sound(door, owner)


async def test_a_ratchet_is_of_the_agreements_own_months(door, owner, told, clock) -> None:
    """Who was there before had peaks of 40 kW in May and up to 24 June, and 4 kW after that."""
    (unit,) = told.units
    await owner.execute(
        "update customers.agreement set valid = tstzrange($1, null)", at(date(2024, 6, 25))
    )
    await owner.execute("update metering.installation set valid = tstzrange($1, null)", LONG_AGO)
    await plan(
        door, told, "DEMAND", GivenRate("B1", D("0.10")), GivenRate("D", D("8")),
        terms=Terms(ratchet_share=D("0.8"), ratchet_months=3),
    )  # fmt: skip
    await put_on(owner, told, unit, "DEMAND")
    stream = await register(
        owner, told, unit, 1, metering_type="AM", datastream="E1", interval_minutes=30
    )
    await intervals(owner, told, stream, date(2024, 5, 1), 55, [20_000] * 48)
    await intervals(owner, told, stream, date(2024, 6, 25), 5, [2_000] * 48)
    await intervals(owner, told, stream, date(2024, 6, 30), 40, [1_000] * 48)
    for through, demand in ((date(2024, 6, 30), D(4)), (JULY, D("3.2"))):
        clock.set(at(through + timedelta(days=1), 9))
        invoice = await bill(door, told, through)
        assert [i.quantity for i in invoice.lines if i.line_type == "DEMAND"] == [demand]
    await sound(door, owner)


async def test_a_quarter_is_billed_in_blocks_of_each_month(door, owner, told, clock) -> None:
    (unit,) = told.units
    clock.set(datetime(2024, 10, 1, 9, tzinfo=SYDNEY))
    await read(owner, told, unit, date(2024, 9, 30), "13110")
    await read(owner, told, unit, date(2024, 10, 1), "13120")
    await plan(
        door, told, "BLOCKS", GivenRate("B1", D("0.20"), description="First"),
        GivenRate("B2", D("0.30"), step_from=D(200), description="Above"),
    )  # fmt: skip
    await put_on(owner, told, unit, "BLOCKS")
    invoice = await bill(door, told, date(2024, 9, 30))
    # 310 kWh in July; 710 in the 61 days after, of which August's 31 have 360.8.
    assert (invoice.head.from_on, invoice.head.to_on) == (FIRST, date(2024, 9, 30))
    usage = [line for line in invoice.lines if line.line_type == "USAGE"]
    assert [(line.description, line.from_on.month, line.quantity) for line in usage][:2] == [
        ("First", 7, D(200)), ("Above", 7, D(110)),
    ]  # fmt: skip
    assert sum(line.quantity for line in usage) == D(1020)
    assert [line.quantity for line in usage if line.description == "First"] == [D(200)] * 3
    await sound(door, owner)


async def test_blocks_told_for_a_day_are_scaled_by_the_days(door, owner, told) -> None:
    await plan(
        door, told, "DAYS", GivenRate("B1", D("0.20"), description="First"),
        GivenRate("B2", D("0.30"), step_from=D(5), description="Above"),
        terms=Terms(block_period=Per.DAY),
    )  # fmt: skip
    await put_on(owner, told, told.units[0], "DAYS")
    invoice = await bill(door, told)
    assert lines(invoice) == [
        ("First", FIRST, JULY, D(155), D("0.20"), D("31.00")),
        ("Above", FIRST, JULY, D(155), D("0.30"), D("46.50")),
    ]
    assert (invoice.lines[1].why.block_from, invoice.lines[1].why.block_to) == (D(155), None)


async def test_discounts_of_an_offering(door, owner, told) -> None:
    await door.act(
        create_offering,
        CreateOffering(
            "WELCOME", "Welcome",
            [
                GivenInducement(Inducement.PERCENT_OF_USAGE, D(10), "10 % off usage"),
                GivenInducement(Inducement.AMOUNT, D("5.00"), "Five a month"),
            ],
        ),
        told.manager,
    )  # fmt: skip
    await door.act(
        assign_plan,
        AssignPlan(
            told.units[0].agreement_id, datetime(2024, 7, 1, tzinfo=SYDNEY), None, "WELCOME"
        ),
        told.manager,
    )
    invoice = await bill(door, told)
    assert [(line.line_type, line.net, line.tax) for line in invoice.lines] == [
        ("USAGE", D("88.35"), D("8.84")),
        ("SUPPLY", D("34.10"), D("3.41")),
        ("DISCOUNT", D("-8.84"), D("-0.88")),
        ("DISCOUNT", D("-5.00"), D("-0.50")),
    ]
    await sound(door, owner)


async def test_an_offering_that_changes_within_the_period_cuts_it(door, owner, told) -> None:
    for code, percent in (("TEN", 10), ("HALF", 50)):
        kept = GivenInducement(Inducement.PERCENT_OF_USAGE, D(percent), code)
        await door.act(create_offering, CreateOffering(code, code, [kept]), told.manager)
    agreement_id = told.units[0].agreement_id
    for since, code in ((date(2024, 7, 11), "TEN"), (date(2024, 7, 21), "HALF")):
        given = AssignPlan(agreement_id, at(since), None, code)
        await door.act(assign_plan, given, told.manager)
    invoice = await bill(door, told)
    # 10 kWh a day: nothing is taken off ten days, then 10 % off ten and 50 % off eleven.
    assert [row[:3] + row[-1:] for row in lines(invoice) if row[0] != "Daily supply"] == [
        ("Anytime", FIRST, date(2024, 7, 10), D("28.50")),
        ("Anytime", date(2024, 7, 11), date(2024, 7, 20), D("28.50")),
        ("TEN", date(2024, 7, 11), date(2024, 7, 20), D("-2.85")),
        ("Anytime", date(2024, 7, 21), JULY, D("31.35")),
        ("HALF", date(2024, 7, 21), JULY, D("-15.68")),
    ]
    await sound(door, owner)


@pytest.mark.parametrize(
    ("types", "quantities", "net"),
    [
        # The plan names both parts: they are priced, and the whole is not added to them.
        (("PEAK", "OFFPEAK"), [110_000, 200_000], D("53.00")),
        # It names a part that is not there: the whole is priced, in the first bucket.
        (("PEAK", "SHOULDER"), [310_000], D("93.00")),
    ],
)
async def test_a_whole_and_its_parts_are_never_added_up(
    door, owner, told, types, quantities, net
) -> None:
    """Domain rule 18; what is on a circuit of its own is no part of the whole."""
    (unit,) = told.units
    await plan(
        door, told, "PARTS",
        GivenRate("T1", D("0.30"), meter_type_code="PEAK"),
        GivenRate("T2", D("0.10"), meter_type_code="OFFPEAK"),
    )  # fmt: skip
    await put_on(owner, told, unit, "PARTS")
    for number, kind, last in zip((11, 12), types, ("110", "200"), strict=True):
        await register(owner, told, unit, number, meter_type_code=kind)
        await read(owner, told, unit, FIRST, "0", register=number)
        await read(owner, told, unit, LAST, last, register=number)
    await register(owner, told, unit, 13, controlled_load=True)
    await read(owner, told, unit, FIRST, "0", register=13)
    await read(owner, told, unit, LAST, "50", register=13)
    invoice = await bill(door, told)
    assert [row.quantity for row in invoice.measured] == [*quantities, 50_000]
    assert invoice.head.net == net + 50 * D("0.30")
    await sound(door, owner)


async def test_tax_is_rounded_for_each_line_or_once_an_invoice(door, owner, told, clock) -> None:
    by_line = await bill(door, told)
    assert (by_line.head.net, by_line.head.tax) == (D("122.45"), D("12.25"))
    assert [line.tax for line in by_line.lines] == [D("8.84"), D("3.41")]
    held = await door.ask(policy, Nothing(), told.clerk)
    assert held == Policy()
    await door.act(set_policy, Policy(tax_rounding="INVOICE", due_days=21), told.manager)
    await plan(
        door, told, "PENNY", GivenRate("B1", D(0)),
        charges=[GivenCharge(f"Item {n}", D("0.14"), Basis.MONTHLY) for n in range(5)],
    )  # fmt: skip
    (unit,) = told.units
    clock.set(datetime(2024, 9, 1, 9, tzinfo=SYDNEY))
    await put_on(owner, told, unit, "PENNY", LAST)
    await read(owner, told, unit, date(2024, 9, 1), "12720")
    by_invoice = await bill(door, told, date(2024, 8, 31))
    # Five lines of 0.14: 0.014 each is 0.01 by line, 0.05; of 0.70 together it is 0.07.
    assert (by_invoice.head.net, by_invoice.head.tax) == (D("0.70"), D("0.07"))
    assert sum(line.tax for line in by_invoice.lines) == D("0.07")
    assert by_invoice.head.due_on == date(2024, 9, 22)
    await sound(door, owner)


async def test_a_charge_is_billed_from_its_day_once_it_is_approved(
    door, owner, told, clock
) -> None:
    account = told.units[0].account

    def fee(day: date, item: str = "ADMIN") -> NewCharge:
        return NewCharge(account, item, day, D("55.00"))

    early, late, pending = (
        row.charge_id
        for row in await door.act(
            add_charges, AddCharges([fee(JULY), fee(LAST), fee(JULY, "CONN")]), told.clerk
        )
    )
    await door.act(approve_charges, ChargesNamed([early, late]), told.manager)
    july = await bill(door, told)
    assert [line.description for line in july.lines][2:] == ["Administration fee"]
    assert (july.lines[2].net, july.lines[2].tax) == (D("50.00"), D("5.00"))
    await door.act(approve_charges, ChargesNamed([pending]), told.manager)
    clock.set(datetime(2024, 8, 2, 9, tzinfo=SYDNEY))
    alone = await bill(door, told)
    assert [line.description for line in alone.lines] == ["Connection fee"]
    assert (alone.head.from_on, alone.head.to_on) == (JULY, JULY)
    # A cancelled invoice's charges are billed by the next one.
    clock.set(datetime(2024, 8, 3, 9, tzinfo=SYDNEY))
    await door.act(cancel_invoice, CancelInvoice(july.head.number, "x"), told.manager)
    clock.set(datetime(2024, 8, 4, 9, tzinfo=SYDNEY))
    again = await bill(door, told)
    assert lines(again) == lines(july)
    # The other waits for its day, and for a read: an account is billed whole.
    run = await drafted(door, told, LAST)
    assert (run.invoices, run.exceptions) == (0, 1)
    clock.set(datetime(2024, 9, 1, 9, tzinfo=SYDNEY))
    await read(owner, told, told.units[0], date(2024, 9, 1), "12700")
    august = await bill(door, told, date(2024, 8, 31))
    assert [line.description for line in august.lines][2:] == ["Administration fee"]
    await sound(door, owner)


@pytest.mark.parametrize("rounding", ["LINE", "INVOICE"])
async def test_a_charge_is_billed_as_its_item_was_when_it_was_added(
    door, owner, told, clock, rounding
) -> None:
    account = told.units[0].account
    held = await door.ask(policy, Nothing(), told.clerk)
    await door.act(set_policy, structs.replace(held, tax_rounding=rounding), told.manager)
    fee = NewCharge(account, "ADMIN", JULY, D("10.99"))
    (added,) = await door.act(add_charges, AddCharges([fee]), told.clerk)
    await door.act(approve_charges, ChargesNamed([added.charge_id]), told.manager)
    changed = ChargeItem(
        "STANDARD", "ADMIN", "Rebate", "FREE", credit=True, coa="4955", ar_coa="1101"
    )
    await door.act(set_charge_item, changed, told.manager)
    line = (await bill(door, told)).lines[-1]
    assert (line.line_type, line.description) == ("CHARGE", "Administration fee")
    # A tenth of the net, not what the rounded tax is of it: one rate on the invoice.
    assert (line.net, line.tax, line.why.tax_rate) == (D("9.99"), D("1.00"), D("0.1"))
    booked = await owner.fetch("select coa, ar_coa from invoices.line where charge_id is not null")
    assert [tuple(row) for row in booked] == [("4910", "1102")]
    clock.set(datetime(2024, 8, 2, 9, tzinfo=SYDNEY))
    (added,) = await door.act(add_charges, AddCharges([fee]), told.clerk)
    await door.act(approve_charges, ChargesNamed([added.charge_id]), told.manager)
    run = await drafted(door, told, JULY)
    assert (run.net, run.tax) == (D("-10.99"), D("0.00"))
    await sound(door, owner)


async def test_a_service_is_billed_by_the_month_and_its_parts(door, owner, told, clock) -> None:
    account = told.units[0].account
    await door.act(
        provision,
        Provision(
            "ISP", "0298765432", date(2024, 7, 17),
            [
                NewLineItem("ADMIN", D("62.00"), "Internet"),
                NewLineItem("CONN", D("99.00"), "Set up", frequency="ONCE"),
            ],
            account=account,
        ),
        told.manager,
    )  # fmt: skip
    july = await bill(door, told)
    service = [line for line in july.lines if line.product_type == "ISP"]
    # 15 of 31 days of 62.00 are 30.00 with tax within: 27.27 and 2.73.
    assert [(line.description, line.net, line.tax) for line in service] == [
        ("Internet", D("27.27"), D("2.73")), ("Set up", D("90.00"), D("9.00")),
    ]  # fmt: skip
    # Rates are without tax; what was agreed with it is kept. A set-up is of its own day.
    assert [(line.rate, line.why.price_with_tax, line.from_on, line.to_on) for line in service] == [
        (D("56.363636"), D(62), date(2024, 7, 17), date(2024, 7, 31)),
        (D("90"), D(99), date(2024, 7, 17), date(2024, 7, 17)),
    ]  # fmt: skip
    clock.set(datetime(2024, 9, 1, 9, tzinfo=SYDNEY))
    await read(owner, told, told.units[0], date(2024, 9, 1), "12700")
    august = await bill(door, told, date(2024, 8, 31))
    service = [line for line in august.lines if line.product_type == "ISP"]
    assert [(line.description, line.net + line.tax) for line in service] == [
        ("Internet", D("62.00"))
    ]
    await sound(door, owner)


async def test_a_service_is_taxed_by_its_own_days(door, owner, told, clock) -> None:
    """A tenth until the 10th of July and 15 % after; one service is there, one still to come."""
    clock.set(datetime(2024, 7, 5, 9, tzinfo=SYDNEY))
    await door.act(set_tax, SetTax(D("0.15"), at(date(2024, 7, 11))), told.manager)
    monthly = NewLineItem("ADMIN", D("31.00"), price_includes_tax=False)
    once = NewLineItem("CONN", D("100.00"), price_includes_tax=False, frequency="ONCE")
    free = NewLineItem("CSDISCNTAX", D("3.10"), price_includes_tax=False)
    account = told.units[0].account
    for number, start, items in (("1", FIRST, [monthly, once, free]), ("2", LAST, [monthly, once])):
        made = Provision("ISP", number, start, items, account=account)
        await door.act(provision, made, told.manager)
    await owner.execute("delete from customers.agreement where product_type = 'ELECTRICITY'")
    clock.set(datetime(2024, 9, 1, 9, tzinfo=SYDNEY))
    await billed(door, told, date(2024, 8, 31))
    (invoice,) = await invoices_of(door, told, account)
    taxed = [(line.from_on, line.net, line.tax, line.why.tax_rate) for line in invoice.lines]
    tenth, more = D("0.1"), D("0.15")
    assert taxed == [
        (FIRST, D("10.00"), D("1.00"), tenth),
        (date(2024, 7, 11), D("21.00"), D("3.15"), more),
        (LAST, D("31.00"), D("4.65"), more),
        (FIRST, D("100.00"), D("10.00"), tenth),
        (FIRST, D("-3.10"), D(0), D(0)),
        (LAST, D("-3.10"), D(0), D(0)),
        (LAST, D("31.00"), D("4.65"), more),
        (LAST, D("100.00"), D("15.00"), more),
    ]
    await sound(door, owner)


async def test_a_service_at_a_site_is_billed_without_a_meter(door, owner, told) -> None:
    """The site is in the west, where its days begin two hours later than the portal's."""
    (unit,) = told.units
    await owner.execute("update locations.building set timezone = 'Australia/Perth'")
    await owner.execute("delete from customers.agreement")
    internet = NewLineItem("ADMIN", D("62.00"), "Internet")
    setup = NewLineItem("CONN", D("99.00"), "Set up", frequency="ONCE")
    made = Provision(
        "ISP", "0298765432", FIRST, [internet, setup], account=unit.account,
        site_identifier=unit.site_identifier,
    )  # fmt: skip
    await door.act(provision, made, told.manager)
    run = await drafted(door, told, JULY)
    assert await found(door, told, run) == []
    await posted(door, told, run.run_id)
    (july,) = await invoices_of(door, told, unit.account)
    assert (july.head.from_on, july.head.building_code) == (FIRST, "TWR01")
    assert [(line.description, line.from_on, line.net + line.tax) for line in july.lines] == [
        ("Internet", FIRST, D("62.00")), ("Set up", FIRST, D("99.00")),
    ]  # fmt: skip
    assert july.measured == []
    await sound(door, owner)
