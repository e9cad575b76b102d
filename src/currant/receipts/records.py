"""The records of a file of receipts."""

from collections.abc import AsyncIterable
from datetime import date

from currant.clock import parse_day
from currant.csvfile import Column, CsvReader, Record
from currant.customers.adjustments import read_amount
from currant.errors import Invalid
from currant.receipts.model import BatchType, NewReceipt

COLUMNS = (
    Column("account", required=True),
    Column("date", required=True),
    Column("amount", required=True),
    Column("reference", verbatim=True),
)


class ReceiptReader:
    """Reads such a file, whose receipts came in one way and are one batch."""

    def __init__(self, batch_type: BatchType, batch_name: str, places: int) -> None:
        self.csv = CsvReader(COLUMNS)
        self._batch_type = batch_type
        self._batch_name = batch_name
        self._places = places

    async def records(self, chunks: AsyncIterable[bytes]) -> list[NewReceipt]:
        """Return the receipts of a body. Raises whatever is wrong with it."""
        return [
            receipt
            async for batch in self.csv.batches(chunks)
            for receipt in map(self._read, batch)
            if receipt is not None
        ]

    def _read(self, record: Record) -> NewReceipt | None:
        """Judge a record; None where faults of it were noted."""
        number, (account, day, text, reference) = record
        received_on = self._day(number, day)
        amount = read_amount(self.csv, number, "amount", text, self._places)
        if not account:
            self.csv.refuse(number, "account", "is blank")
        if received_on is None or amount is None or not account:
            return None
        return NewReceipt(
            self._batch_type, account, received_on, amount, reference, self._batch_name
        )

    def _day(self, number: int, text: str) -> date | None:
        try:
            return parse_day(text)
        except Invalid as refusal:
            self.csv.refuse(number, "date", refusal.detail.rstrip("."))
            return None
