"""The shapes of usage: questions, rows, and what is refused."""

from datetime import date, datetime

import msgspec

from currant.tariffs.calendars import Calendar


class PricedPeriod(msgspec.Struct, frozen=True, gc=False):
    """What is priced at once: an agreement in [start_at, end_at), under one version of its plan.

    `calendar` is the place of its calendar among those that are asked with; `demand_minutes` is
    the averaging interval of demand. `with_losses`: imported energy is told as it was fed in.
    """

    item: int
    agreement_id: int
    start_at: datetime
    end_at: datetime
    calendar: int = 0
    demand_minutes: int = 30
    with_losses: bool = True


class DeterminantsWanted(msgspec.Struct, frozen=True):
    """The periods to be priced, and the calendars that they name."""

    periods: list[PricedPeriod]
    calendars: tuple[Calendar, ...]


class PeriodFacts(msgspec.Struct, frozen=True, gc=False):
    """How long the streams of a period should have measured, and its loss factor in millionths."""

    item: int
    expected_minutes: int
    loss_millionths: int


class Stream(msgspec.Struct, frozen=True, gc=False):
    """A register with intervals that measures an item, while its meter hangs there.

    `clock` is in minutes ahead of UTC, `direction` 1 for import and -1 for export.
    """

    item: int
    clock: int
    direction: int
    start_at: datetime
    end_at: datetime


class CopiedDay(msgspec.Struct, frozen=True):
    """A day of a stream, told by its number, as it is copied out; null: not known."""

    stream: int
    day: date
    minutes: int
    estimated: bool
    values: list[int | None]
