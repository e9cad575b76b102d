"""The laws of the house (ARCHITECTURE.md, section 2), read from the tree and the catalogue."""

import ast
import importlib
import inspect
import re
import tomllib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

import asyncpg
import msgspec
import pytest

import currant
from currant.access.permissions import NEEDED, Permission
from currant.db.migrate import DOMAINS
from currant.errors import Refusal
from tests.conftest import new_database

SOURCE = Path(currant.__file__).parent
ROOT = Path(__file__).parents[1]
ENTRANCES = ("api", "cli", "jobs", "web")
MODULES = sorted(SOURCE.rglob("*.py"))
BELOW_THE_DOOR = [path for path in MODULES if path.relative_to(SOURCE).parts[0] not in ENTRANCES]
FOLDERS = [domain for domain in DOMAINS if domain != "db"]

# Tables without a tenant, and why each may be read by whoever serves.
SHARED = {
    "access.credential": "no role may read it: the owner's functions compare and replace",
    "access.permission": "the catalogue of the product",
    "access.role": "the catalogue of the product",
    "access.role_permission": "the catalogue of the product",
    "access.user_permission": "no role that serves may read it: access.may asks it",
    "charges.standard_item": "the catalogue of the product",
    "db.migration": "the record of the schema itself",
    "ledger.standard_account": "the catalogue of the product",
    "metering.com_type": "the catalogue of the product",
    "metering.source": "the catalogue of the product",
}
# Keys that do not begin with portal_id, and why a duplicate may be known to every tenant.
SYSTEM_WIDE = {
    "access.portal": "the tenants themselves",
    "access.portal_alias": "clients name a portal before they are in it",
    "access.system_user": "a login is system-wide (conformance.md, E03)",
    "access.audit_event": "one series, so that a missing event shows",
    "audit.seal": "an event is sealed once, in whatever chain",
}
MONEY = re.compile(
    r"(^|_)(amount|balance|net|tax|paid|outstanding|taken|bound|credit|debit|price|fee|total)$"
)


@pytest.fixture(scope="module")
async def catalogue(server, template) -> AsyncIterator[asyncpg.Connection]:
    """A session as the owner of a database that has the schema and nothing else."""
    async with new_database(server, template) as urls:
        connection = await asyncpg.connect(urls.owner)
        yield connection
        await connection.close()


@pytest.fixture(scope="module", autouse=True)
def not_importable() -> list[str]:
    """Import every module, so that what registers itself has done so; name those that fail."""
    failed = []
    for path in MODULES:
        try:
            importlib.import_module(dotted(path))
        except ImportError as error:
            failed.append(f"{here(path)}: {error}")
    return failed


def dotted(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def here(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def test_every_module_can_be_imported(not_importable: list[str]) -> None:
    assert not_importable == []


# Verbs, views and permissions


def ours() -> Iterator[tuple[Callable[..., Any], Permission]]:
    for function, permission in NEEDED.items():
        if function.__module__.startswith("currant."):
            yield function, permission


def test_verbs_and_views_have_one_shape_one_place_and_a_sentence() -> None:
    faults = []
    for function, _ in ours():
        name = f"{function.__module__}.{function.__name__}"
        if not re.fullmatch(r"currant\.\w+\.verbs", function.__module__):
            faults.append(f"{name} is not in a domain's verbs.py")
        if not (inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)):
            faults.append(f"{name} is not async")
        if [*inspect.signature(function).parameters][:1] != ["tx"]:
            faults.append(f"{name} does not take tx first")
        if len(inspect.signature(function).parameters) != 2:
            faults.append(f"{name} takes more than tx and one shape")
        if not (inspect.getdoc(function) or "").strip():
            faults.append(f"{name} has no docstring")
    assert not faults


def test_whatever_looks_like_a_verb_states_its_permission() -> None:
    faults = []
    for domain in FOLDERS:
        if not (SOURCE / domain / "verbs.py").exists():
            continue
        module = importlib.import_module(f"currant.{domain}.verbs")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if name.startswith("_") or function.__module__ != module.__name__:
                continue
            parameters = [*inspect.signature(function).parameters]
            if parameters[:1] == ["tx"] and len(parameters) == 2 and function not in NEEDED:
                shape = get_type_hints(function).get(parameters[1])
                if isinstance(shape, type) and issubclass(shape, msgspec.Struct):
                    faults.append(f"{module.__name__}.{name}")
    assert not faults


def test_whatever_the_entrances_bring_to_the_door_states_its_permission() -> None:
    faults = []
    for path in MODULES:
        if path.relative_to(SOURCE).parts[0] not in ENTRANCES:
            continue
        module = importlib.import_module(dotted(path))
        for call in calls(path):
            if not (isinstance(call.func, ast.Attribute) and call.args):
                continue
            if call.func.attr not in ("act", "ask", "asking") or not isinstance(
                call.args[0], ast.Name | ast.Attribute
            ):
                continue
            brought = resolve(module, call.args[0])
            if callable(brought) and brought not in NEEDED:
                faults.append(f"{here(path)}:{call.lineno} {ast.unparse(call.args[0])}")
    assert not faults


def resolve(module: Any, named: ast.expr) -> Any:
    """The object that `name` or `module.name` means in a module, if it stands there."""
    if isinstance(named, ast.Attribute):
        return getattr(resolve(module, named.value), named.attr, None)
    return getattr(module, named.id, None) if isinstance(named, ast.Name) else None


async def test_the_catalogue_and_the_code_know_the_same_permissions(catalogue) -> None:
    rows = await catalogue.fetch("select permission from access.permission")
    apart = {Permission.PUBLIC, Permission.ANY_USER}
    assert {row["permission"] for row in rows} == {p.value for p in Permission} - apart


# Constraints and refusals


class Named(NamedTuple):
    """A constraint that a caller can meet: who named it, and what kind of thing it is."""

    table: str
    name: str


async def constraints(catalogue) -> list[Named]:
    """Every name that the database can refuse with: constraints and unique indexes."""
    rows = await catalogue.fetch(
        """
        select n.nspname || '.' || coalesce(t.relname, d.typname) as "table", c.conname as name
        from pg_constraint as c
        inner join pg_namespace as n on n.oid = c.connamespace
        left join pg_class as t on t.oid = c.conrelid
        left join pg_type as d on d.oid = c.contypid
        where n.nspname = any($1)
        union
        select n.nspname || '.' || t.relname, x.relname
        from pg_index as i
        inner join pg_class as x on x.oid = i.indexrelid
        inner join pg_class as t on t.oid = i.indrelid
        inner join pg_namespace as n on n.oid = t.relnamespace
        where i.indisunique and n.nspname = any($1)
        """,
        list(DOMAINS),
    )
    return [Named(row["table"], row["name"]) for row in rows]


def named_by_us() -> Iterator[str]:
    """The names that stand in the schemas: given to constraints and unique indexes, or raised."""
    for text in map(schema_of, DOMAINS):
        yield from re.findall(r"\bconstraint\s+(\w+)\s", text)
        yield from re.findall(r"\bcreate unique index\s+(\w+)\s", text)
        yield from re.findall(r"\bconstraint\s*=\s*'(\w+)'", text)


def test_every_constraint_that_we_named_has_its_refusal() -> None:
    assert sorted(set(named_by_us()) - set(Refusal.constraints)) == []


async def test_every_refusal_names_a_constraint_that_is_there(catalogue) -> None:
    there = {constraint.name for constraint in await constraints(catalogue)} | set(named_by_us())
    ours = {name for name, r in Refusal.constraints.items() if r.__module__.startswith("currant.")}
    assert sorted(ours - there) == []


async def test_a_constraint_that_is_refused_has_a_name_of_its_own(catalogue) -> None:
    """The door knows a constraint by its name alone."""
    tables: dict[str, list[str]] = {}
    for constraint in await constraints(catalogue):
        tables.setdefault(constraint.name, []).append(constraint.table)
    assert {n: t for n, t in tables.items() if n in Refusal.constraints and len(t) > 1} == {}


def test_refusals_of_constraints_say_that_nothing_was_done() -> None:
    faults = []
    for name, refusal in Refusal.constraints.items():
        first = (refusal.__doc__ or "").strip().splitlines()[0]
        if not re.search(r"\bNothing (of it )?was \w+", first) or not first.endswith(
            (".", "again.")
        ):
            faults.append(f"{name}: {first}")
    assert not faults


# Tables


async def tables(catalogue) -> dict[str, asyncpg.Record]:
    rows = await catalogue.fetch(
        """
        select
            n.nspname || '.' || c.relname as name, c.oid, c.relrowsecurity as secured,
            obj_description(c.oid) as comment,
            exists (
                select from pg_attribute as a
                where a.attrelid = c.oid and a.attname = 'portal_id' and not a.attisdropped
            ) as tenant,
            exists (
                select from pg_policy as p where p.polrelid = c.oid and p.polname = 'tenant'
            ) as policy
        from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p') and n.nspname = any($1)
        """,
        list(DOMAINS),
    )
    return {row["name"]: row for row in rows}


async def test_every_table_and_schema_has_a_comment(catalogue) -> None:
    bare = [name for name, table in (await tables(catalogue)).items() if not table["comment"]]
    bare += [
        row["nspname"]
        for row in await catalogue.fetch(
            "select nspname from pg_namespace "
            "where nspname = any($1) and obj_description(oid) is null",
            list(DOMAINS),
        )
    ]
    assert bare == []


async def test_every_table_is_a_tenants_or_shared_with_a_reason(catalogue) -> None:
    there = await tables(catalogue)
    kept_apart = {n for n, t in there.items() if t["tenant"] and t["secured"] and t["policy"]}
    assert sorted(set(there) - kept_apart - set(SHARED)) == []
    assert sorted(set(SHARED) & kept_apart) == []
    assert sorted(set(SHARED) - set(there)) == []


async def test_every_key_of_a_tenant_begins_with_its_portal(catalogue) -> None:
    rows = await catalogue.fetch(
        """
        select n.nspname || '.' || t.relname as "table", x.relname as key
        from pg_index as i
        inner join pg_class as x on x.oid = i.indexrelid
        inner join pg_class as t on t.oid = i.indrelid
        inner join pg_namespace as n on n.oid = t.relnamespace
        where i.indisunique and n.nspname = any($1) and not exists (
            select from pg_attribute as a
            where a.attrelid = t.oid and a.attnum = i.indkey[0] and a.attname = 'portal_id'
        )
        """,
        list(DOMAINS),
    )
    apart = SHARED.keys() | SYSTEM_WIDE.keys()
    assert [f"{row['table']} {row['key']}" for row in rows if row["table"] not in apart] == []


async def test_no_column_is_a_float_and_money_is_of_a_domain(catalogue) -> None:
    rows = await catalogue.fetch(
        """
        select n.nspname || '.' || c.relname || '.' || a.attname as "column", a.attname as name,
            format_type(a.atttypid, null) as type, a.atttypmod as modifier
        from pg_attribute as a
        inner join pg_class as c on c.oid = a.attrelid
        inner join pg_namespace as n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'v') and a.attnum > 0 and not a.attisdropped
            and n.nspname = any($1)
        """,
        list(DOMAINS),
    )
    faults = []
    for row in rows:
        if row["type"].removesuffix("[]") in ("real", "double precision", "money"):
            faults.append(f"{row['column']} is {row['type']}")
        if row["type"] == "numeric" and (row["modifier"] < 0 or MONEY.search(row["name"])):
            faults.append(f"{row['column']} is numeric of no domain or size")
    assert not faults


TRIAL = """
create temporary table trial (like {0} including constraints);
do $$ declare bare text; begin
for bare in select attname from pg_attribute
where attrelid = 'trial'::regclass and attnum > 0 and attnotnull
loop execute format('alter table trial alter column %I drop not null', bare); end loop;
end $$
"""


async def test_no_number_can_be_nan_or_infinite(catalogue) -> None:
    """Each number is tried by itself, on a copy of its table that has nothing but the CHECKs."""
    rows = await catalogue.fetch(
        """
        select c.oid::regclass::text as "table", a.attname as name
        from pg_attribute as a
        inner join pg_class as c on c.oid = a.attrelid
        inner join pg_namespace as n on n.oid = c.relnamespace
        inner join pg_type as t on t.oid = a.atttypid
        where c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
            and n.nspname = any($1) and 'numeric'::regtype in (t.oid, t.typbasetype)
        """,
        list(DOMAINS),
    )
    faults = []
    for row in rows:
        for value in ("NaN", "Infinity"):
            trial = catalogue.transaction()
            await trial.start()
            await catalogue.execute(TRIAL.format(row["table"]))
            try:
                await catalogue.execute(f"insert into trial ({row['name']}) values ('{value}')")  # noqa: S608
                faults.append(f"{row['table']}.{row['name']} takes {value}")
            except (asyncpg.CheckViolationError, asyncpg.NumericValueOutOfRangeError):
                pass
            finally:
                await trial.rollback()
    assert rows
    assert not faults


# Code below the door


def calls(path: Path) -> Iterator[ast.Call]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield node


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def strings(path: Path) -> Iterator[tuple[int, str]]:
    """Every text that stands in a module's code, docstrings apart."""
    parsed = tree(path)
    prose = {
        id(node.body[0].value)
        for node in ast.walk(parsed)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(parsed):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.lineno, node.value


def test_no_float_below_the_door() -> None:
    """Not as a type, and not as a number but for the seconds that something sleeps."""
    assert [
        f"{here(path)}:{node.lineno}"
        for path in BELOW_THE_DOOR
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Name) and node.id == "float")
        or (isinstance(node, ast.Constant) and isinstance(node.value, float))
        if here(path) not in ("db/embedded.py", "door.py")
    ] == []


def test_only_the_system_clock_asks_the_machine_for_the_time() -> None:
    asked = re.compile(r"(datetime\.(now|utcnow|today)|date\.today|time\.(time|time_ns))")
    assert [
        f"{here(path)}:{call.lineno} {ast.unparse(call.func)}"
        for path in MODULES
        for call in calls(path)
        if asked.fullmatch(ast.unparse(call.func)) and not within_system_clock(path, call)
    ] == []


def within_system_clock(path: Path, call: ast.Call) -> bool:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ClassDef) and node.name == "SystemClock":
            return node.lineno <= call.lineno <= (node.end_lineno or 0)
    return False


def test_only_the_door_begins_and_commits() -> None:
    faults = []
    for path in MODULES:
        faults += [
            f"{here(path)}:{call.lineno} .{call.func.attr}("
            for call in calls(path)
            if isinstance(call.func, ast.Attribute)
            and call.func.attr in ("commit", "rollback", "transaction")
            and here(path) not in ("door.py", "db/migrate.py")
        ]
        faults += [
            f"{here(path)}:{line} {text[:40]!r}"
            for line, text in strings(path)
            if re.match(
                r"\s*((begin|commit|start transaction)\s*(;|$)|rollback\s*;)", text, re.IGNORECASE
            )
        ]
    assert not faults


def test_no_sql_in_the_entrances() -> None:
    statement = re.compile(
        r"\s*(select\s+[\w*(]|insert\s+into\s|update\s+\w[\w.]*\s+set\s|delete\s+from\s|merge\s+into\s"
        r"|with\s+\w+\s+as\s*\(|truncate\s|alter\s+\w+\s|create\s+(table|index|function|temp)\s)",
        re.IGNORECASE,
    )
    faults = []
    for path in MODULES:
        if path.relative_to(SOURCE).parts[0] in ENTRANCES:
            faults += [
                f"{here(path)}:{line} {text.strip()[:40]!r}"
                for line, text in strings(path)
                if statement.match(text) and re.search(r"[.=(*]|\bfrom\b", text)
            ]
    assert not faults


# Folders and their SQL


def test_a_domain_is_a_folder_with_the_same_four_files() -> None:
    faults = []
    for domain in FOLDERS:
        names = {path.name for path in (SOURCE / domain).iterdir() if path.name != "__pycache__"}
        if "verbs.py" in names and not {"model.py", "queries.sql"} <= names:
            faults.append(f"{domain} has verbs.py without model.py or queries.sql")
        faults += [
            f"{domain}/{name} is no kind of file that a domain has"
            for name in names
            if not name.endswith(".py") and name not in ("schema.sql", "queries.sql", "templates")
        ]
        body = tree(SOURCE / domain / "__init__.py").body
        if len(body) != 1 or ast.get_docstring(tree(SOURCE / domain / "__init__.py")) is None:
            faults.append(f"{domain}/__init__.py is not a docstring and nothing else")
    assert not faults


def test_only_verbs_speak_to_the_database() -> None:
    """The other modules of a domain are pure: shapes, and what they compute."""
    faults = []
    for domain in FOLDERS:
        for path in sorted((SOURCE / domain).glob("*.py")):
            imported = {
                node.module or ""
                for node in ast.walk(tree(path))
                if isinstance(node, ast.ImportFrom)
            }
            imported |= {
                name.name
                for node in ast.walk(tree(path))
                if isinstance(node, ast.Import)
                for name in node.names
            }
            if path.name != "verbs.py" and imported & {
                "asyncpg",
                "currant.db.statements",
                "currant.db.tx",
            }:
                faults.append(here(path))
    assert not faults


def test_the_domains_are_in_one_order_everywhere() -> None:
    """What installs the schemas, and what says who may import whom."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    lowest_first = [layer.removeprefix("currant.") for layer in reversed(layers)]
    below = lowest_first[: lowest_first.index("door")]
    assert [name for name in below if name in DOMAINS] == list(DOMAINS)
    folders = {path.parent.name for path in SOURCE.glob("*/schema.sql")}
    assert folders <= set(DOMAINS)


def schema_of(domain: str) -> str:
    """The schema of a domain without its comments; a domain may keep nothing."""
    path = SOURCE / domain / "schema.sql"
    return without_comments(path.read_text(encoding="utf-8")) if path.exists() else ""


def without_comments(text: str) -> str:
    return re.sub(r"--[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL)


def sql_of(domain: str) -> Iterator[tuple[str, str]]:
    for name in ("schema.sql", "queries.sql"):
        path = SOURCE / domain / name
        if path.exists():
            text = without_comments(path.read_text(encoding="utf-8"))
            yield here(path), re.sub(r"\bcomment on .*?;", "", text, flags=re.DOTALL)


WRITES = re.compile(
    r"\b(?:insert\s+into|update(?:\s+only)?|delete\s+from(?:\s+only)?|merge\s+into"
    r"|truncate(?:\s+table)?)\s+(\w+)\.(\w+)"
)


@pytest.mark.parametrize("domain", DOMAINS)
def test_sql_reads_lower_domains_and_writes_its_own(domain: str) -> None:
    higher = DOMAINS[DOMAINS.index(domain) + 1 :]
    faults = []
    for place, text in sql_of(domain):
        faults += [
            f"{place} writes {schema}.{table}"
            for schema, table in WRITES.findall(text)
            if schema in DOMAINS and schema != domain
        ]
        faults += [
            f"{place} reads {schema}.{table}"
            for schema, table in re.findall(r"(?<![\w.:'])(\w+)\.(\w+)", text)
            if schema in higher and (schema, table) in known_names()
        ]
    assert sorted(set(faults)) == []


def known_names() -> set[tuple[str, str]]:
    """Whatever a schema makes, so that an alias or a column that is named like a domain is told."""
    return {
        (domain, name)
        for domain in DOMAINS
        for schema, name in re.findall(
            r"\bcreate\s+(?:table|view|function|procedure|type|domain|sequence)\s+(\w+)\.(\w+)",
            schema_of(domain),
        )
        if schema == domain
    }


@pytest.mark.parametrize("domain", DOMAINS)
def test_functions_of_the_owner_fix_what_names_mean(domain: str) -> None:
    """A function that acts as the owner must not find a table that its caller made."""
    heads = re.findall(
        r"create (?:function|procedure) ([\w.]+)(.*?)(?:\bas \$\$|\breturn\b)",
        schema_of(domain),
        re.DOTALL,
    )
    loose = [n for n, head in heads if "security definer" in head and "set search_path" not in head]
    assert loose == []


# The glossary


class Word(NamedTuple):
    """A row of the glossary."""

    word: str
    meaning: str
    tables: list[str]
    folders: list[str]


def glossary() -> list[Word]:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    named = re.compile(r"`([^`]+)`")
    return [Word(c[0], c[1], named.findall(c[2]), named.findall(c[3])) for c in cells]


async def test_the_glossary_names_every_table_and_no_other(catalogue) -> None:
    told = {table for word in glossary() for table in word.tables}
    there = set(await tables(catalogue))
    assert sorted(there - told) == []
    assert sorted(told - there) == []


def test_the_glossary_is_a_table_by_the_fields_word() -> None:
    words = [word.word.casefold() for word in glossary()]
    assert words == sorted(set(words))
    assert [word.word for word in glossary() if not word.meaning.endswith(".")] == []
    folders = {folder for word in glossary() for folder in word.folders}
    assert sorted(f for f in folders if not (SOURCE / f).is_dir()) == []
    assert [
        word.word
        for word in glossary()
        if {t.split(".")[0] for t in word.tables} - set(word.folders)
    ] == []


# The decision records


def test_decision_records_are_numbered_one_after_another() -> None:
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [record.name[:4] for record in records] == [
        f"{n:04}" for n in range(1, len(records) + 1)
    ]
    for n, record in enumerate(records, 1):
        lines = record.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith(f"# {n}. ")
        assert len(lines) <= 40, record.name
