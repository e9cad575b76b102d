"""Determinants and exact pricing with explanations in memory, beside NREL PySAM on the same bill.

A meter-month of half-hours is a month of one import stream on a tariff of three time-of-use buckets
with two blocks each and a demand. PySAM's `utilityrate5` (C++, floats) bills the same load by the
same tariff, a year of a meter at a time. The two sums are held against each other.
"""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TypeVar

import numpy as np
import pyarrow as pa
from PySAM import Utilityrate5

from common import Figure, median
from currant.determinants import summing
from currant.tariffs.bills import BillCharges, price_bills
from currant.tariffs.calendars import Calendar
from currant.tariffs.columns import Determinants
from currant.tariffs.terms import Basis, BlocksOver, PlanRate, Standing, Terms
from currant.tariffs.versions import PlanVersion

T = TypeVar("T")

METERS = 200
ROUNDS = 3
YEAR = 2018  # It begins on a Monday, as PySAM's does.
DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
HALF_HOURS = 48

# Weekdays: off-peak, shoulder from 7, peak from 15, shoulder from 21, off-peak from 22.
WEEKDAY = ((0, 1), (420, 2), (900, 3), (1260, 2), (1320, 1))
WEEKEND = ((0, 1),)
CALENDAR = Calendar("+00:00", WEEKDAY, WEEKEND, WEEKEND)
RATES = ((0.11, 0.14), (0.19, 0.23), (0.34, 0.41))
EDGE_KWH = 300
DEMAND, FIXED = 8.5, 33.0


def measure() -> list[Figure]:
    """Bill a year of meters by both, and hold the sums of the two against each other."""
    generator = np.random.default_rng(7)
    values = generator.integers(0, 1500, (METERS, sum(DAYS) * HALF_HOURS), np.int32)
    days = register_days(values)
    version = plan()
    ours, priced = [], None
    for _ in range(ROUNDS):
        seconds, priced = timed(lambda: bill(days, version))
        ours.append(METERS * 12 / seconds)
    theirs, sam = [], 0.0
    model = utilityrate()
    loads = [(row / 500).tolist() for row in values]  # Wh of a half-hour as kW
    for _ in range(ROUNDS):
        seconds, sam = timed(lambda: sum(year(model, load) for load in loads[: METERS // 4]))
        theirs.append(METERS // 4 * 12 / seconds)
    assert priced is not None
    net = sum(priced.net()[: METERS // 4 * 12]) / 100
    assert abs(net - sam) <= 0.02 * METERS // 4 * 12, (net, sam)
    return [
        Figure(
            "determinants and exact pricing, explained, of meter-months of half-hours",
            "meter-months/s",
            median(ours),
            median(theirs),
            "NREL PySAM utilityrate5, the same tariff and load",
            2,
        )
    ]


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Do something and say how many seconds it took."""
    begin = time.perf_counter()
    done = work()
    return time.perf_counter() - begin, done


def plan() -> PlanVersion:
    """Return the tariff."""
    rates = [
        PlanRate(tier, Decimal(str(rate)), step_from=Decimal(step))
        for bucket, (low, high) in enumerate(RATES, 1)
        for tier, rate, step in ((f"T{bucket}", low, 0), (f"T{bucket}B2", high, EDGE_KWH))
    ]
    rates.append(PlanRate("D", Decimal(str(DEMAND))))
    supply = Standing("Supply", Decimal(str(FIXED)), Basis.MONTHLY)
    return PlanVersion(tuple(rates), (supply,), terms=Terms(blocks_over=BlocksOver.TOTAL))


def register_days(values: "np.ndarray[tuple[int, int], np.dtype[np.int32]]") -> pa.RecordBatch:
    """Return the load as register-days, an item a meter and month."""
    months = np.repeat(np.arange(12), DAYS)
    items = (np.arange(METERS)[:, None] * 12 + months).ravel()
    first = (date(YEAR, 1, 1) - date(1970, 1, 1)).days
    number = np.tile(np.arange(first, first + sum(DAYS), dtype=np.int32), METERS)
    rows = len(items)
    lists = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), HALF_HOURS)
    columns = {
        "item": pa.array(items.astype(np.int64)),
        "day": pa.array(number).cast(pa.date32()),
        "clock": pa.array(np.zeros(rows, np.int16)),
        "minutes": pa.array(np.full(rows, 30, np.int16)),
        "direction": pa.array(np.ones(rows, np.int16)),
        "values": lists,
    }
    return pa.RecordBatch.from_pydict(columns)


def bill(days: pa.RecordBatch, version: PlanVersion) -> BillCharges:
    """Determine, price and explain every meter-month."""
    starts = [datetime(YEAR, month, 1, tzinfo=UTC) for month in range(1, 13)]
    ends = [start + timedelta(days=length) for start, length in zip(starts, DAYS, strict=True)]
    rows = METERS * 12
    terms = summing.Terms(
        pa.RecordBatch.from_pydict(
            {
                "item": pa.array(range(rows), pa.int64()),
                "start": pa.array(starts * METERS, pa.timestamp("us", "UTC")),
                "end": pa.array(ends * METERS, pa.timestamp("us", "UTC")),
                "calendar": pa.array([0] * rows, pa.int32()),
                "factor_numerator": pa.array([1] * rows, pa.int64()),
                "factor_denominator": pa.array([1] * rows, pa.int64()),
                "demand_minutes": pa.array([30] * rows, pa.int16()),
                "expected_minutes": pa.array([d * 1440 for d in DAYS] * METERS, pa.int64()),
            }
        ),
        (CALENDAR,),
    )
    found = summing.settle(summing.determine(days, terms), terms)
    lengths = found.column("days").to_pylist()
    items = Determinants(
        lengths,
        lengths,
        columns_of(found, "energy_wh", range(1, 10)),
        columns_of(found, "export_wh", range(1, 10)),
        columns_of(found, "peak_w", range(10)),
    )
    charges = price_bills(version, items)
    lines = sum(len(charges.explain(item)) for item in range(rows))
    assert lines > 6 * rows
    return charges


def columns_of(found: pa.Table, name: str, buckets: range) -> dict[int, list[int]]:
    """Return a member's columns, one a bucket."""
    values = found.column(name).combine_chunks().flatten().to_numpy().reshape(-1, len(buckets))
    return {bucket: values[:, place].tolist() for place, bucket in enumerate(buckets)}


def utilityrate() -> Utilityrate5.Utilityrate5:
    """Return PySAM's model with the tariff."""
    model = Utilityrate5.new()
    weekday = [0] * 7 + [1] * 8 + [2] * 6 + [1] + [0] * 2
    told = {
        "analysis_period": 1,
        "system_use_lifetime_output": 0,
        "inflation_rate": 0,
        "degradation": [0],
        "gen": [0] * (8760 * 2),
        "rate_escalation": [0],
        "ur_metering_option": 0,
        "ur_monthly_fixed_charge": FIXED,
        "ur_monthly_min_charge": 0,
        "ur_annual_min_charge": 0,
        "ur_en_ts_sell_rate": 0,
        "ur_en_ts_buy_rate": 0,
        "ur_nm_yearend_sell_rate": 0,
        "ur_sell_eq_buy": 0,
        "ur_ec_tou_mat": [
            [bucket, tier, most, 0, rate, 0]
            for bucket, rates in enumerate(RATES, 1)
            for tier, (rate, most) in enumerate(zip(rates, (EDGE_KWH, 1e38), strict=True), 1)
        ],
        "ur_ec_sched_weekday": [[period + 1 for period in weekday]] * 12,
        "ur_ec_sched_weekend": [[1] * 24] * 12,
        "ur_dc_enable": 1,
        "ur_dc_flat_mat": [[month, 1, 1e38, DEMAND] for month in range(12)],
        "ur_dc_tou_mat": [[1, 1, 1e38, 0]],
        "ur_dc_sched_weekday": [[1] * 24] * 12,
        "ur_dc_sched_weekend": [[1] * 24] * 12,
    }
    for name, value in told.items():
        model.value(name, value)
    return model


def year(model: Utilityrate5.Utilityrate5, load: list[float]) -> float:
    """Bill a year of one meter by PySAM."""
    model.value("load", load)
    model.execute(0)
    bills = model.Outputs.utility_bill_wo_sys_ym[1]
    return float(sum(bills))


if __name__ == "__main__":
    for figure in measure():
        print(figure, figure.ratio)
