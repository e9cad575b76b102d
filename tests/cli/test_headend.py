"""`currant headend` and `currant meter` as processes, and the simulated head-end by itself."""

import json
import signal
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from tests.cli.conftest import within
from tests.cli.test_commands import on_a_screen
from tests.conftest import NOW
from tests.headends.asking import send
from tests.houses import small_house

from currant.cli.simulator import Simulator, simulated
from currant.clock import FrozenClock

TOKEN = "s3cret"


class Platform(ThreadingHTTPServer):
    """What calls back reach: it keeps them, and answers as it is told, 200 after that."""

    daemon_threads = True

    def __init__(self) -> None:
        self.called: list[tuple[str, str, dict[str, Any]]] = []
        self.answers: list[int] = []
        super().__init__(("127.0.0.1", 0), Callback)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Callback(BaseHTTPRequestHandler):
    server: Platform

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.called.append((self.path, self.headers["Authorization"], body))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def platform() -> Iterator[Platform]:
    with Platform() as made:
        yield made
        made.shutdown()


@pytest.fixture
def frozen() -> FrozenClock:
    return FrozenClock(NOW)


@pytest.fixture
def notes() -> list[str]:
    """What the simulated head-end says of each order, once it is through with it."""
    return []


@pytest.fixture
def simulator(platform: Platform, frozen: FrozenClock, notes: list[str]) -> Iterator[str]:
    """The URL of a simulated head-end that answers at once."""
    made = Simulator(
        frozen, platform.url, "token headend:T", token="s3cret", delay_seconds=0, note=notes.append
    )
    with simulated(made, "127.0.0.1", 0) as url:
        yield url


def order(platform: Platform, command: str, serial: str = "M1", **more: Any) -> dict[str, Any]:
    callback = f"{platform.url}/meters/ami-control/callback?portal=p&source=s"
    told = {"uuid": str(uuid4()), "command": command, "serial_number": serial, "device_id": "D"}
    return told | {"callback": callback} | more


def post(url: str, body: Any, token: str = TOKEN) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.post(url, content=content, headers={"Authorization": f"Bearer {token}"})


def answer(platform: Platform, url: str, body: dict[str, Any]) -> dict[str, Any]:
    """Order something; return what is called back."""
    before = len(platform.called)
    assert post(url, body).status_code == 202
    assert within(10, lambda: len(platform.called) > before)
    _, authorization, told = platform.called[-1]
    assert authorization == "token headend:T"
    assert (told["uuid"], told["command"]) == (body["uuid"], body["command"])
    return told


def test_a_register_goes_on_from_the_last_read_and_grows(platform, frozen, simulator) -> None:
    known = {"last_reading": 5000, "last_read_timestamp": "2026-03-02T16:00:00Z"}
    first = answer(platform, simulator, order(platform, "READ", **known))
    (told,) = first["data"]
    assert platform.called[0][0] == "/meters/ami-control/callback?portal=p&source=s"
    assert (first["result"], first["error_code"], first["error_msg"]) == ("success", 0, "")
    assert told["reading"] > 5000
    assert told["read_timestamp"] == "2026-03-02T17:00:00+00:00"
    assert told["meter_state"] == "connected"
    an_hour = told["reading"] - 5000
    frozen.advance(timedelta(hours=2))
    (told,) = answer(platform, simulator, order(platform, "READ", **known))["data"]
    assert told["reading"] == 5000 + 3 * an_hour
    newer = {"last_reading": 10**6, "last_read_timestamp": frozen.now().isoformat()}
    (told,) = answer(platform, simulator, order(platform, "READ", **newer))["data"]
    assert told["reading"] == 10**6
    (new,) = answer(platform, simulator, order(platform, "READ", "M2"))["data"]
    assert new["reading"] == 0


def test_a_relay_is_switched_and_its_register_stands_still(platform, frozen, simulator) -> None:
    def state(command: str, **more: str) -> str:
        (told,) = answer(platform, simulator, order(platform, command, **more))["data"]
        assert set(told) <= {"serial_number", "meter_state", "reading", "read_timestamp"}
        return told["meter_state"]

    assert state("STATUS") == "connected"
    assert state("DISCONNECT") == "disconnected"
    frozen.advance(timedelta(hours=1))
    assert answer(platform, simulator, order(platform, "READ"))["data"][0]["reading"] == 0
    assert state("CONNECT", meter_state="CONNECTING") == "connected"
    assert state("STATUS", serial="M3", meter_state="DISCONNECTED") == "disconnected"
    unknown = answer(platform, simulator, order(platform, "EXPLODE"))
    assert (unknown["result"], unknown["data"]) == ("fail", [])


def test_the_same_order_is_done_once_and_answered_again(platform, frozen, simulator) -> None:
    cut = order(platform, "DISCONNECT")
    first = answer(platform, simulator, cut)
    answer(platform, simulator, order(platform, "CONNECT"))
    assert answer(platform, simulator, cut) == first
    (told,) = answer(platform, simulator, order(platform, "STATUS"))["data"]
    assert told["meter_state"] == "connected"


def test_it_calls_again_where_the_platform_is_away(platform, frozen, simulator, notes) -> None:
    platform.answers = [503]
    assert post(simulator, order(platform, "STATUS")).status_code == 202
    assert within(10, lambda: len(platform.called) == 2)
    assert platform.called[0] == platform.called[1]
    platform.answers = [406]
    answer(platform, simulator, order(platform, "STATUS"))
    assert within(10, lambda: len(notes) == 2)
    assert notes == ["STATUS M1: answered 200", "STATUS M1: answered 406"]
    assert len(platform.called) == 3


def test_it_takes_no_order_that_is_none(platform, frozen, simulator) -> None:
    good = order(platform, "READ")
    assert post(simulator, good, token="other").status_code == 401
    for bad in (
        b"",
        b"{",
        b"\xff",
        b"[" * 5000,
        good | {"uuid": "x"},
        good | {"callback": "http://thief.example/"},
        good | {"callback": platform.url.replace("127", "128") + "/"},
        good | {"callback": f"{platform.url}.thief.example/"},
        good | {"last_reading": 10**30},
        good | {"last_reading": 1, "last_read_timestamp": "yesterday"},
        {name: value for name, value in good.items() if name != "command"},
        b" " * 70_000,
    ):
        answer = post(simulator, bad)
        assert answer.status_code == 400, bad
        assert answer.json()["error"]
    assert httpx.get(simulator).status_code == 501
    assert platform.called == []


def test_it_is_simulated_until_it_is_told_to_end(start, port, tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("T\n")
    args = ("headend", "simulate", "--user", "headend", "--port", port)
    for wrong in ((), ("--token-file", str(tmp_path / "none"))):
        assert start(*args, *wrong).process.wait(30) == 2
    server = start(*args, "--token-file", str(secret))
    assert within(30, lambda: "headend set SOURCE" in server.err.read_text())
    taken = start(*args, "--password-file", str(secret))
    assert taken.process.wait(30) == 1
    assert f"port {port}" in taken.err.read_text()
    assert server.end(signal.SIGTERM) == 0
    assert server.out.read_text() == ""
    assert len(server.err.read_text().splitlines()) == 1
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(port))) != 0


@pytest.fixture
async def house(door, boss):
    return await small_house(door, boss, homes=2)


async def test_head_ends_are_set_and_listed(run, house, tmp_path: Path, owner) -> None:
    secret = tmp_path / "token"
    secret.write_text("s3cret\nmore\n")
    url = "https://head.example/ami"
    made = run(
        "headend", "set", "multispeak", url, "--token-file", str(secret), "--callback-unit", "kWh",
        "--timeout-minutes", "30",
    )  # fmt: skip
    assert url in made.stdout
    row = await owner.fetchrow(
        "select url, token, callback_unit, timeout_minutes from headends.head_end"
    )
    assert tuple(row) == (url, "s3cret", "kWh", 30)
    listed = json.loads(run("headend", "list", "--json").stdout)
    told = next(one for one in listed if one["source"] == "multispeak")
    assert (told["url"], told["has_token"], told["timeout_minutes"]) == (url, True, 30)
    assert "s3cret" not in run("headend", "list").stdout + made.stdout
    for wrong in (("scada", url), ("mas", "head.example")):
        assert "Nothing was done" in run("headend", "set", *wrong, code=4).stderr
    assert "none" in run(
        "headend", "set", "mas", url, "--token-file", str(tmp_path / "none"), code=2
    ).stderr  # fmt: skip


async def test_meters_are_asked_and_listed(run, door, house) -> None:
    (asked,) = json.loads(run("meter", "read", "M1", "--json").stdout)
    assert (asked["serial_number"], asked["state"], asked["login"]) == ("M1", "PENDING", "operator")
    assert asked["note"] == "no head-end is set for multispeak"
    assert "no head-end is set" in run("meter", "status", "M2", "M1").stdout
    assert "--reason" in run("meter", "disconnect", "M1", code=2).stderr
    done = run("meter", "disconnect", "M1", "--reason", "the seal is broken", "--key", "k")
    again = run("meter", "disconnect", "M1", "--reason", "the seal is broken", "--key", "k")
    assert done.stdout == again.stdout
    assert "the seal is broken" in done.stdout
    run("headend", "set", "multispeak", "http://127.0.0.1:1/")
    await send(door)
    waited = run("meter", "connect", "M2", "--reason", "moved in", "--wait", "1")
    assert "1 not answered yet" in waited.stderr
    listed = json.loads(run("meter", "requests", "--json").stdout)
    assert [row["command"] for row in listed] == [
        "CONNECT",
        "DISCONNECT",
        "STATUS",
        "STATUS",
        "READ",
    ]
    of_one = json.loads(
        run("meter", "requests", "--serial", "M2", "--state", "sent", "--json").stdout
    )
    assert [row["command"] for row in of_one] == ["STATUS"]
    for wrong in ("M9", "x" * 200):
        assert "does not exist" in run("meter", "read", wrong, code=4).stderr
    assert "M9" in run("meter", "requests", "--serial", "M9", code=4).stderr


async def test_nothing_asked_is_said(run, house) -> None:
    assert run("meter", "requests").stdout == "Nothing was asked of meters.\n"


async def test_what_was_asked_is_readable_in_80_columns(run, house, urls, tmp_path: Path) -> None:
    run("meter", "disconnect", "M1", "M2", "--reason", "a seal was found broken at the last visit")
    run("headend", "set", "multispeak", "https://head-end.example/" + "x" * 60)
    for command, lines in ((("meter", "requests"), 3), (("headend", "list"), 5)):
        told = on_a_screen(tmp_path, urls, 80, *command).splitlines()
        assert len(told) > lines
        assert max(map(len, told)) <= 80
        assert "DISCONNECT" in "".join(told) or "multispeak" in "".join(told)
