"""Interval data: one row for a register and day, as its meter data file tells it."""
