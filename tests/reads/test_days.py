"""At the beginning of which day a read stands."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from currant.reads.days import dated, stands_at

SYDNEY = ZoneInfo("Australia/Sydney")
MIDNIGHT = datetime(2024, 7, 1, tzinfo=SYDNEY)


@pytest.mark.parametrize("later", [timedelta.resolution, timedelta(hours=10), timedelta(days=1)])
def test_a_read_stands_at_the_end_of_its_day(later: timedelta) -> None:
    at = MIDNIGHT + later
    assert stands_at(at, SYDNEY) == date(2024, 7, 2)
    assert dated(at, SYDNEY) == date(2024, 7, 1)


def test_a_read_of_midnight_is_of_the_day_that_ends_and_opens_the_next() -> None:
    assert stands_at(MIDNIGHT, SYDNEY) == stands_at(MIDNIGHT, SYDNEY, opens=True)
    assert dated(MIDNIGHT, SYDNEY) == date(2024, 6, 30)
    assert dated(MIDNIGHT, SYDNEY, opens=True) == date(2024, 7, 1)


def test_an_opening_read_stands_at_the_beginning_of_its_day() -> None:
    at = MIDNIGHT + timedelta(hours=10)
    assert stands_at(at, SYDNEY, opens=True) == dated(at, SYDNEY, opens=True) == date(2024, 7, 1)
