"""The tours of examples/: each runs against a served portal, and makes every call of its API."""

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path

import httpx
import pytest
from rich.progress import Progress

from currant.access.methods import METHODS
from currant.access.model import OPERATOR, Actor, CreateKey
from currant.access.verbs import create_key, new_token
from currant.api.juice.app import ROUTES
from currant.api.juice.openapi import juice_document
from currant.cli.tower_loading import MANAGER, PORTAL, load
from currant.clock import FrozenClock, SystemClock
from currant.door import Door
from tests.conftest import TOKENS
from tests.houses import small_house

EXAMPLES = Path(__file__).parents[1] / "examples"
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
        *TOURS[name], EXAMPLES / "juice" / name, env=environment, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await asyncio.wait_for(tour.communicate(), 60)
    assert tour.returncode == 0, told.decode()
    called = re.findall(r"^(?:J\d\d )?(GET|POST) ([^?\s]+)", told.decode(), re.MULTILINE)
    document = juice_document(ROUTES, public_meter_list=True)
    for path, methods in document["paths"].items():
        known = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))
        for method in methods:
            assert any(m == method.upper() and known.fullmatch(p) for m, p in called), path


@pytest.mark.parametrize("name", ["tour.sh", "tour.py"])
async def test_a_tour_calls_every_method(
    name: str, http: httpx.AsyncClient, door: Door, clock: FrozenClock
) -> None:
    clock.set(SystemClock().now())
    with Progress(disable=True) as progress:
        await load(door, clock, progress)
    key, secret = new_token()
    await door.act(create_key, CreateKey("tour", MANAGER, secret), OPERATOR.at(PORTAL))
    environment = os.environ | {
        "UTILMATE_URL": str(http.base_url).rstrip("/"),
        "UTILMATE_KEY": key,
        "TZ": "Australia/Sydney",
    }
    for again in (False, True):
        tour = await asyncio.create_subprocess_exec(
            *TOURS[name],
            EXAMPLES / "utilmate" / name,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
        )
        told, _ = await asyncio.wait_for(tour.communicate(), 120)
        assert tour.returncode == 0, told.decode()
        called = set(re.findall(r"^([A-Z]+) ", told.decode(), re.MULTILINE))
        if not again:
            assert called == set(METHODS)
