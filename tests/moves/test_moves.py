"""Moving in and out: the numbered rules of U30 and U31, each seen in what it leaves."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.buildings import tower
from tests.houses import linear_tariff

from currant.customers.model import (
    AddressTold,
    ContactTold,
    CustomerTold,
    DirectDebitTold,
    SaveCustomers,
    SuppliedToAnother,
)
from currant.customers.verbs import save_customers
from currant.errors import Conflict, Forbidden, Invalid
from currant.fieldwork.model import OrdersWanted
from currant.fieldwork.verbs import list_orders
from currant.metering.model import NoSuchRegister, RegisterRead
from currant.moves.model import (
    ALL,
    MoveCharge,
    MovedIn,
    MovedOut,
    MoveIn,
    MoveInTold,
    MoveOut,
    MoveOutTold,
    MovingOutAlready,
    NoPlan,
    NotSupplied,
    ReadsAround,
    SiteOccupied,
    StayOn,
    TooLongAgo,
)
from currant.moves.reads import estimated
from currant.moves.verbs import move_in, move_out, stay_on
from currant.plans.model import SetBuildingDefault
from currant.plans.verbs import set_building_default

RINGO = CustomerTold(
    account_name="Ringo Starr",
    customer_type_code="RESIDENT",
    customer_sub_type_code="TENANT",
    bill_cycle_code="MONTHLY",
    payment_method_type="DIRECT",
    invoice_delivery_class="EMAIL",
    sales_cust_number="5003986",
    contacts=[ContactTold(first_name="Ringo", last_name="Starr", email="ringo@example.com")],
)
HOME = AddressTold("2 Low Street", suburb="Perth", state="WA", postcode="6000", country="AU")
# A Friday in Sydney.
NOON = datetime(2024, 8, 16, 2, tzinfo=UTC)
MOVED_IN = date(2024, 6, 21)
LAST_READ = "select value, read_at from reads.read order by read_at desc limit 1"


@pytest.fixture
def clock(clock):
    clock.set(NOON)
    return clock


@pytest.fixture
async def home(door, boss):
    await linear_tariff(door, boss, "RES-FLAT", "0.285")
    return await tower(door, boss, units=2, plan="RES-FLAT", apply_move_in_charge=True)


async def moved_in(door, boss, home, day=MOVED_IN, unit=0, **more) -> MovedIn:
    told = {"customer": replace(RINGO, sales_cust_number=f"{day}-{unit}")} | more
    move = MoveInTold(home.sites[unit], day, **told)
    (done,) = await door.act(move_in, MoveIn([move]), boss)
    return done


async def moved_out(door, boss, account, site, day, **more) -> MovedOut:
    (done,) = await door.act(move_out, MoveOut([MoveOutTold(account, site, day, **more)]), boss)
    return done


async def orders(door, boss, **wanted) -> list:
    async with door.asking(list_orders, boss) as tx:
        return [order async for order in list_orders(tx, OrdersWanted(**wanted))]


async def agreements(owner: asyncpg.Connection) -> list[tuple]:
    rows = await owner.fetch(
        """
        select a.account, l.site_identifier, g.product_type, lower(g.valid) as since,
            upper(g.valid) as until
        from customers.agreement as g
        inner join customers.account as a on a.account_id = g.account_id
        inner join locations.location as l on l.location_id = g.location_id
        order by g.agreement_id
        """
    )
    return [tuple(row) for row in rows]


async def test_a_move_in_begins_when_the_day_does_where_the_site_is(
    door, boss, home, owner
) -> None:
    done = await moved_in(door, boss, home)
    assert (done.status, done.site_identifier) == ("ACTIVE", home.sites[0])
    since = datetime(2024, 6, 20, 14, tzinfo=UTC)
    assert await agreements(owner) == [
        (done.account_number, home.sites[0], "ELECTRICITY", since, None)
    ]
    assert done.reads_missing == []  # The meter opened at that very instant.
    (order,) = await orders(door, boss)
    assert (order.work_order_type, order.preferred_date) == ("CONNECT", MOVED_IN)
    assert [order.work_order_id] == done.work_order_ids
    assert (order.account_number, order.site_identifier) == (done.account_number, home.sites[0])
    activity = await owner.fetchrow("select * from activities.activity")
    assert (activity["type_code"], activity["class"], activity["status"]) == (
        "MOVEIN", "SYSTEM", "CLOSED",
    )  # fmt: skip
    mode = await owner.fetchval("select payment_mode from customers.account")
    assert mode == "POSTPAID"


async def test_who_sits_there_must_leave_first_and_who_holds_it_leaves_the_day_before(
    door, boss, home, owner
) -> None:
    holder = replace(RINGO, account_name="The occupier", customer_type_code="OCCUPIER")
    await moved_in(door, boss, home, customer=holder)
    ringo = await moved_in(door, boss, home, date(2024, 7, 1))
    (held, _) = await agreements(owner)
    assert held[4] == datetime(2024, 6, 30, 14, tzinfo=UTC)
    with pytest.raises(SiteOccupied, match=ringo.account_number):
        await moved_in(door, boss, home, date(2024, 8, 1))
    await moved_out(door, boss, ringo.account_number, home.sites[0], date(2024, 8, 31))
    with pytest.raises(SiteOccupied):
        await moved_in(door, boss, home, date(2024, 8, 31))
    paul = await moved_in(door, boss, home, date(2024, 9, 1))
    assert paul.status == "PENDING_MOVE_IN"


async def test_without_a_plan_nobody_moves_in(door, boss, owner) -> None:
    bare = await tower(door, boss)
    await linear_tariff(door, boss, "RES-FLAT", "0.285")
    with pytest.raises(NoPlan):
        await moved_in(door, boss, bare)
    assert await owner.fetchval("select count(*) from customers.account") == 0
    default = SetBuildingDefault("TWR01", "RES-FLAT")
    await door.act(set_building_default, default, boss)
    await moved_in(door, boss, bare)
    assert (
        await owner.fetchval(
            "select t.name from tariffs.assignment as a inner join tariffs.tariff as t"
            " using (tariff_id) where lower(a.valid) = $1",
            datetime(2024, 6, 20, 14, tzinfo=UTC),
        )
        == "RES-FLAT"
    )


@pytest.mark.parametrize(
    ("customer_type", "direct_debit", "expected"),
    [
        ("COMPANY", True, "DEBITED"),
        ("COMPANY", False, "COMPANIES"),
        ("RESIDENT", True, "ANYBODY"),
        ("RESIDENT", False, "ANYBODY"),
    ],
)
async def test_who_moves_in_is_put_on_the_nearest_default(
    door, boss, owner, customer_type, direct_debit, expected
) -> None:
    bare = await tower(door, boss)
    for plan, kind, debited in (
        ("ANYBODY", "", False),
        ("COMPANIES", "COMPANY", False),
        ("DEBITED", "COMPANY", True),
    ):
        await linear_tariff(door, boss, plan)
        default = SetBuildingDefault("TWR01", plan, customer_type=kind, direct_debit=debited)
        await door.act(set_building_default, default, boss)
    customer = replace(
        RINGO,
        customer_type_code=customer_type,
        direct_debit=DirectDebitTold("BANK", "tok_1") if direct_debit else None,
    )
    await moved_in(door, boss, bare, customer=customer)
    assert (
        await owner.fetchval(
            "select t.name from tariffs.assignment as a inner join tariffs.tariff as t"
            " using (tariff_id) where upper_inf(a.valid)"
        )
        == expected
    )


async def test_opening_reads_stand_at_the_start_of_their_day(door, boss, home, owner) -> None:
    read = RegisterRead(home.meters[0], Decimal("12345.6"))
    done = await moved_in(door, boss, home, date(2024, 7, 1), opening_reads=[read])
    assert (len(done.reads_created), done.reads_missing, done.reads_doubted) == (1, [], [])
    row = await owner.fetchrow(
        "select value, read_at from reads.read order by read_at desc limit 1"
    )
    assert tuple(row) == (12345600, datetime(2024, 6, 30, 14, tzinfo=UTC))
    kind = await owner.fetchval("select sub_type from reads.detail where read_at = $1", row[1])
    assert kind == "OPENING"


async def test_what_is_not_read_is_estimated_and_flagged(door, boss, home, owner) -> None:
    done = await moved_in(door, boss, home, date(2024, 7, 1))
    assert done.reads_estimated == [f"{home.meters[0]} register 1"]
    look = (
        "select r.value, d.estimated, d.sub_type from reads.read as r inner join reads.detail as d"
        " using (register_id, read_at, revision) where r.read_at = $1"
    )
    since = datetime(2024, 6, 30, 14, tzinfo=UTC)
    # Nothing but the read that the meter opened with is known: it did not move.
    assert tuple(await owner.fetchrow(look, since)) == (12000000, True, "ESTIMATE")
    later = await moved_in(door, boss, home, date(2024, 9, 1), unit=1)
    assert (later.reads_created, later.reads_missing) == ([], [f"{home.meters[1]} register 1"])


@given(
    first=st.integers(0, 10**9), second=st.integers(0, 10**9), third=st.integers(0, 10**9),
    hours=st.lists(st.integers(1, 10**4), min_size=3, max_size=3), between=st.booleans(),
)  # fmt: skip
def test_an_estimate_lies_between_its_neighbours_and_never_before_them(
    first: int, second: int, third: int, hours: list[int], between: bool
) -> None:
    values = [first, first + second, first + second + third]
    ats = [NOON + timedelta(hours=sum(hours[:n])) for n in range(4)]
    at = ats[2]
    around = ReadsAround(
        1, False, ats[0], values[0], ats[1], values[1],
        ats[3] if between else None, values[2] if between else None,
    )  # fmt: skip
    told = estimated(around, at)
    assert told >= values[1]
    if between:
        assert told <= values[2]
        assert abs((told - values[1]) * (hours[1] + hours[2]) - third * hours[1]) < 2 * 10**4
    else:
        assert abs((told - values[1]) * hours[0] - second * hours[1]) < 10**4 + 1
    assert estimated(ReadsAround(1, False, *[None] * 6), at) is None


@pytest.mark.parametrize(
    ("read", "refusal"),
    [
        (RegisterRead("nothing", Decimal(1)), NoSuchRegister),
        (RegisterRead("TWR01-12", Decimal(1), 2), NoSuchRegister),
        (RegisterRead("TWR01-12", Decimal(-1)), Invalid),
        (RegisterRead("TWR01-12", Decimal("1.0001")), Invalid),
        (RegisterRead("TWR01-12", Decimal(13000), read_date=date(2024, 8, 17)), Invalid),
    ],
)
async def test_a_move_in_with_a_bad_read_is_not_done(
    door, boss, home, owner, read: RegisterRead, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal) as told:
        await moved_in(door, boss, home, opening_reads=[read])
    assert told.value.field.startswith("moves[0].opening_reads[0]")
    assert await owner.fetchval("select count(*) from customers.account") == 0
    assert await agreements(owner) == []


async def test_a_disconnection_is_cancelled_and_the_connection_charged(
    door, boss, home, owner
) -> None:
    ringo = await moved_in(door, boss, home)
    left = await moved_out(door, boss, ringo.account_number, home.sites[0], date(2024, 8, 12))
    paul = await moved_in(
        door, boss, home, date(2024, 8, 14), move_in_charge=MoveCharge("CONN", Decimal("55.00"))
    )
    assert paul.charge_id is not None
    by_id = {order.work_order_id: order for order in await orders(door, boss)}
    kinds = {by_id[order].work_order_type: by_id[order].status for order in left.work_order_ids}
    assert kinds == {"FINAL_READ": "NEW", "DISCONNECT": "CANCELLED"}
    cancelled = next(o for o in by_id.values() if o.work_order_type == "DISCONNECT")
    assert [(step.before, step.after) for step in cancelled.history] == [
        (None, "NEW"), ("NEW", "CANCELLED"),
    ]  # fmt: skip
    charge = await owner.fetchrow("select amount, status, charge_on from charges.charge")
    assert tuple(charge) == (Decimal("55.000"), "PENDING", date(2024, 8, 14))


async def test_developers_and_buildings_that_do_not_charge_pay_nothing(door, boss, home) -> None:
    charge = MoveCharge("CONN", Decimal("55.00"))
    builder = replace(RINGO, customer_sub_type_code="DEVELOPER", customer_type_code="COMPANY")
    done = await moved_in(door, boss, home, customer=builder, move_in_charge=charge)
    assert done.charge_id is None
    free = await tower(door, boss, code="FREE", plan="RES-FLAT", units=1, sites_from=50)
    assert (await moved_in(door, boss, free, move_in_charge=charge)).charge_id is None


async def test_a_move_out_ends_with_its_day(door, boss, home, owner) -> None:
    ringo = await moved_in(door, boss, home)
    read = RegisterRead(home.meters[0], Decimal(12510))
    done = await moved_out(
        door, boss, ringo.account_number, home.sites[0], date(2024, 8, 10), closing_reads=[read]
    )
    end = datetime(2024, 8, 10, 14, tzinfo=UTC)
    assert (await agreements(owner))[0][4] == end
    assert [(a.cust_account_id, a.status, a.end_date) for a in done.agreements] == [
        (ringo.cust_account_ids[0], "CLOSED", date(2024, 8, 10))
    ]
    row = await owner.fetchrow(
        "select value, read_at from reads.read order by read_at desc limit 1"
    )
    assert tuple(row) == (12510000, end)
    assert (len(done.reads_created), done.final_invoice_expected) == (1, True)
    (order,) = [o for o in await orders(door, boss) if o.work_order_id in done.work_order_ids]
    assert (order.work_order_type, order.preferred_date) == ("DISCONNECT", date(2024, 8, 16))
    left = await owner.fetch("select type_code, status from activities.activity order by 1")
    assert [tuple(row) for row in left] == [
        ("DEEN", "OPEN"), ("MOVEIN", "CLOSED"), ("MOVEOUT", "CLOSED"), ("REEN", "OPEN"),
    ]  # fmt: skip
    status = await owner.fetchval(
        "select customers.account_status(1, account_id, $1) from customers.account", NOON
    )
    assert status == "CLOSED"


async def test_a_move_out_to_come_is_pending_and_can_be_taken_back(door, boss, home, owner) -> None:
    ringo = await moved_in(door, boss, home)
    done = await moved_out(door, boss, ringo.account_number, ALL, date(2024, 9, 30))
    assert [a.status for a in done.agreements] == ["PENDING_MOVE_OUT"]
    with pytest.raises(MovingOutAlready):
        await moved_out(door, boss, ringo.account_number, ALL, date(2024, 9, 1))
    stays = await door.act(stay_on, StayOn(ringo.account_number, home.sites[0]), boss)
    assert stays.cust_account_ids == ringo.cust_account_ids
    assert sorted(stays.work_order_ids) == sorted(done.work_order_ids)
    assert (await agreements(owner))[0][4] is None
    await moved_out(door, boss, ringo.account_number, ALL, date(2024, 9, 30))
    await moved_in(door, boss, home, date(2024, 10, 1))
    with pytest.raises(SuppliedToAnother):
        await door.act(stay_on, StayOn(ringo.account_number, ALL), boss)


@pytest.mark.parametrize(("day", "fits"), [(date(2024, 8, 2), True), (date(2024, 8, 1), False)])
async def test_a_move_out_is_ten_business_days_back_at_most(
    door, boss, home, day: date, fits: bool
) -> None:
    ringo = await moved_in(door, boss, home)
    if fits:
        await moved_out(door, boss, ringo.account_number, home.sites[0], day)
    else:
        with pytest.raises(TooLongAgo, match="2024-08-02"):
            await moved_out(door, boss, ringo.account_number, home.sites[0], day)


async def test_who_has_invoices_by_post_says_where_to(door, boss, home, owner) -> None:
    by_post = replace(RINGO, invoice_delivery_class="POST")
    ringo = await moved_in(door, boss, home, customer=by_post)
    day = date(2024, 8, 12)
    with pytest.raises(Invalid, match="forwarding_address"):
        await moved_out(door, boss, ringo.account_number, home.sites[0], day)
    await moved_out(
        door, boss, ringo.account_number, home.sites[0], day,
        forwarding_address=HOME, email="new@example.com", mobile="0412345678",
    )  # fmt: skip
    row = await owner.fetchrow(
        "select p.line_1, p.postcode, c.email_1, c.mobile_key, c.first_name"
        " from customers.postal_address as p inner join customers.customer as c using (customer_id)"
    )
    assert tuple(row) == ("2 Low Street", "6000", "new@example.com", "0412345678", "Ringo")


async def test_life_support_is_never_cut_off_by_a_move_out(door, boss, home) -> None:
    ringo = await moved_in(door, boss, home, life_support=True)
    done = await moved_out(door, boss, ringo.account_number, home.sites[0], date(2024, 8, 12))
    found = [o for o in await orders(door, boss) if o.work_order_id in done.work_order_ids]
    assert [order.work_order_type for order in found] == ["FINAL_READ"]


async def test_a_building_may_order_no_work_for_moves(door, boss, home) -> None:
    quiet = await tower(
        door, boss, code="QUIET", plan="RES-FLAT", sites_from=60, move_workorders_disabled=True
    )
    ringo = await moved_in(door, boss, quiet)
    assert ringo.work_order_ids == []
    done = await moved_out(door, boss, ringo.account_number, ALL, date(2024, 8, 12))
    (order,) = await orders(door, boss, building_code="QUIET")
    assert (order.work_order_type, [order.work_order_id]) == ("FINAL_READ", done.work_order_ids)


async def test_all_sites_of_an_account_are_left_at_once(door, boss, home, owner) -> None:
    ringo = await moved_in(door, boss, home)
    again = MoveInTold(home.sites[1], MOVED_IN, account_number=ringo.account_number)
    await door.act(move_in, MoveIn([again]), boss)
    done = await moved_out(door, boss, ringo.account_number, ALL, date(2024, 8, 12))
    assert [a.status for a in done.agreements] == ["CLOSED", "CLOSED"]
    assert len(done.work_order_ids) == 4
    with pytest.raises(NotSupplied):
        await moved_out(door, boss, ringo.account_number, ALL, date(2024, 8, 13))


async def test_moves_of_a_list_are_all_done_or_none(door, boss, home, owner) -> None:
    good = MoveInTold(home.sites[0], MOVED_IN, customer=RINGO)
    bad = MoveInTold(home.sites[1], MOVED_IN, account_number="99999")
    with pytest.raises(Exception, match=r"moves\[1\]|99999"):
        await door.act(move_in, MoveIn([good, bad]), boss)
    assert await owner.fetchval("select count(*) from customers.customer") == 0
    ringo = await moved_in(door, boss, home)
    with pytest.raises(NotSupplied):
        await moved_out(door, boss, ringo.account_number, home.sites[1], date(2024, 8, 12))


async def test_of_two_who_move_in_at_once_one_is_refused(door, boss, home, owner) -> None:
    done = await asyncio.gather(
        moved_in(door, boss, home), moved_in(door, boss, home, day=MOVED_IN + timedelta(days=1)),
        return_exceptions=True,
    )  # fmt: skip
    assert sorted(isinstance(one, Conflict) for one in done) == [False, True]
    assert len(await agreements(owner)) == 1


async def test_a_building_of_two_hundred_moves_in_with_as_many_statements_as_one(
    door, boss, home, owner, monkeypatch
) -> None:
    sent = []

    def count(name: str) -> None:
        original = getattr(asyncpg.Connection, name)

        async def counted(self, *args, **kwargs):
            sent.append(name)
            return await original(self, *args, **kwargs)

        monkeypatch.setattr(asyncpg.Connection, name, counted)

    big = await tower(door, boss, code="BIG", units=100, plan="RES-FLAT", sites_from=100)
    for name in ("fetch", "fetchrow", "execute"):
        count(name)

    async def statements(units: range) -> int:
        sent.clear()
        moves = [
            MoveInTold(
                big.sites[unit], MOVED_IN,
                customer=replace(RINGO, sales_cust_number=f"N{unit}"),
                opening_reads=[RegisterRead(big.meters[unit], Decimal(12000))],
            )
            for unit in units
        ]  # fmt: skip
        done = await door.act(move_in, MoveIn(moves), boss)
        assert len({one.account_number for one in done}) == len(units)
        return len(sent)

    assert await statements(range(1)) == await statements(range(1, 100))


async def test_blocked_accounts_do_not_move(door, boss, home, owner) -> None:
    (ringo,) = await door.act(save_customers, SaveCustomers([RINGO]), boss)
    await owner.execute(
        "update access.system_user set blocked_accounts = $1 where login = 'boss'",
        ringo.account_number,
    )
    move = MoveInTold(home.sites[0], MOVED_IN, account_number=ringo.account_number)
    with pytest.raises(Forbidden):
        await door.act(move_in, MoveIn([move]), boss)
