"""The running example (conformance.md 6.6), from an empty portal to the closed month.

What the Utilmate API has a method for goes through its RPC door; buildings, sites, meters, plans
and bill runs, which it lacks, through /v1.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
from tests.conftest import make_user, token_header
from tests.postpaid import sound
from tests.stories.reckoning import SYDNEY
from tests.stories.year import Office

from currant.access.model import OPERATOR, CreateKey, CreatePortal
from currant.access.verbs import create_key, create_portal, new_token
from currant.clock import FrozenClock
from currant.door import Door

ACCOUNT, SITE, METER = "03280", "4103000012", "1234abcde"
CUSTOMER = {
    "account_number": ACCOUNT, "sales_cust_number": "5003986", "account_name": "Ringo Starr",
    "customer_type_code": "RESIDENT",
}  # fmt: skip
LONG_AGO = "2020-01-01T00:00:00+11:00"
# What the example numbers: the accounts, the invoices, the agreements and the books' entries.
NUMBERED = """
insert into access.counter (portal_id, name, last)
select p.portal_id, c.name, c.last from access.portal as p
cross join (values ('account', 3279), ('invoice', 900122)) as c (name, last)
where p.key = 'tower'
on conflict on constraint counter_pkey do update set last = excluded.last
"""
FOLLOWING = """
select setval('customers.agreement_agreement_id_seq', 501, false),
    setval('ledger.entry_id', 7001, false)
"""


class Teller:
    """Tells the example: the clock, the office, and what methods answer."""

    def __init__(self, office: Office, clock: FrozenClock) -> None:
        self.office, self.clock = office, clock

    def at(self, day: str, hour: int = 9) -> None:
        """Put the clock to an hour of a day in Sydney."""
        told = date.fromisoformat(day)
        self.clock.set(datetime(told.year, told.month, told.day, hour, tzinfo=SYDNEY))

    async def row(self, code: str, **parameters: Any) -> dict[str, Any]:
        """The only row that a method answers."""
        (row,) = await self.rows(code, **parameters)
        return row

    async def rows(self, code: str, **parameters: Any) -> list[dict[str, Any]]:
        """The rows that a method answers."""
        told = await self.office.call(code, parameters)
        assert (told["error"], told["methodcode"]) == (0, code)
        rows: list[dict[str, Any]] = told["data"]
        return rows

    async def read(self, day: str, value: str) -> None:
        """Post an actual read, and hold what passed against it."""
        row = await self.row(
            "POSTREAD", site_identifier=SITE, meter_code=METER, meter_read=Decimal(value),
            read_date=day,
        )  # fmt: skip
        assert (row["status"], row["failed_checks"], row["result"]) == ("ACCEPTED", [], "CREATED")


@pytest.fixture
async def teller(http: httpx.AsyncClient, door: Door, clock: FrozenClock, owner) -> Teller:
    clock.set(datetime(2024, 6, 21, 9, tzinfo=SYDNEY))
    made = CreatePortal("tower", "Tower One Energy", "Australia/Sydney", "AUD", "TWR")
    await door.act(create_portal, made, OPERATOR)
    boss = await make_user(door, "tower", "boss", "SysAdmin")
    clerk = await make_user(door, "tower", "clerk", "ComMGR")
    key, hashed = new_token()
    await door.act(create_key, CreateKey("story", "boss", hashed), boss)
    await owner.execute(NUMBERED)
    await owner.execute(FOLLOWING)
    return Teller(Office(http, token_header(boss), token_header(clerk), key), clock)


async def test_the_tower(teller: Teller, door: Door) -> None:
    await build(teller.office)
    await move_in(teller)
    await bill(teller)
    await pay(teller)
    await ask(teller)
    teller.at("2024-09-01")
    closed = await teller.office.post("/ledger/periods/2024-06/close", {})
    for month in ("2024-07", "2024-08"):
        closed = await teller.office.post(f"/ledger/periods/{month}/close", {})
    assert (closed["month"], closed["left_open"]) == ("2024-08-01", [])
    assert (await teller.office.call("GETJOURNALS", {"period": "202408"}))["summary"][
        "closed"
    ] == "Y"
    await sound(door)


async def build(office: Office) -> None:
    """What no method makes: tax, plan, building, site, meter, loss factors."""
    await office.post("/taxes", {"rate": Decimal("0.1"), "from": LONG_AGO})
    plan = {
        "name": "RES-FLAT", "description": "Residential flat", "from": LONG_AGO,
        "rates": [{"tier": "B1", "rate": Decimal("0.285"), "description": "Anytime"}],
        "charges": [{"description": "Daily supply", "amount": Decimal("1.10")}],
    }  # fmt: skip
    await office.post("/tariffs", plan)
    building = {
        "building_code": "TWR01", "name": "Tower One", "timezone": "Australia/Sydney",
        "move_workorders_disabled": True,
    }  # fmt: skip
    await office.post("/buildings", {"buildings": [building]})
    site = {"building_code": "TWR01", "site_identifier": SITE, "site_name": "Unit 12"}
    await office.post("/sites", {"sites": [site]})
    meter = {"serial_number": METER, "dials": 6, "site_identifier": SITE}
    await office.post("/meters", {"meters": [meter | {"installed_on": "2024-06-21"}]})
    factor = {
        "building_code": "TWR01", "dlf": Decimal("1.0514"), "mlf": Decimal("0.9876"),
        "start_date": "2024-07-01",
    }  # fmt: skip
    await office.post("/loss-factors", {"loss_factors": [factor]})


async def move_in(teller: Teller) -> None:
    """Ringo Starr becomes a customer and moves in with the meter at 12000."""
    saved = await teller.row(
        "POSTCUST", account_name="Ringo Starr", customer_type_code="RESIDENT",
        customer_sub_type_code="TENANT", bill_cycle_code="MONTHLY", payment_method_type="DIRECT",
        invoice_delivery_class="POST", contact1_first_name="Ringo", contact1_last_name="Starr",
        sales_cust_number="5003986",
    )  # fmt: skip
    assert saved == {
        "account_number": ACCOUNT, "sales_cust_number": "5003986", "result": "CREATED",
    }  # fmt: skip
    opening = {"meter_code": METER, "meter_register": 1, "meter_read": 12000}
    moved = await teller.row(
        "POSTMOVEIN", site_identifier=SITE, move_in_date="2024-06-21", account_number=ACCOUNT,
        price_plan_code="RES-FLAT", opening_reads=[opening],
    )  # fmt: skip
    assert (moved["cust_account_ids"], moved["status"]) == ([501], "ACTIVE")
    # June was billed by who came before.
    teller.at("2024-07-01")
    await teller.read("2024-06-30", "12100")
    elsewhere = {"agreement_id": 501, "through": "2024-06-30"}
    await teller.office.post("/billing/elsewhere", elsewhere)


async def bill(teller: Teller) -> None:
    """310 kWh of July become the invoice 900123 of 134.70."""
    teller.at("2024-08-01")
    await teller.read("2024-07-31", "12410")
    office = teller.office
    told = {"through": "2024-07-31", "building_code": "TWR01"}
    run = await office.post("/bill-runs", told, by=office.clerk)
    path = f"/bill-runs/{run['run_id']}"
    await office.post(f"{path}/draft", {}, by=office.clerk)
    approved = await office.post(f"{path}/approve", {})
    assert (approved["invoices"], approved["exceptions"], approved["total"]) == (
        1, 0, Decimal("134.70"),
    )  # fmt: skip
    await office.post(f"{path}/post", {}, by=office.clerk)
    invoice = await teller.row("GETINVDET", invoice_number="900123")
    assert (invoice["invoice_amount"], invoice["gst"]) == (Decimal("134.70"), Decimal("12.25"))
    lines = [
        (line["quantity"], line["rate"], line["amount_ex_gst"], line["gst"])
        for line in invoice["lines"]
    ]
    assert lines == [
        (310, Decimal("0.285"), Decimal("88.35"), Decimal("8.84")),
        (31, Decimal("1.10"), Decimal("34.10"), Decimal("3.41")),
    ]


async def pay(teller: Teller) -> None:
    """100.00 come in, 11.00 are given for goodwill: 23.70 are owed."""
    teller.at("2024-08-11")
    await teller.read("2024-08-10", "12510")
    teller.at("2024-08-12")
    receipt = await teller.row(
        "POSTRECEIPT", batch_type="DIRECT", account_number=ACCOUNT, date="2024-08-12", amount=100,
        reference="BPAY 881",
    )  # fmt: skip
    assert (receipt["suspense"], receipt["unallocated"], receipt["new_balance"]) == (
        "N", 0, Decimal("34.70"),
    )  # fmt: skip
    assert receipt["allocations"] == [{"ar_trans_id": 7001, "amount": 100}]
    teller.at("2024-08-14")
    goodwill = await teller.row(
        "POSTADJUSTMENT", account_number=ACCOUNT, adj_reason_code="GOODWILL",
        adj_date="2024-08-14", adj_amount=Decimal("11.00"), post_adj="Y",
    )  # fmt: skip
    assert (goodwill["debit_credit"], goodwill["gst"], goodwill["status"]) == ("C", 1, "POSTED")
    assert goodwill["new_balance"] == Decimal("23.70")


async def ask(teller: Teller) -> None:
    """What the methods tell of it all."""
    teller.at("2024-08-15")
    history = await teller.office.call("GETACCREC", {"account_number": ACCOUNT})
    assert history["data"] == [
        CUSTOMER
        | {
            "ar_trans_id": 7001, "trans_type": "INVOICE", "trans_date": "2024-08-01",
            "posted_date": "2024-08-01", "reference": "900123", "description": "Invoice 900123",
            "debit": Decimal("134.70"), "credit": 0, "amount": Decimal("134.70"),
            "balance": Decimal("134.70"), "invoice_number": "900123", "due_date": "2024-08-15",
            "status": "PART",
            "allocations": [
                {"ar_trans_id": 7002, "amount": 100}, {"ar_trans_id": 7003, "amount": 11},
            ],
        },
        CUSTOMER
        | {
            "ar_trans_id": 7002, "trans_type": "RECEIPT", "trans_date": "2024-08-12",
            "posted_date": "2024-08-12", "reference": "BPAY 881", "description": "Receipt DIRECT",
            "debit": 0, "credit": 100, "amount": -100, "balance": Decimal("34.70"),
            "status": "CLOSED", "allocations": [{"ar_trans_id": 7001, "amount": 100}],
        },
        CUSTOMER
        | {
            "ar_trans_id": 7003, "trans_type": "ADJUSTMENT", "trans_date": "2024-08-14",
            "posted_date": "2024-08-14", "reference": "GOODWILL",
            "description": "Goodwill credit", "debit": 0, "credit": 11, "amount": -11,
            "balance": Decimal("23.70"), "status": "CLOSED",
            "allocations": [{"ar_trans_id": 7001, "amount": 11}],
        },
    ]  # fmt: skip
    assert history["summary"] == {
        "opening_balance": 0, "total_debit": Decimal("134.70"), "total_credit": 111,
        "closing_balance": Decimal("23.70"),
    }  # fmt: skip
    customer = await teller.row("GETCUSTDET", account_number=ACCOUNT)
    assert customer["balance"] == Decimal("23.70")
    span = {"account_number": ACCOUNT, "start_date": "2024-06-01", "end_date": "2024-08-31"}
    months = await teller.rows("GETUSAGE", **span, usage_type="NORMALISED")
    assert [(row["month"], row["quantity"], row["days_covered"]) for row in months] == [
        ("202406", 100, 10), ("202407", 310, 31), ("202408", 100, 10),
    ]  # fmt: skip
    meter = await teller.row("GETMETER", site_identifier=SITE)
    assert (meter["serial_number"], meter["last_read"], meter["last_read_date"]) == (
        METER, 12510, "2024-08-10",
    )  # fmt: skip
    factor = await teller.row("GETLOSS", site_identifier=SITE)
    assert factor["total_loss_factor"] == Decimal("1.038363")
    journals = await teller.rows("GETJOURNALS", period="202408")
    posted = [
        (row["gl_code"], row["debit"] - row["credit"])
        for row in journals
        if row["document_ref"] == "900123"
    ]
    assert posted == [
        ("1102", Decimal("134.70")), ("4005", Decimal("-88.35")),
        ("4900", Decimal("-34.10")), ("2200", Decimal("-12.25")),
    ]  # fmt: skip
    prices = await teller.rows("GETPRICES", account_number=ACCOUNT)
    assert [(row["rate_description"], row["rate"]) for row in prices] == [
        ("Anytime", Decimal("0.285")), ("Daily supply", Decimal("1.1")),
    ]  # fmt: skip
