"""The tours of examples/: each runs against a served portal, and makes every call of JuiceAPI."""

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path

import httpx
import pytest

from currant.access.model import Actor
from currant.api.juice.app import ROUTES
from currant.api.juice.openapi import juice_document
from currant.clock import FrozenClock, SystemClock
from currant.door import Door
from tests.conftest import TOKENS
from tests.houses import small_house

FOLDER = Path(__file__).parents[1] / "examples" / "juice"
TOURS = {
    "tour.sh": ["sh"],
    "tour.py": [sys.executable],
    "tour.php": ["php"],
}


@pytest.mark.parametrize("name", TOURS)
async def test_a_tour_makes_every_call(
    name: str, http: httpx.AsyncClient, door: Door, boss: Actor, clock: FrozenClock
) -> None:
    clock.set(SystemClock().now())  # A tour tells the machine's time.
    if shutil.which(TOURS[name][0]) is None:
        pytest.skip("there is no PHP on this machine")
    await small_house(door, boss)
    environment = os.environ | {
        "JUICE_URL": str(http.base_url).rstrip("/"),
        "JUICE_USER": boss.login,
        "JUICE_TOKEN": TOKENS[boss.login],
    }
    tour = await asyncio.create_subprocess_exec(
        *TOURS[name], FOLDER / name, env=environment, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await asyncio.wait_for(tour.communicate(), 60)
    assert tour.returncode == 0, told.decode()
    called = re.findall(r"^(?:J\d\d )?(GET|POST) ([^?\s]+)", told.decode(), re.MULTILINE)
    document = juice_document(ROUTES, public_meter_list=True)
    for path, methods in document["paths"].items():
        known = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))
        for method in methods:
            assert any(m == method.upper() and known.fullmatch(p) for m, p in called), path
