"""Every GET of the Juice face on 2,000 and on 200,000 accounts, and the long lists' memory.

The portal has five arrears and five transactions an account, all of these in the last 24 hours; an
unbounded list is asked for its first hundred rows, and whole where memory is measured.
"""

import asyncio
import time
from collections.abc import Callable

import asyncpg

from common import HOME, Client, Figure, Peak, bench_database, median, served, supply
from currant.db.database import Urls
from currant.db.embedded import EmbeddedServer

SMALL, LARGE = 2_000, 200_000
ROUNDS = 3
TIMES = 400
SLOW_TIMES = 60  # a list of 200 accounts or of 24 hours takes a while
ACCOUNTS = 200

HISTORY = """
insert into ledger.entry (
    portal_id, entry_id, kind, event_at, recorded_at, month, login, vendor_number, account_id,
    meter_id, amount, arrears_amount, energy_wh, tender_number, tender_name, note
)
select
    1, nextval('ledger.entry_id'), 'arrears', t.at, t.at, date_trunc('month', t.at), 'bench', 'CEC',
    1 + n % {count}, null, 12.5, 0, 0, 0, '', ''
from generate_series(1, {count} * 5) as n
cross join lateral (
    select now() - n * interval '86000 seconds' / ({count} * 5) as at
) as t;
insert into ledger.posting (portal_id, entry_id, line, coa, commodity, amount, account_id)
select 1, e.entry_id, l.line, l.coa, 'USD', l.amount, case l.line when 1 then e.account_id end
from ledger.entry as e
cross join (values (1, '1100', 12.5), (2, '9100', -12.5)) as l (line, coa, amount);
insert into receivables.open_item (
    portal_id, account_id, amount, outstanding, type_name, type_coa, receivable_coa, pay_plan,
    issued_at, start_at, entry_id
)
select
    1, e.account_id, 12.5, 12.5, 'CIStransfer', '9100', '1100', 25, e.recorded_at, e.recorded_at,
    e.entry_id
from ledger.entry as e;
insert into reads.batch (portal_id, source, login, recorded_at, queued)
values (1, 'multispeak', 'bench', now(), true);
insert into reads.read (
    portal_id, register_id, read_at, revision, value, original, multiplier, batch_id
)
select 1, r.register_id, now() - n * interval '1 day', 0, (100 - n) * 5000, '', 1, 1
from metering.register as r cross join generate_series(1, 5) as n;
"""

Path = Callable[[int], str]


def paths(accounts: int) -> dict[str, tuple[Path, int]]:
    """Return what is asked, by the n-th turn, and how often."""

    def one(turn: int) -> int:
        return 1 + turn * 7919 % accounts

    def account(turn: int) -> str:
        return f"{one(turn):05d}"

    def many(turn: int) -> str:
        return "%7C".join(account(turn * ACCOUNTS + n) for n in range(ACCOUNTS))

    early = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 43_200))
    return {
        "J01 health-check": (lambda _: "/health-check", TIMES),
        "J02 auth-test": (lambda _: "/auth-test", TIMES),
        "J03 com-types": (lambda _: "/meters/com-types/get-supported", TIMES),
        "J04 get-meters": (lambda _: "/meters/get-meters?portal=example&limit=100", TIMES),
        "J05 get-meter": (
            lambda t: f"/meters/get-meter?portal=example&serialnumber=M{one(t)}",
            TIMES,
        ),
        "J08 reads/get": (
            lambda t: f"/meters/reads/get?portal=example&serialnumber=M{one(t)}",
            TIMES,
        ),
        "J10 get-keys": (
            lambda _: "/file-importer/trinity/get-keys?portal=example&table=customers&limit=100",
            TIMES,
        ),
        "J15 get-customer": (
            lambda t: f"/customers/get-customer?portal=example&account={account(t)}",
            TIMES,
        ),
        "J16 get-value": (
            lambda t: (
                f"/customers/wallet/get-value?portal=example&account={account(t)}"
                f"&serialnumber=M{one(t)}"
            ),
            TIMES,
        ),
        "J17 get-values, 200 accounts": (
            lambda t: f"/customers/wallet/get-values?portal=example&account={many(t)}",
            SLOW_TIMES,
        ),
        "J18 all-owed-arrears": (
            lambda _: "/customers/arrears/all-owed-arrears?portal=example&limit=100",
            SLOW_TIMES,
        ),
        "J19 by-type": (
            lambda _: (
                "/customers/arrears/get-arrears/by-type?portal=example&arrears_coa=9100"
                "&details=true&limit=100"
            ),
            SLOW_TIMES,
        ),
        "J20 for-customer": (
            lambda t: (
                f"/customers/arrears/get-arrears/for-customer?portal=example&account={account(t)}"
                "&details=true"
            ),
            TIMES,
        ),
        "J21 list-types": (lambda _: "/arrears/list-types?portal=example", TIMES),
        "J22 get-location": (
            lambda t: f"/location/get-location?portal=example&locid=L{one(t):07d}",
            TIMES,
        ),
        "J24 tariff/all": (lambda _: "/tariff/all/get?portal=example", TIMES),
        "J25 tariff/current": (lambda _: "/tariff/current/get?portal=example&tariff=RES", TIMES),
        "J26 tariff/historical": (
            lambda _: "/tariff/historical/get?portal=example&tariff=RES",
            TIMES,
        ),
        "J27 tariff/future": (lambda _: "/tariff/future/get?portal=example&tariff=RES", TIMES),
        "J29 dump": (
            lambda _: f"/transactions/dump?portal=example&end_date={early}&limit=100",
            SLOW_TIMES,
        ),
        "J34 systemuser/get": (lambda _: "/systemuser/get?portal=example&user=bench", TIMES),
        "J36 perms/get": (lambda _: "/systemuser/perms/get?login=bench", TIMES),
    }


async def latencies(client: Client, path: Path, times: int) -> list[float]:
    """Ask in turn and return the seconds each answer took, the quickest first."""
    for turn in range(min(times, 20)):
        assert await client.send("GET", path(turn)) == 200, client.last
    taken = []
    for turn in range(times):
        begin = time.perf_counter()
        status = await client.send("GET", path(turn))
        taken.append(time.perf_counter() - begin)
        assert status == 200, client.last
    return sorted(taken)


def percentile(taken: list[float], percent: int) -> float:
    """Return the value that so many percent of the sorted ones do not exceed."""
    return taken[min(len(taken) - 1, len(taken) * percent // 100)]


async def fill(urls: Urls, accounts: int) -> None:
    """Make that many accounts with their history."""
    await supply(urls, accounts)
    owner = await asyncpg.connect(urls.owner or "")
    await owner.execute(HISTORY.format(count=accounts))
    await owner.execute("vacuum analyze")
    await owner.close()


async def asked(urls: Urls, accounts: int) -> dict[str, tuple[float, float]]:
    """Return the median and the 99th percentile of each question, the medians of some rounds."""
    told = {}
    with served(urls, workers=1) as serving:
        client = await Client(serving.port).open()
        for name, (path, times) in paths(accounts).items():
            rounds = [await latencies(client, path, times) for _ in range(ROUNDS)]
            told[name] = (
                median([percentile(taken, 50) for taken in rounds]),
                median([percentile(taken, 99) for taken in rounds]),
            )
        client.writer.close()
    return told


async def grown(urls: Urls, path: str) -> tuple[float, int]:
    """Return by how many MiB a server grows over an answer, asked twice, and its bytes."""
    with served(urls, workers=1) as serving:
        client = await Client(serving.port).open()
        assert await client.send("GET", "/auth-test") == 200, client.last
        calm = serving.memory()
        async with Peak(serving) as peak:
            for _ in range(2):
                assert await client.send("GET", path) == 200, client.last
        client.writer.close()
        return (peak.bytes - calm) / 2**20, len(client.last)


async def measure(small: int = SMALL, large: int = LARGE) -> list[Figure]:
    """Measure both portals in turn on one server, then the memory of the long lists."""
    with EmbeddedServer(HOME) as server:
        async with bench_database(server) as urls:
            await fill(urls, small)
            few = await asked(urls, small)
        async with bench_database(server) as urls:
            await fill(urls, large)
            many = await asked(urls, large)
            owed = "/customers/arrears/all-owed-arrears?portal=example"
            by_type = "/customers/arrears/get-arrears/by-type?portal=example&arrears_coa=9100"
            end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            dump = f"/transactions/dump?portal=example&end_date={end}"
            lists = [
                (name, *await grown(urls, path))
                for name, path in (
                    ("all-owed-arrears", owed), ("by-type", by_type), ("transactions/dump", dump)
                )
            ]  # fmt: skip
    micro = 1_000_000
    figures = []
    for name, (middle, late) in many.items():
        note = f"median {middle * micro:,.0f} µs; of {small:,} accounts {few[name][0] * micro:,.0f}"
        figures.append(
            Figure(
                f"{name}, {large:,} accounts, p99", "µs", late * micro,
                min(middle * micro, few[name][1] * micro * 3 / 4),
                "its median, or 3/4 of its p99 on the small portal", 0.25, note, less=True,
            )
        )  # fmt: skip
    for name, mebibytes, size in lists:
        note = f"an answer of {size / 2**20:,.0f} MiB, twice"
        figures.append(
            Figure(
                f"{name} of {large * 5:,} rows, growth of the server", "MiB", mebibytes, 32,
                "a fixed allowance", 1, note, less=True,
            )
        )  # fmt: skip
    return figures


if __name__ == "__main__":
    for figure in asyncio.run(measure()):
        print(figure, f"ratio {figure.ratio:.2f}")
