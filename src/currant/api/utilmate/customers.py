"""Customers: who they are, who moves in and out, what they are provided with."""

from decimal import Decimal
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from currant.api.utilmate.methods import Row, changes
from currant.api.utilmate.parameters import (
    RESULT,
    Account,
    Day,
    Quantity,
    Sent,
    SiteIdentifier,
    words,
)
from currant.charges.model import NewLineItem, Provision
from currant.charges.verbs import provision
from currant.db.tx import Tx

AGREEMENT = words("PENDING_MOVE_IN", "ACTIVE", "PENDING_MOVE_OUT", "CLOSED")


class LineItemSent(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a service: quantity × unit price, once or each month."""

    item_code: str
    unit_price: Annotated[Decimal, Meta(extra={"places": 6})]
    description: str = ""
    quantity: Quantity = Decimal(1)
    price_includes_gst: bool = True
    frequency: Literal["ONCE", "MONTHLY"] = "MONTHLY"


class ProvisionSent(Sent, frozen=True, kw_only=True):
    """A telco or ISP service for an account, or for whoever is supplied at a site.

    Line items also go by `item1_code`, `item1_unit_price` and so on to `item5_unit_price`.
    """

    any_of: ClassVar[tuple[str, ...]] = ("account_number", "site_identifier")
    flat: ClassVar[dict[str, str]] = {"item": "line_items"}

    product_type: Literal["TELCO", "ISP"]
    service_number: str
    start_date: Day
    line_items: list[LineItemSent]
    account_number: Account | None = None
    site_identifier: SiteIdentifier | None = None
    provider: str = ""
    end_date: Day | None = None
    contract_months: int | None = None
    plan_code: str = ""


class ServiceProvided(Row, frozen=True, kw_only=True):
    """A new service: its agreement and its line items."""

    account_number: str
    cust_account_id: int
    service_number: str
    status: Annotated[str, AGREEMENT]
    line_item_ids: list[int]
    result: Annotated[str, RESULT]


@changes("POSTPROVISION", "U32", calls=provision)
async def post_provision(tx: Tx, sent: ProvisionSent) -> ServiceProvided:
    """Add a telco or ISP service with 1 to 5 line items to an account."""
    made = await provision(
        tx,
        Provision(
            product_type=sent.product_type,
            service_number=sent.service_number,
            start_on=sent.start_date,
            account=sent.account_number,
            site_identifier=sent.site_identifier,
            provider=sent.provider,
            end_on=sent.end_date,
            contract_months=sent.contract_months,
            plan_code=sent.plan_code,
            line_items=[
                NewLineItem(
                    item_code=line.item_code,
                    unit_price=line.unit_price,
                    description=line.description,
                    quantity=line.quantity,
                    price_includes_tax=line.price_includes_gst,
                    frequency=line.frequency,
                )
                for line in sent.line_items
            ],
        ),
    )
    return ServiceProvided(
        account_number=made.account,
        cust_account_id=made.agreement_id,
        service_number=made.service_number,
        status=made.status,
        line_item_ids=made.line_item_ids,
        result="CREATED",
    )
