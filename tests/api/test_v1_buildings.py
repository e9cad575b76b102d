"""A building from its creation to the first tenant who moves out, over /v1 alone.

The running example of the Utilmate document: Tower One, NMI 4103000012, Ringo Starr.
"""

from datetime import UTC, datetime

import pytest
from tests.conftest import token_header
from tests.houses import linear_tariff

NOON = datetime(2024, 8, 16, 2, tzinfo=UTC)
RINGO = {
    "account_name": "Ringo Starr",
    "customer_type_code": "RESIDENT",
    "customer_sub_type_code": "TENANT",
    "bill_cycle_code": "MONTHLY",
    "payment_method_type": "DIRECT",
    "invoice_delivery_class": "EMAIL",
    "sales_cust_number": "5003986",
    "contacts": [
        {
            "first_name": "Ringo",
            "last_name": "Starr",
            "date_of_birth": "1940-07-07",
            "mobile_no": "0412349856",
            "email": "ringo@example.com",
        }
    ],
}


@pytest.fixture
def clock(clock):
    clock.set(NOON)
    return clock


@pytest.fixture
async def client(http, door, boss):
    await linear_tariff(door, boss, "RES-FLAT", "0.285")
    head = token_header(boss)

    async def call(method: str, path: str, body=None, status: int = 200, **more):
        sent = {"content": body} if isinstance(body, bytes) else {"json": body}
        answer = await http.request(
            method, f"/v1/example{path}", **sent, headers=head | more.get("headers", {})
        )
        assert answer.status_code == status, answer.text
        return answer.json()

    return call


async def built(client) -> None:
    building = {
        "building_code": "TWR01", "name": "Tower One", "timezone": "Australia/Sydney",
        "country": "AU", "state": "NSW",
    }  # fmt: skip
    await client("POST", "/buildings", {"buildings": [building]}, 201)
    sites = [
        {"building_code": "TWR01", "site_identifier": "4103000012", "site_name": "Unit 12",
         "parent_site_identifier": "GATE1"},
        {"building_code": "TWR01", "site_identifier": "GATE1", "site_type": "GATE"},
    ]  # fmt: skip
    await client("POST", "/sites", {"sites": sites}, 201)
    meter = {
        "serial_number": "1234abcde", "site_identifier": "4103000012", "dials": 6,
        "installed_on": "2024-06-21", "price_plan_code": "RES-FLAT",
        "opening_reads": [{"meter_read": 12000}],
    }  # fmt: skip
    made = await client("POST", "/meters", {"meters": [meter]}, 201)
    assert made == {"serial_numbers": ["1234abcde"], "doubted": []}


async def test_from_an_empty_building_to_a_tenant_who_leaves(client) -> None:
    await built(client)
    loss = {"building_code": "TWR01", "dlf": 1.0514, "mlf": 0.9876, "start_date": "2024-07-01"}
    await client("POST", "/loss-factors", {"loss_factors": [loss]})
    told = await client("GET", "/loss-factors?site_identifier=4103000012")
    assert told["data"][0]["total_loss_factor"] == 1.038363
    key = {"headers": {"Idempotency-Key": "m1"}}
    move = {"site_identifier": "4103000012", "move_in_date": "2024-06-21", "customer": RINGO}
    done = await client("POST", "/move-ins", {"moves": [move]}, 201, **key)
    assert done == await client("POST", "/move-ins", {"moves": [move]}, 201, **key)
    (ringo,) = done["data"]
    account = ringo["account_number"]
    shown = await client("GET", f"/customers/{account}")
    assert (shown["account_status"], shown["sales_cust_number"]) == ("ACTIVE", "5003986")
    assert shown["agreements"][0]["start_date"] == "2024-06-21"
    claims = {"account_number": account, "last_name": "starr", "date_of_birth": "1940-07-08"}
    (said,) = (await client("POST", "/customers/verify", claims))["data"]
    assert said["verified"] == {"date_of_birth": False, "last_name": True}
    assert (said["email_masked"], said["mobile_masked"]) == ("r***o@example.com", "******9856")
    change = {"account_number": account, "customer_notes": "Drums.", "sales_cust_number": None}
    saved = await client("POST", "/customers", {"customers": [change]})
    assert saved["data"] == [
        {"account_number": account, "sales_cust_number": account, "result": "UPDATED"}
    ]
    (site, gate) = (await client("GET", "/buildings/twr01/sites"))["data"]
    assert (site["account_number"], site["nmi_checksum"], gate["site_type"]) == (account, 3, "GATE")
    page = await client("GET", "/buildings/TWR01/sites?limit=1")
    rest = await client("GET", f"/buildings/TWR01/sites?limit=1&cursor={page['next']}")
    assert page["data"] + rest["data"] == [site, gate]
    (order,) = (await client("GET", f"/work-orders?account_number={account}"))["data"]
    finished = {"work_order_id": order["work_order_id"], "status": "COMPLETE"}
    (updated,) = (await client("POST", "/work-orders/update", {"work_orders": [finished]}))["data"]
    assert (updated["status"], updated["site_status"]) == ("COMPLETE", "ENERGISED")
    out = {
        "account_number": account, "site_identifier": "ALL", "move_out_date": "2024-08-10",
        "closing_reads": [{"meter_code": "1234abcde", "meter_read": 12510}],
    }  # fmt: skip
    (left,) = (await client("POST", "/move-outs", {"moves": [out]}, 201))["data"]
    assert left["agreements"][0]["status"] == "CLOSED"
    site = await client("GET", "/sites/4103000012")
    assert (site["occupancy"], site["current_agreement"]) == ("VACANT", None)
    (register,) = (await client("GET", "/sites/4103000012/meters"))["data"]
    assert (register["last_read"], register["last_read_date"]) == (12510, "2024-08-10")
    listed = await client("GET", "/activities?site_identifier=4103000012")
    assert [row["activity_type_code"] for row in listed["data"]] == [
        "MOVEOUT", "REEN", "DEEN", "MOVEIN",
    ]  # fmt: skip
    building = await client("GET", "/buildings/TWR01")
    assert (building["site_count"], building["vacant_site_count"]) == (2, 1)


async def test_a_move_out_to_come_is_taken_back(client) -> None:
    await built(client)
    move = {"site_identifier": "4103000012", "move_in_date": "2024-06-21", "customer": RINGO}
    (ringo,) = (await client("POST", "/move-ins", {"moves": [move]}, 201))["data"]
    named = {"account_number": ringo["account_number"], "site_identifier": "4103000012"}
    out = named | {"move_out_date": "2024-09-30"}
    (left,) = (await client("POST", "/move-outs", {"moves": [out]}, 201))["data"]
    done = await client("POST", "/move-outs/take-back", named)
    assert done["work_order_ids"] == sorted(left["work_order_ids"], reverse=True)


async def test_a_typo_is_refused_by_name(client) -> None:
    await built(client)
    for path, body, field in (
        ("/buildings", {"buildings": [{"building_code": "B", "nme": "B"}]}, "buildings[0].nme"),
        ("/sites", {"sites": [{"site": "1"}]}, "sites[0].site"),
        ("/meters", {"meters": [{"serial_number": "X", "com_type": "PIGEON"}]},
         "meters[0].com_type"),
        ("/customers", {"customers": [RINGO | {"bond": 1}]}, "customers[0].bond"),
        ("/customers", {"customers": [RINGO | {"account_name": " "}]}, "customers[0].account_name"),
        ("/customers", {"customers": [RINGO | {"contacts": []}]},
         "customers[0].contacts[contact_no=1].first_name"),
        ("/loss-factors", {"loss_factors": [{"dlf": "1.1", "start_date": "2024-07-01"}]},
         "loss_factors[0].dlf"),
        ("/activities", {"activities": [{"activity_type_code": "CALL", "subject": "x"}]},
         "activities[0].account_number"),
        ("/work-orders", {"work_orders": [{"work_order_type": "DIG", "site_identifier": "1"}]},
         "work_orders[0].work_order_type"),
        ("/move-ins", {"moves": [{"site_identifier": "4103000012", "move_in_date": "2024-06-21"}]},
         "moves[0]"),
    ):  # fmt: skip
        problem = await client("POST", path, body, 422)
        assert problem["field"] == field, problem


async def test_a_parameter_that_a_path_does_not_have_is_refused(client) -> None:
    for query, field in (
        ("?acount=00005", "acount"),
        ("?account=1&account=2", "account"),
        ("?Account=1", "Account"),
    ):
        told = await client("GET", f"/invoices{query}", status=422)
        assert told["field"] == field
    assert "is no parameter of this path, which has account, " in told["detail"]
    told = await client("POST", "/buildings?dry=1", {"buildings": []}, 422)
    assert (told["field"], "which has none" in told["detail"]) == ("dry", True)
    body = b'{"buildings": [], "buildings": []}'
    told = await client("POST", "/buildings", body, 422)
    assert told["detail"] == "buildings is sent twice. Nothing was done."


@pytest.mark.parametrize("far", ["9999-12-31", "0001-01-01", "3000-01-01"])
async def test_days_are_of_the_years_that_are_taken(client, far) -> None:
    for path, field in (
        (f"/accounts/00001/statement?first=2024-07-01&last={far}", "last"),
        (f"/accounts/00001/history?first={far}", "first"),
        (f"/debtors?as_of={far}", "as_of"),
        (f"/debtors/portfolio?as_of={far}", "as_of"),
        (f"/reads/nem13?from=2024-07-01&to={far}", "to"),
        (f"/intervals/nem12?from={far}&to=2024-07-01", "from"),
    ):
        told = await client("GET", path, status=422)
        assert (told["field"], "1900 to 2999" in told["detail"]) == (field, True), path
    days = {"first": "2024-07-01", "last": far}
    told = await client("POST", "/accounts/00001/statements", days, 422)
    assert (told["field"], "1900 to 2999" in told["detail"]) == ("last", True)
