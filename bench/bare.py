"""The product with one route more: the row of GET /meters/get-meter by a bare primary-key query."""

import asyncio
import os
from typing import Any

import asyncpg
from litestar import Litestar, Response, get

from currant import wire
from currant.api.app import make_app

QUERY = """
select
    portal_id, meter_id, serial_number, device_id, name, com_type, server, product_type, units,
    wallet_kind, meter_state, vendable, factor, phases, kva_demand_rating, disco_profile, sgc, ti,
    key_rev, key_exp, base_date, sts_version, type, created_at, last_mod
from metering.meter where portal_id = 1 and meter_id = $1
"""


def app() -> Any:
    """Return the product's application with `/bare` beside it."""
    product = make_app()
    pools: list[Any] = []
    opening = asyncio.Lock()

    @get("/bare")
    async def bare() -> Response[bytes]:
        async with opening:
            if not pools:
                pools.append(await asyncpg.create_pool(os.environ["BENCH_OWNER_URL"], max_size=10))
        row = await pools[0].fetchrow(QUERY, 1)
        return Response(wire.encode(dict(row)), media_type="application/json")

    face = Litestar([bare], openapi_config=None, logging_config=None)

    async def either(scope: Any, receive: Any, send: Any) -> None:
        chosen = face if scope.get("path") == "/bare" else product
        await chosen(scope, receive, send)

    return either
