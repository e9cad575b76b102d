"""What is checked where a portal says nothing else."""

from decimal import Decimal

from currant.validation.model import Check, Rule, Severity

HISTORY_OF_READS = 400  # days before a span in which reads are compared with
UNREAD_DAYS = 100  # after which a register that nobody scheduled was to be read
_LEAST_HISTORY = 28
_MOST_HISTORY = 100

USUAL = {
    check.rule: check
    for check in (
        Check(Rule.SPIKE, factor=Decimal(10), days=7),
        Check(Rule.ZERO, days=7),
        Check(Rule.NEGATIVE, severity=Severity.ERROR),
        Check(Rule.GAP, days=1, severity=Severity.ERROR),
        Check(Rule.NULL, severity=Severity.ERROR),
        Check(Rule.HIGH, factor=Decimal(3), days=5),
        Check(Rule.LOW, factor=Decimal(5), days=5),
        Check(Rule.ROLLOVER),
        Check(Rule.SUM, factor=Decimal("0.1")),
    )
}


def history_days(span: int) -> int:
    """Return how many days before a span are looked at: as many, within bounds."""
    return max(_LEAST_HISTORY, min(span, _MOST_HISTORY))
