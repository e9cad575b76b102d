"""Billing as a machine of states against a model: any order of acts bills each day once.

The model is arithmetic on days: what an account was billed is what it used in the days that are
covered by invoices that stand, whatever was drafted, discarded, cancelled or reopened on the way.
"""

import contextlib
import itertools
from datetime import date, datetime, timedelta
from decimal import Decimal

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import new_database
from tests.shared import keep, superuser
from tests.towers import BEGINS, SYDNEY, Tower, read, sound, tower

from currant.clock import FrozenClock
from currant.db.tx import open_pool
from currant.door import Door
from currant.errors import Conflict, Invalid
from currant.invoices.model import CancelInvoice
from currant.invoices.verbs import cancel_invoice
from currant.runs.model import DraftsNamed, HoldDrafts, RunChunk, RunNamed, StartRun
from currant.runs.verbs import (
    approve_run,
    discard_drafts,
    draft_bills,
    hold_drafts,
    post_bills,
    release_drafts,
    start_run,
)

ACTS = (
    *("bill", "bill", "bill", "month", "month", "month", "late", "late", "cancel", "cancel"),
    *("run", "run one", "reopen", "start", "draft", "approve", "post", "post"),
    *("hold", "release", "discard", "discard one"),
)
ACT = st.tuples(st.sampled_from(ACTS), st.integers(0, 5))
STANDING = """
select g.agreement_id, lower(c.days) as first, upper(c.days) as past, m.quantity, i.posted_at,
    c.waits
from invoices.covered as c
inner join customers.agreement as g using (portal_id, agreement_id)
inner join invoices.invoice as i using (portal_id, invoice_id)
inner join invoices.measured as m
    on m.portal_id = c.portal_id and m.invoice_id = c.invoice_id
    and m.agreement_id = c.agreement_id and m.from_on = lower(c.days)
where c.released_by is null and i.kind <> 'CREDIT'
order by g.agreement_id, lower(c.days)
"""


class Machine:
    """The tower, what its meters show by day, and the acts that a user may do."""

    def __init__(self, door: Door, owner: asyncpg.Connection, clock: FrozenClock) -> None:
        self.door, self.owner, self.clock = door, owner, clock
        self.told: Tower
        self.shown: list[dict[date, int]] = []
        self.runs: list[int] = []
        self.months = [BEGINS, date(2024, 7, 1)]

    async def begin(self) -> None:
        self.clock.set(datetime(2024, 7, 1, 9, tzinfo=SYDNEY))
        self.told = await tower(self.door, self.owner, units=2)
        self.shown = [{}, {}]
        for place in range(2):
            await self.show(place, BEGINS, 1000)
            await self.show(place, self.months[-1], 1100 + 10 * place)

    async def show(self, place: int, day: date, value: int) -> None:
        unit = self.told.units[place]
        await read(self.owner, self.told, unit, day, str(value), self.clock.now())
        self.shown[place][day] = value

    async def act(self, what: str, number: int) -> None:
        """Do an act; what is refused changes nothing."""
        self.clock.set(self.clock.now() + timedelta(minutes=7))
        with contextlib.suppress(Conflict, Invalid):
            await getattr(self, what.replace(" ", "_"))(number)

    async def _start(self, **more: object) -> None:
        through = self.months[-1] - timedelta(days=1)
        run = await self.door.act(start_run, StartRun(through, **more), self.told.clerk)
        self.runs.append(run.run_id)

    async def _draft_all(self, size: int) -> None:
        more = True
        while more:
            more = (
                await self.door.act(draft_bills, RunChunk(self.runs[-1], size), self.told.clerk)
            ).more

    async def start(self, _number: int) -> None:
        await self._start()

    async def run(self, number: int) -> None:
        await self._start()
        await self._draft_all(1 + number % 2)

    async def run_one(self, number: int) -> None:
        await self._start(account=self.told.units[number % 2].account)
        await self._draft_all(1)

    async def reopen(self, number: int) -> None:
        await self._start(reopen=True)
        await self._draft_all(1 + number % 2)

    async def bill(self, number: int) -> None:
        await self.run(number)
        await self.approve(0)
        await self.post(number)

    def chosen(self, number: int) -> int:
        if not self.runs:
            raise Invalid("There is none.")
        return self.runs[-1 - number % min(len(self.runs), 3)]

    async def draft(self, number: int) -> None:
        chunk = RunChunk(self.chosen(number), 1 + number % 2)
        await self.door.act(draft_bills, chunk, self.told.clerk)

    async def hold(self, number: int) -> None:
        account = self.told.units[number % 2].account
        named = HoldDrafts(self.chosen(number), [account], "x")
        await self.door.act(hold_drafts, named, self.told.clerk)

    async def release(self, number: int) -> None:
        account = self.told.units[number % 2].account
        named = DraftsNamed(self.chosen(number), [account])
        await self.door.act(release_drafts, named, self.told.manager)

    async def approve(self, number: int) -> None:
        await self.door.act(approve_run, RunNamed(self.chosen(number)), self.told.manager)

    async def post(self, number: int) -> None:
        chunk = RunChunk(self.chosen(number // 2), 1 + number % 2)
        await self.door.act(post_bills, chunk, self.told.clerk)

    async def discard(self, number: int) -> None:
        await self.door.act(discard_drafts, DraftsNamed(self.chosen(number)), self.told.clerk)

    async def discard_one(self, number: int) -> None:
        named = DraftsNamed(self.chosen(number), [self.told.units[number % 2].account])
        await self.door.act(discard_drafts, named, self.told.clerk)

    async def cancel(self, number: int) -> None:
        rows = await self.owner.fetch(
            "select number from invoices.invoice where posted_at is not null order by invoice_id"
        )
        if rows:
            wanted = CancelInvoice(rows[-1 - number % len(rows)]["number"], "x")
            await self.door.act(cancel_invoice, wanted, self.told.manager)

    async def late(self, number: int) -> None:
        """A read between the first and the last is corrected."""
        inside = self.months[1:-1]
        if inside:
            day, place = inside[number % len(inside)], number % 2
            await self.show(place, day, self.shown[place][day] + 1 + number)

    async def month(self, number: int) -> None:
        day = (self.months[-1] + timedelta(days=31)).replace(day=1)
        self.clock.set(max(self.clock.now(), datetime(day.year, day.month, 1, 9, tzinfo=SYDNEY)))
        self.months.append(day)
        for place in range(2):
            last = max(self.shown[place].values())
            await self.show(place, day, last + 90 + 3 * number + place)

    async def settle(self) -> None:
        """Reopen and bill all that there is."""
        for run_id in self.runs:
            for verb, command, actor in ((discard_drafts, DraftsNamed(run_id), self.told.clerk),):
                with contextlib.suppress(Conflict):
                    await self.door.act(verb, command, actor)
        await self._start(reopen=True)
        run_id = self.runs[-1]
        while (await self.door.act(draft_bills, RunChunk(run_id, 1), self.told.clerk)).more:
            pass
        await self.door.act(approve_run, RunNamed(run_id), self.told.manager)
        accounts = [
            row["account"]
            for row in await self.owner.fetch(
                "select account from invoices.invoice inner join customers.account"
                " using (portal_id, account_id) where held_for is not null"
            )
        ]
        if accounts:
            named = DraftsNamed(run_id, accounts)
            await self.door.act(release_drafts, named, self.told.manager)
        await self.door.act(post_bills, RunChunk(run_id), self.told.clerk)

    async def hold_to_the_model(self, *, whole: bool) -> None:
        """No day twice, Σ lines = total = open item = ledger; `whole`: all days, as now read."""
        await sound(self.door, self.owner)
        rows = await self.owner.fetch(STANDING)
        for place, unit in enumerate(self.told.units):
            found = [row for row in rows if row["agreement_id"] == unit.agreement_id]
            waiting = [row for row in found if row["waits"]]
            # The draft that replaces an invoice has its days only when it is posted.
            assert all(row["posted_at"] is None for row in waiting)
            assert not (whole and waiting)
            mine = [row for row in found if not row["waits"]]
            ends = [BEGINS, *(row["past"] for row in mine)]
            if not whole:
                assert all(a["past"] <= b["first"] for a, b in itertools.pairwise(mine))
                continue
            assert [row["first"] for row in mine] == ends[:-1]
            assert ends[-1] == self.months[-1]
            shown = self.shown[place]
            for row in mine:
                # A value reads as it does now: what was late is billed anew.
                assert row["quantity"] == 1000 * (shown[row["past"]] - shown[row["first"]])
            net = await self.owner.fetchval(
                "select sum(l.net) from invoices.line as l inner join invoices.invoice as i"
                " using (portal_id, invoice_id) where l.agreement_id = $1"
                " and i.posted_at is not null",
                unit.agreement_id,
            )
            days = (self.months[-1] - BEGINS).days
            energy = shown[self.months[-1]] - shown[BEGINS]
            exact = Decimal("0.285") * energy + Decimal("1.10") * days
            assert abs(net - exact) <= Decimal("0.005") * len(mine)


@pytest.fixture(scope="module")
async def stage(server, template):
    async with new_database(server, template) as urls:
        admin = await asyncpg.connect(superuser(server, urls))
        put_back = await keep(admin)
        pool = await open_pool(urls.runtime, size=4)
        owner = await asyncpg.connect(urls.owner)
        yield pool, owner, admin, put_back
        await owner.close()
        await pool.close()
        await admin.close()


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(acts=st.lists(ACT, min_size=24, max_size=24))
async def test_any_order_of_acts_bills_each_day_once(stage, acts) -> None:
    pool, owner, admin, put_back = stage
    await admin.execute(put_back)
    clock = FrozenClock(datetime(2024, 7, 1, 9, tzinfo=SYDNEY))
    machine = Machine(Door(pool, clock), owner, clock)
    await machine.begin()
    for what, number in acts:
        await machine.act(what, number)
    await machine.hold_to_the_model(whole=False)
    machine.clock.set(clock.now() + timedelta(minutes=7))
    await machine.settle()
    await machine.hold_to_the_model(whole=True)
