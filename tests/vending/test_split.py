from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from currant.tariffs.pricing import RateLine, TariffVersion
from currant.vending.split import Due, Owed, split_tender

VERSION = TariffVersion(
    (
        RateLine("B1", Decimal("0.3572"), "4005", 0, taxable=True),
        RateLine("B2", Decimal("0.41"), "4005", 100, taxable=True),
    ),
    Decimal("0.05"),
    2,
)
FREE = TariffVersion((RateLine("B1", Decimal(0), "4005"),), Decimal(0), 2)

owed = st.lists(
    st.builds(
        Owed,
        item_id=st.integers(1, 10**6),
        type_name=st.just("Recovery"),
        outstanding_minor=st.integers(1, 10**6),
        plan_hundredths=st.sampled_from([10_000, 10_000, 2500, 5000, 3333, 1]),
        receivable_coa=st.just("1100"),
    ),
    max_size=6,
)
dues = st.lists(
    st.builds(
        Due,
        meter_id=st.just(1),
        month=st.just("2026-03-01"),
        fixed_id=st.integers(1, 9),
        description=st.just("Fixed"),
        net_minor=st.integers(0, 5000),
        tax_minor=st.integers(0, 500),
        coa=st.just("4900"),
    ),
    max_size=3,
)


@given(st.integers(1, 10**8), owed, dues, st.integers(0, 300_000))
def test_the_parts_sum_to_the_tender_and_keep_their_bounds(
    tender, items, open_dues, counter
) -> None:
    split = split_tender(
        tender, items, open_dues, VERSION, counter_wh=counter, bucket=1, in_units=True
    )
    assert split.arrears_minor + split.fixed_minor + split.energy_minor == tender
    for part in split.arrears:
        plan = part.owed.plan_hundredths
        assert 0 < part.paid_minor <= part.owed.outstanding_minor
        assert part.paid_minor <= tender * plan // 10_000
    for part in split.fixed:
        assert 0 <= part.net_minor <= part.due.net_minor
        assert 0 <= part.tax_minor <= part.due.tax_minor
    lines = split.sale.lines
    energy = sum((line.net_amount + line.tax_amount for line in lines), Decimal(0))
    assert energy == Decimal(split.energy_minor) / 100


@given(st.integers(1, 10**7), owed)
def test_what_is_left_over_is_only_what_the_plans_leave(tender, items) -> None:
    """Nothing buys energy while a 100 % plan is open; a fixed charge comes before energy."""
    split = split_tender(tender, items, [], VERSION, counter_wh=0, bucket=1, in_units=True)
    paid = {id(part.owed): part.paid_minor for part in split.arrears}
    unpaid_whole = any(
        item.plan_hundredths == 10_000 and paid.get(id(item), 0) < item.outstanding_minor
        for item in items
    )
    if unpaid_whole:
        assert split.energy_minor == 0


def test_whole_plans_first_then_percentages_of_the_gross_tender_floored() -> None:
    """Conformance.md 10.3 by hand: 10.01 against 100 % of 2.00 and 25 % of 50.00."""
    items = [Owed(1, "A", 5000, 2500, "1100"), Owed(2, "B", 200, 10_000, "1102")]
    split = split_tender(1001, items, [], VERSION, counter_wh=0, bucket=1, in_units=True)
    assert [(part.owed.item_id, part.paid_minor) for part in split.arrears] == [(2, 200), (1, 250)]
    assert split.energy_minor == 1001 - 200 - 250


def test_a_partly_paid_fixed_charge_shares_net_and_tax_in_proportion() -> None:
    due = Due(1, "2026-03-01", 1, "Fixed", 1000, 50, "4900")
    split = split_tender(525, [], [due], VERSION, counter_wh=0, bucket=1, in_units=True)
    assert [(part.net_minor, part.tax_minor) for part in split.fixed] == [(500, 25)]
    assert split.energy_minor == 0
    assert split.sale.energy_wh == 0


def test_a_currency_wallet_takes_money_even_where_energy_is_free() -> None:
    split = split_tender(500, [], [], FREE, counter_wh=0, bucket=1, in_units=False)
    assert (split.energy_minor, split.sale.energy_wh) == (500, 0)
