"""What the HTTP server answers before us, and what it passes on: docs/compat/juice.md."""

import asyncio

import httpx
import pytest
from tests.conftest import token_header
from tests.shared import shared_urls, urls

__all__ = ["shared_urls", "urls"]
HOST = b"Host: juice\r\n"
POST = b"POST /tariff/create HTTP/1.1\r\n" + HOST


async def sent(
    http: httpx.AsyncClient, raw: bytes, *, hangs_up: bool = True
) -> tuple[list[bytes], bool]:
    """Send bytes; return the answers, as far as they come, and whether the server hung up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)
    received, hung_up = b"", False
    try:
        writer.write(raw)
        while not (hung_up or complete(received)):
            chunk = await asyncio.wait_for(reader.read(65536), 10)
            received, hung_up = received + chunk, chunk == b""
        if not hung_up:
            hung_up = await asyncio.wait_for(reader.read(1), 10 if hangs_up else 0.1) == b""
    except TimeoutError:
        pass
    except ConnectionError:
        hung_up = True
    writer.close()
    return [b"HTTP/1." + part for part in received.split(b"HTTP/1.")[1:]], hung_up


def complete(received: bytes) -> bool:
    """Whether the last answer has all of its body; an interim one has none."""
    if received.startswith(b"HTTP/1.1 100 "):
        return True
    last = received.rpartition(b"HTTP/1.")[2]
    head, blank, body = last.partition(b"\r\n\r\n")
    length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return bool(blank and length) and len(body) >= int(length[0].split(b":")[1])


def get(target: bytes, *headers: bytes, version: bytes = b"1.1") -> bytes:
    lines = [b"GET " + target + b" HTTP/" + version, *headers, b"", b""]
    return b"\r\n".join(lines)


def health(*headers: bytes) -> bytes:
    return get(b"/health-check", b"Host: juice", *headers)


BEFORE_US = {
    "no request line": (b"hello\r\n\r\n", 400),
    "no target": (b"GET  HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "blank in the target": (get(b"/health check", b"Host: x"), 400),
    "another version": (get(b"/", version=b"3.7"), 400),
    "quote in a query": (get(b'/health-check?a="'), 400),
    "angle in a query": (get(b"/health-check?a=<"), 400),
    "angle in a path": (get(b"/a>"), 400),
    "backtick in a path": (get(b"/a`"), 400),
    "NUL in the target": (get(b"/a\0b"), 400),
    "latin-1 in the target": (get(b"/health-check?a=\xff"), 400),
    "header without colon": (health(b"nonsense"), 400),
    "blank in a header's name": (health(b"A B: 1"), 400),
    "blank after a header's name": (get(b"/health-check", b"Host : x"), 400),
    "NUL in a header": (health(b"A: a\0b"), 400),
    "folded header": (health(b"A: a", b" b"), 400),
    "length no number": (POST + b"Content-Length: x\r\n\r\n", 400),
    "length negative": (POST + b"Content-Length: -1\r\n\r\n", 400),
    "length signed": (POST + b"Content-Length: +2\r\n\r\n{}", 400),
    "length beyond 64 bits": (POST + b"Content-Length: 99999999999999999999999\r\n\r\n", 400),
    "lengths that differ": (POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x", 400),
    "coding not chunked": (POST + b"Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n", 400),
    "coding misspelt": (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
    "coding after chunked": (
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        400,
    ),
    "chunks in HTTP/1.0": (
        b"POST /tariff/create HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "long target": (get(b"/health-check?a=" + b"x" * 65_530, b"Host: x"), 414),
    "many headers": (health(*(b"X%d: 1" % n for n in range(100))), 431),
    "preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", None),
}


@pytest.mark.parametrize("what", BEFORE_US)
async def test_what_is_no_http_is_answered_before_us(http: httpx.AsyncClient, what: str) -> None:
    raw, status = BEFORE_US[what]
    answers, hung_up = await sent(http, raw)
    assert hung_up
    assert [int(answer.split()[1]) for answer in answers] == ([] if status is None else [status])
    for answer in answers:
        head, _, body = answer.partition(b"\r\n\r\n")
        assert body == b""
        assert b"\r\nconnection: close" in head.lower()
        assert b"x-juice" not in head.lower()
    assert (await http.get("/health-check")).status_code == 200


async def test_a_head_beyond_all_measure_is_answered_before_us(http: httpx.AsyncClient) -> None:
    for raw in (get(b"/health-check?a=" + b"x" * 500_000), health(b"A: " + b"x" * 3_000_000)):
        answers, hung_up = await sent(http, raw)
        assert hung_up
        assert [int(answer.split()[1]) for answer in answers] in ([414], [431], [])


PASSED_ON = {
    "http 1.0": (get(b"/health-check", version=b"1.0"), 200, True),
    "kept alive": (get(b"/health-check", b"Connection: keep-alive", version=b"1.0"), 200, False),
    "no host": (get(b"/health-check"), 200, False),
    "two hosts": (get(b"/health-check", b"Host: a", b"Host: b"), 200, False),
    "absolute target": (get(b"http://other:1/health-check?x=1", b"Host: x"), 200, False),
    "fragment": (get(b"/health-check#x"), 200, False),
    "lf alone": (b"GET /health-check HTTP/1.1\nHost: x\n\n", 200, False),
    "blank line before": (b"\r\n" + health(), 200, False),
    "signs in a query": (get(b"/health-check?a=|{}[]\\^~'"), 200, False),
    "utf-8 in a query": (get("/health-check?a=é".encode()), 200, False),
    "broken escape in a query": (get(b"/health-check?a=%zz"), 200, False),
    "99 headers": (health(*(b"X%d: 1" % n for n in range(98))), 200, False),
    "latin-1 in a header": (health(b"A: \xff"), 200, False),
    "NUL escaped": (get(b"/health%00check"), 404, False),
    "latin-1 escaped": (get(b"/health%ffcheck"), 404, False),
    "broken escape": (get(b"/health%zzcheck"), 404, False),
    "utf-8 in a path": (get("/é".encode()), 404, False),
    "dots": (get(b"/x/../health-check"), 404, False),
    "no path": (get(b"health-check"), 404, False),
    "options of all": (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", 404, False),
    "connect": (b"CONNECT x:80 HTTP/1.1\r\n" + HOST + b"\r\n", 404, False),
    "trace": (b"TRACE /health-check HTTP/1.1\r\n" + HOST + b"\r\n", 405, False),
    "small letters": (b"get /health-check HTTP/1.1\r\n" + HOST + b"\r\n", 405, False),
    "no verb": (b"BREW /health-check HTTP/1.1\r\n" + HOST + b"\r\n", 405, False),
    "slash at the end": (get(b"/health-check/"), 200, False),
    "two slashes": (get(b"//health-check"), 200, False),
    "body with get": (health(b"Content-Length: 3") + b"abc", 200, False),
    "websocket": (
        health(b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13",
               b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), 200, False,
    ),
    "h2c": (health(b"Connection: Upgrade", b"Upgrade: h2c"), 200, False),
    "one length twice": (POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 401, False),
    "length and chunks": (
        POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 401, True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", PASSED_ON)
async def test_what_is_http_is_answered_in_the_frame(http: httpx.AsyncClient, what: str) -> None:
    raw, status, hangs_up = PASSED_ON[what]
    (answer,), hung_up = await sent(http, raw, hangs_up=hangs_up)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert int(head.split()[1]) == status
    assert hung_up == hangs_up
    assert b"\r\nx-juice-media-type: juice.v1" in head
    assert b"\r\ncontent-length: %d" % len(body) in head
    assert (b"\r\nallow: GET, HEAD" in head) == (status == 405)
    assert body.startswith(b'{"error":')


async def test_requests_without_waiting_are_answered_in_order(http: httpx.AsyncClient) -> None:
    raw = health() + get(b"/zz", b"Host: x") + health(b"Connection: close")
    reader, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)
    writer.write(raw)
    received = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    statuses = [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [200, 404, 200]


async def test_bodies_of_a_signed_in_user(http: httpx.AsyncClient, boss) -> None:
    signed = POST + f"Authorization: {token_header(boss)['Authorization']}\r\n".encode()
    chunked = signed + b"Transfer-Encoding: chunked\r\n\r\n"
    for raw, status, told in (
        (chunked + b"2\r\n{}\r\n0\r\n\r\n", 406, b"are missing"),
        (chunked + b"zz\r\n{}\r\n0\r\n\r\n", 400, b"broke off"),
        (signed + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, b"gzip, chunked"),
        (signed + b"Content-Encoding: GZIP\r\nContent-Length: 2\r\n\r\n{}", 400, b"GZIP"),
        (signed + b"Content-Encoding: Identity\r\nContent-Length: 2\r\n\r\n{}", 406, b"missing"),
    ):
        (answer,), _ = await sent(http, raw, hangs_up=False)
        assert int(answer.split()[1]) == status, raw
        assert told in answer
    (interim,), _ = await sent(
        http, signed + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n", hangs_up=False
    )
    assert interim.startswith(b"HTTP/1.1 100 Continue")
    (refused,), _ = await sent(
        http, POST + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n", hangs_up=False
    )
    assert refused.startswith(b"HTTP/1.1 401")


@pytest.mark.parametrize("gap", [0, 0.001, 0.02, 0.3])
async def test_a_body_that_nobody_wants_does_not_cost_the_connection(
    http: httpx.AsyncClient, gap: float
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)
    writer.write(POST + b"Content-Length: 2\r\n\r\n")
    await asyncio.sleep(gap)
    writer.write(b"{}" + health(b"Connection: close"))
    received = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]] == [401, 200]


async def test_who_sends_a_large_file_in_vain_is_told_why(http: httpx.AsyncClient) -> None:
    path = "/file-importer/trinity/import?portal=example&table=meters"
    for _ in range(3):
        answer = await http.post(path, content=b"x" * 20_000_000)
        assert answer.status_code == 401
    wrong = await http.put("/tariff/create", content=b"x" * 2_000_000)
    assert wrong.status_code == 405
