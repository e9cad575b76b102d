"""The documented examples of JuiceAPI: what is sent, and what is to be answered.

`examples.jsonl` holds one a line. `target` is the path with the query as it is sent, `type` the
content type of a body. `auth` is the Authorization header where the example shows its own, `none`,
or left out for the caller of the fixture. `answer` is the documented body with its errata mended.
What `volatile` points to is held against a pattern; numbers that a series gives out are not among
it, because the fixtures say where their series stand. Arrays in `unordered` are compared as
multisets. Keys that the document leaves out of some rows have to be in the very rows it shows.
"""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import msgspec

DOCUMENT = Path(__file__).parents[4] / "shared" / "spec" / "juice_examples.jsonl"
FORM = "application/x-www-form-urlencoded"
HEADERS = {
    "content-type": "application/json; charset=utf-8",
    "x-juice-media-type": "juice.v1",
    "cache-control": "max-age=0, private, must-revalidate",
    "x-content-type-options": "nosniff",
}
_HTTP_DATE = re.compile(
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) "
    r"\d{4} \d\d:\d\d:\d\d GMT"
)


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A documented request and its answer, on a fixture at an instant in a portal's zone."""

    name: str
    fixture: str
    clock: str
    zone: str
    method: str
    target: str
    status: int
    answer: Any
    auth: str = "caller"
    type: str | None = None
    body: str | None = None
    volatile: dict[str, str] = {}
    unordered: list[str] = []

    @property
    def is_json(self) -> bool:
        """Whether the body is JSON, not CSV."""
        return (self.body or "").startswith(("{", "["))

    @property
    def other_types(self) -> list[str | None]:
        """The content types that the same body is sent with besides the documented one."""
        own = "application/json" if self.is_json else "text/csv"
        return [kind for kind in (FORM, own, None) if kind != self.type]

    @property
    def has_members(self) -> bool:
        """Whether the body names members or columns that could stand in another order."""
        return self.is_json or "\n" in (self.body or "")

    def turned_round(self) -> "Example":
        """The same with the members of each object, or the columns, the other way round."""
        if self.is_json:
            body = json.dumps(reversed_members(json.loads(self.body or "")))
        else:
            rows = [row.split(",") for row in (self.body or "").split("\n")]
            body = "\n".join(",".join(reversed(row)) for row in rows)
        return msgspec.structs.replace(self, body=body)


def reversed_members(value: Any) -> Any:
    """Return a value with the members of each object in the opposite order."""
    if isinstance(value, dict):
        return {name: reversed_members(value[name]) for name in reversed(value)}
    return [reversed_members(item) for item in value] if isinstance(value, list) else value


def parsed(text: str | bytes) -> Any:
    """Read JSON with its numbers as they stand."""
    return json.loads(text, parse_float=Decimal)


def read_examples() -> list[Example]:
    """Read the examples, in the order of the document."""
    lines = Path(__file__).with_name("examples.jsonl").read_text(encoding="utf-8").splitlines()
    return [msgspec.convert(parsed(line), Example) for line in lines]


EXAMPLES = read_examples()


def faults(example: Example, answer: httpx.Response) -> list[str]:
    """List in what an answer is not the documented one; nothing is hoped for."""
    told = []
    if answer.status_code != example.status:
        told.append(f"status {answer.status_code}: {answer.text}")
    told += header_faults(answer)
    return told + differences(example, example.answer, parsed(answer.content))


def header_faults(answer: httpx.Response) -> list[str]:
    """List in what the headers are not those of every answer (conformance.md 1.1)."""
    reason = httpx.codes.get_reason_phrase(answer.status_code)
    wanted = HEADERS | {
        "status": f"{answer.status_code} {reason}",
        "content-length": str(len(answer.content)),
    }
    if answer.request.extensions["target"].startswith(b"/systemuser/token/generate"):
        wanted["cache-control"] += ", no-store"
    sent = {name: answer.headers.get_list(name) for name in wanted}
    told = [f"{name}: {sent[name]}" for name in wanted if sent[name] != [wanted[name]]]
    if not _HTTP_DATE.fullmatch(answer.headers.get("date", "")):
        told.append(f"date: {answer.headers.get_list('date')}")
    if "transfer-encoding" in answer.headers:
        told.append("transfer-encoding")
    return told


def differences(example: Example, wanted: Any, given: Any, at: str = "") -> list[str]:
    """List where a value is not the one that is wanted, by JSON pointers."""
    unlike = [f"{at or '/'}: {given!r}, not {wanted!r}"]
    if pattern := example.volatile.get(at):
        return [] if isinstance(given, str) and re.fullmatch(pattern, given) else unlike
    if isinstance(wanted, dict) and isinstance(given, dict):
        told = [f"{at}/{key}: is missing" for key in wanted if key not in given]
        told += [f"{at}/{key}: {given[key]!r}, not there" for key in given if key not in wanted]
        for key in wanted.keys() & given.keys():
            told += differences(example, wanted[key], given[key], f"{at}/{key}")
        return told
    if isinstance(wanted, list) and isinstance(given, list):
        if len(wanted) != len(given):
            return [f"{at}: {len(given)} items, not {len(wanted)}"]
        if at in example.unordered:
            return unmatched(example, wanted, given, at)
        told = []
        for place, (one, other) in enumerate(zip(wanted, given, strict=True)):
            told += differences(example, one, other, f"{at}/{place}")
        return told
    numbers = all(isinstance(v, int | Decimal) and not isinstance(v, bool) for v in (wanted, given))
    alike = wanted == given and (numbers or type(wanted) is type(given))
    return [] if alike else unlike


def unmatched(example: Example, wanted: list[Any], given: list[Any], at: str) -> list[str]:
    """List the items of an unordered array that are not there."""
    left = list(given)
    told = []
    for one in wanted:
        match = next((i for i in left if not differences(example, one, i, f"{at}/*")), None)
        if match is None:
            told.append(f"{at}: {one!r} is missing among {left!r}")
        else:
            left.remove(match)
    return told
