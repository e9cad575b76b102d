"""What was measured at sites in periods: between reads, or by days of intervals."""

from datetime import date

import msgspec

from currant.usage.model import (
    Basis,
    MonthUsage,
    RegisterShown,
    SiteOfAccount,
)
from currant.usage.months import Segment, Share, by_day, by_month, first_of, next_month


class Measured(msgspec.Struct, frozen=True):
    """What is known of a register in a period: between reads, and by days where it has intervals.

    Of a segment it is told whether it was cut. `partial` are the days of which intervals are
    missing, so that they do not count as days, though what is known of them is told.
    """

    item: int
    register: RegisterShown
    loss_millionths: int | None
    segments: list[tuple[Segment, bool]]
    days: dict[date, int]
    partial: frozenset[date]

    def by_day(self) -> list[tuple[date, int]]:
        """Return what was used on each day, as far as the reads reach."""
        spread = [told for segment, _ in self.segments for told in by_day(segment)]
        return [*spread, *self.days.items()]

    def by_month(self, site: SiteOfAccount, first: date, last: date) -> list[MonthUsage]:
        """Return what was used at its site in the months from a first day to a last."""
        months: dict[date, tuple[int, int]] = {}
        shares = [share for segment, _ in self.segments for share in by_month(segment)]
        shares += [
            Share(first_of(day), int(day not in self.partial), wh) for day, wh in self.days.items()
        ]
        for share in shares:
            days, quantity = months.get(share.month, (0, 0))
            months[share.month] = (days + share.days, quantity + share.quantity)
        basis = Basis.INTERVAL if self.days else Basis.PRORATA
        return [
            MonthUsage(
                site, self.register, month, (next_month(month) - month).days, days, quantity, basis
            )
            for month, (days, quantity) in sorted(months.items())
            if first <= month <= last
        ]
