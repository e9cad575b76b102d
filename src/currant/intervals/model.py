"""The shapes of interval data: files, register-days, faults, and what is refused."""

from currant.errors import Invalid


class IntervalLengthUnknown(Invalid, constraint="interval_length_known"):
    """An interval lasts 5, 10, 15, 30 or 60 minutes. Nothing was stored."""


class IntervalsMissing(Invalid, constraint="intervals_fill_the_day"):
    """The intervals of a day fill it, each with a quantity. Nothing was stored."""


class QualityMalformed(Invalid, constraint="quality_of_intervals"):
    """A day has one quality flag, or one for each interval: A, S, F, E or N. Nothing was stored."""


class IntervalSourceUnknown(Invalid, constraint="interval_source_known"):
    """Interval data is of a NEM12 file, estimated or edited. Nothing was stored."""
