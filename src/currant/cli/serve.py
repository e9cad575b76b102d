"""`currant serve`: the web workers, the jobs, and the database where it is one of our own.

The workers are processes of granian that share the port, the jobs a thread of this process. However
this process ends, nothing of it is left that keeps the next one from starting: a worker ends when
this process does, and the locks are the kernel's.
"""

import asyncio
import contextlib
import copy
import errno
import fcntl
import http.client
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Annotated, Any

import structlog
import typer
from granian.constants import HTTPModes, Interfaces, Loops
from granian.log import LOGGING_CONFIG, LogLevels
from granian.server import Server

from currant.audit.signing import audit_key
from currant.cli.frame import (
    Exit,
    Options,
    Quiet,
    Stopped,
    Teller,
    log_to_stderr,
    read_settings,
    run,
)
from currant.clock import SystemClock
from currant.db.database import Urls, database, refuse_unfit
from currant.db.health import refuse_unreachable
from currant.db.tx import open_pool
from currant.door import Door
from currant.jobs.notices import Carriers, carriers_of
from currant.jobs.worker import run_jobs
from currant.settings import Settings

if TYPE_CHECKING:
    from currant.api.http import App

log = structlog.get_logger()
app = typer.Typer()

LEFT_OVER_SECONDS = 3  # A worker whose server was killed needs less than this to notice.
REPLACED_SECONDS = 60  # A server that is asked to stop finishes what it answers first.
_GRACE_SECONDS = 20
_LOOK_SECONDS = 0.3

WithParent = Annotated[
    bool,
    typer.Option("--with-parent", help="Stop when the process that started this one has ended."),
]


Replace = Annotated[
    bool, typer.Option("--replace", help="Take the place of a server of this home.")
]


@app.command("serve")
def serve(
    *,
    replace: Replace = False,
    with_parent: WithParent = False,
    quiet: Quiet = False,
) -> None:
    """Serve the APIs and run the jobs until SIGTERM or Ctrl-C."""
    run(_serve(Teller(Options(quiet=quiet)), replace=replace, with_parent=with_parent))


async def _serve(teller: Teller, *, replace: bool, with_parent: bool) -> None:
    config = read_settings()
    with port_held(config, teller, replace=replace):
        async with database(config) as urls:
            await refuse_unreachable(urls.runtime)
            await refuse_unfit(urls.runtime)
            serve_until_stopped(
                config,
                urls,
                lambda: teller.note(f"Serving on {address_of(config)}"),
                with_parent=with_parent,
            )


def address_of(config: Settings) -> str:
    """Return the URL that is served on."""
    return f"http://{_bracketed(config.host)}:{config.port}"


def public_url_of(config: Settings) -> str:
    """Return the URL by which head-ends call back: as set, or where this machine is served."""
    return config.public_url or f"http://{_bracketed(_reached(config.host))}:{config.port}"


@contextlib.contextmanager
def port_held(config: Settings, teller: Teller, *, replace: bool) -> Iterator[None]:
    """Keep the port for this process during the block.

    The server of this home that holds it is asked to stop where `replace`, and waited for. What is
    left of a killed one is gone within moments. Raises `Stopped` where others have the port.
    """
    config.home.mkdir(parents=True, exist_ok=True)
    with (config.home / f"serve-{config.port}.lock").open("a+") as lock:
        if not _locked(lock):
            lock.seek(0)
            holder = lock.read().strip()
            told = f"Port {config.port} is served by process {holder} of this home."
            if not replace:
                raise Stopped(
                    Exit.FAILURE,
                    f"{told} Nothing was started, and no password or token was changed. Stop it, "
                    "start with --replace to take its place, or choose another PORT.",
                )
            teller.note(f"{told} It is asked to stop.")
            with contextlib.suppress(ProcessLookupError, ValueError):
                os.kill(int(holder), signal.SIGTERM)
            if not _within(REPLACED_SECONDS, lambda: _locked(lock)):
                raise Stopped(Exit.FAILURE, f"{told} It did not stop. Nothing was started.")
        if not _within(LEFT_OVER_SECONDS, lambda: _free(config)):
            raise Stopped(
                Exit.FAILURE,
                f"Port {config.port} of {config.host} is taken by another program. Nothing was "
                "started. Stop that one, or choose another PORT.",
            )
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def serve_until_stopped(
    config: Settings, urls: Urls, ready: Callable[[], None], *, with_parent: bool
) -> None:
    """Serve until SIGTERM or SIGINT; call `ready` once the APIs answer.

    Raises `KeyboardInterrupt` after SIGINT, and `SystemExit` where the workers cannot go on.
    """
    os.environ["CURRANT_DATABASE_URL"] = urls.runtime
    os.environ.pop("CURRANT_OWNER_URL", None)  # The owner never serves.
    multiprocessing.set_start_method("spawn", force=True)
    server = Server(
        f"{__name__}:worker_app",
        factory=True,
        interface=Interfaces.ASGI,
        address=config.host,
        port=config.port,
        workers=config.workers,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=_GRACE_SECONDS,
        log_level=LogLevels.warning,
        log_dictconfig=_logs_to_stderr(),
    )
    stopping = threading.Event()
    interrupted = threading.Event()
    jobs = threading.Thread(
        target=_run_jobs,
        args=(
            urls.runtime,
            audit_key(config.home),
            stopping,
            public_url_of(config),
            carriers_of(config),
        ),
    )

    def stop(number: int, _frame: object = None) -> None:
        if number == signal.SIGINT:
            interrupted.set()
        stopping.set()
        server.interrupt_signal = True
        server.main_loop_interrupt.set()

    @server.on_startup
    def begin() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        if with_parent:
            _when_parent_ends(lambda: stop(signal.SIGTERM))
        jobs.start()
        threading.Thread(target=_call_when_up, args=(config, ready, stopping), daemon=True).start()

    try:
        server.serve()
    finally:
        stopping.set()
        if jobs.is_alive():
            jobs.join(_GRACE_SECONDS)
    if interrupted.is_set():
        raise KeyboardInterrupt


def worker_app() -> "App":
    """Return the application of one worker, which ends when its server has ended."""
    from currant.api.app import make_app  # noqa: PLC0415 (no other command waits for the faces)

    log_to_stderr()
    server = multiprocessing.parent_process()

    def end_with_server() -> None:
        if server is not None:
            server.join()
            os._exit(1)

    threading.Thread(target=end_with_server, daemon=True).start()
    return make_app()


def _when_parent_ends(act: Callable[[], None]) -> None:
    """Watch for the end of the process that started this one."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_SECONDS)
        act()

    threading.Thread(target=watch, daemon=True).start()


def _run_jobs(
    url: str, key: bytes, stopping: threading.Event, public_url: str, carriers: Carriers
) -> None:
    """Run the jobs until told to stop; what ends them is logged, and they begin again."""

    async def work() -> None:
        stop = asyncio.Event()
        async with await open_pool(url, size=4, name="currant jobs") as pool:
            door = Door(pool, SystemClock())
            jobs = asyncio.create_task(run_jobs(door, url, key, stop, public_url, carriers))
            while not (stopping.is_set() or jobs.done()):
                await asyncio.wait([jobs], timeout=0.2)
            stop.set()
            await jobs

    while not stopping.is_set():
        try:
            asyncio.run(work())
        except Exception as error:
            log.exception("the jobs ended and begin again", reason=str(error))
            stopping.wait(5)


def _call_when_up(config: Settings, ready: Callable[[], None], stopping: threading.Event) -> None:
    """Ask for the health check until it answers well."""
    host = _reached(config.host)
    while not stopping.wait(0.05):
        connection = http.client.HTTPConnection(host, config.port, timeout=5)
        try:
            connection.request("GET", "/health-check")
            if connection.getresponse().status == http.client.OK:
                ready()
                return
        except (OSError, http.client.HTTPException):
            continue
        finally:
            connection.close()


def _free(config: Settings) -> bool:
    """Tell whether nobody listens on the port. Raises `Stopped` where nobody could."""
    try:
        found = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM)
        for family, kind, protocol, _, address in found[:1]:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
                probe.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return False
        raise Stopped(
            Exit.FAILURE,
            f"Nothing can listen on {config.host} port {config.port}: {error.strerror}. "
            "Nothing was started.",
        ) from error
    return True


def _within(seconds: int, done: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _reached(host: str) -> str:
    """Return how this machine reaches a host that it serves on, also where that is all of them."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _logs_to_stderr() -> dict[str, Any]:
    config: dict[str, Any] = copy.deepcopy(LOGGING_CONFIG)
    for handler in config["handlers"].values():
        handler["stream"] = "ext://sys.stderr"
    return config
