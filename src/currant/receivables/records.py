"""The records of a file of arrears (J12), and of adjustments that may be arrears (J30)."""

import re
from collections.abc import AsyncIterable
from datetime import tzinfo
from decimal import Decimal

from currant.clock import Instant, parse_instant
from currant.csvfile import CsvReader, Record
from currant.customers.adjustments import COLUMNS, read_amount
from currant.errors import Invalid
from currant.money import minor_units
from currant.receivables.model import ArrearsRecord

_PLAN = re.compile(r"(\d{1,3}(?:\.\d{1,2})?)%", re.ASCII)
_WHOLE = Decimal(100)


def plan_of(text: str) -> Decimal | None:
    """Read a payment plan such as `25%` or `12.5%`; None where it is none."""
    match = _PLAN.fullmatch(text)
    plan = Decimal(match[1]) if match else Decimal(0)
    return plan if 0 < plan <= _WHOLE else None


class ArrearsReader:
    """Reads such a file; timestamps of the seed's layout are in the portal's zone.

    `signed` admits negative amounts. `csv` gathers the faults; `nonstandard` asks the entrance for
    the warning about a timestamp.
    """

    def __init__(self, zone: tzinfo, currency: str, *, signed: bool = False) -> None:
        self.csv = CsvReader(COLUMNS)
        self.nonstandard = False
        self._zone = zone
        self._places = minor_units(currency)
        self._signed = signed

    async def records(self, chunks: AsyncIterable[bytes]) -> list[ArrearsRecord]:
        """Return the records of a body. Raises whatever is wrong with it."""
        return [
            record
            async for batch in self.csv.batches(chunks)
            for record in map(self._read, batch)
            if record is not None
        ]

    def _read(self, record: Record) -> ArrearsRecord | None:
        """Judge a record; None where faults of it were noted."""
        number, (key, start, amount, paid, plan) = record
        before = self.csv.refused
        started = self._start(number, start)
        owed = self._amount(number, "amount", amount, signed=self._signed)
        settled = self._amount(number, "paid", paid or "0")
        pay_plan = plan_of(plan or "100%")
        if not key:
            self.csv.refuse(number, "account", "is blank")
        if self.csv.refused == before:
            if owed == 0:
                self.csv.refuse(number, "amount", "is zero; it has to be more than nothing")
            if settled > abs(owed):
                self.csv.refuse(number, "paid", "is more than the amount")
        if pay_plan is None:
            told = f"{plan[:40]!r} is not a percentage such as 25%, to 100%"
            self.csv.refuse(number, "payplan", told)
        if pay_plan is None or self.csv.refused != before:
            return None
        at = started.at if started else None
        return ArrearsRecord(number, key, at, owed, settled, pay_plan)

    def _amount(self, number: int, column: str, text: str, *, signed: bool = False) -> Decimal:
        read = read_amount(self.csv, number, column, text, self._places, signed=signed)
        return read or Decimal(0)

    def _start(self, number: int, text: str) -> Instant | None:
        if not text:
            return None
        try:
            started = parse_instant(text, self._zone)
        except Invalid as refusal:
            self.csv.refuse(number, "startdate", refusal.detail.rstrip("."))
            return None
        self.nonstandard |= started.nonstandard
        return started
