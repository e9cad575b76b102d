"""Named SQL with typed rows.

A domain's `queries.sql` holds every statement its Python sends. Each begins with its name and a
sentence, and writes its parameters as `:name::type`:

    -- name: wallet_balance
    -- What the wallet holds, in its commodity.
    select balance from prepayment.wallet where wallet_id = :wallet_id::bigint;

Python states the row's type once: `WALLET_BALANCE = sql.rows("wallet_balance", WalletBalance)`.
A test prepares every statement and holds its columns against that type.
"""

import re
from collections.abc import Callable
from importlib import resources
from typing import Any, Generic, TypeVar

import msgspec

R = TypeVar("R")

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)(?=::)")


class Statement(Generic[R]):
    """One statement: its text for the driver, the order of its parameters, the type of its rows."""

    __slots__ = ("build", "counting", "name", "parameters", "row", "sentence", "text")

    def __init__(self, name: str, source: str, row: type[R] | None) -> None:
        lines = source.strip().splitlines()
        comment = [line for line in lines if line.startswith("--")]
        body = "\n".join(line for line in lines if not line.startswith("--")).strip().rstrip(";")
        names = list(dict.fromkeys(_PARAMETER.findall(body)))
        position = {parameter: str(index) for index, parameter in enumerate(names, start=1)}
        self.name = name
        self.sentence = " ".join(line.removeprefix("--").strip() for line in comment)
        self.text = _PARAMETER.sub(lambda match: "$" + position[match[1]], body)
        self.counting = f"select count(*) from (\n{self.text}\n) as listed"  # noqa: S608
        self.parameters = tuple(names)
        self.row = row
        self.build = _builder(row)

    def arguments(self, values: dict[str, Any]) -> list[Any]:
        """Put named values into the statement's order; a missing or surplus name is a bug."""
        if len(values) != len(self.parameters):
            raise TypeError(f"{self.name} takes {self.parameters}, got {tuple(values)}")
        return [values[parameter] for parameter in self.parameters]


def _builder(row: type[R] | None) -> Callable[[Any], R]:
    """Return what makes a row of the driver's record: a Struct by position, or the one value."""
    if isinstance(row, type) and issubclass(row, msgspec.Struct):
        return lambda record: row(*record)
    return lambda record: record[0]


class Statements:
    """The statements of one package's `queries.sql`, declared one by one with their row types."""

    packages: dict[str, "Statements"] = {}  # noqa: RUF012  # the register that the tests walk

    def __init__(self, package: str) -> None:
        source = resources.files(package).joinpath("queries.sql").read_text(encoding="utf-8")
        parts = _NAME.split(source)[1:]
        self.sources = dict(zip(parts[::2], parts[1::2], strict=True))
        self.declared: dict[str, Statement[Any]] = {}
        Statements.packages[package] = self

    def rows(self, name: str, row: type[R]) -> Statement[R]:
        """Declare a statement that answers rows: a Struct, or a scalar for one column."""
        return self._declare(name, row)

    def command(self, name: str) -> Statement[None]:
        """Declare a statement that answers no rows."""
        return self._declare(name, None)

    def _declare(self, name: str, row: type[R] | None) -> Statement[R]:
        if name in self.declared:
            raise TypeError(f"the statement {name} is declared twice")
        statement = Statement(name, self.sources[name], row)
        self.declared[name] = statement
        return statement
