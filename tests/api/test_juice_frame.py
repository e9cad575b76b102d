"""The frame of the Juice face: verbs, headers, time, limits, faults (conformance.md 1.1-1.8)."""

import asyncio
import base64
import json
import time

import httpx
import pytest
from tests.conftest import TOKENS, served, token_header
from tests.documents import documents, operations
from tests.houses import small_house

from currant.access.model import OPERATOR, SetPassword
from currant.access.passwords import hash_password
from currant.access.verbs import set_password
from currant.api import envelope
from currant.api.http import Send, Written
from currant.api.juice import system, tariffs, transactions
from currant.api.juice.app import ROUTES
from currant.api.v1 import frame as v1_frame
from currant.csvfile import Column, CsvReader
from currant.errors import TooLarge

PASSWORD = "correct horse"
TARIFF = {
    "portal": "example", "name": "HOME", "desc": "", "units": "kWh", "rate": 0.1, "type": 1,
    "fuel_charge": False, "levy1": False, "levy2": False, "levy3": False, "taxable": True,
    "fixed": False, "kva_fixed": False,
}  # fmt: skip


def basic(login: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{login}:{password}'.encode()).decode()}"}


@pytest.fixture
def within(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give J23 one second and J29 too."""
    for handler in (tariffs.post_tariff, transactions.dump_transactions):
        monkeypatch.setattr(handler.operation_class, "seconds", 1)


# Verbs


async def test_every_verb_that_a_path_does_not_take_is_refused(http, boss) -> None:
    head = token_header(boss)
    for path, method, _ in operations(documents()[0]):
        plain = path.replace("{way}", "fund")
        for verb in ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "GET", "POST", "HEAD"):
            if verb == method.upper() or (verb == "HEAD" and method == "get"):
                continue
            answer = await http.request(verb, plain, headers=head)
            assert answer.status_code == 405, (verb, plain)
            assert answer.headers["allow"] == ("POST" if method == "post" else "GET, HEAD")
            if verb != "HEAD":
                assert answer.json()["error"] == 200
                assert answer.json()["error_message"].endswith(f", not {verb}.")


async def test_head_has_the_headers_of_get_and_no_body(http, door, boss) -> None:
    house = await small_house(door, boss)
    query = {
        "portal": "example", "account": house.accounts[0], "serialnumber": "M1", "tariff": "SBT",
        "table": "customers", "end_date": "2026-03-02", "locid": house.loc_ids[0], "user": "boss",
        "login": "boss", "arrears_coa": "9100",
    }  # fmt: skip
    for path, method, operation in operations(documents()[0]):
        if method == "get" and operation["operationId"] != "J32":
            wanted = [await http.request(verb, path, params=query, headers=token_header(boss))
                      for verb in ("GET", "HEAD", "GET")]  # fmt: skip
            (first, head, again) = ({**answer.headers} for answer in wanted)
            for headers in (first, head, again):
                del headers["date"]
            assert head == first == again or path == "/health-check", path
            assert wanted[1].content == b""
            assert wanted[0].status_code == 200, wanted[0].text


async def test_a_slash_at_the_end_is_no_redirect(http, boss) -> None:
    answer = await http.get("/auth-test/", headers=token_header(boss))
    assert answer.status_code == 200


# Time


async def test_a_body_that_does_not_arrive_is_refused(http, boss, owner, within) -> None:
    lines = [
        "POST /tariff/create HTTP/1.1", "Host: juice", "Content-Length: 100",
        f"Authorization: {token_header(boss)['Authorization']}", "", '{"portal":',
    ]  # fmt: skip
    reader, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)
    writer.write("\r\n".join(lines).encode())
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 400 ")
    told = '"error":201,"error_message":"The body did not arrive within 1 s. Nothing was done."'
    assert told.encode() in answer
    good = await http.post("/tariff/create", json=TARIFF, headers=token_header(boss))
    assert good.status_code == 200


async def test_work_that_takes_too_long_is_given_up_and_leaves_nothing(
    http, boss, owner, within
) -> None:
    lock = owner.transaction()
    await lock.start()
    await owner.execute("lock table tariffs.tariff in access exclusive mode")
    begun = time.monotonic()
    answers = await asyncio.gather(
        *(
            http.post("/tariff/create", json=TARIFF | {"name": f"T{n}"}, headers=token_header(boss))
            for n in range(20)
        )
    )
    assert time.monotonic() - begun < 4
    for answer in answers:
        assert (answer.status_code, answer.json()["error"]) == (503, 300)
        assert "Nothing was done" in answer.json()["error_message"]
        assert int(answer.headers["retry-after"]) >= 1
    await lock.rollback()
    for n in range(20):
        body = TARIFF | {"name": f"T{n}"}
        answer = await http.post("/tariff/create", json=body, headers=token_header(boss))
        assert answer.status_code == 200, answer.text
    assert await owner.fetchval("select count(*) from tariffs.tariff") == 20
    idle = "select count(*) from pg_stat_activity where state like 'idle in transaction%'"
    assert await owner.fetchval(idle) == 0


SLOW_COMMIT = """
create function public.be_slow() returns trigger language plpgsql as
$$ begin perform pg_sleep(2); return null; end $$;
create constraint trigger slow after insert on tariffs.tariff deferrable initially deferred
for each row execute function public.be_slow();
"""


async def test_a_commit_that_takes_too_long_is_told_as_unknown(http, boss, owner, within) -> None:
    await owner.execute(SLOW_COMMIT)
    answer = await http.post("/tariff/create", json=TARIFF, headers=token_header(boss))
    assert (answer.status_code, answer.json()["error"]) == (503, 300)
    assert "whether it was done is unknown" in answer.json()["error_message"]
    assert "Nothing was done" not in answer.json()["error_message"]
    await owner.execute("drop function public.be_slow cascade")
    keyed = token_header(boss) | {"Idempotency-Key": "k"}
    for _ in range(2):
        body = TARIFF | {"name": "OTHER"}
        answer = await http.post("/tariff/create", json=body, headers=keyed)
        assert answer.status_code == 200


async def test_a_long_answer_that_takes_too_long_is_given_up(http, boss, owner, within) -> None:
    lock = owner.transaction()
    await lock.start()
    await owner.execute("lock table ledger.entry in access exclusive mode")
    answer = await http.get(
        "/transactions/dump?portal=example&end_date=2026-03-02", headers=token_header(boss)
    )
    assert (answer.status_code, answer.json()["error"]) == (503, 300)
    await lock.rollback()
    answer = await http.get(
        "/transactions/dump?portal=example&end_date=2026-03-02", headers=token_header(boss)
    )
    assert answer.json() == {"error": 0, "data": []}


# Limits of callers


async def test_the_public_list_is_limited_by_address(urls, clock, portal) -> None:
    async with served(urls, clock, public_list_limit="3/2 seconds") as http:
        path = "/meters/get-meters?portal=example"
        statuses = [(await http.get(path)).status_code for _ in range(5)]
        assert statuses == [200, 200, 200, 429, 429]
        refused = await http.get(path)
        assert refused.json()["error"] == 300
        assert "3 times in 2 s" in refused.json()["error_message"]
        assert 1 <= int(refused.headers["retry-after"]) <= 2
        await asyncio.sleep(int(refused.headers["retry-after"]))
        assert (await http.get(path)).status_code == 200


async def test_the_address_is_told_by_a_proxy_that_is_trusted(urls, clock, portal) -> None:
    path = "/meters/get-meters?portal=example"

    async def statuses(http: httpx.AsyncClient) -> list[int]:
        return [
            (await http.get(path, headers={"X-Forwarded-For": address})).status_code
            for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1", "2001:db8::1", "2001:db8::2")
        ]

    async with served(urls, clock, public_list_limit="1/hour") as http:
        assert await statuses(http) == [200, 429, 429, 429, 429]
    async with served(urls, clock, public_list_limit="1/hour", forwarded_by="127.0.0.1") as http:
        assert await statuses(http) == [200, 200, 429, 200, 429]


async def test_failed_sign_ins_are_limited_and_right_ones_are_not(urls, clock, door, boss) -> None:
    hashed = hash_password(PASSWORD)
    await door.act(set_password, SetPassword("boss", hashed), OPERATOR.at("example"))
    async with served(urls, clock, sign_in_limit="3/2 seconds") as http:
        assert (await http.get("/auth-test", headers=basic("boss", PASSWORD))).status_code == 200
        for path in ("/auth-test", "/v1/example/trial-balance"):
            wrong = [
                (await http.get(path, headers=basic("boss", f"guess {n}"))).status_code
                for n in range(4)
            ]
            assert wrong == ([401, 401, 401, 429] if path == "/auth-test" else [429] * 4)
        refused = await http.get("/auth-test", headers=basic("boss", "guess"))
        assert refused.json()["error"] == 300
        assert 1 <= int(refused.headers["retry-after"]) <= 2
        # Whoever is right goes on: by a password that was proved just now, or by a token.
        assert (await http.get("/auth-test", headers=basic("boss", PASSWORD))).status_code == 200
        assert (await http.get("/auth-test", headers=token_header(boss))).status_code == 200
        # A token is guessed at 122 bits, so a wrong one is counted and a right one always taken.
        answer = await http.get("/auth-test", headers={"Authorization": "token boss:wrong"})
        assert answer.status_code == 429
        assert (await http.get("/auth-test", headers=basic("other", "x"))).status_code == 401
        await asyncio.sleep(2)
        assert (await http.get("/auth-test", headers=basic("boss", "guess"))).status_code == 401


async def test_an_address_that_tries_many_logins_is_limited(urls, clock, portal) -> None:
    async with served(urls, clock, address_sign_in_limit="4/hour") as http:
        tried = [
            (await http.get("/auth-test", headers=basic(f"user{n}", "x"))).status_code
            for n in range(6)
        ]
        assert tried == [401, 401, 401, 401, 429, 429]


async def test_a_credential_is_limited(urls, clock, boss, cashier) -> None:
    async with served(urls, clock, login_limit="5/hour") as http:
        answers = [await http.get("/auth-test", headers=token_header(boss)) for _ in range(6)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429]
        native = await http.get("/v1/example/trial-balance", headers=token_header(boss))
        assert (native.status_code, native.json()["type"]) == (429, "urn:currant:rate_limited")
        assert int(native.headers["retry-after"]) > 1
        # Whoever knows only the login uses up nothing of its user's.
        for _ in range(6):
            await http.get("/auth-test", headers={"Authorization": "token cashier1:wrong"})
        assert (await http.get("/auth-test", headers=token_header(cashier))).status_code == 200


async def test_limits_that_are_unset_limit_nothing(urls, clock, boss) -> None:
    unset = dict.fromkeys(
        ("public_list_limit", "sign_in_limit", "address_sign_in_limit", "login_limit"), ""
    )
    async with served(urls, clock, **unset) as http:
        for _ in range(70):
            assert (await http.get("/meters/get-meters?portal=example")).status_code == 200
        for _ in range(7):
            answer = await http.get("/auth-test", headers={"Authorization": "token boss:x"})
            assert answer.status_code == 401


# Credentials


@pytest.mark.parametrize(
    "credentials",
    ["token", "token :", f"token {'x' * 20_000}:y", "token boss", "Basic", "Basic =",
     f"Basic {base64.b64encode(b'a' * 20_000 + b':b').decode()}",
     f"Basic {base64.b64encode(bytes([0, 58, 0])).decode()}",
     f"Basic {base64.b64encode(bytes([255, 58, 255])).decode()}", "Bearer x", "Digest boss:x"],
)  # fmt: skip
async def test_credentials_of_no_shape_are_wrong(http, boss, credentials) -> None:
    answer = await http.get("/auth-test", headers={"Authorization": credentials})
    assert (answer.status_code, answer.json()["error"]) == (401, 100)
    assert answer.headers["www-authenticate"] == 'Basic realm="Juice", charset="UTF-8"'


async def test_credentials_are_read_in_utf_8_up_to_the_first_colon(http, door, boss) -> None:
    hashed = hash_password("test:123£")
    await door.act(set_password, SetPassword("boss", hashed), OPERATOR.at("example"))
    assert (await http.get("/auth-test", headers=basic("boss", "test:123£"))).status_code == 200
    for scheme in ("TOKEN", "Token", "bearer"):
        head = {"Authorization": f"{scheme} boss:{TOKENS['boss']}"}
        assert (await http.get("/auth-test", headers=head)).status_code == 200


# Faults


class Broken(RuntimeError):
    pass


def broken(*_: object, **__: object) -> None:
    raise Broken


@pytest.mark.parametrize(
    ("place", "name", "path"),
    [
        (system, "done", "/auth-test"),
        (system, "who_am_i", "/auth-test"),
        (envelope, "message_of", "/customers/get-customer"),
        (envelope, "http_message_of", "/zz"),
    ],
)
async def test_what_is_unexpected_is_told_in_the_envelope(
    http, boss, monkeypatch, place, name, path
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(place, name, broken)
        answer = await http.get(path, headers=token_header(boss))
    assert (answer.status_code, answer.json()["error"]) == (500, 300)
    assert "unexpected" in answer.json()["error_message"]
    assert (await http.get("/auth-test", headers=token_header(boss))).status_code == 200


async def test_what_is_unexpected_is_told_as_a_problem(http, boss, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(v1_frame, "message_of", broken)
        answer = await http.get("/v1/example/trial-balance")
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:currant:unexpected")


async def test_an_answer_that_fails_half_way_is_broken_off(http, boss, monkeypatch) -> None:
    async def broken(_answer: Written, send: Send) -> None:
        part = {"type": "http.response.body", "body": b'{"error":0,', "more_body": True}
        await send(part)
        raise Broken

    path = "/transactions/dump?portal=example&end_date=2026-03-02"
    with monkeypatch.context() as patch:
        patch.setattr(Written, "_send_body", broken)
        with pytest.raises(httpx.TransportError):
            await http.get(path, headers=token_header(boss))
    assert (await http.get(path, headers=token_header(boss))).json() == {"error": 0, "data": []}


# How much and how long (conformance.md 1.8)


def test_files_and_lists_of_whole_portals_may_take_longer_than_the_rest() -> None:
    document = documents()[0]
    numbers = {(path, method): told["operationId"] for path, method, told in operations(document)}
    long = set()
    for handler in ROUTES:
        (path,), (method,) = handler.paths, handler.http_methods
        assert handler.operation_class.seconds in (15, 300)
        if handler.operation_class.seconds == 300:
            long.add(numbers[path.replace(":str}", "}"), method.lower()])
    files = {"J07", "J09", "J11", "J12", "J13", "J14", "J30"} & set(numbers.values())
    assert files <= long <= files | {"J04", "J08", "J10", "J18", "J19", "J24", "J29"}


async def test_a_body_of_32_mib_is_taken_and_no_longer_one(http, boss) -> None:
    most = 32 * 1024 * 1024
    body = json.dumps(TARIFF).encode()
    for size, status in ((most, 200), (most + 1, 400)):
        padded = body + b" " * (size - len(body))
        answer = await http.post("/tariff/create", content=padded, headers=token_header(boss))
        assert answer.status_code == status, answer.text
    assert answer.json()["error"] == 201
    assert f"{most} bytes" in answer.json()["error_message"]


def test_a_file_of_2_000_000_records_is_taken_and_no_longer_one() -> None:
    reader = CsvReader([Column("a"), Column("b")])
    taken = len(reader.feed(b"a,b\n" + b"7,\n" * 2_000_000))
    assert (taken, reader.records) == (2_000_000, 2_000_000)
    reader.feed(b"7,\n")
    with pytest.raises(TooLarge, match="more than 2000000 records"):
        reader.close()
