"""The double-entry ledger: chart of accounts, entries, postings, balances, periods.

It holds money in each portal's currency and energy in Wh, side by side. An *entry* is one event;
its *postings* sum to zero in every commodity, debits positive. Nothing is edited: a correction is
a reversal. Higher domains write through two SQL functions, `ledger.post` and `ledger.reverse`;
the posting rules L1-L20 (conformance.md 10.2) are theirs to state.
"""
