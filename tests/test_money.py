from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from babel.numbers import format_currency, list_currencies
from hypothesis import given
from hypothesis import strategies as st

from currant import money
from currant.errors import Invalid

amounts = st.decimals(
    min_value=-(10**18), max_value=10**18, places=6, allow_nan=False, allow_infinity=False
)


@pytest.mark.parametrize(
    ("currency", "digits"), [("USD", 2), ("AUD", 2), ("JPY", 0), ("KWD", 3), ("ZAR", 2)]
)
def test_minor_units(currency, digits):
    assert money.minor_units(currency) == digits


@pytest.mark.parametrize("code", ["ZZZ", "usd", "", "US", "$", "USD "])
def test_an_unknown_currency_is_refused(code):
    with pytest.raises(Invalid, match="not an ISO 4217"):
        money.minor_units(code)


@pytest.mark.parametrize(
    ("amount", "places", "rounded"),
    [
        ("0.005", 2, "0.01"),
        ("-0.005", 2, "-0.01"),
        ("0.004999999", 2, "0.00"),
        ("-0.004", 2, "0.00"),
        ("8.835", 2, "8.84"),
        ("27.9955", 3, "27.996"),
        ("2.5", 0, "3"),
        ("-2.5", 0, "-3"),
        ("1E+2", 2, "100.00"),
        ("12345678901234567890123456789012.345", 2, "12345678901234567890123456789012.35"),
    ],
)
def test_half_up(amount, places, rounded):
    assert str(money.half_up(Decimal(amount), places)) == rounded


@given(amounts, st.integers(0, 6))
def test_half_up_is_symmetric_and_at_most_half_a_unit_away(amount, places):
    rounded = money.half_up(amount, places)
    assert money.half_up(-amount, places) == -rounded
    assert abs(Fraction(rounded) - Fraction(amount)) * 2 * 10**places <= 1


@given(amounts, st.sampled_from(["USD", "JPY", "KWD"]))
def test_minor_units_and_back(amount, currency):
    minor = money.to_minor(amount, currency)
    assert money.from_minor(minor, currency) == money.round_money(amount, currency)
    assert money.to_minor(money.from_minor(minor, currency), currency) == minor


def test_a_limit_is_in_minor_units():
    assert money.to_minor(Decimal("1000.00"), "USD") == 100000
    assert str(money.from_minor(100000, "USD")) == "1000.00"


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("1765.75", "USD", "$1,765.75"),
        ("-12.5", "USD", "-$12.50"),
        ("0", "USD", "$0.00"),
        ("-0.004", "USD", "$0.00"),
        ("-0", "USD", "$0.00"),
        ("0.005", "USD", "$0.01"),
        ("999.995", "USD", "$1,000.00"),
        ("1E+6", "USD", "$1,000,000.00"),
        ("123456789012345678901234567890.12", "USD", "$123,456,789,012,345,678,901,234,567,890.12"),
        ("1765.5", "JPY", "¥1,766"),
        ("12.5", "AUD", "A$12.50"),
        ("1.5", "KWD", "KWD1.500"),
    ],
)
def test_format_money(amount, currency, text):
    assert money.format_money(Decimal(amount), currency) == text


@pytest.mark.parametrize("currency", sorted(list_currencies()))
def test_money_reads_as_babel_writes_it(currency):
    for amount in (Decimal("-1234567.875"), Decimal("1765.25"), Decimal(0)):
        rounded = amount.quantize(Decimal(10) ** -money.minor_units(currency), ROUND_HALF_UP)
        expected = format_currency(rounded, currency, locale="en_US")
        assert money.format_money(amount, currency) == expected


@pytest.mark.parametrize("text", ["0", "10", "100.25", "00.50", "999999999999999.99", "007"])
def test_parse_amount(text):
    assert money.parse_amount(text, places=2) == Decimal(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not a plain number"),
        (".", "not a plain number"),
        (".5", "not a plain number"),
        ("5.", "not a plain number"),
        ("1.2.3", "not a plain number"),
        ("+1", "not a plain number"),
        ("--1", "not a plain number"),
        ("$1", "not a plain number"),
        ("1,000", "not a plain number"),
        ("1_000", "not a plain number"),
        ("1e3", "not a plain number"),
        ("0x10", "not a plain number"),
        ("NaN", "not a plain number"),
        ("Infinity", "not a plain number"),
        (" 1", "not a plain number"),
        ("1 ", "not a plain number"),
        ("1\n", "not a plain number"),
        ("１２", "not a plain number"),
        ("٣", "not a plain number"),
        ("1\0", "not a plain number"),
        ("-1", "is negative"),
        ("1.005", "has 3 decimals; at most 2"),
        ("1000000000000000", "more than 15 digits"),
    ],
)
def test_what_is_no_amount_is_refused_with_its_reason(text, reason):
    with pytest.raises(Invalid, match=reason):
        money.parse_amount(text, places=2)


def test_a_sign_is_taken_only_where_it_is_allowed():
    assert money.parse_amount("-100", places=2, signed=True) == -100
    assert str(money.parse_amount("-0.00", places=2, signed=True)) == "0.00"
    with pytest.raises(Invalid):
        money.parse_amount("+100", places=2, signed=True)


@given(st.text(max_size=20))
def test_any_text_is_an_amount_or_refused(text):
    try:
        amount = money.parse_amount(text, places=3, signed=True)
    except Invalid:
        return
    assert text.isascii()
    assert Fraction(amount) == Fraction(text)


@given(st.integers(-(10**17) + 1, 10**17 - 1))
def test_an_amount_written_plainly_reads_back(minor):
    amount = money.from_minor(minor, "USD")
    read = money.parse_amount(str(amount), places=2, signed=True)
    assert str(read) == str(amount)


@pytest.mark.parametrize(
    ("total", "weights", "shares"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (-100, [1, 1, 1], [-34, -33, -33]),
        (2, [1, 1, 1], [1, 1, 0]),
        (10, [1, 0, 3], [3, 0, 7]),
        (5, [0, 0, 1], [0, 0, 5]),
        (0, [0, 0], [0, 0]),
        (0, [], []),
        (7, [3], [7]),
    ],
)
def test_apportion(total, weights, shares):
    assert money.apportion(total, weights) == shares


@pytest.mark.parametrize(("total", "weights"), [(1, []), (1, [0, 0]), (-1, [0]), (5, [2, -1])])
def test_nothing_is_apportioned_to_nobody(total, weights):
    with pytest.raises(ValueError, match="weight"):
        money.apportion(total, weights)


@given(
    st.integers(-(10**20), 10**20),
    st.lists(st.integers(0, 10**12), min_size=1, max_size=12).filter(any),
)
def test_shares_sum_to_the_total_and_are_within_one_unit_of_fair(total, weights):
    shares = money.apportion(total, weights)
    fair = [Fraction(total * weight, sum(weights)) for weight in weights]
    assert sum(shares) == total
    assert all(abs(share - exact) < 1 for share, exact in zip(shares, fair, strict=True))
    assert money.apportion(-total, weights) == [-share for share in shares]
    rests = [abs(exact) % 1 for exact in fair]
    raised = [abs(share) > abs(exact) for share, exact in zip(shares, fair, strict=True)]
    for i, j in ((i, j) for i in range(len(rests)) for j in range(len(rests))):
        if raised[j] and not raised[i]:
            assert (rests[j], -j) > (rests[i], -i)


@given(st.integers(-(10**30), 10**30))
def test_energy_is_exact_in_both_units(energy_wh):
    assert Fraction(money.kwh(energy_wh)) == Fraction(energy_wh, 1000)
    assert money.kwh(energy_wh).as_tuple().exponent == -3
    assert money.wh_from(money.kwh(energy_wh)) == energy_wh


@pytest.mark.parametrize(
    ("energy_kwh", "energy_wh"),
    [("108.8", 108800), ("0.0005", 1), ("-0.0005", -1), ("0.00049", 0), ("1E+3", 10**6)],
)
def test_wh_from(energy_kwh, energy_wh):
    assert money.wh_from(Decimal(energy_kwh)) == energy_wh


@given(st.integers(1, 10**9), st.integers(0, 999_999))
def test_tax_within_is_what_is_added_to_the_net(cents, rate):
    """The tax of the net, unrounded, is within half a cent of what is taken out."""
    amount, fraction = Decimal(cents) / 100, Decimal(rate) / 10**6
    tax = money.tax_within(amount, fraction, 2)
    assert 0 <= tax < amount or tax == amount
    net = amount / (1 + fraction)
    assert abs(net * fraction - tax) <= Decimal("0.005")
