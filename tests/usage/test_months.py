"""Usage spread over days and months: whole units that add up."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from currant.usage.months import Segment, by_day, by_month, within

DAYS = st.dates(date(1999, 1, 1), date(2100, 1, 1))
SECOND = timedelta(seconds=1)
WH = st.integers(-(10**9), 10**12)


@given(DAYS, st.integers(0, 800), WH)
def test_days_add_up_to_months_and_months_to_the_usage(before, many, quantity) -> None:
    """INV-11, and each month and day within one unit of its even share."""
    segment = Segment(before, before + timedelta(days=many), quantity)
    months, days = by_month(segment), by_day(segment)
    assert sum(share.quantity for share in months) == quantity == sum(wh for _, wh in days)
    assert sum(share.days for share in months) == many
    for share in months:
        of_days = [wh for day, wh in days if (day.year, day.month) == share.month.timetuple()[:2]]
        assert sum(of_days) == share.quantity
        assert max(of_days) - min(of_days) <= 1
        if many:
            assert abs(share.quantity * many - quantity * share.days) < many
    if many:
        assert [day for day, _ in days] == [before + timedelta(days=n + 1) for n in range(many)]
    else:
        assert [day for day, _ in days] == [before]


@given(st.sets(st.integers(0, 10**6), min_size=2, max_size=6), WH)
def test_whoever_follows_one_another_at_a_site_has_all_that_passed(seconds, quantity) -> None:
    begin = datetime(2024, 7, 1, tzinfo=UTC)
    at = [begin + timedelta(seconds=second) for second in sorted(seconds)]
    passed = (at[0], at[-1])
    parts = [within(quantity, passed, span) for span in pairwise(at)]
    assert sum(parts) == quantity
    for part, (start, end) in zip(parts, pairwise(at), strict=True):
        share = quantity * ((end - start) // SECOND)
        assert abs(part * ((at[-1] - at[0]) // SECOND) - share) <= (at[-1] - at[0]) // SECOND
