"""Customers: created and changed as lists, and known by what they say of themselves."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace
from tests.buildings import tower
from tests.houses import linear_tariff
from tests.moves.test_moves import RINGO, moved_in

from currant.access.model import EmailShape
from currant.customers.details import masked_email, masked_number
from currant.customers.model import (
    AccountNamed,
    AddressTold,
    ClaimsLocked,
    ConcessionTold,
    ContactTold,
    ContractTaken,
    CustomerTold,
    DirectDebitNoToken,
    DirectDebitTold,
    DirectDebitUnmasked,
    NoSuchAccount,
    SaveCustomers,
    VerifyCustomer,
)
from currant.customers.verbs import save_customers, show_customer, verify_customer
from currant.directory.model import CustomerWanted
from currant.directory.verbs import customer_details
from currant.errors import Invalid

NOON = datetime(2024, 8, 16, 2, tzinfo=UTC)
BORN = date(1940, 7, 7)
CONTACT = ContactTold(
    first_name="Ringo", last_name="Starr", date_of_birth=BORN, phone_std="02",
    phone_no="55550100", mobile_no="0412 349 856", email="Ringo@example.com",
)  # fmt: skip
KNOWN = replace(
    RINGO, contacts=[CONTACT], billing_address=AddressTold("1 High Street", postcode="2000")
)


@pytest.fixture
def clock(clock):
    clock.set(NOON)
    return clock


async def saved(door, boss, *customers: CustomerTold) -> list[str]:
    rows = await door.act(save_customers, SaveCustomers(list(customers)), boss)
    return [row.account_number for row in rows]


async def shown(door, boss, account: str):
    return await door.ask(customer_details, CustomerWanted(account), boss)


async def verified(door, boss, **told):
    return await door.act(verify_customer, VerifyCustomer(**told), boss)


async def test_contact_one_is_what_juice_shows(door, boss) -> None:
    (account,) = await saved(door, boss, KNOWN)
    _, customer = await door.ask(show_customer, AccountNamed(account), boss)
    assert (customer.contract, customer.name, customer.first_name) == (
        "5003986", "Ringo Starr", "Ringo",
    )  # fmt: skip
    assert (customer.phone_1, customer.sms_1, customer.email_1) == (
        "0255550100", "0412 349 856", "Ringo@example.com",
    )  # fmt: skip
    assert (customer.address_1, customer.postal_code) == ("1 High Street", "2000")


async def test_a_change_touches_what_is_told_and_null_clears(door, boss) -> None:
    (account,) = await saved(
        door, boss,
        replace(
            KNOWN, district_code="D1", account_manager="Brian", postal_address=AddressTold("PO 1"),
            direct_debit=DirectDebitTold("BANK", "tok_1", masked_number="•••• 1234"),
            concessions=[ConcessionTold("PCC", "A1"), ConcessionTold("HCC", "A2")],
            bond_amount=Decimal(200),
        ),
    )  # fmt: skip
    before = await shown(door, boss, account)
    await saved(door, boss, CustomerTold(account_number=account, account_manager="George"))
    after = await shown(door, boss, account)
    assert after == before.__class__(
        **{name: getattr(before, name) for name in before.__struct_fields__}
        | {"account_manager": "George"}
    )
    clear = CustomerTold(
        account_number=account, district_code=None, sales_cust_number=None, postal_address=None,
        direct_debit=None, concessions=[ConcessionTold("HCC", "A2", BORN)],
        contacts=[ContactTold(email=None), ContactTold(2, first_name="Maureen")],
    )  # fmt: skip
    await saved(door, boss, clear)
    after = await shown(door, boss, account)
    assert (after.district_code, after.direct_debit) == ("", None)
    assert after.sales_cust_number == account
    assert [address.type for address in after.addresses] == ["BILLING"]
    assert [(card.card_type, card.start) for card in after.concessions] == [("HCC", BORN)]
    assert [(c.first_name, c.email, c.date_of_birth) for c in after.contacts] == [
        ("Ringo", "", BORN), ("Maureen", "", None),
    ]  # fmt: skip
    await saved(
        door, boss,
        CustomerTold(account_number=account, contacts=[ContactTold(2, last_name="Cox")]),
    )  # fmt: skip
    assert (await shown(door, boss, account)).contacts[1].first_name == "Maureen"


@pytest.mark.parametrize(
    ("change", "refusal", "field"),
    [
        ({"account_name": None}, Invalid, "customers[1].account_name"),
        ({"customer_type_code": None}, Invalid, "customers[1].customer_type_code"),
        ({"account_number": "88888"}, NoSuchAccount, "customers[1].account_number"),
        ({"sales_cust_number": "5003986"}, ContractTaken, None),
        ({"contacts": [ContactTold(2), ContactTold(2)]}, Invalid, "customers[1].contacts"),
        (
            {"direct_debit": DirectDebitTold("CARD", "4242 4242 4242 4242")},
            DirectDebitNoToken, None,
        ),
        (
            {"direct_debit": DirectDebitTold("CARD", "tok", masked_number="4242424242424242")},
            DirectDebitUnmasked, None,
        ),
    ],
)  # fmt: skip
async def test_a_list_with_one_bad_customer_is_refused_whole(
    door, boss, owner, change: dict, refusal: type[Exception], field: str | None
) -> None:
    (account,) = await saved(door, boss, replace(KNOWN, sales_cust_number="1"))
    bad = CustomerTold(**{"account_number": account} | change)
    with pytest.raises(refusal) as told:
        await saved(door, boss, KNOWN, bad)
    assert told.value.field == field
    assert await owner.fetchval("select count(*) from customers.customer") == 1


async def test_the_token_of_a_direct_debit_is_not_in_the_audit_log(door, boss, owner) -> None:
    await saved(door, boss, replace(KNOWN, direct_debit=DirectDebitTold("BANK", "tok_secret")))
    log = await owner.fetch("select command from access.audit_event where act = 'save_customers'")
    assert "tok_secret" not in str(log)
    assert "5003986" in str(log)


async def test_a_customer_is_found_by_each_way_and_by_all_that_are_told(door, boss) -> None:
    await linear_tariff(door, boss, "RES-FLAT")
    home = await tower(door, boss, units=2, plan="RES-FLAT")
    ringo = await moved_in(door, boss, home, customer=KNOWN, life_support=True)
    other = replace(
        KNOWN, sales_cust_number="2", contacts=[replace(CONTACT, email="o@example.com")]
    )
    await moved_in(door, boss, home, unit=1, customer=other)
    ways = {
        "account_number": ringo.account_number, "sales_cust_number": "5003986",
        "email": " RINGO@example.com", "site_identifier": home.sites[0].lower(),
    }  # fmt: skip
    for way, told in ways.items():
        (found,) = await verified(door, boss, **{way: told})
        assert found.account_number == ringo.account_number, way
        assert found.verified == {}
    assert len(await verified(door, boss, mobile="0412-349-856")) == 2
    (found,) = await verified(door, boss, mobile="0412349856", email="ringo@example.com")
    assert (found.building_code, found.suburb, found.life_support) == ("TWR01", "Sydney", True)
    assert (found.email_masked, found.mobile_masked) == ("r***o@example.com", "******9856")
    assert await verified(door, boss, account_number="03280") == []
    assert await verified(door, boss, sales_cust_number=ringo.account_number) == []
    mixed = {"account_number": ringo.account_number, "sales_cust_number": "2"}
    assert await verified(door, boss, **mixed) == []
    with pytest.raises(Invalid):
        await verified(door, boss, last_name="Starr")


async def test_an_account_without_a_contract_is_known_by_its_number_everywhere(door, boss) -> None:
    (plain,) = await saved(door, boss, replace(KNOWN, sales_cust_number=None))
    (found,) = await verified(door, boss, sales_cust_number=plain)
    assert (found.account_number, found.sales_cust_number) == (plain, plain)
    details = await door.ask(customer_details, CustomerWanted(sales_cust_number=plain), boss)
    assert (details.account_number, details.sales_cust_number) == (plain, plain)
    (other,) = await saved(door, boss, replace(KNOWN, sales_cust_number=plain))
    (found,) = await verified(door, boss, sales_cust_number=plain)
    assert found.account_number == other


async def test_claims_are_held_against_what_is_known(door, boss) -> None:
    more = [CONTACT, ContactTold(2, last_name="Cox", mobile_no="0499 000 111")]
    (account,) = await saved(door, boss, replace(KNOWN, contacts=more))
    right = {
        "date_of_birth": BORN,
        "last_name": " cox",
        "postcode": "2 000",
        "mobile_last4": "0111",
    }
    (found,) = await verified(door, boss, account_number=account, **right)
    assert found.verified == dict.fromkeys(right, True)
    wrong = {"date_of_birth": NOON.date(), "last_name": "", "postcode": "3", "mobile_last4": "11"}
    (found,) = await verified(door, boss, account_number=account, **wrong)
    assert found.verified == dict.fromkeys(wrong, False)


async def test_five_wrong_claims_lock_an_account_for_a_while(door, boss, clock) -> None:
    one, two = await saved(door, boss, KNOWN, replace(KNOWN, sales_cust_number="2"))
    for n in range(5):
        clock.set(NOON + timedelta(minutes=n))
        await verified(door, boss, account_number=one, last_name="Best")
    with pytest.raises(ClaimsLocked) as told:
        await verified(door, boss, account_number=one, last_name="Starr")
    assert told.value.retry_after == 11 * 60
    assert (await verified(door, boss, account_number=two, last_name="Starr"))[0].verified
    assert (await verified(door, boss, account_number=one))[0].verified == {}
    clock.set(NOON + timedelta(minutes=14, seconds=59))
    with pytest.raises(ClaimsLocked):
        await verified(door, boss, account_number=one, last_name="Starr")
    clock.set(NOON + timedelta(minutes=15))
    (found,) = await verified(door, boss, account_number=one, last_name="Starr")
    assert found.verified == {"last_name": True}


async def test_no_more_than_five_guesses_get_through_at_once(door, boss, owner) -> None:
    (account,) = await saved(door, boss, KNOWN)
    done = await asyncio.gather(
        *(verified(door, boss, account_number=account, postcode=str(n)) for n in range(12)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, ClaimsLocked) for one in done) == 7
    assert await owner.fetchval("select count(*) from customers.failed_claim") == 5


@pytest.mark.parametrize(
    ("since", "until", "status"),
    [
        (-1, None, "ACTIVE"), (0, None, "ACTIVE"), (1, None, "PENDING_MOVE_IN"),
        (-2, 1, "PENDING_MOVE_OUT"), (-2, 0, "CLOSED"), (1, 2, "PENDING_MOVE_IN"),
    ],
)  # fmt: skip
async def test_the_status_of_an_agreement_is_what_its_time_says(
    owner, since: int, until: int | None, status: str
) -> None:
    day = timedelta(days=1)
    told = await owner.fetchval(
        "select customers.agreement_status(tstzrange($1, $2), $3)",
        NOON + since * day, None if until is None else NOON + until * day, NOON,
    )  # fmt: skip
    assert told == status


def test_masks_show_the_ends_only() -> None:
    assert masked_email("ringo@example.com") == "r***o@example.com"
    assert masked_email("r@example.com") == "r***@example.com"
    assert masked_email("") == ""
    assert masked_number("61412349856") == "*******9856"
    assert masked_number("123") == "123"


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize(
    "email", ["@", "a@", "a b@c.d", "a@b.c, evil@x.y", "a@b.c\r\nBcc: evil@x.y", "a@b@c", "x" * 300]
)
async def test_an_email_is_one_address(door, boss, email, number) -> None:
    contact = replace(CONTACT, contact_no=number, email=email)
    contacts = [contact] if number == 1 else [CONTACT, contact]
    with pytest.raises(EmailShape):
        await saved(door, boss, replace(KNOWN, contacts=contacts))
