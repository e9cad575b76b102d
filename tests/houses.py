"""Houses for tests: locations, customers and meters, made through the Trinity files as clients do.

`await small_house(door, boss, homes=2, wallet="currency")` answers a `House`: two accounts, each
supplied at its own location through its own meter, on one tariff, all of it from now on.
"""

import csv
import hashlib
import io
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from currant import wire
from currant.access.model import Actor
from currant.door import Door
from currant.locations.model import Keys
from currant.supply.model import TrinityFile, TrinityTaken
from currant.supply.verbs import import_trinity, update_trinity
from currant.tariffs.model import CreateTariff
from currant.tariffs.verbs import create_tariff
from currant.upload import Upload

Row = Mapping[str, str]

LOCATION = {
    "locname": "", "locaddr1": "557-2026 Purus St.", "locaddr2": "", "loccity": "Watertown",
    "locstate": "TN", "loczip": "07367", "loclat": "", "loclong": "",
    "meterinstalldate": "0000-00-00", "contract": "unassigned", "serialnum": "unassigned",
}  # fmt: skip
METER = {
    "serialnum": "", "deviceid": "", "comtype": "MultiSpeak", "tariff": "", "sgc": "", "ti": "",
    "keyrev": "", "keyexp": "", "basedate": "", "sts_version": "", "maxpower": "",
    "addactiveread": "", "server": "primary", "wallet": "units", "contract": "unassigned",
    "locname": "unassigned",
}  # fmt: skip
CUSTOMER = {
    "contract": "", "name": "Palmer Guy", "phone1": "14235550100", "phone2": "",
    "sms1": "14235550100", "sms2": "", "email": "palmerg@example.com",
    "address1": "557-2026 Purus St.", "address2": "", "city": "Watertown", "state": "TN",
    "postalcode": "07367", "locname": "unassigned", "serialnum": "unassigned",
}  # fmt: skip


class House(msgspec.Struct, frozen=True):
    """What a small house holds; the lists run in step, one member a home."""

    tariff: str
    contracts: list[str]
    accounts: list[str]
    loc_ids: list[str]
    serials: list[str]


async def small_house(
    door: Door,
    boss: Actor,
    *,
    homes: int = 1,
    first: int = 1,
    wallet: str = "units",
    com_type: str = "MultiSpeak",
    tariff: str = "SBT",
    rate: str | None = "0.30",
    opening: str = "0",
    installed: str = "0000-00-00",
) -> House:
    """Make `homes` supplies: contract C1 at location H1 through meter M1, and so on from `first`.

    Everything begins at the door's present instant, or at midnight of the day `installed`. The
    tariff is made, linear and untaxed at `rate` a kWh; `rate=None` takes one that is there.
    `wallet` is `units` or `currency`, `opening` the kWh on the meters (blank: no read).
    """
    if rate is not None:
        await linear_tariff(door, boss, tariff, rate)
    numbers = range(first, first + homes)
    places = await imported(
        door, boss, "locations", *(location(f"H{n}", meterinstalldate=installed) for n in numbers)
    )
    people = await imported(
        door, boss, "customers", *(customer(f"C{n}", locname=f"H{n}") for n in numbers)
    )
    await imported(
        door, boss, "meters",
        *(
            meter(
                f"M{n}", comtype=com_type, tariff=tariff, wallet=wallet, addactiveread=opening,
                contract=f"C{n}", locname=f"H{n}",
            )
            for n in numbers
        ),
    )  # fmt: skip
    return House(
        tariff,
        [f"C{n}" for n in numbers],
        [keys.juice_key for keys in keys_of(people)],
        [keys.juice_key for keys in keys_of(places)],
        [f"M{n}" for n in numbers],
    )


async def linear_tariff(door: Door, boss: Actor, name: str = "SBT", rate: str = "0.30") -> None:
    """Make a tariff of one untaxed rate a kWh, in force from now on."""
    made = CreateTariff(
        name, name, "", "kWh", 1, Decimal(rate), taxable=False, fuel_charge=False, levies=(),
        fixed=False, kva_fixed=False,
    )  # fmt: skip
    await door.act(create_tariff, made, boss)


def location(name: str, **more: str) -> Row:
    """A whole record of a file of locations."""
    return LOCATION | {"locname": name} | more


def meter(serial: str, **more: str) -> Row:
    """A whole record of a file of meters."""
    return METER | {"serialnum": serial} | more


def customer(contract: str, **more: str) -> Row:
    """A whole record of a file of customers."""
    return CUSTOMER | {"contract": contract} | more


async def imported(door: Door, actor: Actor, table: str, *rows: Row) -> TrinityTaken:
    """Import records into a table."""
    return await door.act(import_trinity, trinity_file(table, text_of(*rows)), actor)


async def updated(door: Door, actor: Actor, table: str, *rows: Row) -> TrinityTaken:
    """Update records of a table; the header has the columns that the first record has."""
    return await door.act(update_trinity, trinity_file(table, text_of(*rows)), actor)


def keys_of(told: TrinityTaken | msgspec.Raw) -> list[Keys]:
    """The keys that a file or a list of keys answers."""
    keys = told.keys if isinstance(told, TrinityTaken) else told
    return [] if isinstance(keys, msgspec.UnsetType) else wire.decode(bytes(keys), list[Keys])


def text_of(*rows: Row) -> str:
    """Records as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def trinity_file(table: str, text: str) -> TrinityFile:
    """A Trinity file of a text."""
    raw = text.encode()
    return TrinityFile(table, Upload(io.BytesIO(raw), hashlib.sha256(raw).hexdigest(), len(raw)))
