"""What the methods change: all items or none, once however often they are sent."""

import asyncio
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from tests.conformance.juice.examples import parsed
from tests.conformance.utilmate.examples import LINE, parameters_for
from tests.conformance.utilmate.replies import REPLIES, members_of, misfits
from tests.conformance.utilmate.stage import ACCOUNT, RPC, SITE, Stage

from currant.access.methods import METHODS
from currant.api.utilmate.methods import REGISTER
from currant.db.migrate import DOMAINS

ACTS = [code for code in METHODS if not REGISTER[code].asks]
TABLES = """
select c.oid::regclass::text from pg_class as c
inner join pg_namespace as n on n.oid = c.relnamespace
where c.relkind = 'r' and n.nspname = any($1) and n.nspname <> 'audit'
    and c.oid::regclass::text not in ('access.audit_event', 'access.idempotency_key')
order by 1
"""
METER = "1234abcde"
READ = {"meter_code": METER, "meter_register": 1}


async def held(stage: Stage) -> dict[str, int]:
    """How many rows each table has, but those that tell who asked for what."""
    connection = await asyncpg.connect(stage.superuser)
    tables = [row[0] for row in await connection.fetch(TABLES, list(DOMAINS))]
    counted = " union all ".join(f"select '{one}', count(*) from {one}" for one in tables)  # noqa: S608
    rows = await connection.fetch(counted)
    await connection.close()
    return dict(map(tuple, rows))


async def vacant(stage: Stage) -> None:
    """Let Ringo move out, so that somebody can move in."""
    await stage.rows("POSTMOVEOUT", parameters_for("POSTMOVEOUT"))


WRONG: dict[str, dict[str, Any]] = {
    "POSTACTIVITY": {"account_number": "04719"},
    "POSTCUST": {"customer_type_code": "RESIDENT", "account_number": "04719"},
    "POSTCHARGE": {"account_number": "04719"},
    "POSTMOVEIN": {"site_identifier": "4103009999"},
    "POSTMOVEOUT": {"account_number": "04719"},
    "POSTPROVISION": {"account_number": "04719", "service_number": "0299990002"},
    "POSTRECEIPT": {"amount": 0},
    "POSTSITE": {"site_identifier": "4103009999"},
    "POSTREAD": {"meter_code": "9999abcde"},
    "POSTADJUSTMENT": {"account_number": "04719"},
    "UPDATEWORKORDER": {"work_order_id": 99},
}


@pytest.mark.parametrize("code", ACTS)
async def test_items_are_done_all_or_none(stage: Stage, code: str) -> None:
    if code == "POSTMOVEIN":
        await vacant(stage)
    sent = parameters_for(code)
    before = await held(stage)
    answer = await stage.call(code, [sent, sent | WRONG[code]])
    told = answer.json()
    assert answer.status_code in (404, 406), told
    assert (told["error"], told["data"]) == (201, [])
    assert "parameters[1]" in told["error_message"]
    assert await held(stage) == before
    assert (await stage.call(code, [sent])).status_code == 200


@pytest.mark.parametrize("code", ACTS)
async def test_what_is_sent_again_is_done_once(stage: Stage, code: str) -> None:
    if code == "POSTMOVEIN":
        await vacant(stage)
    headers = {"Authorization": f"Bearer {stage.key}", "Idempotency-Key": "once"}
    body = {"companycode": "Tower", "methodcode": code, "parameters": parameters_for(code)}
    first = await stage.http.post(RPC, json=body, headers=headers)
    assert first.status_code == 200, first.text
    after = await held(stage)
    again = await stage.http.post(RPC, json=body, headers=headers)
    assert (again.status_code, again.content) == (200, first.content)
    assert await held(stage) == after
    other = body | {"parameters": body["parameters"] | WRONG[code]}
    refused = await stage.http.post(RPC, json=other, headers=headers)
    assert (refused.status_code, refused.json()["error"]) == (406, 201)


async def test_two_receipts_at_once_pay_one_after_the_other(stage: Stage) -> None:
    paid = {"batch_type": "EFT", "account_number": ACCOUNT, "date": "2024-08-15", "amount": 20}
    answers = await asyncio.gather(*(stage.rows("POSTRECEIPT", paid) for _ in range(2)))
    (first,), (second,) = sorted(answers, key=lambda rows: -rows[0]["new_balance"])
    assert [first["new_balance"], second["new_balance"]] == [Decimal("3.7"), Decimal("-16.3")]
    assert [first["unallocated"], second["unallocated"]] == [0, Decimal("16.3")]
    told = await stage.answer("GETACCREC", {"account_number": ACCOUNT})
    assert told["summary"]["closing_balance"] == Decimal("-16.3")


async def test_money_for_nobody_is_in_suspense(stage: Stage) -> None:
    paid = {"batch_type": "EFT", "account_number": "4711", "date": "2024-08-15", "amount": 5}
    (told,) = await stage.rows("POSTRECEIPT", paid)
    assert (told["account_number"], told["suspense"]) == ("999999", "Y")
    day = {"start_date": "2024-08-15", "end_date": "2024-08-15"}
    (listed,) = await stage.rows("GETRECEIPT", day)
    assert (listed["receipt_id"], listed["suspense"]) == (told["receipt_id"], "Y")
    assert (listed["account_number"], listed["unallocated"]) == ("999999", 5)
    assert await stage.rows("GETACCREC", {"account_number": ACCOUNT, **day}) == []


@pytest.mark.parametrize(
    ("code", "typo", "meant"),
    [
        ("GETACCREC", "acount_number", "account_number"),
        ("GETRECEIPT", "use_transdate", "use_trans_date"),
        ("POSTADJUSTMENT", "adj_amout", "adj_amount"),
        ("POSTREAD", "meter_raed", "meter_read"),
        ("POSTCUST", "contact1_first_nam", "contact1_first_name"),
    ],
)
async def test_a_typo_is_told_what_was_meant(stage, code, typo, meant) -> None:
    answer = await stage.call(code, parameters_for(code) | {typo: "1"})
    assert (answer.status_code, answer.json()["error"]) == (406, 201)
    assert typo in answer.json()["error_message"]
    assert meant in answer.json()["error_message"]


# Moves


async def test_a_customer_that_there_is_comes_back_at_a_day_to_come(stage: Stage) -> None:
    await vacant(stage)
    moved = {"account_number": "3280", "site_identifier": SITE, "move_in_date": "2024-09-01",
             "product_types": ["ELECTRICITY"], "price_plan_code": "RES-FLAT"}  # fmt: skip
    (told,) = await stage.rows("POSTMOVEIN", moved)
    assert list(misfits(members_of(REPLIES["POSTMOVEIN"]), told)) == []
    assert (told["account_number"], told["status"]) == (ACCOUNT, "PENDING_MOVE_IN")
    assert told["reads_created"] == []
    (customer,) = await stage.rows("GETCUSTDET", {"account_number": ACCOUNT})
    assert [(one["start_date"], one["end_date"]) for one in customer["agreements"]] == [
        ("2024-06-21", "2024-08-20"), ("2024-09-01", None),
    ]  # fmt: skip
    (agreement,) = told["cust_account_ids"]
    assert customer["agreements"][1]["cust_account_id"] == agreement
    orders = await stage.rows("GETWORKORDER", {"account_number": ACCOUNT})
    assert set(told["work_order_ids"]) <= {order["work_order_id"] for order in orders}


async def test_who_moved_in_is_read_and_listed_by_the_same_number(stage: Stage) -> None:
    out = parameters_for("POSTMOVEOUT") | {"move_out_date": "2024-08-13"}
    closing = READ | {"meter_read": 12540, "read_date": "2024-08-13"}
    (left,) = await stage.rows("POSTMOVEOUT", out | {"closing_reads": [closing]})
    assert list(misfits(members_of(REPLIES["POSTMOVEOUT"]), left)) == []
    assert left["agreements"] == [
        {"cust_account_id": 501, "status": "CLOSED", "end_date": "2024-08-13"}
    ]
    coming = parameters_for("POSTMOVEIN") | {"move_in_date": "2024-08-14"}
    opening = READ | {"meter_read": 12540, "read_date": "2024-08-14"}
    (came,) = await stage.rows("POSTMOVEIN", coming | {"opening_reads": [opening]})
    assert came["status"] == "ACTIVE"
    span = {"start_date": "2024-08-11", "end_date": "2024-08-15"}
    for account, moved, kind in (
        (ACCOUNT, left, "CLOSING"), (came["account_number"], came, "OPENING"),
    ):  # fmt: skip
        (read,) = await stage.rows("GETREADS", span | {"account_number": account})
        assert [read["read_id"]] == moved["reads_created"]
        assert (read["read_sub_type"], read["meter_read"]) == (kind, 12540)


async def test_nobody_moves_out_long_ago(stage: Stage) -> None:
    out = parameters_for("POSTMOVEOUT")
    late = await stage.call("POSTMOVEOUT", out | {"move_out_date": "2024-07-31"})
    assert (late.status_code, late.json()["error"]) == (406, 201)
    assert "move_out_date" in late.json()["error_message"]


# Services without a meter


async def test_items_are_told_one_by_one_or_as_a_list(stage: Stage) -> None:
    service = {"account_number": ACCOUNT, "product_type": "TELCO", "start_date": "2024-08-01"}
    flat = service | {"service_number": "0299990001"}
    for n in range(1, 6):
        flat |= {f"item{n}_code": "ADMIN", f"item{n}_unit_price": f"{n}.50",
                 f"item{n}_frequency": "MONTHLY"}  # fmt: skip
    (told,) = await stage.rows("POSTPROVISION", flat)
    assert list(misfits(members_of(REPLIES["POSTPROVISION"]), told)) == []
    assert len(told["line_item_ids"]) == 5
    line = {"item_code": "ADMIN", "unit_price": 25, "frequency": "ONCE"}
    listed = service | {"service_number": "0299990002", "line_items": [line]}
    (told,) = await stage.rows("POSTPROVISION", listed)
    assert len(told["line_item_ids"]) == 1
    for wrong, why in (
        (listed, "service number"),
        (flat | {"service_number": "3", "item2_unit_price": "x"}, "item2_unit_price: 'x'"),
        (listed | {"service_number": "3", "line_items": []}, "line_items"),
        (listed | {"service_number": "3", "line_items": [line] * 6}, "line_items"),
        (flat | {"service_number": "3", "line_items": [line]}, "line_items"),
    ):
        answer = await stage.call("POSTPROVISION", wrong)
        assert (answer.status_code, answer.json()["error"]) == (406, 201), answer.text
        assert why in answer.json()["error_message"]


# The document's own example, whole


async def test_the_history_of_the_document(stage: Stage) -> None:
    answer = await stage.call("GETACCREC", {"account_number": ACCOUNT})
    invoice, receipt, adjustment = (
        {
            "ar_trans_id": 7001, "trans_type": "INVOICE", "trans_date": "2024-08-01",
            "posted_date": "2024-08-01", "reference": "900123", "description": "Invoice 900123",
            "debit": Decimal("134.7"), "credit": 0, "amount": Decimal("134.7"),
            "balance": Decimal("134.7"), "invoice_number": "900123", "due_date": "2024-08-15",
            "status": "PART", "allocations": [
                {"ar_trans_id": 7002, "amount": 100}, {"ar_trans_id": 7003, "amount": 11},
            ],
        },
        {
            "ar_trans_id": 7002, "trans_type": "RECEIPT", "trans_date": "2024-08-12",
            "posted_date": "2024-08-12", "reference": "BPAY 881", "description": "Receipt DIRECT",
            "debit": 0, "credit": 100, "amount": -100, "balance": Decimal("34.7"),
            "status": "CLOSED", "allocations": [{"ar_trans_id": 7001, "amount": 100}],
        },
        {
            "ar_trans_id": 7003, "trans_type": "ADJUSTMENT", "trans_date": "2024-08-14",
            "posted_date": "2024-08-14", "reference": "GOODWILL",
            "description": "Goodwill credit", "debit": 0, "credit": 11, "amount": -11,
            "balance": Decimal("23.7"), "status": "CLOSED",
            "allocations": [{"ar_trans_id": 7001, "amount": 11}],
        },
    )  # fmt: skip
    assert parsed(answer.content) == {
        "error": 0,
        "methodcode": "GETACCREC",
        "data": [LINE | invoice, LINE | receipt, LINE | adjustment],
        "summary": {
            "opening_balance": 0, "total_debit": Decimal("134.7"), "total_credit": 111,
            "closing_balance": Decimal("23.7"),
        },
    }  # fmt: skip


async def test_what_is_due_at_the_end(stage: Stage) -> None:
    (customer,) = await stage.rows("GETCUSTDET", {"account_number": ACCOUNT})
    assert customer["balance"] == Decimal("23.7")
    (agreement,) = customer["agreements"]
    assert (agreement["cust_account_id"], agreement["billed_to_date"]) == (501, "2024-07-31")
    (loss,) = await stage.rows("GETLOSS", {"site_identifier": SITE})
    assert loss["total_loss_factor"] == Decimal("1.038363")
    span = {"account_number": ACCOUNT, "start_date": "2024-06-21", "end_date": "2024-08-31"}
    reads = await stage.rows("GETREADS", span)
    assert [(row["read_date"], row["read_sub_type"], row["meter_read"]) for row in reads] == [
        ("2024-06-21", "OPENING", 12000), ("2024-06-30", "ACTUAL", 12100),
        ("2024-07-31", "ACTUAL", 12410), ("2024-08-10", "ACTUAL", 12510),
    ]  # fmt: skip
    assert [row["consumption"] for row in reads] == [None, 100, 310, 100]
