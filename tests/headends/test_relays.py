"""Relay requests: who is asked, what that does to a meter's state, and what withdraws a request."""

import asyncio
from typing import Any

import asyncpg
import pytest
from tests.houses import House, small_house
from tests.shared import shared_urls, urls  # noqa: F401

from currant.clock import FrozenClock

REQUEST = """
select headends.request_relay(
    (select portal_id from access.portal where key = 'example'),
    array(select meter_id from metering.meter where serial_number = any($1)), $2, 'wallet', $3
)
"""
SETTLE = """
select headends.settle_relays(
    (select portal_id from access.portal where key = 'example'),
    array(select account_id from customers.account order by account_id),
    array(select $1::text from customers.account), $2
)
"""


CUT_OFF = """
select headends.cut_off(
    (select portal_id from access.portal where key = 'example'),
    array(select account_id from customers.account where account = any($1) order by account_id),
    array(select $2::text from customers.account where account = any($1)), $3
)
"""


@pytest.fixture
async def house(door, boss) -> House:
    return await small_house(door, boss, homes=2)


@pytest.fixture
def ask(owner: asyncpg.Connection, clock: FrozenClock) -> Any:
    """Ask meters for a command and answer how many were asked."""

    async def asked(command: str, *serials: str) -> int:
        return await owner.fetchval(REQUEST, list(serials), command, clock.now())

    return asked


@pytest.fixture
def settle(owner: asyncpg.Connection, clock: FrozenClock) -> Any:
    """Settle the relays of all accounts for wallets of a kind."""

    async def settled(kind: str = "units") -> int:
        return await owner.fetchval(SETTLE, kind, clock.now())

    return settled


async def put(owner: asyncpg.Connection, serial: str, state: str) -> None:
    await owner.execute(
        "update metering.meter set meter_state = $2 where serial_number = $1", serial, state
    )


async def state(owner: asyncpg.Connection, serial: str) -> tuple[str, list[str]]:
    """A meter's state, and its requests that wait."""
    shown = await owner.fetchval(
        "select meter_state from metering.meter where serial_number = $1", serial
    )
    rows = await owner.fetch(
        """
        select r.command from headends.request as r inner join metering.meter as m using (meter_id)
        where m.serial_number = $1 and r.state = 'PENDING'
        """,
        serial,
    )
    return shown, [row["command"] for row in rows]


@pytest.mark.parametrize(
    ("command", "before", "after"),
    [
        ("DISCONNECT", "CONNECTED", "PENDING"),
        ("DISCONNECT", "CONNECTING", "PENDING"),
        ("DISCONNECT", "UNKNOWN", "PENDING"),
        ("DISCONNECT", "DISCONNECTED", None),
        ("DISCONNECT", "DISCONNECTING", None),
        ("CONNECT", "DISCONNECTED", "CONNECTING"),
        ("CONNECT", "DISCONNECTING", "CONNECTING"),
        ("CONNECT", "UNKNOWN", "CONNECTING"),
        ("CONNECT", "CONNECTED", None),
        ("CONNECT", "CONNECTING", None),
    ],
)
async def test_a_request_moves_the_state(
    owner, house, ask, command: str, before: str, after: str | None
) -> None:
    await put(owner, "M1", before)
    assert await ask(command, "M1") == (0 if after is None else 1)
    expected = (before, []) if after is None else (after, [command])
    assert await state(owner, "M1") == expected
    assert await state(owner, "M2") == ("UNKNOWN", [])


async def test_the_same_request_waits_once_and_another_withdraws_it(owner, house, ask) -> None:
    await put(owner, "M1", "CONNECTED")
    assert [await ask("DISCONNECT", "M1"), await ask("DISCONNECT", "M1", "M2")] == [1, 1]
    assert await ask("CONNECT", "M1") == 1
    assert await state(owner, "M1") == ("CONNECTING", ["CONNECT"])
    withdrawn = await owner.fetchval(
        "select count(*) from headends.request where state = 'WITHDRAWN'"
    )
    assert withdrawn == 1


@pytest.mark.parametrize("com_type", ["AMR", "STS"])
async def test_meters_that_take_no_command_are_left_alone(owner, house, ask, com_type) -> None:
    await owner.execute(
        "update metering.meter set com_type = $1 where serial_number = 'M1'", com_type
    )
    assert await ask("DISCONNECT", "M1", "M2") == 1
    assert await state(owner, "M1") == ("UNKNOWN", [])


async def test_requests_at_the_same_time_leave_one(urls, house, clock) -> None:  # noqa: F811
    connections = [await asyncpg.connect(urls.owner) for _ in range(8)]
    answers = await asyncio.gather(
        *(
            connection.fetchval(REQUEST, ["M1", "M2"], "DISCONNECT", clock.now())
            for connection in connections
        )
    )
    for connection in connections:
        await connection.close()
    assert sorted(answers) == [0] * 7 + [2]


async def test_settling_withdraws_what_waits_and_reconnects_what_happened(
    owner, house, ask, settle
) -> None:
    await put(owner, "M1", "CONNECTED")
    await ask("DISCONNECT", "M1")
    await put(owner, "M2", "DISCONNECTED")
    assert await settle("currency") == 0
    assert await state(owner, "M1") == ("PENDING", ["DISCONNECT"])
    assert await settle() == 2
    assert await state(owner, "M1") == ("CONNECTED", [])
    assert await state(owner, "M2") == ("CONNECTING", ["CONNECT"])
    assert await settle() == 0


async def test_a_meter_that_is_off_before_the_answer_comes_is_reconnected(
    owner, house, ask, settle
) -> None:
    """A read has told that it is off; the request to disconnect still waits for its answer."""
    await ask("DISCONNECT", "M1")
    await put(owner, "M1", "DISCONNECTED")
    assert await settle() == 1
    assert await state(owner, "M1") == ("CONNECTING", ["CONNECT"])


async def test_settling_leaves_meters_of_others_and_of_the_past(
    owner, house, settle, clock
) -> None:
    await put(owner, "M1", "DISCONNECTED")
    await put(owner, "M2", "DISCONNECTED")
    await owner.execute(
        """
        update metering.installation set valid = tstzrange(lower(valid) - interval '1 day', $1)
        where meter_id = (select meter_id from metering.meter where serial_number = 'M2')
        """,
        clock.now(),
    )
    assert await settle() == 1
    assert await state(owner, "M2") == ("DISCONNECTED", [])


async def test_prepaid_accounts_are_cut_off_and_nobody_else(owner, house, clock) -> None:
    one, two = house.accounts

    async def cut_off(accounts: list[str], kind: str) -> int:
        return await owner.fetchval(CUT_OFF, accounts, kind, clock.now())

    await owner.execute("update metering.meter set meter_state = 'CONNECTED'")
    await owner.execute(
        "update customers.account set payment_mode = 'POSTPAID' where account = $1", two
    )
    assert await cut_off([], "units") == 0
    assert await cut_off([one, two], "currency") == 0
    assert await cut_off([one, two], "units") == 1
    assert await state(owner, "M1") == ("PENDING", ["DISCONNECT"])
    assert await state(owner, "M2") == ("CONNECTED", [])
    assert await cut_off([one], "units") == 0
