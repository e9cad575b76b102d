import asyncio
import json
import random
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from currant import wire
from currant.errors import Invalid, Refusal, Unparsable


class Tier(StrEnum):
    B1 = "B1"
    A = "A"


class Rate(msgspec.Struct):
    rate: Decimal
    coa: int = 4005
    tier: Tier = Tier.B1


class Tariff(msgspec.Struct, omit_defaults=True):
    portal: Annotated[str, msgspec.Meta(min_length=1)]
    rates: list[Rate] = []
    taxes: dict[str, Decimal] = {}
    bounds: tuple[Decimal, Decimal] | None = None
    muni: str | msgspec.UnsetType = msgspec.UNSET
    fixed: bool = False
    service: Literal["Electricity", "Water"] = "Electricity"
    extra: Any = None


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    id: int


def test_a_body_becomes_a_struct_with_exact_numbers():
    tariff = wire.decode(
        b'{"portal":"example","rates":[{"rate":0.042951},{"rate":1e2,"tier":"A"}],'
        b'"taxes":{"GST":0.10},"bounds":[0,12345678901234567890.123456],"unknown":[1]}',
        Tariff,
    )
    assert tariff.rates == [Rate(Decimal("0.042951")), Rate(Decimal(100), tier=Tier.A)]
    assert str(tariff.taxes["GST"]) == "0.10"
    assert tariff.bounds == (0, Decimal("12345678901234567890.123456"))
    assert tariff.muni is msgspec.UNSET


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b'{"a":1,"a":1}', "a"),
        (b'[{"a":[{"b":1,"c":2,"b":3}]}]', "b"),
        (b'{"a":1,"\\u0061":2}', "a"),
    ],
)
def test_no_member_is_sent_twice(raw, field):
    with pytest.raises(Invalid, match=f"^{field} is sent twice") as refused:
        wire.decode_sent(raw, object)
    assert refused.value.field == field
    assert wire.decode_sent(b'[{"a":1,"b":{"a":1}},{"a":-1e2}]', object)


class Dated(msgspec.Struct):
    days: list[date]
    at: datetime | None = None


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b'{"days":["2026-01-01","\\u0039999-12-31"]}', "days[1]"),
        (b'{"days":["0001-01-01"]}', "days[0]"),
        (b'{"days":[],"at":"3000-01-01T00:00:00Z"}', "at"),
    ],
)
def test_days_and_instants_are_of_the_years_that_are_taken(raw, field):
    with pytest.raises(Invalid, match="1900 to 2999") as refused:
        wire.refuse_unfit(wire.decode(raw, Dated))
    assert refused.value.field == field
    wire.refuse_unfit(wire.decode(b'{"days":["1900-01-01","2999-12-31"]}', Dated))


def test_numbers_are_exact_where_the_type_says_any():
    value = wire.decode(b'{"portal":"x","extra":{"a":[0.10,1.1e1,7]}}', Tariff).extra
    assert value == {"a": [Decimal("0.10"), Decimal(11), 7]}
    assert wire.decode(b"0.1", object) == Decimal("0.1")


def test_the_last_of_two_members_counts():
    assert wire.decode(b'{"rate":1,"rate":2}', Rate).rate == 2


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "The body is empty"),
        (b" \n", "The body is empty"),
        (b"{", "ends too early"),
        (b'{"portal":"x"', "ends too early (13 bytes"),
        (b'{"portal":x}', "invalid character (byte 10)"),
        (b'{"portal":"x"} ,', "trailing characters"),
        (b"{} {}", "trailing characters"),
        (b"{'portal':'x'}", "byte 1"),
        (b'{"rate":NaN}', "malformed"),
        (b'{"rate":Infinity}', "malformed"),
        (b'{"rate":01}', "malformed"),
        (b'{"rate":.5}', "malformed"),
        (b'{"rate":+5}', "malformed"),
        (b'{"rate":1_000}', "malformed"),
        (b'{"portal":"\xff"}', "Byte 11 of the body is not UTF-8"),
        (b'{"portal":"x","unknown":"\xc3"}', "Byte 25 of the body is not UTF-8"),
        (b'{"portal":"x","extra":' + b"[" * 100_000, "nested too deeply"),
        (b'{"portal":"x","unknown":' + b"[" * 100_000, "nested too deeply"),
        (b'{"portal":"x","extra":' + b'{"a":' * 100_000, "nested too deeply"),
    ],
    ids=lambda part: part[:30],
)
def test_what_is_no_json_is_unparsable(raw, reason):
    with pytest.raises(Unparsable) as caught:
        wire.decode(raw, Tariff)
    assert reason in caught.value.detail


@pytest.mark.parametrize(
    ("raw", "field", "detail"),
    [
        (b"{}", "portal", "portal is missing."),
        (b"[]", None, "The body: expected an object, got a list."),
        (b"null", None, "The body: expected an object, got null."),
        (b'{"portal":5}', "portal", "portal: expected text, got a whole number."),
        (b'{"portal":""}', "portal", "portal: expected text of length >= 1."),
        (
            b'{"portal":"x","fixed":1}',
            "fixed",
            "fixed: expected true or false, got a whole number.",
        ),
        (b'{"portal":"x","rates":{}}', "rates", "rates: expected a list, got an object."),
        (b'{"portal":"x","rates":[{}]}', "rates[0].rate", "rates[0].rate is missing."),
        (b'{"portal":"x","service":"Gas"}', "service", "service: invalid enum value 'Gas'."),
        (
            b'{"portal":"x","rates":[{"rate":1},{"rate":true}]}',
            "rates[1].rate",
            "rates[1].rate: expected a number, got true or false.",
        ),
        (
            b'{"portal":"x","rates":[{"rate":1,"coa":1.5}]}',
            "rates[0].coa",
            "rates[0].coa: expected a whole number, got a number with decimals.",
        ),
        (
            b'{"portal":"x","bounds":5}',
            "bounds",
            "bounds: expected a list or null, got a whole number.",
        ),
        (
            b'{"portal":"x","taxes":{"GST":"0.1"}}',
            "taxes.GST",
            "taxes.GST: expected a number, got text.",
        ),
        (
            b'{"portal":"x","bounds":[1,"2"]}',
            "bounds[1]",
            "bounds[1]: expected a number, got text.",
        ),
    ],
    ids=lambda part: str(part)[:40],
)
def test_an_ill_typed_member_is_named(raw, field, detail):
    with pytest.raises(Invalid) as caught:
        wire.decode(raw, Tariff)
    assert (caught.value.field, caught.value.detail) == (field, detail)


def test_an_unknown_member_is_named_where_it_is_forbidden():
    with pytest.raises(Invalid) as caught:
        wire.decode(b'{"id":1,"amout":2}', Strict)
    assert (caught.value.field, caught.value.detail) == ("amout", "amout is not known here.")


@pytest.mark.parametrize(
    ("value", "field", "detail"),
    [
        ({"muni": "a\0"}, "muni", "muni: character 2 is a NUL."),
        ({"muni": "\udcff"}, "muni", "muni: character 1 is not UTF-8."),
        ({"muni": "é" * 10_001}, "muni", "muni has 10001 characters; at most 10000 are taken."),
        ({"rates": [Rate(Decimal(1)), Rate(Decimal(1), 2**63)]}, "rates[1].coa", None),
        ({"extra": {"a": [[], ["b\0"]]}}, "extra.a[1][0]", None),
        ({"extra": -(2**63) - 1}, "extra", "extra is out of range."),
        ({"extra": [date(1899, 12, 31)]}, "extra[0]", None),
        ({"extra": date(999, 1, 1)}, "extra", None),
        (
            {"extra": date(3000, 1, 1)},
            "extra",
            "extra: 3000-01-01 is not of the years 1900 to 2999.",
        ),
    ],
    ids=lambda part: str(part)[:40],
)
def test_a_member_that_no_column_holds_is_named(value, field, detail):
    with pytest.raises(Invalid) as caught:
        wire.refuse_unfit(Tariff("x", **value))
    assert caught.value.field == field
    assert detail in (None, caught.value.detail)


def test_what_a_column_holds_is_fit():
    rate = Rate(Decimal("1e39"), 2**63 - 1)
    wire.refuse_unfit(Tariff("é" * 10_000, rates=[rate], extra=-(2**63), muni="\U0001f600\n"))
    wire.refuse_unfit(Tariff("0001-01-01", extra=[date(1900, 1, 1), date(2999, 12, 31)]))


@pytest.mark.parametrize(
    "text",
    [
        '"1.5"',
        '"NaN"',
        '"Infinity"',
        '"-inf"',
        '"sNaN1"',
        '"1_000"',
        '"１２"',
        '" 1 "',
        '"1e5"',
        '"\\u0031"',
        '""',
    ],
)
def test_a_number_in_quotation_marks_is_no_number(text):
    with pytest.raises(Invalid) as caught:
        wire.decode(f'{{"rate":{text}}}'.encode(), Rate)
    assert caught.value.field == "rate"


@pytest.mark.parametrize(
    "number",
    ["1e41", "-1e999999999", "1e-999999999", "1e99999999999999999999", "9" * 5000, "0e-99"],
    ids=lambda number: number[:12],
)
def test_a_number_out_of_all_bounds_is_refused(number):
    for body in (
        f'{{"portal":"x","taxes":{{"a":{number}}}}}',
        f'{{"portal":"x","extra":{number}}}',
    ):
        with pytest.raises(Invalid):
            wire.decode(body.encode(), Tariff)
    with pytest.raises(Invalid):
        wire.decode(f'{{"id":{number}}}'.encode(), Strict)


@pytest.mark.parametrize(
    ("number", "written"),
    [
        ("10.000", b"10"),
        ("0.450", b"0.45"),
        ("1E+2", b"100"),
        ("1E-7", b"0.0000001"),
        ("100", b"100"),
        ("0.042951", b"0.042951"),
        ("-12.50", b"-12.5"),
        ("-0.00", b"0"),
        ("0E+3", b"0"),
        ("123456789012345678.123456789012345678", b"123456789012345678.123456789012345678"),
    ],
)
def test_a_decimal_is_a_plain_number(number, written):
    assert wire.encode(Decimal(number)) == written


def test_decimals_are_written_wherever_they_stand():
    value = {
        "struct": Tariff("x", [Rate(Decimal("1.10"))], bounds=(Decimal("0.0"), Decimal("1E+1"))),
        "tuple": (Decimal("1.50"), [(Decimal("2.0"), {"a": Decimal("3.00")})]),
        "others": [1, None, True, "1.50", 10**30],
        "stored": msgspec.Raw(b'{"kept":1.50}'),
    }
    assert wire.encode(value) == (
        b'{"struct":{"portal":"x","rates":[{"rate":1.1,"coa":4005,"tier":"B1"}],"bounds":[0,10]},'
        b'"tuple":[1.5,[[2,{"a":3}]]],'
        b'"others":[1,null,true,"1.50",1000000000000000000000000000000],'
        b'"stored":{"kept":1.50}}'
    )


def test_encoding_leaves_its_value_alone():
    value = {"a": [Decimal("1.50")]}
    wire.encode(value)
    assert value == {"a": [Decimal("1.50")]}


def test_a_datetime_that_was_not_formatted_loses_nothing():
    at = datetime(2019, 4, 5, 17, 30, 0, 123456, tzinfo=UTC)
    assert wire.decode(wire.encode(at), datetime) == at


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "sNaN"])
def test_what_is_no_number_is_never_written(number):
    with pytest.raises(ValueError, match="not a JSON number"):
        wire.encode([Decimal(number)])


def test_100000_decimals_survive_the_round_trip():
    rng = random.Random(18)  # noqa: S311
    numbers = [
        Decimal((rng.randrange(2), tuple(rng.choices(range(10), k=rng.randint(1, 18))), exponent))
        for exponent in rng.choices(range(-18, 4), k=100_000)
    ]
    written = wire.encode(numbers)
    assert b"E" not in written
    assert wire.decode(written, list[Decimal]) == numbers
    for number, text in zip(numbers[:2000], written[1:-1].split(b","), strict=False):
        assert Decimal(text.decode()) == number


@given(
    st.decimals(
        min_value=-(10**20), max_value=10**20, allow_nan=False, allow_infinity=False
    ).filter(lambda number: number.as_tuple().exponent >= -40)
)
def test_any_decimal_survives_the_round_trip(number):
    written = wire.encode({"rate": number})
    assert wire.decode(written, Rate).rate == number
    assert json.loads(written, parse_float=Decimal)["rate"] == number


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["portal", "rates", "rate"]), inner)
    ),
)


@given(_values | st.fixed_dictionaries({"portal": st.text(min_size=1), "extra": _values}))
def test_any_json_is_taken_or_refused(value):
    try:
        tariff = wire.decode(json.dumps(value).encode(), Tariff)
    except Refusal:
        return
    assert tariff.portal == value["portal"]


@given(
    st.binary(max_size=60) | st.text(alphabet='{}[]",:0123456789eE.-\\u truefalsn').map(str.encode)
)
def test_any_bytes_are_taken_or_refused(raw):
    for shape in (Tariff, Rate, object, list[Decimal]):
        try:
            wire.decode(raw, shape)
        except Refusal as refusal:
            assert refusal.detail  # noqa: PT017


def test_every_missing_member_of_a_body_is_named_at_once() -> None:
    class Wanted(msgspec.Struct):
        portal: str
        rate: Decimal
        begins: str = msgspec.field(name="from")
        note: str = ""

    with pytest.raises(Invalid, match=r"^rate, from are missing\.$") as refused:
        wire.decode(b'{"portal": "x"}', Wanted)
    assert refused.value.field == "rate"


async def each(rows: list[Any]) -> AsyncIterator[Any]:
    for row in rows:
        yield row


@pytest.mark.parametrize("rows", [[], [1], [Decimal("1.50"), {"a": [None]}, "é\n"]])
async def test_a_list_in_pieces_is_the_list(rows):
    told = b"".join([piece async for piece in wire.pieces(each(rows))])
    assert told == wire.encode(rows) == bytes(await wire.encode_each(each(rows)))


@given(st.lists(st.tuples(st.sampled_from(["", 'a"b', "é", "\\"]), st.integers())))
def test_rows_grouped_in_pieces_are_an_object_of_lists(rows):
    rows.sort(key=lambda row: row[0])
    groups: dict[str, list[int]] = {}
    for key, row in rows:
        groups.setdefault(key, []).append(row)

    async def told() -> bytes:
        return b"".join([piece async for piece in wire.grouped_pieces(each(rows))])

    assert asyncio.run(told()) == wire.encode(groups)
