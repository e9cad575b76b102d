"""Who moves in and out."""

from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from currant.api.utilmate.customers import AGREEMENT, CustomerSent, concessions_of, customer_told
from currant.api.utilmate.methods import Row, changes
from currant.api.utilmate.parameters import (
    RESULT,
    Account,
    Day,
    Flag,
    Money,
    Sent,
    SiteIdentifier,
    flag,
    no_null,
    words,
)
from currant.api.utilmate.work import OrderReadSent, register_read
from currant.customers.model import AddressTold, DeliveryClass
from currant.db.tx import Tx
from currant.errors import Invalid
from currant.moves.model import MoveCharge, MoveIn, MoveInTold, MoveOut, MoveOutTold
from currant.moves.verbs import move_in, move_out

Product = Literal["ELECTRICITY", "GAS", "COLD_WATER", "HOT_WATER", "TELCO", "ISP", "SUNDRY"]
# What of a customer goes with a move of one that there is.
_WITH_THE_MOVE = (
    "account_number", "payment_method_type", "invoice_delivery_class", "bond_amount",
)  # fmt: skip


class ChargeSent(msgspec.Struct, frozen=True, kw_only=True):
    """What a move costs, with GST."""

    charge_item_code: str
    amount: Money
    description: str = ""


class MoveInSent(CustomerSent, frozen=True, kw_only=True):
    """Who moves in where and when: an account, or the members of a new customer.

    Without `product_types` all that the site's meters measure is supplied. Without a plan it is the
    building's for such customers, or the one that the meters are on.
    """

    site_identifier: SiteIdentifier
    move_in_date: Day
    product_types: list[Product] | None = None
    price_plan_code: str | None = None
    offering_code: str | None = None
    opening_reads: list[OrderReadSent] | None = None
    life_support: bool | None = None
    preferred_connection_date: Day | None = None
    move_in_charge: ChargeSent | None = None


class MovedIn(Row, frozen=True, kw_only=True):
    """A move in: the agreements that begin; `reads_created` are the ids of its reads."""

    account_number: str
    cust_account_ids: list[int]
    status: Annotated[str, words("ACTIVE", "PENDING_MOVE_IN")]
    reads_created: list[int]
    work_order_ids: list[int]
    activity_ids: list[int]
    charge_id: int | msgspec.UnsetType = msgspec.UNSET
    result: Annotated[str, RESULT]


@changes("POSTMOVEIN", "U30", calls=move_in)
async def post_move_in(tx: Tx, sent: list[MoveInSent]) -> list[MovedIn]:
    """Move a customer in: agreements, plans, opening reads, work orders and charges in one."""
    told = [_move_in(one) for one in sent]
    return [
        MovedIn(
            account_number=row.account_number,
            cust_account_ids=row.cust_account_ids,
            status=row.status,
            reads_created=row.reads_created,
            work_order_ids=row.work_order_ids,
            activity_ids=row.activity_ids,
            charge_id=no_null(row.charge_id),
            result="CREATED",
        )
        for row in await move_in(tx, MoveIn(told))
    ]


def _move_in(sent: MoveInSent) -> MoveInTold:
    """Return a move as the domain takes it. Raises `Invalid`."""
    members: dict[str, Any] = {}
    if sent.account_number is None:
        members["customer"] = customer_told(sent)
    else:
        _refuse_customer(sent)
        members["account_number"] = sent.account_number
        members["concessions"] = concessions_of(sent)
        for name in _WITH_THE_MOVE[1:]:
            if (value := getattr(sent, name)) is not None:
                members[name] = value
    return MoveInTold(
        site_identifier=sent.site_identifier,
        move_in_date=sent.move_in_date,
        product_types=list(sent.product_types or []),
        price_plan_code=sent.price_plan_code,
        offering_code=sent.offering_code,
        opening_reads=[register_read(read) for read in sent.opening_reads or []],
        life_support=sent.life_support,
        preferred_connection_date=sent.preferred_connection_date,
        move_in_charge=_charge(sent.move_in_charge),
        **members,
    )


def _refuse_customer(sent: MoveInSent) -> None:
    """Refuse to change a customer by the way: POSTCUST does that."""
    for field in msgspec.structs.fields(CustomerSent):
        name = field.name
        if name in _WITH_THE_MOVE or name.startswith("concession_"):
            continue
        if getattr(sent, name) != field.default:
            told = f"{name} goes with a new customer; POSTCUST changes one that there is."
            raise Invalid(told, field=name)


class AddressSent(msgspec.Struct, frozen=True, kw_only=True):
    """An address, whole."""

    line1: str
    line2: str = ""
    suburb: str = ""
    state: str = ""
    postcode: str = ""
    country: str = ""


class MoveOutSent(Sent, frozen=True, kw_only=True):
    """Who moves out of a site, or of ALL of them, and the last day supplied.

    Who has invoices by post says where to.
    """

    account_number: Account
    site_identifier: Annotated[str, Meta(description="The site, or ALL.")]
    move_out_date: Day
    forwarding_address: AddressSent | None = None
    email: str | None = None
    mobile: str | None = None
    invoice_delivery_class: DeliveryClass | None = None
    closing_reads: list[OrderReadSent] | None = None
    move_out_charge: ChargeSent | None = None
    reason: str = ""


class AgreementEnded(msgspec.Struct, frozen=True):
    """An agreement that ends, and its last day."""

    cust_account_id: int
    status: Annotated[str, AGREEMENT]
    end_date: date


class MovedOut(Row, frozen=True, kw_only=True):
    """A move out: the agreements that end; `reads_created` are the ids of its reads."""

    account_number: str
    agreements: list[AgreementEnded]
    reads_created: list[int]
    work_order_ids: list[int]
    activity_ids: list[int]
    charge_id: int | msgspec.UnsetType = msgspec.UNSET
    final_invoice_expected: Flag
    result: Annotated[str, RESULT]


_LEFT = ("email", "mobile", "invoice_delivery_class")


@changes("POSTMOVEOUT", "U31", calls=move_out)
async def post_move_out(tx: Tx, sent: list[MoveOutSent]) -> list[MovedOut]:
    """Move a customer out of a site with all its services; the final invoice comes with a run."""
    told = [
        MoveOutTold(
            account_number=one.account_number,
            site_identifier=one.site_identifier,
            move_out_date=one.move_out_date,
            forwarding_address=_forwarding(one.forwarding_address),
            closing_reads=[register_read(read) for read in one.closing_reads or []],
            move_out_charge=_charge(one.move_out_charge),
            reason=one.reason,
            **_told_of(one),
        )
        for one in sent
    ]
    return [
        MovedOut(
            account_number=row.account_number,
            agreements=[
                AgreementEnded(one.cust_account_id, one.status, one.end_date)
                for one in row.agreements
            ],
            reads_created=row.reads_created,
            work_order_ids=row.work_order_ids,
            activity_ids=row.activity_ids,
            charge_id=no_null(row.charge_id),
            final_invoice_expected=flag(row.final_invoice_expected),
            result="UPDATED",
        )
        for row in await move_out(tx, MoveOut(told))
    ]


def _told_of(sent: MoveOutSent) -> dict[str, Any]:
    members = {name: getattr(sent, name) for name in _LEFT}
    return {name: value for name, value in members.items() if value is not None}


def _forwarding(sent: AddressSent | None) -> AddressTold | None:
    if sent is None:
        return None
    return AddressTold(sent.line1, sent.line2, sent.suburb, sent.state, sent.postcode, sent.country)


def _charge(sent: ChargeSent | None) -> MoveCharge | None:
    if sent is None:
        return None
    return MoveCharge(sent.charge_item_code, sent.amount, sent.description)
