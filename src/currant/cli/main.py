"""The command line's entry: `currant …`."""

import typer

from currant import __version__
from currant.cli import (
    arrears,
    batches,
    brand,
    database,
    demo,
    documents,
    headend,
    imports,
    keys,
    ledger,
    locations,
    meters,
    notices,
    portals,
    reads,
    serve,
    tariffs,
    transactions,
    users,
    validation,
    vend,
    vendors,
)

app = typer.Typer(
    name="currant",
    help="The open utility platform. Exit codes: 0 done, 1 failure, 2 usage, 3 check failed, "
    "4 input rejected, 5 conflict or try again, 6 not permitted, 130 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group in (serve, demo, database, imports, vend, transactions):
    app.add_typer(group.app)
app.add_typer(reads.app, name="reads", help="Meter reads, and those that were not believed.")
app.add_typer(validation.read, name="read", help="Basic reads: posted, and those of an account.")
app.add_typer(validation.app, name="validation", help="Checks of reads and intervals.")
app.add_typer(validation.estimate, name="estimate", help="Estimates of what was not measured.")
app.add_typer(arrears.app, name="arrears", help="What accounts owe from before.")
app.add_typer(locations.app, name="location", help="Places of supply, and how they are connected.")
app.add_typer(tariffs.app, name="tariff", help="Price plans: rates, charges, imports.")
app.add_typer(meters.app, name="meter", help="Meters asked: read, connect, disconnect, status.")
app.add_typer(headend.app, name="headend", help="Head-ends: where requests to meters are sent.")
app.add_typer(portals.app, name="portal", help="Portals: the utilities of this installation.")
app.add_typer(users.app, name="user", help="System users of a portal.")
app.add_typer(vendors.app, name="vendor", help="Vendors: who sells for a portal.")
app.add_typer(keys.app, name="key", help="Access keys: programs that use the Utilmate API.")
app.add_typer(users.tokens, name="token", help="Tokens of system users.")
app.add_typer(batches.app, name="batch", help="What cashiers took, counted and closed.")
app.add_typer(
    brand.app, name="brand", help="What the papers of a portal bear: seller, logo, ways to pay."
)
app.add_typer(documents.app, name="document", help="Invoices, statements and receipts as PDF.")
app.add_typer(notices.app, name="notice", help="Messages to people: e-mail and SMS.")
app.add_typer(ledger.app, name="ledger", help="The books: proof, balances, journals, months.")


@app.command("version")
def version() -> None:
    """Tell the version."""
    typer.echo(__version__)


def main() -> None:
    """Run a command; exits with its code."""
    app(prog_name="currant")


if __name__ == "__main__":
    main()
