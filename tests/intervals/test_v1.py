"""Interval data over HTTP."""

import pytest
from tests.basicreads.test_nem13 import nem13, pair
from tests.conftest import token_header
from tests.intervals.files import building, day, nem12, stream

ROOT = "/v1/example/intervals"


@pytest.fixture
async def head(boss, owner) -> dict[str, str]:
    await building(owner)
    return token_header(boss)


async def test_a_file_is_posted_and_its_days_are_listed(http, head) -> None:
    raw = nem12(
        stream(), *(day(f"202602{n:02}") for n in range(1, 6)), stream(suffix="B1"),
        day("20260201", "0.5"),
    )  # fmt: skip
    url = f"{ROOT}?building=B1&name=feb.csv"
    key = {"Idempotency-Key": "feb"}
    done = await http.post(url, content=raw, headers=head | key)
    assert done.status_code == 200, done.text
    told = done.json()
    assert (told["days"], told["stored"], told["sites"], told["streams"]) == (6, 6, 1, 2)
    assert (await http.post(url, content=raw, headers=head | key)).json() == told
    again = (await http.post(ROOT, content=raw, headers=head)).json()
    assert (again["stored"], again["duplicates"]) == (0, 6)
    span = f"{ROOT}?from=2026-02-01&to=2026-02-28&nmi=4100000001"
    page = (await http.get(f"{span}&limit=4", headers=head)).json()
    rest = (await http.get(f"{span}&limit=4&cursor={page['next']}", headers=head)).json()
    rows = page["data"] + rest["data"]
    assert [(row["datastream"], row["day"]) for row in rows] == [
        ("B1", "2026-02-01"), *(("E1", f"2026-02-0{n}") for n in range(1, 6)),
    ]  # fmt: skip
    assert rest["next"] is None
    assert (rows[0]["total"], rows[0]["quantities"]) == (24_000, [500] * 48)
    one = (await http.get(f"{span}&datastream=B1&serial_number=M1", headers=head)).json()
    assert one["data"] == rows[:1]
    files = (await http.get(f"{ROOT}/files", headers=head)).json()["data"]
    assert [(file["name"], file["stored"]) for file in files] == [("", 0), ("feb.csv", 6)]


async def test_what_is_missing_and_what_could_not_be_placed(http, head) -> None:
    raw = nem12(stream(), day("20260201"), day("20260204"))
    await http.post(f"{ROOT}?building=B1", content=raw, headers=head)
    span = "from=2026-02-01&to=2026-02-04"
    (gap,) = (await http.get(f"{ROOT}/gaps?{span}&building=B1", headers=head)).json()["data"]
    assert (gap["kind"], gap["from_day"], gap["days"]) == ("MISSING", "2026-02-02", 2)
    raw = nem12(stream("4199999999"), day("20260201"))
    told = (await http.post(ROOT, content=raw, headers=head)).json()
    assert (told["faults"], told["unplaced"][0]["reason"]) == (1, "NOSITE")
    faults = await http.get(f"{ROOT}/files/{told['file_id']}/faults", headers=head)
    assert faults.json()["data"] == told["unplaced"]
    refused = await http.post(f"{ROOT}?on_error=rollback", content=raw, headers=head)
    assert (refused.status_code, refused.json()["faults"][0]["column"]) == (422, "NMI")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?on_error=maybe", 422), ("?create=perhaps", 422), ("?building=NONE", 404),
        ("?clock=Sydney", 422), ("?clock=%2B99:00", 422), (f"?name={'x' * 201}", 422),
        ("?clock=%2B08:00", 200), ("?create=true", 200),
    ],
)  # fmt: skip
async def test_parameters_are_checked(query, status, http, head) -> None:
    raw = nem12(stream(), day())
    done = await http.post(f"{ROOT}{query}", content=raw, headers=head)
    assert done.status_code == status, done.text


@pytest.mark.parametrize(
    "path",
    [
        "?from=2026-02-01", "?from=x&to=2026-02-01", "?from=2026-02-02&to=2026-02-01",
        "?from=2026-02-30&to=2026-03-01", "/gaps", "/gaps?from=2026-02-02&to=2026-02-01",
        "?from=2026-02-01&to=2026-02-02&cursor=x", "/files?limit=0",
    ],
)  # fmt: skip
async def test_questions_are_checked(path, http, head) -> None:
    asked = await http.get(f"{ROOT}{path}", headers=head)
    assert asked.status_code == 422, asked.text


async def test_a_bad_file_says_where(http, head) -> None:
    raw = nem12(stream(), day(quality="Q"))
    refused = await http.post(ROOT, content=raw, headers=head)
    assert refused.status_code == 422
    assert refused.json()["faults"] == [
        {"record": 3, "column": "QualityMethod", "reason": refused.json()["faults"][0]["reason"]}
    ]
    assert (await http.post(ROOT, content=b"\xff\xfe", headers=head)).status_code == 400
    assert (await http.post(ROOT, content=raw)).status_code == 401


async def test_files_are_written(http, head) -> None:
    raw = nem12(stream(), day("20260201"), day("20260202"))
    await http.post(f"{ROOT}?building=B1", content=raw, headers=head)
    span = "from=2026-02-01&to=2026-02-28"
    told = await http.get(f"{ROOT}/nem12?{span}&building=B1", headers=head)
    assert told.headers["content-type"] == "text/csv"
    again = (await http.post(ROOT, content=told.content, headers=head)).json()
    assert (again["stored"], again["duplicates"]) == (0, 2)
    assert (await http.get(f"{ROOT}/nem12?{span}&clock=x", headers=head)).status_code == 422
    reads = nem13(
        pair("100", "220", since="20260201000000", until="20260301000000", suffix="E1"),
        pair("5", "6", since="20260201000000", until="20260301000000", suffix="41"),
    )
    path = "/v1/example/reads/nem13"
    told = (await http.post(f"{path}?create=true", content=reads, headers=head)).json()
    assert (told["stored"], told["faults"], told["streams"]) == (2, 2, 1)
    assert "intervals" in told["unplaced"][0]["reason"]
    written = await http.get(f"{path}?from=2026-01-01&to=2026-03-31", headers=head)
    assert written.content.count(b"\r\n250,") == 1
    again = (await http.post(path, content=written.content, headers=head)).json()
    assert (again["stored"], again["duplicates"]) == (0, 2)
