"""Tariffs (price plans): rates in time, fixed charges, taxes, calendars, and who pays which.

`pricing.py` and, for bills, `bills.py` are the kernel: nothing else multiplies a quantity by a
rate. `calendars.py` tells the time-of-use bucket of an instant, `book.py` picks the rates in force.
A tariff belongs to a meter by an assignment with a beginning and an end. Whatever changes a price
gives the tariff a new revision, by which a price book in memory knows that it is stale.
"""
