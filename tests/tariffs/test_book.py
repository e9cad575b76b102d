"""The price book: what is in force when, and how large a unit is."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from currant.errors import Invalid
from currant.tariffs.book import UNITS, DatedRate, DatedTax, PriceBook, unit_named
from currant.tariffs.calendars import Calendar
from currant.tariffs.pricing import UnsoundTariff, price, units_for


def at(month: int, day: int = 1, year: int = 2026) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


def rate(
    tier: str, text: str, start: datetime, end: datetime | None = None, base: int = 0
) -> DatedRate:
    return DatedRate(start, end, tier, Decimal(text), "4005", base, True, "")


def book(
    *rates: DatedRate,
    taxes: tuple[DatedTax, ...] = (),
    calendar: Calendar | None = None,
    unit_size: int = 1000,
) -> PriceBook:
    zone = "America/New_York"
    return PriceBook(7, "HOME", zone, 2, rates, taxes, calendar, unit_size)


HOME = book(
    rate("B1", "0.10", at(1), at(5)),
    rate("B1", "0.20", at(5)),
    rate("A", "0.01", at(3), at(9)),
    taxes=(DatedTax(None, at(2), Decimal("0.05")), DatedTax(at(2), None, Decimal("0.10"))),
)


def rates_at(instant: datetime) -> dict[str, Decimal]:
    return {line.tier: line.rate for line in HOME.version_at(instant).lines}


def test_a_rate_is_in_force_from_its_start_to_just_before_its_end() -> None:
    moment = datetime(2026, 4, 30, 23, 59, 59, 999_999, tzinfo=UTC)
    assert rates_at(moment) == {"B1": Decimal("0.10"), "A": Decimal("0.01")}
    assert rates_at(at(5)) == {"B1": Decimal("0.20"), "A": Decimal("0.01")}
    assert rates_at(at(9)) == {"B1": Decimal("0.20")}


def test_no_rates_is_no_price() -> None:
    with pytest.raises(UnsoundTariff, match="HOME has no rates at 2025-12-31"):
        HOME.version_at(at(12, 31, 2025))


def test_taxes_in_time() -> None:
    assert [HOME.tax_at(at(1)), HOME.tax_at(at(2))] == [Decimal("0.05"), Decimal("0.10")]
    assert book(rate("B1", "1", at(1))).tax_at(at(2)) == 0
    assert HOME.version_at(at(2)).tax_rate == Decimal("0.10")


def test_edges_are_the_changes_strictly_between() -> None:
    assert HOME.edges(at(1), at(5)) == [at(2), at(3)]
    assert HOME.edges(at(4), at(12)) == [at(5), at(9)]
    assert HOME.edges(at(10), at(12)) == []


def test_months_and_buckets_follow_the_calendars_clock_or_else_the_portals() -> None:
    late = datetime(2026, 3, 31, 20, 30, tzinfo=UTC)
    assert (HOME.month_at(late), HOME.bucket_at(late)) == (date(2026, 3, 1), 1)
    switches = ((0, 2), (420, 3))
    sydney = Calendar("+10:00", switches, switches, switches)
    timed = book(rate("T2", "0.1", at(1)), calendar=sydney)
    assert (timed.month_at(late), timed.bucket_at(late)) == (date(2026, 4, 1), 2)
    assert timed.bucket_at(datetime(2026, 3, 31, 21, tzinfo=UTC)) == 3


def test_a_month_lasts_from_its_first_midnight_to_the_next() -> None:
    assert HOME.month_bounds(date(2026, 3, 1)) == (
        datetime(2026, 3, 1, 5, tzinfo=UTC),
        datetime(2026, 4, 1, 4, tzinfo=UTC),
    )
    assert HOME.month_bounds(date(2026, 12, 1))[1] == datetime(2027, 1, 1, 5, tzinfo=UTC)


def test_one_version_is_made_once() -> None:
    assert HOME.version_at(at(6)) is HOME.version_at(at(7))


def test_a_unit_is_as_many_of_the_registers_own_as_its_name_says() -> None:
    """10 units at 0.50 cost 5.00 and 5.00 buys 10 units, whatever the unit."""
    for name, unit in UNITS.items():
        version = book(rate("B1", "0.5", at(1)), unit_size=unit.size).version_at(at(2))
        charges = price(version, {1: [10 * unit.size]})
        assert list(charges.columns[0].net_minor) == [500], name
        assert units_for(version, 500).energy_wh == 10 * unit.size, name


def test_blocks_begin_in_units() -> None:
    rates = (rate("B1", "1", at(1)), rate("B2", "2", at(1), base=5))
    version = book(*rates, unit_size=100_000).version_at(at(2))
    charges = price(version, {1: [600_000]})
    assert [list(column.net_minor) for column in charges.columns] == [[500], [200]]


@pytest.mark.parametrize(
    ("name", "service", "size"),
    [
        ("kWh", "Electricity", 1000),
        ("KWH", "Electricity", 1000),
        ("kVa", "Electricity", 1000),
        ("MWh", "Electricity", 1_000_000),
        ("kL", "Water", 1000),
        ("MJ", "Gas", 1000),
        ("GJ", "Gas", 1_000_000),
        ("BTU", "Gas", 1),
        ("therm", "Gas", 100_000),
    ],
)
def test_units_by_name(name: str, service: str, size: int) -> None:
    unit = unit_named(name)
    assert (unit.service, unit.size) == (service, size)


def test_no_two_units_differ_in_case_only() -> None:
    assert len({name.casefold() for name in UNITS}) == len(UNITS)


@pytest.mark.parametrize("name", ["", "k", "kWhr", "kWh ", "ＫＷＨ"])
def test_unknown_units_are_refused_with_those_that_are_known(name: str) -> None:
    with pytest.raises(Invalid, match="kWh, MWh") as refused:
        unit_named(name)
    assert refused.value.field == "units"
