"""Transactions: arrears paid without a sale, and reversals."""

from decimal import Decimal
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from currant.api.http import AnyRequest, door_of, json_of, signed_in
from currant.api.v1.frame import IdempotencyKey, answer
from currant.api.v1.openapi import documented
from currant.transactions.model import (
    ArrearsPaid,
    PayArrears,
    PaymentNamed,
    ReverseTransaction,
    TransactionReversed,
)
from currant.transactions.verbs import pay_arrears, reverse, show_payment


class Reversal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a transaction is reversed; the books keep it."""

    note: str


@post(
    "/v1/{portal:str}/arrears/payments",
    operation_class=documented(
        ArrearsPaid, takes=PayArrears("00084", "cash", Decimal(25)), status=201
    ),
)
async def post_payment(
    request: AnyRequest, portal: FromPath[str], idempotency_key: IdempotencyKey = None
) -> Response[Any]:
    """Take a tender for arrears alone: the oldest first, or only the items named."""
    actor = await signed_in(request, portal)
    command = await json_of(request, PayArrears)
    return answer(await door_of(request).act(pay_arrears, command, actor, idempotency_key), 201)


@get(
    "/v1/{portal:str}/arrears/payments/{number:int}",
    operation_class=documented(ArrearsPaid),
)
async def get_payment(
    request: AnyRequest, portal: FromPath[str], number: FromPath[int]
) -> Response[Any]:
    """Show a payment of arrears by the number that its receipt prints, its `transaction_id`."""
    actor = await signed_in(request, portal)
    return answer(await door_of(request).ask(show_payment, PaymentNamed(number), actor))


@post(
    "/v1/{portal:str}/transactions/{number:int}/reverse",
    status_code=200,
    operation_class=documented(TransactionReversed, takes=Reversal("Sold to the wrong account.")),
)
async def post_reversal(
    request: AnyRequest,
    portal: FromPath[str],
    number: FromPath[int],
    idempotency_key: IdempotencyKey = None,
) -> Response[Any]:
    """Undo a transaction, with all that it moved, by its exact mirror."""
    actor = await signed_in(request, portal)
    body = await json_of(request, Reversal)
    command = ReverseTransaction(number, body.note)
    return answer(await door_of(request).act(reverse, command, actor, idempotency_key))


ROUTES = [post_payment, get_payment, post_reversal]
