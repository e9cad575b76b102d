"""The demo utility, Example Power: who its customers are, what they use, when they pay.

Everything follows from a seed and the instant it begins at. Nothing here touches a database: files
come out as the CSV that a utility would send, energy in whole Wh, money in cents.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import msgspec

from currant.clock import day_bounds

SEED = 20_260_301
ZONE = ZoneInfo("America/New_York")
HOMES = 300
DAYS = 91  # From the opening to now: the first day is cut short.
FINE_DAYS = 7  # The last of them are read every half-hour.
HALF_HOUR = timedelta(minutes=30)

_CENTS = 100
_PERCENT = 100
_WH = 1000

# How a day's usage falls into its half-hours, midnight first.
HOME_SHAPE = (
    *(12, 11, 10, 10, 10, 10, 10, 11, 11, 12, 14, 17, 21, 25, 27, 26),
    *(24, 22, 20, 19, 18, 18, 18, 19, 20, 20, 19, 19, 19, 20, 21, 23),
    *(26, 30, 35, 39, 41, 42, 41, 39, 36, 33, 29, 25, 21, 18, 15, 14),
)
SHOP_SHAPE = (
    *(9, 9, 9, 9, 9, 9, 9, 9, 10, 10, 11, 12, 14, 17, 22, 28),
    *(33, 36, 38, 39, 39, 39, 39, 39, 38, 38, 38, 38, 37, 36, 35, 33),
    *(31, 28, 24, 20, 17, 15, 14, 13, 12, 11, 10, 10, 9, 9, 9, 9),
)
_FIRST_NAMES = (
    "Ada", "Amos", "Bea", "Carl", "Cora", "Dale", "Dina", "Earl", "Edith", "Emil", "Faye",
    "Frank", "Gail", "Hank", "Ida", "Ira", "Jean", "Joel", "June", "Kay", "Leo", "Lila", "Mae",
    "Max", "Nell", "Otis", "Opal", "Paul", "Rosa", "Roy", "Ruth", "Sam", "Stella", "Tess", "Theo",
    "Una", "Vera", "Walt",
)  # fmt: skip
_LAST_NAMES = (
    "Abbott", "Bailey", "Barker", "Boyd", "Calder", "Carver", "Dawson", "Doyle", "Ellis",
    "Farrow", "Fisher", "Gibbs", "Grant", "Hale", "Hardy", "Hobbs", "Ingram", "Keller", "Lowe",
    "Marsh", "Mercer", "Nash", "Palmer", "Pratt", "Quinn", "Reed", "Ross", "Shaw", "Starr",
    "Tate", "Thorne", "Tucker", "Vance", "Ward", "Webb", "Wilder", "York",
)  # fmt: skip
_SHOPS = ("Bakery", "Diner", "Garage", "Hardware", "Laundry", "Market", "Pharmacy", "Print Shop")
_STREETS = (
    "Alder Way", "Birch Street", "Cedar Lane", "Depot Road", "Elm Street", "Ferry Road",
    "Grove Avenue", "Harbor Street", "Mill Road", "Orchard Lane", "Purus Street", "River Road",
)  # fmt: skip
_COM_TYPES = ("MultiSpeak", "MultiSpeak", "MultiSpeak", "ByBot", "DLMS")


class Plan(msgspec.Struct, frozen=True):
    """A kind of customer: the tariff and wallet, a day's usage, about what a kWh costs in cents."""

    tariff: str
    wallet: str
    share: int  # percent of the homes
    day_wh: int
    cents: int
    shape: tuple[int, ...]


LIFELINE = Plan("LIFELINE", "units", 25, 6_500, 11, HOME_SHAPE)
RESIDENTIAL = Plan("RESIDENTIAL", "currency", 60, 17_000, 18, HOME_SHAPE)
BUSINESS = Plan("BUSINESS", "currency", 15, 42_000, 20, SHOP_SHAPE)
PLANS = (LIFELINE, RESIDENTIAL, BUSINESS)


class Home(msgspec.Struct, frozen=True):
    """A supply: its customer, place and meter, what it uses a day, and how it pays."""

    number: int
    plan: Plan
    name: str
    street: str
    com_type: str
    opening_wh: int
    day_wh: int
    late: bool

    @property
    def contract(self) -> str:
        """The utility's own key of the account."""
        return str(5_003_000 + self.number)

    @property
    def place(self) -> str:
        """The utility's own key of the location."""
        return str(10_029_000 + self.number)

    @property
    def serial_number(self) -> str:
        """The meter's serial number."""
        return f"EX{1_000_000 + self.number * 37}"


class Payment(msgspec.Struct, frozen=True):
    """What somebody brings to a cashier."""

    home: Home
    tender: str
    cents: int
    number: int
    name: str


class Delivery(msgspec.Struct, frozen=True):
    """A file of reads, when it comes, and the energy that each home used since the one before."""

    at: datetime
    text: str
    used_wh: dict[int, int]


class Example:
    """The utility over its first `DAYS` days, which end at `now`."""

    def __init__(self, begins: datetime, homes: int = HOMES) -> None:
        self.begins = begins
        self.now = begins + timedelta(days=DAYS)
        self._random = Random(SEED)  # noqa: S311  # the same utility every time is what is wanted
        self.homes = [self._home(number) for number in range(1, homes + 1)]
        self._cents = dict.fromkeys(range(1, homes + 1), 0)
        self._owed = {home.number: self._debt() for home in self.homes if home.number % 6 == 0}

    def locations(self) -> str:
        """Return the Trinity file of the locations."""
        return _csv(
            {
                "locname": home.place,
                "locaddr1": home.street,
                "locaddr2": "",
                "loccity": "Watertown",
                "locstate": "TN",
                "loczip": "07367",
                "loclat": "",
                "loclong": "",
                "meterinstalldate": "0000-00-00",
                "contract": "unassigned",
                "serialnum": "unassigned",
            }
            for home in self.homes
        )

    def customers(self) -> str:
        """Return the Trinity file of the customers, each at their location."""
        return _csv(
            {
                "contract": home.contract,
                "name": home.name,
                "phone1": f"1423555{home.number:04}",
                "phone2": "",
                "sms1": f"1423555{home.number:04}",
                "sms2": "",
                "email": f"customer{home.number}@example.com",
                "address1": home.street,
                "address2": "",
                "city": "Watertown",
                "state": "TN",
                "postalcode": "07367",
                "locname": home.place,
                "serialnum": "unassigned",
            }
            for home in self.homes
        )

    def meters(self) -> str:
        """Return the Trinity file of the meters, each on its tariff at its location."""
        return _csv(
            {
                "serialnum": home.serial_number,
                "deviceid": "",
                "comtype": home.com_type,
                "tariff": home.plan.tariff,
                "sgc": "",
                "ti": "",
                "keyrev": "",
                "keyexp": "",
                "basedate": "",
                "sts_version": "",
                "maxpower": "",
                "addactiveread": f"{home.opening_wh // _WH}.{home.opening_wh % _WH:03}",
                "server": "primary",
                "wallet": home.plan.wallet,
                "contract": home.contract,
                "locname": home.place,
            }
            for home in self.homes
        )

    def arrears(self) -> str:
        """Return the file of what some customers owed to the system before this one."""
        return _csv(
            {
                "account": home.contract,
                "startdate": "",
                "amount": f"{cents // _CENTS}.{cents % _CENTS:02}",
                "paid": "",
                "payplan": f"{plan}%",
            }
            for home in self.homes
            for cents, plan in [self._owed.get(home.number, (0, 0))]
            if cents
        )

    def deliveries(self) -> Iterator[Delivery]:
        """Yield the files of reads in their order: a week of days each, half-hours at the end."""
        first = self.begins.astimezone(ZONE).date()
        registers = {home.number: home.opening_wh for home in self.homes}
        for week in range(1, (DAYS - FINE_DAYS) // 7 + 1):
            ends = [_midnight(first, day) for day in range(7 * week - 6, 7 * week + 1)]
            at = ends[-1] + timedelta(hours=7)
            yield self._delivery(at, ends, registers, self._day_by_day(ends))
        for day in range(DAYS - FINE_DAYS, DAYS + 1):
            start, end = _midnight(first, day), min(_midnight(first, day + 1), self.now)
            instants = list(_half_hours(start, end))
            at = min(end + timedelta(hours=1), self.now)
            yield self._delivery(at, instants, registers, self._by_half_hours(instants))

    def payments(self, used_wh: Mapping[int, int], *, opening: bool = False) -> list[Payment]:
        """Return who pays after that much was used: who runs low, but for those who are late."""
        due = []
        for home in self.homes:
            used = used_wh.get(home.number, 0)
            self._cents[home.number] -= used * home.plan.cents // _WH
            day = home.day_wh * home.plan.cents // _WH
            if opening or (self._cents[home.number] < 9 * day and not home.late):
                due.append(self._payment(home, day * self._random.randrange(25, 46)))
        self._random.shuffle(due)
        return due

    def _home(self, number: int) -> Home:
        draw = self._random
        rank = number * 61 % _PERCENT  # Spreads the plans evenly over the numbers.
        plan = next(p for i, p in enumerate(PLANS) if rank < sum(q.share for q in PLANS[: i + 1]))
        last = draw.choice(_LAST_NAMES)
        shop = plan is BUSINESS
        name = f"{last}'s {draw.choice(_SHOPS)}" if shop else f"{draw.choice(_FIRST_NAMES)} {last}"
        return Home(
            number=number,
            plan=plan,
            name=name,
            street=f"{draw.randrange(1, 900)} {draw.choice(_STREETS)}",
            com_type=draw.choice(_COM_TYPES),
            opening_wh=draw.randrange(40_000_000),
            day_wh=plan.day_wh * draw.randrange(60, 150) // _PERCENT,
            late=draw.randrange(_PERCENT) < 4,
        )

    def _debt(self) -> tuple[int, int]:
        """Return what somebody owed before, in cents, and the percentage they pay it off by."""
        return self._random.randrange(2_000, 30_000), self._random.choice((10, 25, 25, 50, 100))

    def _payment(self, home: Home, cents: int) -> Payment:
        owed, plan = self._owed.get(home.number, (0, 0))
        cents = cents * _PERCENT // max(_PERCENT - plan, 50) if owed else cents
        cents = max(cents // 500, 2) * 500  # Notes of five dollars, ten at least.
        settled = min(owed, cents * plan // _PERCENT)
        self._owed[home.number] = (owed - settled, plan)
        self._cents[home.number] += cents - settled
        tender = self._random.choice(("cash",) * 11 + ("card",) * 6 + ("eft",) * 2 + ("check",))
        number = self._random.randrange(100, 9999) if tender == "check" else 0
        return Payment(home, tender, cents, number, home.name if number else "")

    def _day_by_day(self, ends: Sequence[datetime]) -> Iterator[Iterator[int]]:
        """Yield for each home what it uses on each of some days."""
        for home in self.homes:
            yield (home.day_wh * self._random.randrange(75, 126) // _PERCENT for _ in ends)

    def _by_half_hours(self, instants: Sequence[datetime]) -> Iterator[Iterator[int]]:
        """Yield for each home what it uses in each half-hour that ends at some instants."""
        begins = [(instant - HALF_HOUR).astimezone(ZONE) for instant in instants]
        slots = [begin.hour * 2 + begin.minute // 30 for begin in begins]
        noise = [self._random.randrange(60, 141) for _ in range(997)]
        for home in self.homes:
            whole = sum(home.plan.shape)
            usual = [home.day_wh * part // whole for part in home.plan.shape]
            shift = self._random.randrange(997)
            yield (
                usual[slot] * noise[(shift + place) % 997] // _PERCENT
                for place, slot in enumerate(slots)
            )

    def _delivery(
        self,
        at: datetime,
        instants: Sequence[datetime],
        registers: dict[int, int],
        usage: Iterator[Iterator[int]],
    ) -> Delivery:
        """Move the registers forward, and write what they show at each instant, in Wh."""
        told = [instant.isoformat() for instant in instants]
        lines = ["serialnumber,datetime,sumforwardactive,meterstate\n"]
        used: dict[int, int] = {}
        state = "connected" if at < self.begins + timedelta(days=8) else ""
        for home, energies in zip(self.homes, usage, strict=True):
            register = before = registers[home.number]
            for instant, energy in zip(told, energies, strict=True):
                register += energy
                lines.append(f"{home.serial_number},{instant},{register},{state}\n")
            registers[home.number] = register
            used[home.number] = register - before
        return Delivery(at, "".join(lines), used)


def _midnight(first: date, days: int) -> datetime:
    return day_bounds(first + timedelta(days=days), ZONE)[0]


def _half_hours(start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield the instants after a start, half an hour apart, up to an end."""
    while (start := start + HALF_HOUR) <= end:
        yield start


def _csv(rows: Iterator[dict[str, str]]) -> str:
    text = io.StringIO()
    first = next(rows)
    writer = csv.DictWriter(text, list(first), lineterminator="\n")
    writer.writeheader()
    writer.writerow(first)
    writer.writerows(rows)
    return text.getvalue()
