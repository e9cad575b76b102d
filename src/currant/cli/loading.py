"""The demo utility brought to life through the door, from its first day to now.

The door's clock is put to the first day and moved on from file to file and from sale to sale, so
that everything has the time it would have had. Each act carries a key of its own: a load that was
interrupted goes on where it stopped. The tariff that is made first says when it began, what was
done is replayed, and who is hired last says that it is complete.
"""

import asyncio
import hashlib
import io
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from rich.progress import Progress

from currant.access.model import AUTO, OPERATOR, Actor, CreatePortal, CreateUser, IssueToken
from currant.access.verbs import (
    Nothing,
    create_portal,
    create_user,
    issue_token,
    new_token,
    portals,
    users,
)
from currant.batches.model import ApproveBatch, Count
from currant.batches.verbs import approve_batch, close_own_batch
from currant.cli.example import DAYS, FINE_DAYS, HOMES, SEED, Delivery, Example, Payment
from currant.cli.frame import Exit, Stopped
from currant.clock import FrozenClock
from currant.customers.verbs import account_keys
from currant.door import Door
from currant.drawdown.verbs import charge_fixed
from currant.errors import NotFound
from currant.jobs.worker import draw_all
from currant.locations.model import KeysWanted
from currant.money import from_minor
from currant.reads.model import Format, RecordReads
from currant.reads.verbs import record_reads
from currant.receivables.model import ImportArrears
from currant.receivables.verbs import import_arrears
from currant.supply.model import TrinityFile
from currant.supply.verbs import import_trinity
from currant.tariffs.model import (
    AttachCalendar,
    CreateCalendar,
    CreateTariff,
    Period,
    ScheduleRate,
    SetFixedCharge,
    SetTax,
    Switch,
    TariffWanted,
)
from currant.tariffs.verbs import (
    attach_calendar,
    create_calendar,
    create_tariff,
    schedule_rate,
    set_fixed_charge,
    set_tax,
    tariff,
)
from currant.upload import Upload
from currant.vending.model import Vend
from currant.vending.verbs import vend

PORTAL = "example"
BOSS = "demo"
HEADEND = "headend"
AT_ONCE = 6

_CASHIERS = ("cashier1", "cashier2")
# By how much the cash of a batch is off: the delivery it follows, and whose it is.
_SLIPS = {
    (3, "cashier2"): Decimal("-5.00"),
    (9, "cashier1"): Decimal("0.50"),
    (16, "cashier1"): Decimal("-20.00"),
}
_LAST = "books"
_MINUTE = timedelta(minutes=1)

# A tariff's lines from its second minute on: the tier, the rate of a kWh, where its block begins.
_RATES = (
    ("RESIDENTIAL", "A", "0.021000", 0),
    ("RESIDENTIAL", "B1", "0.118000", 0),
    ("RESIDENTIAL", "B2", "0.142000", 300),
    ("RESIDENTIAL", "B3", "0.176000", 800),
    ("BUSINESS", "T1", "0.098000", 0),
    ("BUSINESS", "T2", "0.214000", 0),
    ("BUSINESS", "T3", "0.149000", 0),
)


async def is_loaded(door: Door) -> bool:
    """Tell whether the demo utility is complete. Raises `Stopped` where its portal is another's."""
    known = await logins(door, PORTAL)
    refuse_another(PORTAL, BOSS, known)
    return _LAST in known


def refuse_another(portal: str, boss: str, known: set[str]) -> None:
    """Refuse a portal at which somebody works, but not the demo's people. Raises `Stopped`."""
    if known and boss not in known:
        raise Stopped(
            Exit.CONFLICT,
            f"The portal {portal} is a utility of your own, not the demo's. Nothing was loaded. "
            "Choose another CURRANT_HOME for the demo.",
        )


async def load(door: Door, clock: FrozenClock, progress: Progress, *, homes: int = HOMES) -> None:
    """Load what is missing of the demo utility; the clock stands at now before and after."""
    now = clock.now()
    half_hour = now.replace(minute=now.minute // 30 * 30, second=0, microsecond=0)
    clock.set(half_hour - timedelta(days=DAYS))
    await _Load(door, clock, progress).run(homes)
    clock.set(now)


async def logins(door: Door, portal: str) -> set[str]:
    """Return who works at a portal; nobody where there is no such portal."""
    if portal not in {row.key for row in await door.ask(portals, Nothing(), OPERATOR)}:
        return set()
    return {user.login for user in await door.ask(users, Nothing(), OPERATOR.at(portal))}


async def hire(door: Door, portal: str, login: str, name: str, role: str, *, vendor: str) -> Actor:
    """Make a user of a portal, and return them with a token for a load."""
    operator = OPERATOR.at(portal)
    wanted = CreateUser(login, name, role, vendor)
    await door.act(create_user, wanted, operator, f"{SEED}/hire/{login}")
    _, hashed = new_token()
    await door.act(issue_token, IssueToken(login, hashed), operator)
    return Actor(login, "TOKEN", hashed, portal)


class _Load:
    """A load under way."""

    def __init__(self, door: Door, clock: FrozenClock, progress: Progress) -> None:
        self._door = door
        self._clock = clock
        self._progress = progress
        self._boss = OPERATOR
        self._service = OPERATOR
        self._cashiers: list[Actor] = []

    async def run(self, homes: int) -> None:
        """Load what is not there yet."""
        await self._found()
        example = Example(await self._began() or self._clock.now(), homes)
        self._clock.set(example.begins)
        await self._set_tariffs(example)
        await self._supply(example)
        await self._live(example)
        await self._hire(_LAST, "Quin Books", "Accounting")

    async def _act(self, key: str, verb: Any, command: Any, actor: Actor | None = None) -> Any:
        """Act once, however often the load is begun again."""
        return await self._door.act(verb, command, actor or self._boss, f"{SEED}/{key}")

    async def _found(self) -> None:
        """Found the portal and hire its people."""
        known = await self._door.ask(portals, Nothing(), OPERATOR)
        if PORTAL not in {portal.key for portal in known}:
            made = CreatePortal(PORTAL, "Example Power", "America/New_York", "USD", "CEC", 11)
            await self._door.act(create_portal, made, OPERATOR)
        self._boss = await self._hire(BOSS, "Dana Demo", "SysAdmin")
        self._cashiers = [
            await self._hire(login, f"{name} Cashier", "VENDORADM")
            for login, name in zip(_CASHIERS, ("Nora", "Owen"), strict=True)
        ]
        self._service = await self._hire("service", "Pia Service", "CSR3")
        await self._hire("engineer", "Rex Engineer", "Engineer")
        await self._hire(HEADEND, "Simulated head-end", "Engineer")

    async def _hire(self, login: str, name: str, role: str) -> Actor:
        return await hire(self._door, PORTAL, login, name, role, vendor="CEC")

    async def _began(self) -> datetime | None:
        """Return when an earlier load of this portal began, if there was one."""
        try:
            wanted = TariffWanted("LIFELINE", Period.CURRENT)
            shown = await self._door.ask(tariff, wanted, self._boss)
        except NotFound:
            return None
        return shown.rates[0].start_at

    async def _set_tariffs(self, example: Example) -> None:
        """Make the three tariffs, the tax and the calendar."""
        await self._make_tariff("LIFELINE", 1, "0.110000", taxed=False)
        await self._act("tax", set_tax, SetTax(Decimal("0.05"), example.begins))
        await self._make_tariff("RESIDENTIAL", 3, "0.118000", fixed="6.50")
        await self._make_tariff("BUSINESS", 0, "0.149000", fixed="24.00")
        calendar = CreateCalendar(
            "Weekday peak",
            "America/New_York",
            weekday=[
                Switch(0, 1),
                Switch(420, 3),
                Switch(720, 2),
                Switch(1200, 3),
                Switch(1320, 1),
            ],
            weekend=[Switch(0, 1)],
            country="US",
            years=sorted({example.begins.year, example.now.year}),
        )
        await self._act("calendar", create_calendar, calendar)
        await self._act("follow", attach_calendar, AttachCalendar("BUSINESS", calendar.name))
        start = (example.begins + _MINUTE).isoformat()
        for name, tier, rate, base in _RATES:
            line = ScheduleRate(
                tariff=name,
                tier=tier,
                rate=Decimal(rate),
                usage_base_start=base,
                start=start,
                end="2050-01-01T23:59:59-05:00",
                service="Electricity",
                units="kWh",
                coa="4000" if tier == "A" else "4005",
                ar_coa="1102",
            )
            await self._act(f"rate/{name}/{tier}", schedule_rate, line)

    async def _make_tariff(
        self, name: str, kind: int, rate: str, *, taxed: bool = True, fixed: str = ""
    ) -> None:
        """Make a tariff, with its fixed charge of a month where it has one."""
        made = CreateTariff(
            name=name,
            description=name.capitalize(),
            municipality="",
            units="kWh",
            type=kind,
            rate=Decimal(rate),
            taxable=taxed,
            fuel_charge=any(line[:2] == (name, "A") for line in _RATES),
            levies=(),
            fixed=bool(fixed),
            kva_fixed=False,
        )
        await self._act(f"tariff/{name}", create_tariff, made)
        if fixed:
            wanted = TariffWanted(name, Period.CURRENT)
            shown = await self._door.ask(tariff, wanted, self._boss)
            charge = SetFixedCharge(shown.fixed[0].fixed_id, Decimal(fixed))
            await self._act(f"fixed/{name}", set_fixed_charge, charge)

    async def _supply(self, example: Example) -> None:
        """Bring in who is supplied where through which meter, and what some owed before."""
        self._clock.set(example.begins + 5 * _MINUTE)
        files = (
            ("locations", example.locations()),
            ("customers", example.customers()),
            ("meters", example.meters()),
        )
        for table, text in files:
            await self._act(table, import_trinity, TrinityFile(table, upload(text)))
        arrears = ImportArrears("1100", "9100", foreign_keys=True, upload=upload(example.arrears()))
        await self._act("arrears", import_arrears, arrears)

    async def _live(self, example: Example) -> None:
        """Let them pay, deliver the reads, draw down, charge each month, and pay again.

        What the cashiers took is counted each time but the last: those batches are still open.
        """
        async with self._door.asking(account_keys, self._boss) as tx:
            found = account_keys(tx, KeysWanted())
            accounts = {keys.external_key: keys.juice_key async for keys in found}
        bar = self._progress.add_task(
            "Loading the demo utility", total=1 + (DAYS - FINE_DAYS) // 7 + FINE_DAYS + 1
        )
        opening = example.payments({}, opening=True)
        await self._count(0, await self._sell(example, accounts, 0, opening))
        for number, delivery in enumerate(example.deliveries(), 1):
            self._progress.advance(bar)
            self._clock.set(delivery.at)
            await self._deliver(number, delivery)
            payments = example.payments(delivery.used_wh)
            taken = await self._sell(example, accounts, number, payments)
            if delivery.at < example.now:
                await self._count(number, taken)
        self._progress.advance(bar)

    async def _deliver(self, number: int, delivery: Delivery) -> None:
        """Record a file of reads, and let the jobs do what they do after it."""
        reads = RecordReads(upload(delivery.text), Format.CSV, "multispeak", watts=True)
        await self._act(f"reads/{number}", record_reads, reads)
        jobs = AUTO.at(PORTAL)
        await draw_all(self._door)
        await self._door.act(charge_fixed, Nothing(), jobs)

    async def _sell(
        self, example: Example, accounts: dict[str, str], number: int, payments: list[Payment]
    ) -> Mapping[str, dict[str, Decimal]]:
        """Serve who came to pay, some at a time, minutes apart.

        Returns what each cashier took, by the kind of tender.
        """
        taken: defaultdict[str, defaultdict[str, Decimal]] = defaultdict(
            lambda: defaultdict(Decimal)
        )

        async def serve(payment: Payment, cashier: Actor) -> None:
            account = accounts[payment.home.contract]
            wanted = Vend(
                account,
                payment.tender,
                from_minor(payment.cents, "USD"),
                tender_number=payment.number,
                tender_name=payment.name,
            )
            await self._act(f"vend/{number}/{account}", vend, wanted, cashier)
            taken[cashier.login][payment.tender] += wanted.amount

        for first in range(0, len(payments), AT_ONCE):
            self._clock.set(min(self._clock.now() + 3 * _MINUTE, example.now))
            group = payments[first : first + AT_ONCE]
            async with asyncio.TaskGroup() as tasks:
                for place, payment in enumerate(group):
                    tasks.create_task(serve(payment, self._cashiers[place % 2]))
        return taken

    async def _count(self, number: int, taken: Mapping[str, dict[str, Decimal]]) -> None:
        """Let each cashier count and close the batch, and somebody else approve it."""
        for cashier in self._cashiers:
            counted = dict(taken.get(cashier.login, {}))
            if not counted:
                continue
            slip = _SLIPS.get((number, cashier.login), Decimal(0))
            if "cash" in counted:
                counted["cash"] = max(counted["cash"] + slip, Decimal(0))
            key = f"batch/{number}/{cashier.login}"
            closed = await self._act(key, close_own_batch, Count(counted), cashier)
            approved = ApproveBatch(closed.batch_id)
            await self._act(f"{key}/approve", approve_batch, approved, self._service)


def upload(text: str) -> Upload:
    """Return a text as it is sent."""
    raw = text.encode()
    return Upload(io.BytesIO(raw), hashlib.sha256(raw).hexdigest(), len(raw))
