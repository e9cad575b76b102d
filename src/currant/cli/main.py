"""The command line's entry: `currant …`."""

import typer

from currant import __version__
from currant.cli import (
    adjustments,
    arrears,
    batches,
    bill,
    brand,
    buildings,
    charges,
    customers,
    database,
    debtors,
    demo,
    documents,
    headend,
    imports,
    invoices,
    keys,
    ledger,
    locations,
    meters,
    moves,
    nem,
    notices,
    portals,
    reads,
    receipts,
    reports,
    serve,
    tariffs,
    transactions,
    users,
    validation,
    vend,
    vendors,
    workorders,
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
app.add_typer(nem.app, name="nem12", help="Interval data: NEM12 files in and out, gaps.")
app.add_typer(nem.reads, name="nem13", help="Register reads: NEM13 files in and out.")
app.add_typer(arrears.app, name="arrears", help="What accounts owe from before.")
app.add_typer(receipts.app, name="receipts", help="Money that comes in, and goes back out.")
app.add_typer(adjustments.app, name="adjustment", help="What accounts are adjusted by, and why.")
app.add_typer(debtors.app, name="debtors", help="What accounts owe: history, balances, ages.")
app.add_typer(locations.app, name="location", help="Places of supply, and how they are connected.")
app.add_typer(tariffs.app, name="tariff", help="Price plans: rates, charges, imports.")
app.add_typer(buildings.app, name="building", help="Buildings: the sites behind a connection.")
app.add_typer(buildings.sites, name="site", help="Sites: what is supplied, and how it stands.")
app.add_typer(buildings.losses, name="loss", help="Loss factors of buildings and sites.")
app.add_typer(customers.app, name="customer", help="Customers, with their accounts.")
app.add_typer(moves.app, name="move", help="Moving in and out.")
app.add_typer(workorders.app, name="workorder", help="Work orders: what is to be done at sites.")
app.add_typer(meters.app, name="meter", help="Meters: listed, created, exchanged, read, connected.")
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
app.add_typer(bill.app, name="bill", help="Bill runs: draft, check, approve, post, print.")
app.add_typer(invoices.app, name="invoice", help="Posted invoices: list, explain, cancel, PDF.")
app.add_typer(charges.app, name="charge", help="One-off charges on the next bill.")
app.add_typer(charges.services, name="service", help="Services without a meter: phone, internet.")
app.add_typer(notices.app, name="notice", help="Messages to people: e-mail and SMS.")
app.add_typer(reports.app, name="report", help="Reports by their ids, also as CSV.")
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
