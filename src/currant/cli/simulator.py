"""A simulated head-end: meters in memory that are read, connected and disconnected over HTTP.

It takes the requests that the platform posts, keeps a register and a relay for each meter named,
and answers a moment later by the callback (J06). A meter begins where the request says that it was
last read, or at 0, and its register grows with time while it is connected. Nothing is kept: begun
anew, it takes up again what the requests say is known.
"""

import hmac
import http
import queue
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import Any
from uuid import UUID

import httpx
import msgspec

from currant import wire
from currant.clock import Clock, format_instant, parse_instant
from currant.errors import Invalid, Refusal, Unauthenticated

REQUEST_BYTES = 64 * 1024

_HANDS = 4
_PATIENCE_SECONDS = 10
_RETRIES = (1, 2, 4, 8)  # seconds
_REMEMBERED = 10_000
_LEAST_WATTS = 200
_WATTS = 1800
_SECONDS = 3600
_OFF = ("DISCONNECTED", "CONNECTING")

Note = Callable[[str], None]


class Order(msgspec.Struct, frozen=True):
    """A request as the platform posts it, with what it knows of the meter; readings are Wh."""

    uuid: UUID
    command: str
    serial_number: str
    callback: str
    meter_state: str = ""
    last_reading: int | None = None
    last_read_timestamp: str | None = None


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an answer tells of a meter."""

    serial_number: str
    reading: int | None = None
    read_timestamp: str | None = None
    meter_state: str = ""


class Answer(msgspec.Struct, frozen=True):
    """The body of a callback."""

    uuid: UUID
    command: str
    result: str
    error_code: int
    error_msg: str
    data: list[Told]


class Device:
    """A simulated meter: what its register stood at at an instant, and whether it is connected."""

    def __init__(self, serial_number: str, reading: int, at: datetime, *, connected: bool) -> None:
        self.connected = connected
        self.reading = reading
        self._at = at
        self._watts = _LEAST_WATTS + zlib.crc32(serial_number.encode()) % _WATTS

    def run(self, now: datetime) -> None:
        """Let the register grow until now."""
        elapsed = int((now - self._at) / timedelta(seconds=1))
        if elapsed > 0:
            self.reading += elapsed * self._watts // _SECONDS if self.connected else 0
            self._at = now


class Simulator:
    """The meters, and the hands that answer for them by the callbacks of one platform."""

    def __init__(
        self,
        clock: Clock,
        platform: str,
        authorization: str,
        *,
        token: str = "",
        delay_seconds: int = 1,
        note: Note = lambda _: None,
    ) -> None:
        self.token = token
        self._clock = clock
        self._platform = f"{platform.rstrip('/')}/"
        self._client = httpx.Client(
            headers={"Authorization": authorization, "Content-Type": "application/json"},
            timeout=_PATIENCE_SECONDS,
            trust_env=False,
            follow_redirects=False,
        )
        self._delay = delay_seconds
        self._note = note
        self._lock = threading.Lock()
        self._devices: dict[str, Device] = {}
        self._answers: OrderedDict[UUID, Answer] = OrderedDict()
        self._waiting: queue.SimpleQueue[tuple[float, Order, Answer]] = queue.SimpleQueue()
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin to answer."""
        for _ in range(_HANDS):
            threading.Thread(target=self._work, daemon=True).start()

    def stop(self) -> None:
        """Answer no more."""
        self._stopped.set()

    def take(self, order: Order) -> None:
        """Do what is ordered, once, and answer later. Raises `Invalid`."""
        if not order.callback.startswith(self._platform):
            raise Invalid(f"It calls back {self._platform} and nobody else.", field="callback")
        with self._lock:
            answer = self._answers.get(order.uuid) or self._obeyed(order)
            self._answers[order.uuid] = answer
            if len(self._answers) > _REMEMBERED:
                self._answers.popitem(last=False)
        self._waiting.put((monotonic() + self._delay, order, answer))

    def _obeyed(self, order: Order) -> Answer:
        now = self._clock.now().replace(microsecond=0)
        device = self._device(order, now)
        told = Told(order.serial_number)
        match order.command:
            case "CONNECT" | "DISCONNECT":
                device.connected = order.command == "CONNECT"
            case "READ":
                at = format_instant(now, UTC)
                told = Told(order.serial_number, device.reading, at)
            case "STATUS":
                pass
            case other:
                return Answer(order.uuid, other, "fail", 1, "No meter here knows this.", [])
        state = "connected" if device.connected else "disconnected"
        told = msgspec.structs.replace(told, meter_state=state)
        return Answer(order.uuid, order.command, "success", 0, "", [told])

    def _device(self, order: Order, now: datetime) -> Device:
        """Return the meter as it is now; one that is not known begins where it was last read."""
        serial, reading = order.serial_number, order.last_reading or 0
        device = self._devices.get(serial)
        if device is None or device.reading < reading:
            at = now
            if order.last_read_timestamp:
                at = min(now, parse_instant(order.last_read_timestamp, UTC).at)
            connected = order.meter_state not in _OFF if device is None else device.connected
            device = self._devices[serial] = Device(serial, reading, at, connected=connected)
        device.run(now)
        return device

    def _work(self) -> None:
        """Call back for one order after the other, each when it is time."""
        while not self._stopped.is_set():
            try:
                due, order, answer = self._waiting.get(timeout=1)
            except queue.Empty:
                continue
            if not self._stopped.wait(max(0, due - monotonic())):
                self._note(f"{order.command} {order.serial_number}: {self._called(order, answer)}")

    def _called(self, order: Order, answer: Answer) -> str:
        """Call back, again where the platform is away; return how that went."""
        body = wire.encode(answer)
        told = ""
        for wait in (*_RETRIES, 0):
            try:
                said = self._client.post(order.callback, content=body)
            except httpx.HTTPError as error:
                told = f"{type(error).__name__} {error}".strip()
            else:
                told = f"answered {said.status_code}"
                if said.status_code < http.HTTPStatus.INTERNAL_SERVER_ERROR:
                    break
            if self._stopped.wait(wait):
                break
        return told


@contextmanager
def simulated(simulator: Simulator, host: str, port: int) -> Iterator[str]:
    """Let a simulated head-end listen for the block, and say by which URL; port 0 is any free one.

    It is threads of this process that none waits for. Raises `OSError` where nothing can listen.
    """

    class Handler(BaseHTTPRequestHandler):
        """Takes orders by POST, whatever the path."""

        protocol_version = "HTTP/1.1"
        timeout = _PATIENCE_SECONDS

        def do_POST(self) -> None:
            """Take an order."""
            try:
                self._say(http.HTTPStatus.ACCEPTED, {"accepted": self._taken().uuid})
            except Unauthenticated as refusal:
                self._say(http.HTTPStatus.UNAUTHORIZED, {"error": refusal.message})
            except Refusal as refusal:
                self._say(http.HTTPStatus.BAD_REQUEST, {"error": refusal.message})

        def _taken(self) -> Order:
            length = self.headers.get("Content-Length", "")
            size = int(length) if length.isascii() and length.isdigit() else -1
            if not 0 <= size <= REQUEST_BYTES:
                self.close_connection = True
                raise Invalid(f"A request has a length of at most {REQUEST_BYTES} bytes.")
            body = self.rfile.read(size)
            sent = self.headers.get("Authorization", "")
            expected = f"Bearer {simulator.token}" if simulator.token else sent
            if not hmac.compare_digest(sent.encode(), expected.encode()):
                raise Unauthenticated
            order = wire.decode(body, Order)
            wire.refuse_unfit(order)
            simulator.take(order)
            return order

        def _say(self, status: http.HTTPStatus, told: dict[str, Any]) -> None:
            body = wire.encode(told)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing on stderr."""

    class Listener(ThreadingHTTPServer):
        """Serves each connection by a thread that nobody waits for."""

        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """Say nothing of a connection that broke off."""

    with Listener((host, port), Handler) as server:
        listening = threading.Thread(target=server.serve_forever, daemon=True)
        listening.start()
        simulator.start()
        try:
            yield f"http://{host}:{server.server_address[1]}/"
        finally:
            simulator.stop()
            server.shutdown()
