"""Basic reads: of registers that somebody reads, by site, meter and date.

They are posted one by one or in NEM13 files and judged in `reads`, as every read is; `posted.py`
tells on which day a read is dated.
"""
