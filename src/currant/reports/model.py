"""The shapes of what is asked across the domains."""

from datetime import date, datetime
from decimal import Decimal

import msgspec


class JournalsWanted(msgspec.Struct, frozen=True):
    """The journals of the months from `first` to `last`, both their first days.

    Maybe of one building, and of the lines only `how_many` beyond the first `beyond`.
    """

    first: date
    last: date
    building_code: str | None = None
    how_many: int | None = None
    beyond: int = 0


class JournalTotal(msgspec.Struct, frozen=True):
    """What journals debit and credit a chart account, and by how many lines."""

    gl_code: str
    gl_description: str
    currency: str
    debit: Decimal
    credit: Decimal
    line_count: int


class JournalSummary(msgspec.Struct, frozen=True):
    """All journals in sum: debits equal credits. They are final where every month is closed."""

    total_debit: Decimal
    total_credit: Decimal
    line_count: int
    closed: bool


class LeftOpen(msgspec.Struct, frozen=True):
    """What waits for somebody when a month is closed, and how many there are of it."""

    what: str
    how_many: int


class MonthClosed(msgspec.Struct, frozen=True):
    """A month as it was closed, and what was left open in it."""

    month: date
    closed_at: datetime
    closed_by: str
    left_open: list[LeftOpen]


class NoticesWanted(msgspec.Struct, frozen=True):
    """Which messages: below an id, how many, and what all of them have in common.

    `first_at` and `until` bound when they were queued.
    """

    before: int
    how_many: int
    channel: str | None = None
    status: str | None = None
    account: str | None = None
    first_at: datetime | None = None
    until: datetime | None = None


class NoticeLogged(msgspec.Struct, frozen=True):
    """A message and what became of it, with the account and the building that it concerns."""

    message_id: int
    channel: str
    account_number: str | None
    account_name: str | None
    site_code: str | None
    site_name: str | None
    recipient: str
    from_address: str
    subject: str
    message_content: str
    document_number: str | None
    amount: Decimal | None
    status: str
    queued_at: datetime
    sent_at: datetime | None
    tries: int
    trouble: str
