"""What accounts owe, what they were given and what was taken off."""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from operator import itemgetter
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from currant.adjustments.model import (
    Adjustment,
    AdjustmentsWanted,
    EnterAdjustments,
    NewAdjustment,
    Status,
)
from currant.adjustments.verbs import (
    adjustments,
    count_adjustments,
    enter_adjustments,
    post_adjustments,
)
from currant.api.utilmate.methods import Row, Summary, Total, changes, reads
from currant.api.utilmate.parameters import (
    RESULT,
    Account,
    BpayAccount,
    BuildingCode,
    Day,
    Flag,
    Money,
    Month,
    Page,
    Sent,
    flag,
    no_null,
    words,
)
from currant.db.tx import Tx
from currant.debtors.model import HistoryWanted, MovementType
from currant.debtors.verbs import account_history
from currant.directory.verbs import accounts_of_contracts
from currant.receipts.model import BatchType, NewReceipt, PostReceipts, ReceiptsWanted
from currant.receipts.verbs import count_receipts, post_receipts, receipts


class HistorySent(Sent, frozen=True, kw_only=True):
    """The receivable history of an account, perhaps between two days."""

    account_number: Account
    start_date: Day | None = None
    end_date: Day | None = None
    include_reversed: bool = True


class Allocation(msgspec.Struct, frozen=True):
    """What of a transaction is allocated to which other."""

    ar_trans_id: int
    amount: Decimal


class Movement(Row, frozen=True, kw_only=True):
    """What moved the receivable of an account: a debit is owed, a credit pays."""

    account_number: str
    sales_cust_number: str
    account_name: str
    customer_type_code: str
    ar_trans_id: int
    trans_type: Annotated[
        str,
        words(
            "INVOICE", "RECEIPT", "ADJUSTMENT", "CHARGE", "REVERSAL", "ARREARS", "PAYMENT",
            "WRITEOFF",
        ),
    ]  # fmt: skip
    trans_date: date
    posted_date: date
    reference: str
    description: str
    debit: Decimal
    credit: Decimal
    amount: Decimal
    balance: Decimal
    invoice_number: str | msgspec.UnsetType = msgspec.UNSET
    due_date: date | msgspec.UnsetType = msgspec.UNSET
    status: Annotated[str, words("OPEN", "PART", "CLOSED", "REVERSED")]
    allocations: list[Allocation]


class HistorySummed(Summary, frozen=True, kw_only=True):
    """What was owed before and after: opening + debit - credit = closing."""

    opening_balance: Decimal
    total_debit: Decimal
    total_credit: Decimal
    closing_balance: Decimal


@reads("GETACCREC", "U01", calls=account_history)
async def get_acc_rec(tx: Tx, wanted: HistorySent) -> AsyncIterator[Movement | HistorySummed]:
    """Tell what moved the receivable of an account, with the balance after each."""
    question = HistoryWanted(
        wanted.account_number, wanted.start_date, wanted.end_date, wanted.include_reversed
    )
    told = await account_history(tx, question)
    for row in told.movements:
        is_invoice = row.type is MovementType.INVOICE
        yield Movement(
            account_number=told.account,
            sales_cust_number=told.contract,
            account_name=told.name,
            customer_type_code=told.type_code,
            ar_trans_id=row.transaction_id,
            trans_type=row.type.value,
            trans_date=row.moved_on,
            posted_date=row.posted_on,
            reference=row.reference,
            description=row.description,
            debit=row.debit,
            credit=row.credit,
            amount=row.amount,
            balance=row.balance,
            invoice_number=row.number if is_invoice else msgspec.UNSET,
            due_date=no_null(row.due_on),
            status=row.status.value,
            allocations=[Allocation(one.transaction_id, one.amount) for one in row.allocations],
        )
    yield HistorySummed(
        opening_balance=told.opening,
        total_debit=told.debit,
        total_credit=told.credit,
        closing_balance=told.closing,
    )


_STATUS = Literal["PENDING", "POSTED", "REJECTED", "REVERSED"]


class AdjustmentsSent(Page, frozen=True, kw_only=True):
    """Adjustments of a range of days, by when they were posted or by their own date."""

    start_date: Day
    end_date: Day
    use_trans_date: Annotated[
        bool, Meta(description="Y: by their own date. N: by the day of posting.")
    ] = False
    building_code: BuildingCode | None = None
    account_number: Account | None = None
    status: _STATUS | None = None


class AdjustmentListed(Row, frozen=True, kw_only=True):
    """An adjustment; its amount is positive, with GST. Nothing is posted before it is approved."""

    account_number: str
    sales_cust_number: str
    account_name: str
    customer_type_code: str
    building_code: str
    building_name: str
    site_identifier: str
    site_name: str
    cust_account_id: int | msgspec.UnsetType = msgspec.UNSET
    product_type: str | msgspec.UnsetType = msgspec.UNSET
    adjustment_id: int
    adj_reason_code: str
    adj_reason: str
    debit_credit: Annotated[str, words("D", "C")]
    adj_amount: Decimal
    gst: Decimal
    adj_date: date
    posted_date: date | None
    approved_by: str
    status: Annotated[str, words("PENDING", "POSTED", "REJECTED", "REVERSED")]
    accounting_period: Month | None
    notes: str


@reads("GETADJUST", "U02", calls=adjustments, pages=True)
async def get_adjust(tx: Tx, wanted: AdjustmentsSent) -> AsyncIterator[AdjustmentListed | Total]:
    """List the adjustments of a range of days; by the day of posting only what is posted."""
    question = AdjustmentsWanted(
        first=wanted.start_date,
        last=wanted.end_date,
        by_own_date=wanted.use_trans_date,
        building_code=wanted.building_code,
        account=wanted.account_number,
        status=None if wanted.status is None else Status(wanted.status),
        how_many=wanted.limit,
        skip=wanted.offset,
    )
    async for row in adjustments(tx, question):
        posted = row.status in (Status.POSTED, Status.REVERSED)
        yield AdjustmentListed(
            account_number=row.account,
            sales_cust_number=row.contract,
            account_name=row.name,
            customer_type_code=row.type_code,
            building_code=row.building_code,
            building_name=row.building_name,
            site_identifier=row.site_identifier,
            site_name=row.site_name,
            cust_account_id=no_null(row.agreement_id),
            product_type=no_null(row.product_type),
            adjustment_id=row.adjustment_id,
            adj_reason_code=row.reason,
            adj_reason=row.description,
            debit_credit=row.debit_credit.value,
            adj_amount=row.amount,
            gst=row.tax,
            adj_date=row.adjusted_on,
            posted_date=row.posted_on,
            approved_by=row.decided_by or "" if posted else "",
            status=row.status.value,
            accounting_period=None if row.month is None else f"{row.month:%Y%m}",
            notes=row.notes,
        )
    yield Total(total=await count_adjustments(tx, question))


class AdjustmentSent(Sent, frozen=True, kw_only=True):
    """An adjustment: its amount is positive, with GST. The reason says which way, and the taxes."""

    account_number: Account
    adj_reason_code: str
    adj_date: Day
    adj_amount: Money
    post_adj: Annotated[
        bool, Meta(description="Y posts it at once, for who may approve. N leaves it pending.")
    ] = False
    notes: str = ""
    cust_account_id: int | None = None


class AdjustmentMade(Row, frozen=True, kw_only=True):
    """An adjustment that was made, and what the account owes now."""

    adjustment_id: int
    debit_credit: Annotated[str, words("D", "C")]
    gst: Decimal
    status: Annotated[str, words("PENDING", "POSTED")]
    new_balance: Decimal
    result: Annotated[str, RESULT]


@changes(
    "POSTADJUSTMENT",
    "U36",
    calls=enter_adjustments,
    or_else=post_adjustments,
    where=lambda sent: sent.post_adj,
    names={
        "account": "account_number",
        "reason": "adj_reason_code",
        "adjusted_on": "adj_date",
        "amount": "adj_amount",
        "agreement_id": "cust_account_id",
    },
)
async def post_adjustment(tx: Tx, sent: list[AdjustmentSent]) -> list[AdjustmentMade]:
    """Adjust an account; `post_adj` posts it at once, within the caller's special limit."""
    made: dict[int, Adjustment] = {}
    for verb, at_once in ((enter_adjustments, False), (post_adjustments, True)):
        places = [place for place, one in enumerate(sent) if one.post_adj == at_once]
        if places:
            new = [_adjustment(sent[place]) for place in places]
            made |= zip(places, await verb(tx, EnterAdjustments(new)), strict=True)
    return [
        AdjustmentMade(
            adjustment_id=row.adjustment_id,
            debit_credit=row.debit_credit.value,
            gst=row.tax,
            status=row.status.value,
            new_balance=row.balance,
            result="CREATED",
        )
        for _, row in sorted(made.items(), key=itemgetter(0))
    ]


def _adjustment(sent: AdjustmentSent) -> NewAdjustment:
    return NewAdjustment(
        account=sent.account_number,
        reason=sent.adj_reason_code.upper(),
        adjusted_on=sent.adj_date,
        amount=sent.adj_amount,
        notes=sent.notes,
        agreement_id=sent.cust_account_id,
    )


BatchTypeSent = Literal["CHEQUE", "DIRECT", "CASH", "EFT", "CRDCARD", "WEB", "DRECTDEBIT"]
BATCH_TYPE = words("CHEQUE", "DIRECT", "CASH", "EFT", "CRDCARD", "WEB", "DRECTDEBIT")
# Who money is booked to that nobody can be found for.
SUSPENSE = "999999"


class ReceiptsSent(Page, frozen=True, kw_only=True):
    """Receipts of a range of days, by when they were posted or by their own date."""

    start_date: Day
    end_date: Day
    use_trans_date: Annotated[
        bool, Meta(description="Y: by their own date. N: by the day of posting.")
    ] = False
    building_code: BuildingCode | None = None
    account_number: Account | None = None
    batch_type: BatchTypeSent | None = None


class ReceiptListed(Row, frozen=True, kw_only=True):
    """A receipt; one in suspense is booked to account 999999."""

    account_number: str
    sales_cust_number: str
    account_name: str
    customer_type_code: str
    building_code: str
    building_name: str
    receipt_id: int
    batch_no: int
    batch_type: Annotated[str, BATCH_TYPE]
    batch_name: str
    receipt_date: date
    posted_date: date
    amount: Decimal
    allocated: Decimal
    unallocated: Decimal
    reference: str
    status: Annotated[str, words("POSTED", "DISHONOURED", "REVERSED")]
    dishonour_type: str
    suspense: Flag
    accounting_period: Month


@reads("GETRECEIPT", "U16", calls=receipts, pages=True)
async def get_receipt(tx: Tx, wanted: ReceiptsSent) -> AsyncIterator[ReceiptListed | Total]:
    """List the receipts of a range of days, with what of them is allocated."""
    question = ReceiptsWanted(
        first=wanted.start_date,
        last=wanted.end_date,
        by_own_date=wanted.use_trans_date,
        building_code=wanted.building_code,
        account=wanted.account_number,
        batch_type=None if wanted.batch_type is None else BatchType(wanted.batch_type),
        how_many=wanted.limit,
        skip=wanted.offset,
    )
    async for row in receipts(tx, question):
        yield ReceiptListed(
            account_number=row.account or SUSPENSE,
            sales_cust_number=row.contract or "",
            account_name=row.name or "",
            customer_type_code=row.type_code or "SUNDRY",
            building_code=row.building_code,
            building_name=row.building_name,
            receipt_id=row.receipt_id,
            batch_no=row.batch_no,
            batch_type=row.batch_type.value,
            batch_name=row.batch_name,
            receipt_date=row.received_on,
            posted_date=row.posted_on,
            amount=row.amount,
            allocated=row.allocated,
            unallocated=row.unallocated,
            reference=row.reference,
            status=row.status.value,
            dishonour_type=row.dishonour_type,
            suspense=flag(row.suspense),
            accounting_period=f"{row.month:%Y%m}",
        )
    yield Total(total=await count_receipts(tx, question))


class ReceiptSent(Sent, frozen=True, kw_only=True):
    """Money that was received for an account, which a BPAY reference or the customer's key names.

    An account that nobody knows is no fault: the money goes into suspense.
    """

    one_of: ClassVar[tuple[str, ...]] = ("account_number", "sales_cust_number")

    batch_type: BatchTypeSent
    account_number: BpayAccount | None = None
    sales_cust_number: str | None = None
    date: Day
    amount: Money
    reference: str = ""
    batch_name: str = ""
    to_wallet: Annotated[
        bool, Meta(description="Y: what is not owed fills the currency wallet.")
    ] = False


class ReceiptMade(Row, frozen=True, kw_only=True):
    """A receipt that was posted, what it paid, and what the account owes now."""

    receipt_id: int
    batch_no: int
    account_number: str
    suspense: Flag
    amount: Decimal
    allocations: list[Allocation]
    unallocated: Decimal
    new_balance: Decimal
    result: Annotated[str, RESULT]


@changes(
    "POSTRECEIPT",
    "U33",
    calls=post_receipts,
    names={"account": "account_number", "received_on": "date"},
)
async def post_receipt(tx: Tx, sent: list[ReceiptSent]) -> list[ReceiptMade]:
    """Post money that was received: the oldest due is paid first, the rest is credit."""
    keys = [one.sales_cust_number for one in sent if one.sales_cust_number is not None]
    named = await accounts_of_contracts(tx, keys)
    new = [
        NewReceipt(
            batch_type=BatchType(one.batch_type),
            account=one.account_number
            or named.get(one.sales_cust_number or "")
            or one.sales_cust_number
            or "",
            received_on=one.date,
            amount=one.amount,
            reference=one.reference,
            batch_name=one.batch_name,
            to_wallet=one.to_wallet,
        )
        for one in sent
    ]
    return [
        ReceiptMade(
            receipt_id=row.receipt_id,
            batch_no=row.batch_no,
            account_number=row.account or SUSPENSE,
            suspense=flag(row.suspense),
            amount=row.amount,
            allocations=[Allocation(paid.transaction_id, paid.amount) for paid in row.allocations],
            unallocated=row.unallocated,
            new_balance=row.balance or Decimal(0),
            result="CREATED",
        )
        for row in await post_receipts(tx, PostReceipts(new))
    ]
