"""Receipts: posted, listed, transferred from suspense and undone; refunds and bonds."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from currant.api.http import AnyRequest, door_of, json_of, signed_in
from currant.api.v1.frame import (
    ByOwnDate,
    Cursor,
    FirstDay,
    IdempotencyKey,
    LastDay,
    Limit,
    OfAccount,
    OfBuilding,
    answer,
    begins_after,
    counted_page,
)
from currant.api.v1.openapi import documented
from currant.receipts.model import (
    BatchType,
    BondMoved,
    BondNamed,
    BondShown,
    DishonourReceipt,
    NewReceipt,
    PostReceipts,
    Receipt,
    ReceiptNamed,
    ReceiptsWanted,
    RefundCredit,
    Refunded,
    ReleaseBond,
    TakeBond,
    Transfer,
    TransferReceipts,
    UndoReceipt,
)
from currant.receipts.verbs import (
    dishonour_receipt,
    post_receipts,
    receipts,
    refund_credit,
    release_bond,
    reverse_receipt,
    show_bond,
    show_receipt,
    suspend_receipt,
    take_bond,
    transfer_receipts,
)

OfType = Annotated[BatchType | None, QueryParameter(description="Of batches of this type.")]
InSuspense = Annotated[
    bool | None, QueryParameter(description="Of those that wait in suspense, or do not.")
]


class Undoing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a receipt is undone; the books keep it."""

    note: str


class Dishonour(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the bank calls a dishonour, and the fee to charge for it."""

    dishonour_type: str
    note: str = ""
    fee: Decimal | None = None


class Refund(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a credit is refunded, how much of it, and how it goes out."""

    note: str
    amount: Decimal | None = None
    batch_type: BatchType = BatchType.EFT


class Bond(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A bond, and how it came in."""

    batch_type: BatchType
    amount: Decimal
    note: str = ""


class BondRelease(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a bond is released, how much of it, and whether what is not owed is refunded."""

    note: str
    amount: Decimal | None = None
    refund: bool = True
    batch_type: BatchType = BatchType.EFT


# What the document shows as examples.
_RECEIPT = NewReceipt(
    BatchType.DIRECT, "03280", date(2024, 8, 12), Decimal(100), "BPAY 881", "12 August"
)
_DISHONOUR = Dishonour("INSUFFICIENT", fee=Decimal("12.5"))


@post(
    "/v1/{portal:str}/receivables/receipts",
    operation_class=documented(Receipt, takes=PostReceipts([_RECEIPT]), listed=True, status=201),
)
async def take_receipts(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Post receipts, all or none: what is due first is paid first, the rest stays as a credit.

    An unknown account is no fault: the money waits in suspense.
    """
    actor = await signed_in(request, portal)
    command = await json_of(request, PostReceipts)
    rows = await door_of(request).act(post_receipts, command, actor, idempotency_key)
    return answer({"data": rows}, 201)


@get("/v1/{portal:str}/receivables/receipts", operation_class=documented(Receipt, paged=True))
async def get_account_receipts(
    request: AnyRequest,
    portal: FromPath[str],
    first: FirstDay = None,
    last: LastDay = None,
    by_own_date: ByOwnDate = False,
    building_code: OfBuilding = None,
    account: OfAccount = None,
    batch_type: OfType = None,
    suspense: InSuspense = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response[Any]:
    """List receipts by their ids, with what they paid."""
    actor = await signed_in(request, portal)
    skip = begins_after(cursor)
    question = ReceiptsWanted(
        first, last, by_own_date, building_code, account, batch_type, suspense, limit, skip
    )
    async with door_of(request).asking(receipts, actor) as tx:
        rows = [row async for row in receipts(tx, question)]
    return counted_page(rows, limit, skip)


@get("/v1/{portal:str}/receivables/receipts/{receipt_id:int}", operation_class=documented(Receipt))
async def get_account_receipt(
    request: AnyRequest, portal: FromPath[str], receipt_id: FromPath[int]
) -> Response[Any]:
    """Show a receipt, what it paid and what became of it."""
    actor = await signed_in(request, portal)
    return answer(await door_of(request).ask(show_receipt, ReceiptNamed(receipt_id), actor))


@post(
    "/v1/{portal:str}/receivables/receipts/transfer",
    status_code=200,
    operation_class=documented(
        Receipt, takes=TransferReceipts([Transfer(7, "03280")]), listed=True
    ),
)
async def transfer_account_receipts(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Transfer receipts from suspense to the accounts that they were meant for, all or none."""
    actor = await signed_in(request, portal)
    command = await json_of(request, TransferReceipts)
    rows = await door_of(request).act(transfer_receipts, command, actor, idempotency_key)
    return answer({"data": rows})


@post(
    "/v1/{portal:str}/receivables/receipts/{receipt_id:int}/suspend",
    status_code=200,
    operation_class=documented(Receipt, takes=Undoing("It was another account's.")),
)
async def suspend_account_receipt(
    request: AnyRequest,
    portal: FromPath[str],
    receipt_id: FromPath[int],
    idempotency_key: IdempotencyKey = None,
) -> Response[Any]:
    """Put a receipt that was transferred to the wrong account back into suspense."""
    actor = await signed_in(request, portal)
    told = await json_of(request, Undoing)
    command = UndoReceipt(receipt_id, told.note)
    return answer(await door_of(request).act(suspend_receipt, command, actor, idempotency_key))


@post(
    "/v1/{portal:str}/receivables/receipts/{receipt_id:int}/dishonour",
    status_code=200,
    operation_class=documented(Receipt, takes=_DISHONOUR),
)
async def dishonour_account_receipt(
    request: AnyRequest,
    portal: FromPath[str],
    receipt_id: FromPath[int],
    idempotency_key: IdempotencyKey = None,
) -> Response[Any]:
    """Reverse a receipt whose money did not come; what it paid is owed again, with a fee."""
    actor = await signed_in(request, portal)
    told = await json_of(request, Dishonour)
    command = DishonourReceipt(receipt_id, told.dishonour_type, told.note, told.fee)
    return answer(await door_of(request).act(dishonour_receipt, command, actor, idempotency_key))


@post(
    "/v1/{portal:str}/receivables/receipts/{receipt_id:int}/reverse",
    status_code=200,
    operation_class=documented(Receipt, takes=Undoing("It was taken twice.")),
)
async def reverse_account_receipt(
    request: AnyRequest,
    portal: FromPath[str],
    receipt_id: FromPath[int],
    idempotency_key: IdempotencyKey = None,
) -> Response[Any]:
    """Reverse a receipt with all that it moved; what it paid is owed again."""
    actor = await signed_in(request, portal)
    told = await json_of(request, Undoing)
    command = UndoReceipt(receipt_id, told.note)
    return answer(await door_of(request).act(reverse_receipt, command, actor, idempotency_key))


@post(
    "/v1/{portal:str}/accounts/{account:str}/refund",
    operation_class=documented(Refunded, takes=Refund("Paid twice.", Decimal(20)), status=201),
)
async def refund_account(
    request: AnyRequest,
    portal: FromPath[str],
    account: FromPath[str],
    idempotency_key: IdempotencyKey = None,
) -> Response[Any]:
    """Pay back what an account has to its credit: an amount of it, or all; never more."""
    actor = await signed_in(request, portal)
    told = await json_of(request, Refund)
    command = RefundCredit(account, told.note, told.amount, told.batch_type)
    return answer(await door_of(request).act(refund_credit, command, actor, idempotency_key), 201)


@get("/v1/{portal:str}/accounts/{account:str}/bond", operation_class=documented(BondShown))
async def get_account_bond(
    request: AnyRequest, portal: FromPath[str], account: FromPath[str]
) -> Response[Any]:
    """Say what is held of an account as a bond, and what it owes."""
    actor = await signed_in(request, portal)
    return answer(await door_of(request).ask(show_bond, BondNamed(account), actor))


@post(
    "/v1/{portal:str}/accounts/{account:str}/bond",
    operation_class=documented(BondMoved, takes=Bond(BatchType.EFT, Decimal(250)), status=201),
)
async def take_account_bond(
    request: AnyRequest,
    portal: FromPath[str],
    account: FromPath[str],
    idempotency_key: IdempotencyKey = None,
) -> Response[Any]:
    """Take a bond for an account."""
    actor = await signed_in(request, portal)
    told = await json_of(request, Bond)
    command = TakeBond(account, told.batch_type, told.amount, told.note)
    return answer(await door_of(request).act(take_bond, command, actor, idempotency_key), 201)


@post(
    "/v1/{portal:str}/accounts/{account:str}/bond/release",
    status_code=200,
    operation_class=documented(BondMoved, takes=BondRelease("Moved out.")),
)
async def release_account_bond(
    request: AnyRequest,
    portal: FromPath[str],
    account: FromPath[str],
    idempotency_key: IdempotencyKey = None,
) -> Response[Any]:
    """Release a bond: to what the account owes first, the rest to the customer."""
    actor = await signed_in(request, portal)
    told = await json_of(request, BondRelease)
    command = ReleaseBond(account, told.note, told.amount, told.refund, told.batch_type)
    return answer(await door_of(request).act(release_bond, command, actor, idempotency_key))


ROUTES = [
    take_receipts,
    get_account_receipts,
    get_account_receipt,
    transfer_account_receipts,
    suspend_account_receipt,
    dishonour_account_receipt,
    reverse_account_receipt,
    refund_account,
    get_account_bond,
    take_account_bond,
    release_account_bond,
]
