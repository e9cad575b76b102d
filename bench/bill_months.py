"""Determinants and exact pricing, explained, in memory: beside NREL's utilityrate5 of PySAM.

Both bill a year of half-hours by the same three time-of-use rates, weekdays and weekends apart.
PySAM computes in C++ with floats, a meter a call; ours sums integers for many meters at once and
expands every line of every bill. Their bills agree to the cent.
"""

import time
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
from PySAM import Utilityrate5

from common import Figure, median
from currant.tariffs.calendars import Calendar
from currant.tariffs.pricing import RateLine, TariffVersion, price
from currant.usage.determinants import Summing, settle
from currant.usage.layouts import ITEMS, Terms

METERS = 200
YEAR = 2018  # PySAM's years begin on a Monday.
ROUNDS = 5
CHANGES = ((0, 1), (420, 2), (900, 3), (1260, 1))
CALENDAR = Calendar("+00:00", CHANGES, ((0, 1),), ((0, 1),))
RATES = ("0.18", "0.27", "0.41")
VERSION = TariffVersion(
    tuple(
        RateLine(f"T{number}", Decimal(rate), "4005", 0, taxable=False)
        for number, rate in enumerate(RATES, 1)
    ),
    Decimal(0),
    2,
)
DAYS = 365
LOAD = np.random.default_rng(7).integers(100, 900, (METERS, DAYS * 48), dtype=np.int32)


def terms() -> Terms:
    """Make an item of each meter and month."""
    rows = []
    for meter in range(METERS):
        for month in range(1, 13):
            start = datetime(YEAR, month, 1, tzinfo=UTC)
            end = start + timedelta(days=monthrange(YEAR, month)[1])
            minutes = (end - start) // timedelta(minutes=1)
            rows.append((meter * 12 + month - 1, start, end, 0, 1, 1, 30, minutes))
    columns = zip(*rows, strict=True)
    arrays = [pa.array(told, field.type) for told, field in zip(columns, ITEMS, strict=True)]
    return Terms(pa.Table.from_arrays(arrays, schema=ITEMS), (CALENDAR,))


def register_days() -> Any:
    """Lay the load out as register-days, an item a meter and month."""
    days = [date(YEAR, 1, 1) + timedelta(days=ahead) for ahead in range(DAYS)]
    month = np.array([day.month - 1 for day in days])
    rows = METERS * DAYS
    return pa.table(
        {
            "item": (np.arange(METERS)[:, None] * 12 + month).reshape(-1),
            "day": pa.array(days * METERS),
            "clock": np.zeros(rows, np.int16),
            "minutes": np.full(rows, 30, np.int16),
            "direction": np.ones(rows, np.int16),
            "values": pa.ListArray.from_arrays(
                pa.array(np.arange(0, rows * 48 + 1, 48, dtype=np.int32)),
                pa.array(LOAD.reshape(-1)),
            ),
        }
    )


def billed(days: Any, known: Terms) -> list[Decimal]:
    """Determine and price every meter and month, and expand the lines of each bill."""
    summing = Summing(known)
    for start in range(0, days.num_rows, 8192):
        summing.add(days.slice(start, 8192))
    told = settle(summing.end(), known)
    energy = told.column("energy_wh").combine_chunks().flatten().to_numpy().reshape(-1, 9)
    charges = price(VERSION, {bucket: energy[:, bucket - 1].tolist() for bucket in (1, 2, 3)})
    return [sum(line.net_amount for line in charges.explain(bill)) for bill in range(len(energy))]


def model() -> Any:
    """Make PySAM's model of the tariff."""
    made = Utilityrate5.new()
    made.Lifetime.analysis_period = 1
    made.Lifetime.inflation_rate = 0
    made.Lifetime.system_use_lifetime_output = 0
    made.SystemOutput.gen = [0] * (DAYS * 48)
    made.SystemOutput.degradation = [0]
    made.Load.load_escalation = [0]
    rates = made.ElectricityRates
    for name in (
        "ur_metering_option", "ur_monthly_fixed_charge", "ur_monthly_min_charge",
        "ur_annual_min_charge", "ur_nm_yearend_sell_rate", "ur_en_ts_sell_rate",
        "ur_en_ts_buy_rate", "ur_sell_eq_buy", "ur_dc_enable", "TOU_demand_single_peak",
        "ur_enable_billing_demand",
    ):  # fmt: skip
        setattr(rates, name, 0)
    for name in ("rate_escalation", "ur_ts_sell_rate", "ur_ts_buy_rate"):
        setattr(rates, name, [0])
    rates.ur_ec_sched_weekday = [[1] * 7 + [2] * 8 + [3] * 6 + [1] * 3] * 12
    rates.ur_ec_sched_weekend = [[1] * 24] * 12
    rates.ur_ec_tou_mat = [[n, 1, 1e38, 0, float(rate), 0] for n, rate in enumerate(RATES, 1)]
    return made


def measure() -> list[Figure]:
    """Measure both in turn, meter-months a second."""
    days, known, theirs = register_days(), terms(), model()
    kilowatts = [(row * 2 / 1000).tolist() for row in LOAD[:20]]
    ours, limits = [], []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        bills = billed(days, known)
        ours.append(METERS * 12 / (time.perf_counter() - begin))
        spent = 0.0
        for meter, load in enumerate(kilowatts):
            theirs.Load.load = load
            begin = time.perf_counter()
            theirs.execute()
            spent += time.perf_counter() - begin
            for month, bill in enumerate(theirs.Outputs.year1_monthly_utility_bill_wo_sys):
                assert abs(float(bills[meter * 12 + month]) - bill) < 0.02
        limits.append(len(kilowatts) * 12 / spent)
    return [
        Figure(
            "determinants and priced bills, explained, in memory", "meter-months/s", median(ours),
            median(limits), "PySAM utilityrate5, C++ and floats, same tariff and load", 2,
        )
    ]  # fmt: skip


if __name__ == "__main__":
    for figure in measure():
        print(figure, f"ratio {figure.ratio:.2f}")
