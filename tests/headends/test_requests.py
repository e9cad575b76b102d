"""The life of a request: asked, sent, answered or not, late, withdrawn, overtaken."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest
from tests.conftest import make_user
from tests.headends.asking import (
    ask,
    later,
    lives,
    plain,
    requests,
    send,
    set_up,
    state_of,
    take,
)
from tests.houses import House, small_house
from tests.shared import shared_urls, urls  # noqa: F401

from currant.access.model import AUTO, OPERATOR, Actor, CreatePortal
from currant.access.verbs import Nothing, create_portal
from currant.door import Door
from currant.errors import Forbidden, Invalid
from currant.headends.model import (
    AnsweredItem,
    AnswerRequest,
    AskMeters,
    Command,
    HeadEndTimeout,
    HeadEndUrl,
    MeterOutOfReach,
    NotAHeadEnd,
    RequestState,
    RequestsWanted,
    Sent,
    SetHeadEnd,
    TellSent,
)
from currant.headends.verbs import (
    answer_request,
    ask_meters,
    head_ends,
    head_ends_waited,
    meter_requests,
    portals_overdue,
    set_head_end,
    tell_sent,
    time_out,
)
from currant.metering.model import NoSuchMeter
from currant.vending.model import Vend
from currant.vending.verbs import vend

JOBS = AUTO.at("example")
CUT_OFF = """
select headends.cut_off(
    (select portal_id from access.portal where key = 'example'),
    array(select account_id from customers.account where account = $1), array['units'], $2
)
"""


@pytest.fixture
async def house(door: Door, boss: Actor, owner: asyncpg.Connection) -> House:
    """Two homes that are connected, behind a head-end that is set."""
    made = await small_house(door, boss, homes=2)
    await set_up(door)
    await owner.execute("update metering.meter set meter_state = 'CONNECTED'")
    return made


async def answer(door: Door, actor: Actor, request_id: UUID, command: str, **more: object) -> None:
    """Answer a request with success, and nothing told but the success."""
    told = AnswerRequest("multispeak", request_id, command, True, 0, "", [])
    await door.act(answer_request, msgspec.structs.replace(told, **more), actor)


async def cut_off(door: Door, owner: asyncpg.Connection, account: str) -> None:
    """Let an account's wallet be used up."""
    await owner.execute("update prepayment.wallet set balance = 0")
    await owner.fetchval(CUT_OFF, account, door.clock.now())


async def pay(door: Door, boss: Actor, account: str) -> None:
    await door.act(vend, Vend(account, "cash", Decimal(5)), boss)


async def test_a_request_is_sent_and_answered(door, boss, owner, house) -> None:
    (request_id,) = await ask(door, boss, "DISCONNECT", "M1")
    assert await state_of(owner, "M1") == "PENDING"
    (row,) = await requests(door, boss)
    assert plain(row, "request_id", "command", "state", "source", "reason", "login", "tries") == (
        request_id, "DISCONNECT", "PENDING", "multispeak", "a test", "boss", 0,
    )  # fmt: skip
    later(door, seconds=1)
    (outgoing,) = await send(door)
    assert (outgoing.request_id, outgoing.serial_number) == (request_id, "M1")
    assert await state_of(owner, "M1") == "DISCONNECTING"
    (row,) = await requests(door, boss)
    assert plain(row, "state", "tries", "sent_at") == ("SENT", 1, door.clock.now())
    later(door, seconds=1)
    await answer(door, boss, request_id, "DISCONNECT")
    assert await state_of(owner, "M1") == "DISCONNECTED"
    (row,) = await requests(door, boss)
    assert plain(row, "state", "result", "answered_at") == ("DONE", "success", door.clock.now())
    assert await take(door) == []


async def test_an_answer_may_come_before_it_is_told_that_it_was_sent(
    door, boss, owner, house
) -> None:
    (request_id,) = await ask(door, boss, "DISCONNECT", "M1")
    (outgoing,) = await take(door)
    await answer(door, boss, request_id, "DISCONNECT")
    await door.act(tell_sent, TellSent([Sent(outgoing.request_id, "")]), JOBS)
    assert await state_of(owner, "M1") == "DISCONNECTED"
    assert await lives(door, boss, "M1") == [("DISCONNECT", "DONE")]


async def test_a_meter_is_not_asked_twice_to_be_read(door, boss, house) -> None:
    first = await ask(door, boss, "READ", "M2", "M1", "M2")
    assert [row.serial_number for row in await requests(door, boss)] == ["M1", "M2"]
    assert await ask(door, boss, "READ", "M1", "M2") == first[::-1]
    assert len(await ask(door, boss, "STATUS", "M1")) == 1
    assert len(await send(door)) == 3
    assert await ask(door, boss, "READ", "M1") != first[1:]


async def test_a_relay_command_by_hand_withdraws_the_one_that_waits(
    door, boss, owner, house
) -> None:
    await ask(door, boss, "READ", "M1")
    await ask(door, boss, "CONNECT", "M1")
    assert await state_of(owner, "M1") == "CONNECTING"
    await ask(door, boss, "DISCONNECT", "M1")
    await ask(door, boss, "DISCONNECT", "M1")
    assert await lives(door, boss, "M1") == [
        ("READ", "PENDING"),
        ("CONNECT", "WITHDRAWN"),
        ("DISCONNECT", "WITHDRAWN"),
        ("DISCONNECT", "PENDING"),
    ]
    assert [one.command for one in await take(door)] == ["READ", "DISCONNECT"]


async def test_many_who_ask_at_once_leave_one_that_waits(door, boss, house) -> None:
    commands = ["READ", "CONNECT", "DISCONNECT"] * 6
    await asyncio.gather(*(ask(door, boss, command, "M1", "M2") for command in commands))
    waiting = [life for life in await lives(door, boss, "M1") if life[1] == "PENDING"]
    assert len(waiting) == 2
    assert ("READ", "PENDING") in waiting


@pytest.mark.parametrize(
    ("com_type", "word"), [("AMR", "only speaks"), ("STS", "tokens"), ("NES", "no head-end")]
)
async def test_meters_out_of_reach_are_named(door, boss, owner, house, com_type, word) -> None:
    await owner.execute(
        "update metering.meter set com_type = $1 where serial_number = 'M2'", com_type
    )
    with pytest.raises(MeterOutOfReach, match=f"M2: .*{word}") as refused:
        await ask(door, boss, "READ", "M1", "M2")
    assert [(fault.record, fault.column) for fault in refused.value.faults] == [
        (2, "serial_numbers")
    ]
    assert await requests(door, boss) == []


async def test_what_cannot_be_asked_is_refused(door, boss, portal, house) -> None:
    with pytest.raises(NoSuchMeter, match="'M9' does not exist"):
        await ask(door, boss, "READ", "M1", "M9")
    for serials in ([], [f"M{n}" for n in range(1001)]):
        with pytest.raises(Invalid, match="1 to 1000") as refused:
            await door.act(ask_meters, AskMeters(Command.READ, serials), boss)
        assert refused.value.field == "serial_numbers"
    for command in (Command.CONNECT, Command.DISCONNECT):
        with pytest.raises(Invalid, match="needs a reason"):
            await door.act(ask_meters, AskMeters(command, ["M1"], "  "), boss)
    barred = await make_user(door, portal, "barred", "Engineer")
    csr = await make_user(door, portal, "csr", "CSR3")
    with pytest.raises(Forbidden, match=r"ami\.command"):
        await ask(door, csr, "READ", "M1")
    assert await door.ask(meter_requests, RequestsWanted(2**62, 9), csr) == []
    with pytest.raises(NoSuchMeter):
        await door.ask(meter_requests, RequestsWanted(2**62, 9, "M9"), csr)
    assert barred.login == "barred"
    assert await requests(door, boss) == []


async def test_meters_of_blocked_accounts_are_left_alone(door, boss, owner, portal, house) -> None:
    barred = await make_user(door, portal, "barred", "Engineer")
    await owner.execute(
        "update access.system_user set blocked_accounts = $1 where login = 'barred'",
        house.accounts[1],
    )
    assert len(await ask(door, barred, "READ", "M1")) == 1
    with pytest.raises(Forbidden, match=r"M2: account .* is blocked"):
        await ask(door, barred, "READ", "M1", "M2")


async def test_requests_wait_for_their_head_end_and_say_so(door, boss, owner) -> None:
    await small_house(door, boss, homes=2)
    await owner.execute("update metering.meter set com_type = 'NES' where serial_number = 'M2'")
    await ask(door, boss, "READ", "M1")
    await owner.fetchval(
        "select headends.request_relay(portal_id, array[meter_id], 'DISCONNECT', 'wallet', now()) "
        "from metering.meter where serial_number = 'M2'"
    )
    assert await take(door) == []
    assert await door.ask(head_ends_waited, Nothing(), AUTO) == []
    notes = [row.note for row in await requests(door, boss)]
    assert notes == ["no head-end is set for multispeak", "no head-end reaches meters of NES"]
    await set_up(door)
    (waited,) = await door.ask(head_ends_waited, Nothing(), AUTO)
    assert (waited.portal, waited.source) == ("example", "multispeak")
    assert [one.serial_number for one in await send(door)] == ["M1"]
    rows = {row.source: row for row in await door.ask(head_ends, Nothing(), OPERATOR.at("example"))}
    assert sorted(rows) == ["bybot", "mas", "microstar", "multispeak"]
    assert plain(rows["multispeak"], "waiting", "unanswered", "has_token") == (0, 1, False)
    assert plain(rows["mas"], "url", "waiting", "unanswered") == ("", 0, 0)


async def test_a_failure_is_tried_again_later_and_given_up(door, boss, owner, house) -> None:
    await ask(door, boss, "CONNECT", "M1")
    await ask(door, boss, "READ", "M2")
    waits = []
    for tries in range(1, 9):
        assert len(await send(door, trouble="answered 503")) == 2
        row = (await requests(door, boss))[0]
        assert plain(row, "tries", "note") == (tries, "answered 503")
        waited = 0
        while row.state == "PENDING" and not await door.ask(head_ends_waited, Nothing(), AUTO):
            later(door, seconds=5)
            waited += 5
        waits.append(waited)
    assert waits == [5, 15, 45, 135, 405, 900, 900, 0]
    assert await take(door) == []
    assert {row.state for row in await requests(door, boss)} == {"FAILED"}
    assert await state_of(owner, "M1") == "UNKNOWN"
    assert await state_of(owner, "M2") == "CONNECTED"


async def test_what_is_taken_is_nobody_elses_until_it_is_told_of(door, boss, house) -> None:
    await ask(door, boss, "READ", "M1", "M2")
    taken = await asyncio.gather(*(take(door) for _ in range(6)))
    assert sorted(map(len, taken)) == [0] * 5 + [2]
    later(door, seconds=59)
    assert await take(door) == []
    later(door, seconds=1)
    again = await take(door)
    assert [one.request_id for one in again] == [one.request_id for one in max(taken, key=len)]


async def test_two_relay_commands_never_overtake_each_other(door, boss, house) -> None:
    await ask(door, boss, "DISCONNECT", "M1")
    (first,) = await take(door)
    await ask(door, boss, "CONNECT", "M1")
    await ask(door, boss, "READ", "M1")
    assert [one.command for one in await take(door)] == ["READ"]
    await door.act(tell_sent, TellSent([Sent(first.request_id, "")]), JOBS)
    assert [one.command for one in await take(door)] == ["CONNECT"]
    assert await lives(door, boss, "M1") == [
        ("DISCONNECT", "WITHDRAWN"),
        ("CONNECT", "PENDING"),
        ("READ", "PENDING"),
    ]


async def test_what_is_not_answered_in_time_leaves_the_relay_unknown(
    door, boss, owner, house
) -> None:
    await set_up(door, minutes=20)
    await ask(door, boss, "DISCONNECT", "M1")
    await ask(door, boss, "READ", "M2")
    await send(door)
    later(door, minutes=20, seconds=-1)
    assert await door.ask(portals_overdue, Nothing(), AUTO) == []
    assert await door.act(time_out, Nothing(), JOBS) == 0
    later(door, seconds=1)
    assert await door.ask(portals_overdue, Nothing(), AUTO) == ["example"]
    assert await door.act(time_out, Nothing(), JOBS) == 2
    assert {row.state for row in await requests(door, boss)} == {"TIMED_OUT"}
    assert await state_of(owner, "M1") == "UNKNOWN"
    assert await state_of(owner, "M2") == "CONNECTED"
    assert await door.act(time_out, Nothing(), JOBS) == 0


async def test_a_state_that_a_read_told_since_survives_the_time_out(
    door, boss, owner, house
) -> None:
    await ask(door, boss, "DISCONNECT", "M1")
    await send(door)
    await owner.execute("update metering.meter set meter_state = 'DISCONNECTED'")
    later(door, minutes=15)
    await door.act(time_out, Nothing(), JOBS)
    assert await state_of(owner, "M1") == "DISCONNECTED"


# A wallet that is used up, and one that is filled again


async def test_who_has_paid_by_the_time_of_sending_is_not_disconnected(
    door, boss, owner, house
) -> None:
    await cut_off(door, owner, house.accounts[0])
    await cut_off(door, owner, house.accounts[1])
    await ask(door, boss, "READ", "M1")
    await owner.execute(
        "update prepayment.wallet as w set balance = 1 from customers.account as a "
        "where a.account_id = w.account_id and a.account = $1 and w.kind = 'units'",
        house.accounts[0],
    )
    assert [(one.serial_number, one.command) for one in await take(door)] == [
        ("M2", "DISCONNECT"),
        ("M1", "READ"),
    ]
    assert await lives(door, boss, "M1") == [("DISCONNECT", "WITHDRAWN"), ("READ", "PENDING")]
    assert await state_of(owner, "M1") == "CONNECTED"


async def test_who_pays_by_bill_by_the_time_of_sending_is_not_disconnected(
    door, boss, owner, house
) -> None:
    await cut_off(door, owner, house.accounts[0])
    await owner.execute("update customers.account set payment_mode = 'POSTPAID'")
    assert await take(door) == []
    assert await state_of(owner, "M1") == "CONNECTED"


async def test_a_disconnection_by_hand_is_sent_whatever_the_wallet_holds(
    door, boss, owner, house
) -> None:
    await pay(door, boss, house.accounts[0])
    await ask(door, boss, "DISCONNECT", "M1")
    assert [one.command for one in await take(door)] == ["DISCONNECT"]


async def test_a_disconnection_that_was_sent_is_answered_by_a_connection(
    door, boss, owner, house
) -> None:
    """Its own answer, which comes after the payment, does not overrule the connection."""
    await cut_off(door, owner, house.accounts[0])
    (sent,) = await send(door)
    assert await state_of(owner, "M1") == "DISCONNECTING"
    await pay(door, boss, house.accounts[0])
    assert await state_of(owner, "M1") == "CONNECTING"
    await answer(door, boss, sent.request_id, "DISCONNECT")
    assert await state_of(owner, "M1") == "CONNECTING"
    (connect,) = await send(door)
    await answer(door, boss, connect.request_id, "CONNECT")
    assert await state_of(owner, "M1") == "CONNECTED"
    assert await lives(door, boss, "M1") == [("DISCONNECT", "DONE"), ("CONNECT", "DONE")]


async def test_a_disconnection_on_its_way_is_answered_by_a_connection(
    door, boss, owner, house
) -> None:
    """It was posted, and nobody knows yet whether the head-end took it."""
    await cut_off(door, owner, house.accounts[0])
    (taken,) = await take(door)
    await pay(door, boss, house.accounts[0])
    assert await state_of(owner, "M1") == "CONNECTING"
    await door.act(tell_sent, TellSent([Sent(taken.request_id, "")]), JOBS)
    assert await state_of(owner, "M1") == "CONNECTING"
    (connect,) = await send(door)
    await answer(door, boss, taken.request_id, "DISCONNECT")
    assert await state_of(owner, "M1") == "CONNECTING"
    await answer(door, boss, connect.request_id, "CONNECT")
    assert await state_of(owner, "M1") == "CONNECTED"


@pytest.mark.parametrize("asked_by", ["wallet", "hand"])
async def test_a_meter_that_was_off_is_not_said_to_be_on_for_what_was_never_sent(
    door, boss, owner, house, asked_by: str
) -> None:
    """Off, paid for, used up again before the connection is sent, and paid for once more."""
    await cut_off(door, owner, house.accounts[0])
    (sent,) = await send(door)
    await answer(door, boss, sent.request_id, "DISCONNECT")
    await pay(door, boss, house.accounts[0])
    if asked_by == "wallet":
        await cut_off(door, owner, house.accounts[0])
    else:
        await ask(door, boss, "DISCONNECT", "M1")
    assert await state_of(owner, "M1") == "PENDING"
    await pay(door, boss, house.accounts[0])
    assert await state_of(owner, "M1") == "CONNECTING"
    assert [one.command for one in await take(door)] == ["CONNECT"]


async def test_what_may_have_been_done_is_remembered_through_what_was_never_sent(
    door, boss, owner, house
) -> None:
    await ask(door, boss, "DISCONNECT", "M1")
    (taken,) = await take(door)
    await ask(door, boss, "DISCONNECT", "M1")
    await pay(door, boss, house.accounts[0])
    assert await state_of(owner, "M1") == "CONNECTING"
    await door.act(tell_sent, TellSent([Sent(taken.request_id, "")]), JOBS)
    assert [one.command for one in await take(door)] == ["CONNECT"]


@pytest.mark.parametrize("how", ["timed out", "failed", "given up"])
async def test_a_payment_connects_a_meter_that_nobody_knows_of(
    door, boss, owner, house, how: str
) -> None:
    await cut_off(door, owner, house.accounts[0])
    (sent,) = await send(door)
    if how == "timed out":
        later(door, minutes=15)
        await door.act(time_out, Nothing(), JOBS)
    elif how == "failed":
        await answer(door, boss, sent.request_id, "DISCONNECT", succeeded=False)
    else:
        await owner.execute(
            "update headends.request set state = 'PENDING', tries = 7, next_try_at = requested_at"
        )
        await send(door, trouble="answered 500")
    assert await state_of(owner, "M1") == "UNKNOWN"
    await pay(door, boss, house.accounts[0])
    assert await state_of(owner, "M1") == "CONNECTING"
    assert (await lives(door, boss, "M1"))[-1] == ("CONNECT", "PENDING")


async def test_a_payment_leaves_a_meter_alone_that_was_never_commanded(
    door, boss, owner, house
) -> None:
    await owner.execute("update metering.meter set meter_state = 'UNKNOWN'")
    await ask(door, boss, "READ", "M1")
    await pay(door, boss, house.accounts[0])
    assert await lives(door, boss, "M1") == [("READ", "PENDING")]
    assert await state_of(owner, "M1") == "UNKNOWN"


# Answers that come late, or in another order


async def timed_out(door: Door, boss: Actor, command: str) -> UUID:
    """Send a command that is not answered in time."""
    (request_id,) = await ask(door, boss, command, "M1")
    await send(door)
    later(door, minutes=15)
    await door.act(time_out, Nothing(), JOBS)
    return request_id


async def test_a_late_answer_is_the_truth(door, boss, owner, house) -> None:
    request_id = await timed_out(door, boss, "DISCONNECT")
    assert await state_of(owner, "M1") == "UNKNOWN"
    await answer(door, boss, request_id, "DISCONNECT")
    assert await state_of(owner, "M1") == "DISCONNECTED"
    assert await lives(door, boss, "M1") == [("DISCONNECT", "DONE")]


async def test_a_late_answer_does_not_overrule_what_is_asked_now(door, boss, owner, house) -> None:
    old = await timed_out(door, boss, "CONNECT")
    (new,) = await ask(door, boss, "DISCONNECT", "M1")
    await send(door)
    await answer(door, boss, old, "CONNECT")
    assert await state_of(owner, "M1") == "DISCONNECTING"
    await answer(door, boss, new, "DISCONNECT")
    assert await state_of(owner, "M1") == "DISCONNECTED"
    assert await lives(door, boss, "M1") == [("CONNECT", "DONE"), ("DISCONNECT", "DONE")]


async def test_a_late_answer_that_agrees_is_taken(door, boss, owner, house) -> None:
    old = await timed_out(door, boss, "DISCONNECT")
    await ask(door, boss, "DISCONNECT", "M1")
    await answer(door, boss, old, "DISCONNECT")
    assert await state_of(owner, "M1") == "DISCONNECTED"


async def test_a_late_answer_that_differs_from_what_was_done_has_it_done_again(
    door, boss, owner, house
) -> None:
    old = await timed_out(door, boss, "DISCONNECT")
    (new,) = await ask(door, boss, "CONNECT", "M1")
    await send(door)
    await answer(door, boss, new, "CONNECT")
    await answer(door, boss, old, "DISCONNECT")
    assert await state_of(owner, "M1") == "CONNECTING"
    (again,) = await send(door)
    await answer(door, boss, again.request_id, "CONNECT")
    assert await state_of(owner, "M1") == "CONNECTED"
    assert [life for life in await lives(door, boss, "M1") if life[0] == "CONNECT"] == [
        ("CONNECT", "DONE"),
        ("CONNECT", "DONE"),
    ]
    last = (await requests(door, boss, "M1"))[-1]
    assert plain(last, "login", "reason") == ("boss", "a test")


async def test_a_late_failure_says_nothing_of_a_newer_command(door, boss, owner, house) -> None:
    old = await timed_out(door, boss, "DISCONNECT")
    (new,) = await ask(door, boss, "CONNECT", "M1")
    await send(door)
    await answer(door, boss, new, "CONNECT")
    await answer(door, boss, old, "DISCONNECT", succeeded=False)
    assert await state_of(owner, "M1") == "CONNECTED"
    assert await take(door) == []


async def test_an_older_command_that_times_out_leaves_the_newer_ones_state(
    door, boss, owner, house
) -> None:
    await ask(door, boss, "DISCONNECT", "M1")
    await send(door)
    later(door, minutes=10)
    (new,) = await ask(door, boss, "CONNECT", "M1")
    await send(door)
    later(door, minutes=5)
    assert await door.act(time_out, Nothing(), JOBS) == 1
    assert await state_of(owner, "M1") == "CONNECTING"
    await answer(door, boss, new, "CONNECT")
    assert await state_of(owner, "M1") == "CONNECTED"


async def test_a_read_does_not_overrule_a_command_under_way(door, boss, owner, house) -> None:
    (read,) = await ask(door, boss, "READ", "M1")
    (command,) = await ask(door, boss, "DISCONNECT", "M1")
    (status,) = await ask(door, boss, "STATUS", "M1")
    await send(door)
    for asked, name in ((read, "READ"), (status, "STATUS")):
        items = told("connected")
        await answer(door, boss, asked, name, items=items)
        assert await state_of(owner, "M1") == "DISCONNECTING"
    await answer(door, boss, command, "DISCONNECT")
    assert await state_of(owner, "M1") == "DISCONNECTED"


async def test_a_read_asked_for_before_a_command_is_stale_after_it(
    door, boss, owner, house
) -> None:
    (read,) = await ask(door, boss, "READ", "M1")
    (command,) = await ask(door, boss, "DISCONNECT", "M1")
    await send(door)
    await answer(door, boss, command, "DISCONNECT")
    await answer(door, boss, read, "READ", items=told("connected"))
    assert await state_of(owner, "M1") == "DISCONNECTED"
    (status,) = await ask(door, boss, "STATUS", "M1")
    await answer(door, boss, status, "STATUS", items=told("connected"))
    assert await state_of(owner, "M1") == "CONNECTED"


def told(state: str) -> list[AnsweredItem]:
    return [AnsweredItem("M1", None, "", state)]


# Head-ends


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://head.example/",
        "head.example",
        "http://",
        "http:///x",
        "http://user:secret@head.example/",
        "http://head.example/#x",
        "http://head example/",
        "http://head.example/a b",
        "http://head.example/\n",
        "http://head.example/" + "x" * 2000,
    ],
)
async def test_a_url_that_is_none_is_refused(door, portal, url: str) -> None:
    with pytest.raises(HeadEndUrl):
        await set_up(door, url)


async def test_a_head_end_is_set_by_who_manages_portals(door, boss, portal, owner) -> None:
    for url in ("https://head.example", "http://10.0.0.7:8080/ami?x=1", "http://[::1]:80/"):
        await set_up(door, url, token="s3cret")
    assert await owner.fetchval("select url || ' ' || token from headends.head_end") == (
        "http://[::1]:80/ s3cret"
    )
    told = await owner.fetchval(
        "select string_agg(command, '') from access.audit_event where act = 'set_head_end'"
    )
    assert "s3cret" not in told
    wanted = SetHeadEnd("multispeak", "http://head.example/")
    with pytest.raises(Forbidden, match=r"portals\.manage"):
        await door.act(set_head_end, wanted, boss)
    with pytest.raises(NotAHeadEnd):
        await set_up(door, source="scada")
    for minutes in (0, 10081):
        with pytest.raises(HeadEndTimeout):
            await set_up(door, minutes=minutes)
    with pytest.raises(Invalid, match="token"):
        await set_up(door, token="a\nb")


async def test_who_reports_does_not_read_tokens(owner, portal) -> None:
    may = "select has_table_privilege('currant_reader', 'headends.head_end', 'select')"
    assert not await owner.fetchval(may)


async def test_setting_a_head_end_sends_what_waits_at_once(door, boss, house) -> None:
    await ask(door, boss, "READ", "M1")
    for _ in range(3):
        await send(door, trouble="refused")
        later(door, seconds=45)
    await send(door, trouble="refused")
    assert await take(door) == []
    await set_up(door, "http://127.0.0.1:10/")
    (outgoing,) = await take(door)
    assert outgoing.url == "http://127.0.0.1:10/"


async def test_a_portal_sees_and_sends_its_own_requests(door, boss, house) -> None:
    await door.act(create_portal, CreatePortal("zeta", "Zeta", "UTC", "USD", "CEC"), OPERATOR)
    other = await make_user(door, "zeta", "zetahead", "Engineer")
    (mine,) = await ask(door, boss, "READ", "M1")
    assert await requests(door, other) == []
    assert await take(door, portal="zeta") == []
    with pytest.raises(NoSuchMeter):
        await ask(door, other, "READ", "M1")
    await door.act(tell_sent, TellSent([Sent(mine, ""), Sent(uuid4(), "")]), AUTO.at("zeta"))
    assert await lives(door, boss, "M1") == [("READ", "PENDING")]


async def test_requests_are_listed_newest_first_by_pages(door, boss, house) -> None:
    for command in ("READ", "STATUS", "CONNECT", "DISCONNECT"):
        await ask(door, boss, command, "M1", "M2")
    await send(door)
    page = await door.ask(meter_requests, RequestsWanted(2**62, 3), boss)
    assert [row.number for row in page] == sorted((row.number for row in page), reverse=True)
    rest = await door.ask(meter_requests, RequestsWanted(page[-1].number, 100), boss)
    assert len({row.number for row in (*page, *rest)}) == 8
    of_state = RequestsWanted(2**62, 100, "M2", RequestState.WITHDRAWN)
    found = await door.ask(meter_requests, of_state, boss)
    assert [(row.serial_number, row.command) for row in found] == [("M2", "CONNECT")]
    named = RequestsWanted(2**62, 100, request_ids=[page[0].request_id])
    assert await door.ask(meter_requests, named, boss) == page[:1]


async def test_the_last_read_goes_out_with_a_request(door, boss, house) -> None:
    await ask(door, boss, "READ", "M1")
    (outgoing,) = await take(door)
    assert (outgoing.read_wh, outgoing.meter_state) == (0, "CONNECTED")
    assert outgoing.read_at == door.clock.now() - timedelta(0)
