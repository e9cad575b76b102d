"""Requests that the documents allow and that they do not, thousands of them, against the product.

Whatever is sent, the answer is as the OpenAPI document of its face tells: never a 5xx, its status,
media type, body and headers documented. The cases are the same in every run of one seed;
`CURRANT_FUZZ_SEED` chooses another. `make soak` sends ten times as many.
"""

import copy
import csv
import io
import json
import os
import random
import signal
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncpg
import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.cli.conftest import Server
from tests.conformance.utilmate.stage import Stage
from tests.conformance.utilmate.stage import build as build_tower
from tests.conftest import NOW, TOKENS, free_port, make_user, new_database
from tests.documents import documents, operations
from tests.houses import small_house
from tests.shared import superuser

from currant.access.model import OPERATOR, CreatePortal
from currant.access.verbs import create_portal
from currant.clock import FrozenClock, SystemClock
from currant.db.database import Urls
from currant.db.tx import open_pool
from currant.door import Door

Values = dict[str, list[Any]]

SEED = int(os.environ.get("CURRANT_FUZZ_SEED", "1"))
CASES = {"juice": 10_000, "v1": 1_000, "utilmate": 500}
SOAK = 10  # times as many
VARIANTS = 4  # of what was made up: as it is, and with values that mean something
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
UNLIMITED = dict.fromkeys(
    (
        "CURRANT_PUBLIC_LIST_LIMIT",
        "CURRANT_SIGN_IN_LIMIT",
        "CURRANT_ADDRESS_SIGN_IN_LIMIT",
        "CURRANT_LOGIN_LIMIT",
    ),
    "",
)
SELDOM_DONE = ("J06", "J31", "J37")  # What they name is made up, so it is hardly ever there.
ONE_CASE = ("/health-check", "/auth-test", "/meters/com-types/get-supported")
FACES = dict(zip(CASES, documents(), strict=True))


@pytest.fixture(scope="module")
async def house(server, template) -> AsyncIterator[SimpleNamespace]:
    async with serving(server, template, house_to_name) as product:
        yield product


@pytest.fixture(scope="module")
async def tower(server, template) -> AsyncIterator[SimpleNamespace]:
    async with serving(server, template, tower_to_name) as product:
        yield product


@pytest.fixture
def product(request, face: str) -> SimpleNamespace:
    return request.getfixturevalue("tower" if face == "utilmate" else "house")


@asynccontextmanager
async def serving(
    server: Any, template: str, build: Callable[..., Awaitable[tuple[str, Values]]]
) -> AsyncIterator[SimpleNamespace]:
    """`currant serve` on a small portal, and what there is in it to name."""
    async with new_database(server, template) as urls:
        signed, values = await build(server, urls)
        with tempfile.TemporaryDirectory() as name:
            started = Server(
                Path(name),
                "serve",
                PORT=str(free_port()),
                CURRANT_DATABASE_URL=urls.runtime,
                CURRANT_WORKERS="1",
                **UNLIMITED,
            )
            try:
                started.wait_up()
                yield SimpleNamespace(
                    url=f"http://127.0.0.1:{started.port}",
                    signed={"Authorization": signed},
                    values=values,
                    log=started.err,
                )
            finally:
                started.end(signal.SIGTERM)


async def house_to_name(_server: Any, urls: Urls) -> tuple[str, Values]:
    """A house of prepaid homes; how its boss signs in, and what there is to name."""
    clock = SystemClock()
    async with await open_pool(urls.runtime, size=2) as pool:
        door = Door(pool, clock)
        made = CreatePortal("example", "Example", "America/New_York", "USD", "CEC", tz_index=11)
        await door.act(create_portal, made, OPERATOR)
        boss = await make_user(door, "example", "boss", "SysAdmin")
        await make_user(door, "example", "swarren", "VENDOR")
        units = await small_house(door, boss, homes=3)
        money = await small_house(
            door, boss, homes=2, first=4, wallet="currency", tariff="FLAT", rate="0.12"
        )
    return f"token boss:{TOKENS['boss']}", values_of(units, money, clock)


async def tower_to_name(server: Any, urls: Urls) -> tuple[str, Values]:
    """The running example of the library; its access key, and what there is to name."""
    clock = FrozenClock(NOW)
    async with await open_pool(urls.runtime, size=2) as pool, httpx.AsyncClient() as nobody:
        owner = await asyncpg.connect(urls.owner)
        stage = Stage(owner, clock, Door(pool, clock), urls, superuser(server, urls), nobody)
        await build_tower(stage)
        await owner.close()
    return f"Bearer {stage.key}", values_of_tower()


def values_of_tower() -> Values:
    """Values that mean something, by the names of parameters."""
    days = [
        "2024-06-21",
        "2024-07-01",
        "31/07/2024",
        "2024-08-15",
        f"{SystemClock().now():%Y-%m-%d}",
    ]
    flags = ["Y", "N", True]
    amounts = [1, "10.00", 0.5, 0, -3, 10**9]
    return {
        "companycode": ["Tower"] * 9 + ["elsewhere"],
        "account_number": ["03280"] * 4 + [3280, "3280", "00000032807", "77777"],
        "sales_cust_number": ["5003986", "S1", "S2"],
        "cust_account_id": [501, 501, "501", 77],
        "site_identifier": ["4103000012"] * 5 + ["ALL", "X"],
        "building_code": ["TWR01", "twr01", "NONE"],
        "invoice_number": ["900123", "900123", "1"],
        "work_order_id": [1, 2, 3],
        "activity_id": [1, 2],
        "report_id": [112, 114, 115, 116, 142, 145, *range(901, 907)],
        "meter_code": ["1234abcde", "1234abcde", "x"],
        "meter_register": [1, 1, 2],
        "meter_read": [12500, 12600, "13000.5", 12510],
        "add_factor": [0, 0, 100_000],
        "read_sub_type": ["ACTUAL", "ESTIMATE", "OPENING", "CLOSING", "MISREAD"],
        "estimate_read": ["C", "Y", "N"],
        "price_plan_code": ["RES-FLAT"],
        "charge_item_code": ["ADMIN", "CONN", "NONE"],
        "charge_group_code": ["STANDARD"],
        "adj_reason_code": ["GOODWILL", "WRITEOFF", "BILLERR", "TRANSFER"],
        "item_code": ["ADMIN"],
        "period": ["202407", "202408", "202413"],
        "loc_id": ["L00000"],
        **dict.fromkeys(
            (
                "start_date", "end_date", "as_at", "effective_date", "move_in_date",
                "move_out_date", "read_date", "date", "charge_date", "adj_date",
                "scheduled_date", "completed_date", "updated_since", "due_date",
                "preferred_connection_date", "next_scheduled_read_date",
            ),
            days,
        ),
        **dict.fromkeys(("amount", "adj_amount", "unit_price", "bond_amount"), amounts),
        **dict.fromkeys(("history", "detail", "post_adj", "post_charge", "active_only"), flags),
        "contact1_email": ["a@example.com"],
        "contact1_first_name": ["George"],
        "contact1_last_name": ["Best"],
        "format": ["JSON", "CSV"],
        "limit": [0, 1, 50],
        "offset": [0, 1],
    }  # fmt: skip


def values_of(units: Any, money: Any, clock: SystemClock) -> Values:
    """Values that mean something, by the names of parameters, members and columns."""
    now = clock.now()
    days = [f"{now - timedelta(days=days):%Y-%m-%d}" for days in (0, 1, 30, 400)]
    instants = [f"{day}T{hour}-05:00" for day in days for hour in ("00:00:00", "13:30:15")]
    soon = [f"{now + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}" for days in range(1, 60)]
    late = [f"{now + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}" for days in range(40, 100)]
    limit = {"amount": 100_000, "currency": "USD"}
    accounts = [*units.accounts, *money.accounts, "00099"]
    serials = [*units.serials, *money.serials, "M99"]
    places = [*units.loc_ids, *money.loc_ids, "unassigned", "H1", "N1", "N2"]
    contracts = [*accounts, "C1", "N1", "N2", "unassigned"]
    return {
        "portal": ["example"] * 9 + ["elsewhere"],
        "account": [*accounts, "|".join(accounts[:3])],
        "contract": contracts,
        "serialnumber": serials,
        "serialnum": [*serials, "N1", "N2", "unassigned"],
        "locid": places,
        "locname": places,
        "tariff": ["SBT", "FLAT", "T1", "T2", ""],
        "name": ["SBT", "T1", "T2", "T3", "T4", "Ringo Starr"],
        "source": ["mas", "bybot", "primary"],
        "format": ["CSV", "JSON", "csv"],
        "from": days,
        "to": days,
        "end_date": [*instants[2:], *days[1:]] * 5 + days[:1],
        "start_date": [*soon, *soon, instants[0]],
        "body.end_date": [*late, *late, instants[0]],
        "startdate": [*days, "", instants[0]],
        "datetime": [*instants, f"{now - timedelta(hours=3):%Y-%m-%dT%H:%M:%SZ}"],
        "arrears_coa": ["9100", "9110", "1101"],
        "debit": ["1100", "1102", "2100", "x"],
        "credit": ["9100", "9110", "1101", "4000"],
        "com": ["MultiSpeak", "STS"],
        "comtype": ["MultiSpeak", "STS", "DLMS"],
        "user": ["swarren"],
        "login": ["swarren", "nobody"],
        "body.login": ["swarren"] * 20 + [f"user{n}" for n in range(20)],
        "vendor_number": ["CEC"],
        "amount": ["10", "0.01", "1e3", "-5", "0", "99999999", 10, 0.5],
        "paid": ["", "0", "1"],
        "payplan": ["", "25%", "100%", "0%"],
        "wallet": ["units", "currency"],
        "tender": ["cash", "card"],
        "meterinstalldate": ["0000-00-00", *days],
        "units": ["kWh", "kWh", "kWh", "kL"],
        "service": ["Electricity", "Electricity", "Electricity", "Water"],
        "tier": ["B1", "B1", "A", "T1"],
        "coa": [4005, 4000, None],
        "ar_coa": [1102, None],
        "id": [*range(1, 40)],
        "life_note": ["A note."],
        "system_role": ["VENDOR", "CSR"],
        "email": ["s@example.com", ""],
        "blocked_accounts": ["", accounts[0]],
        "vending_limit": [limit],
        "vendor_limit": [limit],
        "special_limit": [limit, None],
        "currency": ["USD"],
        "perms.name": ["vendcash", "balance"],
        "action": ["add", "remove", "keep"],
        "type": [0, 1, 2, 9],
        "usage_base_start": [0, 100],
        "rate": [0.1, 0.042951, 0],
        "quarantine_ids": [[1], [1, 2]],
        "sumforwardactive": ["0", "10", "250.5", "1000"],
        "multiplier": ["", "1"],
        "phone_1": ["14235550100", ""],
        "phone_2": ["14235550100", ""],
        "sms_1": ["14235550100", ""],
        "sms_2": ["14235550100", ""],
        "phone1": ["14235550100", ""],
        "sms1": ["14235550100", ""],
        "loczip": ["07367"],
        "postalcode": ["07367"],
        "limit": ["0", "1", "50"],
        "offset": ["0", "1"],
    }


def lifelike(case: Case, values: Values, chance: random.Random) -> None:
    """Put values that mean something in the place of most of those that were made up."""
    for place in (case.query, case.path_parameters):
        fill(place, "", values, chance)
    for name, value in (case.path_parameters or {}).items():
        if not str(value).strip("/. "):
            case.path_parameters[name] = "x"  # Or it would be another path.
    fill(case.body, "body", values, chance)
    told = case.operation.definition.raw.get("requestBody", {}).get("content", {})
    kinds = told.get("text/csv", {}).get("schema", {}).get("x-columns")
    if kinds and case.media_type == "text/csv" and chance.random() < 0.9:
        kind = case.query.get("table") if isinstance(case.query, dict) else None
        case.body = written(kinds.get(kind) or chance.choice([*kinds.values()]), values, chance)


def fill(sent: Any, within: str, values: Values, chance: random.Random) -> None:
    """Fill what is sent, however deep; `body.end_date` is meant before `end_date`."""
    if isinstance(sent, dict):
        for name, value in sent.items():
            known = values.get(f"{within}.{name}", values.get(name))
            if chance.random() < 0.04:
                sent[name] = chance.choice(ODD if not within else ODD + ODD_MEMBERS)
            elif known and chance.random() < 0.88:
                sent[name] = chance.choice(known)
            else:
                fill(value, name, values, chance)
    elif isinstance(sent, list):
        for value in sent:
            fill(value, within, values, chance)


def spare_the_one_who_asks(case: Case) -> None:
    """Let nothing take from the signed-in user what the next request needs."""
    for place in (case.query, case.body):
        if isinstance(place, dict):
            for name in ("user", "login"):
                if place.get(name) == "boss":
                    place[name] = "swarren"


def written(columns: list[str], values: Values, chance: random.Random) -> str:
    """A file that is right, or nearly."""
    header = list(columns)
    if chance.random() < 0.1:
        header.remove(chance.choice(header))
    if chance.random() < 0.1:
        chance.shuffle(header)
    if chance.random() < 0.05:
        header.append(chance.choice(["nonsense", header[0], ""]))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=chance.choice(["\n", "\r\n"]))
    writer.writerow(header)
    for _ in range(chance.choice([0, 1, 1, 1, 2, 5])):
        record = [chance.choice(values.get(name, ["", "1", "7", "Elm St."])) for name in header]
        if chance.random() < 0.2:
            record[chance.randrange(len(record))] = chance.choice(ODD)
        writer.writerow(record)
    return text.getvalue()


ODD = [
    "", " ", "é", "x" * 300, "y" * 11_000, "-1", "1e400", "NaN", "999999", "9" * 40, "2026-02-30",
    "0001-01-01", "9999-12-31T23:59:59Z", "0000-00-00", "\u202e", '"', "%", "a|b|", "\t", "true",
]  # fmt: skip
ODD_MEMBERS = [None, [], {}, 10**20, -(2**63), 0.1, -1, True, "a\0b", [[]], 2**31, 1e300]


def garbled(sent: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """A request whose body is broken here and there."""
    kept = {name: part for name, part in sent.items() if name not in ("json", "data")}
    body = sent.get("data")
    raw = json.dumps(sent.get("json")).encode() if body is None else body
    raw = raw.encode() if isinstance(raw, str) else bytes(raw)
    for _ in range(chance.choice([1, 1, 2, 5])):
        place = chance.randrange(len(raw) + 1)
        match chance.randrange(4):
            case 0:
                raw = raw[:place]
            case 1:
                raw = raw[:place] + chance.choice(PIECES) + raw[place:]
            case 2:
                raw = raw[:place] + bytes([chance.randrange(256)]) + raw[place + 1 :]
            case 3:
                raw = raw[:place] + raw[place // 2 :]
    return kept | {"data": raw}


PIECES = [
    b"\0", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\r", b"\n", b'"', b"{", b"[" * 2000,
    b'{"a":' * 600, b"1e999999999", b"9" * 400, b"NaN", b"-0", b"\\u0000", b"\\ud800", b"null",
    b",,,,", b"#", b"\t", b"=cmd", b"true",
]  # fmt: skip


def fuzz(product: SimpleNamespace, face: str, path: str, method: str, cases: int) -> None:
    """Send cases to an operation, half of them of a kind that the document does not allow."""
    document = json.loads(json.dumps(FACES[face]))
    operation = schemathesis.openapi.from_dict(document)[path][method.upper()]
    faults: list[str] = []
    statuses: Counter[int] = Counter()
    told = operation.definition.raw
    tells = can_be_wrong(told)
    modes = list(GenerationMode) if tells else [GenerationMode.POSITIVE]
    with requests.Session() as session:

        def send(case: Case, number: int) -> None:
            chance = random.Random(number)  # noqa: S311
            made_up = (case.query, case.path_parameters, case.body)
            for variant in range(VARIANTS):
                case.query, case.path_parameters, case.body = copy.deepcopy(made_up)
                if variant:
                    lifelike(case, product.values, chance)
                spare_the_one_who_asks(case)
                sent = case.as_transport_kwargs(product.url, headers=product.signed)
                if variant == VARIANTS - 1 and method == "post" and chance.random() < 0.5:
                    sent = garbled(sent, chance)
                answer = session.request(**sent, timeout=60)
                statuses[answer.status_code] += 1
                try:
                    case.validate_response(answer, checks=CHECKS)
                except FailureGroup as failures:
                    if len(faults) < 10:
                        told = f"{case.as_curl_command()}\n{answer.text[:500]}"
                        faults.append(f"{told}\n{[*failures.exceptions]}")

        for mode in modes:
            run = given(operation.as_strategy(mode), st.integers(0, 2**32))(send)
            run = settings(
                max_examples=-(-cases // len(modes) // VARIANTS),
                phases=[Phase.generate],
                database=None,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            )(run)
            seed(SEED)(run)()
    assert not faults, "\n\n".join(faults)
    assert sum(statuses.values()) >= cases * 0.9 or not tells, statuses
    if face == "juice" and told["operationId"] not in SELDOM_DONE:
        assert statuses[200], statuses


def can_be_wrong(told: dict[str, Any]) -> bool:
    """Whether an operation takes what a document can forbid: a query, or a body but any bytes."""
    bodies = told.get("requestBody", {}).get("content", {}).values()
    return any(part["in"] == "query" for part in told.get("parameters", [])) or any(
        body["schema"].get("format") != "binary" for body in bodies
    )


def share(face: str, path: str) -> int:
    """How many cases an operation gets: few where nothing can be sent."""
    if path in ONE_CASE:
        return 10
    return -(-CASES[face] // sum(path not in ONE_CASE for path in FACES[face]["paths"]))


OPERATIONS = [
    pytest.param(face, path, method, id=f"{face}-{operation['operationId']}")
    for face, document in FACES.items()
    for path, method, operation in operations(document)
]


@pytest.mark.parametrize(("face", "path", "method"), OPERATIONS)
def test_every_answer_is_as_documented(product, face: str, path: str, method: str) -> None:
    fuzz(product, face, path, method, share(face, path))


@pytest.mark.soak
@pytest.mark.parametrize(("face", "path", "method"), OPERATIONS)
def test_every_answer_of_many_is_as_documented(product, face: str, path: str, method: str) -> None:
    fuzz(product, face, path, method, share(face, path) * SOAK)


@pytest.mark.parametrize("face", ["juice", "utilmate"])
def test_the_log_tells_of_nothing_unexpected(product) -> None:
    assert "unexpected" not in product.log.read_text()
