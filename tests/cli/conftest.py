"""The command line as processes, on a database of the tests' own server."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from tests.shared import shared_urls, urls

from currant.clock import SystemClock
from currant.db.database import Urls

__all__ = ["shared_urls", "urls"]

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "currant.cli.main"]

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]


def environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of a command: nothing of ours but a home, and the code under test."""
    ours = ("CURRANT_", "PORT")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"CURRANT_HOME": str(home), "PYTHONPATH": str(ROOT / "src")} | more


@pytest.fixture
def clock() -> SystemClock:
    """Commands are told the machine's time, so what they find was made by it too."""
    return SystemClock()


@pytest.fixture
def run(urls: Urls, tmp_path: Path) -> Run:
    """Run a command on this test's database: `run("vend", "00001", "10", code=4)`."""

    def command(*args: str, stdin: str = "", code: int = 0, **more: str) -> Done:
        done = subprocess.run(
            [*COMMAND, *args],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=environment(tmp_path / "home", **{"CURRANT_DATABASE_URL": urls.runtime, **more}),
        )
        assert done.returncode == code, done.stderr
        return done

    return command


class Server:
    """A `currant serve` or `currant demo` under way, with what it says in files."""

    def __init__(self, folder: Path, *args: str, through: Sequence[str] = (), **env: str) -> None:
        self.port = int(env["PORT"])
        self.out, self.err = folder / "out", folder / "err"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [*through, *COMMAND, *args],
                stdout=out,
                stderr=err,
                stdin=subprocess.DEVNULL,
                env=environment(folder.parent / "home", **env),
            )

    def answers(self) -> bool:
        """Whether the health check is well."""
        try:
            url = f"http://127.0.0.1:{self.port}/health-check"
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False

    def wait_up(self) -> None:
        """Wait until it says that it serves."""
        assert within(60, lambda: "erving" in self.err.read_text() or self.process.poll()), "slow"
        assert self.process.poll() is None, self.err.read_text()
        assert self.answers()

    def end(self, number: int) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)


def within(seconds: int, done: Callable[[], object]) -> bool:
    """Whether something becomes true in time."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def port() -> str:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.fixture
def start(tmp_path: Path, port: str) -> Iterator[Callable[..., Server]]:
    """Start a server; what still runs at the end is killed."""
    started = []

    def server(*args: str, **env: str) -> Server:
        folder = tmp_path / f"server{len(started)}"
        folder.mkdir()
        started.append(Server(folder, *args, **{"PORT": port, **env}))
        return started[-1]

    yield server
    for each in started:
        if each.process.poll() is None:
            each.end(signal.SIGKILL)
