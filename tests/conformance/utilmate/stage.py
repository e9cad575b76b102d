"""The running example (conformance.md 6.6), built by the product's own verbs and served."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import asyncpg
import httpx
from tests.conformance.juice.examples import parsed
from tests.conformance.juice.stage import _SEQUENCES as SEQUENCES
from tests.shared import keep
from tests.towers import SYDNEY, Tower, tower

from currant.access.model import CreateKey
from currant.access.verbs import create_key, new_token
from currant.adjustments.model import EnterAdjustments, NewAdjustment
from currant.adjustments.verbs import post_adjustments
from currant.basicreads.model import BasicRead, PostReads
from currant.basicreads.verbs import post_reads
from currant.clock import FrozenClock
from currant.db.database import Urls
from currant.door import Door
from currant.fieldwork.model import CreateOrders, NewOrder
from currant.fieldwork.verbs import create_orders
from currant.invoices.model import BilledElsewhere
from currant.invoices.verbs import bill_elsewhere
from currant.locations.model import NewLossFactor, SetLossFactors
from currant.locations.verbs import set_loss_factors
from currant.receipts.model import BatchType, NewReceipt, PostReceipts
from currant.receipts.verbs import post_receipts
from currant.runs.model import RunChunk, RunNamed, StartRun
from currant.runs.verbs import approve_run, draft_bills, post_bills, start_run

ACCOUNT, SITE, BUILDING = "03280", "4103000012", "TWR01"
RPC = "/api/Utilmate/post"
METER = "1234abcde"
# The numbers of the document: what is given out next of each series.
SERIES = (("customers.agreement_agreement_id_seq", 501), ("ledger.entry_id", 7001))
FOLLOWING = "select setval($1::text::regclass, $2::bigint, false)"


@dataclass
class Stage:
    """The portal `tower` on 15 August 2024, and a client of what is served with an access key."""

    owner: asyncpg.Connection
    clock: FrozenClock
    door: Door
    urls: Urls
    superuser: str
    http: httpx.AsyncClient
    told: Tower | None = None
    key: str = ""
    kept: str = ""

    async def call(self, code: str, parameters: Any = None, **more: Any) -> httpx.Response:
        """Call a method through the RPC path."""
        told = {"companycode": "Tower", "methodcode": code, "parameters": parameters or {}}
        headers = {"Authorization": f"Bearer {self.key}"}
        return await self.http.post(RPC, json=told | more, headers=headers)

    async def rows(self, code: str, parameters: Any = None) -> list[dict[str, Any]]:
        """Return the rows of a method that answers well."""
        return (await self.answer(code, parameters))["data"]

    async def answer(self, code: str, parameters: Any = None) -> dict[str, Any]:
        """Return the whole answer of a method that answers well, its numbers exact."""
        answer = await self.call(code, parameters)
        told = parsed(answer.content)
        assert (answer.status_code, told["error"], told["methodcode"]) == (200, 0, code), told
        return told

    def at(self, day: str, hour: int = 9) -> None:
        """Put the clock to an hour of a day in Sydney."""
        told = date.fromisoformat(day)
        self.clock.set(datetime(told.year, told.month, told.day, hour, tzinfo=SYDNEY))

    async def keep(self) -> None:
        """Remember what the database holds, and where its series stand."""
        connection = await asyncpg.connect(self.superuser)
        self.kept = await keep(connection)
        for (name,) in await connection.fetch(SEQUENCES):
            stands = await connection.fetchrow(f"select last_value, is_called from {name}")  # noqa: S608
            self.kept += f"select setval('{name}', {stands[0]}, {stands[1]});"
        await connection.close()

    async def put_back(self) -> None:
        """Make the database what it was, and the clock."""
        self.at("2024-08-15")
        connection = await asyncpg.connect(self.superuser)
        await connection.execute(self.kept)
        await connection.close()


async def read(stage: Stage, day: str, value: int, sub_type: str = "ACTUAL") -> None:
    """Post a read of the one meter."""
    assert stage.told is not None
    posted = BasicRead(SITE, METER, Decimal(value), date.fromisoformat(day), sub_type)
    (told,) = await stage.door.act(post_reads, PostReads([posted]), stage.told.manager)
    assert told.status == "ACCEPTED", told


async def build(stage: Stage) -> None:
    """Let the running example happen: supply, reads, the invoice of July, receipt, adjustment."""
    stage.at("2024-06-21")
    for series, number in SERIES:
        await stage.owner.execute(FOLLOWING, series, number)
    stage.told = told = await tower(stage.door, stage.owner)
    (unit,) = told.units
    await stage.owner.execute("update locations.location set site_name = 'Unit 12'")
    await read(stage, "2024-06-21", 12000, "OPENING")
    await stage.owner.execute(
        "insert into access.counter (portal_id, name, last) values ($1, 'invoice', 900122)",
        told.portal_id,
    )
    factor = NewLossFactor(
        Decimal("1.0514"), date(2024, 7, 1), building_code=BUILDING, dlf_code="BLNN",
        tni="NDUN", mlf=Decimal("0.9876"), source="AEMO 2024-25",
    )  # fmt: skip
    await stage.door.act(set_loss_factors, SetLossFactors([factor]), told.manager)
    order = NewOrder("SPECIAL_READ", SITE, ACCOUNT, reason="The bill is doubted")
    await stage.door.act(create_orders, CreateOrders([order]), told.manager)
    stage.at("2024-08-01")
    await read(stage, "2024-06-30", 12100)
    await read(stage, "2024-07-31", 12410)
    await stage.door.act(
        bill_elsewhere, BilledElsewhere(unit.agreement_id, date(2024, 6, 30)), told.clerk
    )
    run = await stage.door.act(start_run, StartRun(date(2024, 7, 31)), told.clerk)
    for verb, command, actor in (
        (draft_bills, RunChunk(run.run_id), told.clerk),
        (approve_run, RunNamed(run.run_id), told.manager),
        (post_bills, RunChunk(run.run_id), told.clerk),
    ):
        await stage.door.act(verb, command, actor)
    stage.at("2024-08-12")
    await read(stage, "2024-08-10", 12510)
    paid = NewReceipt(
        BatchType.DIRECT, ACCOUNT, date(2024, 8, 12), Decimal(100), reference="BPAY 881"
    )
    await stage.door.act(post_receipts, PostReceipts([paid]), told.manager)
    stage.at("2024-08-14")
    goodwill = NewAdjustment(ACCOUNT, "GOODWILL", date(2024, 8, 14), Decimal(11), "Sorry")
    await stage.door.act(post_adjustments, EnterAdjustments([goodwill]), told.manager)
    stage.at("2024-08-15")
    stage.key, hashed = new_token()
    await stage.door.act(create_key, CreateKey("tests", "boss", hashed), told.manager)
