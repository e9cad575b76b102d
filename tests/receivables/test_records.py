"""Records of arrears without a database: what is read, signed and unsigned, and what is refused."""

from collections.abc import AsyncIterator
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from currant.errors import Invalid
from currant.receivables.records import ArrearsReader, plan_of

ZONE = ZoneInfo("America/New_York")
HEADER = "account,startdate,amount,paid,payplan\n"


async def chunks(*rows: str) -> AsyncIterator[bytes]:
    yield (HEADER + "\n".join(rows)).encode()


async def test_a_negative_amount_is_read_where_it_is_asked_for() -> None:
    """The file that the document shows for adjustments (J30)."""
    rows = ("03284,,10.25,,", "03285,2019-04-04T10:14:00-04:00,-100,25,12.5%")
    reader = ArrearsReader(ZONE, "USD", signed=True)
    credit, debt = await reader.records(chunks(*rows))
    assert (credit.key, credit.amount, credit.paid) == ("03284", Decimal("10.25"), 0)
    assert (credit.start_at, credit.pay_plan) == (None, 100)
    assert (debt.number, debt.key, debt.amount, debt.paid) == (2, "03285", -100, 25)
    assert debt.pay_plan == Decimal("12.5")
    assert debt.start_at is not None
    assert debt.start_at.isoformat() == "2019-04-04T14:14:00+00:00"
    assert not reader.nonstandard
    with pytest.raises(Invalid) as raised:
        await ArrearsReader(ZONE, "USD").records(chunks(*rows))
    assert "record 2, amount: '-100' is negative" in told(raised)


def told(raised: pytest.ExceptionInfo[Invalid]) -> str:
    return f"{raised.value} {'; '.join(map(str, raised.value.faults))}"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("03284,,0,,", "record 1, amount: is zero"),
        ("03284,,-0.00,,", "record 1, amount: is zero"),
        ("03284,,+5,,", "record 1, amount: '+5'"),
        ("03284,,-5,5.01,", "record 1, paid: is more than the amount"),
        ("03284,,-5,-1,", "record 1, paid: '-1' is negative"),
        ("03284,,-5,,25", "record 1, payplan: '25'"),
        (",,-5,,", "record 1, account: is blank"),
        ("03284,2019-04-04,-5,,", "record 1, startdate: '2019-04-04'"),
    ],
)
async def test_what_no_signed_record_is(row: str, words: str) -> None:
    with pytest.raises(Invalid) as raised:
        await ArrearsReader(ZONE, "USD", signed=True).records(chunks(row))
    assert words in told(raised)
    assert len(raised.value.faults) == 1


async def test_a_timestamp_of_the_seeds_layout_is_noted() -> None:
    reader = ArrearsReader(ZONE, "USD")
    (record,) = await reader.records(chunks("03284,2018-07-23T00:00:00Z04:00,100.00,0.00,100%"))
    assert record.start_at is not None
    assert record.start_at.isoformat() == "2018-07-23T04:00:00+00:00"
    assert reader.nonstandard


@pytest.mark.parametrize(
    ("text", "plan"),
    [
        ("25%", "25"), ("12.5%", "12.5"), ("0.01%", "0.01"), ("100%", "100"), ("0%", None),
        ("100.01%", None), ("25", None), ("-5%", None), ("12.345%", None), ("", None),
    ],
)  # fmt: skip
def test_payment_plans(text: str, plan: str | None) -> None:
    assert plan_of(text) == (None if plan is None else Decimal(plan))
