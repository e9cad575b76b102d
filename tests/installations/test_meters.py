"""Meters that are created, hung and exchanged: what is refused, and what is kept."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from tests.buildings import tower
from tests.houses import linear_tariff

from currant.errors import Invalid
from currant.installations.model import (
    CreateMeters,
    ExchangeMeter,
    MeterNotHanging,
    NewMeter,
    ReadTold,
)
from currant.installations.verbs import create_meters, exchange_meter
from currant.locations.model import NoSuchLocation
from currant.metering.model import (
    DatastreamTwice,
    MeterTold,
    NewRegister,
    NoSuchMeter,
    SerialTaken,
)
from currant.tariffs.model import NoSuchTariff

NOON = datetime(2024, 8, 16, 2, tzinfo=UTC)


@pytest.fixture
def clock(clock):
    clock.set(NOON)
    return clock


@pytest.fixture
async def home(door, boss):
    await linear_tariff(door, boss, "RES-FLAT", "0.285")
    return await tower(door, boss, plan="RES-FLAT")


async def made(door, boss, *meters: NewMeter):
    return await door.act(create_meters, CreateMeters(list(meters)), boss)


async def test_a_meter_has_the_registers_that_are_told_and_no_other(
    door, boss, home, owner
) -> None:
    registers = [
        NewRegister(2, metering_type="AM", datastream="E1", interval_minutes=30),
        NewRegister(3, metering_type="AM", datastream="B1", direction="I", interval_minutes=30),
    ]
    water = NewMeter("W1", product_type="COLD_WATER")
    await made(door, boss, NewMeter("AM1", registers=registers), water)
    rows = await owner.fetch(
        "select m.serial_number, g.register_no, g.datastream, g.unit from metering.register as g"
        " inner join metering.meter as m using (meter_id) where m.serial_number in ('AM1', 'W1')"
        " order by 1, 2"
    )
    assert [tuple(row) for row in rows] == [
        ("AM1", 2, "E1", "kWh"), ("AM1", 3, "B1", "kWh"), ("W1", 1, "", "kL"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("bad", "refusal"),
    [
        (NewMeter("TWR01-12"), SerialTaken),
        (NewMeter("X", site_identifier="nowhere"), NoSuchLocation),
        (NewMeter("X", price_plan_code="none"), NoSuchTariff),
        (NewMeter("X", installed_on=date(2024, 8, 1)), Invalid),
        (NewMeter("X", site_identifier="4103000012", installed_on=date(2024, 8, 17)), Invalid),
        (NewMeter("X", opening_reads=[ReadTold(Decimal(1))]), Invalid),
        (
            NewMeter("X", site_identifier="4103000012", opening_reads=[ReadTold(Decimal(1), 2)]),
            Invalid,
        ),
        (NewMeter("X", com_type="PIGEON"), Invalid),
        (NewMeter("X", registers=[]), Invalid),
        (
            NewMeter(
                "X", registers=[NewRegister(1, datastream="E1"), NewRegister(2, datastream="E1")]
            ),
            DatastreamTwice,
        ),
    ],
)
async def test_a_list_with_one_bad_meter_is_refused_whole(
    door, boss, home, owner, bad: NewMeter, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        await made(door, boss, NewMeter("GOOD", site_identifier=home.sites[0]), bad)
    assert await owner.fetchval("select count(*) from metering.meter") == 1


def swap(home, **more) -> ExchangeMeter:
    told = {
        "serial_number": home.meters[0],
        "exchange_date": date(2024, 8, 1),
        "new_meter": MeterTold("NEW", registers=[]),
        "closing_reads": [ReadTold(Decimal(12100))],
        "opening_reads": [ReadTold(Decimal(0))],
    }
    return ExchangeMeter(**told | more)


@pytest.mark.parametrize(
    ("more", "refusal"),
    [
        ({"serial_number": "none"}, NoSuchMeter),
        ({"exchange_date": date(2024, 6, 21)}, MeterNotHanging),
        ({"exchange_date": date(2024, 8, 17)}, Invalid),
        ({"closing_reads": []}, Invalid),
        ({"opening_reads": []}, Invalid),
        ({"opening_reads": [ReadTold(Decimal(-1))]}, Invalid),
        ({"new_meter": MeterTold("NEW", product_type="GAS")}, Invalid),
        ({"new_meter": MeterTold("TWR01-12")}, SerialTaken),
    ],
)
async def test_an_exchange_that_would_lose_usage_is_refused(
    door, boss, home, owner, more: dict, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        await door.act(exchange_meter, swap(home, **more), boss)
    assert await owner.fetchval("select count(*) from metering.meter") == 1
    assert await owner.fetchval("select count(*) from reads.read") == 1


async def test_a_read_that_is_doubted_is_said(door, boss, home) -> None:
    done = await door.act(
        exchange_meter, swap(home, closing_reads=[ReadTold(Decimal(11000))]), boss
    )
    assert done.doubted[0].startswith(f"{home.meters[0]}: ")


async def test_a_meter_is_exchanged_twice(door, boss, home, owner) -> None:
    await door.act(exchange_meter, swap(home), boss)
    again = ExchangeMeter(
        "NEW", date(2024, 8, 10), MeterTold("NEWER", registers=[]),
        [ReadTold(Decimal(50))], [ReadTold(Decimal(7))],
    )  # fmt: skip
    await door.act(exchange_meter, again, boss)
    rows = await owner.fetch(
        "select m.serial_number, lower(i.valid), upper(i.valid) from metering.installation as i"
        " inner join metering.meter as m using (meter_id) order by 2"
    )
    edges = [datetime(2024, *at, 14, tzinfo=UTC) for at in ((6, 20), (7, 31), (8, 9))]
    assert [tuple(row) for row in rows] == [
        (home.meters[0], edges[0], edges[1]), ("NEW", edges[1], edges[2]),
        ("NEWER", edges[2], None),
    ]  # fmt: skip
