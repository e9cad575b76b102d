import random
import re
import string
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from currant.clock import (
    FrozenClock,
    SystemClock,
    day_bounds,
    format_instant,
    format_set,
    parse_day,
    parse_end,
    parse_instant,
    parse_month,
)
from currant.errors import Invalid

NEW_YORK = ZoneInfo("America/New_York")
SYDNEY = ZoneInfo("Australia/Sydney")
LONDON = ZoneInfo("Europe/London")
ZULU = ZoneInfo("UTC")
ZONES = [
    NEW_YORK,
    SYDNEY,
    LONDON,
    ZULU,
    *map(
        ZoneInfo,
        [
            "America/Sao_Paulo",
            "America/Havana",
            "America/St_Johns",
            "Asia/Beirut",
            "Asia/Kathmandu",
            "Africa/Johannesburg",
            "Australia/Lord_Howe",
            "Pacific/Apia",
            "Pacific/Auckland",
            "Africa/Cairo",
        ],
    ),
]


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


def test_the_system_clock_tells_utc():
    before = datetime.now(UTC)
    now = SystemClock().now()
    assert before <= now <= datetime.now(UTC)
    assert now.utcoffset() == timedelta(0)


def test_a_frozen_clock_moves_only_when_told():
    clock = FrozenClock(datetime(2019, 4, 5, 13, 30, tzinfo=timezone(timedelta(hours=-4))))
    assert clock.now() == utc(2019, 4, 5, 17, 30)
    assert clock.now().tzinfo is UTC
    clock.advance(timedelta(hours=1))
    assert clock.now() == utc(2019, 4, 5, 18, 30)
    clock.set(utc(2020, 1, 1))
    assert clock.now() == utc(2020, 1, 1)
    with pytest.raises(ValueError, match="aware"):
        clock.set(datetime(2020, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("text", "at", "echo"),
    [
        ("2019-05-01T00:00:00Z", utc(2019, 5, 1), "2019-05-01T00:00:00Z"),
        ("2019-05-01t00:00:00z", utc(2019, 5, 1), "2019-05-01T00:00:00Z"),
        ("2019-05-01T00:00:00+00:00", utc(2019, 5, 1), "2019-05-01T00:00:00+00:00"),
        ("2019-05-01T00:00:00-00:00", utc(2019, 5, 1), "2019-05-01T00:00:00-00:00"),
        ("2019-04-04T10:14:00-04:00", utc(2019, 4, 4, 14, 14), "2019-04-04T10:14:00-04:00"),
        ("2020-02-29T23:59:59+23:59", utc(2020, 2, 29, 0, 0, 59), "2020-02-29T23:59:59+23:59"),
        ("2019-01-01T00:00:00-23:59", utc(2019, 1, 1, 23, 59), "2019-01-01T00:00:00-23:59"),
        ("2019-01-01T00:00:00.5Z", utc(2019, 1, 1, 0, 0, 0, 500000), "2019-01-01T00:00:00Z"),
        (
            "2019-01-01T00:00:00.1234569999999999999999+01:00",
            utc(2018, 12, 31, 23, 0, 0, 123456),
            "2019-01-01T00:00:00+01:00",
        ),
        ("9999-12-31T23:59:59Z", utc(9999, 12, 31, 23, 59, 59), "9999-12-31T23:59:59Z"),
    ],
)
def test_rfc_3339(text, at, echo):
    instant = parse_instant(text, NEW_YORK)
    assert (instant.at, instant.echo, instant.nonstandard) == (at, echo, False)
    assert instant.at.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "zone", "echo"),
    [
        ("2017-11-16T07:00:00Z04:00", NEW_YORK, "2017-11-16T07:00:00-04:00"),
        ("2018-07-23T00:00:00Z04:00", NEW_YORK, "2018-07-23T00:00:00-04:00"),
        ("2017-11-16T07:00:00Z11:00", SYDNEY, "2017-11-16T07:00:00+11:00"),
        ("2017-11-16T07:00:00Z04:00", ZULU, "2017-11-16T07:00:00-04:00"),
        ("2017-07-16T07:00:00Z01:00", LONDON, "2017-07-16T07:00:00+01:00"),
        ("2017-12-16T07:00:00Z01:00", LONDON, "2017-12-16T07:00:00-01:00"),
        ("2017-11-16T07:00:00.25Z04:00", NEW_YORK, "2017-11-16T07:00:00-04:00"),
        ("2017-11-16T07:00:00Z+04:00", NEW_YORK, "2017-11-16T07:00:00+04:00"),
        ("2017-11-16T07:00:00Z-04:00", SYDNEY, "2017-11-16T07:00:00-04:00"),
    ],
)
def test_the_layout_of_the_seed(text, zone, echo):
    instant = parse_instant(text, zone)
    assert instant.nonstandard
    assert instant.echo == echo
    assert instant.at.replace(microsecond=0) == datetime.fromisoformat(echo)
    assert instant.offset == datetime.fromisoformat(echo).utcoffset()


def test_in_a_query_a_blank_is_the_plus_it_was():
    for text in ("2019-03-08T23:59:59 10:00", "2019-03-08T23:59:59Z 10:00"):
        assert parse_instant(text, NEW_YORK, query=True).at == utc(2019, 3, 8, 13, 59, 59)
        with pytest.raises(Invalid):
            parse_instant(text, NEW_YORK)
    unchanged = parse_instant("2019-03-08T23:59:59-04:00", NEW_YORK, query=True)
    assert unchanged.at == utc(2019, 3, 9, 3, 59, 59)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not an RFC 3339"),
        ("2019-04-04", "not an RFC 3339"),
        ("2019-04-04 10:14:00Z", "not an RFC 3339"),
        ("2019-04-04T10:14Z", "not an RFC 3339"),
        ("20190404T101400Z", "not an RFC 3339"),
        ("2019-4-4T10:14:00Z", "not an RFC 3339"),
        ("2019-04-04T10:14:00,5Z", "not an RFC 3339"),
        ("2019-04-04T10:14:00.Z", "not an RFC 3339"),
        ("2019-04-04T10:14:00+0400", "not an RFC 3339"),
        ("2019-04-04T10:14:00+4:00", "not an RFC 3339"),
        ("2019-04-04T10:14:00+24:00", "not an RFC 3339"),
        ("2019-04-04T10:14:00+04:60", "not an RFC 3339"),
        ("2019-04-04T10:14:0004:00", "not an RFC 3339"),
        ("2019-04-04T10:14:00Z ", "not an RFC 3339"),
        ("2019-04-04T10:14:00Z\n", "not an RFC 3339"),
        (" 2019-04-04T10:14:00Z", "not an RFC 3339"),
        ("２０19-04-04T10:14:00Z", "not an RFC 3339"),
        ("2019-04-04T10:14:00−04:00", "not an RFC 3339"),
        ("+2019-04-04T10:14:00Z", "not an RFC 3339"),
        ("1555000000", "not an RFC 3339"),
        ("2019-04-04T10:14:00", "no offset from UTC"),
        ("2019-04-04T10:14:00.123", "no offset from UTC"),
        ("2019-02-29T10:14:00Z", "does not exist: day"),
        ("2019-13-01T10:14:00Z", "does not exist: month"),
        ("2019-00-01T10:14:00Z", "does not exist: month"),
        ("0000-01-01T00:00:00Z", "does not exist: year"),
        ("2019-04-04T24:00:00Z", "does not exist: hours"),
        ("2019-04-04T10:60:00Z", "does not exist: minute"),
        ("2019-04-04T10:14:61Z", "does not exist: second"),
        ("2016-12-31T23:59:60Z", "leap second"),
        ("0001-01-01T00:00:00+00:01", "outside the years 1 to 9999"),
        ("9999-12-31T23:59:59-00:01", "outside the years 1 to 9999"),
    ],
)
def test_what_is_no_timestamp_is_refused_with_its_reason(text, reason):
    with pytest.raises(Invalid, match=reason):
        parse_instant(text, NEW_YORK)


def _valid(rng):
    """Write a random timestamp, and compute what it means by another way than the parser's."""
    local = datetime(1, 1, 3) + timedelta(seconds=rng.randrange(3652055 * 86400))  # noqa: DTZ001
    fraction = "".join(rng.choices(string.digits, k=rng.choice([0, 0, 1, 3, 6, 9, 20])))
    minutes = rng.choice([0, 600, -240, 345, rng.randint(-1439, 1439)])
    offset = "Z" if minutes == 0 and rng.random() < 0.5 else _offset(minutes)
    text = f"{local:%H:%M:%S}{'.' if fraction else ''}{fraction}{offset}"
    text = f"{local.year:04}-{local:%m-%d}T{text}"
    micros = int(fraction[:6].ljust(6, "0"))
    at = local.replace(tzinfo=UTC) - timedelta(minutes=minutes) + timedelta(microseconds=micros)
    return text, at


def _offset(minutes):
    return f"{'+' if minutes >= 0 else '-'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


# The date-time of RFC 3339 5.6, written from its grammar; calendar and leap seconds apart.
_GRAMMAR = re.compile(
    r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]"
    r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)


def _may_be_valid(text):
    if not _GRAMMAR.fullmatch(text):
        return False
    try:
        date(int(text[:4]), int(text[5:7]), int(text[8:10]))
    except ValueError:
        return False
    return True


def test_20000_valid_timestamps_are_read_exactly():
    rng = random.Random(3339)  # noqa: S311
    for _ in range(20_000):
        text, at = _valid(rng)
        instant = parse_instant(text, NEW_YORK)
        assert instant.at == at, text
        assert instant.echo[:19] == text[:19]
        assert not instant.nonstandard


def test_20000_mutated_timestamps_are_read_only_where_the_grammar_allows_it():
    rng = random.Random(20_000)  # noqa: S311
    alphabet = string.digits + "TtZz+-:. \n\0,−１"
    refused = 0
    for _ in range(20_000):
        characters = list(_valid(rng)[0])
        for _ in range(rng.randint(1, 3)):
            place = rng.randrange(len(characters))
            match rng.randrange(4):
                case 0:
                    characters[place] = rng.choice(alphabet)
                case 1:
                    characters.insert(place, rng.choice(alphabet))
                case 2 if len(characters) > 1:
                    del characters[place]
                case _:
                    characters = characters[:place] or ["-"]
        text = "".join(characters)
        try:
            instant = parse_instant(text, NEW_YORK)
        except Invalid as refusal:
            reason = refusal.detail
        else:
            reason = ""
            assert instant.nonstandard or _may_be_valid(text), text
        assert not (reason and _may_be_valid(text)) or "outside the years" in reason, text
        refused += reason != ""
    assert 10_000 < refused < 20_000


@given(st.text(max_size=40), st.sampled_from(ZONES), st.booleans())
def test_any_text_is_a_timestamp_or_refused(text, zone, query):
    with pytest.raises(Invalid):
        parse_instant(text, zone, query=query)


@pytest.mark.parametrize(
    ("at", "zone", "text"),
    [
        (utc(2019, 1, 1, 5), NEW_YORK, "2019-01-01T00:00:00-05:00"),
        (utc(2019, 7, 1, 4), NEW_YORK, "2019-07-01T00:00:00-04:00"),
        (utc(2019, 7, 1), ZULU, "2019-07-01T00:00:00+00:00"),
        (utc(2019, 7, 1, 0, 0, 0, 999999), ZULU, "2019-07-01T00:00:00+00:00"),
        (utc(2019, 7, 1), timezone(timedelta(hours=-3)), "2019-06-30T21:00:00-03:00"),
        (utc(800, 1, 1, 12), ZULU, "0800-01-01T12:00:00+00:00"),
        (utc(1850, 1, 1), NEW_YORK, "1849-12-31T19:03:00-04:57"),
        (utc(9999, 12, 31, 23, 59, 59), SYDNEY, "9999-12-31T23:59:59+00:00"),
        (utc(1, 1, 1), NEW_YORK, "0001-01-01T00:00:00+00:00"),
    ],
)
def test_format_instant(at, zone, text):
    assert format_instant(at, zone) == text


@given(
    st.datetimes(timezones=st.just(UTC)).map(lambda at: at.replace(microsecond=0)),
    st.sampled_from(ZONES),
)
@settings(max_examples=300)
def test_every_instant_reads_back(at, zone):
    text = format_instant(at, zone)
    assert _GRAMMAR.fullmatch(text)
    assert parse_instant(text, zone).at == at


def test_a_naive_datetime_is_never_written():
    with pytest.raises(ValueError, match="aware"):
        format_instant(datetime(2019, 1, 1), NEW_YORK)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        (NEW_YORK, "1970-01-01T00:00:00-05:00"),
        (SYDNEY, "1970-01-01T00:00:00+10:00"),
        (LONDON, "1970-01-01T00:00:00+01:00"),
        (ZULU, "1970-01-01T00:00:00+00:00"),
    ],
)
def test_what_was_never_set_is_the_local_midnight_that_begins_1970(zone, text):
    assert format_set(None, zone) == text
    at = datetime(2019, 7, 1, 12, tzinfo=UTC)
    assert format_set(at, zone) == format_instant(at, zone)


def test_parse_day():
    assert parse_day("2020-02-29") == date(2020, 2, 29)
    assert [parse_day("1900-01-01").year, parse_day("2999-12-31").year] == [1900, 2999]


@pytest.mark.parametrize("text", ["0001-01-01", "1899-12-31", "3000-01-01", "9999-12-31"])
def test_days_are_of_the_years_that_are_taken(text):
    with pytest.raises(Invalid, match="1900 to 2999"):
        parse_day(text)
    with pytest.raises(Invalid, match="1900 to 2999"):
        parse_end(text, SYDNEY)
    with pytest.raises(Invalid, match="1900 to 2999"):
        parse_month(text[:7])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2019-02-29",
        "0000-00-00",
        "20190404",
        "2019-W01-1",
        "2019-1-1",
        "2019-01-01 ",
        "٢019-01-01",
    ],
)
def test_what_is_no_day_is_refused(text):
    with pytest.raises(Invalid, match=r"YYYY-MM-DD|does not exist"):
        parse_day(text)


@pytest.mark.parametrize(
    ("day", "zone", "start", "hours"),
    [
        (date(2019, 1, 1), NEW_YORK, utc(2019, 1, 1, 5), 24),
        (date(2019, 3, 10), NEW_YORK, utc(2019, 3, 10, 5), 23),
        (date(2019, 11, 3), NEW_YORK, utc(2019, 11, 3, 4), 25),
        (date(2019, 4, 7), SYDNEY, utc(2019, 4, 6, 13), 25),
        (date(2018, 11, 4), ZoneInfo("America/Sao_Paulo"), utc(2018, 11, 4, 3), 23),
        (date(2018, 11, 4), ZoneInfo("America/Havana"), utc(2018, 11, 4, 4), 25),
        (date(2011, 12, 30), ZoneInfo("Pacific/Apia"), utc(2011, 12, 30, 10), 0),
    ],
)
def test_day_bounds(day, zone, start, hours):
    assert day_bounds(day, zone) == (start, start + timedelta(hours=hours))


@pytest.mark.parametrize("zone", ZONES, ids=str)
def test_the_days_of_a_zone_follow_each_other(zone):
    day = date(2010, 12, 31)
    _, end = day_bounds(day, zone)
    while day < date(2024, 1, 2):
        day += timedelta(days=1)
        start, following = day_bounds(day, zone)
        assert start == end
        assert start.tzinfo is UTC
        assert start == following or start.astimezone(zone).date() == day
        end = following


def test_the_first_and_the_last_day_have_bounds():
    assert day_bounds(date.max, SYDNEY)[1] == datetime.max.replace(tzinfo=UTC)
    assert day_bounds(date.min, SYDNEY)[0] == datetime.min.replace(tzinfo=UTC)
