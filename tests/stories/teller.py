"""Reads a `.story` file and acts it out through the HTTP API, with the clock at each line's time.

A line at the margin is an act, at a time by the portal's clock; the indented lines below it are
what must then be true. Every act is one request a client could send.
"""

import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import msgspec

from currant.clock import FrozenClock
from currant.door import Door
from currant.jobs.worker import draw_all

JSON = msgspec.json.Encoder(decimal_format="number")
NEW_YORK = ZoneInfo("America/New_York")
CUSTOMER = "contract,name,phone1,phone2,sms1,sms2,email,address1,address2,city,state,postalcode"
METER = (
    "serialnum,deviceid,comtype,tariff,sgc,ti,keyrev,keyexp,basedate,sts_version,maxpower,"
    "addactiveread,server,wallet,contract,locname"
)
LOCATION = (
    "locname,locaddr1,locaddr2,loccity,locstate,loczip,loclat,loclong,meterinstalldate,"
    "contract,serialnum"
)


class Act(msgspec.Struct, frozen=True):
    """A told line, and what must be true after it."""

    line: int
    at: datetime
    words: str
    expectations: list[tuple[int, str]]


def acts_of(path: Path) -> list[Act]:
    """Read a story."""
    acts: list[Act] = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith(" "):
            acts[-1].expectations.append((number, " ".join(line.split())))
        else:
            at = datetime.strptime(line[:16], "%Y-%m-%d %H:%M").replace(tzinfo=NEW_YORK)
            acts.append(Act(number, at, " ".join(line[16:].split()), []))
    return acts


class Teller:
    """Acts a story out."""

    def __init__(
        self, http: httpx.AsyncClient, headers: dict[str, str], door: Door, clock: FrozenClock
    ) -> None:
        self.http, self.headers, self.door, self.clock = http, headers, door, clock
        self.accounts: dict[str, str] = {}
        self.meters: dict[str, str] = {}
        self.last: Any = None

    async def tell(self, path: Path) -> None:
        """Act every line out, and hold what is true after it against what was said."""
        for act in acts_of(path):
            self.clock.set(act.at)
            await self._do(ACTS, act.words, f"{path.name}:{act.line}")
            for number, words in act.expectations:
                await self._do(EXPECTATIONS, words, f"{path.name}:{number}")

    async def _do(self, table: dict[str, Any], words: str, place: str) -> None:
        for pattern, function in table.items():
            match = re.fullmatch(pattern, words)
            if match:
                try:
                    await function(self, **match.groupdict())
                except AssertionError as error:
                    raise AssertionError(f"{place}: {words}\n{error}") from error
                return
        raise AssertionError(f"{place}: nobody here understands {words!r}")

    async def post(self, path: str, body: Any = None, text: str | None = None) -> Any:
        """Send a POST and return its answer; anything but success fails the story."""
        content = JSON.encode(body) if text is None else text.encode()
        answer = await self.http.post(path, content=content, headers=self.headers)
        assert answer.status_code in (200, 201), answer.text
        told = answer.json(parse_float=Decimal)
        assert told.get("error", 0) == 0, answer.text
        return told

    async def get(self, path: str) -> Any:
        """Send a GET and return its answer."""
        answer = await self.http.get(path, headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.json(parse_float=Decimal)


async def tax(teller: Teller, rate: str) -> None:
    await teller.post("/v1/example/taxes", {"rate": Decimal(rate), "from": _stamp(teller)})


async def tariff(teller: Teller, name: str, rest: str) -> None:
    """`linear 0.30` or `blocks 0 at 0.25, 100 at 0.35`."""
    blocks = re.findall(r"(\d+) at ([\d.]+)", rest) or [("0", rest.removeprefix("linear "))]
    made = {
        "portal": "example", "name": name, "desc": name, "muni": "", "units": "kWh",
        "rate": Decimal(blocks[0][1]), "type": len(blocks), "taxable": True,
        **dict.fromkeys(("fuel_charge", "levy1", "levy2", "levy3", "fixed", "kva_fixed"), False),
    }  # fmt: skip
    await teller.post("/tariff/create", made)
    start = teller.clock.now().replace(second=1)
    for number, (base, rate) in enumerate(blocks[1:], start=2):
        line = {
            "portal": "example", "tariff": name, "start_date": start.isoformat(),
            "end_date": "2040-12-31T23:59:59Z", "service": "Electricity", "tier": f"B{number}",
            "rate": Decimal(rate), "usage_base_start": int(base), "units": "kWh",
        }  # fmt: skip
        await teller.post("/tariff/future/create", line)


async def supply(
    teller: Teller, key: str, name: str, place: str, meter: str, on: str, wallet: str, opening: str
) -> None:
    day = teller.clock.now().date().isoformat()
    path = "/file-importer/trinity/import?portal=example&table="
    row = f"{place},1 High St,,Town,ST,00000,,,{day},unassigned,unassigned"
    await teller.post(path + "locations", text=f"{LOCATION}\n{row}")
    row = f"{key},{name},1,,1,,a@example.com,1 High St,,Town,ST,00000,{place},unassigned"
    made = await teller.post(path + "customers", text=f"{CUSTOMER},locname,serialnum\n{row}")
    teller.accounts[key] = made["data"]["record_keys"][0]["juice_key"]
    teller.meters[meter] = teller.accounts[key]
    row = f"{meter},,MultiSpeak,{on},,,,,,,,{opening},primary,{wallet},{key},{place}"
    await teller.post(path + "meters", text=f"{METER}\n{row}")


async def arrears(teller: Teller, key: str, amount: str, plan: str) -> None:
    row = f"{teller.accounts[key]},,{amount},0,{plan}"
    text = f"account,startdate,amount,paid,payplan\n{row}"
    await teller.post("/file-importer/balance-adj/arrears?portal=example", text=text)


async def vend(teller: Teller, meter: str, tender: str, amount: str) -> None:
    body = {
        "account": teller.meters[meter], "serial_number": meter, "tender": tender,
        "amount": Decimal(amount),
    }  # fmt: skip
    teller.last = await teller.post("/v1/example/vends", body)


async def read(teller: Teller, meter: str, value: str, at: str) -> None:
    moment = datetime.strptime(at, "%Y-%m-%d %H:%M").replace(tzinfo=NEW_YORK)
    text = f"serialnumber,datetime,sumforwardactive\n{meter},{moment.isoformat()},{value}"
    await teller.post("/meters/reads/insert?portal=example&source=multispeak&format=CSV", text=text)
    await draw_all(teller.door)


async def adjust(teller: Teller, way: str, kind: str, key: str, amount: str) -> None:
    text = f"account,startdate,amount,paid,payplan\n{teller.accounts[key]},,{amount},,"
    path = f"/file-importer/balance-adj/{kind}/{way}?portal=example"
    await teller.post(path, text=text)


async def books(_teller: Teller) -> None:
    """Nothing happens; the lines below say what the books must hold."""


async def expect_split(teller: Teller, arrears: str, energy: str) -> None:
    assert teller.last["arrears_amount"] == Decimal(arrears), teller.last
    assert teller.last["energy_amount"] == Decimal(energy), teller.last


async def expect_line(teller: Teller, tier: str, kwh: str, net: str, tax: str) -> None:
    line = next(line for line in teller.last["split"]["energy"] if line["tier"] == tier)
    told = (line["quantity_kwh"], line["net_amount"], line["tax_amount"])
    assert told == (Decimal(kwh), Decimal(net), Decimal(tax)), line


async def expect_money(teller: Teller, meter: str, money: str) -> None:
    wallet = await _wallet(teller, meter)
    assert wallet["currency_balance"] == money, wallet


async def expect_units(teller: Teller, meter: str, kwh: str) -> None:
    wallet = await _wallet(teller, meter)
    assert wallet["unit_balance"] == Decimal(kwh), wallet


async def expect_balance(teller: Teller, coa: str, commodity: str, amount: str) -> None:
    rows = (await teller.get("/v1/example/trial-balance"))["data"]
    held = {(row["coa"], row["commodity"]): row["debit"] - row["credit"] for row in rows}
    assert held.get((coa, commodity), 0) == Decimal(amount), held


async def _wallet(teller: Teller, meter: str) -> Any:
    account = teller.meters[meter]
    path = f"/customers/wallet/get-value?portal=example&account={account}&serialnumber={meter}"
    return (await teller.get(path))["data"]["meter"][meter]


def _stamp(teller: Teller) -> str:
    return teller.clock.now().isoformat()


Table = dict[str, Callable[..., Awaitable[None]]]
ACTS: Table = {
    r"tax (?P<rate>[\d.]+)": tax,
    r"tariff (?P<name>\w+) (?P<rest>linear [\d.]+|blocks .+)": tariff,
    (
        r"supply (?P<key>\w+) (?P<name>.+) at (?P<place>\w+) through (?P<meter>\w+) "
        r"on (?P<on>\w+), (?P<wallet>currency|units) wallet, opening read (?P<opening>[\d.]+)"
    ): supply,
    r"arrears (?P<key>\w+) (?P<amount>[\d.]+) on plan (?P<plan>\d+%)": arrears,
    r"vend (?P<meter>\w+) (?P<tender>\w+) (?P<amount>[\d.]+)": vend,
    r"read (?P<meter>\w+) (?P<value>[\d.]+) at (?P<at>[\d :-]+)": read,
    r"(?P<way>fund|debit) (?P<kind>currency|units) (?P<key>\w+) (?P<amount>[\d.]+)": adjust,
    "books": books,
}
EXPECTATIONS: Table = {
    r"arrears (?P<arrears>[\d.]+), energy (?P<energy>[\d.]+)": expect_split,
    r"line (?P<tier>\w+) (?P<kwh>[\d.]+) kWh net (?P<net>[\d.]+) tax (?P<tax>[\d.]+)": expect_line,
    r"wallet (?P<meter>\w+) (?P<money>-?\$[\d.,]+)": expect_money,
    r"wallet (?P<meter>\w+) (?P<kwh>-?[\d.]+) kWh": expect_units,
    r"(?P<coa>\w+) (?P<commodity>USD|Wh) (?P<amount>-?[\d.]+)": expect_balance,
}
