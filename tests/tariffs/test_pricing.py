"""The pricing kernel against plain fractions and the figures of the specification."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate, pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from currant.errors import Invalid
from currant.tariffs.pricing import (
    ChargeLine,
    FreeEnergy,
    RateLine,
    TariffVersion,
    UnsoundTariff,
    price,
    units_for,
    value_of,
)

few = settings(deadline=None, max_examples=50)

# -- the oracle: the rules of the kernel's docstrings, in fractions and as slowly as they read


def half_up(exact: Fraction) -> int:
    size = int(abs(exact) + Fraction(1, 2))
    return size if exact >= 0 else -size


def oracle_blocks(version: TariffVersion) -> list[tuple[RateLine, int | None, int | None]]:
    """Each block that prices, with its bounds in Wh; None is no bound."""
    waiting = sorted((line for line in version.lines if line.tier[0] == "B"), key=lambda b: b.tier)
    starts = sorted({line.usage_base_start for line in waiting})
    blocks = []
    for index, start in enumerate(starts):
        line = next(line for line in waiting if line.usage_base_start == start)
        low = start * version.unit_size if index else None
        last = index == len(starts) - 1
        blocks.append((line, low, None if last else starts[index + 1] * version.unit_size))
    return blocks


def oracle_quantities(
    version: TariffVersion, energy: dict[int, int], counter: int
) -> dict[str, int]:
    total = sum(energy.values())
    low, high = sorted((counter, counter + total))
    quantities: dict[str, int] = {}
    for line, start, end in oracle_blocks(version):
        begin = low if start is None else max(low, start)
        finish = high if end is None else min(high, end)
        quantities[line.tier] = max(finish - begin, 0) * (1 if total >= 0 else -1)
    for line in version.lines:
        if line.tier[0] == "T":
            quantities[line.tier] = energy.get(int(line.tier[1:]), 0)
        if line.tier[0] in "AL":
            quantities[line.tier] = total
    return quantities


def exact_net(version: TariffVersion, line: RateLine, quantity: Fraction | int) -> Fraction:
    return quantity * Fraction(line.rate) / version.unit_size * 10**version.minor_units


def oracle(version: TariffVersion, quantities: dict[str, int]) -> dict[str, tuple[int, int, int]]:
    """Return quantity, net and tax in minor units of every tier with a quantity."""
    priced = {}
    for line in version.lines:
        if quantity := quantities.get(line.tier):
            net = half_up(exact_net(version, line, quantity))
            tax = half_up(net * Fraction(version.tax_rate)) if line.taxable else 0
            priced[line.tier] = (quantity, net, tax)
    return priced


def exact_gross(version: TariffVersion, energy: dict[int, int], counter: int) -> Fraction:
    quantities = oracle_quantities(version, energy, counter)
    return sum(
        (
            exact_net(version, line, quantities.get(line.tier, 0))
            * (1 + (Fraction(version.tax_rate) if line.taxable else 0))
            for line in version.lines
        ),
        Fraction(0),
    )


# -- what tariffs look like


def rate_lines(tier: str, starts: st.SearchStrategy[int], least: str = "0") -> st.SearchStrategy:
    return st.builds(
        RateLine,
        tier=st.just(tier),
        rate=st.decimals(least, 9, places=7) | st.decimals(least, 99, places=2),
        coa=st.sampled_from(("4000", "4005", "4006")),
        usage_base_start=starts,
        taxable=st.booleans(),
    )


@st.composite
def versions(draw: st.DrawFn, kinds: str = "BT", least: str = "0") -> TariffVersion:
    kind = draw(st.sampled_from(kinds))
    starts = st.integers(0, 40) if kind == "B" else st.just(0)
    count = draw(st.integers(1, 9))
    tiers = [f"{kind}{number}" for number in range(1, count + 1)]
    tiers += draw(st.lists(st.sampled_from(("A", "L", "L2", "L3")), unique=True))
    lines = [draw(rate_lines(tier, starts, least)) for tier in tiers]
    return TariffVersion(
        lines=tuple(draw(st.permutations(lines))),
        tax_rate=draw(st.sampled_from([Decimal(text) for text in ("0", "0.05", "0.1", "0.08875")])),
        minor_units=draw(st.sampled_from((0, 2, 3))),
        unit_size=draw(st.sampled_from((1000, 1000, 1, 3600))),
    )


def bucket_numbers(version: TariffVersion) -> list[int]:
    return [int(line.tier[1:]) for line in version.lines if line.tier[0] == "T"] or [1]


usages = st.integers(-60_000, 60_000) | st.integers(-(10**24), 10**24)
counters = st.integers(0, 60_000) | st.just(0) | st.integers(0, 10**24)


def linear(
    rate: str, *adders: RateLine, tax_rate: str = "0", minor_units: int = 2
) -> TariffVersion:
    line = RateLine("B1", Decimal(rate), "4005", taxable=tax_rate != "0")
    return TariffVersion((line, *adders), Decimal(tax_rate), minor_units)


def blocks(*starts_and_rates: tuple[int, str]) -> TariffVersion:
    lines = [
        RateLine(f"B{number}", Decimal(rate), "4005", usage_base_start=start)
        for number, (start, rate) in enumerate(starts_and_rates, 1)
    ]
    return TariffVersion(tuple(lines), Decimal(0), 2)


def told(lines: Sequence[ChargeLine]) -> list[tuple[str, int, str]]:
    return [(line.tier, line.quantity_wh, str(line.net_amount)) for line in lines]


# -- price: many meters of one version


@few
@given(st.data())
def test_a_batch_is_the_oracle_to_the_minor_unit(data: st.DataObject) -> None:
    version = data.draw(versions())
    numbers = bucket_numbers(version)
    rows = data.draw(st.lists(st.tuples(counters, *[usages] * len(numbers)), max_size=4))
    energy = {number: [row[index] for row in rows] for index, number in enumerate(numbers, 1)}
    charges = price(version, energy, [row[0] for row in rows])
    net_by_coa, tax = charges.net_by_coa(), charges.tax()
    for item, (counter, *_) in enumerate(rows):
        used = {number: column[item] for number, column in energy.items()}
        expected = oracle(version, oracle_quantities(version, used, counter))
        got = {
            column.line.tier: (
                column.quantity_wh[item],
                column.net_minor[item],
                column.tax_minor[item],
            )
            for column in charges.columns
            if column.quantity_wh[item]
        }
        assert got == expected
        totals: Counter[str] = Counter()
        for line in version.lines:
            totals[line.coa] += expected.get(line.tier, (0, 0, 0))[1]
        assert {coa: column[item] for coa, column in net_by_coa.items() if column[item]} == {
            coa: amount for coa, amount in totals.items() if amount
        }
        assert tax[item] == sum(row[2] for row in expected.values())


@few
@given(versions(), counters, usages)
def test_the_explanation_adds_up_to_the_charge(
    version: TariffVersion, counter: int, usage: int
) -> None:
    bucket = bucket_numbers(version)[0]
    charges = price(version, {bucket: [0, usage]}, [0, counter])
    lines = charges.explain(1)
    assert charges.explain(0) == []
    minor = Decimal(10) ** version.minor_units
    net = sum(column[1] for column in charges.net_by_coa().values())
    assert sum(Fraction(line.net_amount) for line in lines) * Fraction(minor) == net
    assert sum(Fraction(line.tax_amount) for line in lines) * Fraction(minor) == charges.tax()[1]
    assert sum(line.quantity_wh for line in lines if line.tier[0] in "BT") == usage
    for line in lines:
        assert line.net_amount.as_tuple().exponent == -version.minor_units
        if version.unit_size != 3600:
            exact = Fraction(line.rate) * line.quantity_wh / version.unit_size
            assert Fraction(line.unrounded_amount) == exact
        if line.tier[0] == "B" and usage > 0:
            assert line.block_to_wh is None or counter < line.block_to_wh
            assert line.block_from_wh < counter + usage


@few
@given(versions(kinds="B"), counters, usages)
def test_a_correction_is_the_mirror_of_its_charge(
    version: TariffVersion, counter: int, usage: int
) -> None:
    there = price(version, {1: [usage]}, [counter])
    back = price(version, {1: [-usage]}, [counter + usage])
    for one, other in zip(there.columns, back.columns, strict=True):
        assert one.quantity_wh[0] == -other.quantity_wh[0]
        assert one.net_minor[0] == -other.net_minor[0]
        assert one.tax_minor[0] == -other.tax_minor[0]


@few
@given(versions(), counters, st.lists(usages, min_size=1, max_size=4))
def test_usage_in_parts_has_the_quantities_of_the_whole(
    version: TariffVersion, counter: int, parts: list[int]
) -> None:
    bucket = bucket_numbers(version)[0]
    whole = price(version, {bucket: [sum(parts)]}, [counter])
    apart = price(version, {bucket: parts}, list(accumulate(parts[:-1], initial=counter)))
    assert [sum(column.quantity_wh) for column in apart.columns] == [
        column.quantity_wh[0] for column in whole.columns
    ]


@few
@given(versions(), counters, st.lists(usages, min_size=2, max_size=4))
def test_more_usage_lowers_no_line(version: TariffVersion, counter: int, usage: list[int]) -> None:
    bucket = bucket_numbers(version)[0]
    charges = price(version, {bucket: sorted(usage)}, [counter] * len(usage))
    for column in charges.columns:
        for amounts in (column.quantity_wh, column.net_minor, column.tax_minor):
            assert list(amounts) == sorted(amounts)


def test_a_change_of_rate_keeps_the_counter() -> None:
    after = blocks((0, "0.30"), (100, "0.40"))
    assert told(price(after, {1: [50_000]}, [80_000]).explain(0)) == [
        ("B1", 20_000, "6.00"),
        ("B2", 30_000, "12.00"),
    ]


@few
@given(versions(kinds="B"))
def test_the_bill_is_continuous_and_monotone_at_every_block_edge(version: TariffVersion) -> None:
    usage = sorted(
        {
            edge * version.unit_size + beside
            for edge in (line.usage_base_start for line in version.lines)
            for beside in (-1, 0, 1)
            if edge * version.unit_size + beside >= 0
        }
    )
    charges = price(version, {1: usage})
    exact = [exact_gross(version, {1: energy}, 0) for energy in usage]
    steepest = max(
        (exact_gross(version, {1: 1}, (start or 0)) for _, start, _ in oracle_blocks(version)),
    )
    bills = [
        sum(column.net_minor[item] + column.tax_minor[item] for column in charges.columns)
        for item in range(len(usage))
    ]
    for (energy, bill, amount), (more, higher, larger) in pairwise(
        zip(usage, bills, exact, strict=True)
    ):
        assert bill <= higher
        assert larger - amount <= (more - energy) * steepest
    # Rounding a line's net and its tax moves the bill by less than 1.6 minor units each way.
    slack = Fraction(8, 5) * len(version.lines)
    assert all(abs(bill - amount) <= slack for bill, amount in zip(bills, exact, strict=True))


def test_a_new_block_tariff_is_linear_and_its_blocks_come_into_play_one_by_one() -> None:
    usage = {1: [350_000]}
    new = blocks((0, "0.10"), (0, "0.10"), (0, "0.10"))
    assert told(price(new, usage).explain(0)) == [("B1", 350_000, "35.00")]
    dearer = blocks((0, "0.12"), (0, "0.10"), (0, "0.10"))
    assert told(price(dearer, usage).explain(0)) == [("B1", 350_000, "42.00")]
    third_first = blocks((0, "0.12"), (0, "0.10"), (300, "0.30"))
    assert told(price(third_first, usage).explain(0)) == [
        ("B1", 300_000, "36.00"),
        ("B3", 50_000, "15.00"),
    ]
    all_three = blocks((0, "0.12"), (100, "0.20"), (300, "0.30"))
    assert told(price(all_three, usage).explain(0)) == [
        ("B1", 100_000, "12.00"),
        ("B2", 200_000, "40.00"),
        ("B3", 50_000, "15.00"),
    ]


def test_blocks_are_ordered_by_threshold_and_the_lowest_reaches_down_to_zero() -> None:
    crossed = blocks((300, "0.30"), (100, "0.20"))
    lines = price(crossed, {1: [350_000]}).explain(0)
    assert told(lines) == [("B2", 300_000, "60.00"), ("B1", 50_000, "15.00")]
    bounds = [(line.block_from_wh, line.block_to_wh) for line in lines]
    assert bounds == [(0, 300_000), (300_000, None)]


def test_each_currency_is_rounded_to_its_own_decimals() -> None:
    expected = {0: ("20", "1"), 2: ("20.06", "1.00"), 3: ("20.058", "1.003")}
    for minor_units, (net, tax) in expected.items():
        version = linear("0.084", tax_rate="0.05", minor_units=minor_units)
        (line,) = price(version, {1: [238_780]}).explain(0)
        assert (str(line.net_amount), str(line.tax_amount)) == (net, tax)
        assert line.unrounded_amount == Decimal("20.05752")


def test_halves_round_away_from_zero_and_tax_is_of_the_rounded_net() -> None:
    version = linear("0.010", tax_rate="0.5")
    charges = price(version, {1: [500, -500, 1_499, 0]})
    assert charges.net_by_coa() == {"4005": [1, -1, 1, 0]}
    assert charges.tax() == [1, -1, 1, 0]


def test_numbers_beyond_any_machine_word_stay_exact() -> None:
    charges = price(linear("0.1234567", tax_rate="0.05"), {1: [10**30 + 9]})
    (line,) = charges.explain(0)
    assert line.unrounded_amount == Decimal("123456700000000000000000000.0011111103")
    assert line.net_amount == Decimal("123456700000000000000000000.00")
    assert line.tax_amount == Decimal("6172835000000000000000000.00")


def test_time_of_use_prices_each_bucket_and_the_adders_price_the_sum() -> None:
    version = TariffVersion(
        (
            RateLine("L", Decimal("0.001"), "4010"),
            RateLine("T2", Decimal("0.30"), "4006", taxable=True),
            RateLine("A", Decimal("0.01"), "4000"),
            RateLine("T1", Decimal("0.10"), "4005"),
        ),
        Decimal("0.1"),
        2,
    )
    charges = price(version, {2: [1_000, 0], 1: [9_000, 7_000], 3: [0, 0]})
    assert charges.net_by_coa() == {
        "4005": [90, 70],
        "4006": [30, 0],
        "4000": [10, 7],
        "4010": [1, 1],
    }
    assert charges.tax() == [3, 0]
    flat = price(linear("0.10"), {1: [9_000, 7_000], 2: [1_000, 0]})
    assert flat.net_by_coa() == {"4005": [100, 70]}
    with pytest.raises(UnsoundTariff, match="bucket 3 and no rate of tier T3"):
        price(version, {1: [5, 5], 3: [0, 1]})


def test_columns_of_different_lengths_are_a_bug() -> None:
    with pytest.raises(ValueError, match="shorter"):
        price(linear("1"), {1: [1, 2], 2: [1]})


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ([("B0", "1", 0)], "'B0' is not a tier"),
        ([("B1", "-0.1", 0)], "B1 has the rate -0.1"),
        ([("B1", "NaN", 0)], "B1 has the rate NaN"),
        ([("B1", "1", -5)], "B1 begins at -5"),
        ([("B1", "1", 0), ("B1", "2", 9)], "two rates at one time"),
        ([("B1", "1", 0), ("T1", "2", 0)], "in force are: B1, T1"),
        ([("A", "1", 0)], "in force are: A"),
        ([], "in force are: none"),
    ],
)
def test_an_unsound_tariff_is_refused(lines: list[tuple[str, str, int]], what: str) -> None:
    rates = tuple(RateLine(tier, Decimal(rate), "4005", start) for tier, rate, start in lines)
    with pytest.raises(UnsoundTariff, match=what):
        TariffVersion(rates, Decimal(0), 2)


@pytest.mark.parametrize("fact", [{"tax_rate": Decimal(-1)}, {"minor_units": -1}, {"unit_size": 0}])
def test_impossible_money_is_refused(fact: dict[str, object]) -> None:
    with pytest.raises(UnsoundTariff):
        msgspec.structs.replace(linear("1"), **fact)


# -- units_for: money to energy


@few
@given(
    versions(least="0.0000001"),
    st.integers(1, 50_000) | st.integers(1, 10**24),
    st.integers(-5, 60_000),
)
def test_a_sale_is_the_exact_inverse_and_its_lines_sum_to_the_tender(
    version: TariffVersion, amount: int, counter: int
) -> None:
    bucket = bucket_numbers(version)[-1]
    sale = units_for(version, amount, counter, bucket)
    parts = [part for line in sale.lines for part in (line.net_amount, line.tax_amount)]
    minor = 10**version.minor_units
    assert sum(map(Fraction, parts)) * minor == amount
    assert all(part >= 0 for part in parts)

    cost = exact_gross(version, {bucket: sale.energy_wh}, counter)
    dearest = max(
        exact_gross(version, {bucket: 1}, counter + sale.energy_wh + beside) for beside in (-1, 0)
    )
    assert abs(cost - amount) <= dearest / 2
    priced = oracle(version, oracle_quantities(version, {bucket: sale.energy_wh}, counter))
    assert {line.tier: line.quantity_wh for line in sale.lines if line.quantity_wh} == {
        tier: quantity for tier, (quantity, _, _) in priced.items()
    }
    # A line's share is within one minor unit of its exact amount, beside the rounding of the Wh.
    for line in sale.lines:
        rate_line = next(rate for rate in version.lines if rate.tier == line.tier)
        exact = exact_net(version, rate_line, line.quantity_wh)
        per_wh = exact_net(version, rate_line, 1)
        assert abs(Fraction(line.net_amount) * minor - exact) < 1 + per_wh


def test_a_tender_buys_what_the_examples_say() -> None:
    assert units_for(linear("0.3572"), 10_00).energy_wh == 27_996
    assert units_for(linear("20"), 1).energy_wh == 1, "half a Wh is rounded up"
    taxed = units_for(linear("0.084", tax_rate="0.05"), 45)
    assert taxed.energy_wh == 5_102
    (line,) = taxed.lines
    assert (str(line.net_amount), str(line.tax_amount)) == ("0.43", "0.02")


def test_a_sale_climbs_the_blocks_from_the_counter() -> None:
    version = blocks((0, "0.10"), (100, "0.20"), (300, "0.30"))
    sale = units_for(version, 50_00, counter_wh=80_000)
    assert told(sale.lines) == [
        ("B1", 20_000, "2.00"),
        ("B2", 200_000, "40.00"),
        ("B3", 26_667, "8.00"),
    ]
    assert sale.energy_wh == 246_667


def test_a_free_block_comes_with_the_first_money_and_a_free_end_is_refused() -> None:
    allowance = blocks((0, "0"), (50, "0.20"))
    assert units_for(allowance, 10_00).energy_wh == 100_000
    assert units_for(allowance, 10_00, counter_wh=50_000).energy_wh == 50_000
    assert units_for(allowance, 0) == units_for(linear("0"), 0)
    assert units_for(allowance, 0).energy_wh == 0
    free_end = blocks((0, "0.20"), (50, "0"))
    assert units_for(free_end, 10_00).energy_wh == 50_000
    for version, amount in ((free_end, 10_01), (linear("0"), 1)):
        with pytest.raises(FreeEnergy, match="Set a rate"):
            units_for(version, amount)


def test_money_too_small_for_a_watt_hour_is_still_accounted_for() -> None:
    sale = units_for(linear("90000"), 1)
    assert sale.energy_wh == 0
    assert told(sale.lines) == [("B1", 0, "0.01")]


def test_a_negative_tender_and_a_bucket_without_rate_are_refused() -> None:
    with pytest.raises(Invalid, match="negative"):
        units_for(linear("0.1"), -1)
    night = TariffVersion((RateLine("T2", Decimal("0.1"), "4005"),), Decimal(0), 2)
    assert units_for(night, 1_00, bucket=2).energy_wh == 10_000
    for use in (units_for, value_of):
        with pytest.raises(UnsoundTariff, match="T1"):
            use(night, 100)


# -- value_of: est_amt


def test_a_balance_is_worth_what_the_examples_say() -> None:
    assert value_of(linear("0.084", tax_rate="0.05"), 238_780) == 20_05
    assert value_of(linear("0.3"), 580) == 17
    assert value_of(linear("0.3"), -580) == -17
    assert value_of(linear("0.3"), 0) == 0


@few
@given(versions(), usages, counters)
def test_a_balance_is_truncated_once_over_all_rates(
    version: TariffVersion, energy: int, counter: int
) -> None:
    bucket = bucket_numbers(version)[0]
    quantities = oracle_quantities(version, {bucket: abs(energy)}, counter)
    exact = sum(exact_net(version, line, quantities.get(line.tier, 0)) for line in version.lines)
    sign = 1 if energy >= 0 else -1
    assert value_of(version, energy, counter, bucket) == sign * int(exact)
