"""A year of a building of forty units on real loads, closed month by month.

The loads are files beside the project (`../shared/fixtures/loads`); where they are not there this
test says so. Everything is done through HTTP, and every invoice line, balance and Wh is held
against a reckoning of its own (`reckoning.py`).
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from typing import Any

import asyncpg
import msgspec
import pytest
from tests.conftest import make_user, token_header
from tests.postpaid import sound
from tests.stories import cast
from tests.stories.cast import GATE, nmi
from tests.stories.reckoning import DAY, FIRST, LAST, quarters
from tests.stories.year import Office, Year, after, days_of, month_ends

from currant.access.model import OPERATOR, CreateKey, CreatePortal
from currant.access.permissions import Permission, needs
from currant.access.verbs import create_key, create_portal, new_token
from currant.db.tx import Tx
from currant.door import Door
from currant.invoices.verbs import cancel

# What the units are that something happens to.
DISPUTED, MOVED, GUESSED, TALKING, LATE = 15, 6, 7, 8, 10
CORRECTED, BONDED, TESTED, CHANGED = 11, 12, 18, 22
SWAPPED, UNREAD, LOST, FOLLOWED = 38, 36, 21, 34

# Posted invoices whose lines, open item or ledger lines are not their total, or whose balances are
# not what the account owed before.
UNBALANCED = """
select i.number
from invoices.invoice as i
cross join lateral (
    select sum(l.net) as net, sum(l.tax) as tax from invoices.line as l
    where l.portal_id = i.portal_id and l.invoice_id = i.invoice_id
) as l
left join receivables.open_item as o on o.portal_id = i.portal_id and o.entry_id = i.entry_id
cross join lateral (
    select
        coalesce(sum(p.amount) filter (where p.entry_id = i.entry_id), 0) as posted,
        coalesce(sum(p.amount) filter (where p.entry_id < i.entry_id), 0) as owed
    from ledger.posting as p
    where p.portal_id = i.portal_id and p.account_id = i.account_id and p.coa in ('1100', '1102')
) as p
where i.posted_at is not null and (
    (l.net, l.tax, p.posted) is distinct from (i.net, i.tax, i.total)
    or i.total > 0 and o.amount is distinct from i.total
    or p.owed <> i.previous_balance + i.adjustment_total + i.receipt_total
)
"""
COVERED = """
select a.account, lower(c.days) as first, upper(c.days) as past
from invoices.covered as c
inner join customers.agreement as g
    on g.portal_id = c.portal_id and g.agreement_id = c.agreement_id
inner join customers.account as a on a.portal_id = g.portal_id and a.account_id = g.account_id
where c.released_by is null
"""
MEASURED = """
select sum(m.quantity) filter (where not m.export), sum(m.quantity) filter (where m.export)
from invoices.measured as m
inner join invoices.invoice as i on i.portal_id = m.portal_id and i.invoice_id = m.invoice_id
where i.kind <> 'CREDIT' and not exists (
    select from invoices.invoice as n
    where n.portal_id = i.portal_id and n.reverses = i.invoice_id
)
"""
NUMBERED = "select i.invoice_id from invoices.invoice as i where i.number = any($1)"
OPEN_ITEMS = """
select o.item_id from receivables.open_item as o
inner join customers.account as a on a.portal_id = o.portal_id and a.account_id = o.account_id
where a.account = $1 and o.outstanding > 0
"""


class Together(msgspec.Struct, frozen=True):
    """Invoices of different accounts, and the date of their credit notes."""

    invoice_ids: list[int]
    dated: date


@needs(Permission.BILLING_APPROVE)
async def cancel_together(tx: Tx, command: Together) -> int:
    """Cancel invoices in one transaction, as a run that reopens does; answer how many."""
    return len(await cancel(tx, command.invoice_ids, command.dated, "Billed anew"))


@pytest.fixture
async def year(http, door, clock) -> Year:
    truths = cast.truths()
    made = CreatePortal("tower", "Tower Energy", "Australia/Sydney", "AUD", "TWR")
    await door.act(create_portal, made, OPERATOR)
    boss = await make_user(door, "tower", "boss", "SysAdmin")
    clerk = await make_user(door, "tower", "clerk", "ComMGR")
    key, hashed = new_token()
    await door.act(create_key, CreateKey("office", "boss", hashed), boss)
    office = Office(http, token_header(boss), token_header(clerk), key)
    told = Year(office, clock, truths)
    told.at(after(FIRST, 1))
    await told.begin()
    return told


# --- What happens in each month, beside reads, bills and receipts. --------------------------------


async def january(year: Year, _owner: Any) -> None:
    """A tenant leaves a bond, another has a telephone."""
    year.at(date(2016, 1, 12))
    account = year.tenant(BONDED).account
    bond = {"batch_type": "EFT", "amount": Decimal(250)}
    taken = await year.office.post(f"/accounts/{account}/bond", bond)
    assert (taken["held"], taken["balance"]) == (250, 0)
    await year.provide(TALKING, date(2016, 1, 15), "59.95")


async def february(year: Year, _owner: Any) -> None:
    """A key is lost."""
    year.at(date(2016, 2, 16))
    await year.charge(year.tenant(4).account, date(2016, 2, 10), "55.00")


async def march(year: Year, _owner: Any) -> None:
    """A file comes late. Another corrects January's last quarter-hour, which is February's here."""
    year.at(date(2016, 3, 8))
    await year.deliver([(LATE, days_of(date(2016, 2, 29)))])
    await year.run(date(2016, 2, 29), only=year.tenant(LATE).account)
    year.at(date(2016, 3, 15))
    truth = year.truths[CORRECTED].used
    edge = cast.places(date(2016, 1, 31))[-1]
    truth[edge] += 777
    year.truths[GATE].used[edge] += 777
    await year.deliver([(n, [(date(2016, 1, 31), "A")]) for n in (CORRECTED, GATE)])
    year.late.append(year.invoice_of(year.tenant(CORRECTED).account, date(2016, 2, 1)))


async def april(year: Year, _owner: Any) -> None:
    """Three days are missing and substituted; a bill is disputed, cancelled and comes out the same.

    What waited in suspense finds its account.
    """
    year.at(date(2016, 4, 6))
    guess = list(year.truths[GUESSED].used)
    days = cast.told_days(date(2016, 3, 14), date(2016, 3, 16))
    for day in days:
        for n in cast.places(day):
            guess[n] = 90
    await year.deliver([(GUESSED, [(day, "E52") for day in days])], {GUESSED: guess})
    account = year.tenant(GUESSED).account
    await year.run(date(2016, 3, 31), only=account, remarks=[(account, "ESTIMATED")])
    year.at(date(2016, 4, 18))
    disputed = year.tenant(DISPUTED).account
    number = year.invoice_of(disputed, date(2016, 3, 1))
    total = year.standing[number].total
    await year.cancel(number, "The tenant disputes it.")
    again = await year.run(date(2016, 3, 31), only=disputed)
    assert again == {disputed: total}
    (waiting,) = (await year.office.get("/receivables/receipts", suspense="true"))["data"]
    meant = year.tenant(LOST).account
    body = {"transfers": [{"receipt_id": waiting["receipt_id"], "account": meant}]}
    (row,) = (await year.office.post("/receivables/receipts/transfer", body))["data"]
    year.balances[meant] -= waiting["amount"]
    assert (row["suspense"], row["balance"]) == (False, year.balances[meant])


async def may(year: Year, _owner: Any) -> None:
    """The substituted days come as they were; a tenant moves out and four days later one moves in.

    A receipt is dishonoured.
    """
    year.at(date(2016, 5, 10))
    days = cast.told_days(date(2016, 3, 14), date(2016, 3, 16))
    await year.deliver([(GUESSED, [(day, "A") for day in days])])
    year.late.append(year.invoice_of(year.tenant(GUESSED).account, date(2016, 3, 15)))
    year.at(date(2016, 5, 13))
    leaving = await year.move_out(MOVED, date(2016, 5, 12))
    year.at(date(2016, 5, 14))
    days = cast.told_days(date(2016, 5, 1), date(2016, 5, 13))
    await year.deliver([(MOVED, [(day, "A") for day in days])])
    year.at(date(2016, 5, 16))
    await year.run(date(2016, 5, 12), only=leaving.account)
    year.at(date(2016, 5, 17))
    await year.move_in({MOVED: date(2016, 5, 17)})
    year.at(date(2016, 5, 20))
    account = year.tenant(5).account
    found = (await year.office.get("/receivables/receipts", account=account))["data"]
    last = found[-1]
    told = {"dishonour_type": "INSUFFICIENT", "fee": Decimal("16.50")}
    path = f"/receivables/receipts/{last['receipt_id']}/dishonour"
    row = await year.office.post(path, told)
    year.balances[account] += last["amount"] + Decimal("16.50")
    assert (row["status"], row["balance"]) == ("DISHONOURED", year.balances[account])


async def june(year: Year, _owner: Any) -> None:
    """July's prices are told."""
    year.at(date(2016, 6, 15))
    await year.tell_prices(cast.TOU)


async def july(year: Year, _owner: Any) -> None:
    """The meter that nobody could read is read after all, for the day that was estimated."""
    year.at(date(2016, 7, 15))
    await year.read({UNREAD: (date(2016, 6, 30), year.stands(UNREAD, date(2016, 7, 1)))})
    year.late.append(year.invoice_of(year.tenant(UNREAD).account, date(2016, 6, 1)))


async def august(year: Year, _owner: Any) -> None:
    """A meter is exchanged; one tenant follows another, whose bill is out before that is known."""
    year.at(date(2016, 8, 16))
    await year.exchange(SWAPPED, date(2016, 8, 16), "TW138")
    year.at(date(2016, 8, 21))
    leaving = await year.move_out(FOLLOWED, date(2016, 8, 20))
    year.at(date(2016, 8, 22))
    await year.run(date(2016, 8, 20), only=leaving.account)
    year.at(date(2016, 8, 25))
    await year.move_in({FOLLOWED: date(2016, 8, 21)})


async def september(year: Year, _owner: Any) -> None:
    """New loss factors within the month, an interval meter exchanged, a tenant on another plan."""
    year.at(date(2016, 9, 6))
    await year.tell_losses()
    year.at(date(2016, 9, 10))
    await year.exchange(TESTED, date(2016, 9, 10), "TW118")
    year.at(date(2016, 9, 13))
    await year.put_on(CHANGED, cast.TOU, date(2016, 9, 15))


async def october(year: Year, owner: asyncpg.Connection) -> None:
    """New prices within the month; what a tenant who is gone owes is written off."""
    year.at(date(2016, 10, 7))
    await year.tell_prices(cast.FLAT)
    year.at(date(2016, 10, 20))
    (gone,) = (t.account for t in year.tenancies if t.number == MOVED and t.end)
    owed = year.balances[gone]
    assert owed > 0
    items = [{"arrears_id": row["item_id"]} for row in await owner.fetch(OPEN_ITEMS, gone)]
    body = {"items": items, "note": "Moved abroad."}
    rows = (await year.office.post("/arrears/write-off", body))["data"]
    assert sum(row["amount"] for row in rows) == owed
    year.balances[gone] = Decimal(0)


async def november(year: Year, _owner: Any) -> None:
    """A credit is paid back; who left a bond moves out, and somebody in the day after.

    A file changes a day of the tenant whose debt was written off: that bill stands.
    """
    year.at(date(2016, 11, 16))
    account = year.tenant(OVERPAYS[0]).account
    credit = -year.balances[account]
    assert credit > 0
    done = await year.office.post(f"/accounts/{account}/refund", {"note": "Paid too much."})
    assert (done["amount"], done["balance"]) == (credit, 0)
    year.balances[account] = Decimal(0)
    wrong = [wh and wh + 50 for wh in year.truths[MOVED].used]
    await year.deliver([(MOVED, [(date(2016, 4, 10), "A")])], {MOVED: wrong})
    (gone,) = (t.account for t in year.tenancies if t.number == MOVED and t.end)
    year.written_off = [year.invoice_of(gone, date(2016, 4, 10))]
    year.at(date(2016, 11, 25))
    await year.move_out(BONDED, date(2016, 11, 30))
    await year.move_in({BONDED: date(2016, 12, 1)})


async def december(year: Year, _owner: Any) -> None:
    """The bond pays the final bill; the rest of it goes back. The changed day was right before."""
    year.at(date(2016, 12, 9))
    await year.deliver([(MOVED, [(date(2016, 4, 10), "A")])])
    year.written_off = []
    year.at(date(2016, 12, 16))
    (gone,) = (t.account for t in year.tenancies if t.number == BONDED and t.end)
    owed = year.balances[gone]
    assert 0 < owed < 250
    released = await year.office.post(f"/accounts/{gone}/bond/release", {"note": "Moved out."})
    assert (released["applied"], released["refunded"]) == (owed, 250 - owed)
    assert (released["held"], released["balance"]) == (0, 0)
    year.balances[gone] = Decimal(0)


async def nothing(_year: Year, _owner: Any) -> None:
    """The new year."""


Event = Callable[[Year, asyncpg.Connection], Awaitable[None]]
EVENTS: list[Event] = [
    january, february, march, april, may, june, july, august, september, october, november,
    december, nothing,
]  # fmt: skip
# Who pays 20 too little, 50 too much, and who pays nothing any more before moving out.
UNDERPAYS, OVERPAYS = (3, 10, 17, 24), (9, 29, 40)


async def pay(year: Year, day: date) -> None:
    """Let everybody pay what is owed, more or less of it; one names an account that is none."""
    year.at(day)
    amounts = {}
    for tenancy in year.tenancies:
        amount = year.balances[tenancy.account]
        if tenancy.number in UNDERPAYS:
            amount -= 20
        if tenancy.number in OVERPAYS and amount > 0:
            amount += 50
        given_up = tenancy.number == MOVED and day >= date(2016, 4, 1) and tenancy.start == FIRST
        settled_by_bond = tenancy.number == BONDED and tenancy.end and day >= date(2016, 12, 1)
        if amount > 0 and not given_up and not settled_by_bond:
            name = tenancy.account
            if tenancy.number == LOST and day.month == 3:
                name = "88888"
            amounts[name] = amount
    await year.receive(amounts, day)
    year.at(after(day, 1))
    await year.adjust(year.tenant(30).account, "GOODWILL", "11.00")


async def bill(year: Year, end: date) -> None:
    """Read the meters for a month and bill it; what is not known of it waits."""
    year.at(after(end, 2))
    gap = cast.told_days(date(2016, 3, 14), date(2016, 3, 16)) if end.month == 3 else []
    streams = []
    for number in year.homes:
        if number in cast.BASICS or (number == LATE and end.month == 2):
            continue
        days = [day for day in days_of(end) if number != GUESSED or day[0] not in gap]
        streams.append((number, days))
    await year.deliver(streams)
    stands = {n: (end, year.stands(n, end + DAY)) for n in cast.BASICS}
    remarks = []
    if end.month == 6:
        _, wh = stands.pop(UNREAD)
        await year.read({UNREAD: (end, wh + 123_000)}, "ESTIMATE")
        remarks.append((year.tenant(UNREAD).account, "ESTIMATED"))
    await year.read(stands, doubted={32, 38} if end.month == 1 else ())
    waiting = {2: [LATE], 3: [GUESSED]}.get(end.month, [])
    accounts = [year.tenant(number).account for number in waiting]
    year.at(after(end, 3))
    await year.run(end, waiting=accounts, remarks=[*remarks, *((a, "GAP") for a in accounts)])


async def reopen(year: Year, day: date, end: date) -> None:
    """Bill anew what later reads changed, and nothing else."""
    year.at(day)
    late, year.late = year.late, []
    seen = {*late, *year.written_off}
    remarks = {(year.standing[number].account, "LATE_READ") for number in seen}
    await year.run(end, reopen=True, late=late, remarks=remarks)


async def hold(year: Year, door: Door, owner: asyncpg.Connection) -> None:
    """Hold the books, the accounts and the days billed against what must be."""
    await sound(door)
    assert await owner.fetch(UNBALANCED) == []
    balances = (await year.office.get("/debtors/balances", limit=200))["data"]
    owed = {row["account"]: row["balance"] for row in balances if row["balance"]}
    assert owed == {account: owes for account, owes in year.balances.items() if owes}
    for row in balances:
        assert row["outstanding"] - row["credit"] == row["balance"], row
        history = await year.office.get(f"/accounts/{row['account']}/history")
        assert history["closing"] == row["balance"], history
        assert history["opening"] + history["debit"] - history["credit"] == history["closing"]
    days = Counter(
        (row["account"], first)
        for row in await owner.fetch(COVERED)
        for first in cast.told_days(row["first"], row["past"] - DAY)
    )
    billed = Counter(
        (tenancy.account, day)
        for tenancy in [*year.tenancies, *(service.tenancy for service in year.services)]
        for first, past in tenancy.billed
        for day in cast.told_days(first, past - DAY)
    )
    assert days == billed


async def hold_gate(year: Year, first: date, last: date) -> Decimal:
    """Hold the gate meter against what hangs behind it; return what is lost, two in a hundred."""
    asked = {"report_id": 905, "START_DATE": first.isoformat(), "END_DATE": last.isoformat()}
    (gate,) = (await year.office.call("GETREPORT", asked))["data"]
    net = {
        number: year.used(number, first, last + DAY) - home.fed_in(first, last + DAY)
        for number, home in year.homes.items()
    }
    own = net.pop(GATE)
    rest = sum(net.values())
    assert (gate["Gate Identifier"], gate["Unread Sites"], gate["Sites"]) == (nmi(GATE), "", 41)
    assert (gate["Gate Consumption"], gate["Sites Consumption"]) == (cast.kwh(own), cast.kwh(rest))
    assert gate["Difference"] == cast.kwh(own - rest)
    assert 1 < gate["Difference Percent"] < 3
    return Decimal(gate["Difference"])


async def close(year: Year, month: date, journals: Counter[str]) -> None:
    """Close a month of the books; all that was posted so far is in the months up to it."""
    named = f"{month:%Y-%m}"
    closed = await year.office.post(f"/ledger/periods/{named}/close", {})
    left = [{"what": "receipts in suspense", "how_many": 1}] if month.month == 3 else []
    assert closed["left_open"] == left, closed
    told = await year.office.get("/ledger/journals/totals", period=named)
    summary = told["summary"]
    assert summary["total_debit"] == summary["total_credit"]
    assert summary["closed"] is True
    for row in told["data"]:
        journals[row["gl_code"]] += row["debit"] - row["credit"]
    rows = (await year.office.get("/trial-balance"))["data"]
    assert sum(row["debit"] - row["credit"] for row in rows) == 0
    held = {row["coa"]: row["debit"] - row["credit"] for row in rows if row["commodity"] == "AUD"}
    assert {coa: amount for coa, amount in held.items() if amount} == {
        coa: amount for coa, amount in journals.items() if amount
    }


async def test_a_year(year: Year, door: Door, owner: asyncpg.Connection) -> None:
    journals: Counter[str] = Counter()
    await january(year, owner)
    for end, event in zip(month_ends(), EVENTS[1:], strict=True):
        year.at(end + DAY)
        await close(year, end, journals)
        await bill(year, end)
        await pay(year, after(end, 12))
        await event(year, owner)
        await reopen(year, after(end, 28), end)
        await hold(year, door, owner)
        await hold_gate(year, end.replace(day=1), end)
    year.at(date(2017, 2, 1))
    await close(year, date(2017, 1, 1), journals)
    await hold_energy(year, owner, await hold_gate(year, FIRST, LAST))
    await hold_methods(year, journals)
    await bill_anew(year, door, owner)


async def hold_methods(year: Year, journals: Counter[str]) -> None:
    """The Utilmate API tells the same: what is owed, what was used, and the journals."""
    call = year.office.call
    for account in {tenancy.account for tenancy in year.tenancies}:
        told = (await call("GETACCREC", {"account_number": account}))["summary"]
        assert told["closing_balance"] == year.balances[account]
    span = {"start_date": FIRST.isoformat(), "end_date": LAST.isoformat()}
    for number in (TESTED, SWAPPED, cast.SHOP):
        asked = span | {"account_number": year.tenant(number).account, "usage_type": "NORMALISED"}
        rows = (await call("GETUSAGE", asked))["data"]
        assert {(row["month"], row["days_in_month"] - row["days_covered"]) for row in rows} >= {
            (f"2016{month:02}", 0) for month in (1, 4, 7, 10, 12)
        }
        used = sum(row["quantity"] for row in rows if row["unit"] == "kWh")
        assert used == cast.kwh(year.used(number, FIRST, LAST + DAY)), rows
    sums: Counter[str] = Counter()
    for month in [*month_ends(), date(2017, 1, 31)]:
        asked = {"period": f"{month:%Y%m}", "detail": "N"}
        for row in (await call("GETJOURNALS", asked))["data"]:
            sums[row["gl_code"]] += row["debit"] - row["credit"]
    assert {coa: held for coa, held in sums.items() if held} == {
        coa: held for coa, held in journals.items() if held
    }


async def bill_anew(year: Year, door: Door, owner: asyncpg.Connection) -> None:
    """Cancel the bills of the year and bill it anew: each comes out the same, and what is owed.

    What was estimated, late or wrong at the time is known now, so it leaves no trace in the totals.
    """
    totals, owed = year.totals(), dict(year.balances)
    year.at(date(2017, 2, 10))
    boss = OPERATOR.at("tower")
    by_account: dict[str, list[str]] = {}
    (gone,) = (t.account for t in year.tenancies if t.number == MOVED and t.end)
    for standing in year.standing.values():
        if standing.account != gone:  # What was written off is written off.
            by_account.setdefault(standing.account, []).append(standing.number)
    while any(by_account.values()):
        numbers = [found.pop() for found in by_account.values() if found]
        ids = [row["invoice_id"] for row in await owner.fetch(NUMBERED, numbers)]
        await door.act(cancel_together, Together(ids, date(2017, 2, 10)), boss)
        for number in numbers:
            year.taken_back(number)
    assert {standing.account for standing in year.standing.values()} == {gone}
    await sound(door)
    for end in month_ends():
        await year.run(end, closely=False)
    assert (year.totals(), dict(year.balances)) == (totals, owed)
    await hold(year, door, owner)


async def hold_energy(year: Year, owner: asyncpg.Connection, lost: Decimal) -> None:
    """What was billed in the year is what the loads hold, to the Wh, but for an empty flat.

    With what is lost it is what passed the gate.
    """
    for number, home in year.homes.items():
        if number not in cast.BASICS:
            assert (home.used, home.fed) == year.truths[number], number
    vacant = sum(year.truths[MOVED].used[n] for n in quarters(date(2016, 5, 13), date(2016, 5, 17)))
    used = sum(sum(truth.used) for number, truth in year.truths.items() if number != GATE)
    fed = sum(sum(truth.fed) for truth in year.truths.values())
    billed, exported = await owner.fetchrow(MEASURED)
    assert (billed, exported) == (used - vacant, fed)
    gate = cast.kwh(sum(year.truths[GATE].used))
    assert cast.kwh(int(billed - exported) + vacant) + lost == gate
