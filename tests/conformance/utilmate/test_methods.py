"""Each method on the running example: its rows, its parameters, its alias."""

import hashlib
import tracemalloc
from base64 import b64decode
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import pytest
from msgspec import inspect
from tests.conformance.juice.examples import parsed
from tests.conformance.utilmate.examples import CALLS, ELSEWHERE, Call, parameters_for
from tests.conformance.utilmate.replies import REPLIES, SUMMARIES, members_of, misfits
from tests.conformance.utilmate.stage import RPC, Stage

from currant.access.methods import METHODS
from currant.api.utilmate.methods import REGISTER, Method
from currant.api.utilmate.parameters import Page
from currant.api.utilmate.parameters import members_of as parameters_of
from currant.plans.model import AssignPlan, CreateOffering, GivenInducement
from currant.plans.verbs import assign_plan, create_offering
from currant.tariffs.terms import Inducement

NUMBERS = {code: f"U{number:02}" for number, code in enumerate(METHODS, start=1)}
THERE = list(REGISTER.values())
OF_TOTALS = {"GETJOURNALS": "accounting_period gl_code gl_description debit credit line_count"}


def named(method: Method) -> str:
    return method.code


def called(call: Call) -> str:
    return f"{call.code}-{CALLS.index(call)}"


def calls_of(code: str) -> list[Call]:
    return [call for call in CALLS if call.code == code]


def test_every_method_is_there() -> None:
    assert set(REGISTER) == set(METHODS) == set(REPLIES)
    assert {code: method.number for code, method in REGISTER.items()} == NUMBERS
    assert {call.code for call in CALLS} | set(ELSEWHERE) == set(REGISTER)


@pytest.mark.parametrize("call", CALLS, ids=called)
async def test_rows_are_as_they_are_listed(stage: Stage, call: Call) -> None:
    told = await stage.answer(call.code, call.parameters)
    assert len(told["data"]) == call.rows, told
    for row in told["data"]:
        assert list(misfits(members_of(REPLIES[call.code]), row)) == []
    if call.rows:
        first = {name: told["data"][0][name] for name in call.first}
        assert first == exact(call.first)
    if call.code in SUMMARIES:
        assert list(misfits(members_of(SUMMARIES[call.code]), told["summary"])) == []
    elif REGISTER[call.code].bulk:
        assert told["summary"] == {"total": call.rows}
    else:
        assert "summary" not in told


def exact(value: Any) -> Any:
    """What a test says of numbers with decimals, as it is meant."""
    if isinstance(value, dict | MappingProxyType):
        return {name: exact(member) for name, member in value.items()}
    if isinstance(value, list):
        return [exact(one) for one in value]
    return Decimal(str(value)) if isinstance(value, float) else value


@pytest.mark.parametrize("call", CALLS, ids=called)
async def test_an_alias_answers_as_the_call_does(stage: Stage, call: Call) -> None:
    headers = {"Authorization": f"Bearer {stage.key}"}
    path = f"/utilmate/{call.code}"
    answers = [await stage.http.post(path, json=call.parameters, headers=headers)]
    if call.code.startswith("GET"):
        answers.append(await stage.http.get(path, params=call.parameters, headers=headers))
        answers.append(await stage.call(call.code, call.parameters))
    for answer in answers:
        told = parsed(answer.content)
        assert (answer.status_code, len(told["data"])) == (200, call.rows), told
        assert told == parsed(answers[0].content)


@pytest.mark.parametrize("method", THERE, ids=named)
async def test_a_parameter_that_there_is_not_is_refused(stage: Stage, method: Method) -> None:
    answer = await stage.call(method.code, parameters_for(method.code) | {"unheard_of": 1})
    assert (answer.status_code, answer.json()["error"]) == (406, 201)
    assert "unheard_of is not a parameter" in answer.json()["error_message"]


@pytest.mark.parametrize("method", THERE, ids=named)
async def test_a_parameter_that_is_missing_is_named(stage: Stage, method: Method) -> None:
    sent = parameters_for(method.code)
    for name, member in parameters_of(method.takes).items():
        if member.required:
            rest = {key: value for key, value in sent.items() if key != name}
            rest = {key: value for key, value in rest.items() if not key.startswith("item1")}
            answer = await stage.call(method.code, rest)
            assert (answer.status_code, answer.json()["error"]) == (406, 201), name
            assert name in answer.json()["error_message"]
    for options in filter(None, (method.takes.one_of, method.takes.any_of)):
        rest = {key: value for key, value in sent.items() if key not in options}
        answer = await stage.call(method.code, rest)
        assert (answer.status_code, answer.json()["error"]) == (406, 201), options
        assert options[0] in answer.json()["error_message"]


WRONG: dict[type[inspect.Type], list[Any]] = {
    inspect.DateType: ["2024-02-30", "31-12-2024", 20240101, True],
    inspect.BoolType: ["maybe", 2],
    inspect.IntType: ["1.5", "x", 1.5, True],
    inspect.DecimalType: ["1e3", "ten", True, [1]],
    inspect.LiteralType: ["WHATEVER", 1],
    inspect.StrType: [["x"], {"x": 1}, True],
}


@pytest.mark.parametrize("method", THERE, ids=named)
async def test_a_parameter_of_the_wrong_kind_is_named(stage: Stage, method: Method) -> None:
    sent = parameters_for(method.code)
    for name, member in parameters_of(method.takes).items():
        for wrong in WRONG.get(type(member.kind), []):
            answer = await stage.call(method.code, sent | {name: wrong})
            assert (answer.status_code, answer.json()["error"]) == (406, 201), (name, wrong)
            assert name in answer.json()["error_message"]


@pytest.mark.parametrize("method", THERE, ids=named)
async def test_a_range_begins_before_it_ends(stage: Stage, method: Method) -> None:
    if {"start_date", "end_date"} <= set(parameters_of(method.takes)):
        sent = calls_of(method.code)[0].parameters
        span = {"start_date": "2024-08-02", "end_date": "01/08/2024"}
        answer = await stage.call(method.code, sent | span)
        assert (answer.status_code, answer.json()["error"]) == (406, 201)
        assert "start_date" in answer.json()["error_message"]


@pytest.mark.parametrize("method", THERE, ids=named)
async def test_a_list_is_told_in_pages(stage: Stage, method: Method) -> None:
    if not issubclass(method.takes, Page):
        return
    call = max(calls_of(method.code), key=lambda call: call.rows)
    whole = await stage.answer(method.code, call.parameters)
    paged: list[Any] = []
    for offset in range(call.rows + 1):
        page = await stage.answer(method.code, call.parameters | {"limit": 1, "offset": offset})
        assert page["summary"] == whole["summary"]
        paged += page["data"]
    assert paged == whole["data"]
    none = await stage.answer(method.code, call.parameters | {"limit": 0})
    assert (none["data"], none["summary"]) == ([], whole["summary"])


async def test_items_of_a_question_are_answered_one_after_another(stage: Stage) -> None:
    months = [{"period": "202407"}, {"period": "202408", "limit": 2}, {"period": "202408"}]
    told = await stage.answer("GETJOURNALS", months)
    assert [row["item"] for row in told["data"]] == [1] * 2 + [2] * 9
    assert [one["total"] for one in told["summary"]["items"]] == [0, 9, 9]
    wrong = await stage.call("GETJOURNALS", [{"period": "202408"}, {"period": "202413"}])
    assert wrong.json()["error_message"].startswith("parameters[1]: period")


MANY = """
insert into fieldwork.work_order (
    portal_id, type, status, reason, location_id, created_at, created_by, last_mod
)
select
    w.portal_id, w.type, w.status, w.reason, w.location_id, w.created_at, w.created_by, w.last_mod
from fieldwork.work_order as w cross join generate_series(1, 50000)
"""


async def test_a_long_list_is_never_held(stage: Stage) -> None:
    await stage.owner.execute(MANY)
    sent = {"building_code": "TWR01"}
    page = await stage.answer("GETWORKORDER", sent | {"limit": 2, "offset": 49_990})
    assert (len(page["data"]), page["summary"]) == (2, {"total": 50_001})
    call = {"companycode": "Tower", "methodcode": "GETWORKORDER", "parameters": sent}
    headers = {"Authorization": f"Bearer {stage.key}"}
    size, last = 0, b""
    tracemalloc.start()
    async with (
        httpx.AsyncClient(base_url=stage.http.base_url, timeout=60) as client,
        client.stream("POST", RPC, json=call, headers=headers) as answer,
    ):
        async for chunk in answer.aiter_raw():
            size, last = size + len(chunk), chunk
    _, highest = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert last.endswith(b'"summary":{"total":50001}}')
    assert size > 20_000_000
    assert highest < 15_000_000


# The running example in numbers


async def test_the_invoice_adds_up(stage: Stage) -> None:
    (invoice,) = await stage.rows("GETINVDET", {"invoice_number": "900123"})
    usage, supply = invoice["lines"]
    assert sum(line["amount"] for line in invoice["lines"]) == invoice["invoice_amount"]
    assert sum(line["gst"] for line in invoice["lines"]) == invoice["gst"]
    assert (usage["line_type"], usage["quantity"], usage["rate"]) == (
        "USAGE", 310, Decimal("0.285"),
    )  # fmt: skip
    assert (usage["amount_ex_gst"], usage["gst"]) == (Decimal("88.35"), Decimal("8.84"))
    assert (usage["previous_read"], usage["current_read"]) == (12100, 12410)
    assert (supply["line_type"], supply["quantity"], supply["rate"]) == (
        "SUPPLY", 31, Decimal("1.1"),
    )  # fmt: skip
    assert (supply["amount_ex_gst"], supply["gst"]) == (Decimal("34.1"), Decimal("3.41"))
    assert {line["cust_account_id"] for line in invoice["lines"]} == {501}


async def test_the_history_ends_at_what_is_owed(stage: Stage) -> None:
    told = await stage.answer("GETACCREC", {"account_number": "3280"})
    invoice, receipt, adjustment = told["data"]
    assert [row["balance"] for row in told["data"]] == [
        Decimal("134.7"), Decimal("34.7"), Decimal("23.7"),
    ]  # fmt: skip
    assert [one["amount"] for one in invoice["allocations"]] == [100, 11]
    assert receipt["allocations"] == [{"ar_trans_id": invoice["ar_trans_id"], "amount": 100}]
    assert (receipt["trans_type"], receipt["reference"]) == ("RECEIPT", "BPAY 881")
    assert (adjustment["trans_type"], adjustment["amount"]) == ("ADJUSTMENT", -11)
    assert told["summary"] == {
        "opening_balance": 0, "total_debit": Decimal("134.7"), "total_credit": 111,
        "closing_balance": Decimal("23.7"),
    }  # fmt: skip
    later = {"account_number": "3280", "start_date": "2024-08-13"}
    summary = (await stage.answer("GETACCREC", later))["summary"]
    assert (summary["opening_balance"], summary["total_credit"]) == (Decimal("34.7"), 11)


async def test_the_journals_balance(stage: Stage) -> None:
    told = await stage.answer("GETJOURNALS", {"period": "202408"})
    summary = told["summary"]
    assert summary["total_debit"] == summary["total_credit"] == Decimal("245.7")
    assert summary["closed"] == "N"
    posted = [
        (row["gl_code"], row["debit"] - row["credit"])
        for row in told["data"]
        if row["document_ref"] == "900123"
    ]
    assert posted == [
        ("1102", Decimal("134.7")), ("4005", Decimal("-88.35")),
        ("4900", Decimal("-34.1")), ("2200", Decimal("-12.25")),
    ]  # fmt: skip
    totals = await stage.answer("GETJOURNALS", {"period": "202408", "detail": "N"})
    assert {" ".join(row) for row in totals["data"]} == {OF_TOTALS["GETJOURNALS"]}
    assert sum(row["debit"] for row in totals["data"]) == summary["total_debit"]


async def test_usage_is_the_documents(stage: Stage) -> None:
    span = {"account_number": "3280", "start_date": "2024-06-01", "end_date": "2024-08-31"}
    months = await stage.rows("GETUSAGE", span | {"usage_type": "N"})
    assert [(row["month"], row["quantity"], row["days_covered"]) for row in months] == [
        ("202406", 100, 10), ("202407", 310, 31), ("202408", 100, 10),
    ]  # fmt: skip
    actual = await stage.rows("GETUSAGE", span | {"usage_type": "ACTUAL"})
    assert [row["quantity"] for row in actual] == [100, 310, 100]


async def test_prices_are_told_with_tax_and_after_discounts(stage: Stage) -> None:
    assert stage.told is not None
    offering = CreateOffering(
        "LOYAL", "For the loyal",
        [
            GivenInducement(Inducement.PERCENT_OF_USAGE, Decimal(10), "Ten off"),
            GivenInducement(Inducement.PROMPT_PAYMENT, Decimal(5), "Five off", "Paid in time"),
        ],
    )  # fmt: skip
    await stage.door.act(create_offering, offering, stage.told.manager)
    given = AssignPlan(501, stage.clock.now(), offering="LOYAL")
    await stage.door.act(assign_plan, given, stage.told.manager)
    (told,) = await stage.rows("GETCUSTOMERPRICING", {"account_number": "03280"})
    assert [one["type"] for one in told["offering"]["inducements"]] == [
        "PERCENT_OF_USAGE", "PROMPT_PAYMENT",
    ]  # fmt: skip
    (service,) = told["services"]
    assert [
        (price["unit"], price["rate_ex_gst"], price["rate_incl_gst"],
            price["after_discount_incl_gst"])
        for price in service["prices"]
    ] == [
        ("kWh", Decimal("0.285"), Decimal("0.3135"), Decimal("0.28215")),
        ("day", Decimal("1.1"), Decimal("1.21"), Decimal("1.21")),
    ]  # fmt: skip
    (listed,) = await stage.rows("GETALLACCNTPP")
    assert listed["offering_code"] == "LOYAL"
    assert await stage.rows("GETALLACCNTPP", {"as_at": "2024-06-01"}) == []


async def test_the_paper_is_the_same_both_ways(stage: Stage) -> None:
    (told,) = await stage.rows("GETINVOICE", {"invoice_number": "900123"})
    paper = await stage.call("GETINVOICEPDF", {"invoice_number": "900123"})
    assert paper.headers["content-type"] == "application/pdf"
    assert paper.headers["content-disposition"] == 'inline; filename="900123.pdf"'
    assert paper.content == b64decode(told["content_base64"])
    assert hashlib.sha256(paper.content).hexdigest() == told["sha256"]
    assert len(paper.content) == told["size"]
    headers = {"Authorization": f"Bearer {stage.key}", "Accept": "application/json"}
    path = "/utilmate/GETINVOICEPDF?invoice_number=900123"
    as_json = await stage.http.get(path, headers=headers)
    assert parsed(as_json.content)["data"] == [told]
    missing = await stage.call("GETINVOICEPDF", {"invoice_number": "1"})
    assert (missing.status_code, missing.json()["error"]) == (404, 201)
    two = await stage.call("GETINVOICEPDF", [{"invoice_number": "900123"}] * 2)
    assert (two.status_code, two.json()["error"]) == (406, 201)


async def test_somebody_moves_in_after_who_moved_out(stage: Stage) -> None:
    moved = parameters_for("POSTMOVEIN")
    occupied = await stage.call("POSTMOVEIN", moved)
    assert (occupied.status_code, occupied.json()["error"]) == (406, 201)
    await stage.rows("POSTMOVEOUT", parameters_for("POSTMOVEOUT"))
    (told,) = await stage.rows("POSTMOVEIN", moved)
    assert list(misfits(members_of(REPLIES["POSTMOVEIN"]), told)) == []
    assert (told["status"], told["result"]) == ("PENDING_MOVE_IN", "CREATED")
    (customer,) = await stage.rows("GETCUSTDET", {"account_number": told["account_number"]})
    assert customer["account_name"] == "George Best"
    assert [one["site_identifier"] for one in customer["agreements"]] == ["4103000012"]
    known = {"site_identifier": "4103000012", "move_in_date": "2025-01-01"}
    refused = await stage.call("POSTMOVEIN", known | {"account_number": "3280",
        "account_name": "Paul"})  # fmt: skip
    assert "account_name goes with a new customer" in refused.json()["error_message"]


async def test_claims_that_fail_lock_the_account(stage: Stage) -> None:
    claims = {"account_number": "03280", "last_name": "Best"}
    for _ in range(5):
        (told,) = await stage.rows("GETCUST", claims)
        assert told["verified"] == {"last_name": "N"}
    answer = await stage.call("GETCUST", claims)
    assert (answer.status_code, answer.json()["error"]) == (429, 300)
    assert int(answer.headers["retry-after"]) > 0
    assert await stage.rows("GETCUST", {"account_number": "03280"})


async def test_a_bpay_reference_names_an_account(stage: Stage) -> None:
    paid = {"batch_type": "DIRECT", "date": "2024-08-15", "amount": "1.00"}
    (told,) = await stage.rows("POSTRECEIPT", paid | {"account_number": "00000032807"})
    assert (told["account_number"], told["suspense"]) == ("03280", "N")


@pytest.mark.parametrize(
    ("code", "parameters", "status", "words"),
    [
        ("GETRANGEINV", {"start_date": "2024-08-01", "end_date": "2024-08-31",
            "account_number": "77777"}, 404, "77777"),
        ("GETRANGEINV", {"start_date": "2024-08-01", "end_date": "2024-08-31",
            "building_code": "NONE"}, 404, "NONE"),
        ("GETINVDET", {"account_number": "77777"}, 404, "77777"),
        ("GETJOURNALS", {"period": "000001"}, 406, "period"),
        ("GETREADS", {"start_date": "1900-01-01", "end_date": "2999-12-31",
            "account_number": "3280"}, 406, "end_date"),
        ("GETUSAGE", {"start_date": "2024-08-01", "end_date": "2024-08-31",
            "account_number": "77777", "usage_type": "A"}, 404, "77777"),
        ("GETLOSS", {"site_identifier": "X"}, 404, "X"),
        ("GETWORKORDER", {"building_code": "NONE"}, 404, "NONE"),
        ("POSTADJUSTMENT", {"account_number": "3280", "adj_reason_code": "NONE",
            "adj_date": "2024-08-15", "adj_amount": 1}, 404, "adj_reason_code: 'NONE'"),
        ("POSTADJUSTMENT", {"account_number": "3280", "adj_reason_code": "GOODWILL",
            "adj_date": "2024-08-15", "adj_amount": 0}, 406, "adj_amount"),
        ("POSTRECEIPT", {"batch_type": "CASH", "account_number": "3280", "date": "2024-08-16",
            "amount": 1}, 406, "date: 2024-08-16 is yet to come"),
        ("POSTCHARGE", {"account_number": "3280", "charge_item_code": "NONE",
            "charge_date": "2024-08-15", "amount": 1}, 406, "does not exist for Charge Group"),
        ("POSTCUST", {"account_name": "X"}, 406, "customer_type_code is missing"),
        ("POSTCUST", {"account_number": "77777", "account_name": "X"}, 404, "77777"),
        ("POSTSITE", {"building_code": "NONE", "site_identifier": "4103000012",
            "site_status": "EXTINCT"}, 404, "NONE"),
        ("POSTACTIVITY", {"activity_type_code": "CALL", "subject": "x"}, 406,
            "building_code is missing"),
    ],
)  # fmt: skip
async def test_what_names_nothing_is_named(stage, code, parameters, status, words) -> None:
    answer = await stage.call(code, parameters)
    told = answer.json()
    assert (answer.status_code, told["error"], told["data"]) == (status, 201, []), told
    assert words in told["error_message"], told


def test_the_page_of_the_face_tells_each_method_and_what_it_needs() -> None:
    page = Path(__file__).parents[3] / "docs" / "compat" / "utilmate.md"
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page.read_text(encoding="utf-8").splitlines()
        if line.startswith("| U") and "`" not in line.split("|")[2]
    ]
    assert [row[1].removesuffix(" ▤") for row in rows] == list(METHODS)
    for number, name, verbs, needs, *_ in rows:
        code, bulk = name.removesuffix(" ▤"), name.endswith(" ▤")
        assert number == NUMBERS[code]
        method = REGISTER[code]
        assert method.bulk == bulk, code
        assert needs == ", ".join(f"`{one.value}`" for one in method.permissions if one), code
        for verb in method.calls:
            _, domain, _ = verb.__module__.split(".")
            assert f"`{domain}.{verb.__name__}`" in verbs, code
