"""The office that bills the tower for a year, through HTTP, and what it expects to find.

`Year` acts as the office's people do, and keeps beside it what each act must come to, reckoned by
`reckoning.py` from what is known on the day. Nothing that is expected is asked of the product.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import httpx
import msgspec
from tests.stories import cast
from tests.stories.cast import COMMON, GATE, SHOP, SOLAR, Stream, Truth, kwh, nmi, serial
from tests.stories.reckoning import (
    DAY,
    FIRST,
    GST,
    HOLIDAYS,
    LAST,
    OTHER,
    SYDNEY,
    WEEKDAY,
    WINTER,
    WINTER_MONTHS,
    Home,
    Line,
    Plan,
    bill,
    half_up,
    monthly,
    quarters,
)
from tests.stories.teller import JSON

from currant.clock import FrozenClock

ROOT = "/v1/tower"
RPC = "/api/Utilmate/post"


class Tenancy(msgspec.Struct):
    """Who is supplied where from when to when (the first day after), and billed up to when."""

    account: str
    number: int
    start: date
    end: date | None = None
    billed: list[tuple[date, date]] = []

    def due(self, past: date) -> list[tuple[date, date]]:
        """The days before one that no invoice covers, in stretches."""
        day, stretches = self.start, []
        for first, after in sorted(self.billed):
            if day < first:
                stretches.append((day, first))
            day = after
        last = min(past, self.end or past)
        return [*stretches, (day, last)] if day < last else stretches


class Service(msgspec.Struct):
    """A service without a meter, at so much a month."""

    tenancy: Tenancy
    price: Fraction


class Standing(msgspec.Struct, frozen=True):
    """An invoice that was posted: whose, for which days, how much of what and what it came to."""

    number: str
    account: str
    spans: list[tuple[Tenancy, date, date]]
    charges: list[tuple[date, int, int]]
    used: int
    total: Decimal


class Office:
    """The people of the tower's operator as HTTP sees them."""

    def __init__(self, http: httpx.AsyncClient, boss: Any, clerk: Any, key: str) -> None:
        self.http, self.boss, self.clerk = http, boss, clerk
        self.key = {"Authorization": f"Bearer {key}"}

    async def post(self, path: str, body: Any, by: Any = None) -> Any:
        """Send a POST as the boss, or who else it is by, and return its answer."""
        content = body if isinstance(body, bytes) else JSON.encode(body)
        answer = await self.http.post(ROOT + path, content=content, headers=by or self.boss)
        assert answer.status_code in (200, 201), f"{path}: {answer.text[:2000]}"
        return answer.json(parse_float=Decimal)

    async def get(self, path: str, **query: Any) -> Any:
        """Send a GET and return its answer."""
        answer = await self.http.get(ROOT + path, params=query, headers=self.boss)
        assert answer.status_code == 200, f"{path}: {answer.text[:2000]}"
        return answer.json(parse_float=Decimal)

    async def call(self, code: str, parameters: Any) -> Any:
        """Call a method of the Utilmate API and return its answer."""
        told = {"companycode": "tower", "methodcode": code, "parameters": parameters}
        answer = await self.http.post(RPC, content=JSON.encode(told), headers=self.key)
        assert answer.status_code == 200, f"{code}: {answer.text[:2000]}"
        return answer.json(parse_float=Decimal)


class Year:
    """The tower from January to December, as it is and as it is known."""

    def __init__(self, office: Office, clock: FrozenClock, truths: dict[int, Truth]) -> None:
        self.office, self.clock, self.truths = office, clock, truths
        self.homes: dict[int, Home] = {
            number: cast.home(number, truth) for number, truth in truths.items()
        }
        self.serials = {number: [(cast.EVE, serial(number))] for number in truths}
        self.began: dict[str, int] = {}  # what had passed when a later meter began at 0
        self.tenancies: list[Tenancy] = []
        self.services: list[Service] = []
        self.charges: dict[str, list[tuple[date, int, int]]] = {}
        self.balances: Counter[str] = Counter()
        self.standing: dict[str, Standing] = {}
        self.losses = cast.losses()
        # Invoices that a later read changed and no run has seen yet, and those that stand anyhow.
        self.late: list[str] = []
        self.written_off: list[str] = []

    # --- The clock, and who lives where. ---------------------------------------------------------

    def at(self, day: date, hour: int = 9) -> None:
        """Put the clock to an hour of a day in Sydney."""
        self.clock.set(datetime(day.year, day.month, day.day, hour, tzinfo=SYDNEY))

    def tenant(self, number: int) -> Tenancy:
        """Who was last supplied in a unit."""
        return [tenancy for tenancy in self.tenancies if tenancy.number == number][-1]

    async def begin(self) -> None:
        """Make the building, its meters and plans, and let everybody move in at New Year."""
        office = self.office
        await office.post(
            "/taxes", {"rate": Decimal("0.1"), "from": _midnight(cast.EVE).isoformat()}
        )
        await office.post("/calendars", _calendar())
        for plan in cast.PLANS:
            told = cast.plan_told(plan) | {"from": _midnight(cast.EVE).isoformat()}
            if plan is cast.TOU:
                told["follows"] = "TWR"
            await office.post("/tariffs", told)
        building = {
            "building_code": "TWR", "name": "The Tower", "network": "Ausgrid",
            "address_1": "1 Tower St", "suburb": "Sydney", "state": "NSW", "postcode": "2000",
            "country": "AU", "timezone": "Australia/Sydney", "tax_number": "51 824 753 556",
        }  # fmt: skip
        await office.post("/buildings", {"buildings": [building]})
        numbers = [GATE, *(number for number in self.homes if number != GATE)]
        await office.post("/sites", {"sites": [_site(number) for number in numbers]})
        await self.tell_losses(cast.EVE)
        await office.post("/meters", {"meters": [self._meter(number) for number in numbers]})
        await self.move_in({number: FIRST for number in numbers if number != GATE})

    async def tell_losses(self, since: date = cast.LOSS_CHANGE) -> None:
        """Tell the building's loss factors since a day."""
        dlf, mlf, internal = map(Decimal, cast.FACTORS[since])
        told = {
            "building_code": "TWR", "start_date": since.isoformat(), "dlf": dlf, "mlf": mlf,
            "internal": internal,
        }  # fmt: skip
        await self.office.post("/loss-factors", {"loss_factors": [told]})

    async def tell_prices(self, plan: Plan) -> None:
        """Tell the later prices of a plan, before they are in force."""
        for what, change, since in cast.changes_told(plan):
            told = change | {"from": _midnight(since).isoformat()}
            await self.office.post(f"/tariffs/{what}", told)

    def _meter(self, number: int) -> dict[str, Any]:
        plan = self.homes[number].plans[0][1]
        told: dict[str, Any] = {
            "serial_number": serial(number), "site_identifier": nmi(number),
            "installed_on": cast.EVE.isoformat(), "registers": registers(number),
        }  # fmt: skip
        if number in cast.BASICS:
            told |= {"dials": 6, "opening_reads": [{"meter_read": kwh(cast.opening(number))}]}
        return told if number == GATE else told | {"price_plan_code": plan.name}

    async def move_in(self, days: dict[int, date]) -> None:
        """Let somebody move into units, each on its day."""
        moves = []
        for number, day in days.items():
            first = number != COMMON and not any(t.number == number for t in self.tenancies)
            moves.append(_move_in(number, day, "first" if first else "next"))
            if number in cast.BASICS:
                self.homes[number].reads[day] = self.stands(number, day)
                moves[-1]["opening_reads"] = [self.shown(number, day, day)]
        done = (await self.office.post("/move-ins", {"moves": moves}))["data"]
        for (number, day), row in zip(days.items(), done, strict=True):
            assert row["reads_missing"] == row["reads_doubted"] == [], row
            self.tenancies.append(Tenancy(row["account_number"], number, day))

    async def move_out(self, number: int, day: date) -> Tenancy:
        """Let whoever lives in a unit move out; the day is the last one supplied."""
        leaving = self.tenant(number)
        told: dict[str, Any] = {
            "account_number": leaving.account, "site_identifier": nmi(number),
            "move_out_date": day.isoformat(),
            "forwarding_address": {"line_1": "2 Low Street", "suburb": "Perth", "state": "WA"},
        }  # fmt: skip
        if number in cast.BASICS:
            self.homes[number].reads[day + DAY] = self.stands(number, day + DAY)
            told["closing_reads"] = [self.shown(number, day, day + DAY)]
        (row,) = (await self.office.post("/move-outs", {"moves": [told]}))["data"]
        assert (row["final_invoice_expected"], row["reads_doubted"]) == (True, []), row
        leaving.end = day + DAY
        return leaving

    def meter_on(self, number: int, day: date) -> str:
        """The meter that hung in a unit on a day."""
        return [name for since, name in self.serials[number] if since <= day][-1]

    def stands(self, number: int, day: date) -> int:
        """What has passed a basic unit when a day begins, as its first meter would show it."""
        passed = sum(self.truths[number].used[n] for n in quarters(FIRST, day))
        return cast.opening(number) + passed

    def shown(self, number: int, on: date, day: date) -> dict[str, Any]:
        """What the meter that hangs on one day in a basic unit shows when another begins."""
        meter = self.meter_on(number, on)
        less = self.began.get(meter, 0)
        return {"meter_code": meter, "meter_read": kwh(self.homes[number].reads[day] - less)}

    async def exchange(self, number: int, day: date, name: str) -> None:
        """Exchange the meter of a unit at the beginning of a day."""
        old = self.meter_on(number, day)
        told: dict[str, Any] = {
            "serial_number": old, "exchange_date": day.isoformat(),
            "new_meter": {"serial_number": name, "dials": 6, "registers": registers(number)},
        }  # fmt: skip
        if number in cast.BASICS:
            self.homes[number].reads[day] = self.stands(number, day)
            told["closing_reads"] = [{"meter_read": self.shown(number, day, day)["meter_read"]}]
            told["opening_reads"] = [{"meter_read": kwh(0)}]
            self.began[name] = self.homes[number].reads[day]
        done = await self.office.post("/meters/exchange", told)
        assert done["doubted"] == [], done
        self.serials[number].append((day, name))

    # --- What is measured. -----------------------------------------------------------------------

    async def deliver(
        self,
        streams: Iterable[tuple[int, Sequence[tuple[date, str]]]],
        values: dict[int, Sequence[int]] | None = None,
    ) -> Any:
        """Deliver days of units in one file, each day with its flag, and know them from then on.

        `values` are told instead of what was used.
        """
        told = []
        for number, days in streams:
            home, truth = self.homes[number], self.truths[number]
            used = (values or {}).get(number, truth.used)
            cast.learn(home.used, used, (day for day, _ in days))
            parts = [("E1", used)]
            if truth.fed:
                cast.learn(home.fed, truth.fed, (day for day, _ in days))
                parts.append(("B1", truth.fed))
            for suffix, quantities in parts:
                for name in dict.fromkeys(self.meter_on(number, day) for day, _ in days):
                    hung = [one for one in days if self.meter_on(number, one[0]) == name]
                    told.append(Stream(number, name, suffix, quantities, hung))
        done = await self.office.post("/intervals", cast.nem12(self.clock.now(), told))
        assert (done["faults"], done["late"]) == (0, 0), done
        return done

    async def read(
        self,
        reads: dict[int, tuple[date, int]],
        kind: str = "ACTUAL",
        doubted: Collection[int] = (),
    ) -> None:
        """Post what basic meters stand at by the end of a day each, and know it from then on.

        What is doubted of units, because they stood empty before, is looked at and released.
        """
        parameters = []
        for number, (day, wh) in reads.items():
            self.homes[number].reads[day + DAY] = wh
            told = {"site_identifier": nmi(number), "read_date": day.isoformat()}
            told |= self.shown(number, day, day + DAY)
            parameters.append(told | {"read_sub_type": kind})
        rows = (await self.office.call("POSTREAD", parameters))["data"]
        review = {n for n, row in zip(reads, rows, strict=True) if row["status"] == "IN_REVIEW"}
        assert review == set(doubted), rows
        if review:
            parked = (await self.office.get("/reads/quarantine"))["data"]
            assert {row["reason"] for row in parked} == {"HIGH"}
            ids = [row["quarantine_id"] for row in parked]
            await self.office.post("/reads/quarantine/release", {"quarantine_ids": ids})

    # --- Bills. ----------------------------------------------------------------------------------

    def expected(
        self, through: date, only: str | None = None, waiting: Collection[str] = ()
    ) -> dict[str, tuple[list[Line], list[tuple[Tenancy, date, date]], list[Any]]]:
        """Reckon what a run bills: for each account its lines, its days and its charges."""
        found: dict[str, tuple[list[Line], list[tuple[Tenancy, date, date]], list[Any]]] = {}
        supplied = [(t, self._bill) for t in self.tenancies if t.account not in waiting]
        supplied += [(service.tenancy, self._service) for service in self.services]
        for tenancy, reckon in supplied:
            if only not in (None, tenancy.account):
                continue
            for start, end in tenancy.due(through + DAY):
                lines, spans, _ = found.setdefault(tenancy.account, ([], [], []))
                lines += reckon(tenancy, start, end)
                spans.append((tenancy, start, end))
        for account, charges in self.charges.items():
            due = [charge for charge in charges if charge[0] <= through]
            if due and account not in waiting and only in (None, account):
                lines, _, taken = found.setdefault(account, ([], [], []))
                lines += [Line(Fraction(1), Fraction(net, 100), net, tax) for _, net, tax in due]
                taken += due
        return {account: told for account, told in found.items() if only is None or account == only}

    def _bill(self, tenancy: Tenancy, start: date, end: date) -> list[Line]:
        return bill(self.homes[tenancy.number], start, end, self.losses)

    def _service(self, tenancy: Tenancy, start: date, end: date) -> list[Line]:
        (price,) = (s.price for s in self.services if s.tenancy is tenancy)
        return list(monthly(price, start, end))

    async def run(
        self,
        through: date,
        *,
        only: str | None = None,
        waiting: Collection[str] = (),
        reopen: bool = False,
        late: Collection[str] = (),
        remarks: Collection[tuple[str, str]] = (),
        closely: bool = True,
    ) -> dict[str, Decimal]:
        """Bill up to a day, and hold every invoice against what was reckoned.

        `waiting` are accounts that cannot be billed, `late` invoices that the run takes back, and
        `remarks` what is remarkable: (account, kind). Another than the clerk approves; drafts that
        are held for it are released. Not `closely`: by the totals, not line by line.
        """
        office = self.office
        told: dict[str, Any] = {"through": through.isoformat(), "reopen": reopen}
        told |= {"building_code": "TWR"} if only is None else {"account": only}
        run = await office.post("/bill-runs", told, by=office.clerk)
        path = f"/bill-runs/{run['run_id']}"
        while (await office.post(f"{path}/draft", {"how_many": 25}, by=office.clerk))["more"]:
            pass
        for number in late:
            self.taken_back(number)
        expected = self.expected(through, only, waiting)
        found = (await office.get(f"{path}/exceptions"))["data"]
        outliers = {
            (account, "OUTLIER") for account in expected if self.unusual(expected[account][1])
        }
        assert {(row["account"], row["kind"]) for row in found} == set(remarks) | outliers, found
        drafts = (await office.get(f"{path}/drafts", limit=200))["data"]
        assert {draft["account"] for draft in drafts} == set(expected)
        await office.post(f"{path}/approve", {})
        if held := [draft["account"] for draft in drafts if draft["held_for"]]:
            await office.post(f"{path}/release", {"accounts": held})
        while (await office.post(f"{path}/post", {"how_many": 25}, by=office.clerk))["more"]:
            pass
        totals = {}
        for draft in (await office.get(f"{path}/drafts", limit=200))["data"]:
            lines, spans, charges = expected[draft["account"]]
            assert draft["total"] == cents(*lines), (draft, lines)
            if closely:
                invoice = await office.get(f"/invoices/{draft['number']}")
                self._hold_against(invoice, lines, spans)
            for tenancy, start, end in spans:
                tenancy.billed.append((start, end))
            for charge in charges:
                self.charges[draft["account"]].remove(charge)
            total = draft["total"]
            used = sum(self.used(tenancy.number, *days) for tenancy, *days in _metered(spans))
            self.standing[draft["number"]] = Standing(
                draft["number"], draft["account"], spans, charges, used, total
            )
            self.balances[draft["account"]] += total
            totals[draft["account"]] = total
        return totals

    def _hold_against(
        self, invoice: Any, lines: list[Line], spans: list[tuple[Tenancy, date, date]]
    ) -> None:
        """Hold an invoice, line by line, against what was reckoned."""
        head = invoice["invoice"]
        told = sorted(
            Line(
                abs(Fraction(line["quantity"])), Fraction(line["rate"]),
                int(line["net"] * 100), int(line["tax"] * 100),
            )
            for line in invoice["lines"]
        )  # fmt: skip
        assert told == sorted(lines), (head, told, sorted(lines))
        assert head["total"] == head["net"] + head["tax"] == cents(*lines), head
        if spans:
            days = min(start for _, start, _ in spans), max(end for _, _, end in spans) - DAY
            assert (head["from_on"], head["to_on"]) == tuple(day.isoformat() for day in days)
        final = bool(spans) and all(tenancy.end == end for tenancy, _, end in spans)
        assert head["kind"] == ("FINAL" if final else "NORMAL"), head
        used = sum(row["quantity"] for row in invoice["measured"] if not row["export"])
        assert used == sum(self.used(tenancy.number, *days) for tenancy, *days in _metered(spans))

    def unusual(self, spans: list[tuple[Tenancy, date, date]]) -> bool:
        """Whether usage a day is a third of what it was on the invoices before, or three times."""
        for tenancy, start, end in _metered(spans):
            before = [
                (standing.used, (last - first).days)
                for standing in self.standing.values()
                for one, first, last in _metered(standing.spans)
                if one is tenancy
            ]
            usual = Fraction(sum(used for used, _ in before), sum(days for _, days in before) or 1)
            if usual:
                part = self.used(tenancy.number, start, end) / (usual * (end - start).days)
                percent = int(100 * part)
                if percent >= 300 or percent * 300 <= 10_000:
                    return True
        return False

    def used(self, number: int, start: date, end: date) -> int:
        """What a unit used on days as it is known, in Wh."""
        return sum(self.homes[number].energy(start, end).values())

    def taken_back(self, number: str) -> None:
        """An invoice is cancelled: its days and charges wait to be billed, and nobody owes it."""
        gone = self.standing.pop(number)
        self.balances[gone.account] -= gone.total
        for tenancy, start, end in gone.spans:
            tenancy.billed.remove((start, end))
        self.charges.setdefault(gone.account, []).extend(gone.charges)

    def totals(self) -> dict[tuple[str, date], Decimal]:
        """What each invoice that stands came to, by account and first day."""
        return {
            (standing.account, min(start for _, start, _ in standing.spans)): standing.total
            for standing in self.standing.values()
        }

    def invoice_of(self, account: str, day: date) -> str:
        """The number of the invoice that stands for an account's day."""
        (number,) = (
            standing.number
            for standing in self.standing.values()
            if standing.account == account
            and any(start <= day < end for _, start, end in standing.spans)
        )
        return number

    async def charge(self, account: str, day: date, amount: str) -> None:
        """Charge an account for administration, GST within; another approves it."""
        body = {
            "account": account, "item_code": "ADMIN", "charge_on": day.isoformat(),
            "amount": Decimal(amount),
        }  # fmt: skip
        added = await self.office.post("/charges", {"charges": [body]}, by=self.office.clerk)
        await self.office.post("/charges/approve", {"charge_ids": [added["data"][0]["charge_id"]]})
        gross = int(Decimal(amount) * 100)
        tax = half_up(gross * GST / (1 + GST))
        self.charges.setdefault(account, []).append((day, gross - tax, tax))

    async def provide(self, number: int, day: date, price: str) -> None:
        """Begin a telephone service for who lives in a unit, at so much a month, GST within."""
        tenant = self.tenant(number)
        item = {"item_code": "ADMIN", "unit_price": Decimal(price), "description": "Telephone"}
        told = {
            "product_type": "TELCO", "service_number": "0298765432", "account": tenant.account,
            "start_on": day.isoformat(), "line_items": [item],
        }  # fmt: skip
        await self.office.post("/services", told)
        self.services.append(Service(Tenancy(tenant.account, 0, day), Fraction(price)))

    async def cancel(self, number: str, reason: str) -> None:
        """Cancel an invoice by a credit note."""
        done = await self.office.post(f"/invoices/{number}/cancel", {"reason": reason})
        assert done["amount"] == -self.standing[number].total, done
        self.taken_back(number)

    # --- Money. ----------------------------------------------------------------------------------

    async def receive(self, amounts: dict[str, Decimal], day: date) -> list[Any]:
        """Post receipts of accounts; what nobody knows waits in suspense."""
        receipts = [
            {
                "batch_type": "DIRECT", "account": account, "received_on": day.isoformat(),
                "amount": amount, "batch_name": f"{day:%d %B}",
            }
            for account, amount in amounts.items()
        ]  # fmt: skip
        rows = (await self.office.post("/receivables/receipts", {"receipts": receipts}))["data"]
        known = {tenancy.account for tenancy in self.tenancies}
        for row, (account, amount) in zip(rows, amounts.items(), strict=True):
            assert row["suspense"] == (account not in known), row
            if account in known:
                self.balances[account] -= amount
                assert row["balance"] == self.balances[account], (row, self.balances[account])
                assert row["allocated"] + row["unallocated"] == amount
        return rows

    async def adjust(self, account: str, reason: str, amount: str) -> None:
        """Credit an account for a reason; another approves it."""
        told = {
            "account": account, "reason": reason, "amount": Decimal(amount),
            "adjusted_on": self.clock.now().astimezone(SYDNEY).date().isoformat(),
        }  # fmt: skip
        entered = await self.office.post(
            "/adjustments", {"adjustments": [told]}, by=self.office.clerk
        )
        assert entered["data"][0]["status"] == "PENDING", entered
        body = {"adjustment_ids": [entered["data"][0]["adjustment_id"]]}
        (row,) = (await self.office.post("/adjustments/approve", body))["data"]
        assert row["status"] == "POSTED", row
        self.balances[account] -= Decimal(amount)

    async def put_on(self, number: int, plan: Plan, day: date) -> None:
        """Put the meter of a unit on another plan from a day on."""
        told = {
            "serial_number": self.meter_on(number, day), "tariff": plan.name,
            "from": _midnight(day).isoformat(),
        }  # fmt: skip
        await self.office.post("/tariffs/assignments", told)
        self.homes[number].plans.append((day, plan))


def _metered(spans: list[tuple[Tenancy, date, date]]) -> list[tuple[Tenancy, date, date]]:
    return [span for span in spans if span[0].number]


def cents(*lines: Line) -> Decimal:
    """What lines come to with GST."""
    return Decimal(sum(line.net + line.tax for line in lines)).scaleb(-2)


def registers(number: int) -> list[dict[str, Any]]:
    """The registers of a unit's meter."""
    if number in cast.BASICS:
        return [{"register_no": 1}]
    minutes = 30 if number in cast.HALF_HOURLY else 15
    told = {"metering_type": "AM", "interval_minutes": minutes}
    registers = [told | {"register_no": 1, "datastream": "E1"}]
    if number in SOLAR:
        registers.append(told | {"register_no": 2, "datastream": "B1", "direction": "I"})
    return registers


def _site(number: int) -> dict[str, Any]:
    kind = {GATE: "GATE", COMMON: "COMMON", SHOP: "BUSINESS", 2: "BUSINESS"}
    told = {
        "building_code": "TWR", "site_identifier": nmi(number), "unit_no": str(number),
        "site_name": f"Unit {number}", "site_type": kind.get(number, "RESIDENTIAL"),
    }  # fmt: skip
    return told if number == GATE else told | {"parent_site_identifier": nmi(GATE)}


def _move_in(number: int, day: date, which: str) -> dict[str, Any]:
    business = number in (SHOP, 2, COMMON)
    contact = {"first_name": which.title(), "last_name": f"Tenant {number}"}
    customer = {
        "account_name": f"{which.title()} Tenant {number}",
        "customer_type_code": "COMPANY" if business else "RESIDENT",
        "customer_sub_type_code": "DEFAULT" if business else "TENANT",
        "bill_cycle_code": "MONTHLY", "payment_method_type": "DIRECT",
        "invoice_delivery_class": "POST", "contacts": [contact],
        "billing_address": {"line_1": f"{number}/1 Tower St", "suburb": "Sydney"},
    }  # fmt: skip
    return {
        "site_identifier": nmi(number), "move_in_date": day.isoformat(), "customer": customer,
    }  # fmt: skip


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=SYDNEY)


def _calendar() -> dict[str, Any]:
    def switches(schedule: Sequence[tuple[int, int]]) -> list[dict[str, int]]:
        return [{"minute": 60 * hour, "bucket": bucket} for hour, bucket in schedule]

    other = switches(OTHER)
    first, *_, last = WINTER_MONTHS
    return {
        "name": "TWR", "clock": "Australia/Sydney", "from_month": last + 1,
        "weekday": switches(WEEKDAY), "weekend": other,
        "holidays": sorted(day.isoformat() for day in HOLIDAYS),
        "seasons": [{"from_month": first, "weekday": switches(WINTER), "weekend": other}],
    }  # fmt: skip


def month_ends() -> list[date]:
    """The last days of the months."""
    return [date(2016, month + 1, 1) - DAY for month in range(1, 12)] + [LAST]


def days_of(month_end: date) -> list[tuple[date, str]]:
    """The days of a month by the market's clock, all actual; January's begin on New Year's Eve."""
    first = month_end.replace(day=1)
    first = cast.EVE if first == FIRST else first
    return [(day, "A") for day in cast.told_days(first, month_end)]


def after(day: date, days: int) -> date:
    """So many days after one."""
    return day + timedelta(days=days)
