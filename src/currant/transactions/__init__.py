"""Transactions: what is done to an account's money besides selling, and the list of it all.

Arrears are paid, accounts are adjusted by file, entries are reversed with all that they moved:
wallet, arrears, units sold, batch. The entries themselves are the ledger's.
"""
