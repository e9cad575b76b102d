"""`currant customer`: who is supplied and pays."""

from enum import StrEnum
from typing import Annotated

import msgspec
import typer

from currant.access.verbs import Nothing, show_portal
from currant.cli.frame import Session, command
from currant.cli.imports import DryRun, Key
from currant.cli.told import ListFile, Text, lines, listed, told
from currant.customers.model import ContactTold, CustomerTold, SaveCustomers
from currant.customers.verbs import save_customers
from currant.directory.model import CustomerDetails, CustomerWanted, PlaceAddress
from currant.directory.verbs import customer_details
from currant.money import round_money

app = typer.Typer(no_args_is_help=True)


class Kind(StrEnum):
    """What a customer is."""

    RESIDENT = "RESIDENT"
    COMPANY = "COMPANY"
    OCCUPIER = "OCCUPIER"
    SUNDRY = "SUNDRY"


class SubKind(StrEnum):
    """What a customer is to the building."""

    DEFAULT = "DEFAULT"
    OWNER = "OWNER"
    TENANT = "TENANT"
    DEVELOPER = "DEVELOPER"


class Cycle(StrEnum):
    """How often somebody is billed."""

    MONTHLY = "MONTHLY"
    QUARTERLY = "QUARTERLY"
    HOLD = "HOLD"


class Method(StrEnum):
    """How somebody pays."""

    CHEQUE = "CHEQUE"
    DIRECT = "DIRECT"
    CRDCARD = "CRDCARD"


class Delivery(StrEnum):
    """How invoices reach somebody."""

    EMAIL = "EMAIL"
    POST = "POST"


class Mode(StrEnum):
    """Whether somebody pays before or after."""

    PREPAID = "PREPAID"
    POSTPAID = "POSTPAID"


def _choice(text: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(help=text, case_sensitive=False)
    return option


@command(app, "create")
async def create(
    session: Session,
    first_name: Annotated[Text, typer.Argument(help="The first name of the first contact.")] = None,
    last_name: Annotated[Text, typer.Argument(help="The last name of the first contact.")] = None,
    *,
    name: Annotated[Text, typer.Option(help="The customer's name; the contact's without.")] = None,
    kind: Annotated[Kind, _choice("What the customer is.")] = Kind.RESIDENT,
    sub_kind: Annotated[SubKind, _choice("What the customer is to the building.")] = SubKind.TENANT,
    cycle: Annotated[Cycle, _choice("How often there is a bill.")] = Cycle.MONTHLY,
    pays_by: Annotated[Method, _choice("How bills are paid.")] = Method.DIRECT,
    delivery: Annotated[Delivery, _choice("How bills are delivered.")] = Delivery.EMAIL,
    mode: Annotated[Mode, _choice("Whether supply is paid before or after.")] = Mode.POSTPAID,
    email: Annotated[Text, typer.Option(help="Where e-mail goes.")] = None,
    mobile: Annotated[Text, typer.Option(help="The mobile number.")] = None,
    contract: Annotated[Text, typer.Option(help="The account's key with the utility.")] = None,
    file: ListFile = None,
    dry_run: DryRun = False,
    key: Key = None,
) -> None:
    """Create a customer with an account, or create and change those of a file."""
    one = None
    if first_name is not None:
        contact = ContactTold(
            first_name=first_name,
            last_name=told(last_name),
            mobile_no=told(mobile),
            email=told(email),
        )
        customer = CustomerTold(
            account_name=name or f"{first_name} {last_name or ''}".strip(),
            customer_type_code=kind.value,
            customer_sub_type_code=sub_kind.value,
            bill_cycle_code=cycle.value,
            payment_method_type=pays_by.value,
            invoice_delivery_class=delivery.value,
            payment_mode=mode.value,
            sales_cust_number=msgspec.UNSET if contract is None else contract,
            contacts=[contact],
        )
        one = SaveCustomers([customer])
    wanted = listed(session, file, SaveCustomers, one)
    saved = await session.act(save_customers, wanted, key, dry_run=dry_run)
    session.teller.rows(saved, "account_number", "sales_cust_number", "result")


@command(app, "show")
async def show(
    session: Session,
    account: Annotated[Text, typer.Argument(help="The account: 03280")] = None,
    *,
    contract: Annotated[Text, typer.Option(help="The account's key with the utility.")] = None,
) -> None:
    """Show a customer: contacts, addresses, what is owed and held, and the agreements."""
    shown = await session.ask(customer_details, CustomerWanted(account, contract))
    portal = await session.ask(show_portal, Nothing())
    plain = _for_people(shown, portal.currency)
    session.teller.tell(shown, lambda: "\n".join(lines(plain, portal.zone)))


def _for_people(shown: CustomerDetails, currency: str) -> CustomerDetails:
    """Return a customer with money in whole coins, and without addresses of which all is blank."""
    return msgspec.structs.replace(
        shown,
        bond_amount=round_money(shown.bond_amount, currency),
        balance=round_money(shown.balance, currency),
        arrears_outstanding=round_money(shown.arrears_outstanding, currency),
        wallets=[
            msgspec.structs.replace(wallet, balance=round_money(wallet.balance, currency))
            if wallet.unit == currency
            else wallet
            for wallet in shown.wallets
        ],
        addresses=[
            address
            for address in shown.addresses
            if any(getattr(address, name) for name in PlaceAddress.__struct_fields__)
        ],
    )
