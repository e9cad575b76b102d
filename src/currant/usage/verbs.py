"""The questions asked about usage."""

from typing import Any

import pyarrow as pa

from currant.access.permissions import Permission, needs
from currant.db.statements import Statements
from currant.db.tx import Tx
from currant.errors import Invalid
from currant.usage.copied import CopiedDays
from currant.usage.determinants import ITEMS, Summing, Terms, settle
from currant.usage.model import DeterminantsWanted, PeriodFacts, RegisterDay

sql = Statements(__package__)
_GIVE_MEMORY = sql.command("give_memory")
_STAGE_PERIODS = sql.command("stage_periods")
_STAGE_STREAMS = sql.command("stage_streams")
_EMPTY_STAGES = sql.command("empty_stages")
_ANALYZE_PERIODS = sql.command("analyze_periods")
_FIND_STREAMS = sql.command("find_streams")
_ANALYZE_STREAMS = sql.command("analyze_streams")
_PERIOD_FACTS = sql.rows("period_facts", PeriodFacts)
_REGISTER_DAYS = sql.rows("register_days", RegisterDay)

_STAGED = ("item", "agreement_id", "start_at", "end_at", "with_losses")
_BATCH_BYTES = 4 * 1024 * 1024
_MILLION = 1_000_000


@needs(Permission.BILLING_VIEW)
async def determinants(tx: Tx, question: DeterminantsWanted) -> Any:
    """Tell what a tariff prices of periods, from their intervals: `determinants.DETERMINANTS`.

    A row a period, in their order; energy in Wh, demand in W. The statements are as many whatever
    the number of periods, and memory does not grow with their intervals. Raises `Invalid` for an
    agreement that there is not, and as `determine` does.
    """
    terms = await _stage(tx, question)
    copied, summing = CopiedDays(), Summing(terms)
    waiting: list[bytes] = []

    async def sink(chunk: bytes) -> None:
        waiting.append(chunk)
        if len(waiting) * len(chunk) >= _BATCH_BYTES:
            summing.add(copied.take(b"".join(waiting)))
            waiting.clear()

    await tx.copy_out(_REGISTER_DAYS, sink, portal_id=tx.portal.portal_id)
    summing.add(copied.take(b"".join(waiting)))
    return settle(summing.end(), terms)


async def _stage(tx: Tx, question: DeterminantsWanted) -> Terms:
    """Stage the periods and find their streams; return what their days are counted by."""
    portal_id = tx.portal.portal_id
    for statement in (_GIVE_MEMORY, _STAGE_PERIODS, _STAGE_STREAMS, _EMPTY_STAGES):
        await tx.run(statement)
    await tx.copy_rows(
        "priced_period",
        _STAGED,
        (
            (period.item, period.agreement_id, period.start_at, period.end_at, period.with_losses)
            for period in question.periods
        ),
    )
    await tx.run(_ANALYZE_PERIODS)
    await tx.run(_FIND_STREAMS, portal_id=portal_id)
    await tx.run(_ANALYZE_STREAMS)
    told = await tx.all(_PERIOD_FACTS, portal_id=portal_id, timezone=tx.portal.timezone)
    facts = {row.item: row for row in told}
    for period in question.periods:
        if period.item not in facts:
            raise Invalid(
                f"There is no agreement {period.agreement_id} in this portal.", field="agreement_id"
            )
    periods = question.periods
    columns = (
        [period.item for period in periods],
        [period.start_at for period in periods],
        [period.end_at for period in periods],
        [period.calendar for period in periods],
        [facts[period.item].loss_millionths for period in periods],
        [_MILLION] * len(periods),
        [period.demand_minutes for period in periods],
        [facts[period.item].expected_minutes for period in periods],
    )
    arrays = [pa.array(told, field.type) for told, field in zip(columns, ITEMS, strict=True)]
    return Terms(pa.Table.from_arrays(arrays, schema=ITEMS), question.calendars)
