"""Links between customers, locations and meters: one table of cases, and what always holds."""

import random
from datetime import datetime, timedelta

import asyncpg
from tests.houses import Row, customer, imported, keys_of, location, meter, updated

from currant.access.model import Actor
from currant.clock import FrozenClock
from currant.door import Door
from currant.errors import Refusal
from currant.supply.model import MeterWanted
from currant.supply.verbs import show_meter

NONE = "unassigned"
# Customer C1 lives at H1 with meter M1, C2 at H2 with M2. H3 and H4 are vacant, M3 hangs nowhere,
# C3 lives nowhere. A case is the files that come, and below it who then lives where and which
# meter hangs where, or the faults that the last file is refused with. `-` is unassigned.
START = "C1 H1, C2 H2; M1 H1, M2 H2"
CASES = """
# A location's own links are replaced.
locations H1 contract=-
    C2 H2; M1 H1, M2 H2
locations H1 serialnum=-
    C1 H1, C2 H2; M2 H2
locations H1 contract=C3
    C2 H2, C3 H1; M1 H1, M2 H2
locations H3 contract=C1
    C1 H1, C1 H3, C2 H2; M1 H1, M2 H2
locations H3 contract=C3 serialnum=M3
    C1 H1, C2 H2, C3 H3; M1 H1, M2 H2, M3 H3
locations H1 serialnum=M3
    C1 H1, C2 H2; M1 H1, M2 H2, M3 H1
locations H3 contract=C1 serialnum=M1
    C1 H1, C1 H3, C2 H2; M1 H3, M2 H2
locations H3 serialnum=M1
    record 1, serialnum: hangs at location {H1}, which is supplied to account {C1}: detach it
    there first
locations H3 serialnum=M3, H4 serialnum=M3
    record 1, serialnum: another record puts it elsewhere;
    record 2, serialnum: another record puts it elsewhere

# A meter moves from anywhere.
meters M1 locname=-
    C1 H1, C2 H2; M2 H2
meters M1 contract=-
    C2 H2; M1 H1, M2 H2
meters M1 locname=- contract=-
    C1 H1, C2 H2; M2 H2
meters M1 locname=H2
    C1 H1, C2 H2; M1 H2, M2 H2
meters M1 locname=H3
    C1 H1, C2 H2; M1 H3, M2 H2
meters M3 contract=C1
    C1 H1, C2 H2; M1 H1, M2 H2, M3 H1
meters M3 contract=C1 locname=-
    C1 H1, C2 H2; M1 H1, M2 H2, M3 H1
meters M1 contract=C2 locname=H2
    C1 H1, C2 H2; M1 H2, M2 H2
meters M1 contract=C3 locname=H3
    C1 H1, C2 H2, C3 H3; M1 H3, M2 H2
meters M1 contract=- locname=H2
    C1 H1, C2 H2; M1 H2, M2 H2
meters M3 contract=C3
    record 1, locname: must be named: the account is supplied nowhere
meters M1 contract=C2
    record 1, contract: location {H1} is supplied to account {C1}: detach that first
meters M1 contract=C1 locname=H2
    record 1, contract: location {H2} is supplied to account {C2}: detach that first
locations H1 serialnum=M3 then meters M1 contract=-, M3 contract=C1
    record 1, contract: another record says otherwise of who is supplied there;
    record 2, contract: another record says otherwise of who is supplied there

# A customer moves, with the meter or without it.
customers C1 locname=-
    C2 H2; M1 H1, M2 H2
customers C1 serialnum=-
    C1 H1, C2 H2; M2 H2
customers C1 locname=- serialnum=-
    C2 H2; M1 H1, M2 H2
customers C1 locname=H3
    C1 H3, C2 H2; M1 H1, M2 H2
customers C1 locname=H3 serialnum=M1
    C1 H3, C2 H2; M1 H3, M2 H2
customers C1 serialnum=M3
    C1 H1, C2 H2; M1 H1, M2 H2, M3 H1
customers C3 locname=H3 serialnum=M3
    C1 H1, C2 H2, C3 H3; M1 H1, M2 H2, M3 H3
meters M3 locname=H3 then customers C3 serialnum=M3
    C1 H1, C2 H2, C3 H3; M1 H1, M2 H2, M3 H3
customers C1 locname=H2
    record 1, locname: location {H2} is supplied to account {C2}: detach that first
customers C3 locname=- serialnum=M1
    record 1, locname: location {H1} is supplied to account {C1}: detach that first
customers C1 serialnum=M2
    record 1, serialnum: hangs at location {H2}, which is supplied to account {C2}: detach it
    there first
customers C3 serialnum=M3
    record 1, locname: must be named: the meter hangs nowhere
customers C1 locname=- serialnum=M3
    record 1, locname: must be named: the meter hangs nowhere

# What one record gives up, another of the same file may have.
customers C1 locname=H2, C2 locname=H1
    C1 H2, C2 H1; M1 H1, M2 H2
customers C3 locname=H1, C1 locname=-
    C2 H2, C3 H1; M1 H1, M2 H2
customers C1 locname=H3, C3 locname=H3
    record 1, locname: another record says otherwise of who is supplied there;
    record 2, locname: another record says otherwise of who is supplied there

# An account with several locations.
locations H3 contract=C1 then customers C1 locname=H3 serialnum=M3
    C1 H1, C1 H3, C2 H2; M1 H1, M2 H2, M3 H3
locations H3 contract=C1 then customers C1 locname=-
    C2 H2; M1 H1, M2 H2
locations H3 contract=C1 then customers C1 serialnum=M3
    record 1, locname: must be named: the account is supplied at 2 locations
locations H3 contract=C1 then meters M3 contract=C1
    record 1, locname: must be named: the account is supplied at 2 locations
locations H3 contract=C1 then customers C1 locname=H4
    record 1, locname: is not one of the 2 locations that the account is supplied at: attach it by
    a file of locations
"""
Links = tuple[dict[str, str], dict[str, str]]
KEYS = {"locations": "locname", "customers": "contract", "meters": "serialnum"}
REFERENCES = ("contract", "locname", "serialnum")


def cases() -> list[tuple[str, str]]:
    """The cases: files that come, and what must then be true."""
    told: list[tuple[str, str]] = []
    for line in CASES.splitlines():
        if line.startswith("    "):
            files, expected = told[-1]
            told[-1] = (files, f"{expected} {line.strip()}".strip())
        elif line and not line.startswith("#"):
            told.append((line, ""))
    return told


def file_of(text: str, number: int) -> tuple[str, list[Row]]:
    """The table and rows of `meters M1 locname=-`, in the case's own street."""
    table, _, records = text.partition(" ")
    rows = []
    for record in records.split(", "):
        name, *links = record.split(" ")
        row = dict([(KEYS[table], name), *(link.split("=") for link in links)])
        rows.append({c: NONE if v == "-" else f"{v}-{number}" for c, v in row.items()})
    return table, rows


async def street(owner: asyncpg.Connection, when: datetime) -> dict[str, str]:
    """What is linked at an instant, by case, as the cases write it."""
    lives = await owner.fetch(
        "select a.contract, l.external_key from customers.agreement as g "
        "join customers.account as a using (portal_id, account_id) "
        "join locations.location as l using (portal_id, location_id) "
        "where g.valid @> $1::timestamptz order by 1, 2",
        when,
    )
    hangs = await owner.fetch(
        "select m.serial_number, l.external_key from metering.installation as i "
        "join metering.meter as m using (portal_id, meter_id) "
        "join locations.location as l using (portal_id, location_id) "
        "where i.valid @> $1::timestamptz order by 1, 2",
        when,
    )
    told: dict[str, list[list[str]]] = {}
    for which, rows in enumerate((lives, hangs)):
        for what, where in rows:
            thing, _, number = what.partition("-")
            told.setdefault(number, [[], []])[which].append(f"{thing} {where.partition('-')[0]}")
    return {number: "; ".join(map(", ".join, both)) for number, both in told.items()}


async def test_every_case_of_linking(
    door: Door, boss: Actor, owner: asyncpg.Connection, clock: FrozenClock
) -> None:
    numbers = range(len(cases()))
    places = await imported(
        door, boss, "locations",
        *(location(f"H{h}-{n}") for n in numbers for h in (1, 2, 3, 4)),
    )  # fmt: skip
    people = await imported(
        door, boss, "customers",
        *(
            customer(f"C{c}-{n}", locname=f"H{c}-{n}" if c < 3 else NONE)
            for n in numbers for c in (1, 2, 3)
        ),
    )  # fmt: skip
    await imported(
        door, boss, "meters",
        *(
            meter(f"M{m}-{n}", contract=f"C{m}-{n}" if m < 3 else NONE)
            for n in numbers for m in (1, 2, 3)
        ),
    )  # fmt: skip
    ours = {k.external_key: k.juice_key for k in (*keys_of(places), *keys_of(people))}
    assert set((await street(owner, clock.now())).values()) == {START}
    wrong = []
    for number, (files, expected) in enumerate(cases()):
        names = {key: ours[f"{key}-{number}"] for key in ("H1", "H2", "C1", "C2")}
        told = None
        for file in files.split(" then "):
            clock.advance(timedelta(minutes=1))
            table, rows = file_of(file, number)
            try:
                await updated(door, boss, table, *rows)
            except Refusal as refusal:
                told = "; ".join(map(str, refusal.faults))
        told = told or (await street(owner, clock.now()))[str(number)]
        if told != expected.format(**names):
            wrong.append(f"{files}\n  is       {told}\n  expected {expected.format(**names)}")
    assert not wrong, "\n".join(wrong)


async def test_what_is_linked_is_told_alike_and_the_past_stands(
    door: Door, boss: Actor, owner: asyncpg.Connection, clock: FrozenClock
) -> None:
    """INV-07 and INV-08 after random files; what was true at an instant stays true of it."""
    chance = random.Random(7)  # noqa: S311
    contracts, places, serials = (
        [f"{letter}{n}" for n in range(1, 6)] for letter in ("C", "H", "M")
    )
    await imported(door, boss, "locations", *map(location, places))
    await imported(door, boss, "customers", *map(customer, contracts))
    await imported(door, boss, "meters", *map(meter, serials))
    tables = {
        "locations": ("locname", places),
        "customers": ("contract", contracts),
        "meters": ("serialnum", serials),
    }
    choices = {"locname": places, "contract": contracts, "serialnum": serials}
    snapshots, done = [], 0
    for _ in range(70):
        clock.advance(timedelta(minutes=1))
        table = chance.choice(list(tables))
        key, names = tables[table]
        columns = chance.sample([c for c in REFERENCES if c != key], chance.randint(1, 2))
        rows: list[dict[str, str]] = [
            {key: name}
            | {
                column: NONE if chance.random() < 0.25 else chance.choice(choices[column])
                for column in columns
            }
            for name in chance.sample(names, chance.choice((1, 1, 2)))
        ]
        before = await links(owner, clock.now())
        try:
            await updated(door, boss, table, *rows)
        except Refusal:
            assert await links(owner, clock.now()) == before
            continue
        done += 1
        lives, hangs = await links(owner, clock.now())
        for row in rows:
            await holds_what_it_says(door, boss, table, row, (lives, hangs))
        snapshots.append((clock.now(), lives, hangs))
        for serial in serials:
            _, shown = await door.ask(show_meter, MeterWanted(serial), boss)
            assert shown.loc_id == hangs.get(serial)
            assert shown.account == lives.get(shown.loc_id or "")
    assert done > 25
    for when, lives, hangs in snapshots:
        assert await links(owner, when) == (lives, hangs)


async def links(owner: asyncpg.Connection, when: datetime) -> tuple[dict[str, str], dict[str, str]]:
    """Who is supplied at each location, and where each meter hangs, at an instant."""
    lives = await owner.fetch(
        "select l.loc_id, a.account from customers.agreement as g "
        "join customers.account as a using (portal_id, account_id) "
        "join locations.location as l using (portal_id, location_id) "
        "where g.valid @> $1::timestamptz",
        when,
    )
    hangs = await owner.fetch(
        "select m.serial_number, l.loc_id from metering.installation as i "
        "join metering.meter as m using (portal_id, meter_id) "
        "join locations.location as l using (portal_id, location_id) "
        "where i.valid @> $1::timestamptz",
        when,
    )
    assert len(dict(map(tuple, lives))) == len(lives)
    assert len(dict(map(tuple, hangs))) == len(hangs)
    return dict(map(tuple, lives)), dict(map(tuple, hangs))


async def holds_what_it_says(
    door: Door, boss: Actor, table: str, row: dict[str, str], now: Links
) -> None:
    """Hold a taken record against what is then linked."""
    lives, hangs = now
    contract, place, serial = (row.get(column) for column in REFERENCES)
    account = f"0000{contract[1:]}" if contract not in (None, NONE) else None
    loc_id = f"L0000{place[1:]}" if place not in (None, NONE) else None
    if serial not in (None, NONE):
        _, shown = await door.ask(show_meter, MeterWanted(serial), boss)
        assert account is None or shown.account == account
        assert loc_id is None or shown.loc_id == loc_id
        if table == "meters" and contract == NONE and place is None:
            assert shown.account is None
        if table == "meters" and place == NONE and account is None:
            assert shown.loc_id is None
    if account is not None and loc_id is not None:
        assert lives[loc_id] == account
    if table == "locations":
        assert contract != NONE or loc_id not in lives
        assert serial != NONE or loc_id not in hangs.values()
    if table == "customers" and place == NONE and serial in (None, NONE):
        assert account not in lives.values()
    if table == "customers" and serial == NONE and place is None:
        assert not [meter for meter, where in hangs.items() if lives.get(where) == account]
