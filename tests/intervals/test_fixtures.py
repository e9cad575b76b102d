"""Real files of meter data providers, held against what another reader computes of them.

The files lie beside the project (`../shared/fixtures/nem12`); where they are not there these tests
say so.
"""

import logging
import warnings
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest
from tests.intervals.files import FIXTURES, building, loaded, onboarded

from currant.errors import Refusal

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import nemreader

GOOD = sorted([*FIXTURES.glob("*.zip"), *FIXTURES.glob("nem12/*.zip")]) if FIXTURES else []
BAD = sorted(FIXTURES.glob("invalid/*")) if FIXTURES else []
WHERE = pytest.mark.skipif(FIXTURES is None, reason="the files of ../shared are not here")

TOTALS = """
select l.site_identifier as nmi, g.datastream, d.day, sum(q) as total
from intervals.current_day as d
inner join metering.register as g using (portal_id, register_id)
inner join metering.installation as i using (portal_id, meter_id)
inner join locations.location as l using (portal_id, location_id)
cross join unnest(d.quantities) as q
group by l.site_identifier, g.datastream, d.day
"""


@WHERE
@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
async def test_a_real_file_has_the_totals_that_nemreader_computes(path: Path, door, boss, owner):
    await building(owner)
    raw = sent(path)
    told = await onboarded(door, boss, raw)
    assert (told.faults, told.stored) == (0, told.days)
    rows = await owner.fetch(TOTALS)
    ours = {(r["nmi"], r["datastream"], r["day"]): Decimal(r["total"]) / 1000 for r in rows}
    theirs = totals(path)
    assert ours == theirs
    again = await loaded(door, boss, raw)
    assert (again.stored, again.duplicates) == (0, told.days)


def sent(path: Path) -> bytes:
    return path.read_bytes()


def totals(path: Path) -> dict[tuple[str, str, object], Decimal]:
    """The sum of each NMI, data stream and day by nemreader, to the thousandth."""
    logging.disable()
    sums: defaultdict[tuple[str, str, object], Decimal] = defaultdict(Decimal)
    for nmi, streams in nemreader.read_nem_file(str(path)).readings.items():
        for suffix, readings in streams.items():
            for reading in readings:
                value = Decimal(str(reading.read_value)).quantize(Decimal("0.001"))
                sums[nmi, suffix, reading.t_start.date()] += value
    logging.disable(logging.NOTSET)
    return dict(sums)


@WHERE
@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name)
async def test_a_bad_file_is_refused_with_the_line_and_nothing_is_loaded(
    path: Path, door, boss, owner
):
    await building(owner)
    with pytest.raises(Refusal, match="othing was stored") as refused:
        await onboarded(door, boss, sent(path))
    assert refused.value.faults
    assert all(fault.record >= 1 and fault.column for fault in refused.value.faults)
    assert await owner.fetchval("select count(*) from intervals.file") == 0
    assert await owner.fetchval("select count(*) from locations.location") == 0


@WHERE
def test_the_files_are_there():
    assert (len(GOOD), len(BAD)) == (29, 11)
