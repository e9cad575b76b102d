"""The two ways through a CSV agree: as it is while it is plain, and record by record."""

import re
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.reads.meters import HEADER, line, spooled

from currant.errors import Fault, TooLarge
from currant.reads import delivery
from currant.reads.delivery import Delivery
from currant.reads.model import Format

ZONE = ZoneInfo("America/New_York")

SERIALS = st.sampled_from(["M1", "M 2", "0001", "ñ", "a\\b", "", " M1", "x" * 40])
TIMES = st.sampled_from(
    [
        "2026-02-01T00:00:00Z", "2026-01-31T23:59:59.999-05:00", "2026-02-28T12:00:00+05:30",
        "2026-02-29T00:00:00Z", "2024-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
        "2026-02-01T00:00:00Z05:00", "2026-02-01T24:00:00Z", "2026-02-01", "",
        "1899-01-01T00:00:00Z",
        "2026-02-01T00:00:00+14:00", "2026-02-01T00:00:00.1234567Z", "2026-02-01t00:00:00z",
    ]
)  # fmt: skip
NUMBERS = st.sampled_from(
    ["", "0", "1", "108.8", "000001.50", "123456789", "1234567890", "123456789012345",
     "1234567890123456", "5.", ".5", ".", "-1", "+1", "1e3", "NaN", "0.1234567", "1.2.3", "٣"]
)  # fmt: skip
STATES = st.sampled_from(["", "connected", "Disconnected", "CONNECTED", "pending", "on", "UNKNOWN"])
NAMES = st.sampled_from(["", "Main street 5", " led", "# no comment", "tail ", "it's"])


@st.composite
def records(draw: st.DrawFn) -> str:
    values = [draw(NUMBERS) for _ in range(5)]
    return ",".join([draw(NAMES), draw(SERIALS), draw(SERIALS), draw(TIMES), *values, draw(STATES)])


async def read(text: str, most: int = 50) -> tuple[str, list[Fault], int, int, list[str]]:
    """The lines without what is only carried along (name, device), and what was met on the way."""
    taken = Delivery(spooled(text.encode()), Format.CSV, ZONE, max_faults=most)
    raw = b"".join([lines async for lines in taken.lines()]).decode()
    told = re.sub(r"^(\d+)\t[^\t]*\t([^\t]*)\t[^\t]*", r"\1\t\2", raw, flags=re.MULTILINE)
    return told, taken.faults, taken.records, taken.refused, taken.warnings


@given(st.lists(records(), max_size=12))
@example(["a,M1,,2026-02-01T00:00:00Z,,1,,,,"] * 3 + ["#,M1,,2026-02-01T00:00:00Z,,1,,,,"])
async def test_a_plain_file_and_one_with_crs_say_the_same(lines: list[str]) -> None:
    text = "\n".join([HEADER, *lines, ""])
    plain = await read(text)
    assert plain == await read(text.replace("\n", "\r\n"))
    assert plain[2] == plain[0].count("\n") + plain[3]


async def test_blocks_of_any_size_are_numbered_through(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [line(f"M{n}", "2026-02-01T00:00:00Z", f"{n}") for n in range(1, 200)]
    lines[150] = line("M151", "yesterday", "1")
    text = "\n".join([HEADER, *lines])
    whole = await read(text)
    assert whole[1][0].record == 151
    for size in (60, 61, 500, 4096):
        monkeypatch.setattr(delivery, "_BLOCK", max(size, len(HEADER) + 1))
        assert await read(text) == whole
    numbers = [int(one.split("\t")[0]) for one in whole[0].splitlines()]
    assert numbers == [n for n in range(1, 200) if n != 151]


async def test_faults_are_kept_up_to_a_number_and_counted_beyond() -> None:
    lines = [line("M1", "x", "y"), "short", *[line("M1", "", "1")] * 9]
    _, faults, count, refused, _ = await read("\n".join([HEADER, *lines]), most=4)
    assert (count, refused) == (11, 11)
    assert [fault.record for fault in faults] == [1, 1, 2, 3]


async def test_a_json_of_too_many_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "MAX_RECORDS", 2)
    taken = Delivery(spooled(b"[{},{},{}]"), Format.JSON, ZONE, max_faults=5)
    with pytest.raises(TooLarge, match="2 records"):
        [lines async for lines in taken.lines()]
