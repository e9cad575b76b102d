"""Billing: what accounts are due for the days that no invoice covers yet, put together as drafts.

The days of an agreement that are due are those of its term less those covered. What its meters
measured over them is cut into calculation periods, priced by the one kernel, joined by charges and
line items, and drafted as an invoice an account.
"""
