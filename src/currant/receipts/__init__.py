"""Receipts: money that comes in besides the counter, and goes back out.

A receipt is one of a batch: of cheques, direct deposits, a bank's file. What is due first is paid
first; the rest stays to the account's credit or goes to its wallet. Where no account is known the
money waits in suspense until somebody knows. A receipt can be dishonoured or reversed, a credit
refunded, a bond taken, applied to debt and given back.
"""
