"""The command line's entry: `currant …`.

A group of commands is loaded when it is named: none waits for what the others need.
"""

from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from currant import __version__

# Commands by the module that has them.
_COMMANDS = {
    "serve": "serve",
    "demo": "demo",
    "migrate": "database",
    "doctor": "database",
    "import": "imports",
    "vend": "vend",
    "receipt": "vend",
    "vends": "vend",
    "pay": "transactions",
    "reverse": "transactions",
}
# Groups of commands, each with where it stands and what it is for.
_GROUPS = {
    "reads": ("reads.app", "Meter reads, and those that were not believed."),
    "read": ("validation.read", "Basic reads: posted, and those of an account."),
    "validation": ("validation.app", "Checks of reads and intervals."),
    "estimate": ("validation.estimate", "Estimates of what was not measured."),
    "nem12": ("nem.app", "Interval data: NEM12 files in and out, gaps."),
    "nem13": ("nem.reads", "Register reads: NEM13 files in and out."),
    "arrears": ("arrears.app", "What accounts owe from before."),
    "receipts": ("receipts.app", "Money that comes in, and goes back out."),
    "adjustment": ("adjustments.app", "What accounts are adjusted by, and why."),
    "debtors": ("debtors.app", "What accounts owe: history, balances, ages."),
    "location": ("locations.app", "Places of supply, and how they are connected."),
    "tariff": ("tariffs.app", "Price plans: rates, charges, imports."),
    "building": ("buildings.app", "Buildings: the sites behind a connection."),
    "site": ("buildings.sites", "Sites: what is supplied, and how it stands."),
    "loss": ("buildings.losses", "Loss factors of buildings and sites."),
    "customer": ("customers.app", "Customers, with their accounts."),
    "move": ("moves.app", "Moving in and out."),
    "workorder": ("workorders.app", "Work orders: what is to be done at sites."),
    "meter": ("meters.app", "Meters: listed, created, exchanged, read, connected."),
    "headend": ("headend.app", "Head-ends: where requests to meters are sent."),
    "portal": ("portals.app", "Portals: the utilities of this installation."),
    "user": ("users.app", "System users of a portal."),
    "vendor": ("vendors.app", "Vendors: who sells for a portal."),
    "key": ("keys.app", "Access keys: programs that use the Utilmate API."),
    "token": ("users.tokens", "Tokens of system users."),
    "batch": ("batches.app", "What cashiers took, counted and closed."),
    "brand": ("brand.app", "What the papers of a portal bear: seller, logo, ways to pay."),
    "document": ("documents.app", "Invoices, statements and receipts as PDF."),
    "bill": ("bill.app", "Bill runs: draft, check, approve, post, print."),
    "invoice": ("invoices.app", "Posted invoices: list, explain, cancel, PDF."),
    "charge": ("charges.app", "One-off charges on the next bill."),
    "service": ("charges.services", "Services without a meter: phone, internet."),
    "notice": ("notices.app", "Messages to people: e-mail and SMS."),
    "report": ("reports.app", "Reports by their ids, also as CSV."),
    "ledger": ("ledger.app", "The books: proof, balances, journals, months."),
}


class _Loaded(MutableMapping[str, Any]):
    """Commands by their names, each made when it is looked up."""

    def __init__(self, made: Mapping[str, Any]) -> None:
        self._made = dict(made)
        self._names = dict.fromkeys((*made, *_COMMANDS, *_GROUPS))

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = _load(name)
        return self._made[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._made[name] = command
        self._names[name] = None

    def __delitem__(self, name: str) -> None:
        del self._names[name]
        self._made.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class _WhenNamed(TyperGroup):
    """The commands, of which only the one that is named is loaded."""

    def __init__(self, *, commands: dict[str, Any], **attrs: Any) -> None:
        super().__init__(commands=commands, **attrs)
        self.commands = _Loaded(commands)


def _load(name: str) -> Any:
    """Load a command or a group. Raises `KeyError` where there is none of this name."""
    around = typer.Typer()
    if name in _COMMANDS:
        around.add_typer(import_module(f"currant.cli.{_COMMANDS[name]}").app)
    else:
        place, told = _GROUPS[name]
        module, _, attribute = place.partition(".")
        group = getattr(import_module(f"currant.cli.{module}"), attribute)
        around.add_typer(group, name=name, help=told)
    return typer.main.get_group(around).commands[name]


app = typer.Typer(
    name="currant",
    help="The open utility platform. Exit codes: 0 done, 1 failure, 2 usage, 3 check failed, "
    "4 input rejected, 5 conflict or try again, 6 not permitted, 130 interrupted.",
    cls=_WhenNamed,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command("version")
def version() -> None:
    """Tell the version."""
    typer.echo(__version__)


@app.callback()
def commands() -> None:
    """Have commands even where one is named only."""


def main() -> None:
    """Run a command; exits with its code."""
    app(prog_name="currant")


if __name__ == "__main__":
    main()
