"""The shapes of determinants: what is priced, its streams, and what is copied of them."""

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


class SitePeriod(msgspec.Struct, frozen=True, gc=False):
    """A site in [start_at, end_at), whatever meters of the product hang there.

    What passed between two reads is cut where whoever is asked for was not supplied: before
    `since_at` and after `till_at`.
    """

    item: int
    location_id: int | None
    product_type: str
    start_at: datetime
    end_at: datetime
    calendar: int = 0
    demand_minutes: int = 30
    with_losses: bool = False
    since_at: datetime | None = None
    till_at: datetime | None = None


class AgreementLocated(msgspec.Struct, frozen=True, gc=False):
    """Where an agreement is supplied, and with what."""

    agreement_id: int
    location_id: int | None
    product_type: str


class DeterminantsWanted(msgspec.Struct, frozen=True):
    """The periods to be priced, and the calendars that they name."""

    periods: list[PricedPeriod]
    calendars: tuple[Calendar, ...]


class Determined(msgspec.Struct, frozen=True, gc=False):
    """What a tariff prices of a period, as numbers: a row of `layouts.DETERMINANTS` without times.

    Energy in Wh by bucket, 1 first; demand in W, the overall peak and then by bucket.
    """

    item: int
    energy_wh: list[int]
    export_wh: list[int]
    peak_w: list[int]
    intervals: int
    minutes: int
    estimated: int
    expected_minutes: int


class PeriodFacts(msgspec.Struct, frozen=True, gc=False):
    """How long the streams of a period should have measured, and its loss factor in millionths."""

    item: int
    expected_minutes: int
    loss_millionths: int | None


class Stream(msgspec.Struct, frozen=True, gc=False):
    """A register with intervals that measures an item, while its meter hangs there.

    `clock` is in minutes ahead of UTC, `direction` 1 for import and -1 for export.
    """

    item: int
    register_id: int
    clock: int
    direction: int
    start_at: datetime
    end_at: datetime


class CopiedDay(msgspec.Struct, frozen=True):
    """A day of a stream as it is copied out: which one, packed in a number, and its values."""

    packed: int
    values: list[int | None]


class DaysWanted(msgspec.Struct, frozen=True):
    """The days, both inclusive in each site's own zone, that all agreements are determined for."""

    first_day: date
    last_day: date
    demand_minutes: int = 30


class AgreementSupplied(msgspec.Struct, frozen=True, gc=False):
    """An agreement while it was supplied, and the tariff of its meters."""

    agreement_id: int
    timezone: str
    start_at: datetime
    end_at: datetime
    tariff_id: int | None
    revision: int | None
