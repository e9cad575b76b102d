"""Usage: what accounts, sites and gate meters used between reads and in intervals.

`months.py` spreads usage over calendar months so that they add up to what was used, and carries a
demand forward; `spans.py` puts together what a site used in spans of days. Usage is never stored
here: it is worked out of reads and intervals as they stand.
"""
