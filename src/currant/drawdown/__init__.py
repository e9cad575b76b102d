"""Drawdown: usage is priced by the meter's tariff and taken from the wallet; so are fixed charges.

The usage of each calendar month is priced as a whole, and what that costs more than was posted
before is posted: rounding never drifts, and a late read posts only the difference it makes.
"""
