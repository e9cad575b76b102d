import os
import shutil
import signal
import socket
from pathlib import Path

import psutil
import pytest
from tests.cli.conftest import ROOT, Server, within


def listening(port: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(port))) == 0


def left_of(place: Path) -> list[str]:
    """The processes that name a folder in their command line."""
    lines = (process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"]))
    return [" ".join(line) for line in lines if str(place) in " ".join(line)]


@pytest.fixture
def place() -> Path:
    """A home that the database's own account can reach, also where root runs the tests."""
    folder = ROOT / ".home" / f"serve-{os.getpid()}"
    yield folder
    if (folder / "postgres" / "cluster").is_symlink():
        shutil.rmtree((folder / "postgres" / "cluster").resolve())
    shutil.rmtree(folder, ignore_errors=True)


def test_it_serves_until_it_is_told_to_stop(start, urls, port) -> None:
    server = start("serve", CURRANT_DATABASE_URL=urls.runtime)
    server.wait_up()
    assert server.out.read_text() == ""
    assert server.end(signal.SIGTERM) == 0
    assert not listening(port)
    assert "rror" not in server.err.read_text()


def test_a_port_that_is_taken_is_said_in_one_sentence(start, urls, port) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", int(port)))
        other.listen()
        server = start("serve", CURRANT_DATABASE_URL=urls.runtime)
        assert server.process.wait(30) == 1
    told = server.err.read_text()
    assert told.startswith(f"currant: Port {port} of 127.0.0.1 is taken by another program.")
    assert len(told.splitlines()) == 1


def test_a_killed_server_is_not_in_the_way_of_the_next(start, place, port) -> None:
    """The embedded database and the workers outlive a kill; neither keeps the next one out."""
    home = {"CURRANT_HOME": str(place)}
    first = start("serve", **home)
    first.wait_up()
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    second = start("serve", **home)
    second.wait_up()
    refused = start("serve", **home)
    assert refused.process.wait(30) == 1
    assert f"process {second.process.pid} of this home" in refused.err.read_text()
    assert second.process.poll() is None
    third = start("serve", "--replace", **home)
    third.wait_up()
    assert second.process.wait(30) == 0
    assert third.end(signal.SIGINT) == 130
    assert not listening(port)
    assert within(5, lambda: not left_of(place)), left_of(place)


def test_workers_end_with_a_server_that_was_killed(start, urls, port) -> None:
    server = start("serve", CURRANT_DATABASE_URL=urls.runtime, CURRANT_WORKERS="3")
    server.wait_up()
    server.end(signal.SIGKILL)
    assert within(5, lambda: not listening(port))


def test_it_ends_with_the_process_that_started_it(tmp_path, urls, port) -> None:
    """As under `make`: what was started goes when make was killed."""
    folder = tmp_path / "made"
    folder.mkdir()
    server = Server(
        folder, "serve", "--with-parent", through=("sh", "-c", '"$@"; true', "sh"),
        PORT=port, CURRANT_DATABASE_URL=urls.runtime,
    )  # fmt: skip
    server.wait_up()
    server.end(signal.SIGKILL)
    assert within(20, lambda: not listening(port))


async def test_it_does_not_serve_as_the_owner(start, urls) -> None:
    server = start("serve", CURRANT_DATABASE_URL=urls.owner)
    assert server.process.wait(30) == 1
    assert "Serve as currant_runtime" in server.err.read_text()
