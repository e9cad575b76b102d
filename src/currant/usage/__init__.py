"""Usage: what accounts, sites and gate meters used between reads and in intervals.

`months.py` spreads usage over calendar months so that they add up to what was used; `spans.py` puts
together what a site used in spans of days, `gates.py` what passed a gate and was measured behind
it. Usage is never stored here: it is worked out of reads and intervals as they stand.
"""
