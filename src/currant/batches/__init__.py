"""Cashier batches: what a cashier takes from the first tender until it is counted.

A batch is opened by the first tender that is taken and closed with a count of each kind of tender;
what is over or short is posted. The vending limit runs until then. A second user approves it.
Who takes money does so through two SQL functions, `batches.take` and `batches.give_back`.
"""
