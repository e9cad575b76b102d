"""GET /meters/get-meter with a token, 16 connections, one worker, beside a bare query."""

import asyncio

from common import HOME, Client, Figure, bench_database, median, rate, served, supply
from currant.db.embedded import EmbeddedServer

CONNECTIONS = 16
SECONDS = 3
ROUNDS = 3


async def measure() -> list[Figure]:
    """Measure both in turn on one worker, so that the machine's mood is the same for both."""
    with EmbeddedServer(HOME) as server:
        async with bench_database(server) as urls:
            await supply(urls, 2000)
            with served(urls, workers=1, app="bare:app") as serving:

                async def ours(client: Client, number: int, turn: int) -> None:
                    meter = 1 + (number * 97 + turn) % 2000
                    path = f"/meters/get-meter?portal=example&serialnumber=M{meter}"
                    assert await client.send("GET", path) == 200, client.last

                async def bare(client: Client, _number: int, _turn: int) -> None:
                    assert await client.send("GET", "/bare") == 200, client.last

                rates: dict[str, list[float]] = {"ours": [], "bare": []}
                micros = []
                for work in (bare, ours):
                    await rate(serving.port, CONNECTIONS, 1, work)
                for _ in range(ROUNDS):
                    rates["bare"].append(await rate(serving.port, CONNECTIONS, SECONDS, bare))
                    before = serving.cpu()
                    rates["ours"].append(await rate(serving.port, CONNECTIONS, SECONDS, ours))
                    spent = serving.cpu() - before
                    micros.append(spent / (rates["ours"][-1] * SECONDS) * 1e6)
    note = f"{median(micros):.0f} µs of the server's CPU a request"
    return [
        Figure(
            "GET /meters/get-meter, token, 16 connections, one worker",
            "requests/s",
            median(rates["ours"]),
            median(rates["bare"]),
            "the same server answering from one bare primary-key query",
            0.4,
            note,
        )
    ]


if __name__ == "__main__":
    for figure in asyncio.run(measure()):
        print(figure, f"ratio {figure.ratio:.2f}")
