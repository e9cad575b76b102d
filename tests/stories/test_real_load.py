"""A real 15-minute load becomes the register reads of 200 meters, around both clock changes.

The load is a file beside the project (`../shared/fixtures/loads`); where it is not there these
tests say so. Every wallet, every meter's usage and every ledger sum is held against a calculation
of its own, which knows nothing of the product but the rules of pricing.
"""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby
from typing import Any

import httpx
import msgspec
import pytest
from tests.conftest import make_user, token_header
from tests.stories.loads import BERLIN, QUARTER, folder, quarter_hours
from tests.stories.teller import CUSTOMER, JSON, LOCATION, METER

from currant.access.model import OPERATOR, CreatePortal
from currant.access.verbs import create_portal
from currant.clock import FrozenClock
from currant.door import Door
from currant.jobs.worker import draw_all

METERS = 200
TENDER = Decimal(900)
EASTER_MONDAY = date(2016, 3, 28)
TARIFFS = ("HOME", "SHOP", "NIGHT")

WINDOWS = {
    "the gap of March": (date(2016, 3, 20), 14, -4),
    "the doubled hour of October": (date(2016, 10, 23), 14, 4),
    "the whole year": (date(2016, 1, 1), 366, 0),
}


def load(first: date, days: int) -> list[tuple[datetime, list[Decimal]]]:
    """Return the quarters of so many local days: when each starts in UTC, and the six profiles."""
    until = first + timedelta(days=days)
    return [
        (start, profiles)
        for start, profiles in quarter_hours()
        if first <= start.astimezone(BERLIN).date() < until
    ]


class Meter(msgspec.Struct):
    """One of the 200: how it scales its profile, its tariff and wallet, its register in Wh."""

    number: int
    profile: int
    scale: Decimal
    tariff: str
    wallet: str
    total: Decimal = Decimal(0)

    @property
    def serial(self) -> str:
        return f"S{self.number:04}"

    @property
    def register(self) -> int:
        """What the register shows, whole Wh."""
        return int(self.total.quantize(Decimal(1), ROUND_HALF_UP))


def meters() -> list[Meter]:
    """Make the 200: every fourth pays units on HOME, the others money on three tariffs."""
    return [
        Meter(
            number,
            number % 6,
            Decimal(10 + number * 37 % 50) / 10,
            "HOME" if number % 4 == 0 else TARIFFS[number % 3],
            "units" if number % 4 == 0 else "currency",
        )
        for number in range(METERS)
    ]


# --- The calculation of our own: usage per meter, month and bucket, and what it costs. ---------

Usage = dict[tuple[int, int, str], int]


def bucket_of(start: datetime) -> str:
    """Name the bucket of NIGHT: dear from 7 to 21 on weekdays that are no holiday."""
    local = start.astimezone(BERLIN)
    working = local.weekday() < 5 and local.date() != EASTER_MONDAY
    return "T1" if working and 7 <= local.hour < 21 else "T2"


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def cost(tariff: str, parts: dict[str, int]) -> tuple[Decimal, Decimal]:
    """Return net and tax of one month: every line rounded once, its tax of 19 % too."""
    kwh = Decimal(sum(parts.values())) / 1000
    lines = {
        "HOME": [kwh * Decimal("0.30")],
        "SHOP": [
            min(kwh, Decimal(100)) * Decimal("0.25"),
            max(min(kwh, Decimal(300)) - 100, Decimal(0)) * Decimal("0.28"),
            max(kwh - 300, Decimal(0)) * Decimal("0.33"),
        ],
        "NIGHT": [
            Decimal(parts.get(name, 0)) / 1000 * Decimal(rate)
            for name, rate in (("T1", "0.36"), ("T2", "0.21"))
        ],
    }[tariff]
    net = [cents(line) for line in lines]
    return sum(net, Decimal(0)), sum((cents(line * Decimal("0.19")) for line in net), Decimal(0))


# --- The product, through its HTTP API. ---------------------------------------------------------


class Utility:
    """The utility `berlin` as its clients see it."""

    def __init__(self, http: httpx.AsyncClient, headers: dict[str, str]) -> None:
        self.http, self.headers = http, headers

    async def post(self, path: str, body: Any) -> Any:
        content = body.encode() if isinstance(body, str) else JSON.encode(body)
        answer = await self.http.post(path, content=content, headers=self.headers)
        assert answer.status_code in (200, 201), answer.text[:2000]
        return answer.json(parse_float=Decimal)

    async def get(self, path: str) -> Any:
        answer = await self.http.get(path, headers=self.headers)
        assert answer.status_code == 200, answer.text[:2000]
        return answer.json(parse_float=Decimal)

    async def set_tariffs(self, now: datetime) -> None:
        """Make the tax, the calendar and the three tariffs."""
        since = now.isoformat()
        await self.post("/v1/berlin/taxes", {"rate": Decimal("0.19"), "from": since})
        calendar = {
            "name": "NIGHT", "clock": "Europe/Berlin",
            "weekday": [
                {"minute": 0, "bucket": 2}, {"minute": 420, "bucket": 1},
                {"minute": 1260, "bucket": 2},
            ],
            "weekend": [{"minute": 0, "bucket": 2}],
            "holidays": [EASTER_MONDAY.isoformat()],
        }  # fmt: skip
        await self.post("/v1/berlin/calendars", calendar)
        for name, kind in (("HOME", 1), ("SHOP", 3), ("NIGHT", 0)):
            flags = ("fuel_charge", "levy1", "levy2", "levy3", "fixed", "kva_fixed")
            made = {
                "portal": "berlin", "name": name, "desc": name, "muni": "", "units": "kWh",
                "rate": Decimal("0.30"), "type": kind, "taxable": True,
                **dict.fromkeys(flags, False),
            }  # fmt: skip
            await self.post("/tariff/create", made)
        attach = {"tariff": "NIGHT", "calendar": "NIGHT"}
        await self.post("/v1/berlin/tariffs/calendar", attach)
        start = (now + timedelta(seconds=1)).isoformat()
        for tariff, tier, rate, base in (
            ("SHOP", "B1", "0.25", 0), ("SHOP", "B2", "0.28", 100), ("SHOP", "B3", "0.33", 300),
            ("NIGHT", "T1", "0.36", 0), ("NIGHT", "T2", "0.21", 0),
        ):  # fmt: skip
            line = {
                "portal": "berlin", "tariff": tariff, "start_date": start,
                "end_date": "2040-12-31T23:59:59Z", "service": "Electricity", "tier": tier,
                "rate": Decimal(rate), "usage_base_start": base, "units": "kWh",
            }  # fmt: skip
            await self.post("/tariff/future/create", line)

    async def connect(self, first: date, all_meters: list[Meter]) -> None:
        """Bring in places, customers and meters, in force since the first midnight."""
        importer = "/file-importer/trinity/import?portal=berlin&table="
        places = [
            f"L-{m.number},Weg {m.number},,Berlin,BE,10115,,,{first},unassigned,unassigned"
            for m in all_meters
        ]
        await self.post(importer + "locations", "\n".join([LOCATION, *places]))
        people = [
            f"C-{m.number},Person {m.number},1,,1,,a@example.com,Weg,,Berlin,BE,10115,"
            f"L-{m.number},unassigned"
            for m in all_meters
        ]
        head = f"{CUSTOMER},locname,serialnum"
        told = await self.post(importer + "customers", "\n".join([head, *people]))
        keys = {row["external_key"]: row["juice_key"] for row in told["data"]["record_keys"]}
        self.account = {m.serial: keys[f"C-{m.number}"] for m in all_meters}
        devices = [
            f"{m.serial},,MultiSpeak,{m.tariff},,,,,,,,0,primary,{m.wallet},C-{m.number},L-{m.number}"
            for m in all_meters
        ]
        await self.post(importer + "meters", "\n".join([METER, *devices]))

    async def sell(self, all_meters: list[Meter]) -> None:
        """Sell every customer the same tender."""
        for meter in all_meters:
            body = {"account": self.account[meter.serial], "tender": "eft", "amount": TENDER}
            await self.post("/v1/berlin/vends", body)


@pytest.mark.parametrize(
    "window",
    [
        pytest.param(
            name, id=name.replace(" ", "-"), marks=[pytest.mark.soak] if "year" in name else []
        )
        for name in WINDOWS
    ],
)
async def test_a_real_load(
    window: str, http: httpx.AsyncClient, door: Door, clock: FrozenClock, owner
) -> None:
    folder()
    first, days, change = WINDOWS[window]
    midnight = datetime(first.year, first.month, first.day, tzinfo=BERLIN).astimezone(UTC)
    clock.set(midnight - timedelta(minutes=1))
    made = CreatePortal("berlin", "Stadtwerk", "Europe/Berlin", "EUR", "STW")
    await door.act(create_portal, made, OPERATOR)
    boss = await make_user(door, "berlin", "boss", "SysAdmin", vendor_number="STW")
    utility, all_meters = Utility(http, token_header(boss)), meters()
    await utility.set_tariffs(clock.now())
    clock.set(midnight + timedelta(minutes=1))
    await utility.connect(first, all_meters)
    await utility.sell(all_meters)

    used: Usage = defaultdict(int)
    reads = 0
    by_day = groupby(load(first, days), lambda row: row[0].astimezone(BERLIN).date())
    for _day, quarters in by_day:
        lines = ["serialnumber,datetime,sumforwardactive"]
        for start, profiles in quarters:
            local = start.astimezone(BERLIN)
            ended = (start + QUARTER).astimezone(BERLIN).isoformat()
            for meter in all_meters:
                was = meter.register
                meter.total += profiles[meter.profile] * meter.scale * 250
                used[meter.number, local.month, bucket_of(start)] += meter.register - was
                lines.append(f"{meter.serial},{ended},{Decimal(meter.register) / 1000:f}")
        clock.set(start + QUARTER + timedelta(minutes=5))
        path = "/meters/reads/insert?portal=berlin&source=multispeak&format=CSV"
        told = await utility.post(path, "\n".join(lines))
        assert told["data"]["parsed_reads"] == len(lines) - 1
        reads += len(lines) - 1
        await draw_all(door)

    assert reads == METERS * (days * 96 + change)
    await hold_against(utility, all_meters, used)
    assert await owner.fetch("select * from ledger.faults()") == []
    assert await owner.fetchval("select count(*) from reads.quarantine") == 0


async def hold_against(utility: Utility, all_meters: list[Meter], used: Usage) -> None:
    """Compare every wallet, every meter's usage and every ledger sum with our own calculation."""
    revenue = tax = wallets = Decimal(0)
    sold = consumed = 0
    expected: dict[str, Any] = {}
    for meter in all_meters:
        parts: dict[int, dict[str, int]] = defaultdict(dict)
        for (number, month, bucket), energy in used.items():
            if number == meter.number:
                parts[month][bucket] = energy
        total = sum(sum(month.values()) for month in parts.values())
        assert total == meter.register
        if meter.wallet == "units":
            bought = TENDER / (Decimal("0.30") * Decimal("1.19"))
            units = int((bought * 1000).quantize(Decimal(1), ROUND_HALF_UP))
            net = cents(TENDER / Decimal("1.19"))
            revenue, tax = revenue + net, tax + TENDER - net
            sold, consumed = sold + units, consumed + total
            expected[meter.serial] = cents(Decimal(units - total) / 1000)
        else:
            costs = [cost(meter.tariff, month) for month in parts.values()]
            net, tax_part = (sum(column, Decimal(0)) for column in zip(*costs, strict=True))
            revenue, tax = revenue + net, tax + tax_part
            wallets += TENDER - net - tax_part
            left = TENDER - net - tax_part
            expected[meter.serial] = f"{'-' if left < 0 else ''}€{abs(left):,.2f}"

    accounts = "|".join(utility.account[meter.serial] for meter in all_meters)
    told = await utility.get(f"/customers/wallet/get-values?portal=berlin&account={accounts}")
    shown = {
        serial: wallet.get("currency_balance", wallet.get("unit_balance"))
        for row in told["data"]
        for serial, wallet in row["meter"].items()
    }
    assert shown == expected

    for meter in all_meters[::25]:
        path = f"/meters/reads/get?portal=berlin&serialnumber={meter.serial}"
        rows = (await utility.get(path))["data"]
        assert sum(row.get("usagediff", 0) for row in rows) == meter.register
        assert rows[-1]["sumforwardactive"] == meter.register
        assert all(row["status"].startswith("U:") for row in rows)

    rows = (await utility.get("/v1/berlin/trial-balance"))["data"]
    held = {(row["coa"], row["commodity"]): row["debit"] - row["credit"] for row in rows}
    assert held == {
        ("1000", "EUR"): TENDER * METERS,
        ("2100", "EUR"): -wallets,
        ("2200", "EUR"): -tax,
        ("4005", "EUR"): -revenue,
        ("U100", "Wh"): consumed - sold,
        ("U300", "Wh"): sold,
        ("U400", "Wh"): -consumed,
    }
