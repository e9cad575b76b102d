"""Who may call what: the table of docs/compat/juice.md against the declarations and the server."""

import re
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
from tests.conformance.juice.examples import EXAMPLES, Example
from tests.conftest import make_user, token_header

from currant.access.model import OPERATOR, Actor, CreateAlias
from currant.access.verbs import create_alias
from currant.api.juice.app import ROUTES
from currant.api.juice.openapi import juice_document, permissions_of
from currant.door import Door

PAGE = Path(__file__).parents[3] / "docs" / "compat" / "juice.md"
ROLES = (
    "VENDOR", "VENDORADM", "CSR", "CSR2", "CSR3", "ComMGR", "Engineer", "Accounting", "SysAdmin",
)  # fmt: skip
HEAD = ("", "endpoint", "needs", "anybody", *ROLES)
MAY = "●"

Table = dict[str, dict[str, bool]]  # by the number of an endpoint, by who calls


def endpoints() -> Iterator[tuple[str, str, str]]:
    """The number, method and path of every endpoint, in the order of the document."""
    document = juice_document(ROUTES, public_meter_list=True)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield operation["operationId"], method.upper(), path


def example_of(method: str, path: str) -> Example:
    """A documented request to an endpoint."""
    known = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))
    return next(
        example
        for example in EXAMPLES
        if example.method == method and known.fullmatch(example.target.partition("?")[0])
    )


def page_of(table: Table) -> str:
    """The table as the page has it."""
    needed = permissions_of(ROUTES)
    lines = [f"| {' | '.join(HEAD)} |", "|" + "---|" * 3 + ":-:|" * (len(HEAD) - 3)]
    for number, method, path in sorted(endpoints()):
        needs = {"": "a user", "public": "nothing"}.get(needed[number], f"`{needed[number]}`")
        if number == "J32":
            needs += ", for one's own a user"
        cells = [MAY if table[number][caller] else "" for caller in HEAD[3:]]
        lines.append(f"| {number} | `{method} {path}` | {needs} | {' | '.join(cells)} |")
    return "\n".join(lines)


async def declared(owner: asyncpg.Connection) -> Table:
    """Who may call what by what the endpoints declare and the roles' default permissions."""
    rows = await owner.fetch("select role, permission from access.role_permission")
    held = {(row["role"], row["permission"]) for row in rows}
    return {
        number: {"anybody": permission == "public"}
        | {role: permission in ("", "public") or (role, permission) in held for role in ROLES}
        for number, permission in permissions_of(ROUTES).items()
    }


async def observed(http: httpx.AsyncClient, callers: dict[str, Actor]) -> Table:
    """Who may call what by what the server answers to the documented requests."""
    table: Table = {}
    for number, method, path in endpoints():
        example = example_of(method, path)
        table[number] = {}
        for caller in HEAD[3:]:
            headers = {} if caller == "anybody" else token_header(callers[caller])
            answer = await http.request(
                method,
                "/",
                content=None if example.body is None else example.body.encode(),
                headers=headers,
                extensions={"target": example.target.encode()},
            )
            told = answer.json()
            lacks = answer.status_code == 403 and " lacks " in told["error_message"]
            assert lacks or answer.status_code != 403, f"{number} {caller}: {told}"
            assert (answer.status_code == 401) == (told["error"] == 100)
            table[number][caller] = not lacks and answer.status_code != 401
    return table


def test_every_endpoint_declares_what_it_asks_for() -> None:
    numbers = [number for number, _, _ in endpoints()]
    assert sorted(numbers) == [f"J{n:02d}" for n in range(1, 38)]
    assert [route.operation_class.number for route in ROUTES if not route.operation_class.asks] == [
        "J01"
    ]


def test_the_page_names_the_verb_of_every_endpoint() -> None:
    """J01 asks no verb: the door itself knows whether the database answers."""
    rows = re.findall(
        r"^\| (J\d\d) \| `[^`]+` \| ([^|]+) \|", PAGE.read_text("utf-8"), re.MULTILINE
    )
    told = dict(reversed(rows))  # The first of its tables counts.
    names = {
        route.operation_class.number: [
            f"`{verb.__module__.split('.')[1]}.{verb.__name__}`"
            for verb in route.operation_class.asks
        ]
        or ["`door.alive`"]
        for route in ROUTES
    }
    assert told == {number: ", ".join(verbs) for number, verbs in names.items()}


async def test_the_table_is_what_is_declared_and_what_the_server_does(
    http: httpx.AsyncClient, door: Door, owner: asyncpg.Connection, portal: str
) -> None:
    for spelling in ("test", "examlpe"):
        await door.act(create_alias, CreateAlias(spelling), OPERATOR.at(portal))
    callers = {role: await make_user(door, portal, role.lower(), role) for role in ROLES}
    expected = await declared(owner)
    found = await observed(http, callers)
    assert found == expected
    assert page_of(expected) in PAGE.read_text(encoding="utf-8"), (
        f"The table of {PAGE.name} is not what is declared. It is:\n{page_of(expected)}"
    )


async def test_what_a_user_is_given_or_taken_counts_not_the_role(
    http: httpx.AsyncClient, door: Door, owner: asyncpg.Connection, portal: str
) -> None:
    vendor = await make_user(door, portal, "vendor", "VENDOR")
    await owner.execute(
        "insert into access.user_permission (user_id, permission, granted) "
        "select user_id, p, g from access.system_user, "
        "(values ('meter.view', true), ('wallet.view', false)) as v (p, g) where login = 'vendor'"
    )
    for path, status in (
        ("/meters/get-meter?portal=example&serialnumber=X", 404),
        ("/customers/wallet/get-value?portal=example&account=00001", 403),
        ("/customers/get-customer?portal=example&account=00001", 404),
    ):
        answer = await http.get(path, headers=token_header(vendor))
        assert answer.status_code == status, answer.text
