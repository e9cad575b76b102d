"""Adjustments: what an account is credited or debited with besides bills and receipts.

The reason of an adjustment decides which of the two it is, whether tax is in it, and the chart
account on its other side. One that is entered waits for somebody else to approve it; who may
approve can also post one at once, within the special limit. Posted, a credit settles what the
account owes and a debit is owed by it.
"""
