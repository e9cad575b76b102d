"""Every statement of every `queries.sql` against the database: law 4 of the architecture.

What a column is made of is not guessed from its text. Each statement becomes the body of a
temporary SQL function, and the query tree that PostgreSQL keeps of it says which column of which
table stands behind each answer, and which outer joins may put a NULL there.
"""

import importlib
import re
import types
import typing
from collections.abc import AsyncIterator, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from uuid import UUID

import asyncpg
import msgspec
import pytest

import currant
from currant.access.model import OPERATOR, CreatePortal
from currant.access.verbs import create_portal
from currant.clock import FrozenClock
from currant.db import migrate
from currant.db.statements import Statement, Statements
from currant.db.tx import open_pool
from currant.door import Door
from tests.conftest import NOW, new_database

SOURCE = Path(currant.__file__).parent
DOMAINS = [domain for domain in migrate.DOMAINS if (SOURCE / domain / "queries.sql").exists()]

PYTHON = {
    "bool": bool,
    "bytea": bytes,
    "date": date,
    "int2": int,
    "int4": int,
    "int8": int,
    "interval": timedelta,
    "json": str,
    "jsonb": str,
    "numeric": Decimal,
    "text": str,
    "timestamptz": datetime,
    "uuid": UUID,
    "varchar": str,
}
PLAUSIBLE = {
    "bool": False,
    "bytea": b"",
    "date": NOW.date(),
    "int2": 0,
    "int4": 0,
    "int8": 0,
    "interval": timedelta(0),
    "json": "[]",
    "jsonb": "[]",
    "numeric": Decimal(0),
    "text": "",
    "timestamptz": NOW,
    "tstzrange": asyncpg.Range(NOW, None),
    "uuid": UUID(int=0),
    "varchar": "",
}
# A made-up value may be refused (data, integrity, raise): only a fault of the statement is one.
REFUSED = ("22", "23", "P0001")

UTILITY = re.compile(r"\s*(create|analyze|lock|set|truncate|drop)\b", re.IGNORECASE)
CREATE = re.compile(r"\s*create temp", re.IGNORECASE)
TOKEN = re.compile(r"[(){}]|(?:\\.|[^\s(){}\\])+")


class Kind(StrEnum):
    """What a range table entry of a query tree is (`RTEKind` of PostgreSQL 18)."""

    RELATION = "0"
    SUBQUERY = "1"
    JOIN = "2"
    FUNCTION = "3"
    TABLE_FUNCTION = "4"
    VALUES = "5"
    WITH = "6"
    TRANSITION = "7"
    RESULT = "8"
    GROUP = "9"


def statements_of(domain: str) -> list[Statement[typing.Any]]:
    """The declared statements of a domain in the order of its file, read from all its modules."""
    for path in sorted((SOURCE / domain).glob("*.py")):
        importlib.import_module(f"currant.{domain}.{path.stem}")
    assert f"currant.{domain}" in Statements.packages, "nothing of queries.sql is declared"
    declared = Statements.packages[f"currant.{domain}"].declared
    return [declared[name] for name in names_in_file(domain) if name in declared]


def names_in_file(domain: str) -> list[str]:
    text = (SOURCE / domain / "queries.sql").read_text(encoding="utf-8")
    return re.findall(r"^-- name: (\w+)$", text, re.MULTILINE)


@pytest.fixture(scope="module")
async def session(server, template) -> AsyncIterator[tuple[asyncpg.Connection, int]]:
    """A session as the runtime role of a database with one portal, and that portal's number."""
    async with new_database(server, template) as urls:
        pool = await open_pool(urls.runtime, size=1)
        command = CreatePortal("example", "Example", "America/New_York", "USD", "CEC")
        made = await Door(pool, FrozenClock(NOW)).act(create_portal, command, OPERATOR)
        async with pool.acquire() as connection:
            yield connection, made.portal_id
        await pool.close()


@pytest.fixture
async def inside(session) -> AsyncIterator[tuple[asyncpg.Connection, int]]:
    """The session inside a transaction of the portal, which is rolled back."""
    connection, portal_id = session
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(f"set local currant.portals = '{{{portal_id}}}'")
    yield connection, portal_id
    await transaction.rollback()


async def with_temporary_tables(connection, domain: str) -> list[Statement[typing.Any]]:
    """Create the temporary tables of this domain and the lower ones; return its statements."""
    for lower in DOMAINS[: DOMAINS.index(domain) + 1]:
        for statement in statements_of(lower):
            if CREATE.match(statement.text):
                await connection.execute(statement.text)
    return [s for s in statements_of(domain) if not CREATE.match(s.text)]


async def prepare(connection, statement: Statement[typing.Any]) -> typing.Any:
    try:
        return await connection.prepare(statement.text)
    except asyncpg.PostgresError as error:
        raise AssertionError(f"{statement.name} cannot be prepared: {error}") from None


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_statement_is_declared_once_and_no_other(domain: str) -> None:
    names = names_in_file(domain)
    assert sorted(names) == sorted(set(names)), "a name stands twice in queries.sql"
    assert {s.name for s in statements_of(domain)} == set(names)
    assert set(Statements.packages[f"currant.{domain}"].declared) == set(names)


@pytest.mark.parametrize("domain", DOMAINS)
def test_statements_are_written_by_the_rules(domain: str) -> None:
    faults = []
    statements_of(domain)
    for name, source in Statements.packages[f"currant.{domain}"].sources.items():
        lines = source.strip().splitlines()
        told = [s for s in lines if s.startswith("--") and not s.startswith("-- not null:")]
        body = "\n".join(line for line in lines if not line.startswith("--"))
        sentence = " ".join(line.removeprefix("--").strip() for line in told)
        if not sentence.endswith((".", "?")):
            faults.append(f"{name} has no sentence")
        if not body.rstrip().endswith(";") or ";" in body.rstrip()[:-1].replace("';'", ""):
            faults.append(f"{name} is not one statement that ends in a semicolon")
        if re.search(r"\bselect\s+(distinct\s+)?\*|\w\.\*", body, re.IGNORECASE):
            faults.append(f"{name} selects *")
        faults += [
            f"{name} does not cast :{parameter}"
            for parameter in re.findall(r"(?<![:\w]):([a-z_]\w*)(?!\w|::)", body)
        ]
    assert not faults


@pytest.mark.parametrize("domain", DOMAINS)
async def test_rows_have_the_names_and_types_that_python_states(domain: str, inside) -> None:
    connection, _ = inside
    faults = []
    for statement in await with_temporary_tables(connection, domain):
        columns = (await prepare(connection, statement)).get_attributes()
        faults += [f"{statement.name}: {fault}" for fault in misfits(statement, columns)]
    assert not faults


def misfits(statement: Statement[typing.Any], columns: tuple[typing.Any, ...]) -> Iterator[str]:
    """Hold the columns of a prepared statement against its row type: count, names, types."""
    stated = stated_row(statement)
    names = [column.name for column in columns]
    if isinstance(stated, dict) and names != list(stated):
        yield f"answers {names}, the Struct says {list(stated)}"
        return
    annotations = list(stated.values()) if isinstance(stated, dict) else stated
    columns = tuple(column for column in columns if column.type.name != "void")
    if len(columns) != len(annotations):
        yield f"answers {len(columns)} columns, Python says {len(annotations)}"
        return
    for column, annotation in zip(columns, annotations, strict=True):
        bare, _ = without_none(annotation)
        wanted: typing.Any = PYTHON.get(column.type.name.removesuffix("[]"))
        if column.type.name.endswith("[]") and wanted is not None:
            (element,) = typing.get_args(bare) or (None,)
            fits = typing.get_origin(bare) is list and without_none(element)[0] is wanted
        else:
            fits = bare is wanted
        if not fits:
            yield f"{column.name} is {column.type.name}, Python says {annotation}"


def stated_row(statement: Statement[typing.Any]) -> dict[str, typing.Any] | list[typing.Any]:
    """The annotations of a row: by name for a Struct, one for a scalar, none for a command."""
    if statement.row is None:
        return []
    if isinstance(statement.row, type) and issubclass(statement.row, msgspec.Struct):
        hints = typing.get_type_hints(statement.row)
        return {name: hints[name] for name in statement.row.__struct_fields__}
    return [statement.row]


def without_none(annotation: typing.Any) -> tuple[typing.Any, bool]:
    """Take None out of a union; answer whether it was there."""
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        parts = [part for part in typing.get_args(annotation) if part is not type(None)]
        if len(parts) == 1:
            return parts[0], True
    return annotation, False


@pytest.mark.parametrize("domain", DOMAINS)
async def test_what_can_be_null_is_stated_and_nothing_else(domain: str, inside) -> None:
    connection, _ = inside
    faults = []
    for statement in await with_temporary_tables(connection, domain):
        stated = stated_row(statement)
        if not stated or UTILITY.match(statement.text):
            continue
        source = Statements.packages[f"currant.{domain}"].sources[statement.name]
        never = set(" ".join(re.findall(r"^-- not null:(.*)$", source, re.MULTILINE)).split())
        columns = [c.name for c in (await prepare(connection, statement)).get_attributes()]
        if never - {*columns, "none"}:
            faults.append(f"{statement.name}: not null names {never - set(columns)}, no columns")
        tree = await query_tree(connection, statement.text)
        annotations = stated.values() if isinstance(stated, dict) else stated
        for position, (name, annotation) in enumerate(
            zip(columns, annotations, strict=True), start=1
        ):
            can_be_null = name not in never and await nullable_column(connection, [tree], position)
            if can_be_null != without_none(annotation)[1]:
                can = "can be null" if can_be_null else "is never null"
                faults.append(f"{statement.name}: {name} {can}, Python says {annotation}")
    assert not faults


Node = dict[str, typing.Any]


KNOWN = """
select user_id, portal_id, name from access.system_user;                            -- 0 1 0
select p.name, u.name, portal_id
from access.portal as p left join access.system_user as u using (portal_id);        -- 0 1 0
select p.name, u.name from access.portal as p
left join access.system_user as u using (portal_id) group by p.name, u.name;        -- 0 1
select name, coalesce(name, '') from access.portal;                                 -- 0 1
select s.name from (select name from access.portal) as s;                           -- 0
select s.name from (select min(name) as name from access.portal) as s;              -- 1
select key, name from access.portal union select key, null from access.portal;      -- 0 1
with c as (select key, tz_index + 1 as z from access.portal) select key, z from c;  -- 0 1
with recursive r as (select key from access.portal union select r.key from r)
select key from r;                                                                  -- 0
with c as (
    insert into access.vendor (portal_id, vendor_number, name) values (1, '', '')
    returning name, old.name as before
) select name, before from c;                                                       -- 0 1
select (select p.name) from access.portal as p;                                     -- 1
select n from unnest(array[1]) as n;                                                -- 1
"""


@pytest.mark.parametrize(
    ("text", "told"), re.findall(r"\n(.+?); +-- ([01 ]+)(?=\n)", KNOWN, re.DOTALL)
)
async def test_the_database_tells_what_can_be_null(text: str, told: str, inside) -> None:
    """The oracle of the test above, tried on what is known: 1 for a column that can be NULL."""
    connection, _ = inside
    tree = await query_tree(connection, text)
    for position, flag in enumerate(told.split(), start=1):
        assert await nullable_column(connection, [tree], position) is (flag == "1")


async def query_tree(connection, text: str) -> Node:
    """The analysed query of a statement, as PostgreSQL keeps it of a function's body."""
    parameters = (await connection.prepare(text)).get_parameters()
    signature = ", ".join(f"{parameter.schema}.{parameter.name}" for parameter in parameters)
    await connection.execute(
        f"create or replace function pg_temp.probe({signature}) returns setof record "
        f"language sql begin atomic {text}; end"
    )
    told = await connection.fetchval(
        "select prosqlbody::text from pg_proc "
        "where proname = 'probe' and pronamespace = pg_my_temp_schema()"
    )
    await connection.execute("drop function pg_temp.probe")
    tree: typing.Any = next(nodes(iter(TOKEN.findall(told))))
    return tree[0][0]


def nodes(tokens: Iterator[str]) -> Iterator[typing.Any]:
    """Read PostgreSQL's node text: `{NODE :field value …}` and `(item …)`, up to what closes it."""
    for token in tokens:
        if token in ")}":
            return
        if token == "(":
            yield list(nodes(tokens))
        elif token == "{":
            node: Node = {"node": next(tokens)}
            field = ""
            for part in nodes(tokens):
                if isinstance(part, str) and part.startswith(":"):
                    field = part[1:]
                else:
                    node.setdefault(field, part)
            yield node
        else:
            yield token


async def nullable_column(connection, queries: list[Node], position: int) -> bool:
    """Tell whether a column of the innermost of nested queries can be NULL."""
    query = queries[-1]
    if query["setOperations"] != "<>":
        inner = [[*queries, entry["subquery"]] for entry in query["rtable"] if "subquery" in entry]
        return any([await nullable_column(connection, branch, position) for branch in inner])
    answers = query["targetList"] if query["commandType"] == "1" else query["returningList"]
    target = next(entry for entry in answers if entry["resno"] == str(position))
    return await nullable(connection, queries, target["expr"])


async def nullable(connection, queries: list[Node], expression: Node) -> bool:
    """Tell whether an expression can be NULL: only a plain column is known not to be."""
    if expression["node"] != "VAR" or expression["varnullingrels"] != ["b"]:
        return True
    within = queries[: len(queries) - int(expression["varlevelsup"])]
    entry = within[-1]["rtable"][int(expression["varno"]) - 1]
    position = int(expression["varattno"])
    can_be_null = True
    match Kind(entry["rtekind"]):
        case Kind.RELATION if expression["varreturningtype"] != "1":  # OLD may be no row at all.
            can_be_null = not await connection.fetchval(
                "select attnotnull from pg_attribute where attrelid = $1 and attnum = $2",
                int(entry["relid"]),
                position,
            )
        case Kind.SUBQUERY:
            inner = [*within, entry["subquery"]]
            can_be_null = await nullable_column(connection, inner, position)
        case Kind.JOIN:
            merged = entry["joinaliasvars"][position - 1]
            can_be_null = await nullable(connection, within, merged)
        case Kind.WITH if entry["self_reference"] == "true":
            can_be_null = False  # The other branch of the recursion decides.
        case Kind.WITH:
            around = within[: len(within) - int(entry["ctelevelsup"])]
            named = next(c for c in around[-1]["cteList"] if c["ctename"] == entry["ctename"])
            inner = [*around, named["ctequery"]]
            can_be_null = await nullable_column(connection, inner, position)
        case Kind.GROUP:
            grouped = entry["groupexprs"][position - 1]
            can_be_null = await nullable(connection, within, grouped)
    return can_be_null


@pytest.mark.parametrize("domain", DOMAINS)
async def test_every_statement_runs(domain: str, inside) -> None:
    connection, portal_id = inside
    faults = []
    for statement in await with_temporary_tables(connection, domain):
        prepared = await prepare(connection, statement)
        values = [
            portal_id if name == "portal_id" else value_of(parameter)
            for name, parameter in zip(statement.parameters, prepared.get_parameters(), strict=True)
        ]
        savepoint = connection.transaction()
        await savepoint.start()
        try:
            await connection.fetch(statement.text, *values)
        except asyncpg.PostgresError as error:
            if not (error.sqlstate or "XX").startswith(REFUSED):
                faults.append(f"{statement.name}: {error}")
        finally:
            await savepoint.rollback()
    assert not faults


def value_of(parameter: typing.Any) -> typing.Any:
    """A value of a parameter's type that means nothing."""
    return [] if parameter.name.endswith("[]") else PLAUSIBLE[parameter.name]
