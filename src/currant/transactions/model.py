"""The shapes of transactions: commands, rows, and what is refused."""

from datetime import datetime
from decimal import Decimal

import msgspec


class Window(msgspec.Struct, frozen=True):
    """The instants from one to before another."""

    first_at: datetime
    before: datetime


class Transaction(msgspec.Struct, frozen=True):
    """A ledger entry as statements print it; `account` and the like are `unassigned` without."""

    vendor_number: str
    login: str
    account: str
    contract: str
    customer_name: str
    serial_number: str
    entry_id: int
    kind: str
    recorded_at: datetime
    arrears_amount: Decimal
    amount: Decimal
    energy_wh: int
    tender_number: int
    tender_name: str
