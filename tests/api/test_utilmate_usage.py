"""What bills tell of a site's use, over Utilmate: measured once, whatever the tiers and losses."""

from datetime import date, datetime
from decimal import Decimal

import pytest
from tests.conftest import token_header
from tests.towers import (
    BEGINS,
    SYDNEY,
    Tower,
    at,
    billed,
    plan,
    put_on,
    read,
    register,
    standing,
    tower,
)  # fmt: skip

from currant.locations.model import NewLossFactor, SetLossFactors
from currant.locations.verbs import set_loss_factors
from currant.plans.model import GivenRate
from currant.tariffs.terms import Terms

D = Decimal
FIRST, LAST = date(2024, 7, 1), date(2024, 8, 1)


@pytest.fixture
async def told(door, owner, clock) -> Tower:
    """A unit with the sun on its roof that is billed for July: 310 kWh drawn, 50 fed in."""
    clock.set(datetime(2024, 8, 1, 9, tzinfo=SYDNEY))
    made = await tower(door, owner)
    (unit,) = made.units
    await owner.execute("update customers.agreement set valid = tstzrange($1, null)", at(FIRST))
    await owner.execute("update locations.location set site_identifier = 'QB03000012'")
    await register(owner, made, unit, 2, direction="I")
    await standing(owner, made, unit, {BEGINS: "12000", FIRST: "12100", LAST: "12410"})
    await read(owner, made, unit, FIRST, "700", register=2)
    await read(owner, made, unit, LAST, "750", register=2)
    rates = [GivenRate("A", D("0.01")), GivenRate("B1", D("0.20")), GivenRate("X", D("0.05"))]
    await plan(door, made, "SUNNY", *rates, terms=Terms(with_losses=True))
    await put_on(owner, made, unit, "SUNNY")
    losses = NewLossFactor(D("1.1"), date(2024, 6, 1), building_code="TWR01")
    await door.act(set_loss_factors, SetLossFactors([losses]), made.manager)
    await billed(door, made, date(2024, 7, 31))
    return made


async def rows(http, told: Tower, code: str, **parameters: str) -> list[dict]:
    sent = {"companycode": "Tower", "methodcode": code, "parameters": parameters}
    answer = await http.post("/api/Utilmate/post", json=sent, headers=token_header(told.manager))
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def test_a_bill_tells_what_was_measured_once(http, told) -> None:
    asked = {"account_number": "03280", "site_identifier": "qb03000012"}
    (bill,) = await rows(http, told, "GETUTILITYUSAGE", **asked)
    assert (bill["quantity"], bill["export_quantity"], bill["average_per_day"]) == (310, 50, 10)
    assert (bill["period_start"], bill["period_end"], bill["unit"]) == (
        "2024-07-01", "2024-07-31", "kWh",
    )  # fmt: skip
    (invoice,) = await rows(http, told, "GETINVDET", account_number="03280")
    assert (bill["cost"], bill["invoice_number"]) == (
        invoice["invoice_amount"], invoice["invoice_number"],
    )  # fmt: skip
    for days, count in (
        ({"start_date": "2024-07-31", "end_date": "2024-08-05"}, 1),
        ({"start_date": "2024-08-01", "end_date": "2024-08-05"}, 0),
        ({"start_date": "2024-06-01", "end_date": "2024-06-30"}, 0),
    ):
        assert len(await rows(http, told, "GETUTILITYUSAGE", **asked, **days)) == count


async def test_what_is_fed_in_is_told_with_the_reads_of_its_register(http, told) -> None:
    (invoice,) = await rows(http, told, "GETINVDET", account_number="03280")
    assert [
        (line["register"], line["previous_read"], line["current_read"]) for line in invoice["lines"]
    ] == [(1, 12100, 12410), (1, 12100, 12410), (2, 700, 750)]
