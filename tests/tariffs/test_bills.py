"""The kernel's second stage, bills, against plain fractions and the laws of a bill."""

from collections.abc import Sequence
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal, localcontext
from fractions import Fraction
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from currant.errors import Invalid
from currant.tariffs.bills import BillCharges, BillLine, Determinants, price_bills, share_tax
from currant.tariffs.pricing import RateLine, TariffVersion, UnsoundTariff, price
from currant.tariffs.rounding import Rounding, rounded, settle
from currant.tariffs.terms import (
    Basis,
    BlocksOver,
    Discount,
    Inducement,
    Per,
    PlanRate,
    RoundPer,
    Standing,
    Terms,
)
from currant.tariffs.versions import PlanVersion

few = settings(deadline=None, max_examples=60)
MODES = {
    Rounding.HALF_UP: ROUND_HALF_UP,
    Rounding.HALF_EVEN: ROUND_HALF_EVEN,
    Rounding.UP: ROUND_UP,
    Rounding.TRUNCATE: ROUND_DOWN,
}


def rate(tier: str, amount: str, step: str = "0", **more: object) -> PlanRate:
    return PlanRate(tier, Decimal(amount), step_from=Decimal(step), **more)


def standing(amount: str, basis: Basis, description: str = "Supply", **more: object) -> Standing:
    return Standing(description, Decimal(amount), basis, **more)


def month(
    days: int = 30, of_days: int = 30, *, energy: dict[int, int] | None = None, **more: object
) -> Determinants:
    """One item: its days of the month's, and the energy of its buckets."""
    columns = {bucket: [wh] for bucket, wh in (energy or {}).items()}
    return Determinants([days], [of_days], columns, **more)


def lines(
    version: PlanVersion, items: Determinants, **more: bool
) -> list[tuple[str, str, str, str]]:
    charges = price_bills(version, items, **more)
    return [
        (line.tier or line.description, str(line.quantity), str(line.net), str(line.tax))
        for line in charges.explain(0)
    ]


def total(charges: BillCharges, item: int = 0) -> int:
    return charges.net()[item] + charges.tax()[item]


# -- rounding


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6), st.sampled_from(list(Rounding)))
def test_rounding_is_that_of_decimal_arithmetic(top: int, bottom: int, how: Rounding) -> None:
    with localcontext() as context:
        context.prec = 60
        size = Decimal(abs(top) * bottom**8) / Decimal(bottom**9)
        exact = Fraction(top, bottom)
        whole = int(size.quantize(Decimal(1), MODES[how]))
    if Fraction(size) == abs(exact):
        assert rounded(top, bottom, how) == (whole if top >= 0 else -whole)
    assert abs(rounded(top, bottom, how) - exact) < 1


@given(
    st.lists(st.integers(-(10**9), 10**9), max_size=9),
    st.integers(1, 10**6),
    st.sampled_from(list(Rounding)),
)
def test_what_is_settled_sums_to_the_total_and_is_near_the_exact(
    tops: list[int], bottom: int, how: Rounding
) -> None:
    due = rounded(sum(tops), bottom, how)
    parts = settle(tops, bottom, due)
    assert sum(parts) == due
    assert all(
        abs(part - Fraction(top, bottom)) <= 1 for part, top in zip(parts, tops, strict=True)
    )


# -- what plans look like


amounts = st.decimals("0", "9", places=6) | st.decimals("0", "400", places=2)
steps = st.decimals("0.5", "60", places=1)


@st.composite
def groups(draw: st.DrawFn, names: Sequence[str]) -> list[PlanRate]:
    """The blocks of a tier, ascending; the first begins at nothing."""
    count = draw(st.integers(1, len(names)))
    begins = [Decimal(0), *sorted(draw(st.sets(steps, min_size=count - 1, max_size=count - 1)))]
    rounding = draw(st.sampled_from(list(Rounding)))
    taxable = draw(st.booleans())
    return [
        PlanRate(
            name,
            draw(amounts),
            step_from=begin,
            taxable=taxable,
            rounding=rounding,
        )
        for name, begin in zip(names, begins, strict=False)
    ]


@st.composite
def versions(draw: st.DrawFn, *, with_credits: bool = True) -> PlanVersion:
    rates: list[PlanRate] = []
    if draw(st.booleans()):
        rates += draw(groups([f"B{n}" for n in range(1, 5)]))
    else:
        for bucket in (1, 2, 3):
            rates += draw(groups([f"T{bucket}", f"T{bucket}B2", f"T{bucket}B3"]))
    for tiers in (["D", "DB2"], ["D2", "D2B2"]):
        if draw(st.booleans()):
            rates += draw(groups(tiers))
    for tier in ("A", "L", "L2"):
        if draw(st.booleans()):
            rates += draw(groups([tier]))
    if with_credits:
        for tiers in (["X", "XB2"], ["C", "CB2"]):
            if draw(st.booleans()):
                rates += draw(groups(tiers))
    charges = [
        Standing(f"{basis} {number}", draw(amounts), basis, taxable=draw(st.booleans()))
        for number, basis in enumerate(
            draw(st.lists(st.sampled_from((Basis.MONTHLY, Basis.KVA, Basis.DAILY)), max_size=3))
        )
    ]
    terms = Terms(
        block_period=draw(st.sampled_from(list(Per))),
        blocks_over=draw(st.sampled_from(list(BlocksOver))),
        whole_blocks=draw(st.booleans()),
        demand_period=draw(st.sampled_from((Per.MONTH, Per.DAY))),
        ratchet_share=draw(st.sampled_from((Decimal(0), Decimal("0.75")))),
        round_per=draw(st.sampled_from((RoundPer.BLOCK, RoundPer.LINE))),
    )
    return PlanVersion(
        tuple(draw(st.permutations(rates))),
        tuple(charges),
        (),
        terms,
        draw(st.sampled_from((Decimal(0), Decimal("0.1"), Decimal("0.15")))),
        draw(st.sampled_from((0, 2, 3))),
    )


wh = st.integers(0, 3_000_000)
watts = st.integers(0, 120_000)


@st.composite
def batches(draw: st.DrawFn) -> Determinants:
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from(((30, 30), (31, 31), (10, 31), (60, 30), (0, 28))),
                st.tuples(wh, wh, wh),
                wh,
                st.tuples(watts, watts, watts, watts),
                watts,
            ),
            min_size=1,
            max_size=4,
        )
    )
    return Determinants(
        [row[0][0] for row in rows],
        [row[0][1] for row in rows],
        {bucket: [row[1][bucket - 1] for row in rows] for bucket in (1, 2, 3)},
        {1: [row[2] for row in rows]},
        {bucket: [row[3][bucket] for row in rows] for bucket in (0, 1, 2)},
        {bucket: [row[3][3] for row in rows] for bucket in (0, 2)},
        [row[4] for row in rows],
    )


# -- the oracle: the rules of the docstrings in fractions, one item at a time


def near(exact: Fraction, grain: int = 1) -> int:
    return grain * int(exact / grain + Fraction(1, 2))


def oracle_edges(
    version: PlanVersion, kind: str, begins: list[Decimal], share: Fraction, days: int
):
    if kind == "D":
        return [near(Fraction(begin) * 1000) for begin in begins]
    scale = {Per.DAY: Fraction(days), Per.MONTH: share, Per.YEAR: Fraction(days, 365)}
    grain = version.unit_size if version.terms.whole_blocks else 1
    by_days = scale[version.terms.block_period]
    return [near(Fraction(begin) * version.unit_size * by_days, grain) for begin in begins]


def widths(quantity: int, edges: list[int]) -> list[int]:
    ends: list[int | None] = [*edges[1:], None]
    return [
        max(0, (quantity if end is None else min(quantity, end)) - begin)
        for begin, end in zip(edges, ends, strict=True)
    ]


def oracle(version: PlanVersion, items: Determinants, item: int) -> dict[str, tuple[int, Fraction]]:
    """Each tier's and charge's quantity, and its exact money in minor units."""
    days, of_days = items.days[item], items.period_days[item]
    share, minor = Fraction(days, of_days), 10**version.minor_units
    used = {bucket: column[item] for bucket, column in items.energy_wh.items()}
    told: dict[str, tuple[int, Fraction]] = {}
    heads = {"B" if line.tier[0] == "B" else line.tier.split("B")[0] for line in version.rates}
    for head in heads:
        kind = head[0]
        own = [
            line
            for line in version.rates
            if (line.tier[0] == "B" if head == "B" else line.tier.split("B")[0] == head)
        ]
        own.sort(key=lambda line: line.step_from)
        over = sum(used.values())
        quantity = used[int(head[1:])] if kind == "T" else over
        if kind == "X":
            quantity = items.export_wh[1][item]
        if kind == "D":
            bucket = int(head[1:] or 0)
            past = Fraction(version.terms.ratchet_share) * items.past_peak_w[bucket][item]
            quantity = max(items.peak_w[bucket][item], near(past))
        edges = oracle_edges(version, kind, [line.step_from for line in own], share, days)
        parts = widths(quantity, edges)
        if kind == "T" and version.terms.blocks_over is BlocksOver.TOTAL and over:
            parts = settle([quantity * width for width in widths(over, edges)], over, quantity)
        for line, part in zip(own, parts, strict=True):
            size = 1000 if kind == "D" else version.unit_size
            money = part * Fraction(line.rate) / size * minor
            if kind == "D":
                money *= days if version.terms.demand_period is Per.DAY else share
            told[line.tier] = (part, -money if kind in "XC" else money)
    for charge in version.charges:
        quantity, factor = {
            Basis.MONTHLY: (1, share),
            Basis.KVA: (items.capacity_va[item], share / 1000),
            Basis.DAILY: (days, Fraction(1)),
        }[charge.basis]
        told[charge.description] = (quantity, quantity * factor * Fraction(charge.amount) * minor)
    return told


@few
@given(versions(), batches())
def test_a_batch_is_the_oracle_to_the_minor_unit(version: PlanVersion, items: Determinants) -> None:
    charges = price_bills(version, items)
    for item in range(len(items.days)):
        expected = oracle(version, items, item)
        got = {c.term.tier or c.term.description: c for c in charges.columns}
        assert {name: c.quantity[item] for name, c in got.items()} == {
            name: quantity for name, (quantity, _) in expected.items()
        }
        for name, column in got.items():
            exact = expected[name][1]
            net = column.net_minor[item]
            if version.terms.round_per is RoundPer.BLOCK:
                assert net == rounded(exact.numerator, exact.denominator, column.term.rounding)
            assert abs(net - exact) <= 1
            tax = Fraction(version.tax_rate) * net if column.term.taxable else Fraction(0)
            assert column.tax_minor[item] == rounded(tax.numerator, tax.denominator)


@few
@given(versions(), batches())
def test_the_lines_sum_to_the_bill(version: PlanVersion, items: Determinants) -> None:
    charges = price_bills(version, items)
    for item in range(len(items.days)):
        told = charges.explain(item)
        minor = 10**version.minor_units
        assert sum(line.net for line in told) * minor == charges.net()[item]
        assert sum(line.tax for line in told) * minor == charges.tax()[item]
        for line in told:
            explained(line, version)
        taxable = [int(line.net * minor) for line in told if line.taxable]
        exact = sum(taxable) * Fraction(version.tax_rate)
        shared = share_tax(taxable, version.tax_rate)
        assert sum(shared) == rounded(exact.numerator, exact.denominator)


def explained(line: BillLine, version: PlanVersion) -> None:
    """Quantity × rate × share is the unrounded amount, and that is within one of the net."""
    sign = -1 if line.tier[:1] in ("X", "C") else 1
    exact = Fraction(line.quantity) * Fraction(line.rate) * sign
    exact *= Fraction(line.share_days, line.share_of)
    assert abs(Fraction(line.unrounded) - exact) < Fraction(1, 10**15)
    assert abs(exact - Fraction(line.net)) <= Fraction(1, 10**version.minor_units)
    if line.block_to is not None:
        assert line.quantity <= line.block_to - line.block_from or line.tier[0] == "T"


# -- the laws of a bill


@few
@given(versions(with_credits=False), batches(), st.integers(1, 10**6))
def test_more_usage_costs_no_less(version: PlanVersion, items: Determinants, more: int) -> None:
    grown = {bucket: [wh + more for wh in column] for bucket, column in items.energy_wh.items()}
    low = price_bills(version, items).net()
    high = price_bills(version, msgspec.structs.replace(items, energy_wh=grown)).net()
    slack = 2 * len(version.rates) if version.terms.blocks_over is BlocksOver.TOTAL else 0
    ascending = [line.rate for line in sorted(version.rates, key=lambda line: line.step_from)]
    if version.terms.blocks_over is BlocksOver.BUCKET or ascending == sorted(ascending):
        assert all(one <= other + slack for one, other in zip(low, high, strict=True))


@few
@given(versions(with_credits=False), batches(), st.integers(1, 3))
def test_a_bill_is_continuous_at_every_edge(
    version: PlanVersion, items: Determinants, bucket: int
) -> None:
    """One Wh more costs no more than one Wh at the dearest rates, and a coin of rounding a line."""
    version = msgspec.structs.replace(
        version, terms=msgspec.structs.replace(version.terms, blocks_over=BlocksOver.BUCKET)
    )
    dearest = sum(line.rate for line in version.rates) * 10**version.minor_units / 1000
    edges = {
        edge
        for column in price_bills(version, items).columns
        if column.term.tier[:1] in ("B", "T")
        for bound in column.edges
        if bound is not None
        for edge in bound
    }
    others = [number for number in (1, 2, 3) if number != bucket]
    for edge in sorted(edges):
        wh = [edge - 1, edge, edge + 1]
        near_it = Determinants(
            [items.days[0]] * 3,
            [items.period_days[0]] * 3,
            {bucket: [max(0, one) for one in wh], **{number: [0] * 3 for number in others}},
        )
        nets = price_bills(version, near_it).net()
        for one, other in pairwise(nets):
            assert one <= other <= one + dearest + 2 * len(version.rates)


@few
@given(
    st.lists(st.tuples(wh, wh), min_size=1, max_size=31),
    amounts,
    amounts,
    st.integers(1, 40),
)
def test_a_period_priced_whole_is_its_days_priced_apart(
    used: list[tuple[int, int]], peak: Decimal, off: Decimal, allowance: int
) -> None:
    """Where all is told for a day: exactly, before the one rounding of each line."""
    version = PlanVersion(
        (PlanRate("T1", peak), PlanRate("T2", off), rate("L", "0.0125")),
        (standing("0.8957", Basis.DAILY), standing("31", Basis.MONTHLY, "Network")),
        terms=Terms(demand_period=Per.DAY),
    )
    days = len(used)
    whole = Determinants(
        [days], [31], {1: [sum(one for one, _ in used)], 2: [sum(two for _, two in used)]}
    )
    apart = Determinants(
        [1] * days, [31] * days, {1: [one for one, _ in used], 2: [two for _, two in used]}
    )
    assert exact(price_bills(version, whole)) == exact(price_bills(version, apart))
    # Blocks for a day, filled alike every day.
    daily = PlanVersion(
        (PlanRate("B1", off), PlanRate("B2", peak, step_from=Decimal(allowance))),
        terms=Terms(block_period=Per.DAY),
    )
    each = used[0][0]
    once = Determinants([days], [31], {1: [each * days]})
    assert exact(price_bills(daily, once)) == exact(
        price_bills(daily, Determinants([1] * days, [31] * days, {1: [each] * days}))
    )


def exact(charges: BillCharges) -> Fraction:
    items = range(len(charges.items.days))
    found = [line for item in items for line in charges.explain(item)]
    return sum(
        (
            Fraction(line.quantity) * Fraction(line.rate) * Fraction(line.share_days, line.share_of)
            for line in found
        ),
        Fraction(0),
    )


@few
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=4), st.integers(0, 3))
def test_both_stages_price_the_same_rates_alike(usage: list[int], seed: int) -> None:
    """One rate table serves both faces: a whole month's blocks, fuel and levies, by each kernel."""
    steps = [("B1", "0.31", 0), ("B2", "0.27", 100 + seed), ("B3", "0.44", 400)]
    prepaid = TariffVersion(
        (
            *(RateLine(t, Decimal(r), "4005", s, taxable=True) for t, r, s in steps),
            RateLine("A", Decimal("0.031"), "4000"),
        ),
        Decimal("0.1"),
        2,
    )
    postpaid = PlanVersion(
        (*(rate(t, r, str(s), taxable=True) for t, r, s in steps), rate("A", "0.031")),
        tax_rate=Decimal("0.1"),
    )
    one = price(prepaid, {1: usage})
    other = price_bills(postpaid, Determinants([30] * len(usage), [30] * len(usage), {1: usage}))
    assert [list(c.net_minor) for c in one.columns] == [list(c.net_minor) for c in other.columns]
    assert list(one.tax()) == other.tax()


# -- what the rules say, in figures


def test_july_of_the_running_example() -> None:
    """310 kWh at 0.285 and 31 days at 1.10, taxed line by line (conformance.md 6.6)."""
    plan = PlanVersion(
        (rate("B1", "0.285", taxable=True),),
        (standing("1.10", Basis.DAILY, taxable=True),),
        tax_rate=Decimal("0.1"),
    )
    items = month(31, 31, energy={1: 310_000})
    assert lines(plan, items) == [("B1", "310", "88.35", "8.84"), ("Supply", "31", "34.10", "3.41")]
    assert total(price_bills(plan, items)) == 13_470


def test_a_change_of_rate_cuts_the_bill_by_days() -> None:
    """Ten of 31 days: monthly amounts, demand and thresholds by days, the unit rate not."""
    plan = PlanVersion(
        (rate("B1", "0.10"), rate("B2", "0.20", "310"), rate("D", "31")),
        (standing("62", Basis.MONTHLY),),
    )
    items = month(10, 31, energy={1: 150_000}, peak_w={0: [2_000]})
    assert lines(plan, items) == [
        ("B1", "100", "10.00", "0.00"),
        ("B2", "50", "10.00", "0.00"),
        ("D", "2", "20.00", "0.00"),
        ("Supply", "1", "20.00", "0.00"),
    ]


def test_demand_is_a_maximum_with_a_ratchet() -> None:
    plan = PlanVersion(
        (rate("B1", "0"), rate("D", "10"), rate("D2", "1"), rate("D2B2", "3", "4.5")),
        terms=Terms(ratchet_share=Decimal("0.8"), ratchet_months=11),
    )
    items = month(peak_w={0: [50_000], 2: [6_000]}, past_peak_w={0: [100_000]})
    assert lines(plan, items) == [
        ("D", "80", "800.00", "0.00"),
        ("D2", "4.5", "4.50", "0.00"),
        ("D2B2", "1.5", "4.50", "0.00"),
    ]


def test_a_demand_rate_of_several_buckets_takes_their_highest() -> None:
    plan = PlanVersion((rate("B1", "0"), PlanRate("D1", Decimal(2), buckets=(1, 3))))
    items = month(peak_w={0: [9_000], 1: [3_000], 2: [9_000], 3: [4_000]})
    assert lines(plan, items) == [("D1", "4", "8.00", "0.00")]


def test_what_is_fed_in_and_a_concession_are_credits() -> None:
    plan = PlanVersion(
        (
            rate("B1", "0.30", taxable=True),
            rate("X", "0.05"),
            rate("C", "0.10"),
            rate("CB2", "0", "100"),
        ),
        tax_rate=Decimal("0.1"),
    )
    items = month(energy={1: 150_000}, export_wh={1: [200_000]})
    assert lines(plan, items) == [
        ("B1", "150", "45.00", "4.50"),
        ("C", "100", "-10.00", "0.00"),
        ("CB2", "50", "0.00", "0.00"),
        ("X", "200", "-10.00", "0.00"),
    ]


def test_a_minimum_raises_the_charges_and_no_credit_lowers_it() -> None:
    plan = PlanVersion(
        (rate("B1", "0.10"), rate("X", "1")),
        (standing("2", Basis.MONTHLY), standing("1", Basis.MINIMUM_DAILY, "Least")),
    )
    items = month(energy={1: 50_000}, export_wh={1: [5_000]})
    assert lines(plan, items)[-1] == ("Least", "1", "23.00", "0.00")
    assert price_bills(plan, items).net() == [2_500]
    assert price_bills(plan, month(energy={1: 500_000})).net() == [5_200]


def test_discounts_come_off_what_is_taxed_and_what_is_free_apart() -> None:
    plan = PlanVersion(
        (rate("B1", "1", taxable=True), rate("L", "0.5")),
        (standing("10", Basis.MONTHLY, taxable=True),),
        (
            Discount("Ten off usage", Inducement.PERCENT_OF_USAGE, Decimal(10)),
            Discount("Five off all", Inducement.PERCENT_OF_BILL, Decimal(5)),
            Discount("Welcome", Inducement.AMOUNT, Decimal(500), taxable=True),
            Discount("Prompt", Inducement.PROMPT_PAYMENT, Decimal(3)),
        ),
        tax_rate=Decimal("0.1"),
    )
    items = month(energy={1: 100_000})
    assert lines(plan, items)[3:] == [
        ("Ten off usage", "100", "-10.00", "-1.00"),
        ("Five off all", "110", "-5.50", "-0.55"),
        ("Five off all", "50", "-2.50", "0.00"),
        ("Welcome", "1", "-142.00", "-14.20"),
    ]
    assert price_bills(plan, items).net() == [0]


def test_blocks_over_the_total_are_shared_out_as_the_usage_is() -> None:
    rates = (rate("T1", "1"), rate("T1B2", "2", "100"), rate("T2", "3"), rate("T2B2", "5", "100"))
    items = month(energy={1: 300_000, 2: 100_000})
    own = PlanVersion(rates)
    shared = PlanVersion(rates, terms=Terms(blocks_over=BlocksOver.TOTAL))
    assert [line[1] for line in lines(own, items)] == ["100", "200", "100"]
    assert [line[1] for line in lines(shared, items)] == ["75", "225", "25", "75"]


def test_tax_on_an_invoice_is_rounded_once_and_shared() -> None:
    plan = PlanVersion(
        (rate("B1", "0.01", taxable=True), rate("L", "0.01", taxable=True)),
        tax_rate=Decimal("0.1"),
    )
    items = month(energy={1: 5_000})  # Twice 5 cents: 0.5 cents of tax each, 1 cent of both.
    assert price_bills(plan, items).tax() == [2]
    assert share_tax([5, 5], Decimal("0.1")) == [1, 0]
    assert share_tax([5, 5, -5], Decimal("0.1")) == [1, 1, -1]


def test_what_is_rounded_per_bill_has_a_line_of_rounding() -> None:
    terms = Terms(round_per=RoundPer.BILL)
    plan = PlanVersion((rate("T1", "0.333"), rate("T2", "0.333"), rate("L", "0.001")), terms=terms)
    charges = price_bills(plan, month(energy={1: 1_000, 2: 1_000}))
    assert [str(line.net) for line in charges.explain(0)] == ["0.33", "0.33", "0.00", "0.01"]
    assert charges.net() == [67]


# -- refusals


@pytest.mark.parametrize(
    ("rates", "what"),
    [
        ((), "neither"),
        ((rate("Z1", "1"),), "no tier|not a tier"),
        ((rate("T", "1"),), "not a tier"),
        ((rate("B1", "1"), rate("B1", "2")), "two rates"),
        ((rate("B1", "1"), rate("T1", "2")), "one kind"),
        ((rate("B1", "-1"),), "0 or more"),
        ((rate("B1", "1", "-1"),), "0 or more"),
        ((rate("B1", "1", buckets=(1,)),), "buckets"),
        ((rate("T1", "1", buckets=(1, 10)),), "buckets"),
        ((rate("T1", "1", buckets=(1, 2)), rate("T2", "1")), "priced twice"),
        ((rate("T1", "1"), rate("T1B2", "1", "9", buckets=(1, 2))), "same buckets"),
    ],
)
def test_an_unsound_plan_cannot_exist(rates: tuple[PlanRate, ...], what: str) -> None:
    with pytest.raises(UnsoundTariff, match=what):
        PlanVersion(rates)


def test_energy_without_a_rate_is_refused() -> None:
    with pytest.raises(UnsoundTariff, match="bucket 2") as refused:
        price_bills(PlanVersion((rate("T1", "1"),)), month(energy={1: 1, 2: 1}))
    assert refused.value.field == "T2"
    telephone = PlanVersion((), (standing("20", Basis.MONTHLY),))
    assert price_bills(telephone, month()).net() == [2_000]
    with pytest.raises(UnsoundTariff):
        price_bills(telephone, month(energy={1: 1}))


def test_columns_of_different_length_and_impossible_days_are_refused() -> None:
    plan = PlanVersion((rate("B1", "1"),))
    for items in (
        Determinants([30], [30], {1: [1, 2]}),
        Determinants([30, 30], [30]),
        Determinants([30], [30], {1: [1]}, capacity_va=[1, 2]),
        Determinants([-1], [30]),
        Determinants([1], [0]),
    ):
        with pytest.raises(Invalid):
            price_bills(plan, items)
    assert price_bills(plan, Determinants([], [])).net() == []
