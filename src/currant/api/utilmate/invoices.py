"""Invoices, their papers, and the charges that they will carry."""

from decimal import Decimal
from typing import Annotated

from currant.api.utilmate.methods import Row, changes
from currant.api.utilmate.parameters import RESULT, Account, Day, Money, Sent, SiteIdentifier, words
from currant.charges.model import STANDARD, AddCharges, NewCharge
from currant.charges.verbs import add_approved_charges, add_charges
from currant.db.tx import Tx


class ChargeSent(Sent, frozen=True, kw_only=True):
    """A one-off charge; its amount includes GST, and it is invoiced no earlier than its date."""

    account_number: Account
    charge_item_code: str
    charge_date: Day
    amount: Money
    charge_group_code: str = STANDARD
    invoice_description: str = ""
    notes: str = ""
    cust_account_id: int | None = None
    site_identifier: SiteIdentifier | None = None
    post_charge: bool = False


class ChargeAdded(Row, frozen=True, kw_only=True):
    """A charge that the next invoice takes, once it is approved."""

    charge_id: int
    status: Annotated[str, words("PENDING", "APPROVED")]
    amount_ex_gst: Decimal
    gst: Decimal
    result: Annotated[str, RESULT]


@changes(
    "POSTCHARGE",
    "U29",
    calls=add_charges,
    or_else=add_approved_charges,
    where=lambda sent: sent.post_charge,
)
async def post_charge(tx: Tx, sent: list[ChargeSent]) -> list[ChargeAdded]:
    """Charge an account once; `post_charge` approves it at once, for who may approve."""
    add = add_approved_charges if any(charge.post_charge for charge in sent) else add_charges
    charges = [
        NewCharge(
            account=charge.account_number,
            item_code=charge.charge_item_code.upper(),
            charge_on=charge.charge_date,
            amount=charge.amount,
            group_code=charge.charge_group_code.upper(),
            description=charge.invoice_description,
            notes=charge.notes,
            agreement_id=charge.cust_account_id,
            site_identifier=charge.site_identifier,
            approve=charge.post_charge,
        )
        for charge in sent
    ]
    return [
        ChargeAdded(
            charge_id=added.charge_id,
            status=added.status,
            amount_ex_gst=added.net,
            gst=added.tax,
            result="CREATED",
        )
        for added in await add(tx, AddCharges(charges))
    ]
