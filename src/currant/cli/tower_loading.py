"""The demo's building brought to life through the door: months of reads, bills and receipts.

As the prepaid utility is (`loading.py`): the clock is moved from act to act, each act carries a key
of its own, and who is hired last says that the load is complete. Two months are billed, and the
third is ready to be.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from rich.progress import Progress

from currant.access.model import OPERATOR, Actor, CreatePortal
from currant.access.verbs import Nothing, create_portal, portals
from currant.basicreads.model import BasicRead, PostReads
from currant.basicreads.verbs import post_reads
from currant.cli.example import SEED
from currant.cli.loading import hire, logins, refuse_another, upload
from currant.cli.tower import BUILDING, DAY, FLAT, TOU, UNITS, ZONE, Tower, Unit
from currant.clock import FrozenClock
from currant.customers.model import AddressTold, ContactTold, CustomerTold
from currant.documents.model import BrandTerms, Detail, Note, PaymentMethod
from currant.documents.verbs import set_brand
from currant.door import Door
from currant.errors import NotFound
from currant.installations.model import CreateMeters, NewMeter, ReadTold
from currant.installations.verbs import create_meters
from currant.intervals.model import LoadNem12
from currant.intervals.verbs import load_nem12
from currant.ledger.model import CloseMonth
from currant.locations.model import CreateBuildings, CreateSites, NewBuilding, NewSite
from currant.locations.verbs import create_buildings, create_sites
from currant.metering.model import NewRegister, RegisterRead
from currant.moves.model import MoveIn, MoveInTold
from currant.moves.verbs import move_in
from currant.plans.model import CreatePlan, GivenCharge, GivenRate
from currant.plans.verbs import create_plan
from currant.receipts.model import BatchType, NewReceipt, PostReceipts
from currant.receipts.verbs import post_receipts
from currant.reports.verbs import close_books
from currant.runs.model import DraftRow, DraftsWanted, RunChunk, RunNamed, StartRun
from currant.runs.verbs import (
    approve_run,
    bill_drafts,
    bill_run,
    draft_bills,
    post_bills,
    start_run,
)
from currant.tariffs.model import CreateCalendar, Period, SetTax, Switch, TariffWanted
from currant.tariffs.verbs import set_tax, tariff

PORTAL = "tower"
MANAGER = "tower"

_LAST = "ledgers"
_BILLED = 2  # months; the third is ready to be.
_LATE = 5  # The unit that has paid nothing yet.
_PART = 2  # The one that pays a part of its second bill.
_DAILY = "Daily supply"
_BRAND = BrandTerms(
    name="Harbour Tower Energy Pty Ltd",
    tax_label="ABN",
    tax_number="51 824 753 556",
    tax_name="GST",
    address=["Level 3, 18 Wharf Lane", "Sydney NSW 2000"],
    contacts=[Detail("Enquiries", "1300 555 014"), Detail("E-mail", "help@example.com")],
    locale="en_AU",
    payment_methods=[
        PaymentMethod("BPAY", [Detail("Biller code", "123455"), Detail("Ref", "{reference}")]),
        PaymentMethod("Bank transfer", [Detail("BSB", "062-000"), Detail("Account", "1234 5678")]),
    ],
    texts=[Note("Having trouble paying?", "Call us before the due date: we'll find a way.")],
)


async def is_loaded(door: Door) -> bool:
    """Tell whether the building is complete. Raises `Stopped` where its portal is another's."""
    known = await logins(door, PORTAL)
    refuse_another(PORTAL, MANAGER, known)
    return _LAST in known


async def load(door: Door, clock: FrozenClock, progress: Progress) -> None:
    """Load what is missing of the building; the clock stands at now before and after."""
    now = clock.now()
    await _Load(door, clock, progress, now).run()
    clock.set(now)


class _Load:
    """A load under way."""

    def __init__(self, door: Door, clock: FrozenClock, progress: Progress, now: datetime) -> None:
        self._door = door
        self._clock = clock
        self._progress = progress
        self._now = now
        self._manager = OPERATOR
        self._clerk = OPERATOR
        self._tower = Tower(now.astimezone(ZONE).date())

    async def run(self) -> None:
        """Load what is not there yet."""
        if PORTAL not in {row.key for row in await self._door.ask(portals, Nothing(), OPERATOR)}:
            made = CreatePortal(PORTAL, "Harbour Tower Energy", ZONE.key, "AUD", "HTE")
            await self._door.act(create_portal, made, OPERATOR)
        self._manager = await self._hire(MANAGER, "Toni Tower", "SysAdmin")
        self._clerk = await self._hire("clerk", "Kit Clerk", "ComMGR")
        self._tower = Tower(self._tower.today, await self._began())
        self._at(self._tower.eve)
        await self._set_prices()
        await self._supply()
        spans = list(self._tower.spans())
        bar = self._progress.add_task("Loading the demo building", total=len(spans))
        for number, (first, last) in enumerate(spans):
            self._at(last + DAY, 6)
            await self._tell(first, last)
            if number < _BILLED:
                await self._bill(number, last)
            self._progress.advance(bar)
        self._clock.set(self._now)
        await self._hire(_LAST, "Lee Ledgers", "Accounting")

    async def _act(self, key: str, verb: Any, command: Any, actor: Actor | None = None) -> Any:
        """Act once, however often the load is begun again."""
        return await self._door.act(verb, command, actor or self._manager, f"{SEED}/{key}")

    async def _hire(self, login: str, name: str, role: str) -> Actor:
        return await hire(self._door, PORTAL, login, name, role, vendor="HTE")

    def _at(self, day: date, hour: int = 9) -> None:
        """Put the clock to an hour of a day in the building, but never beyond now."""
        self._clock.set(min(_instant(day, hour), self._now))

    async def _began(self) -> date | None:
        """Return the first day that an earlier load of this portal is about, if there was one."""
        try:
            wanted = TariffWanted(FLAT, Period.CURRENT)
            shown = await self._door.ask(tariff, wanted, self._manager)
        except NotFound:
            return None
        return shown.rates[0].start_at.astimezone(ZONE).date() + DAY

    async def _set_prices(self) -> None:
        """Set the tax and the two plans, and what the papers bear."""
        since = _instant(self._tower.eve)
        await self._act("tax", set_tax, SetTax(Decimal("0.1"), since))
        flat = CreatePlan(
            name=FLAT,
            description="Residential, one rate",
            rates=[GivenRate("B1", Decimal("0.285"), description="Anytime")],
            charges=[GivenCharge(_DAILY, Decimal("1.10"))],
            from_at=since,
        )
        await self._act("plan/flat", create_plan, flat)
        off_peak = [Switch(0, 1)]
        calendar = CreateCalendar(
            "Sydney peak",
            ZONE.key,
            weekday=[
                Switch(0, 1),
                Switch(420, 2),
                Switch(900, 3),
                Switch(1260, 2),
                Switch(1320, 1),
            ],
            weekend=off_peak,
            holiday=off_peak,
            country="AU",
            subdivision="NSW",
            years=sorted({self._tower.first.year, self._tower.today.year}),
        )
        tou = CreatePlan(
            name=TOU,
            description="Time of use",
            rates=[
                GivenRate("T1", Decimal("0.198"), description="Off-peak"),
                GivenRate("T2", Decimal("0.264"), description="Shoulder"),
                GivenRate("T3", Decimal("0.418"), description="Peak"),
            ],
            charges=[GivenCharge(_DAILY, Decimal("1.32"))],
            calendar=calendar,
            from_at=since,
        )
        await self._act("plan/tou", create_plan, tou)
        await self._act("brand", set_brand, _BRAND)

    async def _supply(self) -> None:
        """Make the building with its sites and meters, and let everybody move in."""
        building = NewBuilding(
            BUILDING,
            "Harbour Tower",
            network="Ausgrid",
            address_1="18 Wharf Lane",
            suburb="Sydney",
            state="NSW",
            postcode="2000",
            country="AU",
            timezone=ZONE.key,
            tax_number=_BRAND.tax_number,
        )
        await self._act("building", create_buildings, CreateBuildings([building]))
        sites = [
            NewSite(
                BUILDING,
                unit.nmi,
                site_name=f"Unit {unit.number}",
                site_type="BUSINESS" if unit.shop else "RESIDENTIAL",
                unit_no=str(unit.number),
                address_1=f"{unit.number}/18 Wharf Lane",
            )
            for unit in UNITS
        ]
        await self._act("sites", create_sites, CreateSites(sites))
        meters = [self._meter(unit) for unit in UNITS]
        await self._act("meters", create_meters, CreateMeters(meters))
        self._at(self._tower.first)
        moves = [self._move(unit) for unit in UNITS]
        await self._act("moves", move_in, MoveIn(moves))

    def _meter(self, unit: Unit) -> NewMeter:
        """Return a meter as it is hung: one that tells half-hours, or one that is read."""
        interval = NewRegister(metering_type="AM", datastream="E1", interval_minutes=30)
        fine = unit.plan == TOU
        return NewMeter(
            unit.serial_number,
            dials=0 if fine else 6,
            registers=[interval if fine else NewRegister()],
            site_identifier=unit.nmi,
            installed_on=self._tower.eve,
            price_plan_code=unit.plan,
            opening_reads=[] if fine else [ReadTold(self._tower.shown(unit, self._tower.eve))],
        )

    def _move(self, unit: Unit) -> MoveInTold:
        first, _, last = unit.name.partition(" ")
        customer = CustomerTold(
            account_name=unit.name,
            customer_type_code="COMPANY" if unit.shop else "RESIDENT",
            customer_sub_type_code="DEFAULT" if unit.shop else "TENANT",
            bill_cycle_code="MONTHLY",
            payment_method_type="DIRECT",
            invoice_delivery_class="POST",
            contacts=[
                ContactTold(
                    first_name=first, last_name=last, email=f"unit{unit.number}@example.com"
                )
            ],
            billing_address=AddressTold(
                f"{unit.number}/18 Wharf Lane", suburb="Sydney", state="NSW", postcode="2000"
            ),
        )
        shown = RegisterRead(unit.serial_number, self._tower.shown(unit, self._tower.eve))
        return MoveInTold(
            unit.nmi,
            self._tower.first,
            customer=customer,
            opening_reads=[shown] if unit.plan == FLAT else [],
        )

    async def _tell(self, first: date, last: date) -> None:
        """Bring in what the meters tell of some days; the market's begin an hour late in summer."""
        begins = self._tower.eve if first == self._tower.first else first
        text = self._tower.nem12(begins, last)
        file = LoadNem12(upload(text), f"tower-{last}.csv")
        await self._act(f"intervals/{last}", load_nem12, file)
        reads = [
            BasicRead(unit.nmi, unit.serial_number, self._tower.shown(unit, last), last)
            for unit in UNITS
            if unit.plan == FLAT
        ]
        await self._act(f"reads/{last}", post_reads, PostReads(reads))

    async def _bill(self, number: int, last: date) -> None:
        """Bill a month: drafted by the clerk, approved by the manager, posted, paid by most."""
        self._at(last + 2 * DAY)
        run = await self._act(f"run/{number}", start_run, StartRun(last), self._clerk)
        named, chunk = RunNamed(run.run_id), RunChunk(run.run_id)
        if (await self._door.ask(bill_run, named, self._clerk)).status == "DRAFTING":
            while (await self._door.act(draft_bills, chunk, self._clerk)).more:
                pass
        await self._act(f"approve/{number}", approve_run, named)
        while (await self._door.act(post_bills, chunk, self._clerk)).more:
            pass
        posted = await self._door.ask(bill_drafts, DraftsWanted(run.run_id), self._clerk)
        day = last + timedelta(days=12)
        self._at(day)
        paid = PostReceipts(_receipts(number, day, posted))
        await self._act(f"receipts/{number}", post_receipts, paid, self._clerk)
        await self._act(f"close/{number}", close_books, CloseMonth(last.replace(day=1)))


def _receipts(number: int, day: date, posted: Sequence[DraftRow]) -> list[NewReceipt]:
    """Return what comes in for posted invoices: nothing of one unit, once a part of another's."""
    found = []
    for unit, row in zip(UNITS, posted, strict=True):
        amount = Decimal(50) if number and unit.number == _PART else row.total
        if unit.number != _LATE:
            reference = f"BPAY {row.number}"
            found.append(
                NewReceipt(BatchType.DIRECT, row.account, day, amount, reference, f"{day:%d %B}")
            )
    return found


def _instant(day: date, hour: int = 0) -> datetime:
    return datetime.combine(day, time(hour), ZONE)
