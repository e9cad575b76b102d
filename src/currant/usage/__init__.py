"""Usage: what was used between reads and in intervals, and what a tariff prices of it.

`determinants.py` is stage one of the pricing kernel: from register-days to energy per time-of-use
bucket, the highest demand and the days. `months.py` spreads usage over calendar months so that they
add up to what was used, `ratchet.py` carries a demand forward. Usage is never stored here: it is
worked out of reads and intervals as they stand.
"""
